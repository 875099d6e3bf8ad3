/*
 * Forks: equal at first, independent from then on, in memory and on disk; freed in any order;
 * forks of forks; on threads; with failing allocations.
 */
#include <pthread.h>

#include "world.h"

static const uint64_t start = 6000000;

static struct cbx_machine *fork_of(struct cbx_machine *machine)
{
	struct cbx_machine *fork;
	struct cbx_error error;

	if (cbx_fork(machine, NULL, &fork, &error))
		fail_msg("%s", error.text);
	assert_int_equal(cbx_state_hash(fork), cbx_state_hash(machine));
	return fork;
}

/* What a machine becomes that is left alone. */
static uint64_t alone(unsigned flags, uint64_t count)
{
	struct world *world = world_new(flags, 4 << 20);
	uint64_t hash;

	run(world->machine, start);
	run_to(world->machine, count);
	hash = cbx_state_hash(world->machine);
	world_free(world);
	return hash;
}

/* Both go on as one would have, whoever goes first, with disks that both write. */
static void independent(unsigned flags)
{
	uint64_t expected = alone(flags, start + 4000000);

	for (unsigned order = 0; order < 3; order++) {
		struct world *world = world_new(flags, 4 << 20);
		struct cbx_machine *fork;
		uint64_t writes;

		run(world->machine, start);
		fork = fork_of(world->machine);
		if (order == 0)
			run(world->machine, 4000000);
		if (order < 2) {
			writes = world->writes;
			run(fork, 4000000);
			assert_int_equal(world->writes, writes);
		} else {
			for (unsigned i = 0; i < 40; i++) {
				run(world->machine, 100000);
				run(fork, 100000);
			}
		}
		if (order == 1)
			run(world->machine, 4000000);
		assert_int_equal(cbx_state_hash(fork), expected);
		assert_int_equal(cbx_state_hash(world->machine), expected);
		/* Another input, another future; and nobody else's. */
		cbx_type_text(fork, "a");
		run(fork, 2000000);
		run(world->machine, 2000000);
		assert_int_not_equal(cbx_state_hash(fork), cbx_state_hash(world->machine));
		cbx_machine_free(fork);
		world_free(world);
		assert_int_equal(world_allocated(), 0);
	}
}

static void test_independent(void **state)
{
	(void)state;
	independent(0);
	independent(WORLD_SMALL_CACHES);
	independent(WORLD_CARD);
	independent(WORLD_THREADS);     /* the C library's allocator: large objects in one piece */
}

static void test_writes_are_private(void **state)
{
	struct world *world = world_new(0, 4 << 20);
	struct cbx_machine *fork, *second;
	uint8_t byte = 0x5a, other = 0;

	(void)state;
	run(world->machine, start);
	fork = fork_of(world->machine);
	second = fork_of(fork);
	assert_int_equal(cbx_memory_write(fork, 0x300000, &byte, 1), CBX_OK);
	assert_int_equal(cbx_memory_read(world->machine, 0x300000, &other, 1), CBX_OK);
	assert_int_equal(other, 0);
	assert_int_equal(cbx_memory_read(second, 0x300000, &other, 1), CBX_OK);
	assert_int_equal(other, 0);
	byte = 0xa5;
	assert_int_equal(cbx_memory_write(world->machine, 0x300000, &byte, 1), CBX_OK);
	assert_int_equal(cbx_memory_read(fork, 0x300000, &other, 1), CBX_OK);
	assert_int_equal(other, 0x5a);
	world_free(world);
	assert_int_equal(cbx_memory_read(second, 0x300000, &other, 1), CBX_OK);
	assert_int_equal(other, 0);
	cbx_machine_free(fork);
	cbx_machine_free(second);
	assert_int_equal(world_allocated(), 0);
}

