/*
 * High precision event timers (IA-PC HPET specification 1.0a) at FED00000h: a 64-bit main
 * counter of 100 MHz and three timers, each one-shot or periodic, 32 or 64 bits wide, edge
 * or level, to an I/O APIC input, as a message, or (the first two) in place of the interval
 * timer and the real-time clock.
 *
 * The counter follows from guest time.  Edge-triggered outputs go up when the counter meets
 * the comparator, and stay up until just before the next time: an 8259 takes a request for
 * withdrawn when its input falls.
 */
#include "hpet.h"

#define WINDOW UINT64_C(0xfed00000)

enum { TICK_NS = 10 };
#define TICK_FEMTOSECONDS UINT64_C(10000000)
#define NEVER UINT64_MAX

enum { REG_ID = 0x000, REG_CONFIG = 0x010, REG_STATUS = 0x020, REG_COUNTER = 0x0f0,
       REG_TIMERS = 0x100, TIMER_BYTES = 0x20 };
enum { CONFIG_ENABLE = 1, CONFIG_LEGACY = 2 };
enum {
	TIMER_LEVEL = 0x0002, TIMER_INTERRUPT = 0x0004, TIMER_PERIODIC = 0x0008,
	TIMER_PERIODIC_CAP = 0x0010, TIMER_64BIT_CAP = 0x0020, TIMER_SET = 0x0040,
	TIMER_32BIT = 0x0100, TIMER_ROUTE = 0x3e00, TIMER_MESSAGE = 0x4000,
	TIMER_MESSAGE_CAP = 0x8000
};
enum { TIMER_WRITABLE = TIMER_LEVEL | TIMER_INTERRUPT | TIMER_PERIODIC | TIMER_SET | TIMER_32BIT |
			TIMER_ROUTE | TIMER_MESSAGE };
#define TIMER_CAPABILITIES                                                                  \
	(((UINT64_C(1) << HPET_PINS) - 1) << (32 + HPET_FIRST_PIN) | TIMER_PERIODIC_CAP |    \
	 TIMER_64BIT_CAP | TIMER_MESSAGE_CAP)

struct hpet_timer {
	uint64_t comparator, period;
	uint64_t message;               /* the message's data, and in bits 32-63 its address */
	uint64_t config;
};

struct hpet_state {
	uint64_t counter;               /* the count at guest time `start`, or while it stands still */
	uint64_t start;
	struct hpet_timer timers[HPET_TIMERS];
	uint8_t config;
	uint8_t status;                 /* level-triggered interrupts */
	uint8_t outputs;                /* edge-triggered ones: levels */
	uint8_t inputs;                 /* levels of interval timer and clock */
	uint8_t reserved[4];
};

struct hpet {
	struct cbx_device device;
	struct hpet_state state;
	struct hpet_wires wires;
	struct cbx_timer *events[HPET_TIMERS];
};

static const struct cbx_field hpet_timer_fields[] = {
	CBX_FIELD(struct hpet_timer, comparator),
	CBX_FIELD(struct hpet_timer, period),
	CBX_FIELD(struct hpet_timer, message),
	CBX_FIELD(struct hpet_timer, config),
	CBX_FIELD_END
};

static const struct cbx_field hpet_fields[] = {
	CBX_FIELD(struct hpet_state, counter),
	CBX_FIELD(struct hpet_state, start),
	CBX_FIELD_STRUCTS(struct hpet_state, timers, hpet_timer_fields),
	CBX_FIELD(struct hpet_state, config),
	CBX_FIELD(struct hpet_state, status),
	CBX_FIELD(struct hpet_state, outputs),
	CBX_FIELD(struct hpet_state, inputs),
	CBX_FIELD_ARRAY(struct hpet_state, reserved),
	CBX_FIELD_END
};

/* ---- Interrupts ----------------------------------------------------------------------- */

static bool is_legacy(const struct hpet *hpet, unsigned n)
{
	return n < 2 && (hpet->state.config & CONFIG_LEGACY);
}

static unsigned timer_route(const struct hpet_timer *timer)
{
	return (unsigned)(timer->config >> 9 & 31);
}

/* Does the timer drive its wire up? */
static bool timer_output(const struct hpet *hpet, unsigned n)
{
	const struct hpet_timer *timer = &hpet->state.timers[n];
	uint8_t levels = timer->config & TIMER_LEVEL ? hpet->state.status : hpet->state.outputs;

	return (hpet->state.config & CONFIG_ENABLE) && (timer->config & TIMER_INTERRUPT) &&
	       !(timer->config & TIMER_MESSAGE) && (levels >> n & 1);
}

