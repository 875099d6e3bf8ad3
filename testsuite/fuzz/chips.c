/*
 * Every register of every chip of a PC, programmed with random values: by ports, by memory,
 * with drives, keys and characters coming in, pictures drawn, time passing.  Nothing may
 * crash, hang or trip a sanitizer; and every state that can be reached this way must be one
 * that saves, loads and has the same hash afterwards.
 *
 * usage: chips [-n STEPS] [-seed S] [-from FIRST_SEED -to LAST_SEED]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "memory.h"

enum { FLOPPY_BYTES = 1474560, DISK_BYTES = 2 << 20, CD_BYTES = 1 << 20 };

struct medium {
	uint8_t *bytes;
	size_t size;
	bool broken;                    /* reads and writes fail */
};

static struct medium floppy, disk, cd;
static uint64_t random_state;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static unsigned below(unsigned limit)
{
	return (unsigned)((random64() >> 20) % limit);
}

static enum cbx_status medium_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	const struct medium *medium = user;

	if (offset > medium->size || count > medium->size - offset) {
		fprintf(stderr, "chips: a read beyond the medium's end\n");
		abort();
	}
	if (medium->broken)
		return CBX_ERROR_IO;
	memcpy(bytes, medium->bytes + offset, count);
	return CBX_OK;
}

static enum cbx_status medium_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	struct medium *medium = user;

	if (offset > medium->size || count > medium->size - offset) {
		fprintf(stderr, "chips: a write beyond the medium's end\n");
		abort();
	}
	if (medium->broken)
		return CBX_ERROR_IO;
	memcpy(medium->bytes + offset, bytes, count);
	return CBX_OK;
}

static struct cbx_disk_backend backend(struct medium *medium, size_t size)
{
	free(medium->bytes);
	medium->bytes = calloc(1, size);
	medium->size = size;
	medium->broken = false;
	if (!medium->bytes)
		abort();
	return (struct cbx_disk_backend){ .bytes = size, .read = medium_read,
					  .write = medium_write, .user = medium };
}

/* Somebody listens, so that the sound is made, too. */
static void hear(void *user, const int16_t *samples, size_t frames)
{
	static volatile int16_t last;

	(void)user;
	for (size_t i = 0; samples && i < 2 * frames; i++)
		last = samples[i];
	(void)last;
}

static struct cbx_machine *new_pc(void)
{
	struct cbx_pc_options options = { .size = sizeof(options) };
	struct cbx_machine *machine;
	struct cbx_error error;

	options.machine.memory_bytes = 2 << 20;
	options.vram_bytes = 1 << 20;
	options.floppy[0] = backend(&floppy, FLOPPY_BYTES);
	options.ide[0].present = true;
	options.ide[0].disk = backend(&disk, DISK_BYTES);
	options.ide[2].present = true;
	options.ide[2].cdrom = true;
	options.ide[2].disk = backend(&cd, CD_BYTES);
	options.ide[2].disk.read_only = true;
	options.debug_exit_port = 0x501;
	options.sound_card.present = true;
	options.sound.play = hear;
	if (cbx_pc_new(&options, &machine, &error)) {
		fprintf(stderr, "chips: %s\n", error.text);
		abort();
	}
	return machine;
}

/* A guest that waits for interrupts and returns from them all. */
static void put_guest(struct cbx_machine *machine)
{
	static const uint8_t code[] = { 0xfb, 0xf4, 0xeb, 0xfc };       /* sti; hlt; jmp */
	static const uint8_t handler[] = { 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0xcf };
	static const uint8_t vector[4] = { 0x00, 0x60, 0, 0 };
	unsigned i;

	for (i = 0; i < 256; i++)
		cbx_memory_write(machine, 4 * i, vector, 4);
	cbx_memory_write(machine, 0x6000, handler, sizeof(handler));
	cbx_memory_write(machine, 0x7000, code, sizeof(code));
	cbx_register_write(machine, CBX_CR0, 0x10);
	cbx_register_write(machine, CBX_CS, 0);
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_SS_BASE, 0);
	cbx_register_write(machine, CBX_RSP, 0x5000);
	cbx_register_write(machine, CBX_RIP, 0x7000);
}

