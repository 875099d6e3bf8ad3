/*
 * When SIMD instructions may run, what they want aligned, what a fault leaves alone, and what they
 * do to the registers that they share with the x87: on a bare machine, one instruction at a time.
 * (What they compute is compared with silicon: testsuite/instructions/silicon64.c.)
 */
#include "system_guest.h"

#include <stdio.h>
#include <string.h>

enum {
	NM = 7, MF = 16, AC = 17,
	EM = 4, SWITCHED = 8, NE = 0x20, AM = 0x40000,        /* CR0; SWITCHED: TS */
	OSFXSR = 0x200, OSXMMEXCPT = 0x400, OSXSAVE = 0x40000, USUAL = OSFXSR | OSXMMEXCPT | OSXSAVE,
	X87_STATE = 1, SSE_STATE = 2, AVX_STATE = 4, ALL_STATE = 7,
	PENDING = 1,                    /* an x87 exception */
	PAGES = 0x100000, ABSENT = DATA_AT + 0x1000     /* page tables; a page that is not there */
};
#define PG 0x80000000u

static void vector_guest(struct guest *guest)
{
	guest_new(guest, "max");
	set(guest, CBX_CR4, USUAL);
	set(guest, CBX_XCR0, ALL_STATE);
	set(guest, CBX_CR0, 0x11 | NE);
	set(guest, CBX_RSI, DATA_AT);
}

static uint64_t ymm(const struct guest *guest, unsigned n, unsigned qword)
{
	return reg(guest, CBX_YMM0 + 4 * n + qword);
}

static void set_ymm(struct guest *guest, unsigned n, uint64_t q0, uint64_t q1, uint64_t q2, uint64_t q3)
{
	set(guest, CBX_YMM0 + 4 * n, q0);
	set(guest, CBX_YMM0 + 4 * n + 1, q1);
	set(guest, CBX_YMM0 + 4 * n + 2, q2);
	set(guest, CBX_YMM0 + 4 * n + 3, q3);
}

static void expect_ymm(const struct guest *guest, unsigned n, uint64_t q0, uint64_t q1, uint64_t q2, uint64_t q3)
{
	assert_int_equal(ymm(guest, n, 0), q0);
	assert_int_equal(ymm(guest, n, 1), q1);
	assert_int_equal(ymm(guest, n, 2), q2);
	assert_int_equal(ymm(guest, n, 3), q3);
}

