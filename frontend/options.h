/* What the user asked for: the program's command line as a struct. */
#ifndef FRONTEND_OPTIONS_H
#define FRONTEND_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "audio_options.h"
#include "config_file.h"
#include "gdb_options.h"
#include "network_options.h"

enum { OPTIONS_TYPE_MAX = 64, OPTIONS_SERIAL_MAX = 4 };

/* What stands behind a serial port and its like. */
struct channel_option {
	enum { CHANNEL_UNSET, CHANNEL_NULL, CHANNEL_STDIO, CHANNEL_FILE, CHANNEL_PTY, CHANNEL_TCP,
	       CHANNEL_UNIX } kind;
	bool server, wait;              /* TCP, UNIX: listen; and do not start before somebody is there */
	char path[256];                 /* FILE, UNIX: the name; TCP: the host */
	char port[32];                  /* TCP */
};

/* -type: keys pressed at a moment of guest time. */
struct type_option {
	double seconds;
	const char *text;
};

enum display_option { DISPLAY_DEFAULT, DISPLAY_NONE, DISPLAY_TERMINAL, DISPLAY_SDL };
enum pace_option { PACE_DEFAULT, PACE_NONE, PACE_IDLE, PACE_REAL, PACE_MAX };

/* -display sdl,... */
struct window_option {
	bool integer, full_screen;
	uint8_t menu;                   /* the menu key's usage; 0: F12 */
};

struct options {
	uint64_t memory_bytes;
	const char *cpu;
	const char *floppy[2], *disk[4], *cdrom, *bare;
	const char *kernel, *initrd, *append, *bios, *vga_bios;
	const char *option_rom[CBX_OPTION_ROMS];
	unsigned option_rom_count;
	char boot_order[8];             /* "": the default */
	struct channel_option serial[OPTIONS_SERIAL_MAX], parallel, debug_console, midi, monitor;
	unsigned serial_count;
	struct gdb_option gdb;
	bool stopped;                   /* -S: nothing runs before somebody says so */
	struct nic_option nic[CBX_CARDS];
	unsigned nic_count;
	struct audio_option audio;
	struct sound_option sound;
	enum display_option display;
	struct window_option window;
	enum pace_option pace;
	double speed;                   /* guest seconds in one of the host's, with PACE_REAL; 0: 1 */
	bool snapshot, no_reboot;
	bool bare_machine;              /* -nodefaults: without the empty CD drive */
	bool rtc_set;
	int64_t rtc_time;               /* seconds since 1970 on the guest's clock, with rtc_set */
	bool rtc_local;
	unsigned debug_exit_port, debug_exit_size;
	const char *screenshot, *screen_text, *log, *load_state;
	double timeout;                 /* host seconds; 0: none */
	const char *script;             /* NULL: none */
	uint64_t instructions;          /* 0: no limit */
	uint64_t history_bytes;         /* 0: none is kept */
	struct type_option type[OPTIONS_TYPE_MAX];
	unsigned type_count;
	struct config config;           /* of -f: the texts that strings point into */
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/*
 * argv[0] is the program's name.  Strings in *options point into argv and the files of -f.  Help and version
 * go to out (OPTIONS_DONE), complaints to errors (OPTIONS_BAD): what, why, what to try.
 */
enum options_result options_parse(struct options *options, int argc, char **argv, FILE *out,
				  FILE *errors);
void options_free(struct options *options);

/* The exit codes of the program.  A guest's own (isa-debug-exit) are odd, these are even. */
enum exit_code {
	EXIT_GUEST_OFF = 0,             /* powered off, or reset with -no-reboot, or the user quit */
	EXIT_USAGE = 2,
	EXIT_CANNOT_OPEN = 4,           /* a file, disk, socket or terminal */
	EXIT_INTERNAL = 6,              /* the machine could not be made */
	EXIT_TIMEOUT = 8,
	EXIT_INSTRUCTIONS = 10,
	EXIT_TRIPLE_FAULT = 12,         /* with -no-reboot */
	EXIT_HALTED = 14,               /* for ever: interrupts off */
	EXIT_UNSUPPORTED = 16,          /* the guest needs what Clearbox does not have */
	EXIT_HOST_MEMORY = 18,
	EXIT_OUTPUT = 20,               /* -screenshot or -screen-text could not be written */
	EXIT_SCRIPT = 22                /* -script: something did not come or could not be done */
};

#endif
