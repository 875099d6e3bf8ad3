/*
 * What the x87 handlers share: when one may run, the register stack, stack faults, flags, and the
 * record of the last instruction.  Intel SDM volume 1, chapter 8.
 *
 * The order in every handler: x87_blocked, memory reads, stack checks, arithmetic, memory writes;
 * only then anything the guest can see changes.
 */
#ifndef CORE_CPU_OP_X87_H
#define CORE_CPU_OP_X87_H

#include "access.h"
#include "handlers.h"
#include "insn.h"

/*
 * A waiting instruction made of a function that does everything: body returns false when a fault is
 * recorded.  (A handler itself must not have locals whose address is known elsewhere, or it keeps
 * its frame when it goes on to the next.)
 */
#define X87_HANDLER(name, body)                                                                  \
HANDLER(name)                                                                                    \
{                                                                                                \
	if (x87_blocked(cpu))                                                                    \
		return x87_stop(cpu, i);                                                         \
	if (!body(cpu, i))                                                                       \
		return cpu_fault(cpu, i);                                                        \
	NEXT(cpu, i);                                                                            \
}

/* ---- op_x87_control.c ------------------------------------------------------------------------ */
/* #NM, #MF or the wait for IRQ 13 in place of i. */
const struct insn *x87_stop(struct cpu *cpu, const struct insn *i);
bool x87_blocked_slow(struct cpu *cpu);
/* Instructions that can make FERR# fall: not in the middle of a block while it is active. */
bool x87_must_be_last(struct cpu *cpu, const struct insn *i);
/* After the status or the masks have changed otherwise than by x87_raise. */
void x87_update_ferr(struct cpu *cpu);
/* All count bytes, an even number, or none; false: a fault is recorded. */
bool x87_load_bytes(struct cpu *cpu, const struct insn *i, uint64_t linear, uint8_t *bytes,
		    unsigned count);
bool x87_store_bytes(struct cpu *cpu, const struct insn *i, uint64_t linear, const uint8_t *bytes,
		     unsigned count);

/* Must a waiting instruction not run?  Then the handler returns x87_stop. */
static INLINE bool x87_blocked(struct cpu *cpu)
{
	if (likely(!((cpu->cr0 & (CR0_EM | CR0_TS)) | (cpu->x87.status & FPU_ES))))
		return false;
	return x87_blocked_slow(cpu);
}

/* ---- The stack ------------------------------------------------------------------------------- */

static INLINE unsigned x87_number(const struct x87 *x87, unsigned i)
{
	return (x87->top + i) & 7;
}
static INLINE bool x87_empty(const struct x87 *x87, unsigned i)
{
	return !(x87->valid >> x87_number(x87, i) & 1);
}
static INLINE struct float80 x87_get(const struct x87 *x87, unsigned i)
{
	return x87_physical(x87, x87_number(x87, i));
}
/* Also marks it valid. */
static INLINE void x87_set(struct x87 *x87, unsigned i, struct float80 value)
{
	unsigned n = x87_number(x87, i);

	x87_set_physical(x87, n, value);
	x87->valid |= (uint8_t)(1u << n);
}
static INLINE void x87_pop(struct x87 *x87)
{
	x87->valid &= (uint8_t)~(1u << x87->top);
	x87->top = (x87->top + 1) & 7;
}
static INLINE void x87_push(struct x87 *x87, struct float80 value)
{
	x87->top = (x87->top - 1) & 7;
	x87_set(x87, 0, value);
}

/* ---- Flags ------------------------------------------------------------------------------------ */

/* C1 and new exceptions, as the arithmetic reports them. */
static INLINE void x87_raise(struct x87 *x87, uint16_t flags)
{
	x87->status = (uint16_t)((x87->status & ~FPU_C1) | flags);
	if (unlikely(flags & ~x87->control & FPU_EXCEPTIONS))
		x87->status |= FPU_ES | FPU_BUSY;
}
/* All four condition codes, too. */
static INLINE void x87_raise_conditions(struct x87 *x87, uint16_t flags)
{
	x87->status &= (uint16_t)~(FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3);
	x87_raise(x87, flags);
}
/* Stack faults.  True: IE is masked, and the masked response is to be given. */
static INLINE bool x87_underflow(struct x87 *x87)
{
	x87_raise(x87, FPU_IE | FPU_SF);
	return x87->control & FPU_IE;
}
static INLINE bool x87_overflow(struct x87 *x87)
{
	x87_raise(x87, FPU_IE | FPU_SF | FPU_C1);
	return x87->control & FPU_IE;
}

/* ---- The last instruction (SDM 1, 8.1.8) --------------------------------------------------------- */

static INLINE void x87_record(struct cpu *cpu, const struct insn *i)
{
	cpu->x87.ip = i->ip;
	cpu->x87.cs = cpu->seg[SEG_CS].selector;
	cpu->x87.opcode = (uint16_t)((i->opcode & 7) << 8 | i->modrm);
}
static INLINE void x87_record_memory(struct cpu *cpu, const struct insn *i, uint64_t linear)
{
	const struct segment *segment = &cpu->seg[i->segment];
	bool has_base = !(cpu->mode & MODE_64) || i->segment >= SEG_FS;

	x87_record(cpu, i);
	cpu->x87.dp = (linear - (has_base ? segment->base : 0)) & cpu->linear_mask;
	cpu->x87.ds = segment->selector;
}

#endif
