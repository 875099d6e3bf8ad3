/* Drivers and exceptions of the floating-point SIMD handlers; see op_float.h. */
#include "op_float.h"

bool float_commit(struct cpu *cpu, uint32_t flags)
{
	uint32_t mxcsr = cpu->mxcsr;

	flags = ieee_exceptions(flags, mxcsr);
	cpu->mxcsr = mxcsr | flags;
	if (likely(!ieee_unmasked(flags, mxcsr)))
		return true;
	return cpu_raise(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? VECTOR_XM : VECTOR_UD);
}

static NOINLINE bool lanes(struct cpu *cpu, const struct insn *i, float_lane *lane)
{
	unsigned imm = (unsigned)i->imm;
	const uint64_t *a = cpu->v[i->src].q;
	uint64_t b[4], r[4] = { 0 };
	uint32_t flags;

	if (!vector_operand(cpu, i, vector_size(i), b))
		return false;
	flags = lane(r, a, b, imm, cpu->mxcsr);
	if (i->vl == 32)
		flags |= lane(r + 2, a + 2, b + 2, imm, cpu->mxcsr);
	if (!float_commit(cpu, flags))
		return false;
	set_vector(cpu, i, r);
	return true;
}

const struct insn *float_lanes(struct cpu *cpu, const struct insn *i, float_lane *lane)
{
	if (!lanes(cpu, i, lane))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

static NOINLINE bool scalar32(struct cpu *cpu, const struct insn *i, float_element32 *element)
{
	struct ieee32 r;
	uint64_t b;

	if (!vector_operand(cpu, i, 4, &b))
		return false;
	r = element((uint32_t)cpu->v[i->src].q[0], (uint32_t)b, (unsigned)i->imm, cpu->mxcsr);
	if (!float_commit(cpu, r.flags))
		return false;
	set_scalar32(cpu, i, r.bits);
	return true;
}

const struct insn *float_scalar32(struct cpu *cpu, const struct insn *i, float_element32 *element)
{
	if (!scalar32(cpu, i, element))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

static NOINLINE bool scalar64(struct cpu *cpu, const struct insn *i, float_element64 *element)
{
	struct ieee64 r;
	uint64_t b;

	if (!vector_operand(cpu, i, 8, &b))
		return false;
	r = element(cpu->v[i->src].q[0], b, (unsigned)i->imm, cpu->mxcsr);
	if (!float_commit(cpu, r.flags))
		return false;
	set_scalar64(cpu, i, r.bits);
	return true;
}

const struct insn *float_scalar64(struct cpu *cpu, const struct insn *i, float_element64 *element)
{
	if (!scalar64(cpu, i, element))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
