/*
 * The command line: one table of options, from which parsing, help and the suggestions
 * for misspelt ones are made.  QEMU's spellings where QEMU has the option.  What values
 * are made of is in options_values.c and options_channels.c, files of options in options_files.c.
 */
#include "options_table.h"

#include "keys.h"
#include "nearest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <clearbox/machine.h>

/* ---- Options, one function each ------------------------------------------------------- */

static enum options_result parse_memory(struct context *context, const char *value)
{
	const char *end;
	uint64_t number;
	unsigned shift = 20;

	if (!strncmp(value, "size=", 5))
		value += 5;
	if (!option_number(value, &number, &end))
		return bad(context, value, "not a size", "try -m 256 (MiB), or -m 2G");
	switch (toupper((unsigned char)*end)) {
	case 'K':
		shift = 10;
		end++;
		break;
	case 'M':
		end++;
		break;
	case 'G':
		shift = 30;
		end++;
		break;
	}
	if (*end || number > UINT64_MAX >> shift)
		return bad(context, value, "not a size", "try -m 256 (MiB), or -m 2G");
	number <<= shift;
	if (number < 1u << 20 || number > 64ull << 30 || number % 4096)
		return bad(context, value, "a machine has from 1 MiB to 64 GiB of memory",
			   "try -m 256");
	context->options->memory_bytes = number;
	return OPTIONS_RUN;
}

/* Names in lines of at most 78 characters. */
static void list_names(FILE *out, const char *(*name)(unsigned n))
{
	size_t column = 0;

	for (unsigned n = 0; name(n); n++) {
		size_t length = strlen(name(n));

		if (column && column + 1 + length > 78) {
			fputc('\n', out);
			column = 0;
		}
		column += (size_t)fprintf(out, column ? " %s" : "  %s", name(n));
	}
	fputc('\n', out);
}

static enum options_result parse_cpu(struct context *context, const char *value)
{
	struct cbx_error error;

	if (!strcmp(value, "help") || !strcmp(value, "?")) {
		fputs("Models:\n", context->out);
		for (unsigned n = 0; cbx_cpu_model(n); n++)
			fprintf(context->out, "  %s\n", cbx_cpu_model(n));
		fputs("Features, for -cpu MODEL,+FEATURE,-FEATURE:\n", context->out);
		list_names(context->out, cbx_cpu_feature);
		fputs("Vendors, for -cpu MODEL,vendor=VENDOR: intel, amd\n", context->out);
		return OPTIONS_DONE;
	}
	if (cbx_cpu_check(value, &error) != CBX_OK)
		return bad(context, value, error.text, "-cpu help lists models and features");
	context->options->cpu = value;
	return OPTIONS_RUN;
}

#define STRING_OPTION(member)                                                                   \
	static enum options_result parse_##member(struct context *context, const char *value)    \
	{                                                                                        \
		context->options->member = value;                                                \
		return OPTIONS_RUN;                                                              \
	}
STRING_OPTION(kernel)
STRING_OPTION(initrd)
STRING_OPTION(append)
STRING_OPTION(bios)
STRING_OPTION(vga_bios)
STRING_OPTION(cdrom)
STRING_OPTION(screen_text)
STRING_OPTION(log)
STRING_OPTION(load_state)
STRING_OPTION(script)

#define DRIVE_OPTION(name, member)                                                              \
	static enum options_result parse_##name(struct context *context, const char *value)      \
	{                                                                                        \
		context->options->member = value;                                                \
		return OPTIONS_RUN;                                                              \
	}
DRIVE_OPTION(fda, floppy[0])
DRIVE_OPTION(fdb, floppy[1])
DRIVE_OPTION(hda, disk[0])
DRIVE_OPTION(hdb, disk[1])
DRIVE_OPTION(hdc, disk[2])
DRIVE_OPTION(hdd, disk[3])

static enum options_result parse_boot(struct context *context, const char *value)
{
	char key[32], item[32], copy[32] = "";
	const char *order = value;

