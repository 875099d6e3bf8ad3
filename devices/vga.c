/*
 * Video Graphics Array: the registers.  Ports 3B4-3B5, 3BA (monochrome), 3C0-3CF, 3D4-3D5,
 * 3DA (colour).  After the IBM PS/2 Hardware Interface Technical Reference, "Video
 * Subsystem".  Memory is in vga_memory.c, the picture in vga_view.c, vga_text.c, vga_render.c
 * and vga_changes.c, the VBE extensions in vga_vbe.c.
 *
 * Undocumented but expected by software: CRTC 22h (the latch), 24h (the attribute
 * flip-flop) and 26h (the attribute index).  There is no vertical interrupt: as on most
 * PCs it is wired nowhere.
 */
#include <clearbox/pc.h>

#include "vga_state.h"

static const struct cbx_field vga_fields[] = {
	CBX_FIELD(struct vga_state, misc),
	CBX_FIELD(struct vga_state, feature),
	CBX_FIELD(struct vga_state, enable),
	CBX_FIELD(struct vga_state, seq_index),
	CBX_FIELD_ARRAY(struct vga_state, seq),
	CBX_FIELD(struct vga_state, gfx_index),
	CBX_FIELD_ARRAY(struct vga_state, gfx),
	CBX_FIELD(struct vga_state, crtc_index),
	CBX_FIELD_ARRAY(struct vga_state, crtc),
	CBX_FIELD(struct vga_state, attr_index),
	CBX_FIELD_ARRAY(struct vga_state, attr),
	CBX_FIELD(struct vga_state, attr_data),
	CBX_FIELD(struct vga_state, dac_reading),
	CBX_FIELD(struct vga_state, dac_mask),
	CBX_FIELD(struct vga_state, dac_index),
	CBX_FIELD(struct vga_state, dac_component),
	CBX_FIELD_ARRAY(struct vga_state, dac_latch),
	CBX_FIELD_ARRAY(struct vga_state, palette),
	CBX_FIELD_ARRAY(struct vga_state, latch),
	CBX_FIELD(struct vga_state, text_window),
	CBX_FIELD(struct vga_state, vbe_index),
	CBX_FIELD_ARRAY(struct vga_state, vbe),
	CBX_FIELD_END
};

/* Which bits of each register exist; registers past these tables read zero. */
static const uint8_t seq_bits[8] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
static const uint8_t gfx_bits[16] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
static const uint8_t crtc_bits[64] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0x3f, 0x7f, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff
};
static const uint8_t attr_bits[32] = {
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
	0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f
};

/* ---- Timing --------------------------------------------------------------------- */

static void vbe_beam(const struct vga_state *s, uint64_t time, struct vga_beam *beam)
{
	const uint64_t frame = 16666667;        /* ns: 60 Hz, whatever the resolution */
	uint64_t inside = time % frame;
	uint64_t lines = s->vbe[VBE_YRES] + s->vbe[VBE_YRES] / 20u + 4u;
	uint64_t line = inside * lines / frame;

	beam->frame = time / frame;
	beam->vertical_retrace = line >= s->vbe[VBE_YRES] + 2u;
	beam->display = line < s->vbe[VBE_YRES] && inside * lines % frame < frame / 5 * 4;
}

void vga_beam(const struct vga *vga, struct vga_beam *beam)
{
	const struct vga_state *s = &vga->state;
	const uint8_t *crtc = s->crtc;
	uint64_t time = cbx_time(&vga->device);

	if (vga_vbe_on(s)) {
		vbe_beam(s, time, beam);
		return;
	}

	unsigned overflow = crtc[7];
	unsigned character = (s->seq[VGA_SEQ_MODE] & 1 ? 8u : 9u) << (s->seq[VGA_SEQ_MODE] >> 3 & 1);
	uint64_t line = (crtc[0] + 5u) * character;
	uint64_t lines = crtc[6] + ((overflow & 1u) << 8) + ((overflow & 0x20u) << 4) + 2u;
	unsigned retrace = crtc[0x10] + ((overflow & 4u) << 6) + ((overflow & 0x80u) << 2);
	unsigned length = (crtc[0x11] - retrace) & 15;
	unsigned display_end = crtc[0x12] + ((overflow & 2u) << 7) + ((overflow & 0x40u) << 3);
	uint64_t clock = (s->misc >> 2 & 3) == 1 ? 28322000 : 25175000;
	uint64_t dots = cbx_muldiv(time, clock, 1000000000);
	uint64_t y = dots % (line * lines) / line;
	uint64_t x = dots % line / character;

	beam->frame = dots / (line * lines);
	beam->vertical_retrace = y >= retrace && y < retrace + (length ? length : 16);
	beam->display = y <= display_end && x <= crtc[1];
}

