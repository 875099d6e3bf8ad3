/*
 * Integer SIMD arithmetic, comparison and logic on elements, MMX to AVX2 (SDM volume 2: PADDx,
 * PSUBx, PMULx, PMADDx, PAVGx, PMINx, PMAXx, PCMPx, PSIGNx, PABSx, PSADBW, PHADDx, MPSADBW,
 * PHMINPOSUW, PAND ... and ANDPS ..., which are the same).
 */
#include "vector.h"

/* ---- Add and subtract ----------------------------------------------------------------------- */

ELEMENTS(PADDB, u8x16, x + y)
ELEMENTS(PADDW, u16x8, x + y)
ELEMENTS(PADDD, u32x4, x + y)
ELEMENTS(PADDQ, u64x2, x + y)
ELEMENTS(PSUBB, u8x16, x - y)
ELEMENTS(PSUBW, u16x8, x - y)
ELEMENTS(PSUBD, u32x4, x - y)
ELEMENTS(PSUBQ, u64x2, x - y)

ELEMENTS(PADDUSB, u8x16, (x + y) | (u8x16)(x + y < x))
ELEMENTS(PADDUSW, u16x8, (x + y) | (u16x8)(x + y < x))
ELEMENTS(PSUBUSB, u8x16, (x - y) & (u8x16)(x > y))
ELEMENTS(PSUBUSW, u16x8, (x - y) & (u16x8)(x > y))

/* Signed saturation: where the sign is wrong, the limit on x's side. */
#define SATURATED(u, s, r, wrong, most)                                                         \
	(((r) & (u)~((s)(wrong) < 0)) | (((u)((s)x < 0) ^ (most)) & (u)((s)(wrong) < 0)))
#define SATURATE(name, u, s, r, wrong, most) \
	ELEMENTS(name, u, SATURATED(u, s, r, wrong, most))
SATURATE(PADDSB, u8x16, s8x16, x + y, ~(x ^ y) & (x ^ (x + y)), 0x7f)
SATURATE(PADDSW, u16x8, s16x8, x + y, ~(x ^ y) & (x ^ (x + y)), 0x7fff)
SATURATE(PSUBSB, u8x16, s8x16, x - y, (x ^ y) & (x ^ (x - y)), 0x7f)
SATURATE(PSUBSW, u16x8, s16x8, x - y, (x ^ y) & (x ^ (x - y)), 0x7fff)

ELEMENTS(PAVGB, u8x16, (x | y) - ((x ^ y) >> 1))
ELEMENTS(PAVGW, u16x8, (x | y) - ((x ^ y) >> 1))

/* ---- Compare, minimum, maximum --------------------------------------------------------------- */

ELEMENTS(PCMPEQB, u8x16, x == y)
ELEMENTS(PCMPEQW, u16x8, x == y)
ELEMENTS(PCMPEQD, u32x4, x == y)
QWORDS(PCMPEQQ, x == y ? ~(uint64_t)0 : 0)
ELEMENTS(PCMPGTB, s8x16, x > y)
ELEMENTS(PCMPGTW, s16x8, x > y)
ELEMENTS(PCMPGTD, s32x4, x > y)
QWORDS(PCMPGTQ, (int64_t)x > (int64_t)y ? ~(uint64_t)0 : 0)

#define PICK(type, condition) (((type)(condition) & x) | (~(type)(condition) & y))
ELEMENTS(PMINUB, u8x16, PICK(u8x16, x < y))
ELEMENTS(PMINUW, u16x8, PICK(u16x8, x < y))
ELEMENTS(PMINUD, u32x4, PICK(u32x4, x < y))
ELEMENTS(PMINSB, s8x16, PICK(s8x16, x < y))
ELEMENTS(PMINSW, s16x8, PICK(s16x8, x < y))
ELEMENTS(PMINSD, s32x4, PICK(s32x4, x < y))
ELEMENTS(PMAXUB, u8x16, PICK(u8x16, x > y))
ELEMENTS(PMAXUW, u16x8, PICK(u16x8, x > y))
ELEMENTS(PMAXUD, u32x4, PICK(u32x4, x > y))
ELEMENTS(PMAXSB, s8x16, PICK(s8x16, x > y))
ELEMENTS(PMAXSW, s16x8, PICK(s16x8, x > y))
ELEMENTS(PMAXSD, s32x4, PICK(s32x4, x > y))

