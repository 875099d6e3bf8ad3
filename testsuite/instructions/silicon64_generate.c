/*
 * Cases for the flat test, from the rows of the table: prefixes, REX or VEX, opcode, operands, and
 * the registers and memory they meet.
 */
#include <string.h>
#include "silicon64.h"

static const struct {
	bool modrm;
	uint8_t size;
} operands[OPERAND_COUNT] = {
#define X(code, has_modrm, bytes) { has_modrm, bytes },
	OPERAND_CODES(X)
#undef X
};

struct build {
	struct random *random;
	struct case64 *c;
	const struct op_info *info;
	const struct encoding_info *encoding;
	void (*poke)(uint64_t linear, const void *bytes, unsigned count);
	uint64_t high;                  /* where this case's pages are: 0 or HIGH */
	unsigned segment;               /* prefix: SEG_, or SEG_COUNT */
	bool operand16, rex_w, vex_l;
	unsigned rex;                   /* R 4, X 2, B 1 */
	unsigned reg, rm, vvvv;         /* register numbers */
	bool has_modrm, has_sib, rip_relative;
	unsigned modrm, sib;
	unsigned displacement_bytes, immediate_bytes;
	uint64_t displacement, sum;     /* sum: address without segment and RIP */
	uint8_t immediate[10];
};

static bool has(const struct op_info *info, unsigned first, unsigned last)
{
	for (unsigned n = 0; n < 4; n++)
		if (info->operand[n] >= first && info->operand[n] <= last)
			return true;
	return false;
}

static bool is_string(const struct op_info *info)
{
	return has(info, OPERAND_Xb, OPERAND_Yv);
}

static bool named(const struct op_info *info, const char *prefix)
{
	return !strncmp(info->name, prefix, strlen(prefix));
}

static bool is_one_of(const struct op_info *info, const char *const *names)
{
	for (; *names; names++)
		if (named(info, *names))
			return true;
	return false;
}

/* ---- Which rows ---- */

const char *skipped_row64(enum op op, bool wide)
{
	static const struct {
		const char *name, *why;
	} rows[] = {
		{ "FXSAVE", "x87 state, with pointers that AMD's keep otherwise: test_fpu_instructions has it" },
		{ "FXRSTOR", "x87 state, with pointers that AMD's keep otherwise: test_fpu_instructions has it" },
		{ "FLDENV", "x87 state, with pointers that AMD's keep otherwise: test_fpu_instructions has it" },
		{ "FNSTENV", "x87 state, with pointers that AMD's keep otherwise: test_fpu_instructions has it" },
		{ "FRSTOR", "x87 state, with pointers that AMD's keep otherwise: test_fpu_instructions has it" },
		{ "FNSAVE", "x87 state, with pointers that AMD's keep otherwise: test_fpu_instructions has it" },
		{ "XSAVE", "saves what the host has besides: unit tests" },
		{ "XRSTOR", "loads what the host has besides: unit tests" },
		{ "XGETBV", "answers with what the host has enabled" },
		{ "SLDT", "answers with the host kernel's tables" }, { "STR_", "answers with the host kernel's tables" },
		{ "SGDT", "answers with the host kernel's tables" }, { "SIDT", "answers with the host kernel's tables" },
		{ "SMSW", "answers with the host kernel's CR0" },
		{ "CPUID", "answers with the host's model" },
		{ "RDTSC", "answers with the host's counters" }, { "RDPMC", "answers with the host's counters" },
		{ "RDPID", "answers with the host's processor number" },
		{ "RDRAND", "random" }, { "RDSEED", "random" },
		{ "SYSENTER", "enters the host's kernel" }, { "SYSEXIT", "not there under a 64-bit kernel (AMD)" },
		{ "SYSCALL", "enters the host's kernel" },
		{ "INT1", "virtual machines report it in several ways" },
		{ "MONITOR", "not for user programs" }, { "MWAIT", "not for user programs" },
		{ "ARPL", "selectors: the segment test (silicon) has it" },
		{ "VERR", "selectors: the segment test (silicon) has it" },
		{ "VERW", "selectors: the segment test (silicon) has it" },
		{ "LAR", "selectors: the segment test (silicon) has it" },
		{ "LSL", "selectors: the segment test (silicon) has it" },
		{ "MOV_Sw", "selectors: the segment test (silicon) has it" },
		{ "POP_ES", "selectors: the segment test (silicon) has it" },
		{ "POP_SS", "selectors: the segment test (silicon) has it" },
		{ "POP_DS", "selectors: the segment test (silicon) has it" },
		{ "POP_FS", "selectors: the segment test (silicon) has it" },
		{ "POP_GS", "selectors: the segment test (silicon) has it" },
		{ "LES", "selectors: the segment test (silicon) has it" },
		{ "LDS", "selectors: the segment test (silicon) has it" },
		{ "LSS", "selectors: the segment test (silicon) has it" },
		{ "LFS", "selectors: the segment test (silicon) has it" },
		{ "LGS", "selectors: the segment test (silicon) has it" },
		{ "PUSH_FS", "stores a selector that the test has not set" },
		{ "PUSH_GS", "stores a selector that the test has not set" },
		{ "MOV_Ew_Sw", "selectors: the segment test (silicon) has it" },
	};
	const struct op_info *info = &op_info[op];

	/* REX, EVEX, MOVSXD, VEX. */
	if (wide && encoding_info[info->encoding].map == 0 && op_has_legacy(info) && info->encoding != ENCODING_OQ1 &&
	    ((info->opcode & 0xf0) == 0x40 || info->opcode == 0x62 || info->opcode == 0x63 ||
	     (info->opcode & 0xfe) == 0xc4))
		return "another instruction in 64-bit mode";
	if ((info->attributes & ATTRIBUTE_Q) && !wide)
		return "in 64-bit mode only";
	if (named(info, "SYSRET") && !wide)
		return "AMD's have it outside 64-bit mode, Intel's do not";
	for (unsigned n = 0; n < sizeof rows / sizeof *rows; n++)
		if (named(info, rows[n].name))
			return rows[n].why;
	return NULL;
}

