/* BT, BTS, BTR, BTC, BSF, BSR, and BOUND (SDM volume 2). */
#include "access.h"
#include "flags.h"
#include "handlers.h"

enum bit_change { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

static INLINE uint64_t changed(uint64_t value, uint64_t bit, enum bit_change change)
{
	switch (change) {
	case BIT_SET: return value | bit;
	case BIT_RESET: return value & ~bit;
	case BIT_COMPLEMENT: return value ^ bit;
	default: return value;
	}
}

/*
 * With a register for the bit number, memory is addressed beyond the operand: the number
 * is signed, and the word or doubleword that holds the bit is the one accessed.
 */
static NOINLINE bool bit_by_register(struct cpu *cpu, const struct insn *i, enum bit_change change)
{
	unsigned width = i->width, bits = 8 * width;
	uint64_t number = reg_get(cpu, i->src, width), value, linear, offset;
	uint64_t bit = 1ull << (number & (bits - 1));
	int64_t index = width == 2 ? (int16_t)number >> 4
				   : width == 4 ? (int32_t)number >> 5 : (int64_t)number >> 6;

	if (!(i->flags & INSN_MEMORY)) {
		value = reg_get(cpu, i->dst, width);
		flag_set_cf(cpu, value & bit);
		if (change != BIT_TEST)
			reg_set(cpu, i->dst, width, changed(value, bit, change));
		return true;
	}
	offset = cpu->reg[i->base] + (cpu->reg[i->index] << i->scale) + (uint64_t)i->displacement +
		 (uint64_t)(index * (int64_t)width);
	offset &= address_mask(i);
	if (!segment_linear(cpu, i->segment, offset, width, change != BIT_TEST, &linear))
		return false;
	if (change == BIT_TEST) {
		if (!load_width(cpu, i, linear, width, &value))
			return false;
	} else {
		if (!modify_slow(cpu, i, linear, width))
			return false;
		value = cpu->loaded;
		store_after_modify(cpu, linear, width, changed(value, bit, change));
	}
	flag_set_cf(cpu, value & bit);
	return true;
}

HANDLER(op_BT_Ev_Gv)
{
	if (!bit_by_register(cpu, i, BIT_TEST))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_BTS_Ev_Gv)
{
	if (!bit_by_register(cpu, i, BIT_SET))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_BTR_Ev_Gv)
{
	if (!bit_by_register(cpu, i, BIT_RESET))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_BTC_Ev_Gv)
{
	if (!bit_by_register(cpu, i, BIT_COMPLEMENT))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}


#define BIT_BY_IMMEDIATE(W, NAME, change)                                                       \
HANDLER(op_##NAME##_Ev_Ib_##W##_r)                                                              \
{                                                                                               \
	uint##W##_t value = reg##W(cpu, i->dst), bit = (uint##W##_t)(1ull << (i->imm & (W - 1))); \
                                                                                                \
	if (change != BIT_TEST)                                                                 \
		set_reg##W(cpu, i->dst, (uint##W##_t)changed(value, bit, change));              \
	flag_set_cf(cpu, value & bit);                                                          \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##NAME##_Ev_Ib_##W##_m)                                                       \
{                                                                                               \
	uint##W##_t value, bit = (uint##W##_t)(1ull << (i->imm & (W - 1)));                       \
	uint64_t linear = ea(cpu, i);                                                           \
	uint8_t *host;                                                                          \
                                                                                                \
	if (change == BIT_TEST) {                                                               \
		if (!hot_load##W(cpu, i, slow, linear, &value))                                 \
			return otherwise(cpu, i);                                               \
	} else {                                                                                \
		if (!hot_modify##W(cpu, i, slow, linear, &value, &host))                        \
			return otherwise(cpu, i);                                               \
		hot_modified##W(cpu, slow, linear, (uint##W##_t)changed(value, bit, change), host); \
	}                                                                                       \
	flag_set_cf(cpu, value & bit);                                                          \
	NEXT(cpu, i);                                                                           \
}
BIT_BY_IMMEDIATE(16, BT, BIT_TEST)
BIT_BY_IMMEDIATE(32, BT, BIT_TEST)
BIT_BY_IMMEDIATE(64, BT, BIT_TEST)
BIT_BY_IMMEDIATE(16, BTS, BIT_SET)
BIT_BY_IMMEDIATE(32, BTS, BIT_SET)
BIT_BY_IMMEDIATE(64, BTS, BIT_SET)
BIT_BY_IMMEDIATE(16, BTR, BIT_RESET)
BIT_BY_IMMEDIATE(32, BTR, BIT_RESET)
BIT_BY_IMMEDIATE(64, BTR, BIT_RESET)
BIT_BY_IMMEDIATE(16, BTC, BIT_COMPLEMENT)
BIT_BY_IMMEDIATE(32, BTC, BIT_COMPLEMENT)
BIT_BY_IMMEDIATE(64, BTC, BIT_COMPLEMENT)

/* The index of the lowest or highest set bit; value is not 0. */
static INLINE unsigned lowest(uint64_t value)
{
	unsigned n = 0;

	for (unsigned step = 32; step; step >>= 1)
		if (!(value & ((1ull << step) - 1))) {
			value >>= step;
			n += step;
		}
	return n;
}

static INLINE unsigned highest(uint64_t value)
{
	unsigned n = 0;

	for (unsigned step = 32; step; step >>= 1)
		if (value >> step) {
			value >>= step;
			n += step;
		}
	return n;
}

/* Source 0: ZF is set and the destination keeps its value, as on every processor made. */
#define BIT_SCAN(W, NAME, fn)                                                                   \
HANDLER(op_##NAME##_Gv_Ev_##W##_r)                                                              \
{                                                                                               \
	uint##W##_t value = reg##W(cpu, i->src);                                                \
                                                                                                \
	if (value)                                                                              \
		set_reg##W(cpu, i->dst, (uint##W##_t)fn(value));                                \
	flag_set_zf(cpu, !value);                                                               \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##NAME##_Gv_Ev_##W##_m)                                                              \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!load##W(cpu, i, ea(cpu, i), &value))                                               \
		return cpu_fault(cpu, i);                                                       \
	if (value)                                                                              \
		set_reg##W(cpu, i->dst, (uint##W##_t)fn(value));                                \
	flag_set_zf(cpu, !value);                                                               \
	NEXT(cpu, i);                                                                           \
}
BIT_SCAN(16, BSF, lowest)
BIT_SCAN(32, BSF, lowest)
BIT_SCAN(64, BSF, lowest)
BIT_SCAN(16, BSR, highest)
BIT_SCAN(32, BSR, highest)
BIT_SCAN(64, BSR, highest)

static NOINLINE bool bound(struct cpu *cpu, const struct insn *i)
{
	unsigned width = i->width;
	uint64_t linear = ea(cpu, i), low, high;
	int64_t index, first, last;

	if (!load_width(cpu, i, linear, width, &low) ||
	    !load_width(cpu, i, (uint32_t)(linear + width), width, &high))
		return false;
	index = width == 2 ? (int16_t)cpu->reg[i->dst] : (int32_t)cpu->reg[i->dst];
	first = width == 2 ? (int16_t)low : (int32_t)low;
	last = width == 2 ? (int16_t)high : (int32_t)high;
	if (index < first || index > last)
		return cpu_raise(cpu, VECTOR_BR);
	return true;
}

HANDLER_OF(op_BOUND_Gv_Ma, bound)
