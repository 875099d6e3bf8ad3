/*
 * Power-on self test: puts chips, vectors and data areas into the state that the PC/AT promises,
 * finds memory and drives, shows what machine this is, and boots.
 */
#include "bios32.h"

extern const u16 vector_table[];	/* in the real-mode segment: offsets there */
extern const u16 vector_table_high[];
extern const u8 entry_iret[];

#define IN_BIOS(symbol) (0xf0000 + (u32)(symbol))

static void pic_init(void)
{
	outb(0x20, 0x11);
	outb(0xa0, 0x11);
	outb(0x21, 0x08);
	outb(0xa1, 0x70);
	outb(0x21, 0x04);
	outb(0xa1, 0x02);
	outb(0x21, 0x01);
	outb(0xa1, 0x01);
	outb(0x21, 0xb8);	/* timer, keyboard, cascade, floppy */
	outb(0xa1, 0x8f);	/* mouse, coprocessor, disks */
}

/* A local APIC passes the 8259's line on only when told to: virtual wire mode. */
static void apic_init(void)
{
	u32 eax, ebx, ecx, edx;

	__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(1));
	if (!(edx & 0x200))
		return;
	mem32(0xfee000f0) |= 0x100;
	mem32(0xfee00350) = 0x700;	/* LINT0: ExtINT */
	mem32(0xfee00360) = 0x400;	/* LINT1: NMI */
}

static void msr_write(u32 index, u32 high, u32 low)
{
	__asm__ volatile("wrmsr" : : "c"(index), "a"(low), "d"(high));
}

/* Memory types (SDM 3A 12.11): RAM is write-back, ROM write-protected, devices uncached. */
static void mtrr_init(void)
{
	u32 eax, ebx, ecx, edx, address_bits = 36;
	u32 i;

	__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(1));
	if (!(edx & 0x1000))
		return;
	__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(0x80000000));
	if (eax >= 0x80000008 && eax < 0x80010000) {
		__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(0x80000008));
		address_bits = eax & 0xff;
	}
	msr_write(0x250, 0x06060606, 0x06060606);	/* 0 to 7FFFFh */
	msr_write(0x258, 0x06060606, 0x06060606);	/* to 9FFFFh */
	msr_write(0x259, 0, 0);				/* video memory */
	for (i = 0; i < 8; i++)				/* C0000h to FFFFFh */
		msr_write(0x268 + i, 0x05050505, 0x05050505);
	msr_write(0x200, 0, 0xc0000000);		/* the gigabyte below 4 GiB: PCI, APICs, this BIOS */
	msr_write(0x201, (1u << (address_bits - 32)) - 1, 0xc0000800);
	msr_write(0x2ff, 0, 0xc06);			/* all on; elsewhere write-back */
}

static void timer_init(void)
{
	outb(0x43, 0x34 | 0x02);	/* counter 0, mode 3, full count */
	outb(0x40, 0);
	outb(0x40, 0);
	outb(0x43, 0x54);		/* counter 1, mode 2: refresh */
	outb(0x41, 0x12);
	outb(0x43, 0xb6);
	outb(0x42, 0x33);
	outb(0x42, 0x05);
	outb(0x61, inb(0x61) & 0x0c);
}

static void dma_init(void)
{
	outb(0x0d, 0);
	outb(0xda, 0);
	outb(0xd6, 0xc0);	/* cascade */
	outb(0xd4, 0x00);
	outb(0x08, 0);
	outb(0xd0, 0);
}

static void vectors_init(void)
{
	const u16 *low = at(IN_BIOS(vector_table));
	const u16 *high = at(IN_BIOS(vector_table_high));
	u32 i;

	for (i = 0; i < 0x78; i++)
		mem32(i * 4) = 0xf0000000 | (u32)(0xffff & IN_BIOS(entry_iret));
	mem32(0x02 * 4) = 0xf000e2c3;
	mem32(0x05 * 4) = 0xf000ff54;
	for (i = 0; i < 24; i++)
		mem32((8 + i) * 4) = 0xf0000000 | low[i];
	for (i = 0; i < 8; i++)
		mem32((0x70 + i) * 4) = 0xf0000000 | high[i];
	mem32(0x1f * 4) = 0;
	mem32(0x40 * 4) = 0xf000ec59;
	mem32(0x41 * 4) = 0;
	mem32(0x42 * 4) = 0xf000f065;
	mem32(0x43 * 4) = 0;
	mem32(0x46 * 4) = 0;
	for (i = 0x60; i < 0x68; i++)
		mem32(i * 4) = 0;
	for (i = 0x78; i < 0x100; i++)
		mem32(i * 4) = 0;
}

