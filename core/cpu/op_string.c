/*
 * MOVS, CMPS, STOS, LODS and SCAS, alone and repeated.  Repeated ones work on whole runs
 * inside a page when the TLB knows both pages; everything else goes element by element.
 */
#include "string_ops.h"

static INLINE bool rep_is(const struct insn *i)
{
	return i->flags & (INSN_REP | INSN_REPNE);
}

/* Flags of a - b. */
static INLINE void compare(struct cpu *cpu, unsigned width, uint64_t a, uint64_t b)
{
	uint64_t r = a - b, carries = CARRIES_SUB(a, b, r);

	switch (width) {
	case 1: flags_8(cpu, (uint8_t)r, (uint32_t)carries); break;
	case 2: flags_16(cpu, (uint16_t)r, (uint32_t)carries); break;
	case 4: flags_32(cpu, (uint32_t)r, (uint32_t)carries); break;
	default: flags_64(cpu, r, carries); break;
	}
}

static INLINE uint64_t host_get(const uint8_t *at, unsigned width)
{
	return width == 1 ? get8(at) : width == 2 ? get16(at) : width == 4 ? get32(at) : get64(at);
}

static INLINE uint64_t accumulator(const struct cpu *cpu, unsigned width)
{
	return cpu->reg[REG_AX] & UINT64_MAX >> (64 - 8 * width);
}

static INLINE uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- One element --------------------------------------------------------------------------- */

static INLINE bool movs(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t mask = string_mask(i), from, to;
	int64_t step = string_step(cpu, width);
	uint64_t value;

	if (!string_linear(cpu, i->segment, cpu->reg[REG_SI] & mask, width, false, &from) ||
	    !string_load(cpu, i, from, width, &value) ||
	    !string_linear(cpu, SEG_ES, cpu->reg[REG_DI] & mask, width, true, &to) ||
	    !string_store(cpu, i, to, width, value))
		return false;
	string_add(cpu, REG_SI, mask, step);
	string_add(cpu, REG_DI, mask, step);
	return true;
}

static INLINE bool cmps(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t mask = string_mask(i), from, to;
	int64_t step = string_step(cpu, width);
	uint64_t a, b;

	if (!string_linear(cpu, i->segment, cpu->reg[REG_SI] & mask, width, false, &from) ||
	    !string_load(cpu, i, from, width, &a) ||
	    !string_linear(cpu, SEG_ES, cpu->reg[REG_DI] & mask, width, false, &to) ||
	    !string_load(cpu, i, to, width, &b))
		return false;
	compare(cpu, width, a, b);
	string_add(cpu, REG_SI, mask, step);
	string_add(cpu, REG_DI, mask, step);
	return true;
}

static INLINE bool stos(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t mask = string_mask(i), to;

	if (!string_linear(cpu, SEG_ES, cpu->reg[REG_DI] & mask, width, true, &to) ||
	    !string_store(cpu, i, to, width, accumulator(cpu, width)))
		return false;
	string_add(cpu, REG_DI, mask, string_step(cpu, width));
	return true;
}

static INLINE void accumulator_set(struct cpu *cpu, unsigned width, uint64_t value)
{
	switch (width) {
	case 1: set_reg8(cpu, BYTE_REGISTER_AL, (uint8_t)value); break;
	case 2: set_reg16(cpu, REG_AX, (uint16_t)value); break;
	case 4: set_reg32(cpu, REG_AX, (uint32_t)value); break;
	default: set_reg64(cpu, REG_AX, value); break;
	}
}

static INLINE bool lods(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t mask = string_mask(i), from;
	uint64_t value;

	if (!string_linear(cpu, i->segment, cpu->reg[REG_SI] & mask, width, false, &from) ||
	    !string_load(cpu, i, from, width, &value))
		return false;
	accumulator_set(cpu, width, value);
	string_add(cpu, REG_SI, mask, string_step(cpu, width));
	return true;
}

static INLINE bool scas(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t mask = string_mask(i), to;
	uint64_t value;

	if (!string_linear(cpu, SEG_ES, cpu->reg[REG_DI] & mask, width, false, &to) ||
	    !string_load(cpu, i, to, width, &value))
		return false;
	compare(cpu, width, accumulator(cpu, width), value);
	string_add(cpu, REG_DI, mask, string_step(cpu, width));
	return true;
}

/* ---- Runs: as many elements at once as plain RAM allows; 0: go by elements ---------------------- */

