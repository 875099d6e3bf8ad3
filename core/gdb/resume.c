/* Making a server; running and stepping the machine for gdb; why it stopped. */
#include "gdb.h"
#include <clearbox/history.h>
#include <clearbox/pc.h>

#include <string.h>

/* gdb's numbers of signals. */
enum { SIGNAL_INTERRUPT = 2, SIGNAL_TRAP = 5, SIGNAL_ABORT = 6, SIGNAL_SEGMENT = 11 };

/* Steps of a range in one run, when the caller sets no limit. */
enum { RANGE_STEPS = 100000 };

/* A struct of options of another version: what is not there is 0, what is not known must be 0. */
static bool options_copy(void *to, size_t to_size, const void *from, size_t from_size)
{
	const uint8_t *bytes = from;

	if (from_size < sizeof(size_t))
		return false;
	for (size_t i = to_size; i < from_size; i++)
		if (bytes[i])
			return false;
	memset(to, 0, to_size);
	memcpy(to, from, from_size < to_size ? from_size : to_size);
	return true;
}

enum cbx_status cbx_gdb_new(struct cbx_machine *machine, const struct cbx_gdb_options *given,
			    struct cbx_gdb **result)
{
	struct cbx_gdb_options options;
	struct cbx_gdb *gdb;

	if (!result)
		return CBX_ERROR_ARGUMENT;
	*result = NULL;
	if (!machine || !given || !options_copy(&options, sizeof(options), given, given->size) ||
	    !options.send || (unsigned)options.architecture > CBX_GDB_X86_64)
		return CBX_ERROR_ARGUMENT;
	gdb = cbx_machine_allocate(machine, sizeof(*gdb));
	if (!gdb)
		return CBX_ERROR_MEMORY;
	gdb->machine = machine;
	gdb->options = options;
	gdb->state = CBX_GDB_DETACHED;
	gdb->long_mode = gdb_has_long_mode(gdb);
	*result = gdb;
	return CBX_OK;
}

void cbx_gdb_free(struct cbx_gdb *gdb)
{
	if (!gdb)
		return;
	gdb_breakpoints_clear(gdb);
	cbx_machine_release(gdb->machine, gdb);
}

void gdb_detach(struct cbx_gdb *gdb, enum cbx_gdb_state state)
{
	gdb_breakpoints_clear(gdb);
	gdb->state = state;
}

void cbx_gdb_connected(struct cbx_gdb *gdb, bool connected)
{
	if (!gdb || gdb->state == CBX_GDB_KILLED)
		return;
	gdb_detach(gdb, CBX_GDB_DETACHED);
	gdb->frame = FRAME_NONE;
	gdb->no_ack = gdb->extended = false;
	gdb->sent_count = 0;
	gdb->physical = gdb->options.physical;
	if (connected)
		gdb_stopped(gdb, SIGNAL_TRAP, "");
}

enum cbx_gdb_state cbx_gdb_state(const struct cbx_gdb *gdb)
{
	if (!gdb)
		return CBX_GDB_DETACHED;
	if (gdb->state == CBX_GDB_RUNNING && (gdb->resume == RESUME_BACK || gdb->resume == RESUME_BACK_STEP))
		return CBX_GDB_REVERSING;
	return gdb->state;
}

bool gdb_has_history(const struct cbx_gdb *gdb)
{
	struct cbx_history_info info = { .size = sizeof(info) };

	return cbx_history_info(gdb->machine, &info) == CBX_OK;
}

void gdb_resume(struct cbx_gdb *gdb, enum gdb_resume how)
{
	gdb->resume = how;
	gdb->state = CBX_GDB_RUNNING;
}

void gdb_stopped(struct cbx_gdb *gdb, unsigned signal, const char *reason)
{
	bool ran = gdb->state == CBX_GDB_RUNNING;

	gdb->state = CBX_GDB_STOPPED;
	gdb->stop_reply.count = 0;
	gdb_text_add(&gdb->stop_reply, "T");
	gdb_text_number(&gdb->stop_reply, signal, 16, 2);
	gdb_text_add(&gdb->stop_reply, "thread:1;");
	gdb_text_add(&gdb->stop_reply, reason);
	if (ran)
		gdb_reply(gdb, gdb->stop_reply.text);
}

void cbx_gdb_interrupt(struct cbx_gdb *gdb)
{
	if (gdb && gdb->state == CBX_GDB_RUNNING)
		gdb_stopped(gdb, SIGNAL_INTERRUPT, "");
}

/* ---- Why it stopped ------------------------------------------------------------------------- */

