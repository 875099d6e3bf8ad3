/*
 * ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NEG, NOT: all widths, register and
 * memory forms (SDM volume 2).
 */
#include "access.h"
#include "flags.h"
#include "handlers.h"

#define WIDTH 8
#include "alu.h"
#define WIDTH 16
#include "alu.h"
#define WIDTH 32
#include "alu.h"
#define WIDTH 64
#include "alu.h"

/* first = fn(first, second), for the operand order of a row. */
#define DESTINATION_REGISTER(W, fn, to_reg_reg, to_reg_imm, to_reg_mem)                         \
HANDLER(op_##to_reg_reg)                                                                        \
{                                                                                               \
	set_reg##W(cpu, i->dst, alu_##fn##_##W(cpu, reg##W(cpu, i->dst), reg##W(cpu, i->src))); \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##to_reg_imm)                                                                        \
{                                                                                               \
	set_reg##W(cpu, i->dst, alu_##fn##_##W(cpu, reg##W(cpu, i->dst), (uint##W##_t)i->imm)); \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##to_reg_mem)                                                                 \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	set_reg##W(cpu, i->dst, alu_##fn##_##W(cpu, reg##W(cpu, i->dst), value));               \
	NEXT(cpu, i);                                                                           \
}
#define DESTINATION_MEMORY(W, fn, to_mem_reg, to_mem_imm)                                       \
MEMORY_HANDLER(op_##to_mem_reg)                                                                 \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	uint##W##_t value;                                                                      \
	uint8_t *host;                                                                          \
                                                                                                \
	if (!hot_modify##W(cpu, i, slow, linear, &value, &host))                                \
		return otherwise(cpu, i);                                                       \
	hot_modified##W(cpu, slow, linear, alu_##fn##_##W(cpu, value, reg##W(cpu, i->src)), host); \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##to_mem_imm)                                                                 \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	uint##W##_t value;                                                                      \
	uint8_t *host;                                                                          \
                                                                                                \
	if (!hot_modify##W(cpu, i, slow, linear, &value, &host))                                \
		return otherwise(cpu, i);                                                       \
	hot_modified##W(cpu, slow, linear, alu_##fn##_##W(cpu, value, (uint##W##_t)i->imm), host); \
	NEXT(cpu, i);                                                                           \
}
#define ALU(NAME, fn)                                                                           \
DESTINATION_REGISTER(8, fn, NAME##_Eb_Gb_r, NAME##_Eb_Ib_r, NAME##_Gb_Eb_m)                     \
DESTINATION_REGISTER(16, fn, NAME##_Ev_Gv_16_r, NAME##_Ev_Iz_16_r, NAME##_Gv_Ev_16_m)           \
DESTINATION_REGISTER(32, fn, NAME##_Ev_Gv_32_r, NAME##_Ev_Iz_32_r, NAME##_Gv_Ev_32_m)           \
DESTINATION_REGISTER(64, fn, NAME##_Ev_Gv_64_r, NAME##_Ev_Iz_64_r, NAME##_Gv_Ev_64_m)           \
DESTINATION_MEMORY(8, fn, NAME##_Eb_Gb_m, NAME##_Eb_Ib_m)                                       \
DESTINATION_MEMORY(16, fn, NAME##_Ev_Gv_16_m, NAME##_Ev_Iz_16_m)                                \
DESTINATION_MEMORY(32, fn, NAME##_Ev_Gv_32_m, NAME##_Ev_Iz_32_m)                                \
DESTINATION_MEMORY(64, fn, NAME##_Ev_Gv_64_m, NAME##_Ev_Iz_64_m)

ALU(ADD, add)
ALU(OR, or)
ALU(ADC, adc)
ALU(SBB, sbb)
ALU(AND, and)
ALU(SUB, sub)
ALU(XOR, xor)

/* The same without a result: CMP and TEST. */
#define COMPARE_W(W, fn, reg_reg, reg_imm, mem_reg, mem_imm)                                    \
HANDLER(op_##reg_reg)                                                                           \
{                                                                                               \
	alu_##fn##_##W(cpu, reg##W(cpu, i->dst), reg##W(cpu, i->src));                          \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##reg_imm)                                                                           \
{                                                                                               \
	alu_##fn##_##W(cpu, reg##W(cpu, i->dst), (uint##W##_t)i->imm);                          \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##mem_reg)                                                                    \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	alu_##fn##_##W(cpu, value, reg##W(cpu, i->src));                                        \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##mem_imm)                                                                    \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	alu_##fn##_##W(cpu, value, (uint##W##_t)i->imm);                                        \
	NEXT(cpu, i);                                                                           \
}
#define COMPARE(NAME, fn)                                                                       \
COMPARE_W(8, fn, NAME##_Eb_Gb_r, NAME##_Eb_Ib_r, NAME##_Eb_Gb_m, NAME##_Eb_Ib_m)                \
COMPARE_W(16, fn, NAME##_Ev_Gv_16_r, NAME##_Ev_Iz_16_r, NAME##_Ev_Gv_16_m, NAME##_Ev_Iz_16_m)   \
COMPARE_W(32, fn, NAME##_Ev_Gv_32_r, NAME##_Ev_Iz_32_r, NAME##_Ev_Gv_32_m, NAME##_Ev_Iz_32_m)   \
COMPARE_W(64, fn, NAME##_Ev_Gv_64_r, NAME##_Ev_Iz_64_r, NAME##_Ev_Gv_64_m, NAME##_Ev_Iz_64_m)

COMPARE(CMP, sub)
COMPARE(TEST, and)

#define CMP_REG_MEM(W, name)                                                                    \
MEMORY_HANDLER(op_##name)                                                                       \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	alu_sub_##W(cpu, reg##W(cpu, i->dst), value);                                           \
	NEXT(cpu, i);                                                                           \
}
CMP_REG_MEM(8, CMP_Gb_Eb_m)
CMP_REG_MEM(16, CMP_Gv_Ev_16_m)
CMP_REG_MEM(32, CMP_Gv_Ev_32_m)
CMP_REG_MEM(64, CMP_Gv_Ev_64_m)

/* One operand. */
#define UNARY_W(W, fn, name_r, name_m)                                                          \
HANDLER(op_##name_r)                                                                            \
{                                                                                               \
	set_reg##W(cpu, i->dst, fn##_##W(cpu, reg##W(cpu, i->dst)));                            \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##name_m)                                                                     \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	uint##W##_t value;                                                                      \
	uint8_t *host;                                                                          \
                                                                                                \
	if (!hot_modify##W(cpu, i, slow, linear, &value, &host))                                \
		return otherwise(cpu, i);                                                       \
	hot_modified##W(cpu, slow, linear, fn##_##W(cpu, value), host);                         \
	NEXT(cpu, i);                                                                           \
}
#define UNARY(NAME, fn)                                                                         \
UNARY_W(8, fn, NAME##_Eb_r, NAME##_Eb_m)                                                        \
UNARY_W(16, fn, NAME##_Ev_16_r, NAME##_Ev_16_m)                                                 \
UNARY_W(32, fn, NAME##_Ev_32_r, NAME##_Ev_32_m) \
UNARY_W(64, fn, NAME##_Ev_64_r, NAME##_Ev_64_m)

static INLINE uint8_t not_8(struct cpu *cpu, uint8_t a) { (void)cpu; return (uint8_t)~a; }
static INLINE uint16_t not_16(struct cpu *cpu, uint16_t a) { (void)cpu; return (uint16_t)~a; }
static INLINE uint32_t not_32(struct cpu *cpu, uint32_t a) { (void)cpu; return ~a; }
static INLINE uint64_t not_64(struct cpu *cpu, uint64_t a) { (void)cpu; return ~a; }

UNARY(INC, alu_inc)
UNARY(DEC, alu_dec)
UNARY(NEG, alu_neg)
UNARY(NOT, not)

/* XADD and CMPXCHG: memory gets a sum or a new value, a register the old one. */
#define EXCHANGE_W(W, xadd_r, xadd_m, cmpxchg_r, cmpxchg_m, accumulator)                        \
HANDLER(op_##xadd_r)                                                                            \
{                                                                                               \
	uint##W##_t old = reg##W(cpu, i->dst), add = reg##W(cpu, i->src);                       \
                                                                                                \
	set_reg##W(cpu, i->src, old);                                                           \
	set_reg##W(cpu, i->dst, alu_add_##W(cpu, old, add));                                    \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##xadd_m)                                                                     \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	uint##W##_t old;                                                                        \
	uint8_t *host;                                                                          \
                                                                                                \
	if (!hot_modify##W(cpu, i, slow, linear, &old, &host))                                  \
		return otherwise(cpu, i);                                                       \
	hot_modified##W(cpu, slow, linear, alu_add_##W(cpu, old, reg##W(cpu, i->src)), host);   \
	set_reg##W(cpu, i->src, old);                                                           \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##cmpxchg_r)                                                                         \
{                                                                                               \
	uint##W##_t old = reg##W(cpu, i->dst);                                                  \
                                                                                                \
	alu_sub_##W(cpu, reg##W(cpu, accumulator), old);                                        \
	if (flag_zf(cpu))                                                                       \
		set_reg##W(cpu, i->dst, reg##W(cpu, i->src));                                   \
	else                                                                                    \
		set_reg##W(cpu, accumulator, old);                                              \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##cmpxchg_m)                                                                  \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	uint##W##_t old;                                                                        \
	uint8_t *host;                                                                          \
                                                                                                \
	if (!hot_modify##W(cpu, i, slow, linear, &old, &host))                                  \
		return otherwise(cpu, i);                                                       \
	alu_sub_##W(cpu, reg##W(cpu, accumulator), old);                                        \
	/* The destination is written in either case (SDM 2A, CMPXCHG). */                      \
	hot_modified##W(cpu, slow, linear, flag_zf(cpu) ? reg##W(cpu, i->src) : old, host);     \
	if (!flag_zf(cpu))                                                                      \
		set_reg##W(cpu, accumulator, old);                                              \
	NEXT(cpu, i);                                                                           \
}
EXCHANGE_W(8, XADD_Eb_Gb_r, XADD_Eb_Gb_m, CMPXCHG_Eb_Gb_r, CMPXCHG_Eb_Gb_m, BYTE_REGISTER_AL)
EXCHANGE_W(16, XADD_Ev_Gv_16_r, XADD_Ev_Gv_16_m, CMPXCHG_Ev_Gv_16_r, CMPXCHG_Ev_Gv_16_m, REG_AX)
EXCHANGE_W(32, XADD_Ev_Gv_32_r, XADD_Ev_Gv_32_m, CMPXCHG_Ev_Gv_32_r, CMPXCHG_Ev_Gv_32_m, REG_AX)
EXCHANGE_W(64, XADD_Ev_Gv_64_r, XADD_Ev_Gv_64_m, CMPXCHG_Ev_Gv_64_r, CMPXCHG_Ev_Gv_64_m, REG_AX)

HANDLER(op_CMPXCHG8B_M2y_32)
{
	uint64_t linear = ea(cpu, i), old, accumulator;
	uint8_t *host;
	bool equal;

	if (!modify64(cpu, i, linear, &old, &host))
		return cpu_fault(cpu, i);
	accumulator = cpu->reg[REG_DX] << 32 | (uint32_t)cpu->reg[REG_AX];
	equal = old == accumulator;
	if (equal)
		modified64(cpu, linear, cpu->reg[REG_CX] << 32 | (uint32_t)cpu->reg[REG_BX], host);
	else
		modified64(cpu, linear, old, host);
	if (!equal) {
		cpu->reg[REG_AX] = (uint32_t)old;
		cpu->reg[REG_DX] = old >> 32;
	}
	flag_set_zf(cpu, equal);
	NEXT(cpu, i);
}
