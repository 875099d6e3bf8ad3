/*
 * The parallel port in its simplest form, with a printer that is always ready.
 *
 * Three ports: data, status, control; IRQ 7 follows ACK#.  Manual: IBM PS/2 Hardware
 * Interface Technical Reference, "Parallel port controller".
 */
#include "parallel.h"

enum {
	STATUS_READY = 0x80, STATUS_NOT_ACK = 0x40, STATUS_SELECTED = 0x10,
	STATUS_NO_ERROR = 0x08, STATUS_UNUSED = 0x07
};
enum { CONTROL_STROBE = 0x01, CONTROL_IRQ = 0x10, CONTROL_INPUT = 0x20, CONTROL_KEPT = 0x3f };

/* From the strobe to the acknowledge pulse, and how long that lasts. */
#define PARALLEL_BUSY_NS 10000u
#define PARALLEL_ACK_NS 5000u

enum parallel_phase { PARALLEL_IDLE, PARALLEL_BUSY, PARALLEL_ACK, PARALLEL_PHASES };

struct parallel_state {
	uint8_t data, control, phase;
	uint8_t acknowledged;           /* an ACK# pulse has ended with the interrupt enabled */
};

struct parallel {
	struct cbx_device device;
	struct parallel_state state;
	struct cbx_line irq;
	struct cbx_character_backend printer;
	struct cbx_timer *timer;
};

static const struct cbx_field parallel_fields[] = {
	CBX_FIELD(struct parallel_state, data),
	CBX_FIELD(struct parallel_state, control),
	CBX_FIELD(struct parallel_state, phase),
	CBX_FIELD(struct parallel_state, acknowledged),
	CBX_FIELD_END
};

static uint8_t parallel_status(const struct parallel *parallel)
{
	uint8_t value = STATUS_NOT_ACK | STATUS_SELECTED | STATUS_NO_ERROR | STATUS_UNUSED;

	if (!parallel->printer.write)   /* open inputs are high, and BUSY is inverted */
		return value | 0x20;
	if (parallel->state.phase == PARALLEL_ACK)
		value &= (uint8_t)~STATUS_NOT_ACK;
	if (parallel->state.phase == PARALLEL_IDLE)
		value |= STATUS_READY;
	return value;
}

/*
 * The line follows ACK# while the interrupt is enabled, and floats high while it is not: only the
 * end of a pulse makes an edge.  It is kept low here until the first of them, because a line that
 * is high for ever would stand in the way of whatever else is on it.
 */
static void parallel_drive(struct parallel *parallel)
{
	if (!(parallel->state.control & CONTROL_IRQ) || parallel->state.phase == PARALLEL_ACK)
		parallel->state.acknowledged = 0;
	cbx_line_set(&parallel->irq, parallel->state.acknowledged);
}

static void parallel_fire(struct cbx_device *device, unsigned number)
{
	struct parallel *parallel = (struct parallel *)device;

	(void)number;
	if (parallel->state.phase == PARALLEL_BUSY) {
		parallel->state.phase = PARALLEL_ACK;
		cbx_timer_set(parallel->timer, cbx_time(device) + PARALLEL_ACK_NS);
	} else {
		parallel->state.phase = PARALLEL_IDLE;
		parallel->state.acknowledged = 1;
	}
	parallel_drive(parallel);
}

static void parallel_write_control(struct parallel *parallel, uint8_t value)
{
	bool strobe = value & ~parallel->state.control & CONTROL_STROBE;

	parallel->state.control = value & CONTROL_KEPT;
	if (strobe && parallel->printer.write && parallel->state.phase == PARALLEL_IDLE) {
		parallel->printer.write(parallel->printer.user, parallel->state.data);
		parallel->state.phase = PARALLEL_BUSY;
		cbx_timer_set(parallel->timer, cbx_time(&parallel->device) + PARALLEL_BUSY_NS);
	}
	parallel_drive(parallel);
}

static uint64_t parallel_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	const struct parallel *parallel = (const struct parallel *)device;

	(void)width;
	switch (offset) {
	case 0:
		return parallel->state.control & CONTROL_INPUT ? 0xff : parallel->state.data;
	case 1:
		return parallel_status(parallel);
	default:
		return 0xc0u | parallel->state.control;
	}
}

static void parallel_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			   unsigned width)
{
	struct parallel *parallel = (struct parallel *)device;

	(void)width;
	if (offset == 0)
		parallel->state.data = (uint8_t)value;
	else if (offset == 2)
		parallel_write_control(parallel, (uint8_t)value);
}

static const struct cbx_io parallel_io = {
	.widths = 1, .read = parallel_read, .write = parallel_write
};

static void parallel_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct parallel *parallel = (struct parallel *)device;

	(void)kind;
	parallel->state = (struct parallel_state){ 0, 0x0c, PARALLEL_IDLE, 0 };
	cbx_timer_cancel(parallel->timer);
	parallel_drive(parallel);
}

static bool parallel_check(const struct cbx_device *device, const void *bytes)
{
	const struct parallel_state *state = bytes;

	(void)device;
	return state->control <= CONTROL_KEPT && state->phase < PARALLEL_PHASES &&
	       state->acknowledged <= 1;
}

static const struct cbx_device_type parallel_type = {
	.name = "parallel",
	.version = 2,
	.size = sizeof(struct parallel),
	.state_offset = offsetof(struct parallel, state),
	.state_size = sizeof(struct parallel_state),
	.fields = parallel_fields,
	.reset = parallel_reset,
	.check = parallel_check,
};

enum cbx_status parallel_new(struct cbx_machine *machine, unsigned base, struct cbx_line irq,
			     const struct cbx_character_backend *printer,
			     struct parallel **parallel)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &parallel_type, &device);

	if (status != CBX_OK)
		return status;
	*parallel = (struct parallel *)device;
	(*parallel)->irq = irq;
	(*parallel)->printer = *printer;
	status = cbx_timer_new(device, "printer", parallel_fire, 0, &(*parallel)->timer);
	return status == CBX_OK ? cbx_ports_map(device, base, 3, &parallel_io) : status;
}
