/*
 * Breakpoints, watchpoints and hooks of a bare machine, by the public headers alone: each kind,
 * each action, filters, adding and removing inside hooks, and stepping back and forth over them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <clearbox/clearbox.h>

enum { CODE = 0x500, DATA = 0x2000, STACK = 0x400 };

static struct cbx_machine *new_machine(const void *code, size_t size)
{
	static const enum cbx_register zero[] = { CBX_CS, CBX_CS_BASE, CBX_SS_BASE, CBX_DS_BASE, CBX_ES_BASE };
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 1 << 20 };
	struct cbx_machine *machine;
	struct cbx_error error;

	assert_int_equal(cbx_machine_new(&options, &machine, &error), CBX_OK);
	for (unsigned n = 0; n < sizeof(zero) / sizeof(zero[0]); n++)
		assert_int_equal(cbx_register_write(machine, zero[n], 0), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, CODE, code, size), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_RIP, CODE), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_RSP, STACK), CBX_OK);
	return machine;
}
#define MACHINE(code) new_machine(code, sizeof(code) - 1)

static uint64_t get(struct cbx_machine *machine, enum cbx_register which)
{
	uint64_t value = 0;

	assert_int_equal(cbx_register_read(machine, which, &value), CBX_OK);
	return value;
}

static uint8_t byte_at(struct cbx_machine *machine, uint64_t address)
{
	uint8_t value = 0;

	assert_int_equal(cbx_memory_read(machine, address, &value, 1), CBX_OK);
	return value;
}

static struct cbx_stop run(struct cbx_machine *machine, uint64_t instructions)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = instructions,
					   .stop_on_triple_fault = true };
	struct cbx_stop stop;

	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	return stop;
}

/* ---- Breakpoints ------------------------------------------------------------------------------ */

/* A loop of three: inc ax; mov [2000h], ax; jmp */
static const char loop[] = "\x40\xa3\x00\x20\xeb\xfa";

static unsigned add_breakpoint(struct cbx_machine *machine, enum cbx_breakpoint_kind kind, uint64_t address,
			       uint64_t length, bool physical)
{
	struct cbx_breakpoint b = { .size = sizeof(b), .kind = kind, .address = address,
				    .length = length, .physical = physical };
	unsigned id = 0;

	assert_int_equal(cbx_breakpoint_add(machine, &b, &id), CBX_OK);
	assert_int_not_equal(id, 0);
	return id;
}

