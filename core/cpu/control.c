/*
 * Control, debug and model-specific registers, CPUID and the time-stamp counter.
 * SDM 3A 2.5, 3B 17.2, volume 4, and CPUID in 2A.
 *
 * CPUID reports what is there and nothing else.  There is no local APIC, no performance
 * counter, no machine-check bank, no cache and no SSE; machine checks never happen.
 */
#include "system.h"

/* ---- Processor models ---------------------------------------------------------------------- */

#define FEATURES_486     (FEAT_FPU | FEAT_486 | FEAT_CPUID | FEAT_VME)
#define FEATURES_PENTIUM (FEATURES_486 | FEAT_DE | FEAT_PSE | FEAT_TSC | FEAT_MSR | FEAT_CX8)
#define FEATURES_P6      (FEATURES_PENTIUM | FEAT_PAE | FEAT_SEP | FEAT_MTRR | FEAT_PGE | FEAT_CMOV | \
			  FEAT_PAT | FEAT_FXSR | FEAT_NOPL | FEAT_NX)

/* Physical addresses that page tables and MTRRs can hold. */
enum { LINEAR_BITS = 32 };

static const struct cpu_model models[] = {
	{ "pentium3", FEATURES_P6, 0, 6, 8, 6, "GenuineIntel", "Clearbox P6" },
	{ "pentium", FEATURES_PENTIUM, 0, 5, 2, 12, "GenuineIntel", "" },
	{ "486", FEATURES_486, 0, 4, 8, 0, "GenuineIntel", "" },
};

const struct cpu_model *cpu_model_find(const char *name)
{
	if (!name)
		return &models[0];
	for (unsigned n = 0; n < sizeof(models) / sizeof(models[0]); n++)
		if (strcmp(models[n].name, name) == 0)
			return &models[n];
	return NULL;
}

const char *cbx_cpu_model(unsigned n)
{
	return n < sizeof(models) / sizeof(models[0]) ? models[n].name : NULL;
}

static bool has(const struct cpu *cpu, uint64_t feature)
{
	return cpu->model->features & feature;
}

static bool is_p6(const struct cpu *cpu)
{
	return cpu->model->family >= 6;
}

/* CR4.MCE can be set from the Pentium on. */
static bool has_mce(const struct cpu *cpu)
{
	return cpu->model->family >= 5;
}

uint64_t flags_writable(const struct cpu *cpu)
{
	uint64_t flags = FLAGS_ARITHMETIC | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT |
			 FLAG_RF | FLAG_VM | FLAG_AC;

	if (has(cpu, FEAT_VME))
		flags |= FLAG_VIF | FLAG_VIP;
	if (has(cpu, FEAT_CPUID))
		flags |= FLAG_ID;
	return flags;
}

/* ---- CPUID ------------------------------------------------------------------------------------ */

static uint32_t feature_word(const struct cpu *cpu)
{
	static const struct {
		uint64_t feature;
		uint8_t bit;
	} bits[] = {
		{ FEAT_FPU, 0 }, { FEAT_VME, 1 }, { FEAT_DE, 2 }, { FEAT_PSE, 3 }, { FEAT_TSC, 4 },
		{ FEAT_MSR, 5 }, { FEAT_PAE, 6 }, { FEAT_CX8, 8 }, { FEAT_SEP, 11 },
		{ FEAT_MTRR, 12 }, { FEAT_PGE, 13 }, { FEAT_CMOV, 15 }, { FEAT_PAT, 16 },
		{ FEAT_FXSR, 24 },
	};
	uint32_t word = (has_mce(cpu) ? 1u << 7 : 0) | (is_p6(cpu) ? 1u << 17 /* PSE-36 */ : 0);

	for (unsigned n = 0; n < sizeof(bits) / sizeof(bits[0]); n++)
		if (has(cpu, bits[n].feature))
			word |= 1u << bits[n].bit;
	return word;
}

static void text_words(const char *text, size_t from, uint32_t *words, unsigned count)
{
	char bytes[48] = { 0 };

	memcpy(bytes, text, strlen(text) < sizeof(bytes) ? strlen(text) : sizeof(bytes));
	for (unsigned n = 0; n < count; n++)
		words[n] = get32(bytes + from + 4 * n);
}

