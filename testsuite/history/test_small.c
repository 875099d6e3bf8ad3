/*
 * History and forks of a small machine: a processor, RAM, and one device that reads and writes a disk
 * when its port is written to.  What goes wrong outside (disks, allocations, callers) is easily brought
 * about here.
 */
#include "world.h"

enum { BLOCKS = 3, PORT = 0x80, DISK = 1 << 16 };

/* Commands of the port. */
enum { READ = 1, WRITE, TIMER_NOW, TIMER_SOON };

struct drive_state {
	uint8_t buffer[BLOCKS * 4096];
	uint8_t status, count;
};

struct drive {
	struct cbx_device device;
	struct drive_state state;
	struct cbx_disk_backend disk;
	struct cbx_timer *timer;
};

static const struct cbx_field fields[] = {
	CBX_FIELD_ARRAY(struct drive_state, buffer), CBX_FIELD(struct drive_state, status),
	CBX_FIELD(struct drive_state, count), CBX_FIELD_END
};
static const struct cbx_device_type drive_type = {
	.name = "drive", .version = 1, .size = sizeof(struct drive), .fields = fields,
	.state_offset = offsetof(struct drive, state), .state_size = sizeof(struct drive_state)
};

/* The disk, and what it does wrong. */
static uint8_t disk[DISK];
static bool fail_reads, fail_writes;
static struct cbx_machine *asked_while_read;

static enum cbx_status disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	(void)user;
	memcpy(bytes, disk + offset, fail_reads ? count / 2 : count);
	if (asked_while_read) {
		struct cbx_input input = { .kind = 2 };
		struct cbx_machine *machine = asked_while_read;

		asked_while_read = NULL;
		assert_int_equal(cbx_machine_input(machine, &input), CBX_OK);
	}
	return fail_reads ? CBX_ERROR_IO : CBX_OK;
}

static enum cbx_status disk_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	(void)user;
	if (fail_writes)
		return CBX_ERROR_IO;
	memcpy(disk + offset, bytes, count);
	return CBX_OK;
}

static const struct cbx_disk_backend backend = { .bytes = DISK, .read = disk_read, .write = disk_write };

static uint64_t port_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	const struct drive *drive = (struct drive *)device;

	(void)offset, (void)width;
	return drive->state.buffer[0];
}

static void port_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct drive *drive = (struct drive *)device;
	struct drive_state *state = &drive->state;

	(void)offset, (void)width;
	state->count++;
	if (value == READ) {
		state->status = drive->disk.read(drive->disk.user, 0, state->buffer, sizeof(state->buffer)) != CBX_OK;
	} else if (value == WRITE) {
		memset(state->buffer, state->count, sizeof(state->buffer));
		state->status = drive->disk.write(drive->disk.user, 0, state->buffer, sizeof(state->buffer)) != CBX_OK;
	} else if (value == TIMER_NOW) {
		cbx_timer_set(drive->timer, cbx_time(device));
		cbx_request_stop(device->machine);
	} else if (value == TIMER_SOON) {
		cbx_timer_set(drive->timer, cbx_time(device) + 7000);
	}
}

static const struct cbx_io io = { .widths = 1, .read = port_read, .write = port_write };

static void write_memory(struct cbx_device *device, unsigned number)
{
	uint8_t byte = 1;

	(void)number;
	for (uint64_t page = 0; page < 400; page++)
		cbx_dma_write(device, 0x100000 + page * 4096, &byte, 1);
}

static enum cbx_status input(struct cbx_machine *machine, const struct cbx_input *given)
{
	struct drive *drive = cbx_machine_board(machine);

	if (given->kind == 1) {
		if (cbx_medium_attach(machine, 0, &given->disk, &drive->disk))
			return CBX_ERROR_MEMORY;
		drive->disk.read(drive->disk.user, 0, drive->state.buffer, 4096);
	}
	drive->state.count++;
	return CBX_OK;
}

static void put_medium(struct cbx_machine *machine, unsigned number, const struct cbx_disk_backend *medium)
{
	struct drive *drive = cbx_machine_board(machine);

	if (drive && !number)
		drive->disk = *medium;
}

static const struct cbx_board_ops ops = { .input = input, .put_medium = put_medium };

static enum cbx_status add_drive(void *user, struct cbx_machine *machine)
{
	struct cbx_device *device;
	struct drive *drive;

