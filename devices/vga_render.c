/*
 * The video adapter's picture as a monitor would show it: dots by scan lines, so that a
 * 320 x 200 mode is a picture of 640 x 400 (or whatever the timing says).  Everything
 * here works on a struct vga_view and reads memory through struct vga_reader.
 */
#include <string.h>

#include "vga_state.h"

/*
 * A line of DAC indices, with one character more than is shown, for panning: the VGA's are
 * at most 256 characters of 9 dots, VBE's planar lines are longer.
 */
enum { LINE_DOTS = VBE_MAX_XRES + 8 };
_Static_assert(LINE_DOTS >= (256 + 1) * 9 && VBE_MAX_XRES % 8 == 0, "room for every line");

/* ---- Text --------------------------------------------------------------------------- */

static void text_line(const struct vga_view *view, struct vga_reader *reader, unsigned ma,
		      unsigned scan, uint8_t *line)
{
	bool underline_here = scan == view->underline;
	bool cursor_here = view->cursor_on && view->cursor_lit && scan >= view->cursor_first &&
			   scan <= view->cursor_last;

	for (unsigned column = 0; column <= view->characters; column++) {
		unsigned counter = ma + (column >> view->count_shift);
		uint8_t cell[4], font[4], attribute, foreground, background;
		unsigned bits;

		vga_reader_planes(reader, vga_view_address(view, counter, scan), cell);
		attribute = cell[1];
		vga_reader_planes(reader, view->font[attribute >> 3 & 1] + cell[0] * 32u + scan, font);
		bits = (unsigned)font[2] << 1;
		if (view->line_graphics && (cell[0] & 0xe0) == 0xc0)
			bits |= font[2] & 1;
		if (underline_here && (attribute & 0x77) == 1)
			bits = 0x1ff;

		foreground = attribute & 15;
		background = attribute >> 4;
		if (view->blink) {
			background &= 7;
			if (attribute & 0x80 && view->blink_dark)
				bits = 0;
		}
		if (cursor_here && (counter & 0xffff) == view->cursor_address)
			bits = 0x1ff;
		foreground = view->dac_of[foreground & view->colour_enable];
		background = view->dac_of[background & view->colour_enable];
		for (unsigned dot = 0; dot < view->dots; dot++)
			*line++ = bits << dot & 0x100 ? foreground : background;
	}
}

/* ---- Graphics ------------------------------------------------------------------------ */

static void planar_dots(const struct vga_view *view, const uint8_t *planes, uint8_t *line)
{
	for (unsigned dot = 0; dot < 8; dot++) {
		unsigned at = 7 - dot;
		unsigned colour = (planes[0] >> at & 1) | (planes[1] >> at & 1) << 1 |
				  (planes[2] >> at & 1) << 2 | (planes[3] >> at & 1) << 3;

		line[dot] = view->dac_of[colour & view->colour_enable];
	}
}

/* Two bits a dot: of planes 0 and 2, then of 1 and 3. */
static void cga_dots(const struct vga_view *view, const uint8_t *planes, uint8_t *line)
{
	for (unsigned dot = 0; dot < 8; dot++) {
		unsigned at = 6 - (dot & 3) * 2, pair = dot >> 2;
		unsigned colour = (planes[pair] >> at & 3) | (planes[pair + 2] >> at & 3) << 2;

		line[dot] = view->dac_of[colour & view->colour_enable];
	}
}

static void graphics_line(const struct vga_view *view, struct vga_reader *reader, unsigned ma,
			  unsigned scan, uint8_t *line)
{
	for (unsigned column = 0; column <= view->characters; column++, line += 8) {
		unsigned counter = ma + (column >> view->count_shift);
		uint8_t planes[4];

		vga_reader_planes(reader, vga_view_address(view, counter, scan), planes);
		switch (view->shift) {
		case VGA_SHIFT_PLANAR:
			planar_dots(view, planes, line);
			break;
		case VGA_SHIFT_CGA:
			cga_dots(view, planes, line);
			break;
		case VGA_SHIFT_256:
			for (unsigned dot = 0; dot < 8; dot++)
				line[dot] = planes[dot >> 1];
			break;
		case VGA_SHIFT_NIBBLES:
			for (unsigned dot = 0; dot < 8; dot++)
				line[dot] = view->dac_of[(dot & 1 ? planes[dot >> 1] & 15 :
							  planes[dot >> 1] >> 4) &
							 view->colour_enable];
			break;
		}
	}
}

