/*
 * Pixels and characters in graphics modes: CGA's interleaved banks, the EGA's planes, and the
 * linear 256 colours of mode 13h.
 */
#include "vga.h"

static u32 row_bytes(void)
{
	return bda16(BDA_COLS);		/* planar and mode 6: eight pixels a byte, a byte a column */
}

static u32 planar_offset(u32 page, u32 x, u32 y)
{
	return (page & 7) * bda16(BDA_PAGE_SIZE) + y * row_bytes() + (x >> 3);
}

static u32 cga_offset(u32 byte, u32 y)
{
	return (y & 1) * 0x2000 + (y >> 1) * 80 + byte;
}

void pixel_write(u32 page, u32 x, u32 y, u32 colour)
{
	const struct mode_info *m = mode_now();
	u32 offset;

	if (!m)
		return;
	set_fs(m->segment);
	if (m->memory == MEM_LINEAR) {
		offset = y * 320 + x;
		if (offset < 0x10000)
			fs8(offset) = (u8)colour;
	} else if (m->memory == MEM_PLANAR) {
		offset = planar_offset(page, x, y) & 0xffff;
		reg_write(GC, 8, (u8)(0x80 >> (x & 7)));
		reg_write(GC, 5, 2);
		if (colour & 0x80)
			reg_write(GC, 3, 0x18);
		fs8(offset);
		fs8(offset) = (u8)colour;
		reg_write(GC, 8, 0xff);
		reg_write(GC, 5, 0);
		reg_write(GC, 3, 0);
	} else if (m->memory == MEM_CGA) {
		u32 per = m->bits == 2 ? 2 : 3;	/* log2 of pixels a byte */
		u32 shift = (7 >> (3 - per)) - (x & (7 >> (3 - per)));
		u32 mask = (m->bits == 2 ? 3u : 1u) << (shift * m->bits);
		u32 value = colour << (shift * m->bits) & mask;

		offset = cga_offset(x >> per, y) & 0x7fff;
		if (colour & 0x80)
			fs8(offset) ^= (u8)value;
		else
			fs8(offset) = (u8)((fs8(offset) & ~mask) | value);
	}
}

u32 pixel_read(u32 page, u32 x, u32 y)
{
	const struct mode_info *m = mode_now();
	u32 offset;
	u32 plane;
	u32 colour = 0;

	if (!m)
		return 0;
	set_fs(m->segment);
	if (m->memory == MEM_LINEAR) {
		offset = y * 320 + x;
		return offset < 0x10000 ? fs8(offset) : 0;
	}
	if (m->memory == MEM_PLANAR) {
		offset = planar_offset(page, x, y) & 0xffff;
		for (plane = 0; plane < 4; plane++) {
			reg_write(GC, 4, (u8)plane);
			if (fs8(offset) & 0x80 >> (x & 7))
				colour |= 1u << plane;
		}
		reg_write(GC, 4, 0);
		return colour;
	}
	if (m->memory == MEM_CGA) {
		u32 per = m->bits == 2 ? 2 : 3;
		u32 shift = (7 >> (3 - per)) - (x & (7 >> (3 - per)));

		return fs8(cga_offset(x >> per, y) & 0x7fff) >> (shift * m->bits) &
			(m->bits == 2 ? 3u : 1u);
	}
	return 0;
}

/* One line of a character's shape: INT 43h, or INT 1Fh for the upper half in CGA modes. */
static u8 glyph_row(const struct mode_info *m, u32 c, u32 line)
{
	u32 pointer;

	if (m->memory == MEM_CGA && c >= 0x80) {
		pointer = far32(0, 0x1f * 4);
		c -= 0x80;
	} else {
		pointer = far32(0, 0x43 * 4);
	}
	return far8((u16)(pointer >> 16), (u16)(pointer + c * bda16(BDA_HEIGHT) + line));
}

/* Spread eight bits to eight pairs of bits. */
static u32 double_bits(u32 bits)
{
	u32 wide = 0;
	u32 i;

	for (i = 0; i < 8; i++)
		if (bits & 1u << i)
			wide |= 3u << (i * 2);
	return wide;
}

static void planar_char(const struct mode_info *m, u32 offset, u32 c, u32 colour)
{
	u32 height = bda16(BDA_HEIGHT);
	u32 line;

	/* background first (or not at all), then the shape through the bit mask */
	reg_write(SEQ, 2, 0x0f);
	for (line = 0; line < height; line++, offset += row_bytes()) {
		u8 bits = glyph_row(m, c, line);

		set_fs(m->segment);
		if (colour & 0x80) {
			reg_write(GC, 3, 0x18);
			reg_write(GC, 5, 2);
			reg_write(GC, 8, bits);
			fs8(offset & 0xffff);
			fs8(offset & 0xffff) = (u8)colour;
			reg_write(GC, 3, 0);
		} else {
			reg_write(GC, 5, 0);
			reg_write(GC, 8, 0xff);
			fs8(offset & 0xffff) = 0;
			reg_write(GC, 5, 2);
			reg_write(GC, 8, bits);
			fs8(offset & 0xffff);
			fs8(offset & 0xffff) = (u8)colour;
		}
	}
	reg_write(GC, 5, 0);
	reg_write(GC, 8, 0xff);
}

