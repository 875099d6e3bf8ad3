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

static const char *const names8[] = { "al", "cl", "dl", "bl", "ah", "ch", "dh", "bh" };
static const char *const names16[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
static const char *const segments[] = { "es", "cs", "ss", "ds", "fs", "gs", "?", "?" };

static void put_register(struct out *out, unsigned n, unsigned width)
{
	if (width == 1) {
		put_text(out, names8[n & 7]);
		return;
	}
	if (width == 4)
		put_char(out, 'e');
	put_text(out, names16[n & 7]);
}

/* Rows whose mnemonic depends on the operand size: 16-bit name, 32-bit name. */
static const struct {
	uint16_t op;
	const char *narrow, *wide;
} sized[] = {
	{ OP_CBW, "cbw", "cwde" }, { OP_CWD, "cwd", "cdq" }, { OP_PUSHA, "pushaw", "pushad" },
	{ OP_POPA, "popaw", "popad" }, { OP_PUSHF_Fv, "pushfw", "pushfd" },
	{ OP_POPF_Fv, "popfw", "popfd" }, { OP_IRET, "iretw", "iretd" },
	{ OP_INS_Yv_DX, "insw", "insd" }, { OP_OUTS_DX_Xv, "outsw", "outsd" },
	{ OP_MOVS_Yv_Xv, "movsw", "movsd" }, { OP_CMPS_Xv_Yv, "cmpsw", "cmpsd" },
	{ OP_STOS_Yv_eAX, "stosw", "stosd" }, { OP_LODS_eAX_Xv, "lodsw", "lodsd" },
	{ OP_SCAS_eAX_Yv, "scasw", "scasd" },
};

static bool is_string(const struct op_info *info)
{
	for (unsigned n = 0; n < 2; n++)
		if (info->operand[n] >= OPERAND_Xb && info->operand[n] <= OPERAND_Yv)
			return true;
	return false;
}

static void put_mnemonic(struct out *out, const struct decoded *d, const struct op_info *info)
{
	for (size_t n = 0; n < sizeof sized / sizeof sized[0]; n++)
		if (sized[n].op == d->op) {
			put_text(out, d->operand_size == 2 ? sized[n].narrow : sized[n].wide);
			return;
		}
	if (d->op == OP_JCXZ_Jb && d->address_size == 4) {
		put_text(out, "jecxz");
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
	/* A small x stands for the format that VEX.W tells. */
	for (const char *c = info->name; *c && *c != '_'; c++)
		put_char(out, *c == 'x' ? (d->rex_w ? 'd' : 's') :
			      *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c);
	if (is_string(info))
		put_char(out, 'b');
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
	default: return "";
	}
}

static void put_memory(struct out *out, const struct decoded *d, unsigned bytes)
{
	uint64_t mask = d->address_size == 2 ? 0xffff : 0xffffffff;
	bool any = false;

	put_text(out, size_name(bytes));
	if (d->override != NO_SEGMENT) {
		put_text(out, segments[d->override]);
		put_char(out, ':');
	}
	put_char(out, '[');
	if (d->base != REG_ZERO) {
		put_register(out, d->base, d->address_size);
		any = true;
	}
	if (d->index != REG_ZERO) {
		if (any)
			put_char(out, '+');
		put_register(out, d->index, d->address_size);
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

static void put_operand(struct out *out, const struct decoded *d, unsigned operand)
{
	uint64_t mask = d->operand_size == 2 ? 0xffff : 0xffffffff;

	switch (operand) {
	case OPERAND_Eb: case OPERAND_Ew: case OPERAND_Ev: {
		unsigned width = operand == OPERAND_Eb ? 1 : operand == OPERAND_Ew ? 2 : d->operand_size;

		if (d->memory)
			put_memory(out, d, width);
		else
			put_register(out, d->rm, width);
		break;
	}
	case OPERAND_Gb: put_register(out, d->reg, 1); break;
	case OPERAND_Gw: put_register(out, d->reg, 2); break;
	case OPERAND_Gv: put_register(out, d->reg, d->operand_size); break;
	case OPERAND_Zb: put_register(out, d->opcode_reg, 1); break;
	case OPERAND_Zv: put_register(out, d->opcode_reg, d->operand_size); break;
	case OPERAND_Rd: put_register(out, d->rm, 4); break;
	case OPERAND_AL: put_text(out, "al"); break;
	case OPERAND_AX: put_text(out, "ax"); break;
	case OPERAND_eAX: put_register(out, REG_AX, d->operand_size); break;
	case OPERAND_CL: put_text(out, "cl"); break;
	case OPERAND_DX: put_text(out, "dx"); break;
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
	case OPERAND_Cd:
	case OPERAND_Dd:
		put_text(out, operand == OPERAND_Cd ? "cr" : "dr");
		put_char(out, (char)('0' + d->reg));
		break;
	case OPERAND_ES: case OPERAND_CS: case OPERAND_SS: case OPERAND_DS: case OPERAND_FS:
	case OPERAND_GS:
		put_text(out, segments[operand - OPERAND_ES]);
		break;
	case OPERAND_ST0: put_text(out, "st(0)"); break;
	case OPERAND_STi:
		put_text(out, "st(");
		put_char(out, (char)('0' + (d->modrm & 7)));
		put_char(out, ')');
		break;
	default:
		if (d->memory)
			put_memory(out, d, decoded_access(d));
		break;
	}
}

/* String instructions name their operands in their mnemonic. */
static void put_operands(struct out *out, const struct decoded *d, const struct op_info *info)
{
	if (is_string(info)) {
		if (d->override != NO_SEGMENT) {
			put_text(out, " ");
			put_text(out, segments[d->override]);
		}
		return;
	}
	for (unsigned n = 0; n < 4 && info->operand[n] != OPERAND__; n++) {
		put_text(out, n ? ", " : " ");
		put_operand(out, d, info->operand[n]);
	}
}

enum cbx_status cbx_disassemble(const uint8_t *bytes, size_t count, unsigned bits, uint64_t address,
				char *text, size_t text_size, unsigned *length)
{
	struct out out = { .text = text, .size = text_size };
	enum decode_status status;
	struct decoded d;

	if (!bytes || !text || !text_size || !length || (bits != 16 && bits != 32 && bits != 64))
		return CBX_ERROR_ARGUMENT;
	if (bits == 64)
		return CBX_ERROR_UNSUPPORTED;
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
		put_text(&out, d.rep == INSN_REPNE ? "repne " : "rep ");
	put_mnemonic(&out, &d, &op_info[d.op]);
	put_operands(&out, &d, &op_info[d.op]);
	*length = d.length;
	return CBX_OK;
}
