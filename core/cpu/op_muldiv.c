/*
 * MUL, IMUL, DIV, IDIV and the decimal instructions AAA, AAS, AAD, AAM, DAA, DAS (SDM
 * volume 2).  A quotient that does not fit, and division by zero, are #DE.
 */
#include "access.h"
#include "flags.h"
#include "handlers.h"
#include "wide_integer.h"

/* MUL and IMUL: CF and OF say whether the upper half means something; the rest follows the low half. */
static INLINE void multiply_flags(struct cpu *cpu, int64_t low, bool overflow)
{
	cpu->flag_result = low;
	cpu->flag_carry = overflow ? 0x80000000u : 0;
}

static INLINE bool mul_8(struct cpu *cpu, uint8_t by)
{
	uint16_t r = (uint16_t)((uint8_t)cpu->reg[REG_AX] * by);

	set_reg16(cpu, REG_AX, r);
	multiply_flags(cpu, (int8_t)r, r >> 8);
	return true;
}
static INLINE bool mul_16(struct cpu *cpu, uint16_t by)
{
	uint32_t r = (uint32_t)(uint16_t)cpu->reg[REG_AX] * by;

	set_reg16(cpu, REG_AX, (uint16_t)r);
	set_reg16(cpu, REG_DX, (uint16_t)(r >> 16));
	multiply_flags(cpu, (int16_t)r, r >> 16);
	return true;
}
static INLINE bool mul_32(struct cpu *cpu, uint32_t by)
{
	uint64_t r = (uint64_t)(uint32_t)cpu->reg[REG_AX] * by;

	cpu->reg[REG_AX] = (uint32_t)r;
	cpu->reg[REG_DX] = r >> 32;
	multiply_flags(cpu, (int32_t)r, r >> 32);
	return true;
}
static INLINE bool imul_8(struct cpu *cpu, uint8_t by)
{
	int r = (int8_t)cpu->reg[REG_AX] * (int8_t)by;

	set_reg16(cpu, REG_AX, (uint16_t)r);
	multiply_flags(cpu, (int8_t)r, r != (int8_t)r);
	return true;
}
static INLINE bool imul_16(struct cpu *cpu, uint16_t by)
{
	int32_t r = (int16_t)cpu->reg[REG_AX] * (int16_t)by;

	set_reg16(cpu, REG_AX, (uint16_t)r);
	set_reg16(cpu, REG_DX, (uint16_t)(r >> 16));
	multiply_flags(cpu, (int16_t)r, r != (int16_t)r);
	return true;
}
static INLINE bool imul_32(struct cpu *cpu, uint32_t by)
{
	int64_t r = (int64_t)(int32_t)cpu->reg[REG_AX] * (int32_t)by;

	cpu->reg[REG_AX] = (uint32_t)r;
	cpu->reg[REG_DX] = (uint32_t)(r >> 32);
	multiply_flags(cpu, (int32_t)r, r != (int32_t)r);
	return true;
}

static INLINE bool mul_64(struct cpu *cpu, uint64_t by)
{
	uint64_t low, high = multiply_wide(cpu->reg[REG_AX], by, &low);

	cpu->reg[REG_AX] = low;
	cpu->reg[REG_DX] = high;
	multiply_flags(cpu, (int64_t)low, high);
	return true;
}
static INLINE bool imul_64(struct cpu *cpu, uint64_t by)
{
	uint64_t low, high = multiply_wide_signed(cpu->reg[REG_AX], by, &low);

	cpu->reg[REG_AX] = low;
	cpu->reg[REG_DX] = high;
	multiply_flags(cpu, (int64_t)low, high != (uint64_t)((int64_t)low >> 63));
	return true;
}

