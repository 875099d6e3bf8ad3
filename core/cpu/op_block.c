/*
 * Records that are no instruction of the guest's: address computation outside flat mode,
 * the end of a block, the entry of a dead one, and what could not be decoded.
 */
#include "access.h"
#include "blocks.h"
#include "branch.h"

/* Is an access of width bytes at offset inside a plain data or code segment? */
static INLINE bool plainly_inside(const struct segment *seg, uint64_t offset, unsigned width, bool write)
{
	uint16_t want = ATTR_P | ATTR_S | (write ? ATTR_WRITABLE : 0);
	uint16_t mask = ATTR_P | ATTR_S | ATTR_CODE | ATTR_EXPAND_DOWN | (write ? ATTR_WRITABLE : 0);

	return likely((seg->attributes & mask) == want && offset + width - 1 <= seg->limit);
}

static INLINE const struct insn *segmented(struct cpu *cpu, const struct insn *i, uint64_t offset)
{
	const struct segment *seg = &cpu->seg[i->segment];
	unsigned access = (unsigned)i->imm;
	uint64_t linear;

	if (plainly_inside(seg, offset, access, i->flags & INSN_WRITES)) {
		cpu->reg[REG_EA] = (uint32_t)(seg->base + offset);
		NEXT(cpu, i);
	}
	if (!segment_linear(cpu, i->segment, offset, access, i->flags & INSN_WRITES, &linear))
		return cpu_fault(cpu, i);
	cpu->reg[REG_EA] = linear;
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
