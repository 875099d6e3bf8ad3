/* Scripts: -script FILE drives the machine and looks at what it does, all in guest time. */
#ifndef FRONTEND_SCRIPT_H
#define FRONTEND_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

struct session;
struct script;

/* Reads and checks a script; "-" is standard input.  NULL: it cannot be run, and complained why. */
struct script *script_open(const char *name);
void script_close(struct script *script);

/* Guest time (ns) of what the script does next; UINT64_MAX: nothing any more. */
uint64_t script_due(const struct script *script);
/* Does what is due.  True: the machine got something. */
bool script_work(struct script *script, struct session *session);
/* True: the program is to end, with this exit code. */
bool script_ended(const struct script *script, int *code);
/* The machine has ended, with this exit code; what the program's is then (the script may have waited). */
int script_machine_ended(struct script *script, int code);

#endif
