/*
 * XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS (SDM 1, chapter 13; volume 2).
 *
 * Components: x87, SSE, AVX; no supervisor ones.  What the manual leaves to the processor: a component
 * is in use (XINUSE) exactly when its registers are not in their initial state, and the modified
 * optimisation of XSAVEOPT and XSAVES is never used, so they write every component in use.
 */
#include "op_xsave.h"

enum { X87 = XCR0_X87, SSE = XCR0_SSE, AVX = XCR0_AVX };
#define COMPACTED ((uint64_t)1 << 63)

/* ---- What is in use -------------------------------------------------------------------------- */

static bool x87_in_use(const struct x87 *x87)
{
	uint64_t any = x87->ip | x87->dp | x87->cs | x87->ds | x87->opcode | x87->valid;

	for (unsigned n = 0; n < 8; n++)
		any |= x87->significand[n] | x87->sign_exponent[n];
	return any || x87->control != X87_CONTROL_INITIAL || x87_status_word(x87);
}

/* From qword q on, two of them. */
static bool vectors_in_use(const struct cpu *cpu, unsigned q)
{
	uint64_t any = 0;

	for (unsigned n = 0; n < vector_count(cpu); n++)
		any |= cpu->v[n].q[q] | cpu->v[n].q[q + 1];
	return any;
}

static uint64_t in_use(const struct cpu *cpu)
{
	return (x87_in_use(&cpu->x87) ? X87 : 0u) | (vectors_in_use(cpu, 0) ? SSE : 0u) |
	       (vectors_in_use(cpu, 2) ? AVX : 0u);
}

/* ---- The beginning of each ------------------------------------------------------------------- */

static uint64_t requested(const struct cpu *cpu, uint64_t enabled)
{
	return enabled & ((uint64_t)reg32(cpu, REG_DX) << 32 | reg32(cpu, REG_AX));
}

/* #UD, #NM, #GP for privilege, then the address: segment limits, 64-byte alignment. */
static bool begin(struct cpu *cpu, const struct insn *i, bool system, bool write, uint64_t *linear)
{
	uint64_t offset = cpu->reg[i->base] + (cpu->reg[i->index] << i->scale) +
			  (uint64_t)i->displacement;

	if (!(cpu->cr4 & CR4_OSXSAVE))
		return cpu_raise(cpu, VECTOR_UD);
	if (cpu->cr0 & CR0_TS)
		return cpu_raise(cpu, VECTOR_NM);
	if (system && cpu->cpl)
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if (!segment_linear(cpu, i->segment, offset & address_mask(i),
			    requested(cpu, cpu->xcr0) & AVX ? IMAGE_SIZE : IMAGE_HEADER + 64, write, linear))
		return false;
	return !(*linear & 63) || cpu_raise_error(cpu, VECTOR_GP, 0);
}

/* ---- Saving ---------------------------------------------------------------------------------- */

static void image_put_ymm(const struct cpu *cpu, uint8_t *image)
{
	for (unsigned n = 0; n < vector_count(cpu); n++) {
		put64(image + IMAGE_YMM + 16 * n, cpu->v[n].q[2]);
		put64(image + IMAGE_YMM + 16 * n + 8, cpu->v[n].q[3]);
	}
}

/* Writes these components and, when mxcsr is set, MXCSR, then the first words of the header. */
static bool save(struct cpu *cpu, const struct insn *i, uint64_t linear, uint64_t components,
		 bool mxcsr, const uint64_t header[2], unsigned header_bytes)
{
	unsigned vectors = 16 * vector_count(cpu);
	uint8_t image[IMAGE_SIZE];

	image_put_x87(cpu, i, image);
	image_put_mxcsr(cpu, image);
	image_put_xmm(cpu, image);
	image_put_ymm(cpu, image);
	put64(image + IMAGE_HEADER, header[0]);
	put64(image + IMAGE_HEADER + 8, header[1]);
	/* All of a component must be writable, whichever registers the mode has. */
	if (!store_check(cpu, i, linear, components & AVX ? IMAGE_SIZE : IMAGE_YMM))
		return false;
	return (!(components & X87) || image_store_x87(cpu, i, linear, image)) &&
	       (!mxcsr || image_store(cpu, i, linear, image, IMAGE_MXCSR, 8)) &&
	       (!(components & SSE) || image_store(cpu, i, linear, image, IMAGE_XMM, vectors)) &&
	       (!(components & AVX) || image_store(cpu, i, linear, image, IMAGE_YMM, vectors)) &&
	       image_store(cpu, i, linear, image, IMAGE_HEADER, header_bytes);
}

/* XSAVE and XSAVEOPT: the header keeps the bits of what is not asked for. */
static bool save_standard(struct cpu *cpu, const struct insn *i, bool optimised)
{
	uint64_t linear, wanted = requested(cpu, cpu->xcr0), used = in_use(cpu), header[2] = { 0, 0 };

	if (!begin(cpu, i, false, true, &linear) ||
	    !load64(cpu, i, (linear + IMAGE_HEADER) & cpu->linear_mask, &header[0]))
		return false;
	if (cpu->mxcsr != MXCSR_INITIAL)
		used |= SSE;
	header[0] = (header[0] & ~wanted) | (used & wanted);
	return save(cpu, i, linear, optimised ? wanted & used : wanted, wanted & (SSE | AVX), header, 8);
}

