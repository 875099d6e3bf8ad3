/*
 * SIMD shifts: PSLLx, PSRLx, PSRAx by a register or an immediate, PSLLDQ, PSRLDQ, and AVX2's
 * VPSLLVx, VPSRLVx, VPSRAVx with a count for each element (SDM volume 2).
 */
#include "vector.h"

/*
 * Qwords of elements: shifted as one, what came from the neighbour masked off.  The count is a
 * whole qword, and any that is too large shifts everything out.
 */
#define ONES_16 UINT64_C(0x0001000100010001)
#define ONES_32 UINT64_C(0x0000000100000001)
#define ONES_64 UINT64_C(1)

#define SHIFTS(letter, W, type)                                                                 \
KERNEL(PSLL##letter)                                                                            \
{                                                                                               \
	uint64_t count = b[0], mask = 0;                                                        \
                                                                                                \
	(void)imm;                                                                              \
	if (count < W)                                                                          \
		mask = (type)((type)-1 << count) * ONES_##W;                                    \
	d[0] = a[0] << (count & (W - 1)) & mask;                                                \
	d[1] = a[1] << (count & (W - 1)) & mask;                                                \
}                                                                                               \
KERNEL(PSRL##letter)                                                                            \
{                                                                                               \
	uint64_t count = b[0], mask = 0;                                                        \
                                                                                                \
	(void)imm;                                                                              \
	if (count < W)                                                                          \
		mask = (type)((type)-1 >> count) * ONES_##W;                                    \
	d[0] = a[0] >> (count & (W - 1)) & mask;                                                \
	d[1] = a[1] >> (count & (W - 1)) & mask;                                                \
}
SHIFTS(W, 16, uint16_t)
SHIFTS(D, 32, uint32_t)
SHIFTS(Q, 64, uint64_t)

#define ARITHMETIC(letter, W, type)                                                             \
KERNEL(PSRA##letter)                                                                            \
{                                                                                               \
	unsigned count = b[0] < W ? (unsigned)b[0] : W - 1;                                     \
	uint64_t mask = (type)((type)-1 >> count) * ONES_##W;                                   \
                                                                                                \
	(void)imm;                                                                              \
	for (unsigned n = 0; n < 2; n++) {                                                      \
		uint64_t q = a[n], negative = (q >> (W - 1) & ONES_##W) * (type)-1;             \
                                                                                                \
		d[n] = (q >> count & mask) | (negative & ~mask);                                \
	}                                                                                       \
}
ARITHMETIC(W, 16, uint16_t)
ARITHMETIC(D, 32, uint32_t)

/* Of the whole lane, by bytes. */
INLINE_KERNEL(PSLLDQ)
{
	unsigned count = b[0] > 15 ? 16 : (unsigned)b[0], bits = 8 * (count & 7);
	uint64_t low = a[0], high = a[1];

	(void)imm;
	if (count & 16)
		low = high = 0;
	if (count & 8) {
		high = low;
		low = 0;
	}
	d[1] = bits ? high << bits | low >> (64 - bits) : high;
	d[0] = low << bits;
}
INLINE_KERNEL(PSRLDQ)
{
	unsigned count = b[0] > 15 ? 16 : (unsigned)b[0], bits = 8 * (count & 7);
	uint64_t low = a[0], high = a[1];

	(void)imm;
	if (count & 16)
		low = high = 0;
	if (count & 8) {
		low = high;
		high = 0;
	}
	d[0] = bits ? low >> bits | high << (64 - bits) : low;
	d[1] = high >> bits;
}

/* ---- A count for each element ------------------------------------------------------------------ */

#define EACH_D(name, expression)                                                                \
KERNEL(name)                                                                                    \
{                                                                                               \
	(void)imm;                                                                              \
	for (unsigned n = 0; n < 2; n++) {                                                      \
		uint64_t result = 0;                                                            \
                                                                                                \
		for (unsigned at = 0; at < 64; at += 32) {                                      \
			uint32_t x = (uint32_t)(a[n] >> at), y = (uint32_t)(b[n] >> at);        \
                                                                                                \
			result |= (uint64_t)(uint32_t)(expression) << at;                       \
		}                                                                               \
		d[n] = result;                                                                  \
	}                                                                                       \
}
EACH_D(VPSLLVD, y < 32 ? x << y : 0)
EACH_D(VPSRLVD, y < 32 ? x >> y : 0)
EACH_D(VPSRAVD, (int32_t)x >> (y < 32 ? y : 31))
QWORDS(VPSLLVQ, y < 64 ? x << y : 0)
QWORDS(VPSRLVQ, y < 64 ? x >> y : 0)

/* ---- Handlers ----------------------------------------------------------------------------------- */

/* Register form only. */
#define SHIFT_IMM(row, name)                                                                    \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	unsigned dst = i->vl ? i->src : i->rm;                                                  \
	const uint64_t *a = cpu->v[i->rm].q;                                                    \
	uint64_t count[2] = { (uint8_t)i->imm, 0 }, *d = cpu->v[dst].q;                         \
                                                                                                \
	name##_inline(d, a, count, 0);                                                          \
	if (i->vl == 32)                                                                        \
		name##_inline(d + 2, a + 2, count, 0);                                          \
	else if (i->vl)                                                                         \
		d[2] = d[3] = 0;                                                                \
	NEXT(cpu, i);                                                                           \
}
#define MMX_SHIFT_IMM(row, name) \
	HANDLER(op_##row##_r) { return mmx_shift_imm(cpu, i, name##_lane); }

#define SHIFT(name)                                                                             \
	SIMD(name##_Vx_Hx_Wdq, name, HOW_COUNT) MMX(name##_Pq_Qq, name)                         \
	SHIFT_IMM(name##_Hx_Ux_Ib, name) MMX_SHIFT_IMM(name##_Nq_Ib, name)
SHIFT(PSLLW) SHIFT(PSLLD) SHIFT(PSLLQ)
SHIFT(PSRLW) SHIFT(PSRLD) SHIFT(PSRLQ)
SHIFT(PSRAW) SHIFT(PSRAD)
SHIFT_IMM(PSLLDQ_Hx_Ux_Ib, PSLLDQ)
SHIFT_IMM(PSRLDQ_Hx_Ux_Ib, PSRLDQ)
SIMD(VPSLLVD_Vx_Hx_Wx, VPSLLVD, HOW_PLAIN)
SIMD(VPSRLVD_Vx_Hx_Wx, VPSRLVD, HOW_PLAIN)
SIMD(VPSRAVD_Vx_Hx_Wx, VPSRAVD, HOW_PLAIN)
SIMD(VPSLLVQ_Vx_Hx_Wx, VPSLLVQ, HOW_PLAIN)
SIMD(VPSRLVQ_Vx_Hx_Wx, VPSRLVQ, HOW_PLAIN)
