/*
 * An ATA hard disk: the commands of ATA/ATAPI-6 (and of older standards what PC software
 * still uses) over a disk backend.  The registers and protocols are in ide.c.
 *
 * Addresses are CHS in the geometry that INITIALIZE DEVICE PARAMETERS set, 28-bit or
 * 48-bit LBA.  There is no security, SMART, queueing or power-up-in-standby: those
 * commands are aborted, and IDENTIFY says so.
 */
#include "ide_drive.h"

#include <string.h>

enum { SECTOR = 512, MULTIPLE_MAX = 16, DEFAULT_HEADS = 16, DEFAULT_SECTORS = 63 };
enum { CYLINDERS_MAX = 16383 };
#define LBA28_SECTORS UINT64_C(0x0fffffff)

enum {
	NOP = 0x00, RECALIBRATE = 0x10, READ_SECTORS = 0x20, READ_SECTORS_EXT = 0x24,
	READ_DMA_EXT = 0x25, READ_NATIVE_MAX_EXT = 0x27, READ_MULTIPLE_EXT = 0x29,
	WRITE_SECTORS = 0x30, WRITE_SECTORS_EXT = 0x34, WRITE_DMA_EXT = 0x35,
	SET_MAX_EXT = 0x37, WRITE_MULTIPLE_EXT = 0x39, WRITE_DMA_FUA_EXT = 0x3d,
	WRITE_VERIFY = 0x3c, READ_VERIFY = 0x40, READ_VERIFY_EXT = 0x42, SEEK = 0x70,
	INITIALIZE_PARAMETERS = 0x91, READ_MULTIPLE = 0xc4, WRITE_MULTIPLE = 0xc5,
	SET_MULTIPLE = 0xc6, READ_DMA = 0xc8, WRITE_DMA = 0xca, WRITE_MULTIPLE_FUA_EXT = 0xce,
	STANDBY_IMMEDIATE = 0xe0, IDLE_IMMEDIATE = 0xe1, STANDBY = 0xe2, IDLE = 0xe3,
	READ_BUFFER = 0xe4, CHECK_POWER = 0xe5, SLEEP = 0xe6, FLUSH = 0xe7, WRITE_BUFFER = 0xe8,
	FLUSH_EXT = 0xea, IDENTIFY = 0xec, SET_FEATURES = 0xef, READ_NATIVE_MAX = 0xf8,
	SET_MAX = 0xf9
};

enum { POWER_STANDBY = 0x00, POWER_IDLE = 0x80, POWER_ACTIVE = 0xff };

/* ---- Addresses --------------------------------------------------------------------------- */

static uint32_t cylinders(const struct ide_drive *drive)
{
	const struct ide_drive_state *state = drive->state;
	uint64_t count = drive->disk_sectors / ((uint64_t)state->heads * state->sectors);

	return count > CYLINDERS_MAX ? CYLINDERS_MAX : (uint32_t)count;
}

/* The first sector that the registers name; false: no such CHS address. */
static bool address_get(const struct ide_drive *drive, uint64_t *lba)
{
	const struct ide_drive_state *state = drive->state;
	uint32_t cylinder, head, sector;

	if (state->extended) {
		*lba = (uint64_t)state->lba_high[1] << 40 | (uint64_t)state->lba_mid[1] << 32 |
		       (uint64_t)state->lba_low[1] << 24 | (uint64_t)state->lba_high[0] << 16 |
		       (uint64_t)state->lba_mid[0] << 8 | state->lba_low[0];
		return true;
	}
	if (!state->chs) {
		*lba = (uint64_t)(state->device & 15) << 24 | (uint64_t)state->lba_high[0] << 16 |
		       (uint64_t)state->lba_mid[0] << 8 | state->lba_low[0];
		return true;
	}
	cylinder = (uint32_t)state->lba_high[0] << 8 | state->lba_mid[0];
	head = state->device & 15;
	sector = state->lba_low[0];
	if (!sector || sector > state->sectors || head >= state->heads)
		return false;
	*lba = ((uint64_t)cylinder * state->heads + head) * state->sectors + sector - 1;
	return true;
}

