/* See system_guest.h. */
#include "system_guest.h"

#include <stdlib.h>
#include <string.h>

uint64_t reg(const struct guest *guest, enum cbx_register which)
{
	uint64_t value;

	assert_int_equal(cbx_register_read(guest->machine, which, &value), CBX_OK);
	return value;
}

void set(struct guest *guest, enum cbx_register which, uint64_t value)
{
	assert_int_equal(cbx_register_write(guest->machine, which, value), CBX_OK);
}

uint32_t peek(const struct guest *guest, uint64_t address, unsigned width)
{
	uint8_t bytes[4] = { 0 };

	assert_int_equal(cbx_memory_read(guest->machine, address, bytes, width), CBX_OK);
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

void poke_bytes(struct guest *guest, uint64_t address, const void *bytes, size_t count)
{
	assert_int_equal(cbx_memory_write(guest->machine, address, bytes, count), CBX_OK);
}

void poke(struct guest *guest, uint64_t address, unsigned width, uint64_t value)
{
	uint8_t bytes[8];

	for (unsigned n = 0; n < 8; n++)
		bytes[n] = (uint8_t)(value >> 8 * n);
	poke_bytes(guest, address, bytes, width);
}

static uint64_t table_entry(unsigned selector)
{
	return (selector & 4 ? LDT_AT : GDT_AT) + (selector & 0xfff8u);
}

void descriptor(struct guest *guest, unsigned selector, uint32_t base, uint32_t limit, unsigned attributes)
{
	poke(guest, table_entry(selector), 4, (limit & 0xffff) | base << 16);
	poke(guest, table_entry(selector) + 4, 4, (base >> 16 & 0xff) | (attributes & 0xf0ff) << 8 |
	     (limit & 0xf0000) | (base & 0xff000000u));
}

static void gate_at(struct guest *guest, uint64_t address, unsigned target, uint32_t offset,
		    unsigned attributes, unsigned parameters)
{
	poke(guest, address, 4, (uint64_t)target << 16 | (offset & 0xffff));
	poke(guest, address + 4, 4, (offset & 0xffff0000u) | attributes << 8 | parameters);
}

void gate(struct guest *guest, unsigned selector, unsigned target, uint32_t offset, unsigned attributes,
	  unsigned parameters)
{
	gate_at(guest, table_entry(selector), target, offset, attributes, parameters);
}

void idt_gate(struct guest *guest, unsigned vector, unsigned target, uint32_t offset, unsigned attributes)
{
	gate_at(guest, IDT_AT + 8 * vector, target, offset, attributes, 0);
}

static void set_hidden(struct guest *guest, unsigned which, unsigned selector, uint32_t base,
		       uint32_t limit, unsigned attributes)
{
	set(guest, CBX_ES + which, selector);
	set(guest, CBX_ES_BASE + which, base);
	set(guest, CBX_ES_LIMIT + which, limit);
	set(guest, CBX_ES_ATTRIBUTES + which, attributes);
}

void load_segment(struct guest *guest, unsigned which, unsigned selector)
{
	uint32_t low, high, limit;

	if ((selector & 0xfffc) == 0) {
		set_hidden(guest, which, selector, 0, 0, 0);
		return;
	}
	low = peek(guest, table_entry(selector), 4);
	high = peek(guest, table_entry(selector) + 4, 4);
	limit = (low & 0xffff) | (high & 0xf0000);
	if (high & 0x800000)
		limit = limit << 12 | 0xfff;
	set_hidden(guest, which, selector, low >> 16 | (high & 0xff) << 16 | (high & 0xff000000u), limit,
		   high >> 8 & 0xf0ff);
}

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };

void at_privilege(struct guest *guest, unsigned cpl)
{
	load_segment(guest, CS, cpl ? CODE3 : CODE0);
	load_segment(guest, SS, cpl ? DATA3 : DATA0);
	set(guest, CBX_RSP, cpl ? STACK3 : STACK0 - 0x400);
	set(guest, CBX_RIP, CODE_AT);
}

void guest_new(struct guest *guest, const char *cpu)
{
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 16 << 20,
						.cpu = cpu ? cpu : "pentium3,-mmx,+nx" };
	static const uint8_t hlt = 0xf4;
	const char *hostile = getenv("SYSTEM_GUEST");   /* "small" caches, "single" blocks */

	options.small_caches = hostile && strcmp(hostile, "small") == 0;
	options.single_step_blocks = hostile && strcmp(hostile, "single") == 0;
	assert_int_equal(cbx_machine_new(&options, &guest->machine, NULL), CBX_OK);
	descriptor(guest, CODE0, 0, 0xfffff, A_CODE32);
	descriptor(guest, DATA0, 0, 0xfffff, A_DATA32);
	descriptor(guest, CODE3, 0, 0xfffff, A_CODE32 | A_DPL);
	descriptor(guest, DATA3, 0, 0xfffff, A_DATA32 | A_DPL);
	descriptor(guest, TSS, TSS_AT, 0x2fff, 0x8b);
	descriptor(guest, LDT, LDT_AT, 0xff, 0x82);
	descriptor(guest, CODE16, 0, 0xffff, 0x9b);
	for (unsigned n = 0; n < 256; n++) {
		idt_gate(guest, n, CODE0, HANDLERS + 16 * n, 0x8e);
		poke_bytes(guest, HANDLERS + 16 * n, &hlt, 1);
	}
	poke(guest, TSS_AT + 4, 4, STACK0);
	poke(guest, TSS_AT + 8, 4, DATA0);
	poke(guest, TSS_AT + 102, 2, 0x3000);   /* no I/O map */
	set(guest, CBX_GDTR_BASE, GDT_AT);
	set(guest, CBX_GDTR_LIMIT, 0xff);
	set(guest, CBX_IDTR_BASE, IDT_AT);
	set(guest, CBX_IDTR_LIMIT, 0x7ff);
	set(guest, CBX_CR0, 0x11);
	for (unsigned n = ES; n <= GS; n++)
		load_segment(guest, n, DATA0);
	load_segment(guest, LDTR, LDT);
	load_segment(guest, TR, TSS);
	set(guest, CBX_RFLAGS, 2);
	at_privilege(guest, 0);
}

