/*
 * The decoder and the disassembler against Zydis: byte strings as 16-bit, 32-bit and 64-bit code
 * are an instruction or none for both, as long, with the same mnemonic and the same operands.
 *
 *	decoder [--count N] [--seed S] [--modrm N] [--mode 16|32|64] [--show N]
 *
 * First every opcode of every map with every mandatory prefix, REX.W, VEX.L and VEX.W, with N random
 * ModRM bytes each (default 4; 0: all 256 of them), then N random strings (default 300,000).
 *
 * Zydis knows instructions that are younger than ours; what it calls one of these is left out.
 * Where the two differ and we know why, known_differences says so; these are counted.
 */
#include <Zydis/Zydis.h>
#include <clearbox/clearbox.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "decode.h"

enum { BYTES = 16, ADDRESS = 0x400000 };

struct subject {
	const uint8_t *bytes;
	unsigned bits;
	struct decoded ours;
	enum decode_status status;
	ZydisDecodedInstruction theirs;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	bool our_valid, valid;
	const char *what;               /* in which they differ */
};

static uint64_t random_state;

static uint32_t random32(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(z >> 32 ^ z);
}

/* ---- What is known ---- */

static bool is_ours(ZydisISASet set)
{
	static const uint16_t sets[] = {
		ZYDIS_ISA_SET_ADOX_ADCX, ZYDIS_ISA_SET_AES, ZYDIS_ISA_SET_AVX, ZYDIS_ISA_SET_AVX2,
		ZYDIS_ISA_SET_AVX2GATHER, ZYDIS_ISA_SET_AVXAES, ZYDIS_ISA_SET_BMI1, ZYDIS_ISA_SET_BMI2,
		ZYDIS_ISA_SET_CLFLUSHOPT, ZYDIS_ISA_SET_CLFSH, ZYDIS_ISA_SET_CLWB, ZYDIS_ISA_SET_CMOV,
		ZYDIS_ISA_SET_CMPXCHG16B, ZYDIS_ISA_SET_F16C, ZYDIS_ISA_SET_FAT_NOP, ZYDIS_ISA_SET_FCMOV,
		ZYDIS_ISA_SET_FMA, ZYDIS_ISA_SET_FXSAVE, ZYDIS_ISA_SET_FXSAVE64, ZYDIS_ISA_SET_I186,
		ZYDIS_ISA_SET_I286PROTECTED, ZYDIS_ISA_SET_I286REAL, ZYDIS_ISA_SET_I386, ZYDIS_ISA_SET_I486,
		ZYDIS_ISA_SET_I486REAL, ZYDIS_ISA_SET_I86, ZYDIS_ISA_SET_INVPCID, ZYDIS_ISA_SET_LAHF,
		ZYDIS_ISA_SET_LONGMODE, ZYDIS_ISA_SET_LZCNT, ZYDIS_ISA_SET_MOVBE,
		ZYDIS_ISA_SET_PAUSE, ZYDIS_ISA_SET_PCLMULQDQ, ZYDIS_ISA_SET_PENTIUMMMX,
		ZYDIS_ISA_SET_PENTIUMREAL, ZYDIS_ISA_SET_POPCNT, ZYDIS_ISA_SET_PPRO,
		ZYDIS_ISA_SET_PREFETCH_NOP, ZYDIS_ISA_SET_RDPID, ZYDIS_ISA_SET_RDPMC, ZYDIS_ISA_SET_RDRAND,
		ZYDIS_ISA_SET_RDSEED, ZYDIS_ISA_SET_RDTSCP, ZYDIS_ISA_SET_RDWRFSGS, ZYDIS_ISA_SET_SHA,
		ZYDIS_ISA_SET_SMAP, ZYDIS_ISA_SET_SSE, ZYDIS_ISA_SET_SSE2, ZYDIS_ISA_SET_SSE2MMX,
		ZYDIS_ISA_SET_SSE3, ZYDIS_ISA_SET_SSE3X87, ZYDIS_ISA_SET_SSE4, ZYDIS_ISA_SET_SSE42,
		ZYDIS_ISA_SET_SSEMXCSR, ZYDIS_ISA_SET_SSE_PREFETCH, ZYDIS_ISA_SET_SSSE3,
		ZYDIS_ISA_SET_SSSE3MMX, ZYDIS_ISA_SET_X87, ZYDIS_ISA_SET_XSAVE, ZYDIS_ISA_SET_XSAVEC,
		ZYDIS_ISA_SET_XSAVEOPT, ZYDIS_ISA_SET_XSAVES,
	};

	for (unsigned n = 0; n < sizeof sets / sizeof *sets; n++)
		if (sets[n] == set)
			return true;
	return false;
}

