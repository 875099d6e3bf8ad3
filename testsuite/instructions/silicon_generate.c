/*
 * Test cases from the rows of opcodes.h: an encoding, and registers, flags and memory in
 * which something interesting is likely to happen.
 */
#include "silicon.h"
#include <string.h>

const struct descriptor ldt[LDT_COUNT] = {
	{ .base = CODE_AT, .limit = 0xffff, .big = true, .contents = 2 },
	{ .base = CODE_AT, .limit = 0xffff, .contents = 2 },
	{ .base = DATA_AT, .limit = DATA_BYTES - 1, .big = true },
	{ .base = DATA_AT, .limit = DATA_BYTES - 1 },
	{ .base = DATA_AT, .limit = 0xfff, .big = true, .contents = 1 },
	{ .base = DATA_AT, .limit = 0xfff, .contents = 1 },
	{ .base = DATA_AT, .limit = DATA_BYTES - 1, .big = true, .read_exec_only = true },
	{ .base = DATA_AT, .limit = DATA_BYTES - 1, .big = true, .contents = 2, .read_exec_only = true },
	{ .base = DATA_AT, .limit = DATA_BYTES - 1, .big = true, .not_present = true },
	{ .base = DATA_AT, .limit = DATA_BYTES - 1, .contents = 3, .not_present = true },
	{ .base = 0, .limit = 0xffffffffu, .pages = true },
	{ .base = DATA_AT + 0x123, .limit = 0xabc },
	{ .empty = true },
	{ .base = DATA_AT - 0x1000, .limit = 0xffff, .big = true },
};

/* Bytes of a memory operand and whether there is a ModRM byte, by operand code. */
static const struct {
	bool modrm;
	uint8_t size;
} operands[OPERAND_COUNT] = {
#define X(code, has_modrm, bytes) { has_modrm, bytes },
	OPERAND_CODES(X)
#undef X
};

uint32_t random32(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(z >> 32 ^ z);
}

static bool chance(struct random *random, uint32_t in_hundred)
{
	return below(random, 100) < in_hundred;
}

const char *skipped_row(enum op op)
{
	const struct op_info *info = &op_info[op];

	if (info->attributes & ATTRIBUTE_Q)
		return "in 64-bit mode only: the flat test (silicon64) has it";
	/* Mandatory prefixes and VEX: nothing of segments is in their ways to memory. */
	if (op_is_vector(info) || encoding_info[info->encoding].prefix || encoding_info[info->encoding].map > 1 ||
	    encoding_info[info->encoding].form == FORM_MODRM)
		return "the flat test (silicon64) has it";
	/* They would do what the registers say. */
	if (!strncmp(op_name(info), "SYS", 3))
		return "enters the host's kernel, or is not there under a 64-bit kernel (AMD): test_system_control";
	switch (op) {
	case OP_FXSAVE: case OP_FXRSTOR: case OP_FLDENV: case OP_FNSTENV: case OP_FRSTOR: case OP_FNSAVE:
		return "x87 state, with pointers that AMD's keep otherwise: test_fpu_instructions has it";
	case OP_SLDT_Ew: case OP_STR_Ew: case OP_SGDT_Ms: case OP_SIDT_Ms: case OP_SMSW_Ew:
		return "the host kernel's tables, or emulated by it (UMIP): test_system_control, test_system_segments";
	case OP_CPUID:
		return "answers with the host's model: test_system_control";
	case OP_RDTSC: case OP_RDPMC:
		return "answers with the host's counters: test_system_control";
	case OP_RDRAND_Rv: case OP_RDSEED_Rv:
		return "random: silicon64 has its form";
	case OP_INT1:
		return "virtual machines report it in several ways: test_system_interrupts";
	default:
		return NULL;
	}
}

/* ---- Classes of rows ---- */

static bool has_operand(enum op op, unsigned first, unsigned last)
{
	for (unsigned n = 0; n < 3; n++)
		if (op_info[op].operand[n] >= first && op_info[op].operand[n] <= last)
			return true;
	return false;
}

static bool is_string(enum op op)
{
	return has_operand(op, OPERAND_Xb, OPERAND_Yv);
}

static bool is_loop(enum op op)
{
	return op == OP_LOOPNE_Jb || op == OP_LOOPE_Jb || op == OP_LOOP_Jb || op == OP_JCXZ_Jb;
}

