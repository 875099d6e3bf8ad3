/*
 * float.h - arithmetic of the x87 floating point unit in integer code
 *
 * The 80-bit format, its operations with every rounding and precision control, and the exception
 * rules of Intel SDM volume 1, chapters 4.9 and 8. Pure functions of operands and context: nothing
 * here knows the rest of the core, and every host computes the same bits.
 *
 * How to call: set context.control to the x87 control word and context.flags to 0, call one
 * operation, then look at context.flags. It holds the exceptions that were raised and the condition
 * codes, all in their places of the status word, to be merged there as they are:
 *
 *	status = (status & ~FPU_C1) | context.flags;
 *
 * When fpu_suppressed(&context) an unmasked IE, DE or ZE came up: no operand or destination may
 * change. Unmasked OE, UE and PE still deliver a result to a register (the exponent wrapped by 24576
 * for OE and UE). For stores to memory use fpu_store_suppressed, which counts OE and UE too.
 *
 * An SSE operation uses the same context with a control word of its own: see fpu_control_from_mxcsr.
 */
#ifndef CLEARBOX_FPU_FLOAT_H
#define CLEARBOX_FPU_FLOAT_H

#include <stdbool.h>
#include <stdint.h>

/* Bit 63 of the significand is the integer bit; bit 15 of sign_exponent the sign. */
struct float80 {
	uint64_t significand;
	uint16_t sign_exponent;
};

/* Bits of the status word; the first six are those of the control word's masks, too. */
enum {
	FPU_IE = 0x0001,
	FPU_DE = 0x0002,
	FPU_ZE = 0x0004,
	FPU_OE = 0x0008,
	FPU_UE = 0x0010,
	FPU_PE = 0x0020,
	FPU_SF = 0x0040,
	FPU_ES = 0x0080,
	FPU_C0 = 0x0100,
	FPU_C1 = 0x0200,
	FPU_C2 = 0x0400,
	FPU_C3 = 0x4000,
	FPU_BUSY = 0x8000,
	FPU_EXCEPTIONS = 0x003f
};

/* Control word: bits 0-5 masks, 8-9 precision control, 10-11 rounding control. */
enum {
	FPU_PC_MASK = 0x0300,
	FPU_PC_SINGLE = 0x0000,
	FPU_PC_DOUBLE = 0x0200,
	FPU_PC_EXTENDED = 0x0300,
	FPU_RC_MASK = 0x0c00,
	FPU_RC_NEAREST = 0x0000,
	FPU_RC_DOWN = 0x0400,
	FPU_RC_UP = 0x0800,
	FPU_RC_ZERO = 0x0c00
};

struct fpu_context {
	uint16_t control;
	uint16_t flags;
};

static inline struct fpu_context fpu_context(uint16_t control)
{
	struct fpu_context context = { control, 0 };

	return context;
}

/* MXCSR has masks in bits 7-12 and rounding control in bits 13-14. */
static inline uint16_t fpu_control_from_mxcsr(uint32_t mxcsr)
{
	return (uint16_t)((mxcsr >> 7 & 0x3f) | (mxcsr >> 13 & 3) << 10 | FPU_PC_EXTENDED);
}

/* Exceptions that were raised and are not masked. */
static inline uint16_t fpu_unmasked(const struct fpu_context *context)
{
	return (uint16_t)(context->flags & ~context->control & FPU_EXCEPTIONS);
}

static inline bool fpu_suppressed(const struct fpu_context *context)
{
	return (fpu_unmasked(context) & (FPU_IE | FPU_DE | FPU_ZE)) != 0;
}

static inline bool fpu_store_suppressed(const struct fpu_context *context)
{
	return (fpu_unmasked(context) & (FPU_IE | FPU_DE | FPU_ZE | FPU_OE | FPU_UE)) != 0;
}

static inline struct float80 f80_make(bool sign, uint32_t exponent, uint64_t significand)
{
	struct float80 result = { significand, (uint16_t)((uint32_t)sign << 15 | exponent) };

	return result;
}

#define F80_DEFAULT_NAN f80_make(true, 0x7fff, 0xc000000000000000)
#define F80_ZERO f80_make(false, 0, 0)
#define F80_ONE f80_make(false, 0x3fff, 0x8000000000000000)

static inline bool f80_sign(struct float80 a)
{
	return a.sign_exponent >> 15;
}

static inline uint32_t f80_exponent(struct float80 a)
{
	return a.sign_exponent & 0x7fff;
}

static inline bool f80_is_zero(struct float80 a)
{
	return !(a.significand | f80_exponent(a));
}

static inline bool f80_is_nan(struct float80 a)
{
	return f80_exponent(a) == 0x7fff && a.significand > 0x8000000000000000;
}

/* Pseudo-NaN, pseudo-infinity, unnormal: what the 387 and later refuse with IE. */
static inline bool f80_is_unsupported(struct float80 a)
{
	return f80_exponent(a) && !(a.significand >> 63);
}

/* Tag word value: 0 valid, 1 zero, 2 special. */
static inline unsigned int f80_tag(struct float80 a)
{
	if (f80_exponent(a) - 1 < 0x7ffe && a.significand >> 63)
		return 0;
	return f80_is_zero(a) ? 1 : 2;
}

