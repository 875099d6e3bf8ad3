/* Breakpoints, watchpoints and hooks: the list, and who is called when (hooks.h, clearbox/debug.h). */
#include "access.h"
#include "blocks.h"
#include "branch.h"
#include "flags.h"
#include "handlers.h"
#include "hooks.h"
#include "memory.h"
#include "opcodes_info.h"

struct entry {
	unsigned id;
	bool dead, is_breakpoint;
	struct cbx_hook hook;
	struct cbx_breakpoint breakpoint;
};

struct hooks {
	struct entry *list;
	unsigned count, capacity, next_id;
	unsigned depth;                 /* calls of hooks going on */
	const struct entry *plain;      /* the only one there is, an instruction hook without filters; or NULL */
	struct cbx_event event;         /* of the instruction announced: clearing one takes longer than telling it */
	bool quiet_hooks, quiet_breakpoints;
	/* What was announced last, by instruction count and RIP: it is not announced again. */
	uint64_t told_count, told_ip;
	uint64_t begin_count, begin_ip; /* where the run began */
	/* The instruction with this count begins a block ... */
	uint64_t block_count;
	bool after_branch, conditional; /* ... because of this branch */
	uint64_t branch_linear, fall_through;
	/* To be carried out at the end of the instruction. */
	enum cbx_hook_action pending;
	uint32_t vector, error;
	bool has_error;
	uint64_t rip;
};

/* No instruction has this count. */
#define NEVER UINT64_MAX

/* ---- The list --------------------------------------------------------------------------------- */

static bool is_data(const struct entry *e)
{
	if (e->is_breakpoint)
		return e->breakpoint.kind != CBX_BREAK_EXECUTE;
	return e->hook.kind == CBX_HOOK_READ || e->hook.kind == CBX_HOOK_WRITE;
}

static bool is_live(const struct hooks *hooks, const struct entry *e)
{
	return !e->dead && !(e->is_breakpoint ? hooks->quiet_breakpoints : hooks->quiet_hooks);
}

/* What anybody asks for, from the list. */
static void sum_up(struct cpu *cpu)
{
	struct hooks *hooks = cpu->hooks;
	unsigned live = 0;

	cpu->hooked = 0;
	hooks->plain = NULL;
	for (unsigned n = 0; n < hooks->count; n++) {
		const struct entry *e = &hooks->list[n];

		if (!is_live(hooks, e))
			continue;
		if (!live++ && !e->is_breakpoint && e->hook.kind == CBX_HOOK_INSTRUCTION && !e->hook.last &&
		    !e->hook.cpl_mask && !e->hook.match_cr3)
			hooks->plain = e;
		if (is_data(e)) {
			cpu->hooked |= HOOKED_DATA;
			if (e->is_breakpoint ? e->breakpoint.physical : e->hook.physical)
				cpu->hooked |= HOOKED_PHYSICAL;
		} else if (e->is_breakpoint) {
			cpu->hooked |= HOOKED_EXECUTE;
		}
		if (!e->is_breakpoint)
			cpu->hooked |= 1u << e->hook.kind;
	}
	if (live > 1)
		hooks->plain = NULL;
}

static void changed(struct cpu *cpu)
{
	sum_up(cpu);
	cpu->hooks_changed = true;
	if (cpu->machine->running)
		cpu_attention(cpu->machine);
	else
		hooks_settle(cpu);
}

void hooks_settle(struct cpu *cpu)
{
	struct hooks *hooks = cpu->hooks;
	unsigned kept = 0;

	cpu->hooks_changed = false;
	for (unsigned n = 0; n < hooks->count; n++)
		if (!hooks->list[n].dead)
			hooks->list[kept++] = hooks->list[n];
	hooks->count = kept;
	sum_up(cpu);
	blocks_flush(cpu);
	cpu_memory_changed(cpu->machine, NO_BACKING);
}

void hooks_forget(struct cpu *cpu)
{
	struct hooks *hooks = cpu->hooks;

	cpu->announced = NULL;
	if (!hooks)
		return;
	hooks->told_count = hooks->begin_count = hooks->block_count = NEVER;
	hooks->pending = CBX_HOOK_CONTINUE;
	cpu->hook_pending = false;
}

void hooks_free(struct cpu *cpu)
{
	if (cpu->hooks)
		machine_release(cpu->machine, cpu->hooks->list);
	machine_release(cpu->machine, cpu->hooks);
	cpu->hooks = NULL;
}

void hooks_quiet(struct cbx_machine *machine, bool hooks, bool breakpoints)
{
	struct cpu *cpu = machine->cpu;

	if (!cpu->hooks || (cpu->hooks->quiet_hooks == hooks && cpu->hooks->quiet_breakpoints == breakpoints))
		return;
	cpu->hooks->quiet_hooks = hooks;
	cpu->hooks->quiet_breakpoints = breakpoints;
	changed(cpu);
}