/* SDM volume 2, 2.4: #UD, #NM and #MF of each kind of instruction. */
static void availability(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned size;
		uint32_t cr0, cr4, xcr0, pending;
		int vector;
	} cases[] = {
		{ "PADDB xmm", "\x66\x0f\xfc\xc1", 4, 0, USUAL, 7, 0, NONE },
		{ "PADDB xmm, x87 error", "\x66\x0f\xfc\xc1", 4, 0, USUAL, 7, PENDING, NONE },
		{ "PADDB xmm, no OSFXSR", "\x66\x0f\xfc\xc1", 4, 0, OSXSAVE, 7, 0, UD },
		{ "PADDB xmm, EM", "\x66\x0f\xfc\xc1", 4, EM, USUAL, 7, 0, UD },
		{ "PADDB xmm, TS", "\x66\x0f\xfc\xc1", 4, SWITCHED, USUAL, 7, 0, NM },
		{ "PADDB xmm, EM and TS", "\x66\x0f\xfc\xc1", 4, EM | SWITCHED, USUAL, 7, 0, UD },
		{ "PADDB xmm, no OSXSAVE", "\x66\x0f\xfc\xc1", 4, 0, OSFXSR, 7, 0, NONE },
		{ "VPADDB", "\xc5\xf1\xfc\xc1", 4, 0, USUAL, 7, 0, NONE },
		{ "VPADDB, no OSFXSR", "\xc5\xf1\xfc\xc1", 4, 0, OSXSAVE, 7, 0, NONE },
		{ "VPADDB, EM", "\xc5\xf1\xfc\xc1", 4, EM, USUAL, 7, 0, NONE },
		{ "VPADDB, TS", "\xc5\xf1\xfc\xc1", 4, SWITCHED, USUAL, 7, 0, NM },
		{ "VPADDB, no OSXSAVE", "\xc5\xf1\xfc\xc1", 4, 0, OSFXSR, 7, 0, UD },
		{ "VPADDB, no AVX state", "\xc5\xf1\xfc\xc1", 4, 0, USUAL, 3, 0, UD },
		{ "VPADDB, neither that nor TS", "\xc5\xf1\xfc\xc1", 4, SWITCHED, USUAL, 3, 0, UD },
		{ "PADDB mm", "\x0f\xfc\xc1", 3, 0, 0, 1, 0, NONE },
		{ "PADDB mm, EM", "\x0f\xfc\xc1", 3, EM, USUAL, 7, 0, UD },
		{ "PADDB mm, TS", "\x0f\xfc\xc1", 3, SWITCHED, USUAL, 7, 0, NM },
		{ "PADDB mm, EM and TS", "\x0f\xfc\xc1", 3, EM | SWITCHED, USUAL, 7, 0, UD },
		{ "PADDB mm, x87 error", "\x0f\xfc\xc1", 3, 0, USUAL, 7, PENDING, MF },
		{ "PADDB mm, x87 error and TS", "\x0f\xfc\xc1", 3, SWITCHED, USUAL, 7, PENDING, NM },
		{ "PADDB mm, [esi], x87 error", "\x0f\xfc\x06", 3, 0, USUAL, 7, PENDING, MF },
		{ "PSRLW mm, 1, EM", "\x0f\x71\xd0\x01", 4, EM, USUAL, 7, 0, UD },
		{ "MOVD mm, eax, TS", "\x0f\x6e\xc0", 3, SWITCHED, USUAL, 7, 0, NM },
		{ "PMOVMSKB eax, mm, x87 error", "\x0f\xd7\xc0", 3, 0, USUAL, 7, PENDING, MF },
		{ "MASKMOVQ, x87 error", "\x0f\xf7\xc1", 3, 0, USUAL, 7, PENDING, MF },
		{ "EMMS, EM", "\x0f\x77", 2, EM, USUAL, 7, 0, UD },
		{ "EMMS, TS", "\x0f\x77", 2, SWITCHED, USUAL, 7, 0, NM },
		{ "EMMS, x87 error", "\x0f\x77", 2, 0, USUAL, 7, PENDING, MF },
		{ "MOVQ2DQ, no OSFXSR", "\xf3\x0f\xd6\xc0", 4, 0, 0, 7, 0, UD },
		{ "MOVQ2DQ, x87 error", "\xf3\x0f\xd6\xc0", 4, 0, USUAL, 7, PENDING, MF },
		{ "VZEROUPPER, TS", "\xc5\xf8\x77", 3, SWITCHED, USUAL, 7, 0, NM },
		{ "MOVNTI, EM", "\x0f\xc3\x06", 3, EM, 0, 1, 0, NONE },
		{ "LFENCE, EM", "\x0f\xae\xe8", 3, EM, 0, 1, 0, NONE },
		{ "CLFLUSH, TS", "\x0f\xae\x3e", 3, SWITCHED, 0, 1, 0, NONE },
		{ "PREFETCHT0, TS", "\x0f\x18\x0e", 3, SWITCHED, 0, 1, 0, NONE },
		{ "VPADDB with LOCK", "\xf0\xc5\xf1\xfc\xc1", 5, 0, USUAL, 7, 0, UD },
		{ "VPADDB with 66h", "\x66\xc5\xf1\xfc\xc1", 5, 0, USUAL, 7, 0, UD },
		{ "VMOVDQA with VEX.vvvv", "\xc5\xf1\x6f\xc1", 4, 0, USUAL, 7, 0, UD },
		{ "VAESENC ymm", "\xc4\xe2\x75\xdc\xc1", 5, 0, USUAL, 7, 0, UD },
		{ "VPERMQ xmm", "\xc4\xe3\xf9\x00\xc1\x00", 6, 0, USUAL, 7, 0, UD },
		{ "VPERMD with W1", "\xc4\xe2\xf5\x36\xc1", 5, 0, USUAL, 7, 0, UD },
		{ "VPGATHERDD, mask is index", "\xc4\xe2\x75\x90\x04\x0e", 6, 0, USUAL, 7, 0, UD },
		{ "VPGATHERDD without SIB", "\xc4\xe2\x75\x90\x06", 5, 0, USUAL, 7, 0, UD },
		{ "MOVNTDQ of registers", "\x66\x0f\xe7\xc1", 4, 0, USUAL, 7, 0, UD },
		{ "PMOVMSKB of memory", "\x66\x0f\xd7\x06", 4, 0, USUAL, 7, 0, UD },
		{ "F3 PADDB", "\xf3\x0f\xfc\xc1", 4, 0, USUAL, 7, 0, UD },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		vector_guest(&guest);
		set(&guest, CBX_CR0, 0x11 | NE | cases[n].cr0);
		set(&guest, CBX_CR4, cases[n].cr4);
		set(&guest, CBX_XCR0, cases[n].xcr0);
		if (cases[n].pending) {
			set(&guest, CBX_FCW, 0x37e);
			set(&guest, CBX_FSW, 0x81);
		}
		EXPECT(&guest, cases[n].name, run(&guest, cases[n].code, cases[n].size), cases[n].vector, 0);
		guest_free(&guest);
	}
}

