/*
 * When floating-point SIMD instructions and those that keep its state may run, their exceptions, and
 * the images they make in memory: on a bare machine, one instruction at a time.  (What they compute
 * is compared with silicon: test_ieee.c, testsuite/instructions/silicon64.c.)
 */
#include "system_guest.h"

#include <stdio.h>
#include <string.h>

enum {
	NM = 7, MF = 16, XM = 19,
	EM = 4, SWITCHED = 8, NE = 0x20,        /* CR0; SWITCHED: TS */
	OSFXSR = 0x200, OSXMMEXCPT = 0x400, OSXSAVE = 0x40000, USUAL = OSFXSR | OSXMMEXCPT | OSXSAVE,
	ALL_STATE = 7, PENDING = 1,             /* an x87 exception */
	HEADER = DATA_AT + 512
};

static void float_guest(struct guest *guest)
{
	guest_new(guest, "max");
	set(guest, CBX_CR4, USUAL);
	set(guest, CBX_XCR0, ALL_STATE);
	set(guest, CBX_CR0, 0x11 | NE);
	set(guest, CBX_RSI, DATA_AT);
	set(guest, CBX_FCW, 0x37f);
	set(guest, CBX_FTW, 0xffff);
	set(guest, CBX_RAX, 7);
	set(guest, CBX_RDX, 0);
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
	assert_int_equal(reg(guest, CBX_YMM0 + 4 * n), q0);
	assert_int_equal(reg(guest, CBX_YMM0 + 4 * n + 1), q1);
	assert_int_equal(reg(guest, CBX_YMM0 + 4 * n + 2), q2);
	assert_int_equal(reg(guest, CBX_YMM0 + 4 * n + 3), q3);
}

static void poke64(struct guest *guest, uint64_t address, uint64_t value)
{
	poke(guest, address, 4, (uint32_t)value);
	poke(guest, address + 4, 4, value >> 32);
}

static uint64_t peek64(const struct guest *guest, uint64_t address)
{
	return (uint64_t)peek(guest, address + 4, 4) << 32 | peek(guest, address, 4);
}