/* Registers that do not exist: the handler raises #UD. */
static bool refused_later(const struct decoded *d)
{
	if (d->op == OP_MOV_Rd_Cd || d->op == OP_MOV_Cd_Rd)
		return d->reg == 1 || (d->reg > 4 && d->reg != 8);
	return (d->op == OP_MOV_Rd_Dd || d->op == OP_MOV_Dd_Rd) && d->reg > 7;
}

static bool is_what(const struct subject *s, const char *what)
{
	return !strcmp(s->what, what);
}

static bool is_named(const struct subject *s, const char *prefix)
{
	return s->our_valid && !strncmp(op_name(&op_info[s->ours.op]), prefix, strlen(prefix));
}

static bool is_theirs(const struct subject *s, const char *mnemonic)
{
	return s->valid && !strcmp(ZydisMnemonicGetString(s->theirs.mnemonic), mnemonic);
}

static bool sal(const struct subject *s)
{
	return is_what(s, "mnemonic") && is_named(s, "SAL_") && is_theirs(s, "shl");
}

static bool ret_far(const struct subject *s)
{
	return is_what(s, "mnemonic") && is_named(s, "RETF") && is_theirs(s, "ret");
}

static bool old_x87(const struct subject *s)
{
	return is_what(s, "mnemonic") && (is_theirs(s, "fstpnce") || is_theirs(s, "fsetpm287_nop") ||
					  is_theirs(s, "feni8087_nop") || is_theirs(s, "fdisi8087_nop"));
}

static bool x87_alias(const struct subject *s)
{
	return is_what(s, "operands") && (is_named(s, "FCOM") || is_named(s, "FXCH") || is_named(s, "FUCOM"));
}

static bool word_form(const struct subject *s)
{
	return is_what(s, "mnemonic") &&
	       (is_theirs(s, "pushf") || is_theirs(s, "popf") || is_theirs(s, "iret") ||
		is_theirs(s, "pusha") || is_theirs(s, "popa"));
}

static bool pause(const struct subject *s)
{
	return is_what(s, "mnemonic") && is_theirs(s, "pause");
}

static bool undefined(const struct subject *s)
{
	return is_what(s, "operands") && (is_named(s, "UD0") || is_named(s, "UD1"));
}

static bool lea_segment(const struct subject *s)
{
	return is_what(s, "operands") && is_named(s, "LEA_") && s->ours.override != NO_SEGMENT;
}

static bool no_base(const struct subject *s)
{
	return is_what(s, "operands") && s->bits == 64 && s->ours.address_size == 4 && s->ours.rex_b &&
	       (s->ours.modrm & 0xc7) == 4 && s->ours.base == REG_ZERO;
}

static bool narrow_movsxd(const struct subject *s)
{
	return is_what(s, "operands") && is_named(s, "MOVSXD") && s->ours.operand_size == 2;
}

static bool line(const struct subject *s)
{
	return is_what(s, "operands") && (is_named(s, "CLFLUSH") || is_named(s, "CLWB"));
}

static bool whole_register(const struct subject *s)
{
	return is_what(s, "operands") &&
	       (is_named(s, "RDPID") || is_named(s, "RDFSBASE") || is_named(s, "RDGSBASE") ||
		is_named(s, "WRFSBASE") || is_named(s, "WRGSBASE") || is_named(s, "INVPCID"));
}

static bool hint(const struct subject *s)
{
	return is_named(s, "NOP_") && !is_what(s, "length");
}