/* A processor without the feature: #UD; 256-bit integers need AVX2. */
static void features(void **state)
{
	static const struct {
		const char *name, *cpu, *code;
		unsigned size;
		int vector;
	} cases[] = {
		{ "PADDB xmm", "pentium3", "\x66\x0f\xfc\xc1", 4, UD },
		{ "MOVAPS", "pentium3", "\x0f\x28\xc1", 3, NONE },
		{ "PSHUFB", "core2", "\x66\x0f\x38\x00\xc1", 5, NONE },
		{ "PMINSB", "core2", "\x66\x0f\x38\x38\xc1", 5, UD },
		{ "PMINSB", "nehalem", "\x66\x0f\x38\x38\xc1", 5, NONE },
		{ "VPADDB xmm", "nehalem", "\xc5\xf1\xfc\xc1", 4, UD },
		{ "AESENC", "nehalem", "\x66\x0f\x38\xdc\xc1", 5, UD },
		{ "VPADDB ymm", "haswell", "\xc5\xf5\xfc\xc1", 4, NONE },
		{ "VPADDB ymm", "haswell,-avx2", "\xc5\xf5\xfc\xc1", 4, UD },
		{ "VPADDB xmm", "haswell,-avx2", "\xc5\xf1\xfc\xc1", 4, NONE },
		{ "VANDPS ymm", "haswell,-avx2", "\xc5\xf4\x54\xc1", 4, NONE },
		{ "VBROADCASTSS [esi]", "haswell,-avx2", "\xc4\xe2\x79\x18\x06", 5, NONE },
		{ "VBROADCASTSS xmm", "haswell,-avx2", "\xc4\xe2\x79\x18\xc1", 5, UD },
		{ "VBROADCASTSS xmm", "haswell", "\xc4\xe2\x79\x18\xc1", 5, NONE },
		{ "SHA1NEXTE", "haswell", "\x0f\x38\xc8\xc1", 4, UD },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;
		bool avx = strncmp(cases[n].cpu, "haswell", 7) == 0;

		guest_new(&guest, cases[n].cpu);
		set(&guest, CBX_CR4, OSFXSR | (avx ? OSXSAVE : 0));
		if (avx)
			set(&guest, CBX_XCR0, ALL_STATE);
		set(&guest, CBX_RSI, DATA_AT);
		EXPECT(&guest, cases[n].name, run(&guest, cases[n].code, cases[n].size), cases[n].vector, 0);
		guest_free(&guest);
	}
}

