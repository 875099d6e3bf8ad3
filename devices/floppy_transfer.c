/*
 * The 82077AA's data commands: READ, WRITE, READ TRACK, VERIFY, SCAN, FORMAT, READ ID
 * (Intel 290166, section 5.1), over disk images that hold sectors of 512 bytes with the
 * IDs that a standard format gives them.
 *
 * An image has no deleted-data marks: WRITE DELETED DATA writes ordinary sectors, which
 * READ DELETED DATA then reports as such.  A drive without a disk gives no index pulses,
 * so a command waits there until the controller is reset, as on hardware.
 */
#include "floppy_state.h"

#include <string.h>

enum { SECTOR_NANOSECONDS = 100000, ROTATION_NANOSECONDS = 200000000 };
enum { CONFIG_IMPLIED_SEEK = 0x40, SPECIFY_NON_DMA = 0x01, VERIFY_COUNT = 0x80 };
enum { RATE_500K = 1, RATE_300K = 2, RATE_250K = 4, RATE_1M = 8 };
enum { TYPE_360K = 1, TYPE_1200K, TYPE_720K, TYPE_1440K, TYPE_2880K };
enum { FORMAT_ID_BYTES = 4 };

/* ---- Formats ----------------------------------------------------------------------------- */

const struct floppy_format *floppy_format_of(const struct cbx_disk_backend *disk)
{
	static const struct floppy_format formats[] = {
		{ 40, 1, 8, RATE_250K | RATE_300K, TYPE_360K },
		{ 40, 1, 9, RATE_250K | RATE_300K, TYPE_360K },
		{ 40, 2, 8, RATE_250K | RATE_300K, TYPE_360K },
		{ 40, 2, 9, RATE_250K | RATE_300K, TYPE_360K },
		{ 80, 2, 9, RATE_250K, TYPE_720K },
		{ 80, 2, 15, RATE_500K, TYPE_1200K },
		{ 80, 2, 18, RATE_500K, TYPE_1440K },
		{ 80, 2, 20, RATE_500K, TYPE_1440K },
		{ 80, 2, 21, RATE_500K, TYPE_1440K },
		{ 82, 2, 21, RATE_500K, TYPE_1440K },
		{ 83, 2, 21, RATE_500K, TYPE_1440K },
		{ 80, 2, 36, RATE_1M, TYPE_2880K }
	};
	uint64_t sectors = disk->bytes / FLOPPY_SECTOR;

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		uint32_t size = (uint32_t)formats[i].cylinders * formats[i].heads *
				formats[i].sectors;

		if (sectors == size)
			return &formats[i];
	}
	return sectors && sectors < 2880 ? &formats[6] : NULL;
}

/* ---- Where things are on the disk ----------------------------------------------------------- */

/*
 * The cylinder number that is written in the IDs under the heads.  A disk of 40 cylinders
 * in a drive of 80 has them at every other step.
 */
static unsigned cylinder_here(struct floppy *floppy)
{
	const struct floppy_drive *drive = floppy_drive(floppy, floppy->state.drive);
	unsigned track = floppy_drive_state(floppy, floppy->state.drive)->track;

	if (drive->format->cylinders == 40 && drive->type != TYPE_360K)
		return track / 2;
	return track;
}

/* Can the controller read IDs here at all: side, cylinder, data rate, recording? */
static bool track_is_readable(struct floppy *floppy)
{
	const struct floppy_state *state = &floppy->state;
	const struct floppy_format *format = floppy_drive(floppy, state->drive)->format;

	return (state->command & FLOPPY_MFM) && state->head < format->heads &&
	       cylinder_here(floppy) < format->cylinders && (format->rates >> state->rate & 1);
}

/* Does the sector that the registers name exist?  Sets the status when not. */
static bool find_sector(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	const struct floppy_format *format = floppy_drive(floppy, state->drive)->format;

	if (!track_is_readable(floppy)) {
		state->st1 |= ST1_MISSING_MARK;
		return false;
	}
	if (state->cylinder != cylinder_here(floppy)) {
		state->st1 |= ST1_NO_DATA;
		state->st2 |= ST2_WRONG_CYLINDER;
		return false;
	}
	if (state->id_head != state->head || !state->record || state->record > format->sectors ||
	    state->size_code != 2) {
		state->st1 |= ST1_NO_DATA;
		return false;
	}
	return true;
}

