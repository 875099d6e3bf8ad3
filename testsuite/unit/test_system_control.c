/*
 * Control, debug and model-specific registers, CPUID, I/O permission, breakpoints, the
 * interrupt shadow, SYSENTER.
 */
#include "system_guest.h"

#include <string.h>

enum { TARGET = 0x60000, RF = 0x10000, TF = 0x100, IF = 0x200 };

/* MOV to a control register from EAX. */
static const struct {
	const char *name, *code;
	uint64_t value;
	int vector;
	enum cbx_register which;
	uint32_t after;
} moves[] = {
	{ "CR0", "\x0f\x22\xc0", 0x1, NONE, CBX_CR0, 0x11 },
	{ "CR0: unknown bits stay 0", "\x0f\x22\xc0", 0x1ffaffc1, NONE, CBX_CR0, 0x10 | 1 },
	{ "CR0: PG without PE", "\x0f\x22\xc0", 0x80000000, GP, CBX_CR0, 0x11 },
	{ "CR0: NW without CD", "\x0f\x22\xc0", 0x20000001, GP, CBX_CR0, 0x11 },
	{ "CR0: CD and NW", "\x0f\x22\xc0", 0x60000001, NONE, CBX_CR0, 0x60000011 },
	{ "CR1", "\x0f\x22\xc8", 0, UD, CBX_CR0, 0x11 },
	{ "CR2", "\x0f\x22\xd0", 0x12345678, NONE, CBX_CR2, 0x12345678 },
	{ "CR3", "\x0f\x22\xd8", 0x12345018, NONE, CBX_CR3, 0x12345018 },
	{ "CR4", "\x0f\x22\xe0", 0x2ff & ~0x100, NONE, CBX_CR4, 0x2ff & ~0x100 },
	{ "CR4: PCE", "\x0f\x22\xe0", 0x100, NONE, CBX_CR4, 0x100 },
	{ "CR4: OSXMMEXCPT, no SSE", "\x0f\x22\xe0", 0x400, GP, CBX_CR4, 0 },
	{ "CR4: reserved", "\x0f\x22\xe0", 0x80000000, GP, CBX_CR4, 0 },
	{ "CR5", "\x0f\x22\xe8", 0, UD, CBX_CR4, 0 },
	{ "LMSW cannot clear PE", "\x0f\x01\xf0", 0xe, NONE, CBX_CR0, 0x1f },
};

static void control_registers(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(moves) / sizeof(moves[0]); n++) {
		struct guest guest;

		guest_new(&guest, NULL);
		set(&guest, CBX_RAX, moves[n].value);
		EXPECT(&guest, moves[n].name, run(&guest, moves[n].code, 3), moves[n].vector, 0);
		assert_int_equal(reg(&guest, moves[n].which), moves[n].after);
		at_privilege(&guest, 3);
		if (moves[n].vector != UD)
			EXPECT(&guest, "at privilege 3", run(&guest, moves[n].code, 3), GP, 0);
		guest_free(&guest);
	}
}

/* Instructions for privilege 0 alone. */
static void privileged(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned size;
	} cases[] = {
		{ "MOV EAX, CR0", "\x0f\x20\xc0", 3 }, { "MOV EAX, DR7", "\x0f\x21\xf8", 3 },
		{ "MOV DR0, EAX", "\x0f\x23\xc0", 3 }, { "CLTS", "\x0f\x06", 2 }, { "HLT", "\xf4", 1 },
		{ "INVD", "\x0f\x08", 2 }, { "WBINVD", "\x0f\x09", 2 }, { "RDMSR", "\x0f\x32", 2 },
		{ "WRMSR", "\x0f\x30", 2 }, { "LGDT", "\x0f\x01\x15\x00\x00\x03\x00", 7 },
		{ "LIDT", "\x0f\x01\x1d\x00\x00\x03\x00", 7 }, { "INVLPG", "\x0f\x01\x3d\x00\x00\x03\x00", 7 },
		{ "SYSEXIT", "\x0f\x35", 2 }, { "CLI", "\xfa", 1 }, { "STI", "\xfb", 1 },
		{ "IN", "\xe4\x80", 2 }, { "OUT", "\xee", 1 }, { "INS", "\x6c", 1 }, { "OUTS", "\x6e", 1 },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		guest_new(&guest, NULL);
		at_privilege(&guest, 3);
		set(&guest, CBX_RDI, DATA_AT);
		set(&guest, CBX_RSI, DATA_AT);
		set(&guest, CBX_RCX, 0x174);
		EXPECT(&guest, cases[n].name, run(&guest, cases[n].code, cases[n].size), GP, 0);
		guest_free(&guest);
	}
}

