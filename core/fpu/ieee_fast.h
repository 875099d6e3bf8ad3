/*
 * ieee_fast.h - the plain cases of binary32 and binary64 by the host's own arithmetic
 *
 * Where the host computes in IEEE formats without excess precision, its sums, products, quotients
 * and roots are the guest's as long as rounding is to nearest, operands are neither denormals nor
 * NaNs, and results are zero or normal with an exponent to spare. Whether a result was inexact is
 * not known, so PE must be set already and masked (it stays set until somebody clears it, as in most
 * programs); ieee_fast_mode tells. Nothing of the host's floating point environment is read or changed; its
 * rounding mode is taken to be the one that a C program starts with.
 *
 * done false: take the function of ieee.h instead.
 */
#ifndef CLEARBOX_FPU_IEEE_FAST_H
#define CLEARBOX_FPU_IEEE_FAST_H

#include <string.h>
#include "ieee.h"
#include "wide.h"

#if defined(__FLT_EVAL_METHOD__) && defined(__FLT_MANT_DIG__) && defined(__DBL_MANT_DIG__) &&       \
	!defined(__FAST_MATH__)
#if (__FLT_EVAL_METHOD__ == 0 || __FLT_EVAL_METHOD__ == 16) && __FLT_MANT_DIG__ == 24 && \
	__DBL_MANT_DIG__ == 53
#define IEEE_HOST 1
#endif
#endif
#ifndef IEEE_HOST
#define IEEE_HOST 0
#endif

struct ieee_fast32 {
	uint32_t bits;
	bool done;
};

struct ieee_fast64 {
	uint64_t bits;
	bool done;
};

/* To nearest, and inexact results change nothing. */
FPU_INLINE bool ieee_fast_mode(uint32_t mxcsr)
{
	return IEEE_HOST && FPU_LIKELY((mxcsr & (MXCSR_RC | MXCSR_PM | MXCSR_PE)) ==
				       (MXCSR_PM | MXCSR_PE));
}

FPU_INLINE float ieee_float(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, 4);
	return value;
}

FPU_INLINE double ieee_double(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, 8);
	return value;
}

FPU_INLINE uint32_t ieee_bits32(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, 4);
	return bits;
}

FPU_INLINE uint64_t ieee_bits64(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, 8);
	return bits;
}

/* Zero counts as plain, infinities and NaNs do, too: those show in the result. */
FPU_INLINE bool ieee_plain32(uint32_t a)
{
	return FPU_LIKELY((a << 1) - 1 >= 0x00ffffff);
}

FPU_INLINE bool ieee_plain64(uint64_t a)
{
	return FPU_LIKELY((a << 1) - 1 >= 0x001fffffffffffff);
}

/* Finite, normal and not the least of them: a smaller number could have been rounded up to those. */
FPU_INLINE bool ieee_safe32(uint32_t r)
{
	return FPU_LIKELY((r << 1) - 0x02000000 < 0xfd000000);
}

FPU_INLINE bool ieee_safe64(uint64_t r)
{
	return FPU_LIKELY((r << 1) - 0x0040000000000000 < 0xffa0000000000000);
}