void gfx_char(u32 page, u32 row, u32 col, u32 c, u32 colour)
{
	const struct mode_info *m = mode_now();
	u32 height = bda16(BDA_HEIGHT);
	u32 line;
	u32 i;

	if (!m || col >= bda16(BDA_COLS))
		return;
	if (m->memory == MEM_PLANAR) {
		planar_char(m, planar_offset(page, col * 8, row * height), c, colour);
		return;
	}
	for (line = 0; line < height; line++) {
		u32 y = row * height + line;
		u32 bits = glyph_row(m, c, line);

		set_fs(m->segment);
		if (m->memory == MEM_LINEAR) {
			u32 offset = y * 320 + col * 8;

			if (offset > 0xfff8)
				return;
			for (i = 0; i < 8; i++)
				fs8(offset + i) = bits & 0x80 >> i ? (u8)colour : 0;
		} else if (m->bits == 1) {
			u32 offset = cga_offset(col, y) & 0x7fff;
			u32 value = colour & 1 ? bits : 0;

			fs8(offset) = colour & 0x80 ? fs8(offset) ^ (u8)value : (u8)value;
		} else {
			u32 offset = cga_offset(col * 2, y) & 0x7ffe;
			u32 value = double_bits(bits) & (colour & 3) * 0x5555;

			value = (value >> 8 & 0xff) | (value << 8 & 0xff00);
			fs16(offset) = colour & 0x80 ? fs16(offset) ^ (u16)value : (u16)value;
		}
	}
}

/* The set pixels of one line of a character cell. */
static u32 screen_row(const struct mode_info *m, u32 page, u32 col, u32 y)
{
	u32 bits = 0;
	u32 i;

	if (m->memory == MEM_PLANAR) {
		u32 offset = planar_offset(page, col * 8, y) & 0xffff;

		set_fs(m->segment);
		for (i = 0; i < 4; i++) {
			reg_write(GC, 4, (u8)i);
			bits |= fs8(offset);
		}
		reg_write(GC, 4, 0);
		return bits;
	}
	for (i = 0; i < 8; i++)
		if (pixel_read(page, col * 8 + i, y))
			bits |= 0x80u >> i;
	return bits;
}

u32 gfx_char_read(u32 page, u32 row, u32 col)
{
	const struct mode_info *m = mode_now();
	u32 height = bda16(BDA_HEIGHT);
	u32 first = screen_row(m, page, col, row * height);
	u32 c;
	u32 line;

	for (c = 0; c < 256; c++) {
		if (glyph_row(m, c, 0) != first)
			continue;
		for (line = 1; line < height; line++)
			if (glyph_row(m, c, line) != screen_row(m, page, col, row * height + line))
				break;
		if (line == height)
			return c;
	}
	return 0;
}

static void fill_bytes(u16 segment, u32 offset, u8 value, u32 count)
{
	__asm__ volatile("pushw %%es\n\tmovw %w2, %%es\n\tcld\n\t.byte 0x67; rep stosb\n\t"
			 "popw %%es"
			 : "+D"(offset), "+c"(count) : "d"(segment), "a"(value) : "memory");
}

static void scroll_lines(const struct mode_info *m, u32 from, u32 to, u32 left, u32 width, u32 fill)
{
	u32 page = bda8(BDA_PAGE);
	u32 each = m->memory == MEM_LINEAR ? 8 : m->memory == MEM_CGA && m->bits == 2 ? 2 : 1;
	u32 source;
	u32 target;

	width *= each;
	left *= each;
	if (m->memory == MEM_PLANAR) {
		target = planar_offset(page, left * 8, to) & 0xffff;
		source = from == ~0u ? 0 : planar_offset(page, left * 8, from) & 0xffff;
	} else if (m->memory == MEM_CGA) {
		target = cga_offset(left, to);
		source = from == ~0u ? 0 : cga_offset(left, from);
	} else {
		target = to * 320 + left;
		source = from == ~0u ? 0 : from * 320 + left;
	}
	if (from == ~0u)
		fill_bytes(m->segment, target, (u8)fill, width);
	else
		far_copy(m->segment, (u16)target, m->segment, (u16)source, width);
}

void gfx_scroll(u32 lines, u32 fill, u32 top_left, u32 bottom_right, u32 down)
{
	const struct mode_info *m = mode_now();
	u32 height = bda16(BDA_HEIGHT);
	u32 top = (top_left >> 8) * height;
	u32 bottom = ((bottom_right >> 8) + 1) * height;
	u32 left = top_left & 0xff;
	u32 width = (bottom_right & 0xff) - left + 1;
	u32 count = bottom - top;
	u32 step = lines * height;
	u32 i;

	if (m->memory == MEM_PLANAR) {
		reg_write(SEQ, 2, 0x0f);
		reg_write(GC, 8, 0xff);
	}
	/* in planar modes copying goes through the latches, all four planes at once */
	for (i = 0; i < count; i++) {
		u32 y = down ? bottom - 1 - i : top + i;
		u32 blank = i + step >= count;

		if (m->memory == MEM_PLANAR) {
			if (blank && i + step == count) {
				reg_write(GC, 5, 0);
				reg_write(GC, 0, (u8)(fill & 0x0f));
				reg_write(GC, 1, 0x0f);
			} else if (!i) {
				reg_write(GC, 5, blank ? 0 : 1);
				if (blank) {
					reg_write(GC, 0, (u8)(fill & 0x0f));
					reg_write(GC, 1, 0x0f);
				}
			}
		}
		scroll_lines(m, blank ? ~0u : down ? y - step : y + step, y, left, width, fill);
	}
	if (m->memory == MEM_PLANAR) {
		reg_write(GC, 5, 0);
		reg_write(GC, 0, 0);
		reg_write(GC, 1, 0);
	}
}