	if (strchr(value, '=')) {
		const char *list = value;

		order = copy;
		while (option_item(&list, key, sizeof(key), item, sizeof(item))) {
			if (!strcmp(key, "order") || !strcmp(key, "once"))
				memcpy(copy, item, sizeof(copy));
			else if (strcmp(key, "menu"))
				return bad(context, value, "there is order=, once= and menu=",
					   "try -boot order=dc");
		}
	}
	if (strlen(order) >= sizeof(context->options->boot_order) ||
	    strspn(order, "acdn") != strlen(order))
		return bad(context, value, "an order is made of a (floppy), c (disk), d (CD), n (network)",
			   "try -boot d");
	memcpy(context->options->boot_order, order, strlen(order) + 1);
	return OPTIONS_RUN;
}

static enum options_result parse_serial(struct context *context, const char *value)
{
	struct options *options = context->options;

	if (options->serial_count == OPTIONS_SERIAL_MAX)
		return bad(context, value, "the machine has four serial ports", "leave one -serial out");
	return option_channel(context, value, &options->serial[options->serial_count++]);
}

static enum options_result parse_parallel(struct context *context, const char *value)
{
	return option_channel(context, value, &context->options->parallel);
}

static enum options_result parse_debugcon(struct context *context, const char *value)
{
	return option_channel(context, value, &context->options->debug_console);
}

static enum options_result parse_monitor(struct context *context, const char *value)
{
	return option_monitor(context, value, &context->options->monitor);
}

static enum options_result parse_gdb(struct context *context, const char *value)
{
	char problem[512];

	if (gdb_option_parse(&context->options->gdb, value, problem, sizeof(problem)))
		return OPTIONS_RUN;
	fprintf(context->errors, "clearbox: -gdb %s: %s\n", value, problem);
	return OPTIONS_BAD;
}

static enum options_result parse_s(struct context *context, const char *value)
{
	(void)value;
	return parse_gdb(context, "tcp::1234");
}

static enum options_result parse_S(struct context *context, const char *value)
{
	(void)value;
	context->options->stopped = true;
	return OPTIONS_RUN;
}

static enum options_result parse_nic(struct context *context, const char *value)
{
	struct options *options = context->options;
	struct nic_option nic;
	char problem[512];

	if (!nic_option_parse(&nic, value, problem, sizeof(problem))) {
		fprintf(context->errors, "clearbox: -nic %s: %s\n", value, problem);
		return OPTIONS_BAD;
	}
	if (nic.kind == NIC_NONE)
		return OPTIONS_RUN;
	if (options->nic_count == CBX_CARDS)
		return bad(context, value, "the machine has four network cards", "leave one -nic out");
	options->nic[options->nic_count++] = nic;
	return OPTIONS_RUN;
}

static enum options_result parse_option_rom(struct context *context, const char *value)
{
	struct options *options = context->options;

	if (options->option_rom_count == CBX_OPTION_ROMS)
		return bad(context, value, "that is more than four of them", "leave one out");
	options->option_rom[options->option_rom_count++] = value;
	return OPTIONS_RUN;
}

/* sdl[,scale=integer|smooth][,full-screen=on|off][,menu=KEY] */
static enum options_result parse_window(struct context *context, const char *value)
{
	struct window_option *window = &context->options->window;
	const char *list = value + 3 + (value[3] == ',');
	char key[32], item[32];

	context->options->display = DISPLAY_SDL;
	while (option_item(&list, key, sizeof(key), item, sizeof(item))) {
		bool on = !strcmp(item, "on") || !*item, off = !strcmp(item, "off");

		if (!strcmp(key, "scale") && (!strcmp(item, "integer") || !strcmp(item, "smooth"))) {
			window->integer = *item == 'i';
		} else if (!strcmp(key, "full-screen") && (on || off)) {
			window->full_screen = on;
		} else if (!strcmp(key, "menu")) {
			struct key menu = key_of_name(item, strlen(item));

			if (!menu.usage || menu.shift || menu.ctrl || menu.alt)
				return bad(context, value, "the menu's key is none", "try menu=f11 or menu=menu");
			window->menu = menu.usage;
		} else {
			return bad(context, value, "there is scale=integer or smooth, full-screen=on or off, and menu=KEY",
				   "try -display sdl,scale=integer");
		}
	}
	return OPTIONS_RUN;
}

static enum options_result parse_display(struct context *context, const char *value)
{
	static const char *const words[] = { "sdl", "terminal", "none", "curses", NULL };

