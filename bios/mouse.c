/*
 * PS/2 pointing device: IRQ 12 (INT 74h) gathers packets and calls the driver that INT 15h
 * AH=C2h installed; AH=C2h itself. IBM PS/2 BIOS interface.
 */
#include "bios16.h"

#define FLAG2_ENABLED 0x80	/* a driver is installed */

static u32 ctl_ready(void)
{
	u32 polls;

	for (polls = 0; polls < 0x10000; polls++)
		if (!(inb(0x64) & 2))
			return 1;
	return 0;
}

/* One byte from the mouse; 100h when none came for a second. A reset takes it half of that. */
static u32 aux_read(void)
{
	u32 start = pm_now();
	u32 polls;

	for (polls = 0; ; polls++) {
		if ((inb(0x64) & 0x21) == 0x21)
			return inb(0x60);
		if ((polls & 31) == 31 && second_passed(start, polls))
			return 0x100;
	}
}

/* Send a byte to the mouse; returns its answer, FAh if all is well. */
static u32 aux_send(u8 value)
{
	if (!ctl_ready())
		return 0x100;
	outb(0x64, 0xd4);
	if (!ctl_ready())
		return 0x100;
	outb(0x60, value);
	return aux_read();
}

/* Configuration byte of the 8042. */
static u8 config_read(void)
{
	u32 polls;

	ctl_ready();
	outb(0x64, 0x20);
	for (polls = 0; polls < 0x10000; polls++)
		if (inb(0x64) & 1)
			return inb(0x60);
	return 0x65;
}

static void config_write(u8 value)
{
	ctl_ready();
	outb(0x64, 0x60);
	ctl_ready();
	outb(0x60, value);
}

/* While a command runs, neither port may raise interrupts, and the keyboard is held back. */
static u8 command_begin(void)
{
	u8 config;

	outb(0x64, 0xad);
	config = config_read();
	config_write((config & (u8)~0x03) | 0x10);
	return config;
}

static void command_end(u8 config)
{
	config_write((u8)((config | 0x03) & (u8)~0x30));
	outb(0x64, 0xae);
}

static u32 command1(u8 command)
{
	return aux_send(command) == 0xfa;
}

static u32 command2(u8 command, u8 argument)
{
	return aux_send(command) == 0xfa && aux_send(argument) == 0xfa;
}

static void finish(struct regs SS *r, u8 status)
{
	r->ah = status;
	if (status)
		r->flags |= F_CF;
}

static void set_packet(u8 size)
{
	set_fs_ebda();
	fs8(INFO_AT(mouse_size)) = size;
	fs8(INFO_AT(mouse_count)) = 0;
	fs8(EBDA_MOUSE_FLAG2) = (u8)((fs8(EBDA_MOUSE_FLAG2) & 0xf8) | (size - 1));
}

static void mouse_reset(struct regs SS *r)
{
	u32 ok = command1(0xff);
	u32 id = 0;

	if (ok) {
		ok = aux_read() == 0xaa;
		id = aux_read();
	}
	if (!ok) {
		finish(r, 0x03);
		return;
	}
	r->bl = 0xaa;
	r->bh = (u8)id;
	finish(r, 0);
}

/* Wheel mice change their identity after three sample rates; the wheel stays hidden here. */
static const u8 rates[7] = { 10, 20, 40, 60, 80, 100, 200 };

void mouse_service(struct regs SS *r)
{
	u8 config;
	u8 status = 0;
	u32 answer;

	r->flags &= (u16)~F_CF;
	if (r->al == 0x07) {
		set_fs_ebda();
		fs16(EBDA_MOUSE_PTR) = r->bx;
		fs16(EBDA_MOUSE_PTR + 2) = r->es;
		if (r->bx || r->es)
			fs8(EBDA_MOUSE_FLAG2) |= FLAG2_ENABLED;
		else
			fs8(EBDA_MOUSE_FLAG2) &= (u8)~FLAG2_ENABLED;
		finish(r, 0);
		return;
	}
	config = command_begin();
	switch (r->al) {
	case 0x00:
		set_fs_ebda();
		if (r->bh == 1 && !(fs8(EBDA_MOUSE_FLAG2) & FLAG2_ENABLED))
			status = 0x05;
		else if (r->bh > 1)
			status = 0x02;
		else if (!command1(r->bh ? 0xf4 : 0xf5))
			status = 0x04;
		info_put8(INFO_AT(mouse_count), 0);
		break;
	case 0x05:
		if (r->bh < 1 || r->bh > 8) {
			status = 0x02;
			break;
		}
		set_packet(r->bh);
		/* fall through */
	case 0x01:
		mouse_reset(r);
		command_end(config);
		return;
	case 0x02:
		status = r->bh > 6 ? 0x02 : command2(0xf3, rates[r->bh]) ? 0 : 0x04;
		break;
	case 0x03:
		status = r->bh > 3 ? 0x02 : command2(0xe8, r->bh) ? 0 : 0x04;
		break;
	case 0x04:
		answer = command1(0xf2) ? aux_read() : 0x100;
		if (answer > 0xff)
			status = 0x04;
		else
			r->bh = (u8)answer;
		break;
	case 0x06:
		if (r->bh == 0) {
			if (command1(0xe9)) {
				r->bl = (u8)aux_read();
				r->cl = (u8)aux_read();
				r->dl = (u8)aux_read();
			} else {
				status = 0x04;
			}
		} else if (r->bh <= 2) {
			status = command1(r->bh == 1 ? 0xe6 : 0xe7) ? 0 : 0x04;
		} else {
			status = 0x02;
		}
		break;
	default:
		status = 0x01;
		break;
	}
	command_end(config);
	finish(r, status);
}

/* IRQ 12 */
void int74(struct regs SS *r)
{
	(void)r;
	if ((inb(0x64) & 0x21) == 0x21) {
		u8 value = inb(0x60);
		u32 count;
		u32 size;

		set_fs_ebda();
		if (fs8(EBDA_MOUSE_FLAG2) & FLAG2_ENABLED) {
			size = fs8(INFO_AT(mouse_size));
			if (size == 0 || size > 8)
				size = 3;
			count = fs8(INFO_AT(mouse_count)) & 7u;
			/* the first byte of a packet always has bit 3 set: find the start again */
			if (size == 3 && count == 0 && !(value & 0x08)) {
				outb(0xa0, 0x20);
				outb(0x20, 0x20);
				return;
			}
			fs8(EBDA_MOUSE_DATA + count) = value;
			fs8(INFO_AT(mouse_count)) = (u8)++count;
			if (count >= size) {
				u32 status = fs8(EBDA_MOUSE_DATA);
				u32 x = fs8(EBDA_MOUSE_DATA + 1);
				u32 y = fs8(EBDA_MOUSE_DATA + 2);
				u32 driver = fs32(EBDA_MOUSE_PTR);

				fs8(INFO_AT(mouse_count)) = 0;
				outb(0xa0, 0x20);
				outb(0x20, 0x20);
				call_mouse_driver(driver, status | x << 16, y);
				return;
			}
		}
	}
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
}
