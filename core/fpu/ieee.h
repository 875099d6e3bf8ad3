/*
 * ieee.h - binary16, binary32 and binary64 arithmetic as SSE and AVX do it
 *
 * One function an element: operands travel as their bits, rounding, masks, DAZ and FTZ come in as
 * MXCSR, the exceptions that came up go out in its places (IE DE ZE OE UE PE, bits 0-5). Pure
 * functions in integer code: every host computes the same bits. Rules: Intel SDM volume 1, 4.8.4,
 * 4.9, 11.5 and appendix E.
 *
 * An instruction ORs the flags of its elements; ieee_exceptions says which of them get into MXCSR,
 * ieee_unmasked whether #XM follows. The results count only when it does not.
 *
 * The plain cases by the host's own arithmetic: ieee_fast.h.
 */
#ifndef CLEARBOX_FPU_IEEE_H
#define CLEARBOX_FPU_IEEE_H

#include <stdbool.h>
#include <stdint.h>

/* Masks stand 7 bits above their flags. */
enum {
	MXCSR_IE = 0x0001, MXCSR_DE = 0x0002, MXCSR_ZE = 0x0004, MXCSR_OE = 0x0008,
	MXCSR_UE = 0x0010, MXCSR_PE = 0x0020, MXCSR_FLAGS = 0x003f,
	MXCSR_DAZ = 0x0040,
	MXCSR_IM = 0x0080, MXCSR_DM = 0x0100, MXCSR_ZM = 0x0200, MXCSR_OM = 0x0400,
	MXCSR_UM = 0x0800, MXCSR_PM = 0x1000, MXCSR_MASKS = 0x1f80,
	MXCSR_RC = 0x6000, MXCSR_RC_NEAREST = 0x0000, MXCSR_RC_DOWN = 0x2000,
	MXCSR_RC_UP = 0x4000, MXCSR_RC_ZERO = 0x6000,
	MXCSR_FTZ = 0x8000,
	MXCSR_BITS = 0xffff, MXCSR_INITIAL = 0x1f80
};

struct ieee32 {
	uint32_t bits, flags;
};

struct ieee64 {
	uint64_t bits;
	uint32_t flags;
};

#define IEEE32_NAN 0xffc00000u
#define IEEE64_NAN 0xfff8000000000000u

/*
 * What an instruction whose elements raised flags adds to MXCSR. When one found before computing is
 * unmasked, nothing was computed and only that kind counts (SDM 4.9.2).
 */
static inline uint32_t ieee_exceptions(uint32_t flags, uint32_t mxcsr)
{
	if (flags & ~(mxcsr >> 7) & (MXCSR_IE | MXCSR_DE | MXCSR_ZE))
		flags &= MXCSR_IE | MXCSR_DE | MXCSR_ZE;
	return flags;
}

/* Does that raise #XM? */
static inline bool ieee_unmasked(uint32_t flags, uint32_t mxcsr)
{
	return (flags & ~(mxcsr >> 7) & MXCSR_FLAGS) != 0;
}

/* ---- ieee_arithmetic.c ----------------------------------------------------------------------- */

struct ieee32 ieee32_add(uint32_t a, uint32_t b, uint32_t mxcsr);
struct ieee64 ieee64_add(uint64_t a, uint64_t b, uint32_t mxcsr);
struct ieee32 ieee32_sub(uint32_t a, uint32_t b, uint32_t mxcsr);
struct ieee64 ieee64_sub(uint64_t a, uint64_t b, uint32_t mxcsr);
struct ieee32 ieee32_mul(uint32_t a, uint32_t b, uint32_t mxcsr);
struct ieee64 ieee64_mul(uint64_t a, uint64_t b, uint32_t mxcsr);
struct ieee32 ieee32_div(uint32_t a, uint32_t b, uint32_t mxcsr);
struct ieee64 ieee64_div(uint64_t a, uint64_t b, uint32_t mxcsr);
struct ieee32 ieee32_sqrt(uint32_t a, uint32_t mxcsr);
struct ieee64 ieee64_sqrt(uint64_t a, uint32_t mxcsr);

/* ---- ieee_fma.c: a * b + c, rounded once ----------------------------------------------------- */

