/*
 * test_ieee_host.h - one SSE or AVX instruction on the host's processor
 *
 * The instruction's bytes are put into a small routine which loads registers and MXCSR from a struct
 * and stores them afterwards; #XM comes as SIGFPE, which steps over the instruction. And operands
 * for floating point: special values, neighbours of powers of two, random ones.
 */
#ifndef TEST_IEEE_HOST_H
#define TEST_IEEE_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host_state {
	uint64_t ymm[4][4];
	uint64_t rax;
	uint32_t mxcsr, mxcsr_after;
	uint64_t rflags;
	uint32_t initial, spare;
};

/* ---- Operands -------------------------------------------------------------------------------- */

static uint64_t random_state = 0x9e3779b97f4a7c15;

static inline uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1d;
}

static inline uint64_t random_below(uint64_t n)
{
	return (random64() >> 11) % n;
}

/* A significand field of that many bits: often mostly zeros or ones. */
static inline uint64_t random_fraction(int bits)
{
	uint64_t all = ((uint64_t)1 << bits) - 1, r = random64() & all;

	switch (random_below(8)) {
	case 0:
		return 0;
	case 1:
		return all;
	case 2:
		return (uint64_t)1 << random_below((uint64_t)bits);
	case 3:
		return all - ((uint64_t)1 << random_below((uint64_t)bits));
	case 4:
		return r & ~(((uint64_t)1 << random_below((uint64_t)bits)) - 1);
	case 5:
		return r | (((uint64_t)1 << random_below((uint64_t)bits)) - 1);
	case 6:
		return random_below(4) << (bits - 2) | random_below(4);
	default:
		return r;
	}
}

/* Any format: exponent field of e bits, fraction of p. */
static inline uint64_t random_ieee(int e, int p)
{
	uint64_t top = ((uint64_t)1 << e) - 1, bias = top >> 1, exponent;

	switch (random_below(16)) {
	case 0:
		exponent = 0;
		break;
	case 1:
		exponent = top;
		break;
	case 2:
		exponent = random_below(4);
		break;
	case 3:
		exponent = top - random_below(4);
		break;
	case 4:
		exponent = random_below(top + 1);
		break;
	case 5:
		/* around the limits of the integers and of the narrower formats */
		exponent = bias + (random_below(2) ? 31 : 63) + random_below(3) - 1;
		break;
	case 6:
		exponent = bias - 64 + random_below(128);
		break;
	case 7:
		exponent = (bias >> 1) - (uint64_t)p + random_below(2 * (uint64_t)p);
		break;
	case 8:
		exponent = bias + (random_below(2) ? 127 : (uint64_t)0 - 127) - 12 + random_below(24);
		break;
	case 9:
		exponent = bias - 16 + random_below(4) - (random_below(2) ? 9 : 0);
		break;
	default:
		exponent = bias - 4 + random_below(8);
		break;
	}
	return random_below(2) << (e + p) | (exponent & top) << p | random_fraction(p);
}

static inline uint64_t random_binary64(void)
{
	return random_ieee(11, 52);
}

static inline uint32_t random_binary32(void)
{
	return (uint32_t)random_ieee(8, 23);
}

static inline uint64_t random_binary32_pair(void)
{
	return (uint64_t)random_binary32() << 32 | random_binary32();
}

/* Rounding, DAZ, FTZ, flags left from before, now and then unmasked exceptions. */
static inline uint32_t random_mxcsr(bool unmasked)
{
	uint32_t mxcsr = (uint32_t)(random64() & 0xe000);

	if (!random_below(2))
		mxcsr &= 0x6000;
	if (!random_below(3))
		mxcsr |= 0x40;
	if (!random_below(4))
		mxcsr |= (uint32_t)(random64() & 0x3f);
	return mxcsr | (unmasked ? (uint32_t)(random64() & 0x1f80) : 0x1f80);
}

/* ---- The host -------------------------------------------------------------------------------- */

#if defined(__x86_64__) && defined(__linux__)
#define HOST_SSE 1

#include <cpuid.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <ucontext.h>

static uint8_t *host_code;
static size_t host_at, host_length;
static volatile sig_atomic_t host_signal;

static void host_handler(int number, siginfo_t *info, void *context)
{
	ucontext_t *user = context;
	greg_t at = (greg_t)(uintptr_t)(host_code + host_at);

	(void)info;
	if (user->uc_mcontext.gregs[REG_RIP] != at)
		abort();
	host_signal = number;
	user->uc_mcontext.gregs[REG_RIP] = at + (greg_t)host_length;
}

static bool host_start(void)
{
	if (!__builtin_cpu_supports("avx2"))
		return false;
	host_code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return host_code != MAP_FAILED;
}

static void host_put(const void *bytes, size_t count)
{
	memcpy(host_code + host_at, bytes, count);
	host_at += count;
}

/* reg field and 32-bit displacement from RDI. */
static void host_memory(const char *opcode, size_t count, unsigned reg, size_t offset)
{
	uint8_t modrm = (uint8_t)(0x87 | reg << 3);
	uint32_t displacement = (uint32_t)offset;

	host_put(opcode, count);
	host_put(&modrm, 1);
	host_put(&displacement, 4);
}

/* The routine for one instruction.  (Handlers are set here because cmocka sets its own.) */
static void host_load(const uint8_t *insn, size_t length)
{
	struct sigaction action = { .sa_sigaction = host_handler, .sa_flags = SA_SIGINFO };
	size_t at;

	sigemptyset(&action.sa_mask);
	sigaction(SIGFPE, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	host_at = 0;
	for (unsigned n = 0; n < 4; n++)
		host_memory("\xc5\xfe\x6f", 3, n, 32 * n);
	host_memory("\x48\x8b", 2, 0, offsetof(struct host_state, rax));
	host_memory("\x0f\xae", 2, 2, offsetof(struct host_state, mxcsr));
	at = host_at;
	host_put(insn, length);
	host_put("\x9c\x59", 2);
	host_memory("\x48\x89", 2, 1, offsetof(struct host_state, rflags));
	host_memory("\x48\x89", 2, 0, offsetof(struct host_state, rax));
	host_memory("\x0f\xae", 2, 3, offsetof(struct host_state, mxcsr_after));
	for (unsigned n = 0; n < 4; n++)
		host_memory("\xc5\xfe\x7f", 3, n, 32 * n);
	host_memory("\x0f\xae", 2, 2, offsetof(struct host_state, initial));
	host_put("\xc5\xf8\x77\xc3", 4);
	host_at = at;
	host_length = length;
}

/* Runs it; the signal that it raised, or 0. */
static int host_run(struct host_state *state)
{
	void (*routine)(struct host_state *);

	memcpy(&routine, &host_code, sizeof(routine));
	host_signal = 0;
	state->initial = 0x1f80;
	routine(state);
	return host_signal;
}

#else
#define HOST_SSE 0
#endif

#endif
