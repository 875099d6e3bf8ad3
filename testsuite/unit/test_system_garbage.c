/*
 * Guests that make no sense, in all modes: random descriptors, gates, task states and page tables,
 * code made of system instructions with random operands.  Whatever they do, three
 * machines (normal, with tiny caches, with blocks of one instruction), stopped at
 * different places, end in the same state.
 *
 * usage: test_system_garbage [FIRST_SEED COUNT]
 */
#include <clearbox/clearbox.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 1 << 20, CODE_AT = 0x20000, CODE_SIZE = 0x4000, STEPS = 3000, MACHINES = 3 };

static uint32_t random_state;
static bool wide;                       /* this seed's guest is in long mode */

static uint32_t random_number(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % below;
}

static uint8_t memory[MEMORY];

static void put(uint32_t at, unsigned width, uint32_t value)
{
	for (unsigned n = 0; n < width; n++)
		memory[(at + n) % MEMORY] = (uint8_t)(value >> 8 * n);
}

static uint32_t selector(void)
{
	uint32_t value = random_number(24) * 8 + (random_number(3) ? 0 : 3);

	return random_number(8) ? value : random_number(2) ? value | 4 : random_number(0x10000);
}

static uint32_t offset(void)
{
	return random_number(6) ? CODE_AT + random_number(CODE_SIZE) : random_number(MEMORY + 0x1000);
}

static void put_descriptor(uint32_t at, unsigned kind)
{
	static const uint16_t types[] = {
		0xc09b, 0xc093, 0xc0fb, 0xc0f3, 0xc09f, 0x009b, 0x0093, 0x00fb, 0x00f3, 0x4096, 0x4013,
		0x0089, 0x0081, 0x008b, 0x0082, 0x00e9,
	};
	static const uint16_t long_types[] = {
		0xa09b, 0xc093, 0xa0fb, 0xc0f3, 0xa09f, 0xc09b, 0xc0fb, 0xe09b, 0x00f3, 0xa0bb, 0x4013,
		0x0089, 0x0081, 0x008b, 0x0082, 0x009b,
	};
	uint32_t base = random_number(3) ? 0 : random_number(MEMORY), limit = random_number(3) ? 0xfffff :
			random_number(0x100000);
	uint32_t attributes = wide ? long_types[random_number(16)] : types[random_number(16)];

	if (kind == 0 || random_number(3) == 0) {       /* a gate */
		uint32_t to = offset();

		attributes = 0x80 | (random_number(2) ? 0x60 : 0) | random_number(16);
		if (random_number(20) == 0)
			attributes &= 0x7f;
		put(at, 4, selector() << 16 | (to & 0xffff));
		put(at + 4, 4, (to & 0xffff0000u) | attributes << 8 | random_number(4));
		return;
	}
	if (!(attributes & 0x10))
		base = 0x8000 + random_number(16) * 0x80;
	put(at, 4, base << 16 | (limit & 0xffff));
	put(at + 4, 4, (base >> 16 & 0xff) | attributes << 8 | (limit & 0xf0000) | (base & 0xff000000u));
}

static uint32_t put_bytes(uint32_t at, const char *bytes, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		memory[at + n] = (uint8_t)bytes[n];
	return at + count;
}

static uint32_t put_immediate(uint32_t at, unsigned width, uint32_t value)
{
	put(at, width, value);
	return at + width;
}