static void explained(struct cbx_gdb *gdb, unsigned signal, const char *what, const struct cbx_stop *stop)
{
	struct gdb_text text = { 0 };

	gdb_text_add(&text, "clearbox: ");
	gdb_text_add(&text, what);
	if (*stop->detail) {
		gdb_text_add(&text, ": ");
		gdb_text_add(&text, stop->detail);
	}
	gdb_text_add(&text, ", at ");
	gdb_text_number(&text, gdb_pc(gdb), 16, 1);
	gdb_text_add(&text, " (offset ");
	gdb_text_number(&text, stop->rip, 16, 1);
	gdb_text_add(&text, ") after ");
	gdb_text_number(&text, cbx_instruction_count(gdb->machine), 10, 1);
	gdb_text_add(&text, " instructions\n");
	gdb_console(gdb, text.text);
	gdb_stopped(gdb, signal, "");
}

static void stopped_at_breakpoint(struct cbx_gdb *gdb, const struct cbx_stop *stop)
{
	const struct gdb_breakpoint *b = gdb_breakpoint_of(gdb, stop->id);

	if (b)
		gdb_stopped(gdb, SIGNAL_TRAP, b->type == 0 ? "swbreak:;" : "hwbreak:;");
	else
		explained(gdb, SIGNAL_TRAP, "a breakpoint that gdb did not set", stop);
}

static void stopped_at_watchpoint(struct cbx_gdb *gdb, const struct cbx_stop *stop)
{
	static const char *const names[] = { "", "", "watch", "rwatch", "awatch" };
	const struct gdb_breakpoint *b = gdb_breakpoint_of(gdb, stop->id);
	uint64_t address = stop->address;
	struct gdb_text reason = { 0 };

	if (!b) {
		explained(gdb, SIGNAL_TRAP, "a watchpoint that gdb did not set", stop);
		return;
	}
	/* gdb wants an address inside of what it watches; the access may have begun before. */
	if (address - b->address >= (b->length ? b->length : 1))
		address = b->address;
	gdb_text_add(&reason, names[b->type]);
	gdb_text_add(&reason, ":");
	gdb_text_number(&reason, address, 16, 1);
	gdb_text_add(&reason, ";");
	gdb_stopped(gdb, SIGNAL_TRAP, reason.text);
}

static void machine_ended(struct cbx_gdb *gdb, int code)
{
	struct gdb_text reply = { 0 };

	gdb_text_add(&reply, "W");
	gdb_text_number(&reply, (unsigned)code & 0xff, 16, 2);
	gdb_reply(gdb, reply.text);
	gdb_detach(gdb, CBX_GDB_DETACHED);
}

/* What a run's end means to gdb. */
static void ran(struct cbx_gdb *gdb, const struct cbx_stop *stop)
{
	switch (stop->reason) {
	case CBX_STOP_LIMIT:
	case CBX_STOP_REQUEST:
	case CBX_STOP_IDLE:
	case CBX_STOP_RESET:
		break;
	case CBX_STOP_BREAKPOINT:
		stopped_at_breakpoint(gdb, stop);
		break;
	case CBX_STOP_WATCHPOINT:
		stopped_at_watchpoint(gdb, stop);
		break;
	case CBX_STOP_HOOK:
		explained(gdb, SIGNAL_TRAP, "a hook asked for a stop", stop);
		break;
	case CBX_STOP_TRIPLE_FAULT:
		explained(gdb, SIGNAL_SEGMENT, "triple fault", stop);
		break;
	case CBX_STOP_HALTED:
		explained(gdb, SIGNAL_TRAP, "the guest has halted for ever", stop);
		break;
	case CBX_STOP_UNSUPPORTED:
		explained(gdb, SIGNAL_ABORT, "the guest needs what Clearbox does not have", stop);
		break;
	case CBX_STOP_HOST_MEMORY:
		explained(gdb, SIGNAL_ABORT, "the host has no memory left", stop);
		break;
	case CBX_STOP_MEMORY_LIMIT:
	case CBX_STOP_LOG_LIMIT:
	case CBX_STOP_BACKEND_LIMIT:
		explained(gdb, SIGNAL_ABORT, "a limit of the machine is reached", stop);
		break;
	case CBX_STOP_POWER_OFF:
		machine_ended(gdb, 0);
		break;
	case CBX_STOP_EXIT:
		machine_ended(gdb, stop->exit_code);
		break;
	}
}

/* ---- Running -------------------------------------------------------------------------------- */

static bool in_range(const struct cbx_gdb *gdb)
{
	return gdb_pc(gdb) - gdb->range_first < gdb->range_end - gdb->range_first;
}

/* One instruction, or those of a range. */
static enum cbx_status step(struct cbx_gdb *gdb, struct cbx_run_options *options, struct cbx_stop *stop)
{
	uint64_t most = options->instructions ? options->instructions : RANGE_STEPS, done = 0, before;
	uint64_t now = cbx_guest_time(gdb->machine), end = UINT64_MAX;
	enum cbx_status status;

