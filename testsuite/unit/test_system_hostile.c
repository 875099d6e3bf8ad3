/*
 * The processor against guests that look for its seams: LOCK where it is not allowed, instructions
 * that are too long or end where memory does, and faults in the middle of what an instruction
 * reads or writes, which must come before anything can be seen of it.
 */
#include "system_guest.h"

#include <string.h>

enum { PAGE_DIRECTORY = 0x100000, PAGE_TABLE = 0x101000, HOLE = 0x300000, HOLE_END = 0x301000 };

/* ---- LOCK --------------------------------------------------------------------------------------- */

static bool lockable(unsigned map, unsigned opcode, unsigned extension)
{
	if (map == 0) {
		if (opcode < 0x38)
			return (opcode & 7) < 2;
		switch (opcode) {
		case 0x80: case 0x81: case 0x83:
			return extension < 7;
		case 0x86: case 0x87:
			return true;
		case 0xf6: case 0xf7:
			return extension == 2 || extension == 3;
		case 0xfe: case 0xff:
			return extension < 2;
		default:
			return false;
		}
	}
	switch (opcode) {
	case 0xab: case 0xb0: case 0xb1: case 0xb3: case 0xbb: case 0xc0: case 0xc1:
		return true;
	case 0xba:
		return extension >= 5;
	case 0xc7:
		return extension == 1;
	default:
		return false;
	}
}

static bool is_prefix(unsigned opcode)
{
	switch (opcode) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x66: case 0x67:
	case 0xf0: case 0xf2: case 0xf3: case 0x0f:
		return true;
	default:
		return false;
	}
}

/* Every opcode of both maps with every extension, in memory and in registers. */
static void lock_prefix(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	for (unsigned n = 0; n < 2 * 256 * 16; n++) {
		unsigned map = n >> 12, opcode = n >> 4 & 255, extension = n >> 1 & 7;
		bool memory = n & 1, good = memory && lockable(map, opcode, extension);
		char code[16] = { (char)0xf0 };
		unsigned length = 1;
		struct outcome got;

		if (map == 0 && (is_prefix(opcode) || opcode == 0x82))
			continue;
		if (map)
			code[length++] = 0x0f;
		code[length++] = (char)opcode;
		code[length++] = (char)((memory ? 3 : 0xc1) | extension << 3);
		at_privilege(&guest, 0);
		set(&guest, CBX_RBX, DATA_AT);
		set(&guest, CBX_RAX, 0);
		set(&guest, CBX_RFLAGS, 2);
		got = run(&guest, code, sizeof(code));
		if (got.vector != (good ? NONE : UD)) {
			print_error("LOCK, map %u, opcode %02x, /%u in %s: vector %d\n", map, opcode,
				    extension, memory ? "memory" : "a register", got.vector);
			fail();
		}
	}
	guest_free(&guest);
}

/* ---- Fetching -------------------------------------------------------------------------------------- */

static void paging_on(struct guest *guest)
{
	poke(guest, PAGE_DIRECTORY, 4, PAGE_TABLE | 7);
	for (unsigned n = 0; n < 1024; n++)
		poke(guest, PAGE_TABLE + 4 * n, 4, n == HOLE >> 12 ? 0 : n << 12 | 7);
	set(guest, CBX_CR3, PAGE_DIRECTORY);
	set(guest, CBX_CR0, 0x80000011);
}

static void instruction_length(void **state)
{
	/* add dword [eax + disp32], imm32 with prefixes: 10 bytes and n prefixes */
	static const uint8_t add[] = { 0x81, 0x80, 0, 0, 3, 0, 1, 0, 0, 0 };
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	paging_on(&guest);
	for (unsigned prefixes = 0; prefixes < 40; prefixes++) {
		struct outcome got;
		char code[64];

		memset(code, 0x3e, sizeof(code));
		memcpy(code + prefixes, add, sizeof(add));
		at_privilege(&guest, 0);
		set(&guest, CBX_RAX, 0);
		poke(&guest, DATA_AT, 4, 1);
		got = run(&guest, code, sizeof(code));
		EXPECT(&guest, "long instruction", got, prefixes > 5 ? GP : NONE, 0);
		assert_int_equal(peek(&guest, DATA_AT, 4), prefixes > 5 ? 1 : 2);
	}
	/* Fifteen prefixes before the hole: the sixteenth byte is not fetched. */
	for (unsigned n = 1; n < 20; n++) {
		struct outcome got;

		at_privilege(&guest, 0);
		for (unsigned i = 0; i < n; i++)
			poke(&guest, HOLE - n + i, 1, 0x66);
		set(&guest, CBX_RIP, HOLE - n);
		got = step(&guest);
		EXPECT(&guest, "prefixes", got, n >= 15 ? GP : PF, 0);
		if (n < 15)
			assert_int_equal(reg(&guest, CBX_CR2), HOLE);
	}
	guest_free(&guest);
}

