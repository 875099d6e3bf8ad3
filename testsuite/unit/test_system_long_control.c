/*
 * The rest of a 64-bit processor's system side: entering and leaving long mode, control registers
 * and MSRs, segment loads in 64-bit mode, quick system calls, and the privileged instructions
 * that came with it; Intel's and AMD's ways.
 */
#include "long_guest.h"

#include <string.h>

enum { TARGET = 0x60000, TF = 0x100, IF = 0x200, AC = 0x40000 };
#define EFER           0xc0000080u
#define STAR           0xc0000081u
#define LSTAR          0xc0000082u
#define CSTAR          0xc0000083u
#define FMASK          0xc0000084u
#define FS_BASE        0xc0000100u
#define GS_BASE        0xc0000101u
#define KERNEL_GS_BASE 0xc0000102u
#define TSC_AUX        0xc0000103u

static struct frame wrmsr(struct guest *guest, uint32_t index, uint64_t value)
{
	set(guest, CBX_RCX, index);
	set(guest, CBX_RAX, (uint32_t)value);
	set(guest, CBX_RDX, value >> 32);
	return LONG_RUN(guest, "\x0f\x30");
}

static uint64_t rdmsr(struct guest *guest, uint32_t index)
{
	set(guest, CBX_RCX, index);
	LONG_EXPECT(guest, "RDMSR", LONG_RUN(guest, "\x0f\x32"), NONE, 0);
	return reg(guest, CBX_RAX) | reg(guest, CBX_RDX) << 32;
}

/* ---- Into long mode and out of it ----------------------------------------------------------------- */

/* 32-bit protected mode, with tables, EFER.LME and CR4.PAE as asked for: then MOV CR0, EAX sets PG. */
static struct outcome enable(struct guest *guest, uint64_t cr4, unsigned cs_attributes, unsigned tr_attributes)
{
	guest_new(guest, "max");
	descriptor(guest, COMPAT0, 0, 0xfffff, A_CODE32);
	set(guest, CBX_CR4, cr4);
	set(guest, CBX_CR3, TABLES_AT);
	poke(guest, TABLES_AT, 8, TABLES_AT + 0x1007);
	poke(guest, TABLES_AT + 0x1000, 8, TABLES_AT + 0x2007);
	for (unsigned n = 0; n < 8; n++)
		poke(guest, TABLES_AT + 0x2000 + 8 * n, 8, n << 21 | 0x87);
	set(guest, CBX_EFER, 0x100);
	set(guest, CBX_CS_ATTRIBUTES, cs_attributes);
	set(guest, CBX_TR_ATTRIBUTES, tr_attributes);
	set(guest, CBX_RAX, 0x80000011);
	return RUN(guest, "\x0f\x22\xc0");
}

static void entering(void **state)
{
	struct guest guest;

	(void)state;
	EXPECT(&guest, "PAE, LME, PG", enable(&guest, 0x20, A_CODE32, 0x8b), NONE, 0);
	assert_int_equal(reg(&guest, CBX_EFER), 0x500);
	assert_false(in_64_bit_mode(&guest));
	descriptor(&guest, TEST64, 0, 0, A_CODE64);
	EXPECT(&guest, "JMP to 64-bit code", RUN(&guest, "\xea\x00\x00\x06\x00\x60\x00"), NONE, 0);
	assert_true(in_64_bit_mode(&guest));
	guest_free(&guest);
	EXPECT(&guest, "without PAE", enable(&guest, 0, A_CODE32, 0x8b), GP, 0);
	guest_free(&guest);
	EXPECT(&guest, "from code with L", enable(&guest, 0x20, 0xe09b, 0x8b), GP, 0);
	guest_free(&guest);
	EXPECT(&guest, "with a 16-bit TSS", enable(&guest, 0x20, A_CODE32, 0x83), GP, 0);
	assert_int_equal(reg(&guest, CBX_EFER), 0x100);
	guest_free(&guest);
}

static const struct control {
	const char *name, *code;
	uint64_t value;
	int vector;
} controls[] = {
	{ "CR0: the same", "\x0f\x22\xc0", 0x80010031, NONE },
	{ "CR0: PG stays in 64-bit mode", "\x0f\x22\xc0", 0x00010031, GP },
	{ "CR0: bits 32-63", "\x0f\x22\xc0", UINT64_C(0x180010031), GP },
	{ "CR3: 40 bits", "\x0f\x22\xd8", TABLES_AT, NONE },
	{ "CR3: beyond them", "\x0f\x22\xd8", TABLES_AT | UINT64_C(1) << 40, GP },
	{ "CR3: bit 63 without PCIDE", "\x0f\x22\xd8", TABLES_AT | UINT64_C(1) << 63, GP },
	{ "CR4: PAE stays", "\x0f\x22\xe0", 0x680, GP },
	{ "CR4: PCIDE", "\x0f\x22\xe0", 0x206a0, NONE },
	{ "CR4: SMEP, SMAP, UMIP, FSGSBASE, OSXSAVE", "\x0f\x22\xe0", 0x350ea0, NONE },
	{ "CR4: LA57", "\x0f\x22\xe0", 0x16a0, GP },
	{ "CR4: bits 32-63", "\x0f\x22\xe0", UINT64_C(0x1000006a0), GP },
	{ "CR8", "\x44\x0f\x22\xc0", 9, NONE },
	{ "CR8: more than 15", "\x44\x0f\x22\xc0", 16, GP },
	{ "CR9", "\x44\x0f\x22\xc8", 0, UD },
	{ "CR1", "\x0f\x22\xc8", 0, UD },
	{ "DR0: all 64 bits", "\x0f\x23\xc0", UINT64_C(0xffff800000001000), NONE },
	{ "DR7: bits 32-63", "\x0f\x23\xf8", UINT64_C(0x100000400), GP },
	{ "DR6: bits 32-63", "\x0f\x23\xf0", UINT64_C(0x1ffff0ff0), GP },
	{ "DR8", "\x44\x0f\x23\xc0", 0, UD },
};

