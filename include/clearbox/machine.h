/* A machine: creation, running, stopping, registers, memory. */
#ifndef CLEARBOX_MACHINE_H
#define CLEARBOX_MACHINE_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Options of the bare machine: a processor and RAM from address 0, without devices.
 * Set size to sizeof(struct cbx_machine_options) and leave the rest 0 for defaults.
 */
struct cbx_machine_options {
	size_t size;
	uint64_t memory_bytes;          /* multiple of 4096; 0: 64 MiB */
	/* Model, perhaps with changes: "haswell,-avx2,+rdseed,vendor=amd"; NULL: the default. */
	const char *cpu;
	uint32_t nanoseconds_per_instruction;   /* guest time of one instruction; 0: 10 */
	/*
	 * All allocation goes through these when set.  reallocate(user, NULL, n) allocates,
	 * reallocate(user, p, n) makes it n bytes large, reallocate(user, p, 0) frees; alignment and
	 * the rest as realloc has them.  NULL: there is no memory.
	 */
	void *(*reallocate)(void *user, void *memory, size_t size);
	void *user;
	bool bare;                      /* devices map the RAM themselves (a PC does) */
	bool small_caches;              /* tiny TLB and block cache: for tests */
	bool single_step_blocks;        /* blocks of one instruction: for tests */
	/*
	 * Limits, 0 for none.  memory_limit is what the machine may have allocated, in bytes: creation
	 * fails with CBX_ERROR_MEMORY, a run that needs more ends with CBX_STOP_MEMORY_LIMIT.
	 * instruction_limit and guest_time_limit (ns) count since power-on, over all runs: at them
	 * each run ends with CBX_STOP_LIMIT and says in detail which it was.  log_limit is bytes of
	 * messages: the message too much is dropped, and the run ends with CBX_STOP_LOG_LIMIT.
	 */
	uint64_t memory_limit, instruction_limit, guest_time_limit, log_limit;
	/* Set by cbx_fork, for boards to pass on: the machine whose memory this one will share. */
	const struct cbx_machine *fork_of;
};

/*
 * Makes a machine; options NULL: all defaults.  error may be NULL, and says what went wrong.
 * Errors: CBX_ERROR_ARGUMENT (options that cannot be), CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_machine_new(const struct cbx_machine_options *options,
					struct cbx_machine **machine, struct cbx_error *error);
/* Frees a machine that is not running, and its devices; NULL does nothing. */
CBX_API void cbx_machine_free(struct cbx_machine *machine);
/*
 * Power-on reset of everything: time starts again at 0, memory holds again what it held
 * before the first run or reset.  Code that builds a board calls it last.
 */
CBX_API void cbx_machine_reset(struct cbx_machine *machine);
/* What went wrong in the last call that returned an error on this machine. */
CBX_API const char *cbx_machine_error(const struct cbx_machine *machine);
/*
 * Where devices' messages (cbx_log) go.  After options.log_limit bytes of them, or where that is 0 a
 * thousand messages, the rest is dropped.
 */
CBX_API void cbx_machine_set_log(struct cbx_machine *machine,
				 void (*log)(void *user, const char *device, const char *text),
				 void *user);
/* The n-th processor model's name, NULL past the last. */
CBX_API const char *cbx_cpu_model(unsigned n);
/* The n-th feature that can be added to a model or taken away, likewise. */
CBX_API const char *cbx_cpu_feature(unsigned n);
/* Is this a processor that cbx_machine_options.cpu can name?  CBX_ERROR_ARGUMENT: error says why not. */
CBX_API enum cbx_status cbx_cpu_check(const char *cpu, struct cbx_error *error);

enum cbx_stop_reason {
	CBX_STOP_LIMIT,                 /* the run's or the machine's instructions or guest time are used up */
	CBX_STOP_REQUEST,               /* cbx_request_stop */
	CBX_STOP_IDLE,                  /* only with stop_when_idle: the guest halted */
	CBX_STOP_HALTED,                /* halted for ever: nothing can wake it */
	CBX_STOP_TRIPLE_FAULT,          /* only with stop_on_triple_fault, else a reset */
	CBX_STOP_RESET,                 /* only with stop_on_reset: the guest asked for a reset */
	CBX_STOP_POWER_OFF,
	CBX_STOP_EXIT,                  /* the guest gave an exit code */
	/* The guest needs something Clearbox does not do: see detail.  Nothing gives it yet. */
	CBX_STOP_UNSUPPORTED,
	CBX_STOP_HOST_MEMORY,           /* an allocation failed; the machine can go on later */
	CBX_STOP_BREAKPOINT,            /* debug.h; id says which */
	CBX_STOP_WATCHPOINT,            /* likewise; address, write and access_rip are set */
	CBX_STOP_HOOK,                  /* a hook asked for it; id says which */
	CBX_STOP_MEMORY_LIMIT,          /* as CBX_STOP_HOST_MEMORY, but it was options.memory_limit */
	CBX_STOP_LOG_LIMIT,             /* options.log_limit is reached; later messages are dropped */
	CBX_STOP_BACKEND_LIMIT          /* a backend said CBX_ERROR_LIMIT: detail names it */
};

