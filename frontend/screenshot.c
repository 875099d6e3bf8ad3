/* The screen as a PNG or PPM picture, and as text. */
#include "screenshot.h"
#include "complain.h"
#include "output_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <clearbox/screen.h>

#ifdef HAVE_PNG
#include <png.h>
#endif

static bool fail(const char *name, const char *why)
{
	complain("%s: %s; the screen is not saved there", name, why);
	return false;
}

static bool close_file(const char *name, FILE *file, bool good)
{
	if (ferror(file))
		good = false;
	if (file == stdout ? fflush(file) : fclose(file))
		good = false;
	return good || fail(name, strerror(errno ? errno : EIO));
}

static bool write_ppm(FILE *file, const uint8_t *rgb, unsigned width, unsigned height)
{
	fprintf(file, "P6\n%u %u\n255\n", width, height);
	return fwrite(rgb, (size_t)width * 3, height, file) == height;
}

static bool write_png(FILE *file, const uint8_t *rgb, unsigned width, unsigned height)
{
#ifdef HAVE_PNG
	png_image image;

	memset(&image, 0, sizeof(image));
	image.version = PNG_IMAGE_VERSION;
	image.width = width;
	image.height = height;
	image.format = PNG_FORMAT_RGB;
	return png_image_write_to_stdio(&image, file, 0, rgb, 0, NULL) != 0;
#else
	return write_ppm(file, rgb, width, height);
#endif
}

bool screenshot_write(struct cbx_machine *machine, const char *name)
{
	size_t length = strlen(name), count;
	struct cbx_screen screen;
	uint32_t *pixels;
	uint8_t *rgb;
	bool good;
	FILE *file;

	if (cbx_screen_info(machine, &screen))
		return fail(name, "this machine has no screen");
	count = (size_t)screen.width * screen.height;
	pixels = malloc(count * (sizeof(*pixels) + 3));
	if (!pixels)
		return fail(name, "no memory");
	rgb = (uint8_t *)(pixels + count);
	if (cbx_screen_render(machine, pixels, screen.width, screen.height)) {
		free(pixels);
		return fail(name, "it cannot be drawn");
	}
	for (size_t i = 0; i < count; i++) {
		rgb[3 * i] = (uint8_t)(pixels[i] >> 16);
		rgb[3 * i + 1] = (uint8_t)(pixels[i] >> 8);
		rgb[3 * i + 2] = (uint8_t)pixels[i];
	}
	errno = 0;
	file = output_file(name);
	if (!file) {
		free(pixels);
		return fail(name, output_problem(errno));
	}
	if (length > 4 && !strcasecmp(name + length - 4, ".ppm"))
		good = write_ppm(file, rgb, screen.width, screen.height);
	else
		good = write_png(file, rgb, screen.width, screen.height);
	free(pixels);
	return close_file(name, file, good);
}

bool screen_text_write(struct cbx_machine *machine, const char *name)
{
	struct cbx_screen screen;
	char *text = NULL;
	size_t size;
	FILE *file;

	if (cbx_screen_info(machine, &screen))
		return fail(name, "this machine has no screen");
	if (screen.text) {
		size = ((size_t)screen.columns * 3 + 1) * screen.rows + 1;
		text = malloc(size);
		if (!text || cbx_screen_text(machine, text, size)) {
			free(text);
			return fail(name, "no memory");
		}
	}
	errno = 0;
	file = strcmp(name, "-") ? output_file(name) : stdout;
	if (!file) {
		free(text);
		return fail(name, output_problem(errno));
	}
	if (text)
		fputs(text, file);
	free(text);
	return close_file(name, file, true);
}
