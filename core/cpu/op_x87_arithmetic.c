/*
 * x87: add, subtract, multiply, divide and compare, with registers and memory.
 *
 * The rows D8, DA, DC, DE and the comparisons elsewhere.  One function does them all with every
 * exception; the most used forms have handlers that do the plain case in line: nothing pending, both
 * registers full, numbers that are normal, round to nearest with 64 bits, PE masked.
 */
#include "op_x87.h"
#include "flags.h"
#include "fpu/fast.h"

/* Operations by the reg field of ModRM. */
enum { ADD, MULTIPLY, COMPARE, COMPARE_POP, SUBTRACT, SUBTRACT_REVERSED, DIVIDE, DIVIDE_REVERSED };

static struct float80 subtract_reversed(struct float80 a, struct float80 b,
					struct fpu_context *context)
{
	return f80_subtract(b, a, context);
}

static struct float80 divide_reversed(struct float80 a, struct float80 b,
				      struct fpu_context *context)
{
	return f80_divide(b, a, context);
}

/* The memory operand by the first opcode byte. */
static bool load_operand(struct cpu *cpu, const struct insn *i, uint64_t linear,
			 struct float80 *operand, bool *denormal)
{
	uint64_t value64;
	uint32_t value32;
	uint16_t value16;

	*denormal = false;
	switch (i->opcode) {
	case 0xd8:
		if (!load32(cpu, i, linear, &value32))
			return false;
		*operand = f80_raw_from_float32(value32, denormal);
		return true;
	case 0xda:
		if (!load32(cpu, i, linear, &value32))
			return false;
		*operand = f80_from_int32((int32_t)value32);
		return true;
	case 0xdc:
		if (!load64(cpu, i, linear, &value64))
			return false;
		*operand = f80_raw_from_float64(value64, denormal);
		return true;
	default:
		if (!load16(cpu, i, linear, &value16))
			return false;
		*operand = f80_from_int32((int16_t)value16);
		return true;
	}
}

/* The flags, then what is popped unless an unmasked exception forbids. */
static void compare_finish(struct x87 *x87, uint16_t flags, unsigned pops)
{
	x87_raise_conditions(x87, flags);
	if (flags & ~x87->control & (FPU_IE | FPU_DE))
		return;
	while (pops--)
		x87_pop(x87);
}

/* ST0 operation operand; false: an unmasked exception holds the result back. */
static bool compute(struct x87 *x87, unsigned operation, struct float80 operand, bool denormal,
		    unsigned destination)
{
	static f80_operation *const operations[8] = {
		f80_add, f80_multiply, f80_add, f80_add,
		f80_subtract, subtract_reversed, f80_divide, divide_reversed
	};
	struct fpu_context context = fpu_context(x87->control);
	struct float80 a = x87_get(x87, 0), result;

	if (denormal)
		result = f80_with_denormal(operations[operation], a, operand, &context);
	else
		result = operations[operation](a, operand, &context);
	x87_raise(x87, context.flags);
	if (fpu_suppressed(&context))
		return false;
	x87_set(x87, destination, result);
	return true;
}

static void compare_values(struct x87 *x87, struct float80 b, bool denormal, bool quiet,
			   unsigned pops)
{
	struct fpu_context context = fpu_context(x87->control);
	struct float80 a = x87_get(x87, 0);

	if (denormal)
		f80_compare_with_denormal(a, b, &context);
	else
		f80_compare(a, b, quiet, &context);
	compare_finish(x87, context.flags, pops);
}

/* An empty register compares as unordered. */
static void compare_empty(struct x87 *x87, unsigned pops)
{
	compare_finish(x87, FPU_IE | FPU_SF | FPU_C0 | FPU_C2 | FPU_C3, pops);
}

static NOINLINE bool arithmetic_memory(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	unsigned operation = i->modrm >> 3 & 7;
	uint64_t linear = ea(cpu, i);
	struct float80 operand;
	bool denormal;

	if (!load_operand(cpu, i, linear, &operand, &denormal))
		return false;
	x87_record_memory(cpu, i, linear);
	if (operation == COMPARE || operation == COMPARE_POP) {
		if (x87_empty(x87, 0))
			compare_empty(x87, operation == COMPARE_POP);
		else
			compare_values(x87, operand, denormal, false, operation == COMPARE_POP);
	} else if (!x87_empty(x87, 0)) {
		compute(x87, operation, operand, denormal, 0);
	} else if (x87_underflow(x87)) {
		x87_set(x87, 0, F80_DEFAULT_NAN);
	}
	return true;
}

