/*
 * What the files of hooks share: hooks.c (the list, calling), hooks_code.c (what looks at instructions),
 * hooks_access.c (what looks at data, ports and deliveries).
 */
#ifndef CORE_CPU_HOOKS_LIST_H
#define CORE_CPU_HOOKS_LIST_H

#include "access.h"
#include "branch.h"
#include "hooks.h"

struct entry {
	unsigned id;
	bool dead, is_breakpoint;
	struct cbx_hook hook;
	struct cbx_breakpoint breakpoint;
};

struct hooks {
	struct entry *list;
	unsigned count, capacity, next_id;
	uint64_t changes;               /* how often one came or went */
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

static INLINE bool is_data(const struct entry *e)
{
	if (e->is_breakpoint)
		return e->breakpoint.kind != CBX_BREAK_EXECUTE;
	return e->hook.kind == CBX_HOOK_READ || e->hook.kind == CBX_HOOK_WRITE;
}

static INLINE bool is_live(const struct hooks *hooks, const struct entry *e)
{
	return !e->dead && !(e->is_breakpoint ? hooks->quiet_breakpoints : hooks->quiet_hooks);
}

static INLINE bool overlaps(uint64_t first, uint64_t last, uint64_t address, uint64_t width)
{
	return address <= last && address + (width - 1) >= first;
}

static INLINE bool filter_passes(const struct cpu *cpu, const struct cbx_hook *hook)
{
	if (hook->cpl_mask && !(hook->cpl_mask >> cpu->cpl & 1))
		return false;
	return !hook->match_cr3 || (cpu->cr3 ^ hook->cr3) < PAGE_SIZE;
}

static INLINE bool in_range(const struct cbx_hook *hook, uint64_t address)
{
	return (!hook->first && !hook->last) || (address >= hook->first && address <= hook->last);
}

/*
 * Control goes to the embedder: registers are made to look as at the instruction at work.
 * Returns what cpu->current was.
 */
static INLINE const struct insn *let_look(struct cpu *cpu, const struct insn *i)
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

static INLINE void looked(struct cpu *cpu, const struct insn *before)
{
	cpu->hooks->depth--;
	cpu->current = before;
}

static INLINE struct cbx_event event_here(const struct cpu *cpu, enum cbx_hook_kind kind)
{
	return (struct cbx_event){ .kind = kind, .cpl = cpu->cpl, .rip = cpu->rip,
				   .linear = code_linear(cpu, cpu->rip) };
}

static INLINE bool condition_holds(struct cpu *cpu, const struct entry *e)
{
	return !e->breakpoint.condition || e->breakpoint.condition(e->breakpoint.user, cpu->machine);
}

/* ---- hooks.c ----------------------------------------------------------------------------------- */

/* The run ends with this instruction; the first reason counts. */
void hooks_stop_with(struct cpu *cpu, enum cbx_stop_reason reason, unsigned id,
		     const struct cbx_event *event);
/* Calls one hook; a stop is noted, other answers are given back. */
enum cbx_hook_action hooks_ask(struct cpu *cpu, const struct entry *e, struct cbx_event *event);
/* A trap or a jump waits for the end of the instruction. */
void hooks_put_off(struct cpu *cpu, enum cbx_hook_action action, const struct cbx_event *event);

#endif