static void address_put(struct ide_drive *drive, uint64_t lba)
{
	struct ide_drive_state *state = drive->state;
	uint64_t track;

	if (state->extended) {
		state->lba_low[1] = (uint8_t)(lba >> 24);
		state->lba_mid[1] = (uint8_t)(lba >> 32);
		state->lba_high[1] = (uint8_t)(lba >> 40);
	}
	if (!state->chs) {
		state->lba_low[0] = (uint8_t)lba;
		state->lba_mid[0] = (uint8_t)(lba >> 8);
		state->lba_high[0] = (uint8_t)(lba >> 16);
		if (!state->extended)
			state->device = (uint8_t)((state->device & 0xf0) | (lba >> 24 & 15));
		return;
	}
	track = lba / state->sectors;
	state->lba_low[0] = (uint8_t)(lba % state->sectors + 1);
	state->lba_mid[0] = (uint8_t)(track / state->heads);
	state->lba_high[0] = (uint8_t)(track / state->heads >> 8);
	state->device = (uint8_t)((state->device & 0xf0) | track % state->heads);
}

/* ---- Reading and writing ------------------------------------------------------------------- */

/*
 * The command failed at sector lba: the registers say where, and how many sectors were left with
 * that one (ATA-3, 7.2.12; later standards leave the count open).
 */
static void transfer_fail(struct ide_drive *drive, uint64_t lba, uint8_t error)
{
	struct ide_drive_state *state = drive->state;
	uint64_t left = state->left - (lba - state->lba);

	address_put(drive, lba);
	state->count[0] = (uint8_t)left;
	if (state->extended)
		state->count[1] = (uint8_t)(left >> 8);
	ide_fail(drive, error);
}

/* Sectors of the next block, at most what is left. */
static uint32_t block_sectors(const struct ide_drive *drive)
{
	const struct ide_drive_state *state = drive->state;
	uint64_t most = 1;

	if (state->dma)
		most = IDE_BUFFER_BYTES / SECTOR;
	else if (state->command == READ_MULTIPLE || state->command == READ_MULTIPLE_EXT ||
		 state->command == WRITE_MULTIPLE || state->command == WRITE_MULTIPLE_EXT ||
		 state->command == WRITE_MULTIPLE_FUA_EXT)
		most = state->multiple;
	if (!most)
		most = 1;
	return (uint32_t)(most < state->left ? most : state->left);
}

/* Registers as they are after the last sector of a transfer that went well. */
static void transfer_done(struct ide_drive *drive)
{
	address_put(drive, drive->state->lba - 1);
	drive->state->count[0] = 0;
}

static void read_block(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	uint32_t sectors = block_sectors(drive);

	for (uint32_t i = 0; i < sectors; i++) {
		bool good = state->lba + i < state->visible_sectors;

		/* All at once; only when that fails, one by one to see which. */
		if (i == 0 && sectors <= state->visible_sectors - state->lba && good &&
		    ide_disk_read(drive, state->lba * SECTOR, state->data, sectors * SECTOR))
			break;
		if (good && ide_disk_read(drive, (state->lba + i) * SECTOR,
					  state->data + i * SECTOR, SECTOR))
			continue;
		transfer_fail(drive, state->lba + i, good ? IDE_ERROR_UNC : IDE_ERROR_IDNF);
		return;
	}
	state->lba += sectors;
	state->left -= sectors;
	if (!state->left)
		transfer_done(drive);
	state->last = !state->left && !state->dma;
	ide_data_in(drive, sectors * SECTOR);
}

static void write_block(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	uint32_t sectors = state->length / SECTOR;

	for (uint32_t i = 0; i < sectors; i++) {
		if (state->lba + i >= state->visible_sectors) {
			transfer_fail(drive, state->lba + i, IDE_ERROR_IDNF);
			return;
		}
		if (i == 0 && sectors <= state->visible_sectors - state->lba &&
		    ide_disk_write(drive, state->lba * SECTOR, state->data, sectors * SECTOR))
			break;
		if (ide_disk_write(drive, (state->lba + i) * SECTOR, state->data + i * SECTOR,
				   SECTOR))
			continue;
		transfer_fail(drive, state->lba + i, IDE_ERROR_ABRT);
		state->status |= IDE_DF;
		return;
	}
	state->lba += sectors;
	state->left -= sectors < state->left ? sectors : state->left;
	if (state->left) {
		ide_data_out(drive, block_sectors(drive) * SECTOR, true);
		return;
	}
	transfer_done(drive);
	if (!state->write_cache && !ide_disk_flush(drive)) {
		ide_fail(drive, IDE_ERROR_ABRT);
		state->status |= IDE_DF;
		return;
	}
	ide_finish(drive);
}