/* ---- Addresses ---- */

uint64_t data_offset(uint64_t linear)
{
	if (linear - HIGH - DATA_AT < DATA_BYTES)
		return linear - HIGH - DATA_AT;
	return linear - DATA_AT;
}

static void poke_data(const struct build *b, uint64_t linear, const uint8_t *bytes, unsigned count)
{
	for (unsigned n = 0; n < count; n++) {
		uint64_t at = data_offset(linear + n);

		if (at < DATA_BYTES) {
			unsigned most = (unsigned)(DATA_BYTES - at);

			b->poke(DATA_AT + at, bytes + n, count - n < most ? count - n : most);
			break;
		}
	}
}

/* A linear address where count bytes are, or nearly are, or are not, accessible. */
static uint64_t some_target(const struct build *b, unsigned count, unsigned aligned)
{
	static const uint32_t borders[] = { 0, DATA_BYTES, DATA_BYTES, DATA_BYTES + READ_ONLY_BYTES, 0x1000 };
	static const uint64_t far[] = { 0x800000000000, 0xffff800000000000, 0x7ffffffffff0, 0xfffffffffffffff8,
		0x8000000000000000, 0xffff7fffffffffe0, 0x100000000, 0x123400000000, 0xdead00000000beef };
	struct random *random = b->random;
	uint32_t which = below(random, 100);
	uint64_t at;

	count = count ? count : 1;
	if (chance(random, aligned)) {
		uint32_t unit = 1;

		while (unit < count)
			unit *= 2;
		at = below(random, DATA_BYTES / unit) * unit;
	} else {
		at = below(random, DATA_BYTES - 64);
	}
	if (which < 8)
		at = borders[below(random, sizeof borders / sizeof *borders)] - below(random, 2 * count + 1);
	else if (which < 11)
		at = DATA_BYTES + below(random, READ_ONLY_BYTES);
	else if (which < 13 && b->c->wide)
		return far[below(random, sizeof far / sizeof *far)] + below(random, 64) - 32;
	return b->high + DATA_AT + at;
}

static unsigned alignment_wish(const struct build *b)
{
	if (named(b->info, "SHA1") || named(b->info, "SHA256"))
		return 100;                     /* AMD's take any address */
	if (b->info->attributes & (ATTRIBUTE_A | ATTRIBUTE_AA))
		return 85;
	return b->c->lock ? 100 : 50;
}

/* Bytes that the row's memory operand has. */
static unsigned access_bytes(const struct build *b)
{
	const struct case64 *c = b->c;
	unsigned vector = c->vector_length ? c->vector_length : 16;

	for (unsigned n = 0; n < 4; n++) {
		unsigned size = operands[b->info->operand[n]].size;

		switch (size) {
		case 0: continue;
		case SIZE_V: return c->operand_size;
		case SIZE_P: return c->operand_size + 2;
		case SIZE_A: return 2 * c->operand_size;
		case SIZE_ENV: return 28;
		case SIZE_FPU: return 108;
		case SIZE_512: return 512;
		case SIZE_X: return vector;
		case SIZE_HX: return vector / 2;
		case SIZE_QX: return vector / 4;
		case SIZE_OX: return vector / 8;
		case SIZE_Y: return c->operand_size == 8 ? 8 : 4;
		case SIZE_2Y: return c->operand_size == 8 ? 16 : 8;
		case SIZE_S: return 10;
		case SIZE_XSAVE: return 576;
		default: return size;
		}
	}
	return 0;
}