struct cbx_stop {
	enum cbx_stop_reason reason;
	int exit_code;                  /* CBX_STOP_EXIT */
	uint64_t instructions;          /* executed in this run */
	uint64_t rip, cs_base;          /* of the next instruction */
	unsigned id;                    /* of the breakpoint, watchpoint or hook */
	uint64_t address;               /* CBX_STOP_WATCHPOINT: of the data, linear or physical as it was set */
	bool write;                     /* CBX_STOP_WATCHPOINT: the access was a write */
	uint64_t access_rip;            /* CBX_STOP_WATCHPOINT: RIP of the instruction that made it */
	char detail[160];               /* for people; empty when the reason says it all */
};

struct cbx_run_options {
	size_t size;
	uint64_t instructions;          /* at most this many; 0: no limit */
	uint64_t guest_nanoseconds;     /* also end (CBX_STOP_LIMIT) when this much guest time passed; 0: no limit */
	/* When the guest halts, guest time jumps to the next timer.  With stop_when_idle
	   the run ends instead (CBX_STOP_IDLE) so that the host can sleep; the next run
	   jumps. */
	bool stop_when_idle;
	bool stop_on_triple_fault, stop_on_reset;
};

/*
 * Runs until something in cbx_stop_reason happens.  Options and stop may be NULL.
 * Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_STATE (it is running already: a callback called).
 */
CBX_API enum cbx_status cbx_run(struct cbx_machine *machine, const struct cbx_run_options *options,
				struct cbx_stop *stop);
/*
 * Runs exactly one instruction (or delivers one interrupt and its first instruction).
 * Errors: as cbx_run: CBX_ERROR_ARGUMENT, CBX_ERROR_STATE.
 */
CBX_API enum cbx_status cbx_step(struct cbx_machine *machine, struct cbx_stop *stop);
/* Ends a run soon.  May be called from another thread or a signal handler. */
CBX_API void cbx_request_stop(struct cbx_machine *machine);

/* Instructions executed since power-on; exact in callbacks, too. */
CBX_API uint64_t cbx_instruction_count(const struct cbx_machine *machine);
CBX_API uint64_t cbx_guest_time(const struct cbx_machine *machine);     /* ns since power-on */
/* Guest time of the next timed event; UINT64_MAX when there is none. */
CBX_API uint64_t cbx_next_event(const struct cbx_machine *machine);

/* ---- Registers: SDM names ------------------------------------------------------------ */

