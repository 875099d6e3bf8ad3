/*
 * The processor as a part of the machine: creation, reset, saved state, pins, and the
 * public access to registers and linear memory.
 */
#include "access.h"
#include "hooks.h"
#include "blocks.h"
#include "flags.h"
#include "local_apic.h"
#include "memory.h"
#include "models.h"
#include "ram.h"
#include "system.h"
#include "tlb.h"

/* ---- State ----------------------------------------------------------------------------------- */

static const struct cbx_field segment_fields[] = {
	CBX_FIELD(struct segment, base),
	CBX_FIELD(struct segment, limit),
	CBX_FIELD(struct segment, selector),
	CBX_FIELD(struct segment, attributes),
	CBX_FIELD_END
};

static const struct cbx_field table_fields[] = {
	CBX_FIELD(struct table_register, base),
	CBX_FIELD(struct table_register, limit),
	CBX_FIELD_END
};

static const struct cbx_field x87_fields[] = {
	CBX_FIELD_ARRAY(struct x87, significand),
	CBX_FIELD_ARRAY(struct x87, sign_exponent),
	CBX_FIELD(struct x87, control),
	CBX_FIELD(struct x87, status),
	CBX_FIELD(struct x87, opcode),
	CBX_FIELD(struct x87, cs),
	CBX_FIELD(struct x87, ds),
	CBX_FIELD(struct x87, top),
	CBX_FIELD(struct x87, valid),
	CBX_FIELD(struct x87, ferr),
	CBX_FIELD_ARRAY(struct x87, reserved),
	CBX_FIELD(struct x87, ip),
	CBX_FIELD(struct x87, dp),
	CBX_FIELD_END
};

static const struct cbx_field ymm_fields[] = {
	CBX_FIELD_ARRAY(struct ymm, q),
	CBX_FIELD_END
};

const struct cbx_field cpu_fields[] = {
	CBX_FIELD_ARRAY(struct cpu, reg),
	CBX_FIELD(struct cpu, rip),
	CBX_FIELD(struct cpu, eflags),
	CBX_FIELD_STRUCTS(struct cpu, seg, segment_fields),
	CBX_FIELD_STRUCT(struct cpu, gdtr, table_fields),
	CBX_FIELD_STRUCT(struct cpu, idtr, table_fields),
	CBX_FIELD(struct cpu, cr0),
	CBX_FIELD(struct cpu, cr2),
	CBX_FIELD(struct cpu, cr3),
	CBX_FIELD(struct cpu, cr4),
	CBX_FIELD(struct cpu, cr8),
	CBX_FIELD(struct cpu, efer),
	CBX_FIELD_ARRAY(struct cpu, pdpte),
	CBX_FIELD_ARRAY(struct cpu, dr),
	CBX_FIELD(struct cpu, msr_sysenter_cs),
	CBX_FIELD(struct cpu, msr_sysenter_esp),
	CBX_FIELD(struct cpu, msr_sysenter_eip),
	CBX_FIELD(struct cpu, msr_tsc_offset),
	CBX_FIELD(struct cpu, msr_apic_base),
	CBX_FIELD(struct cpu, msr_pat),
	CBX_FIELD(struct cpu, msr_misc_enable),
	CBX_FIELD(struct cpu, msr_mtrr_def_type),
	CBX_FIELD_ARRAY(struct cpu, msr_mtrr_fixed),
	CBX_FIELD_ARRAY(struct cpu, msr_mtrr_base),
	CBX_FIELD_ARRAY(struct cpu, msr_mtrr_mask),
	CBX_FIELD(struct cpu, msr_star),
	CBX_FIELD(struct cpu, msr_lstar),
	CBX_FIELD(struct cpu, msr_cstar),
	CBX_FIELD(struct cpu, msr_fmask),
	CBX_FIELD(struct cpu, msr_kernel_gs_base),
	CBX_FIELD(struct cpu, msr_tsc_aux),
	CBX_FIELD(struct cpu, msr_mcg_status),
	CBX_FIELD(struct cpu, msr_bios_sign),
	CBX_FIELD(struct cpu, msr_debugctl),
	CBX_FIELD(struct cpu, msr_tsc_adjust),
	CBX_FIELD_STRUCT(struct cpu, x87, x87_fields),
	CBX_FIELD_STRUCTS(struct cpu, v, ymm_fields),
	CBX_FIELD(struct cpu, xcr0),
	CBX_FIELD(struct cpu, xss),
	CBX_FIELD(struct cpu, random),
	CBX_FIELD(struct cpu, mxcsr),
	CBX_FIELD(struct cpu, activity),
	CBX_FIELD(struct cpu, count),
	CBX_FIELD(struct cpu, pending_dr6),
	CBX_FIELD(struct cpu, shadow),
	CBX_FIELD(struct cpu, shadow_debug),
	CBX_FIELD(struct cpu, nmi_pending),
	CBX_FIELD(struct cpu, nmi_blocked),
	CBX_FIELD(struct cpu, nmi_line),
	CBX_FIELD(struct cpu, intr_line),
	CBX_FIELD(struct cpu, ignne_line),
	CBX_FIELD(struct cpu, in_smm),
	CBX_FIELD(struct cpu, smi_pending),
	CBX_FIELD(struct cpu, smbase),
	CBX_FIELD_END
};

