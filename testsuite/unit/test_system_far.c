/* Far JMP, CALL and RET: code segments, call gates, stacks of inner and outer privileges. */
#include "system_guest.h"

#include <string.h>

enum { GATE = 0x48, STACK_TEST = 0x50, TARGET = 0x60000 };

/* JMP (EAh) or CALL (9Ah) with a 32-bit pointer. */
static struct outcome far_instruction(struct guest *guest, uint8_t opcode, unsigned selector, uint32_t offset)
{
	char code[7] = { (char)opcode };

	for (unsigned n = 0; n < 4; n++)
		code[1 + n] = (char)(offset >> 8 * n);
	code[5] = (char)selector;
	code[6] = (char)(selector >> 8);
	return run(guest, code, sizeof(code));
}

struct direct {
	const char *name;
	unsigned selector, attributes, cpl;
	uint32_t limit, offset;
	int vector;
	unsigned error;
};

static const struct direct directs[] = {
	{ "null", 0, 0, 0, 0, 0, GP, 0 },
	{ "null with RPL", 3, 0, 0, 0, 0, GP, 0 },
	{ "beyond the GDT", 0x100, 0, 0, 0, 0, GP, 0x100 },
	{ "beyond the LDT", 0x107, 0, 3, 0, 0, GP, 0x104 },
	{ "nonconforming, same privilege", TEST, 0x409a, 0, 0xfffff, TARGET, NONE, 0 },
	{ "nonconforming, CPL 3", TEST | 3, 0x40fa, 3, 0xfffff, TARGET, NONE, 0 },
	{ "nonconforming, lower RPL is fine", TEST, 0x40fa, 3, 0xfffff, TARGET, NONE, 0 },
	{ "nonconforming, RPL above CPL", TEST | 3, 0x409a, 0, 0xfffff, TARGET, GP, TEST },
	{ "nonconforming, DPL above CPL", TEST, 0x40fa, 0, 0xfffff, TARGET, GP, TEST },
	{ "nonconforming, DPL below CPL", TEST | 3, 0x409a, 3, 0xfffff, TARGET, GP, TEST },
	{ "nonconforming, not present", TEST, 0x401a, 0, 0xfffff, TARGET, NP, TEST },
	{ "nonconforming, privilege before presence", TEST | 3, 0x401a, 0, 0xfffff, TARGET, GP, TEST },
	{ "nonconforming, presence before the limit", TEST, 0x401a, 0, 0xfff, TARGET, NP, TEST },
	{ "nonconforming, beyond the limit", TEST, 0x409a, 0, 0xfff, 0x1000, GP, 0 },
	{ "conforming, inner DPL", TEST | 3, 0x409e, 3, 0xfffff, TARGET, NONE, 0 },
	{ "conforming, RPL does not matter", TEST | 3, 0x409e, 0, 0xfffff, TARGET, NONE, 0 },
	{ "conforming, outer DPL", TEST, 0x40fe, 0, 0xfffff, TARGET, GP, TEST },
	{ "conforming, not present", TEST, 0x401e, 3, 0xfffff, TARGET, NP, TEST },
	{ "conforming, beyond the limit", TEST, 0x409e, 3, 0xfff, 0x1000, GP, 0 },
	{ "data", TEST, 0x4092, 0, 0xfffff, TARGET, GP, TEST },
	{ "type 0", TEST, 0x80, 0, 0, 0, GP, TEST },
	{ "LDT", TEST, 0x82, 0, 0, 0, GP, TEST },
	{ "interrupt gate", TEST, 0x8e, 0, 0, 0, GP, TEST },
	{ "trap gate", TEST, 0x8f, 0, 0, 0, GP, TEST },
	{ "busy TSS", TEST, 0x8b, 0, 0x67, 0, GP, TEST },
	{ "TSS, DPL below CPL", TEST, 0x89, 3, 0x67, 0, GP, TEST },
	{ "TSS, DPL below RPL", TEST | 1, 0x89, 0, 0x67, 0, GP, TEST },
	{ "TSS, not present", TEST, 0x09, 0, 0x67, 0, NP, TEST },
	{ "TSS, too small", TEST, 0x89, 0, 0x66, 0, TS, TEST },
	{ "16-bit TSS, too small", TEST, 0x81, 0, 0x2a, 0, TS, TEST },
};

