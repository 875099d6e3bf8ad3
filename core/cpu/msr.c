/*
 * Model-specific registers (SDM volume 4; AMD64 manual volume 2, appendix A).  One that a
 * model does not have is #GP(0).
 *
 * At rest: machine checks never happen, so the banks read 0; performance counters never
 * count, so they read 0 and take any value (CPUID tells of none).
 */
#include "local_apic.h"
#include "models.h"
#include "system.h"

enum {
	MSR_P5_MC_ADDR = 0x00, MSR_P5_MC_TYPE = 0x01, MSR_TSC = 0x10, MSR_PLATFORM_ID = 0x17,
	MSR_APIC_BASE = 0x1b, MSR_EBL_CR_POWERON = 0x2a, MSR_SMI_COUNT = 0x34,
	MSR_FEATURE_CONTROL = 0x3a, MSR_TSC_ADJUST = 0x3b, MSR_BIOS_UPDATE_TRIGGER = 0x79,
	MSR_BIOS_SIGN = 0x8b, MSR_PMC0 = 0xc1, MSR_PMC7 = 0xc8, MSR_PLATFORM_INFO = 0xce,
	MSR_MTRRCAP = 0xfe, MSR_ARCH_CAPABILITIES = 0x10a,
	MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175,
	MSR_SYSENTER_EIP = 0x176, MSR_MCG_CAP = 0x179, MSR_MCG_STATUS = 0x17a,
	MSR_PERFEVTSEL0 = 0x186, MSR_PERFEVTSEL7 = 0x18d, MSR_THERM_INTERRUPT = 0x19b,
	MSR_THERM_STATUS = 0x19c, MSR_MISC_ENABLE = 0x1a0, MSR_DEBUGCTL = 0x1d9,
	MSR_LASTBRANCHFROM = 0x1db, MSR_LASTINTTO = 0x1de, MSR_MTRR_BASE0 = 0x200,
	MSR_MTRR_MASK7 = 0x20f, MSR_MTRR_FIX64K = 0x250, MSR_MTRR_FIX16K_80000 = 0x258,
	MSR_MTRR_FIX16K_A0000 = 0x259, MSR_MTRR_FIX4K = 0x268, MSR_MTRR_FIX4K_LAST = 0x26f,
	MSR_PAT = 0x277, MSR_MTRR_DEF_TYPE = 0x2ff, MSR_FIXED_CTR0 = 0x309, MSR_FIXED_CTR2 = 0x30b,
	MSR_FIXED_CTR_CTRL = 0x38d, MSR_PERF_GLOBAL_OVF_CTRL = 0x390, MSR_MC0_CTL = 0x400,
	MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC = 0x800, MSR_X2APIC_LAST = 0x8ff, MSR_XSS = 0xda0
};
/*
 * ARCH_CAPABILITIES: what speculates nothing leaks nothing (RDCL_NO, SKIP_L1DFL_VMENTRY, SSB_NO,
 * MDS_NO, IF_PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO, FBSDP_NO, PSDP_NO, BHI_NO, PBRSB_NO, GDS_NO,
 * RFDS_NO).  Guests do without what guards against it.
 */
#define NOT_VULNERABLE     0x0d10e179u
#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_CSTAR          0xc0000083u
#define MSR_FMASK          0xc0000084u
#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX        0xc0000103u
#define MSR_AMD_PERFEVTSEL0 0xc0010000u         /* four, and four counters */
#define MSR_AMD_SYSCFG     0xc0010010u
#define MSR_AMD_HWCR       0xc0010015u
#define MSR_AMD_NB_CFG     0xc001001fu
#define MSR_AMD_DE_CFG     0xc0011029u

enum { MTRRCAP = 8 | 1 << 8 | 1 << 10 };        /* 8 variable ranges, fixed ranges, WC */
enum { MC_BANKS = 6 };
/* The rate of the time-stamp counter in units of 100 MHz. */
enum { PLATFORM_RATIO = TSC_HZ / 100000000 };

static bool has(const struct cpu *cpu, uint64_t feature)
{
	return cpu->model->features & feature;
}

