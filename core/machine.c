/*
 * A machine's life: creation, devices, resets, requests, messages, allocation, and the
 * public calls that run it.
 */
#include <stdlib.h>

#include "clock.h"
#include "machine.h"
#include "medium.h"
#include "ram.h"

enum { LOG_LIMIT = 1000, LARGE_ALIGN = 64, LARGE_DEVICE = 16384 };

#define DEFAULT_MEMORY ((uint64_t)64 << 20)
#define LARGEST_MEMORY ((uint64_t)1 << 40)

/* ---- Allocation -------------------------------------------------------------------------- */

void *options_reallocate(const struct cbx_machine_options *options, void *memory, size_t size)
{
	if (options->reallocate)
		return options->reallocate(options->user, memory, size);
	if (size)
		return realloc(memory, size);
	free(memory);
	return NULL;
}

void *options_allocate(const struct cbx_machine_options *options, size_t size)
{
	void *memory;

	if (!options->reallocate)
		return calloc(1, size ? size : 1);      /* large ones cost nothing until used */
	memory = options->reallocate(options->user, NULL, size ? size : 1);
	if (memory)
		memset(memory, 0, size);
	return memory;
}

void *machine_allocate(struct cbx_machine *machine, size_t size)
{
	return options_allocate(&machine->options, size);
}

void *machine_allocate_array(struct cbx_machine *machine, uint64_t count, size_t size)
{
	if (count > PTRDIFF_MAX / size)
		return NULL;
	return options_allocate(&machine->options, (size_t)count * size);
}

void machine_release(struct cbx_machine *machine, void *memory)
{
	bool own = machine->large && (uintptr_t)memory - (uintptr_t)machine->large < machine->large_bytes;

	if (memory && !own)
		options_reallocate(&machine->options, memory, 0);
}

void *machine_allocate_large(struct cbx_machine *machine, size_t size, bool sparse)
{
	size_t room = size + (-size & (LARGE_ALIGN - 1)), at;

	if (size > PTRDIFF_MAX)
		return NULL;
	if (room <= machine->large_to - machine->large_from) {
		at = machine->large_from;
		if (sparse)
			at = machine->large_to -= room;
		else
			machine->large_from += room;
		return machine->large + at;
	}
	if (!machine->large)
		machine->large_bytes += room;
	return machine_allocate(machine, size);
}

void *cbx_machine_allocate(struct cbx_machine *machine, size_t size)
{
	return machine ? machine_allocate(machine, size) : NULL;
}

void cbx_machine_release(struct cbx_machine *machine, void *memory)
{
	if (machine)
		machine_release(machine, memory);
}

/* ---- Errors and messages ------------------------------------------------------------------ */

