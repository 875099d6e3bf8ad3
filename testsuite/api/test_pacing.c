/* When the program sleeps: the rules of frontend/pacing.h, with clocks made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacing.h"

static const uint64_t ms = 1000000;

static void test_none(void **state)
{
	struct pacing p = { .mode = PACE_NONE };

	(void)state;
	assert_int_equal(pacing_idle(&p, 100 * ms, 0, 5000 * ms), 0);
	assert_int_equal(pacing_busy(&p, 100 * ms, 9000 * ms), 0);
}

static void test_idle(void **state)
{
	struct pacing p = { .mode = PACE_IDLE };

	(void)state;
	/* a sleep of 10 ms takes 10 ms */
	assert_int_equal(pacing_idle(&p, 1000 * ms, 0, 10 * ms), 10 * ms);
	/* 1 ms late, so the next one is shorter */
	assert_int_equal(pacing_idle(&p, 1011 * ms, 10 * ms, 20 * ms), 9 * ms);
	/* busy for 100 ms of guest time in 20 ms of ours: it stays ahead, and is not made to wait */
	assert_int_equal(pacing_idle(&p, 1040 * ms, 120 * ms, 130 * ms), 10 * ms);
	assert_int_equal(pacing_busy(&p, 1045 * ms, 500 * ms), 0);
	/* a second late: it may catch up 50 ms of that */
	assert_int_equal(pacing_idle(&p, 2050 * ms, 130 * ms, 140 * ms), 0);
	assert_int_equal(pacing_idle(&p, 2050 * ms, 130 * ms, 200 * ms), 20 * ms);
	/* woken half way: the guest's time is what passed */
	assert_int_equal(pacing_guest_time(&p, 2060 * ms), 190 * ms);
	/* nothing to wait for */
	assert_int_equal(pacing_idle(&p, 2060 * ms, 140 * ms, UINT64_MAX), UINT64_MAX);
}

static void test_real(void **state)
{
	struct pacing p = { .mode = PACE_REAL };

	(void)state;
	assert_int_equal(pacing_busy(&p, 1000 * ms, 0), 0);
	assert_int_equal(pacing_busy(&p, 1010 * ms, 30 * ms), 20 * ms);
	assert_int_equal(pacing_busy(&p, 1030 * ms, 30 * ms), 0);
	assert_int_equal(pacing_idle(&p, 1030 * ms, 40 * ms, 50 * ms), 20 * ms);
	assert_int_equal(pacing_busy(&p, 3000 * ms, 60 * ms), 0);
	assert_int_equal(pacing_busy(&p, 3000 * ms, 120 * ms), 10 * ms);
}

static void test_factor(void **state)
{
	struct pacing p = { .mode = PACE_REAL, .factor = 2 };

	(void)state;
	assert_int_equal(pacing_busy(&p, 1000 * ms, 0), 0);
	/* 30 ms of the guest's take 15 of ours */
	assert_in_range(pacing_busy(&p, 1005 * ms, 30 * ms), 10 * ms, 10 * ms + 2);
	assert_int_equal(pacing_busy(&p, 1015 * ms, 30 * ms), 0);
	assert_int_equal(pacing_guest_time(&p, 1020 * ms), 40 * ms);
	p = (struct pacing){ .mode = PACE_REAL, .factor = 0.5 };
	assert_int_equal(pacing_busy(&p, 1000 * ms, 0), 0);
	assert_in_range(pacing_idle(&p, 1000 * ms, 0, 10 * ms), 20 * ms, 20 * ms + 2);
}

/* A host that is too slow, or sleeps: no rush afterwards.  A state that is loaded: no long wait. */
static void test_jumps(void **state)
{
	struct pacing p = { .mode = PACE_REAL };

	(void)state;
	assert_int_equal(pacing_busy(&p, 1000 * ms, 0), 0);
	for (unsigned n = 1; n < 100; n++)
		assert_int_equal(pacing_busy(&p, 1000 * ms + n * 20 * ms, n * 10 * ms), 0);
	/* it is 990 ms late, and waits again when it has caught up 50 of them */
	assert_int_equal(pacing_busy(&p, 3000 * ms, 1050 * ms), 0);
	assert_int_equal(pacing_busy(&p, 3000 * ms, 1080 * ms), 20 * ms);
	/* an hour ahead, then an hour back */
	assert_int_equal(pacing_busy(&p, 3020 * ms, 3600000 * ms), 0);
	assert_int_equal(pacing_busy(&p, 3020 * ms, 3600010 * ms), 10 * ms);
	assert_int_equal(pacing_busy(&p, 3030 * ms, 20 * ms), 0);
	assert_int_equal(pacing_busy(&p, 3030 * ms, 80 * ms), 10 * ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_factor),
		cmocka_unit_test(test_jumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
