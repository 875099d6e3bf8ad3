/* The MC146818: calendar, formats, alarm, update and periodic interrupts, the divider. */
#include "harness.h"

#include "rtc.h"

#define SECOND UINT64_C(1000000000)

static struct rtc *rtc;
static struct fake_wire irq8;

static struct cbx_machine *start(int64_t time)
{
	struct cbx_machine *machine = fake_machine_new();

	assert_int_equal(rtc_new(machine, fake_wire(machine, &irq8), time, &rtc), CBX_OK);
	rtc_set_default(rtc, 0x10, 0x40);
	fake_reset(machine, CBX_RESET_POWER);
	return machine;
}

static unsigned get(struct cbx_machine *machine, unsigned index)
{
	fake_out(machine, 0x70, index, 1);
	return fake_in(machine, 0x71, 1);
}

static void put(struct cbx_machine *machine, unsigned index, unsigned value)
{
	fake_out(machine, 0x70, index, 1);
	fake_out(machine, 0x71, value, 1);
}

/* Year and century, month, day, weekday, hours, minutes, seconds as 14 nibbles and a digit. */
static uint64_t now(struct cbx_machine *machine)
{
	static const unsigned order[] = { 0x32, 9, 8, 7, 6, 4, 2, 0 };
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | get(machine, order[i]);
	return value;
}

static void test_calendar(void **unused)
{
	struct cbx_machine *machine = start(951782399);         /* 2000-02-28 23:59:59, Monday */

	(void)unused;
	assert_true(now(machine) == 0x2000022802235959);
	fake_advance(machine, SECOND);
	assert_true(now(machine) == 0x2000022903000000);
	fake_advance(machine, 86400 * SECOND);
	assert_true(now(machine) == 0x2000030104000000);
	fake_machine_free(machine);
	machine = start(4107542399);            /* 2100-02-28 23:59:59: no leap year */
	fake_advance(machine, SECOND);
	assert_true(now(machine) == 0x2100030102000000);
	fake_machine_free(machine);
	machine = start(946684799);             /* 1999-12-31 23:59:59, Friday */
	fake_advance(machine, SECOND);
	assert_true(now(machine) == 0x2000010107000000);
	fake_machine_free(machine);
	machine = start(0);
	assert_true(now(machine) == 0x1970010105000000);
	fake_machine_free(machine);
}

static void test_formats(void **unused)
{
	struct cbx_machine *machine = start(946727999);         /* 11:59:59 */

	(void)unused;
	put(machine, 0x0b, 0x00);               /* 12 hours, BCD */
	fake_advance(machine, SECOND);
	assert_int_equal(get(machine, 4), 0x92);
	fake_advance(machine, 3600 * SECOND);
	assert_int_equal(get(machine, 4), 0x81);
	fake_advance(machine, 11 * 3600 * SECOND);
	assert_int_equal(get(machine, 4), 0x12);
	fake_advance(machine, 3600 * SECOND);
	assert_int_equal(get(machine, 4), 0x01);
	/* Binary: the guest has to set the time anew. */
	put(machine, 0x0b, 0x86);
	put(machine, 0x00, 58);
	put(machine, 0x02, 59);
	put(machine, 0x04, 23);
	put(machine, 0x07, 31);
	put(machine, 0x08, 12);
	put(machine, 0x09, 99);
	put(machine, 0x32, 19);
	put(machine, 0x0b, 0x06);
	fake_advance(machine, 2 * SECOND);
	assert_true((now(machine) & 0xffffffff00ffffff) == 0x1400010100000000);
	fake_machine_free(machine);
}

static void test_set_stops(void **unused)
{
	struct cbx_machine *machine = start(946684800);

	(void)unused;
	put(machine, 0x0b, 0x92);
	assert_int_equal(get(machine, 0x0b), 0x82);     /* SET clears the update interrupt */
	fake_advance(machine, 10 * SECOND);
	assert_int_equal(get(machine, 0), 0);
	assert_int_equal(get(machine, 0x0a) & 0x80, 0);
	put(machine, 0x0b, 0x02);
	fake_advance(machine, SECOND);
	assert_int_equal(get(machine, 0), 1);
	fake_machine_free(machine);
}

static void test_update_in_progress(void **unused)
{
	struct cbx_machine *machine = start(946684800);

	(void)unused;
	fake_advance(machine, SECOND - 2228001);
	assert_int_equal(get(machine, 0x0a), 0x26);
	fake_advance(machine, 1);
	assert_int_equal(get(machine, 0x0a), 0xa6);
	fake_advance(machine, 2227999);
	assert_int_equal(get(machine, 0x0a), 0xa6);
	assert_int_equal(get(machine, 0), 0);
	fake_advance(machine, 1);
	assert_int_equal(get(machine, 0x0a), 0x26);
	assert_int_equal(get(machine, 0), 1);
	fake_machine_free(machine);
}

static void test_divider(void **unused)
{
	struct cbx_machine *machine = start(946684800);

	(void)unused;
	fake_advance(machine, SECOND / 10);
	put(machine, 0x0a, 0x76);
	fake_advance(machine, 5 * SECOND);
	assert_int_equal(get(machine, 0), 0);
	put(machine, 0x0a, 0x26);
	fake_advance(machine, SECOND / 2 - 1);
	assert_int_equal(get(machine, 0), 0);
	fake_advance(machine, 1);
	assert_int_equal(get(machine, 0), 1);
	fake_advance(machine, SECOND);
	assert_int_equal(get(machine, 0), 2);
	fake_machine_free(machine);
}

