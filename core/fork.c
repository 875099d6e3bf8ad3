/*
 * Forks: the same board is built again, and then what is state is copied into it: page tables by
 * sharing their leaves, the rest object by object.
 */
#include <clearbox/history.h>

#include "clock.h"
#include "medium.h"
#include "ram.h"
#include "state.h"

static enum cbx_status fail(struct cbx_error *error, enum cbx_status status, const char *text)
{
	if (error) {
		error->status = status;
		strcpy(error->text, text);      /* ours, all short */
	}
	return status;
}

static bool rams_match(const struct memory *a, const struct memory *b)
{
	if (a->ram_count != b->ram_count)
		return false;
	for (unsigned i = 0; i < a->ram_count; i++)
		if (a->rams[i]->size != b->rams[i]->size || strcmp(a->rams[i]->name, b->rams[i]->name))
			return false;
	return true;
}

static bool devices_match(const struct cbx_machine *a, const struct cbx_machine *b)
{
	const struct cbx_device *x = a->devices, *y = b->devices;

	for (; x && y; x = x->next, y = y->next)
		if (x->type != y->type)
			return false;
	return x == y && a->clock->timer_count == b->clock->timer_count;
}

/*
 * A host gives fresh memory when it is first written, or read, which takes longer than all else here.
 * With one piece for all that is large, what nobody writes is left alone.  Where an embedder's allocator
 * gives it there is nothing to win: its memory is cleared.  Devices that are made in the same order as
 * the machine's need not be looked at again.
 */
void fork_begin(struct cbx_machine *fork)
{
	size_t size = fork->options.fork_of->large_bytes;

	fork->like = fork->options.fork_of->devices;
	if (size && !fork->options.reallocate)
		fork->large = machine_allocate(fork, size);
	if (fork->large)
		fork->large_bytes = fork->large_to = size;
}

/*
 * Zeros that are there already are left alone, for the host may have no page for them yet.  zeroed:
 * all that is there is zeros.
 */
static void copy_state_bytes(void *to, const void *from, size_t size, bool zeroed)
{
	for (size_t at = 0, piece; at < size; at += piece) {
		uint8_t *place = (uint8_t *)to + at;
		const uint8_t *bytes = (const uint8_t *)from + at;

		piece = PAGE_SIZE - ((uintptr_t)place & PAGE_MASK);
		if (piece > size - at)
			piece = size - at;
		if (memcmp(bytes, zero_page, piece) || (!zeroed && memcmp(place, zero_page, piece)))
			memcpy(place, bytes, piece);
	}
}

/* Nothing here can fail. */
static void copy_state(struct cbx_machine *machine, struct cbx_machine *fork)
{
	struct machine_saved saved = machine_gather(machine);
	const struct cbx_device *from = machine->devices;
	struct cbx_timer *timer = fork->clock->timers;
	const void *state;
	size_t size;

	machine_scatter(fork, &saved);
	state = cpu_state(machine, &size);
	memcpy(cpu_state(fork, &size), state, size);
	memcpy(fork->cpu_at_power_on, machine->cpu_at_power_on, cpu_state_size(fork));
	for (struct cbx_device *to = fork->devices; to; to = to->next, from = from->next)
		copy_state_bytes((uint8_t *)to + to->type->state_offset,
				 (const uint8_t *)from + to->type->state_offset, to->type->state_size,
				 to->type->state_starts_zeroed);
	while (fork->clock->armed)
		timer_disarm(fork->clock->armed);
	for (const struct cbx_timer *old = machine->clock->timers; old; old = old->next) {
		if (old->armed)
			timer_arm(timer, old->time);
		timer = timer->next;
	}
	fork->memory->stale = true;
	fork->memory->epoch = machine->memory->epoch + 1;
	for (unsigned i = 0; i < fork->memory->ram_count; i++)
		ram_adopt(fork->memory->rams[i], machine->memory->rams[i]);
	cpu_memory_shared(machine);
	fork->devices_unreset = fork->devices_end;
	fork->stop_pending = machine->stop_pending;
	fork->shutdown_pending = machine->shutdown_pending;
	fork->stop = machine->stop;
	cpu_loaded(fork);               /* takes the entries of the TLB over as well */
	for (struct cbx_device *to = fork->devices; to; to = to->next)
		if (to->type->loaded)
			to->type->loaded(to);
	*cpu_deliveries(fork) = *cpu_deliveries(machine);
	cpu_memory_changed(fork, NO_BACKING);
	cpu_attention(fork);
}

