/*
 * VESA BIOS Extension 3.0 (INT 10h AH=4Fh) on the Bochs display interface: index at port 1CEh,
 * data at 1CFh, linear framebuffer in the first BAR of the PCI function.
 */
#include "vga.h"

#define X_RES 1
#define Y_RES 2
#define BPP 3
#define ENABLE 4
#define BANK 5
#define VIRT_WIDTH 6
#define VIRT_HEIGHT 7
#define X_OFFSET 8
#define Y_OFFSET 9
#define MEMORY_64K 10

#define ENABLED 0x01
#define DAC_8BIT 0x20
#define LINEAR 0x40
#define KEEP_MEMORY 0x80

struct vbe_mode {
	u16 number;
	u16 width;
	u16 height;
	u16 bpp;
};

static const struct vbe_mode vbe_modes[] = {
	{ 0x100, 640, 400, 8 }, { 0x101, 640, 480, 8 }, { 0x103, 800, 600, 8 },
	{ 0x105, 1024, 768, 8 }, { 0x107, 1280, 1024, 8 },
	{ 0x10d, 320, 200, 15 }, { 0x10e, 320, 200, 16 }, { 0x10f, 320, 200, 24 },
	{ 0x110, 640, 480, 15 }, { 0x111, 640, 480, 16 }, { 0x112, 640, 480, 24 },
	{ 0x113, 800, 600, 15 }, { 0x114, 800, 600, 16 }, { 0x115, 800, 600, 24 },
	{ 0x116, 1024, 768, 15 }, { 0x117, 1024, 768, 16 }, { 0x118, 1024, 768, 24 },
	{ 0x119, 1280, 1024, 15 }, { 0x11a, 1280, 1024, 16 }, { 0x11b, 1280, 1024, 24 },
	{ 0x11c, 1600, 1200, 8 }, { 0x11d, 1600, 1200, 15 }, { 0x11e, 1600, 1200, 16 },
	{ 0x11f, 1600, 1200, 24 },
	{ 0x140, 320, 200, 32 }, { 0x141, 640, 400, 32 }, { 0x142, 640, 480, 32 },
	{ 0x143, 800, 600, 32 }, { 0x144, 1024, 768, 32 }, { 0x145, 1280, 1024, 32 },
	{ 0x146, 320, 200, 8 }, { 0x147, 1600, 1200, 32 }, { 0x148, 1152, 864, 8 },
	{ 0x149, 1152, 864, 15 }, { 0x14a, 1152, 864, 16 }, { 0x14b, 1152, 864, 24 },
	{ 0x14c, 1152, 864, 32 },
	{ 0x175, 1280, 768, 16 }, { 0x176, 1280, 768, 24 }, { 0x177, 1280, 768, 32 },
	{ 0x178, 1280, 800, 16 }, { 0x179, 1280, 800, 24 }, { 0x17a, 1280, 800, 32 },
	{ 0x17b, 1280, 960, 16 }, { 0x17c, 1280, 960, 24 }, { 0x17d, 1280, 960, 32 },
	{ 0x17e, 1440, 900, 16 }, { 0x17f, 1440, 900, 24 }, { 0x180, 1440, 900, 32 },
	{ 0x184, 1680, 1050, 16 }, { 0x185, 1680, 1050, 24 }, { 0x186, 1680, 1050, 32 },
	{ 0x18d, 1280, 720, 16 }, { 0x18e, 1280, 720, 24 }, { 0x18f, 1280, 720, 32 },
	{ 0x190, 1920, 1080, 16 }, { 0x191, 1920, 1080, 24 }, { 0x192, 1920, 1080, 32 },
	{ 0x1f0, 320, 240, 8 }, { 0x1f1, 320, 240, 16 }, { 0x1f2, 320, 240, 32 },
	{ 0x1f3, 400, 300, 8 }, { 0x1f4, 400, 300, 16 }, { 0x1f5, 400, 300, 32 },
	{ 0x1f6, 512, 384, 8 }, { 0x1f7, 512, 384, 16 }, { 0x1f8, 512, 384, 32 },
};

