/*
 * x87: loads, stores, exchanges, conditional moves, constants, and the stack pointer.
 *
 * A load that finds the stack full and a store from an empty register are stack faults.  A store
 * checks its memory before the status changes; one that an unmasked exception holds back faults all
 * the same where it may not write, but writes nothing.
 */
#include "op_x87.h"
#include "flags.h"
#include "fpu/fast.h"

/* ---- Loads ---------------------------------------------------------------------------------------- */

/* Pushes value with what its conversion raised; only IE keeps it back. */
static void push_loaded(struct x87 *x87, struct float80 value, const struct fpu_context *context)
{
	if (!x87_empty(x87, 7)) {
		if (x87_overflow(x87))
			x87_push(x87, F80_DEFAULT_NAN);
		return;
	}
	x87_raise(x87, context->flags);
	if (!(fpu_unmasked(context) & FPU_IE))
		x87_push(x87, value);
}

static NOINLINE bool fld_md(struct cpu *cpu, const struct insn *i)
{
	struct fpu_context context = fpu_context(cpu->x87.control);
	uint64_t linear = ea(cpu, i);
	uint32_t value;

	if (!load32(cpu, i, linear, &value))
		return false;
	x87_record_memory(cpu, i, linear);
	push_loaded(&cpu->x87, f80_from_float32(value, &context), &context);
	return true;
}

static NOINLINE bool fld_mq(struct cpu *cpu, const struct insn *i)
{
	struct fpu_context context = fpu_context(cpu->x87.control);
	uint64_t linear = ea(cpu, i), value;

	if (!load64(cpu, i, linear, &value))
		return false;
	x87_record_memory(cpu, i, linear);
	push_loaded(&cpu->x87, f80_from_float64(value, &context), &context);
	return true;
}

static NOINLINE bool fld_mt(struct cpu *cpu, const struct insn *i)
{
	struct fpu_context context = fpu_context(cpu->x87.control);
	uint64_t linear = ea(cpu, i);
	uint8_t bytes[10];
	struct float80 value;

	if (!x87_load_bytes(cpu, i, linear, bytes, 10))
		return false;
	x87_record_memory(cpu, i, linear);
	value.significand = get64(bytes);
	value.sign_exponent = get16(bytes + 8);
	push_loaded(&cpu->x87, value, &context);
	return true;
}

static NOINLINE bool fbld(struct cpu *cpu, const struct insn *i)
{
	struct fpu_context context = fpu_context(cpu->x87.control);
	uint64_t linear = ea(cpu, i);
	uint8_t bytes[10];

	if (!x87_load_bytes(cpu, i, linear, bytes, 10))
		return false;
	x87_record_memory(cpu, i, linear);
	push_loaded(&cpu->x87, f80_from_bcd(bytes), &context);
	return true;
}

static NOINLINE bool fild(struct cpu *cpu, const struct insn *i)
{
	struct fpu_context context = fpu_context(cpu->x87.control);
	uint64_t linear = ea(cpu, i), value64;
	uint32_t value32;
	uint16_t value16;
	int64_t value;

	if (i->opcode == 0xdb) {
		if (!load32(cpu, i, linear, &value32))
			return false;
		value = (int32_t)value32;
	} else if ((i->modrm >> 3 & 7) == 0) {
		if (!load16(cpu, i, linear, &value16))
			return false;
		value = (int16_t)value16;
	} else {
		if (!load64(cpu, i, linear, &value64))
			return false;
		value = (int64_t)value64;
	}
	x87_record_memory(cpu, i, linear);
	push_loaded(&cpu->x87, f80_from_int64(value), &context);
	return true;
}

static NOINLINE bool fld_sti(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct fpu_context context = fpu_context(x87->control);

	x87_record(cpu, i);
	if (x87_empty(x87, i->modrm & 7)) {
		if (x87_underflow(x87))
			x87_push(x87, F80_DEFAULT_NAN);
		return true;
	}
	push_loaded(x87, x87_get(x87, i->modrm & 7), &context);
	return true;
}

static NOINLINE bool load_constant(struct cpu *cpu, const struct insn *i)
{
	struct fpu_context context = fpu_context(cpu->x87.control);

	x87_record(cpu, i);
	push_loaded(&cpu->x87, f80_constant(i->modrm & 7, &context), &context);
	return true;
}

