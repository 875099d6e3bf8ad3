/*
 * ieee_round.h - formats, classes and rounding, shared by the binary16, 32 and 64 operations
 *
 * All is written once for every format: struct ieee_format is a compile-time constant wherever these
 * are inlined. A value on its way is sign, exponent (biased as the format has it) and a significand
 * of 64 bits whose top bit is set and whose lowest bit is sticky.
 */
#ifndef CLEARBOX_FPU_IEEE_ROUND_H
#define CLEARBOX_FPU_IEEE_ROUND_H

#include "ieee.h"
#include "wide.h"

struct ieee_format {
	int precision;			/* bits of significand, with the hidden one */
	int32_t special;		/* the exponent field of infinities and NaNs */
	int32_t bias;
	int sign;			/* bit number */
};

static const struct ieee_format ieee_binary16 = { 11, 0x1f, 0xf, 15 };
static const struct ieee_format ieee_binary32 = { 24, 0xff, 0x7f, 31 };
static const struct ieee_format ieee_binary64 = { 53, 0x7ff, 0x3ff, 63 };

#define IEEE_TOP ((uint64_t)1 << 63)

/* Biased exponent, significand with its top bit set. */
struct ieee_number {
	uint64_t significand;
	int32_t exponent;
};

FPU_INLINE struct ieee64 ieee_result(uint64_t bits, uint32_t flags)
{
	struct ieee64 r = { bits, flags };

	return r;
}

FPU_INLINE struct ieee32 ieee_narrow(struct ieee64 a)
{
	struct ieee32 r = { (uint32_t)a.bits, a.flags };

	return r;
}

FPU_INLINE bool ieee_sign(const struct ieee_format *f, uint64_t a)
{
	return a >> f->sign & 1;
}

FPU_INLINE uint64_t ieee_sign_bit(const struct ieee_format *f)
{
	return (uint64_t)1 << f->sign;
}

FPU_INLINE uint64_t ieee_signed(const struct ieee_format *f, bool sign, uint64_t magnitude)
{
	return (uint64_t)sign << f->sign | magnitude;
}

FPU_INLINE uint64_t ieee_magnitude(const struct ieee_format *f, uint64_t a)
{
	return a & (ieee_sign_bit(f) - 1);
}

FPU_INLINE uint64_t ieee_infinity(const struct ieee_format *f)
{
	return (uint64_t)f->special << (f->precision - 1);
}

FPU_INLINE uint64_t ieee_quiet_bit(const struct ieee_format *f)
{
	return (uint64_t)1 << (f->precision - 2);
}

FPU_INLINE uint64_t ieee_default_nan(const struct ieee_format *f)
{
	return ieee_sign_bit(f) | ieee_infinity(f) | ieee_quiet_bit(f);
}

FPU_INLINE bool ieee_is_infinity(const struct ieee_format *f, uint64_t a)
{
	return ieee_magnitude(f, a) == ieee_infinity(f);
}

FPU_INLINE bool ieee_is_nan(const struct ieee_format *f, uint64_t a)
{
	return ieee_magnitude(f, a) > ieee_infinity(f);
}

FPU_INLINE bool ieee_is_signalling(const struct ieee_format *f, uint64_t a)
{
	return ieee_is_nan(f, a) && !(a & ieee_quiet_bit(f));
}

/* Infinity or NaN. */
FPU_INLINE bool ieee_is_special(const struct ieee_format *f, uint64_t a)
{
	return ieee_magnitude(f, a) >= ieee_infinity(f);
}

FPU_INLINE bool ieee_is_zero(const struct ieee_format *f, uint64_t a)
{
	return !ieee_magnitude(f, a);
}

FPU_INLINE bool ieee_is_denormal(const struct ieee_format *f, uint64_t a)
{
	return ieee_magnitude(f, a) - 1 < ((uint64_t)1 << (f->precision - 1)) - 1;
}

/* Denormals are zeros: a zero of the same sign. */
FPU_INLINE uint64_t ieee_daz(const struct ieee_format *f, uint64_t a, uint32_t mxcsr)
{
	return FPU_LIKELY(!(mxcsr & MXCSR_DAZ)) || !ieee_is_denormal(f, a) ? a :
									     a & ieee_sign_bit(f);
}

FPU_INLINE uint32_t ieee_denormal_flag(const struct ieee_format *f, uint64_t a)
{
	return ieee_is_denormal(f, a) ? MXCSR_DE : 0;
}

/* Of a finite number other than zero. */
FPU_INLINE struct ieee_number ieee_unpack(const struct ieee_format *f, uint64_t a)
{
	uint64_t magnitude = ieee_magnitude(f, a);
	struct ieee_number n;

	n.exponent = (int32_t)(magnitude >> (f->precision - 1));
	n.significand = magnitude << (64 - f->precision);
	if (FPU_LIKELY(n.exponent != 0)) {
		n.significand |= IEEE_TOP;
	} else {
		int shift = wide_leading_zeros(n.significand);

		n.significand <<= shift;
		n.exponent = 1 - shift;
	}
	return n;
}