static const char oem_string[] = "Clearbox VGA BIOS";
static const char vendor_string[] = "Clearbox";
static const char product_string[] = "Bochs display interface";
static const char revision_string[] = "1.0";

static u16 dispi_read(u16 index)
{
	outw(0x1ce, index);
	return inw(0x1cf);
}

static void dispi_write(u16 index, u32 value)
{
	outw(0x1ce, index);
	outw(0x1cf, (u16)value);
}

u32 vbe_present(void)
{
	return (dispi_read(0) & 0xfff0) == 0xb0c0;
}

void vbe_disable(void)
{
	if (vbe_present())
		dispi_write(ENABLE, 0);
	bda16(BDA_VBE_MODE) = 0;
}

static u32 memory_64k(void)
{
	u32 blocks = dispi_read(MEMORY_64K);

	return blocks ? blocks : 256;
}

/* Where the first BAR of the display function is; 0 when it cannot be found. */
static u32 framebuffer(void)
{
	u32 slot;

	for (slot = 0; slot < 32; slot++) {
		u32 address = 0x80000000u | slot << 11;
		u32 bar;

		outl(0xcf8, address);
		if (inl(0xcfc) != 0x11111234)
			continue;
		outl(0xcf8, address | 0x10);
		bar = inl(0xcfc);
		if (bar & 1)
			continue;
		return bar & 0xfffffff0;
	}
	return 0;
}

static u32 bytes_per_pixel(u32 bpp)
{
	return (bpp + 7) >> 3;
}

static u32 pitch(const struct vbe_mode *m)
{
	return m->width * bytes_per_pixel(m->bpp);
}

static u32 usable(const struct vbe_mode *m)
{
	return pitch(m) * m->height <= memory_64k() << 16;
}

static const struct vbe_mode *vbe_find(u32 number)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(vbe_modes); i++)
		if (vbe_modes[i].number == number)
			return usable(&vbe_modes[i]) ? &vbe_modes[i] : NULL;
	return NULL;
}

static void answer(struct regs SS *r, u32 status)
{
	r->ax = (u16)(status << 8 | 0x4f);
}

/* ---- 00h: the card ---- */

static void far_string(u32 at, const char *s)
{
	do {
		fs8(at++) = (u8)*s;
	} while (*s++);
}

static void controller_info(struct regs SS *r)
{
	u16 segment = r->es;
	u32 di = r->di;
	u32 list;
	u32 version2;
	u32 i;

	set_fs(segment);
	version2 = fs32(di) == 0x32454256;	/* "VBE2": 512 bytes, not 256 */
	for (i = 0; i < (version2 ? 512u : 256u); i++)
		fs8(di + i) = 0;
	fs32(di) = 0x41534556;			/* "VESA" */
	fs16(di + 4) = 0x0300;
	fs32(di + 6) = 0xc0000000u | (u32)oem_string;
	fs32(di + 10) = 1;			/* the DAC can be 8 bits wide */
	fs16(di + 18) = (u16)memory_64k();
	if (version2) {
		fs16(di + 20) = 0x0100;
		/* strings in the caller's block, as VBE 2.0 and later want */
		far_string(di + 0x1e0, vendor_string);
		fs32(di + 22) = (u32)segment << 16 | (di + 0x1e0);
		far_string(di + 0x1c0, product_string);
		fs32(di + 26) = (u32)segment << 16 | (di + 0x1c0);
		far_string(di + 0x1f0, revision_string);
		fs32(di + 30) = (u32)segment << 16 | (di + 0x1f0);
		far_string(di + 0x1a0, oem_string);
		fs32(di + 6) = (u32)segment << 16 | (di + 0x1a0);
	}
	list = di + 34;
	fs32(di + 14) = (u32)segment << 16 | list;
	for (i = 0; i < ARRAY_SIZE(vbe_modes); i++) {
		if (!usable(&vbe_modes[i]))
			continue;
		fs16(list) = vbe_modes[i].number;
		list += 2;
	}
	fs16(list) = 0xffff;
	answer(r, 0);
}

/* ---- 01h: a mode ---- */

