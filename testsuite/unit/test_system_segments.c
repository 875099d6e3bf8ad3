/* Loads of segment registers, LDTR and TR, limit checks, and questions about selectors. */
#include "system_guest.h"

#include <string.h>

/* A descriptor at TEST, a selector in AX, one instruction. */
struct load {
	const char *name;
	const char *code;               /* two or three bytes; the selector is in AX */
	unsigned selector, attributes, cpl;
	int vector;
	unsigned error;
};

static const struct load loads[] = {
	{ "MOV DS: null", "\x8e\xd8", 0, 0, 0, NONE, 0 },
	{ "MOV DS: null with RPL", "\x8e\xd8", 3, 0, 0, NONE, 0 },
	{ "MOV DS: data", "\x8e\xd8", TEST, 0x92, 0, NONE, 0 },
	{ "MOV DS: beyond the GDT", "\x8e\xd8", 0x100, 0x92, 0, GP, 0x100 },
	{ "MOV DS: beyond the LDT", "\x8e\xd8", 0x104, 0x92, 0, GP, 0x104 },
	{ "MOV DS: RPL is no part of the error code", "\x8e\xd8", 0x103, 0x92, 0, GP, 0x100 },
	{ "MOV DS: readable code", "\x8e\xd8", TEST, 0x9a, 0, NONE, 0 },
	{ "MOV DS: code that is not readable", "\x8e\xd8", TEST, 0x98, 0, GP, TEST },
	{ "MOV DS: system segment", "\x8e\xd8", TEST, 0x82, 0, GP, TEST },
	{ "MOV DS: not present", "\x8e\xd8", TEST, 0x12, 0, NP, TEST },
	{ "MOV DS: type before presence", "\x8e\xd8", TEST, 0x18, 0, GP, TEST },
	{ "MOV DS: DPL below CPL", "\x8e\xd8", TEST, 0x92, 3, GP, TEST },
	{ "MOV DS: DPL below RPL", "\x8e\xd8", TEST | 3, 0x92, 0, GP, TEST },
	{ "MOV DS: DPL above CPL", "\x8e\xd8", TEST, 0xf2, 0, NONE, 0 },
	{ "MOV DS: conforming code of an inner privilege", "\x8e\xd8", TEST | 3, 0x9e, 3, NONE, 0 },
	{ "MOV DS: privilege before presence", "\x8e\xd8", TEST, 0x12, 3, GP, TEST },
	{ "MOV SS: null", "\x8e\xd0", 0, 0, 0, GP, 0 },
	{ "MOV SS: data", "\x8e\xd0", TEST, 0x92, 0, NONE, 0 },
	{ "MOV SS: beyond the GDT", "\x8e\xd0", 0x100, 0, 0, GP, 0x100 },
	{ "MOV SS: RPL is not CPL", "\x8e\xd0", TEST | 3, 0x92, 0, GP, TEST },
	{ "MOV SS: DPL is not CPL", "\x8e\xd0", TEST, 0xf2, 0, GP, TEST },
	{ "MOV SS: not writable", "\x8e\xd0", TEST, 0x90, 0, GP, TEST },
	{ "MOV SS: code", "\x8e\xd0", TEST, 0x9a, 0, GP, TEST },
	{ "MOV SS: not present", "\x8e\xd0", TEST, 0x12, 0, SS_FAULT, TEST },
	{ "MOV SS: CPL 3", "\x8e\xd0", TEST | 3, 0xf2, 3, NONE, 0 },
	{ "MOV CS", "\x8e\xc8", TEST, 0x92, 0, UD, 0 },
	{ "MOV to segment register 6", "\x8e\xf0", TEST, 0x92, 0, UD, 0 },
	{ "LLDT", "\x0f\x00\xd0", TEST, 0x82, 0, NONE, 0 },
	{ "LLDT: null", "\x0f\x00\xd0", 0, 0, 0, NONE, 0 },
	{ "LLDT: at CPL 3", "\x0f\x00\xd0", TEST, 0x82, 3, GP, 0 },
	{ "LLDT: in the LDT", "\x0f\x00\xd0", 0x0c, 0x82, 0, GP, 0x0c },
	{ "LLDT: beyond the GDT", "\x0f\x00\xd0", 0x100, 0x82, 0, GP, 0x100 },
	{ "LLDT: a TSS", "\x0f\x00\xd0", TEST, 0x89, 0, GP, TEST },
	{ "LLDT: data", "\x0f\x00\xd0", TEST, 0x92, 0, GP, TEST },
	{ "LLDT: not present", "\x0f\x00\xd0", TEST, 0x02, 0, NP, TEST },
	{ "LTR", "\x0f\x00\xd8", TEST, 0x89, 0, NONE, 0 },
	{ "LTR: 16 bits", "\x0f\x00\xd8", TEST, 0x81, 0, NONE, 0 },
	{ "LTR: null", "\x0f\x00\xd8", 0, 0, 0, GP, 0 },
	{ "LTR: at CPL 3", "\x0f\x00\xd8", TEST, 0x89, 3, GP, 0 },
	{ "LTR: in the LDT", "\x0f\x00\xd8", 0x0c, 0x89, 0, GP, 0x0c },
	{ "LTR: busy", "\x0f\x00\xd8", TEST, 0x8b, 0, GP, TEST },
	{ "LTR: an LDT", "\x0f\x00\xd8", TEST, 0x82, 0, GP, TEST },
	{ "LTR: not present", "\x0f\x00\xd8", TEST, 0x09, 0, NP, TEST },
};

