/*
 * test_fpu_host.h - the host's own x87 as the reference, operands, random numbers
 *
 * On x86 hosts each operation runs natively with the control word under test. The state is read with
 * FNSAVE, which does not wait, so unmasked exceptions can be looked at without a signal.
 */
#ifndef CLEARBOX_TEST_FPU_HOST_H
#define CLEARBOX_TEST_FPU_HOST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "float.h"

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define HAVE_HOST_X87 1
#else
#define HAVE_HOST_X87 0
#endif

/* How many random cases per operation: CLEARBOX_FPU_CASES, and the seed: CLEARBOX_FPU_SEED. */
static inline unsigned long environment_number(const char *name, unsigned long fallback)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : fallback;
}

struct random_state {
	uint64_t state;
};

static inline uint64_t random_next(struct random_state *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Significands with long runs of ones and zeros, where rounding is interesting. */
static inline uint64_t random_significand(struct random_state *random)
{
	uint64_t choice = random_next(random), value = random_next(random);

	switch (choice & 7) {
	case 0:
		return value;
	case 1:
		return value << (choice >> 8 & 63);
	case 2:
		return ~(value >> (choice >> 8 & 63));
	case 3:
		return (uint64_t)1 << (choice >> 8 & 63) | (uint64_t)1 << (choice >> 16 & 63);
	case 4:
		return ((uint64_t)0xffffff << 40) + (value & 3) - 1;
	case 5:
		return value & ((uint64_t)0xfffff << (choice >> 8 & 31));
	default:
		return value & value >> 7 & value >> 13;
	}
}

static inline struct float80 random_float80(struct random_state *random)
{
	uint64_t choice = random_next(random);
	uint32_t exponent = (uint32_t)(choice >> 32 & 0x7fff);
	uint64_t significand = random_significand(random);

	switch (choice & 15) {
	case 0:
		break;
	case 1:
		exponent = choice >> 48 & 1 ? 0 : 0x7fff;
		break;
	case 2:
		exponent = exponent & 63;
		break;
	case 3:
		exponent = 0x7fff - (exponent & 63);
		break;
	case 4:
	case 5:
		exponent = 0x3fff - 1100 + exponent % 2200;
		break;
	case 6:
	case 7:
		exponent = 0x3fff - 140 + exponent % 280;
		break;
	default:
		exponent = 0x3fff - 70 + exponent % 140;
		break;
	}
	if (choice >> 8 & 31)
		significand |= (uint64_t)1 << 63;
	return f80_make(choice >> 20 & 1, exponent, significand);
}

static const struct float80 special_operands[] = {
	{ 0, 0x0000 }, { 1, 0x0000 }, { 0x7fffffffffffffff, 0x0000 },
	{ 0x4000000000000001, 0x0000 }, { 0x8000000000000000, 0x0000 },
	{ 0xffffffffffffffff, 0x0000 }, { 0x8000000000000000, 0x0001 },
	{ 0x8000000000000001, 0x0001 }, { 0xffffffffffffffff, 0x0001 },
	{ 0x8000000000000000, 0x3f6a }, { 0x8000000000000000, 0x3f81 },
	{ 0xffffff8000000000, 0x3f80 }, { 0x8000000000000000, 0x3c00 },
	{ 0xfffffffffffffc00, 0x3c00 }, { 0x8000000000000000, 0x3fbf },
	{ 0x8000000000000000, 0x3ffd }, { 0x8000000000000000, 0x3ffe },
	{ 0x8000000000000001, 0x3ffe }, { 0xb504f333f9de6484, 0x3ffe },
	{ 0xffffffffffffffff, 0x3ffe }, { 0x8000000000000000, 0x3fff },
	{ 0x8000000000000001, 0x3fff }, { 0x8000000000000400, 0x3fff },
	{ 0x8000000000000401, 0x3fff }, { 0x8000008000000000, 0x3fff },
	{ 0x8000018000000000, 0x3fff }, { 0xffffff8000000001, 0x3fff },
	{ 0xc000000000000000, 0x3fff }, { 0x8000000000000000, 0x4000 },
	{ 0xa000000000000000, 0x4000 }, { 0xfffe000000000000, 0x400d },
	{ 0xffff000000000000, 0x400e }, { 0x8000000000000000, 0x400e },
	{ 0xfffffffe00000000, 0x401d }, { 0xffffffff00000000, 0x401d },
	{ 0x8000000000000000, 0x401e }, { 0xde0b6b3a763ffff0, 0x403a },
	{ 0xde0b6b3a763ffff8, 0x403a }, { 0xde0b6b3a76400000, 0x403a },
	{ 0xffffffffffffffff, 0x403d }, { 0xfffffffffffffffe, 0x403d },
	{ 0x8000000000000000, 0x403e }, { 0x8000000000000001, 0x403e },
	{ 0xffffffffffffffff, 0x403e }, { 0x8000000000000000, 0x403f },
	{ 0xffffff0000000000, 0x407e }, { 0xffffff8000000000, 0x407e },
	{ 0xfffffffffffff800, 0x43fe }, { 0xfffffffffffffc00, 0x43fe },
	{ 0x8000000000000000, 0x43ff }, { 0x8000000000000000, 0x5ffe },
	{ 0x8000000000000000, 0x7ffe }, { 0xffffff0000000000, 0x7ffe },
	{ 0xfffffffffffff800, 0x7ffe }, { 0xffffffffffffffff, 0x7ffe },
	{ 0x8000000000000000, 0x7fff }, { 0xc000000000000000, 0x7fff },
	{ 0xc000000000000001, 0x7fff }, { 0xc123456789abcdef, 0x7fff },
	{ 0xffffffffffffffff, 0x7fff }, { 0x8000000000000001, 0x7fff },
	{ 0xa000000000000000, 0x7fff }, { 0xbfffffffffffffff, 0x7fff },
	{ 0x0000000000000000, 0x7fff }, { 0x4000000000000000, 0x7fff },
	{ 0x7fffffffffffffff, 0x7fff }, { 0x0000000000000000, 0x3fff },
	{ 0x7fffffffffffffff, 0x3fff }, { 0x4000000000000000, 0x0001 },
};

#define SPECIAL_COUNT (2 * sizeof(special_operands) / sizeof(special_operands[0]))

static inline struct float80 special_operand(size_t index)
{
	struct float80 operand = special_operands[index / 2];

	operand.sign_exponent |= (uint16_t)((index & 1) << 15);
	return operand;
}

struct host_memory;

#if HAVE_HOST_X87

struct host_state {
	uint32_t control, status, tags, fip, fcs, fdp, fds;
	uint8_t registers[8][10];
};

struct host_memory {
	_Alignas(16) uint8_t a[16];
	_Alignas(16) uint8_t b[16];
	_Alignas(16) uint8_t operand[16];
	struct host_state state;
	uint16_t control;
};

static inline void host_put(uint8_t *bytes, struct float80 value)
{
	memcpy(bytes, &value.significand, 8);
	memcpy(bytes + 8, &value.sign_exponent, 2);
}

static inline struct float80 host_get(const uint8_t *bytes)
{
	struct float80 value;

	memcpy(&value.significand, bytes, 8);
	memcpy(&value.sign_exponent, bytes + 8, 2);
	return value;
}

/* ST0 = a, ST1 = b, then the instruction, which may use m->operand through %[m]. */
#define HOST_FUNCTION(name, instruction)							\
static void host_##name(struct host_memory *m)							\
{												\
	__asm__ volatile("fninit\n\tfldt %[b]\n\tfldt %[a]\n\tfldcw %[control]\n\t"		\
			 instruction "\n\tfnsave %[state]"					\
			 : [state] "=m" (m->state), [m] "+m" (m->operand)			\
			 : [a] "m" (m->a), [b] "m" (m->b), [control] "m" (m->control)		\
			 : "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",	\
			 "st(6)", "st(7)");							\
}

#endif

/* Control words: the rounding and precision controls with masks that differ by round. */
static inline uint16_t test_control(unsigned int index)
{
	static const uint16_t precision[3] = { FPU_PC_EXTENDED, FPU_PC_DOUBLE, FPU_PC_SINGLE };
	static const uint16_t masks[8] = { 0x3f, 0x3f, 0x00, 0x37, 0x2f, 0x27, 0x3d, 0x3a };

	return (uint16_t)((index & 3) << 10 | precision[index / 4 % 3] | masks[index / 12 % 8]);
}

#define TEST_CONTROLS 96

#endif
