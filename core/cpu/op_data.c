/*
 * MOV, MOVZX, MOVSX, XCHG, LEA, PUSH, POP, LEAVE, ENTER, PUSHA, POPA, CMOVcc, SETcc, CBW, CWD,
 * BSWAP, XLAT, LAHF, SAHF, flag instructions, NOP (SDM volume 2).
 */
#include "access.h"
#include "flags.h"
#include "handlers.h"
#include "conditions.h"

#define MOVES(W, reg_reg, reg_imm, mem_reg, reg_mem, mem_imm)                                   \
HANDLER(op_##reg_reg)                                                                           \
{                                                                                               \
	set_reg##W(cpu, i->dst, reg##W(cpu, i->src));                                           \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##reg_imm)                                                                           \
{                                                                                               \
	set_reg##W(cpu, i->dst, (uint##W##_t)i->imm);                                           \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##mem_reg)                                                                    \
{                                                                                               \
	if (!hot_store##W(cpu, i, slow, ea(cpu, i), reg##W(cpu, i->src)))                       \
		return otherwise(cpu, i);                                                       \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##reg_mem)                                                                    \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	set_reg##W(cpu, i->dst, value);                                                         \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##mem_imm)                                                                    \
{                                                                                               \
	if (!hot_store##W(cpu, i, slow, ea(cpu, i), (uint##W##_t)i->imm))                       \
		return otherwise(cpu, i);                                                       \
	NEXT(cpu, i);                                                                           \
}
MOVES(8, MOV_Eb_Gb_r, MOV_Eb_Ib_r, MOV_Eb_Gb_m, MOV_Gb_Eb_m, MOV_Eb_Ib_m)
MOVES(16, MOV_Ev_Gv_16_r, MOV_Ev_Iz_16_r, MOV_Ev_Gv_16_m, MOV_Gv_Ev_16_m, MOV_Ev_Iz_16_m)
MOVES(32, MOV_Ev_Gv_32_r, MOV_Ev_Iz_32_r, MOV_Ev_Gv_32_m, MOV_Gv_Ev_32_m, MOV_Ev_Iz_32_m)
MOVES(64, MOV_Ev_Gv_64_r, MOV_Ev_Iz_64_r, MOV_Ev_Gv_64_m, MOV_Gv_Ev_64_m, MOV_Ev_Iz_64_m)

#define EXTEND(W, F, type, reg_reg, reg_mem)                                                    \
HANDLER(op_##reg_reg)                                                                           \
{                                                                                               \
	set_reg##W(cpu, i->dst, (uint##W##_t)(type)reg##F(cpu, i->src));                        \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##reg_mem)                                                                    \
{                                                                                               \
	uint##F##_t value;                                                                      \
                                                                                                \
	if (!hot_load##F(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	set_reg##W(cpu, i->dst, (uint##W##_t)(type)value);                                      \
	NEXT(cpu, i);                                                                           \
}
EXTEND(16, 8, uint8_t, MOVZX_Gv_Eb_16_r, MOVZX_Gv_Eb_16_m)
EXTEND(32, 8, uint8_t, MOVZX_Gv_Eb_32_r, MOVZX_Gv_Eb_32_m)
EXTEND(64, 8, uint8_t, MOVZX_Gv_Eb_64_r, MOVZX_Gv_Eb_64_m)
EXTEND(16, 16, uint16_t, MOVZX_Gv_Ew_16_r, MOVZX_Gv_Ew_16_m)
EXTEND(32, 16, uint16_t, MOVZX_Gv_Ew_32_r, MOVZX_Gv_Ew_32_m)
EXTEND(64, 16, uint16_t, MOVZX_Gv_Ew_64_r, MOVZX_Gv_Ew_64_m)
EXTEND(16, 8, int8_t, MOVSX_Gv_Eb_16_r, MOVSX_Gv_Eb_16_m)
EXTEND(32, 8, int8_t, MOVSX_Gv_Eb_32_r, MOVSX_Gv_Eb_32_m)
EXTEND(64, 8, int8_t, MOVSX_Gv_Eb_64_r, MOVSX_Gv_Eb_64_m)
EXTEND(16, 16, int16_t, MOVSX_Gv_Ew_16_r, MOVSX_Gv_Ew_16_m)
EXTEND(32, 16, int16_t, MOVSX_Gv_Ew_32_r, MOVSX_Gv_Ew_32_m)
EXTEND(64, 16, int16_t, MOVSX_Gv_Ew_64_r, MOVSX_Gv_Ew_64_m)

EXTEND(16, 16, int16_t, MOVSXD_Gv_Ed_16_r, MOVSXD_Gv_Ed_16_m)
EXTEND(32, 32, int32_t, MOVSXD_Gv_Ed_32_r, MOVSXD_Gv_Ed_32_m)
EXTEND(64, 32, int32_t, MOVSXD_Gv_Ed_64_r, MOVSXD_Gv_Ed_64_m)

#define EXCHANGE(W, reg_reg, mem_reg)                                                           \
HANDLER(op_##reg_reg)                                                                           \
{                                                                                               \
	uint##W##_t value = reg##W(cpu, i->dst);                                                \
                                                                                                \
	set_reg##W(cpu, i->dst, reg##W(cpu, i->src));                                           \
	set_reg##W(cpu, i->src, value);                                                         \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##mem_reg)                                                                    \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	uint##W##_t value;                                                                      \
	uint8_t *host;                                                                          \
                                                                                                \
	if (!hot_modify##W(cpu, i, slow, linear, &value, &host))                                \
		return otherwise(cpu, i);                                                       \
	hot_modified##W(cpu, slow, linear, reg##W(cpu, i->src), host);                          \
	set_reg##W(cpu, i->src, value);                                                         \
	NEXT(cpu, i);                                                                           \
}
EXCHANGE(8, XCHG_Eb_Gb_r, XCHG_Eb_Gb_m)
EXCHANGE(16, XCHG_Ev_Gv_16_r, XCHG_Ev_Gv_16_m)
EXCHANGE(32, XCHG_Ev_Gv_32_r, XCHG_Ev_Gv_32_m)
EXCHANGE(64, XCHG_Ev_Gv_64_r, XCHG_Ev_Gv_64_m)

/* The offset, not the linear address: no segment base, cut to the address size. */
static INLINE uint64_t effective_offset(const struct cpu *cpu, const struct insn *i)
{
	uint64_t offset = cpu->reg[i->base] + (cpu->reg[i->index] << i->scale) +
			  (uint64_t)i->displacement;

	return offset & address_mask(i);
}

HANDLER(op_LEA_Gv_M_16)
{
	set_reg16(cpu, i->dst, (uint16_t)effective_offset(cpu, i));
	NEXT(cpu, i);
}

HANDLER(op_LEA_Gv_M_32)
{
	set_reg32(cpu, i->dst, (uint32_t)effective_offset(cpu, i));
	NEXT(cpu, i);
}

HANDLER(op_LEA_Gv_M_64)
{
	set_reg64(cpu, i->dst, effective_offset(cpu, i));
	NEXT(cpu, i);
}

/* ---- Stack, flat: 32-bit operands with a flat 32-bit SS, and 64-bit mode ---------------------------------- */

#define FLAT_STACK(W, suffix)                                                                   \
MEMORY_HANDLER(op_PUSH_Zv_##suffix)                                                             \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)(cpu->reg[REG_SP] - W / 8);                               \
                                                                                                \
	if (!hot_store##W(cpu, i, slow, sp, reg##W(cpu, i->dst)))                               \
		return otherwise(cpu, i);                                                       \
	cpu->reg[REG_SP] = sp;                                                                  \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_PUSH_Iz_##suffix)                                                             \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)(cpu->reg[REG_SP] - W / 8);                               \
                                                                                                \
	if (!hot_store##W(cpu, i, slow, sp, (uint##W##_t)i->imm))                               \
		return otherwise(cpu, i);                                                       \
	cpu->reg[REG_SP] = sp;                                                                  \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_PUSH_Ev_##suffix##_m)                                                         \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)(cpu->reg[REG_SP] - W / 8), value;                        \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	if (slow && W == 64 && !stack_canonical(sp, W / 8))                                     \
		return cpu_fault_ss0(cpu, i);                                                   \
	if (!hot_store##W(cpu, i, slow, sp, value))                                             \
		return otherwise(cpu, i);                                                       \
	cpu->reg[REG_SP] = sp;                                                                  \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_POP_Zv_##suffix)                                                              \
{                                                                                               \
	uint##W##_t sp = (uint##W##_t)cpu->reg[REG_SP], value;                                  \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, sp, &value))                                             \
		return otherwise(cpu, i);                                                       \
	cpu->reg[REG_SP] = (uint##W##_t)(sp + W / 8);                                           \
	set_reg##W(cpu, i->dst, value);                                                         \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_LEAVE_##suffix)                                                               \
{                                                                                               \
	uint##W##_t bp = (uint##W##_t)cpu->reg[REG_BP], value;                                  \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, bp, &value))                                             \
		return otherwise(cpu, i);                                                       \
	cpu->reg[REG_SP] = (uint##W##_t)(bp + W / 8);                                           \
	set_reg##W(cpu, REG_BP, value);                                                         \
	NEXT(cpu, i);                                                                           \
}
FLAT_STACK(32, flat)
FLAT_STACK(64, 64)

/* ---- Stack, any ------------------------------------------------------------------------------ */

static INLINE const struct insn *push_value(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t value)
{
	if (!push_one(cpu, i, width, value))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_PUSH_Zv_16) { return push_value(cpu, i, 2, reg16(cpu, i->dst)); }
HANDLER(op_PUSH_Zv_32) { return push_value(cpu, i, 4, reg32(cpu, i->dst)); }
HANDLER(op_PUSH_Iz_16) { return push_value(cpu, i, 2, (uint16_t)i->imm); }
HANDLER(op_PUSH_Iz_32) { return push_value(cpu, i, 4, (uint32_t)i->imm); }
HANDLER(op_PUSH_Ev_16_r) { return push_value(cpu, i, 2, reg16(cpu, i->dst)); }
HANDLER(op_PUSH_Ev_32_r) { return push_value(cpu, i, 4, reg32(cpu, i->dst)); }

MEMORY_HANDLER(op_PUSH_Ev_16_m)
{
	uint16_t value;

	if (!hot_load16(cpu, i, slow, ea(cpu, i), &value))
		return otherwise(cpu, i);
	return push_value(cpu, i, 2, value);
}

MEMORY_HANDLER(op_PUSH_Ev_32_m)
{
	uint32_t value;

	if (!hot_load32(cpu, i, slow, ea(cpu, i), &value))
		return otherwise(cpu, i);
	return push_value(cpu, i, 4, value);
}

static INLINE const struct insn *pop_register(struct cpu *cpu, const struct insn *i, unsigned width)
{
	if (!pop_one(cpu, i, width))
		return cpu_fault(cpu, i);
	reg_set(cpu, i->dst, width, cpu->loaded);
	NEXT(cpu, i);
}

HANDLER(op_POP_Zv_16) { return pop_register(cpu, i, 2); }
HANDLER(op_POP_Zv_32) { return pop_register(cpu, i, 4); }
HANDLER(op_POP_Ev_16_r) { return pop_register(cpu, i, 2); }
HANDLER(op_POP_Ev_32_r) { return pop_register(cpu, i, 4); }
HANDLER(op_POP_Ev_64_r) { return pop_register(cpu, i, 8); }
HANDLER(op_POP_Ev_flat_r) { return pop_register(cpu, i, 4); }

/* The address of the destination is computed with ESP already incremented (SDM 2B, POP). */
static INLINE const struct insn *pop_memory(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t old_sp = cpu->reg[REG_SP], value;

	if (!pop_one(cpu, i, width))
		return cpu_fault(cpu, i);
	value = cpu->loaded;
	if (!segment_address(cpu, i->segment, effective_offset(cpu, i), width, true) ||
	    !store_width(cpu, i, cpu->loaded, width, value)) {
		cpu->reg[REG_SP] = old_sp;
		return cpu_fault(cpu, i);
	}
	NEXT(cpu, i);
}

HANDLER(op_POP_Ev_16_m) { return pop_memory(cpu, i, 2); }
HANDLER(op_POP_Ev_32_m) { return pop_memory(cpu, i, 4); }
HANDLER(op_POP_Ev_64_m) { return pop_memory(cpu, i, 8); }
HANDLER(op_POP_Ev_flat_m) { return pop_memory(cpu, i, 4); }

static NOINLINE bool leave(struct cpu *cpu, const struct insn *i, unsigned width)
{
	struct stack stack;
	uint64_t value;

	stack_begin(cpu, &stack, i);
	stack.sp = cpu->reg[REG_BP] & stack.mask;
	if (!stack_pop(cpu, &stack, width, &value))
		return false;
	stack_commit(cpu, &stack);
	reg_set(cpu, REG_BP, width, value);
	return true;
}

HANDLER(op_LEAVE_16)
{
	if (!leave(cpu, i, 2))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_LEAVE_32)
{
	if (!leave(cpu, i, 4))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

/* imm: frame size, and the nesting level in bits 32-36. */
static NOINLINE bool enter(struct cpu *cpu, const struct insn *i)
{
	unsigned level = (unsigned)(i->imm >> 32) & 31, width = i->width;
	uint64_t size = i->imm & 0xffff, frame, old, from, linear;
	struct stack stack;

	stack_begin(cpu, &stack, i);
	if (!stack_push(cpu, &stack, width, reg_get(cpu, REG_BP, width)))
		return false;
	/* All of ESP, as processors do, also where the stack uses SP only. */
	frame = (cpu->reg[REG_SP] & ~stack.mask) | stack.sp;
	from = cpu->reg[REG_BP];
	for (unsigned n = 1; n < level; n++) {
		from = (from - width) & stack.mask;
		if (!segment_linear(cpu, SEG_SS, from, width, false, &linear) ||
		    !load_width(cpu, i, linear, width, &old) ||
		    !stack_push(cpu, &stack, width, old))
			return false;
	}
	if (level && !stack_push(cpu, &stack, width, frame))
		return false;
	stack.sp = (stack.sp - size) & stack.mask;
	/* The new top must be writable (SDM 2A, ENTER: page fault or #SS without a change). */
	if (!segment_linear(cpu, SEG_SS, stack.sp, width, true, &linear) ||
	    !store_check(cpu, i, linear, width))
		return false;
	stack_commit(cpu, &stack);
	reg_set(cpu, REG_BP, width, frame);
	return true;
}

HANDLER_OF(op_ENTER_Iw_Ib, enter)

static NOINLINE bool pusha(struct cpu *cpu, const struct insn *i)
{
	unsigned width = i->width;
	struct stack stack;

	stack_begin(cpu, &stack, i);
	for (unsigned n = 0; n < 8; n++)
		if (!stack_push(cpu, &stack, width, reg_get(cpu, (uint8_t)n, width)))
			return false;
	stack_commit(cpu, &stack);
	return true;
}

HANDLER_OF(op_PUSHA, pusha)

static NOINLINE bool popa(struct cpu *cpu, const struct insn *i)
{
	unsigned width = i->width;
	uint64_t values[8];
	struct stack stack;

	stack_begin(cpu, &stack, i);
	for (unsigned n = 8; n-- > 0;)
		if (!stack_pop(cpu, &stack, width, &values[n]))
			return false;
	stack_commit(cpu, &stack);
	for (unsigned n = 0; n < 8; n++)
		if (n != REG_SP)
			reg_set(cpu, (uint8_t)n, width, values[n]);
	return true;
}

HANDLER_OF(op_POPA, popa)

/* ---- Conditions ---------------------------------------------------------------------------------- */

#define CONDITIONAL(cc, condition)                                                              \
HANDLER(op_SET##cc##_Eb_r)                                                                      \
{                                                                                               \
	set_reg8(cpu, i->dst, condition(cpu));                                                  \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_SET##cc##_Eb_m)                                                                      \
{                                                                                               \
	if (!store8(cpu, i, ea(cpu, i), condition(cpu)))                                        \
		return cpu_fault(cpu, i);                                                       \
	NEXT(cpu, i);                                                                           \
}
CONDITIONS(CONDITIONAL)

/* A false condition still clears the upper half of a 32-bit destination in 64-bit mode. */
#define CONDITIONAL_MOVE(W, cc, condition, when_not)                                            \
HANDLER(op_CMOV##cc##_Gv_Ev_##W##_r)                                                            \
{                                                                                               \
	if (condition(cpu))                                                                     \
		set_reg##W(cpu, i->dst, reg##W(cpu, i->src));                                   \
	else                                                                                    \
		when_not;                                                                       \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_CMOV##cc##_Gv_Ev_##W##_m)                                                            \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!load##W(cpu, i, ea(cpu, i), &value))                                               \
		return cpu_fault(cpu, i);                                                       \
	if (condition(cpu))                                                                     \
		set_reg##W(cpu, i->dst, value);                                                 \
	else                                                                                    \
		when_not;                                                                       \
	NEXT(cpu, i);                                                                           \
}
#define CONDITIONAL_MOVES(cc, condition)                                                        \
CONDITIONAL_MOVE(16, cc, condition, (void)0)                                                    \
CONDITIONAL_MOVE(32, cc, condition, set_reg32(cpu, i->dst, reg32(cpu, i->dst)))                 \
CONDITIONAL_MOVE(64, cc, condition, (void)0)
CONDITIONS(CONDITIONAL_MOVES)

/* ---- The rest ------------------------------------------------------------------------------------- */

HANDLER(op_NOP) { NEXT(cpu, i); }

HANDLER(op_CBW_16) { set_reg16(cpu, REG_AX, (uint16_t)(int8_t)cpu->reg[REG_AX]); NEXT(cpu, i); }
HANDLER(op_CBW_32) { set_reg32(cpu, REG_AX, (uint32_t)(int16_t)cpu->reg[REG_AX]); NEXT(cpu, i); }
HANDLER(op_CBW_64) { set_reg64(cpu, REG_AX, (uint64_t)(int32_t)cpu->reg[REG_AX]); NEXT(cpu, i); }
HANDLER(op_CWD_16)
{
	set_reg16(cpu, REG_DX, (uint16_t)((int16_t)cpu->reg[REG_AX] >> 15));
	NEXT(cpu, i);
}
HANDLER(op_CWD_32)
{
	set_reg32(cpu, REG_DX, (uint32_t)((int32_t)cpu->reg[REG_AX] >> 31));
	NEXT(cpu, i);
}

HANDLER(op_CWD_64)
{
	set_reg64(cpu, REG_DX, (uint64_t)((int64_t)cpu->reg[REG_AX] >> 63));
	NEXT(cpu, i);
}

/* 16-bit BSWAP is undefined; processors clear the register's low word. */
HANDLER(op_BSWAP_Zv)
{
	if (i->width == 2)
		set_reg16(cpu, i->dst, 0);
	else if (i->width == 8)
		set_reg64(cpu, i->dst, swap64(reg64(cpu, i->dst)));
	else
		set_reg32(cpu, i->dst, swap32(reg32(cpu, i->dst)));
	NEXT(cpu, i);
}

static NOINLINE bool xlat(struct cpu *cpu, const struct insn *i)
{
	uint64_t offset = cpu->reg[REG_BX] + (uint8_t)cpu->reg[REG_AX], linear;
	uint8_t value;

	offset &= address_mask(i);
	if (!segment_linear(cpu, i->segment, offset, 1, false, &linear) ||
	    !load8(cpu, i, linear, &value))
		return false;
	set_reg8(cpu, BYTE_REGISTER_AL, value);
	return true;
}

HANDLER_OF(op_XLAT, xlat)

/* The first 64-bit processors had LAHF and SAHF in the other modes only. */
static INLINE bool lahf_absent(const struct cpu *cpu)
{
	return unlikely((cpu->mode & MODE_64) && !(cpu->model->features & FEAT_LAHF64));
}

HANDLER(op_LAHF)
{
	uint32_t flags = flags_arithmetic(cpu) & (FLAGS_ARITHMETIC & 0xff);

	if (lahf_absent(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	set_reg8(cpu, BYTE_REGISTER_AH, (uint8_t)(flags | FLAG_1));
	NEXT(cpu, i);
}

HANDLER(op_SAHF)
{
	uint32_t of = flags_arithmetic(cpu) & FLAG_OF;

	if (lahf_absent(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	flags_set_arithmetic(cpu, of | (reg8(cpu, BYTE_REGISTER_AH) & (FLAGS_ARITHMETIC & 0xff)));
	NEXT(cpu, i);
}

HANDLER(op_CLC) { flag_set_cf(cpu, false); NEXT(cpu, i); }
HANDLER(op_STC) { flag_set_cf(cpu, true); NEXT(cpu, i); }
HANDLER(op_CMC) { flag_set_cf(cpu, !flag_cf(cpu)); NEXT(cpu, i); }
HANDLER(op_CLD) { cpu->eflags &= ~(uint64_t)FLAG_DF; NEXT(cpu, i); }
HANDLER(op_STD) { cpu->eflags |= FLAG_DF; NEXT(cpu, i); }

/* Undocumented: AL is all copies of CF. */
HANDLER(op_SALC)
{
	set_reg8(cpu, BYTE_REGISTER_AL, flag_cf(cpu) ? 0xff : 0);
	NEXT(cpu, i);
}
