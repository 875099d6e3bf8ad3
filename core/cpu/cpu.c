/*
 * The processor as a part of the machine: creation, reset, saved state, pins, and the
 * public access to registers and linear memory.
 */
#include "access.h"
#include "blocks.h"
#include "flags.h"
#include "local_apic.h"
#include "memory.h"
#include "models.h"
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
	CBX_FIELD_END
};

void *cpu_state(struct cbx_machine *machine, size_t *size)
{
	*size = offsetof(struct cpu, derived);
	return machine->cpu;
}

void cpu_before_save(struct cbx_machine *machine)
{
	struct cpu *cpu = machine->cpu;

	cpu->eflags = flags_get(cpu);
	cpu->reg[REG_ZERO] = cpu->reg[REG_EA] = 0;
}

/* What no running processor can hold. */
bool cpu_check(const struct cbx_machine *machine, const void *state)
{
	const struct cpu *cpu = state;

	(void)machine;
	if (cpu->reg[REG_ZERO] || cpu->reg[REG_EA] || cpu->activity > ACTIVITY_SHUTDOWN ||
	    cpu->rip > UINT32_MAX || cpu->gdtr.limit > 0xffff || cpu->idtr.limit > 0xffff ||
	    cpu->x87.top > 7 || cpu->x87.ferr > 1 || cpu->x87.reserved[0] ||
	    cpu->x87.reserved[1] || cpu->x87.reserved[2] || (cpu->x87.status & 0x3800))
		return false;
	if ((cpu->cr0 & CR0_PG) && !(cpu->cr0 & CR0_PE))
		return false;
	for (unsigned n = 0; n < REG_ZERO; n++)
		if (n >= 8 && cpu->reg[n])
			return false;
	return cpu->shadow <= 1 && cpu->shadow_debug <= 1 && cpu->nmi_pending <= 1 &&
	       cpu->nmi_blocked <= 1 && cpu->nmi_line <= 1 && cpu->intr_line <= 1 &&
	       cpu->ignne_line <= 1 && cpu->in_smm <= 1;
}

void cpu_loaded(struct cbx_machine *machine)
{
	struct cpu *cpu = machine->cpu;

	flags_set_arithmetic(cpu, (uint32_t)cpu->eflags);
	cpu->run_one = false;
	cpu->budget = -1;
	cpu->current = NULL;
	debug_changed(cpu);
	blocks_flush(cpu);
	tlb_loaded(cpu);
}

/* ---- Creation and reset ------------------------------------------------------------------------ */

enum cbx_status cpu_new(struct cbx_machine *machine, struct cbx_error *error)
{
	struct cpu *cpu = machine_allocate(machine, sizeof *cpu);

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
	cpu->in_smm = 0;
	cpu->run_one = false;
	debug_changed(cpu);
	tlb_flush_all(cpu);
	cpu_apic_init(cpu);
}

/* ---- Pins ------------------------------------------------------------------------------------------ */

void cbx_cpu_set_ignne(struct cbx_device *device, bool level)
{
	device->machine->cpu->ignne_line = level;
}

void cbx_cpu_connect_ferr(struct cbx_device *device, struct cbx_line line)
{
	device->machine->cpu->ferr = line;
}

/* ---- Registers --------------------------------------------------------------------------------------- */

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
	else
		*value = cpu->seg[which - CBX_ES_LIMIT].limit;
	return CBX_OK;
}

enum cbx_status cbx_register_write(struct cbx_machine *machine, enum cbx_register which, uint64_t value)
{
	uint64_t *word;
	uint16_t *half;
	struct cpu *cpu;

	if (!machine || (unsigned)which >= CBX_REGISTER_COUNT)
		return CBX_ERROR_ARGUMENT;
	cpu = machine->cpu;
	word = plain_register(cpu, which);
	half = short_register(cpu, which);
	if (which >= CBX_R8 && which <= CBX_R15)
		return CBX_ERROR_UNSUPPORTED;
	if ((half || (which >= CBX_FCW && which <= CBX_FTW)) && value > 0xffff)
		return CBX_ERROR_ARGUMENT;
	if (!half && which != CBX_RFLAGS && value > UINT32_MAX && !(which >= CBX_FR0 && which <= CBX_FR7))
		return CBX_ERROR_ARGUMENT;
	if ((which == CBX_GDTR_LIMIT || which == CBX_IDTR_LIMIT) && value > 0xffff)
		return CBX_ERROR_ARGUMENT;
	if (which == CBX_CR0 && (value & CR0_PG) && !(value & CR0_PE))
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
	else
		cpu->seg[which - CBX_ES_LIMIT].limit = (uint32_t)value;
	if (which >= CBX_CR0 && which <= CBX_EFER) {
		paging_load_pdptes(cpu, cpu->cr3, cpu->cr0, cpu->cr4);
		tlb_flush_all(cpu);
	}
	if (which >= CBX_DR0 && which <= CBX_DR7)
		debug_changed(cpu);
	cpu_mode_changed(cpu);
	return CBX_OK;
}

/* ---- Linear memory ------------------------------------------------------------------------------------- */

static enum cbx_status linear_copy(struct cbx_machine *machine, uint64_t address, uint8_t *to,
				   const uint8_t *from, size_t count)
{
	uint64_t physical;

	if (!machine || (!to && !from && count))
		return CBX_ERROR_ARGUMENT;
	/* Everything is mapped, or nothing is copied. */
	for (size_t done = 0; done < count;) {
		size_t part = PAGE_SIZE - (size_t)((address + done) & PAGE_MASK);
		enum cbx_status status = cbx_translate(machine, (uint32_t)(address + done), &physical);

		if (status != CBX_OK)
			return status;
		done += part < count - done ? part : count - done;
	}
	while (count) {
		size_t part = PAGE_SIZE - (address & PAGE_MASK);
		enum cbx_status status = cbx_translate(machine, (uint32_t)address, &physical);

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
