/* The floppy controller, at the ports, with the real DMA controller. */
#include "harness.h"

#include "floppy_state.h"
#include "memory_disk.h"

enum { RQM = 0x80, DIO = 0x40, NON_DMA = 0x20, CB = 0x10 };
enum { DOR = 0x3f2, MSR = 0x3f4, FIFO = 0x3f5, DIR = 0x3f7, BUFFER = 0x20000 };

struct bench {
	struct cbx_machine *machine;
	struct dma *dma;
	struct floppy *floppy;
	struct memory_disk disks[2];
	struct fake_wire irq;
	uint8_t result[16];
	unsigned results;
};

static void out(struct bench *bench, unsigned port, uint32_t value)
{
	fake_out(bench->machine, port, value, 1);
}

static uint8_t in(struct bench *bench, unsigned port)
{
	return (uint8_t)fake_in(bench->machine, port, 1);
}

/* Sizes of both disks; 0: none. */
static void bench_new(struct bench *bench, uint64_t first, uint64_t second, bool read_only)
{
	struct cbx_disk_backend disks[2] = { { 0 } };
	const uint64_t sizes[2] = { first, second };

	memset(bench, 0, sizeof(*bench));
	bench->machine = fake_machine_new();
	for (unsigned i = 0; i < 2; i++) {
		memory_disk_new(&bench->disks[i], sizes[i], 512);
		if (sizes[i])
			disks[i] = memory_disk_backend(&bench->disks[i]);
		disks[i].read_only = read_only;
	}
	assert_int_equal(dma_new(bench->machine, &bench->dma), CBX_OK);
	assert_int_equal(floppy_new(bench->machine, fake_wire(bench->machine, &bench->irq),
				    (struct dma_channel){ bench->dma, 2 }, disks, &bench->floppy),
			 CBX_OK);
	fake_reset(bench->machine, CBX_RESET_POWER);
	out(bench, 0xd6, 0xc0);         /* cascade */
	out(bench, 0xd4, 0x00);
}

static void bench_free(struct bench *bench)
{
	fake_machine_free(bench->machine);
	memory_disk_free(&bench->disks[0]);
	memory_disk_free(&bench->disks[1]);
}

static void command(struct bench *bench, const uint8_t *bytes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(in(bench, MSR) & (RQM | DIO), RQM);
		out(bench, FIFO, bytes[i]);
	}
}

static void results(struct bench *bench)
{
	bench->results = 0;
	for (unsigned i = 0; i < 2000 && (in(bench, MSR) & (RQM | CB)) == CB; i++)
		fake_advance(bench->machine, 100000);
	while ((in(bench, MSR) & (RQM | DIO)) == (RQM | DIO) && bench->results < 16)
		bench->result[bench->results++] = in(bench, FIFO);
	assert_int_equal(in(bench, MSR) & (RQM | DIO | CB), RQM);
}