/* Room for one more; NULL: no memory. */
static struct entry *append(struct cpu *cpu)
{
	struct hooks *hooks = cpu->hooks;

	if (!hooks) {
		hooks = machine_allocate(cpu->machine, sizeof(*hooks));
		if (!hooks)
			return NULL;
		cpu->hooks = hooks;
		hooks_forget(cpu);
	}
	if (hooks->count == hooks->capacity) {
		unsigned capacity = hooks->capacity ? 2 * hooks->capacity : 8;
		struct entry *list = machine_allocate_array(cpu->machine, capacity, sizeof(*list));

		if (!list)
			return NULL;
		if (hooks->count)
			memcpy(list, hooks->list, hooks->count * sizeof(*list));
		machine_release(cpu->machine, hooks->list);
		hooks->list = list;
		hooks->capacity = capacity;
	}
	hooks->list[hooks->count] = (struct entry){ .id = hooks->next_id + 1 };
	return &hooks->list[hooks->count];
}

static void enlist(struct cpu *cpu, unsigned *id)
{
	cpu->hooks->count++;
	*id = ++cpu->hooks->next_id;
	changed(cpu);
}

static enum cbx_status take_away(struct cbx_machine *machine, unsigned id, bool breakpoint)
{
	struct hooks *hooks = machine ? machine->cpu->hooks : NULL;

	for (unsigned n = 0; hooks && n < hooks->count; n++) {
		struct entry *e = &hooks->list[n];

		if (e->id != id || e->dead || e->is_breakpoint != breakpoint)
			continue;
		e->dead = true;
		changed(machine->cpu);
		return CBX_OK;
	}
	return CBX_ERROR_ARGUMENT;
}

enum cbx_status cbx_breakpoint_add(struct cbx_machine *machine, const struct cbx_breakpoint *breakpoint,
				   unsigned *id)
{
	struct cbx_breakpoint b;
	struct entry *e;

	if (!machine || !breakpoint || !id || !options_take(&b, sizeof(b), breakpoint, breakpoint->size) ||
	    (unsigned)b.kind > CBX_BREAK_ACCESS)
		return CBX_ERROR_ARGUMENT;
	b.length = b.length ? b.length : 1;
	if (b.address + b.length - 1 < b.address)
		return machine_fail(machine, CBX_ERROR_ARGUMENT, "a breakpoint goes past the last address");
	e = append(machine->cpu);
	if (!e)
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a breakpoint");
	e->is_breakpoint = true;
	e->breakpoint = b;
	enlist(machine->cpu, id);
	return CBX_OK;
}

enum cbx_status cbx_breakpoint_remove(struct cbx_machine *machine, unsigned id)
{
	return take_away(machine, id, true);
}

enum cbx_status cbx_hook_add(struct cbx_machine *machine, const struct cbx_hook *hook, unsigned *id)
{
	struct cbx_hook h;
	struct entry *e;

	if (!machine || !hook || !id || !options_take(&h, sizeof(h), hook, hook->size) ||
	    (unsigned)h.kind >= CBX_HOOK_KINDS || !h.call)
		return CBX_ERROR_ARGUMENT;
	if (h.last < h.first)
		return machine_fail(machine, CBX_ERROR_ARGUMENT, "a hook's range ends before it begins");
	if (h.after && (h.kind < CBX_HOOK_READ || h.kind > CBX_HOOK_PORT_WRITE))
		return machine_fail(machine, CBX_ERROR_ARGUMENT,
				    "only hooks on accesses can be called after them");
	e = append(machine->cpu);
	if (!e)
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a hook");
	e->hook = h;
	enlist(machine->cpu, id);
	return CBX_OK;
}

enum cbx_status cbx_hook_remove(struct cbx_machine *machine, unsigned id)
{
	return take_away(machine, id, false);
}

/* ---- Calling ------------------------------------------------------------------------------------- */

static bool overlaps(uint64_t first, uint64_t last, uint64_t address, uint64_t width)
{
	return address <= last && address + (width - 1) >= first;
}

static bool filter_passes(const struct cpu *cpu, const struct cbx_hook *hook)
{
	if (hook->cpl_mask && !(hook->cpl_mask >> cpu->cpl & 1))
		return false;
	return !hook->match_cr3 || (cpu->cr3 ^ hook->cr3) < PAGE_SIZE;
}

static bool in_range(const struct cbx_hook *hook, uint64_t address)
{
	return (!hook->first && !hook->last) || (address >= hook->first && address <= hook->last);
}

