/*
 * 82077AA floppy disk controller in its PC-AT mode (Intel 290166), with up to two drives.
 *
 * Ports 3F0h-3F5h and 3F7h: status registers A and B (not driven in this mode), digital
 * output, tape drive, main status and data rate select, FIFO, digital input and
 * configuration control.  Commands that move data are in floppy_transfer.c.
 */
#include "floppy_state.h"

#include <string.h>

enum { DOR_NOT_RESET = 0x04, DOR_GATE = 0x08, DOR_MOTOR = 0x10 };
enum { DSR_RESET = 0x80 };
enum { MSR_RQM = 0x80, MSR_TO_HOST = 0x40, MSR_NON_DMA = 0x20, MSR_BUSY = 0x10 };
enum { CONFIG_NO_FIFO = 0x20, CONFIG_NO_POLL = 0x10, CONFIG_FIFO = 0x2f };
enum { RATE_250K = 2, TRACKS = 84, RECALIBRATE_STEPS = 79 };
enum { STEP_NANOSECONDS = 10000, SEEK_NANOSECONDS = 20000, RESET_NANOSECONDS = 20000 };

/* ---- Lines and drives ------------------------------------------------------------------------ */

/* DOR's gate bit keeps both lines off the bus. */
static void update_lines(struct floppy *floppy)
{
	bool gate = floppy->state.dor & DOR_GATE;

	cbx_line_set(&floppy->irq, gate && floppy->state.irq);
	if (floppy->channel.dma)
		dma_request(floppy->channel, gate && floppy->state.drq);
}

void floppy_set_irq(struct floppy *floppy, bool level)
{
	floppy->state.irq = level;
	update_lines(floppy);
}

void floppy_set_drq(struct floppy *floppy, bool level)
{
	floppy->state.drq = level;
	update_lines(floppy);
}

struct floppy_drive *floppy_drive(struct floppy *floppy, unsigned number)
{
	if (number >= FLOPPY_DRIVES || !floppy->drives[number].present)
		return NULL;
	return &floppy->drives[number];
}

struct floppy_drive_state *floppy_drive_state(struct floppy *floppy, unsigned number)
{
	return &floppy->state.drives[number & (FLOPPY_DRIVES - 1)];
}

void floppy_step_to(struct floppy *floppy, unsigned number, unsigned track)
{
	struct floppy_drive *drive = floppy_drive(floppy, number);
	struct floppy_drive_state *state = floppy_drive_state(floppy, number);

	if (!drive)
		return;
	if (track >= TRACKS)
		track = TRACKS - 1;
	if (state->track != track && drive->format)
		state->changed = false;
	state->track = (uint8_t)track;
}

/* ---- The FIFO in the command and result phases -------------------------------------------------- */

static void fifo_clear(struct floppy *floppy)
{
	memset(floppy->state.fifo, 0, sizeof(floppy->state.fifo));
	floppy->state.fifo_position = floppy->state.fifo_length = 0;
}

static void fifo_put(struct floppy *floppy, uint8_t byte)
{
	struct floppy_state *state = &floppy->state;

	if (state->fifo_length < FLOPPY_FIFO)
		state->fifo[state->fifo_length++] = byte;
}

static uint8_t fifo_get(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;

	if (state->fifo_position >= state->fifo_length)
		return 0;
	return state->fifo[state->fifo_position++];
}

static void to_command_phase(struct floppy *floppy)
{
	fifo_clear(floppy);
	floppy->state.phase = FLOPPY_COMMAND;
}

void floppy_result(struct floppy *floppy, const uint8_t *bytes, unsigned count, bool interrupt)
{
	fifo_clear(floppy);
	for (unsigned i = 0; i < count; i++)
		fifo_put(floppy, bytes[i]);
	floppy->state.phase = FLOPPY_RESULT;
	if (interrupt)
		floppy_set_irq(floppy, true);
}

static void result_byte(struct floppy *floppy, uint8_t byte)
{
	floppy_result(floppy, &byte, 1, false);
}

