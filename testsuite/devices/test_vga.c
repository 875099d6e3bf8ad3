/*
 * The video adapter: registers, memory against a model that works bit by bit, pictures
 * of known contents, and random registers.
 */
#include <stdlib.h>

#include "harness.h"
#include "pci.h"
#include "vga.h"

struct fixture {
	struct cbx_machine *machine;
	struct vga *vga;
};

static int setup(void **state)
{
	static struct fixture f;

	f.machine = fake_machine_new();
	assert_int_equal(vga_new(f.machine, NULL, 2, 1u << 20, &f.vga), CBX_OK);
	fake_reset(f.machine, CBX_RESET_POWER);
	fake_out(f.machine, 0x3c2, 0x67, 1);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fake_machine_free(((struct fixture *)*state)->machine);
	return 0;
}

static void set(struct cbx_machine *m, unsigned port, unsigned index, unsigned value)
{
	fake_out(m, port, index | value << 8, 2);
}

static unsigned get(struct cbx_machine *m, unsigned port, unsigned index)
{
	fake_out(m, port, index, 1);
	return fake_in(m, port + 1, 1);
}

static void set_attr(struct cbx_machine *m, unsigned index, unsigned value)
{
	fake_in(m, 0x3da, 1);
	fake_out(m, 0x3c0, index, 1);
	fake_out(m, 0x3c0, value, 1);
	fake_out(m, 0x3c0, 0x20, 1);
}

/* ---- Modes, as a BIOS sets them ----------------------------------------------------- */

struct mode {
	uint8_t misc, seq[5], crtc[25], gfx[9], attr_mode, pan;
};

/* Values computed from the timing: 80 x 25 text, 9 x 16 dots. */
static const struct mode text_80 = {
	0x67, { 3, 0, 3, 0, 2 },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c,
	  0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff },
	{ 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff }, 0x0c, 8
};
static const struct mode mode_13 = {
	0x63, { 3, 1, 15, 0, 14 },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e,
	  0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff },
	{ 0, 0, 0, 0, 0, 0x40, 5, 15, 0xff }, 0x41, 0
};
static const struct mode mode_12 = {
	0xe3, { 3, 1, 15, 0, 6 },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c,
	  0xdf, 0x28, 0, 0xe7, 0x04, 0xe3, 0xff },
	{ 0, 0, 0, 0, 0, 0, 5, 15, 0xff }, 1, 0
};
static const struct mode mode_4 = {
	0x63, { 3, 9, 3, 0, 2 },
	{ 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e,
	  0x8f, 0x14, 0, 0x96, 0xb9, 0xa2, 0xff },
	{ 0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff }, 1, 0
};

static void set_mode(struct cbx_machine *m, const struct mode *mode)
{
	fake_out(m, 0x3c2, mode->misc, 1);
	for (unsigned i = 0; i < 5; i++)
		set(m, 0x3c4, i, mode->seq[i]);
	set(m, 0x3d4, 0x11, 0);
	for (unsigned i = 0; i < 25; i++)
		set(m, 0x3d4, i, mode->crtc[i]);
	for (unsigned i = 0; i < 9; i++)
		set(m, 0x3ce, i, mode->gfx[i]);
	for (unsigned i = 0; i < 16; i++)
		set_attr(m, i, i);
	set_attr(m, 0x10, mode->attr_mode);
	set_attr(m, 0x12, 15);
	set_attr(m, 0x13, mode->pan);
	set_attr(m, 0x14, 0);
	fake_out(m, 0x3c6, 0xff, 1);
	fake_out(m, 0x3c8, 0, 1);
	for (unsigned i = 0; i < 256; i++) {
		fake_out(m, 0x3c9, i & 0x3f, 1);
		fake_out(m, 0x3c9, i >> 2, 1);
		fake_out(m, 0x3c9, (i * 7) & 0x3f, 1);
	}
}

static uint32_t colour(unsigned i)
{
	unsigned rgb[3] = { i & 0x3f, i >> 2, (i * 7) & 0x3f };

	for (unsigned c = 0; c < 3; c++)
		rgb[c] = rgb[c] << 2 | rgb[c] >> 4;
	return rgb[0] << 16 | rgb[1] << 8 | rgb[2];
}

/* Renders into a fresh buffer, so that the sanitizer sees a step beyond it. */
static uint32_t *render(struct fixture *f, struct cbx_screen *screen)
{
	uint32_t *pixels;

	vga_screen_info(f->vga, screen);
	pixels = malloc(sizeof(*pixels) * screen->width * screen->height);
	assert_non_null(pixels);
	assert_int_equal(vga_screen_render(f->vga, pixels, screen->width - 1, screen->height),
			 CBX_ERROR_ARGUMENT);
	assert_int_equal(vga_screen_render(f->vga, pixels, screen->width, screen->height), CBX_OK);
	return pixels;
}

/* ---- Registers ------------------------------------------------------------------------ */

