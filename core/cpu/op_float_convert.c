/*
 * Conversions between the floating-point formats and integers in SIMD, general and MMX registers
 * (SDM volume 2, the CVT instructions), and of binary16.
 */
#include "op_float.h"

#define BOTH_OF(row, work)                                                                      \
HANDLER_OF(op_##row##_r, work)                                                                  \
HANDLER_OF(op_##row##_m, work)

/* ---- Scalars --------------------------------------------------------------------------------- */

/* CVTSI2SS, CVTSI2SD: a general register or memory. */
static bool integer_operand(struct cpu *cpu, const struct insn *i)
{
	uint32_t low;

	if (!(i->flags & INSN_MEMORY)) {
		cpu->loaded = i->width == 8 ? cpu->reg[i->rm] : (uint64_t)(int32_t)cpu->reg[i->rm];
		return true;
	}
	if (i->width == 8)
		return load64(cpu, i, ea(cpu, i), &cpu->loaded);
	if (!load32(cpu, i, ea(cpu, i), &low))
		return false;
	cpu->loaded = (uint64_t)(int32_t)low;
	return true;
}

static NOINLINE bool cvtsi2ss(struct cpu *cpu, const struct insn *i)
{
	struct ieee32 r;

	if (!integer_operand(cpu, i))
		return false;
	r = ieee32_from_int64((int64_t)cpu->loaded, cpu->mxcsr);
	if (!float_commit(cpu, r.flags))
		return false;
	set_scalar32(cpu, i, r.bits);
	return true;
}

static NOINLINE bool cvtsi2sd(struct cpu *cpu, const struct insn *i)
{
	struct ieee64 r;

	if (!integer_operand(cpu, i))
		return false;
	r = ieee64_from_int64((int64_t)cpu->loaded, cpu->mxcsr);
	if (!float_commit(cpu, r.flags))
		return false;
	set_scalar64(cpu, i, r.bits);
	return true;
}

static COLD HANDLER_OF(cvtsi2ss_rest, cvtsi2ss)
static COLD HANDLER_OF(cvtsi2sd_rest, cvtsi2sd)
HANDLER_OF(op_CVTSI2SS_Vx_Hx_Ey_m, cvtsi2ss)
HANDLER_OF(op_CVTSI2SD_Vx_Hx_Ey_m, cvtsi2sd)

/* In line when the integer has a float of its own. */
HANDLER(op_CVTSI2SD_Vx_Hx_Ey_r)
{
	int64_t value = i->width == 8 ? (int64_t)cpu->reg[i->rm] : (int32_t)cpu->reg[i->rm];

	if (!IEEE_HOST || (uint64_t)value + ((uint64_t)1 << 53) > (uint64_t)1 << 54)
		return cvtsi2sd_rest(cpu, i);
	set_scalar64(cpu, i, ieee_bits64((double)value));
	NEXT(cpu, i);
}
HANDLER(op_CVTSI2SS_Vx_Hx_Ey_r)
{
	int64_t value = i->width == 8 ? (int64_t)cpu->reg[i->rm] : (int32_t)cpu->reg[i->rm];

	if (!IEEE_HOST || (uint64_t)value + ((uint64_t)1 << 24) > (uint64_t)1 << 25)
		return cvtsi2ss_rest(cpu, i);
	set_scalar32(cpu, i, ieee_bits32((float)(int32_t)value));
	NEXT(cpu, i);
}

/* To a general register of 4 or 8 bytes; the opcode 2C chops. */
static uint32_t rounding(const struct cpu *cpu, const struct insn *i)
{
	return i->opcode == 0x2c ? cpu->mxcsr | MXCSR_RC_ZERO : cpu->mxcsr;
}

static NOINLINE bool to_general(struct cpu *cpu, const struct insn *i, bool wide)
{
	uint32_t mxcsr = rounding(cpu, i);
	struct ieee64 r;
	struct ieee32 narrow;
	uint64_t b;

	if (!vector_operand(cpu, i, wide ? 8 : 4, &b))
		return false;
	if (i->width == 8) {
		r = wide ? ieee64_to_int64(b, mxcsr) : ieee32_to_int64((uint32_t)b, mxcsr);
	} else {
		narrow = wide ? ieee64_to_int32(b, mxcsr) : ieee32_to_int32((uint32_t)b, mxcsr);
		r.bits = narrow.bits;
		r.flags = narrow.flags;
	}
	if (!float_commit(cpu, r.flags))
		return false;
	cpu->reg[i->dst] = r.bits;
	return true;
}

static bool ss_to_general(struct cpu *cpu, const struct insn *i)
{
	return to_general(cpu, i, false);
}
static bool sd_to_general(struct cpu *cpu, const struct insn *i)
{
	return to_general(cpu, i, true);
}

BOTH_OF(CVTSS2SI_Gy_Wss, ss_to_general)
BOTH_OF(CVTSD2SI_Gy_Wsd, sd_to_general)
static COLD HANDLER_OF(cvttss2si_rest, ss_to_general)
static COLD HANDLER_OF(cvttsd2si_rest, sd_to_general)

/* In line when it fits and PE, if it comes, is masked. */
#define CHOP(W, type, exponent_bits, fraction_bits)                                             \
static INLINE bool chop##W(struct cpu *cpu, const struct insn *i, uint##W##_t b)                \
{                                                                                               \
	unsigned limit = (1u << (exponent_bits - 1)) - 1 + (i->width == 8 ? 63 : 31);           \
	int64_t value;                                                                          \
                                                                                                \
	if (!IEEE_HOST || !(cpu->mxcsr & MXCSR_PM) || !ieee_plain##W(b) ||                      \
	    (uint##W##_t)(b << 1) >> (fraction_bits + 1) >= limit)                              \
		return false;                                                                   \
	value = (int64_t)ieee_value##W(b);                                                      \
	if ((type)value != ieee_value##W(b))                                                    \
		cpu->mxcsr |= MXCSR_PE;                                                         \
	cpu->reg[i->dst] = i->width == 8 ? (uint64_t)value : (uint32_t)value;                   \
	return true;                                                                            \
}
CHOP(32, float, 8, 23)
CHOP(64, double, 11, 52)

#define CHOPPED(row, W, rest)                                                                   \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	if (!chop##W(cpu, i, (uint##W##_t)cpu->v[i->rm].q[0]))                                  \
		return rest(cpu, i);                                                            \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
                                                                                                \
	if (!tlb_hit(entry, linear, W / 8) || !chop##W(cpu, i, get##W(tlb_host(entry, linear)))) \
		return rest(cpu, i);                                                            \
	NEXT(cpu, i);                                                                           \
}
CHOPPED(CVTTSS2SI_Gy_Wss, 32, cvttss2si_rest)
CHOPPED(CVTTSD2SI_Gy_Wsd, 64, cvttsd2si_rest)

/* Between the formats: source and destination differ in size. */
static NOINLINE bool cvtss2sd(struct cpu *cpu, const struct insn *i)
{
	struct ieee64 r;
	uint64_t b;

	if (!vector_operand(cpu, i, 4, &b))
		return false;
	r = ieee64_from_ieee32((uint32_t)b, cpu->mxcsr);
	if (!float_commit(cpu, r.flags))
		return false;
	set_scalar64(cpu, i, r.bits);
	return true;
}

static NOINLINE bool cvtsd2ss(struct cpu *cpu, const struct insn *i)
{
	struct ieee32 r;
	uint64_t b;

	if (!vector_operand(cpu, i, 8, &b))
		return false;
	r = ieee32_from_ieee64(b, cpu->mxcsr);
	if (!float_commit(cpu, r.flags))
		return false;
	set_scalar32(cpu, i, r.bits);
	return true;
}

static COLD HANDLER_OF(cvtss2sd_rest, cvtss2sd)
static COLD HANDLER_OF(cvtsd2ss_rest, cvtsd2ss)

/* Zero or normal: exact. */
static INLINE bool widen(struct cpu *cpu, const struct insn *i, uint32_t b)
{
	if (!IEEE_HOST || !ieee_plain32(b) || b << 1 >= 0xff000000)
		return false;
	set_scalar64(cpu, i, ieee_bits64((double)ieee_float(b)));
	return true;
}

static INLINE bool narrow(struct cpu *cpu, const struct insn *i, uint64_t b)
{
	uint32_t r;

	if (!IEEE_HOST || (cpu->mxcsr & (MXCSR_RC | MXCSR_PM)) != MXCSR_PM || !ieee_plain64(b))
		return false;
	r = ieee_bits32((float)ieee_double(b));
	if (!ieee_safe32(r) && b << 1)
		return false;
	if ((double)ieee_float(r) != ieee_double(b))
		cpu->mxcsr |= MXCSR_PE;
	set_scalar32(cpu, i, r);
	return true;
}

HANDLER(op_CVTSS2SD_Vx_Hx_Wss_r)
{
	if (!widen(cpu, i, (uint32_t)cpu->v[i->rm].q[0]))
		return cvtss2sd_rest(cpu, i);
	NEXT(cpu, i);
}
HANDLER(op_CVTSS2SD_Vx_Hx_Wss_m)
{
	uint64_t linear = ea(cpu, i);
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);

	if (!tlb_hit(entry, linear, 4) || !widen(cpu, i, get32(tlb_host(entry, linear))))
		return cvtss2sd_rest(cpu, i);
	NEXT(cpu, i);
}
HANDLER(op_CVTSD2SS_Vx_Hx_Wsd_r)
{
	if (!narrow(cpu, i, cpu->v[i->rm].q[0]))
		return cvtsd2ss_rest(cpu, i);
	NEXT(cpu, i);
}
HANDLER(op_CVTSD2SS_Vx_Hx_Wsd_m)
{
	uint64_t linear = ea(cpu, i);
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);

	if (!tlb_hit(entry, linear, 8) || !narrow(cpu, i, get64(tlb_host(entry, linear))))
		return cvtsd2ss_rest(cpu, i);
	NEXT(cpu, i);
}

/* ---- Vectors --------------------------------------------------------------------------------- */

/* count elements of b to r, which is zero; returns the flags. */
typedef uint32_t converter(uint64_t *r, const uint64_t *b, unsigned count, uint32_t mxcsr);

/* size: of the source; element: the wider one's. */
static NOINLINE bool convert(struct cpu *cpu, const struct insn *i, converter *work, unsigned size,
			     unsigned element)
{
	uint64_t b[4], r[4] = { 0 };

	if (!vector_operand(cpu, i, size, b) ||
	    !float_commit(cpu, work(r, b, vector_size(i) / element, cpu->mxcsr)))
		return false;
	set_vector(cpu, i, r);
	return true;
}

#define CONVERTER(name, to, value, rc)                                                          \
static uint32_t name##_elements(uint64_t *r, const uint64_t *b, unsigned count, uint32_t mxcsr) \
{                                                                                               \
	uint32_t flags = 0;                                                                     \
                                                                                                \
	mxcsr |= rc;                                                                            \
	for (unsigned n = 0; n < count; n++) {                                                  \
		struct ieee##to one = value;                                                    \
                                                                                                \
		SET_##to(r, n, one.bits);                                                       \
		flags |= one.flags;                                                             \
	}                                                                                       \
	return flags;                                                                           \
}
#define SET_32 set_element32
#define SET_64(r, n, value) ((r)[n] = (value))
CONVERTER(cvtps2pd, 64, ieee64_from_ieee32(element32(b, n), mxcsr), 0)
CONVERTER(cvtpd2ps, 32, ieee32_from_ieee64(b[n], mxcsr), 0)
CONVERTER(cvtdq2ps, 32, ieee32_from_int32((int32_t)element32(b, n), mxcsr), 0)
CONVERTER(cvtdq2pd, 64, ieee64_from_int32((int32_t)element32(b, n), mxcsr), 0)
CONVERTER(cvtps2dq, 32, ieee32_to_int32(element32(b, n), mxcsr), 0)
CONVERTER(cvttps2dq, 32, ieee32_to_int32(element32(b, n), mxcsr), MXCSR_RC_ZERO)
CONVERTER(cvtpd2dq, 32, ieee64_to_int32(b[n], mxcsr), 0)
CONVERTER(cvttpd2dq, 32, ieee64_to_int32(b[n], mxcsr), MXCSR_RC_ZERO)
CONVERTER(cvtph2ps, 32, ieee32_from_ieee16((uint16_t)(b[n / 4] >> n % 4 * 16), mxcsr), 0)

#define CONVERT(row, name, size, element)                                                       \
static bool name(struct cpu *cpu, const struct insn *i)                                         \
{                                                                                               \
	return convert(cpu, i, name##_elements, size, element);                                 \
}                                                                                               \
BOTH_OF(row, name)
CONVERT(CVTPS2PD_Vx_Whx, cvtps2pd, vector_size(i) / 2, 8)
CONVERT(CVTPD2PS_Vdq_Wx, cvtpd2ps, vector_size(i), 8)
CONVERT(CVTDQ2PS_Vx_Wx, cvtdq2ps, vector_size(i), 4)
CONVERT(CVTDQ2PD_Vx_Whx, cvtdq2pd, vector_size(i) / 2, 8)
CONVERT(CVTPS2DQ_Vx_Wx, cvtps2dq, vector_size(i), 4)
CONVERT(CVTTPS2DQ_Vx_Wx, cvttps2dq, vector_size(i), 4)
CONVERT(CVTPD2DQ_Vdq_Wx, cvtpd2dq, vector_size(i), 8)
CONVERT(CVTTPD2DQ_Vdq_Wx, cvttpd2dq, vector_size(i), 8)
CONVERT(VCVTPH2PS_Vx_Whx, cvtph2ps, vector_size(i) / 2, 4)

/*
 * VCVTPS2PH has its destination in rm.  A store that faults leaves MXCSR alone, and one that an
 * unmasked exception holds back faults all the same where it may not write.
 */
static NOINLINE bool cvtps2ph(struct cpu *cpu, const struct insn *i)
{
	unsigned size = vector_size(i) / 2;
	uint64_t r[2] = { 0 }, *d = cpu->v[i->rm].q;
	uint32_t flags = 0;

	for (unsigned n = 0; n < size / 2; n++) {
		struct ieee32 half = ieee16_from_ieee32(element32(cpu->v[i->dst].q, n),
							(unsigned)i->imm, cpu->mxcsr);

		r[n / 4] |= (uint64_t)half.bits << n % 4 * 16;
		flags |= half.flags;
	}
	if (!(i->flags & INSN_MEMORY)) {
		if (!float_commit(cpu, flags))
			return false;
		d[0] = r[0];
		d[1] = r[1];
		d[2] = d[3] = 0;
		return true;
	}
	if (ieee_unmasked(flags, cpu->mxcsr))
		return vector_store_check(cpu, i, size) && float_commit(cpu, flags);
	return vector_store(cpu, i, size, r) && float_commit(cpu, flags);
}
BOTH_OF(VCVTPS2PH_Whx_Vx_Ib, cvtps2ph)

/* ---- MMX ------------------------------------------------------------------------------------- */

/*
 * Two integers of an MMX register or of memory; only the register makes it an MMX instruction
 * (as AMD's processors have it; Intel's manual says so of CVTPI2PD, of CVTPI2PS it says nothing).
 * The x87 registers become MMX registers before an exception of the arithmetic.
 */
static NOINLINE bool from_mmx(struct cpu *cpu, const struct insn *i, converter *work, bool wide)
{
	uint64_t b = mmx_get(cpu, i->rm), r[4] = { 0 };

	if (!(i->flags & INSN_MEMORY))
		mmx_used(cpu);
	else if (!vector_load(cpu, i, 8, &b))
		return false;
	if (!float_commit(cpu, work(r, &b, 2, cpu->mxcsr)))
		return false;
	cpu->v[i->dst].q[0] = r[0];
	if (wide)
		cpu->v[i->dst].q[1] = r[1];
	return true;
}

static NOINLINE bool to_mmx(struct cpu *cpu, const struct insn *i, converter *work, unsigned size)
{
	uint64_t b[2], r[4] = { 0 };

	if (!vector_operand(cpu, i, size, b))
		return false;
	mmx_used(cpu);
	if (!float_commit(cpu, work(r, b, 2, cpu->mxcsr)))
		return false;
	mmx_set(cpu, i->dst, r[0]);
	return true;
}

#define MMX_HANDLER(name, call)                                                                 \
HANDLER(name)                                                                                   \
{                                                                                               \
	if (x87_blocked(cpu))                                                                   \
		return mmx_stop(cpu, i);                                                        \
	if (!call)                                                                              \
		return cpu_fault(cpu, i);                                                       \
	NEXT(cpu, i);                                                                           \
}
#define MMX_BOTH(row, call)                                                                     \
MMX_HANDLER(op_##row##_r, call)                                                                 \
MMX_HANDLER(op_##row##_m, call)
MMX_HANDLER(op_CVTPI2PS_Vx_Qq_r, from_mmx(cpu, i, cvtdq2ps_elements, false))
MMX_HANDLER(op_CVTPI2PD_Vx_Qq_r, from_mmx(cpu, i, cvtdq2pd_elements, true))
HANDLER(op_CVTPI2PS_Vx_Qq_m)
{
	if (!from_mmx(cpu, i, cvtdq2ps_elements, false))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
HANDLER(op_CVTPI2PD_Vx_Qq_m)
{
	if (!from_mmx(cpu, i, cvtdq2pd_elements, true))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
MMX_BOTH(CVTPS2PI_Pq_Wq, to_mmx(cpu, i, cvtps2dq_elements, 8))
MMX_BOTH(CVTTPS2PI_Pq_Wq, to_mmx(cpu, i, cvttps2dq_elements, 8))
MMX_BOTH(CVTPD2PI_Pq_Wdq, to_mmx(cpu, i, cvtpd2dq_elements, 16))
MMX_BOTH(CVTTPD2PI_Pq_Wdq, to_mmx(cpu, i, cvttpd2dq_elements, 16))
