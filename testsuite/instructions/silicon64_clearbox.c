/*
 * Our side of the flat test: a bare machine with paging, in long mode or in 32-bit protected mode.
 * Every exception leads through an interrupt gate of its own to ring 0, where its frame tells what
 * happened.  Registers are put into the processor directly: that is quick, and all of them are there.
 */
#include <stdio.h>
#include "cpu.h"
#include "flags.h"
#include "silicon64.h"

/* Supervisor memory. */
enum { GDT = 0x180000, IDT = 0x181000, TSS = 0x182000, TABLE4 = 0x183000, TABLE3 = 0x184000,
       TABLE3_HIGH = 0x185000, TABLE3_LEGACY = 0x186000, TABLE2 = 0x187000, TABLE1 = 0x188000 /* 2 */,
       STACK = 0x18af00 /* a page up to there */, HANDLERS = 0x18b000 /* 256 * 4 */, MEMORY = 0x400000 };
enum { LDT = IDT - 8 * LDT64_COUNT };
enum { CODE0 = 0x10, DATA0 = 0x18, TASK = 0x40, GDT_LIMIT = 127 };

static struct cbx_machine *machine;
static struct cpu *cpu;
static enum mode64 mode;

static bool legacy(void)
{
	return mode == MODE_LEGACY || mode == MODE_16;
}

void clearbox64_poke(uint64_t linear, const void *bytes, unsigned count)
{
	cbx_memory_write(machine, linear & 0xffffffff, bytes, count);
}

const uint8_t *clearbox64_data(void)
{
	static uint8_t copy[DATA_BYTES];

	cbx_memory_read(machine, DATA_AT, copy, DATA_BYTES);
	return copy;
}

static void poke64(uint32_t address, uint64_t value)
{
	uint8_t bytes[8];

	for (unsigned n = 0; n < 8; n++)
		bytes[n] = (uint8_t)(value >> 8 * n);
	clearbox64_poke(address, bytes, 8);
}

static uint64_t descriptor_of(uint32_t base, uint32_t limit, uint32_t attributes)
{

	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)attributes << 40 |
	       (uint64_t)(limit & 0xf0000) << 32 | (uint64_t)(base >> 24) << 56;
}

/* A flat segment, or the task state. */
static uint64_t descriptor(uint32_t base, uint32_t attributes)
{
	return descriptor_of(base, attributes & ATTR_G ? 0xfffff : 0x67, attributes);
}

static uint32_t local_attributes(unsigned n)
{
	return ATTR_P | ATTR_DPL | ATTR_S | ATTR_ACCESSED | ldt64[n].contents << 2 |
	       (ldt64[n].read_exec_only ? 0 : 2u) | (ldt64[n].big ? ATTR_DB : 0u);
}

static void make_gates(void)
{
	static const uint8_t loop[2] = { 0xeb, 0xfe };

	for (unsigned n = 0; n < 256; n++) {
		uint64_t user = n == VECTOR_BP || n == VECTOR_OF ? 0x6000 : 0, at = HANDLERS + 4 * n;
		uint64_t gate = (at & 0xffff) | (uint64_t)CODE0 << 16 | (0x8e00 | user) << 32 |
				(at & 0xffff0000u) << 32;

		if (legacy()) {
			poke64(IDT + 8 * n, gate);
		} else {
			poke64(IDT + 16 * n, gate);
			poke64(IDT + 16 * n + 8, 0);
		}
		clearbox64_poke((uint32_t)at, loop, 2);
	}
}

static void map(uint64_t at, uint64_t bytes, uint64_t rights)
{
	for (uint64_t end = at + bytes; at < end; at += 0x1000)
		poke64((uint32_t)(TABLE1 + (at >> 9)), at | rights);
}

