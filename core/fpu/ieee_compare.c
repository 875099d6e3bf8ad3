/*
 * ieee_compare.c - compares, minimum and maximum of binary32 and binary64
 */
#include "ieee_round.h"

/* Of two that are no NaNs. */
FPU_INLINE uint32_t relation(const struct ieee_format *f, uint64_t a, uint64_t b)
{
	bool less;

	if (a == b || (ieee_is_zero(f, a) && ieee_is_zero(f, b)))
		return IEEE_EQUAL;
	if (ieee_sign(f, a) != ieee_sign(f, b))
		less = ieee_sign(f, a);
	else
		less = (a < b) != ieee_sign(f, a);
	return less ? IEEE_LESS : IEEE_GREATER;
}

FPU_INLINE struct ieee32 compare(const struct ieee_format *f, uint64_t a, uint64_t b, bool signal,
				 uint32_t mxcsr)
{
	struct ieee32 r;

	a = ieee_daz(f, a, mxcsr);
	b = ieee_daz(f, b, mxcsr);
	if (ieee_is_nan(f, a) || ieee_is_nan(f, b)) {
		r.bits = IEEE_UNORDERED;
		r.flags = signal || ieee_is_signalling(f, a) || ieee_is_signalling(f, b) ?
				  MXCSR_IE : 0;
		return r;
	}
	r.bits = relation(f, a, b);
	r.flags = ieee_denormal_flag(f, a) | ieee_denormal_flag(f, b);
	return r;
}

struct ieee32 ieee32_compare(uint32_t a, uint32_t b, bool signal, uint32_t mxcsr)
{
	return compare(&ieee_binary32, a, b, signal, mxcsr);
}

struct ieee32 ieee64_compare(uint64_t a, uint64_t b, bool signal, uint32_t mxcsr)
{
	return compare(&ieee_binary64, a, b, signal, mxcsr);
}

/* For which of 0-15 a quiet NaN is invalid, too; 16-31 are the opposite. */
static const uint16_t predicate_signals = 0x6666;

FPU_INLINE bool predicate_signal(unsigned predicate)
{
	return (predicate_signals >> (predicate & 15) & 1) != (predicate >> 4 & 1);
}

FPU_INLINE bool predicate_holds(unsigned predicate, uint32_t relation)
{
	unsigned which = relation == IEEE_LESS ? IEEE_SET_LESS :
			 relation == IEEE_EQUAL ? IEEE_SET_EQUAL :
			 relation == IEEE_GREATER ? IEEE_SET_GREATER : IEEE_SET_UNORDERED;

	return (ieee_predicate_set(predicate) & which) != 0;
}

struct ieee32 ieee32_predicate(uint32_t a, uint32_t b, unsigned predicate, uint32_t mxcsr)
{
	struct ieee32 r = compare(&ieee_binary32, a, b, predicate_signal(predicate), mxcsr);

	r.bits = predicate_holds(predicate, r.bits) ? 0xffffffff : 0;
	return r;
}

struct ieee64 ieee64_predicate(uint64_t a, uint64_t b, unsigned predicate, uint32_t mxcsr)
{
	struct ieee32 r = compare(&ieee_binary64, a, b, predicate_signal(predicate), mxcsr);

	return ieee_result(predicate_holds(predicate, r.bits) ? ~(uint64_t)0 : 0, r.flags);
}

/* b, unless a is ordered before it; so b of two zeros and with a NaN (SDM 2B, MINPD). */
FPU_INLINE struct ieee64 choose(const struct ieee_format *f, uint64_t a, uint64_t b,
				uint32_t wanted, uint32_t mxcsr)
{
	a = ieee_daz(f, a, mxcsr);
	b = ieee_daz(f, b, mxcsr);
	if (ieee_is_nan(f, a) || ieee_is_nan(f, b))
		return ieee_result(b, MXCSR_IE);
	return ieee_result(relation(f, a, b) == wanted ? a : b,
			   ieee_denormal_flag(f, a) | ieee_denormal_flag(f, b));
}

struct ieee32 ieee32_min(uint32_t a, uint32_t b, uint32_t mxcsr)
{
	return ieee_narrow(choose(&ieee_binary32, a, b, IEEE_LESS, mxcsr));
}

struct ieee64 ieee64_min(uint64_t a, uint64_t b, uint32_t mxcsr)
{
	return choose(&ieee_binary64, a, b, IEEE_LESS, mxcsr);
}

struct ieee32 ieee32_max(uint32_t a, uint32_t b, uint32_t mxcsr)
{
	return ieee_narrow(choose(&ieee_binary32, a, b, IEEE_GREATER, mxcsr));
}

struct ieee64 ieee64_max(uint64_t a, uint64_t b, uint32_t mxcsr)
{
	return choose(&ieee_binary64, a, b, IEEE_GREATER, mxcsr);
}