static void descriptor_tables(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	poke(&guest, DATA_AT, 4, 0x5678fff0);
	poke(&guest, DATA_AT + 4, 2, 0xab12);
	EXPECT(&guest, "LIDT", RUN(&guest, "\x0f\x01\x1d\x00\x00\x03\x00"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_IDTR_LIMIT), 0xfff0);
	assert_int_equal(reg(&guest, CBX_IDTR_BASE), 0xab125678);
	EXPECT(&guest, "LIDT, 16 bits", RUN(&guest, "\x66\x0f\x01\x1d\x00\x00\x03\x00"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_IDTR_BASE), 0x125678);
	set(&guest, CBX_IDTR_BASE, 0xab125678);
	EXPECT(&guest, "SIDT, 16 bits", RUN(&guest, "\x66\x0f\x01\x0d\x10\x00\x03\x00"), NONE, 0);
	assert_int_equal(peek(&guest, DATA_AT + 0x10, 4), 0x5678fff0);
	assert_int_equal(peek(&guest, DATA_AT + 0x14, 2), 0xab12);
	guest_free(&guest);
}

/* ---- CPUID and MSRs ---------------------------------------------------------------------------- */

static void identify(struct guest *guest, uint32_t leaf, uint32_t *out)
{
	static const enum cbx_register order[] = { CBX_RAX, CBX_RBX, CBX_RCX, CBX_RDX };

	set(guest, CBX_RIP, CODE_AT);
	set(guest, CBX_RAX, leaf);
	EXPECT(guest, "CPUID", RUN(guest, "\x0f\xa2"), NONE, 0);
	for (unsigned n = 0; n < 4; n++)
		out[n] = (uint32_t)reg(guest, order[n]);
}

/* A feature that is added brings the leaf that tells of it. */
static void added_features(void **state)
{
	static const struct {
		const char *name;
		uint32_t highest, extended;
	} cases[] = {
		{ "pentium3,+smep", 7, 0 }, { "nehalem,+avx2", 0xd, 0x80000008 },
		{ "pentium3,+lzcnt", 2, 0x80000008 }, { "nehalem", 0xb, 0x80000008 },
	};

	(void)state;
	for (unsigned n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;
		uint32_t out[4];

		guest_new(&guest, cases[n].name);
		identify(&guest, 0, out);
		assert_int_equal(out[0], cases[n].highest);
		if (cases[n].extended) {
			identify(&guest, 0x80000000, out);
			assert_int_equal(out[0], cases[n].extended);
		}
		if (cases[n].highest >= 0xd) {
			identify(&guest, 0xd, out);
			assert_int_equal(out[0], 7);
			assert_int_equal(out[2], 832);
		}
		guest_free(&guest);
	}
}

static void models(void **state)
{
	static const struct {
		const char *name;
		uint32_t highest, signature, features;
	} cases[] = {
		/* FPU VME DE PSE TSC MSR PAE MCE CX8 SEP MTRR PGE MCA CMOV PAT PSE-36 MMX FXSR SSE */
		{ "pentium3,+nx", 2, 0x686, 0x0383f9ff },
		{ "pentium3", 2, 0x686, 0x0383f9ff },
		{ "pentium", 1, 0x52c, 0x000001bf },
		{ "486", 1, 0x480, 0x00000003 },
	};

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		struct guest guest;
		uint32_t out[4];

		guest_new(&guest, cases[n].name);
		identify(&guest, 0, out);
		assert_int_equal(out[0], cases[n].highest);
		assert_int_equal(out[1], 0x756e6547);   /* Genu */
		assert_int_equal(out[3], 0x49656e69);   /* ineI */
		assert_int_equal(out[2], 0x6c65746e);   /* ntel */
		identify(&guest, 1, out);
		assert_int_equal(out[0], cases[n].signature);
		assert_int_equal(out[3], cases[n].features);
		identify(&guest, 0x80000001, out);
		/* Where there is no such leaf, it is the last one's. */
		assert_int_equal(out[3], n == 0 ? 0x100000 : n == 1 ? 0x0c040843 : cases[n].features);
		if (n == 3) {
			EXPECT(&guest, "RDTSC on a 486", RUN(&guest, "\x0f\x31"), UD, 0);
			at_privilege(&guest, 0);
			EXPECT(&guest, "CMOV on a 486", RUN(&guest, "\x0f\x40\xc0"), UD, 0);
		}
		guest_free(&guest);
	}
}

