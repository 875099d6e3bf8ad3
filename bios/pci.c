/*
 * PCI: configuration mechanism 1, the 440FX/PIIX3/PIIX4 set-up that firmware owes them, resources
 * for every device, and option ROMs. PCI Local Bus 2.1; Intel 82441FX, 82371SB, 82371AB.
 */
#include "bios32.h"

#define BDF(device, function) ((device) << 3 | (function))
#define HOST BDF(0, 0)

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
static u32 exists(u32 bdf)
{
	if ((pci_read(bdf, 0) & 0xffff) == 0xffff)
		return 0;
	return !(bdf & 7) || pci_read8(bdf & ~7u, 0x0e) & 0x80;
}

static u32 find_id(u32 id)
{
	u32 bdf;

	for (bdf = 0; bdf < 256; bdf++)
		if (exists(bdf) && pci_read(bdf, 0) == id)
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
		if (exists(bdf))
			assign_device(bdf);
}

/* ---- option ROMs ---- */

static u32 next_rom;

static void rom_call(u32 address, u32 bdf)
{
	struct bregs r;
	u32 i;

	/* the far call goes through a spare vector, the only kind of call there is from here */
	memset(&r, 0, sizeof(r));
	r.ax = (u16)bdf;
	/* a stub in low memory turns the call into: pushf-free far call, then iret */
	static const u8 stub[] = { 0x9a, 0x03, 0x00, 0x00, 0x00, 0xcf };

	for (i = 0; i < sizeof(stub); i++)
		mem8(0x600 + i) = stub[i];
	mem16(0x603) = (u16)(address >> 4);
	mem32(0xf0 * 4) = 0x00600000;	/* 0060:0000 */
	int16_call_big(0xf0, &r);
	mem32(0xf0 * 4) = 0;
}

static u32 rom_valid(const u8 *rom, u32 size)
{
	u32 length = rom[2] * 512u;
	u8 sum = 0;
	u32 i;

	if (rom[0] != 0x55 || rom[1] != 0xaa || !length || length > size)
		return 0;
	for (i = 0; i < length; i++)
		sum = (u8)(sum + rom[i]);
	return sum ? 0 : length;
}

/* Find the PC-AT image in an expansion ROM; returns its length and moves *rom to it. */
static u32 rom_image(const u8 **rom, u32 size)
{
	const u8 *start = *rom;
	u32 offset = 0;

	while (offset + 512 <= size) {
		const u8 *image = start + offset;
		u32 data = image[0x18] | (u32)image[0x19] << 8;

		if (image[0] != 0x55 || image[1] != 0xaa)
			return 0;
		if (data < 0x1a || offset + data + 24 > size || memcmp(image + data, "PCIR", 4)) {
			*rom = image;
			return offset ? 0 : rom_valid(image, size);
		}
		if (image[data + 0x14] == 0) {
			*rom = image;
			return rom_valid(image, size - offset);
		}
		if (image[data + 0x15] & 0x80)
			return 0;
		data = (image[data + 0x10] | (u32)image[data + 0x11] << 8) * 512;
		if (!data)
			return 0;
		offset += data;
	}
	return 0;
}

/* Map the expansion ROM of a device out of everyone's way and copy its image to address. */
static u32 rom_from_pci(u32 bdf, u32 address)
{
	u16 command = pci_read16(bdf, 4);
	u32 size;
	u32 place;
	u32 length;
	const u8 *rom;

	pci_write(bdf, 0x30, 0xfffff800);
	size = ~(pci_read(bdf, 0x30) & 0xfffff800) + 1;
	if (!size || size > 0x1000000) {
		pci_write(bdf, 0x30, 0);
		return 0;
	}
	place = (next_memory + size - 1) & ~(size - 1);
	pci_write(bdf, 0x30, place | 1);
	pci_write16(bdf, 4, command | 2);
	rom = at(place);
	length = rom_image(&rom, size);
	if (length > 0x10000)
		length = 0;
	if (length)
		memcpy(at(address), rom, length);
	pci_write(bdf, 0x30, place);	/* leave the address, disable the decoder */
	next_memory = place + size;
	return length;
}

/*
 * Look for a ROM that the bus shows from address up to limit while RAM is switched away; it is put
 * into the RAM at the same place. Returns its address, or 0.
 */
static u32 rom_from_bus(u32 address, u32 limit, u32 *length)
{
	u8 *buffer = at(0x20000);
	u32 i;

	/* 5Ah-5Dh: C0000-DFFFF */
	for (i = 0x5a; i < 0x5e; i++)
		pci_write8(HOST, i, 0x00);
	for (*length = 0; address < limit; address += 0x800) {
		*length = rom_valid(at(address), limit - address);
		if (*length)
			break;
	}
	if (*length)
		memcpy(buffer, at(address), *length);
	for (i = 0x5a; i < 0x5e; i++)
		pci_write8(HOST, i, 0x33);
	if (*length)
		memcpy(at(address), buffer, *length);
	return *length ? address : 0;
}

static void rom_done(u32 address, u32 length, u32 bdf)
{
	rom_call(address, bdf);
	length = mem8(address + 2) * 512u;	/* it may have made itself smaller */
	if (next_rom < address + length)
		next_rom = (address + length + 0x7ff) & ~0x7ffu;
}

static void roms_from_fwcfg(void)
{
	char name[56];
	u32 size;
	u32 select;
	u32 i;

	for (i = 0; fwcfg_file(i, name, &size, &select); i++) {
		if (strncmp(name, "genroms/", 8))
			continue;
		/* kernels given to the machine are booted by ourselves */
		if (!strncmp(name + 8, "linuxboot", 9) || !strncmp(name + 8, "multiboot", 9) ||
		    !strncmp(name + 8, "kvmvapic", 8))
			continue;
		if (size > 0xe0000 - next_rom)
			continue;
		fwcfg_select(select);
		fwcfg_read(at(next_rom), size);
		if (rom_valid(at(next_rom), size))
			rom_done(next_rom, size, 0);
	}
}

/* The video BIOS, which has to come before anything is shown. */
void rom_init(void)
{
	u32 bdf;
	u32 length = 0;
	u32 vga = 0;
	u32 address;

	memset(at(0xc0000), 0xff, 0x20000);
	next_rom = 0xc8000;
	for (bdf = 1; bdf < 256 && !vga; bdf++)
		if (exists(bdf) && pci_read(bdf, 8) >> 16 == 0x0300)
			vga = bdf;
	if (vga)
		length = rom_from_pci(vga, 0xc0000);
	if (!length && rom_from_bus(0xc0000, 0xd0000, &length) != 0xc0000)
			length = 0;
	if (length)
		rom_done(0xc0000, length, vga);
	while ((address = rom_from_bus(next_rom, 0xe0000, &length)))
		rom_done(address, length, 0);
	roms_from_fwcfg();
}

/* The end of POST: what holds firmware becomes read-only, and holes go back to the bus. */
void shadow_protect(void)
{
	u32 i;

	pci_write8(HOST, 0x59, 0x10);
	for (i = 0; i < 6; i++) {
		u32 low = 0xc0000 + i * 0x8000;
		u8 value = 0x11;

		if (low >= 0xe0000)
			value = 0x11;
		else if (low >= next_rom)
			value = 0x00;
		else if (low + 0x4000 >= next_rom)
			value = 0x01;
		pci_write8(HOST, 0x5a + i, value);
	}
}
