/*
 * The 8254 programmable interval timer: three counters clocked at 1193182 Hz.
 *
 * Ports 40h-42h (counters) and 43h (control word).  Counter 0 drives IRQ 0, counter 1
 * is the memory refresh of old, counter 2 the speaker, with its gate in port 61h.
 * Manual: Intel 82C54 data sheet (231244).
 *
 * A counter is not clocked: its state is that of the clock pulse it was last looked at,
 * and pit_run brings it forward by any number of pulses at once.  Only counter 0 has a
 * timer, set to its output's next change.
 */
#include "pit.h"

#define PIT_HZ 1193182u
#define PIT_NS 1000000000u
#define PIT_NEVER UINT64_MAX
/* Of a saved clock, some 240 years: what comes after it can still be told in nanoseconds. */
#define PIT_CLOCK_MAX (UINT64_C(1) << 53)

enum pit_access { PIT_LOW = 1, PIT_HIGH = 2, PIT_BOTH = 3 };

struct pit_counter {
	uint64_t clock;                 /* pulses since power-on that the rest has seen */
	uint16_t ce;                    /* counting element, in binary also when counting BCD */
	uint16_t cr;                    /* count register, as written */
	uint16_t latch;
	uint8_t control;                /* access, mode and BCD bits of the control word */
	uint8_t gate, out;
	uint8_t null;                   /* the count register was not yet loaded */
	uint8_t load;                   /* the next pulse loads the counting element */
	uint8_t written;                /* a count was written since the control word */
	uint8_t counting;               /* a count was loaded since the control word */
	uint8_t expired;                /* modes 0, 1, 4, 5: terminal count was reached */
	uint8_t odd;                    /* mode 3: the count loaded last was odd */
	uint8_t low;                    /* first byte of a two-byte write */
	uint8_t write_high, read_high;  /* two-byte access: the high byte is next */
	uint8_t latched;                /* bytes of the latched count still to be read */
	uint8_t status, status_latched;
	uint8_t reserved[3];
};

struct pit_state {
	struct pit_counter counters[3];
};

struct pit {
	struct cbx_device device;
	struct pit_state state;
	struct cbx_line out0;
	struct cbx_timer *timer;
	/* No state: counter 2, as the follower saw it last. */
	struct pit_counter followed;
	void (*changing)(void *user);
	void *follower;
};

static const struct cbx_field pit_counter_fields[] = {
	CBX_FIELD(struct pit_counter, clock),
	CBX_FIELD(struct pit_counter, ce),
	CBX_FIELD(struct pit_counter, cr),
	CBX_FIELD(struct pit_counter, latch),
	CBX_FIELD(struct pit_counter, control),
	CBX_FIELD(struct pit_counter, gate),
	CBX_FIELD(struct pit_counter, out),
	CBX_FIELD(struct pit_counter, null),
	CBX_FIELD(struct pit_counter, load),
	CBX_FIELD(struct pit_counter, written),
	CBX_FIELD(struct pit_counter, counting),
	CBX_FIELD(struct pit_counter, expired),
	CBX_FIELD(struct pit_counter, odd),
	CBX_FIELD(struct pit_counter, low),
	CBX_FIELD(struct pit_counter, write_high),
	CBX_FIELD(struct pit_counter, read_high),
	CBX_FIELD(struct pit_counter, latched),
	CBX_FIELD(struct pit_counter, status),
	CBX_FIELD(struct pit_counter, status_latched),
	CBX_FIELD_ARRAY(struct pit_counter, reserved),
	CBX_FIELD_END
};

static const struct cbx_field pit_fields[] = {
	CBX_FIELD_STRUCTS(struct pit_state, counters, pit_counter_fields),
	CBX_FIELD_END
};

/* ---- Numbers ------------------------------------------------------------------------ */

static uint64_t pit_clock(const struct pit *pit)
{
	return cbx_muldiv(cbx_time(&pit->device), PIT_HZ, PIT_NS);
}

