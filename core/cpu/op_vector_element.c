/*
 * SIMD instructions on one element: PINSRx, PEXTRx, INSERTPS, EXTRACTPS; and PTEST and
 * VTESTPx, which give flags (SDM volume 2).
 */
#include "flags.h"
#include "vector.h"

/* ---- Insert ---------------------------------------------------------------------------------- */

static INLINE uint64_t with_element(uint64_t q, uint64_t value, unsigned bits, unsigned n)
{
	uint64_t mask = ~UINT64_C(0) >> (64 - bits) << (n * bits & 63);

	return (q & ~mask) | (value << (n * bits & 63) & mask);
}

/* The general register or memory operand of width bytes. */
static INLINE bool general_operand(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t value;

	if (i->flags & INSN_MEMORY) {
		if (!load_width(cpu, i, ea(cpu, i), width, &value))
			return false;
		cpu->loaded = value;
	} else {
		cpu->loaded = reg64(cpu, i->rm);
	}
	return true;
}

static NOINLINE bool insert(struct cpu *cpu, const struct insn *i, unsigned width)
{
	unsigned n = (unsigned)i->imm & (16 / width - 1);
	uint64_t low = cpu->v[i->src].q[0], high = cpu->v[i->src].q[1];

	if (!general_operand(cpu, i, width))
		return false;
	if (n * width < 8)
		low = with_element(low, cpu->loaded, 8 * width, n);
	else
		high = with_element(high, cpu->loaded, 8 * width, n - 8 / width);
	lane_set(cpu->v[i->dst].q, low, high);
	vector_upper(cpu, i, i->dst);
	return true;
}

static const struct insn *vector_insert(struct cpu *cpu, const struct insn *i, unsigned width)
{
	if (!insert(cpu, i, width))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
DRIVEN(PINSRB_Vdq_Hdq_Eb_Ib, vector_insert(cpu, i, 1))
DRIVEN(PINSRW_Vdq_Hdq_Ew_Ib, vector_insert(cpu, i, 2))
DRIVEN(PINSRD_Vdq_Hdq_Ey_Ib, vector_insert(cpu, i, i->width))

static NOINLINE bool mmx_insert(struct cpu *cpu, const struct insn *i)
{
	if (!general_operand(cpu, i, 2))
		return false;
	mmx_used(cpu);
	mmx_set(cpu, i->dst, with_element(mmx_get(cpu, i->dst), cpu->loaded, 16, (unsigned)i->imm & 3));
	return true;
}

static const struct insn *pinsrw(struct cpu *cpu, const struct insn *i)
{
	if (x87_blocked(cpu))
		return mmx_stop(cpu, i);
	if (!mmx_insert(cpu, i))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
DRIVEN(PINSRW_Pq_Ew_Ib, pinsrw(cpu, i))

/* imm: 7-6 which of a register source, 5-4 where to, 3-0 what becomes 0 afterwards. */
static INLINE void insertps(struct cpu *cpu, const struct insn *i, uint32_t value)
{
	static const uint64_t kept[4] = { UINT64_MAX, (uint64_t)UINT32_MAX << 32, UINT32_MAX, 0 };
	unsigned imm = (unsigned)i->imm, shift = imm >> 4 & 1 ? 32 : 0;
	uint64_t mask = (uint64_t)UINT32_MAX << shift, one = (uint64_t)value << shift;
	uint64_t low = cpu->v[i->src].q[0], high = cpu->v[i->src].q[1];

	low = imm & 32 ? low : (low & ~mask) | one;
	high = imm & 32 ? (high & ~mask) | one : high;
	lane_set(cpu->v[i->dst].q, low & kept[imm & 3], high & kept[imm >> 2 & 3]);
	vector_upper(cpu, i, i->dst);
}

HANDLER(op_INSERTPS_Vdq_Hdq_Wss_Ib_r)
{
	unsigned from = (unsigned)i->imm >> 6 & 3;

	insertps(cpu, i, (uint32_t)(cpu->v[i->rm].q[from / 2] >> 32 * (from & 1)));
	NEXT(cpu, i);
}

MEMORY_HANDLER(op_INSERTPS_Vdq_Hdq_Wss_Ib_m)
{
	uint32_t value;

	if (!hot_load32(cpu, i, slow, ea(cpu, i), &value))
		return otherwise(cpu, i);
	insertps(cpu, i, value);
	NEXT(cpu, i);
}

/* ---- Extract --------------------------------------------------------------------------------- */

static INLINE uint64_t element(const struct cpu *cpu, unsigned number, unsigned width, unsigned n)
{
	n &= 16 / width - 1;
	return cpu->v[number].q[n * width / 8] >> (8 * width * n & 63) & (~UINT64_C(0) >> (64 - 8 * width));
}

static NOINLINE bool extract(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t value = element(cpu, i->dst, width, (unsigned)i->imm);

	if (i->flags & INSN_MEMORY)
		return store_width(cpu, i, ea(cpu, i), width, value);
	set_reg64(cpu, i->rm, value);
	return true;
}

static const struct insn *vector_extract(struct cpu *cpu, const struct insn *i, unsigned width)
{
	if (!extract(cpu, i, width))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
DRIVEN(PEXTRB_Eb_Vdq_Ib, vector_extract(cpu, i, 1))
DRIVEN(PEXTRW_Ew_Vdq_Ib, vector_extract(cpu, i, 2))
DRIVEN(PEXTRD_Ey_Vdq_Ib, vector_extract(cpu, i, i->width))
DRIVEN(EXTRACTPS_Ed_Vdq_Ib, vector_extract(cpu, i, 4))

HANDLER(op_PEXTRW_Gd_Udq_Ib_r)
{
	set_reg32(cpu, i->dst, (uint32_t)element(cpu, i->rm, 2, (unsigned)i->imm));
	NEXT(cpu, i);
}

HANDLER(op_PEXTRW_Gd_Nq_Ib_r)
{
	if (x87_blocked(cpu))
		return mmx_stop(cpu, i);
	mmx_used(cpu);
	set_reg32(cpu, i->dst, (uint16_t)(mmx_get(cpu, i->rm) >> 16 * (i->imm & 3)));
	NEXT(cpu, i);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

/* ZF: nothing of the mask is in both; CF: nothing of it is in the second alone. */
static NOINLINE bool test(struct cpu *cpu, const struct insn *i, uint64_t mask)
{
	const uint64_t *a = cpu->v[i->dst].q;
	uint64_t b[4], both = 0, second = 0;

	if (!vector_operand(cpu, i, vector_size(i), b))
		return false;
	for (unsigned n = 0; n < vector_size(i) / 8; n++) {
		both |= a[n] & b[n] & mask;
		second |= ~a[n] & b[n] & mask;
	}
	flags_set_arithmetic(cpu, (both ? 0u : FLAG_ZF) | (second ? 0u : FLAG_CF));
	return true;
}

static const struct insn *vector_test(struct cpu *cpu, const struct insn *i, uint64_t mask)
{
	if (!test(cpu, i, mask))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
DRIVEN(PTEST_Vx_Wx, vector_test(cpu, i, ~UINT64_C(0)))
DRIVEN(VTESTPS_Vx_Wx, vector_test(cpu, i, 0x8000000080000000u))
DRIVEN(VTESTPD_Vx_Wx, vector_test(cpu, i, 0x8000000000000000u))
