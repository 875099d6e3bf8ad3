/*
 * Every row of the table that flat user code may execute, with random operands, on the host's
 * processor and on ours: in 64-bit mode, in protected mode with 32-bit and 16-bit code, and in
 * compatibility mode.
 *
 *	silicon64 [--cases N] [--seed S] [--rows PATTERN] [--mode 64|32|compat|16] [--jobs N] [--show N]
 *	          [--build small|single]
 *
 * N cases of each row and mode (default 1000), and 50 times as many sequences of instructions
 * ("--rows sequences").  A case in which the two differ in something that the
 * SDM defines is a failure; the first few of each row are shown.  With --jobs so many processes
 * share the rows.
 */
#define _GNU_SOURCE
#include <clearbox/clearbox.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "silicon64.h"

enum { SEQUENCES = 50 };               /* for one case of each row */

static const char *const mode_names[MODE64_COUNT] = { "64", "32", "compat", "16" };
static const unsigned mode_bits[MODE64_COUNT] = { 64, 32, 32, 16 };
static const char *const reg_names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };

static const char *const segment_names[6] = { "es", "cs", "ss", "ds", "fs", "gs" };

static struct {
	uint64_t cases, seed;
	const char *rows, *build, *mode;
	unsigned jobs, show;
} options = { 1000, 1, NULL, NULL, NULL, 1, 2 };

/* Shared by the processes. */
struct totals {
	uint64_t cases[64], passed[64], failed[64], rows_out[64];
};

static void poke_both(uint64_t linear, const void *bytes, unsigned count)
{
	native64_poke(linear, bytes, count);
	clearbox64_poke(linear, bytes, count);
}

static const char *row_name(enum op op)
{
	return op ? op_info[op].name : "sequences";
}

static bool named(const struct case64 *c, const char *prefix)
{
	return !strncmp(op_info[c->op].name, prefix, strlen(prefix));
}

/* ---- What is defined ---- */

/* Shifts and rotates by count: flags that say nothing, and whether the result does. */
static uint32_t shift_flags(const struct case64 *c, bool *result)
{
	const struct op_info *info = &op_info[c->op];
	bool twice = !strncmp(info->name, "SHLD", 4) || !strncmp(info->name, "SHRD", 4);
	unsigned operand = info->operand[twice ? 2 : 1], count, bits;

	count = operand == OPERAND_CL ? (uint8_t)c->before.reg[REG_CX]
		: operand == OPERAND_I1 ? 1 : c->bytes[c->length - 1];
	bits = info->operand[0] == OPERAND_Eb ? 8 : 8 * c->operand_size;
	count &= bits == 64 ? 63 : 31;
	if (count == 0)
		return 0;
	if (twice && count > bits) {
		*result = true;
		return FLAGS_ARITHMETIC;
	}
	if (!twice && info->digit < 4)
		return count == 1 ? 0 : FLAG_OF;
	if (count == 1)
		return FLAG_AF;
	return FLAG_AF | FLAG_OF | (info->digit != 7 && count >= bits ? FLAG_CF : 0u);
}

static uint32_t undefined_flags(const struct case64 *c, bool *result)
{
	const struct op_info *info = &op_info[c->op];
	bool group = info->encoding == ENCODING_GR1 && ((info->opcode | 1) == 0xc1 || (info->opcode & 0xfc) == 0xd0);

	*result = false;
	if (c->op == OP_INVALID)
		return c->undefined;
	if (group || !strncmp(info->name, "SHLD", 4) || !strncmp(info->name, "SHRD", 4))
		return shift_flags(c, result);
	return info->flags_undefined;
}

static bool is_memory_fault(int vector)
{
	return vector == VECTOR_GP || vector == VECTOR_SS || vector == VECTOR_PF || vector == VECTOR_AC;
}

static void resynchronise(void)
{
	clearbox64_poke(DATA_AT, native64_data(), DATA_BYTES);
}

static bool is_segment_push(enum op op)
{
	return op == OP_PUSH_ES || op == OP_PUSH_CS || op == OP_PUSH_SS || op == OP_PUSH_DS ||
	       op == OP_PUSH_FS || op == OP_PUSH_GS;
}