void machine_text(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	if (length >= size)
		length = size - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

enum cbx_status machine_fail(struct cbx_machine *machine, enum cbx_status status, const char *text)
{
	machine_text(machine->error, sizeof(machine->error), text);
	return status;
}

const char *cbx_machine_error(const struct cbx_machine *machine)
{
	return machine ? machine->error : "";
}

void cbx_machine_set_log(struct cbx_machine *machine,
			 void (*log)(void *user, const char *device, const char *text), void *user)
{
	if (!machine)
		return;
	machine->log = log;
	machine->log_user = user;
	machine->log_left = LOG_LIMIT;
}

void cbx_log(struct cbx_device *device, const char *text)
{
	struct cbx_machine *machine;

	if (!device || !text)
		return;
	machine = device->machine;
	if (!machine->log || !machine->log_left || machine->replaying)
		return;
	if (machine->options.log_limit) {
		size_t length = strlen(text);

		if (length > machine->options.log_limit - machine->log_bytes) {
			machine->log_left = 0;
			limits_stop(machine, CBX_STOP_LOG_LIMIT, "log_limit is reached");
			return;
		}
		machine->log_bytes += length;
	} else {
		machine->log_left--;
	}
	machine->log(machine->log_user, device->type->name, text);
}

/* ---- Creation and end ---------------------------------------------------------------------- */

static enum cbx_status fail(struct cbx_error *error, enum cbx_status status, const char *text)
{
	if (error) {
		error->status = status;
		machine_text(error->text, sizeof(error->text), text);
	}
	return status;
}

bool options_take(void *to, size_t to_size, const void *from, size_t from_size)
{
	const uint8_t *bytes = from;
	size_t i;

	if (from_size < sizeof(size_t))
		return false;
	for (i = to_size; i < from_size; i++)
		if (bytes[i])
			return false;
	memset(to, 0, to_size);
	memcpy(to, from, from_size < to_size ? from_size : to_size);
	return true;
}

static enum cbx_status machine_build(struct cbx_machine *machine, struct cbx_error *error)
{
	enum cbx_status status;
	struct cbx_region *region;
	struct cbx_ram *ram;
	size_t size;
	void *state;

	if (memory_new(machine) || ports_new(machine) || clock_new(machine))
		return fail(error, CBX_ERROR_MEMORY, "no memory for a machine");
	status = cpu_new(machine, error);
	if (status)
		return error && error->text[0] ? status : fail(error, status, status ==
			CBX_ERROR_MEMORY ? "no memory for a processor" : "no such processor");
	state = cpu_state(machine, &size);
	cpu_before_save(machine);
	machine->cpu_at_power_on = machine_allocate(machine, size);
	if (!machine->cpu_at_power_on)
		return fail(error, CBX_ERROR_MEMORY, "no memory for a machine");
	memcpy(machine->cpu_at_power_on, state, size);
	if (machine->options.bare)
		return CBX_OK;
	status = cbx_ram_new(machine, "ram", machine->options.memory_bytes, &ram);
	if (!status)
		status = map_new_ram_region(machine, ram, 0, machine->options.memory_bytes, &region);
	if (status)
		return fail(error, status, machine->error);
	cbx_region_place(region, 0, CBX_REGION_READ | CBX_REGION_WRITE, 0);
	return CBX_OK;
}

enum cbx_status cbx_machine_new(const struct cbx_machine_options *given,
				struct cbx_machine **result, struct cbx_error *error)
{
	struct cbx_machine_options options = { .size = sizeof(options) };
	struct cbx_machine *machine;
	enum cbx_status status;

	if (error) {
		error->status = CBX_OK;
		error->text[0] = '\0';
	}
	if (!result)
		return fail(error, CBX_ERROR_ARGUMENT, "there is no place for the new machine");
	*result = NULL;
	if (given && !options_take(&options, sizeof(options), given, given->size))
		return fail(error, CBX_ERROR_ARGUMENT,
			    "the machine options' size is not that of the struct");
	options.size = sizeof(options);
	if (!options.memory_bytes)
		options.memory_bytes = DEFAULT_MEMORY;
	if (options.memory_bytes & PAGE_MASK || options.memory_bytes > LARGEST_MEMORY)
		return fail(error, CBX_ERROR_ARGUMENT,
			    "memory_bytes must be a multiple of 4096, at most 1 TiB");
	if (!options.nanoseconds_per_instruction)
		options.nanoseconds_per_instruction = 10;
	if (!limits_install(&options))
		return fail(error, CBX_ERROR_MEMORY, "no memory for a machine");
	machine = options_allocate(&options, sizeof(*machine));
	if (!machine) {
		limits_drop(&options);
		return fail(error, CBX_ERROR_MEMORY, "no memory for a machine");
	}
	machine->options = options;
	if (machine_is_twin(machine))
		fork_begin(machine);
	machine->devices_end = &machine->devices;
	machine->devices_unreset = &machine->devices;
	machine->log_left = LOG_LIMIT;
	status = machine_build(machine, error);
	if (status) {
		cbx_machine_free(machine);
		return status;
	}
	*result = machine;
	return CBX_OK;
}

static void devices_destroy(struct cbx_machine *machine)
{
	struct cbx_device *reversed = NULL, *device, *next;

	for (device = machine->devices; device; device = next) {
		next = device->next;
		device->next = reversed;
		reversed = device;
	}
	machine->devices = NULL;
	for (device = reversed; device; device = next) {
		next = device->next;
		if (device->type->destroy)
			device->type->destroy(device);
		machine_release(machine, device);
	}
}

void cbx_machine_free(struct cbx_machine *machine)
{
	if (!machine)
		return;
	devices_destroy(machine);
	if (machine->destroy_board)
		machine->destroy_board(machine->board);
	if (machine->cpu)
		cpu_free(machine);
	machine->cpu = NULL;
	machine_release(machine, machine->cpu_at_power_on);
	history_free(machine);
	for (unsigned drive = 0; drive < CBX_MEDIA; drive++)
		medium_release(machine, machine->media[drive]);
	clock_free(machine);
	ports_free(machine);
	memory_free(machine);
	if (machine->large)
		options_reallocate(&machine->options, machine->large, 0);
	machine->large = NULL;
	machine_release(machine, machine);
}

void cbx_machine_set_board(struct cbx_machine *machine, void *board, void (*destroy)(void *board))
{
	if (!machine)
		return;
	machine->board = board;
	machine->destroy_board = destroy;
}

void cbx_machine_set_board_ops(struct cbx_machine *machine, const struct cbx_board_ops *ops)
{
	if (machine)
		machine->board_ops = ops;
}

void *cbx_machine_board(const struct cbx_machine *machine)
{
	return machine ? machine->board : NULL;
}

/* ---- Devices ---------------------------------------------------------------------------------- */

static bool type_valid(const struct cbx_device_type *type)
{
	return type && type->name && *type->name && strlen(type->name) <= 255 &&
	       type->size >= sizeof(struct cbx_device) && type->state_offset <= type->size &&
	       type->state_size <= type->size - type->state_offset &&
	       (type->fields ? state_fields_valid(type->fields, type->state_size, 0) :
			       !type->state_size);
}

enum cbx_status cbx_device_new(struct cbx_machine *machine, const struct cbx_device_type *type,
			       struct cbx_device **result)
{
	struct cbx_device *device, *other;
	const struct cbx_device *like;

	if (!machine || !result)
		return CBX_ERROR_ARGUMENT;
	*result = NULL;
	like = machine->like && machine->like->type == type ? machine->like : NULL;
	machine->like = like ? like->next : NULL;
	if (!like && !type_valid(type))
		return machine_fail(machine, CBX_ERROR_ARGUMENT,
				    "a device type's name, sizes or field table are not valid");
	device = type->size >= LARGE_DEVICE ? machine_allocate_large(machine, type->size, true) :
					      machine_allocate(machine, type->size);
	if (!device)
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a device");
	device->type = type;
	device->machine = machine;
	for (other = like ? NULL : machine->devices; other; other = other->next)
		if (!strcmp(other->type->name, type->name))
			device->instance++;
	if (like)
		device->instance = like->instance;
	*machine->devices_end = device;
	machine->devices_end = &device->next;
	history_lose(machine);          /* it is no part of the past */
	*result = device;
	return CBX_OK;
}

static void devices_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	for (; device; device = device->next)
		if (device->type->reset)
			device->type->reset(device, kind);
}