/* Element by element from low to high addresses, as the instruction does it. */
static void copy_up(uint8_t *to, const uint8_t *from, uint64_t bytes, unsigned width)
{
	uint64_t distance = (uint64_t)((uintptr_t)to - (uintptr_t)from);

	if (distance >= bytes) {                /* also when to is below from */
		memmove(to, from, (size_t)bytes);
		return;
	}
	if (distance >= width) {
		/* What was written is read again: a pattern of this length spreads. */
		size_t part = (size_t)(distance - distance % width);

		while (bytes) {
			size_t n = bytes < part ? (size_t)bytes : part;

			memcpy(to, from, n);
			to += n;
			from += n;
			bytes -= n;
		}
		return;
	}
	for (; bytes; bytes -= width, to += width, from += width) {
		uint8_t element[8];

		memcpy(element, from, width);
		memcpy(to, element, width);
	}
}

static uint64_t movs_run(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t most, uint64_t mask)
{
	const struct tlb_entry *source, *target;
	uint64_t from, to, n;

	n = string_run(cpu, i->segment, cpu->reg[REG_SI] & mask, width, false, mask, &from);
	n = n ? least(n, string_run(cpu, SEG_ES, cpu->reg[REG_DI] & mask, width, true, mask, &to)) : 0;
	if (!n)
		return 0;
	source = tlb_read_entry(cpu, from);
	target = tlb_write_entry(cpu, to);
	if (!tlb_hit(source, from, 1) || !tlb_hit(target, to, 1))
		return 0;
	n = least(n, most);
	copy_up(tlb_host(target, to), tlb_host(source, from), n * width, width);
	string_add(cpu, REG_SI, mask, (int64_t)(n * width));
	string_add(cpu, REG_DI, mask, (int64_t)(n * width));
	return n;
}

static uint64_t stos_run(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t most, uint64_t mask)
{
	uint64_t value = accumulator(cpu, width);
	const struct tlb_entry *target;
	uint64_t to, n = string_run(cpu, SEG_ES, cpu->reg[REG_DI] & mask, width, true, mask, &to);
	uint8_t *at;

	(void)i;
	if (!n)
		return 0;
	target = tlb_write_entry(cpu, to);
	if (!tlb_hit(target, to, 1))
		return 0;
	n = least(n, most);
	at = tlb_host(target, to);
	if (value == ((value & 0xff) * 0x0101010101010101ull & UINT64_MAX >> (64 - 8 * width))) {
		memset(at, (int)(value & 0xff), (size_t)(n * width));
	} else {
		for (uint64_t k = 0; k < n; k++) {
			if (width == 2)
				put16(at + 2 * k, (uint16_t)value);
			else if (width == 4)
				put32(at + 4 * k, (uint32_t)value);
			else
				put64(at + 8 * k, value);
		}
	}
	string_add(cpu, REG_DI, mask, (int64_t)(n * width));
	return n;
}

static uint64_t lods_run(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t most, uint64_t mask)
{
	const struct tlb_entry *source;
	uint64_t from, n = string_run(cpu, i->segment, cpu->reg[REG_SI] & mask, width, false, mask, &from);

	if (!n)
		return 0;
	source = tlb_read_entry(cpu, from);
	if (!tlb_hit(source, from, 1))
		return 0;
	n = least(n, most);
	accumulator_set(cpu, width, host_get(tlb_host(source, from) + (n - 1) * width, width));
	string_add(cpu, REG_SI, mask, (int64_t)(n * width));
	return n;
}

/* Up to and including the first element that ends the loop: equal or not as asked. */
static uint64_t scas_run(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t most, uint64_t mask)
{
	uint64_t want = accumulator(cpu, width), last = 0;
	bool until_equal = i->flags & INSN_REPNE;
	const struct tlb_entry *target;
	uint64_t to, k = 0, n = string_run(cpu, SEG_ES, cpu->reg[REG_DI] & mask, width, false, mask, &to);
	const uint8_t *at;

	if (!n)
		return 0;
	target = tlb_read_entry(cpu, to);
	if (!tlb_hit(target, to, 1))
		return 0;
	n = least(n, most);
	at = tlb_host(target, to);
	if (width == 1 && until_equal) {
		const uint8_t *found = memchr(at, (int)want, (size_t)n);

		k = found ? (uint64_t)(found - at) + 1 : n;
		last = at[k - 1];
	} else {
		while (k < n) {
			last = host_get(at + k * width, width);
			k++;
			if ((last == want) == until_equal)
				break;
		}
	}
	compare(cpu, width, want, last);
	string_add(cpu, REG_DI, mask, (int64_t)(k * width));
	return k;
}