static void direct_transfers(void **state)
{
	(void)state;
	for (unsigned call = 0; call < 2; call++)
		for (size_t n = 0; n < sizeof(directs) / sizeof(directs[0]); n++) {
			const struct direct *d = &directs[n];
			struct guest guest;
			struct outcome got;

			guest_new(&guest, NULL);
			descriptor(&guest, TEST, 0, d->limit, d->attributes);
			at_privilege(&guest, d->cpl);
			got = far_instruction(&guest, call ? 0x9a : 0xea, d->selector, d->offset);
			EXPECT(&guest, d->name, got, d->vector, d->error);
			if (d->vector == NONE) {
				assert_int_equal(reg(&guest, CBX_RIP), d->offset);
				assert_int_equal(reg(&guest, CBX_CS), (d->selector & ~3u) | d->cpl);
				assert_int_equal(peek(&guest, GDT_AT + TEST + 5, 1) & 1, 1);
			}
			if (d->vector == NONE && call) {
				uint64_t sp = reg(&guest, CBX_RSP);

				assert_int_equal(sp, guest.before[CBX_RSP] - 8);
				assert_int_equal(peek(&guest, sp, 4), CODE_AT + 7);
				assert_int_equal(peek(&guest, sp + 4, 4), d->cpl ? CODE3 : CODE0);
			}
			guest_free(&guest);
		}
}

struct through {
	const char *name;
	unsigned selector, gate, target, attributes, cpl;
	uint32_t offset;
	int vector;
	unsigned error;                 /* of both JMP and CALL */
	int call_vector;                /* when it is different */
	unsigned call_error;
};
#define SAME -2

static const struct through throughs[] = {
	{ "same privilege", GATE, 0x8c, TEST, 0x409a, 0, TARGET, NONE, 0, SAME, 0 },
	{ "RPL of the target does not matter", GATE, 0x8c, TEST | 3, 0x409a, 0, TARGET, NONE, 0, SAME, 0 },
	{ "gate DPL below CPL", GATE, 0x8c, TEST, 0x409a, 3, TARGET, GP, GATE, SAME, 0 },
	{ "gate DPL below RPL", GATE | 3, 0x8c, TEST, 0x409a, 0, TARGET, GP, GATE, SAME, 0 },
	{ "gate not present", GATE, 0x0c, TEST, 0x409a, 0, TARGET, NP, GATE, SAME, 0 },
	{ "gate: privilege before presence", GATE, 0x0c, TEST, 0x409a, 3, TARGET, GP, GATE, SAME, 0 },
	{ "target null", GATE, 0x8c, 0, 0, 0, TARGET, GP, 0, SAME, 0 },
	{ "target beyond the GDT", GATE, 0x8c, 0x100, 0, 0, TARGET, GP, 0x100, SAME, 0 },
	{ "target is data", GATE, 0x8c, TEST, 0x4092, 0, TARGET, GP, TEST, SAME, 0 },
	{ "target is a gate", GATE, 0x8c, GATE, 0x4092, 0, TARGET, GP, GATE, SAME, 0 },
	{ "target DPL above CPL", GATE, 0x8c, TEST, 0x40fa, 0, TARGET, GP, TEST, SAME, 0 },
	{ "target not present", GATE, 0x8c, TEST, 0x401a, 0, TARGET, NP, TEST, SAME, 0 },
	{ "beyond the limit", GATE, 0x8c, TEST, 0x409a, 0, 0x100000, GP, 0, SAME, 0 },
	{ "inner, nonconforming", GATE | 3, 0xec, TEST, 0x409a, 3, TARGET, GP, TEST, NONE, 0 },
	{ "inner, not present", GATE | 3, 0xec, TEST, 0x401a, 3, TARGET, GP, TEST, NP, TEST },
	{ "inner, beyond the limit", GATE | 3, 0xec, TEST, 0x409a, 3, 0x100000, GP, TEST, GP, 0 },
	{ "inner, conforming", GATE | 3, 0xec, TEST, 0x409e, 3, TARGET, NONE, 0, SAME, 0 },
};