/*
 * Control goes to the embedder: registers are made to look as at the instruction at work.
 * Returns what cpu->current was.
 */
static const struct insn *let_look(struct cpu *cpu, const struct insn *i)
{
	const struct insn *before = cpu->current;

	if (!i)
		i = before ? before : cpu->announced;
	if (i) {
		cpu->current = i;
		cpu->rip = i->ip;
	}
	cpu->hooks->depth++;
	return before;
}

static void looked(struct cpu *cpu, const struct insn *before)
{
	cpu->hooks->depth--;
	cpu->current = before;
}

static struct cbx_event event_here(const struct cpu *cpu, enum cbx_hook_kind kind)
{
	return (struct cbx_event){ .kind = kind, .cpl = cpu->cpl, .rip = cpu->rip,
				   .linear = code_linear(cpu, cpu->rip) };
}

static void stop_with(struct cpu *cpu, enum cbx_stop_reason reason, unsigned id,
		      const struct cbx_event *event)
{
	struct cbx_machine *machine = cpu->machine;

	if (machine->stop_pending)
		return;
	machine->stop_pending = true;
	machine->stop = (struct cbx_stop){ .reason = reason, .id = id };
	if (reason == CBX_STOP_WATCHPOINT) {
		machine->stop.address = event->address;
		machine->stop.write = event->kind == CBX_HOOK_WRITE;
		machine->stop.access_rip = event->rip;
	}
	cpu_attention(machine);
}

/* Calls one hook; a stop is noted, other answers are given back. */
static enum cbx_hook_action ask(struct cpu *cpu, const struct entry *e, struct cbx_event *event)
{
	enum cbx_hook_action (*call)(void *, struct cbx_machine *, struct cbx_event *) = e->hook.call;
	enum cbx_hook_action action;

	event->id = e->id;
	action = call(e->hook.user, cpu->machine, event);
	if (likely(action == CBX_HOOK_CONTINUE) || (unsigned)action > CBX_HOOK_JUMP)
		return CBX_HOOK_CONTINUE;
	if (action != CBX_HOOK_STOP)
		return action;
	stop_with(cpu, CBX_STOP_HOOK, event->id, event);
	return CBX_HOOK_CONTINUE;
}

static bool condition_holds(struct cpu *cpu, const struct entry *e)
{
	return !e->breakpoint.condition || e->breakpoint.condition(e->breakpoint.user, cpu->machine);
}

static void put_off(struct cpu *cpu, enum cbx_hook_action action, const struct cbx_event *event)
{
	struct hooks *hooks = cpu->hooks;

	if (action != CBX_HOOK_RAISE && action != CBX_HOOK_JUMP)
		return;
	hooks->pending = action;
	hooks->vector = event->raise_vector & 31;
	hooks->error = event->raise_error;
	hooks->has_error = event->raise_has_error;
	hooks->rip = event->jump_rip;
	cpu->hook_pending = true;
	cpu_attention(cpu->machine);
}

void hooks_carry_out(struct cpu *cpu)
{
	struct hooks *hooks = cpu->hooks;

	cpu->hook_pending = false;
	if (hooks->pending == CBX_HOOK_JUMP) {
		cpu->rip = hooks->rip & cpu->linear_mask;
	} else if (hooks->pending == CBX_HOOK_RAISE) {
		cpu->fault.vector = hooks->vector;
		cpu->fault.error = hooks->error;
		cpu->fault.has_error = hooks->has_error;
		exception_deliver(cpu);
		cpu->fault.vector = VECTOR_NONE;
	}
	hooks->pending = CBX_HOOK_CONTINUE;
}

/* ---- Instructions ---------------------------------------------------------------------------------- */

bool hooks_op_is_branch(unsigned op)
{
	if ((op >= OP_JO_Jb && op <= OP_JNLE_Jb) || (op >= OP_JO_Jz && op <= OP_JNLE_Jz) ||
	    (op >= OP_LOOPNE_Jb && op <= OP_JCXZ_Jb))
		return true;
	switch (op) {
	case OP_CALL_Ap: case OP_CALL_Jz: case OP_CALL_Ev: case OP_CALL_Mp:
	case OP_JMP_Jz: case OP_JMP_Jb: case OP_JMP_Ap: case OP_JMP_Ev: case OP_JMP_Mp:
	case OP_RET: case OP_RET_Iw: case OP_RETF: case OP_RETF_Iw: case OP_IRET:
	case OP_SYSCALL: case OP_SYSRET: case OP_SYSENTER: case OP_SYSEXIT: case OP_RSM:
		return true;
	default:
		return false;
	}
}

