/*
 * Far JMP, CALL and RET: through code segments, call gates, task gates and task state
 * segments.  SDM 2A and 2B under these names, SDM 3A 5.8 and 7.3.
 */
#include "system.h"

static uint64_t width_mask(unsigned width)
{
	return width == 2 ? 0xffffu : width == 4 ? 0xffffffffu : UINT64_MAX;
}

static bool gp0(struct cpu *cpu)
{
	return cpu_raise_error(cpu, VECTOR_GP, 0);
}

/* Is offset one of the segment's (#GP(0))? */
static bool code_offset_check(struct cpu *cpu, const struct descriptor *d, uint64_t offset)
{
	return code_offset_valid(cpu, d, offset) || gp0(cpu);
}

static void code_enter(struct cpu *cpu, uint16_t selector, const struct descriptor *d, unsigned cpl,
		       uint64_t offset)
{
	segment_set_code(cpu, selector, d, cpl);
	cpu->rip = offset;
	cpu_mode_changed(cpu);
}

static void code_enter_real(struct cpu *cpu, uint16_t selector, uint64_t offset)
{
	segment_load_real(cpu, SEG_CS, selector);
	cpu->rip = offset;
	cpu_mode_changed(cpu);
}

/* A code segment as the target of a JMP or CALL without a gate; CPL stays. */
static bool code_direct_check(struct cpu *cpu, uint16_t selector, const struct descriptor *d)
{
	unsigned dpl = descriptor_dpl(d);

	if (code_size_is_bad(cpu, d))
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	if (attributes_conforming(d->attributes)) {
		if (dpl > cpu->cpl)
			return fault_selector(cpu, VECTOR_GP, selector, 0);
	} else if ((selector & 3u) > cpu->cpl || dpl != cpu->cpl) {
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	}
	return (d->attributes & ATTR_P) || fault_selector(cpu, VECTOR_NP, selector, 0);
}

/* What JMP and CALL ask of every gate and TSS: DPL against CPL and RPL, then P. */
static bool gate_check(struct cpu *cpu, uint16_t selector, const struct descriptor *d)
{
	unsigned dpl = descriptor_dpl(d);

	if (dpl < cpu->cpl || dpl < (selector & 3u))
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	return (d->attributes & ATTR_P) || fault_selector(cpu, VECTOR_NP, selector, 0);
}

/* The code segment that a call gate leads to. */
static bool gate_code_read(struct cpu *cpu, uint16_t selector, struct descriptor *d)
{
	if (selector_null(selector))
		return gp0(cpu);
	if (!descriptor_read(cpu, selector, VECTOR_GP, 0, d))
		return false;
	if (!attributes_code(d->attributes) || descriptor_dpl(d) > cpu->cpl)
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	/* All gates of long mode lead to 64-bit code. */
	if (long_mode(cpu) && (d->attributes & (ATTR_L | ATTR_DB)) != ATTR_L)
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	return true;
}

/* JMP or CALL to a task gate or TSS; *system tells whether it was one of these. */
static bool far_task(struct cpu *cpu, uint16_t selector, struct descriptor *d, enum task_switch why,
		     uint64_t next_rip)
{
	unsigned type = descriptor_system_type(d);
	uint64_t flags = flags_get(cpu) & ~(uint64_t)FLAG_RF;
	enum task_result result;

	if (type == TYPE_TASK_GATE) {
		if (!gate_check(cpu, selector, d))
			return false;
		result = task_gate_enter(cpu, gate_selector(d), why, next_rip, flags, false, 0, 0);
	} else {
		unsigned dpl = descriptor_dpl(d);

		if (dpl < cpu->cpl || dpl < (selector & 3u) || (type & TYPE_TSS_BUSY_BIT))
			return fault_selector(cpu, VECTOR_GP, selector, 0);
		if (!(d->attributes & ATTR_P))
			return fault_selector(cpu, VECTOR_NP, selector, 0);
		result = task_switch_to(cpu, selector, d, why, next_rip, flags, false, 0, 0);
	}
	return task_finish(cpu, result);
}

/* Long mode has neither tasks nor gates of 16 bits. */
static bool type_is_call_gate(const struct cpu *cpu, unsigned type)
{
	return type == TYPE_CALL32 || (type == TYPE_CALL16 && !long_mode(cpu));
}

static bool type_is_task(const struct cpu *cpu, unsigned type)
{
	if (long_mode(cpu))
		return false;
	return type == TYPE_TASK_GATE || (type & ~(unsigned)(TYPE_32_BIT | TYPE_TSS_BUSY_BIT)) == 1;
}

