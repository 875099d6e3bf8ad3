/*
 * The configuration memory of an AT, as firmware of PCs and emulators reads it: drives,
 * equipment, memory sizes, and (as Bochs has it) the boot order.
 */
#include "board.h"

enum {
	CMOS_FLOPPIES = 0x10, CMOS_DISKS = 0x12, CMOS_EQUIPMENT = 0x14, CMOS_BASE_MEMORY = 0x15,
	CMOS_EXTENDED_MEMORY = 0x17, CMOS_DISK_C = 0x19, CMOS_DISK_D = 0x1a, CMOS_CHECKSUM = 0x2e,
	CMOS_EXTENDED_MEMORY_2 = 0x30, CMOS_MEMORY_16M = 0x34, CMOS_BOOT_THIRD = 0x38,
	CMOS_TRANSLATION = 0x39, CMOS_BOOT = 0x3d, CMOS_MEMORY_4G = 0x5b
};

enum { EQUIPMENT_FLOPPY = 0x01, EQUIPMENT_FPU = 0x02, EQUIPMENT_MOUSE = 0x04 };

/* Disks beyond what 1024 cylinders of 16 heads hold need a translated geometry. */
#define CMOS_CHS_BYTES (UINT64_C(1024) * 16 * 63 * 512)

struct cmos {
	uint8_t bytes[128];
};

static void cmos_put(struct cmos *cmos, unsigned index, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		cmos->bytes[index + i] = (uint8_t)(value >> 8 * i);
}

static uint64_t cmos_at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

static void cmos_memory(struct cmos *cmos, const struct board *board)
{
	uint64_t low = board_low_ram(board), extended = low > 0x100000 ? low - 0x100000 : 0;
	uint64_t above_16m = low > 0x1000000 ? low - 0x1000000 : 0;

	cmos_put(cmos, CMOS_BASE_MEMORY, 640, 2);
	cmos_put(cmos, CMOS_EXTENDED_MEMORY, cmos_at_most(extended >> 10, 0xffff), 2);
	cmos_put(cmos, CMOS_EXTENDED_MEMORY_2, cmos_at_most(extended >> 10, 0xffff), 2);
	cmos_put(cmos, CMOS_MEMORY_16M, cmos_at_most(above_16m >> 16, 0xffff), 2);
	cmos_put(cmos, CMOS_MEMORY_4G, board_high_ram(board) >> 16, 3);
}

static void cmos_drives(struct cmos *cmos, const struct board *board,
			const struct cbx_pc_options *options)
{
	unsigned a = board->floppy ? floppy_cmos_type(board->floppy, 0) : 0;
	unsigned b = board->floppy ? floppy_cmos_type(board->floppy, 1) : 0;
	unsigned floppies = (a != 0) + (b != 0), disks = 0, translation = 0;

	for (unsigned i = 0; i < 4; i++) {
		if (!options->ide[i].present || options->ide[i].cdrom)
			continue;
		if (i < 2)
			disks |= 0xf0u >> 4 * i;
		if (options->ide[i].disk.bytes > CMOS_CHS_BYTES)
			translation |= 1u << 2 * i;
	}
	cmos_put(cmos, CMOS_FLOPPIES, a << 4 | b, 1);
	cmos_put(cmos, CMOS_DISKS, disks, 1);
	/* Type 15 in the nibbles above says: look here; 47: the geometry is not in a table. */
	cmos_put(cmos, CMOS_DISK_C, disks & 0xf0 ? 47 : 0, 1);
	cmos_put(cmos, CMOS_DISK_D, disks & 0x0f ? 47 : 0, 1);
	cmos_put(cmos, CMOS_TRANSLATION, translation, 1);
	cmos_put(cmos, CMOS_EQUIPMENT, EQUIPMENT_FPU | EQUIPMENT_MOUSE |
		 (floppies ? EQUIPMENT_FLOPPY | (floppies - 1) << 6 : 0), 1);
}

/* A letter's number in the boot order; 0: no such device. */
static unsigned cmos_boot_device(char letter)
{
	switch (letter) {
	case 'a': case 'b':
		return 1;
	case 'c':
		return 2;
	case 'd':
		return 3;
	case 'n':
		return 4;
	default:
		return 0;
	}
}

static void cmos_boot_order(struct cmos *cmos, const char *order)
{
	unsigned devices[3] = { 0 }, count = 0;

	for (; *order && count < 3; order++)
		if (cmos_boot_device(*order))
			devices[count++] = cmos_boot_device(*order);
	cmos_put(cmos, CMOS_BOOT, devices[0] | devices[1] << 4, 1);
	/* Bit 0: boot floppies without the 55AAh signature too. */
	cmos_put(cmos, CMOS_BOOT_THIRD, devices[2] << 4 | 1, 1);
}

void pc_fill_cmos(const struct board *board, const struct cbx_pc_options *options)
{
	struct cmos cmos = { { 0 } };
	unsigned sum = 0;

	cmos_memory(&cmos, board);
	cmos_drives(&cmos, board, options);
	cmos_boot_order(&cmos, options->boot_order ? options->boot_order : "cda");
	for (unsigned i = CMOS_FLOPPIES; i < CMOS_CHECKSUM; i++)
		sum += cmos.bytes[i];
	cmos.bytes[CMOS_CHECKSUM] = (uint8_t)(sum >> 8);
	cmos.bytes[CMOS_CHECKSUM + 1] = (uint8_t)sum;
	for (unsigned i = CMOS_FLOPPIES; i < 128; i++)
		rtc_set_default(board->rtc, i, cmos.bytes[i]);
}
