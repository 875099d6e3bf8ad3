/*
 * transcendental_long.c - the transcendental functions to 512 bits
 *
 * For the results that 128 bits cannot round: less than one in 2^45, so this is compiled for size.
 */
#include "transcendental.h"

#define LIMBS 8
#define FN(name) name##_8
#define LINKAGE

static void series_8(uint64_t r[8], const uint64_t x[8], enum series which, bool alternate);

#include "elementary.h"

static void divide_small(uint64_t a[8], uint64_t divisor)
{
	uint64_t rest = 0;

	for (int i = 0; i < 8; i++)
		a[i] = wide_divide(rest, a[i], divisor, &rest);
}

/* By Horner's rule, with the factorials divided out one factor at a time. */
static void series_8(uint64_t r[8], const uint64_t x[8], enum series which, bool alternate)
{
	static const uint64_t one[8] = { (uint64_t)1 << 62 };
	uint64_t sum[8] = { 0 };

	for (int k = series_terms(x[0], which, 510); k >= 0; k--) {
		uint64_t n = (uint64_t)k, divisor, term[8];

		for (int i = 0; i < 8; i++)
			term[i] = one[i];
		multiply_q2_8(sum, sum, x);
		if (which == SERIES_ODD) {
			divide_small(term, 2 * n + 1);
		} else {
			if (which == SERIES_SINE)
				divisor = (2 * n + 2) * (2 * n + 3);
			else if (which == SERIES_COSINE)
				divisor = (2 * n + 1) * (2 * n + 2);
			else
				divisor = n + 2;
			divide_small(sum, divisor);
		}
		if (alternate)
			difference_8(sum, term, sum);
		else
			sum_8(sum, term, sum);
	}
	for (int i = 0; i < 8; i++)
		r[i] = sum[i];
}
