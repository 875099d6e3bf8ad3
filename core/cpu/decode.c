/*
 * The decoder: prefixes, opcode maps, ModRM, SIB, displacement, immediates (SDM volume 2,
 * chapter 2 and appendix A), driven by the rows of opcodes.h through opcode_tables.h.
 */
#include "decode.h"
#include "opcode_tables.h"

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

/* Memory by a vector of indexes. */
static bool is_gather(const struct op_info *info)
{
	return info->operand[1] >= OPERAND_VM32x && info->operand[1] <= OPERAND_VM64x;
}

/*
 * 32 and 64-bit addressing forms (SDM 2A tables 2-2 and 2-3, 2.2.1.3).  True: relative to
 * the next instruction.
 */
static bool address32(struct cursor *c, struct decoded *d, unsigned mod)
{
	bool sib_form = (d->rm & 7) == 4;

	d->base = d->rm;
	d->index = REG_ZERO;
	if (sib_form) {
		uint8_t sib = (uint8_t)take(c, 1);
		uint8_t index = (uint8_t)((sib >> 3 & 7) | d->rex_x << 3);

		d->base = (uint8_t)((sib & 7) | d->rex_b << 3);
		if (index != 4 || is_gather(&op_info[d->op]))
			d->index = index;
		d->scale = sib >> 6;
	}
	d->segment = d->base == REG_SP || d->base == REG_BP ? SEG_SS : SEG_DS;
	if (mod == 0 && (d->base & 7) == 5) {
		d->base = REG_ZERO;
		d->segment = SEG_DS;
		d->displacement = take_signed(c, 4);
		return d->bits == 64 && !sib_form;
	}
	if (mod == 1)
		d->displacement = take_signed(c, 1);
	else if (mod == 2)
		d->displacement = take_signed(c, 4);
	return false;
}

static void modrm(struct cursor *c, struct decoded *d)
{
	d->modrm = (uint8_t)take(c, 1);
	d->reg = (uint8_t)((d->modrm >> 3 & 7) | d->rex_r << 3);
	d->rm = (uint8_t)((d->modrm & 7) | d->rex_b << 3);
}

static uint64_t target_mask(const struct decoded *d)
{
	return d->operand_size == 2 ? 0xffff : d->operand_size == 4 ? 0xffffffff : UINT64_MAX;
}

