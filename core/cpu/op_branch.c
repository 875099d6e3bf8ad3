/*
 * Near branches: JMP, Jcc, CALL, RET, LOOP, JCXZ (SDM volume 2).  Targets beyond the CS
 * limit, or not canonical, fault before anything changes; branch.h says how a branch goes on.
 */
#include "access.h"
#include "branch.h"
#include "conditions.h"
#include "handlers.h"

HANDLER(op_JMP_Jz)
{
	return branch_direct(cpu, i);
}

#define JUMP_IF(cc, condition)                                                                  \
HANDLER(op_J##cc##_Jz)                                                                          \
{                                                                                               \
	if (condition(cpu))                                                                     \
		return branch_direct(cpu, i);                                                   \
	NEXT(cpu, i);                                                                           \
}
CONDITIONS(JUMP_IF)

/* LOOP and JCXZ count in CX, ECX or RCX by the address size. */
static INLINE uint64_t counter(const struct cpu *cpu, const struct insn *i)
{
	return cpu->reg[REG_CX] & address_mask(i);
}

static INLINE const struct insn *loop_if(struct cpu *cpu, const struct insn *i, bool condition)
{
	unsigned width = i->flags & INSN_ADDRESS16 ? 2 : i->flags & INSN_ADDRESS64 ? 8 : 4;
	uint64_t count = (counter(cpu, i) - 1) & address_mask(i);
	bool taken = count != 0 && condition;

	if (taken && branch_is_bad(cpu, i->imm))
		return cpu_fault_gp0(cpu, i);
	reg_set(cpu, REG_CX, width, count);
	if (taken)
		return branch_direct(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_LOOP_Jb) { return loop_if(cpu, i, true); }
HANDLER(op_LOOPE_Jb) { return loop_if(cpu, i, flag_zf(cpu)); }
HANDLER(op_LOOPNE_Jb) { return loop_if(cpu, i, !flag_zf(cpu)); }

HANDLER(op_JCXZ_Jb)
{
	if (counter(cpu, i) == 0)
		return branch_direct(cpu, i);
	NEXT(cpu, i);
}

/* ---- Flat, and 64-bit mode --------------------------------------------------------------------- */

#define FLAT_CALLS(W, suffix, bad)                                                              \
MEMORY_HANDLER(op_CALL_Jz_##suffix)                                                             \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)(cpu->reg[REG_SP] - W / 8);                               \
                                                                                                \
	if (!hot_store##W(cpu, i, slow, sp, (uint##W##_t)next_ip(i)))                           \
		return otherwise(cpu, i);                                                       \
	cpu->reg[REG_SP] = sp;                                                                  \
	return branch_direct(cpu, i);                                                           \
}                                                                                               \
MEMORY_HANDLER(op_RET_##suffix)                                                                 \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)cpu->reg[REG_SP], ip;                                     \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, sp, &ip))                                                \
		return otherwise(cpu, i);                                                       \
	if (bad(ip))                                                                            \
		return cpu_fault_gp0(cpu, i);                                                   \
	cpu->reg[REG_SP] = (uint##W##_t)(sp + W / 8);                                           \
	return branch_indirect(cpu, i, ip, cpu->jumps);                                         \
}                                                                                               \
MEMORY_HANDLER(op_RET_Iw_##suffix)                                                              \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)cpu->reg[REG_SP], ip;                                     \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, sp, &ip))                                                \
		return otherwise(cpu, i);                                                       \
	if (bad(ip))                                                                            \
		return cpu_fault_gp0(cpu, i);                                                   \
	cpu->reg[REG_SP] = (uint##W##_t)(sp + W / 8 + i->imm);                                  \
	return branch_indirect(cpu, i, ip, cpu->jumps);                                         \
}                                                                                               \
MEMORY_HANDLER(op_CALL_Ev_##suffix##_r)                                                         \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)(cpu->reg[REG_SP] - W / 8), ip = reg##W(cpu, i->dst);     \
                                                                                                \
	if (bad(ip))                                                                            \
		return cpu_fault_gp0(cpu, i);                                                   \
	if (!hot_store##W(cpu, i, slow, sp, (uint##W##_t)next_ip(i)))                           \
		return otherwise(cpu, i);                                                       \
	cpu->reg[REG_SP] = sp;                                                                  \
	return branch_indirect(cpu, i, ip, cpu->jumps);                                         \
}                                                                                               \
MEMORY_HANDLER(op_CALL_Ev_##suffix##_m)                                                         \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)(cpu->reg[REG_SP] - W / 8), ip;                           \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &ip))                                        \
		return otherwise(cpu, i);                                                       \
	if (bad(ip))                                                                            \
		return cpu_fault_gp0(cpu, i);                                                   \
	if (slow && W == 64 && !stack_canonical(sp, W / 8))                                     \
		return cpu_fault_ss0(cpu, i);                                                   \
	if (!hot_store##W(cpu, i, slow, sp, (uint##W##_t)next_ip(i)))                           \
		return otherwise(cpu, i);                                                       \
	cpu->reg[REG_SP] = sp;                                                                  \
	return branch_indirect(cpu, i, ip, cpu->jumps);                                         \
}
/* A flat CS ends where 32-bit offsets do. */
#define NEVER(ip) false
#define NOT_CANONICAL(ip) unlikely(!address_canonical(ip))
FLAT_CALLS(32, flat, NEVER)
FLAT_CALLS(64, 64, NOT_CANONICAL)

/* ---- Any stack and limit ------------------------------------------------------------------------ */

static INLINE const struct insn *call(struct cpu *cpu, const struct insn *i, unsigned width, bool direct,
				      uint64_t ip)
{
	if (branch_is_bad(cpu, ip))
		return cpu_fault_gp0(cpu, i);
	if (!push_one(cpu, i, width, next_ip(i)))
		return cpu_fault(cpu, i);
	return direct ? branch_direct(cpu, i) : branch_indirect(cpu, i, ip, cpu->jumps);
}

HANDLER(op_CALL_Jz_16) { return call(cpu, i, 2, true, i->imm); }
HANDLER(op_CALL_Jz_32) { return call(cpu, i, 4, true, i->imm); }
HANDLER(op_CALL_Ev_16_r) { return call(cpu, i, 2, false, reg16(cpu, i->dst)); }
HANDLER(op_CALL_Ev_32_r) { return call(cpu, i, 4, false, reg32(cpu, i->dst)); }

MEMORY_HANDLER(op_CALL_Ev_16_m)
{
	uint16_t ip;

	if (!hot_load16(cpu, i, slow, ea(cpu, i), &ip))
		return otherwise(cpu, i);
	return call(cpu, i, 2, false, ip);
}

MEMORY_HANDLER(op_CALL_Ev_32_m)
{
	uint32_t ip;

	if (!hot_load32(cpu, i, slow, ea(cpu, i), &ip))
		return otherwise(cpu, i);
	return call(cpu, i, 4, false, ip);
}

/* Pops the return address into cpu->loaded, and imm bytes more. */
static NOINLINE bool pop_return(struct cpu *cpu, const struct insn *i, unsigned width)
{
	struct stack stack;
	uint64_t ip;

	stack_begin(cpu, &stack, i);
	if (!stack_pop(cpu, &stack, width, &ip))
		return false;
	if (branch_is_bad(cpu, ip))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	stack.sp = (stack.sp + i->imm) & stack.mask;
	stack_commit(cpu, &stack);
	cpu->loaded = ip;
	return true;
}

static INLINE const struct insn *ret(struct cpu *cpu, const struct insn *i, unsigned width)
{
	if (!pop_return(cpu, i, width))
		return cpu_fault(cpu, i);
	return branch_indirect(cpu, i, cpu->loaded, cpu->jumps);
}

HANDLER(op_RET_16) { return ret(cpu, i, 2); }
HANDLER(op_RET_32) { return ret(cpu, i, 4); }
HANDLER(op_RET_Iw_16) { return ret(cpu, i, 2); }
HANDLER(op_RET_Iw_32) { return ret(cpu, i, 4); }

#define JUMP_INDIRECT(W)                                                                        \
HANDLER(op_JMP_Ev_##W##_r)                                                                      \
{                                                                                               \
	uint##W##_t ip = reg##W(cpu, i->dst);                                                   \
                                                                                                \
	if (branch_is_bad(cpu, ip))                                                       \
		return cpu_fault_gp0(cpu, i);                                                   \
	return branch_indirect(cpu, i, ip, cpu->jumps);                                         \
}                                                                                               \
MEMORY_HANDLER(op_JMP_Ev_##W##_m)                                                               \
{                                                                                               \
	uint##W##_t ip;                                                                         \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &ip))                                        \
		return otherwise(cpu, i);                                                       \
	if (branch_is_bad(cpu, ip))                                                       \
		return cpu_fault_gp0(cpu, i);                                                   \
	return branch_indirect(cpu, i, ip, cpu->jumps);                                         \
}
JUMP_INDIRECT(16)
JUMP_INDIRECT(32)
JUMP_INDIRECT(64)