static bool is_conditional(unsigned op)
{
	return (op >= OP_JO_Jb && op <= OP_JNLE_Jb) || (op >= OP_JO_Jz && op <= OP_JNLE_Jz) ||
	       (op >= OP_LOOPNE_Jb && op <= OP_JCXZ_Jb);
}

/* The kind of hook that this very instruction has; CBX_HOOK_KINDS: none. */
static enum cbx_hook_kind kind_of(unsigned op)
{
	switch (op) {
	case OP_MOV_Cd_Rd: case OP_LMSW_Ew: case OP_CLTS: case OP_XSETBV: return CBX_HOOK_CONTROL_WRITE;
	case OP_RDMSR: return CBX_HOOK_MSR_READ;
	case OP_WRMSR: return CBX_HOOK_MSR_WRITE;
	case OP_CPUID: return CBX_HOOK_CPUID;
	case OP_RDTSC: case OP_RDTSCP: return CBX_HOOK_RDTSC;
	case OP_RDRAND_Rv: case OP_RDSEED_Rv: return CBX_HOOK_RDRAND;
	case OP_HLT: return CBX_HOOK_HLT;
	default: return CBX_HOOK_KINDS;
	}
}

bool hooks_want(const struct cpu *cpu, unsigned op, uint64_t linear, uint64_t physical, bool follows)
{
	const struct hooks *hooks = cpu->hooks;
	enum cbx_hook_kind kind = kind_of(op);

	/* What touches system structures, or delivers: so that they know who does. */
	if ((cpu->hooked & (HOOKED_DATA | HOOKED_EVENTS)) && (op_info[op].attributes & ATTRIBUTE_X))
		return true;
	if ((cpu->hooked & (1u << CBX_HOOK_BLOCK | 1u << CBX_HOOK_BRANCH)) &&
	    (follows || hooks_op_is_branch(op)))
		return true;
	if (kind != CBX_HOOK_KINDS && (cpu->hooked >> kind & 1))
		return true;
	for (unsigned n = 0; n < hooks->count; n++) {
		const struct entry *e = &hooks->list[n];

		if (!is_live(hooks, e))
			continue;
		if (e->is_breakpoint && e->breakpoint.kind == CBX_BREAK_EXECUTE &&
		    (e->breakpoint.physical ? physical : linear) - e->breakpoint.address <
			    e->breakpoint.length)
			return true;
		if (!e->is_breakpoint && e->hook.kind == CBX_HOOK_INSTRUCTION &&
		    in_range(&e->hook, e->hook.physical ? physical : linear))
			return true;
	}
	return false;
}

static void describe(const struct cpu *cpu, const struct insn *i, struct cbx_event *event)
{
	uint64_t pair = (uint64_t)reg32(cpu, REG_DX) << 32 | reg32(cpu, REG_AX);

	switch (event->kind) {
	case CBX_HOOK_CONTROL_WRITE:
		event->address = i->op == OP_MOV_Cd_Rd ? i->dst : i->op == OP_XSETBV ? 16 : 0;
		event->value = i->op == OP_MOV_Cd_Rd ? cpu->reg[i->src]
			     : i->op == OP_XSETBV    ? pair
			     : i->op == OP_CLTS	     ? cpu->cr0 & ~(uint64_t)CR0_TS
			     : i->flags & INSN_MEMORY ? cpu->cr0
			     : (cpu->cr0 & ~(uint64_t)14) | (cpu->reg[i->rm] & 15);
		break;
	case CBX_HOOK_MSR_WRITE:
		event->value = pair;
		event->address = reg32(cpu, REG_CX);
		break;
	case CBX_HOOK_MSR_READ:
		event->address = reg32(cpu, REG_CX);
		break;
	case CBX_HOOK_CPUID:
		event->address = reg32(cpu, REG_AX);
		event->other = reg32(cpu, REG_CX);
		break;
	default:
		event->address = event->linear;
		break;
	}
}

/* What is told of instruction i at its place. */
struct place {
	const struct insn *insn;
	uint64_t count, linear;
	bool begins, taken;             /* a block begins here; by a branch that was taken */
};

/* Does this entry want to hear of it?  Changes the event, which is an instruction hook's, to its own kind. */
static bool concerns(const struct cpu *cpu, const struct entry *e, const struct place *place,
		     struct cbx_event *event)
{
	const struct cbx_hook *hook = &e->hook;
	const struct insn *i = place->insn;