static void drive_legacy(struct hpet *hpet, unsigned n)
{
	bool level = is_legacy(hpet, n) ? timer_output(hpet, n) : hpet->state.inputs >> n & 1;

	cbx_line_set(&hpet->wires.legacy[n], level);
}

static void drive_pin(struct hpet *hpet, unsigned pin)
{
	bool level = false;

	for (unsigned n = 0; n < HPET_TIMERS; n++)
		if (!is_legacy(hpet, n) &&
		    timer_route(&hpet->state.timers[n]) == HPET_FIRST_PIN + pin)
			level = level || timer_output(hpet, n);
	cbx_line_set(&hpet->wires.pins[pin], level);
}

static void drive_all(struct hpet *hpet)
{
	drive_legacy(hpet, 0);
	drive_legacy(hpet, 1);
	for (unsigned pin = 0; pin < HPET_PINS; pin++)
		drive_pin(hpet, pin);
}

/* The wire of one timer. */
static void drive(struct hpet *hpet, unsigned n)
{
	unsigned route = timer_route(&hpet->state.timers[n]);

	if (is_legacy(hpet, n))
		drive_legacy(hpet, n);
	else if (route >= HPET_FIRST_PIN && route < HPET_FIRST_PIN + HPET_PINS)
		drive_pin(hpet, route - HPET_FIRST_PIN);
}

static void timer_interrupt(struct hpet *hpet, unsigned n)
{
	struct hpet_state *state = &hpet->state;
	const struct hpet_timer *timer = &state->timers[n];
	uint8_t bit = (uint8_t)(1u << n);

	if ((timer->config & TIMER_MESSAGE) && (timer->config & TIMER_INTERRUPT)) {
		hpet->wires.message(hpet->wires.target, timer->message >> 32,
				    (uint32_t)timer->message);
		return;
	}
	if (timer->config & TIMER_LEVEL) {
		state->status |= bit;
	} else if (timer->config & TIMER_INTERRUPT) {
		state->outputs &= (uint8_t)~bit;
		drive(hpet, n);
		state->outputs |= bit;
	}
	drive(hpet, n);
}

static void legacy_input(void *target, unsigned which, bool level)
{
	struct hpet *hpet = target;
	uint8_t bit = (uint8_t)(1u << which);

	hpet->state.inputs = (uint8_t)(level ? hpet->state.inputs | bit : hpet->state.inputs & ~bit);
	if (!is_legacy(hpet, which))
		drive_legacy(hpet, which);
}

struct cbx_line hpet_legacy_line(struct hpet *hpet, unsigned which)
{
	return (struct cbx_line){ legacy_input, hpet, which & 1 };
}

/* ---- Time ------------------------------------------------------------------------------ */

static uint64_t counter(const struct hpet *hpet)
{
	const struct hpet_state *state = &hpet->state;
	uint64_t now = cbx_time(&hpet->device);

	if (!(state->config & CONFIG_ENABLE) || now < state->start)
		return state->counter;
	return state->counter + (now - state->start) / TICK_NS;
}

/* How many ticks until the counter meets the comparator (again). */
static uint64_t ticks_left(const struct hpet *hpet, const struct hpet_timer *timer)
{
	uint64_t now = counter(hpet);
	uint32_t low = (uint32_t)(timer->comparator - now);

	if (timer->config & TIMER_32BIT)
		return low ? low : UINT64_C(1) << 32;
	return timer->comparator > now ? timer->comparator - now : NEVER;
}

static void timer_arm(struct hpet *hpet, unsigned n)
{
	const struct hpet_state *state = &hpet->state;
	uint64_t left = ticks_left(hpet, &state->timers[n]), passed = counter(hpet) - state->counter;
	uint64_t most = (INT64_MAX - state->start) / TICK_NS;

	if (!(state->config & CONFIG_ENABLE) || left == NEVER || passed > most ||
	    left > most - passed)
		cbx_timer_cancel(hpet->events[n]);
	else
		cbx_timer_set(hpet->events[n], state->start + (passed + left) * TICK_NS);
}

/* The comparator has been met: the next time, when it is periodic, lies after now. */
static void timer_next(struct hpet *hpet, struct hpet_timer *timer)
{
	uint64_t late = counter(hpet) - timer->comparator, mask = UINT64_MAX;

	if (!(timer->config & TIMER_PERIODIC) || !timer->period)
		return;
	if (timer->config & TIMER_32BIT)
		mask = UINT32_MAX;
	timer->comparator += ((late & mask) / timer->period + 1) * timer->period;
	timer->comparator &= mask;
}

