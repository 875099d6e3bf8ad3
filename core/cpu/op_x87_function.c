/*
 * x87: square root, rounding, remainders, scaling, transcendental functions, FXAM.
 *
 * None of them is used often enough to have a plain case in line.
 */
#include "op_x87.h"

typedef struct float80 unary_operation(struct float80 a, struct fpu_context *context);

/* ST0 = operation(ST0). */
static void unary(struct cpu *cpu, const struct insn *i, unary_operation *operation)
{
	struct x87 *x87 = &cpu->x87;
	struct fpu_context context = fpu_context(x87->control);
	struct float80 result;

	x87_record(cpu, i);
	if (x87_empty(x87, 0)) {
		if (x87_underflow(x87))
			x87_set(x87, 0, F80_DEFAULT_NAN);
		return;
	}
	result = operation(x87_get(x87, 0), &context);
	x87_raise(x87, context.flags);
	if (!fpu_suppressed(&context))
		x87_set(x87, 0, result);
}

/* FSIN and FCOS: the same, and C2 says whether the operand was too great. */
static void circular(struct cpu *cpu, const struct insn *i, unary_operation *operation)
{
	cpu->x87.status &= (uint16_t)~FPU_C2;
	unary(cpu, i, operation);
}

/* ST1 = operation(ST1, ST0), then pop. */
static void binary_pop(struct cpu *cpu, const struct insn *i, f80_operation *operation)
{
	struct x87 *x87 = &cpu->x87;
	struct fpu_context context = fpu_context(x87->control);
	struct float80 result = F80_DEFAULT_NAN;

	x87_record(cpu, i);
	if (x87_empty(x87, 0) || x87_empty(x87, 1)) {
		if (!x87_underflow(x87))
			return;
	} else {
		result = operation(x87_get(x87, 1), x87_get(x87, 0), &context);
		x87_raise(x87, context.flags);
		if (fpu_suppressed(&context))
			return;
	}
	x87_set(x87, 1, result);
	x87_pop(x87);
}

/* Stack faults of the instructions that replace ST0 and push; true: there is one, and it is dealt with. */
static bool push_fault(struct x87 *x87)
{
	bool masked;

	if (x87_empty(x87, 0))
		masked = x87_underflow(x87);
	else if (!x87_empty(x87, 7))
		masked = x87_overflow(x87);
	else
		return false;
	if (masked) {
		x87_set(x87, 0, F80_DEFAULT_NAN);
		x87_push(x87, F80_DEFAULT_NAN);
	}
	return true;
}

static NOINLINE bool fsqrt(struct cpu *cpu, const struct insn *i)
{
	unary(cpu, i, f80_square_root);
	return true;
}

static NOINLINE bool frndint(struct cpu *cpu, const struct insn *i)
{
	unary(cpu, i, f80_round_to_integer);
	return true;
}

static NOINLINE bool f2xm1(struct cpu *cpu, const struct insn *i)
{
	unary(cpu, i, f80_exponential);
	return true;
}

static NOINLINE bool fsin(struct cpu *cpu, const struct insn *i)
{
	circular(cpu, i, f80_sine);
	return true;
}

static NOINLINE bool fcos(struct cpu *cpu, const struct insn *i)
{
	circular(cpu, i, f80_cosine);
	return true;
}

static NOINLINE bool fyl2x(struct cpu *cpu, const struct insn *i)
{
	binary_pop(cpu, i, f80_logarithm);
	return true;
}

static NOINLINE bool fyl2xp1(struct cpu *cpu, const struct insn *i)
{
	binary_pop(cpu, i, f80_logarithm_plus_1);
	return true;
}

static NOINLINE bool fpatan(struct cpu *cpu, const struct insn *i)
{
	binary_pop(cpu, i, f80_arctangent);
	return true;
}

static NOINLINE bool fsincos(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct fpu_context context = fpu_context(x87->control);
	struct float80 sine, cosine;

	x87_record(cpu, i);
	x87->status &= (uint16_t)~FPU_C2;
	if (push_fault(x87))
		return true;
	sine = f80_sine_cosine(x87_get(x87, 0), &cosine, &context);
	x87_raise(x87, context.flags);
	if (fpu_suppressed(&context) || (context.flags & FPU_C2))
		return true;
	x87_set(x87, 0, sine);
	x87_push(x87, cosine);
	return true;
}

