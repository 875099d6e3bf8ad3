/* A machine while it runs: its channels, keys, display and clock, and how it ended. */
#ifndef FRONTEND_SESSION_H
#define FRONTEND_SESSION_H

#include <clearbox/machine.h>

#include "audio.h"
#include "display.h"
#include "drives.h"
#include "gdb.h"
#include "keys.h"
#include "monitor_debug.h"
#include "monitor_port.h"
#include "network.h"
#include "options.h"
#include "pacing.h"
#include "script.h"
#include "serial.h"
#include "symbols.h"

enum { CHANNEL_PARALLEL = OPTIONS_SERIAL_MAX, CHANNEL_DEBUG, CHANNEL_MIDI, CHANNELS };

struct session {
	const struct options *options;
	struct cbx_machine *machine;
	struct display *display;
	struct drives drives;
	struct monitor_port monitor;
	struct gdb_server gdb;
	struct monitor_debug *debug;    /* the monitor's breakpoints and traces; NULL: none yet */
	struct symbols symbols;
	struct channel channels[CHANNELS];      /* the serial ports first */
	struct network networks[CBX_CARDS];
	struct audio *audio;            /* NULL: nobody listens */
	struct key_queue keys;
	unsigned mouse_buttons;         /* that the monitor holds down */
	struct type_option type[OPTIONS_TYPE_MAX];      /* in the order of their times */
	unsigned type_next;
	struct pacing pacing;
	struct script *script;          /* NULL: none */
	bool idle;                      /* the processor is halted */
	bool paused;                    /* nothing runs: the monitor or a debugger has stopped the machine */
	struct cbx_stop stop;           /* how the last run ended */
	bool catch_triple;              /* a triple fault stops the machine for the monitor instead of a reset */
	bool quit;                      /* the monitor has been told to end the program */
	unsigned searches;              /* slices that the search back has taken */
	uint64_t work_time, update_time, end_time;      /* host ns */
	uint64_t instructions;          /* executed so far */
};

/*
 * Runs the machine to its end.  Returns the program's exit code; when there is more to
 * say than the code, it is in message.
 */
int session_run(struct session *session, char *message, size_t message_size);

/*
 * Around each call of cbx_reverse_continue: after a while, or when something comes from the descriptor
 * input (-1: none), it ends with CBX_STOP_REQUEST, and another call goes on.  over: there is none.
 */
void session_search_begin(struct session *session, int input);
void session_search_end(struct session *session, bool over);
/* Between such calls: the display is drawn, and may ask for an end of it (false). */
bool session_search_pause(struct session *session);

/* For a signal handler: ends session_run soon, with exit code 128 + number. */
void session_signal(int number);

#endif
