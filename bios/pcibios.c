/*
 * PCI BIOS 2.1: INT 1Ah AH=B1h in real mode, and the same source built again for the 32-bit
 * entry that BIOS32 announces. The 32-bit build is called with any CS base, so there may be no
 * absolute address in here: no tables, no strings, no variables.
 */
#ifdef PCIBIOS_32
#include "bios32.h"
#define CALLER
#define pci_bios pci_bios_32
void pci_bios_32(struct regs *r);
#else
#include "bios16.h"
#define CALLER SS
extern const u8 pir_table[];
#endif

static inline u32 config_address(u32 bus, u32 devfn, u32 reg)
{
	return 0x80000000u | bus << 16 | devfn << 8 | (reg & 0xfc);
}

static u32 read32(u32 bus, u32 devfn, u32 reg)
{
	outl(0xcf8, config_address(bus, devfn, reg));
	return inl(0xcfc);
}

static void done(struct regs CALLER *r, u8 status)
{
	r->ah = status;
	if (status)
		r->flags |= 1;
	else
		r->flags &= (u16)~1;
}

/* Walk all functions for the SI-th whose register reg, under mask, is value. */
static u32 find(struct regs CALLER *r, u32 reg, u32 shift, u32 value)
{
	u32 wanted = r->si;
	u32 bus;
	u32 devfn;
	u32 last = 0;

#ifndef PCIBIOS_32
	last = info8(INFO_AT(pci_last_bus));
#else
	last = 3;
#endif
	for (bus = 0; bus <= last; bus++) {
		for (devfn = 0; devfn < 256; devfn++) {
			u32 id = read32(bus, devfn, 0);

			if ((id & 0xffff) == 0xffff) {
				if (!(devfn & 7))
					devfn += 7;
				continue;
			}
			if (read32(bus, devfn, reg) >> shift == value && !wanted--) {
				r->bh = (u8)bus;
				r->bl = (u8)devfn;
				return 1;
			}
			if (!(devfn & 7) && !(read32(bus, devfn, 0x0c) & 0x00800000))
				devfn += 7;
		}
	}
	return 0;
}

static void access(struct regs CALLER *r)
{
	u32 reg = r->di;
	u16 port = (u16)(0xcfc + (reg & 3));

	if (reg > 0xff || (r->al & 3 && (r->al == 0x09 || r->al == 0x0c) && reg & 1) ||
	    ((r->al == 0x0a || r->al == 0x0d) && reg & 3)) {
		done(r, 0x87);
		return;
	}
	outl(0xcf8, config_address(r->bh, r->bl, reg));
	if (r->al == 0x08)
		r->cl = inb(port);
	else if (r->al == 0x09)
		r->cx = inw(port);
	else if (r->al == 0x0a)
		r->ecx = inl(0xcfc);
	else if (r->al == 0x0b)
		outb(port, r->cl);
	else if (r->al == 0x0c)
		outw(port, r->cx);
	else
		outl(0xcfc, r->ecx);
	done(r, 0);
}

#ifndef PCIBIOS_32
/* AL=0Eh: hand over the slot entries of $PIR. */
static void routing(struct regs SS *r)
{
	u16 es = r->es;
	u16 di = r->di;
	u32 size = far16((u16)SEG_BIOS, (u16)((u32)pir_table + 6)) - 32u;
	u32 room = far16(es, di);

	put16(es, di, (u16)size);
	if (room < size) {
		done(r, 0x89);
		return;
	}
	far_copy(far16(es, di + 4), far16(es, di + 2), SEG_BIOS, (u16)((u32)pir_table + 32), size);
	r->bx = 0x0c00;
	done(r, 0);
}
#endif

/* AL=0Fh: BH:BL device, CL pin 0Ah-0Dh, CH IRQ; sets the PIIX3 router. */
static void set_irq(struct regs CALLER *r)
{
	u32 irq = r->ch;
	u32 link = (r->bl >> 3) - 1u + r->cl - 0x0a;

	if (r->bh || r->cl < 0x0a || r->cl > 0x0d || !(0xdef8 >> irq & 1) || irq > 15) {
		done(r, 0x88);
		return;
	}
	outl(0xcf8, config_address(0, 8, 0x60));
	outb((u16)(0xcfc + (link & 3)), (u8)irq);
	if (irq < 8)
		outb(0x4d0, (u8)(inb(0x4d0) | 1u << irq));
	else
		outb(0x4d1, (u8)(inb(0x4d1) | 1u << (irq - 8)));
	outl(0xcf8, config_address(0, r->bl, 0x3c));
	outb(0xcfc, (u8)irq);
	done(r, 0);
}

void pci_bios(struct regs CALLER *r)
{
	u8 function = r->al & 0x7f;

	if (function == 0x01) {
		r->edx = 0x20494350;
		r->al = 0x01;
		r->bx = 0x0210;
#ifdef PCIBIOS_32
		r->cl = 0;
#else
		r->cl = info8(INFO_AT(pci_last_bus));
#endif
		done(r, 0);
	} else if (function == 0x02) {
		if (r->dx == 0xffff)
			done(r, 0x83);
		else
			done(r, find(r, 0, 0, (u32)r->cx << 16 | r->dx) ? 0 : 0x86);
	} else if (function == 0x03) {
		done(r, find(r, 8, 8, r->ecx & 0xffffff) ? 0 : 0x86);
	} else if (function >= 0x08 && function <= 0x0d) {
		access(r);
#ifndef PCIBIOS_32
	} else if (function == 0x0e) {
		routing(r);
#endif
	} else if (function == 0x0f) {
		set_irq(r);
	} else {
		done(r, 0x81);
	}
}
