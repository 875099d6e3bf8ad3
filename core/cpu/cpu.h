/*
 * The processor: its registers, what is derived from them, and how its parts work
 * together.  Terms are those of the Intel SDM, volumes 1 and 3.
 *
 * A handler or helper that meets an exception records it with cpu_raise and returns
 * false; the handler then returns cpu_fault(cpu, i), which puts RIP back on the
 * instruction.  Nothing the guest can see is changed before the last access that can
 * fault.
 */
#ifndef CORE_CPU_CPU_H
#define CORE_CPU_CPU_H

#include <clearbox/clearbox.h>
#include "compiler.h"
#include "machine.h"
#include "fpu/x87.h"

enum { REG_AX, REG_CX, REG_DX, REG_BX, REG_SP, REG_BP, REG_SI, REG_DI,
       REG_ZERO = 16,                   /* always 0: stands for an absent base or index */
       REG_EA = 17,                     /* linear address made by an op_EA record */
       REG_COUNT = 18 };

enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

/* Attributes: descriptor bits 8-23 of the second doubleword shifted down by 8 (SDM 3A 3.4.5). */
enum {
	ATTR_TYPE = 0x000f, ATTR_ACCESSED = 0x0001, ATTR_WRITABLE = 0x0002, /* data */
	ATTR_READABLE = 0x0002, /* code */ ATTR_EXPAND_DOWN = 0x0004, ATTR_CONFORMING = 0x0004,
	ATTR_CODE = 0x0008, ATTR_S = 0x0010, ATTR_DPL = 0x0060, ATTR_DPL_SHIFT = 5,
	ATTR_P = 0x0080, ATTR_AVL = 0x1000, ATTR_L = 0x2000, ATTR_DB = 0x4000, ATTR_G = 0x8000
};

struct segment {
	uint64_t base;
	uint32_t limit;                 /* in bytes, the last valid offset */
	uint16_t selector;
	uint16_t attributes;            /* 0: null, not usable */
};

struct table_register {
	uint64_t base;
	uint64_t limit;                 /* 16 bits */
};

enum {
	FLAG_CF = 1 << 0, FLAG_1 = 1 << 1, FLAG_PF = 1 << 2, FLAG_AF = 1 << 4, FLAG_ZF = 1 << 6,
	FLAG_SF = 1 << 7, FLAG_TF = 1 << 8, FLAG_IF = 1 << 9, FLAG_DF = 1 << 10,
	FLAG_OF = 1 << 11, FLAG_IOPL = 3 << 12, FLAG_NT = 1 << 14, FLAG_RF = 1 << 16,
	FLAG_VM = 1 << 17, FLAG_AC = 1 << 18, FLAG_VIF = 1 << 19, FLAG_VIP = 1 << 20,
	FLAG_ID = 1 << 21,
	FLAGS_ARITHMETIC = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF
};

enum {
	CR0_PE = 1 << 0, CR0_MP = 1 << 1, CR0_EM = 1 << 2, CR0_TS = 1 << 3, CR0_ET = 1 << 4,
	CR0_NE = 1 << 5, CR0_WP = 1 << 16, CR0_AM = 1 << 18, CR0_NW = 1 << 29, CR0_CD = 1 << 30
};
#define CR0_PG 0x80000000u
enum {
	CR4_VME = 1 << 0, CR4_PVI = 1 << 1, CR4_TSD = 1 << 2, CR4_DE = 1 << 3, CR4_PSE = 1 << 4,
	CR4_PAE = 1 << 5, CR4_MCE = 1 << 6, CR4_PGE = 1 << 7, CR4_PCE = 1 << 8,
	CR4_OSFXSR = 1 << 9, CR4_OSXMMEXCPT = 1 << 10, CR4_UMIP = 1 << 11,
	CR4_FSGSBASE = 1 << 16, CR4_PCIDE = 1 << 17, CR4_OSXSAVE = 1 << 18, CR4_SMEP = 1 << 20,
	CR4_SMAP = 1 << 21
};
enum { XCR0_X87 = 1 << 0, XCR0_SSE = 1 << 1, XCR0_AVX = 1 << 2 };
enum { EFER_SCE = 1 << 0, EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11 };

