/*
 * Our side: a bare machine in protected mode with paging.  Every exception leads through an
 * interrupt gate of its own to ring 0, where its frame tells what happened.
 */
#include <clearbox/clearbox.h>
#include <string.h>
#include "silicon.h"

/* Supervisor memory. */
enum { GDT = 0x100000, LDT = 0x101000, IDT = 0x102000, TSS = 0x103000, DIRECTORY = 0x104000,
       TABLE = 0x105000, STACK_PAGE = 0x106000, STACK = 0x106f00, HANDLERS = 0x107000 /* 256 * 4 */,
       MEMORY = 0x400000 };
enum { CODE0 = 0x10, DATA0 = 0x18, TASK = 0x40, LOCAL = 0x50, GDT_LIMIT = 127 };

static struct cbx_machine *machine;

struct hidden {
	uint32_t base, limit, attributes;
};

void clearbox_poke(uint32_t linear, const void *bytes, unsigned count)
{
	cbx_memory_write(machine, linear, bytes, count);
}

void clearbox_data(uint8_t *bytes)
{
	cbx_memory_read(machine, DATA_AT, bytes, DATA_BYTES);
}

static void poke32(uint32_t address, uint32_t value)
{
	const uint8_t bytes[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
				   (uint8_t)(value >> 24) };

	clearbox_poke(address, bytes, 4);
}

static void put_descriptor(uint32_t address, struct hidden h)
{
	uint32_t limit = h.attributes & ATTR_G ? h.limit >> 12 : h.limit;

	poke32(address, (limit & 0xffff) | h.base << 16);
	poke32(address + 4, (h.base >> 16 & 0xff) | h.attributes << 8 | (limit & 0xf0000) |
	       (h.base & 0xff000000u));
}

/* The user's segments by selector. */
static struct hidden hidden(uint16_t selector)
{
	struct hidden h = { 0, 0xffffffffu, 0xc0f3 };   /* flat, data, DPL 3 */
	const struct descriptor *d;

	if (selector < 4)
		return (struct hidden){ 0, 0, 0 };
	if (selector == FLAT_CODE)
		h.attributes |= ATTR_CODE;
	if (!(selector & 4) || selector >> 3 >= LDT_COUNT)
		return h;
	d = &ldt[selector >> 3];
	if (d->empty)
		return (struct hidden){ 0, 0, 0 };
	h.base = d->base;
	h.limit = d->limit;
	h.attributes = ATTR_DPL | ATTR_S | ATTR_ACCESSED | d->contents << 2;
	h.attributes |= (d->read_exec_only ? 0 : 2u) | (d->big ? ATTR_DB : 0u) | (d->pages ? ATTR_G : 0u) |
			(d->not_present ? 0 : ATTR_P);
	return h;
}

static void load_segment(unsigned which, uint16_t selector, struct hidden h)
{
	cbx_register_write(machine, CBX_ES + which, selector);
	cbx_register_write(machine, CBX_ES_BASE + which, h.base);
	cbx_register_write(machine, CBX_ES_LIMIT + which, h.limit);
	cbx_register_write(machine, CBX_ES_ATTRIBUTES + which, h.attributes);
}