static void copy_from_native(uint64_t linear)
{
	uint64_t at = data_offset(linear);

	if (at < DATA_BYTES)
		clearbox64_poke(DATA_AT + at, native64_data() + at, 1);
}

static bool canonical(uint64_t address, unsigned count)
{
	uint64_t last = address + (count ? count - 1 : 0);

	return (address + 0x800000000000) >> 48 == 0 && (last + 0x800000000000) >> 48 == 0;
}

static void take_low(const struct state64 *native, struct state64 *ours, unsigned n, unsigned bytes)
{
	uint64_t mask = bytes == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * bytes) - 1;

	ours->reg[n] = (ours->reg[n] & ~mask) | (native->reg[n] & mask);
}

/* What is random, or of the host alone: only where the answer stands, and what is beside it, counts. */
static void take_answers(const struct case64 *c, const struct state64 *native, struct state64 *ours)
{
	static const struct {
		const char *name;
		unsigned registers;
	} rows[] = {
		{ "CPUID", 1 << REG_AX | 1 << REG_BX | 1 << REG_CX | 1 << REG_DX },
		{ "RDTSCP", 1 << REG_AX | 1 << REG_DX | 1 << REG_CX }, { "RDTSC", 1 << REG_AX | 1 << REG_DX },
		{ "XGETBV", 1 << REG_AX | 1 << REG_DX },
	};

	if (native->vector >= 0 || ours->vector >= 0)
		return;
	if (named(c, "RDRAND") || named(c, "RDSEED") || named(c, "RDPID")) {
		for (unsigned n = 0; n < 16; n++)
			if (native->reg[n] != ours->reg[n])
				take_low(native, ours, n, named(c, "RDPID") ? 4 : c->operand_size);
		/* There may be none for the moment. */
		if (!(native->rflags & FLAG_CF))
			ours->rflags = native->rflags;
		return;
	}
	for (unsigned k = 0; k < sizeof rows / sizeof *rows; k++)
		if (!strcmp(op_info[c->op].name, rows[k].name))
			for (unsigned n = 0; n < 4; n++)
				if (rows[k].registers >> n & 1)
					take_low(native, ours, n, 4);
	/* Bits 16-19 are undefined (SDM 2A, LAR). */
	for (unsigned n = 0; n < 16 && named(c, "LAR") && c->operand_size >= 4; n++)
		if (native->reg[n] != c->before.reg[n])
			ours->reg[n] |= native->reg[n] & 0xf0000;
}

/*
 * Where processors differ and the SDM leaves it open, or the host's kernel does not tell:
 * makes ours what the host's is, when that is one of the possibilities.
 */
