/*
 * An ATAPI CD-ROM drive: the PACKET protocol (ATA/ATAPI-6, clauses 8.23 and 9.8) over the
 * registers of ide.c, sense data, and the flow of data to and from the host.  What packets
 * mean is in atapi_commands.c.
 */
#include "atapi.h"

#include <string.h>

enum {
	NOP = 0x00, DEVICE_RESET = 0x08, READ_SECTORS = 0x20, PACKET = 0xa0,
	IDENTIFY_PACKET = 0xa1, STANDBY_IMMEDIATE = 0xe0, IDLE_IMMEDIATE = 0xe1,
	STANDBY = 0xe2, IDLE = 0xe3, CHECK_POWER = 0xe5, SLEEP = 0xe6, IDENTIFY = 0xec,
	SET_FEATURES = 0xef
};
enum { FEATURE_DMA = 0x01, FEATURE_OVERLAP = 0x02 };
/* The interrupt reason, where ATA has the sector count. */
enum { REASON_COMMAND = 0x01, REASON_TO_HOST = 0x02, REASON_STATUS = 0x03 };
enum { PACKET_BYTES = 12, BLOCK_BYTES_MAX = 0xfffe };
enum { POWER_STANDBY = 0x00, POWER_IDLE = 0x80, POWER_ACTIVE = 0xff };

/* ---- How packet commands end ----------------------------------------------------------------- */

void atapi_good(struct ide_drive *drive)
{
	drive->state->count[0] = REASON_STATUS;
	ide_finish(drive);
}

void atapi_check_condition(struct ide_drive *drive, uint32_t sense)
{
	struct ide_drive_state *state = drive->state;

	state->sense_key = (uint8_t)(sense >> 16);
	state->sense_asc = (uint8_t)(sense >> 8);
	state->sense_ascq = (uint8_t)sense;
	state->count[0] = REASON_STATUS;
	ide_fail(drive, (uint8_t)(state->sense_key << 4) | IDE_ERROR_ABRT);
}

bool atapi_medium_present(const struct ide_drive *drive)
{
	return drive->disk.read && drive->disk_sectors && !drive->state->tray_open;
}

/* ---- Data to the host -------------------------------------------------------------------------- */

/* The length of the next block: even, unless it is the last one. */
static uint32_t block_bytes(const struct ide_drive *drive)
{
	const struct ide_drive_state *state = drive->state;
	uint32_t limit = state->dma ? IDE_BUFFER_BYTES : state->byte_limit & BLOCK_BYTES_MAX;

	if (!limit)
		limit = 2;
	/* A whole number of sectors at a time is quicker and what drives do with DMA. */
	if (state->dma && state->sector_bytes)
		limit -= limit % state->sector_bytes;
	if (state->left <= (state->dma ? limit : state->byte_limit))
		return (uint32_t)state->left;
	return limit;
}

static void send_block(struct ide_drive *drive, uint32_t bytes)
{
	struct ide_drive_state *state = drive->state;

	state->left -= bytes;
	state->count[0] = REASON_TO_HOST;
	state->lba_mid[0] = (uint8_t)bytes;
	state->lba_high[0] = (uint8_t)(bytes >> 8);
	ide_data_in(drive, bytes);
}

/* One sector in the form that READ CD asks for. */
static bool read_sector(struct ide_drive *drive, uint64_t lba, uint8_t fields, uint8_t *bytes)
{
	uint8_t raw[CD_RAW_BYTES];
	uint8_t *to = bytes;

	if (!ide_disk_read(drive, lba * CD_USER_BYTES, raw + CD_USER_OFFSET, CD_USER_BYTES))
		return false;
	cd_sector_build(raw, (uint32_t)lba);
	if (fields & 0x80) {
		memcpy(to, raw, 12);
		to += 12;
	}
	if (fields & 0x20) {
		memcpy(to, raw + 12, 4);
		to += 4;
	}
	if (fields & 0x10) {
		memcpy(to, raw + CD_USER_OFFSET, CD_USER_BYTES);
		to += CD_USER_BYTES;
	}
	if (fields & 0x08)
		memcpy(to, raw + CD_EDC_OFFSET, CD_RAW_BYTES - CD_EDC_OFFSET);
	return true;
}