enum { IEEE_FMA_NEGATE_PRODUCT = 1, IEEE_FMA_NEGATE_ADDEND = 2 };

struct ieee32 ieee32_fma(uint32_t a, uint32_t b, uint32_t c, uint32_t negate, uint32_t mxcsr);
struct ieee64 ieee64_fma(uint64_t a, uint64_t b, uint64_t c, uint32_t negate, uint32_t mxcsr);

/* ---- ieee_compare.c -------------------------------------------------------------------------- */

struct ieee32 ieee32_min(uint32_t a, uint32_t b, uint32_t mxcsr);
struct ieee64 ieee64_min(uint64_t a, uint64_t b, uint32_t mxcsr);
struct ieee32 ieee32_max(uint32_t a, uint32_t b, uint32_t mxcsr);
struct ieee64 ieee64_max(uint64_t a, uint64_t b, uint32_t mxcsr);

/* The relations as UCOMISS puts them into EFLAGS: ZF, PF, CF in their places. */
enum { IEEE_GREATER = 0x00, IEEE_LESS = 0x01, IEEE_EQUAL = 0x40, IEEE_UNORDERED = 0x45 };

/* In bits; signal: quiet NaNs are invalid, too. */
struct ieee32 ieee32_compare(uint32_t a, uint32_t b, bool signal, uint32_t mxcsr);
struct ieee32 ieee64_compare(uint64_t a, uint64_t b, bool signal, uint32_t mxcsr);
/*
 * CMPPS and its like: all ones or zero by predicate (0-31; legacy has 0-7). The relations for which
 * a predicate holds (SDM 2A, CMPPD, table 3-1; 16-31 are 0-15 with other NaNs signalling): a digit each.
 */
enum { IEEE_SET_LESS = 1, IEEE_SET_EQUAL = 2, IEEE_SET_GREATER = 4, IEEE_SET_UNORDERED = 8 };
static inline unsigned ieee_predicate_set(unsigned predicate)
{
	return (unsigned)(0xf4650b9a7ced8312u >> (predicate & 15) * 4 & 15);
}
struct ieee32 ieee32_predicate(uint32_t a, uint32_t b, unsigned predicate, uint32_t mxcsr);
struct ieee64 ieee64_predicate(uint64_t a, uint64_t b, unsigned predicate, uint32_t mxcsr);

/* ---- ieee_convert.c -------------------------------------------------------------------------- */

struct ieee64 ieee64_from_ieee32(uint32_t a, uint32_t mxcsr);
struct ieee32 ieee32_from_ieee64(uint64_t a, uint32_t mxcsr);
/* binary16, in the low bits. control: the immediate of VCVTPS2PH. */
struct ieee32 ieee32_from_ieee16(uint16_t a, uint32_t mxcsr);
struct ieee32 ieee16_from_ieee32(uint32_t a, unsigned control, uint32_t mxcsr);

struct ieee32 ieee32_from_int32(int32_t a, uint32_t mxcsr);
struct ieee32 ieee32_from_int64(int64_t a, uint32_t mxcsr);
struct ieee64 ieee64_from_int32(int32_t a, uint32_t mxcsr);
struct ieee64 ieee64_from_int64(int64_t a, uint32_t mxcsr);

/* To integers, by the rounding control; the truncating forms pass mxcsr | MXCSR_RC_ZERO. */
struct ieee32 ieee32_to_int32(uint32_t a, uint32_t mxcsr);
struct ieee64 ieee32_to_int64(uint32_t a, uint32_t mxcsr);
struct ieee32 ieee64_to_int32(uint64_t a, uint32_t mxcsr);
struct ieee64 ieee64_to_int64(uint64_t a, uint32_t mxcsr);

/* ROUNDSS and its like. control: their immediate. */
struct ieee32 ieee32_round(uint32_t a, unsigned control, uint32_t mxcsr);
struct ieee64 ieee64_round(uint64_t a, unsigned control, uint32_t mxcsr);

/* ---- ieee_estimate.c: RCPSS and RSQRTSS, which raise nothing --------------------------------- */

uint32_t ieee32_reciprocal(uint32_t a);
uint32_t ieee32_reciprocal_root(uint32_t a);

#endif