/* #UD, #NM and #MF of each kind of instruction. */
static void availability(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned size;
		uint32_t cr0, cr4, xcr0, pending;
		int vector;
	} cases[] = {
		{ "ADDPS", "\x0f\x58\xc1", 3, 0, USUAL, 7, 0, NONE },
		{ "ADDPS, no OSFXSR", "\x0f\x58\xc1", 3, 0, OSXSAVE, 7, 0, UD },
		{ "ADDPS, EM", "\x0f\x58\xc1", 3, EM, USUAL, 7, 0, UD },
		{ "ADDPS, TS", "\x0f\x58\xc1", 3, SWITCHED, USUAL, 7, 0, NM },
		{ "ADDPS, x87 error", "\x0f\x58\xc1", 3, 0, USUAL, 7, PENDING, NONE },
		{ "VADDPS, no AVX state", "\xc5\xf0\x58\xc1", 4, 0, USUAL, 3, 0, UD },
		{ "VADDPS, no OSXSAVE", "\xc5\xf0\x58\xc1", 4, 0, OSFXSR, 7, 0, UD },
		{ "VADDPS, TS", "\xc5\xf0\x58\xc1", 4, SWITCHED, USUAL, 7, 0, NM },
		{ "VSQRTPS with VEX.vvvv", "\xc5\xf0\x51\xc1", 4, 0, USUAL, 7, 0, UD },
		{ "VDPPD ymm", "\xc4\xe3\x75\x41\xc1\xff", 6, 0, USUAL, 7, 0, UD },
		{ "VCVTPH2PS with W1", "\xc4\xe2\xf9\x13\xc1", 5, 0, USUAL, 7, 0, UD },
		{ "VFMADD132PD", "\xc4\xe2\xf1\x98\xc2", 5, 0, USUAL, 7, 0, NONE },
		{ "CVTPI2PS mm, x87 error", "\x0f\x2a\xc1", 3, 0, USUAL, 7, PENDING, MF },
		{ "CVTPI2PS [esi], x87 error", "\x0f\x2a\x06", 3, 0, USUAL, 7, PENDING, NONE },
		{ "CVTPS2PI, x87 error", "\x0f\x2d\xc1", 3, 0, USUAL, 7, PENDING, MF },
		{ "LDMXCSR, no OSFXSR", "\x0f\xae\x16", 3, 0, 0, 7, 0, UD },
		{ "LDMXCSR, TS", "\x0f\xae\x16", 3, SWITCHED, USUAL, 7, 0, NM },
		{ "STMXCSR, EM", "\x0f\xae\x1e", 3, EM, USUAL, 7, 0, UD },
		{ "VSTMXCSR", "\xc5\xf8\xae\x1e", 4, 0, USUAL, 7, 0, NONE },
		{ "VSTMXCSR, L1", "\xc5\xfc\xae\x1e", 4, 0, USUAL, 7, 0, UD },
		{ "FXSAVE, EM", "\x0f\xae\x06", 3, EM, USUAL, 7, 0, NM },
		{ "FXSAVE, TS", "\x0f\xae\x06", 3, SWITCHED, USUAL, 7, 0, NM },
		{ "FXSAVE, x87 error, no OSFXSR", "\x0f\xae\x06", 3, 0, 0, 7, PENDING, NONE },
		{ "FXRSTOR, TS", "\x0f\xae\x0e", 3, SWITCHED, USUAL, 7, 0, NM },
		{ "XSAVE", "\x0f\xae\x26", 3, 0, USUAL, 7, 0, NONE },
		{ "XSAVE, EM", "\x0f\xae\x26", 3, EM, USUAL, 7, 0, NONE },
		{ "XSAVE, no OSXSAVE", "\x0f\xae\x26", 3, 0, OSFXSR, 7, 0, UD },
		{ "XSAVE, no OSXSAVE, TS", "\x0f\xae\x26", 3, SWITCHED, OSFXSR, 7, 0, UD },
		{ "XSAVE, TS", "\x0f\xae\x26", 3, SWITCHED, USUAL, 7, 0, NM },
		{ "XSAVE with 66h", "\x66\x0f\xae\x26", 4, 0, USUAL, 7, 0, UD },
		{ "XRSTOR, TS", "\x0f\xae\x2e", 3, SWITCHED, USUAL, 7, 0, NM },
		{ "XSAVEC, no OSXSAVE", "\x0f\xc7\x26", 3, 0, OSFXSR, 7, 0, UD },
		{ "XSAVES", "\x0f\xc7\x2e", 3, 0, USUAL, 7, 0, NONE },
		{ "XRSTORS, TS", "\x0f\xc7\x1e", 3, SWITCHED, USUAL, 7, 0, NM },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		float_guest(&guest);
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

/* Every model has its extensions and no more. */
static void features(void **state)
{
	static const struct {
		const char *name, *cpu, *code;
		unsigned size;
		int vector;
	} cases[] = {
		{ "ADDPS", "pentium3", "\x0f\x58\xc1", 3, NONE },
		{ "ADDPD", "pentium3", "\x66\x0f\x58\xc1", 4, UD },
		{ "HADDPS", "core2", "\xf2\x0f\x7c\xc1", 4, NONE },
		{ "ROUNDPS", "core2", "\x66\x0f\x3a\x08\xc1\x00", 6, UD },
		{ "ROUNDPS", "nehalem", "\x66\x0f\x3a\x08\xc1\x00", 6, NONE },
		{ "VADDPS", "nehalem", "\xc5\xf0\x58\xc1", 4, UD },
		{ "XSAVE", "nehalem", "\x0f\xae\x26", 3, UD },
		{ "ADDPS", "pentium", "\x0f\x58\xc1", 3, UD },
		{ "LDMXCSR", "pentium", "\x0f\xae\x16", 3, UD },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		guest_new(&guest, cases[n].cpu);
		if (strcmp(cases[n].cpu, "pentium"))
			set(&guest, CBX_CR4, OSFXSR);
		set(&guest, CBX_CR0, 0x11 | NE);
		set(&guest, CBX_RSI, DATA_AT);
		poke(&guest, DATA_AT, 4, 0x1f80);
		EXPECT(&guest, cases[n].name, run(&guest, cases[n].code, cases[n].size), cases[n].vector, 0);
		guest_free(&guest);
	}
}

/* #XM, or #UD where the system does not know it; flags are set, the destination is not. */
static void exceptions(void **state)
{
	const uint64_t one = 0x3ff0000000000000;
	struct guest guest;

	(void)state;
	for (unsigned known = 0; known < 2; known++) {
		float_guest(&guest);
		set(&guest, CBX_CR4, known ? USUAL : OSFXSR | OSXSAVE);
		set(&guest, CBX_MXCSR, 0x1f80 & ~0x200);
		set_ymm(&guest, 0, one, one, 5, 6);
		set_ymm(&guest, 1, one, 0, 0, 0);
		EXPECT(&guest, "DIVPD by zero", RUN(&guest, "\x66\x0f\x5e\xc1"), known ? XM : UD, 0);
		assert_int_equal(reg(&guest, CBX_MXCSR), (0x1f80 & ~0x200) | 4);
		expect_ymm(&guest, 0, one, one, 5, 6);
		guest_free(&guest);
	}
	/* Masked: the result, and above it what the encoding says. */
	float_guest(&guest);
	set_ymm(&guest, 0, one, one, 5, 6);
	set_ymm(&guest, 1, one, 0, 7, 8);
	EXPECT(&guest, "DIVPD", RUN(&guest, "\x66\x0f\x5e\xc1"), NONE, 0);
	expect_ymm(&guest, 0, one, 0x7ff0000000000000, 5, 6);
	assert_int_equal(reg(&guest, CBX_MXCSR), 0x1f84);
	EXPECT(&guest, "VDIVPD", RUN(&guest, "\xc5\xf9\x5e\xc1"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_YMM0 + 2), 0);
	/* A flag that stands while its mask goes: nothing before it comes up again. */
	poke(&guest, DATA_AT, 4, 0x1d84);
	EXPECT(&guest, "LDMXCSR", RUN(&guest, "\x0f\xae\x16"), NONE, 0);
	EXPECT(&guest, "ADDPD", RUN(&guest, "\x66\x0f\x58\xc9"), NONE, 0);
	set_ymm(&guest, 0, one, one, 5, 6);
	EXPECT(&guest, "DIVPD", RUN(&guest, "\x66\x0f\x5e\xc1"), XM, 0);
	guest_free(&guest);
	/* No memory operand, no flags. */
	float_guest(&guest);
	set(&guest, CBX_RSI, DATA_AT + 8);
	EXPECT(&guest, "DIVPD not aligned", RUN(&guest, "\x66\x0f\x5e\x06"), GP, 0);
	assert_int_equal(reg(&guest, CBX_MXCSR), 0x1f80);
	EXPECT(&guest, "VDIVPD not aligned", RUN(&guest, "\xc5\xf9\x5e\x06"), NONE, 0);
	guest_free(&guest);
}

static void control(void **state)
{
	struct guest guest;

	(void)state;
	float_guest(&guest);
	poke(&guest, DATA_AT, 4, 0xffff);
	EXPECT(&guest, "LDMXCSR", RUN(&guest, "\x0f\xae\x16"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_MXCSR), 0xffff);
	poke(&guest, DATA_AT, 4, 0x10000);
	EXPECT(&guest, "LDMXCSR with bit 16", RUN(&guest, "\x0f\xae\x16"), GP, 0);
	assert_int_equal(reg(&guest, CBX_MXCSR), 0xffff);
	guest_free(&guest);
	/* A Pentium III has no DAZ. */
	guest_new(&guest, "pentium3");
	set(&guest, CBX_CR4, OSFXSR);
	set(&guest, CBX_CR0, 0x11 | NE);
	set(&guest, CBX_RSI, DATA_AT);
	poke(&guest, DATA_AT, 4, 0x1fc0);
	EXPECT(&guest, "LDMXCSR with DAZ", RUN(&guest, "\x0f\xae\x16"), GP, 0);
	EXPECT(&guest, "FXSAVE", RUN(&guest, "\x0f\xae\x06"), NONE, 0);
	assert_int_equal(peek(&guest, DATA_AT + 28, 4), 0xffbf);
	guest_free(&guest);
	float_guest(&guest);
	EXPECT(&guest, "STMXCSR", RUN(&guest, "\x0f\xae\x1e"), NONE, 0);
	assert_int_equal(peek(&guest, DATA_AT, 4), 0x1f80);
	guest_free(&guest);
}

static void fxsave(void **state)
{
	struct guest guest;

	(void)state;
	float_guest(&guest);
	set_ymm(&guest, 0, 1, 2, 3, 4);
	set_ymm(&guest, 7, 5, 6, 7, 8);
	poke(&guest, DATA_AT + 160 + 8 * 16, 4, 0x12345678);
	poke(&guest, DATA_AT + 464, 4, 0x12345678);
	EXPECT(&guest, "FXSAVE", RUN(&guest, "\x0f\xae\x06"), NONE, 0);
	assert_int_equal(peek(&guest, DATA_AT + 24, 4), 0x1f80);
	assert_int_equal(peek(&guest, DATA_AT + 28, 4), 0xffff);
	assert_int_equal(peek64(&guest, DATA_AT + 160), 1);
	assert_int_equal(peek64(&guest, DATA_AT + 168), 2);
	assert_int_equal(peek64(&guest, DATA_AT + 160 + 7 * 16 + 8), 6);
	/* XMM8 and what is the system's */
	assert_int_equal(peek(&guest, DATA_AT + 160 + 8 * 16, 4), 0x12345678);
	assert_int_equal(peek(&guest, DATA_AT + 464, 4), 0x12345678);
	poke64(&guest, DATA_AT + 160, 9);
	poke(&guest, DATA_AT + 24, 4, 0x9f80);
	EXPECT(&guest, "FXRSTOR", RUN(&guest, "\x0f\xae\x0e"), NONE, 0);
	expect_ymm(&guest, 0, 9, 2, 3, 4);
	assert_int_equal(reg(&guest, CBX_MXCSR), 0x9f80);
	poke(&guest, DATA_AT + 24, 4, 0x10000);
	poke64(&guest, DATA_AT + 160, 10);
	EXPECT(&guest, "FXRSTOR with MXCSR bit 16", RUN(&guest, "\x0f\xae\x0e"), GP, 0);
	expect_ymm(&guest, 0, 9, 2, 3, 4);
	guest_free(&guest);
	/* Without CR4.OSFXSR the x87 alone. */
	float_guest(&guest);
	set(&guest, CBX_CR4, 0);
	set_ymm(&guest, 0, 1, 2, 3, 4);
	poke(&guest, DATA_AT + 24, 4, 0x12345678);
	EXPECT(&guest, "FXSAVE, no OSFXSR", RUN(&guest, "\x0f\xae\x06"), NONE, 0);
	assert_int_equal(peek(&guest, DATA_AT + 24, 4), 0x12345678);
	assert_int_equal(peek64(&guest, DATA_AT + 160), 0);
	EXPECT(&guest, "FXRSTOR, no OSFXSR", RUN(&guest, "\x0f\xae\x0e"), NONE, 0);
	expect_ymm(&guest, 0, 1, 2, 3, 4);
	set(&guest, CBX_RSI, DATA_AT + 8);
	EXPECT(&guest, "FXSAVE not aligned", RUN(&guest, "\x0f\xae\x06"), GP, 0);
	guest_free(&guest);
}

static void xsave(void **state)
{
	struct guest guest;

	(void)state;
	float_guest(&guest);
	set_ymm(&guest, 1, 1, 2, 3, 4);
	poke64(&guest, HEADER, 0x100);
	poke64(&guest, HEADER + 8, 0x1234);
	set(&guest, CBX_RAX, 6);
	EXPECT(&guest, "XSAVE of SSE and AVX", RUN(&guest, "\x0f\xae\x26"), NONE, 0);
	assert_int_equal(peek64(&guest, HEADER), 0x106);
	assert_int_equal(peek64(&guest, HEADER + 8), 0x1234);
	assert_int_equal(peek(&guest, DATA_AT, 4), 0);
	assert_int_equal(peek(&guest, DATA_AT + 24, 4), 0x1f80);
	assert_int_equal(peek64(&guest, DATA_AT + 160 + 16), 1);
	assert_int_equal(peek64(&guest, DATA_AT + 576 + 16), 3);
	assert_int_equal(peek64(&guest, DATA_AT + 576 + 24), 4);
	/* What is in its initial state: XSAVEOPT leaves its place alone. */
	set_ymm(&guest, 1, 1, 2, 0, 0);
	EXPECT(&guest, "XSAVEOPT", RUN(&guest, "\x0f\xae\x36"), NONE, 0);
	assert_int_equal(peek64(&guest, HEADER), 0x102);
	assert_int_equal(peek64(&guest, DATA_AT + 576 + 16), 3);
	/* XSAVEC: a header of its own; MXCSR goes with SSE. */
	set_ymm(&guest, 1, 0, 0, 7, 8);
	poke(&guest, DATA_AT + 24, 4, 0x12345678);
	set(&guest, CBX_RAX, ~0u);
	EXPECT(&guest, "XSAVEC", RUN(&guest, "\x0f\xc7\x26"), NONE, 0);
	assert_int_equal(peek64(&guest, HEADER), 4);
	assert_int_equal(peek64(&guest, HEADER + 8), 0x8000000000000007);
	assert_int_equal(peek(&guest, DATA_AT + 24, 4), 0x12345678);
	assert_int_equal(peek64(&guest, DATA_AT + 576 + 24), 8);
	/* And back: SSE becomes initial, MXCSR with it. */
	set_ymm(&guest, 1, 1, 2, 3, 4);
	set(&guest, CBX_MXCSR, 0x1fff);
	EXPECT(&guest, "XRSTOR, compacted", RUN(&guest, "\x0f\xae\x2e"), NONE, 0);
	expect_ymm(&guest, 1, 0, 0, 7, 8);
	assert_int_equal(reg(&guest, CBX_MXCSR), 0x1f80);
	/* With only AVX asked for, SSE stays. */
	set_ymm(&guest, 1, 1, 2, 3, 4);
	set(&guest, CBX_MXCSR, 0x1fff);
	set(&guest, CBX_RAX, 4);
	EXPECT(&guest, "XRSTOR of AVX", RUN(&guest, "\x0f\xae\x2e"), NONE, 0);
	expect_ymm(&guest, 1, 1, 2, 7, 8);
	assert_int_equal(reg(&guest, CBX_MXCSR), 0x1fff);
	/* Standard form: MXCSR comes from memory even when no component does. */
	poke64(&guest, HEADER, 0);
	poke64(&guest, HEADER + 8, 0);
	poke(&guest, DATA_AT + 24, 4, 0x1f81);
	EXPECT(&guest, "XRSTOR, standard", RUN(&guest, "\x0f\xae\x2e"), NONE, 0);
	expect_ymm(&guest, 1, 1, 2, 0, 0);
	assert_int_equal(reg(&guest, CBX_MXCSR), 0x1f81);
	guest_free(&guest);
}

/* Headers that are none: #GP(0) and nothing loaded. */
static void headers(void **state)
{
	static const struct {
		const char *name;
		uint64_t components, format, zeros, last;
		int vector, system_vector;      /* of XRSTOR, of XRSTORS */
	} cases[] = {
		{ "plain", 7, 0, 0, 0, NONE, GP },
		{ "plain, bytes 24-63", 7, 0, 0, 1, NONE, GP },
		{ "plain, bytes 16-23", 7, 0, 1, 0, GP, GP },
		{ "plain, format", 7, 1, 0, 0, GP, GP },
		{ "plain, no such component", 8, 0, 0, 0, GP, GP },
		{ "compacted", 7, 0x8000000000000007, 0, 0, NONE, NONE },
		{ "compacted, fewer there", 4, 0x8000000000000006, 0, 0, NONE, NONE },
		{ "compacted, component outside", 7, 0x8000000000000003, 0, 0, GP, GP },
		{ "compacted, no such component", 7, 0x800000000000000f, 0, 0, GP, GP },
		{ "compacted, bytes 56-63", 7, 0x8000000000000007, 0, 1, GP, GP },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		float_guest(&guest);
		poke(&guest, DATA_AT, 4, 0x37f);
		poke(&guest, DATA_AT + 24, 4, 0x1f80);
		poke64(&guest, HEADER, cases[n].components);
		poke64(&guest, HEADER + 8, cases[n].format);
		poke64(&guest, HEADER + 16, cases[n].zeros);
		poke64(&guest, HEADER + 56, cases[n].last);
		set_ymm(&guest, 1, 1, 2, 3, 4);
		EXPECT(&guest, cases[n].name, RUN(&guest, "\x0f\xae\x2e"), cases[n].vector, 0);
		if (cases[n].vector != NONE)
			expect_ymm(&guest, 1, 1, 2, 3, 4);
		guest_free(&guest);
		float_guest(&guest);
		poke(&guest, DATA_AT, 4, 0x37f);
		poke(&guest, DATA_AT + 24, 4, 0x1f80);
		poke64(&guest, HEADER, cases[n].components);
		poke64(&guest, HEADER + 8, cases[n].format);
		poke64(&guest, HEADER + 16, cases[n].zeros);
		poke64(&guest, HEADER + 56, cases[n].last);
		EXPECT(&guest, cases[n].name, RUN(&guest, "\x0f\xc7\x1e"), cases[n].system_vector, 0);
		guest_free(&guest);
	}
}

/* Alignment, and privilege of XSAVES and XRSTORS. */
static void protection(void **state)
{
	static const struct {
		const char *name, *code;
		bool system;
	} cases[] = {
		{ "XSAVE", "\x0f\xae\x26", false }, { "XRSTOR", "\x0f\xae\x2e", false },
		{ "XSAVEOPT", "\x0f\xae\x36", false }, { "XSAVEC", "\x0f\xc7\x26", false },
		{ "XSAVES", "\x0f\xc7\x2e", true }, { "XRSTORS", "\x0f\xc7\x1e", true },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		float_guest(&guest);
		set(&guest, CBX_RSI, DATA_AT + 32);
		EXPECT(&guest, cases[n].name, run(&guest, cases[n].code, 3), GP, 0);
		guest_free(&guest);
		float_guest(&guest);
		poke64(&guest, HEADER + 8, 0x8000000000000000);
		at_privilege(&guest, 3);
		EXPECT(&guest, cases[n].name, run(&guest, cases[n].code, 3), cases[n].system ? GP : NONE, 0);
		guest_free(&guest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(availability),
		cmocka_unit_test(features),
		cmocka_unit_test(exceptions),
		cmocka_unit_test(control),
		cmocka_unit_test(fxsave),
		cmocka_unit_test(xsave),
		cmocka_unit_test(headers),
		cmocka_unit_test(protection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