/* Those of 64-bit mode. */
static uint32_t put_long_instruction(uint32_t at)
{
	static const char codes[][6] = {
		"\x0f\x05", "\x48\x0f\x07", "\x0f\x07", "\x0f\x34", "\x48\x0f\x35", "\x48\xcf", "\x48\xcb",
		"\x0f\x01\xf8", "\x0f\x01\xf9", "\x0f\x01\xd0", "\x0f\x01\xca", "\x0f\x01\xcb", "\xf3\x48\x0f\xae\xc1",
		"\xf3\x48\x0f\xae\xd3", "\x48\x0f\xc7\x0e", "\x0f\x30", "\x0f\x32", "\x48\xff\x2b", "\xff\x1e",
		"\x44\x0f\x20\xc0", "\x44\x0f\x22\xc0", "\x48\x89\x03", "\x48\x8b\x06", "\x64\x48\x8b\x07",
		"\x8e\xd0", "\x8e\xe8", "\x0f\x00\xd8", "\x0f\x00\xd0", "\xcd\x21", "\x66\x0f\x38\x82\x03",
	};
	static const uint32_t high[] = { 0, 0, 0xffff8000, 0x00007fff, 0x00008000, 0xffffffff };
	const char *code;
	unsigned count = 0;

	switch (random_number(6)) {
	case 0:                         /* a register with 64 bits */
		at = put_immediate(at, 1, 0x48 | random_number(2));
		at = put_immediate(at, 1, 0xb8 + random_number(8));
		at = put_immediate(at, 4, offset());
		return put_immediate(at, 4, high[random_number(6)]);
	case 1:                         /* an MSR: EFER, STAR ... GS bases */
		at = put_bytes(at, "\xb9", 1);
		return put_immediate(at, 4, random_number(6) ? 0xc0000080 + random_number(5) + random_number(2) * 0x80 :
				     0x174 + random_number(3));
	case 2:                         /* a frame for IRET */
		for (unsigned n = 0; n < 5; n++) {
			at = put_bytes(at, "\x68", 1);
			at = put_immediate(at, 4, n == 0 || n == 3 ? selector() : n == 1 ? 0x9000 + random_number(0x1000) :
					   n == 2 ? random_number(0x400000) : offset());
		}
		return put_bytes(at, "\x48\xcf", 2);
	default:
		code = codes[random_number(sizeof(codes) / sizeof(codes[0]))];
		while (count < 5 && (code[count] || code[count + 1]))
			count++;
		return put_bytes(at, code, count);
	}
}

/* One instruction, or a few. */
static uint32_t put_instruction(uint32_t at)
{
	static const char plain[][4] = {
		"\x90", "\xfa", "\xfb", "\xf4", "\x9c", "\x9d", "\xcf", "\xcb", "\xcc", "\xce", "\xf1", "\xa4",
		"\xa5", "\xaa", "\xab", "\xac", "\xad", "\xae", "\xa6", "\x6c", "\x6e", "\x60", "\x61", "\x1e",
		"\x1f", "\x06", "\x07", "\x16", "\x17", "\xec", "\xee", "\x40", "\x48", "\xfc", "\xfd", "\xc9",
	};
	static const char two[][4] = {
		"\x0f\x06", "\x0f\x31", "\x0f\xa2", "\x0f\x30", "\x0f\x32", "\x0f\x34", "\x0f\x35", "\x0f\x0b",
		"\x0f\x08", "\xf3\xa4", "\xf3\xab", "\xf3\xa6", "\xf2\xae", "\xf3\xad", "\xf3\x6c", "\xf3\x6f",
		"\x0f\xa0", "\x0f\xa1",
	};
	uint32_t value;

	if (wide && random_number(3) == 0)
		return put_long_instruction(at);
	if (random_number(12) == 0)
		at = put_bytes(at, "\x66", 1);
	if (random_number(20) == 0)
		at = put_bytes(at, "\x67", 1);
	if (wide && random_number(3) == 0)
		at = put_immediate(at, 1, 0x40 | random_number(16));
	switch (random_number(20)) {
	case 16:                        /* arithmetic, and a branch on it */
	case 17:
		at = put_immediate(at, 1, random_number(8) << 3 | random_number(4));
		at = put_immediate(at, 1, random_number(2) ? 0xc0 | random_number(64) : random_number(64));
		at = put_immediate(at, 1, 0x70 | random_number(16));
		return put_immediate(at, 1, random_number(2) ? random_number(32) : 256 - random_number(64));
	case 18:                        /* short forms with a displacement */
		at = put_immediate(at, 1, random_number(2) ? 0x88 + random_number(4) : 0x39 + random_number(3));
		at = put_immediate(at, 1, 0x40 | random_number(64));
		return put_immediate(at, 1, random_number(256));
	case 0:                         /* MOV EAX, selector; MOV Sreg, AX */
	case 1:
		at = put_bytes(at, "\xb8", 1);
		at = put_immediate(at, 4, selector());
		at = put_bytes(at, "\x8e", 1);
		return put_immediate(at, 1, 0xc0 | random_number(8) << 3);
	case 2:                         /* far JMP and CALL */
		at = put_bytes(at, random_number(2) ? "\xea" : "\x9a", 1);
		at = put_immediate(at, 4, offset());
		return put_immediate(at, 2, selector());
	case 3:
		at = put_bytes(at, "\xcd", 1);
		return put_immediate(at, 1, random_number(64));
	case 4:                         /* LAR, LSL, VERR, LLDT, LTR ... */
		at = put_bytes(at, "\xb8", 1);
		at = put_immediate(at, 4, selector());
		value = random_number(3);
		at = put_bytes(at, value == 0 ? "\x0f\x00" : value == 1 ? "\x0f\x02" : "\x0f\x03", 2);
		return put_immediate(at, 1, 0xc0 | random_number(8) << 3);
	case 5:                         /* MOV to and from control and debug registers */
		value = random_number(64);
		at = put_bytes(at, "\x0f", 1);
		at = put_immediate(at, 1, 0x20 + random_number((value & 0x38) == 0x18 ? 2 : 4));
		return put_immediate(at, 1, 0xc0 | value);
	case 6:
		at = put_bytes(at, "\xb8", 1);
		at = put_immediate(at, 4, random_number(2) ? 0x80000011 : 1u << random_number(32));
		at = put_bytes(at, "\x0f\x22", 2);
		return put_immediate(at, 1, random_number(2) ? 0xc0 : 0xe0);
	case 7:                         /* frames for IRET and RETF */
		for (unsigned n = 0; n < 3; n++) {
			at = put_bytes(at, "\x68", 1);
			at = put_immediate(at, 4, n == 0 ? random_number(0x400000) : n == 1 ? selector() :
					   offset());
		}
		return put_bytes(at, random_number(2) ? "\xcf" : "\xcb", 1);
	case 8:                         /* pointers and counts */
		at = put_immediate(at, 1, 0xb8 + random_number(8));
		value = random_number(3);
		return put_immediate(at, 4, value == 0 ? random_number(0x100) :
				     value == 1 ? random_number(MEMORY) : offset());
	case 9:
		at = put_bytes(at, random_number(2) ? "\xeb" : "\x74", 1);
		return put_immediate(at, 1, random_number(64));
	case 10:                        /* memory operands */
		at = put_immediate(at, 1, 0x88 + random_number(4));
		return put_immediate(at, 1, random_number(64));
	case 11:
		at = put_bytes(at, "\x0f\x01", 2);
		return put_immediate(at, 1, random_number(256));
	case 12:
		return put_bytes(at, two[random_number(sizeof(two) / sizeof(two[0]))], 2);
	case 13:
		return put_immediate(at, 1, random_number(256));
	default:
		return put_bytes(at, plain[random_number(sizeof(plain) / sizeof(plain[0]))], 1);
	}
}

