/* Guest time and timers: order, deadlines, skips, progress, and cbx_muldiv. */
#include "stub_cpu.h"

static unsigned fired[64], fired_count;
static struct cbx_timer *timers[8];

static void note(struct cbx_device *device, unsigned number)
{
	(void)device;
	assert_true(fired_count < 64);
	fired[fired_count++] = number;
}

/* Arms itself for a time that is over. */
static void insist(struct cbx_device *device, unsigned number)
{
	note(device, number);
	cbx_timer_set(timers[number], 0);
	assert_true(cbx_timer_armed(timers[number]));
}

/* Arms another for now and cancels a third. */
static void meddle(struct cbx_device *device, unsigned number)
{
	note(device, number);
	cbx_timer_set(timers[1], cbx_time(device));
	cbx_timer_cancel(timers[2]);
}

static struct cbx_device *device;
static struct cbx_machine *machine;

static int setup(void **state)
{
	(void)state;
	machine = stub_machine(true, 1 << 20);
	device = stub_device(machine, "clockwork");
	fired_count = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stub_machine_free(machine);
	return 0;
}

static void timer(unsigned n, const char *name, void (*fire)(struct cbx_device *, unsigned))
{
	assert_int_equal(cbx_timer_new(device, name, fire, n, &timers[n]), CBX_OK);
}

static void test_time(void **state)
{
	(void)state;
	assert_int_equal(cbx_time(device), 0);
	stub(machine)->count = 7;
	assert_int_equal(cbx_time(device), 70);
	assert_int_equal(cbx_guest_time(machine), 70);
	assert_int_equal(cbx_instruction_count(machine), 7);
	stub(machine)->count = UINT64_MAX;
	assert_true(cbx_time(device) == UINT64_MAX);
}

static void test_order(void **state)
{
	(void)state;
	timer(0, "a", note);
	timer(1, "b", note);
	timer(2, "c", note);
	cbx_timer_set(timers[2], 100);
	cbx_timer_set(timers[1], 100);
	cbx_timer_set(timers[0], 101);
	assert_int_equal(cbx_next_event(machine), 100);
	assert_int_equal(clock_deadline(machine), 10);
	stub(machine)->count = 9;
	clock_fire(machine);
	assert_int_equal(fired_count, 0);
	stub(machine)->count = 11;
	assert_int_equal(clock_deadline(machine), 11);
	clock_fire(machine);
	assert_int_equal(fired_count, 3);
	assert_int_equal(fired[0], 1);
	assert_int_equal(fired[1], 2);
	assert_int_equal(fired[2], 0);
	assert_true(clock_deadline(machine) == UINT64_MAX);
	assert_true(cbx_next_event(machine) == UINT64_MAX);
	assert_false(cbx_timer_armed(timers[0]));
}

static void test_deadline_rounds_up(void **state)
{
	(void)state;
	timer(0, "a", note);
	cbx_timer_set(timers[0], 91);
	assert_int_equal(clock_deadline(machine), 10);
	cbx_timer_set(timers[0], 90);
	assert_int_equal(clock_deadline(machine), 9);
	cbx_timer_set(timers[0], 1);
	assert_int_equal(clock_deadline(machine), 1);
	cbx_timer_set(timers[0], 0);
	assert_int_equal(clock_deadline(machine), 0);
	cbx_timer_set(timers[0], INT64_MAX);
	assert_true(clock_deadline(machine) == UINT64_MAX);
	assert_true(cbx_timer_armed(timers[0]));
	cbx_timer_set(timers[0], INT64_MAX - 1);
	assert_true(clock_deadline(machine) == (uint64_t)INT64_MAX / 10 + 1);
	cbx_timer_cancel(timers[0]);
	cbx_timer_cancel(timers[0]);
	assert_true(clock_deadline(machine) == UINT64_MAX);
}

static void test_skip(void **state)
{
	(void)state;
	timer(0, "a", note);
	assert_false(clock_skip(machine));
	clock_skip_to(machine, 55);
	assert_int_equal(cbx_time(device), 55);
	clock_skip_to(machine, 50);
	assert_int_equal(cbx_time(device), 55);
	cbx_timer_set(timers[0], 1003);
	clock_skip_to(machine, 2000);
	assert_int_equal(cbx_time(device), 1003);
	clock_fire(machine);
	assert_int_equal(fired_count, 1);
	cbx_timer_set(timers[0], UINT64_MAX);
	assert_false(clock_skip(machine));
	clock_skip_to(machine, UINT64_MAX);
	assert_int_equal(cbx_time(device), 1003);
	cbx_timer_set(timers[0], 5000);
	assert_true(clock_skip(machine));
	assert_int_equal(cbx_time(device), 5000);
	stub(machine)->count = 3;
	assert_int_equal(cbx_time(device), 5030);
	assert_int_equal(clock_deadline(machine), 3);
}

