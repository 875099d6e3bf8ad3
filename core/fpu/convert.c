/*
 * convert.c - between the 80-bit format and memory formats, rounding to integer, constants
 *
 * Intel SDM volume 2: FLD, FST, FILD, FIST, FBLD, FBSTP, FRNDINT, FLDconst; volume 1, 8.5.1.2 for
 * the integer and BCD indefinite values.
 */
#include "round.h"

static const struct float_format float32_format = { 24, 0x3f81, 0x407e, 192 };
static const struct float_format float64_format = { 53, 0x3c01, 0x43fe, 1536 };

struct float80 f80_raw_from_float32(uint32_t bits, bool *denormal)
{
	bool sign = bits >> 31;
	uint32_t exponent = bits >> 23 & 0xff;
	uint64_t fraction = (uint64_t)(bits & 0x7fffff) << 40;
	int shift;

	*denormal = false;
	if (FPU_LIKELY(exponent - 1 < 0xfe))
		return f80_make(sign, exponent + 0x3f80, fraction | F80_TOP);
	if (exponent)
		return f80_make(sign, 0x7fff, fraction | F80_TOP);
	if (!fraction)
		return f80_make(sign, 0, 0);
	*denormal = true;
	shift = wide_leading_zeros(fraction);
	return f80_make(sign, (uint32_t)(0x3f81 - shift), fraction << shift);
}

struct float80 f80_raw_from_float64(uint64_t bits, bool *denormal)
{
	bool sign = bits >> 63;
	uint32_t exponent = bits >> 52 & 0x7ff;
	uint64_t fraction = (bits & 0xfffffffffffff) << 11;
	int shift;

	*denormal = false;
	if (FPU_LIKELY(exponent - 1 < 0x7fe))
		return f80_make(sign, exponent + 0x3c00, fraction | F80_TOP);
	if (exponent)
		return f80_make(sign, 0x7fff, fraction | F80_TOP);
	if (!fraction)
		return f80_make(sign, 0, 0);
	*denormal = true;
	shift = wide_leading_zeros(fraction);
	return f80_make(sign, (uint32_t)(0x3c01 - shift), fraction << shift);
}

static struct float80 loaded(struct float80 a, bool denormal, struct fpu_context *context)
{
	if (denormal)
		context->flags |= FPU_DE;
	return f80_is_nan(a) ? f80_propagate_one(a, context) : a;
}

struct float80 f80_from_float32(uint32_t bits, struct fpu_context *context)
{
	bool denormal;
	struct float80 result = f80_raw_from_float32(bits, &denormal);

	return loaded(result, denormal, context);
}

struct float80 f80_from_float64(uint64_t bits, struct fpu_context *context)
{
	bool denormal;
	struct float80 result = f80_raw_from_float64(bits, &denormal);

	return loaded(result, denormal, context);
}

struct float80 f80_from_int64(int64_t value)
{
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	int shift;

	if (!value)
		return F80_ZERO;
	shift = wide_leading_zeros(magnitude);
	return f80_make(value < 0, (uint32_t)(F80_BIAS + 63 - shift), magnitude << shift);
}

struct float80 f80_from_int32(int32_t value)
{
	return f80_from_int64(value);
}

/* IE and DE come before anything else; a NaN in memory must not also be a denormal. */
struct float80 f80_with_denormal(f80_operation *operation, struct float80 a, struct float80 b,
				 struct fpu_context *context)
{
	struct fpu_context trial = *context;
	struct float80 result = operation(a, b, &trial);

	if (f80_is_nan(result) || (trial.flags & (FPU_IE | FPU_ZE))) {
		*context = trial;
		return result;
	}
	context->flags |= FPU_DE;
	if (context->control & FPU_DE)
		context->flags |= trial.flags;
	return result;
}

uint16_t f80_compare_with_denormal(struct float80 a, struct float80 b, struct fpu_context *context)
{
	uint16_t result = f80_compare(a, b, false, context);

	if (!(context->flags & FPU_IE) && result != (FPU_C3 | FPU_C2 | FPU_C0))
		context->flags |= FPU_DE;
	return result;
}

