/*
 * What a fork costs: a PC runs a guest for a while, then is forked many times.
 *
 * usage: fork_speed [-n INSTRUCTIONS] [-forks N] [-m MiB] [-hda F] [-kernel F -initrd F -append S]
 *
 * Prints the times of the first and of the median fork, of freeing one, and of a fork's first
 * instruction; and the bytes that a fork takes before it has written anything.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <clearbox/clearbox.h>

#include "../shared/heap.h"

static struct heap heap;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static struct cbx_image load(const char *name)
{
	FILE *file = fopen(name, "rb");
	struct cbx_image image = { NULL, 0 };
	char *bytes;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0) {
		perror(name);
		exit(2);
	}
	rewind(file);
	bytes = malloc((size_t)size + 1);
	if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size)
		exit(2);
	fclose(file);
	image.bytes = bytes;
	image.size = (size_t)size;
	return image;
}

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

static void run(struct cbx_machine *machine, uint64_t instructions)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = instructions };
	struct cbx_stop stop;

	if (cbx_run(machine, &options, &stop))
		exit(2);
}

int main(int argc, char **argv)
{
	struct cbx_pc_options options = { .size = sizeof(options) };
	uint64_t instructions = 20000000, before;
	struct cbx_machine *machine, *fork;
	unsigned forks = 200;
	struct cbx_image disk;
	struct cbx_error error;
	double *times, *frees, *firsts, start;
	bool count = false;

	options.machine.memory_bytes = (uint64_t)256 << 20;
	for (int n = 1; n + 1 < argc; n += 2) {
		const char *value = argv[n + 1];

		if (!strcmp(argv[n], "-n")) {
			instructions = strtoull(value, NULL, 0);
		} else if (!strcmp(argv[n], "-forks")) {
			forks = (unsigned)strtoul(value, NULL, 0);
		} else if (!strcmp(argv[n], "-m")) {
			options.machine.memory_bytes = strtoull(value, NULL, 0) << 20;
		} else if (!strcmp(argv[n], "-count")) {
			count = true;
		} else if (!strcmp(argv[n], "-append")) {
			options.kernel_command_line = value;
		} else if (!strcmp(argv[n], "-kernel")) {
			options.kernel = load(value);
		} else if (!strcmp(argv[n], "-initrd")) {
			options.initrd = load(value);
		} else if (!strcmp(argv[n], "-hda")) {
			disk = load(value);
			options.ide[0].present = true;
			options.ide[0].disk = (struct cbx_disk_backend){
				.bytes = disk.size, .read = disk_read, .write = disk_write,
				.user = (void *)(uintptr_t)disk.bytes
			};
		} else {
			fprintf(stderr, "%s: no such option\n", argv[n]);
			return 2;
		}
	}
	if (count) {
		options.machine.reallocate = heap_reallocate;
		options.machine.user = &heap;
	}
	times = calloc(3 * (size_t)forks, sizeof(*times));
	if (!forks || !times || cbx_pc_new(&options, &machine, &error))
		return 2;
	frees = times + forks;
	firsts = frees + forks;
	run(machine, instructions);
	before = heap.allocated;
	for (unsigned i = 0; i < forks; i++) {
		start = now();
		if (cbx_fork(machine, NULL, &fork, &error)) {
			fprintf(stderr, "%s\n", error.text);
			return 1;
		}
		times[i] = now() - start;
		if (!i && count)
			printf("a fork takes %llu KiB\n",
			       (unsigned long long)(heap.allocated - before) >> 10);
		start = now();
		run(fork, 1);
		firsts[i] = now() - start;
		start = now();
		cbx_machine_free(fork);
		frees[i] = now() - start;
	}
	printf("first fork %.0f us", times[0]);
	qsort(times, forks, sizeof(*times), compare);
	qsort(frees, forks, sizeof(*frees), compare);
	qsort(firsts, forks, sizeof(*firsts), compare);
	printf(", median %.0f us, nine in ten below %.0f us; its first instruction %.0f us; "
	       "freeing it %.0f us\n", times[forks / 2], times[forks * 9 / 10], firsts[forks / 2],
	       frees[forks / 2]);
	cbx_machine_free(machine);
	free(times);
	return 0;
}
