/*
 * 4-level and PAE paging from the inside: every level's bits against every kind of access, in a
 * model of its own; PCIDs and INVPCID; 1 GiB pages; accesses that cross pages, wrap, or are not
 * canonical; SMAP for what is explicit and implicit (SDM 3A chapter 4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "access.h"
#include "memory.h"
#include "paging_model.h"
#include "tlb.h"

enum {
	/* One table for each level, and what they lead to. */
	TABLES = 0x10000, DATA = 0x800000, MACHINE = 16 << 20
};
/* Another index at each level, so that none is taken for another's. */
#define LINEAR (0xffff000000000000ull | 0x1a3ull << 39 | 0x05bull << 30 | 0x1f2ull << 21 | \
		0x0c4ull << 12 | 0x678)

static uint64_t seed = 1;

static uint32_t pick(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

static struct cpu *new_cpu(const char *model)
{
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = MACHINE,
					       .cpu = model };
	struct cbx_machine *machine;
	struct cpu *cpu;

	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	cpu = machine->cpu;
	cpu->cr0 = CR0_PE | CR0_PG | CR0_ET;
	cpu->cr4 = CR4_PAE;
	cpu->efer = EFER_LME | EFER_LMA | EFER_NXE;
	cpu->cr3 = TABLES;
	cpu->seg[SEG_CS].attributes = ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_L;
	cpu->seg[SEG_SS].attributes = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_DB;
	tlb_flush_all(cpu);
	return cpu;
}

static void at_cpl(struct cpu *cpu, unsigned cpl, bool ac)
{
	cpu->seg[SEG_SS].attributes = (uint16_t)(ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_DB |
						 cpl << ATTR_DPL_SHIFT);
	cpu->eflags = FLAG_1 | (ac ? FLAG_AC : 0);
	cpu_mode_changed(cpu);
}

static void poke(struct cpu *cpu, uint64_t at, uint64_t value)
{
	memory_write(cpu->machine, at, value, 8);
}

static uint64_t peek(struct cpu *cpu, uint64_t at)
{
	return memory_read(cpu->machine, at, 8);
}

/* ---- Every bit ------------------------------------------------------------------------------- */

static bool do_access(struct cpu *cpu, uint64_t linear, enum kind kind)
{
	uint64_t value;

	switch (kind) {
	case READ:
		return load_slow(cpu, NULL, linear, 4);
	case WRITE:
		return store_slow(cpu, NULL, linear, 4, 0x12345678);
	case EXECUTE:
		return page_translate(cpu, linear, ACCESS_EXECUTE, cpu->cpl == 3, &value);
	case IMPLICIT_READ:
		return load_system(cpu, linear, 4, &value);
	default:
		return store_system(cpu, linear, 4, 0x12345678);
	}
}

static uint64_t entry_of(const struct level *l, unsigned n, const struct setting *mode)
{
	uint64_t entry = n && !l->large ? TABLES + (uint64_t)(4 - n) * 4096 : DATA;

	/* A large page's address is aligned: 16 MiB are not enough for one of 1 GiB. */
	if (l->large && n == 2)
		entry = 0;
	entry |= (l->present ? P : 0) | (l->writable ? W : 0) | (l->user ? U : 0) | (l->no_execute ? NX : 0);
	/* In a PTE this bit is PAT's. */
	entry |= l->large ? PS : 0;
	entry |= l->high_bit ? (uint64_t)1 << (mode->pae && (seed >> 40 & 1) ? 52 : PHYSICAL_BITS) : 0;
	entry |= l->low_bit && n && l->large ? 1u << 13 : 0;
	return entry;
}

static unsigned index_of(uint64_t linear, unsigned n)
{
	return (unsigned)(linear >> (12 + 9 * n)) & 511;
}

static void check(struct cpu *cpu, const struct level *levels, const struct setting *mode,
		  enum kind kind)
{
	uint64_t linear = mode->pae ? (uint32_t)LINEAR : LINEAR, entries[4], at[4];
	struct expected e = model(levels, mode, kind);
	unsigned top = mode->pae ? 1 : 3;
	bool done;

