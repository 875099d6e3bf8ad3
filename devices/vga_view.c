/*
 * From the video adapter's registers to what the renderer needs: sizes, addresses and
 * colours, each inside its range whatever the guest wrote.  Also the reader of video
 * memory, which masks every address.
 */
#include <string.h>

#include "vga_state.h"

/* ---- Colours ---------------------------------------------------------------------- */

static void view_colours(const struct vga_state *s, struct vga_view *view)
{
	bool wide = s->vbe[VBE_ENABLE] & VBE_8BIT_DAC;

	for (unsigned i = 0; i < 256; i++) {
		const uint8_t *entry = &s->palette[(i & s->dac_mask) * 3];
		uint32_t rgb = 0;

		for (unsigned c = 0; c < 3; c++) {
			uint8_t value = entry[c];

			if (!wide)
				value = (uint8_t)((value & 0x3f) << 2 | (value >> 4 & 3));
			rgb = rgb << 8 | value;
		}
		view->rgb[i] = rgb;
	}

	view->colour_enable = s->attr[0x12] & 15;
	for (unsigned i = 0; i < 16; i++) {
		uint8_t index = s->attr[i] & 0x3f;

		if (s->attr[0x10] & 0x80)
			index = (uint8_t)((index & 0x0f) | (s->attr[0x14] & 3) << 4);
		view->dac_of[i] = (uint8_t)(index | (s->attr[0x14] & 0x0c) << 4);
	}
	view->overscan = s->attr[0x11];
}

/* ---- Sizes and addresses --------------------------------------------------------------- */

static void view_vbe(const struct vga *vga, struct vga_view *view)
{
	const struct vga_state *s = &vga->state;
	uint32_t pixel = (s->vbe[VBE_BPP] + 7u) / 8u;

	view->vbe = true;
	view->width = s->vbe[VBE_XRES];
	view->height = s->vbe[VBE_YRES];
	view->bpp = s->vbe[VBE_BPP];
	view->vbe_pitch = vga_vbe_pitch(s);
	view->vbe_start = s->vbe[VBE_Y_OFFSET] * view->vbe_pitch + s->vbe[VBE_X_OFFSET] * pixel;
	if (!view->width || view->width > VBE_MAX_XRES)
		view->width = 8;
	if (!view->height || view->height > VBE_MAX_YRES)
		view->height = 1;
}

/* VBE's 4 bits per pixel: the VGA's own planes, with VBE's size and offsets. */
static void view_vbe_planar(const struct vga_state *s, struct vga_view *view)
{
	view->text = false;
	view->width = s->vbe[VBE_XRES];
	view->height = s->vbe[VBE_YRES];
	if (view->width < 8 || view->width > VBE_MAX_XRES)
		view->width = 8;
	if (!view->height || view->height > VBE_MAX_YRES)
		view->height = 1;
	view->characters = (view->width + 7) / 8;
	view->dots = 8;
	view->stretch = view->line_repeat = view->rows_scan = 1;
	view->pitch = s->vbe[VBE_VIRT_WIDTH] / 8u;
	view->start = s->vbe[VBE_Y_OFFSET] * view->pitch + s->vbe[VBE_X_OFFSET] / 8u;
	view->line_compare = UINT32_MAX;
	view->preset_scan = view->byte_pan = 0;
	view->dot_pan = s->vbe[VBE_X_OFFSET] & 7;
	view->address_shift = view->count_shift = 0;
	view->row_scan_13 = view->row_scan_14 = false;
	view->shift = VGA_SHIFT_PLANAR;
}

static void view_cursor(const struct vga *vga, struct vga_view *view)
{
	const uint8_t *crtc = vga->state.crtc;
	struct vga_beam beam;

	vga_beam(vga, &beam);
	view->cursor_address = (unsigned)crtc[0x0e] << 8 | crtc[0x0f];
	view->cursor_first = crtc[0x0a] & 0x1f;
	view->cursor_last = crtc[0x0b] & 0x1f;
	view->cursor_on = !(crtc[0x0a] & 0x20) && view->cursor_first <= view->cursor_last &&
			  view->cursor_first < view->rows_scan;
	view->cursor_lit = !(beam.frame & 8);
	view->blink_dark = beam.frame & 16;
}

static unsigned shift_mode(const struct vga_state *s)
{
	if (s->gfx[VGA_GFX_MODE] & 0x40)
		return s->attr[0x10] & 0x40 ? VGA_SHIFT_256 : VGA_SHIFT_NIBBLES;
	return s->gfx[VGA_GFX_MODE] & 0x20 ? VGA_SHIFT_CGA : VGA_SHIFT_PLANAR;
}

static void view_addressing(const struct vga_state *s, struct vga_view *view)
{
	const uint8_t *crtc = s->crtc;

	/* Chain-4 memory is packed (vga_memory.c), so the doubleword shift falls away. */
	if (crtc[0x14] & 0x40)
		view->address_shift = s->seq[VGA_SEQ_MEMORY] & 8 ? 0 : 2;
	else
		view->address_shift = crtc[0x17] & 0x40 ? 0 : 1;
	view->wrap_bit = crtc[0x17] & 0x20 ? 15 : 13;
	view->row_scan_13 = !(crtc[0x17] & 1);
	view->row_scan_14 = !(crtc[0x17] & 2);
	view->count_shift = crtc[0x14] & 0x20 ? 2 : crtc[0x17] & 8 ? 1 : 0;
	view->start = (unsigned)crtc[0x0c] << 8 | crtc[0x0d];
	view->pitch = crtc[0x13] * 2u;
	view->preset_scan = crtc[8] & 0x1f;
	view->byte_pan = crtc[8] >> 5 & 3;
	view->line_compare = crtc[0x18] | (crtc[7] & 0x10u) << 4 | (crtc[9] & 0x40u) << 3;
}