/* D8: ST0 = ST0 op ST(i).  DC, DE: ST(i) = ST0 op ST(i) by the same reg field; DE pops. */
static NOINLINE bool arithmetic_register(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	unsigned operation = i->modrm >> 3 & 7, index = i->modrm & 7;
	unsigned destination = i->opcode == 0xd8 ? 0 : index;
	bool pop = i->opcode == 0xde;

	x87_record(cpu, i);
	if (x87_empty(x87, 0) || x87_empty(x87, index)) {
		if (!x87_underflow(x87))
			return true;
		x87_set(x87, destination, F80_DEFAULT_NAN);
	} else if (!compute(x87, operation, x87_get(x87, index), false, destination)) {
		return true;
	}
	if (pop)
		x87_pop(x87);
	return true;
}

static bool compare_register(struct cpu *cpu, const struct insn *i, unsigned index, bool quiet,
			     unsigned pops)
{
	struct x87 *x87 = &cpu->x87;

	x87_record(cpu, i);
	if (x87_empty(x87, 0) || x87_empty(x87, index))
		compare_empty(x87, pops);
	else
		compare_values(x87, x87_get(x87, index), false, quiet, pops);
	return true;
}

static NOINLINE bool fcom(struct cpu *cpu, const struct insn *i)
{
	return compare_register(cpu, i, i->modrm & 7, false, 0);
}

static NOINLINE bool fcomp(struct cpu *cpu, const struct insn *i)
{
	return compare_register(cpu, i, i->modrm & 7, false, 1);
}

static NOINLINE bool fcompp(struct cpu *cpu, const struct insn *i)
{
	return compare_register(cpu, i, 1, false, 2);
}

static NOINLINE bool fucom(struct cpu *cpu, const struct insn *i)
{
	return compare_register(cpu, i, i->modrm & 7, true, 0);
}

static NOINLINE bool fucomp(struct cpu *cpu, const struct insn *i)
{
	return compare_register(cpu, i, i->modrm & 7, true, 1);
}

static NOINLINE bool fucompp(struct cpu *cpu, const struct insn *i)
{
	return compare_register(cpu, i, 1, true, 2);
}

static NOINLINE bool ftst(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;

	x87_record(cpu, i);
	if (x87_empty(x87, 0))
		compare_empty(x87, 0);
	else
		compare_values(x87, F80_ZERO, false, false, 0);
	return true;
}

/*
 * FCOMI and its kind: DB and DF (which pops), E8 unordered, F0 ordered.  As silicon does, EFLAGS are
 * set even when an unmasked IE keeps the operands, and C1 only changes on a stack fault.
 */
static NOINLINE bool fcomi(struct cpu *cpu, const struct insn *i)
{
	struct x87 *x87 = &cpu->x87;
	struct fpu_context context = fpu_context(x87->control);
	unsigned index = i->modrm & 7;
	uint16_t conditions = FPU_C0 | FPU_C2 | FPU_C3;

	x87_record(cpu, i);
	if (x87_empty(x87, 0) || x87_empty(x87, index)) {
		context.flags = FPU_IE | FPU_SF;
		x87->status &= (uint16_t)~FPU_C1;
	} else {
		conditions = f80_compare(x87_get(x87, 0), x87_get(x87, index), i->modrm < 0xf0,
					 &context);
	}
	flags_set_arithmetic(cpu, (conditions & FPU_C3 ? FLAG_ZF : 0u) |
				  (conditions & FPU_C2 ? FLAG_PF : 0u) |
				  (conditions & FPU_C0 ? FLAG_CF : 0u));
	x87->status |= context.flags & (FPU_EXCEPTIONS | FPU_SF);
	x87_update_summary(x87);
	if (i->opcode == 0xdf && !fpu_suppressed(&context))
		x87_pop(x87);
	return true;
}

X87_HANDLER(op_FIADD_Md, arithmetic_memory)
X87_HANDLER(op_FIMUL_Md, arithmetic_memory)
X87_HANDLER(op_FICOM_Md, arithmetic_memory)
X87_HANDLER(op_FICOMP_Md, arithmetic_memory)
X87_HANDLER(op_FISUB_Md, arithmetic_memory)
X87_HANDLER(op_FISUBR_Md, arithmetic_memory)
X87_HANDLER(op_FIDIV_Md, arithmetic_memory)
X87_HANDLER(op_FIDIVR_Md, arithmetic_memory)
X87_HANDLER(op_FIADD_Mw, arithmetic_memory)
X87_HANDLER(op_FIMUL_Mw, arithmetic_memory)
X87_HANDLER(op_FICOM_Mw, arithmetic_memory)
X87_HANDLER(op_FICOMP_Mw, arithmetic_memory)
X87_HANDLER(op_FISUB_Mw, arithmetic_memory)
X87_HANDLER(op_FISUBR_Mw, arithmetic_memory)
X87_HANDLER(op_FIDIV_Mw, arithmetic_memory)
X87_HANDLER(op_FIDIVR_Mw, arithmetic_memory)
static X87_HANDLER(fcom_slow, fcom)
static X87_HANDLER(fcomp_slow, fcomp)
static X87_HANDLER(fcompp_slow, fcompp)
static X87_HANDLER(fucom_slow, fucom)
static X87_HANDLER(fucomp_slow, fucomp)
static X87_HANDLER(fucompp_slow, fucompp)
X87_HANDLER(op_FTST, ftst)
static X87_HANDLER(fcomi_slow, fcomi)
static X87_HANDLER(memory_slow, arithmetic_memory)
static X87_HANDLER(register_slow, arithmetic_register)

