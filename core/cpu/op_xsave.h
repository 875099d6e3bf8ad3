/*
 * The image of FXSAVE and XSAVE in memory (SDM 1, 10.5.1 and 13.4), shared by both families.
 */
#ifndef CORE_CPU_OP_XSAVE_H
#define CORE_CPU_OP_XSAVE_H

#include "op_x87.h"
#include "fpu/ieee.h"

enum {
	IMAGE_MXCSR = 24, IMAGE_ST = 32, IMAGE_XMM = 160, IMAGE_LEGACY = 512,
	IMAGE_HEADER = 512,             /* XSTATE_BV, XCOMP_BV, zeros */
	IMAGE_YMM = 576,                /* also where the compacted form has it: there is nothing else */
	IMAGE_SIZE = 832
};

/* XMM and YMM registers outside 64-bit mode are the first eight. */
static INLINE unsigned vector_count(const struct cpu *cpu)
{
	return cpu->mode & MODE_64 ? 16 : 8;
}

/* The bits of MXCSR that there are: DAZ came with SSE2. */
static INLINE uint32_t mxcsr_mask(const struct cpu *cpu)
{
	return cpu->model->features & FEAT_SSE2 ? MXCSR_BITS : MXCSR_BITS & ~MXCSR_DAZ;
}

/* ---- op_fxsave.c ----------------------------------------------------------------------------- */

/* count bytes of the image from offset on, a multiple of 2; false: a fault is recorded. */
bool image_load(struct cpu *cpu, const struct insn *i, uint64_t linear, uint8_t *image,
		unsigned offset, unsigned count);
bool image_store(struct cpu *cpu, const struct insn *i, uint64_t linear, const uint8_t *image,
		 unsigned offset, unsigned count);

/* Bytes 0-23 and 32-159; with REX.W pointers are 64 bits and have no selectors. */
void image_put_x87(const struct cpu *cpu, const struct insn *i, uint8_t *image);
void image_get_x87(struct cpu *cpu, const struct insn *i, const uint8_t *image);
bool image_store_x87(struct cpu *cpu, const struct insn *i, uint64_t linear, const uint8_t *image);

/* MXCSR and its mask; XMM registers. */
void image_put_mxcsr(const struct cpu *cpu, uint8_t *image);
void image_put_xmm(const struct cpu *cpu, uint8_t *image);
void image_get_xmm(struct cpu *cpu, const uint8_t *image);

#endif