static void test_registers(void **state)
{
	struct cbx_machine *m = ((struct fixture *)*state)->machine;
	static const uint8_t seq[8] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0 };

	for (unsigned i = 0; i < 8; i++) {
		set(m, 0x3c4, i, 0xff);
		assert_int_equal(get(m, 0x3c4, i), seq[i]);
		set(m, 0x3c4, i, 0);
		assert_int_equal(get(m, 0x3c4, i), 0);
	}
	for (unsigned i = 0; i < 9; i++) {
		set(m, 0x3ce, i, 0xa5);
		assert_int_equal(get(m, 0x3ce, i), i == 5 ? 0x21 : i == 8 ? 0xa5 : 5 & (i == 4 ? 3 : 15));
	}
	/* CRTC 0-7 under protection: only bit 4 of register 7 */
	set(m, 0x3d4, 3, 0x80);
	set(m, 0x3d4, 0x11, 0);
	for (unsigned i = 0; i < 8; i++)
		set(m, 0x3d4, i, 0x80 + i);
	set(m, 0x3d4, 0x11, 0x80);
	for (unsigned i = 0; i < 8; i++)
		set(m, 0x3d4, i, 0x7f);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(get(m, 0x3d4, i), i == 7 ? 0x97 : 0x80 + i);
	assert_int_equal(get(m, 0x3d4, 0x11), 0x80);
	set(m, 0x3d4, 0x11, 0);
	set(m, 0x3d4, 3, 0);
	set(m, 0x3d4, 0x10, 0x55);
	assert_int_equal(get(m, 0x3d4, 0x10), 0);       /* the light pen */
	set(m, 0x3d4, 0x0e, 0x55);
	assert_int_equal(get(m, 0x3d4, 0x0e), 0x55);
}

static void test_colour_and_mono(void **state)
{
	struct cbx_machine *m = ((struct fixture *)*state)->machine;

	set(m, 0x3d4, 0x0f, 0x12);
	assert_int_equal(fake_in(m, 0x3b5, 1), 0xff);
	set(m, 0x3b4, 0x0f, 0x34);
	assert_int_equal(get(m, 0x3d4, 0x0f), 0x12);
	fake_out(m, 0x3c2, 0x66, 1);
	assert_int_equal(fake_in(m, 0x3cc, 1), 0x66);
	assert_int_equal(fake_in(m, 0x3d5, 1), 0xff);
	assert_int_equal(fake_in(m, 0x3da, 1), 0xff);
	assert_int_equal(get(m, 0x3b4, 0x0f), 0x12);
	fake_out(m, 0x3ba, 3, 1);
	assert_int_equal(fake_in(m, 0x3ca, 1), 3);
}

static void test_attribute_flip_flop(void **state)
{
	struct cbx_machine *m = ((struct fixture *)*state)->machine;

	fake_in(m, 0x3da, 1);
	assert_int_equal(get(m, 0x3d4, 0x24), 0);
	fake_out(m, 0x3c0, 5, 1);
	assert_int_equal(get(m, 0x3d4, 0x24), 0x80);
	fake_out(m, 0x3c0, 0x7a, 1);
	assert_int_equal(fake_in(m, 0x3c1, 1), 0x3a);
	fake_out(m, 0x3c0, 0x26, 1);
	fake_in(m, 0x3da, 1);
	fake_out(m, 0x3c0, 0x25, 1);
	assert_int_equal(fake_in(m, 0x3c0, 1), 0x25);
	assert_int_equal(fake_in(m, 0x3c1, 1), 0x3a);
	assert_int_equal(get(m, 0x3d4, 0x26), 0x25);
}

static void test_dac(void **state)
{
	struct cbx_machine *m = ((struct fixture *)*state)->machine;

	fake_out(m, 0x3c8, 254, 1);
	assert_int_equal(fake_in(m, 0x3c7, 1), 0);
	for (unsigned i = 1; i <= 9; i++)
		fake_out(m, 0x3c9, i | 0x80, 1);
	assert_int_equal(fake_in(m, 0x3c8, 1), 1);      /* 254, 255, then 0 */
	fake_out(m, 0x3c7, 254, 1);
	assert_int_equal(fake_in(m, 0x3c7, 1), 3);
	for (unsigned i = 1; i <= 9; i++)
		assert_int_equal(fake_in(m, 0x3c9, 1), i);
	/* Two components alone change nothing. */
	fake_out(m, 0x3c8, 9, 1);
	fake_out(m, 0x3c9, 1, 1);
	fake_out(m, 0x3c9, 2, 1);
	fake_out(m, 0x3c7, 9, 1);
	assert_int_equal(fake_in(m, 0x3c9, 1), 0);
}

static void test_retrace(void **state)
{
	struct cbx_machine *m = ((struct fixture *)*state)->machine;
	unsigned displayed = 0, vertical = 0, frames = 0, last = 0;
	uint64_t first = 0, end = 0;

	set_mode(m, &text_80);
	for (unsigned i = 0; i < 100000; i++) {
		unsigned status = fake_in(m, 0x3da, 1);

		assert_true(!(status & 8) || status & 1);
		displayed += !(status & 1);
		vertical += status >> 3 & 1;
		if (status & 8 && !(last & 8)) {
			if (!frames++)
				first = fake_now(m);
			end = fake_now(m);
		}
		last = status;
		fake_advance(m, 1700);
	}
	/* 28.322 MHz / (900 x 449) = 70.09 Hz; 80 of 100 characters in 400 of 449 lines */
	assert_int_equal(frames, 11);
	assert_in_range((end - first) / 10, 14260000, 14275000);
	assert_in_range(displayed, 71500, 72800);
	assert_in_range(vertical, 350, 550);            /* two lines of 449 */
}

/* ---- Memory: a model of the data path, bit by bit ---------------------------------------- */

struct model {
	uint8_t plane[4][0x10000], latch[4];
	uint8_t seq_mask, seq_memory, set, enable, compare, rotate, map, mode, misc, care, bits;
};

static bool model_place(const struct model *d, uint32_t a, bool reading, unsigned *planes,
			unsigned *offset)
{
	*planes = 15;
	*offset = a;
	if (d->seq_memory & 8) {
		*planes = 1u << (a % 4);
		*offset = a / 4;
	} else {
		if (!reading && !(d->seq_memory & 4))
			*planes = a % 2 ? 8 + 2 : 4 + 1;
		if (d->misc & 2) {
			*offset = a / 2 * 2;
			if ((d->misc & 0x0c) == 0 && a >= 0x10000)
				*offset += 1;
		}
	}
	*offset %= 0x10000;
	return true;
}

