/*
 * The outer loop.  Between instructions it looks at everything that can happen there, in
 * the order of SDM 3A table 6-2: reset, debug traps, NMI, interrupts, instruction
 * breakpoints; then lets blocks run until a budget is used up.
 *
 * cpu->budget is the number of instructions that may still be executed, less BLOCK_LIMIT:
 * while it is not negative a whole block fits, so one test at the end of a block is
 * enough.  count_target is the count at which nothing would be left of the budget, so
 *
 *	instructions executed = count_target - (budget + BLOCK_LIMIT)
 *
 * holds at every block end.  Attention is asked for by moving count_target down.
 */
#include "access.h"
#include "blocks.h"
#include "branch.h"
#include "flags.h"
#include "hooks.h"
#include "machine.h"
#include "tlb.h"

/* How long blocks run before the loop looks at cbx_request_stop again. */
enum { SLICE = 1 << 16 };

/* Guest nanoseconds after which a halt with interrupts off is one for ever. */
enum { DEAD_AFTER = 1000000000 };

/* ---- Ways out of handlers ------------------------------------------------------------------ */

const struct insn *cpu_fault(struct cpu *cpu, const struct insn *i)
{
	/* A restart has not executed anything; a faulting instruction counts. */
	cpu->budget -= i->n - (cpu->fault.vector == VECTOR_RESTART);
	cpu->rip = i->ip;
	cpu->current = NULL;
	return NULL;
}

const struct insn *cpu_fault_vector(struct cpu *cpu, const struct insn *i, uint32_t vector)
{
	cpu_raise(cpu, vector);
	return cpu_fault(cpu, i);
}

const struct insn *cpu_fault_gp0(struct cpu *cpu, const struct insn *i)
{
	cpu_raise_error(cpu, VECTOR_GP, 0);
	return cpu_fault(cpu, i);
}

const struct insn *cpu_fault_ss0(struct cpu *cpu, const struct insn *i)
{
	cpu_raise_error(cpu, VECTOR_SS, 0);
	return cpu_fault(cpu, i);
}

const struct insn *cpu_leave(struct cpu *cpu, const struct insn *i)
{
	cpu->budget -= i->n;
	cpu->current = NULL;
	return NULL;
}

const struct insn *cpu_leave_next(struct cpu *cpu, const struct insn *i)
{
	cpu->rip = next_ip(i) & cpu->linear_mask;
	return cpu_leave(cpu, i);
}

const struct insn *cpu_next_block(struct cpu *cpu, const struct insn *i)
{
	cpu->current = NULL;
	NEXT(cpu, i);                   /* the BLOCK_END record charges and links */
}

const struct insn *branch_leave(struct cpu *cpu, uint64_t ip)
{
	cpu->rip = ip;
	return NULL;
}

const struct insn *branch_find(struct cpu *cpu, uint64_t ip)
{
	const struct insn *to;

	cpu->rip = ip;
	if (cpu->budget < 0)
		return NULL;
	to = block_find(cpu, BLOCK_LIMIT);
	if (!to) {
		cpu->budget--;          /* the loop delivers the fault at RIP; it counts as one */
		return NULL;
	}
	CONTINUE(cpu, to);
}

/* Is i a jump to where no code can be?  (The end of a block may lie there: fetching faults.) */
static bool bad_jump(const struct cpu *cpu, const struct insn *i)
{
	return branch_is_bad(cpu, i->imm) && i->run != op_BLOCK_END;
}

const struct insn *branch_leave_direct(struct cpu *cpu, const struct insn *i)
{
	if (bad_jump(cpu, i)) {
		cpu->budget += i->n;
		return cpu_fault_gp0(cpu, i);
	}
	return branch_leave(cpu, i->imm);
}

const struct insn *branch_link(struct cpu *cpu, const struct insn *i)
{
	struct insn *from = (struct insn *)(uintptr_t)i;        /* records are ours to change */
	const struct insn *to;
	uint64_t generation = cpu->generation;

	if (bad_jump(cpu, i)) {
		cpu->budget += i->n;
		return cpu_fault_gp0(cpu, i);
	}
	cpu->rip = i->imm;
	to = block_find(cpu, BLOCK_LIMIT);
	if (!to) {
		cpu->budget--;
		return NULL;
	}
	/* With another generation i is not there any more. */
	if (generation == cpu->generation && block_is_kept(cpu, to)) {
		from->target = to;
		from->context = cpu->context;
	}
	CONTINUE(cpu, to);
}

