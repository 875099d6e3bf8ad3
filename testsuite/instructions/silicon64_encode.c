/*
 * Cases for the flat test: addresses, and how an instruction with its prefixes, REX or VEX, operands
 * and immediates becomes bytes.
 */
#include "silicon64_build.h"

static const struct {
	bool modrm;
	uint8_t size;
} operands[OPERAND_COUNT] = {
#define X(code, has_modrm, bytes) { has_modrm, bytes },
	OPERAND_CODES(X)
#undef X
};

bool needs_modrm(unsigned operand)
{
	return operands[operand].modrm;
}

/* ---- Addresses ---- */

uint64_t data_offset(uint64_t linear)
{
	if (linear - HIGH - DATA_AT < DATA_BYTES)
		return linear - HIGH - DATA_AT;
	return linear - DATA_AT;
}

void poke_data(const struct build *b, uint64_t linear, const uint8_t *bytes, unsigned count)
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

/* The last byte of the segment, or the first one. */
static uint64_t segment_edge(const struct build *b)
{
	const struct descriptor *d = &ldt64[b->c->before.segment[b->segment] >> 3];

	return d->base + (d->contents == 1 || chance(b->random, 80) ? d->limit : 0u);
}

uint64_t some_target(const struct build *b, unsigned count, unsigned aligned)
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
	else if (which < 25 && !b->c->wide && segment_base64(b))
		return segment_edge(b) - below(random, 2 * count + 1) + 1;
	else if (which < 13 && b->c->wide)
		return far[below(random, sizeof far / sizeof *far)] + below(random, 64) - 32;
	return b->high + DATA_AT + at;
}

unsigned alignment_wish(const struct build *b)
{
	if (named(b->info, "SHA1") || named(b->info, "SHA256"))
		return 100;                     /* AMD's take any address */
	if ((b->info->attributes & (ATTRIBUTE_A | ATTRIBUTE_AA)) || is_state_op(b->c->op))
		return 85;
	return b->c->lock ? 100 : 50;
}

/* Bytes that the row's memory operand has. */
unsigned access_bytes(const struct build *b)
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
		case SIZE_ENV: return c->operand_size == 2 ? 14 : 28;
		case SIZE_FPU: return c->operand_size == 2 ? 94 : 108;
		case SIZE_512: return 512;
		case SIZE_X: return vector;
		case SIZE_HX: return vector / 2;
		case SIZE_QX: return vector / 4;
		case SIZE_OX: return vector / 8;
		case SIZE_Y: return c->operand_size == 8 ? 8 : 4;
		case SIZE_2Y: return c->operand_size == 8 ? 16 : 8;
		case SIZE_S: return 10;
		case SIZE_XSAVE: return STATE_BYTES;
		default: return size;
		}
	}
	return 0;
}

uint64_t segment_base64(const struct build *b)
{
	if (!b->c->wide) {
		uint16_t selector = b->segment < SEG_LDTR ? b->c->before.segment[b->segment] : 0;

		return selector & 4 ? ldt64[selector >> 3].base : 0;
	}
	return b->segment == SEG_FS ? b->c->before.fs_base : b->segment == SEG_GS ? b->c->before.gs_base : 0;
}

/* 16-bit addresses reach something in segments of the LDT only. */
static void memory16(struct build *b, uint64_t target)
{
	static const uint8_t bases[8] = { REG_BX, REG_BX, REG_BP, REG_BP, REG_SI, REG_DI, REG_BP, REG_BX };
	unsigned mod = below(b->random, 3), rm = below(b->random, 8), index = rm & 1 ? REG_DI : REG_SI;
	uint64_t *reg = b->c->before.reg, *base = &reg[bases[rm]];
	bool absolute = mod == 0 && rm == 6;

	b->modrm = mod << 6 | (b->reg & 7) << 3 | rm;
	b->displacement_bytes = absolute ? 2 : mod;
	if (b->displacement_bytes)
		b->displacement = (uint64_t)(int64_t)(int8_t)edge64(b->random);
	b->sum = target - segment_base64(b);
	if (absolute)
		b->displacement = b->sum;
	else
		*base = (*base & ~0xffffull) |
			((b->sum - b->displacement - (rm < 4 ? reg[index] : 0)) & 0xffff);
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
	unsigned registers = b->c->wide ? 16 : 8, mod = below(random, 3), base = below(random, registers);
	unsigned index, scale = below(random, 4), bits = has(b->info, OPERAND_VM64x, OPERAND_VM64x) ? 64 : 32;
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
void memory_operand(struct build *b, uint64_t target)
{
	enum { NONE = 16 };
	struct random *random = b->random;
	struct state64 *s = &b->c->before;
	unsigned mod = below(random, 3), registers = b->c->wide ? 16 : 8, rm = below(random, registers);
	unsigned base = rm, index = NONE, scale = 0;
	uint64_t mask = b->c->address_size == 8 ? UINT64_MAX : 0xffffffff, rest;
	bool absolute;

	if (b->c->address_size == 2) {
		memory16(b, target);
		return;
	}
	if (is_gather(b->info)) {
		gather_operand(b, target);
		return;
	}
	/* Registers will have changed: without any. */
	if (b->sequence && chance(random, 85)) {
		mod = 0;
		rm = base = REG_BP;
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
	b->sum = b->displacement + (base == NONE ? 0 : s->reg[base]) +
		 (index == NONE ? 0 : s->reg[index] << scale);
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
	if (c->address_size != c->bits / 8)
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

void emit_all(struct build *b)
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
		c->target = b->sum & (c->address_size == 8 ? UINT64_MAX : c->address_size == 4 ? 0xffffffff : 0xffff);
		c->target += segment_base64(b);
		if (!c->wide)
			c->target &= 0xffffffff;
	}
}

static void add_immediate(struct build *b, uint64_t value, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		b->immediate[b->immediate_bytes++] = (uint8_t)(value >> 8 * n);
}

void immediate(struct build *b, unsigned operand)
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