	cpu->efer = (mode->pae ? 0 : EFER_LME | EFER_LMA) | (mode->nxe ? EFER_NXE : 0);
	cpu->cr0 = CR0_PE | CR0_PG | CR0_ET | (mode->wp ? CR0_WP : 0);
	cpu->cr4 = CR4_PAE | (mode->smep ? CR4_SMEP : 0) | (mode->smap ? CR4_SMAP : 0);
	cpu->model_copy.system = (cpu->model_copy.system & ~(uint32_t)SYS_PDPE1GB) |
				 (mode->gigabyte ? SYS_PDPE1GB : 0);
	for (unsigned n = 0; n <= top; n++) {
		at[n] = TABLES + (uint64_t)(3 - n) * 4096 + 8 * index_of(linear, n);
		entries[n] = entry_of(&levels[n], n, mode);
		poke(cpu, at[n], entries[n]);
	}
	if (mode->pae)
		cpu->pdpte[linear >> 30] = (TABLES + 2 * 4096) | P;
	at_cpl(cpu, mode->cpl3 ? 3 : 0, mode->ac);
	tlb_flush_all(cpu);
	cpu->fault.vector = VECTOR_NONE;
	cpu->cr2 = 0;
	done = do_access(cpu, linear, kind);
	if (done == e.fault || (e.fault && (cpu->fault.vector != VECTOR_PF || cpu->cr2 != linear ||
					    cpu->fault.error != e.error))) {
		print_error("kind %d: vector %u error %#x cr2 %#llx, expected %s %#x\n", kind,
			    cpu->fault.vector, cpu->fault.error, (unsigned long long)cpu->cr2,
			    e.fault ? "#PF" : "no fault", e.error);
		for (unsigned n = top + 1; n-- > 0;)
			print_error("level %u: %016llx\n", n, (unsigned long long)entries[n]);
		print_error("pae %d wp %d smep %d smap %d ac %d nxe %d cpl3 %d\n", mode->pae, mode->wp,
			    mode->smep, mode->smap, mode->ac, mode->nxe, mode->cpl3);
		fail();
	}
	for (unsigned n = 0; n <= top; n++) {
		uint64_t want = entries[n];

		if (done && n >= e.leaf)
			want |= A;
		if (done && n == e.leaf && (kind == WRITE || kind == IMPLICIT_WRITE))
			want |= D;
		/* A large page may lie over the tables: what was written is in the way. */
		if (n >= e.leaf)
			assert_int_equal(peek(cpu, at[n]), want);
	}
	/* Once more, from the TLB or from another walk: the same. */
	cpu->fault.vector = VECTOR_NONE;
	assert_int_equal(do_access(cpu, linear, kind), done);
}

static struct level random_level(uint32_t bits)
{
	return (struct level){ .present = pick(8) != 0, .writable = bits & 1, .user = bits & 2,
			       .no_execute = pick(4) == 0, .large = pick(4) == 0, .high_bit = pick(12) == 0,
			       .low_bit = pick(4) == 0 };
}

static void every_bit(void **state)
{
	const char *more = getenv("CLEARBOX_PAGING_CASES");
	unsigned long count = more ? strtoul(more, NULL, 0) : 400000;
	struct cpu *cpu = new_cpu("max");

	(void)state;
	for (unsigned long n = 0; n < count; n++) {
		struct level levels[4];
		uint32_t bits = pick(256), modes = pick(256);
		struct setting mode = { .pae = modes & 1, .wp = modes & 2, .smep = modes & 4,
					.smap = modes & 8, .ac = modes & 16, .nxe = modes & 32,
					.cpl3 = modes & 64, .gigabyte = modes & 128 };

		for (unsigned k = 0; k < 4; k++) {
			levels[k] = random_level(bits >> 2 * k);
			/* So that the deeper levels have their turn. */
			if (pick(2))
				levels[k].high_bit = levels[k].no_execute = false;
			if (pick(2))
				levels[k].user = true;
		}
		if (pick(4))
			levels[3].large = false;
		check(cpu, levels, &mode, (enum kind)pick(KINDS));
	}
	/* One level's bits at a time, all the others granting everything: nothing left to chance. */
	for (unsigned long n = 0; n < 4ul * 128 * 128 * KINDS; n++) {
		unsigned at = n & 3, bits = n >> 2 & 127, modes = n >> 9 & 127;
		struct level all = { .present = true, .writable = true, .user = true };
		struct level levels[4] = { all, all, all, all };
		struct setting mode = { .wp = modes & 1, .smep = modes & 2, .smap = modes & 4,
					.ac = modes & 8, .nxe = modes & 16, .cpl3 = modes & 32,
					.gigabyte = modes & 64 };

		levels[at] = (struct level){ .present = bits & 1, .writable = bits & 2, .user = bits & 4,
					     .no_execute = bits & 8, .large = bits & 16,
					     .high_bit = bits & 32, .low_bit = bits & 64 };
		check(cpu, levels, &mode, (enum kind)(n >> 16));
	}
	cbx_machine_free(cpu->machine);
}

