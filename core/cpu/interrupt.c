/*
 * Interrupts and exceptions: delivery through the interrupt vector table or the IDT, IRET,
 * double and triple faults.  SDM 3A chapters 6 and 20; INT n and IRET in SDM 2A.
 */
#include "system.h"
#include "hooks.h"

static bool gp0(struct cpu *cpu)
{
	return cpu_raise_error(cpu, VECTOR_GP, 0);
}

/* Exceptions that are faults, so that RF is 1 in the image of EFLAGS (SDM 3B 17.3.1.1). */
static bool sets_rf(uint32_t vector, enum interrupt_kind kind)
{
	const uint32_t faults = 1u << VECTOR_DE | 1u << VECTOR_BR | 1u << VECTOR_UD |
		1u << VECTOR_NM | 1u << VECTOR_TS | 1u << VECTOR_NP | 1u << VECTOR_SS |
		1u << VECTOR_GP | 1u << VECTOR_PF | 1u << VECTOR_MF | 1u << VECTOR_AC |
		1u << VECTOR_XM;

	return kind == INTERRUPT_EXCEPTION && vector < 32 && (faults >> vector & 1);
}

/* One delivery under way. */
struct delivery {
	uint32_t vector, ext;
	unsigned ist;                   /* long mode: the gate's interrupt stack, or 0 */
	bool has_error;
	uint32_t error;
	uint64_t flags;                 /* image that is saved */
	uint64_t rip;
};

static uint32_t vector_error(const struct delivery *delivery)
{
	return delivery->vector * 8 + 2 + delivery->ext;
}

/* FLAGS, CS and IP on the current stack, then a far jump to the vector at this address. */
static bool deliver_vector_table(struct cpu *cpu, uint64_t address, uint64_t image, uint64_t rip,
				 uint64_t new_flags, uint32_t ext)
{
	struct new_stack stack;
	uint64_t target;

	if (!system_load(cpu, address & cpu->linear_mask, 4, &target))
		return false;
	new_stack_current(cpu, &stack, ext);
	if (!new_stack_room(cpu, &stack, 2, 3))
		return false;
	if (!cpu_v86(cpu) && (target & 0xffff) > cpu->seg[SEG_CS].limit)
		return cpu_raise_error(cpu, VECTOR_GP, ext);
	if (!new_stack_push(cpu, &stack, 2, image) ||
	    !new_stack_push(cpu, &stack, 2, cpu->seg[SEG_CS].selector) ||
	    !new_stack_push(cpu, &stack, 2, rip))
		return false;
	stack_pointer_set(cpu, stack.attributes, stack.sp);
	flags_set(cpu, new_flags);
	segment_load_real(cpu, SEG_CS, (uint16_t)(target >> 16));
	cpu->rip = target & 0xffff;
	cpu_mode_changed(cpu);
	return true;
}

static bool deliver_real(struct cpu *cpu, const struct delivery *delivery)
{
	uint64_t flags = delivery->flags & ~(uint64_t)(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);

	if (delivery->vector * 4 + 3 > cpu->idtr.limit)
		return cpu_raise_error(cpu, VECTOR_GP, vector_error(delivery));
	return deliver_vector_table(cpu, cpu->idtr.base + delivery->vector * 4, delivery->flags,
				    delivery->rip, flags, delivery->ext);
}

/* EFLAGS, CS, EIP and the error code. */
static bool push_frame(struct cpu *cpu, struct new_stack *stack, unsigned width,
		       const struct delivery *delivery)
{
	return new_stack_push(cpu, stack, width, delivery->flags) &&
	       new_stack_push(cpu, stack, width, cpu->seg[SEG_CS].selector) &&
	       new_stack_push(cpu, stack, width, delivery->rip) &&
	       (!delivery->has_error || new_stack_push(cpu, stack, width, delivery->error));
}

static void handler_enter(struct cpu *cpu, const struct descriptor *gate, const struct descriptor *code,
			  unsigned cpl, const struct delivery *delivery)
{
	uint64_t flags = delivery->flags & ~(uint64_t)(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM);

	if (!(gate->attributes & 1))    /* interrupt gate */
		flags &= ~(uint64_t)FLAG_IF;
	flags_set(cpu, flags);
	segment_set_code(cpu, gate_selector(gate), code, cpl);
	cpu->rip = gate_offset(gate);
	cpu_mode_changed(cpu);
}