/* ---- What other parts ask for -------------------------------------------------------------- */

uint64_t cpu_instruction_count(const struct cbx_machine *machine)
{
	const struct cpu *cpu = machine->cpu;

	if (!cpu)
		return 0;
	if (!cpu->current)
		return cpu->count;
	return cpu->count_target - (uint64_t)(cpu->budget + BLOCK_LIMIT) + cpu->current->n - 1u;
}

void cpu_attention(struct cbx_machine *machine)
{
	struct cpu *cpu = machine->cpu;

	if (!cpu || cpu->budget < 0)
		return;
	cpu->count_target -= (uint64_t)(cpu->budget + 1);
	cpu->budget = -1;
}

void cpu_unsupported(struct cpu *cpu, const char *what)
{
	struct cbx_machine *machine = cpu->machine;
	size_t n = 0;

	machine->stop_pending = true;
	machine->stop = (struct cbx_stop){ .reason = CBX_STOP_UNSUPPORTED };
	for (; what[n] && n + 1 < sizeof machine->stop.detail; n++)
		machine->stop.detail[n] = what[n];
	machine->stop.detail[n] = 0;
	cpu_attention(machine);
}

static bool is_flat(const struct segment *seg, uint16_t mask, uint16_t want)
{
	return seg->base == 0 && seg->limit == 0xffffffff && (seg->attributes & mask) == want;
}

void cpu_mode_changed(struct cpu *cpu)
{
	const uint16_t data = ATTR_P | ATTR_S | ATTR_CODE | ATTR_EXPAND_DOWN | ATTR_WRITABLE;
	const uint16_t writable = ATTR_P | ATTR_S | ATTR_WRITABLE;
	const uint64_t avx = XCR0_SSE | XCR0_AVX;
	const struct segment *cs = &cpu->seg[SEG_CS], *ss = &cpu->seg[SEG_SS];
	bool flat_cs, user;
	unsigned cs_id;

	cpu->linear_mask = 0xffffffff;
	if (!(cpu->cr0 & CR0_PE))
		cpu->cpl = 0;
	else if (cpu->eflags & FLAG_VM)
		cpu->cpl = 3;
	else
		cpu->cpl = (uint8_t)(ss->attributes >> ATTR_DPL_SHIFT & 3);
	user = cpu->cpl == 3;
	cpu->tlb = &cpu->tlbs[user];
	if (user && (cpu->cr0 & CR0_AM) && (cpu->eflags & FLAG_AC)) {
		tlb_prepare(cpu, 2);
		cpu->tlb = &cpu->tlbs[2];
	}
	if (!user && (cpu->cr4 & CR4_SMAP) && (cpu->eflags & FLAG_AC)) {
		tlb_prepare(cpu, 3);
		cpu->tlb = &cpu->tlbs[3];
	}
	flat_cs = is_flat(cs, ATTR_P | ATTR_S, ATTR_P | ATTR_S);
	cpu->mode = user ? MODE_USER : 0;
	if ((cpu->efer & EFER_LMA) && (cs->attributes & ATTR_L)) {
		cpu->mode |= MODE_64 | MODE_CODE32 | MODE_STACK32 | MODE_FLAT;
		cpu->linear_mask = UINT64_MAX;
		flat_cs = true;
	}
	if (cs->attributes & ATTR_DB)
		cpu->mode |= MODE_CODE32;
	if (ss->attributes & ATTR_DB)
		cpu->mode |= MODE_STACK32;
	if (flat_cs && (ss->attributes & ATTR_DB) && is_flat(ss, data, writable) &&
	    is_flat(&cpu->seg[SEG_DS], data, writable) && is_flat(&cpu->seg[SEG_ES], data, writable))
		cpu->mode |= MODE_FLAT;
	if ((cpu->cr4 & CR4_OSFXSR) && !(cpu->cr0 & (CR0_EM | CR0_TS)))
		cpu->mode |= MODE_SSE;
	if ((cpu->cr4 & CR4_OSXSAVE) && (cpu->xcr0 & avx) == avx && !(cpu->cr0 & CR0_TS) &&
	    cpu_protected(cpu))
		cpu->mode |= MODE_AVX;
	cs_id = flat_cs ? 0 : block_cs_id(cpu);
	cpu->context = cpu->generation << 24 | (uint64_t)cs_id << 8 | cpu->mode;
}

