/* What the video adapter shows, in words and numbers: the size, the cells, the text. */
#include <string.h>

#include "vga_state.h"

static unsigned text_rows(const struct vga_view *view)
{
	unsigned rows = view->height / (view->rows_scan * view->line_repeat);

	return rows ? rows : 1;
}

/* The memory address counter at the start of a text row. */
static unsigned row_start(const struct vga_view *view, unsigned row)
{
	unsigned ma, scan;
	bool split;

	vga_view_line(view, row * view->rows_scan * view->line_repeat, &ma, &scan, &split);
	return ma + (split && view->split_unpanned ? 0 : view->byte_pan);
}

/* ---- The size ---------------------------------------------------------------------------- */

void vga_screen_info(struct vga *vga, struct cbx_screen *screen)
{
	struct vga_view view;

	vga_view(vga, &view);
	memset(screen, 0, sizeof(*screen));
	screen->text = view.text;
	screen->blank = view.blank;
	screen->width = view.width;
	screen->height = view.height;
	screen->version = vga_picture(vga, &view);
	screen->wide = view.width;
	screen->high = view.height;
	/* A monitor showed all of VGA's timings as large as its tube; so it did with these two. */
	if (!(vga->state.vbe[VBE_ENABLE] & VBE_ENABLED) ||
	    (view.width * 5 == view.height * 8 && view.height <= 400)) {
		screen->wide = 4;
		screen->high = 3;
	}
	if (!view.text)
		return;
	screen->columns = view.characters;
	screen->rows = text_rows(&view);
	for (unsigned row = 0; row < screen->rows && view.cursor_on; row++) {
		unsigned column = (view.cursor_address - row_start(&view, row)) & 0xffff;

		if (column < screen->columns) {
			screen->cursor_visible = true;
			screen->cursor_row = row;
			screen->cursor_column = column;
			break;
		}
	}
}

/* ---- Cells and text ---------------------------------------------------------------------- */

enum cbx_status vga_screen_cells(struct vga *vga, struct cbx_cell *cells, size_t count)
{
	struct vga_reader reader;
	struct vga_view view;
	unsigned rows;

	vga_view(vga, &view);
	if (!view.text)
		return CBX_ERROR_STATE;
	rows = text_rows(&view);
	if (count < (size_t)rows * view.characters)
		return CBX_ERROR_ARGUMENT;
	vga_reader_start(&reader, vga);
	for (unsigned row = 0; row < rows; row++) {
		unsigned ma = row_start(&view, row);

		for (unsigned column = 0; column < view.characters; column++, cells++) {
			unsigned counter = ma + (column >> view.count_shift);
			uint8_t bytes[4], foreground, background;

			vga_reader_planes(&reader, vga_view_address(&view, counter, 0), bytes);
			foreground = bytes[1] & 15;
			background = bytes[1] >> 4;
			if (view.blink) {
				background &= 7;
				if (bytes[1] & 0x80 && view.blink_dark)
					foreground = background;
			}
			cells->character = bytes[0];
			cells->attribute = bytes[1];
			cells->foreground = view.rgb[view.dac_of[foreground & view.colour_enable]];
			cells->background = view.rgb[view.dac_of[background & view.colour_enable]];
			if (view.blank)
				cells->foreground = cells->background = 0;
		}
	}
	return CBX_OK;
}

/* Code page 437 in Unicode: 00-1F, then 7F-FF. */
static const uint16_t low_437[32] = {
	0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9,
	0x2642, 0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7,
	0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc
};
static const uint16_t high_437[129] = {
	0x2302,
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8,
	0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2,
	0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1,
	0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd,
	0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562,
	0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534,
	0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560,
	0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
	0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393,
	0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6,
	0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0,
	0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x0020
};

uint32_t cbx_cell_unicode(uint8_t character)
{
	if (character < 0x20)
		return low_437[character];
	return character >= 0x7f ? high_437[character - 0x7f] : character;
}

static unsigned utf8(uint32_t code, char bytes[4])
{
	if (code < 0x80) {
		bytes[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		bytes[0] = (char)(0xc0 | code >> 6);
		bytes[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	bytes[0] = (char)(0xe0 | code >> 12);
	bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
	bytes[2] = (char)(0x80 | (code & 0x3f));
	return 3;
}

/* Appends if there is room for it and the end. */
static void append(char *text, size_t size, size_t *used, const char *bytes, unsigned count)
{
	if (size - *used <= count)
		return;
	memcpy(text + *used, bytes, count);
	*used += count;
}

enum cbx_status vga_screen_text(struct vga *vga, char *text, size_t size)
{
	struct vga_reader reader;
	struct vga_view view;
	size_t used = 0;

	vga_view(vga, &view);
	if (!view.text)
		return CBX_ERROR_STATE;
	if (!size)
		return CBX_ERROR_ARGUMENT;
	vga_reader_start(&reader, vga);
	for (unsigned row = 0, rows = text_rows(&view); row < rows; row++) {
		unsigned ma = row_start(&view, row), spaces = 0;

		for (unsigned column = 0; column < view.characters; column++) {
			unsigned counter = ma + (column >> view.count_shift);
			uint8_t bytes[4];
			char out[4];
			uint32_t code;

			vga_reader_planes(&reader, vga_view_address(&view, counter, 0), bytes);
			code = cbx_cell_unicode(bytes[0]);
			if (code == ' ') {
				spaces++;
				continue;
			}
			for (; spaces; spaces--)
				append(text, size, &used, " ", 1);
			append(text, size, &used, out, utf8(code, out));
		}
		append(text, size, &used, "\n", 1);
	}
	text[used] = 0;
	return CBX_OK;
}
