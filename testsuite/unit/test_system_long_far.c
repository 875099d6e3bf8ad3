/*
 * Far transfers of long mode: JMP, CALL, RET and IRET between 64-bit and compatibility mode,
 * 64-bit call gates, and every error code of theirs.
 */
#include "long_guest.h"

#include <string.h>

enum { TARGET = 0x60000, NT = 0x4000 };

/* ---- JMP and CALL to code segments ------------------------------------------------------------- */

/* JMP or CALL by a far pointer in memory, with 32 or 64 bits of offset. */
static struct frame far_pointer(struct guest *guest, bool call, unsigned width, unsigned selector, uint64_t offset)
{
	char code[] = "\x48\xff\x2c\x25\x00\x00\x03\x00";       /* REX.W JMP FAR [30000h] */

	if (call)
		code[2] = 0x1c;
	poke(guest, POINTER_AT, 8, offset);
	poke(guest, POINTER_AT + width, 2, selector);
	return long_run(guest, code + (width == 4), 8 - (width == 4));
}

static const struct direct {
	const char *name;
	unsigned selector, attributes, cpl, width;
	uint64_t offset;
	int vector;
	unsigned error;
} directs[] = {
	{ "null", 0, 0, 0, 8, 0, GP, 0 },
	{ "null with RPL", 2, 0, 0, 8, 0, GP, 0 },
	{ "beyond the GDT", 0x100, 0, 0, 8, 0, GP, 0x100 },
	{ "beyond the LDT", 0x107, 0, 3, 4, 0, GP, 0x104 },
	{ "64-bit", TEST64, A_CODE64, 0, 4, TARGET, NONE, 0 },
	{ "64-bit, 64-bit offset", TEST64, A_CODE64, 0, 8, TARGET, NONE, 0 },
	{ "64-bit, the upper half", TEST64, A_CODE64, 0, 8, HIGH_HALF + TARGET, NONE, 0 },
	{ "64-bit, CPL 3", TEST64 | 3, A_CODE64 | A_DPL, 3, 8, TARGET, NONE, 0 },
	{ "64-bit, no limit", TEST64, 0x209b, 0, 8, TARGET, NONE, 0 },
	{ "64-bit, not canonical", TEST64, A_CODE64, 0, 8, LOW_HALF_END, GP, 0 },
	{ "64-bit, not canonical from above", TEST64, A_CODE64, 0, 8, HIGH_HALF - 1, GP, 0 },
	{ "64-bit, not present before not canonical", TEST64, 0xa01b, 0, 8, LOW_HALF_END, NP, TEST64 },
	{ "L and D", TEST64, A_CODE_BOTH, 0, 8, TARGET, GP, TEST64 },
	{ "L and D before privilege and presence", TEST64 | 3, 0xe01b, 3, 8, TARGET, GP, TEST64 },
	{ "compatibility", TEST64, A_CODE32, 0, 4, TARGET, NONE, 0 },
	{ "compatibility, CPL 3", TEST64 | 3, A_CODE32 | A_DPL, 3, 8, TARGET, NONE, 0 },
	{ "compatibility, 16-bit", TEST64, 0x809b, 0, 4, TARGET, NONE, 0 },
	{ "compatibility, beyond the limit", TEST64, 0x409b, 0, 8, 0x100000, GP, 0 },
	{ "compatibility, beyond 4 GiB", TEST64, A_CODE32, 0, 8, UINT64_C(0x100000000), GP, 0 },
	{ "nonconforming, RPL above CPL", TEST64 | 3, A_CODE64, 0, 8, TARGET, GP, TEST64 },
	{ "nonconforming, DPL above CPL", TEST64, A_CODE64 | A_DPL, 0, 8, TARGET, GP, TEST64 },
	{ "nonconforming, DPL below CPL", TEST64 | 3, A_CODE64, 3, 8, TARGET, GP, TEST64 },
	{ "not present", TEST64, 0xa01b, 0, 8, TARGET, NP, TEST64 },
	{ "conforming, inner DPL", TEST64 | 3, 0xa09f, 3, 8, TARGET, NONE, 0 },
	{ "conforming, outer DPL", TEST64, 0xa0ff, 0, 8, TARGET, GP, TEST64 },
	{ "data", TEST64, A_DATA32, 0, 8, TARGET, GP, TEST64 },
	{ "TSS: no task switch", TEST64, 0x89, 0, 8, 0, GP, TEST64 },
	{ "busy TSS", TEST64, 0x8b, 0, 8, 0, GP, TEST64 },
	{ "16-bit TSS", TEST64, 0x81, 0, 8, 0, GP, TEST64 },
	{ "task gate", TEST64, 0x85, 0, 8, 0, GP, TEST64 },
	{ "16-bit call gate", TEST64, 0x84, 0, 8, 0, GP, TEST64 },
	{ "LDT", TEST64, 0x82, 0, 8, 0, GP, TEST64 },
	{ "interrupt gate", TEST64, 0x8e, 0, 8, 0, GP, TEST64 },
	{ "type 0", TEST64, 0x80, 0, 8, 0, GP, TEST64 },
};