void machine_start(struct cbx_machine *machine)
{
	struct cbx_device *first = *machine->devices_unreset;

	memory_seal(machine);
	machine->devices_unreset = machine->devices_end;
	devices_reset(first, CBX_RESET_POWER);
}

void machine_reset(struct cbx_machine *machine, enum cbx_reset_kind kind)
{
	size_t size;
	void *state;

	machine->reset_requested = false;
	machine->cpu_reset_requested = false;
	machine->power_off_requested = false;
	machine->exit_requested = false;
	machine->exit_code = 0;
	if (kind == CBX_RESET_POWER) {
		memory_reset(machine);
		clock_reset(machine);
		state = cpu_state(machine, &size);
		memcpy(state, machine->cpu_at_power_on, size);
		state = tlb_state(machine, &size);
		memset(state, 0, size);
		cpu_loaded(machine);
	} else {
		cpu_reset(machine);
	}
	machine->devices_unreset = machine->devices_end;
	devices_reset(machine->devices, kind);
	cpu_attention(machine);
}

void cbx_machine_reset(struct cbx_machine *machine)
{
	/* A fork gets a state that is a later one. */
	if (!machine || machine->running || machine_is_twin(machine))
		return;
	machine->out_of_memory = false;
	machine->stop_pending = machine->shutdown_pending = false;
	machine->stop_requested = 0;
	machine_reset(machine, CBX_RESET_POWER);
	history_restart(machine);
}