#define COMMAND(bench, ...)                                                        \
	command(bench, (const uint8_t[]){ __VA_ARGS__ },                            \
		sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void sense_interrupt(struct bench *bench, uint8_t st0, uint8_t pcn)
{
	COMMAND(bench, 0x08);
	results(bench);
	assert_int_equal(bench->results, 2);
	assert_int_equal(bench->result[0], st0);
	assert_int_equal(bench->result[1], pcn);
}

/* Out of reset, motors on, SPECIFY; the rate is for 1.44 MB. */
static void start(struct bench *bench)
{
	out(bench, DOR, 0x3c);
	fake_advance(bench->machine, 1000000);
	assert_true(bench->irq.level);
	for (unsigned i = 0; i < 4; i++)
		sense_interrupt(bench, (uint8_t)(0xc0 | i), 0);
	assert_false(bench->irq.level);
	COMMAND(bench, 0x03, 0xdf, 0x02);
	out(bench, DIR, 0);
}

/* mode: 44h to the disk (memory read), 48h... as the 8237 has it: 46h to memory, 4Ah from it. */
static void dma_setup(struct bench *bench, uint8_t mode, unsigned count)
{
	out(bench, 0x0a, 6);
	out(bench, 0x0c, 0);
	out(bench, 0x0b, mode);
	out(bench, 0x04, BUFFER & 0xff);
	out(bench, 0x04, BUFFER >> 8 & 0xff);
	out(bench, 0x81, BUFFER >> 16);
	out(bench, 0x05, (count - 1) & 0xff);
	out(bench, 0x05, (count - 1) >> 8);
	out(bench, 0x0a, 2);
}

static void seek(struct bench *bench, unsigned drive, unsigned track)
{
	COMMAND(bench, 0x0f, (uint8_t)drive, (uint8_t)track);
	assert_true(in(bench, MSR) & 1 << drive);
	fake_advance(bench->machine, 10000000);
	assert_true(bench->irq.level);
	assert_int_equal(in(bench, MSR), RQM);
	sense_interrupt(bench, (uint8_t)(0x20 | drive), (uint8_t)track);
	assert_false(bench->irq.level);
}

static void expect(struct bench *bench, uint8_t st0, uint8_t st1, uint8_t st2, uint8_t c, uint8_t h,
		   uint8_t r)
{
	const uint8_t wanted[7] = { st0, st1, st2, c, h, r, 2 };

	results(bench);
	assert_int_equal(bench->results, 7);
	assert_memory_equal(bench->result, wanted, 7);
	assert_false(bench->irq.level);
}

static const uint8_t *at(struct bench *bench, unsigned disk, unsigned sector)
{
	return bench->disks[disk].bytes + sector * 512;
}

static void registers(void **unused)
{
	static struct bench bench;

	(void)unused;
	bench_new(&bench, 1474560, 0, false);
	assert_int_equal(in(&bench, MSR), 0);
	start(&bench);
	assert_int_equal(in(&bench, DOR), 0x3c);
	/* The change line, until a step with the disk in. */
	assert_int_equal(in(&bench, DIR), 0x80);
	seek(&bench, 0, 5);
	assert_int_equal(in(&bench, DIR), 0);
	COMMAND(&bench, 0x07, 0);
	fake_advance(bench.machine, 10000000);
	sense_interrupt(&bench, 0x20, 0);
	/* A drive that is not there never shows track 0. */
	COMMAND(&bench, 0x07, 1);
	fake_advance(bench.machine, 10000000);
	sense_interrupt(&bench, 0x71, 0);
	/* Without a reason SENSE INTERRUPT is invalid, as is an unknown command. */
	COMMAND(&bench, 0x08);
	results(&bench);
	assert_int_equal(bench.results, 1);
	assert_int_equal(bench.result[0], 0x80);
	COMMAND(&bench, 0x1f);
	results(&bench);
	assert_int_equal(bench.result[0], 0x80);
	COMMAND(&bench, 0x10);
	results(&bench);
	assert_int_equal(bench.result[0], 0x90);
	COMMAND(&bench, 0x04, 4);
	results(&bench);
	assert_int_equal(bench.result[0], 0x3c);
	/* LOCK keeps the FIFO's set-up over a software reset, polling is on again. */
	COMMAND(&bench, 0x13, 0, 0x57, 9);
	COMMAND(&bench, 0x94);
	results(&bench);
	assert_int_equal(bench.result[0], 0x10);
	out(&bench, MSR, 0x80);
	fake_advance(bench.machine, 1000000);
	assert_true(bench.irq.level);
	for (unsigned i = 0; i < 4; i++)
		sense_interrupt(&bench, (uint8_t)(0xc0 | i), 0);
	COMMAND(&bench, 0x0e);
	results(&bench);
	assert_int_equal(bench.results, 10);
	assert_int_equal(bench.result[7], 0x80);
	assert_int_equal(bench.result[8], 0x07);
	assert_int_equal(bench.result[9], 9);
	COMMAND(&bench, 0x14);
	results(&bench);
	out(&bench, DOR, 0x38);
	assert_int_equal(in(&bench, MSR), 0);
	out(&bench, DOR, 0x3c);
	COMMAND(&bench, 0x0e);
	results(&bench);
	assert_int_equal(bench.result[8], 0x20);
	/* A CONFIGURE in time keeps the reset's interrupt away. */
	out(&bench, MSR, 0x80);
	COMMAND(&bench, 0x13, 0, 0x57, 9);
	fake_advance(bench.machine, 1000000);
	assert_false(bench.irq.level);
	/* Relative seeks. */
	COMMAND(&bench, 0xcf, 0, 12);
	fake_advance(bench.machine, 10000000);
	sense_interrupt(&bench, 0x20, 12);
	COMMAND(&bench, 0x8f, 0, 2);
	fake_advance(bench.machine, 10000000);
	sense_interrupt(&bench, 0x20, 10);
	assert_int_equal(fake_uncovered_bytes(bench.machine), 0);
	bench_free(&bench);
}

static void reads(void **unused)
{
	static struct bench bench;

	(void)unused;
	bench_new(&bench, 1474560, 0, true);
	start(&bench);
	seek(&bench, 0, 3);
	/* Three sectors, ended by terminal count. */
	dma_setup(&bench, 0x46, 3 * 512);
	COMMAND(&bench, 0x46, 4, 3, 1, 5, 2, 18, 27, 0xff);
	expect(&bench, 0x04, 0, 0, 3, 1, 8);
	assert_memory_equal(fake_ram(bench.machine) + BUFFER, at(&bench, 0, (3 * 2 + 1) * 18 + 4),
			    3 * 512);
	/* Both sides of the cylinder. */
	dma_setup(&bench, 0x46, 36 * 512);
	COMMAND(&bench, 0xc6, 0, 3, 0, 1, 2, 18, 27, 0xff);
	expect(&bench, 0x04, 0, 0, 4, 0, 1);
	assert_memory_equal(fake_ram(bench.machine) + BUFFER, at(&bench, 0, 3 * 36), 36 * 512);
	/* No terminal count: the end of the cylinder is an error. */
	dma_setup(&bench, 0x46, 8192);
	COMMAND(&bench, 0x46, 0, 3, 0, 17, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x80, 0, 4, 0, 1);
	/* Part of a sector. */
	memset(fake_ram(bench.machine) + BUFFER, 0xee, 512);
	dma_setup(&bench, 0x46, 100);
	COMMAND(&bench, 0x46, 0, 3, 0, 2, 2, 18, 27, 0xff);
	expect(&bench, 0x00, 0, 0, 3, 0, 3);
	assert_memory_equal(fake_ram(bench.machine) + BUFFER, at(&bench, 0, 3 * 36 + 1), 100);
	assert_int_equal(fake_ram(bench.machine)[BUFFER + 100], 0xee);
	/* Sector 0, 19, wrong head, size, cylinder, FM, rate. */
	COMMAND(&bench, 0x46, 0, 3, 0, 0, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x04, 0, 3, 0, 0);
	COMMAND(&bench, 0x46, 0, 3, 0, 19, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x04, 0, 3, 0, 19);
	COMMAND(&bench, 0x46, 0, 3, 1, 1, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x04, 0, 3, 1, 1);
	COMMAND(&bench, 0x46, 0, 4, 0, 1, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x04, 0x10, 4, 0, 1);
	COMMAND(&bench, 0x06, 0, 3, 0, 1, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x01, 0, 3, 0, 1);
	out(&bench, DIR, 2);
	COMMAND(&bench, 0x46, 0, 3, 0, 1, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x01, 0, 3, 0, 1);
	out(&bench, DIR, 0);
	bench.disks[0].bad_from = 3 * 36 * 512;
	bench.disks[0].bad_to = bench.disks[0].bad_from + 1;
	COMMAND(&bench, 0x46, 0, 3, 0, 1, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x20, 0x20, 3, 0, 1);
	/* Write protected. */
	COMMAND(&bench, 0x45, 0, 3, 0, 1, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x02, 0, 3, 0, 1);
	COMMAND(&bench, 0x04, 0);
	results(&bench);
	assert_int_equal(bench.result[0], 0x68);
	/* READ ID, VERIFY with a count, READ DELETED, READ TRACK. */
	COMMAND(&bench, 0x4a, 4);
	results(&bench);
	assert_int_equal(bench.result[3], 3);
	assert_int_equal(bench.result[4], 1);
	assert_true(bench.result[5] >= 1 && bench.result[5] <= 18);
	COMMAND(&bench, 0xd6, 0x84, 3, 1, 4, 2, 18, 27, 6);
	expect(&bench, 0x04, 0, 0, 3, 1, 10);
	dma_setup(&bench, 0x46, 1024);
	COMMAND(&bench, 0x4c, 4, 3, 1, 5, 2, 18, 27, 0xff);
	expect(&bench, 0x04, 0, 0x40, 3, 1, 6);
	dma_setup(&bench, 0x46, 18 * 512);
	COMMAND(&bench, 0x42, 4, 3, 1, 9, 2, 18, 27, 0xff);
	expect(&bench, 0x04, 0, 0, 4, 1, 1);
	assert_memory_equal(fake_ram(bench.machine) + BUFFER, at(&bench, 0, 7 * 18), 18 * 512);
	bench_free(&bench);
}

static void writes_and_format(void **unused)
{
	static struct bench bench;
	uint8_t *ram;

	(void)unused;
	bench_new(&bench, 1474560, 737280, false);
	ram = fake_ram(bench.machine);
	start(&bench);
	memset(ram + BUFFER, 0xa5, 2048);
	dma_setup(&bench, 0x4a, 1024);
	COMMAND(&bench, 0x45, 0, 0, 0, 2, 2, 18, 27, 0xff);
	expect(&bench, 0x00, 0, 0, 0, 0, 4);
	assert_memory_equal(at(&bench, 0, 1), ram + BUFFER, 1024);
	assert_int_equal(at(&bench, 0, 3)[0], 3);
	/* Ended inside a sector: zeros follow. */
	dma_setup(&bench, 0x4a, 10);
	COMMAND(&bench, 0x45, 0, 0, 0, 9, 2, 18, 27, 0xff);
	expect(&bench, 0x00, 0, 0, 0, 0, 10);
	assert_int_equal(at(&bench, 0, 8)[9], 0xa5);
	assert_int_equal(at(&bench, 0, 8)[10], 0);
	bench.disks[0].bad_to = 512;
	dma_setup(&bench, 0x4a, 512);
	COMMAND(&bench, 0x45, 0, 0, 0, 1, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x20, 0x20, 0, 0, 1);
	/* Format cylinder 2, side 1 of the 720 KB disk in drive B. */
	out(&bench, DIR, 2);
	seek(&bench, 1, 2);
	for (unsigned i = 0; i < 9; i++) {
		ram[BUFFER + 4 * i] = 2;
		ram[BUFFER + 4 * i + 1] = 1;
		ram[BUFFER + 4 * i + 2] = (uint8_t)(i + 1);
		ram[BUFFER + 4 * i + 3] = 2;
	}
	dma_setup(&bench, 0x4a, 36);
	COMMAND(&bench, 0x4d, 5, 2, 9, 80, 0xf6);
	results(&bench);
	assert_int_equal(bench.result[0], 0x05);
	assert_int_equal(bench.result[1], 0);
	for (unsigned i = 0; i < 9 * 512; i++)
		assert_int_equal(at(&bench, 1, 45)[i], 0xf6);
	assert_int_equal(at(&bench, 1, 44)[0], 44);
	assert_int_equal(at(&bench, 1, 54)[0], 54);
	/* IDs that no standard disk has change nothing. */
	memset(ram + BUFFER, 0xff, 36);
	dma_setup(&bench, 0x4a, 36);
	COMMAND(&bench, 0x4d, 5, 2, 9, 80, 0x11);
	results(&bench);
	assert_int_equal(at(&bench, 1, 45)[0], 0xf6);
	bench_free(&bench);
}

static void scans(void **unused)
{
	static struct bench bench;
	uint8_t *ram;

	(void)unused;
	bench_new(&bench, 1474560, 0, false);
	ram = fake_ram(bench.machine);
	start(&bench);
	/* The third sector is the one. */
	for (unsigned i = 0; i < 5; i++)
		memcpy(ram + BUFFER + i * 512, at(&bench, 0, 2), 512);
	dma_setup(&bench, 0x4a, 5 * 512);
	COMMAND(&bench, 0x51, 0, 0, 0, 1, 2, 18, 27, 1);
	expect(&bench, 0x00, 0, 0x08, 0, 0, 3);
	/* With steps of two from the second: never. */
	dma_setup(&bench, 0x4a, 5 * 512);
	COMMAND(&bench, 0x51, 0, 0, 0, 2, 2, 18, 27, 2);
	expect(&bench, 0x00, 0, 0x04, 0, 0, 10);
	memset(ram + BUFFER, 0, 512);
	ram[BUFFER] = 1;
	dma_setup(&bench, 0x4a, 512);
	COMMAND(&bench, 0x5d, 0, 0, 0, 5, 2, 18, 27, 1);
	expect(&bench, 0x00, 0, 0x00, 0, 0, 5);
	dma_setup(&bench, 0x4a, 512);
	COMMAND(&bench, 0x59, 0, 0, 0, 5, 2, 18, 27, 1);
	expect(&bench, 0x00, 0, 0x04, 0, 0, 5);
	bench_free(&bench);
}

/* Without DMA: a byte at a time at the FIFO port. */
static void programmed(void **unused)
{
	static struct bench bench;

	(void)unused;
	bench_new(&bench, 1474560, 0, false);
	start(&bench);
	COMMAND(&bench, 0x03, 0xdf, 0x03);
	COMMAND(&bench, 0x46, 0, 0, 0, 17, 2, 18, 27, 0xff);
	for (unsigned i = 0; i < 1024; i++) {
		while (!(in(&bench, MSR) & RQM))
			fake_advance(bench.machine, 10000);
		assert_int_equal(in(&bench, MSR), RQM | DIO | NON_DMA | CB);
		assert_true(bench.irq.level);
		assert_int_equal(in(&bench, FIFO), at(&bench, 0, 16)[i]);
	}
	expect(&bench, 0x40, 0x80, 0, 1, 0, 1);
	COMMAND(&bench, 0x45, 0, 0, 0, 18, 2, 18, 27, 0xff);
	for (unsigned i = 0; i < 512; i++) {
		while (!(in(&bench, MSR) & RQM))
			fake_advance(bench.machine, 10000);
		assert_int_equal(in(&bench, MSR), RQM | NON_DMA | CB);
		out(&bench, FIFO, i & 0xff);
	}
	expect(&bench, 0x40, 0x80, 0, 1, 0, 1);
	assert_int_equal(at(&bench, 0, 17)[77], 77);
	bench_free(&bench);
}

static void formats(void **unused)
{
	static const struct {
		unsigned kib, rate, type, step;
	} formats[] = {
		{ 160, 2, 1, 1 }, { 180, 2, 1, 1 }, { 320, 2, 1, 1 }, { 360, 2, 1, 1 },
		{ 720, 2, 3, 1 }, { 1200, 0, 2, 1 }, { 1440, 0, 4, 1 }, { 2880, 3, 5, 1 },
		{ 1680, 0, 4, 1 }
	};
	static struct bench bench;
	struct cbx_disk_backend disk;

	(void)unused;
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		bench_new(&bench, formats[i].kib * UINT64_C(1024), 0, false);
		assert_int_equal(floppy_cmos_type(bench.floppy, 0), formats[i].type);
		assert_int_equal(floppy_cmos_type(bench.floppy, 1), 0);
		start(&bench);
		out(&bench, DIR, formats[i].rate);
		seek(&bench, 0, 1);
		dma_setup(&bench, 0x46, 512);
		COMMAND(&bench, 0x46, 0, 1, 0, 1, 2, 40, 27, 0xff);
		expect(&bench, 0, 0, 0, 1, 0, 2);
		assert_memory_equal(fake_ram(bench.machine) + BUFFER,
				    at(&bench, 0, formats[i].kib * 2 / (formats[i].type == 1 ? 40 : 80)),
				    512);
		bench_free(&bench);
	}
	/* 40 cylinders in a drive of 80: two steps each. */
	bench_new(&bench, 1228800, 368640, false);
	start(&bench);
	out(&bench, DIR, 1);
	disk = memory_disk_backend(&bench.disks[1]);
	assert_int_equal(floppy_change_medium(bench.floppy, 0, &disk), CBX_OK);
	assert_int_equal(in(&bench, DIR), 0x80);
	seek(&bench, 0, 20);
	assert_int_equal(in(&bench, DIR), 0);
	dma_setup(&bench, 0x46, 512);
	COMMAND(&bench, 0x46, 0, 10, 0, 1, 2, 9, 27, 0xff);
	expect(&bench, 0, 0, 0, 10, 0, 2);
	assert_memory_equal(fake_ram(bench.machine) + BUFFER, at(&bench, 1, 180), 512);
	/* Too big, and empty. */
	disk.bytes = 3000000;
	assert_int_equal(floppy_change_medium(bench.floppy, 0, &disk), CBX_ERROR_ARGUMENT);
	disk.bytes = 0;
	assert_int_equal(floppy_change_medium(bench.floppy, 0, &disk), CBX_ERROR_ARGUMENT);
	assert_int_equal(floppy_change_medium(bench.floppy, 2, &disk), CBX_ERROR_ARGUMENT);
	bench_free(&bench);
	/* A boot sector alone is the start of a 1.44 MB disk of zeros. */
	bench_new(&bench, 512, 0, false);
	start(&bench);
	dma_setup(&bench, 0x46, 1024);
	COMMAND(&bench, 0x46, 0, 0, 0, 1, 2, 18, 27, 0xff);
	expect(&bench, 0, 0, 0, 0, 0, 3);
	assert_memory_equal(fake_ram(bench.machine) + BUFFER, at(&bench, 0, 0), 512);
	assert_int_equal(fake_ram(bench.machine)[BUFFER + 512 + 1], 0);
	dma_setup(&bench, 0x4a, 512);
	COMMAND(&bench, 0x45, 0, 0, 0, 2, 2, 18, 27, 0xff);
	expect(&bench, 0x40, 0x20, 0x20, 0, 0, 2);
	bench_free(&bench);
}