/* ---- Logic ----------------------------------------------------------------------------------- */

ELEMENTS(PAND, u64x2, x & y)
ELEMENTS(PANDN, u64x2, ~x & y)
ELEMENTS(POR, u64x2, x | y)
ELEMENTS(PXOR, u64x2, x ^ y)

/* ---- Sign and absolute value ----------------------------------------------------------------- */

#define NEGATED(u, v, condition) (((v) ^ (u)(condition)) - (u)(condition))
ELEMENTS(PSIGNB, u8x16, NEGATED(u8x16, x, (s8x16)y < 0) & (u8x16)(y != 0))
ELEMENTS(PSIGNW, u16x8, NEGATED(u16x8, x, (s16x8)y < 0) & (u16x8)(y != 0))
ELEMENTS(PSIGND, u32x4, NEGATED(u32x4, x, (s32x4)y < 0) & (u32x4)(y != 0))
ELEMENTS(PABSB, u8x16, NEGATED(u8x16, y, (s8x16)y < 0))
ELEMENTS(PABSW, u16x8, NEGATED(u16x8, y, (s16x8)y < 0))
ELEMENTS(PABSD, u32x4, NEGATED(u32x4, y, (s32x4)y < 0))

/* ---- Multiply -------------------------------------------------------------------------------- */

ELEMENTS(PMULLW, u16x8, x * y)
ELEMENTS(PMULLD, u32x4, x * y)
QWORDS(PMULUDQ, (uint64_t)(uint32_t)x * (uint32_t)y)
QWORDS(PMULDQ, (uint64_t)((int64_t)(int32_t)x * (int32_t)y))

/* Words two at a time, in the halves of a doubleword: low ones sign-extended, high ones. */
#define LOW(v)  ((s32x4)((v) << 16) >> 16)
#define HIGH(v) ((s32x4)(v) >> 16)
#define WORD_PRODUCTS(name, low, high) ELEMENTS(name, u32x4, ((u32x4)(low) & 0xffff) | (u32x4)(high) << 16)
WORD_PRODUCTS(PMULHW, LOW(x) * LOW(y) >> 16, HIGH(x) * HIGH(y) >> 16)
WORD_PRODUCTS(PMULHUW, (x & 0xffff) * (y & 0xffff) >> 16, (x >> 16) * (y >> 16) >> 16)
WORD_PRODUCTS(PMULHRSW, ((LOW(x) * LOW(y) >> 14) + 1) >> 1, ((HIGH(x) * HIGH(y) >> 14) + 1) >> 1)
/* Only -32768 squared twice overflows, to -2^31. */
ELEMENTS(PMADDWD, u32x4, (u32x4)(LOW(x) * LOW(y)) + (u32x4)(HIGH(x) * HIGH(y)))

static int saturate_word(int value)
{
	return value > 32767 ? 32767 : value < -32768 ? -32768 : value;
}

/* Unsigned bytes of the first operand times signed ones of the second, neighbours added. */
static INLINE uint64_t maddubs(uint64_t x, uint64_t y)
{
	uint64_t result = 0;

	for (unsigned at = 0; at < 64; at += 16) {
		int sum = (uint8_t)(x >> at) * (int8_t)(y >> at) +
			  (uint8_t)(x >> (at + 8)) * (int8_t)(y >> (at + 8));

		result |= (uint64_t)(uint16_t)saturate_word(sum) << at;
	}
	return result;
}
KERNEL(PMADDUBSW)
{
	(void)imm;
	lane_set(d, maddubs(a[0], b[0]), maddubs(a[1], b[1]));
}

