/*
 * System instructions: control, debug and model-specific registers, descriptor tables,
 * segment registers, far transfers, interrupts, EFLAGS, HLT.
 */
#include "branch.h"
#include "handlers.h"
#include "local_apic.h"
#include "models.h"
#include "op_system.h"
#include "system.h"

const struct insn *system_proceed(struct cpu *cpu, const struct insn *i)
{
	cpu->budget -= i->n;
	if (cpu->budget < 0 || cpu->pending_dr6 || cpu->nmi_pending ||
	    (cpu->eflags & (FLAG_TF | FLAG_RF)) || cpu->activity != ACTIVITY_RUNNING ||
	    (cpu->intr_line && (cpu->eflags & FLAG_IF)))
		return NULL;
	return branch_find(cpu, cpu->rip);
}

/*
 * Goes on after i with interrupts held off for one instruction.  The shadow only exists
 * where somebody could look: at an instruction boundary that the outer loop sees.
 */
static const struct insn *shadow_next(struct cpu *cpu, const struct insn *i, bool debug)
{
	if (cpu->budget >= i->n && !cpu->pending_dr6 && !cpu->nmi_pending && !cpu->intr_line &&
	    !cpu->data_breakpoints && !cpu->hooked)
		return cpu_next_block(cpu, i);
	cpu->shadow = 1;
	cpu->shadow_debug = debug;
	return cpu_leave_next(cpu, i);
}

/* Instructions that tell a program of CPL 3 about the system: not with UMIP. */
static INLINE bool told(const struct cpu *cpu)
{
	return !(cpu->cr4 & CR4_UMIP) || cpu->cpl == 0;
}

/* A word operand, whatever the operand size is. */
static bool word_read(struct cpu *cpu, const struct insn *i, uint16_t *value)
{
	if (i->flags & INSN_MEMORY)
		return load16(cpu, i, ea(cpu, i), value);
	*value = reg16(cpu, i->rm);
	return true;
}

/* Stores a word to memory, or zero-extends it into a register. */
static bool word_write(struct cpu *cpu, const struct insn *i, uint64_t value)
{
	if (i->flags & INSN_MEMORY)
		return store16(cpu, i, ea(cpu, i), (uint16_t)value);
	reg_set(cpu, i->rm, i->width, value);
	return true;
}

static INLINE uint64_t further(const struct cpu *cpu, uint64_t linear, unsigned bytes)
{
	return (linear + bytes) & cpu->linear_mask;
}

/* ---- Control, debug and model-specific registers ------------------------------------------- */

static const uint64_t *control_register(const struct cpu *cpu, unsigned n)
{
	switch (n) {
	case 0: return &cpu->cr0;
	case 2: return &cpu->cr2;
	case 3: return &cpu->cr3;
	case 4: return &cpu->cr4;
	case 8: return cpu->model->features & FEAT_LM ? &cpu->cr8 : NULL;
	default: return NULL;
	}
}

/* In 64-bit mode these have 64 bits whatever the prefixes, elsewhere 32. */
HANDLER(op_MOV_Rd_Cd)
{
	const uint64_t *from = control_register(cpu, i->src);

	if (!from)
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	if (i->src == 8)
		set_reg64(cpu, i->dst, cpu_apic_tpr_read(cpu));
	else
		set_reg64(cpu, i->dst, i->width == 8 ? *from : (uint32_t)*from);
	NEXT(cpu, i);
}

HANDLER(op_MOV_Cd_Rd)
{
	if (!control_register(cpu, i->dst))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	if (!control_write(cpu, i->dst, i->width == 8 ? reg64(cpu, i->src) : reg32(cpu, i->src)))
		return cpu_fault(cpu, i);
	return cpu_leave_next(cpu, i);
}

/* What every MOV from or to a debug register checks first. */
static bool debug_register_check(struct cpu *cpu, unsigned n)
{
	if (n > 7)                      /* by REX.R */
		return cpu_raise(cpu, VECTOR_UD);
	if ((n == 4 || n == 5) && (cpu->cr4 & CR4_DE))
		return cpu_raise(cpu, VECTOR_UD);
	if (!privileged(cpu))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if (cpu->dr[7] & DR7_GD) {
		cpu->dr[6] |= DR6_BD;
		cpu->eflags |= FLAG_RF;         /* a fault; other debug exceptions leave RF */
		return cpu_raise(cpu, VECTOR_DB);
	}
	return true;
}