/* In real and virtual-8086 mode there is no VEX: these bytes are LDS and LES, of a register #UD. */
static void no_vex(void **state)
{
	struct guest guest;

	(void)state;
	vector_guest(&guest);
	at_v86(&guest, 3);
	EXPECT(&guest, "VPADDB in virtual-8086 mode", RUN(&guest, "\xc5\xf1\xfc\xc1"), UD, 0);
	guest_free(&guest);
	vector_guest(&guest);
	at_v86(&guest, 3);
	set_ymm(&guest, 0, 1, 2, 3, 4);
	EXPECT(&guest, "PADDB in virtual-8086 mode", RUN(&guest, "\x66\x0f\xfc\xc0"), NONE, 0);
	expect_ymm(&guest, 0, 2, 4, 3, 4);
	guest_free(&guest);
}

static void alignment(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned size, offset;
		int vector, checked;    /* checked: with alignment checks on, at privilege 3 */
	} cases[] = {
		{ "PADDB", "\x66\x0f\xfc\x06", 4, 8, GP, GP },
		{ "PADDB", "\x66\x0f\xfc\x06", 4, 16, NONE, NONE },
		{ "PSRLW by memory", "\x66\x0f\xd1\x06", 4, 4, GP, GP },
		{ "MOVAPS", "\x0f\x28\x06", 3, 1, GP, GP },
		{ "MOVAPS store", "\x0f\x29\x06", 3, 8, GP, GP },
		{ "MOVNTPS", "\x0f\x2b\x06", 3, 8, GP, GP },
		{ "MOVNTDQA", "\x66\x0f\x38\x2a\x06", 5, 8, GP, GP },
		{ "MOVUPS", "\x0f\x10\x06", 3, 1, NONE, AC },
		{ "MOVUPS store", "\x0f\x11\x06", 3, 8, NONE, AC },
		{ "LDDQU", "\xf2\x0f\xf0\x06", 4, 1, NONE, AC },
		{ "PCMPISTRI", "\x66\x0f\x3a\x63\x06\x00", 6, 1, NONE, AC },
		{ "PMOVZXBW", "\x66\x0f\x38\x30\x06", 5, 1, NONE, AC },
		{ "MOVHPS", "\x0f\x16\x06", 3, 4, NONE, AC },
		{ "INSERTPS", "\x66\x0f\x3a\x21\x06\x00", 6, 2, NONE, AC },
		{ "VPADDB", "\xc5\xf1\xfc\x06", 4, 8, NONE, AC },
		{ "VPADDB ymm", "\xc5\xf5\xfc\x06", 4, 16, NONE, NONE },
		{ "VPADDB ymm", "\xc5\xf5\xfc\x06", 4, 8, NONE, AC },
		{ "VMOVAPS", "\xc5\xf8\x28\x06", 4, 8, GP, GP },
		{ "VMOVAPS ymm", "\xc5\xfc\x28\x06", 4, 16, GP, GP },
		{ "VMOVAPS ymm", "\xc5\xfc\x28\x06", 4, 32, NONE, NONE },
		{ "VMOVNTDQ ymm", "\xc5\xfd\xe7\x06", 4, 16, GP, GP },
		{ "VMASKMOVPS", "\xc4\xe2\x75\x2c\x06", 5, 1, NONE, NONE },
		{ "PADDB mm", "\x0f\xfc\x06", 3, 4, NONE, AC },
		{ "PUNPCKLBW mm", "\x0f\x60\x06", 3, 4, NONE, NONE },
	};

	(void)state;
	for (size_t n = 0; n < 2 * (sizeof(cases) / sizeof(cases[0])); n++) {
		struct guest guest;
		bool checks = n & 1;

		vector_guest(&guest);
		set(&guest, CBX_RSI, DATA_AT + cases[n / 2].offset);
		set_ymm(&guest, 1, ~0ull, ~0ull, ~0ull, ~0ull);
		if (checks) {
			set(&guest, CBX_CR0, 0x11 | NE | AM);
			set(&guest, CBX_RFLAGS, 0x40002);
			at_privilege(&guest, 3);
			for (unsigned s = 0; s < 6; s++)
				if (s != 1 && s != 2)
					load_segment(&guest, s, DATA3);
		}
		EXPECT(&guest, cases[n / 2].name, run(&guest, cases[n / 2].code, cases[n / 2].size),
		       checks ? cases[n / 2].checked : cases[n / 2].vector, 0);
		guest_free(&guest);
	}
}