/* ---- Running ---------------------------------------------------------------------------------- */

static void run_chain(struct cpu *cpu, const struct insn *i)
{
	while (i)
		i = i->run(cpu, i);
}

/* Executes up to `allowed` (at least 1) instructions and delivers what they raised. */
static void execute(struct cpu *cpu, uint64_t allowed)
{
	const struct insn *i;

	cpu->fault.vector = VECTOR_NONE;
	cpu->count_target = cpu->count + allowed;
	cpu->budget = (int64_t)allowed - BLOCK_LIMIT;
	i = block_find(cpu, allowed < BLOCK_LIMIT ? (unsigned)allowed : BLOCK_LIMIT);
	if (i)
		run_chain(cpu, i);
	else
		cpu->budget--;          /* a fault in fetching is an instruction, too */
	cpu->current = NULL;
	cpu->announced = NULL;
	cpu->count = cpu->count_target - (uint64_t)(cpu->budget + BLOCK_LIMIT);
	cpu->budget = -1;
	if (cpu->fault.vector == VECTOR_NONE)
		return;
	if (cpu->fault.vector == VECTOR_RESTART) {
		block_split_at(cpu, cpu->rip);
		cpu->run_one = true;
		return;
	}
	cpu->trap_after = false;
	exception_deliver(cpu);
	cpu->fault.vector = VECTOR_NONE;
}

static bool stopped(struct cpu *cpu, struct cbx_stop *stop, enum cbx_stop_reason reason)
{
	(void)cpu;
	stop->reason = reason;
	return true;
}

/* Requests of devices and of the embedder; true: the run is over. */
static bool requests(struct cpu *cpu, const struct cbx_run_options *options, struct cbx_stop *stop)
{
	struct cbx_machine *machine = cpu->machine;

	/* After what a hook asked for on the way. */
	if (machine->shutdown_pending && !machine->stop_pending) {
		machine->shutdown_pending = false;
		machine->stop_pending = true;
		machine->stop = (struct cbx_stop){ .reason = CBX_STOP_TRIPLE_FAULT };
	}
	if (machine->stop_pending) {
		machine->stop_pending = false;
		*stop = machine->stop;
		if (stop->reason == CBX_STOP_TRIPLE_FAULT && !options->stop_on_triple_fault)
			machine->reset_requested = true;
		else
			return true;
	}
	if (machine->power_off_requested) {
		machine->power_off_requested = false;
		return stopped(cpu, stop, CBX_STOP_POWER_OFF);
	}
	if (machine->exit_requested) {
		machine->exit_requested = false;
		stop->exit_code = machine->exit_code;
		return stopped(cpu, stop, CBX_STOP_EXIT);
	}
	if (machine->out_of_memory) {
		machine->out_of_memory = false;
		return stopped(cpu, stop, CBX_STOP_HOST_MEMORY);
	}
	if (machine->reset_requested || machine->cpu_reset_requested) {
		bool all = machine->reset_requested;

		machine->reset_requested = machine->cpu_reset_requested = false;
		stop->detail[0] = 0;
		if (all)
			machine_reset(machine, CBX_RESET_WARM);
		else
			cpu_reset(machine);
		if (all && options->stop_on_reset)
			return stopped(cpu, stop, CBX_STOP_RESET);
	}
	if (atomic_load_explicit(&machine->stop_requested, memory_order_acquire)) {
		machine->stop_requested = 0;
		return stopped(cpu, stop, CBX_STOP_REQUEST);
	}
	return false;
}

static void deliver(struct cpu *cpu, uint32_t vector, enum interrupt_kind kind)
{
	cpu->activity = ACTIVITY_RUNNING;
	cpu->shadow = cpu->shadow_debug = 0;            /* it was for the instruction that waits now */
	cpu->fault.vector = VECTOR_NONE;
	if (!interrupt_deliver(cpu, vector, kind, false, 0, cpu->rip))
		exception_deliver(cpu);
	cpu->fault.vector = VECTOR_NONE;
}