static enum cbx_status copy_media(struct cbx_machine *machine, struct cbx_machine *fork,
				  const struct cbx_fork_options *options, struct cbx_error *error)
{
	for (unsigned drive = 0; drive < CBX_MEDIA; drive++) {
		const struct cbx_disk_backend *disk = &options->disk[drive];
		struct medium *old = machine->media[drive], *medium = NULL;
		struct cbx_disk_backend backend;

		if (disk->read && (!old || disk->bytes != old->image->backend.bytes))
			return fail(error, CBX_ERROR_ARGUMENT, "a disk for a fork must be as large as "
				    "the one that the machine has in this drive");
		if (old) {
			medium = disk->read ? medium_new(fork, disk) : medium_fork(fork, old);
			if (!medium)
				return fail(error, CBX_ERROR_MEMORY, "no memory for a fork's disk");
			medium->limit = disk->read ? 0 : options->overlay_limit_bytes;
		}
		medium_release(fork, fork->media[drive]);
		fork->media[drive] = medium;
		fork->ports_of_drives[drive].machine = fork;
		fork->ports_of_drives[drive].drive = drive;
		backend = medium_backend(fork, drive);
		if (fork->board_ops && fork->board_ops->put_medium)
			fork->board_ops->put_medium(fork, drive, &backend);
	}
	return CBX_OK;
}

static enum cbx_status build(struct cbx_machine *machine, const struct cbx_fork_options *options,
			     struct cbx_machine **fork, struct cbx_error *error)
{
	struct cbx_machine_options same = machine->options;
	enum cbx_status status;

	same.fork_of = machine;
	if (machine->board_ops && machine->board_ops->twin)
		status = machine->board_ops->twin(machine, &same, options, fork, error);
	else
		status = cbx_machine_new(&same, fork, error);
	if (status != CBX_OK)
		return status;
	(*fork)->large_from = (*fork)->large_to;        /* what comes now may be for a while only */
	if (options->add_devices)
		status = options->add_devices(options->user, *fork);
	if (status != CBX_OK)
		return fail(error, status, "a device of the fork could not be made");
	if (!rams_match(machine->memory, (*fork)->memory) || !devices_match(machine, *fork))
		return fail(error, CBX_ERROR_MISMATCH, "the machine has devices that its fork has not: "
			    "add_devices of the fork's options must make them");
	return copy_media(machine, *fork, options, error);
}

enum cbx_status cbx_fork(struct cbx_machine *machine, const struct cbx_fork_options *given,
			 struct cbx_machine **result, struct cbx_error *error)
{
	struct cbx_fork_options options = { .size = sizeof(options) };
	struct cbx_machine *fork = NULL;
	enum cbx_status status;

	if (error) {
		error->status = CBX_OK;
		error->text[0] = '\0';
	}
	if (result)
		*result = NULL;
	if (!machine || !result)
		return fail(error, CBX_ERROR_ARGUMENT, "there is no machine, or no place for a fork");
	if (given && !options_take(&options, sizeof(options), given, given->size))
		return fail(error, CBX_ERROR_ARGUMENT, "the fork options' size is not that of the struct");
	if (machine->running)
		return fail(error, CBX_ERROR_STATE, "the machine is running");
	machine_start(machine);
	cpu_before_save(machine);
	status = build(machine, &options, &fork, error);
	if (status != CBX_OK) {
		cbx_machine_free(fork);
		return error && error->text[0] ? status : fail(error, status, "no memory for a fork");
	}
	copy_state(machine, fork);
	fork->options.fork_of = NULL;
	fork->like = NULL;
	*result = fork;
	return CBX_OK;
}