static void timer_fired(struct cbx_device *device, unsigned n)
{
	struct hpet *hpet = (struct hpet *)device;

	timer_next(hpet, &hpet->state.timers[n]);
	timer_interrupt(hpet, n);
	timer_arm(hpet, n);
}

/* ---- Registers ------------------------------------------------------------------------- */

/* A register's new value when width bytes at offset of it are written. */
static uint64_t merge(uint64_t old, uint64_t value, uint64_t offset, unsigned width)
{
	if (width == 8)
		return value;
	if (offset & 4)
		return (old & UINT32_MAX) | value << 32;
	return (old & ~(uint64_t)UINT32_MAX) | (value & UINT32_MAX);
}

static uint64_t timer_read(const struct hpet_timer *timer, uint64_t offset)
{
	switch (offset & 0x18) {
	case 0x00: return timer->config | TIMER_CAPABILITIES;
	case 0x08: return timer->comparator;
	case 0x10: return timer->message;
	default: return 0;
	}
}

static uint64_t register_read(const struct hpet *hpet, uint64_t offset)
{
	const struct hpet_state *state = &hpet->state;

	switch (offset) {
	case REG_ID:
		return TICK_FEMTOSECONDS << 32 | HPET_ID;
	case REG_CONFIG:
		return state->config;
	case REG_STATUS:
		return state->status;
	case REG_COUNTER:
		return counter(hpet);
	default:
		if (offset < REG_TIMERS || offset >= REG_TIMERS + HPET_TIMERS * TIMER_BYTES)
			return 0;
		return timer_read(&state->timers[(offset - REG_TIMERS) / TIMER_BYTES], offset);
	}
}

static uint64_t hpet_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	uint64_t value = 0;

	if (!(offset & (width - 1)))
		value = register_read((const struct hpet *)device, offset & ~UINT64_C(7));
	return width == 4 && (offset & 4) ? value >> 32 : value;
}

static bool route_exists(uint64_t config)
{
	unsigned route = (unsigned)(config >> 9 & 31);

	return route >= HPET_FIRST_PIN && route < HPET_FIRST_PIN + HPET_PINS;
}

static void write_timer_config(struct hpet *hpet, unsigned n, uint64_t value)
{
	struct hpet_timer *timer = &hpet->state.timers[n];
	uint64_t before = timer->config;
	uint8_t bit = (uint8_t)(1u << n);

	timer->config = value & TIMER_WRITABLE;
	if (!route_exists(timer->config))
		timer->config &= ~(uint64_t)TIMER_ROUTE;
	if (!(timer->config & TIMER_PERIODIC))
		timer->config &= ~(uint64_t)TIMER_SET;
	if (timer->config & TIMER_32BIT) {
		timer->comparator &= UINT32_MAX;
		timer->period &= UINT32_MAX;
	}
	/* An interrupt that waited goes with what made it. */
	if ((before ^ timer->config) & TIMER_LEVEL)
		hpet->state.status &= (uint8_t)~bit;
	if (!(timer->config & TIMER_INTERRUPT) || (timer->config & TIMER_LEVEL))
		hpet->state.outputs &= (uint8_t)~bit;
	drive_all(hpet);
	timer_arm(hpet, n);
}

static void write_comparator(struct hpet *hpet, unsigned n, uint64_t value, uint64_t offset,
			     unsigned width)
{
	struct hpet_timer *timer = &hpet->state.timers[n];
	uint64_t mask = timer->config & TIMER_32BIT ? UINT32_MAX : UINT64_MAX;

	if (!(timer->config & TIMER_PERIODIC) || (timer->config & TIMER_SET))
		timer->comparator = merge(timer->comparator, value, offset, width) & mask;
	if (timer->config & TIMER_PERIODIC)
		timer->period = merge(timer->period, value, offset, width) & mask;
	timer->config &= ~(uint64_t)TIMER_SET;
	timer_arm(hpet, n);
}

static void timer_write(struct hpet *hpet, uint64_t offset, uint64_t value, unsigned width)
{
	unsigned n = (unsigned)(offset - REG_TIMERS) / TIMER_BYTES;
	struct hpet_timer *timer = &hpet->state.timers[n];

	switch (offset & 0x18) {
	case 0x00:
		write_timer_config(hpet, n, merge(timer->config, value, offset, width));
		break;
	case 0x08:
		write_comparator(hpet, n, value, offset, width);
		break;
	case 0x10:
		timer->message = merge(timer->message, value, offset, width);
		break;
	default:
		break;
	}
}