static void data_areas_init(void)
{
	u16 warm = bda16(BDA_RESET_FLAG);

	memset(at(0x400), 0, 0x100);
	memset(at(0x500), 0, 0x100);
	bda16(BDA_RESET_FLAG) = warm;
	bda16(BDA_EBDA) = EBDA_SEG;
	memset(at(EBDA_SEG << 4), 0, 0x400);
	mem8(ebda_address()) = 1;
	bda16(BDA_MEM_KIB) = (EBDA_SEG << 4) / 1024;
	bda16(BDA_KBD_START) = 0x1e;
	bda16(BDA_KBD_END) = 0x3e;
	bda16(BDA_KBD_HEAD) = 0x1e;
	bda16(BDA_KBD_TAIL) = 0x1e;
	bda8(BDA_KBD_MODE) = 0x10;
	bda16(BDA_EQUIPMENT) = 0x0026;	/* coprocessor, mouse, 80x25 colour */
	bda8(BDA_FD_RATE) = 0xff;
	info()->mouse_size = 3;
}

static void memory_init(void)
{
	u32 low = (u32)cmos_read(0x34) << 16 | (u32)cmos_read(0x35) << 24;

	if (low)
		low += 0x1000000;
	else
		low = ((u32)cmos_read(0x30) << 10 | (u32)cmos_read(0x31) << 18) + 0x100000;
	info()->mem_low = low;
	info()->mem_high_64k = cmos_read(0x5b) | (u32)cmos_read(0x5c) << 8 |
		(u32)cmos_read(0x5d) << 16;
	/* a machine with next to nothing above 1 MiB goes without tables */
	info()->acpi_size = low >= 0x1000000 ? 0x10000 : low >= 0x180000 ? 0x4000 : 0;
	info()->acpi_base = low - info()->acpi_size;
}

/* ---- keyboard controller ---- */

/*
 * At most about a second: a keyboard takes half of that to test itself, which is slept through
 * from tick to tick.
 */
static u32 kbc_wait(u8 mask, u8 want)
{
	u32 sleeps;
	u32 polls;

	for (sleeps = 0; sleeps < 20; sleeps++) {
		for (polls = 0; polls < 500; polls++)
			if ((inb(0x64) & mask) == want)
				return 1;
		idle();
	}
	return 0;
}

static u32 kbc_read(void)
{
	return kbc_wait(0x01, 0x01) ? inb(0x60) : 0x100u;
}

static void kbc_command(u8 command)
{
	kbc_wait(0x02, 0);
	outb(0x64, command);
}

static void kbc_data(u8 value)
{
	kbc_wait(0x02, 0);
	outb(0x60, value);
}

static void keyboard_init(void)
{
	u32 n;

	kbc_command(0xad);
	kbc_command(0xa7);
	for (n = 0; n < 32 && inb(0x64) & 1; n++)
		inb(0x60);
	kbc_command(0xaa);
	if (kbc_read() != 0x55)
		return;
	kbc_command(0xab);
	kbc_read();
	kbc_command(0x60);
	kbc_data(0x74);		/* translate; both ports and their interrupts off for now */
	kbc_command(0xae);
	kbc_data(0xff);
	if (kbc_read() == 0xfa)
		kbc_read();
	kbc_data(0xf5);
	kbc_read();
	kbc_data(0xf0);
	kbc_read();
	kbc_data(0x02);
	kbc_read();
	kbc_data(0xf4);
	kbc_read();
	kbc_command(0xa8);
	kbc_command(0x60);
	kbc_data(0x47);		/* translate, IRQ 1 and IRQ 12, both ports on */
	kbc_wait(0x02, 0);
}

/* ---- serial and parallel ports ---- */

