/* The 8259A pair: priorities, edges and levels, all end-of-interrupt commands, polling. */
#include "harness.h"

#include "pic.h"

static struct pic *pic;

static struct cbx_machine *start(void)
{
	struct cbx_machine *machine = fake_machine_new();

	assert_int_equal(pic_new(machine, &pic), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	return machine;
}

/* ICW1-4 of both chips, as PC firmware does it; all inputs open. */
static void initialize(struct cbx_machine *machine, unsigned icw4)
{
	fake_out(machine, 0x20, 0x11, 1);
	fake_out(machine, 0x21, 0x08, 1);
	fake_out(machine, 0x21, 0x04, 1);
	fake_out(machine, 0x21, icw4, 1);
	fake_out(machine, 0xa0, 0x11, 1);
	fake_out(machine, 0xa1, 0x70, 1);
	fake_out(machine, 0xa1, 0x02, 1);
	fake_out(machine, 0xa1, icw4, 1);
}

static void set(unsigned irq, bool level)
{
	struct cbx_line line = pic_line(pic, irq);

	cbx_line_set(&line, level);
}

static unsigned irr(struct cbx_machine *machine, unsigned port)
{
	fake_out(machine, port, 0x0a, 1);
	return fake_in(machine, port, 1);
}

static unsigned isr(struct cbx_machine *machine, unsigned port)
{
	fake_out(machine, port, 0x0b, 1);
	return fake_in(machine, port, 1);
}

static bool intr(struct cbx_machine *machine)
{
	return fake_pins(machine)->intr;
}

static void test_priorities(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	initialize(machine, 0x01);
	set(4, true);
	set(1, true);
	assert_true(intr(machine));
	assert_int_equal(fake_inta(machine), 0x09);
	assert_int_equal(isr(machine, 0x20), 0x02);
	assert_int_equal(irr(machine, 0x20), 0x10);
	/* The lower one waits, a higher one interrupts. */
	assert_false(intr(machine));
	set(0, true);
	assert_true(intr(machine));
	assert_int_equal(fake_inta(machine), 0x08);
	fake_out(machine, 0x20, 0x20, 1);
	assert_int_equal(isr(machine, 0x20), 0x02);
	assert_false(intr(machine));
	fake_out(machine, 0x20, 0x20, 1);
	assert_true(intr(machine));
	assert_int_equal(fake_inta(machine), 0x0c);
	fake_out(machine, 0x20, 0x64, 1);       /* specific EOI */
	assert_int_equal(isr(machine, 0x20), 0);
	fake_machine_free(machine);
}

static void test_edges(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	initialize(machine, 0x01);
	/* One edge, one interrupt. */
	set(3, true);
	assert_int_equal(fake_inta(machine), 0x0b);
	fake_out(machine, 0x20, 0x20, 1);
	assert_false(intr(machine));
	set(3, true);
	assert_false(intr(machine));
	set(3, false);
	set(3, true);
	assert_true(intr(machine));
	/* A request that goes away before the acknowledge is spurious IRQ 7. */
	set(3, false);
	assert_false(intr(machine));
	assert_int_equal(fake_inta(machine), 0x0f);
	assert_int_equal(isr(machine, 0x20), 0);
	/* ICW1 forgets edges: the input must rise again. */
	set(5, true);
	initialize(machine, 0x01);
	assert_false(intr(machine));
	set(5, false);
	set(5, true);
	assert_true(intr(machine));
	fake_machine_free(machine);
}

static void test_levels(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	initialize(machine, 0x01);
	fake_out(machine, 0x4d0, 0xff, 1);
	fake_out(machine, 0x4d1, 0xff, 1);
	assert_int_equal(fake_in(machine, 0x4d0, 2), 0xdef8);
	set(5, true);
	assert_int_equal(fake_inta(machine), 0x0d);
	assert_false(intr(machine));
	fake_out(machine, 0x20, 0x20, 1);
	assert_true(intr(machine));             /* still high */
	assert_int_equal(fake_inta(machine), 0x0d);
	set(5, false);
	fake_out(machine, 0x20, 0x20, 1);
	assert_false(intr(machine));
	fake_machine_free(machine);
}

static void test_cascade(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	initialize(machine, 0x01);
	set(12, true);
	assert_int_equal(irr(machine, 0x20), 0x04);
	assert_int_equal(fake_inta(machine), 0x74);
	assert_int_equal(isr(machine, 0x20), 0x04);
	assert_int_equal(isr(machine, 0xa0), 0x10);
	/* A higher one of the slave has to wait for the master's end of interrupt ... */
	set(8, true);
	assert_false(intr(machine));
	fake_out(machine, 0x20, 0x20, 1);
	assert_true(intr(machine));
	assert_int_equal(fake_inta(machine), 0x70);
	fake_out(machine, 0xa0, 0x20, 1);
	fake_out(machine, 0xa0, 0x20, 1);
	fake_out(machine, 0x20, 0x20, 1);
	/* Spurious IRQ 15: the master has a request in service, the slave none. */
	set(14, true);
	assert_true(intr(machine));
	fake_out(machine, 0xa1, 0x40, 1);
	assert_false(intr(machine));
	fake_out(machine, 0xa1, 0x00, 1);
	assert_true(intr(machine));
	set(14, false);
	assert_false(intr(machine));
	fake_machine_free(machine);
}

static void test_special_fully_nested(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	/* ... but not when the master is in special fully nested mode. */
	initialize(machine, 0x11);
	set(12, true);
	assert_int_equal(fake_inta(machine), 0x74);
	set(8, true);
	assert_true(intr(machine));
	assert_int_equal(fake_inta(machine), 0x70);
	assert_int_equal(isr(machine, 0xa0), 0x11);
	fake_machine_free(machine);
}

static void test_special_mask(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	initialize(machine, 0x01);
	set(1, true);
	assert_int_equal(fake_inta(machine), 0x09);
	set(6, true);
	assert_false(intr(machine));
	fake_out(machine, 0x21, 0x02, 1);
	assert_false(intr(machine));
	fake_out(machine, 0x20, 0x68, 1);
	assert_true(intr(machine));
	assert_int_equal(fake_inta(machine), 0x0e);
	/* A non-specific end does not see the masked one. */
	fake_out(machine, 0x20, 0x20, 1);
	assert_int_equal(isr(machine, 0x20), 0x02);
	fake_out(machine, 0x20, 0x48, 1);
	fake_out(machine, 0x20, 0x20, 1);
	assert_int_equal(isr(machine, 0x20), 0x00);
	fake_machine_free(machine);
}

static void test_rotation(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	initialize(machine, 0x01);
	fake_out(machine, 0x20, 0xc3, 1);       /* IRQ 3 is the lowest, 4 the highest */
	set(3, true);
	set(4, true);
	set(0, true);
	assert_int_equal(fake_inta(machine), 0x0c);
	fake_out(machine, 0x20, 0xa0, 1);       /* rotate: now 5 is the highest */
	assert_int_equal(fake_inta(machine), 0x08);
	fake_out(machine, 0x20, 0xe0, 1);       /* rotate on specific end of 0 */
	assert_int_equal(fake_inta(machine), 0x0b);
	fake_out(machine, 0x20, 0x63, 1);
	assert_int_equal(isr(machine, 0x20), 0);
	fake_machine_free(machine);
}

static void test_automatic_end(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	initialize(machine, 0x03);
	set(0, true);
	set(1, true);
	assert_int_equal(fake_inta(machine), 0x08);
	assert_int_equal(isr(machine, 0x20), 0);
	assert_int_equal(fake_inta(machine), 0x09);
	assert_false(intr(machine));
	/* With rotation the one just served becomes the lowest. */
	fake_out(machine, 0x20, 0x80, 1);
	set(0, false);
	set(0, true);
	assert_int_equal(fake_inta(machine), 0x08);
	set(0, false);
	set(1, false);
	set(0, true);
	set(1, true);
	assert_int_equal(fake_inta(machine), 0x09);
	set(0, false);
	/* Two requests of the slave one after the other: its INT pulses. */
	set(10, true);
	set(11, true);
	assert_int_equal(fake_inta(machine), 0x72);
	assert_true(intr(machine));
	assert_int_equal(fake_inta(machine), 0x73);
	fake_machine_free(machine);
}

static void test_poll(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	initialize(machine, 0x01);
	fake_out(machine, 0x20, 0x0c, 1);
	assert_int_equal(fake_in(machine, 0x20, 1) & 0x80, 0);
	set(6, true);
	fake_out(machine, 0x20, 0x0c, 1);
	assert_int_equal(fake_in(machine, 0x20, 1), 0x86);
	assert_int_equal(isr(machine, 0x20), 0x40);
	assert_false(intr(machine));
	fake_machine_free(machine);
}

static void test_single_and_reads(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	/* SNGL without ICW4: the sequence is two words long. */
	fake_out(machine, 0x20, 0x12, 1);
	fake_out(machine, 0x21, 0x20, 1);
	fake_out(machine, 0x21, 0xa5, 1);
	assert_int_equal(fake_in(machine, 0x21, 1), 0xa5);
	fake_out(machine, 0x21, 0x00, 1);
	set(2, true);
	set(1, true);
	assert_int_equal(fake_inta(machine), 0x21);
	fake_machine_free(machine);
}

static void test_hostile(void **unused)
{
	struct cbx_machine *machine = start();
	uint64_t seed = 1;

	(void)unused;
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	for (unsigned round = 0; round < 300; round++) {
		fake_storm(machine, &seed, 0x20, 2, 50);
		fake_storm(machine, &seed, 0xa0, 2, 50);
		fake_storm(machine, &seed, 0x4d0, 2, 10);
		set((unsigned)(fake_random(&seed) & 15), fake_random(&seed) & 1);
		if (intr(machine))
			fake_inta(machine);
		fake_reload(machine);
	}
	fake_load_random(machine, &seed, 2000);
	fake_storm(machine, &seed, 0x20, 2, 1000);
	fake_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_cascade),
		cmocka_unit_test(test_special_fully_nested),
		cmocka_unit_test(test_special_mask),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_automatic_end),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_single_and_reads),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
