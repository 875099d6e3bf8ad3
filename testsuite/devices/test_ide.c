/* ATA disks and the bus master, at the ports. */
#include "harness.h"

#include "ide.h"
#include "memory_disk.h"

enum { BSY = 0x80, DRDY = 0x40, DF = 0x20, DSC = 0x10, DRQ = 0x08, ERR = 0x01 };
enum { READY = DRDY | DSC };
enum { SECTORS = 20000 };

struct bench {
	struct cbx_machine *machine;
	struct cbx_pci_bus *bus;
	struct ide *ide;
	struct memory_disk disks[2];
	struct fake_wire irqs[2];
};

/* A disk as primary master, a smaller one as secondary slave. */
static void bench_new(struct bench *bench, bool read_only)
{
	struct ide_options options = { 0 };

	bench->machine = fake_machine_new();
	memory_disk_new(&bench->disks[0], (uint64_t)SECTORS * 512, 512);
	memory_disk_new(&bench->disks[1], 100 * 512 + 300, 512);
	options.drives[0].present = options.drives[3].present = true;
	options.drives[0].disk = memory_disk_backend(&bench->disks[0]);
	options.drives[0].disk.read_only = read_only;
	options.drives[3].disk = memory_disk_backend(&bench->disks[1]);
	for (unsigned i = 0; i < 2; i++)
		options.irqs[i] = fake_wire(bench->machine, &bench->irqs[i]);
	assert_int_equal(pci_bus_new(bench->machine, &bench->bus), CBX_OK);
	assert_int_equal(ide_new(bench->machine, bench->bus, &options, &bench->ide), CBX_OK);
	fake_reset(bench->machine, CBX_RESET_POWER);
}

static void bench_free(struct bench *bench)
{
	fake_machine_free(bench->machine);
	memory_disk_free(&bench->disks[0]);
	memory_disk_free(&bench->disks[1]);
}

static void out(struct bench *bench, unsigned port, uint32_t value)
{
	fake_out(bench->machine, port, value, 1);
}

static uint8_t in(struct bench *bench, unsigned port)
{
	return (uint8_t)fake_in(bench->machine, port, 1);
}

/* Waits until the drive is not busy. */
static uint8_t settle(struct bench *bench, unsigned base)
{
	for (unsigned i = 0; i < 1000 && (in(bench, base + 0x206) & BSY); i++)
		fake_advance(bench->machine, 1000);
	return in(bench, base + 0x206);
}

static void command_lba(struct bench *bench, unsigned base, uint8_t device, uint32_t lba,
			uint8_t count, uint8_t command)
{
	out(bench, base + 6, 0xe0 | device | (lba >> 24 & 15));
	out(bench, base + 2, count);
	out(bench, base + 3, lba & 0xff);
	out(bench, base + 4, lba >> 8 & 0xff);
	out(bench, base + 5, lba >> 16 & 0xff);
	out(bench, base + 7, command);
}

static void command_ext(struct bench *bench, unsigned base, uint64_t lba, unsigned count,
			uint8_t command)
{
	out(bench, base + 6, 0x40);
	out(bench, base + 2, count >> 8);
	out(bench, base + 2, count & 0xff);
	for (unsigned i = 0; i < 3; i++) {
		out(bench, base + 3 + i, (uint32_t)(lba >> (24 + 8 * i)) & 0xff);
		out(bench, base + 3 + i, (uint32_t)(lba >> (8 * i)) & 0xff);
	}
	out(bench, base + 7, command);
}

static void read_sector(struct bench *bench, unsigned base, uint8_t *bytes)
{
	for (unsigned i = 0; i < 512; i += 2) {
		uint32_t word = fake_in(bench->machine, base, 2);

		bytes[i] = (uint8_t)word;
		bytes[i + 1] = (uint8_t)(word >> 8);
	}
}