/* ---- Reset ---------------------------------------------------------------------------------------- */

/* What every reset does; those of DOR and DSR keep what LOCK protects. */
static void controller_reset(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;

	for (unsigned i = 0; i < 4; i++) {
		cbx_timer_cancel(floppy->seek_timers[i]);
		state->pcn[i] = state->target[i] = state->seek_st0[i] = 0;
	}
	cbx_timer_cancel(floppy->work_timer);
	cbx_timer_cancel(floppy->reset_timer);
	state->seeking = state->seek_ended = 0;
	state->reset_senses = 0;
	state->terminal_count = false;
	state->position = state->unit = 0;
	state->command = 0;
	if (state->locked) {
		state->config &= CONFIG_FIFO;
	} else {
		state->config = CONFIG_NO_FIFO;
		state->precompensation_track = 0;
	}
	state->perpendicular &= 0x3c;
	state->irq = state->drq = false;
	to_command_phase(floppy);
	update_lines(floppy);
}

/*
 * Out of reset: the ready lines of all drives "change", unless a CONFIGURE switches
 * polling off before they are looked at.
 */
static void leave_reset(struct floppy *floppy)
{
	to_command_phase(floppy);
	cbx_timer_set(floppy->reset_timer, cbx_time(&floppy->device) + RESET_NANOSECONDS);
}

static void reset_timer(struct cbx_device *device, unsigned number)
{
	struct floppy *floppy = (struct floppy *)device;

	(void)number;
	if (floppy->state.config & CONFIG_NO_POLL || !(floppy->state.dor & DOR_NOT_RESET))
		return;
	floppy->state.reset_senses = 4;
	floppy_set_irq(floppy, true);
}

static void dor_write(struct floppy *floppy, uint8_t value)
{
	struct floppy_state *state = &floppy->state;
	uint8_t before = state->dor;

	state->dor = value;
	if (!(value & DOR_NOT_RESET)) {
		if (before & DOR_NOT_RESET)
			controller_reset(floppy);
		state->phase = FLOPPY_RESET;
	} else if (!(before & DOR_NOT_RESET)) {
		leave_reset(floppy);
	}
	update_lines(floppy);
}

static void dsr_write(struct floppy *floppy, uint8_t value)
{
	floppy->state.dsr = value & 0x7f;
	floppy->state.rate = value & 3;
	/* This reset ends by itself. */
	if ((value & DSR_RESET) && (floppy->state.dor & DOR_NOT_RESET)) {
		controller_reset(floppy);
		leave_reset(floppy);
	}
}

/* ---- Seeks --------------------------------------------------------------------------------------------- */

static void begin_seek(struct floppy *floppy, unsigned number, uint8_t target, unsigned steps)
{
	struct floppy_state *state = &floppy->state;

	state->target[number] = target;
	state->seeking |= (uint8_t)(1u << number);
	state->seek_ended &= (uint8_t)~(1u << number);
	cbx_timer_set(floppy->seek_timers[number],
		      cbx_time(&floppy->device) + SEEK_NANOSECONDS +
		      (uint64_t)steps * STEP_NANOSECONDS);
	to_command_phase(floppy);
}

static void seek_timer(struct cbx_device *device, unsigned number)
{
	struct floppy *floppy = (struct floppy *)device;
	struct floppy_state *state = &floppy->state;

	state->seeking &= (uint8_t)~(1u << number);
	state->seek_ended |= (uint8_t)(1u << number);
	floppy_set_irq(floppy, true);
}

static void command_recalibrate(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	unsigned number = state->fifo[1] & 3;
	unsigned track = floppy_drive_state(floppy, number)->track;
	unsigned steps = track < RECALIBRATE_STEPS ? track : RECALIBRATE_STEPS;

	state->seek_st0[number] = (uint8_t)(ST0_SEEK_END | number);
	/* A missing drive never shows track 0, nor does one that is too far out. */
	if (!floppy_drive(floppy, number)) {
		steps = RECALIBRATE_STEPS;
		state->seek_st0[number] |= ST0_ABNORMAL | ST0_EQUIPMENT;
	} else {
		floppy_step_to(floppy, number, track - steps);
		if (track > steps)
			state->seek_st0[number] |= ST0_ABNORMAL | ST0_EQUIPMENT;
	}
	state->pcn[number] = 0;
	begin_seek(floppy, number, 0, steps);
}