/* Size and position of red, green, blue and the rest, from offset 31. */
static const u8 layouts[4][8] = {
	{ 5, 10, 5, 5, 5, 0, 1, 15 },
	{ 5, 11, 6, 5, 5, 0, 0, 0 },
	{ 8, 16, 8, 8, 8, 0, 0, 0 },
	{ 8, 16, 8, 8, 8, 0, 8, 24 },
};

static void mode_information(struct regs SS *r)
{
	const struct vbe_mode *m = vbe_find(r->cx & 0x1ff);
	u32 di = r->di;
	u32 lfb = framebuffer();
	u32 pages;
	u32 i;

	if (!m) {
		answer(r, 1);
		return;
	}
	pages = (memory_64k() << 16) / (pitch(m) * m->height);
	if (pages > 256)
		pages = 256;
	set_fs(r->es);
	for (i = 0; i < 256; i++)
		fs8(di + i) = 0;
	/* supported, colour, graphics; linear framebuffer */
	fs16(di) = (u16)(0x001b | (lfb ? 0x80 : 0));
	fs8(di + 2) = 0x07;		/* window A: there, readable, writable */
	fs16(di + 4) = 64;
	fs16(di + 6) = 64;
	fs16(di + 8) = 0xa000;
	fs32(di + 12) = 0;		/* no far function: use 4F05h */
	fs16(di + 16) = (u16)pitch(m);
	fs16(di + 18) = m->width;
	fs16(di + 20) = m->height;
	fs8(di + 22) = 8;
	fs8(di + 23) = 16;
	fs8(di + 24) = 1;
	fs8(di + 25) = (u8)m->bpp;
	fs8(di + 26) = 1;
	fs8(di + 27) = m->bpp == 8 ? 4 : 6;	/* packed pixels, direct colour */
	fs8(di + 29) = (u8)(pages - 1);
	fs8(di + 30) = 1;
	if (m->bpp > 8) {
		const u8 *layout = layouts[m->bpp == 15 ? 0 : m->bpp == 16 ? 1 :
					   m->bpp == 24 ? 2 : 3];

		for (i = 0; i < 8; i++)
			fs8(di + 31 + i) = layout[i];
		fs8(di + 39) = m->bpp == 15 || m->bpp == 32 ? 2 : 0;
		for (i = 0; i < 8; i++)
			fs8(di + 54 + i) = layout[i];
	}
	fs32(di + 40) = lfb;
	fs16(di + 50) = (u16)pitch(m);
	fs8(di + 52) = (u8)(pages - 1);
	fs8(di + 53) = (u8)(pages - 1);
	fs32(di + 62) = 250000000;
	answer(r, 0);
}

/* ---- 02h, 03h ---- */

static void set_mode(struct regs SS *r)
{
	const struct vbe_mode *m;
	u32 number = r->bx & 0x1ff;

	if (!(r->bx & 0x0100)) {
		if (!mode_find(number & 0x7f)) {
			answer(r, 1);
			return;
		}
		mode_set((number & 0x7f) | (r->bx & 0x8000 ? 0x80 : 0));
		answer(r, 0);
		return;
	}
	m = vbe_find(number);
	if (!m || (r->bx & 0x4000 && !framebuffer())) {
		answer(r, 1);
		return;
	}
	/* the ordinary registers in a linear 256-colour state, then the extension takes over */
	dispi_write(ENABLE, 0);
	mode_registers(&mode_table[28]);
	if (!(bda8(BDA_VGA_FLAGS) & 0x08))
		palette_load(PALETTE_256);
	dispi_write(X_RES, m->width);
	dispi_write(Y_RES, m->height);
	dispi_write(BPP, m->bpp);
	dispi_write(BANK, 0);
	dispi_write(ENABLE, ENABLED | (r->bx & 0x4000 ? LINEAR : 0) |
		    (r->bx & 0x8000 ? KEEP_MEMORY : 0));
	outb(ATTR, 0x20);
	bda8(BDA_MODE) = 0x6f;		/* no number of the IBM's */
	bda16(BDA_COLS) = m->width / 8;
	bda8(BDA_ROWS) = (u8)(m->height / 16 - 1);
	bda16(BDA_HEIGHT) = 16;
	bda8(BDA_PAGE) = 0;
	bda16(BDA_VBE_MODE) = (u16)(number | (r->bx & 0xc000));
	answer(r, 0);
}