static uint64_t segment_base64(const struct build *b)
{
	if (!b->c->wide)
		return 0;
	return b->segment == SEG_FS ? b->c->before.fs_base : b->segment == SEG_GS ? b->c->before.gs_base : 0;
}

/* 16-bit addresses reach nothing: they fault. */
static void memory16(struct build *b)
{
	unsigned mod = below(b->random, 3), rm = below(b->random, 8);

	b->modrm = mod << 6 | (b->reg & 7) << 3 | rm;
	b->displacement_bytes = mod == 0 ? (rm == 6 ? 2 : 0) : mod;
	b->displacement = edge64(b->random);
}

static bool is_gather(const struct op_info *info)
{
	return has(info, OPERAND_VM32x, OPERAND_VM64x);
}

/* A base near target, and a vector of indexes that mostly stay there. */
static void gather_operand(struct build *b, uint64_t target)
{
	struct random *random = b->random;
	struct state64 *s = &b->c->before;
	unsigned registers = b->c->wide ? 16 : 8, mod = below(random, 3), base = below(random, registers), index;
	unsigned scale = below(random, 4), bits = has(b->info, OPERAND_VM64x, OPERAND_VM64x) ? 64 : 32;
	uint64_t mask = b->c->address_size == 8 ? UINT64_MAX : 0xffffffff;
	bool absolute = mod == 0 && (base & 7) == REG_BP;

	index = below(random, registers);
	/* All three different, or it is #UD. */
	while (chance(random, 97) && (index == b->reg || index == b->vvvv || b->reg == b->vvvv)) {
		index = below(random, registers);
		b->vvvv = below(random, registers);
	}
	for (unsigned n = 0; n < 256; n += bits)
		if (!chance(random, 4)) {
			int64_t offset = (int64_t)below(random, 0x1000) - 0x800;
			uint64_t lane = (uint64_t)(offset >> scale) & (bits == 64 ? UINT64_MAX : 0xffffffff);
			uint64_t keep = bits == 64 ? 0 : ~(0xffffffffull << n % 64);

			s->v[index].q[n / 64] = (s->v[index].q[n / 64] & keep) | lane << n % 64;
		}
	b->rex |= (index >= 8 ? 2 : 0) | (base >= 8 ? 1 : 0);
	b->has_sib = true;
	b->sib = scale << 6 | (index & 7) << 3 | (base & 7);
	b->modrm = mod << 6 | (b->reg & 7) << 3 | 4;
	b->displacement_bytes = mod == 1 ? 1 : mod == 2 || absolute ? 4 : 0;
	if (b->displacement_bytes)
		b->displacement = (uint64_t)(int64_t)(int8_t)random32(random);
	target -= segment_base64(b);
	if (absolute)
		b->displacement = (uint64_t)(int64_t)(int32_t)target;
	else
		s->reg[base] = (target - b->displacement) & mask;
	b->sum = target;
}

/*
 * ModRM, SIB and displacement of a memory operand at target, and the registers changed so that it
 * is there.  What cannot be reached is somewhere else.
 */
static void memory_operand(struct build *b, uint64_t target)
{
	enum { NONE = 16 };
	struct random *random = b->random;
	struct state64 *s = &b->c->before;
	unsigned mod = below(random, 3), registers = b->c->wide ? 16 : 8, rm = below(random, registers);
	unsigned base = rm, index = NONE, scale = 0;
	uint64_t mask = b->c->address_size == 8 ? UINT64_MAX : 0xffffffff, rest;
	bool absolute;

	if (b->c->address_size == 2) {
		memory16(b);
		return;
	}
	if (is_gather(b->info)) {
		gather_operand(b, target);
		return;
	}
	b->has_sib = (rm & 7) == 4;
	if (b->has_sib) {
		base = below(random, registers);
		index = below(random, registers);
		scale = below(random, 4);
		b->sib = scale << 6 | (index & 7) << 3 | (base & 7);
		b->rex |= index >= 8 ? 2 : 0;
		if (index == REG_SP)
			index = NONE;
	}
	b->rex |= base >= 8 ? 1 : 0;
	absolute = mod == 0 && (base & 7) == REG_BP;
	b->rip_relative = absolute && !b->has_sib && b->c->wide;
	if (absolute)
		base = NONE;
	b->modrm = mod << 6 | (b->reg & 7) << 3 | (rm & 7);
	b->displacement_bytes = mod == 1 ? 1 : mod == 2 || absolute ? 4 : 0;
	if (b->displacement_bytes == 1)
		b->displacement = (uint64_t)(int64_t)(int8_t)random32(random);
	else if (b->displacement_bytes == 4)
		b->displacement = (uint64_t)(int64_t)((int32_t)random32(random) >> below(random, 32));
	target -= segment_base64(b);
	if (b->rip_relative) {
		b->displacement = target;       /* made relative when the length is known */
		return;
	}
	if (base != NONE && base != index) {
		rest = target - b->displacement - (index == NONE ? 0 : s->reg[index] << scale);
		s->reg[base] = rest & mask;
		if (mask != UINT64_MAX && b->c->wide)
			s->reg[base] |= edge64(random) & ~mask;
	} else if (index != NONE) {
		uint64_t factor = (1u << scale) + (base == index);

		s->reg[index] = ((target - b->displacement) & mask) / factor;
		if (b->displacement_bytes == 4)
			b->displacement = target - s->reg[index] * factor;
	} else if (absolute) {
		b->displacement = target;
	}
	if (b->displacement_bytes == 4)
		b->displacement = (uint64_t)(int64_t)(int32_t)b->displacement;
	b->sum = b->displacement + (base == NONE ? 0 : s->reg[base]) + (index == NONE ? 0 : s->reg[index] << scale);
}