static const struct { uint16_t first, count; } ports[] = {
	{ 0x00, 16 }, { 0x20, 2 }, { 0x40, 4 }, { 0x60, 5 }, { 0x70, 4 }, { 0x80, 16 }, { 0x92, 1 },
	{ 0xa0, 2 }, { 0xb2, 2 }, { 0xc0, 32 }, { 0xe9, 1 }, { 0xf0, 2 }, { 0x170, 8 },
	{ 0x170, 8 }, { 0x1f0, 8 }, { 0x1f0, 8 }, { 0x1ce, 3 }, { 0x1ce, 3 },
	{ 0x220, 16 }, { 0x220, 16 }, { 0x2e8, 8 }, { 0x330, 2 }, { 0x388, 4 },
	{ 0x2f8, 8 }, { 0x376, 2 }, { 0x378, 8 }, { 0x3b0, 16 }, { 0x3c0, 32 }, { 0x3c0, 32 },
	{ 0x3e8, 8 }, { 0x3f0, 8 }, { 0x3f0, 8 }, { 0x3f8, 8 }, { 0x402, 1 }, { 0x4d0, 2 },
	{ 0x501, 4 }, { 0x510, 12 }, { 0xcf8, 8 }, { 0x600, 64 }, { 0x700, 16 }, { 0xc000, 16 },
	{ 0, 0xffff }
};

static uint16_t some_port(void)
{
	unsigned which = below(sizeof(ports) / sizeof(ports[0]));

	return (uint16_t)(ports[which].first + below(ports[which].count));
}

static uint32_t some_value(void)
{
	static const uint32_t values[] = { 0, 1, 2, 0x0f, 0x10, 0x7f, 0x80, 0xff, 0xa0, 0xec, 0x100,
					   0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
					   0xffffffff };

	return random64() & 1 ? (uint32_t)random64() :
	       values[below(sizeof(values) / sizeof(values[0]))];
}

static uint64_t some_address(void)
{
	static const struct { uint64_t first; uint32_t count; } places[] = {
		{ 0xa0000, 0x20000 }, { 0xa0000, 0x20000 }, { 0xc0000, 0x40000 },
		{ 0xe0000000, 0x100000 }, { 0xe1000000, 0x1000 }, { 0, 0x200000 },
		{ 0xfffe0000, 0x20000 }, { 0xfec00000, 0x300000 }, { 0, 0xffffffff }
	};
	unsigned which = below(sizeof(places) / sizeof(places[0]));

	return places[which].first + below(places[which].count);
}

static void touch_memory(struct cbx_machine *machine)
{
	unsigned width = 1u << below(4);
	uint64_t address = some_address();

	if (random64() & 1)
		address |= 4096 - width;
	if ((address & PAGE_MASK) > PAGE_SIZE - width)
		address = (address & ~(uint64_t)PAGE_MASK) + PAGE_SIZE - width;
	if (random64() & 1)
		memory_write(machine, address, random64(), width);
	else
		memory_read(machine, address, width);
}

/* Registers of interrupt controllers and event timers, as wide as they are. */
static void touch_apic(struct cbx_machine *machine)
{
	static const uint64_t bases[] = { 0xfee00000, 0xfee00000, 0xfec00000, 0xfed00000 };
	unsigned which = below(4), width = 4;
	uint64_t offset = below(0x40) << 4;

	if (which == 2) {
		memory_write(machine, bases[2], below(0x40), 4);
		offset = below(8) ? 0x10 : below(5) << 4;
	} else if (which == 3) {
		offset = below(0x2c) << 3 | (below(4) ? 0 : 4);
		width = offset & 4 || below(2) ? 4 : 8;
	}
	if (below(4))
		memory_write(machine, bases[which] + offset, below(2) ? some_value() & 0x3ffff : random64(),
			     width);
	else
		memory_read(machine, bases[which] + offset, width);
}

