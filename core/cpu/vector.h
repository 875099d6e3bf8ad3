/*
 * What the SIMD handlers share: memory operands, the rule for the upper half of a register,
 * MMX state, and drivers that make handlers of kernels.  Intel SDM volume 1, chapters 9 to 15.
 *
 * A kernel computes one lane of 16 bytes.  Almost every instruction on 256 bits does the same
 * in both lanes, and MMX is a lane of which only the low half counts, so one kernel serves
 * all.  Registers are qwords in host order: what looks across elements indexes qwords and
 * shifts, what does not may use the compiler's vectors.
 */
#ifndef CORE_CPU_VECTOR_H
#define CORE_CPU_VECTOR_H

#include "access.h"
#include "handlers.h"
#include "insn.h"
#include "op_x87.h"

/* d may be a or b: a kernel reads both before it writes. */
typedef void vector_kernel(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm);

/* How a driver calls a kernel: the shift that makes the upper lane's immediate (bits 0-2), and */
enum { HOW_PLAIN = 0, HOW_IMM = 7,
       HOW_COUNT = 8 };                 /* the second operand is 16 bytes, the low lane's for both */

/* ---- Registers and memory ------------------------------------------------------------------ */

static INLINE unsigned vector_size(const struct insn *i)
{
	return i->vl == 32 ? 32 : 16;
}

/* After a write to the low lane of register n: VEX zeroes what is above, legacy keeps it. */
static INLINE void vector_upper(struct cpu *cpu, const struct insn *i, unsigned n)
{
	if (i->vl)
		cpu->v[n].q[2] = cpu->v[n].q[3] = 0;
}

/* As one store, which a load of both can be served from. */
static INLINE void lane_set(uint64_t *d, uint64_t low, uint64_t high)
{
	const u64x2 both = { low, high };

	memcpy(d, &both, 16);
}

/* 16 bytes of guest memory to qwords, and back. */
static INLINE void lane_get(uint64_t *to, const uint8_t *from)
{
	memcpy(to, from, 16);
	if (HOST_BIG_ENDIAN) {
		to[0] = swap64(to[0]);
		to[1] = swap64(to[1]);
	}
}
static INLINE void lane_put(uint8_t *to, const uint64_t *from)
{
	uint64_t copy[2] = { from[0], from[1] };

	if (HOST_BIG_ENDIAN) {
		copy[0] = swap64(copy[0]);
		copy[1] = swap64(copy[1]);
	}
	memcpy(to, copy, 16);
}

/* Can a whole vector be accessed at once?  Not if it must be aligned and is not. */
static INLINE bool vector_hit(const struct tlb_entry *entry, const struct insn *i, uint64_t linear)
{
	uint64_t last = linear + (15 | (i->vl & 32u) >> 1);

	return likely((last & ~(uint64_t)PAGE_MASK) == entry->tag && (!(linear & 15) || i->vl));
}

/*
 * The memory operand of 1, 2, 4, 8, 16 or 32 bytes, as qwords; what is beyond in the only one is
 * 0.  All or nothing, with the row's alignment check; false: a fault is recorded.
 */
bool vector_load(struct cpu *cpu, const struct insn *i, unsigned size, uint64_t *to);
bool vector_store(struct cpu *cpu, const struct insn *i, unsigned size, const uint64_t *from);
/* Faults as vector_store would, and stores nothing. */
bool vector_store_check(struct cpu *cpu, const struct insn *i, unsigned size);
/* The rm operand, register or memory.  Of a register at least its low qword. */
bool vector_operand(struct cpu *cpu, const struct insn *i, unsigned size, uint64_t *to);

/* ---- Drivers (vector.c); all go on with the next record ------------------------------------- */

/* dst = kernel(src, rm), lane by lane. */
const struct insn *vector_lanes(struct cpu *cpu, const struct insn *i, vector_kernel *kernel,
				unsigned how);
/* The same with MMX registers; size is that of a memory operand. */
const struct insn *mmx_lanes(struct cpu *cpu, const struct insn *i, vector_kernel *kernel,
			     unsigned size);
/* A shift of rm by an immediate. */
const struct insn *mmx_shift_imm(struct cpu *cpu, const struct insn *i, vector_kernel *kernel);

/* ---- MMX ------------------------------------------------------------------------------------- */

/* In place of an MMX instruction when x87_blocked: #UD, #NM or #MF. */
const struct insn *mmx_stop(struct cpu *cpu, const struct insn *i);