static void vga_line(const struct vga_view *view, struct vga_reader *reader, unsigned y,
		     uint32_t *pixels)
{
	uint8_t line[LINE_DOTS];
	unsigned ma, scan, pan = view->dot_pan;
	bool split;

	vga_view_line(view, y, &ma, &scan, &split);
	if (split && view->split_unpanned)
		pan = 0;
	else
		ma += view->byte_pan;
	if (view->text)
		text_line(view, reader, ma, scan, line);
	else
		graphics_line(view, reader, ma, scan, line);

	const uint8_t *dot = line + pan;

	if (view->stretch == 1) {
		for (unsigned x = 0; x < view->width; x++)
			pixels[x] = view->rgb[dot[x]];
	} else {
		for (unsigned x = 0; x < view->width; x++)
			pixels[x] = view->rgb[dot[x >> 1]];
	}
}

/* ---- VBE --------------------------------------------------------------------------------- */

static uint32_t widen(unsigned value, unsigned bits)
{
	value <<= 8 - bits;
	return value | value >> bits;
}

static void vbe_pixels(const struct vga_view *view, const uint8_t *from, uint32_t *pixels)
{
	for (unsigned x = 0; x < view->width; x++) {
		unsigned word;

		switch (view->bpp) {
		case 8:
			pixels[x] = view->rgb[*from++];
			break;
		case 15:
			word = from[0] | (unsigned)from[1] << 8;
			from += 2;
			pixels[x] = widen(word >> 10 & 31, 5) << 16 | widen(word >> 5 & 31, 5) << 8 |
				    widen(word & 31, 5);
			break;
		case 16:
			word = from[0] | (unsigned)from[1] << 8;
			from += 2;
			pixels[x] = widen(word >> 11 & 31, 5) << 16 | widen(word >> 5 & 63, 6) << 8 |
				    widen(word & 31, 5);
			break;
		default:
			pixels[x] = from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16;
			from += view->bpp / 8;
			break;
		}
	}
}

/* The line's bytes first, so that only here memory's end matters: it goes on at the start. */
static void vbe_line(const struct vga_view *view, const struct vga *vga, unsigned y,
		     uint32_t *pixels)
{
	uint8_t bytes[VBE_MAX_XRES * 4];
	uint32_t at = (view->vbe_start + y * view->vbe_pitch) & (vga->vram_bytes - 1);
	uint32_t count = view->width * ((view->bpp + 7) / 8), first = vga->vram_bytes - at;

	if (first > count)
		first = count;
	(void)cbx_ram_read(vga->vram, at, bytes, first);
	(void)cbx_ram_read(vga->vram, 0, bytes + first, count - first);
	vbe_pixels(view, bytes, pixels);
}

/* ---- The picture ------------------------------------------------------------------------- */

/* Scan line y is drawn from the same dots as line y - 1, as where lines are doubled. */
static bool repeats(const struct vga_view *view, unsigned y)
{
	unsigned ma[2], scan[2];
	bool split[2];

	if (view->vbe || view->text || !y)
		return false;
	for (unsigned i = 0; i < 2; i++)
		vga_view_line(view, y - 1 + i, &ma[i], &scan[i], &split[i]);
	return ma[0] == ma[1] && split[0] == split[1] &&
	       (scan[0] == scan[1] || (!view->row_scan_13 && !view->row_scan_14));
}

enum cbx_status vga_screen_update(struct vga *vga, uint64_t since, uint32_t *pixels,
				  unsigned stride, unsigned lines, uint8_t *changed)
{
	struct vga_reader reader;
	struct vga_view view;

	vga_view(vga, &view);
	if (stride < view.width || lines < view.height)
		return CBX_ERROR_ARGUMENT;
	if (changed)
		memset(changed, 0, lines);
	vga_reader_start(&reader, vga);
	for (unsigned y = 0; y < view.height; y++, pixels += stride) {
		if (changed) {
			changed[y] = vga_line_is_new(vga, &view, since, y);
			if (!changed[y])
				continue;
		}
		if (view.blank)
			memset(pixels, 0, view.width * sizeof(*pixels));
		else if (view.vbe)
			vbe_line(&view, vga, y, pixels);
		else if (repeats(&view, y) && (!changed || changed[y - 1]))
			memcpy(pixels, pixels - stride, view.width * sizeof(*pixels));
		else
			vga_line(&view, &reader, y, pixels);
	}
	return CBX_OK;
}

enum cbx_status vga_screen_render(struct vga *vga, uint32_t *pixels, unsigned stride,
				  unsigned lines)
{
	return vga_screen_update(vga, 0, pixels, stride, lines, NULL);
}