/* The place of a sector in the image; find_sector has found it. */
static uint64_t sector_offset(struct floppy *floppy, unsigned record)
{
	const struct floppy_state *state = &floppy->state;
	const struct floppy_format *format = floppy_drive(floppy, state->drive)->format;
	uint64_t track = (uint64_t)cylinder_here(floppy) * format->heads + state->head;

	return (track * format->sectors + record - 1) * FLOPPY_SECTOR;
}

/* An image may be shorter than its format: zeros follow. */
static bool sector_load(struct floppy *floppy, uint8_t *bytes)
{
	const struct cbx_disk_backend *disk = &floppy_drive(floppy, floppy->state.drive)->disk;
	uint64_t offset = sector_offset(floppy, floppy->state.record);

	memset(bytes, 0, FLOPPY_SECTOR);
	if (offset >= disk->bytes || disk->bytes - offset < FLOPPY_SECTOR)
		return true;
	return disk->read(disk->user, offset, bytes, FLOPPY_SECTOR) == CBX_OK;
}

static bool sector_store(struct floppy *floppy, unsigned record, const uint8_t *bytes)
{
	const struct cbx_disk_backend *disk = &floppy_drive(floppy, floppy->state.drive)->disk;
	uint64_t offset = sector_offset(floppy, record);
	enum cbx_status status;

	if (offset >= disk->bytes || disk->bytes - offset < FLOPPY_SECTOR)
		return false;
	status = disk->write(disk->user, offset, bytes, FLOPPY_SECTOR);
	if (status == CBX_ERROR_LIMIT)
		cbx_request_limit(&floppy->device, "the floppy has no room for what is written");
	return status == CBX_OK;
}

/* ---- Kinds of command --------------------------------------------------------------------------- */

static uint8_t code(const struct floppy *floppy)
{
	return floppy->state.command & 0x1f;
}

bool floppy_is_transfer(uint8_t command)
{
	switch (command & 0x1f) {
	case FLOPPY_READ: case FLOPPY_READ_DELETED: case FLOPPY_READ_TRACK: case FLOPPY_WRITE:
	case FLOPPY_WRITE_DELETED: case FLOPPY_VERIFY: case FLOPPY_FORMAT: case FLOPPY_READ_ID:
	case FLOPPY_SCAN_EQUAL: case FLOPPY_SCAN_LOW: case FLOPPY_SCAN_HIGH:
		return true;
	default:
		return false;
	}
}

bool floppy_transfer_to_host(const struct floppy *floppy)
{
	switch (code(floppy)) {
	case FLOPPY_READ: case FLOPPY_READ_DELETED: case FLOPPY_READ_TRACK:
		return true;
	default:
		return false;
	}
}

bool floppy_transfer_uses_dma(const struct floppy *floppy)
{
	return !(floppy->state.specify[1] & SPECIFY_NON_DMA);
}

static bool is_write(const struct floppy *floppy)
{
	return code(floppy) == FLOPPY_WRITE || code(floppy) == FLOPPY_WRITE_DELETED;
}

static bool is_scan(const struct floppy *floppy)
{
	return code(floppy) == FLOPPY_SCAN_EQUAL || code(floppy) == FLOPPY_SCAN_LOW ||
	       code(floppy) == FLOPPY_SCAN_HIGH;
}

/* ---- The end --------------------------------------------------------------------------------------- */

static void transfer_end(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	uint8_t bytes[7];

	if (state->st1 || (state->st2 & (uint8_t)~(ST2_SCAN_HIT | ST2_SCAN_NOT_MET |
						   ST2_CONTROL_MARK)))
		state->st0 |= ST0_ABNORMAL;
	bytes[0] = (uint8_t)(state->st0 | state->head << 2 | state->drive);
	bytes[1] = state->st1;
	bytes[2] = state->st2;
	bytes[3] = state->cylinder;
	bytes[4] = state->id_head;
	bytes[5] = state->record;
	bytes[6] = state->size_code;
	cbx_timer_cancel(floppy->work_timer);
	floppy_set_drq(floppy, false);
	floppy_result(floppy, bytes, sizeof(bytes), true);
}