static const struct {
	const char *name;
	uint32_t index;
	uint64_t value;
	int vector;                     /* of the write */
	uint64_t after;
} msrs[] = {
	{ "SYSENTER_CS", 0x174, 0x11112222, NONE, 0x11112222 },
	{ "SYSENTER_EIP", 0x176, 0xfffff000, NONE, 0xfffff000 },
	{ "PAT", 0x277, 0x0001040506070001, NONE, 0x0001040506070001 },
	{ "PAT: type 2", 0x277, 0x2, GP, 0x0007040600070406 },
	{ "MTRRcap is read-only", 0xfe, 0, GP, 0x508 },
	{ "MTRR base", 0x200, 0xff00000006, NONE, 0xff00000006 },
	{ "MTRR base: type 2", 0x200, 2, GP, 0 },
	{ "MTRR mask", 0x20f, 0xff00000800, NONE, 0xff00000800 },
	{ "MTRR mask: beyond 40 bits", 0x20f, 0x10000000000, GP, 0 },
	{ "MTRR fixed", 0x26f, 0x0606060606060606, NONE, 0x0606060606060606 },
	{ "MTRR fixed: type 3", 0x250, 0x0300000000000000, GP, 0 },
	{ "MTRRdefType", 0x2ff, 0xc06, NONE, 0xc06 },
	{ "MTRRdefType: reserved", 0x2ff, 0x1c06, GP, 0 },
	{ "EFER: NXE", 0xc0000080, 0x800, NONE, 0x800 },
	{ "EFER: LME without 64-bit mode", 0xc0000080, 0x100, GP, 0 },
	{ "APIC base: no APIC to enable", 0x1b, 0xfee00900, NONE, 0xfee00100 },
};

static void model_specific(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(msrs) / sizeof(msrs[0]); n++) {
		struct guest guest;

		guest_new(&guest, NULL);
		set(&guest, CBX_RCX, msrs[n].index);
		set(&guest, CBX_RAX, (uint32_t)msrs[n].value);
		set(&guest, CBX_RDX, msrs[n].value >> 32);
		EXPECT(&guest, msrs[n].name, RUN(&guest, "\x0f\x30"), msrs[n].vector, 0);
		at_privilege(&guest, 0);
		EXPECT(&guest, msrs[n].name, RUN(&guest, "\x0f\x32"), NONE, 0);
		assert_int_equal(reg(&guest, CBX_RAX), (uint32_t)msrs[n].after);
		assert_int_equal(reg(&guest, CBX_RDX), msrs[n].after >> 32);
		guest_free(&guest);
	}
	{
		struct guest guest;

		guest_new(&guest, NULL);
		set(&guest, CBX_RCX, 0x12345);
		EXPECT(&guest, "RDMSR, unknown", RUN(&guest, "\x0f\x32"), GP, 0);
		at_privilege(&guest, 0);
		EXPECT(&guest, "WRMSR, unknown", RUN(&guest, "\x0f\x30"), GP, 0);
		guest_free(&guest);
	}
}

static void time_stamps(void **state)
{
	struct guest guest;
	uint64_t first;

	(void)state;
	guest_new(&guest, NULL);
	poke_bytes(&guest, CODE_AT, "\x0f\x31\x90\x90\x0f\x31", 6);
	step(&guest);
	first = reg(&guest, CBX_RAX);
	for (unsigned n = 0; n < 3; n++)
		step(&guest);
	assert_int_equal(reg(&guest, CBX_RAX), first + 30);
	set(&guest, CBX_CR4, 4);
	at_privilege(&guest, 3);
	EXPECT(&guest, "RDTSC with TSD", RUN(&guest, "\x0f\x31"), GP, 0);
	guest_free(&guest);
}