static void segment_loads(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(loads) / sizeof(loads[0]); n++) {
		const struct load *load = &loads[n];
		struct guest guest;
		struct outcome got;

		guest_new(&guest, NULL);
		descriptor(&guest, TEST, 0x12345, 0x100, load->attributes);
		at_privilege(&guest, load->cpl);
		set(&guest, CBX_RAX, load->selector);
		got = run(&guest, load->code, strlen(load->code) < 2 ? 3 : load->code[0] == '\x0f' ? 3 : 2);
		EXPECT(&guest, load->name, got, load->vector, load->error);
		guest_free(&guest);
	}
}

static void loaded_segment(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	descriptor(&guest, TEST, 0x12345678, 0xabcde, 0xd092);
	set(&guest, CBX_RAX, TEST);
	EXPECT(&guest, "MOV ES", RUN(&guest, "\x8e\xc0"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_ES), TEST);
	assert_int_equal(reg(&guest, CBX_ES_BASE), 0x12345678);
	assert_int_equal(reg(&guest, CBX_ES_LIMIT), 0xabcdefff);
	assert_int_equal(reg(&guest, CBX_ES_ATTRIBUTES), 0xd093);
	/* The accessed bit is set in the table. */
	assert_int_equal(peek(&guest, GDT_AT + TEST + 5, 1), 0x93);
	guest_free(&guest);
}

static void far_pointers(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	descriptor(&guest, TEST, 0, 0xfffff, 0xc012);
	poke(&guest, DATA_AT, 4, 0xdeadbeef);
	poke(&guest, DATA_AT + 4, 2, TEST);
	EXPECT(&guest, "LES: not present", RUN(&guest, "\xc4\x0d\x00\x00\x03\x00"), NP, TEST);
	at_privilege(&guest, 0);
	EXPECT(&guest, "LSS: not present", RUN(&guest, "\x0f\xb2\x0d\x00\x00\x03\x00"), SS_FAULT, TEST);
	at_privilege(&guest, 0);
	descriptor(&guest, TEST, 0, 0xfffff, 0xc092);
	EXPECT(&guest, "LSS", RUN(&guest, "\x0f\xb2\x25\x00\x00\x03\x00"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RSP), 0xdeadbeef);
	assert_int_equal(reg(&guest, CBX_SS), TEST);
	guest_free(&guest);
}