static bool cpuid_extended(const struct cpu *cpu, uint32_t leaf, uint32_t result[4])
{
	if (!is_p6(cpu) || leaf < 0x80000000u || leaf > 0x80000008u)
		return false;
	switch (leaf) {
	case 0x80000000u:
		result[0] = 0x80000008u;
		break;
	case 0x80000001u:
		result[3] = has(cpu, FEAT_NX) ? 1u << 20 : 0;
		break;
	case 0x80000002u:
	case 0x80000003u:
	case 0x80000004u:
		text_words(cpu->model->brand, (leaf - 0x80000002u) * 16, result, 4);
		break;
	case 0x80000008u:
		result[0] = PHYSICAL_BITS | LINEAR_BITS << 8;
		break;
	default:
		break;
	}
	return true;
}

void cpuid(struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t result[4])
{
	const struct cpu_model *model = cpu->model;
	uint32_t highest = is_p6(cpu) ? 2 : 1, vendor[3];

	(void)subleaf;
	memset(result, 0, 4 * sizeof(result[0]));
	if (cpuid_extended(cpu, leaf, result))
		return;
	switch (leaf <= highest ? leaf : highest) {
	case 0:
		text_words(model->vendor, 0, vendor, 3);
		result[0] = highest;
		result[1] = vendor[0];
		result[3] = vendor[1];
		result[2] = vendor[2];
		break;
	case 1:
		result[0] = model->family << 8 | model->model << 4 | model->stepping;
		result[3] = feature_word(cpu);
		break;
	default:
		result[0] = 1;          /* one query is enough; no caches to describe */
		break;
	}
}

/* ---- Time ----------------------------------------------------------------------------------------- */

/* One tick is a nanosecond of guest time. */
uint64_t tsc_read(const struct cpu *cpu)
{
	return clock_now(cpu->machine) + cpu->msr_tsc_offset;
}

/* ---- Control registers ---------------------------------------------------------------------------- */

static bool gp0(struct cpu *cpu)
{
	return cpu_raise_error(cpu, VECTOR_GP, 0);
}

static bool cr0_write(struct cpu *cpu, uint64_t value)
{
	const uint64_t known = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM |
			       CR0_NW | CR0_CD | CR0_PG;
	uint64_t changed;

	if (((value & CR0_PG) && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)))
		return gp0(cpu);
	value = (value & known) | CR0_ET;
	changed = value ^ cpu->cr0;
	if ((value & CR0_PG) && (cpu->cr4 & CR4_PAE) && (changed & (CR0_PG | CR0_CD | CR0_NW)) &&
	    !paging_load_pdptes(cpu, cpu->cr3, value, cpu->cr4))
		return false;
	cpu->cr0 = value;
	if (changed & (CR0_PG | CR0_PE | CR0_WP))
		tlb_flush_all(cpu);
	cpu_mode_changed(cpu);
	return true;
}

static bool cr3_write(struct cpu *cpu, uint64_t value)
{
	value &= 0xffffffffu;
	if ((cpu->cr0 & CR0_PG) && (cpu->cr4 & CR4_PAE) &&
	    !paging_load_pdptes(cpu, value, cpu->cr0, cpu->cr4))
		return false;
	cpu->cr3 = value;
	tlb_flush_nonglobal(cpu);
	return true;
}

static bool cr4_write(struct cpu *cpu, uint64_t value)
{
	uint64_t known = 0, changed = value ^ cpu->cr4;

	known |= has(cpu, FEAT_VME) ? CR4_VME | CR4_PVI : 0;
	known |= has(cpu, FEAT_TSC) ? CR4_TSD : 0;
	known |= has(cpu, FEAT_DE) ? CR4_DE : 0;
	known |= has(cpu, FEAT_PSE) ? CR4_PSE : 0;
	known |= has(cpu, FEAT_PAE) ? CR4_PAE : 0;
	known |= has_mce(cpu) ? CR4_MCE : 0;
	known |= has(cpu, FEAT_PGE) ? CR4_PGE : 0;
	known |= has(cpu, FEAT_PMC) ? CR4_PCE : 0;
	known |= has(cpu, FEAT_FXSR) ? CR4_OSFXSR : 0;
	if (value & ~known)
		return gp0(cpu);
	if ((cpu->cr0 & CR0_PG) && (value & CR4_PAE) && (changed & (CR4_PAE | CR4_PGE | CR4_PSE)) &&
	    !paging_load_pdptes(cpu, cpu->cr3, cpu->cr0, value))
		return false;
	cpu->cr4 = value;
	if (changed & (CR4_PAE | CR4_PGE | CR4_PSE))
		tlb_flush_all(cpu);
	debug_changed(cpu);
	return true;
}

