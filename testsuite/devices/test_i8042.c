/* The keyboard controller, the keyboard and the mouse, through ports 60h and 64h. */
#include <stdlib.h>

#include "harness.h"

#include "i8042.h"
#include "ps2.h"

static struct i8042 *controller;
static struct fake_wire irq1, irq12, a20;

static struct cbx_machine *start(void)
{
	struct cbx_machine *machine = fake_machine_new();

	assert_int_equal(i8042_new(machine, fake_wire(machine, &irq1), fake_wire(machine, &irq12),
				   fake_wire(machine, &a20), &controller), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	return machine;
}

static unsigned status(struct cbx_machine *machine)
{
	return fake_in(machine, 0x64, 1);
}

/* The next byte, waited for; -1: none comes. */
static int receive(struct cbx_machine *machine)
{
	for (unsigned i = 0; i < 1000 && !(status(machine) & 1); i++)
		fake_advance(machine, 100000);
	return status(machine) & 1 ? (int)fake_in(machine, 0x60, 1) : -1;
}

static void command(struct cbx_machine *machine, unsigned value)
{
	fake_out(machine, 0x64, value, 1);
}

static void set_mode(struct cbx_machine *machine, unsigned mode)
{
	command(machine, 0x60);
	fake_out(machine, 0x60, mode, 1);
}

static void keyboard(struct cbx_machine *machine, unsigned value)
{
	fake_out(machine, 0x60, value, 1);
	assert_int_equal(receive(machine), 0xfa);
}

static void mouse(struct cbx_machine *machine, unsigned value)
{
	command(machine, 0xd4);
	fake_out(machine, 0x60, value, 1);
	assert_int_equal(receive(machine), 0xfa);
}

static void key(unsigned usage, bool down)
{
	assert_int_equal(ps2_keyboard_key(i8042_keyboard(controller), usage, down), CBX_OK);
}

/* These bytes come, and then no more. */
static void expect(struct cbx_machine *machine, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(receive(machine), (uint8_t)bytes[i]);
	assert_int_equal(receive(machine), -1);
}
#define EXPECT(machine, bytes) expect(machine, bytes, sizeof(bytes) - 1)

static void test_controller(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	assert_int_equal(status(machine), 0x10);
	command(machine, 0xaa);
	assert_int_equal(status(machine), 0x1d);
	assert_int_equal(fake_in(machine, 0x60, 1), 0x55);
	assert_int_equal(status(machine), 0x1c);
	command(machine, 0xab);
	assert_int_equal(receive(machine), 0x00);
	command(machine, 0xa9);
	assert_int_equal(receive(machine), 0x00);
	set_mode(machine, 0x45);
	assert_int_equal(status(machine), 0x14);
	command(machine, 0x20);
	assert_true(irq1.level);
	assert_int_equal(receive(machine), 0x45);
	assert_false(irq1.level);
	command(machine, 0xad);
	command(machine, 0x20);
	assert_int_equal(receive(machine), 0x55);
	command(machine, 0xae);
	command(machine, 0xa7);
	command(machine, 0x20);
	assert_int_equal(receive(machine), 0x65);
	command(machine, 0xa8);
	command(machine, 0x7f);
	fake_out(machine, 0x60, 0x99, 1);
	command(machine, 0x3f);
	assert_int_equal(receive(machine), 0x99);
	command(machine, 0xa4);
	assert_int_equal(receive(machine), 0xf1);
	fake_machine_free(machine);
}

static void test_output_port(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	command(machine, 0xd0);
	assert_int_equal(receive(machine) & 0x03, 0x03);
	command(machine, 0xd1);
	fake_out(machine, 0x60, 0xdd, 1);
	assert_int_equal(a20.level, false);
	command(machine, 0xd0);
	assert_int_equal(receive(machine) & 0x03, 0x01);
	command(machine, 0xdf);
	assert_true(a20.level);
	command(machine, 0xdd);
	assert_false(a20.level);
	i8042_set_a20(controller, true);
	command(machine, 0xd0);
	assert_int_equal(receive(machine) & 0x03, 0x03);
	command(machine, 0xff);
	assert_int_equal(fake_pins(machine)->processor_resets, 0);
	command(machine, 0xfe);
	assert_int_equal(fake_pins(machine)->processor_resets, 1);
	command(machine, 0xd1);
	fake_out(machine, 0x60, 0xde, 1);
	assert_int_equal(fake_pins(machine)->processor_resets, 2);
	/* D2h and D3h: bytes as if from keyboard and mouse. */
	set_mode(machine, 0x03);
	command(machine, 0xd2);
	fake_out(machine, 0x60, 0x12, 1);
	assert_true(irq1.level);
	assert_int_equal(status(machine) & 0x21, 0x01);
	assert_int_equal(receive(machine), 0x12);
	command(machine, 0xd3);
	fake_out(machine, 0x60, 0x34, 1);
	assert_true(irq12.level);
	assert_int_equal(status(machine) & 0x21, 0x21);
	assert_int_equal(receive(machine), 0x34);
	assert_false(irq12.level);
	fake_machine_free(machine);
}

static void test_keyboard_commands(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	set_mode(machine, 0x00);
	fake_out(machine, 0x60, 0xff, 1);
	assert_int_equal(status(machine) & 1, 0);       /* nothing comes at once */
	EXPECT(machine, "\xfa\xaa");
	fake_out(machine, 0x60, 0xf2, 1);
	EXPECT(machine, "\xfa\xab\x83");
	fake_out(machine, 0x60, 0xee, 1);
	EXPECT(machine, "\xee");
	fake_out(machine, 0x60, 0xfe, 1);
	EXPECT(machine, "\xee");
	keyboard(machine, 0xed);
	keyboard(machine, 0x07);
	keyboard(machine, 0xf3);
	keyboard(machine, 0x00);
	keyboard(machine, 0xf0);
	fake_out(machine, 0x60, 0x00, 1);
	EXPECT(machine, "\xfa\x02");
	fake_out(machine, 0x60, 0xe0, 1);               /* no such command */
	EXPECT(machine, "\xfe");
	/* A command instead of an argument. */
	keyboard(machine, 0xed);
	keyboard(machine, 0xf4);
	/* Disabled, keys wait; the self-test's answer is translated by nobody. */
	keyboard(machine, 0xf5);
	key(0x04, true);
	assert_int_equal(receive(machine), -1);
	keyboard(machine, 0xf4);
	EXPECT(machine, "\x1c");
	fake_machine_free(machine);
}

static void test_translated(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	set_mode(machine, 0x41);
	fake_out(machine, 0x60, 0xf2, 1);
	EXPECT(machine, "\xfa\xab\x41");
	key(0x04, true);
	assert_false(irq1.level);
	assert_int_equal(receive(machine), 0x1e);
	key(0x04, false);
	EXPECT(machine, "\x9e");
	key(0x52, true);
	key(0x52, false);
	EXPECT(machine, "\xe0\x48\xe0\xc8");
	key(0x48, true);
	key(0x48, false);
	EXPECT(machine, "\xe1\x1d\x45\xe1\x9d\xc5");
	key(0x46, true);
	key(0x46, false);
	EXPECT(machine, "\xe0\x2a\xe0\x37\xe0\xb7\xe0\xaa");
	key(0xe2, true);
	key(0x46, true);
	key(0x46, false);
	key(0xe2, false);
	EXPECT(machine, "\x38\x54\xd4\xb8");
	key(0xe4, true);
	key(0x48, true);
	key(0x48, false);
	key(0xe4, false);
	EXPECT(machine, "\xe0\x1d\xe0\x46\xe0\xc6\xe0\x9d");
	key(0x40, true);                                /* F7, whose code is above 7Fh */
	key(0x40, false);
	EXPECT(machine, "\x41\xc1");
	assert_int_equal(ps2_keyboard_key(i8042_keyboard(controller), 0x03, true),
			 CBX_ERROR_ARGUMENT);
	assert_int_equal(ps2_keyboard_key(i8042_keyboard(controller), 0xffffffff, true),
			 CBX_ERROR_ARGUMENT);
	fake_machine_free(machine);
}

static void test_sets(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	set_mode(machine, 0x00);
	key(0x04, true);
	key(0x04, false);
	EXPECT(machine, "\x1c\xf0\x1c");
	key(0x4f, true);
	key(0x4f, false);
	EXPECT(machine, "\xe0\x74\xe0\xf0\x74");
	keyboard(machine, 0xf0);
	keyboard(machine, 0x01);
	key(0x4f, true);
	key(0x4f, false);
	EXPECT(machine, "\xe0\x4d\xe0\xcd");
	keyboard(machine, 0xf0);
	keyboard(machine, 0x03);
	key(0x4f, true);                /* typematic: no break code */
	key(0x4f, false);
	key(0xe1, true);                /* Shift: make and break */
	key(0xe1, false);
	EXPECT(machine, "\x6a\x12\xf0\x12");
	keyboard(machine, 0xfc);        /* make and break for one key */
	keyboard(machine, 0x6a);
	keyboard(machine, 0xf4);
	key(0x4f, true);
	key(0x4f, false);
	EXPECT(machine, "\x6a\xf0\x6a");
	keyboard(machine, 0xfa);
	key(0x04, true);
	key(0x04, false);
	EXPECT(machine, "\x1c\xf0\x1c");
	keyboard(machine, 0xf9);
	key(0x04, true);
	key(0x04, false);
	EXPECT(machine, "\x1c");
	fake_machine_free(machine);
}

static void test_typematic(void **unused)
{
	struct cbx_machine *machine = start();
	unsigned count = 0;

	(void)unused;
	set_mode(machine, 0x00);
	key(0x04, true);
	assert_int_equal(receive(machine), 0x1c);
	fake_advance(machine, 490000000);
	assert_int_equal(status(machine) & 1, 0);
	fake_advance(machine, 20000000);
	assert_int_equal(receive(machine), 0x1c);
	for (unsigned i = 0; i < 1000; i++) {
		fake_advance(machine, 1000000);
		if (status(machine) & 1) {
			assert_int_equal(fake_in(machine, 0x60, 1), 0x1c);
			count++;
		}
	}
	assert_in_range(count, 10, 11);         /* 10.9 a second */
	key(0x04, false);
	assert_int_equal(receive(machine), 0xf0);
	EXPECT(machine, "\x1c");
	/* The fastest: 250 ms, 30 a second. */
	keyboard(machine, 0xf3);
	keyboard(machine, 0x00);
	key(0x05, true);
	assert_int_equal(receive(machine), 0x32);
	fake_advance(machine, 260000000);
	assert_int_equal(receive(machine), 0x32);
	fake_advance(machine, 34000000);
	assert_int_equal(receive(machine), 0x32);
	/* Another key takes over; Control does not stop when it is let go. */
	key(0x06, true);
	assert_int_equal(receive(machine), 0x21);
	key(0x05, false);
	assert_int_equal(receive(machine), 0xf0);
	assert_int_equal(receive(machine), 0x32);
	fake_advance(machine, 260000000);
	assert_int_equal(receive(machine), 0x21);
	fake_machine_free(machine);
}

static void test_type_text(void **unused)
{
	struct cbx_machine *machine = start();
	struct ps2_keyboard *board = i8042_keyboard(controller);
	char *text = malloc(5000);

	(void)unused;
	set_mode(machine, 0x40);
	assert_int_equal(ps2_keyboard_type(board, "aB\n\x80~"), CBX_OK);
	EXPECT(machine, "\x1e\x9e\x2a\x30\xb0\xaa\x1c\x9c\x2a\x29\xa9\xaa");
	/* All or nothing. */
	memset(text, 'x', 4999);
	text[4999] = 0;
	assert_int_equal(ps2_keyboard_type(board, text), CBX_ERROR_LIMIT);
	assert_int_equal(receive(machine), -1);
	text[2048] = 0;
	assert_int_equal(ps2_keyboard_type(board, text), CBX_OK);
	assert_int_equal(ps2_keyboard_type(board, "y"), CBX_ERROR_LIMIT);
	for (unsigned i = 0; i < 2048; i++) {
		assert_int_equal(receive(machine), 0x2d);
		assert_int_equal(receive(machine), 0xad);
	}
	assert_int_equal(receive(machine), -1);
	/* A flood of keys ends in an error, not in lost order. */
	keyboard(machine, 0xf5);
	for (unsigned i = 0; i < 4096; i++)
		key(0x04, !(i & 1));
	assert_int_equal(ps2_keyboard_key(board, 0x04, true), CBX_ERROR_LIMIT);
	free(text);
	fake_machine_free(machine);
}

static void move(int dx, int dy, int wheel, unsigned buttons)
{
	assert_int_equal(ps2_mouse_move(i8042_mouse(controller), dx, dy, wheel, buttons), CBX_OK);
}

static void test_mouse(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	set_mode(machine, 0x02);
	command(machine, 0xd4);
	fake_out(machine, 0x60, 0xff, 1);
	EXPECT(machine, "\xfa\xaa\x00");
	command(machine, 0xd4);
	fake_out(machine, 0x60, 0xf2, 1);
	EXPECT(machine, "\xfa\x00");
	command(machine, 0xd4);
	fake_out(machine, 0x60, 0xe9, 1);
	EXPECT(machine, "\xfa\x00\x02\x64");
	move(5, 5, 0, 0);                       /* not enabled yet */
	mouse(machine, 0xf4);
	assert_int_equal(receive(machine), -1);
	move(5, 3, 0, 1);
	while (!irq12.level)
		fake_advance(machine, 100000);
	assert_int_equal(status(machine) & 0x20, 0x20);
	EXPECT(machine, "\x29\x05\xfd");
	move(-1, -2, 1, 0);
	EXPECT(machine, "\x18\xff\x02");
	/* Far movement comes in several reports. */
	move(600, 0, 0, 0);
	EXPECT(machine, "\x08\xff\x00\x08\xff\x00\x08\x5a\x00");
	/* A quick click is two reports. */
	move(0, 0, 0, 2);
	move(0, 0, 0, 0);
	EXPECT(machine, "\x0a\x00\x00\x08\x00\x00");
	mouse(machine, 0xe7);
	move(3, -6, 0, 0);
	EXPECT(machine, "\x08\x03\x0c");
	mouse(machine, 0xe6);
	/* Remote mode: only when asked. */
	mouse(machine, 0xf0);
	move(7, 0, 0, 0);
	assert_int_equal(receive(machine), -1);
	command(machine, 0xd4);
	fake_out(machine, 0x60, 0xeb, 1);
	EXPECT(machine, "\xfa\x08\x07\x00");
	/* Wrap mode: an echo. */
	mouse(machine, 0xee);
	command(machine, 0xd4);
	fake_out(machine, 0x60, 0x55, 1);
	EXPECT(machine, "\x55");
	mouse(machine, 0xec);
	command(machine, 0xd4);
	fake_out(machine, 0x60, 0x10, 1);
	EXPECT(machine, "\xfe");
	fake_machine_free(machine);
}

static void set_rate(struct cbx_machine *machine, unsigned rate)
{
	mouse(machine, 0xf3);
	mouse(machine, rate);
}

static void test_wheel(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	set_mode(machine, 0x00);
	set_rate(machine, 200);
	set_rate(machine, 100);
	set_rate(machine, 80);
	command(machine, 0xd4);
	fake_out(machine, 0x60, 0xf2, 1);
	EXPECT(machine, "\xfa\x03");
	mouse(machine, 0xf4);
	move(1, 0, -1, 0);
	EXPECT(machine, "\x08\x01\x00\xff");
	move(0, 0, 20, 0);
	EXPECT(machine, "\x08\x00\x00\x07\x08\x00\x00\x07\x08\x00\x00\x06");
	set_rate(machine, 200);
	set_rate(machine, 200);
	set_rate(machine, 80);
	command(machine, 0xd4);
	fake_out(machine, 0x60, 0xf2, 1);
	EXPECT(machine, "\xfa\x04");
	move(0, 0, -1, 4);
	EXPECT(machine, "\x0c\x00\x00\x0f");
	command(machine, 0xd4);
	fake_out(machine, 0x60, 0xff, 1);
	EXPECT(machine, "\xfa\xaa\x00");
	fake_machine_free(machine);
}

static void test_ports_off(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	set_mode(machine, 0x30);
	key(0x04, true);
	assert_int_equal(receive(machine), -1);
	command(machine, 0xae);
	EXPECT(machine, "\x1c");
	/* A byte lies in the buffer: the next one waits until it is read. */
	key(0x04, false);
	fake_advance(machine, 10000000);
	assert_int_equal(fake_in(machine, 0x60, 1), 0xf0);
	assert_int_equal(status(machine) & 1, 0);
	assert_int_equal(fake_in(machine, 0x60, 1), 0xf0);
	EXPECT(machine, "\x1c");
	fake_machine_free(machine);
}

static void test_hostile(void **unused)
{
	struct cbx_machine *machine = start();
	uint64_t seed = 5;

	(void)unused;
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	for (unsigned round = 0; round < 300; round++) {
		fake_storm(machine, &seed, 0x60, 1, 50);
		fake_storm(machine, &seed, 0x64, 1, 50);
		ps2_keyboard_key(i8042_keyboard(controller), (unsigned)fake_random(&seed) & 0xff,
				 fake_random(&seed) & 1);
		ps2_mouse_move(i8042_mouse(controller), (int)fake_random(&seed),
			       (int)fake_random(&seed), (int)fake_random(&seed),
			       (unsigned)fake_random(&seed));
		for (unsigned i = 0; i < 20; i++) {
			fake_advance(machine, 1000000);
			fake_in(machine, 0x60, 1);
		}
		fake_reload(machine);
	}
	/* Every command, followed by many bytes of data. */
	for (unsigned value = 0; value < 256; value++) {
		command(machine, value);
		for (unsigned i = 0; i < 300; i++)
			fake_out(machine, 0x60, (unsigned)fake_random(&seed) & 0xff, 1);
	}
	fake_load_random(machine, &seed, 3000);
	fake_storm(machine, &seed, 0x60, 5, 1000);
	fake_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_controller),
		cmocka_unit_test(test_output_port),
		cmocka_unit_test(test_keyboard_commands),
		cmocka_unit_test(test_translated),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_typematic),
		cmocka_unit_test(test_type_text),
		cmocka_unit_test(test_mouse),
		cmocka_unit_test(test_wheel),
		cmocka_unit_test(test_ports_off),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
