/*
 * The monitor's debugger: breakpoints with conditions, watchpoints, steps, a trace of instructions
 * into a file, the last branches.  All by the library's debug.h; guest memory is not touched.
 */
#include "monitor_debug.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clearbox/debug.h>

#include "expression.h"
#include "monitor_commands.h"
#include "output_file.h"
#include "session.h"

enum { POINTS = 64, BRANCHES = 256, STEPS_MAX = 1000000 };

struct point {
	unsigned id;                    /* the library's; 0: free */
	struct session *session;
	struct cbx_breakpoint what;
	bool catch;                     /* a hook on exceptions */
	unsigned vector;
	uint64_t met;                   /* how often its condition was asked or it stopped */
	char condition[200];            /* "": none */
	char problem[200];              /* of the condition, when it was asked last */
};

struct monitor_debug {
	struct point points[POINTS];
	FILE *trace;
	char trace_name[256];
	unsigned trace_id;
	uint64_t trace_left;            /* instructions that may still be written */
	unsigned branch_id;
	struct {
		uint64_t from, to;
	} branches[BRANCHES];
	uint64_t branch_count;
};

static struct monitor_debug *debug(struct monitor_call *call)
{
	struct session *s = call->session;

	if (!s->debug)
		s->debug = calloc(1, sizeof(*s->debug));
	if (!s->debug)
		monitor_fail(call, "no memory; close other programs");
	return s->debug;
}

/* ---- Where are we? ---------------------------------------------------------------------- */

static uint64_t get(struct session *session, enum cbx_register which)
{
	uint64_t value = 0;

	cbx_register_read(session->machine, which, &value);
	return value;
}

static uint64_t linear_pc(struct session *session)
{
	uint64_t rip = get(session, CBX_RIP);

	return monitor_code_bits(session) == 64 ? rip : get(session, CBX_CS_BASE) + rip;
}

static void show_place(struct monitor_call *call)
{
	monitor_print(call, "%04llx:%0*llx ", (unsigned long long)get(call->session, CBX_CS),
		      monitor_code_bits(call->session) == 64 ? 16 : 8,
		      (unsigned long long)get(call->session, CBX_RIP));
	monitor_disassemble(call, false, linear_pc(call->session), 1);
}

/* ---- Breakpoints --------------------------------------------------------------------------- */

static bool ask(void *user, struct cbx_machine *machine)
{
	struct point *p = user;
	uint64_t value;

	p->met++;
	p->problem[0] = 0;
	if (!p->condition[0])
		return true;
	/* What cannot be computed stops: better than never to. */
	return !expression_evaluate(machine, &p->session->symbols, p->condition, &value, p->problem,
				    sizeof(p->problem)) || value;
}

static enum cbx_hook_action caught(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	struct point *p = user;

	return event->address == p->vector && ask(p, machine) ? CBX_HOOK_STOP : CBX_HOOK_CONTINUE;
}

static struct point *free_point(struct monitor_call *call)
{
	struct monitor_debug *d = debug(call);

	for (unsigned i = 0; d && i < POINTS; i++) {
		if (d->points[i].id)
			continue;
		memset(&d->points[i], 0, sizeof(d->points[i]));
		d->points[i].session = call->session;
		return &d->points[i];
	}
	if (d)
		monitor_fail(call, "there are %d already; delete one", POINTS);
	return NULL;
}

/* "ADDRESS if CONDITION": splits the line after the command. */
static bool split_condition(struct monitor_call *call, struct point *p, char *first, size_t size)
{
	const char *at = strstr(call->rest, " if ");
	size_t length = at ? (size_t)(at - call->rest) : strlen(call->rest);
	uint64_t value;
	char error[200];

	if (length >= size || (at && strlen(at + 4) >= sizeof(p->condition)))
		return monitor_fail(call, "that is too long; write a shorter one");
	memcpy(first, call->rest, length);
	first[length] = 0;
	if (!at)
		return true;
	strcpy(p->condition, at + 4);
	/* Memory may not be there yet, but what is no expression never will be. */
	if (!expression_evaluate(call->session->machine, &call->session->symbols, p->condition,
				 &value, error, sizeof(error)) &&
	    !strstr(error, "no memory"))
		return monitor_fail(call, "if %s: %s", p->condition, error);
	return true;
}

