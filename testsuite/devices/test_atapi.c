/* The CD-ROM drive, at the ports. */
#include "harness.h"

#include "atapi.h"
#include "ide.h"
#include "memory_disk.h"

enum { BSY = 0x80, DRDY = 0x40, DSC = 0x10, DRQ = 0x08, ERR = 0x01 };
enum { READY = DRDY | DSC, SECTORS = 400, BASE = 0x170 };

struct bench {
	struct cbx_machine *machine;
	struct cbx_pci_bus *bus;
	struct ide *ide;
	struct memory_disk disc;
	struct fake_wire irq;
	/* What the last packet gave. */
	uint8_t data[70000];
	unsigned bytes, blocks;
	uint8_t status, error;
};

static void bench_new(struct bench *bench, bool empty)
{
	struct ide_options options = { 0 };

	memset(bench, 0, sizeof(*bench));
	bench->machine = fake_machine_new();
	memory_disk_new(&bench->disc, (uint64_t)SECTORS * 2048 + 1000, 2048);
	options.drives[2].present = options.drives[2].cdrom = true;
	if (!empty) {
		options.drives[2].disk = memory_disk_backend(&bench->disc);
		options.drives[2].disk.read_only = true;
	}
	options.irqs[1] = fake_wire(bench->machine, &bench->irq);
	assert_int_equal(pci_bus_new(bench->machine, &bench->bus), CBX_OK);
	assert_int_equal(ide_new(bench->machine, bench->bus, &options, &bench->ide), CBX_OK);
	fake_reset(bench->machine, CBX_RESET_POWER);
}

static void bench_free(struct bench *bench)
{
	fake_machine_free(bench->machine);
	memory_disk_free(&bench->disc);
}

static void out(struct bench *bench, unsigned port, uint32_t value)
{
	fake_out(bench->machine, port, value, 1);
}

static uint8_t in(struct bench *bench, unsigned port)
{
	return (uint8_t)fake_in(bench->machine, port, 1);
}

static uint8_t settle(struct bench *bench)
{
	for (unsigned i = 0; i < 1000 && (in(bench, BASE + 0x206) & BSY); i++)
		fake_advance(bench->machine, 1000);
	return in(bench, BASE + 7);
}

/* Sends the command and the packet; the drive is then at the first data or at the end. */
static void packet_begin(struct bench *bench, const uint8_t packet[12], unsigned limit,
			 uint8_t features)
{
	out(bench, BASE + 6, 0xa0);
	out(bench, BASE + 1, features);
	out(bench, BASE + 4, limit & 0xff);
	out(bench, BASE + 5, limit >> 8);
	out(bench, BASE + 7, 0xa0);
	bench->irq.rises = 0;
	assert_int_equal(settle(bench), READY | DRQ);
	assert_int_equal(in(bench, BASE + 2), 1);
	assert_int_equal(bench->irq.rises, 0);
	for (unsigned i = 0; i < 12; i += 2)
		fake_out(bench->machine, BASE, (uint32_t)(packet[i] | packet[i + 1] << 8), 2);
}

/* A whole packet command by PIO; every block has an interrupt, a reason and a length. */
static void packet_limited(struct bench *bench, const uint8_t packet[12], unsigned limit)
{
	packet_begin(bench, packet, limit, 0);
	bench->bytes = bench->blocks = 0;
	for (;;) {
		unsigned length;

		bench->status = settle(bench);
		bench->error = in(bench, BASE + 1);
		assert_int_equal(bench->irq.rises, bench->blocks + 1);
		if (!(bench->status & DRQ))
			break;
		assert_int_equal(in(bench, BASE + 2), 2);
		length = in(bench, BASE + 4) | (unsigned)in(bench, BASE + 5) << 8;
		assert_true(length && length <= limit);
		bench->blocks++;
		for (unsigned i = 0; i < length; i += 2) {
			uint32_t word = fake_in(bench->machine, BASE, 2);

			assert_true(bench->bytes + 2 <= sizeof(bench->data));
			bench->data[bench->bytes] = (uint8_t)word;
			bench->data[bench->bytes + 1] = (uint8_t)(word >> 8);
			bench->bytes += i + 1 < length ? 2 : 1;
		}
	}
	assert_int_equal(in(bench, BASE + 2), 3);
}

#define PACKET(...) (const uint8_t[12]){ __VA_ARGS__ }
#define DO(bench, ...) packet_limited(bench, PACKET(__VA_ARGS__), 0xfffe)