static void direct_transfers(void **state)
{
	(void)state;
	for (unsigned call = 0; call < 2; call++)
		for (size_t n = 0; n < sizeof(directs) / sizeof(directs[0]); n++) {
			const struct direct *d = &directs[n];
			bool code64 = d->attributes & 0x2000;
			struct guest guest;
			uint64_t sp;

			long_new(&guest, NULL);
			descriptor(&guest, TEST64, 0, strstr(d->name, "no limit") ? 0 : 0xfffff, d->attributes);
			long_privilege(&guest, d->cpl);
			sp = reg(&guest, CBX_RSP);
			LONG_EXPECT(&guest, d->name, far_pointer(&guest, call, d->width, d->selector, d->offset),
				    d->vector, d->error);
			if (d->vector == NONE) {
				uint64_t next = CODE_AT + (d->width == 8 ? 8 : 7);

				assert_true(reg(&guest, CBX_RIP) == d->offset);
				assert_int_equal(reg(&guest, CBX_CS), (d->selector & ~3u) | d->cpl);
				assert_int_equal(in_64_bit_mode(&guest), code64);
				assert_int_equal(reg(&guest, CBX_RSP), call ? sp - 2 * d->width : sp);
				if (call) {
					assert_int_equal(peek(&guest, sp - 2 * d->width, 4), next);
					assert_int_equal(peek(&guest, sp - d->width, 4),
							 d->cpl ? CODE3 : CODE0);
				}
			}
			guest_free(&guest);
		}
}

/* AMD's processors take a far pointer with REX.W for one of 32 bits. */
static void vendors_differ(void **state)
{
	struct guest guest;

	(void)state;
	long_new(&guest, "max,vendor=amd");
	descriptor(&guest, TEST64, 0, 0xfffff, A_CODE64);
	poke(&guest, POINTER_AT, 4, TARGET);
	poke(&guest, POINTER_AT + 4, 4, TEST64);
	LONG_EXPECT(&guest, "JMP m16:32 in spite of REX.W",
		    LONG_RUN(&guest, "\x48\xff\x2c\x25\x00\x00\x03\x00"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RIP), TARGET);
	guest_free(&guest);
}

/*
 * A call to compatibility mode pushes as that mode does: below 4 GiB, wherever RSP points, canonical or
 * not.  (Seen on silicon: AMD's Zen.)
 */
static void call_down_the_stack(void **state)
{
	static const uint64_t above[] = { 0, UINT64_C(0x100000000), HIGH_HALF, UINT64_C(0x0001123400000000) };

	(void)state;
	for (size_t n = 0; n < sizeof(above) / sizeof(above[0]); n++) {
		struct guest guest;
		uint64_t sp;

		long_new(&guest, NULL);
		descriptor(&guest, TEST64, 0, 0xfffff, A_CODE32 | A_DPL);
		long_privilege(&guest, 3);
		sp = (uint32_t)reg(&guest, CBX_RSP);
		cbx_register_write(guest.machine, CBX_RSP, above[n] | sp);
		LONG_EXPECT(&guest, "CALL", far_pointer(&guest, true, 4, TEST64 | 3, TARGET), NONE, 0);
		assert_true(reg(&guest, CBX_RSP) == sp - 8);
		assert_int_equal(peek(&guest, sp - 8, 4), CODE_AT + 7);
		assert_int_equal(peek(&guest, sp - 4, 4), CODE3);
		guest_free(&guest);
	}
}

/* ---- Call gates ------------------------------------------------------------------------------------ */

