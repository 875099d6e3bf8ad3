/*
 * A whole PC against a guest and a host that mean it no good: accesses of every width at the edges
 * of everything, every register behind every index, every port, bus masters aimed where they should
 * not be, floods of input and of messages, and memory that must not grow or leak.  Whatever the
 * chips answer, the machine goes on, saves and loads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "machine.h"
#include "memory.h"

enum {
	RAM = 4 << 20, VRAM = 1 << 20, DISK = 1 << 20, CD = 1 << 20, FLOPPY = 1474560,
	MASTER = 0xc000, CODE = 0x7000, TABLE = 0x8000, CATCH = 0x6000,
	DESCRIPTORS = 0x5000, PRD = 0x9000, PAGES = 0x100000
};

#define LFB 0xe0000000u

static uint8_t disk_bytes[DISK], floppy_bytes[FLOPPY];

static enum cbx_status disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	memcpy(bytes, (uint8_t *)user + offset, count);
	return CBX_OK;
}

static enum cbx_status disk_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	memcpy((uint8_t *)user + offset, bytes, count);
	return CBX_OK;
}

/* An allocator that counts and hands out dirty memory. */
struct allocator {
	uint8_t dirt;
	size_t used, most;
};
struct block { size_t size, pad; };

static void *allocate(void *user, void *memory, size_t size)
{
	struct allocator *a = user;
	struct block *old = memory ? (struct block *)memory - 1 : NULL, *made;
	size_t old_size = old ? old->size : 0;

	a->used -= old_size;
	if (!size) {
		free(old);
		return NULL;
	}
	made = realloc(old, sizeof(*made) + size);
	assert_non_null(made);
	if (size > old_size)
		memset((uint8_t *)(made + 1) + old_size, a->dirt, size - old_size);
	made->size = size;
	a->used += size;
	if (a->used > a->most)
		a->most = a->used;
	return made + 1;
}

static struct cbx_machine *new_pc(struct allocator *allocator)
{
	struct cbx_pc_options options = { .size = sizeof(options), .vram_bytes = VRAM,
					  .sound_card.present = true };
	struct cbx_disk_backend disk = { .bytes = DISK, .read = disk_read, .write = disk_write,
					 .user = disk_bytes };
	struct cbx_disk_backend floppy = disk;
	struct cbx_machine *machine;

	for (unsigned n = 0; n < DISK; n++)
		disk_bytes[n] = (uint8_t)(n * 7 + (n >> 9) * 13 + 1);
	floppy.bytes = FLOPPY;
	floppy.user = floppy_bytes;
	options.machine.memory_bytes = RAM;
	options.floppy[0] = floppy;
	options.ide[0].present = options.ide[2].present = options.ide[2].cdrom = true;
	options.ide[0].disk = options.ide[2].disk = disk;
	options.ide[2].disk.read_only = true;
	if (allocator) {
		options.machine.reallocate = allocate;
		options.machine.user = allocator;
	}
	assert_int_equal(cbx_pc_new(&options, &machine, NULL), CBX_OK);
	return machine;
}

static void out(struct cbx_machine *machine, unsigned port, uint32_t value, unsigned width)
{
	port_write(machine, (uint16_t)port, value, width);
}

static uint32_t in(struct cbx_machine *machine, unsigned port, unsigned width)
{
	return port_read(machine, (uint16_t)port, width);
}

static void config(struct cbx_machine *machine, unsigned slot, unsigned function, unsigned at,
		   uint32_t value)
{
	out(machine, 0xcf8, 0x80000000 | slot << 11 | function << 8 | at, 4);
	out(machine, 0xcfc, value, 4);
}

/* What the firmware does of the buses: the display's memory and the bus master's ports. */
static void place(struct cbx_machine *machine)
{
	config(machine, 2, 0, 0x10, LFB);
	config(machine, 2, 0, 0x04, 3);
	config(machine, 1, 1, 0x20, MASTER);
	config(machine, 1, 1, 0x04, 5);
	config(machine, 1, 1, 0x40, 0x80008000);
}

static void put(struct cbx_machine *machine, uint64_t address, const void *bytes, size_t count)
{
	assert_int_equal(cbx_memory_write(machine, address, bytes, count), CBX_OK);
}

static void put_word(struct cbx_machine *machine, uint64_t address, uint32_t value)
{
	uint8_t bytes[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
			     (uint8_t)(value >> 24) };

	put(machine, address, bytes, 4);
}

