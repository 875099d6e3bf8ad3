/*
 * Video memory as the processor sees it at A0000-BFFFF: planar, odd/even, chain-4, the
 * VBE bank, write modes 0-3, read modes 0 and 1, latches.  After the IBM PS/2 Hardware
 * Interface Technical Reference, "Video Subsystem".
 *
 * Three mappings are plain RAM so that they cost nothing per access: VBE's bank, chain-4
 * with nothing else switched on (mode 13h), because of the order of bytes in video
 * memory, and text.
 *
 * Text is kept in memory of its own while it is mapped so (TEXT_ON): byte A of the window
 * stands for plane A & 1, offset A & ~1, that is for byte 4 (A & ~1) + (A & 1) of video
 * memory, whose own copy is then stale.  The window is entered when the registers allow
 * nothing but plain text access, and left, by copying back, when they allow more.  It is
 * given up until then (TEXT_BARRED) when the linear framebuffer's alias of these bytes is
 * touched.  So where the bytes are depends on what the guest did alone.
 *
 * One thing differs from a VGA chip: a read through these two mappings does not load
 * the latches.  And chain-4 packs its bytes, as SVGA chips do: address A is offset A / 4
 * of plane A & 3, where IBM's uses each fourth offset.
 */
#include <string.h>

#include "vga_state.h"

/* The guard is just above the PCI functions' regions, the windows are above RAM. */
enum { PRIORITY = 4, GUARD_PRIORITY = -9 };

/* What vga->mapped says: nothing, one of the four windows, chain-4 (2), the bank, text (2). */
enum { MAP_NONE, MAP_WINDOW = 1, MAP_CHAIN4 = 5, MAP_BANK = 7, MAP_TEXT = 8, MAP_UNKNOWN = 10 };

static const uint64_t window_base[4] = { 0xa0000, 0xa0000, 0xb0000, 0xb8000 };

/* Bit p of the number becomes byte p. */
static const uint32_t bytes_of[16] = {
	0x00000000, 0x000000ff, 0x0000ff00, 0x0000ffff, 0x00ff0000, 0x00ff00ff, 0x00ffff00,
	0x00ffffff, 0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff, 0xffff0000, 0xffff00ff,
	0xffffff00, 0xffffffff
};

static uint32_t load(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static void store(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)value;
	bytes[1] = (uint8_t)(value >> 8);
	bytes[2] = (uint8_t)(value >> 16);
	bytes[3] = (uint8_t)(value >> 24);
}

/* ---- The text window --------------------------------------------------------------- */

/* Do writes store, and reads return, the byte as it is? */
static bool plain_access(const struct vga_state *s)
{
	return !(s->gfx[VGA_GFX_MODE] & 0x0b) && !s->gfx[VGA_GFX_ENABLE_SET] &&
	       !s->gfx[VGA_GFX_ROTATE] && s->gfx[VGA_GFX_BIT_MASK] == 0xff;
}

static bool text_possible(const struct vga_state *s)
{
	return s->misc & VGA_MISC_RAM && !(s->vbe[VBE_ENABLE] & VBE_ENABLED) && plain_access(s) &&
	       (s->gfx[VGA_GFX_MISC] & 0x0a) == 0x0a && s->gfx[VGA_GFX_MODE] & 0x10 &&
	       !(s->seq[VGA_SEQ_MEMORY] & 0x0c) && s->seq[VGA_SEQ_MAP_MASK] == 3 &&
	       !(s->gfx[VGA_GFX_READ_MAP] & 2);
}

bool vga_text_check(const struct vga_state *s)
{
	return s->text_window <= TEXT_BARRED && (s->text_window != TEXT_OFF) == text_possible(s);
}

static void enter_text_window(struct vga *vga)
{
	vga->state.text_window = TEXT_BARRED;
	for (uint32_t at = 0; at < VGA_TEXT_BYTES; at += 1024) {
		const uint8_t *planes = cbx_ram_page(vga->vram, 4 * at);
		uint8_t *text = cbx_ram_page_writable(vga->text, at);

		if (!text)
			return;
		text += at & 4095;
		for (unsigned i = 0; i < 1024; i += 2) {
			text[i] = planes[4 * i];
			text[i + 1] = planes[4 * i + 1];
		}
	}
	vga->state.text_window = TEXT_ON;
}

void vga_leave_text_window(struct vga *vga)
{
	for (uint32_t at = 0; at < VGA_TEXT_BYTES; at += 1024) {
		const uint8_t *text = cbx_ram_page(vga->text, at) + (at & 4095);
		const uint8_t *old = cbx_ram_page(vga->vram, 4 * at);
		uint8_t *planes;
		unsigned i;

		for (i = 0; i < 1024; i += 2)
			if (old[4 * i] != text[i] || old[4 * i + 1] != text[i + 1])
				break;
		if (i == 1024)
			continue;       /* so that an untouched page needs no memory */
		planes = cbx_ram_page_writable(vga->vram, 4 * at);
		if (!planes)
			continue;       /* the machine stops: no memory left */
		for (; i < 1024; i += 2) {
			planes[4 * i] = text[i];
			planes[4 * i + 1] = text[i + 1];
		}
	}
	vga->state.text_window = TEXT_BARRED;
	vga->version++;
}

