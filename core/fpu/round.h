/*
 * round.h - rounding and packing, shared by all operations of the floating point code
 *
 * An operation computes sign, biased exponent and a 128-bit significand high:low whose top bit is
 * set and whose lowest bit is sticky; the functions here round it to a format and raise OE, UE, PE
 * and C1. Exponents are biased as in the 80-bit format (16383) for all formats. The rules are those
 * of Intel SDM volume 1, 4.9.1.4 to 4.9.1.6: tininess is detected after rounding, a masked underflow
 * counts only when inexact, unmasked overflow and underflow wrap the exponent.
 */
#ifndef CLEARBOX_FPU_ROUND_H
#define CLEARBOX_FPU_ROUND_H

#include "float.h"
#include "wide.h"

#define F80_BIAS 0x3fff
#define F80_MAX_EXPONENT 0x7ffe
#define F80_WRAP 24576
#define F80_TOP 0x8000000000000000

struct float_format {
	int32_t precision;	/* bits of significand, with the integer bit */
	int32_t minimum;	/* exponent of the least normal number */
	int32_t maximum;	/* of the greatest finite one */
	int32_t wrap;		/* exponent adjustment of an unmasked OE or UE */
};

/* exponent above the format's maximum: infinity; top bit of significand clear: denormal or zero. */
struct rounded {
	uint64_t significand;
	int32_t exponent;
};

/* The general case, for every format: round.c. */
struct rounded fpu_round(bool sign, int32_t exponent, uint64_t high, uint64_t low,
			 const struct float_format *format, struct fpu_context *context);
/* To 80 bits under the precision control; and to all 64 bits whatever the precision control says. */
struct float80 f80_round_any(bool sign, int32_t exponent, uint64_t high, uint64_t low,
			     struct fpu_context *context);
struct float80 f80_round_full(bool sign, int32_t exponent, uint64_t high, uint64_t low,
			      struct fpu_context *context);

/* The NaN that an operation with a NaN or an unsupported operand gives; raises IE where due. */
struct float80 f80_propagate(struct float80 a, struct float80 b, struct fpu_context *context);
struct float80 f80_propagate_one(struct float80 a, struct fpu_context *context);

static inline struct float80 f80_invalid(struct fpu_context *context)
{
	context->flags |= FPU_IE;
	return F80_DEFAULT_NAN;
}

static inline struct float80 f80_infinity(bool sign)
{
	return f80_make(sign, 0x7fff, F80_TOP);
}

static inline bool f80_is_infinity(struct float80 a)
{
	return f80_exponent(a) == 0x7fff && a.significand == F80_TOP;
}

static inline bool f80_is_normal(struct float80 a)
{
	return f80_exponent(a) - 1 < 0x7ffe && a.significand >> 63;
}

static inline bool f80_is_denormal(struct float80 a)
{
	return !f80_exponent(a) && a.significand;
}

/* Neither a NaN nor unsupported. */
static inline bool f80_is_ordered(struct float80 a)
{
	return !f80_is_nan(a) && !f80_is_unsupported(a);
}

/* Exponent and normalised significand of a finite number other than zero. */
static inline int32_t f80_normalise(struct float80 a, uint64_t *significand)
{
	int32_t exponent = (int32_t)f80_exponent(a);
	int shift;

	*significand = a.significand;
	if (exponent)
		return exponent;
	shift = wide_leading_zeros(a.significand);
	*significand <<= shift;
	return 1 - shift;
}

/* Raises DE for a denormal among the two; true when it is unmasked and the operation must stop. */
static inline bool f80_denormal_stops(struct float80 a, struct float80 b,
				      struct fpu_context *context)
{
	if (!f80_is_denormal(a) && !f80_is_denormal(b))
		return false;
	context->flags |= FPU_DE;
	return !(context->control & FPU_DE);
}

/* Round to nearest, all 64 bits, no overflow or underflow in sight: the case worth inlining. */
FPU_INLINE struct float80 f80_round(bool sign, int32_t exponent, uint64_t high, uint64_t low,
				    struct fpu_context *context)
{
	if (FPU_LIKELY((context->control & (FPU_PC_MASK | FPU_RC_MASK)) == FPU_PC_EXTENDED &&
		       (uint32_t)(exponent - 1) < F80_MAX_EXPONENT - 1)) {
		uint64_t up = low >> 63 & (high | ((low << 1) != 0));

		context->flags |= (uint16_t)((low ? FPU_PE : 0) | up << 9);
		high += up;
		if (!high) {
			high = F80_TOP;
			exponent++;
		}
		return f80_make(sign, (uint32_t)exponent, high);
	}
	return f80_round_any(sign, exponent, high, low, context);
}

#endif
