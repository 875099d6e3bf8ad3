/* What hooks leave out: an access or an interrupt that is skipped leaves nothing else behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <clearbox/clearbox.h>

enum { CODE = 0x500, PORT = 0x80 };

static struct cbx_machine *new_machine(const void *code, size_t size)
{
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 1 << 20 };
	struct cbx_machine *machine;

	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, CODE, code, size), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_CS_BASE, 0), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_RIP, CODE), CBX_OK);
	return machine;
}

static void run_until_halted(struct cbx_machine *machine)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1000 };
	struct cbx_stop stop;

	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_HALTED);
}

static unsigned calls;

static enum cbx_hook_action leave_out(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	(void)user;
	(void)machine;
	if (event->kind == CBX_HOOK_READ)
		for (unsigned n = 0; n < event->width; n++)
			assert_int_equal(event->bytes[n], 0);
	calls++;
	return CBX_HOOK_SKIP;
}

static void skip_all(struct cbx_machine *machine, enum cbx_hook_kind kind, uint64_t first, uint64_t last)
{
	const struct cbx_hook hook = { .size = sizeof(hook), .kind = kind, .first = first, .last = last,
				       .call = leave_out };
	unsigned id;

	calls = 0;
	assert_int_equal(cbx_hook_add(machine, &hook, &id), CBX_OK);
}

/* A read that is skipped gives zeros when the hook puts nothing there, of whatever width. */
static void test_reads(void **state)
{
	/* movups [2800h], xmm0; movups xmm1, [2000h]; mov eax, [2000h]; hlt */
	static const uint8_t code[] = {
		0x0f, 0x11, 0x06, 0x00, 0x28, 0x0f, 0x10, 0x0e, 0x00, 0x20, 0x66, 0xa1, 0x00, 0x20, 0xf4
	};
	struct cbx_machine *machine = new_machine(code, sizeof(code));
	uint64_t value;

	(void)state;
	assert_int_equal(cbx_register_write(machine, CBX_CR4, 0x200), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_RAX, UINT64_MAX), CBX_OK);
	for (unsigned n = 0; n < 8; n++)
		assert_int_equal(cbx_register_write(machine, (enum cbx_register)(CBX_YMM0 + n), UINT64_MAX),
				 CBX_OK);
	skip_all(machine, CBX_HOOK_READ, 0x2000, 0x200f);
	run_until_halted(machine);
	assert_int_equal(calls, 2);
	for (unsigned n = 0; n < 2; n++) {
		assert_int_equal(cbx_register_read(machine, (enum cbx_register)(CBX_YMM0 + 4 + n), &value), CBX_OK);
		assert_int_equal(value, 0);
	}
	assert_int_equal(cbx_register_read(machine, CBX_RAX, &value), CBX_OK);
	assert_int_equal(value, 0);
	cbx_machine_free(machine);
}

static void pull_nmi(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	(void)offset;
	(void)value;
	(void)width;
	cbx_cpu_set_nmi(device, true);
	cbx_cpu_set_nmi(device, false);
}

/* An NMI that is skipped does not keep the next one out. */
static void test_nmi(void **state)
{
	/* out 80h, al; nop; out 80h, al; nop; cli; hlt */
	static const uint8_t code[] = { 0xe6, PORT, 0x90, 0xe6, PORT, 0x90, 0xfa, 0xf4 };
	static const struct cbx_device_type type = { .name = "nmi", .size = sizeof(struct cbx_device) };
	static const struct cbx_io io = { .widths = 1, .write = pull_nmi };
	struct cbx_machine *machine = new_machine(code, sizeof(code));
	struct cbx_device *device;

	(void)state;
	assert_int_equal(cbx_device_new(machine, &type, &device), CBX_OK);
	assert_int_equal(cbx_ports_map(device, PORT, 1, &io), CBX_OK);
	skip_all(machine, CBX_HOOK_INTERRUPT, 2, 2);
	run_until_halted(machine);
	assert_int_equal(calls, 2);
	cbx_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_reads), cmocka_unit_test(test_nmi) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