	event->kind = hook->kind;
	event->address = place->linear;
	event->other = i->context;
	event->value = 0;
	switch (hook->kind) {
	case CBX_HOOK_INSTRUCTION:
		break;
	case CBX_HOOK_BRANCH:
		if (!place->taken)
			return false;
		event->other = cpu->hooks->branch_linear;
		break;
	case CBX_HOOK_BLOCK:
		if (!place->begins)
			return false;
		break;
	default:
		if (kind_of(i->op) != hook->kind)
			return false;
		describe(cpu, i, event);
		break;
	}
	return in_range(hook, hook->physical ? i->context : event->address) && filter_passes(cpu, hook);
}

/* Leaves for the loop with the n-th instruction of its block, at ip, not executed. */
static bool leave_before(struct cpu *cpu, uint64_t ip, unsigned n)
{
	cpu->budget -= n - 1;
	cpu->rip = ip;
	cpu->hook_left = true;
	return false;
}

static bool break_here(struct cpu *cpu, const struct insn *i, uint64_t linear, uint64_t count)
{
	struct hooks *hooks = cpu->hooks;
	unsigned entries = hooks->count;

	if ((count == hooks->begin_count && i->ip == hooks->begin_ip) ||
	    (count == cpu->rep_count && i->ip == cpu->rep_ip))
		return false;
	for (unsigned n = 0; n < entries; n++) {
		const struct entry *e = &hooks->list[n];
		const struct cbx_breakpoint *b = &e->breakpoint;

		if (!is_live(hooks, e) || !e->is_breakpoint || b->kind != CBX_BREAK_EXECUTE ||
		    (b->physical ? i->context : linear) - b->address >= b->length)
			continue;
		if (condition_holds(cpu, e)) {
			stop_with(cpu, CBX_STOP_BREAKPOINT, hooks->list[n].id, NULL);
			return true;
		}
	}
	return false;
}

/* Calls the hooks; what the first one that wants more than to look has answered, and its event. */
static enum cbx_hook_action call_hooks(struct cpu *cpu, const struct place *place, struct cbx_event *event)
{
	struct hooks *hooks = cpu->hooks;
	unsigned entries = hooks->count;
	enum cbx_hook_action action = CBX_HOOK_CONTINUE;

	event->cpl = cpu->cpl;
	event->rip = place->insn->ip;
	event->linear = place->linear;
	event->width = place->insn->length;
	event->raise_vector = event->raise_error = 0;
	event->raise_has_error = false;
	event->jump_rip = 0;
	for (unsigned n = 0; n < entries && action == CBX_HOOK_CONTINUE; n++) {
		const struct entry *e = &hooks->list[n];

		if (!e->is_breakpoint && is_live(hooks, e) && (HOOKED_CODE >> e->hook.kind & 1) &&
		    concerns(cpu, e, place, event))
			action = ask(cpu, e, event);
	}
	return action;
}

static void note_branch(struct cpu *cpu, const struct place *place, bool conditional, uint64_t next)
{
	struct hooks *hooks = cpu->hooks;

	hooks->block_count = place->count + 1;
	hooks->after_branch = true;
	hooks->conditional = conditional;
	hooks->branch_linear = place->linear;
	hooks->fall_through = code_linear(cpu, next);
}

/* What the rest of the block depends on. */
struct before {
	uint64_t context;
	uint32_t code_writes;
};

/* After hooks: does the block simply go on? */
static INLINE bool undisturbed(const struct cpu *cpu, const struct before *before,
			       enum cbx_hook_action action, uint64_t ip)
{
	return action == CBX_HOOK_CONTINUE && cpu->rip == ip && cpu->context == before->context &&
	       cpu->code_writes == before->code_writes && !cpu->hooks_changed && !cpu->hook_disturbed &&
	       !cpu->machine->stop_pending;
}

/* It does not: what is to be done instead, with RIP where to go on.  Always false. */
static bool after_hooks(struct cpu *cpu, enum cbx_hook_action action, uint64_t ip, uint64_t next, unsigned n)
{
	const struct cbx_event *event = &cpu->hooks->event;

	if (action == CBX_HOOK_CONTINUE && cpu->rip == ip)
		return leave_before(cpu, ip, n);
	cpu->budget -= n;
	if (action == CBX_HOOK_CONTINUE) {
		cpu->rip &= cpu->linear_mask;
	} else if (action == CBX_HOOK_RAISE) {
		cpu->fault.vector = event->raise_vector & 31;
		cpu->fault.error = event->raise_error;
		cpu->fault.has_error = event->raise_has_error;
		cpu->rip = ip;
	} else {
		cpu->rip = action == CBX_HOOK_SKIP ? next : event->jump_rip & cpu->linear_mask;
	}
	return false;
}

/*
 * Tells everybody about the instruction after this record.  False: the chain is left, RIP is where
 * to go on.  Blocks may be flushed in hooks, so that i is not looked at after them.
 */