static void write_sector(struct bench *bench, unsigned base, uint8_t seed)
{
	for (unsigned i = 0; i < 512; i += 4)
		fake_out(bench->machine, base,
			 (uint32_t)(seed + i) * UINT32_C(0x01010101) & UINT32_C(0xffffffff), 4);
}

static void after_reset(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	assert_int_equal(in(&bench, 0x1f1), 1);
	assert_int_equal(in(&bench, 0x1f2), 1);
	assert_int_equal(in(&bench, 0x1f3), 1);
	assert_int_equal(in(&bench, 0x1f4), 0);
	assert_int_equal(in(&bench, 0x1f5), 0);
	assert_int_equal(in(&bench, 0x1f7), READY);
	/* The missing slave: the master answers, with a status of 0. */
	out(&bench, 0x1f6, 0xb0);
	assert_int_equal(in(&bench, 0x1f7), 0);
	assert_int_equal(in(&bench, 0x3f6), 0);
	/* The missing master of the other channel: nobody. */
	assert_int_equal(in(&bench, 0x177), 0x7f);
	out(&bench, 0x172, 0x55);
	assert_int_equal(in(&bench, 0x172), 0x7f);
	out(&bench, 0x176, 0xb0);
	assert_int_equal(in(&bench, 0x177), READY);
	out(&bench, 0x172, 0x55);
	assert_int_equal(in(&bench, 0x172), 0x55);
	assert_int_equal(fake_uncovered_bytes(bench.machine), 0);
	bench_free(&bench);
}

static void identify(void **unused)
{
	uint8_t bytes[512], sum = 0;
	struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	out(&bench, 0x1f6, 0xa0);
	out(&bench, 0x1f7, 0xec);
	assert_int_equal(in(&bench, 0x3f6), BSY);
	assert_false(bench.irqs[0].level);
	assert_int_equal(settle(&bench, 0x1f0), READY | DRQ);
	assert_true(bench.irqs[0].level);
	/* The alternate status leaves the interrupt alone, the status ends it. */
	in(&bench, 0x3f6);
	assert_true(bench.irqs[0].level);
	in(&bench, 0x1f7);
	assert_false(bench.irqs[0].level);
	read_sector(&bench, 0x1f0, bytes);
	assert_int_equal(in(&bench, 0x1f7), READY);
	assert_int_equal(bench.irqs[0].rises, 1);
	for (unsigned i = 0; i < 512; i++)
		sum = (uint8_t)(sum + bytes[i]);
	assert_int_equal(sum, 0);
	assert_int_equal(bytes[2 * 60] | bytes[2 * 60 + 1] << 8, SECTORS);
	assert_int_equal(bytes[2 * 100] | bytes[2 * 100 + 1] << 8, SECTORS);
	assert_int_equal(bytes[2 * 1], SECTORS / (16 * 63));
	assert_memory_equal(bytes + 54, "LCAEBRXOH RA DIDKS", 18);
	bench_free(&bench);
}