static uint8_t model_read(struct model *d, uint32_t a)
{
	unsigned planes, n;
	uint8_t result = 0;

	model_place(d, a, true, &planes, &n);
	for (unsigned p = 0; p < 4; p++)
		d->latch[p] = d->plane[p][n];
	if (d->mode & 8) {
		for (unsigned b = 0; b < 8; b++) {
			bool same = true;

			for (unsigned p = 0; p < 4; p++)
				if (d->care >> p & 1 && (d->latch[p] >> b & 1) != (d->compare >> p & 1))
					same = false;
			result |= (uint8_t)(same << b);
		}
		return result;
	}
	if (d->seq_memory & 8)
		return d->latch[a % 4];
	if (d->mode & 0x10)
		return d->latch[(d->map & 2) + a % 2];
	return d->latch[d->map];
}

static void model_write(struct model *d, uint32_t a, uint8_t value)
{
	unsigned planes, n, r = d->rotate & 7;
	uint8_t turned = value;

	model_place(d, a, false, &planes, &n);
	while (r--)
		turned = (uint8_t)(turned / 2 + turned % 2 * 128);
	for (unsigned p = 0; p < 4; p++) {
		if (!(planes >> p & 1 & d->seq_mask >> p))
			continue;
		for (unsigned b = 0; b < 8; b++) {
			unsigned old = d->latch[p] >> b & 1, bit = 0;
			bool open = d->bits >> b & 1;

			switch (d->mode & 3) {
			case 0:
				bit = d->enable >> p & 1 ? d->set >> p & 1 : turned >> b & 1;
				break;
			case 1:
				bit = old;
				open = false;
				break;
			case 2:
				bit = value >> p & 1;
				break;
			case 3:
				bit = d->set >> p & 1;
				open = open && turned >> b & 1;
				break;
			}
			switch (d->rotate >> 3) {
			case 1:
				bit &= old;
				break;
			case 2:
				bit |= old;
				break;
			case 3:
				bit ^= old;
				break;
			}
			if (!open)
				bit = old;
			d->plane[p][n] = (uint8_t)((d->plane[p][n] & ~(1u << b)) | bit << b);
		}
	}
}

/* Random settings; one of the usual ones each other time. */
static void model_settings(struct model *d, struct cbx_machine *m, uint64_t *seed)
{
	uint64_t r = fake_random(seed);
	unsigned usual = (unsigned)(fake_random(seed) % 8);

	d->seq_mask = r & 15;
	d->seq_memory = r >> 4 & 14;
	d->set = r >> 8 & 15;
	d->enable = r >> 12 & 15;
	d->compare = r >> 16 & 15;
	d->rotate = r >> 20 & 31;
	d->map = r >> 25 & 3;
	d->mode = r >> 27 & 0x1b;
	d->misc = r >> 32 & 15;
	d->care = r >> 36 & 15;
	d->bits = r >> 40 & 255;
	if (usual < 4) {
		d->enable = 0;
		d->rotate = 0;
		d->bits = 255;
		d->mode = 0x10;
		d->map = r & 1;
		d->misc = usual & 1 ? 0x0e : 0x0a;
		d->seq_memory = 2;
		d->seq_mask = 3;
	}
	if (usual == 2 || usual == 3) {
		d->mode = 0;
		d->misc = usual == 3 ? 5 : 1;
		d->seq_memory = 14;
		d->seq_mask = 15;
	}
	set(m, 0x3c4, 2, d->seq_mask);
	set(m, 0x3c4, 4, d->seq_memory);
	set(m, 0x3ce, 0, d->set);
	set(m, 0x3ce, 1, d->enable);
	set(m, 0x3ce, 2, d->compare);
	set(m, 0x3ce, 3, d->rotate);
	set(m, 0x3ce, 4, d->map);
	set(m, 0x3ce, 5, d->mode);
	set(m, 0x3ce, 6, d->misc);
	set(m, 0x3ce, 7, d->care);
	set(m, 0x3ce, 8, d->bits);
}

static void test_memory(void **state)
{
	static const uint32_t base[4] = { 0xa0000, 0xa0000, 0xb0000, 0xb8000 };
	static const uint32_t size[4] = { 0x20000, 0x10000, 0x8000, 0x8000 };
	struct cbx_machine *m = ((struct fixture *)*state)->machine;
	struct model *d = calloc(1, sizeof(*d));
	uint64_t seed = 20;
	bool latched = false;

	assert_non_null(d);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned window, count = (unsigned)(fake_random(&seed) % 150);
		uint32_t near;

		model_settings(d, m, &seed);
		latched = false;
		window = d->misc >> 2;
		near = (uint32_t)fake_random(&seed) % 0x20000;
		for (unsigned i = 0; i < count; i++) {
			uint64_t r = fake_random(&seed);
			uint32_t a = (near + (uint32_t)(r >> 16 & 63)) % size[window];
			uint8_t value = (uint8_t)r;

			/* The RAM mappings do not load the latches: start from a known place. */
			if (!latched) {
				set(m, 0x3c4, 4, 6);
				set(m, 0x3ce, 6, 5);
				set(m, 0x3ce, 5, 0);
				set(m, 0x3c4, 2, 1);
				fake_mem_read(m, 0xa1234, 1);
				for (unsigned p = 0; p < 4; p++)
					d->latch[p] = d->plane[p][0x1234];
				set(m, 0x3c4, 4, d->seq_memory);
				set(m, 0x3ce, 6, d->misc);
				set(m, 0x3ce, 5, d->mode);
				set(m, 0x3c4, 2, d->seq_mask);
				latched = true;
			}
			if (r >> 32 & 1) {
				model_write(d, a, value);
				fake_mem_write(m, base[window] + a, value, 1);
			} else {
				assert_int_equal(model_read(d, a), fake_mem_read(m, base[window] + a, 1));
			}
		}
	}
	/* All planes through the plainest view. */
	set(m, 0x3c4, 4, 6);
	set(m, 0x3ce, 5, 0);
	set(m, 0x3ce, 6, 5);
	for (unsigned p = 0; p < 4; p++) {
		set(m, 0x3ce, 4, p);
		for (uint32_t n = 0; n < 0x10000; n++)
			assert_int_equal(fake_mem_read(m, 0xa0000 + n, 1), d->plane[p][n]);
	}
	free(d);
}