static void immediate(struct cursor *c, struct decoded *d, unsigned operand, uint64_t ip)
{
	unsigned z = d->operand_size == 2 ? 2 : 4;

	switch (operand) {
	case OPERAND_Ib:
	case OPERAND_Lx:
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

		d->imm = (ip + c->position + (uint64_t)relative) & target_mask(d);
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

/*
 * Prefixes; leaves the first opcode byte in d->opcode.  A REX prefix counts only right before
 * the opcode; in 64-bit mode the prefixes of ES, CS, SS and DS mean nothing.
 */
static bool prefixes(struct cursor *c, struct decoded *d)
{
	uint8_t rex = 0;

	d->override = NO_SEGMENT;
	d->address_size = (uint8_t)(d->bits / 8);
	for (;;) {
		uint8_t byte = (uint8_t)take(c, 1);

		if (c->short_of)
			return false;
		if (d->bits == 64 && (byte & 0xf0) == 0x40) {
			rex = byte;
			continue;
		}
		switch (byte) {
		case 0x26: case 0x2e: case 0x36: case 0x3e:
			if (d->bits != 64)
				d->override = byte >> 3 & 3;
			break;
		case 0x64: d->override = SEG_FS; break;
		case 0x65: d->override = SEG_GS; break;
		case 0x66: d->prefix66 = true; break;
		case 0x67: d->address_size = d->bits == 32 ? 2 : 4; break;
		case 0xf0: d->lock = true; break;
		case 0xf2: d->rep = INSN_REPNE; break;
		case 0xf3: d->rep = INSN_REP; break;
		default:
			d->opcode = byte;
			d->rex = rex;
			d->rex_w = rex >> 3 & 1;
			d->rex_r = rex >> 2 & 1;
			d->rex_x = rex >> 1 & 1;
			d->rex_b = rex & 1;
			return true;
		}
		rex = 0;
	}
}

/* The opcode after its escapes, or a VEX prefix and the opcode.  Returns the map, -1 for none. */
static int opcode_map(struct cursor *c, struct decoded *d, unsigned *prefix)
{
	unsigned map = 0;
	uint8_t byte;

	*prefix = d->rep == INSN_REPNE ? 4 : d->rep == INSN_REP ? 3 : d->prefix66 ? 2 : 1;
	if ((d->opcode & 0xfe) == 0xc4 && c->position >= c->available) {
		c->short_of = true;     /* VEX or LDS, LES */
		return -1;
	}
	if ((d->opcode & 0xfe) == 0xc4 &&
	    (d->bits == 64 || c->bytes[c->position] >= 0xc0)) {
		static const uint8_t prefix_of[4] = { 1, 2, 3, 4 };

		if (d->rex || d->lock || d->rep || d->prefix66)
			return -1;
		d->vex = true;
		byte = (uint8_t)take(c, 1);
		map = 1;
		d->rex_r = !(byte & 0x80);
		if (d->opcode == 0xc4) {
			map = byte & 0x1f;
			d->rex_x = !(byte & 0x40);
			d->rex_b = !(byte & 0x20) && d->bits == 64;
			byte = (uint8_t)take(c, 1);
			d->rex_w = byte >> 7;
		}
		d->vvvv = (uint8_t)(~byte >> 3 & 15);
		d->vex_l = byte >> 2 & 1;
		*prefix = prefix_of[byte & 3];
		d->opcode = (uint8_t)take(c, 1);
		return map >= 1 && map <= 3 ? (int)map : -1;
	}
	if (d->opcode == 0x0f) {
		map = 1;
		d->opcode = (uint8_t)take(c, 1);
		if (d->opcode == 0x38 || d->opcode == 0x3a) {
			map = d->opcode == 0x38 ? 2 : 3;
			d->opcode = (uint8_t)take(c, 1);
		}
	}
	return (int)map;
}

/* The rows of an opcode by form and reg field of ModRM; NULL: it has none that depend on them. */
static const uint16_t *rows_by_modrm(const uint16_t *table, unsigned which, uint8_t opcode)
{
	unsigned four = modrm_fours[which * 64 + opcode / 4], any = 0;

	if (!four)
		return NULL;
	table += ((four - 1) * 4 + (opcode & 3)) * 16;
	for (unsigned n = 0; n < 16; n++)
		any |= table[n];
	return any ? table : NULL;
}

static uint16_t plain_row(const struct decoded *d, int map, int prefix)
{
	if (d->vex)
		return map && prefix ? vex_plain[VEX_PAGE(map, prefix) * 256 + d->opcode] : OP_INVALID;
	return map < 3 || prefix ? legacy_plain[LEGACY_PAGE(map, prefix) * 256 + d->opcode] : OP_INVALID;
}

static bool usable(uint16_t op, uint64_t features)
{
	return op && !(op_features(&op_info[op]) & ~features);
}

/* Finds the row; reads ModRM when the row depends on it. */
static void find_row(struct cursor *c, struct decoded *d, uint64_t features, bool *has_modrm)
{
	unsigned prefix;
	int map = opcode_map(c, d, &prefix);
	const uint16_t *by_modrm = d->vex ? vex_modrm : legacy_modrm;
	unsigned tables[2], count = 0;

	if (map < 0 || c->short_of)
		return;
	if (map == 0 && d->opcode >= 0xd8 && d->opcode <= 0xdf) {
		modrm(c, d);
		*has_modrm = true;
		d->op = x87_ops[X87_AT(d->opcode, d->modrm < 0xc0 ? d->reg & 7 : 8 + d->modrm - 0xc0)];
		return;
	}
	if (map == 0 && d->bits == 64)
		d->op = plain_row(d, 0, 1);
	if (map)
		d->op = plain_row(d, map, (int)prefix);
	if (!usable(d->op, features))
		d->op = plain_row(d, map, 0);
	if (d->op == OP_NOP && d->rex_b)
		d->op = OP_XCHG_Zv_eAX; /* with R8 it is no NOP */
	if (d->op)
		return;
	if (map == 0)
		tables[count++] = 0;
	if (map == 1) {
		tables[count++] = prefix + 1;
		tables[count++] = 1;
	}
	if (map == 2 && d->vex && prefix == 1)
		tables[count++] = 6;
	for (unsigned n = 0; n < count; n++) {
		const uint16_t *rows = rows_by_modrm(by_modrm, tables[n], d->opcode);

		if (!rows)
			continue;
		if (!*has_modrm)
			modrm(c, d);
		*has_modrm = true;
		if (c->short_of)
			return;
		d->op = rows[(d->modrm >= 0xc0) * 8 + (d->modrm >> 3 & 7)];
		if (usable(d->op, features))
			return;
	}
	/* SWAPGS and RDTSCP do not mind prefixes, the others are NP in the manual. */
	if (map == 1 && !d->vex && d->opcode == 0x01 && d->modrm >= 0xc0 &&
	    (prefix == 1 || d->modrm >= 0xf8) && exact_0f01[d->modrm - 0xc0])
		d->op = exact_0f01[d->modrm - 0xc0];
}

static void set_operand_size(struct decoded *d, const struct op_info *info)
{
	/* A 66h that belongs to the opcode is no prefix of the operand size. */
	bool other = d->prefix66 && encoding_info[info->encoding].prefix != 2;

	if (op_is_vector(info))
		/* Elsewhere VEX.W says nothing of general registers. */
		d->operand_size = d->rex_w && (d->bits == 64 || (op_features(info) & FEAT_FMA)) ? 8 : 4;
	else if (d->bits != 64)
		d->operand_size = other == (d->bits == 32) ? 2 : 4;
	else if (d->rex_w || (info->attributes & ATTRIBUTE_F))
		d->operand_size = 8;
	else if (other)
		d->operand_size = 2;
	else
		d->operand_size = info->attributes & ATTRIBUTE_D ? 8 : 4;
}

/* Does the row take these VEX.W and VEX.L? */
static bool fits(const struct decoded *d, const struct op_info *info)
{
	if (((info->attributes & ATTRIBUTE_W0) && d->rex_w) ||
	    ((info->attributes & ATTRIBUTE_W1) && !d->rex_w))
		return false;
	switch (info->kind) {
	case KIND_X1: case KIND_V1: case KIND_VG: return !d->vex_l;
	case KIND_V2: return d->vex_l;
	default: return true;
	}
}

/* It needs a SIB byte; destination, indexes and mask are different registers. */
static bool bad_gather(const struct decoded *d)
{
	unsigned mask = d->bits == 64 ? d->vvvv : d->vvvv & 7u;

	return (d->rm & 7) != 4 || d->address_size == 2 || d->reg == mask || d->reg == d->index ||
	       d->index == mask;
}

/* Does the row exist in this mode and with these VEX fields? */
static bool exists(const struct decoded *d, const struct op_info *info, uint64_t features)
{
	bool uses_vvvv = false;

	if ((op_features(info) & ~features) ||
	    (info->attributes & (d->bits == 64 ? ATTRIBUTE_I : ATTRIBUTE_Q)))
		return false;
	if (!d->vex)
		return true;
	for (unsigned n = 0; n < 4; n++)
		if (info->operand[n] == OPERAND_Hx || info->operand[n] == OPERAND_Hdq ||
		    info->operand[n] == OPERAND_By)
			uses_vvvv = true;
	if ((!uses_vvvv && d->vvvv) || !fits(d, info))
		return false;
	if (info->kind != KIND_VG && !(features & FEAT_AVX))
		return false;
	return info->kind != KIND_XW || !d->vex_l || (features & FEAT_AVX2);
}

static enum decode_status finish(struct cursor *c, struct decoded *d, unsigned limit)
{
	if (c->short_of)
		return limit == 15 ? DECODE_TOO_LONG : DECODE_MORE;
	d->length = (uint8_t)c->position;
	return DECODE_OK;
}

/* No such register: by the row's operands. */
static bool bad_register(const struct decoded *d)
{
	switch (d->op) {
	case OP_MOV_Ew_Sw:
		return (d->reg & 7) > SEG_GS;
	case OP_MOV_Sw_Ew:              /* CS is no destination; before any fault of the other operand */
		return (d->reg & 7) > SEG_GS || (d->reg & 7) == SEG_CS;
	default:
		return false;
	}
}

/* F2h and F3h make other instructions of these, or none. */
static bool bad_repeat(const struct decoded *d)
{
	return d->rep && (d->op == OP_MOVBE_Gv_Mv || d->op == OP_MOVBE_Mv_Gv || d->op == OP_RDRAND_Rv ||
			  d->op == OP_RDSEED_Rv);
}

enum decode_status decode(const uint8_t *bytes, unsigned available, unsigned bits, uint64_t ip,
			  uint64_t features, struct decoded *d)
{
	unsigned limit = available < 15 ? available : 15;
	struct cursor c = { .bytes = bytes, .available = limit };
	bool has_modrm = false, relative = false;
	const struct op_info *info;

	memset(d, 0, sizeof *d);
	d->bits = (uint8_t)bits;
	if (!prefixes(&c, d))
		return finish(&c, d, limit);
	find_row(&c, d, features, &has_modrm);
	if (c.short_of)
		return finish(&c, d, limit);
	info = &op_info[d->op];
	if (d->vex && d->op + 1 < OP_COUNT && !fits(d, info) &&
	    encoding_info[info[1].encoding].form == FORM_ALTERNATIVE)
		info = &op_info[++d->op];
	if (!d->op || !exists(d, info, features))
		return DECODE_UD;
	if (bits != 64)
		d->vvvv &= 7;
	set_operand_size(d, info);
	d->base = d->index = REG_ZERO;
	d->segment = SEG_DS;
	d->opcode_reg = (uint8_t)((d->opcode & 7) | d->rex_b << 3);
	for (unsigned n = 0; n < 4; n++)
		if (operand_info[info->operand[n]].modrm && !has_modrm) {
			modrm(&c, d);
			has_modrm = true;
		}
	if (has_modrm && d->modrm < 0xc0 && !(info->attributes & ATTRIBUTE_R)) {
		d->memory = true;
		if (d->address_size == 2)
			address16(&c, d, d->modrm >> 6);
		else
			relative = address32(&c, d, d->modrm >> 6);
	}
	for (unsigned n = 0; n < 4; n++)
		immediate(&c, d, info->operand[n], ip);
	if (d->override != NO_SEGMENT)
		d->segment = d->override;
	if (finish(&c, d, limit) != DECODE_OK)
		return finish(&c, d, limit);
	if (relative) {
		d->displacement += (int64_t)(ip + d->length);
		if (d->address_size == 4)
			d->displacement = (uint32_t)d->displacement;
	}
	if ((info->attributes & ATTRIBUTE_U) && !d->memory)
		return DECODE_UD;
	/* These came with AVX2; their memory forms with AVX. */
	if ((d->op == OP_VBROADCASTSS_Vx_Wss || d->op == OP_VBROADCASTSD_Vx_Wsd) && !d->memory &&
	    !(features & FEAT_AVX2))
		return DECODE_UD;
	if (bad_register(d) || bad_repeat(d) || (is_gather(info) && d->memory && bad_gather(d)))
		return DECODE_UD;
	if (d->lock && (!(info->attributes & ATTRIBUTE_L) || !d->memory))
		return DECODE_UD;
	return DECODE_OK;
}

unsigned decoded_access(const struct decoded *d)
{
	const struct op_info *info = &op_info[d->op];
	unsigned vector = decoded_vector_length(d);
	bool narrow = d->operand_size == 2;

	for (unsigned n = 0; n < 4; n++) {
		unsigned size = operand_info[info->operand[n]].size;

		switch (size) {
		case 0: continue;
		case SIZE_V: return d->operand_size;
		case SIZE_P: return d->operand_size + 2u;
		case SIZE_A: return 2u * d->operand_size;
		case SIZE_ENV: return narrow ? 14 : 28;
		case SIZE_FPU: return narrow ? 94 : 108;
		case SIZE_512: return 512;
		case SIZE_X: return vector;
		case SIZE_HX: return vector / 2;
		case SIZE_QX: return vector / 4;
		case SIZE_OX: return vector / 8;
		case SIZE_Y: return d->operand_size == 8 ? 8 : 4;
		case SIZE_2Y: return d->rex_w && d->bits == 64 ? 16 : 8;
		case SIZE_S: return d->bits == 64 ? 10 : 6;
		case SIZE_XSAVE: return 0;      /* the handler looks */
		default: return size;
		}
	}
	return 0;
}