static const struct through {
	const char *name;
	unsigned selector, gate, upper, target, attributes, cpl;
	uint64_t offset;
	int vector;
	unsigned error;                 /* of both JMP and CALL */
	int call_vector;                /* of CALL when it is different */
	unsigned call_error;
} throughs[] = {
	{ "same privilege", GATE64, 0x8c, 0, TEST64, A_CODE64, 0, TARGET, NONE, 0, GP, 0 },
	{ "the upper half", GATE64, 0x8c, 0, TEST64, A_CODE64, 0, HIGH_HALF + TARGET, NONE, 0, GP, 0 },
	{ "gate DPL below CPL", GATE64, 0x8c, 0, TEST64, A_CODE64, 3, TARGET, GP, GATE64, GP, 0 },
	{ "gate DPL below RPL", GATE64 | 3, 0x8c, 0, TEST64, A_CODE64, 0, TARGET, GP, GATE64, GP, 0 },
	{ "gate not present", GATE64, 0x0c, 0, TEST64, A_CODE64, 0, TARGET, NP, GATE64, GP, 0 },
	{ "a type in the upper half", GATE64, 0x8c, 0x0c, TEST64, A_CODE64, 0, TARGET, GP, GATE64, GP, 0 },
	{ "upper half beyond the GDT", 0xf8, 0x8c, 0, TEST64, A_CODE64, 0, TARGET, GP, 0xf8, GP, 0 },
	{ "target null", GATE64, 0x8c, 0, 0, 0, 0, TARGET, GP, 0, GP, 0 },
	{ "target beyond the GDT", GATE64, 0x8c, 0, 0x100, 0, 0, TARGET, GP, 0x100, GP, 0 },
	{ "target is data", GATE64, 0x8c, 0, TEST64, A_DATA32, 0, TARGET, GP, TEST64, GP, 0 },
	{ "target DPL above CPL", GATE64, 0x8c, 0, TEST64, A_CODE64 | A_DPL, 0, TARGET, GP, TEST64, GP, 0 },
	{ "target is 32-bit code", GATE64, 0x8c, 0, TEST64, A_CODE32, 0, TARGET, GP, TEST64, GP, 0 },
	{ "target has L and D", GATE64, 0x8c, 0, TEST64, A_CODE_BOTH, 0, TARGET, GP, TEST64, GP, 0 },
	{ "target not present", GATE64, 0x8c, 0, TEST64, 0xa01b, 0, TARGET, NP, TEST64, GP, 0 },
	{ "not canonical", GATE64, 0x8c, 0, TEST64, A_CODE64, 0, LOW_HALF_END, GP, 0, GP, 0 },
	{ "inner", GATE64 | 3, 0xec, 0, TEST64, A_CODE64, 3, TARGET, GP, TEST64, NONE, 1 },
	{ "inner, not present", GATE64 | 3, 0xec, 0, TEST64, 0xa01b, 3, TARGET, GP, TEST64, NP, TEST64 },
	{ "inner, not canonical", GATE64 | 3, 0xec, 0, TEST64, A_CODE64, 3, LOW_HALF_END, GP, TEST64, GP, 1 },
	{ "conforming", GATE64 | 3, 0xec, 0, TEST64, 0xa09f, 3, TARGET, NONE, 0, GP, 0 },
};

static void gate_transfers(void **state)
{
	(void)state;
	for (unsigned call = 0; call < 2; call++)
		for (size_t n = 0; n < sizeof(throughs) / sizeof(throughs[0]); n++) {
			const struct through *t = &throughs[n];
			bool other = call && (t->call_vector != GP || t->call_error);
			int vector = other ? t->call_vector : t->vector;
			uint64_t error = other ? t->call_error & ~1u : t->error;
			struct guest guest;

			long_new(&guest, NULL);
			gate64(&guest, t->selector, t->target, t->offset, t->gate, t->upper);
			descriptor(&guest, TEST64, 0, 0xfffff, t->attributes);
			long_privilege(&guest, t->cpl);
			LONG_EXPECT(&guest, t->name, far_pointer(&guest, call, 4, t->selector, 0xdeadbeef),
				    vector, error);
			if (vector == NONE)
				assert_true(reg(&guest, CBX_RIP) == t->offset);
			guest_free(&guest);
		}
}