struct limit {
	const char *name;
	unsigned attributes;
	uint32_t limit, offset;
	const char *code;               /* access through DS:[ebx] (or SS:[ebp+0]) */
	int vector;
};

static const struct limit limits[] = {
	{ "last byte", 0x4092, 0xfff, 0xfff, "\x8a\x03", NONE },
	{ "byte beyond", 0x4092, 0xfff, 0x1000, "\x8a\x03", GP },
	{ "last dword", 0x4092, 0xfff, 0xffc, "\x8b\x03", NONE },
	{ "dword across the limit", 0x4092, 0xfff, 0xffd, "\x8b\x03", GP },
	{ "dword that wraps", 0x4092, 0xfff, 0xfffffffe, "\x8b\x03", GP },
	{ "write to read-only data", 0x4090, 0xfff, 0, "\x89\x03", GP },
	{ "write to code", 0x409a, 0xfff, 0, "\x89\x03", GP },
	{ "read from readable code", 0x409a, 0xfff, 0, "\x8b\x03", NONE },
	{ "expand-down, below", 0x4096, 0xfff, 0xfff, "\x8a\x03", GP },
	{ "expand-down, first", 0x4096, 0xfff, 0x1000, "\x8a\x03", NONE },
	{ "expand-down of 64 KiB, last", 0x0096, 0xfff, 0xffff, "\x8a\x03", NONE },
	{ "expand-down of 64 KiB, beyond", 0x0096, 0xfff, 0x10000, "\x8a\x03", GP },
	{ "expand-down of 64 KiB, across", 0x0096, 0xfff, 0xfffd, "\x8b\x03", GP },
	{ "stack, beyond", 0x4092, 0xfff, 0x1000, "\x36\x8a\x03", SS_FAULT },
	{ "null", 0, 0, 0, "\x8a\x03", GP },
};

static void limit_checks(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(limits) / sizeof(limits[0]); n++) {
		const struct limit *limit = &limits[n];
		struct guest guest;

		guest_new(&guest, NULL);
		descriptor(&guest, TEST, DATA_AT, limit->limit, limit->attributes | 1);
		if (limit->attributes)
			load_segment(&guest, limit->code[0] == 0x36 ? 2 : 3, TEST);
		else
			load_segment(&guest, 3, 0);
		set(&guest, CBX_RBX, limit->offset);
		if (limit->code[0] == 0x36) {
			/* The handler needs a stack: SS is used and then replaced. */
			idt_gate(&guest, 12, 0x48, 0, 0x85);
			descriptor(&guest, 0x48, TSS2_AT, 0x67, 0x89);
			poke(&guest, TSS2_AT + 32, 4, HANDLERS + 16 * 12);
			poke(&guest, TSS2_AT + 36, 4, 2);
			poke(&guest, TSS2_AT + 56, 4, STACK0);
			poke(&guest, TSS2_AT + 76, 2, CODE0);
			poke(&guest, TSS2_AT + 80, 2, DATA0);
			run(&guest, limit->code, 3);
			assert_int_equal(reg(&guest, CBX_RIP), HANDLERS + 16 * 12);
			assert_int_equal(peek(&guest, reg(&guest, CBX_RSP), 4), 0);
			assert_int_equal(peek(&guest, TSS_AT + 32, 4), CODE_AT);
		} else {
			EXPECT(&guest, limit->name, run(&guest, limit->code, 2), limit->vector, 0);
		}
		guest_free(&guest);
	}
}

struct question {
	const char *name;
	unsigned selector, attributes, cpl;
	bool lar, lsl, verr, verw;      /* ZF */
};

