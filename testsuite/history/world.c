/* See world.h. */
#include "../shared/heap.h"
#include "world.h"

const char *world_guest;

/* ---- Allocation ----------------------------------------------------------------------------- */

static struct heap heap;

void *world_allocate(void *user, void *memory, size_t size)
{
	(void)user;
	return heap_reallocate(&heap, memory, size);
}

void world_fail_in(unsigned n)
{
	heap.fail_in = n;
}

uint64_t world_allocated(void)
{
	return heap.allocated;
}

uint64_t world_peak(void)
{
	return heap.peak;
}

void world_reset_peak(void)
{
	heap.peak = heap.allocated;
}

/* ---- Worlds ------------------------------------------------------------------------------------ */

static uint8_t floppy[1474560];

static enum cbx_status floppy_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	(void)user;
	memcpy(bytes, floppy + offset, count);
	return CBX_OK;
}

static void tell(struct world *world, char what)
{
	if (world->told)
		world->told(world, what);
}

static enum cbx_status disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	struct world *world = user;

	/* Of the guest: what is kept of blocks before they are written is more at once. */
	if (world->fail_reads && count < 4096)
		return CBX_ERROR_IO;
	memcpy(bytes, world->disk + offset, count);
	if (count < 4096)
		tell(world, 'r');
	return CBX_OK;
}

static enum cbx_status disk_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	struct world *world = user;

	world->writes++;
	memcpy(world->disk + offset, bytes, count);
	tell(world, 'w');
	return CBX_OK;
}

struct cbx_disk_backend world_disk(struct world *world)
{
	return (struct cbx_disk_backend){ .bytes = WORLD_DISK, .read = disk_read,
					  .write = disk_write, .user = world };
}

void world_serial_write(void *user, uint8_t byte)
{
	struct world *world = user;

	if (world->output_count < WORLD_OUTPUT)
		world->output[world->output_count++] = byte;
	tell(world, 's');
}

/* A peer that answers each frame at once, inside the call. */
static void card_send(void *user, const uint8_t *frame, size_t count)
{
	struct world *world = user;

	cbx_network_receive(world->machine, 0, frame, count);
	tell(world, 'n');
}

struct world *world_new(unsigned flags, uint64_t memory)
{
	struct cbx_pc_options options = { .size = sizeof(options) };
	struct world *world = calloc(1, sizeof(*world));
	FILE *file = fopen(world_guest, "rb");
	struct cbx_error error;

	assert_non_null(world);
	assert_non_null(file);
	assert_int_equal(fread(floppy, 1, 512, file), 512);
	fclose(file);
	world->disk = malloc(WORLD_DISK);
	assert_non_null(world->disk);
	for (size_t i = 0; i < WORLD_DISK; i++)
		world->disk[i] = (uint8_t)(i * 7 + (i >> 9));
	options.machine.memory_bytes = memory;
	options.machine.reallocate = flags & WORLD_THREADS ? NULL : world_allocate;
	options.machine.small_caches = flags & WORLD_SMALL_CACHES;
	options.machine.single_step_blocks = flags & WORLD_SINGLE_STEP;
	options.floppy[0] = (struct cbx_disk_backend){ .bytes = sizeof(floppy), .read = floppy_read,
						       .read_only = true };
	options.ide[0].present = true;
	options.ide[0].disk = world_disk(world);
	options.serial[0] = (struct cbx_character_backend){ world_serial_write, world };
	if (flags & WORLD_CARD) {
		options.card[0].kind = CBX_CARD_NE2000_ISA;
		options.card[0].network = (struct cbx_network_backend){ card_send, world };
	}
	if (cbx_pc_new(&options, &world->machine, &error))
		fail_msg("%s", error.text);
	return world;
}

void world_free(struct world *world)
{
	cbx_machine_free(world->machine);
	free(world->disk);
	free(world);
}

void run(struct cbx_machine *machine, uint64_t instructions)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = instructions };
	struct cbx_stop stop;

	if (cbx_run(machine, &options, &stop))
		fail_msg("%s", cbx_machine_error(machine));
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
}

void run_to(struct cbx_machine *machine, uint64_t count)
{
	assert_true(cbx_instruction_count(machine) <= count);
	if (cbx_instruction_count(machine) < count)
		run(machine, count - cbx_instruction_count(machine));
}

uint64_t random64(void)
{
	static uint64_t seed = 88172645463325252u;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

uint32_t guest_word(struct cbx_machine *machine, uint64_t address)
{
	uint8_t bytes[4];

	assert_int_equal(cbx_memory_read(machine, address, bytes, 4), CBX_OK);
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}
