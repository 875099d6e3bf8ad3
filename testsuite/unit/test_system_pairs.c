/*
 * What an optimiser of straight code may get wrong: random loops of the commonest instructions, in
 * 32-bit and 64-bit mode, with accesses that fault, cross pages and change the code, and instructions
 * that do nothing between them.  Machines that run them in large pieces, in pieces that end again and
 * again at the same places, with tiny caches, and one instruction at a time end in the same state.
 *
 * usage: test_system_pairs [FIRST_SEED COUNT]
 */
#include <clearbox/clearbox.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MEMORY = 1 << 20, IDT_AT = 0x2000, TABLES_AT = 0x10000, PAGES_AT = 0x13000, CODE_AT = 0x20000,
	SUBROUTINE_AT = 0x21000, HANDLER_AT = 0x22000, DATA_AT = 0x30000, STACK_AT = 0x40000,
	STEPS = 6000, MACHINES = 4
};

static uint32_t random_state;
static bool wide;

static uint32_t random_number(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % below;
}

static uint8_t memory[MEMORY];
static uint32_t at;                     /* where the next bytes of code go */

static void put(uint32_t where, unsigned width, uint32_t value)
{
	for (unsigned n = 0; n < width; n++)
		memory[where + n] = (uint8_t)(value >> 8 * n);
}

static void emit(unsigned width, uint32_t value)
{
	put(at, width, value);
	at += width;
}

static void emit_bytes(const char *bytes, unsigned count)
{
	memcpy(memory + at, bytes, count);
	at += count;
}
#define EMIT(bytes) emit_bytes(bytes, sizeof(bytes) - 1)

/* REX.W, in 64-bit mode now and then. */
static void emit_width(void)
{
	if (wide && random_number(2))
		emit(1, 0x48);
}

/* Any register but ESP. */
static unsigned any_register(void)
{
	unsigned n = random_number(7);

	return n < 4 ? n : n + 1;
}

static void emit_registers(void)
{
	emit(1, 0xc0 | any_register() << 3 | any_register());
}

/* [EBX, EBP, ESI or EDI + displacement]. */
static void emit_memory(unsigned middle)
{
	static const uint8_t bases[] = { 3, 5, 6, 7 };

	emit(1, 0x40 | middle << 3 | bases[random_number(4)]);
	emit(1, random_number(32) ? random_number(128) & ~3u : random_number(256));
}

/* A pointer: mostly to data, at times to the code, the end of a page or nowhere. */
static void emit_pointer(void)
{
	static const uint8_t opcodes[] = { 0xbb, 0xbd, 0xbe, 0xbf };
	uint32_t kind = random_number(24), to = DATA_AT + random_number(0x8000);

	if (kind == 0)
		to = CODE_AT + random_number(0x400);
	else if (kind < 3)
		to = DATA_AT + 0x1000 * random_number(8) - 1 - random_number(8);
	else if (kind < 6)
		to = random_number(0xffffffff);
	emit(1, opcodes[random_number(4)]);
	emit(4, to);
}

static void emit_instruction(void)
{
	static const uint8_t loads[] = { 0x8b, 0x89, 0x8d }, moves[] = { 0x89, 0x8b, 0x31, 0x01, 0x29, 0x21 };
	uint32_t offset;

	switch (random_number(17)) {
	case 0: case 1: case 2: case 3:
		emit_width();
		emit(1, loads[random_number(3)]);
		emit_memory(any_register());
		break;
	case 4: case 5:
		emit_width();
		emit(1, moves[random_number(6)]);
		emit_registers();
		break;
	case 6:
		emit(1, 0x50 | random_number(8));
		break;
	case 7:
		emit(1, 0x58 | any_register());
		break;
	case 8:                         /* MOV [m], imm */
		emit_width();
		emit(1, 0xc7);
		emit_memory(0);
		emit(4, random_number(0xffffffff));
		break;
	case 9:
		emit_pointer();
		break;
	case 10:
		emit(2, random_number(2) ? 0xb60f : 0xb70f);
		emit_memory(any_register());
		break;
	case 11:                        /* TEST or CMP, and a branch over what may be nothing */
		emit_width();
		emit(1, random_number(2) ? 0x85 : 0x39);
		emit_registers();
		emit(1, 0x70 | random_number(16));
		offset = random_number(3);
		emit(1, offset);
		for (; offset; offset--)
			EMIT("\x90");
		break;
	case 12:                        /* ADD, AND, SUB, CMP of an immediate */
		emit_width();
		emit(1, 0x83);
		emit(1, 0xc0 | (random_number(8) & 5) << 3 | any_register());
		emit(1, random_number(256));
		break;
	case 13: case 14:
		switch (random_number(4)) {
		case 0: EMIT("\x90"); break;
		case 1: EMIT("\x0f\x1f\x40\x00"); break;
		case 2: EMIT("\xf3\x0f\x1e\xfa"); break;
		default: EMIT("\x0f\x1f\x84\x00\x00\x00\x00\x00"); break;
		}
		break;
	case 15:                        /* LEA with an index */
		emit_width();
		emit(1, 0x8d);
		emit(1, 0x04 | any_register() << 3);
		emit(1, random_number(4) << 6 | any_register() << 3 | 3);
		break;
	default:
		emit(1, 0xe8);
		emit(4, SUBROUTINE_AT - at - 4);
		break;
	}
}

