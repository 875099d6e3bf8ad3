/*
 * Input from inside backends: a key, a frame, another floppy that comes while the guest runs, because it
 * wrote a character or a sector.  It takes effect at one and the same moment with any way of slicing
 * runs and any caches, with a history and without, and comes again when the past does.
 */
#include "world.h"

enum { LENGTH = 6000000, MOMENTS = 12 };
static const uint64_t start = 12000000;         /* the guest is at work */

static uint64_t here(const struct world *world)
{
	return cbx_instruction_count(world->machine);
}

static void go(struct world *world, uint64_t count)
{
	if (cbx_rewind_to(world->machine, count))
		fail_msg("to %llu: %s", (unsigned long long)count, cbx_machine_error(world->machine));
	assert_int_equal(here(world), count);
}

static uint8_t other_floppy[737280];

static enum cbx_status other_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	(void)user;
	memcpy(bytes, other_floppy + offset, count);
	return CBX_OK;
}

/* Something from outside; what it is follows from how often this was called. */
static void answer(struct world *world, char what)
{
	struct cbx_disk_backend disk = { .bytes = sizeof(other_floppy), .read = other_read, .read_only = true };
	struct cbx_machine *machine = world->machine, *fork;
	unsigned n;
	size_t taken;
	uint8_t frame[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54 };

	/* Disks are read in the past, too; it takes nothing. */
	if (cbx_replaying(machine)) {
		assert_int_equal(what, 'r');
		assert_int_equal(cbx_key(machine, 4, true), CBX_ERROR_STATE);
		return;
	}
	/* It cannot be run, forked or sent to the past in there. */
	assert_int_equal(cbx_run(machine, NULL, NULL), CBX_ERROR_STATE);
	assert_int_equal(cbx_fork(machine, NULL, &fork, NULL), CBX_ERROR_STATE);
	assert_int_equal(cbx_history_enable(machine, 0), CBX_ERROR_STATE);
	n = world->told_count++;
	switch (n % 7) {
	case 0:
		cbx_key(machine, 4 + n % 26, true);
		cbx_key(machine, 4 + n % 26, false);
		break;
	case 1:
		cbx_type_text(machine, "q");
		break;
	case 2:
		assert_int_equal(cbx_mouse(machine, 3, -2, 0, n & 7), CBX_OK);
		break;
	case 3:
		assert_int_equal(cbx_serial_input(machine, 0, &n, 1, &taken), CBX_OK);
		break;
	case 4:
		cbx_network_receive(machine, 0, frame, sizeof(frame));
		break;
	case 5:
		assert_int_equal(cbx_drive_change(machine, CBX_FLOPPY_A, n & 1 ? &disk : NULL), CBX_OK);
		break;
	default:
		assert_int_equal(cbx_power_button(machine), CBX_OK);
	}
}

static struct world *answering(unsigned flags, void (*told)(struct world *, char))
{
	struct world *world = world_new(flags | WORLD_CARD, 4 << 20);

	run(world->machine, start);
	world->told = told;
	return world;
}

static void end(struct world *world)
{
	world_free(world);
	assert_int_equal(world_allocated(), 0);
}

/* The same with every way of running. */
static void test_one_way(void **state)
{
	static const unsigned flags[] = { 0, 0, WORLD_SMALL_CACHES, WORLD_SINGLE_STEP, 0 };
	uint64_t hash = 0;
	unsigned told = 0;

	(void)state;
	for (unsigned n = 0; n < 5; n++) {
		struct world *world = answering(flags[n], answer);

		if (n == 4)
			assert_int_equal(cbx_history_enable(world->machine, 64 << 20), CBX_OK);
		while (n == 1 && here(world) < start + LENGTH - 100000)
			run(world->machine, 1 + random64() % 90000);
		run_to(world->machine, start + LENGTH);
		if (!n) {
			hash = cbx_state_hash(world->machine);
			told = world->told_count;
			assert_true(told > 20);
		}
		assert_int_equal(world->told_count, told);
		assert_true(cbx_state_hash(world->machine) == hash);
		end(world);
	}
}

static void there_and_back(void (*told)(struct world *, char))
{
	struct { uint64_t count, hash; } moments[MOMENTS];
	struct world *world = answering(0, told);
	size_t output;
	unsigned count;
	uint64_t last;

	assert_int_equal(cbx_history_enable(world->machine, 64 << 20), CBX_OK);
	for (unsigned i = 0; i < MOMENTS; i++) {
		run(world->machine, LENGTH / MOMENTS + random64() % 1000);
		moments[i].count = here(world);
		moments[i].hash = cbx_state_hash(world->machine);
	}
	last = here(world);
	output = world->output_count;
	count = world->told_count;
	for (unsigned i = 0; i < 2 * MOMENTS; i++) {
		unsigned k = i < MOMENTS ? MOMENTS - 1 - i : (unsigned)(random64() % MOMENTS);

		go(world, moments[k].count);
		assert_true(cbx_state_hash(world->machine) == moments[k].hash);
		if (i % 4 == 0 && k + 1 < MOMENTS) {
			run_to(world->machine, moments[k + 1].count);
			assert_true(cbx_state_hash(world->machine) == moments[k + 1].hash);
		}
	}
	/* Single steps over the calls are the same way. */
	go(world, moments[0].count);
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(cbx_step(world->machine, NULL), CBX_OK);
	run_to(world->machine, moments[3].count);
	assert_true(cbx_state_hash(world->machine) == moments[3].hash);
	/* Nobody was asked again, and the present goes on asking. */
	run_to(world->machine, last);
	assert_true(cbx_state_hash(world->machine) == moments[MOMENTS - 1].hash);
	assert_int_equal(world->told_count, count);
	assert_int_equal(world->output_count, output);
	run(world->machine, 1000000);
	assert_true(world->told_count > count);
	end(world);
}