static void pio_reads(void **unused)
{
	uint8_t bytes[512];
	struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	command_lba(&bench, 0x1f0, 0, 1000, 3, 0x20);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(settle(&bench, 0x1f0), READY | DRQ);
		assert_int_equal(bench.irqs[0].rises, i + 1);
		in(&bench, 0x1f7);
		read_sector(&bench, 0x1f0, bytes);
		assert_memory_equal(bytes, bench.disks[0].bytes + (1000 + i) * 512, 512);
	}
	assert_int_equal(in(&bench, 0x1f7), READY);
	/* The registers tell the last sector. */
	assert_int_equal(in(&bench, 0x1f3), 1002 & 0xff);
	assert_int_equal(in(&bench, 0x1f2), 0);
	fake_advance(bench.machine, 1000000);
	assert_int_equal(bench.irqs[0].rises, 3);
	/* CHS 5/3/7 in the geometry of 16 heads and 63 sectors. */
	out(&bench, 0x1f6, 0xa3);
	out(&bench, 0x1f2, 1);
	out(&bench, 0x1f3, 7);
	out(&bench, 0x1f4, 5);
	out(&bench, 0x1f5, 0);
	out(&bench, 0x1f7, 0x21);
	assert_int_equal(settle(&bench, 0x1f0), READY | DRQ);
	read_sector(&bench, 0x1f0, bytes);
	assert_memory_equal(bytes, bench.disks[0].bytes + ((5 * 16 + 3) * 63 + 6) * 512, 512);
	/* 48-bit, on the slave of the other channel: no such drive's sector. */
	out(&bench, 0x176, 0x50);
	command_lba(&bench, 0x170, 0x10, 99, 2, 0x20);
	assert_int_equal(settle(&bench, 0x170), READY | DRQ);
	read_sector(&bench, 0x170, bytes);
	assert_memory_equal(bytes, bench.disks[1].bytes + 99 * 512, 512);
	assert_int_equal(settle(&bench, 0x170), READY | ERR);
	assert_int_equal(in(&bench, 0x171), 0x10);
	assert_int_equal(in(&bench, 0x173), 100);
	bench_free(&bench);
}

static void reads_48_bit_and_multiple(void **unused)
{
	uint8_t bytes[512];
	struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	command_ext(&bench, 0x1f0, 19999, 1, 0x24);
	assert_int_equal(settle(&bench, 0x1f0), READY | DRQ);
	read_sector(&bench, 0x1f0, bytes);
	assert_memory_equal(bytes, bench.disks[0].bytes + 19999 * 512, 512);
	/* HOB shows the bytes written first. */
	command_ext(&bench, 0x1f0, UINT64_C(0x123456789abc), 0x0203, 0x24);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	assert_int_equal(in(&bench, 0x1f1), 0x10);
	out(&bench, 0x3f6, 0x80);
	assert_int_equal(in(&bench, 0x1f3), 0x56);
	assert_int_equal(in(&bench, 0x1f5), 0x12);
	assert_int_equal(in(&bench, 0x1f2), 0x02);
	out(&bench, 0x3f6, 0);
	assert_int_equal(in(&bench, 0x1f3), 0xbc);
	/* Blocks of four: five sectors are two blocks. */
	out(&bench, 0x1f2, 4);
	out(&bench, 0x1f7, 0xc6);
	assert_int_equal(settle(&bench, 0x1f0), READY);
	bench.irqs[0].rises = 0;
	in(&bench, 0x1f7);
	command_lba(&bench, 0x1f0, 0, 10, 5, 0xc4);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(settle(&bench, 0x1f0), READY | DRQ);
		in(&bench, 0x1f7);
		read_sector(&bench, 0x1f0, bytes);
		assert_memory_equal(bytes, bench.disks[0].bytes + (10 + i) * 512, 512);
		assert_int_equal(bench.irqs[0].rises, i < 4 ? 1 : 2);
	}
	/* Off: aborted. */
	out(&bench, 0x1f2, 3);
	out(&bench, 0x1f7, 0xc6);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	command_lba(&bench, 0x1f0, 0, 10, 5, 0xc4);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	assert_int_equal(in(&bench, 0x1f1), 4);
	bench_free(&bench);
}