static bool has_system(const struct cpu *cpu, uint32_t feature)
{
	return cpu->model->system & feature;
}

static bool gp0(struct cpu *cpu)
{
	return cpu_raise_error(cpu, VECTOR_GP, 0);
}

/* ---- MTRRs and PAT ------------------------------------------------------------------------------------ */

/* Index into msr_mtrr_fixed, or -1. */
static int mtrr_fixed_index(uint32_t index)
{
	if (index == MSR_MTRR_FIX64K)
		return 0;
	if (index == MSR_MTRR_FIX16K_80000 || index == MSR_MTRR_FIX16K_A0000)
		return (int)(1 + index - MSR_MTRR_FIX16K_80000);
	if (index >= MSR_MTRR_FIX4K && index <= MSR_MTRR_FIX4K_LAST)
		return (int)(3 + index - MSR_MTRR_FIX4K);
	return -1;
}

static uint64_t *mtrr_find(struct cpu *cpu, uint32_t index)
{
	int fixed = mtrr_fixed_index(index);

	if (fixed >= 0)
		return &cpu->msr_mtrr_fixed[fixed];
	if (index >= MSR_MTRR_BASE0 && index <= MSR_MTRR_MASK7) {
		unsigned n = (index - MSR_MTRR_BASE0) >> 1 & 7;

		return index & 1 ? &cpu->msr_mtrr_mask[n] : &cpu->msr_mtrr_base[n];
	}
	return index == MSR_MTRR_DEF_TYPE ? &cpu->msr_mtrr_def_type : NULL;
}

/* UC, WC, WT, WP and WB; PAT also knows UC- (7). */
static bool memory_types_valid(uint64_t types, unsigned count, unsigned mask)
{
	for (unsigned n = 0; n < count; n++) {
		uint64_t type = types >> 8 * n & 0xff;

		if (type > 7 || !(mask >> type & 1))
			return false;
	}
	return true;
}

static bool mtrr_value_valid(uint32_t index, uint64_t value)
{
	const unsigned types = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6;

	if (mtrr_fixed_index(index) >= 0)
		return memory_types_valid(value, 8, types);
	if (index == MSR_MTRR_DEF_TYPE)
		return !(value & ~(uint64_t)0xcff) && memory_types_valid(value, 1, types);
	if (index & 1)
		return !(value & ~(PHYSICAL_PAGES | 0x800));
	return !(value & ~(PHYSICAL_PAGES | 0xff)) && memory_types_valid(value, 1, types);
}

/* ---- Registers that hold a linear address, and others that hold what is written ------------------------------ */

static bool has_sysenter(const struct cpu *cpu)
{
	return has(cpu, FEAT_SEP);
}

/* A canonical address when the processor has 64 bits, 32 bits when not. */
static uint64_t *address_find(struct cpu *cpu, uint32_t index)
{
	bool lm = has(cpu, FEAT_LM);

	switch (index) {
	case MSR_SYSENTER_ESP: return has_sysenter(cpu) ? &cpu->msr_sysenter_esp : NULL;
	case MSR_SYSENTER_EIP: return has_sysenter(cpu) ? &cpu->msr_sysenter_eip : NULL;
	case MSR_LSTAR: return lm ? &cpu->msr_lstar : NULL;
	case MSR_CSTAR: return lm ? &cpu->msr_cstar : NULL;
	case MSR_FS_BASE: return lm ? &cpu->seg[SEG_FS].base : NULL;
	case MSR_GS_BASE: return lm ? &cpu->seg[SEG_GS].base : NULL;
	case MSR_KERNEL_GS_BASE: return lm ? &cpu->msr_kernel_gs_base : NULL;
	default: return NULL;
	}
}

static bool address_write(struct cpu *cpu, uint64_t *to, uint64_t value)
{
	if (!has(cpu, FEAT_LM)) {
		*to = value & 0xffffffffu;
		return true;
	}
	if (!address_canonical(value))
		return gp0(cpu);
	*to = value;
	if (to == &cpu->seg[SEG_FS].base || to == &cpu->seg[SEG_GS].base)
		cpu_mode_changed(cpu);
	return true;
}

