/*
 * FMA3 (SDM volume 2, VFMADD132PD and the others): the opcode's upper digit orders the operands, its
 * lower one signs the product and the addend and tells packed from scalar; VEX.W the format.
 */
#include "op_float.h"
#include "fpu/ieee_host_fma.h"

/* Where the operands of a * b + c come from. */
enum order { ORDER_132 = 9, ORDER_213 = 10, ORDER_231 = 11 };

/* Negations of the even elements and of the odd ones. */
static void signs(const struct insn *i, uint32_t *even, uint32_t *odd)
{
	unsigned kind = i->opcode & 15;

	*even = (kind >= 12 ? IEEE_FMA_NEGATE_PRODUCT : 0) |
		(kind % 4 >= 2 ? IEEE_FMA_NEGATE_ADDEND : 0);
	*odd = *even;
	if (kind == 6)          /* VFMADDSUB subtracts in the even elements, VFMSUBADD in the odd ones */
		*odd = 0;
	if (kind == 7) {
		*even = 0;
		*odd = IEEE_FMA_NEGATE_ADDEND;
	}
}

/* The operands of a * b + c among the destination, vvvv and rm. */
static INLINE const uint64_t *factor(enum order order, const uint64_t *d, const uint64_t *h)
{
	return order == ORDER_132 ? d : h;
}
static INLINE const uint64_t *other_factor(enum order order, const uint64_t *d, const uint64_t *w)
{
	return order == ORDER_213 ? d : w;
}
static INLINE const uint64_t *addend(enum order order, const uint64_t *d, const uint64_t *h,
				     const uint64_t *w)
{
	return order == ORDER_132 ? h : order == ORDER_213 ? w : d;
}

/* ---- The exact way ---------------------------------------------------------------------------- */

static NOINLINE bool fma_packed(struct cpu *cpu, const struct insn *i)
{
	enum order order = (enum order)(i->opcode >> 4 & 15);
	const uint64_t *d = cpu->v[i->dst].q, *h = cpu->v[i->src].q;
	unsigned size = vector_size(i);
	uint32_t flags = 0, negate[2];
	uint64_t w[4], result[4] = { 0 };
	const uint64_t *a = factor(order, d, h), *b = other_factor(order, d, w);
	const uint64_t *c = addend(order, d, h, w);

	if (!vector_operand(cpu, i, size, w))
		return false;
	signs(i, &negate[0], &negate[1]);
	for (unsigned n = 0; n < size / i->width; n++) {
		if (i->width == 8) {
			struct ieee64 r = ieee64_fma(a[n], b[n], c[n], negate[n % 2], cpu->mxcsr);

			result[n] = r.bits;
			flags |= r.flags;
		} else {
			struct ieee32 r = ieee32_fma(element32(a, n), element32(b, n), element32(c, n),
						     negate[n % 2], cpu->mxcsr);

			set_element32(result, n, r.bits);
			flags |= r.flags;
		}
	}
	if (!float_commit(cpu, flags))
		return false;
	set_vector(cpu, i, result);
	return true;
}

/* What is above the low element stays that of the destination. */
static NOINLINE bool fma_scalar(struct cpu *cpu, const struct insn *i)
{
	enum order order = (enum order)(i->opcode >> 4 & 15);
	uint64_t *d = cpu->v[i->dst].q, w;
	const uint64_t *h = cpu->v[i->src].q;
	uint64_t a, b, c;
	uint32_t flags, even, odd;
	struct ieee64 wide;
	struct ieee32 narrow;

	if (!vector_operand(cpu, i, i->width, &w))
		return false;
	signs(i, &even, &odd);
	a = *factor(order, d, h);
	b = *other_factor(order, d, &w);
	c = *addend(order, d, h, &w);
	if (i->width == 8) {
		wide = ieee64_fma(a, b, c, even, cpu->mxcsr);
		flags = wide.flags;
	} else {
		narrow = ieee32_fma((uint32_t)a, (uint32_t)b, (uint32_t)c, even, cpu->mxcsr);
		wide.bits = (d[0] & 0xffffffff00000000) | narrow.bits;
		flags = narrow.flags;
	}
	if (!float_commit(cpu, flags))
		return false;
	d[0] = wide.bits;
	d[2] = d[3] = 0;
	return true;
}

static COLD HANDLER_OF(packed_rest, fma_packed)
static COLD HANDLER_OF(scalar_rest, fma_scalar)

/* ---- The plain cases --------------------------------------------------------------------------- */

enum { NEGATE_NONE = 0, NEGATE_C = IEEE_FMA_NEGATE_ADDEND, NEGATE_AB = IEEE_FMA_NEGATE_PRODUCT,
       NEGATE_ALL = NEGATE_C | NEGATE_AB };

static INLINE struct ieee_fast64 plain64(uint64_t a, uint64_t b, uint64_t c, uint32_t negate)
{
	return ieee_host64_fma(a, b, c, negate & NEGATE_AB ? (uint64_t)1 << 63 : 0,
			       negate & NEGATE_C ? (uint64_t)1 << 63 : 0);
}
static INLINE struct ieee_fast32 plain32(uint64_t a, uint64_t b, uint64_t c, uint32_t negate)
{
	if (!IEEE_HOST_FMA)
		return ieee_fast32_fma((uint32_t)a, (uint32_t)b, (uint32_t)c, negate);
	return ieee_host32_fma((uint32_t)a, (uint32_t)b, (uint32_t)c,
			       negate & NEGATE_AB ? (uint32_t)1 << 31 : 0,
			       negate & NEGATE_C ? (uint32_t)1 << 31 : 0);
}

