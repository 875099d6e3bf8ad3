/* Inside the clock (clock.c, state.c): guest time and timers. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "machine.h"

struct cbx_timer {
	struct clock *clock;
	struct cbx_timer *next;         /* in order of creation */
	struct cbx_timer *next_armed;   /* in order of firing */
	struct cbx_device *device;
	const char *name;
	void (*fire)(struct cbx_device *device, unsigned number);
	unsigned number;                /* for fire */
	unsigned index;                 /* order of creation */
	bool armed;
	uint64_t time;
};

struct clock {
	struct cbx_machine *machine;
	uint64_t skipped;               /* nanoseconds that halts jumped over */
	struct cbx_timer *timers, **timers_end;
	struct cbx_timer *armed;        /* by (time, index) */
	unsigned timer_count;
	bool firing;
};

/* Times beyond this never come: half of what 64 bits hold, so that sums do not overflow. */
#define CLOCK_NEVER ((uint64_t)INT64_MAX)

/* Takes the timer out of the armed ones, or puts it in; tells the processor nothing. */
void timer_disarm(struct cbx_timer *timer);
void timer_arm(struct cbx_timer *timer, uint64_t time);

#endif