/* Every MMX instruction but EMMS does this to the x87 registers (SDM 1, 9.5). */
static INLINE void mmx_used(struct cpu *cpu)
{
	cpu->x87.top = 0;
	cpu->x87.valid = 0xff;
}
static INLINE void mmx_set(struct cpu *cpu, unsigned n, uint64_t value)
{
	cpu->x87.significand[n & 7] = value;
	cpu->x87.sign_exponent[n & 7] = 0xffff;
}
static INLINE uint64_t mmx_get(const struct cpu *cpu, unsigned n)
{
	return cpu->x87.significand[n & 7];
}

/* ---- Making kernels and handlers ------------------------------------------------------------- */

/* name_inline for handlers of its own, name_lane for the drivers. */
#define INLINE_KERNEL(name) \
static INLINE void name##_inline(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm)
#define KERNEL(name)                                                                            \
INLINE_KERNEL(name);                                                                            \
static NOINLINE void name##_lane(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm) \
{                                                                                               \
	name##_inline(d, a, b, imm);                                                            \
}                                                                                               \
INLINE_KERNEL(name)

/* Element by element: x of a and y of b, of a vector type. */
#define ELEMENTS(name, type, expression)                                                        \
KERNEL(name)                                                                                    \
{                                                                                               \
	type x, y;                                                                              \
                                                                                                \
	(void)imm;                                                                              \
	memcpy(&x, a, 16);                                                                      \
	memcpy(&y, b, 16);                                                                      \
	x = (type)(expression);                                                                 \
	memcpy(d, &x, 16);                                                                      \
}

/* Qword by qword. */
#define QWORDS(name, expression)                                                                \
KERNEL(name)                                                                                    \
{                                                                                               \
	uint64_t x = a[0], y = b[0], low = (expression);                                        \
                                                                                                \
	(void)imm;                                                                              \
	x = a[1];                                                                               \
	y = b[1];                                                                               \
	lane_set(d, low, (expression));                                                         \
}

/* Handlers of one row by a driver. */
#define DRIVEN(row, call)                                                                       \
HANDLER(op_##row##_r) { return call; }                                                          \
HANDLER(op_##row##_m) { return call; }
#define SIMD(row, name, how) DRIVEN(row, vector_lanes(cpu, i, name##_lane, how))
#define MMX(row, name) DRIVEN(row, mmx_lanes(cpu, i, name##_lane, 8))

/* Handlers of one row without a call, for what is common; the driver has the rest. */
#define SIMD_HOT(row, name)                                                                     \
static COLD HANDLER(row##_rest) { return vector_lanes(cpu, i, name##_lane, HOW_PLAIN); }        \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	uint64_t *d = cpu->v[i->dst].q;                                                         \
	const uint64_t *a = cpu->v[i->src].q, *b = cpu->v[i->rm].q;                             \
                                                                                                \
	name##_inline(d, a, b, (unsigned)i->imm);                                               \
	if (i->vl == 32)                                                                        \
		name##_inline(d + 2, a + 2, b + 2, (unsigned)i->imm);                           \
	else if (i->vl)                                                                         \
		d[2] = d[3] = 0;                                                                \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i), b[2];                                                     \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
	uint64_t *d = cpu->v[i->dst].q;                                                         \
	const uint64_t *a = cpu->v[i->src].q;                                                   \
                                                                                                \
	if (!vector_hit(entry, i, linear))                                                      \
		return row##_rest(cpu, i);                                                      \
	lane_get(b, tlb_host(entry, linear));                                                   \
	name##_inline(d, a, b, (unsigned)i->imm);                                               \
	if (i->vl == 32) {                                                                      \
		lane_get(b, tlb_host(entry, linear) + 16);                                      \
		name##_inline(d + 2, a + 2, b, (unsigned)i->imm);                               \
	} else if (i->vl) {                                                                     \
		d[2] = d[3] = 0;                                                                \
	}                                                                                       \
	NEXT(cpu, i);                                                                           \
}

/* The same for 128 bits in registers only: for kernels that are long. */
#define SIMD_REGISTERS(row, name)                                                               \
HANDLER(op_##row##_m) { return vector_lanes(cpu, i, name##_lane, HOW_PLAIN); }                  \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	if (i->vl == 32)                                                                        \
		return op_##row##_m(cpu, i);                                                    \
	name##_inline(cpu->v[i->dst].q, cpu->v[i->src].q, cpu->v[i->rm].q, (unsigned)i->imm);   \
	vector_upper(cpu, i, i->dst);                                                           \
	NEXT(cpu, i);                                                                           \
}

#endif