	if (!strcmp(value, "sdl") || !strncmp(value, "sdl,", 4))
		return parse_window(context, value);
	if (!strcmp(value, "none"))
		context->options->display = DISPLAY_NONE;
	else if (!strcmp(value, "terminal") || !strcmp(value, "curses"))
		context->options->display = DISPLAY_TERMINAL;
	else
		return bad_word(context, value, "", words, "no such display",
				"there is sdl, terminal, and none");
	return OPTIONS_RUN;
}

static enum options_result parse_full_screen(struct context *context, const char *value)
{
	(void)value;
	context->options->window.full_screen = true;
	return OPTIONS_RUN;
}

static enum options_result parse_nographic(struct context *context, const char *value)
{
	struct options *options = context->options;

	(void)value;
	options->display = DISPLAY_NONE;
	if (!options->serial_count)
		options->serial[options->serial_count++].kind = CHANNEL_STDIO;
	return OPTIONS_RUN;
}

static enum options_result parse_snapshot(struct context *context, const char *value)
{
	(void)value;
	context->options->snapshot = true;
	return OPTIONS_RUN;
}

static enum options_result parse_no_reboot(struct context *context, const char *value)
{
	(void)value;
	context->options->no_reboot = true;
	return OPTIONS_RUN;
}

static enum options_result parse_rtc(struct context *context, const char *value)
{
	struct options *options = context->options;
	char key[32], item[64];
	const char *list = value;

	while (option_item(&list, key, sizeof(key), item, sizeof(item))) {
		if (strcmp(key, "base"))
			return bad(context, value, "there is base= only", "try -rtc base=utc");
		if (!strcmp(item, "utc")) {
			options->rtc_set = options->rtc_local = false;
		} else if (!strcmp(item, "localtime")) {
			options->rtc_set = false;
			options->rtc_local = true;
		} else if (option_date(item, &options->rtc_time)) {
			options->rtc_set = true;
		} else {
			return bad(context, value, "not a date",
				   "try base=utc, base=localtime or base=2026-11-22T10:20:30");
		}
	}
	return OPTIONS_RUN;
}

static enum options_result parse_device(struct context *context, const char *value)
{
	struct options *options = context->options;
	uint64_t port = 0x501, size = 2, number;
	const char *list = value, *end;
	char key[32], item[32], problem[256];
	bool is_sound;

	if (sound_option_parse(&options->sound, value, &is_sound, problem, sizeof(problem)))
		return OPTIONS_RUN;
	if (is_sound) {
		fprintf(context->errors, "clearbox: -device %s: %s\n", value, problem);
		return OPTIONS_BAD;
	}
	option_item(&list, key, sizeof(key), item, sizeof(item));
	if (strcmp(key, "isa-debug-exit")) {
		static const char *const words[] = { "isa-debug-exit", "sb16", "adlib", NULL };

		return bad_word(context, value, ",", words, "no such device",
				"there is sb16, adlib, and isa-debug-exit,iobase=0xf4,iosize=4");
	}
	while (option_item(&list, key, sizeof(key), item, sizeof(item))) {
		if (!option_number(item, &number, &end) || *end ||
		    (strcmp(key, "iobase") && strcmp(key, "iosize")))
			return bad(context, value, "not iobase=NUMBER or iosize=NUMBER",
				   "try -device isa-debug-exit,iobase=0xf4,iosize=4");
		*(strcmp(key, "iobase") ? &size : &port) = number;
	}
	if (!port || port > 0xffff || !size || size > 0x10000 - port)
		return bad(context, value, "ports are 1 to 65535",
			   "try -device isa-debug-exit,iobase=0xf4,iosize=4");
	options->debug_exit_port = (unsigned)port;
	options->debug_exit_size = (unsigned)size;
	return OPTIONS_RUN;
}

static enum options_result parse_nodefaults(struct context *context, const char *value)
{
	(void)value;
	context->options->sound.asked = true;
	context->options->bare_machine = true;
	return OPTIONS_RUN;
}

static enum options_result parse_midi(struct context *context, const char *value)
{
	return option_channel(context, value, &context->options->midi);
}

static enum options_result parse_audio(struct context *context, const char *value)
{
	char problem[256];

	if (audio_option_parse(&context->options->audio, value, problem, sizeof(problem)))
		return OPTIONS_RUN;
	fprintf(context->errors, "clearbox: -audio %s: %s\n", value, problem);
	return OPTIONS_BAD;
}

