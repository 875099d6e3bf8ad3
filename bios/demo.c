/*
 * The built-in guest: what runs when there is nothing to boot (INT 18h). It says what was tried,
 * shows that the machine is alive, and takes a few commands from the keyboard or COM1, where
 * everything it writes goes as well.
 */
#include "bios32.h"

#define LINE_MAX 64

/* ---- what there is ---- */

static void cpu_features(void)
{
	static const char names[32][8] = {
		"fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", "", "sep",
		"mtrr", "pge", "mca", "cmov", "pat", "pse36", "psn", "clfsh", "", "ds", "acpi",
		"mmx", "fxsr", "sse", "sse2", "ss", "htt", "tm", "", "pbe"
	};
	u32 eax, ebx, ecx, edx;
	char vendor[13];
	u32 column = 12;
	u32 i;

	__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(0));
	memcpy(vendor, &ebx, 4);
	memcpy(vendor + 4, &edx, 4);
	memcpy(vendor + 8, &ecx, 4);
	vendor[12] = 0;
	__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(1));
	print("  Vendor     %s, family %u, model %u, stepping %u\n  Features  ", vendor,
	      eax >> 8 & 15, (eax >> 4 & 15) | (eax >> 12 & 0xf0), eax & 15);
	for (i = 0; i < 32; i++) {
		if (!(edx >> i & 1) || !names[i][0])
			continue;
		column += 1 + strlen(names[i]);
		if (column > 78) {
			print("\n            ");
			column = 13 + strlen(names[i]);
		}
		print(" %s", names[i]);
	}
	print("\n");
}

static void memory_map(void)
{
	static const char *const types[5] = {
		"?", "usable", "reserved", "ACPI tables", "ACPI NVS"
	};
	struct {
		u32 base, base_high, length, length_high, type;
	} entry;
	struct bregs r;

	memset(&r, 0, sizeof(r));
	do {
		u32 end;
		u32 end_high;

		r.eax = 0xe820;
		r.edx = 0x534d4150;
		r.ecx = 20;
		r.di = (u16)(u32)&entry;
		int16_call(0x15, &r);
		if (r.flags & 1)
			break;
		end = entry.base + entry.length - 1;
		end_high = entry.base_high + entry.length_high + (end < entry.base) -
			(entry.length == 0 && end + 1 == entry.base);
		if (entry.base_high || end_high)
			print("  %x%08x-%x%08x  ", entry.base_high, entry.base, end_high, end);
		else
			print("  %08x-%08x    ", entry.base, end);
		print("%s\n", types[entry.type < 5 ? entry.type : 0]);
	} while (r.ebx);
}

static u32 bcd(u32 value)
{
	return (value >> 4) * 10 + (value & 15);
}

static void show_time(void)
{
	struct bregs r;

	memset(&r, 0, sizeof(r));
	r.ax = 0x0400;
	int16_call(0x1a, &r);
	print("  %02u%02u-%02u-%02u ", bcd(r.ch), bcd(r.cl), bcd(r.dh), bcd(r.dl));
	r.ax = 0x0200;
	int16_call(0x1a, &r);
	print("%02u:%02u:%02u\n", bcd(r.ch), bcd(r.cl), bcd(r.dh));
}

/* ---- the picture: plasma seen through a clear box, in mode 13h ---- */

#define PLASMA 120	/* colours 0-119; the same seen through the box are 120-239 */

/* 127 sin(angle), a full turn being 256; two parabolas come close enough */
static int sine(u32 angle)
{
	int half = (int)(angle & 127);
	int value = half * (128 - half) / 32;

	return angle & 128 ? -value : value;
}

static u32 triangle(u32 position)
{
	position %= PLASMA;
	return position < PLASMA / 2 ? position : PLASMA - 1 - position;
}

static void plasma_palette(u32 phase)
{
	u32 i;

	outb(0x3c8, 0);
	for (i = 0; i < 2 * PLASMA; i++) {
		u32 lift = i >= PLASMA ? 22 : 0;
		u32 position = i % PLASMA + phase;

		outb(0x3c9, (u8)(lift + triangle(position) * 40 / 60));
		outb(0x3c9, (u8)(lift + triangle(position + PLASMA / 3) * 30 / 60));
		outb(0x3c9, (u8)(lift + 6 + triangle(position + PLASMA / 2) * 34 / 60));
	}
	for (i = 0; i < 16; i++) {
		outb(0x3c9, (u8)(i * 4 + 3));
		outb(0x3c9, (u8)(i * 4 + 3));
		outb(0x3c9, (u8)(i * 4 + 3));
	}
}

static void line(int x0, int y0, int x1, int y1, u8 colour)
{
	int dx = x1 > x0 ? x1 - x0 : x0 - x1;
	int dy = y1 > y0 ? y1 - y0 : y0 - y1;
	int steps = dx > dy ? dx : dy;
	int i;

	for (i = 0; i <= steps; i++) {
		int x = x0 + (x1 - x0) * i / steps;
		int y = y0 + (y1 - y0) * i / steps;

		mem8(0xa0000 + (u32)(y * 320 + x)) = colour;
	}
}