/* ---- The DAC -------------------------------------------------------------------- */

static void dac_fetch(struct vga_state *s)
{
	for (unsigned i = 0; i < 3; i++)
		s->dac_latch[i] = s->palette[s->dac_index * 3u + i];
	s->dac_index++;
}

static uint8_t dac_read(struct vga_state *s)
{
	uint8_t value = s->dac_latch[s->dac_component % 3];

	if (++s->dac_component >= 3) {
		s->dac_component = 0;
		dac_fetch(s);
	}
	return value;
}

static void dac_write(struct vga *vga, uint8_t value)
{
	struct vga_state *s = &vga->state;

	if (!(s->vbe[VBE_ENABLE] & VBE_8BIT_DAC))
		value &= 0x3f;
	s->dac_latch[s->dac_component % 3] = value;
	if (++s->dac_component < 3)
		return;
	s->dac_component = 0;
	for (unsigned i = 0; i < 3; i++)
		s->palette[s->dac_index * 3u + i] = s->dac_latch[i];
	s->dac_index++;
	vga->version++;
}

/* ---- CRTC, attribute controller ---------------------------------------------------- */

static uint8_t crtc_read(const struct vga_state *s)
{
	switch (s->crtc_index & 0x3f) {
	case 0x10:
	case 0x11:
		/* Without "compatible read" these are the light pen's registers. */
		return s->crtc[3] & 0x80 ? s->crtc[s->crtc_index & 0x3f] : 0;
	case 0x22:
		return s->latch[s->gfx[VGA_GFX_READ_MAP] & 3];
	case 0x24:
		return s->attr_data ? 0x80 : 0;
	case 0x26:
		return s->attr_index;
	default:
		return s->crtc[s->crtc_index & 0x3f];
	}
}

static void crtc_write(struct vga *vga, uint8_t value)
{
	struct vga_state *s = &vga->state;
	unsigned index = s->crtc_index & 0x3f;

	value &= crtc_bits[index];
	if (index <= 7 && s->crtc[0x11] & 0x80) {
		if (index != 7)
			return;
		value = (uint8_t)((s->crtc[7] & 0xef) | (value & 0x10));
	}
	if (s->crtc[index] == value)
		return;
	s->crtc[index] = value;
	vga->version++;
}

static void attr_write(struct vga *vga, uint8_t value)
{
	struct vga_state *s = &vga->state;

	if (!s->attr_data) {
		if ((s->attr_index ^ value) & 0x20)
			vga->version++;
		s->attr_index = value & 0x3f;
	} else {
		unsigned index = s->attr_index & 0x1f;

		value &= attr_bits[index];
		if (s->attr[index] != value) {
			s->attr[index] = value;
			vga->version++;
		}
	}
	s->attr_data = !s->attr_data;
}

/* ---- Ports --------------------------------------------------------------------------- */

static uint8_t status_1(struct vga *vga)
{
	struct vga_beam beam;

	vga->state.attr_data = 0;
	vga_beam(vga, &beam);
	return (uint8_t)((beam.display ? 0 : 1) | (beam.vertical_retrace ? 9 : 0));
}

/* Ports 3B0-3DF, by their colour addresses or monochrome ones as misc says. */
uint8_t vga_port_read(struct vga *vga, unsigned port)
{
	struct vga_state *s = &vga->state;

	if (port < 0x3c0 || port >= 0x3d0) {
		/* The CRTC's registers are at 3Dx or 3Bx; nothing is at the other place. */
		if (!(s->misc & VGA_MISC_COLOUR) != (port < 0x3c0))
			return 0xff;
		switch (port & 0xf) {
		case 4:
			return s->crtc_index;
		case 5:
			return crtc_read(s);
		case 0xa:
			return status_1(vga);
		default:
			return 0xff;
		}
	}

	switch (port) {
	case 0x3c0:
		return s->attr_index;
	case 0x3c1:
		return s->attr[s->attr_index & 0x1f];
	case 0x3c2:
		return 0x10;            /* input status 0: a colour monitor, no interrupt */
	case 0x3c3:
		return s->enable;
	case 0x3c4:
		return s->seq_index;
	case 0x3c5:
		return s->seq[s->seq_index & 7];
	case 0x3c6:
		return s->dac_mask;
	case 0x3c7:
		return s->dac_reading ? 3 : 0;
	case 0x3c8:
		return s->dac_index;
	case 0x3c9:
		return dac_read(s);
	case 0x3ca:
		return s->feature;
	case 0x3cc:
		return s->misc;
	case 0x3ce:
		return s->gfx_index;
	case 0x3cf:
		return s->gfx[s->gfx_index & 0xf];
	default:
		return 0xff;
	}
}