/* Four levels of page tables; 64-bit gates and code; a 64-bit TSS. */
static void make_long_memory(void)
{
	put(0x100c, 4, 0x00af9b00), put(0x101c, 4, 0x00affb00);
	for (uint32_t at = 0x2000; at < 0x2800; at += 16) {
		uint32_t to = offset();

		put(at, 4, (random_number(4) ? 8 : selector()) << 16 | (to & 0xffff));
		put(at + 4, 4, (to & 0xffff0000u) | random_number(16) / 12 |
		    (random_number(8) ? 0xee00 : 0x8000 | random_number(128) << 8));
		put(at + 8, 4, random_number(8) ? 0 : random_number(2) ? 0xffff8000 : random_number(0x10000));
		put(at + 12, 4, 0);
	}
	for (uint32_t n = 0; n < 8; n++)
		put(0x4004 + 8 * n, 4, 0x9800), put(0x4008 + 8 * n, 4, random_number(30) ? 0 : 0x8000);
	for (uint32_t n = 0; n < 7; n++)
		put(0x4024 + 8 * n, 4, 0x9c00 - n * 0x100), put(0x4028 + 8 * n, 4, 0);
	for (uint32_t n = 0; n < 512; n++) {
		uint32_t frame = (random_number(30) ? n : random_number(256)) % 256;

		put(0x10000 + 8 * n, 4, n == 0 || n == 256 || random_number(4) == 0 ? 0x11007 : 0);
		put(0x10004 + 8 * n, 4, 0);
		put(0x11000 + 8 * n, 4, n == 0 || random_number(4) == 0 ? 0x12007 : random_number(8));
		put(0x11004 + 8 * n, 4, random_number(60) ? 0 : 0x80000000);
		put(0x12000 + 8 * n, 4, n == 0 || random_number(2) ? 0x13007 : random_number(2) ? 0x87 : 0x200087);
		put(0x12004 + 8 * n, 4, 0);
		put(0x13000 + 8 * n, 4, frame << 12 | (random_number(30) ? 7 : random_number(8)));
		put(0x13004 + 8 * n, 4, random_number(60) ? 0 : 0x80000000);
	}
	for (uint32_t at = CODE_AT; at < CODE_AT + CODE_SIZE; )
		at = put_instruction(at);
}

