/*
 * Memory and string functions for the 32-bit half; the compiler calls the first ones itself.
 */
#include "bios32.h"

void *memcpy(void *to, const void *from, u32 count)
{
	void *start = to;
	u32 dwords = count >> 2;

	count &= 3;
	__asm__ volatile("cld\n\trep movsl" : "+D"(to), "+S"(from), "+c"(dwords) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
	return start;
}

void *memset(void *to, int value, u32 count)
{
	void *start = to;

	__asm__ volatile("cld\n\trep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
	return start;
}

int memcmp(const void *a, const void *b, u32 count)
{
	const u8 *p = a;
	const u8 *q = b;

	for (; count; count--, p++, q++)
		if (*p != *q)
			return *p < *q ? -1 : 1;
	return 0;
}

u32 strlen(const char *s)
{
	u32 n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, u32 count)
{
	for (; count; count--, a++, b++) {
		if (*a != *b)
			return (u8)*a - (u8)*b;
		if (!*a)
			return 0;
	}
	return 0;
}