static NOINLINE bool announce(struct cpu *cpu, const struct insn *i)
{
	struct hooks *hooks = cpu->hooks;
	const bool blocks = cpu->hooked & (1u << CBX_HOOK_BLOCK | 1u << CBX_HOOK_BRANCH);
	const struct before before = { cpu->context, cpu->code_writes };
	uint64_t ip = i->ip, next = next_ip(i) & cpu->linear_mask;
	unsigned n = i->n;
	bool branch = blocks && hooks_op_is_branch(i->op), conditional = branch && is_conditional(i->op);
	struct place place = {
		.insn = i, .linear = code_linear(cpu, ip),
		.count = cpu->count_target - (uint64_t)(cpu->budget + BLOCK_LIMIT) + n - 1u
	};

	if (i->flags & (INSN_REP | INSN_REPNE))
		cpu->one_iteration = cpu->hooked >> CBX_HOOK_INSTRUCTION & 1;
	cpu->announced = i;
	if (blocks) {
		place.begins = place.count == hooks->block_count;
		place.taken = place.begins && hooks->after_branch &&
			      !(hooks->conditional && place.linear == hooks->fall_through);
	}
	if (place.count != hooks->told_count || ip != hooks->told_ip) {
		enum cbx_hook_action action = CBX_HOOK_CONTINUE;
		struct cbx_event *event = &hooks->event;
		bool stop = false;

		let_look(cpu, i);
		cpu->hook_disturbed = false;
		if (cpu->hooked & HOOKED_EXECUTE)
			stop = break_here(cpu, i, place.linear, place.count);
		if (!stop)
			action = call_hooks(cpu, &place, event);
		looked(cpu, NULL);
		if (stop)               /* hooks are called when it goes on */
			return leave_before(cpu, ip, n);
		hooks->told_count = place.count;
		hooks->told_ip = ip;
		if (unlikely(!undisturbed(cpu, &before, action, ip)) &&
		    !after_hooks(cpu, action, ip, next, n))
			return false;
	}
	if (branch)
		note_branch(cpu, &place, conditional, next);
	return true;
}

/* The same for one instruction hook on everything. */
static NOINLINE bool announce_plainly(struct cpu *cpu, const struct insn *i)
{
	struct hooks *hooks = cpu->hooks;
	const struct entry *plain = hooks->plain;
	const struct before before = { cpu->context, cpu->code_writes };
	struct cbx_event *event = &hooks->event;
	uint64_t count = cpu->count_target - (uint64_t)(cpu->budget + BLOCK_LIMIT) + i->n - 1u, ip = i->ip;
	uint64_t next = next_ip(i) & cpu->linear_mask;
	enum cbx_hook_action action;
	unsigned n = i->n;

	if (!plain)                     /* another came or this one went, and the block is old */
		return announce(cpu, i);
	if (i->flags & (INSN_REP | INSN_REPNE))
		cpu->one_iteration = true;
	if (count == hooks->told_count && ip == hooks->told_ip)
		return true;
	hooks->told_count = count;
	hooks->told_ip = ip;
	event->kind = CBX_HOOK_INSTRUCTION;
	event->cpl = cpu->cpl;
	event->id = plain->id;
	event->rip = ip;
	event->address = event->linear = code_linear(cpu, ip);
	event->other = i->context;
	event->value = 0;
	event->width = i->length;
	event->raise_vector = event->raise_error = 0;
	event->raise_has_error = false;
	event->jump_rip = 0;
	cpu->hook_disturbed = false;
	cpu->current = i;
	cpu->rip = ip;
	hooks->depth++;
	action = plain->hook.call(plain->hook.user, cpu->machine, event);
	hooks->depth--;
	cpu->current = NULL;
	if (likely(undisturbed(cpu, &before, action, ip)))
		return true;
	if (action == CBX_HOOK_STOP)
		stop_with(cpu, CBX_STOP_HOOK, event->id, event);
	if (action == CBX_HOOK_STOP || (unsigned)action > CBX_HOOK_JUMP)
		action = CBX_HOOK_CONTINUE;
	return after_hooks(cpu, action, ip, next, n);
}

HANDLER(op_HOOK_PLAIN)
{
	if (!announce_plainly(cpu, i))
		return NULL;
	NEXT(cpu, i);
}

insn_fn *hooks_record(const struct cpu *cpu)
{
	return cpu->hooks->plain ? op_HOOK_PLAIN : op_HOOK;
}

bool hooks_is_record(const struct insn *i)
{
	return i->run == op_HOOK || i->run == op_HOOK_PLAIN;
}

HANDLER(op_HOOK)
{
	if (!announce(cpu, i))
		return NULL;
	NEXT(cpu, i);
}