static void pio_writes(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	command_lba(&bench, 0x1f0, 0, 50, 2, 0x30);
	assert_int_equal(settle(&bench, 0x1f0), READY | DRQ);
	assert_int_equal(bench.irqs[0].rises, 0);
	write_sector(&bench, 0x1f0, 1);
	assert_int_equal(in(&bench, 0x3f6), BSY);
	assert_int_equal(settle(&bench, 0x1f0), READY | DRQ);
	assert_int_equal(bench.irqs[0].rises, 1);
	in(&bench, 0x1f7);
	write_sector(&bench, 0x1f0, 2);
	assert_int_equal(settle(&bench, 0x1f0), READY);
	assert_int_equal(bench.irqs[0].rises, 2);
	assert_int_equal(bench.disks[0].bytes[50 * 512 + 8], 9);
	assert_int_equal(bench.disks[0].bytes[51 * 512 + 8], 10);
	assert_int_equal(bench.disks[0].flushes, 0);
	out(&bench, 0x1f7, 0xe7);
	assert_int_equal(settle(&bench, 0x1f0), READY);
	assert_int_equal(bench.disks[0].flushes, 1);
	/* With the write cache off every write is flushed. */
	out(&bench, 0x1f1, 0x82);
	out(&bench, 0x1f7, 0xef);
	settle(&bench, 0x1f0);
	command_lba(&bench, 0x1f0, 0, 60, 1, 0x30);
	settle(&bench, 0x1f0);
	write_sector(&bench, 0x1f0, 3);
	assert_int_equal(settle(&bench, 0x1f0), READY);
	assert_int_equal(bench.disks[0].flushes, 3);
	bench_free(&bench);
}

static void errors(void **unused)
{
	uint8_t bytes[512];
	struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	bench.disks[0].bad_from = 102 * 512;
	bench.disks[0].bad_to = 103 * 512;
	/* A block of which the third sector cannot be read: its address is told. */
	command_lba(&bench, 0x1f0, 0, 100, 8, 0xc4);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	assert_int_equal(in(&bench, 0x1f1), 0x40);
	assert_int_equal(in(&bench, 0x1f3), 102);
	assert_int_equal(in(&bench, 0x1f2), 6);
	command_lba(&bench, 0x1f0, 0, 90, 30, 0x40);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	assert_int_equal(in(&bench, 0x1f3), 102);
	assert_int_equal(in(&bench, 0x1f2), 18);
	command_lba(&bench, 0x1f0, 0, 103, 30, 0x40);
	assert_int_equal(settle(&bench, 0x1f0), READY);
	command_lba(&bench, 0x1f0, 0, 102, 1, 0x30);
	assert_int_equal(settle(&bench, 0x1f0), READY | DRQ);
	write_sector(&bench, 0x1f0, 1);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR | DF);
	assert_int_equal(in(&bench, 0x1f2), 1);
	command_ext(&bench, 0x1f0, 90, 300, 0x42);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	assert_int_equal(in(&bench, 0x1f2), (300 - 12) & 0xff);
	out(&bench, 0x3f6, 0x80);               /* the high bytes */
	assert_int_equal(in(&bench, 0x1f2), (300 - 12) >> 8);
	out(&bench, 0x3f6, 0);
	/* Beyond the end. */
	command_lba(&bench, 0x1f0, 0, SECTORS, 1, 0x20);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	assert_int_equal(in(&bench, 0x1f1), 0x10);
	command_lba(&bench, 0x1f0, 0, 0x0fffffff, 0, 0x70);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	/* CHS sector 0, and a head that is not there. */
	out(&bench, 0x1f6, 0xa0);
	out(&bench, 0x1f3, 0);
	out(&bench, 0x1f7, 0x20);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	assert_int_equal(in(&bench, 0x1f1), 0x10);
	bench.disks[0].flush_fails = true;
	out(&bench, 0x1f7, 0xea);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR | DF);
	/* Commands that are not there: NOP, WRITE LONG, SECURITY, SMART, PACKET. */
	for (unsigned i = 0; i < 6; i++) {
		static const uint8_t commands[] = { 0x00, 0x32, 0xf1, 0xb0, 0xa0, 0xa1 };

		out(&bench, 0x1f7, commands[i]);
		assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
		assert_int_equal(in(&bench, 0x1f1), 4);
	}
	bench_free(&bench);
	bench_new(&bench, true);
	command_lba(&bench, 0x1f0, 0, 5, 1, 0x30);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	command_lba(&bench, 0x1f0, 0, 5, 1, 0x20);
	assert_int_equal(settle(&bench, 0x1f0), READY | DRQ);
	read_sector(&bench, 0x1f0, bytes);
	assert_int_equal(bench.disks[0].writes, 0);
	bench_free(&bench);
}