static void ports_init(void)
{
	static const u16 com[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
	static const u16 lpt[3] = { 0x378, 0x278, 0x3bc };
	u32 coms = 0;
	u32 lpts = 0;
	u32 i;

	for (i = 0; i < 4; i++) {
		/* the scratch register, and the two bits of IIR that are always zero */
		outb(com[i] + 7, 0x5a);
		if (inb(com[i] + 7) != 0x5a || inb(com[i] + 2) & 0x30)
			continue;
		outb(com[i] + 1, 0);
		bda8(BDA_COM_TIMEOUT + coms) = 1;
		bda16(BDA_COM + coms++ * 2) = com[i];
	}
	for (i = 0; i < 3; i++) {
		outb(lpt[i] + 2, 0x0c);
		outb(lpt[i], 0x55);
		if (inb(lpt[i]) != 0x55)
			continue;
		outb(lpt[i], 0xaa);
		if (inb(lpt[i]) != 0xaa)
			continue;
		bda8(BDA_LPT_TIMEOUT + lpts) = 20;
		bda16(BDA_LPT + lpts++ * 2) = lpt[i];
	}
	bda16(BDA_EQUIPMENT) |= (u16)(coms << 9 | lpts << 14);
}

static void floppy_init(void)
{
	u8 types = cmos_read(0x10);
	u32 count = (types >> 4 != 0) + ((types & 0x0f) != 0);

	info()->floppies = (u8)count;
	if (count) {
		struct bregs r;

		bda16(BDA_EQUIPMENT) |= (u16)(1 | (count - 1) << 6);
		/* take the controller out of its power-on reset */
		memset(&r, 0, sizeof(r));
		int16_call(0x13, &r);
	}
}

/* Ticks since midnight from the real-time clock, which may count in binary or in 12 hours. */
static u32 from_clock(u8 index, u8 mode)
{
	u8 value = cmos_read(index);

	return mode & 4 ? value : (value >> 4) * 10u + (value & 15u);
}

static void clock_init(void)
{
	u32 n;
	u8 mode;
	u32 seconds;

	cmos_write(0x0a, 0x26);
	mode = cmos_read(0x0b);
	cmos_write(0x0b, mode = (u8)((mode & 0x05) | 0x02));
	cmos_read(0x0c);
	cmos_read(0x0d);
	for (n = 0; n < 100000 && cmos_read(0x0a) & 0x80; n++)
		continue;
	seconds = from_clock(4, mode) * 3600 + from_clock(2, mode) * 60 + from_clock(0, mode);
	if (seconds >= 86400)
		seconds = 0;
	/* 1193182/65536 ticks a second, kept in 32 bits */
	bda32(BDA_TIMER) = seconds * 18 + seconds * 206 / 1000 + seconds * 5 / 10000;
}

static void vga_font_to_rom(void)
{
	struct bregs r;
	u32 segment;
	u32 offset;

	/* The 8x8 font at F000:FA6E is the VGA's, as far as one is there */
	memset(&r, 0, sizeof(r));
	r.ax = 0x1130;
	r.bx = 0x0300;
	int16_call(0x10, &r);
	segment = r.es;
	offset = r.bp;
	if (segment >= 0xc000 && segment < 0xe000)
		memcpy(at(0xffa6e), at((segment << 4) + offset), 1024);
}

void post(void);
void post(void)
{
	outb(0x70, 0x0f | 0x80);
	outb(0x71, 0);
	cmos_read(0x0d);
	pic_init();
	apic_init();
	mtrr_init();
	timer_init();
	dma_init();
	data_areas_init();
	vectors_init();
	chipset_init();
	memory_init();
	pci_init();
	fwcfg_init();
	rom_init();
	vga_font_to_rom();
	clock_init();
	keyboard_init();
	ports_init();
	floppy_init();
	machine_summary(0);
	drives_init();
	rom_connect();
	tables_init();
	acpi_init();
	shadow_protect();
	machine_summary(1);
	boot(1);
}

void int19_main(void);
void int19_main(void)
{
	fwcfg_init();
	boot(0);
}

void int18_main(void);
void int18_main(void)
{
	fwcfg_init();
	boot_next();
	nothing_to_boot();
}
