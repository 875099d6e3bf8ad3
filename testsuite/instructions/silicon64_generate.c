/*
 * Cases for the flat test, from the rows of the table: which form of the row, and the registers and
 * memory that it meets; single instructions, and some one after the other.
 */
#include "silicon64_build.h"

const struct descriptor ldt64[LDT64_COUNT] = {
	{ .base = CODE_AT, .limit = 0xffff, .contents = 2 },
	{ .base = DATA_AT, .limit = DATA_BYTES - 1, .big = true },
	{ .base = DATA_AT + 0x123, .limit = 0xabc },
	{ .base = DATA_AT, .limit = 0xfff, .big = true, .contents = 1 },
	{ .base = DATA_AT, .limit = 0xfff, .contents = 1 },
	{ .base = DATA_AT, .limit = DATA_BYTES - 1, .big = true, .read_exec_only = true },
	{ .base = DATA_AT - 0x1000, .limit = 0xffff, .big = true, .contents = 2 },
};
bool with_ldt64;

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
		{ "SLDT", "UMIP: answered by the host's kernel: test_system_segments" },
		{ "STR_", "UMIP: answered by the host's kernel: test_system_segments" },
		{ "SGDT", "UMIP: answered by the host's kernel: test_system_control" },
		{ "SIDT", "UMIP: answered by the host's kernel: test_system_control" },
		{ "SMSW", "UMIP: answered by the host's kernel: test_system_control" },
		{ "RDPMC", "the host's counters are its kernel's: test_system_long_control" },
		{ "SYSENTER", "enters the host's kernel: test_system_control" },
		{ "SYSEXIT", "not there under a 64-bit kernel (AMD): test_system_control" },
		{ "SYSCALL", "enters the host's kernel: the boot tests' amd64 systems" },
		{ "INT1", "virtual machines report it in several ways: test_system_interrupts" },
	};
	const struct op_info *info = &op_info[op];

	/* REX, EVEX, MOVSXD, VEX. */
	if (wide && encoding_info[info->encoding].map == 0 && op_has_legacy(info) &&
	    info->encoding != ENCODING_OQ1 &&
	    ((info->opcode & 0xf0) == 0x40 || info->opcode == 0x62 || info->opcode == 0x63 ||
	     (info->opcode & 0xfe) == 0xc4))
		return "another instruction in 64-bit mode";
	if ((info->attributes & ATTRIBUTE_Q) && !wide)
		return "in 64-bit mode only";
	for (unsigned n = 0; n < sizeof rows / sizeof *rows; n++)
		if (named(info, rows[n].name))
			return rows[n].why;
	return NULL;
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
	for (unsigned n = SEG_FS; n <= SEG_GS && with_ldt64 && !b->c->wide; n++)
		if (chance(random, 95))
			s->segment[n] = (uint16_t)LDT_SELECTOR(1 + below(random, LDT64_COUNT - 1));
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
	if (!b->c->x87 || is_state_op(b->c->op))
		return;
	for (unsigned n = 0; n < 8; n++)
		vector_values(random, b->c->op, s->fpu.reg[n], 8);
}

/* Registers that are operands without standing in ModRM. */
static void implied_values(struct build *b)
{
	struct random *random = b->random;
	struct state64 *s = &b->c->before;
	const struct op_info *info = b->info;
	uint64_t mask = b->c->wide ? UINT64_MAX : 0xffffffff;

	if (named(info, "LOOP") || named(info, "JCXZ")) {
		if (chance(random, 40))
			s->reg[REG_CX] = (s->reg[REG_CX] & ~0xffffffffull) | below(random, 3);
	} else if ((named(info, "DIV_E") || named(info, "IDIV_E")) && chance(random, 70)) {
		s->reg[REG_DX] = chance(random, 50) ? 0 : (uint64_t)below(random, 4) - 2;
		s->reg[REG_DX] &= mask;
		if (chance(random, 50))
			s->reg[REG_AX] &= 0xffffffffffff00ff;
	} else if (named(info, "XGETBV")) {
		s->reg[REG_CX] &= ~0xffffffffull;
		s->reg[REG_CX] |= chance(random, 80) ? 0 : 2 + below(random, 9);
	} else if (named(info, "PCMPESTR") || named(info, "VPCMPESTR")) {
		s->reg[REG_AX] = chance(random, 70) ? (uint64_t)below(random, 40) - 20 : edge64(random);
		s->reg[REG_DX] = chance(random, 70) ? (uint64_t)below(random, 40) - 20 : edge64(random);
		s->reg[REG_AX] &= mask;
		s->reg[REG_DX] &= mask;
	}
}

/* Registers that say where, without standing in ModRM. */
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
		/* With a count of 0 it is the processor's choice whether permission is looked at. */
		if (b->c->rep && has(info, OPERAND_DX, OPERAND_DX))
			s->reg[REG_CX] |= 1;
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
	}
}

