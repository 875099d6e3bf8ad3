/*
 * What segmentation, far transfers, interrupts and task switches share: descriptors,
 * checks on them, and pushes on a stack that is not SS:ESP yet.  SDM 3A, chapters 3 and
 * 5 to 8.
 */
#ifndef CORE_CPU_SYSTEM_H
#define CORE_CPU_SYSTEM_H

#include "access.h"
#include "flags.h"

/* Types of system descriptors (SDM 3A table 3-2). */
enum {
	TYPE_TSS16 = 1, TYPE_LDT = 2, TYPE_TSS16_BUSY = 3, TYPE_CALL16 = 4, TYPE_TASK_GATE = 5,
	TYPE_INTERRUPT16 = 6, TYPE_TRAP16 = 7, TYPE_TSS32 = 9, TYPE_TSS32_BUSY = 11,
	TYPE_CALL32 = 12, TYPE_INTERRUPT32 = 14, TYPE_TRAP32 = 15,
	TYPE_TSS_BUSY_BIT = 2, TYPE_32_BIT = 8
};

enum { DR6_BD = 1 << 13, DR6_BS = 1 << 14, DR6_BT = 1 << 15, DR7_GD = 1 << 13 };

/* Bits of IA32_MISC_ENABLE; the rate of the time-stamp counter. */
#define MISC_ENABLE_LIMIT_CPUID ((uint64_t)1 << 22)
#define MISC_ENABLE_XD_DISABLE  ((uint64_t)1 << 34)
enum { TSC_HZ = 1000000000 };

/* What virtual-8086 mode's segments always have: present, DPL 3, writable, accessed. */
enum { ATTR_V86 = ATTR_P | ATTR_DPL | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED };

struct descriptor {
	uint64_t address;               /* linear, of its 8 bytes in the table */
	uint32_t low, high;
	uint32_t upper;                 /* gates of long mode: bits 32-63 of the offset */
	uint64_t base;
	uint32_t limit;                 /* scaled */
	uint16_t attributes;
};

/* IA-32e mode, 64-bit or compatibility; and 64-bit mode. */
static inline bool long_mode(const struct cpu *cpu) { return cpu->efer & EFER_LMA; }
static inline bool mode_64(const struct cpu *cpu) { return cpu->mode & MODE_64; }

/* Addresses of tables, gates and task state have 64 bits in long mode, whatever CS is. */
static inline uint64_t system_linear(const struct cpu *cpu, uint64_t address)
{
	return long_mode(cpu) ? address : address & 0xffffffffu;
}

static inline unsigned descriptor_dpl(const struct descriptor *d)
{
	return (unsigned)(d->attributes & ATTR_DPL) >> ATTR_DPL_SHIFT;
}
static inline bool attributes_code(uint32_t a)
{
	return (a & (ATTR_S | ATTR_CODE)) == (ATTR_S | ATTR_CODE);
}
static inline bool attributes_conforming(uint32_t a)
{
	return (a & (ATTR_S | ATTR_CODE | ATTR_CONFORMING)) == (ATTR_S | ATTR_CODE | ATTR_CONFORMING);
}
static inline bool attributes_writable(uint32_t a)
{
	return (a & (ATTR_S | ATTR_CODE | ATTR_WRITABLE)) == (ATTR_S | ATTR_WRITABLE);
}
static inline bool attributes_readable(uint32_t a)      /* data, or readable code */
{
	return (a & ATTR_S) && (!(a & ATTR_CODE) || (a & ATTR_READABLE));
}
/* Type of a system descriptor; 0 (reserved) for code and data. */
static inline unsigned descriptor_system_type(const struct descriptor *d)
{
	return d->attributes & ATTR_S ? 0u : d->attributes & ATTR_TYPE;
}
static inline uint16_t gate_selector(const struct descriptor *d) { return (uint16_t)(d->low >> 16); }
static inline uint64_t gate_offset(const struct descriptor *d)
{
	uint32_t offset = (d->high & 0xffff0000u) | (d->low & 0xffff);

	return d->attributes & TYPE_32_BIT ? (uint64_t)d->upper << 32 | offset : offset & 0xffff;
}
static inline bool selector_null(uint16_t selector) { return (selector & 0xfffc) == 0; }

/* An exception whose error code names a selector; ext is the EXT bit. */
static inline bool fault_selector(struct cpu *cpu, uint32_t vector, uint16_t selector, uint32_t ext)
{
	return cpu_raise_error(cpu, vector, (selector & 0xfffcu) | ext);
}

/* Do width bytes at offset lie inside the limit?  A 4 GiB segment has no end. */
static inline bool limit_allows(uint32_t attributes, uint32_t limit, uint64_t offset, unsigned width)
{
	uint64_t last = offset + width - 1;

	if ((attributes & (ATTR_S | ATTR_CODE | ATTR_EXPAND_DOWN)) == (ATTR_S | ATTR_EXPAND_DOWN))
		return offset > limit && last <= (attributes & ATTR_DB ? 0xffffffffu : 0xffffu);
	return last <= limit || limit == 0xffffffffu;
}

