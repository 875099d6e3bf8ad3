/*
 * Setting modes: INT 10h AH=00h, the registers from the parameter table, palettes, and the card's
 * initialisation.
 */
#include "vga.h"

void entry_int10(void);

static const struct mode_info modes[] = {
	{ 0x00, MEM_TEXT, 4, 23, PALETTE_EGA, 8, 0xb800 },
	{ 0x01, MEM_TEXT, 4, 23, PALETTE_EGA, 8, 0xb800 },
	{ 0x02, MEM_TEXT, 4, 24, PALETTE_EGA, 8, 0xb800 },
	{ 0x03, MEM_TEXT, 4, 24, PALETTE_EGA, 8, 0xb800 },
	{ 0x04, MEM_CGA, 2, 4, PALETTE_CGA, 1, 0xb800 },
	{ 0x05, MEM_CGA, 2, 5, PALETTE_CGA, 1, 0xb800 },
	{ 0x06, MEM_CGA, 1, 6, PALETTE_CGA, 1, 0xb800 },
	{ 0x07, MEM_TEXT, 4, 25, PALETTE_MONO, 8, 0xb000 },
	{ 0x0d, MEM_PLANAR, 4, 13, PALETTE_CGA, 8, 0xa000 },
	{ 0x0e, MEM_PLANAR, 4, 14, PALETTE_CGA, 4, 0xa000 },
	{ 0x0f, MEM_PLANAR, 4, 17, PALETTE_MONO, 2, 0xa000 },
	{ 0x10, MEM_PLANAR, 4, 18, PALETTE_EGA, 2, 0xa000 },
	{ 0x11, MEM_PLANAR, 4, 26, PALETTE_EGA, 1, 0xa000 },
	{ 0x12, MEM_PLANAR, 4, 27, PALETTE_EGA, 1, 0xa000 },
	{ 0x13, MEM_LINEAR, 8, 28, PALETTE_256, 1, 0xa000 },
};

/* Pointer table of 40:A8h: video parameters, then what only some programs supply. */
static const u32 save_pointers[7] = { 0xc0000000u, 0, 0, 0, 0, 0, 0 };

const struct mode_info *mode_find(u32 mode)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (modes[i].mode == mode)
			return &modes[i];
	return NULL;
}

const struct mode_info *mode_now(void)
{
	return mode_find(bda8(BDA_MODE));
}

/* ---- attribute controller: index and data share a port behind a flip-flop ---- */

static void attr_reset(void)
{
	inb((u16)(bda16(BDA_CRTC) + 6));
}

u8 attr_read(u8 index)
{
	u8 value;

	attr_reset();
	outb(ATTR, index);
	value = inb(ATTR + 1);
	attr_reset();
	outb(ATTR, 0x20);	/* the palette is the display's again */
	return value;
}

void attr_write(u8 index, u8 value)
{
	attr_reset();
	outb(ATTR, index);
	outb(ATTR, value);
	attr_reset();
	outb(ATTR, 0x20);
}

void mode_registers(const struct mode_params *p)
{
	u16 crtc = p->misc & 1 ? 0x3d4 : 0x3b4;
	u32 i;

	bda16(BDA_CRTC) = crtc;
	attr_reset();
	outb(ATTR, 0x00);		/* screen off while things change */
	reg_write(SEQ, 0, 1);
	for (i = 0; i < 4; i++)
		reg_write(SEQ, (u8)(i + 1), p->seq[i]);
	outb(MISC, p->misc);
	reg_write(SEQ, 0, 3);
	reg_write(crtc, 0x11, 0);	/* unlock 00h-07h */
	for (i = 0; i < 25; i++)
		reg_write(crtc, (u8)i, p->crtc[i]);
	for (i = 0; i < 9; i++)
		reg_write(GC, (u8)i, p->gc[i]);
	attr_reset();
	for (i = 0; i < 20; i++) {
		outb(ATTR, (u8)i);
		outb(ATTR, p->attr[i]);
	}
	outb(ATTR, 0x14);
	outb(ATTR, 0);
}

/* ---- palettes ---- */

static void dac(u32 red, u32 green, u32 blue)
{
	outb(0x3c9, (u8)red);
	outb(0x3c9, (u8)green);
	outb(0x3c9, (u8)blue);
}