/* Divisions leave all flags as they are (they are undefined). */
static INLINE bool div_8(struct cpu *cpu, uint8_t by)
{
	uint16_t n = (uint16_t)cpu->reg[REG_AX];

	if (!by || n / by > 0xff)
		return cpu_raise(cpu, VECTOR_DE);
	set_reg16(cpu, REG_AX, (uint16_t)(n % by << 8 | n / by));
	return true;
}
static INLINE bool div_16(struct cpu *cpu, uint16_t by)
{
	uint32_t n = (uint32_t)(uint16_t)cpu->reg[REG_DX] << 16 | (uint16_t)cpu->reg[REG_AX];

	if (!by || n / by > 0xffff)
		return cpu_raise(cpu, VECTOR_DE);
	set_reg16(cpu, REG_AX, (uint16_t)(n / by));
	set_reg16(cpu, REG_DX, (uint16_t)(n % by));
	return true;
}
static INLINE bool div_32(struct cpu *cpu, uint32_t by)
{
	uint64_t n = cpu->reg[REG_DX] << 32 | (uint32_t)cpu->reg[REG_AX];

	if (by <= (uint32_t)cpu->reg[REG_DX])   /* zero, or a quotient of more than 32 bits */
		return cpu_raise(cpu, VECTOR_DE);
	cpu->reg[REG_AX] = n / by;
	cpu->reg[REG_DX] = n % by;
	return true;
}
static INLINE bool idiv_8(struct cpu *cpu, uint8_t by)
{
	int n = (int16_t)cpu->reg[REG_AX], d = (int8_t)by;

	if (!d || n / d != (int8_t)(n / d))
		return cpu_raise(cpu, VECTOR_DE);
	set_reg16(cpu, REG_AX, (uint16_t)((unsigned)(n % d) << 8 | (uint8_t)(n / d)));
	return true;
}
static INLINE bool idiv_16(struct cpu *cpu, uint16_t by)
{
	int64_t n = (int32_t)((uint32_t)(uint16_t)cpu->reg[REG_DX] << 16 | (uint16_t)cpu->reg[REG_AX]);
	int64_t d = (int16_t)by;

	if (!d || n / d != (int16_t)(n / d))
		return cpu_raise(cpu, VECTOR_DE);
	set_reg16(cpu, REG_AX, (uint16_t)(n / d));
	set_reg16(cpu, REG_DX, (uint16_t)(n % d));
	return true;
}
static INLINE bool idiv_32(struct cpu *cpu, uint32_t by)
{
	int64_t n = (int64_t)(cpu->reg[REG_DX] << 32 | (uint32_t)cpu->reg[REG_AX]);
	int64_t d = (int32_t)by;

	/* The one quotient that even 64 bits cannot hold is left out first. */
	if (!d || (n == INT64_MIN && d == -1) || n / d != (int32_t)(n / d))
		return cpu_raise(cpu, VECTOR_DE);
	cpu->reg[REG_AX] = (uint32_t)(n / d);
	cpu->reg[REG_DX] = (uint32_t)(n % d);
	return true;
}

static INLINE bool div_64(struct cpu *cpu, uint64_t by)
{
	uint64_t high = cpu->reg[REG_DX], remainder;

	if (by <= high)
		return cpu_raise(cpu, VECTOR_DE);
	cpu->reg[REG_AX] = divide_wide(high, cpu->reg[REG_AX], by, &remainder);
	cpu->reg[REG_DX] = remainder;
	return true;
}
/* By magnitudes: the quotient has the sign of the two together, the remainder the dividend's. */
static INLINE bool idiv_64(struct cpu *cpu, uint64_t by)
{
	uint64_t high = cpu->reg[REG_DX], low = cpu->reg[REG_AX], quotient, remainder;
	bool negative = high >> 63, differ = negative != (by >> 63);

	if (negative) {
		high = ~high + !low;
		low = 0 - low;
	}
	by = by >> 63 ? 0 - by : by;
	if (by <= high)
		return cpu_raise(cpu, VECTOR_DE);
	quotient = divide_wide(high, low, by, &remainder);
	if (quotient > (uint64_t)INT64_MAX + differ)
		return cpu_raise(cpu, VECTOR_DE);
	cpu->reg[REG_AX] = differ ? 0 - quotient : quotient;
	cpu->reg[REG_DX] = negative ? 0 - remainder : remainder;
	return true;
}

