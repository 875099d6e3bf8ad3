/* The x87 half of a test case: random register stacks and operands, and what must be equal. */
#include <stdio.h>
#include <string.h>
#include "silicon.h"

enum { ULPS = 1 };                      /* of transcendentals: silicon is not rounded correctly */

bool is_x87(enum op op)
{
	return op_info[op].encoding >= ENCODING_FPM || op == OP_FWAIT;
}

/* Exponents around the interesting ones; bias is that of the format, most its largest. */
static uint32_t some_exponent(struct random *random, uint32_t bias, uint32_t most)
{
	switch (below(random, 8)) {
	case 0: return 0;
	case 1: return most;
	case 2: return below(random, 3);
	case 3: return most - below(random, 3);
	case 4: return random32(random) & most;
	default: return (bias - 20 + below(random, 90)) & most;
	}
}

static uint64_t some_significand(struct random *random)
{
	uint64_t any = (uint64_t)random32(random) << 32 | random32(random);

	switch (below(random, 6)) {
	case 0: return 0;
	case 1: return UINT64_MAX;
	case 2: return (uint64_t)1 << below(random, 64);
	case 3: return any & UINT64_MAX << below(random, 64);
	default: return any;
	}
}

static void put(uint8_t *bytes, uint64_t value, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		bytes[n] = (uint8_t)(value >> 8 * n);
}

static void some_extended(struct random *random, uint8_t bytes[10])
{
	uint32_t exponent = some_exponent(random, 0x3fff, 0x7fff);
	uint64_t significand = some_significand(random);

	/* Most are numbers, infinities and NaNs, some are formats that no longer are. */
	if (exponent && below(random, 20))
		significand |= (uint64_t)1 << 63;
	put(bytes, significand, 8);
	put(bytes + 8, exponent | (random32(random) & 0x8000), 2);
}

void x87_random(struct random *random, struct fpu_state *state)
{
	static const uint16_t masks[8] = { 0x3f, 0x3f, 0x3f, 0x3f, 0x37, 0x1f, 0x00, 0x3a };
	static const uint16_t precisions[4] = { 0x300, 0x300, 0x200, 0x000 };
	uint32_t exceptions = random32(random) & 0x3f;

	state->control = (uint16_t)(0x40 | masks[below(random, 8)] | precisions[below(random, 4)] |
				    below(random, 4) << 10);
	if (below(random, 30))
		exceptions &= state->control;   /* else one may be pending */
	state->status = (uint16_t)((random32(random) & 0x7f40) | exceptions);
	if (exceptions & ~(uint32_t)state->control & 0x3f)
		state->status |= 0x8080;
	state->valid = below(random, 3) ? 0xff : (uint8_t)(random32(random) | random32(random));
	if (!below(random, 4))          /* room for a push */
		state->valid &= (uint8_t)~(1u << (((state->status >> 11) - 1) & 7));
	for (unsigned n = 0; n < 8; n++)
		some_extended(random, state->reg[n]);
}

void x87_operand(struct random *random, enum op op, uint8_t bytes[16])
{
	uint64_t sign = random32(random) & 1, significand = some_significand(random);

	put(bytes, some_significand(random), 8);
	put(bytes + 8, some_significand(random), 8);
	if (op_info[op].operand[0] == OPERAND_Mt && op != OP_FBLD_Mt)
		some_extended(random, bytes);
	else if (op_info[op].opcode == 0xd8 || op_info[op].opcode == 0xd9)
		put(bytes, sign << 31 | some_exponent(random, 127, 255) << 23 | significand >> 41, 4);
	else if (op_info[op].opcode == 0xdc || op_info[op].opcode == 0xdd)
		put(bytes, sign << 63 | (uint64_t)some_exponent(random, 1023, 2047) << 52 |
		    significand >> 12, 8);
	else if (op == OP_FBLD_Mt)
		for (unsigned n = 0; n < 10; n++)
			bytes[n] = (uint8_t)(below(random, 10) << 4 | below(random, 10));
}