/* The basic operations: arithmetic.c. Rounded to the precision control. */
struct float80 f80_add(struct float80 a, struct float80 b, struct fpu_context *context);
struct float80 f80_subtract(struct float80 a, struct float80 b, struct fpu_context *context);
struct float80 f80_multiply(struct float80 a, struct float80 b, struct fpu_context *context);
struct float80 f80_divide(struct float80 a, struct float80 b, struct fpu_context *context);
struct float80 f80_square_root(struct float80 a, struct fpu_context *context);

/*
 * FCOM (quiet false: any NaN is IE) and FUCOM (quiet true: only signalling ones). Sets C3, C2, C0 in
 * the flags as those instructions do and returns them; FCOMI turns them to ZF, PF, CF.
 */
uint16_t f80_compare(struct float80 a, struct float80 b, bool quiet, struct fpu_context *context);
/* FXAM of a register that is not empty: C3, C2, C0 by class, C1 the sign. */
uint16_t f80_examine(struct float80 a);

/*
 * Conversions: convert.c. Operands in memory formats travel as their bits. Widening is exact; it
 * quiets signalling NaNs with IE and reports denormals with DE (FLD m32, m64). To use a memory
 * operand in arithmetic call f80_with_memory, which knows the priorities between the two steps.
 */
struct float80 f80_from_float32(uint32_t bits, struct fpu_context *context);
struct float80 f80_from_float64(uint64_t bits, struct fpu_context *context);
struct float80 f80_from_int32(int32_t value);
struct float80 f80_from_int64(int64_t value);
uint32_t f80_to_float32(struct float80 a, struct fpu_context *context);
uint64_t f80_to_float64(struct float80 a, struct fpu_context *context);
/* FIST; the FISTTP forms pass a context whose control has FPU_RC_ZERO. */
int16_t f80_to_int16(struct float80 a, struct fpu_context *context);
int32_t f80_to_int32(struct float80 a, struct fpu_context *context);
int64_t f80_to_int64(struct float80 a, struct fpu_context *context);
/* Packed BCD: 10 bytes, least significant digits first, sign in bit 7 of the last byte. */
struct float80 f80_from_bcd(const uint8_t bcd[10]);
void f80_to_bcd(struct float80 a, uint8_t bcd[10], struct fpu_context *context);
struct float80 f80_round_to_integer(struct float80 a, struct fpu_context *context);

/*
 * Widen without touching flags: signalling NaNs stay signalling. *denormal says whether the memory
 * value was a denormal (which the 80-bit format then holds as a normal number).
 */
struct float80 f80_raw_from_float32(uint32_t bits, bool *denormal);
struct float80 f80_raw_from_float64(uint64_t bits, bool *denormal);

typedef struct float80 f80_operation(struct float80 a, struct float80 b,
				     struct fpu_context *context);

/* operation(a, b) where one operand was a denormal in memory before widening. */
struct float80 f80_with_denormal(f80_operation *operation, struct float80 a, struct float80 b,
				 struct fpu_context *context);
uint16_t f80_compare_with_denormal(struct float80 a, struct float80 b, struct fpu_context *context);

/*
 * Partial remainder, FPREM (nearest false) and FPREM1 (nearest true): remainder.c. Sets C2 when the
 * reduction is not complete, else C0, C3, C1 to bits 2, 1, 0 of the quotient.
 */
struct float80 f80_remainder(struct float80 a, struct float80 b, bool nearest,
			     struct fpu_context *context);
/* FSCALE: a times two to the power of b chopped. */
struct float80 f80_scale(struct float80 a, struct float80 b, struct fpu_context *context);
/* FXTRACT: returns the significand (new ST0), *exponent becomes ST1. */
struct float80 f80_extract(struct float80 a, struct float80 *exponent, struct fpu_context *context);

/*
 * Transcendentals: transcendental.c. Each result is the exact value rounded once to 64 bits under
 * the rounding control; precision control does not matter. sine, cosine, sine_cosine and tangent set
 * C2 and return a unchanged when its magnitude is 2 to the 63 or more.
 */
struct float80 f80_sine(struct float80 a, struct fpu_context *context);
struct float80 f80_cosine(struct float80 a, struct fpu_context *context);
struct float80 f80_sine_cosine(struct float80 a, struct float80 *cosine,
			       struct fpu_context *context);
struct float80 f80_tangent(struct float80 a, struct fpu_context *context);
/* FPATAN: the angle of the point (x, y). */
struct float80 f80_arctangent(struct float80 y, struct float80 x, struct fpu_context *context);
/* F2XM1, FYL2X, FYL2XP1. */
struct float80 f80_exponential(struct float80 a, struct fpu_context *context);
struct float80 f80_logarithm(struct float80 y, struct float80 x, struct fpu_context *context);
struct float80 f80_logarithm_plus_1(struct float80 y, struct float80 x,
				    struct fpu_context *context);

/* FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ in opcode order (D9 E8 - EE), index 0 to 6. */
struct float80 f80_constant(unsigned int index, struct fpu_context *context);

#endif