static void test_breakpoint(void **state)
{
	struct cbx_machine *machine = MACHINE(loop);
	unsigned id = add_breakpoint(machine, CBX_BREAK_EXECUTE, CODE + 1, 0, false), other;
	struct cbx_stop stop = run(machine, 1000);

	(void)state;
	assert_int_equal(stop.reason, CBX_STOP_BREAKPOINT);
	assert_int_equal(stop.id, id);
	assert_int_equal(stop.rip, CODE + 1);
	assert_int_equal(stop.instructions, 1);
	/* On it goes, once around. */
	stop = run(machine, 1000);
	assert_int_equal(stop.reason, CBX_STOP_BREAKPOINT);
	assert_int_equal(stop.instructions, 3);
	assert_int_equal(get(machine, CBX_RAX), 2);
	/* A step does not meet it where it begins, and does where it would go. */
	assert_int_equal(cbx_step(machine, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	assert_int_equal(stop.instructions, 1);
	other = add_breakpoint(machine, CBX_BREAK_EXECUTE, CODE, 0, true);
	stop = run(machine, 1000);
	assert_int_equal(stop.id, other);
	assert_int_equal(stop.instructions, 1);
	assert_int_equal(cbx_breakpoint_remove(machine, id), CBX_OK);
	assert_int_equal(cbx_breakpoint_remove(machine, id), CBX_ERROR_ARGUMENT);
	stop = run(machine, 3000);
	assert_int_equal(stop.id, other);
	assert_int_equal(cbx_breakpoint_remove(machine, other), CBX_OK);
	stop = run(machine, 3000);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	assert_int_equal(stop.instructions, 3000);
	cbx_machine_free(machine);
}

static bool every_fifth(void *user, struct cbx_machine *machine)
{
	unsigned *calls = user;

	++*calls;
	return get(machine, CBX_RAX) % 5 == 0;
}

static void test_condition(void **state)
{
	struct cbx_machine *machine = MACHINE(loop);
	unsigned calls = 0, id;
	struct cbx_breakpoint b = { .size = sizeof(b), .address = CODE + 4, .condition = every_fifth,
				    .user = &calls };
	struct cbx_stop stop;

	(void)state;
	assert_int_equal(cbx_breakpoint_add(machine, &b, &id), CBX_OK);
	stop = run(machine, 1000);
	assert_int_equal(stop.reason, CBX_STOP_BREAKPOINT);
	assert_int_equal(calls, 5);
	assert_int_equal(get(machine, CBX_RAX), 5);
	assert_int_equal(stop.instructions, 14);
	cbx_machine_free(machine);
}

/* The same bytes under two code segments are two places. */
static void test_real_mode_aliases(void **state)
{
	/* inc ax; jmp 10h:400h | at 500h again: inc ax; jmp far ... */
	static const char code[] = "\x40\xea\x00\x04\x10\x00";
	struct cbx_machine *machine = MACHINE(code);
	struct cbx_stop stop;

	(void)state;
	run(machine, 2);
	assert_int_equal(get(machine, CBX_CS), 0x10);
	assert_int_equal(get(machine, CBX_RIP), 0x400);
	add_breakpoint(machine, CBX_BREAK_EXECUTE, CODE + 1, 0, false);
	stop = run(machine, 100);
	assert_int_equal(stop.reason, CBX_STOP_BREAKPOINT);
	assert_int_equal(stop.rip, 0x401);
	assert_int_equal(stop.cs_base, 0x100);
	cbx_machine_free(machine);
}

static void test_watchpoints(void **state)
{
	/* 500: inc ax  501: mov bx, [2002h]  505: add [2004h], ax  509: mov [1fffh], ax  50c: nop; jmp 500 */
	static const char code[] = "\x40\x8b\x1e\x02\x20\x01\x06\x04\x20\xa3\xff\x1f\x90\xeb\xf1";
	static const struct {
		enum cbx_breakpoint_kind kind;
		uint64_t address, length, count, at, rip;
		bool write;
	} table[] = {
		{ CBX_BREAK_READ, 0x2002, 2, 2, 0x2002, 0x501, false },
		{ CBX_BREAK_READ, 0x2003, 1, 2, 0x2003, 0x501, false },
		{ CBX_BREAK_WRITE, 0x2002, 2, 0, 0, 0, false },         /* nobody writes there */
		{ CBX_BREAK_WRITE, 0x2004, 4, 3, 0x2004, 0x505, true },
		{ CBX_BREAK_READ, 0x2005, 1, 3, 0x2005, 0x505, false },
		{ CBX_BREAK_ACCESS, 0x2002, 2, 2, 0x2002, 0x501, false },
		{ CBX_BREAK_WRITE, 0x2000, 1, 4, 0x2000, 0x509, true }, /* the second page of a crossing */
		{ CBX_BREAK_WRITE, 0x1fff, 1, 4, 0x1fff, 0x509, true },
		{ CBX_BREAK_WRITE, 0x1ff0, 0xf, 0, 0, 0, false },
	};

	(void)state;
	for (unsigned physical = 0; physical < 2; physical++)
		for (unsigned n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
			struct cbx_machine *machine = MACHINE(code);
			unsigned id = add_breakpoint(machine, table[n].kind, table[n].address,
						     table[n].length, physical);
			struct cbx_stop stop = run(machine, 60);

			if (!table[n].count) {
				assert_int_equal(stop.reason, CBX_STOP_LIMIT);
			} else {
				assert_int_equal(stop.reason, CBX_STOP_WATCHPOINT);
				assert_int_equal(stop.id, id);
				assert_int_equal(stop.instructions, table[n].count);
				assert_int_equal(stop.address, table[n].at);
				assert_int_equal(stop.access_rip, table[n].rip);
				assert_int_equal(stop.write, table[n].write);
				stop = run(machine, 60);        /* and again, one time around */
				assert_int_equal(stop.instructions, 6);
			}
			cbx_machine_free(machine);
		}
}

static void test_watch_repeated(void **state)
{
	/* mov cx, 100; mov di, 2000h; rep stosb; hlt */
	static const char code[] = "\xb9\x64\x00\xbf\x00\x20\xf3\xaa\xf4";
	struct cbx_machine *machine = MACHINE(code);
	struct cbx_stop stop;

	(void)state;
	add_breakpoint(machine, CBX_BREAK_WRITE, DATA + 40, 2, false);
	add_breakpoint(machine, CBX_BREAK_EXECUTE, CODE + 6, 0, false);
	stop = run(machine, 1000);
	assert_int_equal(stop.reason, CBX_STOP_BREAKPOINT);
	for (unsigned n = 0; n < 2; n++) {
		stop = run(machine, 1000);
		assert_int_equal(stop.reason, CBX_STOP_WATCHPOINT);
		assert_int_equal(get(machine, CBX_RCX), 59 - n);
	}
	/* The breakpoint on the REP was met once; the run that begins inside does not meet it again. */
	stop = run(machine, 1000);
	assert_int_equal(stop.reason, CBX_STOP_HALTED);
	assert_int_equal(cbx_instruction_count(machine), 103);
	cbx_machine_free(machine);
}

/* After the last linear address comes 0: an access may be on both sides. */
static void test_watch_wraps(void **state)
{
	/* mov [0], eax; mov eax, [0]; hlt, and DS begins two bytes before the end */
	static const char code[] = "\x66\xa3\x00\x00\x66\xa1\x00\x00\xf4";
	struct cbx_machine *machine = MACHINE(code);
	struct cbx_stop stop;

	(void)state;
	assert_int_equal(cbx_register_write(machine, CBX_DS_BASE, 0xfffffffe), CBX_OK);
	add_breakpoint(machine, CBX_BREAK_WRITE, 1, 1, false);
	add_breakpoint(machine, CBX_BREAK_READ, 0, 1, false);
	add_breakpoint(machine, CBX_BREAK_ACCESS, 2, 4, false);
	stop = run(machine, 10);
	assert_int_equal(stop.reason, CBX_STOP_WATCHPOINT);
	assert_int_equal(stop.instructions, 1);
	assert_int_equal(stop.address, 1);
	stop = run(machine, 10);
	assert_int_equal(stop.reason, CBX_STOP_WATCHPOINT);
	assert_int_equal(stop.instructions, 1);
	assert_int_equal(stop.address, 0);
	assert_int_equal(run(machine, 10).reason, CBX_STOP_HALTED);
	cbx_machine_free(machine);
}

/* ---- Halted, and RIP is written --------------------------------------------------------------- */

static void test_rip_wakes(void **state)
{
	/* 500: hlt; inc ax; hlt.  510: int3 (no handler can run: the IDT is empty); inc cx; hlt */
	static const char code[] = "\xf4\x40\xf4\0\0\0\0\0\0\0\0\0\0\0\0\0\xcc\x41\xf4";
	struct cbx_machine *machine = MACHINE(code);

	(void)state;
	assert_int_equal(run(machine, 10).reason, CBX_STOP_HALTED);
	assert_int_equal(run(machine, 10).instructions, 0);
	assert_int_equal(cbx_register_write(machine, CBX_RAX, 7), CBX_OK);      /* others do not wake it */
	assert_int_equal(run(machine, 10).instructions, 0);
	assert_int_equal(cbx_register_write(machine, CBX_RIP, get(machine, CBX_RIP)), CBX_OK);
	assert_int_equal(run(machine, 10).instructions, 2);
	assert_int_equal(get(machine, CBX_RAX), 8);
	/* A step from a halt. */
	assert_int_equal(cbx_register_write(machine, CBX_RIP, CODE + 1), CBX_OK);
	assert_int_equal(cbx_step(machine, NULL), CBX_OK);
	assert_int_equal(get(machine, CBX_RAX), 9);
	assert_int_equal(get(machine, CBX_RIP), CODE + 2);
	/* Shut down by a triple fault. */
	assert_int_equal(cbx_register_write(machine, CBX_IDTR_LIMIT, 0), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_RIP, CODE + 16), CBX_OK);
	assert_int_equal(run(machine, 10).reason, CBX_STOP_TRIPLE_FAULT);
	assert_int_equal(cbx_register_write(machine, CBX_RIP, CODE + 17), CBX_OK);
	assert_int_equal(run(machine, 10).instructions, 2);
	assert_int_equal(get(machine, CBX_RCX), 1);
	/* A reset of the halted processor. */
	cbx_machine_reset(machine);
	assert_int_equal(run(machine, 1).instructions, 1);
	cbx_machine_free(machine);
}

static void test_rip_wakes_again(void **state)
{
	static const char code[] = "\xf4\x40\xf4";
	struct cbx_machine *machine = MACHINE(code);
	uint64_t hash;

	(void)state;
	assert_int_equal(cbx_history_enable(machine, 8 << 20), CBX_OK);
	assert_int_equal(run(machine, 10).reason, CBX_STOP_HALTED);
	assert_int_equal(cbx_register_write(machine, CBX_RIP, CODE + 1), CBX_OK);
	assert_int_equal(run(machine, 1).instructions, 1);
	hash = cbx_state_hash(machine);
	assert_int_equal(cbx_rewind_to(machine, 0), CBX_OK);
	assert_int_equal(get(machine, CBX_RAX), 0);
	assert_int_equal(cbx_rewind_to(machine, 2), CBX_OK);
	assert_int_equal(get(machine, CBX_RAX), 1);
	assert_int_equal(cbx_state_hash(machine), hash);
	cbx_machine_free(machine);
}

static enum cbx_hook_action away_from_hlt(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	if (!*(const bool *)user) {
		event->jump_rip = CODE + 1;
		return CBX_HOOK_JUMP;
	}
	assert_int_equal(cbx_register_write(machine, CBX_RIP, CODE + 1), CBX_OK);
	return CBX_HOOK_CONTINUE;
}

static void test_hook_sets_rip_at_hlt(void **state)
{
	static const char code[] = "\xf4\x40\xeb\xfd";        /* hlt; inc ax; jmp to the inc */

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		struct cbx_machine *machine = MACHINE(code);
		bool write = n;
		struct cbx_hook hook = { .size = sizeof(hook), .kind = CBX_HOOK_HLT, .call = away_from_hlt,
					 .user = &write };
		unsigned id;

		assert_int_equal(cbx_hook_add(machine, &hook, &id), CBX_OK);
		assert_int_equal(run(machine, 8).reason, CBX_STOP_LIMIT);
		assert_int_equal(get(machine, CBX_RAX), 4);
		cbx_machine_free(machine);
	}
}

