/*
 * The journal of a history: what came in from outside and when, so that it can come in again.
 */
#include "history.h"

#include "clock.h"

/*
 * A run that was asked to stop may have left timers that are due at this very count.  They fire
 * before anything else happens: so a moment is the same whether a run ended there by chance or
 * was led there.
 */
void machine_settle(struct cbx_machine *machine)
{
	if (!machine->running && clock_deadline(machine) <= cpu_instruction_count(machine))
		clock_fire(machine);
}

static uint64_t entry_cost(const struct entry *entry)
{
	return sizeof(*entry) + entry->input.count;
}

static void entry_free(struct cbx_machine *machine, struct entry *entry)
{
	machine->history->bytes -= entry_cost(entry);
	machine_release(machine, (void *)(uintptr_t)entry->input.bytes);
	medium_release(machine, entry->medium);
}

/* Room for one more element; NULL: no memory. */
static void *array_grow(struct cbx_machine *machine, void *array, size_t count, size_t *room,
			size_t size)
{
	size_t more = *room ? 2 * *room : 32, slow = *room + *room / 8 + 32;
	uint64_t most = machine->history->budget / size;
	void *grown;

	if (count < *room)
		return array;
	/* No room that the budget will not pay for; beyond it, what cannot be forgotten is a little. */
	if (more > most)
		more = (size_t)(most > slow ? most : slow);
	grown = machine_allocate_array(machine, more, size);
	if (!grown)
		return NULL;
	if (count)
		memcpy(grown, array, count * size);
	machine_release(machine, array);
	*room = more;
	return grown;
}

enum cbx_status journal_add(struct cbx_machine *machine, const struct cbx_input *input,
			    struct entry **result)
{
	struct history *history = machine->history;
	struct entry *entries = array_grow(machine, history->entries, history->entry_count,
					   &history->entry_room, sizeof(*entries));
	struct entry *entry;
	void *bytes = NULL;

	if (entries)
		history->entries = entries;
	if (entries && input->count)
		bytes = machine_allocate(machine, input->count);
	if (!entries || (input->count && !bytes))
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory to note an input");
	if (input->count)
		memcpy(bytes, input->bytes, input->count);
	entry = &entries[history->entry_count++];
	memset(entry, 0, sizeof(*entry));
	entry->at = moment_now(machine);
	entry->input = *input;
	entry->input.bytes = bytes;
	entry->input.taken = NULL;
	history->bytes += entry_cost(entry);
	history->cursor++;
	*result = entry;
	return CBX_OK;
}

void journal_take_back(struct cbx_machine *machine)
{
	struct history *history = machine->history;

	entry_free(machine, &history->entries[--history->entry_count]);
	history->cursor--;
}

struct entry *journal_next(const struct history *history)
{
	size_t at = (size_t)(history->cursor - history->journal_first);

	return at < history->entry_count ? &history->entries[at] : NULL;
}

struct entry *journal_next_goal(const struct history *history)
{
	for (size_t at = (size_t)(history->cursor - history->journal_first);
	     at < history->entry_count; at++)
		if (!history->entries[at].in_call)
			return &history->entries[at];
	return NULL;
}

void journal_apply(struct cbx_machine *machine)
{
	struct history *history = machine->history;
	struct entry *entry = journal_next(history);
	const struct cbx_input *input = &entry->input;

	history->cursor++;
	switch (input->kind) {
	case INPUT_RUN_FLAGS:
		history->run_flags = input->number;
		break;
	case INPUT_REGISTER:
		cpu_register_write(machine, (enum cbx_register)input->number,
				   (uint64_t)input->value[0]);
		break;
	case INPUT_MEMORY:
		memory_write_bytes(machine, (uint64_t)input->value[0], input->bytes, input->count);
		break;
	default:
		history->again = entry->medium;
		machine->board_ops->input(machine, input);
		history->again = NULL;
	}
}

void journal_forget_after(struct cbx_machine *machine, uint64_t number)
{
	struct history *history = machine->history;

	while (history->journal_first + history->entry_count > number)
		entry_free(machine, &history->entries[--history->entry_count]);
	while (history->failure_count &&
	       history->failures[history->failure_count - 1].call >= machine->outward) {
		history->failure_count--;
		history->bytes -= sizeof(*history->failures);
	}
}

void journal_forget_before(struct cbx_machine *machine, uint64_t number, uint64_t call)
{
	struct history *history = machine->history;
	size_t count = (size_t)(number - history->journal_first), failures = 0;

	for (size_t i = 0; i < count; i++)
		entry_free(machine, &history->entries[i]);
	history->entry_count -= count;
	if (count)
		memmove(history->entries, history->entries + count,
			history->entry_count * sizeof(*history->entries));
	history->journal_first = number;
	while (failures < history->failure_count && history->failures[failures].call < call)
		failures++;
	history->failure_count -= failures;
	history->bytes -= failures * sizeof(*history->failures);
	if (failures)
		memmove(history->failures, history->failures + failures,
			history->failure_count * sizeof(*history->failures));
}

