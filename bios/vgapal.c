/*
 * INT 10h AH=10h: attribute controller palette and DAC.
 */
#include "vga.h"

static void dac_block_write(struct regs SS *r)
{
	u16 segment = r->es;
	u32 offset = r->dx;
	u32 count = r->cx;

	set_fs(segment);
	outb(0x3c8, r->bl);
	for (count *= 3; count; count--, offset++)
		outb(0x3c9, fs8(offset & 0xffff));
}

static void dac_block_read(struct regs SS *r)
{
	u16 segment = r->es;
	u32 offset = r->dx;
	u32 count = r->cx;

	set_fs(segment);
	outb(0x3c7, r->bl);
	for (count *= 3; count; count--, offset++)
		fs8(offset & 0xffff) = inb(0x3c9);
}

/* Colour pages: four of 64 or sixteen of 16. */
static void paging(struct regs SS *r)
{
	u8 mode = attr_read(0x10);

	if (r->bl == 0) {
		attr_write(0x10, (u8)((mode & 0x7f) | (r->bh & 1) << 7));
	} else if (r->bl == 1) {
		attr_write(0x14, mode & 0x80 ? r->bh & 0x0f : (r->bh & 3) << 2);
	}
}

void palette_service(struct regs SS *r)
{
	u32 i;

	switch (r->al) {
	case 0x00:
		if (r->bl < 0x15)
			attr_write(r->bl, r->bh);
		break;
	case 0x01:
		attr_write(0x11, r->bh);
		break;
	case 0x02:
		for (i = 0; i < 17; i++)
			attr_write((u8)(i == 16 ? 0x11 : i), far8(r->es, (u16)(r->dx + i)));
		break;
	case 0x03:
		attr_write(0x10, (u8)((attr_read(0x10) & 0xf7) | (r->bl & 1) << 3));
		if (r->bl & 1)
			bda8(BDA_CRT_CONTROL) |= 0x20;
		else
			bda8(BDA_CRT_CONTROL) &= 0xdf;
		break;
	case 0x07:
		if (r->bl < 0x15)
			r->bh = attr_read(r->bl);
		break;
	case 0x08:
		r->bh = attr_read(0x11);
		break;
	case 0x09:
		for (i = 0; i < 17; i++)
			put8(r->es, (u16)(r->dx + i), attr_read((u8)(i == 16 ? 0x11 : i)));
		break;
	case 0x10:
		outb(0x3c8, r->bl);
		if (bda8(BDA_VGA_FLAGS) & 0x02) {
			u32 gray = gray_value(r->dh & 63, r->ch & 63, r->cl & 63);

			outb(0x3c9, (u8)gray);
			outb(0x3c9, (u8)gray);
			outb(0x3c9, (u8)gray);
			break;
		}
		outb(0x3c9, r->dh);
		outb(0x3c9, r->ch);
		outb(0x3c9, r->cl);
		break;
	case 0x12:
		dac_block_write(r);
		if (bda8(BDA_VGA_FLAGS) & 0x02)
			gray_range(r->bl, r->cx);
		break;
	case 0x13:
		paging(r);
		break;
	case 0x15:
		outb(0x3c7, r->bl);
		r->dh = inb(0x3c9);
		r->ch = inb(0x3c9);
		r->cl = inb(0x3c9);
		break;
	case 0x17:
		dac_block_read(r);
		break;
	case 0x18:
		outb(0x3c6, r->bl);
		break;
	case 0x19:
		r->bl = inb(0x3c6);
		break;
	case 0x1a:
		r->bl = attr_read(0x10) >> 7;
		r->bh = attr_read(0x14);
		if (!r->bl)
			r->bh >>= 2;
		break;
	case 0x1b:
		gray_range(r->bl, r->cx);
		break;
	default:
		break;
	}
}
