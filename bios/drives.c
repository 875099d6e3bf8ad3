/*
 * Finding the drives on the two IDE channels, and the geometry INT 13h shows of them. ATA/ATAPI-6;
 * the results go to the EBDA for the real-mode services, model names stay here.
 */
#include "bios32.h"

#define BSY 0x80
#define DRQ 0x08
#define ERR 0x01

static u16 identity[256];

static const u16 io_ports[2] = { 0x1f0, 0x170 };
static const u16 control_ports[2] = { 0x3f6, 0x376 };

static u32 pm_elapsed(u32 start)
{
	return ((inl(PMBASE + 8) & 0xffffff) - start) & 0xffffff;
}

/* Wait for BSY to clear, at most about `seconds`. */
static u32 wait_not_busy(u16 control, u32 seconds)
{
	for (; seconds; seconds--) {
		u32 start = inl(PMBASE + 8) & 0xffffff;
		u32 polls;

		for (polls = 0; polls < 4000000; polls++) {
			u8 status = inb(control);

			if (!(status & BSY))
				return status;
			if (pm_elapsed(start) >= PM_TIMER_HZ)
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

const char *drive_model(u32 index)
{
	return info()->model[index];
}

static void copy_model(char *to)
{
	u32 i;

	for (i = 0; i < 20; i++) {
		to[i * 2] = (char)(identity[27 + i] >> 8);
		to[i * 2 + 1] = (char)identity[27 + i];
	}
	for (i = 40; i && (to[i - 1] == ' ' || !to[i - 1]); i--)
		continue;
	to[i] = 0;
	for (i = 0; to[i]; i++)
		if (to[i] < ' ' || to[i] > '~')
			to[i] = '?';
}

/* IDENTIFY; command ECh or A1h. Returns 1 when identity[] was filled. */
static u32 identify(u16 io, u16 control, u8 device, u8 command)
{
	u32 status;

	outb(io + 6, device);
	settle(control);
	if (wait_not_busy(control, 2) & BSY)
		return 0;
	outb(io + 7, command);
	settle(control);
	status = inb(control);
	if (!status || status == 0xff)
		return 0;
	status = wait_not_busy(control, 5);
	if ((status & (BSY | ERR | DRQ)) != DRQ)
		return 0;
	insw(io, identity, 256);
	inb(io + 7);
	return 1;
}

/* Registers that hold what was written to them mean that somebody is there. */
static u32 answers(u16 io, u16 control, u8 device)
{
	outb(io + 6, device);
	settle(control);
	if (inb(control) == 0xff)
		return 0;
	if (wait_not_busy(control, 2) & BSY)
		return 0;
	outb(io + 2, 0x55);
	outb(io + 3, 0xaa);
	outb(io + 2, 0xaa);
	outb(io + 3, 0x55);
	return inb(io + 2) == 0xaa && inb(io + 3) == 0x55;
}

static u32 chs_to_lba(const u8 *chs, u32 heads, u32 spt)
{
	u32 cylinder = chs[2] | (chs[1] & 0xc0u) << 2;

	return (cylinder * heads + chs[0]) * spt + (chs[1] & 0x3f) - 1;
}

/*
 * A partition entry tells which geometry its maker believed in: the one in which both its ends
 * mean the same sector by CHS and by linear address. Its last head and sector are likely, then
 * what partitioning programs use.
 */
u32 partition_geometry(const u8 *entry, u32 *heads, u32 *spt)
{
	static const u8 common_heads[7] = { 0, 255, 16, 64, 128, 32, 240 };
	static const u8 common_spt[4] = { 0, 63, 32, 17 };
	u32 start;
	u32 end;
	u32 i;
	u32 j;

	memcpy(&start, entry + 8, 4);
	memcpy(&end, entry + 12, 4);
	end += start - 1;
	if (!entry[4] || end < start || (entry[7] | (entry[6] & 0xc0u) << 2) > 1022)
		return 0;
	for (i = 0; i < sizeof(common_spt); i++) {
		*spt = i ? common_spt[i] : entry[6] & 0x3fu;
		for (j = 0; j < sizeof(common_heads); j++) {
			*heads = j ? common_heads[j] : entry[5] + 1u;
			if (*spt && *heads > 1 && *heads < 256 && entry[5] < *heads &&
			    chs_to_lba(entry + 5, *heads, *spt) == end &&
			    chs_to_lba(entry + 1, *heads, *spt) == start)
				return 1;
		}
	}
	return 0;
}

/* The geometry that the partition table on a disk speaks of. */
static u32 geometry_from_table(u32 drive, u32 *heads, u32 *spt)
{
	struct bregs r;
	const u8 *sector = at(0x7c00);
	u32 i;

	memset(&r, 0, sizeof(r));
	r.ax = 0x0201;
	r.bx = 0x7c00;
	r.cx = 0x0001;
	r.dx = (u16)(0x80 + drive);
	int16_call(0x13, &r);
	if (r.flags & 1 || sector[510] != 0x55 || sector[511] != 0xaa)
		return 0;
	for (i = 0; i < 4; i++)
		if (partition_geometry(sector + 446 + i * 16, heads, spt))
			return 1;
	return 0;
}

/* The geometry to show: the drive's own when the 1024-cylinder limit allows, else by size. */
static void translate(struct drive *d)
{
	u32 sectors = d->sectors_high ? 0xffffffff : d->sectors;
	u32 heads = d->heads;
	u32 spt = d->spt;
	u32 cylinders = d->cylinders;

	if (!heads || !spt || cylinders > 1024) {
		spt = 63;
		for (heads = 16; heads < 128 && sectors / (heads * spt) > 1024; heads *= 2)
			continue;
		if (sectors / (heads * spt) > 1024)
			heads = 255;
		cylinders = sectors / (heads * spt);
	}
	if (cylinders > 1024)
		cylinders = 1024;
	d->bios_cylinders = (u16)cylinders;
	d->bios_heads = (u16)heads;
	d->bios_spt = (u16)spt;
}

static void add_disk(u32 index, struct drive *d)
{
	d->type = DRIVE_ATA;
	d->block = 512;
	d->cylinders = identity[1];
	d->heads = identity[3];
	d->spt = identity[6];
	d->use_lba = (identity[49] & 0x0200) != 0;
	d->removable = identity[0] >> 7 & 1;
	d->sectors = identity[60] | (u32)identity[61] << 16;
	if ((identity[83] & 0xc400) == 0x4400) {
		u32 low = identity[100] | (u32)identity[101] << 16;
		u32 high = identity[102] | (u32)identity[103] << 16;

		d->lba48 = 1;
		if (high || low > d->sectors) {
			d->sectors = low;
			d->sectors_high = high;
		}
	}
	if (!d->use_lba || !d->sectors)
		d->sectors = (u32)d->cylinders * d->heads * d->spt;
	if (!d->sectors && !d->sectors_high) {
		d->type = DRIVE_NONE;
		return;
	}
	translate(d);
	if (info()->disk_count < MAX_DRIVES)
		info()->disk[info()->disk_count++] = (u8)index;
}

static void add_cd(u32 index, struct drive *d)
{
	d->type = DRIVE_ATAPI;
	d->block = 2048;
	d->removable = 1;
	d->sectors = 0xffffffff;
	d->sectors_high = 0xffffffff;
	if ((identity[0] >> 8 & 0x1f) == 5 && info()->cd_count < MAX_DRIVES)
		info()->cd[info()->cd_count++] = (u8)index;
}

static void probe_channel(u32 channel)
{
	u16 io = io_ports[channel];
	u16 control = control_ports[channel];
	u32 unit;

	outb(io + 6, 0xa0);
	settle(control);
	if (inb(control) == 0xff)
		return;
	outb(control, 0x0e);
	settle(control);
	outb(control, 0x0a);
	settle(control);
	if (wait_not_busy(control, 31) & BSY)
		return;
	for (unit = 0; unit < 2; unit++) {
		u32 index = channel * 2 + unit;
		struct drive *d = &info()->drive[index];
		u8 device = (u8)(0xa0 | unit << 4);

		if (!answers(io, control, device))
			continue;
		d->channel = (u8)channel;
		d->slave = (u8)(unit << 4);
		d->io = io;
		d->control = control;
		if (identify(io, control, device, 0xec))
			add_disk(index, d);
		else if (identify(io, control, device, 0xa1))
			add_cd(index, d);
		if (d->type != DRIVE_NONE)
			copy_model(info()->model[index]);
	}
	outb(control, 0x08);
}

/* A fixed disk parameter table for INT 41h/46h. */
static void parameter_table(u32 vector, u32 offset, const struct drive *d)
{
	u32 table = ebda_address() + offset;

	memset(at(table), 0, 16);
	mem16(table) = d->bios_cylinders;
	mem8(table + 2) = (u8)d->bios_heads;
	if (d->bios_heads != d->heads || d->bios_spt != d->spt) {
		u8 sum = 0;
		u32 i;

		mem8(table + 3) = 0xa0;	/* translated */
		mem8(table + 4) = (u8)d->spt;
		mem16(table + 9) = d->cylinders;
		mem8(table + 11) = (u8)d->heads;
		mem8(table + 14) = (u8)d->bios_spt;
		for (i = 0; i < 15; i++)
			sum = (u8)(sum + mem8(table + i));
		mem8(table + 15) = (u8)-sum;
	} else {
		mem16(table + 5) = 0xffff;
		mem8(table + 14) = (u8)d->bios_spt;
	}
	mem8(table + 8) = d->bios_heads > 8 ? 0xc8 : 0xc0;
	mem16(table + 12) = d->bios_cylinders;
	mem32(vector * 4) = (u32)bda16(BDA_EBDA) << 16 | offset;
}

void drives_init(void)
{
	u32 i;

	probe_channel(0);
	probe_channel(1);
	bda8(BDA_HD_COUNT) = info()->disk_count;
	for (i = 0; i < info()->disk_count; i++) {
		struct drive *d = &info()->drive[info()->disk[i]];
		u32 heads;
		u32 spt;

		if (geometry_from_table(i, &heads, &spt)) {
			u32 cylinders = (d->sectors_high ? 0xffffffff : d->sectors) / (heads * spt);

			if (!cylinders)
				continue;
			d->bios_heads = (u16)heads;
			d->bios_spt = (u16)spt;
			d->bios_cylinders = (u16)(cylinders > 1024 ? 1024 : cylinders);
		}
	}
	if (info()->disk_count > 0)
		parameter_table(0x41, EBDA_FDPT0, &info()->drive[info()->disk[0]]);
	if (info()->disk_count > 1)
		parameter_table(0x46, EBDA_FDPT1, &info()->drive[info()->disk[1]]);
}
