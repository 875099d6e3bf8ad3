/*
 * SIMD instructions that move elements about: PUNPCKx, PACKx, PSHUFx, SHUFPx, PALIGNR, blends,
 * VPERMx, broadcasts, PMOVSXx and PMOVZXx, VINSERTF128 and VEXTRACTF128 (SDM volume 2).
 */
#include "vector.h"

static INLINE uint64_t dword_of(const uint64_t *q, unsigned n)
{
	return (uint32_t)(q[n >> 1] >> 32 * (n & 1));
}
static INLINE uint64_t word_in(uint64_t q, unsigned n)
{
	return (uint16_t)(q >> 16 * n);
}

/* ---- Interleave ------------------------------------------------------------------------------ */

#define INTERLEAVED_8(x, y, n)                                                                  \
	SHUFFLE_8(x, y, n, n + 16, n + 1, n + 17, n + 2, n + 18, n + 3, n + 19, n + 4, n + 20,  \
		  n + 5, n + 21, n + 6, n + 22, n + 7, n + 23)
#define INTERLEAVED_16(x, y, n) \
	SHUFFLE_16(x, y, n, n + 8, n + 1, n + 9, n + 2, n + 10, n + 3, n + 11)
#define INTERLEAVED_32(x, y, n) SHUFFLE_32(x, y, n, n + 4, n + 1, n + 5)

