/*
 * arithmetic.c - add, subtract, multiply, divide, square root, compare
 *
 * Each operation has a short path for two normal numbers and an out-of-line one for everything else.
 * Special operands: Intel SDM volume 2, the tables of FADD, FSUB, FMUL, FDIV, FSQRT, FCOM, FXAM.
 */
#include "magnitude.h"
#include "root.h"
#include "round.h"

/* |a| + |b|; the significands are normalised. */
FPU_INLINE struct float80 add_magnitudes(bool sign, int32_t a_exponent, uint64_t a,
					 int32_t b_exponent, uint64_t b,
					 struct fpu_context *context)
{
	struct magnitude r = magnitude_add(a_exponent, a, b_exponent, b);

	return f80_round(sign, r.exponent, r.high, r.low, context);
}

/* |a| - |b|, with the sign that |a| > |b| gives. */
FPU_INLINE struct float80 subtract_magnitudes(bool sign, int32_t a_exponent, uint64_t a,
					      int32_t b_exponent, uint64_t b,
					      struct fpu_context *context)
{
	bool negate;
	struct magnitude r = magnitude_subtract(a_exponent, a, b_exponent, b, &negate);

	if (!r.high)
		return f80_make((context->control & FPU_RC_MASK) == FPU_RC_DOWN, 0, 0);
	return f80_round(sign != negate, r.exponent, r.high, r.low, context);
}

static FPU_COLD struct float80 add_special(struct float80 a, struct float80 b,
					   struct fpu_context *context)
{
	uint64_t a_significand, b_significand;
	int32_t a_exponent, b_exponent;

	if (!f80_is_ordered(a) || !f80_is_ordered(b))
		return f80_propagate(a, b, context);
	if (f80_is_infinity(a) && f80_is_infinity(b) && f80_sign(a) != f80_sign(b))
		return f80_invalid(context);
	if (f80_denormal_stops(a, b, context))
		return a;
	if (f80_is_infinity(a))
		return a;
	if (f80_is_infinity(b))
		return b;
	if (f80_is_zero(a) && f80_is_zero(b)) {
		if (f80_sign(a) == f80_sign(b))
			return a;
		return f80_make((context->control & FPU_RC_MASK) == FPU_RC_DOWN, 0, 0);
	}
	if (f80_is_zero(a)) {
		b_exponent = f80_normalise(b, &b_significand);
		return f80_round(f80_sign(b), b_exponent, b_significand, 0, context);
	}
	a_exponent = f80_normalise(a, &a_significand);
	if (f80_is_zero(b))
		return f80_round(f80_sign(a), a_exponent, a_significand, 0, context);
	b_exponent = f80_normalise(b, &b_significand);
	if (f80_sign(a) == f80_sign(b))
		return add_magnitudes(f80_sign(a), a_exponent, a_significand, b_exponent,
				      b_significand, context);
	return subtract_magnitudes(f80_sign(a), a_exponent, a_significand, b_exponent,
				   b_significand, context);
}

struct float80 f80_add(struct float80 a, struct float80 b, struct fpu_context *context)
{
	if (!FPU_LIKELY(f80_is_normal(a) && f80_is_normal(b)))
		return add_special(a, b, context);
	if ((a.sign_exponent ^ b.sign_exponent) & 0x8000)
		return subtract_magnitudes(f80_sign(a), (int32_t)f80_exponent(a), a.significand,
					   (int32_t)f80_exponent(b), b.significand, context);
	return add_magnitudes(f80_sign(a), (int32_t)f80_exponent(a), a.significand,
			      (int32_t)f80_exponent(b), b.significand, context);
}

struct float80 f80_subtract(struct float80 a, struct float80 b, struct fpu_context *context)
{
	/* A NaN keeps its sign: only a number is negated. */
	if (!f80_is_nan(b))
		b.sign_exponent ^= 0x8000;
	return f80_add(a, b, context);
}

FPU_INLINE struct float80 multiply_magnitudes(bool sign, int32_t exponent, uint64_t a, uint64_t b,
					      struct fpu_context *context)
{
	struct magnitude r = magnitude_multiply(exponent, a, b);

	return f80_round(sign, r.exponent, r.high, r.low, context);
}

static FPU_COLD struct float80 multiply_special(struct float80 a, struct float80 b,
						struct fpu_context *context)
{
	bool sign = f80_sign(a) != f80_sign(b);
	uint64_t a_significand, b_significand;
	int32_t exponent;

	if (!f80_is_ordered(a) || !f80_is_ordered(b))
		return f80_propagate(a, b, context);
	if ((f80_is_infinity(a) && f80_is_zero(b)) || (f80_is_zero(a) && f80_is_infinity(b)))
		return f80_invalid(context);
	if (f80_denormal_stops(a, b, context))
		return a;
	if (f80_is_infinity(a) || f80_is_infinity(b))
		return f80_infinity(sign);
	if (f80_is_zero(a) || f80_is_zero(b))
		return f80_make(sign, 0, 0);
	exponent = f80_normalise(a, &a_significand);
	exponent += f80_normalise(b, &b_significand);
	return multiply_magnitudes(sign, exponent, a_significand, b_significand, context);
}

