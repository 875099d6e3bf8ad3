/*
 * ieee_convert.c - between binary16, 32, 64 and integers; rounding to integral values
 */
#include "ieee_round.h"

/* A NaN's payload keeps its top bits. */
FPU_INLINE struct ieee64 convert_nan(const struct ieee_format *to, const struct ieee_format *from,
				     uint64_t a)
{
	int wider = to->precision - from->precision;
	uint64_t payload = a & (((uint64_t)1 << (from->precision - 1)) - 1);

	payload = wider > 0 ? payload << (wider & 63) : payload >> (-wider & 63);
	return ieee_result(ieee_signed(to, ieee_sign(from, a), ieee_infinity(to)) | payload |
				   ieee_quiet_bit(to),
			   ieee_is_signalling(from, a) ? MXCSR_IE : 0);
}

FPU_INLINE struct ieee64 convert(const struct ieee_format *to, const struct ieee_format *from,
				 uint64_t a, uint32_t flags, uint32_t mxcsr)
{
	bool sign = ieee_sign(from, a);
	struct ieee_number n;

	if (ieee_is_nan(from, a))
		return convert_nan(to, from, a);
	if (ieee_is_infinity(from, a))
		return ieee_result(ieee_signed(to, sign, ieee_infinity(to)), 0);
	if (ieee_is_zero(from, a))
		return ieee_result(ieee_signed(to, sign, 0), 0);
	n = ieee_unpack(from, a);
	return ieee_pack(to, sign, n.exponent - from->bias + to->bias, n.significand, flags, mxcsr);
}

struct ieee64 ieee64_from_ieee32(uint32_t a, uint32_t mxcsr)
{
	a = (uint32_t)ieee_daz(&ieee_binary32, a, mxcsr);
	return convert(&ieee_binary64, &ieee_binary32, a, ieee_denormal_flag(&ieee_binary32, a),
		       mxcsr);
}

struct ieee32 ieee32_from_ieee64(uint64_t a, uint32_t mxcsr)
{
	a = ieee_daz(&ieee_binary64, a, mxcsr);
	return ieee_narrow(convert(&ieee_binary32, &ieee_binary64, a,
				   ieee_denormal_flag(&ieee_binary64, a), mxcsr));
}

/* DAZ does not concern binary16, and its denormals raise nothing. */
struct ieee32 ieee32_from_ieee16(uint16_t a, uint32_t mxcsr)
{
	return ieee_narrow(convert(&ieee_binary32, &ieee_binary16, a, 0, mxcsr));
}

/* Nor does FTZ. */
struct ieee32 ieee16_from_ieee32(uint32_t a, unsigned control, uint32_t mxcsr)
{
	a = (uint32_t)ieee_daz(&ieee_binary32, a, mxcsr);
	mxcsr &= ~(uint32_t)MXCSR_FTZ;
	if (!(control & 4))
		mxcsr = (mxcsr & ~(uint32_t)MXCSR_RC) | (control & 3) << 13;
	return ieee_narrow(convert(&ieee_binary16, &ieee_binary32, a,
				   ieee_denormal_flag(&ieee_binary32, a), mxcsr));
}

/* ---- Integers -------------------------------------------------------------------------------- */

FPU_INLINE struct ieee64 from_integer(const struct ieee_format *to, int64_t a, uint32_t mxcsr)
{
	uint64_t magnitude = a < 0 ? 0 - (uint64_t)a : (uint64_t)a;
	int shift;

	if (!a)
		return ieee_result(0, 0);
	shift = wide_leading_zeros(magnitude);
	return ieee_pack(to, a < 0, to->bias + 63 - shift, magnitude << shift, 0, mxcsr);
}

struct ieee32 ieee32_from_int32(int32_t a, uint32_t mxcsr)
{
	return ieee_narrow(from_integer(&ieee_binary32, a, mxcsr));
}

struct ieee32 ieee32_from_int64(int64_t a, uint32_t mxcsr)
{
	return ieee_narrow(from_integer(&ieee_binary32, a, mxcsr));
}

struct ieee64 ieee64_from_int32(int32_t a, uint32_t mxcsr)
{
	return from_integer(&ieee_binary64, a, mxcsr);
}

struct ieee64 ieee64_from_int64(int64_t a, uint32_t mxcsr)
{
	return from_integer(&ieee_binary64, a, mxcsr);
}

