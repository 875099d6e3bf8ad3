/*
 * Paging: every combination of rights in directory and table against every kind of
 * access, in the 32-bit and PAE forms; page-fault error codes and CR2; accessed and dirty
 * bits; reserved bits; large pages; what CR3 loads and INVLPG drop (SDM 3A chapter 4).
 */
#include "system_guest.h"

enum {
	P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80,
	DIRECTORY = 0x100000, LOW_TABLE = 0x101000, TABLE = 0x102000, POINTERS = 0x103000,
	LINEAR = 0x800000, PHYSICAL = 0x200000,
	READ = 0, WRITE = 1, EXECUTE = 2,
	F_P = 1, F_W = 2, F_U = 4, F_RSVD = 8, F_I = 16
};
#define CR0_PAGING 0x80000011u

/* The first 4 MiB are where they are, for everybody; `entry` bytes wide tables. */
static void map_low(struct guest *guest, unsigned entry)
{
	unsigned count = 4096 / entry;

	for (unsigned n = 0; n < count; n++)
		poke(guest, LOW_TABLE + n * entry, entry, (uint64_t)n << 12 | P | W | U);
	poke(guest, DIRECTORY, entry, LOW_TABLE | P | W | U);
}

/* Starts one instruction that accesses LINEAR; returns what happened. */
static struct outcome access(struct guest *guest, unsigned kind, unsigned cpl)
{
	struct outcome got;

	at_privilege(guest, cpl);
	switch (kind) {
	case READ:
		return RUN(guest, "\xa1\x00\x00\x80\x00");              /* mov eax, [800000h] */
	case WRITE:
		return RUN(guest, "\xa3\x00\x00\x80\x00");              /* mov [800000h], eax */
	default:
		got = RUN(guest, "\xe9\xfb\xff\x7d\x00");               /* jmp 800000h */
		return got.vector == NONE ? step(guest) : got;
	}
}

static void turn_on(struct guest *guest, uint64_t cr3, uint64_t cr4, bool wp, uint64_t efer)
{
	set(guest, CBX_CR0, 0x11);
	set(guest, CBX_EFER, efer);
	set(guest, CBX_CR3, cr3);
	set(guest, CBX_CR4, cr4);
	set(guest, CBX_CR0, CR0_PAGING | (wp ? 0x10000u : 0));
}

static void check(struct guest *guest, struct outcome got, bool allowed, uint32_t error, const char *what)
{
	if (allowed) {
		EXPECT(guest, what, got, NONE, 0);
		return;
	}
	EXPECT(guest, what, got, PF, error);
	assert_int_equal(reg(guest, CBX_CR2), LINEAR);
}

static void rights_32bit(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	map_low(&guest, 4);
	for (unsigned n = 0; n < 8 * 8 * 3 * 2 * 2; n++) {
		unsigned pde = n & 7, pte = n >> 3 & 7, kind = (n >> 6) % 3, rest = (n >> 6) / 3;
		unsigned cpl = rest & 1 ? 3 : 0;
		bool wp = rest & 2, present = pde & pte & P, allowed = present;
		uint32_t error = (present ? F_P : 0u) | (kind == WRITE ? F_W : 0u) | (cpl ? F_U : 0u);
		uint32_t touched_pde, touched_pte;

		if (cpl && !(pde & pte & U))
			allowed = false;
		if (kind == WRITE && !(pde & pte & W) && (cpl || wp))
			allowed = false;
		poke(&guest, DIRECTORY + 8, 4, TABLE | pde);
		poke(&guest, TABLE, 4, PHYSICAL | pte);
		poke(&guest, PHYSICAL, 1, 0x90);
		turn_on(&guest, DIRECTORY, 0, wp, 0);
		check(&guest, access(&guest, kind, cpl), allowed, error, "rights");
		/* A and D are written by an access that is allowed, and by no other. */
		touched_pde = peek(&guest, DIRECTORY + 8, 4) ^ (TABLE | pde);
		touched_pte = peek(&guest, TABLE, 4) ^ (PHYSICAL | pte);
		assert_int_equal(touched_pde, allowed ? A : 0);
		assert_int_equal(touched_pte, !allowed ? 0 : kind == WRITE ? A | D : A);
	}
	guest_free(&guest);
}