/* The first nanosecond at which pit_clock gives this pulse. */
static uint64_t pit_time_of(uint64_t clock)
{
	uint64_t time = cbx_muldiv(clock, PIT_NS, PIT_HZ);

	return cbx_muldiv(time, PIT_HZ, PIT_NS) < clock ? time + 1 : time;
}

/* Modes 6 and 7 are 2 and 3. */
static unsigned pit_mode(const struct pit_counter *counter)
{
	unsigned mode = counter->control >> 1 & 7;

	return mode > 5 ? mode - 4 : mode;
}

static bool pit_is_bcd(const struct pit_counter *counter)
{
	return counter->control & 1;
}

static unsigned pit_access(const struct pit_counter *counter)
{
	return counter->control >> 4 & 3;
}

static uint32_t pit_modulus(const struct pit_counter *counter)
{
	return pit_is_bcd(counter) ? 10000 : 0x10000;
}

static uint16_t pit_from_bcd(uint16_t value)
{
	return (uint16_t)(((value >> 12) * 1000u + (value >> 8 & 15) * 100u +
			   (value >> 4 & 15) * 10u + (value & 15)) % 10000);
}

static uint16_t pit_to_bcd(uint16_t value)
{
	return (uint16_t)(value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 |
			  value % 10);
}

/* The period the count register asks for: 0 is the largest one, and 1 is none in modes 2 and 3. */
static uint32_t pit_period(const struct pit_counter *counter)
{
	uint32_t count = pit_is_bcd(counter) ? pit_from_bcd(counter->cr) : counter->cr;
	unsigned mode = pit_mode(counter);

	if (count == 0)
		return pit_modulus(counter);
	if (count == 1 && (mode == 2 || mode == 3))
		return 2;
	return count;
}

/* ---- Counting ------------------------------------------------------------------------- */

/* Pulses until the counting element gets to zero; when it is zero it has to go all around. */
static uint32_t pit_to_zero(const struct pit_counter *counter)
{
	return counter->ce ? counter->ce : pit_modulus(counter);
}

/* Mode 3: pulses left in the current half.  An odd count's high half is one pulse longer. */
static uint32_t pit_half_left(const struct pit_counter *counter)
{
	if (counter->odd)
		return counter->ce / 2u + counter->out;
	return pit_to_zero(counter) / 2;
}

static void pit_load(struct pit_counter *counter)
{
	uint32_t period = pit_period(counter);

	counter->odd = pit_mode(counter) == 3 && (period & 1);
	counter->ce = (uint16_t)((period - counter->odd) % pit_modulus(counter));
	counter->null = 0;
}

static void pit_first_load(struct pit_counter *counter)
{
	counter->load = 0;
	counter->counting = 1;
	counter->expired = 0;
	pit_load(counter);
	counter->out = pit_mode(counter) >= 2;
}

static void pit_count_down(struct pit_counter *counter, uint64_t pulses)
{
	uint32_t modulus = pit_modulus(counter);

	counter->ce = (uint16_t)((counter->ce + modulus - pulses % modulus) % modulus);
}

/* Modes 0, 1, 4 and 5: one shot, after which the count goes on around. */
static void pit_run_once(struct pit_counter *counter, uint64_t pulses)
{
	uint32_t left = pit_to_zero(counter);
	bool strobe = pit_mode(counter) >= 4;

	if (!counter->expired && pulses >= left) {
		counter->expired = 1;
		counter->out = !strobe || pulses > left;
	}
	pit_count_down(counter, pulses);
}

static void pit_run_rate(struct pit_counter *counter, uint64_t pulses)
{
	uint32_t left = pit_to_zero(counter);

	if (pulses >= left) {
		pulses -= left;
		pit_load(counter);
		pulses %= pit_period(counter);
	}
	pit_count_down(counter, pulses);
	counter->out = counter->ce != 1;
}

static void pit_run_square(struct pit_counter *counter, uint64_t pulses)
{
	uint32_t left = pit_half_left(counter);
	bool first = true;

	while (pulses >= left) {
		pulses -= left;
		counter->out = !counter->out;
		pit_load(counter);
		if (first)
			pulses %= pit_period(counter);
		first = false;
		left = pit_half_left(counter);
	}
	pit_count_down(counter, 2 * pulses);
}