static void make_tables(void)
{
	poke64(GDT + CODE0, descriptor(0, legacy() ? 0xc09b : 0xa09b));
	poke64(GDT + DATA0, descriptor(0, 0xc093));
	poke64(GDT + FLAT_CODE - 3, descriptor(0, 0xc0fb));
	poke64(GDT + FLAT_DATA - 3, descriptor(0, 0xc0f3));
	poke64(GDT + LONG_CODE - 3, descriptor(0, 0xa0fb));
	poke64(GDT + TASK, descriptor(TSS, 0x8b));
	for (unsigned n = 0; n < LDT64_COUNT; n++)
		poke64(LDT + 8 * n, descriptor_of(ldt64[n].base, ldt64[n].limit, local_attributes(n)));
	poke64(GDT + TASK + 8, 0);
	make_gates();
	if (legacy()) {
		poke64(TSS, (uint64_t)STACK << 32);
		poke64(TSS + 8, DATA0);
	} else {
		poke64(TSS, (uint64_t)STACK << 32);
		poke64(TSS + 8, 0);
	}
	poke64(TSS + 96, (uint64_t)0x680000 << 32);     /* no I/O map */
	poke64(TABLE4, TABLE3 | 7);
	poke64(TABLE4 + 8 * (HIGH >> 39 & 511), TABLE3_HIGH | 7);
	poke64(TABLE3, TABLE2 | 7);
	poke64(TABLE3_HIGH + 8 * (HIGH >> 30 & 511), TABLE2 | 7);
	poke64(TABLE3_LEGACY, TABLE2 | 1);
	poke64(TABLE2, TABLE1 | 7);
	poke64(TABLE2 + 8, (TABLE1 + 0x1000) | 7);
	map(GDT, HANDLERS + 0x1000 - GDT, 3);
	map(CODE_AT, CODE_BYTES, 5);
	map(DATA_AT, DATA_BYTES, 7);
	map(DATA_AT + DATA_BYTES, READ_ONLY_BYTES, 5);
}

static void set_segment(unsigned which, uint16_t selector, uint32_t attributes)
{
	struct segment *s = &cpu->seg[which];

	s->selector = selector;
	s->base = 0;
	s->limit = 0xffffffff;
	s->attributes = (uint16_t)attributes;
}

static void set_local(unsigned which, uint16_t selector)
{
	unsigned n = selector >> 3;

	set_segment(which, selector, local_attributes(n));
	cpu->seg[which].base = ldt64[n].base;
	cpu->seg[which].limit = ldt64[n].limit;
}

const char *clearbox64_start(const char *hostile, enum mode64 which)
{
	struct cbx_machine_options options = { .size = sizeof options, .memory_bytes = MEMORY,
						.cpu = native64_is_amd() ? "max,vendor=amd"
											 : "max" };
	static uint8_t fill[CODE_BYTES + DATA_BYTES];
	struct cbx_error error;
	uint64_t cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE | CR4_UMIP;

	mode = which;
	options.small_caches = hostile && !strcmp(hostile, "small");
	options.single_step_blocks = hostile && !strcmp(hostile, "single");
	if (cbx_machine_new(&options, &machine, &error) != CBX_OK)
		return "no machine";
	cpu = machine_cpu(machine);
	cpu->model_copy.features = UINT64_MAX;  /* whatever the best model says: all that have rows */
	make_tables();
	memset(fill, 0x5a, sizeof fill);
	clearbox64_poke(DATA_AT, fill, DATA_BYTES + READ_ONLY_BYTES);
	memset(fill, 0xcc, CODE_BYTES);
	clearbox64_poke(CODE_AT, fill, CODE_BYTES);
	cpu->gdtr.base = GDT;
	cpu->gdtr.limit = GDT_LIMIT;
	cpu->idtr.base = IDT;
	cpu->idtr.limit = legacy() ? 0x7ff : 0xfff;
	cpu->cr4 = cr4;
	cpu->efer = EFER_SCE | EFER_NXE;
	if (!legacy())
		cpu->efer |= EFER_LME | EFER_LMA;
	cpu->xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
	cpu->cr3 = legacy() ? TABLE3_LEGACY : TABLE4;
	cpu->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
	set_segment(SEG_TR, TASK, 0x8b);
	cpu->seg[SEG_TR].base = TSS;
	cpu->seg[SEG_TR].limit = 0x67;
	set_segment(SEG_LDTR, 0x50, 0x82);
	cpu->seg[SEG_LDTR].base = LDT;
	cpu->seg[SEG_LDTR].limit = with_ldt64 ? 8 * LDT64_COUNT - 1 : 0;
	paging_load_pdptes(cpu, cpu->cr3, cpu->cr0, cpu->cr4);
	tlb_flush_all(cpu);
	cpu_mode_changed(cpu);
	return NULL;
}

uint64_t clearbox64_features(void)
{
	return cpu->model->features;
}

bool clearbox64_private(uint64_t linear)
{
	return linear % HIGH >= GDT && linear % HIGH < HANDLERS + 0x1000;
}

void clearbox64_stop(void)
{
	cbx_machine_free(machine);
}

static uint64_t number(const uint8_t *bytes, unsigned count)
{
	uint64_t value = 0;

	while (count--)
		value = value << 8 | bytes[count];
	return value;
}

