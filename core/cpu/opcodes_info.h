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
       SIZE_ENV /* x87 environment */, SIZE_FPU /* x87 state */, SIZE_512,
       SIZE_X /* vector length */, SIZE_HX, SIZE_QX, SIZE_OX /* half, quarter, eighth of it */,
       SIZE_Y /* 8 with REX.W, else 4 */, SIZE_S /* descriptor-table register */,
       SIZE_2Y /* two of those */, SIZE_XSAVE };
#define OPERAND_CODES(X)                                                                  \
	X(_, 0, 0) X(Eb, 1, 1) X(Ew, 1, 2) X(Ev, 1, SIZE_V) X(Gb, 1, 0) X(Gw, 1, 0)        \
	X(Gv, 1, 0) X(Ib, 0, 0) X(sIb, 0, 0) X(Iw, 0, 0) X(Iz, 0, 0) X(Iv, 0, 0) X(I1, 0, 0) \
	X(Ob, 0, 1) X(Ov, 0, SIZE_V) X(Jb, 0, 0) X(Jz, 0, 0) X(AL, 0, 0) X(eAX, 0, 0)      \
	X(AX, 0, 0) X(CL, 0, 0) X(DX, 0, 0) X(Zb, 0, 0) X(Zv, 0, 0) X(Sw, 1, 0)            \
	X(Cd, 1, 0) X(Dd, 1, 0) X(Rd, 1, 0) X(Ap, 0, 0) X(Xb, 0, 0) X(Xv, 0, 0)            \
	X(Yb, 0, 0) X(Yv, 0, 0) X(M, 1, 0) X(M0, 1, 0) X(Ms, 1, SIZE_S) X(Mp, 1, SIZE_P)   \
	X(Ma, 1, SIZE_A) X(Mw, 1, 2) X(Md, 1, 4) X(Mq, 1, 8) X(Mt, 1, 10)                 \
	X(Menv, 1, SIZE_ENV) X(Mfpu, 1, SIZE_FPU) X(M512, 1, SIZE_512) X(ES, 0, 0)         \
	X(CS, 0, 0) X(SS, 0, 0) X(DS, 0, 0) X(FS, 0, 0) X(GS, 0, 0) X(ST0, 0, 0) X(STi, 0, 0) \
	X(Ed, 1, 4) X(Eq, 1, 8) X(Ey, 1, SIZE_Y) X(Gd, 1, 0) X(Gy, 1, 0) X(By, 1, 0)       \
	X(Rw, 1, 0) X(Ry, 1, 0) X(Mb, 1, 1) X(Mdq, 1, 16) X(M32, 1, 32) X(My, 1, SIZE_Y)    \
	X(M2y, 1, SIZE_2Y) X(Mxs, 1, SIZE_XSAVE)                                           \
	X(Vx, 1, 0) X(Hx, 1, 0) X(Wx, 1, SIZE_X) X(Ux, 1, 0) X(Mx, 1, SIZE_X)              \
	X(Wsy, 1, SIZE_Y)                                                                  \
	X(Wss, 1, 4) X(Wsd, 1, 8) X(Wq, 1, 8) X(Wdq, 1, 16) X(Whx, 1, SIZE_HX)             \
	X(Wqx, 1, SIZE_QX) X(Wox, 1, SIZE_OX) X(Ww, 1, 2) X(Wb, 1, 1) X(Vdq, 1, 0)         \
	X(Hdq, 1, 0) X(Udq, 1, 0) X(Lx, 0, 0) X(Pq, 1, 0) X(Qq, 1, 8) X(Qd, 1, 4) X(Nq, 1, 0) \
	X(XMM0, 0, 0) X(VM32x, 1, 0) X(VM32h, 1, 0) X(VM64x, 1, 0)

enum operand {
#define X(code, modrm, size) OPERAND_##code,
	OPERAND_CODES(X)
#undef X
	OPERAND_COUNT
};

enum op_attribute {
	ATTRIBUTE_L = 1, ATTRIBUTE_W = 2, ATTRIBUTE_X = 4, ATTRIBUTE_N = 8, ATTRIBUTE_U = 16,
	ATTRIBUTE_R = 32, ATTRIBUTE_I = 64, ATTRIBUTE_Q = 128, ATTRIBUTE_D = 256,
	ATTRIBUTE_F = 512, ATTRIBUTE_A = 1024, ATTRIBUTE_AA = 2048, ATTRIBUTE_W0 = 4096,
	ATTRIBUTE_W1 = 8192, ATTRIBUTE_S = 16384
};

/* The kinds of rows: X(kind, whether it has a legacy form, whether it has a VEX form). */
#define KINDS(X)                                                                          \
	X(FX, 1, 0) X(EB, 1, 0) X(EV, 1, 0) X(VW, 1, 0) X(SV, 1, 0) X(SE, 1, 0)            \
	X(XM, 1, 0) X(XV, 1, 1) X(XW, 1, 1) X(XS, 1, 1) X(X1, 1, 1)                        \
	X(V1, 0, 1) X(VX, 0, 1) X(V2, 0, 1) X(VS, 0, 1) X(VG, 0, 1)