/* Instructions that end with the page run; one byte later the missing byte is what faults. */
static void last_bytes_of_a_page(void **state)
{
	static const struct { uint8_t bytes[10]; unsigned length; } cases[] = {
		{ { 0x90 }, 1 }, { { 0x40 }, 1 }, { { 0xb0, 1 }, 2 }, { { 0x89, 0xc8 }, 2 },
		{ { 0x8b, 0x03 }, 2 }, { { 0x8b, 0x43, 0 }, 3 }, { { 0x8b, 0x04, 0x23 }, 3 },
		{ { 0x0f, 0xa2 }, 2 }, { { 0x0f, 0xb6, 0xc1 }, 3 }, { { 0xd9, 0xe8 }, 2 },
		{ { 0x66, 0xb8, 1, 2 }, 4 }, { { 0xb8, 1, 2, 3, 4 }, 5 }, { { 0xc8, 0, 0, 0 }, 4 },
		{ { 0x81, 0x83, 0, 0, 0, 0, 1, 2, 3, 4 }, 10 }, { { 0xa1, 0, 0, 3, 0 }, 5 },
		{ { 0x6b, 0xc1, 3 }, 3 }, { { 0xf6, 0xc1, 1 }, 3 }, { { 0xf6, 0xd1 }, 2 },
		{ { 0xf7, 0xc1, 1, 0, 0, 0 }, 6 }, { { 0xf7, 0xd1 }, 2 }, { { 0x0f, 0xba, 0xe1, 3 }, 4 },
		{ { 0x0f, 0x1f, 0x44, 0x00, 0x00 }, 5 },
	};
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	paging_on(&guest);
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		for (unsigned missing = 0; missing < cases[n].length; missing++) {
			struct outcome got;
			uint32_t at = HOLE - cases[n].length + missing;

			at_privilege(&guest, 0);
			set(&guest, CBX_RBX, DATA_AT);
			set(&guest, CBX_RIP, at);
			poke_bytes(&guest, at, cases[n].bytes, cases[n].length - missing);
			got = step(&guest);
			EXPECT(&guest, "end of a page", got, missing ? PF : NONE, 0);
			if (missing)
				assert_int_equal(reg(&guest, CBX_CR2), HOLE);
			else
				assert_int_equal(reg(&guest, CBX_RIP), HOLE);
		}
	}
	guest_free(&guest);
}

/* ---- Faults in the middle ---------------------------------------------------------------------------- */

/* What user code at privilege 3 can see, except what the frame holds. */
struct seen {
	uint64_t registers[CBX_REGISTER_COUNT];
	uint8_t below[4096], above[4096];       /* the pages around the hole */
};

static void look(struct guest *guest, struct seen *seen)
{
	for (unsigned n = 0; n < CBX_REGISTER_COUNT; n++)
		seen->registers[n] = reg(guest, n);
	assert_int_equal(cbx_memory_read(guest->machine, HOLE - 4096, seen->below, 4096), CBX_OK);
	assert_int_equal(cbx_memory_read(guest->machine, HOLE_END, seen->above, 4096), CBX_OK);
}

static bool changes_in_a_fault(unsigned which)
{
	return which == CBX_RSP || which == CBX_RIP || which == CBX_RFLAGS || which == CBX_CR2 ||
	       (which >= CBX_ES && which < CBX_GDTR_BASE && (which - CBX_ES) % 8 <= 2 &&
		(which - CBX_ES) % 8 >= 1);
}

struct half {
	const char *bytes;
	unsigned count, before;         /* EBX and ESI lie this many bytes before the hole */
	unsigned error;                 /* of the page fault: 4 read, 6 write */
};
#define HALF(bytes, before, error) { bytes, sizeof(bytes) - 1, before, error }