static struct known {
	const char *why;
	bool (*applies)(const struct subject *s);
	uint64_t count;
} known_differences[] = {
	{ "/6 of the shifts is SAL in our table, and SHL in theirs", sal, 0 },
	{ "RETF is \"ret far\" with them", ret_far, 0 },
	{ "x87 instructions of the 8087 and 80287 have names of their own there", old_x87, 0 },
	{ "FCOM, FUCOM and FXCH: we show ST(0), or they do", x87_alias, 0 },
	{ "PUSHA, POPA, PUSHF, POPF and IRET of 16 bits have a W with us", word_form, 0 },
	{ "PAUSE is NOP with us", pause, 0 },
	{ "UD0 and UD1: their operands are never looked at", undefined, 0 },
	{ "LEA with a segment prefix: they leave it out", lea_segment, 0 },
	{ "SIB without a base, 67h and REX.B: they say R13D (silicon64 runs such)", no_base, 0 },
	{ "MOVSXD of 16 bits: Intel's read 2 bytes, AMD's 4", narrow_movsxd, 0 },
	{ "CLFLUSH and CLWB: they have a line in memory, we a byte", line, 0 },
	{ "RDPID, INVPCID, RDFSBASE ...: the register is shown with the operand size, or as it is",
	  whole_register, 0 },
	{ "hints and reserved NOPs: names and operands are theirs alone", hint, 0 },
};

/* ---- Operands ---- */

struct place {
	enum { NOTHING, REGISTER, MEMORY, IMMEDIATE, TARGET, FAR, ANYTHING } kind;
	ZydisRegister reg, base, index, segment;
	unsigned scale, bytes;
	bool any_width;
	uint64_t value, mask;           /* immediate, displacement, offset */
	uint16_t selector;
};

static ZydisRegister general(unsigned n, unsigned bytes, bool rex)
{
	static const ZydisRegister first[9] = { [2] = ZYDIS_REGISTER_AX, [4] = ZYDIS_REGISTER_EAX,
						[8] = ZYDIS_REGISTER_RAX };

	if (bytes == 1)
		return n >= 8 ? ZYDIS_REGISTER_R8B + n - 8 : n < 4 || !rex ? ZYDIS_REGISTER_AL + n
									 : ZYDIS_REGISTER_SPL + n - 4;
	return first[bytes] + n;
}

static struct place of_general(const struct decoded *d, unsigned n, unsigned bytes)
{
	return (struct place){ .kind = REGISTER, .reg = general(n, bytes, d->rex) };
}

static struct place of_register(ZydisRegister first, unsigned n)
{
	return (struct place){ .kind = REGISTER, .reg = first + n };
}

static struct place of_vector(const struct decoded *d, unsigned n, unsigned divisor)
{
	bool wide = decoded_vector_length(d) / divisor == 32;

	return of_register(wide ? ZYDIS_REGISTER_YMM0 : ZYDIS_REGISTER_XMM0, d->bits == 64 ? n : n & 7);
}

static struct place of_immediate(uint64_t value, unsigned bytes)
{
	return (struct place){ .kind = IMMEDIATE, .value = value,
				 .mask = bytes == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * bytes) - 1 };
}

static uint64_t mask_of_address(const struct decoded *d)
{
	return d->address_size == 8 ? UINT64_MAX : d->address_size == 4 ? 0xffffffff : 0xffff;
}

static struct place of_memory(const struct decoded *d, unsigned bytes)
{
	struct place o = { .kind = MEMORY, .bytes = bytes, .value = (uint64_t)d->displacement,
			     .mask = mask_of_address(d), .segment = ZYDIS_REGISTER_ES + d->segment };

	if (d->base != REG_ZERO)
		o.base = general(d->base, d->address_size, false);
	if (d->index != REG_ZERO) {
		o.index = general(d->index, d->address_size, false);
		o.scale = 1u << d->scale;
	}
	if (d->address_size == 2) {
		o.scale = o.index ? 1 : 0;
		if (!o.base) {
			o.base = o.index;
			o.index = ZYDIS_REGISTER_NONE;
			o.scale = 0;
		}
	}
	return o;
}

