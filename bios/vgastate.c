/*
 * INT 10h AH=1Bh (what the card can do and is doing) and AH=1Ch (saving and restoring it).
 */
#include "vga.h"

/* What the hardware can do: modes 0-7 and 0Dh-13h, 200/350/400 lines, eight fonts, two at once. */
const u8 static_functionality[16] = {
	0xff, 0xe0, 0x0f, 0, 0, 0, 0, 0x07, 0x08, 0x02, 0xff, 0x0e, 0, 0, 0, 0
};

void state_table(struct regs SS *r)
{
	u16 segment = r->es;
	u32 di = r->di;
	const struct mode_info *m = mode_now();
	u32 i;
	u8 cols16 = m ? m->memory == MEM_TEXT ? 16 : m->memory == MEM_LINEAR ? 0 :
		(u8)(1u << m->bits) : 0;
	u8 colours_high = m && m->memory == MEM_LINEAR;
	u32 lines = bda8(BDA_VGA_FLAGS) & 0x80 ? 0 : bda8(BDA_VGA_FLAGS) & 0x10 ? 2 : 1;

	set_fs(segment);
	for (i = 0; i < 64; i++)
		fs8(di + i) = 0;
	fs32(di) = 0xc0000000u | (u32)static_functionality;
	for (i = 0; i < 30; i++)
		fs8(di + 4 + i) = bda8(BDA_MODE + i);
	for (i = 0; i < 3; i++)
		fs8(di + 0x22 + i) = bda8(BDA_ROWS + i);
	fs8(di + 0x25) = 0x08;
	fs8(di + 0x27) = cols16;
	fs8(di + 0x28) = colours_high;
	fs8(di + 0x29) = m ? m->pages : 1;
	if (m && m->mode == 0x11)
		lines = 3;
	if (m && m->mode == 0x12)
		lines = 3;
	if (m && (m->mode == 0x0f || m->mode == 0x10))
		lines = 1;
	fs8(di + 0x2a) = (u8)lines;
	outb(SEQ, 3);
	i = inb(SEQ + 1);
	fs8(di + 0x2b) = (u8)((i & 3) | (i >> 2 & 4));
	fs8(di + 0x2c) = (u8)((i >> 2 & 3) | (i >> 3 & 4));
	fs8(di + 0x2d) = (u8)(0x01 | (bda8(BDA_VGA_FLAGS) & 0x02 ? 2 : 0) |
			      (bda8(BDA_VGA_FLAGS) & 0x08) |
			      (bda8(BDA_EGA_INFO) & 1 ? 0 : 0x10) |
			      (bda8(BDA_CRT_CONTROL) & 0x20));
	fs8(di + 0x31) = 3;	/* 256 KiB or more */
	r->al = 0x1b;
}

/* ---- save and restore: 1 hardware, 2 BIOS data, 4 DAC; 8 the VBE registers (for VBE) ---- */

#define HW_SIZE 0x60
#define BDA_SIZE 0x60
#define DAC_SIZE 0x304
#define VBE_SIZE 0x20

u32 state_size(u32 what)
{
	return (what & 1 ? HW_SIZE : 0) + (what & 2 ? BDA_SIZE : 0) + (what & 4 ? DAC_SIZE : 0) +
		(what & 8 ? VBE_SIZE : 0);
}

static u32 hardware_save(u32 at)
{
	u16 crtc = bda16(BDA_CRTC);
	u32 i;

	fs8(at) = inb(SEQ);
	fs8(at + 1) = inb(crtc);
	fs8(at + 2) = inb(GC);
	fs8(at + 4) = inb(0x3ca);
	fs8(at + 5) = inb(0x3cc);
	fs16(at + 6) = crtc;
	for (i = 0; i < 5; i++)
		fs8(at + 8 + i) = reg_read(SEQ, (u8)i);
	for (i = 0; i < 25; i++)
		fs8(at + 0x10 + i) = reg_read(crtc, (u8)i);
	for (i = 0; i < 21; i++)
		fs8(at + 0x30 + i) = attr_read((u8)i);
	for (i = 0; i < 9; i++)
		fs8(at + 0x48 + i) = reg_read(GC, (u8)i);
	outb(SEQ, fs8(at));
	outb(crtc, fs8(at + 1));
	outb(GC, fs8(at + 2));
	return at + HW_SIZE;
}