static void pit_run(struct pit_counter *counter, uint64_t pulses)
{
	unsigned mode = pit_mode(counter);

	if (!pulses)
		return;
	/* The strobe of modes 4 and 5 is one pulse long, whatever comes next. */
	if (mode >= 4)
		counter->out = 1;
	if (counter->load) {
		pit_first_load(counter);
		if (!--pulses)
			return;
	}
	if (!counter->counting || (!counter->gate && mode != 1 && mode != 5))
		return;
	if (mode == 2)
		pit_run_rate(counter, pulses);
	else if (mode == 3)
		pit_run_square(counter, pulses);
	else
		pit_run_once(counter, pulses);
}

/* Pulses until the output changes by itself, of a counter with no load outstanding. */
static uint64_t pit_next_change_loaded(const struct pit_counter *counter)
{
	unsigned mode = pit_mode(counter);

	if (mode >= 4 && !counter->out)
		return 1;
	if (!counter->counting || (!counter->gate && mode != 1 && mode != 5))
		return PIT_NEVER;
	if (mode == 2)
		return counter->out && counter->ce != 1 ? pit_to_zero(counter) - 1u : 1;
	if (mode == 3)
		return pit_half_left(counter);
	return counter->expired ? PIT_NEVER : pit_to_zero(counter);
}

static uint64_t pit_next_change(const struct pit_counter *counter)
{
	struct pit_counter next = *counter;
	uint64_t change;

	if (!counter->load)
		return pit_next_change_loaded(counter);
	pit_run(&next, 1);
	if (next.out != counter->out)
		return 1;
	change = pit_next_change_loaded(&next);
	return change == PIT_NEVER ? PIT_NEVER : change + 1;
}

static struct pit_counter *pit_sync(struct pit *pit, unsigned number)
{
	struct pit_counter *counter = &pit->state.counters[number];
	uint64_t clock = pit_clock(pit);

	if (clock > counter->clock) {
		pit_run(counter, clock - counter->clock);
		counter->clock = clock;
	}
	return counter;
}

/* ---- Following counter 2 ------------------------------------------------------------ */

void pit_connect_follower(struct pit *pit, void (*changing)(void *user), void *user)
{
	pit->changing = changing;
	pit->follower = user;
}

bool pit_follow(struct pit *pit, bool each, uint64_t *pulses, bool *level)
{
	struct pit_counter *counter = &pit->followed;
	uint64_t now = pit_clock(pit), change = pit_next_change(counter);

	*level = counter->out;
	if (counter->clock >= now)
		return false;
	*pulses = now - counter->clock;
	if (each && change < *pulses)
		*pulses = change;
	pit_run(counter, *pulses);
	counter->clock += *pulses;
	return true;
}

void pit_follow_restart(struct pit *pit)
{
	uint64_t pulses;
	bool level;

	/* A copy goes on: how far the counter itself was followed is state. */
	pit->followed = pit->state.counters[2];
	pit_follow(pit, false, &pulses, &level);
}

bool pit_follow_still(const struct pit *pit)
{
	return pit_next_change(&pit->followed) == PIT_NEVER;
}

static void pit_changing(struct pit *pit, unsigned number)
{
	if (number == 2 && pit->changing)
		pit->changing(pit->follower);
}

static void pit_changed(struct pit *pit, unsigned number)
{
	if (number == 2 && pit->changing)
		pit->followed = pit->state.counters[2];
}

static void pit_drive(struct pit *pit)
{
	const struct pit_counter *counter = pit_sync(pit, 0);
	uint64_t change = pit_next_change(counter);

	cbx_line_set(&pit->out0, counter->out);
	if (change == PIT_NEVER)
		cbx_timer_cancel(pit->timer);
	else
		cbx_timer_set(pit->timer, pit_time_of(counter->clock + change));
}

static void pit_fire(struct cbx_device *device, unsigned number)
{
	(void)number;
	pit_drive((struct pit *)device);
}