static struct place of_string(const struct decoded *d, bool destination, unsigned bytes)
{
	struct place o = { .kind = MEMORY, .bytes = bytes, .mask = mask_of_address(d) };

	o.base = general(destination ? REG_DI : REG_SI, d->address_size, false);
	o.segment = destination ? ZYDIS_REGISTER_ES : ZYDIS_REGISTER_ES + d->segment;
	return o;
}

static struct place of_gather(const struct decoded *d, unsigned divisor)
{
	struct place o = of_memory(d, 0);

	o.index = of_vector(d, d->index, divisor).reg;
	o.scale = 1u << d->scale;
	return o;
}

static bool in_out(const struct decoded *d)
{
	return d->op == OP_IN_eAX_DX || d->op == OP_IN_eAX_Ib || d->op == OP_OUT_DX_eAX ||
	       d->op == OP_OUT_Ib_eAX;
}

static struct place our_operand(const struct decoded *d, unsigned code)
{
	unsigned y = d->rex_w && d->bits == 64 ? 8 : 4, native = d->bits == 64 ? 8 : 4;
	unsigned bytes = decoded_access(d);

	switch (code) {
	case OPERAND_Gb: return of_general(d, d->reg, 1);
	case OPERAND_Gw: return of_general(d, d->reg, 2);
	case OPERAND_Gd:                /* REX.W changes what is shown, and nothing else */
		return (struct place){ .kind = REGISTER, .reg = general(d->reg, 4, true), .any_width = true };
	case OPERAND_Gv: return of_general(d, d->reg, d->operand_size);
	case OPERAND_Gy: return of_general(d, d->reg, y);
	case OPERAND_By: return of_general(d, d->bits == 64 ? d->vvvv : d->vvvv & 7u, y);
	case OPERAND_Rw: return of_general(d, d->rm, 2);
	case OPERAND_Rd: return of_general(d, d->rm, native);
	case OPERAND_Ry: return of_general(d, d->rm, y);
	case OPERAND_Zb: return of_general(d, d->opcode_reg, 1);
	case OPERAND_Zv: return of_general(d, d->opcode_reg, d->operand_size);
	case OPERAND_AL: return of_general(d, REG_AX, 1);
	case OPERAND_AX: return of_general(d, REG_AX, 2);
	case OPERAND_eAX:               /* of ports at most 32 bits */
		return of_general(d, REG_AX, d->operand_size == 8 && in_out(d) ? 4 : d->operand_size);
	case OPERAND_CL: return of_general(d, REG_CX, 1);
	case OPERAND_DX: return of_general(d, REG_DX, 2);
	case OPERAND_Sw: return of_register(ZYDIS_REGISTER_ES, d->reg & 7);
	case OPERAND_Cd: return of_register(ZYDIS_REGISTER_CR0, d->reg);
	case OPERAND_Dd: return of_register(ZYDIS_REGISTER_DR0, d->reg);
	case OPERAND_ES: case OPERAND_CS: case OPERAND_SS: case OPERAND_DS: case OPERAND_FS: case OPERAND_GS:
		return of_register(ZYDIS_REGISTER_ES, code - OPERAND_ES);
	case OPERAND_ST0: return of_register(ZYDIS_REGISTER_ST0, 0);
	case OPERAND_STi: return of_register(ZYDIS_REGISTER_ST0, d->modrm & 7);
	case OPERAND_Ib: return of_immediate(d->op == OP_ENTER_Iw_Ib ? d->imm2 : d->imm, 1);
	case OPERAND_sIb: case OPERAND_Iz: case OPERAND_Iv: return of_immediate(d->imm, d->operand_size);
	case OPERAND_Iw: return of_immediate(d->imm, 2);
	case OPERAND_I1: return of_immediate(1, 1);
	case OPERAND_Jb: case OPERAND_Jz:
		return (struct place){ .kind = TARGET, .value = d->imm,
				       .mask = of_immediate(0, d->operand_size).mask };
	case OPERAND_Ap: return (struct place){ .kind = FAR, .value = d->imm, .selector = d->imm2 };
	case OPERAND_Ob: return of_memory(d, 1);
	case OPERAND_Ov: return of_memory(d, d->operand_size);
	case OPERAND_Xb: return of_string(d, false, 1);
	case OPERAND_Xv: return of_string(d, false, 0);
	case OPERAND_Yb: return of_string(d, true, 1);
	case OPERAND_Yv: return of_string(d, true, 0);
	case OPERAND_Vx: return of_vector(d, d->reg, 1);
	case OPERAND_Hx: return of_vector(d, d->vex ? d->vvvv : d->reg, 1);
	case OPERAND_Lx: return of_vector(d, (unsigned)d->imm >> 4, 1);
	case OPERAND_Ux: return of_vector(d, d->rm, 1);
	case OPERAND_Vdq: return of_vector(d, d->reg, 2);
	case OPERAND_Hdq: return of_vector(d, d->vex ? d->vvvv : d->reg, 2);
	case OPERAND_Udq: return of_vector(d, d->rm, 2);
	case OPERAND_XMM0: return of_register(ZYDIS_REGISTER_XMM0, 0);
	case OPERAND_Pq: return of_register(ZYDIS_REGISTER_MM0, d->reg & 7);
	case OPERAND_Nq: return of_register(ZYDIS_REGISTER_MM0, d->rm & 7);
	case OPERAND_VM32x: case OPERAND_VM64x: return of_gather(d, 1);
	case OPERAND_VM32h: return of_gather(d, 2);
	default: break;
	}
	if (d->memory)
		return of_memory(d, code == OPERAND_M || code == OPERAND_M0 ? 0 : bytes);
	switch (code) {
	case OPERAND_Eb:
		if (!op_is_vector(&op_info[d->op]))
			return of_general(d, d->rm, 1);
		return (struct place){ .kind = REGISTER, .reg = general(d->rm, 4, true), .any_width = true };
	case OPERAND_Ew:
		return (struct place){ .kind = REGISTER, .reg = general(d->rm, 2, d->rex), .any_width = true };
	case OPERAND_Ev: return of_general(d, d->rm, d->operand_size);
	case OPERAND_Ed: return of_general(d, d->rm, 4);
	case OPERAND_Eq: return of_general(d, d->rm, 8);
	case OPERAND_Ey: return of_general(d, d->rm, y);
	case OPERAND_Wx: return of_vector(d, d->rm, 1);
	case OPERAND_Whx: case OPERAND_Wqx: case OPERAND_Wox: case OPERAND_Wss: case OPERAND_Wsd:
	case OPERAND_Wq: case OPERAND_Wdq: case OPERAND_Ww: case OPERAND_Wb:
		return of_vector(d, d->rm, 2);
	case OPERAND_Qq: case OPERAND_Qd: return of_register(ZYDIS_REGISTER_MM0, d->rm & 7);
	default: return (struct place){ .kind = ANYTHING };
	}
}

