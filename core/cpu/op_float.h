/*
 * What the floating-point SIMD handlers share: exceptions, drivers that make exact handlers of the
 * functions of fpu/ieee.h, and handlers that do the plain case in line.  Intel SDM volume 1,
 * chapters 10 to 14.
 *
 * Memory operands are read first, then all elements computed and their flags put together
 * (float_commit); only when no exception is unmasked does the destination change.
 */
#ifndef CORE_CPU_OP_FLOAT_H
#define CORE_CPU_OP_FLOAT_H

#include "vector.h"
#include "fpu/ieee.h"
#include "fpu/ieee_fast.h"

/* One element; a of the first source, b of the second, imm the immediate. */
typedef struct ieee32 float_element32(uint32_t a, uint32_t b, unsigned imm, uint32_t mxcsr);
typedef struct ieee64 float_element64(uint64_t a, uint64_t b, unsigned imm, uint32_t mxcsr);
/* 16 bytes; d may be a or b.  Returns the flags of all elements. */
typedef uint32_t float_lane(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm,
			    uint32_t mxcsr);

/* ---- op_float_driver.c ----------------------------------------------------------------------- */

/*
 * The exceptions of an instruction: into MXCSR, and #XM when one is not masked (SDM 1, 11.5.1; 3A,
 * 2.5: #UD without CR4.OSXMMEXCPT).  False: a fault is recorded.
 */
bool float_commit(struct cpu *cpu, uint32_t flags);

/* dst = f(src, rm), lane by lane or for the low element; each goes on with the next record. */
const struct insn *float_lanes(struct cpu *cpu, const struct insn *i, float_lane *lane);
const struct insn *float_scalar32(struct cpu *cpu, const struct insn *i, float_element32 *element);
const struct insn *float_scalar64(struct cpu *cpu, const struct insn *i, float_element64 *element);

/* ---- Elements -------------------------------------------------------------------------------- */

static INLINE uint32_t element32(const uint64_t *q, unsigned n)
{
	return (uint32_t)(q[n / 2] >> n % 2 * 32);
}

static INLINE void set_element32(uint64_t *q, unsigned n, uint32_t value)
{
	q[n / 2] = (q[n / 2] & (uint64_t)0xffffffff << (n % 2 ? 0 : 32)) | (uint64_t)value << n % 2 * 32;
}

/*
 * Four binary32 at once, where the compiler has vectors. ODD: all ones where ieee_plain32 is false, SAFE
 * where ieee_safe32 is true; signed compares are what hosts have.
 */
#if defined(__GNUC__) && IEEE_HOST
#define FLOAT_VECTORS 1
typedef float f32x4 __attribute__((vector_size(16)));
#else
#define FLOAT_VECTORS 0
#endif
#define ODD(a) ((s32x4)(((a) & 0x7fffffff) + 0x7fffffff) < (int32_t)0x807fffff)
#define SAFE(r) ((s32x4)(((r) & 0x7fffffff) + 0x7f000000) < (int32_t)0xfe800000)
#define ZERO(a) (((a) & 0x7fffffff) == 0)
#define NOT_A_NUMBER(a) ((s32x4)((a) & 0x7fffffff) > 0x7f800000)

/* What a scalar instruction leaves in its destination: the rest is that of the first source. */
static INLINE void set_scalar32(struct cpu *cpu, const struct insn *i, uint32_t value)
{
	uint64_t *d = cpu->v[i->dst].q;
	const uint64_t *a = cpu->v[i->src].q;

	d[0] = (a[0] & 0xffffffff00000000) | value;
	if (i->vl) {
		d[1] = a[1];
		d[2] = d[3] = 0;
	}
}

static INLINE void set_scalar64(struct cpu *cpu, const struct insn *i, uint64_t value)
{
	uint64_t *d = cpu->v[i->dst].q;

	d[0] = value;
	if (i->vl) {
		d[1] = cpu->v[i->src].q[1];
		d[2] = d[3] = 0;
	}
}

/* A whole result: what is above follows i->vl. */
static INLINE void set_vector(struct cpu *cpu, const struct insn *i, const uint64_t *value)
{
	uint64_t *d = cpu->v[i->dst].q;

	d[0] = value[0];
	d[1] = value[1];
	if (i->vl) {
		d[2] = i->vl == 32 ? value[2] : 0;
		d[3] = i->vl == 32 ? value[3] : 0;
	}
}

