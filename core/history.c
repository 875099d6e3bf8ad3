/*
 * History: a machine runs in pieces with a checkpoint after each; the past is brought back from
 * the checkpoint before it, and goes on from there by doing again what was done, with the journal
 * in place of the world.  docs/history.md.
 */
#include "history.h"

#include "clock.h"
#include "state.h"

/*
 * Instructions between checkpoints.  Coming to a moment costs half of them on average.  A checkpoint costs
 * as much as 150,000 of the fastest instructions (it goes through half a MiB of state, which then is in
 * the host's caches instead of the guest's data), and each page written after it a thousand or two.
 */
enum { SHORTEST = 4000000, LONGEST = 6000000, STEP = 1000000, COPY_COST = 1500, SHARE = 16 };
enum { LEAST_BUDGET = 1 << 20 };

/* ---- What is written ---------------------------------------------------------------------------- */

bool history_save_page(struct cbx_machine *machine, struct page_diff *diff, uint32_t ram,
		       uint32_t index, struct page *page)
{
	struct history *history = machine->history;

	if (diff->count == diff->room) {
		size_t room = diff->room ? 2 * diff->room : 256;
		struct page_saved *saved = machine_allocate_array(machine, room, sizeof(*saved));

		if (!saved)
			return false;
		if (diff->count)
			memcpy(saved, diff->saved, diff->count * sizeof(*saved));
		machine_release(machine, diff->saved);
		diff->saved = saved;
		diff->room = room;
	}
	diff->saved[diff->count++] = (struct page_saved){ ram, index, page };
	history->bytes += sizeof(*diff->saved) + (page ? PAGE_SIZE : 0);
	if (history->bytes > history->budget)
		history_thin(machine);
	return true;
}

/* ---- Beginning and end ------------------------------------------------------------------------------ */

/* Back to no checkpoints at all. */
static void history_clear(struct cbx_machine *machine)
{
	struct history *history = machine->history;
	struct checkpoint *c, *next;

	history->search.going = false;
	views_clear(machine);
	machine->memory->saving = NULL;
	machine->replaying = false;
	pages_clear(machine, &history->open);
	for (c = history->first; c; c = next) {
		next = c->next;
		checkpoint_free(machine, c);
	}
	history->first = history->last = history->root = NULL;
	history->count = 0;
	journal_free(machine);
}

/* The machine as it is becomes the oldest moment. */
static enum cbx_status history_begin(struct cbx_machine *machine)
{
	struct history *history = machine->history;
	struct checkpoint *c;

	history_clear(machine);
	history->bytes = 0;
	history->run_flags = UINT32_MAX;
	c = checkpoint_new(machine);
	history->lost = !c;
	if (!c)
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a history");
	checkpoint_append(machine, c);
	machine->memory->saving = &history->open;
	history->next_at = c->at.count + history->interval;
	return CBX_OK;
}

void history_lose(struct cbx_machine *machine)
{
	struct history *history = machine->history;

	if (!history || history->lost)
		return;
	history->lost = true;
	/* What is the past becomes the present; that disks follow is all that can be done. */
	if (machine->replaying)
		history_truncate(machine);
	history_clear(machine);
}

void history_restart(struct cbx_machine *machine)
{
	if (!machine->history)
		return;
	if (machine->replaying)
		history_truncate(machine);
	history_begin(machine);
}

void history_free(struct cbx_machine *machine)
{
	if (!machine->history)
		return;
	history_clear(machine);
	machine_release(machine, machine->history);
	machine->history = NULL;
}

enum cbx_status cbx_history_enable(struct cbx_machine *machine, uint64_t bytes)
{
	enum cbx_status status, disks;

	if (!machine)
		return CBX_ERROR_ARGUMENT;
	if (machine->running)
		return machine_fail(machine, CBX_ERROR_STATE, "the machine is running");
	if (bytes && bytes < LEAST_BUDGET)
		return machine_fail(machine, CBX_ERROR_ARGUMENT,
				    "a history needs at least 1 MiB of memory");
	disks = history_truncate(machine);
	if (!bytes) {
		history_free(machine);
		return disks;
	}
	machine_start(machine);
	if (!machine->history) {
		machine->history = machine_allocate(machine, sizeof(*machine->history));
		if (!machine->history)
			return machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a history");
		machine->history->interval = SHORTEST;
	}
	machine->history->budget = bytes;
	status = history_begin(machine);
	if (status != CBX_OK)
		history_free(machine);
	return status != CBX_OK ? status : disks;
}