static void check_fault(struct guest *guest, const struct half *h, uint32_t address)
{
	static struct seen before, after;
	struct outcome got;
	uint32_t esp = (uint32_t)reg(guest, CBX_RSP), stack, dead = 0;

	poke_bytes(guest, CODE_AT, h->bytes, h->count);
	look(guest, &before);
	got = step(guest);
	look(guest, &after);
	stack = (uint32_t)reg(guest, CBX_RSP);
	if (got.vector != PF || got.error != h->error || after.registers[CBX_CR2] != address ||
	    got.eip != CODE_AT || peek(guest, stack + 16, 4) != esp ||
	    ((got.eflags ^ before.registers[CBX_RFLAGS]) & 0xfd7)) {
		print_error("%02x %02x %02x: vector %d error %u cr2 %x eip %x esp %x flags %x\n",
			    (uint8_t)h->bytes[0], (uint8_t)h->bytes[1], (uint8_t)h->bytes[2], got.vector,
			    got.error, (unsigned)after.registers[CBX_CR2], got.eip,
			    peek(guest, stack + 16, 4), got.eflags);
		fail();
	}
	for (unsigned n = 0; n < CBX_REGISTER_COUNT; n++) {
		if (changes_in_a_fault(n) || before.registers[n] == after.registers[n])
			continue;
		print_error("%02x %02x %02x changed register %u (%s)\n", (uint8_t)h->bytes[0],
			    (uint8_t)h->bytes[1], (uint8_t)h->bytes[2], n, cbx_register_name(n));
		fail();
	}
	/* What lies below ESP is nobody's: some of a frame may be there. */
	if (esp > HOLE_END && esp < HOLE_END + 4096)
		dead = esp - HOLE_END;
	if (memcmp(before.below, after.below, 4096) ||
	    memcmp(before.above + dead, after.above + dead, 4096 - dead)) {
		print_error("%02x %02x %02x changed memory\n", (uint8_t)h->bytes[0],
			    (uint8_t)h->bytes[1], (uint8_t)h->bytes[2]);
		fail();
	}
}

static void prepare(struct guest *guest)
{
	guest_new(guest, NULL);
	paging_on(guest);
	for (unsigned n = 0; n < 4096; n += 4) {
		poke(guest, HOLE - 4096 + n, 4, 0x3fc01234 + n);
		poke(guest, HOLE_END + n, 4, 0x40091230 + n);
	}
}

static void ready(struct guest *guest)
{
	at_privilege(guest, 3);
	for (unsigned n = 0; n < 6; n++)
		if (n != 1 && n != 2)
			load_segment(guest, n, DATA3);
	set(guest, CBX_RAX, 0x3fc01234);
	set(guest, CBX_RCX, 3);
	set(guest, CBX_RDX, 0x12345678);
	set(guest, CBX_RBP, STACK3 - 0x80);
	set(guest, CBX_RDI, DATA_AT);
	set(guest, CBX_RFLAGS, 0x8d7);
	set(guest, CBX_FCW, 0x37f);
	set(guest, CBX_FSW, 6 << 11);
	set(guest, CBX_FTW, 0x0fff);
	for (unsigned n = 0; n < 8; n++) {
		set(guest, CBX_FR0 + n, UINT64_C(0xc000000000000000));
		set(guest, CBX_FR0_EXPONENT + n, 0x3fff);
	}
}