static enum options_result parse_screenshot(struct context *context, const char *value)
{
	size_t length = strlen(value);
	bool ppm = length > 4 && !strcasecmp(value + length - 4, ".ppm");

#ifdef HAVE_PNG
	if (!ppm && (length <= 4 || strcasecmp(value + length - 4, ".png")))
		return bad(context, value, "the name says neither .png nor .ppm",
			   "try -screenshot screen.png");
#else
	if (!ppm)
		return bad(context, value, "this clearbox was built without libpng",
			   "try -screenshot screen.ppm");
#endif
	context->options->screenshot = value;
	return OPTIONS_RUN;
}

static enum options_result parse_history(struct context *context, const char *value)
{
	uint64_t mebibytes;
	const char *end;

	if (!option_number(value, &mebibytes, &end) || *end || mebibytes > UINT64_C(1) << 24)
		return bad(context, value, "not a number of MiB", "try -history 256");
	context->options->history_bytes = mebibytes << 20;
	return OPTIONS_RUN;
}

static enum options_result parse_timeout(struct context *context, const char *value)
{
	const char *end;

	if (!option_seconds(value, &context->options->timeout, &end) || *end ||
	    context->options->timeout <= 0)
		return bad(context, value, "not a number of seconds", "try -timeout 60");
	return OPTIONS_RUN;
}

static enum options_result parse_instructions(struct context *context, const char *value)
{
	const char *end;

	if (!option_number(value, &context->options->instructions, &end) || *end ||
	    !context->options->instructions)
		return bad(context, value, "not a number of instructions",
			   "try -max-insns 1000000000");
	return OPTIONS_RUN;
}

static enum options_result parse_type(struct context *context, const char *value)
{
	struct options *options = context->options;
	struct type_option *type = &options->type[options->type_count];
	const char *end;

	if (options->type_count == OPTIONS_TYPE_MAX)
		return bad(context, value, "that is more than 64 of them", "put the texts together");
	if (!option_seconds(value, &type->seconds, &end) || *end != ':')
		return bad(context, value, "it does not begin with guest seconds and a colon",
			   "try -type '10:root\\n'");
	type->text = end + 1;
	options->type_count++;
	return OPTIONS_RUN;
}

static enum options_result parse_pace(struct context *context, const char *value)
{
	static const char *const words[] = { "none", "idle", "real", NULL };

	if (!strcmp(value, "none"))
		context->options->pace = PACE_NONE;
	else if (!strcmp(value, "idle"))
		context->options->pace = PACE_IDLE;
	else if (!strcmp(value, "real"))
		context->options->pace = PACE_REAL;
	else
		return bad_word(context, value, "", words, "no such pace",
				"there is none, idle, and real");
	return OPTIONS_RUN;
}

static enum options_result parse_speed(struct context *context, const char *value)
{
	struct options *options = context->options;
	const char *end;

	options->speed = 0;
	if (!strcmp(value, "max")) {
		options->pace = PACE_MAX;
		return OPTIONS_RUN;
	}
	options->pace = PACE_REAL;
	if (!strcmp(value, "real"))
		return OPTIONS_RUN;
	if (!option_seconds(value, &options->speed, &end) || (*end && strcmp(end, "x")) ||
	    options->speed < 0.01 || options->speed > 100)
		return bad(context, value, "a speed is real, max, or a factor from 0.01 to 100",
			   "try -speed 2 for guest seconds that take half a second");
	return OPTIONS_RUN;
}

/* The files have been read before anything else is looked at. */
static enum options_result parse_config(struct context *context, const char *value)
{
	(void)context;
	(void)value;
	return OPTIONS_RUN;
}

static enum options_result parse_write_config(struct context *context, const char *value)
{
	context->options->config.write = value;
	return OPTIONS_RUN;
}

static enum options_result parse_version(struct context *context, const char *value)
{
	(void)value;
	fprintf(context->out, "clearbox %s\n", CLEARBOX_VERSION);
	return OPTIONS_DONE;
}

static enum options_result parse_help(struct context *context, const char *value);

/* ---- The table --------------------------------------------------------------------------- */