static void make_tables(void)
{
	const uint8_t loop[2] = { 0xeb, 0xfe };

	put_descriptor(GDT + CODE0, (struct hidden){ 0, 0xffffffffu, 0xc09b });
	put_descriptor(GDT + DATA0, (struct hidden){ 0, 0xffffffffu, 0xc093 });
	put_descriptor(GDT + FLAT_CODE - 3, hidden(FLAT_CODE));
	put_descriptor(GDT + FLAT_DATA - 3, hidden(FLAT_DATA));
	put_descriptor(GDT + 0x30, (struct hidden){ 0, 0xffffffffu, 0xa0fb });
	put_descriptor(GDT + TASK, (struct hidden){ TSS, 0x67, 0x8b });
	put_descriptor(GDT + LOCAL, (struct hidden){ LDT, LDT_COUNT * 8 - 1, 0x82 });
	for (unsigned n = 0; n < LDT_COUNT; n++)
		put_descriptor(LDT + 8 * n, hidden((uint16_t)LDT_SELECTOR(n)));
	for (unsigned n = 0; n < 256; n++) {
		uint32_t user = n == VECTOR_BP || n == VECTOR_OF ? 0x6000 : 0;

		poke32(IDT + 8 * n, (uint32_t)CODE0 << 16 | ((HANDLERS + 4 * n) & 0xffff));
		poke32(IDT + 8 * n + 4, ((HANDLERS + 4 * n) & 0xffff0000u) | 0x8e00 | user);
		clearbox_poke(HANDLERS + 4 * n, loop, 2);
	}
	poke32(TSS + 4, STACK);
	poke32(TSS + 8, DATA0);
	poke32(TSS + 100, 0x680000);    /* no I/O map */
	poke32(DIRECTORY, TABLE | 7);
	for (uint32_t at = GDT; at < HANDLERS + 0x1000; at += 0x1000)
		poke32(TABLE + (at >> 10), at | 3);
	for (uint32_t at = CODE_AT; at < CODE_AT + CODE_BYTES; at += 0x1000)
		poke32(TABLE + (at >> 10), at | 5);
	for (uint32_t at = DATA_AT; at < DATA_AT + DATA_BYTES; at += 0x1000)
		poke32(TABLE + (at >> 10), at | 7);
	poke32(TABLE + ((DATA_AT + DATA_BYTES) >> 10), (DATA_AT + DATA_BYTES) | 5);
}

const char *clearbox_start(const char *hostile)
{
	struct cbx_machine_options options = { .size = sizeof options, .memory_bytes = MEMORY };
	static uint8_t fill[DATA_BYTES + READ_ONLY_BYTES];
	struct cbx_error error;

	options.small_caches = hostile && !strcmp(hostile, "small");
	options.single_step_blocks = hostile && !strcmp(hostile, "single");
	if (cbx_machine_new(&options, &machine, &error) != CBX_OK)
		return "no machine";
	make_tables();
	memset(fill, 0x5a, sizeof fill);
	clearbox_poke(DATA_AT, fill, sizeof fill);
	memset(fill, 0xcc, CODE_BYTES);
	clearbox_poke(CODE_AT, fill, CODE_BYTES);
	cbx_register_write(machine, CBX_GDTR_BASE, GDT);
	cbx_register_write(machine, CBX_GDTR_LIMIT, GDT_LIMIT);
	cbx_register_write(machine, CBX_IDTR_BASE, IDT);
	cbx_register_write(machine, CBX_IDTR_LIMIT, 0x7ff);
	cbx_register_write(machine, CBX_CR3, DIRECTORY);
	cbx_register_write(machine, CBX_CR0, CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG);
	load_segment(SEG_TR, TASK, (struct hidden){ TSS, 0x67, 0x8b });
	load_segment(SEG_LDTR, LOCAL, (struct hidden){ LDT, LDT_COUNT * 8 - 1, 0x82 });
	return NULL;
}

void clearbox_stop(void)
{
	cbx_machine_free(machine);
}

bool is_private(uint32_t linear)
{
	return linear >= GDT && linear < HANDLERS + 0x1000;
}

static uint32_t get(enum cbx_register which)
{
	uint64_t value = 0;

	cbx_register_read(machine, which, &value);
	return (uint32_t)value;
}

