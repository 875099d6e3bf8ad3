/*
 * ROL, ROR, RCL, RCR, SHL, SHR, SAR, SHLD, SHRD (SDM volume 2).  Counts are masked to 5 bits, 6 for
 * 64-bit operands;
 * a count of 0 changes nothing, flags included.
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

#define COUNT_CL (reg8(cpu, BYTE_REGISTER_CL) & 31u)
#define COUNT_IB ((unsigned)i->imm & 31u)
#define COUNT_CL_64 (reg8(cpu, BYTE_REGISTER_CL) & 63u)
#define COUNT_IB_64 ((unsigned)i->imm & 63u)

#define SHIFT_REGISTER(W, fn, name, count)                                                      \
HANDLER(name)                                                                                   \
{                                                                                               \
	set_reg##W(cpu, i->dst, alu_##fn##_##W(cpu, reg##W(cpu, i->dst), count));               \
	NEXT(cpu, i);                                                                           \
}
#define SHIFT_MEMORY(W, fn, name, count)                                                        \
MEMORY_HANDLER(name)                                                                            \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	uint##W##_t value;                                                                      \
	uint8_t *host;                                                                          \
                                                                                                \
	if (!hot_modify##W(cpu, i, slow, linear, &value, &host))                                \
		return otherwise(cpu, i);                                                       \
	hot_modified##W(cpu, slow, linear, alu_##fn##_##W(cpu, value, count), host);            \
	NEXT(cpu, i);                                                                           \
}
/* Byte shifts are rare: one handler for both forms.  The operand comes in cpu->loaded. */
static bool modify_byte(struct cpu *cpu, const struct insn *i)
{
	if (i->flags & INSN_MEMORY)
		return modify_slow(cpu, i, ea(cpu, i), 1);
	cpu->loaded = reg8(cpu, i->rm);
	return true;
}

