/*
 * INT 13h: hard disks by CHS (translated) and by the Enhanced Disk Drive specification 3.0,
 * CD-ROMs by EDD and El Torito 1.0, and the way to the floppy driver. Drive numbers: 00h-01h
 * floppies, 80h up hard disks, E0h up CD-ROMs; a CD booted with emulation pushes in as 00h or 80h.
 */
#include "bios16.h"

#define OFF(field) __builtin_offsetof(struct drive, field)
#define DRIVE_AT(index) (INFO_AT(drive) + (index) * (u32)sizeof(struct drive))

/*
 * The far pointer (segment << 16 | offset) so many bytes on, with the offset below 16, so that
 * 64 KiB less 15 can follow. Segments end at FFFFh; behind 1 MiB only the offset goes on.
 */
u32 far_on(u32 pointer, u32 bytes)
{
	u32 linear = (pointer >> 16 << 4) + (pointer & 0xffff) + bytes;

	return linear < 0x100000 ? linear >> 4 << 16 | (linear & 15) :
		0xffff0000 | (linear - 0xffff0);
}

void disk_return(struct regs SS *r, u8 status)
{
	bda8(BDA_HD_STATUS) = status;
	r->ah = status;
	if (status)
		r->flags |= F_CF;
	else
		r->flags &= (u16)~F_CF;
}

static void chs_transfer(struct regs SS *r, u32 at, u32 mode)
{
	u32 cylinder = r->ch | (r->cl & 0xc0u) << 2;
	u32 sector = r->cl & 0x3f;
	u32 head = r->dh;
	u32 count = r->al;
	u32 heads = info16(at + OFF(bios_heads));
	u32 spt = info16(at + OFF(bios_spt));
	u32 status;

	if (!count || count > 128 || !sector || sector > spt || head >= heads ||
	    cylinder > info16(at + OFF(bios_cylinders))) {
		r->al = 0;
		disk_return(r, sector ? 0x04 : 0x01);
		return;
	}
	irq_on();
	status = ata_transfer(at, (cylinder * heads + head) * spt + sector - 1, 0, count,
			      far_on((u32)r->es << 16 | r->bx, 0), mode);
	irq_off();
	if (status)
		r->al = 0;
	disk_return(r, (u8)status);
}

static void get_parameters(struct regs SS *r, u32 at)
{
	u32 cylinder = info16(at + OFF(bios_cylinders)) - 1u;

	if (cylinder > 1023)
		cylinder = 1023;
	r->ch = (u8)cylinder;
	r->cl = (u8)((cylinder >> 2 & 0xc0) | info16(at + OFF(bios_spt)));
	r->dh = (u8)(info16(at + OFF(bios_heads)) - 1);
	r->dl = bda8(BDA_HD_COUNT);
	r->al = 0;
	disk_return(r, 0);
}

/* ---- Enhanced Disk Drive ---- */

static u32 edd_transfer(struct regs SS *r, u32 at, u32 mode)
{
	u16 ds = r->ds;
	u16 si = r->si;
	u32 size = far8(ds, si);
	u32 count = far16(ds, si + 2);
	u32 buffer = far32(ds, si + 4);
	u32 lba = far32(ds, si + 8);
	u32 lba_high = far32(ds, si + 12);
	u32 last = lba + count - 1;
	u32 last_high = lba_high + (last < lba);
	u32 status;

	if (size < 0x10 || (buffer == 0xffffffff && mode != ATA_VERIFY))
		return 0x01;
	if (!count)
		return 0;
	if (last_high > info32(at + OFF(sectors_high)) ||
	    (last_high == info32(at + OFF(sectors_high)) && last >= info32(at + OFF(sectors)))) {
		put16(ds, si + 2, 0);
		return 0x04;
	}
	if (count > 127) {
		put16(ds, si + 2, 0);
		return 0x01;
	}
	irq_on();
	buffer = far_on(buffer, 0);
	if (info8(at + OFF(type)) == DRIVE_ATAPI)
		status = mode == ATA_READ ? cd_read(at, lba, count, buffer) :
			mode == ATA_VERIFY ? 0 : 0x03;
	else
		status = ata_transfer(at, lba, lba_high, count, buffer, mode);
	irq_off();
	if (status)
		put16(ds, si + 2, 0);
	return status;
}

