/*
 * Segments: descriptors, loads of segment registers, limit checks, and stacks that are
 * being switched to.  SDM 3A, chapters 3 and 5.
 */
#include "models.h"
#include "system.h"

void descriptor_parse(struct descriptor *d, uint32_t low, uint32_t high)
{
	d->low = low;
	d->high = high;
	d->upper = 0;
	d->base = (low >> 16) | (high & 0xff) << 16 | (high & 0xff000000u);
	d->limit = (low & 0xffff) | (high & 0xf0000);
	/* Bits 8-11 of the attributes are the limit's high bits: not kept there. */
	d->attributes = (uint16_t)(high >> 8 & 0xf0ff);
	if (d->attributes & ATTR_G)
		d->limit = d->limit << 12 | 0xfff;
}

bool descriptor_look(struct cpu *cpu, uint16_t selector, struct descriptor *d, bool *found)
{
	uint64_t base = cpu->gdtr.base, limit = cpu->gdtr.limit, bytes;

	*found = true;
	if (selector & 4) {
		base = cpu->seg[SEG_LDTR].base;
		limit = cpu->seg[SEG_LDTR].limit;
		*found = cpu->seg[SEG_LDTR].attributes != 0;
	}
	if (!*found || (selector | 7u) > limit) {
		*found = false;
		return true;
	}
	d->address = system_linear(cpu, base + (selector & 0xfff8u));
	if (!system_load(cpu, d->address, 8, &bytes))
		return false;
	descriptor_parse(d, (uint32_t)bytes, (uint32_t)(bytes >> 32));
	return true;
}

bool descriptor_read(struct cpu *cpu, uint16_t selector, uint32_t vector, uint32_t ext,
		     struct descriptor *d)
{
	bool found;

	if (!descriptor_look(cpu, selector, d, &found))
		return false;
	return found || fault_selector(cpu, vector, selector, ext);
}

bool descriptor_read_upper(struct cpu *cpu, uint16_t selector, struct descriptor *d)
{
	uint64_t limit = selector & 4 ? cpu->seg[SEG_LDTR].limit : cpu->gdtr.limit, bytes;

	if (!long_mode(cpu))
		return true;
	if ((selector & 0xfff8u) + 15u > limit)
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	if (!system_load(cpu, d->address + 8, 8, &bytes))
		return false;
	if (bytes >> 32 & 0x1f00)
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	d->upper = (uint32_t)bytes;
	d->base |= bytes << 32;
	return true;
}

bool descriptor_mark_accessed(struct cpu *cpu, struct descriptor *d)
{
	if (d->attributes & ATTR_ACCESSED)
		return true;
	if (!store_system(cpu, system_linear(cpu, d->address + 5), 1,
			  (uint64_t)(d->attributes & 0xff) | ATTR_ACCESSED))
		return false;
	d->attributes |= ATTR_ACCESSED;
	return true;
}

void segment_set(struct cpu *cpu, unsigned which, uint16_t selector, const struct descriptor *d)
{
	struct segment *segment = &cpu->seg[which];

	segment->base = d->base;
	segment->limit = d->limit;
	segment->selector = selector;
	segment->attributes = d->attributes;
}

void segment_set_null(struct cpu *cpu, unsigned which, uint16_t selector)
{
	struct segment *segment = &cpu->seg[which];

	segment->base = 0;
	segment->limit = 0;
	segment->selector = selector;
	segment->attributes = 0;
}

void segment_set_null_stack(struct cpu *cpu, unsigned cpl)
{
	segment_set_null(cpu, SEG_SS, (uint16_t)cpl);
	cpu->seg[SEG_SS].attributes = (uint16_t)(cpl << ATTR_DPL_SHIFT);
}

void segment_set_v86(struct cpu *cpu, unsigned which, uint16_t selector)
{
	struct segment *segment = &cpu->seg[which];

	segment->base = (uint64_t)selector << 4;
	segment->limit = 0xffff;
	segment->selector = selector;
	segment->attributes = ATTR_V86;
}

void segment_set_code(struct cpu *cpu, uint16_t selector, const struct descriptor *d, unsigned cpl)
{
	segment_set(cpu, SEG_CS, (uint16_t)((selector & ~3u) | cpl), d);
	cpu->cpl = (uint8_t)cpl;
}

/* AMD's processors leave the base, which 64-bit mode uses in FS and GS all the same. */
static void data_segment_set_null(struct cpu *cpu, unsigned which, uint16_t selector)
{
	uint64_t base = cpu->seg[which].base;

	segment_set_null(cpu, which, selector);
	if (long_mode(cpu) && which >= SEG_FS && model_is_amd(cpu->model))
		cpu->seg[which].base = base;
}

void segments_drop_inner(struct cpu *cpu)
{
	static const uint8_t data[] = { SEG_ES, SEG_FS, SEG_GS, SEG_DS };

	for (unsigned n = 0; n < sizeof(data); n++) {
		const struct segment *segment = &cpu->seg[data[n]];
		unsigned dpl = (unsigned)(segment->attributes & ATTR_DPL) >> ATTR_DPL_SHIFT;

		if (segment->attributes && dpl < cpu->cpl &&
		    !attributes_conforming(segment->attributes))
			data_segment_set_null(cpu, data[n], 0);
	}
}

