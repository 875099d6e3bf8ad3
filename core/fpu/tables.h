/*
 * tables.h - constants of the transcendental functions
 *
 * Fractions of 64-bit words, most significant first. Those with two integer bits (q2) hold the
 * value divided by four.
 */
#ifndef CLEARBOX_FPU_TABLES_H
#define CLEARBOX_FPU_TABLES_H

#include <stdint.h>

extern const uint64_t two_over_pi[10];
extern const uint64_t quarter_pi[8];
extern const uint64_t ln_2[8];
extern const uint64_t half_over_ln_2[8];        /* 1 / (2 ln 2) */
extern const uint64_t reciprocal_factorials[36][2];     /* q2 */
extern const uint64_t reciprocal_odds[28][2];   /* 1 / (2k + 1), q2 */
extern const uint64_t arctangents[33][8];       /* atan(j / 32), q2 */

#endif