enum cbx_status cbx_history_info(const struct cbx_machine *machine, struct cbx_history_info *info)
{
	const struct history *history = machine ? machine->history : NULL;
	struct cbx_history_info all = { .size = sizeof(all) };

	if (!info || info->size < sizeof(size_t) || info->size > sizeof(all))
		return CBX_ERROR_ARGUMENT;
	if (!history)
		return CBX_ERROR_STATE;
	all.size = info->size;
	all.first = all.last = cpu_instruction_count(machine);
	if (history->first)
		all.first = history->first->at.count;
	if (machine->replaying)
		all.last = history->last->at.count;
	all.bytes = history->bytes;
	all.budget = history->budget;
	all.checkpoints = history->count;
	all.past = machine->replaying;
	memcpy(info, &all, info->size);
	return CBX_OK;
}

/* ---- Forward, for the first time ---------------------------------------------------------------------- */

static enum cbx_status note_run_flags(struct cbx_machine *machine,
				      const struct cbx_run_options *options)
{
	struct cbx_input input = { .kind = INPUT_RUN_FLAGS };
	struct history *history = machine->history;
	struct entry *entry;
	enum cbx_status status;

	if (options->stop_on_triple_fault)
		input.number |= RUN_STOP_ON_TRIPLE_FAULT;
	if (options->stop_on_reset)
		input.number |= RUN_STOP_ON_RESET;
	if (machine->replaying || history->lost || history->run_flags == input.number)
		return CBX_OK;
	status = journal_add(machine, &input, &entry);
	if (status == CBX_OK)
		history->run_flags = input.number;
	return status;
}

/* Pages are copied again after each checkpoint: seldom enough that it does not tell. */
static void choose_interval(struct history *history)
{
	uint64_t cost = (uint64_t)history->open.count * COPY_COST * SHARE;

	if (cost > history->interval && history->interval < LONGEST)
		history->interval += STEP;
	else if (cost < history->interval / 2 && history->interval > SHORTEST)
		history->interval -= STEP;
}

static void take_checkpoint(struct cbx_machine *machine, const struct cbx_run_options *options)
{
	struct history *history = machine->history;
	struct checkpoint *c;

	if (history->lost) {
		if (history_begin(machine) == CBX_OK && note_run_flags(machine, options) != CBX_OK)
			history_lose(machine);
		return;
	}
	choose_interval(history);
	history->next_at = cpu_instruction_count(machine) + history->interval;
	c = checkpoint_new(machine);
	if (!c)
		return;                 /* the one before serves for longer */
	checkpoint_append(machine, c);
	history_thin(machine);
}

/* ---- Forward, again ------------------------------------------------------------------------------------- */

/* Where a run has to end, by its options and by what the caller wants. */
struct bounds {
	struct moment end;
	uint64_t end_time;
};

/*
 * One piece of the past: up to the next thing that came in, the next checkpoint, or the bounds.
 * stop->reason is CBX_STOP_LIMIT unless something else ended it.  *done: the bounds are reached.
 */
static enum cbx_status past_piece(struct cbx_machine *machine, const struct cbx_run_options *options,
				  const struct bounds *bounds, struct cbx_stop *stop, bool *done)
{
	struct history *history = machine->history;
	const struct entry *next = journal_next(history), *goal_entry = journal_next_goal(history);
	const struct checkpoint *after = history->root->next;
	struct moment now = moment_now(machine), goal = after->at;
	struct cbx_run_options piece = *options;
	enum cbx_status status;

	stop->reason = CBX_STOP_LIMIT;
	*done = moment_compare(&now, &bounds->end) >= 0 || now.time >= bounds->end_time;
	if (*done)
		return CBX_OK;
	if (!moment_compare(&now, &after->at)) {
		checkpoint_arrive(machine);
		return CBX_OK;
	}
	if (next && !next->in_call && next->at.count == now.count && next->at.time == now.time &&
	    next->at.deliveries == now.deliveries) {
		journal_apply(machine);
		return CBX_OK;
	}
	if (goal_entry && moment_compare(&goal_entry->at, &goal) < 0)
		goal = goal_entry->at;
	if (moment_compare(&bounds->end, &goal) < 0)
		goal = bounds->end;
	piece.stop_on_triple_fault = history->run_flags & RUN_STOP_ON_TRIPLE_FAULT;
	piece.stop_on_reset = history->run_flags & RUN_STOP_ON_RESET;
	piece.instructions = 0;
	piece.guest_nanoseconds = bounds->end_time == UINT64_MAX ? 0 : bounds->end_time - now.time;
	if (now.count > goal.count || (now.count == goal.count && now.time > goal.time &&
				       goal.time))
		return machine_fail(machine, CBX_ERROR_IO, "the past did not come again as it was");
	machine->goal.set = true;
	machine->goal.count = goal.count;
	machine->goal.deliveries = 0;
	if (now.count == goal.count && now.time < goal.time) {
		/* A halt: time alone passes. */
		machine->goal.set = false;
		if (!piece.guest_nanoseconds || goal.time - now.time < piece.guest_nanoseconds)
			piece.guest_nanoseconds = goal.time - now.time;
	} else if (now.count == goal.count) {
		machine->goal.deliveries = (uint32_t)goal.deliveries;
	}
	status = cpu_run(machine, &piece, stop);
	machine->goal.set = false;
	machine->goal.deliveries = 0;
	/* A guest that halts for ever where it did not will never come there, either. */
	if (status == CBX_OK && (stop->reason == CBX_STOP_LIMIT || stop->reason == CBX_STOP_HALTED)) {
		struct moment then = moment_now(machine);

		if (!moment_compare(&now, &then))
			return machine_fail(machine, CBX_ERROR_IO,
					    "the past did not come again as it was");
	}
	return status;
}

