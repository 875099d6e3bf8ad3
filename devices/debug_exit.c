/*
 * isa-debug-exit, as QEMU has it: writing a value ends the run with the exit code
 * (value << 1) | 1, so that 0 stays the code of a run that ended well.
 */
#include "debug_exit.h"

static uint64_t debug_exit_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)device;
	(void)offset;
	(void)width;
	return 0;
}

static void debug_exit_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			     unsigned width)
{
	(void)offset;
	(void)width;
	/* More would not fit an int after the shift; the host's exit codes have 8 bits. */
	cbx_request_exit(device, (int)((value & 0x3fffffff) << 1 | 1));
}

static const struct cbx_io debug_exit_io = {
	.widths = 1 | 2 | 4, .read = debug_exit_read, .write = debug_exit_write
};

static const struct cbx_device_type debug_exit_type = {
	.name = "debug_exit",
	.version = 1,
	.size = sizeof(struct cbx_device),
};

enum cbx_status debug_exit_new(struct cbx_machine *machine, unsigned port, unsigned count)
{
	struct cbx_device *device;
	enum cbx_status status;

	if (port > 0xffff || !count || count > 0x10000 - port)
		return CBX_ERROR_ARGUMENT;
	status = cbx_device_new(machine, &debug_exit_type, &device);
	return status == CBX_OK ? cbx_ports_map(device, port, count, &debug_exit_io) : status;
}