static void change(struct vga *vga, uint8_t *reg, uint8_t value)
{
	if (*reg == value)
		return;
	*reg = value;
	vga->version++;
	vga_map(vga);
}

void vga_port_write(struct vga *vga, unsigned port, uint8_t value)
{
	struct vga_state *s = &vga->state;

	if (port < 0x3c0 || port >= 0x3d0) {
		if (!(s->misc & VGA_MISC_COLOUR) != (port < 0x3c0))
			return;
		switch (port & 0xf) {
		case 4:
			s->crtc_index = value & 0x3f;
			break;
		case 5:
			crtc_write(vga, value);
			break;
		case 0xa:
			s->feature = value & 3;
			break;
		}
		return;
	}

	switch (port) {
	case 0x3c0:
		attr_write(vga, value);
		break;
	case 0x3c2:
		change(vga, &s->misc, value & 0xef);
		break;
	case 0x3c3:
		s->enable = value & 1;
		break;
	case 0x3c4:
		s->seq_index = value & 7;
		break;
	case 0x3c5:
		change(vga, &s->seq[s->seq_index & 7], value & seq_bits[s->seq_index & 7]);
		break;
	case 0x3c6:
		if (s->dac_mask != value)
			vga->version++;
		s->dac_mask = value;
		break;
	case 0x3c7:
		s->dac_reading = 1;
		s->dac_component = 0;
		s->dac_index = value;
		dac_fetch(s);
		break;
	case 0x3c8:
		s->dac_reading = 0;
		s->dac_component = 0;
		s->dac_index = value;
		break;
	case 0x3c9:
		dac_write(vga, value);
		break;
	case 0x3ce:
		s->gfx_index = value & 0xf;
		break;
	case 0x3cf:
		change(vga, &s->gfx[s->gfx_index & 0xf], value & gfx_bits[s->gfx_index & 0xf]);
		break;
	}
}

/* One handler per range of ports: offsets count from its start. */
#define PORT_RANGE(first)                                                                       \
	static uint64_t read_##first(struct cbx_device *device, uint64_t offset, unsigned width)  \
	{                                                                                         \
		(void)width;                                                                      \
		return vga_port_read((struct vga *)device, 0x##first + (unsigned)offset);         \
	}                                                                                         \
	static void write_##first(struct cbx_device *device, uint64_t offset, uint64_t value,     \
				  unsigned width)                                                 \
	{                                                                                         \
		(void)width;                                                                      \
		vga_port_write((struct vga *)device, 0x##first + (unsigned)offset,                \
			       (uint8_t)value);                                                   \
	}                                                                                         \
	static const struct cbx_io io_##first = {                                                 \
		.widths = 1, .read = read_##first, .write = write_##first                         \
	};

PORT_RANGE(3b4)
PORT_RANGE(3ba)
PORT_RANGE(3c0)
PORT_RANGE(3d4)
PORT_RANGE(3da)

static const struct {
	uint32_t first, count;
	const struct cbx_io *io;
} port_ranges[] = {
	{ 0x3b4, 2, &io_3b4 }, { 0x3ba, 1, &io_3ba }, { 0x3c0, 16, &io_3c0 },
	{ 0x3d4, 2, &io_3d4 }, { 0x3da, 1, &io_3da }, { 0x1ce, 4, &vga_vbe_io }
};

/* ---- The device ------------------------------------------------------------------------ */

static void vga_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct vga *vga = (struct vga *)device;

	(void)kind;
	if (vga->state.text_window == TEXT_ON)
		vga_leave_text_window(vga);
	vga->state = (struct vga_state){ .dac_mask = 0xff, .enable = 1 };
	vga->state.vbe[VBE_ID] = VBE_LATEST_ID;
	vga->version++;
	vga_map_reset(vga);
}

static bool inside(const uint8_t *regs, const uint8_t *bits, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (regs[i] & ~bits[i])
			return false;
	return true;
}

static bool vga_check(const struct cbx_device *device, const void *state)
{
	const struct vga *vga = (const struct vga *)device;
	const struct vga_state *s = state;

	return !(s->misc & 0x10) && s->feature <= 3 && s->enable <= 1 && s->seq_index <= 7 &&
	       s->gfx_index <= 15 && s->crtc_index <= 63 && s->attr_index <= 63 &&
	       s->dac_component <= 2 && s->attr_data <= 1 && s->dac_reading <= 1 &&
	       inside(s->seq, seq_bits, 8) &&
	       inside(s->gfx, gfx_bits, 16) && inside(s->crtc, crtc_bits, 64) &&
	       inside(s->attr, attr_bits, 32) && vga_vbe_check(vga, s) &&
	       vga_text_check(s);
}

