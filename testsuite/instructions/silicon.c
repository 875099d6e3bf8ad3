/*
 * Every row of opcodes.h that a user program may execute, with random operands, on the
 * host's processor and on ours.
 *
 *	silicon [--count N] [--seed S] [--row NAME] [--bits 16|32] [--show N] [--build small|single]
 *
 * N cases of each row (default 1000), and 50 times as many sequences of instructions ("--row
 * sequences").  A case in which the two differ in something that the
 * SDM defines is a failure; the first few of each row are shown.
 */
#include <clearbox/clearbox.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "silicon.h"

enum { SEQUENCES = 50 };               /* for one case of each row */

static const char *const reg_names[8] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
static const char *const segment_names[6] = { "es", "cs", "ss", "ds", "fs", "gs" };

static struct {
	uint64_t count, seed;
	const char *row, *build;
	unsigned bits, show;
} options = { 1000, 1, NULL, NULL, 0, 2 };

static uint8_t ours_data[DATA_BYTES];

static void poke_both(uint32_t linear, const void *bytes, unsigned count)
{
	native_poke(linear, bytes, count);
	clearbox_poke(linear, bytes, count);
}

/* ---- What is defined ---- */

enum shift { NO_SHIFT, ROTATE, ROTATE_CARRY, SHIFT, SHIFT_SAR, SHIFT_DOUBLE };

static enum shift shift_kind(enum op op)
{
	const char *name = op_name(&op_info[op]);

	if (op_info[op].encoding == ENCODING_GR1 && ((op_info[op].opcode | 1) == 0xc1 ||
						     (op_info[op].opcode & 0xfc) == 0xd0)) {
		if (op_info[op].digit < 2)
			return ROTATE;
		if (op_info[op].digit < 4)
			return ROTATE_CARRY;
		return op_info[op].digit == 7 ? SHIFT_SAR : SHIFT;
	}
	return strncmp(name, "SHLD", 4) && strncmp(name, "SHRD", 4) ? NO_SHIFT : SHIFT_DOUBLE;
}

/* Which flags say nothing after this case; *result: nor does the result. */
static uint32_t undefined_flags(const struct test_case *c, bool *result)
{
	const struct op_info *info = &op_info[c->op];
	enum shift kind = shift_kind(c->op);
	unsigned count, bits;

	*result = false;
	if (c->op == OP_INVALID)
		return c->undefined;
	if (kind == NO_SHIFT)
		return info->flags_undefined;
	count = info->operand[kind == SHIFT_DOUBLE ? 2 : 1] == OPERAND_CL ? c->before.reg[REG_CX]
		: info->operand[kind == SHIFT_DOUBLE ? 2 : 1] == OPERAND_I1 ? 1 : c->bytes[c->length - 1];
	count &= 31;
	bits = info->operand[0] == OPERAND_Eb ? 8 : 8 * c->operand_size;
	if (count == 0)
		return 0;
	if (kind == ROTATE || kind == ROTATE_CARRY)
		return count == 1 ? 0 : FLAG_OF;
	if (kind == SHIFT_DOUBLE && count > bits) {
		*result = true;
		return FLAGS_ARITHMETIC;
	}
	if (count == 1)
		return FLAG_AF;
	return FLAG_AF | FLAG_OF | (kind == SHIFT && count >= bits ? FLAG_CF : 0u);
}

/* Linear address of the top of the stack. */
static uint32_t stack_top(const struct state *s)
{
	uint32_t sp = s->reg[REG_SP];

	return segment_base(s->segment[SEG_SS]) + (segment_big(s->segment[SEG_SS]) ? sp : sp & 0xffff);
}

static void copy_from_native(uint32_t linear, uint32_t count)
{
	for (; count; linear++, count--)
		if (linear - DATA_AT < DATA_BYTES)
			clearbox_poke(linear, native_data() + (linear - DATA_AT), 1);
}

/* All memory is made equal to the host's again. */
static void resynchronise(void)
{
	clearbox_poke(DATA_AT, native_data(), DATA_BYTES);
}

static bool is_segment_push(enum op op)
{
	return op == OP_PUSH_ES || op == OP_PUSH_CS || op == OP_PUSH_SS || op == OP_PUSH_DS ||
	       op == OP_PUSH_FS || op == OP_PUSH_GS;
}

static bool has_operand(enum op op, unsigned operand)
{
	return op_info[op].operand[0] == operand || op_info[op].operand[1] == operand;
}