static void crossing_operands(void **state)
{
	static const struct half cases[] = {
		HALF("\x89\x03", 3, 6), HALF("\x66\x89\x03", 1, 6), HALF("\xc7\x03\x01\x02\x03\x04", 1, 6),
		HALF("\x01\x03", 2, 6), HALF("\x11\x03", 2, 6), HALF("\x29\x03", 1, 6), HALF("\x31\x03", 1, 6),
		HALF("\x83\x03\x01", 2, 6), HALF("\xff\x03", 2, 6), HALF("\xf7\x13", 3, 6),
		HALF("\xf7\x1b", 3, 6), HALF("\xd1\x23", 3, 6), HALF("\xd3\x03", 3, 6), HALF("\xd1\x13", 3, 6),
		HALF("\x87\x03", 2, 6), HALF("\x0f\xb1\x13", 2, 6), HALF("\x0f\xc1\x03", 2, 6),
		HALF("\x0f\xc7\x0b", 4, 6), HALF("\x0f\xc7\x0b", 1, 6), HALF("\x0f\xab\x0b", 2, 6),
		HALF("\x0f\xba\x33\x01", 2, 6), HALF("\x0f\xa4\x03\x04", 2, 6), HALF("\x0f\xad\x03", 2, 6),
		HALF("\x0f\x01\x03", 2, 6), HALF("\x0f\x01\x0b", 4, 6), HALF("\x8f\x03", 2, 6),
		HALF("\x0f\x95\x03", 0, 6), HALF("\x8c\x1b", 1, 6),
		HALF("\x03\x03", 2, 4), HALF("\x8b\x03", 1, 4), HALF("\x3b\x03", 1, 4), HALF("\xf7\x33", 2, 4),
		HALF("\xf7\x23", 2, 4), HALF("\x0f\xaf\x03", 2, 4), HALF("\x0f\xbe\x03", 0, 4),
		HALF("\x0f\xb7\x03", 1, 4), HALF("\x0f\x44\x03", 2, 4), HALF("\x0f\xbc\x03", 2, 4),
		HALF("\xff\x33", 2, 4), HALF("\xff\x13", 2, 4), HALF("\xff\x23", 2, 4), HALF("\xff\x1b", 4, 4),
		HALF("\xff\x2b", 4, 4), HALF("\xc4\x03", 4, 4), HALF("\xc5\x03", 2, 4),
		HALF("\x0f\xb2\x03", 4, 4), HALF("\x62\x03", 4, 4), HALF("\x8e\x1b", 1, 4),
		/* x87: stores pop only when they are done, loads change nothing before they are. */
		HALF("\xd9\x13", 2, 6), HALF("\xd9\x1b", 2, 6), HALF("\xdd\x13", 4, 6), HALF("\xdd\x1b", 4, 6),
		HALF("\xdb\x3b", 8, 6), HALF("\xdb\x3b", 1, 6), HALF("\xdf\x33", 8, 6), HALF("\xdf\x33", 1, 6),
		HALF("\xdb\x1b", 2, 6), HALF("\xdf\x1b", 1, 6), HALF("\xdf\x3b", 4, 6),
		HALF("\xd9\x3b", 1, 6), HALF("\xdd\x3b", 1, 6), HALF("\xd9\x33", 14, 6), HALF("\xd9\x33", 27, 6),
		HALF("\xdd\x33", 28, 6), HALF("\xdd\x33", 64, 6), HALF("\xdd\x33", 107, 6),
		HALF("\x66\xdd\x33", 93, 6), HALF("\x66\xd9\x33", 13, 6), HALF("\x0f\xae\x03", 256, 6),
		HALF("\x0f\xae\x03", 16, 6),
		HALF("\xd9\x03", 2, 4), HALF("\xdd\x03", 4, 4), HALF("\xdb\x2b", 8, 4), HALF("\xdf\x23", 8, 4),
		HALF("\xdf\x2b", 4, 4), HALF("\xd8\x03", 2, 4), HALF("\xdc\x33", 4, 4), HALF("\xde\x03", 1, 4),
		HALF("\xd9\x2b", 1, 4), HALF("\xd9\x23", 14, 4), HALF("\xd9\x23", 27, 4), HALF("\xdd\x23", 28, 4),
		HALF("\xdd\x23", 107, 4), HALF("\x66\xdd\x23", 93, 4), HALF("\x66\xd9\x23", 13, 4),
		HALF("\x0f\xae\x0b", 256, 4), HALF("\x0f\xae\x0b", 16, 4),
	};
	struct guest guest;

	(void)state;
	prepare(&guest);
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		ready(&guest);
		set(&guest, CBX_RBX, HOLE - cases[n].before);
		check_fault(&guest, &cases[n], HOLE);
	}
	guest_free(&guest);
}