/* To an inner privilege, from protected or virtual-8086 mode. */
static bool deliver_inner(struct cpu *cpu, const struct descriptor *gate, struct descriptor *code,
			  const struct delivery *delivery)
{
	static const uint8_t v86_segments[] = { SEG_GS, SEG_FS, SEG_DS, SEG_ES };
	unsigned width = gate->attributes & TYPE_32_BIT ? 4 : 2, cpl = descriptor_dpl(code);
	bool v86 = cpu_v86(cpu);
	struct new_stack stack;
	struct descriptor ss;
	uint16_t selector;

	if (!new_stack_from_tss(cpu, cpl, delivery->ext, &stack, &selector, &ss) ||
	    !new_stack_room(cpu, &stack, width, 5u + delivery->has_error + (v86 ? 4 : 0)))
		return false;
	if (gate_offset(gate) > code->limit)
		return cpu_raise_error(cpu, VECTOR_GP, delivery->ext);
	if (!descriptor_mark_accessed(cpu, code) || !descriptor_mark_accessed(cpu, &ss))
		return false;
	for (unsigned n = 0; v86 && n < sizeof(v86_segments); n++)
		if (!new_stack_push(cpu, &stack, width, cpu->seg[v86_segments[n]].selector))
			return false;
	if (!new_stack_push(cpu, &stack, width, cpu->seg[SEG_SS].selector) ||
	    !new_stack_push(cpu, &stack, width, cpu->reg[REG_SP]) ||
	    !push_frame(cpu, &stack, width, delivery))
		return false;
	for (unsigned n = 0; v86 && n < sizeof(v86_segments); n++)
		segment_set_null(cpu, v86_segments[n], 0);
	segment_set(cpu, SEG_SS, (uint16_t)((selector & ~3u) | cpl), &ss);
	stack_pointer_set(cpu, ss.attributes, stack.sp);
	handler_enter(cpu, gate, code, cpl, delivery);
	return true;
}

static bool deliver_same(struct cpu *cpu, const struct descriptor *gate, struct descriptor *code,
			 const struct delivery *delivery)
{
	unsigned width = gate->attributes & TYPE_32_BIT ? 4 : 2;
	struct new_stack stack;

	new_stack_current(cpu, &stack, delivery->ext);
	if (!new_stack_room(cpu, &stack, width, 3u + delivery->has_error))
		return false;
	if (gate_offset(gate) > code->limit)
		return cpu_raise_error(cpu, VECTOR_GP, delivery->ext);
	if (!descriptor_mark_accessed(cpu, code) || !push_frame(cpu, &stack, width, delivery))
		return false;
	stack_pointer_set(cpu, stack.attributes, stack.sp);
	handler_enter(cpu, gate, code, cpu->cpl, delivery);
	return true;
}

/*
 * Long mode (SDM 3A 6.14): 64-bit code, a stack from the interrupt stack table or that of an
 * inner privilege, aligned to 16 bytes, and SS:RSP always pushed.
 */
static bool deliver_long(struct cpu *cpu, const struct descriptor *gate, struct descriptor *code,
			 bool inner, const struct delivery *delivery)
{
	unsigned cpl = inner ? descriptor_dpl(code) : cpu->cpl;
	uint64_t sp = cpu->reg[REG_SP];
	struct new_stack stack;

	if (delivery->ist || inner) {
		unsigned entry = delivery->ist ? TSS64_IST + delivery->ist : cpl;

		if (!tss64_stack(cpu, entry, delivery->ext, &sp))
			return false;
	}
	new_stack_wide(&stack, sp & ~(uint64_t)15, cpl, delivery->ext);
	if (!new_stack_room(cpu, &stack, 8, 5u + delivery->has_error))
		return false;
	if (!address_canonical(gate_offset(gate)))
		return cpu_raise_error(cpu, VECTOR_GP, delivery->ext);
	if (!descriptor_mark_accessed(cpu, code) ||
	    !new_stack_push(cpu, &stack, 8, cpu->seg[SEG_SS].selector) ||
	    !new_stack_push(cpu, &stack, 8, cpu->reg[REG_SP]) ||
	    !push_frame(cpu, &stack, 8, delivery))
		return false;
	if (inner)
		segment_set_null_stack(cpu, cpl);
	cpu->reg[REG_SP] = stack.sp;
	handler_enter(cpu, gate, code, cpl, delivery);
	return true;
}