/* Generations of forks, each goes on for a while; the ancestors go in any order. */
static void generations(unsigned flags)
{
	enum { GENERATIONS = 6 };
	struct world *world = world_new(flags, 4 << 20);
	struct cbx_machine *machines[GENERATIONS + 1];
	uint64_t expected = alone(flags, start + GENERATIONS * UINT64_C(600000));

	run(world->machine, start);
	machines[0] = world->machine;
	for (unsigned i = 0; i < GENERATIONS; i++) {
		machines[i + 1] = fork_of(machines[i]);
		/* What the older ones write to their disks is not the younger ones'. */
		for (unsigned k = 0; k <= i; k++)
			run(machines[k], 50000);
		run(machines[i + 1], 600000);
	}
	assert_int_equal(cbx_state_hash(machines[GENERATIONS]), expected);
	cbx_machine_free(machines[2]);
	run(machines[GENERATIONS], 100000);
	cbx_machine_free(machines[GENERATIONS]);
	world->machine = machines[1];
	cbx_machine_free(machines[0]);
	for (unsigned i = 3; i < GENERATIONS; i++) {
		run(machines[i], 100000);
		cbx_machine_free(machines[i]);
	}
	run_to(world->machine, start + GENERATIONS * UINT64_C(600000));
	assert_int_equal(cbx_state_hash(world->machine), expected);
	world_free(world);
	assert_int_equal(world_allocated(), 0);
}

static void test_generations(void **state)
{
	(void)state;
	generations(0);
	generations(WORLD_THREADS);
}

static void test_thousand(void **state)
{
	enum { FORKS = 1000 };
	static struct cbx_machine *forks[FORKS];
	struct world *world = world_new(0, 64 << 20);
	uint64_t before, hash, per_fork;

	(void)state;
	run(world->machine, start);
	hash = cbx_state_hash(world->machine);
	before = world_allocated();
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(cbx_fork(world->machine, NULL, &forks[i], NULL), CBX_OK);
	per_fork = (world_allocated() - before) / 100;
	print_message("# a fork of 64 MiB takes %llu KiB of addresses\n",
		      (unsigned long long)per_fork >> 10);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(cbx_state_hash(forks[i]), hash);
		cbx_machine_free(forks[i]);
	}
	assert_int_equal(world_allocated(), before);
	/* A queue of them, each made of one that is there, and the oldest goes. */
	for (unsigned i = 0; i < FORKS; i++) {
		struct cbx_machine *parent = i ? forks[i - 1 - random64() % (i < 8 ? i : 8)] :
						 world->machine;

		assert_int_equal(cbx_fork(parent, NULL, &forks[i], NULL), CBX_OK);
		if (!(i % 25))
			run(forks[i], 1000);
		if (i >= 8)
			cbx_machine_free(forks[i - 8]);
	}
	world_free(world);
	for (unsigned i = FORKS - 8; i < FORKS; i++) {
		run(forks[i], 1000);
		cbx_machine_free(forks[i]);
	}
	assert_int_equal(world_allocated(), 0);
}

/* The page that a guest of five instructions writes: what it costs is that page. */
static void test_cost(void **state)
{
	struct world *world = world_new(0, 64 << 20);
	struct cbx_machine *fork;
	uint64_t before;
	uint8_t byte = 1;

	(void)state;
	run(world->machine, start);
	fork = fork_of(world->machine);
	assert_int_equal(cbx_memory_write(fork, 0x100000, &byte, 1), CBX_OK);
	before = world_allocated();
	for (unsigned i = 1; i <= 64; i++)
		assert_int_equal(cbx_memory_write(fork, 0x100000 + i * 4096, &byte, 1), CBX_OK);
	/* 64 pages, in slabs of 64 */
	assert_true(world_allocated() - before <= 2 * 66 * 4096 + 8192);
	cbx_machine_free(fork);
	world_free(world);
	assert_int_equal(world_allocated(), 0);
}