static X87_HANDLER(fld_md_slow, fld_md)
static X87_HANDLER(fld_mq_slow, fld_mq)
static X87_HANDLER(fild_slow, fild)
static X87_HANDLER(fld_mt_slow, fld_mt)
static X87_HANDLER(fld_sti_slow, fld_sti)
static X87_HANDLER(constant_slow, load_constant)
X87_HANDLER(op_FBLD_Mt, fbld)

/* ---- Stores --------------------------------------------------------------------------------------- */

/*
 * What a store writes: little-endian bytes made from ST0, with the exceptions that raises.  The
 * kinds are those of the reg field and first byte; 10-byte reals raise nothing.
 */
static unsigned convert_for_store(const struct insn *i, struct float80 value, uint8_t bytes[10],
				  struct fpu_context *context)
{
	unsigned digit = i->modrm >> 3 & 7;

	switch (i->opcode) {
	case 0xd9:
		put32(bytes, f80_to_float32(value, context));
		return 4;
	case 0xdb:
		if (digit == 7) {
			put64(bytes, value.significand);
			put16(bytes + 8, value.sign_exponent);
			return 10;
		}
		put32(bytes, (uint32_t)f80_to_int32(value, context));
		return 4;
	case 0xdd:
		put64(bytes, digit == 1 ? (uint64_t)f80_to_int64(value, context) : f80_to_float64(value, context));
		return 8;
	default:
		if (digit == 6) {
			f80_to_bcd(value, bytes, context);
			return 10;
		}
		if (digit == 7) {
			put64(bytes, (uint64_t)f80_to_int64(value, context));
			return 8;
		}
		put16(bytes, (uint16_t)f80_to_int16(value, context));
		return 2;
	}
}

static bool store_converted(struct cpu *cpu, const struct insn *i, uint64_t linear,
			    const uint8_t *bytes, unsigned count)
{
	switch (count) {
	case 2:
		return store16(cpu, i, linear, get16(bytes));
	case 4:
		return store32(cpu, i, linear, get32(bytes));
	case 8:
		return store64(cpu, i, linear, get64(bytes));
	default:
		return x87_store_bytes(cpu, i, linear, bytes, count);
	}
}

/* All stores to memory.  FST and FIST are the ones with 2 in the reg field; the others pop.  1 is FISTTP. */
static NOINLINE bool store(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct fpu_context context = fpu_context(x87->control);
	uint64_t linear = ea(cpu, i);
	bool empty = x87_empty(x87, 0);
	uint8_t bytes[10];
	unsigned count;

	if ((i->modrm >> 3 & 7) == 1)
		context.control |= FPU_RC_ZERO;
	count = convert_for_store(i, empty ? F80_DEFAULT_NAN : x87_get(x87, 0), bytes, &context);
	if (empty)
		context.flags = FPU_IE | FPU_SF;
	if (fpu_store_suppressed(&context)) {
		if (!store_check(cpu, i, linear, count))
			return false;
	} else {
		if (!store_converted(cpu, i, linear, bytes, count))
			return false;
		if ((i->modrm >> 3 & 7) != 2)
			x87_pop(x87);
	}
	x87_record_memory(cpu, i, linear);
	x87_raise(x87, context.flags);
	return true;
}

static X87_HANDLER(store_slow_handler, store)
X87_HANDLER(op_FIST_Mw, store)
X87_HANDLER(op_FISTP_Mw, store)
X87_HANDLER(op_FIST_Md, store)
X87_HANDLER(op_FISTP_Md, store)
X87_HANDLER(op_FISTP_Mq, store)
X87_HANDLER(op_FISTTP_Mw, store)
X87_HANDLER(op_FISTTP_Md, store)
X87_HANDLER(op_FISTTP_Mq, store)
X87_HANDLER(op_FBSTP_Mt, store)

/* ---- Between registers ---------------------------------------------------------------------------- */

/*
 * FST ST(i); FSTP in all its encodings: DD D8+, D9 D8+, DF D0+ and DF D8+.  D9 D8+ knows no stack
 * fault: from an empty register it only pops.
 */