static void sha_alignment(void **state)
{
	static const struct {
		const char *cpu;
		int vector;
	} cases[] = { { "max", GP }, { "max,vendor=amd", NONE } };

	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct guest guest;

		guest_new(&guest, cases[n].cpu);
		set(&guest, CBX_CR4, USUAL);
		set(&guest, CBX_RSI, DATA_AT + 8);
		EXPECT(&guest, cases[n].cpu, RUN(&guest, "\x0f\x38\xc9\x06"), cases[n].vector, 0);
		guest_free(&guest);
	}
}

/* ---- Faults ---- */

/* Linear is physical, up to 4 MiB, but for one page. */
static void paged_guest(struct guest *guest)
{
	vector_guest(guest);
	poke(guest, PAGES, 4, (PAGES + 0x1000) | 7);
	for (unsigned n = 0; n < 1024; n++)
		poke(guest, PAGES + 0x1000 + 4 * n, 4, (uint64_t)n << 12 | (n << 12 == ABSENT ? 0 : 7));
	set(guest, CBX_CR3, PAGES);
	set(guest, CBX_CR0, 0x11 | NE | PG);
	for (unsigned n = 0; n < 64; n++)
		poke(guest, ABSENT - 64 + n, 1, 0x40 + n);
}

static void faults(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned size, before;  /* bytes from the operand to the absent page */
		uint32_t error, cr2;
	} cases[] = {
		{ "MOVUPS store", "\x0f\x11\x06", 3, 3, 2, ABSENT },
		{ "MOVUPS load", "\x0f\x10\x06", 3, 15, 0, ABSENT },
		{ "MOVAPS load", "\x0f\x28\x06", 3, 0, 0, ABSENT },
		{ "VMOVUPS ymm store", "\xc5\xfc\x11\x06", 4, 31, 2, ABSENT },
		{ "VMOVUPS ymm load", "\xc5\xfc\x10\x06", 4, 1, 0, ABSENT },
		{ "MOVQ store", "\x66\x0f\xd6\x06", 4, 7, 2, ABSENT },
		{ "MOVQ mm store", "\x0f\x7f\x06", 3, 4, 2, ABSENT },
		{ "PADDB mm", "\x0f\xfc\x06", 3, 4, 0, ABSENT },
		{ "VPADDB ymm", "\xc5\xf5\xfc\x06", 4, 20, 0, ABSENT },
		{ "PEXTRW store", "\x66\x0f\x3a\x15\x06\x01", 6, 1, 2, ABSENT },
		{ "PTEST", "\x66\x0f\x38\x17\x06", 5, 0, 0, ABSENT },
		{ "PCMPISTRI", "\x66\x0f\x3a\x63\x06\x00", 6, 8, 0, ABSENT },
		{ "VPMASKMOVD store", "\xc4\xe2\x75\x8e\x06", 5, 8, 2, ABSENT },
		{ "VPMASKMOVD load", "\xc4\xe2\x75\x8c\x06", 5, 12, 0, ABSENT },
		{ "MASKMOVDQU", "\x66\x0f\xf7\xc1", 4, 15, 2, ABSENT },
		{ "VEXTRACTF128", "\xc4\xe3\x7d\x19\x06\x01", 6, 9, 2, ABSENT },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		paged_guest(&guest);
		set(&guest, CBX_FSW, 3 << 11);
		set(&guest, CBX_FTW, 0xffff);
		set_ymm(&guest, 0, 11, 12, 13, 14);
		set_ymm(&guest, 1, ~0ull, ~0ull, ~0ull, ~0ull);
		set(&guest, CBX_RSI, ABSENT - cases[n].before);
		set(&guest, CBX_RDI, ABSENT - cases[n].before);
		EXPECT(&guest, cases[n].name, run(&guest, cases[n].code, cases[n].size), PF, cases[n].error);
		assert_int_equal(reg(&guest, CBX_CR2), cases[n].cr2);
		expect_ymm(&guest, 0, 11, 12, 13, 14);
		expect_ymm(&guest, 1, ~0ull, ~0ull, ~0ull, ~0ull);
		assert_int_equal(reg(&guest, CBX_FSW), 3 << 11);
		assert_int_equal(reg(&guest, CBX_FTW), 0xffff);
		for (unsigned k = 0; k < 64; k++)
			assert_int_equal(peek(&guest, ABSENT - 64 + k, 1), 0x40 + k);
		guest_free(&guest);
	}
}