/* Flat protected mode at CODE; interrupts and exceptions end in a HLT at CATCH. */
static void flat(struct cbx_machine *machine)
{
	static const uint8_t hlt = 0xf4, tables[] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0,
		0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0
	};

	put(machine, DESCRIPTORS, tables, sizeof(tables));
	put(machine, CATCH, &hlt, 1);
	for (unsigned n = 0; n < 32; n++) {
		put_word(machine, DESCRIPTORS + 0x100 + 8 * n, 8u << 16 | CATCH);
		put_word(machine, DESCRIPTORS + 0x104 + 8 * n, 0x8e00);
	}
	cbx_register_write(machine, CBX_GDTR_BASE, DESCRIPTORS);
	cbx_register_write(machine, CBX_GDTR_LIMIT, 0x17);
	cbx_register_write(machine, CBX_IDTR_BASE, DESCRIPTORS + 0x100);
	cbx_register_write(machine, CBX_IDTR_LIMIT, 0xff);
	for (unsigned n = 0; n < 6; n++) {
		cbx_register_write(machine, CBX_ES + n, n == 1 ? 8 : 16);
		cbx_register_write(machine, CBX_ES_BASE + n, 0);
		cbx_register_write(machine, CBX_ES_LIMIT + n, 0xffffffff);
		cbx_register_write(machine, CBX_ES_ATTRIBUTES + n, n == 1 ? 0xc09b : 0xc093);
	}
	cbx_register_write(machine, CBX_CR0, 0x11);
	cbx_register_write(machine, CBX_RFLAGS, 2);
	cbx_register_write(machine, CBX_FCW, 0x37f);
	cbx_register_write(machine, CBX_RSP, 0x4000);
	cbx_register_write(machine, CBX_RIP, CODE);
}

static uint64_t reg(struct cbx_machine *machine, enum cbx_register which)
{
	uint64_t value;

	assert_int_equal(cbx_register_read(machine, which, &value), CBX_OK);
	return value;
}

static void go(struct cbx_machine *machine, uint64_t instructions)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = instructions };
	struct cbx_stop stop;

	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
}

static void save_and_load(struct cbx_machine *machine)
{
	uint64_t hash = cbx_state_hash(machine);
	size_t size;
	void *data;

	assert_int_equal(cbx_snapshot_save(machine, &data, &size), CBX_OK);
	assert_int_equal(cbx_snapshot_load(machine, data, size), CBX_OK);
	cbx_buffer_free(machine, data);
	assert_true(cbx_state_hash(machine) == hash);
}

/* ---- Edges --------------------------------------------------------------------------------------- */

/* Reads and writes back 1, 2, 4, 8, 10, 16 and 108 bytes at each address of the table. */
static const uint8_t touch[] = {
	0xbe, 0, TABLE >> 8, 0, 0,      /* mov esi, TABLE */
	0x8b, 0x1e,                     /* next: mov ebx, [esi] */
	0x8a, 0x03, 0x88, 0x03,         /* al */
	0x66, 0x8b, 0x03, 0x66, 0x89, 0x03,
	0x8b, 0x03, 0x89, 0x03,
	0xdf, 0x2b, 0xdf, 0x3b,         /* fild qword, fistp qword */
	0xdb, 0x2b, 0xdb, 0x3b,         /* fld tword, fstp tword */
	0xdd, 0x33, 0xdd, 0x23,         /* fnsave, frstor */
	0xdb, 0xe3,                     /* fninit */
	0x0f, 0xc7, 0x0b,               /* cmpxchg8b [ebx] */
	0x83, 0x03, 0x00,               /* add dword [ebx], 0 */
	0x87, 0x03, 0x87, 0x03,         /* xchg [ebx], eax */
	0x56, 0x89, 0xde, 0x89, 0xdf, 0xb9, 9, 0, 0, 0, 0xf3, 0xa5,     /* rep movsd */
	0x89, 0xde, 0x8d, 0x7b, 1, 0xb9, 5, 0, 0, 0, 0xf3, 0xa4,       /* rep movsb, overlapping */
	0x89, 0xdf, 0xb9, 3, 0, 0, 0, 0x66, 0xf3, 0xab,               /* rep stosw */
	0x89, 0xdf, 0xba, 0x1f, 0x02, 0, 0, 0xb9, 3, 0, 0, 0, 0xf3, 0x6d, /* rep insd from nowhere */
	0x5e,
	0x83, 0xc6, 4,                  /* add esi, 4 */
	0x83, 0x3e, 1,                  /* cmp dword [esi], 1 */
	0x74, 0x05, 0xe9, 0xff, 0xff, 0xff, 0xff,       /* je .+5; jmp next, see edges() */
	0xf4
};