static void verify(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;

	while (state->left) {
		uint32_t sectors = state->left < IDE_BUFFER_BYTES / SECTOR
				   ? (uint32_t)state->left : IDE_BUFFER_BYTES / SECTOR;

		/* At the edge of what is there or can be read: sector by sector. */
		if (state->lba >= state->visible_sectors) {
			transfer_fail(drive, state->lba, IDE_ERROR_IDNF);
			return;
		}
		if (sectors > state->visible_sectors - state->lba ||
		    !ide_disk_read(drive, state->lba * SECTOR, state->data, sectors * SECTOR)) {
			sectors = 1;
			if (!ide_disk_read(drive, state->lba * SECTOR, state->data, SECTOR)) {
				transfer_fail(drive, state->lba, IDE_ERROR_UNC);
				return;
			}
		}
		state->lba += sectors;
		state->left -= sectors;
	}
	transfer_done(drive);
	ide_finish(drive);
}

/* Sets up lba and left from the registers; false: the command has failed. */
static bool transfer_begin(struct ide_drive *drive, bool extended)
{
	struct ide_drive_state *state = drive->state;

	state->extended = extended;
	state->chs = !extended && !(state->device & IDE_DEVICE_LBA);
	state->power = POWER_ACTIVE;
	if (extended) {
		state->left = (uint32_t)state->count[1] << 8 | state->count[0];
		if (!state->left)
			state->left = 65536;
		/* 48-bit commands know LBA only. */
		if (!(state->device & IDE_DEVICE_LBA)) {
			ide_fail(drive, IDE_ERROR_ABRT);
			return false;
		}
	} else {
		state->left = state->count[0] ? state->count[0] : 256;
	}
	if (!address_get(drive, &state->lba) || state->lba >= state->visible_sectors) {
		ide_fail(drive, IDE_ERROR_IDNF);
		return false;
	}
	return true;
}

static void command_read(struct ide_drive *drive, bool extended, bool dma)
{
	if (!transfer_begin(drive, extended))
		return;
	drive->state->dma = dma;
	read_block(drive);
}

static void command_write(struct ide_drive *drive, bool extended, bool dma)
{
	if (drive->disk.read_only || !drive->disk.write) {
		ide_fail(drive, IDE_ERROR_ABRT);
		return;
	}
	if (!transfer_begin(drive, extended))
		return;
	drive->state->dma = dma;
	ide_data_out(drive, block_sectors(drive) * SECTOR, false);
}

static void command_multiple(struct ide_drive *drive, bool write, bool extended)
{
	if (!drive->state->multiple)
		ide_fail(drive, IDE_ERROR_ABRT);
	else if (write)
		command_write(drive, extended, false);
	else
		command_read(drive, extended, false);
}

static void command_seek(struct ide_drive *drive)
{
	if (transfer_begin(drive, false))
		ide_finish(drive);
}

static void command_flush(struct ide_drive *drive)
{
	if (ide_disk_flush(drive)) {
		ide_finish(drive);
		return;
	}
	ide_fail(drive, IDE_ERROR_ABRT);
	drive->state->status |= IDE_DF;
}

/* ---- IDENTIFY ---------------------------------------------------------------------------------- */

static void identify_sizes(struct ide_drive *drive)
{
	const struct ide_drive_state *state = drive->state;
	uint64_t sectors = state->visible_sectors;
	uint32_t chs = cylinders(drive) * state->heads * state->sectors;
	uint64_t lba28 = sectors < LBA28_SECTORS ? sectors : LBA28_SECTORS;
	uint64_t start = drive->disk_sectors / (DEFAULT_HEADS * DEFAULT_SECTORS);

	if (start > CYLINDERS_MAX)
		start = CYLINDERS_MAX;
	if (!start)
		start = 1;
	ide_put_word(drive, 1, (uint32_t)start);
	ide_put_word(drive, 3, DEFAULT_HEADS);
	ide_put_word(drive, 6, DEFAULT_SECTORS);
	ide_put_word(drive, 54, cylinders(drive));
	ide_put_word(drive, 55, state->heads);
	ide_put_word(drive, 56, state->sectors);
	ide_put_word(drive, 57, chs & 0xffff);
	ide_put_word(drive, 58, chs >> 16);
	ide_put_word(drive, 60, (uint32_t)lba28 & 0xffff);
	ide_put_word(drive, 61, (uint32_t)(lba28 >> 16));
	for (unsigned i = 0; i < 4; i++)
		ide_put_word(drive, 100 + i, (uint32_t)(sectors >> (16 * i)) & 0xffff);
}