/* Elements that the mask does not select are not accessed. */
static void masked(void **state)
{
	struct guest guest;

	(void)state;
	paged_guest(&guest);
	set_ymm(&guest, 0, 0x1111111122222222, 0x3333333344444444, 5, 6);
	set_ymm(&guest, 1, 0x8000000000000000, 0, 0, 0);
	set(&guest, CBX_RSI, ABSENT - 8);
	EXPECT(&guest, "VPMASKMOVD store", RUN(&guest, "\xc4\xe2\x75\x8e\x06"), NONE, 0);
	assert_int_equal(peek(&guest, ABSENT - 8, 4), 0x7b7a7978);
	assert_int_equal(peek(&guest, ABSENT - 4, 4), 0x11111111);
	EXPECT(&guest, "VPMASKMOVD load", RUN(&guest, "\xc4\xe2\x75\x8c\x06"), NONE, 0);
	expect_ymm(&guest, 0, 0x1111111100000000, 0, 0, 0);
	set_ymm(&guest, 1, 0, 0, 0, 0);
	set(&guest, CBX_RSI, ABSENT + 64);
	EXPECT(&guest, "VPMASKMOVD of nothing", RUN(&guest, "\xc4\xe2\x75\x8e\x06"), NONE, 0);
	set(&guest, CBX_RDI, ABSENT - 16);
	set_ymm(&guest, 0, 0x0101010101010101, 0x0202020202020202, 0, 0);
	set_ymm(&guest, 1, 0x80, 0x8000000000000000, 0, 0);
	EXPECT(&guest, "MASKMOVDQU", RUN(&guest, "\x66\x0f\xf7\xc1"), NONE, 0);
	assert_int_equal(peek(&guest, ABSENT - 16, 4), 0x73727101);
	assert_int_equal(peek(&guest, ABSENT - 4, 4), 0x02111111);
	guest_free(&guest);
}

/* A gather that faults has done what came before, and goes on from there. */
static void gather_faults(void **state)
{
	struct guest guest;
	uint64_t entry = PAGES + 0x1000 + 4 * (ABSENT >> 12);

	(void)state;
	paged_guest(&guest);
	poke(&guest, DATA_AT, 4, 0xaaaa);
	poke(&guest, DATA_AT + 8, 4, 0xbbbb);
	poke(&guest, ABSENT, 4, 0xcccc);
	set_ymm(&guest, 0, 0x7777777788888888, 0x99999999aaaaaaaa, 1, 2);
	set_ymm(&guest, 1, 0x7fffffff80000000, 0xffffffff80000001, 3, 4);
	set_ymm(&guest, 2, 0x0000100000000000, 0x0000000800001000, 0, 0);
	EXPECT(&guest, "VPGATHERDD", RUN(&guest, "\xc4\xe2\x71\x90\x04\x16"), PF, 0);
	assert_int_equal(reg(&guest, CBX_CR2), ABSENT);
	expect_ymm(&guest, 0, 0x777777770000aaaa, 0x99999999aaaaaaaa, 1, 2);
	expect_ymm(&guest, 1, 0, 0xffffffff80000001, 3, 4);
	poke(&guest, entry, 4, ABSENT | 7);
	at_privilege(&guest, 0);
	EXPECT(&guest, "VPGATHERDD again", RUN(&guest, "\xc4\xe2\x71\x90\x04\x16"), NONE, 0);
	expect_ymm(&guest, 0, 0x777777770000aaaa, 0x0000bbbb0000cccc, 0, 0);
	expect_ymm(&guest, 1, 0, 0, 0, 0);
	guest_free(&guest);
}