/* Takes a selector from its E operand. */
static bool takes_selector(enum op op)
{
	return op == OP_MOV_Sw_Ew || op == OP_VERR_Ew || op == OP_VERW_Ew || op == OP_LAR_Gv_Ew ||
	       op == OP_LSL_Gv_Ew || op == OP_ARPL_Ew_Gw;
}

static bool pops_segment(enum op op)
{
	return op == OP_POP_ES || op == OP_POP_SS || op == OP_POP_DS || op == OP_POP_FS || op == OP_POP_GS;
}

static bool far_return_op(enum op op)
{
	return op == OP_RETF || op == OP_RETF_Iw || op == OP_IRET;
}

static bool divides(enum op op)
{
	return op == OP_DIV_Eb || op == OP_IDIV_Eb || op == OP_DIV_Ev || op == OP_IDIV_Ev;
}

static bool is_bit_test(enum op op)
{
	return op == OP_BT_Ev_Gv || op == OP_BTS_Ev_Gv || op == OP_BTR_Ev_Gv || op == OP_BTC_Ev_Gv;
}

/* ---- Values ---- */

static uint32_t edge_value(struct random *random)
{
	static const uint32_t edges[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff,
		0x10000, 0x7fffffff, 0x80000000u, 0xffffffffu, 0xfffffffeu, 0xffffff80u, 0xffff8000u,
		0x55555555, 0xaaaaaaaau, 0x0f0f0f0f, 0x99999999u, 0x80808080u };

	switch (below(random, 4)) {
	case 0: return edges[below(random, sizeof edges / sizeof *edges)];
	case 1: return below(random, 64);
	case 2: return edges[below(random, sizeof edges / sizeof *edges)] + below(random, 5) - 2;
	default: return random32(random);
	}
}

static uint16_t some_selector(struct random *random, bool code)
{
	static const uint16_t data[] = { 0, 1, 3, FLAT_DATA, FLAT_DATA, LDT_DATA32, LDT_DATA16, LDT_DOWN32,
		LDT_DOWN16, LDT_READ_ONLY, LDT_FLAT16, LDT_ODD, LDT_BIG, LDT_CODE32, LDT_CODE16,
		LDT_EXECUTE_ONLY, LDT_NOT_PRESENT, LDT_CONFORMING, LDT_EMPTY, FLAT_CODE,
		0x10, 0x13, 0x18, 0x1b, FLAT_DATA - 1, FLAT_DATA - 3, LDT_DATA32 - 1, LDT_DATA16 - 3,
		LDT_COUNT * 8 + 7, 0x87, 0x83, 0xffff, 0xfffc };
	static const uint16_t codes[] = { FLAT_CODE, FLAT_CODE, LDT_CODE32, LDT_CODE32, LDT_CODE16,
		LDT_CODE16, LDT_EXECUTE_ONLY };

	if (code && chance(random, 70))
		return codes[below(random, sizeof codes / sizeof *codes)];
	return data[below(random, sizeof data / sizeof *data)];
}

/* A linear address where size bytes are, or nearly are, or are not, accessible. */
static uint32_t some_target(struct random *random, bool aligned, bool far_out)
{
	static const uint32_t borders[] = { DATA_AT, DATA_AT + DATA_BYTES,
		DATA_AT + DATA_BYTES + READ_ONLY_BYTES, DATA_AT + 0x1000, DATA_AT + 0x2000,
		DATA_AT + 0x123, DATA_AT + 0x123 + 0xabd };

	if (aligned)
		return DATA_AT + 8 * below(random, DATA_BYTES / 8 + (far_out ? 0x200 : 0));
	switch (below(random, far_out ? 12 : 6)) {
	case 0: case 1: case 2:
		return DATA_AT + 4 * below(random, DATA_BYTES / 4);
	case 3: case 4: case 5: case 6: case 7:
		return DATA_AT + below(random, DATA_BYTES - 16);
	case 8: case 9: case 10:
		return borders[below(random, sizeof borders / sizeof *borders)] - 16 + below(random, 20);
	default:
		return DATA_AT + DATA_BYTES + below(random, READ_ONLY_BYTES);
	}
}

/* ---- One case ---- */

struct build {
	struct random *random;
	struct test_case *c;
	void (*poke)(uint32_t linear, const void *bytes, unsigned count);
	bool with_ldt;
	unsigned segment;               /* of the memory operand */
	bool sequence;                  /* registers will have changed: absolute addresses, no locks */
};