static void identify(struct ide_drive *drive)
{
	const struct ide_drive_state *state = drive->state;
	uint8_t mode = state->transfer_mode, sum = 0;

	memset(drive->state->data, 0, SECTOR);
	ide_put_word(drive, 0, 0x0040);                     /* fixed disk */
	ide_put_names(drive, "CLEARBOX HARD DISK");
	identify_sizes(drive);
	ide_put_word(drive, 47, 0x8000 | MULTIPLE_MAX);
	ide_put_word(drive, 48, 0x0001);                    /* 32-bit data port */
	ide_put_word(drive, 49, 0x0f00);                    /* IORDY can be off, LBA, DMA */
	ide_put_word(drive, 50, 0x4000);
	ide_put_word(drive, 51, 0x0200);
	ide_put_word(drive, 53, 0x0007);                    /* 54-58, 64-70, 88 are valid */
	ide_put_word(drive, 59, state->multiple ? 0x100u | state->multiple : 0);
	ide_put_word(drive, 63, 0x0007 | ((mode & 0xf8) == 0x20 ? 0x100u << (mode & 7) : 0));
	ide_put_word(drive, 64, 0x0003);                    /* PIO modes 3 and 4 */
	ide_put_word(drive, 65, 120);
	ide_put_word(drive, 66, 120);
	ide_put_word(drive, 67, 120);
	ide_put_word(drive, 68, 120);
	ide_put_word(drive, 80, 0x007e);                    /* ATA-1 to ATA/ATAPI-6 */
	ide_put_word(drive, 82, 0x7468);            /* NOP, buffers, HPA, look-ahead, cache, power */
	ide_put_word(drive, 83, 0x7400);                    /* FLUSH CACHE (EXT), 48-bit */
	ide_put_word(drive, 84, 0x4040);                    /* FUA */
	ide_put_word(drive, 85, 0x7408 | (state->write_cache ? 0x20 : 0) |
		 (state->look_ahead ? 0x40 : 0));
	ide_put_word(drive, 86, 0x3400);
	ide_put_word(drive, 87, 0x4040);
	ide_put_word(drive, 88, 0x003f | ((mode & 0xf8) == 0x40 ? 0x100u << (mode & 7) : 0));
	ide_put_word(drive, 93, drive->number & 1 ? 0x6b00 : 0x600b);       /* 80-wire cable */
	ide_put_word(drive, 255, 0x00a5);
	for (unsigned i = 0; i < SECTOR - 1; i++)
		sum = (uint8_t)(sum + drive->state->data[i]);
	drive->state->data[SECTOR - 1] = (uint8_t)-sum;
	drive->state->last = true;
	ide_data_in(drive, SECTOR);
}

/* ---- Settings ------------------------------------------------------------------------------------- */

/* SET FEATURES 03h: PIO modes 0-4, multiword DMA 0-2, Ultra DMA 0-5. */
static bool set_transfer_mode(struct ide_drive *drive, uint8_t mode)
{
	bool known = mode <= 0x01 || (mode >= 0x08 && mode <= 0x0c) ||
		     (mode >= 0x20 && mode <= 0x22) || (mode >= 0x40 && mode <= 0x45);

	/* PIO modes leave the choice of DMA mode alone. */
	if (known && mode >= 0x20)
		drive->state->transfer_mode = mode;
	return known;
}