static bool same_memory(const struct subject *s, const struct place *o, const ZydisDecodedOperand *t)
{
	ZydisRegister base = t->mem.base, segment = t->mem.segment;
	uint64_t displacement = (uint64_t)t->mem.disp.value;
	unsigned scale = t->mem.index ? t->mem.scale : 0;

	if (base == ZYDIS_REGISTER_RIP || base == ZYDIS_REGISTER_EIP) {
		displacement += ADDRESS + s->theirs.length;
		base = ZYDIS_REGISTER_NONE;
	}
	if (s->bits == 64 && segment < ZYDIS_REGISTER_FS && o->segment < ZYDIS_REGISTER_FS)
		segment = o->segment;
	return base == o->base && t->mem.index == o->index && scale == o->scale && segment == o->segment &&
	       ((displacement ^ o->value) & o->mask) == 0 && (!o->bytes || t->size == 8 * o->bytes);
}

/* A register of which 16 bits are used, and the operand size says how many are shown. */
static bool same_number(const struct subject *s, ZydisRegister a, ZydisRegister b)
{
	ZydisMachineMode mode = s->theirs.machine_mode;

	return ZydisRegisterGetLargestEnclosing(mode, a) == ZydisRegisterGetLargestEnclosing(mode, b);
}

static bool same_operand(const struct subject *s, const struct place *o, const ZydisDecodedOperand *t)
{
	ZyanU64 target;

	switch (o->kind) {
	case REGISTER:
		return t->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		       (t->reg.value == o->reg || (o->any_width && same_number(s, t->reg.value, o->reg)));
	case MEMORY:
		return t->type == ZYDIS_OPERAND_TYPE_MEMORY && same_memory(s, o, t);
	case IMMEDIATE:
		return t->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && ((t->imm.value.u ^ o->value) & o->mask) == 0;
	case TARGET:
		return t->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && t->imm.is_relative &&
		       ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&s->theirs, t, ADDRESS, &target)) &&
		       ((target ^ o->value) & o->mask) == 0;
	case FAR:
		return t->type == ZYDIS_OPERAND_TYPE_POINTER && t->ptr.segment == o->selector &&
		       t->ptr.offset == (uint32_t)o->value;
	default:
		return true;
	}
}