/* From CPL 3, 64-bit or compatibility mode: a stack without a segment and 8-byte items. */
static void inner_call_frame(void **state)
{
	(void)state;
	for (unsigned compat = 0; compat < 2; compat++) {
		struct guest guest;

		long_new(&guest, NULL);
		gate64(&guest, GATE64, CODE0, TARGET, 0xec, 0);
		if (compat)
			compat_privilege(&guest, 3);
		else
			long_privilege(&guest, 3);
		if (compat)             /* CALL 73h:0 */
			LONG_EXPECT(&guest, "CALL", LONG_RUN(&guest, "\x9a\x00\x00\x00\x00\x73\x00"), NONE, 0);
		else
			LONG_EXPECT(&guest, "CALL", far_pointer(&guest, true, 4, GATE64 | 3, 0), NONE, 0);
		assert_int_equal(reg(&guest, CBX_CS), CODE0);
		assert_int_equal(reg(&guest, CBX_SS), 0);
		assert_int_equal(reg(&guest, CBX_RIP), TARGET);
		assert_true(in_64_bit_mode(&guest));
		assert_int_equal(reg(&guest, CBX_RSP), STACK0 - 32);
		assert_int_equal(peek64(&guest, STACK0 - 32), CODE_AT + 7);
		assert_int_equal(peek64(&guest, STACK0 - 24), compat ? COMPAT3 : CODE3);
		assert_int_equal(peek64(&guest, STACK0 - 16), STACK3);
		assert_int_equal(peek64(&guest, STACK0 - 8), DATA3);
		/* And back. */
		LONG_EXPECT(&guest, "RETF", LONG_RUN(&guest, "\x48\xcb"), NONE, 0);
		assert_int_equal(reg(&guest, CBX_CS), compat ? COMPAT3 : CODE3);
		assert_int_equal(reg(&guest, CBX_SS), DATA3);
		assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + 7);
		assert_int_equal(reg(&guest, CBX_RSP), STACK3);
		assert_int_equal(in_64_bit_mode(&guest), !compat);
		guest_free(&guest);
	}
}

/* The privilege is 1 so that the handlers, of privilege 0, have a stack that works. */
static void inner_call_stacks(void **state)
{
	static const struct {
		const char *name;
		uint64_t rsp;
		unsigned limit;
		int vector;
		unsigned error;
	} cases[] = {
		{ "the last byte", STACK0, 19, NONE, 0 },
		{ "beyond the TSS", STACK0, 18, TS, TSS },
		{ "not canonical", LOW_HALF_END + 64, 0x2fff, SS_FAULT, 0 },
		{ "ends where nothing is canonical", LOW_HALF_END, 0x2fff, NONE, 0 },
		{ "begins there", LOW_HALF_END + 8, 0x2fff, SS_FAULT, 0 },
		{ "not mapped", 0x40000000, 0x2fff, PF, 2 },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;

		long_new(&guest, NULL);
		gate64(&guest, GATE64, TEST64, TARGET, 0xec, 0);
		descriptor(&guest, TEST64, 0, 0xfffff, 0xa0bb);
		poke(&guest, TSS_AT + 12, 8, cases[n].rsp);
		set(&guest, CBX_TR_LIMIT, cases[n].limit);
		long_privilege(&guest, 3);
		LONG_EXPECT(&guest, cases[n].name, far_pointer(&guest, true, 4, GATE64 | 3, 0),
			    cases[n].vector, cases[n].error);
		if (cases[n].vector == NONE) {
			assert_int_equal(reg(&guest, CBX_CS), TEST64 | 1);
			assert_int_equal(reg(&guest, CBX_SS), 1);
			assert_true(reg(&guest, CBX_RSP) == cases[n].rsp - 32);
		}
		guest_free(&guest);
	}
}

/* ---- RETF and IRET ------------------------------------------------------------------------------------ */