/* ---- What devices ask for -------------------------------------------------------------------- */

void cbx_request_reset(struct cbx_device *device, bool processor_only)
{
	if (!device)
		return;
	if (processor_only)
		device->machine->cpu_reset_requested = true;
	else
		device->machine->reset_requested = true;
	cpu_attention(device->machine);
}

void cbx_request_power_off(struct cbx_device *device)
{
	if (!device)
		return;
	device->machine->power_off_requested = true;
	cpu_attention(device->machine);
}

void cbx_request_exit(struct cbx_device *device, int code)
{
	if (!device)
		return;
	device->machine->exit_requested = true;
	device->machine->exit_code = code;
	cpu_attention(device->machine);
}

/* ---- Running ----------------------------------------------------------------------------------- */

enum cbx_status cbx_run(struct cbx_machine *machine, const struct cbx_run_options *given,
			struct cbx_stop *result)
{
	struct cbx_run_options options = { .size = sizeof(options) };
	enum cbx_status status;
	struct cbx_stop stop;

	if (result)
		memset(result, 0, sizeof(*result));
	if (!machine)
		return CBX_ERROR_ARGUMENT;
	if (given && !options_take(&options, sizeof(options), given, given->size))
		return machine_fail(machine, CBX_ERROR_ARGUMENT,
				    "the run options' size is not that of the struct");
	if (machine->running)
		return machine_fail(machine, CBX_ERROR_STATE, "the machine is running already");
	memset(&stop, 0, sizeof(stop));
	machine_start(machine);
	if (!limits_begin(machine, &options, &stop)) {
		if (result)
			*result = stop;
		return CBX_OK;
	}
	machine->running = true;
	status = machine->history ? history_run(machine, &options, &stop) :
				    cpu_run(machine, &options, &stop);
	machine->running = false;
	limits_end(machine, &stop);
	if (!status && stop.reason == CBX_STOP_REQUEST)
		machine->stop_requested = 0;
	if (result)
		*result = stop;
	return status;
}

enum cbx_status cbx_step(struct cbx_machine *machine, struct cbx_stop *stop)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1 };

	return cbx_run(machine, &options, stop);
}

void cbx_request_stop(struct cbx_machine *machine)
{
	/* One store: this may be a signal handler or another thread. */
	if (machine)
		atomic_store_explicit(&machine->stop_requested, 1, memory_order_release);
}

uint64_t cbx_instruction_count(const struct cbx_machine *machine)
{
	return machine ? cpu_instruction_count(machine) : 0;
}

uint64_t cbx_guest_time(const struct cbx_machine *machine)
{
	return machine ? clock_now(machine) : 0;
}

uint64_t cbx_next_event(const struct cbx_machine *machine)
{
	if (!machine || !machine->clock->armed || machine->clock->armed->time >= CLOCK_NEVER)
		return UINT64_MAX;
	return machine->clock->armed->time;
}
