/*
 * A gdb server without sockets: the remote serial protocol as a state machine over bytes.  The
 * embedder carries the bytes between it and a gdb, by whatever means it has, and lets it run the
 * machine in the place of cbx_run.  What can be done with it is in docs/debugging.md.
 *
 *	cbx_gdb_new(machine, &options, &gdb);
 *	cbx_gdb_connected(gdb, true);
 *	while (cbx_gdb_state(gdb) != CBX_GDB_KILLED) {
 *		if (cbx_gdb_state(gdb) != CBX_GDB_STOPPED)
 *			cbx_gdb_run(gdb, &run, &stop);
 *		count = (read what there is; wait for it when stopped);
 *		cbx_gdb_receive(gdb, bytes, count);
 *	}
 *	cbx_gdb_free(gdb);
 *
 * The peer is not trusted with the host: whatever bytes come, it can do to the machine what a
 * debugger can, and nothing else.
 */
#ifndef CLEARBOX_GDB_H
#define CLEARBOX_GDB_H

#include "machine.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cbx_gdb;

/* What the target description calls the processor; every register can be reached in each of them. */
enum cbx_gdb_architecture {
	CBX_GDB_PROCESSOR,              /* x86-64 if it has long mode, else i386 */
	CBX_GDB_MODE,                   /* by the code segment when gdb asks: i8086, i386 or x86-64 */
	CBX_GDB_I8086, CBX_GDB_I386, CBX_GDB_X86_64
};

/* Set size to sizeof(struct cbx_gdb_options). */
struct cbx_gdb_options {
	size_t size;
	/* Bytes for gdb, in order; all of them are to be sent.  Called by the functions below. */
	void (*send)(void *user, const void *bytes, size_t count);
	/*
	 * gdb's "monitor LINE"; each output call gives it text to show.  The machine is stopped.
	 * NULL: there are no commands but the server's own, "monitor gdb ...".
	 */
	void (*monitor)(void *user, const char *line,
			void (*output)(void *output_user, const char *text), void *output_user);
	void *user;
	enum cbx_gdb_architecture architecture;
	bool physical;                  /* addresses of memory and breakpoints are physical at first */
};

enum cbx_gdb_state {
	CBX_GDB_DETACHED,               /* nobody debugs: the machine runs */
	CBX_GDB_RUNNING,
	/* Running, backwards.  After cbx_request_stop the next cbx_gdb_run goes on with the search. */
	CBX_GDB_REVERSING,
	CBX_GDB_STOPPED,                /* the machine is not to be run */
	CBX_GDB_KILLED                  /* gdb said "kill": the embedder should end the machine */
};

/*
 * A server for a machine, detached.  options is copied.  It is to be freed before the machine, and
 * allocates by the machine's allocator.  Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_gdb_new(struct cbx_machine *machine,
				    const struct cbx_gdb_options *options, struct cbx_gdb **gdb);
/* Takes its breakpoints away, too.  NULL does nothing. */
CBX_API void cbx_gdb_free(struct cbx_gdb *gdb);
/*
 * A gdb has connected (the machine is stopped for it, the protocol begins anew), or its connection
 * has gone (its breakpoints go, the machine runs on).  Not during a run.
 */
CBX_API void cbx_gdb_connected(struct cbx_gdb *gdb, bool connected);
/* Bytes that gdb sent, cut up in any way.  Not during a run.  Replies come by send. */
CBX_API void cbx_gdb_receive(struct cbx_gdb *gdb, const void *bytes, size_t count);
/* Who has the machine; for NULL, CBX_GDB_DETACHED. */
CBX_API enum cbx_gdb_state cbx_gdb_state(const struct cbx_gdb *gdb);
/*
 * cbx_run with the debugger in charge: runs the machine by the options given until they say so, or
 * something happens that gdb is to be told, or what gdb asked for (a step) is done: the state is
 * CBX_GDB_STOPPED then and gdb knows.  With a history (history.h) gdb can go back, too.  Triple
 * faults stop when a gdb is there.  After CBX_STOP_POWER_OFF and CBX_STOP_EXIT gdb is told that the
 * machine has ended.  options and stop may be NULL.  Errors: CBX_ERROR_STATE (stopped),
 * CBX_ERROR_ARGUMENT, and as cbx_run.
 */
CBX_API enum cbx_status cbx_gdb_run(struct cbx_gdb *gdb, const struct cbx_run_options *options,
				    struct cbx_stop *stop);
/*
 * Stops a machine that runs, between runs, as Ctrl-C in gdb does: gdb is told that it was interrupted.
 */
CBX_API void cbx_gdb_interrupt(struct cbx_gdb *gdb);

#ifdef __cplusplus
}
#endif
#endif