/* Device path of EDD 3.0, 36 bytes at offset 1Eh. */
static void edd_path(u16 ds, u16 si, u32 at)
{
	u32 channel = info8(at + OFF(channel));
	u32 slave = info8(at + OFF(slave)) >> 4;
	u32 atapi = info8(at + OFF(type)) == DRIVE_ATAPI;
	u32 i;
	u8 sum = 0;

	set_fs(ds);
	fs16(si + 0x1e) = 0xbedd;
	fs8(si + 0x20) = 0x24;
	fs8(si + 0x21) = 0;
	fs16(si + 0x22) = 0;
	fs32(si + 0x24) = 0x20494350;	/* "PCI " */
	fs32(si + 0x28) = atapi ? 0x50415441 : 0x20415441;	/* "ATAP", "ATA " */
	fs32(si + 0x2c) = atapi ? 0x20202049 : 0x20202020;
	fs8(si + 0x30) = 0;
	fs8(si + 0x31) = 1;
	fs8(si + 0x32) = 1;
	fs8(si + 0x33) = (u8)channel;
	fs32(si + 0x34) = 0;
	fs32(si + 0x38) = slave;
	fs32(si + 0x3c) = 0;
	fs16(si + 0x40) = 0;
	for (i = 0x1e; i < 0x41; i++)
		sum = (u8)(sum + fs8(si + i));
	fs8(si + 0x41) = (u8)-sum;
}

static u32 edd_parameters(struct regs SS *r, u32 at)
{
	u16 ds = r->ds;
	u16 si = r->si;
	u32 size = far16(ds, si);
	u32 atapi = info8(at + OFF(type)) == DRIVE_ATAPI;
	u32 cylinders = info16(at + OFF(cylinders));
	u32 heads = info16(at + OFF(heads));
	u32 spt = info16(at + OFF(spt));
	u32 sectors = info32(at + OFF(sectors));
	u32 sectors_high = info32(at + OFF(sectors_high));

	if (size < 0x1a)
		return 0x01;
	set_fs(ds);
	fs16(si + 2) = atapi ? 0x0074 : 0x0002;	/* removable, lockable; CHS valid */
	fs32(si + 4) = atapi ? 0xffffffff : cylinders;
	fs32(si + 8) = atapi ? 0xffffffff : heads;
	fs32(si + 12) = atapi ? 0xffffffff : spt;
	fs32(si + 16) = atapi ? 0xffffffff : sectors;
	fs32(si + 20) = atapi ? 0xffffffff : sectors_high;
	fs16(si + 24) = atapi ? 2048 : 512;
	if (size >= 0x42) {
		fs32(si + 26) = 0xffffffff;	/* no DPTE */
		edd_path(ds, si, at);
		put16(ds, si, 0x42);
	} else if (size >= 0x1e) {
		fs32(si + 26) = 0xffffffff;
		fs16(si) = 0x1e;
	} else {
		fs16(si) = 0x1a;
	}
	return 0;
}

/* AH=45h, 46h, 49h on a CD. */
static u32 cd_lock(struct regs SS *r, u32 at)
{
	u32 locks = info8(at + OFF(locked));

	switch (r->al) {
	case 0:
		if (locks == 255)
			return 0xb4;
		info_put8(at + OFF(locked), (u8)(locks + 1));
		if (!locks)
			cd_command(at, 0x1e, 1);
		r->al = 1;
		return 0;
	case 1:
		if (!locks)
			return 0xb0;
		info_put8(at + OFF(locked), (u8)(locks - 1));
		if (locks == 1)
			cd_command(at, 0x1e, 0);
		r->al = locks > 1;
		return 0;
	case 2:
		r->al = locks > 0;
		return 0;
	default:
		return 0x01;
	}
}

/* Functions 41h-4Eh. Returns 0 when AH is none of them. */
static u32 edd(struct regs SS *r, u32 at)
{
	u32 atapi = info8(at + OFF(type)) == DRIVE_ATAPI;
	u32 status = 0;

	switch (r->ah) {
	case 0x41:
		if (r->bx != 0x55aa) {
			status = 0x01;
			break;
		}
		r->bx = 0xaa55;
		r->cx = atapi ? 0x0007 : 0x0005;
		disk_return(r, 0);
		r->ah = 0x30;
		return 1;
	case 0x42:
		status = edd_transfer(r, at, ATA_READ);
		break;
	case 0x43:
		status = r->al > 2 ? 0x01 : edd_transfer(r, at, ATA_WRITE);
		if (!status && r->al == 2)
			status = edd_transfer(r, at, ATA_VERIFY);
		break;
	case 0x44:
		status = edd_transfer(r, at, ATA_VERIFY);
		break;
	case 0x45:
		status = atapi ? cd_lock(r, at) : 0xb2;
		break;
	case 0x46:
		status = !atapi ? 0xb2 : info8(at + OFF(locked)) ? 0xb1 :
			cd_command(at, 0x1b, 2);
		break;
	case 0x47:
		break;
	case 0x48:
		status = edd_parameters(r, at);
		break;
	case 0x49:
		r->ah = 0x06;
		disk_return(r, atapi ? 0 : 0x06);
		return 1;
	case 0x4e:
		status = r->al <= 6 ? 0 : 0x01;
		r->al = 0;
		break;
	default:
		return 0;
	}
	disk_return(r, (u8)status);
	return 1;
}