static void emit(struct build *b, uint32_t value, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		b->c->bytes[b->c->length++] = (uint8_t)(value >> 8 * n);
}

uint32_t segment_base(uint16_t selector)
{
	return (selector & 4) && selector >> 3 < LDT_COUNT ? ldt[selector >> 3].base : 0;
}

bool segment_big(uint16_t selector)
{
	return !(selector & 4) || selector >> 3 >= LDT_COUNT || ldt[selector >> 3].big;
}

static uint32_t offset_in(const struct build *b, unsigned segment, uint32_t linear)
{
	return linear - segment_base(b->c->before.segment[segment]);
}

/* Writes what of these bytes is in DATA; both sides change. */
static void poke_data(const struct build *b, uint32_t linear, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t n = 0; n < count; n++)
		if (linear + n - DATA_AT < DATA_BYTES) {
			uint32_t most = DATA_AT + DATA_BYTES - (linear + n);

			b->poke(linear + n, bytes + n, count - n < most ? count - n : most);
			break;
		}
}

static void poke_values(const struct build *b, uint32_t linear, const uint32_t *values, unsigned count,
			unsigned width)
{
	uint8_t bytes[64];

	for (unsigned n = 0; n < count * width; n++)
		bytes[n] = (uint8_t)(values[n / width] >> 8 * (n % width));
	poke_data(b, linear, bytes, count * width);
}

static void choose_segments(struct build *b)
{
	static const uint16_t stacks[] = { LDT_DATA32, LDT_DATA16, LDT_DOWN32, LDT_DOWN16, LDT_FLAT16,
					   LDT_BIG, LDT_DATA16 };
	static const uint16_t others[] = { LDT_DATA32, LDT_DATA16, LDT_DOWN32, LDT_DOWN16, LDT_READ_ONLY,
		LDT_FLAT16, LDT_ODD, LDT_BIG, LDT_BIG, LDT_DATA16, LDT_CODE16, FLAT_DATA, FLAT_DATA };
	uint16_t *segment = b->c->before.segment;

	for (unsigned n = 0; n < 6; n++)
		segment[n] = FLAT_DATA;
	segment[SEG_CS] = FLAT_CODE;
	b->c->code_bits = 32;
	if (!b->with_ldt)
		return;
	segment[SEG_FS] = LDT_BIG;
	segment[SEG_GS] = LDT_DATA16;
	if (chance(b->random, 40))
		return;
	segment[SEG_CS] = chance(b->random, 60) ? LDT_CODE16
					       : chance(b->random, 50) ? LDT_CODE32 : FLAT_CODE;
	if (segment[SEG_CS] == LDT_CODE16)
		b->c->code_bits = 16;
	if (chance(b->random, 80))
		segment[SEG_SS] = stacks[below(b->random, sizeof stacks / sizeof *stacks)];
	for (unsigned n = 0; n < 6; n++)
		if (n != SEG_CS && n != SEG_SS && chance(b->random, 85)) {
			segment[n] = others[below(b->random, sizeof others / sizeof *others)];
			if (chance(b->random, 3))
				segment[n] = (uint16_t)below(b->random, 4);
		}
}

static bool stack_is_16_bit(const struct build *b)
{
	return !segment_big(b->c->before.segment[SEG_SS]);
}

static void choose_registers(struct build *b)
{
	struct random *random = b->random;
	struct state *s = &b->c->before;

	for (unsigned n = 0; n < 8; n++) {
		s->reg[n] = edge_value(random);
		if (chance(random, n < 4 ? 10 : 60))
			s->reg[n] = offset_in(b, n == REG_BP ? SEG_SS : SEG_DS,
					      some_target(random, false, true));
	}
	if (chance(random, 50))
		s->reg[REG_CX] = below(random, 40);
	s->reg[REG_SP] = offset_in(b, SEG_SS, some_target(random, chance(random, 60), chance(random, 30)));
	s->eflags = FLAG_1 | FLAG_IF | (random32(random) & (FLAGS_ARITHMETIC | FLAG_DF));
	if (chance(random, 10))
		s->eflags |= FLAG_ID;
	if (chance(random, 8))
		s->eflags |= FLAG_AC;
}

