/*
 * transcendental.c - FSIN, FCOS, FSINCOS, FPTAN, FPATAN, F2XM1, FYL2X, FYL2XP1
 *
 * Each result is the exact value of the function rounded once, under the rounding control, to 64
 * bits. It is computed to 128 bits first, good to more than 114. Only when those cannot tell how to
 * round (less than once in 2^45 random arguments) it is computed again to 512 bits, by
 * transcendental_long.c; the exact cases, and those so close to an exact one that no fixed precision
 * would do, are told apart beforehand.
 *
 * Special operands: Intel SDM volume 2, the tables of these instructions.
 */
#include "transcendental.h"

#define LIMBS 2
#define FN(name) name##_2
#define LINKAGE static

static void series_2(uint64_t r[2], const uint64_t x[2], enum series which, bool alternate)
{
	static const struct {
		const uint64_t (*table)[2];
		int first, step, most;
	} kinds[4] = {
		{ reciprocal_factorials, 1, 2, 17 },
		{ reciprocal_factorials, 0, 2, 17 },
		{ reciprocal_factorials, 1, 1, 34 },
		{ reciprocal_odds, 0, 1, 27 },
	};
	const uint64_t (*table)[2] = kinds[which].table + kinds[which].first;
	int step = kinds[which].step, terms = series_terms(x[0], which, 124);
	struct wide sum;

	if (terms > kinds[which].most)
		terms = kinds[which].most;
	sum.high = table[terms * step][0];
	sum.low = table[terms * step][1];
	for (int k = terms - 1; k >= 0; k--) {
		/* sum * x, less what lies below the last place. */
		struct wide p = wide_multiply_add(sum.high, x[1], 0,
						  wide_multiply(sum.low, x[1]).high);
		struct wide q = wide_multiply_add(sum.low, x[0], p.low, 0);
		struct wide t = wide_multiply_add(sum.high, x[0], p.high, q.high);
		struct wide coefficient = { table[k * step][0], table[k * step][1] };

		t.high = t.high << 2 | t.low >> 62;
		t.low = t.low << 2 | q.low >> 62;
		sum = alternate ? wide_subtract(coefficient, t) : wide_add(coefficient, t);
	}
	r[0] = sum.high;
	r[1] = sum.low;
}

#include "elementary.h"

/* The first pass decides unless the bits below the 65th are all but zero or all but a carry. */
#ifndef FPU_FIRST_PASS_ERROR
#define FPU_FIRST_PASS_ERROR ((uint64_t)1 << 14)
#endif

static struct float80 round_evaluated(evaluate *first, evaluate *second, struct float80 a,
				      struct float80 b, struct fpu_context *context)
{
	struct approximation r;

	first(&r, a, b);
	if (((r.low + FPU_FIRST_PASS_ERROR) & ~F80_TOP) <= 2 * FPU_FIRST_PASS_ERROR)
		second(&r, a, b);
	return f80_round_full(r.sign, r.exponent, r.high, r.low, context);
}

/* A little less than the given magnitude, and a little more than that of a. */
static struct float80 round_just_below(bool sign, int32_t exponent, uint64_t significand,
				       struct fpu_context *context)
{
	if (significand == F80_TOP) {
		significand = 0;
		exponent--;
	}
	return f80_round_full(sign, exponent, significand - 1, ~(uint64_t)0, context);
}

static struct float80 round_just_above(struct float80 a, struct fpu_context *context)
{
	uint64_t significand;
	int32_t exponent = f80_normalise(a, &significand);

	return f80_round_full(f80_sign(a), exponent, significand, 1, context);
}

/* sin x and tan x differ from x by less than 2^-66 of it, cos x from 1 likewise. */
static bool is_tiny(struct float80 a)
{
	return f80_exponent(a) < F80_BIAS - 34;
}

/*
 * What FSIN, FCOS, FPTAN have in common: true when *a is the result already, whether out of range
 * (C2), special or suppressed.
 */
static bool circular_special(struct float80 *a, struct fpu_context *context)
{
	if (!f80_is_ordered(*a)) {
		*a = f80_propagate_one(*a, context);
		return true;
	}
	if (f80_is_infinity(*a)) {
		*a = f80_invalid(context);
		return true;
	}
	if (f80_exponent(*a) >= F80_BIAS + 63) {
		context->flags |= FPU_C2;
		return true;
	}
	return f80_denormal_stops(*a, *a, context);
}

static struct float80 sine(struct float80 a, struct fpu_context *context)
{
	uint64_t significand;
	int32_t exponent;