bool control_write(struct cpu *cpu, unsigned which, uint64_t value)
{
	switch (which) {
	case 0:
		return cr0_write(cpu, value);
	case 2:
		cpu->cr2 = value;
		return true;
	case 3:
		return cr3_write(cpu, value);
	case 4:
		return cr4_write(cpu, value);
	default:
		return cpu_raise(cpu, VECTOR_UD);
	}
}

/* ---- Debug registers -------------------------------------------------------------------------------- */

static bool breakpoint_enabled(const struct cpu *cpu, unsigned n)
{
	return cpu->dr[7] >> 2 * n & 3;
}

static unsigned breakpoint_kind(const struct cpu *cpu, unsigned n)
{
	return (unsigned)(cpu->dr[7] >> (16 + 4 * n) & 3);
}

void debug_changed(struct cpu *cpu)
{
	cpu->data_breakpoints = cpu->code_breakpoints = false;
	for (unsigned n = 0; n < 4; n++) {
		if (!breakpoint_enabled(cpu, n))
			continue;
		if (breakpoint_kind(cpu, n) == 0) {
			cpu->code_breakpoints = true;
		} else if (breakpoint_kind(cpu, n) != 2) {
			cpu->data_breakpoints = true;
			/* From now on the TLB holds no entry for this page (paging.c). */
			tlb_flush_page(cpu, cpu->dr[n]);
		}
	}
	cpu_mode_changed(cpu);
}

bool debug_register_write(struct cpu *cpu, unsigned which, uint64_t value)
{
	value &= 0xffffffffu;
	switch (which) {
	case 4:
	case 6:                         /* bits 4-11 and 16-31 read as ones */
		cpu->dr[6] = (value & 0xe00f) | 0xffff0ff0u;
		break;
	case 5:
	case 7:
		cpu->dr[7] = (value & 0xffff23ffu) | 0x400;
		debug_changed(cpu);
		break;
	default:
		cpu->dr[which & 3] = value;
		debug_changed(cpu);
		break;
	}
	return true;
}

void debug_port_access(struct cpu *cpu, uint16_t port, unsigned width)
{
	if (!(cpu->cr4 & CR4_DE))
		return;
	for (unsigned n = 0; n < 4; n++) {
		/* LEN: 1, 2, 8 (here 4) and 4 bytes, naturally aligned. */
		unsigned length = (unsigned)(cpu->dr[7] >> (18 + 4 * n) & 3);
		uint64_t first, bytes = length < 2 ? length + 1 : 4;

		if (!breakpoint_enabled(cpu, n) || breakpoint_kind(cpu, n) != 2)
			continue;
		first = cpu->dr[n] & ~(bytes - 1);
		if (port < first + bytes && first < (uint64_t)port + width)
			cpu->pending_dr6 |= 1u << n;
	}
}

/* ---- Model-specific registers ------------------------------------------------------------------------ */

enum {
	MSR_P5_MC_ADDR = 0x00, MSR_P5_MC_TYPE = 0x01, MSR_TSC = 0x10, MSR_PLATFORM_ID = 0x17,
	MSR_APIC_BASE = 0x1b, MSR_EBL_CR_POWERON = 0x2a, MSR_BIOS_SIGN = 0x8b, MSR_MTRRCAP = 0xfe,
	MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175, MSR_SYSENTER_EIP = 0x176,
	MSR_DEBUGCTL = 0x1d9, MSR_LASTBRANCHFROM = 0x1db, MSR_LASTINTTO = 0x1de,
	MSR_MTRR_BASE0 = 0x200, MSR_MTRR_MASK7 = 0x20f, MSR_MTRR_FIX64K = 0x250,
	MSR_MTRR_FIX16K_80000 = 0x258, MSR_MTRR_FIX16K_A0000 = 0x259, MSR_MTRR_FIX4K = 0x268,
	MSR_MTRR_FIX4K_LAST = 0x26f, MSR_PAT = 0x277, MSR_MTRR_DEF_TYPE = 0x2ff
};
#define MSR_EFER 0xc0000080u

enum { MTRRCAP = 8 | 1 << 8 | 1 << 10 };        /* 8 variable ranges, fixed ranges, WC */

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