static void gate_transfers(void **state)
{
	(void)state;
	for (unsigned call = 0; call < 2; call++)
		for (size_t n = 0; n < sizeof(throughs) / sizeof(throughs[0]); n++) {
			const struct through *t = &throughs[n];
			bool other = call && t->call_vector != SAME;
			struct guest guest;
			struct outcome got;

			guest_new(&guest, NULL);
			descriptor(&guest, TEST, 0, 0xfffff, t->attributes);
			gate(&guest, GATE, t->target, t->offset, t->gate, 0);
			at_privilege(&guest, t->cpl);
			got = far_instruction(&guest, call ? 0x9a : 0xea, t->selector, 0xdeadbeef);
			EXPECT(&guest, t->name, got, other ? t->call_vector : t->vector,
			       other ? t->call_error : t->error);
			if (got.vector == NONE)
				assert_int_equal(reg(&guest, CBX_RIP), TARGET);
			guest_free(&guest);
		}
}

/* The frame of a CALL to an inner privilege, with parameters, by 32- and 16-bit gates. */
static void inner_call_frame(void **state)
{
	(void)state;
	for (unsigned wide = 0; wide < 2; wide++) {
		unsigned w = wide ? 4 : 2;
		struct guest guest;
		uint32_t sp = STACK0 - (4 + 3) * w;

		guest_new(&guest, NULL);
		gate(&guest, GATE, CODE0, wide ? TARGET : 0x6000, wide ? 0xec : 0xe4, 3);
		at_privilege(&guest, 3);
		for (unsigned n = 0; n < 3; n++)
			poke(&guest, STACK3 + n * w, w, 0x11112222u * (n + 1));
		EXPECT(&guest, "inner call", far_instruction(&guest, 0x9a, GATE | 3, 0), NONE, 0);
		assert_int_equal(reg(&guest, CBX_CS), CODE0);
		assert_int_equal(reg(&guest, CBX_RIP), wide ? TARGET : 0x6000);
		assert_int_equal(reg(&guest, CBX_SS), DATA0);
		assert_int_equal(reg(&guest, CBX_RSP), sp);
		assert_int_equal(peek(&guest, sp, w), (CODE_AT + 7) & (wide ? 0xffffffff : 0xffff));
		assert_int_equal(peek(&guest, sp + w, w), CODE3);
		for (unsigned n = 0; n < 3; n++)
			assert_int_equal(peek(&guest, sp + (2 + n) * w, w),
					 (0x11112222u * (n + 1)) & (wide ? 0xffffffff : 0xffff));
		assert_int_equal(peek(&guest, sp + 5 * w, w), STACK3);
		assert_int_equal(peek(&guest, sp + 6 * w, w), DATA3);
		guest_free(&guest);
	}
}

struct stack_case {
	const char *name;
	unsigned selector, attributes;
	uint32_t limit, esp;
	int vector;
	unsigned error;
};

static const struct stack_case stacks[] = {
	{ "null", 0, 0, 0, STACK0, TS, 0 },
	{ "beyond the GDT", 0x100, 0, 0, STACK0, TS, 0x100 },
	{ "RPL", STACK_TEST | 3, 0x4092, 0xfffff, STACK0, TS, STACK_TEST },
	{ "DPL", STACK_TEST, 0x40f2, 0xfffff, STACK0, TS, STACK_TEST },
	{ "not writable", STACK_TEST, 0x4090, 0xfffff, STACK0, TS, STACK_TEST },
	{ "code", STACK_TEST, 0x409a, 0xfffff, STACK0, TS, STACK_TEST },
	{ "not present", STACK_TEST, 0x4012, 0xfffff, STACK0, SS_FAULT, STACK_TEST },
	{ "too small", STACK_TEST, 0x4092, 0xfff, STACK0, SS_FAULT, STACK_TEST },
	{ "wraps", STACK_TEST, 0x4092, 0xfffff, 12, SS_FAULT, STACK_TEST },
	{ "expand-down", STACK_TEST, 0x4096, 0x1000, STACK0, NONE, 0 },
	{ "expand-down, too small", STACK_TEST, 0x4096, STACK0 - 9, STACK0, SS_FAULT, STACK_TEST },
};

