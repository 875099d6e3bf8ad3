/*
 * PCI: configuration mechanism 1, the 440FX/PIIX3/PIIX4 set-up that firmware owes them, resources
 * for every device. PCI Local Bus 2.1; Intel 82441FX, 82371SB, 82371AB.
 */
#include "bios32.h"

#define MEMORY_BASE 0xe0000000
#define IO_BASE 0xc000

#define IRQ_AB 10		/* PIRQA#, PIRQB# */
#define IRQ_CD 11

static u32 next_memory;
static u32 next_io;

u32 pci_read(u32 bdf, u32 reg)
{
	outl(0xcf8, 0x80000000 | bdf << 8 | (reg & 0xfc));
	return inl(0xcfc);
}

void pci_write(u32 bdf, u32 reg, u32 value)
{
	outl(0xcf8, 0x80000000 | bdf << 8 | (reg & 0xfc));
	outl(0xcfc, value);
}

u8 pci_read8(u32 bdf, u32 reg)
{
	outl(0xcf8, 0x80000000 | bdf << 8 | (reg & 0xfc));
	return inb((u16)(0xcfc + (reg & 3)));
}

void pci_write8(u32 bdf, u32 reg, u8 value)
{
	outl(0xcf8, 0x80000000 | bdf << 8 | (reg & 0xfc));
	outb((u16)(0xcfc + (reg & 3)), value);
}

u16 pci_read16(u32 bdf, u32 reg)
{
	outl(0xcf8, 0x80000000 | bdf << 8 | (reg & 0xfc));
	return inw((u16)(0xcfc + (reg & 2)));
}

void pci_write16(u32 bdf, u32 reg, u16 value)
{
	outl(0xcf8, 0x80000000 | bdf << 8 | (reg & 0xfc));
	outw((u16)(0xcfc + (reg & 2)), value);
}

/* Is there a function? Skips functions of single-function devices. */
u32 pci_exists(u32 bdf)
{
	if ((pci_read(bdf, 0) & 0xffff) == 0xffff)
		return 0;
	return !(bdf & 7) || pci_read8(bdf & ~7u, 0x0e) & 0x80;
}

static u32 find_id(u32 id)
{
	u32 bdf;

	for (bdf = 0; bdf < 256; bdf++)
		if (pci_exists(bdf) && pci_read(bdf, 0) == id)
			return bdf;
	return 0;
}

/* ---- chipset ---- */

void chipset_init(void)
{
	u32 isa = find_id(0x70008086);
	u32 pm = find_id(0x71138086);
	u32 ide = find_id(0x70108086);

	if (isa) {
		pci_write8(isa, 0x60, IRQ_AB);
		pci_write8(isa, 0x61, IRQ_AB);
		pci_write8(isa, 0x62, IRQ_CD);
		pci_write8(isa, 0x63, IRQ_CD);
		/* ELCR: the PCI interrupts and the SCI are level-triggered */
		outb(0x4d0, 0x00);
		outb(0x4d1, (1 << (IRQ_AB - 8)) | (1 << (IRQ_CD - 8)) | (1 << (9 - 8)));
	}
	if (ide) {
		pci_write16(ide, 0x40, 0x8000);	/* decode both channels at the ISA places */
		pci_write16(ide, 0x42, 0x8000);
	}
	if (pm) {
		pci_write(pm, 0x40, PMBASE | 1);
		pci_write8(pm, 0x80, 0x01);
		pci_write(pm, 0x90, SMBBASE | 1);
		pci_write8(pm, 0xd2, 0x09);
		pci_write8(pm, 0x3c, 9);
	}
}

/* ---- resources ---- */

static void assign_bar(u32 bdf, u32 reg)
{
	u32 original = pci_read(bdf, reg);
	u32 size;
	u32 mask;

	pci_write(bdf, reg, 0xffffffff);
	mask = pci_read(bdf, reg);
	pci_write(bdf, reg, original);
	if (!mask || mask == 0xffffffff)
		return;
	if (mask & 1) {
		size = ~(mask | 0xffff0003) + 1;
		if (!(mask & 0xfffc) || size > 0x1000)
			return;
		next_io = (next_io + size - 1) & ~(size - 1);
		pci_write(bdf, reg, next_io | 1);
		next_io += size;
	} else {
		size = ~(mask & ~0xfu) + 1;
		if (size < 0x1000)
			next_memory = (next_memory + 0xfff) & ~0xfffu;
		next_memory = (next_memory + size - 1) & ~(size - 1);
		pci_write(bdf, reg, next_memory | (mask & 0xf));
		if ((mask & 6) == 4)
			pci_write(bdf, reg + 4, 0);
		next_memory += size;
	}
}

static void assign_device(u32 bdf)
{
	u32 class = pci_read(bdf, 8) >> 16;
	u32 bars = (pci_read8(bdf, 0x0e) & 0x7f) == 0 ? 6 : 2;
	u16 command = pci_read16(bdf, 4);
	u32 pin = pci_read8(bdf, 0x3d);
	u32 reg;

	pci_write16(bdf, 4, command & 0xfffc);
	for (reg = 0x10; reg < 0x10 + bars * 4; reg += 4) {
		u32 wide;

		/* an IDE function in compatibility mode keeps the ISA addresses */
		if (class == 0x0101 && reg < 0x20)
			continue;
		wide = (pci_read(bdf, reg) & 7) == 4;
		assign_bar(bdf, reg);
		if (wide)
			reg += 4;
	}
	if (pin >= 1 && pin <= 4 && pci_read(bdf, 0) != 0x71138086) {
		u32 link = ((bdf >> 3) - 1 + pin - 1) & 3;

		pci_write8(bdf, 0x3c, link < 2 ? IRQ_AB : IRQ_CD);
	}
	command |= 3;
	if (class == 0x0101 || class == 0x0c03 || class == 0x0200)
		command |= 4;
	pci_write16(bdf, 4, command);
}

void pci_init(void)
{
	u32 bdf;

	next_memory = MEMORY_BASE;
	next_io = IO_BASE;
	if (info()->mem_low > next_memory)
		next_memory = (info()->mem_low + 0xffffff) & 0xff000000;
	for (bdf = 1; bdf < 256; bdf++)
		if (pci_exists(bdf))
			assign_device(bdf);
}

/* So much memory of the bus for whoever asks, a power of two. */
u32 pci_memory(u32 size)
{
	u32 place = (next_memory + size - 1) & ~(size - 1);

	next_memory = place + size;
	return place;
}
