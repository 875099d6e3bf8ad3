/*
 * Guest time and timers.  Time is the instruction count times a constant, plus what halts
 * jumped over; nothing of the host's clock is in it.
 */
#include "clock.h"

enum cbx_status clock_new(struct cbx_machine *machine)
{
	struct clock *clock = machine_allocate(machine, sizeof(*clock));

	if (!clock)
		return CBX_ERROR_MEMORY;
	clock->machine = machine;
	clock->timers_end = &clock->timers;
	machine->clock = clock;
	return CBX_OK;
}

void clock_free(struct cbx_machine *machine)
{
	struct cbx_timer *timer, *next;

	if (!machine->clock)
		return;
	for (timer = machine->clock->timers; timer; timer = next) {
		next = timer->next;
		machine_release(machine, timer);
	}
	machine_release(machine, machine->clock);
	machine->clock = NULL;
}

void clock_reset(struct cbx_machine *machine)
{
	while (machine->clock->armed)
		timer_disarm(machine->clock->armed);
	machine->clock->skipped = 0;
}

uint64_t clock_now(const struct cbx_machine *machine)
{
	uint64_t count = machine->cpu ? cpu_instruction_count(machine) : 0;
	uint64_t step = machine->options.nanoseconds_per_instruction;
	uint64_t skipped = machine->clock->skipped;

	/* Some hundreds of years from here: time stands still rather than starting again. */
	if (unlikely(count > (UINT64_MAX - skipped) / step))
		return UINT64_MAX;
	return count * step + skipped;
}

/* When the earliest timer is due; CLOCK_NEVER or more: none is. */
static uint64_t clock_next(const struct cbx_machine *machine)
{
	return machine->clock->armed ? machine->clock->armed->time : UINT64_MAX;
}

uint64_t clock_deadline(const struct cbx_machine *machine)
{
	uint64_t next = clock_next(machine), now = clock_now(machine), count, step, instructions;

	if (next >= CLOCK_NEVER)
		return UINT64_MAX;
	count = cpu_instruction_count(machine);
	if (next <= now)
		return count;
	step = machine->options.nanoseconds_per_instruction;
	instructions = (next - now) / step + ((next - now) % step != 0);
	return instructions < UINT64_MAX - count ? count + instructions : UINT64_MAX;
}

void clock_fire(struct cbx_machine *machine)
{
	struct clock *clock = machine->clock;
	uint64_t now = clock_now(machine);

	/* What fire arms is later than now, so each timer fires at most once. */
	clock->firing = true;
	while (clock->armed && clock->armed->time <= now && clock->armed->time < CLOCK_NEVER) {
		struct cbx_timer *timer = clock->armed;

		timer_disarm(timer);
		timer->fire(timer->device, timer->number);
	}
	clock->firing = false;
}

void clock_skip_to(struct cbx_machine *machine, uint64_t time)
{
	uint64_t next = clock_next(machine), now = clock_now(machine);

	if (time > next)
		time = next;
	if (time > now && time < CLOCK_NEVER)
		machine->clock->skipped += time - now;
}

bool clock_skip(struct cbx_machine *machine)
{
	uint64_t next = clock_next(machine);

	if (next >= CLOCK_NEVER)
		return false;
	clock_skip_to(machine, next);
	return true;
}

/* ---- Timers ------------------------------------------------------------------------------ */

enum cbx_status cbx_timer_new(struct cbx_device *device, const char *name,
			      void (*fire)(struct cbx_device *device, unsigned number),
			      unsigned number, struct cbx_timer **result)
{
	struct clock *clock;
	struct cbx_timer *timer;

	if (!device || !result)
		return CBX_ERROR_ARGUMENT;
	*result = NULL;
	if (!name || !*name || strlen(name) > 255 || !fire)
		return machine_fail(device->machine, CBX_ERROR_ARGUMENT,
				    "a timer needs a name and something to call");
	clock = device->machine->clock;
	for (timer = clock->timers; timer; timer = timer->next)
		if (timer->device == device && !strcmp(timer->name, name))
			return machine_fail(device->machine, CBX_ERROR_ARGUMENT,
					    "two timers of a device cannot have one name");
	timer = machine_allocate(device->machine, sizeof(*timer));
	if (!timer)
		return machine_fail(device->machine, CBX_ERROR_MEMORY, "no memory for a timer");
	timer->clock = clock;
	timer->device = device;
	timer->name = name;
	timer->fire = fire;
	timer->number = number;
	timer->index = clock->timer_count++;
	*clock->timers_end = timer;
	clock->timers_end = &timer->next;
	history_lose(device->machine);
	*result = timer;
	return CBX_OK;
}

void timer_disarm(struct cbx_timer *timer)
{
	struct cbx_timer **link = &timer->clock->armed;

	if (!timer->armed)
		return;
	while (*link != timer)
		link = &(*link)->next_armed;
	*link = timer->next_armed;
	timer->armed = false;
	timer->time = 0;
}

void timer_arm(struct cbx_timer *timer, uint64_t time)
{
	struct cbx_timer **link = &timer->clock->armed;

	while (*link && ((*link)->time < time ||
			 ((*link)->time == time && (*link)->index < timer->index)))
		link = &(*link)->next_armed;
	timer->next_armed = *link;
	*link = timer;
	timer->armed = true;
	timer->time = time;
}

void cbx_timer_set(struct cbx_timer *timer, uint64_t time)
{
	struct clock *clock;

	if (!timer)
		return;
	clock = timer->clock;
	if (clock->firing) {
		uint64_t now = clock_now(clock->machine);

		if (time <= now)
			time = now + (now != UINT64_MAX);
	}
	if (timer->armed && timer->time == time)
		return;
	timer_disarm(timer);
	timer_arm(timer, time);
	if (clock->armed == timer && clock->machine->cpu)
		cpu_attention(clock->machine);
}

void cbx_timer_cancel(struct cbx_timer *timer)
{
	if (timer)
		timer_disarm(timer);
}

bool cbx_timer_armed(const struct cbx_timer *timer)
{
	return timer && timer->armed;
}

uint64_t cbx_time(const struct cbx_device *device)
{
	return device ? clock_now(device->machine) : 0;
}

/* ---- Arithmetic --------------------------------------------------------------------------- */

uint64_t cbx_muldiv(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t low, high, middle, quotient = 0;
	unsigned i;

	if (!c)
		return UINT64_MAX;
	if (!((a | b) >> 32))
		return a * b / c;
	/* high:low = a * b by halves */
	low = (a & 0xffffffff) * (b & 0xffffffff);
	middle = (a >> 32) * (b & 0xffffffff) + (low >> 32);
	high = (a >> 32) * (b >> 32) + (middle >> 32);
	middle = (a & 0xffffffff) * (b >> 32) + (middle & 0xffffffff);
	high += middle >> 32;
	low = middle << 32 | (low & 0xffffffff);
	if (!high)
		return low / c;
	if (high >= c)
		return UINT64_MAX;
	/* Long division; high is the remainder so far and less than c.  By halves if those fit ... */
	if (!(c >> 32)) {
		middle = high << 32 | low >> 32;
		quotient = middle / c << 32;
		middle = middle % c << 32 | (low & 0xffffffff);
		return quotient | middle / c;
	}
	/* ... else a bit at a time. */
	for (i = 0; i < 64; i++) {
		bool carry = high >> 63;

		high = high << 1 | low >> 63;
		low <<= 1;
		quotient <<= 1;
		if (carry || high >= c) {
			high -= c;
			quotient |= 1;
		}
	}
	return quotient;
}