static bool add_point(struct monitor_call *call, struct point *p)
{
	unsigned id;

	p->what.size = sizeof(p->what);
	p->what.condition = ask;
	p->what.user = p;
	if (cbx_breakpoint_add(call->session->machine, &p->what, &id))
		return monitor_fail(call, "%s", cbx_machine_error(call->session->machine));
	p->id = id;
	monitor_print(call, "%u: %s%s at 0x%llx\n", id, p->what.physical ? "physical " : "",
		      p->what.kind == CBX_BREAK_EXECUTE ? "breakpoint" : "watchpoint",
		      (unsigned long long)p->what.address);
	return true;
}

static bool run_break(struct monitor_call *call)
{
	struct point *p = free_point(call);
	char first[MONITOR_LINE];

	if (!p || !split_condition(call, p, first, sizeof(first)) ||
	    !monitor_value(call, first, &p->what.address))
		return false;
	p->what.kind = CBX_BREAK_EXECUTE;
	p->what.physical = !strcmp(call->format, "p");
	if (*call->format && !p->what.physical)
		return monitor_fail(call, "/%.20s: there is /p (a physical address) only",
				    call->format);
	return add_point(call, p);
}

static bool run_watch(struct monitor_call *call)
{
	struct point *p = free_point(call);
	char first[MONITOR_LINE], *comma;

	if (!p || !split_condition(call, p, first, sizeof(first)))
		return false;
	p->what.kind = CBX_BREAK_WRITE;
	for (const char *at = call->format; *at; at++) {
		if (*at == 'p')
			p->what.physical = true;
		else if (*at == 'r' || *at == 'w' || *at == 'a')
			p->what.kind = *at == 'r'   ? CBX_BREAK_READ
				       : *at == 'w' ? CBX_BREAK_WRITE
						    : CBX_BREAK_ACCESS;
		else
			return monitor_fail(call,
					    "/%.20s: there are r, w, a (either) and p (physical)",
					    call->format);
	}
	comma = strrchr(first, ',');
	if (comma)
		*comma++ = 0;
	p->what.length = 1;
	if (!monitor_value(call, first, &p->what.address) ||
	    (comma && !monitor_value(call, comma, &p->what.length)))
		return false;
	return add_point(call, p);
}

static bool run_catch(struct monitor_call *call)
{
	struct cbx_hook hook = { .size = sizeof(hook), .kind = CBX_HOOK_EXCEPTION, .call = caught };
	char first[MONITOR_LINE];
	struct point *p;
	uint64_t vector;

	if (!strcmp(call->words[0], "triple")) {
		if (call->count > 2 || (call->count == 2 && strcmp(call->words[1], "off")))
			return monitor_fail(call, "try catch triple, or catch triple off");
		call->session->catch_triple = call->count == 1;
		return true;
	}
	p = free_point(call);
	if (!p || !split_condition(call, p, first, sizeof(first)) ||
	    !monitor_value(call, first, &vector))
		return false;
	if (vector > 31)
		return monitor_fail(call, "exceptions are 0 to 31; 14 is the page fault");
	p->catch = true;
	p->vector = (unsigned)vector;
	hook.user = p;
	if (cbx_hook_add(call->session->machine, &hook, &p->id)) {
		p->id = 0;
		return monitor_fail(call, "%s", cbx_machine_error(call->session->machine));
	}
	monitor_print(call, "%u: exception %u\n", p->id, p->vector);
	return true;
}

static void remove_point(struct session *session, struct point *p)
{
	if (p->catch)
		cbx_hook_remove(session->machine, p->id);
	else
		cbx_breakpoint_remove(session->machine, p->id);
	p->id = 0;
}

static bool run_delete(struct monitor_call *call)
{
	struct monitor_debug *d = call->session->debug;
	int64_t id = 0;
	bool found = false;

	if (call->count && !monitor_number(call, call->words[0], &id))
		return false;
	for (unsigned i = 0; d && i < POINTS; i++) {
		if (!d->points[i].id || (call->count && d->points[i].id != (uint64_t)id))
			continue;
		remove_point(call->session, &d->points[i]);
		found = true;
	}
	return found || !call->count ||
	       monitor_fail(call, "there is no %.40s; info breakpoints lists them", call->words[0]);
}