/* Pushes that run down into the hole and pops that run up into it. */
static void crossing_stacks(void **state)
{
	static const struct half down[] = {
		HALF("\x50", 2, 6), HALF("\x68\x01\x02\x03\x04", 1, 6), HALF("\x9c", 3, 6), HALF("\x0e", 3, 6),
		HALF("\x60", 16, 6), HALF("\x60", 30, 6), HALF("\x66\x60", 9, 6), HALF("\xe8\x10\x00\x00\x00", 2, 6),
		HALF("\x9a\x00\x00\x02\x00\x1b\x00", 6, 6), HALF("\x9a\x00\x00\x02\x00\x1b\x00", 4, 6),
		HALF("\xc8\x10\x00\x00", 2, 6), HALF("\xc8\x10\x00\x03", 8, 6), HALF("\xff\x37", 2, 6),
		HALF("\xff\xd0", 2, 6),
	};
	static const struct half up[] = {
		HALF("\x58", 2, 4), HALF("\x9d", 2, 4), HALF("\x61", 16, 4), HALF("\x61", 31, 4),
		HALF("\x66\x61", 9, 4), HALF("\xc3", 2, 4), HALF("\xc2\x10\x00", 2, 4), HALF("\xcb", 4, 4),
		HALF("\xca\x08\x00", 6, 4), HALF("\xcf", 8, 4), HALF("\xcf", 4, 4), HALF("\x1f", 2, 4),
		HALF("\x8f\x07", 2, 4),
	};
	struct guest guest;

	(void)state;
	prepare(&guest);
	for (size_t n = 0; n < sizeof(down) / sizeof(down[0]); n++) {
		uint32_t esp = HOLE_END + down[n].before, at = esp;

		ready(&guest);
		set(&guest, CBX_RSP, esp);
		while (at >= HOLE_END)
			at -= down[n].bytes[0] == 0x66 ? 2 : 4;
		check_fault(&guest, &down[n], at);
	}
	for (size_t n = 0; n < sizeof(up) / sizeof(up[0]); n++) {
		uint32_t esp = HOLE - up[n].before;

		ready(&guest);
		set(&guest, CBX_RSP, esp);
		check_fault(&guest, &up[n], HOLE);
	}
	/* LEAVE pops from where EBP is. */
	ready(&guest);
	set(&guest, CBX_RBP, HOLE - 2);
	check_fault(&guest, &(struct half)HALF("\xc9", 2, 4), HOLE);
	guest_free(&guest);
}

/* Division: 0, and quotients that do not fit, for every width; AAM 0. */
static void divisions(void **state)
{
	static const struct { const char *code; unsigned count; uint32_t eax, edx, ecx; bool faults; } cases[] = {
		{ "\xf6\xf1", 2, 0xffff, 0, 0, true }, { "\xf6\xf1", 2, 0x200, 0, 2, true },
		{ "\xf6\xf1", 2, 0x1ff, 0, 2, false }, { "\xf6\xf9", 2, 0x8000, 0, 0xff, true },
		{ "\xf6\xf9", 2, 0xff80, 0, 0xff, true }, { "\xf6\xf9", 2, 0xff81, 0, 0xff, false },
		{ "\x66\xf7\xf1", 3, 0, 2, 2, true }, { "\x66\xf7\xf9", 3, 0, 0x8000, 0xffff, true },
		{ "\x66\xf7\xf9", 3, 0x8000, 0xffff, 0xffff, true },
		{ "\xf7\xf1", 2, 0, 0, 0, true }, { "\xf7\xf1", 2, 0, 5, 5, true },
		{ "\xf7\xf1", 2, 0xffffffff, 4, 5, false }, { "\xf7\xf9", 2, 0, 0x80000000, 0xffffffff, true },
		{ "\xf7\xf9", 2, 0x80000000, 0xffffffff, 0xffffffff, true },
		{ "\xf7\xf9", 2, 0x80000001, 0xffffffff, 0xffffffff, false },
		{ "\xd4\x00", 2, 0x1234, 0, 0, true }, { "\xd4\x01", 2, 0x1234, 0, 0, false },
	};
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct outcome got;

		at_privilege(&guest, 0);
		set(&guest, CBX_RAX, cases[n].eax);
		set(&guest, CBX_RDX, cases[n].edx);
		set(&guest, CBX_RCX, cases[n].ecx);
		got = run(&guest, cases[n].code, cases[n].count);
		EXPECT(&guest, "division", got, cases[n].faults ? 0 : NONE, 0);
		if (cases[n].faults) {
			assert_int_equal(reg(&guest, CBX_RAX), cases[n].eax);
			assert_int_equal(reg(&guest, CBX_RDX), cases[n].edx);
			assert_int_equal(got.eip, CODE_AT);
		}
	}
	guest_free(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lock_prefix), cmocka_unit_test(instruction_length),
		cmocka_unit_test(last_bytes_of_a_page), cmocka_unit_test(crossing_operands),
		cmocka_unit_test(crossing_stacks), cmocka_unit_test(divisions),
	};

	return cmocka_run_group_tests_name("hostile code", tests, NULL, NULL);
}
