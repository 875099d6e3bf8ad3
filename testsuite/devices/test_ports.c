/* The small ones: port 92h, parallel port, debug ports, coprocessor error latch. */
#include "harness.h"

#include "debug_exit.h"
#include "debugport.h"
#include "ferr.h"
#include "parallel.h"
#include "port92.h"

static uint8_t out[64];
static size_t out_count;

static void take(void *user, uint8_t byte)
{
	(void)user;
	if (out_count < sizeof(out))
		out[out_count++] = byte;
}

static const struct cbx_character_backend taker = { take, NULL };
static const struct cbx_character_backend nobody;

static void test_port92(void **unused)
{
	struct cbx_machine *machine = fake_machine_new();
	struct fake_wire a20;
	struct port92 *port92;

	(void)unused;
	assert_int_equal(port92_new(machine, fake_wire(machine, &a20), &port92), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	assert_int_equal(fake_in(machine, 0x92, 1), 0x02);
	fake_out(machine, 0x92, 0x00, 1);
	assert_int_equal(fake_in(machine, 0x92, 1), 0x00);
	fake_out(machine, 0x92, 0x02, 1);
	assert_true(a20.level);
	port92_set_a20(port92, false);
	assert_int_equal(fake_in(machine, 0x92, 1), 0x00);
	fake_out(machine, 0x92, 0x01, 1);
	fake_out(machine, 0x92, 0x01, 1);
	assert_int_equal(fake_pins(machine)->processor_resets, 1);
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	fake_reload(machine);
	fake_machine_free(machine);
}

static void test_debug_ports(void **unused)
{
	struct cbx_machine *machine = fake_machine_new();

	(void)unused;
	out_count = 0;
	assert_int_equal(debugport_new(machine, &nobody), CBX_OK);
	assert_int_equal(fake_in(machine, 0xe9, 1), 0xff);
	assert_int_equal(debugport_new(machine, &taker), CBX_OK);
	assert_int_equal(fake_in(machine, 0xe9, 1), 0xe9);
	assert_int_equal(fake_in(machine, 0x402, 1), 0xe9);
	fake_out(machine, 0xe9, 'a', 1);
	fake_out(machine, 0x402, 'b', 1);
	assert_int_equal(out_count, 2);
	assert_memory_equal(out, "ab", 2);
	assert_int_equal(debug_exit_new(machine, 0x501, 2), CBX_OK);
	assert_int_equal(debug_exit_new(machine, 0xffff, 2), CBX_ERROR_ARGUMENT);
	assert_int_equal(debug_exit_new(machine, 0x10000, 1), CBX_ERROR_ARGUMENT);
	assert_int_equal(debug_exit_new(machine, 0x501, 0), CBX_ERROR_ARGUMENT);
	fake_out(machine, 0x501, 0x10, 1);
	assert_int_equal(fake_pins(machine)->exit_code, 0x21);
	fake_out(machine, 0x501, 0xffff, 2);
	assert_int_equal(fake_pins(machine)->exit_code, 0x1ffff);
	assert_int_equal(fake_pins(machine)->exits, 2);
	fake_machine_free(machine);
}

static void test_parallel(void **unused)
{
	struct cbx_machine *machine = fake_machine_new();
	struct fake_wire irq;
	struct parallel *parallel;

	(void)unused;
	out_count = 0;
	assert_int_equal(parallel_new(machine, 0x378, fake_wire(machine, &irq), &taker, &parallel),
			 CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	assert_int_equal(fake_in(machine, 0x379, 1), 0xdf);
	fake_out(machine, 0x378, 'p', 1);
	assert_int_equal(fake_in(machine, 0x378, 1), 'p');
	fake_out(machine, 0x37a, 0x1c, 1);      /* interrupt on: that alone makes none */
	assert_false(irq.level);
	fake_out(machine, 0x37a, 0x1d, 1);      /* strobe */
	fake_out(machine, 0x37a, 0x1c, 1);
	assert_int_equal(out_count, 1);
	assert_int_equal(fake_in(machine, 0x379, 1) & 0x80, 0);
	fake_advance(machine, 10000);
	assert_int_equal(fake_in(machine, 0x379, 1) & 0xc0, 0x00);
	assert_false(irq.level);
	fake_advance(machine, 5000);
	assert_int_equal(fake_in(machine, 0x379, 1), 0xdf);
	assert_true(irq.level);
	fake_out(machine, 0x37a, 0x0c, 1);
	assert_false(irq.level);
	fake_out(machine, 0x37a, 0x0d, 1);      /* a byte without an interrupt leaves none for later */
	fake_advance(machine, 15000);
	fake_out(machine, 0x37a, 0x1c, 1);
	assert_false(irq.level);
	fake_out(machine, 0x37a, 0x2c, 1);      /* input */
	assert_int_equal(fake_in(machine, 0x378, 1), 0xff);
	assert_int_equal(fake_in(machine, 0x37a, 1), 0xec);
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	fake_reload(machine);
	fake_machine_free(machine);
}

static void test_ferr(void **unused)
{
	struct cbx_machine *machine = fake_machine_new();
	struct fake_wire irq13;
	struct cbx_line ferr;

	(void)unused;
	assert_int_equal(ferr_new(machine, fake_wire(machine, &irq13)), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	ferr = fake_pins(machine)->ferr;
	cbx_line_set(&ferr, true);
	assert_true(irq13.level);
	assert_false(fake_pins(machine)->ignne);
	fake_out(machine, 0xf0, 0, 1);
	assert_false(irq13.level);
	assert_true(fake_pins(machine)->ignne);
	/* While IGNNE# is active the same error does not interrupt again. */
	cbx_line_set(&ferr, true);
	assert_false(irq13.level);
	cbx_line_set(&ferr, false);
	assert_false(fake_pins(machine)->ignne);
	fake_out(machine, 0xf0, 0, 1);
	assert_false(fake_pins(machine)->ignne);
	cbx_line_set(&ferr, true);
	assert_true(irq13.level);
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	fake_reload(machine);
	fake_machine_free(machine);
}

static void test_hostile(void **unused)
{
	struct cbx_machine *machine = fake_machine_new();
	struct fake_wire irq, irq13, a20;
	struct parallel *parallel;
	struct port92 *port92;
	uint64_t seed = 8;

	(void)unused;
	assert_int_equal(port92_new(machine, fake_wire(machine, &a20), &port92), CBX_OK);
	assert_int_equal(parallel_new(machine, 0x378, fake_wire(machine, &irq), &taker, &parallel),
			 CBX_OK);
	assert_int_equal(parallel_new(machine, 0x278, fake_wire(machine, &irq), &nobody, &parallel),
			 CBX_OK);
	assert_int_equal(ferr_new(machine, fake_wire(machine, &irq13)), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	for (unsigned round = 0; round < 100; round++) {
		fake_storm(machine, &seed, 0x378, 3, 50);
		fake_storm(machine, &seed, 0x278, 3, 50);
		fake_storm(machine, &seed, 0x90, 4, 50);
		fake_storm(machine, &seed, 0xf0, 2, 50);
		fake_reload(machine);
	}
	fake_load_random(machine, &seed, 1000);
	fake_storm(machine, &seed, 0x378, 3, 100);
	fake_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port92),
		cmocka_unit_test(test_debug_ports),
		cmocka_unit_test(test_parallel),
		cmocka_unit_test(test_ferr),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