void hooks_run_begins(struct cpu *cpu)
{
	if (!cpu->hooks)
		return;
	cpu->hooks->begin_count = cpu->count;
	cpu->hooks->begin_ip = cpu->rip;
}

/* ---- Data ------------------------------------------------------------------------------------------ */

static bool watches(const struct entry *e, bool write)
{
	if (!e->is_breakpoint)
		return e->hook.kind == (write ? CBX_HOOK_WRITE : CBX_HOOK_READ);
	return e->breakpoint.kind == CBX_BREAK_ACCESS ||
	       e->breakpoint.kind == (write ? CBX_BREAK_WRITE : CBX_BREAK_READ);
}

static void data_range(const struct entry *e, bool *physical, uint64_t *first, uint64_t *last)
{
	if (e->is_breakpoint) {
		*physical = e->breakpoint.physical;
		*first = e->breakpoint.address;
		*last = *first + (e->breakpoint.length - 1);
	} else {
		bool any = !e->hook.first && !e->hook.last;

		*physical = e->hook.physical;
		*first = e->hook.first;
		*last = any ? UINT64_MAX : e->hook.last;
	}
}

static bool watched_in(const struct cpu *cpu, uint64_t address, uint64_t width, bool physically)
{
	const struct hooks *hooks = cpu->hooks;

	for (unsigned n = 0; n < hooks->count; n++) {
		const struct entry *e = &hooks->list[n];
		uint64_t first, last;
		bool physical;

		if (!is_data(e) || !is_live(hooks, e))
			continue;
		data_range(e, &physical, &first, &last);
		if (physical == physically && overlaps(first, last, address, width))
			return true;
	}
	return false;
}

bool hooks_watch_page(const struct cpu *cpu, uint64_t linear_page)
{
	return (cpu->hooked & HOOKED_DATA) && watched_in(cpu, linear_page, PAGE_SIZE, false);
}

bool hooks_watch_physical(const struct cpu *cpu, uint64_t physical)
{
	return (cpu->hooked & HOOKED_PHYSICAL) &&
	       watched_in(cpu, physical & ~(uint64_t)PAGE_MASK, PAGE_SIZE, true);
}

/* Does the access touch what e looks at?  *at: the first such byte's address. */
static bool touches(const struct entry *e, const struct hooked_access *access, uint64_t *at)
{
	uint64_t first, last, address = access->linear;
	unsigned width = access->width;
	bool physical;

	data_range(e, &physical, &first, &last);
	if (physical) {
		unsigned rest = width > access->in_first ? width - access->in_first : 0;

		address = access->physical;
		width -= rest;
		if (!overlaps(first, last, address, width)) {
			if (!rest || !overlaps(first, last, access->physical2, rest))
				return false;
			address = access->physical2;
		}
	} else if (!overlaps(first, last, address, width)) {
		return false;
	}
	*at = address < first ? first : address;
	return true;
}

static struct cbx_event access_event(const struct cpu *cpu, const struct hooked_access *access, bool after)
{
	struct cbx_event event = event_here(cpu, access->write ? CBX_HOOK_WRITE : CBX_HOOK_READ);

	event.after = after;
	event.address = access->linear;
	event.other = access->physical;
	event.width = access->width;
	event.bytes = access->bytes;
	return event;
}

static enum cbx_hook_action tell_access(struct cpu *cpu, const struct hooked_access *access, bool after,
					struct cbx_event *event)
{
	struct hooks *hooks = cpu->hooks;
	unsigned entries = hooks->count;
	enum cbx_hook_action action = CBX_HOOK_CONTINUE;
	const struct insn *before = let_look(cpu, access->insn);
	uint64_t rip = cpu->rip;

	*event = access_event(cpu, access, after);
	for (unsigned n = 0; n < entries && action == CBX_HOOK_CONTINUE; n++) {
		const struct entry *e = &hooks->list[n];
		uint64_t at;

		if (!is_live(hooks, e) || !watches(e, access->write) || !touches(e, access, &at))
			continue;
		if (e->is_breakpoint) {
			if (after && condition_holds(cpu, e)) {
				struct cbx_event met = *event;

				met.address = at;
				stop_with(cpu, CBX_STOP_WATCHPOINT, hooks->list[n].id, &met);
			}
		} else if (e->hook.after == after && filter_passes(cpu, &e->hook)) {
			action = ask(cpu, e, event);
		}
	}
	looked(cpu, before);
	if (action == CBX_HOOK_CONTINUE && cpu->rip != rip) {
		event->jump_rip = cpu->rip;
		action = CBX_HOOK_JUMP;
	}
	return action;
}