static void hard_disk(struct regs SS *r, u32 at)
{
	u32 status = 0;

	switch (r->ah) {
	case 0x00:
	case 0x0d:
		status = ata_reset(at);
		break;
	case 0x01: {
		u8 last = bda8(BDA_HD_STATUS);

		disk_return(r, 0);
		r->ah = last;
		r->al = last;
		if (last)
			r->flags |= F_CF;
		return;
	}
	case 0x02:
		chs_transfer(r, at, ATA_READ);
		return;
	case 0x03:
		chs_transfer(r, at, ATA_WRITE);
		return;
	case 0x04:
		chs_transfer(r, at, ATA_VERIFY);
		return;
	case 0x05:	/* drives format themselves */
		break;
	case 0x08:
		get_parameters(r, at);
		return;
	case 0x09:
	case 0x0c:
	case 0x11:
	case 0x14:
		break;
	case 0x10:
		status = ata_simple(at, 0xe5) == 0x80 ? 0x80 : 0;
		break;
	case 0x15: {
		u32 sectors = (info16(at + OFF(bios_cylinders)) - 1u) *
			info16(at + OFF(bios_heads)) * info16(at + OFF(bios_spt));

		r->cx = (u16)(sectors >> 16);
		r->dx = (u16)sectors;
		disk_return(r, 0);
		r->ah = 3;
		return;
	}
	default:
		status = 0x01;
		break;
	}
	disk_return(r, (u8)status);
}

static void cd_drive(struct regs SS *r, u32 at)
{
	switch (r->ah) {
	case 0x00:
	case 0x09:
	case 0x0c:
	case 0x0d:
	case 0x11:
	case 0x14:
		disk_return(r, 0);
		break;
	case 0x10:
		disk_return(r, (u8)cd_command(at, 0x00, 0));
		break;
	case 0x15:
		disk_return(r, 0);
		r->ah = 2;
		break;
	default:
		disk_return(r, 0x01);
		break;
	}
}

/* ---- a CD that shows itself as a floppy or hard disk ---- */

static void emulated(struct regs SS *r, u32 at)
{
	u32 heads = info16(INFO_AT(emu_heads));
	u32 spt = info16(INFO_AT(emu_spt));
	u32 cylinders = info16(INFO_AT(emu_cylinders));
	u32 cylinder = r->ch | (r->cl & 0xc0u) << 2;
	u32 sector = r->cl & 0x3f;
	u32 count = r->al;
	u32 disk = r->dl & 0x80;
	u32 status;

	switch (r->ah) {
	case 0x00:
	case 0x05:
	case 0x09:
	case 0x0c:
	case 0x0d:
	case 0x10:
	case 0x11:
	case 0x14:
	case 0x16:
		disk_return(r, 0);
		break;
	case 0x01:
		r->ah = bda8(BDA_HD_STATUS);
		if (r->ah)
			r->flags |= F_CF;
		else
			r->flags &= (u16)~F_CF;
		break;
	case 0x02:
	case 0x04:
		if (!count || !sector || sector > spt || r->dh >= heads || cylinder >= cylinders) {
			r->al = 0;
			disk_return(r, 0x04);
			break;
		}
		status = 0;
		if (r->ah == 0x02) {
			irq_on();
			status = cd_read_part(at, info32(INFO_AT(emu_lba)) * 4 +
					      (cylinder * heads + r->dh) * spt + sector - 1,
					      count, far_on((u32)r->es << 16 | r->bx, 0));
			irq_off();
		}
		if (status)
			r->al = 0;
		disk_return(r, (u8)status);
		break;
	case 0x03:
		r->al = 0;
		disk_return(r, 0x03);
		break;
	case 0x08:
		cylinder = cylinders - 1;
		r->ch = (u8)cylinder;
		r->cl = (u8)((cylinder >> 2 & 0xc0) | spt);
		r->dh = (u8)(heads - 1);
		r->al = 0;
		if (disk) {
			r->dl = bda8(BDA_HD_COUNT);
		} else {
			r->dl = (u8)((bda16(BDA_EQUIPMENT) & 1) + (bda16(BDA_EQUIPMENT) >> 6 & 3));
			r->bx = spt == 36 ? 6 : spt == 18 ? 4 : spt == 15 ? 2 : 4;
			r->es = far16(0, 0x1e * 4 + 2);
			r->di = far16(0, 0x1e * 4);
		}
		disk_return(r, 0);
		break;
	case 0x15: {
		u32 sectors = cylinders * heads * spt;

		disk_return(r, 0);
		r->ah = disk ? 3 : 1;
		if (disk) {
			r->cx = (u16)(sectors >> 16);
			r->dx = (u16)sectors;
		}
		break;
	}
	default:
		disk_return(r, 0x01);
		break;
	}
}

