/* A test of a boot by its picture: waits for the prompt, hashes the screen, writes it as a PPM. */
#include <clearbox/clearbox.h>
#include <stdio.h>
#include <stdlib.h>

static int write_ppm(struct cbx_machine *machine, const char *name)
{
	struct cbx_screen screen;
	uint32_t *pixels;
	FILE *file;

	cbx_screen_info(machine, &screen);
	pixels = calloc((size_t)screen.width * screen.height, sizeof(*pixels));
	file = fopen(name, "wb");
	if (!pixels || !file || cbx_screen_render(machine, pixels, screen.width, screen.height))
		return 1;
	fprintf(file, "P6 %u %u 255\n", screen.width, screen.height);
	for (size_t n = 0; n < (size_t)screen.width * screen.height; n++) {
		fputc((int)(pixels[n] >> 16 & 255), file);
		fputc((int)(pixels[n] >> 8 & 255), file);
		fputc((int)(pixels[n] & 255), file);
	}
	free(pixels);
	return fclose(file);
}

int main(int argc, char **argv)
{
	uint64_t hashes[2] = { 0, 0 };

	for (int n = 0; n < 2; n++) {
		struct cbx_pc_options pc = { .size = sizeof(pc) };      /* no disk: the built-in guest */
		struct cbx_machine *machine;

		if (cbx_pc_new(&pc, &machine, NULL))
			return 1;
		if (cbx_expect_screen(machine, "Clearbox", 20000000000u, NULL) ||
		    cbx_screen_hash(machine, &hashes[n])) {
			fprintf(stderr, "the text did not come\n");
			return 1;
		}
		if (argc > 1 && write_ppm(machine, argv[1]))
			return 1;
		cbx_machine_free(machine);
	}
	puts(hashes[0] == hashes[1] ? "the same picture twice" : "pictures differ");
	return hashes[0] != hashes[1];
}
