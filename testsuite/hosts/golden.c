/*
 * Golden hashes: a guest of our own (guest.asm, which is its own firmware, so that no compiler's
 * version matters) runs on a PC with one disk, and has the same state hashes at the same instruction
 * counts on every host.  A state that one host saved goes on the same on another.
 *
 * usage: golden GUEST.ROM check LIST     compares with the stored hashes
 *        golden GUEST.ROM record         prints them: what LIST holds
 *        golden GUEST.ROM save FILE COUNT
 *        golden GUEST.ROM load FILE COUNT...     goes on to these counts and prints the hashes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clearbox/clearbox.h>

#include "../shared/bytes_disk.h"

/* All that is in this machine stands here, so that a PC that has more one day does not matter. */
static const char cpu[] = "haswell";
static const uint64_t counts[] = {
	1, 1000, 100000, 1000000, 2000000, 3333333, 5000000, 10000000, 20000000, 30000000
};
enum { COUNTS = sizeof(counts) / sizeof(counts[0]), DISK_BYTES = 1 << 20, VGA_BYTES = 2048 };

struct world {
	struct cbx_machine *machine;
	uint8_t disk[DISK_BYTES];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "golden: %s: %s\n", what, why);
	exit(2);
}

static void *load(const char *name, size_t *size)
{
	FILE *file = fopen(name, "rb");
	uint8_t *bytes = NULL;
	size_t room = 0, count;

	*size = 0;
	if (!file)
		die(name, "cannot be read");
	do {
		if (*size == room) {
			room = room ? room * 2 : 65536;
			bytes = realloc(bytes, room);
			if (!bytes)
				die(name, "no memory");
		}
		count = fread(bytes + *size, 1, room - *size, file);
		*size += count;
	} while (count);
	if (ferror(file))
		die(name, "cannot be read");
	fclose(file);
	return bytes;
}

static struct world *world_new(const struct cbx_image *rom)
{
	struct cbx_pc_options options = { .size = sizeof(options) };
	struct world *world = calloc(1, sizeof(*world));
	uint8_t vga[VGA_BYTES] = { 0x55, 0xaa, VGA_BYTES / 512, 0xcb };
	uint32_t x = 1;
	struct cbx_error error;

	if (!world)
		die("memory", "none is left");
	for (size_t i = 0; i < DISK_BYTES; i++) {
		x = x * 1103515245 + 12345;
		world->disk[i] = (uint8_t)(x >> 16);
	}
	options.machine.memory_bytes = 4 << 20;
	options.machine.cpu = cpu;
	options.machine.nanoseconds_per_instruction = 10;
	options.bios = *rom;
	options.vga_bios = (struct cbx_image){ vga, sizeof(vga) };
	options.vram_bytes = 1 << 20;
	options.rtc_time = 1000000000;
	options.no_floppy_controller = true;
	options.ide[0].present = true;
	options.ide[0].disk = (struct cbx_disk_backend){
		.bytes = DISK_BYTES, .read = bytes_disk_read, .write = bytes_disk_write, .user = world->disk
	};
	if (cbx_pc_new(&options, &world->machine, &error))
		die("the machine", error.text);
	return world;
}

static void world_free(struct world *world)
{
	cbx_machine_free(world->machine);
	free(world);
}

/* Goes on to a count; returns the hash there, of the machine and the disk. */
static uint64_t run_to(struct world *world, uint64_t count)
{
	uint64_t hash, now = cbx_instruction_count(world->machine);
	struct cbx_run_options run = { .size = sizeof(run), .stop_on_triple_fault = true,
				       .stop_on_reset = true };
	struct cbx_stop stop;

	if (count < now)
		die("counts", "they must go up");
	run.instructions = count - now;
	if (count > now) {
		if (cbx_run(world->machine, &run, &stop))
			die("run", cbx_machine_error(world->machine));
		if (stop.reason != CBX_STOP_LIMIT || cbx_instruction_count(world->machine) != count) {
			fprintf(stderr, "golden: stopped for reason %d at %llu, rip %llx: %s\n",
				(int)stop.reason,
				(unsigned long long)cbx_instruction_count(world->machine),
				(unsigned long long)stop.rip, stop.detail);
			exit(2);
		}
	}
	hash = cbx_state_hash(world->machine);
	for (size_t i = 0; i < DISK_BYTES; i++)
		hash = (hash ^ world->disk[i]) * 0x100000001b3;
	return hash;
}

