/* The x87 register stack and its environment (SDM 1, chapter 8). */
#ifndef CORE_FPU_X87_H
#define CORE_FPU_X87_H

#include <stdint.h>
#include "float.h"

struct x87 {
	struct float80 reg[8];          /* physical registers R0-R7 (not relative to TOP) */
	uint16_t control;
	uint16_t status;                /* TOP in bits 11-13; ES and B are kept up to date */
	uint16_t tag;                   /* full tag word: 2 bits a physical register, 3: empty */
	uint16_t opcode;                /* 11 bits of the last non-control instruction */
	uint16_t cs, ds;
	uint64_t ip, dp;
};

#endif