static void tolerate(const struct case64 *c, struct state64 *native, struct state64 *ours)
{
	bool both = native->vector >= 0 && ours->vector >= 0, accept = false;
	bool faults = is_memory_fault(native->vector) && is_memory_fault(ours->vector);

	/* Linux says of addresses above the user's that there was a page. */
	if (native->vector == VECTOR_PF && ours->vector == VECTOR_PF && native->cr2 >= 0x7ffffffff000)
		ours->error |= native->error & 1;
	/* Where our tables are, the host has nothing. */
	if (ours->vector == VECTOR_PF && clearbox64_private(ours->cr2))
		ours->error &= ~1u;
	if (ours->vector == VECTOR_PF && ours->cr2 >> 12 == 0x100)
		ours->error |= native->error & 1;
	take_answers(c, native, ours);
	/* Two faults of one instruction: the order is the processor's. */
	if (faults && (strstr(op_info[c->op].name, "MASKMOV") || named(c, "ENTER")))
		accept |= native->vector != ours->vector;
	/* A pending x87 error comes before the operand's faults or after. */
	if ((native->vector == VECTOR_MF && is_memory_fault(ours->vector)) ||
	    (ours->vector == VECTOR_MF && is_memory_fault(native->vector)))
		accept |= true;
	/* Far returns read their frame in any order, and the outer stack before they look at CS. */
	if (faults && (named(c, "RETF") || named(c, "IRET")))
		accept |= native->vector != ours->vector || (uint16_t)(native->cr2 - ours->cr2 + 40) < 80;
	/* A segment push leaves the upper part of its place alone, or makes it 0 (SDM 2B, PUSH). */
	if (is_segment_push(c->op) && native->vector < 0)
		for (unsigned n = 2; n < c->operand_size; n++)
			copy_from_native(native->reg[REG_SP] + n);
	if (is_segment_push(c->op) && is_memory_fault(native->vector))
		accept |= native->vector != ours->vector;
	/* The parts of a far pointer are read one by one, or together; so is a call's target looked at. */
	if (faults && ours->vector == VECTOR_GP && named(c, "CALL_"))
		accept |= native->vector != VECTOR_GP;
	if (faults && (named(c, "CALL_Mp") || named(c, "JMP_Mp") || named(c, "CALL_Ap")))
		accept |= native->vector != ours->vector;
	/* The return address may have been pushed before the target is found to be beyond the limit. */
	if (both && named(c, "CALL_"))
		for (unsigned n = 1; n <= 16; n++)
			copy_from_native(c->before.reg[REG_SP] - n);
	/* AMD's push in the way of the mode that is entered. */
	if (c->wide && named(c, "CALL_Mp") && faults && (uint32_t)native->cr2 == (uint32_t)ours->cr2)
		accept = true;
	/* Zen 2, which our AMD model is, leaves the base; later ones clear it. */
	if (native64_is_amd() && ours->segment[SEG_FS] < 4 && !native->fs_base)
		ours->fs_base = 0;
	if (native64_is_amd() && ours->segment[SEG_GS] < 4 && !native->gs_base)
		ours->gs_base = 0;
	/* So may ten bytes be. */
	if (faults && op_info[c->op].operand[0] == OPERAND_Mt)
		accept |= native->vector != ours->vector;
	/* The destination may be needed for writing only when RPL is changed. */
	if (named(c, "ARPL") && ours->vector >= 0 && (native->error & 2) == 0)
		accept |= both || !(native->rflags & FLAG_ZF);
	/* POPA may have loaded some registers already. */
	if (c->op == OP_POPA && both && native->vector == ours->vector && native->reg[REG_SP] == c->before.reg[REG_SP])
		memcpy(ours->reg, native->reg, sizeof ours->reg);
	/* Operands around the end of 4 GiB, in 32-bit code: #GP or #SS is optional (SDM 3A 5.3). */
	if (!c->wide && faults && native->vector != ours->vector)
		accept |= (native->vector == VECTOR_PF && native->cr2 >= 0xffffffe0u) ||
			  (ours->vector == VECTOR_PF && ours->cr2 >= 0xffffffe0u) || ours->vector == VECTOR_AC;
	/* Large images: in which order their parts are looked at. */
	if (is_state_op(c->op) && faults)
		accept |= native->vector != ours->vector || c->address_size != c->bits / 8 || c->address_size == 2 ||
			  native->cr2 - ours->cr2 + STATE_BYTES < 2 * STATE_BYTES;
	/* MXCSR_MASK has a bit of AMD's own. */
	if (is_state_op(c->op) && strstr(op_info[c->op].name, "SAVE") && native->vector < 0)
		for (unsigned n = 28; n < 32; n++)
			copy_from_native(c->target + n);
	/* AMD's want the offset to be canonical, too, when there is a base. */
	if (c->base && native->vector == VECTOR_GP &&
	    (!canonical(c->target - c->base, c->access) || !canonical(native->reg[REG_SI], 8) || named(c, "BT") ||
	     strstr(op_info[c->op].name, "GATHER")))
		accept |= true;
	/* Far returns look at the new RIP before CS and SS, or after them. */
	if (native->vector == VECTOR_GP && ours->vector == VECTOR_GP && !native->error &&
	    (named(c, "IRET") || named(c, "RETF")))
		ours->error = 0;
	/* From 64-bit to other code: the upper half of RSP is undefined. */
	if (c->wide && native->cs != LONG_CODE && ours->cs == native->cs)
		ours->reg[REG_SP] = (uint32_t)ours->reg[REG_SP] | (native->reg[REG_SP] & 0xffffffff00000000);
	/* Of the steps after the one that is reported, flags may be there or not. */
	if (native->vector == VECTOR_XM && ours->vector == VECTOR_XM && strstr(op_info[c->op].name, "DPP"))
		ours->mxcsr = (ours->mxcsr & ~0x3fu) | (native->mxcsr & 0x3f);
	/* The host's way back from 32-bit code can be read. */
	if (ours->vector == VECTOR_PF && ours->cr2 >> 12 == 0x100 && !(ours->error & 2))
		accept |= true;
	if (accept) {
		*ours = *native;
		resynchronise();
	}
}