void journal_free(struct cbx_machine *machine)
{
	struct history *history = machine->history;

	while (history->entry_count)
		entry_free(machine, &history->entries[--history->entry_count]);
	history->bytes -= history->failure_count * sizeof(*history->failures);
	machine_release(machine, history->entries);
	machine_release(machine, history->failures);
	history->entries = NULL;
	history->failures = NULL;
	history->entry_room = history->failure_count = history->failure_room = 0;
	history->journal_first = history->cursor = 0;
}

/* ---- Calls of backends ------------------------------------------------------------------------ */

uint64_t history_outward(struct cbx_machine *machine)
{
	machine->in_call++;
	return machine->outward++;
}

void history_outward_end(struct cbx_machine *machine, uint64_t number)
{
	struct history *history = machine->history;
	const struct entry *entry;

	machine->in_call--;
	while (machine->replaying && (entry = journal_next(history)) != NULL && entry->in_call &&
	       entry->call <= number)
		journal_apply(machine);
}

bool cbx_outward_begin(struct cbx_machine *machine)
{
	if (!machine)
		return false;
	history_outward(machine);
	return !machine->replaying;
}

void cbx_outward_end(struct cbx_machine *machine)
{
	if (machine && machine->in_call)
		history_outward_end(machine, machine->outward - 1);
}

bool cbx_replaying(const struct cbx_machine *machine)
{
	return machine && machine->replaying;
}

void history_failed(struct cbx_machine *machine, uint64_t number, enum cbx_status status)
{
	struct history *history = machine->history;
	struct failure *failures;

	if (!history || history->lost || machine->replaying)
		return;
	failures = array_grow(machine, history->failures, history->failure_count,
			      &history->failure_room, sizeof(*failures));
	if (!failures) {
		history_lose(machine);
		return;
	}
	history->failures = failures;
	failures[history->failure_count++] = (struct failure){ number, status };
	history->bytes += sizeof(*failures);
	if (history->bytes > history->budget)
		history_thin(machine);
}

enum cbx_status history_failure(struct cbx_machine *machine, uint64_t number)
{
	const struct history *history = machine->history;
	size_t low = 0, high;

	if (!machine->replaying)
		return CBX_OK;
	high = history->failure_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (history->failures[middle].call < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < history->failure_count && history->failures[low].call == number ?
	       history->failures[low].status : CBX_OK;
}

/* ---- From outside -------------------------------------------------------------------------------- */

/* Is what happens now to be noted?  What a past repeats, or a hook does, is not. */
static bool noting(const struct cbx_machine *machine)
{
	return machine->history && !machine->history->lost && machine->history->root;
}

enum cbx_status cbx_machine_input(struct cbx_machine *machine, const struct cbx_input *input)
{
	struct entry *entry;
	enum cbx_status status;
	uint64_t number;

	if (!machine || !input || input->kind >= CBX_INPUT_RESERVED || (input->count && !input->bytes) ||
	    !machine->board_ops || !machine->board_ops->input)
		return CBX_ERROR_ARGUMENT;
	if (!noting(machine))
		return machine->board_ops->input(machine, input);
	/* A disk is read in the past, too: what its backend gave then comes from the journal. */
	if (machine->replaying && machine->in_call)
		return machine_fail(machine, CBX_ERROR_STATE, "the past is repeated: what came in then comes again");
	machine_settle(machine);
	status = history_truncate(machine);
	if (status == CBX_OK)
		status = journal_add(machine, input, &entry);
	if (status != CBX_OK)
		return status;
	entry->in_call = machine->in_call != 0;
	entry->call = machine->outward - 1;
	number = machine->history->cursor - 1;
	machine->history->wants_medium = true;
	status = machine->board_ops->input(machine, input);
	machine->history->wants_medium = false;
	if (!noting(machine)) {
		medium_release(machine, machine->history->again);
		machine->history->again = NULL;
		return status;
	}
	/* It may have been refused and still have left a trace: it stays in the journal.  Others may be behind it. */
	entry = &machine->history->entries[number - machine->history->journal_first];
	entry->medium = machine->history->again;
	machine->history->again = NULL;
	return status;
}

bool history_note(struct cbx_machine *machine, uint32_t kind, uint32_t number, uint64_t value,
		  const void *bytes, size_t count)
{
	struct cbx_input input = { .kind = kind, .number = number, .value = { (int64_t)value },
				   .bytes = bytes, .count = count };
	struct entry *entry;

	if (!noting(machine) || machine->running)
		return true;
	machine_settle(machine);
	return history_truncate(machine) == CBX_OK &&
	       journal_add(machine, &input, &entry) == CBX_OK;
}