enum cbx_status history_run(struct cbx_machine *machine, const struct cbx_run_options *options,
			    struct cbx_stop *stop)
{
	struct history *history = machine->history;
	uint64_t start = cpu_instruction_count(machine), start_time = clock_now(machine);
	struct bounds bounds = { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, UINT64_MAX };
	enum cbx_status status = note_run_flags(machine, options);
	bool done = false;

	if (status != CBX_OK)
		return status;
	if (options->instructions && options->instructions < UINT64_MAX - start)
		bounds.end = (struct moment){ start + options->instructions, 0, 0, 0 };
	if (options->guest_nanoseconds && options->guest_nanoseconds < UINT64_MAX - start_time)
		bounds.end_time = start_time + options->guest_nanoseconds;
	while (status == CBX_OK && !done) {
		uint64_t count = cpu_instruction_count(machine), now = clock_now(machine);
		struct cbx_run_options piece = *options;

		machine->continues = count != start || now != start_time;
		if (machine->replaying) {
			status = past_piece(machine, options, &bounds, stop, &done);
			done = done || stop->reason != CBX_STOP_LIMIT;
			if (!machine->replaying && status == CBX_OK)
				status = note_run_flags(machine, options);
			continue;
		}
		if (count >= history->next_at || history->lost) {
			take_checkpoint(machine, options);
			if (history->lost)
				history->next_at = count + history->interval;
		}
		piece.instructions = history->next_at - count;
		if (bounds.end.count - count < piece.instructions)
			piece.instructions = bounds.end.count - count;
		if (bounds.end_time != UINT64_MAX)
			piece.guest_nanoseconds = bounds.end_time - now;
		status = cpu_run(machine, &piece, stop);
		done = stop->reason != CBX_STOP_LIMIT ||
		       cpu_instruction_count(machine) >= bounds.end.count ||
		       clock_now(machine) >= bounds.end_time;
	}
	machine->continues = false;
	if (status == CBX_ERROR_IO)
		history_truncate(machine);      /* there is no way on but this one */
	stop->instructions = cpu_instruction_count(machine) - start;
	return status;
}

/* ---- Back ---------------------------------------------------------------------------------------------------- */

static void stop_here(const struct cbx_machine *machine, struct cbx_stop *stop)
{
	memset(stop, 0, sizeof(*stop));
	stop->reason = CBX_STOP_LIMIT;
	cbx_register_read(machine, CBX_RIP, &stop->rip);
	cbx_register_read(machine, CBX_CS_BASE, &stop->cs_base);
}

/* The present becomes a checkpoint, so that there is a way back to it. */
static enum cbx_status keep_present(struct cbx_machine *machine)
{
	struct history *history = machine->history;
	struct checkpoint *c;
	struct moment now;

	machine_settle(machine);
	if (history->lost)
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory to go back in time");
	now = moment_now(machine);
	if (machine->replaying || !moment_compare(&now, &history->last->at))
		return CBX_OK;
	c = checkpoint_new(machine);
	if (!c)
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory to go back in time");
	checkpoint_append(machine, c);
	return CBX_OK;
}

static struct checkpoint *checkpoint_before(const struct history *history, const struct moment *at)
{
	struct checkpoint *c = history->last;

	while (c && moment_compare(&c->at, at) > 0)
		c = c->previous;
	return c;
}

/*
 * A run on the way to another moment.  debug: breakpoints end it; hooks are never called.  They stay
 * quiet after it, since that costs all decoded blocks; whoever is done says hooks_quiet.
 */