void *cpu_state(struct cbx_machine *machine, size_t *size)
{
	*size = offsetof(struct cpu, derived);
	return machine->cpu;
}

uint32_t *cpu_deliveries(struct cbx_machine *machine)
{
	return &machine->cpu->deliveries;
}

uint32_t cpu_deliveries_now(const struct cbx_machine *machine)
{
	const struct cpu *cpu = machine->cpu;

	return cpu->executing_from == UINT64_MAX || cpu->executing_from == cpu_instruction_count(machine) ?
	       cpu->deliveries : 0;
}

void cpu_before_save(struct cbx_machine *machine)
{
	struct cpu *cpu = machine->cpu;

	cpu->eflags = flags_get(cpu);
	cpu->reg[REG_ZERO] = cpu->reg[REG_EA] = 0;
	cpu->rip &= cpu->linear_mask;           /* the embedder may have written more */
}

/* Control registers, EFER and mode that contradict each other, or that the model cannot have. */
static bool mode_check(const struct cpu *cpu, const struct cpu_model *model)
{
	bool lm = model->features & FEAT_LM;
	uint64_t efer = cpu->efer;

	if ((cpu->cr0 & CR0_PG) && !(cpu->cr0 & CR0_PE))
		return false;
	if ((efer & ~(uint64_t)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)) || (cpu->cr0 >> 32) ||
	    (cpu->cr4 >> 32) || cpu->cr8 > 15)
		return false;
	if (!(efer & EFER_LMA) != !((efer & EFER_LME) && (cpu->cr0 & CR0_PG)))
		return false;
	if ((efer & EFER_LMA) && (!lm || !(cpu->cr4 & CR4_PAE) || (cpu->eflags & FLAG_VM)))
		return false;
	if ((efer & EFER_LMA) ? (cpu->cr3 & ~(PHYSICAL_PAGES | PAGE_MASK)) != 0 : cpu->cr3 > UINT32_MAX)
		return false;
	if ((cpu->xcr0 & ~(uint64_t)(XCR0_X87 | XCR0_SSE | XCR0_AVX)) || !(cpu->xcr0 & XCR0_X87) ||
	    cpu->xss || (cpu->mxcsr & ~0xffffu))
		return false;
	if (cpu->rip > UINT32_MAX && !((efer & EFER_LMA) && (cpu->seg[SEG_CS].attributes & ATTR_L)))
		return false;
	for (unsigned n = 8; n < REG_ZERO && !lm; n++)
		if (cpu->reg[n])
			return false;
	return lm || (cpu->gdtr.base <= UINT32_MAX && cpu->idtr.base <= UINT32_MAX);
}

/* What no running processor can hold. */
bool cpu_check(const struct cbx_machine *machine, const void *state)
{
	const struct cpu *cpu = state;

	if (cpu->reg[REG_ZERO] || cpu->reg[REG_EA] || cpu->activity > ACTIVITY_SHUTDOWN ||
	    cpu->gdtr.limit > 0xffff || cpu->idtr.limit > 0xffff ||
	    cpu->x87.top > 7 || cpu->x87.ferr > 1 || cpu->x87.reserved[0] ||
	    cpu->x87.reserved[1] || cpu->x87.reserved[2] || (cpu->x87.status & 0x3800))
		return false;
	return mode_check(cpu, machine->cpu->model) &&
	       cpu->shadow <= 1 && cpu->shadow_debug <= 1 && cpu->nmi_pending <= 1 &&
	       cpu->nmi_blocked <= 1 && cpu->nmi_line <= 1 && cpu->intr_line <= 1 &&
	       cpu->ignne_line <= 1 && cpu->in_smm <= 1 && cpu->smi_pending <= 1 &&
	       cpu->smbase <= UINT32_MAX;
}

