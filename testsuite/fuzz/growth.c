/*
 * A PC whose guest does nothing sensible and never rests: random bytes executed in real mode, in
 * protected mode with and without paging and in 64-bit mode, every exception going on at a random
 * address, all devices within reach.  However long that goes on, the machine holds no more memory
 * than it was made for.
 *
 * usage: growth [-n MILLIONS] [-seed S]         millions of instructions; a thousand, to be thorough
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "machine.h"

enum { RAM = 8 << 20, VRAM = 1 << 20, DISK = 1 << 20, MILLION = 1000000, HANDLER = 0x500, SEED = 0x4f8 };
enum { GDT = 0x800, IDT = 0x1000, TABLES = 0x3000, CODE = 0x100000, CODE_BYTES = 0x200000 };
/* What is allocated on the way: a snapshot's buffers are not, and pages of ROM that became RAM are few. */
enum { SLACK = 1 << 20 };

struct allocator { size_t used, most; };
struct block { size_t size, pad; };

static void *allocate(void *user, void *memory, size_t size)
{
	struct allocator *a = user;
	struct block *old = memory ? (struct block *)memory - 1 : NULL, *made;

	a->used -= old ? old->size : 0;
	if (!size) {
		free(old);
		return NULL;
	}
	made = realloc(old, sizeof(*made) + size);
	if (!made) {
		a->used += old ? old->size : 0;
		return NULL;
	}
	made->size = size;
	a->used += size;
	if (a->used > a->most)
		a->most = a->used;
	return made + 1;
}

static uint64_t random_state = 1;

static uint32_t random32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

static uint8_t disk_bytes[DISK];

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

static struct cbx_machine *new_pc(struct allocator *allocator)
{
	struct cbx_pc_options options = { .size = sizeof(options), .vram_bytes = VRAM };
	struct cbx_disk_backend disk = { .bytes = DISK, .read = disk_read, .write = disk_write,
					 .user = disk_bytes };
	struct cbx_machine *machine;

	options.machine.memory_bytes = RAM;
	options.machine.reallocate = allocate;
	options.machine.user = allocator;
	options.ide[0].present = options.ide[2].present = options.ide[2].cdrom = true;
	options.ide[0].disk = options.ide[2].disk = options.floppy[0] = disk;
	options.floppy[0].bytes = 720 << 10;
	options.ide[2].disk.read_only = true;
	return cbx_pc_new(&options, &machine, NULL) ? NULL : machine;
}

/*
 * Where interrupts and exceptions end: stack and segments become good ones, the registers get the
 * next random numbers, and a random address in the code comes next.
 */
static const uint8_t handler16[] = {
	0x31, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0x2e, 0x66, 0xa1, 0xf8, 0x04, 0x66, 0x69,
	0xc0, 0x0d, 0x66, 0x19, 0x00, 0x66, 0x05, 0x5f, 0xf3, 0x6e, 0x3c, 0x2e, 0x66, 0xa3,
	0xf8, 0x04, 0x66, 0x89, 0xc1, 0x66, 0x89, 0xc2, 0x66, 0xc1, 0xca, 0x07, 0x66, 0x89,
	0xc3, 0x66, 0x0f, 0xcb, 0x8e, 0xd8, 0x8e, 0xc3, 0xb0, 0x20, 0xe6, 0x20, 0xe6, 0xa0,
	0x66, 0x89, 0xc8, 0x66, 0xc1, 0xe8, 0x08, 0x25, 0xf0, 0x7f, 0x80, 0xcc, 0x10, 0x50,
	0x51, 0xfb, 0xcb,
};
static const uint8_t handler32[] = {
	0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x00, 0x09,
	0x00, 0xa1, 0xf8, 0x04, 0x00, 0x00, 0x69, 0xc0, 0x0d, 0x66, 0x19, 0x00, 0x05, 0x5f,
	0xf3, 0x6e, 0x3c, 0xa3, 0xf8, 0x04, 0x00, 0x00, 0x89, 0xc2, 0xc1, 0xca, 0x07, 0x89,
	0xc1, 0x0f, 0xc9, 0x89, 0xc3, 0xb0, 0x20, 0xe6, 0x20, 0xe6, 0xa0, 0x89, 0xde, 0xc1,
	0xee, 0x0a, 0x81, 0xe6, 0xff, 0xff, 0x1f, 0x00, 0x81, 0xc6, 0x00, 0x00, 0x10, 0x00,
	0x89, 0xf7, 0x81, 0xf7, 0xf0, 0x3f, 0x00, 0x00, 0xfb, 0xff, 0xe6,
};
static const uint8_t handler64[] = {
	0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd0, 0xbc, 0x00, 0x00, 0x09, 0x00, 0x8b, 0x04, 0x25,
	0xf8, 0x04, 0x00, 0x00, 0x69, 0xc0, 0x0d, 0x66, 0x19, 0x00, 0x05, 0x5f, 0xf3, 0x6e,
	0x3c, 0x89, 0x04, 0x25, 0xf8, 0x04, 0x00, 0x00, 0x89, 0xc2, 0xc1, 0xca, 0x07, 0x89,
	0xc1, 0x0f, 0xc9, 0x89, 0xc3, 0xb0, 0x20, 0xe6, 0x20, 0xe6, 0xa0, 0x89, 0xde, 0xc1,
	0xee, 0x0a, 0x81, 0xe6, 0xff, 0xff, 0x1f, 0x00, 0x81, 0xc6, 0x00, 0x00, 0x10, 0x00,
	0x89, 0xf7, 0x81, 0xf7, 0xf0, 0x3f, 0x00, 0x00, 0x49, 0x89, 0xf0, 0x49, 0x89, 0xd1,
	0xfb, 0xff, 0xe6,
};

