/*
 * What led to a triple fault: the last exceptions of the guest, oldest first, each with its cause
 * in a sentence.  SDM volume 3, chapter 6 (error codes: 6.13; page faults: 6.15).
 */
#include <stdio.h>
#include <string.h>

#include <clearbox/debug.h>

#include "monitor_commands.h"
#include "monitor_debug.h"
#include "session.h"

static const struct {
	const char *name, *cause;
} vectors[32] = {
	{ "#DE", "a division by zero, or its quotient does not fit" },
	{ "#DB", "a debug exception: single step, or an address in DR0 to DR3" },
	{ "NMI", "a non-maskable interrupt" },
	{ "#BP", "INT3" },
	{ "#OF", "INTO with the overflow flag set" },
	{ "#BR", "BOUND: the index is out of its range" },
	{ "#UD", "these bytes are no instruction of this processor in this mode, or one that is "
		 "turned off" },
	{ "#NM", "an x87 or SIMD instruction while CR0.EM or CR0.TS is set" },
	{ "#DF", "an exception came up while the one before it was being delivered" },
	{ "#9", "a coprocessor segment overrun" },
	{ "#TS", "a task's state segment is not valid" },
	{ "#NP", "a segment or gate that is not present" },
	{ "#SS",
	  "a stack access beyond the segment's limit, or a stack segment that is not valid" },
	{ "#GP", "a general protection fault" },
	{ "#PF", "a page fault" },
	{ "#15", "a reserved exception" },
	{ "#MF", "an unmasked x87 exception" },
	{ "#AC", "an access that is not aligned, with alignment checks on" },
	{ "#MC", "a machine check" },
	{ "#XM", "an unmasked SIMD exception" },
};

static void say_page_fault(struct monitor_call *call, const struct cbx_exception *e)
{
	monitor_print(call, "a %s by %s code at 0x%llx: %s",
		      e->error & 16  ? "fetch"
		      : e->error & 2 ? "write"
				     : "read",
		      e->error & 4 ? "user" : "supervisor", (unsigned long long)e->cr2,
		      e->error & 8   ? "a reserved bit is set in its page tables"
		      : e->error & 1 ? "the page does not allow it"
				     : "no page is there");
	if (!(e->error & 1) && e->cr2 < 4096)
		monitor_print(call, " (a null pointer, it seems)");
	monitor_print(call, " (CR3 %llx)", (unsigned long long)e->cr3);
}

/* A selector error code. */
static void say_selector(struct monitor_call *call, const struct cbx_exception *e)
{
	uint64_t limit = 0, attributes = 0, efer = 0;
	unsigned index = e->error >> 3;

	if (!(e->error & 0xfffc)) {
		if (e->vector == 13)
			monitor_print(call, " that names no selector: an address beyond its "
					    "segment's limit or not canonical, "
					    "a privileged instruction, a null selector, or a value "
					    "that a register cannot take");
		return;
	}
	if (!(e->error & 2)) {
		monitor_print(call, " over selector %04x: entry %u of the %s", e->error & 0xfffc,
			      index, e->error & 4 ? "LDT" : "GDT");
		return;
	}
	cbx_register_read(call->session->machine, CBX_IDTR_LIMIT, &limit);
	cbx_register_read(call->session->machine, CBX_CS_ATTRIBUTES, &attributes);
	cbx_register_read(call->session->machine, CBX_EFER, &efer);
	monitor_print(call, ": the IDT has no usable gate for vector %u", index);
	if ((uint64_t)index * (efer & 0x400 ? 16 : 8) + 7 > limit)
		monitor_print(call, " (its limit is %llx)", (unsigned long long)limit);
}

static void say(struct monitor_call *call, const struct cbx_exception *e)
{
	const char *name = e->vector < 32 && vectors[e->vector].name ? vectors[e->vector].name
								     : "an exception";
	char symbol[200];

	monitor_print(call, "%s%s", e->in_delivery ? "  while that was being delivered: " : "",
		      name);
	if (e->has_error)
		monitor_print(call, "(%04x)", e->error);
	monitor_print(call, " at %04x:%llx", e->cs, (unsigned long long)e->rip);
	if (*monitor_symbol(call->session, e->cs_base + e->rip, symbol, sizeof(symbol)))
		monitor_print(call, " <%s>", symbol);
	monitor_print(call, ", CPL %u, after %llu instructions: ", e->cpl,
		      (unsigned long long)e->instructions);
	if (e->vector == 14) {
		say_page_fault(call, e);
	} else {
		monitor_print(call, "%s",
			      e->vector < 32 && vectors[e->vector].cause ? vectors[e->vector].cause
									 : "reserved");
		if (e->has_error && e->vector >= 10 && e->vector <= 13)
			say_selector(call, e);
		if (e->error & 1 && e->has_error && !e->in_delivery && e->vector >= 10 &&
		    e->vector <= 13)
			monitor_print(call, ", on the way of an event from outside the program");
	}
	monitor_print(call, "\n");
}

void monitor_autopsy(struct session *session, void (*output)(void *user, const char *text),
		     void *user)
{
	struct monitor_call call = {
		.session = session, .output = output, .user = user, .name = "autopsy"
	};
	bool triple = session->stop.reason == CBX_STOP_TRIPLE_FAULT;
	struct cbx_exception e;
	unsigned first = 0;

	if (cbx_exception_read(session->machine, 0, &e)) {
		monitor_print(&call, "there was no exception yet\n");
		return;
	}
	/* Back to the one that began it, and two more that came before. */
	while (e.in_delivery && !cbx_exception_read(session->machine, first + 1, &e))
		first++;
	for (unsigned more = 0; more < 2 && !cbx_exception_read(session->machine, first + 1, &e);
	     more++)
		first++;
	monitor_print(&call,
		      triple ? "The guest's last exceptions, the triple fault's at the end:\n"
			     : "The guest's last exceptions:\n");
	for (unsigned n = first + 1; n--;)
		if (!cbx_exception_read(session->machine, n, &e))
			say(&call, &e);
	if (triple)
		monitor_print(
			&call,
			"The last could not be delivered either, and the processor shut down.\n");
}
