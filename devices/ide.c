/*
 * An IDE channel: the task file of two drives, their interrupt line, the data port and
 * the protocols (ATA/ATAPI-6, clauses 7 and 9).  Ports 1F0h-1F7h and 3F6h, or 170h-177h
 * and 376h.  Drives are in ata.c and atapi.c, the bus master in piix3_ide.c.
 *
 * Registers are written to both drives and read from the selected one.  A command never
 * does anything in the write that starts it: the drive is busy until its timer fires.
 */
#include "ide_drive.h"

#include <string.h>

enum { CONTROL_NIEN = 0x02, CONTROL_SRST = 0x04, CONTROL_HOB = 0x80 };
enum { COMMAND_DEVICE_RESET = 0x08, COMMAND_DIAGNOSTIC = 0x90 };
/* Guest time that things take: long enough to be seen, too short to be waited for. */
enum {
	COMMAND_NANOSECONDS = 2000, BLOCK_NANOSECONDS = 1000, RESET_NANOSECONDS = 10000,
	DMA_NANOSECONDS = 2000, DMA_NANOSECONDS_PER_KIB = 1000
};

struct channel_state {
	struct ide_drive_state drives[2];
	uint8_t control, selected;
	bool line;                      /* INTRQ as it leaves the channel */
	uint8_t zeros[5];               /* no padding */
};

struct ide_channel {
	struct cbx_device device;
	unsigned number;
	struct ide_drive drives[2];
	struct cbx_line irq;
	struct ide_bus_master master;
	struct channel_state state;
};

/* ---- Lines and timers ------------------------------------------------------------------- */

static void channel_update_line(struct ide_channel *channel)
{
	struct channel_state *state = &channel->state;
	bool level = channel->drives[state->selected].type &&
		     state->drives[state->selected].irq && !(state->control & CONTROL_NIEN);
	bool rises = level && !state->line;

	state->line = level;
	cbx_line_set(&channel->irq, level);
	if (rises && channel->master.interrupt)
		channel->master.interrupt(channel->master.device, channel->number);
}

void ide_interrupt(struct ide_drive *drive)
{
	drive->state->irq = true;
	channel_update_line(drive->channel);
}

static void drive_clear_interrupt(struct ide_drive *drive)
{
	drive->state->irq = false;
	channel_update_line(drive->channel);
}

static void drive_wait(struct ide_drive *drive, enum ide_phase phase, uint64_t nanoseconds)
{
	drive->state->phase = (uint8_t)phase;
	drive->state->status = phase == IDE_DMA ? drive->state->status : IDE_BSY;
	cbx_timer_set(drive->timer, cbx_time(&drive->channel->device) + nanoseconds);
}

static void drive_dma_go(struct ide_drive *drive)
{
	struct ide_bus_master *master = &drive->channel->master;
	struct ide_drive_state *state = drive->state;

	if (master->running && master->running(master->device, drive->channel->number,
					       state->to_host))
		drive_wait(drive, IDE_DMA, DMA_NANOSECONDS +
			   (uint64_t)state->length * DMA_NANOSECONDS_PER_KIB / 1024);
}

/* ---- What drives ask for ------------------------------------------------------------------ */

static void drive_start_block(struct ide_drive *drive, uint32_t bytes, bool to_host)
{
	struct ide_drive_state *state = drive->state;

	if (!bytes)
		bytes = 2;
	if (bytes > IDE_BUFFER_BYTES)
		bytes = IDE_BUFFER_BYTES;
	state->position = 0;
	state->length = bytes;
	/* The bus is two bytes wide. */
	if (bytes & 1)
		state->data[state->length++] = 0;
	state->to_host = to_host;
	state->status = IDE_DRDY | IDE_DSC | IDE_DRQ;
	state->phase = state->dma ? IDE_DMA : IDE_PIO;
	if (state->dma)
		drive_dma_go(drive);
}

void ide_data_in(struct ide_drive *drive, uint32_t bytes)
{
	drive_start_block(drive, bytes, true);
	if (!drive->state->dma)
		ide_interrupt(drive);
}

void ide_data_out(struct ide_drive *drive, uint32_t bytes, bool interrupt)
{
	drive_start_block(drive, bytes, false);
	if (!drive->state->dma && interrupt)
		ide_interrupt(drive);
}