/* ---- Sums of absolute differences ------------------------------------------------------------ */

static INLINE uint64_t sum_of_bytes(uint64_t q)
{
	uint64_t pairs = (q & 0x00ff00ff00ff00ffu) + (q >> 8 & 0x00ff00ff00ff00ffu);

	return pairs * 0x0001000100010001u >> 48;
}
KERNEL(PSADBW)
{
	u8x16 x, y;
	u64x2 difference;

	(void)imm;
	memcpy(&x, a, 16);
	memcpy(&y, b, 16);
	difference = (u64x2)(PICK(u8x16, x > y) - PICK(u8x16, x < y));
	lane_set(d, sum_of_bytes(difference[0]), sum_of_bytes(difference[1]));
}

static unsigned byte_of(const uint64_t *q, unsigned n)
{
	return (uint8_t)(q[n >> 3] >> 8 * (n & 7));
}

/* Eight sums of four, from every byte offset of a on; one group of four of b. */
KERNEL(MPSADBW)
{
	unsigned from = imm >> 2 & 1 ? 4 : 0, group = 4 * (imm & 3);
	uint64_t result[2] = { 0, 0 };

	for (unsigned n = 0; n < 8; n++) {
		unsigned sum = 0;

		for (unsigned k = 0; k < 4; k++) {
			unsigned x = byte_of(a, from + n + k), y = byte_of(b, group + k);

			sum += x > y ? x - y : y - x;
		}
		result[n >> 2] |= (uint64_t)sum << 16 * (n & 3);
	}
	lane_set(d, result[0], result[1]);
}

/* The least word, and its place. */
KERNEL(PHMINPOSUW)
{
	uint64_t least = 0xffff, at = 0;

	(void)a;
	(void)imm;
	for (unsigned n = 8; n-- > 0;) {
		uint64_t word = b[n >> 2] >> 16 * (n & 3) & 0xffff;

		if (word <= least) {
			least = word;
			at = n;
		}
	}
	lane_set(d, least | at << 16, 0);
}

/* ---- Neighbours ------------------------------------------------------------------------------ */

