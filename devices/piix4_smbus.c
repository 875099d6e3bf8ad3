/*
 * The SMBus host controller in the 82371AB's function 3 (Intel 290562, section 7.3),
 * 16 ports at SMBBA.  There is no device on the bus: every transfer ends, after the time
 * it takes to send an address, with a device error.
 */
#include "piix4_smbus.h"

#include <string.h>

enum {
	HSTSTS = 0, SLVSTS = 1, HSTCNT = 2, HSTCMD = 3, HSTADD = 4, HSTDAT0 = 5, HSTDAT1 = 6,
	BLKDAT = 7, SLVCNT = 8, SHDWCMD = 9, SLVEVT = 10, SLVDAT = 12, PORTS = 16
};
enum { STATUS_BUSY = 0x01, STATUS_DEVICE_ERROR = 0x04, STATUS_FAILED = 0x10 };
enum { CONTROL_INTERRUPT = 0x01, CONTROL_KILL = 0x02, CONTROL_START = 0x40 };
enum { BLOCK_BYTES = 32, ADDRESS_NANOSECONDS = 200000 };

struct smbus_state {
	uint8_t registers[PORTS];
	uint8_t block[BLOCK_BYTES];
	uint8_t block_index;
};

struct piix4_smbus {
	struct cbx_device device;
	struct cbx_line interrupt;
	struct cbx_timer *timer;
	uint32_t base;                  /* derived */
	bool routed;                    /* derived */
	struct smbus_state state;
};

void piix4_smbus_update(struct piix4_smbus *smbus)
{
	const uint8_t *registers = smbus->state.registers;

	cbx_line_set(&smbus->interrupt, smbus->routed && (registers[HSTSTS] & 0x1e) &&
		     (registers[HSTCNT] & CONTROL_INTERRUPT));
}

static void smbus_finish(struct cbx_device *device, unsigned number)
{
	struct piix4_smbus *smbus = (struct piix4_smbus *)device;

	(void)number;
	smbus->state.registers[HSTSTS] = STATUS_DEVICE_ERROR;
	piix4_smbus_update(smbus);
}

static uint64_t smbus_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct smbus_state *state = &((struct piix4_smbus *)device)->state;

	(void)width;
	if (offset == HSTCNT) {
		state->block_index = 0;
	} else if (offset == BLKDAT) {
		uint8_t value = state->block[state->block_index % BLOCK_BYTES];

		state->block_index = (uint8_t)((state->block_index + 1) % BLOCK_BYTES);
		return value;
	}
	return state->registers[offset % PORTS];
}

static void smbus_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct piix4_smbus *smbus = (struct piix4_smbus *)device;
	struct smbus_state *state = &smbus->state;
	uint8_t byte = (uint8_t)value;

	(void)width;
	switch (offset) {
	case HSTSTS:
		state->registers[HSTSTS] &= (uint8_t)~(byte & 0x1e);
		break;
	case SLVSTS:
		state->registers[SLVSTS] &= (uint8_t)~(byte & 0x3c);
		break;
	case HSTCNT:
		state->registers[HSTCNT] = byte & 0x1f;
		if ((byte & CONTROL_KILL) && cbx_timer_armed(smbus->timer)) {
			cbx_timer_cancel(smbus->timer);
			state->registers[HSTSTS] = STATUS_FAILED;
		} else if ((byte & CONTROL_START) && !(state->registers[HSTSTS] & STATUS_BUSY)) {
			state->registers[HSTSTS] = STATUS_BUSY;
			cbx_timer_set(smbus->timer, cbx_time(device) + ADDRESS_NANOSECONDS);
		}
		break;
	case BLKDAT:
		state->block[state->block_index % BLOCK_BYTES] = byte;
		state->block_index = (uint8_t)((state->block_index + 1) % BLOCK_BYTES);
		break;
	case SHDWCMD:
	case SLVDAT:
	case SLVDAT + 1:
		break;
	default:
		state->registers[offset % PORTS] = byte;
	}
	piix4_smbus_update(smbus);
}

static const struct cbx_io smbus_io = { .widths = 1, .read = smbus_read, .write = smbus_write };

void piix4_smbus_place(struct piix4_smbus *smbus, uint32_t base, bool interrupt)
{
	smbus->routed = interrupt;
	if (base == smbus->base)
		return;
	if (smbus->base)
		cbx_ports_unmap(&smbus->device, smbus->base, PORTS);
	smbus->base = base;
	if (base && cbx_ports_map(&smbus->device, base, PORTS, &smbus_io) != CBX_OK)
		smbus->base = 0;
}

static void smbus_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct piix4_smbus *smbus = (struct piix4_smbus *)device;

	(void)kind;
	memset(&smbus->state, 0, sizeof(smbus->state));
	cbx_timer_cancel(smbus->timer);
	piix4_smbus_update(smbus);
}

static bool smbus_check(const struct cbx_device *device, const void *state)
{
	(void)device;
	return ((const struct smbus_state *)state)->block_index < BLOCK_BYTES;
}

static const struct cbx_field smbus_fields[] = {
	CBX_FIELD_ARRAY(struct smbus_state, registers),
	CBX_FIELD_ARRAY(struct smbus_state, block),
	CBX_FIELD(struct smbus_state, block_index),
	CBX_FIELD_END
};

static const struct cbx_device_type smbus_type = {
	.name = "piix4-smbus",
	.version = 1,
	.size = sizeof(struct piix4_smbus),
	.state_offset = offsetof(struct piix4_smbus, state),
	.state_size = sizeof(struct smbus_state),
	.fields = smbus_fields,
	.reset = smbus_reset,
	.check = smbus_check
};

enum cbx_status piix4_smbus_new(struct cbx_machine *machine, struct cbx_line interrupt,
				struct piix4_smbus **result)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &smbus_type, &device);

	if (status != CBX_OK)
		return status;
	*result = (struct piix4_smbus *)device;
	(*result)->interrupt = interrupt;
	return cbx_timer_new(device, "transfer", smbus_finish, 0, &(*result)->timer);
}