/* A gate of long mode: 16 bytes, 64-bit, with an interrupt stack. */
static bool gate_read_long(struct cpu *cpu, struct delivery *delivery, bool software,
			   struct descriptor *gate)
{
	uint64_t low, high, address = cpu->idtr.base + delivery->vector * 16;
	unsigned type;

	if (delivery->vector * 16 + 15 > cpu->idtr.limit)
		return cpu_raise_error(cpu, VECTOR_GP, vector_error(delivery));
	if (!system_load(cpu, address, 8, &low) || !system_load(cpu, address + 8, 8, &high))
		return false;
	descriptor_parse(gate, (uint32_t)low, (uint32_t)(low >> 32));
	gate->upper = (uint32_t)high;
	type = descriptor_system_type(gate);
	if ((type != TYPE_INTERRUPT32 && type != TYPE_TRAP32) ||
	    (software && descriptor_dpl(gate) < cpu->cpl))
		return cpu_raise_error(cpu, VECTOR_GP, vector_error(delivery));
	if (!(gate->attributes & ATTR_P))
		return cpu_raise_error(cpu, VECTOR_NP, vector_error(delivery));
	delivery->ist = gate->high & 7;
	return true;
}

static bool gate_read(struct cpu *cpu, struct delivery *delivery, bool software,
		      struct descriptor *gate)
{
	uint64_t bytes, address = cpu->idtr.base + delivery->vector * 8;

	if (long_mode(cpu))
		return gate_read_long(cpu, delivery, software, gate);

	if (delivery->vector * 8 + 7 > cpu->idtr.limit)
		return cpu_raise_error(cpu, VECTOR_GP, vector_error(delivery));
	if (!system_load(cpu, address & cpu->linear_mask, 8, &bytes))
		return false;
	descriptor_parse(gate, (uint32_t)bytes, (uint32_t)(bytes >> 32));
	switch (descriptor_system_type(gate)) {
	case TYPE_TASK_GATE:
	case TYPE_INTERRUPT16:
	case TYPE_TRAP16:
	case TYPE_INTERRUPT32:
	case TYPE_TRAP32:
		break;
	default:
		return cpu_raise_error(cpu, VECTOR_GP, vector_error(delivery));
	}
	if (software && descriptor_dpl(gate) < cpu->cpl)
		return cpu_raise_error(cpu, VECTOR_GP, vector_error(delivery));
	if (!(gate->attributes & ATTR_P))
		return cpu_raise_error(cpu, VECTOR_NP, vector_error(delivery));
	return true;
}

