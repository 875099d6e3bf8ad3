/*
 * The local APIC's timer (SDM 3A 11.5.4): one-shot and periodic from a bus clock of 100 MHz,
 * and at a value of the time-stamp counter.
 *
 * Nothing is counted: the current count follows from the time, and there is an event only
 * for what the guest will notice.
 */
#include "local_apic_state.h"

enum { BUS_CLOCK_NS = 10 };

static uint64_t unit(const struct apic_state *state)
{
	unsigned code = (state->divide & 3) | (state->divide >> 1 & 4);

	return (uint64_t)BUS_CLOCK_NS << ((code + 1) & 7);
}

static uint64_t ticks(const struct local_apic *apic)
{
	uint64_t now = cbx_time(&apic->device);

	return now > apic->state.start ? (now - apic->state.start) / unit(&apic->state) : 0;
}

uint32_t apic_timer_current(const struct local_apic *apic)
{
	const struct apic_state *state = &apic->state;
	uint64_t passed = ticks(apic);

	if (passed < state->left)
		return state->left - (uint32_t)passed;
	if (!state->left || !(state->lvt[LVT_TIMER] & LVT_PERIODIC))
		return 0;
	return state->initial - (uint32_t)((passed - state->left) % state->initial);
}

/* When the count gets to 0 next; all ones: never. */
static uint64_t next_zero(const struct local_apic *apic)
{
	const struct apic_state *state = &apic->state;
	uint64_t passed = ticks(apic), zero = state->left;

	if (!state->left)
		return UINT64_MAX;
	if (passed >= zero) {
		if (!(state->lvt[LVT_TIMER] & LVT_PERIODIC))
			return UINT64_MAX;
		zero += ((passed - zero) / state->initial + 1) * state->initial;
	}
	if (zero > (UINT64_MAX - state->start) / unit(state))
		return UINT64_MAX;
	return state->start + zero * unit(state);
}

void apic_timer_update(struct local_apic *apic)
{
	const struct apic_state *state = &apic->state;
	uint64_t time = UINT64_MAX;

	if (state->lvt[LVT_TIMER] & LVT_DEADLINE)
		time = state->deadline ? cbx_cpu_tsc_time(&apic->device, state->deadline) : time;
	else if (!(state->lvt[LVT_TIMER] & LVT_MASKED))
		time = next_zero(apic);
	if (time == UINT64_MAX)
		cbx_timer_cancel(apic->timer);
	else
		cbx_timer_set(apic->timer, time);
}

static void timer_fired(struct cbx_device *device, unsigned number)
{
	struct local_apic *apic = (struct local_apic *)device;

	(void)number;
	apic->state.deadline = 0;
	apic_lvt_deliver(apic, LVT_TIMER);
	apic_timer_update(apic);
}

/* Goes on from the current count: what follows from it is about to change. */
static void rebase(struct local_apic *apic)
{
	apic->state.left = apic_timer_current(apic);
	apic->state.start = cbx_time(&apic->device);
}

void apic_timer_write_initial(struct local_apic *apic, uint32_t value)
{
	struct apic_state *state = &apic->state;

	if (state->lvt[LVT_TIMER] & LVT_DEADLINE)
		return;
	state->initial = state->left = value;
	state->start = cbx_time(&apic->device);
	apic_timer_update(apic);
}

void apic_timer_write_divide(struct local_apic *apic, uint32_t value)
{
	rebase(apic);
	apic->state.divide = value & 0xb;
	apic_timer_update(apic);
}

void apic_timer_write_lvt(struct local_apic *apic, uint32_t value)
{
	struct apic_state *state = &apic->state;
	uint32_t changed = state->lvt[LVT_TIMER] ^ value;

	if (changed & LVT_DEADLINE) {
		state->left = 0;
		state->deadline = 0;
	} else if (changed & LVT_PERIODIC) {
		rebase(apic);
	}
	state->lvt[LVT_TIMER] = value;
	apic_timer_update(apic);
}

void apic_timer_write_deadline(struct local_apic *apic, uint64_t value)
{
	if (!(apic->state.lvt[LVT_TIMER] & LVT_DEADLINE))
		return;
	apic->state.deadline = value;
	apic_timer_update(apic);
}

void apic_timer_reset(struct local_apic *apic)
{
	apic->state.start = apic->state.deadline = 0;
	apic->state.left = apic->state.initial = apic->state.divide = 0;
	cbx_timer_cancel(apic->timer);
}

bool apic_timer_check(const struct apic_state *state)
{
	bool deadline = state->lvt[LVT_TIMER] & LVT_DEADLINE;

	return (state->initial || !state->left) && !(state->divide & ~0xbu) &&
	       (state->lvt[LVT_TIMER] & LVT_TIMER_MODE) != LVT_TIMER_MODE &&
	       (deadline ? !state->left : !state->deadline);
}

enum cbx_status apic_timer_new(struct local_apic *apic)
{
	return cbx_timer_new(&apic->device, "count", timer_fired, 0, &apic->timer);
}
