/*
 * fast.h - the plain case of the basic operations, for inlining
 *
 * Round to nearest with 64 bits of precision, PE masked, operands and result normal. When that does
 * not hold done is false and the caller takes the general function of float.h; otherwise value and
 * flags (PE, C1) are what that function would give.
 */
#ifndef CLEARBOX_FPU_FAST_H
#define CLEARBOX_FPU_FAST_H

#include "float.h"
#include "magnitude.h"

struct f80_fast {
	struct float80 value;
	uint16_t flags;
	bool done;
};

FPU_INLINE bool f80_fast_normal(struct float80 a)
{
	return FPU_LIKELY(f80_exponent(a) - 1 < 0x7ffe && a.significand >> 63);
}

FPU_INLINE struct f80_fast f80_fast_round(bool sign, struct magnitude m)
{
	uint64_t up = m.low >> 63 & (m.high | ((m.low << 1) != 0));
	struct f80_fast r;

	r.done = FPU_LIKELY((uint32_t)(m.exponent - 1) < 0x7ffd);
	r.flags = (uint16_t)((m.low ? FPU_PE : 0) | up << 9);
	m.high += up;
	if (!m.high) {
		m.high = (uint64_t)1 << 63;
		m.exponent++;
	}
	r.value = f80_make(sign, (uint32_t)m.exponent & 0x7fff, m.high);
	return r;
}

FPU_INLINE struct f80_fast f80_fast_undone(void)
{
	struct f80_fast r = { { 0, 0 }, 0, false };

	return r;
}

FPU_INLINE struct f80_fast f80_fast_sum(struct float80 a, struct float80 b)
{
	int32_t a_exponent = (int32_t)f80_exponent(a), b_exponent = (int32_t)f80_exponent(b);
	struct magnitude m;
	bool negate;

	if (!f80_fast_normal(a) || !f80_fast_normal(b))
		return f80_fast_undone();
	if ((a.sign_exponent ^ b.sign_exponent) & 0x8000) {
		m = magnitude_subtract(a_exponent, a.significand, b_exponent, b.significand,
				       &negate);
		if (!m.high) {
			struct f80_fast zero = { { 0, 0 }, 0, true };

			return zero;
		}
		return f80_fast_round(f80_sign(a) != negate, m);
	}
	m = magnitude_add(a_exponent, a.significand, b_exponent, b.significand);
	return f80_fast_round(f80_sign(a), m);
}

FPU_INLINE struct f80_fast f80_fast_add(struct float80 a, struct float80 b)
{
	return f80_fast_sum(a, b);
}

FPU_INLINE struct f80_fast f80_fast_subtract(struct float80 a, struct float80 b)
{
	b.sign_exponent ^= 0x8000;
	return f80_fast_sum(a, b);
}

FPU_INLINE struct f80_fast f80_fast_multiply(struct float80 a, struct float80 b)
{
	if (!f80_fast_normal(a) || !f80_fast_normal(b))
		return f80_fast_undone();
	return f80_fast_round((a.sign_exponent ^ b.sign_exponent) >> 15,
			      magnitude_multiply((int32_t)(f80_exponent(a) + f80_exponent(b)),
						 a.significand, b.significand));
}

FPU_INLINE struct f80_fast f80_fast_divide(struct float80 a, struct float80 b)
{
	if (!f80_fast_normal(a) || !f80_fast_normal(b))
		return f80_fast_undone();
	return f80_fast_round((a.sign_exponent ^ b.sign_exponent) >> 15,
			      magnitude_divide((int32_t)f80_exponent(a) - (int32_t)f80_exponent(b),
					       a.significand, b.significand));
}

/* Anything but a normal number comes out as one that f80_fast_normal refuses. */
FPU_INLINE struct float80 f80_fast_from_float32(uint32_t bits)
{
	uint32_t exponent = bits >> 23 & 0xff;

	return f80_make(bits >> 31, exponent + 0x3f80,
			(uint64_t)(bits & 0x7fffff) << 40 | (uint64_t)(exponent - 1 < 0xfe) << 63);
}