/* ---- Encoding ---- */

static void emit(struct case64 *c, uint64_t value, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		c->bytes[c->length++] = (uint8_t)(value >> 8 * n);
}

static void emit_vex(struct build *b)
{
	struct case64 *c = b->c;
	unsigned pp = b->encoding->prefix ? b->encoding->prefix - 1u : 0, inverted = ~b->rex;
	unsigned last = (~b->vvvv & 15) << 3 | (b->vex_l ? 4u : 0u) | pp;

	if (b->encoding->map == 1 && !b->rex_w && !(b->rex & 3) && chance(b->random, 70)) {
		emit(c, 0xc5, 1);
		emit(c, (inverted & 4) << 5 | last, 1);
	} else {
		emit(c, 0xc4, 1);
		emit(c, (inverted & 7) << 5 | b->encoding->map, 1);
		emit(c, (b->rex_w ? 0x80u : 0u) | last, 1);
	}
}

static void emit_prefixes(struct build *b)
{
	static const uint8_t overrides[SEG_COUNT] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	static const uint8_t mandatory[5] = { 0, 0, 0x66, 0xf3, 0xf2 };
	struct random *random = b->random;
	struct case64 *c = b->c;
	uint8_t list[8];
	unsigned count = 0;

	if (b->operand16)
		list[count++] = 0x66;
	if (c->address_size != (c->wide ? 8 : 4))
		list[count++] = 0x67;
	if (b->segment < SEG_LDTR)
		list[count++] = overrides[b->segment];
	if (c->lock)
		list[count++] = 0xf0;
	if (c->rep)
		list[count++] = chance(random, 50) ? 0xf2 : 0xf3;
	if (!c->vex && mandatory[b->encoding->prefix])
		list[count++] = mandatory[b->encoding->prefix];
	while (count) {
		unsigned which = below(random, count);

		/* REX before another prefix is no REX. */
		if (c->wide && chance(random, 1))
			emit(c, 0x40 | below(random, 16), 1);
		emit(c, list[which], 1);
		list[which] = list[--count];
	}
}

/* SPL, BPL, SIL, DIL need one; others may have one. */
static void emit_rex(struct build *b)
{
	unsigned rex = b->rex | (b->rex_w ? 8u : 0u);

	if (b->c->wide && (rex || chance(b->random, 15)))
		emit(b->c, 0x40 | rex, 1);
}

static void emit_all(struct build *b)
{
	static const uint8_t escapes[4] = { 0, 0, 0x38, 0x3a };
	const struct op_info *info = b->info;
	struct case64 *c = b->c;
	unsigned opcode = info->opcode;

	/* Such a prefix before VEX is #UD. */
	if (c->vex && chance(b->random, 1))
		emit(c, "\x66\xf2\xf3\xf0\x48"[below(b->random, c->wide ? 5 : 4)] & 0xff, 1);
	emit_prefixes(b);
	if (b->encoding->form == FORM_IN_OPCODE) {
		opcode += b->reg & 7;
		b->rex |= b->reg >> 3;
	} else if (b->has_modrm) {
		b->rex |= b->reg >> 3 << 2;
	}
	if (c->vex) {
		emit_vex(b);
	} else {
		emit_rex(b);
		if (b->encoding->map)
			emit(c, 0x0f, 1);
		if (b->encoding->map >= 2)
			emit(c, escapes[b->encoding->map], 1);
	}
	emit(c, opcode, 1);
	if (b->has_modrm)
		emit(c, b->modrm, 1);
	if (b->has_sib)
		emit(c, b->sib, 1);
	if (b->rip_relative) {
		uint64_t next = c->code + c->length + 4 + b->immediate_bytes;
		uint64_t mask = c->address_size == 8 ? UINT64_MAX : 0xffffffff;

		b->displacement = (uint64_t)(int64_t)(int32_t)(b->displacement - next);
		b->sum = (next + b->displacement) & mask;
	}
	c->base = segment_base64(b);
	emit(c, b->displacement, b->displacement_bytes);
	for (unsigned n = 0; n < b->immediate_bytes; n++)
		emit(c, b->immediate[n], 1);
	if (c->memory) {
		c->target = (c->address_size == 8 ? b->sum : b->sum & 0xffffffff) + segment_base64(b);
		if (!c->wide)
			c->target &= 0xffffffff;
	}
}

