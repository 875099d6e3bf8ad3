/*
 * Records that are no instruction of the guest's: address computation outside flat mode,
 * the end of a block, the entry of a dead one, and what could not be decoded.
 */
#include "access.h"
#include "blocks.h"
#include "branch.h"
#include "opcodes_info.h"

/* Is an access of width bytes at offset inside a plain data or code segment? */
static INLINE bool plainly_inside(const struct segment *seg, uint64_t offset, unsigned width, bool write)
{
	uint16_t want = ATTR_P | ATTR_S | (write ? ATTR_WRITABLE : 0);
	uint16_t mask = ATTR_P | ATTR_S | ATTR_CODE | ATTR_EXPAND_DOWN | (write ? ATTR_WRITABLE : 0);

	return likely((seg->attributes & mask) == want && offset + width - 1 <= seg->limit);
}

/* (With a memory operand CVTPI2PS and CVTPI2PD are none.) */
static bool is_mmx(const struct insn *i)
{
	if (i->op == OP_CVTPI2PS_Vx_Qq || i->op == OP_CVTPI2PD_Vx_Qq)
		return false;
	for (unsigned n = 0; n < 4; n++)
		if (op_info[i->op].operand[n] >= OPERAND_Pq && op_info[i->op].operand[n] <= OPERAND_Nq)
			return true;
	return false;
}

static bool waits_for_x87(const struct insn *i)
{
	if (is_mmx(i))
		return true;
	return (op_features(&op_info[i->op]) & FEAT_FPU) && i->op != OP_FNSTCW && i->op != OP_FNSTSW_Mw &&
	       i->op != OP_FNSTENV && i->op != OP_FNSAVE;
}

/*
 * The long way, a function of its own: were linear a local of the handler, the compiler could not
 * make its NEXT a jump.  An x87 that is not available, or has an error to report, comes before
 * faults of its operand.
 */
static NOINLINE bool segmented_slow(struct cpu *cpu, const struct insn *i, uint64_t offset)
{
	uint64_t linear;

	if (!segment_linear(cpu, i->segment, offset, (unsigned)i->imm, i->flags & INSN_WRITES, &linear)) {
		if (is_mmx(i) && (cpu->cr0 & CR0_EM))
			cpu_raise(cpu, VECTOR_UD);
		else if (((op_features(&op_info[i->op]) & (FEAT_FPU | FEAT_FXSR)) || is_mmx(i)) &&
			 (cpu->cr0 & (CR0_EM | CR0_TS)))
			cpu_raise(cpu, VECTOR_NM);
		else if (waits_for_x87(i) && (cpu->x87.status & FPU_ES) && (cpu->cr0 & CR0_NE))
			cpu_raise(cpu, VECTOR_MF);
		return false;
	}
	cpu->reg[REG_EA] = linear;
	return true;
}

static INLINE const struct insn *segmented(struct cpu *cpu, const struct insn *i, uint64_t offset)
{
	const struct segment *seg = &cpu->seg[i->segment];
	unsigned access = (unsigned)i->imm;

	if (plainly_inside(seg, offset, access, i->flags & INSN_WRITES)) {
		cpu->reg[REG_EA] = (uint32_t)(seg->base + offset);
		NEXT(cpu, i);
	}
	if (!segmented_slow(cpu, i, offset))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_EA_16)
{
	return segmented(cpu, i, (uint16_t)(cpu->reg[i->base] + cpu->reg[i->index] +
					    (uint64_t)i->displacement));
}

HANDLER(op_EA_32)
{
	return segmented(cpu, i, (uint32_t)(cpu->reg[i->base] + (cpu->reg[i->index] << i->scale) +
					    (uint64_t)i->displacement));
}

/* In 64-bit mode only FS and GS have a base; the access itself looks whether the sum is canonical. */
HANDLER(op_EA_64)
{
	uint64_t offset = cpu->reg[i->base] + (cpu->reg[i->index] << i->scale) + (uint64_t)i->displacement;

	if (!(i->flags & INSN_ADDRESS64))
		offset = (uint32_t)offset;
	if (i->segment >= SEG_FS)
		offset += cpu->seg[i->segment].base;
	cpu->reg[REG_EA] = offset;
	NEXT(cpu, i);
}

/* The block ends without a branch: imm is the RIP to go on at. */
HANDLER(op_BLOCK_END)
{
	return branch_direct(cpu, i);
}

/* The jump cache may be how we came here. */
HANDLER(op_BLOCK_DEAD)
{
	jump_slot(cpu, i->ip)->context = UINT64_MAX;
	return branch_find(cpu, i->ip);
}

HANDLER(op_UD)
{
	return cpu_fault_vector(cpu, i, VECTOR_UD);
}

HANDLER(op_GP)
{
	return cpu_fault_gp0(cpu, i);
}

/* SDM 3A 2.5, CR0.EM and TS; 13.1 for SSE. */
HANDLER(op_NO_SSE)
{
	bool never = (cpu->cr0 & CR0_EM) || !(cpu->cr4 & CR4_OSFXSR);

	return cpu_fault_vector(cpu, i, never ? VECTOR_UD : VECTOR_NM);
}

HANDLER(op_NO_AVX)
{
	bool usable = (cpu->cr4 & CR4_OSXSAVE) && (cpu->xcr0 & (XCR0_SSE | XCR0_AVX)) == (XCR0_SSE | XCR0_AVX);

	return cpu_fault_vector(cpu, i, usable ? VECTOR_NM : VECTOR_UD);
}