/* |a|, less than 2^64, as an integer; *inexact: it was none. exponent without bias. */
FPU_INLINE uint64_t round_magnitude(bool sign, int32_t exponent, uint64_t significand,
				    uint32_t mxcsr, bool *inexact)
{
	uint64_t kept, rest;

	/* rest: the fraction, its top bit one half, its lowest sticky. */
	if (exponent >= 63) {
		kept = significand;
		rest = 0;
	} else if (exponent >= 0) {
		kept = significand >> (63 - exponent);
		rest = significand << (exponent + 1);
	} else {
		kept = 0;
		rest = ieee_shift_right_sticky(significand, (uint32_t)(-exponent - 1));
	}
	*inexact = rest != 0;
	switch (mxcsr & MXCSR_RC) {
	case MXCSR_RC_NEAREST:
		return kept + (rest > IEEE_TOP || (rest == IEEE_TOP && kept & 1));
	case MXCSR_RC_DOWN:
		return kept + (sign && rest);
	case MXCSR_RC_UP:
		return kept + (!sign && rest);
	default:
		return kept;
	}
}

/* Out of range: IE and the most negative integer. bits: 32 or 64. */
FPU_INLINE struct ieee64 to_integer(const struct ieee_format *from, uint64_t a, int bits,
				    uint32_t mxcsr)
{
	uint64_t least = (uint64_t)1 << (bits - 1), magnitude;
	bool sign = ieee_sign(from, a), inexact;
	struct ieee_number n;

	a = ieee_daz(from, a, mxcsr);
	if (ieee_is_zero(from, a))
		return ieee_result(0, 0);
	if (ieee_is_special(from, a))
		return ieee_result(least, MXCSR_IE);
	n = ieee_unpack(from, a);
	n.exponent -= from->bias;
	if (n.exponent >= bits)
		return ieee_result(least, MXCSR_IE);
	magnitude = round_magnitude(sign, n.exponent, n.significand, mxcsr, &inexact);
	if (magnitude > least - !sign)
		return ieee_result(least, MXCSR_IE);
	return ieee_result(sign ? 0 - magnitude : magnitude, inexact ? MXCSR_PE : 0);
}

struct ieee32 ieee32_to_int32(uint32_t a, uint32_t mxcsr)
{
	return ieee_narrow(to_integer(&ieee_binary32, a, 32, mxcsr));
}

struct ieee64 ieee32_to_int64(uint32_t a, uint32_t mxcsr)
{
	return to_integer(&ieee_binary32, a, 64, mxcsr);
}

struct ieee32 ieee64_to_int32(uint64_t a, uint32_t mxcsr)
{
	return ieee_narrow(to_integer(&ieee_binary64, a, 32, mxcsr));
}

struct ieee64 ieee64_to_int64(uint64_t a, uint32_t mxcsr)
{
	return to_integer(&ieee_binary64, a, 64, mxcsr);
}

/* ---- Integral values ------------------------------------------------------------------------- */

/* control: bits 0-1 the rounding, bit 2 takes MXCSR's instead, bit 3 keeps PE quiet. */
FPU_INLINE struct ieee64 round_integral(const struct ieee_format *f, uint64_t a, unsigned control,
					uint32_t mxcsr)
{
	bool sign = ieee_sign(f, a), inexact;
	struct ieee_number n;
	uint64_t magnitude;
	int shift;

	if (!(control & 4))
		mxcsr = (mxcsr & ~(uint32_t)MXCSR_RC) | (control & 3) << 13;
	a = ieee_daz(f, a, mxcsr);
	if (ieee_is_nan(f, a))
		return ieee_propagate(f, a, a);
	if (ieee_is_zero(f, a) || ieee_is_infinity(f, a))
		return ieee_result(a, 0);
	n = ieee_unpack(f, a);
	if (n.exponent - f->bias >= f->precision - 1)
		return ieee_result(a, 0);
	magnitude = round_magnitude(sign, n.exponent - f->bias, n.significand, mxcsr, &inexact);
	if (magnitude) {
		shift = wide_leading_zeros(magnitude);
		/* The hidden bit adds one to the exponent field. */
		magnitude = (magnitude << shift >> (64 - f->precision)) +
			    ((uint64_t)(f->bias + 62 - shift) << (f->precision - 1));
	}
	return ieee_result(ieee_signed(f, sign, magnitude),
			   inexact && !(control & 8) ? MXCSR_PE : 0);
}

struct ieee32 ieee32_round(uint32_t a, unsigned control, uint32_t mxcsr)
{
	return ieee_narrow(round_integral(&ieee_binary32, a, control, mxcsr));
}

struct ieee64 ieee64_round(uint64_t a, unsigned control, uint32_t mxcsr)
{
	return round_integral(&ieee_binary64, a, control, mxcsr);
}
