/*
 * Every public function, called with good arguments and with each argument in turn replaced by bad
 * ones: NULL, numbers out of range, structs with a size of another version, a machine that is no PC.
 * What is documented as an error must be one; nothing may crash, and the machine must live on and be
 * freed without a leak.  calls.py makes the calls from the public headers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <clearbox/clearbox.h>

enum { DISK = 1474560 };

/* ---- What the calls take ------------------------------------------------------------------------- */

#define SIZED(type, name) struct { struct type good, none, later; } name

struct things {
	struct cbx_machine *machine, *bare, *made;
	struct cbx_device *device, *bare_device, *new_device;
	struct cbx_ram *ram, *new_ram;
	struct cbx_region *region, *new_region;
	struct cbx_timer *timer, *new_timer;
	struct cbx_pci_function *function, *new_function;
	struct cbx_gdb *gdb, *new_gdb;
	struct cbx_overlay *overlay, *new_overlay;
	struct cbx_disk_backend disk, new_disk;
	struct cbx_line line;
	struct cbx_input input;
	struct cbx_board_ops ops;
	void *data, *new_data, *memory;
	size_t data_size, count;
	unsigned breakpoint_id, hook_id, id;
	const void *pointer;
	uint64_t number;
	struct cbx_error error;
	struct cbx_stop stop;
	struct cbx_exception exception;
	struct cbx_object object;
	struct cbx_map_range range;
	struct cbx_screen screen;
	SIZED(cbx_run_options, run);
	SIZED(cbx_machine_options, machine_options);
	SIZED(cbx_pc_options, pc_options);
	SIZED(cbx_fork_options, fork_options);
	SIZED(cbx_gdb_options, gdb_options);
	SIZED(cbx_overlay_options, overlay_options);
	SIZED(cbx_pci_options, pci_options);
	SIZED(cbx_breakpoint, breakpoint);
	SIZED(cbx_hook, hook);
	SIZED(cbx_history_info, history_info);
	struct cbx_cell cells[8192];
	uint32_t pixels[1024 * 1024];
	uint8_t bytes[4096], changed[1024];
	char text[64];
};

static const char forty_characters[] = "a name of forty bytes, which is too long";
static size_t blocks;

static void *reallocate(void *user, void *memory, size_t size)
{
	void *result;

	(void)user;
	if (!size) {
		blocks -= memory != NULL;
		free(memory);
		return NULL;
	}
	if (size > (size_t)1 << 30)
		return NULL;
	result = realloc(memory, size);
	blocks += !memory && result;
	return result;
}

/* What a call frees is not ours to free. */
static void *take_from(void **place)
{
	void *thing = *place;

	*place = NULL;
	return thing;
}
#define take(place) take_from((void **)(void *)(place))

static enum cbx_status disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	(void)user;
	if (offset > DISK || count > DISK - offset)
		return CBX_ERROR_IO;
	memset(bytes, 0, count);
	return CBX_OK;
}

static enum cbx_status disk_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	(void)user;
	(void)bytes;
	return offset > DISK || count > DISK - offset ? CBX_ERROR_IO : CBX_OK;
}

static void send_bytes(void *user, const void *bytes, size_t count)
{
	(void)user;
	(void)bytes;
	(void)count;
}

static void send_frame(void *user, const uint8_t *frame, size_t count)
{
	send_bytes(user, frame, count);
}

static void log_message(void *user, const char *device, const char *text)
{
	(void)user;
	(void)device;
	(void)text;
}

static enum cbx_hook_action hook_call(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	(void)user;
	(void)machine;
	(void)event;
	return CBX_HOOK_CONTINUE;
}

static void fire(struct cbx_device *device, unsigned number)
{
	(void)device;
	(void)number;
}

static void smram(struct cbx_device *device, bool in_smm)
{
	(void)device;
	(void)in_smm;
}

static uint8_t acknowledge(struct cbx_device *device)
{
	return device ? 0x40 : 0xff;
}

static void apic_pin(struct cbx_device *apic, unsigned lint, bool level)
{
	(void)lint;
	fire(apic, level);
}

static bool apic_read(struct cbx_device *apic, uint32_t index, uint64_t *value)
{
	(void)index;
	*value = 0;
	return apic != NULL;
}

static bool apic_write(struct cbx_device *apic, uint32_t index, uint64_t value)
{
	(void)index;
	(void)value;
	return apic != NULL;
}