u32 gray_value(u32 red, u32 green, u32 blue)
{
	u32 gray = (red * 77 + green * 151 + blue * 28 + 128) >> 8;

	return gray > 63 ? 63 : gray;
}

void gray_range(u32 first, u32 count)
{
	for (; count && first < 256; first++, count--) {
		u32 red, green, gray;

		outb(0x3c7, (u8)first);
		red = inb(0x3c9);
		green = inb(0x3c9);
		gray = gray_value(red, green, inb(0x3c9));
		outb(0x3c8, (u8)first);
		dac(gray, gray, gray);
	}
}

/* The eight colours of the CGA, and bright; brown instead of dark yellow. */
static void cga_colour(u32 colour, u32 bright)
{
	u32 base = bright ? 0x15 : 0;

	dac(base + (colour & 4 ? 0x2a : 0),
	    colour == 6 && !bright ? 0x15 : base + (colour & 2 ? 0x2a : 0),
	    base + (colour & 1 ? 0x2a : 0));
}

static const u8 grays[16] = { 0, 5, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 45, 50, 56, 63 };

/* Five steps from the least to the most of a component: three intensities by three saturations. */
static const u8 ramps[9][5] = {
	{ 0, 16, 31, 47, 63 }, { 31, 39, 47, 55, 63 }, { 45, 49, 54, 58, 63 },
	{ 0, 7, 14, 21, 28 }, { 14, 17, 21, 24, 28 }, { 20, 22, 24, 26, 28 },
	{ 0, 4, 8, 12, 16 }, { 8, 10, 12, 14, 16 }, { 11, 12, 13, 15, 16 },
};

/* Once round the colours, from blue by red and green: 24 entries. */
static void hue_circle(const u8 *ramp)
{
	u32 i;

	for (i = 0; i < 24; i++) {
		u32 step = i & 3;
		u8 up = ramp[step];
		u8 down = ramp[4 - step];
		u8 low = ramp[0];
		u8 high = ramp[4];

		switch (i >> 2) {
		case 0:
			dac(up, low, high);
			break;
		case 1:
			dac(high, low, down);
			break;
		case 2:
			dac(high, up, low);
			break;
		case 3:
			dac(down, high, low);
			break;
		case 4:
			dac(low, high, up);
			break;
		default:
			dac(low, down, high);
			break;
		}
	}
}

void palette_load(u32 kind)
{
	u32 i;

	outb(0x3c6, 0xff);
	outb(0x3c8, 0);
	if (kind == PALETTE_256) {
		for (i = 0; i < 16; i++)
			cga_colour(i & 7, i >> 3);
		for (i = 0; i < 16; i++)
			dac(grays[i], grays[i], grays[i]);
		for (i = 0; i < 9; i++)
			hue_circle(ramps[i]);
		for (i = 248; i < 256; i++)
			dac(0, 0, 0);
	} else if (kind == PALETTE_EGA) {
		/* six bits: bright and dark thirds of red, green and blue */
		for (i = 0; i < 64; i++)
			dac((i & 4 ? 0x2a : 0) + (i & 0x20 ? 0x15 : 0),
			    (i & 2 ? 0x2a : 0) + (i & 0x10 ? 0x15 : 0),
			    (i & 1 ? 0x2a : 0) + (i & 0x08 ? 0x15 : 0));
	} else if (kind == PALETTE_CGA) {
		for (i = 0; i < 64; i++)
			cga_colour(i & 7, i >> 4 & 1);
	} else {
		for (i = 0; i < 64; i++) {
			u32 gray = (i & 0x18) == 0x08 ? 0x2a : (i & 0x18) == 0x18 ? 0x3f : 0;

			dac(gray, gray, gray);
		}
	}
}

/* Fill a whole 64 KiB segment or half of it; as many words as said. */
static void fill_words(u16 segment, u16 value, u32 count)
{
	u32 di = 0;

	__asm__ volatile("pushw %%es\n\tmovw %w2, %%es\n\tcld\n\t.byte 0x67; rep stosw\n\t"
			 "popw %%es"
			 : "+D"(di), "+c"(count) : "d"(segment), "a"(value) : "memory");
}