/* A register of a PCI function, by mechanism 1. */
static void touch_pci(struct cbx_machine *machine)
{
	uint32_t address = 0x80000000 | below(4) << 11 | below(4) << 8 | (below(64) << 2);

	port_write(machine, 0xcf8, address, 4);
	if (below(4))
		port_write(machine, (uint16_t)(0xcfc + below(4)), some_value(), 1u << below(3));
	else
		port_read(machine, 0xcfc, 4);
}

/* A command of a drive, with all its registers, and some of its data. */
static void drive_command(struct cbx_machine *machine)
{
	uint16_t base = below(2) ? 0x1f0 : 0x170;
	unsigned i, count = below(600);

	for (i = 1; i < 7; i++)
		port_write(machine, (uint16_t)(base + i), below(2) ? some_value() & 0xff : 0, 1);
	port_write(machine, (uint16_t)(base + 7), below(3) ? (uint32_t)random64() & 0xff :
		   (uint32_t)(below(2) ? 0x20 : 0xa0), 1);
	for (i = 0; i < count; i++) {
		if (below(2))
			port_write(machine, base, some_value(), 2);
		else
			port_read(machine, base, 2);
	}
}

static void floppy_command(struct cbx_machine *machine)
{
	unsigned i, count = below(20);

	if (below(3) == 0)
		port_write(machine, 0x3f2, 0x1c, 1);
	port_write(machine, 0x3f5, below(2) ? some_value() & 0xff : 0xe6, 1);
	for (i = 0; i < count; i++)
		port_write(machine, 0x3f5, below(2) ? below(4) : some_value() & 0xff, 1);
	while (below(10))
		port_read(machine, 0x3f5, 1);
}

static void wait(struct cbx_machine *machine, uint64_t nanoseconds)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 2000,
					   .guest_nanoseconds = nanoseconds };

	cbx_run(machine, &options, NULL);
}

/* A packet for the CD drive: known commands, wild parameters. */
static void packet_command(struct cbx_machine *machine)
{
	static const uint8_t codes[] = {
		0x00, 0x03, 0x12, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x2b, 0x2f, 0x35, 0x3c, 0x42, 0x43,
		0x44, 0x45, 0x46, 0x47, 0x4a, 0x4b, 0x4e, 0x51, 0x52, 0x55, 0x5a, 0xa4, 0xa8, 0xad,
		0xb9, 0xbb, 0xbd, 0xbe
	};
	unsigned i, count = below(5000);
	uint16_t limit = (uint16_t)(below(3) ? 1u << below(16) : some_value());

	port_write(machine, 0x176, below(20) ? 0xa0 : 0xb0, 1);
	port_write(machine, 0x171, below(4) == 0, 1);
	port_write(machine, 0x174, limit & 0xff, 1);
	port_write(machine, 0x175, limit >> 8, 1);
	port_write(machine, 0x177, 0xa0, 1);
	if (below(4) == 0)
		wait(machine, 1000000);
	port_write(machine, 0x170, (uint32_t)(below(10) ? codes[below(sizeof(codes))] :
					      below(256)) | (below(3) ? 0 : below(256) << 8), 2);
	for (i = 1; i < 6; i++)
		port_write(machine, 0x170, below(2) ? 0 : below(2) ? below(16) << 8 :
			   some_value() & 0xffff, 2);
	wait(machine, 10000000);
	for (i = 0; i < count; i++) {
		if (below(500) == 0)
			wait(machine, 10000000);
		port_read(machine, 0x170, 2);
	}
}