/* XSAVEC and XSAVES: MXCSR goes with SSE. */
static bool save_compacted(struct cpu *cpu, const struct insn *i, bool system)
{
	uint64_t linear, wanted = requested(cpu, system ? cpu->xcr0 | cpu->xss : cpu->xcr0);
	uint64_t used = in_use(cpu) & wanted, header[2];

	if (!begin(cpu, i, system, true, &linear))
		return false;
	if (cpu->mxcsr != MXCSR_INITIAL)
		used |= SSE & wanted;
	header[0] = used;
	header[1] = wanted | COMPACTED;
	return save(cpu, i, linear, used, used & SSE, header, 16);
}

static NOINLINE bool xsave(struct cpu *cpu, const struct insn *i)
{
	return save_standard(cpu, i, false);
}
static NOINLINE bool xsaveopt(struct cpu *cpu, const struct insn *i)
{
	return save_standard(cpu, i, true);
}
static NOINLINE bool xsavec(struct cpu *cpu, const struct insn *i)
{
	return save_compacted(cpu, i, false);
}
static NOINLINE bool xsaves(struct cpu *cpu, const struct insn *i)
{
	return save_compacted(cpu, i, true);
}

HANDLER_OF(op_XSAVE_Mxs, xsave)
HANDLER_OF(op_XSAVEOPT_Mxs, xsaveopt)
HANDLER_OF(op_XSAVEC_Mxs, xsavec)
HANDLER_OF(op_XSAVES_Mxs, xsaves)

/* ---- Restoring ------------------------------------------------------------------------------- */

/* Is the header one that XRSTOR takes?  (SDM 1, 13.8 and 13.12) */
static bool header_valid(const struct cpu *cpu, const uint8_t *header, uint64_t enabled)
{
	uint64_t components = get64(header), format = get64(header + 8), zeros = get64(header + 16);

	if (!(format & COMPACTED))
		return !(components & ~enabled) && !format && !zeros;
	for (unsigned n = 24; n < 64; n += 8)
		zeros |= get64(header + n);
	return (cpu->model->features & (FEAT_XSAVEC | FEAT_XSAVES)) &&
	       !(format & ~(enabled | COMPACTED)) && !(components & ~format) && !zeros;
}

static void initialise_x87(struct cpu *cpu)
{
	x87_initialise(&cpu->x87);
	memset(cpu->x87.significand, 0, sizeof cpu->x87.significand);
	memset(cpu->x87.sign_exponent, 0, sizeof cpu->x87.sign_exponent);
	x87_update_ferr(cpu);
}

static void image_get_ymm(struct cpu *cpu, const uint8_t *image)
{
	for (unsigned n = 0; n < vector_count(cpu); n++) {
		cpu->v[n].q[2] = get64(image + IMAGE_YMM + 16 * n);
		cpu->v[n].q[3] = get64(image + IMAGE_YMM + 16 * n + 8);
	}
}

/* The standard form loads MXCSR whenever SSE or AVX are asked for, the compacted one with SSE. */
static bool restore(struct cpu *cpu, const struct insn *i, bool system)
{
	uint64_t enabled = system ? cpu->xcr0 | cpu->xss : cpu->xcr0, wanted = requested(cpu, enabled);
	uint64_t linear, present;
	unsigned vectors = 16 * vector_count(cpu);
	uint8_t image[IMAGE_SIZE] = { 0 };
	bool compacted, mxcsr;

	if (!begin(cpu, i, system, false, &linear) ||
	    !image_load(cpu, i, linear, image, IMAGE_HEADER, 64))
		return false;
	compacted = get64(image + IMAGE_HEADER + 8) & COMPACTED;
	if ((system && !compacted) || !header_valid(cpu, image + IMAGE_HEADER, enabled))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	present = get64(image + IMAGE_HEADER) & wanted;
	mxcsr = compacted ? (present & SSE) != 0 : (wanted & (SSE | AVX)) != 0;
	put32(image + IMAGE_MXCSR, MXCSR_INITIAL);
	if (!load_check(cpu, i, linear, present & AVX ? IMAGE_SIZE : IMAGE_YMM))
		return false;
	if (((present & X87) && (!image_load(cpu, i, linear, image, 0, IMAGE_MXCSR) ||
				 !image_load(cpu, i, linear, image, IMAGE_ST, IMAGE_XMM - IMAGE_ST))) ||
	    (mxcsr && !image_load(cpu, i, linear, image, IMAGE_MXCSR, 4)) ||
	    ((present & SSE) && !image_load(cpu, i, linear, image, IMAGE_XMM, vectors)) ||
	    ((present & AVX) && !image_load(cpu, i, linear, image, IMAGE_YMM, vectors)))
		return false;
	if (get32(image + IMAGE_MXCSR) & ~mxcsr_mask(cpu))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if ((wanted & X87) && x87_must_be_last(cpu, i))
		return false;
	/* What was not loaded is zero in the image: the initial state. */
	if (present & X87)
		image_get_x87(cpu, i, image);
	else if (wanted & X87)
		initialise_x87(cpu);
	if (wanted & SSE)
		image_get_xmm(cpu, image);
	if (mxcsr || (wanted & SSE))
		cpu->mxcsr = get32(image + IMAGE_MXCSR);
	if (wanted & AVX)
		image_get_ymm(cpu, image);
	return true;
}

static NOINLINE bool xrstor(struct cpu *cpu, const struct insn *i)
{
	return restore(cpu, i, false);
}
static NOINLINE bool xrstors(struct cpu *cpu, const struct insn *i)
{
	return restore(cpu, i, true);
}

HANDLER_OF(op_XRSTOR_Mxs, xrstor)
HANDLER_OF(op_XRSTORS_Mxs, xrstors)