static const struct back {
	const char *name;
	unsigned cs, code, ss, stack;   /* TEST64 as CS, GATE64 as SS have these attributes */
	uint64_t rip;
	int vector;
	unsigned error;
} backs[] = {
	{ "outer, 64-bit", TEST64 | 3, A_CODE64 | A_DPL, GATE64 | 3, 0xc0f3, TARGET, NONE, 0 },
	{ "outer, compatibility", TEST64 | 3, A_CODE32 | A_DPL, GATE64 | 3, 0xc0f3, TARGET, NONE, 0 },
	{ "outer, the upper half", TEST64 | 3, A_CODE64 | A_DPL, GATE64 | 3, 0xc0f3, HIGH_HALF, NONE, 0 },
	{ "outer, privilege 1, null SS", TEST64 | 1, 0xa0bb, 1, 0, TARGET, NONE, 0 },
	{ "null CS", 0, 0, GATE64 | 3, 0xc0f3, TARGET, GP, 0 },
	{ "CS beyond the GDT", 0x103, 0, GATE64 | 3, 0xc0f3, TARGET, GP, 0x100 },
	{ "CS is data", TEST64 | 3, 0xc0f3, GATE64 | 3, 0xc0f3, TARGET, GP, TEST64 },
	{ "CS is a TSS", TEST64 | 3, 0xe9, GATE64 | 3, 0xc0f3, TARGET, GP, TEST64 },
	{ "CS: DPL is not RPL", TEST64 | 3, A_CODE64, GATE64 | 3, 0xc0f3, TARGET, GP, TEST64 },
	{ "CS: conforming, DPL above RPL", TEST64 | 1, 0xa0ff, GATE64 | 1, 0xc0b3, TARGET, GP, TEST64 },
	{ "CS: L and D", TEST64 | 3, A_CODE_BOTH | A_DPL, GATE64 | 3, 0xc0f3, TARGET, GP, TEST64 },
	{ "CS not present", TEST64 | 3, 0xa07b, GATE64 | 3, 0xc0f3, TARGET, NP, TEST64 },
	{ "64-bit, not canonical", TEST64 | 3, A_CODE64 | A_DPL, GATE64 | 3, 0xc0f3, LOW_HALF_END, GP, 0 },
	{ "compatibility, beyond the limit", TEST64 | 3, 0x40fb, GATE64 | 3, 0xc0f3, 0x100000, GP, 0 },
	{ "null SS, CPL 3", TEST64 | 3, A_CODE64 | A_DPL, 3, 0, TARGET, GP, 0 },
	{ "null SS, CPL 3, RPL 0", TEST64 | 3, A_CODE64 | A_DPL, 0, 0, TARGET, GP, 0 },
	{ "null SS, another RPL", TEST64 | 1, 0xa0bb, 2, 0, TARGET, GP, 0 },
	{ "null SS, compatibility mode", TEST64 | 1, 0xc0bb, 1, 0, TARGET, GP, 0 },
	{ "SS beyond the GDT", TEST64 | 3, A_CODE64 | A_DPL, 0x103, 0, TARGET, GP, 0x100 },
	{ "SS: RPL", TEST64 | 3, A_CODE64 | A_DPL, GATE64 | 1, 0xc0f3, TARGET, GP, GATE64 },
	{ "SS: DPL", TEST64 | 3, A_CODE64 | A_DPL, GATE64 | 3, 0xc093, TARGET, GP, GATE64 },
	{ "SS not writable", TEST64 | 3, A_CODE64 | A_DPL, GATE64 | 3, 0xc0f1, TARGET, GP, GATE64 },
	{ "SS is code", TEST64 | 3, A_CODE64 | A_DPL, GATE64 | 3, 0xc0fb, TARGET, GP, GATE64 },
	{ "SS not present", TEST64 | 3, A_CODE64 | A_DPL, GATE64 | 3, 0xc073, TARGET, SS_FAULT, GATE64 },
};

static void returns(void **state)
{
	(void)state;
	for (unsigned iret = 0; iret < 2; iret++)
		for (size_t n = 0; n < sizeof(backs) / sizeof(backs[0]); n++) {
			const struct back *b = &backs[n];
			uint64_t sp = STACK0 - 0x400, at = sp;
			struct guest guest;

			long_new(&guest, NULL);
			descriptor(&guest, TEST64, 0, 0xfffff, b->code);
			descriptor(&guest, GATE64, 0, 0xfffff, b->stack);
			poke(&guest, at, 8, b->rip);
			poke(&guest, at += 8, 8, b->cs);
			if (iret)
				poke(&guest, at += 8, 8, 0x246);
			poke(&guest, at += 8, 8, 0x123450);
			poke(&guest, at += 8, 8, b->ss);
			LONG_EXPECT(&guest, b->name, iret ? LONG_RUN(&guest, "\x48\xcf")
						     : LONG_RUN(&guest, "\x48\xcb"), b->vector, b->error);
			if (b->vector == NONE) {
				assert_true(reg(&guest, CBX_RIP) == b->rip);
				assert_int_equal(reg(&guest, CBX_CS), b->cs);
				assert_int_equal(reg(&guest, CBX_SS), b->ss);
				assert_int_equal(reg(&guest, CBX_RSP), 0x123450);
				assert_int_equal(in_64_bit_mode(&guest), !!(b->code & 0x2000));
				if (iret)
					assert_int_equal(reg(&guest, CBX_RFLAGS), 0x246);
			}
			guest_free(&guest);
		}
}