static void add_immediate(struct build *b, uint64_t value, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		b->immediate[b->immediate_bytes++] = (uint8_t)(value >> 8 * n);
}

static void immediate(struct build *b, unsigned operand)
{
	struct random *random = b->random;
	struct case64 *c = b->c;
	unsigned z = c->operand_size == 2 ? 2 : 4;

	switch (operand) {
	case OPERAND_Ib: case OPERAND_sIb: {
		uint64_t value = chance(random, 50) ? below(random, 256) : edge64(random);

		if (c->op == OP_INT_Ib && (value & 0xff) == 0x80)
			value = 4;                      /* 80h: Linux's system calls */
		/* The upper bits are reserved in the legacy form. */
		if (named(b->info, "CMP") && op_is_vector(b->info) && !c->vex)
			value &= 7;
		if (c->op == OP_ENTER_Iw_Ib && chance(random, 70))
			value &= 0xe3;
		add_immediate(b, value, 1);
		break;
	}
	case OPERAND_Jb:
		add_immediate(b, edge64(random), 1);
		break;
	case OPERAND_Lx:
		add_immediate(b, below(random, c->wide ? 16 : 8) << 4, 1);
		break;
	case OPERAND_Iw:
		add_immediate(b, chance(random, 50) ? below(random, 256) : edge64(random), 2);
		break;
	case OPERAND_Iz:
		add_immediate(b, edge64(random), z);
		break;
	case OPERAND_Iv:
		add_immediate(b, edge64(random), c->operand_size);
		break;
	case OPERAND_Jz:
		add_immediate(b, chance(random, 70) ? below(random, 0x1000) - 0x800 : edge64(random), z);
		break;
	case OPERAND_Ap:
		add_immediate(b, edge64(random), z);
		add_immediate(b, chance(random, 60) ? FLAT_CODE : below(random, 8), 2);
		break;
	case OPERAND_Ob: case OPERAND_Ov:
		b->sum = some_target(b, c->operand_size, 50) - segment_base64(b);
		c->memory = true;
		add_immediate(b, b->sum, c->address_size);
		break;
	default:
		break;
	}
}

/* ---- State ---- */

static void choose_registers(struct build *b)
{
	struct random *random = b->random;
	struct state64 *s = &b->c->before;
	uint64_t mask = b->c->wide ? UINT64_MAX : 0xffffffff;

	for (unsigned n = 0; n < 16; n++)
		s->reg[n] = (chance(random, 20) ? some_target(b, 8, 50) : edge64(random)) & mask;
	if (!b->c->wide)
		memset(s->reg + 8, 0, 8 * sizeof *s->reg);
	if (chance(random, 50))
		s->reg[REG_CX] = below(random, 70);
	s->reg[REG_SP] = some_target(b, 8, 60) & mask;
	if (b->c->wide) {
		s->fs_base = chance(random, 70) ? some_target(b, 1, 0) : edge64(random) >> 17;
		s->gs_base = chance(random, 70) ? below(random, 0x1000) : UINT64_MAX << below(random, 47);
		if (s->fs_base >> 47)
			s->fs_base = 0;
	}
	s->rflags = FLAG_1 | FLAG_IF | (random32(random) & (FLAGS_ARITHMETIC | FLAG_DF));
	if (chance(random, 10))
		s->rflags |= FLAG_ID;
	if (chance(random, 6))
		s->rflags |= FLAG_AC;
}

static void choose_vectors(struct build *b)
{
	struct random *random = b->random;
	struct state64 *s = &b->c->before;
	uint8_t bytes[32];

	s->mxcsr = random_mxcsr(random);
	for (unsigned n = 0; n < (b->c->wide ? 16 : 8); n++) {
		vector_values(random, b->c->op, bytes, sizeof bytes);
		/* Operands that are equal, or nearly. */
		if (n && chance(random, 10)) {
			s->v[n] = s->v[n - 1];
			s->v[n].q[below(random, 4)] ^= 1ull << below(random, 64);
			continue;
		}
		for (unsigned k = 0; k < 4; k++) {
			s->v[n].q[k] = 0;
			for (unsigned m = 0; m < 8; m++)
				s->v[n].q[k] |= (uint64_t)bytes[8 * k + m] << 8 * m;
		}
	}
	if (!b->c->x87)
		return;
	for (unsigned n = 0; n < 8; n++)
		vector_values(random, b->c->op, s->fpu.reg[n], 8);
}

