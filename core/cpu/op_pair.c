/*
 * Common instructions that know which one comes next, and jump straight to its handler instead of
 * through its record.  The next one keeps its record and handler, where the first goes as well
 * when the fast TLB does not serve it; the pair means what the two mean one after the other.
 *
 * Why: a host predicts some thousands of indirect jumps, each by the way that led to it.  A path
 * through an operating system is longer than that, and a jump that is not predicted costs as much
 * as several instructions.  Which pairs there are was counted in the paths of a packet through
 * Linux, and of Linux starting.
 */
#include "access.h"
#include "handlers.h"
#include "opcodes_info.h"
#include "pair.h"

#define WIDTH_PAIRS(W, stack)                                                                   \
HANDLER(plain_MOV_Gv_Ev_##W##_m);                                                               \
HANDLER(plain_MOV_Ev_Gv_##W##_m);                                                               \
HANDLER(plain_LEA_Gv_M_##W);                                                                    \
HANDLER(op_MOV_Gv_Ev_##W##_m_slow);                                                             \
HANDLER(op_MOV_Ev_Gv_##W##_m_slow);                                                             \
HANDLER(op_PUSH_Zv_##stack##_slow);                                                             \
HANDLER(op_POP_Zv_##stack##_slow);                                                              \
HANDLER(test_reg_reg_##W##_Z);                                                                  \
HANDLER(test_reg_reg_##W##_NZ);                                                                 \
HANDLER(quiet_ADD_Ev_Gv_##W##_r);                                                               \
HANDLER(quiet_ADD_Ev_Iz_##W##_r);                                                               \
HANDLER(quiet_SUB_Ev_Iz_##W##_r);                                                               \
HANDLER(quiet_AND_Ev_Iz_##W##_r);                                                               \
HANDLER(quiet_XOR_Ev_Gv_##W##_r);                                                               \
static INLINE const struct insn *load##W##_then(struct cpu *cpu, const struct insn *i, insn_fn *second) \
{                                                                                               \
	uint64_t linear = (cpu->reg[i->base] + (uint64_t)i->displacement) & cpu->linear_mask;   \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, false, linear, &value))                                        \
		return op_MOV_Gv_Ev_##W##_m_slow(cpu, i);                                       \
	set_reg##W(cpu, i->dst, value);                                                         \
	return second(cpu, i + 1);                                                              \
}                                                                                               \
static INLINE const struct insn *store##W##_then(struct cpu *cpu, const struct insn *i, insn_fn *second) \
{                                                                                               \
	uint64_t linear = (cpu->reg[i->base] + (uint64_t)i->displacement) & cpu->linear_mask;   \
                                                                                                \
	if (!hot_store##W(cpu, i, false, linear, reg##W(cpu, i->src)))                          \
		return op_MOV_Ev_Gv_##W##_m_slow(cpu, i);                                       \
	return second(cpu, i + 1);                                                              \
}                                                                                               \
static INLINE const struct insn *move##W##_then(struct cpu *cpu, const struct insn *i, insn_fn *second) \
{                                                                                               \
	set_reg##W(cpu, i->dst, reg##W(cpu, i->src));                                           \
	return second(cpu, i + 1);                                                              \
}                                                                                               \
static INLINE const struct insn *lea##W##_then(struct cpu *cpu, const struct insn *i, insn_fn *second) \
{                                                                                               \
	set_reg##W(cpu, i->dst, (uint##W##_t)(cpu->reg[i->base] + (uint64_t)i->displacement));  \
	return second(cpu, i + 1);                                                              \
}                                                                                               \
static INLINE const struct insn *push##W##_then(struct cpu *cpu, const struct insn *i, insn_fn *second) \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)(cpu->reg[REG_SP] - W / 8);                               \
                                                                                                \
	if (!hot_store##W(cpu, i, false, sp, reg##W(cpu, i->dst)))                              \
		return op_PUSH_Zv_##stack##_slow(cpu, i);                                       \
	cpu->reg[REG_SP] = sp;                                                                  \
	return second(cpu, i + 1);                                                              \
}                                                                                               \
static INLINE const struct insn *pop##W##_then(struct cpu *cpu, const struct insn *i, insn_fn *second) \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)cpu->reg[REG_SP], value;                                  \
                                                                                                \
	if (!hot_load##W(cpu, i, false, sp, &value))                                            \
		return op_POP_Zv_##stack##_slow(cpu, i);                                        \
	cpu->reg[REG_SP] = (uint##W##_t)(sp + W / 8);                                           \
	set_reg##W(cpu, i->dst, value);                                                         \
	return second(cpu, i + 1);                                                              \
}
WIDTH_PAIRS(32, flat)
WIDTH_PAIRS(64, 64)

HANDLER(plain_MOV_Ev_Iz_32_m);
HANDLER(plain_MOVZX_Gv_Eb_32_m);
HANDLER(op_MOV_Ev_Iz_32_m_slow);
HANDLER(op_MOVZX_Gv_Eb_32_m_slow);
HANDLER(op_LEAVE_flat_slow);

static INLINE const struct insn *set32_then(struct cpu *cpu, const struct insn *i, insn_fn *second)
{
	set_reg32(cpu, i->dst, (uint32_t)i->imm);
	return second(cpu, i + 1);
}

static INLINE const struct insn *constant32_then(struct cpu *cpu, const struct insn *i, insn_fn *second)
{
	uint64_t linear = (cpu->reg[i->base] + (uint64_t)i->displacement) & cpu->linear_mask;

	if (!hot_store32(cpu, i, false, linear, (uint32_t)i->imm))
		return op_MOV_Ev_Iz_32_m_slow(cpu, i);
	return second(cpu, i + 1);
}

static INLINE const struct insn *byte32_then(struct cpu *cpu, const struct insn *i, insn_fn *second)
{
	uint64_t linear = (cpu->reg[i->base] + (uint64_t)i->displacement) & cpu->linear_mask;
	uint8_t value;

	if (!hot_load8(cpu, i, false, linear, &value))
		return op_MOVZX_Gv_Eb_32_m_slow(cpu, i);
	set_reg32(cpu, i->dst, value);
	return second(cpu, i + 1);
}

static INLINE const struct insn *xorq32_then(struct cpu *cpu, const struct insn *i, insn_fn *second)
{
	set_reg32(cpu, i->dst, reg32(cpu, i->dst) ^ reg32(cpu, i->src));
	return second(cpu, i + 1);
}

static INLINE const struct insn *leave32_then(struct cpu *cpu, const struct insn *i, insn_fn *second)
{
	uint32_t bp = (uint32_t)cpu->reg[REG_BP], value;

	if (!hot_load32(cpu, i, false, bp, &value))
		return op_LEAVE_flat_slow(cpu, i);
	cpu->reg[REG_SP] = bp + 4;
	set_reg32(cpu, REG_BP, value);
	return second(cpu, i + 1);
}

/* What each name in the list of pairs runs. */
#define RUN_load32  plain_MOV_Gv_Ev_32_m
#define RUN_store32 plain_MOV_Ev_Gv_32_m
#define RUN_move32  op_MOV_Ev_Gv_32_r
#define RUN_set32   op_MOV_Ev_Iz_32_r
#define RUN_lea32   plain_LEA_Gv_M_32
#define RUN_push32  op_PUSH_Zv_flat
#define RUN_pop32   op_POP_Zv_flat
#define RUN_constant32 plain_MOV_Ev_Iz_32_m
#define RUN_byte32  plain_MOVZX_Gv_Eb_32_m
#define RUN_sum32   op_LEA_Gv_M_32
#define RUN_leave32 op_LEAVE_flat
#define RUN_call32  op_CALL_Jz_flat
#define RUN_ret32   op_RET_flat
#define RUN_jump    op_JMP_Jz
#define RUN_testz32 test_reg_reg_32_Z
#define RUN_testn32 test_reg_reg_32_NZ
#define RUN_add32   op_ADD_Ev_Gv_32_r
#define RUN_addq32  quiet_ADD_Ev_Gv_32_r
#define RUN_addi32  op_ADD_Ev_Iz_32_r
#define RUN_subi32  op_SUB_Ev_Iz_32_r
#define RUN_addiq32 quiet_ADD_Ev_Iz_32_r
#define RUN_subiq32 quiet_SUB_Ev_Iz_32_r
#define RUN_andi32  op_AND_Ev_Iz_32_r
#define RUN_andiq32 quiet_AND_Ev_Iz_32_r
#define RUN_xorq32  quiet_XOR_Ev_Gv_32_r
#define RUN_load64  plain_MOV_Gv_Ev_64_m
#define RUN_store64 plain_MOV_Ev_Gv_64_m
#define RUN_move64  op_MOV_Ev_Gv_64_r
#define RUN_lea64   plain_LEA_Gv_M_64
#define RUN_push64  op_PUSH_Zv_64
#define RUN_pop64   op_POP_Zv_64
#define RUN_call64  op_CALL_Jz_64
#define RUN_ret64   op_RET_64
#define RUN_testz64 test_reg_reg_64_Z
#define RUN_testn64 test_reg_reg_64_NZ

#define AFTER_load32(X, f)                                                                      \
	X(f, load32) X(f, store32) X(f, move32) X(f, lea32) X(f, set32) X(f, add32)             \
	X(f, addq32) X(f, testz32) X(f, testn32) X(f, xorq32) X(f, andi32) X(f, andiq32)        \
	X(f, leave32) X(f, call32) X(f, load64) X(f, addi32) X(f, byte32)                       \
	X(f, constant32) X(f, sum32)
#define AFTER_store32(X, f)                                                                     \
	X(f, load32) X(f, store32) X(f, move32) X(f, lea32) X(f, xorq32) X(f, call32)           \
	X(f, jump) X(f, load64) X(f, constant32)
#define AFTER_move32(X, f)                                                                      \
	X(f, push32) X(f, move32) X(f, load32) X(f, store32) X(f, lea32) X(f, pop32)            \
	X(f, andi32) X(f, andiq32) X(f, addiq32) X(f, subi32) X(f, subiq32) X(f, xorq32)        \
	X(f, testz32) X(f, testn32) X(f, call32) X(f, move64) X(f, call64) X(f, push64)         \
	X(f, constant32) X(f, sum32)
#define AFTER_lea32(X, f)                                                                       \
	X(f, push32) X(f, pop32) X(f, move32) X(f, load32) X(f, store32) X(f, lea32)            \
	X(f, call32) X(f, constant32)
#define AFTER_push32(X, f)                                                                      \
	X(f, move32) X(f, push32) X(f, subi32) X(f, load32) X(f, set32)
#define AFTER_pop32(X, f)                                                                       \
	X(f, pop32) X(f, ret32) X(f, move32)
#define AFTER_set32(X, f)                                                                       \
	X(f, move32) X(f, call32) X(f, move64) X(f, call64)
#define AFTER_constant32(X, f)                                                                  \
	X(f, load32) X(f, lea32) X(f, constant32) X(f, store32) X(f, move32)
#define AFTER_byte32(X, f)                                                                      \
	X(f, load32) X(f, move32) X(f, andi32) X(f, byte32) X(f, set32) X(f, constant32)
#define AFTER_xorq32(X, f)                                                                      \
	X(f, move32) X(f, set32) X(f, load32) X(f, xorq32)
#define AFTER_leave32(X, f)                                                                     \
	X(f, ret32)
#define AFTER_load64(X, f)                                                                      \
	X(f, load64) X(f, store64) X(f, move64) X(f, lea64) X(f, load32) X(f, move32)           \
	X(f, testz64) X(f, testn64) X(f, call64) X(f, jump)
#define AFTER_store64(X, f)                                                                     \
	X(f, load64) X(f, store64) X(f, move64) X(f, lea64) X(f, call64) X(f, jump)
#define AFTER_move64(X, f)                                                                      \
	X(f, push64) X(f, move64) X(f, load64) X(f, store64) X(f, move32) X(f, set32)           \
	X(f, xorq32) X(f, call64) X(f, pop64) X(f, jump)
#define AFTER_lea64(X, f)                                                                       \
	X(f, move64) X(f, store64) X(f, call64)
#define AFTER_push64(X, f)                                                                      \
	X(f, push64) X(f, move64) X(f, move32) X(f, load64)
#define AFTER_pop64(X, f)                                                                       \
	X(f, pop64) X(f, ret64) X(f, jump)

#define FIRSTS(X)                                                                               \
	X(load32) X(store32) X(move32) X(lea32) X(push32) X(pop32) X(set32)                     \
	X(constant32) X(byte32) X(xorq32) X(leave32)                                            \
	X(load64) X(store64) X(move64) X(lea64) X(push64) X(pop64)

#define PAIR(first, second)                                                                     \
static HANDLER(pair_##first##_##second)                                                         \
{                                                                                               \
	return first##_then(cpu, i, RUN_##second);                                              \
}
#define PAIRS_OF(first) AFTER_##first(PAIR, first)
FIRSTS(PAIRS_OF)

struct pair {
	insn_fn *second, *both;
};

#define ENTRY(first, second) { RUN_##second, pair_##first##_##second },
#define ENTRIES_OF(first) static const struct pair after_##first[] = { AFTER_##first(ENTRY, first) };
FIRSTS(ENTRIES_OF)

static const struct {
	insn_fn *first;
	const struct pair *after;
	size_t count;
} firsts[] = {
#define FIRST(name) { RUN_##name, after_##name, sizeof after_##name / sizeof after_##name[0] },
	FIRSTS(FIRST)
};

/* The rows of those above, to be asked before the list is looked through. */
static bool may_be_first(unsigned op)
{
	switch (op) {
	case OP_MOV_Gv_Ev: case OP_MOV_Ev_Gv: case OP_MOV_eAX_Ov: case OP_MOV_Ov_eAX: case OP_MOV_Ev_Iz:
	case OP_MOV_Zv_Iv: case OP_LEA_Gv_M: case OP_MOVZX_Gv_Eb: case OP_XOR_Ev_Gv: case OP_XOR_Gv_Ev:
	case OP_PUSH_Zv: case OP_PUSH_Ev: case OP_POP_Zv: case OP_LEAVE:
		return true;
	default:
		return false;
	}
}

static insn_fn *pair_handler(insn_fn *first, insn_fn *second)
{
	for (size_t n = 0; n < sizeof firsts / sizeof firsts[0]; n++)
		if (firsts[n].first == first) {
			for (size_t k = 0; k < firsts[n].count; k++)
				if (firsts[n].after[k].second == second)
					return firsts[n].after[k].both;
			break;
		}
	return NULL;
}

void pair_block(struct insn *first, struct insn *end)
{
	for (struct insn *i = first; i + 1 < end; i++) {
		insn_fn *both = may_be_first(i->op) ? pair_handler(i->run, i[1].run) : NULL;

		if (both) {
			i->run = both;
			i++;
		}
	}
}
