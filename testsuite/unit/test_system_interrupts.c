/* Interrupts and exceptions: gates, frames, double and triple faults, IRET, virtual-8086 mode. */
#include "system_guest.h"

#include <string.h>

enum { TARGET = 0x60000, RF = 0x10000, VM = 0x20000, VIF = 0x80000, VIP = 0x100000, IF = 0x200,
       TF = 0x100, NT = 0x4000, IOPL3 = 0x3000 };

struct gate_case {
	const char *name;
	unsigned gate, target, attributes, cpl;
	uint32_t offset;
	int vector;
	unsigned error;                 /* for INT n: EXT is 0 */
};

static const struct gate_case gates[] = {
	{ "interrupt gate", 0x8e, CODE0, 0, 0, TARGET, NONE, 0 },
	{ "type 0", 0x80, CODE0, 0, 0, TARGET, GP, 0x402 },
	{ "call gate", 0x8c, CODE0, 0, 0, TARGET, GP, 0x402 },
	{ "code", 0x9a, CODE0, 0, 0, TARGET, GP, 0x402 },
	{ "not present", 0x0e, CODE0, 0, 0, TARGET, NP, 0x402 },
	{ "DPL below CPL", 0x8e, CODE0, 0, 3, TARGET, GP, 0x402 },
	{ "DPL before presence", 0x0e, CODE0, 0, 3, TARGET, GP, 0x402 },
	{ "type before DPL", 0x8c, CODE0, 0, 3, TARGET, GP, 0x402 },
	{ "target null", 0x8e, 0, 0, 0, TARGET, GP, 0 },
	{ "target beyond the GDT", 0x8e, 0x100, 0, 0, TARGET, GP, 0x100 },
	{ "target is data", 0x8e, TEST, 0x4092, 0, TARGET, GP, TEST },
	{ "target DPL above CPL", 0x8e, TEST, 0x40fa, 0, TARGET, GP, TEST },
	{ "target not present", 0x8e, TEST, 0x401a, 0, TARGET, NP, TEST },
	{ "conforming, DPL above CPL", 0x8e, TEST, 0x40fe, 0, TARGET, GP, TEST },
	{ "beyond the limit", 0x8e, TEST, 0x409a, 0, 0x100000, GP, 0 },
	{ "inner", 0xee, TEST, 0x409a, 3, TARGET, NONE, 0 },
	{ "inner, beyond the limit", 0xee, TEST, 0x409a, 3, 0x100000, GP, 0 },
	{ "conforming stays", 0xee, TEST, 0x409e, 3, TARGET, NONE, 0 },
	{ "task gate, null", 0x85, 0, 0, 0, 0, GP, 0 },
	{ "task gate into the LDT", 0x85, 0x44, 0x89, 0, 0, GP, 0x44 },
	{ "task gate, beyond the GDT", 0x85, 0x100, 0x89, 0, 0, GP, 0x100 },
	{ "task gate, busy TSS", 0x85, TEST, 0x8b, 0, 0, GP, TEST },
	{ "task gate, no TSS", 0x85, TEST, 0x92, 0, 0, GP, TEST },
	{ "task gate, TSS not present", 0x85, TEST, 0x09, 0, 0, NP, TEST },
};

static void software_interrupts(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(gates) / sizeof(gates[0]); n++) {
		const struct gate_case *g = &gates[n];
		struct guest guest;

		guest_new(&guest, NULL);
		descriptor(&guest, TEST, 0, 0xfffff, g->attributes);
		idt_gate(&guest, 0x80, g->target, g->offset, g->gate);
		at_privilege(&guest, g->cpl);
		EXPECT(&guest, g->name, RUN(&guest, "\xcd\x80"), g->vector, g->error);
		if (g->vector == NONE)
			assert_int_equal(reg(&guest, CBX_RIP), TARGET);
		guest_free(&guest);
	}
}

