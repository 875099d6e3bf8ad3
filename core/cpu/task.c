/*
 * Hardware tasks: the switch, task gates, nested returns, and the I/O permission bitmap.
 * SDM 3A chapter 7, SDM 1 chapter 19.
 *
 * Faults that are met before the old task's state is saved belong to the old task and
 * change nothing; later ones belong to the new task.
 */
#include "system.h"

/* Offsets in a TSS of 32 and of 16 bits. */
struct layout {
	uint8_t limit;                  /* the smallest one that will do */
	uint8_t saved_last;             /* last byte that a switch writes */
	uint8_t width, ip, flags, registers, segments, segment_step, segment_count, ldt;
};
static const struct layout layout32 = { 0x67, 0x5f, 4, 32, 36, 40, 72, 4, 6, 96 };
static const struct layout layout16 = { 0x2b, 0x29, 2, 14, 16, 18, 34, 2, 4, 42 };

enum { TSS_CR3 = 28, TSS_TRAP = 100, TSS_IO_MAP = 102 };

/* The state that a TSS holds. */
struct task {
	uint64_t cr3, ip, flags, reg[8], selector[6], ldt, trap;
};

static const struct layout *layout_of(uint32_t attributes)
{
	return attributes & TYPE_32_BIT ? &layout32 : &layout16;
}

static bool gp0(struct cpu *cpu)
{
	return cpu_raise_error(cpu, VECTOR_GP, 0);
}

static bool tss_read(struct cpu *cpu, uint64_t base, unsigned at, unsigned width, uint64_t *value)
{
	return load_system(cpu, system_linear(cpu, base + at), width, value);
}

static bool tss_write(struct cpu *cpu, uint64_t base, unsigned at, unsigned width, uint64_t value)
{
	return store_system(cpu, system_linear(cpu, base + at), width, value);
}

/* Can the bytes from first to last be accessed?  (They lie in two pages at most.) */
static bool reachable(struct cpu *cpu, uint64_t first, uint64_t last, enum access access)
{
	uint64_t physical;

	return page_translate(cpu, first & cpu->linear_mask, access, false, &physical) &&
	       page_translate(cpu, last & cpu->linear_mask, access, false, &physical);
}

static uint64_t current_descriptor(const struct cpu *cpu)
{
	return cpu->gdtr.base + (cpu->seg[SEG_TR].selector & 0xfff8u);
}

/* Everything that can fail while the old task still owns the fault. */
static bool switch_check(struct cpu *cpu, uint16_t selector, const struct descriptor *d,
			 const struct layout *to, enum task_switch why, uint32_t ext)
{
	const struct segment *old = &cpu->seg[SEG_TR];
	const struct layout *from = layout_of(old->attributes);
	uint64_t own = current_descriptor(cpu) + 5;
	bool nested = why == TASK_CALL || why == TASK_INTERRUPT;

	if (d->limit < to->limit)
		return fault_selector(cpu, VECTOR_TS, selector, ext);
	if (old->limit < from->saved_last)
		return fault_selector(cpu, VECTOR_TS, old->selector, ext);
	if (!reachable(cpu, d->base, d->base + to->limit, ACCESS_READ) ||
	    !reachable(cpu, old->base + from->ip, old->base + from->saved_last, ACCESS_WRITE))
		return false;
	if (nested && !reachable(cpu, d->base, d->base + 1, ACCESS_WRITE))
		return false;
	if (why != TASK_IRET && !reachable(cpu, d->address + 5, d->address + 5, ACCESS_WRITE))
		return false;
	return nested || reachable(cpu, own, own, ACCESS_WRITE);
}

static bool old_state_save(struct cpu *cpu, uint64_t next_rip, uint64_t flags)
{
	const struct segment *tss = &cpu->seg[SEG_TR];
	const struct layout *layout = layout_of(tss->attributes);
	unsigned width = layout->width;

	if (!tss_write(cpu, tss->base, layout->ip, width, next_rip) ||
	    !tss_write(cpu, tss->base, layout->flags, width, flags))
		return false;
	for (unsigned n = 0; n < 8; n++)
		if (!tss_write(cpu, tss->base, layout->registers + n * width, width, cpu->reg[n]))
			return false;
	for (unsigned n = 0; n < layout->segment_count; n++)
		if (!tss_write(cpu, tss->base, layout->segments + n * layout->segment_step, 2,
			       cpu->seg[n].selector))
			return false;
	return true;
}