/* ---- Pictures ---------------------------------------------------------------------------- */

/* A font where each scan line's bits are made from the character and the line. */
static uint8_t font_bits(unsigned character, unsigned scan)
{
	return (uint8_t)(character * 11 + scan * 29);
}

static void load_font(struct cbx_machine *m, unsigned at)
{
	set(m, 0x3c4, 2, 4);
	set(m, 0x3c4, 4, 6);
	set(m, 0x3ce, 5, 0);
	set(m, 0x3ce, 6, 4);
	for (unsigned c = 0; c < 256; c++)
		for (unsigned scan = 0; scan < 32; scan++)
			fake_mem_write(m, 0xa0000 + at + c * 32 + scan, font_bits(c, scan), 1);
	set(m, 0x3c4, 2, 3);
	set(m, 0x3c4, 4, 2);
	set(m, 0x3ce, 5, 0x10);
	set(m, 0x3ce, 6, 0x0e);
}

static void test_text_picture(void **state)
{
	struct fixture *f = *state;
	struct cbx_machine *m = f->machine;
	struct cbx_screen screen;
	struct cbx_cell cells[2000];
	uint32_t *pixels;
	char text[3 * 2000 + 26];

	set_mode(m, &text_80);
	load_font(m, 0);
	for (unsigned i = 0; i < 2000; i++)
		fake_mem_write(m, 0xb8000 + 2 * i, (i & 0xff) | (i * 3 & 0x7f) << 8, 2);
	set(m, 0x3d4, 0x0e, 3);         /* the cursor at 0x355 = 853: row 10, column 53 */
	set(m, 0x3d4, 0x0f, 0x55);
	pixels = render(f, &screen);
	assert_true(screen.text && !screen.blank && screen.cursor_visible);
	assert_int_equal(screen.width, 720);
	assert_int_equal(screen.height, 400);
	assert_int_equal(screen.columns, 80);
	assert_int_equal(screen.rows, 25);
	assert_int_equal(screen.cursor_row, 10);
	assert_int_equal(screen.cursor_column, 53);
	for (unsigned y = 0; y < 400; y++) {
		for (unsigned x = 0; x < 720; x++) {
			unsigned i = y / 16 * 80 + x / 9, c = i & 255, a = i * 3 & 0x7f;
			bool lit = x % 9 < 8 ? font_bits(c, y % 16) >> (7 - x % 9) & 1 :
				   c >= 0xc0 && c < 0xe0 && font_bits(c, y % 16) & 1;

			if (i == 853 && (y % 16 == 13 || y % 16 == 14))
				lit = true;
			assert_int_equal(pixels[y * 720 + x], colour(lit ? a & 15 : a >> 4));
		}
	}
	free(pixels);

	assert_int_equal(vga_screen_cells(f->vga, cells, 1999), CBX_ERROR_ARGUMENT);
	assert_int_equal(vga_screen_cells(f->vga, cells, 2000), CBX_OK);
	assert_int_equal(cells[321].character, 321 & 255);
	assert_int_equal(cells[321].attribute, 321 * 3 & 0x7f);
	assert_int_equal(cells[321].foreground, colour(321 * 3 & 15));
	assert_int_equal(cells[321].background, colour(321 * 3 >> 4 & 7));

	for (unsigned i = 0; i < 2000; i++)
		fake_mem_write(m, 0xb8000 + 2 * i, 0x0720, 2);
	for (unsigned i = 0; i < 5; i++)
		fake_mem_write(m, 0xb8000 + 160 + 4 + 2 * i, (unsigned)"Gr\x81n\xcd"[i] & 0xff, 1);
	assert_int_equal(vga_screen_text(f->vga, text, sizeof(text)), CBX_OK);
	assert_string_equal(text, "\n  Gr\xc3\xbcn\xe2\x95\x90\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
	for (size_t size = 1; size < 20; size++)
		assert_int_equal(vga_screen_text(f->vga, text, size), CBX_OK);
}

/* The same bytes through the text window and through the planes. */
static void test_text_window(void **state)
{
	struct fixture *f = *state;
	struct cbx_machine *m = f->machine;

	set_mode(m, &text_80);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 0x8000; i++)
			fake_mem_write(m, 0xb8000 + i, (i * 13 + round) & 255, 1);
		set(m, 0x3c4, 4, 6);
		set(m, 0x3ce, 5, 0);
		set(m, 0x3ce, 6, 4);
		for (unsigned i = 0; i < 0x8000; i++) {
			set(m, 0x3ce, 4, i & 1);
			assert_int_equal(fake_mem_read(m, 0xa0000 + (i & ~1u), 1), (i * 13 + round) & 255);
		}
		set(m, 0x3c4, 4, 2);
		set(m, 0x3ce, 4, 0);
		set(m, 0x3ce, 5, 0x10);
		set(m, 0x3ce, 6, 0x0e);
		for (unsigned i = 0; i < 0x8000; i++)
			assert_int_equal(fake_mem_read(m, 0xb8000 + i, 1), (i * 13 + round) & 255);
		fake_reload(m);
	}
}

