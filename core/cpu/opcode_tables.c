/*
 * The rows of opcodes.h as data, and the tables that lead from bytes to rows; all made by the
 * preprocessor.
 */
#include "opcode_tables.h"

#include <stddef.h>

/* The words that stand in the rows. */
enum {
	CF = FLAG_CF, PF = FLAG_PF, AF = FLAG_AF, ZF = FLAG_ZF, SF = FLAG_SF, OF = FLAG_OF,
	SZAPC = CF | PF | AF | ZF | SF, OSZAP = OF | SF | ZF | AF | PF, OSZAPC = OSZAP | CF,
	L = ATTRIBUTE_L, W = ATTRIBUTE_W, X = ATTRIBUTE_X, N = ATTRIBUTE_N, U = ATTRIBUTE_U,
	R = ATTRIBUTE_R, I = ATTRIBUTE_I, Q = ATTRIBUTE_Q, D = ATTRIBUTE_D, F = ATTRIBUTE_F,
	A = ATTRIBUTE_A, AA = ATTRIBUTE_AA, W0 = ATTRIBUTE_W0, W1 = ATTRIBUTE_W1, S = ATTRIBUTE_S,
	_ = 0
};

/* All names, one after the other. */
static const struct names {
	char none[1];
#define ROW(kind, enc, byte, digit, opname, ...) char opname[sizeof(#opname)];
#include "opcodes_rows.h"
} names = {
	"",
#define ROW(kind, enc, byte, digit, opname, ...) #opname,
#include "opcodes_rows.h"
};
_Static_assert(sizeof(names) <= UINT16_MAX, "op_info has room");

/* The lowest bit's number and 1, and the same without that bit. */
#define NUMBER_BIT(bit, mask, value) (((bit) & (mask)) ? (value) : 0)
#define NUMBER(bit) ((bit) ? 1 + NUMBER_BIT(bit, 0xaaaaaaaaaaaaaaaa, 1) + NUMBER_BIT(bit, 0xcccccccccccccccc, 2) + \
	NUMBER_BIT(bit, 0xf0f0f0f0f0f0f0f0, 4) + NUMBER_BIT(bit, 0xff00ff00ff00ff00, 8) +       \
	NUMBER_BIT(bit, 0xffff0000ffff0000, 16) + NUMBER_BIT(bit, 0xffffffff00000000, 32) : 0)
#define LOWEST(bits) ((bits) & (0 - (bits)))
#define REST(bits) ((bits) & ((bits) - 1))