/* ---- Comparing ---- */

static unsigned differs(bool show, const char *name, uint64_t before, uint64_t ours, uint64_t native,
			uint64_t mask)
{
	if (!((ours ^ native) & mask))
		return 0;
	if (show)
		printf("    %-7s was %016" PRIx64 ": silicon %016" PRIx64 ", clearbox %016" PRIx64 "\n", name,
		       before, native & mask, ours & mask);
	return 1;
}

static unsigned compare_memory(bool show)
{
	const uint8_t *native = native64_data(), *ours = clearbox64_data();
	unsigned shown = 0;

	if (!memcmp(native, ours, DATA_BYTES))
		return 0;
	for (uint32_t n = 0; show && n < DATA_BYTES && shown < 8; n++)
		if (native[n] != ours[n]) {
			printf("    [%x]: silicon %02x, clearbox %02x\n", DATA_AT + n, native[n], ours[n]);
			shown++;
		}
	return 1;
}

static double single(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, 4);
	return value;
}

/* RCPPS and their like: within the error that the SDM allows. */
static bool close_enough(uint64_t a, uint64_t b)
{
	for (unsigned n = 0; n < 64; n += 32) {
		uint32_t x = (uint32_t)(a >> n), y = (uint32_t)(b >> n);
		double p = single(x), q = single(y), d = p > q ? p - q : q - p;

		if (x == y)
			continue;
		if (!(d <= (q < 0 ? -q : q) * 2 * 1.5 / 4096))
			return false;
	}
	return true;
}

static unsigned compare_vectors(const struct case64 *c, const struct state64 *native,
				const struct state64 *ours, bool show)
{
	bool estimate = strstr(op_info[c->op].name, "RCP") || strstr(op_info[c->op].name, "RSQRT");
	unsigned bad = 0;

	if (!memcmp(native->v, ours->v, sizeof native->v))
		return 0;
	for (unsigned n = 0; n < 16; n++)
		for (unsigned k = 0; k < 4; k++) {
			char name[16];

			if (native->v[n].q[k] == ours->v[n].q[k] ||
			    (estimate && close_enough(native->v[n].q[k], ours->v[n].q[k])))
				continue;
			snprintf(name, sizeof name, "ymm%u.%u", n, k);
			bad += differs(show, name, c->before.v[n].q[k], ours->v[n].q[k],
				       native->v[n].q[k], UINT64_MAX);
		}
	return bad;
}

static unsigned compare_x87(const struct case64 *c, const struct state64 *native, const struct state64 *ours,
			    bool show)
{
	struct test_case like;

	memset(&like, 0, sizeof like);
	like.op = c->op;
	like.before.fpu = c->before.fpu;
	return x87_compare(&like, &native->fpu, &ours->fpu, show);
}