static void test_graphics_pictures(void **state)
{
	struct fixture *f = *state;
	struct cbx_machine *m = f->machine;
	struct cbx_screen screen;
	uint32_t *pixels;

	set_mode(m, &mode_13);
	for (unsigned i = 0; i < 64000; i++)
		fake_mem_write(m, 0xa0000 + i, i % 251, 1);
	pixels = render(f, &screen);
	assert_int_equal(screen.width, 640);
	assert_int_equal(screen.height, 400);
	assert_false(screen.text);
	for (unsigned y = 0; y < 400; y++)
		for (unsigned x = 0; x < 640; x++)
			assert_int_equal(pixels[y * 640 + x], colour((y / 2 * 320 + x / 2) % 251));
	free(pixels);

	/* Mode X, and a split screen at line 300 that shows memory from 0 */
	set(m, 0x3c4, 4, 6);
	set(m, 0x3d4, 0x14, 0);
	set(m, 0x3d4, 0x17, 0xe3);
	for (unsigned plane = 0; plane < 4; plane++) {
		set(m, 0x3c4, 2, 1u << plane);
		for (unsigned i = 0; i < 32000; i++)
			fake_mem_write(m, 0xa0000 + i, (i * 4 + plane) % 249, 1);
	}
	set(m, 0x3d4, 0x0c, 0x10);
	set(m, 0x3d4, 0x18, 299 & 255);
	set(m, 0x3d4, 7, 0x1f);
	set(m, 0x3d4, 9, 0x01);
	pixels = render(f, &screen);
	for (unsigned y = 0; y < 400; y++) {
		for (unsigned x = 0; x < 640; x++) {
			unsigned at = y < 300 ? 0x4000 + y / 2 * 320 : (y - 300) / 2 * 320;

			assert_int_equal(pixels[y * 640 + x], colour((at + x / 2) % 249));
		}
	}
	free(pixels);

	set_mode(m, &mode_12);
	for (unsigned i = 0; i < 38400; i++) {
		for (unsigned plane = 0; plane < 4; plane++) {
			set(m, 0x3c4, 2, 1u << plane);
			fake_mem_write(m, 0xa0000 + i, (i * 7 >> plane) & 255, 1);
		}
	}
	set_attr(m, 0x13, 3);           /* panned by three dots */
	pixels = render(f, &screen);
	assert_int_equal(screen.height, 480);
	for (unsigned y = 0; y < 480; y++) {
		for (unsigned x = 0; x < 640 - 3; x++) {
			unsigned i = (y * 640 + x + 3) / 8, bit = 7 - (x + 3) % 8, c = 0;

			for (unsigned plane = 0; plane < 4; plane++)
				c |= (i * 7 >> plane >> bit & 1) << plane;
			assert_int_equal(pixels[y * 640 + x], colour(c));
		}
	}
	free(pixels);

	set_mode(m, &mode_4);
	set_attr(m, 0x12, 3);
	for (unsigned i = 0; i < 0x4000; i++)
		fake_mem_write(m, 0xb8000 + i, (i * 37 + 5) & 255, 1);
	pixels = render(f, &screen);
	assert_int_equal(screen.width, 640);
	assert_int_equal(screen.height, 400);
	for (unsigned y = 0; y < 400; y++) {
		for (unsigned x = 0; x < 640; x++) {
			unsigned line = y / 2, dot = x / 2;
			unsigned i = (line & 1) * 0x2000 + line / 2 * 80 + dot / 4;

			assert_int_equal(pixels[y * 640 + x],
					 colour(((i * 37 + 5) & 255) >> (6 - dot % 4 * 2) & 3));
		}
	}
	free(pixels);
}

/* ---- VBE ------------------------------------------------------------------------------------ */

static void vbe(struct cbx_machine *m, unsigned index, unsigned value)
{
	fake_out(m, 0x1ce, index, 2);
	fake_out(m, 0x1cf, value, 2);
}

static unsigned vbe_get(struct cbx_machine *m, unsigned index)
{
	fake_out(m, 0x1ce, index, 2);
	return fake_in(m, 0x1cf, 2);
}

