/* Breakpoints, watchpoints, traces and the like that the monitor has set. */
#ifndef FRONTEND_MONITOR_DEBUG_H
#define FRONTEND_MONITOR_DEBUG_H

#include <stdbool.h>

struct session;

/* A run ended at a breakpoint, watchpoint or hook: tells the monitors why, if it was one of theirs. */
void monitor_debug_stopped(struct session *session);
/* Takes all of them away; before the machine is freed. */
void monitor_debug_free(struct session *session);

/* The chain of exceptions that ended in a triple fault, or just the last one, in sentences. */
void monitor_autopsy(struct session *session, void (*output)(void *user, const char *text), void *user);

#endif
