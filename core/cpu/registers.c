/* The registers as the embedder reads and writes them. */
#include "flags.h"
#include "system.h"

static const char *const register_names[CBX_REGISTER_COUNT] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags",
	"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr",
	"es_base", "cs_base", "ss_base", "ds_base", "fs_base", "gs_base", "ldtr_base", "tr_base",
	"es_limit", "cs_limit", "ss_limit", "ds_limit", "fs_limit", "gs_limit", "ldtr_limit",
	"tr_limit", "es_attributes", "cs_attributes", "ss_attributes", "ds_attributes",
	"fs_attributes", "gs_attributes", "ldtr_attributes", "tr_attributes",
	"gdtr_base", "gdtr_limit", "idtr_base", "idtr_limit",
	"cr0", "cr2", "cr3", "cr4", "cr8", "efer", "dr0", "dr1", "dr2", "dr3", "dr6", "dr7",
	"fcw", "fsw", "ftw", "fip", "fcs", "fdp", "fds", "fop",
	"fr0", "fr1", "fr2", "fr3", "fr4", "fr5", "fr6", "fr7",
	"fr0_exponent", "fr1_exponent", "fr2_exponent", "fr3_exponent",
	"fr4_exponent", "fr5_exponent", "fr6_exponent", "fr7_exponent",
	"mxcsr", "xcr0", "sysenter_cs", "sysenter_esp", "sysenter_eip", "star", "lstar", "cstar", "fmask",
	"kernel_gs_base", "tsc_aux",
#define YMM(n) "ymm" #n "_0", "ymm" #n "_1", "ymm" #n "_2", "ymm" #n "_3"
	YMM(0), YMM(1), YMM(2), YMM(3), YMM(4), YMM(5), YMM(6), YMM(7),
	YMM(8), YMM(9), YMM(10), YMM(11), YMM(12), YMM(13), YMM(14), YMM(15),
#undef YMM
};

const char *cbx_register_name(enum cbx_register which)
{
	return (unsigned)which < CBX_REGISTER_COUNT ? register_names[which] : NULL;
}

/* Registers that are simply a 64-bit word of struct cpu. */
static uint64_t *plain_register(struct cpu *cpu, enum cbx_register which)
{
	if (which <= CBX_R15)
		return &cpu->reg[which];
	if (which >= CBX_ES_BASE && which <= CBX_TR_BASE)
		return &cpu->seg[which - CBX_ES_BASE].base;
	if (which >= CBX_FR0 && which <= CBX_FR7)
		return &cpu->x87.significand[which - CBX_FR0];
	if (which >= CBX_YMM0)
		return &cpu->v[(which - CBX_YMM0) / 4].q[(which - CBX_YMM0) % 4];
	switch (which) {
	case CBX_RIP: return &cpu->rip;
	case CBX_GDTR_BASE: return &cpu->gdtr.base;
	case CBX_GDTR_LIMIT: return &cpu->gdtr.limit;
	case CBX_IDTR_BASE: return &cpu->idtr.base;
	case CBX_IDTR_LIMIT: return &cpu->idtr.limit;
	case CBX_CR0: return &cpu->cr0;
	case CBX_CR2: return &cpu->cr2;
	case CBX_CR3: return &cpu->cr3;
	case CBX_CR4: return &cpu->cr4;
	case CBX_CR8: return &cpu->cr8;
	case CBX_EFER: return &cpu->efer;
	case CBX_DR0: case CBX_DR1: case CBX_DR2: case CBX_DR3: return &cpu->dr[which - CBX_DR0];
	case CBX_DR6: return &cpu->dr[6];
	case CBX_DR7: return &cpu->dr[7];
	case CBX_FIP: return &cpu->x87.ip;
	case CBX_FDP: return &cpu->x87.dp;
	case CBX_XCR0: return &cpu->xcr0;
	case CBX_SYSENTER_CS: return &cpu->msr_sysenter_cs;
	case CBX_SYSENTER_ESP: return &cpu->msr_sysenter_esp;
	case CBX_SYSENTER_EIP: return &cpu->msr_sysenter_eip;
	case CBX_STAR: return &cpu->msr_star;
	case CBX_LSTAR: return &cpu->msr_lstar;
	case CBX_CSTAR: return &cpu->msr_cstar;
	case CBX_FMASK: return &cpu->msr_fmask;
	case CBX_KERNEL_GS_BASE: return &cpu->msr_kernel_gs_base;
	case CBX_TSC_AUX: return &cpu->msr_tsc_aux;
	default: return NULL;
	}
}

/* Those that are 16 bits wide. */
static uint16_t *short_register(struct cpu *cpu, enum cbx_register which)
{
	if (which >= CBX_ES && which <= CBX_TR)
		return &cpu->seg[which - CBX_ES].selector;
	if (which >= CBX_ES_ATTRIBUTES && which <= CBX_TR_ATTRIBUTES)
		return &cpu->seg[which - CBX_ES_ATTRIBUTES].attributes;
	if (which >= CBX_FR0_EXPONENT && which <= CBX_FR7_EXPONENT)
		return &cpu->x87.sign_exponent[which - CBX_FR0_EXPONENT];
	switch (which) {
	case CBX_FCS: return &cpu->x87.cs;
	case CBX_FDS: return &cpu->x87.ds;
	case CBX_FOP: return &cpu->x87.opcode;
	default: return NULL;
	}
}