	(void)user;
	assert_int_equal(cbx_device_new(machine, &drive_type, &device), CBX_OK);
	drive = (struct drive *)device;
	assert_int_equal(cbx_ports_map(device, PORT, 1, &io), CBX_OK);
	assert_int_equal(cbx_timer_new(device, "timer", write_memory, 0, &drive->timer), CBX_OK);
	cbx_machine_set_board(machine, drive, NULL);
	cbx_machine_set_board_ops(machine, &ops);
	return CBX_OK;
}

static struct cbx_machine *machine_new(const void *code, size_t count)
{
	struct cbx_machine_options options = {
		.size = sizeof(options), .memory_bytes = 4 << 20, .reallocate = world_allocate
	};
	struct cbx_machine *machine;
	struct drive *drive;

	memset(disk, 0, sizeof(disk));
	fail_reads = fail_writes = false;
	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	add_drive(NULL, machine);
	drive = cbx_machine_board(machine);
	assert_int_equal(cbx_medium_attach(machine, 0, &backend, &drive->disk), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x1000, code, count), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_CS_BASE, 0), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_RIP, 0x1000), CBX_OK);
	return machine;
}

static void end(struct cbx_machine *machine)
{
	cbx_machine_free(machine);
	assert_int_equal(world_allocated(), 0);
}

static void history(struct cbx_machine *machine)
{
	assert_int_equal(cbx_history_enable(machine, 16 << 20), CBX_OK);
}

/* again: mov al, 1; out 80h, al; in al, 80h; test al, al; jz again; cli; hlt */
static const uint8_t reader[] = {
	0xb0, READ, 0xe6, PORT, 0xe4, PORT, 0x84, 0xc0, 0x74, 0xf6, 0xfa, 0xf4
};

/* Where the past does not come again the guest may halt for ever: that ends with an error. */
static void test_another_disk(void **state)
{
	struct cbx_machine *machine = machine_new(reader, sizeof(reader));
	struct cbx_history_info info = { .size = sizeof(info) };
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 10 };
	struct cbx_stop stop;

	(void)state;
	history(machine);
	run(machine, 1000);
	disk[0] = 1;
	assert_int_equal(cbx_rewind_to(machine, 500), CBX_ERROR_IO);
	assert_int_equal(cbx_history_info(machine, &info), CBX_OK);
	assert_false(info.past);
	assert_int_equal(cbx_instruction_count(machine), 1000);
	/* Forward in the past. */
	disk[0] = 0;
	assert_int_equal(cbx_rewind_to(machine, 100), CBX_OK);
	disk[0] = 1;
	for (unsigned i = 0; i < 3; i++)
		if (cbx_run(machine, &options, &stop) == CBX_ERROR_IO)
			break;
	assert_int_equal(cbx_history_info(machine, &info), CBX_OK);
	assert_false(info.past);
	end(machine);
}

/* What a failing read leaves behind is the same each time. */
static void test_half_read(void **state)
{
	struct cbx_machine *machine = machine_new(reader, sizeof(reader));
	uint64_t hash;

	(void)state;
	run(machine, 10);
	history(machine);
	memset(disk + 1, 0x55, sizeof(disk) - 1);
	fail_reads = true;
	run(machine, 100);
	hash = cbx_state_hash(machine);
	run(machine, 100);
	memset(disk + 1, 0x66, sizeof(disk) - 1);       /* nobody may look again at what failed */
	assert_int_equal(cbx_rewind_to(machine, 110), CBX_OK);
	assert_true(cbx_state_hash(machine) == hash);
	end(machine);
}

/* Failures are kept within the budget, too. */
static void test_many_failures(void **state)
{
	struct cbx_machine *machine = machine_new(reader, sizeof(reader));
	uint64_t before;

	(void)state;
	assert_int_equal(cbx_history_enable(machine, 1 << 20), CBX_OK);
	fail_reads = true;
	before = world_allocated();
	world_reset_peak();
	run(machine, 1000000);
	assert_true(world_peak() < before + (2 << 20));
	end(machine);
}

/* mov al, 2; out 80h, al; mov al, 1; out 80h, al; again: jmp again */
static const uint8_t writer[] = { 0xb0, WRITE, 0xe6, PORT, 0xb0, READ, 0xe6, PORT, 0xeb, 0xfe };