static void work_soon(struct floppy *floppy)
{
	floppy->state.phase = FLOPPY_EXECUTE;
	cbx_timer_set(floppy->work_timer, cbx_time(&floppy->device) + SECTOR_NANOSECONDS);
}

/*
 * On to the next sector's ID, as the result phase shows it and as a multi-sector command
 * goes on with it.  False: the sector was the last of the cylinder.
 */
static bool next_id(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	uint8_t step = is_scan(floppy) && state->last == 2 ? 2 : 1;

	if (state->record < state->end) {
		state->record = (uint8_t)(state->record + step);
		return state->record <= state->end;
	}
	if (state->record > state->end) {
		/* It started beyond the end: on until there is no such ID. */
		state->record++;
		return true;
	}
	state->record = 1;
	if ((state->command & FLOPPY_MT) && code(floppy) != FLOPPY_READ_TRACK) {
		state->id_head ^= 1;
		if (!state->head) {
			state->head = 1;
			return true;
		}
	}
	state->cylinder++;
	return false;
}

/* ---- Sector by sector ---------------------------------------------------------------------------------- */

static void request(struct floppy *floppy, unsigned unit)
{
	struct floppy_state *state = &floppy->state;

	state->phase = FLOPPY_TRANSFER;
	state->position = 0;
	state->unit = (uint16_t)unit;
	if (floppy_transfer_uses_dma(floppy))
		floppy_set_drq(floppy, true);
	else
		floppy_set_irq(floppy, true);
}

static void verify_sector(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	bool counted = state->fifo[1] & VERIFY_COUNT;

	if (!sector_load(floppy, state->sector)) {
		state->st1 |= ST1_DATA_ERROR;
		state->st2 |= ST2_DATA_ERROR;
		transfer_end(floppy);
		return;
	}
	if (counted && --state->left == 0) {
		next_id(floppy);
		transfer_end(floppy);
		return;
	}
	if (next_id(floppy)) {
		work_soon(floppy);
		return;
	}
	if (counted)
		state->st1 |= ST1_END_OF_CYLINDER;
	transfer_end(floppy);
}

static void begin_sector(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;

	if (!find_sector(floppy)) {
		transfer_end(floppy);
	} else if (code(floppy) == FLOPPY_VERIFY) {
		verify_sector(floppy);
	} else if (is_write(floppy) || is_scan(floppy)) {
		request(floppy, FLOPPY_SECTOR);
	} else if (code(floppy) == FLOPPY_READ_DELETED && (state->command & FLOPPY_SK)) {
		/* Only deleted sectors are wanted, and there are none. */
		state->st2 |= ST2_CONTROL_MARK;
		if (next_id(floppy)) {
			work_soon(floppy);
			return;
		}
		state->st1 |= ST1_END_OF_CYLINDER;
		transfer_end(floppy);
	} else if (!sector_load(floppy, state->sector)) {
		state->st1 |= ST1_DATA_ERROR;
		state->st2 |= ST2_DATA_ERROR;
		transfer_end(floppy);
	} else {
		request(floppy, FLOPPY_SECTOR);
	}
}

/* Compares a sector with what the host sent; FFh from either side fits everything. */
static bool scan_meets(struct floppy *floppy, const uint8_t *disk, bool *equal)
{
	const uint8_t *host = floppy->state.sector;

	*equal = true;
	for (unsigned i = 0; i < FLOPPY_SECTOR; i++) {
		if (disk[i] == host[i] || disk[i] == 0xff || host[i] == 0xff)
			continue;
		*equal = false;
		if (code(floppy) == FLOPPY_SCAN_LOW)
			return disk[i] < host[i];
		if (code(floppy) == FLOPPY_SCAN_HIGH)
			return disk[i] > host[i];
		return false;
	}
	return true;
}