void cpu_loaded(struct cbx_machine *machine)
{
	struct cpu *cpu = machine->cpu;

	flags_set_arithmetic(cpu, (uint32_t)cpu->eflags);
	cpu->run_one = false;
	cpu->deliveries = 0;
	cpu->budget = -1;
	cpu->current = NULL;
	cpu->rep_count = UINT64_MAX;
	cpu->dead_since = UINT64_MAX;
	hooks_forget(cpu);
	if (cpu->smm_changed)
		cpu->smm_changed(cpu->smm_device, cpu->in_smm);
	debug_changed(cpu);
	blocks_flush(cpu);
	tlb_loaded(cpu);
}

/* ---- Creation and reset ------------------------------------------------------------------------ */

enum cbx_status cpu_new(struct cbx_machine *machine, struct cbx_error *error)
{
	struct cpu *cpu = machine_allocate_large(machine, sizeof *cpu, true);

	if (!cpu)
		return CBX_ERROR_MEMORY;
	if (!cpu_model_parse(machine->options.cpu, &cpu->model_copy, cpu->model_name, error)) {
		machine_release(machine, cpu);
		return CBX_ERROR_ARGUMENT;
	}
	machine->cpu = cpu;
	machine->options.cpu = cpu->model_name;
	cpu->machine = machine;
	cpu->model = &cpu->model_copy;
	cpu->tlb = &cpu->tlbs[0];
	cpu->budget = -1;
	if (blocks_new(cpu) != CBX_OK || translations_new(cpu) != CBX_OK)
		return CBX_ERROR_MEMORY;
	cpu_reset(machine);
	return CBX_OK;
}

void cpu_free(struct cbx_machine *machine)
{
	if (!machine->cpu)
		return;
	blocks_free(machine->cpu);
	hooks_free(machine->cpu);
	translations_free(machine->cpu);
	machine_release(machine, machine->cpu);
	machine->cpu = NULL;
}

/* SDM 3A table 9-1. */
void cpu_reset(struct cbx_machine *machine)
{
	struct cpu *cpu = machine->cpu;

	for (unsigned n = 0; n < REG_COUNT; n++)
		cpu->reg[n] = 0;
	cpu->reg[REG_DX] = cpu_signature(cpu->model);
	cpu->rip = 0xfff0;
	flags_set(cpu, FLAG_1);
	for (unsigned n = 0; n < SEG_COUNT; n++)
		cpu->seg[n] = (struct segment){ .limit = 0xffff,
			.attributes = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED };
	cpu->seg[SEG_CS].selector = 0xf000;
	cpu->seg[SEG_CS].base = 0xffff0000;
	cpu->seg[SEG_CS].attributes |= ATTR_CODE;
	cpu->seg[SEG_LDTR].attributes = ATTR_P | 2;
	cpu->seg[SEG_TR].attributes = ATTR_P | 11;
	cpu->gdtr = cpu->idtr = (struct table_register){ .limit = 0xffff };
	cpu->cr0 = CR0_ET | CR0_NW | CR0_CD;
	cpu->cr2 = cpu->cr3 = cpu->cr4 = cpu->cr8 = cpu->efer = 0;
	memset(cpu->pdpte, 0, sizeof cpu->pdpte);
	memset(cpu->dr, 0, sizeof cpu->dr);
	cpu->dr[6] = 0xffff0ff0;
	cpu->dr[7] = 0x400;
	cpu->msr_sysenter_cs = cpu->msr_sysenter_esp = cpu->msr_sysenter_eip = 0;
	cpu->msr_tsc_offset = cpu->msr_tsc_adjust = 0;
	cpu->msr_apic_base = 0xfee00100;
	cpu->msr_pat = 0x0007040600070406ull;
	cpu->msr_misc_enable = 1 | 1 << 11 | 1 << 12;   /* fast strings; no BTS, no PEBS */
	cpu->msr_mtrr_def_type = 0;
	memset(cpu->msr_mtrr_fixed, 0, sizeof cpu->msr_mtrr_fixed);
	memset(cpu->msr_mtrr_base, 0, sizeof cpu->msr_mtrr_base);
	memset(cpu->msr_mtrr_mask, 0, sizeof cpu->msr_mtrr_mask);
	cpu->msr_star = cpu->msr_lstar = cpu->msr_cstar = cpu->msr_fmask = 0;
	cpu->msr_kernel_gs_base = cpu->msr_tsc_aux = cpu->msr_mcg_status = 0;
	cpu->msr_bios_sign = (uint64_t)cpu->model->microcode << 32;
	cpu->msr_debugctl = 0;
	memset(&cpu->x87, 0, sizeof cpu->x87);
	cpu->x87.control = 0x40;
	cpu->x87.valid = 0xff;          /* all registers hold +0 after RESET; FNINIT empties them */
	memset(cpu->v, 0, sizeof cpu->v);
	cpu->xcr0 = XCR0_X87;
	cpu->xss = 0;
	cpu->mxcsr = 0x1f80;
	cpu->activity = ACTIVITY_RUNNING;
	cpu->pending_dr6 = 0;
	cpu->shadow = cpu->shadow_debug = 0;
	cpu->nmi_pending = cpu->nmi_blocked = 0;
	cpu->smi_pending = 0;
	cpu->smbase = 0x30000;
	if (cpu->in_smm && cpu->smm_changed)
		cpu->smm_changed(cpu->smm_device, false);
	cpu->in_smm = 0;
	cpu->run_one = false;
	debug_changed(cpu);
	tlb_flush_all(cpu);
	cpu_apic_init(cpu);
}