static uint16_t sector_bytes(uint8_t fields)
{
	return (uint16_t)((fields & 0x80 ? 12 : 0) + (fields & 0x20 ? 4 : 0) +
			  (fields & 0x10 ? CD_USER_BYTES : 0) +
			  (fields & 0x08 ? CD_RAW_BYTES - CD_EDC_OFFSET : 0));
}

/* Fills data with count bytes of the sectors from lba on, of which sector_done are gone. */
static bool read_bytes(struct ide_drive *drive, uint32_t count)
{
	struct ide_drive_state *state = drive->state;
	uint8_t sector[CD_RAW_BYTES];
	uint32_t done = 0;

	while (done < count) {
		uint32_t piece = state->sector_bytes - state->sector_done;

		if (state->lba >= drive->disk_sectors)
			return false;
		if (state->raw_fields == 0x10 && !state->sector_done && count - done >= piece) {
			uint32_t sectors = (count - done) / CD_USER_BYTES;

			if (!ide_disk_read(drive, state->lba * CD_USER_BYTES, state->data + done,
					   sectors * CD_USER_BYTES))
				return false;
			state->lba += sectors;
			done += sectors * CD_USER_BYTES;
			continue;
		}
		if (state->raw_fields == 0x10
		    ? !ide_disk_read(drive, state->lba * CD_USER_BYTES, sector, CD_USER_BYTES)
		    : !read_sector(drive, state->lba, state->raw_fields, sector))
			return false;
		if (piece > count - done)
			piece = count - done;
		memcpy(state->data + done, sector + state->sector_done, piece);
		done += piece;
		state->sector_done = (uint16_t)(state->sector_done + piece);
		if (state->sector_done == state->sector_bytes) {
			state->sector_done = 0;
			state->lba++;
		}
	}
	return true;
}

static void read_block(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	uint32_t bytes = block_bytes(drive);

	if ((state->attention & ATTENTION_MEDIUM) && atapi_medium_present(drive)) {
		state->attention &= (uint8_t)~ATTENTION_MEDIUM;
		atapi_check_condition(drive, SENSE_MEDIUM_CHANGED);
	} else if (!atapi_medium_present(drive)) {
		atapi_check_condition(drive, SENSE_NO_MEDIUM);
	} else if (!read_bytes(drive, bytes)) {
		atapi_check_condition(drive, SENSE_READ_ERROR);
	} else {
		send_block(drive, bytes);
	}
}

void atapi_read(struct ide_drive *drive, uint64_t lba, uint64_t sectors, uint8_t fields)
{
	struct ide_drive_state *state = drive->state;

	state->raw_fields = fields;
	state->sector_bytes = sector_bytes(fields);
	state->sector_done = 0;
	if (!sectors || !state->sector_bytes) {
		atapi_good(drive);
		return;
	}
	state->lba = lba;
	state->left = sectors * state->sector_bytes;
	state->dma = state->feature[0] & FEATURE_DMA;
	read_block(drive);
}

void atapi_reply(struct ide_drive *drive, uint32_t bytes, uint32_t allocation)
{
	struct ide_drive_state *state = drive->state;

	if (bytes > allocation)
		bytes = allocation;
	if (!bytes) {
		atapi_good(drive);
		return;
	}
	state->sector_bytes = state->sector_done = 0;
	state->left = bytes;
	state->dma = state->feature[0] & FEATURE_DMA;
	send_block(drive, block_bytes(drive));
}

/* The rest of a reply moves to the start of data. */
static void reply_next(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	uint32_t gone = state->length;
	uint32_t rest = IDE_BUFFER_BYTES - gone;

	if (rest > state->left)
		rest = (uint32_t)state->left;
	memmove(state->data, state->data + gone, rest);
	state->left = rest;
	if (rest)
		send_block(drive, block_bytes(drive));
	else
		atapi_good(drive);
}

/* ---- Data from the host ------------------------------------------------------------------------- */

