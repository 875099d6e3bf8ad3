/*
 * ACPI 1.0b tables: RSDP in the real-mode segment, RSDT, FADT, DSDT and FACS at the top of low RAM
 * (E820 types 3 and 4). The chipset's fixed hardware is the PIIX4's, at PMBASE; there is no SMI
 * that would switch ACPI on or off, so it is on from the start.
 */
#include "bios32.h"
#include "dsdt.h"

extern u8 rsdp_table[];

static void put16(u8 *p, u32 value)
{
	p[0] = (u8)value;
	p[1] = (u8)(value >> 8);
}

static void put32(u8 *p, u32 value)
{
	put16(p, value);
	put16(p + 2, value >> 16);
}

static u8 checksum(const u8 *p, u32 length)
{
	u8 sum = 0;

	while (length--)
		sum = (u8)(sum + *p++);
	return (u8)-sum;
}

static void header(u8 *t, const char *signature, u32 length, u8 revision)
{
	memcpy(t, signature, 4);
	put32(t + 4, length);
	t[8] = revision;
	memcpy(t + 10, "CLRBOXCLEARBOX", 14);
	put32(t + 24, 1);
	memcpy(t + 28, "CBX ", 4);
	put32(t + 32, 1);
	t[9] = 0;
	t[9] = checksum(t, length);
}

static void fadt(u8 *t, u32 facs, u32 dsdt)
{
	memset(t, 0, 116);
	put32(t + 36, facs);
	put32(t + 40, dsdt);
	put16(t + 46, 9);		/* SCI_INT */
	put32(t + 56, PMBASE);		/* PM1a event block */
	put32(t + 64, PMBASE + 4);	/* PM1a control block */
	put32(t + 76, PMBASE + 8);	/* PM timer */
	put32(t + 80, PMBASE + 0x0c);	/* GPE0 */
	t[88] = 4;
	t[89] = 2;
	t[91] = 4;
	t[92] = 4;
	put16(t + 96, 0x0fff);		/* no C2, no C3 */
	put16(t + 98, 0x0fff);
	t[106] = 13;			/* day alarm: none; month alarm: none; century below */
	t[106] = 0;
	t[108] = 0x32;			/* century byte in CMOS */
	put16(t + 109, 0x0003);		/* legacy devices, 8042 */
	/* WBINVD, C1, sleep button is generic, RTC wake status not fixed */
	put32(t + 112, 0x00000001 | 0x00000004 | 0x00000020 | 0x00000040);
	header(t, "FACP", 116, 1);
}

void acpi_init(void)
{
	u32 base = info()->acpi_base;
	u32 facs = info()->mem_low - 0x1000;
	u32 rsdt = base;
	u32 facp = base + 0x40;
	u32 dsdt = base + 0x100;
	u8 *rsdp = at(0xf0000 + (u32)rsdp_table);
	u8 *t;

	if (!info()->acpi_size)
		return;
	memcpy(at(dsdt), dsdt_aml, sizeof(dsdt_aml));
	t = at(dsdt);
	t[9] = 0;
	t[9] = checksum(t, sizeof(dsdt_aml));
	t = at(facs);
	memset(t, 0, 64);
	memcpy(t, "FACS", 4);
	put32(t + 4, 64);
	fadt(at(facp), facs, dsdt);
	t = at(rsdt);
	put32(t + 36, facp);
	header(t, "RSDT", 40, 1);

	memset(rsdp, 0, 48);
	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "CLRBOX", 6);
	put32(rsdp + 16, rsdt);
	rsdp[8] = checksum(rsdp, 20);

	/* ACPI mode: SCI_EN, with all events off and no status pending */
	outw(PMBASE + 2, 0);
	outw(PMBASE, 0xffff);
	outw(PMBASE + 4, 1);
}
