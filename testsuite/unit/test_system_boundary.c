/*
 * What happens between instructions: interrupts and their shadows, NMI, HLT, interrupts
 * between the iterations of REP.
 */
#include "system_guest.h"

#include <clearbox/device.h>
#include <string.h>

enum { VECTOR = 0x30, IF = 0x200, RF = 0x10000, INTR = 1, NMI_PIN = 2, NMI = 2 };

/*
 * A device on ports 100h (bit 0: INTR, bit 1: NMI) and 101h, which raises INTR at the
 * read that takes countdown to 0.  INTR falls when it is acknowledged.
 */
struct pins_state {
	uint32_t countdown, reads;
};

struct pins {
	struct cbx_device device;
	struct pins_state state;
};

static uint64_t pins_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct pins *pins = (struct pins *)device;

	(void)offset, (void)width;
	pins->state.reads++;
	if (pins->state.countdown && --pins->state.countdown == 0)
		cbx_cpu_set_intr(device, true);
	return 0x5a;
}

static void pins_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	(void)width;
	if (offset)
		return;
	cbx_cpu_set_intr(device, value & INTR);
	cbx_cpu_set_nmi(device, value & NMI_PIN);
}

static uint8_t pins_acknowledge(struct cbx_device *device)
{
	cbx_cpu_set_intr(device, false);
	return VECTOR;
}

static void pins_fire(struct cbx_device *device, unsigned number)
{
	(void)number;
	cbx_cpu_set_intr(device, true);
}

static const struct cbx_field pins_fields[] = {
	CBX_FIELD(struct pins_state, countdown), CBX_FIELD(struct pins_state, reads), CBX_FIELD_END
};
static const struct cbx_device_type pins_type = {
	.name = "pins", .version = 1, .size = sizeof(struct pins),
	.state_offset = offsetof(struct pins, state), .state_size = sizeof(struct pins_state), .fields = pins_fields,
};
static const struct cbx_io pins_io = { .widths = 1, .read = pins_read, .write = pins_write };

struct board {
	struct guest guest;
	struct pins *pins;
	struct cbx_timer *timer;
};

static void board_new(struct board *board)
{
	struct cbx_device *device;
	static const char nops[] = "\x90\x90\x90\x90\x90\x90\x90\x90";

	guest_new(&board->guest, NULL);
	assert_int_equal(cbx_device_new(board->guest.machine, &pins_type, &device), CBX_OK);
	board->pins = (struct pins *)device;
	assert_int_equal(cbx_ports_map(device, 0x100, 2, &pins_io), CBX_OK);
	assert_int_equal(cbx_timer_new(device, "timer", pins_fire, 0, &board->timer), CBX_OK);
	cbx_cpu_connect_inta(device, pins_acknowledge);
	poke_bytes(&board->guest, HANDLERS + 16 * VECTOR, nops, 8);
	poke_bytes(&board->guest, HANDLERS + 16 * NMI, nops, 8);
	set(&board->guest, CBX_RDX, 0x100);
}

static void pin(struct board *board, unsigned value)
{
	pins_write(&board->pins->device, 0, value, 1);
}

/* Has the handler just run its first instruction?  Then where it was interrupted, else 0. */
static uint32_t interrupted(struct board *board, unsigned vector)
{
	if (reg(&board->guest, CBX_RIP) != HANDLERS + 16 * vector + 1)
		return 0;
	return peek(&board->guest, reg(&board->guest, CBX_RSP), 4);
}

/*
 * INTR is up all the time and IF is clear at first.  How many bytes of code run before
 * the interrupt comes?
 */