/* ---- Large pages ----------------------------------------------------------------------------- */

static uint64_t where(struct cpu *cpu, uint64_t linear)
{
	uint64_t physical = 0;

	cpu->fault.vector = VECTOR_NONE;
	assert_true(page_translate(cpu, linear, ACCESS_READ, false, &physical));
	return physical;
}

static void large_pages(void **state)
{
	const uint64_t gib = 1 << 30, linear = 5 * gib;
	struct cpu *cpu = new_cpu("max");

	(void)state;
	poke(cpu, TABLES, 0x11000 | P | W);
	poke(cpu, 0x11000 + 5 * 8, 0xff40000000ull | P | W | PS);
	assert_int_equal(where(cpu, linear), 0xff40000000ull);
	assert_int_equal(where(cpu, linear + 0x3ffffabc), 0xff7ffffabcull);
	/* The entry changes; what was used stays as it was until any address of the page is named. */
	poke(cpu, 0x11000 + 5 * 8, 0x1240000000ull | P | W | PS);
	assert_int_equal(where(cpu, linear + 0x10), 0xff40000010ull);
	assert_int_equal(where(cpu, linear + 0x200000), 0x1240200000ull);
	tlb_flush_page(cpu, linear + 0x12345678);
	assert_int_equal(where(cpu, linear), 0x1240000000ull);
	/* Its neighbours are others. */
	poke(cpu, 0x11000 + 6 * 8, 0x12000 | P | W);
	poke(cpu, 0x12000 + 3 * 8, 0xa00000 | P | W | PS);
	assert_int_equal(where(cpu, linear + gib + 0x612345), 0xa12345);
	poke(cpu, 0x12000 + 3 * 8, 0xc00000 | P | W | PS);
	tlb_flush_page(cpu, linear);
	tlb_flush_page(cpu, linear + gib + 0x400000);
	tlb_flush_page(cpu, linear + gib + 0x800000);
	assert_int_equal(where(cpu, linear + gib + 0x612345), 0xa12345);
	tlb_flush_page(cpu, linear + gib + 0x7fffff);
	assert_int_equal(where(cpu, linear + gib + 0x612345), 0xc12345);
	cbx_machine_free(cpu->machine);
}

/* ---- PCIDs ----------------------------------------------------------------------------------- */

/*
 * Three roots, each with PCID 0, 1 and 2 and with pages of its own for two addresses; a third
 * address is global.
 */
enum { LOCAL_A = 0x400000, LOCAL_B = 0x401000, GLOBAL = 0x402000 };

static void map_root(struct cpu *cpu, unsigned root, unsigned shift)
{
	uint64_t base = 0x100000 + root * 0x10000;

	poke(cpu, base, (base + 0x1000) | P | W);
	poke(cpu, base + 0x1000, (base + 0x2000) | P | W);
	poke(cpu, base + 0x2000 + 2 * 8, (base + 0x3000) | P | W);
	poke(cpu, base + 0x3000, (0x200000 + root * 0x10000 + shift) | P | W);
	poke(cpu, base + 0x3000 + 8, (0x201000 + root * 0x10000 + shift) | P | W);
	poke(cpu, base + 0x3000 + 16, (0x300000 + shift) | P | W | G);
}

static void go(struct cpu *cpu, unsigned root, bool keep)
{
	uint64_t cr3 = (0x100000 + root * 0x10000) | root;

	assert_true(control_write(cpu, 3, cr3 | (keep ? 1ull << 63 : 0)));
	assert_int_equal(cpu->cr3, cr3);
}

