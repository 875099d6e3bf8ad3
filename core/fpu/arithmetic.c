/*
 * arithmetic.c - add, subtract, multiply, divide, square root, compare
 *
 * Each operation has a short path for two normal numbers and an out-of-line one for everything else.
 * Special operands: Intel SDM volume 2, the tables of FADD, FSUB, FMUL, FDIV, FSQRT, FCOM, FXAM.
 */
#include "magnitude.h"
#include "round.h"

/* |a| + |b|; the significands are normalised. */
FPU_INLINE struct float80 add_magnitudes(bool sign, int32_t a_exponent, uint64_t a,
					 int32_t b_exponent, uint64_t b,
					 struct fpu_context *context)
{
	struct magnitude r = magnitude_add(a_exponent, a, b_exponent, b);

	return f80_round(sign, r.exponent, r.high, r.low, context);
}

/* |a| - |b|, with the sign that |a| > |b| gives. */
FPU_INLINE struct float80 subtract_magnitudes(bool sign, int32_t a_exponent, uint64_t a,
					      int32_t b_exponent, uint64_t b,
					      struct fpu_context *context)
{
	bool negate;
	struct magnitude r = magnitude_subtract(a_exponent, a, b_exponent, b, &negate);

	if (!r.high)
		return f80_make((context->control & FPU_RC_MASK) == FPU_RC_DOWN, 0, 0);
	return f80_round(sign != negate, r.exponent, r.high, r.low, context);
}

static FPU_COLD struct float80 add_special(struct float80 a, struct float80 b,
					   struct fpu_context *context)
{
	uint64_t a_significand, b_significand;
	int32_t a_exponent, b_exponent;

	if (!f80_is_ordered(a) || !f80_is_ordered(b))
		return f80_propagate(a, b, context);
	if (f80_is_infinity(a) && f80_is_infinity(b) && f80_sign(a) != f80_sign(b))
		return f80_invalid(context);
	if (f80_denormal_stops(a, b, context))
		return a;
	if (f80_is_infinity(a))
		return a;
	if (f80_is_infinity(b))
		return b;
	if (f80_is_zero(a) && f80_is_zero(b)) {
		if (f80_sign(a) == f80_sign(b))
			return a;
		return f80_make((context->control & FPU_RC_MASK) == FPU_RC_DOWN, 0, 0);
	}
	if (f80_is_zero(a)) {
		b_exponent = f80_normalise(b, &b_significand);
		return f80_round(f80_sign(b), b_exponent, b_significand, 0, context);
	}
	a_exponent = f80_normalise(a, &a_significand);
	if (f80_is_zero(b))
		return f80_round(f80_sign(a), a_exponent, a_significand, 0, context);
	b_exponent = f80_normalise(b, &b_significand);
	if (f80_sign(a) == f80_sign(b))
		return add_magnitudes(f80_sign(a), a_exponent, a_significand, b_exponent,
				      b_significand, context);
	return subtract_magnitudes(f80_sign(a), a_exponent, a_significand, b_exponent,
				   b_significand, context);
}

struct float80 f80_add(struct float80 a, struct float80 b, struct fpu_context *context)
{
	if (!FPU_LIKELY(f80_is_normal(a) && f80_is_normal(b)))
		return add_special(a, b, context);
	if ((a.sign_exponent ^ b.sign_exponent) & 0x8000)
		return subtract_magnitudes(f80_sign(a), (int32_t)f80_exponent(a), a.significand,
					   (int32_t)f80_exponent(b), b.significand, context);
	return add_magnitudes(f80_sign(a), (int32_t)f80_exponent(a), a.significand,
			      (int32_t)f80_exponent(b), b.significand, context);
}

struct float80 f80_subtract(struct float80 a, struct float80 b, struct fpu_context *context)
{
	/* A NaN keeps its sign: only a number is negated. */
	if (!f80_is_nan(b))
		b.sign_exponent ^= 0x8000;
	return f80_add(a, b, context);
}

FPU_INLINE struct float80 multiply_magnitudes(bool sign, int32_t exponent, uint64_t a, uint64_t b,
					      struct fpu_context *context)
{
	struct magnitude r = magnitude_multiply(exponent, a, b);

	return f80_round(sign, r.exponent, r.high, r.low, context);
}

static FPU_COLD struct float80 multiply_special(struct float80 a, struct float80 b,
						struct fpu_context *context)
{
	bool sign = f80_sign(a) != f80_sign(b);
	uint64_t a_significand, b_significand;
	int32_t exponent;