static enum cbx_status replay_to(struct cbx_machine *machine, const struct moment *to, bool debug,
				 struct cbx_stop *stop)
{
	struct cbx_run_options options = { .size = sizeof(options) };
	struct bounds bounds = { *to, UINT64_MAX };
	enum cbx_status status = CBX_OK;
	bool done = false;

	machine->running = true;
	hooks_quiet(machine, true, !debug);
	while (status == CBX_OK && !done && machine->replaying) {
		status = past_piece(machine, &options, &bounds, stop, &done);
		machine->continues = true;
		if (status == CBX_OK && stop->reason == CBX_STOP_HOST_MEMORY)
			status = machine_fail(machine, CBX_ERROR_MEMORY,
					      "no memory to go back in time");
		if (debug && (stop->reason == CBX_STOP_BREAKPOINT ||
			      stop->reason == CBX_STOP_WATCHPOINT ||
			      stop->reason == CBX_STOP_REQUEST))
			break;
	}
	machine->continues = false;
	machine->running = false;
	return status;
}

/*
 * Replays to a moment in the next checkpoint's reach, with some more checkpoints on the way, which
 * get denser: whoever goes back by a step will go back by another.
 */
static enum cbx_status replay_densely(struct cbx_machine *machine, const struct moment *to)
{
	struct history *history = machine->history;
	enum cbx_status status = CBX_OK;
	struct cbx_stop stop;

	while (status == CBX_OK && machine->replaying) {
		uint64_t count = cpu_instruction_count(machine), left = to->count - count;
		struct moment middle = { count + left / 2, 0, 0, 0 };

		if (to->count < count || left < 100000 || history->bytes > history->budget)
			break;
		status = replay_to(machine, &middle, false, &stop);
		if (status == CBX_OK && machine->replaying && history->root->next)
			checkpoint_insert(machine);
	}
	return status == CBX_OK ? replay_to(machine, to, false, &stop) : status;
}

static enum cbx_status go_quietly(struct cbx_machine *machine, const struct moment *to)
{
	struct history *history = machine->history;
	struct moment now = moment_now(machine);
	struct checkpoint *from = checkpoint_before(history, to);
	enum cbx_status status;

	/* From here, if it is on the way. */
	if (moment_compare(&now, to) && (!machine->replaying || moment_compare(&now, to) > 0 ||
					 moment_compare(&from->at, &now) > 0)) {
		status = checkpoint_restore(machine, from);
		if (status != CBX_OK)
			return status;
	}
	status = replay_densely(machine, to);
	if (status != CBX_OK && machine->replaying)
		checkpoint_restore(machine, history->last);
	now = moment_now(machine);
	if (status == CBX_OK && machine->replaying && history->root->next == history->last &&
	    !moment_compare(&now, &history->last->at))
		checkpoint_arrive(machine);
	return status;
}

static enum cbx_status go_to(struct cbx_machine *machine, const struct moment *to)
{
	enum cbx_status status = go_quietly(machine, to);

	hooks_quiet(machine, false, false);
	return status;
}

static enum cbx_status may_go_back(struct cbx_machine *machine)
{
	if (!machine)
		return CBX_ERROR_ARGUMENT;
	if (machine->running)
		return machine_fail(machine, CBX_ERROR_STATE, "the machine is running");
	if (!machine->history || !machine->history->first)
		return machine_fail(machine, CBX_ERROR_STATE, "no history is kept: ask for one "
				    "before the run (cbx_history_enable, -history)");
	return CBX_OK;
}

enum cbx_status cbx_rewind_to(struct cbx_machine *machine, uint64_t count)
{
	enum cbx_status status = may_go_back(machine);
	struct moment to = { count, 0, 0, 0 };
	struct history *history;
	uint64_t last;

	if (status != CBX_OK)
		return status;
	history = machine->history;
	last = machine->replaying ? history->last->at.count : cpu_instruction_count(machine);
	if (count < history->first->at.count)
		return machine_fail(machine, CBX_ERROR_LIMIT,
				    "the history does not reach back so far");
	if (count > last)
		return machine_fail(machine, CBX_ERROR_LIMIT, "that has not happened yet");
	status = keep_present(machine);
	if (status != CBX_OK)
		return status;
	if (count == last)
		to = history->last->at;
	else if (moment_compare(&to, &history->first->at) < 0)
		to = history->first->at;
	return go_to(machine, &to);
}

enum cbx_status cbx_reverse_step(struct cbx_machine *machine, struct cbx_stop *stop)
{
	enum cbx_status status = may_go_back(machine);
	struct moment now, to;

