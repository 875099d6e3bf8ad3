/*
 * Interrupts and exceptions of long mode: 64-bit gates, interrupt stacks, the frame, and every
 * error code of their delivery.
 */
#include "long_guest.h"

#include <string.h>

enum { VECTOR = 0x30, TARGET = 0x60000, EXT = 1, IF = 0x200, TF = 0x100, NT = 0x4000, RF = 0x10000, AC = 0x40000 };

/* ---- Gates --------------------------------------------------------------------------------------- */

static const struct gate_case {
	const char *name;
	unsigned gate, target, attributes, cpl;
	uint64_t offset;
	int vector;
	unsigned error;
} gates[] = {
	{ "interrupt gate", 0x8e, TEST64, A_CODE64, 0, TARGET, NONE, 0 },
	{ "trap gate", 0x8f, TEST64, A_CODE64, 0, TARGET, NONE, 0 },
	{ "the upper half", 0x8e, TEST64, A_CODE64, 0, HIGH_HALF + TARGET, NONE, 0 },
	{ "from CPL 3", 0xee, TEST64, A_CODE64, 3, TARGET, NONE, 0 },
	{ "conforming, from CPL 3", 0xee, TEST64, 0xa09f, 3, TARGET, NONE, 0 },
	{ "gate DPL below CPL", 0x8e, TEST64, A_CODE64, 3, TARGET, GP, VECTOR * 8 + 2 },
	{ "gate not present", 0x6e, TEST64, A_CODE64, 3, TARGET, NP, VECTOR * 8 + 2 },
	{ "privilege before presence", 0x0e, TEST64, A_CODE64, 3, TARGET, GP, VECTOR * 8 + 2 },
	{ "16-bit interrupt gate", 0x86, TEST64, A_CODE64, 0, TARGET, GP, VECTOR * 8 + 2 },
	{ "16-bit trap gate", 0x87, TEST64, A_CODE64, 0, TARGET, GP, VECTOR * 8 + 2 },
	{ "task gate", 0x85, TEST64, A_CODE64, 0, TARGET, GP, VECTOR * 8 + 2 },
	{ "call gate", 0x8c, TEST64, A_CODE64, 0, TARGET, GP, VECTOR * 8 + 2 },
	{ "type 0", 0x80, TEST64, A_CODE64, 0, TARGET, GP, VECTOR * 8 + 2 },
	{ "target null", 0x8e, 0, 0, 0, TARGET, GP, 0 },
	{ "target beyond the GDT", 0x8e, 0x100, 0, 0, TARGET, GP, 0x100 },
	{ "target is data", 0x8e, TEST64, A_DATA32, 0, TARGET, GP, TEST64 },
	{ "target is a TSS", 0x8e, TEST64, 0x89, 0, TARGET, GP, TEST64 },
	{ "target DPL above CPL", 0x8e, TEST64, A_CODE64 | A_DPL, 0, TARGET, GP, TEST64 },
	{ "target is 32-bit code", 0x8e, TEST64, A_CODE32, 0, TARGET, GP, TEST64 },
	{ "target has L and D", 0x8e, TEST64, A_CODE_BOTH, 0, TARGET, GP, TEST64 },
	{ "target not present", 0x8e, TEST64, 0xa01b, 0, TARGET, NP, TEST64 },
	{ "not canonical", 0x8e, TEST64, A_CODE64, 0, LOW_HALF_END, GP, 0 },
	{ "from CPL 3, not canonical", 0xee, TEST64, A_CODE64, 3, LOW_HALF_END, GP, 0 },
};

static void gate_checks(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(gates) / sizeof(gates[0]); n++) {
		const struct gate_case *g = &gates[n];
		struct guest guest;

		long_new(&guest, NULL);
		descriptor(&guest, TEST64, 0, 0xfffff, g->attributes);
		idt64(&guest, VECTOR, g->target, g->offset, g->gate, 0);
		long_privilege(&guest, g->cpl);
		LONG_EXPECT(&guest, g->name, LONG_RUN(&guest, "\xcd\x30"), g->vector, g->error);
		if (g->vector == NONE)
			assert_true(reg(&guest, CBX_RIP) == g->offset);
		guest_free(&guest);
	}
}