enum vector {
	VECTOR_DE = 0, VECTOR_DB = 1, VECTOR_NMI = 2, VECTOR_BP = 3, VECTOR_OF = 4, VECTOR_BR = 5,
	VECTOR_UD = 6, VECTOR_NM = 7, VECTOR_DF = 8, VECTOR_TS = 10, VECTOR_NP = 11,
	VECTOR_SS = 12, VECTOR_GP = 13, VECTOR_PF = 14, VECTOR_MF = 16, VECTOR_AC = 17,
	VECTOR_MC = 18, VECTOR_XM = 19,
	VECTOR_RESTART = 256,           /* not an exception: run this instruction again, alone */
	VECTOR_NONE = 257
};

enum activity { ACTIVITY_RUNNING, ACTIVITY_HALTED, ACTIVITY_SHUTDOWN };

enum { EXCEPTIONS_KEPT = 32 };          /* for cbx_exception_read */

enum { TLB_ENTRIES = 1024 };            /* of one kind of access and privilege */

/* YMM0-15; XMMn is the low half, q[0] and q[1].  Qwords in host order, the low one first. */
struct ymm {
	uint64_t q[4];
};

struct tlb_entry {
	uint64_t tag;                   /* linear page address; TLB_EMPTY when empty */
	uintptr_t addend;               /* host address minus linear address */
};
#define TLB_EMPTY 1ull                  /* no page address is odd */

struct tlb {
	struct tlb_entry read[TLB_ENTRIES], write[TLB_ENTRIES];
};

struct cpu_model {
	const char *name;
	uint64_t features;              /* FEAT_ bits */
	uint32_t system;                /* SYS_ bits */
	uint32_t family, model, stepping;
	const char *vendor;             /* 12 characters */
	const char *brand;
	uint32_t microcode;             /* its version */
	uint32_t highest_leaf;          /* of CPUID */
};

struct insn;
struct hooks;
struct blocks;
struct translations;
struct jump;

struct cpu {
	/* ---- State: what cpu_fields saves ------------------------------------------- */
	uint64_t reg[REG_COUNT];
	uint64_t rip;
	uint64_t eflags;                /* arithmetic flags only valid after flags_materialise */
	struct segment seg[SEG_COUNT];
	struct table_register gdtr, idtr;
	uint64_t cr0, cr2, cr3, cr4, cr8, efer;
	uint64_t pdpte[4];              /* PAE: loaded with CR3 */
	uint64_t dr[8];
	uint64_t msr_sysenter_cs, msr_sysenter_esp, msr_sysenter_eip;
	uint64_t msr_tsc_offset, msr_apic_base, msr_pat, msr_misc_enable;
	uint64_t msr_mtrr_def_type, msr_mtrr_fixed[11], msr_mtrr_base[8], msr_mtrr_mask[8];
	uint64_t msr_star, msr_lstar, msr_cstar, msr_fmask, msr_kernel_gs_base, msr_tsc_aux;
	uint64_t msr_mcg_status, msr_bios_sign, msr_debugctl, msr_tsc_adjust;
	struct x87 x87;
	uint64_t xcr0;
	struct ymm v[16];               /* here at a multiple of 16, where hosts like it */
	uint64_t xss;
	uint64_t random;                /* what RDRAND and RDSEED draw from */
	uint32_t mxcsr;
	uint32_t activity;              /* enum activity */
	uint64_t count;                 /* instructions executed; see cpu_instruction_count */
	uint64_t pending_dr6;           /* debug conditions to report after this instruction */
	uint64_t smbase;                /* 32 bits */
	uint8_t shadow;                 /* STI, MOV SS: no interrupt before the next instruction */
	uint8_t shadow_debug;           /* MOV SS, POP SS: no debug trap either */
	uint8_t nmi_pending, nmi_blocked, nmi_line;
	uint8_t intr_line, ignne_line;
	uint8_t in_smm, smi_pending;

