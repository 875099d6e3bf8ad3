/*
 * x87: waiting, errors and their two ways out, environment and state in memory.
 *
 * Intel SDM volume 1, 8.1.10 (formats of environment and state), 8.7 (error reporting), 10.5
 * (FXSAVE); volume 3A, table 2-2 (EM, MP, TS) and volume 1, appendix D (MS-DOS compatible mode).
 */
#include "op_x87.h"

/* With IGNNE# active in MS-DOS compatible mode a pending error stops nobody. */
bool x87_blocked_slow(struct cpu *cpu)
{
	return (cpu->cr0 & (CR0_EM | CR0_TS | CR0_NE)) || !cpu->ignne_line;
}

/*
 * MS-DOS compatible mode: FERR# goes up, and the processor waits on this instruction until an
 * interrupt takes it away.  Lines are only touched from the last record of a block.
 */
static const struct insn *wait_for_interrupt(struct cpu *cpu, const struct insn *i)
{
	if (!(i->flags & INSN_LAST)) {
		cpu_raise(cpu, VECTOR_RESTART);
		return cpu_fault(cpu, i);
	}
	cpu->x87.ferr = 1;
	cbx_line_set(&cpu->ferr, true);
	cpu->rip = i->ip;
	cpu->activity = ACTIVITY_HALTED;
	return cpu_leave(cpu, i);
}

const struct insn *x87_stop(struct cpu *cpu, const struct insn *i)
{
	if (cpu->cr0 & (CR0_EM | CR0_TS))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (cpu->cr0 & CR0_NE)
		return cpu_fault_vector(cpu, i, VECTOR_MF);
	return wait_for_interrupt(cpu, i);
}

bool x87_must_be_last(struct cpu *cpu, const struct insn *i)
{
	if (likely(!cpu->x87.ferr) || (i->flags & INSN_LAST))
		return false;
	cpu_raise(cpu, VECTOR_RESTART);
	return true;
}

void x87_update_ferr(struct cpu *cpu)
{
	if (cpu->x87.ferr && !(cpu->x87.status & FPU_ES)) {
		cpu->x87.ferr = 0;
		cbx_line_set(&cpu->ferr, false);
	}
}

