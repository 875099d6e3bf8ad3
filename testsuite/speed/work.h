/*
 * The speed guests: small programs that do one kind of thing each and return a checksum of what
 * they did.  The same files make the bootable guests, of 32 and 64 bits, and, where no privilege is
 * needed, programs for Linux.
 */
#ifndef WORK_H
#define WORK_H

#include <stddef.h>
#include <stdint.h>

enum work_class { CLASS_INTEGER, CLASS_BRANCH, CLASS_MEMORY, CLASS_STRING, CLASS_X87, CLASS_SSE,
	CLASS_SIMD, CLASS_SYSTEM };

struct work {
	const char *name;
	enum work_class class;
	uint32_t (*run)(uint32_t count);
	uint32_t count;		/* how often, so that it takes some hundred million instructions */
};

/* Room that every workload may use, not cleared beforehand. */
#define ARENA_SIZE (8u << 20)
extern uint8_t arena[ARENA_SIZE];

extern const struct work integer_works[], branch_works[], memory_works[], x87_works[], sse_works[],
	simd_works[], avx_sse_works[], avx_simd_works[], system_works[], machine_works[];

/* What the guest of this width has, in the order of its numbers; lists.c. */
extern const struct work *const lists[];

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

static inline uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static inline uint32_t mix(uint32_t sum, uint32_t value)
{
	sum ^= value;
	return (sum << 5 | sum >> 27) * 0x9e3779b1u;
}

#endif
