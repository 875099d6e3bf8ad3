/*
 * How a PC reports x87 errors in MS-DOS compatible mode: FERR# sets a latch that drives
 * IRQ 13; a write to port F0h clears it and holds IGNNE# active until FERR# goes away.
 *
 * Port F0h (F1h, the coprocessor's reset, does nothing on a 486 and later).  Manual: the
 * 82371SB data sheet, "Coprocessor error register", and SDM volume 1 appendix D.
 */
#include "ferr.h"

struct ferr_state {
	uint8_t level;                  /* FERR# is active */
	uint8_t irq;
	uint8_t ignne;
};

struct ferr {
	struct cbx_device device;
	struct ferr_state state;
	struct cbx_line irq13;
};

static const struct cbx_field ferr_fields[] = {
	CBX_FIELD(struct ferr_state, level),
	CBX_FIELD(struct ferr_state, irq),
	CBX_FIELD(struct ferr_state, ignne),
	CBX_FIELD_END
};

static void ferr_drive(struct ferr *ferr)
{
	cbx_line_set(&ferr->irq13, ferr->state.irq);
	cbx_cpu_set_ignne(&ferr->device, ferr->state.ignne);
}

static void ferr_set(void *target, unsigned number, bool level)
{
	struct ferr *ferr = target;

	(void)number;
	if (level && !ferr->state.level && !ferr->state.ignne)
		ferr->state.irq = 1;
	if (!level)
		ferr->state.ignne = 0;
	ferr->state.level = level;
	ferr_drive(ferr);
}

static void ferr_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct ferr *ferr = (struct ferr *)device;

	(void)value;
	(void)width;
	if (offset)
		return;
	ferr->state.irq = 0;
	ferr->state.ignne = ferr->state.level;
	ferr_drive(ferr);
}

static const struct cbx_io ferr_io = { .widths = 1, .write = ferr_write };

static void ferr_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct ferr *ferr = (struct ferr *)device;

	(void)kind;
	ferr->state = (struct ferr_state){ 0 };
	ferr_drive(ferr);
}

static bool ferr_check(const struct cbx_device *device, const void *bytes)
{
	const struct ferr_state *state = bytes;

	(void)device;
	return state->level <= 1 && state->irq <= 1 && state->ignne <= 1;
}

static const struct cbx_device_type ferr_type = {
	.name = "ferr",
	.version = 1,
	.size = sizeof(struct ferr),
	.state_offset = offsetof(struct ferr, state),
	.state_size = sizeof(struct ferr_state),
	.fields = ferr_fields,
	.reset = ferr_reset,
	.check = ferr_check,
};

enum cbx_status ferr_new(struct cbx_machine *machine, struct cbx_line irq13)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &ferr_type, &device);

	if (status != CBX_OK)
		return status;
	((struct ferr *)device)->irq13 = irq13;
	cbx_cpu_connect_ferr(device, (struct cbx_line){ ferr_set, device, 0 });
	return cbx_ports_map(device, 0xf0, 2, &ferr_io);
}
