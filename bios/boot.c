/*
 * Choosing what to boot and starting it: kernels handed over by fw_cfg, floppies, hard disks,
 * CD-ROMs by El Torito 1.0, and option ROMs, which boot from networks. CMOS 3Dh and 38h hold the order
 * (1 floppy, 2 disk, 3 CD, 4 network).
 */
#include "bios32.h"

#define BOOT_FLOPPY 1
#define BOOT_DISK 2
#define BOOT_CD 3
#define BOOT_NETWORK 4

#define STEPS 3			/* entries of the order; what they leave out is the step after them */

#define MAX_TRIED 8

static char tried[MAX_TRIED][72];
static u32 tried_count;

u32 boot_tried(const char **reasons)
{
	u32 i;

	for (i = 0; i < tried_count; i++)
		reasons[i] = tried[i];
	return tried_count;
}

void note(const char *what, const char *why)
{
	if (tried_count < MAX_TRIED)
		format_text(tried[tried_count++], sizeof(tried[0]), "%s: %s", what, why);
}

/* INT 13h with retries; returns its status. */
static u32 disk_call(struct bregs *r)
{
	struct bregs call;
	u32 tries;

	for (tries = 0; tries < 4; tries++) {
		call = *r;
		int16_call(0x13, &call);
		if (!(call.flags & 1)) {
			*r = call;
			return 0;
		}
		if (call.ah == 0x80 || call.ah == 0x01 || call.ah == 0x31 || call.ah == 0xaa)
			break;
	}
	*r = call;
	return call.ah ? call.ah : 1;
}

static const char *status_text(u32 status)
{
	switch (status) {
	case 0x80:
		return "no disk in the drive, or it does not answer";
	case 0xaa:
	case 0x31:
		return "no disc in the drive";
	case 0x01:
		return "no such drive";
	case 0x04:
		return "sector not found";
	case 0x10:
		return "bad sector";
	default:
		return "read error";
	}
}

/* Run what was loaded at segment:offset with the drive in DL, as if INT 19h had. */
static void __attribute__((noreturn)) start(u32 segment, u32 offset, u32 drive)
{
	struct bregs r;

	info()->boot_drive = (u8)drive;
	info()->boot_rom = 0;
	clear_screen();
	memset(&r, 0, sizeof(r));
	r.dx = (u16)drive;
	r.ax = 0xaa55;
	r.flags = 0x0202;
	jump_real(segment << 16 | offset, &r, 0x00007c00);
}

static void boot_sector(u32 drive, const char *name)
{
	struct bregs r;
	const u8 *sector = at(0x7c00);
	u32 status;
	u32 i;

	mem16(0x7dfe) = 0;
	memset(&r, 0, sizeof(r));
	r.ax = 0x0201;
	r.bx = 0x7c00;
	r.cx = 0x0001;
	r.dx = (u16)drive;
	status = disk_call(&r);
	if (status) {
		note(name, status_text(status));
		return;
	}
	for (i = 0; i < 512 && sector[i] == sector[0]; i++)
		continue;
	if (i == 512) {
		note(name, "the boot sector is empty");
		return;
	}
	if (drive >= 0x80 && (sector[510] != 0x55 || sector[511] != 0xaa)) {
		note(name, "the boot sector has no 55AA signature");
		return;
	}
	start(0, 0x7c00, drive);
}

/* ---- El Torito ---- */

static u8 block[2048];

static u32 cd_sector(u32 cd, u32 lba, u32 count, u32 address)
{
	struct {
		u8 size, zero;
		u16 count, offset, segment;
		u32 lba, lba_high;
	} __attribute__((packed)) packet = { 16, 0, (u16)count, (u16)(address & 15),
					      (u16)(address >> 4), lba, 0 };
	struct bregs r;

	memset(&r, 0, sizeof(r));
	r.ah = 0x42;
	r.dl = (u8)(0xe0 + cd);
	r.si = (u16)(u32)&packet;
	return disk_call(&r);
}

static u32 get32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

/* Geometry of an emulated disk: floppies by their type, a hard disk by its first partition. */
static u32 emulation_geometry(struct bios_info *in, u32 media)
{
	static const u8 floppy_spt[4] = { 0, 15, 18, 36 };
	u32 heads;
	u32 spt;
	u32 end;

	if (media < 4) {
		in->emu_cylinders = 80;
		in->emu_heads = 2;
		in->emu_spt = floppy_spt[media];
		return 1;
	}
	if (cd_sector((u32)(in->emu_drive & 0x0f), in->emu_lba, 1, (u32)block))
		return 0;
	if (block[510] != 0x55 || block[511] != 0xaa)
		return 0;
	if (!partition_geometry(block + 446, &heads, &spt)) {
		heads = block[446 + 5] + 1u;
		spt = block[446 + 6] & 0x3f;
	}
	if (!spt)
		return 0;
	end = get32(block + 446 + 8) + get32(block + 446 + 12);
	in->emu_heads = (u16)heads;
	in->emu_spt = (u16)spt;
	in->emu_cylinders = (u16)((end + heads * spt - 1) / (heads * spt));
	if (!in->emu_cylinders || in->emu_cylinders > 1024)
		in->emu_cylinders = 1024;
	return 1;
}