static void empty_drive(void **unused)
{
	static const struct cbx_disk_backend none;
	static struct bench bench;

	(void)unused;
	bench_new(&bench, 0, 0, false);
	start(&bench);
	/* Nothing turns: the command never ends, a reset gets out. */
	COMMAND(&bench, 0x46, 0, 0, 0, 1, 2, 18, 27, 0xff);
	fake_advance(bench.machine, UINT64_C(10000000000));
	assert_int_equal(in(&bench, MSR), CB);
	out(&bench, DOR, 0);
	start(&bench);
	bench_free(&bench);
	/* Taken out in the middle. */
	bench_new(&bench, 1474560, 0, false);
	start(&bench);
	dma_setup(&bench, 0x46, 5000);
	COMMAND(&bench, 0x46, 0, 0, 0, 1, 2, 18, 27, 0xff);
	fake_advance(bench.machine, 1000000);
	assert_int_equal(floppy_change_medium(bench.floppy, 0, &none), CBX_OK);
	fake_advance(bench.machine, UINT64_C(10000000000));
	assert_int_equal(in(&bench, MSR), CB);
	out(&bench, DOR, 0);
	start(&bench);
	assert_int_equal(in(&bench, DIR), 0x80);
	seek(&bench, 0, 1);
	assert_int_equal(in(&bench, DIR), 0x80);
	bench_free(&bench);
}