static unsigned compare(const struct case64 *c, const struct state64 *native, const struct state64 *ours,
			bool show)
{
	const struct state64 *was = &c->before;
	uint64_t mask = 0x3f7fd7 & ~(c->flow ? (uint64_t)FLAG_TF : 0);
	bool undefined_result;
	unsigned bad = 0;

	mask &= ~(uint64_t)undefined_flags(c, &undefined_result);
	if (native->vector >= 0)
		mask &= ~(uint64_t)c->undefined_within;
	bad += differs(show, "vector", UINT64_MAX, (uint64_t)ours->vector, (uint64_t)native->vector,
		       UINT64_MAX);
	if (native->vector >= 0 && ours->vector == native->vector) {
		if (native->vector == VECTOR_GP || native->vector == VECTOR_SS ||
		    native->vector == VECTOR_NP || native->vector == VECTOR_PF)
			bad += differs(show, "error", 0, ours->error, native->error, UINT64_MAX);
		if (native->vector == VECTOR_PF)
			bad += differs(show, "cr2", 0, ours->cr2, native->cr2, UINT64_MAX);
	}
	bad += differs(show, "rip", was->rip, ours->rip, native->rip, UINT64_MAX);
	bad += differs(show, "rflags", was->rflags, ours->rflags, native->rflags, mask);
	bad += differs(show, "cs", was->cs, ours->cs, native->cs, UINT64_MAX);
	bad += differs(show, "ss", was->ss, ours->ss, native->ss, UINT64_MAX);
	/* The host's kernel returning to the signal handler makes every null selector 0. */
	for (unsigned n = 0; n < 6; n++)
		if (n != SEG_CS && n != SEG_SS && (ours->segment[n] > 3 || native->segment[n] > 3))
			bad += differs(show, segment_names[n], 0, ours->segment[n], native->segment[n], UINT64_MAX);
	bad += differs(show, "mxcsr", was->mxcsr, ours->mxcsr, native->mxcsr, UINT64_MAX);
	bad += compare_x87(c, native, ours, show);
	bad += compare_vectors(c, native, ours, show);
	if (c->wide) {
		bad += differs(show, "fs.base", was->fs_base, ours->fs_base, native->fs_base, UINT64_MAX);
		bad += differs(show, "gs.base", was->gs_base, ours->gs_base, native->gs_base, UINT64_MAX);
	}
	if (undefined_result)
		return bad;
	for (unsigned n = 0; n < (c->wide ? 16 : 8); n++)
		bad += differs(show, reg_names[n], was->reg[n], ours->reg[n], native->reg[n], UINT64_MAX);
	return bad + compare_memory(show);
}

static void show_case(const struct case64 *c, enum mode64 mode, uint64_t number)
{
	const struct state64 *s = &c->before;
	char text[160];
	unsigned length;

	printf("  %s, case %" PRIu64 ", mode %s:\n", row_name(c->op), number, mode_names[mode]);
	for (unsigned n = 0; n < c->length; n += length ? length : 15) {
		length = 0;
		text[0] = 0;
		cbx_disassemble(c->bytes + n, 15, c->bits, s->rip + n, text, sizeof text, &length);
		printf("    %" PRIx64 "  %-50s", s->rip + n, text);
		for (unsigned k = n; k < n + (length ? length : 15) && k < c->length; k++)
			printf(" %02x", c->bytes[k]);
		printf("\n");
	}
	for (unsigned n = 0; n < (c->wide ? 16 : 8); n++)
		printf("%s%s %016" PRIx64 "%s", n % 4 ? " " : "    ", reg_names[n], s->reg[n],
		       n % 4 == 3 ? "\n" : "");
	printf("    rflags %" PRIx64 " mxcsr %x fs %" PRIx64 " gs %" PRIx64 "%s", s->rflags, s->mxcsr, s->fs_base,
	       s->gs_base, c->memory ? "" : "\n");
	if (c->memory) {
		printf(" [%" PRIx64 "]", c->target);
		for (unsigned n = 0; n < c->access && data_offset(c->target + n) < DATA_BYTES; n++)
			printf(" %02x", native64_data()[data_offset(c->target + n)]);
		printf(" (after)\n");
	}
	if (c->flow) {
		printf("    stack");
		for (unsigned n = 0; n < 40 && data_offset(s->reg[REG_SP] + n) < DATA_BYTES; n++)
			printf(" %02x", native64_data()[data_offset(s->reg[REG_SP] + n)]);
		printf("\n");
	}
	for (unsigned n = 0; c->vector && n < (c->wide ? 16 : 8); n++)
		printf("    ymm%-2u %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", n, s->v[n].q[3],
		       s->v[n].q[2], s->v[n].q[1], s->v[n].q[0]);
}