static void put_word(uint8_t *bytes, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static void set(struct cbx_machine *machine, enum cbx_register which, uint64_t value)
{
	cbx_register_write(machine, which, value);
}

/* A segment register as if loaded from a flat descriptor. */
static void set_segment(struct cbx_machine *machine, unsigned n, uint64_t selector, uint32_t limit,
			uint32_t attributes)
{
	set(machine, CBX_ES + n, selector);
	set(machine, CBX_ES_BASE + n, 0);
	set(machine, CBX_ES_LIMIT + n, limit);
	set(machine, CBX_ES_ATTRIBUTES + n, attributes);
}

enum world { REAL, PROTECTED, PAGED, LONG, MODES };

/* Identity: in PAE form with 2 MiB pages, with a PML4 above for 64 bits; else 4 MiB pages. */
static void make_tables(uint8_t *at, enum world world)
{
	memset(at, 0, 0x6000);
	if (world == PAGED) {
		for (unsigned i = 0; i < 1024; i++)
			put_word(at + 4 * i, i << 22 | 0x87, 4);
		return;
	}
	put_word(at, (TABLES + 0x1000) | 7, 8);
	for (unsigned i = 0; i < 4; i++)
		put_word(at + 0x1000 + 8 * i, (TABLES + 0x2000 + i * 0x1000) | 7, 8);
	for (unsigned i = 0; i < 2048; i++)
		put_word(at + 0x2000 + 8 * i, (uint64_t)i << 21 | 0x87, 8);
}

/* The first 36 KiB of a world: vectors or descriptors, the handler, page tables. */
static void make_low(uint8_t *low, enum world world)
{
	memset(low, 0, 0x9000);
	put_word(low + GDT + 8, world == LONG ? 0x00af9b000000ffff : 0x00cf9b000000ffff, 8);
	put_word(low + GDT + 16, 0x00cf93000000ffff, 8);
	for (unsigned i = 0; i < 256; i++) {
		if (world == REAL)
			put_word(low + 4 * i, HANDLER, 4);
		else
			put_word(low + IDT + (world == LONG ? 16 : 8) * i, 0x8e0000080000 | HANDLER, 8);
	}
	make_tables(low + TABLES, world);
	if (world == REAL)
		memcpy(low + HANDLER, handler16, sizeof(handler16));
	else if (world == LONG)
		memcpy(low + HANDLER, handler64, sizeof(handler64));
	else
		memcpy(low + HANDLER, handler32, sizeof(handler32));
}

static void plant_code(struct cbx_machine *machine)
{
	static uint8_t code[CODE_BYTES];

	for (unsigned i = 0; i < sizeof(code); i += 4) {
		uint32_t word = random32();

		memcpy(code + i, &word, 4);
	}
	cbx_memory_write(machine, CODE, code, sizeof(code));
	cbx_memory_write(machine, 0x10000, code, 0x80000);
}

/* Puts the processor into a world, at its handler. */
static void plant(struct cbx_machine *machine, enum world world)
{
	/* Interrupt controllers at vectors 20h and 28h, timer 0 every 100 us. */
	static const uint8_t chips[][2] = {
		{ 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 4 }, { 0x21, 1 }, { 0x21, 0x80 },
		{ 0xa0, 0x11 }, { 0xa1, 0x28 }, { 0xa1, 2 }, { 0xa1, 1 }, { 0xa1, 0 },
		{ 0x43, 0x34 }, { 0x40, 119 }, { 0x40, 0 }
	};
	static uint8_t low[MODES][0x9000];
	bool real = world == REAL;

	if (!low[world][HANDLER])
		make_low(low[world], world);
	put_word(low[world] + SEED, random32(), 4);
	cbx_memory_write(machine, 0, low[world], sizeof(low[world]));
	machine->cpu->activity = ACTIVITY_RUNNING;
	set(machine, CBX_CR0, 0x10);
	set(machine, CBX_EFER, 0);
	set(machine, CBX_CR4, world == LONG ? 0x6b0 : 0x610);
	set(machine, CBX_CR3, TABLES);
	set(machine, CBX_EFER, world == LONG ? 0x100 : 0);
	set(machine, CBX_CR0, real ? 0x10 : world == PROTECTED ? 0x11 : 0x80000011);
	for (unsigned n = 0; n < 6; n++)
		set_segment(machine, n, real ? 0 : n == 1 ? 8 : 0x10, real ? 0xffff : 0xffffffff,
			    n == 1 ? (real ? 0x9b : world == LONG ? 0xa09b : 0xc09b) : real ? 0x93 : 0xc093);
	set(machine, CBX_GDTR_BASE, GDT);
	set(machine, CBX_GDTR_LIMIT, 23);
	set(machine, CBX_IDTR_BASE, real ? 0 : IDT);
	set(machine, CBX_IDTR_LIMIT, real ? 0x3ff : world == LONG ? 4095 : 2047);
	set(machine, CBX_RFLAGS, 2);
	set(machine, CBX_RIP, HANDLER);
	/* A clock that goes on where a HLT would be for ever. */
	for (unsigned i = 0; i < sizeof(chips) / sizeof(chips[0]); i++)
		port_write(machine, chips[i][0], chips[i][1], 1);
}

/* Returns how many instructions that were. */
static uint64_t run(struct cbx_machine *machine, uint64_t instructions, unsigned *resets)
{
	/* A guest that halts may wait long for an interrupt that is masked. */
	struct cbx_run_options options = { .size = sizeof(options), .instructions = instructions,
					   .guest_nanoseconds = 20 * MILLION, .stop_on_triple_fault = true, .stop_on_reset = true };
	struct cbx_stop stop;

	if (cbx_run(machine, &options, &stop)) {
		fprintf(stderr, "growth: %s\n", cbx_machine_error(machine));
		exit(1);
	}
	if (stop.reason != CBX_STOP_LIMIT) {
		if (stop.reason == CBX_STOP_HOST_MEMORY) {
			fprintf(stderr, "growth: no memory\n");
			exit(1);
		}
		++*resets;
		if (random32() % 64 == 0)
			cbx_machine_reset(machine);
	}
	return stop.instructions ? stop.instructions : 1;
}

/* KiB of host memory that the process has had at most; 0: the host does not tell. */
static unsigned long resident(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	unsigned long kib = 0;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			break;
	fclose(file);
	return kib;
}

int main(int argc, char **argv)
{
	uint64_t total = 10, done = 0, seed = 1, done_in[MODES] = { 0 };
	struct allocator allocator = { 0 };
	struct cbx_machine *machine;
	unsigned long first = 0, last;
	unsigned resets = 0;
	size_t limit;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "-n"))
			total = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "-seed"))
			seed = strtoull(argv[i + 1], NULL, 0);
	}
	random_state = seed * 0x9e3779b97f4a7c15 | 1;
	total *= MILLION;
	machine = new_pc(&allocator);
	if (!machine)
		return 1;
	limit = allocator.used + RAM + VRAM + SLACK;
	while (done < total) {
		enum world world = random32() % MODES;
		uint64_t piece = total / 64 < MILLION / 2 ? total / 64 + 1 : MILLION / 2, used = 0;

		plant_code(machine);
		plant(machine, world);
		while (used < piece) {
			uint64_t count = run(machine, piece - used, &resets);

			used += count;
			if (used < piece)
				plant(machine, world);
		}
		done_in[world] += used;
		done += used;
		if (!first && done > total / 4)
			first = resident();
		if (allocator.most > limit) {
			fprintf(stderr, "growth: seed %llu: %zu bytes after %llu instructions, %zu were asked for\n",
				(unsigned long long)seed, allocator.most, (unsigned long long)done, limit);
			return 1;
		}
	}
	last = resident();
	printf("growth: %llu million instructions (real %llu, protected %llu, paged %llu, long %llu), %u stops; "
	       "%zu KiB allocated at most, %lu KiB resident after a quarter, %lu in the end\n",
	       (unsigned long long)(done / MILLION), (unsigned long long)done_in[REAL],
	       (unsigned long long)done_in[PROTECTED], (unsigned long long)done_in[PAGED],
	       (unsigned long long)done_in[LONG], resets, allocator.most >> 10, first, last);
	cbx_machine_free(machine);
	if (allocator.used) {
		fprintf(stderr, "growth: %zu bytes were not given back\n", allocator.used);
		return 1;
	}
	/* The guest may not have touched all of its memory in the first quarter. */
	return last > first + ((RAM + VRAM + SLACK) >> 10);
}
