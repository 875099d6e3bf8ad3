/* Every compiler extension and host property the library uses, by name. */
#ifndef CORE_COMPILER_H
#define CORE_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define COLD        __attribute__((cold, noinline))
#define NOINLINE    __attribute__((noinline))
#define INLINE      inline __attribute__((always_inline))
#else
#define likely(x)   (x)
#define unlikely(x) (x)
#define COLD
#define NOINLINE
#define INLINE      inline
#endif

/* An unsigned integer of 128 bits, where there is one. */
#if defined(__SIZEOF_INT128__)
#define HAVE_WIDE_INTEGER 1
__extension__ typedef unsigned __int128 wide_integer;
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define HOST_BIG_ENDIAN 1
#else
#define HOST_BIG_ENDIAN 0
#endif

/*
 * Vectors of 16 bytes, for arithmetic element by element: the compiler uses what the host has.
 * A shift, compare or cast stays within its element, so the host's byte order does not show.
 */
#if defined(__GNUC__)
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef uint16_t u16x8 __attribute__((vector_size(16)));
typedef uint32_t u32x4 __attribute__((vector_size(16)));
typedef uint64_t u64x2 __attribute__((vector_size(16)));
typedef int8_t s8x16 __attribute__((vector_size(16)));
typedef int16_t s16x8 __attribute__((vector_size(16)));
typedef int32_t s32x4 __attribute__((vector_size(16)));
#endif
/*
 * Elements of two such vectors in a new order.  They are counted as the guest does, which is not
 * the order of memory when qwords are big-endian.
 */
#if HOST_BIG_ENDIAN
#define SHUFFLE_8(x, y, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)                         \
	__builtin_shufflevector(x, y, (h) ^ 7, (g) ^ 7, (f) ^ 7, (e) ^ 7, (d) ^ 7, (c) ^ 7, (b) ^ 7, (a) ^ 7, \
				(p) ^ 7, (o) ^ 7, (n) ^ 7, (m) ^ 7, (l) ^ 7, (k) ^ 7, (j) ^ 7, (i) ^ 7)
#define SHUFFLE_16(x, y, a, b, c, d, e, f, g, h)                                                \
	__builtin_shufflevector(x, y, (d) ^ 3, (c) ^ 3, (b) ^ 3, (a) ^ 3, (h) ^ 3, (g) ^ 3, (f) ^ 3, (e) ^ 3)
#define SHUFFLE_32(x, y, a, b, c, d)                                                            \
	__builtin_shufflevector(x, y, (b) ^ 1, (a) ^ 1, (d) ^ 1, (c) ^ 1)
#else
#define SHUFFLE_8  __builtin_shufflevector
#define SHUFFLE_16 __builtin_shufflevector
#define SHUFFLE_32 __builtin_shufflevector
#endif

/* Guest numbers are little-endian in memory, whatever the host is. */
static INLINE uint16_t swap16(uint16_t v) { return (uint16_t)(v << 8 | v >> 8); }
static INLINE uint32_t swap32(uint32_t v)
{
	return v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24;
}
static INLINE uint64_t swap64(uint64_t v)
{
	return (uint64_t)swap32((uint32_t)v) << 32 | swap32((uint32_t)(v >> 32));
}
static INLINE uint8_t get8(const void *p) { return *(const uint8_t *)p; }
static INLINE uint16_t get16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, 2);
	return HOST_BIG_ENDIAN ? swap16(v) : v;
}
static INLINE uint32_t get32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return HOST_BIG_ENDIAN ? swap32(v) : v;
}
static INLINE uint64_t get64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return HOST_BIG_ENDIAN ? swap64(v) : v;
}
static INLINE void put8(void *p, uint8_t v) { *(uint8_t *)p = v; }
static INLINE void put16(void *p, uint16_t v)
{
	v = HOST_BIG_ENDIAN ? swap16(v) : v;
	memcpy(p, &v, 2);
}
static INLINE void put32(void *p, uint32_t v)
{
	v = HOST_BIG_ENDIAN ? swap32(v) : v;
	memcpy(p, &v, 4);
}
static INLINE void put64(void *p, uint64_t v)
{
	v = HOST_BIG_ENDIAN ? swap64(v) : v;
	memcpy(p, &v, 8);
}

#endif
