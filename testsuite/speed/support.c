/* What the compiler expects of any program, and the room the workloads share. */
#include "work.h"

__attribute__((section(".big,\"aw\",@nobits#"), aligned(4096))) uint8_t arena[ARENA_SIZE];

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	while (size--) {
		*t++ = *f++;
		__asm__ volatile("");
	}
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if (t <= f)
		return memcpy(to, from, size);
	while (size--) {
		t[size] = f[size];
		__asm__ volatile("");
	}
	return to;
}

void *memset(void *to, int value, size_t size)
{
	uint8_t *t = to;

	while (size--) {
		*t++ = (uint8_t)value;
		__asm__ volatile("");
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
