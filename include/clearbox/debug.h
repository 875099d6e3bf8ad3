/*
 * Looking into a running machine: breakpoints and watchpoints, which end a run, and hooks,
 * which call the embedder.  None of them changes what the guest does unless a hook says so:
 * guest memory and the debug registers are not touched, and the state after n instructions is
 * the same with and without them.
 */
#ifndef CLEARBOX_DEBUG_H
#define CLEARBOX_DEBUG_H

#include "machine.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Breakpoints and watchpoints --------------------------------------------------------- */

enum cbx_breakpoint_kind {
	CBX_BREAK_EXECUTE,              /* before the instruction that begins at address */
	CBX_BREAK_READ,                 /* after the instruction that read a byte of the range */
	CBX_BREAK_WRITE,
	CBX_BREAK_ACCESS                /* either */
};

/* Set size to sizeof(struct cbx_breakpoint). */
struct cbx_breakpoint {
	size_t size;
	enum cbx_breakpoint_kind kind;
	bool physical;                  /* address is physical; else linear (in real mode: CS base + IP) */
	uint64_t address;
	uint64_t length;                /* bytes, of a watchpoint; 0: 1.  An execution breakpoint looks at
					   the instruction's first byte alone, and takes a range, too. */
	/* Asked each time it is met, in the situation of a hook (see below); false: go on.  NULL: always stop. */
	bool (*condition)(void *user, struct cbx_machine *machine);
	void *user;
};

/*
 * Sets a breakpoint; any number may be set.  A run that meets it ends with CBX_STOP_BREAKPOINT (the
 * instruction has not been executed) or CBX_STOP_WATCHPOINT (the instruction that made the access
 * has been, RIP is after it); cbx_stop says which and where.  The instruction that a run
 * begins with does not stop at an execution breakpoint, so a stopped run simply goes on.
 * *id is never 0.  May be called in hooks.
 * Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_breakpoint_add(struct cbx_machine *machine,
					   const struct cbx_breakpoint *breakpoint, unsigned *id);
/* Takes a breakpoint away.  Errors: CBX_ERROR_ARGUMENT (there is none of this id). */
CBX_API enum cbx_status cbx_breakpoint_remove(struct cbx_machine *machine, unsigned id);

/* ---- Hooks ----------------------------------------------------------------------------------- */

enum cbx_hook_kind {
	/* Before each instruction whose first byte is in the filter's range; a REP iteration is one. */
	CBX_HOOK_INSTRUCTION,
	/* Before the first instruction after a branch instruction (taken or not), an interrupt or an exception. */
	CBX_HOOK_BLOCK,
	/* Before the instruction that a taken branch led to.  address: there; other: the branch's own. */
	CBX_HOOK_BRANCH,
	/*
	 * Data accesses of instructions and of interrupt and task-switch delivery, linear address in
	 * address, the physical one of the first byte in other; code fetches and page walks are none.
	 * Before: rights are checked and the access will be made.  After: it has been made.
	 */
	CBX_HOOK_READ, CBX_HOOK_WRITE,
	CBX_HOOK_MMIO_READ, CBX_HOOK_MMIO_WRITE,        /* what no RAM serves; address is physical */
	CBX_HOOK_PORT_READ, CBX_HOOK_PORT_WRITE,        /* address is the port */
	/* An interrupt (NMI, external, INT n) or exception is about to be delivered.  address is the vector. */
	CBX_HOOK_INTERRUPT, CBX_HOOK_EXCEPTION,
	/*
	 * Before an instruction that writes a control register (MOV CR, LMSW, CLTS, XSETBV as number 16):
	 * address is its number, value what is to be written.  The instruction may still fault.
	 */
	CBX_HOOK_CONTROL_WRITE,
	CBX_HOOK_MSR_READ, CBX_HOOK_MSR_WRITE,          /* before RDMSR, WRMSR; address is the MSR */
	CBX_HOOK_CPUID,                                 /* before it; address is the leaf (EAX) */
	CBX_HOOK_RDTSC,                                 /* before RDTSC and RDTSCP */
	CBX_HOOK_RDRAND,                                /* before RDRAND and RDSEED */
	CBX_HOOK_HLT,                                   /* before it */
	/* CR3 got another value, by whatever means.  address: the old, value: the new one. */
	CBX_HOOK_CR3,
	CBX_HOOK_KINDS
};