/*
 * The columns of the row: flags that it is not said to set stay, and those that it is not said
 * to read make no difference.  memory is what the case started from; runs it on the host again.
 */
static bool columns_hold(const struct case64 *c, const struct state64 *native, const uint8_t *memory)
{
	const struct op_info *info = &op_info[c->op];
	static uint8_t result[DATA_BYTES];
	struct case64 other = *c;
	struct state64 again;
	bool undefined_result, same;
	uint64_t undefined = undefined_flags(c, &undefined_result), changed;

	if (native->vector >= 0 || undefined_result || named(c, "RD") || named(c, "CPUID"))
		return true;            /* what is random is another the next time */
	changed = (native->rflags ^ c->before.rflags) & FLAGS_ARITHMETIC & ~(uint64_t)info->flags_set;
	memcpy(result, native64_data(), DATA_BYTES);
	native64_poke(DATA_AT, memory, DATA_BYTES);
	other.before.rflags ^= FLAGS_ARITHMETIC & ~(uint64_t)info->flags_read;
	native64_run(&other, &again);
	same = again.vector < 0 && again.rip == native->rip &&
	       !memcmp(again.reg, native->reg, sizeof again.reg) &&
	       !memcmp(again.v, native->v, sizeof again.v) &&
	       !memcmp(native64_data(), result, DATA_BYTES) &&
	       !((again.rflags ^ native->rflags) & info->flags_set & ~undefined);
	native64_poke(DATA_AT, result, DATA_BYTES);
	return same && !changed;
}

/* OP_INVALID: sequences of usable rows. */
static uint64_t test_row(enum op op, const bool *usable, enum mode64 mode, uint64_t *faults)
{
	struct random random = { options.seed * 0x100000001b3ull + op * 4 + mode };
	static uint8_t before[DATA_BYTES];
	uint64_t failed = 0;

	/* The same memory whichever rows were before. */
	memset(before, 0x5a, sizeof before);
	poke_both(DATA_AT, before, sizeof before);
	for (uint64_t n = 0; n < options.cases * (op == OP_INVALID ? SEQUENCES : 1); n++) {
		bool columns = op && n % 16 == 0, undefined;
		struct state64 native, ours;
		struct case64 c;

		if (op == OP_INVALID)
			generate_sequence64(&random, usable, mode_bits[mode], &c, poke_both);
		else
			generate64(&random, op, mode_bits[mode], &c, poke_both);
		native64_prepare(&c);
		if (columns)
			memcpy(before, native64_data(), DATA_BYTES);
		native64_run(&c, &native);
		clearbox64_run(&c, &ours);
		*faults += native.vector >= 0;
		tolerate(&c, &native, &ours);
		undefined_flags(&c, &undefined);
		if (compare(&c, &native, &ours, false)) {
			if (failed++ < options.show) {
				show_case(&c, mode, n);
				compare(&c, &native, &ours, true);
			}
			undefined = true;
		}
		if (undefined)
			resynchronise();
		if (columns && !columns_hold(&c, &native, before) && failed++ < options.show) {
			show_case(&c, mode, n);
			printf("    the row says otherwise about the flags it reads or sets\n");
		}
	}
	return failed;
}

/* ---- All of them ---- */

static const char *why_not(enum op op, enum mode64 mode, uint64_t native, uint64_t ours)
{
	const char *skipped = skipped_row64(op, mode == MODE_LONG);

	if (skipped)
		return skipped;
	if (op_info[op].feature & ~native)
		return "the host does not have it";
	return op_info[op].feature & ~ours ? "the best model does not have it" : NULL;
}