static void test_progress(void **state)
{
	(void)state;
	timer(0, "a", insist);
	timer(1, "b", note);
	timer(2, "c", note);
	timer(3, "d", meddle);
	cbx_timer_set(timers[0], 0);
	clock_fire(machine);
	clock_fire(machine);
	assert_int_equal(fired_count, 1);
	/* The next chance is one instruction on. */
	assert_int_equal(clock_deadline(machine), 1);
	stub(machine)->count = 1;
	clock_fire(machine);
	assert_int_equal(fired_count, 2);
	cbx_timer_cancel(timers[0]);
	fired_count = 0;
	cbx_timer_set(timers[3], 5);
	cbx_timer_set(timers[2], 10);
	clock_fire(machine);
	assert_int_equal(fired_count, 1);
	assert_int_equal(fired[0], 3);
	stub(machine)->count = 2;
	clock_fire(machine);
	assert_int_equal(fired_count, 2);
	assert_int_equal(fired[1], 1);
}

static void test_attention(void **state)
{
	unsigned before;

	(void)state;
	timer(0, "a", note);
	timer(1, "b", note);
	before = stub(machine)->attention;
	cbx_timer_set(timers[0], 100);
	assert_int_equal(stub(machine)->attention, before + 1);
	cbx_timer_set(timers[1], 200);
	assert_int_equal(stub(machine)->attention, before + 1);
	cbx_timer_set(timers[1], 50);
	assert_int_equal(stub(machine)->attention, before + 2);
}

static void test_bad_arguments(void **state)
{
	struct cbx_timer *other;

	(void)state;
	timer(0, "a", note);
	assert_int_equal(cbx_timer_new(device, "a", note, 0, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_timer_new(device, "", note, 0, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_timer_new(device, NULL, note, 0, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_timer_new(device, "b", NULL, 0, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_timer_new(NULL, "b", note, 0, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_timer_new(device, "b", note, 0, NULL), CBX_ERROR_ARGUMENT);
	cbx_timer_set(NULL, 5);
	cbx_timer_cancel(NULL);
	assert_false(cbx_timer_armed(NULL));
}

static uint64_t random_state = 1;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* The product of 128 bits, without an integer of so many: not every host has one. */
static void multiply(uint64_t a, uint64_t b, uint64_t *high, uint64_t *low)
{
	uint64_t a1 = a >> 32, a0 = (uint32_t)a, b1 = b >> 32, b0 = (uint32_t)b;
	uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;

	*low = a * b;
	*high = a1 * b1 + (middle >> 32) + (other >> 32);
}

static void test_muldiv(void **state)
{
	unsigned i;

	(void)state;
	assert_int_equal(cbx_muldiv(0, 0, 1), 0);
	assert_true(cbx_muldiv(1, 1, 0) == UINT64_MAX);
	assert_true(cbx_muldiv(UINT64_MAX, UINT64_MAX, UINT64_MAX) == UINT64_MAX);
	assert_true(cbx_muldiv(UINT64_MAX, UINT64_MAX, 1) == UINT64_MAX);
	assert_true(cbx_muldiv(UINT64_MAX, 2, 4) == UINT64_MAX / 2);
	assert_true(cbx_muldiv((uint64_t)1 << 63, 3, 3) == (uint64_t)1 << 63);
	assert_int_equal(cbx_muldiv(1193182, 1000000000, 1193182), 1000000000);
	for (i = 0; i < 200000; i++) {
		uint64_t a = random64() >> (random64() & 63), b = random64() >> (random64() & 63);
		uint64_t c = random64() >> (random64() & 63);
		uint64_t quotient, high, low, back_high, back_low;

		if (!c)
			continue;
		quotient = cbx_muldiv(a, b, c);
		multiply(a, b, &high, &low);
		if (high >= c) {
			assert_true(quotient == UINT64_MAX);
			continue;
		}
		/* The product less quotient * c is the rest: not negative, and less than c. */
		multiply(quotient, c, &back_high, &back_low);
		assert_true(back_high < high || (back_high == high && back_low <= low));
		assert_true(high - back_high - (low < back_low) == 0 && low - back_low < c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline_rounds_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_skip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_progress, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attention, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_arguments, setup, teardown),
		cmocka_unit_test(test_muldiv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