static void scan_sector(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	uint8_t disk[FLOPPY_SECTOR];
	bool equal;

	if (!sector_load(floppy, disk)) {
		state->st1 |= ST1_DATA_ERROR;
		state->st2 |= ST2_DATA_ERROR;
		transfer_end(floppy);
		return;
	}
	if (scan_meets(floppy, disk, &equal)) {
		state->st2 |= equal ? ST2_SCAN_HIT : 0;
		transfer_end(floppy);
		return;
	}
	if (!state->terminal_count && next_id(floppy)) {
		work_soon(floppy);
		return;
	}
	state->st2 |= ST2_SCAN_NOT_MET;
	transfer_end(floppy);
}

/* FORMAT: the host sent an ID.  IDs that the image has no place for leave no trace. */
static void format_sector(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	const struct floppy_format *format = floppy_drive(floppy, state->drive)->format;
	uint8_t fill[FLOPPY_SECTOR];
	bool fits;

	state->cylinder = state->sector[0];
	state->id_head = state->sector[1];
	state->record = state->sector[2];
	fits = track_is_readable(floppy) && state->cylinder == cylinder_here(floppy) &&
	       state->id_head == state->head && state->record &&
	       state->record <= format->sectors && state->sector[3] == 2;
	memset(fill, state->fill, sizeof(fill));
	if (fits && !sector_store(floppy, state->record, fill)) {
		state->st1 |= ST1_DATA_ERROR;
		transfer_end(floppy);
		return;
	}
	if (--state->left == 0 || state->terminal_count)
		transfer_end(floppy);
	else
		request(floppy, FORMAT_ID_BYTES);
}

/* A whole sector has moved, or what there was before terminal count. */
static void end_sector(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	unsigned bytes = state->position;
	bool more;

	state->position = state->unit = 0;
	if (code(floppy) == FLOPPY_FORMAT) {
		format_sector(floppy);
		return;
	}
	if (!floppy_transfer_to_host(floppy))
		memset(state->sector + bytes, 0, FLOPPY_SECTOR - bytes);
	if (is_scan(floppy)) {
		scan_sector(floppy);
		return;
	}
	if (is_write(floppy) && !sector_store(floppy, state->record, state->sector)) {
		state->st1 |= ST1_DATA_ERROR;
		state->st2 |= ST2_DATA_ERROR;
		transfer_end(floppy);
		return;
	}
	/* READ DELETED DATA stops after an ordinary sector. */
	if (code(floppy) == FLOPPY_READ_DELETED) {
		state->st2 |= ST2_CONTROL_MARK;
		state->terminal_count = true;
	}
	more = next_id(floppy);
	if (!state->terminal_count && more) {
		work_soon(floppy);
		return;
	}
	if (!state->terminal_count && code(floppy) != FLOPPY_READ_TRACK)
		state->st1 |= ST1_END_OF_CYLINDER;
	transfer_end(floppy);
}

/* READ ID gives the next ID that comes by. */
static void read_id(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	const struct floppy_format *format = floppy_drive(floppy, state->drive)->format;
	uint64_t turned = cbx_time(&floppy->device) % ROTATION_NANOSECONDS;

	if (track_is_readable(floppy)) {
		state->cylinder = (uint8_t)cylinder_here(floppy);
		state->id_head = state->head;
		state->record = (uint8_t)(turned * format->sectors / ROTATION_NANOSECONDS + 1);
		state->size_code = 2;
	} else {
		state->st1 |= ST1_MISSING_MARK;
	}
	transfer_end(floppy);
}

/* ---- Begin -------------------------------------------------------------------------------------------- */

static void get_parameters(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	const uint8_t *fifo = state->fifo;

	state->drive = fifo[1] & 3;
	state->head = fifo[1] >> 2 & 1;
	state->st0 = state->st1 = state->st2 = 0;
	state->terminal_count = false;
	state->position = state->unit = 0;
	if (code(floppy) == FLOPPY_READ_ID)
		return;
	if (code(floppy) == FLOPPY_FORMAT) {
		state->size_code = fifo[2];
		state->left = fifo[3];
		state->last = fifo[3];
		state->fill = fifo[5];
		return;
	}
	state->cylinder = fifo[2];
	state->id_head = fifo[3];
	state->record = code(floppy) == FLOPPY_READ_TRACK ? 1 : fifo[4];
	state->size_code = fifo[5];
	state->end = fifo[6];
	state->last = fifo[8];
	state->left = fifo[8];          /* VERIFY: the sector count, 0 is 256 */
}