/*
 * Checks of an inner privilege's stack from the TSS.  Faults use the same privilege's
 * stack, so the target is privilege 1 and the handlers' privilege is 0.
 */
static void inner_stacks(void **state)
{
	(void)state;
	for (unsigned interrupt = 0; interrupt < 2; interrupt++)
		for (size_t n = 0; n < sizeof(stacks) / sizeof(stacks[0]); n++) {
			const struct stack_case *s = &stacks[n];
			unsigned rpl = (s->selector & 3) ? 3 : s->selector > 3 ? 1 : 0;
			unsigned attributes = s->attributes;
			struct guest guest;
			struct outcome got;

			guest_new(&guest, NULL);
			if (!(attributes & A_DPL) && attributes)
				attributes |= 0x20;     /* privilege 1 is the right one here */
			descriptor(&guest, TEST, 0, 0xfffff, 0xc0ba);
			descriptor(&guest, STACK_TEST, 0, s->limit, attributes);
			poke(&guest, TSS_AT + 12, 4, s->esp);
			poke(&guest, TSS_AT + 16, 4, (s->selector & ~3u) | rpl);
			gate(&guest, GATE, TEST, TARGET, 0xec, 0);
			idt_gate(&guest, 0x80, TEST, TARGET, 0xee);
			at_privilege(&guest, 3);
			got = interrupt ? RUN(&guest, "\xcd\x80") :
			      far_instruction(&guest, 0x9a, GATE | 3, 0);
			EXPECT(&guest, s->name, got, s->vector, s->error);
			if (s->vector == NONE) {
				assert_int_equal(reg(&guest, CBX_RIP), TARGET);
				assert_int_equal(reg(&guest, CBX_CS), TEST | 1);
				assert_int_equal(reg(&guest, CBX_SS), STACK_TEST | 1);
			}
			guest_free(&guest);
		}
}

/* The TSS ends before the stack pointer: #TS with the TSS's selector. */
static void tss_too_small(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	descriptor(&guest, TEST, 0, 0xfffff, 0xc0ba);
	gate(&guest, GATE, TEST, TARGET, 0xec, 0);
	at_privilege(&guest, 3);
	set(&guest, CBX_TR_LIMIT, 16);  /* privilege 1's SS is at 16 and 17 */
	EXPECT(&guest, "TSS limit", far_instruction(&guest, 0x9a, GATE | 3, 0), TS, TSS);
	guest_free(&guest);
}

/* Parameters are read with the caller's rights: #SS(0) when its stack ends. */
static void parameters_beyond_the_stack(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	gate(&guest, GATE, CODE0, TARGET, 0xec, 4);
	at_privilege(&guest, 3);
	set(&guest, CBX_SS_LIMIT, STACK3 + 10);
	EXPECT(&guest, "parameters", far_instruction(&guest, 0x9a, GATE | 3, 0), SS_FAULT, 0);
	guest_free(&guest);
}

/* RETF: what is on the stack. */
struct ret {
	const char *name;
	unsigned cs, code_attributes, cpl;
	uint32_t eip, limit;
	unsigned ss, stack_attributes;
	int vector;
	unsigned error;
};