static void touch_all(struct cpu *cpu)
{
	tlb_flush_all(cpu);
	for (unsigned root = 0; root < 3; root++) {
		map_root(cpu, root, 0);
		go(cpu, root, false);
		where(cpu, LOCAL_A);
		where(cpu, LOCAL_B);
		where(cpu, GLOBAL);
	}
	for (unsigned root = 0; root < 3; root++)
		map_root(cpu, root, 0x8000);
}

/*
 * Which pages of the last root are fresh, which are still as they were when they were touched.
 * (A place in the TLB is one page's, of any PCID: of the same address in three address spaces
 * one translation is there.)
 */
enum { FRESH_A = 1, FRESH_B = 2, FRESH_GLOBAL = 4 };

static unsigned fresh(struct cpu *cpu)
{
	unsigned result = 0;

	go(cpu, 2, true);
	result |= where(cpu, LOCAL_A) & 0x8000 ? FRESH_A : 0;
	result |= where(cpu, LOCAL_B) & 0x8000 ? FRESH_B : 0;
	result |= where(cpu, GLOBAL) & 0x8000 ? FRESH_GLOBAL : 0;
	/* Never another's. */
	assert_int_equal(where(cpu, LOCAL_A) & ~0x8000ull, 0x220000);
	go(cpu, 1, true);
	assert_int_equal(where(cpu, LOCAL_A), 0x218000);
	go(cpu, 0, true);
	assert_int_equal(where(cpu, LOCAL_A), 0x208000);
	return result;
}

static void pcids(void **state)
{
	struct cpu *cpu = new_cpu("max");

	(void)state;
	cpu->cr4 |= CR4_PGE;
	cpu->cr3 = 0;
	assert_true(control_write(cpu, 4, cpu->cr4 | CR4_PCIDE));
	touch_all(cpu);
	assert_int_equal(fresh(cpu), 0);
	touch_all(cpu);
	go(cpu, 1, false);                                      /* another's go */
	assert_int_equal(fresh(cpu), 0);
	touch_all(cpu);
	go(cpu, 2, false);
	assert_int_equal(fresh(cpu), FRESH_A | FRESH_B);
	touch_all(cpu);
	tlb_flush_page(cpu, LOCAL_A);
	assert_int_equal(fresh(cpu), FRESH_A);
	touch_all(cpu);
	go(cpu, 1, true);
	tlb_flush_page(cpu, LOCAL_A);
	assert_int_equal(fresh(cpu), 0);
	touch_all(cpu);
	go(cpu, 1, true);
	tlb_flush_page(cpu, GLOBAL);                            /* of all */
	assert_int_equal(fresh(cpu), FRESH_GLOBAL);

	/* INVPCID: one address, one PCID, everything, everything but global pages. */
	touch_all(cpu);
	go(cpu, 0, true);
	assert_true(tlb_invpcid(cpu, 0, 2, LOCAL_B));
	assert_int_equal(fresh(cpu), FRESH_B);
	touch_all(cpu);
	assert_true(tlb_invpcid(cpu, 0, 1, LOCAL_B));
	assert_true(tlb_invpcid(cpu, 0, 2, GLOBAL));            /* not a global one */
	assert_int_equal(fresh(cpu), 0);
	touch_all(cpu);
	assert_true(tlb_invpcid(cpu, 1, 1, 0));
	assert_int_equal(fresh(cpu), 0);
	touch_all(cpu);
	assert_true(tlb_invpcid(cpu, 1, 2, 0));
	assert_int_equal(fresh(cpu), FRESH_A | FRESH_B);
	touch_all(cpu);
	assert_true(tlb_invpcid(cpu, 2, 0, 0));
	assert_int_equal(fresh(cpu), FRESH_A | FRESH_B | FRESH_GLOBAL);
	touch_all(cpu);
	assert_true(tlb_invpcid(cpu, 3, 0, 0));
	assert_int_equal(fresh(cpu), FRESH_A | FRESH_B);

	assert_false(tlb_invpcid(cpu, 4, 0, 0));
	assert_int_equal(cpu->fault.vector, VECTOR_GP);
	assert_false(tlb_invpcid(cpu, 1, 0x1000, 0));
	assert_false(tlb_invpcid(cpu, 0, 0, 0x800000000000ull));
	assert_true(tlb_invpcid(cpu, 1, 0, 0x800000000000ull));
	cpu->cr4 &= ~(uint64_t)CR4_PCIDE;
	assert_false(tlb_invpcid(cpu, 0, 1, 0));
	assert_true(tlb_invpcid(cpu, 0, 0, 0));
	assert_true(tlb_invpcid(cpu, 2, 1, 0));
	cbx_machine_free(cpu->machine);
}

