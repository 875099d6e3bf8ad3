/*
 * ATA and ATAPI by programmed I/O for INT 13h. ATA/ATAPI-6: registers at io+0..7 and the control
 * block's alternate status; interrupts are switched off (nIEN) while a command runs, because the
 * caller's interrupt table is not ours. Every wait ends: 5 seconds, 31 after a reset.
 *
 * Functions return an INT 13h status: 0 is success.
 */
#include "bios16.h"

#define BSY 0x80
#define DRDY 0x40
#define DF 0x20
#define DRQ 0x08
#define ERR 0x01

#define OFF(field) __builtin_offsetof(struct drive, field)

static u32 wait_not_busy(u16 control, u32 seconds)
{
	for (; seconds; seconds--) {
		u32 start = pm_now();
		u32 polls;

		for (polls = 0; ; polls++) {
			u8 status = inb(control);

			if (!(status & BSY))
				return status;
			if ((polls & 31) == 31 && second_passed(start, polls))
				break;
		}
	}
	return BSY;
}

static void settle(u16 control)
{
	inb(control);
	inb(control);
	inb(control);
	inb(control);
}

static u32 error_code(u16 io, u32 status)
{
	u8 error;

	if (status & BSY)
		return 0x80;
	if (status & DF)
		return 0x20;
	if (!(status & ERR))
		return 0x20;
	error = inb(io + 1);
	if (error & 0x40)
		return 0x10;	/* uncorrectable */
	if (error & 0x10)
		return 0x04;	/* no such sector */
	if (error & 0x80)
		return 0x0a;	/* bad sector */
	if (error & 0x02)
		return 0x40;
	return 0x01;
}

/* Select the drive and wait until it can take a command. */
static u32 select_drive(u16 io, u16 control, u8 device)
{
	if (wait_not_busy(control, 5) & BSY)
		return 0x80;
	outb(control, 0x0a);
	outb(io + 6, device);
	settle(control);
	return wait_not_busy(control, 5) & BSY ? 0x80 : 0;
}

static void finish_command(u16 io, u16 control)
{
	inb(io + 7);
	outb(control, 0x08);
}

u32 ata_simple(u32 at, u8 command)
{
	u16 io = info16(at + OFF(io));
	u16 control = info16(at + OFF(control));
	u32 status = select_drive(io, control, (u8)(0xa0 | info8(at + OFF(slave))));

	if (status)
		return status;
	outb(io + 7, command);
	settle(control);
	status = wait_not_busy(control, 5);
	status = status & (BSY | DF | ERR) ? error_code(io, status) : 0;
	finish_command(io, control);
	return status;
}

u32 ata_reset(u32 at)
{
	u16 io = info16(at + OFF(io));
	u16 control = info16(at + OFF(control));

	outb(control, 0x0e);
	delay_us(10);
	outb(control, 0x08);
	delay_us(100);
	outb(io + 6, (u8)(0xa0 | info8(at + OFF(slave))));
	settle(control);
	return wait_not_busy(control, 31) & BSY ? 0x80 : 0;
}

/* Put address, count and command into the registers. */
static void command_block(u32 at, u32 lba, u32 lba_high, u32 count, u32 mode)
{
	u16 io = info16(at + OFF(io));
	u8 device = 0xe0 | info8(at + OFF(slave));
	u8 command = mode == ATA_READ ? 0x20 : mode == ATA_WRITE ? 0x30 : 0x40;

	if (!info8(at + OFF(use_lba))) {
		u32 spt = info16(at + OFF(spt));
		u32 heads = info16(at + OFF(heads));
		u32 track = lba / spt;
		u32 cylinder = track / heads;

		outb(io + 2, (u8)count);
		outb(io + 3, (u8)(lba % spt + 1));
		outb(io + 4, (u8)cylinder);
		outb(io + 5, (u8)(cylinder >> 8));
		outb(io + 6, (u8)((device & 0xb0) | track % heads));
	} else if (lba_high || lba + count > 0x0fffffff || lba + count < lba) {
		outb(io + 2, (u8)(count >> 8));
		outb(io + 3, (u8)(lba >> 24));
		outb(io + 4, (u8)lba_high);
		outb(io + 5, (u8)(lba_high >> 8));
		outb(io + 2, (u8)count);
		outb(io + 3, (u8)lba);
		outb(io + 4, (u8)(lba >> 8));
		outb(io + 5, (u8)(lba >> 16));
		outb(io + 6, device);
		command = mode == ATA_READ ? 0x24 : mode == ATA_WRITE ? 0x34 : 0x42;
	} else {
		outb(io + 2, (u8)count);
		outb(io + 3, (u8)lba);
		outb(io + 4, (u8)(lba >> 8));
		outb(io + 5, (u8)(lba >> 16));
		outb(io + 6, (u8)(device | (lba >> 24 & 0x0f)));
	}
	outb(io + 7, command);
}

/*
 * Read, write or verify 1 to 256 sectors. buffer is a far pointer from far_on(). The sectors that
 * got through before an error are not counted: INT 13h callers retry.
 */