	if (f80_is_zero(a))
		return a;
	if (is_tiny(a)) {
		exponent = f80_normalise(a, &significand);
		return round_just_below(f80_sign(a), exponent, significand, context);
	}
	return round_evaluated(evaluate_sine_2, evaluate_sine_8, a, a, context);
}

static struct float80 cosine(struct float80 a, struct fpu_context *context)
{
	if (f80_is_zero(a))
		return F80_ONE;
	if (is_tiny(a))
		return round_just_below(false, F80_BIAS, F80_TOP, context);
	return round_evaluated(evaluate_cosine_2, evaluate_cosine_8, a, a, context);
}

struct float80 f80_sine(struct float80 a, struct fpu_context *context)
{
	return circular_special(&a, context) ? a : sine(a, context);
}

struct float80 f80_cosine(struct float80 a, struct fpu_context *context)
{
	return circular_special(&a, context) ? a : cosine(a, context);
}

/* C1 tells about the cosine, which is pushed last. */
struct float80 f80_sine_cosine(struct float80 a, struct float80 *cosine_result,
			       struct fpu_context *context)
{
	struct float80 result;

	*cosine_result = a;
	if (circular_special(&a, context)) {
		*cosine_result = a;
		return a;
	}
	result = sine(a, context);
	context->flags &= (uint16_t)~FPU_C1;
	*cosine_result = cosine(a, context);
	return result;
}

struct float80 f80_tangent(struct float80 a, struct fpu_context *context)
{
	if (circular_special(&a, context) || f80_is_zero(a))
		return a;
	if (is_tiny(a))
		return round_just_above(a, context);
	return round_evaluated(evaluate_tangent_2, evaluate_tangent_8, a, a, context);
}

struct float80 f80_exponential(struct float80 a, struct fpu_context *context)
{
	if (!f80_is_ordered(a))
		return f80_propagate_one(a, context);
	if (f80_is_infinity(a))
		return f80_sign(a) ? f80_make(true, F80_BIAS, F80_TOP) : a;
	if (f80_denormal_stops(a, a, context) || f80_is_zero(a))
		return a;
	if (f80_exponent(a) >= F80_BIAS) {
		/* 2^1 - 1 and 2^-1 - 1; beyond, the SDM leaves the result open. */
		if (f80_exponent(a) == F80_BIAS && a.significand == F80_TOP && f80_sign(a))
			return f80_make(true, F80_BIAS - 1, F80_TOP);
		if (f80_exponent(a) > F80_BIAS || a.significand != F80_TOP)
			context->flags |= FPU_PE;
		return a;
	}
	return round_evaluated(evaluate_exponential_2, evaluate_exponential_8, a, a, context);
}

/* y times an integer that is not zero. */
static struct float80 multiply_integer(struct float80 y, int32_t n, struct fpu_context *context)
{
	struct float80 factor = f80_from_int32(n);
	uint64_t significand;
	int32_t exponent = f80_normalise(y, &significand);
	struct wide product = wide_multiply(significand, factor.significand);

	exponent += (int32_t)f80_exponent(factor) - F80_BIAS + 1;
	if (!(product.high >> 63)) {
		product = wide_shift_left(product, 1);
		exponent--;
	}
	return f80_round_full(f80_sign(y) != f80_sign(factor), exponent, product.high, product.low,
			      context);
}

struct float80 f80_logarithm(struct float80 y, struct float80 x, struct fpu_context *context)
{
	uint64_t significand;
	int32_t exponent;
	bool below_one;

	if (!f80_is_ordered(y) || !f80_is_ordered(x))
		return f80_propagate(x, y, context);
	if (f80_is_zero(x)) {
		if (f80_is_zero(y))
			return f80_invalid(context);
		if (f80_is_infinity(y))
			return f80_infinity(!f80_sign(y));
		context->flags |= FPU_ZE;
		return f80_infinity(!f80_sign(y));
	}
	if (f80_sign(x))
		return f80_invalid(context);
	below_one = f80_exponent(x) < F80_BIAS;
	if (f80_is_infinity(y) && f80_exponent(x) == F80_BIAS && x.significand == F80_TOP)
		return f80_invalid(context);
	if (f80_is_zero(y) && f80_is_infinity(x))
		return f80_invalid(context);
	if (f80_denormal_stops(y, x, context))
		return y;
	if (f80_is_infinity(x))
		return f80_infinity(f80_sign(y));
	if (f80_is_infinity(y))
		return f80_infinity(f80_sign(y) != below_one);
	if (f80_is_zero(y))
		return f80_make(f80_sign(y) != below_one, 0, 0);
	exponent = f80_normalise(x, &significand);
	if (significand == F80_TOP) {
		if (exponent == F80_BIAS)
			return f80_make(f80_sign(y), 0, 0);
		return multiply_integer(y, exponent - F80_BIAS, context);
	}
	return round_evaluated(evaluate_logarithm_2, evaluate_logarithm_8, y, x, context);
}

