/* The rows of opcodes.h as data. */
#ifndef CORE_CPU_OPCODES_INFO_H
#define CORE_CPU_OPCODES_INFO_H

#include "insn.h"

enum op {
	OP_INVALID,
#define ROW(kind, enc, byte, digit, name, ...) OP_##name,
#include "opcodes_rows.h"
	OP_COUNT
};

/* Operand codes: X(code, needs ModRM, bytes of the memory operand: 1.. fixed, or SIZE_*). */
enum { SIZE_V = 100 /* operand size */, SIZE_P /* far pointer */, SIZE_A /* two */,
       SIZE_ENV /* x87 environment */, SIZE_FPU /* x87 state */, SIZE_512 };
#define OPERAND_CODES(X)                                                                  \
	X(_, 0, 0) X(Eb, 1, 1) X(Ew, 1, 2) X(Ev, 1, SIZE_V) X(Gb, 1, 0) X(Gw, 1, 0)        \
	X(Gv, 1, 0) X(Ib, 0, 0) X(sIb, 0, 0) X(Iw, 0, 0) X(Iz, 0, 0) X(Iv, 0, 0) X(I1, 0, 0) \
	X(Ob, 0, 1) X(Ov, 0, SIZE_V) X(Jb, 0, 0) X(Jz, 0, 0) X(AL, 0, 0) X(eAX, 0, 0)      \
	X(AX, 0, 0) X(CL, 0, 0) X(DX, 0, 0) X(Zb, 0, 0) X(Zv, 0, 0) X(Sw, 1, 0)            \
	X(Cd, 1, 0) X(Dd, 1, 0) X(Rd, 1, 0) X(Ap, 0, 0) X(Xb, 0, 0) X(Xv, 0, 0)            \
	X(Yb, 0, 0) X(Yv, 0, 0) X(M, 1, 0) X(M0, 1, 0) X(Ms, 1, 6) X(Mp, 1, SIZE_P)        \
	X(Ma, 1, SIZE_A) X(Mw, 1, 2) X(Md, 1, 4) X(Mq, 1, 8) X(Mt, 1, 10)                 \
	X(Menv, 1, SIZE_ENV) X(Mfpu, 1, SIZE_FPU) X(M512, 1, SIZE_512) X(ES, 0, 0)         \
	X(CS, 0, 0) X(SS, 0, 0) X(DS, 0, 0) X(FS, 0, 0) X(GS, 0, 0) X(ST0, 0, 0) X(STi, 0, 0)

enum operand {
#define X(code, modrm, size) OPERAND_##code,
	OPERAND_CODES(X)
#undef X
	OPERAND_COUNT
};

enum op_attribute {
	ATTRIBUTE_L = 1, ATTRIBUTE_W = 2, ATTRIBUTE_X = 4, ATTRIBUTE_N = 8, ATTRIBUTE_U = 16,
	ATTRIBUTE_R = 32
};

struct op_info {
	const char *name;
	uint8_t operand[3];             /* enum operand */
	uint8_t attributes;
	uint16_t flags_read, flags_set, flags_undefined;
	uint64_t feature;
	uint8_t encoding;               /* enum encoding, for the tests and the disassembler */
	uint8_t opcode, digit;
};

enum encoding {
	ENCODING_NONE, ENCODING_OP1, ENCODING_OP2, ENCODING_RG1, ENCODING_RX1, ENCODING_RG2,
	ENCODING_GR1, ENCODING_GR2, ENCODING_GM2, ENCODING_FPM, ENCODING_FPR, ENCODING_FP1
};

extern const struct op_info op_info[OP_COUNT];

/* Which handlers run a row: by width (16, 32, 64), register or memory form, flat stack. */
struct op_handlers {
	insn_fn *form[3][2];
	insn_fn *flat[2];               /* NULL: none */
};
extern const struct op_handlers op_handlers[OP_COUNT];

#endif
