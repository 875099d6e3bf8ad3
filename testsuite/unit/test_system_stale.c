/*
 * Stale TLB entries: random programs that rewrite page tables under their own feet, invalidate
 * now and then, and read, write, change and run what they then see.  In protected mode, and in
 * 64-bit mode with large pages and PCIDs.  Where they end must not
 * depend on caches, on the length of blocks, or on being saved and loaded on the way.
 */
#define _POSIX_C_SOURCE 200112L         /* setenv */
#include "long_guest.h"

#include <stdlib.h>
#include <string.h>

enum {
	P = 1, W = 2, G = 0x100,
	DIRECTORY = 0x100000, LOW_TABLE = 0x101000, TABLES = 0x102000,
	/* Three windows of 4 MiB: a page has the same place in the TLB in each of them. */
	WINDOWS = 0x800000, WINDOW = 0x400000, PAGES = 6, PHYSICAL = 0x200000, PHYSICAL_PAGES = 8,
	ROUTINE = 0x100,                /* add esi, n; ret: in every page */
	NOWHERE = 0x8000000,            /* no memory is there */
	/* The same in 64-bit mode: long_new's tables, with page tables below them. */
	ROOT = TABLES_AT, PAGE_DIRECTORY = TABLES_AT + 0x2000, LONG_TABLES = 0x110000,
	PCIDE = 0x20000, PS = 0x80,
	GROUPS = 300, STEPS = 3000
};

static uint64_t seed;