/* ---- I/O permission -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned port, width, map, map_bits, tss_limit, iopl;
	int vector;
} ports[] = {
	{ "IOPL 3", 0x80, 1, 0, 0, 0x67, 3, NONE },
	{ "bit clear", 0x80, 1, 0x68, 0, 0x2fff, 0, NONE },
	{ "bit set", 0x80, 1, 0x68, 1, 0x2fff, 0, GP },
	{ "another bit set", 0x80, 1, 0x68, 2, 0x2fff, 0, NONE },
	{ "second bit of a word", 0x80, 2, 0x68, 2, 0x2fff, 0, GP },
	{ "fourth bit of a dword", 0x80, 4, 0x68, 8, 0x2fff, 0, GP },
	{ "across two bytes", 0x86, 4, 0x68, 0x200, 0x2fff, 0, GP },
	{ "beyond the dword", 0x86, 4, 0x68, 0x400, 0x2fff, 0, NONE },
	{ "the second byte must be there", 0x80, 1, 0x68, 0, 0x78, 0, GP },
	{ "it is", 0x80, 1, 0x68, 0, 0x79, 0, NONE },
	{ "TSS without a map", 0x80, 1, 0x68, 0, 0x66, 0, GP },
};

static void port_permission(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(ports) / sizeof(ports[0]); n++) {
		static const char *const codes[] = { "\xec\x90", "\x66\xed", "", "\xed\x90" };
		struct guest guest;

		guest_new(&guest, NULL);
		set(&guest, CBX_TR_LIMIT, ports[n].tss_limit);
		poke(&guest, TSS_AT + 102, 2, ports[n].map);
		poke(&guest, TSS_AT + 0x68 + 0x10, 2, ports[n].map_bits);
		at_privilege(&guest, 3);
		set(&guest, CBX_RFLAGS, ports[n].iopl << 12 | 2);
		set(&guest, CBX_RDX, ports[n].port);
		EXPECT(&guest, ports[n].name, run(&guest, codes[ports[n].width - 1], 2), ports[n].vector, 0);
		guest_free(&guest);
	}
}

/* ---- Debug registers --------------------------------------------------------------------------------- */

static void debug_registers(void **state)
{
	struct guest guest;
	struct outcome got;

	(void)state;
	guest_new(&guest, NULL);
	set(&guest, CBX_RAX, 0xffffffff);
	EXPECT(&guest, "DR6", RUN(&guest, "\x0f\x23\xf0"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_DR6), 0xffffefff);
	set(&guest, CBX_RAX, 0x1c000);
	EXPECT(&guest, "DR5 is DR7", RUN(&guest, "\x0f\x23\xe8"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_DR7), 0x10400);
	set(&guest, CBX_CR4, 8);
	EXPECT(&guest, "DR5 with DE", RUN(&guest, "\x0f\x23\xe8"), UD, 0);
	set(&guest, CBX_CR4, 0);

	/* General detect: a fault, DR7.GD is cleared, RF is set in the image. */
	at_privilege(&guest, 0);
	set(&guest, CBX_DR6, 0xffff0ff0);
	set(&guest, CBX_DR7, 0x2400);
	got = RUN(&guest, "\x0f\x21\xc0");
	assert_int_equal(got.vector, DB);
	assert_int_equal(got.eip, CODE_AT);
	assert_int_equal(got.eflags, RF | 2);
	assert_int_equal(reg(&guest, CBX_DR6), 0xffff2ff0);
	assert_int_equal(reg(&guest, CBX_DR7), 0x400);
	guest_free(&guest);
}

static void code_breakpoint(void **state)
{
	struct guest guest;
	struct outcome got;

	(void)state;
	guest_new(&guest, NULL);
	poke_bytes(&guest, CODE_AT, "\x90\x40\x90", 3);
	poke(&guest, HANDLERS + 16, 1, 0xcf);
	set(&guest, CBX_RAX, 5);
	set(&guest, CBX_DR0, CODE_AT + 1);
	set(&guest, CBX_DR7, 0x402);
	got = step(&guest);
	got = step(&guest);
	assert_int_equal(got.vector, DB);
	assert_int_equal(got.eip, CODE_AT + 1);
	assert_int_equal(got.eflags, 2);
	assert_int_equal(reg(&guest, CBX_DR6), 0xffff0ff1);
	assert_int_equal(reg(&guest, CBX_RAX), 5);
	/* The handler sets RF in the image: the instruction runs, once. */
	poke(&guest, reg(&guest, CBX_RSP) + 8, 4, RF | 2);
	step(&guest);
	assert_int_equal(reg(&guest, CBX_RFLAGS), RF | 2);
	got = step(&guest);
	assert_int_equal(got.vector, NONE);
	assert_int_equal(reg(&guest, CBX_RAX), 6);
	assert_int_equal(reg(&guest, CBX_RFLAGS) & RF, 0);
	guest_free(&guest);
}