/* Registers that say where, or how often, without standing in ModRM. */
static void implied_operands(struct build *b)
{
	struct random *random = b->random;
	struct state64 *s = &b->c->before;
	const struct op_info *info = b->info;
	uint64_t mask = b->c->wide ? UINT64_MAX : 0xffffffff;

	if (is_string(info)) {
		s->reg[REG_SI] = (some_target(b, b->c->operand_size, 50) - segment_base64(b)) & mask;
		s->reg[REG_DI] = some_target(b, b->c->operand_size, 50) & mask;
		if (b->c->rep && chance(random, 60)) {
			static const uint8_t zero[32];

			poke_data(b, s->reg[REG_SI] + segment_base64(b) - 8, zero, 16 + below(random, 16));
			poke_data(b, s->reg[REG_DI] - 8, zero, 16 + below(random, 16));
			if (chance(random, 50))
				s->reg[REG_AX] = 0;
		}
		if (b->c->rep && has(info, OPERAND_DX, OPERAND_DX))
			s->reg[REG_CX] |= 1;    /* with 0 it is the processor's choice whether permission is looked at */
	} else if (named(info, "MASKMOV")) {
		s->reg[REG_DI] = (some_target(b, 16, 50) - segment_base64(b)) & mask;
	} else if (named(info, "XLAT")) {
		s->reg[REG_BX] = (some_target(b, 1, 50) - (s->reg[REG_AX] & 0xff) - segment_base64(b)) & mask;
	} else if (named(info, "ENTER") || named(info, "LEAVE")) {
		s->reg[REG_BP] = some_target(b, 8, 80) & mask;
	} else if ((named(info, "BT") && has(info, OPERAND_Gv, OPERAND_Gv)) && !b->c->lock &&
		   chance(random, 70)) {
		if (b->reg != REG_SP)
			s->reg[b->reg] &= 0xff;
	} else if (named(info, "LOOP") || named(info, "JCXZ")) {
		if (chance(random, 40))
			s->reg[REG_CX] = (s->reg[REG_CX] & ~0xffffffffull) | below(random, 3);
	} else if ((named(info, "DIV_E") || named(info, "IDIV_E")) && chance(random, 70)) {
		s->reg[REG_DX] = chance(random, 50) ? 0 : (uint64_t)below(random, 4) - 2;
		s->reg[REG_DX] &= mask;
		if (chance(random, 50))
			s->reg[REG_AX] &= 0xffffffffffff00ff;
	} else if (named(info, "PCMPESTR") || named(info, "VPCMPESTR")) {
		s->reg[REG_AX] = chance(random, 70) ? (uint64_t)below(random, 40) - 20 : edge64(random);
		s->reg[REG_DX] = chance(random, 70) ? (uint64_t)below(random, 40) - 20 : edge64(random);
		s->reg[REG_AX] &= mask;
		s->reg[REG_DX] &= mask;
	}
}

static void put(uint8_t *bytes, uint64_t value, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		bytes[n] = (uint8_t)(value >> 8 * n);
}

/* Somewhere to jump to; it is not gone on from there. */
static uint64_t some_code(const struct build *b)
{
	if (chance(b->random, 70))
		return b->high + CODE_AT + below(b->random, CODE_BYTES);
	return edge64(b->random) & (b->c->wide ? UINT64_MAX : 0xffffffff);
}

static void fill_memory(struct build *b)
{
	struct random *random = b->random;
	struct case64 *c = b->c;
	const struct op_info *info = b->info;
	uint8_t bytes[64];

	if (c->memory && (chance(random, 90) || strstr(info->name, "LDMXCSR"))) {
		if (op_is_vector(info)) {
			vector_values(random, c->op, bytes, 32);
			if (strstr(info->name, "LDMXCSR"))
				put(bytes, chance(random, 80) ? random_mxcsr(random)
							      : random32(random) & ~(1u << 17) /* AMD's */, 4);
		} else if (is_x87(c->op)) {
			x87_operand(random, c->op, bytes);
		} else {
			for (unsigned n = 0; n < 32; n += 8)
				put(bytes + n, edge64(random), 8);
		}
		if (named(info, "CMPXCHG") && chance(random, 50)) {
			put(bytes, c->before.reg[REG_AX], 8);
			put(bytes + (c->operand_size == 8 ? 8 : 4), c->before.reg[REG_DX], 8);
		}
		if (named(info, "JMP_Ev") || named(info, "CALL_Ev"))
			put(bytes, some_code(b), 8);
		if (named(info, "JMP_Mp") || named(info, "CALL_Mp")) {
			put(bytes, some_code(b), 8);
			put(bytes + c->operand_size, chance(random, 60) ? (c->wide ? LONG_CODE : FLAT_CODE)
									: below(random, 8), 2);
		}
		poke_data(b, c->target, bytes, c->access > 16 || op_is_vector(info) ? 32 : 16);
	}
	if (op_is_vector(info) || (c->memory && chance(random, 70) && !named(info, "POP")))
		return;
	for (unsigned n = 0; n < 48; n += 8)
		put(bytes + n, edge64(random), 8);
	if (named(info, "RET") || named(info, "IRET"))
		put(bytes, some_code(b), 8);
	if (named(info, "RETF") || named(info, "IRET")) {
		unsigned width = c->operand_size;
		uint64_t selector = chance(random, 60) ? (c->wide ? LONG_CODE : FLAT_CODE)
						       : chance(random, 50) ? FLAT_CODE : below(random, 8);

		put(bytes + width, selector, 8);
		put(bytes + 2 * width, edge64(random) & ~(uint64_t)(FLAG_TF | FLAG_NT), 8);
		put(bytes + 3 * width, some_target(b, 8, 80), 8);
		put(bytes + 4 * width, chance(random, 80) ? FLAT_DATA : below(random, 8), 8);
	}
	if (named(info, "POPF"))
		bytes[1] &= 0xfe;
	poke_data(b, c->before.reg[REG_SP], bytes, 48);
}