/* A write that a fork has no room for is not half made. */
static void test_overlay_limit(void **state)
{
	struct cbx_machine *machine = machine_new(writer, sizeof(writer)), *fork;
	struct cbx_fork_options options = {
		.size = sizeof(options), .overlay_limit_bytes = 2 * 4096, .add_devices = add_drive
	};
	const struct drive *drive;
	uint64_t hash;

	(void)state;
	assert_int_equal(cbx_fork(machine, &options, &fork, NULL), CBX_OK);
	drive = cbx_machine_board(fork);
	history(fork);
	run(fork, 2);
	assert_int_equal(drive->state.status, 1);
	run(fork, 10);
	assert_int_equal(drive->state.status, 0);
	assert_int_equal(drive->state.buffer[0], 0);
	hash = cbx_state_hash(fork);
	run(fork, 10);
	assert_int_equal(cbx_rewind_to(fork, 12), CBX_OK);
	assert_true(cbx_state_hash(fork) == hash);
	cbx_machine_free(machine);
	end(fork);
}

/* A fork's write that needs to know the rest of a block fails for the reason that there was. */
static void test_unreadable_block(void **state)
{
	struct cbx_machine *machine = machine_new(writer, sizeof(writer)), *fork;
	struct cbx_fork_options options = { .size = sizeof(options), .add_devices = add_drive };
	const struct cbx_disk_backend *of_fork;
	uint8_t bytes[4096] = { 1 };

	(void)state;
	assert_int_equal(cbx_fork(machine, &options, &fork, NULL), CBX_OK);
	of_fork = &((const struct drive *)cbx_machine_board(fork))->disk;
	fail_reads = true;
	assert_int_equal(of_fork->write(of_fork->user, 100, bytes, 10), CBX_ERROR_IO);
	assert_int_equal(of_fork->write(of_fork->user, 0, bytes, sizeof(bytes)), CBX_OK);
	cbx_machine_free(machine);
	end(fork);
}

/* A device that comes later is no part of the past. */
static void test_later_device(void **state)
{
	struct cbx_machine *machine = machine_new(writer, sizeof(writer));
	struct cbx_history_info info = { .size = sizeof(info) };
	struct cbx_device *device;

	(void)state;
	history(machine);
	run(machine, 1000);
	assert_int_equal(cbx_device_new(machine, &drive_type, &device), CBX_OK);
	assert_int_not_equal(cbx_rewind_to(machine, 500), CBX_OK);
	run(machine, 1000);
	assert_int_equal(cbx_rewind_to(machine, 1500), CBX_OK);
	assert_int_equal(cbx_history_info(machine, &info), CBX_OK);
	assert_int_equal(info.first, 1000);
	end(machine);
}

/* xor ax, ax; mov [500h], ax; lidt [500h]; int3: a triple fault, and a reset to code that is all zeros */
static const uint8_t broken[] = { 0x31, 0xc0, 0xa3, 0x00, 0x05, 0x0f, 0x01, 0x1e, 0x00, 0x05, 0xcc };

/* A history that begins in the middle of a run knows what that run does with a triple fault. */
static void test_begun_in_a_run(void **state)
{
	struct cbx_machine *machine = machine_new(broken, sizeof(broken));
	struct cbx_device *device;
	uint64_t hash;

	(void)state;
	history(machine);
	assert_int_equal(cbx_device_new(machine, &drive_type, &device), CBX_OK);
	run(machine, 1500);
	hash = cbx_state_hash(machine);
	run(machine, 500);
	assert_int_equal(cbx_rewind_to(machine, 1500), CBX_OK);
	assert_true(cbx_state_hash(machine) == hash);
	end(machine);
}

/* Who ends a history in the past is told when the disk does not follow. */
static void test_disk_stays_behind(void **state)
{
	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		struct cbx_machine *machine = machine_new(writer, sizeof(writer));
		struct cbx_history_info info = { .size = sizeof(info) };

		history(machine);
		run(machine, 10);
		assert_int_equal(cbx_rewind_to(machine, 1), CBX_OK);
		fail_writes = true;
		assert_int_equal(cbx_history_enable(machine, more << 24), CBX_ERROR_IO);
		assert_int_equal(cbx_history_info(machine, &info), more ? CBX_OK : CBX_ERROR_STATE);
		end(machine);
	}
}

/* again: mov al, 3; out 80h, al; jmp again */
static const uint8_t timer[] = { 0xb0, TIMER_NOW, 0xe6, PORT, 0xeb, 0xfa };

/* The past is lost just when somebody wants to go there. */
static void test_lost_on_the_way(void **state)
{
	struct cbx_machine *machine = machine_new(timer, sizeof(timer));
	struct cbx_stop stop;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		if (i == 2)
			history(machine);
		assert_int_equal(cbx_run(machine, NULL, &stop), CBX_OK);
		assert_int_equal(stop.reason, CBX_STOP_REQUEST);
	}
	world_fail_in(1);
	assert_int_not_equal(cbx_rewind_to(machine, cbx_instruction_count(machine) - 1), CBX_OK);
	world_fail_in(0);
	assert_int_equal(cbx_run(machine, NULL, &stop), CBX_OK);
	end(machine);
}

