/* A decoded instruction, the form in which handlers meet it, and how they chain. */
#ifndef CORE_CPU_INSN_H
#define CORE_CPU_INSN_H

#include "cpu.h"

/*
 * Runs the instruction of record i and goes on with the next: by a tail call (CHAIN) or
 * by returning the record to run next.  NULL leaves to the outer loop with RIP, the
 * count and everything else exact.
 */
typedef const struct insn *insn_fn(struct cpu *cpu, const struct insn *i);

enum { INSN_REP = 1, INSN_REPNE = 2, INSN_LOCK = 4, INSN_LAST = 8 /* ends its block */,
       INSN_MEMORY = 16 /* has a memory operand */, INSN_ADDRESS16 = 32, INSN_ADDRESS64 = 64,
       INSN_WRITES = 128 /* op_EA: the access is a write */ };

/*
 * In records of SIMD and VEX rows (kinds X and V) dst is ModRM.reg, src VEX.vvvv (legacy encodings:
 * the same as dst) and rm ModRM.rm, whatever the order of operands; width is 8 with REX.W or VEX.W
 * and 4 without.  A legacy encoding leaves bits 128-255 of its destination alone, VEX.128 clears them.
 */
struct insn {
	insn_fn *run;
	/* Operand registers: numbers for 16, 32 and 64 bits, byte offsets into cpu->reg for 8 bits. */
	uint8_t dst, src;
	uint8_t base, index, scale;     /* of the memory operand; REG_ZERO when absent */
	uint8_t segment;                /* of the memory operand, after overrides */
	uint8_t length;                 /* bytes */
	uint8_t n;                      /* instructions in the block up to this one, 1 for the first */
	uint16_t op;                    /* enum op: the row of the table */
	uint8_t width;                  /* operand size in bytes: 1, 2, 4, 8 */
	uint8_t flags;                  /* INSN_ */
	uint8_t opcode, modrm;          /* for what handlers decide at run time */
	uint8_t rm;                     /* the E operand's register, when it is one */
	uint8_t vl;                     /* SIMD: 0 legacy encoding, 16 VEX.128, 32 VEX.256 */
	int64_t displacement;
	uint64_t imm;                   /* immediate (sign-extended); branch target; op_EA: bytes accessed */
	uint64_t ip;                    /* RIP of this instruction */
	const struct insn *target;      /* where a branch went last, if context says it still holds */
	uint64_t context;
};

#if defined(CLEARBOX_DISPATCH_LOOP)
#define NEXT(cpu, i)   return (void)(cpu), (i) + 1
#define CONTINUE(cpu, i) return (void)(cpu), (i)
#else   /* both compilers make these jumps when they optimise */
#define NEXT(cpu, i)   return (i)[1].run((cpu), (i) + 1)
#define CONTINUE(cpu, i) return (i)->run((cpu), (i))
#endif

#define HANDLER(name) const struct insn *name(struct cpu *cpu, const struct insn *i)

/*
 * A handler around a function that does the work and returns false for a fault.  Work that
 * lends out the address of a local must be done so: a handler that did it itself could not
 * jump to the next one, it would have to call it.
 */
#define HANDLER_OF(name, work)                                                                  \
HANDLER(name)                                                                                   \
{                                                                                               \
	if (!work(cpu, i))                                                                      \
		return cpu_fault(cpu, i);                                                       \
	NEXT(cpu, i);                                                                           \
}

/* The bits of an offset that the address size keeps. */
static INLINE uint64_t address_mask(const struct insn *i)
{
	return i->flags & INSN_ADDRESS16 ? 0xffff : i->flags & INSN_ADDRESS64 ? UINT64_MAX : 0xffffffff;
}

static INLINE uint64_t next_ip(const struct insn *i)
{
	return i->ip + i->length;
}

/* ---- Ways out of a handler (run.c); use as `return cpu_fault(cpu, i);` --------------------- */

/* The exception in cpu->fault happened in i. */
const struct insn *cpu_fault(struct cpu *cpu, const struct insn *i);
/* Shorthand: raise and leave. */
const struct insn *cpu_fault_vector(struct cpu *cpu, const struct insn *i, uint32_t vector);
const struct insn *cpu_fault_gp0(struct cpu *cpu, const struct insn *i);
const struct insn *cpu_fault_ss0(struct cpu *cpu, const struct insn *i);
/*
 * i, the last of its block, is done, and cpu->rip is where to go on (far jumps, IRET,
 * mode changes ...): charges the block, and leaves for the outer loop, which looks at
 * interrupts, mode and breakpoints before going on.
 */
const struct insn *cpu_leave(struct cpu *cpu, const struct insn *i);
/* The same with RIP after i: for instructions that end a block and fall through. */
const struct insn *cpu_leave_next(struct cpu *cpu, const struct insn *i);
/* Like cpu_leave_next for instructions after which the outer loop has nothing to look at. */
const struct insn *cpu_next_block(struct cpu *cpu, const struct insn *i);

/* ---- Registers ------------------------------------------------------------------------------- */

static INLINE uint8_t reg8(const struct cpu *cpu, uint8_t n)
{
	return ((const uint8_t *)cpu->reg)[n];
}
static INLINE void set_reg8(struct cpu *cpu, uint8_t n, uint8_t v)
{
	((uint8_t *)cpu->reg)[n] = v;
}
static INLINE uint16_t reg16(const struct cpu *cpu, uint8_t n) { return (uint16_t)cpu->reg[n]; }
static INLINE uint32_t reg32(const struct cpu *cpu, uint8_t n) { return (uint32_t)cpu->reg[n]; }
static INLINE uint64_t reg64(const struct cpu *cpu, uint8_t n) { return cpu->reg[n]; }
static INLINE void set_reg16(struct cpu *cpu, uint8_t n, uint16_t v)
{
	cpu->reg[n] = (cpu->reg[n] & ~(uint64_t)0xffff) | v;
}
static INLINE void set_reg32(struct cpu *cpu, uint8_t n, uint32_t v) { cpu->reg[n] = v; }
static INLINE void set_reg64(struct cpu *cpu, uint8_t n, uint64_t v) { cpu->reg[n] = v; }

/* By width in bytes, for handlers that take every width. */
uint64_t reg_get(const struct cpu *cpu, uint8_t n, unsigned width);
void reg_set(struct cpu *cpu, uint8_t n, unsigned width, uint64_t value);

#endif