static inline uint64_t stack_mask(uint32_t attributes)
{
	return attributes & ATTR_DB ? 0xffffffffu : 0xffffu;
}
/* Of the stack as it is. */
static inline uint64_t current_stack_mask(const struct cpu *cpu)
{
	return mode_64(cpu) ? UINT64_MAX : stack_mask(cpu->seg[SEG_SS].attributes);
}
/* A 64-bit code segment, in long mode; and one with both L and D set, which is none. */
static inline bool code_is_64(const struct cpu *cpu, const struct descriptor *d)
{
	return long_mode(cpu) && (d->attributes & ATTR_L);
}
static inline bool code_size_is_bad(const struct cpu *cpu, const struct descriptor *d)
{
	return long_mode(cpu) && (d->attributes & (ATTR_L | ATTR_DB)) == (ATTR_L | ATTR_DB);
}
/* Is offset one of this code segment's?  A canonical address in 64-bit mode. */
static inline bool code_offset_valid(const struct cpu *cpu, const struct descriptor *d, uint64_t offset)
{
	return code_is_64(cpu, d) ? address_canonical(offset) : offset <= d->limit;
}

/* ---- Supervisor accesses through the TLB ------------------------------------------------------ */

static INLINE bool system_load(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t *value)
{
	const struct tlb_entry *entry = &cpu->tlbs[0].read[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];
	const uint8_t *at;

	if (!tlb_hit(entry, linear, width))
		return load_system(cpu, linear, width, value);
	at = tlb_host(entry, linear);
	*value = width == 1 ? get8(at) : width == 2 ? get16(at) : width == 4 ? get32(at) : get64(at);
	return true;
}

static INLINE bool system_store(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t value)
{
	const struct tlb_entry *entry = &cpu->tlbs[0].write[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];
	uint8_t *at;

	if (!tlb_hit(entry, linear, width))
		return store_system(cpu, linear, width, value);
	at = tlb_host(entry, linear);
	switch (width) {
	case 1: put8(at, (uint8_t)value); break;
	case 2: put16(at, (uint16_t)value); break;
	case 4: put32(at, (uint32_t)value); break;
	default: put64(at, value); break;
	}
	return true;
}

/* ---- segment.c ------------------------------------------------------------------------------ */
/* Finds a descriptor; beyond its table raises vector(selector | ext). */
bool descriptor_read(struct cpu *cpu, uint16_t selector, uint32_t vector, uint32_t ext,
		     struct descriptor *d);
/* The same for instructions that only look (LAR, VERR ...): false without a fault when
   there is none. */
bool descriptor_look(struct cpu *cpu, uint16_t selector, struct descriptor *d, bool *found);
void descriptor_parse(struct descriptor *d, uint32_t low, uint32_t high);
/*
 * The other 8 bytes of a system descriptor of long mode: bits 32-63 of the base or offset.
 * Outside long mode there are none.  #GP(selector) beyond the table, or with a type in them.
 */
bool descriptor_read_upper(struct cpu *cpu, uint16_t selector, struct descriptor *d);
/* Sets the accessed bit in memory (and in *d). */
bool descriptor_mark_accessed(struct cpu *cpu, struct descriptor *d);
/* Checks of a data segment register other than SS, by MOV and its kind. */
bool data_segment_check(struct cpu *cpu, uint16_t selector, unsigned cpl, uint32_t vector,
			uint32_t ext, struct descriptor *d);
void segment_set(struct cpu *cpu, unsigned which, uint16_t selector, const struct descriptor *d);
void segment_set_null(struct cpu *cpu, unsigned which, uint16_t selector);
void segment_set_v86(struct cpu *cpu, unsigned which, uint16_t selector);
/* SS without a segment, as 64-bit mode has it at privileges 0 to 2; it holds the CPL. */
void segment_set_null_stack(struct cpu *cpu, unsigned cpl);
/* CS with a new privilege; sets cpu->cpl. */
void segment_set_code(struct cpu *cpu, uint16_t selector, const struct descriptor *d, unsigned cpl);
/* Return to an outer privilege: data segments it may not use become null. */
void segments_drop_inner(struct cpu *cpu);

