/*
 * wide.h - 128-bit integer steps for the floating point code
 *
 * The few operations on 64 x 64 -> 128 bits and 128 / 64 bits that the arithmetic needs, under one
 * name each. Hosts whose compiler has a 128-bit type use it; the others use plain C of 64-bit words
 * which gives the same bits. WIDE_PORTABLE forces the plain C (the tests do, to compare the two).
 */
#ifndef CLEARBOX_FPU_WIDE_H
#define CLEARBOX_FPU_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__SIZEOF_INT128__) && !defined(WIDE_PORTABLE)
#define WIDE_NATIVE 1
__extension__ typedef unsigned __int128 wide_native;
#else
#define WIDE_NATIVE 0
#endif

#if defined(__GNUC__)
#define FPU_LIKELY(x) __builtin_expect(!!(x), 1)
#define FPU_COLD __attribute__((cold, noinline))
#define FPU_INLINE static inline __attribute__((always_inline))
#else
#define FPU_LIKELY(x) (x)
#define FPU_COLD
#define FPU_INLINE static inline
#endif

struct wide {
	uint64_t high;
	uint64_t low;
};

/* Number of leading zeros of a value that is not zero. */
static inline int wide_leading_zeros(uint64_t value)
{
#if defined(__GNUC__)
	return __builtin_clzll(value);
#else
	int count = 0;

	for (int step = 32; step; step >>= 1) {
		if (!(value >> (64 - step))) {
			value <<= step;
			count += step;
		}
	}
	return count;
#endif
}

#if WIDE_NATIVE

static inline struct wide wide_multiply(uint64_t a, uint64_t b)
{
	wide_native product = (wide_native)a * b;
	struct wide result = { (uint64_t)(product >> 64), (uint64_t)product };

	return result;
}

/* a * b + c + d, which always fits. */
static inline struct wide wide_multiply_add(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	wide_native sum = (wide_native)a * b + c + d;
	struct wide result = { (uint64_t)(sum >> 64), (uint64_t)sum };

	return result;
}

/* (high:low) / divisor; high must be less than divisor. */
static inline uint64_t wide_divide(uint64_t high, uint64_t low, uint64_t divisor,
				   uint64_t *remainder)
{
	wide_native dividend = (wide_native)high << 64 | low;
	uint64_t quotient = (uint64_t)(dividend / divisor);

	*remainder = low - quotient * divisor;
	return quotient;
}

#else

static inline struct wide wide_multiply(uint64_t a, uint64_t b)
{
	uint64_t a0 = a & 0xffffffff, a1 = a >> 32;
	uint64_t b0 = b & 0xffffffff, b1 = b >> 32;
	uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
	uint64_t middle = (p00 >> 32) + (p01 & 0xffffffff) + (p10 & 0xffffffff);
	struct wide result;

	result.low = middle << 32 | (p00 & 0xffffffff);
	result.high = p11 + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
	return result;
}

static inline struct wide wide_multiply_add(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	struct wide result = wide_multiply(a, b);

	result.low += c;
	result.high += result.low < c;
	result.low += d;
	result.high += result.low < d;
	return result;
}

/* One 32-bit digit of a long division: (high:digit) / divisor, divisor normalised, high < divisor. */
static inline uint64_t wide_divide_digit(uint64_t *high, uint64_t digit, uint64_t divisor)
{
	uint64_t d1 = divisor >> 32, d0 = divisor & 0xffffffff;
	uint64_t q = *high / d1, r = *high % d1;

	while (q >> 32 || q * d0 > (r << 32 | digit)) {
		q--;
		r += d1;
		if (r >> 32)
			break;
	}
	*high = (*high << 32 | digit) - q * divisor;
	return q;
}

static inline uint64_t wide_divide(uint64_t high, uint64_t low, uint64_t divisor,
				   uint64_t *remainder)
{
	int shift = wide_leading_zeros(divisor);
	uint64_t q1, q0;

	if (shift) {
		divisor <<= shift;
		high = high << shift | low >> (64 - shift);
		low <<= shift;
	}
	q1 = wide_divide_digit(&high, low >> 32, divisor);
	q0 = wide_divide_digit(&high, low & 0xffffffff, divisor);
	*remainder = high >> shift;
	return q1 << 32 | q0;
}

#endif

static inline struct wide wide_add(struct wide a, struct wide b)
{
	struct wide result = { a.high + b.high, a.low + b.low };

	result.high += result.low < a.low;
	return result;
}

static inline struct wide wide_subtract(struct wide a, struct wide b)
{
	struct wide result = { a.high - b.high - (a.low < b.low), a.low - b.low };

	return result;
}

/* Left by 0 to 127. */
static inline struct wide wide_shift_left(struct wide a, int count)
{
	struct wide result = a;

	if (count >= 64) {
		result.high = a.low << (count - 64);
		result.low = 0;
	} else if (count) {
		result.high = a.high << count | a.low >> (64 - count);
		result.low = a.low << count;
	}
	return result;
}

/* value * 2^64 right by any count of 0 or more; ones that fall out are kept in the lowest bit. */
static inline struct wide wide_shift_right_sticky_64(uint64_t value, uint32_t count)
{
	struct wide result = { value, 0 };

	if (count >= 128) {
		result.high = 0;
		result.low = value != 0;
	} else if (count > 64) {
		result.high = 0;
		result.low = value >> (count - 64) | ((value << (128 - count)) != 0);
	} else if (count == 64) {
		result.high = 0;
		result.low = value;
	} else if (count) {
		result.high = value >> count;
		result.low = value << (64 - count);
	}
	return result;
}

/* Right by any count of 0 or more; ones that fall out are kept as a one in the lowest bit. */
static inline struct wide wide_shift_right_sticky(struct wide a, uint32_t count)
{
	struct wide result = a;

	if (count >= 128) {
		result.high = 0;
		result.low = (a.high | a.low) != 0;
	} else if (count > 64) {
		result.high = 0;
		result.low = a.high >> (count - 64) | ((a.high << (128 - count) | a.low) != 0);
	} else if (count == 64) {
		result.high = 0;
		result.low = a.high | (a.low != 0);
	} else if (count) {
		result.high = a.high >> count;
		result.low = a.high << (64 - count) | a.low >> count | ((a.low << (64 - count)) != 0);
	}
	return result;
}

#endif
