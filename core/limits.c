/*
 * What a machine may use at most: memory, instructions, guest time, and bytes of messages.
 *
 * With a memory limit every block that the machine allocates has a head with its size, and an
 * account counts them.  The account lives as long as a block of it does, for a machine's blocks
 * may outlive the machine: its forks share the account, and may be on other threads.
 */
#include <stdatomic.h>

#include "clock.h"
#include "machine.h"

struct account {
	void *(*reallocate)(void *user, void *memory, size_t size);
	void *user;
	uint64_t limit;
	atomic_size_t used;
	atomic_uint refused;            /* since somebody asked last; a bool takes a library on some hosts */
};

union head {
	size_t size;
	max_align_t align;
};

static void *account_reallocate(void *user, void *memory, size_t size)
{
	struct account *account = user;
	struct cbx_machine_options real = { .reallocate = account->reallocate,
					    .user = account->user };
	union head *head = memory ? (union head *)memory - 1 : NULL;
	size_t old = head ? head->size + sizeof(*head) : 0, used;

	if (!size) {
		if (head)
			options_reallocate(&real, head, 0);
		if (atomic_fetch_sub(&account->used, old) == old)
			options_reallocate(&real, account, 0);
		return NULL;
	}
	if (size > PTRDIFF_MAX - sizeof(*head)) {
		account->refused = 1;
		return NULL;
	}
	size += sizeof(*head);
	/* Taken first and given back if it was too much: others may be at it, too. */
	used = atomic_fetch_add(&account->used, size);
	if (size > account->limit || used - old > account->limit - size) {
		atomic_fetch_sub(&account->used, size);
		account->refused = 1;
		return NULL;
	}
	head = options_reallocate(&real, head, size);
	atomic_fetch_sub(&account->used, head ? old : size);
	if (!head)
		return NULL;
	head->size = size - sizeof(*head);
	return head + 1;
}

bool limits_install(struct cbx_machine_options *options)
{
	struct account *account;

	if (!options->memory_limit || options->reallocate == account_reallocate)
		return true;
	account = options_allocate(options, sizeof(*account));
	if (!account)
		return false;
	account->reallocate = options->reallocate;
	account->user = options->user;
	account->limit = options->memory_limit;
	atomic_init(&account->used, 0);
	atomic_init(&account->refused, 0);
	options->reallocate = account_reallocate;
	options->user = account;
	return true;
}

void limits_drop(const struct cbx_machine_options *options)
{
	struct account *account = options->user;
	struct cbx_machine_options real;

	if (options->reallocate != account_reallocate || account->used)
		return;
	real = (struct cbx_machine_options){ .reallocate = account->reallocate,
					     .user = account->user };
	options_reallocate(&real, account, 0);
}

static bool refused(struct cbx_machine *machine)
{
	struct account *account = machine->options.user;

	if (machine->options.reallocate != account_reallocate)
		return false;
	return atomic_exchange(&account->refused, 0) != 0;
}

/* ---- Runs ---------------------------------------------------------------------------------- */

/* The lesser of two limits where 0 is none; rest is never 0. */
static uint64_t lesser(uint64_t limit, uint64_t rest)
{
	return limit && limit < rest ? limit : rest;
}

static void name(struct cbx_stop *stop, const char *which)
{
	stop->reason = CBX_STOP_LIMIT;
	machine_text(stop->detail, sizeof(stop->detail), which);
}

bool limits_begin(struct cbx_machine *machine, struct cbx_run_options *run, struct cbx_stop *stop)
{
	const struct cbx_machine_options *limits = &machine->options;
	uint64_t count = cpu_instruction_count(machine), now = clock_now(machine);

	refused(machine);
	if (limits->instruction_limit && count >= limits->instruction_limit)
		name(stop, "instruction_limit is reached");
	else if (limits->guest_time_limit && now >= limits->guest_time_limit)
		name(stop, "guest_time_limit is reached");
	if (stop->detail[0]) {
		cbx_register_read(machine, CBX_RIP, &stop->rip);
		cbx_register_read(machine, CBX_CS_BASE, &stop->cs_base);
		return false;
	}
	if (limits->instruction_limit)
		run->instructions = lesser(run->instructions, limits->instruction_limit - count);
	if (limits->guest_time_limit)
		run->guest_nanoseconds = lesser(run->guest_nanoseconds,
						limits->guest_time_limit - now);
	return true;
}

void limits_end(struct cbx_machine *machine, struct cbx_stop *stop)
{
	const struct cbx_machine_options *limits = &machine->options;

	if (stop->reason == CBX_STOP_HOST_MEMORY && refused(machine)) {
		stop->reason = CBX_STOP_MEMORY_LIMIT;
	} else if (stop->reason == CBX_STOP_LIMIT) {
		if (limits->instruction_limit &&
		    cpu_instruction_count(machine) >= limits->instruction_limit)
			name(stop, "instruction_limit is reached");
		else if (limits->guest_time_limit && clock_now(machine) >= limits->guest_time_limit)
			name(stop, "guest_time_limit is reached");
	}
}

void limits_stop(struct cbx_machine *machine, enum cbx_stop_reason reason, const char *detail)
{
	if (machine->stop_pending)
		return;
	machine->stop_pending = true;
	memset(&machine->stop, 0, sizeof(machine->stop));
	machine->stop.reason = reason;
	machine_text(machine->stop.detail, sizeof(machine->stop.detail), detail);
	cpu_attention(machine);
}

void cbx_request_limit(struct cbx_device *device, const char *what)
{
	if (device && what)
		limits_stop(device->machine, CBX_STOP_BACKEND_LIMIT, what);
}
