/*
 * Instructions whose flags nobody can see, because another one sets them all again before
 * anything reads them, faults or ends the block.  They mean what the handlers they stand for
 * mean, less the flags.  Which instructions set and read what is said by the rows (opcodes.h).
 */
#include "blocks.h"
#include "handlers.h"
#include "hooks.h"
#include "opcodes_info.h"
#include "quiet.h"

#define BINARY(W, NAME, operator)                                                               \
HANDLER(quiet_##NAME##_Ev_Gv_##W##_r);                                                          \
HANDLER(quiet_##NAME##_Ev_Gv_##W##_r)                                                           \
{                                                                                               \
	set_reg##W(cpu, i->dst, (uint##W##_t)(reg##W(cpu, i->dst) operator reg##W(cpu, i->src))); \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(quiet_##NAME##_Ev_Iz_##W##_r);                                                          \
HANDLER(quiet_##NAME##_Ev_Iz_##W##_r)                                                           \
{                                                                                               \
	set_reg##W(cpu, i->dst, (uint##W##_t)(reg##W(cpu, i->dst) operator (uint##W##_t)i->imm)); \
	NEXT(cpu, i);                                                                           \
}
#define UNARY(W, NAME, expression)                                                              \
static HANDLER(quiet_##NAME##_Ev_##W##_r)                                                       \
{                                                                                               \
	uint##W##_t value = reg##W(cpu, i->dst);                                                \
                                                                                                \
	set_reg##W(cpu, i->dst, (uint##W##_t)(expression));                                     \
	NEXT(cpu, i);                                                                           \
}
/* A count of 0 changes no flags, which the rows tell by reading them: not quiet then. */
#define SHIFT(W, NAME, type, operator)                                                          \
static HANDLER(quiet_##NAME##_Ev_Ib_##W##_r)                                                    \
{                                                                                               \
	set_reg##W(cpu, i->dst, (uint##W##_t)((type)reg##W(cpu, i->dst) operator (i->imm & (W - 1)))); \
	NEXT(cpu, i);                                                                           \
}
#define QUIET(W)                                                                                \
BINARY(W, ADD, +)                                                                               \
BINARY(W, SUB, -)                                                                               \
BINARY(W, AND, &)                                                                               \
BINARY(W, OR, |)                                                                                \
BINARY(W, XOR, ^)                                                                               \
UNARY(W, INC, value + 1)                                                                        \
UNARY(W, DEC, value - 1)                                                                        \
UNARY(W, NEG, 0 - value)                                                                        \
SHIFT(W, SHL, uint##W##_t, <<)                                                                  \
SHIFT(W, SHR, uint##W##_t, >>)                                                                  \
SHIFT(W, SAR, int##W##_t, >>)                                                                   \
static HANDLER(quiet_IMUL_Gv_Ev_##W##_r)                                                        \
{                                                                                               \
	set_reg##W(cpu, i->dst, (uint##W##_t)(reg##W(cpu, i->dst) * reg##W(cpu, i->src)));      \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
static HANDLER(quiet_IMUL_Gv_Ev_Iz_##W##_r)                                                     \
{                                                                                               \
	set_reg##W(cpu, i->dst, (uint##W##_t)(reg##W(cpu, i->src) * (uint##W##_t)i->imm));      \
	NEXT(cpu, i);                                                                           \
}
QUIET(32)
QUIET(64)

static const struct {
	insn_fn *loud, *quiet;
} handlers[] = {
#define PAIR(name) { op_##name, quiet_##name },
#define PAIR2(NAME, W) PAIR(NAME##_Ev_Gv_##W##_r) PAIR(NAME##_Ev_Iz_##W##_r)
#define PAIRS(W)                                                                                \
	PAIR2(ADD, W) PAIR2(SUB, W) PAIR2(AND, W) PAIR2(OR, W) PAIR2(XOR, W)                    \
	PAIR(INC_Ev_##W##_r) PAIR(DEC_Ev_##W##_r) PAIR(NEG_Ev_##W##_r)                          \
	PAIR(SHL_Ev_Ib_##W##_r) PAIR(SHR_Ev_Ib_##W##_r) PAIR(SAR_Ev_Ib_##W##_r)                 \
	PAIR(IMUL_Gv_Ev_##W##_r) PAIR(IMUL_Gv_Ev_Iz_##W##_r)
	PAIRS(32) PAIRS(64)
};

static insn_fn *quiet_handler(insn_fn *loud)
{
	for (size_t n = 0; n < sizeof handlers / sizeof handlers[0]; n++)
		if (handlers[n].loud == loud)
			return handlers[n].quiet;
	return NULL;
}

/* Can the flags be looked at while i runs, or right after it by what is not the next record? */
static bool is_looked_at(const struct insn *i)
{
	const struct op_info *info = &op_info[i->op];
	bool plain = info->kind == KIND_EB || info->kind == KIND_EV || info->kind == KIND_VW;

	if ((i->flags & INSN_LAST) || hooks_is_record(i))
		return true;
	switch (i->op) {
	case OP_LEA_Gv_M:
	case OP_NOP:
		return false;
	case OP_BSF_Gv_Ev: case OP_BSR_Gv_Ev:   /* leave the undefined ones as they were */
	case OP_DIV_Eb: case OP_DIV_Ev: case OP_IDIV_Eb: case OP_IDIV_Ev:
		return true;
	default:
		return !plain || (i->flags & INSN_MEMORY) || (info->attributes & ATTRIBUTE_X);
	}
}

/* Shifts by an immediate count say in their row that they may leave all flags alone. */
static bool never_zero(const struct insn *i)
{
	const struct op_info *info = &op_info[i->op];

	return info->operand[1] == OPERAND_Ib && (i->imm & (i->width == 8 ? 63 : 31)) &&
	       (i->op == OP_SHL_Ev_Ib || i->op == OP_SHR_Ev_Ib || i->op == OP_SAR_Ev_Ib || i->op == OP_SAL_Ev_Ib);
}

void quiet_block(struct insn *first, struct insn *end)
{
	uint32_t live = FLAGS_ARITHMETIC;

	for (struct insn *i = end; i-- > first;) {
		const struct op_info *info = &op_info[i->op];
		uint32_t reads = info->flags_read;

		if (is_looked_at(i)) {
			live = FLAGS_ARITHMETIC;
			continue;
		}
		if (info->flags_set && !(info->flags_set & live)) {
			insn_fn *quiet = quiet_handler(i->run);

			if (quiet)
				i->run = quiet;
		}
		if (never_zero(i))
			reads = 0;
		live = (live & ~(uint32_t)info->flags_set) | reads;
	}
}