/* ModRM, SIB and displacement of a memory operand, and what the registers must be to reach target. */
static void memory_operand(struct build *b, unsigned reg_field, uint32_t target)
{
	static const uint8_t bases[8] = { REG_BX, REG_BX, REG_BP, REG_BP, REG_SI, REG_DI, REG_BP, REG_BX };
	static const uint8_t indexes[8] = { REG_SI, REG_DI, REG_SI, REG_DI, REG_ZERO, REG_ZERO,
					    REG_ZERO, REG_ZERO };
	struct random *random = b->random;
	struct state *s = &b->c->before;
	unsigned mod = below(random, 3), rm = below(random, 8), base = rm, index = REG_ZERO, scale = 0;
	unsigned bytes = 0, wide = b->c->address_size, sib = 0;
	uint32_t mask = wide == 2 ? 0xffff : 0xffffffffu, sum, displacement = 0;
	bool has_sib = false, reach = chance(random, 95), absolute = false;

	if (b->sequence && chance(random, 75)) {
		mod = 0;
		rm = base = wide == 2 ? 6 : 5;
	}

	if (wide == 2) {
		base = bases[rm];
		index = indexes[rm];
		absolute = mod == 0 && rm == 6;
	} else if (rm == 4) {
		has_sib = true;
		sib = below(random, 256);
		base = sib & 7;
		index = (sib >> 3 & 7) == 4 ? REG_ZERO : sib >> 3 & 7;
		scale = sib >> 6;
		absolute = mod == 0 && base == 5;
	} else {
		absolute = mod == 0 && rm == 5;
	}
	if (absolute)
		base = REG_ZERO;
	if (b->segment == SEG_COUNT)
		b->segment = base == REG_BP || (wide == 4 && base == REG_SP) ? SEG_SS : SEG_DS;
	target = offset_in(b, b->segment, target);
	if (mod == 2 || absolute)
		bytes = wide;
	else if (mod == 1)
		bytes = 1;
	if (bytes == 1)
		displacement = (uint32_t)(int32_t)(int8_t)random32(random);
	sum = displacement;
	if (base != REG_ZERO)
		sum += s->reg[base];
	if (index != REG_ZERO)
		sum += s->reg[index] << scale;
	if (bytes == wide) {
		displacement = reach ? target - sum : edge_value(random);
	} else if (reach && base != index) {
		uint32_t value = s->reg[base] + target - sum;

		s->reg[base] = (s->reg[base] & ~mask) | (value & mask);
	}
	emit(b, mod << 6 | reg_field << 3 | rm, 1);
	if (has_sib)
		emit(b, sib, 1);
	emit(b, displacement, bytes);
	/* Where it is now, for what must be put there. */
	sum = displacement;
	if (base != REG_ZERO)
		sum += s->reg[base];
	if (index != REG_ZERO)
		sum += s->reg[index] << scale;
	b->c->target = segment_base(s->segment[b->segment]) + (sum & mask);
	b->c->memory = true;
}

static void prefixes(struct build *b)
{
	static const uint8_t overrides[6] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	struct random *random = b->random;
	struct test_case *c = b->c;
	const struct op_info *info = &op_info[c->op];
	uint8_t list[8];
	unsigned count = 0;

	c->operand_size = c->address_size = c->code_bits / 8;
	b->segment = SEG_COUNT;
	if (chance(random, 25)) {
		list[count++] = 0x66;
		c->operand_size = 6 - c->operand_size;
	}
	if (chance(random, c->memory || is_string(c->op) || is_loop(c->op) ? 20 : 3)) {
		list[count++] = 0x67;
		c->address_size = 6 - c->address_size;
	}
	if (chance(random, c->memory || is_string(c->op) ? 20 : 3) ||
	    (c->address_size == 2 && c->code_bits == 32 && c->memory && chance(random, 70))) {
		b->segment = c->address_size == 2 && chance(random, 60) ? SEG_FS + below(random, 2)
									: below(random, 6);
		list[count++] = overrides[b->segment];
	}
	c->lock = !b->sequence && chance(random, (info->attributes & ATTRIBUTE_L) && c->memory ? 12 : 1) &&
		  !has_operand(c->op, OPERAND_Cd, OPERAND_Cd);  /* on AMD's: CR8 */
	if (c->lock)
		list[count++] = 0xf0;
	c->rep = is_string(c->op) && chance(random, 50);
	if (c->rep)
		list[count++] = chance(random, 50) ? 0xf2 : 0xf3;
	while (count) {
		unsigned which = below(random, count);

		emit(b, list[which], 1);
		list[which] = list[--count];
	}
}

