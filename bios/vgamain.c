/*
 * INT 10h: which function goes where, and the small ones.
 */
#include "vga.h"

void int10(struct regs SS *r);

/* AH=0Bh: border and background, or the palette of modes 4 and 5. */
static void cga_palette(struct regs SS *r)
{
	u8 value = bda8(BDA_CGA_PALETTE);
	u8 i;

	if (r->bh == 0) {
		u8 colour = r->bl & 0x0f;

		value = (u8)((value & 0xe0) | (r->bl & 0x1f));
		attr_write(0x11, (u8)((colour & 7) | (colour & 8) << 1));
		if (bda8(BDA_MODE) >= 4 && bda8(BDA_MODE) <= 6)
			attr_write(0x00, (u8)((colour & 7) | (colour & 8) << 1));
		for (i = 1; i < 4 && bda8(BDA_MODE) == 4; i++)
			attr_write(i, (u8)((attr_read(i) & 0xef) | (r->bl & 0x10)));
	} else if (r->bh == 1) {
		value = (u8)((value & 0xdf) | (r->bl & 1) << 5);
		for (i = 1; i < 4; i++)
			attr_write(i, (u8)((i * 2 + (r->bl & 1)) | (value & 0x10)));
	}
	bda8(BDA_CGA_PALETTE) = value;
}

/* AH=12h */
static void alternate_select(struct regs SS *r)
{
	u8 flags = bda8(BDA_VGA_FLAGS);

	switch (r->bl) {
	case 0x10:
		r->bh = bda16(BDA_CRTC) == 0x3b4;
		r->bl = 3;
		r->ch = bda8(BDA_EGA_SWITCHES) >> 4;
		r->cl = bda8(BDA_EGA_SWITCHES) & 0x0f;
		return;
	case 0x20:
		return;
	case 0x30:
		if (r->al > 2)
			return;
		bda8(BDA_VGA_FLAGS) = (u8)((flags & 0x6f) |
					   (r->al == 0 ? 0x80 : r->al == 2 ? 0x10 : 0));
		bda8(BDA_EGA_SWITCHES) = (u8)((bda8(BDA_EGA_SWITCHES) & 0xf0) |
					      (r->al == 0 ? 8 : 9));
		break;
	case 0x31:
		bda8(BDA_VGA_FLAGS) = (u8)((flags & 0xf7) | (r->al & 1) << 3);
		break;
	case 0x32:
		outb(MISC, (u8)((inb(0x3cc) & 0xfd) | (r->al & 1 ? 0 : 2)));
		break;
	case 0x33:
		bda8(BDA_VGA_FLAGS) = (u8)((flags & 0xfd) | (r->al & 1 ? 0 : 2));
		break;
	case 0x34:
		bda8(BDA_EGA_INFO) = (u8)((bda8(BDA_EGA_INFO) & 0xfe) | (r->al & 1));
		break;
	case 0x35:
		return;
	case 0x36:
		reg_write(SEQ, 1, (u8)((reg_read(SEQ, 1) & 0xdf) | (r->al & 1) << 5));
		break;
	default:
		return;
	}
	r->al = 0x12;
}

/* AH=13h: a string at ES:BP; AL bit 0 moves the cursor, bit 1 means attributes are mixed in. */
static void write_string(struct regs SS *r)
{
	u16 segment = r->es;
	u32 offset = r->bp;
	u32 count = r->cx;
	u32 page = r->bh & 7;
	u32 attr = r->bl;
	u16 saved = bda16(BDA_CURSOR + page * 2);

	if (r->al > 3)
		return;
	cursor_place(page, r->dh, r->dl);
	for (; count; count--) {
		u32 c = far8(segment, (u16)offset++);

		if (r->al & 2)
			attr = far8(segment, (u16)offset++);
		teletype(page, c, attr, 1);
	}
	if (!(r->al & 1))
		cursor_place(page, saved >> 8, saved & 0xff);
}

static void display_combination(struct regs SS *r)
{
	if (r->al == 0) {
		r->bx = 0x0008;
		r->al = 0x1a;
	} else if (r->al == 1) {
		r->al = 0x1a;
	}
}

static void save_restore(struct regs SS *r)
{
	u32 what = r->cx & 7;

	switch (r->al) {
	case 0:
		r->bx = (u16)((state_size(what) + 63) / 64);
		break;
	case 1:
		state_save(what, r->es, r->bx);
		break;
	case 2:
		state_restore(what, r->es, r->bx);
		break;
	default:
		return;
	}
	r->al = 0x1c;
}

/* What AH=00h leaves in AL: 20h above mode 7, 3Fh for mode 6, 30h else. */
static u8 mode_result(u32 mode)
{
	mode &= 0x7f;
	return mode > 7 ? 0x20 : mode == 6 ? 0x3f : 0x30;
}

void int10(struct regs SS *r)
{
	u32 page = r->bh & 7;
	const struct mode_info *m;

	switch (r->ah) {
	case 0x00:
		mode_set(r->al);
		r->al = mode_result(r->al);
		break;
	case 0x01:
		cursor_shape(r->cx);
		break;
	case 0x02:
		cursor_place(page, r->dh, r->dl);
		break;
	case 0x03:
		r->cx = bda16(BDA_CURSOR_TYPE);
		r->dx = bda16(BDA_CURSOR + page * 2);
		r->ax = 0;
		break;
	case 0x04:
		r->ax = 0;
		break;
	case 0x05:
		page_select(r->al);
		break;
	case 0x06:
	case 0x07:
		scroll(r->al, r->bh, r->cx, r->dx, r->ah == 0x07);
		break;
	case 0x08:
		r->ax = (u16)char_read(page);
		break;
	case 0x09:
		m = mode_now();
		char_write(m && m->memory == MEM_LINEAR ? 0 : page, r->al, r->bl, r->cx, 1);
		break;
	case 0x0a:
		char_write(page, r->al, r->bl, r->cx, 0);
		break;
	case 0x0b:
		cga_palette(r);
		break;
	case 0x0c:
		pixel_write(r->bh, r->cx, r->dx, r->al);
		break;
	case 0x0d:
		r->al = (u8)pixel_read(r->bh, r->cx, r->dx);
		break;
	case 0x0e:
		teletype(bda8(BDA_PAGE), r->al, r->bl, 0);
		break;
	case 0x10:
		palette_service(r);
		break;
	case 0x11:
		font_service(r);
		break;
	case 0x12:
		alternate_select(r);
		break;
	case 0x13:
		write_string(r);
		break;
	case 0x1a:
		display_combination(r);
		break;
	case 0x1b:
		if (r->bx == 0)
			state_table(r);
		break;
	case 0x1c:
		save_restore(r);
		break;
	case 0x4f:
		vbe_service(r);
		break;
	default:
		break;
	}
}