static NOINLINE bool fst_sti(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct float80 value = x87_get(x87, 0);

	x87_record(cpu, i);
	if (x87_empty(x87, 0) && i->opcode == 0xd9) {
		x87_raise(x87, 0);
		x87_pop(x87);
		return true;
	}
	if (x87_empty(x87, 0)) {
		if (!x87_underflow(x87))
			return true;
		value = F80_DEFAULT_NAN;
	} else {
		x87_raise(x87, 0);
	}
	x87_set(x87, i->modrm & 7, value);
	if (i->opcode != 0xdd || i->modrm >= 0xd8)
		x87_pop(x87);
	return true;
}

static NOINLINE bool fxch(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	unsigned index = i->modrm & 7;
	struct float80 a = x87_get(x87, 0), b = x87_get(x87, index);

	x87_record(cpu, i);
	if (x87_empty(x87, 0) || x87_empty(x87, index)) {
		if (!x87_underflow(x87))
			return true;
		if (x87_empty(x87, 0))
			a = F80_DEFAULT_NAN;
		if (x87_empty(x87, index))
			b = F80_DEFAULT_NAN;
	} else {
		x87_raise(x87, 0);
	}
	x87_set(x87, 0, b);
	x87_set(x87, index, a);
	return true;
}

/* DA: below, equal, below or equal, unordered; DB: their opposites.  C1 only changes on a fault. */
static bool condition_holds(const struct cpu *cpu, const struct insn *i)
{
	bool holds;

	switch (i->modrm >> 3 & 3) {
	case 0:
		holds = flag_cf(cpu);
		break;
	case 1:
		holds = flag_zf(cpu);
		break;
	case 2:
		holds = flag_cf(cpu) || flag_zf(cpu);
		break;
	default:
		holds = flag_pf(cpu);
		break;
	}
	return holds == (i->opcode == 0xda);
}

static NOINLINE bool fcmov(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	unsigned index = i->modrm & 7;

	x87_record(cpu, i);
	if (x87_empty(x87, 0) || x87_empty(x87, index)) {
		if (x87_underflow(x87))
			x87_set(x87, 0, F80_DEFAULT_NAN);
	} else if (condition_holds(cpu, i)) {
		x87_set(x87, 0, x87_get(x87, index));
	}
	return true;
}

/* FCHS and FABS: the sign alone, of anything. */
static NOINLINE bool change_sign(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct float80 value = x87_get(x87, 0);

	x87_record(cpu, i);
	if (x87_empty(x87, 0)) {
		if (!x87_underflow(x87))
			return true;
		value = F80_DEFAULT_NAN;
	} else {
		x87_raise(x87, 0);
		value.sign_exponent = (uint16_t)(i->modrm == 0xe0 ? value.sign_exponent ^ 0x8000
								  : value.sign_exponent & 0x7fff);
	}
	x87_set(x87, 0, value);
	return true;
}

static NOINLINE bool ffree(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;

	x87_record(cpu, i);
	x87->valid &= (uint8_t)~(1u << x87_number(x87, i->modrm & 7));
	if (i->opcode == 0xdf)
		x87_pop(x87);
	x87_raise(x87, 0);
	return true;
}

static NOINLINE bool move_top(struct cpu *cpu, const struct insn *i)
{
	x87_record(cpu, i);
	cpu->x87.top = (cpu->x87.top + (i->modrm == 0xf7 ? 1 : 7)) & 7;
	x87_raise(&cpu->x87, 0);
	return true;
}

X87_HANDLER(op_FST_STi, fst_sti)
static X87_HANDLER(fstp_sti_slow, fst_sti)
static X87_HANDLER(fxch_slow, fxch)
static X87_HANDLER(change_sign_slow, change_sign)
X87_HANDLER(op_FCMOVB, fcmov)
X87_HANDLER(op_FCMOVE, fcmov)
X87_HANDLER(op_FCMOVBE, fcmov)
X87_HANDLER(op_FCMOVU, fcmov)
X87_HANDLER(op_FCMOVNB, fcmov)
X87_HANDLER(op_FCMOVNE, fcmov)
X87_HANDLER(op_FCMOVNBE, fcmov)
X87_HANDLER(op_FCMOVNU, fcmov)
X87_HANDLER(op_FFREE_STi, ffree)
X87_HANDLER(op_FFREEP_STi, ffree)
X87_HANDLER(op_FINCSTP, move_top)
X87_HANDLER(op_FDECSTP, move_top)