static void put(uint8_t *bytes, uint64_t value, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		bytes[n] = (uint8_t)(value >> 8 * n);
}

static bool takes_selector(const struct op_info *info)
{
	static const char *const names[] = { "VERR", "VERW", "LAR", "LSL", "ARPL", "MOV_Sw", NULL };

	return is_one_of(info, names);
}

/* Selectors of the GDT that both have; not 78h, where Linux has the number of the processor. */
static uint16_t some_selector(struct random *random)
{
	static const uint16_t selectors[] = { 0, 3, 0x10, 0x18, FLAT_CODE, FLAT_DATA, LONG_CODE, FLAT_DATA - 3,
		FLAT_CODE - 1, LONG_CODE - 2, 0x40, 0x43, 0x60, 0x80, 0x87, 0xffff, 0xfffc, 4, 0x2f };
	uint16_t any = (uint16_t)random32(random);

	if (chance(random, 85))
		return selectors[below(random, sizeof selectors / sizeof *selectors)];
	return (any & 0xfffc) == 0x78 ? 0 : any;
}

/* Somewhere to jump to; it is not gone on from there. */
static uint64_t some_code(const struct build *b)
{
	if (b->c->bits == 16 && chance(b->random, 70))
		return below(b->random, CODE_BYTES);
	if (chance(b->random, 70))
		return b->high + CODE_AT + below(b->random, CODE_BYTES);
	return edge64(b->random) & (b->c->wide ? UINT64_MAX : 0xffffffff);
}

