/*
 * The IDE function of the 82371SB (PIIX3), PCI 0:1.1, 8086:7010: two channels with a
 * bus master each (Intel 290550, section 2.3; Programming Interface for Bus Master IDE
 * Controller, revision 1.0).
 *
 * 16 ports at BMIBA: command, status and descriptor table pointer of each channel.  A
 * table's descriptors are an address, a byte count (0: 64 KiB) and the mark of the last.
 * The channels answer at their ports whatever the function's decode enable bits say.
 */
#include "ide_drive.h"

#include <string.h>

enum { COMMAND = 0, STATUS = 2, POINTER = 4, CHANNEL_PORTS = 8, PORTS = 16 };
enum { COMMAND_START = 0x01, COMMAND_TO_MEMORY = 0x08 };
enum { STATUS_ACTIVE = 0x01, STATUS_ERROR = 0x02, STATUS_INTERRUPT = 0x04, STATUS_CAPABLE = 0x60 };
enum { REG_IDETIM = 0x40 };

struct master_state {
	uint32_t pointer;               /* as the guest wrote it */
	uint32_t next;                  /* the descriptor after the current one */
	uint32_t address, left;         /* the rest of the current one */
	uint8_t command, status;
	bool end;                       /* the current one is the last */
	uint8_t zero;                   /* no padding */
};

struct masters_state {
	struct master_state channels[2];
};

struct ide {
	struct cbx_device device;
	struct cbx_pci_function *function;
	struct ide_channel *channels[2];
	struct masters_state state;
};

/* ---- Descriptors ---------------------------------------------------------------------------- */

static bool master_running(struct cbx_device *device, unsigned channel, bool to_memory)
{
	const struct ide *ide = (const struct ide *)device;
	const struct master_state *master = &ide->state.channels[channel & 1];

	return (master->status & STATUS_ACTIVE) &&
	       !(master->command & COMMAND_TO_MEMORY) == !to_memory &&
	       (cbx_pci_config_read(ide->function, 0x04, 2) & CBX_PCI_MASTER);
}

/* Bytes from address on, at most count, before the end of the 32 address lines. */
static uint32_t before_4gib(uint32_t address, uint32_t count)
{
	uint64_t rest = (UINT64_C(1) << 32) - address;

	return count < rest ? count : (uint32_t)rest;
}

/* Fetches the next descriptor; false: there is none. */
static bool master_fetch(struct ide *ide, struct master_state *master)
{
	uint8_t bytes[8];
	uint32_t low = before_4gib(master->next, sizeof(bytes));

	if (master->end)
		return false;
	cbx_dma_read(&ide->device, master->next, bytes, low);
	if (low < sizeof(bytes))
		cbx_dma_read(&ide->device, 0, bytes + low, sizeof(bytes) - low);
	master->next += sizeof(bytes);
	master->address = ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
			   (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24) & ~1u;
	master->left = ((uint32_t)bytes[4] | (uint32_t)bytes[5] << 8) & 0xfffe;
	if (!master->left)
		master->left = 65536;
	master->end = bytes[7] & 0x80;
	return true;
}

/*
 * Each descriptor is good for at least two bytes, so count bounds the loop.  Addresses have 32
 * bits: what crosses 4 GiB goes on at 0.
 */
static uint32_t master_transfer(struct cbx_device *device, unsigned channel, uint8_t *data,
				uint32_t count, bool to_memory)
{
	struct ide *ide = (struct ide *)device;
	struct master_state *master = &ide->state.channels[channel & 1];
	uint32_t done = 0;

	if (!master_running(device, channel, to_memory))
		return 0;
	while (done < count) {
		uint32_t piece;

		if (!master->left && !master_fetch(ide, master)) {
			/* The table is shorter than the drive's transfer. */
			master->status &= (uint8_t)~STATUS_ACTIVE;
			break;
		}
		piece = before_4gib(master->address, count - done);
		if (piece > master->left)
			piece = master->left;
		if (to_memory)
			cbx_dma_write(device, master->address, data + done, piece);
		else
			cbx_dma_read(device, master->address, data + done, piece);
		master->address += piece;
		master->left -= piece;
		done += piece;
	}
	return done;
}