/* ---- The plain case, in line --------------------------------------------------------------------- */

/* No reason to look at anything but the operands. */
static INLINE bool plain(const struct cpu *cpu)
{
	return likely(!((cpu->cr0 & (CR0_EM | CR0_TS)) | (cpu->x87.status & FPU_ES) |
			((cpu->x87.control ^ (FPU_PC_EXTENDED | FPU_PE)) &
			 (FPU_PC_MASK | FPU_RC_MASK | FPU_PE))));
}

static INLINE bool both_full(const struct x87 *x87, unsigned a, unsigned b)
{
	return likely((x87->valid >> a & x87->valid >> b) & 1);
}

static INLINE void fast_finish(struct x87 *x87, unsigned destination, struct f80_fast result)
{
	x87_set_physical(x87, destination, result.value);
	x87->status = (uint16_t)((x87->status & ~FPU_C1) | result.flags);
}

#define ARITHMETIC_REGISTER(name, fast, reversed, to, pop)                                       \
HANDLER(op_##name)                                                                               \
{                                                                                                \
	struct x87 *x87 = &cpu->x87;                                                             \
	unsigned a = x87->top, b = (a + i->rm) & 7;                                              \
	struct f80_fast result;                                                                  \
                                                                                                 \
	if (!plain(cpu) || !both_full(x87, a, b))                                                \
		return register_slow(cpu, i);                                                    \
	result = reversed ? fast(x87_physical(x87, b), x87_physical(x87, a))                     \
			  : fast(x87_physical(x87, a), x87_physical(x87, b));                    \
	if (unlikely(!result.done))                                                              \
		return register_slow(cpu, i);                                                    \
	fast_finish(x87, to, result);                                                            \
	x87_record(cpu, i);                                                                      \
	if (pop)                                                                                 \
		x87_pop(x87);                                                                    \
	NEXT(cpu, i);                                                                            \
}
#define ARITHMETIC_MEMORY(name, W, fast, reversed)                                               \
HANDLER(op_##name)                                                                               \
{                                                                                                \
	struct x87 *x87 = &cpu->x87;                                                             \
	uint64_t linear = ea(cpu, i);                                                            \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                             \
	struct float80 a, b;                                                                     \
	struct f80_fast result;                                                                  \
                                                                                                 \
	if (!plain(cpu) || !both_full(x87, x87->top, x87->top) || !tlb_hit(entry, linear, W / 8)) \
		return memory_slow(cpu, i);                                                      \
	a = x87_physical(x87, x87->top);                                                         \
	b = f80_fast_from_float##W(get##W(tlb_host(entry, linear)));                             \
	result = reversed ? fast(b, a) : fast(a, b);                                             \
	if (unlikely(!result.done))                                                              \
		return memory_slow(cpu, i);                                                      \
	fast_finish(x87, x87->top, result);                                                      \
	x87_record_memory(cpu, i, linear);                                                       \
	NEXT(cpu, i);                                                                            \
}
#define ARITHMETIC(name, fast, reversed)                                                         \
ARITHMETIC_REGISTER(name##_ST0_STi, fast, reversed, a, false)                                    \
ARITHMETIC_MEMORY(name##_Md, 32, fast, reversed)                                                 \
ARITHMETIC_MEMORY(name##_Mq, 64, fast, reversed)
/* The rows of DC and DE are named after the other order of operands. */
#define ARITHMETIC_TO_STI(name, fast, reversed)                                                  \
ARITHMETIC_REGISTER(name##_STi_ST0, fast, reversed, b, false)                                    \
ARITHMETIC_REGISTER(name##P_STi_ST0, fast, reversed, b, true)

ARITHMETIC(FADD, f80_fast_add, false)
ARITHMETIC(FMUL, f80_fast_multiply, false)
ARITHMETIC(FSUB, f80_fast_subtract, false)
ARITHMETIC(FSUBR, f80_fast_subtract, true)
ARITHMETIC(FDIV, f80_fast_divide, false)
ARITHMETIC(FDIVR, f80_fast_divide, true)
ARITHMETIC_TO_STI(FADD, f80_fast_add, false)
ARITHMETIC_TO_STI(FMUL, f80_fast_multiply, false)
ARITHMETIC_TO_STI(FSUBR, f80_fast_subtract, false)
ARITHMETIC_TO_STI(FSUB, f80_fast_subtract, true)
ARITHMETIC_TO_STI(FDIVR, f80_fast_divide, false)
ARITHMETIC_TO_STI(FDIV, f80_fast_divide, true)

/* Comparisons raise nothing here, so rounding and precision do not matter. */
static INLINE bool can_compare(const struct cpu *cpu, unsigned b)
{
	return likely(!((cpu->cr0 & (CR0_EM | CR0_TS)) | (cpu->x87.status & FPU_ES))) &&
	       both_full(&cpu->x87, cpu->x87.top, b);
}

#define COMPARE_REGISTER(name, index, slow, pops)                                                \
HANDLER(name)                                                                                    \
{                                                                                                \
	struct x87 *x87 = &cpu->x87;                                                             \
	unsigned number = (x87->top + (index)) & 7;                                              \
	struct float80 a = x87_physical(x87, x87->top), b = x87_physical(x87, number);           \
                                                                                                 \
	if (!can_compare(cpu, number) || !f80_fast_comparable(a) || !f80_fast_comparable(b))     \
		return slow(cpu, i);                                                             \
	x87->status = (uint16_t)((x87->status & ~(FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3)) |          \
				 f80_fast_compare(a, b));                                        \
	x87_record(cpu, i);                                                                      \
	if ((pops) > 0)                                                                          \
		x87_pop(x87);                                                                    \
	if ((pops) > 1)                                                                          \
		x87_pop(x87);                                                                    \
	NEXT(cpu, i);                                                                            \
}
COMPARE_REGISTER(op_FCOM_ST0_STi, i->rm, fcom_slow, 0)
COMPARE_REGISTER(op_FCOMP_ST0_STi, i->rm, fcomp_slow, 1)
COMPARE_REGISTER(op_FCOMPP, 1, fcompp_slow, 2)
COMPARE_REGISTER(op_FUCOM_STi, i->rm, fucom_slow, 0)
COMPARE_REGISTER(op_FUCOMP_STi, i->rm, fucomp_slow, 1)
COMPARE_REGISTER(op_FUCOMPP, 1, fucompp_slow, 2)

#define COMPARE_MEMORY(name, W, pop)                                                             \
HANDLER(name)                                                                                    \
{                                                                                                \
	struct x87 *x87 = &cpu->x87;                                                             \
	uint64_t linear = ea(cpu, i);                                                            \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                             \
	struct float80 a = x87_physical(x87, x87->top), b;                                       \
                                                                                                 \
	if (!can_compare(cpu, x87->top) || !tlb_hit(entry, linear, W / 8))                       \
		return memory_slow(cpu, i);                                                      \
	b = f80_fast_from_float##W(get##W(tlb_host(entry, linear)));                             \
	if (!f80_fast_comparable(a) || !f80_fast_comparable(b))                                  \
		return memory_slow(cpu, i);                                                      \
	x87->status = (uint16_t)((x87->status & ~(FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3)) |          \
				 f80_fast_compare(a, b));                                        \
	x87_record_memory(cpu, i, linear);                                                       \
	if (pop)                                                                                 \
		x87_pop(x87);                                                                    \
	NEXT(cpu, i);                                                                            \
}
COMPARE_MEMORY(op_FCOM_Md, 32, false)
COMPARE_MEMORY(op_FCOMP_Md, 32, true)
COMPARE_MEMORY(op_FCOM_Mq, 64, false)
COMPARE_MEMORY(op_FCOMP_Mq, 64, true)

#define COMPARE_FLAGS(name, pop)                                                                 \
HANDLER(name)                                                                                    \
{                                                                                                \
	struct x87 *x87 = &cpu->x87;                                                             \
	unsigned number = (x87->top + i->rm) & 7;                                                \
	struct float80 a = x87_physical(x87, x87->top), b = x87_physical(x87, number);           \
	uint32_t result;                                                                         \
                                                                                                 \
	if (!can_compare(cpu, number) || !f80_fast_comparable(a) || !f80_fast_comparable(b))     \
		return fcomi_slow(cpu, i);                                                       \
	result = f80_fast_compare(a, b);                                                         \
	flags_set_arithmetic(cpu, (result & FPU_C3 ? FLAG_ZF : 0u) |                             \
				  (result & FPU_C0 ? FLAG_CF : 0u));                             \
	x87_record(cpu, i);                                                                      \
	if (pop)                                                                                 \
		x87_pop(x87);                                                                    \
	NEXT(cpu, i);                                                                            \
}
COMPARE_FLAGS(op_FCOMI, false)
COMPARE_FLAGS(op_FCOMIP, true)
COMPARE_FLAGS(op_FUCOMI, false)
COMPARE_FLAGS(op_FUCOMIP, true)
