/*
 * INT 13h on floppy drives, and INT 40h. Intel 82077AA data sheet; 8237 channel 2 moves the data,
 * IRQ 6 tells the end. The media byte at 40:90h+n keeps what was found out about the disk: bits
 * 7-6 data rate, 5 double step, 4 established.
 */
#include "bios16.h"

#define DOR 0x3f2
#define MSR 0x3f4
#define FIFO 0x3f5
#define DIR 0x3f7

#define ESTABLISHED 0x10
#define DOUBLE_STEP 0x20

extern const u8 diskette_params[];

/* What each drive type of CMOS 10h can be: highest cylinder and sectors of its best medium. */
static const u8 max_cylinder[6] = { 0, 39, 79, 79, 79, 79 };
static const u8 max_sector[6] = { 0, 9, 15, 9, 18, 36 };

/* Media bytes to try for each type, best first; 0 ends. Rates: 0 500k, 1 300k, 2 250k, 3 1M. */
static const u8 media_tries[6][4] = {
	{ 0, 0, 0, 0 },
	{ 0x90, 0, 0, 0 },
	{ 0x10, 0x70, 0, 0 },
	{ 0x90, 0, 0, 0 },
	{ 0x10, 0x90, 0, 0 },
	{ 0xd0, 0x10, 0x90, 0 },
};

static u32 drive_type(u32 drive)
{
	u8 types = cmos_read(0x10);
	u32 type = drive ? types & 0x0fu : types >> 4u;

	return drive > 1 || type > 5 ? 0 : type;
}

static void floppy_return(struct regs SS *r, u8 status)
{
	bda8(BDA_FD_STATUS) = status;
	r->ah = status;
	if (status)
		r->flags |= F_CF;
	else
		r->flags &= (u16)~F_CF;
}

static u8 dpt(u32 index)
{
	return far8(far16(0, 0x1e * 4 + 2), (u16)(far16(0, 0x1e * 4) + index));
}

/* Wait for the controller to take (want 80h) or give (want C0h) a byte. */
static u32 fifo_ready(u8 want)
{
	u32 start = pm_now();
	u32 polls;

	for (polls = 0; ; polls++) {
		if ((inb(MSR) & 0xc0) == want)
			return 1;
		if ((polls & 31) == 31 && second_passed(start, polls))
			return 0;
	}
}

static u32 fifo_put(u8 value)
{
	if (!fifo_ready(0x80))
		return 0;
	outb(FIFO, value);
	return 1;
}

/* Fetch result bytes into 40:42h; returns how many came. */
static u32 fifo_results(u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		u8 value;

		if (!fifo_ready(0xc0))
			break;
		value = inb(FIFO);
		if (i < 7)
			bda8(BDA_FD_RESULT + i) = value;
	}
	return i;
}

static void irq_expect(void)
{
	bda8(BDA_FD_RECAL) &= 0x7f;
}

static u32 irq_wait(void)
{
	u32 seconds;

	irq_on();
	for (seconds = 0; seconds < 3; seconds++) {
		u32 start = pm_now();
		u32 polls;

		for (polls = 0; ; polls++) {
			if (bda8(BDA_FD_RECAL) & 0x80) {
				bda8(BDA_FD_RECAL) &= 0x7f;
				return 1;
			}
			if ((polls & 31) == 31 && second_passed(start, polls))
				break;
		}
	}
	return 0;
}

static void controller_reset(void)
{
	u32 i;

	outb(0x21, inb(0x21) & 0xbf);
	irq_expect();
	outb(DOR, (u8)((bda8(BDA_FD_MOTOR) & 0x0f) << 4 | 0x08));
	delay_us(10);
	outb(DOR, (u8)((bda8(BDA_FD_MOTOR) & 0x0f) << 4 | 0x0c));
	bda8(BDA_FD_RECAL) = 0;
	irq_wait();
	/* one sense for each of the four drives the reset speaks for */
	for (i = 0; i < 4; i++) {
		if (!fifo_put(0x08))
			break;
		fifo_results(2);
	}
	fifo_put(0x03);
	fifo_put(dpt(0));
	fifo_put(dpt(1) & 0xfe);
	bda8(BDA_FD_RATE) = 0xff;
}

/* Select the drive and start its motor; the timer interrupt will stop it. */
static void motor_on(u32 drive)
{
	u8 motors = bda8(BDA_FD_MOTOR);

	bda8(BDA_FD_TIMEOUT) = 0xff;
	bda8(BDA_FD_MOTOR) = (u8)((motors & 0x8f) | drive << 4 | 1u << drive);
	outb(0x21, inb(0x21) & 0xbf);
	outb(DOR, (u8)(0x0c | drive | 0x10u << drive | (motors & 3u) << 4));
	if (!(motors & 1u << drive))
		delay_us(2000);
}