enum cbx_register {
	CBX_RAX, CBX_RCX, CBX_RDX, CBX_RBX, CBX_RSP, CBX_RBP, CBX_RSI, CBX_RDI,
	CBX_R8, CBX_R9, CBX_R10, CBX_R11, CBX_R12, CBX_R13, CBX_R14, CBX_R15,
	CBX_RIP, CBX_RFLAGS,
	CBX_ES, CBX_CS, CBX_SS, CBX_DS, CBX_FS, CBX_GS, CBX_LDTR, CBX_TR,
	CBX_ES_BASE, CBX_CS_BASE, CBX_SS_BASE, CBX_DS_BASE, CBX_FS_BASE, CBX_GS_BASE,
	CBX_LDTR_BASE, CBX_TR_BASE,
	CBX_ES_LIMIT, CBX_CS_LIMIT, CBX_SS_LIMIT, CBX_DS_LIMIT, CBX_FS_LIMIT, CBX_GS_LIMIT,
	CBX_LDTR_LIMIT, CBX_TR_LIMIT,
	/* Descriptor bits 8-23 of the second doubleword, shifted down by 8: type, S, DPL, P, AVL, L, D/B, G */
	CBX_ES_ATTRIBUTES, CBX_CS_ATTRIBUTES, CBX_SS_ATTRIBUTES, CBX_DS_ATTRIBUTES,
	CBX_FS_ATTRIBUTES, CBX_GS_ATTRIBUTES, CBX_LDTR_ATTRIBUTES, CBX_TR_ATTRIBUTES,
	CBX_GDTR_BASE, CBX_GDTR_LIMIT, CBX_IDTR_BASE, CBX_IDTR_LIMIT,
	CBX_CR0, CBX_CR2, CBX_CR3, CBX_CR4, CBX_CR8, CBX_EFER,
	CBX_DR0, CBX_DR1, CBX_DR2, CBX_DR3, CBX_DR6, CBX_DR7,
	CBX_FCW, CBX_FSW, CBX_FTW,      /* FTW: the full 16-bit tag word */
	CBX_FIP, CBX_FCS, CBX_FDP, CBX_FDS, CBX_FOP,
	/* x87 physical registers R0-R7: significand, then sign and exponent */
	CBX_FR0, CBX_FR7 = CBX_FR0 + 7, CBX_FR0_EXPONENT, CBX_FR7_EXPONENT = CBX_FR0_EXPONENT + 7,
	CBX_MXCSR, CBX_XCR0, CBX_SYSENTER_CS, CBX_SYSENTER_ESP, CBX_SYSENTER_EIP, CBX_STAR, CBX_LSTAR,
	CBX_CSTAR, CBX_FMASK, CBX_KERNEL_GS_BASE, CBX_TSC_AUX,
	/* YMM0-15, four quadwords each, the low one first: XMMn is CBX_YMM0 + 4 * n and the next */
	CBX_YMM0, CBX_YMM15_END = CBX_YMM0 + 63,
	CBX_REGISTER_COUNT
};

/*
 * Writing a selector (CBX_CS ...) changes the selector alone; base, limit and
 * attributes are registers of their own, as the hidden part of the hardware is.
 * EFER.LMA follows EFER.LME and CR0.PG.  Writing RIP, be it the old value, wakes a processor that has
 * halted or shut down: the next run goes on there.  Errors: CBX_ERROR_ARGUMENT (no value for this
 * register), CBX_ERROR_UNSUPPORTED (R8 to R15 of a 32-bit processor).
 */
CBX_API enum cbx_status cbx_register_read(const struct cbx_machine *machine, enum cbx_register which,
					  uint64_t *value);
CBX_API enum cbx_status cbx_register_write(struct cbx_machine *machine, enum cbx_register which,
					   uint64_t value);
/* Its name in lower case ("eax" is "rax"), NULL if there is none. */
CBX_API const char *cbx_register_name(enum cbx_register which);

/* ---- Memory ---------------------------------------------------------------------------- */

/*
 * Bytes at physical addresses, RAM and ROM only (devices are not touched).
 * Errors: CBX_ERROR_UNMAPPED (nothing was copied).  Writes reach RAM only.
 */
CBX_API enum cbx_status cbx_memory_read(struct cbx_machine *machine, uint64_t address, void *bytes,
					size_t count);
CBX_API enum cbx_status cbx_memory_write(struct cbx_machine *machine, uint64_t address,
					 const void *bytes, size_t count);
/*
 * The same at linear addresses, by the current page tables, whatever the page's rights.
 * Errors: CBX_ERROR_UNMAPPED (nothing was copied), CBX_ERROR_ARGUMENT.
 */
CBX_API enum cbx_status cbx_linear_read(struct cbx_machine *machine, uint64_t address, void *bytes,
					size_t count);
CBX_API enum cbx_status cbx_linear_write(struct cbx_machine *machine, uint64_t address,
					 const void *bytes, size_t count);
/* Linear to physical without any effect.  Errors: CBX_ERROR_UNMAPPED. */
CBX_API enum cbx_status cbx_translate(struct cbx_machine *machine, uint64_t linear,
				      uint64_t *physical);

/* ---- Disassembly -------------------------------------------------------------------------- */

/*
 * One instruction in Intel syntax.  bits is 16, 32 or 64; count is how many bytes there
 * are (15 are enough).  *length is the instruction's length, 0 when count is too small;
 * what is no instruction becomes "db NNh" of length 1.  Errors: CBX_ERROR_ARGUMENT.
 */
CBX_API enum cbx_status cbx_disassemble(const uint8_t *bytes, size_t count, unsigned bits,
					uint64_t address, char *text, size_t text_size,
					unsigned *length);

#ifdef __cplusplus
}
#endif
#endif