static void settings(void **unused)
{
	uint8_t bytes[512];
	struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	/* Another geometry: 4 heads, 10 sectors. */
	out(&bench, 0x1f6, 0xa3);
	out(&bench, 0x1f2, 10);
	out(&bench, 0x1f7, 0x91);
	assert_int_equal(settle(&bench, 0x1f0), READY);
	out(&bench, 0x1f6, 0xa2);
	out(&bench, 0x1f2, 1);
	out(&bench, 0x1f3, 3);
	out(&bench, 0x1f4, 2);
	out(&bench, 0x1f5, 0);
	out(&bench, 0x1f7, 0x20);
	settle(&bench, 0x1f0);
	read_sector(&bench, 0x1f0, bytes);
	assert_memory_equal(bytes, bench.disks[0].bytes + ((2 * 4 + 2) * 10 + 2) * 512, 512);
	out(&bench, 0x1f2, 0);
	out(&bench, 0x1f7, 0x91);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	/* Native maximum, then less of it. */
	out(&bench, 0x1f6, 0x40);
	out(&bench, 0x1f7, 0xf8);
	settle(&bench, 0x1f0);
	assert_int_equal(in(&bench, 0x1f3) | in(&bench, 0x1f4) << 8, SECTORS - 1);
	out(&bench, 0x1f1, 0);
	command_lba(&bench, 0x1f0, 0, 999, 0, 0xf9);
	assert_int_equal(settle(&bench, 0x1f0), READY);
	command_lba(&bench, 0x1f0, 0, 1000, 1, 0x40);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	/* Not right after READ NATIVE MAX. */
	command_lba(&bench, 0x1f0, 0, 1999, 0, 0xf9);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	/* Power: active, standby, sleep until a reset. */
	out(&bench, 0x1f7, 0xe5);
	settle(&bench, 0x1f0);
	assert_int_equal(in(&bench, 0x1f2), 0xff);
	out(&bench, 0x1f7, 0xe0);
	settle(&bench, 0x1f0);
	out(&bench, 0x1f7, 0xe5);
	settle(&bench, 0x1f0);
	assert_int_equal(in(&bench, 0x1f2), 0);
	out(&bench, 0x1f7, 0xe6);
	settle(&bench, 0x1f0);
	in(&bench, 0x1f7);
	out(&bench, 0x1f7, 0xec);
	fake_advance(bench.machine, 1000000);
	assert_false(bench.irqs[0].level);
	out(&bench, 0x3f6, 4);
	assert_int_equal(in(&bench, 0x1f7), BSY);
	fake_advance(bench.machine, 1000000);
	assert_int_equal(in(&bench, 0x1f7), BSY);
	out(&bench, 0x3f6, 0);
	assert_int_equal(settle(&bench, 0x1f0), READY);
	out(&bench, 0x1f7, 0xec);
	assert_int_equal(settle(&bench, 0x1f0), READY | DRQ);
	/* With data waiting registers are deaf; a new command ends the old one. */
	out(&bench, 0x1f1, 3);
	out(&bench, 0x1f7, 0xef);
	assert_int_equal(settle(&bench, 0x1f0), READY | ERR);
	for (unsigned mode = 0; mode < 256; mode++) {
		bool known = mode < 2 || (mode >= 8 && mode <= 0xc) ||
			     (mode >= 0x20 && mode <= 0x22) || (mode >= 0x40 && mode <= 0x45);

		out(&bench, 0x1f1, 3);
		out(&bench, 0x1f2, mode);
		out(&bench, 0x1f7, 0xef);
		assert_int_equal(settle(&bench, 0x1f0), known ? READY : READY | ERR);
	}
	bench_free(&bench);
}

