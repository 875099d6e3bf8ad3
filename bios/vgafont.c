/*
 * INT 10h AH=11h: character generator. Text fonts live in plane 2, 32 bytes a character, eight
 * blocks; graphics modes use them where INT 43h points.
 */
#include "vga.h"

/* Where block n starts in plane 2. */
static u32 block_offset(u32 block)
{
	return (block & 3) << 14 | (block & 4) << 11;
}

static void plane2_open(void)
{
	reg_write(SEQ, 0, 1);
	reg_write(SEQ, 2, 4);
	reg_write(SEQ, 4, 7);
	reg_write(SEQ, 0, 3);
	reg_write(GC, 4, 2);
	reg_write(GC, 5, 0);
	reg_write(GC, 6, 4);
}

static void plane2_close(void)
{
	reg_write(SEQ, 0, 1);
	reg_write(SEQ, 2, 3);
	reg_write(SEQ, 4, 3);
	reg_write(SEQ, 0, 3);
	reg_write(GC, 4, 0);
	reg_write(GC, 5, 0x10);
	reg_write(GC, 6, bda16(BDA_CRTC) == 0x3b4 ? 0x0a : 0x0e);
}

void font_load(u16 segment, u16 offset, u32 first, u32 count, u32 height, u32 block)
{
	u32 to = block_offset(block) + first * 32;

	if (height > 32)
		height = 32;
	plane2_open();
	for (; count && first < 256; count--, first++) {
		far_copy(0xa000, (u16)to, segment, offset, height);
		offset = (u16)(offset + height);
		to += 32;
	}
	plane2_close();
}

static u32 rom_font(u32 height)
{
	return height == 8 ? (u32)font8 : height == 14 ? (u32)font14 : (u32)font16;
}

void font_load_rom(u32 height, u32 block)
{
	font_load(0xc000, (u16)rom_font(height), 0, 256, height, block);
}

/* A new cell height in a text mode: rows, cursor and page size follow from the scan lines. */
static void text_height(u32 height)
{
	u16 crtc = bda16(BDA_CRTC);
	u8 overflow;
	u32 lines;
	u32 rows;

	if (!height || height > 32)
		return;
	reg_write(crtc, 9, (u8)((reg_read(crtc, 9) & 0xe0) | (height - 1)));
	overflow = reg_read(crtc, 7);
	lines = (reg_read(crtc, 0x12) | (overflow & 2u) << 7 | (overflow & 0x40u) << 3) + 1u;
	if (reg_read(crtc, 9) & 0x80)
		lines >>= 1;
	rows = lines / height;
	if (!rows)
		return;
	/* show whole rows only */
	lines = rows * height;
	if (reg_read(crtc, 9) & 0x80)
		lines <<= 1;
	reg_write(crtc, 0x12, (u8)(lines - 1));
	bda8(BDA_ROWS) = (u8)(rows - 1);
	bda16(BDA_HEIGHT) = (u16)height;
	bda16(BDA_PAGE_SIZE) = (u16)((rows * bda16(BDA_COLS) * 2 + 0x100) & ~0xffu);
	cursor_shape(0x0607);
}

static void graphics_font(u32 offset, u32 height, u32 which, u32 rows)
{
	static const u8 row_counts[4] = { 0, 14, 25, 43 };

	if (offset)
		font_table_set(0x43, offset);
	bda16(BDA_HEIGHT) = (u16)height;
	if (which == 0)
		bda8(BDA_ROWS) = (u8)(rows - 1);
	else
		bda8(BDA_ROWS) = (u8)(row_counts[which & 3] - 1);
}

static void font_info(struct regs SS *r)
{
	u32 pointer = 0;

	switch (r->bh) {
	case 0:
		pointer = far32(0, 0x1f * 4);
		break;
	case 1:
		pointer = far32(0, 0x43 * 4);
		break;
	case 2:
	case 5:
		pointer = 0xc0000000u | (u32)font14;
		break;
	case 3:
		pointer = 0xc0000000u | (u32)font8;
		break;
	case 4:
		pointer = 0xc0000000u | ((u32)font8 + 1024);
		break;
	case 6:
	case 7:
		pointer = 0xc0000000u | (u32)font16;
		break;
	default:
		return;
	}
	r->es = (u16)(pointer >> 16);
	r->bp = (u16)pointer;
	r->cx = bda16(BDA_HEIGHT);
	r->dl = bda8(BDA_ROWS);
}

void font_service(struct regs SS *r)
{
	u32 change = r->al & 0x10;

	switch (r->al) {
	case 0x00:
	case 0x10:
		font_load(r->es, r->bp, r->dx, r->cx, r->bh, r->bl);
		if (change)
			text_height(r->bh);
		break;
	case 0x01:
	case 0x11:
		font_load_rom(14, r->bl);
		if (change)
			text_height(14);
		break;
	case 0x02:
	case 0x12:
		font_load_rom(8, r->bl);
		if (change)
			text_height(8);
		break;
	case 0x04:
	case 0x14:
		font_load_rom(16, r->bl);
		if (change)
			text_height(16);
		break;
	case 0x03:
		reg_write(SEQ, 3, r->bl);
		break;
	case 0x20:
		put32(0, 0x1f * 4, (u32)r->es << 16 | r->bp);
		break;
	case 0x21:
		put32(0, 0x43 * 4, (u32)r->es << 16 | r->bp);
		graphics_font(0, r->cx, r->bl, r->dl);
		break;
	case 0x22:
		graphics_font((u32)font14, 14, r->bl, r->dl);
		break;
	case 0x23:
		graphics_font((u32)font8, 8, r->bl, r->dl);
		break;
	case 0x24:
		graphics_font((u32)font16, 16, r->bl, r->dl);
		break;
	case 0x30:
		font_info(r);
		break;
	default:
		break;
	}
}
