/*
 * magnitude.h - the four operations on magnitudes, before rounding
 *
 * Operands are normalised significands with exponents (biased); results are what round.h rounds: a
 * significand of 128 bits with its top bit set and its lowest bit sticky.
 */
#ifndef CLEARBOX_FPU_MAGNITUDE_H
#define CLEARBOX_FPU_MAGNITUDE_H

#include "wide.h"

struct magnitude {
	uint64_t high, low;
	int32_t exponent;
};

FPU_INLINE struct magnitude magnitude_add(int32_t a_exponent, uint64_t a, int32_t b_exponent,
					  uint64_t b)
{
	struct magnitude r;
	struct wide small;

	if (a_exponent < b_exponent) {
		int32_t exponent = a_exponent;
		uint64_t significand = a;

		a_exponent = b_exponent;
		a = b;
		b_exponent = exponent;
		b = significand;
	}
	small = wide_shift_right_sticky_64(b, (uint32_t)(a_exponent - b_exponent));
	r.high = a + small.high;
	r.low = small.low;
	r.exponent = a_exponent;
	if (r.high < a) {
		r.low = r.low >> 1 | r.high << 63 | (r.low & 1);
		r.high = r.high >> 1 | (uint64_t)1 << 63;
		r.exponent++;
	}
	return r;
}

/* |a - b|; *negate: b was the greater one. Zero has high 0. */
FPU_INLINE struct magnitude magnitude_subtract(int32_t a_exponent, uint64_t a, int32_t b_exponent,
					       uint64_t b, bool *negate)
{
	struct magnitude r;
	struct wide small;
	int shift;

	*negate = false;
	if (a_exponent < b_exponent || (a_exponent == b_exponent && a < b)) {
		int32_t exponent = a_exponent;
		uint64_t significand = a;

		a_exponent = b_exponent;
		a = b;
		b_exponent = exponent;
		b = significand;
		*negate = true;
	}
	small = wide_shift_right_sticky_64(b, (uint32_t)(a_exponent - b_exponent));
	r.low = 0 - small.low;
	r.high = a - small.high - (small.low != 0);
	r.exponent = a_exponent;
	if (!r.high) {
		/* Only exponents that differ by 0 or 1 come here, so the low word is exact. */
		r.high = r.low;
		r.low = 0;
		r.exponent -= 64;
		if (!r.high)
			return r;
	}
	shift = wide_leading_zeros(r.high);
	if (shift) {
		r.high = r.high << shift | r.low >> (64 - shift);
		r.low <<= shift;
		r.exponent -= shift;
	}
	return r;
}

/* exponent: the sum of both. */
FPU_INLINE struct magnitude magnitude_multiply(int32_t exponent, uint64_t a, uint64_t b)
{
	struct wide product = wide_multiply(a, b);
	int shift = !(product.high >> 63);
	struct magnitude r;

	r.high = product.high << shift | (shift ? product.low >> 63 : 0);
	r.low = product.low << shift;
	r.exponent = exponent - 0x3ffe - shift;
	return r;
}

/* exponent: the difference of both. */
FPU_INLINE struct magnitude magnitude_divide(int32_t exponent, uint64_t a, uint64_t b)
{
	bool half = a >= b;
	struct magnitude r;
	uint64_t remainder;

	/* Scaled so that the quotient has exactly 64 bits. */
	r.exponent = exponent + 0x3ffe + half;
	r.high = wide_divide(a >> half, half ? a << 63 : 0, b, &remainder);
	r.low = 0;
	if (remainder) {
		/* Where the fraction remainder / b lies against one half is all rounding needs. */
		if (remainder >= b - remainder)
			r.low = (uint64_t)1 << 63;
		r.low |= remainder != b - remainder;
	}
	return r;
}

#endif