static uint64_t *sysenter_find(struct cpu *cpu, uint32_t index)
{
	switch (index) {
	case MSR_SYSENTER_CS: return &cpu->msr_sysenter_cs;
	case MSR_SYSENTER_ESP: return &cpu->msr_sysenter_esp;
	case MSR_SYSENTER_EIP: return &cpu->msr_sysenter_eip;
	default: return NULL;
	}
}

bool msr_read(struct cpu *cpu, uint32_t index, uint64_t *value)
{
	uint64_t *mtrr = has(cpu, FEAT_MTRR) ? mtrr_find(cpu, index) : NULL;
	uint64_t *sysenter = has(cpu, FEAT_SEP) ? sysenter_find(cpu, index) : NULL;

	*value = 0;
	if (mtrr || sysenter) {
		*value = mtrr ? *mtrr : *sysenter;
		return true;
	}
	if (index == MSR_TSC && has(cpu, FEAT_TSC)) {
		*value = tsc_read(cpu);
		return true;
	}
	if (index == MSR_PAT && has(cpu, FEAT_PAT)) {
		*value = cpu->msr_pat;
		return true;
	}
	if (index == MSR_EFER && has(cpu, FEAT_NX)) {
		*value = cpu->efer;
		return true;
	}
	if (index == MSR_P5_MC_ADDR || index == MSR_P5_MC_TYPE)
		return has_mce(cpu) || gp0(cpu);
	if (!is_p6(cpu))
		return gp0(cpu);
	switch (index) {
	case MSR_PLATFORM_ID:
	case MSR_EBL_CR_POWERON:
		return true;
	case MSR_APIC_BASE:
		*value = cpu->msr_apic_base;
		return true;
	case MSR_BIOS_SIGN:
		*value = cpu->msr_bios_sign;
		return true;
	case MSR_MTRRCAP:
		*value = MTRRCAP;
		return true;
	case MSR_DEBUGCTL:
		*value = cpu->msr_debugctl;
		return true;
	default:
		if (index >= MSR_LASTBRANCHFROM && index <= MSR_LASTINTTO)
			return true;
		return gp0(cpu);
	}
}

static bool efer_write(struct cpu *cpu, uint64_t value)
{
	if (value & ~(uint64_t)EFER_NXE)
		return gp0(cpu);
	if (value != cpu->efer) {
		cpu->efer = value;
		tlb_flush_all(cpu);
		cpu_mode_changed(cpu);
	}
	return true;
}

bool msr_write(struct cpu *cpu, uint32_t index, uint64_t value)
{
	uint64_t *mtrr = has(cpu, FEAT_MTRR) ? mtrr_find(cpu, index) : NULL;
	uint64_t *sysenter = has(cpu, FEAT_SEP) ? sysenter_find(cpu, index) : NULL;

	if (mtrr) {
		if (!mtrr_value_valid(index, value))
			return gp0(cpu);
		*mtrr = value;
		return true;
	}
	if (sysenter) {
		*sysenter = value & 0xffffffffu;
		return true;
	}
	if (index == MSR_TSC && has(cpu, FEAT_TSC)) {
		/* Only the low half is written, the high one becomes 0. */
		cpu->msr_tsc_offset = (value & 0xffffffffu) - clock_now(cpu->machine);
		return true;
	}
	if (index == MSR_PAT && has(cpu, FEAT_PAT)) {
		if (!memory_types_valid(value, 8, 0xf3))
			return gp0(cpu);
		cpu->msr_pat = value;
		return true;
	}
	if (index == MSR_EFER && has(cpu, FEAT_NX))
		return efer_write(cpu, value);
	if (index == MSR_P5_MC_ADDR || index == MSR_P5_MC_TYPE)
		return has_mce(cpu) || gp0(cpu);
	if (!is_p6(cpu))
		return gp0(cpu);
	switch (index) {
	case MSR_EBL_CR_POWERON:
		return true;
	case MSR_APIC_BASE:             /* the enable bit stays 0: there is no APIC */
		if (value & ~(PHYSICAL_PAGES | 0x900))
			return gp0(cpu);
		cpu->msr_apic_base = (value & PHYSICAL_PAGES) | 0x100;
		return true;
	case MSR_BIOS_SIGN:
		cpu->msr_bios_sign = value;
		return true;
	case MSR_DEBUGCTL:
		if (value & ~(uint64_t)0x7f)
			return gp0(cpu);
		cpu->msr_debugctl = value;
		return true;
	default:
		return gp0(cpu);
	}
}