struct float80 f80_multiply(struct float80 a, struct float80 b, struct fpu_context *context)
{
	if (!FPU_LIKELY(f80_is_normal(a) && f80_is_normal(b)))
		return multiply_special(a, b, context);
	return multiply_magnitudes((a.sign_exponent ^ b.sign_exponent) >> 15,
				   (int32_t)(f80_exponent(a) + f80_exponent(b)), a.significand,
				   b.significand, context);
}

FPU_INLINE struct float80 divide_magnitudes(bool sign, int32_t exponent, uint64_t a, uint64_t b,
					    struct fpu_context *context)
{
	struct magnitude r = magnitude_divide(exponent, a, b);

	return f80_round(sign, r.exponent, r.high, r.low, context);
}

static FPU_COLD struct float80 divide_special(struct float80 a, struct float80 b,
					      struct fpu_context *context)
{
	bool sign = f80_sign(a) != f80_sign(b);
	uint64_t a_significand, b_significand;
	int32_t exponent;

	if (!f80_is_ordered(a) || !f80_is_ordered(b))
		return f80_propagate(a, b, context);
	if ((f80_is_infinity(a) && f80_is_infinity(b)) || (f80_is_zero(a) && f80_is_zero(b)))
		return f80_invalid(context);
	if (f80_is_zero(b) && !f80_is_infinity(a)) {
		context->flags |= FPU_ZE;
		return f80_infinity(sign);
	}
	if (f80_denormal_stops(a, b, context))
		return a;
	if (f80_is_infinity(a))
		return f80_infinity(sign);
	if (f80_is_zero(a) || f80_is_infinity(b))
		return f80_make(sign, 0, 0);
	exponent = f80_normalise(a, &a_significand);
	exponent -= f80_normalise(b, &b_significand);
	return divide_magnitudes(sign, exponent, a_significand, b_significand, context);
}

struct float80 f80_divide(struct float80 a, struct float80 b, struct fpu_context *context)
{
	if (!FPU_LIKELY(f80_is_normal(a) && f80_is_normal(b)))
		return divide_special(a, b, context);
	return divide_magnitudes((a.sign_exponent ^ b.sign_exponent) >> 15,
				 (int32_t)f80_exponent(a) - (int32_t)f80_exponent(b),
				 a.significand, b.significand, context);
}

struct float80 f80_square_root(struct float80 a, struct fpu_context *context)
{
	int32_t exponent;
	uint64_t significand, root, low = 0;
	struct wide remainder;

	if (!FPU_LIKELY(f80_is_normal(a) && !f80_sign(a))) {
		if (!f80_is_ordered(a))
			return f80_propagate_one(a, context);
		if (f80_is_zero(a))
			return a;
		if (f80_sign(a))
			return f80_invalid(context);
		if (f80_is_infinity(a) || f80_denormal_stops(a, a, context))
			return a;
	}
	exponent = f80_normalise(a, &significand) - F80_BIAS;
	if (exponent & 1)
		root = root_of_128(significand, 0, &remainder);
	else
		root = root_of_128(significand >> 1, significand << 63, &remainder);
	/* The fraction is above one half when the remainder exceeds the root; it never is one half. */
	if (remainder.high || remainder.low > root)
		low = F80_TOP | 1;
	else if (remainder.low)
		low = 1;
	exponent = (exponent - (exponent & 1)) / 2 + F80_BIAS;
	return f80_round(false, exponent, root, low, context);
}

static uint16_t compare_magnitudes(struct float80 a, struct float80 b)
{
	uint64_t a_significand, b_significand;
	int32_t a_exponent, b_exponent;

	if (f80_is_zero(a))
		return f80_is_zero(b) ? FPU_C3 : FPU_C0;
	if (f80_is_zero(b))
		return 0;
	a_exponent = f80_normalise(a, &a_significand);
	b_exponent = f80_normalise(b, &b_significand);
	if (a_exponent != b_exponent)
		return a_exponent < b_exponent ? FPU_C0 : 0;
	if (a_significand != b_significand)
		return a_significand < b_significand ? FPU_C0 : 0;
	return FPU_C3;
}

uint16_t f80_compare(struct float80 a, struct float80 b, bool quiet, struct fpu_context *context)
{
	uint16_t result;

	if (!FPU_LIKELY(f80_is_ordered(a) && f80_is_ordered(b))) {
		f80_propagate(a, b, context);
		if (!quiet)
			context->flags |= FPU_IE;
		result = FPU_C3 | FPU_C2 | FPU_C0;
	} else {
		f80_denormal_stops(a, b, context);
		if (f80_is_zero(a) && f80_is_zero(b))
			result = FPU_C3;
		else if (f80_sign(a) != f80_sign(b))
			result = f80_sign(a) ? FPU_C0 : 0;
		else
			result = compare_magnitudes(a, b);
		if (f80_sign(a) && f80_sign(b) && result != FPU_C3)
			result ^= FPU_C0;
	}
	context->flags |= result;
	return result;
}

uint16_t f80_examine(struct float80 a)
{
	uint16_t class;

	if (f80_is_unsupported(a))
		class = 0;
	else if (f80_is_nan(a))
		class = FPU_C0;
	else if (f80_is_infinity(a))
		class = FPU_C2 | FPU_C0;
	else if (f80_is_zero(a))
		class = FPU_C3;
	else if (f80_is_denormal(a))
		class = FPU_C3 | FPU_C2;
	else
		class = FPU_C2;
	return (uint16_t)(class | (f80_sign(a) ? FPU_C1 : 0));
}
