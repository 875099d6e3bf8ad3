/*
 * SIMD shifts: PSLLx, PSRLx, PSRAx by a register or an immediate, PSLLDQ, PSRLDQ, and AVX2's
 * VPSLLVx, VPSRLVx, VPSRAVx with a count for each element (SDM volume 2).
 */
#include "vector.h"

/* The count is a whole qword, and any that is too large shifts everything out. */
#define SHIFT_BY_COUNT(name, W, type, scalar, operator, least)                                  \
KERNEL(name)                                                                                    \
{                                                                                               \
	uint64_t count = b[0];                                                                  \
	type x;                                                                                 \
                                                                                                \
	(void)imm;                                                                              \
	memcpy(&x, a, 16);                                                                      \
	x = count < W ? x operator (scalar)count : least;                                       \
	memcpy(d, &x, 16);                                                                      \
}
SHIFT_BY_COUNT(PSLLW, 16, u16x8, uint16_t, <<, x ^ x)
SHIFT_BY_COUNT(PSLLD, 32, u32x4, uint32_t, <<, x ^ x)
SHIFT_BY_COUNT(PSLLQ, 64, u64x2, uint64_t, <<, x ^ x)
SHIFT_BY_COUNT(PSRLW, 16, u16x8, uint16_t, >>, x ^ x)
SHIFT_BY_COUNT(PSRLD, 32, u32x4, uint32_t, >>, x ^ x)
SHIFT_BY_COUNT(PSRLQ, 64, u64x2, uint64_t, >>, x ^ x)
SHIFT_BY_COUNT(PSRAW, 16, s16x8, int16_t, >>, x >> (int16_t)15)
SHIFT_BY_COUNT(PSRAD, 32, s32x4, int32_t, >>, x >> 31)

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
	lane_set(d, low << bits, bits ? high << bits | low >> (64 - bits) : high);
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
	lane_set(d, bits ? low >> bits | high << (64 - bits) : low, high >> bits);
}

/* ---- A count for each element ---------------------------------------------------------------- */

#define EACH_D(name, expression)                                                                \
static INLINE uint32_t name##_one(uint32_t x, uint32_t y) { return (uint32_t)(expression); }    \
static INLINE uint64_t name##_two(uint64_t x, uint64_t y)                                       \
{                                                                                               \
	return name##_one((uint32_t)x, (uint32_t)y) |                                           \
	       (uint64_t)name##_one((uint32_t)(x >> 32), (uint32_t)(y >> 32)) << 32;            \
}                                                                                               \
KERNEL(name)                                                                                    \
{                                                                                               \
	(void)imm;                                                                              \
	lane_set(d, name##_two(a[0], b[0]), name##_two(a[1], b[1]));                            \
}
EACH_D(VPSLLVD, y < 32 ? x << y : 0)
EACH_D(VPSRLVD, y < 32 ? x >> y : 0)
EACH_D(VPSRAVD, (int32_t)x >> (y < 32 ? y : 31))
QWORDS(VPSLLVQ, y < 64 ? x << y : 0)
QWORDS(VPSRLVQ, y < 64 ? x >> y : 0)

/* ---- Handlers -------------------------------------------------------------------------------- */

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
