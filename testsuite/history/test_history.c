/*
 * History: what was comes back exactly, whatever came in from outside; the way forward is the same
 * again, and nothing of it is told to the world twice.
 */
#include "world.h"

enum { MOMENTS = 24 };
static const uint64_t start = 12000000;         /* the guest is at work */

struct moment { uint64_t count, hash; };

static uint64_t here(const struct world *world)
{
	return cbx_instruction_count(world->machine);
}

/* Something from outside, of any kind. */
static void disturb(struct world *world)
{
	uint8_t bytes[3] = { (uint8_t)random64(), (uint8_t)random64(), 7 };
	unsigned key = 4 + (unsigned)(random64() % 26);
	size_t taken;

	switch (random64() % 6) {
	case 0:
		cbx_key(world->machine, key, true);
		cbx_key(world->machine, key, false);
		break;
	case 1:
		cbx_type_text(world->machine, "ab");
		break;
	case 2:
		cbx_mouse(world->machine, 3, -2, 0, (unsigned)random64() & 7);
		break;
	case 3:
		cbx_serial_input(world->machine, 0, bytes, sizeof(bytes), &taken);
		break;
	case 4:
		assert_int_equal(cbx_register_write(world->machine, CBX_RBP, random64() & 0xffffffff),
				 CBX_OK);
		break;
	default:
		assert_int_equal(cbx_memory_write(world->machine, 0x23456, bytes, 3), CBX_OK);
	}
}

/* Runs on with disturbances; the hashes on the way. */
static void live(struct world *world, struct moment moments[MOMENTS], uint64_t length, bool idle)
{
	uint64_t step = length / MOMENTS;

	for (unsigned i = 0; i < MOMENTS; i++) {
		uint64_t end = here(world) + step;

		while (here(world) < end) {
			struct cbx_run_options options = { .size = sizeof(options) };
			struct cbx_stop stop;

			options.instructions = 1 + random64() % (step / 4);
			if (options.instructions > end - here(world))
				options.instructions = end - here(world);
			options.stop_when_idle = idle && (random64() & 1);
			if (!(random64() & 3))
				options.guest_nanoseconds = 1 + random64() % 2000000;
			assert_int_equal(cbx_run(world->machine, &options, &stop), CBX_OK);
			if (!(random64() % 3) && here(world) < end)
				disturb(world);
		}
		moments[i].count = here(world);
		moments[i].hash = cbx_state_hash(world->machine);
	}
}

static void check_moment(struct world *world, const struct moment *moment)
{
	if (cbx_rewind_to(world->machine, moment->count))
		fail_msg("rewind to %llu: %s", (unsigned long long)moment->count,
			 cbx_machine_error(world->machine));
	assert_int_equal(here(world), moment->count);
	if (cbx_state_hash(world->machine) != moment->hash)
		fail_msg("at %llu the state is another one", (unsigned long long)moment->count);
}

static void past_and_future(unsigned flags, uint64_t length, bool idle, uint64_t budget)
{
	struct moment moments[MOMENTS];
	struct world *world = world_new(flags, 4 << 20);
	struct cbx_history_info info = { .size = sizeof(info) };
	uint8_t *disk = malloc(WORLD_DISK);
	uint64_t last, hash, writes;
	size_t output;

	assert_non_null(disk);
	run(world->machine, start);
	assert_int_equal(cbx_history_enable(world->machine, budget), CBX_OK);
	live(world, moments, length, idle);
	last = here(world);
	hash = cbx_state_hash(world->machine);
	writes = world->writes;
	output = world->output_count;
	assert_true(writes > 0 && output > 0);
	memcpy(disk, world->disk, WORLD_DISK);
	assert_int_equal(cbx_history_info(world->machine, &info), CBX_OK);
	assert_false(info.past);
	for (unsigned i = 0; i < 2 * MOMENTS; i++) {
		const struct moment *moment = &moments[i < MOMENTS ? MOMENTS - 1 - i :
							  random64() % MOMENTS];

		if (moment->count >= info.first)
			check_moment(world, moment);
		/* And forward from there, by running. */
		if (!(i % 5)) {
			moment = &moments[random64() % MOMENTS];
			if (moment->count >= here(world)) {
				run_to(world->machine, moment->count);
				assert_int_equal(cbx_state_hash(world->machine), moment->hash);
			}
		}
	}
	/* Nothing was told to the world. */
	assert_int_equal(world->writes, writes);
	assert_int_equal(world->output_count, output);
	assert_memory_equal(world->disk, disk, WORLD_DISK);
	/* Home again, and on. */
	run_to(world->machine, last);
	assert_int_equal(cbx_rewind_to(world->machine, last), CBX_OK);
	assert_int_equal(cbx_state_hash(world->machine), hash);
	assert_int_equal(cbx_history_info(world->machine, &info), CBX_OK);
	assert_false(info.past);
	run(world->machine, 3000000);
	assert_true(world->output_count > output);
	hash = cbx_state_hash(world->machine);
	assert_int_equal(cbx_rewind_to(world->machine, last - 1000), CBX_OK);
	run_to(world->machine, last + 3000000);
	assert_int_equal(cbx_state_hash(world->machine), hash);
	free(disk);
	world_free(world);
	assert_int_equal(world_allocated(), 0);
}

static void test_past(void **state)
{
	(void)state;
	past_and_future(0, 16000000, false, 64 << 20);
}

static void test_past_idle(void **state)
{
	(void)state;
	past_and_future(0, 8000000, true, 64 << 20);
}

static void test_past_small_caches(void **state)
{
	(void)state;
	past_and_future(WORLD_SMALL_CACHES, 3000000, true, 64 << 20);
}

static void test_past_single(void **state)
{
	(void)state;
	past_and_future(WORLD_SINGLE_STEP, 3000000, false, 64 << 20);
}

static void test_past_small_budget(void **state)
{
	(void)state;
	past_and_future(0, 30000000, false, 6 << 20);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_past),
		cmocka_unit_test(test_past_idle),
		cmocka_unit_test(test_past_small_caches),
		cmocka_unit_test(test_past_single),
		cmocka_unit_test(test_past_small_budget),
	};

	if (argc != 2)
		return 2;
	world_guest = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