/* The same gates met by an exception (#UD, which has no error code): EXT is 1. */
static void exceptions_have_ext(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(gates) / sizeof(gates[0]); n++) {
		const struct gate_case *g = &gates[n];
		struct guest guest;
		struct outcome got;

		if (g->vector == NONE || strstr(g->name, "DPL below") || strstr(g->name, "DPL before"))
			continue;
		guest_new(&guest, NULL);
		descriptor(&guest, TEST, 0, 0xfffff, g->attributes);
		idt_gate(&guest, UD, g->target, g->offset, g->gate);
		at_privilege(&guest, g->cpl);
		got = RUN(&guest, "\x0f\x0b");
		EXPECT(&guest, g->name, got, g->vector,
		       (g->error == 0x402 ? UD * 8 + 2 : g->error) | 1);
		guest_free(&guest);
	}
}

/* DPL of the gate: checked for INT n, INT3 and INTO, not for INT1 and exceptions. */
static void gate_privilege(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	at_privilege(&guest, 3);
	EXPECT(&guest, "INT3", RUN(&guest, "\xcc"), GP, BP * 8 + 2);
	at_privilege(&guest, 3);
	set(&guest, CBX_RFLAGS, 0x802);
	EXPECT(&guest, "INTO", RUN(&guest, "\xce"), GP, OF_TRAP * 8 + 2);
	at_privilege(&guest, 3);
	set(&guest, CBX_RFLAGS, 2);
	EXPECT(&guest, "INTO without OF", RUN(&guest, "\xce"), NONE, 0);
	at_privilege(&guest, 3);
	EXPECT(&guest, "INT1", RUN(&guest, "\xf1"), DB, 0);
	assert_int_equal(reg(&guest, CBX_DR6), 0xffff0ff0);
	at_privilege(&guest, 3);
	EXPECT(&guest, "INT 13", RUN(&guest, "\xcd\x0d"), GP, 13 * 8 + 2);
	at_privilege(&guest, 3);
	EXPECT(&guest, "UD2", RUN(&guest, "\x0f\x0b"), UD, 0);
	set(&guest, CBX_IDTR_LIMIT, 0x3ff);
	at_privilege(&guest, 3);
	EXPECT(&guest, "beyond the IDT", RUN(&guest, "\xcd\x80"), GP, 0x402);
	guest_free(&guest);
}

struct frame_case {
	const char *name;
	unsigned gate, cpl;
	const char *code;
	uint32_t flags, pushed, inside;         /* EFLAGS before, on the stack, in the handler */
	bool fault, error;
};

static const struct frame_case frames[] = {
	{ "INT n, interrupt gate", 0xee, 0, "\xcd\x80", IF | NT | 0x8d7, IF | NT | 0x8d7, 0x8d7, false, false },
	{ "INT n, trap gate", 0xef, 0, "\xcd\x80", IF | NT | 2, IF | NT | 2, IF | 2, false, false },
	{ "INT n from privilege 3", 0xee, 3, "\xcd\x80", IF | 2, IF | 2, 2, false, false },
	{ "16-bit interrupt gate", 0xe6, 0, "\xcd\x80", IF | 2, IF | 2, 2, false, false },
	{ "16-bit trap gate, privilege 3", 0xe7, 3, "\xcd\x80", IF | 2, IF | 2, IF | 2, false, false },
	{ "#GP, interrupt gate", 0x8e, 3, "\xf4", IF | 2, RF | IF | 2, 2, true, true },
	{ "#GP, 16-bit gate", 0x86, 3, "\xf4", IF | 2, RF | IF | 2, 2, true, true },
	{ "#UD, trap gate", 0x8f, 0, "\x0f\x0b", 2, RF | 2, 2, true, false },
};