/* Bit 63 of CR3 is none without CR4.PCIDE, and never one that is read. */
static void pcid_bits(void **state)
{
	struct cpu *cpu = new_cpu("max");

	(void)state;
	cpu->cr3 = 0x100001;
	assert_false(control_write(cpu, 4, cpu->cr4 | CR4_PCIDE));      /* CR3[11:0] must be 0 */
	assert_false(control_write(cpu, 3, 0x100000 | 1ull << 63));
	assert_false(control_write(cpu, 3, 1ull << PHYSICAL_BITS));
	cbx_machine_free(cpu->machine);
}

/* ---- Edges ----------------------------------------------------------------------------------- */

/* Pages n and n + 1 of a window, by PTEs. */
static void map_pair(struct cpu *cpu, uint64_t linear, uint64_t first, uint64_t second)
{
	uint64_t next = linear + 4096;

	for (unsigned k = 0; k < 2; k++, linear = next, first = second) {
		uint64_t tables = 0x400000 + k * 0x10000;

		/* The two may share tables or not: later ones win where they do. */
		poke(cpu, TABLES + 8 * index_of(linear, 3), tables | P | W | U);
		poke(cpu, tables + 8 * index_of(linear, 2), (tables + 0x1000) | P | W | U);
		poke(cpu, tables + 0x1000 + 8 * index_of(linear, 1), (tables + 0x2000) | P | W | U);
		poke(cpu, 0x402000 + 8 * index_of(linear, 0), first);
		poke(cpu, 0x412000 + 8 * index_of(linear, 0), first);
	}
	tlb_flush_all(cpu);
}

static void crossing(void **state)
{
	static const uint64_t places[] = { 0x400000, 0x7fff00000000ull, 0xffff800000000000ull,
					   0xffffffffffffe000ull, 0x1ff000, 0x3ffff000 };
	struct cpu *cpu = new_cpu("max");
	uint8_t bytes[64], want[64];

	(void)state;
	at_cpl(cpu, 0, false);
	for (unsigned n = 0; n < sizeof(places) / sizeof(places[0]); n++) {
		uint64_t at = places[n] + 4096 - 5;

		map_pair(cpu, places[n], 0x500000 | P | W | U, 0x600000 | P | W | U);
		poke(cpu, 0x500ff8, 0x1122334455667788ull);
		poke(cpu, 0x600000, 0x99aabbccddeeff00ull);
		assert_true(load_slow(cpu, NULL, at, 8));
		assert_int_equal(cpu->loaded, 0xeeff001122334455ull);
		assert_true(store_slow(cpu, NULL, at, 8, 0x0102030405060708ull));
		assert_int_equal(peek(cpu, 0x500ff8), 0x0405060708667788ull);
		assert_int_equal(peek(cpu, 0x600000), 0x99aabbccdd010203ull);
		/* All or nothing, CR2 where the second page begins. */
		map_pair(cpu, places[n], 0x500000 | P | W | U, 0x600000 | P | U);
		cpu->cr0 |= CR0_WP;
		assert_false(store_slow(cpu, NULL, at, 8, 0));
		assert_int_equal(cpu->fault.vector, VECTOR_PF);
		assert_int_equal(cpu->fault.error, F_P | F_W);
		assert_int_equal(cpu->cr2, places[n] + 4096);
		assert_int_equal(peek(cpu, 0x500ff8), 0x0405060708667788ull);
		memset(bytes, 0xaa, sizeof(bytes));
		assert_false(store_bytes(cpu, NULL, places[n] + 4096 - 20, 32, bytes));
		assert_int_equal(peek(cpu, 0x500ff8), 0x0405060708667788ull);
		cpu->cr0 &= ~(uint64_t)CR0_WP;
		map_pair(cpu, places[n], 0x500000 | P | W | U, 0x600000 | P | W | U);
		for (unsigned width = 1; width <= 64; width++) {
			uint64_t start = places[n] + 4096 - pick(width + 1);

			for (unsigned k = 0; k < width; k++)
				want[k] = (uint8_t)(k * 7 + width);
			assert_true(store_bytes(cpu, NULL, start, width, want));
			memset(bytes, 0, sizeof(bytes));
			assert_true(load_bytes(cpu, NULL, start, width, bytes));
			assert_memory_equal(bytes, want, width);
			assert_true(modify_slow(cpu, NULL, start, 1));
			assert_int_equal(cpu->loaded, want[0]);
		}
	}
	cbx_machine_free(cpu->machine);
}