static void print_point(struct monitor_call *call, const struct point *p)
{
	static const char *const kinds[] = { "breakpoint", "read watchpoint", "write watchpoint",
					     "access watchpoint" };
	char name[200];

	if (p->catch)
		monitor_print(call, "%u: exception %u", p->id, p->vector);
	else
		monitor_print(call, "%u: %s%s at 0x%llx", p->id,
			      p->what.physical ? "physical " : "", kinds[p->what.kind],
			      (unsigned long long)p->what.address);
	if (!p->catch && *monitor_symbol(call->session, p->what.address, name, sizeof(name)))
		monitor_print(call, " <%s>", name);
	if (!p->catch && p->what.length > 1)
		monitor_print(call, ", %llu bytes", (unsigned long long)p->what.length);
	if (*p->condition)
		monitor_print(call, " if %s", p->condition);
	monitor_print(call, ", met %llu times\n", (unsigned long long)p->met);
}

static bool info_breakpoints(struct monitor_call *call)
{
	const struct monitor_debug *d = call->session->debug;
	bool some = false;

	for (unsigned i = 0; d && i < POINTS; i++) {
		if (!d->points[i].id)
			continue;
		print_point(call, &d->points[i]);
		some = true;
	}
	if (!some)
		monitor_print(call, "there are none\n");
	return true;
}

/* ---- Stops ---------------------------------------------------------------------------------- */

void monitor_debug_stopped(struct session *session)
{
	struct monitor_call call = {
		.session = session, .output = monitor_port_notice, .user = session, .name = "stop"
	};
	struct monitor_debug *d = session->debug;

	if (session->stop.reason == CBX_STOP_TRIPLE_FAULT) {
		monitor_autopsy(session, monitor_port_notice, session);
		return;
	}
	for (unsigned i = 0; d && i < POINTS; i++) {
		const struct point *p = &d->points[i];

		if (!p->id || p->id != session->stop.id)
			continue;
		monitor_print(&call, "\nstopped by ");
		print_point(&call, p);
		if (*p->problem)
			monitor_print(&call, "its condition cannot be computed: %s\n", p->problem);
		if (session->stop.reason == CBX_STOP_WATCHPOINT)
			monitor_print(&call, "%s of 0x%llx by the instruction at 0x%llx\n",
				      session->stop.write ? "write" : "read",
				      (unsigned long long)session->stop.address,
				      (unsigned long long)session->stop.access_rip);
		show_place(&call);
		return;
	}
}

static bool run_step(struct monitor_call *call)
{
	struct session *s = call->session;
	uint64_t count = 1;

	if (call->count && !monitor_value(call, call->rest, &count))
		return false;
	if (!count || count > STEPS_MAX)
		return monitor_fail(call,
				    "from 1 to %d steps; to go on until something happens: cont",
				    STEPS_MAX);
	s->paused = true;
	while (count--) {
		struct cbx_stop stop;

		if (cbx_step(s->machine, &stop))
			return monitor_fail(call, "%s", cbx_machine_error(s->machine));
		s->instructions += stop.instructions;
		s->stop = stop;
		if (stop.reason == CBX_STOP_LIMIT)
			continue;
		if (stop.reason == CBX_STOP_BREAKPOINT || stop.reason == CBX_STOP_WATCHPOINT ||
		    stop.reason == CBX_STOP_HOOK)
			monitor_debug_stopped(s);
		else if (*stop.detail)
			monitor_print(call, "%s\n", stop.detail);
		break;
	}
	show_place(call);
	return true;
}

/* ---- The trace --------------------------------------------------------------------------------
 */

static void trace_stop(struct session *session)
{
	struct monitor_debug *d = session->debug;

	if (!d || !d->trace)
		return;
	cbx_hook_remove(session->machine, d->trace_id);
	fclose(d->trace);
	d->trace = NULL;
}

static enum cbx_hook_action trace_instruction(void *user, struct cbx_machine *machine,
					      struct cbx_event *event)
{
	struct session *session = user;
	struct monitor_debug *d = session->debug;
	char text[160] = "?", name[200];
	unsigned have = 15, length = 0;
	uint8_t bytes[15];