static void frame_contents(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(frames) / sizeof(frames[0]); n++) {
		const struct frame_case *f = &frames[n];
		unsigned w = f->gate & 8 ? 4 : 2, vector = f->error ? 13 : f->fault ? 6 : 0x80;
		uint32_t mask = w == 4 ? 0xffffffff : 0xffff, sp;
		uint64_t old_sp;
		struct guest guest;

		guest_new(&guest, NULL);
		idt_gate(&guest, vector, CODE0, w == 4 ? TARGET : 0x6000, f->gate);
		at_privilege(&guest, f->cpl);
		set(&guest, CBX_RFLAGS, f->flags);
		old_sp = reg(&guest, CBX_RSP);
		run(&guest, f->code, 2);
		assert_int_equal(reg(&guest, CBX_RIP), w == 4 ? TARGET : 0x6000);
		assert_int_equal(reg(&guest, CBX_RFLAGS), f->inside);
		sp = (uint32_t)reg(&guest, CBX_RSP);
		assert_int_equal(sp, (f->cpl ? STACK0 : STACK0 - 0x400) -
				 w * (3u + (f->cpl ? 2 : 0) + f->error));
		if (f->error) {
			assert_int_equal(peek(&guest, sp, w), 0);
			sp += w;
		}
		assert_int_equal(peek(&guest, sp, w), (CODE_AT + (f->fault ? 0u : 2u)) & mask);
		assert_int_equal(peek(&guest, sp + w, w), f->cpl ? CODE3 : CODE0);
		assert_int_equal(peek(&guest, sp + 2 * w, w), f->pushed & mask);
		if (f->cpl) {
			assert_int_equal(peek(&guest, sp + 3 * w, w), old_sp & mask);
			assert_int_equal(peek(&guest, sp + 4 * w, w), DATA3);
		}
		guest_free(&guest);
	}
}

/* The current stack has no room for the frame: #SS(EXT). */
static void no_room(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	/* At privilege 3 by a conforming target, so that #SS has another stack. */
	descriptor(&guest, TEST, 0, 0xfffff, 0xc09e);
	idt_gate(&guest, 0x80, TEST, TARGET, 0xee);
	at_privilege(&guest, 3);
	set(&guest, CBX_RSP, 8);
	set(&guest, CBX_SS_LIMIT, 0xffff);
	EXPECT(&guest, "INT n", RUN(&guest, "\xcd\x80"), SS_FAULT, 0);
	at_privilege(&guest, 3);
	set(&guest, CBX_RSP, 8);
	set(&guest, CBX_SS_LIMIT, 0xffff);
	idt_gate(&guest, UD, TEST, TARGET, 0xee);
	EXPECT(&guest, "#UD", RUN(&guest, "\x0f\x0b"), SS_FAULT, 1);
	guest_free(&guest);
}

/* ---- Double and triple faults ------------------------------------------------------------------- */

static void double_faults(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned vector;        /* its gate is missing: #NP */
		int expected;
		unsigned error;
	} cases[] = {
		{ "#UD then #NP: benign first", "\x0f\x0b", UD, NP, UD * 8 + 3 },
		{ "#DB then #NP", "\xf1", DB, NP, DB * 8 + 3 },
		{ "#GP then #NP", "\xf4", GP, DF, 0 },
		{ "#DE then #NP", "\xf7\xf1", 0, DF, 0 },
		{ "#NP then #GP", "\x8e\xd8", NP, DF, 0 },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;
		struct outcome got;

		guest_new(&guest, NULL);
		descriptor(&guest, TEST, 0, 0xfffff, 0x4012);
		at_privilege(&guest, 3);
		set(&guest, CBX_RAX, cases[n].vector == NP ? TEST | 3 : 0);
		if (cases[n].vector == NP)
			descriptor(&guest, TEST, 0, 0xfffff, 0x4072);
		set(&guest, CBX_RCX, 0);
		idt_gate(&guest, cases[n].vector, CODE0, 0, cases[n].vector == NP ? 0x80 : 0x0e);
		got = run(&guest, cases[n].code, 2);
		assert_int_equal(got.vector, cases[n].expected);
		assert_int_equal(got.error, cases[n].error);
		assert_int_equal(got.eip, CODE_AT);
		guest_free(&guest);
	}
}

static void triple_fault(void **state)
{
	struct guest guest;
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 10,
					   .stop_on_triple_fault = true };
	struct cbx_stop stop;

	(void)state;
	guest_new(&guest, NULL);
	set(&guest, CBX_IDTR_LIMIT, 0);
	poke(&guest, CODE_AT, 2, 0x0b0f);
	assert_int_equal(cbx_run(guest.machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_TRIPLE_FAULT);
	assert_int_equal(stop.rip, CODE_AT);
	assert_int_equal(stop.instructions, 1);
	guest_free(&guest);
}

/* ---- Page faults while delivering --------------------------------------------------------------- */

