/*
 * Tables that operating systems search F0000h-FFFFFh for: BIOS32 directory, PCI interrupt routing
 * ($PIR, Microsoft's specification 1.0), MP table (Intel's specification 1.4) where the processor
 * has a local APIC, and SMBIOS 2.4. They are built in the shadow RAM of the
 * real-mode segment before it becomes read-only.
 */
#include "bios32.h"

extern u8 bios32_table[];
extern u8 smbios_entry[];
extern u8 pir_table[];
extern u8 mp_pointer[];
extern u8 mp_table[];

#define IN_BIOS(symbol) ((u8 *)at(0xf0000 + (u32)(symbol)))

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

static void bios32_init(void)
{
	u8 *t = IN_BIOS(bios32_table);

	memset(t, 0, 16);
	memcpy(t, "_32_", 4);
	put32(t + 4, (u32)bios32_entry);
	t[9] = 1;
	t[10] = checksum(t, 16);
}

/* Slot s uses PIRQ (s - 1 + pin) mod 4, as the board is wired. */
static void pir_init(void)
{
	u8 *t = IN_BIOS(pir_table);
	u32 slot;
	u32 pin;

	memset(t, 0, 32 + 31 * 16);
	memcpy(t, "$PIR", 4);
	put16(t + 4, 0x0100);
	put16(t + 6, 32 + 31 * 16);
	t[9] = 1 << 3;			/* the router is 00:01.0 */
	put16(t + 10, 0x0c00);		/* IRQ 10 and 11 are PCI's alone */
	put32(t + 12, 0x70008086);
	for (slot = 1; slot < 32; slot++) {
		u8 *entry = t + 32 + (slot - 1) * 16;

		entry[1] = (u8)(slot << 3);
		for (pin = 0; pin < 4; pin++) {
			entry[2 + pin * 3] = (u8)(0x60 + ((slot - 1 + pin) & 3));
			put16(entry + 3 + pin * 3, 0x0e20);
		}
		entry[14] = slot < 3 ? 0 : (u8)slot;
	}
	t[31] = checksum(t, 32 + 31 * 16);
}

/* ---- MP table ---- */

#define IOAPIC_ID	1
#define IOAPIC		0xfec00000
#define LOCAL_APIC	0xfee00000
#define BUS_PCI		0
#define BUS_ISA		1
#define MP_INT		0
#define MP_NMI		1
#define MP_EXTINT	3
#define MP_LEVEL_LOW	0x000f		/* PCI's way; 0: as the bus has it */

static u8 *mp_at;
static u32 mp_count;

static void mp_bus(u32 id, const char *name)
{
	mp_at[0] = 1;
	mp_at[1] = (u8)id;
	memcpy(mp_at + 2, name, 6);
	mp_at += 8;
	mp_count++;
}

/* entry: 3 for an input of the I/O APIC, 4 for one of the local APIC */
static void mp_interrupt(u32 entry, u32 type, u32 flags, u32 bus, u32 irq, u32 apic, u32 input)
{
	mp_at[0] = (u8)entry;
	mp_at[1] = (u8)type;
	put16(mp_at + 2, flags);
	mp_at[4] = (u8)bus;
	mp_at[5] = (u8)irq;
	mp_at[6] = (u8)apic;
	mp_at[7] = (u8)input;
	mp_at += 8;
	mp_count++;
}

static void mp_processor(void)
{
	u32 eax, ebx, ecx, edx;

	__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(1));
	memset(mp_at, 0, 20);
	mp_at[2] = mem8(LOCAL_APIC + 0x30);	/* version */
	mp_at[3] = 3;				/* enabled; the one that boots */
	put32(mp_at + 4, eax);
	put32(mp_at + 8, edx);
	mp_at += 20;
	mp_count++;
}

/* IRQ 0 is the I/O APIC's input 2, PIRQA to PIRQD are its inputs 16 to 19. */
static void mp_interrupts(void)
{
	u32 n;

	for (n = 0; n < 16; n++)
		if (n != 2)
			mp_interrupt(3, MP_INT, n == 9 ? 0x000d : 0, BUS_ISA, n, IOAPIC_ID, n ? n : 2);
	for (n = 1 << 2; n < 32 << 2; n++)
		if (pci_read16((n >> 2) << 3, 0) != 0xffff)
			mp_interrupt(3, MP_INT, MP_LEVEL_LOW, BUS_PCI, n, IOAPIC_ID,
				     16 + (((n >> 2) - 1 + n) & 3));
	mp_interrupt(4, MP_EXTINT, 0, BUS_ISA, 0, 0xff, 0);
	mp_interrupt(4, MP_NMI, 0, BUS_ISA, 0, 0xff, 1);
}

static void mp_init(void)
{
	u8 *pointer = IN_BIOS(mp_pointer);
	u8 *t = IN_BIOS(mp_table);
	u32 eax, ebx, ecx, edx;

	memset(pointer, 0, 16);
	__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(1));
	mem32(IOAPIC) = 1;
	if (!(edx & 0x200) || (mem32(IOAPIC + 0x10) & 0xff0000) != 0x170000)
		return;
	mem32(IOAPIC) = 0;
	mem32(IOAPIC + 0x10) = IOAPIC_ID << 24;
	memset(t, 0, 44);
	mp_at = t + 44;
	mp_count = 0;
	mp_processor();
	mp_bus(BUS_PCI, "PCI   ");
	mp_bus(BUS_ISA, "ISA   ");
	mp_at[0] = 2;
	mp_at[1] = IOAPIC_ID;
	mp_at[2] = 0x20;
	mp_at[3] = 1;
	put32(mp_at + 4, IOAPIC);
	mp_at += 8;
	mp_count++;
	mp_interrupts();

	memcpy(t, "PCMP", 4);
	put16(t + 4, (u32)(mp_at - t));
	t[6] = 4;
	memcpy(t + 8, "CLRBOX  CLEARBOX    ", 20);
	put16(t + 34, mp_count);
	put32(t + 36, LOCAL_APIC);
	t[7] = checksum(t, (u32)(mp_at - t));
	memcpy(pointer, "_MP_", 4);
	put32(pointer + 4, (u32)t);
	pointer[8] = 1;
	pointer[9] = 4;
	pointer[10] = checksum(pointer, 16);
}