/* ---- Pins ------------------------------------------------------------------------------------------ */

void cbx_cpu_set_ignne(struct cbx_device *device, bool level)
{
	if (!device)
		return;
	device->machine->cpu->ignne_line = level;
}

void cbx_cpu_connect_ferr(struct cbx_device *device, struct cbx_line line)
{
	if (!device)
		return;
	device->machine->cpu->ferr = line;
}

/* ---- Linear memory ------------------------------------------------------------------------------------- */

/* Linear addresses have 32 bits outside long mode. */
static uint64_t linear_wrap(const struct cbx_machine *machine, uint64_t address)
{
	return system_linear(machine->cpu, address);
}

static enum cbx_status linear_copy(struct cbx_machine *machine, uint64_t address, uint8_t *to,
				   const uint8_t *from, size_t count)
{
	uint64_t physical;

	if (!machine || (!to && !from && count))
		return CBX_ERROR_ARGUMENT;
	/* Everything is mapped, or nothing is copied. */
	for (size_t done = 0; done < count;) {
		size_t part = PAGE_SIZE - (size_t)((address + done) & PAGE_MASK);
		enum cbx_status status = cbx_translate(machine, linear_wrap(machine, address + done), &physical);

		part = part < count - done ? part : count - done;
		if (status == CBX_OK && !memory_all_ram(machine->memory, physical, part, to ? MAP_READ : MAP_WRITE))
			status = machine_fail(machine, CBX_ERROR_UNMAPPED, "these addresses are not all memory");
		if (status != CBX_OK)
			return status;
		done += part;
	}
	while (count) {
		size_t part = PAGE_SIZE - (address & PAGE_MASK);
		enum cbx_status status = cbx_translate(machine, linear_wrap(machine, address), &physical);

		part = part < count ? part : count;
		if (status == CBX_OK)
			status = to ? cbx_memory_read(machine, physical, to, part)
				    : cbx_memory_write(machine, physical, from, part);
		if (status != CBX_OK)
			return status;
		address += part;
		count -= part;
		to = to ? to + part : NULL;
		from = from ? from + part : NULL;
	}
	return CBX_OK;
}

enum cbx_status cbx_linear_read(struct cbx_machine *machine, uint64_t address, void *bytes, size_t count)
{
	return bytes ? linear_copy(machine, address, bytes, NULL, count) : CBX_ERROR_ARGUMENT;
}

enum cbx_status cbx_linear_write(struct cbx_machine *machine, uint64_t address, const void *bytes,
				 size_t count)
{
	return bytes ? linear_copy(machine, address, NULL, bytes, count) : CBX_ERROR_ARGUMENT;
}