static const struct option table[] = {
	{ NULL, NULL, "The machine:", NULL },
	{ "m", "SIZE", "memory in MiB, or with K, M or G (128)", parse_memory },
	{ "cpu", "MODEL[,+FEATURE,-FEATURE]", "processor model; help lists them (max)", parse_cpu },
	{ "rtc", "base=B", "clock: utc, localtime, or a date 2026-11-22T10:20:30 (utc)", parse_rtc },
	{ "device", "D", "isa-debug-exit,iobase=0xf4,iosize=4: the guest ends the run with a code;\n"
	  "                       sb16,iobase=0x220,irq=5,dma=1,dma16=5,midi=0x330 or adlib: the sound card (sb16)",
	  parse_device },
	{ "nodefaults", NULL, "no sound card and no CD drive, unless -device and -cdrom name them", parse_nodefaults },
	{ NULL, NULL, "Disks (raw images or block devices; written to, unless -snapshot):", NULL },
	{ "fda", "FILE", "floppy in drive A", parse_fda },
	{ "fdb", "FILE", "floppy in drive B", parse_fdb },
	{ "hda", "FILE", "hard disk, primary master (so is a FILE without an option)", parse_hda },
	{ "hdb", "FILE", "hard disk, primary slave", parse_hdb },
	{ "hdc", "FILE", "hard disk, secondary master", parse_hdc },
	{ "hdd", "FILE", "hard disk, secondary slave", parse_hdd },
	{ "cdrom", "FILE", "CD, secondary master (there is an empty drive)", parse_cdrom },
	{ "snapshot", NULL, "keep what the guest writes in memory; the images stay as they are",
	  parse_snapshot },
	{ NULL, NULL, "Booting:", NULL },
	{ "boot", "ORDER", "letters a (floppy), c (disk), d (CD), n (network), first first (cda)",
	  parse_boot },
	{ "kernel", "FILE", "Linux bzImage or multiboot ELF, started directly", parse_kernel },
	{ "initrd", "FILE", "initial RAM disk for -kernel", parse_initrd },
	{ "append", "TEXT", "command line for -kernel", parse_append },
	{ "bios", "FILE", "another system BIOS, such as SeaBIOS", parse_bios },
	{ "vgabios", "FILE", "another VGA BIOS", parse_vga_bios },
	{ "optionrom", "FILE", "an option ROM for the firmware to run, repeatable", parse_option_rom },
	{ "option-rom", "FILE", "the same", parse_option_rom },
	{ "loadvm", "FILE", "go on from a state that the monitor's savevm saved", parse_load_state },
	{ "no-reboot", NULL, "end when the guest resets, instead of starting again", parse_no_reboot },
	{ NULL, NULL, "Screen, keyboard, ports:", NULL },
	{ "display", "D", "sdl (a window), terminal (text and graphics in this terminal) or none;\n"
	  "                       sdl,scale=integer|smooth,full-screen=on,menu=KEY", parse_display },
	{ "full-screen", NULL, "the window fills the screen (Ctrl-Alt-F)", parse_full_screen },
	{ "nographic", NULL, "-display none -serial stdio", parse_nographic },
	{ "serial", "B",
	  "serial port, repeatable: stdio, null, pty, file:F, tcp:H:P[,server], unix:F[,server]",
	  parse_serial },
	{ "parallel", "B", "parallel port, as for -serial", parse_parallel },
	{ "debugcon", "B", "what the guest writes to ports E9h and 402h, as for -serial",
	  parse_debugcon },
	{ "monitor", "M", "commands (help lists them) from stdio or a socket unix:PATH; none", parse_monitor },
	{ NULL, NULL, "Debugging (docs/debugging.md):", NULL },
	{ "gdb", "G[,arch=A][,physical]", "let a gdb in: tcp::PORT (from this host), tcp:HOST:PORT, unix:PATH, stdio;\n"
	  "                       A: processor, i8086, i386, x86-64, auto (by the mode it is in)", parse_gdb },
	{ "history", "MIB", "keep so much of the past to go back in: rewind, reverse-step (monitor), gdb (0)",
	  parse_history },
	{ "s", NULL, "-gdb tcp::1234", parse_s },
	{ "S", NULL, "do not start: gdb or the monitor says when (continue, cont)", parse_S },
	{ NULL, NULL, "Network cards (repeatable; there is none without -nic):", NULL },
	{ "nic", "user[,O...]", "a network behind this host: DHCP, the host is 10.0.2.2; "
	  "hostfwd=tcp|udp:[A]:P-[A]:P\n"
	  "                       leads a port of the host to one of the guest; tftp=FOLDER, bootfile=NAME,\n"
	  "                       net=A/BITS, host=A, dns=A, dhcpstart=A, hostname=H, domainname=D,\n"
	  "                       tftp-server-name=S, restrict=on, ipv6=off", parse_nic },
	{ "nic", "tap[,ifname=I]", "an interface of this host", parse_nic },
	{ "nic", "socket,O[,O...]", "a cable to another process: listen= or connect=, "
	  "a /PATH or HOST:PORT,\n"
	  "                       or udp= and localaddr=, HOST:PORT;\n"
	  "                       all: model=ne2k_pci|ne2k_isa, mac=M, iobase=P, irq=N, capture=FILE (pcap),\n"
	  "                       romfile=FILE (to boot from the network)",
	  parse_nic },
	{ NULL, NULL, "Sound:", NULL },
	{ "midi", "B", "what the guest sends to MIDI instruments (MPU-401), as for -serial", parse_midi },
	{ "audio", "A", "sdl (loudspeakers), wav=FILE or none", parse_audio },
	{ NULL, NULL, "Typing and time:", NULL },
	{ "type", "S:TEXT",
	  "after S guest seconds type TEXT (\\n Enter, \\{f2}, \\{ctrl-c} ...), repeatable",
	  parse_type },
	{ "speed", "S", "real (guest seconds are seconds), max, or a factor such as 0.5", parse_speed },
	{ "pace", "P", "wait for the host's clock: none, idle (while the guest idles), real (always)",
	  parse_pace },
	{ NULL, NULL, "Ends and results:", NULL },
	{ "script", "FILE", "commands of the monitor, and expect, type, click, wait, screenshot, quit", parse_script },
	{ "timeout", "SECONDS", "end after so many seconds of the host", parse_timeout },
	{ "max-insns", "N", "end after so many instructions", parse_instructions },
	{ "screenshot", "FILE", "write the picture at the end, as .png or .ppm", parse_screenshot },
	{ "screen-text", "FILE", "write the text on the screen at the end (-: standard output)",
	  parse_screen_text },
	{ "log", "FILE", "write what devices have to say (-: standard error)", parse_log },
	{ "f", "FILE", "read options from a file, one a line: NAME = VALUE; those given here win", parse_config },
	{ "writeconfig", "FILE", "write all options to such a file (-: standard output) and end", parse_write_config },
	{ "version", NULL, "print the version", parse_version },
	{ "help", NULL, "print this", parse_help },
};