/* A backend that has something to say at the moment a medium is put in. */
static void test_input_in_input(void **state)
{
	struct cbx_machine *machine = machine_new(reader, sizeof(reader));
	const struct cbx_input insert = { .kind = 1, .disk = backend };
	uint64_t hash;

	(void)state;
	history(machine);
	run(machine, 100);
	asked_while_read = machine;
	assert_int_equal(cbx_machine_input(machine, &insert), CBX_OK);
	run(machine, 100);
	hash = cbx_state_hash(machine);
	run(machine, 100);
	assert_int_equal(cbx_rewind_to(machine, 50), CBX_OK);
	run_to(machine, 200);
	assert_true(cbx_state_hash(machine) == hash);
	end(machine);
}

/* A debugger that comes only looks. */
static void send_nothing(void *user, const void *bytes, size_t count)
{
	(void)user, (void)bytes, (void)count;
}

static void test_debugger_in_the_past(void **state)
{
	const struct cbx_gdb_options options = { .size = sizeof(options), .send = send_nothing };
	struct cbx_machine *machine = machine_new(reader, sizeof(reader));
	struct cbx_history_info info = { .size = sizeof(info) };
	struct cbx_gdb *gdb;

	(void)state;
	history(machine);
	run(machine, 1000);
	assert_int_equal(cbx_rewind_to(machine, 500), CBX_OK);
	assert_int_equal(cbx_gdb_new(machine, &options, &gdb), CBX_OK);
	assert_int_equal(cbx_history_info(machine, &info), CBX_OK);
	assert_true(info.past);
	assert_int_equal(info.last, 1000);
	cbx_gdb_free(gdb);
	end(machine);
}

/* Options of an older version, that end earlier, make a machine whose forks share its memory, too. */
static enum cbx_status add_rom(void *user, struct cbx_machine *machine)
{
	static const uint8_t bytes[1 << 20] = { 1 };
	struct cbx_ram *rom;

	(void)user;
	assert_int_equal(cbx_ram_new(machine, "rom", sizeof(bytes), &rom), CBX_OK);
	return cbx_ram_write(rom, 0, bytes, sizeof(bytes));
}

static void test_old_options(void **state)
{
	struct cbx_machine_options options = {
		.size = offsetof(struct cbx_machine_options, memory_limit), .memory_bytes = 1 << 20,
		.reallocate = world_allocate
	};
	struct cbx_fork_options fork_options = { .size = sizeof(fork_options), .add_devices = add_rom };
	struct cbx_machine *machine, *fork;
	uint64_t before;

	(void)state;
	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	before = world_allocated();
	assert_int_equal(add_rom(NULL, machine), CBX_OK);
	assert_true(world_allocated() - before > 1 << 20);
	world_reset_peak();
	assert_int_equal(cbx_fork(machine, &fork_options, &fork, NULL), CBX_OK);
	assert_true(world_peak() - world_allocated() < 1 << 20);
	cbx_machine_free(machine);
	end(fork);
}

/*
 * again: mov al, 1; out 80h, al; in al, 80h; mov [bx], al; add bx, 1003; mov al, 2; out 80h, al;
 * mov al, 4; out 80h, al; mov cx, 300; loop to itself; jmp again
 */
static const uint8_t busy[] = {
	0xb0, READ, 0xe6, PORT, 0xe4, PORT, 0x88, 0x07, 0x81, 0xc3, 0xeb, 0x03, 0xb0, WRITE, 0xe6, PORT,
	0xb0, TIMER_SOON, 0xe6, PORT, 0xb9, 0x2c, 0x01, 0xe2, 0xfe, 0xeb, 0xe5
};

static uint64_t seed;

