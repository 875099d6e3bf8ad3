/*
 * Option ROMs: those of PCI devices (PCI Firmware Specification 3.0, chapter 5), those that the bus
 * shows from C8000h on, and those that the machine names by fw_cfg. They are copied to RAM there,
 * their checksums tested, and initialised. What they can boot they say in expansion headers (Plug and
 * Play BIOS Specification 1.0A, chapter 3; BIOS Boot Specification 1.01), or by taking INT 19h.
 */
#include "bios32.h"

#define ROMS_AT 0xc8000u
#define ROMS_END 0xe0000u
#define HOST 0			/* bus address of the host bridge */
#define INT19 0xf000e6f2u	/* vectors 19h and 18h as POST sets them */
#define HEADERS_MAX 8		/* expansion headers of a ROM: a chain may be a loop */

extern u8 pnp_table[];		/* in the real-mode segment: offsets there */
extern const u8 pnp_entry_real[];
extern const u8 pnp_entry_protected[];
extern const u8 entry_int18[];

static u32 next_rom;

/* A ROM that there is no room for. */
static void rom_note(u32 bdf)
{
	char what[24];

	if (bdf)
		format_text(what, sizeof(what), "ROM of PCI %02x:%02x.%x", 0u, bdf >> 3, bdf & 7);
	else
		format_text(what, sizeof(what), "ROM given to the machine");
	note(what, "no room for it below E0000h");
}

static u32 get16(const u8 *p)
{
	return p[0] | (u32)p[1] << 8;
}

/* ---- The installation check structure ---- */

/* Plug and Play BIOS Specification 1.0A, 4.4: no nodes, but what ROMs ask for is there. */
static void pnp_init(void)
{
	u8 *t = at(0xf0000 + (u32)pnp_table);
	u8 sum = 0;
	u32 i;

	memset(t, 0, 33);
	memcpy(t, "$PnP", 4);
	t[0x04] = 0x10;
	t[0x05] = 33;
	t[0x0d] = (u8)(u32)pnp_entry_real;
	t[0x0e] = (u8)((u32)pnp_entry_real >> 8);
	t[0x10] = 0xf0;			/* F000h, little-endian */
	t[0x11] = (u8)(u32)pnp_entry_protected;
	t[0x12] = (u8)((u32)pnp_entry_protected >> 8);
	t[0x15] = 0x0f;			/* F0000h */
	t[0x1c] = 0xf0;			/* data segment F000h, and for protected mode F0000h */
	t[0x1f] = 0x0f;
	for (i = 0; i < 33; i++)
		sum = (u8)(sum + t[i]);
	t[0x08] = (u8)-sum;
}

/* ---- Calls ---- */

/* What a ROM's code finds in its registers. */
static void rom_registers(struct bregs *r, u32 bdf)
{
	memset(r, 0, sizeof(*r));
	r->ax = (u16)bdf;
	r->bx = 0xffff;			/* no Plug and Play ISA card: no number, no read port */
	r->dx = 0xffff;
	r->es = 0xf000;
	r->di = (u16)(u32)pnp_table;
}

static void rom_call(u32 segment, u32 offset, struct bregs *r)
{
	/* a thunk in low memory makes an interrupt, the only kind of call there is from here, a far call */
	static const u8 thunk[] = { 0x9a, 0x00, 0x00, 0x00, 0x00, 0xcf };
	u32 i;

	for (i = 0; i < sizeof(thunk); i++)
		mem8(0x600 + i) = thunk[i];
	mem16(0x601) = (u16)offset;
	mem16(0x603) = (u16)segment;
	mem32(0xf0 * 4) = 0x00600000;	/* 0060:0000 */
	int16_call_big(0xf0, r);
	mem32(0xf0 * 4) = 0;
}

/* ---- Finding ROMs ---- */

/* The length of a good one, 0 of any other. */
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
		u32 data = get16(image + 0x18);

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
		data = get16(image + data + 0x10) * 512;
		if (!data || data > size)
			return 0;
		offset += data;
	}
	return 0;
}

/* Map the expansion ROM of a device out of everyone's way and copy its image to address, if it fits. */
static u32 rom_from_pci(u32 bdf, u32 address, u32 limit)
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
	place = pci_memory(size < 0x1000 ? 0x1000 : size);
	pci_write(bdf, 0x30, place | 1);
	pci_write16(bdf, 4, command | 2);
	rom = at(place);
	length = rom_image(&rom, size);
	if (length > limit - address) {
		rom_note(bdf);
		length = 0;
	}
	if (length)
		memcpy(at(address), rom, length);
	pci_write(bdf, 0x30, place);	/* leave the address, disable the decoder */
	pci_write16(bdf, 4, command);
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

/*
 * INT 19h that a ROM took is kept as something to boot, and goes back to us, so that ROMs without an
 * expansion header wait for their turn, too.
 */
static void rom_done(u32 address, u32 length, u32 bdf)
{
	struct bregs r;
	u32 left;

	rom_registers(&r, bdf);
	rom_call(address >> 4, 3, &r);
	if (mem32(0x19 * 4) != INT19) {
		info()->rom_int19 = mem32(0x19 * 4);
		mem32(0x19 * 4) = INT19;
	}
	left = mem8(address + 2) * 512u;	/* it may have made itself smaller */
	if (!left)
		mem16(address) = 0xffff;
	if (left < length)
		length = left;
	if (length && next_rom < address + length)
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
		if (size > ROMS_END - next_rom) {
			rom_note(0);
			continue;
		}
		fwcfg_select(select);
		fwcfg_read(at(next_rom), size);
		if (rom_valid(at(next_rom), size))
			rom_done(next_rom, size, 0);
		else
			memset(at(next_rom), 0xff, size);
	}
}