void guest_free(struct guest *guest)
{
	cbx_machine_free(guest->machine);
}

void at_v86(struct guest *guest, unsigned iopl)
{
	for (unsigned n = ES; n <= GS; n++)
		set_hidden(guest, n, 0x3000, 0x30000, 0xffff, 0xf3);
	set_hidden(guest, CS, 0x1000, 0x10000, 0xffff, 0xf3);
	set_hidden(guest, SS, 0x2000, 0x20000, 0xffff, 0xf3);
	set(guest, CBX_RFLAGS, 0x20002 | iopl << 12);
	set(guest, CBX_RSP, 0x1000);
	set(guest, CBX_RIP, 0);
}

void at_real(struct guest *guest)
{
	set(guest, CBX_CR0, 0x10);
	for (unsigned n = ES; n <= GS; n++)
		set_hidden(guest, n, 0x3000, 0x30000, 0xffff, 0x93);
	set_hidden(guest, CS, 0x1000, 0x10000, 0xffff, 0x93);
	set_hidden(guest, SS, 0x2000, 0x20000, 0xffff, 0x93);
	set(guest, CBX_RFLAGS, 2);
	set(guest, CBX_RSP, 0x1000);
	set(guest, CBX_RIP, 0);
	set(guest, CBX_IDTR_BASE, 0);
	set(guest, CBX_IDTR_LIMIT, 0x3ff);
}

static bool has_error_code(int vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

struct outcome outcome(struct guest *guest)
{
	struct outcome got = { .vector = NONE };
	uint64_t rip = reg(guest, CBX_RIP), sp;

	if (!(reg(guest, CBX_CR0) & 1) || reg(guest, CBX_CS) != CODE0 || rip < HANDLERS ||
	    rip >= HANDLERS + 256 * 16 || rip % 16)
		return got;
	got.vector = (int)(rip - HANDLERS) / 16;
	sp = reg(guest, CBX_SS_BASE) + reg(guest, CBX_RSP);
	if (has_error_code(got.vector)) {
		got.error = peek(guest, sp, 4);
		sp += 4;
	}
	got.eip = peek(guest, sp, 4);
	got.cs = peek(guest, sp + 4, 4);
	got.eflags = peek(guest, sp + 8, 4);
	return got;
}

struct outcome step(struct guest *guest)
{
	struct cbx_stop stop;

	for (unsigned n = 0; n < CBX_GDTR_BASE; n++)
		guest->before[n] = reg(guest, n);
	assert_int_equal(cbx_step(guest->machine, &stop), CBX_OK);
	return outcome(guest);
}

struct outcome run(struct guest *guest, const char *bytes, size_t count)
{
	poke_bytes(guest, reg(guest, CBX_CS_BASE) + reg(guest, CBX_RIP), bytes, count);
	return step(guest);
}

/* After a fault: the frame leads back to the instruction, and nothing else has changed. */
static const char *trace(struct guest *guest, const struct outcome *got)
{
	static const enum cbx_register same[] = { CBX_RAX, CBX_RCX, CBX_RDX, CBX_RBX, CBX_RBP, CBX_RSI,
						  CBX_RDI, CBX_LDTR, CBX_TR };

	for (size_t n = 0; n < sizeof(same) / sizeof(same[0]); n++)
		if (reg(guest, same[n]) != guest->before[same[n]])
			return cbx_register_name(same[n]);
	if (!(guest->before[CBX_RFLAGS] & 0x20000))
		for (unsigned n = CBX_DS; n <= CBX_GS; n++)
			if (reg(guest, n) != guest->before[n] ||
			    reg(guest, CBX_ES_ATTRIBUTES + n - CBX_ES) !=
			    guest->before[CBX_ES_ATTRIBUTES + n - CBX_ES])
				return cbx_register_name(n);
	if (got->eip != guest->before[CBX_RIP])
		return "eip";
	if (got->cs != guest->before[CBX_CS])
		return "cs";
	return (got->eflags & 0x3e7fd7) == (guest->before[CBX_RFLAGS] & 0x3e7fd7) ? NULL : "eflags";
}

void expect_at(struct guest *guest, const char *what, struct outcome got, int vector, uint32_t error,
	       const char *file, int line)
{
	if (got.vector != vector || (has_error_code(vector) && got.error != error)) {
		print_error("%s: vector %d error %#x, expected vector %d error %#x\n", what, got.vector,
			    got.error, vector, error);
		_fail(file, line);
	}
	if (vector >= 10 && vector <= 14 && trace(guest, &got)) {
		print_error("%s: the fault changed %s\n", what, trace(guest, &got));
		_fail(file, line);
	}
}
