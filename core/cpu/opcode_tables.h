/*
 * From opcode bytes to rows.  There are two spaces, legacy and VEX; in each, `plain` gives the
 * row of an opcode by map and prefix, and `modrm` that of one whose row depends on ModRM, by
 * form (0 memory, 1 register) and reg field.  0: no row there.
 */
#ifndef CORE_CPU_OPCODE_TABLES_H
#define CORE_CPU_OPCODE_TABLES_H

#include "opcodes_info.h"

/*
 * The plain tables are pages of 256 opcodes.  map and prefix as ENCODINGS has them; map 0 with prefix
 * 1: one-byte opcodes of 64-bit mode only.  Where no row can be there is no page.
 */
#define LEGACY_PAGE(map, prefix) ((map) ? (map) * 5 - 3 + (prefix) - ((map) == 3) : (prefix))
#define VEX_PAGE(map, prefix) (((map) - 1) * 4 + (prefix) - 1)
/*
 * table: 0 the one-byte map, 1 the 0F map with any prefix, 2-5 with a mandatory one, 6 0F 38.  Few
 * opcodes depend on ModRM, so there is room for these fours of opcodes alone: X(t, b, table, first
 * opcode of the four).  A row of another opcode does not compile before its four is listed.
 */
#define MODRM_FOURS(X, t, b)                                                                    \
	X(t, b, 0, 0x80) X(t, b, 0, 0x8c) X(t, b, 0, 0xc0) X(t, b, 0, 0xc4) X(t, b, 0, 0xd0)     \
	X(t, b, 0, 0xf4) X(t, b, 0, 0xfc) X(t, b, 1, 0x00) X(t, b, 1, 0xb8) X(t, b, 1, 0xc4)     \
	X(t, b, 2, 0x10) X(t, b, 2, 0x14) X(t, b, 2, 0x28) X(t, b, 2, 0x50) X(t, b, 2, 0x70)     \
	X(t, b, 2, 0xac) X(t, b, 2, 0xc0) X(t, b, 2, 0xc4) X(t, b, 2, 0xd4) X(t, b, 2, 0xe4)     \
	X(t, b, 2, 0xf4) X(t, b, 3, 0x10) X(t, b, 3, 0x14) X(t, b, 3, 0x28) X(t, b, 3, 0x50)     \
	X(t, b, 3, 0x70) X(t, b, 3, 0xac) X(t, b, 3, 0xc4) X(t, b, 3, 0xd4) X(t, b, 3, 0xe4)     \
	X(t, b, 3, 0xf4) X(t, b, 4, 0x10) X(t, b, 4, 0xac) X(t, b, 4, 0xc4) X(t, b, 4, 0xd4)     \
	X(t, b, 5, 0x10) X(t, b, 5, 0xd4) X(t, b, 5, 0xf0) X(t, b, 6, 0xf0)
#define FOUR_NAME(t, b, table, first) FOUR_##table##_##first,
enum four { MODRM_FOURS(FOUR_NAME, , ) FOUR_COUNT };
#define FOUR_TEST(t, b, table, first) (t) == table && ((b) & 0xfc) == first ? FOUR_##table##_##first :
#define MODRM_FOUR(table, byte) (MODRM_FOURS(FOUR_TEST, table, byte) -1)
#define MODRM_AT(table, byte, form, digit)                                                      \
	(((MODRM_FOUR(table, byte) * 4 + ((byte) & 3)) * 2 + (form)) * 8 + (digit))
/* index: the reg field for memory forms, ModRM - B8h for the others. */
#define X87_AT(byte, index) (((byte) - 0xd8) * 72 + (index))
enum { LEGACY_PAGES = 16, VEX_PAGES = 12, MODRM_SIZE = FOUR_COUNT * 4 * 16, X87_SIZE = 8 * 72 };

extern const uint16_t legacy_plain[LEGACY_PAGES * 256], vex_plain[VEX_PAGES * 256];
extern const uint16_t legacy_modrm[MODRM_SIZE], vex_modrm[MODRM_SIZE];
/* The four that an opcode is in, plus 1: [table * 64 + opcode / 4]; 0: none of its opcodes is there. */
extern const uint8_t modrm_fours[7 * 64];
extern const uint16_t x87_ops[X87_SIZE];
extern const uint16_t exact_0f01[64];   /* register forms of 0F 01, by ModRM - C0h */

struct operand_info {
	uint8_t modrm;                  /* needs a ModRM byte */
	uint8_t size;                   /* bytes in memory, or SIZE_ */
};
extern const struct operand_info operand_info[OPERAND_COUNT];

#endif