static void test_bad_breakpoints(void **state)
{
	struct cbx_machine *machine = MACHINE(loop);
	struct cbx_breakpoint b = { .size = sizeof(b) };
	unsigned id;

	(void)state;
	assert_int_equal(cbx_breakpoint_add(NULL, &b, &id), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_breakpoint_add(machine, NULL, &id), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_breakpoint_add(machine, &b, NULL), CBX_ERROR_ARGUMENT);
	b.size = 0;
	assert_int_equal(cbx_breakpoint_add(machine, &b, &id), CBX_ERROR_ARGUMENT);
	b.size = sizeof(b);
	b.kind = (enum cbx_breakpoint_kind)4;
	assert_int_equal(cbx_breakpoint_add(machine, &b, &id), CBX_ERROR_ARGUMENT);
	b.kind = CBX_BREAK_READ;
	b.address = UINT64_MAX;
	b.length = 2;
	assert_int_equal(cbx_breakpoint_add(machine, &b, &id), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_breakpoint_remove(machine, 0), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_breakpoint_remove(NULL, 1), CBX_ERROR_ARGUMENT);
	cbx_machine_free(machine);
}

/* ---- Hooks ---------------------------------------------------------------------------------------- */

struct seen {
	unsigned calls, ids[4];
	struct cbx_event events[64];
	uint64_t counts[64], rips[64];
	uint8_t bytes[8];               /* of the last access */
	enum cbx_hook_action action;    /* given at call number `when` (0: at each) */
	unsigned when;
	void (*also)(struct cbx_machine *machine, struct cbx_event *event, struct seen *seen);
};