static uint64_t random_here(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

enum { MOMENTS = 64 };
struct life {
	struct cbx_machine *machine;
	unsigned breakpoint;
	/* What the state was when these counts were reached. */
	struct { uint64_t count, hash; } moments[MOMENTS];
	unsigned count;
};

static void look(struct life *life)
{
	uint64_t now = cbx_instruction_count(life->machine), hash = cbx_state_hash(life->machine);
	struct cbx_history_info info = { .size = sizeof(info) };

	for (unsigned i = 0; i < life->count; i++)
		if (life->moments[i].count == now && life->moments[i].hash != hash)
			fail_msg("at %llu the state is another one", (unsigned long long)now);
	if (life->count < MOMENTS && (!life->count || life->moments[life->count - 1].count < now)) {
		life->moments[life->count].count = now;
		life->moments[life->count++].hash = hash;
	}
	if (cbx_history_info(life->machine, &info) == CBX_OK)
		assert_true(info.bytes < UINT64_C(1) << 40);
}

/* What comes in now: there is no other future. */
static void change(struct life *life)
{
	const struct cbx_input insert = { .kind = 1, .disk = backend }, key = { .kind = 2 };
	uint64_t value = random_here();
	struct cbx_history_info info = { .size = sizeof(info) };

	cbx_history_info(life->machine, &info);
	/* Without a history yet, what is now is after this, too. */
	while (life->count && life->moments[life->count - 1].count + !info.checkpoints >
			      cbx_instruction_count(life->machine))
		life->count--;
	switch (random_here() % 4) {
	case 0: cbx_machine_input(life->machine, &insert); break;
	case 1: cbx_machine_input(life->machine, &key); break;
	case 2: cbx_register_write(life->machine, CBX_RSI, value); break;
	default: cbx_memory_write(life->machine, 0x180000 + value % 0x100000, &value, sizeof(value)); break;
	}
}

static void live(struct life *life)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1 + random_here() % 20000 };
	struct cbx_breakpoint point = { .size = sizeof(point), .kind = CBX_BREAK_WRITE, .length = 2 };
	const struct cbx_fork_options fork_options = { .size = sizeof(fork_options), .add_devices = add_drive };
	struct cbx_history_info info = { .size = sizeof(info) };
	struct cbx_machine *fork;
	struct cbx_stop stop;

	switch (random_here() % 12) {
	default:
		cbx_run(life->machine, &options, &stop);
		if (stop.reason == CBX_STOP_LIMIT)
			look(life);
		break;
	case 4: case 5: case 6:
		if (cbx_history_info(life->machine, &info) == CBX_OK &&
		    cbx_rewind_to(life->machine, info.first + random_here() % (info.last - info.first + 1)) == CBX_OK &&
		    cbx_instruction_count(life->machine) != info.last)
			look(life);
		break;
	case 7:
		for (unsigned i = 0; i < 3; i++)
			if (cbx_reverse_step(life->machine, &stop) == CBX_OK)
				look(life);
		break;
	case 8:
		change(life);
		break;
	case 9:
		if (life->breakpoint)
			cbx_breakpoint_remove(life->machine, life->breakpoint);
		life->breakpoint = 0;
		point.address = random_here() % 0x10000;
		if (random_here() & 1)
			cbx_breakpoint_add(life->machine, &point, &life->breakpoint);
		break;
	case 10:
		cbx_reverse_continue(life->machine, &stop);
		break;
	case 11:
		if (cbx_fork(life->machine, &fork_options, &fork, NULL) == CBX_OK) {
			cbx_run(fork, &options, NULL);
			cbx_machine_free(fork);
		}
		break;
	}
}

/* Everything in any order, with disks that fail and a memory that is scarce. */
static void test_random_lives(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 24; round++) {
		struct life life = { .machine = machine_new(busy, sizeof(busy)) };

		seed = round + UINT64_C(88172645463325252);
		for (uint64_t page = 0; round & 1 && page < 256; page++)
			assert_int_equal(cbx_memory_write(life.machine, 0x100000 + page * 4096, &page, 1), CBX_OK);
		assert_int_equal(cbx_history_enable(life.machine, (1 + round % 3) << 20), CBX_OK);
		for (unsigned i = 0; i < 150; i++) {
			if (!(random_here() % 16) && (round & 2))
				fail_reads = !fail_reads;
			if (!(random_here() % 16) && (round & 4))
				world_fail_in(1 + (unsigned)(random_here() % 8));
			live(&life);
			world_fail_in(0);
		}
		end(life.machine);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_disk),
		cmocka_unit_test(test_half_read),
		cmocka_unit_test(test_many_failures),
		cmocka_unit_test(test_overlay_limit),
		cmocka_unit_test(test_unreadable_block),
		cmocka_unit_test(test_later_device),
		cmocka_unit_test(test_begun_in_a_run),
		cmocka_unit_test(test_disk_stays_behind),
		cmocka_unit_test(test_lost_on_the_way),
		cmocka_unit_test(test_input_in_input),
		cmocka_unit_test(test_debugger_in_the_past),
		cmocka_unit_test(test_old_options),
		cmocka_unit_test(test_random_lives),
	};

	if (argc > 2)                   /* as others, with a guest's file that it does not need */
		cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