static void draw_picture(void)
{
	int x;
	int y;

	for (y = 0; y < 200; y++) {
		for (x = 0; x < 320; x++) {
			int dx = x > 160 ? x - 160 : 160 - x;
			int dy = y > 96 ? y - 96 : 96 - y;
			int value = sine((u32)(x * 2)) + sine((u32)(y * 3)) +
				sine((u32)(x + y)) + sine((u32)(dx * dx + dy * dy) / 64);
			u32 colour = (u32)(value + 512) * PLASMA / 1025;

			if (dx <= 60 && dy <= 70 - dx * 35 / 60)
				colour += PLASMA;
			mem8(0xa0000 + (u32)(y * 320 + x)) = (u8)colour;
		}
	}
	/* the box: its outline, the three edges in front, and the hidden ones fainter */
	line(160, 96, 160, 26, 247);
	line(160, 96, 100, 131, 247);
	line(160, 96, 220, 131, 247);
	line(160, 26, 220, 61, 255);
	line(220, 61, 220, 131, 255);
	line(220, 131, 160, 166, 255);
	line(160, 166, 100, 131, 255);
	line(100, 131, 100, 61, 255);
	line(100, 61, 160, 26, 255);
	line(160, 96, 100, 61, 255);
	line(160, 96, 220, 61, 255);
	line(160, 96, 160, 166, 255);
}

static u32 enough(void)
{
	if (!key_get())
		return 0;
	while (key_get())
		continue;
	return 1;
}

static void picture(u32 tick_count)
{
	static const char title[] = "C L E A R B O X";
	struct bregs r;
	const char *p;
	u32 until;
	u32 phase = 0;

	memset(&r, 0, sizeof(r));
	r.ax = 0x0013;
	int16_call(0x10, &r);
	plasma_palette(0);
	draw_picture();
	goto_xy(12, 23);
	for (p = title; *p; p++) {
		memset(&r, 0, sizeof(r));
		r.ax = (u16)(0x0e00 | (u8)*p);
		r.bx = 255;
		int16_call(0x10, &r);
	}
	for (until = ticks() + tick_count; ticks() < until && !enough(); phase += 2) {
		u32 now = ticks();

		plasma_palette(phase);
		while (ticks() == now)
			idle();
	}
	clear_screen();
}

/* ---- prompt ---- */

static void power_off(void)
{
	outw(PMBASE + 4, 0x0001);
	outw(PMBASE + 4, 0x2001);
	delay_ms(500);
	print("  The power stays on: nobody switches it off.\n");
}

static void restart(void)
{
	outb(0x64, 0xfe);
	delay_ms(200);
	outb(0xcf9, 0x02);
	outb(0xcf9, 0x06);
	delay_ms(200);
}

static void help(void)
{
	print("  cpu      the processor\n"
	      "  mem      memory and its map\n"
	      "  disks    drives\n"
	      "  time     the clock\n"
	      "  picture  a picture; any key ends it\n"
	      "  boot     try the disks again\n"
	      "  reboot   start over\n"
	      "  off      switch off\n");
}

static void command(const char *line_text)
{
	if (!*line_text)
		return;
	if (!strcmp(line_text, "help") || !strcmp(line_text, "?")) {
		help();
	} else if (!strcmp(line_text, "cpu")) {
		show_cpu();
		cpu_features();
	} else if (!strcmp(line_text, "mem")) {
		show_memory();
		memory_map();
	} else if (!strcmp(line_text, "disks")) {
		show_drives();
	} else if (!strcmp(line_text, "time")) {
		show_time();
	} else if (!strcmp(line_text, "picture")) {
		picture(18 * 20);
	} else if (!strcmp(line_text, "boot")) {
		boot(0);
	} else if (!strcmp(line_text, "reboot")) {
		restart();
	} else if (!strcmp(line_text, "off")) {
		power_off();
	} else {
		print("  You typed \"%s\", which is no command. Try help.\n", line_text);
	}
}

static void read_line(char *text)
{
	u32 length = 0;

	for (;;) {
		u32 key = key_get();
		char c = (char)key;

		if (!key) {
			idle();
		} else if (c == '\r') {
			print("\n");
			text[length] = 0;
			return;
		} else if (c == '\b') {
			if (length) {
				length--;
				print("\b \b");
			}
		} else if ((u8)c >= ' ' && (u8)c < 0x7f && length < LINE_MAX - 1) {
			text[length++] = c;
			put_char(c);
		}
	}
}

void demo(void)
{
	char text[LINE_MAX];

	serial_mirror(1);
	clear_screen();
	set_colour(0x1f);
	print(" Clearbox built-in demo \n");
	set_colour(0x07);
	print("\n");
	show_cpu();
	cpu_features();
	show_memory();
	memory_map();
	show_drives();
	print("\nThere was nothing to boot (try: clearbox disk.img). Look around: type help.\n\n");
	for (;;) {
		set_colour(0x0f);
		print("> ");
		set_colour(0x07);
		read_line(text);
		command(text);
	}
}

void nothing_to_boot(void)
{
	const char *reasons[8];
	u32 count = boot_tried(reasons);
	u32 start;
	u32 i;

	serial_mirror(1);
	set_colour(0x0e);
	print("No bootable disk");
	set_colour(0x07);
	print(count ? ": what was tried, and what came of it:\n" : "\n");
	for (i = 0; i < count; i++)
		print("  %s\n", reasons[i]);
	print("\nStarting the built-in demo\n");
	start = ticks();
	while (ticks() < start + 45 && !enough())
		idle();
	picture(18 * 5);
	demo();
}