static enum cbx_hook_action look(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	struct seen *seen = user;
	unsigned n = seen->calls++;

	if (n < 64) {
		seen->events[n] = *event;
		seen->counts[n] = cbx_instruction_count(machine);
		seen->rips[n] = get(machine, CBX_RIP);
	}
	if (event->bytes)
		memcpy(seen->bytes, event->bytes, event->width < 8 ? event->width : 8);
	if (seen->when && seen->when != seen->calls)
		return CBX_HOOK_CONTINUE;
	if (seen->also)
		seen->also(machine, event, seen);
	return seen->action;
}

static unsigned add_hook(struct cbx_machine *machine, struct cbx_hook hook, struct seen *seen)
{
	unsigned id = 0;

	hook.size = sizeof(hook);
	hook.call = look;
	hook.user = seen;
	assert_int_equal(cbx_hook_add(machine, &hook, &id), CBX_OK);
	assert_int_not_equal(id, 0);
	return id;
}
#define HOOK(machine, seen, ...) add_hook(machine, (struct cbx_hook){ __VA_ARGS__ }, seen)

/* Every instruction is told once, REP iterations and faulting ones included: calls are the count. */
static void test_instruction_hook(void **state)
{
	/* mov cx, 9; mov di, 2000h; rep stosb; cmp ax, 0; jne; ud2 (handler at 600h: hlt) */
	static const char code[] = "\xb9\x09\x00\xbf\x00\x20\xf3\xaa\x83\xf8\x00\x75\x00\x0f\x0b";
	struct cbx_machine *machine = MACHINE(code);
	struct seen seen = { 0 };
	struct cbx_stop stop;

	(void)state;
	assert_int_equal(cbx_memory_write(machine, 6 * 4, "\x00\x06\x00\x00", 4), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x600, "\xf4", 1), CBX_OK);
	HOOK(machine, &seen, .kind = CBX_HOOK_INSTRUCTION);
	stop = run(machine, 1000);
	assert_int_equal(stop.reason, CBX_STOP_HALTED);
	assert_int_equal(seen.calls, cbx_instruction_count(machine));
	assert_int_equal(seen.calls, 15);
	for (unsigned n = 0; n < seen.calls; n++) {
		assert_int_equal(seen.counts[n], n);
		assert_int_equal(seen.rips[n], seen.events[n].rip);
		assert_int_equal(seen.events[n].linear, seen.events[n].rip);
	}
	assert_int_equal(seen.events[2].rip, CODE + 6);
	assert_int_equal(seen.events[10].rip, CODE + 6);
	assert_int_equal(seen.events[13].rip, CODE + 13);
	assert_int_equal(seen.events[14].rip, 0x600);
	cbx_machine_free(machine);
}

/* The flags that a hook reads are those of before, though nobody else would look. */
static void flags_of_two_instructions(struct cbx_machine *machine, struct cbx_event *event, struct seen *seen)
{
	(void)seen;
	if (event->rip == CODE + 3)
		assert_int_equal(get(machine, CBX_RFLAGS) & 0x8d5, 0x55);
	if (event->rip == CODE + 6)
		assert_int_equal(get(machine, CBX_RFLAGS) & 0x8d5, 0x10);
}

static void test_flags_are_exact(void **state)
{
	/* 500: add ax, -1 (ax = 1)  503: add ax, 1 ... */
	static const char code[] = "\x83\xc0\xff\x05\x10\x00\x2d\x01\x00\xf4";
	struct cbx_machine *machine = MACHINE(code);
	struct seen seen = { .also = flags_of_two_instructions };

	(void)state;
	assert_int_equal(cbx_register_write(machine, CBX_RAX, 1), CBX_OK);
	HOOK(machine, &seen, .kind = CBX_HOOK_INSTRUCTION);
	cbx_memory_write(machine, CODE + 3, "\x05\x0f\x00", 3);
	run(machine, 1);
	assert_int_equal(get(machine, CBX_RFLAGS) & 0x8d5, 0x55);
	cbx_machine_free(machine);
}

static void test_blocks_and_branches(void **state)
{
	/* 500: mov cx, 3  503: dec cx  504: jnz 503  506: call 50c  509: hlt  50c: nop; ret */
	static const char code[] = "\xb9\x03\x00\x49\x75\xfd\xe8\x03\x00\xf4\x90\x90\x90\xc3";
	static const uint16_t blocks[] = { 0x503, 0x503, 0x506, 0x50c, 0x509 };
	static const uint16_t branches[][2] = { { 0x504, 0x503 }, { 0x504, 0x503 }, { 0x506, 0x50c },
						{ 0x50d, 0x509 } };
	struct cbx_machine *machine = MACHINE(code);
	struct seen block = { 0 }, branch = { 0 };

	(void)state;
	HOOK(machine, &block, .kind = CBX_HOOK_BLOCK);
	HOOK(machine, &branch, .kind = CBX_HOOK_BRANCH);
	run(machine, 100);
	assert_int_equal(block.calls, 5);
	for (unsigned n = 0; n < block.calls; n++)
		assert_int_equal(block.events[n].rip, blocks[n]);
	assert_int_equal(branch.calls, 4);
	for (unsigned n = 0; n < branch.calls; n++) {
		assert_int_equal(branch.events[n].other, branches[n][0]);
		assert_int_equal(branch.events[n].address, branches[n][1]);
	}
	cbx_machine_free(machine);
}