/* The controller counts steps from where it believes the heads are. */
static void seek_by(struct floppy *floppy, unsigned number, int steps)
{
	struct floppy_state *state = &floppy->state;
	int track = floppy_drive_state(floppy, number)->track + steps;
	uint8_t target = (uint8_t)(state->pcn[number] + steps);

	state->seek_st0[number] = (uint8_t)(ST0_SEEK_END | (state->fifo[1] & 4) | number);
	floppy_step_to(floppy, number, track < 0 ? 0 : (unsigned)track);
	state->pcn[number] = target;
	begin_seek(floppy, number, target, (unsigned)(steps < 0 ? -steps : steps));
}

static void command_seek(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	unsigned number = state->fifo[1] & 3;
	int steps = state->fifo[2] - state->pcn[number];

	/* Bit 7 of the command byte: a relative seek, bit 6 inwards. */
	if (state->command & 0x80)
		steps = state->command & 0x40 ? state->fifo[2] : -(int)state->fifo[2];
	seek_by(floppy, number, steps);
}

static void command_sense_interrupt(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	uint8_t bytes[2];

	if (state->reset_senses) {
		unsigned number = 4u - state->reset_senses;

		state->reset_senses--;
		bytes[0] = (uint8_t)(ST0_READY_CHANGED | number);
		bytes[1] = state->pcn[number & 3];
		floppy_set_irq(floppy, false);
		floppy_result(floppy, bytes, 2, false);
		return;
	}
	for (unsigned number = 0; number < 4; number++) {
		if (!(state->seek_ended >> number & 1))
			continue;
		state->seek_ended &= (uint8_t)~(1u << number);
		bytes[0] = state->seek_st0[number];
		bytes[1] = state->pcn[number];
		/* Another drive's seek may have ended meanwhile. */
		floppy_set_irq(floppy, false);
		if (state->seek_ended)
			floppy_set_irq(floppy, true);
		floppy_result(floppy, bytes, 2, false);
		return;
	}
	result_byte(floppy, ST0_INVALID);
}

/* ---- Other commands -------------------------------------------------------------------------------------- */

static void command_sense_drive(struct floppy *floppy)
{
	unsigned number = floppy->state.fifo[1] & 3;
	struct floppy_drive *drive = floppy_drive(floppy, number);
	uint8_t st3 = (uint8_t)(0x28 | (floppy->state.fifo[1] & 7));

	if (drive && floppy_drive_state(floppy, number)->track == 0)
		st3 |= 0x10;
	if (drive && drive->format && (drive->disk.read_only || !drive->disk.write))
		st3 |= 0x40;
	result_byte(floppy, st3);
}

static void command_dumpreg(struct floppy *floppy)
{
	const struct floppy_state *state = &floppy->state;
	uint8_t bytes[10];

	memcpy(bytes, state->pcn, 4);
	bytes[4] = state->specify[0];
	bytes[5] = state->specify[1];
	bytes[6] = state->end;
	bytes[7] = (uint8_t)((state->locked ? 0x80 : 0) | (state->perpendicular & 0x3f));
	bytes[8] = state->config;
	bytes[9] = state->precompensation_track;
	floppy_result(floppy, bytes, sizeof(bytes), false);
}

static void command_perpendicular(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	uint8_t value = state->fifo[1];

	/* The drive bits change only with OW. */
	if (value & 0x80)
		state->perpendicular = value & 0x3f;
	else
		state->perpendicular = (uint8_t)((state->perpendicular & 0x3c) | (value & 3));
	to_command_phase(floppy);
}