	if (!f80_is_ordered(a) || !f80_is_ordered(b))
		return f80_propagate(a, b, context);
	if ((f80_is_infinity(a) && f80_is_zero(b)) || (f80_is_zero(a) && f80_is_infinity(b)))
		return f80_invalid(context);
	if (f80_denormal_stops(a, b, context))
		return a;
	if (f80_is_infinity(a) || f80_is_infinity(b))
		return f80_infinity(sign);
	if (f80_is_zero(a) || f80_is_zero(b))
		return f80_make(sign, 0, 0);
	exponent = f80_normalise(a, &a_significand);
	exponent += f80_normalise(b, &b_significand);
	return multiply_magnitudes(sign, exponent, a_significand, b_significand, context);
}

struct float80 f80_multiply(struct float80 a, struct float80 b, struct fpu_context *context)
{
	if (!FPU_LIKELY(f80_is_normal(a) && f80_is_normal(b)))
		return multiply_special(a, b, context);
	return multiply_magnitudes((a.sign_exponent ^ b.sign_exponent) >> 15,
				   (int32_t)(f80_exponent(a) + f80_exponent(b)), a.significand,
				   b.significand, context);
}

FPU_INLINE struct float80 divide_magnitudes(bool sign, int32_t exponent, uint64_t a, uint64_t b,
					    struct fpu_context *context)
{
	struct magnitude r = magnitude_divide(exponent, a, b);

	return f80_round(sign, r.exponent, r.high, r.low, context);
}

static FPU_COLD struct float80 divide_special(struct float80 a, struct float80 b,
					      struct fpu_context *context)
{
	bool sign = f80_sign(a) != f80_sign(b);
	uint64_t a_significand, b_significand;
	int32_t exponent;

	if (!f80_is_ordered(a) || !f80_is_ordered(b))
		return f80_propagate(a, b, context);
	if ((f80_is_infinity(a) && f80_is_infinity(b)) || (f80_is_zero(a) && f80_is_zero(b)))
		return f80_invalid(context);
	if (f80_is_zero(b) && !f80_is_infinity(a)) {
		context->flags |= FPU_ZE;
		return f80_infinity(sign);
	}
	if (f80_denormal_stops(a, b, context))
		return a;
	if (f80_is_infinity(a))
		return f80_infinity(sign);
	if (f80_is_zero(a) || f80_is_infinity(b))
		return f80_make(sign, 0, 0);
	exponent = f80_normalise(a, &a_significand);
	exponent -= f80_normalise(b, &b_significand);
	return divide_magnitudes(sign, exponent, a_significand, b_significand, context);
}

struct float80 f80_divide(struct float80 a, struct float80 b, struct fpu_context *context)
{
	if (!FPU_LIKELY(f80_is_normal(a) && f80_is_normal(b)))
		return divide_special(a, b, context);
	return divide_magnitudes((a.sign_exponent ^ b.sign_exponent) >> 15,
				 (int32_t)f80_exponent(a) - (int32_t)f80_exponent(b),
				 a.significand, b.significand, context);
}

/*
 * Square roots by halving the problem: from the root of the upper half of n and its remainder one
 * division gives the lower half of the root, at most one too large. n has a one among its top two
 * bits at every level. The smallest problem is 16 bits: the root of n rounded down to a multiple of
 * 256, from 64 * 256 on.
 */
static const uint8_t root_table[192] = {
	128, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142,
	143, 144, 144, 145, 146, 147, 148, 149, 150, 150, 151, 152, 153, 154, 155, 155,
	156, 157, 158, 159, 160, 160, 161, 162, 163, 163, 164, 165, 166, 167, 167, 168,
	169, 170, 170, 171, 172, 173, 173, 174, 175, 176, 176, 177, 178, 178, 179, 180,
	181, 181, 182, 183, 183, 184, 185, 185, 186, 187, 187, 188, 189, 189, 190, 191,
	192, 192, 193, 193, 194, 195, 195, 196, 197, 197, 198, 199, 199, 200, 201, 201,
	202, 203, 203, 204, 204, 205, 206, 206, 207, 208, 208, 209, 209, 210, 211, 211,
	212, 212, 213, 214, 214, 215, 215, 216, 217, 217, 218, 218, 219, 219, 220, 221,
	221, 222, 222, 223, 224, 224, 225, 225, 226, 226, 227, 227, 228, 229, 229, 230,
	230, 231, 231, 232, 232, 233, 234, 234, 235, 235, 236, 236, 237, 237, 238, 238,
	239, 240, 240, 241, 241, 242, 242, 243, 243, 244, 244, 245, 245, 246, 246, 247,
	247, 248, 248, 249, 249, 250, 250, 251, 251, 252, 252, 253, 253, 254, 254, 255,
};

