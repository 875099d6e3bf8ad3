/*
 * What instructions that load or save whole states find in memory: FXSAVE's, XSAVE's and the x87's
 * images.  Only the components that both sides have are asked for; the pointers of the last x87
 * instruction are 0 on both.
 */
#include <string.h>
#include "silicon64.h"

static bool contains(enum op op, const char *what)
{
	return strstr(op_name(&op_info[op]), what) != NULL;
}

bool is_state_op(enum op op)
{
	return contains(op, "FXSAVE") || contains(op, "FXRSTOR") || contains(op, "XSAVE") ||
	       contains(op, "XRSTOR") || contains(op, "FLDENV") || contains(op, "FNSTENV") ||
	       contains(op, "FRSTOR") || contains(op, "FNSAVE");
}

static void put(uint8_t *bytes, uint64_t value, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		bytes[n] = (uint8_t)(n < 8 ? value >> 8 * n : 0);
}

static void put_header(struct random *random, uint8_t *header)
{
	uint64_t components = below(random, 8), compact = 0;

	if (chance(random, 5))
		components |= 1ull << 40;
	if (chance(random, 15))
		compact = 1ull << 63 | components | below(random, 8);
	else if (chance(random, 5))
		compact = below(random, 8);
	memset(header, 0, 64);
	put(header, components, 8);
	put(header + 8, compact, 8);
	if (chance(random, 5))
		header[16 + below(random, 48)] = 1;
}

/* Up to STATE_BYTES; returns how many. */
unsigned state_image(struct random *random, enum op op, uint8_t *bytes)
{
	struct fpu_state x87;

	for (unsigned n = 0; n < STATE_BYTES; n += 8)
		put(bytes + n, edge64(random), 8);
	x87_random(random, &x87);
	put(bytes, chance(random, 50) ? x87.control : edge64(random), 2);
	if (!contains(op, "FX") && !contains(op, "XS") && !contains(op, "XR"))
		return 128;
	put(bytes + 2, x87.status, 2);
	put(bytes + 4, x87.valid, 1);
	put(bytes + 6, 0, 18);
	/* Bit 17 is AMD's. */
	put(bytes + 24, chance(random, 85) ? random_mxcsr(random) : random32(random) & ~(1u << 17), 4);
	if (contains(op, "FX"))
		return 512;
	put_header(random, bytes + 512);
	return STATE_BYTES;
}

/* EDX:EAX: nothing that only the host has. */
void state_registers(struct random *random, struct state64 *s)
{
	s->reg[REG_AX] = (s->reg[REG_AX] & ~0xffffffffull) | below(random, 8);
	s->reg[REG_DX] &= ~0xffffffffull;
}