/* ---- One case ---- */

static void choose_form(struct build *b)
{
	const struct op_info *info = b->info;
	struct random *random = b->random;
	struct case64 *c = b->c;
	unsigned form = b->encoding->form;
	bool x87 = form == FORM_X87, register_only;

	for (unsigned n = 0; n < 4; n++)
		b->has_modrm |= operands[info->operand[n]].modrm;
	b->has_modrm |= form == FORM_DIGIT || form == FORM_DIGIT_MEMORY || form == FORM_DIGIT_REGISTER ||
			form == FORM_MODRM || form == FORM_MEMORY || form == FORM_REGISTER || x87;
	register_only = form == FORM_DIGIT_REGISTER || form == FORM_REGISTER || form == FORM_MODRM ||
			(info->attributes & ATTRIBUTE_R) || has(info, OPERAND_Ux, OPERAND_Ux) ||
			has(info, OPERAND_Udq, OPERAND_Udq) || has(info, OPERAND_Nq, OPERAND_Nq);
	c->memory = b->has_modrm && !register_only &&
		    (form == FORM_DIGIT_MEMORY || form == FORM_MEMORY || (info->attributes & ATTRIBUTE_U) ||
		     c->op == OP_NOP_PREFETCH /* register form: #UD on AMD's */ || chance(random, 60));
	if (x87)
		c->memory = info->encoding == ENCODING_FPM;
	c->vex = op_has_vex(info) && (!op_has_legacy(info) || chance(random, 60));
	if (c->vex) {
		b->vex_l = info->kind == KIND_V2 ||
			   ((info->kind == KIND_XV || info->kind == KIND_XW || info->kind == KIND_VX ||
			     info->kind == KIND_XS || info->kind == KIND_VS) && chance(random, 50));
		c->vector_length = b->vex_l ? 32 : 16;
	}
}

static bool near_branch(const struct op_info *info)
{
	return has(info, OPERAND_Jb, OPERAND_Jz) || named(info, "CALL_Ev") || named(info, "JMP_Ev") ||
	       !strcmp(info->name, "RET") || !strcmp(info->name, "RET_Iw");
}

static void choose_sizes(struct build *b)
{
	const struct op_info *info = b->info;
	struct random *random = b->random;
	struct case64 *c = b->c;
	bool far = has(info, OPERAND_Mp, OPERAND_Mp);   /* AMD's ignore REX.W there, and obey 66h in near branches */

	b->rex_w = (c->wide || c->vex) && !far && chance(random, 40);
	/* Outside 64-bit mode W is ignored (SDM), or makes them #UD (AMD). */
	if ((info->attributes & ATTRIBUTE_W0) || (!c->wide && (named(info, "PINSRD") || named(info, "PEXTRD"))))
		b->rex_w = false;
	if (info->attributes & ATTRIBUTE_W1)
		b->rex_w = true;
	if (!c->vex && !c->wide)
		b->rex_w = false;
	b->operand16 = !op_is_vector(info) && b->encoding->prefix != 1 && b->encoding->prefix != 2 &&
		       b->encoding->form != FORM_MODRM && chance(random, 25) && !(c->wide && near_branch(info));
	/* F2h and F3h win over 66h. */
	if (op_is_vector(info) && !c->vex && b->encoding->prefix >= 3 && chance(random, 3))
		b->operand16 = true;
	c->address_size = c->wide ? 8 : 4;
	if (chance(random, c->wide ? (c->memory || is_string(info) ? 12 : 3) : 2) && !named(info, "SHA"))
		c->address_size /= 2;
	if (op_is_vector(info))
		c->operand_size = b->rex_w && c->wide ? 8 : 4;
	else if (c->wide && ((info->attributes & ATTRIBUTE_F) || b->rex_w))
		c->operand_size = 8;
	else if (b->operand16)
		c->operand_size = 2;
	else
		c->operand_size = c->wide && (info->attributes & ATTRIBUTE_D) ? 8 : 4;
	b->segment = SEG_COUNT;
	if (chance(random, c->memory || is_string(info) ? 15 : 2))
		b->segment = c->wide ? (chance(random, 70) ? SEG_FS + below(random, 2) : below(random, 6))
				     : chance(random, 90) ? SEG_SS + below(random, 2) * (SEG_DS - SEG_SS)
							  : below(random, 6);
	c->lock = chance(random, (info->attributes & ATTRIBUTE_L) && c->memory ? 12 : 1) &&
		  !has(info, OPERAND_Cd, OPERAND_Cd) && !c->vex;
	c->rep = is_string(info) && chance(random, 50);
}

