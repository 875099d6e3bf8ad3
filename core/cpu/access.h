/*
 * Memory access by linear address.  The fast path is a compare with a TLB tag: the page
 * of the access's *last* byte must be the page the entry is for, so an access that
 * crosses a page misses like everything else that is not plain RAM.  What misses goes
 * to access_slow.c, out of line.
 *
 * All functions return false when a fault is recorded (the handler returns cpu_fault).
 */
#ifndef CORE_CPU_ACCESS_H
#define CORE_CPU_ACCESS_H

#include "cpu.h"
#include "insn.h"
#include "memory.h"

/* ---- The long way (access_slow.c) -------------------------------------------------------------- */
/*
 * i is the record that accesses, NULL from code that is always last in its block.  An
 * access that reaches a device (or code, for writes) from a record that is not the last of
 * its block is put off: VECTOR_RESTART is recorded and the run loop runs the instruction
 * in a block of its own.
 */
/* What was read is in cpu->loaded: an out parameter would cost every handler a stack frame. */
bool load_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width);
bool store_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, uint64_t value);
/*
 * Read-modify-write: checks for writing, then reads.  The store that follows
 * (store_after_modify) cannot fault.
 */
bool modify_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width);
void store_after_modify(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t value);
/* Would writing width bytes (any number up to a page) here fault?  No effect but A and D bits. */
bool store_check(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width);
bool load_check(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width);

/*
 * Any number of bytes up to 64, as one access: all of them or a fault (or restart) with nothing
 * done.  No fast path and no alignment check here; load_bytes looks before it reads a device.
 */
bool load_bytes(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, void *to);
bool store_bytes(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, const void *from);

/* System structures (descriptors, TSS, IDT): as supervisor whatever CPL is. */
bool load_system(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t *value);
bool store_system(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t value);

/* ---- The fast path ------------------------------------------------------------------------ */

static INLINE const struct tlb_entry *tlb_read_entry(const struct cpu *cpu, uint64_t linear)
{
	return &cpu->tlb->read[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];
}
static INLINE const struct tlb_entry *tlb_write_entry(const struct cpu *cpu, uint64_t linear)
{
	return &cpu->tlb->write[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];
}
static INLINE bool tlb_hit(const struct tlb_entry *entry, uint64_t linear, unsigned width)
{
	return likely(((linear + width - 1) & ~(uint64_t)PAGE_MASK) == entry->tag);
}
static INLINE uint8_t *tlb_host(const struct tlb_entry *entry, uint64_t linear)
{
	return (uint8_t *)(entry->addend + (uintptr_t)linear);
}