static void edges(void **state)
{
	static const uint32_t places[] = {
		0x9fc00, 0xa0000, 0xa8000, 0xb0000, 0xb8000, 0xc0000, 0xc4000, 0xc8000, 0xd0000, 0xe0000,
		0xe8000, 0xf0000, 0x100000, RAM, RAM + 0x100000, LFB, LFB + VRAM, LFB + 0x1000000,
		0xe1000000, 0xfec00000, 0xfee00000, 0xfff80000, 0xfffc0000, 0xfffe0000, 0xffff0000, 0
	};
	static const int steps[] = { -108, -16, -10, -9, -8, -7, -5, -4, -3, -2, -1, 0, 1, 3 };
	struct cbx_machine *machine = new_pc(NULL);
	unsigned count = 0;

	(void)state;
	/* Twice: with ROM as it is at power-on, and with all of C0000h-FFFFFh shadowed by RAM. */
	for (unsigned shadow = 0; shadow < 2; shadow++) {
		for (unsigned map = 0; map < 6; map++) {
			cbx_machine_reset(machine);
			place(machine);
			for (unsigned n = 0x58; shadow && n < 0x60; n += 4)
				config(machine, 0, 0, n, 0x33333333);
			out(machine, 0x3c4, 0x0f02, 2);
			out(machine, 0x3c4, map & 1 ? 0x0e04 : 0x0604, 2);
			out(machine, 0x3ce, (map < 4 ? map : 1) << 10 | 0x06, 2);
			if (map > 3) {                  /* 640 x 480 x 32, and in banks */
				static const uint16_t vbe[] = { 0, 0xb0c5, 1, 640, 2, 480, 3, 32 };

				for (unsigned n = 0; n < 8; n += 2) {
					out(machine, 0x1ce, vbe[n], 2);
					out(machine, 0x1cf, vbe[n + 1], 2);
				}
				out(machine, 0x1ce, 4, 2);
				out(machine, 0x1cf, map == 4 ? 0x41 : 0x01, 2);
			}
			flat(machine);
			put(machine, CODE, touch, sizeof(touch));
			put_word(machine, CODE + sizeof(touch) - 5, (uint32_t)(6 - sizeof(touch)));
			count = 0;
			for (unsigned n = 0; n < sizeof(places) / sizeof(places[0]); n++)
				for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
					if (places[n] || steps[i] < 0)
						put_word(machine, TABLE + 4 * count++,
						      places[n] + (uint32_t)steps[i]);
			put_word(machine, TABLE + 4 * count, 1);
			go(machine, 200 * count);
			assert_int_equal(reg(machine, CBX_RIP), CODE + sizeof(touch));
			assert_int_equal(reg(machine, CBX_RSI), TABLE + 4 * count);
			save_and_load(machine);
		}
	}
	cbx_machine_free(machine);
}

/* ---- Ports and indices --------------------------------------------------------------------------- */

/* Every port, in every width; afterwards the machine still resets and runs. */
static void all_ports(void **state)
{
	static const uint32_t values[] = { 0, 0xffffffff, 0x5aa55aa5, 1 };
	struct cbx_machine *machine = new_pc(NULL);

	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		place(machine);
		for (unsigned port = 0; port < 0x10000; port++) {
			for (unsigned width = 1; width <= 4; width *= 2) {
				in(machine, port, width);
				out(machine, port, values[round], width);
			}
			if (port % 1024 == 0)
				go(machine, 10);
		}
		save_and_load(machine);
		cbx_machine_reset(machine);
	}
	go(machine, 100000);
	cbx_machine_free(machine);
}

