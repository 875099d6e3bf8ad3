/* Products and quotients of 128 bits, by the compiler's wide integers or without them. */
#ifndef CORE_CPU_WIDE_INTEGER_H
#define CORE_CPU_WIDE_INTEGER_H

#include "compiler.h"

/* The high half of a * b; the low half in *low. */
static INLINE uint64_t multiply_wide(uint64_t a, uint64_t b, uint64_t *low)
{
#if defined(HAVE_WIDE_INTEGER)
	wide_integer product = (wide_integer)a * b;

	*low = (uint64_t)product;
	return (uint64_t)(product >> 64);
#else
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t middle = a1 * b0 + (a0 * b0 >> 32), middle2 = a0 * b1 + (uint32_t)middle;

	*low = a * b;
	return a1 * b1 + (middle >> 32) + (middle2 >> 32);
#endif
}

/* The same of signed numbers. */
static INLINE uint64_t multiply_wide_signed(uint64_t a, uint64_t b, uint64_t *low)
{
	uint64_t high = multiply_wide(a, b, low);

	high -= a >> 63 ? b : 0;
	high -= b >> 63 ? a : 0;
	return high;
}

/* high:low / by, for high < by. */
static INLINE uint64_t divide_wide(uint64_t high, uint64_t low, uint64_t by, uint64_t *remainder)
{
	uint64_t quotient = 0;

	if (!high) {
		*remainder = low % by;
		return low / by;
	}
#if defined(HAVE_WIDE_INTEGER)
	{
		wide_integer n = (wide_integer)high << 64 | low;

		quotient = (uint64_t)(n / by);
		*remainder = low - quotient * by;
		return quotient;
	}
#else
	for (int bit = 63; bit >= 0; bit--) {
		bool carry = high >> 63;

		high = high << 1 | (low >> bit & 1);
		if (carry || high >= by) {
			high -= by;
			quotient |= 1ull << bit;
		}
	}
	*remainder = high;
	return quotient;
#endif
}

#endif
