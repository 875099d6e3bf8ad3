/* Breakpoints, watchpoints and hooks: the list, and how they are called (hooks.h, clearbox/debug.h). */
#include "blocks.h"
#include "hooks_list.h"
#include "memory.h"
#include "system.h"

/* ---- The list --------------------------------------------------------------------------------- */

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
	watch_changed(cpu);
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
	struct hooks *list = machine->cpu->hooks;
	bool differs = false;

	/* All blocks are made anew: only if there is anything that this concerns. */
	for (unsigned n = 0; list && n < list->count; n++)
		differs = differs || (list->list[n].is_breakpoint ? list->quiet_breakpoints != breakpoints
								  : list->quiet_hooks != hooks);
	if (!list)
		return;
	list->quiet_hooks = hooks;
	list->quiet_breakpoints = breakpoints;
	if (differs)
		changed(machine->cpu);
}

uint64_t hooks_changes(const struct cbx_machine *machine)
{
	return machine->cpu->hooks ? machine->cpu->hooks->changes : 0;
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
	cpu->hooks->changes++;
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
		hooks->changes++;
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

void hooks_stop_with(struct cpu *cpu, enum cbx_stop_reason reason, unsigned id,
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

enum cbx_hook_action hooks_ask(struct cpu *cpu, const struct entry *e, struct cbx_event *event)
{
	enum cbx_hook_action (*call)(void *, struct cbx_machine *, struct cbx_event *) = e->hook.call;
	enum cbx_hook_action action;

	event->id = e->id;
	action = call(e->hook.user, cpu->machine, event);
	if (likely(action == CBX_HOOK_CONTINUE) || (unsigned)action > CBX_HOOK_JUMP)
		return CBX_HOOK_CONTINUE;
	if (action != CBX_HOOK_STOP)
		return action;
	hooks_stop_with(cpu, CBX_STOP_HOOK, event->id, event);
	return CBX_HOOK_CONTINUE;
}

void hooks_put_off(struct cpu *cpu, enum cbx_hook_action action, const struct cbx_event *event)
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