#define ROW(kind, enc, byte, digit, opname, a, b, c, d, reads, sets, undef, feat, attr)    \
	_Static_assert(!REST(REST((FEAT_##feat))) && !((FEAT_##feat) >> 63), #opname ": features");
#include "opcodes_rows.h"

const struct op_info op_info[OP_COUNT] = {
#define ROW(kind, enc, byte, digit, opname, a, b, c, d, reads, sets, undef, feat, attr)    \
	[OP_##opname] = { attr, reads, sets, undef, offsetof(struct names, opname),        \
			  { NUMBER(LOWEST((FEAT_##feat))), NUMBER(REST((FEAT_##feat))) },      \
			  { OPERAND_##a, OPERAND_##b, OPERAND_##c, OPERAND_##d },          \
			  KIND_##kind, ENCODING_##enc, byte, digit },
#include "opcodes_rows.h"
};

const char *op_name(const struct op_info *info)
{
	return (const char *)&names + info->name;
}

const struct encoding_info encoding_info[ENCODING_COUNT] = {
#define PLAIN FORM_PLAIN
#define IN_OPCODE FORM_IN_OPCODE
#define DIGIT FORM_DIGIT
#define DIGIT_MEMORY FORM_DIGIT_MEMORY
#define DIGIT_REGISTER FORM_DIGIT_REGISTER
#define MODRM FORM_MODRM
#define MEMORY FORM_MEMORY
#define REGISTER FORM_REGISTER
#define X87 FORM_X87
#define ALTERNATIVE FORM_ALTERNATIVE
#define X(name, map, prefix, form) { map, prefix, form },
	ENCODINGS(X)
#undef X
#undef PLAIN
#undef IN_OPCODE
#undef DIGIT
#undef DIGIT_MEMORY
#undef DIGIT_REGISTER
#undef MODRM
#undef MEMORY
#undef REGISTER
#undef X87
#undef ALTERNATIVE
};

/* ---- Where each encoding puts a row: P_ in the plain tables, M_ in those by ModRM ------------- */

#define NOTHING(byte, digit, op)

#define ONE(map, prefix, byte, op) [PAGE(map, prefix) * 256 + (byte)] = op,
#define SEVEN(map, byte, op) ONE(map, 0, byte, op) ONE(map, 0, (byte) + 1, op) \
	ONE(map, 0, (byte) + 2, op) ONE(map, 0, (byte) + 3, op) ONE(map, 0, (byte) + 4, op) \
	ONE(map, 0, (byte) + 5, op) ONE(map, 0, (byte) + 6, op)
#define P_OP1(byte, digit, op) ONE(0, 0, byte, op)
#define P_OQ1(byte, digit, op) ONE(0, 1, byte, op)
#define P_RG1(byte, digit, op) SEVEN(0, byte, op) ONE(0, 0, (byte) + 7, op)
#define P_RX1(byte, digit, op) SEVEN(0, byte, op)
#define P_OP2(byte, digit, op) ONE(1, 0, byte, op)
#define P_RG2(byte, digit, op) SEVEN(1, byte, op) ONE(1, 0, (byte) + 7, op)
#define P_OP8(byte, digit, op) ONE(2, 0, byte, op)
#define P_O2N(byte, digit, op) ONE(1, 1, byte, op)
#define P_O26(byte, digit, op) ONE(1, 2, byte, op)
#define P_O23(byte, digit, op) ONE(1, 3, byte, op)
#define P_O22(byte, digit, op) ONE(1, 4, byte, op)
#define P_O8N(byte, digit, op) ONE(2, 1, byte, op)
#define P_O86(byte, digit, op) ONE(2, 2, byte, op)
#define P_O83(byte, digit, op) ONE(2, 3, byte, op)
#define P_O82(byte, digit, op) ONE(2, 4, byte, op)
#define P_OAN(byte, digit, op) ONE(3, 1, byte, op)
#define P_OA6(byte, digit, op) ONE(3, 2, byte, op)
#define P_OA3(byte, digit, op) ONE(3, 3, byte, op)
#define P_OA2(byte, digit, op) ONE(3, 4, byte, op)
#define P_GR1 NOTHING
#define P_GR2 NOTHING
#define P_GM2 NOTHING
#define P_GR2R NOTHING
#define P_E01 NOTHING
#define P_G2N NOTHING
#define P_G26 NOTHING
#define P_G23 NOTHING
#define P_G22 NOTHING
#define P_GM2N NOTHING
#define P_GM26 NOTHING
#define P_GM23 NOTHING
#define P_GR2N NOTHING
#define P_GR26 NOTHING
#define P_GR23 NOTHING
#define P_M2N NOTHING
#define P_M26 NOTHING
#define P_M23 NOTHING
#define P_M22 NOTHING
#define P_R2N NOTHING
#define P_R26 NOTHING
#define P_R23 NOTHING
#define P_R22 NOTHING
#define P_G8N NOTHING
#define P_A2N NOTHING
#define P_A22 NOTHING
#define P_A86 NOTHING
#define P_FPM NOTHING
#define P_FPR NOTHING
#define P_FP1 NOTHING

#define CELL(table, byte, form, digit, op) [MODRM_AT(table, byte, form, digit)] = op,
#define BOTH(table, byte, digit, op) CELL(table, byte, 0, digit, op) CELL(table, byte, 1, digit, op)
#define ALL8(table, byte, form, op)                                                     \
	CELL(table, byte, form, 0, op) CELL(table, byte, form, 1, op) CELL(table, byte, form, 2, op) \
	CELL(table, byte, form, 3, op) CELL(table, byte, form, 4, op) CELL(table, byte, form, 5, op) \
	CELL(table, byte, form, 6, op) CELL(table, byte, form, 7, op)
#define M_GR1(byte, digit, op) BOTH(0, byte, digit, op)
#define M_GR2(byte, digit, op) BOTH(1, byte, digit, op)
#define M_GM2(byte, digit, op) CELL(1, byte, 0, digit, op)
#define M_GR2R(byte, digit, op) CELL(1, byte, 1, digit, op)
#define M_G2N(byte, digit, op) BOTH(2, byte, digit, op)
#define M_G26(byte, digit, op) BOTH(3, byte, digit, op)
#define M_G23(byte, digit, op) BOTH(4, byte, digit, op)
#define M_G22(byte, digit, op) BOTH(5, byte, digit, op)
#define M_GM2N(byte, digit, op) CELL(2, byte, 0, digit, op)
#define M_GM26(byte, digit, op) CELL(3, byte, 0, digit, op)
#define M_GM23(byte, digit, op) CELL(4, byte, 0, digit, op)
#define M_GR2N(byte, digit, op) CELL(2, byte, 1, digit, op)
#define M_GR26(byte, digit, op) CELL(3, byte, 1, digit, op)
#define M_GR23(byte, digit, op) CELL(4, byte, 1, digit, op)
#define M_M2N(byte, digit, op) ALL8(2, byte, 0, op)
#define M_M26(byte, digit, op) ALL8(3, byte, 0, op)
#define M_M23(byte, digit, op) ALL8(4, byte, 0, op)
#define M_M22(byte, digit, op) ALL8(5, byte, 0, op)
#define M_R2N(byte, digit, op) ALL8(2, byte, 1, op)
#define M_R26(byte, digit, op) ALL8(3, byte, 1, op)
#define M_R23(byte, digit, op) ALL8(4, byte, 1, op)
#define M_R22(byte, digit, op) ALL8(5, byte, 1, op)
#define M_G8N(byte, digit, op) BOTH(6, byte, digit, op)
#define M_A2N NOTHING
#define M_A22 NOTHING
#define M_A86 NOTHING
#define M_OP1 NOTHING
#define M_OQ1 NOTHING
#define M_RG1 NOTHING
#define M_RX1 NOTHING
#define M_OP2 NOTHING
#define M_RG2 NOTHING
#define M_OP8 NOTHING
#define M_E01 NOTHING
#define M_O2N NOTHING
#define M_O26 NOTHING
#define M_O23 NOTHING
#define M_O22 NOTHING
#define M_O8N NOTHING
#define M_O86 NOTHING
#define M_O83 NOTHING
#define M_O82 NOTHING
#define M_OAN NOTHING
#define M_OA6 NOTHING
#define M_OA3 NOTHING
#define M_OA2 NOTHING
#define M_FPM NOTHING
#define M_FPR NOTHING
#define M_FP1 NOTHING

/* Which kinds are in which space. */
#define EMPTY(...)
#define KEEP(...) __VA_ARGS__
#define LEGACY_FX KEEP
#define LEGACY_EB KEEP
#define LEGACY_EV KEEP
#define LEGACY_VW KEEP
#define LEGACY_SV KEEP
#define LEGACY_SE KEEP
#define LEGACY_XM KEEP
#define LEGACY_XV KEEP
#define LEGACY_XW KEEP
#define LEGACY_XS KEEP
#define LEGACY_X1 KEEP
#define LEGACY_V1 EMPTY
#define LEGACY_VX EMPTY
#define LEGACY_V2 EMPTY
#define LEGACY_VS EMPTY
#define LEGACY_VG EMPTY
#define VEX_FX EMPTY
#define VEX_EB EMPTY
#define VEX_EV EMPTY
#define VEX_VW EMPTY
#define VEX_SV EMPTY
#define VEX_SE EMPTY
#define VEX_XM EMPTY
#define VEX_XV KEEP
#define VEX_XW KEEP
#define VEX_XS KEEP
#define VEX_X1 KEEP
#define VEX_V1 KEEP
#define VEX_VX KEEP
#define VEX_V2 KEEP
#define VEX_VS KEEP
#define VEX_VG KEEP

#define PAGE LEGACY_PAGE
const uint16_t legacy_plain[LEGACY_PAGES * 256] = {
#define ROW(kind, enc, byte, digit, name, ...) LEGACY_##kind(P_##enc(byte, digit, OP_##name))
#include "opcodes_rows.h"
};
const uint16_t legacy_modrm[MODRM_SIZE] = {
#define ROW(kind, enc, byte, digit, name, ...) LEGACY_##kind(M_##enc(byte, digit, OP_##name))
#include "opcodes_rows.h"
};
#undef PAGE
#define PAGE VEX_PAGE
const uint16_t vex_plain[VEX_PAGES * 256] = {
	[0] = OP_INVALID,
#define ROW(kind, enc, byte, digit, name, ...) VEX_##kind(P_##enc(byte, digit, OP_##name))
#include "opcodes_rows.h"
};
const uint16_t vex_modrm[MODRM_SIZE] = {
	[0] = OP_INVALID,
#define ROW(kind, enc, byte, digit, name, ...) VEX_##kind(M_##enc(byte, digit, OP_##name))
#include "opcodes_rows.h"
};
const uint8_t modrm_fours[7 * 64] = {
#define X(t, b, table, first) [table * 64 + first / 4] = FOUR_##table##_##first + 1,
	MODRM_FOURS(X, , )
#undef X
};

/* x87 rows, and the register forms of 0F 01, are found by the whole ModRM byte. */
#undef P_FPM
#undef P_FPR
#undef P_FP1
#define X87_CELL(byte, index, op) [X87_AT(byte, index)] = op,
#define P_FPM(byte, digit, op) X87_CELL(byte, digit, op)
#define P_FPR(byte, modrm, op) X87_CELL(byte, (modrm) - 0xb8, op) X87_CELL(byte, (modrm) - 0xb7, op) \
	X87_CELL(byte, (modrm) - 0xb6, op) X87_CELL(byte, (modrm) - 0xb5, op)            \
	X87_CELL(byte, (modrm) - 0xb4, op) X87_CELL(byte, (modrm) - 0xb3, op)            \
	X87_CELL(byte, (modrm) - 0xb2, op) X87_CELL(byte, (modrm) - 0xb1, op)
#define P_FP1(byte, modrm, op) X87_CELL(byte, (modrm) - 0xb8, op)
#define ROW_X87_OP1 NOTHING
#define ROW_X87_OQ1 NOTHING
#define ROW_X87_RG1 NOTHING
#define ROW_X87_RX1 NOTHING
#define ROW_X87_GR1 NOTHING
#define ROW_X87_OP2 NOTHING
#define ROW_X87_RG2 NOTHING
#define ROW_X87_GR2 NOTHING
#define ROW_X87_GM2 NOTHING
#define ROW_X87_GR2R NOTHING
#define ROW_X87_E01 NOTHING
#define ROW_X87_OP8 NOTHING
#define ROW_X87_O2N NOTHING
#define ROW_X87_O26 NOTHING
#define ROW_X87_O23 NOTHING
#define ROW_X87_O22 NOTHING
#define ROW_X87_O8N NOTHING
#define ROW_X87_O86 NOTHING
#define ROW_X87_O83 NOTHING
#define ROW_X87_O82 NOTHING
#define ROW_X87_OAN NOTHING
#define ROW_X87_OA6 NOTHING
#define ROW_X87_OA3 NOTHING
#define ROW_X87_OA2 NOTHING
#define ROW_X87_G2N NOTHING
#define ROW_X87_G26 NOTHING
#define ROW_X87_G23 NOTHING
#define ROW_X87_G22 NOTHING
#define ROW_X87_GM2N NOTHING
#define ROW_X87_GM26 NOTHING
#define ROW_X87_GM23 NOTHING
#define ROW_X87_GR2N NOTHING
#define ROW_X87_GR26 NOTHING
#define ROW_X87_GR23 NOTHING
#define ROW_X87_M2N NOTHING
#define ROW_X87_M26 NOTHING
#define ROW_X87_M23 NOTHING
#define ROW_X87_M22 NOTHING
#define ROW_X87_R2N NOTHING
#define ROW_X87_R26 NOTHING
#define ROW_X87_R23 NOTHING
#define ROW_X87_R22 NOTHING
#define ROW_X87_G8N NOTHING
#define ROW_X87_A2N NOTHING
#define ROW_X87_A22 NOTHING
#define ROW_X87_A86 NOTHING
#define ROW_X87_FPM P_FPM
#define ROW_X87_FPR P_FPR
#define ROW_X87_FP1 P_FP1
const uint16_t x87_ops[X87_SIZE] = {
#define ROW(kind, enc, byte, digit, name, ...) ROW_X87_##enc(byte, digit, OP_##name)
#include "opcodes_rows.h"
};
#define EXACT(byte, modrm, op) [(modrm) - 0xc0] = op,
#define ROW_E01_OP1 NOTHING
#define ROW_E01_OQ1 NOTHING
#define ROW_E01_RG1 NOTHING
#define ROW_E01_RX1 NOTHING
#define ROW_E01_GR1 NOTHING
#define ROW_E01_OP2 NOTHING
#define ROW_E01_RG2 NOTHING
#define ROW_E01_GR2 NOTHING
#define ROW_E01_GM2 NOTHING
#define ROW_E01_GR2R NOTHING
#define ROW_E01_E01 EXACT
#define ROW_E01_OP8 NOTHING
#define ROW_E01_O2N NOTHING
#define ROW_E01_O26 NOTHING
#define ROW_E01_O23 NOTHING
#define ROW_E01_O22 NOTHING
#define ROW_E01_O8N NOTHING
#define ROW_E01_O86 NOTHING
#define ROW_E01_O83 NOTHING
#define ROW_E01_O82 NOTHING
#define ROW_E01_OAN NOTHING
#define ROW_E01_OA6 NOTHING
#define ROW_E01_OA3 NOTHING
#define ROW_E01_OA2 NOTHING
#define ROW_E01_G2N NOTHING
#define ROW_E01_G26 NOTHING
#define ROW_E01_G23 NOTHING
#define ROW_E01_G22 NOTHING
#define ROW_E01_GM2N NOTHING
#define ROW_E01_GM26 NOTHING
#define ROW_E01_GM23 NOTHING
#define ROW_E01_GR2N NOTHING
#define ROW_E01_GR26 NOTHING
#define ROW_E01_GR23 NOTHING
#define ROW_E01_M2N NOTHING
#define ROW_E01_M26 NOTHING
#define ROW_E01_M23 NOTHING
#define ROW_E01_M22 NOTHING
#define ROW_E01_R2N NOTHING
#define ROW_E01_R26 NOTHING
#define ROW_E01_R23 NOTHING
#define ROW_E01_R22 NOTHING
#define ROW_E01_G8N NOTHING
#define ROW_E01_A2N NOTHING
#define ROW_E01_A22 NOTHING
#define ROW_E01_A86 NOTHING
#define ROW_E01_FPM NOTHING
#define ROW_E01_FPR NOTHING
#define ROW_E01_FP1 NOTHING
const uint16_t exact_0f01[64] = {
	[0] = OP_INVALID,
#define ROW(kind, enc, byte, digit, name, ...) ROW_E01_##enc(byte, digit, OP_##name)
#include "opcodes_rows.h"
};

const struct operand_info operand_info[OPERAND_COUNT] = {
#define X(code, has_modrm, bytes) { has_modrm, bytes },
	OPERAND_CODES(X)
#undef X
};
