/*
 * Every row of the opcode table in real and in virtual-8086 mode.  No processor at hand runs them
 * there without a kernel's leave, but what an instruction does to registers, flags and memory does
 * not depend on the mode once segments have the same bases and limits: so each is run in 16-bit
 * protected mode, which is compared with silicon (testsuite/instructions), and in the two others, and
 * all three must agree.  Rows about segments, privilege and interrupts are left to the other system
 * tests; VEX encodings must be #UD.
 */
#include "system_guest.h"

#include "decode.h"

#include <string.h>

enum { MODE_PROTECTED, MODE_REAL, MODE_VIRTUAL, MODES };
enum { CASES = 150, AT = 0x1000, COMPARED_FROM = 0x20000, COMPARED = 0x20000, HANDLER_SEGMENT = HANDLERS >> 4 };

static const char *const mode_names[MODES] = { "protected", "real", "virtual-8086" };

static uint64_t seed = 1;

static uint32_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

/* What the mode itself changes: segment registers, far transfers, interrupts, privileged ones, time. */
static bool depends_on_mode(unsigned op)
{
	static const uint16_t ops[] = {
		OP_CALL_Ap, OP_JMP_Ap, OP_CALL_Mp, OP_JMP_Mp, OP_RETF, OP_RETF_Iw, OP_IRET, OP_INT3, OP_INT_Ib,
		OP_INTO, OP_INT1, OP_HLT, OP_CLI, OP_STI, OP_PUSHF_Fv, OP_POPF_Fv, OP_ARPL_Ew_Gw,
		OP_LES_Gv_Mp, OP_LDS_Gv_Mp, OP_LSS_Gv_Mp, OP_LFS_Gv_Mp, OP_LGS_Gv_Mp, OP_SLDT_Ew, OP_STR_Ew,
		OP_LLDT_Ew, OP_LTR_Ew, OP_VERR_Ew, OP_VERW_Ew, OP_SGDT_Ms, OP_SIDT_Ms, OP_LGDT_Ms, OP_LIDT_Ms,
		OP_SMSW_Ew, OP_LMSW_Ew, OP_INVLPG_Mb, OP_LAR_Gv_Ew, OP_LSL_Gv_Ew, OP_CLTS, OP_INVD, OP_WBINVD,
		OP_RSM, OP_RDTSC, OP_RDTSCP, OP_SYSENTER, OP_SYSEXIT, OP_SYSCALL, OP_SYSRET, OP_RDMSR,
		OP_WRMSR, OP_RDPMC, OP_XGETBV, OP_XSETBV, OP_CLAC, OP_STAC, OP_SWAPGS, OP_FLDENV, OP_FNSTENV,
		OP_FRSTOR, OP_FNSAVE, OP_FXSAVE, OP_FXRSTOR, OP_XSAVE_Mxs, OP_XRSTOR_Mxs, OP_XSAVEOPT_Mxs,
		OP_XSAVEC_Mxs, OP_XSAVES_Mxs, OP_XRSTORS_Mxs, OP_INVPCID_Gv_Mdq,
	};
	const struct op_info *info = &op_info[op];

	for (size_t n = 0; n < sizeof(ops) / sizeof(ops[0]); n++)
		if (ops[n] == op)
			return true;
	for (unsigned n = 0; n < 4; n++) {
		unsigned o = info->operand[n];

		if ((o >= OPERAND_ES && o <= OPERAND_GS) || o == OPERAND_Sw || o == OPERAND_Cd || o == OPERAND_Dd ||
		    o == OPERAND_DX)
			return true;
	}
	return op == OP_IN_AL_Ib || op == OP_IN_eAX_Ib || op == OP_OUT_Ib_AL || op == OP_OUT_Ib_eAX ||
	       (info->attributes & ATTRIBUTE_Q);
}

/* ---- Encodings --------------------------------------------------------------------------------- */

