/*
 * What must be equal after a case of the flat test, and where processors may differ.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "silicon64.h"

const char *const reg_names64[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };
static const char *const segment_names[6] = { "es", "cs", "ss", "ds", "fs", "gs" };

static bool named(const struct case64 *c, const char *prefix)
{
	return !strncmp(op_name(&op_info[c->op]), prefix, strlen(prefix));
}

static bool contains(const struct case64 *c, const char *what)
{
	return strstr(op_name(&op_info[c->op]), what) != NULL;
}

/* ---- What is defined ---- */

/* Shifts and rotates by count: flags that say nothing, and whether the result does. */
static uint32_t shift_flags(const struct case64 *c, bool *result)
{
	const struct op_info *info = &op_info[c->op];
	bool twice = !strncmp(op_name(info), "SHLD", 4) || !strncmp(op_name(info), "SHRD", 4);
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

uint32_t undefined_flags64(const struct case64 *c, bool *result)
{
	const struct op_info *info = &op_info[c->op];
	bool group = info->encoding == ENCODING_GR1 &&
		     ((info->opcode | 1) == 0xc1 || (info->opcode & 0xfc) == 0xd0);

	*result = false;
	if (c->op == OP_INVALID)
		return c->undefined;
	if (group || !strncmp(op_name(info), "SHLD", 4) || !strncmp(op_name(info), "SHRD", 4))
		return shift_flags(c, result);
	return info->flags_undefined;
}

static bool has_operand(enum op op, unsigned operand)
{
	return op_info[op].operand[0] == operand || op_info[op].operand[1] == operand;
}

static bool is_memory_fault(int vector)
{
	return vector == VECTOR_GP || vector == VECTOR_SS || vector == VECTOR_PF || vector == VECTOR_AC;
}

void resynchronise64(void)
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
		if (!strcmp(op_name(&op_info[c->op]), rows[k].name))
			for (unsigned n = 0; n < 4; n++)
				if (rows[k].registers >> n & 1)
					take_low(native, ours, n, 4);
	/* Bits 16-19 are undefined (SDM 2A, LAR). */
	for (unsigned n = 0; n < 16 && named(c, "LAR") && c->operand_size >= 4; n++)
		if (native->reg[n] != c->before.reg[n])
			ours->reg[n] |= native->reg[n] & 0xf0000;
}

/* What the host's kernel tells otherwise, or what is not at the same place on both sides. */
static bool of_the_host(const struct case64 *c, const struct state64 *native, struct state64 *ours)
{
	bool way_back = ours->vector == VECTOR_PF && ours->cr2 >> 12 == 0x100;

	/* Linux says of addresses above the user's that there was a page. */
	if (native->vector == VECTOR_PF && ours->vector == VECTOR_PF && native->cr2 >= 0x7ffffffff000)
		ours->error |= native->error & 1;
	/* Where our tables are, the host has nothing. */
	if (ours->vector == VECTOR_PF && clearbox64_private(ours->cr2))
		ours->error &= ~1u;
	if (way_back)
		ours->error |= native->error & 1;
	take_answers(c, native, ours);
	/* The host's way back from 32-bit code can be read. */
	return way_back && !(ours->error & 2);
}

/* AMD's processors where they are not as our model of one is, or where the model is Intel's. */
static bool of_amd(const struct case64 *c, const struct state64 *native, struct state64 *ours)
{
	if (!native64_is_amd())
		return false;
	/* Zen 2, which our model is, leaves the base when a null selector is loaded; later ones clear it. */
	if (ours->segment[SEG_FS] < 4 && !native->fs_base)
		ours->fs_base = 0;
	if (ours->segment[SEG_GS] < 4 && !native->gs_base)
		ours->gs_base = 0;
	/* MXCSR_MASK has one bit more. */
	if (is_state_op(c->op) && contains(c, "SAVE") && native->vector < 0)
		for (unsigned n = 28; n < 32; n++)
			copy_from_native(c->target + n);
	/* The offset is to be canonical, too, when there is a base. */
	return c->base && native->vector == VECTOR_GP &&
	       (!canonical(c->target - c->base, c->access) || !canonical(native->reg[REG_SI], 8) ||
		named(c, "BT") || contains(c, "GATHER"));
}

