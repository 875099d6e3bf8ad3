/*
 * The MPU-401 as sound cards have it: UART mode, and of the intelligent mode only the two
 * commands that matter, reset and "to UART mode".
 *
 * Ports 330h (data) and 331h (write: command, read: status).  Manuals: Creative, "Sound Blaster
 * Series Hardware Programming Guide", chapter 6; Roland, "MPU-401 technical reference".
 * Nothing is connected to MIDI in; what goes out is the backend's, at once.
 */
#include "mpu401.h"

enum { MPU401_ACKNOWLEDGE = 0xfe };
enum { MPU401_RESET = 0xff, MPU401_TO_UART = 0x3f };
enum { MPU401_NO_DATA = 0x80, MPU401_UNUSED = 0x3f };

struct mpu401_state {
	bool uart;
	bool acknowledged;              /* a byte FEh waits to be read */
};

struct mpu401 {
	struct cbx_device device;
	struct mpu401_state state;
	struct cbx_line irq;
	struct cbx_character_backend midi;
};

static const struct cbx_field mpu401_fields[] = {
	CBX_FIELD(struct mpu401_state, uart),
	CBX_FIELD(struct mpu401_state, acknowledged),
	CBX_FIELD_END
};

static void mpu401_acknowledge(struct mpu401 *mpu401, bool waits)
{
	mpu401->state.acknowledged = waits;
	cbx_line_set(&mpu401->irq, waits);
}

static void mpu401_command(struct mpu401 *mpu401, uint8_t command)
{
	bool uart = mpu401->state.uart;

	/* In UART mode only the reset is a command, and it is not acknowledged. */
	if (command == MPU401_RESET) {
		mpu401->state.uart = false;
		mpu401_acknowledge(mpu401, !uart);
	} else if (!uart) {
		mpu401->state.uart = command == MPU401_TO_UART;
		mpu401_acknowledge(mpu401, true);
	}
}

static uint64_t mpu401_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct mpu401 *mpu401 = (struct mpu401 *)device;
	bool waits = mpu401->state.acknowledged;

	(void)width;
	if (offset)
		return MPU401_UNUSED | (waits ? 0 : MPU401_NO_DATA);
	mpu401_acknowledge(mpu401, false);
	return waits ? MPU401_ACKNOWLEDGE : 0xff;
}

static void mpu401_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct mpu401 *mpu401 = (struct mpu401 *)device;

	(void)width;
	if (offset)
		mpu401_command(mpu401, (uint8_t)value);
	else if (mpu401->state.uart && mpu401->midi.write)
		mpu401->midi.write(mpu401->midi.user, (uint8_t)value);
}

static const struct cbx_io mpu401_io = { .widths = 1, .read = mpu401_read, .write = mpu401_write };

static void mpu401_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct mpu401 *mpu401 = (struct mpu401 *)device;

	(void)kind;
	mpu401->state.uart = false;
	mpu401_acknowledge(mpu401, false);
}

static const struct cbx_device_type mpu401_type = {
	.name = "mpu401",
	.version = 1,
	.size = sizeof(struct mpu401),
	.state_offset = offsetof(struct mpu401, state),
	.state_size = sizeof(struct mpu401_state),
	.fields = mpu401_fields,
	.reset = mpu401_reset,
};

enum cbx_status mpu401_new(struct cbx_machine *machine, unsigned base, struct cbx_line irq,
			   const struct cbx_character_backend *midi, struct mpu401 **mpu401)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &mpu401_type, &device);

	if (status != CBX_OK)
		return status;
	*mpu401 = (struct mpu401 *)device;
	(*mpu401)->irq = irq;
	(*mpu401)->midi = *midi;
	return cbx_ports_map(device, base, 2, &mpu401_io);
}