static void make_memory(void)
{
	memset(memory, 0, sizeof(memory));
	for (uint32_t at = 0; at < 0x400; at += 4)      /* vectors of real mode */
		put(at, 4, 0x20000000 | random_number(0x4000));
	for (uint32_t at = 0x1000; at < 0x1100; at += 8)
		put_descriptor(at, 1);
	/* The first ones are good, so that something works at all. */
	put(0x1008, 4, 0x0000ffff), put(0x100c, 4, 0x00cf9b00);
	put(0x1010, 4, 0x0000ffff), put(0x1014, 4, 0x00cf9300);
	put(0x1018, 4, 0x0000ffff), put(0x101c, 4, 0x00cffb00);
	put(0x1020, 4, 0x0000ffff), put(0x1024, 4, 0x00cff300);
	for (uint32_t at = 0x2000; at < 0x2800; at += 8) {
		uint32_t to = offset();

		put(at, 4, (random_number(4) ? 8 : selector()) << 16 | (to & 0xffff));
		put(at + 4, 4, (to & 0xffff0000u) | (random_number(8) ? 0xee00 : 0x8000 | random_number(128) << 8));
	}
	for (uint32_t at = 0x3000; at < 0x3100; at += 8)
		put_descriptor(at, 1);
	for (uint32_t at = 0x8000; at < 0x8800; at += 4)        /* task states */
		put(at, 4, random_number(2) ? selector() : offset());
	for (uint32_t at = 0x4000; at < 0x4068; at += 4)
		put(at, 4, random_number(2) ? 0x10 : offset());
	put(0x4004, 4, 0x9000), put(0x4008, 4, 0x10);
	for (uint32_t at = 0x10000; at < 0x11000; at += 4)      /* page directory, one table */
		put(at, 4, random_number(4) == 0 ? 0x11000 | random_number(8) : 0x11007);
	for (uint32_t n = 0; n < 1024; n++) {
		uint32_t frame = (random_number(30) ? n : random_number(256)) % 256;

		/* Tables that change without a flush: then what a TLB holds would matter. */
		frame = frame == 0x10 || frame == 0x11 ? 0x12 : frame;
		put(0x11000 + 4 * n, 4, frame << 12 | (random_number(30) ? 7 : random_number(8)));
	}
	for (uint32_t at = CODE_AT; at < CODE_AT + CODE_SIZE; )
		at = put_instruction(at);
}

static bool set(struct cbx_machine *machine, enum cbx_register which, uint64_t value)
{
	return cbx_register_write(machine, which, value) == CBX_OK;
}

static void segment(struct cbx_machine *machine, unsigned n, unsigned sel, uint32_t base, uint32_t limit,
		    unsigned attributes)
{
	set(machine, CBX_ES + n, sel);
	set(machine, CBX_ES_BASE + n, base);
	set(machine, CBX_ES_LIMIT + n, limit);
	set(machine, CBX_ES_ATTRIBUTES + n, attributes);
}

/* The same in long mode: 64-bit or (flavour & 4) compatibility mode. */
static void enter_long_mode(struct cbx_machine *machine, uint32_t flavour)
{
	bool user = flavour & 1;

	set(machine, CBX_CR3, 0x10000);
	set(machine, CBX_CR4, 0x6a0 | (flavour & 16 ? 0x10000 : 0) | (flavour & 32 ? 0x300000 : 0));
	set(machine, CBX_EFER, 0xd01);
	set(machine, CBX_CR0, 0x80010011);
	set(machine, CBX_CS_ATTRIBUTES, (flavour & 4 ? 0xc09b : 0xa09b) | (user ? 0x60 : 0));
	set(machine, CBX_TR_BASE, 0x4000);
	set(machine, CBX_STAR, (uint64_t)0x13 << 48 | (uint64_t)8 << 32 | CODE_AT);
	set(machine, CBX_LSTAR, CODE_AT + 0x100);
	set(machine, CBX_CSTAR, CODE_AT + 0x200);
	set(machine, CBX_FMASK, 0x200);
	set(machine, CBX_SYSENTER_CS, 8);
	set(machine, CBX_SYSENTER_EIP, CODE_AT + 0x300);
	set(machine, CBX_SYSENTER_ESP, 0x9800);
}

