/*
 * remainder.c - FPREM, FPREM1, FSCALE, FXTRACT
 *
 * The instructions that take numbers apart. Intel SDM volume 2 under those names; volume 1, 8.5.4 and
 * 8.5.5 for FSCALE with results out of even the wrapped range.
 */
#include "round.h"

/*
 * (a << shift) mod b for normalised significands with a < 2b; *quotient gets the low bits. Digits of
 * up to 63 bits at a time, each one a 128 by 64 bit division.
 */
static uint64_t reduce(uint64_t a, uint64_t b, uint32_t shift, uint64_t *quotient)
{
	uint64_t rest = a;

	*quotient = 0;
	if (rest >= b) {
		rest -= b;
		*quotient = 1;
	}
	while (shift) {
		uint32_t step = shift < 63 ? shift : 63;

		*quotient = *quotient << step | wide_divide(rest >> (64 - step), rest << step, b,
							    &rest);
		shift -= step;
	}
	return rest;
}

static struct float80 remainder_finite(struct float80 a, struct float80 b, bool nearest,
				       struct fpu_context *context)
{
	uint64_t a_significand, b_significand, quotient = 0, rest;
	int32_t b_exponent = f80_normalise(b, &b_significand);
	int32_t exponent = f80_normalise(a, &a_significand), difference = exponent - b_exponent;
	bool sign = f80_sign(a);
	int shift;

	if (difference >= 64) {
		/* Reduce by 32 to 63 places and say that there is more to do. */
		uint32_t places = ((uint32_t)difference & 31) | 32;

		rest = reduce(a_significand, b_significand, places, &quotient);
		context->flags |= FPU_C2;
		b_exponent = exponent - (int32_t)places;
	} else if (difference >= 0) {
		rest = reduce(a_significand, b_significand, (uint32_t)difference, &quotient);
	} else if (nearest && difference == -1) {
		/* a is between b / 2 and b: the remainder can be a or a - b, in units of a. */
		rest = a_significand;
		if (a_significand > b_significand) {
			/* b in units of a is 2b, and 2b - a fits. */
			rest = b_significand - (a_significand - b_significand);
			sign = !sign;
			quotient = 1;
		}
		b_exponent = exponent;
	} else {
		rest = a_significand;
		b_exponent = exponent;
	}
	if (nearest && difference >= 0 && difference < 64 &&
	    (rest > b_significand - rest || (rest == b_significand - rest && (quotient & 1)))) {
		rest = b_significand - rest;
		sign = !sign;
		quotient++;
	}
	if (difference < 64)
		context->flags |= (uint16_t)((quotient & 4 ? FPU_C0 : 0) |
					     (quotient & 2 ? FPU_C3 : 0) |
					     (quotient & 1 ? FPU_C1 : 0));
	if (!rest)
		return f80_make(f80_sign(a), 0, 0);
	shift = wide_leading_zeros(rest);
	return f80_round_full(sign, b_exponent - shift, rest << shift, 0, context);
}

struct float80 f80_remainder(struct float80 a, struct float80 b, bool nearest,
			     struct fpu_context *context)
{
	if (!f80_is_ordered(a) || !f80_is_ordered(b))
		return f80_propagate(a, b, context);
	if (f80_is_infinity(a) || f80_is_zero(b))
		return f80_invalid(context);
	if (f80_denormal_stops(a, b, context))
		return a;
	if (f80_is_zero(a))
		return a;
	if (f80_is_infinity(b)) {
		uint64_t significand;
		int32_t exponent = f80_normalise(a, &significand);

		return f80_round_full(f80_sign(a), exponent, significand, 0, context);
	}
	return remainder_finite(a, b, nearest, context);
}

struct float80 f80_scale(struct float80 a, struct float80 b, struct fpu_context *context)
{
	uint64_t significand, places = 0;
	int32_t exponent, count;

	if (!f80_is_ordered(a) || !f80_is_ordered(b))
		return f80_propagate(a, b, context);
	if (f80_is_infinity(b)) {
		if ((f80_is_infinity(a) && f80_sign(b)) || (f80_is_zero(a) && !f80_sign(b)))
			return f80_invalid(context);
		if (f80_denormal_stops(a, a, context))
			return a;
		return f80_sign(b) ? f80_make(f80_sign(a), 0, 0) : f80_infinity(f80_sign(a));
	}
	if (f80_denormal_stops(a, b, context))
		return a;
	if (f80_is_infinity(a) || f80_is_zero(a))
		return a;
	exponent = f80_normalise(a, &significand);
	/* Anything beyond 2 to the 16 is as good as that. */
	if (f80_exponent(b) >= F80_BIAS + 17)
		places = 0x20000;
	else if (f80_exponent(b) >= F80_BIAS)
		places = b.significand >> (F80_BIAS + 63 - f80_exponent(b));
	count = f80_sign(b) ? -(int32_t)places : (int32_t)places;
	exponent += count;
	/* Beyond the reach of the wrapped exponent: infinity or zero after all. */
	if (exponent > F80_MAX_EXPONENT + F80_WRAP && !(context->control & FPU_OE)) {
		context->flags |= FPU_OE | FPU_PE | FPU_C1;
		return f80_infinity(f80_sign(a));
	}
	if (exponent < 1 - F80_WRAP && !(context->control & FPU_UE)) {
		context->flags |= FPU_UE | FPU_PE;
		return f80_make(f80_sign(a), 0, 0);
	}
	return f80_round_full(f80_sign(a), exponent, significand, 0, context);
}

struct float80 f80_extract(struct float80 a, struct float80 *exponent, struct fpu_context *context)
{
	uint64_t significand;

	*exponent = a;
	if (!f80_is_ordered(a)) {
		*exponent = f80_propagate_one(a, context);
		return *exponent;
	}
	if (f80_is_infinity(a)) {
		exponent->sign_exponent &= 0x7fff;
		return a;
	}
	if (f80_is_zero(a)) {
		context->flags |= FPU_ZE;
		*exponent = f80_infinity(true);
		return a;
	}
	if (f80_denormal_stops(a, a, context))
		return a;
	*exponent = f80_from_int32(f80_normalise(a, &significand) - F80_BIAS);
	return f80_make(f80_sign(a), F80_BIAS, significand);
}