static void master_interrupt(struct cbx_device *device, unsigned channel)
{
	struct master_state *master = &((struct ide *)device)->state.channels[channel & 1];

	master->status |= STATUS_INTERRUPT;
	/* All descriptors are used up: the transfer was as long as the table. */
	if (!master->left && master->end)
		master->status &= (uint8_t)~STATUS_ACTIVE;
}

/* ---- Ports at BMIBA ----------------------------------------------------------------------------- */

static uint8_t master_read_byte(const struct master_state *master, unsigned offset)
{
	switch (offset) {
	case COMMAND:
		return master->command;
	case STATUS:
		return master->status;
	case POINTER: case POINTER + 1: case POINTER + 2: case POINTER + 3:
		return (uint8_t)(master->pointer >> (8 * (offset - POINTER)));
	default:
		return 0;
	}
}

static void master_write_command(struct ide *ide, unsigned channel, uint8_t value)
{
	struct master_state *master = &ide->state.channels[channel];
	bool starts = (value & COMMAND_START) && !(master->command & COMMAND_START);

	master->command = value & (COMMAND_START | COMMAND_TO_MEMORY);
	if (!(value & COMMAND_START)) {
		master->status &= (uint8_t)~STATUS_ACTIVE;
	} else if (starts) {
		master->status |= STATUS_ACTIVE;
		master->next = master->pointer;
		master->left = 0;
		master->end = false;
		ide_channel_dma_ready(ide->channels[channel]);
	}
}

static void master_write_byte(struct ide *ide, unsigned channel, unsigned offset, uint8_t value)
{
	struct master_state *master = &ide->state.channels[channel];
	unsigned shift;

	switch (offset) {
	case COMMAND:
		master_write_command(ide, channel, value);
		break;
	case STATUS:
		master->status = (uint8_t)((master->status & ~STATUS_CAPABLE) |
					   (value & STATUS_CAPABLE));
		master->status &= (uint8_t)~(value & (STATUS_ERROR | STATUS_INTERRUPT));
		break;
	case POINTER: case POINTER + 1: case POINTER + 2: case POINTER + 3:
		shift = 8 * (offset - POINTER);
		master->pointer = (master->pointer & ~(UINT32_C(0xff) << shift)) |
				  (uint32_t)value << shift;
		master->pointer &= ~3u;
		break;
	default:
		break;
	}
}

static uint64_t masters_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	const struct ide *ide = (const struct ide *)device;
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++) {
		unsigned at = (unsigned)(offset + i) & (PORTS - 1);

		value |= (uint64_t)master_read_byte(&ide->state.channels[at / CHANNEL_PORTS],
						    at % CHANNEL_PORTS) << (8 * i);
	}
	return value;
}

static void masters_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			  unsigned width)
{
	for (unsigned i = 0; i < width; i++) {
		unsigned at = (unsigned)(offset + i) & (PORTS - 1);

		master_write_byte((struct ide *)device, at / CHANNEL_PORTS, at % CHANNEL_PORTS,
				  (uint8_t)(value >> (8 * i)));
	}
}

static const struct cbx_io masters_io = {
	.widths = 1 | 2 | 4, .read = masters_read, .write = masters_write
};

/* ---- Device --------------------------------------------------------------------------------------- */

static void ide_changed(struct cbx_device *device, unsigned first, unsigned count)
{
	struct ide *ide = (struct ide *)device;

	/* Bus mastering may have been switched on while a drive waits. */
	if (count == 256 || first > 5 || first + count <= 4)
		return;
	for (unsigned i = 0; i < 2; i++)
		ide_channel_dma_ready(ide->channels[i]);
}