static void canonical(void **state)
{
	struct insn stack = { .segment = SEG_SS, .flags = INSN_LAST };
	struct insn data = { .segment = SEG_DS, .flags = INSN_LAST };
	struct cpu *cpu = new_cpu("max");
	uint8_t bytes[32] = { 0 };

	(void)state;
	at_cpl(cpu, 0, false);
	map_pair(cpu, 0x7fffffffe000ull, 0x500000 | P | W | U, 0x600000 | P | W | U);
	assert_true(load_slow(cpu, &data, 0x7ffffffffff8ull, 8));
	cpu->cr2 = 0;
	assert_false(load_slow(cpu, &data, 0x7ffffffffff9ull, 8));
	assert_int_equal(cpu->fault.vector, VECTOR_GP);
	assert_int_equal(cpu->fault.error, 0);
	assert_false(store_slow(cpu, &stack, 0x800000000000ull, 1, 0));
	assert_int_equal(cpu->fault.vector, VECTOR_SS);
	assert_false(modify_slow(cpu, &stack, 0xffff7fffffffffffull, 2));
	assert_int_equal(cpu->fault.vector, VECTOR_SS);
	assert_false(load_bytes(cpu, &data, 0x7fffffffffe1ull, 32, bytes));
	assert_int_equal(cpu->fault.vector, VECTOR_GP);
	assert_false(store_check(cpu, &data, 0x7fffffffff01ull, 256));
	assert_int_equal(cpu->fault.vector, VECTOR_GP);
	assert_true(store_check(cpu, &data, 0x7fffffffff00ull, 256));
	assert_int_equal(cpu->cr2, 0);
	/* Around the end of everything. */
	map_pair(cpu, 0xfffffffffffff000ull, 0x500000 | P | W | U, 0x600000 | P | W | U);
	assert_true(store_slow(cpu, &data, 0xfffffffffffffffeull, 4, 0xdeadbeef));
	assert_int_equal(peek(cpu, 0x600000) & 0xffff, 0xdead);
	assert_int_equal(peek(cpu, 0x500ff8) >> 48, 0xbeef);
	cbx_machine_free(cpu->machine);
}

/* STAC and CLAC change what is reached from one access to the next, and flush nothing. */
static void access_control(void **state)
{
	struct cpu *cpu = new_cpu("max");
	uint64_t value;

	(void)state;
	cpu->cr4 |= CR4_SMAP;
	map_pair(cpu, 0x400000, 0x500000 | P | W | U, 0x600000 | P | W);
	for (unsigned n = 0; n < 3; n++) {
		at_cpl(cpu, 0, false);
		assert_false(load_width(cpu, NULL, 0x400000, 4, &value));
		assert_int_equal(cpu->fault.error, F_P);
		assert_false(store_width(cpu, NULL, 0x400000, 4, value));
		assert_int_equal(cpu->fault.error, F_P | F_W);
		assert_true(load_width(cpu, NULL, 0x401000, 4, &value));
		at_cpl(cpu, 0, true);
		assert_true(load_width(cpu, NULL, 0x400000, 4, &value));
		assert_true(load_width(cpu, NULL, 0x400000, 4, &value));
		assert_true(store_width(cpu, NULL, 0x400000, 4, value));
		assert_true(store_width(cpu, NULL, 0x401000, 4, value));
		/* The processor's own accesses are not the program's. */
		assert_false(load_system(cpu, 0x400000, 4, &value));
		at_cpl(cpu, 3, true);
		assert_true(load_width(cpu, NULL, 0x400000, 4, &value));
		assert_false(load_width(cpu, NULL, 0x401000, 4, &value));
		assert_int_equal(cpu->fault.error, F_P | F_U);
		assert_false(load_system(cpu, 0x400000, 4, &value));
		assert_int_equal(cpu->fault.error, F_P);
		assert_true(load_system(cpu, 0x401000, 4, &value));
	}
	cbx_machine_free(cpu->machine);
}