bool is_transcendental(enum op op)
{
	return op == OP_F2XM1 || op == OP_FYL2X || op == OP_FYL2XP1 || op == OP_FPTAN || op == OP_FPATAN ||
	       op == OP_FSIN || op == OP_FCOS || op == OP_FSINCOS;
}

/* How far two numbers of one sign are apart, in units of the last place of the nearer one. */
static uint64_t distance(const uint8_t *a, const uint8_t *b)
{
	uint64_t m[2] = { 0, 0 };
	int exponent[2], sign[2];

	for (unsigned n = 0; n < 2; n++) {
		const uint8_t *bytes = n ? b : a;

		for (unsigned k = 8; k-- > 0;)
			m[n] = m[n] << 8 | bytes[k];
		exponent[n] = (bytes[8] | bytes[9] << 8) & 0x7fff;
		sign[n] = bytes[9] >> 7;
	}
	if (sign[0] != sign[1] || exponent[0] - exponent[1] > 1 || exponent[1] - exponent[0] > 1)
		return UINT64_MAX;
	if (exponent[0] == exponent[1])
		return m[0] > m[1] ? m[0] - m[1] : m[1] - m[0];
	/* Across a power of two: from the larger one down to 8000... and on from ffff... */
	return exponent[0] > exponent[1] ? 2 * (m[0] - (UINT64_C(1) << 63)) + (0 - m[1])
					 : 2 * (m[1] - (UINT64_C(1) << 63)) + (0 - m[0]);
}

static int exponent_of_st0(const struct test_case *c)
{
	const struct fpu_state *was = &c->before.fpu;
	const uint8_t *st0 = was->reg[was->status >> 11 & 7];

	return (st0[8] | st0[9] << 8) & 0x7fff;
}

/*
 * Silicon takes sines and their like of an argument that it has reduced by a pi of 66 bits, which
 * leaves few true bits of some; ours are those of the argument itself.  Within a half they agree.
 */
static bool reduced(const struct test_case *c)
{
	return (c->op == OP_FSIN || c->op == OP_FCOS || c->op == OP_FSINCOS || c->op == OP_FPTAN) &&
	       exponent_of_st0(c) > 0x3ffd;
}

/*
 * Transcendentals: ours are correctly rounded, the host's nearly.  test_fpu_transcendental holds ours
 * to MPFR's.
 */
unsigned x87_compare(const struct test_case *c, const struct fpu_state *native,
		     const struct fpu_state *ours, bool show)
{
	bool loose = is_transcendental(c->op);
	uint16_t mask = loose ? 0x7d40 : 0xffff;
	unsigned bad = 0;

	/* Undefined from 1 - sqrt(2) / 2 on, the exceptions, too. */
	if (c->op == OP_FYL2XP1 && exponent_of_st0(c) > 0x3ffc)
		return 0;

	if (native->control != ours->control || ((native->status ^ ours->status) & mask) ||
	    native->valid != ours->valid) {
		if (show)
			printf("    x87 control %04x, status %04x, valid %02x: silicon %04x %04x %02x, "
			       "clearbox %04x %04x %02x\n", c->before.fpu.control, c->before.fpu.status,
			       c->before.fpu.valid, native->control, native->status, native->valid,
			       ours->control, ours->status, ours->valid);
		bad++;
	}
	/* What an empty register holds nobody promises. */
	for (unsigned n = 0; n < 8; n++) {
		const uint8_t *a = native->reg[n], *b = ours->reg[n], *was = c->before.fpu.reg[n];

		if (!(native->valid >> n & 1) || !memcmp(a, b, 10))
			continue;
		if (loose) {
			if (reduced(c) || distance(a, b) <= ULPS)
				continue;
		}
		bad++;
		if (!show)
			continue;
		printf("    R%u was ", n);
		for (unsigned k = 10; k-- > 0;)
			printf("%02x", was[k]);
		printf(": silicon ");
		for (unsigned k = 10; k-- > 0;)
			printf("%02x", a[k]);
		printf(", clearbox ");
		for (unsigned k = 10; k-- > 0;)
			printf("%02x", b[k]);
		printf("\n");
	}
	return bad;
}
