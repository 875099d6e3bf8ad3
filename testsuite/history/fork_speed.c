/*
 * What a fork costs: a PC runs a guest for a while, then is forked many times.
 *
 * usage: fork_speed [-n INSTRUCTIONS] [-until TEXT] [-save F | -load F] [-forks N] [-m MiB]
 *                   [-hda F] [-kernel F -initrd F -append S] [-count yes]
 *
 * Prints the times of the first and of the median fork, of freeing one, and of a fork's first
 * 1000 instructions; the page faults of the host in the first of each; and with -count the bytes that
 * a fork takes before it has written anything.  -until waits for text on the first serial port, for
 * at most as many instructions; -load takes the state that -save left, of the same machine, and
 * runs nothing.  testsuite/speed/forks.py measures first forks, each in a process of its own.
 */
#define _XOPEN_SOURCE 700

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

static long page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
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

/* What the first serial port said, as far as it fits. */
struct serial {
	char text[1 << 20];
	size_t length;
};

static void serial_write(void *user, uint8_t byte)
{
	struct serial *serial = user;

	if (byte && serial->length < sizeof(serial->text) - 1)
		serial->text[serial->length++] = (char)byte;
}

static void run_until(struct cbx_machine *machine, uint64_t instructions, const char *text,
		      const struct serial *serial)
{
	enum { SLICE = 5000000 };

	for (size_t seen = 0; !strstr(serial->text + seen, text); instructions -= SLICE) {
		seen = serial->length > strlen(text) ? serial->length - strlen(text) : 0;
		if (instructions < SLICE) {
			fprintf(stderr, "the guest never said %s\n", text);
			exit(1);
		}
		run(machine, SLICE);
	}
}

static void save(struct cbx_machine *machine, const char *name)
{
	FILE *file = fopen(name, "wb");
	void *data;
	size_t size;

	if (!file || cbx_snapshot_save(machine, &data, &size) ||
	    fwrite(data, 1, size, file) != size || fclose(file)) {
		perror(name);
		exit(2);
	}
	cbx_buffer_free(machine, data);
}

static void restore(struct cbx_machine *machine, const char *name)
{
	struct cbx_image image = load(name);

	if (cbx_snapshot_load(machine, image.bytes, image.size)) {
		fprintf(stderr, "%s: %s\n", name, cbx_machine_error(machine));
		exit(2);
	}
	free((void *)(uintptr_t)image.bytes);
}

int main(int argc, char **argv)
{
	struct cbx_pc_options options = { .size = sizeof(options) };
	const char *until = NULL, *to = NULL, *from = NULL;
	uint64_t instructions = 20000000, before;
	static struct serial serial;
	long faults[3] = { 0 };
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
		} else if (!strcmp(argv[n], "-until")) {
			until = value;
		} else if (!strcmp(argv[n], "-save")) {
			to = value;
		} else if (!strcmp(argv[n], "-load")) {
			from = value;
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
	options.serial[0] = (struct cbx_character_backend){ serial_write, &serial };
	times = calloc(3 * (size_t)forks, sizeof(*times));
	if (!forks || !times || cbx_pc_new(&options, &machine, &error))
		return 2;
	frees = times + forks;
	firsts = frees + forks;
	if (from)
		restore(machine, from);
	else if (until)
		run_until(machine, instructions, until, &serial);
	else
		run(machine, instructions);
	if (to) {
		save(machine, to);
		return 0;
	}
	before = heap.allocated;
	for (unsigned i = 0; i < forks; i++) {
		if (!i)
			faults[0] = page_faults();
		start = now();
		if (cbx_fork(machine, NULL, &fork, &error)) {
			fprintf(stderr, "%s\n", error.text);
			return 1;
		}
		times[i] = now() - start;
		if (!i)
			faults[1] = page_faults();
		if (!i && count)
			printf("a fork takes %llu KiB\n",
			       (unsigned long long)(heap.allocated - before) >> 10);
		start = now();
		run(fork, 1000);
		firsts[i] = now() - start;
		if (!i)
			faults[2] = page_faults();
		start = now();
		cbx_machine_free(fork);
		frees[i] = now() - start;
	}
	printf("first fork %.1f us, %ld page faults; its first 1000 instructions %.1f us, %ld page faults\n",
	       times[0], faults[1] - faults[0], firsts[0], faults[2] - faults[1]);
	if (forks == 1)
		goto done;
	qsort(times, forks, sizeof(*times), compare);
	qsort(frees, forks, sizeof(*frees), compare);
	qsort(firsts, forks, sizeof(*firsts), compare);
	printf("median fork %.1f us, nine in ten below %.1f us; its first 1000 instructions %.1f us; "
	       "freeing it %.1f us\n", times[forks / 2], times[forks * 9 / 10], firsts[forks / 2],
	       frees[forks / 2]);
done:
	cbx_machine_free(machine);
	free(times);
	return 0;
}