/* ---- Registers ---- */

static void upper_halves(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned size;
		uint64_t q2, q3;        /* of YMM0 afterwards; 13 and 14 before */
	} cases[] = {
		{ "PADDB", "\x66\x0f\xfc\xc1", 4, 13, 14 },
		{ "VPADDB xmm", "\xc5\xf9\xfc\xc1", 4, 0, 0 },
		{ "VPADDB ymm", "\xc5\xfd\xfc\xc1", 4, 13 + 23, 14 + 24 },
		{ "MOVAPS", "\x0f\x28\xc1", 3, 13, 14 },
		{ "VMOVAPS xmm", "\xc5\xf8\x28\xc1", 4, 0, 0 },
		{ "VMOVAPS ymm", "\xc5\xfc\x28\xc1", 4, 23, 24 },
		{ "VMOVAPS xmm, store form", "\xc5\xf8\x29\xc8", 4, 0, 0 },
		{ "MOVSS", "\xf3\x0f\x10\x06", 4, 13, 14 },
		{ "VMOVSS", "\xc5\xfa\x10\x06", 4, 0, 0 },
		{ "VMOVSS with L", "\xc5\xfe\x10\x06", 4, 0, 0 },
		{ "VMOVD", "\xc5\xf9\x6e\xc0", 4, 0, 0 },
		{ "VPINSRW", "\xc5\xf9\xc4\xc0\x01", 5, 0, 0 },
		{ "VPSLLW xmm, 1", "\xc5\xf9\x71\xf0\x01", 5, 0, 0 },
		{ "VPSLLW ymm, 1", "\xc5\xfd\x71\xf0\x01", 5, 26, 28 },
		{ "PSLLW xmm, 1", "\x66\x0f\x71\xf0\x01", 5, 13, 14 },
		{ "VPSLLDQ ymm, 1", "\xc5\xfd\x73\xf8\x01", 5, 13 << 8, 14 << 8 },
		{ "VZEROUPPER", "\xc5\xf8\x77", 3, 0, 0 },
		{ "PCMPISTRM", "\x66\x0f\x3a\x62\xc1\x00", 6, 13, 14 },
		{ "VPCMPISTRM", "\xc4\xe3\x79\x62\xc1\x00", 6, 0, 0 },
		{ "AESENC", "\x66\x0f\x38\xdc\xc1", 5, 13, 14 },
		{ "VAESENC", "\xc4\xe2\x79\xdc\xc1", 5, 0, 0 },
		{ "VBROADCASTF128", "\xc4\xe2\x7d\x1a\x06", 5, 0x1122, 0x3344 },
		{ "VPERM2F128 of zeros", "\xc4\xe3\x7d\x06\xc1\x88", 6, 0, 0 },
		{ "VMASKMOVPS xmm", "\xc4\xe2\x71\x2c\x06", 5, 0, 0 },
		{ "VPGATHERQD xmm", "\xc4\xe2\x71\x91\x04\x16", 6, 0, 0 },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		vector_guest(&guest);
		set_ymm(&guest, 0, 11, 12, 13, 14);
		set_ymm(&guest, 1, 21, 22, 23, 24);
		poke(&guest, DATA_AT, 8, 0x1122);
		poke(&guest, DATA_AT + 8, 8, 0x3344);
		EXPECT(&guest, cases[n].name, run(&guest, cases[n].code, cases[n].size), NONE, 0);
		if (ymm(&guest, 0, 2) != cases[n].q2 || ymm(&guest, 0, 3) != cases[n].q3)
			print_error("%s:\n", cases[n].name);
		assert_int_equal(ymm(&guest, 0, 2), cases[n].q2);
		assert_int_equal(ymm(&guest, 0, 3), cases[n].q3);
		guest_free(&guest);
	}
}