FPU_INLINE struct float80 f80_fast_from_float64(uint64_t bits)
{
	uint32_t exponent = bits >> 52 & 0x7ff;

	return f80_make(bits >> 63, exponent + 0x3c00,
			(bits & 0xfffffffffffff) << 11 | (uint64_t)(exponent - 1 < 0x7fe) << 63);
}

FPU_INLINE struct float80 f80_fast_from_int64(int64_t value)
{
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	int shift;

	if (!value)
		return f80_make(false, 0, 0);
	shift = wide_leading_zeros(magnitude);
	return f80_make(value < 0, (uint32_t)(0x3fff + 63 - shift), magnitude << shift);
}

struct f80_fast32 {
	uint32_t bits;
	uint16_t flags;
	bool done;
};

struct f80_fast64 {
	uint64_t bits;
	uint16_t flags;
	bool done;
};

/* Zero, or normal in the narrow format with an exponent to spare for the carry. */
FPU_INLINE struct f80_fast32 f80_fast_to_float32(struct float80 a)
{
	uint32_t sign = (uint32_t)a.sign_exponent >> 15 << 31;
	uint32_t exponent = f80_exponent(a) - 0x3f81;
	uint64_t kept = a.significand >> 40, fraction = a.significand << 24;
	uint64_t up = fraction >> 63 & (kept | ((fraction << 1) != 0));
	struct f80_fast32 r;

	r.done = FPU_LIKELY(exponent < 0xfd && a.significand >> 63);
	r.flags = (uint16_t)((fraction ? FPU_PE : 0) | up << 9);
	r.bits = sign | ((exponent << 23) + (uint32_t)(kept + up));
	if (!r.done && f80_is_zero(a)) {
		r.done = true;
		r.flags = 0;
		r.bits = sign;
	}
	return r;
}

FPU_INLINE struct f80_fast64 f80_fast_to_float64(struct float80 a)
{
	uint64_t sign = (uint64_t)a.sign_exponent >> 15 << 63;
	uint32_t exponent = f80_exponent(a) - 0x3c01;
	uint64_t kept = a.significand >> 11, fraction = a.significand << 53;
	uint64_t up = fraction >> 63 & (kept | ((fraction << 1) != 0));
	struct f80_fast64 r;

	r.done = FPU_LIKELY(exponent < 0x7fd && a.significand >> 63);
	r.flags = (uint16_t)((fraction ? FPU_PE : 0) | up << 9);
	r.bits = sign | (((uint64_t)exponent << 52) + kept + up);
	if (!r.done && f80_is_zero(a)) {
		r.done = true;
		r.flags = 0;
		r.bits = sign;
	}
	return r;
}

/* Normal or zero. */
FPU_INLINE bool f80_fast_comparable(struct float80 a)
{
	return FPU_LIKELY(f80_fast_normal(a) || f80_is_zero(a));
}

/* Of two such: C3, C0 or nothing, as f80_compare. */
FPU_INLINE uint32_t f80_fast_compare(struct float80 a, struct float80 b)
{
	/* Magnitudes compare as integers of exponent and significand; zero is zero in both. */
	uint32_t a_exponent = f80_exponent(a), b_exponent = f80_exponent(b);
	bool less = (a_exponent < b_exponent) |
		    ((a_exponent == b_exponent) & (a.significand < b.significand));
	bool equal = (a_exponent == b_exponent) & (a.significand == b.significand);
	bool a_negative = f80_sign(a), b_negative = f80_sign(b);
	bool zeros = !(a.significand | b.significand);

	less = a_negative != b_negative ? a_negative : less ^ a_negative;
	equal = (equal & (a_negative == b_negative)) | zeros;
	return equal ? FPU_C3 : less ? FPU_C0 : 0;
}

#endif
