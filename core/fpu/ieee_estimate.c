/*
 * ieee_estimate.c - RCPSS, RSQRTSS: reciprocals with a relative error of at most 1.5 * 2^-12
 *
 * The manual fixes the error, not the value, and processors differ. Ours is the simplest that keeps
 * the bound: the upper 11 bits of the significand (10 and the parity of the exponent for the root)
 * choose an interval, the result is that of its middle, rounded to 12 bits of fraction. Denormals
 * count as zeros and results that would be denormal become zeros, whatever MXCSR says (Intel SDM 2B,
 * RCPPS, RSQRTPS).
 */
#include "ieee_round.h"
#include "root.h"

static const struct ieee_format *const binary32 = &ieee_binary32;

/* value: 12 bits of fraction and the hidden bit. */
static uint32_t make(uint32_t sign, int32_t exponent, uint32_t value)
{
	return sign | (uint32_t)exponent << 23 | (value & 0xfff) << 11;
}

uint32_t ieee32_reciprocal(uint32_t a)
{
	uint32_t sign = a & 0x80000000, middle = 4097 + (a >> 12 & 0x7ff) * 2;
	int32_t exponent = 253 - (int32_t)(a >> 23 & 0xff);

	if (ieee_is_nan(binary32, a))
		return a | (uint32_t)ieee_quiet_bit(binary32);
	if (exponent == 253)
		return sign | (uint32_t)ieee_infinity(binary32);
	if (exponent <= 0)
		return sign;
	return make(sign, exponent, (((uint32_t)1 << 26) / middle + 1) / 2);
}

uint32_t ieee32_reciprocal_root(uint32_t a)
{
	uint32_t sign = a & 0x80000000, middle = 2049 + (a >> 13 & 0x3ff) * 2, square;
	int32_t exponent = (int32_t)(a >> 23 & 0xff);

	if (ieee_is_nan(binary32, a))
		return a | (uint32_t)ieee_quiet_bit(binary32);
	if (!exponent)
		return sign | (uint32_t)ieee_infinity(binary32);
	if (sign)
		return IEEE32_NAN;
	if (exponent == 255)
		return 0;
	/* 2 * 8192 / sqrt(middle / 2048), for odd exponents sqrt(2) less: 14 or 15 bits. */
	square = (uint32_t)(((uint64_t)1 << 39) / middle) >> !(exponent & 1);
	return make(0, 189 - (exponent - 1) / 2, (root_of_32(square << 4) / 4 + 1) / 2);
}