static void vga_loaded(struct cbx_device *device)
{
	struct vga *vga = (struct vga *)device;

	vga->version++;
	vga_map_reset(vga);
}

static void vga_destroy(struct cbx_device *device)
{
	struct vga *vga = (struct vga *)device;

	if (vga->stamps)
		cbx_machine_release(device->machine, vga->stamps);
	if (vga->zero)
		cbx_machine_release(device->machine, vga->zero);
}

static const struct cbx_device_type vga_type = {
	.name = "vga",
	.version = 1,
	.size = sizeof(struct vga),
	.state_offset = offsetof(struct vga, state),
	.state_size = sizeof(struct vga_state),
	.fields = vga_fields,
	.reset = vga_reset,
	.check = vga_check,
	.loaded = vga_loaded,
	.destroy = vga_destroy,
};

static enum cbx_status make_regions(struct vga *vga)
{
	static const uint64_t window_bytes[4] = { 0x20000, 0x10000, 0x8000, 0x8000 };
	struct cbx_device *device = &vga->device;
	enum cbx_status status = CBX_OK;

	for (unsigned i = 0; i < 4 && !status; i++)
		status = cbx_region_new_io(device, &vga_memory_io, window_bytes[i], &vga->window[i]);
	for (unsigned i = 0; i < 2 && !status; i++)
		status = cbx_region_new_ram(device, vga->vram, 0, window_bytes[i], &vga->chain4[i]);
	if (!status)
		status = cbx_region_new_ram(device, vga->text, 0, VGA_TEXT_BYTES, &vga->text_ram);
	if (!status)
		status = cbx_region_new_ram(device, vga->vram, 0, 0x10000, &vga->bank);
	return status;
}

static enum cbx_status make_pci(struct vga *vga, struct cbx_pci_bus *bus, unsigned slot)
{
	struct cbx_device *device = &vga->device;
	enum cbx_status status;

	status = cbx_region_new_ram(device, vga->vram, 0, vga->vram_bytes, &vga->lfb);
	if (!status)
		status = cbx_region_new_io(device, &vga_guard_io, 4 * VGA_PLANE_BYTES,
					   &vga->lfb_guard);
	if (!status)
		status = cbx_region_new_io(device, &vga_mmio_io, 4096, &vga->mmio);
	if (status)
		return status;

	struct cbx_pci_options options = {
		.size = sizeof(options),
		.slot = slot,
		.vendor_id = 0x1234,
		.device_id = 0x1111,
		.subsystem_vendor_id = 0x1234,
		.subsystem_id = 0x1111,
		.class_code = 0x030000,
		.revision = 2,
		.bars = {
			[0] = { .size = vga->vram_bytes, .region = vga->lfb, .prefetchable = true },
			[2] = { .size = 4096, .region = vga->mmio },
		},
		.changed = vga_pci_changed,
	};
	return cbx_pci_function_new(bus, device, &options, &vga->pci);
}

enum cbx_status vga_new(struct cbx_machine *machine, struct cbx_pci_bus *bus, unsigned slot,
			uint32_t vram_bytes, struct vga **result)
{
	struct cbx_device *device;
	enum cbx_status status;

	if (!vram_bytes)
		vram_bytes = 16u << 20;
	if (vram_bytes & (vram_bytes - 1) || vram_bytes < 1u << 20 || vram_bytes > 256u << 20)
		return CBX_ERROR_ARGUMENT;
	status = cbx_device_new(machine, &vga_type, &device);
	if (status)
		return status;

	struct vga *vga = (struct vga *)device;

	vga->vram_bytes = vram_bytes;
	vga->zero = cbx_machine_allocate(machine, vram_bytes / 4096 * sizeof(*vga->zero));
	if (!vga->zero)
		return CBX_ERROR_MEMORY;
	status = cbx_ram_new(machine, "vga", vram_bytes, &vga->vram);
	if (!status)
		status = cbx_ram_new(machine, "vga.text", VGA_TEXT_BYTES, &vga->text);
	if (!status)
		status = make_regions(vga);
	for (unsigned i = 0; i < sizeof(port_ranges) / sizeof(port_ranges[0]) && !status; i++)
		status = cbx_ports_map(device, port_ranges[i].first, port_ranges[i].count,
				       port_ranges[i].io);
	if (!status && bus)
		status = make_pci(vga, bus, slot);
	*result = status ? NULL : vga;
	return status;
}