static void test_actions_on_instructions(void **state)
{
	/* 500: inc ax  501: inc bx  502: inc cx  503: hlt */
	static const char code[] = "\x40\x43\x41\xf4";

	(void)state;
	for (enum cbx_hook_action action = CBX_HOOK_CONTINUE; action <= CBX_HOOK_JUMP; action++) {
		struct cbx_machine *machine = MACHINE(code);
		struct seen seen = { .action = action };
		struct cbx_hook hook = { .size = sizeof(hook), .kind = CBX_HOOK_INSTRUCTION, .first = CODE + 1,
					 .last = CODE + 1, .call = look, .user = &seen };
		struct cbx_stop stop;
		unsigned id;

		cbx_memory_write(machine, 13 * 4, "\x00\x06\x00\x00", 4);
		cbx_memory_write(machine, 0x600, "\xf4", 1);
		assert_int_equal(cbx_hook_add(machine, &hook, &id), CBX_OK);
		if (action == CBX_HOOK_JUMP || action == CBX_HOOK_RAISE) {
			cbx_machine_free(machine);
			continue;       /* they need a word in the event: below */
		}
		stop = run(machine, 100);
		if (action == CBX_HOOK_STOP) {
			assert_int_equal(stop.reason, CBX_STOP_HOOK);
			assert_int_equal(stop.id, id);
			assert_int_equal(stop.rip, CODE + 1);
			assert_int_equal(get(machine, CBX_RBX), 0);
			stop = run(machine, 100);
			assert_int_equal(seen.calls, 1);
		}
		assert_int_equal(stop.reason, CBX_STOP_HALTED);
		assert_int_equal(get(machine, CBX_RAX), 1);
		assert_int_equal(get(machine, CBX_RBX), action == CBX_HOOK_SKIP ? 0 : 1);
		assert_int_equal(get(machine, CBX_RCX), 1);
		assert_int_equal(cbx_instruction_count(machine), 4);
		cbx_machine_free(machine);
	}
}

static void jump_to_hlt(struct cbx_machine *machine, struct cbx_event *event, struct seen *seen)
{
	(void)machine;
	(void)seen;
	event->jump_rip = CODE + 3;
	event->raise_vector = 13;
}

static void write_rip(struct cbx_machine *machine, struct cbx_event *event, struct seen *seen)
{
	(void)event;
	(void)seen;
	assert_int_equal(cbx_register_write(machine, CBX_RIP, CODE + 3), CBX_OK);
}

static void test_jump_and_raise(void **state)
{
	static const char code[] = "\x40\x43\x41\xf4";

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		struct cbx_machine *machine = MACHINE(code);
		struct seen seen = { .action = n == 0 ? CBX_HOOK_JUMP : n == 1 ? CBX_HOOK_RAISE : CBX_HOOK_CONTINUE,
				     .also = n == 2 ? write_rip : jump_to_hlt };
		struct cbx_exception exception;

		cbx_memory_write(machine, 13 * 4, "\x00\x06\x00\x00", 4);
		cbx_memory_write(machine, 0x600, "\xf4", 1);
		HOOK(machine, &seen, .kind = CBX_HOOK_INSTRUCTION, .first = CODE + 1, .last = CODE + 1);
		assert_int_equal(cbx_exception_read(machine, 0, &exception), CBX_ERROR_ARGUMENT);
		assert_int_equal(run(machine, 100).reason, CBX_STOP_HALTED);
		assert_int_equal(get(machine, CBX_RBX), 0);
		assert_int_equal(get(machine, CBX_RCX), 0);
		assert_int_equal(get(machine, CBX_RIP), n == 1 ? 0x601 : CODE + 4);
		if (n == 1) {
			assert_int_equal(byte_at(machine, STACK - 6), 0x01);    /* of this instruction */
			assert_int_equal(cbx_exception_read(machine, 0, &exception), CBX_OK);
			assert_int_equal(exception.vector, 13);
			assert_int_equal(exception.rip, CODE + 1);
		}
		cbx_machine_free(machine);
	}
}

/* ---- Data ------------------------------------------------------------------------------------------ */

static void change_bytes(struct cbx_machine *machine, struct cbx_event *event, struct seen *seen)
{
	(void)machine;
	(void)seen;
	event->bytes[0] = 0x77;
	event->raise_vector = 13;
}

static void test_data_hooks(void **state)
{
	/* mov ax, 1234h; mov [2000h], ax; mov bx, [2000h]; hlt */
	static const char code[] = "\xb8\x34\x12\xa3\x00\x20\x8b\x1e\x00\x20\xf4";
	static const struct {
		bool write, after;
		enum cbx_hook_action action;
		bool change;
		uint16_t memory, bx;
	} table[] = {
		{ true, false, CBX_HOOK_CONTINUE, false, 0x1234, 0x1234 },
		{ true, true, CBX_HOOK_CONTINUE, false, 0x1234, 0x1234 },
		{ false, false, CBX_HOOK_CONTINUE, false, 0x1234, 0x1234 },
		{ false, true, CBX_HOOK_CONTINUE, false, 0x1234, 0x1234 },
		{ true, false, CBX_HOOK_CONTINUE, true, 0x1277, 0x1277 },
		{ true, false, CBX_HOOK_SKIP, false, 0, 0 },
		{ false, false, CBX_HOOK_SKIP, true, 0x1234, 0x0077 },
		{ false, true, CBX_HOOK_CONTINUE, true, 0x1234, 0x1277 },
		{ true, false, CBX_HOOK_RAISE, true, 0, 0 },
		{ false, false, CBX_HOOK_RAISE, true, 0x1234, 0 },
		{ false, true, CBX_HOOK_RAISE, false, 0x1234, 0x1234 },
		{ true, false, CBX_HOOK_STOP, false, 0x1234, 0x1234 },
		{ false, true, CBX_HOOK_STOP, false, 0x1234, 0x1234 },
	};

	(void)state;
	for (unsigned physical = 0; physical < 2; physical++)
		for (unsigned n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
			struct cbx_machine *machine = MACHINE(code);
			struct seen seen = { .action = table[n].action,
					     .also = table[n].change ? change_bytes : NULL };
			struct cbx_stop stop;

			cbx_memory_write(machine, 13 * 4, "\x00\x06\x00\x00", 4);
			cbx_memory_write(machine, 0, "\x00\x06\x00\x00", 4);
			cbx_memory_write(machine, 0x600, "\xf4", 1);
			HOOK(machine, &seen, .kind = table[n].write ? CBX_HOOK_WRITE : CBX_HOOK_READ,
			     .after = table[n].after, .physical = physical, .first = DATA, .last = DATA + 1);
			stop = run(machine, 100);
			if (table[n].action == CBX_HOOK_STOP) {
				assert_int_equal(stop.reason, CBX_STOP_HOOK);
				assert_int_equal(stop.instructions, table[n].write ? 2 : 3);
				stop = run(machine, 100);
			}
			assert_int_equal(stop.reason, CBX_STOP_HALTED);
			assert_int_equal(seen.calls, 1);
			assert_int_equal(seen.events[0].address, DATA);
			assert_int_equal(seen.events[0].other, DATA);
			assert_int_equal(seen.events[0].width, 2);
			assert_int_equal(seen.rips[0], table[n].write ? CODE + 3 : CODE + 6);
			assert_int_equal(seen.counts[0], table[n].write ? 1 : 2);
			assert_int_equal(byte_at(machine, DATA) | byte_at(machine, DATA + 1) << 8,
					 table[n].memory);
			assert_int_equal(get(machine, CBX_RBX), table[n].bx);
			cbx_machine_free(machine);
		}
}

