/* Random values in which something interesting is likely to happen. */
#include <string.h>
#include "silicon64.h"

uint64_t random64(struct random *random)
{
	uint64_t high = random32(random);

	return high << 32 | random32(random);
}

bool chance(struct random *random, uint32_t in_hundred)
{
	return below(random, 100) < in_hundred;
}

uint64_t edge64(struct random *random)
{
	static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xffffffffffffffff, 0xfffffffffffffffe, 0xffffffffffffff80, 0xffffffffffff8000,
		0xffffffff80000000, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x0f0f0f0f0f0f0f0f,
		0x8080808080808080, 0x7fff7fff7fff7fff, 0x8000800080008000, 0x0123456789abcdef };

	switch (below(random, 5)) {
	case 0: return edges[below(random, sizeof edges / sizeof *edges)];
	case 1: return below(random, 70);
	case 2: return edges[below(random, sizeof edges / sizeof *edges)] + below(random, 5) - 2;
	case 3: return random64(random) >> below(random, 64);
	default: return random64(random);
	}
}

/* ---- Floating point ---- */

struct format {
	unsigned exponent_bits, fraction_bits;
};
static const struct format half_format = { 5, 10 }, single_format = { 8, 23 }, double_format = { 11, 52 };

static uint64_t some_fraction(struct random *random, unsigned bits)
{
	uint64_t all = (UINT64_C(1) << bits) - 1, any = random64(random) & all;

	switch (below(random, 8)) {
	case 0: return 0;
	case 1: return all;
	case 2: return UINT64_C(1) << below(random, bits);
	case 3: return all & all << below(random, bits);
	case 4: return any & all << below(random, bits);
	case 5: return UINT64_C(1) << (bits - 1);
	default: return any;
	}
}

static uint64_t some_float(struct random *random, struct format f)
{
	uint64_t most = (UINT64_C(1) << f.exponent_bits) - 1, bias = most >> 1, exponent;
	uint64_t sign = (uint64_t)below(random, 2) << (f.exponent_bits + f.fraction_bits);
	uint64_t fraction = some_fraction(random, f.fraction_bits);

	switch (below(random, 20)) {
	case 0: exponent = 0; break;
	case 1: exponent = 0; fraction = 0; break;
	case 2: exponent = most; fraction = 0; break;
	case 3: exponent = most; break;
	case 4: exponent = 1 + below(random, 3); break;
	case 5: exponent = most - 1 - below(random, 3); break;
	case 6: exponent = random64(random) & most; break;
	case 7: exponent = bias + f.fraction_bits - 2 + below(random, 5); break;
	case 8: exponent = bias + 29 + below(random, 4); break;         /* about the largest integers */
	case 9: exponent = bias + 61 + below(random, 4); break;
	case 10: exponent = bias / 2 + below(random, 4) - 2; break;     /* products about the least */
	case 11: exponent = bias + bias / 2 + below(random, 4) - 2; break;
	case 12: case 13: exponent = bias - 2 + below(random, 5); break;
	default: exponent = bias - 30 + below(random, 60); break;
	}
	return sign | (exponent & most) << f.fraction_bits | fraction;
}

uint32_t random_mxcsr(struct random *random)
{
	uint32_t mxcsr = 0x1f80;

	if (chance(random, 35))
		mxcsr = random32(random) & 0x1f80;
	mxcsr |= random32(random) & 0x6000;
	if (chance(random, 30))
		mxcsr |= random32(random) & 0x3f;
	if (chance(random, 20))
		mxcsr |= 0x8000;
	if (chance(random, 20))
		mxcsr |= 0x40;
	return mxcsr;
}

/* ---- Vectors ---- */

enum lane { LANE_8, LANE_16, LANE_32, LANE_64, LANE_HALF, LANE_SINGLE, LANE_DOUBLE, LANE_TEXT, LANE_ANY };

static bool ends_or_contains(const char *name, unsigned length, const char *what)
{
	for (unsigned n = 0; n + 2 <= length; n++)
		if (!strncmp(name + n, what, 2))
			return true;
	return false;
}

static enum lane lane_of(struct random *random, enum op op)
{
	const char *name = op_name(&op_info[op]);
	unsigned length = (unsigned)strcspn(name, "_");
	bool single = ends_or_contains(name, length, "PS") || ends_or_contains(name, length, "SS");
	bool wide = ends_or_contains(name, length, "PD") || ends_or_contains(name, length, "SD");

	if (chance(random, 5))
		return (enum lane)below(random, LANE_ANY + 1);
	if (strstr(name, "PCMPESTR") || strstr(name, "PCMPISTR"))
		return LANE_TEXT;
	if (strstr(name, "CVTPH2PS"))
		return LANE_HALF;
	/* Integers begin with P (or VP) where the rest may look like floating point. */
	if (name[0] == 'P' || (name[0] == 'V' && name[1] == 'P' && !strstr(name, "VPERM")))
		single = wide = false;
	if (single && wide)
		return chance(random, 50) ? LANE_SINGLE : LANE_DOUBLE;
	if (single)
		return LANE_SINGLE;
	if (wide)
		return LANE_DOUBLE;
	return (enum lane)below(random, LANE_64 + 1);
}

static void put(uint8_t *bytes, uint64_t value, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		bytes[n] = (uint8_t)(value >> 8 * n);
}

void vector_values(struct random *random, enum op op, uint8_t *bytes, unsigned count)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8, 2, 4, 8, 1, 8 };
	enum lane lane = lane_of(random, op);
	unsigned size = sizes[lane], alphabet = 2 + below(random, 5), step = below(random, 3);
	uint64_t value = 0;

	for (unsigned n = 0; n + size <= count; n += size) {
		/* Equal neighbours now and then. */
		if (n == 0 || !chance(random, 15))
			switch (lane) {
			case LANE_HALF: value = some_float(random, half_format); break;
			case LANE_SINGLE: value = some_float(random, single_format); break;
			case LANE_DOUBLE: value = some_float(random, double_format); break;
			case LANE_TEXT: value = below(random, alphabet) * (step + 1); break;
			case LANE_ANY: value = random64(random); break;
			default: value = edge64(random); break;
			}
		put(bytes + n, value, size);
	}
}