enum { PAGE_DIRECTORY = 0x100000, PAGE_TABLE = 0x101000 };

static void paging_on(struct guest *guest)
{
	poke(guest, PAGE_DIRECTORY, 4, PAGE_TABLE | 7);
	for (unsigned n = 0; n < 1024; n++)
		poke(guest, PAGE_TABLE + 4 * n, 4, n << 12 | 7);
	set(guest, CBX_CR3, PAGE_DIRECTORY);
	set(guest, CBX_CR0, 0x80000011);
}

static void unmap(struct guest *guest, uint32_t address)
{
	poke(guest, PAGE_TABLE + 4 * (address >> 12), 4, 0);
}

static void page_faults(void **state)
{
	struct guest guest;
	struct outcome got;

	(void)state;
	/* The inner stack's page is missing: #PF as a supervisor's write, on its own task's stack. */
	guest_new(&guest, NULL);
	paging_on(&guest);
	at_privilege(&guest, 3);
	poke(&guest, TSS_AT + 4, 4, 0x200000);
	unmap(&guest, 0x1ff000);
	idt_gate(&guest, PF, TEST, 0, 0x85);
	descriptor(&guest, TEST, TSS2_AT, 0x67, 0x89);
	poke(&guest, TSS2_AT + 28, 4, PAGE_DIRECTORY);
	poke(&guest, TSS2_AT + 32, 4, HANDLERS + 16 * PF);
	poke(&guest, TSS2_AT + 36, 4, 2);
	poke(&guest, TSS2_AT + 56, 4, 0x7000);
	poke(&guest, TSS2_AT + 76, 2, CODE0);
	poke(&guest, TSS2_AT + 80, 2, DATA0);
	idt_gate(&guest, 0x80, CODE0, TARGET, 0xee);
	RUN(&guest, "\xcd\x80");
	assert_int_equal(reg(&guest, CBX_RIP), HANDLERS + 16 * PF);
	assert_int_equal(reg(&guest, CBX_TR), TEST);
	assert_int_equal(reg(&guest, CBX_CR2), 0x1ffffc);
	assert_int_equal(peek(&guest, 0x6ffc, 4), 2);
	assert_int_equal(peek(&guest, TSS_AT + 32, 4), CODE_AT);
	assert_int_equal(peek(&guest, TSS_AT + 56, 4), STACK3);
	assert_int_equal(peek(&guest, TSS_AT + 76, 2), CODE3);
	guest_free(&guest);

	/* The IDT's page is missing: #PF while delivering #PF is #DF, which cannot be delivered. */
	guest_new(&guest, NULL);
	paging_on(&guest);
	unmap(&guest, IDT_AT);
	{
		struct cbx_run_options options = { .size = sizeof(options), .instructions = 10,
						   .stop_on_triple_fault = true };
		struct cbx_stop stop;

		poke(&guest, CODE_AT, 1, 0xcc);
		assert_int_equal(cbx_run(guest.machine, &options, &stop), CBX_OK);
		assert_int_equal(stop.reason, CBX_STOP_TRIPLE_FAULT);
		assert_int_equal(reg(&guest, CBX_CR2), IDT_AT + 8 * DF);
	}
	guest_free(&guest);

	/* The GDT's page is missing while a segment is loaded. */
	guest_new(&guest, NULL);
	paging_on(&guest);
	set(&guest, CBX_GDTR_LIMIT, 0x1fff);
	set(&guest, CBX_RAX, 0x1100);
	unmap(&guest, 0x2000 & ~0xfffu);
	set(&guest, CBX_IDTR_BASE, 0x7000);
	for (unsigned n = 0; n < 32; n++) {
		poke(&guest, 0x7000 + 8 * n, 4, CODE0 << 16 | ((HANDLERS + 16 * n) & 0xffff));
		poke(&guest, 0x7004 + 8 * n, 4, (HANDLERS & 0xffff0000u) | 0x8e00);
	}
	got = RUN(&guest, "\x8e\xd8");
	assert_int_equal(got.vector, PF);
	assert_int_equal(got.error, 0);
	assert_int_equal(reg(&guest, CBX_CR2), 0x2100);
	assert_int_equal(reg(&guest, CBX_DS), DATA0);
	guest_free(&guest);
}

