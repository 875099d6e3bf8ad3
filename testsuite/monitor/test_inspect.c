/* clearbox/inspect.h on a PC: objects, maps, PCI functions; and what of the other headers the monitor brought. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <clearbox/clearbox.h>

static struct cbx_machine *make_pc(void)
{
	struct cbx_pc_options options = { .size = sizeof(options), .machine.memory_bytes = 4 << 20 };
	struct cbx_machine *machine;

	assert_int_equal(cbx_pc_new(&options, &machine, NULL), CBX_OK);
	return machine;
}

static void test_objects(void **state)
{
	struct cbx_machine *machine = make_pc();
	uint64_t hash = cbx_state_hash(machine);
	struct cbx_object object;
	bool pit = false;
	unsigned n = 0;

	(void)state;
	for (; cbx_object_at(machine, n, &object) == CBX_OK; n++) {
		size_t bytes = 0;

		assert_non_null(object.name);
		assert_non_null(object.state);
		for (const struct cbx_field *f = object.fields; f->name; f++)
			bytes += (size_t)f->size * f->count;
		assert_true(bytes > 0);
		pit = pit || !strcmp(object.name, "pit");
	}
	assert_true(n > 15 && pit);
	assert_int_equal(cbx_object_at(machine, 0, &object), CBX_OK);
	assert_string_equal(object.name, "cpu");
	assert_int_equal(cbx_object_at(machine, 1, &object), CBX_OK);
	assert_string_equal(object.name, "tlb");
	assert_int_equal(cbx_object_at(NULL, 0, &object), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_object_at(machine, 0, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_object_at(machine, UINT32_MAX, &object), CBX_ERROR_ARGUMENT);
	assert_true(cbx_state_hash(machine) == hash);
	cbx_machine_free(machine);
}

/* All addresses of a map, in order, without a gap. */
static unsigned walk(struct cbx_machine *machine, enum cbx_map map, uint64_t end)
{
	struct cbx_map_range range, again;
	unsigned answered = 0;
	uint64_t at = 0;

	while (at < end) {
		assert_int_equal(cbx_map_range_at(machine, map, at, &range), CBX_OK);
		assert_true(range.first == at && range.last >= at && range.last < end);
		assert_int_equal(cbx_map_range_at(machine, map, range.first + (range.last - range.first) / 2, &again), CBX_OK);
		assert_true(again.first == range.first && again.last == range.last && again.name == range.name);
		answered += range.name != NULL;
		at = range.last + 1;
	}
	assert_int_equal(cbx_map_range_at(machine, map, end, &range), CBX_ERROR_ARGUMENT);
	return answered;
}

static void test_maps(void **state)
{
	struct cbx_machine *machine = make_pc();
	struct cbx_map_range range;

	(void)state;
	assert_true(walk(machine, CBX_MAP_READ, UINT64_C(1) << 52) > 3);
	assert_true(walk(machine, CBX_MAP_WRITE, UINT64_C(1) << 52) > 0);
	assert_true(walk(machine, CBX_MAP_PORTS, 65536) > 20);
	assert_int_equal(cbx_map_range_at(machine, CBX_MAP_READ, 0x1000, &range), CBX_OK);
	assert_string_equal(range.name, "ram");
	assert_true(range.memory && range.first == 0 && range.offset == 0);
	assert_int_equal(cbx_map_range_at(machine, CBX_MAP_PORTS, 0x43, &range), CBX_OK);
	assert_string_equal(range.name, "pit");
	assert_true(range.first == 0x40 && range.last == 0x43 && !range.memory);
	assert_int_equal(cbx_map_range_at(NULL, CBX_MAP_READ, 0, &range), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_map_range_at(machine, CBX_MAP_READ, 0, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_map_range_at(machine, (enum cbx_map)3, 0, &range), CBX_ERROR_ARGUMENT);
	cbx_machine_free(machine);
}

static void test_bare(void **state)
{
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 1 << 20 };
	struct cbx_machine *machine;
	struct cbx_map_range range;

	(void)state;
	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	assert_int_equal(cbx_map_range_at(machine, CBX_MAP_PORTS, 7, &range), CBX_OK);
	assert_true(range.first == 0 && range.last == 65535 && !range.name);
	assert_int_equal(walk(machine, CBX_MAP_WRITE, UINT64_C(1) << 52), 1);
	assert_null(cbx_pci_function_at(cbx_pc_pci_bus(machine), 0, 0));
	assert_int_equal(cbx_reset_button(machine), CBX_ERROR_UNSUPPORTED);
	cbx_machine_free(machine);
}

