/* The I/O address space: who answers, and how accesses are split and joined. */
#include "stub_cpu.h"

static char trace[512];
static struct cbx_machine *machine;

static void say(char what, struct cbx_device *device, uint64_t offset, unsigned width)
{
	size_t length = strlen(trace);

	assert_true(length + 8 < sizeof(trace));
	trace[length++] = what;
	trace[length++] = device->type->name[0];
	trace[length++] = (char)('0' + offset);
	trace[length++] = ':';
	trace[length++] = (char)('0' + width);
	trace[length++] = ' ';
	trace[length] = '\0';
}

/* Bytes count up from 10h by their offset. */
static uint64_t read_bytes(struct cbx_device *device, uint64_t offset, unsigned width)
{
	uint64_t value = 0;
	unsigned i;

	say('r', device, offset, width);
	for (i = 0; i < width; i++)
		value |= (0x10 + offset + i) << 8 * i;
	/* What is above the width must not matter. */
	return width < 8 ? value | UINT64_MAX << 8 * width : value;
}

static uint64_t written;

static void write_bytes(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	say('w', device, offset, width);
	written = value;
}

static const struct cbx_io io1 = { .widths = 1, .read = read_bytes, .write = write_bytes };
static const struct cbx_io io12 = { .widths = 1 | 2, .read = read_bytes, .write = write_bytes };
static const struct cbx_io io4 = { .widths = 4, .read = read_bytes, .write = write_bytes };
static const struct cbx_io silent = { .widths = 1 };