enum { OPTIONS = sizeof(table) / sizeof(table[0]) };

static enum options_result parse_help(struct context *context, const char *value)
{
	FILE *out = context->out;

	(void)value;
	fprintf(out, "usage: clearbox [OPTION]... [DISK]\n       clearbox doctor      (what this host has, and what is missing)\n\n"
		"Clearbox is a PC.  Without a disk or kernel it shows a demonstration of its own.\n");
	for (unsigned i = 0; i < OPTIONS; i++) {
		char left[40];

		if (!table[i].name) {
			fprintf(out, "\n%s\n", table[i].help);
			continue;
		}
		snprintf(left, sizeof(left), "-%s %s", table[i].name,
			 table[i].argument ? table[i].argument : "");
		fprintf(out, "  %-20s %s\n", left, table[i].help);
	}
	fprintf(out, "\nKeys in a window: F12 opens the menu, Ctrl-Alt-G releases the mouse, Ctrl-Alt-F\n"
		"is full screen, Ctrl-Alt-V types what the clipboard holds.\n"
		"Keys in a terminal: Ctrl-A X quits, Ctrl-A C is the monitor and back, Ctrl-A D\n"
		"presses Ctrl-Alt-Delete, Ctrl-A P the power button, Ctrl-A A types Ctrl-A.\n"
		"\nExit codes: 0 powered off or quit; 2 bad options, 4 cannot open, 6 no machine,\n"
		"8 -timeout, 10 -max-insns, 12 triple fault with -no-reboot, 14 halted for ever, 22 -script,\n"
		"16 unsupported, 18 no host memory, 20 cannot write results; odd: the guest's own.\n");
	return OPTIONS_DONE;
}

/* ---- Parsing -------------------------------------------------------------------------------- */

enum options_result option_unknown(const struct context *context, const char *given)
{
	struct nearest nearest = { .given = given };

