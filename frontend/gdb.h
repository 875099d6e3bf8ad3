/* The way of gdb's bytes: a TCP port or a Unix socket that listens, or standard input and output. */
#ifndef FRONTEND_GDB_H
#define FRONTEND_GDB_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clearbox/gdb.h>

#include "gdb_options.h"

struct session;

enum { GDB_POLL_MAX = 2 };

struct gdb_server {
	struct gdb_option option;
	struct session *session;
	struct cbx_gdb *gdb;            /* NULL: there is no server */
	int listener, in, out;          /* -1: none */
	bool attached;                  /* the protocol knows of a connection */
	bool held;                      /* the machine was, for gdb, when it was last looked at */
	size_t waiting_count;
	uint8_t waiting[65536];         /* bytes that gdb has not taken yet */
};

/* Opens what -gdb says, for the session's machine; complains and returns false if that cannot be. */
bool gdb_server_open(struct gdb_server *server, const struct gdb_option *option, struct session *session);
void gdb_server_close(struct gdb_server *server);
/* Is there a gdb that debugs? */
bool gdb_server_attached(const struct gdb_server *server);
/* What to wait for; fds has room for GDB_POLL_MAX. */
unsigned gdb_server_poll(const struct gdb_server *server, struct pollfd *fds);
/* Takes what gdb sent; pauses the session, or lets it go on, as gdb wants. */
void gdb_server_work(struct gdb_server *server);
/*
 * cbx_run, with gdb in charge.  *held: the run ended for gdb, which knows why, and the session is paused.
 */
enum cbx_status gdb_server_run(struct gdb_server *server, const struct cbx_run_options *options,
			       struct cbx_stop *stop, bool *held);

#endif
