/*
 * The pictures of all video modes: runs the boot floppy of modes.asm, and holds what each mode shows to
 * a list of hashes, each of a picture that somebody has looked at.
 *
 * usage: modes FLOPPY LIST            checks; the last line says how many
 *        modes FLOPPY LIST -new       writes the list
 *        modes FLOPPY FOLDER -look    writes the pictures there, as .ppm
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clearbox/clearbox.h>

enum { MODES_MOST = 200, DOTS_MOST = 2560 * 1600 };

struct run {
	struct cbx_machine *machine;
	char name[40];
	unsigned length;
	bool ready;
	uint8_t *floppy;
	size_t bytes;
	uint32_t *pixels, *shown;
	uint8_t *changed;
	uint64_t version;
};

struct mode {
	char name[40];
	unsigned width, height, wide, high;
	uint64_t hash;
};

static enum cbx_status floppy_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	const struct run *run = user;

	memcpy(bytes, run->floppy + offset, count);
	return CBX_OK;
}

/* A line is the name of a mode whose pattern is ready. */
static void debug_write(void *user, uint8_t byte)
{
	struct run *run = user;

	if (byte == '\n') {
		run->name[run->length] = 0;
		run->ready = true;
		cbx_request_stop(run->machine);
	} else if (run->length + 1 < sizeof(run->name)) {
		run->name[run->length++] = (char)byte;
	}
}

static bool load(struct run *run, const char *name)
{
	FILE *file = fopen(name, "rb");

	run->bytes = 1440 << 10;
	run->floppy = calloc(1, run->bytes);
	if (!file || !run->floppy || fread(run->floppy, 1, run->bytes, file) != run->bytes) {
		fprintf(stderr, "%s: no floppy of 1440 KiB\n", name);
		if (file)
			fclose(file);
		return false;
	}
	fclose(file);
	return true;
}

static bool next_mode(struct run *run)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 2000000000 };
	struct cbx_stop stop;

	run->ready = false;
	run->length = 0;
	while (!run->ready) {
		if (cbx_run(run->machine, &options, &stop) || stop.reason != CBX_STOP_REQUEST)
			break;
	}
	return run->ready;
}

/* The bytes red, green, blue of each dot, line by line. */
static uint64_t hash(const uint32_t *pixels, unsigned count)
{
	uint64_t value = UINT64_C(14695981039346656037);

	for (unsigned i = 0; i < count; i++)
		for (unsigned shift = 16; shift < 24; shift -= 8)
			value = (value ^ (pixels[i] >> shift & 255)) * UINT64_C(1099511628211);
	return value;
}

static bool look(struct run *run, struct mode *mode)
{
	struct cbx_screen screen;
	unsigned dots;

	if (cbx_screen_info(run->machine, &screen))
		return false;
	dots = screen.width * screen.height;
	if (!dots || dots > DOTS_MOST ||
	    cbx_screen_render(run->machine, run->pixels, screen.width, screen.height))
		return false;
	/* Drawing only what is new must give the same. */
	if (cbx_screen_update(run->machine, run->version, run->shown, screen.width, screen.height,
			      run->changed) ||
	    memcmp(run->pixels, run->shown, dots * sizeof(*run->pixels))) {
		fprintf(stderr, "%s: the lines that changed are not all\n", run->name);
		return false;
	}
	run->version = screen.version;
	snprintf(mode->name, sizeof(mode->name), "%s", run->name);
	mode->width = screen.width;
	mode->height = screen.height;
	mode->wide = screen.wide;
	mode->high = screen.high;
	mode->hash = hash(run->pixels, dots);
	return true;
}

static void write_picture(const struct run *run, const struct mode *mode, const char *folder)
{
	char name[300];
	FILE *file;

	snprintf(name, sizeof(name), "%s/%s.ppm", folder, mode->name);
	for (char *at = name + strlen(folder); *at; at++)
		if (*at == ' ')
			*at = '-';
	file = fopen(name, "wb");
	if (!file)
		return;
	fprintf(file, "P6\n%u %u\n255\n", mode->width, mode->height);
	for (unsigned i = 0; i < mode->width * mode->height; i++) {
		uint8_t rgb[3] = { (uint8_t)(run->pixels[i] >> 16), (uint8_t)(run->pixels[i] >> 8),
				   (uint8_t)run->pixels[i] };

		fwrite(rgb, 1, 3, file);
	}
	fclose(file);
}

static void mode_line(const struct mode *mode, char *line, size_t size)
{
	snprintf(line, size, "%-12s %4u x %4u %4u:%-4u %016" PRIx64 "\n", mode->name, mode->width, mode->height,
		 mode->wide, mode->high, mode->hash);
}

/* All modes; in the list's order, which is the floppy's. */
static int go_through(struct run *run, const char *list, const char *what)
{
	FILE *file = strcmp(what, "-look") ? fopen(list, strcmp(what, "-new") ? "r" : "w") : NULL;
	char line[200], expected[200];
	unsigned count = 0, wrong = 0;
	struct mode mode;
	size_t taken;

	if (!file && strcmp(what, "-look")) {
		fprintf(stderr, "%s: cannot be opened\n", list);
		return 1;
	}
	while (next_mode(run) && strcmp(run->name, "end") && count < MODES_MOST) {
		count++;
		if (!look(run, &mode)) {
			printf("%s: no picture\n", run->name);
			wrong++;
			continue;
		}
		mode_line(&mode, line, sizeof(line));
		if (!strcmp(what, "-look")) {
			write_picture(run, &mode, list);
		} else if (!strcmp(what, "-new")) {
			fputs(line, file);
		} else if (!fgets(expected, sizeof(expected), file) || strcmp(line, expected)) {
			printf("is:        %sshould be: %s", line, expected);
			wrong++;
		}
		cbx_serial_input(run->machine, 0, "", 1, &taken);
	}
	if (!strcmp(what, "") && strcmp(run->name, "end"))
		wrong++;
	if (file)
		fclose(file);
	printf("%u modes, %u wrong\n", count, wrong);
	return wrong || !count;
}

int main(int argc, char **argv)
{
	static struct run run;
	struct cbx_pc_options pc = { .size = sizeof(pc), .boot_order = "a" };
	struct cbx_error error;
	int result = 1;

	if (argc < 3 || !load(&run, argv[1]))
		return 2;
	pc.machine.memory_bytes = 16 << 20;
	pc.floppy[0] = (struct cbx_disk_backend){ .bytes = run.bytes, .read_only = true, .read = floppy_read,
						  .user = &run };
	pc.debug_console = (struct cbx_character_backend){ debug_write, &run };
	run.pixels = calloc(DOTS_MOST, sizeof(*run.pixels));
	run.shown = calloc(DOTS_MOST, sizeof(*run.shown));
	run.changed = calloc(1, 2048);
	if (!run.pixels || !run.shown || !run.changed || cbx_pc_new(&pc, &run.machine, &error)) {
		fprintf(stderr, "no memory\n");
	} else {
		result = go_through(&run, argv[2], argc > 3 ? argv[3] : "");
		cbx_machine_free(run.machine);
	}
	free(run.pixels);
	free(run.shown);
	free(run.changed);
	free(run.floppy);
	return result;
}