static void test_options(void **state)
{
	struct cbx_fork_options options = { .size = sizeof(options) };
	struct world *world = world_new(0, 4 << 20), *other = world_new(0, 4 << 20);
	struct cbx_machine *fork = NULL;
	struct cbx_error error;
	struct cbx_stop stop;

	(void)state;
	run(world->machine, start);
	assert_int_equal(cbx_fork(NULL, NULL, &fork, &error), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_fork(world->machine, NULL, NULL, &error), CBX_ERROR_ARGUMENT);
	options.size = 3;
	assert_int_equal(cbx_fork(world->machine, &options, &fork, &error), CBX_ERROR_ARGUMENT);
	options.size = sizeof(options);
	/* A disk of its own must be as large. */
	options.disk[CBX_IDE_0] = world_disk(other);
	options.disk[CBX_IDE_0].bytes = 512;
	assert_int_equal(cbx_fork(world->machine, &options, &fork, &error), CBX_ERROR_ARGUMENT);
	memcpy(other->disk, world->disk, WORLD_DISK);
	options.disk[CBX_IDE_0] = world_disk(other);
	options.serial[0] = (struct cbx_character_backend){ world_serial_write, other };
	assert_int_equal(cbx_fork(world->machine, &options, &fork, &error), CBX_OK);
	run(fork, 4000000);
	run(world->machine, 4000000);
	assert_int_equal(cbx_state_hash(fork), cbx_state_hash(world->machine));
	assert_memory_equal(other->disk, world->disk, WORLD_DISK);
	assert_true(other->writes && other->output_count);
	cbx_machine_free(fork);
	memset(&options, 0, sizeof(options));
	options.size = sizeof(options);
	/* A limit on what it writes: the guest sees write errors, no more. */
	options.overlay_limit_bytes = 8192;
	assert_int_equal(cbx_fork(world->machine, &options, &fork, &error), CBX_OK);
	assert_int_equal(cbx_run(fork, &(struct cbx_run_options){
		.size = sizeof(struct cbx_run_options), .instructions = 8000000 }, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_BACKEND_LIMIT);
	cbx_machine_free(fork);
	world_free(other);
	world_free(world);
	assert_int_equal(world_allocated(), 0);
}

static void test_failing_allocations(void **state)
{
	struct world *world = world_new(WORLD_CARD, 4 << 20);
	uint64_t before, hash;
	struct cbx_machine *fork;
	struct cbx_error error;
	unsigned n = 0;

	(void)state;
	run(world->machine, start);
	hash = cbx_state_hash(world->machine);
	before = world_allocated();
	do {
		world_fail_in(++n);
		fork = NULL;
		cbx_fork(world->machine, NULL, &fork, &error);
		world_fail_in(0);
		if (!fork) {
			assert_int_not_equal(error.status, CBX_OK);
			assert_true(error.text[0]);
			assert_int_equal(world_allocated(), before);
		}
	} while (!fork && n < 2000);
	assert_non_null(fork);
	print_message("# %u allocations\n", n - 1);
	assert_int_equal(cbx_state_hash(world->machine), hash);
	assert_int_equal(cbx_state_hash(fork), hash);
	cbx_machine_free(fork);
	world_free(world);
	assert_int_equal(world_allocated(), 0);
}

/* ---- Threads ---------------------------------------------------------------------------------- */

static void *run_thread(void *user)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 400000 };
	struct cbx_machine *machine = user, *fork;
	struct cbx_stop stop;

	for (unsigned i = 0; i < 6; i++) {
		cbx_run(machine, &options, &stop);
		if (!cbx_fork(machine, NULL, &fork, NULL)) {
			cbx_run(fork, &options, &stop);
			cbx_machine_free(fork);
		}
	}
	return NULL;
}

static void threads(unsigned count)
{
	struct world *world = world_new(WORLD_CARD | WORLD_THREADS, 4 << 20);
	struct cbx_machine *machines[8];
	pthread_t thread[8];
	uint64_t hash;

	run(world->machine, start);
	machines[0] = world->machine;
	for (unsigned i = 1; i < count; i++)
		machines[i] = fork_of(machines[i / 2]);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run_thread, machines[i]), 0);
	for (unsigned i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
	hash = cbx_state_hash(machines[0]);
	for (unsigned i = 1; i < count; i++) {
		assert_int_equal(cbx_state_hash(machines[i]), hash);
		cbx_machine_free(machines[i]);
	}
	world_free(world);
}

static void test_threads(void **state)
{
	(void)state;
	threads(4);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_independent),
		cmocka_unit_test(test_writes_are_private),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_thousand),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_failing_allocations),
		cmocka_unit_test(test_threads),
	};
	const struct CMUnitTest threaded[] = { cmocka_unit_test(test_threads) };

	if (argc < 2)
		return 2;
	world_guest = argv[1];
	if (argc > 2)
		return cmocka_run_group_tests(threaded, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