static uint32_t word(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* What a handler in ring 0 finds on its stack. */
static void read_frame(struct state *after)
{
	const uint32_t sp = get(CBX_RSP);
	uint8_t frame[24];
	unsigned at = 0;

	after->vector = (int)(after->eip - HANDLERS) / 4;
	after->cr2 = get(CBX_CR2);
	after->error = 0;
	cbx_memory_read(machine, sp, frame, sizeof frame);
	if (STACK - sp == 24) {
		after->error = word(frame);
		at = 4;
	}
	after->eip = word(frame + at);
	after->segment[SEG_CS] = (uint16_t)word(frame + at + 4);
	after->eflags = word(frame + at + 8);
	after->reg[REG_SP] = word(frame + at + 12);
	after->segment[SEG_SS] = (uint16_t)word(frame + at + 16);
}

static void put_x87(const struct fpu_state *state)
{
	unsigned tags = 0;

	for (unsigned n = 0; n < 8; n++) {
		uint64_t significand = word(state->reg[n]) | (uint64_t)word(state->reg[n] + 4) << 32;

		tags |= (state->valid >> n & 1 ? 0 : 3u) << 2 * n;
		cbx_register_write(machine, CBX_FR0 + n, significand);
		cbx_register_write(machine, CBX_FR0_EXPONENT + n, state->reg[n][8] | state->reg[n][9] << 8);
	}
	cbx_register_write(machine, CBX_FCW, state->control);
	cbx_register_write(machine, CBX_FSW, state->status);
	cbx_register_write(machine, CBX_FTW, tags);
}

static void get_x87(struct fpu_state *state)
{
	uint32_t tags = get(CBX_FTW);

	state->control = (uint16_t)get(CBX_FCW);
	state->status = (uint16_t)get(CBX_FSW);
	state->valid = 0;
	for (unsigned n = 0; n < 8; n++) {
		uint64_t significand = 0;
		uint32_t exponent = get(CBX_FR0_EXPONENT + n);

		cbx_register_read(machine, CBX_FR0 + n, &significand);
		for (unsigned k = 0; k < 8; k++)
			state->reg[n][k] = (uint8_t)(significand >> 8 * k);
		state->reg[n][8] = (uint8_t)exponent;
		state->reg[n][9] = (uint8_t)(exponent >> 8);
		state->valid |= (uint8_t)(((tags >> 2 * n & 3) != 3) << n);
	}
}

void clearbox_run(const struct test_case *c, struct state *after)
{
	uint8_t frame_bytes[FRAME_BYTES];
	struct cbx_stop stop;
	uint64_t frame[5];

	return_frame(c, frame);
	for (unsigned n = 0; n < FRAME_BYTES; n++)
		frame_bytes[n] = (uint8_t)(frame[n / 8] >> 8 * (n % 8));
	clearbox_poke(CODE_AT + FRAME, frame_bytes, FRAME_BYTES);
	clearbox_poke(c->code, c->bytes, CODE_ROOM);
	for (unsigned n = 0; n < 6; n++)
		load_segment(n, c->before.segment[n], hidden(c->before.segment[n]));
	for (unsigned n = 0; n < 8; n++)
		cbx_register_write(machine, CBX_RAX + n, c->before.reg[n]);
	if (c->x87)
		put_x87(&c->before.fpu);
	cbx_register_write(machine, CBX_RFLAGS, c->before.eflags);
	cbx_register_write(machine, CBX_RIP, c->before.eip);
	if (c->instructions > 1) {
		/* After an exception the rest is spent in the handler, a loop. */
		cbx_run(machine, &(struct cbx_run_options){ .size = sizeof(struct cbx_run_options),
							    .instructions = c->instructions }, &stop);
	} else {
		/* A repeated instruction may come back to itself; it ends within this. */
		for (unsigned n = 0; n < 70000; n++) {
			cbx_step(machine, &stop);
			if (!c->rep || get(CBX_CS) == CODE0 || get(CBX_RIP) != c->before.eip)
				break;
		}
	}
	for (unsigned n = 0; n < 8; n++)
		after->reg[n] = get(CBX_RAX + n);
	for (unsigned n = 0; n < 6; n++)
		after->segment[n] = (uint16_t)get(CBX_ES + n);
	if (c->x87)
		get_x87(&after->fpu);
	after->eip = get(CBX_RIP);
	after->eflags = get(CBX_RFLAGS);
	after->vector = -1;
	after->error = after->cr2 = 0;
	if (after->segment[SEG_CS] == CODE0)
		read_frame(after);
}
