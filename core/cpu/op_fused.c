/*
 * Pairs that run as one record: a compare, test or count, and the conditional branch right
 * behind it.  The first record gets the fused handler; the branch keeps its record, which
 * holds target, link and count, and is where execution goes on when it is not taken.
 * Flags are set as ever: only the second dispatch and the way through the flags are saved.
 */
#include "access.h"
#include "branch.h"
#include "flags.h"
#include "fused.h"
#include "handlers.h"

#define WIDTH 8
#include "alu.h"
#define WIDTH 32
#include "alu.h"
#define WIDTH 64
#include "alu.h"

static INLINE const struct insn *pair_end(struct cpu *cpu, const struct insn *i, bool taken)
{
	if (taken)
		return branch_direct(cpu, i + 1);
	CONTINUE(cpu, i + 2);
}

/* ---- Conditions on the operands of a compare, and on a result without carry and overflow --- */

#define COMPARED_B(W)   (a < b)
#define COMPARED_NB(W)  (a >= b)
#define COMPARED_Z(W)   (a == b)
#define COMPARED_NZ(W)  (a != b)
#define COMPARED_BE(W)  (a <= b)
#define COMPARED_NBE(W) (a > b)
#define COMPARED_S(W)   ((int##W##_t)(a - b) < 0)
#define COMPARED_NS(W)  ((int##W##_t)(a - b) >= 0)
#define COMPARED_L(W)   ((int##W##_t)a < (int##W##_t)b)
#define COMPARED_NL(W)  ((int##W##_t)a >= (int##W##_t)b)
#define COMPARED_LE(W)  ((int##W##_t)a <= (int##W##_t)b)
#define COMPARED_NLE(W) ((int##W##_t)a > (int##W##_t)b)

#define RESULT_Z(W)     (r == 0)
#define RESULT_NZ(W)    (r != 0)
#define RESULT_S(W)     ((int##W##_t)r < 0)
#define RESULT_NS(W)    ((int##W##_t)r >= 0)

/* The condition numbers of the opcode's low four bits.  Bytes are hardly ever compared with signs. */
#define BYTE_CONDITIONS(X, W)                                                                   \
	X(W, 2, B) X(W, 3, NB) X(W, 4, Z) X(W, 5, NZ) X(W, 6, BE) X(W, 7, NBE)                  \
	X(W, 8, S) X(W, 9, NS)
#define COMPARE_CONDITIONS(X, W)                                                                \
	BYTE_CONDITIONS(X, W) X(W, 12, L) X(W, 13, NL) X(W, 14, LE) X(W, 15, NLE)
#define RESULT_CONDITIONS(X, W) X(W, 4, Z) X(W, 5, NZ) X(W, 8, S) X(W, 9, NS)

/*
 * What the fast TLB does not serve is done by the slow twin of the compare's handler, which goes on
 * with the branch's record.
 */
#define ALONE_reg_mem_8  op_CMP_Gb_Eb_m_slow
#define ALONE_reg_mem_32 op_CMP_Gv_Ev_32_m_slow
#define ALONE_reg_mem_64 op_CMP_Gv_Ev_64_m_slow
#define ALONE_mem_reg_8  op_CMP_Eb_Gb_m_slow
#define ALONE_mem_reg_32 op_CMP_Ev_Gv_32_m_slow
#define ALONE_mem_reg_64 op_CMP_Ev_Gv_64_m_slow
#define ALONE_mem_imm_8  op_CMP_Eb_Ib_m_slow
#define ALONE_mem_imm_32 op_CMP_Ev_Iz_32_m_slow
#define ALONE_mem_imm_64 op_CMP_Ev_Iz_64_m_slow
HANDLER(ALONE_reg_mem_8);
HANDLER(ALONE_reg_mem_32);
HANDLER(ALONE_reg_mem_64);
HANDLER(ALONE_mem_reg_8);
HANDLER(ALONE_mem_reg_32);
HANDLER(ALONE_mem_reg_64);
HANDLER(ALONE_mem_imm_8);
HANDLER(ALONE_mem_imm_32);
HANDLER(ALONE_mem_imm_64);