static void motor_release(void)
{
	bda8(BDA_FD_TIMEOUT) = dpt(2);
}

static void set_rate(u32 media)
{
	u8 rate = (u8)(media >> 6);

	if (bda8(BDA_FD_RATE) >> 6 != rate || bda8(BDA_FD_RATE) & 1) {
		outb(DIR, rate);
		bda8(BDA_FD_RATE) = (u8)(rate << 6);
	}
}

static u32 sense_seek(void)
{
	if (!irq_wait())
		return 0x80;
	if (!fifo_put(0x08) || fifo_results(2) != 2)
		return 0x20;
	return (bda8(BDA_FD_RESULT) & 0xc0) ? 0x40 : 0;
}

static u32 recalibrate(u32 drive)
{
	u32 status = 0;
	u32 tries;

	/* 77 steps may not be enough from cylinder 79: a second go is normal */
	for (tries = 0; tries < 2; tries++) {
		irq_expect();
		if (!fifo_put(0x07) || !fifo_put((u8)drive))
			return 0x80;
		status = sense_seek();
		if (!status)
			break;
	}
	if (!status) {
		bda8(BDA_FD_RECAL) |= (u8)(1u << drive);
		bda8(BDA_FD_TRACK + drive) = 0;
	}
	return status;
}

static u32 seek(u32 drive, u32 head, u32 cylinder)
{
	u32 status;

	if (!(bda8(BDA_FD_RECAL) & 1u << drive)) {
		status = recalibrate(drive);
		if (status)
			return status;
	}
	if (bda8(BDA_FD_CHANGE + drive) & DOUBLE_STEP)
		cylinder *= 2;
	if (bda8(BDA_FD_TRACK + drive) == cylinder)
		return 0;
	irq_expect();
	if (!fifo_put(0x0f) || !fifo_put((u8)(head << 2 | drive)) || !fifo_put((u8)cylinder))
		return 0x80;
	status = sense_seek();
	if (!status)
		bda8(BDA_FD_TRACK + drive) = (u8)cylinder;
	return status;
}

/* INT 13h status for the seven result bytes. */
static u32 result_status(void)
{
	u8 st0 = bda8(BDA_FD_RESULT);
	u8 st1 = bda8(BDA_FD_RESULT + 1);
	u8 st2 = bda8(BDA_FD_RESULT + 2);

	if (!(st0 & 0xc0))
		return 0;
	if (st0 & 0x08)
		return 0x80;
	if (st1 & 0x02)
		return 0x03;
	if (st1 & 0x20)
		return 0x10;
	if (st1 & 0x10)
		return 0x08;
	if (st1 & 0x80 || st1 & 0x04)
		return 0x04;
	if (st1 & 0x01)
		return st2 & 0x10 ? 0x04 : 0x02;
	return 0x20;
}

/* READ ID at the present place, to see whether the data rate is right. */
static u32 read_id(u32 drive)
{
	irq_expect();
	if (!fifo_put(0x4a) || !fifo_put((u8)drive))
		return 0x80;
	if (!irq_wait())
		return 0x80;
	if (fifo_results(7) != 7)
		return 0x20;
	return result_status();
}

/*
 * A changed disk raises the change line until the head has been stepped; whoever uses the drive
 * then gets status 06h once.
 */
static u32 check_change(u32 drive, u32 type)
{
	u32 status;

	if (type == 1 || !(inb(DIR) & 0x80))
		return 0;
	bda8(BDA_FD_CHANGE + drive) &= (u8)~ESTABLISHED;
	bda8(BDA_FD_RECAL) &= (u8)~(1u << drive);
	controller_reset();
	motor_on(drive);
	status = recalibrate(drive);
	if (status)
		return status;
	bda8(BDA_FD_TRACK + drive) = 0xff;
	seek(drive, 0, 1);
	seek(drive, 0, 0);
	return inb(DIR) & 0x80 ? 0x80 : 0x06;
}

/* Find the data rate of the disk in the drive. */
static u32 establish(u32 drive, u32 type)
{
	u32 status = 0x80;
	u32 i;

	if (bda8(BDA_FD_CHANGE + drive) & ESTABLISHED) {
		set_rate(bda8(BDA_FD_CHANGE + drive));
		return 0;
	}
	for (i = 0; i < 4 && media_tries[type][i]; i++) {
		u8 media = media_tries[type][i];

		set_rate(media);
		status = recalibrate(drive);
		if (status)
			return status;
		status = read_id(drive);
		if (status == 0x80)
			return status;
		if (!status) {
			bda8(BDA_FD_CHANGE + drive) = media | 0x07;
			return 0;
		}
		if (status == 0x20)
			controller_reset();
	}
	return status;
}