static void test_mode(enum mode64 mode, unsigned job, struct totals *totals)
{
	const char *why = clearbox64_start(options.build, mode);
	uint64_t native = native64_features(), ours;
	static bool usable[OP_COUNT];

	if (why) {
		printf("mode %s skipped: %s\n", mode_names[mode], why);
		return;
	}
	ours = clearbox64_features();
	for (unsigned op = 1; op < OP_COUNT; op++)
		usable[op] = !why_not(op, mode, native, ours);
	for (unsigned op = 0; op < OP_COUNT; op++) {
		uint64_t bad, faults = 0, cases = options.cases * (op ? 1 : SEQUENCES);
		const char *name = row_name(op);

		if (op % options.jobs != job || (options.rows && fnmatch(options.rows, name, 0)))
			continue;
		why = op ? why_not(op, mode, native, ours) : NULL;
		if (why) {
			printf("%-20s mode %-6s not here: %s\n", name, mode_names[mode], why);
			totals->rows_out[job]++;
			continue;
		}
		bad = test_row(op, usable, mode, &faults);
		printf("%-20s mode %-6s %8" PRIu64 " cases, %8" PRIu64 " exceptions, %" PRIu64 " disagreements\n",
		       name, mode_names[mode], cases, faults, bad);
		totals->cases[job] += cases;
		totals->failed[job] += bad != 0;
		totals->passed[job] += bad == 0;
	}
	clearbox64_stop();
}

static bool read_options(int argc, char **argv)
{
	for (int n = 1; n < argc; n += 2) {
		const char *value = n + 1 < argc ? argv[n + 1] : NULL;

		if (!value)
			return false;
		if (!strcmp(argv[n], "--cases") || !strcmp(argv[n], "--count"))
			options.cases = strtoull(value, NULL, 0);
		else if (!strcmp(argv[n], "--seed"))
			options.seed = strtoull(value, NULL, 0);
		else if (!strcmp(argv[n], "--rows") || !strcmp(argv[n], "--row"))
			options.rows = value;
		else if (!strcmp(argv[n], "--build"))
			options.build = value;
		else if (!strcmp(argv[n], "--mode"))
			options.mode = value;
		else if (!strcmp(argv[n], "--jobs"))
			options.jobs = (unsigned)strtoul(value, NULL, 0);
		else if (!strcmp(argv[n], "--show"))
			options.show = (unsigned)strtoul(value, NULL, 0);
		else
			return false;
	}
	return options.jobs >= 1 && options.jobs <= 64;
}

/* Every process has memory of its own, so it makes it after the fork. */
static int work(unsigned job, struct totals *totals)
{
	bool with_ldt = false;
	const char *why = native64_start(&with_ldt);

	if (why) {
		printf("skipped: %s\n", why);
		return 77;
	}
	for (unsigned mode = 0; mode < MODE64_COUNT; mode++)
		if (mode == MODE_16 && !with_ldt)
			printf("mode 16 skipped: no LDT\n");
		else if (!options.mode || !strcmp(options.mode, mode_names[mode]))
			test_mode(mode, job, totals);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t cases = 0, passed = 0, failed = 0, out = 0;
	struct timespec from, to;
	struct totals *totals;
	bool died = false;
	double seconds;
	int result;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!read_options(argc, argv)) {
		fprintf(stderr, "usage: silicon64 [--cases N] [--seed S] [--rows PATTERN] [--mode 64|32|compat|16]"
			" [--jobs N] [--show N] [--build small|single]\n");
		return 2;
	}
	totals = mmap(NULL, sizeof *totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (totals == MAP_FAILED)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &from);
	printf("seed %" PRIu64 ", %" PRIu64 " cases of each row\n", options.seed, options.cases);
	for (unsigned job = 1; job < options.jobs; job++)
		if (fork() == 0)
			return work(job, totals) == 1;
	result = work(0, totals);
	for (int status; wait(&status) > 0;)
		died |= status != 0;
	if (result)
		return result;
	clock_gettime(CLOCK_MONOTONIC, &to);
	for (unsigned job = 0; job < options.jobs; job++) {
		cases += totals->cases[job];
		passed += totals->passed[job];
		failed += totals->failed[job];
		out += totals->rows_out[job];
	}
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9;
	printf("%" PRIu64 " cases, %.2f million a minute; %" PRIu64 " rows are not here\n", cases,
	       (double)cases / seconds * 60 / 1e6, out);
	printf("%" PRIu64 " passed, %" PRIu64 " failed%s\n", passed, failed, died ? ", and a process died" : "");
	return failed || !passed || died;
}