/* Data breakpoints are traps: the access is done. */
static void data_breakpoints(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned size, dr7;
		uint32_t address;
		bool hit;
	} cases[] = {
		{ "write", "\xa3\x00\x00\x03\x00", 5, 0xd0402, DATA_AT, true },
		{ "write, one byte of it", "\xa3\x00\x00\x03\x00", 5, 0x10402, DATA_AT + 3, true },
		{ "write, the byte after", "\xa3\x00\x00\x03\x00", 5, 0x10402, DATA_AT + 4, false },
		{ "read is no write", "\xa1\x00\x00\x03\x00", 5, 0xd0402, DATA_AT, false },
		{ "read or write", "\xa1\x00\x00\x03\x00", 5, 0xf0402, DATA_AT, true },
		{ "not enabled", "\xa3\x00\x00\x03\x00", 5, 0xd0400, DATA_AT, false },
		{ "PUSH", "\x50", 1, 0xd0402, STACK0 - 0x404, true },
		{ "MOVS", "\xa4", 1, 0x10402, DATA_AT + 0x100, true },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		guest_new(&guest, NULL);
		set(&guest, CBX_RAX, 0x12345678);
		set(&guest, CBX_RSI, DATA_AT);
		set(&guest, CBX_RDI, DATA_AT + 0x100);
		/* Once without it: the TLB knows the page. */
		EXPECT(&guest, cases[n].name, run(&guest, cases[n].code, cases[n].size), NONE, 0);
		set(&guest, CBX_RIP, CODE_AT);
		set(&guest, CBX_RSP, STACK0 - 0x400);
		set(&guest, CBX_RSI, DATA_AT);
		set(&guest, CBX_RDI, DATA_AT + 0x100);
		set(&guest, CBX_DR0, cases[n].address);
		set(&guest, CBX_DR7, cases[n].dr7);
		poke(&guest, CODE_AT + cases[n].size, 1, 0x90);
		EXPECT(&guest, cases[n].name, run(&guest, cases[n].code, cases[n].size), NONE, 0);
		step(&guest);
		if ((reg(&guest, CBX_RIP) == HANDLERS + 16 * DB + 1) != cases[n].hit)
			fail_msg("%s", cases[n].name);
		assert_int_equal(reg(&guest, CBX_DR6), cases[n].hit ? 0xffff0ff1 : 0xffff0ff0);
		guest_free(&guest);
	}
}