static void immediate(struct build *b, unsigned operand)
{
	struct test_case *c = b->c;
	unsigned z = c->operand_size;

	switch (operand) {
	case OPERAND_Ib:
		if (c->op == OP_INT_Ib) {
			uint32_t vector = below(b->random, 256);

			emit(b, vector == 0x80 ? 4 : vector, 1);        /* 80h: Linux's system calls */
		} else {
			emit(b, edge_value(b->random), 1);
		}
		break;
	case OPERAND_sIb: case OPERAND_Jb:
		emit(b, edge_value(b->random), 1);
		break;
	case OPERAND_Iw:
		emit(b, chance(b->random, 50) ? below(b->random, 256) : edge_value(b->random), 2);
		break;
	case OPERAND_Iz: case OPERAND_Iv:
		emit(b, edge_value(b->random), z);
		break;
	case OPERAND_Jz:
		emit(b, chance(b->random, 70) ? below(b->random, 0x1000) - 0x800 : edge_value(b->random),
		     z);
		break;
	case OPERAND_Ap:
		emit(b, chance(b->random, 50) ? below(b->random, 0x10000) : edge_value(b->random), z);
		emit(b, some_selector(b->random, true), 2);
		break;
	case OPERAND_Ob: case OPERAND_Ov:
		if (b->segment == SEG_COUNT)
			b->segment = SEG_DS;
		c->target = some_target(b->random, false, true);
		emit(b, offset_in(b, b->segment, c->target), c->address_size);
		break;
	default:
		break;
	}
}

/* Registers that say where, for operands that are not in ModRM. */
static void implied_operands(struct build *b)
{
	struct random *random = b->random;
	struct state *s = &b->c->before;
	uint32_t keep = b->c->address_size == 2 ? 0xffff0000u : 0;
	unsigned source = b->segment == SEG_COUNT ? SEG_DS : b->segment;

	if (is_string(b->c->op)) {
		uint32_t si = offset_in(b, source, some_target(random, false, true));
		uint32_t di = offset_in(b, SEG_ES, some_target(random, false, true));

		if (chance(random, 95))
			s->reg[REG_SI] = (s->reg[REG_SI] & keep) | (si & ~keep);
		if (chance(random, 95))
			s->reg[REG_DI] = (s->reg[REG_DI] & keep) | (di & ~keep);
		/* Long runs of equal bytes now and then, so that comparing goes on. */
		if (b->c->rep && chance(random, 60)) {
			static const uint8_t zero[32];

			poke_data(b, segment_base(s->segment[source]) + si - 8, zero,
				  16 + below(random, 16));
			poke_data(b, segment_base(s->segment[SEG_ES]) + di - 8, zero,
				  16 + below(random, 16));
			if (chance(random, 50))
				s->reg[REG_AX] = 0;
		}
	} else if (b->c->op == OP_XLAT) {
		uint32_t bx = offset_in(b, source, some_target(random, false, true)) -
			      (s->reg[REG_AX] & 0xff);

		s->reg[REG_BX] = (s->reg[REG_BX] & keep) | (bx & ~keep);
	} else if (is_bit_test(b->c->op) && chance(random, 70)) {
		unsigned offset = b->c->bytes[b->c->modrm] >> 3 & 7;

		if (offset != REG_SP)
			s->reg[offset] &= 0xff;
	}
	/* With a count of 0 it is the processor's choice whether permission is looked at. */
	if (b->c->rep && has_operand(b->c->op, OPERAND_DX, OPERAND_DX))
		s->reg[REG_CX] |= 1;
	if (is_loop(b->c->op) && chance(random, 30))
		s->reg[REG_CX] = (s->reg[REG_CX] & 0xffff0000u) | below(random, 3);
	if (divides(b->c->op) && chance(random, 60)) {
		s->reg[REG_DX] = chance(random, 50) ? 0 : below(random, 4) - 2;
		if (chance(random, 50))
			s->reg[REG_AX] &= 0xffff00ff;
	}
}