static void expect_good(struct bench *bench)
{
	assert_int_equal(bench->status, READY);
	assert_int_equal(bench->error, 0);
}

static void expect_sense(struct bench *bench, uint32_t sense)
{
	assert_int_equal(bench->status, READY | ERR);
	assert_int_equal(bench->error, (sense >> 16) << 4 | 4);
	DO(bench, 0x03, 0, 0, 0, 18);
	expect_good(bench);
	assert_int_equal(bench->bytes, 18);
	assert_int_equal(bench->data[0], 0x70);
	assert_int_equal(bench->data[2], sense >> 16);
	assert_int_equal(bench->data[12] << 8 | bench->data[13], sense & 0xffff);
}

/* Past the unit attention that follows a reset. */
static void greet(struct bench *bench)
{
	DO(bench, 0x00);
	expect_sense(bench, SENSE_RESET);
}

static void signature_and_identify(void **unused)
{
	static struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	assert_int_equal(in(&bench, BASE + 7), 0);
	assert_int_equal(in(&bench, BASE + 4), 0x14);
	assert_int_equal(in(&bench, BASE + 5), 0xeb);
	out(&bench, BASE + 4, 0);
	/* IDENTIFY DEVICE is aborted and shows the signature again. */
	out(&bench, BASE + 7, 0xec);
	assert_int_equal(settle(&bench), READY | ERR);
	assert_int_equal(in(&bench, BASE + 1), 4);
	assert_int_equal(in(&bench, BASE + 4), 0x14);
	out(&bench, BASE + 7, 0xa1);
	assert_int_equal(settle(&bench), READY | DRQ);
	assert_int_equal(fake_in(bench.machine, BASE, 2), 0x85c0);
	/* DEVICE RESET works in the middle of this, without an interrupt. */
	bench.irq.rises = 0;
	out(&bench, BASE + 7, 0x08);
	assert_int_equal(settle(&bench), 0);
	assert_int_equal(bench.irq.rises, 0);
	assert_int_equal(in(&bench, BASE + 5), 0xeb);
	/* Overlapped commands are not there. */
	out(&bench, BASE + 1, 2);
	out(&bench, BASE + 7, 0xa0);
	assert_int_equal(settle(&bench), READY | ERR);
	assert_int_equal(fake_uncovered_bytes(bench.machine), 0);
	bench_free(&bench);
}

static void sense_and_attention(void **unused)
{
	static struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	/* INQUIRY is answered before the attention is told. */
	DO(&bench, 0x12, 0, 0, 0, 36);
	expect_good(&bench);
	assert_int_equal(bench.bytes, 36);
	assert_int_equal(bench.data[0], 5);
	assert_memory_equal(bench.data + 8, "CLEARBOXCD-ROM ", 15);
	greet(&bench);
	DO(&bench, 0x00);
	expect_good(&bench);
	DO(&bench, 0xff);
	expect_sense(&bench, SENSE_OPCODE);
	/* Once told it is gone. */
	DO(&bench, 0x03, 0, 0, 0, 255);
	assert_int_equal(bench.data[2], 0);
	/* Allocation lengths: nothing, odd, less than there is. */
	DO(&bench, 0x12, 0, 0, 0, 0);
	expect_good(&bench);
	assert_int_equal(bench.bytes, 0);
	DO(&bench, 0x12, 0, 0, 0, 5);
	assert_int_equal(bench.bytes, 5);
	DO(&bench, 0x12, 1, 0, 0, 36);
	expect_sense(&bench, SENSE_FIELD);
	bench_free(&bench);
}