/* ---- Hostile tables -------------------------------------------------------------------------- */

static unsigned device_asked;

static uint64_t device_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)device;
	(void)offset;
	(void)width;
	device_asked++;
	return 0x12345067;
}

static void device_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	(void)device;
	(void)offset;
	(void)value;
	(void)width;
	device_asked++;
}

/*
 * Tables of random entries that lead anywhere: into each other, themselves, nothing, a device.
 * Every walk ends, and none of them touches the device.
 */
static void hostile(void **state)
{
	static const struct cbx_io io = { .read = device_read, .write = device_write, .widths = 7 };
	static const struct cbx_device_type type = { .name = "device", .size = sizeof(struct cbx_device) };
	const uint64_t device_at = 0x40000000;
	struct cpu *cpu = new_cpu("max");
	struct cbx_device *device;
	struct cbx_region *region;
	unsigned found = 0;

	(void)state;
	assert_int_equal(cbx_device_new(cpu->machine, &type, &device), CBX_OK);
	assert_int_equal(cbx_region_new_io(device, &io, 1 << 20, &region), CBX_OK);
	cbx_region_place(region, device_at, CBX_REGION_READ | CBX_REGION_WRITE, 1);
	for (unsigned round = 0; round < 200; round++) {
		unsigned mode = pick(3);

		for (unsigned n = 0; n < 4096; n++) {
			uint64_t to = pick(4) ? pick(8) * 4096 : pick(2) ? device_at + pick(300) * 4096 :
							       (uint64_t)pick(1u << 31) << pick(33);

			poke(cpu, n * 8, to | (pick(8) ? P : 0) | pick(64) << 1 | (pick(16) ? 0 : PS) |
			     (pick(64) ? 0 : NX));
		}
		cpu->efer = mode == 2 ? EFER_LME | EFER_LMA | EFER_NXE : 0;
		cpu->cr4 = mode ? CR4_PAE : CR4_PSE;
		cpu->cr3 = pick(10) ? pick(8) * 4096 : device_at;
		if (mode == 1 && !paging_load_pdptes(cpu, cpu->cr3, cpu->cr0, cpu->cr4))
			continue;
		at_cpl(cpu, pick(2) ? 3 : 0, false);
		tlb_flush_all(cpu);
		for (unsigned n = 0; n < 500; n++) {
			uint64_t linear = (uint64_t)pick(1u << 31) << pick(33), physical;

			if (mode < 2)
				linear = (uint32_t)linear;
			if (address_canonical(linear))
				found += page_translate(cpu, linear, (enum access)pick(3), cpu->cpl == 3,
							&physical);
		}
	}
	assert_int_equal(device_asked, 0);
	assert_true(found > 1000);
	cbx_machine_free(cpu->machine);
}

/* ---- Code ------------------------------------------------------------------------------------- */

/* Pages that share a set of the TLB of code: their addresses are multiples of 512 GiB. */
static uint64_t code_page(unsigned n)
{
	return (uint64_t)n << 39;
}

static void map_code(struct cpu *cpu, unsigned n, uint64_t to)
{
	uint64_t tables = 0x100000 + n * 0x3000;

	poke(cpu, TABLES + 8 * n, tables | P | W);
	poke(cpu, tables, (tables + 0x1000) | P | W);
	poke(cpu, tables + 0x1000, (tables + 0x2000) | P | W);
	poke(cpu, tables + 0x2000, to | P | W);
}

static uint64_t fetched_from(struct cpu *cpu, unsigned n)
{
	uint64_t physical = 0;

	assert_true(page_translate(cpu, code_page(n), ACCESS_EXECUTE, false, &physical));
	return physical;
}

