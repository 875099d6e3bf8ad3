/*
 * An instruction of a feature that the processor has not is #UD, or the older instruction that its bytes
 * were before: every row of the table that belongs to a feature, in random encodings of all three modes.
 * And RDRAND gives the same numbers in the same machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <clearbox/clearbox.h>
#include "decode.h"

static uint64_t seed = 1;

static uint32_t random32(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

/* Bytes that are an instruction more often than not. */
static void draw(uint8_t bytes[24])
{
	static const uint8_t prefixes[] = { 0x66, 0xf2, 0xf3 };
	unsigned at = 0, kind = random32() % 8;

	for (unsigned n = 0; n < 24; n++)
		bytes[n] = (uint8_t)random32();
	if (kind < 3 && random32() % 2) {
		bytes[at++] = 0xc4;                     /* VEX, three bytes: map, W, vvvv, L, prefix */
		bytes[at++] = (uint8_t)(0xe0 | (1 + random32() % 3));
		bytes[at] = (uint8_t)(random32() % 2 ? bytes[at] | 0x78 : bytes[at]);
		return;
	}
	if (random32() % 2)
		bytes[at++] = prefixes[random32() % 3];
	if (random32() % 4 == 0)
		bytes[at++] = 0x48;
	if (kind == 7) {
		bytes[at] = (uint8_t)(0xd8 + random32() % 8);
		return;
	}
	if (kind == 4)
		return;                                 /* an opcode of one byte */
	bytes[at++] = 0x0f;
	if (kind >= 5)
		bytes[at] = kind == 5 ? 0x38 : 0x3a;
}

static void test_absent_features(void **state)
{
	static unsigned seen[OP_COUNT];
	unsigned missing = 0;

	(void)state;
	for (unsigned n = 0; n < 20000000; n++) {
		static const uint8_t widths[] = { 16, 32, 64 };
		unsigned bits = widths[n % 3];
		struct decoded with, without;
		uint8_t bytes[24];
		uint64_t feature;

		draw(bytes);
		if (decode(bytes, 15, bits, 0x1000, UINT64_MAX, &with) != DECODE_OK)
			continue;
		feature = op_features(&op_info[with.op]);
		if (!feature)
			continue;
		seen[with.op]++;
		if (decode(bytes, 15, bits, 0x1000, ~feature, &without) == DECODE_OK && without.op == with.op)
			fail_msg("%s is there without its feature", op_name(&op_info[with.op]));
		if (with.vex && op_info[with.op].kind != KIND_VG &&
		    decode(bytes, 15, bits, 0x1000, ~FEAT_AVX, &without) == DECODE_OK && without.vex)
			fail_msg("%s with VEX is there without AVX", op_name(&op_info[with.op]));
	}
	for (unsigned op = 0; op < OP_COUNT; op++)
		if (op_features(&op_info[op]) && !seen[op]) {
			print_message("not met: %s\n", op_name(&op_info[op]));
			missing++;
		}
	assert_int_equal(missing, 0);
}

static uint64_t draw_in_guest(const char *cpu, uint64_t *second)
{
	/* rdrand ax; mov bx, ax; rdseed ax; hlt */
	static const uint8_t code[] = { 0x0f, 0xc7, 0xf0, 0x89, 0xc3, 0x0f, 0xc7, 0xf8, 0xf4 };
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 1 << 20, .cpu = cpu };
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 4 };
	struct cbx_machine *machine;
	uint64_t first = 0;

	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x600, code, sizeof(code)), CBX_OK);
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RIP, 0x600);
	assert_int_equal(cbx_run(machine, &run, NULL), CBX_OK);
	cbx_register_read(machine, CBX_RBX, &first);
	cbx_register_read(machine, CBX_RAX, second);
	cbx_machine_free(machine);
	return first;
}

static void test_random_numbers_repeat(void **state)
{
	uint64_t a, b, c, d;

	(void)state;
	a = draw_in_guest("max", &b);
	c = draw_in_guest("max", &d);
	assert_int_equal(a, c);
	assert_int_equal(b, d);
	assert_int_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absent_features), cmocka_unit_test(test_random_numbers_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