static void reads(void **unused)
{
	static struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	greet(&bench);
	DO(&bench, 0x25);
	assert_int_equal(bench.bytes, 8);
	assert_int_equal(bench.data[2] << 8 | bench.data[3], SECTORS - 1);
	assert_int_equal(bench.data[6], 8);
	DO(&bench, 0x28, 0, 0, 0, 0, 17, 0, 0, 3);
	expect_good(&bench);
	assert_int_equal(bench.bytes, 3 * 2048);
	assert_int_equal(bench.blocks, 1);
	assert_memory_equal(bench.data, bench.disc.bytes + 17 * 2048, 3 * 2048);
	DO(&bench, 0xa8, 0, 0, 0, 0, 1, 0, 0, 0, 32);
	assert_int_equal(bench.blocks, 2);
	assert_memory_equal(bench.data, bench.disc.bytes + 2048, 65536);
	DO(&bench, 0x08, 0, 1, 0x8f, 1);
	assert_memory_equal(bench.data, bench.disc.bytes + 399 * 2048, 2048);
	DO(&bench, 0x28, 0, 0, 0, 1, 0x8f, 0, 0, 2);
	expect_sense(&bench, SENSE_ADDRESS);
	DO(&bench, 0xa8, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
	expect_sense(&bench, SENSE_ADDRESS);
	DO(&bench, 0x28, 0, 0, 0, 0, 17, 0, 0, 0);
	expect_good(&bench);
	bench.disc.bad_from = 20 * 2048;
	bench.disc.bad_to = 20 * 2048 + 1;
	DO(&bench, 0x28, 0, 0, 0, 0, 20, 0, 0, 1);
	expect_sense(&bench, SENSE_READ_ERROR);
	DO(&bench, 0x2b, 0, 0, 0, 0, 20);
	expect_good(&bench);
	bench_free(&bench);
}

/* Byte count limits: whole, odd, tiny, none. */
static void limits(void **unused)
{
	static const unsigned limits[] = { 2, 3, 8, 510, 2047, 2048, 2049, 6143, 6144, 6145, 65535 };
	static struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	greet(&bench);
	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		unsigned even = limits[i] & ~1u;

		packet_limited(&bench, PACKET(0x28, 0, 0, 0, 0, 30, 0, 0, 3), limits[i]);
		expect_good(&bench);
		assert_int_equal(bench.bytes, 6144);
		assert_int_equal(bench.blocks, (6144 + even - 1) / even);
		assert_memory_equal(bench.data, bench.disc.bytes + 30 * 2048, 6144);
		packet_limited(&bench, PACKET(0x12, 0, 0, 0, 35), limits[i]);
		assert_int_equal(bench.bytes, 35);
		assert_memory_equal(bench.data + 8, "CLEARBOX", 8);
	}
	bench_free(&bench);
}

/* The sums that make the parity: all codewords add up to nothing, weighted and not. */
static void check_parity(const uint8_t *sector)
{
	const uint8_t *base = sector + 12;

	for (unsigned column = 0; column < 86; column++) {
		uint8_t sum = 0, weighted = 0;

		for (unsigned row = 0; row < 26; row++) {
			uint8_t byte = base[row * 86 + column];

			sum ^= byte;
			weighted = (uint8_t)(weighted << 1 ^ (weighted & 0x80 ? 0x1d : 0) ^ byte);
		}
		assert_int_equal(sum | weighted, 0);
	}
	for (unsigned diagonal = 0; diagonal < 52; diagonal++) {
		uint8_t sum = 0, weighted = 0;

		for (unsigned step = 0; step < 45; step++) {
			unsigned at = step < 43 ? (diagonal / 2 * 43 + step * 44) % 1118 * 2 +
						  diagonal % 2
				      : 2236 + (step - 43) * 52 + diagonal;

			sum ^= base[at];
			weighted = (uint8_t)(weighted << 1 ^ (weighted & 0x80 ? 0x1d : 0) ^ base[at]);
		}
		assert_int_equal(sum | weighted, 0);
	}
}

static void read_cd(void **unused)
{
	static struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	greet(&bench);
	DO(&bench, 0xbe, 0, 0, 0, 0, 5, 0, 0, 2, 0xf8);
	expect_good(&bench);
	assert_int_equal(bench.bytes, 2 * 2352);
	assert_int_equal(bench.data[2352 + 12], 0);
	assert_int_equal(bench.data[2352 + 13], 2);
	assert_int_equal(bench.data[2352 + 14], 6);
	assert_int_equal(bench.data[2352 + 15], 1);
	assert_memory_equal(bench.data + 2352 + 16, bench.disc.bytes + 6 * 2048, 2048);
	check_parity(bench.data);
	check_parity(bench.data + 2352);
	/* User data alone, header alone, nothing; in pieces that no sector is a multiple of. */
	packet_limited(&bench, PACKET(0xbe, 0, 0, 0, 0, 5, 0, 0, 9, 0x10), 1000);
	assert_memory_equal(bench.data, bench.disc.bytes + 5 * 2048, 9 * 2048);
	packet_limited(&bench, PACKET(0xbe, 0, 0, 0, 0, 5, 0, 0, 9, 0x20), 6);
	assert_int_equal(bench.bytes, 36);
	assert_int_equal(bench.data[4 * 8 + 2], 0x13);         /* decimal digits */
	DO(&bench, 0xbe, 0, 0, 0, 0, 5, 0, 0, 9, 0);
	expect_good(&bench);
	assert_int_equal(bench.bytes, 0);
	/* Minute, second, frame; wrong type; sub-channel. */
	DO(&bench, 0xb9, 0, 0, 0, 2, 10, 0, 2, 11, 0x10);
	assert_int_equal(bench.bytes, 2048);
	assert_memory_equal(bench.data, bench.disc.bytes + 10 * 2048, 2048);
	DO(&bench, 0xb9, 0, 0, 0, 1, 10, 0, 2, 11, 0x10);
	expect_sense(&bench, SENSE_ADDRESS);
	DO(&bench, 0xbe, 1 << 2, 0, 0, 0, 5, 0, 0, 1, 0xf8);
	expect_sense(&bench, SENSE_TRACK_MODE);
	DO(&bench, 0xbe, 0, 0, 0, 0, 5, 0, 0, 1, 0xf8, 1);
	expect_sense(&bench, SENSE_FIELD);
	bench_free(&bench);
}

