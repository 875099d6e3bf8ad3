/*
 * IN, OUT, INS and OUTS.  A device may do anything: these instructions end their block,
 * and repeated ones stop between iterations when a device wants attention.
 */
#include "hooks.h"
#include "string_ops.h"

/* Ports are 4 bytes wide at most, also with REX.W. */
static INLINE unsigned port_width(const struct insn *i)
{
	return i->width < 4 ? i->width : 4;
}

/* ---- The access itself ------------------------------------------------------------------------- */

/*
 * With what hooks have to say of it.  I/O breakpoints are looked at after the instruction's last access:
 * by whoever reads, since an INS has its store to come.
 */
static COLD uint32_t watched_read(struct cpu *cpu, uint16_t port, unsigned width)
{
	uint64_t value = 0;

	if (!(cpu->hooked & HOOKED_IO))
		return port_read(cpu->machine, port, width);
	if (hooks_before_io(cpu, CBX_HOOK_PORT_READ, port, width, &value))
		value = port_read(cpu->machine, port, width);
	hooks_after_io(cpu, CBX_HOOK_PORT_READ, port, width, &value);
	return (uint32_t)value;
}

static COLD void watched_write(struct cpu *cpu, uint16_t port, uint32_t written, unsigned width)
{
	uint64_t value = written;

	if (!(cpu->hooked & HOOKED_IO)) {
		port_write(cpu->machine, port, written, width);
	} else {
		if (hooks_before_io(cpu, CBX_HOOK_PORT_WRITE, port, width, &value))
			port_write(cpu->machine, port, (uint32_t)value, width);
		hooks_after_io(cpu, CBX_HOOK_PORT_WRITE, port, width, &value);
	}
	debug_port_access(cpu, port, width);
}

static INLINE void io_write(struct cpu *cpu, uint16_t port, uint32_t value, unsigned width)
{
	if (unlikely(cpu->ports_watched))
		watched_write(cpu, port, value, width);
	else
		port_write(cpu->machine, port, value, width);
}

/* ---- Instructions ------------------------------------------------------------------------------ */

static INLINE const struct insn *io_done(struct cpu *cpu, const struct insn *i)
{
	return cpu->pending_dr6 ? cpu_leave_next(cpu, i) : cpu_next_block(cpu, i);
}

static const struct insn *in(struct cpu *cpu, const struct insn *i, uint16_t port)
{
	unsigned width = port_width(i);
	uint32_t value;

	if (!port_allowed(cpu, port, width))
		return cpu_fault(cpu, i);
	cpu_expose(cpu, i);
	if (unlikely(cpu->ports_watched)) {
		value = watched_read(cpu, port, width);
		debug_port_access(cpu, port, width);
	} else {
		value = port_read(cpu->machine, port, width);
	}
	cpu->current = NULL;
	reg_set(cpu, width == 1 ? (uint8_t)BYTE_REGISTER_AL : (uint8_t)REG_AX, width, value);
	return io_done(cpu, i);
}

static const struct insn *out(struct cpu *cpu, const struct insn *i, uint16_t port)
{
	unsigned width = port_width(i);

	if (!port_allowed(cpu, port, width))
		return cpu_fault(cpu, i);
	cpu_expose(cpu, i);
	io_write(cpu, port, (uint32_t)reg_get(cpu, width == 1 ? (uint8_t)BYTE_REGISTER_AL : (uint8_t)REG_AX,
					      width), width);
	cpu->current = NULL;
	return io_done(cpu, i);
}

HANDLER(op_IN_AL_Ib) { return in(cpu, i, (uint8_t)i->imm); }
HANDLER(op_IN_eAX_Ib) { return in(cpu, i, (uint8_t)i->imm); }
HANDLER(op_IN_AL_DX) { return in(cpu, i, reg16(cpu, REG_DX)); }
HANDLER(op_IN_eAX_DX) { return in(cpu, i, reg16(cpu, REG_DX)); }
HANDLER(op_OUT_Ib_AL) { return out(cpu, i, (uint8_t)i->imm); }
HANDLER(op_OUT_Ib_eAX) { return out(cpu, i, (uint8_t)i->imm); }
HANDLER(op_OUT_DX_AL) { return out(cpu, i, reg16(cpu, REG_DX)); }
HANDLER(op_OUT_DX_eAX) { return out(cpu, i, reg16(cpu, REG_DX)); }

static COLD bool watched_ins(struct cpu *cpu, const struct insn *i, uint64_t to, uint16_t port,
			     unsigned width)
{
	uint32_t value = watched_read(cpu, port, width);

	cpu->current = NULL;
	if (!string_store(cpu, i, to, width, value))
		return false;
	debug_port_access(cpu, port, width);
	return true;
}

