/*
 * From opcode bytes to rows.  There are two spaces, legacy and VEX; in each, `plain` gives the
 * row of an opcode by map and prefix, and `modrm` that of one whose row depends on ModRM, by
 * form (0 memory, 1 register) and reg field.  0: no row there.
 */
#ifndef CORE_CPU_OPCODE_TABLES_H
#define CORE_CPU_OPCODE_TABLES_H

#include "opcodes_info.h"

/*
 * map and prefix as ENCODINGS has them; map 0 with prefix 1: one-byte opcodes of 64-bit mode
 * only.
 */
#define PLAIN_AT(map, prefix, byte) (((map) * 5 + (prefix)) * 256 + (byte))
/* table: 0 the one-byte map, 1 the 0F map with any prefix, 2-5 with a mandatory one, 6 0F 38. */
#define MODRM_AT(table, byte, form, digit) (((((table) * 256 + (byte)) * 2 + (form)) * 8) + (digit))
/* index: the reg field for memory forms, ModRM - B8h for the others. */
#define X87_AT(byte, index) (((byte) - 0xd8) * 72 + (index))
enum { PLAIN_SIZE = 4 * 5 * 256, MODRM_SIZE = 7 * 256 * 16, X87_SIZE = 8 * 72 };

extern const uint16_t legacy_plain[PLAIN_SIZE], vex_plain[PLAIN_SIZE];
extern const uint16_t legacy_modrm[MODRM_SIZE], vex_modrm[MODRM_SIZE];
extern const uint16_t x87_ops[X87_SIZE];
extern const uint16_t exact_0f01[64];   /* register forms of 0F 01, by ModRM - C0h */

struct operand_info {
	uint8_t modrm;                  /* needs a ModRM byte */
	uint8_t size;                   /* bytes in memory, or SIZE_ */
};
extern const struct operand_info operand_info[OPERAND_COUNT];

#endif