	if (!d->trace_left || ferror(d->trace))
		return CBX_HOOK_CONTINUE;
	d->trace_left--;
	while (have && cbx_linear_read(machine, event->linear, bytes, have))
		have--;
	if (have)
		cbx_disassemble(bytes, have, monitor_code_bits(session), event->rip, text,
				sizeof(text), &length);
	fprintf(d->trace, "%llu %u %04llx:%llx ",
		(unsigned long long)cbx_instruction_count(machine), event->cpl,
		(unsigned long long)get(session, CBX_CS), (unsigned long long)event->rip);
	for (unsigned i = 0; i < length && i < have; i++)
		fprintf(d->trace, "%02x", bytes[i]);
	fprintf(d->trace, " %s", text);
	if (session->symbols.count && *monitor_symbol(session, event->linear, name, sizeof(name)))
		fprintf(d->trace, " <%s>", name);
	fputc('\n', d->trace);
	return CBX_HOOK_CONTINUE;
}

/* from=, to=, cpl=, cr3=, max= */
static bool trace_filter(struct monitor_call *call, const char *word, struct cbx_hook *hook,
			 uint64_t *most)
{
	static const char *const names[] = { "from=", "to=", "cpl=", "cr3=", "max=" };
	uint64_t value;

	for (unsigned i = 0; i < 5; i++) {
		if (strncmp(word, names[i], strlen(names[i])))
			continue;
		if (!monitor_value(call, word + strlen(names[i]), &value))
			return false;
		if (i == 2 && value > 3)
			return monitor_fail(call, "%.40s: levels are 0 to 3", word);
		switch (i) {
		case 0:
			hook->first = value;
			break;
		case 1:
			hook->last = value;
			break;
		case 2:
			hook->cpl_mask |= (uint8_t)(1 << value);
			break;
		case 3:
			hook->match_cr3 = true;
			hook->cr3 = value;
			break;
		default:
			*most = value;
		}
		return true;
	}
	return monitor_fail(call, "%.60s is no filter; there are from=A to=A cpl=N cr3=N max=N",
			    word);
}

static bool run_trace(struct monitor_call *call)
{
	struct session *s = call->session;
	struct cbx_hook hook = { .size = sizeof(hook),
				 .kind = CBX_HOOK_INSTRUCTION,
				 .call = trace_instruction,
				 .user = s };
	struct monitor_debug *d = debug(call);
	uint64_t most = UINT64_MAX;

	if (!d)
		return false;
	if (!strcmp(call->words[0], "off")) {
		trace_stop(s);
		return true;
	}
	for (unsigned i = 1; i < call->count; i++)
		if (!trace_filter(call, call->words[i], &hook, &most))
			return false;
	if (hook.first && !hook.last)
		hook.last = UINT64_MAX;
	if (hook.last < hook.first)
		return monitor_fail(call, "to= is before from=");
	trace_stop(s);
	d->trace = output_file(call->words[0]);
	if (!d->trace)
		return monitor_fail(call, "%.200s: %s; try another name", call->words[0],
				    output_problem(errno));
	d->trace_left = most;
	snprintf(d->trace_name, sizeof(d->trace_name), "%.200s", call->words[0]);
	if (!cbx_hook_add(s->machine, &hook, &d->trace_id))
		return true;
	fclose(d->trace);
	d->trace = NULL;
	return monitor_fail(call, "%s", cbx_machine_error(s->machine));
}

/* ---- The last branches
 * ---------------------------------------------------------------------------- */

static enum cbx_hook_action note_branch(void *user, struct cbx_machine *machine,
					struct cbx_event *event)
{
	struct monitor_debug *d = user;
	unsigned i = (unsigned)(d->branch_count++ % BRANCHES);

	(void)machine;
	d->branches[i].from = event->other;
	d->branches[i].to = event->address;
	return CBX_HOOK_CONTINUE;
}

