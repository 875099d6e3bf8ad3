/* Bytes to a decoded instruction: what the block builder and the disassembler share. */
#ifndef CORE_CPU_DECODE_H
#define CORE_CPU_DECODE_H

#include "opcodes_info.h"

enum decode_status {
	DECODE_OK,
	DECODE_MORE,                    /* the bytes end inside the instruction */
	DECODE_UD,                      /* no such instruction, or a LOCK it does not take */
	DECODE_TOO_LONG                 /* more than 15 bytes: #GP(0) */
};

enum { NO_SEGMENT = 0xff };

struct decoded {
	uint16_t op;                    /* enum op */
	uint8_t length, opcode, modrm;
	uint8_t bits;                   /* 16, 32, 64 */
	uint8_t operand_size, address_size;     /* bytes: 2, 4, 8 */
	uint8_t segment;                /* of the memory operand or string source */
	uint8_t override;               /* segment prefix, or NO_SEGMENT */
	uint8_t rep;                    /* 0, INSN_REP or INSN_REPNE */
	bool lock, memory;
	bool rex;                       /* there is a REX prefix: byte registers 4-7 are SPL ... DIL */
	bool rex_w, rex_r, rex_x, rex_b;        /* of REX or VEX */
	bool prefix66;
	bool vex, vex_l;
	uint8_t vvvv;                   /* VEX.vvvv, the right way round; 0 in legacy encodings */
	uint8_t reg, rm;                /* ModRM fields (rm: register form), with REX.R and REX.B */
	uint8_t opcode_reg;             /* the register in the opcode, with REX.B */
	uint8_t base, index, scale;     /* registers, REG_ZERO when absent */
	int64_t displacement;
	uint64_t imm;                   /* sign-extended; branches: the target */
	uint16_t imm2;                  /* second immediate: ENTER's level, far pointer's selector */
};

/*
 * bits is 16, 32 or 64; features the processor's enum feature mask; ip the address for
 * relative branches.
 */
enum decode_status decode(const uint8_t *bytes, unsigned available, unsigned bits, uint64_t ip,
			  uint64_t features, struct decoded *d);

/* Bytes of a SIMD register that d works on. */
static inline unsigned decoded_vector_length(const struct decoded *d)
{
	return d->vex && d->vex_l && op_info[d->op].kind != KIND_VS && op_info[d->op].kind != KIND_XS ? 32 : 16;
}

/* Bytes of the memory operand that the handler accesses; 0: none or not checked here. */
unsigned decoded_access(const struct decoded *d);

#endif