/* Traps and interrupts that are recognised at this boundary; true: one was delivered. */
static bool boundary_events(struct cpu *cpu)
{
	if (cpu->pending_dr6 && !cpu->shadow_debug) {
		cpu->dr[6] |= cpu->pending_dr6;
		cpu->pending_dr6 = 0;
		deliver(cpu, VECTOR_DB, INTERRUPT_EXCEPTION);
		return true;
	}
	if (cpu->shadow)
		return false;
	if (cpu->smi_pending && !cpu->in_smm) {
		cpu->smi_pending = 0;
		smm_enter(cpu);
		return true;
	}
	if (cpu->nmi_pending && !cpu->nmi_blocked) {
		cpu->nmi_pending = 0;
		cpu->nmi_blocked = 1;
		cpu->hook_skipped = false;
		deliver(cpu, VECTOR_NMI, INTERRUPT_EXTERNAL);
		if (cpu->hook_skipped)
			cpu->nmi_blocked = 0;
		return true;
	}
	if (cpu->intr_line && (cpu->eflags & FLAG_IF) && cpu->acknowledge) {
		uint8_t vector = cpu->acknowledge(cpu->acknowledge_device);

		deliver(cpu, vector, INTERRUPT_EXTERNAL);
		return true;
	}
	return false;
}

static bool can_wake(const struct cpu *cpu)
{
	if (cpu->smi_pending && !cpu->in_smm)
		return true;
	if (cpu->activity == ACTIVITY_SHUTDOWN)
		return cpu->nmi_pending && !cpu->nmi_blocked;
	return (cpu->nmi_pending && !cpu->nmi_blocked) || cpu->pending_dr6 ||
	       (cpu->intr_line && (cpu->eflags & FLAG_IF));
}

/* Halted: jump to the next timer.  True: the run is over. */
static bool idle(struct cpu *cpu, const struct cbx_run_options *options, uint64_t end_time,
		 bool *skipped, struct cbx_stop *stop)
{
	struct cbx_machine *machine = cpu->machine;

	if (options->stop_when_idle && !*skipped)
		return stopped(cpu, stop, CBX_STOP_IDLE);
	*skipped = false;
	/*
	 * Nothing wakes a processor that halted with interrupts off but a reset, which a
	 * device may still be about to make (the 8042 pulses its line after a while).
	 */
	if (cpu->eflags & FLAG_IF && cpu->activity == ACTIVITY_HALTED)
		cpu->dead_since = UINT64_MAX;
	else if (cpu->dead_since > clock_now(machine))
		cpu->dead_since = clock_now(machine);
	if (cbx_next_event(machine) == UINT64_MAX ||
	    (cpu->dead_since != UINT64_MAX && clock_now(machine) - cpu->dead_since > DEAD_AFTER)) {
		cpu->dead_since = UINT64_MAX;
		return stopped(cpu, stop, CBX_STOP_HALTED);
	}
	if (cbx_next_event(machine) > end_time) {
		clock_skip_to(machine, end_time);
		return stopped(cpu, stop, CBX_STOP_LIMIT);
	}
	clock_skip(machine);
	return false;
}

/* An enabled instruction breakpoint at CS:RIP?  Sets pending DR6 bits. */
static bool code_breakpoint(struct cpu *cpu)
{
	uint64_t linear = code_linear(cpu, cpu->rip);
	bool hit = false;

	for (unsigned n = 0; n < 4; n++)
		if ((cpu->dr[7] >> 2 * n & 3) && !(cpu->dr[7] >> (16 + 4 * n) & 3) &&
		    (cpu->dr[n] & cpu->linear_mask) == linear) {
			cpu->dr[6] |= 1u << n;
			hit = true;
		}
	return hit;
}