/* Two faults of one instruction: the order is the processor's. */
static bool of_order(const struct case64 *c, const struct state64 *native, struct state64 *ours)
{
	bool differ = native->vector != ours->vector, accept = false;

	/* Far returns look at the new RIP before CS and SS, or after them. */
	if (native->vector == VECTOR_GP && ours->vector == VECTOR_GP && !native->error &&
	    (named(c, "IRET") || named(c, "RETF")))
		ours->error = 0;
	/* A pending x87 error comes before the operand's faults or after. */
	if ((native->vector == VECTOR_MF && is_memory_fault(ours->vector)) ||
	    (ours->vector == VECTOR_MF && is_memory_fault(native->vector)))
		return true;
	/* The destination may be needed for writing only when RPL is changed. */
	if (named(c, "ARPL") && ours->vector >= 0 && (native->error & 2) == 0)
		accept |= native->vector >= 0 || !(native->rflags & FLAG_ZF);
	/* A segment push may need all of its place to be aligned, or the selector's two bytes. */
	if (is_segment_push(c->op) && native->vector == VECTOR_AC)
		accept |= differ;
	if (!is_memory_fault(native->vector) || !is_memory_fault(ours->vector))
		return accept;
	if (contains(c, "MASKMOV") || named(c, "ENTER") || is_segment_push(c->op) ||
	    op_info[c->op].operand[0] == OPERAND_Mt)
		accept |= differ;
	/* Far returns read their frame in any order, and the outer stack before they look at CS. */
	if (named(c, "RETF") || named(c, "IRET"))
		accept |= differ || (uint16_t)(native->cr2 - ours->cr2 + 40) < 80;
	/* A call pushes before or after it looks at the target; far pointers and bounds are read as one or as two. */
	if (named(c, "CALL_"))
		accept |= ours->vector == VECTOR_GP && differ;
	if (has_operand(c->op, OPERAND_Mp) || has_operand(c->op, OPERAND_Ma) || named(c, "CALL_Ap"))
		accept |= differ;
	if (c->wide && named(c, "CALL_Mp"))
		accept |= (uint32_t)native->cr2 == (uint32_t)ours->cr2;
	/* Operands around the end of 4 GiB, in 32-bit code: #GP or #SS is optional (SDM 3A 5.3). */
	if (!c->wide && differ)
		accept |= (native->vector == VECTOR_PF && native->cr2 >= 0xffffffe0u) ||
			  (ours->vector == VECTOR_PF && ours->cr2 >= 0xffffffe0u) ||
			  ours->vector == VECTOR_AC;
	/* Large images: in which order their parts are looked at. */
	if (is_state_op(c->op))
		accept |= differ || c->address_size != c->bits / 8 || c->address_size == 2 ||
			  native->cr2 - ours->cr2 + STATE_BYTES < 2 * STATE_BYTES;
	return accept;
}

/*
 * Where processors differ and the SDM leaves it open, or the host's kernel does not tell:
 * makes ours what the host's is, when that is one of the possibilities.  True: it was not.
 */
bool tolerate64(const struct case64 *c, const struct state64 *native, struct state64 *ours)
{
	bool both = native->vector >= 0 && ours->vector >= 0;
	bool accept = of_the_host(c, native, ours);

	accept |= of_amd(c, native, ours);
	accept |= of_order(c, native, ours);
	/* A segment push leaves the upper part of its place alone, or makes it 0 (SDM 2B, PUSH). */
	if (is_segment_push(c->op) && native->vector < 0)
		for (unsigned n = 2; n < c->operand_size; n++)
			copy_from_native(native->reg[REG_SP] + n);
	/* The return address may have been pushed before the target is found to be beyond the limit. */
	if (both && named(c, "CALL_"))
		for (unsigned n = 1; n <= 16; n++) {
			copy_from_native(c->before.reg[REG_SP] - n);
			copy_from_native((uint32_t)c->before.reg[REG_SP] - n);
		}
	/* POPA may have loaded some registers already. */
	if (c->op == OP_POPA && both && native->vector == ours->vector &&
	    native->reg[REG_SP] == c->before.reg[REG_SP])
		memcpy(ours->reg, native->reg, sizeof ours->reg);
	/* From 64-bit to other code: the upper half of RSP is undefined. */
	if (c->wide && native->cs != LONG_CODE && ours->cs == native->cs)
		ours->reg[REG_SP] = (uint32_t)ours->reg[REG_SP] |
				    (native->reg[REG_SP] & 0xffffffff00000000);
	/* Of the steps after the one that is reported, flags may be there or not. */
	if (native->vector == VECTOR_XM && ours->vector == VECTOR_XM && contains(c, "DPP"))
		ours->mxcsr = (ours->mxcsr & ~0x3fu) | (native->mxcsr & 0x3f);
	if (!accept)
		return false;
	accept = compare64(c, native, ours, false);
	*ours = *native;
	resynchronise64();
	return accept;
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
		bool number = (x >> 23 & 0xff) != 0xff && (y >> 23 & 0xff) != 0xff;

		if (x == y)
			continue;
		if (!number || !(d <= (q < 0 ? -q : q) * 2 * 1.5 / 4096))
			return false;
	}
	return true;
}

static unsigned compare_vectors(const struct case64 *c, const struct state64 *native,
				const struct state64 *ours, bool show)
{
	bool estimate = contains(c, "RCP") || contains(c, "RSQRT");
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

unsigned compare64(const struct case64 *c, const struct state64 *native, const struct state64 *ours,
			bool show)
{
	const struct state64 *was = &c->before;
	uint64_t mask = 0x3f7fd7 & ~(c->flow ? (uint64_t)FLAG_TF : 0);
	bool undefined_result;
	unsigned bad = 0;

	mask &= ~(uint64_t)undefined_flags64(c, &undefined_result);
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
			bad += differs(show, segment_names[n], 0, ours->segment[n], native->segment[n],
				       UINT64_MAX);
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
		bad += differs(show, reg_names64[n], was->reg[n], ours->reg[n], native->reg[n], UINT64_MAX);
	return bad + compare_memory(show);
}