/* Program channel 2 for a transfer; returns 0 when it would cross a 64 KiB boundary. */
static u32 dma_setup(u16 segment, u16 offset, u32 bytes, u8 mode)
{
	u32 address = ((u32)segment << 4) + offset;
	u32 last = bytes - 1;

	if ((address & 0xffff) + last > 0xffff)
		return 0;
	outb(0x0a, 0x06);
	outb(0x0c, 0);
	outb(0x0b, mode);
	outb(0x04, (u8)address);
	outb(0x04, (u8)(address >> 8));
	outb(0x81, (u8)(address >> 16));
	outb(0x0c, 0);
	outb(0x05, (u8)last);
	outb(0x05, (u8)(last >> 8));
	outb(0x0a, 0x02);
	return 1;
}

/* The sectors on a track of the medium in the drive, by what its data rate says. */
static u32 media_sectors(u32 drive, u32 type)
{
	u32 rate = bda8(BDA_FD_CHANGE + drive) >> 6;

	return rate == 3 ? 36 : rate == 0 ? (type == 2 ? 15 : 18) : 9;
}

static u32 one_transfer(struct regs SS *r, u32 type, u8 command)
{
	u32 drive = r->dl;
	u32 count = r->al;
	u32 eot = dpt(4);
	u32 status = seek(drive, r->dh, r->ch);
	u8 mode = command == 0xe6 ? 0x46 : 0x4a;

	if (status)
		return status;
	if (r->cl + count - 1 > eot && r->cl + count - 1 <= media_sectors(drive, type))
		eot = media_sectors(drive, type);
	if (r->cl > eot)
		eot = r->cl + count - 1;	/* more sectors than usual, without saying so */
	if (r->ah == 0x04)
		mode = 0x42;
	/* verify moves nothing, so any address does */
	if (!dma_setup(mode == 0x42 ? 0 : r->es, mode == 0x42 ? 0 : r->bx, count * 512, mode))
		return 0x09;
	irq_expect();
	if (!fifo_put(command) || !fifo_put((u8)(r->dh << 2 | drive)) || !fifo_put(r->ch) ||
	    !fifo_put(r->dh) || !fifo_put(r->cl) || !fifo_put(2) || !fifo_put((u8)eot) ||
	    !fifo_put(dpt(5)) || !fifo_put(0xff))
		return 0x80;
	if (!irq_wait())
		return 0x80;
	if (fifo_results(7) != 7)
		return 0x20;
	return result_status();
}

static void transfer(struct regs SS *r, u32 type)
{
	u32 drive = r->dl;
	u32 tries;
	u32 status = 0x01;
	u8 command = r->ah == 0x03 ? 0xc5 : 0xe6;

	if (!r->al || r->al > 72 || !r->cl || r->dh > 1 || r->ch > max_cylinder[type] + 6u) {
		r->al = 0;
		floppy_return(r, 0x01);
		return;
	}
	motor_on(drive);
	status = check_change(drive, type);
	for (tries = 0; !status && tries < 3; tries++) {
		status = establish(drive, type);
		if (status)
			break;
		status = one_transfer(r, type, command);
		if (!status || status == 0x03 || status == 0x09 || status == 0x80)
			break;
		/* start afresh: rate, position, controller */
		bda8(BDA_FD_CHANGE + drive) &= (u8)~ESTABLISHED;
		bda8(BDA_FD_RECAL) &= (u8)~(1u << drive);
		if (tries < 2)
			status = 0;
	}
	if (status == 0x80)
		controller_reset();
	motor_release();
	irq_off();
	if (status)
		r->al = 0;
	floppy_return(r, (u8)status);
}