static int setup(void **state)
{
	(void)state;
	machine = stub_machine(true, 1 << 20);
	trace[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stub_machine_free(machine);
	return 0;
}

static void expect(uint32_t got, uint32_t value, const char *what)
{
	assert_int_equal(got, value);
	assert_string_equal(trace, what);
	trace[0] = '\0';
}

static void test_split(void **state)
{
	struct cbx_device *a = stub_device(machine, "a"), *b = stub_device(machine, "b");

	(void)state;
	assert_int_equal(cbx_ports_map(a, 0x100, 4, &io1), CBX_OK);
	assert_int_equal(cbx_ports_map(b, 0x104, 3, &io12), CBX_OK);
	expect(port_read(machine, 0x100, 4), 0x13121110, "ra0:1 ra1:1 ra2:1 ra3:1 ");
	expect(port_read(machine, 0x102, 4), 0x11101312, "ra2:1 ra3:1 rb0:2 ");
	expect(port_read(machine, 0x104, 2), 0x1110, "rb0:2 ");
	expect(port_read(machine, 0x105, 2), 0x1211, "rb1:2 ");
	expect(port_read(machine, 0x106, 2), 0xff12, "rb2:1 ");
	expect(port_read(machine, 0x104, 4), 0xff121110, "rb0:2 rb2:1 ");
	expect(port_read(machine, 0x107, 4), 0xffffffff, "");
	expect(port_read(machine, 0xff, 2), 0x10ff, "ra0:1 ");
	port_write(machine, 0x103, 0x44332211, 4);
	expect((uint32_t)written, 0x44, "wa3:1 wb0:2 wb2:1 ");
	port_write(machine, 0x104, 0x44332211, 2);
	expect((uint32_t)written, 0x2211, "wb0:2 ");
}

static void test_narrow(void **state)
{
	struct cbx_device *a = stub_device(machine, "a");

	(void)state;
	assert_int_equal(cbx_ports_map(a, 0x200, 6, &io4), CBX_OK);
	expect(port_read(machine, 0x201, 1), 0x11, "ra0:4 ");
	expect(port_read(machine, 0x202, 2), 0x1312, "ra0:4 ");
	expect(port_read(machine, 0x200, 4), 0x13121110, "ra0:4 ");
	/* The second unit sticks out of the range. */
	expect(port_read(machine, 0x204, 1), 0xff, "");
	expect(port_read(machine, 0x203, 2), 0xff13, "ra0:4 ");
	port_write(machine, 0x200, 1, 1);
	port_write(machine, 0x202, 1, 2);
	port_write(machine, 0x204, 1, 2);
	expect(0, 0, "");
	port_write(machine, 0x201, 0x12345678, 4);
	expect((uint32_t)written, 0x12345678, "wa1:4 ");
}

static void test_ends(void **state)
{
	struct cbx_device *a = stub_device(machine, "a");

	(void)state;
	assert_int_equal(cbx_ports_map(a, 0xfffe, 2, &io12), CBX_OK);
	expect(port_read(machine, 0xfffe, 4), 0xffff1110, "ra0:2 ");
	expect(port_read(machine, 0xffff, 4), 0xffffff11, "ra1:1 ");
	port_write(machine, 0xffff, 0x55667788, 4);
	expect((uint32_t)written, 0x88, "wa1:1 ");
	assert_int_equal(cbx_ports_map(a, 0, 0x10000, &silent), CBX_OK);
	expect(port_read(machine, 0, 4), 0xffffffff, "");
	port_write(machine, 0, 0, 4);
	expect(0, 0, "");
}

static void test_overlap(void **state)
{
	struct cbx_device *a = stub_device(machine, "a"), *b = stub_device(machine, "b");

	(void)state;
	assert_int_equal(cbx_ports_map(b, 0x300, 2, &io1), CBX_OK);
	/* b was created later, whenever a maps. */
	assert_int_equal(cbx_ports_map(a, 0x2ff, 4, &io1), CBX_OK);
	expect(port_read(machine, 0x2ff, 4), 0x13111010, "ra0:1 rb0:1 rb1:1 ra3:1 ");
	cbx_ports_unmap(b, 0x300, 1);                   /* not what was mapped */
	expect(port_read(machine, 0x300, 1), 0x10, "rb0:1 ");
	cbx_ports_unmap(b, 0x300, 2);
	expect(port_read(machine, 0x300, 1), 0x11, "ra1:1 ");
	/* Of one device, the later one. */
	assert_int_equal(cbx_ports_map(a, 0x301, 2, &io12), CBX_OK);
	expect(port_read(machine, 0x300, 4), 0xff111011, "ra1:1 ra0:2 ");
	cbx_ports_unmap(a, 0x301, 2);
	expect(port_read(machine, 0x301, 1), 0x12, "ra2:1 ");
	cbx_ports_unmap(a, 0x2ff, 4);
	expect(port_read(machine, 0x300, 2), 0xffff, "");
	cbx_ports_unmap(a, 0x2ff, 4);
}

/* A guest that moves a window again and again must not make the host's memory grow. */
static void test_moving(void **state)
{
	struct cbx_device *a = stub_device(machine, "a");
	uint64_t before;
	unsigned i;

	(void)state;
	assert_int_equal(cbx_ports_map(a, 0, 16, &io1), CBX_OK);
	before = stub_allocated();
	for (i = 0; i < 20000; i++) {
		cbx_ports_unmap(a, 16 * (i % 4096), 16);
		assert_int_equal(cbx_ports_map(a, 16 * ((i + 1) % 4096), 16, &io1), CBX_OK);
	}
	assert_int_equal(stub_allocated(), before);
}

static uint64_t read_moving(struct cbx_device *device, uint64_t offset, unsigned width)
{
	say('r', device, offset, width);
	cbx_ports_unmap(device, 0x400, 4);
	return 0x5a;
}

static const struct cbx_io moving = { .widths = 1, .read = read_moving };

static void test_unmap_from_handler(void **state)
{
	struct cbx_device *a = stub_device(machine, "a");

	(void)state;
	assert_int_equal(cbx_ports_map(a, 0x400, 4, &moving), CBX_OK);
	expect(port_read(machine, 0x400, 4), 0xffffff5a, "ra0:1 ");
}

static void test_bad_arguments(void **state)
{
	static const struct cbx_io no_width = { .widths = 0 }, odd = { .widths = 32 };
	struct cbx_device *a = stub_device(machine, "a");

	(void)state;
	assert_int_equal(cbx_ports_map(NULL, 0, 1, &io1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ports_map(a, 0, 1, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ports_map(a, 0, 1, &no_width), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ports_map(a, 0, 1, &odd), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ports_map(a, 0, 0, &io1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ports_map(a, 0xffff, 2, &io1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ports_map(a, 0x10000, 1, &io1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ports_map(a, 1, 0xffffffff, &io1), CBX_ERROR_ARGUMENT);
	cbx_ports_unmap(NULL, 0, 1);
	cbx_ports_unmap(a, 0xffffffff, 0xffffffff);
	assert_true(*cbx_machine_error(machine));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_split, setup, teardown),
		cmocka_unit_test_setup_teardown(test_narrow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moving, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmap_from_handler, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_arguments, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