/* A store that an unmasked OE or UE holds back has rounded nothing. */
static struct rounded round_store(struct float80 a, struct rounded value,
				  const struct float_format *format, struct fpu_context *context)
{
	struct rounded result = fpu_round(f80_sign(a), value.exponent, value.significand, 0, format,
					  context);

	if (fpu_unmasked(context) & (FPU_OE | FPU_UE))
		context->flags &= (uint16_t)~(FPU_PE | FPU_C1);
	return result;
}

uint32_t f80_to_float32(struct float80 a, struct fpu_context *context)
{
	uint32_t sign = (uint32_t)f80_sign(a) << 31;
	struct rounded result;

	if (!f80_is_normal(a)) {
		if (!f80_is_ordered(a)) {
			a = f80_propagate_one(a, context);
			return (uint32_t)f80_sign(a) << 31 | 0x7f800000 |
			       (uint32_t)(a.significand >> 40 & 0x7fffff);
		}
		if (f80_is_infinity(a))
			return sign | 0x7f800000;
		if (f80_is_zero(a))
			return sign;
	}
	result.exponent = f80_normalise(a, &result.significand);
	if (FPU_LIKELY((context->control & FPU_RC_MASK) == FPU_RC_NEAREST &&
		       (uint32_t)(result.exponent - 0x3f81) < 0xfd)) {
		uint64_t fraction = result.significand << 24;
		uint64_t up = fraction >> 63 & ((result.significand >> 40) | ((fraction << 1) != 0));

		context->flags |= (uint16_t)((fraction ? FPU_PE : 0) | up << 9);
		return sign | ((uint32_t)((result.exponent - 0x3f81) << 23) +
			       (uint32_t)((result.significand >> 40) + up));
	}
	result = round_store(a, result, &float32_format, context);
	if (!(result.significand >> 63))
		result.exponent--;
	return sign | (uint32_t)(result.exponent - 0x3f80) << 23 |
	       (uint32_t)(result.significand >> 40 & 0x7fffff);
}

uint64_t f80_to_float64(struct float80 a, struct fpu_context *context)
{
	uint64_t sign = (uint64_t)f80_sign(a) << 63;
	struct rounded result;

	if (!f80_is_normal(a)) {
		if (!f80_is_ordered(a)) {
			a = f80_propagate_one(a, context);
			return (uint64_t)f80_sign(a) << 63 | 0x7ff0000000000000 |
			       (a.significand >> 11 & 0xfffffffffffff);
		}
		if (f80_is_infinity(a))
			return sign | 0x7ff0000000000000;
		if (f80_is_zero(a))
			return sign;
	}
	result.exponent = f80_normalise(a, &result.significand);
	if (FPU_LIKELY((context->control & FPU_RC_MASK) == FPU_RC_NEAREST &&
		       (uint32_t)(result.exponent - 0x3c01) < 0x7fd)) {
		uint64_t fraction = result.significand << 53;
		uint64_t up = fraction >> 63 & ((result.significand >> 11) | ((fraction << 1) != 0));

		context->flags |= (uint16_t)((fraction ? FPU_PE : 0) | up << 9);
		return sign | (((uint64_t)(result.exponent - 0x3c01) << 52) +
			       (result.significand >> 11) + up);
	}
	result = round_store(a, result, &float64_format, context);
	if (!(result.significand >> 63))
		result.exponent--;
	return sign | (uint64_t)(result.exponent - 0x3c00) << 52 |
	       (result.significand >> 11 & 0xfffffffffffff);
}

/* The magnitude of a finite number as an integer under the rounding control, below 2 to the 64. */
static bool round_magnitude(struct float80 a, uint64_t *magnitude, struct fpu_context *context)
{
	uint16_t rounding = context->control & FPU_RC_MASK;
	struct wide value = { a.significand, 0 };
	int32_t exponent = (int32_t)f80_exponent(a);
	bool up;

	if (exponent > F80_BIAS + 63)
		return false;
	value = wide_shift_right_sticky(value, (uint32_t)(F80_BIAS + 63 - exponent));
	if (rounding == FPU_RC_NEAREST)
		up = value.low >> 63 && ((value.low << 1) || (value.high & 1));
	else if (rounding == FPU_RC_ZERO)
		up = false;
	else
		up = value.low && f80_sign(a) == (rounding == FPU_RC_DOWN);
	if (value.low)
		context->flags |= FPU_PE;
	if (up)
		context->flags |= FPU_C1;
	value.high += up;
	*magnitude = value.high;
	return value.high || !up;
}