static void interrupts_off(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	out(&bench, 0x3f6, 2);
	out(&bench, 0x1f7, 0xe5);
	settle(&bench, 0x1f0);
	assert_int_equal(bench.irqs[0].rises, 0);
	out(&bench, 0x3f6, 0);
	assert_int_equal(bench.irqs[0].rises, 1);
	/* Selecting the other drive takes the line down, coming back raises it. */
	out(&bench, 0x1f6, 0xb0);
	assert_false(bench.irqs[0].level);
	out(&bench, 0x1f6, 0xa0);
	assert_true(bench.irqs[0].level);
	in(&bench, 0x1f7);
	/* Diagnostics: signature, drive 0 selected, one interrupt. */
	out(&bench, 0x1f7, 0x90);
	settle(&bench, 0x1f0);
	assert_int_equal(in(&bench, 0x1f1), 1);
	assert_int_equal(in(&bench, 0x1f3), 1);
	assert_true(bench.irqs[0].level);
	bench_free(&bench);
}

/* ---- The bus master ------------------------------------------------------------------------ */

enum { MASTER = 0xc000, TABLE = 0x10000 };

static void config_write(struct bench *bench, unsigned function, unsigned offset, uint32_t value)
{
	fake_out(bench->machine, 0xcf8, 0x80000800u | function << 8 | offset, 4);
	fake_out(bench->machine, 0xcfc, value, 4);
}

static void master_setup(struct bench *bench)
{
	config_write(bench, 1, 0x20, MASTER);
	config_write(bench, 1, 0x04, 0x05);
}

static void descriptor(struct bench *bench, unsigned n, uint32_t address, uint32_t count)
{
	fake_mem_write(bench->machine, TABLE + 8 * n, address, 4);
	fake_mem_write(bench->machine, TABLE + 8 * n + 4, count, 4);
}

static void master_start(struct bench *bench, uint8_t direction)
{
	fake_out(bench->machine, MASTER + 4, TABLE, 4);
	out(bench, MASTER + 2, 6);
	out(bench, MASTER, direction);
	out(bench, MASTER, direction | 1);
}

static void dma_reads_and_writes(void **unused)
{
	struct bench bench;
	uint8_t *ram;

	(void)unused;
	bench_new(&bench, false);
	master_setup(&bench);
	ram = fake_ram(bench.machine);
	/* 256 sectors into three pieces, one of them of 64 KiB. */
	descriptor(&bench, 0, 0x20002, 0x7ffe);
	descriptor(&bench, 1, 0x30000, 0);
	descriptor(&bench, 2, 0x50000, 0x80008002);
	master_start(&bench, 8);
	command_lba(&bench, 0x1f0, 0, 300, 0, 0xc8);
	assert_int_equal(in(&bench, MASTER + 2), 1);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, MASTER + 2), 4);
	assert_true(bench.irqs[0].level);
	assert_int_equal(in(&bench, 0x1f7), READY);
	assert_memory_equal(ram + 0x20002, bench.disks[0].bytes + 300 * 512, 0x7ffe);
	assert_memory_equal(ram + 0x30000, bench.disks[0].bytes + 300 * 512 + 0x7ffe, 0x10000);
	assert_memory_equal(ram + 0x50000, bench.disks[0].bytes + 300 * 512 + 0x17ffe, 0x8002);
	out(&bench, MASTER, 0);
	/* And back, with the 48-bit command, to another place; master started last. */
	command_ext(&bench, 0x1f0, 5000, 256, 0x35);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, 0x3f6), READY | DRQ);
	master_start(&bench, 0);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, MASTER + 2), 4);
	assert_int_equal(in(&bench, 0x1f7), READY);
	assert_memory_equal(bench.disks[0].bytes + 5000 * 512, bench.disks[0].bytes + 300 * 512,
			    131072);
	bench_free(&bench);
}