/* A trap after the access, between the elements of a string; without CR4.DE there is none. */
static void port_breakpoints(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned size, port, next;
	} cases[] = {
		{ "OUT", "\xe6\x80", 2, 0x80, 2 },
		{ "IN", "\xe4\x80", 2, 0x80, 2 },
		{ "OUT DX", "\xee", 1, 0x80, 1 },
		{ "IN DX", "\xed", 1, 0x83, 1 },
		{ "IN DX, past it", "\xed", 1, 0x84, 0 },
		{ "INS", "\x6c", 1, 0x80, 1 },
		{ "INS, before it", "\x6d", 1, 0x7c, 0 },
		{ "OUTS", "\x6e", 1, 0x80, 1 },
		{ "REP INS, its last", "\xf3\x6c", 2, 0x80, 2 },
		{ "REP OUTS, its last", "\xf3\x6f", 2, 0x80, 2 },
	};

	(void)state;
	for (unsigned n = 0; n < 2 * sizeof(cases) / sizeof(cases[0]); n++) {
		bool de = n & 1, hit = de && cases[n / 2].next;
		struct guest guest;

		guest_new(&guest, NULL);
		set(&guest, CBX_CR4, de ? 8 : 0);
		set(&guest, CBX_DR0, 0x80);
		set(&guest, CBX_DR7, 0xe0402);  /* four ports */
		set(&guest, CBX_RCX, 1);
		set(&guest, CBX_RDX, cases[n / 2].port);
		set(&guest, CBX_RSI, DATA0);
		set(&guest, CBX_RDI, DATA0);
		poke(&guest, CODE_AT + cases[n / 2].size, 1, 0x90);
		EXPECT(&guest, cases[n / 2].name, run(&guest, cases[n / 2].code, cases[n / 2].size), NONE, 0);
		step(&guest);
		if ((reg(&guest, CBX_RIP) == HANDLERS + 16 * DB + 1) != hit ||
		    (hit && peek(&guest, reg(&guest, CBX_RSP), 4) != CODE_AT + cases[n / 2].next))
			fail_msg("%s", cases[n / 2].name);
		guest_free(&guest);
	}

	/* One element left. */
	for (unsigned n = 0; n < 2; n++) {
		struct guest guest;

		guest_new(&guest, NULL);
		set(&guest, CBX_CR4, 8);
		set(&guest, CBX_DR0, 0x80);
		set(&guest, CBX_DR7, 0x20402);
		set(&guest, CBX_RCX, 2);
		set(&guest, CBX_RDX, 0x80);
		set(&guest, CBX_RSI, DATA0);
		set(&guest, CBX_RDI, DATA0);
		EXPECT(&guest, "REP", run(&guest, n ? "\xf3\x6c" : "\xf3\x6e", 2), NONE, 0);
		step(&guest);
		assert_int_equal(reg(&guest, CBX_RIP), HANDLERS + 16 * DB + 1);
		assert_int_equal(peek(&guest, reg(&guest, CBX_RSP), 4), CODE_AT);
		assert_int_equal(reg(&guest, CBX_RCX), 1);
		guest_free(&guest);
	}
}

/* TF: a trap after each instruction, not after MOV SS, and not set inside the handler. */
static void single_step(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	set(&guest, CBX_RFLAGS, TF | 2);
	EXPECT(&guest, "NOP", RUN(&guest, "\x90\x90"), NONE, 0);
	step(&guest);
	assert_int_equal(reg(&guest, CBX_RIP), HANDLERS + 16 * DB + 1);
	assert_int_equal(reg(&guest, CBX_DR6), 0xffff4ff0);
	assert_int_equal(peek(&guest, reg(&guest, CBX_RSP), 4), CODE_AT + 1);
	assert_int_equal(peek(&guest, reg(&guest, CBX_RSP) + 8, 4), TF | 2);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 2);
	guest_free(&guest);

	/* The trap after MOV SS is dropped; the one after the next instruction comes. */
	guest_new(&guest, NULL);
	set(&guest, CBX_RAX, DATA0);
	set(&guest, CBX_RFLAGS, TF | 2);
	RUN(&guest, "\x8e\xd0\x90\x90");
	step(&guest);
	assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + 3);
	step(&guest);
	assert_int_equal(peek(&guest, reg(&guest, CBX_RSP), 4), CODE_AT + 3);
	guest_free(&guest);

	/* POPF that sets TF: the trap is after the instruction that follows. */
	guest_new(&guest, NULL);
	poke(&guest, reg(&guest, CBX_RSP), 4, TF | 2);
	RUN(&guest, "\x9d\x90\x90");
	step(&guest);
	assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + 2);
	step(&guest);
	assert_int_equal(peek(&guest, reg(&guest, CBX_RSP), 4), CODE_AT + 2);
	guest_free(&guest);

	/* INT n does not trap into its own handler. */
	guest_new(&guest, NULL);
	poke_bytes(&guest, HANDLERS + 16 * 0x80, "\x90\x90", 2);
	set(&guest, CBX_RFLAGS, TF | 2);
	RUN(&guest, "\xcd\x80");
	step(&guest);
	assert_int_equal(reg(&guest, CBX_RIP), HANDLERS + 16 * 0x80 + 1);
	guest_free(&guest);
}

/* ---- SYSENTER and SYSEXIT ---------------------------------------------------------------------------- */

