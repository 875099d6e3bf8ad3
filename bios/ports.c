/*
 * INT 14h (serial), INT 17h (printer) and INT 05h (print screen). 16550 and the IBM parallel port.
 */
#include "bios16.h"

static const u16 divisors[8] = { 1047, 768, 384, 192, 96, 48, 24, 12 };

/* Wait until all bits of mask are set in a port; the time allowed is in units of about a second. */
static u32 wait_bits(u16 port, u8 mask, u32 seconds)
{
	do {
		u32 start = pm_now();
		u32 polls = 0;

		while (!second_passed(start, polls++))
			if ((inb(port) & mask) == mask)
				return 1;
	} while (seconds-- > 1);
	return 0;
}

void int14(struct regs SS *r)
{
	u16 port = r->dx < 4 ? bda16(BDA_COM + r->dx * 2u) : 0;
	u32 timeout;
	u8 lcr;

	if (!port)
		return;
	timeout = bda8(BDA_COM_TIMEOUT + (u32)r->dx);
	irq_on();
	switch (r->ah) {
	case 0x00:
		lcr = r->al & 0x1f;
		outb(port + 3, lcr | 0x80);
		outb(port, (u8)divisors[r->al >> 5]);
		outb(port + 1, (u8)(divisors[r->al >> 5] >> 8));
		outb(port + 3, lcr);
		outb(port + 1, 0);
		break;
	case 0x01:
		outb(port + 4, 0x03);
		if (!wait_bits(port + 5, 0x20, timeout)) {
			r->ah = inb(port + 5) | 0x80;
			return;
		}
		outb(port, r->al);
		r->ah = inb(port + 5) & 0x7f;
		return;
	case 0x02:
		outb(port + 4, 0x03);
		if (!wait_bits(port + 5, 0x01, timeout)) {
			r->ah = inb(port + 5) | 0x80;
			return;
		}
		r->ah = inb(port + 5) & 0x1e;
		r->al = inb(port);
		return;
	case 0x03:
		break;
	case 0x04:	/* extended initialise: BH parity, BL stop, CH length, CL rate */
		lcr = (u8)((r->ch & 3) | (r->bl ? 4 : 0));
		lcr |= r->bh == 1 ? 0x08 : r->bh == 2 ? 0x18 : r->bh == 3 ? 0x28 :
			r->bh == 4 ? 0x38 : 0;
		if (r->al)
			lcr |= 0x40;
		{
			u16 divisor = r->cl < 8 ? divisors[r->cl] : r->cl == 8 ? 6 : 3;

			outb(port + 3, lcr | 0x80);
			outb(port, (u8)divisor);
			outb(port + 1, (u8)(divisor >> 8));
			outb(port + 3, lcr);
		}
		break;
	case 0x05:
		if (r->al == 1)
			outb(port + 4, r->bl & 0x1f);
		else
			r->bl = inb(port + 4);
		break;
	default:
		return;
	}
	r->ah = inb(port + 5);
	r->al = inb(port + 6);
}

static u8 printer_status(u16 port)
{
	return (u8)((inb(port + 1) & 0xf8) ^ 0x48);
}

/* Returns the status INT 17h shows, with bit 0 for a timeout. */
static u8 print_byte(u16 port, u8 value, u32 timeout)
{
	outb(port, value);
	if (!wait_bits(port + 1, 0x80, timeout))
		return printer_status(port) | 0x01;
	outb(port + 2, 0x0d);
	delay_us(1);
	outb(port + 2, 0x0c);
	return printer_status(port);
}

void int17(struct regs SS *r)
{
	u16 port = r->dx < 3 ? bda16(BDA_LPT + r->dx * 2u) : 0;

	if (!port) {
		if (r->ah <= 2)
			r->ah = 0x01;
		return;
	}
	irq_on();
	switch (r->ah) {
	case 0x00:
		r->ah = print_byte(port, r->al, 2);
		break;
	case 0x01:
		outb(port + 2, 0x08);
		delay_us(2000);
		outb(port + 2, 0x0c);
		r->ah = printer_status(port);
		break;
	case 0x02:
		r->ah = printer_status(port);
		break;
	default:
		break;
	}
}

u32 video_call(u32 ax, u32 bx_dx);	/* entry16.S: INT 10h, returns AX | DX << 16 */

/* INT 05h: the text screen to the first printer; 50:00h is 1 while busy, FFh after an error. */
void int05(struct regs SS *r)
{
	u16 port = bda16(BDA_LPT);
	u32 columns = bda8(0x4a);
	u32 rows = bda8(0x84) + 1u;
	u32 page = bda8(0x62);
	u32 home;
	u32 row;
	u32 column;
	u8 failed = 0;

	(void)r;
	if (far8(0x50, 0) == 1)
		return;
	put8(0x50, 0, 1);
	irq_on();
	home = bda16(0x50 + (page & 7) * 2);
	failed = !port || print_byte(port, '\r', 1) & 0x29 || print_byte(port, '\n', 1) & 0x29;
	for (row = 0; row < rows && !failed; row++) {
		for (column = 0; column < columns && !failed; column++) {
			u8 c;

			video_call(0x0200, page << 8 | (row << 8 | column) << 16);
			c = (u8)video_call(0x0800, page << 8);
			failed = !!(print_byte(port, c ? c : ' ', 1) & 0x29);
		}
		if (!failed)
			failed = print_byte(port, '\r', 1) & 0x29 ||
				print_byte(port, '\n', 1) & 0x29;
	}
	video_call(0x0200, page << 8 | home << 16);
	put8(0x50, 0, failed ? 0xff : 0);
}