/* What the guest counts must show that it does all it should: a guest that hangs has hashes, too. */
static void check_progress(struct world *world)
{
	enum { TICKS = 0x500, ROUND = 0x510, DISK_DONE = 0x514, MAPPED = 0x518 };
	static const struct { uint64_t address; uint32_t least; const char *what; } facts[] = {
		{ TICKS, 100, "timer interrupts" }, { ROUND, 10, "rounds" },
		{ DISK_DONE, 20, "disk interrupts" }, { MAPPED, 1, "pages mapped" }
	};
	uint8_t bytes[4];

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		uint32_t value = 0;

		cbx_memory_read(world->machine, facts[i].address, bytes, 4);
		for (int n = 3; n >= 0; n--)
			value = value << 8 | bytes[n];
		printf("# %u %s\n", (unsigned)value, facts[i].what);
		if (value < facts[i].least)
			die(facts[i].what, "too few: the guest does not do its work");
	}
}

static int record(const struct cbx_image *rom)
{
	struct world *world = world_new(rom);

	for (unsigned i = 0; i < COUNTS; i++)
		printf("%llu %016llx\n", (unsigned long long)counts[i],
		       (unsigned long long)run_to(world, counts[i]));
	check_progress(world);
	world_free(world);
	return 0;
}

static int check(const struct cbx_image *rom, const char *name)
{
	FILE *list = fopen(name, "r");
	struct world *world = world_new(rom);
	unsigned long long count, want;
	unsigned checked = 0;
	char line[200];

	if (!list)
		die(name, "cannot be read");
	while (fgets(line, sizeof(line), list)) {
		uint64_t have;

		if (line[0] == '#')
			continue;
		if (sscanf(line, "%llu %llx", &count, &want) != 2)
			die(name, "not a line of a count and a hash");
		have = run_to(world, count);
		if (have != want) {
			printf("FAILED: after %llu instructions the hash is %016llx, not %016llx\n"
			       "(where the form of saved states was changed: sh testsuite/hosts/golden.sh record)\n",
			       count, (unsigned long long)have, want);
			return 1;
		}
		checked++;
	}
	fclose(list);
	check_progress(world);
	world_free(world);
	printf("ok: %u hashes, to %llu instructions\n", checked, count);
	return checked == 0;
}

/* The machine's state and its disk, in a file. */
static int save(const struct cbx_image *rom, const char *name, uint64_t count)
{
	struct world *world = world_new(rom);
	FILE *file;
	size_t size;
	void *data;

	run_to(world, count);
	if (cbx_snapshot_save(world->machine, &data, &size))
		die("save", cbx_machine_error(world->machine));
	file = fopen(name, "wb");
	if (!file || fwrite(world->disk, 1, DISK_BYTES, file) != DISK_BYTES ||
	    fwrite(data, 1, size, file) != size || fclose(file))
		die(name, "cannot be written");
	cbx_buffer_free(world->machine, data);
	world_free(world);
	return 0;
}

static int go_on(const struct cbx_image *rom, const char *name, char **more)
{
	struct world *world = world_new(rom);
	size_t size;
	uint8_t *bytes = load(name, &size);

	if (size <= DISK_BYTES)
		die(name, "too short");
	memcpy(world->disk, bytes, DISK_BYTES);
	if (cbx_snapshot_load(world->machine, bytes + DISK_BYTES, size - DISK_BYTES))
		die(name, cbx_machine_error(world->machine));
	free(bytes);
	for (; *more; more++) {
		uint64_t count = strtoull(*more, NULL, 0);

		printf("%llu %016llx\n", (unsigned long long)count,
		       (unsigned long long)run_to(world, count));
	}
	world_free(world);
	return 0;
}

int main(int argc, char **argv)
{
	struct cbx_image rom;
	const char *verb = argc > 2 ? argv[2] : "";
	int result = 0;

	if (argc < 3)
		die("usage", "golden GUEST.ROM check LIST | record | save FILE COUNT | load FILE COUNT...");
	rom.bytes = load(argv[1], &rom.size);
	if (!strcmp(verb, "record") && argc == 3)
		result = record(&rom);
	else if (!strcmp(verb, "check") && argc == 4)
		result = check(&rom, argv[3]);
	else if (!strcmp(verb, "save") && argc == 5)
		result = save(&rom, argv[3], strtoull(argv[4], NULL, 0));
	else if (!strcmp(verb, "load") && argc > 4)
		result = go_on(&rom, argv[3], argv + 4);
	else
		die(verb, "check LIST, record, save FILE COUNT or load FILE COUNT...");
	free((void *)(uintptr_t)rom.bytes);
	return result;
}
