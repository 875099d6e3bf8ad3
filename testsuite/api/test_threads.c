/*
 * A hundred machines at once on threads, forks of some of them on threads of their own, each doing real
 * work: a guest that boots from a floppy, an embedder's device with a timer, hooks, saved states that
 * are loaded elsewhere, and stops that yet another thread asks for.  All come to the same states.
 * testsuite/tsan.sh runs it with ThreadSanitizer.  CLEARBOX_THREADS: how many machines.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <clearbox/clearbox.h>

#include "../shared/bytes_disk.h"

enum { BOOT = 1300000, FIRST = BOOT + 100000, SECOND = 60000, STOPS = 40, LAST_STOP = FIRST - 5000 };
enum { DISK = 1 << 20 };

/* ---- What all have in common: a floppy that nobody writes, and the state after the boot from it ---- */

static void *booted;
static size_t booted_size;

/*
 * Counts at 500h; each 1024 counts it rings the device at port 99h, writes what that answers to the
 * screen and COM1, and itself to a disk's second sector and back.
 */
static const uint8_t counter[] = {
	0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0,             /* xor ax, ax; mov ds, ax; mov es, ax */
	0xff, 0x06, 0x00, 0x05,                         /* again: inc word [500h] */
	0xf7, 0x06, 0x00, 0x05, 0xff, 0x03,             /* test word [500h], 3ffh */
	0x75, 0xf4,                                     /* jnz again */
	0xb0, 0x05, 0xe6, 0x99, 0xe4, 0x99,             /* mov al, 5; out 99h, al; in al, 99h */
	0xb4, 0x0e, 0xcd, 0x10,                         /* mov ah, 0eh; int 10h */
	0xba, 0xf8, 0x03, 0xee,                         /* mov dx, 3f8h; out dx, al */
	0xbb, 0x00, 0x05, 0xb9, 0x02, 0x00,             /* mov bx, 500h; mov cx, 2 */
	0xba, 0x80, 0x00, 0xb8, 0x01, 0x03, 0xcd, 0x13, /* mov dx, 80h; mov ax, 301h; int 13h */
	0xbb, 0x00, 0x80, 0xb8, 0x01, 0x02, 0xcd, 0x13, /* mov bx, 8000h; mov ax, 201h; int 13h */
	0xf4, 0xeb, 0xcd                                /* hlt; jmp again */
};

static enum cbx_status floppy_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	static const uint8_t end[2] = { 0x55, 0xaa };

	(void)user;
	memset(bytes, 0, count);
	if (!offset && count >= 512) {
		memcpy(bytes, counter, sizeof(counter));
		memcpy((uint8_t *)bytes + 510, end, 2);
	}
	return CBX_OK;
}

static void serial_write(void *user, uint8_t byte)
{
	(void)byte;
	++*(unsigned *)user;
}

/* ---- The device: a bell --------------------------------------------------------------------------- */

struct bell_state { uint32_t rings; };
struct bell { struct cbx_device device; struct bell_state state; struct cbx_timer *timer; };

static const struct cbx_field bell_fields[] = { CBX_FIELD(struct bell_state, rings), CBX_FIELD_END };
static const struct cbx_device_type bell_type = {
	.name = "bell", .version = 1, .size = sizeof(struct bell), .fields = bell_fields,
	.state_offset = offsetof(struct bell, state), .state_size = sizeof(struct bell_state)
};

static void bell_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	(void)offset;
	(void)width;
	cbx_timer_set(((struct bell *)device)->timer, cbx_time(device) + value * 1000);
}

static uint64_t bell_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)offset;
	(void)width;
	return 'a' + ((struct bell *)device)->state.rings % 26;
}

static void bell_ring(struct cbx_device *device, unsigned number)
{
	struct bell *bell = (struct bell *)device;
	uint8_t byte = (uint8_t)++bell->state.rings;

	(void)number;
	cbx_dma_write(device, 0x600, &byte, 1);
}

static enum cbx_status add_bell(void *user, struct cbx_machine *machine)
{
	static const struct cbx_io io = { .widths = 1, .read = bell_read, .write = bell_write };
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &bell_type, &device);

	(void)user;
	if (status == CBX_OK)
		status = cbx_timer_new(device, "ring", bell_ring, 0, &((struct bell *)device)->timer);
	return status == CBX_OK ? cbx_ports_map(device, 0x99, 1, &io) : status;
}

/* ---- One machine ------------------------------------------------------------------------------------ */