#define COMPARE_PAIR(W, number, cc)                                                             \
static HANDLER(cmp_reg_reg_##W##_##cc)                                                          \
{                                                                                               \
	uint##W##_t a = reg##W(cpu, i->dst), b = reg##W(cpu, i->src);                           \
                                                                                                \
	alu_sub_##W(cpu, a, b);                                                                 \
	return pair_end(cpu, i, COMPARED_##cc(W));                                              \
}                                                                                               \
static HANDLER(cmp_reg_imm_##W##_##cc)                                                          \
{                                                                                               \
	uint##W##_t a = reg##W(cpu, i->dst), b = (uint##W##_t)i->imm;                           \
                                                                                                \
	alu_sub_##W(cpu, a, b);                                                                 \
	return pair_end(cpu, i, COMPARED_##cc(W));                                              \
}                                                                                               \
static HANDLER(cmp_reg_mem_##W##_##cc)                                                          \
{                                                                                               \
	uint##W##_t a = reg##W(cpu, i->dst), b;                                                 \
                                                                                                \
	if (!hot_load##W(cpu, i, false, ea(cpu, i), &b))                                        \
		return ALONE_reg_mem_##W(cpu, i);                                               \
	alu_sub_##W(cpu, a, b);                                                                 \
	return pair_end(cpu, i, COMPARED_##cc(W));                                              \
}                                                                                               \
static HANDLER(cmp_mem_reg_##W##_##cc)                                                          \
{                                                                                               \
	uint##W##_t a, b = reg##W(cpu, i->src);                                                 \
                                                                                                \
	if (!hot_load##W(cpu, i, false, ea(cpu, i), &a))                                        \
		return ALONE_mem_reg_##W(cpu, i);                                               \
	alu_sub_##W(cpu, a, b);                                                                 \
	return pair_end(cpu, i, COMPARED_##cc(W));                                              \
}                                                                                               \
static HANDLER(cmp_mem_imm_##W##_##cc)                                                          \
{                                                                                               \
	uint##W##_t a, b = (uint##W##_t)i->imm;                                                 \
                                                                                                \
	if (!hot_load##W(cpu, i, false, ea(cpu, i), &a))                                        \
		return ALONE_mem_imm_##W(cpu, i);                                               \
	alu_sub_##W(cpu, a, b);                                                                 \
	return pair_end(cpu, i, COMPARED_##cc(W));                                              \
}
BYTE_CONDITIONS(COMPARE_PAIR, 8)
COMPARE_CONDITIONS(COMPARE_PAIR, 32)
COMPARE_CONDITIONS(COMPARE_PAIR, 64)

#define TEST_PAIR(W, number, cc)                                                                \
HANDLER(test_reg_reg_##W##_##cc);                                                               \
HANDLER(test_reg_reg_##W##_##cc)                                                                \
{                                                                                               \
	uint##W##_t r = alu_and_##W(cpu, reg##W(cpu, i->dst), reg##W(cpu, i->src));             \
                                                                                                \
	return pair_end(cpu, i, RESULT_##cc(W));                                                \
}                                                                                               \
static HANDLER(test_reg_imm_##W##_##cc)                                                         \
{                                                                                               \
	uint##W##_t r = alu_and_##W(cpu, reg##W(cpu, i->dst), (uint##W##_t)i->imm);             \
                                                                                                \
	return pair_end(cpu, i, RESULT_##cc(W));                                                \
}
RESULT_CONDITIONS(TEST_PAIR, 8)
RESULT_CONDITIONS(TEST_PAIR, 32)
RESULT_CONDITIONS(TEST_PAIR, 64)

/* Counting loops: the result is kept. */
#define COUNT_PAIR(W, number, cc)                                                               \
static HANDLER(dec_reg_##W##_##cc)                                                              \
{                                                                                               \
	uint##W##_t r = alu_dec_##W(cpu, reg##W(cpu, i->dst));                                  \
                                                                                                \
	set_reg##W(cpu, i->dst, r);                                                             \
	return pair_end(cpu, i, RESULT_##cc(W));                                                \
}                                                                                               \
static HANDLER(sub_reg_imm_##W##_##cc)                                                          \
{                                                                                               \
	uint##W##_t r = alu_sub_##W(cpu, reg##W(cpu, i->dst), (uint##W##_t)i->imm);             \
                                                                                                \
	set_reg##W(cpu, i->dst, r);                                                             \
	return pair_end(cpu, i, RESULT_##cc(W));                                                \
}                                                                                               \
static HANDLER(add_reg_imm_##W##_##cc)                                                          \
{                                                                                               \
	uint##W##_t r = alu_add_##W(cpu, reg##W(cpu, i->dst), (uint##W##_t)i->imm);             \
                                                                                                \
	set_reg##W(cpu, i->dst, r);                                                             \
	return pair_end(cpu, i, RESULT_##cc(W));                                                \
}
RESULT_CONDITIONS(COUNT_PAIR, 32)
RESULT_CONDITIONS(COUNT_PAIR, 64)

/* ---- Which pairs there are --------------------------------------------------------------------- */

struct pair {
	insn_fn *first, *fused[16];
};

#define AT_reg_reg(W, number, cc)  [number] = cmp_reg_reg_##W##_##cc,
#define AT_reg_imm(W, number, cc)  [number] = cmp_reg_imm_##W##_##cc,
#define AT_reg_mem(W, number, cc)  [number] = cmp_reg_mem_##W##_##cc,
#define AT_mem_reg(W, number, cc)  [number] = cmp_mem_reg_##W##_##cc,
#define AT_mem_imm(W, number, cc)  [number] = cmp_mem_imm_##W##_##cc,
#define AT_test_reg(W, number, cc) [number] = test_reg_reg_##W##_##cc,
#define AT_test_imm(W, number, cc) [number] = test_reg_imm_##W##_##cc,
#define AT_dec(W, number, cc)      [number] = dec_reg_##W##_##cc,
#define AT_sub(W, number, cc)      [number] = sub_reg_imm_##W##_##cc,
#define AT_add(W, number, cc)      [number] = add_reg_imm_##W##_##cc,

static const struct pair pairs[] = {
	{ op_CMP_Ev_Gv_32_r, { COMPARE_CONDITIONS(AT_reg_reg, 32) } },
	{ op_CMP_Ev_Gv_64_r, { COMPARE_CONDITIONS(AT_reg_reg, 64) } },
	{ op_CMP_Ev_Iz_32_r, { COMPARE_CONDITIONS(AT_reg_imm, 32) } },
	{ op_CMP_Ev_Iz_64_r, { COMPARE_CONDITIONS(AT_reg_imm, 64) } },
	{ op_TEST_Ev_Gv_32_r, { RESULT_CONDITIONS(AT_test_reg, 32) } },
	{ op_TEST_Ev_Gv_64_r, { RESULT_CONDITIONS(AT_test_reg, 64) } },
	{ op_TEST_Eb_Gb_r, { RESULT_CONDITIONS(AT_test_reg, 8) } },
	{ op_CMP_Eb_Ib_r, { BYTE_CONDITIONS(AT_reg_imm, 8) } },
	{ op_CMP_Gv_Ev_32_m, { COMPARE_CONDITIONS(AT_reg_mem, 32) } },
	{ op_CMP_Gv_Ev_64_m, { COMPARE_CONDITIONS(AT_reg_mem, 64) } },
	{ op_CMP_Ev_Gv_32_m, { COMPARE_CONDITIONS(AT_mem_reg, 32) } },
	{ op_CMP_Ev_Gv_64_m, { COMPARE_CONDITIONS(AT_mem_reg, 64) } },
	{ op_CMP_Ev_Iz_32_m, { COMPARE_CONDITIONS(AT_mem_imm, 32) } },
	{ op_CMP_Ev_Iz_64_m, { COMPARE_CONDITIONS(AT_mem_imm, 64) } },
	{ op_CMP_Eb_Ib_m, { BYTE_CONDITIONS(AT_mem_imm, 8) } },
	{ op_CMP_Eb_Gb_r, { BYTE_CONDITIONS(AT_reg_reg, 8) } },
	{ op_CMP_Gb_Eb_m, { BYTE_CONDITIONS(AT_reg_mem, 8) } },
	{ op_CMP_Eb_Gb_m, { BYTE_CONDITIONS(AT_mem_reg, 8) } },
	{ op_TEST_Eb_Ib_r, { RESULT_CONDITIONS(AT_test_imm, 8) } },
	{ op_TEST_Ev_Iz_32_r, { RESULT_CONDITIONS(AT_test_imm, 32) } },
	{ op_TEST_Ev_Iz_64_r, { RESULT_CONDITIONS(AT_test_imm, 64) } },
	{ op_DEC_Ev_32_r, { RESULT_CONDITIONS(AT_dec, 32) } },
	{ op_DEC_Ev_64_r, { RESULT_CONDITIONS(AT_dec, 64) } },
	{ op_SUB_Ev_Iz_32_r, { RESULT_CONDITIONS(AT_sub, 32) } },
	{ op_SUB_Ev_Iz_64_r, { RESULT_CONDITIONS(AT_sub, 64) } },
	{ op_ADD_Ev_Iz_32_r, { RESULT_CONDITIONS(AT_add, 32) } },
	{ op_ADD_Ev_Iz_64_r, { RESULT_CONDITIONS(AT_add, 64) } },
};

insn_fn *fused_handler(insn_fn *first, unsigned condition)
{
	for (size_t n = 0; n < sizeof pairs / sizeof pairs[0]; n++)
		if (pairs[n].first == first)
			return pairs[n].fused[condition & 15];
	return NULL;
}