static void put_modrm(const struct op_info *info, uint8_t *bytes)
{
	unsigned form = encoding_info[info->encoding].form;

	switch (form) {
	case FORM_DIGIT_MEMORY: case FORM_MEMORY: *bytes %= 0xc0; break;
	case FORM_DIGIT_REGISTER: case FORM_REGISTER: *bytes |= 0xc0; break;
	default: break;
	}
	if (form == FORM_DIGIT || form == FORM_DIGIT_MEMORY || form == FORM_DIGIT_REGISTER)
		*bytes = (uint8_t)((*bytes & 0xc7) | info->digit << 3);
	if (form == FORM_MODRM || info->encoding == ENCODING_FP1)
		*bytes = info->digit;
	if (info->encoding == ENCODING_FPR)
		*bytes = (uint8_t)(info->digit + (draw() & 7));
	if (info->encoding == ENCODING_FPM)
		*bytes = (uint8_t)((draw() % 3) << 6 | info->digit << 3 | (draw() & 7));
}

/* A legacy encoding of the row in 16-bit code, or false. */
static bool encode(unsigned op, uint8_t bytes[16])
{
	/* Not that of CS: code segments of real mode can be written. */
	static const uint8_t overrides[] = { 0x26, 0x36, 0x3e, 0x64, 0x65 };
	const struct op_info *info = &op_info[op];
	const struct encoding_info *e = &encoding_info[info->encoding];

	for (unsigned tries = 0; tries < 60; tries++) {
		struct decoded d;
		unsigned n = 0;

		for (unsigned k = 0; k < 16; k++)
			bytes[k] = (uint8_t)draw();
		if (draw() % 8 == 0)
			bytes[n++] = overrides[draw() % 5];
		if (draw() % 4 == 0)
			bytes[n++] = 0x67;
		if (e->prefix == 2 || (e->prefix == 0 && draw() % 2))
			bytes[n++] = 0x66;
		if (e->prefix >= 3)
			bytes[n++] = e->prefix == 3 ? 0xf3 : 0xf2;
		else if (e->prefix == 0 && draw() % 8 == 0)
			bytes[n++] = (uint8_t)(0xf2 + draw() % 2);
		if (e->map)
			bytes[n++] = 0x0f;
		if (e->map > 1)
			bytes[n++] = e->map == 2 ? 0x38 : 0x3a;
		bytes[n++] = (uint8_t)(info->opcode + (e->form == FORM_IN_OPCODE ? draw() & 7 : 0));
		put_modrm(info, bytes + n);
		if (decode(bytes, 15, 16, AT, UINT64_MAX, &d) == DECODE_OK && d.op == op)
			return true;
	}
	return false;
}

/* With a VEX prefix. */
static void encode_vex(unsigned op, uint8_t bytes[16])
{
	const struct op_info *info = &op_info[op];
	const struct encoding_info *e = &encoding_info[info->encoding];

	for (unsigned k = 0; k < 16; k++)
		bytes[k] = (uint8_t)draw();
	bytes[0] = 0xc4;
	bytes[1] = (uint8_t)(0xe0 | e->map);
	bytes[2] = (uint8_t)((bytes[2] & 0x84) | 0x78 | (e->prefix ? e->prefix - 1 : 0));
	bytes[3] = info->opcode;
	put_modrm(info, bytes + 4);
}

/* ---- The three machines ---------------------------------------------------------------------------- */

static void start(struct guest *guest, unsigned mode)
{
	guest_new(guest, "max");
	set(guest, CBX_CR4, reg(guest, CBX_CR4) | 0x600);       /* OSFXSR, OSXMMEXCPT */
	for (unsigned n = 0; n < 256 && mode == MODE_REAL; n++)
		poke(guest, 4 * n, 4, (uint32_t)HANDLER_SEGMENT << 16 | 16 * n);
}

