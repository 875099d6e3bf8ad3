/*
 * AES, SHA and carry-less multiplication (SDM volume 2: AESENC ..., SHA1x, SHA256x, PCLMULQDQ;
 * FIPS 197 and 180-4 have the algorithms).
 */
#include "vector.h"

static INLINE uint32_t dword_of(const uint64_t *q, unsigned n)
{
	return (uint32_t)(q[n >> 1] >> 32 * (n & 1));
}
static INLINE uint64_t two_dwords(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

/* ---- AES ------------------------------------------------------------------------------------- */

/* FIPS 197, 5.1.1: the inverse in GF(2^8), then an affine map; and back. */
static const uint8_t s_box[256] = {
	0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
	0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
	0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
	0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
	0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
	0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
	0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
	0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
	0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
	0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
	0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
	0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
	0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
	0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
	0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
	0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};
static const uint8_t inverse_s_box[256] = {
	0x52, 0x09, 0x6a, 0xd5, 0x30, 0x36, 0xa5, 0x38, 0xbf, 0x40, 0xa3, 0x9e, 0x81, 0xf3, 0xd7, 0xfb,
	0x7c, 0xe3, 0x39, 0x82, 0x9b, 0x2f, 0xff, 0x87, 0x34, 0x8e, 0x43, 0x44, 0xc4, 0xde, 0xe9, 0xcb,
	0x54, 0x7b, 0x94, 0x32, 0xa6, 0xc2, 0x23, 0x3d, 0xee, 0x4c, 0x95, 0x0b, 0x42, 0xfa, 0xc3, 0x4e,
	0x08, 0x2e, 0xa1, 0x66, 0x28, 0xd9, 0x24, 0xb2, 0x76, 0x5b, 0xa2, 0x49, 0x6d, 0x8b, 0xd1, 0x25,
	0x72, 0xf8, 0xf6, 0x64, 0x86, 0x68, 0x98, 0x16, 0xd4, 0xa4, 0x5c, 0xcc, 0x5d, 0x65, 0xb6, 0x92,
	0x6c, 0x70, 0x48, 0x50, 0xfd, 0xed, 0xb9, 0xda, 0x5e, 0x15, 0x46, 0x57, 0xa7, 0x8d, 0x9d, 0x84,
	0x90, 0xd8, 0xab, 0x00, 0x8c, 0xbc, 0xd3, 0x0a, 0xf7, 0xe4, 0x58, 0x05, 0xb8, 0xb3, 0x45, 0x06,
	0xd0, 0x2c, 0x1e, 0x8f, 0xca, 0x3f, 0x0f, 0x02, 0xc1, 0xaf, 0xbd, 0x03, 0x01, 0x13, 0x8a, 0x6b,
	0x3a, 0x91, 0x11, 0x41, 0x4f, 0x67, 0xdc, 0xea, 0x97, 0xf2, 0xcf, 0xce, 0xf0, 0xb4, 0xe6, 0x73,
	0x96, 0xac, 0x74, 0x22, 0xe7, 0xad, 0x35, 0x85, 0xe2, 0xf9, 0x37, 0xe8, 0x1c, 0x75, 0xdf, 0x6e,
	0x47, 0xf1, 0x1a, 0x71, 0x1d, 0x29, 0xc5, 0x89, 0x6f, 0xb7, 0x62, 0x0e, 0xaa, 0x18, 0xbe, 0x1b,
	0xfc, 0x56, 0x3e, 0x4b, 0xc6, 0xd2, 0x79, 0x20, 0x9a, 0xdb, 0xc0, 0xfe, 0x78, 0xcd, 0x5a, 0xf4,
	0x1f, 0xdd, 0xa8, 0x33, 0x88, 0x07, 0xc7, 0x31, 0xb1, 0x12, 0x10, 0x59, 0x27, 0x80, 0xec, 0x5f,
	0x60, 0x51, 0x7f, 0xa9, 0x19, 0xb5, 0x4a, 0x0d, 0x2d, 0xe5, 0x7a, 0x9f, 0x93, 0xc9, 0x9c, 0xef,
	0xa0, 0xe0, 0x3b, 0x4d, 0xae, 0x2a, 0xf5, 0xb0, 0xc8, 0xeb, 0xbb, 0x3c, 0x83, 0x53, 0x99, 0x61,
	0x17, 0x2b, 0x04, 0x7e, 0xba, 0x77, 0xd6, 0x26, 0xe1, 0x69, 0x14, 0x63, 0x55, 0x21, 0x0c, 0x7d,
};

/*
 * The state is four columns of four bytes, column c in doubleword c, row r in byte r.  Row r of
 * column c comes from column c + r, or c - r when decrypting.
 */
static INLINE uint32_t shifted_column(const uint64_t *state, const uint8_t *box, unsigned c, unsigned step)
{
	uint32_t column = 0;

	for (unsigned row = 0; row < 4; row++)
		column |= (uint32_t)box[dword_of(state, (c + step * row) & 3) >> 8 * row & 0xff] << 8 * row;
	return column;
}

/* Each byte doubled in GF(2^8). */
static INLINE uint32_t doubled(uint32_t v)
{
	return (v & 0x7f7f7f7f) << 1 ^ (v >> 7 & 0x01010101) * 0x1b;
}
static INLINE uint32_t rotated(uint32_t v, unsigned count)
{
	return v >> count | v << (32 - count);
}

/* Byte r becomes 2 b[r] + 3 b[r+1] + b[r+2] + b[r+3]. */
static INLINE uint32_t mix(uint32_t v)
{
	uint32_t next = rotated(v, 8);

	return doubled(v ^ next) ^ next ^ rotated(v ^ next, 16);
}
/* 14, 11, 13, 9: as mix of what this makes. */
static INLINE uint32_t unmix(uint32_t v)
{
	return mix(v ^ doubled(doubled(v ^ rotated(v, 16))));
}

#define AES(name, box, step, mixed)                                                             \
KERNEL(name)                                                                                    \
{                                                                                               \
	uint32_t column[4];                                                                     \
                                                                                                \
	(void)imm;                                                                              \
	for (unsigned c = 0; c < 4; c++)                                                        \
		column[c] = mixed(shifted_column(a, box, c, step)) ^ dword_of(b, c);            \
	lane_set(d, two_dwords(column[0], column[1]), two_dwords(column[2], column[3]));        \
}
AES(AESENC, s_box, 1, mix)
AES(AESENCLAST, s_box, 1, )
AES(AESDEC, inverse_s_box, 3, unmix)
AES(AESDECLAST, inverse_s_box, 3, )

KERNEL(AESIMC)
{
	uint64_t low = two_dwords(unmix(dword_of(b, 0)), unmix(dword_of(b, 1)));
	uint64_t high = two_dwords(unmix(dword_of(b, 2)), unmix(dword_of(b, 3)));

	(void)a;
	(void)imm;
	lane_set(d, low, high);
}

static uint32_t substituted(uint32_t v)
{
	return s_box[v & 0xff] | (uint32_t)s_box[v >> 8 & 0xff] << 8 |
	       (uint32_t)s_box[v >> 16 & 0xff] << 16 | (uint32_t)s_box[v >> 24] << 24;
}

KERNEL(AESKEYGENASSIST)
{
	uint32_t x = substituted(dword_of(b, 1)), y = substituted(dword_of(b, 3));

	(void)a;
	lane_set(d, two_dwords(x, rotated(x, 8) ^ imm), two_dwords(y, rotated(y, 8) ^ imm));
}

/* ---- Carry-less multiplication --------------------------------------------------------------- */

/* Four bits at a time; the top three bits of x, which would not fit the table, on their own. */
KERNEL(PCLMULQDQ)
{
	uint64_t x = a[imm & 1], y = b[imm >> 4 & 1], low = 0, high = 0;
	uint64_t table[16], rest = x & ~UINT64_C(0) >> 3;

	table[0] = 0;
	for (unsigned n = 1; n < 16; n++)
		table[n] = n & 1 ? table[n - 1] ^ rest : table[n / 2] << 1;
	low = table[y & 15];
	for (unsigned n = 4; n < 64; n += 4) {
		uint64_t product = table[y >> n & 15];

		low ^= product << n;
		high ^= product >> (64 - n);
	}
	for (unsigned n = 61; n < 64; n++) {
		uint64_t mask = 0 - (x >> n & 1);

		low ^= y << n & mask;
		high ^= y >> (64 - n) & mask;
	}
	lane_set(d, low, high);
}

/* ---- SHA: the first of four doublewords is in bits 96-127, except where the SDM says otherwise --- */

static INLINE uint32_t sha1_function(unsigned which, uint32_t b, uint32_t c, uint32_t d)
{
	switch (which) {
	case 0: return (b & c) ^ (~b & d);
	case 2: return (b & c) ^ (b & d) ^ (c & d);
	default: return b ^ c ^ d;
	}
}

/* Four rounds: a holds A to D, b the words, E added to the first. */
KERNEL(SHA1RNDS4)
{
	static const uint32_t constants[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
	uint32_t v[5] = { dword_of(a, 3), dword_of(a, 2), dword_of(a, 1), dword_of(a, 0), 0 };

	for (unsigned n = 0; n < 4; n++) {
		uint32_t next = sha1_function(imm & 3, v[1], v[2], v[3]) + rotated(v[0], 27) +
				dword_of(b, 3 - n) + v[4] + constants[imm & 3];

		v[4] = v[3];
		v[3] = v[2];
		v[2] = rotated(v[1], 2);
		v[1] = v[0];
		v[0] = next;
	}
	lane_set(d, two_dwords(v[3], v[2]), two_dwords(v[1], v[0]));
}

KERNEL(SHA1NEXTE)
{
	uint64_t high = two_dwords(dword_of(b, 2), dword_of(b, 3) + rotated(dword_of(a, 3), 2));

	(void)imm;
	lane_set(d, b[0], high);
}

KERNEL(SHA1MSG1)
{
	uint64_t low = a[0] ^ b[1], high = a[1] ^ a[0];

	(void)imm;
	lane_set(d, low, high);
}

KERNEL(SHA1MSG2)
{
	uint32_t w16 = rotated(dword_of(a, 3) ^ dword_of(b, 2), 31);
	uint32_t w17 = rotated(dword_of(a, 2) ^ dword_of(b, 1), 31);
	uint32_t w18 = rotated(dword_of(a, 1) ^ dword_of(b, 0), 31);
	uint32_t w19 = rotated(dword_of(a, 0) ^ w16, 31);

	(void)imm;
	lane_set(d, two_dwords(w19, w18), two_dwords(w17, w16));
}

/* Two rounds: b holds A, B, E, F, the destination C, D, G, H, XMM0 the words with constants added. */
static INLINE void sha256_rounds(uint64_t *to, const uint64_t *b, const uint64_t *words)
{
	uint32_t v[8] = { dword_of(b, 3), dword_of(b, 2), dword_of(to, 3), dword_of(to, 2),
			  dword_of(b, 1), dword_of(b, 0), dword_of(to, 1), dword_of(to, 0) };

	for (unsigned n = 0; n < 2; n++) {
		uint32_t s1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25);
		uint32_t s0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22);
		uint32_t t = ((v[4] & v[5]) ^ (~v[4] & v[6])) + s1 + dword_of(words, n) + v[7];
		uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

		for (unsigned k = 7; k > 0; k--)
			v[k] = v[k - 1];
		v[4] += t;
		v[0] = t + majority + s0;
	}
	to[0] = two_dwords(v[5], v[4]);
	to[1] = two_dwords(v[1], v[0]);
}

