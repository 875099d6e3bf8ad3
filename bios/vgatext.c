/*
 * Cursor, pages, scrolling, characters and teletype: INT 10h AH=01h-0Ah, 0Eh, 13h. Graphics modes
 * are passed on to vgagfx.c.
 */
#include "vga.h"

static u32 is_text(void)
{
	const struct mode_info *m = mode_now();

	return m && m->memory == MEM_TEXT;
}

static u16 text_segment(void)
{
	return bda8(BDA_MODE) == 7 ? 0xb000 : 0xb800;
}

static u16 text_offset(u32 page, u32 row, u32 col)
{
	return (u16)((page & 7) * bda16(BDA_PAGE_SIZE) + (row * bda16(BDA_COLS) + col) * 2);
}

static void crtc_word(u8 index, u32 value)
{
	u16 crtc = bda16(BDA_CRTC);

	reg_write(crtc, index, (u8)(value >> 8));
	reg_write(crtc, index + 1, (u8)value);
}

void cursor_place(u32 page, u32 row, u32 col)
{
	page &= 7;
	bda16(BDA_CURSOR + page * 2) = (u16)(row << 8 | col);
	if (page == bda8(BDA_PAGE) && is_text())
		crtc_word(0x0e, (u32)text_offset(page, row, col) >> 1);
}

/*
 * CX as programs for the CGA's 8-line cell give it; unless 40:87h bit 0 says not to, lines are
 * scaled to the cell there is.
 */
void cursor_shape(u32 cx)
{
	u32 start = cx >> 8 & 0x3f;
	u32 end = cx & 0x1f;
	u32 height = bda8(BDA_HEIGHT);
	u16 crtc = bda16(BDA_CRTC);

	bda16(BDA_CURSOR_TYPE) = (u16)cx;
	if (!(bda8(BDA_EGA_INFO) & 1) && height > 8 && !(start & 0x20) && end < 8 && start < 8) {
		if (start + 1 == end && end >= 6) {
			/* an underline: two lines, one above the last */
			end = height - 2;
			start = height - 3;
		} else if (start <= end) {
			start = start * height / 8;
			end = (end + 1) * height / 8 - 1;
		}
	}
	reg_write(crtc, 0x0a, (u8)start);
	reg_write(crtc, 0x0b, (u8)end);
}

void page_select(u32 page)
{
	const struct mode_info *m = mode_now();
	u32 start;

	if (!m || page >= m->pages)
		return;
	start = page * bda16(BDA_PAGE_SIZE);
	bda8(BDA_PAGE) = (u8)page;
	bda16(BDA_PAGE_START) = (u16)start;
	crtc_word(0x0c, m->memory == MEM_TEXT ? start >> 1 : start);
	cursor_place(page, bda8(BDA_CURSOR + page * 2 + 1), bda8(BDA_CURSOR + page * 2));
}

static void fill_cells(u16 segment, u16 offset, u16 cell, u32 count)
{
	u32 di = offset;

	__asm__ volatile("pushw %%es\n\tmovw %w2, %%es\n\tcld\n\t.byte 0x67; rep stosw\n\t"
			 "popw %%es"
			 : "+D"(di), "+c"(count) : "d"(segment), "a"(cell) : "memory");
}

static void text_scroll(u32 page, u32 lines, u32 attr, u32 top, u32 left, u32 bottom, u32 right,
			u32 down)
{
	u16 segment = text_segment();
	u32 width = right - left + 1;
	u32 height = bottom - top + 1;
	u32 i;

	for (i = 0; i < height; i++) {
		u32 row = down ? bottom - i : top + i;
		u16 to = text_offset(page, row, left);

		if (i + lines < height)
			far_copy(segment, to, segment,
				 text_offset(page, down ? row - lines : row + lines, left),
				 width * 2);
		else
			fill_cells(segment, to, (u16)(' ' | attr << 8), width);
	}
}