static void floppies_shown(u32 count)
{
	bda16(BDA_EQUIPMENT) = (u16)((bda16(BDA_EQUIPMENT) & ~0xc1) |
				     (count ? 1 | (count - 1) << 6 : 0));
}

static void boot_cd(u32 cd, const char *name)
{
	struct bios_info *in = info();
	u32 status;
	u32 media;
	u32 count;
	u32 segment;
	u32 done;
	u32 lba;

	status = cd_sector(cd, 17, 1, (u32)block);
	if (status) {
		note(name, status_text(status));
		return;
	}
	if (block[0] || memcmp(block + 1, "CD001", 5) ||
	    memcmp(block + 7, "EL TORITO SPECIFICATION", 23)) {
		note(name, "the disc is not bootable (no El Torito record)");
		return;
	}
	if (cd_sector(cd, get32(block + 0x47), 1, (u32)block) || block[0] != 1 ||
	    block[0x1e] != 0x55 || block[0x1f] != 0xaa || block[0x20] != 0x88) {
		note(name, "the boot catalog has no bootable entry");
		return;
	}
	media = block[0x21] & 0x0f;
	segment = block[0x22] | (u32)block[0x23] << 8;
	if (!segment)
		segment = 0x7c0;
	count = block[0x26] | (u32)block[0x27] << 8;
	lba = get32(block + 0x28);
	if (media > 4 || !count) {
		note(name, "the boot catalog entry makes no sense");
		return;
	}
	in->emu_booted = 1;
	in->emu_media = (u8)media;
	in->emu_cd = in->cd[cd];
	in->emu_lba = lba;
	in->emu_segment = (u16)segment;
	in->emu_load_count = (u16)count;
	in->emu_drive = (u8)(0xe0 + cd);
	in->emu_active = 0;
	if (media && !emulation_geometry(in, media)) {
		in->emu_booted = 0;
		note(name, "the emulated disk has no partition table");
		return;
	}
	/* the load count is in 512-byte sectors, the disc's are of 2048 */
	for (done = 0; done < (count + 3) / 4; done++) {
		u32 target = (segment << 4) + done * 2048;

		if (target + 2048 > ebda_address())
			break;
		status = cd_sector(cd, lba + done, 1, target);
		if (status) {
			in->emu_booted = 0;
			note(name, status_text(status));
			return;
		}
	}
	if (media) {
		in->emu = media < 4 ? CD_EMU_FLOPPY : CD_EMU_DISK;
		in->emu_drive = media < 4 ? 0x00 : 0x80;
		in->emu_active = 1;
		if (media < 4) {
			floppies_shown(++in->floppies);
		} else {
			bda8(BDA_HD_COUNT)++;
		}
	}
	start(segment, 0, in->emu_drive);
}

static void emulation_end(void)
{
	struct bios_info *in = info();

	if (in->emu_active && in->emu == CD_EMU_FLOPPY)
		floppies_shown(--in->floppies);
	else if (in->emu_active)
		bda8(BDA_HD_COUNT)--;
	in->emu_active = 0;
	in->emu_booted = 0;
}

/* ---- option ROMs ---- */

static void boot_rom(u32 index)
{
	struct rom_boot rom;

	if (!rom_boot(index, &rom))
		return;
	info()->boot_rom = (u8)(index + 1);
	clear_screen();
	print("Booting from %s\n", rom.name);
	rom_start(&rom);
}

/* ---- order and menu ---- */

/* Disks that option ROMs brought: they follow ours. */
static void boot_more_disks(void)
{
	char name[48];
	u32 i;

	for (i = info()->disk_count; i < bda8(BDA_HD_COUNT) && i < 16; i++) {
		format_text(name, sizeof(name), "Hard disk %u", i + 1);
		boot_sector(0x80 + i, name);
	}
}

static void boot_kind(u32 kind)
{
	struct bios_info *in = info();
	char name[48];
	u32 i;

	if (kind == BOOT_FLOPPY) {
		if (!in->floppies)
			note("Floppy", "there is no floppy drive");
		else
			boot_sector(0x00, "Floppy A");
	} else if (kind == BOOT_DISK) {
		if (!bda8(BDA_HD_COUNT))
			note("Hard disk", "there is no hard disk");
		for (i = 0; i < in->disk_count; i++) {
			if (i) {
				/* make it the first disk for what it boots */
				u8 first = in->disk[0];

				in->disk[0] = in->disk[i];
				in->disk[i] = first;
			}
			format_text(name, sizeof(name), "Hard disk %u", i + 1);
			boot_sector(0x80, name);
			if (i) {
				u8 first = in->disk[0];

				in->disk[0] = in->disk[i];
				in->disk[i] = first;
			}
		}
		boot_more_disks();
	} else if (kind == BOOT_CD) {
		if (!in->cd_count)
			note("CD-ROM", "there is no CD-ROM drive");
		for (i = 0; i < in->cd_count; i++) {
			format_text(name, sizeof(name), "CD-ROM %u", i + 1);
			boot_cd(i, name);
		}
	} else if (kind == BOOT_NETWORK) {
		struct rom_boot rom;

		if (!in->boot_rom && !rom_boot(0, &rom))
			note("Network", "no card has a boot ROM (-nic user,romfile=FILE)");
		boot_rom(in->boot_rom);
		in->boot_rom = 0;
	}
}

