/* See long_guest.h. */
#include "long_guest.h"

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };

uint64_t peek64(const struct guest *guest, uint64_t address)
{
	return peek(guest, address, 4) | (uint64_t)peek(guest, address + 4, 4) << 32;
}

void gate64_at(struct guest *guest, uint64_t address, unsigned target, uint64_t offset, unsigned attributes,
	       unsigned ist, unsigned upper)
{
	poke(guest, address, 4, (uint64_t)target << 16 | (offset & 0xffff));
	poke(guest, address + 4, 4, (offset & 0xffff0000u) | attributes << 8 | ist);
	poke(guest, address + 8, 4, offset >> 32);
	poke(guest, address + 12, 4, upper << 8);
}

void gate64(struct guest *guest, unsigned selector, unsigned target, uint64_t offset, unsigned attributes,
	    unsigned upper)
{
	gate64_at(guest, GDT_AT + (selector & 0xfff8u), target, offset, attributes, 0, upper);
}

void idt64(struct guest *guest, unsigned vector, unsigned target, uint64_t offset, unsigned attributes,
	   unsigned ist)
{
	gate64_at(guest, IDT64_AT + 16 * vector, target, offset, attributes, ist, 0);
}

void system64(struct guest *guest, unsigned selector, uint64_t base, uint32_t limit, unsigned attributes,
	      unsigned upper)
{
	descriptor(guest, selector, (uint32_t)base, limit, attributes);
	poke(guest, GDT_AT + (selector & 0xfff8u) + 8, 4, base >> 32);
	poke(guest, GDT_AT + (selector & 0xfff8u) + 12, 4, upper << 8);
}

static void map(struct guest *guest)
{
	enum { PML4 = TABLES_AT, PDPT = TABLES_AT + 0x1000, PD = TABLES_AT + 0x2000,
	       PDPT_END = TABLES_AT + 0x3000, PD_END = TABLES_AT + 0x4000, ALL = 7, LARGE = 0x87 };

	poke(guest, PML4, 8, PDPT | ALL);
	poke(guest, PML4 + 8 * 256, 8, PDPT | ALL);
	poke(guest, PML4 + 8 * 255, 8, PDPT_END | ALL);
	poke(guest, PDPT, 8, PD | ALL);
	poke(guest, PDPT_END + 8 * 511, 8, PD_END | ALL);
	poke(guest, PD_END + 8 * 511, 8, LARGE);
	for (unsigned n = 0; n < 8; n++)
		poke(guest, PD + 8 * n, 8, n << 21 | LARGE);
	set(guest, CBX_CR3, PML4);
}

void long_privilege(struct guest *guest, unsigned cpl)
{
	at_privilege(guest, cpl);
}

void compat_privilege(struct guest *guest, unsigned cpl)
{
	at_privilege(guest, cpl);
	load_segment(guest, CS, cpl ? COMPAT3 : COMPAT0);
}

void long_new(struct guest *guest, const char *cpu)
{
	guest_new(guest, cpu ? cpu : "max");
	descriptor(guest, CODE0, 0, 0xfffff, A_CODE64);
	descriptor(guest, CODE3, 0, 0xfffff, A_CODE64 | A_DPL);
	descriptor(guest, COMPAT0, 0, 0xfffff, A_CODE32);
	descriptor(guest, COMPAT3, 0, 0xfffff, A_CODE32 | A_DPL);
	for (unsigned n = 0; n < 256; n++)
		idt64(guest, n, CODE0, HANDLERS + 16 * n, 0x8e, 0);
	poke(guest, TSS_AT + 4, 8, STACK0);
	poke(guest, TSS_AT + 36, 8, IST1);
	set(guest, CBX_IDTR_BASE, IDT64_AT);
	set(guest, CBX_IDTR_LIMIT, 0xfff);
	map(guest);
	set(guest, CBX_CR4, 0x6a0);             /* PAE, PGE, OSFXSR, OSXMMEXCPT */
	set(guest, CBX_EFER, 0xd01);            /* SCE, LME, LMA, NXE */
	set(guest, CBX_CR0, 0x80010031);        /* PE, ET, NE, WP, PG */
	long_privilege(guest, 0);
}

bool in_64_bit_mode(const struct guest *guest)
{
	return (reg(guest, CBX_EFER) & 0x400) && (reg(guest, CBX_CS_ATTRIBUTES) & 0x2000);
}

static bool has_error_code(int vector)
{
	return vector == DF || (vector >= TS && vector <= PF) || vector == 17;
}

struct frame long_step(struct guest *guest)
{
	struct frame got = { .vector = NONE, .at = 0 };
	struct cbx_stop stop;
	uint64_t rip, sp;

	for (unsigned n = 0; n < CBX_GDTR_BASE; n++)
		guest->before[n] = reg(guest, n);
	assert_int_equal(cbx_step(guest->machine, &stop), CBX_OK);
	rip = reg(guest, CBX_RIP);
	sp = got.at = reg(guest, CBX_RSP);
	if (reg(guest, CBX_CS) != CODE0 || !in_64_bit_mode(guest) || rip < HANDLERS ||
	    rip >= HANDLERS + 256 * 16 || rip % 16)
		return got;
	got.vector = (int)(rip - HANDLERS) / 16;
	assert_int_equal(sp % 16, has_error_code(got.vector) ? 0 : 8);
	if (has_error_code(got.vector)) {
		got.error = peek64(guest, sp);
		sp += 8;
	}
	got.rip = peek64(guest, sp);
	got.cs = peek64(guest, sp + 8);
	got.rflags = peek64(guest, sp + 16);
	got.rsp = peek64(guest, sp + 24);
	got.ss = peek64(guest, sp + 32);
	return got;
}

struct frame long_run(struct guest *guest, const char *bytes, size_t count)
{
	poke_bytes(guest, reg(guest, CBX_RIP) & 0xffffff, bytes, count);
	return long_step(guest);
}

/* A fault leaves no trace: registers, and what the frame says. */
static const char *trace(const struct guest *guest, const struct frame *got)
{
	for (unsigned n = CBX_RAX; n <= CBX_R15; n++)
		if (n != CBX_RSP && reg(guest, n) != guest->before[n])
			return cbx_register_name(n);
	for (unsigned n = CBX_DS; n <= CBX_TR; n++)
		if (reg(guest, n) != guest->before[n] ||
		    reg(guest, CBX_ES_BASE + n - CBX_ES) != guest->before[CBX_ES_BASE + n - CBX_ES])
			return cbx_register_name(n);
	if (got->rip != guest->before[CBX_RIP])
		return "rip";
	if (got->cs != guest->before[CBX_CS])
		return "cs";
	if (got->rsp != guest->before[CBX_RSP])
		return "rsp";
	if (got->ss != guest->before[CBX_SS])
		return "ss";
	return ((got->rflags ^ guest->before[CBX_RFLAGS]) & 0x3e7fd7) ? "rflags" : NULL;
}

void long_expect_at(struct guest *guest, const char *what, struct frame got, int vector, uint64_t error,
		    const char *file, int line)
{
	if (got.vector != vector || (has_error_code(vector) && got.error != error)) {
		print_error("%s: vector %d error %#x at %#llx, expected vector %d error %#x\n", what, got.vector,
			    (unsigned)got.error, (unsigned long long)reg(guest, CBX_RIP), vector,
			    (unsigned)error);
		_fail(file, line);
	}
	if ((vector == UD || (vector >= TS && vector <= PF)) && trace(guest, &got)) {
		print_error("%s: the fault changed %s\n", what, trace(guest, &got));
		_fail(file, line);
	}
}
