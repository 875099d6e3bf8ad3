/*
 * The workloads that need no privilege as a program for Linux of 32 or 64 bits, without a C library:
 *   native           lists them: number, name, class
 *   native NUMBER N  runs one N times; prints its checksum and the CPU nanoseconds of one run
 *   native clock     prints how many dependent additions the CPU does in a second: its clock rate
 */
#include "work.h"

#ifdef __x86_64__
enum { CALL_WRITE = 1, CALL_EXIT = 60, CALL_CLOCK = 228 };

static intptr_t system_call(intptr_t number, uintptr_t a, uintptr_t b, uintptr_t c)
{
	intptr_t result;

	__asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}
#else
enum { CALL_WRITE = 4, CALL_EXIT = 1, CALL_CLOCK = 265 };

static intptr_t system_call(intptr_t number, uintptr_t a, uintptr_t b, uintptr_t c)
{
	intptr_t result;

	__asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c) : "memory");
	return result;
}
#endif

static void put_text(const char *text)
{
	uintptr_t length = 0;

	while (text[length])
		length++;
	system_call(CALL_WRITE, 1, (uintptr_t)text, length);
}

static void put_number(uint64_t value, uint32_t base, int digits)
{
	char text[32];
	int at = 31;

	text[at] = 0;
	while (value || digits > 0) {
		/* long division by halves, so that no library function is needed */
		uint32_t high = (uint32_t)(value >> 32), low = (uint32_t)value, rest;
		uint32_t quotient = high / base;
		rest = high % base;
		__asm__("divl %4" : "=a"(low), "=d"(rest) : "0"(low), "1"(rest), "r"(base));
		value = (uint64_t)quotient << 32 | low;
		text[--at] = "0123456789abcdef"[rest];
		digits--;
	}
	put_text(text + at);
}

/* CPU time of this process in nanoseconds */
static uint64_t cpu_time(void)
{
	uintptr_t time[2];

	system_call(CALL_CLOCK, 2, (uintptr_t)time, 0);
	return (uint64_t)time[0] * 1000000000u + time[1];
}

static uint32_t number_in(const char *text)
{
	uint32_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (uint32_t)(*text++ - '0');
	return value;
}

static void clock_rate(void)
{
	uint64_t best = ~0ull;

	for (int try = 0; try < 5; try++) {
		uint64_t start = cpu_time();
		uint32_t n = 10000000, x = 1;
		__asm__ volatile("1: addl %1, %1; addl %1, %1; addl %1, %1; addl %1, %1; addl %1, %1;"
			"addl %1, %1; addl %1, %1; addl %1, %1; addl %1, %1; addl %1, %1; decl %0; jnz 1b"
			: "+r"(n), "+r"(x));
		uint64_t time = cpu_time() - start;
		if (time < best)
			best = time;
	}
	/* 10^8 additions in best ns; so 10^8 * 10^9 / best a second, in kHz to stay within 32 bits */
	put_number(100000000000000ull / 1000 / (best / 1000), 10, 1);
	put_text("000\n");
}

void __attribute__((used)) native_main(const uintptr_t *stack)
{
	uintptr_t arguments = stack[0], number = 0;
	const char *const *argument = (const char *const *)(stack + 1);

	if (arguments > 1 && argument[1][0] == 'c') {
		clock_rate();
		system_call(CALL_EXIT, 0, 0, 0);
	}
	for (unsigned i = 0; lists[i]; i++)
		for (const struct work *w = lists[i]; w->name; w++, number++) {
			if (arguments < 3) {
				put_number(number, 10, 1);
				put_text(" ");
				put_text(w->name);
				put_text("\n");
				continue;
			}
			if (number != number_in(argument[1]))
				continue;
			uint32_t runs = number_in(argument[2]), sum = 0;
			uint64_t start = cpu_time();
			for (uint32_t run = 0; run < runs; run++)
				sum = w->run(w->count);
			uint64_t time = (cpu_time() - start) / 1000 / (runs ? runs : 1);
			put_number(sum, 16, 8);
			put_text(" ");
			put_number(time, 10, 1);
			put_text("000\n");
		}
	system_call(CALL_EXIT, 0, 0, 0);
}

#ifdef __x86_64__
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call native_main\n");
#else
__asm__(".globl _start\n_start: mov %esp, %eax\n and $-16, %esp\n sub $12, %esp\n push %eax\n call native_main\n");
#endif