static const struct question questions[] = {
	{ "null", 0, 0, 0, false, false, false, false },
	{ "beyond", 0x100, 0, 0, false, false, false, false },
	{ "data", TEST, 0x93, 0, true, true, true, true },
	{ "read-only data", TEST, 0x91, 0, true, true, true, false },
	{ "readable code", TEST, 0x9b, 0, true, true, true, false },
	{ "execute-only code", TEST, 0x99, 0, true, true, false, false },
	{ "not present", TEST, 0x13, 0, true, true, true, true },
	{ "DPL 0 from CPL 3", TEST, 0x93, 3, false, false, false, false },
	{ "DPL 0 with RPL 3", TEST | 3, 0x93, 0, false, false, false, false },
	{ "conforming from CPL 3", TEST | 3, 0x9f, 3, true, true, true, false },
	{ "type 0", TEST, 0x80, 0, false, false, false, false },
	{ "16-bit TSS", TEST, 0x81, 0, true, true, false, false },
	{ "LDT", TEST, 0x82, 0, true, true, false, false },
	{ "16-bit TSS, busy", TEST, 0x83, 0, true, true, false, false },
	{ "16-bit call gate", TEST, 0x84, 0, true, false, false, false },
	{ "task gate", TEST, 0x85, 0, true, false, false, false },
	{ "16-bit interrupt gate", TEST, 0x86, 0, false, false, false, false },
	{ "16-bit trap gate", TEST, 0x87, 0, false, false, false, false },
	{ "type 8", TEST, 0x88, 0, false, false, false, false },
	{ "32-bit TSS", TEST, 0x89, 0, true, true, false, false },
	{ "type 10", TEST, 0x8a, 0, false, false, false, false },
	{ "32-bit TSS, busy", TEST, 0x8b, 0, true, true, false, false },
	{ "32-bit call gate", TEST, 0x8c, 0, true, false, false, false },
	{ "32-bit interrupt gate", TEST, 0x8e, 0, false, false, false, false },
	{ "32-bit trap gate", TEST, 0x8f, 0, false, false, false, false },
};

static void ask(const struct question *q, const char *code, bool zf, uint32_t value)
{
	struct guest guest;

	guest_new(&guest, NULL);
	descriptor(&guest, TEST, 0x123456, 0xabcde, 0xc000 | q->attributes);
	at_privilege(&guest, q->cpl);
	set(&guest, CBX_RAX, q->selector);
	set(&guest, CBX_RCX, 0x55555555);
	set(&guest, CBX_RFLAGS, zf ? 0x897 : 0x8d7);
	EXPECT(&guest, q->name, run(&guest, code, 3), NONE, 0);
	if (reg(&guest, CBX_RFLAGS) != (zf ? 0x8d7 : 0x897))
		fail_msg("%s: opcode %02x%02x: ZF is wrong", q->name, code[1] & 0xff, code[2] & 0xff);
	assert_int_equal(reg(&guest, CBX_RCX), zf && value ? value : 0x55555555);
	guest_free(&guest);
}

static void selector_questions(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(questions) / sizeof(questions[0]); n++) {
		const struct question *q = &questions[n];

		ask(q, "\x0f\x02\xc8", q->lar, 0xc00000 | q->attributes << 8);
		ask(q, "\x0f\x03\xc8", q->lsl, 0xabcdefff);
		ask(q, "\x0f\x00\xe0", q->verr, 0);
		ask(q, "\x0f\x00\xe8", q->verw, 0);
	}
}

