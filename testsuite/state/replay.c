/*
 * Determinism on a whole PC: the same guest is run straight through, with saves and loads
 * into fresh machines at random points, with tiny caches, with blocks of one instruction,
 * in slices of random length, and with random hooks, breakpoints and watchpoints that come and
 * go.  All must agree on the state hash at the same counts.
 *
 * usage: replay [-from COUNT] [-n INSTRUCTIONS] [-rounds N] [-seed S] [-m MiB] [-cpu MODEL] [-hda F]
 *               [-bios F] [-kernel F -initrd F -append S] [-only VARIANT]
 * VARIANT: save, caches, single, slices, hooks; several with commas between them
 * -from: what comes before is run once, and the state at that count is loaded into each machine
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clearbox/clearbox.h>

#include "../shared/bytes_disk.h"

struct file {
	uint8_t *bytes;
	size_t size;
};

static struct cbx_pc_options options = { .size = sizeof(options) };
static struct file disk;
static uint64_t seed = 1;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "replay: %s: %s\n", what, why);
	exit(2);
}

static struct file load(const char *name)
{
	FILE *file = fopen(name, "rb");
	struct file result = { NULL, 0 };
	long size = 0;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
		die(name, "cannot be read");
	rewind(file);
	result.size = (size_t)size;
	result.bytes = malloc(result.size + 1);
	if (!result.bytes || fread(result.bytes, 1, result.size, file) != result.size)
		die(name, "cannot be read");
	fclose(file);
	return result;
}

/* Each machine has a private copy of the disk: what is written is state of the guest's world. */
struct world {
	struct cbx_machine *machine;
	uint8_t *disk;
};

static uint64_t random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void hear(void *user, const int16_t *samples, size_t frames)
{
	(void)user;
	(void)samples;
	(void)frames;
}

static struct world *world_new(const struct world *like, bool small_caches, bool single)
{
	struct world *world = calloc(1, sizeof(*world));
	struct cbx_pc_options mine = options;
	struct cbx_error error;

	if (!world)
		die("memory", "none is left");
	mine.machine.small_caches = small_caches;
	mine.machine.single_step_blocks = single;
	/* Whether somebody listens to the sound makes no difference. */
	mine.sound_card.present = true;
	if (random64() & 1)
		mine.sound.play = hear;
	if (disk.bytes) {
		world->disk = malloc(disk.size);
		if (!world->disk)
			die("memory", "none is left");
		memcpy(world->disk, like ? like->disk : disk.bytes, disk.size);
		mine.ide[0].present = true;
		mine.ide[0].disk = (struct cbx_disk_backend){
			.bytes = disk.size, .read = bytes_disk_read, .write = bytes_disk_write, .user = world->disk
		};
	}
	if (cbx_pc_new(&mine, &world->machine, &error))
		die("the machine", error.text);
	return world;
}

static void world_free(struct world *world)
{
	cbx_machine_free(world->machine);
	free(world->disk);
	free(world);
}

static void run_to(struct world *world, uint64_t count)
{
	while (cbx_instruction_count(world->machine) < count) {
		struct cbx_run_options run = { .size = sizeof(run) };
		struct cbx_stop stop;

		run.instructions = count - cbx_instruction_count(world->machine);
		if (cbx_run(world->machine, &run, &stop))
			die("run", cbx_machine_error(world->machine));
		if (stop.reason != CBX_STOP_LIMIT && stop.reason < CBX_STOP_BREAKPOINT) {
			fprintf(stderr, "replay: stopped for reason %d at %llu: %s\n", stop.reason,
				(unsigned long long)cbx_instruction_count(world->machine),
				stop.detail);
			exit(2);
		}
	}
}

/* ---- Hooks that look and do not touch --------------------------------------------------------- */

enum { HOOKS = 12 };
static unsigned hook_id[HOOKS];
static bool hook_is_breakpoint[HOOKS];
static uint64_t hook_calls[CBX_HOOK_KINDS];

static void change_hooks(struct cbx_machine *machine);

static enum cbx_hook_action hook_called(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	uint64_t value;

	(void)user;
	hook_calls[event->kind]++;
	cbx_register_read(machine, CBX_RFLAGS, &value);
	cbx_memory_read(machine, event->linear & 0xfffff, &value, 1);
	if (random64() % 50000 == 0)
		change_hooks(machine);
	return random64() % 20000 ? CBX_HOOK_CONTINUE : CBX_HOOK_STOP;
}