/* What an instruction reads and writes in one go is told as both. */
static void test_modify(void **state)
{
	/* add byte [2000h], 5; hlt */
	static const char code[] = "\x80\x06\x00\x20\x05\xf4";
	struct cbx_machine *machine = MACHINE(code);
	struct seen read = { 0 }, write = { 0 };

	(void)state;
	cbx_memory_write(machine, DATA, "\x10", 1);
	HOOK(machine, &read, .kind = CBX_HOOK_READ, .after = true);
	HOOK(machine, &write, .kind = CBX_HOOK_WRITE);
	run(machine, 100);
	assert_int_equal(read.calls, 1);
	assert_int_equal(write.calls, 1);
	assert_int_equal(read.bytes[0], 0x10);
	assert_int_equal(write.bytes[0], 0x15);
	assert_int_equal(write.rips[0], CODE);
	cbx_machine_free(machine);
}

/* ---- Ports, system instructions, interrupts ------------------------------------------------------------ */

static void give_value(struct cbx_machine *machine, struct cbx_event *event, struct seen *seen)
{
	(void)machine;
	(void)seen;
	event->value = 0x5a;
}

static void test_port_hooks(void **state)
{
	/* in al, 60h; mov ah, al; out 61h, al; hlt */
	static const char code[] = "\xe4\x60\x88\xc4\xe6\x61\xf4";
	struct cbx_machine *machine = MACHINE(code);
	struct seen in = { .action = CBX_HOOK_SKIP, .also = give_value }, out = { 0 }, none = { 0 };

	(void)state;
	HOOK(machine, &in, .kind = CBX_HOOK_PORT_READ, .first = 0x60, .last = 0x60);
	HOOK(machine, &out, .kind = CBX_HOOK_PORT_WRITE, .after = true);
	HOOK(machine, &none, .kind = CBX_HOOK_PORT_WRITE, .first = 0x62, .last = 0x70);
	run(machine, 100);
	assert_int_equal(get(machine, CBX_RAX), 0x5a5a);
	assert_int_equal(in.calls, 1);
	assert_int_equal(in.rips[0], CODE);
	assert_int_equal(out.calls, 1);
	assert_int_equal(out.events[0].address, 0x61);
	assert_int_equal(out.events[0].value, 0x5a);
	assert_int_equal(out.counts[0], 2);
	assert_int_equal(none.calls, 0);
	cbx_machine_free(machine);
}

static void test_mmio_hooks(void **state)
{
	/* mov ax, f000h; mov ds, ax; mov al, [0]; mov [1], ah; hlt: nothing is above 640 KiB here */
	static const char code[] = "\xb8\x00\xf0\x8e\xd8\xa0\x00\x00\x88\x26\x01\x00\xf4";
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 0xa0000 };
	struct seen in = { .action = CBX_HOOK_SKIP, .also = give_value }, out = { 0 };
	struct cbx_machine *machine;

	(void)state;
	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	cbx_memory_write(machine, CODE, code, sizeof(code) - 1);
	cbx_register_write(machine, CBX_CS, 0);
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RIP, CODE);
	HOOK(machine, &in, .kind = CBX_HOOK_MMIO_READ);
	HOOK(machine, &out, .kind = CBX_HOOK_MMIO_WRITE);
	run(machine, 100);
	assert_int_equal(get(machine, CBX_RAX) & 0xff, 0x5a);
	assert_int_equal(in.calls, 1);
	assert_int_equal(in.events[0].address, 0xf0000);
	assert_int_equal(out.calls, 1);
	assert_int_equal(out.events[0].value, 0xf0);
	assert_int_equal(out.events[0].address, 0xf0001);
	cbx_machine_free(machine);
}

static void own_cpuid(struct cbx_machine *machine, struct cbx_event *event, struct seen *seen)
{
	(void)seen;
	(void)event;
	cbx_register_write(machine, CBX_RBX, 0x12345678);
}