static u32 graphics_on(void)
{
	return bda16(BDA_VBE_MODE) && dispi_read(ENABLE) & ENABLED;
}

/* ---- 04h-09h ---- */

static void save_restore(struct regs SS *r)
{
	u32 what = r->cx & 0x0f;

	switch (r->dl) {
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
		answer(r, 1);
		return;
	}
	answer(r, 0);
}

static void window(struct regs SS *r)
{
	if (!graphics_on() || bda16(BDA_VBE_MODE) & 0x4000) {
		answer(r, 3);
		return;
	}
	if (r->bl || r->bh > 1 || (r->bh == 0 && r->dx >= memory_64k())) {
		answer(r, 1);
		return;
	}
	if (r->bh == 0)
		dispi_write(BANK, r->dx);
	else
		r->dx = dispi_read(BANK);
	answer(r, 0);
}

static void scan_line(struct regs SS *r)
{
	u32 each = bytes_per_pixel(dispi_read(BPP));
	u32 width;
	u32 most;

	if (!graphics_on()) {
		answer(r, 3);
		return;
	}
	most = (memory_64k() << 16) / (dispi_read(Y_RES) * each);
	if (most > 0x7ff8)
		most = 0x7ff8;
	most &= ~7u;
	if (r->bl == 0 || r->bl == 2) {
		width = r->bl == 0 ? r->cx : (r->cx + each - 1) / each;
		if (width > most) {
			answer(r, 2);
			return;
		}
		dispi_write(VIRT_WIDTH, width);
	} else if (r->bl == 3) {
		r->cx = (u16)most;
		r->bx = (u16)(most * each);
		r->dx = (u16)((memory_64k() << 16) / (most * each));
		answer(r, 0);
		return;
	} else if (r->bl != 1) {
		answer(r, 1);
		return;
	}
	width = dispi_read(VIRT_WIDTH);
	r->cx = (u16)width;
	r->bx = (u16)(width * each);
	width = (memory_64k() << 16) / (width * each);
	r->dx = (u16)(width > 0xffff ? 0xffff : width);
	answer(r, 0);
}

static void display_start(struct regs SS *r)
{
	if (!graphics_on()) {
		answer(r, 3);
		return;
	}
	if ((r->bl & 0x7f) == 1) {
		r->cx = dispi_read(X_OFFSET);
		r->dx = dispi_read(Y_OFFSET);
		r->bh = 0;
	} else if ((r->bl & 0x7f) == 0) {
		u32 wide = dispi_read(VIRT_WIDTH) * bytes_per_pixel(dispi_read(BPP));

		if ((r->dx + dispi_read(Y_RES)) * wide > memory_64k() << 16 ||
		    (u32)r->cx + dispi_read(X_RES) > dispi_read(VIRT_WIDTH)) {
			answer(r, 2);
			return;
		}
		if (r->bl & 0x80) {
			u32 polls;

			for (polls = 0; polls < 0x10000 && inb(0x3da) & 8; polls++)
				continue;
			for (polls = 0; polls < 0x10000 && !(inb(0x3da) & 8); polls++)
				continue;
		}
		dispi_write(X_OFFSET, r->cx);
		dispi_write(Y_OFFSET, r->dx);
	} else {
		answer(r, 1);
		return;
	}
	answer(r, 0);
}

static void dac_width(struct regs SS *r)
{
	u16 enable = dispi_read(ENABLE);

	if (dispi_read(BPP) > 8 && graphics_on()) {
		answer(r, 3);
		return;
	}
	if (r->bl == 0) {
		enable = r->bh >= 8 ? enable | DAC_8BIT : enable & (u16)~DAC_8BIT;
		dispi_write(ENABLE, enable | KEEP_MEMORY);
	} else if (r->bl != 1) {
		answer(r, 1);
		return;
	}
	r->bh = dispi_read(ENABLE) & DAC_8BIT ? 8 : 6;
	answer(r, 0);
}