struct float80 f80_logarithm_plus_1(struct float80 y, struct float80 x,
				    struct fpu_context *context)
{
	if (!f80_is_ordered(y) || !f80_is_ordered(x))
		return f80_propagate(x, y, context);
	if (f80_is_infinity(x)) {
		if (f80_sign(x) || f80_is_zero(y))
			return f80_invalid(context);
		if (f80_denormal_stops(y, y, context))
			return y;
		return f80_infinity(f80_sign(y));
	}
	if (f80_is_zero(x) && f80_is_infinity(y))
		return f80_invalid(context);
	if (f80_denormal_stops(y, x, context))
		return y;
	if (f80_is_infinity(y))
		return f80_infinity(f80_sign(y) != f80_sign(x));
	if (f80_is_zero(y) || f80_is_zero(x))
		return f80_make(f80_sign(y) != f80_sign(x), 0, 0);
	if (f80_exponent(x) > F80_BIAS - 2 ||
	    (f80_exponent(x) == F80_BIAS - 2 && x.significand > 0x95f619980c433600)) {
		/* Beyond 1 - sqrt(1/2) the SDM leaves the result open. */
		struct fpu_context exact = fpu_context(FPU_PC_EXTENDED | FPU_EXCEPTIONS);

		return f80_logarithm(y, f80_add(F80_ONE, x, &exact), context);
	}
	return round_evaluated(evaluate_logarithm_plus_1_2, evaluate_logarithm_plus_1_8, y, x,
			       context);
}

/* quarters times pi / 4. */
static struct float80 angle_constant(bool sign, int quarters, struct fpu_context *context)
{
	/* 3 pi / 4 does not follow from pi by a shift. */
	if (quarters == 3)
		return f80_round_full(sign, F80_BIAS + 1, 0x96cbe3f9990e91a7, 0x9394c9e8a0a5159c,
				      context);
	return f80_round_full(sign, F80_BIAS - 1 + quarters / 2, quarter_pi[0], quarter_pi[1],
			      context);
}

/* y / x less next to nothing, for ratios below 2^-65 whose arctangent differs only there. */
static struct float80 tiny_arctangent(struct float80 y, struct float80 x,
				      struct fpu_context *context)
{
	uint64_t a, b, quotient, remainder, low = 1;
	int32_t exponent = f80_normalise(y, &b);

	exponent += F80_BIAS - 1 - f80_normalise(x, &a);
	if (b >= a) {
		quotient = wide_divide(b >> 1, b << 63, a, &remainder);
		exponent++;
	} else {
		quotient = wide_divide(b, 0, a, &remainder);
	}
	if (!remainder)
		return round_just_below(f80_sign(y), exponent, quotient, context);
	if (remainder == a - remainder)
		low = F80_TOP - 1;
	else if (remainder > a - remainder)
		low = F80_TOP | 1;
	return f80_round_full(f80_sign(y), exponent, quotient, low, context);
}

struct float80 f80_arctangent(struct float80 y, struct float80 x, struct fpu_context *context)
{
	bool sign = f80_sign(y);
	uint64_t unused;

	if (!f80_is_ordered(y) || !f80_is_ordered(x))
		return f80_propagate(x, y, context);
	if (f80_denormal_stops(y, x, context))
		return y;
	if (f80_is_infinity(y)) {
		if (f80_is_infinity(x))
			return angle_constant(sign, f80_sign(x) ? 3 : 1, context);
		return angle_constant(sign, 2, context);
	}
	if (f80_is_zero(y) || f80_is_infinity(x)) {
		if (f80_sign(x))
			return angle_constant(sign, 4, context);
		return f80_make(sign, 0, 0);
	}
	if (f80_is_zero(x))
		return angle_constant(sign, 2, context);
	if (!f80_sign(x) && f80_normalise(x, &unused) - f80_normalise(y, &unused) > 68)
		return tiny_arctangent(y, x, context);
	return round_evaluated(evaluate_arctangent_2, evaluate_arctangent_8, y, x, context);
}