/* What a handler in ring 0 finds on its stack. */
static void read_frame(struct state64 *after)
{
	const unsigned width = legacy() ? 4 : 8;
	const uint64_t sp = cpu->reg[REG_SP];
	uint8_t frame[48], *at = frame;

	after->vector = (int)(after->rip - HANDLERS) / 4;
	after->cr2 = cpu->cr2;
	after->error = 0;
	cbx_memory_read(machine, sp, frame, sizeof frame);
	if (STACK - sp == 6 * width) {
		after->error = (uint32_t)number(at, width);
		at += width;
	}
	after->rip = number(at, width);
	after->cs = (uint16_t)number(at + width, 2);
	after->rflags = number(at + 2 * width, 4);
	after->reg[REG_SP] = number(at + 3 * width, width);
	after->ss = (uint16_t)number(at + 4 * width, 2);
}

static void put_registers(const struct state64 *s)
{
	memcpy(cpu->v, s->v, sizeof cpu->v);
	cpu->mxcsr = s->mxcsr;
	cpu->x87.ip = cpu->x87.dp = cpu->x87.opcode = cpu->x87.cs = cpu->x87.ds = 0;
	x87_set_control_word(&cpu->x87, s->fpu.control);
	x87_set_status_word(&cpu->x87, s->fpu.status);
	cpu->x87.valid = s->fpu.valid;
	for (unsigned n = 0; n < 8; n++) {
		cpu->x87.significand[n] = number(s->fpu.reg[n], 8);
		cpu->x87.sign_exponent[n] = (uint16_t)number(s->fpu.reg[n] + 8, 2);
	}
}

static void get_registers(struct state64 *s)
{
	memcpy(s->v, cpu->v, sizeof cpu->v);
	s->mxcsr = cpu->mxcsr;
	s->fpu.control = cpu->x87.control;
	s->fpu.status = x87_status_word(&cpu->x87);
	s->fpu.valid = cpu->x87.valid;
	for (unsigned n = 0; n < 8; n++) {
		for (unsigned k = 0; k < 8; k++)
			s->fpu.reg[n][k] = (uint8_t)(cpu->x87.significand[n] >> 8 * k);
		s->fpu.reg[n][8] = (uint8_t)cpu->x87.sign_exponent[n];
		s->fpu.reg[n][9] = (uint8_t)(cpu->x87.sign_exponent[n] >> 8);
	}
}

void clearbox64_run(const struct case64 *c, struct state64 *after)
{
	const struct state64 *s = &c->before;
	struct cbx_stop stop;

	clearbox64_poke(c->code, c->bytes, CASE_ROOM);
	if (s->cs & 4)
		set_local(SEG_CS, s->cs);
	else
		set_segment(SEG_CS, s->cs, mode == MODE_LONG ? 0xa0fb : 0xc0fb);
	set_segment(SEG_SS, s->ss, 0xc0f3);
	set_segment(SEG_DS, FLAT_DATA, 0xc0f3);
	set_segment(SEG_ES, FLAT_DATA, 0xc0f3);
	for (unsigned n = SEG_FS; n <= SEG_GS; n++)
		if (s->segment[n])
			set_local(n, s->segment[n]);
		else
			set_segment(n, 0, 0);
	if (mode == MODE_LONG) {
		cpu->seg[SEG_FS].base = s->fs_base;
		cpu->seg[SEG_GS].base = s->gs_base;
	}
	memcpy(cpu->reg, s->reg, sizeof s->reg);
	flags_set(cpu, s->rflags);
	cpu->rip = s->rip;
	put_registers(s);
	cpu_mode_changed(cpu);
	/* After an exception the rest of a sequence is spent in the handler, a loop. */
	if (c->instructions > 1)
		cbx_run(machine, &(struct cbx_run_options){ .size = sizeof(struct cbx_run_options),
							    .instructions = c->instructions }, &stop);
	/* A repeated instruction may come back to itself; it ends within this. */
	for (unsigned n = 0; n < 70000 && c->instructions == 1; n++) {
		cbx_step(machine, &stop);
		if (!c->rep || cpu->seg[SEG_CS].selector == CODE0 || cpu->rip != s->rip)
			break;
	}
	memcpy(after->reg, cpu->reg, sizeof after->reg);
	get_registers(after);
	after->fs_base = cpu->seg[SEG_FS].base;
	after->gs_base = cpu->seg[SEG_GS].base;
	for (unsigned n = 0; n < 6; n++)
		after->segment[n] = cpu->seg[n].selector;
	after->cs = cpu->seg[SEG_CS].selector;
	after->ss = cpu->seg[SEG_SS].selector;
	after->rip = cpu->rip;
	after->rflags = flags_get(cpu);
	after->vector = -1;
	after->error = 0;
	after->cr2 = 0;
	if (after->cs == CODE0)
		read_frame(after);
}