static void ide_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct ide *ide = (struct ide *)device;

	(void)kind;
	memset(&ide->state, 0, sizeof(ide->state));
}

static bool ide_check(const struct cbx_device *device, const void *state)
{
	const struct masters_state *loaded = state;

	(void)device;
	for (unsigned i = 0; i < 2; i++) {
		const struct master_state *master = &loaded->channels[i];

		if (master->left > 65536 || master->zero)
			return false;
	}
	return true;
}

static const struct cbx_field master_fields[] = {
	CBX_FIELD(struct master_state, pointer),
	CBX_FIELD(struct master_state, next),
	CBX_FIELD(struct master_state, address),
	CBX_FIELD(struct master_state, left),
	CBX_FIELD(struct master_state, command),
	CBX_FIELD(struct master_state, status),
	CBX_FIELD(struct master_state, end),
	CBX_FIELD(struct master_state, zero),
	CBX_FIELD_END
};

static const struct cbx_field ide_fields[] = {
	CBX_FIELD_STRUCTS(struct masters_state, channels, master_fields),
	CBX_FIELD_END
};

static const struct cbx_device_type ide_type = {
	.name = "piix3-ide",
	.version = 1,
	.size = sizeof(struct ide),
	.state_offset = offsetof(struct ide, state),
	.state_size = sizeof(struct masters_state),
	.fields = ide_fields,
	.reset = ide_reset,
	.check = ide_check
};

enum cbx_status ide_new(struct cbx_machine *machine, struct cbx_pci_bus *bus,
			const struct ide_options *options, struct ide **result)
{
	static const struct cbx_pci_options pci_options = {
		.size = sizeof(pci_options),
		.slot = 1,
		.function = 1,
		.vendor_id = 0x8086,
		.device_id = 0x7010,
		.subsystem_vendor_id = 0x1af4,
		.subsystem_id = 0x1100,
		.class_code = 0x010180,
		.bars = { [4] = { .size = PORTS, .ports = &masters_io } },
		.changed = ide_changed
	};
	struct cbx_device *device;
	struct ide *ide;
	enum cbx_status status = cbx_device_new(machine, &ide_type, &device);

	if (status != CBX_OK)
		return status;
	ide = (struct ide *)device;
	for (unsigned i = 0; i < 2; i++) {
		struct ide_bus_master master = {
			master_transfer, master_interrupt, master_running, device
		};

		status = ide_channel_new(machine, i, options, &ide->channels[i]);
		if (status != CBX_OK)
			return status;
		ide_channel_connect(ide->channels[i], &master);
	}
	status = cbx_pci_function_new(bus, device, &pci_options, &ide->function);
	if (status != CBX_OK)
		return status;
	cbx_pci_config_default(ide->function, REG_IDETIM, 4, 0x80008000);
	cbx_pci_config_writable(ide->function, REG_IDETIM, 4, 0xf3fff3ff);
	cbx_pci_config_writable(ide->function, 0x44, 1, 0xff);          /* SIDETIM */
	*result = ide;
	return CBX_OK;
}

enum cbx_status ide_change_medium(struct ide *ide, unsigned number,
				  const struct cbx_disk_backend *disk)
{
	struct ide_drive *drive;

	if (number > 3 || !disk)
		return CBX_ERROR_ARGUMENT;
	drive = ide_channel_drive(ide->channels[number / 2], number & 1);
	if (!drive->type || !drive->type->packet)
		return CBX_ERROR_ARGUMENT;
	return atapi_change_medium(drive, disk);
}

void ide_put_medium(struct ide *ide, unsigned number, const struct cbx_disk_backend *disk)
{
	struct ide_drive *drive = ide_channel_drive(ide->channels[number / 2 & 1], number & 1);
	unsigned sector = drive->type && drive->type->packet ? 2048 : 512;

	drive->disk = *disk;
	drive->disk_sectors = disk->read ? disk->bytes / sector : 0;
}