static void test_system_hooks(void **state)
{
	/*
	 * mov eax, 1; cpuid; rdtsc; mov eax, cr0; or al, 2; mov cr0, eax; mov ecx, 1bh; rdmsr; wrmsr;
	 * rdrand eax; clts; hlt
	 */
	static const char code[] = "\x66\xb8\x01\x00\x00\x00\x0f\xa2\x0f\x31\x0f\x20\xc0\x0c\x02\x0f\x22\xc0"
				   "\x66\xb9\x1b\x00\x00\x00\x0f\x32\x0f\x30\x66\x0f\xc7\xf0\x0f\x06\xf4";
	static const enum cbx_hook_kind kinds[] = { CBX_HOOK_CPUID, CBX_HOOK_RDTSC, CBX_HOOK_CONTROL_WRITE,
						    CBX_HOOK_MSR_READ, CBX_HOOK_MSR_WRITE, CBX_HOOK_RDRAND,
						    CBX_HOOK_HLT };
	struct cbx_machine *machine = MACHINE(code);
	struct seen seen[7] = { { 0 } };

	(void)state;
	seen[0].action = CBX_HOOK_SKIP;
	seen[0].also = own_cpuid;
	for (unsigned n = 0; n < 7; n++)
		HOOK(machine, &seen[n], .kind = kinds[n]);
	assert_int_equal(run(machine, 100).reason, CBX_STOP_HALTED);
	for (unsigned n = 0; n < 7; n++)
		assert_int_equal(seen[n].calls, n == 2 ? 2 : 1);
	assert_int_equal(get(machine, CBX_RBX), 0x12345678);
	assert_int_equal(seen[0].events[0].address, 1);
	assert_int_equal(seen[2].events[0].address, 0);
	assert_int_equal(seen[2].events[0].value & 0xff, 0x12);
	assert_int_equal(seen[3].events[0].address, 0x1b);
	assert_int_equal(seen[4].events[0].address, 0x1b);
	cbx_machine_free(machine);
}

static void test_interrupt_hooks(void **state)
{
	/* 500: int 30h  502: div byte [3000h] (of 0)  506: hlt; 600: iret */
	static const char code[] = "\xcd\x30\xf6\x36\x00\x30\xf4";

	(void)state;
	for (unsigned skip = 0; skip < 2; skip++) {
		struct cbx_machine *machine = MACHINE(code);
		struct seen interrupt = { .action = skip ? CBX_HOOK_SKIP : CBX_HOOK_CONTINUE };
		struct seen exception = { .action = CBX_HOOK_STOP };
		struct cbx_stop stop;

		cbx_memory_write(machine, 0x30 * 4, "\x00\x06\x00\x00", 4);
		cbx_memory_write(machine, 0x600, "\xcf", 1);
		HOOK(machine, &interrupt, .kind = CBX_HOOK_INTERRUPT);
		HOOK(machine, &exception, .kind = CBX_HOOK_EXCEPTION);
		cbx_memory_write(machine, 0, "\x00\x07\x00\x00", 4);
		stop = run(machine, 100);
		assert_int_equal(stop.reason, CBX_STOP_HOOK);
		assert_int_equal(stop.rip, 0x700);
		assert_int_equal(stop.instructions, skip ? 2 : 3);
		assert_int_equal(interrupt.calls, 1);
		assert_int_equal(interrupt.events[0].address, 0x30);
		assert_true(interrupt.events[0].software);
		assert_int_equal(interrupt.rips[0], CODE);
		assert_int_equal(exception.events[0].address, 0);
		assert_int_equal(exception.events[0].rip, CODE + 2);
		cbx_machine_free(machine);
	}
}

/* ---- The list ------------------------------------------------------------------------------------------ */

static void remove_first_two(struct cbx_machine *machine, struct cbx_event *event, struct seen *seen)
{
	assert_int_equal(event->id, seen->ids[0]);
	assert_int_equal(cbx_hook_remove(machine, seen->ids[0]), CBX_OK);
	assert_int_equal(cbx_hook_remove(machine, seen->ids[1]), CBX_OK);
	HOOK(machine, seen, .kind = CBX_HOOK_HLT);
	seen->also = NULL;
}

static void test_change_inside(void **state)
{
	struct cbx_machine *machine = MACHINE("\x40\x40\x40\x40\xf4");
	struct seen first = { .also = remove_first_two }, second = { 0 };

	(void)state;
	first.ids[0] = HOOK(machine, &first, .kind = CBX_HOOK_INSTRUCTION);
	first.ids[1] = HOOK(machine, &second, .kind = CBX_HOOK_INSTRUCTION);
	run(machine, 100);
	assert_int_equal(first.calls, 2);       /* the first INC, and the HLT */
	assert_int_equal(second.calls, 0);      /* removed before its turn */
	assert_int_equal(get(machine, CBX_RAX), 4);
	assert_int_equal(first.events[1].kind, CBX_HOOK_HLT);
	cbx_machine_free(machine);
}

static void run_again(struct cbx_machine *machine, struct cbx_event *event, struct seen *seen)
{
	void *data;
	size_t size;

	(void)event;
	(void)seen;
	assert_int_equal(cbx_run(machine, NULL, NULL), CBX_ERROR_STATE);
	assert_int_equal(cbx_snapshot_save(machine, &data, &size), CBX_ERROR_STATE);
}

/* Code that a hook writes is the code that runs. */
static void write_code(struct cbx_machine *machine, struct cbx_event *event, struct seen *seen)
{
	run_again(machine, event, seen);
	assert_int_equal(cbx_memory_write(machine, CODE, "\x43\x43", 2), CBX_OK);      /* inc bx */
}