static void contents(void **unused)
{
	static struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	greet(&bench);
	DO(&bench, 0x43, 0, 0, 0, 0, 0, 0, 0, 100);
	assert_int_equal(bench.bytes, 20);
	assert_int_equal(bench.data[1], 18);
	assert_int_equal(bench.data[6], 1);
	assert_int_equal(bench.data[14], 0xaa);
	assert_int_equal(bench.data[18] << 8 | bench.data[19], SECTORS);
	DO(&bench, 0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100);
	assert_int_equal(bench.bytes, 12);
	assert_int_equal(bench.data[10], (SECTORS + 150) / 75);
	DO(&bench, 0x43, 0, 1, 0, 0, 0, 0, 0, 100);
	assert_int_equal(bench.bytes, 12);
	DO(&bench, 0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0x40);
	assert_int_equal(bench.bytes, 12);
	DO(&bench, 0x43, 0, 2, 0, 0, 0, 0, 0, 100);
	assert_int_equal(bench.bytes, 48);
	DO(&bench, 0x43, 0, 0, 0, 0, 0, 2, 0, 100);
	expect_sense(&bench, SENSE_FIELD);
	DO(&bench, 0x42, 0, 0x40, 1, 0, 0, 0, 0, 100);
	assert_int_equal(bench.bytes, 16);
	DO(&bench, 0x44, 2, 0, 0, 0, 75, 0, 0, 8);
	assert_int_equal(bench.data[6], 3);
	DO(&bench, 0x51, 0, 0, 0, 0, 0, 0, 0, 100);
	assert_int_equal(bench.bytes, 34);
	DO(&bench, 0x52, 1, 0, 0, 0, 1, 0, 0, 100);
	assert_int_equal(bench.bytes, 36);
	DO(&bench, 0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8);
	assert_int_equal(bench.bytes, 8);
	DO(&bench, 0x46, 0, 0, 0, 0, 0, 0, 1, 0);
	assert_int_equal(bench.data[3], bench.bytes - 4);
	assert_int_equal(bench.data[7], 8);
	DO(&bench, 0x46, 2, 0, 3, 0, 0, 0, 1, 0);
	assert_int_equal(bench.bytes, 16);
	assert_int_equal(bench.data[9], 3);
	bench_free(&bench);
}

static void mode_pages(void **unused)
{
	static struct bench bench;
	uint8_t list[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 6, 0, 5 };

	(void)unused;
	bench_new(&bench, false);
	greet(&bench);
	DO(&bench, 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 200);
	assert_int_equal(bench.bytes, 30);
	assert_int_equal(bench.data[1], 28);
	assert_int_equal(bench.data[8], 0x2a);
	DO(&bench, 0x1a, 0, 0x3f, 0, 200);
	assert_int_equal(bench.bytes, 4 + 8 + 8 + 16 + 22);
	assert_int_equal(bench.data[0], bench.bytes - 1);
	DO(&bench, 0x5a, 0, 0x6a, 0, 0, 0, 0, 0, 200);
	assert_int_equal(bench.data[10], 0);
	DO(&bench, 0x5a, 0, 0xea, 0, 0, 0, 0, 0, 200);
	expect_sense(&bench, SENSE_NO_SAVING);
	DO(&bench, 0x5a, 0, 0x07, 0, 0, 0, 0, 0, 200);
	expect_sense(&bench, SENSE_FIELD);
	for (unsigned bad = 0; bad < 3; bad++) {
		list[8] = bad == 1 ? 0x33 : 0x01;
		list[9] = bad == 2 ? 200 : 6;
		packet_begin(&bench, PACKET(0x55, 0x10, 0, 0, 0, 0, 0, 0, 16), 0xfffe, 0);
		assert_int_equal(settle(&bench), READY | DRQ);
		assert_int_equal(in(&bench, BASE + 2), 0);
		for (unsigned i = 0; i < 16; i += 2)
			fake_out(bench.machine, BASE, (uint32_t)(list[i] | list[i + 1] << 8), 2);
		bench.status = settle(&bench);
		bench.error = in(&bench, BASE + 1);
		if (bad)
			expect_sense(&bench, bad == 1 ? SENSE_PARAMETER : SENSE_PARAMETER_LENGTH);
		else
			expect_good(&bench);
	}
	DO(&bench, 0x55, 0x10, 0, 0, 0, 0, 0, 0xff, 0xff);
	expect_sense(&bench, SENSE_PARAMETER_LENGTH);
	packet_limited(&bench, PACKET(0x55, 0x10, 0, 0, 0, 0, 0, 0, 16), 8);
	expect_sense(&bench, SENSE_PARAMETER_LENGTH);
	bench_free(&bench);
}