static uint64_t cmps_run(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t most, uint64_t mask)
{
	bool until_equal = i->flags & INSN_REPNE;
	const struct tlb_entry *source, *target;
	const uint8_t *a, *b;
	uint64_t from, to, n, k = 0;
	uint64_t x = 0, y = 0;

	n = string_run(cpu, i->segment, cpu->reg[REG_SI] & mask, width, false, mask, &from);
	n = n ? least(n, string_run(cpu, SEG_ES, cpu->reg[REG_DI] & mask, width, false, mask, &to)) : 0;
	if (!n)
		return 0;
	source = tlb_read_entry(cpu, from);
	target = tlb_read_entry(cpu, to);
	if (!tlb_hit(source, from, 1) || !tlb_hit(target, to, 1))
		return 0;
	n = least(n, most);
	a = tlb_host(source, from);
	b = tlb_host(target, to);
	while (k < n) {
		x = host_get(a + k * width, width);
		y = host_get(b + k * width, width);
		k++;
		if ((x == y) == until_equal)
			break;
	}
	compare(cpu, width, x, y);
	string_add(cpu, REG_SI, mask, (int64_t)(k * width));
	string_add(cpu, REG_DI, mask, (int64_t)(k * width));
	return k;
}

/* ---- Repeated ------------------------------------------------------------------------------------- */

typedef bool string_one(struct cpu *cpu, const struct insn *i, unsigned width);
typedef uint64_t string_many(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t most,
			     uint64_t mask);

/* conditional: REPE and REPNE look at ZF after each iteration. */
static INLINE const struct insn *repeat(struct cpu *cpu, const struct insn *i, unsigned width,
					string_one *one, string_many *many, bool conditional)
{
	bool until_equal = i->flags & INSN_REPNE, up = !(cpu->eflags & FLAG_DF);
	struct rep rep;

	rep_begin(cpu, i, &rep);
	while (rep.left) {
		uint64_t n = 0;

		if (rep.done == rep.allowed)
			return rep_leave(cpu, i);
		if (up)
			n = many(cpu, i, width, least(rep.left, rep.allowed - rep.done), rep.mask);
		if (n) {
			rep_advance(cpu, &rep, n);
		} else {
			if (!one(cpu, i, width))
				return cpu_fault(cpu, i);
			rep_advance(cpu, &rep, 1);
			if (rep_disturbed(cpu, &rep) && rep.left &&
			    !(conditional && flag_zf(cpu) == until_equal))
				return rep_leave(cpu, i);
		}
		if (conditional && flag_zf(cpu) == until_equal)
			break;
	}
	return rep_end(cpu, i, &rep);
}

#define STRING_HANDLERS(one, conditional, byte_name, wide_name)                                   \
static NOINLINE const struct insn *one##_repeat(struct cpu *cpu, const struct insn *i,            \
						unsigned width)                                   \
{                                                                                                 \
	return repeat(cpu, i, width, one, one##_run, conditional);                                \
}                                                                                                 \
HANDLER(byte_name)                                                                                \
{                                                                                                 \
	if (unlikely(rep_is(i)))                                                                  \
		return one##_repeat(cpu, i, 1);                                                   \
	if (unlikely(!one(cpu, i, 1)))                                                            \
		return cpu_fault(cpu, i);                                                         \
	NEXT(cpu, i);                                                                             \
}                                                                                                 \
HANDLER(wide_name)                                                                                \
{                                                                                                 \
	if (unlikely(rep_is(i)))                                                                  \
		return one##_repeat(cpu, i, i->width);                                            \
	if (unlikely(!(i->width == 2 ? one(cpu, i, 2) : i->width == 4 ? one(cpu, i, 4)            \
								      : one(cpu, i, 8))))         \
		return cpu_fault(cpu, i);                                                         \
	NEXT(cpu, i);                                                                             \
}
STRING_HANDLERS(movs, false, op_MOVS_Yb_Xb, op_MOVS_Yv_Xv)
STRING_HANDLERS(cmps, true, op_CMPS_Xb_Yb, op_CMPS_Xv_Yv)
STRING_HANDLERS(stos, false, op_STOS_Yb_AL, op_STOS_Yv_eAX)
STRING_HANDLERS(lods, false, op_LODS_AL_Xb, op_LODS_eAX_Xv)
STRING_HANDLERS(scas, true, op_SCAS_AL_Yb, op_SCAS_eAX_Yv)