/* A fault while fetching counts as one instruction, wherever in a block it is met. */
static void fetch_faults(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned size, at;
		uint64_t before;
	} cases[] = {
		{ "JMP rel32", "\x90\xe9\xfa\xff\x0d\x00", 6, CODE_AT, 2 },
		{ "JMP EAX", "\x90\xff\xe0", 3, CODE_AT, 2 },
		{ "CALL far", "\x90\x9a\x00\x00\x10\x00\x08\x00", 8, CODE_AT, 2 },
		{ "falling off the page", "\x90\x90", 2, 0xffffe, 2 },
		{ "across the page", "\x90\xb8", 2, 0xffffe, 1 },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct cbx_run_options options = { .size = sizeof(options),
						   .instructions = cases[n].before + 1 };
		struct cbx_stop stop;
		struct guest guest;

		guest_new(&guest, NULL);
		poke(&guest, 0x200000, 4, 0x201007);
		for (unsigned k = 0; k < 1024; k++)
			poke(&guest, 0x201000 + 4 * k, 4, k << 12 | 7);
		poke(&guest, 0x201000 + 4 * 0x100, 4, 0);
		set(&guest, CBX_CR3, 0x200000);
		set(&guest, CBX_CR0, 0x80000011);
		set(&guest, CBX_RAX, 0x100000);
		set(&guest, CBX_RIP, cases[n].at);
		poke_bytes(&guest, cases[n].at, cases[n].code, cases[n].size);
		assert_int_equal(cbx_run(guest.machine, &options, &stop), CBX_OK);
		assert_int_equal(stop.instructions, cases[n].before + 1);
		assert_int_equal(reg(&guest, CBX_CR2), 0x100000);
		if (outcome(&guest).vector != PF || outcome(&guest).error != 0)
			fail_msg("%s: at %#x", cases[n].name, (unsigned)reg(&guest, CBX_RIP));
		guest_free(&guest);
	}
}

/* ---- Real mode ------------------------------------------------------------------------------------ */

static void real_mode(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	at_real(&guest);
	poke(&guest, 4 * 0x21, 4, 0x50001234);
	set(&guest, CBX_RFLAGS, 0x40e02 | IF);
	RUN(&guest, "\xcd\x21");
	assert_int_equal(reg(&guest, CBX_CS_BASE), 0x50000);
	assert_int_equal(reg(&guest, CBX_RIP), 0x1234);
	assert_int_equal(reg(&guest, CBX_RSP), 0xffa);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 0xc02);
	assert_int_equal(peek(&guest, 0x20ffa, 4), 0x10000002);
	assert_int_equal(peek(&guest, 0x20ffe, 2), 0x0e02);
	/* NT and IOPL can be set by IRET. */
	poke(&guest, 0x20ffe, 2, 0x7202);
	RUN(&guest, "\xcf");
	assert_int_equal(reg(&guest, CBX_RIP), 2);
	assert_int_equal(reg(&guest, CBX_CS_BASE), 0x10000);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 0x7202);
	assert_int_equal(reg(&guest, CBX_RSP), 0x1000);
	/* Beyond the IVT: #GP, whose handler is there. */
	set(&guest, CBX_IDTR_LIMIT, 0x7f);
	poke(&guest, 4 * 13, 4, 0x60000000);
	RUN(&guest, "\xcd\x21");
	assert_int_equal(reg(&guest, CBX_CS_BASE), 0x60000);
	assert_int_equal(reg(&guest, CBX_RSP), 0xffa);
	assert_int_equal(peek(&guest, 0x20ffa, 2), 2);
	guest_free(&guest);
}

/* ---- Virtual-8086 mode ------------------------------------------------------------------------------ */

