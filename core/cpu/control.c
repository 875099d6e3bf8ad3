/*
 * Control and debug registers, and EFLAGS bits that a processor has.  SDM 3A 2.5, 3B 17.2.
 */
#include "local_apic.h"
#include "hooks.h"
#include "models.h"
#include "system.h"

static bool has(const struct cpu *cpu, uint64_t feature)
{
	return cpu->model->features & feature;
}

static bool has_system(const struct cpu *cpu, uint32_t feature)
{
	return cpu->model->system & feature;
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

/* ---- Control registers ---------------------------------------------------------------------------- */

static bool gp0(struct cpu *cpu)
{
	return cpu_raise_error(cpu, VECTOR_GP, 0);
}

/* Does PAE paging (not that of long mode) use the PDPTEs with these values? */
static bool uses_pdptes(const struct cpu *cpu, uint64_t cr0, uint64_t cr4)
{
	return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(cpu->efer & EFER_LME);
}

/* Turning paging on with EFER.LME set, and off again (SDM 3A 9.8.5). */
static bool long_mode_switch(struct cpu *cpu, uint64_t cr0)
{
	if (cr0 & CR0_PG) {
		if (!(cpu->efer & EFER_LME))
			return true;
		if (!(cpu->cr4 & CR4_PAE) || (cpu->seg[SEG_CS].attributes & ATTR_L) ||
		    (cpu->seg[SEG_TR].attributes & ATTR_TYPE) < TYPE_TSS32)
			return gp0(cpu);
		cpu->efer |= EFER_LMA;
		return true;
	}
	if (mode_64(cpu) || (cpu->cr4 & CR4_PCIDE))
		return gp0(cpu);
	cpu->efer &= ~(uint64_t)EFER_LMA;
	return true;
}

static bool cr0_write(struct cpu *cpu, uint64_t value)
{
	const uint64_t known = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM |
			       CR0_NW | CR0_CD | CR0_PG;
	uint64_t changed;

	if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) ||
	    ((value & CR0_NW) && !(value & CR0_CD)))
		return gp0(cpu);
	value = (value & known) | CR0_ET;
	changed = value ^ cpu->cr0;
	if (uses_pdptes(cpu, value, cpu->cr4) && (changed & (CR0_PG | CR0_CD | CR0_NW)) &&
	    !paging_load_pdptes(cpu, cpu->cr3, value, cpu->cr4))
		return false;
	if ((changed & CR0_PG) && !long_mode_switch(cpu, value))
		return false;
	cpu->cr0 = value;
	if (changed & (CR0_PG | CR0_PE | CR0_WP))
		tlb_flush_all(cpu);
	cpu_mode_changed(cpu);
	return true;
}

static bool cr3_write(struct cpu *cpu, uint64_t value)
{
	uint64_t old = cpu->cr3;
	bool keep = false;

	if (long_mode(cpu)) {
		if (cpu->cr4 & CR4_PCIDE) {
			keep = value >> 63;
			value &= ~((uint64_t)1 << 63);
		}
		if (value & ~(PHYSICAL_PAGES | PAGE_MASK))
			return gp0(cpu);
	} else {
		value &= 0xffffffffu;
		if (uses_pdptes(cpu, cpu->cr0, cpu->cr4) &&
		    !paging_load_pdptes(cpu, value, cpu->cr0, cpu->cr4))
			return false;
	}
	cpu->cr3 = value;
	tlb_cr3_loaded(cpu, keep);
	if (unlikely(cpu->hooked))
		hooks_cr3(cpu, old);
	return true;
}

/* The bits of CR4 that this processor has. */
uint64_t cr4_known(const struct cpu *cpu)
{
	uint64_t known = 0;

	known |= has(cpu, FEAT_VME) ? CR4_VME | CR4_PVI : 0;
	known |= has(cpu, FEAT_TSC) ? CR4_TSD : 0;
	known |= has(cpu, FEAT_DE) ? CR4_DE : 0;
	known |= has(cpu, FEAT_PSE) ? CR4_PSE : 0;
	known |= has(cpu, FEAT_PAE) ? CR4_PAE : 0;
	known |= has_system(cpu, SYS_MCE) ? CR4_MCE : 0;
	known |= has(cpu, FEAT_PGE) ? CR4_PGE : 0;
	known |= has(cpu, FEAT_PMC) ? CR4_PCE : 0;
	known |= has(cpu, FEAT_FXSR) ? CR4_OSFXSR : 0;
	known |= has(cpu, FEAT_SSE) ? CR4_OSXMMEXCPT : 0;
	known |= has_system(cpu, SYS_UMIP) ? CR4_UMIP : 0;
	known |= has(cpu, FEAT_FSGSBASE) ? CR4_FSGSBASE : 0;
	known |= has_system(cpu, SYS_PCID) ? CR4_PCIDE : 0;
	known |= has(cpu, FEAT_XSAVE) ? CR4_OSXSAVE : 0;
	known |= has_system(cpu, SYS_SMEP) ? CR4_SMEP : 0;
	known |= has(cpu, FEAT_SMAP) ? CR4_SMAP : 0;
	return known;
}

static bool cr4_write(struct cpu *cpu, uint64_t value)
{
	const uint64_t paging = CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_SMAP;
	uint64_t changed = value ^ cpu->cr4;

	if (value & ~cr4_known(cpu))
		return gp0(cpu);
	if (long_mode(cpu) && !(value & CR4_PAE))
		return gp0(cpu);
	if ((changed & value & CR4_PCIDE) && (!long_mode(cpu) || (cpu->cr3 & PAGE_MASK)))
		return gp0(cpu);
	if (uses_pdptes(cpu, cpu->cr0, value) && (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) &&
	    !paging_load_pdptes(cpu, cpu->cr3, cpu->cr0, value))
		return false;
	cpu->cr4 = value;
	if ((changed & paging) || (changed & ~value & CR4_PCIDE))
		tlb_flush_all(cpu);
	debug_changed(cpu);             /* and the mode */
	return true;
}

static bool cr8_write(struct cpu *cpu, uint64_t value)
{
	if (value & ~(uint64_t)15)
		return gp0(cpu);
	cpu_apic_tpr_write(cpu, value);
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
	case 8:
		return cr8_write(cpu, value);
	default:
		return cpu_raise(cpu, VECTOR_UD);
	}
}

bool xcr_write(struct cpu *cpu, uint32_t index, uint64_t value)
{
	if (index || (value & ~xcr0_supported(cpu)) || !(value & XCR0_X87) ||
	    ((value & XCR0_AVX) && !(value & XCR0_SSE)))
		return gp0(cpu);
	cpu->xcr0 = value;
	cpu_mode_changed(cpu);
	return true;
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

void watch_changed(struct cpu *cpu)
{
	cpu->data_watched = cpu->data_breakpoints || (cpu->hooked & HOOKED_DATA);
	cpu->ports_watched = (cpu->hooked & HOOKED_IO) || (cpu->dr[7] & 0xff);
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
			/* From now on there is no fast way to this page (tlb_enter_host). */
			tlb_forget_host(cpu, cpu->dr[n]);
		}
	}
	watch_changed(cpu);
	cpu_mode_changed(cpu);
}

bool debug_register_write(struct cpu *cpu, unsigned which, uint64_t value)
{
	if (value >> 32 && which >= 4)
		return gp0(cpu);
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