static void set_features(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	bool good = true;

	switch (state->feature[0]) {
	case 0x02:
		state->write_cache = true;
		break;
	case 0x82:
		state->write_cache = false;
		good = ide_disk_flush(drive);
		break;
	case 0x03:
		good = set_transfer_mode(drive, state->count[0]);
		break;
	case 0x55:
		state->look_ahead = false;
		break;
	case 0xaa:
		state->look_ahead = true;
		break;
	case 0x66:              /* settings survive a software reset: they always do */
	case 0xcc:
		break;
	default:
		good = false;
	}
	if (good)
		ide_finish(drive);
	else
		ide_fail(drive, IDE_ERROR_ABRT);
}

static void set_multiple(struct ide_drive *drive)
{
	uint8_t count = drive->state->count[0];

	if (count > MULTIPLE_MAX || (count & (count - 1))) {
		drive->state->multiple = 0;
		ide_fail(drive, IDE_ERROR_ABRT);
		return;
	}
	drive->state->multiple = count;
	ide_finish(drive);
}

static void initialize_parameters(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;

	if (!state->count[0]) {
		ide_fail(drive, IDE_ERROR_ABRT);
		return;
	}
	state->sectors = state->count[0];
	state->heads = (uint8_t)((state->device & 15) + 1);
	ide_finish(drive);
}

/* The highest address, in the form of the command that asked. */
static void read_native_max(struct ide_drive *drive, bool extended)
{
	struct ide_drive_state *state = drive->state;
	uint64_t last = drive->disk_sectors - 1;

	if (!(state->device & IDE_DEVICE_LBA)) {
		ide_fail(drive, IDE_ERROR_ABRT);
		return;
	}
	state->extended = extended;
	state->chs = false;
	if (!extended && last > LBA28_SECTORS - 1)
		last = LBA28_SECTORS - 1;
	address_put(drive, last);
	state->native_max_was_read = true;
	ide_finish(drive);
}

/* Must come right after READ NATIVE MAX; SET MAX's security subcommands do not exist. */
static void set_max(struct ide_drive *drive, bool extended, bool allowed)
{
	struct ide_drive_state *state = drive->state;
	uint64_t last;

	state->extended = extended;
	state->chs = false;
	if (!allowed || !(state->device & IDE_DEVICE_LBA) || (!extended && state->feature[0])) {
		ide_fail(drive, IDE_ERROR_ABRT);
		return;
	}
	address_get(drive, &last);
	if (last >= drive->disk_sectors) {
		ide_fail(drive, IDE_ERROR_IDNF);
		return;
	}
	state->visible_sectors = last + 1;
	ide_finish(drive);
}

static void set_power(struct ide_drive *drive, uint8_t power)
{
	drive->state->power = power;
	ide_finish(drive);
}

static void command_sleep(struct ide_drive *drive)
{
	ide_finish(drive);
	drive->state->power = POWER_STANDBY;
	drive->state->phase = IDE_SLEEP;
}

/* ---- All commands ------------------------------------------------------------------------------------ */

static void ata_execute_rare(struct ide_drive *drive, bool native_max_was_read)
{
	struct ide_drive_state *state = drive->state;

	switch (state->command) {
	case INITIALIZE_PARAMETERS:
		initialize_parameters(drive);
		break;
	case SET_MULTIPLE:
		set_multiple(drive);
		break;
	case SET_FEATURES:
		set_features(drive);
		break;
	case READ_NATIVE_MAX:
	case READ_NATIVE_MAX_EXT:
		read_native_max(drive, state->command == READ_NATIVE_MAX_EXT);
		break;
	case SET_MAX:
	case SET_MAX_EXT:
		set_max(drive, state->command == SET_MAX_EXT, native_max_was_read);
		break;
	case STANDBY_IMMEDIATE: case STANDBY: case 0x94: case 0x96:
		set_power(drive, POWER_STANDBY);
		break;
	case IDLE_IMMEDIATE: case IDLE: case 0x95: case 0x97:
		set_power(drive, POWER_IDLE);
		break;
	case CHECK_POWER: case 0x98:
		state->count[0] = state->power;
		ide_finish(drive);
		break;
	case SLEEP: case 0x99:
		command_sleep(drive);
		break;
	case READ_BUFFER:
		state->last = true;
		ide_data_in(drive, SECTOR);
		break;
	case WRITE_BUFFER:
		ide_data_out(drive, SECTOR, false);
		break;
	default:
		ide_fail(drive, IDE_ERROR_ABRT);        /* NOP as well */
	}
}