	/* ---- Derived: everything from here on ----------------------------------------- */
	uint8_t derived;                /* marks the place */
	uint8_t cpl;
	bool run_one;                   /* the next block is cut to one instruction */
	bool trap_after;                /* TF was set when the instruction began */
	uint32_t mode;                  /* enum mode bits: what a block is keyed by */
	uint32_t flag_carry;            /* lazy flags: see flags.h */
	int64_t flag_result;
	int64_t budget;                 /* see run.c */
	uint64_t count_target;
	uint64_t context;               /* what a link or jump-cache entry is valid for */
	uint64_t generation;            /* bumped when code mappings may have changed */
	uint32_t code_writes;           /* how often decoded code was overwritten */
	uint32_t deliveries;            /* of interrupts since the last instruction */
	struct tlb *tlb;                /* the one of the current privilege */
	struct cbx_machine *machine;
	struct blocks *blocks;
	struct jump *jumps;             /* the jump cache, blocks.h */
	uint64_t dead_since;            /* guest time since when only a reset can wake it */
	uint64_t executing_from;        /* the count at which deliveries held, while instructions run; else all ones */
	uint64_t loaded;                /* what load_slow read */
	const struct insn *current;     /* record that called into slow code, else NULL */
	const struct insn *modifying;   /* record that modify_slow read for */
	/* hooks.h */
	uint32_t hooked;                /* HOOKED_ bits: what anybody asked for */
	bool hooks_changed;             /* blocks and host addresses are to be made anew */
	bool hook_pending;              /* something is to be done at the end of the instruction */
	bool hook_left;                 /* the chain was left before an instruction, for a hook */
	bool hook_disturbed;            /* a hook wrote a register that blocks may depend on */
	bool hook_skipped;              /* a hook left out the last delivery */
	bool one_iteration;             /* of the REP that comes now */
	bool no_fault;                  /* the access going on cannot fault any more */
	struct hooks *hooks;            /* NULL: there never were any */
	const struct insn *announced;   /* the last op_HOOK record of this chain */
	uint64_t rep_count, rep_ip;     /* where a REP was left between iterations */
	struct cbx_exception exceptions[EXCEPTIONS_KEPT];
	uint32_t exception_count;
	const struct cpu_model *model;  /* the one below */
	uint64_t linear_mask;           /* FFFFFFFFh outside 64-bit mode */
	bool data_breakpoints;          /* DR7 enables data breakpoints */
	bool code_breakpoints;
	bool data_watched;              /* data breakpoints or hooks: somebody looks at data */
	bool ports_watched;             /* DR7 or hooks: somebody looks at ports */
	struct {
		uint32_t vector, error;
		bool has_error;
	} fault;
	struct tlb tlbs[4];             /* supervisor, user, one that always misses, AC under SMAP */
	struct translations *translations;      /* the guest's TLB, tlb.h */
	uint8_t tlbs_prepared;                  /* a bit for each of tlbs: its tags are there */
	uint8_t (*acknowledge)(struct cbx_device *);
	struct cbx_device *acknowledge_device;
	uint8_t (*bus_acknowledge)(struct cbx_device *);        /* see local_apic.c */
	struct cbx_device *bus_acknowledge_device;
	const struct cbx_apic_ops *apic;        /* NULL: none is connected */
	struct cbx_device *apic_device;
	struct cbx_line ferr;
	void (*smm_changed)(struct cbx_device *device, bool in_smm);
	struct cbx_device *smm_device;
	struct cpu_model model_copy;    /* with the features that were asked for */
	char model_name[256];           /* how machine->options.cpu spells it */
};