/* Both pairs of words, or the pair of doublewords, of a qword: 32 bits of results. */
#define PAIRS_W(name, expression)                                                               \
static uint64_t name##_pairs(uint64_t q)                                                        \
{                                                                                               \
	uint64_t result = 0;                                                                    \
                                                                                                \
	for (unsigned n = 0; n < 2; n++, q >>= 32) {                                            \
		int x = (int16_t)q, y = (int16_t)(q >> 16);                                     \
                                                                                                \
		result |= (uint64_t)(uint16_t)(expression) << 16 * n;                           \
	}                                                                                       \
	return result;                                                                          \
}
#define PAIRS_D(name, expression)                                                               \
static uint64_t name##_pairs(uint64_t q)                                                        \
{                                                                                               \
	uint32_t x = (uint32_t)q, y = (uint32_t)(q >> 32);                                      \
                                                                                                \
	return (uint32_t)(expression);                                                          \
}
/* The results of both operands, one after the other; with MMX in one qword. */
#define NEIGHBOURS(name, pairs, expression)                                                     \
pairs(name, expression)                                                                         \
KERNEL(name)                                                                                    \
{                                                                                               \
	(void)imm;                                                                              \
	lane_set(d, name##_pairs(a[0]) | name##_pairs(a[1]) << 32,                              \
		 name##_pairs(b[0]) | name##_pairs(b[1]) << 32);                                \
}                                                                                               \
KERNEL(name##_mmx)                                                                              \
{                                                                                               \
	(void)imm;                                                                              \
	d[0] = name##_pairs(a[0]) | name##_pairs(b[0]) << 32;                                   \
}
NEIGHBOURS(PHADDW, PAIRS_W, x + y)
NEIGHBOURS(PHSUBW, PAIRS_W, x - y)
NEIGHBOURS(PHADDSW, PAIRS_W, saturate_word(x + y))
NEIGHBOURS(PHSUBSW, PAIRS_W, saturate_word(x - y))
NEIGHBOURS(PHADDD, PAIRS_D, x + y)
NEIGHBOURS(PHSUBD, PAIRS_D, x - y)

/* ---- Handlers -------------------------------------------------------------------------------- */

#define BOTH_HOT(name) SIMD_HOT(name##_Vx_Hx_Wx, name) MMX(name##_Pq_Qq, name)
#define BOTH(name) SIMD(name##_Vx_Hx_Wx, name, HOW_PLAIN) MMX(name##_Pq_Qq, name)
#define UNARY(name) SIMD(name##_Vx_Wx, name, HOW_PLAIN) MMX(name##_Pq_Qq, name)
#define BOTH_NEIGHBOURS(name) SIMD(name##_Vx_Hx_Wx, name, HOW_PLAIN) MMX(name##_Pq_Qq, name##_mmx)
#define XMM_HOT(name) SIMD_HOT(name##_Vx_Hx_Wx, name)
#define XMM(name) SIMD(name##_Vx_Hx_Wx, name, HOW_PLAIN)

BOTH_HOT(PADDB) BOTH_HOT(PADDW) BOTH_HOT(PADDD) BOTH_HOT(PADDQ)
BOTH_HOT(PSUBB) BOTH_HOT(PSUBW) BOTH_HOT(PSUBD) BOTH_HOT(PSUBQ)
BOTH(PADDUSB) BOTH(PADDUSW) BOTH_HOT(PSUBUSB) BOTH(PSUBUSW)
BOTH(PADDSB) BOTH(PADDSW) BOTH(PSUBSB) BOTH(PSUBSW) BOTH(PAVGB) BOTH(PAVGW)
BOTH_HOT(PCMPEQB) BOTH_HOT(PCMPEQW) BOTH_HOT(PCMPEQD) XMM(PCMPEQQ)
BOTH_HOT(PCMPGTB) BOTH(PCMPGTW) BOTH_HOT(PCMPGTD) XMM(PCMPGTQ)
BOTH_HOT(PMINUB) XMM(PMINUW) XMM(PMINUD) XMM(PMINSB) BOTH(PMINSW) XMM(PMINSD)
BOTH_HOT(PMAXUB) XMM(PMAXUW) XMM(PMAXUD) XMM(PMAXSB) BOTH(PMAXSW) XMM(PMAXSD)
BOTH_HOT(PAND) BOTH_HOT(PANDN) BOTH_HOT(POR) BOTH_HOT(PXOR)
BOTH(PSIGNB) BOTH(PSIGNW) BOTH(PSIGND)
UNARY(PABSB) UNARY(PABSW) UNARY(PABSD)
BOTH_HOT(PMULLW) XMM_HOT(PMULLD) BOTH_HOT(PMULUDQ) XMM(PMULDQ)
BOTH(PMULHW) BOTH(PMULHUW) BOTH(PMULHRSW) BOTH_HOT(PMADDWD) BOTH(PMADDUBSW) BOTH(PSADBW)
BOTH_NEIGHBOURS(PHADDW) BOTH_NEIGHBOURS(PHSUBW) BOTH_NEIGHBOURS(PHADDSW)
BOTH_NEIGHBOURS(PHSUBSW) BOTH_NEIGHBOURS(PHADDD) BOTH_NEIGHBOURS(PHSUBD)
SIMD(MPSADBW_Vx_Hx_Wx_Ib, MPSADBW, 3)
SIMD(PHMINPOSUW_Vdq_Wdq, PHMINPOSUW, HOW_PLAIN)
