/* Where monitor commands come from: standard input, a Unix socket, or Ctrl-A C in this terminal. */
#ifndef FRONTEND_MONITOR_PORT_H
#define FRONTEND_MONITOR_PORT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor_commands.h"
#include "options.h"

struct session;
struct line_editor;

/* One of those who give commands. */
struct monitor_link {
	int in, out;                    /* -1: free */
	bool end;                       /* nothing more comes */
	bool nul, skip;                 /* of the line that is coming: it has a NUL, it is too long */
	bool broken;                    /* it does not read, or is gone */
	char line[MONITOR_LINE];
	size_t count;
	char *waiting;                  /* output that it has not taken yet */
	size_t waiting_count, waiting_room;
};

enum { MONITOR_LINKS = 4, MONITOR_POLL_MAX = MONITOR_LINKS + 2 };

struct monitor_port {
	struct channel_option option;
	int listener;
	struct monitor_link links[MONITOR_LINKS];
	struct monitor_link console;    /* of this terminal: standard input, or after Ctrl-A C */
	struct line_editor *editor;     /* NULL: plain lines */
	bool console_open;
	bool console_shared;            /* by Ctrl-A C: its bytes come through monitor_port_bytes */
};

/* Opens what -monitor says; complains and returns false if that cannot be. */
bool monitor_port_open(struct monitor_port *port, const struct channel_option *option);
void monitor_port_close(struct monitor_port *port);

/* What to wait for; fds has room for MONITOR_POLL_MAX. */
unsigned monitor_port_poll(const struct monitor_port *port, struct pollfd *fds);
/* Takes commands and carries them out. */
void monitor_port_work(struct session *session);

/* For everybody at a monitor (user is the session): why the machine has stopped. */
void monitor_port_notice(void *user, const char *text);

/* Ctrl-A C: this terminal is the monitor's from now on, or is not any more. */
void monitor_port_console(struct session *session, bool open);
/* Bytes that were typed while it is. */
void monitor_port_bytes(struct session *session, const uint8_t *bytes, size_t count);

/* ---- line_editor.c: libedit; without it line_editor_new gives NULL ---- */
struct line_editor *line_editor_new(struct session *session);
void line_editor_free(struct line_editor *editor);
/* Shows the prompt; gives the terminal back. */
void line_editor_begin(struct line_editor *editor);
void line_editor_end(struct line_editor *editor);
/* Takes typed bytes; each whole line goes to take. */
void line_editor_bytes(struct line_editor *editor, const uint8_t *bytes, size_t count,
		       void (*take)(void *user, const char *line), void *user);

#define MONITOR_PROMPT "(clearbox) "

#endif
