/*
 * transcendental.h - what the two precisions of the transcendental functions share
 */
#ifndef CLEARBOX_FPU_TRANSCENDENTAL_H
#define CLEARBOX_FPU_TRANSCENDENTAL_H

#include "round.h"
#include "tables.h"

#include <stddef.h>

/* A result before rounding: exponent biased, significand normalised, lowest bit sticky. */
struct approximation {
	bool sign;
	int32_t exponent;
	uint64_t high, low;
};

/* Power series by their coefficients c[k]: sums of (+-x)^k * c[k]. */
enum series {
	SERIES_SINE,		/* 1 / (2k + 1)!: sin r / r in r^2 */
	SERIES_COSINE,		/* 1 / (2k)! */
	SERIES_EXPONENTIAL,	/* 1 / (k + 1)!: (e^t - 1) / t */
	SERIES_ODD		/* 1 / (2k + 1): atan t / t and artanh z / z in the square */
};

/* How many terms it takes until x^k, or x^k over its factorial, is below 2^-bits. */
static inline int series_terms(uint64_t x_top, enum series which, int bits)
{
	/* x is a q2: with n leading zeros it is below 2^(2 - n). */
	int zeros = x_top ? wide_leading_zeros(x_top) - 2 : 62;
	int terms = 0;

	if (which == SERIES_ODD) {
		/* x < 0.03 always, so there is something to divide by. */
		return bits / (zeros > 0 ? zeros : 1) + 1;
	}
	for (int factor = 1, got = 0; got < bits; terms++) {
		int logarithm = 63 - wide_leading_zeros((uint64_t)factor);

		got += zeros + (which == SERIES_EXPONENTIAL ? logarithm : 2 * logarithm);
		factor += which == SERIES_EXPONENTIAL ? 1 : 2;
	}
	return terms;
}

/* The exact values to 512 bits, the lowest bit of 128 sticky: transcendental_long.c. */
typedef void evaluate(struct approximation *r, struct float80 a, struct float80 b);
evaluate evaluate_sine_8, evaluate_cosine_8, evaluate_tangent_8, evaluate_exponential_8;
evaluate evaluate_logarithm_8, evaluate_logarithm_plus_1_8, evaluate_arctangent_8;

#endif