static void ata_execute(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	bool native_max_was_read = state->native_max_was_read;

	state->native_max_was_read = false;
	switch (state->command) {
	case READ_SECTORS: case READ_SECTORS + 1:
		command_read(drive, false, false);
		break;
	case READ_SECTORS_EXT:
		command_read(drive, true, false);
		break;
	case READ_DMA: case READ_DMA + 1:
		command_read(drive, false, true);
		break;
	case READ_DMA_EXT:
		command_read(drive, true, true);
		break;
	case WRITE_SECTORS: case WRITE_SECTORS + 1: case WRITE_VERIFY:
		command_write(drive, false, false);
		break;
	case WRITE_SECTORS_EXT:
		command_write(drive, true, false);
		break;
	case WRITE_DMA: case WRITE_DMA + 1:
		command_write(drive, false, true);
		break;
	case WRITE_DMA_EXT: case WRITE_DMA_FUA_EXT:
		command_write(drive, true, true);
		break;
	case READ_MULTIPLE: case READ_MULTIPLE_EXT:
		command_multiple(drive, false, state->command == READ_MULTIPLE_EXT);
		break;
	case WRITE_MULTIPLE: case WRITE_MULTIPLE_EXT: case WRITE_MULTIPLE_FUA_EXT:
		command_multiple(drive, true, state->command != WRITE_MULTIPLE);
		break;
	case READ_VERIFY: case READ_VERIFY + 1: case READ_VERIFY_EXT:
		if (transfer_begin(drive, state->command == READ_VERIFY_EXT))
			verify(drive);
		break;
	case FLUSH: case FLUSH_EXT:
		command_flush(drive);
		break;
	case IDENTIFY:
		identify(drive);
		break;
	default:
		if ((state->command & 0xf0) == SEEK)
			command_seek(drive);
		else if ((state->command & 0xf0) == RECALIBRATE)
			ide_finish(drive);
		else
			ata_execute_rare(drive, native_max_was_read);
	}
}

static void ata_block_moved(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;

	if (state->command == WRITE_BUFFER || (state->to_host && !state->left))
		ide_finish(drive);
	else if (state->to_host)
		read_block(drive);
	else
		write_block(drive);
}

/* ---- Reset and saved state ------------------------------------------------------------------------------- */

static void ata_reset(struct ide_drive *drive, bool hardware)
{
	struct ide_drive_state *state = drive->state;

	state->power = POWER_ACTIVE;
	state->native_max_was_read = false;
	if (!hardware)
		return;
	state->visible_sectors = drive->disk_sectors;
	state->heads = DEFAULT_HEADS;
	state->sectors = DEFAULT_SECTORS;
	state->multiple = MULTIPLE_MAX;
	state->transfer_mode = 0;
	state->write_cache = state->look_ahead = true;
}

static void ata_signature(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;

	memset(state->count, 0, sizeof(state->count));
	memset(state->lba_low, 0, sizeof(state->lba_low));
	memset(state->lba_mid, 0, sizeof(state->lba_mid));
	memset(state->lba_high, 0, sizeof(state->lba_high));
	state->count[0] = state->lba_low[0] = 1;
	state->device = 0;
	state->error = 1;               /* diagnostics passed */
	state->status = IDE_DRDY | IDE_DSC;
}

/* In a transfer: whether lba, left and the block fit each other. */
static bool ata_check(const struct ide_drive *drive, const struct ide_drive_state *state)
{
	if (state->visible_sectors < 1 || state->visible_sectors > drive->disk_sectors ||
	    state->lba >= (UINT64_C(1) << 48) + 65536 || state->left > 65536)
		return false;
	if (!state->heads || state->heads > 16 || !state->sectors)
		return false;
	if (state->multiple > MULTIPLE_MAX || (state->multiple & (state->multiple - 1)))
		return false;
	if (state->phase == IDE_BLOCK || state->phase == IDE_PIO || state->phase == IDE_DMA)
		return state->length && state->length % SECTOR == 0;
	return true;
}

const struct ide_drive_type ata_drive_type = {
	.reset = ata_reset,
	.signature = ata_signature,
	.execute = ata_execute,
	.block_moved = ata_block_moved,
	.check = ata_check
};