/* What the decoder must know about the mode; part of a block's key. */
enum mode {
	MODE_CODE32 = 1,                /* CS.D */
	MODE_STACK32 = 2,               /* SS.B */
	MODE_FLAT = 4,                  /* CS, DS, ES, SS have base 0, limit 4 GiB, are usable; stack is 32-bit */
	MODE_USER = 8,                  /* CPL 3 */
	MODE_64 = 16,                   /* 64-bit code; CODE32, STACK32 and FLAT are set as well */
	MODE_SSE = 32,                  /* SSE instructions neither #UD nor #NM */
	MODE_AVX = 64                   /* nor VEX ones */
};

/* Features that instructions belong to (the feature column of the table), and older ones. */
#define FEAT_BASE     0ull
#define FEAT_FPU      (1ull << 0)
#define FEAT_TSC      (1ull << 1)
#define FEAT_MSR      (1ull << 2)
#define FEAT_CX8      (1ull << 3)
#define FEAT_SEP      (1ull << 4)
#define FEAT_CMOV     (1ull << 5)
#define FEAT_FXSR     (1ull << 6)
#define FEAT_CPUID    (1ull << 7)
#define FEAT_PSE      (1ull << 8)
#define FEAT_PAE      (1ull << 9)
#define FEAT_PGE      (1ull << 10)
#define FEAT_NX       (1ull << 11)
#define FEAT_MTRR     (1ull << 12)
#define FEAT_PAT      (1ull << 13)
#define FEAT_VME      (1ull << 14)
#define FEAT_NOPL     (1ull << 15)
#define FEAT_DE       (1ull << 16)
#define FEAT_486      (1ull << 17)
#define FEAT_PMC      (1ull << 18)
#define FEAT_MMX      (1ull << 19)
#define FEAT_SSE      (1ull << 20)
#define FEAT_SSE2     (1ull << 21)
#define FEAT_SSE3     (1ull << 22)
#define FEAT_SSSE3    (1ull << 23)
#define FEAT_SSE41    (1ull << 24)
#define FEAT_SSE42    (1ull << 25)
#define FEAT_POPCNT   (1ull << 26)
#define FEAT_LZCNT    (1ull << 27)
#define FEAT_MOVBE    (1ull << 28)
#define FEAT_ADX      (1ull << 29)
#define FEAT_AES      (1ull << 30)
#define FEAT_PCLMUL   (1ull << 31)
#define FEAT_SHA      (1ull << 32)
#define FEAT_RDRAND   (1ull << 33)
#define FEAT_RDSEED   (1ull << 34)
#define FEAT_XSAVE    (1ull << 35)
#define FEAT_XSAVEOPT (1ull << 36)
#define FEAT_XSAVEC   (1ull << 37)
#define FEAT_XSAVES   (1ull << 38)
#define FEAT_AVX      (1ull << 39)
#define FEAT_AVX2     (1ull << 40)
#define FEAT_FMA      (1ull << 41)
#define FEAT_F16C     (1ull << 42)
#define FEAT_BMI1     (1ull << 43)
#define FEAT_BMI2     (1ull << 44)
#define FEAT_LM       (1ull << 45)      /* long mode */
#define FEAT_SYSCALL  (1ull << 46)
#define FEAT_CX16     (1ull << 47)
#define FEAT_LAHF64   (1ull << 48)
#define FEAT_FSGSBASE (1ull << 49)
#define FEAT_INVPCID  (1ull << 50)
#define FEAT_RDTSCP   (1ull << 51)
#define FEAT_CLFSH    (1ull << 52)
#define FEAT_CLFLUSHOPT (1ull << 53)
#define FEAT_CLWB     (1ull << 54)
#define FEAT_PREFETCHW (1ull << 55)
#define FEAT_SMAP     (1ull << 56)      /* CLAC and STAC */
#define FEAT_MONITOR  (1ull << 57)
#define FEAT_RDPID    (1ull << 58)

