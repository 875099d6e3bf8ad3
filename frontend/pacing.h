/* Guest time and the host's clock: when the program sleeps instead of running the guest. */
#ifndef FRONTEND_PACING_H
#define FRONTEND_PACING_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"

/*
 * Guest time t is meant to happen at host time t + offset.  (With a factor the host's time counts
 * that many times faster.)  How offset moves is the mode:
 *
 * PACE_IDLE  A guest that is halted sleeps as long as it asked for.  One that is busy
 *            runs as fast as it can; if it gets ahead of the host, it stays ahead.
 * PACE_REAL  The same, but a busy guest that gets ahead waits for the host.
 * PACE_NONE  Nothing waits: the time a guest is halted takes no time at all.
 *
 * (PACE_DEFAULT and PACE_MAX are for options only.)
 *
 * A guest that is late, because the host was slow or its timer came late, may sleep less
 * to catch up, by a twentieth of a second at most; what it is later than that is forgotten.
 * A guest that is ahead by more than any slice can be has jumped, as a saved state that is loaded does.
 */
struct pacing {
	enum pace_option mode;
	bool started;
	int64_t offset;                 /* ns */
	double factor;                  /* guest seconds in one of the host's; 0: 1 */
};

/* All times in ns.  How long to sleep until guest time target; the guest is halted at now. */
uint64_t pacing_idle(struct pacing *pacing, uint64_t host, uint64_t now, uint64_t target);
/* How long to sleep because the busy guest is ahead. */
uint64_t pacing_busy(struct pacing *pacing, uint64_t host, uint64_t now);
/* The guest time that belongs to a host time, after pacing_idle. */
uint64_t pacing_guest_time(const struct pacing *pacing, uint64_t host);

uint64_t host_time(void);               /* monotonic, ns */

#endif