static void test_update_interrupt(void **unused)
{
	struct cbx_machine *machine = start(946684800);

	(void)unused;
	put(machine, 0x0b, 0x12);
	fake_advance(machine, SECOND);
	assert_true(irq8.level);
	assert_int_equal(get(machine, 0x0c), 0x90 | 0x40);
	assert_false(irq8.level);
	assert_int_equal(get(machine, 0x0c), 0);
	/* A flag without its enable does not interrupt, and does once that is set. */
	put(machine, 0x0b, 0x02);
	fake_advance(machine, SECOND);
	assert_false(irq8.level);
	put(machine, 0x0b, 0x12);
	assert_true(irq8.level);
	fake_machine_free(machine);
}

static void test_alarm(void **unused)
{
	struct cbx_machine *machine = start(946684800);

	(void)unused;
	put(machine, 1, 0x05);
	put(machine, 3, 0x01);
	put(machine, 5, 0x00);
	put(machine, 0x0b, 0x22);
	fake_advance(machine, 65 * SECOND - 1);
	assert_false(irq8.level);
	fake_advance(machine, 1);
	assert_true(irq8.level);
	assert_int_equal(get(machine, 0x0c) & 0xa0, 0xa0);
	/* Every hour and minute at second 5. */
	put(machine, 3, 0xff);
	put(machine, 5, 0xc0);
	fake_advance(machine, 60 * SECOND - 1);
	assert_false(irq8.level);
	fake_advance(machine, 1);
	assert_true(irq8.level);
	get(machine, 0x0c);
	put(machine, 1, 0xc0);
	fake_advance(machine, SECOND);
	assert_true(irq8.level);
	fake_machine_free(machine);
}

static unsigned count_periodic(struct cbx_machine *machine, unsigned rate)
{
	unsigned count = 0;
	uint64_t end = fake_now(machine) + SECOND;

	put(machine, 0x0a, 0x20 | rate);
	get(machine, 0x0c);
	while (fake_next_event(machine) <= end) {
		fake_advance(machine, fake_next_event(machine) - fake_now(machine));
		if (irq8.level) {
			assert_int_equal(get(machine, 0x0c) & 0xc0, 0xc0);
			count++;
		}
	}
	fake_advance(machine, end - fake_now(machine));
	return count;
}

static void test_periodic(void **unused)
{
	struct cbx_machine *machine = start(946684800);

	(void)unused;
	put(machine, 0x0b, 0x42);
	for (unsigned rate = 3; rate < 16; rate++)
		assert_int_equal(count_periodic(machine, rate), 32768 >> (rate - 1));
	assert_int_equal(count_periodic(machine, 1), 256);
	assert_int_equal(count_periodic(machine, 2), 128);
	assert_int_equal(count_periodic(machine, 0), 0);
	/* The flag comes without the enable as well, and costs no events. */
	put(machine, 0x0b, 0x82);
	put(machine, 0x0a, 0x26);
	get(machine, 0x0c);
	assert_int_equal(fake_next_event(machine), UINT64_MAX);
	fake_advance(machine, SECOND / 1024 + 1);
	assert_int_equal(get(machine, 0x0c), 0x40);
	assert_int_equal(get(machine, 0x0c), 0x00);
	fake_machine_free(machine);
}

static void test_memory(void **unused)
{
	struct cbx_machine *machine = start(946684800);

	(void)unused;
	assert_int_equal(get(machine, 0x10), 0x40);
	put(machine, 0x7f, 0x5a);
	assert_int_equal(get(machine, 0xff), 0x5a);     /* bit 7 of the index is the NMI mask */
	assert_int_equal(rtc_memory(rtc, 0x7f), 0x5a);
	assert_int_equal(get(machine, 0x0d), 0x80);
	put(machine, 0x0d, 0);
	assert_int_equal(get(machine, 0x0d), 0x80);
	assert_int_equal(fake_in(machine, 0x70, 1), 0xff);
	/* The reset line keeps memory and time, and disables interrupts. */
	put(machine, 0x0b, 0x72);
	fake_advance(machine, 3 * SECOND);
	fake_reset(machine, CBX_RESET_WARM);
	assert_false(irq8.level);
	assert_int_equal(get(machine, 0x0b), 0x02);
	assert_int_equal(get(machine, 0x7f), 0x5a);
	assert_int_equal(get(machine, 0), 3);
	fake_reset(machine, CBX_RESET_POWER);
	assert_int_equal(get(machine, 0x7f), 0);
	assert_int_equal(get(machine, 0x10), 0x40);
	fake_machine_free(machine);
}

static void test_hostile(void **unused)
{
	struct cbx_machine *machine = start(946684800);
	uint64_t seed = 3;

	(void)unused;
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	for (unsigned round = 0; round < 300; round++) {
		for (unsigned i = 0; i < 14; i++)
			put(machine, i, (unsigned)fake_random(&seed) & 0xff);
		put(machine, 0x32, (unsigned)fake_random(&seed) & 0xff);
		fake_storm(machine, &seed, 0x70, 2, 50);
		fake_advance(machine, fake_random(&seed) & 0xffffffff);
		fake_reload(machine);
	}
	fake_load_random(machine, &seed, 3000);
	fake_storm(machine, &seed, 0x70, 2, 1000);
	fake_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_set_stops),
		cmocka_unit_test(test_update_in_progress),
		cmocka_unit_test(test_divider),
		cmocka_unit_test(test_update_interrupt),
		cmocka_unit_test(test_alarm),
		cmocka_unit_test(test_periodic),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