static void execute(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;

	if (floppy_is_transfer(state->command)) {
		floppy_transfer_begin(floppy);
		return;
	}
	switch (state->command & 0x1f) {
	case FLOPPY_SPECIFY:
		state->specify[0] = state->fifo[1];
		state->specify[1] = state->fifo[2];
		to_command_phase(floppy);
		break;
	case FLOPPY_SENSE_DRIVE:
		command_sense_drive(floppy);
		break;
	case FLOPPY_RECALIBRATE:
		command_recalibrate(floppy);
		break;
	case FLOPPY_SENSE_INTERRUPT:
		command_sense_interrupt(floppy);
		break;
	case FLOPPY_DUMPREG:
		command_dumpreg(floppy);
		break;
	case FLOPPY_SEEK:
		command_seek(floppy);
		break;
	case FLOPPY_VERSION:
		result_byte(floppy, 0x90);
		break;
	case FLOPPY_PERPENDICULAR:
		command_perpendicular(floppy);
		break;
	case FLOPPY_CONFIGURE:
		state->config = state->fifo[2] & 0x7f;
		state->precompensation_track = state->fifo[3];
		to_command_phase(floppy);
		break;
	default:                        /* LOCK */
		state->locked = state->command & 0x80;
		result_byte(floppy, state->locked ? 0x10 : 0);
	}
}

/* How many bytes a command has, 0 when there is no such command. */
static unsigned command_length(uint8_t command)
{
	/* Bits that are part of the code; the others among MT, MFM, SK are free. */
	static const struct {
		uint8_t code, mask, length;
	} commands[] = {
		{ FLOPPY_READ_TRACK, 0x9f, 9 }, { FLOPPY_SPECIFY, 0xff, 3 },
		{ FLOPPY_SENSE_DRIVE, 0xff, 2 }, { FLOPPY_WRITE, 0x3f, 9 },
		{ FLOPPY_READ, 0x1f, 9 }, { FLOPPY_RECALIBRATE, 0xff, 2 },
		{ FLOPPY_SENSE_INTERRUPT, 0xff, 1 }, { FLOPPY_WRITE_DELETED, 0x3f, 9 },
		{ FLOPPY_READ_ID, 0xbf, 2 }, { FLOPPY_READ_DELETED, 0x1f, 9 },
		{ FLOPPY_FORMAT, 0xbf, 6 }, { FLOPPY_DUMPREG, 0xff, 1 }, { FLOPPY_SEEK, 0xff, 3 },
		{ 0x80 | FLOPPY_SEEK, 0xbf, 3 }, { FLOPPY_VERSION, 0xff, 1 },
		{ FLOPPY_SCAN_EQUAL, 0x1f, 9 }, { FLOPPY_PERPENDICULAR, 0xff, 2 },
		{ FLOPPY_CONFIGURE, 0xff, 4 }, { FLOPPY_LOCK, 0x7f, 1 }, { FLOPPY_VERIFY, 0x1f, 9 },
		{ FLOPPY_SCAN_LOW, 0x1f, 9 }, { FLOPPY_SCAN_HIGH, 0x1f, 9 }
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if ((command & commands[i].mask) == commands[i].code)
			return commands[i].length;
	}
	return 0;
}

static void command_byte(struct floppy *floppy, uint8_t byte)
{
	struct floppy_state *state = &floppy->state;

	if (!state->fifo_length) {
		state->command = byte;
		if (!command_length(byte)) {
			result_byte(floppy, ST0_INVALID);
			return;
		}
	}
	fifo_put(floppy, byte);
	if (state->fifo_length >= command_length(state->command))
		execute(floppy);
}

/* ---- Ports -------------------------------------------------------------------------------------------------- */

