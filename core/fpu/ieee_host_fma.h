/*
 * ieee_host_fma.h - the plain cases of multiply and add by the host's fma()
 *
 * As ieee_fast.h, and under the same conditions. Not every C library's fma() rounds once only: it is
 * used where the compiler says that it is an instruction, and where the library promises the right
 * result (the GNU C library: manual, "Errors in Math Functions"). Elsewhere done is false.
 */
#ifndef CLEARBOX_FPU_IEEE_HOST_FMA_H
#define CLEARBOX_FPU_IEEE_HOST_FMA_H

#include "ieee_fast.h"

#if IEEE_HOST && (defined(__FP_FAST_FMA) || defined(__GLIBC__))
#define IEEE_HOST_FMA 1
#else
#define IEEE_HOST_FMA 0
#endif

/*
 * a * b + c; bits of product_sign and addend_sign turn the signs around. A zero is the sum of zeros,
 * or else left to the exact function: it may be an underflow.
 */
#define IEEE_HOST_FMA_OF(W, host)                                                                 \
FPU_INLINE struct ieee_fast##W ieee_host##W##_fma(uint##W##_t a, uint##W##_t b, uint##W##_t c,    \
						  uint##W##_t product_sign,                       \
						  uint##W##_t addend_sign)                        \
{                                                                                                 \
	struct ieee_fast##W r = { 0, false };                                                     \
                                                                                                  \
	if (IEEE_HOST_FMA && ieee_plain##W(a) && ieee_plain##W(b) && ieee_plain##W(c)) {          \
		r.bits = ieee_bits##W(host(ieee_value##W(a ^ product_sign), ieee_value##W(b),     \
					   ieee_value##W(c ^ addend_sign)));                      \
		r.done = ieee_safe##W(r.bits) || (!(uint##W##_t)(r.bits << 1) &&                  \
			 (!(uint##W##_t)(a << 1) || !(uint##W##_t)(b << 1)));                     \
	}                                                                                         \
	return r;                                                                                 \
}
IEEE_HOST_FMA_OF(32, __builtin_fmaf)
IEEE_HOST_FMA_OF(64, __builtin_fma)

#endif