static bool is_memory_fault(int vector)
{
	return vector == VECTOR_GP || vector == VECTOR_SS || vector == VECTOR_PF || vector == VECTOR_AC;
}

/*
 * Where processors differ and the SDM leaves it open, or two exceptions apply and their order
 * is the processor's: makes ours what the host's is, when that is one of the possibilities.
 */
static void tolerate(const struct test_case *c, const struct state *native, struct state *ours)
{
	const bool both = native->vector >= 0 && ours->vector >= 0;
	const bool two_parts = has_operand(c->op, OPERAND_Mp) || has_operand(c->op, OPERAND_Ma) ||
			       has_operand(c->op, OPERAND_Mt);
	const bool far_call = c->op == OP_CALL_Ap || c->op == OP_CALL_Mp;
	const bool far_return = c->op == OP_RETF || c->op == OP_RETF_Iw || c->op == OP_IRET;
	const bool of_memory = is_memory_fault(native->vector) && is_memory_fault(ours->vector);
	bool accept = false;

	/* Operands around the end of 4 GiB: #GP or #SS is optional (SDM 3A 5.3). */
	if (of_memory && native->vector != ours->vector)
		accept = (native->vector == VECTOR_PF && native->cr2 >= 0xfffffff0u) ||
			 (ours->vector == VECTOR_PF && ours->cr2 >= 0xfffffff0u) ||
			 (ours->vector == VECTOR_AC && c->whole_space);
	/* A segment push leaves the upper half of a doubleword alone, or makes it 0 (SDM 2B, PUSH). */
	if (is_segment_push(c->op) && c->operand_size == 4 && native->vector < 0)
		copy_from_native(stack_top(native) + 2, 2);
	if (is_segment_push(c->op) && c->operand_size == 4 && is_memory_fault(native->vector))
		accept |= native->vector != ours->vector;
	/* The return address may be pushed before the target is found to be beyond the limit. */
	if (far_call && both)
		copy_from_native(stack_top(native) - 8, 8);
	/* So does a near call; both may then fault on the stack instead. */
	if ((c->op == OP_CALL_Jz || c->op == OP_CALL_Ev || far_call) && of_memory)
		accept |= ours->vector == VECTOR_GP && native->vector != VECTOR_GP;
	/* Far returns read their frame in any order, and the outer stack before they look at CS. */
	if (far_return && of_memory)
		accept |= native->vector != ours->vector || (uint16_t)(native->cr2 - ours->cr2 + 12) < 24;
	/* The parts of a far pointer, bounds and ten bytes are checked one by one, or together. */
	if (two_parts && of_memory && native->vector != ours->vector)
		accept = true;
	/* POPA may have loaded some registers already. */
	if (c->op == OP_POPA && both && native->vector == ours->vector &&
	    native->reg[REG_SP] == c->before.reg[REG_SP])
		memcpy(ours->reg, native->reg, sizeof ours->reg);
	/* The destination may be needed for writing only when RPL is changed. */
	if (c->op == OP_ARPL_Ew_Gw && ours->vector >= 0 && (native->error & 2) == 0)
		accept |= both || !(native->eflags & FLAG_ZF);
	/* Bits 16-19 are undefined (SDM 2A, LAR). */
	for (unsigned n = 0; n < 8 && c->op == OP_LAR_Gv_Ew && native->vector < 0; n++)
		if (n == (c->bytes[c->modrm] >> 3 & 7u) && c->operand_size == 4)
			ours->reg[n] |= native->reg[n] & 0xf0000;
	/* Where our tables are, the host has nothing. */
	if (ours->vector == VECTOR_PF && is_private(ours->cr2))
		ours->error &= ~1u;
	if (accept) {
		*ours = *native;
		resynchronise();
	}
}

/* ---- Comparing ---- */

static unsigned differs(bool show, const char *name, uint32_t before, uint32_t ours, uint32_t native,
			uint32_t mask)
{
	if (!((ours ^ native) & mask))
		return 0;
	if (show)
		printf("    %-6s was %08x: silicon %08x, clearbox %08x\n", name, before, native & mask,
		       ours & mask);
	return 1;
}

static unsigned compare_memory(bool show)
{
	const uint8_t *native = native_data();
	unsigned shown = 0;

	clearbox_data(ours_data);
	if (!memcmp(native, ours_data, DATA_BYTES))
		return 0;
	for (uint32_t n = 0; show && n < DATA_BYTES && shown < 8; n++)
		if (native[n] != ours_data[n]) {
			printf("    [%x]: silicon %02x, clearbox %02x\n", DATA_AT + n, native[n],
			       ours_data[n]);
			shown++;
		}
	return 1;
}