static bool same_operands(const struct subject *s)
{
	const uint8_t *codes = op_info[s->ours.op].operand;
	bool string = (codes[0] >= OPERAND_Xb && codes[0] <= OPERAND_Yv) ||
		      (codes[1] >= OPERAND_Xb && codes[1] <= OPERAND_Yv);
	unsigned at = 0, count = string ? 2 : s->theirs.operand_count_visible;  /* theirs are not visible */

	for (unsigned n = 0; n < 4; n++) {
		unsigned code = op_info[s->ours.op].operand[n];
		struct place o;

		if (code == OPERAND__)
			break;
		/* A legacy form has its first operand twice; they do not show an implied XMM0. */
		if (code == OPERAND_XMM0)
			continue;
		if ((code == OPERAND_Hx || code == OPERAND_Hdq) && !s->ours.vex)
			continue;
		o = our_operand(&s->ours, code);
		if (at >= count || !same_operand(s, &o, &s->operands[at++]))
			return false;
	}
	return at == count;
}

/* ---- Mnemonics ---- */

static bool same_mnemonic(const struct subject *s)
{
	const char *theirs = ZydisMnemonicGetString(s->theirs.mnemonic), *word;
	char text[160];
	unsigned length;
	size_t count;

	if (cbx_disassemble(s->bytes, 15, s->bits, ADDRESS, text, sizeof text, &length) != CBX_OK ||
	    length != s->ours.length)
		return false;
	word = text;
	for (;;) {
		count = strcspn(word, " ");
		if (!word[count] || (strncmp(word, "lock ", 5) && strncmp(word, "rep ", 4) &&
				     strncmp(word, "repe ", 5) && strncmp(word, "repne ", 6)))
			break;
		word += count + 1;
	}
	return strlen(theirs) == count && !strncmp(theirs, word, count);
}

/* ---- Comparing ---- */

static uint64_t compared, left_out, failed, shown, show = 40;

/* One line for each kind of difference and mnemonic. */
static bool is_new(const struct subject *s)
{
	static uint64_t seen[4096];
	uint64_t key = (uint64_t)(uintptr_t)s->what * 31 + (s->valid ? s->theirs.mnemonic : 5000u) * 65536u +
		       (s->our_valid ? s->ours.op : 0u) + 1;

	for (unsigned n = 0; n < 4096; n++) {
		if (seen[n] == key)
			return false;
		if (!seen[n]) {
			seen[n] = key;
			return true;
		}
	}
	return false;
}

static void report(const struct subject *s)
{
	char text[160] = "", their_text[160] = "";
	ZydisFormatter formatter;
	unsigned length;

	failed++;
	if (shown >= show || !is_new(s))
		return;
	shown++;
	cbx_disassemble(s->bytes, 15, s->bits, ADDRESS, text, sizeof text, &length);
	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	if (s->valid)
		ZydisFormatterFormatInstruction(&formatter, &s->theirs, s->operands,
						s->theirs.operand_count_visible, their_text,
						sizeof their_text, ADDRESS, NULL);
	printf("%s, %u bits:", s->what, s->bits);
	for (unsigned n = 0; n < BYTES; n++)
		printf(" %02x", s->bytes[n]);
	printf("\n    Zydis: %s, length %u; ours: %s \"%s\", status %d, length %u\n",
	       s->valid ? their_text : "none", s->valid ? s->theirs.length : 0, op_name(&op_info[s->ours.op]), text, s->status, s->ours.length);
}