void ide_finish_quietly(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;

	cbx_timer_cancel(drive->timer);
	state->phase = IDE_IDLE;
	state->status = IDE_DRDY | IDE_DSC;
	state->position = state->length = 0;
	state->left = 0;
	state->dma = state->last = false;
}

void ide_finish(struct ide_drive *drive)
{
	ide_finish_quietly(drive);
	ide_interrupt(drive);
}

void ide_fail(struct ide_drive *drive, uint8_t error)
{
	ide_finish_quietly(drive);
	drive->state->error = error;
	drive->state->status |= IDE_ERR;
	ide_interrupt(drive);
}

struct ide_drive *ide_other_drive(struct ide_drive *drive)
{
	struct ide_drive *other = &drive->channel->drives[!(drive->number & 1)];

	return other->type ? other : NULL;
}

void ide_put_word(struct ide_drive *drive, unsigned word, uint32_t value)
{
	drive->state->data[2 * word] = (uint8_t)value;
	drive->state->data[2 * word + 1] = (uint8_t)(value >> 8);
}

/* Two characters a word, the first in the high byte, padded with spaces. */
static void put_text(struct ide_drive *drive, unsigned word, unsigned words, const char *text)
{
	for (unsigned i = 0; i < 2 * words; i++)
		drive->state->data[2 * word + (i ^ 1)] = (uint8_t)(*text ? *text++ : ' ');
}

void ide_put_names(struct ide_drive *drive, const char *model)
{
	char serial[] = "CB0000000";

	serial[sizeof(serial) - 2] = (char)('1' + drive->number);
	put_text(drive, 10, 10, serial);
	put_text(drive, 23, 4, "1.0");
	put_text(drive, 27, 20, model);
}

bool ide_disk_read(struct ide_drive *drive, uint64_t offset, void *bytes, size_t count)
{
	const struct cbx_disk_backend *disk = &drive->disk;

	if (!disk->read || offset > disk->bytes || count > disk->bytes - offset)
		return false;
	return disk->read(disk->user, offset, bytes, count) == CBX_OK;
}

bool ide_disk_write(struct ide_drive *drive, uint64_t offset, const void *bytes, size_t count)
{
	const struct cbx_disk_backend *disk = &drive->disk;
	enum cbx_status status;

	if (!disk->write || disk->read_only || offset > disk->bytes || count > disk->bytes - offset)
		return false;
	status = disk->write(disk->user, offset, bytes, count);
	if (status == CBX_ERROR_LIMIT)
		cbx_request_limit(&drive->channel->device, "the disk has no room for what is written");
	return status == CBX_OK;
}

bool ide_disk_flush(struct ide_drive *drive)
{
	const struct cbx_disk_backend *disk = &drive->disk;

	return !disk->flush || disk->flush(disk->user) == CBX_OK;
}

/* ---- Reset ----------------------------------------------------------------------------------- */

static void drive_reset(struct ide_drive *drive, bool hardware)
{
	ide_finish_quietly(drive);
	drive->state->irq = false;
	drive->type->reset(drive, hardware);
	drive->type->signature(drive);
}

void ide_diagnose(struct ide_drive *drive)
{
	struct ide_channel *channel = drive->channel;

	for (unsigned i = 0; i < 2; i++) {
		if (channel->drives[i].type)
			drive_reset(&channel->drives[i], false);
	}
	channel->state.selected = 0;
	ide_interrupt(channel->drives[0].type ? &channel->drives[0] : drive);
}

static void channel_soft_reset(struct ide_channel *channel, bool held)
{
	for (unsigned i = 0; i < 2; i++) {
		struct ide_drive *drive = &channel->drives[i];

		if (!drive->type)
			continue;
		ide_finish_quietly(drive);
		drive->state->irq = false;
		drive->state->phase = IDE_RESET;
		drive->state->status = IDE_BSY;
		if (!held)
			drive_wait(drive, IDE_RESET, RESET_NANOSECONDS);
	}
	channel->state.selected = 0;
	channel_update_line(channel);
}

static void channel_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct ide_channel *channel = (struct ide_channel *)device;

	for (unsigned i = 0; i < 2; i++) {
		if (kind == CBX_RESET_POWER)
			memset(&channel->state.drives[i], 0, sizeof(channel->state.drives[i]));
		if (channel->drives[i].type)
			drive_reset(&channel->drives[i], true);
	}
	channel->state.control = 0;
	channel->state.selected = 0;
	channel_update_line(channel);
}