static uint8_t main_status(const struct floppy *floppy)
{
	const struct floppy_state *state = &floppy->state;
	uint8_t status = state->seeking;

	switch (state->phase) {
	case FLOPPY_COMMAND:
		return status | MSR_RQM | (state->fifo_length ? MSR_BUSY : 0);
	case FLOPPY_RESULT:
		return status | MSR_RQM | MSR_TO_HOST | MSR_BUSY;
	case FLOPPY_TRANSFER:
		status |= MSR_BUSY;
		if (!floppy_transfer_uses_dma(floppy))
			status |= MSR_RQM | MSR_NON_DMA |
				  (floppy_transfer_to_host(floppy) ? MSR_TO_HOST : 0);
		return status;
	case FLOPPY_EXECUTE:
		return status | MSR_BUSY |
		       (floppy_transfer_uses_dma(floppy) ? 0 : MSR_NON_DMA);
	default:
		return 0;
	}
}

static uint8_t data_read(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	uint8_t byte;

	if (state->phase == FLOPPY_TRANSFER && !floppy_transfer_uses_dma(floppy) &&
	    floppy_transfer_to_host(floppy))
		return floppy_transfer_read(floppy);
	if (state->phase != FLOPPY_RESULT)
		return 0;
	/* Data commands' interrupt ends here; those of seeks wait for SENSE INTERRUPT. */
	if (!state->fifo_position && floppy_is_transfer(state->command))
		floppy_set_irq(floppy, false);
	byte = fifo_get(floppy);
	if (state->fifo_position >= state->fifo_length) {
		to_command_phase(floppy);
		if (state->seek_ended || state->reset_senses == 4)
			floppy_set_irq(floppy, true);
	}
	return byte;
}

static void data_write(struct floppy *floppy, uint8_t byte)
{
	struct floppy_state *state = &floppy->state;

	if (state->phase == FLOPPY_COMMAND)
		command_byte(floppy, byte);
	else if (state->phase == FLOPPY_TRANSFER && !floppy_transfer_uses_dma(floppy) &&
		 !floppy_transfer_to_host(floppy))
		floppy_transfer_write(floppy, byte);
}

/* Bit 7 is the disk change line of the selected drive, whose motor must be on. */
static uint8_t digital_input(struct floppy *floppy)
{
	unsigned number = floppy->state.dor & 3;

	if (!floppy_drive(floppy, number) || !(floppy->state.dor >> number & DOR_MOTOR))
		return 0;
	return floppy_drive_state(floppy, number)->changed ? 0x80 : 0;
}

static uint64_t floppy_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct floppy *floppy = (struct floppy *)device;

	(void)width;
	switch (offset) {
	case 2:
		return floppy->state.dor;
	case 3:
		return floppy->state.tdr | 0xfc;
	case 4:
		return main_status(floppy);
	case 5:
		return data_read(floppy);
	default:
		return 0xff;
	}
}

static void floppy_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			 unsigned width)
{
	struct floppy *floppy = (struct floppy *)device;

	(void)width;
	switch (offset) {
	case 2:
		dor_write(floppy, (uint8_t)value);
		break;
	case 3:
		floppy->state.tdr = value & 3;
		break;
	case 4:
		dsr_write(floppy, (uint8_t)value);
		break;
	case 5:
		data_write(floppy, (uint8_t)value);
		break;
	default:
		break;
	}
}

static uint64_t input_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)offset;
	(void)width;
	return digital_input((struct floppy *)device);
}

static void control_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			  unsigned width)
{
	(void)offset;
	(void)width;
	((struct floppy *)device)->state.rate = value & 3;
}

static const struct cbx_io floppy_io = { .widths = 1, .read = floppy_read, .write = floppy_write };
static const struct cbx_io rate_io = { .widths = 1, .read = input_read, .write = control_write };

/* ---- Device --------------------------------------------------------------------------------------------------- */

static void work_timer(struct cbx_device *device, unsigned number)
{
	struct floppy *floppy = (struct floppy *)device;

	(void)number;
	if (floppy->state.phase == FLOPPY_EXECUTE)
		floppy_transfer_work(floppy);
}