static void set_segments(struct guest *guest, unsigned mode)
{
	if (mode == MODE_REAL) {
		at_real(guest);
	} else {
		at_v86(guest, 0);
		if (mode == MODE_PROTECTED) {
			set(guest, CBX_RFLAGS, 2);
			set(guest, CBX_CS_ATTRIBUTES, 0xfb);
		}
	}
	set(guest, CBX_RIP, AT);
	set(guest, CBX_CR0, reg(guest, CBX_CR0) | 0x20);        /* NE */
	set(guest, CBX_FCW, 0x37f);
	set(guest, CBX_FSW, 0);
	set(guest, CBX_FTW, 0);
	set(guest, CBX_MXCSR, 0x1f80);
}

/* The same registers everywhere: mostly such that memory operands are inside their segments. */
static void set_registers(struct guest guests[MODES])
{
	for (unsigned which = CBX_RAX; which <= CBX_RDI; which++) {
		uint32_t value = draw();

		if (which == CBX_RSP)
			value = (value & 0x7ffe) | 0x4000;
		else if (draw() % 4)
			value &= draw() % 2 ? 0x7fff : 0xff;
		for (unsigned m = 0; m < MODES; m++)
			set(&guests[m], which, value);
	}
	for (unsigned n = 0; n < 8; n++) {
		uint64_t significand = (uint64_t)draw() << 32 | draw() | UINT64_C(1) << 63;
		uint64_t exponent = (draw() & 0x8000) | (0x3fff - 40 + draw() % 80);

		for (unsigned m = 0; m < MODES; m++) {
			set(&guests[m], CBX_FR0 + n, significand);
			set(&guests[m], CBX_FR0_EXPONENT + n, exponent);
		}
	}
}

/* The vector whose handler was entered, or NONE. */
static int vector_of(struct guest *guest, unsigned mode)
{
	uint64_t rip = reg(guest, CBX_RIP);

	if (mode != MODE_REAL)
		return outcome(guest).vector;
	return reg(guest, CBX_CS) == HANDLER_SEGMENT ? (int)rip / 16 : NONE;
}

static void describe(unsigned op, unsigned mode, const char *what, const uint8_t bytes[16])
{
	char text[64];
	unsigned length;

	cbx_disassemble(bytes, 15, 16, AT, text, sizeof(text), &length);
	print_error("%s: %s differs in %s mode (%02x %02x %02x %02x %02x %02x %02x)\n", op_name(&op_info[op]), what,
		    mode_names[mode], bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6]);
	print_error("    %s\n", text);
}

