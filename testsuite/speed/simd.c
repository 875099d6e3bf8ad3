/*
 * Integers in vectors, mostly as compilers make them of plain loops: text, pixels, sounds, hashes,
 * copies.  Compiled for SSE2 and once more for AVX2.
 */
#include "work.h"
#include <immintrin.h>

#ifndef SIMD_WORKS
#define SIMD_WORKS simd_works
#endif

/* Lengths of lines, a vector of bytes at a time. */
#ifdef __AVX2__
typedef __m256i bytes;

static uint32_t equal_mask(const uint8_t *at, bytes wanted)
{
	bytes here = _mm256_loadu_si256((const bytes *)(const void *)at);

	return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(here, wanted));
}

static bytes all_of(char c)
{
	return _mm256_set1_epi8(c);
}
#else
typedef __m128i bytes;

static uint32_t equal_mask(const uint8_t *at, bytes wanted)
{
	bytes here = _mm_loadu_si128((const bytes *)(const void *)at);

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(here, wanted));
}

static bytes all_of(char c)
{
	return _mm_set1_epi8(c);
}
#endif

static uint32_t text(uint32_t count)
{
	enum { SIZE = 65536 };
	bytes wanted = all_of('\n');
	uint32_t sum = 0, seed = 41;

	for (uint32_t i = 0; i < SIZE + 64; i++)
		arena[i] = (uint8_t)(' ' + next_random(&seed) % 90);
	for (uint32_t i = 0; i < SIZE; i += 10 + next_random(&seed) % 120)
		arena[i] = '\n';
	while (count--) {
		const uint8_t *at = arena, *start = at;
		while (at < arena + SIZE) {
			uint32_t mask = equal_mask(at, wanted);
			if (!mask) {
				at += sizeof(bytes);
				continue;
			}
			at += __builtin_ctz(mask) + 1;
			sum = mix(sum, (uint32_t)(at - start));
			start = at;
		}
	}
	return sum;
}

/* One picture laid over another, with a weight for each byte. */
static uint32_t pixels(uint32_t count)
{
	enum { SIZE = 16384 };
	uint8_t *to = arena, *from = arena + SIZE, *weight = arena + 2 * SIZE;
	uint32_t sum = 0, seed = 42;

	for (uint32_t i = 0; i < 3 * SIZE; i++)
		arena[i] = (uint8_t)next_random(&seed);
	while (count--) {
		for (uint32_t i = 0; i < SIZE; i++)
			to[i] = (uint8_t)((uint16_t)(to[i] * (uint16_t)(255 - weight[i]) +
				from[i] * (uint16_t)weight[i] + 128) >> 8);
		sum = mix(sum, to[count & (SIZE - 1)]);
		from[count & (SIZE - 1)] ^= (uint8_t)sum;
	}
	return sum;
}

/* A filter of 16-bit samples. */
static uint32_t sounds(uint32_t count)
{
	enum { SIZE = 4096, TAPS = 16 };
	int16_t *samples = (int16_t *)(void *)arena, *out = samples + SIZE + TAPS, taps[TAPS];
	uint32_t sum = 0, seed = 43;

	for (uint32_t i = 0; i < SIZE + TAPS; i++)
		samples[i] = (int16_t)next_random(&seed);
	for (uint32_t i = 0; i < TAPS; i++)
		taps[i] = (int16_t)(next_random(&seed) & 2047);
	while (count--) {
		for (uint32_t i = 0; i < SIZE; i++) {
			int32_t s = 0;
			for (uint32_t k = 0; k < TAPS; k++)
				s += samples[i + k] * taps[k];
			out[i] = (int16_t)(s >> 15);
		}
		sum = mix(sum, (uint16_t)out[count & (SIZE - 1)]);
		samples[count & (SIZE - 1)] = (int16_t)sum;
	}
	return sum;
}

/* A hash of many words at once. */
static uint32_t lanes(uint32_t count)
{
	enum { SIZE = 4096 };
	uint32_t *words = (uint32_t *)(void *)arena, sum = 0;

	for (uint32_t i = 0; i < SIZE; i++)
		words[i] = i * 2654435761u;
	while (count--) {
		for (uint32_t i = 0; i < SIZE; i++) {
			uint32_t x = words[i] ^ count;
			x += x << 10;
			x ^= x >> 6;
			x += x << 3;
			x ^= x >> 11;
			words[i] = (x << 15 | x >> 17) + (x > 0x40000000 ? 1u : 3u);
		}
		sum = mix(sum, words[count & (SIZE - 1)]);
	}
	return sum;
}

/* What copies, clears and compares memory in a C library. */
static uint32_t blocks(uint32_t count)
{
	uint32_t sum = 0, seed = 44;

	for (uint32_t i = 0; i < 65536; i++)
		arena[i] = (uint8_t)next_random(&seed);
	while (count--) {
		uint32_t from = next_random(&seed) & 32767, to = 32768 + (next_random(&seed) & 16383);
		uint32_t size = 64 + (next_random(&seed) & 511);
		const bytes *f = (const bytes *)(const void *)(arena + from);
		bytes *t = (bytes *)(void *)(arena + to), different = all_of(0);
		for (uint32_t n = size / sizeof(bytes); n--; f++, t++) {
#ifdef __AVX2__
			bytes new = _mm256_loadu_si256(f);
			different = _mm256_or_si256(different, _mm256_xor_si256(new, _mm256_loadu_si256(t)));
			_mm256_storeu_si256(t, new);
#else
			bytes new = _mm_loadu_si128(f);
			different = _mm_or_si128(different, _mm_xor_si128(new, _mm_loadu_si128(t)));
			_mm_storeu_si128(t, new);
#endif
		}
		sum = mix(sum, different[0] != 0);
		arena[from] = (uint8_t)sum;
	}
	return sum;
}

const struct work SIMD_WORKS[] = {
	{ "text", CLASS_SIMD, text, 1500 },
	{ "pixels", CLASS_SIMD, pixels, 2500 },
	{ "sounds", CLASS_SIMD, sounds, 1000 },
	{ "lanes", CLASS_SIMD, lanes, 4000 },
	{ "blocks", CLASS_SIMD, blocks, 500000 },
	{ NULL, CLASS_SIMD, NULL, 0 },
};