bool far_jump(struct cpu *cpu, uint16_t selector, uint64_t offset, unsigned width)
{
	struct descriptor d;
	uint64_t next_rip = cpu->rip;   /* the handler put it after the instruction, for tasks */
	unsigned type;

	offset &= width_mask(width);
	if (cpu_real_or_v86(cpu)) {
		if (offset > (cpu_v86(cpu) ? 0xffffu : cpu->seg[SEG_CS].limit))
			return gp0(cpu);
		code_enter_real(cpu, selector, offset);
		return true;
	}
	if (selector_null(selector))
		return gp0(cpu);
	if (!descriptor_read(cpu, selector, VECTOR_GP, 0, &d))
		return false;
	if (attributes_code(d.attributes)) {
		if (!code_direct_check(cpu, selector, &d) || !code_offset_check(cpu, &d, offset) ||
		    !descriptor_mark_accessed(cpu, &d))
			return false;
		code_enter(cpu, selector, &d, cpu->cpl, offset);
		return true;
	}
	type = descriptor_system_type(&d);
	if (type_is_task(cpu, type))
		return far_task(cpu, selector, &d, TASK_JUMP, next_rip);
	if (!type_is_call_gate(cpu, type))
		return fault_selector(cpu, VECTOR_GP, selector, 0);

	if (!gate_check(cpu, selector, &d) || !descriptor_read_upper(cpu, selector, &d))
		return false;
	offset = gate_offset(&d);
	selector = gate_selector(&d);
	if (!gate_code_read(cpu, selector, &d))
		return false;
	if (!attributes_conforming(d.attributes) && descriptor_dpl(&d) != cpu->cpl)
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	if (!(d.attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_NP, selector, 0);
	if (!code_offset_check(cpu, &d, offset) || !descriptor_mark_accessed(cpu, &d))
		return false;
	code_enter(cpu, selector, &d, cpu->cpl, offset);
	return true;
}

/* Pushes CS and the return address on the stack as it is; SP changes with success. */
static bool push_return(struct cpu *cpu, struct new_stack *stack, unsigned width, uint64_t rip)
{
	return new_stack_push(cpu, stack, width, cpu->seg[SEG_CS].selector) &&
	       new_stack_push(cpu, stack, width, rip);
}

/* CALL that keeps CPL, to a code segment that is checked. */
static bool call_same(struct cpu *cpu, uint16_t selector, struct descriptor *d, uint64_t offset,
		      unsigned width, uint64_t next_rip)
{
	struct new_stack stack;

	/* From 64-bit mode to a narrower one the pushes are the new mode's, as silicon has it. */
	if (mode_64(cpu) && !code_is_64(cpu, d) && (cpu->seg[SEG_SS].attributes & ATTR_P))
		new_stack_segment(cpu, &stack, 0);
	else
		new_stack_current(cpu, &stack, 0);
	if (!new_stack_room(cpu, &stack, width, 2) || !code_offset_check(cpu, d, offset) ||
	    !descriptor_mark_accessed(cpu, d) || !push_return(cpu, &stack, width, next_rip))
		return false;
	if (stack.wide)
		cpu->reg[REG_SP] = stack.sp;
	else
		stack_pointer_set(cpu, stack.attributes, stack.sp);
	code_enter(cpu, selector, d, cpu->cpl, offset);
	return true;
}

/* CALL through a gate to an inner privilege: a stack from the TSS, parameters copied. */
static bool call_inner(struct cpu *cpu, uint16_t selector, struct descriptor *d, uint64_t offset,
		       unsigned width, unsigned parameters, uint64_t next_rip)
{
	const struct segment *old = &cpu->seg[SEG_SS];
	uint64_t old_mask = stack_mask(old->attributes);
	unsigned cpl = descriptor_dpl(d);
	uint64_t parameter[31];
	struct descriptor ss;
	struct new_stack stack;
	uint16_t ss_selector;

	if (!new_stack_from_tss(cpu, cpl, 0, &stack, &ss_selector, &ss) ||
	    !new_stack_room(cpu, &stack, width, 4 + parameters) ||
	    !code_offset_check(cpu, d, offset))
		return false;
	for (unsigned n = 0; n < parameters; n++) {
		uint64_t linear, from = (cpu->reg[REG_SP] + n * width) & old_mask;

		if (!segment_linear(cpu, SEG_SS, from, width, false, &linear) ||
		    !load_width(cpu, NULL, linear, width, &parameter[n]))
			return false;
	}
	if (!descriptor_mark_accessed(cpu, d) || !descriptor_mark_accessed(cpu, &ss))
		return false;
	if (!new_stack_push(cpu, &stack, width, old->selector) ||
	    !new_stack_push(cpu, &stack, width, cpu->reg[REG_SP]))
		return false;
	for (unsigned n = parameters; n-- > 0; )
		if (!new_stack_push(cpu, &stack, width, parameter[n]))
			return false;
	if (!push_return(cpu, &stack, width, next_rip))
		return false;
	segment_set(cpu, SEG_SS, (uint16_t)((ss_selector & ~3u) | cpl), &ss);
	stack_pointer_set(cpu, ss.attributes, stack.sp);
	code_enter(cpu, selector, d, cpl, offset);
	return true;
}

/* The same in long mode: a stack without a segment, no parameters. */
static bool call_inner_64(struct cpu *cpu, uint16_t selector, struct descriptor *d, uint64_t offset,
			  uint64_t next_rip)
{
	unsigned cpl = descriptor_dpl(d);
	struct new_stack stack;
	uint64_t sp;

	if (!tss64_stack(cpu, cpl, 0, &sp))
		return false;
	new_stack_wide(&stack, sp, cpl, 0);
	if (!new_stack_room(cpu, &stack, 8, 4) || !code_offset_check(cpu, d, offset) ||
	    !descriptor_mark_accessed(cpu, d) ||
	    !new_stack_push(cpu, &stack, 8, cpu->seg[SEG_SS].selector) ||
	    !new_stack_push(cpu, &stack, 8, cpu->reg[REG_SP]) ||
	    !push_return(cpu, &stack, 8, next_rip))
		return false;
	segment_set_null_stack(cpu, cpl);
	cpu->reg[REG_SP] = stack.sp;
	code_enter(cpu, selector, d, cpl, offset);
	return true;
}

/* And one that keeps CPL: from compatibility mode, too. */
static bool call_same_64(struct cpu *cpu, uint16_t selector, struct descriptor *d, uint64_t offset,
			 uint64_t next_rip)
{
	struct new_stack stack;

	new_stack_wide(&stack, cpu->reg[REG_SP], cpu->cpl, 0);
	if (!new_stack_room(cpu, &stack, 8, 2) || !code_offset_check(cpu, d, offset) ||
	    !descriptor_mark_accessed(cpu, d) || !push_return(cpu, &stack, 8, next_rip))
		return false;
	cpu->reg[REG_SP] = stack.sp;
	code_enter(cpu, selector, d, cpu->cpl, offset);
	return true;
}

static bool call_gate(struct cpu *cpu, uint16_t selector, struct descriptor *gate, uint64_t next_rip)
{
	unsigned width = gate->attributes & TYPE_32_BIT ? 4 : 2;
	uint16_t code_selector = gate_selector(gate);
	struct descriptor d;
	uint64_t offset;
	bool inner;

	if (!gate_check(cpu, selector, gate) || !descriptor_read_upper(cpu, selector, gate) ||
	    !gate_code_read(cpu, code_selector, &d))
		return false;
	offset = gate_offset(gate);
	if (!(d.attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_NP, code_selector, 0);
	inner = !attributes_conforming(d.attributes) && descriptor_dpl(&d) < cpu->cpl;
	if (long_mode(cpu))
		return inner ? call_inner_64(cpu, code_selector, &d, offset, next_rip)
			     : call_same_64(cpu, code_selector, &d, offset, next_rip);
	if (inner)
		return call_inner(cpu, code_selector, &d, offset, width, gate->high & 31, next_rip);
	return call_same(cpu, code_selector, &d, offset, width, next_rip);
}

static bool call_real(struct cpu *cpu, uint16_t selector, uint64_t offset, unsigned width,
		      uint64_t next_rip)
{
	struct new_stack stack;

	new_stack_current(cpu, &stack, 0);
	if (!new_stack_room(cpu, &stack, width, 2))
		return false;
	if (offset > (cpu_v86(cpu) ? 0xffffu : cpu->seg[SEG_CS].limit))
		return gp0(cpu);
	if (!push_return(cpu, &stack, width, next_rip))
		return false;
	stack_pointer_set(cpu, stack.attributes, stack.sp);
	code_enter_real(cpu, selector, offset);
	return true;
}

bool far_call(struct cpu *cpu, uint16_t selector, uint64_t offset, unsigned width, uint64_t next_rip)
{
	struct descriptor d;
	unsigned type;

	offset &= width_mask(width);
	if (cpu_real_or_v86(cpu))
		return call_real(cpu, selector, offset, width, next_rip);
	if (selector_null(selector))
		return gp0(cpu);
	if (!descriptor_read(cpu, selector, VECTOR_GP, 0, &d))
		return false;
	if (attributes_code(d.attributes))
		return code_direct_check(cpu, selector, &d) &&
		       call_same(cpu, selector, &d, offset, width, next_rip);
	type = descriptor_system_type(&d);
	if (type_is_task(cpu, type))
		return far_task(cpu, selector, &d, TASK_CALL, next_rip);
	if (!type_is_call_gate(cpu, type))
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	return call_gate(cpu, selector, &d, next_rip);
}

/* The return address of RETF and IRET: a code segment of this or an outer privilege. */
bool return_code_read(struct cpu *cpu, uint16_t selector, struct descriptor *d)
{
	unsigned rpl = selector & 3, dpl;

	if (selector_null(selector))
		return gp0(cpu);
	if (!descriptor_read(cpu, selector, VECTOR_GP, 0, d))
		return false;
	dpl = descriptor_dpl(d);
	if (!attributes_code(d->attributes) || rpl < cpu->cpl || code_size_is_bad(cpu, d) ||
	    (attributes_conforming(d->attributes) ? dpl > rpl : dpl != rpl))
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	return (d->attributes & ATTR_P) || fault_selector(cpu, VECTOR_NP, selector, 0);
}

/* The stack that RETF and IRET to an outer privilege go back to. */
bool return_stack_read(struct cpu *cpu, uint16_t selector, unsigned rpl, bool to_64, struct descriptor *d)
{
	if (selector_null(selector)) {
		/* Only 64-bit code of privileges 0 to 2 does without. */
		if (!to_64 || rpl == 3 || (selector & 3u) != rpl)
			return gp0(cpu);
		*d = (struct descriptor){ .attributes = (uint16_t)(ATTR_ACCESSED | rpl << ATTR_DPL_SHIFT) };
		return true;
	}
	if (!descriptor_read(cpu, selector, VECTOR_GP, 0, d))
		return false;
	if ((selector & 3u) != rpl || !attributes_writable(d->attributes) || descriptor_dpl(d) != rpl)
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	return (d->attributes & ATTR_P) || fault_selector(cpu, VECTOR_SS, selector, 0);
}

/* Reads the item at a distance above the top of the stack. */
bool stack_peek(struct cpu *cpu, unsigned distance, unsigned width, uint64_t *value)
{
	uint64_t linear = cpu->reg[REG_SP] + distance;

	if (mode_64(cpu)) {
		if (!segment_linear(cpu, SEG_SS, linear, width, false, &linear))
			return false;
	} else if (cpu->mode & MODE_FLAT) {
		linear = (uint32_t)linear;
	} else if (!segment_linear(cpu, SEG_SS, linear & stack_mask(cpu->seg[SEG_SS].attributes), width,
				 false, &linear)) {
		return false;
	}
	return load_width(cpu, NULL, linear, width, value);
}

/* SS and the stack pointer after a return to an outer privilege, or any by IRET in 64-bit mode. */
void return_stack_set(struct cpu *cpu, uint16_t selector, unsigned rpl, const struct descriptor *d,
		      bool to_64, uint64_t sp)
{
	if (selector_null(selector))
		segment_set_null_stack(cpu, rpl);
	else
		segment_set(cpu, SEG_SS, selector, d);
	if (to_64)
		cpu->reg[REG_SP] = sp;
	else
		stack_pointer_set(cpu, d->attributes, sp);
}

bool far_return(struct cpu *cpu, unsigned width, uint16_t pop_bytes)
{
	uint64_t offset, cs, sp, ss, mask = current_stack_mask(cpu);
	struct descriptor code, stack;
	uint16_t selector;
	unsigned rpl;

	if (!stack_peek(cpu, 0, width, &offset) || !stack_peek(cpu, width, width, &cs))
		return false;
	selector = (uint16_t)cs;
	if (cpu_real_or_v86(cpu)) {
		if (offset > (cpu_v86(cpu) ? 0xffffu : cpu->seg[SEG_CS].limit))
			return gp0(cpu);
		stack_pointer_set(cpu, cpu->seg[SEG_SS].attributes,
				  (cpu->reg[REG_SP] + 2 * width + pop_bytes) & mask);
		code_enter_real(cpu, selector, offset);
		return true;
	}
	if (!return_code_read(cpu, selector, &code))
		return false;
	rpl = selector & 3;
	if (rpl == cpu->cpl) {
		if (!code_offset_check(cpu, &code, offset) || !descriptor_mark_accessed(cpu, &code))
			return false;
		stack_pointer_move(cpu, (cpu->reg[REG_SP] + 2 * width + pop_bytes) & mask);
		code_enter(cpu, selector, &code, rpl, offset);
		return true;
	}
	if (!stack_peek(cpu, 2 * width + pop_bytes, width, &sp) ||
	    !stack_peek(cpu, 3 * width + pop_bytes, width, &ss) ||
	    !return_stack_read(cpu, (uint16_t)ss, rpl, code_is_64(cpu, &code), &stack) ||
	    !code_offset_check(cpu, &code, offset) ||
	    !descriptor_mark_accessed(cpu, &code) || !descriptor_mark_accessed(cpu, &stack))
		return false;
	return_stack_set(cpu, (uint16_t)ss, rpl, &stack, code_is_64(cpu, &code), sp + pop_bytes);
	segment_set_code(cpu, selector, &code, rpl);
	segments_drop_inner(cpu);
	cpu->rip = offset;
	cpu_mode_changed(cpu);
	return true;
}