/* AH=4Bh: AL=00h end emulation, AL=01h only tell; the packet at DS:SI is 13h bytes. */
static void emulation_status(struct regs SS *r)
{
	u16 ds = r->ds;
	u16 si = r->si;
	u8 media = info8(INFO_AT(emu_media));
	u8 drive = info8(INFO_AT(emu_drive));
	u8 cd = info8(INFO_AT(emu_cd));
	u8 slave = info8(DRIVE_AT(cd & 3u) + OFF(slave));
	u8 channel = info8(DRIVE_AT(cd & 3u) + OFF(channel));
	u32 lba = info32(INFO_AT(emu_lba));
	u16 segment = info16(INFO_AT(emu_segment));
	u16 count = info16(INFO_AT(emu_load_count));
	u16 cylinders = info16(INFO_AT(emu_cylinders));
	u16 spt = info16(INFO_AT(emu_spt));
	u16 heads = info16(INFO_AT(emu_heads));

	set_fs(ds);
	fs8(si) = 0x13;
	fs8(si + 1) = media;
	fs8(si + 2) = drive;
	fs8(si + 3) = channel;
	fs32(si + 4) = lba;
	fs16(si + 8) = slave >> 4;
	fs16(si + 10) = 0;
	fs16(si + 12) = segment;
	fs16(si + 14) = count;
	fs8(si + 16) = (u8)(cylinders - 1);
	fs8(si + 17) = (u8)(((u32)(cylinders - 1) >> 2 & 0xc0) | spt);
	fs8(si + 18) = (u8)(heads - 1);
	if (r->al == 0)
		info_put8(INFO_AT(emu_active), 0);
	disk_return(r, 0);
}

void int13(struct regs SS *r)
{
	u8 asked = r->dl;
	u8 function = r->ah;
	u32 unit = asked;
	u32 at;

	if (info8(INFO_AT(emu_booted))) {
		u32 shown = info8(INFO_AT(emu_drive));

		at = DRIVE_AT(info8(INFO_AT(emu_cd)) & 3u);
		if (function == 0x4b && r->al <= 1 && (unit == 0x7f || unit == shown)) {
			emulation_status(r);
			return;
		}
		if (info8(INFO_AT(emu_active))) {
			if (unit == shown) {
				emulated(r, at);
				return;
			}
			/* the real drives of that kind have moved up by one */
			if ((unit & 0x80) == shown && unit < 0xe0)
				unit--;
		}
	}
	if (unit < 0x80) {
		r->dl = (u8)unit;
		floppy_int13(r);
		if (function != 0x08)
			r->dl = asked;
	} else if (unit - 0x80 < info8(INFO_AT(disk_count))) {
		at = DRIVE_AT(info8(INFO_AT(disk) + unit - 0x80) & 3u);
		if (!edd(r, at))
			hard_disk(r, at);
	} else if (unit >= 0xe0 && unit - 0xe0 < info8(INFO_AT(cd_count))) {
		at = DRIVE_AT(info8(INFO_AT(cd) + unit - 0xe0) & 3u);
		if (!edd(r, at))
			cd_drive(r, at);
	} else if (function == 0x15) {
		r->ah = 0;	/* no such drive, which is no error here */
		r->flags &= (u16)~F_CF;
	} else {
		disk_return(r, 0x01);
	}
}