/* Every FIST: limit is the magnitude of the most negative integer, also the indefinite value. */
static int64_t to_integer(struct float80 a, uint64_t limit, struct fpu_context *context)
{
	struct fpu_context trial = *context;
	uint64_t magnitude;

	if (f80_is_unsupported(a) || f80_exponent(a) == 0x7fff ||
	    !round_magnitude(a, &magnitude, &trial) || magnitude > limit - !f80_sign(a)) {
		context->flags |= FPU_IE;
		return (int64_t)(0 - limit);
	}
	*context = trial;
	return (int64_t)(f80_sign(a) ? 0 - magnitude : magnitude);
}

int16_t f80_to_int16(struct float80 a, struct fpu_context *context)
{
	return (int16_t)to_integer(a, 0x8000, context);
}

int32_t f80_to_int32(struct float80 a, struct fpu_context *context)
{
	return (int32_t)to_integer(a, 0x80000000, context);
}

int64_t f80_to_int64(struct float80 a, struct fpu_context *context)
{
	return to_integer(a, F80_TOP, context);
}

struct float80 f80_from_bcd(const uint8_t bcd[10])
{
	uint64_t magnitude = 0;
	struct float80 result;

	for (int i = 8; i >= 0; i--)
		magnitude = magnitude * 100 + (bcd[i] >> 4) * 10u + (bcd[i] & 15);
	result = f80_from_int64((int64_t)magnitude);
	result.sign_exponent |= (uint16_t)((bcd[9] & 0x80) << 8);
	return result;
}

void f80_to_bcd(struct float80 a, uint8_t bcd[10], struct fpu_context *context)
{
	struct fpu_context trial = *context;
	uint64_t magnitude;

	if (f80_is_unsupported(a) || f80_exponent(a) == 0x7fff ||
	    !round_magnitude(a, &magnitude, &trial) || magnitude > 999999999999999999) {
		context->flags |= FPU_IE;
		for (int i = 0; i < 7; i++)
			bcd[i] = 0;
		bcd[7] = 0xc0;
		bcd[8] = 0xff;
		bcd[9] = 0xff;
		return;
	}
	*context = trial;
	for (int i = 0; i < 9; i++) {
		uint32_t digits = (uint32_t)(magnitude % 100);

		magnitude /= 100;
		bcd[i] = (uint8_t)(digits / 10 << 4 | digits % 10);
	}
	bcd[9] = (uint8_t)(f80_sign(a) << 7);
}

struct float80 f80_round_to_integer(struct float80 a, struct fpu_context *context)
{
	uint64_t magnitude;
	int shift;

	if (!f80_is_ordered(a))
		return f80_propagate_one(a, context);
	if (f80_denormal_stops(a, a, context))
		return a;
	if (f80_exponent(a) >= F80_BIAS + 63 || f80_is_zero(a))
		return a;
	round_magnitude(a, &magnitude, context);
	if (!magnitude)
		return f80_make(f80_sign(a), 0, 0);
	shift = wide_leading_zeros(magnitude);
	return f80_make(f80_sign(a), (uint32_t)(F80_BIAS + 63 - shift), magnitude << shift);
}

struct float80 f80_constant(unsigned int index, struct fpu_context *context)
{
	/* The 64 bits chopped, and whether the rest of the number is above one half. */
	static const struct {
		uint64_t significand;
		uint16_t exponent;
		bool inexact, above_half;
	} constants[7] = {
		{ 0x8000000000000000, 0x3fff, false, false },	/* 1 */
		{ 0xd49a784bcd1b8afe, 0x4000, true, false },	/* log2 10 */
		{ 0xb8aa3b295c17f0bb, 0x3fff, true, true },	/* log2 e */
		{ 0xc90fdaa22168c234, 0x4000, true, true },	/* pi */
		{ 0x9a209a84fbcff798, 0x3ffd, true, true },	/* log10 2 */
		{ 0xb17217f7d1cf79ab, 0x3ffe, true, true },	/* ln 2 */
		{ 0, 0, false, false },				/* 0 */
	};
	uint16_t rounding = context->control & FPU_RC_MASK;
	uint64_t significand = constants[index].significand;

	if (constants[index].inexact &&
	    (rounding == FPU_RC_UP || (rounding == FPU_RC_NEAREST && constants[index].above_half)))
		significand++;
	return f80_make(false, constants[index].exponent, significand);
}
