/*
 * The field tables of everything in a PC: each byte of each state is named by exactly one
 * field, so that nothing a guest could notice is left out of saved states and hashes; and
 * no two devices share a section.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "machine.h"
#include "memory.h"

static enum cbx_status disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	(void)user;
	(void)offset;
	memset(bytes, 0, count);
	return CBX_OK;
}

static struct cbx_machine *new_pc(void)
{
	const struct cbx_disk_backend disk = { .bytes = 16 << 20, .read = disk_read,
					       .read_only = true };
	struct cbx_pc_options options = { .size = sizeof(options), .sound_card.present = true };
	struct cbx_machine *machine;
	unsigned i;

	options.machine.memory_bytes = 16 << 20;
	for (i = 0; i < 4; i++) {
		options.ide[i].present = true;
		options.ide[i].cdrom = i == 2;
		options.ide[i].disk = disk;
	}
	options.debug_exit_port = 0x501;
	assert_int_equal(cbx_pc_new(&options, &machine, NULL), CBX_OK);
	return machine;
}

static void test_cover(void **state)
{
	struct cbx_machine *machine = new_pc();
	const struct cbx_device *device, *other;
	unsigned bad = 0;
	size_t size, at;

	(void)state;
	cpu_state(machine, &size);
	assert_true(state_fields_valid(cpu_fields, size, 0));
	if (!state_fields_cover(cpu_fields, size, &at)) {
		print_message("# cpu: byte %lu is not one field's\n", (unsigned long)at);
		bad++;
	}
	tlb_state(machine, &size);
	assert_true(state_fields_valid(tlb_fields, size, 0));
	assert_true(state_fields_cover(tlb_fields, size, &at));
	for (device = machine->devices; device; device = device->next) {
		const struct cbx_device_type *type = device->type;

		if (type->fields && !state_fields_cover(type->fields, type->state_size, &at)) {
			print_message("# %s: byte %lu of its state is not one field's\n", type->name,
				      (unsigned long)at);
			bad++;
		}
		for (other = machine->devices; other != device; other = other->next)
			if (other->instance == device->instance &&
			    !strcmp(other->type->name, type->name)) {
				print_message("# two devices are %s %u\n", type->name,
					      device->instance);
				bad++;
			}
		/* Outside the state only what is wiring or derived; so the rest must be saved. */
		if (!type->fields)
			print_message("# %s has no state\n", type->name);
	}
	assert_int_equal(bad, 0);
	cbx_machine_free(machine);
}

/* What a device's type says of its state in a fork, which nobody resets. */
static void test_zeroed(void **state)
{
	struct cbx_fork_options options = { .size = sizeof(options) };
	struct cbx_machine *machine = new_pc(), *fork;
	struct cbx_machine_options same = machine->options;
	unsigned said = 0;

	(void)state;
	same.fork_of = machine;
	assert_int_equal(machine->board_ops->twin(machine, &same, &options, &fork, NULL), CBX_OK);
	for (const struct cbx_device *device = fork->devices; device; device = device->next) {
		const uint8_t *bytes = (const uint8_t *)device + device->type->state_offset;

		for (size_t i = 0; device->type->state_starts_zeroed && i < device->type->state_size; i++)
			assert_int_equal(bytes[i], 0);
		said += device->type->state_starts_zeroed;
	}
	assert_int_not_equal(said, 0);
	cbx_machine_free(fork);
	cbx_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cover),
		cmocka_unit_test(test_zeroed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