/* mask: bits that are there. */
static uint64_t *word_find(struct cpu *cpu, uint32_t index, uint64_t *mask)
{
	*mask = UINT64_MAX;
	switch (index) {
	case MSR_SYSENTER_CS:
		*mask = 0xffffffffu;
		return has_sysenter(cpu) ? &cpu->msr_sysenter_cs : NULL;
	case MSR_STAR:
		return has(cpu, FEAT_SYSCALL) ? &cpu->msr_star : NULL;
	case MSR_FMASK:
		*mask = 0xffffffffu;
		return has(cpu, FEAT_LM) ? &cpu->msr_fmask : NULL;
	case MSR_TSC_AUX:
		*mask = 0xffffffffu;
		return has(cpu, FEAT_RDTSCP | FEAT_RDPID) ? &cpu->msr_tsc_aux : NULL;
	default:
		return NULL;
	}
}

/* ---- At rest ------------------------------------------------------------------------------------------ */

/* Registers that read 0; writing is checked by rest_write. */
static bool is_at_rest(const struct cpu *cpu, uint32_t index)
{
	bool p6 = model_is_p6(cpu->model);

	if (index == MSR_P5_MC_ADDR || index == MSR_P5_MC_TYPE)
		return has_system(cpu, SYS_MCE);
	if (index >= MSR_MC0_CTL && index < MSR_MC0_CTL + 4 * MC_BANKS)
		return has_system(cpu, SYS_MCA);
	if (!p6)                        /* the Pentium's counters and what chooses their events */
		return cpu->model->family == 5 && index >= 0x11 && index <= 0x13;
	if (index == MSR_PMC0 || index == MSR_PMC0 + 1 || index == MSR_PERFEVTSEL0 ||
	    index == MSR_PERFEVTSEL0 + 1)
		return true;
	if (index == MSR_PLATFORM_ID || index == MSR_EBL_CR_POWERON || index == MSR_BIOS_UPDATE_TRIGGER ||
	    (index >= MSR_LASTBRANCHFROM && index <= MSR_LASTINTTO))
		return true;
	if (cpu->model->highest_leaf < 10 && !model_is_amd(cpu->model))
		return false;
	if (model_is_amd(cpu->model) &&
	    ((index >= MSR_AMD_PERFEVTSEL0 && index < MSR_AMD_PERFEVTSEL0 + 8) ||
	     index == MSR_AMD_SYSCFG || index == MSR_AMD_HWCR || index == MSR_AMD_NB_CFG ||
	     index == MSR_AMD_DE_CFG))
		return true;
	return index == MSR_SMI_COUNT || index == MSR_THERM_INTERRUPT || index == MSR_THERM_STATUS ||
	       (index >= MSR_PMC0 && index <= MSR_PMC7) ||
	       (index >= MSR_PERFEVTSEL0 && index <= MSR_PERFEVTSEL7) ||
	       (index >= MSR_FIXED_CTR0 && index <= MSR_FIXED_CTR2) ||
	       (index >= MSR_FIXED_CTR_CTRL && index <= MSR_PERF_GLOBAL_OVF_CTRL);
}

static bool rest_write(struct cpu *cpu, uint32_t index, uint64_t value)
{
	/* The status of a machine-check bank can only be cleared. */
	if (index >= MSR_MC0_CTL && index < MSR_MC0_CTL + 4 * MC_BANKS && (index & 3) && value)
		return gp0(cpu);
	if (index == MSR_PLATFORM_ID || index == MSR_SMI_COUNT ||
	    (index >= MSR_LASTBRANCHFROM && index <= MSR_LASTINTTO))
		return gp0(cpu);
	return true;
}

/* ---- Time ------------------------------------------------------------------------------------------------ */

/* One tick is a nanosecond of guest time. */
uint64_t tsc_read(const struct cpu *cpu)
{
	return clock_now(cpu->machine) + cpu->msr_tsc_offset;
}