static void clear_memory(const struct mode_info *m)
{
	switch (m->memory) {
	case MEM_TEXT:
		fill_words(m->segment, 0x0720, 0x4000);
		break;
	case MEM_CGA:
		fill_words(m->segment, 0, 0x4000);
		break;
	default:
		fill_words(m->segment, 0, 0x8000);
		break;
	}
}

void font_table_set(u32 vector, u32 offset)
{
	put32(0, (u16)(vector * 4), 0xc0000000u | offset);
}

static u32 font_of_height(u32 height)
{
	return height == 8 ? (u32)font8 : height == 14 ? (u32)font14 : (u32)font16;
}

/* Which of the text modes' three parameter entries: 200, 350 or 400 lines, by 40:89h. */
static u32 text_params(const struct mode_info *m)
{
	u8 flags = bda8(BDA_VGA_FLAGS);

	if (flags & 0x10)
		return m->params;
	if (m->mode == 7)
		return 7;
	return flags & 0x80 ? m->mode : m->mode + 19u;
}

void mode_set(u32 mode)
{
	const struct mode_info *m = mode_find(mode & 0x7f);
	const struct mode_params *p;
	u32 keep = mode & 0x80;
	u32 i;

	if (!m)
		return;
	vbe_disable();
	p = &mode_table[m->memory == MEM_TEXT ? text_params(m) : m->params];
	mode_registers(p);
	if (!(bda8(BDA_VGA_FLAGS) & 0x08)) {
		palette_load(m->memory == MEM_TEXT && p->height == 8 ? PALETTE_CGA : m->palette);
		if (bda8(BDA_VGA_FLAGS) & 0x02)
			gray_range(0, 256);
	}
	if (!keep)
		clear_memory(m);
	bda8(BDA_MODE) = m->mode;
	bda16(BDA_COLS) = p->cols;
	bda16(BDA_PAGE_SIZE) = (u16)(p->page_size[0] | p->page_size[1] << 8);
	bda16(BDA_PAGE_START) = 0;
	for (i = 0; i < 8; i++)
		bda16(BDA_CURSOR + i * 2) = 0;
	bda16(BDA_CURSOR_TYPE) = 0x0607;
	bda8(BDA_PAGE) = 0;
	bda8(BDA_ROWS) = p->rows;
	bda16(BDA_HEIGHT) = p->height;
	bda8(BDA_EGA_INFO) = (u8)((bda8(BDA_EGA_INFO) & 0x01) | 0x60 | keep);
	bda8(BDA_CRT_CONTROL) = m->mode == 6 ? 0x1e : m->memory == MEM_TEXT ? 0x29 : 0x2a;
	bda8(BDA_CGA_PALETTE) = m->mode == 6 ? 0x3f : 0x30;
	bda16(BDA_VBE_MODE) = 0;
	bda16(BDA_EQUIPMENT) = (u16)((bda16(BDA_EQUIPMENT) & ~0x30) |
				     (m->mode == 7 ? 0x30 : p->cols == 40 ? 0x10 : 0x20));
	font_table_set(0x1f, (u32)font8 + 1024);
	font_table_set(0x43, font_of_height(p->height));
	if (m->memory == MEM_TEXT) {
		font_load_rom(p->height, 0);
		cursor_shape(0x0607);
		cursor_place(0, 0, 0);
	}
	outb(ATTR, 0x20);
}

void vga_init(struct regs SS *r);
void vga_init(struct regs SS *r)
{
	(void)r;
	put32(0, 0x10 * 4, 0xc0000000u | (u32)entry_int10);
	bda8(BDA_EGA_INFO) = 0x60;
	bda8(BDA_EGA_SWITCHES) = 0xf9;
	bda8(BDA_VGA_FLAGS) = 0x51;	/* 400 lines, VGA active */
	bda8(BDA_DCC) = 0x08;
	bda32(BDA_SAVE_PTR) = 0xc0000000u | (u32)save_pointers;
	font_table_set(0x1f, (u32)font8 + 1024);
	font_table_set(0x43, (u32)font16);
	outb(MISC, 0xe3);
	outb(0x3c3, 1);
	mode_set(3);
}