static void fill_memory(struct build *b)
{
	struct random *random = b->random;
	struct test_case *c = b->c;
	uint32_t values[8], stack = segment_base(c->before.segment[SEG_SS]);
	unsigned width = c->operand_size;

	for (unsigned n = 0; n < 8; n++)
		values[n] = edge_value(random);
	if (c->memory && chance(random, 90)) {
		bool far = has_operand(c->op, OPERAND_Mp, OPERAND_Mp);

		if (takes_selector(c->op))
			values[0] = some_selector(random, false);
		if (far)
			values[1] = some_selector(random, c->op == OP_CALL_Mp || c->op == OP_JMP_Mp);
		if ((far || c->op == OP_JMP_Ev || c->op == OP_CALL_Ev) && chance(random, 60))
			values[0] = below(random, 0x10000);
		poke_values(b, c->target, values, 4, far ? width : 4);
	}
	if (c->memory && is_x87(c->op)) {
		uint8_t bytes[16];

		x87_operand(random, c->op, bytes);
		poke_data(b, c->target, bytes, sizeof bytes);
	} else if (chance(random, 90)) {
		for (unsigned n = 0; n < 8; n++)
			values[n] = edge_value(random);
		if (pops_segment(c->op))
			values[0] = some_selector(random, false);
		if (far_return_op(c->op)) {
			values[0] = chance(random, 70) ? below(random, 0x10000) : edge_value(random);
			values[1] = some_selector(random, true);
			values[2] = edge_value(random) & ~(uint32_t)FLAG_NT;
		}
		if ((c->op == OP_RET || c->op == OP_RET_Iw) && chance(random, 70))
			values[0] = below(random, 0x10000);
		stack += stack_is_16_bit(b) ? c->before.reg[REG_SP] & 0xffff : c->before.reg[REG_SP];
		poke_values(b, stack, values, 8, width);
	}
}

static void opcode_and_operands(struct build *b, bool modrm, bool memory_form)
{
	struct test_case *c = b->c;
	const struct op_info *info = &op_info[c->op];
	unsigned form = encoding_info[info->encoding].form;
	bool fixed = form == FORM_DIGIT || form == FORM_DIGIT_MEMORY;
	unsigned opcode = info->opcode, reg = below(b->random, 8);

	if (encoding_info[info->encoding].map == 1)
		emit(b, 0x0f, 1);
	if (info->encoding == ENCODING_RG1 || info->encoding == ENCODING_RG2)
		opcode += reg;
	if (info->encoding == ENCODING_RX1)
		opcode += below(b->random, 7);
	emit(b, opcode, 1);
	if (info->encoding == ENCODING_FPR || info->encoding == ENCODING_FP1) {
		emit(b, info->digit + (info->encoding == ENCODING_FPR ? reg : 0u), 1);
		return;
	}
	if (fixed || info->encoding == ENCODING_FPM)
		reg = info->digit;
	else if (has_operand(c->op, OPERAND_Sw, OPERAND_Sw) && chance(b->random, 85))
		reg = below(b->random, 6);
	c->modrm = c->length;
	if (modrm && memory_form) {
		bool locked = c->lock || c->op == OP_XCHG_Eb_Gb || c->op == OP_XCHG_Ev_Gv;

		memory_operand(b, reg, some_target(b->random, locked, true));
	} else if (modrm) {
		unsigned rm = below(b->random, 8);

		emit(b, 0xc0 | reg << 3 | rm, 1);
		if (takes_selector(c->op) && chance(b->random, 90))
			c->before.reg[rm] = (c->before.reg[rm] & 0xffff0000u) |
					    some_selector(b->random, false);
		if ((c->op == OP_JMP_Ev || c->op == OP_CALL_Ev) && chance(b->random, 60))
			c->before.reg[rm] = below(b->random, 0x10000);
	}
	if (c->op == OP_ARPL_Ew_Gw && chance(b->random, 50))
		c->before.reg[reg] = some_selector(b->random, false);
	for (unsigned n = 0; n < 3; n++)
		immediate(b, info->operand[n]);
	if (c->op == OP_ENTER_Iw_Ib && chance(b->random, 70)) {
		c->bytes[c->length - 1] &= 0xe3;        /* mostly low levels, near frames */
		c->before.reg[REG_BP] = offset_in(b, SEG_SS, some_target(b->random, true, false));
	}
}

/*
 * Segments that only the host has: that of 64-bit code (for jumps), and 78h-7Bh, where Linux
 * has one whose limit is the number of the processor.
 */
static bool is_host_only(uint16_t selector, bool code)
{
	return (selector & 0xfffc) == 0x78 || (code && (selector & 0xfffc) == 0x30);
}

