/*
 * The disassembler: prints what the decoder found by the operand codes of the rows, in
 * Intel syntax.  Mnemonics are the row names up to their first underscore; the few that
 * change with the operand size are in one table.
 */
#include "decode.h"
#include "machine.h"

struct out {
	char *text;
	size_t size, length;
};

static void put_char(struct out *out, char c)
{
	if (out->length + 1 < out->size) {
		out->text[out->length++] = c;
		out->text[out->length] = 0;
	}
}

static void put_text(struct out *out, const char *text)
{
	while (*text)
		put_char(out, *text++);
}

static void put_hex(struct out *out, uint64_t value)
{
	bool started = false;

	put_text(out, "0x");
	for (int shift = 60; shift >= 0; shift -= 4) {
		unsigned digit = value >> shift & 15;

		if (digit || started || !shift) {
			put_char(out, "0123456789abcdef"[digit]);
			started = true;
		}
	}
}

static void put_signed(struct out *out, int64_t value)
{
	put_char(out, value < 0 ? '-' : '+');
	put_hex(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void put_number(struct out *out, unsigned n)
{
	if (n >= 10)
		put_char(out, (char)('0' + n / 10));
	put_char(out, (char)('0' + n % 10));
}

static const char *const segments[] = { "es", "cs", "ss", "ds", "fs", "gs", "?", "?" };

/* General register n of width bytes; with REX, byte registers 4-7 are spl ... dil. */
static void put_register(struct out *out, unsigned n, unsigned width, bool rex)
{
	static const char *const names8[] = { "al", "cl", "dl", "bl", "ah", "ch", "dh", "bh" };
	static const char *const names[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };

	if (n >= 8) {
		put_char(out, 'r');
		put_number(out, n);
		put_text(out, width == 1 ? "b" : width == 2 ? "w" : width == 4 ? "d" : "");
		return;
	}
	if (width == 1 && (n < 4 || !rex)) {
		put_text(out, names8[n]);
		return;
	}
	if (width >= 4)
		put_char(out, width == 4 ? 'e' : 'r');
	put_text(out, names[n]);
	if (width == 1)
		put_char(out, 'l');
}

static void put_vector(struct out *out, unsigned n, unsigned bytes)
{
	put_text(out, bytes == 32 ? "ymm" : "xmm");
	put_number(out, n);
}

/* Rows whose mnemonic depends on the operand size: names for 16, 32 and 64 bits. */
static const struct {
	uint16_t op;
	const char *names[3];
} sized[] = {
	{ OP_CBW, { "cbw", "cwde", "cdqe" } }, { OP_CWD, { "cwd", "cdq", "cqo" } },
	{ OP_PUSHA, { "pushaw", "pushad", "" } }, { OP_POPA, { "popaw", "popad", "" } },
	{ OP_PUSHF_Fv, { "pushfw", "pushfd", "pushfq" } }, { OP_POPF_Fv, { "popfw", "popfd", "popfq" } },
	{ OP_IRET, { "iretw", "iretd", "iretq" } }, { OP_INS_Yv_DX, { "insw", "insd", "insd" } },
	{ OP_OUTS_DX_Xv, { "outsw", "outsd", "outsd" } }, { OP_MOVS_Yv_Xv, { "movsw", "movsd", "movsq" } },
	{ OP_CMPS_Xv_Yv, { "cmpsw", "cmpsd", "cmpsq" } }, { OP_STOS_Yv_eAX, { "stosw", "stosd", "stosq" } },
	{ OP_LODS_eAX_Xv, { "lodsw", "lodsd", "lodsq" } }, { OP_SCAS_eAX_Yv, { "scasw", "scasd", "scasq" } },
	{ OP_MOVD_Pq_Ey, { "", "movd", "movq" } }, { OP_MOVD_Ey_Pq, { "", "movd", "movq" } },
	{ OP_MOVD_Vdq_Ey, { "", "movd", "movq" } }, { OP_MOVD_Ey_Vdq, { "", "movd", "movq" } },
	{ OP_PEXTRD_Ey_Vdq_Ib, { "", "pextrd", "pextrq" } },
	{ OP_PINSRD_Vdq_Hdq_Ey_Ib, { "", "pinsrd", "pinsrq" } },
	{ OP_CMPXCHG8B_M2y, { "cmpxchg8b", "cmpxchg8b", "cmpxchg16b" } },
};

/* Rows that get "64" with REX.W, as their manual pages name them. */
static bool is_saved_64(unsigned op)
{
	return op == OP_FXSAVE || op == OP_FXRSTOR || op == OP_XSAVE_Mxs || op == OP_XRSTOR_Mxs ||
	       op == OP_XSAVEOPT_Mxs || op == OP_XSAVEC_Mxs || op == OP_XSAVES_Mxs || op == OP_XRSTORS_Mxs;
}

static bool is_string(const struct op_info *info)
{
	for (unsigned n = 0; n < 2; n++)
		if (info->operand[n] >= OPERAND_Xb && info->operand[n] <= OPERAND_Yv)
			return true;
	return false;
}

static void put_mnemonic(struct out *out, const struct decoded *d, const struct op_info *info)
{
	if (d->vex && op_has_legacy(info))
		put_char(out, 'v');
	for (size_t n = 0; n < sizeof sized / sizeof sized[0]; n++)
		if (sized[n].op == d->op) {
			put_text(out, sized[n].names[d->operand_size == 2 ? 0 : d->operand_size == 4 ? 1 : 2]);
			return;
		}
	if (d->op == OP_JCXZ_Jb && d->address_size != 2) {
		put_text(out, d->address_size == 8 ? "jrcxz" : "jecxz");
		return;
	}
	if (d->op == OP_CALL_Ap || d->op == OP_CALL_Mp) {
		put_text(out, "call far");
		return;
	}
	if (d->op == OP_JMP_Ap || d->op == OP_JMP_Mp) {
		put_text(out, "jmp far");
		return;
	}
	if (d->op == OP_NOP && d->rep == INSN_REP) {
		put_text(out, "pause");
		return;
	}
	for (const char *c = op_name(info); *c && *c != '_'; c++) {
		if (*c == 'x')          /* Px and Sx: by the size of elements */
			put_char(out, d->rex_w ? 'd' : 's');
		else
			put_char(out, *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c);
	}
	if (is_string(info))
		put_char(out, 'b');
	if (is_saved_64(d->op) && d->rex_w && d->bits == 64)
		put_text(out, "64");
}

static const char *size_name(unsigned bytes)
{
	switch (bytes) {
	case 1: return "byte ptr ";
	case 2: return "word ptr ";
	case 4: return "dword ptr ";
	case 6: return "fword ptr ";
	case 8: return "qword ptr ";
	case 10: return "tbyte ptr ";
	case 16: return "xmmword ptr ";
	case 32: return "ymmword ptr ";
	default: return "";
	}
}

/* index_vector: the size of the vector of indexes that the memory operand has, or 0. */
static void put_memory(struct out *out, const struct decoded *d, unsigned bytes, unsigned index_vector)
{
	uint64_t mask = d->address_size == 2 ? 0xffff : d->address_size == 4 ? 0xffffffff : UINT64_MAX;
	bool any = false;

	put_text(out, size_name(bytes));
	if (d->override != NO_SEGMENT) {
		put_text(out, segments[d->override]);
		put_char(out, ':');
	}
	put_char(out, '[');
	if (d->base != REG_ZERO) {
		put_register(out, d->base, d->address_size, false);
		any = true;
	}
	if (d->index != REG_ZERO || index_vector) {
		if (any)
			put_char(out, '+');
		if (index_vector)
			put_vector(out, d->index, index_vector);
		else
			put_register(out, d->index, d->address_size, false);
		if (d->scale) {
			put_char(out, '*');
			put_char(out, (char)('0' + (1 << d->scale)));
		}
		any = true;
	}
	if (!any)
		put_hex(out, (uint64_t)d->displacement & mask);
	else if (d->displacement)
		put_signed(out, d->displacement);
	put_char(out, ']');
}

/* A general register, or memory of as many bytes. */
static void put_general(struct out *out, const struct decoded *d, unsigned width)
{
	if (d->memory)
		put_memory(out, d, width, 0);
	else
		put_register(out, d->rm, width, d->rex);
}

static void put_x87_register(struct out *out, unsigned n)
{
	put_text(out, "st(");
	put_number(out, n);
	put_char(out, ')');
}

static void put_mmx(struct out *out, unsigned n)
{
	put_text(out, "mm");
	put_number(out, n & 7);
}

static bool is_crc32(unsigned op)
{
	return op == OP_CRC32_Gd_Eb || op == OP_CRC32_Gd_Ev;
}

static bool is_port(unsigned op)
{
	return op == OP_IN_eAX_Ib || op == OP_IN_eAX_DX || op == OP_OUT_Ib_eAX || op == OP_OUT_DX_eAX;
}

static void put_operand(struct out *out, const struct decoded *d, unsigned operand)
{
	uint64_t mask = d->operand_size == 2 ? 0xffff : d->operand_size == 4 ? 0xffffffff : UINT64_MAX;
	unsigned vector = decoded_vector_length(d), n;

	switch (operand) {
	case OPERAND_Eb: put_general(out, d, d->memory || !op_is_vector(&op_info[d->op]) ? 1 : 4); break;
	case OPERAND_Ew:
		/* What goes between SIMD and general registers is extended, and what is stored to a register. */
		if (d->memory || d->op == OP_ARPL_Ew_Gw)
			put_general(out, d, 2);
		else if (op_is_vector(&op_info[d->op]))
			put_general(out, d, 4);
		else
			put_general(out, d, op_info[d->op].attributes & ATTRIBUTE_W ? d->operand_size : 2);
		break;
	case OPERAND_Ev: case OPERAND_Ey: put_general(out, d, d->operand_size); break;
	case OPERAND_Ed: put_general(out, d, 4); break;
	case OPERAND_Eq: put_general(out, d, 8); break;
	case OPERAND_Gb: put_register(out, d->reg, 1, d->rex); break;
	case OPERAND_Gw: put_register(out, d->reg, 2, d->rex); break;
	case OPERAND_Gd:
		put_register(out, d->reg, d->rex_w && is_crc32(d->op) ? 8 : 4, d->rex);
		break;
	case OPERAND_Gv: case OPERAND_Gy: put_register(out, d->reg, d->operand_size, d->rex); break;
	case OPERAND_By: put_register(out, d->vvvv, d->operand_size, d->rex); break;
	case OPERAND_Rw: put_register(out, d->rm, 2, d->rex); break;
	case OPERAND_Ry: put_register(out, d->rm, d->operand_size, d->rex); break;
	case OPERAND_Zb: put_register(out, d->opcode_reg, 1, d->rex); break;
	case OPERAND_Zv: put_register(out, d->opcode_reg, d->operand_size, d->rex); break;
	case OPERAND_Rd: put_register(out, d->rm, d->bits == 64 ? 8 : 4, d->rex); break;
	case OPERAND_AL: put_text(out, "al"); break;
	case OPERAND_AX: put_text(out, "ax"); break;
	case OPERAND_eAX:
		put_register(out, REG_AX, is_port(d->op) && d->operand_size == 8 ? 4 : d->operand_size, false);
		break;
	case OPERAND_CL: put_text(out, "cl"); break;
	case OPERAND_DX: put_text(out, "dx"); break;
	case OPERAND_XMM0: put_text(out, "xmm0"); break;
	case OPERAND_I1: put_char(out, '1'); break;
	case OPERAND_Ib: put_hex(out, d->op == OP_ENTER_Iw_Ib ? d->imm2 : d->imm); break;
	case OPERAND_Iw: put_hex(out, d->imm); break;
	case OPERAND_sIb: case OPERAND_Iz: case OPERAND_Iv: put_hex(out, d->imm & mask); break;
	case OPERAND_Jb: case OPERAND_Jz: put_hex(out, d->imm); break;
	case OPERAND_Ap:
		put_hex(out, d->imm2);
		put_char(out, ':');
		put_hex(out, d->imm);
		break;
	case OPERAND_Sw: put_text(out, segments[d->reg & 7]); break;
	case OPERAND_Cd: case OPERAND_Dd:
		put_text(out, operand == OPERAND_Cd ? "cr" : "dr");
		put_number(out, d->reg);
		break;
	case OPERAND_ES: case OPERAND_CS: case OPERAND_SS: case OPERAND_DS: case OPERAND_FS:
	case OPERAND_GS:
		put_text(out, segments[operand - OPERAND_ES]);
		break;
	case OPERAND_ST0: put_x87_register(out, 0); break;
	case OPERAND_STi: put_x87_register(out, d->modrm & 7); break;
	case OPERAND_Pq: put_mmx(out, d->reg); break;
	case OPERAND_Nq: put_mmx(out, d->rm); break;
	case OPERAND_Vx: put_vector(out, d->reg, vector); break;
	case OPERAND_Hx: put_vector(out, d->vvvv, vector); break;
	case OPERAND_Ux: put_vector(out, d->rm, vector); break;
	case OPERAND_Vdq: put_vector(out, d->reg, 16); break;
	case OPERAND_Hdq: put_vector(out, d->vvvv, 16); break;
	case OPERAND_Udq: put_vector(out, d->rm, 16); break;
	case OPERAND_Lx:
		n = (unsigned)d->imm >> 4 & (d->bits == 64 ? 15 : 7);
		put_vector(out, n, vector);
		break;
	case OPERAND_VM32x: put_memory(out, d, decoded_access(d), vector); break;
	case OPERAND_VM32h: put_memory(out, d, decoded_access(d), 16); break;
	case OPERAND_VM64x: put_memory(out, d, decoded_access(d), vector); break;
	case OPERAND_Ms: put_memory(out, d, 0, 0); break;
	default:
		if (d->memory)
			put_memory(out, d, decoded_access(d), 0);
		else if (operand == OPERAND_Qq || operand == OPERAND_Qd)
			put_mmx(out, d->rm);
		else if (operand == OPERAND_Wx)
			put_vector(out, d->rm, vector);
		else if (operand >= OPERAND_Wsy && operand <= OPERAND_Wb)
			put_vector(out, d->rm, 16);
		break;
	}
}

/* Legacy encodings have no H operand of their own: it is the first one. */
static bool is_implied(const struct decoded *d, unsigned operand)
{
	return !d->vex && (operand == OPERAND_Hx || operand == OPERAND_Hdq);
}

/* String instructions name their operands in their mnemonic. */
static void put_operands(struct out *out, const struct decoded *d, const struct op_info *info)
{
	const char *separator = " ";

	if (is_string(info)) {
		if (d->override != NO_SEGMENT) {
			put_text(out, " ");
			put_text(out, segments[d->override]);
		}
		return;
	}
	for (unsigned n = 0; n < 4 && info->operand[n] != OPERAND__; n++) {
		if (is_implied(d, info->operand[n]))
			continue;
		put_text(out, separator);
		put_operand(out, d, info->operand[n]);
		separator = ", ";
	}
}

/* Does REP of it look at ZF? */
static bool compares(unsigned op)
{
	return op == OP_CMPS_Xb_Yb || op == OP_CMPS_Xv_Yv || op == OP_SCAS_AL_Yb || op == OP_SCAS_eAX_Yv;
}

enum cbx_status cbx_disassemble(const uint8_t *bytes, size_t count, unsigned bits, uint64_t address,
				char *text, size_t text_size, unsigned *length)
{
	struct out out = { .text = text, .size = text_size };
	enum decode_status status;
	struct decoded d;

	if (!bytes || !text || !text_size || !length || (bits != 16 && bits != 32 && bits != 64))
		return CBX_ERROR_ARGUMENT;
	*text = 0;
	*length = 0;
	if (!count)
		return CBX_OK;
	status = decode(bytes, count < 15 ? (unsigned)count : 15, bits, address, UINT64_MAX, &d);
	if (status == DECODE_MORE)
		return CBX_OK;
	if (status != DECODE_OK) {
		put_text(&out, "db ");
		put_char(&out, "0123456789abcdef"[bytes[0] >> 4]);
		put_char(&out, "0123456789abcdef"[bytes[0] & 15]);
		put_char(&out, 'h');
		*length = 1;
		return CBX_OK;
	}
	if (d.lock)
		put_text(&out, "lock ");
	if (d.rep && is_string(&op_info[d.op]))
		put_text(&out, d.rep == INSN_REPNE ? "repne " : compares(d.op) ? "repe " : "rep ");
	put_mnemonic(&out, &d, &op_info[d.op]);
	put_operands(&out, &d, &op_info[d.op]);
	*length = d.length;
	return CBX_OK;
}