static bool run_branches(struct monitor_call *call)
{
	struct cbx_hook hook = { .size = sizeof(hook),
				 .kind = CBX_HOOK_BRANCH,
				 .call = note_branch };
	struct monitor_debug *d = debug(call);

	if (!d)
		return false;
	if (strcmp(call->words[0], "on") && strcmp(call->words[0], "off"))
		return monitor_fail(call, "try branches on, or branches off");
	if (d->branch_id)
		cbx_hook_remove(call->session->machine, d->branch_id);
	d->branch_id = 0;
	if (!strcmp(call->words[0], "off"))
		return true;
	d->branch_count = 0;
	hook.user = d;
	if (cbx_hook_add(call->session->machine, &hook, &d->branch_id))
		return monitor_fail(call, "%s", cbx_machine_error(call->session->machine));
	return true;
}

static bool info_branches(struct monitor_call *call)
{
	const struct monitor_debug *d = call->session->debug;
	uint64_t count;

	if (!d || (!d->branch_id && !d->branch_count))
		return monitor_fail(call, "they are not recorded; try branches on");
	count = d->branch_count < BRANCHES ? d->branch_count : BRANCHES;
	for (uint64_t i = d->branch_count - count; i < d->branch_count; i++) {
		char from[200], to[200];
		uint64_t times = 1;

		/* A loop takes one line. */
		while (i + 1 < d->branch_count &&
		       d->branches[(i + 1) % BRANCHES].from == d->branches[i % BRANCHES].from &&
		       d->branches[(i + 1) % BRANCHES].to == d->branches[i % BRANCHES].to) {
			times++;
			i++;
		}
		monitor_symbol(call->session, d->branches[i % BRANCHES].from, from, sizeof(from));
		monitor_symbol(call->session, d->branches[i % BRANCHES].to, to, sizeof(to));
		monitor_print(call, "%016llx%s%s%s -> %016llx%s%s%s",
			      (unsigned long long)d->branches[i % BRANCHES].from, *from ? " <" : "",
			      from, *from ? ">" : "",
			      (unsigned long long)d->branches[i % BRANCHES].to, *to ? " <" : "", to,
			      *to ? ">" : "");
		if (times > 1)
			monitor_print(call, " (%llu times)", (unsigned long long)times);
		monitor_print(call, "\n");
	}
	return true;
}

static bool info_autopsy(struct monitor_call *call)
{
	monitor_autopsy(call->session, call->output, call->user);
	return true;
}

void monitor_debug_free(struct session *session)
{
	struct monitor_debug *d = session->debug;

	if (!d)
		return;
	trace_stop(session);
	if (d->branch_id)
		cbx_hook_remove(session->machine, d->branch_id);
	for (unsigned i = 0; i < POINTS; i++)
		if (d->points[i].id)
			remove_point(session, &d->points[i]);
	free(d);
	session->debug = NULL;
}

const struct monitor_command monitor_debug_commands[] = {
	{ "break", "b", "/p ADDRESS ...", "a breakpoint: break main if $rax == 5; /p: physical",
	  run_break },
	{ "watch", NULL, "/rwap ADDRESS ...", "a watchpoint: watch 0x1000,4 if dword(0x1000) > 9",
	  run_watch },
	{ "catch", NULL, "WHAT ...",
	  "stops at an exception: catch 14 if $cr2 < 4096; catch triple [off]", run_catch },
	{ "delete", "d", "[NUMBER]", "takes one of them away, or all", run_delete },
	{ "step", "si", "[COUNT] ...", "executes one instruction, or some", run_step },
	{ "trace", NULL, "FILE [FILTER] ...",
	  "writes each instruction to a file: from=A to=A cpl=N cr3=N max=N; trace off",
	  run_trace },
	{ "branches", NULL, "SWITCH",
	  "records the last 256 taken branches: on or off; info branches shows them",
	  run_branches },
	{ NULL, NULL, NULL, NULL, NULL }
};

const struct monitor_command monitor_debug_topics[] = {
	{ "breakpoints", NULL, "", "breakpoints, watchpoints, exceptions that stop",
	  info_breakpoints },
	{ "branches", NULL, "", "the last taken branches", info_branches },
	{ "autopsy", NULL, "", "the last exceptions, each with its cause", info_autopsy },
	{ NULL, NULL, NULL, NULL, NULL }
};