enum kind {
#define X(kind, legacy, vex) KIND_##kind,
	KINDS(X)
#undef X
};

/*
 * The encodings: X(name, opcode map, mandatory prefix, form).  Maps: 0 one byte, 1 0F,
 * 2 0F 38, 3 0F 3A.  Prefixes: 0 whatever they are, 1 none, 2 66h, 3 F3h, 4 F2h.
 */
#define ENCODINGS(X)                                                                      \
	X(OP1, 0, 0, PLAIN) X(RG1, 0, 0, IN_OPCODE) X(RX1, 0, 0, IN_OPCODE) X(GR1, 0, 0, DIGIT) \
	X(OQ1, 0, 0, PLAIN)                                                                \
	X(OP2, 1, 0, PLAIN) X(RG2, 1, 0, IN_OPCODE) X(GR2, 1, 0, DIGIT) X(GM2, 1, 0, DIGIT_MEMORY) \
	X(GR2R, 1, 0, DIGIT_REGISTER)                                                      \
	X(E01, 1, 0, MODRM) X(OP8, 2, 0, PLAIN)                                            \
	X(O2N, 1, 1, PLAIN) X(O26, 1, 2, PLAIN) X(O23, 1, 3, PLAIN) X(O22, 1, 4, PLAIN)    \
	X(O8N, 2, 1, PLAIN) X(O86, 2, 2, PLAIN) X(O83, 2, 3, PLAIN) X(O82, 2, 4, PLAIN)    \
	X(OAN, 3, 1, PLAIN) X(OA6, 3, 2, PLAIN) X(OA3, 3, 3, PLAIN) X(OA2, 3, 4, PLAIN)    \
	X(G2N, 1, 1, DIGIT) X(G26, 1, 2, DIGIT) X(G23, 1, 3, DIGIT) X(G22, 1, 4, DIGIT)    \
	X(GM2N, 1, 1, DIGIT_MEMORY) X(GM26, 1, 2, DIGIT_MEMORY) X(GM23, 1, 3, DIGIT_MEMORY) \
	X(GR2N, 1, 1, DIGIT_REGISTER) X(GR26, 1, 2, DIGIT_REGISTER) X(GR23, 1, 3, DIGIT_REGISTER) \
	X(M2N, 1, 1, MEMORY) X(M26, 1, 2, MEMORY) X(M23, 1, 3, MEMORY) X(M22, 1, 4, MEMORY) \
	X(R2N, 1, 1, REGISTER) X(R26, 1, 2, REGISTER) X(R23, 1, 3, REGISTER) X(R22, 1, 4, REGISTER) \
	X(G8N, 2, 1, DIGIT)                                                                \
	X(A2N, 1, 1, ALTERNATIVE) X(A22, 1, 4, ALTERNATIVE) X(A86, 2, 2, ALTERNATIVE)      \
	X(FPM, 0, 0, X87) X(FPR, 0, 0, X87) X(FP1, 0, 0, X87)

enum encoding {
#define X(name, map, prefix, form) ENCODING_##name,
	ENCODINGS(X)
#undef X
	ENCODING_COUNT
};

enum form { FORM_PLAIN, FORM_IN_OPCODE, FORM_DIGIT, FORM_DIGIT_MEMORY, FORM_DIGIT_REGISTER, FORM_MODRM,
	    FORM_MEMORY, FORM_REGISTER, FORM_X87, FORM_ALTERNATIVE };

struct op_info {
	uint16_t attributes;
	uint16_t flags_read, flags_set, flags_undefined;
	uint16_t name;                  /* op_name */
	uint8_t feature[2];             /* op_features */
	uint8_t operand[4];             /* enum operand */
	uint8_t kind;                   /* enum kind */
	uint8_t encoding;               /* enum encoding */
	uint8_t opcode, digit;          /* digit: of the group, or the whole ModRM byte */
};

struct encoding_info {
	uint8_t map, prefix, form;      /* see ENCODINGS */
};
extern const struct encoding_info encoding_info[ENCODING_COUNT];

/* Is i a row for SIMD registers, or a VEX one: its operand size is REX.W's or VEX.W's alone. */
static inline bool op_is_vector(const struct op_info *info) { return info->kind >= KIND_XM; }
static inline bool op_has_legacy(const struct op_info *info) { return info->kind < KIND_V1; }
static inline bool op_has_vex(const struct op_info *info) { return info->kind > KIND_XM; }

extern const struct op_info op_info[OP_COUNT];

/* Small numbers in place of a pointer, which a shared library would have to relocate, and a mask. */
const char *op_name(const struct op_info *info);
/* The FEAT_ bits that it needs: at most two. */
static inline uint64_t op_features(const struct op_info *info)
{
	return (uint64_t)1 << info->feature[0] >> 1 | (uint64_t)1 << info->feature[1] >> 1;
}

/*
 * The handler that runs a row: operand_size in bytes, with a memory operand or a register, with
 * a flat 32-bit stack or not.  What the row does not distinguish does not matter.
 */
insn_fn *op_handler(uint16_t op, unsigned operand_size, bool memory, bool flat);

#endif