static void apic_write_tpr(struct cbx_device *apic, uint8_t value)
{
	fire(apic, value);
}

static void apic_told(struct cbx_device *apic)
{
	fire(apic, 0);
}

static const struct cbx_apic_ops apic_ops = {
	.set_pin = apic_pin, .acknowledge = acknowledge, .read_tpr = acknowledge, .write_tpr = apic_write_tpr,
	.read_msr = apic_read, .write_msr = apic_write, .init = apic_told, .tsc_changed = apic_told
};
static const struct cbx_io io = { .widths = 1 };
static const struct cbx_device_type own_type = { .name = "own", .size = sizeof(struct cbx_device) };
static const struct cbx_device_type other_type = { .name = "other", .size = sizeof(struct cbx_device) };

/* What the machine has besides a PC's devices, and its forks must have. */
static enum cbx_status add_devices(void *user, struct cbx_machine *machine)
{
	struct things *t = user, local, *to = machine == t->machine ? t : &local;

	if (cbx_device_new(machine, &own_type, &to->device) || cbx_ports_map(to->device, 0x800, 4, &io) ||
	    cbx_ram_new(machine, "own", 8192, &to->ram) ||
	    cbx_region_new_ram(to->device, to->ram, 0, 4096, &to->region) ||
	    cbx_timer_new(to->device, "tick", fire, 0, &to->timer) ||
	    cbx_pci_function_new(cbx_pc_pci_bus(machine), to->device, &t->pci_options.good, &to->function))
		return CBX_ERROR_MEMORY;
	return CBX_OK;
}

#define LATER(name)                                                                                 \
	do {                                                                                        \
		t->name.good.size = sizeof(t->name.good);                                           \
		t->name.later = t->name.good;                                                       \
		t->name.later.size = sizeof(t->name.good) + 4096;                                   \
	} while (0)

static struct things *things_new(void)
{
	struct things *t = calloc(1, sizeof(*t));
	struct cbx_pc_options *pc;

	assert_non_null(t);
	blocks = 0;             /* whatever an earlier failure left */
	t->run.good.instructions = 100;
	LATER(run);
	t->machine_options.good.memory_bytes = 1 << 20;
	t->machine_options.good.reallocate = reallocate;
	LATER(machine_options);
	pc = &t->pc_options.good;
	pc->machine = t->machine_options.good;
	pc->vram_bytes = 1 << 20;
	pc->card[0].kind = CBX_CARD_NE2000_PCI;
	pc->card[0].network.send = send_frame;
	LATER(pc_options);
	t->fork_options.good.add_devices = add_devices;
	t->fork_options.good.user = t;
	LATER(fork_options);
	t->gdb_options.good.send = send_bytes;
	LATER(gdb_options);
	t->overlay_options.good.reallocate = reallocate;
	LATER(overlay_options);
	t->pci_options.good.slot = CBX_PCI_FREE_SLOT;
	t->pci_options.good.vendor_id = 0x1234;
	LATER(pci_options);
	t->breakpoint.good.address = 0x12345;
	LATER(breakpoint);
	t->hook.good.kind = CBX_HOOK_CPUID;
	t->hook.good.call = hook_call;
	LATER(hook);
	LATER(history_info);
	t->disk = (struct cbx_disk_backend){ .bytes = DISK, .read = disk_read, .write = disk_write };
	t->input = (struct cbx_input){ .number = 4, .value = { 1 } };
	pc->floppy[0] = t->disk;
	assert_int_equal(cbx_pc_new(pc, &t->machine, &t->error), CBX_OK);
	assert_int_equal(add_devices(t, t->machine), CBX_OK);
	cbx_machine_reset(t->machine);
	assert_int_equal(cbx_machine_new(&t->machine_options.good, &t->bare, &t->error), CBX_OK);
	assert_int_equal(cbx_device_new(t->bare, &own_type, &t->bare_device), CBX_OK);
	assert_int_equal(cbx_history_enable(t->machine, 8 << 20), CBX_OK);
	assert_int_equal(cbx_run(t->machine, &(struct cbx_run_options){ .size = sizeof(struct cbx_run_options),
		.instructions = 2000 }, NULL), CBX_OK);
	assert_int_equal(cbx_breakpoint_add(t->machine, &t->breakpoint.good, &t->breakpoint_id), CBX_OK);
	assert_int_equal(cbx_hook_add(t->machine, &t->hook.good, &t->hook_id), CBX_OK);
	assert_int_equal(cbx_gdb_new(t->machine, &t->gdb_options.good, &t->gdb), CBX_OK);
	assert_int_equal(cbx_overlay_new(&t->disk, &t->overlay_options.good, &t->overlay, &t->new_disk), CBX_OK);
	assert_int_equal(t->new_disk.write(t->new_disk.user, 4096, t->bytes, sizeof(t->bytes)), CBX_OK);
	assert_int_equal(cbx_snapshot_save(t->machine, &t->data, &t->data_size), CBX_OK);
	t->memory = cbx_machine_allocate(t->machine, 100);
	return t;
}

