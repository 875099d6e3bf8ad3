/*
 * The Bochs VBE extensions of the video adapter and its PCI function.  Ports 1CE (index)
 * and 1CF (data), both 16 bits wide; data is at 1D0 as well.  BAR 0 is the linear
 * framebuffer, BAR 2 has the VGA ports 3C0-3DF at 400h and the VBE registers at 500h.
 * After the public descriptions of the "Bochs VBE display API" and of std-vga.
 */
#include "vga_state.h"

/* Bytes from one line to the next; with 4 bits per pixel, in each plane. */
static uint32_t pitch_of(unsigned bpp, unsigned width)
{
	return bpp == 4 ? width / 8 : width * ((bpp + 7u) / 8u);
}

uint32_t vga_vbe_pitch(const struct vga_state *s)
{
	return pitch_of(s->vbe[VBE_BPP], s->vbe[VBE_VIRT_WIDTH]);
}

static uint32_t virtual_height(const struct vga *vga, unsigned bpp, unsigned width)
{
	uint32_t pitch = pitch_of(bpp, width);
	uint32_t lines = pitch ? vga->vram_bytes / (bpp == 4 ? 4 : 1) / pitch : 0;

	return lines > 0xffff ? 0xffff : lines;
}

static bool good_depth(unsigned bpp)
{
	return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

/* Is the mode in the registers one that fits into memory? */
static bool good_mode(const struct vga *vga, const struct vga_state *s)
{
	unsigned xres = s->vbe[VBE_XRES], yres = s->vbe[VBE_YRES], bpp = s->vbe[VBE_BPP];

	return good_depth(bpp) && xres >= 8 && yres && virtual_height(vga, bpp, xres) >= yres;
}

bool vga_vbe_check(const struct vga *vga, const struct vga_state *s)
{
	const uint16_t *vbe = s->vbe;

	if (vbe[VBE_ID] < 0xb0c0 || vbe[VBE_ID] > VBE_LATEST_ID || vbe[VBE_XRES] > VBE_MAX_XRES ||
	    vbe[VBE_YRES] > VBE_MAX_YRES || (vbe[VBE_BPP] && !good_depth(vbe[VBE_BPP])) ||
	    vbe[VBE_ENABLE] & ~0xe3 || vbe[VBE_BANK] >= vga->vram_bytes >> 16 ||
	    vbe[VBE_MEMORY_64K])
		return false;
	return !(vbe[VBE_ENABLE] & VBE_ENABLED) ||
	       (good_mode(vga, s) && vbe[VBE_VIRT_WIDTH] >= vbe[VBE_XRES] &&
		vbe[VBE_VIRT_HEIGHT] == virtual_height(vga, vbe[VBE_BPP], vbe[VBE_VIRT_WIDTH]) &&
		vbe[VBE_VIRT_HEIGHT] >= vbe[VBE_YRES]);
}

/* ---- Registers ------------------------------------------------------------------ */

static uint16_t vbe_read(const struct vga *vga, unsigned index)
{
	const struct vga_state *s = &vga->state;

	if (s->vbe[VBE_ENABLE] & VBE_GET_CAPS) {
		switch (index) {
		case VBE_XRES:
			return VBE_MAX_XRES;
		case VBE_YRES:
			return VBE_MAX_YRES;
		case VBE_BPP:
			return VBE_MAX_BPP;
		}
	}
	if (index == VBE_MEMORY_64K)
		return (uint16_t)(vga->vram_bytes >> 16);
	return index < VBE_REGISTERS ? s->vbe[index] : 0;
}

static void clear_memory(struct vga *vga)
{
	const struct vga_state *s = &vga->state;

	vga_clear_pages(vga, (uint64_t)vga_vbe_pitch(s) * s->vbe[VBE_YRES] * (s->vbe[VBE_BPP] == 4 ? 4u : 1u));
}

static void set_dac_width(struct vga_state *s, bool wide)
{
	for (unsigned i = 0; i < sizeof(s->palette); i++) {
		uint8_t value = s->palette[i];

		s->palette[i] = wide ? (uint8_t)(value << 2 | value >> 4) : value >> 2;
	}
}

static void write_enable(struct vga *vga, uint16_t value)
{
	struct vga_state *s = &vga->state;
	uint16_t old = s->vbe[VBE_ENABLE];

	value &= 0xe3;
	if (value & VBE_ENABLED && !(old & VBE_ENABLED)) {
		if (!good_mode(vga, s)) {
			cbx_log(&vga->device, "VBE mode does not fit into video memory: not set");
			value &= (uint16_t)~VBE_ENABLED;
		} else {
			if (s->text_window == TEXT_ON)
				vga_leave_text_window(vga);
			s->text_window = TEXT_OFF;
			s->vbe[VBE_VIRT_WIDTH] = s->vbe[VBE_XRES];
			s->vbe[VBE_VIRT_HEIGHT] = (uint16_t)virtual_height(
				vga, s->vbe[VBE_BPP], s->vbe[VBE_XRES]);
			s->vbe[VBE_X_OFFSET] = 0;
			s->vbe[VBE_Y_OFFSET] = 0;
			s->vbe[VBE_BANK] = 0;
			if (!(value & VBE_NO_CLEAR))
				clear_memory(vga);
		}
	}
	if (!(value & VBE_ENABLED))
		s->vbe[VBE_BANK] = 0;
	if ((old ^ value) & VBE_8BIT_DAC)
		set_dac_width(s, value & VBE_8BIT_DAC);
	s->vbe[VBE_ENABLE] = value;
	vga_map(vga);
}

/* The mode can be changed only while it is off. */
static void vbe_write(struct vga *vga, unsigned index, uint16_t value)
{
	struct vga_state *s = &vga->state;
	bool enabled = s->vbe[VBE_ENABLE] & VBE_ENABLED;
	uint32_t lines;

	switch (index) {
	case VBE_ID:
		if (value >= 0xb0c0 && value <= VBE_LATEST_ID)
			s->vbe[VBE_ID] = value;
		break;
	case VBE_XRES:
		if (!enabled && value <= VBE_MAX_XRES)
			s->vbe[index] = value;
		break;
	case VBE_YRES:
		if (!enabled && value <= VBE_MAX_YRES)
			s->vbe[index] = value;
		break;
	case VBE_BPP:
		if (!value)
			value = 8;
		if (!enabled && good_depth(value))
			s->vbe[index] = value;
		break;
	case VBE_ENABLE:
		write_enable(vga, value);
		break;
	case VBE_BANK:
		if (value < vga->vram_bytes >> 16)
			s->vbe[index] = value;
		vga_map(vga);
		break;
	case VBE_VIRT_WIDTH:
		if (!enabled)
			break;
		if (value < s->vbe[VBE_XRES])
			value = s->vbe[VBE_XRES];
		lines = virtual_height(vga, s->vbe[VBE_BPP], value);
		if (lines < s->vbe[VBE_YRES])
			break;
		s->vbe[VBE_VIRT_WIDTH] = value;
		s->vbe[VBE_VIRT_HEIGHT] = (uint16_t)lines;
		break;
	case VBE_X_OFFSET:
	case VBE_Y_OFFSET:
		s->vbe[index] = value;
		break;
	}
	vga->version++;
}

/* ---- Ports: offset 0 the index, 1 the data, 2 the data again ------------------------ */

static uint64_t ports_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct vga *vga = (struct vga *)device;
	uint16_t data;

	if (!offset)
		return vga->state.vbe_index;
	data = vbe_read(vga, vga->state.vbe_index);
	if (width == 1 && offset >= 2)
		return offset == 2 ? data >> 8 : 0xff;
	return width == 1 ? data & 0xff : data;
}