/* A stack that becomes SS:ESP once everything on it is written. */
struct new_stack {
	uint64_t base, sp, mask;
	uint32_t limit, attributes;
	uint32_t error;                 /* code of #SS */
	bool system;                    /* of an inner privilege: supervisor accesses */
	bool wide;                      /* of 64-bit mode: no segment */
};
/* SS as it is loaded, also in 64-bit mode, where it says nothing; and the stack of the mode it is. */
void new_stack_segment(const struct cpu *cpu, struct new_stack *stack, uint32_t error);
void new_stack_current(const struct cpu *cpu, struct new_stack *stack, uint32_t error);
/* Room for count items of width bytes?  #SS(stack->error) when there is not. */
bool new_stack_room(struct cpu *cpu, const struct new_stack *stack, unsigned width, unsigned count);
/* After new_stack_room: only #PF can happen. */
bool new_stack_push(struct cpu *cpu, struct new_stack *stack, unsigned width, uint64_t value);
/*
 * The stack of an inner privilege as the current TSS has it, checked as SDM 3A 6.12 says
 * (#TS, #SS).  selector gets SS, d its descriptor.
 */
bool new_stack_from_tss(struct cpu *cpu, unsigned privilege, uint32_t ext, struct new_stack *stack,
			uint16_t *selector, struct descriptor *d);
/* A stack of 64-bit mode at this address. */
void new_stack_wide(struct new_stack *stack, uint64_t sp, unsigned privilege, uint32_t error);
/* RSP of a privilege (entry 0 to 2) or of the IST (entry 4 to 10: IST 1 to 7) in the 64-bit TSS; #TS. */
enum { TSS64_IST = 3 };
bool tss64_stack(struct cpu *cpu, unsigned entry, uint32_t ext, uint64_t *sp);
/* Writes (E)SP for a stack whose segment has these attributes. */
void stack_pointer_set(struct cpu *cpu, uint32_t attributes, uint64_t sp);
/* Writes SP, ESP or RSP as the current stack is. */
void stack_pointer_move(struct cpu *cpu, uint64_t sp);

/* ---- far.c ---------------------------------------------------------------------------------- */
/* The return address of RETF and IRET: a code segment of this or an outer privilege. */
bool return_code_read(struct cpu *cpu, uint16_t selector, struct descriptor *d);
/* The stack that RETF and IRET to an outer privilege go back to; to_64: of 64-bit code. */
bool return_stack_read(struct cpu *cpu, uint16_t selector, unsigned rpl, bool to_64,
		       struct descriptor *d);
/* SS and the stack pointer after such a return. */
void return_stack_set(struct cpu *cpu, uint16_t selector, unsigned rpl, const struct descriptor *d,
		      bool to_64, uint64_t sp);
/* Reads the item at a distance above the top of the stack. */
bool stack_peek(struct cpu *cpu, unsigned distance, unsigned width, uint64_t *value);

/* ---- task.c --------------------------------------------------------------------------------- */
enum task_result {
	TASK_DONE,
	TASK_FAULT,                     /* in the old task: nothing changed */
	TASK_FAULT_INSIDE               /* in the new task: RIP is its RIP, state is its state */
};
/* The checks of a TSS selector that a task gate holds (#GP, #NP), then the switch. */
enum task_result task_gate_enter(struct cpu *cpu, uint16_t selector, enum task_switch why,
				 uint64_t next_rip, uint64_t old_flags, bool has_error,
				 uint32_t error, uint32_t ext);
/* d: the checked descriptor of the new TSS. */
enum task_result task_switch_to(struct cpu *cpu, uint16_t selector, struct descriptor *d,
				enum task_switch why, uint64_t next_rip, uint64_t old_flags,
				bool has_error, uint32_t error, uint32_t ext);
/* The link of the current TSS (IRET with NT set). */
enum task_result task_return(struct cpu *cpu, uint64_t next_rip);

/* ---- interrupt.c ------------------------------------------------------------------------------ */
/* For an instruction: a fault inside the new task is delivered there at once. */
bool task_finish(struct cpu *cpu, enum task_result result);
/* INT n in virtual-8086 mode: #GP(0), the 8086 program's own handler (VME), or the IDT. */
bool interrupt_v86_software(struct cpu *cpu, uint32_t vector, uint64_t return_rip);

/* ---- cpuid.c ---------------------------------------------------------------------------------- */
uint32_t cpu_signature(const struct cpu_model *model);  /* family, model, stepping as EDX has them after reset */
uint64_t xcr0_supported(const struct cpu *cpu);         /* 0: no XSAVE */
uint32_t xsave_size(uint64_t components);               /* bytes, in either format */

/* ---- control.c -------------------------------------------------------------------------------- */
uint64_t flags_writable(const struct cpu *cpu);         /* the EFLAGS bits this processor has */
uint64_t cr4_known(const struct cpu *cpu);              /* the bits of CR4 this processor has */
bool xcr_write(struct cpu *cpu, uint32_t index, uint64_t value);        /* false: #GP(0) */
void debug_changed(struct cpu *cpu);                    /* after DR0-7 or CR4.DE: what is derived */
void watch_changed(struct cpu *cpu);                    /* after these or hooks: data_watched, ports_watched */
/* I/O breakpoints: notes a match for the #DB after this instruction. */
void debug_port_access(struct cpu *cpu, uint16_t port, unsigned width);

#endif
