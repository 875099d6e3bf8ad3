/*
 * What a history costs: the same guest runs alternately without and with one, in one process, and
 * then goes back from the end of the run in several ways.
 *
 * usage: history_speed [-n INSTRUCTIONS] [-rounds N] [-history MiB] [-m MiB] [-hda F]
 *                      [-kernel F -initrd F -append S] [-cpu MODEL]
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <clearbox/clearbox.h>

static double cpu_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "history_speed: %s: %s\n", what, why);
	exit(2);
}

static struct cbx_image load(const char *name)
{
	FILE *file = fopen(name, "rb");
	struct cbx_image image = { NULL, 0 };
	char *bytes;
	long size = 0;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
		die(name, "cannot be read");
	rewind(file);
	bytes = malloc((size_t)size + 1);
	if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size)
		die(name, "cannot be read");
	fclose(file);
	image.bytes = bytes;
	image.size = (size_t)size;
	return image;
}

static struct cbx_image disk;

static enum cbx_status disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	memcpy(bytes, (const char *)user + offset, count);
	return CBX_OK;
}

static enum cbx_status disk_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	memcpy((char *)user + offset, bytes, count);
	return CBX_OK;
}

static struct cbx_machine *machine_new(struct cbx_pc_options *options)
{
	struct cbx_machine *machine;
	struct cbx_error error;
	char *copy;

	if (disk.bytes) {
		copy = malloc(disk.size);
		if (!copy)
			die("memory", "none is left");
		memcpy(copy, disk.bytes, disk.size);
		options->ide[0].present = true;
		options->ide[0].disk = (struct cbx_disk_backend){
			.bytes = disk.size, .read = disk_read, .write = disk_write, .user = copy
		};
	}
	if (cbx_pc_new(options, &machine, &error))
		die("the machine", error.text);
	return machine;
}

/* The run's CPU time; slices as a program makes them. */
static double run(struct cbx_machine *machine, uint64_t instructions)
{
	uint64_t end = cbx_instruction_count(machine) + instructions;
	double start = cpu_seconds();

	while (cbx_instruction_count(machine) < end) {
		struct cbx_run_options options = { .size = sizeof(options) };
		struct cbx_stop stop;

		options.instructions = end - cbx_instruction_count(machine);
		if (options.instructions > 1000000)
			options.instructions = 1000000;
		if (cbx_run(machine, &options, &stop))
			die("run", cbx_machine_error(machine));
		if (stop.reason != CBX_STOP_LIMIT)
			break;
	}
	return cpu_seconds() - start;
}

static void info(struct cbx_machine *machine, struct cbx_history_info *info)
{
	info->size = sizeof(*info);
	if (cbx_history_info(machine, info))
		die("history", "there is none");
}

static void back(struct cbx_machine *machine, const struct cbx_history_info *at)
{
	double start, worst = 0, first = 0, sum = 0;
	uint64_t seed = 1;

	for (unsigned i = 0; i < 50; i++) {
		double time;

		start = cpu_seconds();
		if (cbx_reverse_step(machine, NULL))
			die("reverse step", cbx_machine_error(machine));
		time = cpu_seconds() - start;
		first = i ? first : time;
		worst = time > worst ? time : worst;
		sum += time;
	}
	printf("reverse steps near the present: the first %.1f ms, the slowest %.1f ms, %.1f ms on average\n",
	       first * 1e3, worst * 1e3, sum / 50 * 1e3);
	worst = sum = 0;
	for (unsigned i = 0; i < 20; i++) {
		double time;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		if (cbx_rewind_to(machine, at->last))
			die("rewind", cbx_machine_error(machine));
		start = cpu_seconds();
		if (cbx_rewind_to(machine, at->first + (seed >> 20) % (at->last - at->first)) ||
		    cbx_reverse_step(machine, NULL))
			die("rewind", cbx_machine_error(machine));
		time = cpu_seconds() - start;
		worst = time > worst ? time : worst;
		sum += time;
	}
	printf("to a moment anywhere and a step back: at most %.0f ms, %.0f ms on average\n", worst * 1e3,
	       sum / 20 * 1e3);
	start = cpu_seconds();
	if (cbx_rewind_to(machine, at->last))
		die("rewind", cbx_machine_error(machine));
	printf("back to the present: %.0f ms\n", (cpu_seconds() - start) * 1e3);
}

int main(int argc, char **argv)
{
	struct cbx_pc_options options = { .size = sizeof(options) };
	uint64_t instructions = 200000000, budget = 256, hash;
	struct cbx_machine *plain, *kept;
	struct cbx_history_info at;
	double without = 0, with = 0;
	unsigned rounds = 10;

	options.machine.memory_bytes = (uint64_t)64 << 20;
	for (int n = 1; n + 1 < argc; n += 2) {
		const char *value = argv[n + 1];

		if (!strcmp(argv[n], "-n"))
			instructions = strtoull(value, NULL, 0);
		else if (!strcmp(argv[n], "-rounds"))
			rounds = (unsigned)strtoul(value, NULL, 0);
		else if (!strcmp(argv[n], "-history"))
			budget = strtoull(value, NULL, 0);
		else if (!strcmp(argv[n], "-m"))
			options.machine.memory_bytes = strtoull(value, NULL, 0) << 20;
		else if (!strcmp(argv[n], "-cpu"))
			options.machine.cpu = value;
		else if (!strcmp(argv[n], "-append"))
			options.kernel_command_line = value;
		else if (!strcmp(argv[n], "-kernel"))
			options.kernel = load(value);
		else if (!strcmp(argv[n], "-initrd"))
			options.initrd = load(value);
		else if (!strcmp(argv[n], "-hda"))
			disk = load(value);
		else
			die(argv[n], "no such option");
	}
	if (!rounds || instructions < rounds)
		die("-n, -rounds", "too few");
	plain = machine_new(&options);
	kept = machine_new(&options);
	if (cbx_history_enable(kept, budget << 20))
		die("history", cbx_machine_error(kept));
	for (unsigned i = 0; i < rounds; i++) {
		double a = run(plain, instructions / rounds), b = run(kept, instructions / rounds);

		without += a;
		with += b;
		info(kept, &at);
		printf("%5.0f million: %.2f s without, %.2f s with (%+.1f per cent); %u checkpoints, %llu MiB\n",
		       (double)cbx_instruction_count(kept) / 1e6, a, b, (b / a - 1) * 100,
		       at.checkpoints, (unsigned long long)at.bytes >> 20);
		fflush(stdout);
	}
	hash = cbx_state_hash(plain);
	printf("in all %.2f s without, %.2f s with: %+.1f per cent\n", without, with,
	       (with / without - 1) * 100);
	if (hash != cbx_state_hash(kept))
		die("hash", "the machine with a history is in another state");
	printf("the history: from %llu to %llu, %u checkpoints, %llu of %llu MiB\n",
	       (unsigned long long)at.first, (unsigned long long)at.last, at.checkpoints,
	       (unsigned long long)at.bytes >> 20, (unsigned long long)at.budget >> 20);
	back(kept, &at);
	if (hash != cbx_state_hash(kept))
		die("hash", "the present is another one after the way back");
	cbx_machine_free(plain);
	cbx_machine_free(kept);
	return 0;
}
