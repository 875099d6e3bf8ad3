/* Hardware task switches: by JMP, CALL, IRET and interrupts; what is saved, what can fail. */
#include "system_guest.h"

#include <string.h>

enum {
	NEW = 0x40, GATE = 0x48, CODE = 0x50, STACK = 0x58, NEW_LDT = 0x60, OLD16 = 0x68, DATA = 0x70,
	TARGET = 0x60000, NT = 0x4000, TS_BIT = 8
};

static const enum cbx_register registers[8] = { CBX_RAX, CBX_RCX, CBX_RDX, CBX_RBX, CBX_RSP, CBX_RBP,
						CBX_RSI, CBX_RDI };

static struct outcome far_jump(struct guest *guest, bool call, unsigned selector)
{
	char code[7] = { call ? '\x9a' : '\xea', 0, 0, 0, 0, (char)selector, (char)(selector >> 8) };

	return run(guest, code, sizeof(code));
}

/* A task of 32 bits at TSS2_AT, selector NEW, and all it needs. */
static void new_task(struct guest *guest)
{
	descriptor(guest, NEW, TSS2_AT, 0x67, 0x89);
	descriptor(guest, CODE, 0, 0xfffff, 0xc09a);
	descriptor(guest, STACK, 0, 0xfffff, 0xc092);
	descriptor(guest, DATA, 0, 0xfffff, 0xc092);
	descriptor(guest, NEW_LDT, LDT_AT, 0x7f, 0x82);
	poke(guest, TSS2_AT + 32, 4, TARGET);
	poke(guest, TSS2_AT + 36, 4, 0x8d7);
	for (unsigned n = 0; n < 8; n++)
		poke(guest, TSS2_AT + 40 + 4 * n, 4, n == 4 ? 0x7000 : 0x1000000u * (n + 1));
	for (unsigned n = 0; n < 6; n++)
		poke(guest, TSS2_AT + 72 + 4 * n, 2, n == 1 ? CODE : n == 2 ? STACK : DATA);
	poke(guest, TSS2_AT + 96, 2, NEW_LDT);
	poke(guest, TARGET, 1, 0xcf);
	for (unsigned n = 0; n < 8; n++)
		if (n != 4)
			set(guest, registers[n], 0x11111111u * (n + 1));
}

static void check_new(struct guest *guest, bool nested)
{
	assert_int_equal(reg(guest, CBX_TR), NEW);
	assert_int_equal(reg(guest, CBX_TR_BASE), TSS2_AT);
	assert_int_equal(reg(guest, CBX_TR_ATTRIBUTES), 0x8b);
	assert_int_equal(reg(guest, CBX_RIP), TARGET);
	assert_int_equal(reg(guest, CBX_RFLAGS), 0x8d7 | (nested ? NT : 0));
	assert_int_equal(reg(guest, CBX_LDTR), NEW_LDT);
	assert_int_equal(reg(guest, CBX_LDTR_LIMIT), 0x7f);
	assert_int_equal(reg(guest, CBX_CR0) & TS_BIT, TS_BIT);
	for (unsigned n = 0; n < 8; n++)
		assert_int_equal(reg(guest, registers[n]), n == 4 ? 0x7000 : 0x1000000u * (n + 1));
	for (unsigned n = 0; n < 6; n++) {
		assert_int_equal(reg(guest, CBX_ES + n), n == 1 ? CODE : n == 2 ? STACK : DATA);
		assert_int_equal(reg(guest, CBX_ES_ATTRIBUTES + n), n == 1 ? 0xc09b : 0xc093);
	}
	assert_int_equal(peek(guest, GDT_AT + NEW + 5, 1), 0x8b);
	assert_int_equal(peek(guest, GDT_AT + TSS + 5, 1), nested ? 0x8b : 0x89);
	if (nested)
		assert_int_equal(peek(guest, TSS2_AT, 2), TSS);
}

