/*
 * What every row of opcodes_vector.h computes, as one number a row: the same on every host.  The
 * numbers in vector_answers.h were made where silicon64 had found no difference to silicon;
 * `test_vector_answers --record` prints them anew.
 */
#include "opcodes_info.h"
#include "system_guest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 6, BYTES = 64 };

static const struct {
	enum op op;
	const char *name;
} rows[] = {
#define ROW(kind, enc, byte, digit, name, ...) { OP_##name, #name },
#define XM(...) ROW(XM, __VA_ARGS__)
#define XV XM
#define XW XM
#define XS XM
#define X1 XM
#define V1 XM
#define VX XM
#define V2 XM
#include "opcodes_vector.h"
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static const uint32_t answers[] = {
#include "vector_answers.h"
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void mix(uint64_t *hash, uint64_t value)
{
	*hash = (*hash ^ value) * 0x9e3779b97f4a7c15u;
	*hash ^= *hash >> 29;
}

static bool has(const struct op_info *info, unsigned first, unsigned last)
{
	for (unsigned n = 0; n < 4; n++)
		if (info->operand[n] >= first && info->operand[n] <= last)
			return true;
	return false;
}

static bool has_length(const struct op_info *info, unsigned bits)
{
	if (bits == 0)
		return op_has_legacy(info);
	if (!op_has_vex(info))
		return false;
	switch (info->kind) {
	case KIND_XV: case KIND_XW: case KIND_VX: return true;
	case KIND_V2: return bits == 256;
	default: return bits == 128;
	}
}

static bool has_form(const struct op_info *info, bool memory)
{
	unsigned form = encoding_info[info->encoding].form;

	if (form == FORM_MEMORY || form == FORM_DIGIT_MEMORY || (info->attributes & ATTRIBUTE_U))
		return memory;
	if (form == FORM_REGISTER || form == FORM_DIGIT_REGISTER || info->operand[0] == OPERAND__)
		return !memory;
	return true;
}

/* Destination 1, second source 2, third 3 or the memory at ESI; mask in imm8 4. */
static size_t encode(const struct op_info *info, unsigned bits, bool memory, uint8_t imm, uint8_t *bytes)
{
	static const uint8_t prefixes[5] = { 0, 0, 0x66, 0xf3, 0xf2 };
	const struct encoding_info *e = &encoding_info[info->encoding];
	bool digit = e->form == FORM_DIGIT_REGISTER || e->form == FORM_DIGIT_MEMORY || e->form == FORM_DIGIT;
	bool has_v = has(info, OPERAND_Hx, OPERAND_Hx) || has(info, OPERAND_Hdq, OPERAND_Hdq);
	size_t n = 0;

	if (bits) {
		bytes[n++] = 0xc4;
		bytes[n++] = 0xe0 | e->map;
		bytes[n++] = (uint8_t)((info->attributes & ATTRIBUTE_W1 ? 0x80 : 0) | (has_v ? 0x68 : 0x78) |
				       (bits == 256 ? 4 : 0) | (e->prefix ? e->prefix - 1 : 0));
	} else {
		if (prefixes[e->prefix])
			bytes[n++] = prefixes[e->prefix];
		bytes[n++] = 0x0f;
		if (e->map > 1)
			bytes[n++] = e->map == 2 ? 0x38 : 0x3a;
	}
	bytes[n++] = info->opcode;
	if (info->operand[0] != OPERAND__ || digit)
		bytes[n++] = (uint8_t)((memory ? 0x06 : 0xc3) | (digit ? info->digit : 1) << 3);
	if (has(info, OPERAND_Lx, OPERAND_Lx))
		bytes[n++] = 0x40;
	else if (has(info, OPERAND_Ib, OPERAND_Ib))
		bytes[n++] = imm;
	return n;
}

static uint64_t machine_hash(struct guest *guest)
{
	uint64_t hash = 1;

	for (unsigned n = 0; n < 32; n++)
		mix(&hash, reg(guest, CBX_YMM0 + n));
	for (unsigned n = CBX_FR0; n <= CBX_FR7_EXPONENT; n++)
		mix(&hash, reg(guest, n));
	for (unsigned n = CBX_RAX; n <= CBX_RDI; n++)
		mix(&hash, reg(guest, n));
	mix(&hash, reg(guest, CBX_RIP));
	mix(&hash, reg(guest, CBX_RFLAGS));
	mix(&hash, reg(guest, CBX_FSW));
	for (unsigned n = 0; n < BYTES; n += 4)
		mix(&hash, peek(guest, DATA_AT + n, 4));
	return hash;
}

/* Elements are often small, extreme, or those of another register. */
static uint64_t value(uint64_t *state, uint64_t other)
{
	uint64_t a = next_random(state), b = next_random(state);

	switch (b & 7) {
	case 0: return a & 0x0f0f0f0f0f0f0f0fu;
	case 1: return other;
	case 2: return a & 0x3f;
	case 3: return a | 0x8080808080808080u;
	case 4: return (a & 0x0101010101010101u) * 0x7f;
	default: return a;
	}
}

static void randomise(struct guest *guest, uint64_t *state)
{
	uint64_t last = 0;

	for (unsigned n = 0; n < 32; n++)
		set(guest, CBX_YMM0 + n, last = value(state, last));
	for (unsigned n = 0; n < 8; n++)
		set(guest, CBX_FR0 + n, last = value(state, last));
	for (unsigned n = CBX_RAX; n <= CBX_RBX; n++)
		set(guest, n, value(state, last));
	for (unsigned n = 0; n < BYTES; n += 8)
		poke(guest, DATA_AT + n, 8, last = value(state, last));
	set(guest, CBX_RSI, DATA_AT);
	set(guest, CBX_RDI, DATA_AT + 16);
	set(guest, CBX_FSW, 2 << 11);
	set(guest, CBX_FTW, 0xffff);
}

static uint32_t answer(struct guest *guest, const struct op_info *info)
{
	static const unsigned lengths[] = { 0, 128, 256 };
	uint64_t hash = 1, state = 88172645463325252u;

	for (unsigned n = 0; n < 6; n++) {
		bool memory = n & 1;

		if (!has_length(info, lengths[n / 2]) || !has_form(info, memory))
			continue;
		for (unsigned round = 0; round < ROUNDS; round++) {
			uint8_t bytes[16];
			size_t size = encode(info, lengths[n / 2], memory, (uint8_t)(next_random(&state) >> 32),
					     bytes);
			struct outcome got;

			at_privilege(guest, 0);
			randomise(guest, &state);
			got = run(guest, (const char *)bytes, size);
			if (got.vector != NONE)
				print_error("%s raised %d\n", op_name(info), got.vector);
			assert_int_equal(got.vector, NONE);
			mix(&hash, machine_hash(guest));
		}
	}
	return (uint32_t)(hash >> 32);
}

/* Gathers have their indexes to themselves: test_vector_conditions and silicon64. */
static bool is_left_out(const struct op_info *info)
{
	return has(info, OPERAND_VM32x, OPERAND_VM64x);
}

static void start(struct guest *guest)
{
	guest_new(guest, "max");
	set(guest, CBX_CR4, 0x40600);
	set(guest, CBX_XCR0, 7);
}

static void every_row(void **state)
{
	struct guest guest;
	unsigned wrong = 0;

	(void)state;
	start(&guest);
	assert_int_equal(sizeof answers / sizeof answers[0], ROW_COUNT);
	for (unsigned n = 0; n < ROW_COUNT; n++) {
		const struct op_info *info = &op_info[rows[n].op];

		if (!is_left_out(info) && answer(&guest, info) != answers[n]) {
			print_error("%s: another answer\n", rows[n].name);
			wrong++;
		}
	}
	guest_free(&guest);
	assert_int_equal(wrong, 0);
}

static int record(void)
{
	struct guest guest;

	start(&guest);
	printf("/* Made by `test_vector_answers --record`: one number for each row of opcodes_vector.h. */\n");
	for (unsigned n = 0; n < ROW_COUNT; n++) {
		const struct op_info *info = &op_info[rows[n].op];

		printf("0x%08" PRIx32 ",\t/* %s */\n", is_left_out(info) ? 0 : answer(&guest, info), rows[n].name);
	}
	guest_free(&guest);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_row) };

	if (argc > 1 && strcmp(argv[1], "--record") == 0)
		return record();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vector answers", tests, NULL, NULL);
}