static uint32_t pick(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

struct program {
	bool wide;                      /* 64-bit code */
	uint8_t bytes[GROUPS * 16];
	uint32_t size;
};

static void put(struct program *program, const char *bytes, size_t count)
{
	memcpy(program->bytes + program->size, bytes, count);
	program->size += (uint32_t)count;
}

static void put32(struct program *program, uint32_t value)
{
	for (unsigned n = 0; n < 4; n++)
		program->bytes[program->size++] = (uint8_t)(value >> 8 * n);
}

#define PUT(program, bytes) put(program, bytes, sizeof(bytes) - 1)

static uint32_t page(void)
{
	return WINDOWS + pick(3) * WINDOW + pick(PAGES) * 4096;
}

static uint32_t somewhere(void)
{
	/* Also across pages, and in the code that is in each page. */
	static const uint32_t offsets[] = { 0x800, 0x804, 0x900, 0xffe, ROUTINE + 2 };

	return page() + offsets[pick(5)];
}

static uint32_t table_entry(void)
{
	uint32_t rights = (pick(8) ? P : 0) | (pick(4) ? W : 0) | (pick(3) ? 0 : G) | pick(4) << 5;

	return (pick(12) ? PHYSICAL + pick(PHYSICAL_PAGES) * 4096 : NOWHERE) | rights;
}

static void put64(struct program *program, uint64_t value)
{
	put32(program, (uint32_t)value);
	put32(program, (uint32_t)(value >> 32));
}

/* What only 64-bit code does here. */
static void put_wide(struct program *program)
{
	unsigned window = pick(3);

	switch (pick(3)) {
	case 0:                                         /* mov rax, PCID and bit 63; mov cr3, rax */
		PUT(program, "\x48\xb8");
		put64(program, ROOT | pick(3) | (uint64_t)(pick(4) != 0) << 63);
		PUT(program, "\x0f\x22\xd8");
		break;
	case 1:                                         /* mov eax, type; invpcid */
		PUT(program, "\xb8");
		put32(program, pick(8) ? pick(2) : 2 + pick(2));
		PUT(program, "\x66\x0f\x38\x82\x04\x25");
		put32(program, DATA_AT + 16 * pick(32));
		break;
	default:                                        /* a window of 2 MiB pages, or not */
		PUT(program, "\xc7\x04\x25");
		put32(program, PAGE_DIRECTORY + (WINDOWS + window * WINDOW) / 0x200000 * 8);
		put32(program, pick(2) ? PHYSICAL | P | W | PS : (LONG_TABLES + window * 0x2000) | P | W);
		break;
	}
}

static void put_group(struct program *program)
{
	uint32_t kind = pick(24);

	if (program->wide && pick(8) == 0)
		put_wide(program);
	else if (kind < 6) {
		/* mov eax, [somewhere]; add esi, eax; rol esi, 3 */
		PUT(program, "\x8b\x04\x25");
		put32(program, somewhere());
		PUT(program, "\x01\xc6\xc1\xc6\x03");
	} else if (kind < 9) {
		PUT(program, "\x89\x34\x25");               /* mov [somewhere], esi */
		put32(program, somewhere());
	} else if (kind < 11) {
		PUT(program, "\x01\x34\x25");               /* add [somewhere], esi */
		put32(program, somewhere());
	} else if (kind < 13) {
		PUT(program, "\x80\x34\x25");               /* xor byte [somewhere], 1 */
		put32(program, somewhere());
		PUT(program, "\x01");
	} else if (kind < 17) {
		PUT(program, "\xe8");                   /* call a page */
		put32(program, page() + ROUTINE - (CODE_AT + program->size + 4));
	} else if (kind < 22) {
		PUT(program, "\xc7\x04\x25");               /* another page table entry */
		if (program->wide)
			put32(program, LONG_TABLES + pick(3) * 0x2000 + pick(PAGES) * 8);
		else
			put32(program, TABLES + pick(3) * 4096 + pick(PAGES) * 4);
		put32(program, table_entry());
	} else if (kind < 23) {
		PUT(program, "\x0f\x01\x3c\x25");           /* invlpg */
		put32(program, page());
	} else if (pick(2)) {
		PUT(program, "\x0f\x20\xd8\x0f\x22\xd8");       /* mov eax, cr3; mov cr3, eax */
	}
}

/* #PF: adds CR2 to ESI, maps the page to the first physical one, goes on. */
static const char fault_32[] = "\x0f\x20\xd3\x01\xde\xc1\xeb\x0c\xc7\x04\x9d\x00\x00\x10\x00"
			       "\x03\x00\x20\x00\x83\xc4\x04\xcf";
static const char fault_64[] = "\x0f\x20\xd3\x01\xde\xc1\xeb\x0c\xc7\x04\xdd\x00\xc0\x10\x00"
			       "\x03\x00\x20\x00\x48\x83\xc4\x08\x48\xcf";
/* #UD, where no memory is: as if the routine returned. */
static const char leave_32[] = "\x83\xc4\x0c\xc3", leave_64[] = "\x48\x8b\x64\x24\x18\xc3";

static void map_windows(struct guest *guest)
{
	for (unsigned n = 0; n < 1024; n++)
		poke(guest, LOW_TABLE + 4 * n, 4, n << 12 | P | W);
	poke(guest, DIRECTORY, 4, LOW_TABLE | P | W);
	for (unsigned n = 0; n < 3; n++)
		poke(guest, DIRECTORY + (WINDOWS / WINDOW + n) * 4, 4, (TABLES + n * 4096) | P | W);
	poke_bytes(guest, HANDLERS + 0x8000, fault_32, sizeof(fault_32) - 1);
	idt_gate(guest, PF, CODE0, HANDLERS + 0x8000, 0x8e);
	poke_bytes(guest, HANDLERS + 16 * UD, leave_32, sizeof(leave_32) - 1);
	set(guest, CBX_CR3, DIRECTORY);
	set(guest, CBX_CR4, 0x80);
	set(guest, CBX_CR0, 0x80010011u);
}

static void map_long_windows(struct guest *guest)
{
	for (unsigned n = 0; n < 3; n++)
		poke(guest, PAGE_DIRECTORY + (WINDOWS + n * WINDOW) / 0x200000 * 8, 8,
		     (LONG_TABLES + n * 0x2000) | P | W);
	poke_bytes(guest, HANDLERS + 0x8000, fault_64, sizeof(fault_64) - 1);
	idt64(guest, PF, CODE0, HANDLERS + 0x8000, 0x8e, 0);
	poke_bytes(guest, HANDLERS + 16 * UD, leave_64, sizeof(leave_64) - 1);
	/* Descriptors of INVPCID. */
	for (unsigned n = 0; n < 32; n++) {
		poke(guest, DATA_AT + 16 * n, 8, n % 3);
		poke(guest, DATA_AT + 16 * n + 8, 8, WINDOWS + n / 3 % 3 * WINDOW + n / 9 * 4096);
	}
	set(guest, CBX_CR4, reg(guest, CBX_CR4) | PCIDE);
}

static void make_guest(struct guest *guest, const struct program *program)
{
	static const uint8_t code[] = { 0x81, 0xc6, 0, 1, 2, 3, 0xc3 };

	if (program->wide)
		long_new(guest, NULL);
	else
		guest_new(guest, NULL);
	for (unsigned n = 0; n < PHYSICAL_PAGES; n++) {
		poke_bytes(guest, PHYSICAL + n * 4096 + ROUTINE, code, sizeof(code));
		poke(guest, PHYSICAL + n * 4096 + ROUTINE + 2, 4, n * 0x01010101);
		poke(guest, PHYSICAL + n * 4096 + 0x800, 4, n * 0x1234567);
		poke(guest, PHYSICAL + n * 4096 + 0xffe, 2, n);
	}
	poke_bytes(guest, CODE_AT, program->bytes, program->size);
	if (program->wide)
		map_long_windows(guest);
	else
		map_windows(guest);
}

static void advance(struct guest *guest, uint64_t count)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = count };
	struct cbx_stop stop;

	assert_int_equal(cbx_run(guest->machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
}

static uint64_t finish(struct guest *guest)
{
	uint64_t hash = cbx_state_hash(guest->machine);

	guest_free(guest);
	return hash;
}

/* Cut into pieces at random; `how` says what is done at the cuts. */
enum how { NOTHING, LOADED_IN_PLACE, LOADED_ELSEWHERE, FLUSHED };

static uint64_t in_pieces(const struct program *program, enum how how)
{
	struct guest guest;
	uint64_t done = 0;

	make_guest(&guest, program);
	while (done < STEPS) {
		uint64_t piece = how == FLUSHED ? 1 : 1 + pick(60);
		size_t size;
		void *saved;

		piece = piece < STEPS - done ? piece : STEPS - done;
		advance(&guest, piece);
		done += piece;
		if (how == FLUSHED) {
			set(&guest, CBX_CR3, reg(&guest, CBX_CR3));
		} else if (how != NOTHING) {
			assert_int_equal(cbx_snapshot_save(guest.machine, &saved, &size), CBX_OK);
			if (how == LOADED_ELSEWHERE) {
				struct guest other;

				make_guest(&other, program);
				assert_int_equal(cbx_snapshot_load(other.machine, saved, size), CBX_OK);
				cbx_buffer_free(guest.machine, saved);
				guest_free(&guest);
				guest = other;
			} else {
				advance(&guest, 7);
				assert_int_equal(cbx_snapshot_load(guest.machine, saved, size), CBX_OK);
				cbx_buffer_free(guest.machine, saved);
			}
		}
	}
	return finish(&guest);
}

static uint64_t straight(const struct program *program, const char *build)
{
	struct guest guest;

	setenv("SYSTEM_GUEST", build, 1);
	make_guest(&guest, program);
	unsetenv("SYSTEM_GUEST");
	advance(&guest, STEPS);
	return finish(&guest);
}

static void stale(bool wide)
{
	const char *cases = getenv("CLEARBOX_STALE_CASES");
	unsigned long count = cases ? strtoul(cases, NULL, 0) : 16;
	unsigned differ = 0;

	for (unsigned long n = 0; n < count; n++) {
		struct program program = { .wide = wide };
		uint64_t hash;

		seed = n * 2 + 1;
		for (unsigned k = 0; k < GROUPS - 1; k++)
			put_group(&program);
		PUT(&program, "\xe9");
		put32(&program, 0u - (program.size + 4));
		hash = straight(&program, "");
		if (straight(&program, "small") != hash || straight(&program, "single") != hash)
			fail_msg("program %lu: the build shows", n);
		if (in_pieces(&program, NOTHING) != hash)
			fail_msg("program %lu: slices show", n);
		if (in_pieces(&program, LOADED_IN_PLACE) != hash)
			fail_msg("program %lu: a load shows", n);
		if (n % 8 == 0 && in_pieces(&program, LOADED_ELSEWHERE) != hash)
			fail_msg("program %lu: a load into another machine shows", n);
		/* And they do rely on what is stale. */
		if (n % 8 == 0)
			differ += in_pieces(&program, FLUSHED) != hash;
	}
	assert_int_equal(differ, (count + 7) / 8);
}

static void protected_mode(void **state)
{
	(void)state;
	stale(false);
}

static void long_mode(void **state)
{
	(void)state;
	stale(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protected_mode),
		cmocka_unit_test(long_mode),
	};

	return cmocka_run_group_tests_name("stale", tests, NULL, NULL);
}