static unsigned compare(const struct test_case *c, const struct state *native, const struct state *ours,
			bool show)
{
	uint32_t mask = 0x3f7fd7 & ~(c->trap_after ? (uint32_t)FLAG_TF : 0);
	bool undefined_result;
	unsigned bad = 0;

	mask &= ~undefined_flags(c, &undefined_result);
	if (native->vector >= 0)
		mask &= ~c->undefined_within;
	bad += differs(show, "vector", (uint32_t)-1, (uint32_t)ours->vector, (uint32_t)native->vector, ~0u);
	if (native->vector >= 0 && ours->vector == native->vector) {
		if (native->vector == VECTOR_GP || native->vector == VECTOR_SS ||
		    native->vector == VECTOR_NP || native->vector == VECTOR_PF)
			bad += differs(show, "error", 0, ours->error, native->error, ~0u);
		if (native->vector == VECTOR_PF)
			bad += differs(show, "cr2", 0, ours->cr2, native->cr2, ~0u);
	}
	bad += differs(show, "eip", c->before.eip, ours->eip, native->eip, ~0u);
	bad += differs(show, "eflags", c->before.eflags, ours->eflags, native->eflags, mask);
	/* The host's kernel returning to the signal handler makes every null selector 0. */
	for (unsigned n = 0; n < 6; n++)
		if (ours->segment[n] > 3 || native->segment[n])
			bad += differs(show, segment_names[n], c->before.segment[n], ours->segment[n],
				       native->segment[n], ~0u);
	if (c->x87)
		bad += x87_compare(c, &native->fpu, &ours->fpu, show);
	if (undefined_result)
		return bad;
	for (unsigned n = 0; n < 8; n++)
		bad += differs(show, reg_names[n], c->before.reg[n], ours->reg[n], native->reg[n], ~0u);
	return bad + compare_memory(show);
}

static void show_case(const struct test_case *c, uint64_t number)
{
	char text[160];
	unsigned length;

	printf("  %s, case %" PRIu64 ", %u bits:\n", c->op ? op_name(&op_info[c->op]) : "sequence", number,
	       c->code_bits);
	for (unsigned n = 0; n < c->length; n += length ? length : 15) {
		cbx_disassemble(c->bytes + n, 15, c->code_bits, c->before.eip + n, text, sizeof text,
				&length);
		printf("    %08x  %-40s", c->before.eip + n, text);
		for (unsigned k = n; k < n + length && k < c->length; k++)
			printf(" %02x", c->bytes[k]);
		printf("\n");
	}
	printf("   ");
	for (unsigned n = 0; n < 8; n++)
		printf(" %s %08x", reg_names[n], c->before.reg[n]);
	printf("\n    eip %08x eflags %08x", c->before.eip, c->before.eflags);
	for (unsigned n = 0; n < 6; n++)
		printf(" %s %04x", segment_names[n], c->before.segment[n]);
	printf("\n");
}

/*
 * The columns of the row: flags that it is not said to set stay, and those that it is not said
 * to read make no difference.  memory is what the case started from; runs it on the host again.
 */
static bool columns_hold(const struct test_case *c, const struct state *native, const uint8_t *memory)
{
	const struct op_info *info = &op_info[c->op];
	static uint8_t result[DATA_BYTES];
	struct test_case other = *c;
	struct state again;
	bool undefined_result, same;
	uint32_t undefined = undefined_flags(c, &undefined_result), changed;

	if (native->vector >= 0 || undefined_result)
		return true;
	changed = (native->eflags ^ c->before.eflags) & FLAGS_ARITHMETIC & ~(uint32_t)info->flags_set;
	memcpy(result, native_data(), DATA_BYTES);
	native_poke(DATA_AT, memory, DATA_BYTES);
	other.before.eflags ^= FLAGS_ARITHMETIC & ~(uint32_t)info->flags_read;
	native_run(&other, &again);
	same = again.vector < 0 && again.eip == native->eip &&
	       !memcmp(again.reg, native->reg, sizeof again.reg) &&
	       !memcmp(native_data(), result, DATA_BYTES) &&
	       !((again.eflags ^ native->eflags) & info->flags_set & ~undefined);
	native_poke(DATA_AT, result, DATA_BYTES);
	return same && !changed;
}