/* Runs up to the next thing to look at. */
static void advance(struct cpu *cpu, uint64_t most)
{
	uint8_t shadow = cpu->shadow, shadow_debug = cpu->shadow_debug;
	bool resume = cpu->eflags & FLAG_RF;
	uint64_t before = cpu->count;
	bool nothing;

	cpu->hook_left = false;
	cpu->dead_since = UINT64_MAX;

	cpu->eflags &= ~(uint64_t)FLAG_RF;
	if (cpu->code_breakpoints) {
		if (!resume && !cpu->shadow_debug && code_breakpoint(cpu)) {
			cpu_raise(cpu, VECTOR_DB);
			cpu->count++;
			cpu->deliveries = 0;
			cpu->shadow = 0;
			exception_deliver(cpu);
			return;
		}
		most = 1;
	}
	cpu->trap_after = cpu->eflags & FLAG_TF;
	if (cpu->trap_after || cpu->shadow || cpu->run_one) {
		most = 1;
		cpu->run_one = false;
	}
	cpu->shadow = cpu->shadow_debug = 0;
	if (cpu->machine->options.single_step_blocks)
		most = 1;
	cpu->executing_from = before;
	execute(cpu, most);
	cpu->executing_from = UINT64_MAX;
	if (cpu->count != before)
		cpu->deliveries = 0;
	nothing = (cpu->run_one || cpu->hook_left) && cpu->count == before;
	if (cpu->trap_after && !cpu->run_one && !nothing)
		cpu->pending_dr6 |= 1u << 14;
	if (nothing) {
		/* Nothing was executed: what is said of the next instruction still is. */
		cpu->eflags |= resume ? FLAG_RF : 0;
		cpu->shadow = shadow;
		cpu->shadow_debug = shadow_debug;
	}
}

enum cbx_status cpu_run(struct cbx_machine *machine, const struct cbx_run_options *options,
			struct cbx_stop *stop)
{
	struct cpu *cpu = machine->cpu;
	uint64_t start = cpu->count;
	uint64_t end = options->instructions ? start + options->instructions : UINT64_MAX;
	uint64_t end_time = options->guest_nanoseconds ? clock_now(machine) + options->guest_nanoseconds
						       : UINT64_MAX;
	bool may_skip = true;

	if (machine->goal.set)
		end = machine->goal.count;
	if (end < start)
		end = UINT64_MAX;
	if (end_time < clock_now(machine))
		end_time = UINT64_MAX;
	tlb_prepare(cpu, ACCESSOR_SUPERVISOR);
	tlb_prepare(cpu, ACCESSOR_USER);
	cpu->budget = -1;
	cpu->executing_from = UINT64_MAX;
	/* Whoever runs an idle guest piece by piece is told, too. */
	if (!options->stop_when_idle)
		cpu->dead_since = UINT64_MAX;
	if (!machine->continues)
		hooks_run_begins(cpu);
	for (;;) {
		uint64_t deadline, most;

		if (cpu->shadow && cpu->activity != ACTIVITY_RUNNING)
			cpu->shadow = cpu->shadow_debug = 0;
		if (cpu->hook_pending)
			hooks_carry_out(cpu);
		if (cpu->hooks_changed)
			hooks_settle(cpu);
		if (requests(cpu, options, stop))
			break;
		if (clock_deadline(machine) <= cpu->count) {
			clock_fire(machine);
			continue;
		}
		if (cpu->count > end || (cpu->count == end &&
					 cpu->deliveries >= machine->goal.deliveries)) {
			stop->reason = CBX_STOP_LIMIT;
			break;
		}
		if (end_time != UINT64_MAX && clock_now(machine) >= end_time) {
			stop->reason = CBX_STOP_LIMIT;
			break;
		}
		if (cpu->activity != ACTIVITY_RUNNING && !can_wake(cpu)) {
			if (idle(cpu, options, end_time, &may_skip, stop))
				break;
			continue;
		}
		if (boundary_events(cpu)) {
			cpu->deliveries++;
			continue;
		}
		if (cpu->count == end) {        /* a goal that is not to be reached */
			stop->reason = CBX_STOP_LIMIT;
			break;
		}
		deadline = clock_deadline(machine);
		most = (deadline < end ? deadline : end) - cpu->count;
		if (end_time != UINT64_MAX) {
			uint64_t left = (end_time - clock_now(machine) +
					 machine->options.nanoseconds_per_instruction - 1) /
					machine->options.nanoseconds_per_instruction;

			most = left < most ? left : most;
		}
		advance(cpu, most < SLICE ? most : SLICE);
		may_skip = options->stop_when_idle ? false : true;
	}
	stop->instructions = cpu->count - start;
	stop->rip = cpu->rip;
	stop->cs_base = cpu->seg[SEG_CS].base;
	return CBX_OK;
}