/* ---- The plain case, in line ------------------------------------------------------------------------ */

static INLINE bool plain(const struct cpu *cpu)
{
	return likely(!((cpu->cr0 & (CR0_EM | CR0_TS)) | (cpu->x87.status & FPU_ES)));
}
/* Nothing pending and room for a push. */
static INLINE bool can_push(const struct cpu *cpu)
{
	return plain(cpu) && likely(!(cpu->x87.valid >> ((cpu->x87.top - 1) & 7) & 1));
}
static INLINE bool has_top(const struct cpu *cpu)
{
	return plain(cpu) && likely(cpu->x87.valid >> cpu->x87.top & 1);
}
static INLINE void clear_c1(struct x87 *x87)
{
	x87->status &= (uint16_t)~FPU_C1;
}

#define LOAD_REAL(name, W, slow)                                                                 \
HANDLER(name)                                                                                    \
{                                                                                                \
	uint64_t linear = ea(cpu, i);                                                            \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                             \
	struct float80 value;                                                                    \
                                                                                                 \
	if (!can_push(cpu) || !tlb_hit(entry, linear, W / 8))                                    \
		return slow(cpu, i);                                                             \
	value = f80_fast_from_float##W(get##W(tlb_host(entry, linear)));                         \
	if (unlikely(!f80_fast_comparable(value)))                                               \
		return slow(cpu, i);                                                             \
	x87_push(&cpu->x87, value);                                                              \
	clear_c1(&cpu->x87);                                                                     \
	x87_record_memory(cpu, i, linear);                                                       \
	NEXT(cpu, i);                                                                            \
}
LOAD_REAL(op_FLD_Md, 32, fld_md_slow)
LOAD_REAL(op_FLD_Mq, 64, fld_mq_slow)

HANDLER(op_FLD_Mt)
{
	uint64_t linear = ea(cpu, i);
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);
	const uint8_t *bytes;

	if (!can_push(cpu) || !tlb_hit(entry, linear, 10))
		return fld_mt_slow(cpu, i);
	bytes = tlb_host(entry, linear);
	x87_push(&cpu->x87, (struct float80){ get64(bytes), get16(bytes + 8) });
	clear_c1(&cpu->x87);
	x87_record_memory(cpu, i, linear);
	NEXT(cpu, i);
}