HANDLER(op_FWAIT)
{
	if ((cpu->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (unlikely(cpu->x87.status & FPU_ES)) {
		if (cpu->cr0 & CR0_NE)
			return cpu_fault_vector(cpu, i, VECTOR_MF);
		if (!cpu->ignne_line)
			return wait_for_interrupt(cpu, i);
	}
	NEXT(cpu, i);
}

static INLINE bool unavailable(const struct cpu *cpu)
{
	return cpu->cr0 & (CR0_EM | CR0_TS);
}

/* Also FNENI, FNDISI, FNSETPM, of the 8087 and 80287, which do not wait. */
HANDLER(op_FNOP)
{
	if (i->opcode == 0xdb && unavailable(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (i->opcode == 0xd9 && x87_blocked(cpu))
		return x87_stop(cpu, i);
	if (i->opcode == 0xd9)
		x87_record(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_FNCLEX)
{
	if (unavailable(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (x87_must_be_last(cpu, i))
		return cpu_fault(cpu, i);
	cpu->x87.status &= FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3;
	x87_update_ferr(cpu);
	NEXT(cpu, i);
}

HANDLER(op_FNINIT)
{
	if (unavailable(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (x87_must_be_last(cpu, i))
		return cpu_fault(cpu, i);
	x87_initialise(&cpu->x87);
	x87_update_ferr(cpu);
	NEXT(cpu, i);
}

HANDLER(op_FNSTSW_AX)
{
	if (unavailable(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	set_reg16(cpu, REG_AX, x87_status_word(&cpu->x87));
	NEXT(cpu, i);
}

HANDLER(op_FNSTSW_Mw)
{
	if (unavailable(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (!store16(cpu, i, ea(cpu, i), x87_status_word(&cpu->x87)))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_FNSTCW)
{
	if (unavailable(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (!store16(cpu, i, ea(cpu, i), cpu->x87.control))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_FLDCW)
{
	uint16_t value;

	if (x87_blocked(cpu))
		return x87_stop(cpu, i);
	if (!load16(cpu, i, ea(cpu, i), &value) || x87_must_be_last(cpu, i))
		return cpu_fault(cpu, i);
	x87_set_control_word(&cpu->x87, value);
	x87_update_ferr(cpu);
	NEXT(cpu, i);
}

/* ---- Operands of more than 8 bytes ------------------------------------------------------------ */

/* By parts of so many bytes: those of environment and state are words or doublewords. */
static unsigned part_size(const struct insn *i, unsigned count)
{
	if (count % 8 == 0 || count == 10)
		return 8;
	return i->width == 2 ? 2 : 4;
}

static bool store_part(struct cpu *cpu, const struct insn *i, uint64_t linear, const uint8_t *bytes,
		       unsigned part)
{
	switch (part) {
	case 2:
		return store16(cpu, i, linear, get16(bytes));
	case 4:
		return store32(cpu, i, linear, get32(bytes));
	default:
		return store64(cpu, i, linear, get64(bytes));
	}
}

static bool load_part(struct cpu *cpu, const struct insn *i, uint64_t linear, uint8_t *bytes,
		      unsigned part)
{
	uint64_t value = 0;
	uint32_t low = 0;
	uint16_t half = 0;

	switch (part) {
	case 2:
		if (!load16(cpu, i, linear, &half))
			return false;
		put16(bytes, half);
		return true;
	case 4:
		if (!load32(cpu, i, linear, &low))
			return false;
		put32(bytes, low);
		return true;
	default:
		if (!load64(cpu, i, linear, &value))
			return false;
		put64(bytes, value);
		return true;
	}
}

bool x87_store_bytes(struct cpu *cpu, const struct insn *i, uint64_t linear, const uint8_t *bytes,
		     unsigned count)
{
	unsigned part = part_size(i, count);

	if (!store_check(cpu, i, linear, count))
		return false;
	for (unsigned at = 0; at < count; at += part) {
		if (part > count - at)
			part = count - at;
		if (!store_part(cpu, i, (linear + at) & cpu->linear_mask, bytes + at, part))
			return false;
	}
	return true;
}

bool x87_load_bytes(struct cpu *cpu, const struct insn *i, uint64_t linear, uint8_t *bytes,
		    unsigned count)
{
	unsigned part = part_size(i, count);

	for (unsigned at = 0; at < count; at += part) {
		if (part > count - at)
			part = count - at;
		if (!load_part(cpu, i, (linear + at) & cpu->linear_mask, bytes + at, part))
			return false;
	}
	return true;
}

/*
 * A handler that goes on to the next must not have locals whose address is known elsewhere, or the
 * compiler keeps its frame; so the long ones below are functions of their own.
 */

/* ---- Environment and state -------------------------------------------------------------------- */

enum { ENVIRONMENT_16 = 14, ENVIRONMENT_32 = 28, STATE_MOST = ENVIRONMENT_32 + 80 };

static unsigned environment_size(const struct insn *i)
{
	return i->width == 2 ? ENVIRONMENT_16 : ENVIRONMENT_32;
}

/* The seven fields of the environment as 32-bit values. */
static void environment_gather(const struct cpu *cpu, bool wide, uint32_t field[7])
{
	const struct x87 *x87 = &cpu->x87;
	uint32_t ip = (uint32_t)x87->ip, dp = (uint32_t)x87->dp;
	uint32_t reserved = wide ? 0xffff0000 : 0;

	field[0] = x87->control | reserved;
	field[1] = x87_status_word(x87) | reserved;
	field[2] = x87_tag_word(x87) | reserved;
	if (!cpu_real_or_v86(cpu)) {
		field[3] = ip;
		field[4] = x87->cs | (wide ? (uint32_t)x87->opcode << 16 : 0);
		field[5] = dp;
		field[6] = x87->ds | reserved;
		return;
	}
	ip += (uint32_t)x87->cs << 4;
	dp += (uint32_t)x87->ds << 4;
	field[3] = (ip & 0xffff) | reserved;
	field[4] = ((ip >> 16) & (wide ? 0xffffu : 0xfu)) << 12 | x87->opcode;
	field[5] = (dp & 0xffff) | reserved;
	field[6] = ((dp >> 16) & (wide ? 0xffffu : 0xfu)) << 12;
}

static void environment_scatter(struct cpu *cpu, bool wide, const uint32_t field[7])
{
	struct x87 *x87 = &cpu->x87;

	x87->control = (uint16_t)((field[0] & X87_CONTROL_BITS) | X87_CONTROL_ALWAYS);
	x87_set_status_word(x87, (uint16_t)field[1]);
	x87_set_tag_word(x87, (uint16_t)field[2]);
	if (!cpu_real_or_v86(cpu)) {
		x87->ip = wide ? field[3] : field[3] & 0xffff;
		x87->cs = (uint16_t)field[4];
		if (wide)
			x87->opcode = field[4] >> 16 & 0x7ff;
		x87->dp = wide ? field[5] : field[5] & 0xffff;
		x87->ds = (uint16_t)field[6];
		return;
	}
	x87->ip = (field[3] & 0xffff) | (field[4] & 0x0ffff000) << 4;
	x87->dp = (field[5] & 0xffff) | (field[6] & 0x0ffff000) << 4;
	x87->opcode = field[4] & 0x7ff;
	x87->cs = 0;
	x87->ds = 0;
}

static unsigned environment_pack(const struct cpu *cpu, const struct insn *i, uint8_t *bytes)
{
	uint32_t field[7];

	environment_gather(cpu, i->width != 2, field);
	for (unsigned n = 0; n < 7; n++) {
		if (i->width == 2)
			put16(bytes + 2 * n, (uint16_t)field[n]);
		else
			put32(bytes + 4 * n, field[n]);
	}
	return environment_size(i);
}

static void environment_unpack(struct cpu *cpu, const struct insn *i, const uint8_t *bytes)
{
	uint32_t field[7];

	for (unsigned n = 0; n < 7; n++)
		field[n] = i->width == 2 ? get16(bytes + 2 * n) : get32(bytes + 4 * n);
	environment_scatter(cpu, i->width != 2, field);
}

static NOINLINE bool fnstenv(struct cpu *cpu, const struct insn *i)
{
	uint8_t bytes[ENVIRONMENT_32];
	unsigned count;

	count = environment_pack(cpu, i, bytes);
	if (x87_must_be_last(cpu, i) || !x87_store_bytes(cpu, i, ea(cpu, i), bytes, count))
		return false;
	/* The exceptions are masked now, so none is pending. */
	cpu->x87.control |= FPU_EXCEPTIONS;
	x87_update_summary(&cpu->x87);
	x87_update_ferr(cpu);
	return true;
}

HANDLER(op_FNSTENV)
{
	if (unavailable(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (!fnstenv(cpu, i))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

static NOINLINE bool fldenv(struct cpu *cpu, const struct insn *i)
{
	uint8_t bytes[ENVIRONMENT_32];

	if (!x87_load_bytes(cpu, i, ea(cpu, i), bytes, environment_size(i)) || x87_must_be_last(cpu, i))
		return false;
	environment_unpack(cpu, i, bytes);
	x87_update_ferr(cpu);
	return true;
}

HANDLER(op_FLDENV)
{
	if (x87_blocked(cpu))
		return x87_stop(cpu, i);
	if (!fldenv(cpu, i))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

static NOINLINE bool fnsave(struct cpu *cpu, const struct insn *i)
{
	uint8_t bytes[STATE_MOST];
	unsigned count;

	count = environment_pack(cpu, i, bytes);
	for (unsigned n = 0; n < 8; n++, count += 10) {
		struct float80 value = x87_get(&cpu->x87, n);

		put64(bytes + count, value.significand);
		put16(bytes + count + 8, value.sign_exponent);
	}
	if (x87_must_be_last(cpu, i) || !x87_store_bytes(cpu, i, ea(cpu, i), bytes, count))
		return false;
	x87_initialise(&cpu->x87);
	x87_update_ferr(cpu);
	return true;
}

HANDLER(op_FNSAVE)
{
	if (unavailable(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_NM);
	if (!fnsave(cpu, i))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}

static NOINLINE bool frstor(struct cpu *cpu, const struct insn *i)
{
	uint8_t bytes[STATE_MOST];
	unsigned at = environment_size(i);

	if (!x87_load_bytes(cpu, i, ea(cpu, i), bytes, at + 80) || x87_must_be_last(cpu, i))
		return false;
	environment_unpack(cpu, i, bytes);
	for (unsigned n = 0; n < 8; n++, at += 10) {
		struct float80 value = { get64(bytes + at), get16(bytes + at + 8) };

		x87_set_physical(&cpu->x87, x87_number(&cpu->x87, n), value);
	}
	x87_update_ferr(cpu);
	return true;
}

HANDLER(op_FRSTOR)
{
	if (x87_blocked(cpu))
		return x87_stop(cpu, i);
	if (!frstor(cpu, i))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