static NOINLINE bool sha256(struct cpu *cpu, const struct insn *i)
{
	uint64_t b[2];

	if (!vector_operand(cpu, i, 16, b))
		return false;
	sha256_rounds(cpu->v[i->dst].q, b, cpu->v[0].q);
	return true;
}
HANDLER_OF(op_SHA256RNDS2_Vdq_Wdq_r, sha256)
HANDLER_OF(op_SHA256RNDS2_Vdq_Wdq_m, sha256)

KERNEL(SHA256MSG1)
{
	uint32_t w[5] = { dword_of(a, 0), dword_of(a, 1), dword_of(a, 2), dword_of(a, 3), dword_of(b, 0) };

	(void)imm;
	for (unsigned n = 0; n < 4; n++)
		w[n] += rotated(w[n + 1], 7) ^ rotated(w[n + 1], 18) ^ w[n + 1] >> 3;
	lane_set(d, two_dwords(w[0], w[1]), two_dwords(w[2], w[3]));
}

KERNEL(SHA256MSG2)
{
	uint32_t w[6] = { dword_of(b, 2), dword_of(b, 3) };

	(void)imm;
	for (unsigned n = 0; n < 4; n++)
		w[n + 2] = dword_of(a, n) + (rotated(w[n], 17) ^ rotated(w[n], 19) ^ w[n] >> 10);
	lane_set(d, two_dwords(w[2], w[3]), two_dwords(w[4], w[5]));
}

