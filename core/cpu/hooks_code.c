/*
 * What looks at instructions: execution breakpoints; hooks on instructions, blocks, branches and single
 * kinds of instructions (hooks.h).  The op_HOOK records that blocks.c puts in front of instructions run here.
 */
#include "handlers.h"
#include "hooks_list.h"
#include "opcodes_info.h"

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
			hooks_stop_with(cpu, CBX_STOP_BREAKPOINT, hooks->list[n].id, NULL);
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
			action = hooks_ask(cpu, e, event);
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
		hooks_stop_with(cpu, CBX_STOP_HOOK, event->id, event);
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
