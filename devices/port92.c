/*
 * Port 92h, system control port A of the PS/2: bit 1 is the fast A20 gate, a rising
 * bit 0 resets the processor.  Bits 3, 6 and 7 (security lock, disk lamps) are kept.
 */
#include "port92.h"

enum { PORT92_RESET = 0x01, PORT92_A20 = 0x02, PORT92_KEPT = 0xcb };

struct port92_state {
	uint8_t value;
};

struct port92 {
	struct cbx_device device;
	struct port92_state state;
	struct cbx_line a20;
};

static const struct cbx_field port92_fields[] = {
	CBX_FIELD(struct port92_state, value),
	CBX_FIELD_END
};

static uint64_t port92_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)offset;
	(void)width;
	return ((const struct port92 *)device)->state.value;
}

static void port92_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			 unsigned width)
{
	struct port92 *port92 = (struct port92 *)device;
	uint8_t old = port92->state.value;

	(void)offset;
	(void)width;
	port92->state.value = value & PORT92_KEPT;
	if ((old ^ value) & PORT92_A20)
		cbx_line_set(&port92->a20, value & PORT92_A20);
	if (value & ~old & PORT92_RESET)
		cbx_request_reset(device, true);
}

static const struct cbx_io port92_io = { .widths = 1, .read = port92_read, .write = port92_write };

void port92_set_a20(struct port92 *port92, bool enabled)
{
	port92->state.value &= (uint8_t)~PORT92_A20;
	port92->state.value |= enabled ? PORT92_A20 : 0;
}

static void port92_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	(void)kind;
	((struct port92 *)device)->state.value = PORT92_A20;
}

static bool port92_check(const struct cbx_device *device, const void *bytes)
{
	const struct port92_state *state = bytes;

	(void)device;
	return !(state->value & ~PORT92_KEPT);
}

static const struct cbx_device_type port92_type = {
	.name = "port92",
	.version = 1,
	.size = sizeof(struct port92),
	.state_offset = offsetof(struct port92, state),
	.state_size = sizeof(struct port92_state),
	.fields = port92_fields,
	.reset = port92_reset,
	.check = port92_check,
};

enum cbx_status port92_new(struct cbx_machine *machine, struct cbx_line a20,
			   struct port92 **port92)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &port92_type, &device);

	if (status != CBX_OK)
		return status;
	*port92 = (struct port92 *)device;
	(*port92)->a20 = a20;
	return cbx_ports_map(device, 0x92, 1, &port92_io);
}
