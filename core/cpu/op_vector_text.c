/*
 * PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM volume 1, 4.1; volume 2): how characters of
 * the second operand stand to those of the first, as a mask or as the index of one.
 */
#include "flags.h"
#include "vector.h"

enum { TEXT_INDEX = 1, TEXT_EXPLICIT = 2 };

struct text {
	int character[16];
	unsigned length;                /* valid characters */
};

/* imm bit 0: words; bit 1: signed. */
static void text_get(struct text *text, const uint64_t *q, unsigned imm)
{
	unsigned bits = imm & 1 ? 16 : 8;

	for (unsigned n = 0; n < 128 / bits; n++) {
		uint64_t value = q[n * bits / 64] >> (n * bits & 63);

		if (imm & 1)
			text->character[n] = imm & 2 ? (int16_t)value : (uint16_t)value;
		else
			text->character[n] = imm & 2 ? (int8_t)value : (uint8_t)value;
	}
}

/* Up to the first zero. */
static void length_implied(struct text *text, unsigned most)
{
	text->length = 0;
	while (text->length < most && text->character[text->length])
		text->length++;
}

/* The absolute value of a register, no more than there are. */
static void length_given(const struct cpu *cpu, const struct insn *i, struct text *text, uint8_t n,
			 unsigned most)
{
	int64_t value = i->width == 8 ? (int64_t)reg64(cpu, n) : (int32_t)reg32(cpu, n);
	uint64_t length = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	text->length = length < most ? (unsigned)length : most;
}

/* Character y (at k of the second) against x (at n of the first), imm bits 2-3. */
static bool any_equal(const struct text *x, const struct text *y, unsigned k)
{
	for (unsigned n = 0; n < x->length; n++)
		if (x->character[n] == y->character[k])
			return k < y->length;
	return false;
}

static bool in_ranges(const struct text *x, const struct text *y, unsigned k)
{
	for (unsigned n = 0; n + 1 < x->length; n += 2)
		if (x->character[n] <= y->character[k] && y->character[k] <= x->character[n + 1])
			return k < y->length;
	return false;
}

static bool equal_each(const struct text *x, const struct text *y, unsigned k)
{
	if (k >= x->length || k >= y->length)
		return k >= x->length && k >= y->length;
	return x->character[k] == y->character[k];
}

/* Is the first, or as much of it as the register has room for, at k of the second? */
static bool equal_ordered(const struct text *x, const struct text *y, unsigned k, unsigned most)
{
	for (unsigned n = 0; n < x->length && k + n < most; n++)
		if (k + n >= y->length || x->character[n] != y->character[k + n])
			return false;
	return true;
}

static unsigned compare(const struct text *x, const struct text *y, unsigned imm, unsigned most)
{
	unsigned result = 0;

	for (unsigned k = 0; k < most; k++) {
		bool bit = false;

		switch (imm >> 2 & 3) {
		case 0: bit = any_equal(x, y, k); break;
		case 1: bit = in_ranges(x, y, k); break;
		case 2: bit = equal_each(x, y, k); break;
		default: bit = equal_ordered(x, y, k, most); break;
		}
		if ((imm & 0x30) == 0x10 || ((imm & 0x30) == 0x30 && k < y->length))
			bit = !bit;
		result |= (unsigned)bit << k;
	}
	return result;
}

static void give_index(struct cpu *cpu, unsigned result, unsigned imm, unsigned most)
{
	unsigned n;

	if (imm & 0x40) {
		for (n = most; n > 0 && !(result >> (n - 1) & 1); n--)
			;
		n = n ? n - 1 : most;
	} else {
		for (n = 0; n < most && !(result >> n & 1); n++)
			;
	}
	set_reg32(cpu, REG_CX, n);
}

/* As bits, or as elements of ones. */
static void give_mask(struct cpu *cpu, const struct insn *i, unsigned result, unsigned imm, unsigned most)
{
	unsigned bits = 128 / most;
	uint64_t *d = cpu->v[0].q, ones = ~UINT64_C(0) >> (64 - bits);

	d[0] = d[1] = 0;
	if (!(imm & 0x40))
		d[0] = result;
	else
		for (unsigned n = 0; n < most; n++)
			if (result >> n & 1)
				d[n * bits / 64] |= ones << (n * bits & 63);
	vector_upper(cpu, i, 0);
}

static COLD bool text(struct cpu *cpu, const struct insn *i, unsigned how)
{
	unsigned imm = (unsigned)i->imm, most = imm & 1 ? 8 : 16, result;
	struct text x, y;
	uint64_t b[2];

	if (!vector_operand(cpu, i, 16, b))
		return false;
	text_get(&x, cpu->v[i->dst].q, imm);
	text_get(&y, b, imm);
	if (how & TEXT_EXPLICIT) {
		length_given(cpu, i, &x, REG_AX, most);
		length_given(cpu, i, &y, REG_DX, most);
	} else {
		length_implied(&x, most);
		length_implied(&y, most);
	}
	result = compare(&x, &y, imm, most);
	if (how & TEXT_INDEX)
		give_index(cpu, result, imm, most);
	else
		give_mask(cpu, i, result, imm, most);
	flags_set_arithmetic(cpu, (result ? FLAG_CF : 0u) | (y.length < most ? FLAG_ZF : 0u) |
				  (x.length < most ? FLAG_SF : 0u) | (result & 1 ? FLAG_OF : 0u));
	return true;
}

static const struct insn *vector_text(struct cpu *cpu, const struct insn *i, unsigned how)
{
	if (!text(cpu, i, how))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
DRIVEN(PCMPESTRM_Vdq_Wdq_Ib, vector_text(cpu, i, TEXT_EXPLICIT))
DRIVEN(PCMPESTRI_Vdq_Wdq_Ib, vector_text(cpu, i, TEXT_EXPLICIT | TEXT_INDEX))
DRIVEN(PCMPISTRM_Vdq_Wdq_Ib, vector_text(cpu, i, 0))
DRIVEN(PCMPISTRI_Vdq_Wdq_Ib, vector_text(cpu, i, TEXT_INDEX))