static void test_vbe(void **state)
{
	static const unsigned depths[] = { 8, 15, 16, 24, 32 };
	struct fixture *f = *state;
	struct cbx_machine *m = f->machine;
	struct cbx_screen screen;
	uint32_t *pixels;

	set_mode(m, &text_80);
	assert_int_equal(vbe_get(m, 0), 0xb0c5);
	assert_int_equal(vbe_get(m, 10), 16);
	vbe(m, 4, 2);
	assert_int_equal(vbe_get(m, 1), 2560);
	assert_int_equal(vbe_get(m, 2), 1600);
	assert_int_equal(vbe_get(m, 3), 32);
	for (unsigned d = 0; d < 5; d++) {
		unsigned bytes = (depths[d] + 7) / 8;

		vbe(m, 4, 0);
		vbe(m, 1, 320);
		vbe(m, 2, 200);
		vbe(m, 3, depths[d]);
		vbe(m, 4, 0x41);
		vbe(m, 1, 640);         /* not while it is on */
		assert_int_equal(vbe_get(m, 1), 320);
		assert_int_equal(vbe_get(m, 7), (1u << 20) / (320 * bytes));
		vbe(m, 6, 400);
		vbe(m, 8, 16);
		vbe(m, 9, 5);
		for (unsigned i = 0; i < 400 * 205 * bytes; i++) {
			if (i % 0x10000 == 0)
				vbe(m, 5, i >> 16);
			fake_mem_write(m, 0xa0000 + i % 0x10000, (i * 5 + 1) & 255, 1);
		}
		pixels = render(f, &screen);
		assert_int_equal(screen.width, 320);
		assert_int_equal(screen.height, 200);
		for (unsigned y = 0; y < 200; y++) {
			for (unsigned x = 0; x < 320; x++) {
				unsigned i = ((y + 5) * 400 + x + 16) * bytes, v = 0, r, g, b;
				uint32_t expected;

				for (unsigned k = 0; k < bytes; k++)
					v |= (((i + k) * 5 + 1) & 255) << 8 * k;
				r = v >> (depths[d] == 15 ? 10 : 11) & 31;
				g = depths[d] == 15 ? (v >> 5 & 31) * 2 + (v >> 9 & 1) : v >> 5 & 63;
				b = v & 31;
				expected = (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | b << 3 | b >> 2;
				if (depths[d] == 15)
					expected = (expected & 0xff00ff) | ((v >> 5 & 31) << 3 | (v >> 7 & 7)) << 8;
				if (depths[d] == 8)
					expected = colour(v);
				if (depths[d] >= 24)
					expected = v & 0xffffff;
				assert_int_equal(pixels[y * 320 + x], expected);
			}
		}
		free(pixels);
	}
	/* What does not fit is not switched on. */
	vbe(m, 4, 0);
	vbe(m, 1, 1024);
	vbe(m, 2, 768);
	vbe(m, 3, 32);
	vbe(m, 4, 1);
	assert_int_equal(vbe_get(m, 4), 0);
}

/* A mode begins black, and costs no more than what was drawn before it. */
static void test_vbe_clears(void **state)
{
	struct fixture *f = *state;
	struct cbx_machine *m = f->machine;
	struct cbx_screen screen;

	set_mode(m, &text_80);
	vbe(m, 1, 640);
	vbe(m, 2, 400);
	vbe(m, 3, 32);
	for (unsigned round = 0; round < 4; round++) {
		vbe(m, 4, 1);
		for (unsigned i = 0; i < 0x10000; i += 4)
			assert_int_equal(fake_mem_read(m, 0xa0000 + i, 4), 0);
		/* a picture between takes what is dirty */
		if (round & 1)
			free(render(f, &screen));
		for (unsigned i = 3; i < 0x10000; i += 0x3456)
			fake_mem_write(m, 0xa0000 + i, 0x77, 1);
		if (round & 2)
			free(render(f, &screen));
		vbe(m, 4, 0x81);        /* on already: nothing is cleared */
		assert_int_equal(fake_mem_read(m, 0xa0003, 1), 0x77);
		vbe(m, 4, 0);
		vbe(m, 4, 0x81);        /* not cleared, as asked */
		assert_int_equal(fake_mem_read(m, 0xa0003, 1), 0x77);
		vbe(m, 4, 0);
	}
	vbe(m, 4, 1);
	vbe(m, 4, 0);
	fake_ram_pages = 0;
	for (unsigned n = 0; n < 100; n++) {
		vbe(m, 4, 1);
		fake_mem_write(m, 0xa1000, 1, 1);
		vbe(m, 4, 0);
	}
	/* 250 pages are cleared, 97 are where text lies */
	assert_in_range(fake_ram_pages, 100, 100 * 100);
}

/* The widest line there is: VBE's, with 4 bits per pixel. */
static void test_vbe_planar(void **state)
{
	struct fixture *f = *state;
	struct cbx_machine *m = f->machine;
	struct cbx_screen screen;
	uint32_t *pixels;

	set_mode(m, &mode_12);
	vbe(m, 1, 2560);
	vbe(m, 2, 800);
	vbe(m, 3, 4);
	vbe(m, 4, 1);
	assert_int_equal(vbe_get(m, 4), 1);
	vbe(m, 8, 7);
	fake_mem_write(m, 0xa0000 + 319, 0xff, 1);
	pixels = render(f, &screen);
	assert_int_equal(screen.width, 2560);
	assert_int_equal(screen.height, 800);
	assert_int_equal(pixels[2544], colour(0));
	for (unsigned x = 2545; x < 2553; x++)
		assert_int_not_equal(pixels[x], colour(0));
	assert_int_equal(pixels[2553], colour(0));
	free(pixels);
}

/* A picture that starts near the end of memory goes on at its start, and is watched there. */
static void test_vbe_wraps(void **state)
{
	struct fixture *f = *state;
	struct cbx_machine *m = f->machine;
	struct cbx_screen before, after;

	vbe(m, 1, 320);
	vbe(m, 2, 200);
	vbe(m, 3, 8);
	vbe(m, 4, 1);
	vbe(m, 9, (1u << 20) / 320);
	vga_screen_info(f->vga, &before);
	fake_mem_write(m, 0xa0000 + 1000, 5, 1);
	vga_screen_info(f->vga, &after);
	assert_int_not_equal(before.version, after.version);
	/* The same beyond the end. */
	vbe(m, 9, 2 * ((1u << 20) / 320));
	vga_screen_info(f->vga, &before);
	fake_mem_write(m, 0xa0000 + 1000, 6, 1);
	vga_screen_info(f->vga, &after);
	assert_int_not_equal(before.version, after.version);
}

static void pci_write(struct cbx_machine *m, unsigned offset, uint32_t value)
{
	fake_out(m, 0xcf8, 0x80001000 | offset, 4);
	fake_out(m, 0xcfc, value, 4);
}

static void test_pci(void **state)
{
	struct cbx_machine *m = fake_machine_new();
	struct cbx_pci_bus *bus;
	struct vga *vga;

	(void)state;
	assert_int_equal(pci_bus_new(m, &bus), CBX_OK);
	assert_int_equal(vga_new(m, bus, 2, 0, &vga), CBX_OK);
	fake_reset(m, CBX_RESET_POWER);
	fake_out(m, 0xcf8, 0x80001000, 4);
	assert_int_equal(fake_in(m, 0xcfc, 4), 0x11111234);
	pci_write(m, 0x10, 0xffffffff);
	assert_int_equal(fake_in(m, 0xcfc, 4), 0xff000008);
	pci_write(m, 0x10, 0xe0000000);
	pci_write(m, 0x18, 0xe1000000);
	pci_write(m, 4, 2);

	/* The registers again */
	fake_mem_write(m, 0xe1000402, 0x67, 1);
	assert_int_equal(fake_in(m, 0x3cc, 1), 0x67);
	assert_int_equal(fake_mem_read(m, 0xe1000500, 2), 0xb0c5);
	assert_int_equal(fake_mem_read(m, 0xe1000514, 2), 256);

	/* Text memory seen through the framebuffer, whichever way it is mapped */
	set_mode(m, &text_80);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 0x8000; i++)
			fake_mem_write(m, 0xb8000 + i, (i * 31 + round) & 255, 1);
		for (unsigned i = 0; i < 0x8000; i++)
			assert_int_equal(fake_mem_read(m, 0xe0000000 + 4 * (i & ~1u) + (i & 1), 1),
					 (i * 31 + round) & 255);
		for (unsigned i = 0; i < 100; i++)
			fake_mem_read(m, 0xb8000, 1);
		fake_mem_write(m, 0xe0000000 + 16, 0xabcd, 2);
		assert_int_equal(fake_mem_read(m, 0xb8004, 2), 0xabcd);
	}

	/* A 32-bit mode as a driver without BIOS sets it */
	for (unsigned i = 0; i < 4; i++)
		fake_mem_write(m, 0xe1000502 + 2 * i,
			       (const unsigned[]){ 1280, 1024, 32, 0x41 }[i], 2);
	fake_mem_write(m, 0xe0000000 + 4 * (1280 * 1023 + 1279), 0x123456, 4);
	struct cbx_screen screen;
	uint32_t *pixels = malloc(1280 * 1024 * 4);

	assert_non_null(pixels);
	vga_screen_info(vga, &screen);
	assert_int_equal(screen.width, 1280);
	assert_int_equal(screen.height, 1024);
	assert_int_equal(vga_screen_render(vga, pixels, 1280, 1024), CBX_OK);
	assert_int_equal(pixels[0], 0);
	assert_int_equal(pixels[1280 * 1024 - 1], 0x123456);
	free(pixels);
	fake_reload(m);
	fake_machine_free(m);
}