FPU_INLINE uint32_t root_of_32(uint32_t n)
{
	uint32_t upper = root_table[(n >> 24) - 64], root;

	while ((upper + 1) * (upper + 1) <= n >> 16)
		upper++;
	root = upper << 8;
	root += (n - root * root) / (2 * root);
	if (root > 0xffff)
		root = 0xffff;
	return root * root > n ? root - 1 : root;
}

FPU_INLINE uint64_t root_of_64(uint64_t n)
{
	uint64_t upper = root_of_32((uint32_t)(n >> 32)), root = upper << 16;

	root += (n - root * root) / (2 * root);
	if (root > 0xffffffff)
		root = 0xffffffff;
	return root * root > n ? root - 1 : root;
}

/* The root of high:low; the remainder n - root^2 can have 65 bits. */
FPU_INLINE uint64_t root_of_128(uint64_t high, uint64_t low, struct wide *remainder)
{
	uint64_t upper = root_of_64(high), upper_remainder = high - upper * upper, quotient, root;
	struct wide n = { high, low }, square, step;

	quotient = (upper_remainder << 31 | low >> 33) / upper;
	if (quotient > 0xffffffff)
		quotient = 0xffffffff;
	root = upper << 32 | quotient;
	square = wide_multiply(root, root);
	if (square.high > high || (square.high == high && square.low > low)) {
		root--;
		step.high = root >> 63;
		step.low = root << 1 | 1;
		square = wide_subtract(square, step);
	}
	*remainder = wide_subtract(n, square);
	return root;
}

struct float80 f80_square_root(struct float80 a, struct fpu_context *context)
{
	int32_t exponent;
	uint64_t significand, root, low = 0;
	struct wide remainder;

	if (!FPU_LIKELY(f80_is_normal(a) && !f80_sign(a))) {
		if (!f80_is_ordered(a))
			return f80_propagate_one(a, context);
		if (f80_is_zero(a))
			return a;
		if (f80_sign(a))
			return f80_invalid(context);
		if (f80_is_infinity(a) || f80_denormal_stops(a, a, context))
			return a;
	}
	exponent = f80_normalise(a, &significand) - F80_BIAS;
	if (exponent & 1)
		root = root_of_128(significand, 0, &remainder);
	else
		root = root_of_128(significand >> 1, significand << 63, &remainder);
	/* The fraction is above one half when the remainder exceeds the root; it never is one half. */
	if (remainder.high || remainder.low > root)
		low = F80_TOP | 1;
	else if (remainder.low)
		low = 1;
	exponent = (exponent - (exponent & 1)) / 2 + F80_BIAS;
	return f80_round(false, exponent, root, low, context);
}

static uint16_t compare_magnitudes(struct float80 a, struct float80 b)
{
	uint64_t a_significand, b_significand;
	int32_t a_exponent, b_exponent;

	if (f80_is_zero(a))
		return f80_is_zero(b) ? FPU_C3 : FPU_C0;
	if (f80_is_zero(b))
		return 0;
	a_exponent = f80_normalise(a, &a_significand);
	b_exponent = f80_normalise(b, &b_significand);
	if (a_exponent != b_exponent)
		return a_exponent < b_exponent ? FPU_C0 : 0;
	if (a_significand != b_significand)
		return a_significand < b_significand ? FPU_C0 : 0;
	return FPU_C3;
}

uint16_t f80_compare(struct float80 a, struct float80 b, bool quiet, struct fpu_context *context)
{
	uint16_t result;

	if (!FPU_LIKELY(f80_is_ordered(a) && f80_is_ordered(b))) {
		f80_propagate(a, b, context);
		if (!quiet)
			context->flags |= FPU_IE;
		result = FPU_C3 | FPU_C2 | FPU_C0;
	} else {
		f80_denormal_stops(a, b, context);
		if (f80_is_zero(a) && f80_is_zero(b))
			result = FPU_C3;
		else if (f80_sign(a) != f80_sign(b))
			result = f80_sign(a) ? FPU_C0 : 0;
		else
			result = compare_magnitudes(a, b);
		if (f80_sign(a) && f80_sign(b) && result != FPU_C3)
			result ^= FPU_C0;
	}
	context->flags |= result;
	return result;
}

uint16_t f80_examine(struct float80 a)
{
	uint16_t class;

	if (f80_is_unsupported(a))
		class = 0;
	else if (f80_is_nan(a))
		class = FPU_C0;
	else if (f80_is_infinity(a))
		class = FPU_C2 | FPU_C0;
	else if (f80_is_zero(a))
		class = FPU_C3;
	else if (f80_is_denormal(a))
		class = FPU_C3 | FPU_C2;
	else
		class = FPU_C2;
	return (uint16_t)(class | (f80_sign(a) ? FPU_C1 : 0));
}
