/*
 * ieee_fma.c - multiply and add with one rounding
 *
 * Special operands: Intel SDM volume 1, 14.5.2. The product is exact in 128 bits; the sum keeps
 * 128 bits, the lowest of them sticky, which is enough: bits are lost only when the exponents differ by
 * so much that at most one bit cancels.
 */
#include "ieee_round.h"

struct exact {
	struct wide significand;	/* top bit set */
	int32_t exponent;
};

static inline bool wide_less(struct wide a, struct wide b)
{
	return a.high < b.high || (a.high == b.high && a.low < b.low);
}

FPU_INLINE struct exact exact_product(struct ieee_number a, struct ieee_number b, int32_t bias)
{
	struct exact r;
	int shift;

	r.significand = wide_multiply(a.significand, b.significand);
	shift = !(r.significand.high >> 63);
	r.significand = wide_shift_left(r.significand, shift);
	r.exponent = a.exponent + b.exponent - bias + 1 - shift;
	return r;
}

/* |a| + |b| or |a| - |b|, with the sign of the first. */
FPU_INLINE struct ieee64 exact_sum(const struct ieee_format *f, bool sign, struct exact a,
				   bool subtract, struct exact b, uint32_t flags, uint32_t mxcsr)
{
	struct wide sum;
	int shift;

	if (a.exponent < b.exponent ||
	    (a.exponent == b.exponent && wide_less(a.significand, b.significand))) {
		struct exact swap = a;

		a = b;
		b = swap;
		sign ^= subtract;
	}
	/* Products and numbers have their lowest bits clear, so one bit down loses nothing. */
	a.significand = wide_shift_right_sticky(a.significand, 1);
	b.significand = wide_shift_right_sticky(b.significand,
						(uint32_t)(a.exponent - b.exponent) + 1);
	sum = subtract ? wide_subtract(a.significand, b.significand) :
			 wide_add(a.significand, b.significand);
	if (!(sum.high | sum.low))
		return ieee_result(ieee_signed(f, (mxcsr & MXCSR_RC) == MXCSR_RC_DOWN, 0), flags);
	shift = sum.high ? wide_leading_zeros(sum.high) : 64 + wide_leading_zeros(sum.low);
	sum = wide_shift_left(sum, shift);
	return ieee_pack(f, sign, a.exponent + 1 - shift, sum.high | (sum.low != 0), flags, mxcsr);
}

/* NaNs: the first operand that is one, in the order a, b, c. */
FPU_INLINE struct ieee64 fma_nan(const struct ieee_format *f, uint64_t a, uint64_t b, uint64_t c)
{
	bool invalid = ieee_is_signalling(f, a) || ieee_is_signalling(f, b) ||
		       ieee_is_signalling(f, c);
	uint64_t nan = ieee_is_nan(f, a) ? a : ieee_is_nan(f, b) ? b : c;

	return ieee_result(nan | ieee_quiet_bit(f), invalid ? MXCSR_IE : 0);
}

FPU_INLINE struct ieee64 multiply_add(const struct ieee_format *f, uint64_t a, uint64_t b,
				      uint64_t c, uint32_t negate, uint32_t mxcsr)
{
	struct exact product, addend;
	struct ieee_number n;
	bool sign, c_sign;
	uint32_t flags;

	a = ieee_daz(f, a, mxcsr);
	b = ieee_daz(f, b, mxcsr);
	c = ieee_daz(f, c, mxcsr);
	if (ieee_is_nan(f, a) || ieee_is_nan(f, b) || ieee_is_nan(f, c))
		return fma_nan(f, a, b, c);
	sign = (ieee_sign(f, a) != ieee_sign(f, b)) != ((negate & IEEE_FMA_NEGATE_PRODUCT) != 0);
	c_sign = ieee_sign(f, c) != ((negate & IEEE_FMA_NEGATE_ADDEND) != 0);
	if (ieee_is_infinity(f, a) || ieee_is_infinity(f, b)) {
		if (ieee_is_zero(f, a) || ieee_is_zero(f, b) ||
		    (ieee_is_infinity(f, c) && sign != c_sign))
			return ieee_invalid(f);
		flags = ieee_denormal_flag(f, a) | ieee_denormal_flag(f, b) |
			ieee_denormal_flag(f, c);
		return ieee_result(ieee_signed(f, sign, ieee_infinity(f)), flags);
	}
	flags = ieee_denormal_flag(f, a) | ieee_denormal_flag(f, b) | ieee_denormal_flag(f, c);
	if (ieee_is_infinity(f, c))
		return ieee_result(ieee_signed(f, c_sign, ieee_infinity(f)), flags);
	addend.exponent = 0;
	addend.significand.high = 0;
	addend.significand.low = 0;
	if (!ieee_is_zero(f, c)) {
		n = ieee_unpack(f, c);
		addend.significand.high = n.significand;
		addend.exponent = n.exponent;
	}
	if (ieee_is_zero(f, a) || ieee_is_zero(f, b)) {
		if (!ieee_is_zero(f, c))
			return ieee_pack(f, c_sign, addend.exponent, addend.significand.high,
					 flags, mxcsr);
		if (sign != c_sign)
			sign = (mxcsr & MXCSR_RC) == MXCSR_RC_DOWN;
		return ieee_result(ieee_signed(f, sign, 0), flags);
	}
	product = exact_product(ieee_unpack(f, a), ieee_unpack(f, b), f->bias);
	if (ieee_is_zero(f, c))
		return ieee_pack(f, sign, product.exponent,
				 product.significand.high | (product.significand.low != 0), flags,
				 mxcsr);
	return exact_sum(f, sign, product, sign != c_sign, addend, flags, mxcsr);
}

struct ieee32 ieee32_fma(uint32_t a, uint32_t b, uint32_t c, uint32_t negate, uint32_t mxcsr)
{
	return ieee_narrow(multiply_add(&ieee_binary32, a, b, c, negate, mxcsr));
}

struct ieee64 ieee64_fma(uint64_t a, uint64_t b, uint64_t c, uint32_t negate, uint32_t mxcsr)
{
	return multiply_add(&ieee_binary64, a, b, c, negate, mxcsr);
}
