/*
 * Two debug consoles, as Bochs (E9h) and SeaBIOS (402h) have them: a byte written goes
 * out; a read gives E9h, so that firmware can tell that somebody listens.
 */
#include "debugport.h"

struct debugport {
	struct cbx_device device;
	struct cbx_character_backend output;
};

static uint64_t debugport_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)device;
	(void)offset;
	(void)width;
	return 0xe9;
}

static void debugport_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			    unsigned width)
{
	const struct debugport *debugport = (const struct debugport *)device;

	(void)offset;
	(void)width;
	debugport->output.write(debugport->output.user, (uint8_t)value);
}

static const struct cbx_io debugport_io = {
	.widths = 1, .read = debugport_read, .write = debugport_write
};

static const struct cbx_device_type debugport_type = {
	.name = "debugport",
	.version = 1,
	.size = sizeof(struct debugport),
};

enum cbx_status debugport_new(struct cbx_machine *machine,
			      const struct cbx_character_backend *output)
{
	struct cbx_device *device;
	enum cbx_status status;

	/* With nobody listening the ports do not exist. */
	if (!output->write)
		return CBX_OK;
	status = cbx_device_new(machine, &debugport_type, &device);
	if (status != CBX_OK)
		return status;
	((struct debugport *)device)->output = *output;
	status = cbx_ports_map(device, 0xe9, 1, &debugport_io);
	return status == CBX_OK ? cbx_ports_map(device, 0x402, 1, &debugport_io) : status;
}