static const struct ret rets[] = {
	{ "same privilege", TEST, 0x409a, 0, TARGET, 0xfffff, 0, 0, NONE, 0 },
	{ "null", 0, 0x409a, 0, TARGET, 0xfffff, 0, 0, GP, 0 },
	{ "beyond the GDT", 0x100, 0x409a, 0, TARGET, 0xfffff, 0, 0, GP, 0x100 },
	{ "data", TEST, 0x4092, 0, TARGET, 0xfffff, 0, 0, GP, TEST },
	{ "call gate", TEST, 0x8c, 0, TARGET, 0xfffff, 0, 0, GP, TEST },
	{ "inner", TEST, 0x409a, 3, TARGET, 0xfffff, 0, 0, GP, TEST },
	{ "DPL is not RPL", TEST, 0x40fa, 0, TARGET, 0xfffff, 0, 0, GP, TEST },
	{ "conforming, DPL above RPL", TEST, 0x40fe, 0, TARGET, 0xfffff, 0, 0, GP, TEST },
	{ "conforming, DPL below RPL", TEST | 3, 0x409e, 3, TARGET, 0xfffff, 0, 0, NONE, 0 },
	{ "not present", TEST, 0x401a, 0, TARGET, 0xfffff, 0, 0, NP, TEST },
	{ "beyond the limit", TEST, 0x409a, 0, TARGET, 0xfff, 0, 0, GP, 0 },
	{ "outer", TEST | 3, 0x40fa, 0, TARGET, 0xfffff, STACK_TEST | 3, 0x40f2, NONE, 0 },
	{ "outer, not present", TEST | 3, 0x407a, 0, TARGET, 0xfffff, STACK_TEST | 3, 0x40f2, NP, TEST },
	{ "outer, SS null", TEST | 3, 0x40fa, 0, TARGET, 0xfffff, 3, 0x40f2, GP, 0 },
	{ "outer, SS beyond the GDT", TEST | 3, 0x40fa, 0, TARGET, 0xfffff, 0x103, 0x40f2, GP, 0x100 },
	{ "outer, SS RPL", TEST | 3, 0x40fa, 0, TARGET, 0xfffff, STACK_TEST, 0x40f2, GP, STACK_TEST },
	{ "outer, SS DPL", TEST | 3, 0x40fa, 0, TARGET, 0xfffff, STACK_TEST | 3, 0x4092, GP, STACK_TEST },
	{ "outer, SS read-only", TEST | 3, 0x40fa, 0, TARGET, 0xfffff, STACK_TEST | 3, 0x40f0, GP, STACK_TEST },
	{ "outer, SS is code", TEST | 3, 0x40fa, 0, TARGET, 0xfffff, STACK_TEST | 3, 0x40fa, GP, STACK_TEST },
	{ "outer, SS not present", TEST | 3, 0x40fa, 0, TARGET, 0xfffff, STACK_TEST | 3, 0x4072, SS_FAULT,
	  STACK_TEST },
	{ "outer, beyond the limit", TEST | 3, 0x40fa, 0, TARGET, 0xfff, STACK_TEST | 3, 0x40f2, GP, 0 },
};

static void far_returns(void **state)
{
	(void)state;
	/* RETF, RETF 8, IRETD: the same checks of CS and SS. */
	for (unsigned kind = 0; kind < 3; kind++)
		for (size_t n = 0; n < sizeof(rets) / sizeof(rets[0]); n++) {
			static const char *const codes[] = { "\xcb", "\xca\x08", "\xcf" };
			const struct ret *r = &rets[n];
			unsigned rest = kind == 1 ? 16 : kind == 2 ? 12 : 8, rpl = r->cs & 3;
			uint32_t sp = STACK0 - 0x400;
			struct guest guest;
			struct outcome got;

			guest_new(&guest, NULL);
			descriptor(&guest, TEST, 0, r->limit, r->code_attributes);
			descriptor(&guest, STACK_TEST, 0, 0xfffff, r->stack_attributes);
			at_privilege(&guest, r->cpl);
			if (r->cpl == 0)
				set(&guest, CBX_RSP, sp);
			else
				sp = STACK3;
			poke(&guest, sp, 4, r->eip);
			poke(&guest, sp + 4, 4, r->cs);
			if (kind == 2)
				poke(&guest, sp + 8, 4, 0x202);
			poke(&guest, sp + rest, 4, 0x7000);
			poke(&guest, sp + rest + 4, 4, r->ss);
			set(&guest, CBX_ES_ATTRIBUTES, 0xc093);
			load_segment(&guest, 4, CODE3 & ~3);    /* FS: DPL 3 */
			got = run(&guest, codes[kind], kind == 1 ? 3 : 1);
			EXPECT(&guest, r->name, got, r->vector, r->error);
			if (r->vector == NONE) {
				assert_int_equal(reg(&guest, CBX_RIP), r->eip);
				assert_int_equal(reg(&guest, CBX_CS), r->cs);
				if (rpl == r->cpl) {
					assert_int_equal(reg(&guest, CBX_RSP), sp + rest);
				} else {
					assert_int_equal(reg(&guest, CBX_RSP), kind == 1 ? 0x7008 : 0x7000);
					assert_int_equal(reg(&guest, CBX_SS), r->ss);
					/* Segments of inner privileges are gone, others stay. */
					assert_int_equal(reg(&guest, CBX_DS), 0);
					assert_int_equal(reg(&guest, CBX_DS_ATTRIBUTES), 0);
					assert_int_equal(reg(&guest, CBX_ES), 0);
					assert_int_equal(reg(&guest, CBX_FS), CODE3 & ~3);
				}
				if (kind == 2)
					assert_int_equal(reg(&guest, CBX_RFLAGS), r->cpl ? 0x2 : 0x202);
			}
			guest_free(&guest);
		}
}