static void check_saved(struct guest *guest, uint32_t eip, uint32_t flags)
{
	assert_int_equal(peek(guest, TSS_AT + 32, 4), eip);
	assert_int_equal(peek(guest, TSS_AT + 36, 4), flags);
	for (unsigned n = 0; n < 8; n++)
		assert_int_equal(peek(guest, TSS_AT + 40 + 4 * n, 4), guest->before[registers[n]]);
	for (unsigned n = 0; n < 6; n++)
		assert_int_equal(peek(guest, TSS_AT + 72 + 4 * n, 2), guest->before[CBX_ES + n]);
}

static void jump_and_call(void **state)
{
	(void)state;
	for (unsigned call = 0; call < 2; call++)
		for (unsigned through_gate = 0; through_gate < 2; through_gate++) {
			struct guest guest;

			guest_new(&guest, NULL);
			new_task(&guest);
			gate(&guest, GATE, NEW, 0, 0x85, 0);
			set(&guest, CBX_RFLAGS, 0x203);
			EXPECT(&guest, "switch", far_jump(&guest, call, through_gate ? GATE : NEW), NONE, 0);
			check_new(&guest, call);
			check_saved(&guest, CODE_AT + 7, 0x203);
			if (call) {
				/* IRET with NT set goes back. */
				step(&guest);
				assert_int_equal(reg(&guest, CBX_TR), TSS);
				assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + 7);
				assert_int_equal(reg(&guest, CBX_RFLAGS), 0x203);
				assert_int_equal(peek(&guest, GDT_AT + NEW + 5, 1), 0x89);
				assert_int_equal(peek(&guest, GDT_AT + TSS + 5, 1), 0x8b);
				assert_int_equal(peek(&guest, TSS2_AT + 36, 4), 0x8d7);
				assert_int_equal(peek(&guest, TSS2_AT + 32, 4), TARGET + 1);
				for (unsigned n = 0; n < 8; n++)
					if (n != 4)
						assert_int_equal(reg(&guest, registers[n]),
								 0x11111111u * (n + 1));
			}
			guest_free(&guest);
		}
}

/* By an interrupt gate's task: the error code goes to the new stack, EFLAGS has RF. */
static void by_exception(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	new_task(&guest);
	idt_gate(&guest, GP, NEW, 0, 0x85);
	at_privilege(&guest, 3);
	set(&guest, CBX_RAX, 0x103);
	RUN(&guest, "\x8e\xd8");
	assert_int_equal(reg(&guest, CBX_RSP), 0x6ffc);
	assert_int_equal(peek(&guest, 0x6ffc, 4), 0x100);
	set(&guest, CBX_RSP, 0x7000);
	check_new(&guest, true);
	check_saved(&guest, CODE_AT, 0x10002);
	guest_free(&guest);

	guest_new(&guest, NULL);
	new_task(&guest);
	idt_gate(&guest, 0x80, NEW, 0, 0xe5);
	at_privilege(&guest, 3);
	RUN(&guest, "\xcd\x80");
	check_new(&guest, true);
	check_saved(&guest, CODE_AT + 2, 2);
	guest_free(&guest);
}

struct failure {
	const char *name;
	unsigned at, width;             /* what is different in the new TSS */
	uint32_t value;
	unsigned selector, attributes;  /* or a descriptor */
	uint32_t limit;
	int vector;
	unsigned error;
};