#define LOAD_INTEGER(name, W)                                                                    \
HANDLER(name)                                                                                    \
{                                                                                                \
	uint64_t linear = ea(cpu, i);                                                            \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                             \
                                                                                                 \
	if (!can_push(cpu) || !tlb_hit(entry, linear, W / 8))                                    \
		return fild_slow(cpu, i);                                                        \
	x87_push(&cpu->x87, f80_fast_from_int64((int##W##_t)get##W(tlb_host(entry, linear))));   \
	clear_c1(&cpu->x87);                                                                     \
	x87_record_memory(cpu, i, linear);                                                       \
	NEXT(cpu, i);                                                                            \
}
LOAD_INTEGER(op_FILD_Mw, 16)
LOAD_INTEGER(op_FILD_Md, 32)
LOAD_INTEGER(op_FILD_Mq, 64)

HANDLER(op_FLD_STi)
{
	struct x87 *x87 = &cpu->x87;
	unsigned from = (x87->top + i->rm) & 7;

	if (!can_push(cpu) || !(x87->valid >> from & 1))
		return fld_sti_slow(cpu, i);
	x87_push(x87, x87_physical(x87, from));
	clear_c1(x87);
	x87_record(cpu, i);
	NEXT(cpu, i);
}

#define LOAD_CONSTANT(name, value)                                                               \
HANDLER(name)                                                                                    \
{                                                                                                \
	if (!can_push(cpu))                                                                      \
		return constant_slow(cpu, i);                                                    \
	x87_push(&cpu->x87, value);                                                              \
	clear_c1(&cpu->x87);                                                                     \
	x87_record(cpu, i);                                                                      \
	NEXT(cpu, i);                                                                            \
}
LOAD_CONSTANT(op_FLD1, F80_ONE)
LOAD_CONSTANT(op_FLDZ, F80_ZERO)
X87_HANDLER(op_FLDL2T, load_constant)
X87_HANDLER(op_FLDL2E, load_constant)
X87_HANDLER(op_FLDPI, load_constant)
X87_HANDLER(op_FLDLG2, load_constant)
X87_HANDLER(op_FLDLN2, load_constant)

/* Nearest, PE masked, normal in the narrower format too. */
#define STORE_REAL(name, W, pop)                                                                 \
HANDLER(name)                                                                                    \
{                                                                                                \
	struct x87 *x87 = &cpu->x87;                                                             \
	uint64_t linear = ea(cpu, i);                                                            \
	const struct tlb_entry *entry = tlb_write_entry(cpu, linear);                            \
	struct f80_fast##W r;                                                                    \
                                                                                                 \
	if (!has_top(cpu) || !tlb_hit(entry, linear, W / 8) ||                                   \
	    unlikely((x87->control & (FPU_RC_MASK | FPU_PE)) != FPU_PE))                         \
		return store_slow_handler(cpu, i);                                               \
	r = f80_fast_to_float##W(x87_physical(x87, x87->top));                                   \
	if (unlikely(!r.done))                                                                   \
		return store_slow_handler(cpu, i);                                               \
	put##W(tlb_host(entry, linear), r.bits);                                                 \
	x87->status = (uint16_t)((x87->status & ~FPU_C1) | r.flags);                             \
	x87_record_memory(cpu, i, linear);                                                       \
	if (pop)                                                                                 \
		x87_pop(x87);                                                                    \
	NEXT(cpu, i);                                                                            \
}
STORE_REAL(op_FST_Md, 32, false)
STORE_REAL(op_FSTP_Md, 32, true)
STORE_REAL(op_FST_Mq, 64, false)
STORE_REAL(op_FSTP_Mq, 64, true)

HANDLER(op_FSTP_Mt)
{
	struct x87 *x87 = &cpu->x87;
	uint64_t linear = ea(cpu, i);
	const struct tlb_entry *entry = tlb_write_entry(cpu, linear);
	uint8_t *bytes;

	if (!has_top(cpu) || !tlb_hit(entry, linear, 10))
		return store_slow_handler(cpu, i);
	bytes = tlb_host(entry, linear);
	put64(bytes, x87->significand[x87->top]);
	put16(bytes + 8, x87->sign_exponent[x87->top]);
	clear_c1(x87);
	x87_record_memory(cpu, i, linear);
	x87_pop(x87);
	NEXT(cpu, i);
}

HANDLER(op_FSTP_STi)
{
	struct x87 *x87 = &cpu->x87;

	if (!has_top(cpu))
		return fstp_sti_slow(cpu, i);
	x87_set(x87, i->rm, x87_physical(x87, x87->top));
	clear_c1(x87);
	x87_record(cpu, i);
	x87_pop(x87);
	NEXT(cpu, i);
}

HANDLER(op_FXCH_STi)
{
	struct x87 *x87 = &cpu->x87;
	unsigned a = x87->top, b = (a + i->rm) & 7;
	struct float80 value;

	if (!has_top(cpu) || unlikely(!(x87->valid >> b & 1)))
		return fxch_slow(cpu, i);
	value = x87_physical(x87, a);
	x87_set_physical(x87, a, x87_physical(x87, b));
	x87_set_physical(x87, b, value);
	clear_c1(x87);
	x87_record(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_FCHS)
{
	if (!has_top(cpu))
		return change_sign_slow(cpu, i);
	cpu->x87.sign_exponent[cpu->x87.top] ^= 0x8000;
	clear_c1(&cpu->x87);
	x87_record(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_FABS)
{
	if (!has_top(cpu))
		return change_sign_slow(cpu, i);
	cpu->x87.sign_exponent[cpu->x87.top] &= 0x7fff;
	clear_c1(&cpu->x87);
	x87_record(cpu, i);
	NEXT(cpu, i);
}