struct work {
	struct cbx_machine *machine;
	uint8_t *disk;
	bool stops;                     /* another thread asks for them */
	bool failed;
	struct failure { const char *what; int result; uint64_t count; } failure;
	unsigned written, hooked;
	atomic_uint stopped;
	atomic_bool arrived;            /* where no more stops are wanted */
	uint64_t middle, end, fork_end; /* hashes */
};

/* Is RESULT, a status or an error's number, none?  Keeps what failed first. */
static bool fails(struct work *work, int result, const char *what, const struct cbx_machine *machine)
{
	if (result && !work->failed) {
		work->failed = true;
		work->failure = (struct failure){ what, result, cbx_instruction_count(machine) };
	}
	return result;
}

static enum cbx_hook_action count_hook(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	++*(unsigned *)user;
	return machine && event ? CBX_HOOK_CONTINUE : CBX_HOOK_STOP;
}

static struct cbx_machine *make(struct work *work)
{
	struct cbx_pc_options options = { .size = sizeof(options), .machine.memory_bytes = 2 << 20, .vram_bytes = 1 << 20,
		.floppy[0] = { .bytes = 1474560, .read = floppy_read, .read_only = true },
		.ide[0] = { .present = true, .disk = { .bytes = DISK, .read = bytes_disk_read, .write = bytes_disk_write } },
		.serial[0] = { serial_write, &work->written } };
	struct cbx_machine *machine = NULL;

	options.ide[0].disk.user = work->disk;
	fails(work, !work->disk, "memory for a disk", NULL);
	fails(work, cbx_pc_new(&options, &machine, NULL), "cbx_pc_new", NULL);
	fails(work, add_bell(NULL, machine), "the bell", machine);
	cbx_machine_reset(machine);
	fails(work, booted ? cbx_snapshot_load(machine, booted, booted_size) : 0, "loading the boot", machine);
	return machine;
}

/* Runs so far that this many instructions have been executed since power-on. */
static void run_to(struct work *work, struct cbx_machine *machine, uint64_t count)
{
	struct cbx_run_options options = { .size = sizeof(options) };
	struct cbx_stop stop = { .reason = CBX_STOP_LIMIT };

	while (!work->failed && cbx_instruction_count(machine) < count) {
		options.instructions = count - cbx_instruction_count(machine);
		fails(work, cbx_run(machine, &options, &stop), "cbx_run", machine);
		if (stop.reason != CBX_STOP_LIMIT && stop.reason != CBX_STOP_REQUEST)
			fails(work, (int)stop.reason, "why cbx_run stopped", machine);
		work->stopped += stop.reason == CBX_STOP_REQUEST;
	}
}

/* Each stop is asked for once the machine has made the one before; however late this thread begins, one is. */
static void *stopper(void *user)
{
	struct work *work = user;

	for (unsigned n = 1; n <= STOPS && (n == 1 || !work->arrived); n++) {
		cbx_request_stop(work->machine);
		while (work->stopped < n && !work->arrived)
			sched_yield();
	}
	return NULL;
}

static void *run_fork(void *user)
{
	struct work *work = user;

	run_to(work, work->machine, FIRST + SECOND);
	work->fork_end = cbx_state_hash(work->machine);
	return NULL;
}

static void *work_on(void *user)
{
	struct cbx_fork_options fork_options = { .size = sizeof(fork_options), .add_devices = add_bell };
	struct cbx_hook hook = { .size = sizeof(hook), .kind = CBX_HOOK_PORT_WRITE, .first = 0x99, .last = 0x99,
				 .call = count_hook };
	struct work *work = user, of_fork = { 0 };
	struct cbx_machine *machine, *other;
	pthread_t stop_thread, fork_thread;
	unsigned id;
	void *data;
	size_t size;

	work->disk = calloc(1, DISK);
	machine = make(work);
	work->machine = machine;
	hook.user = &work->hooked;
	if (work->failed || fails(work, cbx_hook_add(machine, &hook, &id), "cbx_hook_add", machine) ||
	    (work->stops && fails(work, pthread_create(&stop_thread, NULL, stopper, work), "the stops' thread", NULL)))
		return NULL;
	run_to(work, machine, LAST_STOP);
	work->arrived = true;
	if (work->stops)
		pthread_join(stop_thread, NULL);
	run_to(work, machine, FIRST);
	/* Its state in another machine, which goes on in its place. */
	other = make(work);
	if (!fails(work, cbx_snapshot_save(machine, &data, &size), "saving", machine)) {
		fails(work, cbx_snapshot_load(other, data, size), "loading", other);
		cbx_buffer_free(machine, data);
	}
	work->middle = cbx_state_hash(other);
	fails(work, work->middle != cbx_state_hash(machine), "comparing what was saved and loaded", other);
	fails(work, cbx_hook_remove(machine, id), "cbx_hook_remove", machine);
	cbx_machine_free(machine);
	/* Both halves of a fork at once, one of them to be freed while the other runs. */
	if (fails(work, cbx_fork(other, &fork_options, &of_fork.machine, NULL), "cbx_fork", other) ||
	    fails(work, pthread_create(&fork_thread, NULL, run_fork, &of_fork), "the fork's thread", NULL)) {
		cbx_machine_free(of_fork.machine);
		cbx_machine_free(other);
		return NULL;
	}
	run_to(work, other, FIRST + SECOND);
	work->end = cbx_state_hash(other);
	cbx_machine_free(other);
	pthread_join(fork_thread, NULL);
	if (of_fork.failed && !work->failed)
		work->failure = of_fork.failure;
	work->failed = work->failed || of_fork.failed;
	work->fork_end = of_fork.fork_end;
	cbx_machine_free(of_fork.machine);
	return NULL;
}