static const char *difference(const struct subject *s)
{
	if (s->valid != s->our_valid)
		return s->valid ? "we do not know it" : "they do not know it";
	if (!s->valid)
		return NULL;
	if (s->theirs.length != s->ours.length)
		return "length";
	if (!same_mnemonic(s))
		return "mnemonic";
	return same_operands(s) ? NULL : "operands";
}

static void compare(const ZydisDecoder *decoder, const uint8_t *bytes, unsigned bits)
{
	struct subject s = { .bytes = bytes, .bits = bits };

	s.status = decode(bytes, BYTES, bits, ADDRESS, UINT64_MAX, &s.ours);
	s.our_valid = s.status == DECODE_OK && !refused_later(&s.ours);
	s.valid = ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, bytes, BYTES, &s.theirs, s.operands));
	if (s.valid && !is_ours(s.theirs.meta.isa_set)) {
		left_out++;
		return;
	}
	compared++;
	s.what = difference(&s);
	if (!s.what)
		return;
	for (unsigned n = 0; n < sizeof known_differences / sizeof *known_differences; n++)
		if (known_differences[n].applies(&s)) {
			known_differences[n].count++;
			return;
		}
	report(&s);
}

/* ---- Strings ---- */

static void random_bytes(uint8_t *bytes)
{
	for (unsigned n = 0; n < BYTES; n += 4) {
		uint32_t value = random32();

		memcpy(bytes + n, &value, 4);
	}
}

static void some_bytes(uint8_t *bytes, unsigned bits)
{
	static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x66, 0x67, 0x67, 0xf0,
					    0xf2, 0xf3, 0xf2, 0xf3 };
	static const uint8_t escapes[] = { 0x0f, 0x0f, 0x0f, 0xc4, 0xc5, 0x0f };
	unsigned at = 0;

	random_bytes(bytes);
	while (at < BYTES && random32() % 3 == 0)
		bytes[at++] = prefixes[random32() % sizeof prefixes];
	if (bits == 64 && at < BYTES && random32() % 3 == 0)
		bytes[at++] = (uint8_t)(0x40 | (random32() & 15));
	if (at + 2 < BYTES && random32() % 2 == 0) {
		uint32_t which = random32() % sizeof escapes;

		bytes[at] = escapes[which];
		if (which == 5)
			bytes[at + 1] = random32() % 2 ? 0x38 : 0x3a;
		if (bytes[at] == 0xc4)
			bytes[at + 1] = (uint8_t)((bytes[at + 1] & 0xe0) | (1 + random32() % 3));
	}
}

/* Opcode and ModRM after these bytes; the rest is random. */
static void opcode_forms(const ZydisDecoder *decoder, unsigned bits, const uint8_t *start, unsigned count,
			 unsigned forms)
{
	uint8_t bytes[BYTES];

	for (unsigned opcode = 0; opcode < 256; opcode++)
		for (unsigned n = 0; n < forms; n++) {
			random_bytes(bytes);
			memcpy(bytes, start, count);
			bytes[count] = (uint8_t)opcode;
			/* Half of a few are registers. */
			if (forms == 256)
				bytes[count + 1] = (uint8_t)n;
			else if (n % 2)
				bytes[count + 1] |= 0xc0;
			compare(decoder, bytes, bits);
		}
}