/* Lanes from elements. */
#define FLOAT_LANE32(name, element)                                                             \
static uint32_t name(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm,           \
		     uint32_t mxcsr)                                                            \
{                                                                                               \
	uint32_t flags = 0;                                                                     \
                                                                                                \
	for (unsigned n = 0; n < 4; n++) {                                                      \
		struct ieee32 r = element(element32(a, n), element32(b, n), imm, mxcsr);        \
                                                                                                \
		set_element32(d, n, r.bits);                                                    \
		flags |= r.flags;                                                               \
	}                                                                                       \
	return flags;                                                                           \
}
#define FLOAT_LANE64(name, element)                                                             \
static uint32_t name(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm,           \
		     uint32_t mxcsr)                                                            \
{                                                                                               \
	struct ieee64 low = element(a[0], b[0], imm, mxcsr);                                    \
	struct ieee64 high = element(a[1], b[1], imm, mxcsr);                                   \
                                                                                                \
	d[0] = low.bits;                                                                        \
	d[1] = high.bits;                                                                       \
	return low.flags | high.flags;                                                          \
}

/* ---- Handlers -------------------------------------------------------------------------------- */

/* Exact ones: DRIVEN of vector.h, for both forms of a row. */
#define FLOAT_PACKED(row, lane) DRIVEN(row, float_lanes(cpu, i, lane))
#define FLOAT_SCALAR(row, W, element) DRIVEN(row, float_scalar##W(cpu, i, element))

/*
 * The plain case in line, by fast(a, b) of ieee_fast.h when mode(MXCSR) says so, else the exact one.
 */
#define FLOAT_SCALAR_HOT(row, W, mode, fast, element)                                           \
static COLD HANDLER(row##_rest) { return float_scalar##W(cpu, i, element); }                    \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	struct ieee_fast##W r;                                                                  \
                                                                                                \
	if (!mode(cpu->mxcsr))                                                                  \
		return row##_rest(cpu, i);                                                      \
	r = fast((uint##W##_t)cpu->v[i->src].q[0], (uint##W##_t)cpu->v[i->rm].q[0]);            \
	if (!r.done)                                                                            \
		return row##_rest(cpu, i);                                                      \
	set_scalar##W(cpu, i, r.bits);                                                          \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
	struct ieee_fast##W r;                                                                  \
                                                                                                \
	if (!tlb_hit(entry, linear, W / 8) || !mode(cpu->mxcsr))                                \
		return row##_rest(cpu, i);                                                      \
	r = fast((uint##W##_t)cpu->v[i->src].q[0], get##W(tlb_host(entry, linear)));            \
	if (!r.done)                                                                            \
		return row##_rest(cpu, i);                                                      \
	set_scalar##W(cpu, i, r.bits);                                                          \
	NEXT(cpu, i);                                                                           \
}

/* fast: bool fast(uint64_t *d, const uint64_t *a, const uint64_t *b) on 16 bytes; d is neither. */
#define FLOAT_PACKED_HOT(row, mode, fast, lane)                                                 \
static COLD HANDLER(row##_rest) { return float_lanes(cpu, i, lane); }                           \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	const uint64_t *a = cpu->v[i->src].q, *b = cpu->v[i->rm].q;                             \
	uint64_t r[4];                                                                          \
                                                                                                \
	if (!mode(cpu->mxcsr) || !fast(r, a, b) || (i->vl == 32 && !fast(r + 2, a + 2, b + 2))) \
		return row##_rest(cpu, i);                                                      \
	set_vector(cpu, i, r);                                                                  \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i), b[2], r[4];                                               \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
	const uint64_t *a = cpu->v[i->src].q;                                                   \
                                                                                                \
	if (!vector_hit(entry, i, linear) || !mode(cpu->mxcsr))                                 \
		return row##_rest(cpu, i);                                                      \
	lane_get(b, tlb_host(entry, linear));                                                   \
	if (!fast(r, a, b))                                                                     \
		return row##_rest(cpu, i);                                                      \
	if (i->vl == 32) {                                                                      \
		lane_get(b, tlb_host(entry, linear) + 16);                                      \
		if (!fast(r + 2, a + 2, b))                                                     \
			return row##_rest(cpu, i);                                              \
	}                                                                                       \
	set_vector(cpu, i, r);                                                                  \
	NEXT(cpu, i);                                                                           \
}

/* For what does not depend on MXCSR. */
static INLINE bool float_always(uint32_t mxcsr)
{
	(void)mxcsr;
	return IEEE_HOST;
}

#endif