/* Features that no instruction depends on. */
enum {
	SYS_SMEP = 1 << 0, SYS_UMIP = 1 << 1, SYS_PCID = 1 << 2, SYS_PDPE1GB = 1 << 3,
	SYS_APIC = 1 << 4, SYS_X2APIC = 1 << 5, SYS_TSC_DEADLINE = 1 << 6, SYS_MCE = 1 << 7,
	SYS_MCA = 1 << 8, SYS_PSE36 = 1 << 9, SYS_ERMS = 1 << 10, SYS_ARAT = 1 << 11,
	SYS_INVARIANT_TSC = 1 << 12, SYS_TSC_ADJUST = 1 << 13, SYS_XGETBV1 = 1 << 14,
	SYS_ARCH_CAPABILITIES = 1 << 15
};

static inline struct cpu *machine_cpu(const struct cbx_machine *machine) { return machine->cpu; }

/* Record an exception; always returns false, so that helpers can `return cpu_raise(...)`. */
static inline bool cpu_raise(struct cpu *cpu, uint32_t vector)
{
	cpu->fault.vector = vector;
	cpu->fault.error = 0;
	cpu->fault.has_error = false;
	return false;
}
static inline bool cpu_raise_error(struct cpu *cpu, uint32_t vector, uint32_t error)
{
	cpu->fault.vector = vector;
	cpu->fault.error = error;
	cpu->fault.has_error = true;
	return false;
}

static inline bool cpu_protected(const struct cpu *cpu)         /* protected and not virtual-8086 */
{
	return (cpu->cr0 & CR0_PE) && !(cpu->eflags & FLAG_VM);
}
static inline bool cpu_real_or_v86(const struct cpu *cpu)
{
	return !(cpu->cr0 & CR0_PE) || (cpu->eflags & FLAG_VM);
}
static inline bool cpu_v86(const struct cpu *cpu)
{
	return (cpu->cr0 & CR0_PE) && (cpu->eflags & FLAG_VM);
}
static inline unsigned cpu_iopl(const struct cpu *cpu)
{
	return (unsigned)(cpu->eflags >> 12 & 3);
}

/* A device or hook gets control while i is executed: what it can ask for is exact. */
#define cpu_expose(cpu, i) ((cpu)->current = (i), (cpu)->rip = (i)->ip)

/* ---- run.c: the outer loop, attention, counting --------------------------------------- */
/*
 * Recompute mode, cpl-dependent TLB, context after any change of CS, SS, DS, ES, CPL,
 * CR0, CR4, EFER, EFLAGS.VM or EFLAGS.AC.  Cheap.
 */
void cpu_mode_changed(struct cpu *cpu);
/* The guest needs something that is not there: the run stops with this reason. */
void cpu_unsupported(struct cpu *cpu, const char *what);

/* ---- paging.c and tlb.c: page walk, the TLB (tlb.h) --------------------------------------- */
void tlb_flush_all(struct cpu *cpu);                    /* incl. global pages */
void tlb_flush_nonglobal(struct cpu *cpu);              /* CR3 load */
void tlb_flush_page(struct cpu *cpu, uint64_t linear);  /* INVLPG */
/* After CR3 was written; keep: bit 63 of the value said so (only with CR4.PCIDE). */
void tlb_cr3_loaded(struct cpu *cpu, bool keep);
/* The host address of this page is not to be used without a look (it is watched). */
void tlb_forget_host(struct cpu *cpu, uint64_t linear);
/* INVPCID with the descriptor's two quadwords; false: #GP(0) recorded. */
bool tlb_invpcid(struct cpu *cpu, uint64_t type, uint64_t pcid, uint64_t linear);
/* Bits of physical addresses (CPUID 80000008h), and what of them page tables can hold. */
enum { PHYSICAL_BITS = 40 };
#define PHYSICAL_PAGES ((((uint64_t)1 << PHYSICAL_BITS) - 1) & ~(uint64_t)4095)
/* Canonical in 48 bits?  Asked for 64-bit linear addresses only. */
static inline bool address_canonical(uint64_t linear)
{
	return (linear + ((uint64_t)1 << 47)) >> 48 == 0;
}
enum access { ACCESS_READ = 0, ACCESS_WRITE = 1, ACCESS_EXECUTE = 2 };
/*
 * Linear to physical with all checks and A/D updates, for one page.  user: as CPL 3.
 * False: #PF is recorded, CR2 set.
 */
