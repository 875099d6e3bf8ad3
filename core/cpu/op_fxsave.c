/*
 * FXSAVE and FXRSTOR, LDMXCSR and STMXCSR (SDM volume 2; volume 1, 10.5).
 *
 * Without SSE (or CR4.OSFXSR) nothing but the x87 part is written and read.  XMM8-15 are there in
 * 64-bit mode only.  The pointers to the last x87 instruction are saved as Intel's processors do;
 * AMD's leave them out unless an exception is pending.
 */
#include "op_xsave.h"

/* ---- The image ------------------------------------------------------------------------------- */

bool image_load(struct cpu *cpu, const struct insn *i, uint64_t linear, uint8_t *image,
		unsigned offset, unsigned count)
{
	return x87_load_bytes(cpu, i, (linear + offset) & cpu->linear_mask, image + offset, count);
}

bool image_store(struct cpu *cpu, const struct insn *i, uint64_t linear, const uint8_t *image,
		 unsigned offset, unsigned count)
{
	return x87_store_bytes(cpu, i, (linear + offset) & cpu->linear_mask, image + offset, count);
}

void image_put_x87(const struct cpu *cpu, const struct insn *i, uint8_t *image)
{
	const struct x87 *x87 = &cpu->x87;

	memset(image, 0, IMAGE_MXCSR);
	memset(image + IMAGE_ST, 0, IMAGE_XMM - IMAGE_ST);
	put16(image, x87->control);
	put16(image + 2, x87_status_word(x87));
	image[4] = x87->valid;
	put16(image + 6, x87->opcode);
	if (i->width == 8) {
		put64(image + 8, x87->ip);
		put64(image + 16, x87->dp);
	} else {
		put32(image + 8, (uint32_t)x87->ip);
		put16(image + 12, x87->cs);
		put32(image + 16, (uint32_t)x87->dp);
		put16(image + 20, x87->ds);
	}
	for (unsigned n = 0; n < 8; n++) {
		struct float80 value = x87_get(x87, n);

		put64(image + IMAGE_ST + 16 * n, value.significand);
		put16(image + IMAGE_ST + 16 * n + 8, value.sign_exponent);
	}
}

void image_get_x87(struct cpu *cpu, const struct insn *i, const uint8_t *image)
{
	struct x87 *x87 = &cpu->x87;

	x87->control = (uint16_t)((get16(image) & X87_CONTROL_BITS) | X87_CONTROL_ALWAYS);
	x87_set_status_word(x87, get16(image + 2));
	x87->valid = image[4];
	x87->opcode = get16(image + 6) & 0x7ff;
	if (i->width == 8) {
		x87->ip = get64(image + 8);
		x87->dp = get64(image + 16);
		x87->cs = 0;
		x87->ds = 0;
	} else {
		x87->ip = get32(image + 8);
		x87->cs = get16(image + 12);
		x87->dp = get32(image + 16);
		x87->ds = get16(image + 20);
	}
	for (unsigned n = 0; n < 8; n++) {
		const uint8_t *at = image + IMAGE_ST + 16 * n;
		struct float80 value = { get64(at), get16(at + 8) };

		x87_set_physical(x87, x87_number(x87, n), value);
	}
	x87_update_ferr(cpu);
}

bool image_store_x87(struct cpu *cpu, const struct insn *i, uint64_t linear, const uint8_t *image)
{
	return image_store(cpu, i, linear, image, 0, IMAGE_MXCSR) &&
	       image_store(cpu, i, linear, image, IMAGE_ST, IMAGE_XMM - IMAGE_ST);
}

void image_put_mxcsr(const struct cpu *cpu, uint8_t *image)
{
	put32(image + IMAGE_MXCSR, cpu->mxcsr);
	put32(image + IMAGE_MXCSR + 4, mxcsr_mask(cpu));
}

void image_put_xmm(const struct cpu *cpu, uint8_t *image)
{
	for (unsigned n = 0; n < vector_count(cpu); n++) {
		put64(image + IMAGE_XMM + 16 * n, cpu->v[n].q[0]);
		put64(image + IMAGE_XMM + 16 * n + 8, cpu->v[n].q[1]);
	}
}

void image_get_xmm(struct cpu *cpu, const uint8_t *image)
{
	for (unsigned n = 0; n < vector_count(cpu); n++) {
		cpu->v[n].q[0] = get64(image + IMAGE_XMM + 16 * n);
		cpu->v[n].q[1] = get64(image + IMAGE_XMM + 16 * n + 8);
	}
}

/* ---- FXSAVE, FXRSTOR ------------------------------------------------------------------------- */

static bool has_sse(const struct cpu *cpu)
{
	return (cpu->cr4 & CR4_OSFXSR) && (cpu->model->features & FEAT_SSE);
}

static NOINLINE bool fxsave(struct cpu *cpu, const struct insn *i)
{
	uint8_t image[IMAGE_LEGACY];
	uint64_t linear = ea(cpu, i);
	bool sse = has_sse(cpu);

	if (linear & 15)
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	image_put_x87(cpu, i, image);
	if (!store_check(cpu, i, linear, IMAGE_LEGACY) || !image_store_x87(cpu, i, linear, image))
		return false;
	if (!sse)
		return true;
	image_put_mxcsr(cpu, image);
	image_put_xmm(cpu, image);
	return image_store(cpu, i, linear, image, IMAGE_MXCSR, 8) &&
	       image_store(cpu, i, linear, image, IMAGE_XMM, 16 * vector_count(cpu));
}

static NOINLINE bool fxrstor(struct cpu *cpu, const struct insn *i)
{
	uint8_t image[IMAGE_LEGACY];
	uint64_t linear = ea(cpu, i);
	bool sse = has_sse(cpu);

	if (linear & 15)
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if (!load_check(cpu, i, linear, IMAGE_LEGACY) ||
	    !image_load(cpu, i, linear, image, 0, sse ? IMAGE_XMM + 256 : IMAGE_XMM))
		return false;
	if (sse && get32(image + IMAGE_MXCSR) & ~mxcsr_mask(cpu))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if (x87_must_be_last(cpu, i))
		return false;
	image_get_x87(cpu, i, image);
	if (sse) {
		cpu->mxcsr = get32(image + IMAGE_MXCSR);
		image_get_xmm(cpu, image);
	}
	return true;
}

HANDLER(op_FXSAVE)
{
	if (cpu->cr0 & (CR0_EM | CR0_TS))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (!fxsave(cpu, i))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_FXRSTOR)
{
	if (cpu->cr0 & (CR0_EM | CR0_TS))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (!fxrstor(cpu, i))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

/* ---- MXCSR ----------------------------------------------------------------------------------- */

/*
 * #GP for bits that it does not have.  A flag that meets its mask cleared raises nothing before the
 * next operation that raises it again.
 */
static NOINLINE bool ldmxcsr(struct cpu *cpu, const struct insn *i)
{
	uint32_t value;

	if (!load32(cpu, i, ea(cpu, i), &value))
		return false;
	if (value & ~mxcsr_mask(cpu))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	cpu->mxcsr = value;
	return true;
}
HANDLER_OF(op_LDMXCSR_Wss_m, ldmxcsr)

HANDLER(op_STMXCSR_Wss_m)
{
	if (!store32(cpu, i, ea(cpu, i), cpu->mxcsr))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