static unsigned dot_pan(const struct vga_state *s, unsigned dots)
{
	unsigned pan = s->attr[0x13] & 15;

	/* With nine dots a character 8 means none, and 0 means one. */
	if (dots == 9)
		return pan >= 8 ? 0 : pan + 1;
	return pan & 7;
}

static unsigned font_offset(unsigned table)
{
	return (table & 3) * 0x4000 + (table & 4) / 4 * 0x2000;
}

void vga_view(const struct vga *vga, struct vga_view *view)
{
	const struct vga_state *s = &vga->state;
	const uint8_t *crtc = s->crtc;
	unsigned select = s->seq[VGA_SEQ_FONT];

	memset(view, 0, sizeof(*view));
	view_colours(s, view);
	view->blank = !(s->attr_index & 0x20) || s->seq[VGA_SEQ_MODE] & 0x20;
	if (vga_vbe_on(s)) {
		view_vbe(vga, view);
		return;
	}

	view->text = !(s->gfx[VGA_GFX_MISC] & 1);
	view->dots = s->seq[VGA_SEQ_MODE] & 1 ? 8 : 9;
	if (!view->text)
		view->dots = 8;
	view->stretch = s->seq[VGA_SEQ_MODE] & 8 ? 2 : 1;
	view->characters = crtc[1] + 1u;
	view->width = view->characters * view->dots * view->stretch;
	view->height = crtc[0x12] + ((crtc[7] & 2u) << 7) + ((crtc[7] & 0x40u) << 3) + 1;
	view->rows_scan = (crtc[9] & 0x1f) + 1;
	view->line_repeat = crtc[9] & 0x80 ? 2 : 1;
	view->shift = shift_mode(s);
	view_addressing(s, view);
	view->dot_pan = dot_pan(s, view->dots);
	view->split_unpanned = s->attr[0x10] & 0x20;
	view->underline = crtc[0x14] & 0x1f;
	view->blink = s->attr[0x10] & 8;
	view->line_graphics = s->attr[0x10] & 4;
	view->font[0] = font_offset((select & 3) | (select >> 2 & 4));
	view->font[1] = font_offset((select >> 2 & 3) | (select >> 3 & 4));
	view_cursor(vga, view);
	if (s->vbe[VBE_ENABLE] & VBE_ENABLED)
		view_vbe_planar(s, view);
}

unsigned vga_view_address(const struct vga_view *view, unsigned ma, unsigned scan)
{
	unsigned address;

	switch (view->address_shift) {
	case 0:
		address = ma;
		break;
	case 1:
		address = ma << 1 | (ma >> view->wrap_bit & 1);
		break;
	default:
		address = ma << 2 | (ma >> 12 & 3);
		break;
	}
	if (view->row_scan_13)
		address = (address & ~0x2000u) | (scan & 1) << 13;
	if (view->row_scan_14)
		address = (address & ~0x4000u) | (scan & 2) << 13;
	return address;
}

void vga_view_line(const struct vga_view *view, unsigned y, unsigned *ma, unsigned *scan,
		   bool *split)
{
	unsigned start = view->start, line = y, preset = view->preset_scan;

	*split = y > view->line_compare;
	if (*split) {
		line = y - view->line_compare - 1;
		start = 0;
		preset = 0;
	}
	/* A preset beyond the last row scan counts on through 31 and wraps. */
	line /= view->line_repeat;
	if (preset >= view->rows_scan) {
		if (line < 32 - preset) {
			*ma = start;
			*scan = preset + line;
			return;
		}
		line -= 32 - preset;
		preset = 0;
	}
	line += preset;
	*ma = start + line / view->rows_scan * view->pitch;
	*scan = line % view->rows_scan;
}

/* ---- Video memory ----------------------------------------------------------------------- */

void vga_reader_start(struct vga_reader *reader, const struct vga *vga)
{
	reader->vga = vga;
	reader->mask = vga->vram_bytes - 1;
	reader->page_number = reader->text_page_number = UINT32_MAX;
	reader->page = reader->text_page = NULL;
}

void vga_reader_planes(struct vga_reader *reader, uint32_t n, uint8_t planes[4])
{
	uint32_t address = n * 4 & reader->mask;

	if (!(reader->vga->state.vbe[VBE_ENABLE] & VBE_ENABLED))
		address &= 4 * VGA_PLANE_BYTES - 1;
	if (address >> 12 != reader->page_number) {
		reader->page_number = address >> 12;
		reader->page = cbx_ram_page(reader->vga->vram, address & ~4095u);
	}
	memcpy(planes, reader->page + (address & 4095), 4);

	/* Planes 0 and 1 may live in the text window. */
	n = address / 4;
	if (reader->vga->state.text_window != TEXT_ON || n & 1 || n >= VGA_TEXT_BYTES)
		return;
	if (n >> 12 != reader->text_page_number) {
		reader->text_page_number = n >> 12;
		reader->text_page = cbx_ram_page(reader->vga->text, n & ~4095u);
	}
	planes[0] = reader->text_page[n & 4095];
	planes[1] = reader->text_page[(n & 4095) + 1];
}