static void format(struct regs SS *r, u32 type)
{
	u32 drive = r->dl;
	u32 status;
	u32 sectors = dpt(4);

	if (r->dh > 1) {
		floppy_return(r, 0x01);
		return;
	}
	motor_on(drive);
	status = check_change(drive, type);
	if (status == 0x06)
		status = 0;
	if (!status && !(bda8(BDA_FD_CHANGE + drive) & ESTABLISHED)) {
		/* a blank disk has nothing to go by: AH=17h/18h or the drive's best format */
		u32 best = media_tries[type][0];

		if (sectors <= 9 && (type == 4 || type == 5))
			best = 0x90;
		else if (sectors <= 18 && type == 5)
			best = 0x10;
		bda8(BDA_FD_CHANGE + drive) = (u8)(best | ESTABLISHED | 7);
	}
	set_rate(bda8(BDA_FD_CHANGE + drive));
	if (!status)
		status = seek(drive, r->dh, r->ch);
	if (!status && !dma_setup(r->es, r->bx, sectors * 4, 0x4a))
		status = 0x09;
	if (!status) {
		irq_expect();
		if (!fifo_put(0x4d) || !fifo_put((u8)(r->dh << 2 | drive)) || !fifo_put(2) ||
		    !fifo_put((u8)sectors) || !fifo_put(dpt(7)) || !fifo_put(dpt(8)))
			status = 0x80;
		else if (!irq_wait())
			status = 0x80;
		else if (fifo_results(7) != 7)
			status = 0x20;
		else
			status = result_status();
	}
	if (status == 0x80)
		controller_reset();
	motor_release();
	irq_off();
	floppy_return(r, (u8)status);
}

static void parameters(struct regs SS *r, u32 type)
{
	u16 equipment = bda16(BDA_EQUIPMENT);

	r->dl = (u8)((equipment & 1) ? (equipment >> 6 & 3) + 1 : 0);
	r->ax = 0;
	if (!type) {
		r->bx = r->cx = 0;
		r->dh = 0;
		r->es = r->di = 0;
		floppy_return(r, 0);
		return;
	}
	r->bx = (u16)type;
	r->ch = max_cylinder[type];
	r->cl = max_sector[type];
	r->dh = 1;
	r->es = far16(0, 0x1e * 4 + 2);
	r->di = far16(0, 0x1e * 4);
	floppy_return(r, 0);
}

/* AH=18h: will this drive take CH cylinders of CL sectors? Fix the rate for a format to come. */
static void set_media(struct regs SS *r, u32 type)
{
	u32 sectors = r->cl & 0x3f;
	u8 media;

	if (sectors > max_sector[type] || r->ch > max_cylinder[type] + 4u) {
		floppy_return(r, 0x0c);
		return;
	}
	media = sectors > 18 ? 0xd0 : sectors > 9 ? 0x10 : type == 2 ? 0x70 : 0x90;
	bda8(BDA_FD_CHANGE + (u32)r->dl) = media | 7;
	r->es = SEG_BIOS;
	r->di = (u16)(u32)diskette_params;
	floppy_return(r, 0);
}

void floppy_int13(struct regs SS *r)
{
	u32 type = drive_type(r->dl);
	u32 status;

	if (r->ah == 0x01) {
		r->ah = bda8(BDA_FD_STATUS);
		if (r->ah)
			r->flags |= F_CF;
		else
			r->flags &= (u16)~F_CF;
		return;
	}
	if (r->ah == 0x00) {
		bda8(BDA_FD_RECAL) = 0;
		if (info8(INFO_AT(floppies)))
			controller_reset();
		irq_off();
		floppy_return(r, 0);
		return;
	}
	if (r->ah == 0x15) {
		bda8(BDA_FD_STATUS) = 0;
		r->flags &= (u16)~F_CF;
		r->ah = !type ? 0 : type == 1 ? 1 : 2;
		return;
	}
	if (r->ah == 0x08 && r->dl < 0x80) {
		parameters(r, type);
		return;
	}
	if (!type) {
		if (r->ah >= 0x02 && r->ah <= 0x05)
			r->al = 0;
		floppy_return(r, r->ah == 0x41 ? 0x01 : r->dl > 1 ? 0x01 : 0x80);
		return;
	}
	switch (r->ah) {
	case 0x02:
	case 0x03:
	case 0x04:
		transfer(r, type);
		break;
	case 0x05:
		format(r, type);
		break;
	case 0x16:
		motor_on(r->dl);
		status = check_change(r->dl, type);
		motor_release();
		irq_off();
		floppy_return(r, (u8)status);
		break;
	case 0x17: {
		/* 1: 360K, 2: 360K in 1.2M, 3: 1.2M, 4: 720K */
		u32 kind = r->al;

		if (kind < 1 || kind > 4) {
			floppy_return(r, 0x01);
			break;
		}
		bda8(BDA_FD_CHANGE + (u32)r->dl) = kind == 3 ? 0x17 : kind == 2 ? 0x77 : 0x97;
		floppy_return(r, 0);
		break;
	}
	case 0x18:
		set_media(r, type);
		break;
	default:
		floppy_return(r, 0x01);
		break;
	}
}