static void make_memory(void)
{
	unsigned level = 0;

	memset(memory, 0, sizeof memory);
	for (uint32_t n = DATA_AT; n < STACK_AT + 0x4000; n++)
		memory[n] = (uint8_t)random_number(256);
	/* Page tables: the machine's memory at 0, some pages of data missing or read-only. */
	if (wide)
		for (; level < 3; level++)
			put(TABLES_AT + 0x1000 * level, 4, (TABLES_AT + 0x1000 * (level + 1)) | 7);
	else
		put(TABLES_AT, 4, PAGES_AT | 7);
	for (uint32_t n = 0; n < MEMORY >> 12; n++) {
		bool data = n >= DATA_AT >> 12 && n < STACK_AT >> 12;

		put(PAGES_AT + (wide ? 8 : 4) * n, 4, n << 12 | (!data || random_number(6) ? 7 : random_number(8)));
	}
	for (unsigned vector = 12; vector < 15; vector++) {
		put(IDT_AT + (wide ? 16 : 8) * vector, 4, 8 << 16 | (HANDLER_AT & 0xffff));
		put(IDT_AT + (wide ? 16 : 8) * vector + 4, 4, (HANDLER_AT & 0xffff0000u) | 0x8e00);
	}
	put(0x1008, 4, 0x0000ffff), put(0x100c, 4, wide ? 0x00af9b00 : 0x00cf9b00);
	put(0x1010, 4, 0x0000ffff), put(0x1014, 4, 0x00cf9300);
	/* Good pointers, and once more. */
	at = HANDLER_AT;
	EMIT("\xbb\x00\x01\x03\x00\xbd\x00\x02\x03\x00\xbe\x00\x13\x03\x00\xbf\xfc\x1f\x03\x00");
	if (wide)
		EMIT("\x48\x83\xc4\x08\x48\xcf");
	else
		EMIT("\x83\xc4\x04\xcf");
	at = SUBROUTINE_AT;             /* PUSH EBP; MOV EBP, ESP; PUSH EBX; ...; POP EBX; LEAVE; RET */
	EMIT("\x55\x89\xe5\x53\x31\xc0\x40\x5b\xc9\xc3");
	at = CODE_AT;
	EMIT("\xbc\x00\x38\x04\x00");   /* MOV ESP, STACK_AT + 3800h */
	for (unsigned n = 20 + random_number(150); n; n--)
		emit_instruction();
	emit(1, 0xe9);
	emit(4, CODE_AT - at - 4);
}

static void set(struct cbx_machine *machine, enum cbx_register which, uint64_t value)
{
	if (cbx_register_write(machine, which, value) != CBX_OK)
		exit(1);
}

