/*
 * x87.h - the x87 register stack and its environment (Intel SDM volume 1, chapter 8)
 *
 * Only what the arithmetic does not need to know: registers by physical number, TOP apart from the
 * status word so that a push is one subtraction, and one bit a register for "not empty". The words
 * that a guest sees are put together by the functions below.
 */
#ifndef CLEARBOX_FPU_X87_H
#define CLEARBOX_FPU_X87_H

#include <stdint.h>
#include "float.h"

enum { X87_CONTROL_INITIAL = 0x037f, X87_CONTROL_BITS = 0x1f3f, X87_CONTROL_ALWAYS = 0x0040 };

struct x87 {
	uint64_t significand[8];	/* of the physical registers R0-R7 */
	uint16_t sign_exponent[8];
	uint16_t control;
	uint16_t status;		/* TOP is 0 here; ES and B are kept up to date */
	uint16_t opcode;		/* 11 bits of the last non-control instruction */
	uint16_t cs, ds;
	uint8_t top;
	uint8_t valid;			/* bit n: physical register n is not empty */
	uint8_t ferr;			/* FERR# is active */
	uint8_t reserved[3];		/* always 0 */
	uint64_t ip, dp;
};

static inline struct float80 x87_physical(const struct x87 *x87, unsigned int n)
{
	struct float80 value = { x87->significand[n], x87->sign_exponent[n] };

	return value;
}

static inline void x87_set_physical(struct x87 *x87, unsigned int n, struct float80 value)
{
	x87->significand[n] = value.significand;
	x87->sign_exponent[n] = value.sign_exponent;
}

static inline uint16_t x87_status_word(const struct x87 *x87)
{
	return (uint16_t)(x87->status | x87->top << 11);
}

/* ES and B follow from the exception flags and the masks. */
static inline void x87_update_summary(struct x87 *x87)
{
	x87->status &= (uint16_t)~(FPU_ES | FPU_BUSY);
	if (x87->status & ~x87->control & FPU_EXCEPTIONS)
		x87->status |= FPU_ES | FPU_BUSY;
}

static inline void x87_set_status_word(struct x87 *x87, uint16_t value)
{
	x87->top = value >> 11 & 7;
	x87->status = value & (FPU_EXCEPTIONS | FPU_SF | FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3);
	x87_update_summary(x87);
}

static inline void x87_set_control_word(struct x87 *x87, uint16_t value)
{
	x87->control = (uint16_t)((value & X87_CONTROL_BITS) | X87_CONTROL_ALWAYS);
	x87_update_summary(x87);
}

/* The full tag word: 0 valid, 1 zero, 2 special, 3 empty, two bits a physical register. */
static inline uint16_t x87_tag_word(const struct x87 *x87)
{
	uint32_t word = 0;

	for (unsigned int n = 0; n < 8; n++)
		word |= (x87->valid >> n & 1 ? f80_tag(x87_physical(x87, n)) : 3u) << 2 * n;
	return (uint16_t)word;
}

/* Of the full tag word only empty or not counts; the rest follows from the registers. */
static inline void x87_set_tag_word(struct x87 *x87, uint16_t word)
{
	x87->valid = 0;
	for (unsigned int n = 0; n < 8; n++)
		x87->valid |= (uint8_t)(((word >> 2 * n & 3) != 3) << n);
}

/* FNINIT; registers keep their bits. */
static inline void x87_initialise(struct x87 *x87)
{
	x87->control = X87_CONTROL_INITIAL;
	x87->status = 0;
	x87->opcode = 0;
	x87->cs = 0;
	x87->ds = 0;
	x87->top = 0;
	x87->valid = 0;
	x87->ip = 0;
	x87->dp = 0;
}

#endif