/* What is delivered for an exception has EXT set in its error code. */
static void external_faults(void **state)
{
	static const struct {
		const char *name;
		unsigned gate, target, attributes;
		int vector;
		unsigned error;
	} cases[] = {
		{ "bad gate", 0x85, TEST64, A_CODE64, GP, UD * 8 + 2 + EXT },
		{ "gate not present", 0x0e, TEST64, A_CODE64, NP, UD * 8 + 2 + EXT },
		{ "target null", 0x8e, 0, 0, GP, EXT },
		{ "target is 32-bit code", 0x8e, TEST64, A_CODE32, GP, TEST64 + EXT },
		{ "target not present", 0x8e, TEST64, 0xa01b, NP, TEST64 + EXT },
	};
	struct guest guest;

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		long_new(&guest, NULL);
		descriptor(&guest, TEST64, 0, 0xfffff, cases[n].attributes);
		idt64(&guest, UD, cases[n].target, TARGET, cases[n].gate, 0);
		LONG_EXPECT(&guest, cases[n].name, LONG_RUN(&guest, "\x0f\x0b"), cases[n].vector, cases[n].error);
		guest_free(&guest);
	}
	long_new(&guest, NULL);
	set(&guest, CBX_IDTR_LIMIT, 16 * VECTOR + 14);
	LONG_EXPECT(&guest, "beyond the IDT", LONG_RUN(&guest, "\xcd\x30"), GP, VECTOR * 8 + 2);
	long_privilege(&guest, 0);
	set(&guest, CBX_IDTR_LIMIT, 16 * VECTOR + 15);
	LONG_EXPECT(&guest, "the last gate", LONG_RUN(&guest, "\xcd\x30"), VECTOR, 0);
	long_privilege(&guest, 3);
	idt64(&guest, BP, CODE0, HANDLERS + 16 * BP, 0x8e, 0);
	LONG_EXPECT(&guest, "INT3 from CPL 3", LONG_RUN(&guest, "\xcc"), GP, BP * 8 + 2);
	guest_free(&guest);
}

/* ---- Stacks ------------------------------------------------------------------------------------------ */

static const struct stack_case {
	const char *name;
	unsigned ist, cpl;
	uint64_t rsp0, ist1;
	unsigned limit;                 /* of the TSS */
	int vector;
	unsigned error;
	uint64_t top;                   /* what the frame hangs from */
} stacks[] = {
	{ "same privilege", 0, 0, STACK0, IST1, 0x2fff, NONE, 0, STACK0 - 0x400 },
	{ "inner", 0, 3, STACK0, IST1, 0x2fff, NONE, 0, STACK0 },
	{ "inner, aligned", 0, 3, STACK0 + 15, IST1, 0x2fff, NONE, 0, STACK0 },
	{ "IST, same privilege", 1, 0, STACK0, IST1, 0x2fff, NONE, 0, IST1 - 8 },
	{ "IST, inner", 1, 3, STACK0, IST1, 0x2fff, NONE, 0, IST1 - 8 },
	{ "IST, the TSS's last byte", 1, 0, STACK0, IST1, 43, NONE, 0, IST1 - 8 },
	{ "IST, beyond the TSS", 1, 0, STACK0, IST1, 42, TS, TSS, 0 },
	{ "IST not canonical", 1, 0, STACK0, LOW_HALF_END + 0x100, 0x2fff, SS_FAULT, 0, 0 },
	{ "IST not mapped", 1, 0, STACK0, 0x40000000, 0x2fff, PF, 2, 0 },
	{ "from the end of the lower half", 1, 0, STACK0, LOW_HALF_END, 0x2fff, NONE, 0, LOW_HALF_END },
};

static void frames(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(stacks) / sizeof(stacks[0]); n++) {
		const struct stack_case *s = &stacks[n];
		struct guest guest;

		long_new(&guest, NULL);
		idt64(&guest, VECTOR, CODE0, TARGET, 0xef, s->ist);
		poke(&guest, TSS_AT + 4, 8, s->rsp0);
		poke(&guest, TSS_AT + 36, 8, s->ist1);
		set(&guest, CBX_TR_LIMIT, s->limit);
		long_privilege(&guest, s->cpl);
		set(&guest, CBX_RFLAGS, 0x8d5 | IF);
		LONG_EXPECT(&guest, s->name, LONG_RUN(&guest, "\xcd\x30"), s->vector, s->error);
		if (s->vector == NONE) {
			uint64_t at = reg(&guest, CBX_RSP);
			uint64_t mapped = at > 0x1000000 ? at - (LOW_HALF_END - 0x200000) : at;

			assert_true(at == s->top - 40);
			assert_int_equal(peek64(&guest, mapped), CODE_AT + 2);
			assert_int_equal(peek64(&guest, mapped + 8), s->cpl ? CODE3 : CODE0);
			assert_int_equal(peek64(&guest, mapped + 16), 0x8d7 | IF);
			assert_int_equal(peek64(&guest, mapped + 24), s->cpl ? STACK3 : STACK0 - 0x400);
			assert_int_equal(peek64(&guest, mapped + 32), s->cpl ? DATA3 : DATA0);
			/* SS becomes null when the privilege changes, and only then. */
			assert_int_equal(reg(&guest, CBX_SS), s->cpl ? 0 : DATA0);
		}
		guest_free(&guest);
	}
}