/* Every index of every pair of index and data, read and written. */
static void all_indices(void **state)
{
	static const struct { uint16_t index, data; unsigned count, width; } pairs[] = {
		{ 0x70, 0x71, 256, 1 }, { 0x72, 0x73, 256, 1 }, { 0x3c4, 0x3c5, 256, 1 },
		{ 0x3ce, 0x3cf, 256, 1 }, { 0x3d4, 0x3d5, 256, 1 }, { 0x3b4, 0x3b5, 256, 1 },
		{ 0x3c7, 0x3c9, 256, 1 }, { 0x3c8, 0x3c9, 256, 1 }, { 0x3c0, 0x3c1, 256, 1 },
		{ 0x3c0, 0x3c0, 256, 1 }, { 0x1ce, 0x1cf, 65536, 2 }, { 0x510, 0x511, 65536, 2 },
		{ 0x3f0, 0x3f1, 256, 1 }, { 0x2e, 0x2f, 256, 1 }, { 0x22, 0x23, 256, 1 },
	};
	struct cbx_machine *machine = new_pc(NULL);

	(void)state;
	place(machine);
	for (size_t n = 0; n < sizeof(pairs) / sizeof(pairs[0]); n++) {
		for (unsigned index = 0; index < pairs[n].count; index++) {
			for (unsigned i = 0; i < 3; i++) {
				out(machine, pairs[n].index, index, pairs[n].width);
				in(machine, pairs[n].data, pairs[n].width);
				in(machine, pairs[n].data, 1);
				out(machine, pairs[n].index, index, pairs[n].width);
				out(machine, pairs[n].data, i == 0 ? 0 : i == 1 ? 0xffff : index * 37,
				    pairs[n].width);
			}
		}
		go(machine, 10);
		save_and_load(machine);
	}
	/* PCI: every register of every function of bus 0, some of others. */
	for (unsigned at = 0; at < 0x1000000; at += at < 0x10000 ? 4 : 0x10404) {
		for (unsigned width = 1; width <= 4; width *= 2) {
			out(machine, 0xcf8, 0x80000000 | at, 4);
			in(machine, 0xcfc + (at / 4 & 3), width);
			out(machine, 0xcfc + (at / 4 & 3), at % 3 ? 0xffffffff : at * 0x9e3779b9u, width);
		}
	}
	go(machine, 1000);
	save_and_load(machine);
	cbx_machine_free(machine);
}

/* Every command byte of what takes commands, followed by far too much data. */
static void endless_data(void **state)
{
	static const struct { uint16_t command, data; unsigned count; } chips[] = {
		{ 0x64, 0x60, 5000 }, { 0x60, 0x60, 5000 }, { 0x3f5, 0x3f5, 5000 }, { 0x43, 0x40, 100 },
		{ 0x20, 0x21, 100 }, { 0xa0, 0xa1, 100 }, { 0x3fa, 0x3f8, 5000 }, { 0x1f7, 0x1f0, 5000 },
		{ 0x177, 0x170, 5000 }, { 0x0b, 0x01, 100 }, { 0xd6, 0xc2, 100 },
	};
	static uint8_t characters[65537];
	struct cbx_machine *machine = new_pc(NULL);
	size_t taken;

	(void)state;
	place(machine);
	for (size_t n = 0; n < sizeof(chips) / sizeof(chips[0]); n++) {
		for (unsigned command = 0; command < 256; command++) {
			out(machine, chips[n].command, command, 1);
			for (unsigned i = 0; i < chips[n].count; i++) {
				out(machine, chips[n].data, command + i, 1);
				if (i % 4 == 0)
					in(machine, chips[n].data, i % 8 ? 1 : 4);
			}
			go(machine, 5);
			assert_int_equal(cbx_serial_input(machine, 0, characters, command ? 300 : 65537,
							  &taken), CBX_OK);
		}
		save_and_load(machine);
	}
	cbx_machine_free(machine);
}

/* ---- Bus masters ----------------------------------------------------------------------------------- */

static void read_disk(struct cbx_machine *machine, uint32_t address, uint32_t length)
{
	put_word(machine, PRD, address);
	put_word(machine, PRD + 4, 0x80000000 | (length & 0xffff));
	out(machine, MASTER, 0, 1);
	out(machine, 0x3f6, 4, 1);
	out(machine, 0x3f6, 0, 1);
	go(machine, 5000);
	out(machine, MASTER + 4, PRD, 4);
	out(machine, MASTER + 2, 6, 1);
	out(machine, 0x1f6, 0xe0, 1);
	out(machine, 0x1f2, 8, 1);
	out(machine, 0x1f3, 0, 1);
	out(machine, 0x1f4, 0, 1);
	out(machine, 0x1f5, 0, 1);
	out(machine, 0x1f7, 0xc8, 1);
	out(machine, MASTER, 9, 1);
	go(machine, 2000000);
	out(machine, MASTER, 0, 1);
}