static void test_version(void **state)
{
	struct fixture *f = *state;
	struct cbx_screen before, after;

	set_mode(f->machine, &text_80);
	vga_screen_info(f->vga, &before);
	vga_screen_info(f->vga, &after);
	assert_int_equal(before.version, after.version);
	for (unsigned i = 0; i < 200; i++) {
		fake_mem_write(f->machine, 0xb8000, i, 1);
		vga_screen_info(f->vga, &after);
		assert_int_not_equal(before.version, after.version);
		before = after;
	}
	set(f->machine, 0x3d4, 0x0f, 0x33);
	vga_screen_info(f->vga, &after);
	assert_int_not_equal(before.version, after.version);
}

/* What a viewer keeps by drawing new lines only; it must be what drawing all of it gives. */
struct viewer {
	uint64_t version;
	uint32_t *shown, *whole;
	uint8_t *changed;
};

enum { VIEW_WIDTH = 2560, VIEW_LINES = 2048 };

/* How many lines were drawn. */
static unsigned look(struct fixture *f, struct viewer *v)
{
	struct cbx_screen screen;
	unsigned count = 0;

	vga_screen_info(f->vga, &screen);
	assert_int_equal(vga_screen_update(f->vga, v->version, v->shown, VIEW_WIDTH, VIEW_LINES,
					   v->changed), CBX_OK);
	assert_int_equal(vga_screen_render(f->vga, v->whole, VIEW_WIDTH, VIEW_LINES), CBX_OK);
	for (unsigned y = 0; y < screen.height; y++) {
		assert_memory_equal(v->shown + y * VIEW_WIDTH, v->whole + y * VIEW_WIDTH,
				    screen.width * sizeof(*v->shown));
		count += v->changed[y];
	}
	if (screen.version == v->version)
		assert_int_equal(count, 0);
	v->version = screen.version;
	return count;
}

/* Writes here and there, and registers that move the picture over memory. */
static void poke(struct cbx_machine *m, uint64_t *seed, uint64_t base, unsigned bytes, bool move)
{
	static const uint8_t movers[] = { 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x13, 0x14, 0x17, 0x18, 0x08 };

	for (unsigned n = fake_random(seed) >> 20 & 3; n; n--)
		fake_mem_write(m, base + (fake_random(seed) >> 20) % bytes, fake_random(seed) >> 30 & 255, 1);
	if (move && !(fake_random(seed) >> 20 & 7))
		set(m, 0x3d4, movers[(fake_random(seed) >> 20) % sizeof(movers)],
		    fake_random(seed) >> 30 & 255);
	if (move && !(fake_random(seed) >> 20 & 15))
		set_attr(m, 0x13, fake_random(seed) >> 30 & 15);
	if (!(fake_random(seed) >> 20 & 15))
		fake_advance(m, 130000000);
}

