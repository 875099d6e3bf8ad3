/*
 * Reverse execution: steps back, breakpoints and watchpoints met before now, futures that are
 * discarded, disks and networks and media in the past, budgets and failing allocations.
 */
#include "world.h"

static const uint64_t start = 12000000;

static uint64_t here(const struct world *world)
{
	return cbx_instruction_count(world->machine);
}

static struct world *with_history(unsigned flags, uint64_t budget)
{
	struct world *world = world_new(flags, 4 << 20);

	run(world->machine, start);
	assert_int_equal(cbx_history_enable(world->machine, budget), CBX_OK);
	return world;
}

static void end(struct world *world)
{
	world_free(world);
	assert_int_equal(world_allocated(), 0);
}

/* Each step back is the undoing of a step forward, interrupts and halts included. */
static void test_steps(void **state)
{
	enum { STEPS = 300 };
	static uint64_t hashes[STEPS + 1], counts[STEPS + 1];
	struct world *world = with_history(0, 64 << 20);

	(void)state;
	run(world->machine, 3000000);
	/* There is a timer interrupt among so many, and the disk's and the serial port's. */
	for (unsigned round = 0; round < 3; round++) {
		run(world->machine, 1 + random64() % 400000);
		for (unsigned i = 0; i <= STEPS; i++) {
			counts[i] = here(world);
			hashes[i] = cbx_state_hash(world->machine);
			if (i < STEPS)
				assert_int_equal(cbx_step(world->machine, NULL), CBX_OK);
		}
		for (unsigned i = STEPS; i-- > 0;) {
			struct cbx_stop stop;

			if (cbx_reverse_step(world->machine, &stop))
				fail_msg("%s", cbx_machine_error(world->machine));
			assert_int_equal(here(world), counts[i]);
			assert_int_equal(cbx_state_hash(world->machine), hashes[i]);
			assert_int_equal(stop.instructions, 0);
		}
		assert_int_equal(cbx_rewind_to(world->machine, counts[STEPS]), CBX_OK);
		assert_int_equal(cbx_state_hash(world->machine), hashes[STEPS]);
	}
	end(world);
}

static unsigned add(struct world *world, enum cbx_breakpoint_kind kind, uint64_t address)
{
	struct cbx_breakpoint point = { .size = sizeof(point), .kind = kind, .address = address,
					.length = kind == CBX_BREAK_EXECUTE ? 1 : 4 };
	unsigned id;

	assert_int_equal(cbx_breakpoint_add(world->machine, &point, &id), CBX_OK);
	return id;
}

enum { MOST_HITS = 40 };

/* How often a breakpoint is to be met there and back: CLEARBOX_HITS, where a host is slow. */
static unsigned hits_wanted(void)
{
	const char *text = getenv("CLEARBOX_HITS");
	unsigned long hits = text ? strtoul(text, NULL, 10) : 0;

	return hits && hits < MOST_HITS ? (unsigned)hits : MOST_HITS;
}