static bool tsc_write(struct cpu *cpu, uint64_t value)
{
	/* A processor of 32 bits writes the low half, and the high one becomes 0. */
	if (!has(cpu, FEAT_LM))
		value &= 0xffffffffu;
	cpu->msr_tsc_adjust += value - tsc_read(cpu);
	cpu->msr_tsc_offset = value - clock_now(cpu->machine);
	cpu_apic_tsc_changed(cpu);
	return true;
}

static bool tsc_adjust_write(struct cpu *cpu, uint64_t value)
{
	cpu->msr_tsc_offset += value - cpu->msr_tsc_adjust;
	cpu->msr_tsc_adjust = value;
	cpu_apic_tsc_changed(cpu);
	return true;
}

/* ---- EFER, MISC_ENABLE, XSS ------------------------------------------------------------------------------ */

static bool efer_write(struct cpu *cpu, uint64_t value)
{
	uint64_t known = EFER_LMA, changed;

	known |= has(cpu, FEAT_SYSCALL) ? EFER_SCE : 0;
	known |= has(cpu, FEAT_LM) ? EFER_LME : 0;
	known |= has(cpu, FEAT_NX) ? EFER_NXE : 0;
	if (value & ~known)
		return gp0(cpu);
	/* LMA is the processor's own. */
	value = (value & ~(uint64_t)EFER_LMA) | (cpu->efer & EFER_LMA);
	changed = value ^ cpu->efer;
	if ((changed & EFER_LME) && (cpu->cr0 & CR0_PG))
		return gp0(cpu);
	cpu->efer = value;
	if (changed & EFER_NXE)
		tlb_flush_all(cpu);
	cpu_mode_changed(cpu);
	return true;
}

static bool misc_enable_write(struct cpu *cpu, uint64_t value)
{
	const uint64_t writable = 1 | 1 << 3 | 1 << 16 | MISC_ENABLE_LIMIT_CPUID | 1 << 23 |
				  MISC_ENABLE_XD_DISABLE;

	/* The rest says what there is, and stays. */
	cpu->msr_misc_enable = (cpu->msr_misc_enable & ~writable) | (value & writable);
	return true;
}

/* ---- RDMSR and WRMSR --------------------------------------------------------------------------------------- */

static bool is_apic(uint32_t index)
{
	return index == MSR_APIC_BASE || index == MSR_TSC_DEADLINE ||
	       (index >= MSR_X2APIC && index <= MSR_X2APIC_LAST);
}

static bool has_efer(const struct cpu *cpu)
{
	return has(cpu, FEAT_NX | FEAT_LM | FEAT_SYSCALL);
}

/* Registers of the P6 and later that are none of the kinds above; false: there is none. */
static bool other_read(const struct cpu *cpu, uint32_t index, uint64_t *value)
{
	bool nehalem = cpu->model->highest_leaf >= 0xb;

	switch (index) {
	case MSR_BIOS_SIGN:
		*value = model_is_amd(cpu->model) ? cpu->model->microcode : cpu->msr_bios_sign;
		return true;
	case MSR_MTRRCAP:
		*value = MTRRCAP;
		return has(cpu, FEAT_MTRR);
	case MSR_DEBUGCTL:
		*value = cpu->msr_debugctl;
		return true;
	case MSR_MCG_CAP:
		*value = MC_BANKS;
		return has_system(cpu, SYS_MCA);
	case MSR_MCG_STATUS:
		*value = cpu->msr_mcg_status;
		return has_system(cpu, SYS_MCA);
	case MSR_MISC_ENABLE:
		*value = cpu->msr_misc_enable;
		return !model_is_amd(cpu->model) && has(cpu, FEAT_LM);
	case MSR_FEATURE_CONTROL:
		*value = 1;             /* locked: neither VMX nor SGX */
		return !model_is_amd(cpu->model) && has(cpu, FEAT_LM);
	case MSR_PLATFORM_INFO:
		*value = (uint64_t)PLATFORM_RATIO << 8 | (uint64_t)PLATFORM_RATIO << 40;
		return nehalem && !model_is_amd(cpu->model);
	case MSR_TSC_ADJUST:
		*value = cpu->msr_tsc_adjust;
		return has_system(cpu, SYS_TSC_ADJUST);
	case MSR_ARCH_CAPABILITIES:
		*value = NOT_VULNERABLE;
		return has_system(cpu, SYS_ARCH_CAPABILITIES);
	case MSR_XSS:
		*value = cpu->xss;
		return has(cpu, FEAT_XSAVES);
	default:
		return false;
	}
}