	if (options->guest_nanoseconds && options->guest_nanoseconds < UINT64_MAX - now)
		end = now + options->guest_nanoseconds;
	options->instructions = 1;
	do {
		if (end != UINT64_MAX)
			options->guest_nanoseconds = end - cbx_guest_time(gdb->machine);
		before = done;
		status = cbx_run(gdb->machine, options, stop);
		done += stop->instructions;
		stop->instructions = done;
		if (status)
			return status;
		ran(gdb, stop);
		if (gdb->state != CBX_GDB_RUNNING || stop->reason != CBX_STOP_LIMIT)
			return CBX_OK;
		/* Without an instruction it was a limit of the machine's. */
	} while (gdb->resume == RESUME_RANGE && in_range(gdb) && done < most && done != before &&
		 cbx_guest_time(gdb->machine) < end);
	if (done && (gdb->resume == RESUME_STEP || !in_range(gdb)))
		gdb_stopped(gdb, SIGNAL_TRAP, "");
	return CBX_OK;
}

/*
 * gdb looks at a watched value backwards: it must be the old one when it is told, so that is before
 * the instruction that made the access: one step back.
 */
static void back_at_watchpoint(struct cbx_gdb *gdb, const struct cbx_stop *stop)
{
	cbx_reverse_step(gdb->machine, NULL);
	stopped_at_watchpoint(gdb, stop);
}

/*
 * Did the instruction before now make a watched access?  A search back looks for stops before this moment,
 * and that one would be at it.  The machine is where it was, or, with *over_interrupt, before the interrupt
 * whose handler begins there.
 */
static bool just_accessed(struct cbx_gdb *gdb, struct cbx_stop *stop, bool *over_interrupt)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1 };
	uint64_t count = cbx_instruction_count(gdb->machine);
	bool watches = false;

	*over_interrupt = false;
	for (unsigned i = 0; i < gdb->breakpoint_count; i++)
		watches = watches || gdb->breakpoints[i].type >= 2;
	if (!watches || cbx_reverse_step(gdb->machine, stop) != CBX_OK)
		return false;
	*over_interrupt = cbx_instruction_count(gdb->machine) == count;
	return !*over_interrupt && cbx_run(gdb->machine, &options, stop) == CBX_OK &&
	       stop->reason == CBX_STOP_WATCHPOINT;
}

static void go_back(struct cbx_gdb *gdb, struct cbx_stop *stop)
{
	bool one = gdb->resume == RESUME_BACK_STEP, stepped, again;
	enum cbx_status status = CBX_OK;

	/* Over an interrupt the instruction before it is the one before now. */
	if (just_accessed(gdb, stop, &stepped) || (stepped && !one && just_accessed(gdb, stop, &again))) {
		back_at_watchpoint(gdb, stop);
		return;
	}
	if (!one)
		status = cbx_reverse_continue(gdb->machine, stop);
	else if (!stepped)
		status = cbx_reverse_step(gdb->machine, stop);
	if (status == CBX_ERROR_LIMIT) {
		gdb_stopped(gdb, SIGNAL_TRAP, "replaylog:begin;");
	} else if (status) {
		gdb_console(gdb, "clearbox: going back failed: ");
		gdb_console(gdb, cbx_machine_error(gdb->machine));
		gdb_console(gdb, "\n");
		gdb_stopped(gdb, SIGNAL_ABORT, "");
	} else if (one) {
		gdb_stopped(gdb, SIGNAL_TRAP, "");
	} else if (stop->reason == CBX_STOP_LIMIT) {
		gdb_stopped(gdb, SIGNAL_TRAP, "replaylog:begin;");
	} else if (stop->reason == CBX_STOP_REQUEST) {
		/* The search goes on in the next call, unless gdb interrupts it. */
	} else if (stop->reason == CBX_STOP_WATCHPOINT) {
		back_at_watchpoint(gdb, stop);
	} else {
		ran(gdb, stop);
	}
}

enum cbx_status cbx_gdb_run(struct cbx_gdb *gdb, const struct cbx_run_options *given, struct cbx_stop *result)
{
	struct cbx_run_options options = { .size = sizeof(options) };
	struct cbx_stop unused, *stop = result ? result : &unused;
	enum cbx_status status;

	memset(stop, 0, sizeof(*stop));
	if (!gdb)
		return CBX_ERROR_ARGUMENT;
	if (given && !options_copy(&options, sizeof(options), given, given->size))
		return CBX_ERROR_ARGUMENT;
	options.size = sizeof(options);
	if (gdb->state == CBX_GDB_STOPPED)
		return CBX_ERROR_STATE;
	if (gdb->state != CBX_GDB_RUNNING)
		return cbx_run(gdb->machine, &options, stop);
	if (gdb->resume == RESUME_BACK || gdb->resume == RESUME_BACK_STEP) {
		go_back(gdb, stop);
		return CBX_OK;
	}
	options.stop_on_triple_fault = true;
	if (gdb->resume == RESUME_STEP || gdb->resume == RESUME_RANGE)
		return step(gdb, &options, stop);
	status = cbx_run(gdb->machine, &options, stop);
	if (!status)
		ran(gdb, stop);
	return status;
}