static void fill_memory(struct build *b)
{
	struct random *random = b->random;
	struct case64 *c = b->c;
	const struct op_info *info = b->info;
	uint8_t bytes[64], image[STATE_BYTES];
	bool always = strstr(op_name(info), "LDMXCSR") || takes_selector(info) ||
		      has(info, OPERAND_Mp, OPERAND_Mp);        /* selectors that both have */

	if (is_state_op(c->op)) {
		poke_data(b, c->target, image, state_image(random, c->op, image));
		return;
	}
	if (c->memory && (always || chance(random, 90))) {
		if (op_is_vector(info)) {
			vector_values(random, c->op, bytes, 32);
			if (strstr(op_name(info), "LDMXCSR"))
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
		if (takes_selector(info))
			put(bytes, some_selector(random), 2);
		if (named(info, "JMP_Ev") || named(info, "CALL_Ev"))
			put(bytes, some_code(b), 8);
		if (has(info, OPERAND_Mp, OPERAND_Mp)) {
			bool jump = named(info, "JMP_Mp") || named(info, "CALL_Mp");
			uint16_t selector = !jump ? some_selector(random)
					    : chance(random, 60) ? c->before.cs : (uint16_t)below(random, 8);

			if (jump)
				put(bytes, some_code(b), 8);
			put(bytes + c->operand_size, selector, 2);
			if (c->operand_size == 8 && native64_is_amd())
				put(bytes + 4, selector, 2);    /* the offset has 32 bits */
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
		uint64_t selector = chance(random, 60) ? c->before.cs
						       : chance(random, 50) ? FLAT_CODE : below(random, 8);

		put(bytes + width, selector, 8);
		put(bytes + 2 * width, edge64(random) & ~(uint64_t)(FLAG_TF | FLAG_NT), 8);
		put(bytes + 3 * width, some_target(b, 8, 80), 8);
		put(bytes + 4 * width, chance(random, 80) ? FLAT_DATA : below(random, 8), 8);
	}
	if (named(info, "POP_") && has(info, OPERAND_ES, OPERAND_GS))
		put(bytes, some_selector(random), 2);
	if (named(info, "POPF"))
		bytes[1] &= 0xfe;
	poke_data(b, c->before.reg[REG_SP], bytes, 48);
}

/* ---- Forms ---- */

static void choose_form(struct build *b)
{
	const struct op_info *info = b->info;
	struct random *random = b->random;
	struct case64 *c = b->c;
	unsigned form = b->encoding->form;
	bool x87 = form == FORM_X87, register_only;

	for (unsigned n = 0; n < 4; n++)
		b->has_modrm |= needs_modrm(info->operand[n]);
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
	       !strcmp(op_name(info), "RET") || !strcmp(op_name(info), "RET_Iw");
}

static void choose_sizes(struct build *b)
{
	const struct op_info *info = b->info;
	struct random *random = b->random;
	struct case64 *c = b->c;

	b->rex_w = (c->wide || c->vex) && chance(random, 40);
	/* Outside 64-bit mode W is ignored (SDM), or makes them #UD (AMD). */
	if ((info->attributes & ATTRIBUTE_W0) || (!c->wide && (named(info, "PINSRD") || named(info, "PEXTRD"))))
		b->rex_w = false;
	if (info->attributes & ATTRIBUTE_W1)
		b->rex_w = true;
	if (!c->vex && !c->wide)
		b->rex_w = false;
	/* AMD's obey 66h in near branches of 64-bit mode, and MOVSXD of 16 bits reads 4 bytes there. */
	b->operand16 = !op_is_vector(info) && b->encoding->prefix != 1 && b->encoding->prefix != 2 &&
		       b->encoding->form != FORM_MODRM && chance(random, 25) &&
		       !(c->wide && near_branch(info)) && info->encoding != ENCODING_OQ1;
	/* F2h and F3h win over 66h. */
	if (op_is_vector(info) && !c->vex && b->encoding->prefix >= 3 && chance(random, 3))
		b->operand16 = true;
	c->address_size = c->bits / 8;
	if (c->bits == 16)
		c->address_size = named(info, "SHA") || chance(random, c->memory || is_string(info) ? 88 : 50)
				  ? 4 : 2;
	else if (chance(random, c->wide ? (c->memory || is_string(info) ? 12 : 3) : 2) && !named(info, "SHA"))
		c->address_size /= 2;
	if (op_is_vector(info))
		c->operand_size = b->rex_w && c->wide ? 8 : 4;
	else if (c->wide && ((info->attributes & ATTRIBUTE_F) || b->rex_w))
		c->operand_size = 8;            /* far pointers: 4 on AMD's */
	else if (b->operand16 == (c->bits != 16))
		c->operand_size = 2;
	else
		c->operand_size = c->wide && (info->attributes & ATTRIBUTE_D) ? 8 : 4;
	b->segment = SEG_COUNT;
	if (!(b->sequence && c->wide) && chance(random, c->memory || is_string(info) ? (c->wide ? 15 : 30) : 2))
		b->segment = c->wide ? (chance(random, 70) ? SEG_FS + below(random, 2) : below(random, 6))
				     : chance(random, 60) ? SEG_FS + below(random, 2)
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
	if (takes_selector(info))
		c->before.reg[b->rm] = (c->before.reg[b->rm] & ~0xffffull) | some_selector(random);
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

/* EDX:EAX was changed to reach memory, and asks for components that only the host has. */
static bool asks_for_more(const struct build *b)
{
	const struct state64 *s = &b->c->before;

	return has(b->info, OPERAND_Mxs, OPERAND_Mxs) &&
	       ((uint32_t)s->reg[REG_AX] > 7 || (uint32_t)s->reg[REG_DX]);
}

/* ---- Single instructions ---- */

static void start_case(struct build *b, struct random *random, unsigned bits, struct case64 *c,
		       void (*poke)(uint64_t linear, const void *bytes, unsigned count))
{
	memset(c, 0, sizeof *c);
	memset(b, 0, sizeof *b);
	memset(c->bytes, 0xcc, sizeof c->bytes);
	c->bits = bits;
	c->wide = bits == 64;
	b->random = random;
	b->c = c;
	b->poke = poke;
	b->high = c->wide && chance(random, 60) ? HIGH : 0;
	c->code = b->high + CODE_AT + (chance(random, 8) ? 0xff0 + below(random, 16)
							 : 0x400 + CASE_ROOM * below(random, 40));
	c->before.rip = bits == 16 ? c->code - CODE_AT : c->code;
	c->before.cs = bits == 64 ? LONG_CODE : bits == 32 ? FLAT_CODE : LDT64_CODE16;
	c->before.ss = FLAT_DATA;
	c->before.mxcsr = 0x1f80;
	c->before.fpu.control = 0x37f;
}

static void start_instruction(struct build *b, enum op op)
{
	const struct build old = *b;

	memset(b, 0, sizeof *b);
	b->random = old.random;
	b->c = old.c;
	b->poke = old.poke;
	b->high = old.high;
	b->sequence = old.sequence;
	b->info = &op_info[op];
	b->encoding = &encoding_info[b->info->encoding];
	b->c->op = op;
	b->c->vector = op_is_vector(b->info);
	b->c->x87 = is_x87(op) || has(b->info, OPERAND_Pq, OPERAND_Nq) || is_state_op(op);
}

void generate64(struct random *random, enum op op, unsigned bits, struct case64 *c,
		void (*poke)(uint64_t linear, const void *bytes, unsigned count))
{
	struct build b;

	do {
		start_case(&b, random, bits, c, poke);
		start_instruction(&b, op);
		c->instructions = 1;
		c->flow = is_flow(b.info);
		if (c->x87)
			x87_random(random, &c->before.fpu);
		choose_registers(&b);
		choose_form(&b);
		if (c->vector || is_state_op(op))
			choose_vectors(&b);
		choose_sizes(&b);
		if (has(b.info, OPERAND_Mxs, OPERAND_Mxs))
			state_registers(random, &c->before);
		if (b.high && c->address_size == 4)
			b.high = 0;
		implied_values(&b);
		choose_operands(&b);
		emit_all(&b);
		implied_operands(&b);
	} while (splits_lock(&b) || c->length > 15 || asks_for_more(&b));
	fill_memory(&b);
}

/* ---- Sequences ---- */

static bool is_condition(enum op op)
{
	return (op >= OP_JO_Jb && op <= OP_JNLE_Jb) || (op >= OP_JO_Jz && op <= OP_JNLE_Jz);
}

static bool fits_sequence(enum op op)
{
	static const char *const names[] = { "ENTER", "LEAVE", "POPA", "POP_", "BOUND", "XLAT", "AAM", "DIV", "IDIV",
		"XCHG_E", "BSWAP", "SHLD", "SHRD", "LOOP", "JCXZ", "MASKMOV", "PCMPESTR", "RCP", "RSQRT", "SHA1",
		"SHA256", "INT", "CALL", "JMP", "RET", "IRET", "RD", "NOP_", "UD", "DPP", "INTO", "LDMXCSR", "PUSHF",
		"POPF", "CPUID", "XGETBV", NULL };
	const struct op_info *info = &op_info[op];

	return is_condition(op) ||
	       (!takes_selector(info) && !(info->attributes & ATTRIBUTE_X) && !is_one_of(info, names) &&
		!is_string(info) && !is_transcendental(op) && !is_state_op(op) && !has(info, OPERAND_Mt, OPERAND_Mt) &&
		!has(info, OPERAND_ES, OPERAND_GS) && !has(info, OPERAND_Sw, OPERAND_Dd) &&
		!has(info, OPERAND_VM32x, OPERAND_VM64x) && !strstr(op_name(info), "MASKMOV"));
}

static void conditional_jump(struct build *b, bool last)
{
	unsigned distance = last ? below(b->random, 8) : 0, condition = b->info->opcode & 15;

	if (chance(b->random, 70)) {
		b->c->bytes[b->c->length++] = (uint8_t)(0x70 | condition);
		b->c->bytes[b->c->length++] = (uint8_t)distance;
		return;
	}
	b->c->bytes[b->c->length++] = 0x0f;
	b->c->bytes[b->c->length++] = (uint8_t)(0x80 | condition);
	put(b->c->bytes + b->c->length, distance, b->c->bits == 16 ? 2 : 4);
	b->c->length += b->c->bits == 16 ? 2 : 4;
}

/* What the sequence is mostly of: general registers, x87 and MMX, or SIMD. */
static bool of_theme(enum op op, unsigned theme)
{
	bool x87 = is_x87(op) || has(&op_info[op], OPERAND_Pq, OPERAND_Nq);

	return theme == 0 ? x87 : theme == 1 ? op_is_vector(&op_info[op]) : !x87 && !op_is_vector(&op_info[op]);
}

static enum op choose_row(struct build *b, const bool *usable, unsigned theme, bool last)
{
	for (;;) {
		enum op op = 1 + below(b->random, OP_COUNT - 1);

		if (chance(b->random, last ? 60 : 10))
			op = OP_JO_Jb + below(b->random, 16);
		else if (!of_theme(op, theme) && chance(b->random, 80))
			continue;
		if (usable[op] && fits_sequence(op) && !(op_info[op].flags_read & b->c->undefined))
			return op;
	}
}

void generate_sequence64(struct random *random, const bool *usable, unsigned bits, struct case64 *c,
			 void (*poke)(uint64_t linear, const void *bytes, unsigned count))
{
	unsigned wanted = 2 + below(random, 7), theme = below(random, 5);
	bool x87 = false, vector = false;
	struct build b;

	start_case(&b, random, bits, c, poke);
	b.sequence = true;
	choose_registers(&b);
	x87_random(random, &c->before.fpu);
	while (c->instructions < wanted) {
		bool last = ++c->instructions == wanted;
		enum op op = choose_row(&b, usable, theme, last);

		start_instruction(&b, op);
		x87 |= c->x87;
		/* The values suit the first row with such registers. */
		if (c->vector && !vector) {
			struct fpu_state keep = c->before.fpu;

			choose_vectors(&b);
			c->before.fpu = keep;
			vector = true;
		}
		c->undefined = (c->undefined & ~(uint32_t)b.info->flags_set) | b.info->flags_undefined;
		c->undefined_within |= b.info->flags_undefined;
		if (is_condition(op)) {
			conditional_jump(&b, last);
			continue;
		}
		choose_form(&b);
		choose_sizes(&b);
		c->lock = false;
		choose_operands(&b);
		emit_all(&b);
		fill_memory(&b);
	}
	c->op = OP_INVALID;
	c->rep = c->lock = c->memory = false;
	c->x87 = x87;
	c->vector = vector;
}