static int execute(struct guest *guest, unsigned mode, const uint8_t bytes[16], uint32_t flags)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1 };
	uint64_t sp = reg(guest, CBX_RSP) & 0xffff;
	struct cbx_stop stop;
	uint8_t below[6];
	int vector;

	set(guest, CBX_RFLAGS, (reg(guest, CBX_RFLAGS) & 0x20000) | flags);
	poke_bytes(guest, 0x10000 + AT, bytes, 16);
	for (unsigned n = 0; n < 6; n++)
		below[n] = (uint8_t)peek(guest, 0x20000 + ((sp - 6 + n) & 0xffff), 1);
	assert_int_equal(cbx_run(guest->machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	vector = vector_of(guest, mode);
	for (unsigned n = 0; n < 6 && vector != NONE; n++)   /* where real mode has its frame */
		poke(guest, 0x20000 + ((sp - 6 + n) & 0xffff), 1, below[n]);
	return vector;
}

static unsigned compare(struct guest guests[MODES], unsigned mode, unsigned op, const uint8_t bytes[16])
{
	unsigned wrong = 0;

	for (unsigned which = 0; which < CBX_REGISTER_COUNT; which++) {
		const char *name = cbx_register_name(which);
		uint64_t a = reg(&guests[MODE_PROTECTED], which), b = reg(&guests[mode], which);

		/* Selectors, attributes, tables and the x87's pointers are the mode's. */
		if (which >= CBX_ES && which <= CBX_CR8 && which != CBX_RFLAGS)
			continue;
		if (which == CBX_RFLAGS)
			b &= ~UINT64_C(0x20000);
		if (which == CBX_FIP || which == CBX_FCS || which == CBX_FDP || which == CBX_FDS)
			continue;
		if (a != b) {
			describe(op, mode, name, bytes);
			wrong++;
		}
	}
	return wrong;
}

static unsigned compare_memory(struct guest guests[MODES], unsigned op, const uint8_t bytes[16])
{
	static uint8_t a[COMPARED], b[COMPARED];
	unsigned wrong = 0;

	assert_int_equal(cbx_memory_read(guests[0].machine, COMPARED_FROM, a, COMPARED), CBX_OK);
	for (unsigned mode = 1; mode < MODES; mode++) {
		assert_int_equal(cbx_memory_read(guests[mode].machine, COMPARED_FROM, b, COMPARED), CBX_OK);
		if (memcmp(a, b, COMPARED) != 0) {
			describe(op, mode, "memory", bytes);
			wrong++;
			poke_bytes(&guests[mode], COMPARED_FROM, a, COMPARED);
		}
	}
	return wrong;
}

static unsigned test_row(struct guest guests[MODES], unsigned op, unsigned *tested)
{
	uint8_t bytes[16];
	unsigned wrong = 0;

	for (unsigned n = 0; n < CASES && op_has_legacy(&op_info[op]) && !depends_on_mode(op); n++) {
		uint32_t flags = (draw() & 0xcd5) | 2;
		int vectors[MODES];

		if (!encode(op, bytes))
			break;
		for (unsigned m = 0; m < MODES; m++)
			set_segments(&guests[m], m);
		set_registers(guests);
		for (unsigned m = 0; m < MODES; m++)
			vectors[m] = execute(&guests[m], m, bytes, flags);
		++*tested;
		for (unsigned m = 1; m < MODES; m++) {
			if (vectors[m] != vectors[0]) {
				print_error("vectors %d and %d\n", vectors[0], vectors[m]);
				describe(op, m, "the exception", bytes);
				wrong++;
			} else if (vectors[0] == NONE) {
				wrong += compare(guests, m, op, bytes);
			}
		}
	}
	wrong += compare_memory(guests, op, bytes);
	for (unsigned n = 0; n < 4 && op_has_vex(&op_info[op]); n++) {
		encode_vex(op, bytes);
		for (unsigned m = MODE_REAL; m < MODES; m++) {
			set_segments(&guests[m], m);
			int vector = execute(&guests[m], m, bytes, 2);

			if (vector != UD) {
				print_error("vector %d\n", vector);
				describe(op, m, "#UD", bytes);
				wrong++;
			}
		}
		++*tested;
	}
	return wrong;
}

static void test_every_row(void **unused)
{
	struct guest guests[MODES];
	unsigned wrong = 0, rows = 0;
	static uint8_t data[COMPARED];

	(void)unused;
	for (unsigned n = 0; n < COMPARED; n++)
		data[n] = (uint8_t)draw();
	for (unsigned m = 0; m < MODES; m++) {
		start(&guests[m], m);
		poke_bytes(&guests[m], COMPARED_FROM, data, COMPARED);
	}
	for (unsigned op = OP_INVALID + 1; op < OP_COUNT; op++) {
		unsigned tested = 0;

		wrong += test_row(guests, op, &tested);
		rows += tested != 0;
		/* A row that is neither tested here nor of those that the other tests have is a mistake. */
		if (!tested && !depends_on_mode(op)) {
			print_error("%s: no encoding found\n", op_name(&op_info[op]));
			wrong++;
		}
	}
	for (unsigned m = 0; m < MODES; m++)
		guest_free(&guests[m]);
	print_message("%u rows\n", rows);
	assert_true(rows > 800);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_row) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