HANDLER(op_MOV_Rd_Dd)
{
	unsigned n = i->src;

	if (!debug_register_check(cpu, n))
		return cpu_fault(cpu, i);
	n = n == 4 || n == 5 ? n + 2 : n;
	set_reg64(cpu, i->dst, i->width == 8 ? cpu->dr[n] : (uint32_t)cpu->dr[n]);
	NEXT(cpu, i);
}

HANDLER(op_MOV_Dd_Rd)
{
	if (!debug_register_check(cpu, i->dst) ||
	    !debug_register_write(cpu, i->dst, i->width == 8 ? reg64(cpu, i->src) : reg32(cpu, i->src)))
		return cpu_fault(cpu, i);
	return cpu_leave_next(cpu, i);
}

HANDLER(op_CLTS)
{
	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	cpu->cr0 &= ~(uint64_t)CR0_TS;
	return cpu_next_block(cpu, i);
}

HANDLER(op_SMSW_Ew)
{
	if (!told(cpu))
		return cpu_fault_gp0(cpu, i);
	if (!word_write(cpu, i, cpu->cr0))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_LMSW_Ew)
{
	const uint64_t low = CR0_PE | CR0_MP | CR0_EM | CR0_TS;
	uint16_t value;

	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	if (!word_read(cpu, i, &value))
		return cpu_fault(cpu, i);
	/* PE can be set this way, not cleared. */
	if (!control_write(cpu, 0, (cpu->cr0 & ~(low & ~(uint64_t)CR0_PE)) | (value & low)))
		return cpu_fault(cpu, i);
	return cpu_leave_next(cpu, i);
}

static NOINLINE bool rdmsr(struct cpu *cpu, const struct insn *i)
{
	uint64_t value;

	if (!privileged(cpu))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	cpu_expose(cpu, i);
	if (!msr_read(cpu, reg32(cpu, REG_CX), &value))
		return false;
	cpu->current = NULL;
	set_reg32(cpu, REG_AX, (uint32_t)value);
	set_reg32(cpu, REG_DX, (uint32_t)(value >> 32));
	return true;
}

HANDLER_OF(op_RDMSR, rdmsr)

HANDLER(op_WRMSR)
{
	uint64_t value = (uint64_t)reg32(cpu, REG_DX) << 32 | reg32(cpu, REG_AX);

	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	cpu_expose(cpu, i);
	if (!msr_write(cpu, reg32(cpu, REG_CX), value))
		return cpu_fault(cpu, i);
	return cpu_leave_next(cpu, i);
}