static struct cbx_machine *make_machine(unsigned kind)
{
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = MEMORY,
					       .small_caches = kind == 2, .single_step_blocks = kind == 3 };
	struct cbx_machine *machine;

	if (cbx_machine_new(&options, &machine, NULL) != CBX_OK)
		exit(1);
	cbx_memory_write(machine, 0, memory, MEMORY);
	set(machine, CBX_GDTR_BASE, 0x1000), set(machine, CBX_GDTR_LIMIT, 0xff);
	set(machine, CBX_IDTR_BASE, IDT_AT), set(machine, CBX_IDTR_LIMIT, 0x7ff);
	for (unsigned n = 0; n < 6; n++) {
		set(machine, CBX_ES + n, n == 1 ? 8 : 0x10);
		set(machine, CBX_ES_BASE + n, 0);
		set(machine, CBX_ES_LIMIT + n, 0xffffffff);
		set(machine, CBX_ES_ATTRIBUTES + n, n == 1 ? 0xc09b : 0xc093);
	}
	set(machine, CBX_CR3, TABLES_AT);
	set(machine, CBX_CR4, wide ? 0x20 : 0);
	if (wide)
		set(machine, CBX_EFER, 0x500);
	set(machine, CBX_CR0, 0x80010011);
	if (wide)
		set(machine, CBX_CS_ATTRIBUTES, 0xa09b);
	set(machine, CBX_RBX, DATA_AT), set(machine, CBX_RBP, DATA_AT + 0x100);
	set(machine, CBX_RSI, DATA_AT + 0x1ff0), set(machine, CBX_RDI, DATA_AT + 0x2000);
	set(machine, CBX_RIP, CODE_AT), set(machine, CBX_RFLAGS, 2);
	return machine;
}

/* Runs so many instructions, in pieces of this size or (0) of random ones; false: stopped for good. */
static bool advance(struct cbx_machine *machine, uint64_t instructions, unsigned piece, uint32_t *seed)
{
	while (instructions) {
		struct cbx_run_options options = { .size = sizeof(options), .stop_on_triple_fault = true };
		struct cbx_stop stop;

		*seed = *seed * 1664525 + 1013904223;
		options.instructions = piece ? piece : 1 + (*seed >> 8) % 2000;
		if (options.instructions > instructions)
			options.instructions = instructions;
		if (cbx_run(machine, &options, &stop) != CBX_OK)
			exit(1);
		instructions -= stop.instructions;
		if (stop.reason != CBX_STOP_LIMIT)
			return false;
	}
	return true;
}

static void show(struct cbx_machine **machines)
{
	for (unsigned n = 0; n < CBX_REGISTER_COUNT; n++) {
		uint64_t value[MACHINES];

		for (unsigned k = 0; k < MACHINES; k++)
			cbx_register_read(machines[k], n, &value[k]);
		for (unsigned k = 1; k < MACHINES; k++)
			if (value[0] != value[k])
				printf("  %s: %llx, in machine %u %llx\n", cbx_register_name(n),
				       (unsigned long long)value[0], k, (unsigned long long)value[k]);
	}
}

static uint64_t stopped_early;

static bool one_seed(uint32_t seed)
{
	struct cbx_machine *machines[MACHINES];
	uint32_t pieces = seed;
	bool same = true, on = true;

	random_state = seed * 2654435761u + 1;
	wide = seed & 1;
	make_memory();
	for (unsigned k = 0; k < MACHINES; k++)
		machines[k] = make_machine(k);
	for (unsigned done = 0; done < STEPS && on && same; done += STEPS / 4) {
		uint64_t hash = 0;
		bool goes_on = false;

		for (unsigned k = 0; k < MACHINES; k++) {
			bool other_on = advance(machines[k], STEPS / 4, k == 1 ? 5 + seed % 67 : 0, &pieces);
			uint64_t other = cbx_state_hash(machines[k]);

			if (k == 0) {
				hash = other;
				goes_on = other_on;
			}
			same = same && hash == other && goes_on == other_on;
		}
		on = goes_on;
		stopped_early += !on;
	}
	if (!same) {
		printf("# seed %u:\n", seed);
		show(machines);
	}
	for (unsigned k = 0; k < MACHINES; k++)
		cbx_machine_free(machines[k]);
	return same;
}

int main(int argc, char **argv)
{
	uint32_t first = argc > 2 ? (uint32_t)strtoul(argv[1], NULL, 0) : 1;
	uint32_t count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 400, failed = 0;

	printf("1..1\n");
	for (uint32_t seed = first; seed < first + count && failed < 3; seed++)
		failed += !one_seed(seed);
	printf("# %u of %u programs stopped early\n", (unsigned)stopped_early, count);
	printf("%sok 1 - the same whatever the pieces\n", failed ? "not " : "");
	return failed != 0;
}