	for (unsigned i = 0; i < OPTIONS; i++)
		if (table[i].name)
			nearest_offer(&nearest, table[i].name);
	if (nearest.word)
		fprintf(context->errors, "clearbox: -%s: no such option; did you mean -%s?\n", given,
			nearest.word);
	else
		fprintf(context->errors, "clearbox: -%s: no such option; -help lists them all\n", given);
	return OPTIONS_BAD;
}

const struct option *option_find(const char *name)
{
	for (unsigned i = 0; i < OPTIONS; i++)
		if (table[i].name && !strcmp(name, table[i].name))
			return &table[i];
	return NULL;
}

const char *option_plain_name(const char *argument)
{
	const char *name = argument + 1;

	if (*name == '-' && name[1])
		name++;
	return !strcmp(name, "h") || !strcmp(name, "?") ? "help" : name;
}

static enum options_result parse_one(struct context *context, int argc, char **argv, int *at)
{
	const char *name = option_plain_name(argv[*at]), *value = NULL;
	const struct option *option = option_find(name);

	if (!option)
		return option_unknown(context, name);
	context->name = name;
	if (option->argument && *at + 1 >= argc) {
		fprintf(context->errors, "clearbox: -%s: it needs a value; try -%s %s (%s)\n", name, name,
			option->argument, option->help);
		return OPTIONS_BAD;
	}
	if (option->argument)
		value = argv[++*at];
	if (strcmp(name, "f") && strcmp(name, "writeconfig"))
		config_note(&context->options->config, option->name, value);
	return option->parse(context, value);
}

void options_free(struct options *options)
{
	config_free(&options->config);
}

/* What fits together only by looking at several options. */
static enum options_result check(const struct context *context)
{
	struct options *options = context->options;
	unsigned users = options->parallel.kind == CHANNEL_STDIO;

	users += options->midi.kind == CHANNEL_STDIO;
	for (unsigned i = 0; i < options->serial_count; i++)
		users += options->serial[i].kind == CHANNEL_STDIO;
	users += options->debug_console.kind == CHANNEL_STDIO && !users;
	users += options->monitor.kind == CHANNEL_STDIO;
	users += options->gdb.kind == GDB_STDIO;
	if (users > 1) {
		fprintf(context->errors, "clearbox: standard input and output can serve one port only, or the "
			"monitor; try -serial file:NAME or pty, -monitor or -gdb unix:PATH for the others\n");
		return OPTIONS_BAD;
	}
	if (users && options->display == DISPLAY_TERMINAL) {
		fprintf(context->errors, "clearbox: -display terminal and stdio would both use this "
			"terminal; try -display none, or -serial pty\n");
		return OPTIONS_BAD;
	}
	if (options->cdrom && options->disk[2]) {
		fprintf(context->errors, "clearbox: -cdrom and -hdc are the same drive; "
			"try -hdb or -hdd for the disk\n");
		return OPTIONS_BAD;
	}
	if ((options->initrd || options->append) && !options->kernel) {
		fprintf(context->errors, "clearbox: -%s goes with -kernel only; try -kernel FILE\n",
			options->initrd ? "initrd" : "append");
		return OPTIONS_BAD;
	}
	return OPTIONS_RUN;
}

enum options_result options_parse(struct options *options, int argc, char **argv, FILE *out,
				  FILE *errors)
{
	struct context context = { .options = options, .out = out, .errors = errors };
	enum options_result result;
	const char *bare_from_file;

	memset(options, 0, sizeof(*options));
	options->memory_bytes = 128u << 20;
	result = options_read_files(&context, argc, argv);
	if (result != OPTIONS_RUN)
		return result;
	bare_from_file = options->bare;
	options->bare = NULL;
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1]) {
			result = parse_one(&context, argc, argv, &i);
			if (result != OPTIONS_RUN)
				return result;
		} else if (options->bare) {
			fprintf(errors, "clearbox: %s: %s is the disk already; try -hdb %s\n", argv[i],
				options->bare, argv[i]);
			return OPTIONS_BAD;
		} else {
			options->bare = argv[i];
			config_note(&options->config, "disk", argv[i]);
		}
	}
	if (!options->bare)
		options->bare = bare_from_file;
	result = check(&context);
	if (result != OPTIONS_RUN || !options->config.write)
		return result;
	return config_write(&options->config, options->config.write, errors) ? OPTIONS_DONE : OPTIONS_BAD;
}