static void from_v86(void **state)
{
	static const uint32_t above[] = { 0x1000, 0x2000, 0x3000, 0x3001, 0x3002, 0x3003 };
	struct guest guest;
	struct outcome got;

	(void)state;
	guest_new(&guest, NULL);
	at_v86(&guest, 0);
	set(&guest, CBX_ES, 0x3000);
	set(&guest, CBX_DS, 0x3001);
	set(&guest, CBX_FS, 0x3002);
	set(&guest, CBX_GS, 0x3003);
	got = RUN(&guest, "\xf4");
	assert_int_equal(got.vector, GP);
	assert_int_equal(got.eip, 0);
	assert_int_equal(got.cs, 0x1000);
	assert_int_equal(got.eflags, RF | VM | 2);
	assert_int_equal(reg(&guest, CBX_RSP), STACK0 - 40);
	for (unsigned n = 0; n < 6; n++)
		assert_int_equal(peek(&guest, STACK0 - 24 + 4 * n, 4), above[n]);
	for (unsigned n = CBX_DS; n <= CBX_GS; n++)
		assert_int_equal(reg(&guest, n), 0);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 2);
	guest_free(&guest);
}

/* A gate from virtual-8086 mode must lead to privilege 0, nonconforming: else #GP(CS). */
static void v86_targets(void **state)
{
	static const unsigned attributes[] = { 0xc09e, 0xc0ba, 0xc0fa };

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		struct guest guest;

		guest_new(&guest, NULL);
		descriptor(&guest, TEST, 0, 0xfffff, attributes[n]);
		idt_gate(&guest, 0x80, TEST, TARGET, 0xee);
		at_v86(&guest, 3);
		EXPECT(&guest, "V86 target", RUN(&guest, "\xcd\x80"), GP, TEST);
		guest_free(&guest);
	}
}

