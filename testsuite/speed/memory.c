/* Branches and calls, memory, and the string instructions. */
#include "work.h"

static uint32_t branches(uint32_t count)
{
	uint32_t sum = 0, seed = 11;

	while (count--) {
		uint32_t r = next_random(&seed);
		if (r & 1)
			sum += r;
		else
			sum ^= r;
		if (r & 16) {
			if (r & 32)
				sum -= 3;
			else if (r & 64)
				sum = sum << 1 | sum >> 31;
		} else if (r & 128) {
			sum += sum >> 3;
		}
		if ((sum & 7) > (r & 7))
			sum++;
		if ((int32_t)sum < 0)
			sum ^= 0x55;
	}
	return sum;
}

static uint32_t __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"))) fib(uint32_t n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint32_t calls(uint32_t count)
{
	uint32_t sum = 0;

	while (count--)
		sum = mix(sum, fib(24 + (count & 1)));
	return sum;
}

static uint32_t f0(uint32_t x) { return x + 1; }
static uint32_t f1(uint32_t x) { return x ^ 0x1234; }
static uint32_t f2(uint32_t x) { return x << 1 | x >> 31; }
static uint32_t f3(uint32_t x) { return x - 77; }
static uint32_t f4(uint32_t x) { return x * 9; }
static uint32_t f5(uint32_t x) { return ~x; }
static uint32_t f6(uint32_t x) { return x ^ x >> 7; }
static uint32_t f7(uint32_t x) { return x + (x << 3); }

static uint32_t indirect(uint32_t count)
{
	uint32_t (*volatile table[8])(uint32_t) = { f0, f1, f2, f3, f4, f5, f6, f7 };
	uint32_t sum = 1, seed = 12;

	while (count--)
		sum = table[next_random(&seed) & 7](sum);
	return sum;
}

/* A copy by 32-bit loads and stores that the compiler may not turn into anything else. */
static uint32_t copy(uint32_t count)
{
	enum { WORDS = 1 << 20 };
	uint32_t *from = (uint32_t *)(void *)arena, *to = from + WORDS, sum = 0;

	for (uint32_t i = 0; i < WORDS; i++)
		from[i] = i * 2654435761u;
	while (count--) {
		for (uint32_t i = 0; i < WORDS; i += 4) {
			uint32_t a = from[i], b = from[i + 1], c = from[i + 2], d = from[i + 3];
			to[i] = a;
			to[i + 1] = b;
			to[i + 2] = c;
			to[i + 3] = d;
			__asm__ volatile("" : : : "memory");
		}
		sum = mix(sum, to[(count * 7919) & (WORDS - 1)]);
		from[count & (WORDS - 1)] ^= count;
	}
	return sum;
}

/* Following pointers through a megabyte in no order. */
static uint32_t chase(uint32_t count)
{
	enum { NODES = 1 << 18 };
	uint32_t *next = (uint32_t *)(void *)arena, at = 0, sum = 0;

	for (uint32_t i = 0; i < NODES; i++)
		next[i] = (i * 5u + 12345u) * 77773u & (NODES - 1);
	while (count--) {
		at = next[at] ^ (sum & 1);
		sum += at;
	}
	return sum;
}

/* Loads and stores of every width, some of them across a page. */
static uint32_t widths(uint32_t count)
{
	uint32_t sum = 0;

	memset(arena, 3, 65536);
	while (count--) {
		uintptr_t at = (sum ^ count * 4099) & 0xffff;
		*(volatile uint8_t *)(arena + at) += (uint8_t)count;
		sum += *(volatile uint16_t *)(void *)(arena + (at & ~1u));
		*(volatile uint32_t *)(void *)(arena + (at & ~3u)) ^= sum;
		__asm__ volatile("movl 4093(%1), %%eax; addl %%eax, %0; movl %0, 2(%1)"
			: "+r"(sum) : "r"(arena + (at & 0xf000)) : "eax", "memory");
		sum += (uint32_t)*(volatile int8_t *)(arena + at + 1);
	}
	return sum;
}

static uint32_t string_big(uint32_t count)
{
	uint32_t sum = 0, *words = (uint32_t *)(void *)arena;

	while (count--) {
		void *to = arena, *from = arena;
		uintptr_t n = 16384;
		__asm__ volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(count * 0x01010101u) : "memory");
		to = arena + 131072;
		n = 16384;
		__asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
		from = arena + 1;
		to = arena + 200000;
		n = 40001;
		__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
		sum = mix(sum, words[(131072 + 4096) / 4] + arena[240000]);
	}
	return sum;
}

static uint32_t string_small(uint32_t count)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < 4096; i++)
		arena[i] = (uint8_t)(i * 7);
	while (count--) {
		void *to = arena + 4096 + (count & 63), *from = arena + (count & 1023);
		uintptr_t n = 5 + (count & 15);
		__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
		n = 3;
		__asm__ volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(count) : "memory");
		__asm__ volatile("lodsb; stosb; lodsw; stosw; lodsl; stosl"
			: "+D"(to), "+S"(from) : : "eax", "memory");
		sum += arena[4096 + (count & 127)];
	}
	return sum;
}

static uint32_t string_search(uint32_t count)
{
	uint32_t sum = 0;

	memset(arena, 'x', 8192);
	while (count--) {
		void *at = arena, *other = arena + 4096;
		uintptr_t n = 4096, place = 100 + (count * 61 & 2047);
		arena[place] = 0;
		__asm__ volatile("repne scasb" : "+D"(at), "+c"(n) : "a"(0) : "memory", "cc");
		sum = mix(sum, (uint32_t)n);
		at = arena;
		n = 4096;
		__asm__ volatile("repe cmpsb" : "+D"(at), "+S"(other), "+c"(n) : : "memory", "cc");
		sum += (uint32_t)n;
		arena[place] = 'x';
	}
	return sum;
}

const struct work branch_works[] = {
	{ "branches", CLASS_BRANCH, branches, 6000000 },
	{ "calls", CLASS_BRANCH, calls, 70 },
	{ "indirect", CLASS_BRANCH, indirect, 8000000 },
	{ NULL, CLASS_BRANCH, NULL, 0 },
};

const struct work memory_works[] = {
	{ "copy", CLASS_MEMORY, copy, 40 },
	{ "chase", CLASS_MEMORY, chase, 15000000 },
	{ "widths", CLASS_MEMORY, widths, 5000000 },
	{ "string-big", CLASS_STRING, string_big, 1200 },
	{ "string-small", CLASS_STRING, string_small, 2500000 },
	{ "string-search", CLASS_STRING, string_search, 40000 },
	{ NULL, CLASS_MEMORY, NULL, 0 },
};
