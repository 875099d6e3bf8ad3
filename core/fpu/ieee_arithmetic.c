/*
 * ieee_arithmetic.c - add, subtract, multiply, divide and square root of binary32 and binary64
 *
 * Special operands: Intel SDM volume 1, tables 4-7, E-1 to E-18.
 */
#include "ieee_round.h"
#include "root.h"

/* ---- Add and subtract ------------------------------------------------------------------------ */

/* |a| + |b| or |a| - |b|; significands moved down by one leave room for a carry. */
FPU_INLINE struct ieee64 sum_of_numbers(const struct ieee_format *f, bool sign, struct ieee_number a,
					bool subtract, struct ieee_number b, uint32_t flags,
					uint32_t mxcsr)
{
	uint64_t sum;
	int shift;

	if (a.exponent < b.exponent ||
	    (a.exponent == b.exponent && a.significand < b.significand)) {
		struct ieee_number swap = a;

		a = b;
		b = swap;
		sign ^= subtract;
	}
	a.significand >>= 1;
	b.significand = ieee_shift_right_sticky(b.significand >> 1,
						(uint32_t)(a.exponent - b.exponent));
	sum = subtract ? a.significand - b.significand : a.significand + b.significand;
	if (!sum)
		return ieee_result(ieee_signed(f, (mxcsr & MXCSR_RC) == MXCSR_RC_DOWN, 0), flags);
	shift = wide_leading_zeros(sum);
	return ieee_pack(f, sign, a.exponent + 1 - shift, sum << shift, flags, mxcsr);
}

/* One operand is zero: the other one, rounded because it can be a denormal. */
FPU_INLINE struct ieee64 sum_with_zero(const struct ieee_format *f, uint64_t a, uint64_t b,
				       bool b_sign, uint32_t flags, uint32_t mxcsr)
{
	bool sign = ieee_sign(f, a);
	struct ieee_number n;

	if (ieee_is_zero(f, a) && ieee_is_zero(f, b)) {
		if (sign != b_sign)
			sign = (mxcsr & MXCSR_RC) == MXCSR_RC_DOWN;
		return ieee_result(ieee_signed(f, sign, 0), flags);
	}
	n = ieee_unpack(f, ieee_is_zero(f, a) ? b : a);
	return ieee_pack(f, ieee_is_zero(f, a) ? b_sign : sign, n.exponent, n.significand, flags,
			 mxcsr);
}

FPU_INLINE struct ieee64 sum(const struct ieee_format *f, uint64_t a, uint64_t b, bool subtract,
			     uint32_t mxcsr)
{
	bool sign, b_sign;
	uint32_t flags;

	a = ieee_daz(f, a, mxcsr);
	b = ieee_daz(f, b, mxcsr);
	sign = ieee_sign(f, a);
	b_sign = ieee_sign(f, b) != subtract;
	if (ieee_is_nan(f, a) || ieee_is_nan(f, b))
		return ieee_propagate(f, a, b);
	if (ieee_is_infinity(f, a) && ieee_is_infinity(f, b) && sign != b_sign)
		return ieee_invalid(f);
	flags = ieee_denormal_flag(f, a) | ieee_denormal_flag(f, b);
	if (ieee_is_infinity(f, a))
		return ieee_result(a, flags);
	if (ieee_is_infinity(f, b))
		return ieee_result(ieee_signed(f, b_sign, ieee_infinity(f)), flags);
	if (ieee_is_zero(f, a) || ieee_is_zero(f, b))
		return sum_with_zero(f, a, b, b_sign, flags, mxcsr);
	return sum_of_numbers(f, sign, ieee_unpack(f, a), sign != b_sign, ieee_unpack(f, b), flags,
			      mxcsr);
}

struct ieee32 ieee32_add(uint32_t a, uint32_t b, uint32_t mxcsr)
{
	return ieee_narrow(sum(&ieee_binary32, a, b, false, mxcsr));
}

struct ieee64 ieee64_add(uint64_t a, uint64_t b, uint32_t mxcsr)
{
	return sum(&ieee_binary64, a, b, false, mxcsr);
}

struct ieee32 ieee32_sub(uint32_t a, uint32_t b, uint32_t mxcsr)
{
	return ieee_narrow(sum(&ieee_binary32, a, b, true, mxcsr));
}

struct ieee64 ieee64_sub(uint64_t a, uint64_t b, uint32_t mxcsr)
{
	return sum(&ieee_binary64, a, b, true, mxcsr);
}

/* ---- Multiply -------------------------------------------------------------------------------- */

