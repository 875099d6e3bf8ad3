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

/* What turns a sign around: both as binary64 has it. */
struct signs {
	uint64_t product, addend;
};

static INLINE struct ieee_fast64 plain64(uint64_t a, uint64_t b, uint64_t c, struct signs negate)
{
	return ieee_host64_fma(a, b, c, negate.product, negate.addend);
}
static INLINE struct ieee_fast32 plain32(uint64_t a, uint64_t b, uint64_t c, struct signs negate)
{
	if (!IEEE_HOST_FMA)
		return ieee_fast32_fma((uint32_t)a, (uint32_t)b, (uint32_t)c,
				       (negate.product ? IEEE_FMA_NEGATE_PRODUCT : 0u) |
				       (negate.addend ? IEEE_FMA_NEGATE_ADDEND : 0u));
	return ieee_host32_fma((uint32_t)a, (uint32_t)b, (uint32_t)c, (uint32_t)(negate.product >> 32),
			       (uint32_t)(negate.addend >> 32));
}

static INLINE bool scalar_plain(struct cpu *cpu, const struct insn *i, uint64_t w, enum order order,
				struct signs negate)
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

/* memory: in the guest's order of bytes and anywhere; NULL: a register. */
static INLINE bool packed_plain(struct cpu *cpu, const struct insn *i, const uint8_t *memory,
				enum order order, struct signs even, struct signs odd)
{
	uint64_t *d = cpu->v[i->dst].q, w[4], r[4];
	const uint64_t *h = cpu->v[i->src].q, *a = factor(order, d, h), *b = other_factor(order, d, w);
	const uint64_t *c = addend(order, d, h, w);
	unsigned count = vector_size(i) / 8;

	if (!ieee_fast_mode(cpu->mxcsr))
		return false;
	if (!memory)
		memcpy(w, cpu->v[i->rm].q, sizeof(w));
	for (unsigned n = 0; memory && n < count; n += 2)
		lane_get(w + n, memory + n * 8);
	if (i->width == 8) {
		for (unsigned n = 0; n < count; n += 2) {
			struct ieee_fast64 low = plain64(a[n], b[n], c[n], even);
			struct ieee_fast64 high = plain64(a[n + 1], b[n + 1], c[n + 1], odd);

			if (!low.done || !high.done)
				return false;
			lane_set(r + n, low.bits, high.bits);
		}
	} else {
		for (unsigned n = 0; n < count; n++) {
			struct ieee_fast32 low = plain32(a[n], b[n], c[n], even);
			struct ieee_fast32 high = plain32(a[n] >> 32, b[n] >> 32, c[n] >> 32, odd);

			if (!low.done || !high.done)
				return false;
			r[n] = (uint64_t)high.bits << 32 | low.bits;
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

/* By the order of operands; the signs come with the row: for each its own would be many bytes. */
#define PACKED_ORDER(order)                                                                     \
static NOINLINE const struct insn *packed_##order(struct cpu *cpu, const struct insn *i,        \
						  const uint8_t *memory, uint64_t product,      \
						  uint64_t even, uint64_t odd)                  \
{                                                                                               \
	if (!packed_plain(cpu, i, memory, ORDER_##order, (struct signs){ product, even },       \
			  (struct signs){ product, odd }))                                      \
		return packed_rest(cpu, i);                                                     \
	NEXT(cpu, i);                                                                           \
}
PACKED_ORDER(132)
PACKED_ORDER(213)
PACKED_ORDER(231)

#define SCALAR(row, order, product, addend)                                                     \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	if (!scalar_plain(cpu, i, cpu->v[i->rm].q[0], order, (struct signs){ product, addend })) \
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
			  get32(tlb_host(entry, linear)), order,                                \
			  (struct signs){ product, addend }))                                   \
		return scalar_rest(cpu, i);                                                     \
	NEXT(cpu, i);                                                                           \
}
#define PACKED(row, order, product, even, odd)                                                  \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	return packed_##order(cpu, i, NULL, product, even, odd);                                \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
                                                                                                \
	if (!vector_hit(entry, i, linear))                                                      \
		return packed_rest(cpu, i);                                                     \
	return packed_##order(cpu, i, tlb_host(entry, linear), product, even, odd);             \
}

#define PLUS 0
#define MINUS ((uint64_t)1 << 63)
#define ORDERS(name, product, even, odd)                                                        \
PACKED(name##132Px_Vx_Hx_Wx, 132, product, even, odd)                                           \
PACKED(name##213Px_Vx_Hx_Wx, 213, product, even, odd)                                           \
PACKED(name##231Px_Vx_Hx_Wx, 231, product, even, odd)
#define ALL_ORDERS(name, product, addend)                                                    \
ORDERS(name, product, addend, addend)                                                           \
SCALAR(name##132Sx_Vx_Hx_Wsy, ORDER_132, product, addend)                                       \
SCALAR(name##213Sx_Vx_Hx_Wsy, ORDER_213, product, addend)                                       \
SCALAR(name##231Sx_Vx_Hx_Wsy, ORDER_231, product, addend)

ORDERS(VFMADDSUB, PLUS, MINUS, PLUS)
ORDERS(VFMSUBADD, PLUS, PLUS, MINUS)
ALL_ORDERS(VFMADD, PLUS, PLUS)
ALL_ORDERS(VFMSUB, PLUS, MINUS)
ALL_ORDERS(VFNMADD, MINUS, PLUS)
ALL_ORDERS(VFNMSUB, MINUS, MINUS)