static void dma_that_does_not_fit(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	master_setup(&bench);
	/* The table is too short: the master stops, no interrupt, the drive waits. */
	descriptor(&bench, 0, 0x20000, 0x80000200);
	master_start(&bench, 8);
	command_lba(&bench, 0x1f0, 0, 300, 2, 0xc8);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, MASTER + 2), 0);
	assert_int_equal(in(&bench, 0x3f6), READY | DRQ);
	assert_false(bench.irqs[0].level);
	/* Another table carries on. */
	descriptor(&bench, 0, 0x20200, 0x80000200);
	out(&bench, MASTER, 0);
	master_start(&bench, 8);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, MASTER + 2), 4);
	assert_memory_equal(fake_ram(bench.machine) + 0x20000, bench.disks[0].bytes + 300 * 512,
			    1024);
	/* Too long: interrupt, and still active. */
	descriptor(&bench, 0, 0x20000, 0x80001000);
	out(&bench, MASTER, 0);
	master_start(&bench, 8);
	command_lba(&bench, 0x1f0, 0, 300, 2, 0xc8);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, MASTER + 2), 5);
	out(&bench, MASTER, 0);
	assert_int_equal(in(&bench, MASTER + 2), 4);
	/* In the wrong direction nothing moves; the drive can be reset. */
	in(&bench, 0x1f7);
	master_start(&bench, 0);
	command_lba(&bench, 0x1f0, 0, 300, 2, 0xc8);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, 0x1f7), READY | DRQ);
	out(&bench, 0x3f6, 4);
	out(&bench, 0x3f6, 0);
	assert_int_equal(settle(&bench, 0x1f0), READY);
	/* Across 4 GiB it goes on at 0: addresses have 32 bits. */
	memset(fake_ram(bench.machine), 0xee, 0x200);
	descriptor(&bench, 0, 0xffffff00, 0x80000200);
	out(&bench, MASTER, 0);
	master_start(&bench, 8);
	command_lba(&bench, 0x1f0, 0, 300, 1, 0xc8);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, MASTER + 2), 4);
	assert_memory_equal(fake_ram(bench.machine), bench.disks[0].bytes + 300 * 512 + 0x100, 0x100);
	assert_int_equal(fake_ram(bench.machine)[0x100], 0xee);
	descriptor(&bench, 0, 0x20000, 0x80000200);
	/* An error in the middle. */
	bench.disks[0].bad_from = 301 * 512;
	bench.disks[0].bad_to = 301 * 512 + 1;
	out(&bench, MASTER, 0);
	master_start(&bench, 8);
	command_lba(&bench, 0x1f0, 0, 300, 2, 0xc8);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, MASTER + 2) & 4, 4);
	assert_int_equal(in(&bench, 0x1f7), READY | ERR);
	bench_free(&bench);
}

/* ---- Hostile guests --------------------------------------------------------------------------- */

/* Descriptors of two bytes that lie in the table itself, and tables in places without RAM. */
static void hostile_tables(void **unused)
{
	struct bench bench;
	uint64_t seed = 42;

	(void)unused;
	bench_new(&bench, false);
	master_setup(&bench);
	for (unsigned i = 0; i < 2000; i++)
		descriptor(&bench, i, TABLE + 8 * (i + 1), 2);
	master_start(&bench, 8);
	command_lba(&bench, 0x1f0, 0, 0, 0, 0xc8);
	fake_advance(bench.machine, 10000000);
	for (unsigned i = 0; i < 200; i++) {
		out(&bench, 0x3f6, 4);
		out(&bench, 0x3f6, 0);
		settle(&bench, 0x1f0);
		fake_out(bench.machine, MASTER + 4, (uint32_t)fake_random(&seed), 4);
		out(&bench, MASTER, 0);
		out(&bench, MASTER, i & 1 ? 9 : 1);
		command_lba(&bench, 0x1f0, 0, i * 90, 0, i & 1 ? 0xc8 : 0xca);
		fake_advance(bench.machine, i * 3000);
		if (i % 3 == 0)
			fake_reload(bench.machine);
	}
	bench_free(&bench);
}