/* Is such a selector in one of the places from which this row takes selectors? */
static bool may_load_host_only(const struct build *b)
{
	const struct test_case *c = b->c;
	uint32_t stack = segment_base(c->before.segment[SEG_SS]), at[4];
	bool call = c->op == OP_CALL_Mp || c->op == OP_JMP_Mp;
	unsigned width = c->operand_size, count = 0;

	if (takes_selector(c->op) && !c->memory)
		return is_host_only((uint16_t)c->before.reg[c->bytes[c->modrm] & 7], false);
	stack += stack_is_16_bit(b) ? c->before.reg[REG_SP] & 0xffff : c->before.reg[REG_SP];
	if (takes_selector(c->op))
		at[count++] = c->target;
	if (has_operand(c->op, OPERAND_Mp, OPERAND_Mp))
		at[count++] = c->target + width;
	if (pops_segment(c->op))
		at[count++] = stack;
	if (far_return_op(c->op))
		at[count++] = stack + width;
	while (count--) {
		const uint8_t *bytes = native_data() + (at[count] - DATA_AT);

		if (at[count] - DATA_AT < DATA_BYTES - 1 &&
		    is_host_only((uint16_t)(bytes[0] | bytes[1] << 8), call || far_return_op(c->op)))
			return true;
	}
	return false;
}

/* A locked access must not cross cache lines: the host's kernel may forbid it, or slow it down. */
static bool splits_lock(const struct test_case *c)
{
	bool locked = c->lock || c->op == OP_XCHG_Eb_Gb || c->op == OP_XCHG_Ev_Gv;

	return c->memory && locked && (c->target & 63) > 56;
}

/* Where the code is; after everything else that sets ESP. */
static void place(struct build *b)
{
	struct test_case *c = b->c;

	if (stack_is_16_bit(b))         /* see silicon_native.c */
		c->before.reg[REG_SP] = (c->before.reg[REG_SP] & 0xffff) | (CODE_AT & 0xffff0000u);
	c->code = CODE_AT + (chance(b->random, 10) ? 0xff0 + below(b->random, 16)
						   : 0x400 + CODE_ROOM * below(b->random, 20));
	c->before.eip = offset_in(b, SEG_CS, c->code);
	for (unsigned n = 0; n < 6; n++)
		if (b->sequence || n == (b->segment == SEG_COUNT ? SEG_SS : b->segment))
			c->whole_space |= !(c->before.segment[n] & 4) || c->before.segment[n] == LDT_FLAT16;
}

static bool has_modrm(const struct op_info *info)
{
	unsigned form = encoding_info[info->encoding].form;
	bool modrm = form == FORM_DIGIT || form == FORM_DIGIT_MEMORY || info->encoding == ENCODING_FPM;

	for (unsigned n = 0; n < 3; n++)
		modrm |= operands[info->operand[n]].modrm;
	return modrm;
}

void generate(struct random *random, enum op op, bool with_ldt, struct test_case *c,
	      void (*poke)(uint32_t linear, const void *bytes, unsigned count))
{
	const struct op_info *info = &op_info[op];
	struct build b = { random, c, poke, with_ldt, SEG_COUNT, false };
	bool modrm = has_modrm(info), memory_form;

	do {
		memset(c, 0, sizeof *c);
		memset(c->bytes, 0xcc, sizeof c->bytes);
		c->op = op;
		c->instructions = 1;
		c->x87 = is_x87(op);
		if (c->x87)
			x87_random(random, &c->before.fpu);
		memory_form = modrm && !(info->attributes & ATTRIBUTE_R) && chance(random, 65);
		/* Register forms of these are other instructions. */
		if (op == OP_NOP_PREFETCH /* #UD on AMD's */ || info->encoding == ENCODING_FPM)
			memory_form = true;
		if ((info->attributes & ATTRIBUTE_U) && (op == OP_BOUND_Gv_Ma || op == OP_LES_Gv_Mp ||
		    op == OP_LDS_Gv_Mp || info->encoding == ENCODING_GM2 || chance(random, 95)))
			memory_form = modrm;
		c->memory = memory_form;
		choose_segments(&b);
		choose_registers(&b);
		prefixes(&b);
		opcode_and_operands(&b, modrm, memory_form);
		implied_operands(&b);
	} while (splits_lock(c));
	place(&b);
	/* Where a trap would come too early, too late or be seen. */
	c->trap_after = !c->rep && op != OP_PUSHF_Fv && op != OP_POPF_Fv && op != OP_MOV_Sw_Ew &&
			op != OP_POP_SS && op != OP_INT1;
	fill_memory(&b);
	c->host_only = may_load_host_only(&b);
}