static void control_registers(void **state)
{
	struct guest guest;

	(void)state;
	for (size_t n = 0; n < sizeof(controls) / sizeof(controls[0]); n++) {
		const struct control *c = &controls[n];

		long_new(&guest, NULL);
		set(&guest, CBX_RAX, c->value);
		LONG_EXPECT(&guest, c->name, long_run(&guest, c->code, strlen(c->code)), c->vector, 0);
		guest_free(&guest);
	}
	long_new(&guest, NULL);
	set(&guest, CBX_CR4, 0x206a0);
	set(&guest, CBX_RAX, TABLES_AT | 5 | UINT64_C(1) << 63);
	LONG_EXPECT(&guest, "CR3 with PCID, kept", LONG_RUN(&guest, "\x0f\x22\xd8"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_CR3), TABLES_AT | 5);
	set(&guest, CBX_RAX, 0x6a0);
	LONG_EXPECT(&guest, "CR4: PCIDE off", LONG_RUN(&guest, "\x0f\x22\xe0"), NONE, 0);
	set(&guest, CBX_RAX, 0x206a0);
	LONG_EXPECT(&guest, "CR4: PCIDE with a PCID in CR3", LONG_RUN(&guest, "\x0f\x22\xe0"), GP, 0);
	long_privilege(&guest, 0);
	set(&guest, CBX_CR8, 11);
	LONG_EXPECT(&guest, "MOV RAX, CR8", LONG_RUN(&guest, "\x44\x0f\x20\xc0"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 11);
	long_privilege(&guest, 3);
	LONG_EXPECT(&guest, "MOV RAX, CR8 at CPL 3", LONG_RUN(&guest, "\x44\x0f\x20\xc0"), GP, 0);
	/* From compatibility mode paging can be turned off, and long mode with it. */
	compat_privilege(&guest, 0);
	set(&guest, CBX_CR3, TABLES_AT);
	set(&guest, CBX_RAX, 0x31);
	LONG_EXPECT(&guest, "paging off", LONG_RUN(&guest, "\x0f\x22\xc0"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_EFER) & 0x500, 0x100);
	guest_free(&guest);
}

/* ---- MSRs ------------------------------------------------------------------------------------------- */

static const struct msr {
	const char *name;
	uint32_t index;
	uint64_t value;
	int vector;
} msrs[] = {
	{ "EFER: SCE", EFER, 0xd00, NONE },
	{ "EFER: LME stays with paging on", EFER, 0xc00, GP },
	{ "EFER: reserved", EFER, 0x2d01, GP },
	{ "STAR", STAR, UINT64_C(0x1122334455667788), NONE },
	{ "LSTAR", LSTAR, HIGH_HALF, NONE },
	{ "LSTAR: not canonical", LSTAR, LOW_HALF_END, GP },
	{ "CSTAR: not canonical", CSTAR, LOW_HALF_END, GP },
	{ "FMASK", FMASK, 0x47700, NONE },
	{ "FS base", FS_BASE, HIGH_HALF, NONE },
	{ "FS base: not canonical", FS_BASE, HIGH_HALF - 1, GP },
	{ "GS base: not canonical", GS_BASE, LOW_HALF_END, GP },
	{ "kernel GS base: not canonical", KERNEL_GS_BASE, LOW_HALF_END, GP },
	{ "TSC_AUX", TSC_AUX, 0xffffffff, NONE },
	{ "TSC_AUX: bits 32-63", TSC_AUX, UINT64_C(0x100000000), GP },
	{ "SYSENTER_EIP", 0x176, HIGH_HALF, NONE },
	{ "SYSENTER_EIP: not canonical", 0x176, LOW_HALF_END, GP },
	{ "SYSENTER_ESP: not canonical", 0x175, LOW_HALF_END, GP },
	{ "machine-check bank: control", 0x400, UINT64_MAX, NONE },
	{ "machine-check bank: status", 0x401, 1, GP },
	{ "MCG_CAP is read-only", 0x179, 0, GP },
	{ "performance counter", 0xc1, 123, NONE },
	{ "XSS: no component", 0xda0, 1, GP },
	{ "unknown", 0x12345, 0, GP },
};

static void model_specific(void **state)
{
	struct guest guest;

	(void)state;
	for (size_t n = 0; n < sizeof(msrs) / sizeof(msrs[0]); n++) {
		long_new(&guest, NULL);
		LONG_EXPECT(&guest, msrs[n].name, wrmsr(&guest, msrs[n].index, msrs[n].value), msrs[n].vector, 0);
		guest_free(&guest);
	}
	long_new(&guest, NULL);
	wrmsr(&guest, FS_BASE, UINT64_C(0x123456789000));
	assert_true(reg(&guest, CBX_FS_BASE) == UINT64_C(0x123456789000));
	assert_true(rdmsr(&guest, FS_BASE) == UINT64_C(0x123456789000));
	assert_int_equal(rdmsr(&guest, 0x179), 6);
	assert_int_equal(rdmsr(&guest, 0x405), 0);
	assert_true(rdmsr(&guest, 0x8b) >> 32 != 0);
	/* TSC_ADJUST and the counter move together. */
	LONG_EXPECT(&guest, "TSC", wrmsr(&guest, 0x10, UINT64_C(0x123456789abc)), NONE, 0);
	assert_true(rdmsr(&guest, 0x10) - UINT64_C(0x123456789abc) < 1000);
	assert_true(UINT64_C(0x123456789abc) - rdmsr(&guest, 0x3b) < 1000);
	LONG_EXPECT(&guest, "TSC_ADJUST", wrmsr(&guest, 0x3b, 0), NONE, 0);
	assert_true(rdmsr(&guest, 0x10) < 10000);
	wrmsr(&guest, TSC_AUX, 77);
	LONG_EXPECT(&guest, "RDTSCP", LONG_RUN(&guest, "\x0f\x01\xf9"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RCX), 77);
	LONG_EXPECT(&guest, "RDPID RBX", LONG_RUN(&guest, "\xf3\x0f\xc7\xfb"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RBX), 77);
	guest_free(&guest);
	long_new(&guest, "max,vendor=amd");
	LONG_EXPECT(&guest, "AMD: TSC_AUX: bits 32-63", wrmsr(&guest, TSC_AUX, UINT64_C(0x100000005)), NONE, 0);
	assert_int_equal(rdmsr(&guest, TSC_AUX), 5);
	guest_free(&guest);
}

/* ---- Segment registers --------------------------------------------------------------------------------- */

/* MOV sreg, AX. */
static const struct load {
	const char *name;
	char modrm;
	unsigned selector, attributes, cpl;
	int vector;
	unsigned error;
} loads[] = {
	{ "SS null at CPL 0", '\xd0', 0, 0, 0, NONE, 0 },
	{ "SS null, another RPL", '\xd0', 1, 0, 0, GP, 0 },
	{ "SS null at CPL 3", '\xd0', 3, 0, 3, GP, 0 },
	{ "SS null at CPL 3, RPL 0", '\xd0', 0, 0, 3, GP, 0 },
	{ "SS", '\xd0', TEST64, A_DATA32, 0, NONE, 0 },
	{ "SS is code", '\xd0', TEST64, A_CODE64, 0, GP, TEST64 },
	{ "SS not present", '\xd0', TEST64, 0xc013, 0, SS_FAULT, TEST64 },
	{ "SS: DPL", '\xd0', TEST64, 0xc0f3, 0, GP, TEST64 },
	{ "DS null", '\xd8', 3, 0, 3, NONE, 0 },
	{ "DS", '\xd8', TEST64, A_DATA32, 0, NONE, 0 },
	{ "DS: 64-bit code", '\xd8', TEST64, A_CODE64, 0, NONE, 0 },
	{ "DS not present", '\xd8', TEST64, 0xc013, 0, NP, TEST64 },
	{ "DS: a TSS", '\xd8', TEST64, 0x89, 0, GP, TEST64 },
	{ "DS: CPL above DPL", '\xd8', TEST64, A_DATA32, 3, GP, TEST64 },
	{ "FS beyond the GDT", '\xe0', 0x100, 0, 0, GP, 0x100 },
};

static void segment_loads(void **state)
{
	struct guest guest;

	(void)state;
	for (size_t n = 0; n < sizeof(loads) / sizeof(loads[0]); n++) {
		const char code[2] = { '\x8e', loads[n].modrm };

		long_new(&guest, NULL);
		descriptor(&guest, TEST64, 0x1234000, 0xfffff, loads[n].attributes);
		long_privilege(&guest, loads[n].cpl);
		set(&guest, CBX_RAX, loads[n].selector);
		LONG_EXPECT(&guest, loads[n].name, long_run(&guest, code, 2), loads[n].vector, loads[n].error);
		guest_free(&guest);
	}
	/* Bases of DS, ES, SS mean nothing, limits either; those of FS and GS do. */
	long_new(&guest, NULL);
	descriptor(&guest, TEST64, 0x1000, 0, 0x4093);
	set(&guest, CBX_RAX, TEST64);
	LONG_EXPECT(&guest, "DS with a base", LONG_RUN(&guest, "\x8e\xd8"), NONE, 0);
	poke(&guest, DATA_AT, 4, 0x5a5a1234);
	set(&guest, CBX_RBX, DATA_AT);
	LONG_EXPECT(&guest, "MOV EAX, [RBX]", LONG_RUN(&guest, "\x8b\x03"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 0x5a5a1234);
	set(&guest, CBX_RBX, DATA_AT - 0x1000);
	set(&guest, CBX_RAX, TEST64);
	LONG_EXPECT(&guest, "FS with a base", LONG_RUN(&guest, "\x8e\xe0"), NONE, 0);
	LONG_EXPECT(&guest, "MOV EAX, FS:[RBX]", LONG_RUN(&guest, "\x64\x8b\x03"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 0x5a5a1234);
	guest_free(&guest);
	for (unsigned amd = 0; amd < 2; amd++) {
		long_new(&guest, amd ? "max,vendor=amd" : NULL);
		set(&guest, CBX_GS_BASE, HIGH_HALF + 0x1234);
		set(&guest, CBX_RAX, 0);
		LONG_EXPECT(&guest, "GS null", LONG_RUN(&guest, "\x8e\xe8"), NONE, 0);
		assert_true(reg(&guest, CBX_GS_BASE) == (amd ? HIGH_HALF + 0x1234 : 0));
		guest_free(&guest);
	}
}

/* LTR AX and LLDT AX: descriptors of 16 bytes. */
static const struct system {
	const char *name, *code;
	unsigned selector, attributes, upper;
	uint64_t base;
	int vector;
	unsigned error;
} systems[] = {
	{ "LTR", "\x0f\x00\xd8", TEST64, 0x89, 0, HIGH_HALF + TSS_AT, NONE, 0 },
	{ "LTR: null", "\x0f\x00\xd8", 0, 0, 0, 0, GP, 0 },
	{ "LTR: busy", "\x0f\x00\xd8", TEST64, 0x8b, 0, TSS_AT, GP, TEST64 },
	{ "LTR: 16-bit TSS", "\x0f\x00\xd8", TEST64, 0x81, 0, TSS_AT, GP, TEST64 },
	{ "LTR: not present", "\x0f\x00\xd8", TEST64, 0x09, 0, TSS_AT, NP, TEST64 },
	{ "LTR: in the LDT", "\x0f\x00\xd8", TEST64 | 4, 0x89, 0, TSS_AT, GP, TEST64 | 4 },
	{ "LTR: upper half beyond the GDT", "\x0f\x00\xd8", 0xf8, 0x89, 0, TSS_AT, GP, 0xf8 },
	{ "LTR: a type in the upper half", "\x0f\x00\xd8", TEST64, 0x89, 9, TSS_AT, GP, TEST64 },
	{ "LTR: not canonical", "\x0f\x00\xd8", TEST64, 0x89, 0, LOW_HALF_END, GP, TEST64 },
	{ "LLDT", "\x0f\x00\xd0", TEST64, 0x82, 0, HIGH_HALF + LDT_AT, NONE, 0 },
	{ "LLDT: null", "\x0f\x00\xd0", 0, 0, 0, 0, NONE, 0 },
	{ "LLDT: a TSS", "\x0f\x00\xd0", TEST64, 0x89, 0, LDT_AT, GP, TEST64 },
	{ "LLDT: not present", "\x0f\x00\xd0", TEST64, 0x02, 0, LDT_AT, NP, TEST64 },
	{ "LLDT: upper half beyond the GDT", "\x0f\x00\xd0", 0xf8, 0x82, 0, LDT_AT, GP, 0xf8 },
	{ "LLDT: a type in the upper half", "\x0f\x00\xd0", TEST64, 0x82, 2, LDT_AT, GP, TEST64 },
};

static void system_segments(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(systems) / sizeof(systems[0]); n++) {
		const struct system *s = &systems[n];
		bool tr = s->code[2] == '\xd8';
		struct guest guest;

		long_new(&guest, NULL);
		if (s->selector == 0xf8)
			descriptor(&guest, s->selector, (uint32_t)s->base, 0x67, s->attributes);
		else if (s->selector & 0xfffc)
			system64(&guest, s->selector, s->base, 0x67, s->attributes, s->upper);
		set(&guest, CBX_RAX, s->selector);
		LONG_EXPECT(&guest, s->name, long_run(&guest, s->code, 3), s->vector, s->error);
		if (s->vector == NONE && s->selector) {
			assert_true(reg(&guest, tr ? CBX_TR_BASE : CBX_LDTR_BASE) == s->base);
			assert_int_equal(peek(&guest, GDT_AT + s->selector + 5, 1), tr ? 0x8b : 0x82);
		}
		guest_free(&guest);
	}
}

static void descriptor_tables(void **state)
{
	struct guest guest;

	(void)state;
	long_new(&guest, NULL);
	poke(&guest, DATA_AT, 2, 0x1ff);
	poke(&guest, DATA_AT + 2, 8, HIGH_HALF + GDT_AT);
	LONG_EXPECT(&guest, "LGDT", LONG_RUN(&guest, "\x0f\x01\x14\x25\x00\x00\x03\x00"), NONE, 0);
	assert_true(reg(&guest, CBX_GDTR_BASE) == HIGH_HALF + GDT_AT);
	LONG_EXPECT(&guest, "SGDT", LONG_RUN(&guest, "\x0f\x01\x04\x25\x20\x00\x03\x00"), NONE, 0);
	assert_true(peek64(&guest, DATA_AT + 0x22) == HIGH_HALF + GDT_AT);
	poke(&guest, DATA_AT + 2, 8, LOW_HALF_END);
	LONG_EXPECT(&guest, "LIDT: not canonical", LONG_RUN(&guest, "\x0f\x01\x1c\x25\x00\x00\x03\x00"), GP, 0);
	set(&guest, CBX_CR4, 0xea0);
	for (unsigned n = 0; n < 5; n++) {
		static const char *const codes[] = { "\x0f\x01\x04\x25\x20\x00\x03\x00", "\x0f\x01\x0c\x25\x20\x00\x03\x00",
						     "\x0f\x00\xc0", "\x0f\x00\xc8", "\x0f\x01\xe0" };

		long_privilege(&guest, 3);
		LONG_EXPECT(&guest, "UMIP: SGDT, SIDT, SLDT, STR, SMSW", long_run(&guest, codes[n], n < 2 ? 8 : 3), GP, 0);
	}
	guest_free(&guest);
}

/* ---- Quick system calls ------------------------------------------------------------------------------------ */

static void quick_calls(struct guest *guest, const char *cpu)
{
	long_new(guest, cpu);
	set(guest, CBX_STAR, (uint64_t)0x13 << 48 | (uint64_t)CODE0 << 32 | TARGET);
	set(guest, CBX_LSTAR, HIGH_HALF + TARGET);
	set(guest, CBX_CSTAR, TARGET + 0x1000);
	set(guest, CBX_FMASK, IF);
}

static void syscall_and_back(void **state)
{
	struct guest guest;

	(void)state;
	for (unsigned amd = 0; amd < 2; amd++) {
		quick_calls(&guest, amd ? "max,vendor=amd" : NULL);
		long_privilege(&guest, 3);
		set(&guest, CBX_FMASK, IF | TF);
		set(&guest, CBX_RFLAGS, 0x2 | TF);
		LONG_RUN(&guest, "\x0f\x05");
		assert_true(long_step(&guest).vector != DB);
		long_privilege(&guest, 3);
		set(&guest, CBX_RFLAGS, 0x8d7 | IF);
		LONG_EXPECT(&guest, "SYSCALL", LONG_RUN(&guest, "\x0f\x05"), NONE, 0);
		assert_true(reg(&guest, CBX_RIP) == HIGH_HALF + TARGET);
		assert_int_equal(reg(&guest, CBX_RCX), CODE_AT + 2);
		assert_int_equal(reg(&guest, CBX_R11), 0x8d7 | IF);
		assert_int_equal(reg(&guest, CBX_RFLAGS), 0x8d7);
		assert_int_equal(reg(&guest, CBX_CS), CODE0);
		assert_int_equal(reg(&guest, CBX_SS), DATA0);
		assert_int_equal(reg(&guest, CBX_RSP), STACK3);
		LONG_EXPECT(&guest, "SYSRET to 64 bits", LONG_RUN(&guest, "\x48\x0f\x07"), NONE, 0);
		assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + 2);
		assert_int_equal(reg(&guest, CBX_RFLAGS), 0x8d7 | IF);
		assert_int_equal(reg(&guest, CBX_CS), 0x23);
		assert_int_equal(reg(&guest, CBX_SS), 0x1b);
		assert_true(in_64_bit_mode(&guest));
		/* To compatibility mode. */
		long_privilege(&guest, 0);
		set(&guest, CBX_RCX, UINT64_C(0x100000000) + TARGET);
		LONG_EXPECT(&guest, "SYSRET to 32 bits", LONG_RUN(&guest, "\x0f\x07"), NONE, 0);
		assert_int_equal(reg(&guest, CBX_RIP), TARGET);
		assert_int_equal(reg(&guest, CBX_CS), 0x13);
		assert_false(in_64_bit_mode(&guest));
		/* From there. */
		compat_privilege(&guest, 3);
		LONG_EXPECT(&guest, "SYSCALL in compatibility mode", LONG_RUN(&guest, "\x0f\x05"), amd ? NONE : UD, 0);
		if (amd)
			assert_int_equal(reg(&guest, CBX_RIP), TARGET + 0x1000);
		long_privilege(&guest, 0);
		set(&guest, CBX_RCX, LOW_HALF_END);
		LONG_EXPECT(&guest, "SYSRET, not canonical", LONG_RUN(&guest, "\x48\x0f\x07"), amd ? NONE : GP, 0);
		if (amd) {
			assert_true(reg(&guest, CBX_RIP) == LOW_HALF_END);
			assert_int_equal(long_step(&guest).vector, GP);
		}
		long_privilege(&guest, 3);
		LONG_EXPECT(&guest, "SYSRET at CPL 3", LONG_RUN(&guest, "\x48\x0f\x07"), GP, 0);
		set(&guest, CBX_EFER, 0xd00);
		long_privilege(&guest, 3);
		LONG_EXPECT(&guest, "SYSCALL without SCE", LONG_RUN(&guest, "\x0f\x05"), UD, 0);
		long_privilege(&guest, 0);
		LONG_EXPECT(&guest, "SYSRET without SCE", LONG_RUN(&guest, "\x48\x0f\x07"), UD, 0);
		guest_free(&guest);
	}
}

static void sysenter_and_back(void **state)
{
	struct guest guest;

	(void)state;
	long_new(&guest, NULL);
	set(&guest, CBX_SYSENTER_CS, CODE0);
	set(&guest, CBX_SYSENTER_ESP, HIGH_HALF + STACK0);
	set(&guest, CBX_SYSENTER_EIP, HIGH_HALF + TARGET);
	compat_privilege(&guest, 3);
	LONG_EXPECT(&guest, "SYSENTER from compatibility mode", LONG_RUN(&guest, "\x0f\x34"), NONE, 0);
	assert_true(in_64_bit_mode(&guest));
	assert_true(reg(&guest, CBX_RIP) == HIGH_HALF + TARGET);
	assert_true(reg(&guest, CBX_RSP) == HIGH_HALF + STACK0);
	assert_int_equal(reg(&guest, CBX_CS), CODE0);
	set(&guest, CBX_RCX, STACK3);
	set(&guest, CBX_RDX, CODE_AT);
	LONG_EXPECT(&guest, "SYSEXIT to 64 bits", LONG_RUN(&guest, "\x48\x0f\x35"), NONE, 0);
	assert_true(in_64_bit_mode(&guest));
	assert_int_equal(reg(&guest, CBX_CS), CODE0 + 32 + 3);
	assert_int_equal(reg(&guest, CBX_SS), CODE0 + 40 + 3);
	long_privilege(&guest, 0);
	LONG_EXPECT(&guest, "SYSEXIT to 32 bits", LONG_RUN(&guest, "\x0f\x35"), NONE, 0);
	assert_false(in_64_bit_mode(&guest));
	assert_int_equal(reg(&guest, CBX_CS), CODE0 + 16 + 3);
	long_privilege(&guest, 0);
	set(&guest, CBX_RDX, LOW_HALF_END);
	LONG_EXPECT(&guest, "SYSEXIT, RIP not canonical", LONG_RUN(&guest, "\x48\x0f\x35"), GP, 0);
	long_privilege(&guest, 0);
	set(&guest, CBX_RDX, 0);
	set(&guest, CBX_RCX, LOW_HALF_END);
	LONG_EXPECT(&guest, "SYSEXIT, RSP not canonical", LONG_RUN(&guest, "\x48\x0f\x35"), GP, 0);
	long_privilege(&guest, 3);
	LONG_EXPECT(&guest, "SYSEXIT at CPL 3", LONG_RUN(&guest, "\x48\x0f\x35"), GP, 0);
	set(&guest, CBX_SYSENTER_CS, 3);
	long_privilege(&guest, 3);
	LONG_EXPECT(&guest, "SYSENTER without CS", LONG_RUN(&guest, "\x0f\x34"), GP, 0);
	guest_free(&guest);
	long_new(&guest, "max,vendor=amd");
	LONG_EXPECT(&guest, "AMD: SYSENTER in long mode", LONG_RUN(&guest, "\x0f\x34"), UD, 0);
	long_privilege(&guest, 0);
	LONG_EXPECT(&guest, "AMD: SYSEXIT in long mode", LONG_RUN(&guest, "\x0f\x35"), UD, 0);
	guest_free(&guest);
}

/* ---- The other instructions --------------------------------------------------------------------------------- */

static const struct lone {
	const char *name, *code;
	unsigned size, cpl;
	uint64_t cr4, rax, rcx, rdx;
	int vector;
} lones[] = {
	{ "SWAPGS", "\x0f\x01\xf8", 3, 0, 0x6a0, 0, 0, 0, NONE },
	{ "SWAPGS at CPL 3", "\x0f\x01\xf8", 3, 3, 0x6a0, 0, 0, 0, GP },
	{ "RDFSBASE", "\xf3\x48\x0f\xae\xc0", 5, 3, 0x106a0, 0, 0, 0, NONE },
	{ "RDFSBASE, not enabled", "\xf3\x48\x0f\xae\xc0", 5, 0, 0x6a0, 0, 0, 0, UD },
	{ "WRGSBASE", "\xf3\x48\x0f\xae\xd8", 5, 3, 0x106a0, HIGH_HALF, 0, 0, NONE },
	{ "WRGSBASE, not canonical", "\xf3\x48\x0f\xae\xd8", 5, 3, 0x106a0, LOW_HALF_END, 0, 0, GP },
	{ "WRGSBASE, 32 bits", "\xf3\x0f\xae\xd8", 4, 3, 0x106a0, LOW_HALF_END, 0, 0, NONE },
	{ "XGETBV, not enabled", "\x0f\x01\xd0", 3, 0, 0x6a0, 0, 0, 0, UD },
	{ "XGETBV", "\x0f\x01\xd0", 3, 3, 0x406a0, 0, 0, 0, NONE },
	{ "XGETBV 1", "\x0f\x01\xd0", 3, 3, 0x406a0, 0, 1, 0, NONE },
	{ "XGETBV 2", "\x0f\x01\xd0", 3, 3, 0x406a0, 0, 2, 0, GP },
	{ "XSETBV, not enabled", "\x0f\x01\xd1", 3, 0, 0x6a0, 7, 0, 0, UD },
	{ "XSETBV", "\x0f\x01\xd1", 3, 0, 0x406a0, 7, 0, 0, NONE },
	{ "XSETBV at CPL 3", "\x0f\x01\xd1", 3, 3, 0x406a0, 7, 0, 0, GP },
	{ "XSETBV: no x87", "\x0f\x01\xd1", 3, 0, 0x406a0, 6, 0, 0, GP },
	{ "XSETBV: AVX without SSE", "\x0f\x01\xd1", 3, 0, 0x406a0, 5, 0, 0, GP },
	{ "XSETBV: unknown", "\x0f\x01\xd1", 3, 0, 0x406a0, 15, 0, 0, GP },
	{ "XSETBV: bits 32-63", "\x0f\x01\xd1", 3, 0, 0x406a0, 7, 0, 1, GP },
	{ "XSETBV: XCR1", "\x0f\x01\xd1", 3, 0, 0x406a0, 7, 1, 0, GP },
	{ "STAC", "\x0f\x01\xcb", 3, 0, 0x6a0, 0, 0, 0, NONE },
	{ "STAC at CPL 3", "\x0f\x01\xcb", 3, 3, 0x6a0, 0, 0, 0, UD },
	{ "CLAC at CPL 3", "\x0f\x01\xca", 3, 3, 0x6a0, 0, 0, 0, UD },
	{ "MONITOR: there is none", "\x0f\x01\xc8", 3, 0, 0x6a0, 0, 0, 0, UD },
	{ "RDPMC: no counters", "\x0f\x33", 2, 0, 0x6a0, 0, 0, 0, GP },
	{ "ARPL is MOVSXD", "\x63\xc0", 2, 0, 0x6a0, 0, 0, 0, NONE },
	{ "PUSH ES", "\x06", 1, 0, 0x6a0, 0, 0, 0, UD },
	{ "JMP ptr16:32", "\xea\x00\x00\x06\x00\x08\x00", 7, 0, 0x6a0, 0, 0, 0, UD },
	{ "INTO", "\xce", 1, 0, 0x6a0, 0, 0, 0, UD },
	{ "LES", "\xc4\x03", 2, 0, 0x6a0, 0, 0, 0, UD },
};

static void other_instructions(void **state)
{
	struct guest guest;

	(void)state;
	for (size_t n = 0; n < sizeof(lones) / sizeof(lones[0]); n++) {
		const struct lone *l = &lones[n];

		long_new(&guest, NULL);
		set(&guest, CBX_CR4, l->cr4);
		long_privilege(&guest, l->cpl);
		set(&guest, CBX_RAX, l->rax);
		set(&guest, CBX_RCX, l->rcx);
		set(&guest, CBX_RDX, l->rdx);
		LONG_EXPECT(&guest, l->name, long_run(&guest, l->code, l->size), l->vector, 0);
		guest_free(&guest);
	}
	long_new(&guest, NULL);
	set(&guest, CBX_GS_BASE, 0x1111);
	set(&guest, CBX_KERNEL_GS_BASE, HIGH_HALF);
	LONG_EXPECT(&guest, "SWAPGS", LONG_RUN(&guest, "\x0f\x01\xf8"), NONE, 0);
	assert_true(reg(&guest, CBX_GS_BASE) == HIGH_HALF);
	assert_int_equal(reg(&guest, CBX_KERNEL_GS_BASE), 0x1111);
	LONG_EXPECT(&guest, "STAC", LONG_RUN(&guest, "\x0f\x01\xcb"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RFLAGS) & AC, AC);
	LONG_EXPECT(&guest, "CLAC", LONG_RUN(&guest, "\x0f\x01\xca"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RFLAGS) & AC, 0);
	/* PUSH FS is 8 bytes with zeros above. */
	set(&guest, CBX_FS, 0x1234);
	poke(&guest, STACK0 - 0x408, 8, UINT64_MAX);
	LONG_EXPECT(&guest, "PUSH FS", LONG_RUN(&guest, "\x0f\xa0"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RSP), STACK0 - 0x408);
	assert_int_equal(peek64(&guest, STACK0 - 0x408), 0x1234);
	guest_free(&guest);
}

static void invpcid(void **state)
{
	static const struct {
		const char *name;
		uint64_t type, pcid, linear;
		unsigned cpl;
		int vector;
	} cases[] = {
		{ "an address", 0, 0, 0x1000, 0, NONE }, { "an address, not canonical", 0, 0, LOW_HALF_END, 0, GP },
		{ "a PCID without PCIDE", 1, 5, 0, 0, GP }, { "PCID 0", 1, 0, 0, 0, NONE },
		{ "all", 2, 0, 0, 0, NONE }, { "all but global", 3, 0, 0, 0, NONE }, { "type 4", 4, 0, 0, 0, GP },
		{ "reserved bits", 2, 0x1000, 0, 0, GP }, { "CPL 3", 2, 0, 0, 3, GP },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		long_new(&guest, NULL);
		poke(&guest, DATA_AT, 8, cases[n].pcid);
		poke(&guest, DATA_AT + 8, 8, cases[n].linear);
		long_privilege(&guest, cases[n].cpl);
		set(&guest, CBX_RAX, cases[n].type);
		set(&guest, CBX_RBX, DATA_AT);
		LONG_EXPECT(&guest, cases[n].name, LONG_RUN(&guest, "\x66\x0f\x38\x82\x03"), cases[n].vector, 0);
		guest_free(&guest);
	}
}

static void cmpxchg16b(void **state)
{
	struct guest guest;

	(void)state;
	long_new(&guest, NULL);
	poke(&guest, DATA_AT, 8, 0x1111);
	poke(&guest, DATA_AT + 8, 8, 0x2222);
	set(&guest, CBX_RSI, DATA_AT);
	set(&guest, CBX_RAX, 0x1111);
	set(&guest, CBX_RDX, 0x2222);
	set(&guest, CBX_RBX, 0x3333);
	set(&guest, CBX_RCX, HIGH_HALF);
	LONG_EXPECT(&guest, "equal", LONG_RUN(&guest, "\xf0\x48\x0f\xc7\x0e"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RFLAGS) & 0x40, 0x40);
	assert_int_equal(peek64(&guest, DATA_AT), 0x3333);
	assert_true(peek64(&guest, DATA_AT + 8) == HIGH_HALF);
	LONG_EXPECT(&guest, "different", LONG_RUN(&guest, "\x48\x0f\xc7\x0e"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RFLAGS) & 0x40, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 0x3333);
	assert_true(reg(&guest, CBX_RDX) == HIGH_HALF);
	set(&guest, CBX_RSI, DATA_AT + 8);
	LONG_EXPECT(&guest, "misaligned", LONG_RUN(&guest, "\x48\x0f\xc7\x0e"), GP, 0);
	guest_free(&guest);
	long_new(&guest, "max,-cx16");
	set(&guest, CBX_RSI, DATA_AT);
	LONG_EXPECT(&guest, "absent", LONG_RUN(&guest, "\x48\x0f\xc7\x0e"), UD, 0);
	guest_free(&guest);
}

/* An instruction of a feature that was taken away is #UD, and CPUID does not show it. */
static void features(void **state)
{
	static const struct {
		const char *cpu, *code;
		unsigned size, leaf, subleaf;
		enum cbx_register where;
		uint32_t bit;
	} cases[] = {
		{ "max,-lahf-lm", "\x9f", 1, 0x80000001, 0, CBX_RCX, 0 },
		{ "max,-rdtscp", "\x0f\x01\xf9", 3, 0x80000001, 0, CBX_RDX, 27 },
		{ "max,-xsave", "\x0f\x01\xd0", 3, 1, 0, CBX_RCX, 26 },
		{ "max,-smap", "\x0f\x01\xcb", 3, 7, 0, CBX_RBX, 20 },
		{ "max,-syscall,+lm", "\x0f\x0b", 2, 1, 0, CBX_RDX, 10 },
		{ "max,-fsgsbase", "\xf3\x0f\xae\xc0", 4, 7, 0, CBX_RBX, 0 },
		{ "max,-sse3", "\x0f\x0b", 2, 7, 0, CBX_RBX, 5 },       /* AVX2 goes, too */
		{ "max,-invpcid", "\x66\x0f\x38\x82\x03", 5, 7, 0, CBX_RBX, 10 },
	};
	uint64_t leaf7;

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		long_new(&guest, cases[n].cpu);
		LONG_EXPECT(&guest, cases[n].cpu, long_run(&guest, cases[n].code, cases[n].size), UD, 0);
		long_privilege(&guest, 0);
		set(&guest, CBX_RAX, cases[n].leaf);
		set(&guest, CBX_RCX, cases[n].subleaf);
		LONG_EXPECT(&guest, "CPUID", LONG_RUN(&guest, "\x0f\xa2"), NONE, 0);
		leaf7 = reg(&guest, cases[n].where);
		assert_int_equal(leaf7 >> cases[n].bit & 1, 0);
		guest_free(&guest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entering), cmocka_unit_test(control_registers), cmocka_unit_test(model_specific),
		cmocka_unit_test(segment_loads), cmocka_unit_test(system_segments),
		cmocka_unit_test(descriptor_tables), cmocka_unit_test(syscall_and_back),
		cmocka_unit_test(sysenter_and_back), cmocka_unit_test(other_instructions),
		cmocka_unit_test(invpcid), cmocka_unit_test(cmpxchg16b), cmocka_unit_test(features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