/* ---- Handlers -------------------------------------------------------------------------------- */

SIMD_REGISTERS(AESENC_Vdq_Hdq_Wdq, AESENC)
SIMD(AESENCLAST_Vdq_Hdq_Wdq, AESENCLAST, HOW_PLAIN)
SIMD_REGISTERS(AESDEC_Vdq_Hdq_Wdq, AESDEC)
SIMD(AESDECLAST_Vdq_Hdq_Wdq, AESDECLAST, HOW_PLAIN)
SIMD(AESIMC_Vdq_Wdq, AESIMC, HOW_PLAIN)
SIMD(AESKEYGENASSIST_Vdq_Wdq_Ib, AESKEYGENASSIST, HOW_PLAIN)
SIMD(PCLMULQDQ_Vdq_Hdq_Wdq_Ib, PCLMULQDQ, HOW_PLAIN)
SIMD(SHA1RNDS4_Vdq_Wdq_Ib, SHA1RNDS4, HOW_PLAIN)
SIMD(SHA1NEXTE_Vdq_Wdq, SHA1NEXTE, HOW_PLAIN)
SIMD(SHA1MSG1_Vdq_Wdq, SHA1MSG1, HOW_PLAIN)
SIMD(SHA1MSG2_Vdq_Wdq, SHA1MSG2, HOW_PLAIN)
SIMD(SHA256MSG1_Vdq_Wdq, SHA256MSG1, HOW_PLAIN)
SIMD(SHA256MSG2_Vdq_Wdq, SHA256MSG2, HOW_PLAIN)