static void write_config(struct hpet *hpet, uint64_t value)
{
	struct hpet_state *state = &hpet->state;
	uint64_t count = counter(hpet);

	if (state->config & CONFIG_ENABLE)
		state->start += (count - state->counter) * TICK_NS;
	else
		state->start = cbx_time(&hpet->device);
	state->counter = count;
	state->config = value & (CONFIG_ENABLE | CONFIG_LEGACY);
	if (!(state->config & CONFIG_ENABLE))
		state->outputs = 0;
	drive_all(hpet);
	for (unsigned n = 0; n < HPET_TIMERS; n++)
		timer_arm(hpet, n);
}

static void write_counter(struct hpet *hpet, uint64_t value)
{
	hpet->state.counter = value;
	hpet->state.start = cbx_time(&hpet->device);
	for (unsigned n = 0; n < HPET_TIMERS; n++)
		timer_arm(hpet, n);
}

static void hpet_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct hpet *hpet = (struct hpet *)device;

	if (offset & (width - 1))
		return;
	switch (offset & ~UINT64_C(7)) {
	case REG_CONFIG:
		if (!(offset & 4))
			write_config(hpet, value);
		break;
	case REG_STATUS:
		if (!(offset & 4))
			hpet->state.status &= (uint8_t)~value;
		drive_all(hpet);
		break;
	case REG_COUNTER:
		write_counter(hpet, merge(counter(hpet), value, offset, width));
		break;
	default:
		if (offset >= REG_TIMERS && offset < REG_TIMERS + HPET_TIMERS * TIMER_BYTES)
			timer_write(hpet, offset, value, width);
		break;
	}
}

static const struct cbx_io hpet_io = { .widths = 4 | 8, .read = hpet_read, .write = hpet_write };

/* ---- Life -------------------------------------------------------------------------------- */

static void hpet_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct hpet *hpet = (struct hpet *)device;
	uint8_t inputs = kind == CBX_RESET_POWER ? 0 : hpet->state.inputs;

	hpet->state = (struct hpet_state){ .inputs = inputs };
	for (unsigned n = 0; n < HPET_TIMERS; n++) {
		hpet->state.timers[n].comparator = UINT64_MAX;
		cbx_timer_cancel(hpet->events[n]);
	}
	drive_all(hpet);
}

static bool hpet_check(const struct cbx_device *device, const void *bytes)
{
	const struct hpet_state *state = bytes;
	bool good = state->config <= (CONFIG_ENABLE | CONFIG_LEGACY) && state->inputs <= 3 &&
		    !((state->status | state->outputs) >> HPET_TIMERS) && state->start <= INT64_MAX;

	(void)device;
	for (unsigned n = 0; n < HPET_TIMERS; n++) {
		const struct hpet_timer *timer = &state->timers[n];

		good = good && !(timer->config & ~(uint64_t)TIMER_WRITABLE) &&
		       (!timer_route(timer) || route_exists(timer->config)) &&
		       (!(timer->config & TIMER_32BIT) ||
			!((timer->comparator | timer->period) >> 32));
	}
	for (unsigned n = 0; n < sizeof(state->reserved); n++)
		good = good && !state->reserved[n];
	return good;
}

static const struct cbx_device_type hpet_type = {
	.name = "hpet",
	.version = 1,
	.size = sizeof(struct hpet),
	.state_offset = offsetof(struct hpet, state),
	.state_size = sizeof(struct hpet_state),
	.fields = hpet_fields,
	.reset = hpet_reset,
	.check = hpet_check,
};

enum cbx_status hpet_new(struct cbx_machine *machine, const struct hpet_wires *wires,
			 struct hpet **result)
{
	static const char *const names[HPET_TIMERS] = { "timer 0", "timer 1", "timer 2" };
	struct cbx_device *device;
	struct cbx_region *region;
	struct hpet *hpet;
	enum cbx_status status = cbx_device_new(machine, &hpet_type, &device);

	if (status != CBX_OK)
		return status;
	hpet = (struct hpet *)device;
	hpet->wires = *wires;
	for (unsigned n = 0; n < HPET_TIMERS && status == CBX_OK; n++)
		status = cbx_timer_new(device, names[n], timer_fired, n, &hpet->events[n]);
	if (status == CBX_OK)
		status = cbx_region_new_io(device, &hpet_io, 0x1000, &region);
	if (status != CBX_OK)
		return status;
	cbx_region_place(region, WINDOW, CBX_REGION_READ | CBX_REGION_WRITE, 100);
	*result = hpet;
	return CBX_OK;
}