/* Faults inside the new task: its state, its EIP. */
static const struct failure failures[] = {
	{ "LDT in the LDT", 96, 2, 0x0c, 0, 0, 0, TS, 0x0c },
	{ "LDT beyond the GDT", 96, 2, 0x100, 0, 0, 0, TS, 0x100 },
	{ "LDT is a TSS", 0, 0, 0, NEW_LDT, 0x89, 0x67, TS, NEW_LDT },
	{ "LDT not present", 0, 0, 0, NEW_LDT, 0x02, 0x67, TS, NEW_LDT },
	{ "CS null", 76, 2, 0, 0, 0, 0, TS, 0 },
	{ "CS beyond the GDT", 76, 2, 0x100, 0, 0, 0, TS, 0x100 },
	{ "CS is data", 0, 0, 0, CODE, 0xc092, 0xfffff, TS, CODE },
	{ "CS DPL is not RPL", 0, 0, 0, CODE, 0xc0fa, 0xfffff, TS, CODE },
	{ "CS conforming, DPL above RPL", 0, 0, 0, CODE, 0xc0fe, 0xfffff, TS, CODE },
	{ "CS not present", 0, 0, 0, CODE, 0xc01a, 0xfffff, NP, CODE },
	{ "SS null", 80, 2, 0, 0, 0, 0, TS, 0 },
	{ "SS beyond the GDT", 80, 2, 0x100, 0, 0, 0, TS, 0x100 },
	{ "SS RPL", 80, 2, STACK | 3, 0, 0, 0, TS, STACK },
	{ "SS DPL", 0, 0, 0, STACK, 0xc0f2, 0xfffff, TS, STACK },
	{ "SS not writable", 0, 0, 0, STACK, 0xc090, 0xfffff, TS, STACK },
	{ "SS not present", 0, 0, 0, STACK, 0xc012, 0xfffff, SS_FAULT, STACK },
	{ "DS beyond the GDT", 84, 2, 0x100, 0, 0, 0, TS, 0x100 },
	{ "DS is a system segment", 84, 2, NEW_LDT, 0, 0, 0, TS, NEW_LDT },
	{ "DS not present", 0, 0, 0, DATA, 0xc012, 0xfffff, NP, DATA },
	{ "GS beyond the LDT", 92, 2, 0x84, 0, 0, 0, TS, 0x84 },
	{ "EIP beyond the limit", 0, 0, 0, CODE, 0x409a, 0x5ffff, GP, 0 },
};

static void inside_the_new_task(void **state)
{
	(void)state;
	for (unsigned exception = 0; exception < 2; exception++)
		for (size_t n = 0; n < sizeof(failures) / sizeof(failures[0]); n++) {
			const struct failure *f = &failures[n];
			struct guest guest;

			guest_new(&guest, NULL);
			new_task(&guest);
			if (f->width)
				poke(&guest, TSS2_AT + f->at, f->width, f->value);
			if (f->selector)
				descriptor(&guest, f->selector, f->selector == NEW_LDT ? LDT_AT : 0, f->limit,
					   f->attributes);
			/* The handler is a task of its own: the new one's stack may be no stack. */
			descriptor(&guest, 0x78, 0x6000, 0x67, 0x89);
			poke(&guest, 0x6000 + 32, 4, HANDLERS);
			poke(&guest, 0x6000 + 36, 4, 2);
			poke(&guest, 0x6000 + 56, 4, 0x7000);
			poke(&guest, 0x6000 + 76, 2, CODE0);
			poke(&guest, 0x6000 + 80, 2, DATA0);
			idt_gate(&guest, (unsigned)f->vector, 0x78, 0, 0x85);
			if (exception) {
				idt_gate(&guest, UD, NEW, 0, 0x85);
				RUN(&guest, "\x0f\x0b");
			} else {
				far_jump(&guest, true, NEW);
			}
			if (reg(&guest, CBX_TR) != 0x78 || peek(&guest, 0x6000, 2) != NEW ||
			    peek(&guest, 0x6ffc, 4) != (f->error | exception) ||
			    reg(&guest, CBX_RSP) != 0x6ffc || peek(&guest, TSS2_AT + 32, 4) != TARGET)
				fail_msg("%s: TR %#x, error %#x, expected vector %d error %#x", f->name,
					 (unsigned)reg(&guest, CBX_TR), peek(&guest, 0x6ffc, 4), f->vector,
					 f->error | exception);
			guest_free(&guest);
		}
}