bool page_translate(struct cpu *cpu, uint64_t linear, enum access access, bool user,
		    uint64_t *physical);
/* Reload PDPTEs from CR3 when PAE is on; false: #GP recorded (reserved bits). */
bool paging_load_pdptes(struct cpu *cpu, uint64_t cr3, uint64_t cr0, uint64_t cr4);

/* ---- segment.c: descriptors and segment loads --------------------------------------------- */
/* Loads a data segment register, SS included, as MOV/POP/Lxx do; false: fault recorded. */
bool segment_load(struct cpu *cpu, unsigned which, uint16_t selector);
/* Real and virtual-8086 mode load: base = selector * 16, the rest as the SDM says. */
void segment_load_real(struct cpu *cpu, unsigned which, uint16_t selector);
/*
 * Offset to linear address for width bytes (0: no check), the long way; raises #SS or #GP.
 */
bool segment_linear(struct cpu *cpu, unsigned which, uint64_t offset, unsigned width, bool write,
		    uint64_t *linear);

/* ---- far.c, interrupt.c, task.c ------------------------------------------------------------- */
/* Each sets RIP (and everything else) when it succeeds; false: fault recorded, nothing changed. */
bool far_jump(struct cpu *cpu, uint16_t selector, uint64_t offset, unsigned width);
bool far_call(struct cpu *cpu, uint16_t selector, uint64_t offset, unsigned width, uint64_t next_rip);
bool far_return(struct cpu *cpu, unsigned width, uint16_t pop_bytes);
bool interrupt_return(struct cpu *cpu, unsigned width);
enum interrupt_kind { INTERRUPT_EXTERNAL, INTERRUPT_EXCEPTION, INTERRUPT_SOFTWARE /* INT n */,
		      INTERRUPT_INT3_INTO /* INT3, INTO */, INTERRUPT_ICEBP };
/*
 * Delivers one interrupt or exception through the IVT or IDT with return address
 * return_rip.  False: a fault happened while delivering, recorded in cpu->fault.
 */
bool interrupt_deliver(struct cpu *cpu, uint32_t vector, enum interrupt_kind kind, bool has_error,
		       uint32_t error, uint64_t return_rip);
/*
 * Delivers the exception recorded in cpu->fault at cpu->rip, with double and triple
 * fault (SDM 3A 6.15, table 6-5).  A triple fault requests a reset or stops the run.
 */
void exception_deliver(struct cpu *cpu);
enum task_switch { TASK_JUMP, TASK_CALL, TASK_IRET, TASK_INTERRUPT };
/* I/O permission (IOPL, TSS bitmap); false: #GP(0) recorded. */
bool port_allowed(struct cpu *cpu, uint16_t port, unsigned width);

/* ---- smm.c: system management mode ---------------------------------------------------------- */
void smm_enter(struct cpu *cpu);                        /* takes the pending SMI */
void smm_return(struct cpu *cpu);                       /* RSM */
void cpu_shutdown(struct cpu *cpu);                     /* what a triple fault does */

/* ---- control.c, msr.c, cpuid.c: control, debug and model-specific registers, CPUID ------------ */
bool control_write(struct cpu *cpu, unsigned which, uint64_t value);    /* #GP on bad values */
bool debug_register_write(struct cpu *cpu, unsigned which, uint64_t value);
bool msr_read(struct cpu *cpu, uint32_t index, uint64_t *value);        /* #GP(0) when unknown */
bool msr_write(struct cpu *cpu, uint32_t index, uint64_t value);
void cpuid(struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t result[4]);
uint64_t tsc_read(const struct cpu *cpu);

#endif