#define IEEE_FAST_SUM(name, W, operator)                                                          \
FPU_INLINE struct ieee_fast##W ieee_fast##W##_##name(uint##W##_t a, uint##W##_t b)                \
{                                                                                                 \
	struct ieee_fast##W r;                                                                    \
                                                                                                  \
	r.bits = ieee_bits##W(ieee_value##W(a) operator ieee_value##W(b));                        \
	r.done = ieee_plain##W(a) && ieee_plain##W(b) &&                                          \
		 (ieee_safe##W(r.bits) || !(uint##W##_t)(r.bits << 1));                           \
	return r;                                                                                 \
}
#define ieee_value32 ieee_float
#define ieee_value64 ieee_double
IEEE_FAST_SUM(add, 32, +)
IEEE_FAST_SUM(add, 64, +)
IEEE_FAST_SUM(sub, 32, -)
IEEE_FAST_SUM(sub, 64, -)

/* A zero that is no underflow has a zero operand. */
#define IEEE_FAST_PRODUCT(W)                                                                      \
FPU_INLINE struct ieee_fast##W ieee_fast##W##_mul(uint##W##_t a, uint##W##_t b)                   \
{                                                                                                 \
	struct ieee_fast##W r;                                                                    \
                                                                                                  \
	r.bits = ieee_bits##W(ieee_value##W(a) * ieee_value##W(b));                               \
	r.done = ieee_plain##W(a) && ieee_plain##W(b) &&                                          \
		 (ieee_safe##W(r.bits) || (!(uint##W##_t)(r.bits << 1) &&                         \
		  (!(uint##W##_t)(a << 1) || !(uint##W##_t)(b << 1))));                           \
	return r;                                                                                 \
}                                                                                                 \
FPU_INLINE struct ieee_fast##W ieee_fast##W##_div(uint##W##_t a, uint##W##_t b)                   \
{                                                                                                 \
	struct ieee_fast##W r;                                                                    \
                                                                                                  \
	r.bits = ieee_bits##W(ieee_value##W(a) / ieee_value##W(b));                               \
	r.done = ieee_plain##W(a) && ieee_plain##W(b) &&                                          \
		 (ieee_safe##W(r.bits) || (!(uint##W##_t)(r.bits << 1) &&                         \
		  !(uint##W##_t)(a << 1)));                                                       \
	return r;                                                                                 \
}
IEEE_FAST_PRODUCT(32)
IEEE_FAST_PRODUCT(64)

/*
 * Of binary32: the product is exact in binary64, and so is the sum but for its last bit. Made odd when
 * something was lost (as if it were sticky), that rounds to binary32 as the exact sum does.
 */
FPU_INLINE struct ieee_fast32 ieee_fast32_fma(uint32_t a, uint32_t b, uint32_t c, uint32_t negate)
{
	uint32_t product_sign = negate & IEEE_FMA_NEGATE_PRODUCT ? 0x80000000 : 0;
	uint32_t addend_sign = negate & IEEE_FMA_NEGATE_ADDEND ? 0x80000000 : 0;
	double p = (double)ieee_float(a ^ product_sign) * (double)ieee_float(b);
	double q = (double)ieee_float(c ^ addend_sign), s = p + q;
	double virtual = s - p, lost = (p - (s - virtual)) + (q - virtual);
	uint64_t bits = ieee_bits64(s);
	struct ieee_fast32 r;

	if (lost != 0 && !(bits & 1))
		bits = (lost > 0) == (s > 0) ? bits + 1 : bits - 1;
	r.bits = ieee_bits32((float)ieee_double(bits));
	r.done = ieee_plain32(a) && ieee_plain32(b) && ieee_plain32(c) && ieee_safe32(r.bits);
	return r;
}

/*
 * A host's square root may be a library's: that it is the right one is checked. For n = m * 2^k an
 * even shift of the operand and r the root as integers, r is n's root to nearest exactly when
 * -r < n - r * r <= r, and those differences fit a word.
 */
FPU_INLINE struct ieee_fast64 ieee_fast64_sqrt(uint64_t b)
{
	struct ieee_fast64 r = { 0, false };
	uint64_t n, root;
	int64_t rest;

	if (!FPU_LIKELY(b - 0x0010000000000000 < 0x7fe0000000000000)) {
		r.bits = b;
		r.done = !(b << 1);
		return r;
	}
	r.bits = ieee_bits64(__builtin_sqrt(ieee_double(b)));
	n = (b & 0x000fffffffffffff) | 0x0010000000000000;
	root = (r.bits & 0x000fffffffffffff) | 0x0010000000000000;
	n <<= b & 0x0010000000000000 ? 52 : 53;
	rest = (int64_t)(n - root * root);
	r.done = rest > -(int64_t)root && rest <= (int64_t)root;
	return r;
}

/* In binary64 the root of a binary32 has more than twice the bits and rounds the same. */
FPU_INLINE struct ieee_fast32 ieee_fast32_sqrt(uint32_t b)
{
	struct ieee_fast32 r = { 0, false };
	struct ieee_fast64 wide;

	if (!FPU_LIKELY(b - 0x00800000 < 0x7f000000)) {
		r.bits = b;
		r.done = !(b << 1);
		return r;
	}
	wide = ieee_fast64_sqrt(ieee_bits64((double)ieee_float(b)));
	r.bits = ieee_bits32((float)ieee_double(wide.bits));
	r.done = wide.done;
	return r;
}

#endif