/* ---- Commands ----------------------------------------------------------------------------------- */

static void drive_command(struct ide_drive *drive, uint8_t command)
{
	struct ide_drive_state *state = drive->state;
	bool reset = drive->type->packet && command == COMMAND_DEVICE_RESET;

	/* Busy, asleep or in reset: only a packet device listens, to DEVICE RESET. */
	if (state->phase == IDE_RESET ||
	    (((state->status & IDE_BSY) || state->phase == IDE_SLEEP) && !reset))
		return;
	ide_finish_quietly(drive);
	drive_clear_interrupt(drive);
	state->error = 0;
	state->command = command;
	drive_wait(drive, IDE_EXECUTE, COMMAND_NANOSECONDS);
}

static void drive_run_dma(struct ide_drive *drive)
{
	struct ide_bus_master *master = &drive->channel->master;
	struct ide_drive_state *state = drive->state;

	if (!master->transfer)
		return;
	state->position += master->transfer(master->device, drive->channel->number,
					    state->data + state->position,
					    state->length - state->position, state->to_host);
	if (state->position == state->length)
		drive->type->block_moved(drive);
}

static void drive_timer(struct cbx_device *device, unsigned number)
{
	struct ide_channel *channel = (struct ide_channel *)device;
	struct ide_drive *drive = &channel->drives[number];

	if (!drive->type)
		return;
	switch (drive->state->phase) {
	case IDE_EXECUTE:
		if (drive->state->command == COMMAND_DIAGNOSTIC)
			ide_diagnose(drive);
		else
			drive->type->execute(drive);
		break;
	case IDE_BLOCK:
		drive->type->block_moved(drive);
		break;
	case IDE_RESET:
		if (!(channel->state.control & CONTROL_SRST))
			drive_reset(drive, false);
		break;
	case IDE_DMA:
		drive_run_dma(drive);
		break;
	default:
		break;
	}
}

/* ---- The data port -------------------------------------------------------------------------------- */

static void drive_block_ends(struct ide_drive *drive)
{
	if (drive->state->last)
		ide_finish_quietly(drive);
	else
		drive_wait(drive, IDE_BLOCK, BLOCK_NANOSECONDS);
}