/*
 * Real mode changes the base and nothing else: limits and rights from protected mode stay
 * ("unreal mode").  A register that was null becomes usable, with real mode's rights.
 * The 486 gives CS its real mode rights each time.
 */
void segment_load_real(struct cpu *cpu, unsigned which, uint16_t selector)
{
	struct segment *segment = &cpu->seg[which];

	if (cpu_v86(cpu)) {
		segment_set_v86(cpu, which, selector);
		return;
	}
	segment->selector = selector;
	segment->base = (uint64_t)selector << 4;
	if (!(segment->attributes & ATTR_P) ||
	    (which == SEG_CS && cpu->model->family < 5)) {
		segment->limit = 0xffff;
		segment->attributes = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED;
	}
}

bool data_segment_check(struct cpu *cpu, uint16_t selector, unsigned cpl, uint32_t vector,
			uint32_t ext, struct descriptor *d)
{
	unsigned rpl = selector & 3;

	if (!descriptor_read(cpu, selector, vector, ext, d))
		return false;
	if (!attributes_readable(d->attributes))
		return fault_selector(cpu, vector, selector, ext);
	if (!attributes_conforming(d->attributes) &&
	    (rpl > descriptor_dpl(d) || cpl > descriptor_dpl(d)))
		return fault_selector(cpu, vector, selector, ext);
	if (!(d->attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_NP, selector, ext);
	return true;
}

static bool stack_segment_load(struct cpu *cpu, uint16_t selector)
{
	struct descriptor d;

	if (selector_null(selector)) {
		if (!mode_64(cpu) || cpu->cpl == 3 || (selector & 3u) != cpu->cpl)
			return cpu_raise_error(cpu, VECTOR_GP, 0);
		segment_set_null_stack(cpu, cpu->cpl);
		return true;
	}
	if (!descriptor_read(cpu, selector, VECTOR_GP, 0, &d))
		return false;
	if ((selector & 3u) != cpu->cpl || !attributes_writable(d.attributes) ||
	    descriptor_dpl(&d) != cpu->cpl)
		return fault_selector(cpu, VECTOR_GP, selector, 0);
	if (!(d.attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_SS, selector, 0);
	if (!descriptor_mark_accessed(cpu, &d))
		return false;
	segment_set(cpu, SEG_SS, selector, &d);
	return true;
}

/* Does the mode (flat, 32-bit stack, CPL) depend on what is different between these? */
static bool mode_differs(const struct segment *a, const struct segment *b)
{
	return a->attributes != b->attributes || a->limit != b->limit ||
	       (a->base != b->base && a->limit == 0xffffffffu);
}

bool segment_load(struct cpu *cpu, unsigned which, uint16_t selector)
{
	struct segment old = cpu->seg[which];

	if (cpu_real_or_v86(cpu)) {
		segment_load_real(cpu, which, selector);
	} else if (which == SEG_SS) {
		if (!stack_segment_load(cpu, selector))
			return false;
	} else if (selector_null(selector)) {
		data_segment_set_null(cpu, which, selector);
	} else {
		struct descriptor d;

		if (!data_segment_check(cpu, selector, cpu->cpl, VECTOR_GP, 0, &d) ||
		    !descriptor_mark_accessed(cpu, &d))
			return false;
		segment_set(cpu, which, selector, &d);
	}
	if (which <= SEG_DS && mode_differs(&old, &cpu->seg[which]))
		cpu_mode_changed(cpu);
	return true;
}

bool segment_linear(struct cpu *cpu, unsigned which, uint64_t offset, unsigned width, bool write,
		    uint64_t *linear)
{
	const struct segment *segment = &cpu->seg[which];
	uint32_t attributes = segment->attributes;
	uint32_t vector = which == SEG_SS ? VECTOR_SS : VECTOR_GP;

	if (mode_64(cpu)) {
		*linear = which == SEG_FS || which == SEG_GS ? segment->base + offset : offset;
		return width == 0 || (address_canonical(*linear) &&
				      address_canonical(*linear + width - 1)) ||
		       cpu_raise_error(cpu, vector, 0);
	}

	*linear = (segment->base + offset) & cpu->linear_mask;
	if (width == 0)
		return true;
	if (!(attributes & ATTR_P))
		return cpu_raise_error(cpu, vector, 0);
	/* In real mode all segments are readable and writable, CS too. */
	if ((cpu->cr0 & CR0_PE) &&
	    !(write ? attributes_writable(attributes) : attributes_readable(attributes)))
		return cpu_raise_error(cpu, vector, 0);
	if (!limit_allows(attributes, segment->limit, offset, width))
		return cpu_raise_error(cpu, vector, 0);
	return true;
}

/* ---- Stacks to switch to ----------------------------------------------------------------- */

void new_stack_segment(const struct cpu *cpu, struct new_stack *stack, uint32_t error)
{
	const struct segment *ss = &cpu->seg[SEG_SS];

	stack->base = ss->base;
	stack->limit = ss->limit;
	stack->attributes = ss->attributes;
	stack->mask = stack_mask(ss->attributes);
	stack->sp = cpu->reg[REG_SP] & stack->mask;
	stack->error = error;
	stack->system = false;
	stack->wide = false;
}

void new_stack_current(const struct cpu *cpu, struct new_stack *stack, uint32_t error)
{
	if (mode_64(cpu))
		new_stack_wide(stack, cpu->reg[REG_SP], 3, error);
	else
		new_stack_segment(cpu, stack, error);
}

void new_stack_wide(struct new_stack *stack, uint64_t sp, unsigned privilege, uint32_t error)
{
	*stack = (struct new_stack){ .mask = UINT64_MAX, .sp = sp, .error = error,
				     .system = privilege < 3, .wide = true };
}

bool new_stack_room(struct cpu *cpu, const struct new_stack *stack, unsigned width, unsigned count)
{
	uint64_t sp = stack->sp;
	bool up = (stack->attributes & (ATTR_CODE | ATTR_EXPAND_DOWN)) != ATTR_EXPAND_DOWN;

	if (stack->wide)
		return (address_canonical(sp - 1) && address_canonical(sp - (uint64_t)width * count)) ||
		       cpu_raise_error(cpu, VECTOR_SS, stack->error);
	if (likely(up && sp >= (uint64_t)width * count && sp - 1 <= stack->limit))
		return true;
	for (unsigned n = 0; n < count; n++) {
		sp = (sp - width) & stack->mask;
		if (!limit_allows(stack->attributes, stack->limit, sp, width))
			return cpu_raise_error(cpu, VECTOR_SS, stack->error);
	}
	return true;
}

bool new_stack_push(struct cpu *cpu, struct new_stack *stack, unsigned width, uint64_t value)
{
	uint64_t sp = (stack->sp - width) & stack->mask;
	uint64_t linear = stack->base + sp;

	if (!stack->wide)
		linear &= 0xffffffffu;
	if (stack->system) {
		if (!system_store(cpu, linear, width, value))
			return false;
	} else if (!store_width(cpu, NULL, linear, width, value)) {
		return false;
	}
	stack->sp = sp;
	return true;
}

bool new_stack_from_tss(struct cpu *cpu, unsigned privilege, uint32_t ext, struct new_stack *stack,
			uint16_t *selector, struct descriptor *d)
{
	const struct segment *tss = &cpu->seg[SEG_TR];
	bool wide = tss->attributes & TYPE_32_BIT;
	unsigned width = wide ? 4 : 2;
	uint32_t place = wide ? privilege * 8 + 4 : privilege * 4 + 2;
	uint64_t address = tss->base + place, sp, ss;

	if (place + width + 1 > tss->limit)
		return fault_selector(cpu, VECTOR_TS, tss->selector, ext);
	if (!system_load(cpu, address & 0xffffffffu, width, &sp) ||
	    !system_load(cpu, (address + width) & 0xffffffffu, 2, &ss))
		return false;
	*selector = (uint16_t)ss;
	if (selector_null(*selector))
		return fault_selector(cpu, VECTOR_TS, *selector, ext);
	if (!descriptor_read(cpu, *selector, VECTOR_TS, ext, d))
		return false;
	if ((*selector & 3u) != privilege || descriptor_dpl(d) != privilege ||
	    !attributes_writable(d->attributes))
		return fault_selector(cpu, VECTOR_TS, *selector, ext);
	if (!(d->attributes & ATTR_P))
		return fault_selector(cpu, VECTOR_SS, *selector, ext);
	stack->base = d->base;
	stack->limit = d->limit;
	stack->attributes = d->attributes;
	stack->mask = stack_mask(d->attributes);
	stack->sp = sp & stack->mask;
	stack->error = (*selector & 0xfffcu) | ext;
	stack->system = true;
	stack->wide = false;
	return true;
}

bool tss64_stack(struct cpu *cpu, unsigned entry, uint32_t ext, uint64_t *sp)
{
	const struct segment *tss = &cpu->seg[SEG_TR];
	uint32_t place = 4 + entry * 8;

	if (place + 7 > tss->limit)
		return fault_selector(cpu, VECTOR_TS, tss->selector, ext);
	return system_load(cpu, tss->base + place, 8, sp);
}

void stack_pointer_set(struct cpu *cpu, uint32_t attributes, uint64_t sp)
{
	if (attributes & ATTR_DB)
		set_reg32(cpu, REG_SP, (uint32_t)sp);
	else
		set_reg16(cpu, REG_SP, (uint16_t)sp);
}

void stack_pointer_move(struct cpu *cpu, uint64_t sp)
{
	if (mode_64(cpu))
		cpu->reg[REG_SP] = sp;
	else
		stack_pointer_set(cpu, cpu->seg[SEG_SS].attributes, sp);
}
