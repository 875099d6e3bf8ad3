/*
 * round.c - rounding to any format, NaN propagation
 *
 * The out-of-line half of round.h. Intel SDM volume 1, 4.8.3.4 and 4.8.3.5 (NaNs), 4.9.1 (numeric
 * exceptions), 8.5 (what the x87 does with them).
 */
#include "round.h"

/* Cut to precision bits and round; true when the significand overflowed to the next binade. */
static bool round_significand(bool sign, uint64_t *high, uint64_t low, int32_t precision,
			      uint16_t rounding, bool *inexact, bool *up)
{
	uint64_t kept = *high, fraction = low, unit = 1;
	bool half, rest;

	if (precision < 64) {
		unit <<= 64 - precision;
		kept &= ~(unit - 1);
		fraction = *high << precision | (low != 0);
	}
	half = fraction >> 63;
	rest = (fraction << 1) != 0;
	*inexact = fraction != 0;
	switch (rounding) {
	case FPU_RC_NEAREST:
		*up = half && (rest || (kept & unit));
		break;
	case FPU_RC_DOWN:
		*up = sign && fraction;
		break;
	case FPU_RC_UP:
		*up = !sign && fraction;
		break;
	default:
		*up = false;
		break;
	}
	if (*up)
		kept += unit;
	*high = kept;
	return *up && !kept;
}

static uint16_t inexact_flags(bool inexact, bool up)
{
	return (uint16_t)((inexact ? FPU_PE : 0) | (up ? FPU_C1 : 0));
}

/* Overflow with OE masked: infinity or the greatest number, whichever lies in the direction. */
static struct rounded round_overflow(bool sign, const struct float_format *format,
				     uint16_t rounding, struct fpu_context *context)
{
	struct rounded result = { F80_TOP, format->maximum + 1 };

	context->flags |= FPU_OE | FPU_PE;
	if (rounding == FPU_RC_ZERO || rounding == (sign ? FPU_RC_UP : FPU_RC_DOWN)) {
		result.significand = ~(uint64_t)0 << (64 - format->precision);
		result.exponent = format->maximum;
	} else {
		context->flags |= FPU_C1;
	}
	return result;
}

FPU_COLD struct rounded fpu_round(bool sign, int32_t exponent, uint64_t high, uint64_t low,
				  const struct float_format *format, struct fpu_context *context)
{
	uint16_t rounding = context->control & FPU_RC_MASK;
	struct rounded result = { high, exponent };
	struct wide wide = { high, low };
	bool inexact, up, tiny;

	if (round_significand(sign, &result.significand, low, format->precision, rounding,
			      &inexact, &up)) {
		result.significand = F80_TOP;
		result.exponent++;
	}
	if (result.exponent > format->maximum) {
		if (context->control & FPU_OE)
			return round_overflow(sign, format, rounding, context);
		context->flags |= (uint16_t)(FPU_OE | inexact_flags(inexact, up));
		result.exponent -= format->wrap;
		return result;
	}
	if (exponent >= format->minimum) {
		context->flags |= inexact_flags(inexact, up);
		return result;
	}
	tiny = result.exponent < format->minimum;
	if (tiny && !(context->control & FPU_UE)) {
		context->flags |= (uint16_t)(FPU_UE | inexact_flags(inexact, up));
		result.exponent += format->wrap;
		return result;
	}
	wide = wide_shift_right_sticky(wide, (uint32_t)(format->minimum - exponent));
	result.significand = wide.high;
	result.exponent = format->minimum;
	round_significand(sign, &result.significand, wide.low, format->precision, rounding,
			  &inexact, &up);
	context->flags |= (uint16_t)(inexact_flags(inexact, up) | (tiny && inexact ? FPU_UE : 0));
	return result;
}

static struct float80 round_to_precision(bool sign, int32_t exponent, uint64_t high, uint64_t low,
					 int32_t precision, struct fpu_context *context)
{
	struct float_format format = { precision, 1, F80_MAX_EXPONENT, F80_WRAP };
	struct rounded result = fpu_round(sign, exponent, high, low, &format, context);

	if (!(result.significand >> 63))
		result.exponent = 0;
	return f80_make(sign, (uint32_t)result.exponent, result.significand);
}

FPU_COLD struct float80 f80_round_any(bool sign, int32_t exponent, uint64_t high, uint64_t low,
				      struct fpu_context *context)
{
	/* Precision control 1 is reserved; processors take it as extended. */
	static const uint8_t bits[4] = { 24, 64, 53, 64 };

	return round_to_precision(sign, exponent, high, low,
				  bits[(context->control & FPU_PC_MASK) >> 8], context);
}

FPU_COLD struct float80 f80_round_full(bool sign, int32_t exponent, uint64_t high, uint64_t low,
				       struct fpu_context *context)
{
	return round_to_precision(sign, exponent, high, low, 64, context);
}

static bool is_signalling(struct float80 a)
{
	return f80_is_nan(a) && !(a.significand >> 62 & 1);
}

static struct float80 quieted(struct float80 a)
{
	a.significand |= (uint64_t)1 << 62;
	return a;
}

/*
 * One NaN: that one, quieted. Two of one kind: the greater significand, and of equal ones the
 * positive. A quiet and a signalling one: the quiet one.
 */
FPU_COLD struct float80 f80_propagate(struct float80 a, struct float80 b,
				      struct fpu_context *context)
{
	bool take_b;

	if (f80_is_unsupported(a) || f80_is_unsupported(b))
		return f80_invalid(context);
	if (is_signalling(a) || is_signalling(b))
		context->flags |= FPU_IE;
	if (!f80_is_nan(a) || !f80_is_nan(b))
		take_b = f80_is_nan(b);
	else if (is_signalling(a) != is_signalling(b))
		take_b = is_signalling(a);
	else if (a.significand != b.significand)
		take_b = a.significand < b.significand;
	else
		take_b = f80_sign(a);
	return quieted(take_b ? b : a);
}

FPU_COLD struct float80 f80_propagate_one(struct float80 a, struct fpu_context *context)
{
	if (f80_is_unsupported(a))
		return f80_invalid(context);
	if (is_signalling(a))
		context->flags |= FPU_IE;
	return quieted(a);
}