FPU_INLINE struct ieee64 product(const struct ieee_format *f, uint64_t a, uint64_t b, uint32_t mxcsr)
{
	struct ieee_number m, n;
	struct wide wide;
	uint32_t flags;
	bool sign;
	int shift;

	a = ieee_daz(f, a, mxcsr);
	b = ieee_daz(f, b, mxcsr);
	sign = ieee_sign(f, a) != ieee_sign(f, b);
	if (ieee_is_nan(f, a) || ieee_is_nan(f, b))
		return ieee_propagate(f, a, b);
	if ((ieee_is_infinity(f, a) && ieee_is_zero(f, b)) ||
	    (ieee_is_zero(f, a) && ieee_is_infinity(f, b)))
		return ieee_invalid(f);
	flags = ieee_denormal_flag(f, a) | ieee_denormal_flag(f, b);
	if (ieee_is_infinity(f, a) || ieee_is_infinity(f, b))
		return ieee_result(ieee_signed(f, sign, ieee_infinity(f)), flags);
	if (ieee_is_zero(f, a) || ieee_is_zero(f, b))
		return ieee_result(ieee_signed(f, sign, 0), flags);
	m = ieee_unpack(f, a);
	n = ieee_unpack(f, b);
	wide = wide_multiply(m.significand, n.significand);
	shift = !(wide.high >> 63);
	wide = wide_shift_left(wide, shift);
	return ieee_pack(f, sign, m.exponent + n.exponent - f->bias + 1 - shift,
			 wide.high | (wide.low != 0), flags, mxcsr);
}

struct ieee32 ieee32_mul(uint32_t a, uint32_t b, uint32_t mxcsr)
{
	return ieee_narrow(product(&ieee_binary32, a, b, mxcsr));
}

struct ieee64 ieee64_mul(uint64_t a, uint64_t b, uint32_t mxcsr)
{
	return product(&ieee_binary64, a, b, mxcsr);
}

/* ---- Divide ---------------------------------------------------------------------------------- */

FPU_INLINE struct ieee64 quotient(const struct ieee_format *f, uint64_t a, uint64_t b,
				  uint32_t mxcsr)
{
	struct ieee_number m, n;
	uint64_t significand, remainder;
	uint32_t flags;
	bool sign, half;

	a = ieee_daz(f, a, mxcsr);
	b = ieee_daz(f, b, mxcsr);
	sign = ieee_sign(f, a) != ieee_sign(f, b);
	if (ieee_is_nan(f, a) || ieee_is_nan(f, b))
		return ieee_propagate(f, a, b);
	if ((ieee_is_infinity(f, a) && ieee_is_infinity(f, b)) ||
	    (ieee_is_zero(f, a) && ieee_is_zero(f, b)))
		return ieee_invalid(f);
	if (ieee_is_zero(f, b) && !ieee_is_infinity(f, a))
		return ieee_result(ieee_signed(f, sign, ieee_infinity(f)), MXCSR_ZE);
	flags = ieee_denormal_flag(f, a) | ieee_denormal_flag(f, b);
	if (ieee_is_infinity(f, a))
		return ieee_result(ieee_signed(f, sign, ieee_infinity(f)), flags);
	if (ieee_is_zero(f, a) || ieee_is_infinity(f, b))
		return ieee_result(ieee_signed(f, sign, 0), flags);
	m = ieee_unpack(f, a);
	n = ieee_unpack(f, b);
	/* Scaled so that the quotient has exactly 64 bits. */
	half = m.significand >= n.significand;
	significand = wide_divide(m.significand >> half, half ? m.significand << 63 : 0,
				  n.significand, &remainder);
	return ieee_pack(f, sign, m.exponent - n.exponent + f->bias - 1 + half,
			 significand | (remainder != 0), flags, mxcsr);
}

struct ieee32 ieee32_div(uint32_t a, uint32_t b, uint32_t mxcsr)
{
	return ieee_narrow(quotient(&ieee_binary32, a, b, mxcsr));
}

struct ieee64 ieee64_div(uint64_t a, uint64_t b, uint32_t mxcsr)
{
	return quotient(&ieee_binary64, a, b, mxcsr);
}

/* ---- Square root ----------------------------------------------------------------------------- */

FPU_INLINE struct ieee64 square_root(const struct ieee_format *f, uint64_t a, uint32_t mxcsr)
{
	struct ieee_number n;
	struct wide remainder;
	uint64_t root;
	int32_t exponent;

	a = ieee_daz(f, a, mxcsr);
	if (ieee_is_nan(f, a))
		return ieee_propagate(f, a, a);
	if (ieee_is_zero(f, a))
		return ieee_result(a, 0);
	if (ieee_sign(f, a))
		return ieee_invalid(f);
	if (ieee_is_infinity(f, a))
		return ieee_result(a, 0);
	n = ieee_unpack(f, a);
	exponent = n.exponent - f->bias;
	if (exponent & 1)
		root = root_of_128(n.significand, 0, &remainder);
	else
		root = root_of_128(n.significand >> 1, n.significand << 63, &remainder);
	return ieee_pack(f, false, (exponent - (exponent & 1)) / 2 + f->bias,
			 root | ((remainder.high | remainder.low) != 0), ieee_denormal_flag(f, a),
			 mxcsr);
}

struct ieee32 ieee32_sqrt(uint32_t a, uint32_t mxcsr)
{
	return ieee_narrow(square_root(&ieee_binary32, a, mxcsr));
}

struct ieee64 ieee64_sqrt(uint64_t a, uint32_t mxcsr)
{
	return square_root(&ieee_binary64, a, mxcsr);
}