/* ---- Ports ----------------------------------------------------------------------------- */

static void pit_latch_count(struct pit_counter *counter)
{
	if (counter->latched)
		return;
	counter->latch = pit_is_bcd(counter) ? pit_to_bcd(counter->ce) : counter->ce;
	counter->latched = pit_access(counter) == PIT_BOTH ? 2 : 1;
}

static void pit_latch_status(struct pit_counter *counter)
{
	if (counter->status_latched)
		return;
	counter->status_latched = 1;
	counter->status = (uint8_t)(counter->out << 7 | counter->null << 6 | counter->control);
}

static void pit_read_back(struct pit *pit, uint8_t value)
{
	for (unsigned i = 0; i < 3; i++) {
		struct pit_counter *counter = pit_sync(pit, i);

		if (!(value >> (i + 1) & 1))
			continue;
		if (!(value & 0x20))
			pit_latch_count(counter);
		if (!(value & 0x10))
			pit_latch_status(counter);
	}
}

static void pit_write_control(struct pit *pit, uint8_t value)
{
	struct pit_counter *counter;

	if (value >= 0xc0) {
		pit_read_back(pit, value);
		return;
	}
	counter = pit_sync(pit, value >> 6);
	if (!(value & 0x30)) {
		pit_latch_count(counter);
		return;
	}
	pit_changing(pit, value >> 6);
	counter->control = value & 0x3f;
	counter->ce = (uint16_t)(counter->ce % pit_modulus(counter));
	counter->out = pit_mode(counter) != 0;
	counter->null = 1;
	counter->load = 0;
	counter->written = 0;
	counter->counting = 0;
	counter->expired = 0;
	counter->odd = 0;
	counter->write_high = 0;
	counter->read_high = 0;
	counter->latched = 0;
	counter->status_latched = 0;
	pit_changed(pit, value >> 6);
	pit_drive(pit);
}

static void pit_set_count(struct pit_counter *counter, uint16_t value)
{
	unsigned mode = pit_mode(counter);

	counter->cr = value;
	counter->null = 1;
	counter->written = 1;
	if (mode == 0)
		counter->out = 0;
	/* Modes 2 and 3 go on with a new count after the period, 1 and 5 at the next trigger. */
	if (mode == 0 || mode == 4 || ((mode == 2 || mode == 3) && !counter->counting))
		counter->load = 1;
}

static void pit_write_count(struct pit *pit, unsigned number, uint8_t value)
{
	struct pit_counter *counter = pit_sync(pit, number);

	pit_changing(pit, number);
	switch (pit_access(counter)) {
	case PIT_LOW:
		pit_set_count(counter, value);
		break;
	case PIT_HIGH:
		pit_set_count(counter, (uint16_t)(value << 8));
		break;
	case PIT_BOTH:
		if (counter->write_high) {
			pit_set_count(counter, (uint16_t)(value << 8 | counter->low));
		} else {
			counter->low = value;
			/* In mode 0 the first byte stops the counting. */
			if (pit_mode(counter) == 0) {
				counter->out = 0;
				counter->counting = 0;
				counter->load = 0;
			}
		}
		counter->write_high = !counter->write_high;
		break;
	}
	pit_changed(pit, number);
	if (number == 0)
		pit_drive(pit);
}

static uint8_t pit_read_count(struct pit_counter *counter)
{
	uint16_t value = pit_is_bcd(counter) ? pit_to_bcd(counter->ce) : counter->ce;
	bool high = pit_access(counter) == PIT_HIGH;

	if (counter->status_latched) {
		counter->status_latched = 0;
		return counter->status;
	}
	if (counter->latched) {
		value = counter->latch;
		if (pit_access(counter) == PIT_BOTH)
			high = counter->latched == 1;
		counter->latched--;
	} else if (pit_access(counter) == PIT_BOTH) {
		high = counter->read_high;
		counter->read_high = !counter->read_high;
	}
	return (uint8_t)(high ? value >> 8 : value);
}