/* ---- SMBIOS ---- */

static u8 *smbios_at;
static u32 smbios_count;
static u32 smbios_largest;

/* Append a structure: its formatted part, then its strings, separated by newlines. */
static void structure(u32 type, const u8 *body, u32 length, const char *strings)
{
	u8 *start = smbios_at;

	*smbios_at++ = (u8)type;
	*smbios_at++ = (u8)(length + 4);
	put16(smbios_at, 0x0100 * type + smbios_count);
	smbios_at += 2;
	memcpy(smbios_at, body, length);
	smbios_at += length;
	if (!*strings)
		*smbios_at++ = 0;
	while (*strings) {
		*smbios_at++ = (u8)(*strings == '\n' ? 0 : *strings);
		if (!*++strings)
			*smbios_at++ = 0;
	}
	*smbios_at++ = 0;
	smbios_count++;
	if ((u32)(smbios_at - start) > smbios_largest)
		smbios_largest = (u32)(smbios_at - start);
}

static void cpu_structure(void)
{
	u8 body[0x20];
	u32 eax, ebx, ecx, edx;

	memset(body, 0, sizeof(body));
	__asm__ volatile("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(1));
	body[0] = 1;		/* socket */
	body[1] = 3;		/* central processor */
	body[2] = 0x01;		/* family: other */
	body[3] = 2;		/* manufacturer */
	put32(body + 4, eax);
	put32(body + 8, edx);
	body[0x14] = 0x41;	/* populated, enabled */
	body[0x15] = 0x01;
	put16(body + 0x16, 0xffff);
	put16(body + 0x18, 0xffff);
	put16(body + 0x1a, 0xffff);
	structure(4, body, sizeof(body) - 1, "CPU 0\nClearbox");
}

u32 smbios_address(void)
{
	return info()->acpi_base + (info()->acpi_size >= 0x10000 ? 0x8000 : 0x2000);
}

static void smbios_init(void)
{
	static const u8 bios[] = {
		1, 2, 0x00, 0xe0, 3, 1,		/* vendor, version, segment, date, 128 KiB */
		/* PCI, APM, shadowing, CD, selectable boot, EDD */
		0x80, 0x98, 0x01, 0, 0, 0, 0, 0,
		0x03, 0x05, 1, 0, 0xff, 0xff
	};
	static const u8 system[] = {
		1, 2, 3, 0, 0xc1, 0xea, 0x20, 0xb0, 0x0c, 0x5b, 0x4e, 0x11, 0x8e, 0x02,
		0x20, 0x26, 0x11, 0x22, 0x00, 0x01, 6, 0, 0
	};
	static const u8 chassis[] = { 1, 1, 0, 0, 0, 3, 3, 3, 2, 0, 0, 0, 0, 0, 1, 0, 0 };
	u8 *entry = IN_BIOS(smbios_entry);
	u8 *start = at(smbios_address());
	u8 body[0x17];
	u32 mib = info()->mem_low >> 20;

	if (!info()->acpi_size)
		return;
	smbios_at = start;
	smbios_count = 0;
	structure(0, bios, sizeof(bios), "Clearbox\n1.0\n11/22/2026");
	structure(1, system, sizeof(system), "Clearbox\nClearbox PC\n1.0");
	structure(3, chassis, sizeof(chassis), "Clearbox");
	cpu_structure();
	mib += info()->mem_high_64k >> 4;
	memset(body, 0, sizeof(body));
	body[0] = 1;		/* system board */
	body[1] = 3;		/* system memory */
	body[2] = 3;		/* no error correction */
	put32(body + 3, mib << 10);
	put16(body + 7, 0xfffe);
	put16(body + 9, 1);
	structure(16, body, 11, "");
	memset(body, 0, sizeof(body));
	put16(body, 0x1004);
	put16(body + 2, 0xfffe);
	put16(body + 4, 64);
	put16(body + 6, 64);
	put16(body + 8, mib < 0x7fff ? mib : 0x7fff);
	body[10] = 9;		/* DIMM */
	body[12] = 1;
	body[14] = 7;		/* RAM */
	structure(17, body, 0x17, "DIMM 0");
	memset(body, 0, sizeof(body));
	put32(body + 4, (mib << 10) - 1);
	put16(body + 8, 0x1004);
	body[10] = 1;
	structure(19, body, 11, "");
	structure(32, (const u8 *)"\0\0\0\0\0\0\0", 7, "");
	structure(127, NULL, 0, "");

	memset(entry, 0, 32);
	memcpy(entry, "_SM_", 4);
	entry[5] = 31;
	entry[6] = 2;
	entry[7] = 4;
	put16(entry + 8, smbios_largest);
	memcpy(entry + 16, "_DMI_", 5);
	put16(entry + 22, (u32)(smbios_at - start));
	put32(entry + 24, (u32)start);
	put16(entry + 28, smbios_count);
	entry[30] = 0x24;
	entry[21] = checksum(entry + 16, 15);
	entry[4] = checksum(entry, 31);
}

void tables_init(void)
{
	bios32_init();
	pir_init();
	mp_init();
	smbios_init();
}