/* Entries are blue, green, red, unused. */
static void palette_data(struct regs SS *r)
{
	u32 at = r->di;
	u32 count = r->cx;

	if (r->dx > 255 || count > 256 || r->dx + count > 256) {
		answer(r, 1);
		return;
	}
	set_fs(r->es);
	switch (r->bl & 0x7f) {
	case 0:
		outb(0x3c8, r->dl);
		for (; count; count--, at += 4) {
			outb(0x3c9, fs8(at + 2));
			outb(0x3c9, fs8(at + 1));
			outb(0x3c9, fs8(at));
		}
		break;
	case 1:
		outb(0x3c7, r->dl);
		for (; count; count--, at += 4) {
			fs8(at + 2) = inb(0x3c9);
			fs8(at + 1) = inb(0x3c9);
			fs8(at) = inb(0x3c9);
			fs8(at + 3) = 0;
		}
		break;
	default:
		answer(r, 2);
		return;
	}
	answer(r, 0);
}

static void power(struct regs SS *r)
{
	u8 clocking;

	switch (r->bl) {
	case 0:
		r->bx = 0x0730;
		break;
	case 1:
		clocking = reg_read(SEQ, 1);
		reg_write(SEQ, 1, r->bh ? clocking | 0x20 : clocking & 0xdf);
		break;
	case 2:
		r->bh = reg_read(SEQ, 1) & 0x20 ? 1 : 0;
		break;
	default:
		answer(r, 1);
		return;
	}
	answer(r, 0);
}

/*
 * 15h, display data channel: the EDID 1.3 of a monitor "Clearbox" that likes 1024x768 and takes
 * up to 1600x1200.
 */
static const u8 edid[128] = {
	0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x0c, 0x58, 0x01, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x2f, 0x24, 0x01, 0x03, 0x08, 0x20, 0x18, 0x78,
	0x0a, 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54, 0x21,
	0x08, 0x00, 0x81, 0x80, 0xa9, 0x40, 0x71, 0x40, 0x01, 0x01, 0x01, 0x01,
	0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x64, 0x19, 0x00, 0x40, 0x41, 0x00,
	0x26, 0x30, 0x18, 0x88, 0x36, 0x00, 0x40, 0xf0, 0x10, 0x00, 0x00, 0x18,
	0x00, 0x00, 0x00, 0xfc, 0x00, 0x43, 0x6c, 0x65, 0x61, 0x72, 0x62, 0x6f,
	0x78, 0x0a, 0x20, 0x20, 0x20, 0x20, 0x00, 0x00, 0x00, 0xfd, 0x00, 0x32,
	0x4b, 0x1e, 0x5a, 0x11, 0x00, 0x0a, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
	0x00, 0x00, 0x00, 0xfe, 0x00, 0x0a, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
	0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x00, 0xf9,
};

static void display_data(struct regs SS *r)
{
	u32 i;

	if (r->bl == 0) {
		r->bx = 0x0002;		/* DDC2; the screen stays on meanwhile */
		answer(r, 0);
	} else if (r->bl == 1 && r->dx == 0) {
		for (i = 0; i < 128; i++)
			put8(r->es, (u16)(r->di + i), edid[i]);
		answer(r, 0);
	} else {
		answer(r, 1);
	}
}

void vbe_service(struct regs SS *r)
{
	if (!vbe_present())
		return;
	switch (r->al) {
	case 0x00:
		controller_info(r);
		break;
	case 0x01:
		mode_information(r);
		break;
	case 0x02:
		set_mode(r);
		break;
	case 0x03:
		r->bx = bda16(BDA_VBE_MODE) ? bda16(BDA_VBE_MODE) : bda8(BDA_MODE);
		answer(r, 0);
		break;
	case 0x04:
		save_restore(r);
		break;
	case 0x05:
		window(r);
		break;
	case 0x06:
		scan_line(r);
		break;
	case 0x07:
		display_start(r);
		break;
	case 0x08:
		dac_width(r);
		break;
	case 0x09:
		palette_data(r);
		break;
	case 0x10:
		power(r);
		break;
	case 0x15:
		display_data(r);
		break;
	default:
		r->ax = 0x0100;		/* not supported; 0Ah: there is no 32-bit interface */
		break;
	}
}