/* A bus-master transfer by a table of random regions: RAM, holes, ROM, registers, itself. */
static void bus_master(struct cbx_machine *machine)
{
	static const uint8_t commands[] = { 0xc8, 0xca, 0x25, 0x35, 0xc8, 0xca };
	unsigned second = below(4) == 0, i, entries = 1 + below(8);
	uint16_t base = second ? 0x170 : 0x1f0, master = second ? 0xc008 : 0xc000;
	uint32_t table = below(4) ? 0x10000 : below(0x200000);

	if (below(3) == 0)
		master = (uint16_t)(master + 0x20 * below(4));
	port_write(machine, 0xcf8, 0x80000904, 4);
	port_write(machine, 0xcfc, 5, 2);
	for (i = 0; i < entries; i++) {
		memory_write(machine, (table + 8 * i) & 0x1ffff8, below(2) ? below(0x200000) :
			     some_address(), 4);
		memory_write(machine, (table + 8 * i + 4) & 0x1ffff8,
			     (uint64_t)(below(2) ? 512u << below(8) : some_value() & 0xffff) |
			     (i + 1 == entries && below(8) ? 0x80000000 : 0), 4);
	}
	port_write(machine, (uint16_t)(master + 4), table, 4);
	port_write(machine, (uint16_t)(master + 2), 6, 1);
	port_write(machine, (uint16_t)(base + 6), 0xe0, 1);
	port_write(machine, (uint16_t)(base + 2), below(4) ? 1 + below(16) : below(256), 1);
	port_write(machine, (uint16_t)(base + 3), below(256), 1);
	port_write(machine, (uint16_t)(base + 4), below(4) ? below(16) : below(256), 1);
	port_write(machine, (uint16_t)(base + 5), below(4) ? 0 : below(256), 1);
	port_write(machine, (uint16_t)(base + 7), commands[below(sizeof(commands))], 1);
	port_write(machine, master, below(2) ? 1 : 9, 1);
	wait(machine, 50000000);
	if (below(2))
		port_write(machine, master, 0, 1);
}

/* A floppy transfer with everything set up as a driver would, or nearly. */
static void floppy_transfer(struct cbx_machine *machine)
{
	static const uint8_t commands[] = { 0xe6, 0xc5, 0x4d, 0xe6, 0xec, 0xc9, 0xd1, 0x42, 0x4a,
					    0x16, 0xe6 };
	uint8_t command = commands[below(sizeof(commands))];
	bool out = command == 0xc5 || command == 0xc9 || command == 0x4d;
	unsigned i, cylinder = below(4) ? below(80) : below(256), length = below(4) ? 511 : below(65536);
	uint32_t at = below(8) ? 0x12000 : below(0x1000000);

	port_write(machine, 0x3f2, 0x1c, 1);
	port_write(machine, 0x0c, 0, 1);
	port_write(machine, 0x0b, (out ? 0x4a : 0x46) ^ (below(8) ? 0 : below(256) & 0xfc), 1);
	port_write(machine, 0x04, at & 0xff, 1);
	port_write(machine, 0x04, at >> 8 & 0xff, 1);
	port_write(machine, 0x81, at >> 16, 1);
	port_write(machine, 0x05, length & 0xff, 1);
	port_write(machine, 0x05, length >> 8, 1);
	port_write(machine, 0x0a, 2, 1);
	port_write(machine, 0x3f5, 0x03, 1);            /* specify */
	port_write(machine, 0x3f5, 0xaf, 1);
	port_write(machine, 0x3f5, below(8) ? 0x02 : 0x03, 1);
	port_write(machine, 0x3f5, 0x0f, 1);            /* seek */
	port_write(machine, 0x3f5, 0x00, 1);
	port_write(machine, 0x3f5, cylinder, 1);
	wait(machine, 1000000000);
	port_write(machine, 0x3f5, 0x08, 1);
	port_read(machine, 0x3f5, 1);
	port_read(machine, 0x3f5, 1);
	port_write(machine, 0x3f5, command, 1);
	if (command == 0x4d) {                          /* format: N, sectors, gap, filler */
		port_write(machine, 0x3f5, below(2) * 4, 1);
		port_write(machine, 0x3f5, below(8) ? 2 : below(256), 1);
		port_write(machine, 0x3f5, below(4) ? 18 : below(256), 1);
		port_write(machine, 0x3f5, 0x1b, 1);
		port_write(machine, 0x3f5, 0xf6, 1);
	} else {
		unsigned head = below(2);

		port_write(machine, 0x3f5, head * 4, 1);
		port_write(machine, 0x3f5, below(8) ? cylinder : below(256), 1);
		port_write(machine, 0x3f5, below(8) ? head : below(256), 1);
		port_write(machine, 0x3f5, below(8) ? 1 + below(18) : below(256), 1);
		port_write(machine, 0x3f5, below(8) ? 2 : below(256), 1);
		port_write(machine, 0x3f5, below(4) ? 18 : below(256), 1);
		port_write(machine, 0x3f5, 0x1b, 1);
		port_write(machine, 0x3f5, 0xff, 1);
	}
	for (i = 0; i < 10; i++)
		wait(machine, 100000000);
	for (i = below(8); i; i--)
		port_read(machine, 0x3f5, 1);
}