static void test_write_code(void **state)
{
	struct cbx_machine *machine = MACHINE("\x40\x40\xf4");
	struct seen seen = { .also = write_code };

	(void)state;
	HOOK(machine, &seen, .kind = CBX_HOOK_INSTRUCTION, .first = CODE, .last = CODE);
	run(machine, 100);
	assert_int_equal(get(machine, CBX_RAX), 0);
	assert_int_equal(get(machine, CBX_RBX), 2);
	assert_int_equal(seen.calls, 1);
	cbx_machine_free(machine);
}

static void test_filters(void **state)
{
	struct cbx_machine *machine = MACHINE("\x40\x40\xf4");
	struct seen cpl = { 0 }, cr3 = { 0 }, all = { 0 };

	(void)state;
	HOOK(machine, &cpl, .kind = CBX_HOOK_INSTRUCTION, .cpl_mask = 8);
	HOOK(machine, &cr3, .kind = CBX_HOOK_INSTRUCTION, .match_cr3 = true, .cr3 = 0x5000);
	HOOK(machine, &all, .kind = CBX_HOOK_INSTRUCTION, .cpl_mask = 9, .match_cr3 = true);
	run(machine, 100);
	assert_int_equal(cpl.calls, 0);
	assert_int_equal(cr3.calls, 0);
	assert_int_equal(all.calls, 3);
	cbx_machine_free(machine);
}

static void test_bad_hooks(void **state)
{
	struct cbx_machine *machine = MACHINE("\xf4");
	struct cbx_hook hook = { .size = sizeof(hook), .call = look };
	unsigned id;

	(void)state;
	assert_int_equal(cbx_hook_add(NULL, &hook, &id), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_hook_add(machine, NULL, &id), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_hook_add(machine, &hook, NULL), CBX_ERROR_ARGUMENT);
	hook.after = true;
	assert_int_equal(cbx_hook_add(machine, &hook, &id), CBX_ERROR_ARGUMENT);
	hook.after = false;
	hook.first = 1;
	assert_int_equal(cbx_hook_add(machine, &hook, &id), CBX_ERROR_ARGUMENT);
	hook.first = 0;
	hook.kind = CBX_HOOK_KINDS;
	assert_int_equal(cbx_hook_add(machine, &hook, &id), CBX_ERROR_ARGUMENT);
	hook.kind = CBX_HOOK_HLT;
	hook.call = NULL;
	assert_int_equal(cbx_hook_add(machine, &hook, &id), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_hook_remove(machine, 1), CBX_ERROR_ARGUMENT);
	cbx_machine_free(machine);
}

/* ---- The last exceptions ---------------------------------------------------------------------------------- */

/* A hook's stop is not lost when the delivery it looks at ends in a triple fault, which comes next. */
static void test_stop_before_triple_fault(void **state)
{
	struct cbx_machine *machine = MACHINE("\x0f\x01\x1e\x00\x30\x0f\x0b");
	struct seen seen = { .action = CBX_HOOK_STOP };

	(void)state;
	HOOK(machine, &seen, .kind = CBX_HOOK_EXCEPTION, .first = 6, .last = 6);
	assert_int_equal(run(machine, 100).reason, CBX_STOP_HOOK);
	assert_int_equal(run(machine, 100).reason, CBX_STOP_TRIPLE_FAULT);
	cbx_machine_free(machine);
}

static void test_exceptions(void **state)
{
	/* lidt [3000h] (limit 0); ud2 */
	static const char code[] = "\x0f\x01\x1e\x00\x30\x0f\x0b";
	static const uint32_t vectors[] = { 13, 8, 13, 13, 6 }; /* the last first: #UD, #GP for it, for that, #DF */
	struct cbx_machine *machine = MACHINE(code);
	struct cbx_exception exception;

	(void)state;
	assert_int_equal(run(machine, 100).reason, CBX_STOP_TRIPLE_FAULT);
	for (unsigned n = 0; n < 5; n++) {
		assert_int_equal(cbx_exception_read(machine, n, &exception), CBX_OK);
		assert_int_equal(exception.vector, vectors[n]);
		assert_int_equal(exception.in_delivery, n != 4);
		assert_int_equal(exception.rip, CODE + 5);
	}
	assert_int_equal(cbx_exception_read(machine, 5, &exception), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_exception_read(machine, 0, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_exception_read(NULL, 0, &exception), CBX_ERROR_ARGUMENT);
	cbx_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_breakpoint), cmocka_unit_test(test_condition),
		cmocka_unit_test(test_real_mode_aliases), cmocka_unit_test(test_watchpoints),
		cmocka_unit_test(test_watch_repeated), cmocka_unit_test(test_watch_wraps),
		cmocka_unit_test(test_bad_breakpoints),
		cmocka_unit_test(test_instruction_hook), cmocka_unit_test(test_flags_are_exact),
		cmocka_unit_test(test_blocks_and_branches), cmocka_unit_test(test_actions_on_instructions),
		cmocka_unit_test(test_jump_and_raise), cmocka_unit_test(test_data_hooks),
		cmocka_unit_test(test_modify), cmocka_unit_test(test_port_hooks),
		cmocka_unit_test(test_mmio_hooks), cmocka_unit_test(test_system_hooks),
		cmocka_unit_test(test_interrupt_hooks), cmocka_unit_test(test_change_inside),
		cmocka_unit_test(test_write_code), cmocka_unit_test(test_filters),
		cmocka_unit_test(test_bad_hooks), cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_stop_before_triple_fault), cmocka_unit_test(test_rip_wakes),
		cmocka_unit_test(test_rip_wakes_again), cmocka_unit_test(test_hook_sets_rip_at_hlt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