static uint64_t pit_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct pit *pit = (struct pit *)device;

	(void)width;
	/* The control register cannot be read. */
	return offset < 3 ? pit_read_count(pit_sync(pit, (unsigned)offset)) : 0xff;
}

static void pit_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct pit *pit = (struct pit *)device;

	(void)width;
	if (offset < 3)
		pit_write_count(pit, (unsigned)offset, (uint8_t)value);
	else
		pit_write_control(pit, (uint8_t)value);
}

static const struct cbx_io pit_io = { .widths = 1, .read = pit_read, .write = pit_write };

/* ---- Gate and output ------------------------------------------------------------------ */

void pit_set_gate2(struct pit *pit, bool level)
{
	struct pit_counter *counter = pit_sync(pit, 2);
	unsigned mode = pit_mode(counter);

	if (level == counter->gate)
		return;
	pit_changing(pit, 2);
	counter->gate = level;
	if (!level && (mode == 2 || mode == 3))
		counter->out = 1;
	if (level && counter->written && mode != 0 && mode != 4)
		counter->load = 1;
	pit_changed(pit, 2);
}

bool pit_output(const struct pit *pit, unsigned number)
{
	uint64_t clock = pit_clock(pit);
	struct pit_counter counter;

	if (number > 2)
		return false;
	counter = pit->state.counters[number];
	if (clock > counter.clock)
		pit_run(&counter, clock - counter.clock);
	return counter.out;
}

/* ---- Life ------------------------------------------------------------------------------- */

static void pit_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct pit *pit = (struct pit *)device;

	/* The chip has no reset pin, but the bridge it lives in starts it afresh. */
	(void)kind;
	for (unsigned i = 0; i < 3; i++)
		pit->state.counters[i] = (struct pit_counter){
			.clock = pit_clock(pit), .control = PIT_BOTH << 4, .gate = i < 2, .null = 1,
		};
	pit->followed = pit->state.counters[2];
	pit_drive(pit);
}

static bool pit_check_counter(const struct pit_counter *counter)
{
	uint32_t ce = counter->ce;
	bool good = counter->clock <= PIT_CLOCK_MAX &&
		    counter->control <= 0x3f && pit_access(counter) != 0 &&
		    ce < pit_modulus(counter) && counter->latched <= 2;

	good = good && counter->gate <= 1 && counter->out <= 1 && counter->null <= 1 &&
	       counter->load <= 1 && counter->written <= 1 && counter->counting <= 1 &&
	       counter->expired <= 1 && counter->odd <= 1 && counter->write_high <= 1 &&
	       counter->read_high <= 1 && counter->status_latched <= 1;
	/* A half that is empty would never end. */
	if (good && pit_mode(counter) == 3 && counter->counting)
		good = !(ce & 1) && pit_half_left(counter) > 0;
	return good;
}

static bool pit_check(const struct cbx_device *device, const void *bytes)
{
	const struct pit_state *state = bytes;
	bool good = true;

	(void)device;
	for (unsigned i = 0; i < 3; i++)
		good = good && pit_check_counter(&state->counters[i]);
	return good && state->counters[0].gate && state->counters[1].gate;
}

static void pit_loaded(struct cbx_device *device)
{
	pit_follow_restart((struct pit *)device);
}

static const struct cbx_device_type pit_type = {
	.name = "pit",
	.version = 1,
	.size = sizeof(struct pit),
	.state_offset = offsetof(struct pit, state),
	.state_size = sizeof(struct pit_state),
	.fields = pit_fields,
	.reset = pit_reset,
	.check = pit_check,
	.loaded = pit_loaded,
};

enum cbx_status pit_new(struct cbx_machine *machine, struct cbx_line out0, struct pit **pit)
{
	struct cbx_device *device;
	struct pit *made;
	enum cbx_status status = cbx_device_new(machine, &pit_type, &device);

	if (status != CBX_OK)
		return status;
	made = (struct pit *)device;
	made->out0 = out0;
	status = cbx_timer_new(device, "irq", pit_fire, 0, &made->timer);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x40, 4, &pit_io);
	*pit = made;
	return status;
}
