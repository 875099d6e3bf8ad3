/*
 * SIMD memory accesses by a mask or by many addresses: VMASKMOVx and VPMASKMOVx, MASKMOVQ and
 * MASKMOVDQU, VGATHERx and VPGATHERx (SDM volume 2); and the instructions on caches and order,
 * which have nothing to do but check their operand.
 *
 * Where the SDM leaves a choice these do what current processors were seen to do: VMASKMOVx and
 * gathers make no alignment check; MASKMOVDQU can fault on any of its 16 bytes whatever the
 * mask is, VMASKMOVx on elements of the mask only; a gather that faults has cleared the mask up
 * to the element that did.
 */
#include "vector.h"

static INLINE uint64_t element(const uint64_t *q, unsigned width, unsigned n)
{
	return width == 8 ? q[n] : (uint32_t)(q[n >> 1] >> 32 * (n & 1));
}

static INLINE void set_element(uint64_t *q, unsigned width, unsigned n, uint64_t value)
{
	unsigned shift = 32 * (n & 1);

	if (width == 8)
		q[n] = value;
	else
		q[n >> 1] = (q[n >> 1] & 0xffffffff00000000u >> shift) | (uint64_t)(uint32_t)value << shift;
}

static INLINE bool is_selected(const uint64_t *mask, unsigned width, unsigned n)
{
	return element(mask, width, n) >> (8 * width - 1);
}

/* ---- Addresses: these instructions find them by themselves, since not all may be used -------- */

static INLINE uint64_t cut_offset(const struct insn *i, uint64_t offset)
{
	if (i->flags & INSN_ADDRESS64)
		return offset;
	return i->flags & INSN_ADDRESS16 ? (uint16_t)offset : (uint32_t)offset;
}

static bool linear_of(struct cpu *cpu, const struct insn *i, uint64_t offset, unsigned width, bool write,
		      uint64_t *linear)
{
	if (!(cpu->mode & MODE_64))
		return segment_linear(cpu, i->segment, offset, width, write, linear);
	*linear = i->segment >= SEG_FS ? offset + cpu->seg[i->segment].base : offset;
	return true;
}

static bool load_element(struct cpu *cpu, const struct insn *i, uint64_t offset, unsigned width,
			 uint64_t *value)
{
	uint8_t bytes[8] = { 0 };
	uint64_t linear;

	if (!linear_of(cpu, i, offset, width, false, &linear))
		return false;
	if (tlb_hit(tlb_read_entry(cpu, linear), linear, width))
		return load_width(cpu, i, linear, width, value);
	if (!load_bytes(cpu, i, linear, width, bytes))
		return false;
	*value = get64(bytes);
	return true;
}

/* ---- VMASKMOVx, VPMASKMOVx ------------------------------------------------------------------- */

/* Elements after the first do not wrap at the address size. */
static INLINE uint64_t first_offset(const struct cpu *cpu, const struct insn *i)
{
	return cut_offset(i, cpu->reg[i->base] + (cpu->reg[i->index] << i->scale) +
			     (uint64_t)i->displacement);
}

/* Could this be stored?  Two bytes for two pages; alignment is of no interest. */
static bool storable(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	uint64_t last = (linear + width - 1) & cpu->linear_mask;

	return store_check(cpu, i, linear, 1) &&
	       (((linear ^ last) & ~(uint64_t)PAGE_MASK) == 0 ||
		store_check(cpu, i, last & ~(uint64_t)PAGE_MASK, 1));
}

static COLD bool masked_load(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t result[4] = { 0 }, offset = first_offset(cpu, i), value;
	const uint64_t *mask = cpu->v[i->src].q;

	for (unsigned n = 0; n < i->vl / width; n++)
		if (is_selected(mask, width, n)) {
			if (!load_element(cpu, i, offset + n * width, width, &value))
				return false;
			set_element(result, width, n, value);
		}
	memcpy(cpu->v[i->dst].q, result, 32);
	return true;
}

/* All of it is checked before any of it is stored. */
static COLD bool masked_store(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t offset = first_offset(cpu, i), linear;
	const uint64_t *mask = cpu->v[i->src].q, *from = cpu->v[i->dst].q;
	uint8_t bytes[8];

	for (unsigned n = 0; n < i->vl / width; n++)
		if (is_selected(mask, width, n) &&
		    (!linear_of(cpu, i, offset + n * width, width, true, &linear) ||
		     !storable(cpu, i, linear, width)))
			return false;
	for (unsigned n = 0; n < i->vl / width; n++)
		if (is_selected(mask, width, n)) {
			put64(bytes, element(from, width, n));
			if (!linear_of(cpu, i, offset + n * width, width, true, &linear) ||
			    !store_bytes(cpu, i, linear, width, bytes))
				return false;
		}
	return true;
}

