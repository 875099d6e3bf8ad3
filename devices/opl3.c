/*
 * YMF262 (OPL3) FM synthesizer, as on an AdLib card and its successors.
 *
 * Ports 388h (write: register number, read: status), 389h (data), 38Ah and 38Bh (the same for
 * the second bank).  Manual: Yamaha YMF262 data sheet.  Its interrupt line is not connected on
 * any card.  The sound is made in opl3_synth.c, when somebody listens.
 *
 * Programs wait for the chip by reading its status, knowing that each read takes a microsecond
 * on the ISA bus.  Here it takes none, so each read puts the chip's timers forward by that.
 */
#include "opl3.h"

#include <string.h>

#include "opl3_synth.h"

enum { OPL3_STATUS_IRQ = 0x80, OPL3_STATUS_TIMER1 = 0x40, OPL3_STATUS_TIMER2 = 0x20 };
enum { REG_TIMER1 = 0x02, REG_CONTROL = 0x04, REG_NEW = 0x105, CONTROL_RESET = 0x80 };

#define OPL3_NS UINT64_C(1000000000)
#define OPL3_READ_NS 1000u
/* Timer 1 counts every four samples, timer 2 every sixteen. */
#define OPL3_TICK (4u * OPL3_DIVIDER)

struct opl3_state {
	uint8_t registers[OPL3_REGISTERS];
	uint64_t waited;                /* ns that status reads took */
	uint64_t started[2];            /* when the timers began their periods, in ns with that */
	uint16_t address;               /* the register that data goes to */
	uint8_t flags;                  /* timers that have run out, as in the status */
	uint8_t reserved[5];
};

struct opl3 {
	struct cbx_device device;
	struct opl3_state state;
	struct sound_mix *mix;
	/* What is heard, no state: */
	struct opl3_synth synth;
	int32_t window[4][2];           /* the last samples */
	uint64_t position;              /* since the third of them, in parts of a sample; see below */
	int32_t gain[2];
};

static const struct cbx_field opl3_fields[] = {
	CBX_FIELD_ARRAY(struct opl3_state, registers),
	CBX_FIELD(struct opl3_state, waited),
	CBX_FIELD_ARRAY(struct opl3_state, started),
	CBX_FIELD(struct opl3_state, address),
	CBX_FIELD(struct opl3_state, flags),
	CBX_FIELD_ARRAY(struct opl3_state, reserved),
	CBX_FIELD_END
};

/* ---- Sound ------------------------------------------------------------------------------- */

/*
 * The chip's samples are brought to the backend's rate by cubic interpolation.  A frame takes
 * OPL3_CRYSTAL of the parts of which a sample has OPL3_DIVIDER times the backend's rate.
 */
static uint64_t opl3_unit(const struct opl3 *opl3)
{
	return (uint64_t)OPL3_DIVIDER * opl3->mix->backend.rate;
}

/* Between the second and the third of four samples, at t 32768ths of the way. */
static int32_t opl3_between(const struct opl3 *opl3, unsigned side, int64_t t)
{
	int64_t a = opl3->window[0][side], b = opl3->window[1][side], c = opl3->window[2][side];
	int64_t d = opl3->window[3][side], sum;

	sum = (3 * (b - c) + d - a) * t / 32768;
	sum = (2 * a - 5 * b + 4 * c - d + sum) * t / 32768;
	sum = (c - a + sum) * t / 65536;
	return (int32_t)(b + sum);
}

static void opl3_render(void *user, int32_t *samples, size_t frames)
{
	struct opl3 *opl3 = user;
	uint64_t unit = opl3_unit(opl3);

	for (size_t i = 0; i < frames; i++) {
		int64_t t;

		opl3->position += OPL3_CRYSTAL;
		while (opl3->position >= unit) {
			opl3->position -= unit;
			memmove(opl3->window[0], opl3->window[1], 3 * sizeof(opl3->window[0]));
			opl3_synth_sample(&opl3->synth, opl3->window[3]);
		}
		t = (int64_t)(opl3->position * 32768 / unit);
		for (unsigned side = 0; side < 2; side++)
			samples[2 * i + side] += (int32_t)((int64_t)opl3_between(opl3, side, t) *
							   opl3->gain[side] / 65536);
	}
}

static bool opl3_still(const void *user)
{
	const struct opl3 *opl3 = user;

	for (unsigned n = 0; n < 4; n++)
		if (opl3->window[n][0] || opl3->window[n][1])
			return false;
	return opl3_synth_silent(&opl3->synth);
}

static void opl3_skip(void *user, uint64_t frames)
{
	struct opl3 *opl3 = user;
	uint64_t parts = opl3->position + frames * OPL3_CRYSTAL, unit = opl3_unit(opl3);

	opl3->synth.counter += parts / unit;
	opl3->position = parts % unit;
}

static void opl3_restart(void *user)
{
	struct opl3 *opl3 = user;

	opl3_synth_load(&opl3->synth, opl3->state.registers);
	memset(opl3->window, 0, sizeof(opl3->window));
	opl3->position = 0;
}

void opl3_set_gain(struct opl3 *opl3, int32_t left, int32_t right)
{
	sound_mix_sync(opl3->mix);
	opl3->gain[0] = left;
	opl3->gain[1] = right;
}

/* ---- Timers ------------------------------------------------------------------------------ */