static void rights_pae(void **state)
{
	const uint64_t nx = 1ull << 63;
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	map_low(&guest, 8);
	poke(&guest, POINTERS, 8, DIRECTORY | P);
	poke(&guest, DIRECTORY + 8, 8, 0x200000 | P | W | U | PS);
	for (unsigned n = 0; n < 8 * 4 * 3 * 2 * 2; n++) {
		unsigned pte = n & 7, kind = (n >> 5) % 3, rest = (n >> 5) / 3, cpl = rest & 1 ? 3 : 0;
		bool pde_nx = n & 8, pte_nx = n & 16, nxe = rest & 2, present = pte & P;
		bool reserved = !nxe && (pde_nx || (present && pte_nx)), allowed = present;
		uint32_t error = (kind == WRITE ? F_W : 0u) | (cpl ? F_U : 0u) |
				 (kind == EXECUTE && nxe ? F_I : 0u);

		if (cpl && !(pte & U))
			allowed = false;
		if (cpl && kind == WRITE && !(pte & W))
			allowed = false;
		if (kind == EXECUTE && nxe && (pde_nx || pte_nx))
			allowed = false;
		if (reserved)
			allowed = false;
		error |= present || (reserved && pde_nx) ? F_P : 0u;
		error |= reserved ? F_RSVD : 0u;
		poke(&guest, DIRECTORY + 4 * 8, 8, TABLE | P | W | U | (pde_nx ? nx : 0));
		poke(&guest, TABLE, 8, PHYSICAL | pte | (pte_nx ? nx : 0));
		poke(&guest, PHYSICAL, 1, 0x90);
		turn_on(&guest, POINTERS, 0x20, false, nxe ? 0x800 : 0);
		check(&guest, access(&guest, kind, cpl), allowed, error, "PAE rights");
	}
	guest_free(&guest);
}

static void reserved_bits(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	map_low(&guest, 4);
	/* 4 MiB pages: bit 21 is reserved; without CR4.PSE the bit PS means nothing. */
	poke(&guest, DIRECTORY + 8, 4, 0x400000 | P | W | PS | 1u << 21);
	turn_on(&guest, DIRECTORY, 0x10, false, 0);
	check(&guest, access(&guest, READ, 0), false, F_P | F_RSVD, "PSE reserved bit");
	poke(&guest, DIRECTORY + 8, 4, 0x400000 | P | W | PS);
	turn_on(&guest, DIRECTORY, 0x10, false, 0);
	check(&guest, access(&guest, WRITE, 0), true, 0, "PSE page");
	assert_int_equal(peek(&guest, DIRECTORY + 8, 4), 0x400000 | P | W | PS | A | D);
	guest_free(&guest);

	guest_new(&guest, NULL);
	map_low(&guest, 8);
	poke(&guest, POINTERS, 8, DIRECTORY | P);
	poke(&guest, DIRECTORY + 4 * 8, 8, 0x400000 | P | W | PS | 1u << 13);
	turn_on(&guest, POINTERS, 0x20, false, 0);
	check(&guest, access(&guest, READ, 0), false, F_P | F_RSVD, "PAE large page reserved bit");
	guest_free(&guest);
}

/* MOV CR3 drops what is not global; INVLPG drops one page, or all of a large one. */
static void flushes(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	map_low(&guest, 4);
	poke(&guest, DIRECTORY + 8, 4, TABLE | P | W);
	poke(&guest, TABLE, 4, PHYSICAL | P | W);
	poke(&guest, PHYSICAL, 4, 1);
	poke(&guest, PHYSICAL + 0x1000, 4, 2);
	turn_on(&guest, DIRECTORY, 0x10, false, 0);
	EXPECT(&guest, "read", access(&guest, READ, 0), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 1);
	poke(&guest, TABLE, 4, (PHYSICAL + 0x1000) | P | W);
	set(&guest, CBX_RAX, DIRECTORY);
	EXPECT(&guest, "MOV CR3", RUN(&guest, "\x0f\x22\xd8"), NONE, 0);
	EXPECT(&guest, "read", access(&guest, READ, 0), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 2);
	poke(&guest, TABLE, 4, PHYSICAL | P | W);
	EXPECT(&guest, "INVLPG", RUN(&guest, "\x0f\x01\x3d\x00\x00\x80\x00"), NONE, 0);
	EXPECT(&guest, "read", access(&guest, READ, 0), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 1);

	/* A large page at 800000h; INVLPG of another address in it. */
	poke(&guest, DIRECTORY + 8, 4, 0x400000 | P | W | PS);
	poke(&guest, 0x400000, 4, 3);
	poke(&guest, 0xc00000, 4, 4);
	set(&guest, CBX_CR3, DIRECTORY);
	EXPECT(&guest, "read", access(&guest, READ, 0), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 3);
	poke(&guest, DIRECTORY + 8, 4, 0xc00000 | P | W | PS);
	EXPECT(&guest, "INVLPG", RUN(&guest, "\x0f\x01\x3d\x00\x50\x80\x00"), NONE, 0);
	EXPECT(&guest, "read", access(&guest, READ, 0), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 4);
	guest_free(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights_32bit),
		cmocka_unit_test(rights_pae),
		cmocka_unit_test(reserved_bits),
		cmocka_unit_test(flushes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