	if (status != CBX_OK)
		return status;
	status = keep_present(machine);
	if (status != CBX_OK)
		return status;
	now = moment_now(machine);
	/* Before the interrupt, or before the instruction. */
	to = (struct moment){ now.count, 0, 0, 0 };
	if (!now.deliveries) {
		if (now.count <= machine->history->first->at.count)
			return machine_fail(machine, CBX_ERROR_LIMIT,
					    "this is the oldest moment of the history");
		to.count--;
	}
	if (moment_compare(&to, &machine->history->first->at) < 0)
		to = machine->history->first->at;
	status = go_to(machine, &to);
	if (stop)
		stop_here(machine, stop);
	return status;
}

/* The last hit in a stretch of the past that begins at a checkpoint. */
static enum cbx_status last_hit(struct cbx_machine *machine, struct checkpoint *from,
				const struct moment *before, bool inclusive, struct moment *at,
				struct cbx_stop *hit, bool *found, bool *asked)
{
	struct moment end = *before;
	enum cbx_status status = checkpoint_restore(machine, from);

	/* A hit at the very end shows only when what comes next is about to be executed. */
	if (inclusive)
		end.count++;
	while (status == CBX_OK && machine->replaying) {
		struct cbx_stop stop = { .reason = CBX_STOP_LIMIT };
		struct moment now;

		status = replay_to(machine, &end, true, &stop);
		now = moment_now(machine);
		if (stop.reason == CBX_STOP_REQUEST) {
			*asked = true;
			return status;
		}
		if (status != CBX_OK || stop.reason == CBX_STOP_LIMIT)
			break;
		if (moment_compare(&now, before) < (inclusive ? 1 : 0)) {
			*found = true;
			*at = now;
			*hit = stop;
		}
	}
	return status;
}

/*
 * Where the next stretch of a search begins: most instructions before its end, or farther back if
 * there is no checkpoint.  Each restored checkpoint costs all decoded blocks, so more than one interval
 * is gone through at once where nothing was found in the last ones.
 */
static struct checkpoint *stretch_begin(const struct history *history, const struct moment *end,
					uint64_t most)
{
	struct checkpoint *c = history->last;

	while (c && moment_compare(&c->at, end) >= 0)
		c = c->previous;
	while (c && c->previous && end->count - c->previous->at.count <= most)
		c = c->previous;
	return c;
}

enum { STRETCH = 32000000 };

enum cbx_status cbx_reverse_continue(struct cbx_machine *machine, struct cbx_stop *result)
{
	enum cbx_status status = may_go_back(machine);
	bool found = false, asked = false;
	struct moment origin, before, at;
	struct history *history;
	struct checkpoint *from;
	struct cbx_stop hit;
	uint64_t stretch = 0;

	if (status != CBX_OK)
		return status;
	status = keep_present(machine);
	if (status != CBX_OK)
		return status;
	history = machine->history;
	origin = before = moment_now(machine);
	/* What came in meanwhile, at this moment, does not matter. */
	if (history->search.going && history->search.origin.count == origin.count &&
	    history->search.origin.time == origin.time &&
	    history->search.origin.deliveries == origin.deliveries &&
	    history->search.breakpoints == hooks_changes(machine))
		before = history->search.before;
	history->search.going = false;
	while (status == CBX_OK && !found && !asked) {
		from = stretch_begin(history, &before, stretch);
		if (!from)
			break;
		status = last_hit(machine, from, &before, before.count != origin.count, &at, &hit,
				  &found, &asked);
		if (history->lost)
			status = machine_fail(machine, CBX_ERROR_MEMORY, "no memory to go back in time");
		if (status == CBX_OK && !asked)
			before = from->at;
		stretch = stretch ? 2 * stretch : LONGEST;
		stretch = stretch < STRETCH ? stretch : STRETCH;
	}
	if (status != CBX_OK) {
		if (machine->replaying)
			checkpoint_restore(machine, history->last);
		hooks_quiet(machine, false, false);
		return status;
	}
	if (asked) {
		found = false;          /* there may be a later one */
		at = origin;
	} else if (!found) {
		at = history->first->at;
	}
	status = go_to(machine, &at);
	history->search.going = asked;
	history->search.origin = origin;
	history->search.before = before;
	history->search.breakpoints = hooks_changes(machine);
	if (result) {
		stop_here(machine, result);
		if (found) {
			hit.instructions = 0;
			*result = hit;
		} else if (asked) {
			result->reason = CBX_STOP_REQUEST;
		}
	}
	return status;
}