enum cbx_status cbx_register_read(const struct cbx_machine *machine, enum cbx_register which,
				  uint64_t *value)
{
	const uint64_t *word;
	const uint16_t *half;
	struct cpu *cpu;

	if (!machine || !value || (unsigned)which >= CBX_REGISTER_COUNT)
		return CBX_ERROR_ARGUMENT;
	cpu = machine->cpu;
	word = plain_register(cpu, which);
	half = short_register(cpu, which);
	if (word)
		*value = *word;
	else if (half)
		*value = *half;
	else if (which == CBX_RFLAGS)
		*value = flags_get(cpu);
	else if (which == CBX_FCW)
		*value = cpu->x87.control;
	else if (which == CBX_FSW)
		*value = x87_status_word(&cpu->x87);
	else if (which == CBX_FTW)
		*value = x87_tag_word(&cpu->x87);
	else if (which == CBX_MXCSR)
		*value = cpu->mxcsr;
	else
		*value = cpu->seg[which - CBX_ES_LIMIT].limit;
	return CBX_OK;
}

/* Registers whose value decides what others may hold: what is no value for them? */
static bool value_is_bad(const struct cpu *cpu, enum cbx_register which, uint64_t value)
{
	bool lm = cpu->model->features & FEAT_LM;

	if (short_register((struct cpu *)(uintptr_t)cpu, which) || (which >= CBX_FCW && which <= CBX_FTW))
		return value > 0xffff;
	if (which >= CBX_ES_LIMIT && which <= CBX_TR_LIMIT)
		return value > UINT32_MAX;
	switch (which) {
	case CBX_GDTR_LIMIT:
	case CBX_IDTR_LIMIT:
		return value > 0xffff;
	case CBX_CR0:
		return value > UINT32_MAX || ((value & CR0_PG) && !(value & CR0_PE));
	case CBX_CR4:
		return value > UINT32_MAX;
	case CBX_CR3:
		return value & ~(lm ? PHYSICAL_PAGES | PAGE_MASK : UINT32_MAX);
	case CBX_CR8:
		return value > 15;
	case CBX_EFER:
		return value & ~(uint64_t)(lm ? EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE : EFER_NXE);
	case CBX_XCR0:
		return !(value & XCR0_X87) || (value & ~(uint64_t)(XCR0_X87 | XCR0_SSE | XCR0_AVX));
	case CBX_MXCSR:
		return value > 0xffff;
	default:
		if ((which >= CBX_FR0 && which <= CBX_FR7) || which >= CBX_YMM0)
			return false;
		return !lm && which != CBX_RFLAGS && value > UINT32_MAX;
	}
}

/* Paging and EFER.LME make long mode; there is no virtual-8086 mode in it. */
static void settle_mode(struct cpu *cpu)
{
	if ((cpu->efer & EFER_LME) && (cpu->cr0 & CR0_PG)) {
		cpu->efer |= EFER_LMA;
		cpu->cr4 |= CR4_PAE;
		cpu->eflags &= ~(uint64_t)FLAG_VM;
	} else {
		cpu->efer &= ~(uint64_t)EFER_LMA;
		cpu->cr3 &= UINT32_MAX;
	}
}

enum cbx_status cpu_register_write(struct cbx_machine *machine, enum cbx_register which, uint64_t value)
{
	uint64_t *word;
	uint16_t *half;
	struct cpu *cpu;

	if (!machine || (unsigned)which >= CBX_REGISTER_COUNT)
		return CBX_ERROR_ARGUMENT;
	cpu = machine->cpu;
	word = plain_register(cpu, which);
	half = short_register(cpu, which);
	if (which >= CBX_R8 && which <= CBX_R15 && !(cpu->model->features & FEAT_LM))
		return CBX_ERROR_UNSUPPORTED;
	if (value_is_bad(cpu, which, value))
		return CBX_ERROR_ARGUMENT;
	if (word)
		*word = value;
	else if (half)
		*half = (uint16_t)value;
	else if (which == CBX_RFLAGS)
		flags_set(cpu, value & 0x3f7fd7);
	else if (which == CBX_FCW)
		x87_set_control_word(&cpu->x87, (uint16_t)value);
	else if (which == CBX_FSW)
		x87_set_status_word(&cpu->x87, (uint16_t)value);
	else if (which == CBX_FTW)
		x87_set_tag_word(&cpu->x87, (uint16_t)value);
	else if (which == CBX_MXCSR)
		cpu->mxcsr = (uint32_t)value;
	else
		cpu->seg[which - CBX_ES_LIMIT].limit = (uint32_t)value;
	if ((which >= CBX_CR0 && which <= CBX_EFER) || which == CBX_RFLAGS)
		settle_mode(cpu);
	if (which >= CBX_CR0 && which <= CBX_EFER) {
		if (!long_mode(cpu))
			paging_load_pdptes(cpu, cpu->cr3, cpu->cr0, cpu->cr4);
		tlb_flush_all(cpu);
	}
	if (which >= CBX_DR0 && which <= CBX_DR7)
		debug_changed(cpu);
	if (which == CBX_RIP)
		cpu->activity = ACTIVITY_RUNNING;       /* whoever says where it is to run wants it to */
	if (which > CBX_RIP)
		cpu->hook_disturbed = true;
	cpu_mode_changed(cpu);
	return CBX_OK;
}

enum cbx_status cbx_register_write(struct cbx_machine *machine, enum cbx_register which, uint64_t value)
{
	/* One of the general registers that stays the same is nothing new.  (CR3, say, empties the TLB.) */
	if (machine && (unsigned)which <= CBX_R15 && machine->cpu->reg[which] == value)
		return cpu_register_write(machine, which, value);
	if (machine && machine->history && !history_note(machine, INPUT_REGISTER, which, value, NULL, 0))
		return CBX_ERROR_MEMORY;
	return cpu_register_write(machine, which, value);
}
