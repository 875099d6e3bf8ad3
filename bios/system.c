/*
 * INT 15h: memory sizes and map, A20, waits, configuration, EBDA, APM. The functions that leave
 * real mode (87h, 89h) are in entry16.S, the mouse is in mouse.c, time in time.c.
 */
#include "bios16.h"

void mouse_service(struct regs SS *r);
void event_wait(struct regs SS *r);
void plain_wait(struct regs SS *r);

extern const u8 system_config[];
void apm_entry_real(void);
void apm_entry_16(void);
void apm_entry_32(void);

static void fail(struct regs SS *r, u8 code)
{
	r->ah = code;
	r->flags |= F_CF;
}

/* ---- the memory map, one function of its index ---- */

#define RAM 1
#define RESERVED 2
#define ACPI_DATA 3
#define ACPI_NVS 4

static void map_entry(struct regs SS *r, u32 base, u32 base_high, u32 length, u32 length_high,
		      u32 type)
{
	u16 di = r->di;

	set_fs(r->es);
	fs32(di) = base;
	fs32(di + 4) = base_high;
	fs32(di + 8) = length;
	fs32(di + 12) = length_high;
	fs32(di + 16) = type;
}

static void e820(struct regs SS *r)
{
	u32 low = info32(INFO_AT(mem_low));
	u32 high = info32(INFO_AT(mem_high_64k));
	u32 acpi = info32(INFO_AT(acpi_base));
	u32 acpi_size = info32(INFO_AT(acpi_size));
	u32 ebda = (u32)bda16(BDA_EBDA) << 4;
	u32 index = r->ebx;

	if (r->edx != 0x534d4150 || r->ecx < 20) {
		fail(r, 0x86);
		return;
	}
	/* what a small machine has not got is left out */
	if (index == 3 && acpi <= 0x100000)
		index = 4;
	if (index == 4 && !acpi_size)
		index = 6;
	switch (index) {
	case 0:
		map_entry(r, 0, 0, ebda, 0, RAM);
		break;
	case 1:
		map_entry(r, ebda, 0, 0xa0000 - ebda, 0, RESERVED);
		break;
	case 2:
		map_entry(r, 0xe0000, 0, 0x20000, 0, RESERVED);
		break;
	case 3:
		map_entry(r, 0x100000, 0, acpi - 0x100000, 0, RAM);
		break;
	case 4:
		map_entry(r, acpi, 0, acpi_size - 0x1000, 0, ACPI_DATA);
		break;
	case 5:		/* the FACS page */
		map_entry(r, low - 0x1000, 0, 0x1000, 0, ACPI_NVS);
		break;
	case 6:
		map_entry(r, 0xfffe0000, 0, 0x20000, 0, RESERVED);
		break;
	case 7:
		map_entry(r, 0, 1, high << 16, high >> 16, RAM);
		break;
	default:
		fail(r, 0x86);
		return;
	}
	index++;
	r->ebx = index > 7 || (index == 7 && !high) ? 0 : index;
	r->eax = 0x534d4150;
	r->ecx = 20;
}

/* KiB from 1 MiB to 16 MiB, and 64 KiB blocks above that. */
static u32 extended_low(void)
{
	u32 kib = (info32(INFO_AT(acpi_base)) >> 10) - 1024;

	return kib > 0x3c00 ? 0x3c00 : kib;
}

static u32 extended_high(void)
{
	u32 base = info32(INFO_AT(acpi_base));

	return base > 0x1000000 ? (base - 0x1000000) >> 16 : 0;
}

static void a20(struct regs SS *r)
{
	switch (r->al) {
	case 0:
		outb(0x92, inb(0x92) & 0xfc);
		break;
	case 1:
		outb(0x92, (u8)((inb(0x92) & 0xfe) | 2));
		break;
	case 2:
		r->al = inb(0x92) >> 1 & 1;
		break;
	case 3:
		r->bx = 3;
		break;
	default:
		fail(r, 0x86);
		return;
	}
	r->ah = 0;
}

/* ---- APM 1.2: enough to idle, and to switch the machine off ---- */

static void power_off(void)
{
	/* S5: SUS_TYP 0, SUS_EN */
	outw(PMBASE + 4, 0x0001);
	outw(PMBASE + 4, 0x2001);
}

void apm(struct regs SS *r)
{
	r->flags &= (u16)~F_CF;
	switch (r->al) {
	case 0x00:
		r->ah = 1;
		r->al = 2;
		r->bx = 0x504d;
		r->cx = 0x0003;	/* 16- and 32-bit interfaces */
		return;
	case 0x01:
		break;
	case 0x02:
		r->ax = SEG_BIOS;
		r->bx = (u16)(u32)apm_entry_16;
		r->cx = SEG_BIOS;
		r->si = 0xfff0;
		r->di = 0xfff0;
		return;
	case 0x03:
		r->ax = SEG_BIOS;
		r->ebx = (u32)apm_entry_32;
		r->cx = SEG_BIOS;
		r->dx = SEG_BIOS;
		r->esi = 0xfff0fff0;
		r->di = 0xfff0;
		return;
	case 0x04:
	case 0x06:
		break;
	case 0x05:
		wait_irq();
		irq_off();
		break;
	case 0x07:
		if (r->bx != 1 || r->cx > 3) {
			fail(r, 0x09);
			return;
		}
		if (r->cx == 3)
			power_off();
		break;
	case 0x08:
	case 0x0d:
	case 0x0f:
	case 0x10:
		break;
	case 0x0a:
		r->bx = 0x01ff;	/* on line, no battery */
		r->cx = 0x80ff;
		r->dx = 0xffff;
		r->si = 0;
		break;
	case 0x0b:
		fail(r, 0x80);
		return;
	case 0x0c:
		r->cx = 0;
		break;
	case 0x0e:
		r->ax = 0x0102;
		return;
	default:
		fail(r, 0x0c);
		return;
	}
	r->ah = 0;
}

void int15(struct regs SS *r)
{
	r->flags &= (u16)~F_CF;
	switch (r->ah) {
	case 0x24:
		a20(r);
		break;
	case 0x41:
		fail(r, 0x86);
		break;
	case 0x53:
		apm(r);
		break;
	case 0x80:
	case 0x81:
	case 0x82:
	case 0x85:
		r->ah = 0;
		break;
	case 0x83:
		event_wait(r);
		break;
	case 0x84:	/* joystick: none */
		if (r->dx == 1) {
			r->ax = r->bx = r->cx = r->dx = 0;
			break;
		}
		fail(r, 0x86);
		break;
	case 0x86:
		plain_wait(r);
		break;
	case 0x88: {
		u32 kib = (info32(INFO_AT(acpi_base)) >> 10) - 1024;

		r->ax = (u16)(kib > 0xfc00 ? 0xfc00 : kib);
		break;
	}
	case 0xc0:
		r->es = SEG_BIOS;
		r->bx = (u16)(u32)system_config;
		r->ah = 0;
		break;
	case 0xc1:
		r->es = bda16(BDA_EBDA);
		break;
	case 0xc2:
		mouse_service(r);
		break;
	case 0xe8:
		if (r->al == 0x01) {
			r->ax = r->cx = (u16)extended_low();
			r->bx = r->dx = (u16)extended_high();
		} else if (r->al == 0x20) {
			e820(r);
		} else if (r->al == 0x81) {
			r->eax = r->ecx = extended_low();
			r->ebx = r->edx = extended_high();
		} else {
			fail(r, 0x86);
		}
		break;
	default:
		fail(r, 0x86);
		break;
	}
}