static uint32_t data_read(struct ide_drive *drive, unsigned width)
{
	struct ide_drive_state *state = drive->state;
	const uint8_t *from = state->data + state->position;
	uint32_t value;

	if (state->phase != IDE_PIO || !state->to_host)
		return UINT32_MAX;
	if (width == 4 && state->length - state->position >= 4) {
		value = (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
			(uint32_t)from[3] << 24;
		state->position += 4;
	} else {
		/* The length is even; a byte access takes a word off the drive too. */
		value = (uint32_t)from[0] | (uint32_t)from[1] << 8;
		state->position += 2;
	}
	if (state->position == state->length)
		drive_block_ends(drive);
	return value;
}

static void data_write(struct ide_drive *drive, uint32_t value, unsigned width)
{
	struct ide_drive_state *state = drive->state;
	uint8_t *to = state->data + state->position;

	if (state->phase != IDE_PIO || state->to_host)
		return;
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
	if (width == 4 && state->length - state->position >= 4) {
		to[2] = (uint8_t)(value >> 16);
		to[3] = (uint8_t)(value >> 24);
		state->position += 4;
	} else {
		state->position += 2;
	}
	if (state->position == state->length)
		drive_block_ends(drive);
}

/* Words that do not end the block: where they are, and in *count how many there are of those wanted. */
static uint8_t *data_words(struct ide_drive *drive, bool to_host, unsigned width, size_t *count)
{
	struct ide_drive_state *state = drive->state;
	uint8_t *words = state->data + state->position;
	size_t most;

	if (state->phase != IDE_PIO || state->to_host != to_host || width < 2)
		return NULL;
	most = (state->length - state->position - 1u) / width;
	if (*count > most)
		*count = most;
	state->position += (unsigned)*count * width;
	return words;
}

/* ---- The other registers ---------------------------------------------------------------------------- */

/*
 * The drive that answers for the selected one: drive 0 also for a missing drive 1, whose
 * status then reads 0.
 */
static struct ide_drive *answering_drive(struct ide_channel *channel)
{
	struct ide_drive *drive = &channel->drives[channel->state.selected];

	if (drive->type)
		return drive;
	return channel->drives[0].type ? &channel->drives[0] : NULL;
}

/* With no drive, resistors pull data line 7 low and leave the others high. */
enum { NOBODY = 0x7f };

static uint8_t status_read(struct ide_channel *channel)
{
	struct ide_drive *drive = answering_drive(channel);

	if (!drive)
		return NOBODY;
	return drive == &channel->drives[channel->state.selected] ? drive->state->status : 0;
}

static uint8_t register_read(struct ide_channel *channel, unsigned offset)
{
	struct ide_drive *drive = answering_drive(channel);
	unsigned previous = channel->state.control & CONTROL_HOB ? 1 : 0;
	uint8_t value;

	if (!drive)
		return NOBODY;
	switch (offset) {
	case 1:
		return previous ? drive->state->feature[1] : drive->state->error;
	case 2:
		return drive->state->count[previous];
	case 3:
		return drive->state->lba_low[previous];
	case 4:
		return drive->state->lba_mid[previous];
	case 5:
		return drive->state->lba_high[previous];
	case 6:
		value = drive->state->device & (uint8_t)~IDE_DEVICE_1;
		return value | 0xa0 | (channel->state.selected ? IDE_DEVICE_1 : 0);
	default:
		value = status_read(channel);
		if (channel->drives[channel->state.selected].type)
			drive_clear_interrupt(drive);
		return value;
	}
}

static void push(uint8_t pair[2], uint8_t value)
{
	pair[1] = pair[0];
	pair[0] = value;
}

static void drive_register_write(struct ide_drive_state *state, unsigned offset, uint8_t value)
{
	if (state->status & (IDE_BSY | IDE_DRQ))
		return;
	switch (offset) {
	case 1:
		push(state->feature, value);
		break;
	case 2:
		push(state->count, value);
		break;
	case 3:
		push(state->lba_low, value);
		break;
	case 4:
		push(state->lba_mid, value);
		break;
	case 5:
		push(state->lba_high, value);
		break;
	default:
		state->device = value;
	}
}

static void register_write(struct ide_channel *channel, unsigned offset, uint8_t value)
{
	channel->state.control &= (uint8_t)~CONTROL_HOB;
	if (offset == 7) {
		struct ide_drive *drive = &channel->drives[channel->state.selected];

		/* Diagnostics are for both drives, whichever is selected. */
		if (value == COMMAND_DIAGNOSTIC && !drive->type)
			drive = &channel->drives[!channel->state.selected];
		if (drive->type)
			drive_command(drive, value);
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		if (channel->drives[i].type)
			drive_register_write(channel->drives[i].state, offset, value);
	}
	if (offset == 6) {
		channel->state.selected = value & IDE_DEVICE_1 ? 1 : 0;
		channel_update_line(channel);
	}
}

static uint64_t command_block_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct ide_channel *channel = (struct ide_channel *)device;
	uint64_t value = 0;

	if (offset == 0) {
		struct ide_drive *drive = &channel->drives[channel->state.selected];

		return drive->type ? data_read(drive, width) : UINT32_MAX;
	}
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)register_read(channel, (unsigned)offset + i) << (8 * i);
	return value;
}

static void command_block_write(struct cbx_device *device, uint64_t offset, uint64_t value,
				unsigned width)
{
	struct ide_channel *channel = (struct ide_channel *)device;

	if (offset == 0) {
		struct ide_drive *drive = &channel->drives[channel->state.selected];

		if (drive->type)
			data_write(drive, (uint32_t)value, width);
		return;
	}
	for (unsigned i = 0; i < width; i++)
		register_write(channel, (unsigned)offset + i, (uint8_t)(value >> (8 * i)));
}

static size_t command_block_read_many(struct cbx_device *device, uint64_t offset, unsigned width, void *bytes,
				      size_t count)
{
	struct ide_channel *channel = (struct ide_channel *)device;
	struct ide_drive *drive = &channel->drives[channel->state.selected];
	const uint8_t *words = NULL;

	if (offset == 0 && drive->type)
		words = data_words(drive, true, width, &count);
	if (!words)
		return 0;
	memcpy(bytes, words, count * width);
	return count;
}