void return_frame(const struct test_case *c, uint64_t frame[5])
{
	frame[0] = c->before.eip;
	frame[1] = c->before.segment[SEG_CS];
	frame[2] = c->before.eflags | (c->trap_after ? FLAG_TF : 0u);
	frame[3] = c->before.reg[REG_SP];
	frame[4] = c->before.segment[SEG_SS];
}

/* ---- Sequences ---- */

static bool is_condition(enum op op)
{
	return (op >= OP_JO_Jb && op <= OP_JNLE_Jb) || (op >= OP_JO_Jz && op <= OP_JNLE_Jz);
}

static bool fits_sequence(enum op op, bool x87)
{
	const struct op_info *info = &op_info[op];

	if (is_x87(op) && (!x87 || is_transcendental(op) || has_operand(op, OPERAND_Mt, OPERAND_Mt)))
		return false;
	if (skipped_row(op) || (info->attributes & ATTRIBUTE_X) || takes_selector(op) || divides(op))
		return false;
	if (is_string(op) || has_operand(op, OPERAND_ES, OPERAND_GS) ||
	    has_operand(op, OPERAND_Sw, OPERAND_Dd))
		return false;
	switch (op) {
	case OP_ENTER_Iw_Ib: case OP_LEAVE: case OP_POPA: case OP_BOUND_Gv_Ma: case OP_XLAT: case OP_RDMSR:
	case OP_LOOP_Jb: case OP_LOOPE_Jb: case OP_LOOPNE_Jb: case OP_JCXZ_Jb: case OP_AAM_Ib:
	case OP_POP_Ev:
	case OP_XCHG_Eb_Gb: case OP_XCHG_Ev_Gv:         /* locked */
	case OP_NOP_PREFETCH:
	case OP_BSWAP_Zv:                               /* 16 bits: undefined result */
	case OP_SHLD_Ev_Gv_Ib: case OP_SHLD_Ev_Gv_CL: case OP_SHRD_Ev_Gv_Ib: case OP_SHRD_Ev_Gv_CL:
		return false;
	default:
		return true;
	}
}

static void conditional_jump(struct build *b, bool last)
{
	unsigned distance = last ? below(b->random, 8) : 0, condition = b->c->op;

	condition = op_info[condition].opcode & 15;
	if (chance(b->random, 70)) {
		emit(b, 0x70 | condition, 1);
		emit(b, distance, 1);
	} else {
		emit(b, 0x0f, 1);
		emit(b, 0x80 | condition, 1);
		emit(b, distance, b->c->code_bits / 8);
	}
}

void generate_sequence(struct random *random, bool with_ldt, struct test_case *c,
		       void (*poke)(uint32_t linear, const void *bytes, unsigned count))
{
	struct build b = { random, c, poke, with_ldt, SEG_COUNT, true };
	unsigned wanted = 2 + below(random, 7);

	memset(c, 0, sizeof *c);
	memset(c->bytes, 0xcc, sizeof c->bytes);
	choose_segments(&b);
	choose_registers(&b);
	c->x87 = chance(random, 40);
	if (c->x87)
		x87_random(random, &c->before.fpu);
	while (c->instructions < wanted) {
		bool last = ++c->instructions == wanted;
		const struct op_info *info;

		do {
			info = NULL;
			c->op = 1 + below(random, OP_COUNT - 1);
			if (chance(random, last ? 60 : 8))
				c->op = OP_JO_Jb + below(random, 16);
			else if (c->x87 && !is_x87(c->op) && chance(random, 70))
				continue;
			info = &op_info[c->op];
		} while (!info || !fits_sequence(c->op, c->x87) || (info->flags_read & c->undefined));
		c->undefined = (c->undefined & ~(uint32_t)info->flags_set) | info->flags_undefined;
		c->undefined_within |= info->flags_undefined;
		if (is_condition(c->op)) {
			conditional_jump(&b, last);
			continue;
		}
		c->memory = has_modrm(info) && ((info->attributes & ATTRIBUTE_U) || chance(random, 35) ||
						info->encoding == ENCODING_FPM);
		prefixes(&b);
		opcode_and_operands(&b, has_modrm(info), c->memory);
		fill_memory(&b);
	}
	c->op = OP_INVALID;
	c->rep = c->lock = false;
	place(&b);
}