static void shadows(void **state)
{
	static const struct {
		const char *name, *code;
		unsigned size, flags, before;
	} cases[] = {
		{ "enabled already", "\x90\x90\x90", 3, IF, 0 },
		{ "STI", "\x90\xfb\x90\x90", 4, 0, 3 },
		{ "STI; STI: no second shadow", "\xfb\xfb\x90\x90", 4, 0, 2 },
		{ "STI; CLI", "\xfb\xfa\x90\xfb\x90\x90", 6, 0, 5 },
		{ "STI; MOV SS adds one more", "\xfb\x8e\xd0\x90\x90", 5, 0, 4 },
		{ "STI; HLT wakes at once", "\xfb\xf4\x90", 3, 0, 2 },
		{ "POPF has no shadow", "\x9d\x90\x90", 3, 0, 1 },
		{ "STI; INT3 faults are no reason", "\xfb\x90\xcc", 3, 0, 2 },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct board board;
		uint32_t at = 0;

		board_new(&board);
		set(&board.guest, CBX_RAX, DATA0);
		set(&board.guest, CBX_RFLAGS, cases[n].flags | 2);
		poke(&board.guest, reg(&board.guest, CBX_RSP), 4, IF | 2);
		poke_bytes(&board.guest, CODE_AT, cases[n].code, cases[n].size);
		pin(&board, INTR);
		for (unsigned k = 0; k < 8 && !at; k++) {
			step(&board.guest);
			at = interrupted(&board, VECTOR);
		}
		if (at != CODE_AT + cases[n].before)
			fail_msg("%s: interrupted at %#x", cases[n].name, at);
		guest_free(&board.guest);
	}
}

/* What is delivered in a shadow ends it: the handler's first instruction has none. */
static void trap_in_the_shadow(void **state)
{
	static const char nops[] = "\x90\x90\x90\x90";
	struct board board;
	uint32_t at = 0;

	(void)state;
	board_new(&board);
	idt_gate(&board.guest, DB, CODE0, HANDLERS + 16 * DB, 0x8f);
	poke_bytes(&board.guest, HANDLERS + 16 * DB, nops, 4);
	poke_bytes(&board.guest, CODE_AT, "\xfb\x90\x90", 3);
	set(&board.guest, CBX_RFLAGS, 0x100 | 2);               /* TF */
	pin(&board, INTR);
	for (unsigned k = 0; k < 4 && !at; k++) {
		step(&board.guest);
		at = interrupted(&board, VECTOR);
	}
	assert_int_equal(at, HANDLERS + 16 * DB);
	guest_free(&board.guest);
}

/* MOV SS and POP SS hold off one instruction, but not two in a row for ever. */
static void stack_segment_shadow(void **state)
{
	struct board board;

	(void)state;
	board_new(&board);
	set(&board.guest, CBX_RAX, DATA0);
	set(&board.guest, CBX_RFLAGS, 2);
	poke_bytes(&board.guest, CODE_AT, "\x8e\xd0\x90\x90", 4);
	step(&board.guest);
	set(&board.guest, CBX_RFLAGS, IF | 2);
	pin(&board, INTR);
	step(&board.guest);
	assert_int_equal(reg(&board.guest, CBX_RIP), CODE_AT + 3);
	step(&board.guest);
	assert_int_equal(interrupted(&board, VECTOR), CODE_AT + 3);
	guest_free(&board.guest);
}

/* The whole thing at full speed: the device raises INTR in the middle of a block. */
static void at_full_speed(void **state)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 6 };
	struct cbx_stop stop;
	struct board board;

	(void)state;
	board_new(&board);
	set(&board.guest, CBX_RAX, INTR);
	/* out dx, al; sti; inc ecx; inc ecx: the interrupt comes after the first INC. */
	poke_bytes(&board.guest, CODE_AT, "\x90\xee\xfb\x41\x41\x41", 6);
	set(&board.guest, CBX_RCX, 0);
	assert_int_equal(cbx_run(board.guest.machine, &options, &stop), CBX_OK);
	assert_int_equal(reg(&board.guest, CBX_RCX), 1);
	assert_int_equal(reg(&board.guest, CBX_RIP), HANDLERS + 16 * VECTOR + 2);
	assert_int_equal(peek(&board.guest, reg(&board.guest, CBX_RSP), 4), CODE_AT + 4);
	guest_free(&board.guest);
}