static bool deliver_gate(struct cpu *cpu, const struct descriptor *gate,
			 const struct delivery *delivery)
{
	uint16_t selector = gate_selector(gate);
	struct descriptor code;
	bool conforming;
	unsigned dpl;

	if (selector_null(selector))
		return cpu_raise_error(cpu, VECTOR_GP, delivery->ext);
	if (!descriptor_read(cpu, selector, VECTOR_GP, delivery->ext, &code))
		return false;
	dpl = descriptor_dpl(&code);
	conforming = attributes_conforming(code.attributes);
	if (!attributes_code(code.attributes) || dpl > cpu->cpl ||
	    (long_mode(cpu) && (code.attributes & (ATTR_L | ATTR_DB)) != ATTR_L))
		return fault_selector(cpu, VECTOR_GP, selector, delivery->ext);
	if (!(code.attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_NP, selector, delivery->ext);
	if (cpu_v86(cpu) && (conforming || dpl != 0))
		return fault_selector(cpu, VECTOR_GP, selector, delivery->ext);
	if (long_mode(cpu))
		return deliver_long(cpu, gate, &code, !conforming && dpl < cpu->cpl, delivery);
	if (!conforming && dpl < cpu->cpl)
		return deliver_inner(cpu, gate, &code, delivery);
	return deliver_same(cpu, gate, &code, delivery);
}

bool task_finish(struct cpu *cpu, enum task_result result)
{
	if (result != TASK_FAULT_INSIDE)
		return result == TASK_DONE;
	exception_deliver(cpu);
	cpu->fault.vector = VECTOR_NONE;
	return true;
}

bool interrupt_deliver(struct cpu *cpu, uint32_t vector, enum interrupt_kind kind, bool has_error,
		       uint32_t error, uint64_t return_rip)
{
	bool software = kind == INTERRUPT_SOFTWARE || kind == INTERRUPT_INT3_INTO;
	struct delivery delivery = {
		.vector = vector, .ext = !software, .has_error = has_error, .error = error,
		.flags = flags_get(cpu), .rip = return_rip
	};
	struct descriptor gate;
	bool done;

	if (unlikely(cpu->hooked) && !hooks_delivery(cpu, vector, kind, has_error, error, return_rip))
		return true;
	if (software)
		delivery.flags &= ~(uint64_t)FLAG_RF;
	else if (sets_rf(vector, kind))
		delivery.flags |= FLAG_RF;
	if (!(cpu->cr0 & CR0_PE)) {
		done = deliver_real(cpu, &delivery);
	} else if (!gate_read(cpu, &delivery, software, &gate)) {
		done = false;
	} else if (descriptor_system_type(&gate) == TYPE_TASK_GATE) {
		enum task_result result =
			task_gate_enter(cpu, gate_selector(&gate), TASK_INTERRUPT, return_rip,
					delivery.flags, has_error, error, delivery.ext);

		/* A fault inside the new task while an event is delivered is a second one. */
		done = kind == INTERRUPT_EXCEPTION || kind == INTERRUPT_EXTERNAL ?
		       result == TASK_DONE : task_finish(cpu, result);
	} else {
		done = deliver_gate(cpu, &gate, &delivery);
	}
	if (!done)
		return false;
	if (unlikely(cpu->hooked))
		hooks_delivered(cpu);
	cpu->activity = ACTIVITY_RUNNING;
	cpu->trap_after = false;        /* INT n with TF set does not trap into its handler */
	if (vector == VECTOR_DB && kind == INTERRUPT_EXCEPTION && (cpu->dr[7] & DR7_GD)) {
		cpu->dr[7] &= ~(uint64_t)DR7_GD;
		debug_changed(cpu);
	}
	return true;
}

/*
 * INT n under CR4.VME looks at the redirection bitmap, the 32 bytes below the I/O
 * permission bitmap: bit clear, and the 8086 program's own vector table is used.
 */
bool interrupt_v86_software(struct cpu *cpu, uint32_t vector, uint64_t return_rip)
{
	const struct segment *tss = &cpu->seg[SEG_TR];
	bool trusted = cpu_iopl(cpu) == 3;

	if (cpu->cr4 & CR4_VME) {
		uint64_t map, bits, flags = flags_get(cpu) & ~(uint64_t)FLAG_RF, image = flags;
		uint32_t place;

		if ((tss->attributes & ATTR_TYPE) < TYPE_TSS32 || tss->limit < 103)
			return gp0(cpu);
		if (!load_system(cpu, (tss->base + 102) & cpu->linear_mask, 2, &map))
			return false;
		place = (uint32_t)map - 32 + vector / 8;
		if (map < 32 || place > tss->limit)
			return gp0(cpu);
		if (!load_system(cpu, (tss->base + place) & cpu->linear_mask, 1, &bits))
			return false;
		if (!(bits >> (vector & 7) & 1)) {
			if (trusted) {
				flags &= ~(uint64_t)(FLAG_TF | FLAG_IF);
			} else {
				image |= FLAG_IOPL;
				image &= ~(uint64_t)FLAG_IF;
				if (flags & FLAG_VIF)
					image |= FLAG_IF;
				flags &= ~(uint64_t)(FLAG_TF | FLAG_VIF);
			}
			return deliver_vector_table(cpu, (uint64_t)vector * 4, image, return_rip,
						    flags, 0);
		}
	}
	if (!trusted)
		return gp0(cpu);
	return interrupt_deliver(cpu, vector, INTERRUPT_SOFTWARE, false, 0, return_rip);
}

/* ---- Double and triple faults (SDM 3A table 6-5) ---------------------------------------- */

enum fault_class { CLASS_BENIGN, CLASS_CONTRIBUTORY, CLASS_PAGE_FAULT, CLASS_DOUBLE };

static enum fault_class fault_class(uint32_t vector)
{
	switch (vector) {
	case VECTOR_DE:
	case VECTOR_TS:
	case VECTOR_NP:
	case VECTOR_SS:
	case VECTOR_GP:
		return CLASS_CONTRIBUTORY;
	case VECTOR_PF:
		return CLASS_PAGE_FAULT;
	case VECTOR_DF:
		return CLASS_DOUBLE;
	default:
		return CLASS_BENIGN;
	}
}

void exception_deliver(struct cpu *cpu)
{
	exception_note(cpu, false);
	for (;;) {
		enum fault_class first = fault_class(cpu->fault.vector), second;

		if (interrupt_deliver(cpu, cpu->fault.vector, INTERRUPT_EXCEPTION,
				      cpu->fault.has_error, cpu->fault.error, cpu->rip))
			return;
		exception_note(cpu, true);
		second = fault_class(cpu->fault.vector);
		if (first == CLASS_DOUBLE && second != CLASS_BENIGN) {
			cpu_shutdown(cpu);
			return;
		}
		if ((first == CLASS_CONTRIBUTORY && second == CLASS_CONTRIBUTORY) ||
		    (first == CLASS_PAGE_FAULT && second != CLASS_BENIGN)) {
			cpu_raise_error(cpu, VECTOR_DF, 0);
			exception_note(cpu, true);
		}
	}
}

/* ---- IRET ----------------------------------------------------------------------------------- */

/* Replaces the bits of EFLAGS in mask by those of image. */
static void flags_replace(struct cpu *cpu, uint64_t image, uint64_t mask)
{
	mask &= flags_writable(cpu);
	flags_set(cpu, (flags_get(cpu) & ~mask) | (image & mask));
}

static uint64_t return_flags_mask(const struct cpu *cpu, unsigned width)
{
	uint64_t mask = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT;

	if (width > 2)
		mask |= FLAG_RF | FLAG_AC | FLAG_ID;
	if (cpu->cpl <= cpu_iopl(cpu))
		mask |= FLAG_IF;
	if (cpu->cpl == 0)
		mask |= FLAG_IOPL | (width > 2 ? FLAG_VIF | FLAG_VIP : 0);
	return mask;
}

static bool return_real(struct cpu *cpu, unsigned width, uint64_t offset, uint16_t cs, uint64_t image)
{
	uint64_t mask = FLAGS_ARITHMETIC | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_NT;
	uint32_t attributes = cpu->seg[SEG_SS].attributes;
	bool virtual_if = false;

	if (width > 2)
		mask |= FLAG_RF | FLAG_AC | FLAG_ID;
	if (!cpu_v86(cpu)) {
		mask |= FLAG_IOPL;
	} else if (cpu_iopl(cpu) < 3) {
		/* Only here with CR4.VME and 16 bits: VIF stands for IF. */
		if (((cpu->eflags & FLAG_VIP) && (image & FLAG_IF)) || (image & FLAG_TF))
			return gp0(cpu);
		mask &= ~(uint64_t)FLAG_IF;
		virtual_if = true;
	}
	if (offset > cpu->seg[SEG_CS].limit)
		return gp0(cpu);
	stack_pointer_set(cpu, attributes, cpu->reg[REG_SP] + 3 * width);
	if (virtual_if) {
		image |= image & FLAG_IF ? FLAG_VIF : 0;
		mask |= FLAG_VIF;
	}
	flags_replace(cpu, image, mask);
	if (width == 2)
		cpu->eflags &= ~(uint64_t)FLAG_RF;
	segment_load_real(cpu, SEG_CS, cs);
	cpu->rip = offset;
	cpu_mode_changed(cpu);
	return true;
}

static bool return_to_v86(struct cpu *cpu, uint64_t offset, uint16_t cs, uint64_t image)
{
	static const uint8_t order[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
	uint64_t sp, ss, selector[4];

	if (!stack_peek(cpu, 12, 4, &sp) || !stack_peek(cpu, 16, 4, &ss))
		return false;
	for (unsigned n = 0; n < 4; n++)
		if (!stack_peek(cpu, 20 + 4 * n, 4, &selector[n]))
			return false;
	if (offset > 0xffff)
		return gp0(cpu);
	flags_set(cpu, image & flags_writable(cpu));
	segment_set_v86(cpu, SEG_CS, cs);
	segment_set_v86(cpu, SEG_SS, (uint16_t)ss);
	for (unsigned n = 0; n < 4; n++)
		segment_set_v86(cpu, order[n], (uint16_t)selector[n]);
	set_reg32(cpu, REG_SP, (uint32_t)sp);
	cpu->rip = offset;
	cpu->cpl = 3;
	cpu_mode_changed(cpu);
	return true;
}

static bool return_protected(struct cpu *cpu, unsigned width, uint64_t offset, uint16_t selector,
			     uint64_t image)
{
	uint64_t sp, ss, mask = return_flags_mask(cpu, width);
	struct descriptor code, stack;
	unsigned rpl = selector & 3;

	if (!return_code_read(cpu, selector, &code))
		return false;
	/* In 64-bit mode SS:RSP is always popped. */
	if (rpl == cpu->cpl && !mode_64(cpu)) {
		if (!code_offset_valid(cpu, &code, offset))
			return gp0(cpu);
		if (!descriptor_mark_accessed(cpu, &code))
			return false;
		stack_pointer_set(cpu, cpu->seg[SEG_SS].attributes, cpu->reg[REG_SP] + 3 * width);
	} else {
		if (!stack_peek(cpu, 3 * width, width, &sp) ||
		    !stack_peek(cpu, 4 * width, width, &ss) ||
		    !return_stack_read(cpu, (uint16_t)ss, rpl, code_is_64(cpu, &code), &stack))
			return false;
		if (!code_offset_valid(cpu, &code, offset))
			return gp0(cpu);
		if (!descriptor_mark_accessed(cpu, &code) || !descriptor_mark_accessed(cpu, &stack))
			return false;
		return_stack_set(cpu, (uint16_t)ss, rpl, &stack, code_is_64(cpu, &code), sp);
	}
	flags_replace(cpu, image, mask);
	if (width == 2)
		cpu->eflags &= ~(uint64_t)FLAG_RF;
	if (rpl > cpu->cpl) {
		segment_set_code(cpu, selector, &code, rpl);
		segments_drop_inner(cpu);
	} else {
		segment_set_code(cpu, selector, &code, rpl);
	}
	cpu->rip = offset;
	cpu_mode_changed(cpu);
	return true;
}

bool interrupt_return(struct cpu *cpu, unsigned width)
{
	bool v86 = cpu_v86(cpu);
	uint64_t offset, cs, image;

	/* Even an IRET that faults lets NMIs in again (SDM 3A 6.7.1). */
	cpu->nmi_blocked = 0;
	if (v86 && cpu_iopl(cpu) < 3 && !((cpu->cr4 & CR4_VME) && width == 2))
		return gp0(cpu);
	if (long_mode(cpu) && (cpu->eflags & FLAG_NT))
		return gp0(cpu);
	if (cpu_protected(cpu) && (cpu->eflags & FLAG_NT))
		return task_finish(cpu, task_return(cpu, cpu->rip));
	if (!stack_peek(cpu, 0, width, &offset) || !stack_peek(cpu, width, width, &cs) ||
	    !stack_peek(cpu, 2 * width, width, &image))
		return false;
	if (cpu_real_or_v86(cpu))
		return return_real(cpu, width, offset, (uint16_t)cs, image);
	if (width > 2 && (image & FLAG_VM) && cpu->cpl == 0 && !long_mode(cpu))
		return return_to_v86(cpu, offset, (uint16_t)cs, image);
	return return_protected(cpu, width, offset, (uint16_t)cs, image);
}