void atapi_receive(struct ide_drive *drive, uint32_t bytes)
{
	struct ide_drive_state *state = drive->state;

	state->dma = state->feature[0] & FEATURE_DMA;
	if (bytes > (state->dma ? IDE_BUFFER_BYTES : state->byte_limit)) {
		state->dma = false;
		atapi_check_condition(drive, SENSE_PARAMETER_LENGTH);
		return;
	}
	state->count[0] = 0;
	state->lba_mid[0] = (uint8_t)bytes;
	state->lba_high[0] = (uint8_t)(bytes >> 8);
	ide_data_out(drive, bytes, true);
}

static void command_packet(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;

	state->byte_limit = (uint16_t)(state->lba_high[0] << 8 | state->lba_mid[0]);
	if (!state->byte_limit || state->byte_limit == 0xffff)
		state->byte_limit = BLOCK_BYTES_MAX;
	if (state->feature[0] & FEATURE_OVERLAP) {
		ide_fail(drive, IDE_ERROR_ABRT);
		return;
	}
	state->count[0] = REASON_COMMAND;
	state->awaiting_packet = true;
	ide_data_out(drive, PACKET_BYTES, false);
}

static void atapi_block_moved(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;

	if (state->command != PACKET) {
		ide_finish_quietly(drive);
	} else if (state->awaiting_packet) {
		state->awaiting_packet = false;
		memcpy(state->packet, state->data, PACKET_BYTES);
		atapi_command(drive);
	} else if (!state->to_host) {
		atapi_received(drive);
	} else if (!state->left) {
		atapi_good(drive);
	} else if (state->sector_bytes) {
		read_block(drive);
	} else {
		reply_next(drive);
	}
}

/* ---- ATA commands of a packet device --------------------------------------------------------------- */

static void identify_packet(struct ide_drive *drive)
{
	uint8_t mode = drive->state->transfer_mode;

	memset(drive->state->data, 0, 512);
	ide_put_word(drive, 0, 0x85c0);      /* CD-ROM, removable, DRQ within 50 us, 12 bytes */
	ide_put_names(drive, "CLEARBOX CD-ROM");
	ide_put_word(drive, 48, 0x0001);
	ide_put_word(drive, 49, 0x0f00);     /* IORDY can be off, LBA, DMA */
	ide_put_word(drive, 51, 0x0200);
	ide_put_word(drive, 53, 0x0006);
	ide_put_word(drive, 63, 0x0007u | ((mode & 0xf8) == 0x20 ? 0x100u << (mode & 7) : 0));
	ide_put_word(drive, 64, 0x0003);
	for (unsigned word = 65; word <= 68; word++)
		ide_put_word(drive, word, 120);
	ide_put_word(drive, 80, 0x0070);     /* ATA/ATAPI-4 to 6 */
	ide_put_word(drive, 82, 0x4218);     /* NOP, DEVICE RESET, PACKET, power management */
	ide_put_word(drive, 83, 0x4000);
	ide_put_word(drive, 84, 0x4000);
	ide_put_word(drive, 85, 0x4218);
	ide_put_word(drive, 87, 0x4000);
	ide_put_word(drive, 88, 0x003fu | ((mode & 0xf8) == 0x40 ? 0x100u << (mode & 7) : 0));
	drive->state->last = true;
	ide_data_in(drive, 512);
}

static void atapi_signature(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;

	memset(state->count, 0, sizeof(state->count));
	memset(state->lba_low, 0, sizeof(state->lba_low));
	memset(state->lba_mid, 0, sizeof(state->lba_mid));
	memset(state->lba_high, 0, sizeof(state->lba_high));
	state->count[0] = state->lba_low[0] = 1;
	state->lba_mid[0] = 0x14;
	state->lba_high[0] = 0xeb;
	state->device = 0;
	state->error = 1;
	state->status = 0;
}

/* Commands by which hosts look for disks are aborted, with the signature in the registers. */
static void abort_with_signature(struct ide_drive *drive)
{
	atapi_signature(drive);
	ide_fail(drive, IDE_ERROR_ABRT);
}