/* RSP of the interrupted program may be anything. */
static void alignment(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 16; n++) {
		struct guest guest;
		struct frame got;

		long_new(&guest, NULL);
		set(&guest, CBX_RSP, STACK0 - 0x400 + n);
		got = LONG_RUN(&guest, "\xcd\x30");
		assert_int_equal(got.vector, VECTOR);
		assert_int_equal(got.at, STACK0 - 0x400 - 40);
		assert_int_equal(got.rsp, STACK0 - 0x400 + n);
		guest_free(&guest);
	}
}

static void from_compatibility(void **state)
{
	(void)state;
	for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
		struct guest guest;
		struct frame got;

		long_new(&guest, NULL);
		idt64(&guest, VECTOR, CODE0, HANDLERS + 16 * VECTOR, 0xee, 0);
		compat_privilege(&guest, cpl);
		got = LONG_RUN(&guest, "\xcd\x30");
		assert_int_equal(got.vector, VECTOR);
		assert_int_equal(got.cs, cpl ? COMPAT3 : COMPAT0);
		assert_int_equal(got.rip, CODE_AT + 2);
		assert_int_equal(got.rsp, cpl ? STACK3 : STACK0 - 0x400);
		assert_int_equal(got.ss, cpl ? DATA3 : DATA0);
		got = LONG_RUN(&guest, "\x48\xcf");
		assert_int_equal(got.vector, NONE);
		assert_int_equal(reg(&guest, CBX_CS), cpl ? COMPAT3 : COMPAT0);
		assert_int_equal(reg(&guest, CBX_RSP), cpl ? STACK3 : STACK0 - 0x400);
		assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + 2);
		assert_false(in_64_bit_mode(&guest));
		guest_free(&guest);
	}
}

static void flags(void **state)
{
	struct guest guest;
	struct frame got;

	(void)state;
	long_new(&guest, NULL);
	set(&guest, CBX_RFLAGS, 2 | IF | NT | AC);
	got = LONG_RUN(&guest, "\xcd\x30");
	assert_int_equal(got.rflags, 2 | IF | NT | AC);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 2 | AC);
	long_privilege(&guest, 0);
	set(&guest, CBX_RFLAGS, 2 | IF);
	got = LONG_RUN(&guest, "\x0f\x0b");
	assert_int_equal(got.vector, UD);
	assert_int_equal(got.rflags, 2 | IF | RF);
	/* A page fault's code is whole, and CR2 has 64 bits. */
	long_privilege(&guest, 3);
	set(&guest, CBX_RFLAGS, 2);
	set(&guest, CBX_RBX, UINT64_C(0xffff900012345678));
	LONG_EXPECT(&guest, "page fault", LONG_RUN(&guest, "\x8b\x03"), PF, 4);
	assert_true(reg(&guest, CBX_CR2) == UINT64_C(0xffff900012345678));
	/* What is not canonical is no page fault: #GP, or #SS where RSP or RBP is the base. */
	long_privilege(&guest, 3);
	set(&guest, CBX_RBX, LOW_HALF_END - 1);
	LONG_EXPECT(&guest, "crosses the end", LONG_RUN(&guest, "\x8b\x03"), GP, 0);
	long_privilege(&guest, 3);
	set(&guest, CBX_RBP, LOW_HALF_END);
	LONG_EXPECT(&guest, "by RBP", LONG_RUN(&guest, "\x8b\x45\x00"), SS_FAULT, 0);
	guest_free(&guest);
}

/* ---- Double faults --------------------------------------------------------------------------------------- */

static void double_faults(void **state)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1, .stop_on_triple_fault = true };
	struct cbx_stop stop;
	struct guest guest;
	struct frame got;

	(void)state;
	long_new(&guest, NULL);
	idt64(&guest, GP, 0, TARGET, 0x8e, 0);
	idt64(&guest, DF, CODE0, HANDLERS + 16 * DF, 0x8e, 1);
	set(&guest, CBX_RBX, LOW_HALF_END);
	got = LONG_RUN(&guest, "\x8b\x03");
	assert_int_equal(got.vector, DF);
	assert_int_equal(got.error, 0);
	assert_int_equal(got.rip, CODE_AT);
	assert_int_equal(got.at, IST1 - 8 - 48);
	/* A stack that is not mapped: only IST helps. */
	long_privilege(&guest, 0);
	set(&guest, CBX_RSP, 0x40000000);
	got = LONG_RUN(&guest, "\x0f\x0b");
	assert_int_equal(got.vector, DF);
	long_privilege(&guest, 0);
	set(&guest, CBX_RSP, 0x40000000);
	poke(&guest, IDT64_AT + 16 * DF + 4, 1, 0);     /* no IST */
	poke_bytes(&guest, CODE_AT, "\x0f\x0b", 2);
	assert_int_equal(cbx_run(guest.machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_TRIPLE_FAULT);
	guest_free(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gate_checks), cmocka_unit_test(external_faults), cmocka_unit_test(frames),
		cmocka_unit_test(alignment), cmocka_unit_test(from_compatibility), cmocka_unit_test(flags),
		cmocka_unit_test(double_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