/* Links between blocks hold as long as the generation does: it changes when code is forgotten. */
static void code_pages(void **state)
{
	struct cpu *cpu = new_cpu("max");
	uint64_t generation = cpu->generation;

	(void)state;
	for (unsigned n = 0; n <= FETCH_WAYS; n++)
		map_code(cpu, n, 0x200000 + n * 0x1000);
	for (unsigned n = 0; n < FETCH_WAYS; n++)
		assert_int_equal(fetched_from(cpu, n), 0x200000 + n * 0x1000);
	for (unsigned n = 0; n <= FETCH_WAYS; n++)
		map_code(cpu, n, 0x300000 + n * 0x1000);
	for (unsigned n = 0; n < FETCH_WAYS; n++)
		assert_int_equal(fetched_from(cpu, n), 0x200000 + n * 0x1000);
	assert_int_equal(cpu->generation, generation);
	/* One more, and the oldest goes. */
	assert_int_equal(fetched_from(cpu, FETCH_WAYS), 0x300000 + FETCH_WAYS * 0x1000);
	assert_true(cpu->generation != generation);
	for (unsigned n = 1; n < FETCH_WAYS; n++)
		assert_int_equal(fetched_from(cpu, n), 0x200000 + n * 0x1000);
	assert_int_equal(fetched_from(cpu, 0), 0x300000);
	generation = cpu->generation;
	/* A page nobody fetched from is no loss; one in the middle of its set is. */
	tlb_flush_page(cpu, code_page(FETCH_WAYS + 1));
	assert_int_equal(cpu->generation, generation);
	tlb_flush_page(cpu, code_page(3));
	assert_true(cpu->generation != generation);
	generation = cpu->generation;
	/* The empty place is taken before another goes. */
	assert_int_equal(fetched_from(cpu, 3), 0x303000);
	assert_int_equal(fetched_from(cpu, 2), 0x202000);
	assert_int_equal(fetched_from(cpu, 0), 0x300000);
	assert_int_equal(cpu->generation, generation);
	/* A load of CR3 takes them all, wherever they moved to. */
	for (unsigned n = 0; n <= FETCH_WAYS; n++)
		map_code(cpu, n, 0x400000 + n * 0x1000);
	assert_true(control_write(cpu, 3, TABLES));
	for (unsigned n = 0; n <= FETCH_WAYS; n++)
		assert_int_equal(fetched_from(cpu, n), 0x400000 + n * 0x1000);
	cbx_machine_free(cpu->machine);
}

/* What replaces an entry that has other rights takes its place, and what was linked through it goes. */
static void code_of_other_rights(void **state)
{
	struct cpu *cpu = new_cpu("max");
	uint64_t tables = 0x100000, generation, physical = 0;

	(void)state;
	for (unsigned n = 0; n < FETCH_WAYS; n++)
		map_code(cpu, n, 0x200000 + n * 0x1000);
	assert_int_equal(fetched_from(cpu, 0), 0x200000);
	generation = cpu->generation;
	/* Page 0 is the user's now, and elsewhere. */
	poke(cpu, TABLES, tables | P | W | U);
	poke(cpu, tables, (tables + 0x1000) | P | W | U);
	poke(cpu, tables + 0x1000, (tables + 0x2000) | P | W | U);
	poke(cpu, tables + 0x2000, 0x300000 | P | W | U);
	assert_int_equal(fetched_from(cpu, 0), 0x200000);
	assert_true(page_translate(cpu, 0, ACCESS_EXECUTE, true, &physical));
	assert_int_equal(physical, 0x300000);
	assert_true(cpu->generation != generation);
	assert_int_equal(fetched_from(cpu, 0), 0x300000);
	generation = cpu->generation;
	for (unsigned n = 1; n < FETCH_WAYS; n++)
		assert_int_equal(fetched_from(cpu, n), 0x200000 + n * 0x1000);
	assert_int_equal(cpu->generation, generation);
	cbx_machine_free(cpu->machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit),
		cmocka_unit_test(large_pages),
		cmocka_unit_test(pcids),
		cmocka_unit_test(pcid_bits),
		cmocka_unit_test(crossing),
		cmocka_unit_test(canonical),
		cmocka_unit_test(access_control),
		cmocka_unit_test(code_pages),
		cmocka_unit_test(code_of_other_rights),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests_name("paging", tests, NULL, NULL);
}