/* The stack ends inside the frame: #SS(0). */
static void return_frames(void **state)
{
	static const char *const codes[] = { "\xcb", "\xcf" };

	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct guest guest;

		guest_new(&guest, NULL);
		at_privilege(&guest, 3);
		set(&guest, CBX_SS_LIMIT, STACK3 + (kind ? 11 : 7) - 1);
		poke(&guest, STACK3, 4, TARGET);
		poke(&guest, STACK3 + 4, 4, CODE3);
		EXPECT(&guest, "frame", run(&guest, codes[kind], 1), SS_FAULT, 0);
		guest_free(&guest);
	}
}

/* Pointers in memory and 16-bit operands. */
static void memory_pointers(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	poke(&guest, DATA_AT, 4, TARGET);
	poke(&guest, DATA_AT + 4, 2, CODE0);
	EXPECT(&guest, "JMP m16:32", RUN(&guest, "\xff\x2d\x00\x00\x03\x00"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RIP), TARGET);
	at_privilege(&guest, 0);
	poke(&guest, DATA_AT, 2, 0x7777);
	poke(&guest, DATA_AT + 2, 2, CODE0);
	EXPECT(&guest, "CALL m16:16", RUN(&guest, "\x66\xff\x1d\x00\x00\x03\x00"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RIP), 0x7777);
	assert_int_equal(reg(&guest, CBX_RSP), STACK0 - 0x404);
	assert_int_equal(peek(&guest, STACK0 - 0x404, 4), CODE0 << 16 | ((CODE_AT + 7) & 0xffff));
	guest_free(&guest);
}

/* Real mode. */
static void real_mode(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	at_real(&guest);
	RUN(&guest, "\x9a\x34\x12\x00\x40");
	assert_int_equal(reg(&guest, CBX_CS), 0x4000);
	assert_int_equal(reg(&guest, CBX_CS_BASE), 0x40000);
	assert_int_equal(reg(&guest, CBX_RIP), 0x1234);
	assert_int_equal(reg(&guest, CBX_RSP), 0xffc);
	assert_int_equal(peek(&guest, 0x20ffc, 4), 0x10000005);
	RUN(&guest, "\xcb");
	assert_int_equal(reg(&guest, CBX_CS), 0x1000);
	assert_int_equal(reg(&guest, CBX_RIP), 5);
	assert_int_equal(reg(&guest, CBX_RSP), 0x1000);
	guest_free(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct_transfers), cmocka_unit_test(gate_transfers),
		cmocka_unit_test(inner_call_frame), cmocka_unit_test(inner_stacks),
		cmocka_unit_test(tss_too_small), cmocka_unit_test(parameters_beyond_the_stack),
		cmocka_unit_test(far_returns), cmocka_unit_test(return_frames),
		cmocka_unit_test(memory_pointers), cmocka_unit_test(real_mode),
	};

	return cmocka_run_group_tests_name("far transfers", tests, NULL, NULL);
}
