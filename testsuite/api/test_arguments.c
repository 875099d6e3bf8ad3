/*
 * Functions that other tests have no bad arguments for: a NULL in the place of each object gives an
 * error, nothing, or the answer for "there is none"; then the same functions used well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <clearbox/clearbox.h>
#include <clearbox/inspect.h>

static void test_null_devices(void **state)
{
	static const struct cbx_apic_ops ops = { 0 };
	struct cbx_line line = { 0 };
	uint8_t bytes[4] = { 1, 2, 3, 4 };

	(void)state;
	cbx_cpu_set_intr(NULL, true);
	cbx_cpu_set_nmi(NULL, true);
	cbx_cpu_set_a20(NULL, true);
	cbx_cpu_set_ignne(NULL, true);
	cbx_cpu_smi(NULL);
	cbx_cpu_connect_smram(NULL, NULL);
	cbx_cpu_connect_inta(NULL, NULL);
	cbx_cpu_connect_ferr(NULL, line);
	assert_int_equal(cbx_cpu_apic_features(NULL), 0);
	assert_int_equal(cbx_cpu_connect_apic(NULL, &ops), CBX_ERROR_ARGUMENT);
	cbx_apic_set_intr(NULL, true);
	cbx_apic_nmi(NULL);
	cbx_apic_smi(NULL);
	assert_int_equal(cbx_apic_inta(NULL), 0xff);
	assert_int_equal(cbx_cpu_tsc(NULL), 0);
	assert_true(cbx_cpu_tsc_time(NULL, 1) == UINT64_MAX);
	cbx_dma_read(NULL, 0, bytes, 4);
	assert_int_equal(bytes[0], 0xff);
	cbx_dma_write(NULL, 0, bytes, 4);
	assert_int_equal(cbx_ram_size(NULL), 0);
	assert_false(cbx_ram_take_dirty(NULL, 0));
}

static void test_null_pci(void **state)
{
	(void)state;
	assert_null(cbx_pc_pci_bus(NULL));
	assert_null(cbx_pci_function_at(NULL, 0, 0));
	cbx_pci_config_default(NULL, 0, 1, 0);
	cbx_pci_config_writable(NULL, 0, 1, 0);
	cbx_pci_config_clearable(NULL, 0, 1, 0);
	assert_true(cbx_pci_config_read(NULL, 0, 1) == UINT32_MAX);
	cbx_pci_config_write(NULL, 0, 1, 0);
	cbx_pci_set_irq(NULL, true);
	assert_int_equal(cbx_pci_msi_messages(NULL), 0);
	cbx_pci_msi_send(NULL, 0);
}

static void test_null_machines(void **state)
{
	struct cbx_disk_backend disk = { 0 };
	struct cbx_map_range range;
	struct cbx_history_info info = { .size = sizeof(info) };
	struct cbx_object object;
	struct cbx_cell cell;
	struct cbx_stop stop;
	const void *bytes;
	uint64_t offset;
	uint32_t pixel;
	size_t count;
	char text[8];
	uint8_t line;

	(void)state;
	assert_int_equal(cbx_history_enable(NULL, 1 << 20), CBX_ERROR_ARGUMENT);
	assert_true(cbx_history_info(NULL, &info) < 0);
	assert_true(cbx_reverse_continue(NULL, &stop) < 0);
	assert_false(cbx_outward_begin(NULL));
	cbx_outward_end(NULL);
	assert_false(cbx_replaying(NULL));
	assert_int_equal(cbx_medium_attach(NULL, 0, &disk, &disk), CBX_ERROR_ARGUMENT);
	cbx_machine_set_board_ops(NULL, NULL);
	assert_int_equal(cbx_machine_input(NULL, NULL), CBX_ERROR_ARGUMENT);
	assert_true(cbx_reset_button(NULL) < 0);
	assert_int_equal(cbx_object_at(NULL, 0, &object), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_map_range_at(NULL, CBX_MAP_READ, 0, &range), CBX_ERROR_ARGUMENT);
	cbx_overlay_discard(NULL);
	assert_int_equal(cbx_overlay_bytes(NULL), 0);
	assert_int_equal(cbx_overlay_next(NULL, 0, &offset, &bytes, &count), 0);
	assert_true(cbx_network_receive(NULL, 0, text, 14) < 0);
	assert_false(cbx_network_has_room(NULL, 0));
	assert_true(cbx_sound_flush(NULL) < 0);
	assert_true(cbx_screen_render(NULL, &pixel, 1, 1) < 0);
	assert_true(cbx_screen_update(NULL, 0, &pixel, 1, 1, &line) < 0);
	assert_true(cbx_screen_cells(NULL, &cell, 1) < 0);
	assert_true(cbx_screen_text(NULL, text, sizeof(text)) < 0);
	assert_null(cbx_register_name((enum cbx_register)-1));
}

static void test_used_well(void **state)
{
	struct cbx_pc_options options = { .size = sizeof(options) };
	struct cbx_machine *machine;
	struct cbx_map_range range;
	struct cbx_object object;
	struct cbx_screen screen;
	struct cbx_error error;
	unsigned features = 0, objects = 0;
	uint8_t changed[2048] = { 0 };
	static uint32_t pixels[2048 * 2048];

	(void)state;
	while (cbx_cpu_feature(features))
		features++;
	assert_in_range(features, 20, 200);
	assert_int_equal(cbx_cpu_check("haswell", &error), CBX_OK);
	assert_int_equal(cbx_cpu_check("no such", &error), CBX_ERROR_ARGUMENT);
	assert_true(*error.text);
	assert_int_equal(cbx_cell_unicode('A'), 'A');
	assert_int_equal(cbx_cell_unicode(0), ' ');
	assert_int_equal(cbx_cell_unicode(0xdb), 0x2588);
	assert_int_equal(cbx_pc_new(&options, &machine, &error), CBX_OK);
	while (cbx_object_at(machine, objects, &object) == CBX_OK)
		objects++;
	assert_in_range(objects, 15, 200);
	assert_int_equal(cbx_object_at(machine, 0, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_map_range_at(machine, CBX_MAP_READ, 0x1234, &range), CBX_OK);
	assert_true(range.memory);
	assert_int_equal(cbx_map_range_at(machine, CBX_MAP_PORTS, 0x60, &range), CBX_OK);
	assert_string_equal(range.name, "i8042");
	assert_int_equal(cbx_map_range_at(machine, CBX_MAP_PORTS, 65536, &range), CBX_ERROR_ARGUMENT);
	assert_non_null(cbx_pci_function_at(cbx_pc_pci_bus(machine), 0, 0));
	assert_null(cbx_pci_function_at(cbx_pc_pci_bus(machine), 31, 7));
	assert_null(cbx_pci_function_at(cbx_pc_pci_bus(machine), 32, 8));
	assert_int_equal(cbx_reset_button(machine), CBX_OK);
	assert_int_equal(cbx_sound_flush(machine), CBX_OK);
	assert_false(cbx_network_has_room(machine, 0));
	assert_int_equal(cbx_network_receive(machine, 0, changed, 60), CBX_ERROR_ARGUMENT);
	assert_false(cbx_replaying(machine));
	assert_int_equal(cbx_screen_info(machine, &screen), CBX_OK);
	assert_in_range(screen.height, 1, 2048);
	assert_int_equal(cbx_screen_update(machine, 0, pixels, 2048, 2048, changed), CBX_OK);
	assert_int_equal(cbx_screen_render(machine, pixels, 1, 1), CBX_ERROR_ARGUMENT);
	cbx_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null_devices), cmocka_unit_test(test_null_pci),
		cmocka_unit_test(test_null_machines), cmocka_unit_test(test_used_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