#define SHIFT_BYTE(fn, name, count)                                                             \
HANDLER(name)                                                                                   \
{                                                                                               \
	if (!modify_byte(cpu, i))                                                               \
		return cpu_fault(cpu, i);                                                       \
	operand_modified(cpu, i, alu_##fn##_8(cpu, (uint8_t)cpu->loaded, count));               \
	NEXT(cpu, i);                                                                           \
}
#define SHIFTS(NAME, fn)                                                                        \
SHIFT_BYTE(fn, op_##NAME##_Eb_Ib, COUNT_IB)                                                     \
SHIFT_BYTE(fn, op_##NAME##_Eb_CL, COUNT_CL)                                                     \
SHIFT_REGISTER(16, fn, op_##NAME##_Ev_Ib_16_r, COUNT_IB)                                        \
SHIFT_REGISTER(32, fn, op_##NAME##_Ev_Ib_32_r, COUNT_IB)                                        \
SHIFT_REGISTER(16, fn, op_##NAME##_Ev_CL_16_r, COUNT_CL)                                        \
SHIFT_REGISTER(32, fn, op_##NAME##_Ev_CL_32_r, COUNT_CL)                                        \
SHIFT_MEMORY(16, fn, op_##NAME##_Ev_Ib_16_m, COUNT_IB)                                          \
SHIFT_MEMORY(32, fn, op_##NAME##_Ev_Ib_32_m, COUNT_IB)                                          \
SHIFT_MEMORY(16, fn, op_##NAME##_Ev_CL_16_m, COUNT_CL)                                          \
SHIFT_MEMORY(32, fn, op_##NAME##_Ev_CL_32_m, COUNT_CL)                                          \
SHIFT_REGISTER(64, fn, op_##NAME##_Ev_Ib_64_r, COUNT_IB_64)                                     \
SHIFT_REGISTER(64, fn, op_##NAME##_Ev_CL_64_r, COUNT_CL_64)                                     \
SHIFT_MEMORY(64, fn, op_##NAME##_Ev_Ib_64_m, COUNT_IB_64)                                       \
SHIFT_MEMORY(64, fn, op_##NAME##_Ev_CL_64_m, COUNT_CL_64)

SHIFTS(ROL, rol)
SHIFTS(ROR, ror)
SHIFTS(RCL, rcl)
SHIFTS(RCR, rcr)
SHIFTS(SHL, shl)
SHIFTS(SHR, shr)
SHIFTS(SAR, sar)

/* ---- Double shifts ------------------------------------------------------------------------ */

static uint32_t shld_32(struct cpu *cpu, uint32_t a, uint32_t b, unsigned count)
{
	uint32_t r;
	bool cf;

	if (!count)
		return a;
	r = a << count | b >> (32 - count);
	cf = a >> (32 - count) & 1;
	cpu->flag_result = (int32_t)r;
	cpu->flag_carry = (uint32_t)cf << 31 | (r >> 31) << 30;
	return r;
}

static uint32_t shrd_32(struct cpu *cpu, uint32_t a, uint32_t b, unsigned count)
{
	uint32_t r;
	bool cf, of;

	if (!count)
		return a;
	r = a >> count | b << (32 - count);
	cf = a >> (count - 1) & 1;
	of = (r >> 31 ^ r >> 30) & 1;
	cpu->flag_result = (int32_t)r;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30;
	return r;
}

static uint64_t shld_64(struct cpu *cpu, uint64_t a, uint64_t b, unsigned count)
{
	uint64_t r;
	bool cf;

	if (!count)
		return a;
	r = a << count | b >> (64 - count);
	cf = a >> (64 - count) & 1;
	cpu->flag_result = (int64_t)r;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)(r >> 63) << 30;
	return r;
}

static uint64_t shrd_64(struct cpu *cpu, uint64_t a, uint64_t b, unsigned count)
{
	uint64_t r;
	bool cf, of;

	if (!count)
		return a;
	r = a >> count | b << (64 - count);
	cf = a >> (count - 1) & 1;
	of = (r >> 63 ^ r >> 62) & 1;
	cpu->flag_result = (int64_t)r;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30;
	return r;
}

/*
 * 16-bit counts above 16 are undefined; processors go on shifting the second operand,
 * followed by the first again.
 */
static uint16_t shld_16(struct cpu *cpu, uint16_t a, uint16_t b, unsigned count)
{
	uint64_t all = (uint64_t)a << 32 | (uint64_t)b << 16 | a;
	uint16_t r;
	bool cf;

	if (!count)
		return a;
	r = (uint16_t)(all << count >> 32);
	cf = all >> (48 - count) & 1;
	cpu->flag_result = (int16_t)r;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)(r >> 15) << 30;
	return r;
}

static uint16_t shrd_16(struct cpu *cpu, uint16_t a, uint16_t b, unsigned count)
{
	uint64_t all = (uint64_t)a << 32 | (uint64_t)b << 16 | a;
	uint16_t r;
	bool cf, of;

	if (!count)
		return a;
	r = (uint16_t)(all >> count);
	cf = all >> (count - 1) & 1;
	of = (r >> 15 ^ r >> 14) & 1;
	cpu->flag_result = (int16_t)r;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30;
	return r;
}

#define DOUBLE_SHIFT(W, fn, name, count)                                                        \
HANDLER(name##_##W##_r)                                                                         \
{                                                                                               \
	set_reg##W(cpu, i->dst, fn##_##W(cpu, reg##W(cpu, i->dst), reg##W(cpu, i->src), count)); \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(name##_##W##_m)                                                                         \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	uint##W##_t value;                                                                      \
	uint8_t *host;                                                                          \
                                                                                                \
	if (!modify##W(cpu, i, linear, &value, &host))                                          \
		return cpu_fault(cpu, i);                                                       \
	modified##W(cpu, linear, fn##_##W(cpu, value, reg##W(cpu, i->src), count), host);       \
	NEXT(cpu, i);                                                                           \
}
DOUBLE_SHIFT(16, shld, op_SHLD_Ev_Gv_Ib, COUNT_IB)
DOUBLE_SHIFT(32, shld, op_SHLD_Ev_Gv_Ib, COUNT_IB)
DOUBLE_SHIFT(64, shld, op_SHLD_Ev_Gv_Ib, COUNT_IB_64)
DOUBLE_SHIFT(16, shld, op_SHLD_Ev_Gv_CL, COUNT_CL)
DOUBLE_SHIFT(32, shld, op_SHLD_Ev_Gv_CL, COUNT_CL)
DOUBLE_SHIFT(64, shld, op_SHLD_Ev_Gv_CL, COUNT_CL_64)
DOUBLE_SHIFT(16, shrd, op_SHRD_Ev_Gv_Ib, COUNT_IB)
DOUBLE_SHIFT(32, shrd, op_SHRD_Ev_Gv_Ib, COUNT_IB)
DOUBLE_SHIFT(64, shrd, op_SHRD_Ev_Gv_Ib, COUNT_IB_64)
DOUBLE_SHIFT(16, shrd, op_SHRD_Ev_Gv_CL, COUNT_CL)
DOUBLE_SHIFT(32, shrd, op_SHRD_Ev_Gv_CL, COUNT_CL)
DOUBLE_SHIFT(64, shrd, op_SHRD_Ev_Gv_CL, COUNT_CL_64)