/* A timer due exactly after STI: the shadow still holds for one instruction. */
static void timer_in_the_shadow(void **state)
{
	(void)state;
	for (unsigned due = 1; due < 6; due++) {
		struct cbx_run_options options = { .size = sizeof(options), .instructions = 8 };
		struct cbx_stop stop;
		struct board board;

		board_new(&board);
		set(&board.guest, CBX_RFLAGS, 2);
		poke_bytes(&board.guest, CODE_AT, "\x90\xfb\x90\x90\x90\x90\x90\x90\x90", 9);
		cbx_timer_set(board.timer, cbx_time(&board.pins->device) + 10 * due);
		assert_int_equal(cbx_run(board.guest.machine, &options, &stop), CBX_OK);
		assert_int_equal(peek(&board.guest, reg(&board.guest, CBX_RSP), 4),
				 CODE_AT + (due < 3 ? 3 : due));
		guest_free(&board.guest);
	}
}

static void halt(void **state)
{
	struct board board;

	(void)state;
	board_new(&board);
	set(&board.guest, CBX_RFLAGS, IF | 2);
	poke_bytes(&board.guest, CODE_AT, "\xf4\x90", 2);
	cbx_timer_set(board.timer, cbx_time(&board.pins->device) + 1000000);
	step(&board.guest);
	assert_int_equal(reg(&board.guest, CBX_RIP), CODE_AT + 1);
	step(&board.guest);
	assert_int_equal(interrupted(&board, VECTOR), CODE_AT + 1);
	assert_in_range(cbx_time(&board.pins->device), 1000000, 1000100);
	guest_free(&board.guest);
}

/* NMI: whatever IF is; blocked until IRET, even one that faults. */
static void nmi(void **state)
{
	struct board board;

	(void)state;
	for (unsigned faults = 0; faults < 2; faults++) {
		board_new(&board);
		poke_bytes(&board.guest, HANDLERS + 16 * NMI, "\x90\x90\x90\xcf", 4);
		set(&board.guest, CBX_RFLAGS, 2);
		poke_bytes(&board.guest, CODE_AT, "\x90\x90\x90\x90", 4);
		pin(&board, NMI_PIN);
		step(&board.guest);
		assert_int_equal(interrupted(&board, NMI), CODE_AT);
		pin(&board, 0);
		pin(&board, NMI_PIN);   /* a second one has to wait */
		step(&board.guest);
		step(&board.guest);
		assert_int_equal(reg(&board.guest, CBX_RIP), HANDLERS + 16 * NMI + 3);
		if (faults)
			poke(&board.guest, reg(&board.guest, CBX_RSP) + 4, 4, 0);
		step(&board.guest);
		assert_int_equal(reg(&board.guest, CBX_RIP), faults ? HANDLERS + 16 * GP : CODE_AT);
		step(&board.guest);
		assert_int_equal(interrupted(&board, NMI), faults ? HANDLERS + 16 * GP : CODE_AT);
		guest_free(&board.guest);
	}
}

/* NMI first, then INTR: both are delivered, NMI's handler is interrupted when it sets IF. */
static void nmi_before_intr(void **state)
{
	struct board board;

	(void)state;
	board_new(&board);
	set(&board.guest, CBX_RFLAGS, IF | 2);
	poke_bytes(&board.guest, CODE_AT, "\x90\x90", 2);
	pin(&board, NMI_PIN | INTR);
	step(&board.guest);
	assert_int_equal(interrupted(&board, NMI), CODE_AT);
	guest_free(&board.guest);
}