/* What a hook is told, and may change where it says so.  Valid during the call. */
struct cbx_event {
	enum cbx_hook_kind kind;
	bool after;
	uint8_t cpl;                    /* current privilege level */
	unsigned id;                    /* of the hook */
	uint64_t rip;                   /* offset of the instruction that is at work or is to begin */
	uint64_t linear;                /* CS base + rip */
	uint64_t address, other;        /* by kind */
	uint64_t value;                 /* by kind; port and MMIO: what is written or (after) was read */
	uint32_t width;                 /* bytes of an access; of an instruction: its length */
	/*
	 * READ and WRITE: the width bytes in the guest's order.  Before a write, and after a read,
	 * they may be changed: what then counts are they.  Before a read they are what a hook that
	 * skips the access puts there.  For ports and MMIO the same holds for value.
	 */
	uint8_t *bytes;
	/* INTERRUPT and EXCEPTION */
	bool software;                  /* INT n, INT3, INTO, ICEBP */
	bool has_error;
	uint32_t error;                 /* error code */
	/* For CBX_HOOK_RAISE and CBX_HOOK_JUMP: */
	uint32_t raise_vector, raise_error;
	bool raise_has_error;
	uint64_t jump_rip;
};

enum cbx_hook_action {
	CBX_HOOK_CONTINUE,
	/*
	 * Before an instruction (also CPUID, HLT and the like): it is left out and counts as executed.
	 * Before an access: the access is not made.  Interrupt, exception: it is not delivered; an
	 * exception's instruction is tried again unless RIP was changed.  Elsewhere: as CONTINUE.
	 */
	CBX_HOOK_SKIP,
	/*
	 * The run ends with CBX_STOP_HOOK.  Before an instruction: now; the next run goes on with
	 * it without calling again.  Elsewhere: at the end of the instruction or delivery.
	 */
	CBX_HOOK_STOP,
	/*
	 * The exception raise_vector is raised: instead of the instruction or a read or write (a
	 * fault), or, at other kinds and after an access, at the end of the instruction (a trap).
	 */
	CBX_HOOK_RAISE,
	/* Execution goes on at jump_rip: instead of the instruction, else after it. */
	CBX_HOOK_JUMP
};

/* Set size to sizeof(struct cbx_hook); what is 0 filters nothing. */
struct cbx_hook {
	size_t size;
	enum cbx_hook_kind kind;
	bool after;                     /* READ, WRITE, PORT and MMIO kinds: call after the access instead */
	bool physical;                  /* INSTRUCTION, BLOCK, READ, WRITE: first and last are physical */
	uint64_t first, last;           /* range of address; both 0: any */
	uint8_t cpl_mask;               /* bit n: at CPL n; 0: any */
	bool match_cr3;                 /* only while CR3 (bits 12 and up) is this */
	uint64_t cr3;
	/*
	 * In the call all registers, flags, RIP and the instruction count are exact, and the machine may
	 * be read and written, other hooks and breakpoints added and removed, this one as well; the
	 * machine cannot be run, reset, saved, loaded or freed.  Registers that a hook changes before an
	 * instruction count for it.  If RIP is changed, execution goes on there.
	 */
	enum cbx_hook_action (*call)(void *user, struct cbx_machine *machine, struct cbx_event *event);
	void *user;
};

/*
 * Adds a hook; several of one kind are called in the order they were added, and the first that says
 * other than CONTINUE or STOP ends it.  *id is never 0; ids of hooks and breakpoints are one series.
 * Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_hook_add(struct cbx_machine *machine, const struct cbx_hook *hook,
				     unsigned *id);
/* Takes a hook away; inside a hook, too.  Errors: CBX_ERROR_ARGUMENT (there is none of this id). */
CBX_API enum cbx_status cbx_hook_remove(struct cbx_machine *machine, unsigned id);

/* ---- What went wrong ---------------------------------------------------------------------------- */

/* An exception that was delivered, or failed to be. */
struct cbx_exception {
	uint64_t instructions;          /* the instruction count at the time */
	uint64_t rip, cs_base, cr2, cr3;
	uint32_t vector, error;
	uint16_t cs;                    /* selector */
	uint8_t cpl;
	bool has_error;
	/* It came up while the one before it was being delivered (double fault: vector 8). */
	bool in_delivery;
};

/*
 * The n-th last exception of the guest, 0 the last one; for an account of a triple fault.  The
 * last 32 are kept; they are no part of the machine's state.  Errors: CBX_ERROR_ARGUMENT (no such).
 */
CBX_API enum cbx_status cbx_exception_read(const struct cbx_machine *machine, unsigned n,
					   struct cbx_exception *exception);

#ifdef __cplusplus
}
#endif
#endif