/* The display's and the system's, without what lies between. */
enum { ROMS = 0x18000 };

static enum cbx_status read_roms(struct cbx_machine *machine, uint8_t *bytes)
{
	enum cbx_status status = cbx_memory_read(machine, 0xc0000, bytes, 0x8000);

	return status ? status : cbx_memory_read(machine, 0xf0000, bytes + 0x8000, 0x10000);
}

static const uint8_t spin[] = { 0xeb, 0xfe };

static void bus_masters(void **state)
{
	static const uint32_t places[] = {
		0xa0000, 0xb8000, 0xc0000, 0xf0000, LFB, LFB + VRAM - 2, RAM - 512, RAM, 0xfec00000,
		0xfee00000, 0xffff0000, 0xfffffffe, 0x9fffe, 0xbfffe, 0xffffe, PRD - 2, PRD
	};
	static uint8_t before[ROMS], after[ROMS];
	struct cbx_machine *machine = new_pc(NULL);

	(void)state;
	place(machine);
	flat(machine);
	put(machine, CODE, spin, sizeof(spin));
	for (size_t n = 0; n < sizeof(places) / sizeof(places[0]); n++) {
		for (uint32_t at = 0; at < VRAM; at += 508)
			memory_write(machine, LFB + at, at, 4);
		assert_int_equal(read_roms(machine, before), CBX_OK);
		read_disk(machine, places[n], 4096);
		assert_int_equal(read_roms(machine, after), CBX_OK);
		/* ROM stays what it is, and the display's memory behind the VGA's windows. */
		assert_memory_equal(before, after, ROMS);
		for (uint32_t at = 0; at < VRAM && places[n] - LFB >= VRAM; at += 508)
			assert_int_equal(memory_read(machine, LFB + at, 4), at);
		assert_int_equal(reg(machine, CBX_RIP), CODE);
	}
	/* Where there is RAM it arrives. */
	read_disk(machine, 0x20000, 4096);
	assert_int_equal(cbx_memory_read(machine, 0x20000, after, 4096), CBX_OK);
	assert_memory_equal(after, disk_bytes, 4096);
	/* Onto the code that runs: the new code is what goes on. */
	memset(disk_bytes, 0x90, 4096);
	memcpy(disk_bytes + 0x20, "\xb8\x78\x56\x34\x12\xeb\xfe", 7);   /* mov eax, 12345678h; jmp $ */
	read_disk(machine, CODE, 512);
	assert_int_equal(reg(machine, CBX_RAX), 0x12345678);
	/* Onto page tables in use: entries in the TLB may live on, nothing worse. */
	flat(machine);
	put(machine, CODE, spin, sizeof(spin));
	put_word(machine, PAGES, (PAGES + 0x1000) | 3);
	for (unsigned n = 0; n < 1024; n++)
		put_word(machine, PAGES + 0x1000 + 4 * n, n << 12 | 3);
	cbx_register_write(machine, CBX_CR3, PAGES);
	cbx_register_write(machine, CBX_CR0, 0x80000011);
	read_disk(machine, PAGES, 4096);
	go(machine, 1000);
	cbx_machine_free(machine);
}