static size_t command_block_write_many(struct cbx_device *device, uint64_t offset, unsigned width,
				       const void *bytes, size_t count)
{
	struct ide_channel *channel = (struct ide_channel *)device;
	struct ide_drive *drive = &channel->drives[channel->state.selected];
	uint8_t *words = NULL;

	if (offset == 0 && drive->type)
		words = data_words(drive, false, width, &count);
	if (!words)
		return 0;
	memcpy(words, bytes, count * width);
	return count;
}

static uint64_t control_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)offset;
	(void)width;
	return status_read((struct ide_channel *)device);
}

static void control_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			  unsigned width)
{
	struct ide_channel *channel = (struct ide_channel *)device;
	uint8_t before = channel->state.control;

	(void)offset;
	(void)width;
	channel->state.control = value & (CONTROL_NIEN | CONTROL_SRST | CONTROL_HOB);
	if ((before ^ value) & CONTROL_SRST)
		channel_soft_reset(channel, value & CONTROL_SRST);
	channel_update_line(channel);
}

static const struct cbx_io command_block_io = {
	.widths = 1 | 2 | 4, .read = command_block_read, .write = command_block_write,
	.read_many = command_block_read_many, .write_many = command_block_write_many,
};
static const struct cbx_io control_io = {
	.widths = 1, .read = control_read, .write = control_write
};

/* ---- Saved state and creation ---------------------------------------------------------------------------- */

static const struct cbx_field drive_fields[] = {
	CBX_FIELD(struct ide_drive_state, lba),
	CBX_FIELD(struct ide_drive_state, visible_sectors),
	CBX_FIELD(struct ide_drive_state, left),
	CBX_FIELD(struct ide_drive_state, position),
	CBX_FIELD(struct ide_drive_state, length),
	CBX_FIELD(struct ide_drive_state, byte_limit),
	CBX_FIELD(struct ide_drive_state, sector_bytes),
	CBX_FIELD(struct ide_drive_state, sector_done),
	CBX_FIELD_ARRAY(struct ide_drive_state, feature),
	CBX_FIELD_ARRAY(struct ide_drive_state, count),
	CBX_FIELD_ARRAY(struct ide_drive_state, lba_low),
	CBX_FIELD_ARRAY(struct ide_drive_state, lba_mid),
	CBX_FIELD_ARRAY(struct ide_drive_state, lba_high),
	CBX_FIELD(struct ide_drive_state, device),
	CBX_FIELD(struct ide_drive_state, error),
	CBX_FIELD(struct ide_drive_state, status),
	CBX_FIELD(struct ide_drive_state, command),
	CBX_FIELD(struct ide_drive_state, phase),
	CBX_FIELD(struct ide_drive_state, irq),
	CBX_FIELD(struct ide_drive_state, dma),
	CBX_FIELD(struct ide_drive_state, to_host),
	CBX_FIELD(struct ide_drive_state, last),
	CBX_FIELD(struct ide_drive_state, extended),
	CBX_FIELD(struct ide_drive_state, write_cache),
	CBX_FIELD(struct ide_drive_state, look_ahead),
	CBX_FIELD(struct ide_drive_state, native_max_was_read),
	CBX_FIELD(struct ide_drive_state, chs),
	CBX_FIELD(struct ide_drive_state, multiple),
	CBX_FIELD(struct ide_drive_state, transfer_mode),
	CBX_FIELD(struct ide_drive_state, heads),
	CBX_FIELD(struct ide_drive_state, sectors),
	CBX_FIELD(struct ide_drive_state, power),
	CBX_FIELD_ARRAY(struct ide_drive_state, packet),
	CBX_FIELD(struct ide_drive_state, sense_key),
	CBX_FIELD(struct ide_drive_state, sense_asc),
	CBX_FIELD(struct ide_drive_state, sense_ascq),
	CBX_FIELD(struct ide_drive_state, attention),
	CBX_FIELD(struct ide_drive_state, media_event),
	CBX_FIELD(struct ide_drive_state, locked),
	CBX_FIELD(struct ide_drive_state, tray_open),
	CBX_FIELD(struct ide_drive_state, raw_fields),
	CBX_FIELD(struct ide_drive_state, awaiting_packet),
	CBX_FIELD_ARRAY(struct ide_drive_state, data),
	CBX_FIELD_END
};