u32 ata_transfer(u32 at, u32 lba, u32 lba_high, u32 count, u32 buffer, u32 mode)
{
	u16 io = info16(at + OFF(io));
	u16 control = info16(at + OFF(control));
	u32 status = select_drive(io, control, (u8)(0xe0 | info8(at + OFF(slave))));

	if (status)
		return status;
	command_block(at, lba, lba_high, count, mode);
	settle(control);
	for (;;) {
		status = wait_not_busy(control, 5);
		if (status & (BSY | DF | ERR)) {
			status = error_code(io, status);
			break;
		}
		if (!count || mode == ATA_VERIFY) {
			status = 0;
			break;
		}
		if (!(status & DRQ)) {
			status = 0x20;
			break;
		}
		if (mode == ATA_READ) {
			far_insl(io, (u16)(buffer >> 16), (u16)buffer, 128);
			buffer = far_on(buffer, 512);
			if (!--count) {
				status = 0;
				break;
			}
			settle(control);
		} else {
			far_outsl(io, (u16)(buffer >> 16), (u16)buffer, 128);
			buffer = far_on(buffer, 512);
			count--;
			settle(control);
		}
	}
	finish_command(io, control);
	return status;
}

/* ---- ATAPI ---- */

static void discard(u16 port, u32 bytes)
{
	for (; bytes >= 2; bytes -= 2)
		inw(port);
}

/*
 * Send a ten-byte packet and take what comes: skip bytes are thrown away, take bytes go to the
 * buffer, the rest is thrown away. Returns 0, a status, or 100h | sense key.
 */
static u32 packet(u32 at, u32 op, u32 lba, u32 count, u32 skip, u32 take, u32 buffer)
{
	u16 io = info16(at + OFF(io));
	u16 control = info16(at + OFF(control));
	u32 status = select_drive(io, control, (u8)(0xa0 | info8(at + OFF(slave))));

	if (status)
		return status;
	outb(io + 1, 0);
	outb(io + 4, 0x00);
	outb(io + 5, 0x08);	/* 2048 bytes at a time */
	outb(io + 7, 0xa0);
	settle(control);
	status = wait_not_busy(control, 5);
	if ((status & (BSY | ERR | DRQ)) != DRQ) {
		finish_command(io, control);
		return status & BSY ? 0x80 : 0x20;
	}
	outw(io, (u16)op);
	outw(io, (u16)((lba >> 24) | (lba >> 8 & 0xff00)));
	outw(io, (u16)((lba >> 8 & 0xff) | lba << 8));
	outw(io, (u16)(count & 0xff00));
	outw(io, (u16)(count & 0xff));
	outw(io, 0);
	settle(control);
	for (;;) {
		u32 chunk;
		u32 part;

		status = wait_not_busy(control, 20);
		if (status & BSY) {
			status = 0x80;
			break;
		}
		if (status & ERR) {
			status = 0x100u | inb(io + 1) >> 4;
			break;
		}
		if (!(status & DRQ)) {
			status = take ? 0x20 : 0;
			break;
		}
		chunk = inb(io + 4) | (u32)inb(io + 5) << 8;
		if (!chunk) {
			status = 0x20;
			break;
		}
		part = chunk < skip ? chunk : skip;
		discard(io, part);
		skip -= part;
		chunk -= part;
		part = chunk < take ? chunk : take;
		if (part) {
			if (part & 3)
				far_insw(io, (u16)(buffer >> 16), (u16)buffer, part >> 1);
			else
				far_insl(io, (u16)(buffer >> 16), (u16)buffer, part >> 2);
			buffer = far_on(buffer, part);
			take -= part;
			chunk -= part;
		}
		discard(io, chunk + 1);
		settle(control);
	}
	finish_command(io, control);
	return status;
}

static u32 packet_retry(u32 at, u32 op, u32 lba, u32 count, u32 skip, u32 take, u32 buffer)
{
	u32 tries;
	u32 status = 0;

	for (tries = 0; tries < 5; tries++) {
		status = packet(at, op, lba, count, skip, take, buffer);
		if (status != 0x106)	/* unit attention: say it again */
			break;
	}
	if (status < 0x100)
		return status;
	return status == 0x102 ? 0xaa : status == 0x103 ? 0x10 : status == 0x105 ? 0x01 : 0x20;
}

u32 cd_read(u32 at, u32 lba, u32 count, u32 buffer)
{
	return packet_retry(at, 0x28, lba, count, 0, count << 11, buffer);
}

/* Read 512-byte pieces of the 2048-byte sectors. */
u32 cd_read_part(u32 at, u32 lba512, u32 count, u32 buffer)
{
	u32 first = lba512 >> 2;
	u32 last = (lba512 + count - 1) >> 2;

	return packet_retry(at, 0x28, first, last - first + 1, (lba512 & 3) << 9, count << 9,
			    buffer);
}

/* A packet without data whose argument is in byte 4. */
u32 cd_command(u32 at, u32 op, u32 arg)
{
	return packet_retry(at, op, arg << 8, 0, 0, 0, 0);
}