/* Outside 64-bit mode there are eight registers; VZEROALL leaves the others alone. */
static void eight_registers(void **state)
{
	struct guest guest;

	(void)state;
	vector_guest(&guest);
	for (unsigned n = 0; n < 16; n++)
		set_ymm(&guest, n, n + 1, n + 2, n + 3, n + 4);
	EXPECT(&guest, "VZEROUPPER", RUN(&guest, "\xc5\xf8\x77"), NONE, 0);
	for (unsigned n = 0; n < 16; n++)
		expect_ymm(&guest, n, n + 1, n + 2, n < 8 ? 0 : n + 3, n < 8 ? 0 : n + 4);
	EXPECT(&guest, "VZEROALL", RUN(&guest, "\xc5\xfc\x77"), NONE, 0);
	for (unsigned n = 0; n < 16; n++)
		expect_ymm(&guest, n, n < 8 ? 0 : n + 1, n < 8 ? 0 : n + 2, n < 8 ? 0 : n + 3, n < 8 ? 0 : n + 4);
	guest_free(&guest);
}

/* SDM volume 1, 9.5: MMX and the x87 registers. */
static void mmx(void **state)
{
	struct guest guest;

	(void)state;
	vector_guest(&guest);
	set(&guest, CBX_FSW, 5 << 11 | 0x4700);
	set(&guest, CBX_FTW, 0xffff);
	set(&guest, CBX_RAX, 0x89abcdef);
	EXPECT(&guest, "MOVD mm2, eax", RUN(&guest, "\x0f\x6e\xd0"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_FSW), 0x4700);
	assert_int_equal(reg(&guest, CBX_FR0 + 2), 0x89abcdef);
	assert_int_equal(reg(&guest, CBX_FR0_EXPONENT + 2), 0xffff);
	assert_int_equal(reg(&guest, CBX_FR0_EXPONENT + 1), 0);
	/* None is empty: what is in them says the rest. */
	for (unsigned n = 0; n < 8; n++)
		assert_int_not_equal(reg(&guest, CBX_FTW) >> 2 * n & 3, 3);
	set(&guest, CBX_FTW, 0xffff);
	set(&guest, CBX_FSW, 3 << 11);
	EXPECT(&guest, "MOVD [esi], mm2", RUN(&guest, "\x0f\x7e\x16"), NONE, 0);
	assert_int_equal(peek(&guest, DATA_AT, 4), 0x89abcdef);
	assert_int_equal(reg(&guest, CBX_FSW), 0);
	assert_int_not_equal(reg(&guest, CBX_FTW), 0xffff);
	EXPECT(&guest, "EMMS", RUN(&guest, "\x0f\x77"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_FTW), 0xffff);
	assert_int_equal(reg(&guest, CBX_FR0 + 2), 0x89abcdef);
	guest_free(&guest);
}

/* A wide store over the code that follows. */
static void code_is_overwritten(void **state)
{
	struct guest guest;
	static const uint8_t nops[16] = { [0] = 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
					  0x90, 0x90, 0x90, 0x90, 0x90 };

	(void)state;
	vector_guest(&guest);
	poke_bytes(&guest, CODE_AT, nops, sizeof nops);
	poke_bytes(&guest, CODE_AT + 16, nops, sizeof nops);
	/* MOVUPS [edi], xmm0; then what becomes MOV EAX, 12345678h. */
	poke_bytes(&guest, CODE_AT, "\x0f\x11\x07", 3);
	set(&guest, CBX_RDI, CODE_AT + 3);
	set_ymm(&guest, 0, 0x90909012345678b8, 0x9090909090909090, 0, 0);
	for (unsigned n = 0; n < 2; n++)
		step(&guest);
	assert_int_equal(reg(&guest, CBX_RAX), 0x12345678);
	assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + 8);
	guest_free(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(availability), cmocka_unit_test(features), cmocka_unit_test(no_vex),
		cmocka_unit_test(alignment), cmocka_unit_test(sha_alignment), cmocka_unit_test(faults),
		cmocka_unit_test(masked), cmocka_unit_test(gather_faults), cmocka_unit_test(upper_halves),
		cmocka_unit_test(eight_registers), cmocka_unit_test(mmx),
		cmocka_unit_test(code_is_overwritten),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vector conditions", tests, NULL, NULL);
}