static const struct cbx_field channel_fields[] = {
	CBX_FIELD_STRUCTS(struct channel_state, drives, drive_fields),
	CBX_FIELD(struct channel_state, control),
	CBX_FIELD(struct channel_state, selected),
	CBX_FIELD(struct channel_state, line),
	CBX_FIELD_ARRAY(struct channel_state, zeros),
	CBX_FIELD_END
};

static bool drive_check(const struct ide_drive *drive, const struct ide_drive_state *state)
{
	if (!drive->type)
		return state->phase == IDE_IDLE && !state->irq;
	if (state->phase >= IDE_PHASES || state->length > IDE_BUFFER_BYTES || state->length & 1 ||
	    state->position > state->length || state->position & 1)
		return false;
	if ((state->phase == IDE_PIO || state->phase == IDE_DMA) &&
	    state->position == state->length)
		return false;
	return drive->type->check(drive, state);
}

static bool channel_check(const struct cbx_device *device, const void *state)
{
	const struct ide_channel *channel = (const struct ide_channel *)device;
	const struct channel_state *loaded = state;
	static const uint8_t nothing[sizeof(loaded->zeros)];

	return loaded->selected < 2 && memcmp(loaded->zeros, nothing, sizeof(nothing)) == 0 &&
	       drive_check(&channel->drives[0], &loaded->drives[0]) &&
	       drive_check(&channel->drives[1], &loaded->drives[1]);
}

static const struct cbx_device_type channel_type = {
	.name = "ide-channel",
	.version = 1,
	.size = sizeof(struct ide_channel),
	.state_offset = offsetof(struct ide_channel, state),
	.state_size = sizeof(struct channel_state),
	.fields = channel_fields,
	.reset = channel_reset,
	.check = channel_check,
	.state_starts_zeroed = true
};

static enum cbx_status init_drive(struct ide_channel *channel, unsigned i,
				  const struct ide_options *options)
{
	static const char *const names[2] = { "drive 0", "drive 1" };
	struct ide_drive *drive = &channel->drives[i];
	unsigned number = channel->number * 2 + i;

	drive->channel = channel;
	drive->number = number;
	drive->state = &channel->state.drives[i];
	if (options->drives[number].present) {
		bool cdrom = options->drives[number].cdrom;

		drive->disk = options->drives[number].disk;
		drive->disk_sectors = drive->disk.read ? drive->disk.bytes / (cdrom ? 2048 : 512)
						       : 0;
		if (!cdrom && !drive->disk_sectors)
			return CBX_ERROR_ARGUMENT;
		drive->type = cdrom ? &atapi_drive_type : &ata_drive_type;
	}
	return cbx_timer_new(&channel->device, names[i], drive_timer, i, &drive->timer);
}

enum cbx_status ide_channel_new(struct cbx_machine *machine, unsigned number,
				const struct ide_options *options, struct ide_channel **result)
{
	struct cbx_device *device;
	struct ide_channel *channel;
	enum cbx_status status = cbx_device_new(machine, &channel_type, &device);

	if (status != CBX_OK)
		return status;
	channel = (struct ide_channel *)device;
	channel->number = number;
	channel->irq = options->irqs[number];
	for (unsigned i = 0; i < 2 && status == CBX_OK; i++)
		status = init_drive(channel, i, options);
	if (status == CBX_OK)
		status = cbx_ports_map(device, number ? 0x170 : 0x1f0, 8, &command_block_io);
	if (status == CBX_OK)
		status = cbx_ports_map(device, number ? 0x376 : 0x3f6, 1, &control_io);
	*result = channel;
	return status;
}

void ide_channel_connect(struct ide_channel *channel, const struct ide_bus_master *master)
{
	channel->master = *master;
}

void ide_channel_dma_ready(struct ide_channel *channel)
{
	for (unsigned i = 0; i < 2; i++) {
		struct ide_drive *drive = &channel->drives[i];

		if (drive->type && drive->state->phase == IDE_DMA &&
		    !cbx_timer_armed(drive->timer))
			drive_dma_go(drive);
	}
}

struct ide_drive *ide_channel_drive(struct ide_channel *channel, unsigned number)
{
	return &channel->drives[number & 1];
}