static void floppy_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct floppy *floppy = (struct floppy *)device;
	struct floppy_state *state = &floppy->state;
	struct floppy_drive_state drives[FLOPPY_DRIVES];

	memcpy(drives, state->drives, sizeof(drives));
	memset(state, 0, sizeof(*state));
	controller_reset(floppy);
	state->phase = FLOPPY_RESET;    /* DOR is 0 */
	state->config = CONFIG_NO_FIFO;
	state->dsr = state->rate = RATE_250K;
	if (kind == CBX_RESET_WARM) {
		memcpy(state->drives, drives, sizeof(drives));
		return;
	}
	for (unsigned i = 0; i < FLOPPY_DRIVES; i++)
		state->drives[i].changed = true;
}

static bool floppy_check(const struct cbx_device *device, const void *state)
{
	const struct floppy_state *loaded = state;

	(void)device;
	if (loaded->phase >= FLOPPY_PHASES || loaded->fifo_length > FLOPPY_FIFO ||
	    loaded->fifo_position > loaded->fifo_length || loaded->unit > FLOPPY_SECTOR ||
	    loaded->position > loaded->unit || loaded->rate > 3 || loaded->drive > 3 ||
	    loaded->head > 1 || loaded->reset_senses > 4 || loaded->tdr > 3)
		return false;
	if ((loaded->phase == FLOPPY_TRANSFER || loaded->phase == FLOPPY_EXECUTE) &&
	    !floppy_is_transfer(loaded->command))
		return false;
	if (loaded->phase == FLOPPY_TRANSFER && loaded->position >= loaded->unit)
		return false;
	if (loaded->phase == FLOPPY_COMMAND && loaded->fifo_length &&
	    loaded->fifo_length >= command_length(loaded->command))
		return false;
	return loaded->drives[0].track < TRACKS && loaded->drives[1].track < TRACKS &&
	       loaded->seeking < 16 && loaded->seek_ended < 16 && !loaded->zero;
}

static const struct cbx_field drive_fields[] = {
	CBX_FIELD(struct floppy_drive_state, track),
	CBX_FIELD(struct floppy_drive_state, changed),
	CBX_FIELD_END
};

static const struct cbx_field floppy_fields[] = {
	CBX_FIELD(struct floppy_state, position),
	CBX_FIELD(struct floppy_state, unit),
	CBX_FIELD_ARRAY(struct floppy_state, sector),
	CBX_FIELD_ARRAY(struct floppy_state, fifo),
	CBX_FIELD(struct floppy_state, fifo_position),
	CBX_FIELD(struct floppy_state, fifo_length),
	CBX_FIELD(struct floppy_state, phase),
	CBX_FIELD(struct floppy_state, dor),
	CBX_FIELD(struct floppy_state, tdr),
	CBX_FIELD(struct floppy_state, dsr),
	CBX_FIELD(struct floppy_state, rate),
	CBX_FIELD_ARRAY(struct floppy_state, specify),
	CBX_FIELD(struct floppy_state, config),
	CBX_FIELD(struct floppy_state, precompensation_track),
	CBX_FIELD(struct floppy_state, perpendicular),
	CBX_FIELD(struct floppy_state, locked),
	CBX_FIELD(struct floppy_state, irq),
	CBX_FIELD(struct floppy_state, drq),
	CBX_FIELD_ARRAY(struct floppy_state, pcn),
	CBX_FIELD_ARRAY(struct floppy_state, target),
	CBX_FIELD_ARRAY(struct floppy_state, seek_st0),
	CBX_FIELD(struct floppy_state, seeking),
	CBX_FIELD(struct floppy_state, seek_ended),
	CBX_FIELD(struct floppy_state, reset_senses),
	CBX_FIELD(struct floppy_state, command),
	CBX_FIELD(struct floppy_state, drive),
	CBX_FIELD(struct floppy_state, head),
	CBX_FIELD(struct floppy_state, cylinder),
	CBX_FIELD(struct floppy_state, id_head),
	CBX_FIELD(struct floppy_state, record),
	CBX_FIELD(struct floppy_state, size_code),
	CBX_FIELD(struct floppy_state, end),
	CBX_FIELD(struct floppy_state, last),
	CBX_FIELD(struct floppy_state, st0),
	CBX_FIELD(struct floppy_state, st1),
	CBX_FIELD(struct floppy_state, st2),
	CBX_FIELD(struct floppy_state, fill),
	CBX_FIELD(struct floppy_state, left),
	CBX_FIELD(struct floppy_state, terminal_count),
	CBX_FIELD_STRUCTS(struct floppy_state, drives, drive_fields),
	CBX_FIELD(struct floppy_state, zero),
	CBX_FIELD_END
};