static void media(void **unused)
{
	static const struct cbx_disk_backend none;
	static struct bench bench;
	struct cbx_disk_backend disc;

	(void)unused;
	bench_new(&bench, true);
	disc = memory_disk_backend(&bench.disc);
	greet(&bench);
	DO(&bench, 0x28, 0, 0, 0, 0, 1, 0, 0, 1);
	expect_sense(&bench, SENSE_NO_MEDIUM);
	DO(&bench, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8);
	assert_int_equal(bench.data[4], EVENT_NONE);
	assert_int_equal(bench.data[5], 0);
	assert_int_equal(ide_change_medium(bench.ide, 2, &disc), CBX_OK);
	DO(&bench, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8);
	assert_int_equal(bench.data[1], 6);
	assert_int_equal(bench.data[4], EVENT_NEW);
	assert_int_equal(bench.data[5], 2);
	DO(&bench, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8);
	assert_int_equal(bench.data[4], EVENT_NONE);
	DO(&bench, 0x00);
	expect_sense(&bench, SENSE_MEDIUM_CHANGED);
	DO(&bench, 0x00);
	expect_good(&bench);
	/* Another disc in the middle of a read. */
	packet_begin(&bench, PACKET(0x28, 0, 0, 0, 0, 1, 0, 0, 4), 2048, 0);
	assert_int_equal(settle(&bench), READY | DRQ);
	assert_int_equal(ide_change_medium(bench.ide, 2, &disc), CBX_OK);
	for (unsigned i = 0; i < 1024; i++)
		fake_in(bench.machine, BASE, 2);
	bench.status = settle(&bench);
	bench.error = in(&bench, BASE + 1);
	expect_sense(&bench, SENSE_MEDIUM_CHANGED);
	/* Locked: neither the guest nor the person gets it out; the person's wish is told. */
	DO(&bench, 0x1e, 0, 0, 0, 1);
	DO(&bench, 0x1b, 0, 0, 0, 2);
	expect_sense(&bench, SENSE_LOCKED);
	assert_int_equal(ide_change_medium(bench.ide, 2, &none), CBX_ERROR_STATE);
	DO(&bench, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8);
	assert_int_equal(bench.data[4], EVENT_EJECT);
	DO(&bench, 0x1e);
	DO(&bench, 0x1b, 0, 0, 0, 2);
	expect_good(&bench);
	DO(&bench, 0x00);
	expect_sense(&bench, SENSE_TRAY_OPEN);
	DO(&bench, 0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8);
	assert_int_equal(bench.data[1], 0x10);
	DO(&bench, 0x1b, 0, 0, 0, 3);
	DO(&bench, 0x00);
	expect_sense(&bench, SENSE_MEDIUM_CHANGED);
	assert_int_equal(ide_change_medium(bench.ide, 2, &none), CBX_OK);
	DO(&bench, 0x00);
	expect_sense(&bench, SENSE_NO_MEDIUM);
	assert_int_equal(ide_change_medium(bench.ide, 0, &disc), CBX_ERROR_ARGUMENT);
	assert_int_equal(ide_change_medium(bench.ide, 77, &disc), CBX_ERROR_ARGUMENT);
	bench_free(&bench);
}

/* ---- DMA --------------------------------------------------------------------------------- */

enum { MASTER = 0xc008, TABLE = 0x10000 };