/* A transfer of the sound card, with DMA set up for it or not, and then another. */
static void sound_command(struct cbx_machine *machine)
{
	static const uint8_t commands[] = { 0x14, 0x1c, 0x17, 0x1f, 0x24, 0x75, 0x77, 0x7d, 0x90, 0x91,
					    0xb0, 0xb6, 0xb8, 0xc0, 0xc6, 0xc8, 0x80, 0xd0, 0xd4, 0xd5,
					    0xd6, 0xd9, 0xda, 0x45, 0x47, 0xe2, 0x48, 0x40, 0x41 };
	unsigned i;

	if (below(4) == 0) {
		port_write(machine, 0x226, 1, 1);
		port_write(machine, 0x226, 0, 1);
	}
	port_write(machine, 0xd6, 0xc0, 1);
	port_write(machine, 0xd4, 0x00, 1);
	port_write(machine, 0x0b, below(4) * 4 + 0x49, 1);
	port_write(machine, 0xd6, below(4) * 4 + 0x49, 1);
	for (i = 0; i < 2; i++) {
		port_write(machine, 0x03, below(256) * i, 1);
		port_write(machine, 0xc6, below(256) * i, 1);
		port_write(machine, 0x02, below(256), 1);
		port_write(machine, 0xc4, below(256), 1);
	}
	port_write(machine, 0x83, below(3) * 16, 1);
	port_write(machine, 0x0a, below(8) ? 1 : 5, 1);
	port_write(machine, 0xd4, below(8) ? 1 : 5, 1);
	port_write(machine, 0x22c, commands[below(sizeof(commands))], 1);
	for (i = below(4); i; i--)
		port_write(machine, 0x22c, below(4) ? below(256) : 0, 1);
	wait(machine, 5000000);
	port_read(machine, 0x22e, 1);
	port_read(machine, 0x22f, 1);
}

static void mouse_command(struct cbx_machine *machine)
{
	static const uint8_t commands[] = { 0xff, 0xf6, 0xf5, 0xf4, 0xf3, 0xf2, 0xf0, 0xee, 0xec, 0xeb,
					    0xea, 0xe9, 0xe8, 0xe7, 0xe6 };
	static const uint8_t wheel[] = { 0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf2, 0xf4 };
	unsigned i;

	if (below(4) == 0) {
		for (i = 0; i < sizeof(wheel); i++) {
			port_write(machine, 0x64, 0xd4, 1);
			port_write(machine, 0x60, wheel[i], 1);
			wait(machine, 2000000);
			port_read(machine, 0x60, 1);
		}
	}
	port_write(machine, 0x64, 0xd4, 1);
	port_write(machine, 0x60, commands[below(sizeof(commands))], 1);
	wait(machine, 2000000);
	port_write(machine, 0x64, 0xd4, 1);
	port_write(machine, 0x60, below(256), 1);
	cbx_mouse(machine, (int)below(100) - 50, 3, (int)below(3) - 1, below(8));
	wait(machine, 20000000);
	while (below(8))
		port_read(machine, 0x60, 1);
}