/* Try one kind of device after the other, from that entry of the order on. */
static void boot_in_order(u32 step)
{
	u32 order = cmos_read(0x3d) | (cmos_read(0x38) & 0xf0u) << 4;
	u32 network = 0;
	u32 i;

	if (!(order & 0xfff))
		order = BOOT_FLOPPY | BOOT_DISK << 4 | BOOT_CD << 8;
	for (i = 0; i < STEPS; i++)
		network |= (order >> i * 4 & 0x0f) == BOOT_NETWORK;
	for (; step < STEPS; step++) {
		info()->boot_step = (u8)step;
		boot_kind(order >> step * 4 & 0x0f);
	}
	if (step == STEPS && !network) {
		info()->boot_step = STEPS;
		boot_rom(info()->boot_rom);
	}
	info()->boot_rom = 0;
}

/* INT 18h: what was booted gives up, and the next device gets its chance. */
void boot_next(void)
{
	struct bios_info *in = info();
	struct rom_boot rom;
	char name[24];

	if (in->boot_rom && rom_boot(in->boot_rom - 1u, &rom)) {
		note(rom.name, "it gave up (INT 18h)");
		boot_in_order(in->boot_step);	/* with the ROM entry after it */
		return;
	}
	format_text(name, sizeof(name), "Drive %02xh", in->boot_drive);
	note(name, "its boot program gave up (INT 18h)");
	emulation_end();
	boot_in_order(in->boot_step + 1u);
}

#define MENU_ROM 0x100		/* menu entries above drive numbers */

static void menu(void)
{
	struct bios_info *in = info();
	u32 entries[9];
	struct rom_boot rom;
	u32 count = 0;
	u32 i;

	in->boot_step = STEPS + 1;	/* what is chosen here has nothing after it */
	clear_screen();
	set_colour(0x1f);
	print(" Clearbox boot menu \n\n");
	set_colour(0x07);
	if (in->floppies) {
		print("  %u  Floppy A:\n", count + 1);
		entries[count++] = 0x00;
	}
	for (i = 0; i < in->disk_count; i++) {
		print("  %u  Hard disk %u: %s\n", count + 1, i + 1, drive_model(in->disk[i]));
		entries[count++] = 0x80 + i;
	}
	for (i = 0; i < in->cd_count; i++) {
		print("  %u  CD-ROM %u: %s\n", count + 1, i + 1, drive_model(in->cd[i]));
		entries[count++] = 0xe0 + i;
	}
	for (i = 0; count < 9 && rom_boot(i, &rom); i++) {
		print("  %u  Network: %s\n", count + 1, rom.name);
		entries[count++] = MENU_ROM + i;
	}
	print("  0  Built-in demo\n\n  Esc  Go on as usual\n\nPress a key: ");
	for (;;) {
		u32 key = key_get();
		u32 c = key & 0xff;

		if (!key) {
			idle();
			continue;
		}
		if (c == 27) {
			clear_screen();
			return;
		}
		if (c == '0')
			demo();
		if (c < '1' || c - '1' >= count)
			continue;
		i = entries[c - '1'];
		print("%c\n", (int)c);
		if (i >= MENU_ROM) {
			boot_rom(i - MENU_ROM);
		} else if (i >= 0xe0) {
			boot_cd(i - 0xe0, "CD-ROM");
		} else if (i > 0x80) {
			u8 first = in->disk[0];

			in->disk[0] = in->disk[i - 0x80];
			in->disk[i - 0x80] = first;
			boot_sector(0x80, "Hard disk");
		} else {
			boot_sector(i, i ? "Hard disk" : "Floppy A");
		}
		if (tried_count)
			print("%s\nPress a key: ", tried[--tried_count]);
	}
}

/* A moment for whoever wants the menu. Returns 1 if F12 or Esc was pressed. */
static u32 menu_wanted(void)
{
	u32 n;
	u32 wanted = 0;

	for (n = 0; n < 10; n++) {
		u32 key = key_get();

		if (key >> 8 == 0x86 || (key & 0xff) == 27)
			wanted = 1;
		if (wanted)
			break;
		delay_ms(55);
	}
	return wanted;
}

void boot(u32 from_post)
{
	boot_kernel();
	if (from_post && menu_wanted())
		menu();
	info()->boot_rom = 0;
	boot_in_order(0);
	nothing_to_boot();
}