static void test_pci(void **state)
{
	struct cbx_machine *machine = make_pc();
	struct cbx_pci_bus *bus = cbx_pc_pci_bus(machine);
	struct cbx_pci_function *bridge = cbx_pci_function_at(bus, 0, 0);

	(void)state;
	assert_non_null(bridge);
	assert_int_equal(cbx_pci_config_read(bridge, 0, 4), 0x12378086);
	assert_null(cbx_pci_function_at(bus, 31, 7));
	assert_null(cbx_pci_function_at(bus, 32, 0));
	assert_null(cbx_pci_function_at(bus, 0, 8));
	assert_null(cbx_pci_function_at(NULL, 0, 0));
	cbx_machine_free(machine);
}

static void test_reset_button(void **state)
{
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 1000 };
	struct cbx_machine *machine = make_pc();
	struct cbx_stop stop;
	uint64_t rip = 0;

	(void)state;
	assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
	assert_int_equal(cbx_reset_button(machine), CBX_OK);
	run.stop_on_reset = true;
	assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_RESET);
	assert_int_equal(cbx_register_read(machine, CBX_RIP, &rip), CBX_OK);
	assert_int_equal(rip, 0xfff0);
	assert_int_equal(cbx_reset_button(NULL), CBX_ERROR_UNSUPPORTED);
	cbx_machine_free(machine);
}

static enum cbx_status read_zeros(void *user, uint64_t offset, void *bytes, size_t count)
{
	(void)user;
	(void)offset;
	memset(bytes, 0, count);
	return CBX_OK;
}

static void test_overlay(void **state)
{
	struct cbx_disk_backend base = { .bytes = 10000, .read = read_zeros }, disk;
	struct cbx_overlay *overlay;
	const void *bytes = NULL;
	uint64_t offset = 0;
	size_t cursor = 0, count = 0, blocks = 0, total = 0;

	(void)state;
	assert_int_equal(cbx_overlay_new(&base, NULL, &overlay, &disk), CBX_OK);
	assert_int_equal(cbx_overlay_next(overlay, 0, &offset, &bytes, &count), 0);
	assert_int_equal(disk.write(disk.user, 5000, "a", 1), CBX_OK);
	assert_int_equal(disk.write(disk.user, 9999, "b", 1), CBX_OK);
	while ((cursor = cbx_overlay_next(overlay, cursor, &offset, &bytes, &count))) {
		assert_true(offset == 4096 || offset == 8192);
		assert_int_equal(((const char *)bytes)[offset == 4096 ? 904 : 1807], offset == 4096 ? 'a' : 'b');
		total += count;
		blocks++;
	}
	assert_int_equal(blocks, 2);
	assert_int_equal(total, 4096 + 10000 - 8192);
	assert_int_equal(cbx_overlay_next(NULL, 0, &offset, &bytes, &count), 0);
	assert_int_equal(cbx_overlay_next(overlay, 0, NULL, &bytes, &count), 0);
	assert_int_equal(cbx_overlay_next(overlay, SIZE_MAX, &offset, &bytes, &count), 0);
	cbx_overlay_free(overlay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects), cmocka_unit_test(test_maps), cmocka_unit_test(test_bare),
		cmocka_unit_test(test_pci), cmocka_unit_test(test_reset_button), cmocka_unit_test(test_overlay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