/* An interrupt between the iterations of REP: CX says what is left, RF is in the image. */
static void inside_rep(void **state)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 6 };
	struct cbx_stop stop;
	struct board board;

	(void)state;
	board_new(&board);
	set(&board.guest, CBX_RFLAGS, IF | 2);
	set(&board.guest, CBX_RCX, 100);
	set(&board.guest, CBX_RDI, DATA_AT);
	set(&board.guest, CBX_RDX, 0x101);
	poke_bytes(&board.guest, CODE_AT, "\xf3\x6c\x90", 3);
	board.pins->state.countdown = 5;
	assert_int_equal(cbx_run(board.guest.machine, &options, &stop), CBX_OK);
	assert_int_equal(interrupted(&board, VECTOR), CODE_AT);
	assert_int_equal(peek(&board.guest, reg(&board.guest, CBX_RSP) + 8, 4), RF | IF | 2);
	assert_int_equal(reg(&board.guest, CBX_RCX), 95);
	assert_int_equal(reg(&board.guest, CBX_RDI), DATA_AT + 5);
	assert_int_equal(board.pins->state.reads, 5);
	/* Back to finish the rest; the last iteration leaves no RF behind. */
	poke(&board.guest, HANDLERS + 16 * VECTOR + 1, 1, 0xcf);
	options.instructions = 96;
	assert_int_equal(cbx_run(board.guest.machine, &options, &stop), CBX_OK);
	assert_int_equal(reg(&board.guest, CBX_RIP), CODE_AT + 2);
	assert_int_equal(reg(&board.guest, CBX_RCX), 0);
	assert_int_equal(reg(&board.guest, CBX_RFLAGS), IF | 2);
	assert_int_equal(board.pins->state.reads, 100);
	guest_free(&board.guest);

	/* The same with a timer and plain memory: exactly at the iteration when it is due. */
	board_new(&board);
	set(&board.guest, CBX_RFLAGS, IF | 2);
	set(&board.guest, CBX_RCX, 10000);
	set(&board.guest, CBX_RDI, DATA_AT);
	poke_bytes(&board.guest, CODE_AT, "\xf3\xaa\x90", 3);
	cbx_timer_set(board.timer, cbx_time(&board.pins->device) + 10 * 1234);
	options.instructions = 1235;
	assert_int_equal(cbx_run(board.guest.machine, &options, &stop), CBX_OK);
	assert_int_equal(interrupted(&board, VECTOR), CODE_AT);
	assert_int_equal(reg(&board.guest, CBX_RCX), 10000 - 1234);
	assert_int_equal(reg(&board.guest, CBX_RDI), DATA_AT + 1234);
	guest_free(&board.guest);
}

/* An instruction breakpoint on a REP is met once, not at each iteration. */
static void breakpoint_on_rep(void **state)
{
	struct board board;
	struct outcome got;

	(void)state;
	board_new(&board);
	poke(&board.guest, HANDLERS + 16 * DB, 1, 0xcf);
	set(&board.guest, CBX_RCX, 3);
	set(&board.guest, CBX_RDI, DATA_AT);
	set(&board.guest, CBX_DR0, CODE_AT);
	set(&board.guest, CBX_DR7, 0x402);
	poke_bytes(&board.guest, CODE_AT, "\xf3\xaa\x90", 3);
	got = step(&board.guest);
	assert_int_equal(got.vector, DB);
	poke(&board.guest, reg(&board.guest, CBX_RSP) + 8, 4, RF | 2);
	step(&board.guest);
	for (unsigned n = 2; n + 1 > 0; n--) {
		got = step(&board.guest);
		assert_int_equal(got.vector, NONE);
		assert_int_equal(reg(&board.guest, CBX_RCX), n);
	}
	assert_int_equal(reg(&board.guest, CBX_RIP), CODE_AT + 2);
	guest_free(&board.guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shadows), cmocka_unit_test(stack_segment_shadow),
		cmocka_unit_test(at_full_speed), cmocka_unit_test(timer_in_the_shadow),
		cmocka_unit_test(trap_in_the_shadow), cmocka_unit_test(halt), cmocka_unit_test(nmi), cmocka_unit_test(nmi_before_intr),
		cmocka_unit_test(inside_rep), cmocka_unit_test(breakpoint_on_rep),
	};

	return cmocka_run_group_tests_name("instruction boundaries", tests, NULL, NULL);
}