#define ACCESS_FUNCTIONS(W)                                                                       \
static INLINE bool load##W(struct cpu *cpu, const struct insn *i, uint64_t linear,                \
			   uint##W##_t *value)                                                    \
{                                                                                                 \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                              \
                                                                                                  \
	if (tlb_hit(entry, linear, W / 8)) {                                                      \
		*value = get##W(tlb_host(entry, linear));                                         \
		return true;                                                                      \
	}                                                                                         \
	if (!load_slow(cpu, i, linear, W / 8))                                                    \
		return false;                                                                     \
	*value = (uint##W##_t)cpu->loaded;                                                        \
	return true;                                                                              \
}                                                                                                 \
static INLINE bool store##W(struct cpu *cpu, const struct insn *i, uint64_t linear,               \
			    uint##W##_t value)                                                    \
{                                                                                                 \
	const struct tlb_entry *entry = tlb_write_entry(cpu, linear);                             \
                                                                                                  \
	if (tlb_hit(entry, linear, W / 8)) {                                                      \
		put##W(tlb_host(entry, linear), value);                                           \
		return true;                                                                      \
	}                                                                                         \
	return store_slow(cpu, i, linear, W / 8, value);                                          \
}                                                                                                 \
/* Host pointer for read-modify-write, or NULL with *value read the long way. */                  \
static INLINE bool modify##W(struct cpu *cpu, const struct insn *i, uint64_t linear,              \
			     uint##W##_t *value, uint8_t **host)                                  \
{                                                                                                 \
	const struct tlb_entry *entry = tlb_write_entry(cpu, linear);                             \
                                                                                                  \
	if (tlb_hit(entry, linear, W / 8)) {                                                      \
		*host = tlb_host(entry, linear);                                                  \
		*value = get##W(*host);                                                           \
		return true;                                                                      \
	}                                                                                         \
	*host = NULL;                                                                             \
	if (!modify_slow(cpu, i, linear, W / 8))                                                  \
		return false;                                                                     \
	*value = (uint##W##_t)cpu->loaded;                                                        \
	return true;                                                                              \
}                                                                                                 \
static INLINE void modified##W(struct cpu *cpu, uint64_t linear, uint##W##_t value, uint8_t *host) \
{                                                                                                 \
	if (likely(host != NULL))                                                                 \
		put##W(host, value);                                                              \
	else                                                                                      \
		store_after_modify(cpu, linear, W / 8, value);                                    \
}
ACCESS_FUNCTIONS(8)
ACCESS_FUNCTIONS(16)
ACCESS_FUNCTIONS(32)
ACCESS_FUNCTIONS(64)

/*
 * Hot handlers come in two: the fast one has no call in it, so it needs no stack frame and
 * no saved registers; when an access misses it jumps to its cold twin, which is the same
 * body with the long way inlined, and starts over.  (Other handlers for the same row may jump
 * to it as well.)  In the body:
 *
 *	MEMORY_HANDLER(op_X)
 *	{
 *		if (!hot_load32(cpu, i, slow, ea(cpu, i), &value))
 *			return otherwise(cpu, i);
 */
#define MEMORY_HANDLER(name)                                                                      \
static INLINE const struct insn *name##_body(struct cpu *cpu, const struct insn *i,               \
					     const bool slow, insn_fn *otherwise);               \
COLD HANDLER(name##_slow);                                                                        \
HANDLER(name##_slow)                                                                              \
{                                                                                                 \
	return name##_body(cpu, i, true, cpu_fault);                                              \
}                                                                                                 \
HANDLER(name)                                                                                     \
{                                                                                                 \
	return name##_body(cpu, i, false, name##_slow);                                           \
}                                                                                                 \
static INLINE const struct insn *name##_body(struct cpu *cpu, const struct insn *i,               \
					     const bool slow, insn_fn *otherwise)

#define HOT_FUNCTIONS(W)                                                                          \
static INLINE bool hot_load##W(struct cpu *cpu, const struct insn *i, const bool slow,            \
			       uint64_t linear, uint##W##_t *value)                               \
{                                                                                                 \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                              \
                                                                                                  \
	if (slow)                                                                                 \
		return load##W(cpu, i, linear, value);                                            \
	if (!tlb_hit(entry, linear, W / 8))                                                       \
		return false;                                                                     \
	*value = get##W(tlb_host(entry, linear));                                                 \
	return true;                                                                              \
}                                                                                                 \
static INLINE bool hot_store##W(struct cpu *cpu, const struct insn *i, const bool slow,           \
				uint64_t linear, uint##W##_t value)                               \
{                                                                                                 \
	const struct tlb_entry *entry = tlb_write_entry(cpu, linear);                             \
                                                                                                  \
	if (slow)                                                                                 \
		return store##W(cpu, i, linear, value);                                           \
	if (!tlb_hit(entry, linear, W / 8))                                                       \
		return false;                                                                     \
	put##W(tlb_host(entry, linear), value);                                                   \
	return true;                                                                              \
}                                                                                                 \
static INLINE bool hot_modify##W(struct cpu *cpu, const struct insn *i, const bool slow,          \
				 uint64_t linear, uint##W##_t *value, uint8_t **host)             \
{                                                                                                 \
	const struct tlb_entry *entry = tlb_write_entry(cpu, linear);                             \
                                                                                                  \
	if (slow)                                                                                 \
		return modify##W(cpu, i, linear, value, host);                                    \
	if (!tlb_hit(entry, linear, W / 8))                                                       \
		return false;                                                                     \
	*host = tlb_host(entry, linear);                                                          \
	*value = get##W(*host);                                                                   \
	return true;                                                                              \
}                                                                                                 \
static INLINE void hot_modified##W(struct cpu *cpu, const bool slow, uint64_t linear,             \
				   uint##W##_t value, uint8_t *host)                              \
{                                                                                                 \
	if (slow)                                                                                 \
		modified##W(cpu, linear, value, host);                                            \
	else                                                                                      \
		put##W(host, value);                                                              \
}
HOT_FUNCTIONS(8)
HOT_FUNCTIONS(16)
HOT_FUNCTIONS(32)
HOT_FUNCTIONS(64)

/* Any width in bytes; for handlers that take every width. */
bool load_width(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, uint64_t *value);
bool store_width(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, uint64_t value);

/*
 * Linear address of the memory operand.  In flat mode base, index and displacement make
 * it; elsewhere the op_EA record before this one has made it and base is REG_EA.
 * REG_EA and REG_ZERO make one formula serve all.
 */
static INLINE uint64_t ea(const struct cpu *cpu, const struct insn *i)
{
	return (cpu->reg[i->base] + (cpu->reg[i->index] << i->scale) + (uint64_t)i->displacement) &
	       cpu->linear_mask;
}

/* Writes the E operand of a handler that takes register and memory forms; after modify_slow.  Cannot fault. */
void operand_modified(struct cpu *cpu, const struct insn *i, uint64_t value);

/* ---- Stack (stack.c): by SS, with limit checks, any stack width --------------------------- */
/*
 * A push or pop of several items that leaves no trace on a fault: stack_begin, then pushes
 * or pops, then stack_commit writes (E)SP.  width is 2, 4 or 8.
 */
struct stack {
	uint64_t sp;                    /* offset, moves as items are pushed or popped */
	uint64_t mask;                  /* FFFFh, FFFFFFFFh, all ones */
	const struct insn *insn;
};
static INLINE bool stack_canonical(uint64_t offset, unsigned width)
{
	return likely(address_canonical(offset) && address_canonical(offset + width - 1));
}
void stack_begin(struct cpu *cpu, struct stack *stack, const struct insn *i);
bool stack_push(struct cpu *cpu, struct stack *stack, unsigned width, uint64_t value);
bool stack_pop(struct cpu *cpu, struct stack *stack, unsigned width, uint64_t *value);
void stack_commit(struct cpu *cpu, const struct stack *stack);

/*
 * One item, at once.  Handlers use these: a handler that lends out the address of a local
 * could not jump to the next one, it would have to call it.
 */
bool push_one(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t value);
bool pop_one(struct cpu *cpu, const struct insn *i, unsigned width);    /* into cpu->loaded */
/* segment_linear with the result in cpu->loaded. */
bool segment_address(struct cpu *cpu, unsigned which, uint64_t offset, unsigned width, bool write);

#endif