static struct cbx_machine *make_machine(unsigned kind, uint32_t flavour)
{
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = MEMORY,
					       .cpu = wide && flavour & 64 ? "max,vendor=amd" : NULL,
					       .small_caches = kind == 1, .single_step_blocks = kind == 2 };
	struct cbx_machine *machine;
	unsigned cpl = flavour & 1 ? 3 : 0;

	if (cbx_machine_new(&options, &machine, NULL) != CBX_OK)
		exit(1);
	cbx_memory_write(machine, 0, memory, MEMORY);
	set(machine, CBX_GDTR_BASE, 0x1000), set(machine, CBX_GDTR_LIMIT, 0xff);
	set(machine, CBX_IDTR_BASE, 0x2000), set(machine, CBX_IDTR_LIMIT, 0x7ff);
	set(machine, CBX_CR3, 0x10000);
	set(machine, CBX_CR4, flavour & 16 ? 0x1b : 0);
	set(machine, CBX_CR0, flavour & 2 ? 0x80010011 : 0x11);
	for (unsigned n = 0; n < 6; n++)
		segment(machine, n, (n == 1 ? 8u : 0x10u) + (cpl ? 0x13 : 0), 0, 0xffffffff,
			(n == 1 ? 0xc09b : 0xc093) | (cpl ? 0x60 : 0));
	segment(machine, 6, 0x30, 0x3000, 0xff, 0x82);
	segment(machine, 7, 0x28, 0x4000, 0x2067, 0x8b);
	set(machine, CBX_RSP, 0x9800);
	set(machine, CBX_RIP, CODE_AT);
	set(machine, CBX_RFLAGS, flavour & 1 ? 0x3002 : 2);
	if (wide) {
		enter_long_mode(machine, flavour);
	} else if ((flavour & 12) == 4) {              /* virtual-8086 mode */
		for (unsigned n = 0; n < 6; n++)
			segment(machine, n, 0x2000, 0x20000, 0xffff, 0xf3);
		set(machine, CBX_RFLAGS, 0x20002 | (flavour & 32 ? 0x3000 : 0));
		set(machine, CBX_RIP, 0);
	} else if ((flavour & 12) == 8) {       /* real mode */
		set(machine, CBX_CR0, 0x10);
		for (unsigned n = 0; n < 6; n++)
			segment(machine, n, 0x2000, 0x20000, 0xffff, 0x93);
		set(machine, CBX_RIP, 0);
		set(machine, CBX_IDTR_BASE, 0);
	}
	return machine;
}

/* Runs exactly so many instructions in pieces; false: it stopped for good before that. */
static bool advance(struct cbx_machine *machine, uint64_t instructions, uint32_t *seed)
{
	while (instructions) {
		struct cbx_run_options options = { .size = sizeof(options), .stop_on_triple_fault = true,
						   .stop_on_reset = true };
		struct cbx_stop stop;

		*seed = *seed * 1664525 + 1013904223;
		options.instructions = 1 + (*seed >> 8) % 200;
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
		if (value[0] != value[1] || value[0] != value[2])
			printf("  %s: %llx %llx %llx\n", cbx_register_name(n), (unsigned long long)value[0],
			       (unsigned long long)value[1], (unsigned long long)value[2]);
	}
	for (unsigned k = 0; k < MACHINES; k++)
		printf("  machine %u: %llu instructions\n", k,
		       (unsigned long long)cbx_instruction_count(machines[k]));
}

static bool one_seed(uint32_t seed)
{
	struct cbx_machine *machines[MACHINES];
	uint32_t flavour, pieces[MACHINES] = { seed, seed * 7 + 1, seed * 13 + 2 };
	bool same = true, on = true;

	random_state = seed * 2654435761u + 1;
	wide = seed % 3 == 0;
	make_memory();
	if (wide)
		make_long_memory();
	flavour = random_number(128);
	for (unsigned k = 0; k < MACHINES; k++)
		machines[k] = make_machine(k, flavour);
	for (unsigned done = 0; done < STEPS && on && same; done += STEPS / 10) {
		uint64_t hash[MACHINES];
		bool goes_on[MACHINES];

		for (unsigned k = 0; k < MACHINES; k++) {
			goes_on[k] = advance(machines[k], STEPS / 10, &pieces[k]);
			hash[k] = cbx_state_hash(machines[k]);
		}
		on = goes_on[0];
		same = hash[0] == hash[1] && hash[0] == hash[2] && on == goes_on[1] && on == goes_on[2];
		if (!same) {
			printf("# seed %u: different after at most %u instructions\n", seed,
			       done + STEPS / 10);
			show(machines);
		}
	}
	for (unsigned k = 0; k < MACHINES; k++)
		cbx_machine_free(machines[k]);
	return same;
}

int main(int argc, char **argv)
{
	uint32_t first = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 1;
	uint32_t count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 300;
	unsigned bad = 0;

	for (uint32_t n = 0; n < count && bad < 5; n++)
		bad += !one_seed(first + n);
	printf("1..1\n%s 1 - %u seeds from %u\n", bad ? "not ok" : "ok", count, first);
	return bad != 0;
}