static u32 hardware_restore(u32 at)
{
	u16 crtc = fs16(at + 6);
	u32 i;

	if (crtc != 0x3b4 && crtc != 0x3d4)
		return at + HW_SIZE;
	bda16(BDA_CRTC) = crtc;
	reg_write(SEQ, 0, 1);
	for (i = 1; i < 5; i++)
		reg_write(SEQ, (u8)i, fs8(at + 8 + i));
	outb(MISC, fs8(at + 5));
	reg_write(SEQ, 0, 3);
	reg_write(crtc, 0x11, fs8(at + 0x10 + 0x11) & 0x7f);
	for (i = 0; i < 25; i++)
		if (i != 0x11)
			reg_write(crtc, (u8)i, fs8(at + 0x10 + i));
	reg_write(crtc, 0x11, fs8(at + 0x10 + 0x11));
	for (i = 0; i < 21; i++)
		attr_write((u8)i, fs8(at + 0x30 + i));
	for (i = 0; i < 9; i++)
		reg_write(GC, (u8)i, fs8(at + 0x48 + i));
	outb((u16)(crtc + 6), fs8(at + 4));
	outb(SEQ, fs8(at));
	outb(crtc, fs8(at + 1));
	outb(GC, fs8(at + 2));
	return at + HW_SIZE;
}

static u32 dac_save(u32 at)
{
	u32 i;

	fs8(at) = inb(0x3c6);
	outb(0x3c7, 0);
	for (i = 0; i < 768; i++)
		fs8(at + 4 + i) = inb(0x3c9);
	return at + DAC_SIZE;
}

static u32 dac_restore(u32 at)
{
	u32 i;

	outb(0x3c6, fs8(at));
	outb(0x3c8, 0);
	for (i = 0; i < 768; i++)
		outb(0x3c9, fs8(at + 4 + i));
	return at + DAC_SIZE;
}

static void vbe_registers(u32 at, u32 restore)
{
	u32 i;

	if (!vbe_present())
		return;
	if (restore) {
		outw(0x1ce, 4);
		outw(0x1cf, 0);
		for (i = 1; i < 10; i++) {
			if (i == 4)
				continue;
			outw(0x1ce, (u16)i);
			outw(0x1cf, fs16(at + i * 2));
		}
		outw(0x1ce, 4);
		outw(0x1cf, fs16(at + 8) ? fs16(at + 8) | 0x80 : 0);
		/* these are reset by enabling */
		for (i = 5; i < 10; i++) {
			outw(0x1ce, (u16)i);
			outw(0x1cf, fs16(at + i * 2));
		}
		return;
	}
	for (i = 1; i < 10; i++) {
		outw(0x1ce, (u16)i);
		fs16(at + i * 2) = inw(0x1cf);
	}
}

void state_save(u32 what, u16 segment, u16 offset)
{
	u32 at = offset;
	u32 i;

	set_fs(segment);
	if (what & 1)
		at = hardware_save(at);
	set_fs(segment);
	if (what & 2) {
		for (i = 0; i < 30; i++)
			fs8(at + i) = bda8(BDA_MODE + i);
		for (i = 0; i < 7; i++)
			fs8(at + 32 + i) = bda8(BDA_ROWS + i);
		fs32(at + 40) = bda32(BDA_SAVE_PTR);
		fs16(at + 44) = bda16(BDA_VBE_MODE);
		fs16(at + 46) = bda16(BDA_EQUIPMENT);
		at += BDA_SIZE;
	}
	if (what & 4)
		at = dac_save(at);
	if (what & 8)
		vbe_registers(at, 0);
}

void state_restore(u32 what, u16 segment, u16 offset)
{
	u32 at = offset;
	u32 i;
	u32 order = at + (what & 1 ? HW_SIZE : 0) + (what & 2 ? BDA_SIZE : 0) +
		(what & 4 ? DAC_SIZE : 0);

	set_fs(segment);
	/* the VBE registers first: switching them rewrites ordinary ones */
	if (what & 8)
		vbe_registers(order, 1);
	if (what & 1)
		at = hardware_restore(at);
	if (what & 2) {
		for (i = 0; i < 30; i++)
			bda8(BDA_MODE + i) = fs8(at + i);
		for (i = 0; i < 7; i++)
			bda8(BDA_ROWS + i) = fs8(at + 32 + i);
		bda32(BDA_SAVE_PTR) = fs32(at + 40);
		bda16(BDA_VBE_MODE) = fs16(at + 44);
		bda16(BDA_EQUIPMENT) = (u16)((bda16(BDA_EQUIPMENT) & ~0x30) |
					     (fs16(at + 46) & 0x30));
		at += BDA_SIZE;
	}
	if (what & 4)
		dac_restore(at);
}
