/* Drivers and slow paths of the SIMD handlers; see vector.h. */
#include "vector.h"
#include "models.h"
#include "opcodes_info.h"

/* ---- Memory operands ------------------------------------------------------------------------ */

/*
 * SDM volume 1, 14.9: legacy operands of 16 bytes are aligned, VEX ones only those of MOVAPS and its
 * like.  AMD's processors ask nothing of the SHA instructions.
 */
static bool must_align(const struct cpu *cpu, const struct insn *i)
{
	unsigned attributes = op_info[i->op].attributes;

	if (op_features(&op_info[i->op]) == FEAT_SHA && model_is_amd(cpu->model))
		return false;
	return (attributes & ATTRIBUTE_AA) || ((attributes & ATTRIBUTE_A) && !i->vl);
}

/* #AC is on, and this access of more than 8 bytes is not aligned to 16. */
static bool unaligned(struct cpu *cpu, uint64_t linear, unsigned size)
{
	if (cpu->tlb != &cpu->tlbs[2] || !(linear & 15) || !address_canonical(linear) ||
	    !address_canonical(linear + size - 1))
		return false;
	cpu_raise_error(cpu, VECTOR_AC, 0);
	return true;
}

bool vector_load(struct cpu *cpu, const struct insn *i, unsigned size, uint64_t *to)
{
	uint64_t linear = ea(cpu, i);
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);
	uint8_t bytes[32];
	const uint8_t *from = bytes;

	if ((linear & (size - 1)) && size >= 16 && must_align(cpu, i))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if (size <= 8)
		return load_width(cpu, i, linear, size, to);
	if (tlb_hit(entry, linear, size))
		from = tlb_host(entry, linear);
	else if (unaligned(cpu, linear, size) || !load_bytes(cpu, i, linear, size, bytes))
		return false;
	lane_get(to, from);
	if (size == 32)
		lane_get(to + 2, from + 16);
	return true;
}

bool vector_store(struct cpu *cpu, const struct insn *i, unsigned size, const uint64_t *from)
{
	uint64_t linear = ea(cpu, i);
	uint8_t bytes[32];

	if ((linear & (size - 1)) && size >= 16 && must_align(cpu, i))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if (size <= 8)
		return store_width(cpu, i, linear, size, *from);
	if (unaligned(cpu, linear, size))
		return false;
	for (unsigned n = 0; n < size; n += 8)
		put64(bytes + n, from[n / 8]);
	return store_bytes(cpu, i, linear, size, bytes);
}

bool vector_store_check(struct cpu *cpu, const struct insn *i, unsigned size)
{
	uint64_t linear = ea(cpu, i);

	return !(size > 8 && unaligned(cpu, linear, size)) && store_check(cpu, i, linear, size);
}

bool vector_operand(struct cpu *cpu, const struct insn *i, unsigned size, uint64_t *to)
{
	if (i->flags & INSN_MEMORY)
		return vector_load(cpu, i, size, to);
	to[0] = cpu->v[i->rm].q[0];
	if (size >= 16)
		to[1] = cpu->v[i->rm].q[1];
	if (size == 32)
		memcpy(to + 2, cpu->v[i->rm].q + 2, 16);
	return true;
}

/* ---- XMM and YMM ----------------------------------------------------------------------------- */

static NOINLINE bool lanes(struct cpu *cpu, const struct insn *i, vector_kernel *kernel, unsigned how)
{
	unsigned imm = (unsigned)i->imm, size = how & HOW_COUNT ? 16 : vector_size(i);
	const uint64_t *a = cpu->v[i->src].q, *b = cpu->v[i->rm].q;
	uint64_t *d = cpu->v[i->dst].q;
	uint64_t memory[4], low[2];

	if (i->flags & INSN_MEMORY) {
		if (!vector_load(cpu, i, size, memory))
			return false;
		b = memory;
	}
	if (i->vl != 32) {
		kernel(d, a, b, imm);
		vector_upper(cpu, i, i->dst);
		return true;
	}
	/* The low lane of the operands may be that of the result, too. */
	kernel(low, a, b, imm);
	kernel(d + 2, a + 2, how & HOW_COUNT ? b : b + 2, imm >> (how & HOW_IMM));
	d[0] = low[0];
	d[1] = low[1];
	return true;
}

const struct insn *vector_lanes(struct cpu *cpu, const struct insn *i, vector_kernel *kernel,
				unsigned how)
{
	if (!lanes(cpu, i, kernel, how))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

/* ---- MMX ------------------------------------------------------------------------------------- */

const struct insn *mmx_stop(struct cpu *cpu, const struct insn *i)
{
	if (cpu->cr0 & CR0_EM)
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	return x87_stop(cpu, i);
}

static NOINLINE bool mmx(struct cpu *cpu, const struct insn *i, vector_kernel *kernel, unsigned size)
{
	uint64_t a[2], b[2], value = mmx_get(cpu, i->rm);

	if ((i->flags & INSN_MEMORY) && !vector_load(cpu, i, size, &value))
		return false;
	lane_set(a, mmx_get(cpu, i->dst), 0);
	lane_set(b, value, 0);
	kernel(a, a, b, (unsigned)i->imm);
	mmx_used(cpu);
	mmx_set(cpu, i->dst, a[0]);
	return true;
}

const struct insn *mmx_lanes(struct cpu *cpu, const struct insn *i, vector_kernel *kernel,
			     unsigned size)
{
	if (x87_blocked(cpu))
		return mmx_stop(cpu, i);
	if (!mmx(cpu, i, kernel, size))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

static NOINLINE void mmx_shift(struct cpu *cpu, const struct insn *i, vector_kernel *kernel)
{
	const uint64_t count[2] = { i->imm & 0xff, 0 };
	uint64_t a[2];

	lane_set(a, mmx_get(cpu, i->rm), 0);
	kernel(a, a, count, 0);
	mmx_used(cpu);
	mmx_set(cpu, i->rm, a[0]);
}

const struct insn *mmx_shift_imm(struct cpu *cpu, const struct insn *i, vector_kernel *kernel)
{
	if (x87_blocked(cpu))
		return mmx_stop(cpu, i);
	mmx_shift(cpu, i, kernel);
	NEXT(cpu, i);
}