static bool new_state_read(struct cpu *cpu, uint64_t base, const struct layout *layout, struct task *task)
{
	unsigned width = layout->width;

	memset(task, 0, sizeof(*task));
	if (!tss_read(cpu, base, layout->ip, width, &task->ip) ||
	    !tss_read(cpu, base, layout->flags, width, &task->flags) ||
	    !tss_read(cpu, base, layout->ldt, 2, &task->ldt))
		return false;
	for (unsigned n = 0; n < 8; n++) {
		if (!tss_read(cpu, base, layout->registers + n * width, width, &task->reg[n]))
			return false;
		if (width == 2)
			task->reg[n] |= 0xffff0000u;
	}
	for (unsigned n = 0; n < layout->segment_count; n++)
		if (!tss_read(cpu, base, layout->segments + n * layout->segment_step, 2,
			      &task->selector[n]))
			return false;
	return width == 2 || (tss_read(cpu, base, TSS_CR3, 4, &task->cr3) &&
			      tss_read(cpu, base, TSS_TRAP, 2, &task->trap));
}

/* Sets or clears the busy bit of the TSS descriptor at this address. */
static bool busy_write(struct cpu *cpu, uint64_t address, bool busy)
{
	uint64_t at = (address + 5) & cpu->linear_mask, byte;

	if (!load_system(cpu, at, 1, &byte))
		return false;
	byte = busy ? byte | TYPE_TSS_BUSY_BIT : byte & ~(uint64_t)TYPE_TSS_BUSY_BIT;
	return store_system(cpu, at, 1, byte);
}

/* ---- In the new task ------------------------------------------------------------------------ */