/* The memory is checked before the port is read: a read cannot be taken back. */
static INLINE bool ins(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t mask)
{
	uint64_t to;
	uint16_t port = reg16(cpu, REG_DX);
	uint32_t value;

	if (!string_linear(cpu, SEG_ES, cpu->reg[REG_DI] & mask, width, true, &to))
		return false;
	if (!tlb_hit(tlb_write_entry(cpu, to), to, width) && !store_check(cpu, i, to, width))
		return false;
	cpu_expose(cpu, i);
	if (unlikely(cpu->ports_watched)) {
		if (!watched_ins(cpu, i, to, port, width))
			return false;
	} else {
		value = port_read(cpu->machine, port, width);
		cpu->current = NULL;
		if (!string_store(cpu, i, to, width, value))
			return false;
	}
	string_add(cpu, REG_DI, mask, string_step(cpu, width));
	return true;
}

static INLINE bool outs(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t mask)
{
	uint64_t from;
	uint16_t port = reg16(cpu, REG_DX);
	uint64_t value;

	if (!string_linear(cpu, i->segment, cpu->reg[REG_SI] & mask, width, false, &from) ||
	    !string_load(cpu, i, from, width, &value))
		return false;
	cpu_expose(cpu, i);
	io_write(cpu, port, (uint32_t)value, width);
	cpu->current = NULL;
	string_add(cpu, REG_SI, mask, string_step(cpu, width));
	return true;
}

/*
 * As many at once as lie in a page that the fast TLB knows and as the device does while nobody looks
 * (cbx_io's read_many and write_many); 0: go by elements.
 */
static uint64_t ins_run(struct cpu *cpu, unsigned width, uint64_t most, uint64_t mask)
{
	uint64_t to, n = string_run(cpu, SEG_ES, cpu->reg[REG_DI] & mask, width, true, mask, &to);

	if (!n || !tlb_hit(tlb_write_entry(cpu, to), to, width))
		return 0;
	n = port_read_many(cpu->machine, reg16(cpu, REG_DX), width,
			   tlb_host(tlb_write_entry(cpu, to), to), (size_t)(n < most ? n : most));
	string_add(cpu, REG_DI, mask, (int64_t)(n * width));
	return n;
}

static uint64_t outs_run(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t most,
			 uint64_t mask)
{
	uint64_t from, n = string_run(cpu, i->segment, cpu->reg[REG_SI] & mask, width, false, mask, &from);

	if (!n || !tlb_hit(tlb_read_entry(cpu, from), from, width))
		return 0;
	n = port_write_many(cpu->machine, reg16(cpu, REG_DX), width,
			    tlb_host(tlb_read_entry(cpu, from), from), (size_t)(n < most ? n : most));
	string_add(cpu, REG_SI, mask, (int64_t)(n * width));
	return n;
}

static uint64_t string_io_run(struct cpu *cpu, const struct insn *i, unsigned width,
			      const struct rep *rep, bool input)
{
	uint64_t allowed = rep->allowed - rep->done, most = rep->left < allowed ? rep->left : allowed, n;

	if (most < 2)
		return 0;
	cpu_expose(cpu, i);
	n = input ? ins_run(cpu, width, most, rep->mask) : outs_run(cpu, i, width, most, rep->mask);
	cpu->current = NULL;
	return n;
}

static bool string_io_runs(const struct cpu *cpu, unsigned width, bool input)
{
	return !(cpu->eflags & FLAG_DF) && !cpu->ports_watched &&
	       port_takes_many(cpu->machine, reg16(cpu, REG_DX), width, input);
}

/* One place for one, which is to be inlined: for all widths, repeated or not. */
static INLINE const struct insn *string_io(struct cpu *cpu, const struct insn *i, bool input,
					   bool (*one)(struct cpu *, const struct insn *, unsigned, uint64_t))
{
	unsigned width = port_width(i);
	bool repeated = i->flags & (INSN_REP | INSN_REPNE);
	bool runs = repeated && string_io_runs(cpu, width, input);
	struct rep rep;

	rep_begin(cpu, i, &rep);
	if ((rep.left || !repeated) && !port_allowed(cpu, reg16(cpu, REG_DX), width))
		return cpu_fault(cpu, i);
	while (rep.left || !repeated) {
		uint64_t n = runs ? string_io_run(cpu, i, width, &rep, input) : 0;

		if (n) {
			rep_advance(cpu, &rep, n);
			if (!rep.left)
				break;
		}
		if (rep.done == rep.allowed)
			return rep_leave(cpu, i);
		if (!one(cpu, i, width, rep.mask))
			return cpu_fault(cpu, i);
		if (!repeated)
			return io_done(cpu, i);
		rep_advance(cpu, &rep, 1);
		if (rep_disturbed(cpu, &rep) && rep.left)
			return rep_leave(cpu, i);
	}
	return rep_end(cpu, i, &rep);
}

static NOINLINE const struct insn *string_in(struct cpu *cpu, const struct insn *i)
{
	return string_io(cpu, i, true, ins);
}

static NOINLINE const struct insn *string_out(struct cpu *cpu, const struct insn *i)
{
	return string_io(cpu, i, false, outs);
}

HANDLER(op_INS_Yb_DX) { return string_in(cpu, i); }
HANDLER(op_INS_Yv_DX) { return string_in(cpu, i); }
HANDLER(op_OUTS_DX_Xb) { return string_out(cpu, i); }
HANDLER(op_OUTS_DX_Xv) { return string_out(cpu, i); }
