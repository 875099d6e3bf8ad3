/*
 * The commonest instructions with a memory operand that has no index: base and
 * displacement alone make the address (after an op_EA record always).  They mean what the
 * handlers they stand for mean, with a shorter way to the address; what the fast TLB does not
 * serve is left to those.
 */
#include "access.h"
#include "flags.h"
#include "handlers.h"
#include "plain.h"

#define WIDTH 8
#include "alu.h"
#define WIDTH 32
#include "alu.h"
#define WIDTH 64
#include "alu.h"

static INLINE uint64_t plain_ea(const struct cpu *cpu, const struct insn *i)
{
	return (cpu->reg[i->base] + (uint64_t)i->displacement) & cpu->linear_mask;
}

#define PLAIN_LOAD(name, W, F, type)                                                            \
HANDLER(op_##name##_slow);                                                                      \
HANDLER(plain_##name);                                                                  \
HANDLER(plain_##name)                                                                   \
{                                                                                               \
	uint##F##_t value;                                                                      \
                                                                                                \
	if (!hot_load##F(cpu, i, false, plain_ea(cpu, i), &value))                              \
		return op_##name##_slow(cpu, i);                                                \
	set_reg##W(cpu, i->dst, (uint##W##_t)(type)value);                                      \
	NEXT(cpu, i);                                                                           \
}
PLAIN_LOAD(MOV_Gb_Eb_m, 8, 8, uint8_t)
PLAIN_LOAD(MOV_Gv_Ev_16_m, 16, 16, uint16_t)
PLAIN_LOAD(MOV_Gv_Ev_32_m, 32, 32, uint32_t)
PLAIN_LOAD(MOVZX_Gv_Eb_32_m, 32, 8, uint8_t)
PLAIN_LOAD(MOVZX_Gv_Ew_32_m, 32, 16, uint16_t)
PLAIN_LOAD(MOVSX_Gv_Eb_32_m, 32, 8, int8_t)
PLAIN_LOAD(MOVSX_Gv_Ew_32_m, 32, 16, int16_t)
PLAIN_LOAD(MOV_Gv_Ev_64_m, 64, 64, uint64_t)
PLAIN_LOAD(MOVSXD_Gv_Ed_64_m, 64, 32, int32_t)

#define PLAIN_STORE(name, W, what)                                                              \
HANDLER(op_##name##_slow);                                                                      \
HANDLER(plain_##name);                                                                  \
HANDLER(plain_##name)                                                                   \
{                                                                                               \
	if (!hot_store##W(cpu, i, false, plain_ea(cpu, i), what))                               \
		return op_##name##_slow(cpu, i);                                                \
	NEXT(cpu, i);                                                                           \
}
PLAIN_STORE(MOV_Eb_Gb_m, 8, reg8(cpu, i->src))
PLAIN_STORE(MOV_Ev_Gv_16_m, 16, reg16(cpu, i->src))
PLAIN_STORE(MOV_Ev_Gv_32_m, 32, reg32(cpu, i->src))
PLAIN_STORE(MOV_Eb_Ib_m, 8, (uint8_t)i->imm)
PLAIN_STORE(MOV_Ev_Iz_32_m, 32, (uint32_t)i->imm)
PLAIN_STORE(MOV_Ev_Gv_64_m, 64, reg64(cpu, i->src))
PLAIN_STORE(MOV_Ev_Iz_64_m, 64, i->imm)

#define PLAIN_ALU(W, NAME, fn)                                                                  \
HANDLER(op_##NAME##_Gv_Ev_##W##_m_slow);                                                        \
static HANDLER(plain_##NAME##_Gv_Ev_##W##_m)                                                    \
{                                                                                               \
	uint##W##_t value;                                                                         \
                                                                                                \
	if (!hot_load##W(cpu, i, false, plain_ea(cpu, i), &value))                              \
		return op_##NAME##_Gv_Ev_##W##_m_slow(cpu, i);                                  \
	set_reg##W(cpu, i->dst, alu_##fn##_##W(cpu, reg##W(cpu, i->dst), value));                  \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##NAME##_Ev_Gv_##W##_m_slow);                                                        \
static HANDLER(plain_##NAME##_Ev_Gv_##W##_m)                                                    \
{                                                                                               \
	uint64_t linear = plain_ea(cpu, i);                                                     \
	uint##W##_t value;                                                                         \
	uint8_t *host;                                                                          \
                                                                                                \
	if (!hot_modify##W(cpu, i, false, linear, &value, &host))                               \
		return op_##NAME##_Ev_Gv_##W##_m_slow(cpu, i);                                  \
	hot_modified##W(cpu, false, linear, alu_##fn##_##W(cpu, value, reg##W(cpu, i->src)), host); \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##NAME##_Ev_Iz_##W##_m_slow);                                                        \
static HANDLER(plain_##NAME##_Ev_Iz_##W##_m)                                                    \
{                                                                                               \
	uint64_t linear = plain_ea(cpu, i);                                                     \
	uint##W##_t value;                                                                         \
	uint8_t *host;                                                                          \
                                                                                                \
	if (!hot_modify##W(cpu, i, false, linear, &value, &host))                               \
		return op_##NAME##_Ev_Iz_##W##_m_slow(cpu, i);                                  \
	hot_modified##W(cpu, false, linear, alu_##fn##_##W(cpu, value, (uint##W##_t)i->imm), host); \
	NEXT(cpu, i);                                                                           \
}
PLAIN_ALU(32, ADD, add)
PLAIN_ALU(64, ADD, add)
PLAIN_ALU(32, SUB, sub)
PLAIN_ALU(64, SUB, sub)
PLAIN_ALU(32, AND, and)
PLAIN_ALU(64, AND, and)
PLAIN_ALU(32, OR, or)
PLAIN_ALU(64, OR, or)
PLAIN_ALU(32, XOR, xor)
PLAIN_ALU(64, XOR, xor)

HANDLER(plain_LEA_Gv_M_32);
HANDLER(plain_LEA_Gv_M_32)
{
	set_reg32(cpu, i->dst, (uint32_t)plain_ea(cpu, i));
	NEXT(cpu, i);
}

HANDLER(plain_LEA_Gv_M_64);
HANDLER(plain_LEA_Gv_M_64)
{
	set_reg64(cpu, i->dst, cpu->reg[i->base] + (uint64_t)i->displacement);
	NEXT(cpu, i);
}

static const struct {
	insn_fn *any, *plain;
} handlers[] = {
#define PLAIN(name) { op_##name, plain_##name },
	PLAIN(MOV_Gv_Ev_32_m) PLAIN(MOV_Ev_Gv_32_m) PLAIN(MOV_Gb_Eb_m) PLAIN(MOV_Eb_Gb_m)
	PLAIN(MOV_Gv_Ev_16_m) PLAIN(MOV_Ev_Gv_16_m) PLAIN(MOV_Eb_Ib_m) PLAIN(MOV_Ev_Iz_32_m)
	PLAIN(MOVZX_Gv_Eb_32_m) PLAIN(MOVZX_Gv_Ew_32_m) PLAIN(MOVSX_Gv_Eb_32_m)
	PLAIN(MOVSX_Gv_Ew_32_m) PLAIN(MOV_Gv_Ev_64_m) PLAIN(MOV_Ev_Gv_64_m) PLAIN(MOV_Ev_Iz_64_m)
	PLAIN(MOVSXD_Gv_Ed_64_m)
#define PLAIN3(NAME) PLAIN(NAME##_Gv_Ev_32_m) PLAIN(NAME##_Ev_Gv_32_m) PLAIN(NAME##_Ev_Iz_32_m) \
	PLAIN(NAME##_Gv_Ev_64_m) PLAIN(NAME##_Ev_Gv_64_m) PLAIN(NAME##_Ev_Iz_64_m)
	PLAIN3(ADD) PLAIN3(SUB) PLAIN3(AND) PLAIN3(OR) PLAIN3(XOR)
};

insn_fn *plain_handler(insn_fn *any, const struct insn *i)
{
	if (i->index != REG_ZERO)
		return any;
	/* LEA's offset is cut to the address size. */
	if (any == op_LEA_Gv_M_32)
		return i->flags & INSN_ADDRESS16 ? any : plain_LEA_Gv_M_32;
	if (any == op_LEA_Gv_M_64)
		return i->flags & INSN_ADDRESS64 ? plain_LEA_Gv_M_64 : any;
	for (size_t n = 0; n < sizeof handlers / sizeof handlers[0]; n++)
		if (handlers[n].any == any)
			return handlers[n].plain;
	return any;
}