FPU_INLINE struct ieee64 ieee_invalid(const struct ieee_format *f)
{
	return ieee_result(ieee_default_nan(f), MXCSR_IE);
}

/* The first of the two that is a NaN, quiet; IE when either signals (SDM 1, table 4-7). */
FPU_INLINE struct ieee64 ieee_propagate(const struct ieee_format *f, uint64_t a, uint64_t b)
{
	bool invalid = ieee_is_signalling(f, a) || ieee_is_signalling(f, b);

	return ieee_result((ieee_is_nan(f, a) ? a : b) | ieee_quiet_bit(f), invalid ? MXCSR_IE : 0);
}


/* Significand with its low bits rounded away and shifted out; may carry into one bit more. */
FPU_INLINE uint64_t ieee_round_bits(const struct ieee_format *f, bool sign, uint64_t significand,
				    uint32_t mxcsr)
{
	int cut = 64 - f->precision;
	uint64_t below = ((uint64_t)1 << cut) - 1, rest = significand & below;
	uint64_t kept = significand >> cut, half = (below >> 1) + 1;

	switch (mxcsr & MXCSR_RC) {
	case MXCSR_RC_NEAREST:
		return kept + (rest > half || (rest == half && kept & 1));
	case MXCSR_RC_DOWN:
		return kept + (sign && rest);
	case MXCSR_RC_UP:
		return kept + (!sign && rest);
	default:
		return kept;
	}
}

FPU_INLINE uint64_t ieee_shift_right_sticky(uint64_t a, uint32_t count)
{
	if (count >= 64)
		return a != 0;
	return a >> count | (count && a << (64 - count) ? 1 : 0);
}

/* Denormal or zero results, and those near enough: tininess is found after rounding. */
FPU_INLINE struct ieee64 ieee_round_tiny(const struct ieee_format *f, bool sign, int32_t exponent,
					 uint64_t significand, uint32_t flags, uint32_t mxcsr)
{
	uint64_t below = ((uint64_t)1 << (64 - f->precision)) - 1;
	bool tiny = exponent < 0 ||
		    !(ieee_round_bits(f, sign, significand, mxcsr) >> f->precision);
	bool inexact = (significand & below) != 0;

	if (tiny && !(mxcsr & MXCSR_UM))
		return ieee_result(0, flags | MXCSR_UE | (inexact ? MXCSR_PE : 0));
	if (tiny && mxcsr & MXCSR_FTZ)
		return ieee_result(ieee_signed(f, sign, 0), flags | MXCSR_UE | MXCSR_PE);
	significand = ieee_shift_right_sticky(significand, (uint32_t)(1 - exponent));
	if (significand & below)
		flags |= MXCSR_PE | (tiny ? MXCSR_UE : 0);
	return ieee_result(ieee_signed(f, sign, ieee_round_bits(f, sign, significand, mxcsr)), flags);
}

FPU_INLINE struct ieee64 ieee_overflow(const struct ieee_format *f, bool sign, uint32_t flags,
				       uint32_t mxcsr)
{
	uint32_t rc = mxcsr & MXCSR_RC;
	bool down = rc == MXCSR_RC_ZERO || rc == (sign ? MXCSR_RC_UP : MXCSR_RC_DOWN);

	return ieee_result(ieee_signed(f, sign, ieee_infinity(f) - down), flags | MXCSR_OE);
}

/* The last step of every operation. flags: what came up before. */
FPU_INLINE struct ieee64 ieee_pack(const struct ieee_format *f, bool sign, int32_t exponent,
				   uint64_t significand, uint32_t flags, uint32_t mxcsr)
{
	uint64_t below = ((uint64_t)1 << (64 - f->precision)) - 1, magnitude;

	if (!FPU_LIKELY(exponent > 0))
		return ieee_round_tiny(f, sign, exponent, significand, flags, mxcsr);
	if (significand & below)
		flags |= MXCSR_PE;
	if (!FPU_LIKELY(exponent < f->special))
		return ieee_overflow(f, sign, flags | (mxcsr & MXCSR_OM ? MXCSR_PE : 0), mxcsr);
	/* The hidden bit adds one to the exponent field, and so does a carry. */
	magnitude = ((uint64_t)(exponent - 1) << (f->precision - 1)) +
		    ieee_round_bits(f, sign, significand, mxcsr);
	if (!FPU_LIKELY(magnitude < ieee_infinity(f)))
		return ieee_overflow(f, sign, flags | (mxcsr & MXCSR_OM ? MXCSR_PE : 0), mxcsr);
	return ieee_result(ieee_signed(f, sign, magnitude), flags);
}

#endif
