/*
 * The splash screen: what machine this is. The demo shows parts of it again.
 */
#include "bios32.h"

static void cpu_line(void)
{
	char text[52];
	u32 eax, ebx, ecx, edx;
	u32 i;

	__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(0x80000000));
	if (eax >= 0x80000004 && eax < 0x80010000) {
		for (i = 0; i < 3; i++) {
			u32 part[4];

			__asm__ volatile("cpuid" : "=a"(part[0]), "=b"(part[1]), "=c"(part[2]),
					 "=d"(part[3]) : "a"(0x80000002 + i));
			memcpy(text + i * 16, part, 16);
		}
		text[48] = 0;
		for (i = 0; text[i] == ' '; i++)
			continue;
		print("%s", text + i);
	} else {
		__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(0));
		memcpy(text, &ebx, 4);
		memcpy(text + 4, &edx, 4);
		memcpy(text + 8, &ecx, 4);
		text[12] = 0;
		__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(1));
		print("%s, family %u model %u stepping %u", text, eax >> 8 & 15, eax >> 4 & 15,
		      eax & 15);
	}
}

static void drive_size(const struct drive *d)
{
	u32 mib = d->sectors_high ? d->sectors_high << 21 | d->sectors >> 11 : d->sectors >> 11;

	if (mib >= 10240)
		print("%u GiB", mib >> 10);
	else if (mib)
		print("%u MiB", mib);
	else
		print("%u KiB", d->sectors >> 1);
}

static const char *const channel_names[4] = {
	"Primary master", "Primary slave", "Secondary master", "Secondary slave"
};

static const char *const floppy_names[6] = {
	"none", "360 KiB 5.25\"", "1.2 MiB 5.25\"", "720 KiB 3.5\"",
	"1.44 MiB 3.5\"", "2.88 MiB 3.5\""
};

void show_cpu(void)
{
	print("  Processor  ");
	cpu_line();
	print("\n");
}

void show_memory(void)
{
	print("  Memory     %u MiB", info()->mem_low >> 20);
	if (info()->mem_high_64k)
		print(" + %u MiB above 4 GiB", info()->mem_high_64k >> 4);
	print("\n");
}

void show_drives(void)
{
	struct bios_info *in = info();
	u8 types = cmos_read(0x10);
	u32 found = 0;
	u32 i;

	for (i = 0; i < 2; i++) {
		u32 type = i ? types & 15u : types >> 4u;

		if (!type || type > 5)
			continue;
		print("  Floppy %c:  %s\n", 'A' + (int)i, floppy_names[type]);
		found++;
	}
	for (i = 0; i < MAX_DRIVES; i++) {
		struct drive *d = &in->drive[i];

		if (d->type == DRIVE_NONE)
			continue;
		found++;
		print("  %s: ", channel_names[i]);
		if (d->type == DRIVE_ATA) {
			print("%s, ", drive_model(i));
			drive_size(d);
			print("\n");
		} else {
			print("%s (CD-ROM)\n", drive_model(i));
		}
	}
	if (!found)
		print("  No drives\n");
}

/* The name, one character a block. */
static const char *const logo[5] = {
	" ####  #      #####   ###   ####   ####    ###   #   #",
	"#      #      #      #   #  #   #  #   #  #   #   # # ",
	"#      #      ####   #####  ####   ####   #   #    #  ",
	"#      #      #      #   #  #  #   #   #  #   #   # # ",
	" ####  #####  #####  #   #  #   #  ####    ###   #   #",
};

static void show_logo(void)
{
	static const u8 shades[5] = { 0x0b, 0x0b, 0x03, 0x09, 0x01 };
	u32 row;
	const char *p;

	for (row = 0; row < 5; row++) {
		set_colour(shades[row]);
		print("  ");
		for (p = logo[row]; *p; p++)
			put_char(*p == '#' ? (char)0xdb : ' ');
		print("\n");
	}
	set_colour(0x07);
}

void machine_summary(u32 detail)
{
	if (!detail) {
		clear_screen();
		print("\n");
		show_logo();
		print("\n  Clearbox BIOS 1.0, a PC you can see through\n\n");
		show_cpu();
		show_memory();
		return;
	}
	show_drives();
	print("\n  Press F12 or Esc for the boot menu\n\n");
}