static bool new_ldt_load(struct cpu *cpu, uint16_t selector, uint32_t ext)
{
	struct descriptor d;

	segment_set_null(cpu, SEG_LDTR, selector);
	if (selector_null(selector))
		return true;
	if (selector & 4)
		return fault_selector(cpu, VECTOR_TS, selector, ext);
	if (!descriptor_read(cpu, selector, VECTOR_TS, ext, &d))
		return false;
	if (descriptor_system_type(&d) != TYPE_LDT || !(d.attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_TS, selector, ext);
	segment_set(cpu, SEG_LDTR, selector, &d);
	return true;
}

static bool new_code_load(struct cpu *cpu, uint16_t selector, uint32_t ext)
{
	struct descriptor d;
	unsigned rpl = selector & 3;

	if (selector_null(selector))
		return fault_selector(cpu, VECTOR_TS, selector, ext);
	if (!descriptor_read(cpu, selector, VECTOR_TS, ext, &d))
		return false;
	if (!attributes_code(d.attributes) ||
	    (attributes_conforming(d.attributes) ? descriptor_dpl(&d) > rpl : descriptor_dpl(&d) != rpl))
		return fault_selector(cpu, VECTOR_TS, selector, ext);
	if (!(d.attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_NP, selector, ext);
	if (!descriptor_mark_accessed(cpu, &d))
		return false;
	segment_set_code(cpu, selector, &d, rpl);
	return true;
}

static bool new_stack_load(struct cpu *cpu, uint16_t selector, unsigned cpl, uint32_t ext)
{
	struct descriptor d;

	if (selector_null(selector))
		return fault_selector(cpu, VECTOR_TS, selector, ext);
	if (!descriptor_read(cpu, selector, VECTOR_TS, ext, &d))
		return false;
	if (!attributes_writable(d.attributes) || descriptor_dpl(&d) != cpl || (selector & 3u) != cpl)
		return fault_selector(cpu, VECTOR_TS, selector, ext);
	if (!(d.attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_SS, selector, ext);
	if (!descriptor_mark_accessed(cpu, &d))
		return false;
	segment_set(cpu, SEG_SS, selector, &d);
	return true;
}

static bool new_data_load(struct cpu *cpu, unsigned which, uint16_t selector, unsigned cpl, uint32_t ext)
{
	struct descriptor d;

	if (selector_null(selector))
		return true;
	if (!data_segment_check(cpu, selector, cpl, VECTOR_TS, ext, &d) ||
	    !descriptor_mark_accessed(cpu, &d))
		return false;
	segment_set(cpu, which, selector, &d);
	return true;
}

static bool new_segments_load(struct cpu *cpu, const struct task *task, uint32_t ext)
{
	static const uint8_t data[] = { SEG_DS, SEG_ES, SEG_FS, SEG_GS };
	unsigned cpl = task->selector[SEG_CS] & 3;

	if (!new_ldt_load(cpu, (uint16_t)task->ldt, ext))
		return false;
	if (cpu->eflags & FLAG_VM)
		return true;
	if (!new_code_load(cpu, (uint16_t)task->selector[SEG_CS], ext) ||
	    !new_stack_load(cpu, (uint16_t)task->selector[SEG_SS], cpl, ext))
		return false;
	for (unsigned n = 0; n < sizeof(data); n++)
		if (!new_data_load(cpu, data[n], (uint16_t)task->selector[data[n]], cpl, ext))
			return false;
	return true;
}

/*
 * Registers, flags and selectors of the new task.  Segments are not usable until their
 * descriptors are loaded; SS already has the privilege, which CPL is taken from.
 */
static void new_state_set(struct cpu *cpu, const struct task *task)
{
	bool v86 = task->flags & FLAG_VM;

	flags_set(cpu, task->flags);
	cpu->rip = task->ip;
	for (unsigned n = 0; n < 8; n++)
		set_reg32(cpu, (uint8_t)n, (uint32_t)task->reg[n]);
	for (unsigned n = 0; n < 6; n++) {
		if (v86)
			segment_set_v86(cpu, n, (uint16_t)task->selector[n]);
		else
			segment_set_null(cpu, n, (uint16_t)task->selector[n]);
	}
	if (!v86)
		cpu->seg[SEG_SS].attributes =
			(uint16_t)((task->selector[SEG_CS] & 3) << ATTR_DPL_SHIFT);
	/* Local breakpoints belong to the task that is left. */
	cpu->dr[7] &= ~(uint64_t)0x155;
	cpu->cr0 |= CR0_TS;
	debug_changed(cpu);
}

static bool new_cr3_set(struct cpu *cpu, uint64_t cr3)
{
	if (!(cpu->cr0 & CR0_PG))
		return true;
	return control_write(cpu, 3, cr3);
}

static bool error_push(struct cpu *cpu, unsigned width, uint32_t error, uint32_t ext)
{
	struct new_stack stack;

	new_stack_current(cpu, &stack, ext);
	if (!new_stack_room(cpu, &stack, width, 1) || !new_stack_push(cpu, &stack, width, error))
		return false;
	stack_pointer_set(cpu, stack.attributes, stack.sp);
	return true;
}

enum task_result task_switch_to(struct cpu *cpu, uint16_t selector, struct descriptor *d,
				enum task_switch why, uint64_t next_rip, uint64_t old_flags,
				bool has_error, uint32_t error, uint32_t ext)
{
	const struct layout *layout = layout_of(d->attributes);
	bool nested = why == TASK_CALL || why == TASK_INTERRUPT, loaded;
	struct task task;

	if (!switch_check(cpu, selector, d, layout, why, ext))
		return TASK_FAULT;
	if (!nested && !busy_write(cpu, current_descriptor(cpu), false))
		return TASK_FAULT;
	if (why == TASK_IRET)
		old_flags &= ~(uint64_t)FLAG_NT;
	if (!old_state_save(cpu, next_rip, old_flags))
		return TASK_FAULT;
	if (nested && !tss_write(cpu, d->base, 0, 2, cpu->seg[SEG_TR].selector))
		return TASK_FAULT;
	if (why != TASK_IRET && !busy_write(cpu, d->address, true))
		return TASK_FAULT;
	if (!new_state_read(cpu, d->base, layout, &task))
		return TASK_FAULT;

	d->attributes |= TYPE_TSS_BUSY_BIT;
	segment_set(cpu, SEG_TR, selector, d);
	task.flags &= flags_writable(cpu);
	if (nested)
		task.flags |= FLAG_NT;
	new_state_set(cpu, &task);
	/* The LDT and all segments are looked up in the new address space. */
	loaded = (layout->width == 2 || new_cr3_set(cpu, task.cr3)) &&
		 new_segments_load(cpu, &task, ext);
	cpu_mode_changed(cpu);
	if (!loaded)
		return TASK_FAULT_INSIDE;
	if (task.trap & 1)
		cpu->pending_dr6 |= DR6_BT;
	if (has_error && !error_push(cpu, layout->width, error, ext))
		return TASK_FAULT_INSIDE;
	if (task.ip > cpu->seg[SEG_CS].limit) {
		cpu_raise_error(cpu, VECTOR_GP, ext);
		return TASK_FAULT_INSIDE;
	}
	return TASK_DONE;
}

enum task_result task_gate_enter(struct cpu *cpu, uint16_t selector, enum task_switch why,
				 uint64_t next_rip, uint64_t old_flags, bool has_error,
				 uint32_t error, uint32_t ext)
{
	struct descriptor d;
	unsigned type;

	if ((selector & 4) || selector_null(selector)) {
		fault_selector(cpu, VECTOR_GP, selector, ext);
		return TASK_FAULT;
	}
	if (!descriptor_read(cpu, selector, VECTOR_GP, ext, &d))
		return TASK_FAULT;
	type = descriptor_system_type(&d);
	if (type != TYPE_TSS16 && type != TYPE_TSS32) {
		fault_selector(cpu, VECTOR_GP, selector, ext);
		return TASK_FAULT;
	}
	if (!(d.attributes & ATTR_P)) {
		fault_selector(cpu, VECTOR_NP, selector, ext);
		return TASK_FAULT;
	}
	return task_switch_to(cpu, selector, &d, why, next_rip, old_flags, has_error, error, ext);
}

enum task_result task_return(struct cpu *cpu, uint64_t next_rip)
{
	uint64_t link, flags = flags_get(cpu) & ~(uint64_t)FLAG_RF;
	struct descriptor d;
	uint16_t selector;
	unsigned type;

	if (!tss_read(cpu, cpu->seg[SEG_TR].base, 0, 2, &link))
		return TASK_FAULT;
	selector = (uint16_t)link;
	if ((selector & 4) || selector_null(selector)) {
		fault_selector(cpu, VECTOR_TS, selector, 0);
		return TASK_FAULT;
	}
	if (!descriptor_read(cpu, selector, VECTOR_TS, 0, &d))
		return TASK_FAULT;
	type = descriptor_system_type(&d);
	if (type != TYPE_TSS16_BUSY && type != TYPE_TSS32_BUSY) {
		fault_selector(cpu, VECTOR_TS, selector, 0);
		return TASK_FAULT;
	}
	if (!(d.attributes & ATTR_P)) {
		fault_selector(cpu, VECTOR_NP, selector, 0);
		return TASK_FAULT;
	}
	return task_switch_to(cpu, selector, &d, TASK_IRET, next_rip, flags, false, 0, 0);
}

/* ---- I/O permission ---------------------------------------------------------------------------- */

bool port_allowed(struct cpu *cpu, uint16_t port, unsigned width)
{
	const struct segment *tss = &cpu->seg[SEG_TR];
	uint64_t map, bits, at;

	if (!(cpu->cr0 & CR0_PE) || (!(cpu->eflags & FLAG_VM) && cpu->cpl <= cpu_iopl(cpu)))
		return true;
	if (!(tss->attributes & TYPE_32_BIT) || tss->limit < TSS_IO_MAP + 1)
		return gp0(cpu);
	if (!tss_read(cpu, tss->base, TSS_IO_MAP, 2, &map))
		return false;
	at = map + port / 8;
	/* Two bytes are always read: the port's bits may lie in both. */
	if (at + 1 > tss->limit)
		return gp0(cpu);
	if (!tss_read(cpu, tss->base, (unsigned)at, 2, &bits))
		return false;
	return !(bits >> (port & 7) & ((1u << width) - 1)) || gp0(cpu);
}