static bool condition(void *user, struct cbx_machine *machine)
{
	(void)user;
	(void)machine;
	return random64() % 500 == 0;
}

/* Another hook, breakpoint or watchpoint, or none, in a random place of the list. */
static void change_hooks(struct cbx_machine *machine)
{
	unsigned n = (unsigned)(random64() % HOOKS);
	struct cbx_hook hook = { .size = sizeof(hook), .call = hook_called };
	struct cbx_breakpoint breakpoint = { .size = sizeof(breakpoint), .condition = condition };
	uint64_t rip = 0, base = 0, rsp = 0, near;

	if (hook_id[n] && (hook_is_breakpoint[n] ? cbx_breakpoint_remove(machine, hook_id[n])
						 : cbx_hook_remove(machine, hook_id[n])))
		die("hooks", "one cannot be removed");
	hook_id[n] = 0;
	if (random64() % 3 == 0)
		return;
	cbx_register_read(machine, CBX_RIP, &rip);
	cbx_register_read(machine, CBX_CS_BASE, &base);
	cbx_register_read(machine, CBX_RSP, &rsp);
	near = random64() % 2 ? (rip + base) & ~(uint64_t)4095 : rsp & ~(uint64_t)255;
	hook_is_breakpoint[n] = random64() % 3 == 0;
	if (hook_is_breakpoint[n]) {
		breakpoint.kind = (enum cbx_breakpoint_kind)(random64() % 4);
		breakpoint.address = near;
		breakpoint.length = 1 + random64() % 4096;
		breakpoint.physical = random64() % 4 == 0;
		if (near > UINT64_MAX - 8192 || cbx_breakpoint_add(machine, &breakpoint, &hook_id[n]))
			hook_id[n] = 0;
		return;
	}
	hook.kind = (enum cbx_hook_kind)(random64() % CBX_HOOK_KINDS);
	hook.after = hook.kind >= CBX_HOOK_READ && hook.kind <= CBX_HOOK_PORT_WRITE && random64() % 2;
	if (random64() % 2 && near < UINT64_MAX - 8192) {
		hook.first = near;
		hook.last = near + random64() % 8192;
	}
	hook.cpl_mask = random64() % 4 ? 0 : (uint8_t)(1 + random64() % 15);
	hook.physical = random64() % 4 == 0;
	if (cbx_hook_add(machine, &hook, &hook_id[n]))
		die("hooks", cbx_machine_error(machine));
}

static void without_hooks(struct cbx_machine *machine)
{
	for (unsigned n = 0; n < HOOKS; n++)
		if (hook_id[n])
			(void)(hook_is_breakpoint[n] ? cbx_breakpoint_remove(machine, hook_id[n])
						     : cbx_hook_remove(machine, hook_id[n]));
	memset(hook_id, 0, sizeof(hook_id));
}

/* What all begin with: power on, or the state at the count of -from. */
static struct {
	struct world *world;
	void *data;
	size_t size;
} beginning;

static struct world *begun(bool small_caches, bool single)
{
	struct world *world = world_new(beginning.world, small_caches, single);

	if (beginning.data && cbx_snapshot_load(world->machine, beginning.data, beginning.size))
		die("load", cbx_machine_error(world->machine));
	return world;
}

static struct world *moved(struct world *old)
{
	struct world *fresh = world_new(old, false, false);
	size_t size;
	void *data;

	if (cbx_snapshot_save(old->machine, &data, &size))
		die("save", cbx_machine_error(old->machine));
	if (cbx_snapshot_load(fresh->machine, data, size))
		die("load", cbx_machine_error(fresh->machine));
	if (cbx_state_hash(fresh->machine) != cbx_state_hash(old->machine)) {
		printf("FAILED: what was loaded has another hash than what was saved, at %llu\n",
		       (unsigned long long)cbx_instruction_count(old->machine));
		exit(1);
	}
	cbx_buffer_free(old->machine, data);
	world_free(old);
	return fresh;
}

/* Is the word one of the list's (NULL: of all)? */
static bool listed(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, word, length) && (!at[length] || at[length] == ','))
			return true;
	return !list;
}