static const struct insn *vector_masked(struct cpu *cpu, const struct insn *i, unsigned width, bool store)
{
	if (!(store ? masked_store(cpu, i, width) : masked_load(cpu, i, width)))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
HANDLER(op_VPMASKMOVD_Vx_Hx_Mx_m) { return vector_masked(cpu, i, 4, false); }
HANDLER(op_VPMASKMOVQ_Vx_Hx_Mx_m) { return vector_masked(cpu, i, 8, false); }
HANDLER(op_VPMASKMOVD_Mx_Hx_Vx_m) { return vector_masked(cpu, i, 4, true); }
HANDLER(op_VPMASKMOVQ_Mx_Hx_Vx_m) { return vector_masked(cpu, i, 8, true); }

/* ---- MASKMOVQ, MASKMOVDQU: bytes, at DS:rDI -------------------------------------------------- */

static bool store_masked_bytes(struct cpu *cpu, const struct insn *i, unsigned size, const uint64_t *from,
			       const uint64_t *mask)
{
	uint64_t linear;
	uint8_t bytes[16];

	if (!linear_of(cpu, i, cut_offset(i, cpu->reg[REG_DI]), size, true, &linear))
		return false;
	if (cpu->tlb == &cpu->tlbs[2] && (linear & 7) && address_canonical(linear) &&
	    address_canonical(linear + size - 1))
		return cpu_raise_error(cpu, VECTOR_AC, 0);
	if (!store_check(cpu, i, linear, size))
		return false;
	for (unsigned n = 0; n < size; n++)
		bytes[n] = (uint8_t)(from[n / 8] >> 8 * (n & 7));
	for (unsigned n = 0; n < size; n++)
		if (mask[n / 8] >> (8 * (n & 7) + 7) & 1 &&
		    !store_bytes(cpu, i, (linear + n) & cpu->linear_mask, 1, bytes + n))
			return false;
	return true;
}

static COLD bool maskmovdqu(struct cpu *cpu, const struct insn *i)
{
	return store_masked_bytes(cpu, i, 16, cpu->v[i->dst].q, cpu->v[i->rm].q);
}
HANDLER_OF(op_MASKMOVDQU_Vdq_Udq_r, maskmovdqu)

static COLD bool maskmovq(struct cpu *cpu, const struct insn *i)
{
	const uint64_t from = mmx_get(cpu, i->dst), mask = mmx_get(cpu, i->rm);

	/* TOP and the tags even when the store faults: processors were seen to do so. */
	mmx_used(cpu);
	return store_masked_bytes(cpu, i, 8, &from, &mask);
}

HANDLER(op_MASKMOVQ_Pq_Nq_r)
{
	if (x87_blocked(cpu))
		return mmx_stop(cpu, i);
	if (!maskmovq(cpu, i))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

/* ---- Gather ---------------------------------------------------------------------------------- */

/* Indexes of from bytes, elements of width; as many as fit of the wider ones. */
static NOINLINE bool gather(struct cpu *cpu, const struct insn *i, unsigned from, unsigned width)
{
	unsigned count = i->vl / (from > width ? from : width);
	const uint64_t *indexes = cpu->v[i->index].q;
	uint64_t *d = cpu->v[i->dst].q, *mask = cpu->v[i->src].q;

	for (unsigned n = 0; n < count; n++) {
		uint64_t index = element(indexes, from, n), value;

		if (is_selected(mask, width, n)) {
			if (from == 4)
				index = (uint64_t)(int32_t)index;
			if (!load_element(cpu, i, cut_offset(i, cpu->reg[i->base] + (index << i->scale) +
								(uint64_t)i->displacement), width, &value))
				return false;
			set_element(d, width, n, value);
		}
		set_element(mask, width, n, 0);
	}
	memset(mask, 0, 32);
	for (unsigned n = count * width / 8; n < 4; n++)
		d[n] = 0;
	return true;
}

static const struct insn *vector_gather(struct cpu *cpu, const struct insn *i, unsigned from, unsigned width)
{
	if (!gather(cpu, i, from, width))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
HANDLER(op_VPGATHERDD_Vx_VM32x_Hx_m) { return vector_gather(cpu, i, 4, 4); }
HANDLER(op_VPGATHERDQ_Vx_VM32h_Hx_m) { return vector_gather(cpu, i, 4, 8); }
HANDLER(op_VPGATHERQD_Vdq_VM64x_Hdq_m) { return vector_gather(cpu, i, 8, 4); }
HANDLER(op_VPGATHERQQ_Vx_VM64x_Hx_m) { return vector_gather(cpu, i, 8, 8); }

/* ---- Caches ---------------------------------------------------------------------------------- */

/* Also CLFLUSHOPT and CLWB: the operand is checked as one that is read. */
HANDLER(op_CLFLUSH_Mb_m)
{
	if (!load_check(cpu, i, ea(cpu, i), 1))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