static void ports_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			unsigned width)
{
	struct vga *vga = (struct vga *)device;
	unsigned index = vga->state.vbe_index;
	uint16_t old;

	if (!offset) {
		vga->state.vbe_index = (uint16_t)value;
		return;
	}
	if (width == 2) {
		vbe_write(vga, index, (uint16_t)value);
		return;
	}
	/* Bytes: 1CF is the low one, 1D0 the high one. */
	if (offset > 2 || index >= VBE_REGISTERS)
		return;
	old = vga->state.vbe[index];
	if (offset == 1)
		vbe_write(vga, index, (uint16_t)((old & 0xff00) | (value & 0xff)));
	else
		vbe_write(vga, index, (uint16_t)((old & 0xff) | (value & 0xff) << 8));
}

const struct cbx_io vga_vbe_io = { .widths = 1 | 2, .read = ports_read, .write = ports_write };

/* ---- Memory-mapped registers --------------------------------------------------------- */

static uint64_t mmio_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct vga *vga = (struct vga *)device;
	uint64_t value = 0;

	if (offset >= 0x400 && offset < 0x420) {
		for (unsigned i = 0; i < width; i++)
			value |= (uint64_t)vga_port_read(vga, 0x3c0 + ((offset + i) & 0x1f)) << 8 * i;
		return value;
	}
	if (offset >= 0x500 && offset < 0x500 + 2 * VBE_REGISTERS) {
		uint16_t data = vbe_read(vga, (unsigned)(offset - 0x500) / 2);

		if (width == 1)
			return offset & 1 ? data >> 8 : data & 0xff;
		return data;
	}
	return 0;
}

static void mmio_write(struct cbx_device *device, uint64_t offset, uint64_t value,
		       unsigned width)
{
	struct vga *vga = (struct vga *)device;

	if (offset >= 0x400 && offset < 0x420) {
		for (unsigned i = 0; i < width; i++)
			vga_port_write(vga, 0x3c0 + ((offset + i) & 0x1f), (uint8_t)(value >> 8 * i));
	} else if (offset >= 0x500 && offset < 0x500 + 2 * VBE_REGISTERS && width == 2) {
		vbe_write(vga, (unsigned)(offset - 0x500) / 2, (uint16_t)value);
	}
}

const struct cbx_io vga_mmio_io = { .widths = 1 | 2, .read = mmio_read, .write = mmio_write };

void vga_pci_changed(struct cbx_device *device, unsigned first, unsigned count)
{
	(void)first;
	(void)count;
	vga_place_guard((struct vga *)device);
}