static void to_v86(void **state)
{
	static const uint32_t frame[] = { 0x1234, 0x5000, VM | IF | IOPL3 | 2, 0xfff0, 0x6000, 0x7000, 0x7001,
					  0x7002, 0x7003 };
	static const enum cbx_register order[] = { CBX_ES, CBX_DS, CBX_FS, CBX_GS };
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	for (unsigned n = 0; n < 9; n++)
		poke(&guest, STACK0 - 0x400 + 4 * n, 4, frame[n]);
	EXPECT(&guest, "IRETD", RUN(&guest, "\xcf"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RIP), 0x1234);
	assert_int_equal(reg(&guest, CBX_CS_BASE), 0x50000);
	assert_int_equal(reg(&guest, CBX_SS_BASE), 0x60000);
	assert_int_equal(reg(&guest, CBX_RSP), 0xfff0);
	assert_int_equal(reg(&guest, CBX_RFLAGS), VM | IF | IOPL3 | 2);
	for (unsigned n = 0; n < 4; n++) {
		assert_int_equal(reg(&guest, order[n]), 0x7000 + n);
		assert_int_equal(reg(&guest, CBX_ES_ATTRIBUTES + order[n] - CBX_ES), 0xf3);
		assert_int_equal(reg(&guest, CBX_ES_LIMIT + order[n] - CBX_ES), 0xffff);
	}
	guest_free(&guest);

	guest_new(&guest, NULL);
	poke(&guest, STACK0 - 0x400, 4, 0x10000);
	poke(&guest, STACK0 - 0x400 + 8, 4, VM | 2);
	EXPECT(&guest, "EIP beyond 64 KiB", RUN(&guest, "\xcf"), GP, 0);
	guest_free(&guest);

	/* VM in the image means nothing at privilege 3. */
	guest_new(&guest, NULL);
	at_privilege(&guest, 3);
	poke(&guest, STACK3, 4, TARGET);
	poke(&guest, STACK3 + 4, 4, CODE3);
	poke(&guest, STACK3 + 8, 4, VM | IF | IOPL3 | 0x203);
	EXPECT(&guest, "VM at privilege 3", RUN(&guest, "\xcf"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 3);
	guest_free(&guest);
}

struct v86_case {
	const char *name, *code;
	unsigned size, iopl, cr4;
	uint32_t flags;                 /* besides VM and IOPL */
	uint32_t stack;                 /* 16-bit image for POPF */
	int vector;
	uint32_t after;                 /* flags besides VM and IOPL */
};

enum { VME = 1, PVI = 2 };

static const struct v86_case v86[] = {
	{ "CLI, IOPL 3", "\xfa", 1, 3, 0, IF, 0, NONE, 0 },
	{ "CLI, IOPL 0", "\xfa", 1, 0, 0, IF, 0, GP, 0 },
	{ "CLI, VME", "\xfa", 1, 0, VME, IF | VIF, 0, NONE, IF },
	{ "CLI, VME, IOPL 3", "\xfa", 1, 3, VME, IF | VIF, 0, NONE, VIF },
	{ "STI, IOPL 3", "\xfb", 1, 3, 0, 0, 0, NONE, IF },
	{ "STI, IOPL 2", "\xfb", 1, 2, 0, 0, 0, GP, 0 },
	{ "STI, VME", "\xfb", 1, 0, VME, 0, 0, NONE, VIF },
	{ "STI, VME, VIP", "\xfb", 1, 0, VME, VIP, 0, GP, 0 },
	{ "PUSHF, IOPL 0", "\x9c", 1, 0, 0, 0, 0, GP, 0 },
	{ "PUSHF, IOPL 3", "\x9c", 1, 3, 0, IF, 0, NONE, IF },
	{ "PUSHFD, VME, IOPL 0", "\x66\x9c", 2, 0, VME, 0, 0, GP, 0 },
	{ "POPF, IOPL 0", "\x9d", 1, 0, 0, 0, 0, GP, 0 },
	{ "POPF, IOPL 3", "\x9d", 1, 3, 0, 0, IF | 1, NONE, IF | 1 },
	{ "POPF, IOPL 3, IOPL does not change", "\x9d", 1, 3, 0, 0, 0, NONE, 0 },
	{ "POPF, VME", "\x9d", 1, 0, VME, IF, IF | IOPL3 | 1, NONE, IF | VIF | 1 },
	{ "POPF, VME, clears VIF", "\x9d", 1, 0, VME, IF | VIF, 1, NONE, IF | 1 },
	{ "POPF, VME, TF", "\x9d", 1, 0, VME, 0, TF, GP, 0 },
	{ "POPF, VME, VIP", "\x9d", 1, 0, VME, VIP, IF, GP, 0 },
	{ "POPF, VME, VIP without IF", "\x9d", 1, 0, VME, VIP, 0, NONE, VIP },
	{ "POPFD, VME, IOPL 0", "\x66\x9d", 2, 0, VME, 0, 0, GP, 0 },
	{ "INT n, IOPL 0", "\xcd\x80", 2, 0, 0, 0, 0, GP, 0 },
	{ "IRET, IOPL 0", "\xcf", 1, 0, 0, 0, 0, GP, 0 },
	{ "IRETD, VME, IOPL 0", "\x66\xcf", 2, 0, VME, 0, 0, GP, 0 },
	{ "HLT", "\xf4", 1, 3, 0, 0, 0, GP, 0 },
	{ "MOV CR0", "\x0f\x20\xc0", 3, 3, 0, 0, 0, GP, 0 },
	{ "IN without a map", "\xe4\x10", 2, 3, 0, 0, 0, GP, 0 },
};

static void v86_instructions(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(v86) / sizeof(v86[0]); n++) {
		const struct v86_case *v = &v86[n];
		struct guest guest;
		struct outcome got;

		guest_new(&guest, NULL);
		set(&guest, CBX_CR4, v->cr4);
		at_v86(&guest, v->iopl);
		set(&guest, CBX_RFLAGS, VM | v->iopl << 12 | v->flags | 2);
		poke(&guest, 0x21000, 2, v->stack);
		got = run(&guest, v->code, v->size);
		EXPECT(&guest, v->name, got, v->vector, 0);
		if (v->vector == NONE &&
		    reg(&guest, CBX_RFLAGS) != (VM | v->iopl << 12 | v->after | 2))
			fail_msg("%s: flags %#x", v->name, (unsigned)reg(&guest, CBX_RFLAGS));
		guest_free(&guest);
	}
}

