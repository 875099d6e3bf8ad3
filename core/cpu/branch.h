/*
 * How a handler that ends a block goes on: by the link kept in its record, by the jump
 * cache, or through the outer loop.  Every way out charges the block's instructions up
 * to and including this one, and leaves when the budget is used up.
 *
 * The budget is the number of instructions that may still be executed, less BLOCK_LIMIT:
 * as long as it is not negative a whole block fits.
 */
#ifndef CORE_CPU_BRANCH_H
#define CORE_CPU_BRANCH_H

#include "blocks.h"

/* ---- Out of line (run.c) --------------------------------------------------------------- */
const struct insn *branch_leave(struct cpu *cpu, uint64_t ip);
/* The same to i->imm, with the look at the CS limit that branch_link has. */
const struct insn *branch_leave_direct(struct cpu *cpu, const struct insn *i);
/* Resolve a direct branch to i->imm, remember it in i, go there. */
const struct insn *branch_link(struct cpu *cpu, const struct insn *i);
/* Go to ip by the slow way. */
const struct insn *branch_find(struct cpu *cpu, uint64_t ip);

static INLINE const struct insn *go(struct cpu *cpu, const struct insn *i)
{
	CONTINUE(cpu, i);
}

/* To i->imm.  The caller has checked nothing: a target beyond the CS limit faults. */
static INLINE const struct insn *branch_direct(struct cpu *cpu, const struct insn *i)
{
	if (unlikely((cpu->budget -= i->n) < 0))
		return branch_leave_direct(cpu, i);
	if (likely(i->context == cpu->context))
		return go(cpu, i->target);
	return branch_link(cpu, i);
}

/* To ip, which the caller has compared with the CS limit. */
static INLINE const struct insn *branch_indirect(struct cpu *cpu, const struct insn *i, uint64_t ip,
						 const struct jump *jumps)
{
	const struct jump *jump = &jumps[(ip ^ ip >> 12) % JUMP_CACHE];

	if (unlikely((cpu->budget -= i->n) < 0))
		return branch_leave(cpu, ip);
	if (likely(jump->ip == ip && jump->context == cpu->context))
		return go(cpu, jump->insn);
	return branch_find(cpu, ip);
}

/* Does a near branch to ip fault, outside 64-bit mode?  To be asked before anything is changed. */
static INLINE bool branch_beyond_limit(const struct cpu *cpu, uint64_t ip)
{
	return unlikely(ip > cpu->seg[SEG_CS].limit);
}
/* The same in any mode. */
static INLINE bool branch_is_bad(const struct cpu *cpu, uint64_t ip)
{
	return unlikely(cpu->mode & MODE_64 ? !address_canonical(ip) : ip > cpu->seg[SEG_CS].limit);
}
/* Where the byte at ip is. */
static INLINE uint64_t code_linear(const struct cpu *cpu, uint64_t ip)
{
	return cpu->mode & MODE_64 ? ip : (uint32_t)(cpu->seg[SEG_CS].base + ip);
}

#endif