/* ---- Hostile guests ------------------------------------------------------------------------- */

static void hostile_commands(void **unused)
{
	static struct bench bench;
	uint64_t seed = 3;

	(void)unused;
	bench_new(&bench, 1474560, 368640, false);
	for (unsigned first = 0; first < 256; first++) {
		bool random = first & 1;

		out(&bench, DOR, 0);
		out(&bench, DOR, 0x3c);
		fake_advance(bench.machine, 1000000);
		COMMAND(&bench, 0x03, 0xdf, (uint8_t)(first >> 1 & 1));
		dma_setup(&bench, first & 4 ? 0x46 : 0x4a, 0x10000);
		out(&bench, FIFO, first);
		for (unsigned i = 0; i < 100000; i++) {
			out(&bench, FIFO, random ? (uint32_t)fake_random(&seed) & 0xff : first);
			if (i % 1024 == 0)
				fake_advance(bench.machine, 300000);
			if (i % 4096 == 0)
				in(&bench, FIFO);
		}
		fake_reload(bench.machine);
		for (unsigned i = 0; i < 2000; i++) {
			in(&bench, FIFO);
			if (i % 256 == 0)
				fake_advance(bench.machine, 300000);
		}
	}
	bench_free(&bench);
}

static void hostile_storm(void **unused)
{
	static struct bench bench;
	uint64_t seed = 11;

	(void)unused;
	bench_new(&bench, 1474560, 0, false);
	for (unsigned i = 0; i < 300; i++) {
		fake_storm(bench.machine, &seed, 0x3f0, 8, 2000);
		dma_setup(&bench, (uint8_t)fake_random(&seed), 600);
		if (i % 3 == 0) {
			out(&bench, DOR, 0);
			out(&bench, DOR, 0x3c);
		}
		fake_reload(bench.machine);
		fake_load_random(bench.machine, &seed, 20);
		fake_reset(bench.machine, i & 1 ? CBX_RESET_WARM : CBX_RESET_POWER);
	}
	bench_free(&bench);
}

/* Only a command that moves data is ever in its execution phase. */
static void saved_phase(void **unused)
{
	static struct bench bench;
	const struct cbx_device *device;
	struct floppy_state state;

	(void)unused;
	bench_new(&bench, 1474560, 0, false);
	start(&bench);
	device = (const struct cbx_device *)bench.floppy;
	memcpy(&state, (const uint8_t *)device + device->type->state_offset, sizeof(state));
	state.phase = FLOPPY_EXECUTE;
	state.command = FLOPPY_READ_ID;
	assert_true(device->type->check(device, &state));
	state.command = FLOPPY_SENSE_INTERRUPT;
	assert_false(device->type->check(device, &state));
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers),
		cmocka_unit_test(reads),
		cmocka_unit_test(writes_and_format),
		cmocka_unit_test(scans),
		cmocka_unit_test(programmed),
		cmocka_unit_test(formats),
		cmocka_unit_test(empty_drive),
		cmocka_unit_test(saved_phase),
		cmocka_unit_test(hostile_commands),
		cmocka_unit_test(hostile_storm)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