/* AH=06h, 07h; lines 0 clears the window. Rows and columns are clipped to the screen. */
void scroll(u32 lines, u32 attr, u32 top_left, u32 bottom_right, u32 down)
{
	u32 top = top_left >> 8;
	u32 left = top_left & 0xff;
	u32 bottom = bottom_right >> 8;
	u32 right = bottom_right & 0xff;

	if (bottom > bda8(BDA_ROWS))
		bottom = bda8(BDA_ROWS);
	if (right >= bda16(BDA_COLS))
		right = bda16(BDA_COLS) - 1u;
	if (top > bottom || left > right)
		return;
	if (!lines || lines > bottom - top)
		lines = bottom - top + 1;
	if (is_text())
		text_scroll(bda8(BDA_PAGE), lines, attr, top, left, bottom, right, down);
	else if (mode_now())
		gfx_scroll(lines, attr, top << 8 | left, bottom << 8 | right, down);
}

/* Character in the low byte, attribute above it. */
u32 char_read(u32 page)
{
	u32 at = bda16(BDA_CURSOR + (page & 7) * 2);

	if (is_text())
		return far16(text_segment(), text_offset(page, at >> 8, at & 0xff));
	return mode_now() ? gfx_char_read(page, at >> 8, at & 0xff) : 0;
}

void char_write(u32 page, u32 c, u32 attr, u32 count, u32 with_attr)
{
	u32 at = bda16(BDA_CURSOR + (page & 7) * 2);
	u32 row = at >> 8;
	u32 col = at & 0xff;
	u16 offset;

	if (!is_text()) {
		u32 cols = bda16(BDA_COLS);

		for (; mode_now() && count && row <= bda8(BDA_ROWS); count--) {
			gfx_char(page, row, col, c, attr);
			if (++col >= cols) {
				col = 0;
				row++;
			}
		}
		return;
	}
	offset = text_offset(page, row, col);
	if (count > 0x4000)
		count = 0x4000;
	set_fs(text_segment());
	for (; count; count--, offset += 2) {
		offset &= 0x7ffe;
		if (with_attr)
			fs16(offset) = (u16)(c | attr << 8);
		else
			fs8(offset) = (u8)c;
	}
}

static void bell(void)
{
	u8 gate = inb(0x61);
	u32 n;

	outb(0x43, 0xb6);
	outb(0x42, 0x33);
	outb(0x42, 0x05);
	outb(0x61, gate | 3);
	for (n = 0; n < 0x8000; n++)
		inb(0x61);
	outb(0x61, gate);
}

/* AH=0Eh, and each character of AH=13h (which may bring attributes). */
void teletype(u32 page, u32 c, u32 attr, u32 with_attr)
{
	u32 at;
	u32 row;
	u32 col;

	page &= 7;
	at = bda16(BDA_CURSOR + page * 2);
	row = at >> 8;
	col = at & 0xff;
	switch (c) {
	case 7:
		bell();
		return;
	case 8:
		if (col)
			col--;
		break;
	case 13:
		col = 0;
		break;
	case 10:
		row++;
		break;
	default:
		char_write(page, c, attr, 1, with_attr);
		if (++col >= bda16(BDA_COLS)) {
			col = 0;
			row++;
		}
		break;
	}
	if (row > bda8(BDA_ROWS)) {
		u32 cols = bda16(BDA_COLS) - 1u;
		u32 rows = bda8(BDA_ROWS);

		row = rows;
		if (is_text()) {
			/* the new line takes the colours of the character the cursor was on */
			u32 fill = far16(text_segment(),
					 text_offset(page, at >> 8, at & 0xff)) >> 8;

			text_scroll(page, 1, fill, 0, 0, rows, cols, 0);
		} else if (mode_now()) {
			gfx_scroll(1, 0, 0, rows << 8 | cols, 0);
		}
	}
	cursor_place(page, row, col);
}