static void master_setup(struct bench *bench)
{
	fake_out(bench->machine, 0xcf8, 0x80000920, 4);
	fake_out(bench->machine, 0xcfc, MASTER & ~15u, 4);
	fake_out(bench->machine, 0xcf8, 0x80000904, 4);
	fake_out(bench->machine, 0xcfc, 5, 4);
}

static void master_start(struct bench *bench, uint32_t address, uint32_t count)
{
	fake_mem_write(bench->machine, TABLE, address, 4);
	fake_mem_write(bench->machine, TABLE + 4, count | 0x80000000u, 4);
	out(bench, MASTER, 0);
	fake_out(bench->machine, MASTER + 4, TABLE, 4);
	out(bench, MASTER + 2, 6);
	out(bench, MASTER, 9);
}

static void dma(void **unused)
{
	static struct bench bench;

	(void)unused;
	bench_new(&bench, false);
	master_setup(&bench);
	greet(&bench);
	master_start(&bench, 0x20000, 0);
	packet_begin(&bench, PACKET(0x28, 0, 0, 0, 0, 100, 0, 0, 32), 0, 1);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, MASTER + 2), 4);
	assert_int_equal(in(&bench, BASE + 2), 3);
	assert_int_equal(settle(&bench), READY);
	assert_int_equal(bench.irq.rises, 1);
	assert_memory_equal(fake_ram(bench.machine) + 0x20000, bench.disc.bytes + 100 * 2048, 65536);
	/* A reply that is shorter than the table: interrupt, still active. */
	master_start(&bench, 0x40000, 0x100);
	packet_begin(&bench, PACKET(0x12, 0, 0, 0, 36), 0, 1);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, MASTER + 2), 5);
	assert_memory_equal(fake_ram(bench.machine) + 0x40008, "CLEARBOX", 8);
	/* An error: interrupt, and the status says so. */
	master_start(&bench, 0x40000, 0x800);
	packet_begin(&bench, PACKET(0x28, 0, 1, 0, 0, 100, 0, 0, 1), 0, 1);
	fake_advance(bench.machine, 10000000);
	assert_int_equal(in(&bench, MASTER + 2), 5);
	bench.status = settle(&bench);
	bench.error = in(&bench, BASE + 1);
	expect_sense(&bench, SENSE_ADDRESS);
	bench_free(&bench);
}

/* ---- Hostile guests ------------------------------------------------------------------------ */

static void hostile_packets(void **unused)
{
	static struct bench bench;
	uint64_t seed = 5;

	(void)unused;
	bench_new(&bench, false);
	master_setup(&bench);
	for (unsigned i = 0; i < 3000; i++) {
		uint8_t packet[12];
		unsigned times = (unsigned)fake_random(&seed) % 4000;

		for (unsigned n = 0; n < 12; n++)
			packet[n] = (uint8_t)(fake_random(&seed) >> (fake_random(&seed) & 7));
		packet[0] = (uint8_t)i;
		out(&bench, BASE + 7, 0x08);
		settle(&bench);
		out(&bench, BASE + 1, (uint32_t)fake_random(&seed) & 1);
		out(&bench, BASE + 4, (uint32_t)fake_random(&seed) & 0xff);
		out(&bench, BASE + 5, (uint32_t)fake_random(&seed) & 0xff);
		out(&bench, BASE + 7, 0xa0);
		settle(&bench);
		for (unsigned n = 0; n < 12; n += 2)
			fake_out(bench.machine, BASE, (uint32_t)(packet[n] | packet[n + 1] << 8), 2);
		if (i & 1)
			master_start(&bench, (uint32_t)fake_random(&seed), (uint32_t)i);
		for (unsigned n = 0; n < times; n++) {
			fake_in(bench.machine, BASE, 4);
			if (n % 256 == 0)
				fake_advance(bench.machine, 5000);
			if (n % 512 == 0)
				fake_out(bench.machine, BASE, (uint32_t)i, 4);
		}
		if (i % 16 == 0)
			fake_reload(bench.machine);
		if (i % 64 == 0)
			fake_load_random(bench.machine, &seed, 20);
	}
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signature_and_identify),
		cmocka_unit_test(sense_and_attention),
		cmocka_unit_test(reads),
		cmocka_unit_test(limits),
		cmocka_unit_test(read_cd),
		cmocka_unit_test(contents),
		cmocka_unit_test(mode_pages),
		cmocka_unit_test(media),
		cmocka_unit_test(dma),
		cmocka_unit_test(hostile_packets)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