HANDLER(op_RDTSC)
{
	uint64_t value;

	if ((cpu->cr4 & CR4_TSD) && !privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	cpu_expose(cpu, i);
	value = tsc_read(cpu);
	cpu->current = NULL;
	set_reg32(cpu, REG_AX, (uint32_t)value);
	set_reg32(cpu, REG_DX, (uint32_t)(value >> 32));
	NEXT(cpu, i);
}

/* No model has performance counters yet, so there is none that ECX could name. */
HANDLER(op_RDPMC)
{
	return cpu_fault_gp0(cpu, i);
}

HANDLER(op_CPUID)
{
	uint32_t result[4];

	cpuid(cpu, reg32(cpu, REG_AX), reg32(cpu, REG_CX), result);
	set_reg32(cpu, REG_AX, result[0]);
	set_reg32(cpu, REG_BX, result[1]);
	set_reg32(cpu, REG_CX, result[2]);
	set_reg32(cpu, REG_DX, result[3]);
	return cpu_next_block(cpu, i);
}

/* There is no cache. */
HANDLER(op_INVD)
{
	return privileged(cpu) ? cpu_next_block(cpu, i) : cpu_fault_gp0(cpu, i);
}

HANDLER(op_WBINVD)
{
	return privileged(cpu) ? cpu_next_block(cpu, i) : cpu_fault_gp0(cpu, i);
}

HANDLER(op_INVLPG_Mb)
{
	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	if (!mode_64(cpu) || address_canonical(ea(cpu, i)))
		tlb_flush_page(cpu, ea(cpu, i));
	return cpu_next_block(cpu, i);
}

/* ---- Descriptor tables ------------------------------------------------------------------------ */

/* The limit, and a base of 24, 32 or (in 64-bit mode) 64 bits. */
static NOINLINE bool table_load(struct cpu *cpu, const struct insn *i, struct table_register *table)
{
	uint64_t at = ea(cpu, i), base;
	uint16_t limit;

	if (!load16(cpu, i, at, &limit) ||
	    !load_width(cpu, i, further(cpu, at, 2), mode_64(cpu) ? 8 : 4, &base))
		return false;
	if (mode_64(cpu) && !address_canonical(base))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	table->limit = limit;
	table->base = i->width == 2 && !mode_64(cpu) ? base & 0xffffff : base;
	return true;
}

/* All bits of the base, whatever the operand size. */
static bool table_store(struct cpu *cpu, const struct insn *i, const struct table_register *table)
{
	uint64_t at = ea(cpu, i);
	unsigned width = mode_64(cpu) ? 8 : 4;

	if (!told(cpu))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	return store_check(cpu, i, at, 2 + width) && store16(cpu, i, at, (uint16_t)table->limit) &&
	       store_width(cpu, i, further(cpu, at, 2), width, table->base);
}

HANDLER(op_LGDT_Ms)
{
	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	return table_load(cpu, i, &cpu->gdtr) ? cpu_next_block(cpu, i) : cpu_fault(cpu, i);
}

HANDLER(op_LIDT_Ms)
{
	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	return table_load(cpu, i, &cpu->idtr) ? cpu_next_block(cpu, i) : cpu_fault(cpu, i);
}

HANDLER(op_SGDT_Ms)
{
	if (!table_store(cpu, i, &cpu->gdtr))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_SIDT_Ms)
{
	if (!table_store(cpu, i, &cpu->idtr))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_SLDT_Ew)
{
	if (!cpu_protected(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!told(cpu))
		return cpu_fault_gp0(cpu, i);
	if (!word_write(cpu, i, cpu->seg[SEG_LDTR].selector))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_STR_Ew)
{
	if (!cpu_protected(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!told(cpu))
		return cpu_fault_gp0(cpu, i);
	if (!word_write(cpu, i, cpu->seg[SEG_TR].selector))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

/* The upper half in long mode, whose base must be canonical. */
static bool system_segment_upper(struct cpu *cpu, uint16_t selector, struct descriptor *d)
{
	if (!descriptor_read_upper(cpu, selector, d))
		return false;
	return !long_mode(cpu) || address_canonical(d->base) ||
	       fault_selector(cpu, VECTOR_GP, selector, 0);
}

static bool ldtr_load(struct cpu *cpu, uint16_t selector)
{
	struct descriptor d;

	if (selector_null(selector)) {
		segment_set_null(cpu, SEG_LDTR, selector);
		return true;
	}
	if (selector & 4)
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	if (!descriptor_read(cpu, selector, VECTOR_GP, 0, &d))
		return false;
	if (descriptor_system_type(&d) != TYPE_LDT)
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	if (!(d.attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_NP, selector, 0);
	if (!system_segment_upper(cpu, selector, &d))
		return false;
	segment_set(cpu, SEG_LDTR, selector, &d);
	return true;
}

static bool tr_load(struct cpu *cpu, uint16_t selector)
{
	struct descriptor d;
	unsigned type;

	if (selector_null(selector))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if (selector & 4)
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	if (!descriptor_read(cpu, selector, VECTOR_GP, 0, &d))
		return false;
	type = descriptor_system_type(&d);
	if (type != TYPE_TSS32 && (type != TYPE_TSS16 || long_mode(cpu)))
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	if (!(d.attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_NP, selector, 0);
	if (!system_segment_upper(cpu, selector, &d))
		return false;
	d.attributes |= TYPE_TSS_BUSY_BIT;
	if (!store_system(cpu, system_linear(cpu, d.address + 5), 1, d.attributes & 0xff))
		return false;
	segment_set(cpu, SEG_TR, selector, &d);
	return true;
}

HANDLER(op_LLDT_Ew)
{
	uint16_t selector;

	if (!cpu_protected(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	if (!word_read(cpu, i, &selector) || !ldtr_load(cpu, selector))
		return cpu_fault(cpu, i);
	return cpu_next_block(cpu, i);
}

HANDLER(op_LTR_Ew)
{
	uint16_t selector;

	if (!cpu_protected(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	if (!word_read(cpu, i, &selector) || !tr_load(cpu, selector))
		return cpu_fault(cpu, i);
	return cpu_next_block(cpu, i);
}

/* ---- Questions about selectors ------------------------------------------------------------------ */

/* A descriptor that exists and that CPL and RPL may know of. */
static bool visible(struct cpu *cpu, uint16_t selector, struct descriptor *d, bool *is)
{
	*is = false;
	if (selector_null(selector))
		return true;
	if (!descriptor_look(cpu, selector, d, is))
		return false;
	if (*is && !attributes_conforming(d->attributes) &&
	    (cpu->cpl > descriptor_dpl(d) || (selector & 3u) > descriptor_dpl(d)))
		*is = false;
	return true;
}

enum {
	LSL_TYPES = 1 << TYPE_TSS16 | 1 << TYPE_LDT | 1 << TYPE_TSS16_BUSY | 1 << TYPE_TSS32 |
		    1 << TYPE_TSS32_BUSY,
	LAR_TYPES = LSL_TYPES | 1 << TYPE_CALL16 | 1 << TYPE_TASK_GATE | 1 << TYPE_CALL32,
	LONG_TYPES = 1 << TYPE_LDT | 1 << TYPE_TSS32 | 1 << TYPE_TSS32_BUSY | 1 << TYPE_CALL32
};

static bool type_among(const struct cpu *cpu, const struct descriptor *d, unsigned types)
{
	if (long_mode(cpu))
		types &= LONG_TYPES;
	return (d->attributes & ATTR_S) || (types >> descriptor_system_type(d) & 1);
}

/* The descriptor that the operand asks about, and whether it may be seen at all. */
static bool asked(struct cpu *cpu, const struct insn *i, struct descriptor *d, bool *ok)
{
	uint16_t selector;

	if (!cpu_protected(cpu))
		return cpu_raise(cpu, VECTOR_UD);
	return word_read(cpu, i, &selector) && visible(cpu, selector, d, ok);
}

static NOINLINE bool lar(struct cpu *cpu, const struct insn *i)
{
	struct descriptor d;
	bool ok;

	if (!asked(cpu, i, &d, &ok))
		return false;
	ok = ok && type_among(cpu, &d, LAR_TYPES);
	if (ok)
		reg_set(cpu, i->dst, i->width, d.high & 0xf0ff00);
	flag_set_zf(cpu, ok);
	return true;
}

HANDLER_OF(op_LAR_Gv_Ew, lar)

static NOINLINE bool lsl(struct cpu *cpu, const struct insn *i)
{
	struct descriptor d;
	bool ok;

	if (!asked(cpu, i, &d, &ok))
		return false;
	ok = ok && type_among(cpu, &d, LSL_TYPES);
	if (ok)
		reg_set(cpu, i->dst, i->width, d.limit);
	flag_set_zf(cpu, ok);
	return true;
}

HANDLER_OF(op_LSL_Gv_Ew, lsl)

static NOINLINE bool verr(struct cpu *cpu, const struct insn *i)
{
	struct descriptor d;
	bool ok;

	if (!asked(cpu, i, &d, &ok))
		return false;
	flag_set_zf(cpu, ok && attributes_readable(d.attributes));
	return true;
}

HANDLER_OF(op_VERR_Ew, verr)

static NOINLINE bool verw(struct cpu *cpu, const struct insn *i)
{
	struct descriptor d;
	bool ok;

	if (!asked(cpu, i, &d, &ok))
		return false;
	flag_set_zf(cpu, ok && attributes_writable(d.attributes));
	return true;
}

HANDLER_OF(op_VERW_Ew, verw)

HANDLER(op_ARPL_Ew_Gw)
{
	uint8_t *host = NULL;
	uint16_t value, rpl = reg16(cpu, i->src) & 3;
	bool lower;

	if (!cpu_protected(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (i->flags & INSN_MEMORY) {
		if (!modify16(cpu, i, ea(cpu, i), &value, &host))
			return cpu_fault(cpu, i);
	} else {
		value = reg16(cpu, i->rm);
	}
	lower = (value & 3) < rpl;
	if (lower) {
		value = (uint16_t)((value & ~3u) | rpl);
		if (i->flags & INSN_MEMORY)
			modified16(cpu, ea(cpu, i), value, host);
		else
			set_reg16(cpu, i->rm, value);
	}
	flag_set_zf(cpu, lower);
	NEXT(cpu, i);
}

/* ---- Segment registers ---------------------------------------------------------------------------- */

HANDLER(op_MOV_Ew_Sw)
{
	if (i->src > SEG_GS)
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!word_write(cpu, i, cpu->seg[i->src].selector))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

static const struct insn *segment_loaded(struct cpu *cpu, const struct insn *i, unsigned which)
{
	return which == SEG_SS ? shadow_next(cpu, i, true) : cpu_next_block(cpu, i);
}

HANDLER(op_MOV_Sw_Ew)
{
	uint16_t selector;

	if (i->dst > SEG_GS || i->dst == SEG_CS)
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!word_read(cpu, i, &selector) || !segment_load(cpu, i->dst, selector))
		return cpu_fault(cpu, i);
	return segment_loaded(cpu, i, i->dst);
}

/* With 32 bits, ESP moves by four and only the word is written (AMD: all); with 64, all bits are. */
static bool segment_push(struct cpu *cpu, const struct insn *i, unsigned which)
{
	uint32_t attributes = cpu->seg[SEG_SS].attributes;
	uint64_t sp = (cpu->reg[REG_SP] - i->width) & current_stack_mask(cpu), linear = sp;
	unsigned written = model_is_amd(cpu->model) ? i->width : 2;

	if (mode_64(cpu)) {
		if (!segment_address(cpu, SEG_SS, sp, i->width, true) ||
		    !store_width(cpu, i, sp, i->width, cpu->seg[which].selector))
			return false;
		cpu->reg[REG_SP] = sp;
		return true;
	}
	if (!(cpu->mode & MODE_FLAT) && !segment_linear(cpu, SEG_SS, sp, written, true, &linear))
		return false;
	if (!store_width(cpu, i, linear, written, cpu->seg[which].selector))
		return false;
	stack_pointer_set(cpu, attributes, sp);
	return true;
}

static bool segment_pop(struct cpu *cpu, const struct insn *i, unsigned which)
{
	uint32_t attributes = cpu->seg[SEG_SS].attributes;
	uint64_t value, sp = cpu->reg[REG_SP] + i->width;

	if (!stack_peek(cpu, 0, i->width, &value) || !segment_load(cpu, which, (uint16_t)value))
		return false;
	if (mode_64(cpu))
		cpu->reg[REG_SP] = sp;
	else
		stack_pointer_set(cpu, attributes, sp);
	return true;
}

HANDLER(op_PUSH_Sw)
{
	if (!segment_push(cpu, i, i->src))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_POP_Sw)
{
	if (!segment_pop(cpu, i, i->src))
		return cpu_fault(cpu, i);
	return segment_loaded(cpu, i, i->src);
}

/* AMD's processors know no far pointers with 64 bits of offset. */
static unsigned pointer_width(const struct cpu *cpu, const struct insn *i)
{
	return i->width == 8 && model_is_amd(cpu->model) ? 4 : i->width;
}

/* A far pointer in memory. */
static bool pointer_read(struct cpu *cpu, const struct insn *i, uint64_t *offset, uint16_t *selector)
{
	unsigned width = pointer_width(cpu, i);
	uint64_t at = ea(cpu, i);

	return load_width(cpu, i, at, width, offset) &&
	       load16(cpu, i, further(cpu, at, width), selector);
}

HANDLER(op_LSEG_Gv_Mp)
{
	uint64_t offset;
	uint16_t selector;

	if (!pointer_read(cpu, i, &offset, &selector) || !segment_load(cpu, i->src, selector))
		return cpu_fault(cpu, i);
	reg_set(cpu, i->dst, pointer_width(cpu, i), offset);
	/* LSS needs no shadow: it loads both halves of the stack pointer. */
	return cpu_next_block(cpu, i);
}

/* ---- Far transfers ---------------------------------------------------------------------------------- */

static const struct insn *jump(struct cpu *cpu, const struct insn *i, uint16_t selector, uint64_t offset)
{
	cpu->rip = rip_after(cpu, i);           /* what a task switch saves */
	if (!far_jump(cpu, selector, offset, pointer_width(cpu, i)))
		return cpu_fault(cpu, i);
	return system_proceed(cpu, i);
}

static const struct insn *call(struct cpu *cpu, const struct insn *i, uint16_t selector, uint64_t offset)
{
	/* The return address has the operand size, whatever the pointer has. */
	if (!far_call(cpu, selector, offset, i->width, rip_after(cpu, i)))
		return cpu_fault(cpu, i);
	return system_proceed(cpu, i);
}

HANDLER(op_JMP_Ap) { return jump(cpu, i, (uint16_t)(i->imm >> 32), (uint32_t)i->imm); }
HANDLER(op_CALL_Ap) { return call(cpu, i, (uint16_t)(i->imm >> 32), (uint32_t)i->imm); }

HANDLER(op_JMP_Mp)
{
	uint64_t offset;
	uint16_t selector;

	if (!pointer_read(cpu, i, &offset, &selector))
		return cpu_fault(cpu, i);
	return jump(cpu, i, selector, offset);
}

HANDLER(op_CALL_Mp)
{
	uint64_t offset;
	uint16_t selector;

	if (!pointer_read(cpu, i, &offset, &selector))
		return cpu_fault(cpu, i);
	return call(cpu, i, selector, offset);
}

HANDLER(op_RETF)
{
	return far_return(cpu, i->width, 0) ? system_proceed(cpu, i) : cpu_fault(cpu, i);
}

HANDLER(op_RETF_Iw)
{
	return far_return(cpu, i->width, (uint16_t)i->imm) ? system_proceed(cpu, i) : cpu_fault(cpu, i);
}

/* ---- Interrupts ---------------------------------------------------------------------------------------- */

static const struct insn *interrupt(struct cpu *cpu, const struct insn *i, uint32_t vector,
				    enum interrupt_kind kind)
{
	if (!interrupt_deliver(cpu, vector, kind, false, 0, rip_after(cpu, i)))
		return cpu_fault(cpu, i);
	return system_proceed(cpu, i);
}

HANDLER(op_INT3) { return interrupt(cpu, i, VECTOR_BP, INTERRUPT_INT3_INTO); }
HANDLER(op_INT1) { return interrupt(cpu, i, VECTOR_DB, INTERRUPT_ICEBP); }

HANDLER(op_INT_Ib)
{
	uint32_t vector = (uint8_t)i->imm;

	if (!cpu_v86(cpu))
		return interrupt(cpu, i, vector, INTERRUPT_SOFTWARE);
	if (!interrupt_v86_software(cpu, vector, rip_after(cpu, i)))
		return cpu_fault(cpu, i);
	return system_proceed(cpu, i);
}

HANDLER(op_INTO)
{
	if (flag_of(cpu))
		return interrupt(cpu, i, VECTOR_OF, INTERRUPT_INT3_INTO);
	return cpu_next_block(cpu, i);
}

HANDLER(op_IRET)
{
	cpu->rip = rip_after(cpu, i);           /* what a task switch saves */
	if (!interrupt_return(cpu, i->width))
		return cpu_fault(cpu, i);
	return system_proceed(cpu, i);
}

HANDLER(op_RSM)
{
	if (!cpu->in_smm)
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	smm_return(cpu);
	return cpu_leave(cpu, i);
}

HANDLER(op_HLT)
{
	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	cpu->activity = ACTIVITY_HALTED;
	return cpu_leave_next(cpu, i);
}

/* ---- EFLAGS ------------------------------------------------------------------------------------------------ */

/*
 * What CLI and STI change: IF; VIF with the virtual interrupt extensions (VME in
 * virtual-8086 mode, PVI at CPL 3); 0: nothing, #GP(0).
 */
static uint32_t interrupt_flag(const struct cpu *cpu)
{
	if (!(cpu->cr0 & CR0_PE))
		return FLAG_IF;
	if (cpu->eflags & FLAG_VM)
		return cpu_iopl(cpu) == 3 ? FLAG_IF : cpu->cr4 & CR4_VME ? FLAG_VIF : 0;
	if (cpu->cpl <= cpu_iopl(cpu))
		return FLAG_IF;
	return cpu->cpl == 3 && (cpu->cr4 & CR4_PVI) ? FLAG_VIF : 0;
}

HANDLER(op_CLI)
{
	uint32_t flag = interrupt_flag(cpu);

	if (!flag)
		return cpu_fault_gp0(cpu, i);
	cpu->eflags &= ~(uint64_t)flag;
	return cpu_next_block(cpu, i);
}

HANDLER(op_STI)
{
	uint32_t flag = interrupt_flag(cpu);
	bool was_clear = !(cpu->eflags & FLAG_IF);

	if (!flag || (flag == FLAG_VIF && (cpu->eflags & FLAG_VIP)))
		return cpu_fault_gp0(cpu, i);
	cpu->eflags |= flag;
	if (flag == FLAG_IF && was_clear)
		return shadow_next(cpu, i, false);
	return cpu_next_block(cpu, i);
}

HANDLER(op_PUSHF_Fv)
{
	uint64_t image = flags_get(cpu) & ~(uint64_t)(FLAG_VM | FLAG_RF);

	if (cpu_v86(cpu) && cpu_iopl(cpu) < 3) {
		if (!(cpu->cr4 & CR4_VME) || i->width != 2)
			return cpu_fault_gp0(cpu, i);
		image = (image & ~(uint64_t)FLAG_IF) | FLAG_IOPL;
		if (cpu->eflags & FLAG_VIF)
			image |= FLAG_IF;
	}
	if (!push_one(cpu, i, i->width, image))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

/* EFLAGS bits that POPF changes where IF is not virtual. */
static uint64_t popf_mask(const struct cpu *cpu, unsigned width)
{
	uint64_t mask = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT;

	if (width > 2)
		mask |= FLAG_AC | FLAG_ID;
	if (cpu->cpl <= cpu_iopl(cpu))
		mask |= FLAG_IF;
	if (cpu->cpl == 0)
		mask |= FLAG_IOPL;
	return mask & flags_writable(cpu);
}

HANDLER(op_POPF_Fv)
{
	uint64_t image, mask = popf_mask(cpu, i->width), flags;
	struct stack stack;
	bool virtual_if = cpu_v86(cpu) && cpu_iopl(cpu) < 3;

	if (virtual_if && (!(cpu->cr4 & CR4_VME) || i->width != 2))
		return cpu_fault_gp0(cpu, i);
	stack_begin(cpu, &stack, i);
	if (!stack_pop(cpu, &stack, i->width, &image))
		return cpu_fault(cpu, i);
	if (virtual_if) {
		if ((image & FLAG_TF) || ((image & FLAG_IF) && (cpu->eflags & FLAG_VIP)))
			return cpu_fault_gp0(cpu, i);
		mask |= FLAG_VIF;
		image |= image & FLAG_IF ? FLAG_VIF : 0;
	}
	stack_commit(cpu, &stack);
	flags = (flags_get(cpu) & ~mask) | (image & mask);
	if ((flags ^ cpu->eflags) & FLAG_AC) {
		flags_set(cpu, flags);
		cpu_mode_changed(cpu);
	} else {
		flags_set(cpu, flags);
	}
	if (cpu->eflags & FLAG_TF || cpu->intr_line || cpu->nmi_pending)
		return cpu_leave_next(cpu, i);
	return cpu_next_block(cpu, i);
}