/* A mode of the VBE interface, plausible or not. */
static void vbe_mode(struct cbx_machine *machine)
{
	static const uint16_t depths[] = { 4, 8, 15, 16, 24, 32 };
	uint32_t values[10] = {
		0xb0c5, below(4) ? 8 * (1 + below(200)) : some_value(),
		below(4) ? 1 + below(1200) : some_value(),
		below(8) ? depths[below(6)] : some_value(), 0, below(4) ? 0 : some_value(),
		below(2) ? 8 * (1 + below(300)) : some_value(), some_value(),
		below(2) ? 0 : some_value(), below(2) ? 0 : some_value()
	};
	unsigned i;

	port_write(machine, 0x1ce, 4, 2);
	port_write(machine, 0x1cf, 0, 2);
	for (i = 1; i < 10; i++) {
		port_write(machine, 0x1ce, i, 2);
		port_write(machine, 0x1cf, values[i] & 0xffff, 2);
		if (i == 3) {
			port_write(machine, 0x1ce, 4, 2);
			port_write(machine, 0x1cf, below(8) ? 0x41 : some_value() & 0xffff, 2);
			i = 4;
		}
	}
}

/* A VGA mode's worth of registers: near one that exists, with a few wild ones. */
static void vga_mode(struct cbx_machine *machine)
{
	static const uint8_t crtc[25] = { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41,
					  0, 0, 0, 0, 0, 0, 0x9c, 0x0e, 0x8f, 0x28, 0x40, 0x96,
					  0xb9, 0xa3, 0xff };
	unsigned i;

	port_write(machine, 0x3c2, below(2) ? 0x63 : below(256), 1);
	for (i = 0; i < 5; i++)
		port_write(machine, 0x3c4, i | (below(2) ? (uint32_t)below(256) : 0x0fu) << 8, 2);
	port_write(machine, 0x3d4, 0x11, 2);
	for (i = 0; i < 25; i++)
		port_write(machine, 0x3d4, i | (uint32_t)(below(5) ? crtc[i] : below(256)) << 8, 2);
	for (i = 0; i < 9; i++)
		port_write(machine, 0x3ce, i | below(256) << 8, 2);
	port_read(machine, 0x3da, 1);
	for (i = 0; i < 0x15; i++) {
		port_write(machine, 0x3c0, i, 1);
		port_write(machine, 0x3c0, below(256), 1);
	}
	port_write(machine, 0x3c0, 0x20, 1);
}

static uint32_t *pixels;
enum { STRIDE = 2560, LINES = 2048 };

static void look(struct cbx_machine *machine)
{
	struct cbx_screen screen;
	char text[1000];

	if (cbx_screen_info(machine, &screen) != CBX_OK)
		return;
	if (screen.width <= STRIDE && screen.height <= LINES &&
	    cbx_screen_render(machine, pixels, STRIDE, LINES)) {
		fprintf(stderr, "chips: a picture of %ux%u cannot be drawn\n", screen.width,
			screen.height);
		abort();
	}
	cbx_screen_text(machine, text, sizeof(text));
}

static void come_in(struct cbx_machine *machine)
{
	size_t taken;

	cbx_key(machine, below(256), random64() & 1);
	cbx_mouse(machine, (int)below(1000) - 500, (int)random64(), (int)below(7) - 3, below(8));
	cbx_serial_input(machine, below(5), "characters", 10, &taken);
	cbx_type_text(machine, "Text");
	if (below(20) == 0)
		cbx_power_button(machine);
}

