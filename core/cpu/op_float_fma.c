/*
 * FMA3 (SDM volume 2, VFMADD132PD and the others): the opcode's upper digit orders the operands, its
 * lower one signs the product and the addend and tells packed from scalar; VEX.W the format.
 */
#include "op_float.h"

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

static NOINLINE struct ieee64 fused64(const struct insn *i, uint64_t d, uint64_t h, uint64_t w,
				      uint32_t negate, uint32_t mxcsr)
{
	unsigned order = i->opcode >> 4;
	uint64_t a = order == ORDER_132 ? d : h, b = order == ORDER_213 ? d : w;
	uint64_t c = order == ORDER_132 ? h : order == ORDER_213 ? w : d;

	return ieee64_fma(a, b, c, negate, mxcsr);
}

static NOINLINE struct ieee32 fused32(const struct insn *i, uint32_t d, uint32_t h, uint32_t w,
				      uint32_t negate, uint32_t mxcsr)
{
	unsigned order = i->opcode >> 4;
	uint32_t a = order == ORDER_132 ? d : h, b = order == ORDER_213 ? d : w;
	uint32_t c = order == ORDER_132 ? h : order == ORDER_213 ? w : d;

	if (ieee_fast_mode(mxcsr)) {
		struct ieee_fast32 fast = ieee_fast32_fma(a, b, c, negate);
		struct ieee32 r = { fast.bits, 0 };

		if (fast.done)
			return r;
	}
	return ieee32_fma(a, b, c, negate, mxcsr);
}

static NOINLINE bool fma_packed(struct cpu *cpu, const struct insn *i)
{
	const uint64_t *d = cpu->v[i->dst].q, *h = cpu->v[i->src].q;
	unsigned size = vector_size(i);
	uint32_t flags = 0, negate[2];
	uint64_t w[4], result[4] = { 0 };

	if (!vector_operand(cpu, i, size, w))
		return false;
	signs(i, &negate[0], &negate[1]);
	for (unsigned n = 0; n < size / i->width; n++) {
		if (i->width == 8) {
			struct ieee64 r = fused64(i, d[n], h[n], w[n], negate[n % 2], cpu->mxcsr);

			result[n] = r.bits;
			flags |= r.flags;
		} else {
			struct ieee32 r = fused32(i, element32(d, n), element32(h, n), element32(w, n),
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
	uint64_t *d = cpu->v[i->dst].q, w;
	uint64_t h = cpu->v[i->src].q[0];
	uint32_t flags, even, odd;
	struct ieee64 wide;
	struct ieee32 narrow;

	if (!vector_operand(cpu, i, i->width, &w))
		return false;
	signs(i, &even, &odd);
	if (i->width == 8) {
		wide = fused64(i, d[0], h, w, even, cpu->mxcsr);
		flags = wide.flags;
	} else {
		narrow = fused32(i, (uint32_t)d[0], (uint32_t)h, (uint32_t)w, even, cpu->mxcsr);
		wide.bits = (d[0] & 0xffffffff00000000) | narrow.bits;
		flags = narrow.flags;
	}
	if (!float_commit(cpu, flags))
		return false;
	d[0] = wide.bits;
	d[2] = d[3] = 0;
	return true;
}

#define FUSED(row, work)                                                                        \
HANDLER_OF(op_##row##_r, work)                                                                  \
HANDLER_OF(op_##row##_m, work)
#define ORDERS(name)                                                                            \
FUSED(name##132Px_Vx_Hx_Wx, fma_packed)                                                         \
FUSED(name##213Px_Vx_Hx_Wx, fma_packed)                                                         \
FUSED(name##231Px_Vx_Hx_Wx, fma_packed)
#define SCALAR_ORDERS(name)                                                                     \
FUSED(name##132Sx_Vx_Hx_Wsy, fma_scalar)                                                        \
FUSED(name##213Sx_Vx_Hx_Wsy, fma_scalar)                                                        \
FUSED(name##231Sx_Vx_Hx_Wsy, fma_scalar)

ORDERS(VFMADDSUB)
ORDERS(VFMSUBADD)
ORDERS(VFMADD)
ORDERS(VFMSUB)
ORDERS(VFNMADD)
ORDERS(VFNMSUB)
SCALAR_ORDERS(VFMADD)
SCALAR_ORDERS(VFMSUB)
SCALAR_ORDERS(VFNMADD)
SCALAR_ORDERS(VFNMSUB)