/* OP_INVALID: sequences. */
static uint64_t test_row(enum op op, bool with_ldt, uint64_t *faults, uint64_t by_bits[2])
{
	struct random random = { options.seed * 0x100000001b3ull + op };
	static uint8_t before[DATA_BYTES];
	uint64_t failed = 0;

	/* The same memory whichever rows were before. */
	memset(before, 0x5a, sizeof before);
	poke_both(DATA_AT, before, sizeof before);
	for (uint64_t n = 0; n < options.count * (op == OP_INVALID ? SEQUENCES : 1); n++) {
		struct state native, ours;
		struct test_case c;
		bool undefined;

		do
			if (op == OP_INVALID)
				generate_sequence(&random, with_ldt, &c, poke_both);
			else
				generate(&random, op, with_ldt, &c, poke_both);
		while (options.bits && c.code_bits != options.bits);
		by_bits[c.code_bits == 32]++;
		if (op && n % 8 == 0)
			memcpy(before, native_data(), DATA_BYTES);
		native_run(&c, &native);
		clearbox_run(&c, &ours);
		*faults += native.vector >= 0;
		tolerate(&c, &native, &ours);
		undefined_flags(&c, &undefined);
		if (c.host_only) {
			undefined = true;       /* a descriptor that only the host has */
		} else if (compare(&c, &native, &ours, false)) {
			if (failed++ < options.show) {
				show_case(&c, n);
				compare(&c, &native, &ours, true);
			}
			undefined = true;
		}
		if (undefined)
			resynchronise();
		if (op && n % 8 == 0 && !c.host_only && !columns_hold(&c, &native, before) &&
		    failed++ < options.show) {
			show_case(&c, n);
			printf("    the row says otherwise about the flags it reads or sets\n");
		}
	}
	return failed;
}

static bool read_options(int argc, char **argv)
{
	for (int n = 1; n < argc; n += 2) {
		const char *value = n + 1 < argc ? argv[n + 1] : NULL;

		if (!value)
			return false;
		if (!strcmp(argv[n], "--count"))
			options.count = strtoull(value, NULL, 0);
		else if (!strcmp(argv[n], "--seed"))
			options.seed = strtoull(value, NULL, 0);
		else if (!strcmp(argv[n], "--row"))
			options.row = value;
		else if (!strcmp(argv[n], "--build"))
			options.build = value;
		else if (!strcmp(argv[n], "--bits"))
			options.bits = (unsigned)strtoul(value, NULL, 0);
		else if (!strcmp(argv[n], "--show"))
			options.show = (unsigned)strtoul(value, NULL, 0);
		else
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	unsigned long passed = 0, failed = 0;
	uint64_t total[2] = { 0, 0 };
	const char *why;
	bool with_ldt;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!read_options(argc, argv)) {
		fprintf(stderr, "usage: silicon [--count N] [--seed S] [--row NAME] [--bits 16|32]"
			" [--show N] [--build small|single]\n");
		return 2;
	}
	why = native_start(&with_ldt);
	if (!why)
		why = clearbox_start(options.build);
	if (why) {
		printf("skipped: %s\n", why);
		return 77;
	}
	printf("seed %" PRIu64 ", %" PRIu64 " cases of each row%s\n", options.seed, options.count,
	       with_ldt ? "" : "; no LDT, so no 16-bit code");
	for (unsigned op = 0; op < OP_COUNT; op++) {
		const char *name = op ? op_name(&op_info[op]) : "sequences";
		uint64_t bad, faults = 0, by_bits[2] = { 0, 0 };

		if (options.row && strcmp(options.row, name))
			continue;
		if (op && skipped_row(op)) {
			printf("%-18s not here: %s\n", name, skipped_row(op));
			continue;
		}
		bad = test_row(op, with_ldt, &faults, by_bits);
		printf("%-18s %6" PRIu64 " cases in 32-bit code, %6" PRIu64 " in 16-bit code, %6" PRIu64
		       " exceptions, %" PRIu64 " disagreements\n", name, by_bits[1], by_bits[0],
		       faults, bad);
		total[0] += by_bits[0];
		total[1] += by_bits[1];
		failed += bad != 0;
		passed += bad == 0;
	}
	clearbox_stop();
	printf("%" PRIu64 " cases in 32-bit code, %" PRIu64 " in 16-bit code\n", total[1], total[0]);
	printf("%lu passed, %lu failed\n", passed, failed);
	return failed || !passed;
}