/* Pushes 1, or the NaN again when the result is one. */
static NOINLINE bool fptan(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct fpu_context context = fpu_context(x87->control);
	struct float80 result;

	x87_record(cpu, i);
	x87->status &= (uint16_t)~FPU_C2;
	if (push_fault(x87))
		return true;
	result = f80_tangent(x87_get(x87, 0), &context);
	x87_raise(x87, context.flags);
	if (fpu_suppressed(&context) || (context.flags & FPU_C2))
		return true;
	x87_set(x87, 0, result);
	x87_push(x87, f80_is_nan(result) ? result : F80_ONE);
	return true;
}

/* ST0 becomes the exponent, the significand is pushed. */
static NOINLINE bool fxtract(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct fpu_context context = fpu_context(x87->control);
	struct float80 significand, exponent;

	x87_record(cpu, i);
	if (push_fault(x87))
		return true;
	significand = f80_extract(x87_get(x87, 0), &exponent, &context);
	x87_raise(x87, context.flags);
	if (fpu_suppressed(&context))
		return true;
	x87_set(x87, 0, exponent);
	x87_push(x87, significand);
	return true;
}

/* FPREM and FPREM1 set all four condition codes, without a quotient only C2 and C1. */
static NOINLINE bool fprem(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct fpu_context context = fpu_context(x87->control);
	struct float80 result;

	x87_record(cpu, i);
	if (x87_empty(x87, 0) || x87_empty(x87, 1)) {
		x87->status &= (uint16_t)~FPU_C2;
		if (x87_underflow(x87))
			x87_set(x87, 0, F80_DEFAULT_NAN);
		return true;
	}
	result = f80_remainder(x87_get(x87, 0), x87_get(x87, 1), i->modrm == 0xf5, &context);
	x87->status &= (uint16_t)~FPU_C2;
	if (f80_is_nan(result) || fpu_suppressed(&context))
		x87_raise(x87, context.flags);
	else
		x87_raise_conditions(x87, context.flags);
	if (!fpu_suppressed(&context))
		x87_set(x87, 0, result);
	return true;
}

static NOINLINE bool fscale(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct fpu_context context = fpu_context(x87->control);
	struct float80 result;

	x87_record(cpu, i);
	if (x87_empty(x87, 0) || x87_empty(x87, 1)) {
		if (x87_underflow(x87))
			x87_set(x87, 0, F80_DEFAULT_NAN);
		return true;
	}
	result = f80_scale(x87_get(x87, 0), x87_get(x87, 1), &context);
	x87_raise(x87, context.flags);
	if (!fpu_suppressed(&context))
		x87_set(x87, 0, result);
	return true;
}

/* C1 is the sign even of an empty register. */
static NOINLINE bool fxam(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct float80 value = x87_get(x87, 0);

	x87_record(cpu, i);
	if (x87_empty(x87, 0))
		x87_raise_conditions(x87, (uint16_t)(FPU_C3 | FPU_C0 |
						     (f80_sign(value) ? FPU_C1 : 0)));
	else
		x87_raise_conditions(x87, f80_examine(value));
	return true;
}

X87_HANDLER(op_FSQRT, fsqrt)
X87_HANDLER(op_FRNDINT, frndint)
X87_HANDLER(op_F2XM1, f2xm1)
X87_HANDLER(op_FSIN, fsin)
X87_HANDLER(op_FCOS, fcos)
X87_HANDLER(op_FSINCOS, fsincos)
X87_HANDLER(op_FPTAN, fptan)
X87_HANDLER(op_FPATAN, fpatan)
X87_HANDLER(op_FYL2X, fyl2x)
X87_HANDLER(op_FYL2XP1, fyl2xp1)
X87_HANDLER(op_FXTRACT, fxtract)
X87_HANDLER(op_FPREM, fprem)
X87_HANDLER(op_FPREM1, fprem)
X87_HANDLER(op_FSCALE, fscale)
X87_HANDLER(op_FXAM, fxam)