/* Is WORK not as when it is done ALONE?  Says in what. */
static bool differs(unsigned number, const struct work *work, const struct work *alone)
{
	int disks;

	if (work->failed) {
		print_error("machine %u: %s gave %d after %llu instructions\n", number, work->failure.what,
			    work->failure.result, (unsigned long long)work->failure.count);
		return true;
	}
	disks = memcmp(work->disk, alone->disk, 4096);
	if (work->hooked == alone->hooked && work->written == alone->written && work->middle == alone->middle &&
	    work->end == alone->end && work->fork_end == alone->end && !disks && !work->stops == !work->stopped)
		return false;
	print_error("machine %u: hooked %u not %u, written %u not %u, states %llx %llx %llx not %llx %llx, "
		    "disks %d, stops %u\n", number, work->hooked, alone->hooked, work->written,
		    alone->written, (unsigned long long)work->middle, (unsigned long long)work->end,
		    (unsigned long long)work->fork_end, (unsigned long long)alone->middle,
		    (unsigned long long)alone->end, disks, work->stopped);
	return true;
}

static void test_machines(void **state)
{
	const char *text = getenv("CLEARBOX_THREADS");
	unsigned count = text ? (unsigned)strtoul(text, NULL, 10) : 100, wrong = 0;
	pthread_t *threads = calloc(count, sizeof(*threads));
	struct work *works = calloc(count, sizeof(*works)), alone = { 0 };
	struct cbx_machine *machine;

	(void)state;
	assert_non_null(threads);
	assert_non_null(works);
	alone.disk = calloc(1, DISK);
	machine = make(&alone);
	run_to(&alone, machine, BOOT);
	assert_int_equal(cbx_snapshot_save(machine, &booted, &booted_size), CBX_OK);
	free(alone.disk);
	alone = (struct work){ 0 };
	work_on(&alone);
	assert_false(differs(0, &alone, &alone));
	assert_true(alone.hooked > 2 && alone.written > 2);
	assert_true(alone.end == alone.fork_end && alone.end != alone.middle);
	for (unsigned n = 0; n < count; n++) {
		works[n].stops = true;
		assert_int_equal(pthread_create(&threads[n], NULL, work_on, &works[n]), 0);
	}
	for (unsigned n = 0; n < count; n++)
		assert_int_equal(pthread_join(threads[n], NULL), 0);
	for (unsigned n = 0; n < count; n++)
		wrong += differs(n, &works[n], &alone);
	assert_int_equal(wrong, 0);
	for (unsigned n = 0; n < count; n++)
		free(works[n].disk);
	assert_true(alone.disk[512] || alone.disk[513]);
	cbx_buffer_free(machine, booted);
	cbx_machine_free(machine);
	free(alone.disk);
	free(threads);
	free(works);
}

/* Only this may be called from another thread while the machine runs, or from a signal handler. */
static void *stop_once(void *machine)
{
	cbx_request_stop(machine);
	return NULL;
}

static void test_stop(void **state)
{
	struct cbx_machine *machine;
	struct cbx_stop stop;
	pthread_t thread;

	(void)state;
	assert_int_equal(cbx_machine_new(NULL, &machine, NULL), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x1000, "\xeb\xfe", 2), CBX_OK);
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RIP, 0x1000);
	for (unsigned n = 0; n < 20; n++) {
		assert_int_equal(pthread_create(&thread, NULL, stop_once, machine), 0);
		assert_int_equal(cbx_run(machine, NULL, &stop), CBX_OK);
		assert_int_equal(stop.reason, CBX_STOP_REQUEST);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	cbx_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_stop), cmocka_unit_test(test_machines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