/* The video BIOS, which has to come before anything is shown. */
void rom_init(void)
{
	u32 bdf;
	u32 length = 0;
	u32 vga = 0;
	u32 address;

	pnp_init();
	memset(at(0xc0000), 0xff, 0x20000);
	next_rom = ROMS_AT;
	for (bdf = 1; bdf < 256 && !vga; bdf++)
		if (pci_exists(bdf) && pci_read(bdf, 8) >> 16 == 0x0300)
			vga = bdf;
	if (vga)
		length = rom_from_pci(vga, 0xc0000, 0xd0000);
	if (!length && rom_from_bus(0xc0000, 0xd0000, &length) != 0xc0000)
		length = 0;
	if (length)
		rom_done(0xc0000, length, vga);
	/* those on the bus cannot go elsewhere, so they are first */
	while ((address = rom_from_bus(next_rom, ROMS_END, &length)))
		rom_done(address, length, 0);
	for (bdf = 1; bdf < 256; bdf++) {
		if (bdf == vga || !pci_exists(bdf) || (pci_read8(bdf, 0x0e) & 0x7f))
			continue;
		length = rom_from_pci(bdf, next_rom, ROMS_END);
		if (length)
			rom_done(next_rom, length, bdf);
	}
	roms_from_fwcfg();
}

/* ---- What they can boot ---- */

/* The ROM at or after address; 0 if there is no more. */
static u32 rom_at(u32 address, u32 *length)
{
	for (; address < ROMS_END; address += 0x800) {
		const u8 *rom = at(address);

		*length = rom[2] * 512u;
		if (rom[0] == 0x55 && rom[1] == 0xaa && *length && *length <= ROMS_END - address)
			return address;
	}
	return 0;
}

/* The expansion header at offset of a ROM, if it is one. */
static const u8 *rom_header(const u8 *rom, u32 length, u32 offset)
{
	const u8 *header = rom + offset;
	u32 size;
	u8 sum = 0;

	if (offset < 0x1c || offset + 0x20 > length || memcmp(header, "$PnP", 4))
		return NULL;
	size = header[5] * 16u;
	if (size < 0x20 || offset + size > length)
		return NULL;
	while (size--)
		sum = (u8)(sum + header[size]);
	return sum ? NULL : header;
}

static void rom_name(const u8 *rom, u32 length, u32 offset, char *name, u32 size)
{
	u32 i;

	for (i = 0; i + 1 < size && offset + i < length && rom[offset + i] >= ' ' &&
	     rom[offset + i] < 0x7f; i++)
		name[i] = (char)rom[offset + i];
	name[i] = 0;
}

/* Calls for each expansion header of each ROM; ends when that returns 1. */
static void rom_headers(u32 (*call)(u32 rom, u32 length, const u8 *header, void *user), void *user)
{
	u32 length = 0;
	u32 rom;

	for (rom = rom_at(ROMS_AT, &length); rom;
	     rom = rom_at(rom + ((length + 0x7ff) & ~0x7ffu), &length)) {
		u32 offset = get16(at(rom + 0x1a));
		u32 n;

		for (n = 0; n < HEADERS_MAX && offset; n++) {
			const u8 *header = rom_header(at(rom), length, offset);

			if (!header)
				break;
			if (call(rom, length, header, user))
				return;
			offset = get16(header + 6);
		}
	}
}

static u32 connect(u32 rom, u32 length, const u8 *header, void *user)
{
	u32 offset = get16(header + 0x16);
	struct bregs r;

	(void)user;
	if (!offset || offset >= length)
		return 0;
	rom_registers(&r, 0);
	rom_call(rom >> 4, offset, &r);
	return 0;
}

/* Boot connection vectors: disks that join those of INT 13h. */
void rom_connect(void)
{
	rom_headers(connect, NULL);
}

struct search {
	u32 wanted;			/* entries to be skipped first */
	struct rom_boot *found;
};

static u32 bootstrap(u32 rom, u32 length, const u8 *header, void *user)
{
	struct search *search = user;
	u32 offset = get16(header + 0x1a);

	if (!offset || offset >= length)
		return 0;
	if (search->wanted--)
		return 0;
	search->found->start = rom << 12 | offset;
	rom_name(at(rom), length, get16(header + 0x10), search->found->name,
		 sizeof(search->found->name));
	if (!search->found->name[0])
		format_text(search->found->name, sizeof(search->found->name), "ROM at %05xh", rom);
	return 1;
}

/* The index-th bootstrap entry vector; then INT 19h, if a ROM took it. Returns 0 past the end. */
u32 rom_boot(u32 index, struct rom_boot *boot)
{
	struct search search = { index, boot };

	boot->start = 0;
	rom_headers(bootstrap, &search);
	if (!boot->start && !search.wanted && info()->rom_int19) {
		boot->start = info()->rom_int19;
		format_text(boot->name, sizeof(boot->name), "ROM at %05xh", (boot->start >> 16) << 4);
	}
	return boot->start != 0;
}

/* Gives the machine to an entry; one that gives up comes back by INT 18h. */
void rom_start(const struct rom_boot *boot)
{
	struct bregs r;

	rom_registers(&r, 0);
	r.flags = 0x0202;
	/* a return from a far call, and a return from an interrupt, end there as well */
	mem16(0x7c00) = (u16)(u32)entry_int18;
	mem16(0x7c02) = 0xf000;
	mem16(0x7c04) = 0x0202;
	jump_real(boot->start, &r, 0x00007c00);
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