static void every_opcode(const ZydisDecoder *decoder, unsigned bits, unsigned forms)
{
	static const uint8_t prefixes[][3] = { { 0 }, { 1, 0x66 }, { 1, 0xf3 }, { 1, 0xf2 }, { 2, 0x66, 0xf2 },
					       { 2, 0x66, 0xf3 }, { 1, 0x67 }, { 1, 0xf0 } };
	static const uint8_t maps[][3] = { { 0 }, { 1, 0x0f }, { 2, 0x0f, 0x38 }, { 2, 0x0f, 0x3a } };
	uint8_t start[8];

	for (unsigned rex = 0; rex < (bits == 64 ? 3 : 1); rex++)
		for (unsigned p = 0; p < sizeof prefixes / 3; p++)
			for (unsigned map = 0; map < 4; map++) {
				unsigned at = prefixes[p][0];

				memcpy(start, prefixes[p] + 1, at);
				if (rex)
					start[at++] = (uint8_t)(rex == 1 ? 0x48 | (random32() & 7)
									 : 0x40 | (random32() & 7));
				memcpy(start + at, maps[map] + 1, maps[map][0]);
				opcode_forms(decoder, bits, start, at + maps[map][0], forms);
			}
	for (unsigned map = 1; map <= 3; map++)
		for (unsigned n = 0; n < 16; n++) {
			/* W, L, pp; and vvvv: some rows want 1111b. */
			uint8_t last = (uint8_t)((n & 8) << 4 | (n & 7)), vvvv;

			for (unsigned none = 0; none < 2; none++) {
				vvvv = (uint8_t)(none ? 15 : random32() & 15);
				start[0] = 0xc4;
				start[1] = (uint8_t)((bits == 64 ? random32() & 0xe0 : 0xe0u) | map);
				start[2] = last | (uint8_t)(vvvv << 3);
				opcode_forms(decoder, bits, start, 3, forms);
				if (map > 1 || (n & 8))
					continue;
				start[0] = 0xc5;
				start[1] = (uint8_t)((bits == 64 ? random32() & 0x80 : 0xc0u) |
						     (unsigned)vvvv << 3 | last);
				opcode_forms(decoder, bits, start, 2, forms);
			}
		}
}

static void start(ZydisDecoder *decoder, unsigned bits)
{
	static const ZydisDecoderMode newer[] = { ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_CET,
		ZYDIS_DECODER_MODE_WBNOINVD, ZYDIS_DECODER_MODE_CLDEMOTE };

	ZydisDecoderInit(decoder, bits == 16 ? ZYDIS_MACHINE_MODE_LEGACY_16 :
			 bits == 32 ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LONG_64,
			 bits == 16 ? ZYDIS_STACK_WIDTH_16 : bits == 32 ? ZYDIS_STACK_WIDTH_32
									: ZYDIS_STACK_WIDTH_64);
	for (unsigned n = 0; n < sizeof newer / sizeof *newer; n++)
		ZydisDecoderEnableMode(decoder, newer[n], ZYAN_FALSE);
}

int main(int argc, char **argv)
{
	uint64_t count = 300000, seed = 1, modrm = 4, mode = 0, known = 0;

	for (int n = 1; n + 1 < argc; n += 2) {
		uint64_t value = strtoull(argv[n + 1], NULL, 0);

		if (!strcmp(argv[n], "--count"))
			count = value;
		if (!strcmp(argv[n], "--seed"))
			seed = value;
		if (!strcmp(argv[n], "--modrm"))
			modrm = value && value < 256 ? value : 256;
		if (!strcmp(argv[n], "--mode"))
			mode = value;
		if (!strcmp(argv[n], "--show"))
			show = value;
	}
	printf("seed %" PRIu64 "\n", seed);
	random_state = seed;
	for (unsigned bits = 16; bits <= 64; bits *= 2) {
		ZydisDecoder decoder;

		if (mode && mode != bits)
			continue;
		start(&decoder, bits);
		every_opcode(&decoder, bits, (unsigned)modrm);
		for (uint64_t n = 0; n < (mode ? count : count / 3); n++) {
			uint8_t bytes[BYTES];

			some_bytes(bytes, bits);
			compare(&decoder, bytes, bits);
		}
	}
	for (unsigned n = 0; n < sizeof known_differences / sizeof *known_differences; n++)
		if (known_differences[n].count) {
			printf("%9" PRIu64 " known: %s\n", known_differences[n].count,
			       known_differences[n].why);
			known += known_differences[n].count;
		}
	printf("%" PRIu64 " compared, %" PRIu64 " of them known to differ, %" PRIu64 " left out as younger\n",
	       compared, known, left_out);
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", compared - failed, failed);
	return failed || !compared;
}