/* ---- What is mapped -------------------------------------------------------------------- */

static unsigned wanted_mapping(const struct vga *vga)
{
	const struct vga_state *s = &vga->state;
	unsigned window = s->gfx[VGA_GFX_MISC] >> 2 & 3;

	if (!(s->misc & VGA_MISC_RAM))
		return MAP_NONE;
	if (vga_vbe_on(s))
		return MAP_BANK;
	if (s->text_window == TEXT_ON)
		return MAP_TEXT + (window & 1);
	if (s->seq[VGA_SEQ_MEMORY] & 8 && window < 2 && s->seq[VGA_SEQ_MAP_MASK] == 15 &&
	    plain_access(s) && !(s->vbe[VBE_ENABLE] & VBE_ENABLED))
		return MAP_CHAIN4 + window;
	return MAP_WINDOW + window;
}

static void place(struct vga *vga, unsigned mapping, unsigned access)
{
	struct cbx_region *region;
	uint64_t base = 0xa0000;

	if (mapping == MAP_NONE || mapping >= MAP_UNKNOWN)
		return;
	if (mapping >= MAP_TEXT) {
		region = vga->text_ram;
		base = window_base[mapping - MAP_TEXT + 2];
	} else if (mapping == MAP_BANK) {
		region = vga->bank;
	} else if (mapping >= MAP_CHAIN4) {
		region = vga->chain4[mapping - MAP_CHAIN4];
	} else {
		region = vga->window[mapping - MAP_WINDOW];
		base = window_base[mapping - MAP_WINDOW];
	}
	cbx_region_place(region, base, access, PRIORITY);
}

/* The linear framebuffer's first bytes are the planes: keep the guest off while stale. */
void vga_place_guard(struct vga *vga)
{
	uint32_t bar, command;

	if (!vga->pci)
		return;
	bar = cbx_pci_config_read(vga->pci, 0x10, 4) & 0xfffffff0;
	command = cbx_pci_config_read(vga->pci, 4, 2);
	if (vga->state.text_window == TEXT_ON && command & CBX_PCI_MEMORY && bar)
		cbx_region_place(vga->lfb_guard, bar, CBX_REGION_READ | CBX_REGION_WRITE,
				 GUARD_PRIORITY);
	else
		cbx_region_place(vga->lfb_guard, 0, 0, GUARD_PRIORITY);
}

void vga_map(struct vga *vga)
{
	unsigned wanted;

	if (!text_possible(&vga->state)) {
		if (vga->state.text_window == TEXT_ON)
			vga_leave_text_window(vga);
		vga->state.text_window = TEXT_OFF;
	} else if (vga->state.text_window == TEXT_OFF) {
		enter_text_window(vga);
	}
	wanted = wanted_mapping(vga);
	if (wanted == MAP_BANK)
		cbx_region_set_offset(vga->bank, (uint64_t)vga->state.vbe[VBE_BANK] << 16);
	if (wanted == vga->mapped)
		return;
	if ((wanted >= MAP_TEXT) != (vga->mapped >= MAP_TEXT))
		vga_place_guard(vga);
	place(vga, vga->mapped, 0);
	place(vga, wanted, CBX_REGION_READ | CBX_REGION_WRITE);
	vga->mapped = wanted;
}

void vga_map_reset(struct vga *vga)
{
	for (unsigned i = MAP_WINDOW; i < MAP_UNKNOWN; i++)
		place(vga, i, 0);
	vga->mapped = MAP_NONE;
	vga_place_guard(vga);
	vga_map(vga);
}

/* ---- Handlers ---------------------------------------------------------------------------- */

/* The plane offset of window address a, where chain-4 is off. */
static uint32_t plane_offset(const struct vga *vga, uint32_t a)
{
	const struct vga_state *s = &vga->state;
	uint32_t n = a & (VGA_PLANE_BYTES - 1);

	if (s->gfx[VGA_GFX_MISC] & 2)
		n = (n & ~1u) | (s->gfx[VGA_GFX_MISC] & 0x0c ? 0 : a >> 16 & 1);
	/* VBE's 4 bits per pixel: planes larger than 64 KiB, by banks. */
	if (s->vbe[VBE_ENABLE] & VBE_ENABLED)
		n |= (uint32_t)s->vbe[VBE_BANK] << 16;
	return n & (vga->vram_bytes / 4 - 1);
}