static void set_features(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	uint8_t mode = state->count[0];

	switch (state->feature[0]) {
	case 0x03:
		if (mode >= 0x20 && !(mode >= 0x20 && mode <= 0x22) &&
		    !(mode >= 0x40 && mode <= 0x45))
			break;
		if (mode >= 0x20)
			state->transfer_mode = mode;
		else if (mode > 0x01 && (mode < 0x08 || mode > 0x0c))
			break;
		ide_finish(drive);
		return;
	case 0x66:
	case 0xcc:
		ide_finish(drive);
		return;
	default:
		break;
	}
	ide_fail(drive, IDE_ERROR_ABRT);
}

static void set_power(struct ide_drive *drive, uint8_t power)
{
	drive->state->power = power;
	ide_finish(drive);
}

static void atapi_reset(struct ide_drive *drive, bool hardware)
{
	struct ide_drive_state *state = drive->state;

	state->awaiting_packet = state->locked = false;
	state->power = POWER_ACTIVE;
	if (!hardware)
		return;
	state->transfer_mode = 0;
	state->sense_key = state->sense_asc = state->sense_ascq = 0;
	state->attention = ATTENTION_RESET;
	state->media_event = EVENT_NONE;
	state->tray_open = false;
}

static void atapi_execute(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;

	state->awaiting_packet = false;
	switch (state->command) {
	case PACKET:
		state->power = POWER_ACTIVE;
		command_packet(drive);
		break;
	case IDENTIFY_PACKET:
		identify_packet(drive);
		break;
	case DEVICE_RESET:
		atapi_reset(drive, false);
		ide_finish_quietly(drive);
		atapi_signature(drive);
		break;
	case IDENTIFY: case READ_SECTORS:
		abort_with_signature(drive);
		break;
	case SET_FEATURES:
		set_features(drive);
		break;
	case STANDBY_IMMEDIATE: case STANDBY:
		set_power(drive, POWER_STANDBY);
		break;
	case IDLE_IMMEDIATE: case IDLE:
		set_power(drive, POWER_IDLE);
		break;
	case CHECK_POWER:
		state->count[0] = state->power;
		ide_finish(drive);
		break;
	case SLEEP:
		set_power(drive, POWER_STANDBY);
		state->phase = IDE_SLEEP;
		break;
	default:
		ide_fail(drive, IDE_ERROR_ABRT);
	}
}

/* ---- The medium ---------------------------------------------------------------------------------------- */

void atapi_set_tray(struct ide_drive *drive, bool open)
{
	struct ide_drive_state *state = drive->state;
	bool before = atapi_medium_present(drive);

	state->tray_open = open;
	if (before == atapi_medium_present(drive))
		return;
	state->media_event = before ? EVENT_REMOVED : EVENT_NEW;
	if (!before)
		state->attention |= ATTENTION_MEDIUM;
}

enum cbx_status atapi_change_medium(struct ide_drive *drive, const struct cbx_disk_backend *disk)
{
	struct ide_drive_state *state = drive->state;

	/* Locked: the guest is told that somebody pressed the button. */
	if (state->locked) {
		state->media_event = EVENT_EJECT;
		return CBX_ERROR_STATE;
	}
	drive->disk = *disk;
	drive->disk_sectors = disk->read ? disk->bytes / CD_USER_BYTES : 0;
	state->tray_open = false;
	if (atapi_medium_present(drive)) {
		state->attention |= ATTENTION_MEDIUM;
		state->media_event = EVENT_NEW;
	} else {
		state->media_event = EVENT_REMOVED;
	}
	return CBX_OK;
}

static bool atapi_check(const struct ide_drive *drive, const struct ide_drive_state *state)
{
	(void)drive;
	if (state->sector_bytes > CD_RAW_BYTES || (state->raw_fields & ~0xb8) ||
	    (state->sector_bytes && (state->sector_bytes != sector_bytes(state->raw_fields) ||
				     state->sector_done >= state->sector_bytes)))
		return false;
	if (!state->sector_bytes && (state->left > IDE_BUFFER_BYTES || state->sector_done))
		return false;
	return state->lba <= UINT64_C(1) << 40 && state->left <= UINT64_C(1) << 48;
}

const struct ide_drive_type atapi_drive_type = {
	.packet = true,
	.reset = atapi_reset,
	.signature = atapi_signature,
	.execute = atapi_execute,
	.block_moved = atapi_block_moved,
	.check = atapi_check
};
