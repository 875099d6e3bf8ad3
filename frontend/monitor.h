/*
 * The monitor's commands: one table of them serves the monitor's transports, the window's
 * menu, gdb's "monitor" and scripts.  Names are QEMU's where QEMU has the command.
 */
#ifndef FRONTEND_MONITOR_H
#define FRONTEND_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

struct session;

/*
 * Runs one command line, between runs of the machine.  Words are separated by blanks; "..."
 * keeps blanks, with \" and \\ in it.  What it has to say comes as text in pieces, lines ended
 * by \n; output may be NULL.  False: it could not be done (the text says what, why, what to try).
 * An empty line does nothing and is true.
 */
bool monitor_execute(struct session *session, const char *line,
		     void (*output)(void *user, const char *text), void *user);

/*
 * What the last word of an unfinished line could be: calls found with each whole word, up
 * to some hundreds.  Returns where in line that word begins.
 */
size_t monitor_complete(struct session *session, const char *line,
			void (*found)(void *user, const char *word), void *user);

/* Puts "..." around text where monitor_execute needs it; false: it does not fit into size. */
bool monitor_quote(char *quoted, size_t size, const char *text);

#endif