static INLINE bool scalar_plain(struct cpu *cpu, const struct insn *i, uint64_t w, enum order order,
				uint32_t negate)
{
	uint64_t *d = cpu->v[i->dst].q;
	const uint64_t *h = cpu->v[i->src].q;
	uint64_t a = *factor(order, d, h), b = *other_factor(order, d, &w);
	uint64_t c = *addend(order, d, h, &w);

	if (!ieee_fast_mode(cpu->mxcsr))
		return false;
	if (i->width == 8) {
		struct ieee_fast64 r = plain64(a, b, c, negate);

		if (!r.done)
			return false;
		d[0] = r.bits;
	} else {
		struct ieee_fast32 r = plain32(a, b, c, negate);

		if (!r.done)
			return false;
		d[0] = (d[0] & 0xffffffff00000000) | r.bits;
	}
	d[2] = d[3] = 0;
	return true;
}

/* w may be in guest memory's order of bytes and anywhere. */
static INLINE bool packed_plain(struct cpu *cpu, const struct insn *i, const uint8_t *memory,
				enum order order, uint32_t even, uint32_t odd)
{
	uint64_t *d = cpu->v[i->dst].q, w[4], r[4];
	const uint64_t *h = cpu->v[i->src].q, *a = factor(order, d, h), *b = other_factor(order, d, w);
	const uint64_t *c = addend(order, d, h, w);
	unsigned count = vector_size(i) / 8;

	if (!ieee_fast_mode(cpu->mxcsr))
		return false;
	for (unsigned n = 0; n < count; n += 2) {
		if (memory)
			lane_get(w + n, memory + n * 8);
		else
			memcpy(w + n, cpu->v[i->rm].q + n, 16);
		if (i->width == 8) {
			struct ieee_fast64 low = plain64(a[n], b[n], c[n], even);
			struct ieee_fast64 high = plain64(a[n + 1], b[n + 1], c[n + 1], odd);

			if (!low.done || !high.done)
				return false;
			lane_set(r + n, low.bits, high.bits);
			continue;
		}
		for (unsigned k = n; k < n + 2; k++) {
			struct ieee_fast32 low = plain32(a[k], b[k], c[k], even);
			struct ieee_fast32 high = plain32(a[k] >> 32, b[k] >> 32, c[k] >> 32, odd);

			if (!low.done || !high.done)
				return false;
			r[k] = (uint64_t)high.bits << 32 | low.bits;
		}
	}
	lane_set(d, r[0], r[1]);
	if (count == 4)
		lane_set(d + 2, r[2], r[3]);
	else
		lane_set(d + 2, 0, 0);
	return true;
}

/* ---- Handlers ---------------------------------------------------------------------------------- */

#define SCALAR(row, order, negate)                                                              \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	if (!scalar_plain(cpu, i, cpu->v[i->rm].q[0], order, negate))                           \
		return scalar_rest(cpu, i);                                                     \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
                                                                                                \
	if (!tlb_hit(entry, linear, i->width) ||                                                \
	    !scalar_plain(cpu, i, i->width == 8 ? get64(tlb_host(entry, linear)) :              \
			  get32(tlb_host(entry, linear)), order, negate))                       \
		return scalar_rest(cpu, i);                                                     \
	NEXT(cpu, i);                                                                           \
}
#define PACKED(row, order, even, odd)                                                           \
static NOINLINE bool row##_plain(struct cpu *cpu, const struct insn *i, const uint8_t *memory)  \
{                                                                                               \
	return packed_plain(cpu, i, memory, order, even, odd);                                  \
}                                                                                               \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	if (!row##_plain(cpu, i, NULL))                                                         \
		return packed_rest(cpu, i);                                                     \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
                                                                                                \
	if (!vector_hit(entry, i, linear) || !row##_plain(cpu, i, tlb_host(entry, linear)))     \
		return packed_rest(cpu, i);                                                     \
	NEXT(cpu, i);                                                                           \
}

#define ORDERS(name, even, odd)                                                                 \
PACKED(name##132Px_Vx_Hx_Wx, ORDER_132, even, odd)                                              \
PACKED(name##213Px_Vx_Hx_Wx, ORDER_213, even, odd)                                              \
PACKED(name##231Px_Vx_Hx_Wx, ORDER_231, even, odd)
#define SCALAR_ORDERS(name, negate)                                                             \
SCALAR(name##132Sx_Vx_Hx_Wsy, ORDER_132, negate)                                                \
SCALAR(name##213Sx_Vx_Hx_Wsy, ORDER_213, negate)                                                \
SCALAR(name##231Sx_Vx_Hx_Wsy, ORDER_231, negate)

ORDERS(VFMADDSUB, NEGATE_C, NEGATE_NONE)
ORDERS(VFMSUBADD, NEGATE_NONE, NEGATE_C)
ORDERS(VFMADD, NEGATE_NONE, NEGATE_NONE)
ORDERS(VFMSUB, NEGATE_C, NEGATE_C)
ORDERS(VFNMADD, NEGATE_AB, NEGATE_AB)
ORDERS(VFNMSUB, NEGATE_ALL, NEGATE_ALL)
SCALAR_ORDERS(VFMADD, NEGATE_NONE)
SCALAR_ORDERS(VFMSUB, NEGATE_C)
SCALAR_ORDERS(VFNMADD, NEGATE_AB)
SCALAR_ORDERS(VFNMSUB, NEGATE_ALL)
