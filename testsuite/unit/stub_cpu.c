/* See stub_cpu.h. */
#include <stdlib.h>

#include "../shared/heap.h"
#include "stub_cpu.h"

/* ---- Allocation ---------------------------------------------------------------------------- */

static struct heap heap = { .poison = true };

const struct cbx_machine_options stub_options = {
	.size = sizeof(stub_options),
	.memory_bytes = 1 << 20,
	.nanoseconds_per_instruction = 10,
	.reallocate = heap_reallocate,
	.user = &heap
};

void stub_fail_allocations(unsigned n)
{
	heap.fail_in = n;
}

uint64_t stub_allocated(void)
{
	return heap.allocated;
}

uint64_t stub_allocations(void)
{
	return heap.allocations;
}

struct cbx_machine *stub_machine(bool bare, uint64_t memory_bytes)
{
	struct cbx_machine_options options = stub_options;
	struct cbx_machine *machine;

	options.bare = bare;
	options.memory_bytes = memory_bytes;
	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	return machine;
}

void stub_machine_free(struct cbx_machine *machine)
{
	cbx_machine_free(machine);
	assert_int_equal(heap.allocated, 0);
}

struct cbx_device *stub_device(struct cbx_machine *machine, const char *name)
{
	static struct cbx_device_type types[16];
	static unsigned used;
	struct cbx_device_type *type = &types[used++ % 16];
	struct cbx_device *device;

	type->name = name;
	type->size = sizeof(struct cbx_device);
	assert_int_equal(cbx_device_new(machine, type, &device), CBX_OK);
	return device;
}

/* ---- The processor -------------------------------------------------------------------------- */

const struct cbx_field cpu_fields[] = {
	CBX_FIELD(struct cpu, count),
	CBX_FIELD_ARRAY(struct cpu, registers),
	CBX_FIELD(struct cpu, halted),
	CBX_FIELD_ARRAY(struct cpu, reserved),
	CBX_FIELD_END
};

enum cbx_status cpu_new(struct cbx_machine *machine, struct cbx_error *error)
{
	if (machine->options.cpu && strcmp(machine->options.cpu, "stub")) {
		if (error)
			error->status = CBX_ERROR_ARGUMENT;
		return CBX_ERROR_ARGUMENT;
	}
	machine->cpu = machine_allocate(machine, sizeof(*machine->cpu));
	if (!machine->cpu)
		return CBX_ERROR_MEMORY;
	machine->options.cpu = "stub";
	return CBX_OK;
}

void cpu_free(struct cbx_machine *machine)
{
	machine_release(machine, machine->cpu);
}

void cpu_reset(struct cbx_machine *machine)
{
	machine->cpu->resets++;
	machine->cpu->halted = false;
}

uint64_t cpu_instruction_count(const struct cbx_machine *machine)
{
	return machine->cpu->count;
}

void cpu_attention(struct cbx_machine *machine)
{
	machine->cpu->attention++;
}

enum cbx_status cpu_run(struct cbx_machine *machine, const struct cbx_run_options *options,
			struct cbx_stop *stop)
{
	uint64_t end = options->instructions ? machine->cpu->count + options->instructions :
		       UINT64_MAX;

	if (machine->cpu->run)
		machine->cpu->run(machine);
	stop->reason = CBX_STOP_LIMIT;
	while (machine->cpu->count < end) {
		if (machine->stop_requested) {
			stop->reason = CBX_STOP_REQUEST;
			break;
		}
		if (clock_deadline(machine) <= machine->cpu->count) {
			clock_fire(machine);
			continue;
		}
		machine->cpu->count++;
		machine->cpu->registers[machine->cpu->count & 3] += (uint32_t)machine->cpu->count;
		stop->instructions++;
		if (!options->instructions && stop->instructions > 1000000)
			break;
	}
	return CBX_OK;
}

void cpu_before_save(struct cbx_machine *machine)
{
	(void)machine;
}

bool cpu_check(const struct cbx_machine *machine, const void *state)
{
	const struct cpu *cpu = state;

	(void)machine;
	return cpu->count < (uint64_t)1 << 60;
}

void cpu_loaded(struct cbx_machine *machine)
{
	machine->cpu->loaded++;
}

void *cpu_state(struct cbx_machine *machine, size_t *size)
{
	*size = offsetof(struct cpu, changed_all);
	return machine->cpu;
}

/* No TLB; the section needs a field. */
const struct cbx_field tlb_fields[] = {
	{ "nothing", 0, 8, 1, NULL, 0 },
	CBX_FIELD_END
};

void *tlb_state(struct cbx_machine *machine, size_t *size)
{
	*size = sizeof(machine->cpu->tlb);
	return &machine->cpu->tlb;
}

bool tlb_check(const void *state)
{
	(void)state;
	return true;
}

void cpu_memory_shared(struct cbx_machine *machine)
{
	machine->cpu->changed_all++;
}

uint32_t *cpu_deliveries(struct cbx_machine *machine)
{
	return &machine->cpu->deliveries;
}

uint32_t cpu_deliveries_now(const struct cbx_machine *machine)
{
	(void)machine;
	return 0;
}

uint64_t hooks_changes(const struct cbx_machine *machine)
{
	(void)machine;
	return 0;
}

void hooks_quiet(struct cbx_machine *machine, bool hooks, bool breakpoints)
{
	(void)machine;
	(void)hooks;
	(void)breakpoints;
}

enum cbx_status cpu_register_write(struct cbx_machine *machine, enum cbx_register which,
				   uint64_t value)
{
	(void)machine;
	(void)which;
	(void)value;
	return CBX_ERROR_ARGUMENT;
}

void cpu_memory_changed(struct cbx_machine *machine, uint64_t backing)
{
	if (backing == NO_BACKING) {
		machine->cpu->changed_all++;
	} else {
		machine->cpu->changed_pages++;
		machine->cpu->changed_backing = backing;
	}
}

void cpu_code_written(struct cbx_machine *machine, uint64_t backing, size_t count)
{
	machine->cpu->written++;
	machine->cpu->written_backing = backing;
	machine->cpu->written_count = count;
}

enum cbx_status cbx_register_read(const struct cbx_machine *machine, enum cbx_register which, uint64_t *value)
{
	(void)machine;
	(void)which;
	*value = 0;
	return CBX_OK;
}