static void things_free(struct things *t)
{
	struct cbx_run_options few = { .size = sizeof(few), .instructions = 500 };

	assert_int_equal(cbx_run(t->machine, &few, NULL), CBX_OK);
	cbx_machine_release(t->machine, t->memory);
	cbx_buffer_free(t->machine, t->data);
	cbx_buffer_free(t->machine, t->new_data);
	cbx_gdb_free(t->gdb);
	cbx_gdb_free(t->new_gdb);
	if (t->made)
		assert_int_equal(cbx_run(t->made, &few, NULL), CBX_OK);
	if (t->bare)
		assert_int_equal(cbx_run(t->bare, &few, NULL), CBX_OK);
	cbx_machine_free(t->machine);
	cbx_machine_free(t->made);
	cbx_machine_free(t->bare);
	cbx_overlay_free(t->overlay);
	cbx_overlay_free(t->new_overlay);
	free(t);
	assert_int_equal(blocks, 0);
}

/* ---- The calls ------------------------------------------------------------------------------------- */

enum expected { GOOD, REFUSED, ANY };

struct call {
	const char *name;
	int (*call)(struct things *t, unsigned n);
	const enum expected *expected;
	const char *const *arguments;
	unsigned count;
	int good;                       /* what good arguments give; ANY: many things */
};

#include "calls.inc"

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static void test_function(void **state)
{
	const struct call *call = *state;

	for (unsigned n = 0; n < call->count; n++) {
		struct things *t = things_new();
		int result;

		/* Named first, for whoever has to look why it crashed. */
		if (getenv("CLEARBOX_SHOW_CALLS"))
			fprintf(stderr, "%s(%s)\n", call->name, call->arguments[n]);
		result = call->call(t, n);
		if (n == 0 ? call->good != ANY && result != call->good :
		    call->expected[n] == REFUSED && result >= 0)
			fail_msg("%s(%s) returns %d", call->name, call->arguments[n], result);
		things_free(t);
	}
}

/* Any value can be put into any register, and the guest goes on, however badly. */
static void test_registers(void **state)
{
	static const uint64_t values[] = { 0, 1, 0x7fffffff, 0x80000000, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX };
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 1 << 20,
		.small_caches = true, .reallocate = reallocate };
	struct cbx_run_options few = { .size = sizeof(few), .instructions = 50 };
	unsigned refused = 0;

	(void)state;
	blocks = 0;
	for (unsigned n = 0; n < CBX_REGISTER_COUNT * 7; n++) {
		struct cbx_machine *machine;
		uint64_t value;

		assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
		cbx_memory_write(machine, 0x1000, "\x40\xa3\0\x20\xeb\xfa", 6);
		cbx_register_write(machine, CBX_CS_BASE, 0);
		cbx_register_write(machine, CBX_RIP, 0x1000);
		if (cbx_register_write(machine, (enum cbx_register)(n / 7), values[n % 7]))
			refused++;
		assert_int_equal(cbx_register_read(machine, (enum cbx_register)(n / 7), &value), CBX_OK);
		assert_int_equal(cbx_run(machine, &few, NULL), CBX_OK);
		cbx_machine_free(machine);
		if (blocks)
			fail_msg("register %u, value %u: %lu blocks are left", n / 7, n % 7, (unsigned long)blocks);
	}
	assert_in_range(refused, 1, CBX_REGISTER_COUNT * 3);
}

int main(void)
{
	static struct CMUnitTest tests[CALLS + 1];
	unsigned n;

	for (n = 0; n < CALLS; n++)
		tests[n] = (struct CMUnitTest){ calls[n].name, test_function, NULL, NULL, (void *)(uintptr_t)&calls[n] };
	tests[n] = (struct CMUnitTest)cmocka_unit_test(test_registers);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
