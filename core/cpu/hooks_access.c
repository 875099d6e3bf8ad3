/* What looks at accesses and deliveries: watchpoints, hooks on data, ports, MMIO, interrupts, CR3 (hooks.h). */
#include "hooks_list.h"

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
static bool touches(const struct cpu *cpu, const struct entry *e, const struct hooked_access *access, uint64_t *at)
{
	unsigned rest = access->width > access->in_first ? access->width - access->in_first : 0;
	uint64_t first, last, address;
	bool physical;

	data_range(e, &physical, &first, &last);
	address = physical ? access->physical : access->linear;
	if (!overlaps(first, last, address, access->width - rest)) {
		/* After the last linear address comes 0. */
		address = physical ? access->physical2 : (address + access->in_first) & cpu->linear_mask;
		if (!rest || !overlaps(first, last, address, rest))
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

		if (!is_live(hooks, e) || !watches(e, access->write) || !touches(cpu, e, access, &at))
			continue;
		if (e->is_breakpoint) {
			if (after && condition_holds(cpu, e)) {
				struct cbx_event met = *event;

				met.address = at;
				hooks_stop_with(cpu, CBX_STOP_WATCHPOINT, hooks->list[n].id, &met);
			}
		} else if (e->hook.after == after && filter_passes(cpu, &e->hook)) {
			action = hooks_ask(cpu, e, event);
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
	hooks_put_off(cpu, action, &event);
	return action == CBX_HOOK_SKIP ? HOOKED_SKIP : HOOKED_GO;
}

void hooks_after_access(struct cpu *cpu, const struct hooked_access *access)
{
	struct cbx_event event;
	enum cbx_hook_action action = tell_access(cpu, access, true, &event);

	hooks_put_off(cpu, action, &event);
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
			action = hooks_ask(cpu, e, &event);
	}
	looked(cpu, before);
	*value = event.value;
	/* A delivery saves RIP: there it is simply another one. */
	if (action == CBX_HOOK_CONTINUE && cpu->rip != rip && event.kind != CBX_HOOK_EXCEPTION) {
		event.jump_rip = cpu->rip;
		action = CBX_HOOK_JUMP;
	}
	hooks_put_off(cpu, action, &event);
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
	cpu->hook_skipped = true;
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