/* The ISA DMA controller likewise: a floppy read to all the wrong places. */
static void isa_dma(void **state)
{
	static const uint32_t places[] = { 0xa0000, 0xb8000, 0xc0000, 0xf0000, 0xffff00, RAM, 0x9fff0 };
	static const uint8_t command[] = { 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff };
	static uint8_t before[ROMS], after[ROMS];
	struct cbx_machine *machine = new_pc(NULL);

	(void)state;
	memset(floppy_bytes, 0x5a, sizeof(floppy_bytes));
	place(machine);
	flat(machine);
	put(machine, CODE, spin, sizeof(spin));
	out(machine, 0xd6, 0xc0, 1);            /* the cascade */
	out(machine, 0xd4, 0, 1);
	assert_int_equal(read_roms(machine, before), CBX_OK);
	for (size_t n = 0; n < sizeof(places) / sizeof(places[0]); n++) {
		out(machine, 0x3f2, 0, 1);
		out(machine, 0x3f2, 0x1c, 1);
		go(machine, 500000);
		for (unsigned i = 0; i < 4; i++) {
			out(machine, 0x3f5, 8, 1);
			in(machine, 0x3f5, 1);
			in(machine, 0x3f5, 1);
		}
		out(machine, 0x3f7, 0, 1);
		out(machine, 0x3f5, 3, 1);
		out(machine, 0x3f5, 0xdf, 1);
		out(machine, 0x3f5, 2, 1);
		out(machine, 0x0c, 0, 1);
		out(machine, 0x0b, 0x46, 1);
		out(machine, 0x04, places[n] & 0xff, 1);
		out(machine, 0x04, places[n] >> 8 & 0xff, 1);
		out(machine, 0x81, places[n] >> 16, 1);
		out(machine, 0x05, 0xff, 1);
		out(machine, 0x05, 0xff, 1);
		out(machine, 0x0a, 2, 1);
		for (unsigned i = 0; i < sizeof(command); i++)
			out(machine, 0x3f5, command[i], 1);
		go(machine, 50000000);
		assert_int_equal(reg(machine, CBX_RIP), CODE);
		assert_int_equal(read_roms(machine, after), CBX_OK);
		assert_memory_equal(before, after, ROMS);
	}
	/* The last of them was RAM up to 640K. */
	assert_int_equal(cbx_memory_read(machine, 0x9fff0, after, 16), CBX_OK);
	assert_memory_equal(after, floppy_bytes, 16);
	cbx_machine_free(machine);
}

/* Media that go, come and change in the middle of a transfer, with resets and new commands. */
static void media_changes(void **state)
{
	static const uint8_t packet[12] = { 0x28, 0, 0, 0, 0, 0, 0, 0, 8 };
	static const uint8_t command[] = { 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff };
	struct cbx_disk_backend none = { 0 };
	struct cbx_disk_backend cd = { .bytes = CD, .read = disk_read, .user = disk_bytes, .read_only = true };
	struct cbx_disk_backend floppies[2] = {
		{ .bytes = FLOPPY, .read = disk_read, .write = disk_write, .user = floppy_bytes },
		{ .bytes = 368640, .read = disk_read, .write = disk_write, .user = floppy_bytes }
	};
	struct cbx_machine *machine = new_pc(NULL);

	(void)state;
	place(machine);
	flat(machine);
	put(machine, CODE, spin, sizeof(spin));
	for (unsigned n = 0; n < 200; n++) {
		out(machine, 0x171, 0, 1);
		out(machine, 0x174, 0, 1);
		out(machine, 0x175, 8, 1);
		out(machine, 0x177, 0xa0, 1);
		go(machine, 1 + n * 100);
		for (unsigned i = 0; i < 12; i += 2)
			out(machine, 0x170, (uint32_t)(packet[i] | packet[i + 1] << 8), 2);
		go(machine, 100000);
		for (unsigned i = 0; i < n * 41; i++)
			in(machine, 0x170, 2);
		cbx_drive_change(machine, CBX_IDE_2, n & 1 ? &cd : &none);
		if (n % 7 == 0)
			out(machine, 0x177, n % 2 ? 0x08 : 0xa1, 1);
		for (unsigned i = 0; i < 9000; i++) {
			in(machine, 0x170, 2);
			if (i % 1000 == 0)
				go(machine, 1000);
		}
		if (n % 5 == 0) {
			out(machine, 0x376, 4, 1);
			out(machine, 0x376, 0, 1);
		}

		out(machine, 0x3f2, n & 3 ? 0x1c : 0, 1);
		out(machine, 0x3f2, 0x1c, 1);
		for (unsigned i = 0; i < sizeof(command); i++)
			out(machine, 0x3f5, command[i], 1);
		go(machine, 1 + n * 1000);
		cbx_drive_change(machine, CBX_FLOPPY_A, n % 3 ? &floppies[n & 1] : &none);
		if (n % 11 == 0)
			out(machine, 0x3f2, 0, 1);
		go(machine, 100000);
		for (unsigned i = 0; i < 8; i++)
			in(machine, 0x3f5, 1);
		if (n % 20 == 0)
			save_and_load(machine);
	}
	assert_int_equal(reg(machine, CBX_RIP), CODE);
	cbx_machine_free(machine);
}