static uint64_t opl3_clock(const struct opl3 *opl3)
{
	return cbx_time(&opl3->device) + opl3->state.waited;
}

static uint64_t opl3_period(const struct opl3 *opl3, unsigned timer)
{
	uint64_t ticks = (256u - opl3->state.registers[REG_TIMER1 + timer]) * (timer ? 4u : 1u);

	return cbx_muldiv(ticks * OPL3_TICK, OPL3_NS, OPL3_CRYSTAL);
}

/* Sets the flags of timers that have run out by now. */
static void opl3_run_timers(struct opl3 *opl3)
{
	struct opl3_state *state = &opl3->state;
	uint64_t now = opl3_clock(opl3);

	for (unsigned timer = 0; timer < 2; timer++) {
		uint64_t period = opl3_period(opl3, timer);
		uint8_t control = state->registers[REG_CONTROL], flag = OPL3_STATUS_TIMER1 >> timer;

		if (!(control >> timer & 1) || now < state->started[timer] ||
		    now - state->started[timer] < period)
			continue;
		state->started[timer] = now - (now - state->started[timer]) % period;
		/* The mask bits are where the flags are. */
		if (!(control & flag))
			state->flags |= flag;
	}
}

static void opl3_write_control(struct opl3 *opl3, uint8_t value)
{
	struct opl3_state *state = &opl3->state;
	uint8_t before = state->registers[REG_CONTROL];

	if (value & CONTROL_RESET) {
		state->flags = 0;
		return;
	}
	for (unsigned timer = 0; timer < 2; timer++)
		if (value >> timer & 1 && !(before >> timer & 1))
			state->started[timer] = opl3_clock(opl3);
	state->registers[REG_CONTROL] = value;
}

/* ---- Ports ------------------------------------------------------------------------------- */

static void opl3_write_register(struct opl3 *opl3, unsigned number, uint8_t value)
{
	opl3_run_timers(opl3);
	if (number == REG_CONTROL) {
		opl3_write_control(opl3, value);
		return;
	}
	sound_mix_sync(opl3->mix);
	opl3->state.registers[number] = value;
	if (sound_mix_heard(opl3->mix))
		opl3_synth_write(&opl3->synth, number, value);
}

uint8_t opl3_read(struct opl3 *opl3, unsigned port)
{
	uint8_t flags;

	if (port & 1)
		return 0xff;
	opl3->state.waited += OPL3_READ_NS;
	opl3_run_timers(opl3);
	flags = opl3->state.flags;
	return flags ? flags | OPL3_STATUS_IRQ : 0;
}

/*
 * Until the NEW bit says that the program knows an OPL3, the chip is an OPL2 with one bank: of the second
 * there is only the register with that bit, and all other numbers name the first's.
 */
static bool opl3_second_bank(const struct opl3 *opl3, uint8_t number)
{
	return (opl3->state.registers[REG_NEW] & 1) || number == (REG_NEW & 0xff);
}

void opl3_write(struct opl3 *opl3, unsigned port, uint8_t value)
{
	if (port & 1)
		opl3_write_register(opl3, opl3->state.address & (OPL3_REGISTERS - 1), value);
	else
		opl3->state.address = port & 2 && opl3_second_bank(opl3, value) ? 0x100 | value : value;
}

static uint64_t opl3_port_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)width;
	return opl3_read((struct opl3 *)device, (unsigned)offset);
}

static void opl3_port_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			    unsigned width)
{
	(void)width;
	opl3_write((struct opl3 *)device, (unsigned)offset, (uint8_t)value);
}

static const struct cbx_io opl3_io = {
	.widths = 1, .read = opl3_port_read, .write = opl3_port_write
};

/* ---- Life -------------------------------------------------------------------------------- */

static void opl3_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct opl3 *opl3 = (struct opl3 *)device;

	(void)kind;
	sound_mix_sync(opl3->mix);
	opl3->state = (struct opl3_state){ .address = 0 };
	if (sound_mix_heard(opl3->mix))
		opl3_synth_load(&opl3->synth, opl3->state.registers);
}

static bool opl3_check(const struct cbx_device *device, const void *bytes)
{
	const struct opl3_state *state = bytes;

	(void)device;
	return state->address < OPL3_REGISTERS &&
	       !(state->flags & ~(OPL3_STATUS_TIMER1 | OPL3_STATUS_TIMER2)) &&
	       state->waited <= INT64_MAX;
}

static const struct cbx_device_type opl3_type = {
	.name = "opl3",
	.version = 1,
	.size = sizeof(struct opl3),
	.state_offset = offsetof(struct opl3, state),
	.state_size = sizeof(struct opl3_state),
	.fields = opl3_fields,
	.reset = opl3_reset,
	.check = opl3_check,
};

enum cbx_status opl3_new(struct cbx_machine *machine, struct sound_mix *mix, struct opl3 **opl3)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &opl3_type, &device);
	struct sound_source source = { opl3_render, opl3_still, opl3_skip, opl3_restart, device };

	if (status != CBX_OK)
		return status;
	*opl3 = (struct opl3 *)device;
	(*opl3)->mix = mix;
	(*opl3)->gain[0] = (*opl3)->gain[1] = 65536;
	opl3_synth_init(&(*opl3)->synth);
	if (sound_mix_heard(mix))
		sound_mix_add(mix, &source);
	return cbx_ports_map(device, 0x388, 4, &opl3_io);
}