static struct frame iret_frame(struct guest *guest, uint64_t rip, unsigned cs, uint64_t flags, uint64_t rsp,
			       unsigned ss)
{
	uint64_t sp = reg(guest, CBX_RSP);

	poke(guest, sp, 8, rip);
	poke(guest, sp + 8, 8, cs);
	poke(guest, sp + 16, 8, flags);
	poke(guest, sp + 24, 8, rsp);
	poke(guest, sp + 32, 8, ss);
	return LONG_RUN(guest, "\x48\xcf");
}

/* IRETQ pops SS:RSP whatever the privileges; no nested tasks. */
static void iret_alone(void **state)
{
	struct guest guest;

	(void)state;
	long_new(&guest, NULL);
	LONG_EXPECT(&guest, "same privilege", iret_frame(&guest, TARGET, CODE0, 0x2, 0x8765, DATA0), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RSP), 0x8765);
	long_privilege(&guest, 0);
	LONG_EXPECT(&guest, "same privilege, null SS", iret_frame(&guest, TARGET, CODE0, 0x2, 0x8000, 0), NONE, 0);
	assert_int_equal(reg(&guest, CBX_SS), 0);
	long_privilege(&guest, 0);
	LONG_EXPECT(&guest, "same privilege, SS not canonical for compatibility",
		    iret_frame(&guest, TARGET, COMPAT0, 0x2, 0x8000, 0), GP, 0);
	long_privilege(&guest, 0);
	set(&guest, CBX_RFLAGS, NT | 2);
	LONG_EXPECT(&guest, "NT", iret_frame(&guest, TARGET, CODE0, 0x2, 0x8000, DATA0), GP, 0);
	long_privilege(&guest, 0);
	set(&guest, CBX_RFLAGS, 2);
	LONG_EXPECT(&guest, "VM means nothing", iret_frame(&guest, TARGET, CODE3, 0x20202, 0x8000, DATA3), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 0x202);
	assert_int_equal(reg(&guest, CBX_CS), CODE3);
	/* The stack that is read. */
	idt64(&guest, SS_FAULT, CODE0, HANDLERS + 16 * SS_FAULT, 0x8e, 1);
	long_privilege(&guest, 0);
	set(&guest, CBX_RSP, LOW_HALF_END - 16);
	LONG_EXPECT(&guest, "stack runs out of the canonical addresses", LONG_RUN(&guest, "\x48\xcf"), SS_FAULT, 0);
	long_privilege(&guest, 0);
	set(&guest, CBX_RSP, LOW_HALF_END - 8);
	LONG_EXPECT(&guest, "RETF likewise", LONG_RUN(&guest, "\x48\xcb"), SS_FAULT, 0);
	/* Compatibility mode: 32-bit IRET within a privilege pops no stack. */
	compat_privilege(&guest, 0);
	poke(&guest, STACK0 - 0x400, 4, TARGET);
	poke(&guest, STACK0 - 0x3fc, 4, CODE0);
	poke(&guest, STACK0 - 0x3f8, 4, 2);
	LONG_EXPECT(&guest, "IRETD to 64-bit code", LONG_RUN(&guest, "\xcf"), NONE, 0);
	assert_true(in_64_bit_mode(&guest));
	assert_int_equal(reg(&guest, CBX_RIP), TARGET);
	assert_int_equal(reg(&guest, CBX_RSP), STACK0 - 0x400 + 12);
	guest_free(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct_transfers), cmocka_unit_test(vendors_differ),
		cmocka_unit_test(call_down_the_stack), cmocka_unit_test(gate_transfers), cmocka_unit_test(inner_call_frame),
		cmocka_unit_test(inner_call_stacks), cmocka_unit_test(returns), cmocka_unit_test(iret_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