static uint8_t read_byte(struct vga *vga, uint32_t a)
{
	struct vga_state *s = &vga->state;
	uint32_t n, at;

	n = s->seq[VGA_SEQ_MEMORY] & 8 ? a >> 2 : plane_offset(vga, a);
	at = 4 * n;
	memcpy(s->latch, cbx_ram_page(vga->vram, at) + (at & 4095), 4);
	if (s->gfx[VGA_GFX_MODE] & 8) {
		uint32_t differs = (load(s->latch) ^ bytes_of[s->gfx[VGA_GFX_COMPARE] & 15]) &
				   bytes_of[s->gfx[VGA_GFX_CARE] & 15];

		differs |= differs >> 16;
		return (uint8_t)~(differs | differs >> 8);
	}
	if (s->seq[VGA_SEQ_MEMORY] & 8)
		return s->latch[a & 3];
	if (s->gfx[VGA_GFX_MODE] & 0x10)
		return s->latch[(s->gfx[VGA_GFX_READ_MAP] & 2) | (a & 1)];
	return s->latch[s->gfx[VGA_GFX_READ_MAP] & 3];
}

/* What the graphics controller makes of a byte; bits it leaves alone come from the latches. */
static uint32_t combine(const struct vga_state *s, uint8_t value)
{
	const uint8_t *gfx = s->gfx;
	unsigned rotate = gfx[VGA_GFX_ROTATE] & 7;
	uint32_t rotated = (uint8_t)(value >> rotate | value << (8 - rotate)) * 0x01010101u;
	uint32_t mask = gfx[VGA_GFX_BIT_MASK] * 0x01010101u;
	uint32_t set = bytes_of[gfx[VGA_GFX_SET] & 15], latch = load(s->latch), data;

	switch (gfx[VGA_GFX_MODE] & 3) {
	case 0: {
		uint32_t enable = bytes_of[gfx[VGA_GFX_ENABLE_SET] & 15];

		data = (rotated & ~enable) | (set & enable);
		break;
	}
	case 1:
		return latch;
	case 2:
		data = bytes_of[value & 15];
		break;
	default:
		data = set;
		mask &= rotated;
		break;
	}
	switch (gfx[VGA_GFX_ROTATE] >> 3 & 3) {
	case 1:
		data &= latch;
		break;
	case 2:
		data |= latch;
		break;
	case 3:
		data ^= latch;
		break;
	}
	return (data & mask) | (latch & ~mask);
}

static void write_byte(struct vga *vga, uint32_t a, uint8_t value)
{
	struct vga_state *s = &vga->state;
	unsigned planes = s->seq[VGA_SEQ_MAP_MASK] & 15;
	uint32_t n, at, data, mask;
	uint8_t *page;

	if (s->seq[VGA_SEQ_MEMORY] & 8) {
		n = a >> 2;
		planes &= 1u << (a & 3);
	} else {
		n = plane_offset(vga, a);
		if (!(s->seq[VGA_SEQ_MEMORY] & 4))
			planes &= a & 1 ? 10 : 5;
	}
	if (!planes)
		return;
	at = 4 * n;
	page = cbx_ram_page_writable(vga->vram, at);
	if (!page)
		return;
	data = combine(s, value);
	mask = bytes_of[planes];
	page += at & 4095;
	store(page, (load(page) & ~mask) | (data & mask));
}

static uint64_t memory_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct vga *vga = (struct vga *)device;
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)read_byte(vga, (uint32_t)offset + i) << 8 * i;
	return value;
}

static void memory_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			 unsigned width)
{
	struct vga *vga = (struct vga *)device;

	for (unsigned i = 0; i < width; i++)
		write_byte(vga, (uint32_t)offset + i, (uint8_t)(value >> 8 * i));
}

const struct cbx_io vga_memory_io = { .widths = 1 | 2 | 4, .read = memory_read, .write = memory_write };

/* The linear framebuffer's first bytes while they are stale. */
static uint64_t guard_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct vga *vga = (struct vga *)device;
	uint8_t bytes[8] = { 0 };
	uint64_t value = 0;

	if (vga->state.text_window == TEXT_ON) {
		vga_leave_text_window(vga);
		vga_map(vga);
	}
	if (cbx_ram_read(vga->vram, offset, bytes, width))
		return UINT64_MAX;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

static void guard_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			unsigned width)
{
	struct vga *vga = (struct vga *)device;
	uint8_t bytes[8];

	if (vga->state.text_window == TEXT_ON) {
		vga_leave_text_window(vga);
		vga_map(vga);
	}
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	(void)cbx_ram_write(vga->vram, offset, bytes, width);
}

const struct cbx_io vga_guard_io = { .widths = 1 | 2 | 4 | 8, .read = guard_read, .write = guard_write };
