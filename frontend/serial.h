/* What stands behind serial ports, the parallel port and the debug console on the host. */
#ifndef FRONTEND_SERIAL_H
#define FRONTEND_SERIAL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clearbox/backend.h>

#include "options.h"

struct channel {
	struct channel_option option;
	const char *label;              /* "serial0": for messages */
	int in, out;                    /* -1: nobody there now */
	int listener;
	int keep_open;                  /* the far side of a pty, so that it never hangs up */
	bool input;                     /* bytes from the host are wanted */
	bool prefix;                    /* stdio: Ctrl-A was typed */
	bool terminal;                  /* stdio is one: Ctrl-A commands */
	bool end;                       /* no more input */
	bool deaf;                      /* it has not read for long: nobody waits for it any more */
	bool monitor;                   /* Ctrl-A C: what is typed is the monitor's */
	uint8_t to_monitor[1024];
	size_t monitor_count;
	uint8_t from_host[1024];        /* read, not yet taken by the machine */
	size_t from_first, from_count;
	uint8_t to_host[4096];
	size_t to_count;
};

/* Opens it; complains on standard error and returns false if that is not possible. */
bool channel_open(struct channel *channel, const struct channel_option *option, const char *label,
		  bool input);
void channel_close(struct channel *channel);
/* What the machine is given; write is NULL if the channel is unset. */
struct cbx_character_backend channel_backend(struct channel *channel);

/* Adds what to wait for to fds, which has room for two more. */
unsigned channel_poll(struct channel *channel, struct pollfd *fds);
enum channel_event { CHANNEL_NOTHING, CHANNEL_QUIT, CHANNEL_POWER_BUTTON, CHANNEL_CTRL_ALT_DEL };
/* Accepts, reads what is there, sends what waits. */
enum channel_event channel_work(struct channel *channel);
void channel_flush(struct channel *channel);

/* ---- The terminal the program runs in --------------------------------------------- */

/* Raw: every key is the guest's.  terminal_restore may be called at any time, twice too. */
void terminal_raw(void);
void terminal_restore(void);

#endif
