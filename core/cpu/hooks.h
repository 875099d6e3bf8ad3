/*
 * Breakpoints, watchpoints and hooks inside the processor (include/clearbox/debug.h).
 *
 * Nothing here costs anything while none is set.  What looks at instructions is built into the
 * decoded blocks as op_HOOK records, in front of just the instructions that somebody asked about;
 * what looks at data keeps its pages out of the TLB's host addresses, so that their accesses go the
 * slow way (access_slow.c).  When a hook comes or goes all blocks and host addresses are made
 * anew at the next instruction boundary: they are derived, and the guest sees nothing of it.
 */
#ifndef CORE_CPU_HOOKS_H
#define CORE_CPU_HOOKS_H

#include "insn.h"

/* cpu->hooked: what anybody asked for; kinds of hooks by number, and: */
enum {
	HOOKED_EXECUTE = 1u << 28,      /* execution breakpoints */
	HOOKED_DATA = 1u << 29,         /* data hooks and watchpoints */
	HOOKED_PHYSICAL = 1u << 30,     /* some of them by physical address */
	HOOKED_EVENTS = 1u << CBX_HOOK_INTERRUPT | 1u << CBX_HOOK_EXCEPTION | 1u << CBX_HOOK_CR3,
	HOOKED_IO = 1u << CBX_HOOK_PORT_READ | 1u << CBX_HOOK_PORT_WRITE |
		    1u << CBX_HOOK_MMIO_READ | 1u << CBX_HOOK_MMIO_WRITE,
	/* What needs records in blocks. */
	HOOKED_CODE = HOOKED_EXECUTE | 1u << CBX_HOOK_INSTRUCTION | 1u << CBX_HOOK_BLOCK |
		      1u << CBX_HOOK_BRANCH | 1u << CBX_HOOK_CONTROL_WRITE | 1u << CBX_HOOK_MSR_READ |
		      1u << CBX_HOOK_MSR_WRITE | 1u << CBX_HOOK_CPUID | 1u << CBX_HOOK_RDTSC |
		      1u << CBX_HOOK_RDRAND | 1u << CBX_HOOK_HLT | HOOKED_DATA | HOOKED_EVENTS
};

struct hooks;

void hooks_free(struct cpu *cpu);
/* Hooks or breakpoints came or went: blocks and host addresses are made anew.  Between instructions. */
void hooks_settle(struct cpu *cpu);
/* Time went back, or another state is in place: no instruction has been announced yet. */
void hooks_forget(struct cpu *cpu);
/* A run begins: its first instruction does not stop at an execution breakpoint. */
void hooks_run_begins(struct cpu *cpu);
/* What hooks asked for at the end of an instruction (a trap, a jump), in the loop. */
void hooks_carry_out(struct cpu *cpu);

/* ---- For the builder (blocks.c) -------------------------------------------------------------- */

/* Is anything to be told before this instruction?  follows: it comes after a branch or begins a block. */
bool hooks_want(const struct cpu *cpu, unsigned op, uint64_t linear, uint64_t physical, bool follows);
bool hooks_op_is_branch(unsigned op);
/* Runs the record in front of such an instruction, which is like it, its physical address in context. */
insn_fn *hooks_record(const struct cpu *cpu);
bool hooks_is_record(const struct insn *i);
HANDLER(op_HOOK);
HANDLER(op_HOOK_PLAIN);

/* ---- For data accesses (access_slow.c) -------------------------------------------------------- */

/* Does anybody look at data of this page? */
bool hooks_watch_page(const struct cpu *cpu, uint64_t linear_page);
bool hooks_watch_physical(const struct cpu *cpu, uint64_t physical);

enum { HOOKED_WIDTH = 64 };             /* bytes of an access at most */
struct hooked_access {
	const struct insn *insn;        /* NULL: of the system */
	uint64_t linear;
	uint64_t physical, physical2;   /* of the first byte, and of the second page's if it crosses */
	unsigned width, in_first;       /* in_first: bytes in the first page */
	bool write, may_fault;
	uint8_t *bytes;
};
enum hooked { HOOKED_GO, HOOKED_SKIP, HOOKED_FAULT };
enum hooked hooks_before_access(struct cpu *cpu, const struct hooked_access *access);
void hooks_after_access(struct cpu *cpu, const struct hooked_access *access);

/* ---- For the rest ------------------------------------------------------------------------------- */

/* A port or MMIO access that is hooked; false: it is not to be made.  *value as for the access. */
bool hooks_before_io(struct cpu *cpu, enum cbx_hook_kind kind, uint64_t address, unsigned width,
		     uint64_t *value);
void hooks_after_io(struct cpu *cpu, enum cbx_hook_kind kind, uint64_t address, unsigned width,
		    uint64_t *value);
/* An interrupt or exception is about to be delivered; false: it is not to be, and RIP is where to go on. */
bool hooks_delivery(struct cpu *cpu, uint32_t vector, enum interrupt_kind kind, bool has_error,
		    uint32_t error, uint64_t return_rip);
/* Delivered: a block begins. */
void hooks_delivered(struct cpu *cpu);
void hooks_cr3(struct cpu *cpu, uint64_t old);

/* ---- exceptions.c: the last exceptions ------------------------------------------------------------ */
void exception_note(struct cpu *cpu, bool in_delivery);

#endif