/* VME: the redirection bitmap below the I/O map, virtual IF in the frame. */
static void redirection(void **state)
{
	(void)state;
	for (unsigned iopl = 0; iopl <= 3; iopl += 3)
		for (unsigned redirect = 0; redirect < 2; redirect++) {
			struct guest guest;
			struct outcome got;

			guest_new(&guest, NULL);
			set(&guest, CBX_CR4, VME);
			poke(&guest, TSS_AT + 102, 2, 0x88);
			poke(&guest, TSS_AT + 0x68 + 0x10, 1, redirect ? 0 : 1);
			poke(&guest, 4 * 0x80, 4, 0x50001234);
			idt_gate(&guest, 0x80, CODE0, HANDLERS + 16 * 0x80, 0xee);
			at_v86(&guest, iopl);
			set(&guest, CBX_RFLAGS, VM | iopl << 12 | IF | 2 | VIF);
			got = RUN(&guest, "\xcd\x80");
			if (redirect) {
				assert_int_equal(got.vector, NONE);
				assert_int_equal(reg(&guest, CBX_CS_BASE), 0x50000);
				assert_int_equal(reg(&guest, CBX_RIP), 0x1234);
				assert_int_equal(reg(&guest, CBX_RSP), 0xffa);
				assert_int_equal(peek(&guest, 0x20ffa, 4), 0x10000002);
				assert_int_equal(peek(&guest, 0x20ffe, 2), IOPL3 | IF | 2);
				assert_int_equal(reg(&guest, CBX_RFLAGS),
						 iopl ? VM | IOPL3 | VIF | 2 : VM | IF | 2);
				/* And back again. */
				got = RUN(&guest, "\xcf");
				assert_int_equal(got.vector, NONE);
				assert_int_equal(reg(&guest, CBX_RIP), 2);
				assert_int_equal(reg(&guest, CBX_RFLAGS), VM | iopl << 12 | IF | 2 | VIF);
			} else {
				assert_int_equal(got.vector, iopl ? 0x80 : GP);
			}
			guest_free(&guest);
		}
}

/* CR4.PVI: at privilege 3 with IOPL below 3, CLI and STI change VIF. */
static void protected_virtual_interrupts(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	at_privilege(&guest, 3);
	EXPECT(&guest, "STI without PVI", RUN(&guest, "\xfb"), GP, 0);
	set(&guest, CBX_CR4, PVI);
	at_privilege(&guest, 3);
	EXPECT(&guest, "STI", RUN(&guest, "\xfb"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RFLAGS), VIF | 2);
	EXPECT(&guest, "CLI", RUN(&guest, "\xfa"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RFLAGS), 2);
	set(&guest, CBX_RFLAGS, VIP | 2);
	EXPECT(&guest, "STI with VIP", RUN(&guest, "\xfb"), GP, 0);
	guest_free(&guest);
}

/* POPF at each privilege: IF and IOPL change only where they may. */
static void popf(void **state)
{
	static const struct {
		unsigned cpl, iopl;
		uint32_t after;
	} cases[] = {
		{ 0, 0, IF | IOPL3 | 3 }, { 3, 0, 3 }, { 3, 3, IF | IOPL3 | 3 }, { 3, 2, 0x2003 },
	};

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		struct guest guest;

		guest_new(&guest, NULL);
		at_privilege(&guest, cases[n].cpl);
		set(&guest, CBX_RFLAGS, cases[n].iopl << 12 | 2);
		poke(&guest, reg(&guest, CBX_RSP), 4, VM | RF | VIF | VIP | IF | IOPL3 | 3);
		EXPECT(&guest, "POPFD", RUN(&guest, "\x9d"), NONE, 0);
		assert_int_equal(reg(&guest, CBX_RFLAGS), cases[n].after);
		guest_free(&guest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(software_interrupts), cmocka_unit_test(exceptions_have_ext),
		cmocka_unit_test(gate_privilege), cmocka_unit_test(frame_contents),
		cmocka_unit_test(no_room), cmocka_unit_test(double_faults),
		cmocka_unit_test(triple_fault), cmocka_unit_test(page_faults),
		cmocka_unit_test(fetch_faults),
		cmocka_unit_test(real_mode), cmocka_unit_test(from_v86),
		cmocka_unit_test(v86_targets), cmocka_unit_test(to_v86),
		cmocka_unit_test(v86_instructions), cmocka_unit_test(redirection),
		cmocka_unit_test(protected_virtual_interrupts), cmocka_unit_test(popf),
	};

	return cmocka_run_group_tests_name("interrupts", tests, NULL, NULL);
}