static void test_history(void **state)
{
	(void)state;
	there_and_back(answer);
}

/* The same from a log, a hook and the like, which no backend's call is counted for. */
static enum cbx_hook_action answer_hook(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	struct world *world = user;

	(void)event;
	if (world->told_count++ % 40 == 0)
		assert_int_equal(cbx_key(machine, 4 + world->told_count % 20, world->told_count & 1), CBX_OK);
	return CBX_HOOK_CONTINUE;
}

static void test_hooks(void **state)
{
	struct cbx_hook hook = { .size = sizeof(hook), .kind = CBX_HOOK_PORT_READ, .first = 0x3fd, .last = 0x3fd,
				 .call = answer_hook };
	struct world *world = answering(0, NULL);
	uint64_t hash, last;
	unsigned id, count;

	(void)state;
	hook.user = world;
	assert_int_equal(cbx_history_enable(world->machine, 64 << 20), CBX_OK);
	assert_int_equal(cbx_hook_add(world->machine, &hook, &id), CBX_OK);
	run(world->machine, LENGTH);
	hash = cbx_state_hash(world->machine);
	last = here(world);
	count = world->told_count;
	assert_true(count > 80);
	/* On the way back hooks are not called. */
	go(world, start + LENGTH / 2);
	go(world, last);
	assert_true(cbx_state_hash(world->machine) == hash);
	assert_int_equal(world->told_count, count);
	/* Without it the way forward is the same; with it the past becomes another present. */
	assert_int_equal(cbx_hook_remove(world->machine, id), CBX_OK);
	go(world, start + LENGTH / 2);
	run_to(world->machine, last);
	assert_true(cbx_state_hash(world->machine) == hash);
	go(world, start + LENGTH / 2);
	assert_int_equal(cbx_hook_add(world->machine, &hook, &id), CBX_OK);
	run_to(world->machine, last);
	hash = cbx_state_hash(world->machine);
	go(world, start + LENGTH / 2 + 1000);
	go(world, last);
	assert_true(cbx_state_hash(world->machine) == hash);
	end(world);
}

/* A disk that is taken out of its drive while it is being read. */
struct changer {
	struct cbx_machine *machine;
	unsigned reads;
};

static enum cbx_status change_and_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	struct changer *changer = user;
	struct cbx_disk_backend disk = { .bytes = 737280, .read = change_and_read, .user = changer };

	(void)offset;
	changer->reads++;
	memset(bytes, 0xf4, count);
	if (changer->reads % 2)
		disk.read = NULL;
	if (changer->machine && changer->reads < 50)
		assert_int_equal(cbx_drive_change(changer->machine, CBX_FLOPPY_A, &disk), CBX_OK);
	if (changer->machine && changer->reads < 50 && changer->reads % 2)
		disk.read = change_and_read;
	if (changer->machine && disk.read)
		assert_int_equal(cbx_drive_change(changer->machine, CBX_FLOPPY_A, &disk), CBX_OK);
	return CBX_OK;
}

static void test_own_medium(void **state)
{
	struct cbx_pc_options options = { .size = sizeof(options), .machine.memory_bytes = 1 << 20,
					  .machine.reallocate = world_allocate };

	(void)state;
	for (unsigned history = 0; history < 2; history++) {
		struct changer changer = { NULL, 0 };

		options.floppy[0] = (struct cbx_disk_backend){ .bytes = 737280, .read = change_and_read,
							       .user = &changer };
		assert_int_equal(cbx_pc_new(&options, &changer.machine, NULL), CBX_OK);
		if (history)
			assert_int_equal(cbx_history_enable(changer.machine, 8 << 20), CBX_OK);
		assert_int_equal(cbx_run(changer.machine, &(struct cbx_run_options){
			.size = sizeof(struct cbx_run_options), .guest_nanoseconds = 20000000000u }, NULL), CBX_OK);
		assert_true(changer.reads > 0);
		cbx_machine_free(changer.machine);
		assert_int_equal(world_allocated(), 0);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_way), cmocka_unit_test(test_history), cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_own_medium),
	};

	if (argc != 2)
		return 2;
	world_guest = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
