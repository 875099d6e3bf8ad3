/*
 * The decoder: prefixes, opcode maps, ModRM, SIB, displacement, immediates (SDM volume 2,
 * chapter 2 and appendix A), driven by the rows of opcodes.h.
 */
#include "decode.h"

/* The words that stand in the rows. */
enum {
	CF = FLAG_CF, PF = FLAG_PF, AF = FLAG_AF, ZF = FLAG_ZF, SF = FLAG_SF, OF = FLAG_OF,
	SZAPC = CF | PF | AF | ZF | SF, OSZAP = OF | SF | ZF | AF | PF, OSZAPC = OSZAP | CF,
	L = ATTRIBUTE_L, W = ATTRIBUTE_W, X = ATTRIBUTE_X, N = ATTRIBUTE_N, U = ATTRIBUTE_U,
	R = ATTRIBUTE_R, _ = 0
};

const struct op_info op_info[OP_COUNT] = {
	[OP_INVALID] = { .name = "" },
#define ROW(kind, enc, byte, digit, opname, a, b, c, reads, sets, undef, feat, attr)       \
	[OP_##opname] = { #opname, { OPERAND_##a, OPERAND_##b, OPERAND_##c }, attr, reads, \
			  sets, undef, FEAT_##feat, ENCODING_##enc, byte, digit },
#include "opcodes_rows.h"
};

/* From bytes to rows.  Opcodes whose row depends on ModRM are 0 in one_byte and two_byte. */
#define EIGHT(byte, op) [byte] = op, [(byte) + 1] = op, [(byte) + 2] = op, [(byte) + 3] = op, \
	[(byte) + 4] = op, [(byte) + 5] = op, [(byte) + 6] = op, [(byte) + 7] = op,
#define NOTHING(byte, digit, op)
#define DIRECT(byte, digit, op) [byte] = op,
#define DIRECT8(byte, digit, op) EIGHT(byte, op)
#define DIRECT7(byte, digit, op) [byte] = op, [(byte) + 1] = op, [(byte) + 2] = op, \
	[(byte) + 3] = op, [(byte) + 4] = op, [(byte) + 5] = op, [(byte) + 6] = op,
#define ROW(kind, enc, byte, digit, opname, ...) PICK_##enc(byte, digit, OP_##opname)

#define PICK_OP1 DIRECT
#define PICK_RG1 DIRECT8
#define PICK_RX1 DIRECT7
#define PICK_OP2 NOTHING
#define PICK_RG2 NOTHING
#define PICK_GR1 NOTHING
#define PICK_GR2 NOTHING
#define PICK_GM2 NOTHING
#define PICK_FPM NOTHING
#define PICK_FPR NOTHING
#define PICK_FP1 NOTHING
static const uint16_t one_byte[256] = {
#include "opcodes_rows.h"
};
#undef PICK_OP1
#undef PICK_RG1
#undef PICK_RX1
#undef PICK_OP2
#undef PICK_RG2
#define PICK_OP1 NOTHING
#define PICK_RG1 NOTHING
#define PICK_RX1 NOTHING
#define PICK_OP2 DIRECT
#define PICK_RG2 DIRECT8
#define ROW(kind, enc, byte, digit, opname, ...) PICK_##enc(byte, digit, OP_##opname)
static const uint16_t two_byte[256] = {
#include "opcodes_rows.h"
};
#undef PICK_OP2
#undef PICK_RG2
#undef PICK_GR1
#undef PICK_GR2
#undef PICK_GM2
#define PICK_OP2 NOTHING
#define PICK_RG2 NOTHING
#define GROUP(map, byte, form, digit) ((((map) * 256 + (byte)) * 2 + (form)) * 8 + (digit))
#define PICK_GR1(byte, digit, op) [GROUP(0, byte, 0, digit)] = op, [GROUP(0, byte, 1, digit)] = op,
#define PICK_GR2(byte, digit, op) [GROUP(1, byte, 0, digit)] = op, [GROUP(1, byte, 1, digit)] = op,
#define PICK_GM2(byte, digit, op) [GROUP(1, byte, 0, digit)] = op,
#define ROW(kind, enc, byte, digit, opname, ...) PICK_##enc(byte, digit, OP_##opname)
static const uint16_t groups[2 * 256 * 2 * 8] = {
#include "opcodes_rows.h"
};
#undef PICK_GR1
#undef PICK_GR2
#undef PICK_GM2
#undef PICK_FPM
#undef PICK_FPR
#undef PICK_FP1
#define PICK_GR1 NOTHING
#define PICK_GR2 NOTHING
#define PICK_GM2 NOTHING
#define X87(byte, index) (((byte) - 0xd8) * 72 + (index))
#define PICK_FPM(byte, digit, op) [X87(byte, digit)] = op,
#define PICK_FPR(byte, modrm, op) EIGHT(X87(byte, 8 + (modrm) - 0xc0), op)
#define PICK_FP1(byte, modrm, op) [X87(byte, 8 + (modrm) - 0xc0)] = op,
#define ROW(kind, enc, byte, digit, opname, ...) PICK_##enc(byte, digit, OP_##opname)
static const uint16_t x87_ops[8 * 72] = {
#include "opcodes_rows.h"
};

static const struct {
	uint8_t modrm, size;
} operand_info[OPERAND_COUNT] = {
#define X(code, has_modrm, bytes) { has_modrm, bytes },
	OPERAND_CODES(X)
#undef X
};

struct cursor {
	const uint8_t *bytes;
	unsigned position, available;
	bool short_of;                  /* ran out */
};

static uint64_t take(struct cursor *c, unsigned count)
{
	uint64_t value = 0;

	if (c->available - c->position < count) {
		c->short_of = true;
		c->position = c->available;
		return 0;
	}
	for (unsigned n = 0; n < count; n++)
		value |= (uint64_t)c->bytes[c->position++] << 8 * n;
	return value;
}

static int64_t take_signed(struct cursor *c, unsigned count)
{
	uint64_t value = take(c, count);
	unsigned shift = 64 - 8 * count;

	return (int64_t)(value << shift) >> shift;
}

static bool is_group(unsigned map, uint8_t opcode)
{
	unsigned any = 0;

	for (unsigned n = 0; n < 16; n++)
		any |= groups[GROUP(map, opcode, 0, 0) + n];
	return any;
}

/* 16-bit addressing forms (SDM 2A table 2-1). */
static void address16(struct cursor *c, struct decoded *d, unsigned mod)
{
	static const uint8_t bases[8] = { REG_BX, REG_BX, REG_BP, REG_BP, REG_ZERO, REG_ZERO, REG_BP, REG_BX };
	static const uint8_t indexes[8] = { REG_SI, REG_DI, REG_SI, REG_DI, REG_SI, REG_DI, REG_ZERO, REG_ZERO };

	d->base = bases[d->rm];
	d->index = indexes[d->rm];
	if (mod == 0 && d->rm == 6) {
		d->base = REG_ZERO;
		d->displacement = (int64_t)take(c, 2);
	} else if (mod == 1) {
		d->displacement = take_signed(c, 1);
	} else if (mod == 2) {
		d->displacement = take_signed(c, 2);
	}
	d->segment = d->base == REG_BP ? SEG_SS : SEG_DS;
}

/* 32-bit addressing forms (SDM 2A tables 2-2 and 2-3). */
static void address32(struct cursor *c, struct decoded *d, unsigned mod)
{
	d->base = d->rm;
	d->index = REG_ZERO;
	if (d->rm == 4) {
		uint8_t sib = (uint8_t)take(c, 1);

		d->base = sib & 7;
		if ((sib >> 3 & 7) != 4)
			d->index = sib >> 3 & 7;
		d->scale = sib >> 6;
	}
	d->segment = d->base == REG_SP || d->base == REG_BP ? SEG_SS : SEG_DS;
	if (mod == 0 && d->base == 5) {
		d->base = REG_ZERO;
		d->segment = SEG_DS;
		d->displacement = take_signed(c, 4);
	} else if (mod == 1) {
		d->displacement = take_signed(c, 1);
	} else if (mod == 2) {
		d->displacement = take_signed(c, 4);
	}
}

static void modrm(struct cursor *c, struct decoded *d)
{
	d->modrm = (uint8_t)take(c, 1);
	d->reg = d->modrm >> 3 & 7;
	d->rm = d->modrm & 7;
}

static void immediate(struct cursor *c, struct decoded *d, unsigned operand, uint64_t ip)
{
	unsigned z = d->operand_size == 2 ? 2 : 4;

	switch (operand) {
	case OPERAND_Ib:
		if (d->op == OP_ENTER_Iw_Ib)
			d->imm2 = (uint16_t)take(c, 1);
		else
			d->imm = take(c, 1);
		break;
	case OPERAND_sIb:
		d->imm = (uint64_t)take_signed(c, 1);
		break;
	case OPERAND_Iw:
		d->imm = take(c, 2);
		break;
	case OPERAND_Iz:
		d->imm = (uint64_t)take_signed(c, z);
		break;
	case OPERAND_Iv:
		d->imm = take(c, d->operand_size);
		break;
	case OPERAND_I1:
		d->imm = 1;
		break;
	case OPERAND_Jb:
	case OPERAND_Jz: {
		int64_t relative = take_signed(c, operand == OPERAND_Jb ? 1 : z);

		d->imm = ip + c->position + (uint64_t)relative;
		d->imm &= d->operand_size == 2 ? 0xffff : 0xffffffff;
		break;
	}
	case OPERAND_Ap:
		d->imm = take(c, z);
		d->imm2 = (uint16_t)take(c, 2);
		break;
	case OPERAND_Ob:
	case OPERAND_Ov:
		d->memory = true;
		d->base = d->index = REG_ZERO;
		d->displacement = (int64_t)take(c, d->address_size);
		d->segment = SEG_DS;
		break;
	default:
		break;
	}
}

/* Prefixes; leaves the first opcode byte in d->opcode. */
static bool prefixes(struct cursor *c, struct decoded *d, unsigned bits)
{
	uint8_t other = bits == 16 ? 4 : 2;

	d->operand_size = d->address_size = bits == 16 ? 2 : 4;
	d->override = NO_SEGMENT;
	for (;;) {
		uint8_t byte = (uint8_t)take(c, 1);

		if (c->short_of)
			return false;
		switch (byte) {
		case 0x26: d->override = SEG_ES; break;
		case 0x2e: d->override = SEG_CS; break;
		case 0x36: d->override = SEG_SS; break;
		case 0x3e: d->override = SEG_DS; break;
		case 0x64: d->override = SEG_FS; break;
		case 0x65: d->override = SEG_GS; break;
		case 0x66: d->operand_size = other; break;
		case 0x67: d->address_size = other; break;
		case 0xf0: d->lock = true; break;
		case 0xf2: d->rep = INSN_REPNE; break;
		case 0xf3: d->rep = INSN_REP; break;
		default:
			d->opcode = byte;
			return true;
		}
	}
}

/* Finds the row; reads ModRM when the row depends on it. */
static bool find_row(struct cursor *c, struct decoded *d, bool *has_modrm)
{
	unsigned map = 0;

	*has_modrm = false;
	if (d->opcode == 0x0f) {
		map = 1;
		d->opcode = (uint8_t)take(c, 1);
		if (c->short_of)
			return true;
	}
	d->op = map ? two_byte[d->opcode] : one_byte[d->opcode];
	if (d->op)
		return true;
	if (!map && d->opcode >= 0xd8 && d->opcode <= 0xdf) {
		modrm(c, d);
		d->op = x87_ops[X87(d->opcode, d->modrm < 0xc0 ? d->reg : 8 + d->modrm - 0xc0)];
	} else if (is_group(map, d->opcode)) {
		modrm(c, d);
		d->op = groups[GROUP(map, d->opcode, d->modrm >= 0xc0, d->reg)];
	}
	*has_modrm = true;
	return d->op || c->short_of;
}

static enum decode_status finish(struct cursor *c, struct decoded *d, unsigned limit)
{
	if (c->short_of)
		return limit == 15 ? DECODE_TOO_LONG : DECODE_MORE;
	d->length = (uint8_t)c->position;
	return DECODE_OK;
}

enum decode_status decode(const uint8_t *bytes, unsigned available, unsigned bits, uint64_t ip,
			  uint64_t features, struct decoded *d)
{
	unsigned limit = available < 15 ? available : 15;
	struct cursor c = { .bytes = bytes, .available = limit };
	const struct op_info *info;
	bool has_modrm, memory_form;

	memset(d, 0, sizeof *d);
	if (!prefixes(&c, d, bits))
		return finish(&c, d, limit);
	if (!find_row(&c, d, &has_modrm))
		return DECODE_UD;
	if (c.short_of)
		return finish(&c, d, limit);
	info = &op_info[d->op];
	if ((features & info->feature) != info->feature)
		return DECODE_UD;
	d->base = d->index = REG_ZERO;
	d->segment = SEG_DS;
	for (unsigned n = 0; n < 3; n++)
		if (operand_info[info->operand[n]].modrm && !has_modrm) {
			modrm(&c, d);
			has_modrm = true;
		}
	memory_form = has_modrm && d->modrm < 0xc0;
	if (memory_form && !(info->attributes & ATTRIBUTE_R)) {
		d->memory = true;
		if (d->address_size == 2)
			address16(&c, d, d->modrm >> 6);
		else
			address32(&c, d, d->modrm >> 6);
	}
	for (unsigned n = 0; n < 3; n++)
		immediate(&c, d, info->operand[n], ip);
	if (d->override != NO_SEGMENT)
		d->segment = d->override;
	if (finish(&c, d, limit) != DECODE_OK)
		return finish(&c, d, limit);
	if ((info->attributes & ATTRIBUTE_U) && !d->memory)
		return DECODE_UD;
	/* 66h, F2h and F3h make other instructions of these (SDM 2A 3.1.1.1: NP). */
	if ((d->op == OP_FXSAVE || d->op == OP_FXRSTOR) && (d->rep || d->operand_size != bits / 8))
		return DECODE_UD;
	/* No such segment register, or CS as destination; before any fault of the other operand. */
	if ((d->op == OP_MOV_Ew_Sw && d->reg > SEG_GS) ||
	    (d->op == OP_MOV_Sw_Ew && (d->reg > SEG_GS || d->reg == SEG_CS)))
		return DECODE_UD;
	if (d->lock && (!(info->attributes & ATTRIBUTE_L) || !d->memory))
		return DECODE_UD;
	return DECODE_OK;
}

unsigned decoded_access(const struct decoded *d)
{
	const struct op_info *info = &op_info[d->op];
	bool narrow = d->operand_size == 2;

	for (unsigned n = 0; n < 3; n++) {
		unsigned size = operand_info[info->operand[n]].size;

		switch (size) {
		case 0: continue;
		case SIZE_V: return d->operand_size;
		case SIZE_P: return d->operand_size + 2u;
		case SIZE_A: return 2u * d->operand_size;
		case SIZE_ENV: return narrow ? 14 : 28;
		case SIZE_FPU: return narrow ? 94 : 108;
		case SIZE_512: return 512;
		default: return size;
		}
	}
	return 0;
}