/* Faults that belong to the old task change nothing. */
static void before_the_switch(void **state)
{
	static const struct {
		const char *name;
		unsigned attributes;
		uint32_t limit;
		int vector;
	} cases[] = {
		{ "busy", 0x8b, 0x67, GP }, { "not present", 0x09, 0x67, NP }, { "small", 0x89, 0x66, TS },
		{ "no TSS", 0x82, 0x67, GP },
	};

	(void)state;
	for (unsigned call = 0; call < 2; call++)
		for (unsigned n = 0; n < 4; n++) {
			struct guest guest;

			guest_new(&guest, NULL);
			new_task(&guest);
			gate(&guest, GATE, NEW, 0, 0x85, 0);
			descriptor(&guest, NEW, TSS2_AT, cases[n].limit, cases[n].attributes);
			EXPECT(&guest, cases[n].name, far_jump(&guest, call, GATE), cases[n].vector, NEW);
			assert_int_equal(reg(&guest, CBX_TR), TSS);
			assert_int_equal(peek(&guest, GDT_AT + TSS + 5, 1), 0x8b);
			assert_int_equal(peek(&guest, TSS_AT + 32, 4), 0);
			guest_free(&guest);
		}
}

/* IRET with NT set: the link must be a busy TSS. */
static void nested_return(void **state)
{
	static const struct {
		const char *name;
		unsigned link, attributes;
		uint32_t limit;
		int vector;
		unsigned error;
	} cases[] = {
		{ "null", 0, 0x8b, 0x67, TS, 0 },
		{ "in the LDT", 0x0c, 0x8b, 0x67, TS, 0x0c },
		{ "beyond the GDT", 0x100, 0x8b, 0x67, TS, 0x100 },
		{ "not busy", NEW, 0x89, 0x67, TS, NEW },
		{ "no TSS", NEW, 0x92, 0x67, TS, NEW },
		{ "not present", NEW, 0x0b, 0x67, NP, NEW },
		{ "too small", NEW, 0x8b, 0x66, TS, NEW },
	};

	(void)state;
	for (unsigned n = 0; n < 7; n++) {
		struct guest guest;

		guest_new(&guest, NULL);
		new_task(&guest);
		descriptor(&guest, NEW, TSS2_AT, cases[n].limit, cases[n].attributes);
		poke(&guest, TSS_AT, 2, cases[n].link);
		set(&guest, CBX_RFLAGS, NT | 2);
		EXPECT(&guest, cases[n].name, RUN(&guest, "\xcf"), cases[n].vector, cases[n].error);
		guest_free(&guest);
	}
}

/* Between tasks of 16 and 32 bits. */
static void sixteen_bits(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	new_task(&guest);
	descriptor(&guest, OLD16, 0x7000, 0x2b, 0x81);
	poke(&guest, 0x7000 + 14, 2, 0x6000);
	poke(&guest, 0x7000 + 16, 2, 0x0893);
	for (unsigned n = 0; n < 8; n++)
		poke(&guest, 0x7000 + 18 + 2 * n, 2, 0x100 * (n + 1));
	for (unsigned n = 0; n < 4; n++)
		poke(&guest, 0x7000 + 34 + 2 * n, 2, n == 1 ? CODE16 : DATA0);
	poke(&guest, 0x6000, 1, 0xcf);
	EXPECT(&guest, "CALL", far_jump(&guest, true, OLD16), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RIP), 0x6000);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 0x0893 | NT);
	assert_int_equal(reg(&guest, CBX_RAX), 0xffff0100);
	assert_int_equal(reg(&guest, CBX_CS), CODE16);
	assert_int_equal(reg(&guest, CBX_FS), 0);
	assert_int_equal(reg(&guest, CBX_FS_ATTRIBUTES), 0);
	assert_int_equal(reg(&guest, CBX_LDTR), 0);
	assert_int_equal(peek(&guest, 0x7000, 2), TSS);
	step(&guest);
	assert_int_equal(reg(&guest, CBX_TR), TSS);
	assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + 7);
	assert_int_equal(peek(&guest, 0x7000 + 14, 2), 0x6001);
	guest_free(&guest);
}