static void arpl(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	set(&guest, CBX_RAX, 0x12340041);
	set(&guest, CBX_RCX, 0x3);
	EXPECT(&guest, "ARPL", RUN(&guest, "\x63\xc8"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 0x12340043);
	assert_int_equal(reg(&guest, CBX_RFLAGS) & 0x40, 0x40);
	set(&guest, CBX_RCX, 0x2);
	EXPECT(&guest, "ARPL, nothing to do", RUN(&guest, "\x63\xc8"), NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 0x12340043);
	assert_int_equal(reg(&guest, CBX_RFLAGS) & 0x40, 0);
	guest_free(&guest);
}

/* In virtual-8086 mode the instructions on selectors do not exist. */
static void not_in_v86(void **state)
{
	static const char *const codes[] = { "\x0f\x00\xc0", "\x0f\x00\xc8", "\x0f\x00\xd0", "\x0f\x00\xd8",
					     "\x0f\x00\xe0", "\x0f\x00\xe8", "\x0f\x02\xc0",
					     "\x0f\x03\xc0", "\x63\xc0\x90" };

	(void)state;
	for (size_t n = 0; n < sizeof(codes) / sizeof(codes[0]); n++) {
		struct guest guest;

		guest_new(&guest, NULL);
		at_v86(&guest, 3);
		EXPECT(&guest, "in virtual-8086 mode", run(&guest, codes[n], 3), UD, 0);
		guest_free(&guest);
	}
}

/* A near branch beyond the CS limit: #GP(0) at the branch, with nothing changed. */
static void branch_limits(void **state)
{
	static const char *const codes[] = { "\x0f\x84\xfa\xff\x0f\x00", "\xe9\xfb\xff\x0f\x00\x90",
					     "\xe8\xfb\xff\x0f\x00\x90", "\xff\xe0\x90\x90\x90\x90",
					     "\xff\xd0\x90\x90\x90\x90", "\xc3\x90\x90\x90\x90\x90" };

	(void)state;
	for (size_t n = 0; n < sizeof(codes) / sizeof(codes[0]); n++) {
		struct guest guest;

		guest_new(&guest, NULL);
		set(&guest, CBX_CS_LIMIT, 0xfffff);
		set(&guest, CBX_RAX, 0x100000);
		set(&guest, CBX_RFLAGS, 0x42);
		poke(&guest, reg(&guest, CBX_RSP), 4, 0x100000);
		EXPECT(&guest, "branch", run(&guest, codes[n], 6), GP, 0);
		assert_int_equal(reg(&guest, CBX_RSP), guest.before[CBX_RSP] - 16);
		guest_free(&guest);
	}
}

/* Real mode: only the base changes; limits from protected mode stay. */
static void unreal(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	at_real(&guest);
	set(&guest, CBX_DS_LIMIT, 0xffffffff);
	set(&guest, CBX_RAX, 0x1234);
	set(&guest, CBX_RBX, 0x200000);
	poke(&guest, 0x212340, 4, 0xcafef00d);
	RUN(&guest, "\x8e\xd8");
	assert_int_equal(reg(&guest, CBX_DS_BASE), 0x12340);
	assert_int_equal(reg(&guest, CBX_DS_LIMIT), 0xffffffff);
	RUN(&guest, "\x67\x66\x8b\x03");
	assert_int_equal(reg(&guest, CBX_RAX), 0xcafef00d);
	guest_free(&guest);
}

/* PUSH of a segment register moves ESP by four and writes two bytes. */
static void push_pop(void **state)
{
	struct guest guest;
	uint32_t sp;

	(void)state;
	guest_new(&guest, NULL);
	sp = (uint32_t)reg(&guest, CBX_RSP);
	poke(&guest, sp - 4, 4, 0xaaaaaaaa);
	RUN(&guest, "\x1e");
	assert_int_equal(reg(&guest, CBX_RSP), sp - 4);
	assert_int_equal(peek(&guest, sp - 4, 4), 0xaaaa0000 | DATA0);
	poke(&guest, sp - 4, 4, DATA3);
	RUN(&guest, "\x07");
	assert_int_equal(reg(&guest, CBX_ES), DATA3);
	assert_int_equal(reg(&guest, CBX_RSP), sp);
	guest_free(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segment_loads), cmocka_unit_test(loaded_segment),
		cmocka_unit_test(far_pointers), cmocka_unit_test(limit_checks),
		cmocka_unit_test(selector_questions), cmocka_unit_test(arpl),
		cmocka_unit_test(not_in_v86), cmocka_unit_test(branch_limits),
		cmocka_unit_test(unreal), cmocka_unit_test(push_pop),
	};

	return cmocka_run_group_tests_name("segments", tests, NULL, NULL);
}