static void system_calls(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	at_privilege(&guest, 3);
	EXPECT(&guest, "SYSENTER without a segment", RUN(&guest, "\x0f\x34"), GP, 0);
	at_privilege(&guest, 0);
	set(&guest, CBX_RCX, 0x174);
	set(&guest, CBX_RAX, CODE0);
	set(&guest, CBX_RDX, 0);
	RUN(&guest, "\x0f\x30");
	set(&guest, CBX_RCX, 0x175);
	set(&guest, CBX_RAX, STACK0);
	RUN(&guest, "\x0f\x30");
	set(&guest, CBX_RCX, 0x176);
	set(&guest, CBX_RAX, TARGET);
	RUN(&guest, "\x0f\x30");
	at_privilege(&guest, 3);
	set(&guest, CBX_RFLAGS, IF | 0x3002);
	EXPECT(&guest, "SYSENTER", RUN(&guest, "\x0f\x34"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RIP), TARGET);
	assert_int_equal(reg(&guest, CBX_RSP), STACK0);
	assert_int_equal(reg(&guest, CBX_CS), CODE0);
	assert_int_equal(reg(&guest, CBX_SS), DATA0);
	assert_int_equal(reg(&guest, CBX_CS_ATTRIBUTES), 0xc09b);
	assert_int_equal(reg(&guest, CBX_SS_ATTRIBUTES), 0xc093);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 0x3002);
	set(&guest, CBX_RCX, STACK3);
	set(&guest, CBX_RDX, CODE_AT);
	EXPECT(&guest, "SYSEXIT", RUN(&guest, "\x0f\x35"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RIP), CODE_AT);
	assert_int_equal(reg(&guest, CBX_RSP), STACK3);
	assert_int_equal(reg(&guest, CBX_CS), 0x1b);
	assert_int_equal(reg(&guest, CBX_SS), 0x23);
	assert_int_equal(reg(&guest, CBX_CS_ATTRIBUTES), 0xc0fb);
	assert_int_equal(reg(&guest, CBX_SS_ATTRIBUTES), 0xc0f3);
	guest_free(&guest);
}

/* From real mode to protected mode and back, by the usual code. */
static void mode_changes(void **state)
{
	static const char code[] =
		"\x0f\x01\x16\x00\x01"          /* lgdt [100h] */
		"\x0f\x20\xc0\x40\x0f\x22\xc0"  /* mov eax, cr0; inc ax; mov cr0, eax */
		"\x66\xea\x00\x00\x02\x00\x08\x00";     /* jmp dword 8:20000h */
	static const char code32[] =
		"\xb8\x10\x00\x00\x00\x8e\xd8"  /* mov eax, 10h; mov ds, ax */
		"\x0f\x20\xc0\x48\x0f\x22\xc0"  /* mov eax, cr0; dec eax; mov cr0, eax */
		"\x66\xea\x00\x00\x00\x50";     /* jmp 5000h:0, 16-bit operand */
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	at_real(&guest);
	set(&guest, CBX_DS, 0x1000);
	set(&guest, CBX_DS_BASE, 0x10000);
	poke(&guest, 0x10100, 4, (GDT_AT & 0xffff) << 16 | 0xff);
	poke(&guest, 0x10104, 2, 0);
	poke_bytes(&guest, 0x10000, code, sizeof(code) - 1);
	poke_bytes(&guest, CODE_AT, code32, sizeof(code32) - 1);
	for (unsigned n = 0; n < 5; n++)
		step(&guest);
	assert_int_equal(reg(&guest, CBX_CS), CODE0);
	assert_int_equal(reg(&guest, CBX_RIP), CODE_AT);
	assert_int_equal(reg(&guest, CBX_CR0) & 1, 1);
	for (unsigned n = 0; n < 6; n++)
		step(&guest);
	assert_int_equal(reg(&guest, CBX_CR0) & 1, 0);
	assert_int_equal(reg(&guest, CBX_CS_BASE), 0x50000);
	assert_int_equal(reg(&guest, CBX_RIP), 0);
	assert_int_equal(reg(&guest, CBX_DS_LIMIT), 0xffffffff);
	guest_free(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_registers), cmocka_unit_test(privileged),
		cmocka_unit_test(descriptor_tables), cmocka_unit_test(models), cmocka_unit_test(added_features),
		cmocka_unit_test(model_specific), cmocka_unit_test(time_stamps),
		cmocka_unit_test(port_permission), cmocka_unit_test(debug_registers),
		cmocka_unit_test(code_breakpoint), cmocka_unit_test(data_breakpoints),
		cmocka_unit_test(port_breakpoints), cmocka_unit_test(single_step),
		cmocka_unit_test(system_calls), cmocka_unit_test(mode_changes),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