/* To virtual-8086 mode, and a task with the T bit: #DB with DR6.BT before its first instruction. */
static void v86_and_trap(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	new_task(&guest);
	poke(&guest, TSS2_AT + 32, 4, 0x100);
	poke(&guest, TSS2_AT + 36, 4, 0x20002);
	for (unsigned n = 0; n < 6; n++)
		poke(&guest, TSS2_AT + 72 + 4 * n, 2, 0x6000 + n);
	EXPECT(&guest, "JMP", far_jump(&guest, false, NEW), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 0x20002);
	for (unsigned n = 0; n < 6; n++) {
		assert_int_equal(reg(&guest, CBX_ES_BASE + n), 0x60000 + 16 * n);
		assert_int_equal(reg(&guest, CBX_ES_ATTRIBUTES + n), 0xf3);
	}
	guest_free(&guest);

	guest_new(&guest, NULL);
	new_task(&guest);
	poke(&guest, TSS2_AT + 100, 2, 1);
	EXPECT(&guest, "JMP", far_jump(&guest, false, NEW), NONE, 0);
	step(&guest);
	assert_int_equal(reg(&guest, CBX_RIP), HANDLERS + 16 * DB + 1);
	assert_int_equal(reg(&guest, CBX_DR6), 0xffff8ff0);
	assert_int_equal(peek(&guest, 0x7000 - 12, 4), TARGET);
	guest_free(&guest);
}

/* CR3 comes from the TSS, local breakpoints go. */
static void address_space(void **state)
{
	enum { DIRECTORY = 0x100000, TABLE = 0x101000, DIRECTORY2 = 0x102000 };
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	new_task(&guest);
	poke(&guest, DIRECTORY, 4, TABLE | 7);
	poke(&guest, DIRECTORY2, 4, TABLE | 7);
	for (unsigned n = 0; n < 1024; n++)
		poke(&guest, TABLE + 4 * n, 4, n << 12 | 7);
	poke(&guest, TSS2_AT + 28, 4, DIRECTORY2);
	set(&guest, CBX_CR3, DIRECTORY);
	set(&guest, CBX_CR0, 0x80000011);
	set(&guest, CBX_DR0, 0x12345);
	set(&guest, CBX_DR7, 0x701 | 0x300);
	EXPECT(&guest, "JMP", far_jump(&guest, false, NEW), NONE, 0);
	check_new(&guest, false);
	assert_int_equal(reg(&guest, CBX_CR3), DIRECTORY2);
	assert_int_equal(reg(&guest, CBX_DR7), 0x600);
	guest_free(&guest);

	/* The old TSS's page is read-only: #PF in the old task, nothing switched. */
	guest_new(&guest, NULL);
	new_task(&guest);
	poke(&guest, DIRECTORY, 4, TABLE | 7);
	for (unsigned n = 0; n < 1024; n++)
		poke(&guest, TABLE + 4 * n, 4, n << 12 | (n == TSS_AT >> 12 ? 5 : 7));
	set(&guest, CBX_CR3, DIRECTORY);
	set(&guest, CBX_CR0, 0x80010011);
	EXPECT(&guest, "old TSS", far_jump(&guest, false, NEW), PF, 3);
	assert_int_equal(reg(&guest, CBX_CR2), TSS_AT + 32);
	assert_int_equal(reg(&guest, CBX_TR), TSS);
	assert_int_equal(peek(&guest, GDT_AT + NEW + 5, 1), 0x89);
	guest_free(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jump_and_call), cmocka_unit_test(by_exception),
		cmocka_unit_test(inside_the_new_task), cmocka_unit_test(before_the_switch),
		cmocka_unit_test(nested_return), cmocka_unit_test(sixteen_bits),
		cmocka_unit_test(v86_and_trap), cmocka_unit_test(address_space),
	};

	return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