static void choose_operands(struct build *b)
{
	const struct op_info *info = b->info;
	struct random *random = b->random;
	struct case64 *c = b->c;
	unsigned registers = c->wide ? 16 : 8, form = b->encoding->form;
	bool digit = form == FORM_DIGIT || form == FORM_DIGIT_MEMORY || form == FORM_DIGIT_REGISTER;
	bool h = has(info, OPERAND_Hx, OPERAND_Hx) || has(info, OPERAND_Hdq, OPERAND_Hdq) ||
		 has(info, OPERAND_By, OPERAND_By);
	bool lock = c->lock || named(info, "XCHG_E");

	b->reg = digit || form == FORM_X87 ? info->digit & 7 : below(random, registers);
	if (has(info, OPERAND_Pq, OPERAND_Pq) || has(info, OPERAND_Sw, OPERAND_Sw))
		b->reg &= 7;
	b->rm = below(random, registers);
	b->vvvv = h ? below(random, registers) : 0;
	c->access = access_bytes(b);
	for (unsigned n = 0; n < 4; n++)
		immediate(b, info->operand[n]);
	if (!b->has_modrm)
		return;
	if (c->memory) {
		memory_operand(b, some_target(b, c->access, lock ? 100 : alignment_wish(b)));
		return;
	}
	if (info->encoding == ENCODING_FPR || info->encoding == ENCODING_FP1 || form == FORM_MODRM) {
		b->modrm = info->digit + (info->encoding == ENCODING_FPR ? below(random, 8) : 0u);
		b->reg = 0;
		return;
	}
	b->modrm = 0xc0 | (b->reg & 7) << 3 | (b->rm & 7);
	b->rex |= b->rm >> 3;
	if (c->vex && c->wide && chance(random, 20))
		b->rex |= 2;                    /* X says nothing here */
	if (named(info, "JMP_Ev") || named(info, "CALL_Ev"))
		c->before.reg[b->rm] = some_code(b);
}

static bool is_flow(const struct op_info *info)
{
	static const char *const names[] = { "J", "CALL", "RET", "LOOP", "IRET", "INT", NULL };

	return is_one_of(info, names);
}

/* A locked access must not cross cache lines: the host's kernel may forbid it, or slow it down. */
static bool splits_lock(const struct build *b)
{
	bool locked = b->c->lock || named(b->info, "XCHG_E") || alignment_wish(b) == 100;

	return b->c->memory && locked && b->c->target % (b->c->access ? b->c->access : 8);
}

void generate64(struct random *random, enum op op, bool wide, struct case64 *c,
		void (*poke)(uint64_t linear, const void *bytes, unsigned count))
{
	const struct op_info *info = &op_info[op];
	struct build b;

	do {
		memset(c, 0, sizeof *c);
		memset(&b, 0, sizeof b);
		memset(c->bytes, 0xcc, sizeof c->bytes);
		c->op = op;
		c->wide = wide;
		c->vector = op_is_vector(info);
		c->x87 = is_x87(op) || has(info, OPERAND_Pq, OPERAND_Nq);
		c->flow = is_flow(info);
		b.random = random;
		b.c = c;
		b.info = info;
		b.encoding = &encoding_info[info->encoding];
		b.poke = poke;
		b.high = wide && chance(random, 60) ? HIGH : 0;
		c->code = b.high + CODE_AT + (chance(random, 8) ? 0xff0 + below(random, 16)
								: 0x400 + CASE_ROOM * below(random, 40));
		c->before.rip = c->code;
		c->before.cs = wide ? LONG_CODE : FLAT_CODE;
		c->before.ss = FLAT_DATA;
		c->before.mxcsr = 0x1f80;
		c->before.fpu.control = 0x37f;
		if (c->x87)
			x87_random(random, &c->before.fpu);
		choose_registers(&b);
		choose_form(&b);
		if (c->vector)
			choose_vectors(&b);
		choose_sizes(&b);
		if (b.high && c->address_size == 4)
			b.high = 0;
		choose_operands(&b);
		emit_all(&b);
		implied_operands(&b);
	} while (splits_lock(&b) || c->length > 15);
	fill_memory(&b);
}