/* Every command byte, with and without reading and writing far more than it wants. */
static void hostile_commands(void **unused)
{
	struct bench bench;
	uint64_t seed = 7;

	(void)unused;
	bench_new(&bench, false);
	master_setup(&bench);
	for (unsigned command = 0; command < 256; command++) {
		for (unsigned i = 1; i < 7; i++)
			out(&bench, 0x1f0 + i, (uint32_t)fake_random(&seed) & (i == 6 ? 0xef : 0xff));
		out(&bench, 0x1f7, command);
		for (unsigned i = 0; i < 20000; i++) {
			fake_in(bench.machine, 0x1f0, 4);
			fake_out(bench.machine, 0x1f0, i, 2);
			if (i % 64 == 0)
				fake_advance(bench.machine, 2000);
		}
		fake_reload(bench.machine);
		out(&bench, 0x3f6, command & 1 ? 4 : 0);
		out(&bench, 0x3f6, 0);
		settle(&bench, 0x1f0);
	}
	bench_free(&bench);
}

static void hostile_storm(void **unused)
{
	struct bench bench;
	uint64_t seed = 99;

	(void)unused;
	bench_new(&bench, false);
	master_setup(&bench);
	for (unsigned i = 0; i < 300; i++) {
		static const unsigned starts[] = { 0x1f0, 0x170, MASTER, 0x3f6, 0xcf8 };

		fake_storm(bench.machine, &seed, starts[i % 5], i % 5 == 3 ? 1 : 8, 2000);
		fake_reload(bench.machine);
		fake_load_random(bench.machine, &seed, 20);
		if (i % 50 == 0)
			fake_reset(bench.machine, CBX_RESET_WARM);
	}
	bench_free(&bench);
}

static void failures_of_construction(void **unused)
{
	(void)unused;
	for (unsigned n = 1; n < 40; n++) {
		struct cbx_machine *machine = fake_machine_new();
		struct ide_options options = { 0 };
		struct cbx_pci_bus *bus;
		struct ide *ide;

		fake_fail_allocation(machine, n);
		if (pci_bus_new(machine, &bus) == CBX_OK)
			ide_new(machine, bus, &options, &ide);
		fake_machine_free(machine);
	}
	for (unsigned bytes = 0; bytes < 1024; bytes += 511) {
		struct cbx_machine *machine = fake_machine_new();
		struct ide_options options = { 0 };
		struct memory_disk disk;
		struct cbx_pci_bus *bus;
		struct ide *ide;

		memory_disk_new(&disk, bytes, 512);
		options.drives[0].present = true;
		options.drives[0].disk = memory_disk_backend(&disk);
		assert_int_equal(pci_bus_new(machine, &bus), CBX_OK);
		assert_int_equal(ide_new(machine, bus, &options, &ide),
				 bytes < 512 ? CBX_ERROR_ARGUMENT : CBX_OK);
		fake_machine_free(machine);
		memory_disk_free(&disk);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_reset),
		cmocka_unit_test(identify),
		cmocka_unit_test(pio_reads),
		cmocka_unit_test(reads_48_bit_and_multiple),
		cmocka_unit_test(pio_writes),
		cmocka_unit_test(errors),
		cmocka_unit_test(settings),
		cmocka_unit_test(interrupts_off),
		cmocka_unit_test(dma_reads_and_writes),
		cmocka_unit_test(dma_that_does_not_fit),
		cmocka_unit_test(hostile_tables),
		cmocka_unit_test(hostile_commands),
		cmocka_unit_test(hostile_storm),
		cmocka_unit_test(failures_of_construction)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