#define BY_OPERAND(W, fn, name_r, name_m)                                                       \
HANDLER(op_##name_r)                                                                            \
{                                                                                               \
	if (!fn##_##W(cpu, reg##W(cpu, i->dst)))                                                \
		return cpu_fault(cpu, i);                                                       \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##name_m)                                                                     \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	if (!fn##_##W(cpu, value))                                                              \
		return cpu_fault(cpu, i);                                                       \
	NEXT(cpu, i);                                                                           \
}
#define MULTIPLY_DIVIDE(NAME, fn)                                                               \
BY_OPERAND(8, fn, NAME##_Eb_r, NAME##_Eb_m)                                                     \
BY_OPERAND(16, fn, NAME##_Ev_16_r, NAME##_Ev_16_m)                                              \
BY_OPERAND(32, fn, NAME##_Ev_32_r, NAME##_Ev_32_m)                                              \
BY_OPERAND(64, fn, NAME##_Ev_64_r, NAME##_Ev_64_m)
MULTIPLY_DIVIDE(MUL, mul)
MULTIPLY_DIVIDE(IMUL, imul)
MULTIPLY_DIVIDE(DIV, div)
MULTIPLY_DIVIDE(IDIV, idiv)

static INLINE uint16_t product_16(struct cpu *cpu, uint16_t a, uint16_t b)
{
	int32_t r = (int16_t)a * (int16_t)b;

	multiply_flags(cpu, (int16_t)r, r != (int16_t)r);
	return (uint16_t)r;
}
static INLINE uint32_t product_32(struct cpu *cpu, uint32_t a, uint32_t b)
{
	int64_t r = (int64_t)(int32_t)a * (int32_t)b;

	multiply_flags(cpu, (int32_t)r, r != (int32_t)r);
	return (uint32_t)r;
}

static INLINE uint64_t product_64(struct cpu *cpu, uint64_t a, uint64_t b)
{
	uint64_t low, high = multiply_wide_signed(a, b, &low);

	multiply_flags(cpu, (int64_t)low, high != (uint64_t)((int64_t)low >> 63));
	return low;
}

#define PRODUCT(W)                                                                              \
HANDLER(op_IMUL_Gv_Ev_##W##_r)                                                                  \
{                                                                                               \
	set_reg##W(cpu, i->dst, product_##W(cpu, reg##W(cpu, i->dst), reg##W(cpu, i->src)));    \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_IMUL_Gv_Ev_Iz_##W##_r)                                                               \
{                                                                                               \
	set_reg##W(cpu, i->dst, product_##W(cpu, reg##W(cpu, i->src), (uint##W##_t)i->imm));    \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_IMUL_Gv_Ev_##W##_m)                                                           \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	set_reg##W(cpu, i->dst, product_##W(cpu, reg##W(cpu, i->dst), value));                  \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_IMUL_Gv_Ev_Iz_##W##_m)                                                        \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	set_reg##W(cpu, i->dst, product_##W(cpu, value, (uint##W##_t)i->imm));                  \
	NEXT(cpu, i);                                                                           \
}
PRODUCT(16)
PRODUCT(32)
PRODUCT(64)

/* ---- Decimal ------------------------------------------------------------------------------ */

/* SF, ZF and PF of AL, with CF, AF and OF as given. */
static void decimal_flags(struct cpu *cpu, uint8_t al, bool cf, bool af, bool of)
{
	cpu->flag_result = (int8_t)al;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30 | (af ? 8u : 0u);
}

HANDLER(op_AAA)
{
	uint8_t al = (uint8_t)cpu->reg[REG_AX];
	bool adjust = (al & 15) > 9 || flag_af(cpu);

	if (adjust)
		set_reg16(cpu, REG_AX, (uint16_t)(cpu->reg[REG_AX] + 0x106));
	set_reg8(cpu, BYTE_REGISTER_AL, (uint8_t)(cpu->reg[REG_AX] & 15));
	decimal_flags(cpu, (uint8_t)cpu->reg[REG_AX], adjust, adjust, false);
	NEXT(cpu, i);
}

HANDLER(op_AAS)
{
	uint8_t al = (uint8_t)cpu->reg[REG_AX];
	bool adjust = (al & 15) > 9 || flag_af(cpu);

	if (adjust)
		set_reg16(cpu, REG_AX, (uint16_t)(cpu->reg[REG_AX] - 0x106));
	set_reg8(cpu, BYTE_REGISTER_AL, (uint8_t)(cpu->reg[REG_AX] & 15));
	decimal_flags(cpu, (uint8_t)cpu->reg[REG_AX], adjust, adjust, false);
	NEXT(cpu, i);
}

HANDLER(op_DAA)
{
	uint8_t old = (uint8_t)cpu->reg[REG_AX], al = old;
	bool cf = flag_cf(cpu), af = (al & 15) > 9 || flag_af(cpu);

	if (af)
		al = (uint8_t)(al + 6);
	if (old > 0x99 || cf) {
		al = (uint8_t)(al + 0x60);
		cf = true;
	}
	set_reg8(cpu, BYTE_REGISTER_AL, al);
	decimal_flags(cpu, al, cf, af, false);
	NEXT(cpu, i);
}

HANDLER(op_DAS)
{
	uint8_t old = (uint8_t)cpu->reg[REG_AX], al = old;
	bool old_cf = flag_cf(cpu), cf = false, af = (al & 15) > 9 || flag_af(cpu);

	if (af) {
		cf = old_cf || al < 6;
		al = (uint8_t)(al - 6);
	}
	if (old > 0x99 || old_cf) {
		al = (uint8_t)(al - 0x60);
		cf = true;
	}
	set_reg8(cpu, BYTE_REGISTER_AL, al);
	decimal_flags(cpu, al, cf, af, false);
	NEXT(cpu, i);
}

HANDLER(op_AAM_Ib)
{
	uint8_t al = (uint8_t)cpu->reg[REG_AX], by = (uint8_t)i->imm;

	if (!by)
		return cpu_fault_vector(cpu, i, VECTOR_DE);
	set_reg16(cpu, REG_AX, (uint16_t)(al / by << 8 | al % by));
	decimal_flags(cpu, al % by, false, false, false);
	NEXT(cpu, i);
}

HANDLER(op_AAD_Ib)
{
	uint8_t al = (uint8_t)cpu->reg[REG_AX], ah = (uint8_t)(cpu->reg[REG_AX] >> 8);
	uint8_t r = (uint8_t)(al + ah * (uint8_t)i->imm);

	set_reg16(cpu, REG_AX, r);
	decimal_flags(cpu, r, false, false, false);
	NEXT(cpu, i);
}