static const struct cbx_device_type floppy_type = {
	.name = "floppy",
	.version = 1,
	.size = sizeof(struct floppy),
	.state_offset = offsetof(struct floppy, state),
	.state_size = sizeof(struct floppy_state),
	.fields = floppy_fields,
	.reset = floppy_reset,
	.check = floppy_check
};

static enum cbx_status new_timers(struct floppy *floppy)
{
	static const char *const names[4] = { "seek 0", "seek 1", "seek 2", "seek 3" };
	enum cbx_status status = CBX_OK;

	for (unsigned i = 0; i < 4 && status == CBX_OK; i++)
		status = cbx_timer_new(&floppy->device, names[i], seek_timer, i,
				       &floppy->seek_timers[i]);
	if (status == CBX_OK)
		status = cbx_timer_new(&floppy->device, "work", work_timer, 0, &floppy->work_timer);
	if (status == CBX_OK)
		status = cbx_timer_new(&floppy->device, "reset", reset_timer, 0,
				       &floppy->reset_timer);
	return status;
}

enum cbx_status floppy_new(struct cbx_machine *machine, struct cbx_line irq,
			   struct dma_channel channel, const struct cbx_disk_backend disks[2],
			   struct floppy **result)
{
	struct cbx_device *device;
	struct floppy *floppy;
	enum cbx_status status = cbx_device_new(machine, &floppy_type, &device);

	if (status != CBX_OK)
		return status;
	floppy = (struct floppy *)device;
	floppy->irq = irq;
	floppy->channel = channel;
	for (unsigned i = 0; i < FLOPPY_DRIVES; i++) {
		struct floppy_drive *drive = &floppy->drives[i];

		drive->present = i == 0 || disks[i].read;
		drive->type = 4;
		if (!disks[i].read)
			continue;
		drive->disk = disks[i];
		drive->format = floppy_format_of(&disks[i]);
		if (!drive->format)
			return CBX_ERROR_ARGUMENT;
		drive->type = drive->format->drive_type;
	}
	status = new_timers(floppy);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x3f0, 6, &floppy_io);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x3f7, 1, &rate_io);
	if (status != CBX_OK)
		return status;
	if (channel.dma)
		dma_connect(channel, &(struct dma_peripheral){ floppy_dma_transfer, floppy });
	*result = floppy;
	return CBX_OK;
}

enum cbx_status floppy_change_medium(struct floppy *floppy, unsigned number,
				     const struct cbx_disk_backend *disk)
{
	struct floppy_drive *drive = floppy_drive(floppy, number);
	const struct floppy_format *format = NULL;

	if (!drive || !disk)
		return CBX_ERROR_ARGUMENT;
	if (disk->read) {
		format = floppy_format_of(disk);
		if (!format)
			return CBX_ERROR_ARGUMENT;
	}
	drive->disk = *disk;
	drive->format = format;
	floppy_drive_state(floppy, number)->changed = true;
	return CBX_OK;
}

void floppy_put_medium(struct floppy *floppy, unsigned number, const struct cbx_disk_backend *disk)
{
	struct floppy_drive *drive = floppy_drive(floppy, number);

	if (!drive)
		return;
	drive->disk = *disk;
	drive->format = disk->read ? floppy_format_of(disk) : NULL;
}

unsigned floppy_cmos_type(const struct floppy *floppy, unsigned number)
{
	if (number >= FLOPPY_DRIVES || !floppy->drives[number].present)
		return 0;
	return floppy->drives[number].type;
}