void floppy_transfer_begin(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	struct floppy_drive *drive;

	get_parameters(floppy);
	drive = floppy_drive(floppy, state->drive);
	state->phase = FLOPPY_EXECUTE;
	/* Without a disk no index pulse ever comes. */
	if (!drive || !drive->format)
		return;
	if ((state->config & CONFIG_IMPLIED_SEEK) && code(floppy) != FLOPPY_FORMAT &&
	    code(floppy) != FLOPPY_READ_ID && state->pcn[state->drive] != state->cylinder) {
		floppy_step_to(floppy, state->drive, state->cylinder);
		state->pcn[state->drive] = state->cylinder;
		state->st0 |= ST0_SEEK_END;
	}
	work_soon(floppy);
}

static bool write_is_allowed(struct floppy *floppy)
{
	const struct cbx_disk_backend *disk = &floppy_drive(floppy, floppy->state.drive)->disk;

	return !disk->read_only && disk->write;
}

void floppy_transfer_work(struct floppy *floppy)
{
	struct floppy_state *state = &floppy->state;
	struct floppy_drive *drive = floppy_drive(floppy, state->drive);

	/* The disk was taken out meanwhile. */
	if (!drive || !drive->format)
		return;
	if ((is_write(floppy) || code(floppy) == FLOPPY_FORMAT) && !write_is_allowed(floppy)) {
		state->st1 |= ST1_WRITE_PROTECT;
		transfer_end(floppy);
	} else if (state->position) {
		end_sector(floppy);
	} else if (code(floppy) == FLOPPY_READ_ID) {
		read_id(floppy);
	} else if (code(floppy) != FLOPPY_FORMAT) {
		begin_sector(floppy);
	} else if (!state->left) {
		transfer_end(floppy);
	} else {
		request(floppy, FORMAT_ID_BYTES);
	}
}

/* ---- Bytes --------------------------------------------------------------------------------------------- */

/* The one place where the position moves: by count, at most to the end of the piece. */
static void moved(struct floppy *floppy, unsigned count, bool terminal_count)
{
	struct floppy_state *state = &floppy->state;
	unsigned room = state->unit - state->position;

	state->position = (uint16_t)(state->position + (count < room ? count : room));
	state->terminal_count = state->terminal_count || terminal_count;
	if (state->position < state->unit && !state->terminal_count)
		return;
	floppy_set_drq(floppy, false);
	if (!floppy_transfer_uses_dma(floppy))
		floppy_set_irq(floppy, false);
	work_soon(floppy);
}

size_t floppy_dma_transfer(void *user, uint8_t *bytes, size_t count, bool to_device,
			   bool terminal_count)
{
	struct floppy *floppy = user;
	struct floppy_state *state = &floppy->state;
	size_t room = (size_t)(state->unit - state->position);
	bool to_host = floppy_transfer_to_host(floppy);
	size_t count_now = count < room ? count : room;

	if (state->phase != FLOPPY_TRANSFER || !floppy_transfer_uses_dma(floppy)) {
		floppy_set_drq(floppy, false);
		return 0;
	}
	/* A channel that is set up the wrong way round moves what an idle bus shows. */
	if (to_host && !to_device)
		memcpy(bytes, state->sector + state->position, count_now);
	else if (!to_device)
		memset(bytes, 0xff, count_now);
	else if (!to_host)
		memcpy(state->sector + state->position, bytes, count_now);
	if (!to_host && !to_device)
		memset(state->sector + state->position, 0xff, count_now);
	moved(floppy, (unsigned)count_now, terminal_count && count_now == count);
	return count_now;
}

uint8_t floppy_transfer_read(struct floppy *floppy)
{
	uint8_t byte = floppy->state.sector[floppy->state.position % FLOPPY_SECTOR];

	moved(floppy, 1, false);
	return byte;
}

void floppy_transfer_write(struct floppy *floppy, uint8_t byte)
{
	floppy->state.sector[floppy->state.position % FLOPPY_SECTOR] = byte;
	moved(floppy, 1, false);
}