int main(int argc, char **argv)
{
	uint64_t instructions = 20000000, from = 0, step, count;
	unsigned rounds = 10, round, failed = 0, i;
	const char *only = NULL;
	struct { const char *name; bool small_caches, single; } variants[] = {
		{ "save", false, false }, { "caches", true, false }, { "single", false, true },
		{ "slices", false, false }, { "hooks", false, false }, { "hooks", true, false }
	};
	uint64_t *hashes;
	struct world *world;
	struct file file;
	int n;

	options.machine.memory_bytes = (uint64_t)16 << 20;
	for (n = 1; n + 1 < argc; n += 2) {
		const char *value = argv[n + 1];

		if (!strcmp(argv[n], "-n"))
			instructions = strtoull(value, NULL, 0);
		else if (!strcmp(argv[n], "-from"))
			from = strtoull(value, NULL, 0);
		else if (!strcmp(argv[n], "-rounds"))
			rounds = (unsigned)strtoul(value, NULL, 0);
		else if (!strcmp(argv[n], "-seed"))
			seed = strtoull(value, NULL, 0) * 2 + 1;
		else if (!strcmp(argv[n], "-m"))
			options.machine.memory_bytes = strtoull(value, NULL, 0) << 20;
		else if (!strcmp(argv[n], "-cpu"))
			options.machine.cpu = value;
		else if (!strcmp(argv[n], "-append"))
			options.kernel_command_line = value;
		else if (!strcmp(argv[n], "-only"))
			only = value;
		else if (!strcmp(argv[n], "-hda"))
			disk = load(value);
		else if (!strcmp(argv[n], "-kernel") || !strcmp(argv[n], "-initrd") ||
			 !strcmp(argv[n], "-bios")) {
			struct cbx_image *image = argv[n][1] == 'k' ? &options.kernel :
						  argv[n][1] == 'i' ? &options.initrd : &options.bios;

			file = load(value);
			image->bytes = file.bytes;
			image->size = file.size;
		} else {
			die(argv[n], "no such option");
		}
	}
	if (n < argc)
		die(argv[n], "needs a value");
	step = rounds ? instructions / rounds : 0;
	hashes = calloc(rounds, sizeof(*hashes));
	if (!rounds || !step || !hashes)
		die("-n, -rounds", "too few");
	if (from) {
		beginning.world = world_new(NULL, false, false);
		run_to(beginning.world, from);
		if (cbx_snapshot_save(beginning.world->machine, &beginning.data, &beginning.size))
			die("save", cbx_machine_error(beginning.world->machine));
	}
	world = begun(false, false);
	for (round = 0; round < rounds; round++) {
		run_to(world, from + (round + 1) * step);
		hashes[round] = cbx_state_hash(world->machine);
	}
	world_free(world);
	for (i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		if (!listed(only, variants[i].name))
			continue;
		world = begun(variants[i].small_caches, variants[i].single);
		for (round = 0; round < rounds; round++) {
			count = from + round * step;
			if (!i) {
				run_to(world, count + random64() % step);
				world = moved(world);
			}
			while (i >= 4 && cbx_instruction_count(world->machine) < count + step) {
				uint64_t next = cbx_instruction_count(world->machine) + 1 +
						random64() % (step / 20);

				change_hooks(world->machine);
				run_to(world, next < count + step ? next : count + step);
				/* Mostly quickly on, without any. */
				if (random64() % 2)
					without_hooks(world->machine);
			}
			without_hooks(world->machine);
			while (i == 3 && cbx_instruction_count(world->machine) < count + step) {
				uint64_t next = cbx_instruction_count(world->machine) + 1 +
						random64() % 20000;

				run_to(world, next < count + step ? next : count + step);
			}
			run_to(world, count + step);
			if (cbx_state_hash(world->machine) == hashes[round])
				continue;
			printf("FAILED: %s differs between %llu and %llu instructions\n",
			       variants[i].name, (unsigned long long)count,
			       (unsigned long long)(count + step));
			failed++;
			break;
		}
		if (round == rounds)
			printf("ok: %s, hash %016llx after %llu instructions\n", variants[i].name,
			       (unsigned long long)hashes[rounds - 1],
			       (unsigned long long)(from + rounds * step));
		fflush(stdout);
		world_free(world);
	}
	for (n = 0; listed(only, "hooks") && n < CBX_HOOK_KINDS; n++)
		printf("%s%llu%s", n ? " " : "calls of hooks, by kind: ", (unsigned long long)hook_calls[n],
		       n == CBX_HOOK_KINDS - 1 ? "\n" : "");
	free(hashes);
	if (beginning.world) {
		cbx_buffer_free(beginning.world->machine, beginning.data);
		world_free(beginning.world);
	}
	return failed != 0;
}
