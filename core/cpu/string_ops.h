/*
 * What the string instructions share: addresses, steps, and the counting of REP.
 *
 * Each REP iteration is an instruction boundary and counts as one instruction.  While a
 * REP runs, cpu->budget goes down with every iteration that is done, so that the count
 * is exact whenever a device looks.
 */
#ifndef CORE_CPU_STRING_OPS_H
#define CORE_CPU_STRING_OPS_H

#include "handlers.h"
#include "system.h"

static INLINE uint64_t string_mask(const struct insn *i)
{
	return address_mask(i);
}

static INLINE int64_t string_step(const struct cpu *cpu, unsigned width)
{
	return cpu->eflags & FLAG_DF ? -(int64_t)width : (int64_t)width;
}

/* Adds to SI, DI or CX in the address size. */
static INLINE void string_add(struct cpu *cpu, unsigned n, uint64_t mask, int64_t distance)
{
	uint64_t value = (cpu->reg[n] + (uint64_t)distance) & mask;

	cpu->reg[n] = mask == 0xffff ? (cpu->reg[n] & ~mask) | value : value;
}

/* Can bytes at offset be accessed without further questions?  (Data segments that expand up.) */
static INLINE bool string_plain(const struct segment *segment, uint64_t offset, uint64_t bytes, bool write)
{
	uint32_t want = ATTR_P | ATTR_S | (write ? ATTR_WRITABLE : 0);

	return likely((segment->attributes & (want | ATTR_CODE | ATTR_EXPAND_DOWN)) == want &&
		      offset + bytes - 1 <= segment->limit);
}

static INLINE bool string_linear(struct cpu *cpu, unsigned which, uint64_t offset, unsigned width,
				 bool write, uint64_t *linear)
{
	const struct segment *segment = &cpu->seg[which];

	if (cpu->mode & MODE_64) {
		*linear = which >= SEG_FS ? segment->base + offset : offset;
		return true;
	}
	if (string_plain(segment, offset, width, write)) {
		*linear = (uint32_t)(segment->base + offset);
		return true;
	}
	return segment_linear(cpu, which, offset, width, write, linear);
}

/*
 * How many elements from offset on, going up, lie in one page, before the offset wraps,
 * and plainly inside the segment: 0 when the first does not.
 */
static INLINE uint64_t string_run(const struct cpu *cpu, unsigned which, uint64_t offset, unsigned width,
				  bool write, uint64_t mask, uint64_t *linear)
{
	const struct segment *segment = &cpu->seg[which];
	uint64_t last = segment->limit < mask ? segment->limit : mask, n, in_page;

	if (cpu->mode & MODE_64) {
		*linear = which >= SEG_FS ? segment->base + offset : offset;
		last = mask;
	} else {
		if (!string_plain(segment, offset, width, write))
			return 0;
		*linear = (uint32_t)(segment->base + offset);
	}
	in_page = PAGE_SIZE - (*linear & PAGE_MASK);
	n = last - offset < PAGE_SIZE ? last - offset + 1 : PAGE_SIZE;
	return (n < in_page ? n : in_page) / width;
}

static INLINE bool string_load(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
			       uint64_t *value)
{
	uint8_t v8 = 0;
	uint16_t v16 = 0;
	uint32_t v32 = 0;
	bool ok;

	switch (width) {
	case 1:
		ok = load8(cpu, i, linear, &v8);
		*value = v8;
		return ok;
	case 2:
		ok = load16(cpu, i, linear, &v16);
		*value = v16;
		return ok;
	case 4:
		ok = load32(cpu, i, linear, &v32);
		*value = v32;
		return ok;
	default:
		return load64(cpu, i, linear, value);
	}
}

static INLINE bool string_store(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
				uint64_t value)
{
	switch (width) {
	case 1: return store8(cpu, i, linear, (uint8_t)value);
	case 2: return store16(cpu, i, linear, (uint16_t)value);
	case 4: return store32(cpu, i, linear, (uint32_t)value);
	default: return store64(cpu, i, linear, value);
	}
}

/* ---- REP ------------------------------------------------------------------------------------ */

struct rep {
	uint64_t mask;
	uint64_t left;                  /* iterations that CX asks for */
	uint64_t allowed;               /* iterations that the budget allows */
	uint64_t done;
	uint32_t code_writes;
};

static INLINE void rep_begin(struct cpu *cpu, const struct insn *i, struct rep *rep)
{
	int64_t allowed = cpu->budget + BLOCK_LIMIT - (i->n - 1);

	rep->mask = string_mask(i);
	rep->left = cpu->reg[REG_CX] & rep->mask;
	rep->allowed = allowed > 1 && !cpu->one_iteration ? (uint64_t)allowed : 1;
	cpu->one_iteration = false;
	rep->done = 0;
	rep->code_writes = cpu->code_writes;
}

/* n more iterations are done; SI and DI are up to date. */
static INLINE void rep_advance(struct cpu *cpu, struct rep *rep, uint64_t n)
{
	rep->left -= n;
	rep->done += n;
	cpu->budget -= (int64_t)n;
	string_add(cpu, REG_CX, rep->mask, -(int64_t)n);
}

/*
 * Is a look around due, after an iteration that was more than plain RAM?  A device wants
 * attention, or the REP may have overwritten itself.
 */
static INLINE bool rep_disturbed(const struct cpu *cpu, const struct rep *rep)
{
	return cpu->budget < 0 || cpu->code_writes != rep->code_writes;
}

/* After the last iteration, or when a condition ended the loop. */
static INLINE const struct insn *rep_end(struct cpu *cpu, const struct insn *i, const struct rep *rep)
{
	cpu->budget += rep->done != 0;  /* the way out charges one */
	return cpu->pending_dr6 ? cpu_leave_next(cpu, i) : cpu_next_block(cpu, i);
}

/* Between iterations: RF keeps an instruction breakpoint from being met again. */
static INLINE const struct insn *rep_leave(struct cpu *cpu, const struct insn *i)
{
	cpu->budget++;
	cpu->eflags |= FLAG_RF;
	cpu->rip = cpu->rep_ip = i->ip;
	cpu->rep_count = cpu->count_target - (uint64_t)(cpu->budget - i->n + BLOCK_LIMIT);
	return cpu_leave(cpu, i);
}

#endif