/* n: the first element that is used, that of the upper half of an MMX register is half of it. */
#define PUNPCK_FROM(name, W, type, n)                                                           \
KERNEL(name)                                                                                    \
{                                                                                               \
	type x, y;                                                                              \
                                                                                                \
	(void)imm;                                                                              \
	memcpy(&x, a, 16);                                                                      \
	memcpy(&y, b, 16);                                                                      \
	x = INTERLEAVED_##W(x, y, n);                                                           \
	memcpy(d, &x, 16);                                                                      \
}
#define PUNPCK(letters, W, type)                                                                \
	PUNPCK_FROM(PUNPCKL##letters, W, type, 0)                                               \
	PUNPCK_FROM(PUNPCKH##letters, W, type, 64 / W)                                          \
	PUNPCK_FROM(PUNPCKH##letters##_mmx, W, type, 32 / W)
PUNPCK(BW, 8, u8x16)
PUNPCK(WD, 16, u16x8)
PUNPCK(DQ, 32, u32x4)

KERNEL(PUNPCKLQDQ)
{
	(void)imm;
	lane_set(d, a[0], b[0]);
}
KERNEL(PUNPCKHQDQ)
{
	(void)imm;
	lane_set(d, a[1], b[1]);
}

/* ---- Pack ------------------------------------------------------------------------------------ */

#define CLAMPED(type, v, least, most)                                                           \
	(((v) & ((v) > (least)) & ((v) < (most))) | (((v) <= (least)) & (least)) |              \
	 (((v) >= (most)) & (most)))
#define LOW_HALVES_16(x, y) (s16x8)SHUFFLE_8((s8x16)(x), (s8x16)(y), 0, 2, 4, 6, 8, 10, 12, 14, \
					     16, 18, 20, 22, 24, 26, 28, 30)
#define LOW_HALVES_32(x, y) (s32x4)SHUFFLE_16((s16x8)(x), (s16x8)(y), 0, 2, 4, 6, 8, 10, 12, 14)

#define PACK(name, W, type, least, most)                                                        \
KERNEL(name)                                                                                    \
{                                                                                               \
	type x, y;                                                                              \
                                                                                                \
	(void)imm;                                                                              \
	memcpy(&x, a, 16);                                                                      \
	memcpy(&y, b, 16);                                                                      \
	x = CLAMPED(type, x, least, most);                                                      \
	y = CLAMPED(type, y, least, most);                                                      \
	x = LOW_HALVES_##W(x, y);                                                               \
	memcpy(d, &x, 16);                                                                      \
}
#define PACK_MMX(name, W, type, least, most)                                                    \
KERNEL(name##_mmx)                                                                              \
{                                                                                               \
	const u64x2 both = { a[0], b[0] };                                                      \
	type x = (type)both;                                                                    \
                                                                                                \
	(void)imm;                                                                              \
	x = CLAMPED(type, x, least, most);                                                      \
	x = LOW_HALVES_##W(x, x);                                                               \
	memcpy(d, &x, 16);                                                                      \
}
PACK(PACKSSWB, 16, s16x8, -128, 127)
PACK(PACKUSWB, 16, s16x8, 0, 255)
PACK(PACKSSDW, 32, s32x4, -32768, 32767)
PACK(PACKUSDW, 32, s32x4, 0, 65535)
PACK_MMX(PACKSSWB, 16, s16x8, -128, 127)
PACK_MMX(PACKUSWB, 16, s16x8, 0, 255)
PACK_MMX(PACKSSDW, 32, s32x4, -32768, 32767)

/* ---- Shuffle within a lane ------------------------------------------------------------------- */

/* from: a register as it is in memory. */
static INLINE uint64_t picked_bytes(const uint8_t *from, uint64_t controls)
{
	uint64_t result = 0;

	for (unsigned at = 0; at < 64; at += 8) {
		unsigned n = (controls >> at & 15) ^ (HOST_BIG_ENDIAN ? 7 : 0);

		result |= (uint64_t)from[n] << at;
	}
	return result & ~((controls >> 7 & 0x0101010101010101u) * 0xff);
}
KERNEL(PSHUFB)
{
	uint8_t from[16];

	(void)imm;
	memcpy(from, a, 16);
	lane_set(d, picked_bytes(from, b[0]), picked_bytes(from, b[1]));
}
KERNEL(PSHUFB_mmx)
{
	uint64_t result = 0;

	(void)imm;
	for (unsigned at = 0; at < 64; at += 8) {
		unsigned control = (uint8_t)(b[0] >> at);

		if (!(control & 0x80))
			result |= (a[0] >> 8 * (control & 7) & 0xff) << at;
	}
	d[0] = result;
}

KERNEL(PSHUFD)
{
	uint64_t low = dword_of(b, imm & 3) | dword_of(b, imm >> 2 & 3) << 32;
	uint64_t high = dword_of(b, imm >> 4 & 3) | dword_of(b, imm >> 6 & 3) << 32;

	(void)a;
	lane_set(d, low, high);
}

static INLINE uint64_t shuffle_words(uint64_t q, unsigned imm)
{
	return word_in(q, imm & 3) | word_in(q, imm >> 2 & 3) << 16 | word_in(q, imm >> 4 & 3) << 32 |
	       word_in(q, imm >> 6 & 3) << 48;
}
KERNEL(PSHUFLW)
{
	(void)a;
	lane_set(d, shuffle_words(b[0], imm), b[1]);
}
KERNEL(PSHUFHW)
{
	(void)a;
	lane_set(d, b[0], shuffle_words(b[1], imm));
}

KERNEL(SHUFPS)
{
	uint64_t low = dword_of(a, imm & 3) | dword_of(a, imm >> 2 & 3) << 32;
	uint64_t high = dword_of(b, imm >> 4 & 3) | dword_of(b, imm >> 6 & 3) << 32;

	lane_set(d, low, high);
}
KERNEL(SHUFPD)
{
	uint64_t low = a[imm & 1], high = b[imm >> 1 & 1];

	lane_set(d, low, high);
}

/* Controls in a register (bit 1 for the qwords), or for the qwords in an immediate. */
KERNEL(VPERMILPS)
{
	uint64_t low = dword_of(a, b[0] & 3) | dword_of(a, b[0] >> 32 & 3) << 32;
	uint64_t high = dword_of(a, b[1] & 3) | dword_of(a, b[1] >> 32 & 3) << 32;

	(void)imm;
	lane_set(d, low, high);
}
KERNEL(VPERMILPD)
{
	uint64_t low = a[b[0] >> 1 & 1], high = a[b[1] >> 1 & 1];

	(void)imm;
	lane_set(d, low, high);
}
KERNEL(VPERMILPD_imm)
{
	uint64_t low = b[imm & 1], high = b[imm >> 1 & 1];

	(void)a;
	lane_set(d, low, high);
}

/* 64 bits of two qwords, from this bit on. */
static INLINE uint64_t joined(uint64_t low, uint64_t high, unsigned bit)
{
	return bit ? low >> bit | high << (64 - bit) : low;
}

/* 16 bytes out of both operands, b below a, from byte imm on. */
KERNEL(PALIGNR)
{
	uint64_t all[7] = { b[0], b[1], a[0], a[1], 0, 0, 0 };
	unsigned from = imm < 32 ? imm >> 3 : 4, bits = 8 * (imm & 7);

	lane_set(d, joined(all[from], all[from + 1], bits), joined(all[from + 1], all[from + 2], bits));
}
KERNEL(PALIGNR_mmx)
{
	uint64_t all[4] = { b[0], a[0], 0, 0 };
	unsigned from = imm < 16 ? imm >> 3 : 2, bits = 8 * (imm & 7);

	d[0] = joined(all[from], all[from + 1], bits);
}

/* ---- Blend ----------------------------------------------------------------------------------- */

static INLINE uint64_t choose(uint64_t a, uint64_t b, uint64_t mask)
{
	return (a & ~mask) | (b & mask);
}
static INLINE uint64_t word_mask(unsigned bits)
{
	return ((bits & 15) * 0x0000200040008001u & 0x0001000100010001u) * 0xffff;
}
static INLINE uint64_t dword_mask(unsigned bits)
{
	return ((bits & 3) * UINT64_C(0x80000001) & 0x0000000100000001u) * 0xffffffffu;
}

KERNEL(PBLENDW)
{
	lane_set(d, choose(a[0], b[0], word_mask(imm)), choose(a[1], b[1], word_mask(imm >> 4)));
}
KERNEL(BLENDPS)
{
	lane_set(d, choose(a[0], b[0], dword_mask(imm)), choose(a[1], b[1], dword_mask(imm >> 2)));
}
KERNEL(BLENDPD)
{
	lane_set(d, imm & 1 ? b[0] : a[0], imm & 2 ? b[1] : a[1]);
}

/* By the signs of elements in a third register: XMM0, or with VEX the one in imm8. */
static INLINE uint64_t sign_mask(uint64_t q, unsigned width)
{
	uint64_t ones = width == 1 ? 0x0101010101010101u : width == 4 ? 0x0000000100000001u : 1;

	return (q >> (8 * width - 1) & ones) * (~UINT64_C(0) >> (64 - 8 * width));
}

static NOINLINE bool blend(struct cpu *cpu, const struct insn *i, unsigned width)
{
	unsigned number = (unsigned)i->imm >> 4 & (cpu->mode & MODE_64 ? 15 : 7);
	const uint64_t *mask = cpu->v[i->vl ? number : 0].q, *a = cpu->v[i->src].q;
	uint64_t b[4], *d = cpu->v[i->dst].q;

	if (!vector_operand(cpu, i, vector_size(i), b))
		return false;
	for (unsigned n = 0; n < vector_size(i) / 8; n += 2)
		lane_set(d + n, choose(a[n], b[n], sign_mask(mask[n], width)),
			 choose(a[n + 1], b[n + 1], sign_mask(mask[n + 1], width)));
	if (i->vl != 32)
		vector_upper(cpu, i, i->dst);
	return true;
}

static const struct insn *vector_blend(struct cpu *cpu, const struct insn *i, unsigned width)
{
	if (!blend(cpu, i, width))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

/* ---- Across lanes ---------------------------------------------------------------------------- */

/* Like a kernel, but all four qwords of the result and of a, and of b as many as there are. */
static NOINLINE bool whole(struct cpu *cpu, const struct insn *i, vector_kernel *function, unsigned size)
{
	uint64_t b[4] = { 0 }, result[4];

	if (!vector_operand(cpu, i, size, b))
		return false;
	function(result, cpu->v[i->src].q, b, (unsigned)i->imm);
	memcpy(cpu->v[i->dst].q, result, 16);
	if (i->vl == 32)
		memcpy(cpu->v[i->dst].q + 2, result + 2, 16);
	else
		vector_upper(cpu, i, i->dst);
	return true;
}

static const struct insn *vector_whole(struct cpu *cpu, const struct insn *i, vector_kernel *function,
				       unsigned size)
{
	if (!whole(cpu, i, function, size))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

/* One element everywhere, in line: AVX code has its constants so. */
static INLINE void broadcast(struct cpu *cpu, const struct insn *i, uint64_t value)
{
	uint64_t *d = cpu->v[i->dst].q;

	lane_set(d, value, value);
	if (i->vl != 32)
		value = 0;
	lane_set(d + 2, value, value);
}
#define BROADCAST_HOT(row, W, copies)                                                           \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	broadcast(cpu, i, (uint##W##_t)cpu->v[i->rm].q[0] * (uint64_t)(copies));                \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##row##_m)                                                                    \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	broadcast(cpu, i, value * (uint64_t)(copies));                                          \
	NEXT(cpu, i);                                                                           \
}

#define WHOLE(row, name, size) DRIVEN(row, vector_whole(cpu, i, name, size))
#define FUNCTION(name) static void name(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm)

FUNCTION(permute_qwords)
{
	(void)a;
	lane_set(d, b[imm & 3], b[imm >> 2 & 3]);
	lane_set(d + 2, b[imm >> 4 & 3], b[imm >> 6 & 3]);
}

FUNCTION(permute_dwords)
{
	uint64_t q[4];

	(void)imm;
	for (unsigned n = 0; n < 4; n++)
		q[n] = dword_of(b, a[n] & 7) | dword_of(b, a[n] >> 32 & 7) << 32;
	lane_set(d, q[0], q[1]);
	lane_set(d + 2, q[2], q[3]);
}

FUNCTION(permute_lanes)
{
	for (unsigned n = 0; n < 4; n += 2, imm >>= 4) {
		const uint64_t *from = (imm & 2 ? b : a) + 2 * (imm & 1);

		lane_set(d + n, imm & 8 ? 0 : from[0], imm & 8 ? 0 : from[1]);
	}
}

FUNCTION(insert_lane)
{
	for (unsigned n = 0; n < 4; n += 2)
		if (n / 2 == (imm & 1))
			lane_set(d + n, b[0], b[1]);
		else
			lane_set(d + n, a[n], a[n + 1]);
}

#define BROADCAST(name, low, high)                                                              \
FUNCTION(name)                                                                                  \
{                                                                                               \
	uint64_t q = low;                                                                       \
                                                                                                \
	(void)a;                                                                                \
	(void)imm;                                                                              \
	lane_set(d, q, high);                                                                   \
	lane_set(d + 2, q, high);                                                               \
}
BROADCAST(broadcast_8, (b[0] & 0xff) * 0x0101010101010101u, q)
BROADCAST(broadcast_16, (b[0] & 0xffff) * 0x0001000100010001u, q)
BROADCAST(broadcast_128, b[0], b[1])

static NOINLINE bool extract_lane(struct cpu *cpu, const struct insn *i)
{
	const uint64_t *from = cpu->v[i->dst].q + 2 * (i->imm & 1);

	if (i->flags & INSN_MEMORY)
		return vector_store(cpu, i, 16, from);
	memmove(cpu->v[i->rm].q, from, 16);
	vector_upper(cpu, i, i->rm);
	return true;
}
HANDLER_OF(op_VEXTRACTF128_Wdq_Vx_Ib_r, extract_lane)
HANDLER_OF(op_VEXTRACTF128_Wdq_Vx_Ib_m, extract_lane)

/* ---- Widen ----------------------------------------------------------------------------------- */

/* A lane made of the elements in the low bits of source. */
#define WIDEN(name, expression)                                                                 \
static INLINE void name##_inline(uint64_t *d, uint64_t source)                                  \
{                                                                                               \
	const u64x2 qwords = { source, 0 };                                                     \
	const s8x16 zero = { 0 };                                                               \
	s8x16 x = (s8x16)qwords;                                                                \
                                                                                                \
	(void)zero;                                                                             \
	x = (s8x16)(expression);                                                                \
	memcpy(d, &x, 16);                                                                      \
}                                                                                               \
static NOINLINE void name##_lane(uint64_t *d, uint64_t source)                                  \
{                                                                                               \
	name##_inline(d, source);                                                               \
}
#define WIDEN_SCALAR(name, type)                                                                \
static INLINE void name##_inline(uint64_t *d, uint64_t source)                                  \
{                                                                                               \
	lane_set(d, (uint64_t)(type)source, (uint64_t)(type)(source >> 8 * sizeof(type)));      \
}                                                                                               \
static NOINLINE void name##_lane(uint64_t *d, uint64_t source)                                  \
{                                                                                               \
	name##_inline(d, source);                                                               \
}
#define TWICE_8(v)  INTERLEAVED_8(v, v, 0)
#define TWICE_16(v) INTERLEAVED_16((s16x8)(v), (s16x8)(v), 0)
WIDEN(PMOVZXBW, INTERLEAVED_8(x, zero, 0))
WIDEN(PMOVZXBD, INTERLEAVED_16((s16x8)INTERLEAVED_8(x, zero, 0), (s16x8)zero, 0))
WIDEN(PMOVZXWD, INTERLEAVED_16((s16x8)x, (s16x8)zero, 0))
WIDEN(PMOVSXBW, (s16x8)TWICE_8(x) >> 8)
WIDEN(PMOVSXBD, (s32x4)TWICE_16(TWICE_8(x)) >> 24)
WIDEN(PMOVSXWD, (s32x4)TWICE_16(x) >> 16)
WIDEN_SCALAR(PMOVZXBQ, uint8_t)
WIDEN_SCALAR(PMOVZXWQ, uint16_t)
WIDEN_SCALAR(PMOVZXDQ, uint32_t)
WIDEN_SCALAR(PMOVSXBQ, int8_t)
WIDEN_SCALAR(PMOVSXWQ, int16_t)
WIDEN_SCALAR(PMOVSXDQ, int32_t)

/* Each lane takes so many bits of the source. */
static NOINLINE bool widen(struct cpu *cpu, const struct insn *i, void (*lane)(uint64_t *, uint64_t),
			   unsigned bits)
{
	uint64_t source[2], *d = cpu->v[i->dst].q;

	if (!vector_load(cpu, i, vector_size(i) * bits / 128, source))
		return false;
	lane(d, source[0]);
	if (i->vl == 32)
		lane(d + 2, bits == 64 ? source[1] : source[0] >> bits);
	else
		vector_upper(cpu, i, i->dst);
	return true;
}

static const struct insn *vector_widen(struct cpu *cpu, const struct insn *i,
				       void (*lane)(uint64_t *, uint64_t), unsigned bits)
{
	if (!widen(cpu, i, lane, bits))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

#define WIDENING(name, part, bits)                                                              \
HANDLER(op_##name##_Vx_##part##_r)                                                              \
{                                                                                               \
	const uint64_t *from = cpu->v[i->rm].q;                                                 \
	uint64_t *d = cpu->v[i->dst].q, low = from[0], high = from[bits / 64] >> bits % 64;     \
                                                                                                \
	name##_inline(d, low);                                                                  \
	if (i->vl == 32)                                                                        \
		name##_inline(d + 2, high);                                                     \
	else                                                                                    \
		vector_upper(cpu, i, i->dst);                                                   \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
static COLD HANDLER(name##_rest) { return vector_widen(cpu, i, name##_lane, bits); }            \
HANDLER(op_##name##_Vx_##part##_m)                                                              \
{                                                                                               \
	uint64_t linear = ea(cpu, i), *d = cpu->v[i->dst].q;                                    \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
	const uint8_t *from;                                                                    \
                                                                                                \
	if (!tlb_hit(entry, linear, i->vl == 32 ? bits / 4 : bits / 8))                         \
		return name##_rest(cpu, i);                                                     \
	from = tlb_host(entry, linear);                                                         \
	if (i->vl == 32) {                                                                      \
		name##_inline(d, get##bits(from));                                              \
		name##_inline(d + 2, get##bits(from + bits / 8));                               \
	} else {                                                                                \
		name##_inline(d, get##bits(from));                                              \
		vector_upper(cpu, i, i->dst);                                                   \
	}                                                                                       \
	NEXT(cpu, i);                                                                           \
}
#define WIDENINGS(letters, part, bits) \
	WIDENING(PMOVSX##letters, part, bits) WIDENING(PMOVZX##letters, part, bits)
WIDENINGS(BW, Whx, 64)
WIDENINGS(BD, Wqx, 32)
WIDENINGS(BQ, Wox, 16)
WIDENINGS(WD, Whx, 64)
WIDENINGS(WQ, Wqx, 32)
WIDENINGS(DQ, Whx, 64)

/* ---- Handlers -------------------------------------------------------------------------------- */

#define MMX_LOW(row, name) DRIVEN(row, mmx_lanes(cpu, i, name##_lane, 4))
#define INTERLEAVE(letters)                                                                     \
	SIMD_HOT(PUNPCKL##letters##_Vx_Hx_Wx, PUNPCKL##letters)                                 \
	SIMD_HOT(PUNPCKH##letters##_Vx_Hx_Wx, PUNPCKH##letters)                                 \
	MMX_LOW(PUNPCKL##letters##_Pq_Qd, PUNPCKL##letters)                                     \
	MMX(PUNPCKH##letters##_Pq_Qq, PUNPCKH##letters##_mmx)
INTERLEAVE(BW)
INTERLEAVE(WD)
INTERLEAVE(DQ)
SIMD_HOT(PUNPCKLQDQ_Vx_Hx_Wx, PUNPCKLQDQ)
SIMD_HOT(PUNPCKHQDQ_Vx_Hx_Wx, PUNPCKHQDQ)

#define BOTH(name) SIMD(name##_Vx_Hx_Wx, name, HOW_PLAIN) MMX(name##_Pq_Qq, name##_mmx)
BOTH(PACKSSWB)
BOTH(PACKSSDW)
SIMD_REGISTERS(PACKUSWB_Vx_Hx_Wx, PACKUSWB)
MMX(PACKUSWB_Pq_Qq, PACKUSWB_mmx)
SIMD(PACKUSDW_Vx_Hx_Wx, PACKUSDW, HOW_PLAIN)

SIMD_REGISTERS(PSHUFB_Vx_Hx_Wx, PSHUFB)
MMX(PSHUFB_Pq_Qq, PSHUFB_mmx)
SIMD_HOT(PSHUFD_Vx_Wx_Ib, PSHUFD)
SIMD(PSHUFLW_Vx_Wx_Ib, PSHUFLW, HOW_PLAIN)
SIMD(PSHUFHW_Vx_Wx_Ib, PSHUFHW, HOW_PLAIN)
MMX(PSHUFW_Pq_Qq_Ib, PSHUFLW)
SIMD_REGISTERS(SHUFPS_Vx_Hx_Wx_Ib, SHUFPS)
SIMD(SHUFPD_Vx_Hx_Wx_Ib, SHUFPD, 2)
SIMD_REGISTERS(PALIGNR_Vx_Hx_Wx_Ib, PALIGNR)
MMX(PALIGNR_Pq_Qq_Ib, PALIGNR_mmx)

SIMD(PBLENDW_Vx_Hx_Wx_Ib, PBLENDW, HOW_PLAIN)
SIMD(BLENDPS_Vx_Hx_Wx_Ib, BLENDPS, 4)
SIMD(BLENDPD_Vx_Hx_Wx_Ib, BLENDPD, 2)
DRIVEN(PBLENDVB_Vdq_Wdq, vector_blend(cpu, i, 1))
DRIVEN(BLENDVPS_Vdq_Wdq, vector_blend(cpu, i, 4))
DRIVEN(BLENDVPD_Vdq_Wdq, vector_blend(cpu, i, 8))

SIMD(VPERMILPS_Vx_Hx_Wx, VPERMILPS, HOW_PLAIN)
SIMD(VPERMILPD_Vx_Hx_Wx, VPERMILPD, HOW_PLAIN)
SIMD(VPERMILPD_Vx_Wx_Ib, VPERMILPD_imm, 2)
WHOLE(VPERMQ_Vx_Wx_Ib, permute_qwords, 32)
WHOLE(VPERMD_Vx_Hx_Wx, permute_dwords, 32)
WHOLE(VPERM2F128_Vx_Hx_Wx_Ib, permute_lanes, 32)
WHOLE(VINSERTF128_Vx_Hx_Wdq_Ib, insert_lane, 16)
WHOLE(VPBROADCASTB_Vx_Wb, broadcast_8, 1)
WHOLE(VPBROADCASTW_Vx_Ww, broadcast_16, 2)
BROADCAST_HOT(VPBROADCASTD_Vx_Wss, 32, 0x0000000100000001u)
BROADCAST_HOT(VPBROADCASTQ_Vx_Wsd, 64, 1)
HANDLER(op_VBROADCASTF128_Vx_Mdq_m) { return vector_whole(cpu, i, broadcast_128, 16); }