/* What a run forward stops at is what a run back stops at, in the other order. */
static void met_backwards(unsigned flags, enum cbx_breakpoint_kind kind, uint64_t address, unsigned ignore)
{
	struct { uint64_t count, hash; } hits[MOST_HITS];
	const unsigned wanted = hits_wanted();
	struct world *world = with_history(flags, 64 << 20);
	struct cbx_history_info info = { .size = sizeof(info) };
	unsigned id = add(world, kind, address);
	struct cbx_stop stop;
	uint64_t last, hash;

	for (unsigned i = 0; i < wanted; i++) {
		for (unsigned k = 0; k <= ignore; k++) {
			assert_int_equal(cbx_run(world->machine, NULL, &stop), CBX_OK);
			assert_int_equal(stop.reason, kind == CBX_BREAK_EXECUTE ?
					 CBX_STOP_BREAKPOINT : CBX_STOP_WATCHPOINT);
			assert_int_equal(stop.id, id);
		}
		hits[i].count = here(world);
		hits[i].hash = cbx_state_hash(world->machine);
	}
	assert_int_equal(cbx_breakpoint_remove(world->machine, id), CBX_OK);
	run(world->machine, 5000000);
	last = here(world);
	hash = cbx_state_hash(world->machine);
	/* From the last hit back, since there were more after it. */
	assert_int_equal(cbx_rewind_to(world->machine, hits[wanted - 1].count + 1), CBX_OK);
	id = add(world, kind, address);
	for (unsigned i = wanted; i-- > 0;) {
		for (unsigned k = 0; k <= (i == wanted - 1 ? 0 : ignore); k++) {
			if (cbx_reverse_continue(world->machine, &stop))
				fail_msg("%s", cbx_machine_error(world->machine));
			assert_int_equal(stop.id, id);
		}
		assert_int_equal(here(world), hits[i].count);
		assert_int_equal(cbx_state_hash(world->machine), hits[i].hash);
		if (!(i % 8)) {
			/* Forward to the next one, and back again. */
			assert_int_equal(cbx_run(world->machine, NULL, &stop), CBX_OK);
			assert_int_equal(stop.id, id);
			assert_int_equal(cbx_reverse_continue(world->machine, &stop), CBX_OK);
			assert_int_equal(here(world), hits[i].count);
		}
	}
	for (unsigned k = 0; k < ignore; k++)
		assert_int_equal(cbx_reverse_continue(world->machine, &stop), CBX_OK);
	assert_int_equal(cbx_reverse_continue(world->machine, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	assert_int_equal(here(world), start);
	assert_int_equal(cbx_reverse_step(world->machine, &stop), CBX_ERROR_LIMIT);
	assert_int_equal(cbx_rewind_to(world->machine, last), CBX_OK);
	assert_int_equal(cbx_state_hash(world->machine), hash);
	assert_int_equal(cbx_history_info(world->machine, &info), CBX_OK);
	assert_false(info.past);
	end(world);
}

/*
 * A condition that is never true, but asks for an end of the search: later each time, since a slice that is
 * shorter than what lies between two checkpoints does not come forward.
 */
struct asking {
	unsigned calls, patience, requests;
};

static bool ask_to_stop(void *user, struct cbx_machine *machine)
{
	struct asking *asking = user;

	if (++asking->calls == asking->patience) {
		asking->calls = 0;
		asking->patience += asking->patience / 2;
		asking->requests++;
		cbx_request_stop(machine);
	}
	return false;
}

/* A search in slices finds what one at once finds, and the machine is where it was between them. */
static void test_search_in_slices(void **state)
{
	struct asking asking = { 0, 50, 0 };
	struct cbx_breakpoint b = { .size = sizeof(b), .kind = CBX_BREAK_EXECUTE, .address = GUEST_MARKER,
				    .length = 1, .condition = ask_to_stop, .user = &asking };
	unsigned once, never;
	struct world *world;
	struct cbx_stop stop;
	uint64_t met, count, hash;

	(void)state;
	world = with_history(0, 64 << 20);
	once = add(world, CBX_BREAK_EXECUTE, GUEST_DISK);
	assert_int_equal(cbx_run(world->machine, NULL, &stop), CBX_OK);
	met = here(world);
	assert_int_equal(cbx_breakpoint_remove(world->machine, once), CBX_OK);
	run(world->machine, 12000000);
	count = here(world);
	hash = cbx_state_hash(world->machine);
	assert_int_equal(cbx_breakpoint_add(world->machine, &b, &never), CBX_OK);
	for (unsigned n = 0; n < 2; n++) {
		unsigned slices = 0;

		asking = (struct asking){ 0, 50, 0 };
		do {
			assert_int_equal(cbx_reverse_continue(world->machine, &stop), CBX_OK);
			if (stop.reason != CBX_STOP_REQUEST)
				break;
			assert_int_equal(here(world), count);
			assert_int_equal(cbx_state_hash(world->machine), hash);
			/* A breakpoint that is added has not been looked for: from the beginning. */
			if (n && slices++ == 1)
				add(world, CBX_BREAK_EXECUTE, GUEST_DISK);
		} while (asking.requests < 40);
		if (!n) {
			assert_int_equal(stop.reason, CBX_STOP_LIMIT);
			assert_int_equal(here(world), start);
			assert_true(asking.requests > 2);
		} else {
			assert_int_equal(stop.reason, CBX_STOP_BREAKPOINT);
			assert_in_range(here(world), met, count - 1);
		}
		assert_int_equal(cbx_rewind_to(world->machine, count), CBX_OK);
		assert_int_equal(cbx_state_hash(world->machine), hash);
	}
	end(world);
}

static void test_breakpoints(void **state)
{
	(void)state;
	met_backwards(0, CBX_BREAK_EXECUTE, GUEST_DISK, 0);
	met_backwards(WORLD_SINGLE_STEP, CBX_BREAK_EXECUTE, GUEST_DISK, 0);
	met_backwards(0, CBX_BREAK_EXECUTE, GUEST_MARKER, 3);
}

static void test_watchpoints(void **state)
{
	(void)state;
	met_backwards(0, CBX_BREAK_WRITE, 0x46c, 0);
	met_backwards(WORLD_SMALL_CACHES, CBX_BREAK_ACCESS, 0x46c, 1);
}

/* What is typed in the past makes another future; the disk is that of the new one. */
static void test_another_future(void **state)
{
	struct world *world = with_history(0, 64 << 20), *other = with_history(0, 64 << 20);
	struct cbx_history_info info = { .size = sizeof(info) };
	uint64_t middle, hash;

	(void)state;
	run(world->machine, 4000000);
	middle = here(world);
	cbx_type_text(world->machine, "x");
	run(world->machine, 6000000);
	assert_int_equal(cbx_rewind_to(world->machine, middle - 1500000), CBX_OK);
	cbx_type_text(world->machine, "y");
	assert_int_equal(cbx_history_info(world->machine, &info), CBX_OK);
	assert_false(info.past);
	assert_int_equal(info.last, middle - 1500000);
	run(world->machine, 8000000);
	run(other->machine, 2500000);
	cbx_type_text(other->machine, "y");
	run(other->machine, 8000000);
	assert_int_equal(cbx_state_hash(world->machine), cbx_state_hash(other->machine));
	assert_memory_equal(world->disk, other->disk, WORLD_DISK);
	hash = cbx_state_hash(world->machine);
	/* And that future has a past as well. */
	assert_int_equal(cbx_rewind_to(world->machine, start + 100000), CBX_OK);
	run_to(world->machine, here(other));
	assert_int_equal(cbx_state_hash(world->machine), hash);
	/* A register written in the past does the same. */
	assert_int_equal(cbx_rewind_to(world->machine, start + 100000), CBX_OK);
	assert_int_equal(cbx_register_write(world->machine, CBX_RBP, 5), CBX_OK);
	assert_int_equal(cbx_history_info(world->machine, &info), CBX_OK);
	assert_int_equal(info.last, start + 100000);
	world_free(other);
	end(world);
}

/* Reads that failed fail again; those that did not do not, though the disk is broken by now. */
static void test_disk_errors(void **state)
{
	struct world *world = with_history(0, 64 << 20);
	uint64_t hash, hash2, middle, last;

	(void)state;
	run(world->machine, 2000000);
	world->fail_reads = true;
	run(world->machine, 2000000);
	middle = here(world);
	hash = cbx_state_hash(world->machine);
	world->fail_reads = false;
	run(world->machine, 2000000);
	last = here(world);
	hash2 = cbx_state_hash(world->machine);
	assert_int_equal(cbx_rewind_to(world->machine, start + 10), CBX_OK);
	run_to(world->machine, middle);
	assert_int_equal(cbx_state_hash(world->machine), hash);
	run_to(world->machine, last);
	assert_int_equal(cbx_state_hash(world->machine), hash2);
	end(world);
}

/* A fork of the past is a machine of its own. */
static void test_fork_of_the_past(void **state)
{
	struct world *world = with_history(0, 64 << 20);
	struct cbx_machine *fork;
	uint64_t hash, count, past;

	(void)state;
	run(world->machine, 6000000);
	count = here(world);
	hash = cbx_state_hash(world->machine);
	assert_int_equal(cbx_rewind_to(world->machine, start + 2000000), CBX_OK);
	past = cbx_state_hash(world->machine);
	assert_int_equal(cbx_fork(world->machine, NULL, &fork, NULL), CBX_OK);
	assert_int_equal(cbx_state_hash(fork), past);
	run_to(fork, count);
	assert_int_equal(cbx_state_hash(fork), hash);
	assert_int_equal(cbx_state_hash(world->machine), past);
	run_to(world->machine, count);
	assert_int_equal(cbx_state_hash(world->machine), hash);
	/* It has a history if one is asked for. */
	assert_int_equal(cbx_reverse_step(fork, NULL), CBX_ERROR_STATE);
	assert_int_equal(cbx_history_enable(fork, 64 << 20), CBX_OK);
	run(fork, 3000000);
	assert_int_equal(cbx_rewind_to(fork, count), CBX_OK);
	assert_int_equal(cbx_state_hash(fork), hash);
	cbx_machine_free(fork);
	end(world);
}

/* Frames that a peer answers inside the call come again without the peer. */
static void test_network(void **state)
{
	struct world *world = with_history(WORLD_CARD, 64 << 20);
	uint8_t frame[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 1, 2, 3, 8, 6 };
	uint64_t hash, count;

	(void)state;
	/* The guest has no driver: frames are lost or kept by what the chip is after reset. */
	for (unsigned i = 0; i < 4; i++) {
		cbx_network_receive(world->machine, 0, frame, sizeof(frame));
		run(world->machine, 700000);
	}
	count = here(world);
	hash = cbx_state_hash(world->machine);
	assert_int_equal(cbx_rewind_to(world->machine, start), CBX_OK);
	run_to(world->machine, count);
	assert_int_equal(cbx_state_hash(world->machine), hash);
	end(world);
}

/* Another floppy in the drive, and the first one in the past. */
static void test_media(void **state)
{
	struct world *world = with_history(0, 64 << 20);
	struct cbx_disk_backend disk = world_disk(world);
	uint64_t before, after, count, hash;

	(void)state;
	disk.bytes = 737280;
	run(world->machine, 1000000);
	before = cbx_state_hash(world->machine);
	count = here(world);
	assert_int_equal(cbx_drive_change(world->machine, CBX_FLOPPY_A, &disk), CBX_OK);
	run(world->machine, 1000000);
	assert_int_equal(cbx_drive_change(world->machine, CBX_FLOPPY_A, NULL), CBX_OK);
	run(world->machine, 1000000);
	after = here(world);
	hash = cbx_state_hash(world->machine);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(cbx_rewind_to(world->machine, count), CBX_OK);
		assert_int_equal(cbx_state_hash(world->machine), before);
		run_to(world->machine, after - i * 900000);
		assert_int_equal(cbx_rewind_to(world->machine, after), CBX_OK);
		assert_int_equal(cbx_state_hash(world->machine), hash);
	}
	end(world);
}

static void test_budget(void **state)
{
	const uint64_t budget = 3 << 20;
	struct world *world = with_history(0, budget);
	struct cbx_history_info info = { .size = sizeof(info) };
	uint64_t before;

	(void)state;
	before = world_allocated();
	world_reset_peak();
	for (unsigned i = 0; i < 40; i++) {
		run(world->machine, 1000000);
		assert_int_equal(cbx_history_info(world->machine, &info), CBX_OK);
		assert_true(info.bytes <= budget);
		assert_int_equal(info.budget, budget);
	}
	/* Pages come in slabs, and lists have room to grow. */
	assert_true(world_peak() - before < 2 * budget);
	assert_true(info.first < info.last && info.checkpoints > 1);
	assert_int_equal(cbx_history_enable(world->machine, 0), CBX_OK);
	assert_int_equal(cbx_history_info(world->machine, &info), CBX_ERROR_STATE);
	assert_int_equal(cbx_rewind_to(world->machine, start), CBX_ERROR_STATE);
	end(world);
}

/* Every allocation of what the embedder calls fails once; the machine is what it was. */
static void test_failing_allocations(void **state)
{
	struct world *world = with_history(0, 64 << 20);
	struct world *plain = world_new(0, 4 << 20);
	uint64_t count, hash;
	enum cbx_status status;
	unsigned n = 0;

	(void)state;
	run(world->machine, 5000000);
	count = here(world);
	hash = cbx_state_hash(world->machine);
	do {
		world_fail_in(++n);
		status = cbx_rewind_to(world->machine, start + 1000000);
		world_fail_in(0);
		if (!status)
			assert_int_equal(cbx_rewind_to(world->machine, count), CBX_OK);
		assert_int_equal(here(world), count);
		assert_int_equal(cbx_state_hash(world->machine), hash);
	} while (status && n < 3000);
	assert_int_equal(status, CBX_OK);
	print_message("# rewind: %u allocations\n", n - 1);
	for (n = 1; n < 40; n++) {
		world_fail_in(n);
		status = cbx_history_enable(world->machine, 32 << 20);
		world_fail_in(0);
		assert_int_equal(cbx_state_hash(world->machine), hash);
	}
	/* While it runs it is the history that goes, not the run. */
	run(plain->machine, count);
	assert_int_equal(cbx_history_enable(world->machine, 32 << 20), CBX_OK);
	for (n = 0; n < 30; n++) {
		struct cbx_run_options options = { .size = sizeof(options), .instructions = 150000 };
		struct cbx_stop stop;

		world_fail_in(1 + (unsigned)random64() % 20);
		while (cbx_instruction_count(world->machine) < count + 150000 * (n + UINT64_C(1))) {
			options.instructions = count + 150000 * (n + UINT64_C(1)) - here(world);
			assert_int_equal(cbx_run(world->machine, &options, &stop), CBX_OK);
			world_fail_in(0);
		}
		run(plain->machine, 150000);
	}
	run(world->machine, 3000000);
	run(plain->machine, 3000000);
	assert_int_equal(cbx_state_hash(world->machine), cbx_state_hash(plain->machine));
	world_free(plain);
	end(world);
}

static void test_arguments(void **state)
{
	struct world *world = world_new(0, 4 << 20);
	struct cbx_history_info info = { .size = sizeof(info) };

	(void)state;
	assert_int_equal(cbx_history_enable(NULL, 0), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_history_enable(world->machine, 1000), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_history_info(NULL, &info), CBX_ERROR_STATE);
	assert_int_equal(cbx_history_info(world->machine, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_rewind_to(NULL, 0), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_reverse_step(NULL, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_reverse_continue(NULL, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_reverse_step(world->machine, NULL), CBX_ERROR_STATE);
	assert_int_equal(cbx_history_enable(world->machine, 8 << 20), CBX_OK);
	run(world->machine, 1000);
	assert_int_equal(cbx_rewind_to(world->machine, 1001), CBX_ERROR_LIMIT);
	assert_int_equal(cbx_rewind_to(world->machine, 10), CBX_OK);
	assert_int_equal(here(world), 10);
	assert_int_equal(cbx_rewind_to(world->machine, 0), CBX_OK);
	assert_int_equal(cbx_reverse_step(world->machine, NULL), CBX_ERROR_LIMIT);
	assert_false(cbx_outward_begin(NULL));
	cbx_outward_end(NULL);
	assert_false(cbx_replaying(NULL));
	assert_int_equal(cbx_medium_attach(NULL, 0, NULL, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_machine_input(world->machine, NULL), CBX_ERROR_ARGUMENT);
	cbx_machine_set_board_ops(NULL, NULL);
	/* A reset begins another history. */
	cbx_machine_reset(world->machine);
	assert_int_equal(cbx_history_info(world->machine, &info), CBX_OK);
	assert_int_equal(info.first, 0);
	assert_int_equal(info.last, 0);
	end(world);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_breakpoints),
		cmocka_unit_test(test_search_in_slices),
		cmocka_unit_test(test_watchpoints),
		cmocka_unit_test(test_another_future),
		cmocka_unit_test(test_disk_errors),
		cmocka_unit_test(test_fork_of_the_past),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_failing_allocations),
		cmocka_unit_test(test_arguments),
	};

	if (argc == 3)                  /* a pattern: these tests alone */
		cmocka_set_test_filter(argv[--argc]);
	if (argc != 2)
		return 2;
	world_guest = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