/* ---- The host --------------------------------------------------------------------------------------- */

static unsigned messages;

static void message(void *user, const char *device, const char *text)
{
	(void)user;
	assert_non_null(device);
	assert_non_null(text);
	messages++;
}

/* More keys, movement, characters and text than a machine has room for; it does not grow. */
static void floods(void **state)
{
	static char text[1 << 17];
	static uint8_t characters[65537];
	struct allocator allocator = { 0 };
	struct cbx_machine *machine = new_pc(&allocator);
	size_t taken, most;

	(void)state;
	messages = 0;
	cbx_machine_set_log(machine, message, NULL);
	memset(text, 'x', sizeof(text) - 1);
	go(machine, 100000);
	flat(machine);
	put(machine, CODE, spin, sizeof(spin));
	go(machine, 1000);
	/* All the memory that the machine was made with is in use. */
	place(machine);
	for (uint32_t at = 0; at < RAM; at += 4096)
		if (at != (CODE & ~0xfffu))
			memory_write(machine, at + 4092, 0x12345678, 4);
	for (uint32_t at = 0; at < VRAM; at += 4096)
		memory_write(machine, LFB + at, 0x12345678, 4);
	most = allocator.most;
	for (unsigned n = 0; n < 100000; n++) {
		cbx_key(machine, n & 0x1ff, n & 1);
		cbx_mouse(machine, (int)(n * 7919), INT32_MIN + (int)n, INT32_MAX, n);
		cbx_power_button(machine);
		if (n % 1000 == 0) {
			cbx_type_text(machine, text);
			go(machine, 100);
		}
	}
	for (size_t n = 0; n <= sizeof(characters); n = n ? 2 * n - (n > 1 && n % 2 == 0) : 1) {
		for (unsigned port = 0; port < 4; port++) {
			assert_int_equal(cbx_serial_input(machine, port, characters, n, &taken), CBX_OK);
			assert_true(taken <= n);
		}
	}
	assert_int_equal(cbx_serial_input(machine, 4, characters, 1, &taken), CBX_ERROR_ARGUMENT);
	/* What a guest can provoke devices to say is bounded as well. */
	for (unsigned n = 0; n < 200000; n++) {
		out(machine, n & 0xff0, n * 0x9e3779b9u, 4);
		out(machine, 0x1f7, n, 1);
		out(machine, 0x3f5, n, 1);
	}
	go(machine, 1000000);
	assert_in_range(messages, 0, 1001);
	/* A snapshot's buffer comes on top and goes again. */
	assert_in_range(allocator.most, most, most + (64 << 10));
	cbx_machine_free(machine);
	assert_int_equal(allocator.used, 0);
}

/* Machines made of zeros and of dirt are the same machine, to the last byte that is saved. */
static void dirty_memory(void **state)
{
	struct allocator allocators[2] = { { .dirt = 0 }, { .dirt = 0xa5 } };
	struct cbx_machine *machines[2];
	void *data[2];
	size_t size[2];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned n = 0; n < 2; n++) {
			uint8_t page[4096];

			if (round)
				cbx_machine_reset(machines[n]);
			else
				machines[n] = new_pc(&allocators[n]);
			assert_int_equal(cbx_memory_read(machines[n], 0x200000, page, sizeof(page)), CBX_OK);
			for (unsigned i = 0; i < sizeof(page); i++)
				assert_int_equal(page[i], 0);
			go(machines[n], 3000000);
			assert_int_equal(cbx_snapshot_save(machines[n], &data[n], &size[n]), CBX_OK);
		}
		assert_int_equal(size[0], size[1]);
		assert_memory_equal(data[0], data[1], size[0]);
		for (unsigned n = 0; n < 2; n++)
			cbx_buffer_free(machines[n], data[n]);
	}
	for (unsigned n = 0; n < 2; n++) {
		cbx_machine_free(machines[n]);
		assert_int_equal(allocators[n].used, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges), cmocka_unit_test(all_ports), cmocka_unit_test(all_indices),
		cmocka_unit_test(endless_data), cmocka_unit_test(bus_masters), cmocka_unit_test(isa_dma),
		cmocka_unit_test(media_changes), cmocka_unit_test(floods),
		cmocka_unit_test(dirty_memory),
	};

	return cmocka_run_group_tests_name("hostile PC", tests, NULL, NULL);
}