enum hooked hooks_before_access(struct cpu *cpu, const struct hooked_access *access)
{
	struct cbx_event event;
	enum cbx_hook_action action = tell_access(cpu, access, false, &event);

	if (action == CBX_HOOK_RAISE && access->may_fault) {
		cpu->fault.vector = event.raise_vector & 31;
		cpu->fault.error = event.raise_error;
		cpu->fault.has_error = event.raise_has_error;
		return HOOKED_FAULT;
	}
	put_off(cpu, action, &event);
	return action == CBX_HOOK_SKIP ? HOOKED_SKIP : HOOKED_GO;
}

void hooks_after_access(struct cpu *cpu, const struct hooked_access *access)
{
	struct cbx_event event;
	enum cbx_hook_action action = tell_access(cpu, access, true, &event);

	put_off(cpu, action, &event);
}

/* ---- Ports and devices ------------------------------------------------------------------------------ */

static enum cbx_hook_action tell(struct cpu *cpu, const struct cbx_event *proto, uint64_t *value)
{
	struct hooks *hooks = cpu->hooks;
	unsigned entries = hooks->count;
	enum cbx_hook_action action = CBX_HOOK_CONTINUE;
	const struct insn *before = let_look(cpu, NULL);
	uint64_t rip = cpu->rip;
	struct cbx_event event = event_here(cpu, proto->kind);

	event.after = proto->after;
	event.address = proto->address;
	event.other = proto->other;
	event.width = proto->width;
	event.value = *value;
	event.software = proto->software;
	event.has_error = proto->has_error;
	event.error = proto->error;
	for (unsigned n = 0; n < entries && action == CBX_HOOK_CONTINUE; n++) {
		const struct entry *e = &hooks->list[n];

		if (is_live(hooks, e) && !e->is_breakpoint && e->hook.kind == event.kind &&
		    e->hook.after == event.after && in_range(&e->hook, event.address) &&
		    filter_passes(cpu, &e->hook))
			action = ask(cpu, e, &event);
	}
	looked(cpu, before);
	*value = event.value;
	/* A delivery saves RIP: there it is simply another one. */
	if (action == CBX_HOOK_CONTINUE && cpu->rip != rip && event.kind != CBX_HOOK_EXCEPTION) {
		event.jump_rip = cpu->rip;
		action = CBX_HOOK_JUMP;
	}
	put_off(cpu, action, &event);
	return action;
}

bool hooks_before_io(struct cpu *cpu, enum cbx_hook_kind kind, uint64_t address, unsigned width,
		     uint64_t *value)
{
	struct cbx_event event = { .kind = kind, .address = address, .width = width };

	return tell(cpu, &event, value) != CBX_HOOK_SKIP;
}

void hooks_after_io(struct cpu *cpu, enum cbx_hook_kind kind, uint64_t address, unsigned width,
		    uint64_t *value)
{
	struct cbx_event event = { .kind = kind, .after = true, .address = address, .width = width };

	tell(cpu, &event, value);
}

/* ---- Interrupts, exceptions, CR3 ---------------------------------------------------------------------- */

bool hooks_delivery(struct cpu *cpu, uint32_t vector, enum interrupt_kind kind, bool has_error,
		    uint32_t error, uint64_t return_rip)
{
	uint64_t ip = cpu->announced ? cpu->announced->ip : cpu->rip;
	struct cbx_event event = {
		.kind = kind == INTERRUPT_EXCEPTION ? CBX_HOOK_EXCEPTION : CBX_HOOK_INTERRUPT,
		.address = vector, .has_error = has_error, .error = error,
		.software = kind != INTERRUPT_EXCEPTION && kind != INTERRUPT_EXTERNAL
	};
	uint64_t value = 0;

	if (!(cpu->hooked >> event.kind & 1))
		return true;
	if (tell(cpu, &event, &value) != CBX_HOOK_SKIP)
		return true;
	if (event.software && cpu->rip == ip)
		cpu->rip = return_rip;
	return false;
}

void hooks_delivered(struct cpu *cpu)
{
	/* In a chain INT n is the instruction; from the loop none is. */
	cpu->hooks->block_count = cpu->announced ? NEVER : cpu->count;
	if (cpu->announced) {
		cpu->current = cpu->announced;
		cpu->hooks->block_count = cpu_instruction_count(cpu->machine) + 1;
		cpu->current = NULL;
	}
	cpu->hooks->after_branch = false;
}

void hooks_cr3(struct cpu *cpu, uint64_t old)
{
	struct cbx_event event = { .kind = CBX_HOOK_CR3, .address = old };
	uint64_t value = cpu->cr3;

	if (cpu->hooked >> CBX_HOOK_CR3 & 1)
		tell(cpu, &event, &value);
}