static void test_changed_lines(void **state)
{
	static const struct {
		const struct mode *mode;
		uint64_t base;
		unsigned bytes;
	} modes[] = {
		{ &text_80, 0xb8000, 0x8000 }, { &mode_13, 0xa0000, 0x10000 },
		{ &mode_12, 0xa0000, 0x10000 }, { &mode_4, 0xb8000, 0x8000 }
	};
	struct fixture *f = *state;
	struct cbx_machine *m = f->machine;
	size_t bytes = (size_t)VIEW_WIDTH * VIEW_LINES * sizeof(uint32_t);
	struct viewer v = { 0, calloc(1, bytes), calloc(1, bytes), calloc(1, VIEW_LINES) };
	uint64_t seed = 1;

	assert_true(v.shown && v.whole && v.changed);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned round = 0; round < 4; round++) {
			set_mode(m, modes[i].mode);
			for (unsigned n = 0; n < 60; n++) {
				poke(m, &seed, modes[i].base, modes[i].bytes, round);
				look(f, &v);
			}
		}
	}
	set_mode(m, &mode_13);
	look(f, &v);
	assert_int_equal(look(f, &v), 0);
	fake_mem_write(m, 0xa0000 + 100 * 320, 77, 1);
	/* pages hold 12.8 lines, each shown twice */
	assert_in_range(look(f, &v), 20, 30);
	for (unsigned d = 8; d <= 32; d += 8) {
		vbe(m, 4, 0);
		vbe(m, 1, 320);
		vbe(m, 2, 200);
		vbe(m, 3, d);
		vbe(m, 4, 1);
		look(f, &v);
		fake_mem_write(m, 0xa0000 + 3 * 4096, 1, 1);
		assert_in_range(look(f, &v), 4, 14);
		for (unsigned n = 0; n < 60; n++) {
			if (!(n & 7))
				vbe(m, 8 + (n >> 3 & 1), fake_random(&seed) >> 24 & 0x7ff);
			poke(m, &seed, 0xa0000, 0x10000, false);
			look(f, &v);
		}
	}
	free(v.shown);
	free(v.whole);
	free(v.changed);
}

/* ---- Hostile ------------------------------------------------------------------------------------ */

static unsigned any(uint64_t *seed)
{
	return (unsigned)(fake_random(seed) >> 20);
}

static void test_random_registers(void **state)
{
	struct fixture *f = *state;
	struct cbx_machine *m = f->machine;
	static struct cbx_cell cells[256 * 1024];
	static char text[1 << 20];
	uint64_t seed = 7;

	for (unsigned round = 0; round < 400; round++) {
		struct cbx_screen screen;

		fake_storm(m, &seed, 0x3b0, 0x30, 300);
		fake_storm(m, &seed, 0x1ce, 4, 50);
		for (unsigned i = 0; i < 30; i++) {
			set(m, 0x3d4, any(&seed) % 26, any(&seed) & 255);
			set(m, 0x3c4, any(&seed) % 5, any(&seed) & 255);
			set(m, 0x3ce, any(&seed) % 9, any(&seed) & 255);
			vbe(m, any(&seed) % 11, any(&seed) & 0xffff);
		}
		for (unsigned i = 0; i < 300; i++) {
			uint64_t r = fake_random(&seed);

			fake_mem_write(m, 0xa0000 + r % 0x1fff8, r >> 20, 1u << (r >> 60 & 3));
			fake_mem_read(m, 0xa0000 + (r >> 32) % 0x1fff8, 1u << (r >> 58 & 3));
		}
		if (round % 4 == 0) {
			vbe(m, 4, 0);
			vbe(m, 1, any(&seed) % 2600);
			vbe(m, 2, any(&seed) % 500);
			vbe(m, 3, 4 * (any(&seed) % 9));
			vbe(m, 4, 1);
			vbe(m, 8, any(&seed) & 0xffff);
			vbe(m, 9, any(&seed) & 0xffff);
		}
		fake_out(m, 0x3c2, 0x67, 1);
		set_attr(m, 0x30, any(&seed) & 255);
		set(m, 0x3c4, 1, any(&seed) & 0xdf);
		free(render(f, &screen));
		assert_in_range(screen.width, 1, 256 * 18);
		assert_in_range(screen.height, 1, 1600);
		if (screen.text) {
			assert_true(screen.columns * screen.rows <= 256 * 1024);
			assert_int_equal(vga_screen_cells(f->vga, cells, screen.columns * screen.rows), 0);
			assert_int_equal(vga_screen_text(f->vga, text, sizeof(text)), 0);
		} else {
			assert_int_equal(vga_screen_text(f->vga, text, 100), CBX_ERROR_STATE);
		}
		if (round % 8 == 0)
			fake_reload(m);
		if (round % 16 == 0)
			fake_load_random(m, &seed, 50);
	}
}

static void test_state_is_covered(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fake_uncovered_bytes(f->machine), 0);
	fake_reload(f->machine);
}

static void test_bad_creation(void **state)
{
	struct cbx_machine *m = fake_machine_new();
	struct vga *vga;

	(void)state;
	assert_int_equal(vga_new(m, NULL, 2, 3u << 20, &vga), CBX_ERROR_ARGUMENT);
	assert_int_equal(vga_new(m, NULL, 2, 1u << 19, &vga), CBX_ERROR_ARGUMENT);
	fake_machine_free(m);
	for (unsigned n = 1; n < 20; n++) {
		m = fake_machine_new();
		fake_fail_allocation(m, n);
		if (!vga_new(m, NULL, 2, 0, &vga))
			n = 20;
		fake_machine_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_colour_and_mono, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attribute_flip_flop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dac, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retrace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_picture, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_window, setup, teardown),
		cmocka_unit_test_setup_teardown(test_graphics_pictures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vbe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vbe_clears, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vbe_planar, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vbe_wraps, setup, teardown),
		cmocka_unit_test(test_pci),
		cmocka_unit_test_setup_teardown(test_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_state_is_covered, setup, teardown),
		cmocka_unit_test(test_bad_creation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