bool msr_read(struct cpu *cpu, uint32_t index, uint64_t *value)
{
	uint64_t *mtrr = has(cpu, FEAT_MTRR) ? mtrr_find(cpu, index) : NULL;
	uint64_t *address = address_find(cpu, index), mask;
	uint64_t *word = word_find(cpu, index, &mask);

	*value = 0;
	if (mtrr || address || word) {
		*value = mtrr ? *mtrr : address ? *address : *word;
		return true;
	}
	if (is_apic(index))
		return cpu_apic_msr(cpu, index, false, value);
	if (index == MSR_TSC && has(cpu, FEAT_TSC)) {
		*value = tsc_read(cpu);
		return true;
	}
	if (index == MSR_PAT && has(cpu, FEAT_PAT)) {
		*value = cpu->msr_pat;
		return true;
	}
	if (index == MSR_EFER && has_efer(cpu)) {
		*value = cpu->efer;
		return true;
	}
	if (is_at_rest(cpu, index))
		return true;
	return (model_is_p6(cpu->model) && other_read(cpu, index, value)) || gp0(cpu);
}

static bool other_write(struct cpu *cpu, uint32_t index, uint64_t value)
{
	uint64_t there;

	if (!model_is_p6(cpu->model) || !other_read(cpu, index, &there))
		return gp0(cpu);
	switch (index) {
	case MSR_BIOS_SIGN:
		if (model_is_amd(cpu->model))
			return gp0(cpu);
		cpu->msr_bios_sign = value;
		return true;
	case MSR_DEBUGCTL:
		if (value & ~(uint64_t)(has(cpu, FEAT_LM) ? 0x5fc3 : 0x7f))
			return gp0(cpu);
		cpu->msr_debugctl = value;
		return true;
	case MSR_MCG_STATUS:
		cpu->msr_mcg_status = value & 7;
		return true;
	case MSR_MISC_ENABLE:
		return misc_enable_write(cpu, value);
	case MSR_TSC_ADJUST:
		return tsc_adjust_write(cpu, value);
	case MSR_XSS:                   /* no state component is a supervisor's */
		return !value || gp0(cpu);
	default:                        /* read-only */
		return gp0(cpu);
	}
}

bool msr_write(struct cpu *cpu, uint32_t index, uint64_t value)
{
	uint64_t *mtrr = has(cpu, FEAT_MTRR) ? mtrr_find(cpu, index) : NULL;
	uint64_t *address = address_find(cpu, index), mask;
	uint64_t *word = word_find(cpu, index, &mask);

	if (mtrr) {
		if (!mtrr_value_valid(index, value))
			return gp0(cpu);
		*mtrr = value;
		return true;
	}
	if (address)
		return address_write(cpu, address, value);
	if (word) {
		/* TSC_AUX minds bits that are not there; SYSENTER_CS and FMASK do not. */
		if (index == MSR_TSC_AUX && (value & ~mask) && !model_is_amd(cpu->model))
			return gp0(cpu);
		*word = value & mask;
		return true;
	}
	if (is_apic(index))
		return cpu_apic_msr(cpu, index, true, &value);
	if (index == MSR_TSC && has(cpu, FEAT_TSC))
		return tsc_write(cpu, value);
	if (index == MSR_PAT && has(cpu, FEAT_PAT)) {
		if (!memory_types_valid(value, 8, 0xf3))
			return gp0(cpu);
		cpu->msr_pat = value;
		return true;
	}
	if (index == MSR_EFER && has_efer(cpu))
		return efer_write(cpu, value);
	if (is_at_rest(cpu, index))
		return rest_write(cpu, index, value);
	return other_write(cpu, index, value);
}