static void other_medium(struct cbx_machine *machine)
{
	struct cbx_disk_backend none = { 0 }, medium = { 0 };
	bool is_floppy = random64() & 1;
	enum cbx_drive drive = is_floppy ? CBX_FLOPPY_A : CBX_IDE_2;

	switch (below(4)) {
	case 0:
		cbx_drive_change(machine, drive, &none);
		break;
	case 1:
		floppy.broken = random64() & 1;
		disk.broken = random64() & 1;
		cd.broken = random64() & 1;
		break;
	default:
		medium.bytes = is_floppy ? FLOPPY_BYTES : CD_BYTES;
		medium.read = medium_read;
		medium.write = medium_write;
		medium.user = is_floppy ? &floppy : &cd;
		medium.read_only = !is_floppy;
		cbx_drive_change(machine, drive, &medium);
	}
}

static void save_and_load(struct cbx_machine *machine)
{
	uint64_t hash = cbx_state_hash(machine);
	size_t size;
	void *data;

	if (cbx_snapshot_save(machine, &data, &size) || cbx_snapshot_load(machine, data, size)) {
		fprintf(stderr, "chips: a state that was reached does not load: %s\n",
			cbx_machine_error(machine));
		abort();
	}
	cbx_buffer_free(machine, data);
	if (cbx_state_hash(machine) != hash) {
		fprintf(stderr, "chips: loading changes the state\n");
		abort();
	}
}

static void run(struct cbx_machine *machine)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1 + below(500),
					   .guest_nanoseconds = 1 + below(20000000) };
	struct cbx_stop stop;

	if (below(8) == 0)
		put_guest(machine);
	cbx_run(machine, &options, &stop);
}

static void step(struct cbx_machine *machine)
{
	unsigned kind = below(1000);

	if (kind < 500)
		port_write(machine, some_port(), some_value(), 1u << below(3));
	else if (kind < 650)
		port_read(machine, some_port(), 1u << below(3));
	else if (kind < 760)
		touch_memory(machine);
	else if (kind < 780)
		touch_apic(machine);
	else if (kind < 820)
		touch_pci(machine);
	else if (kind < 845)
		drive_command(machine);
	else if (kind < 860)
		floppy_command(machine);
	else if (kind < 862)
		floppy_transfer(machine);
	else if (kind < 866)
		packet_command(machine);
	else if (kind < 869)
		bus_master(machine);
	else if (kind < 870)
		mouse_command(machine);
	else if (kind < 871)
		sound_command(machine);
	else if (kind < 873)
		vga_mode(machine);
	else if (kind < 876)
		vbe_mode(machine);
	else if (kind < 970)
		run(machine);
	else if (kind < 980)
		come_in(machine);
	else if (kind < 990)
		other_medium(machine);
	else if (kind < 996)
		look(machine);
	else if (kind < 998)
		save_and_load(machine);
	else if (below(50) == 0)
		cbx_machine_reset(machine);
}

int main(int argc, char **argv)
{
	unsigned long steps = 60000, from = 1, to = 1, seed, i;
	int n;

	for (n = 1; n + 1 < argc; n += 2) {
		unsigned long value = strtoul(argv[n + 1], NULL, 0);

		if (!strcmp(argv[n], "-n"))
			steps = value;
		else if (!strcmp(argv[n], "-seed"))
			from = to = value;
		else if (!strcmp(argv[n], "-from"))
			from = value;
		else if (!strcmp(argv[n], "-to"))
			to = value;
	}
	pixels = malloc(sizeof(*pixels) * STRIDE * LINES);
	if (!pixels)
		return 2;
	for (seed = from; seed <= to; seed++) {
		struct cbx_machine *machine = new_pc();

		printf("chips: seed %lu\n", seed);
		fflush(stdout);
		random_state = seed * 0x9e3779b97f4a7c15 + 1;
		/* The firmware gives PCI functions their addresses. */
		cbx_run(machine, &(struct cbx_run_options){
			.size = sizeof(struct cbx_run_options), .instructions = 3000000 }, NULL);
		put_guest(machine);
		for (i = 0; i < steps; i++)
			step(machine);
		cbx_machine_free(machine);
	}
	free(pixels);
	free(floppy.bytes);
	free(disk.bytes);
	free(cd.bytes);
	return 0;
}
