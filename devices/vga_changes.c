/*
 * Which of the picture's lines may have changed since when.  The picture has a number that grows
 * with every possible change; pages of video memory remember the number of their last one, and so
 * do the cursor's lines and the picture as a whole (registers, colours, blinking).  So any number
 * of viewers can ask, each since the number it drew last.
 */
#include <clearbox/pc.h>
#include <string.h>

#include "vga_state.h"

enum { PAGE_BITS = 12 };

static void stamp_page(struct vga *vga, struct cbx_ram *ram, uint64_t *stamps, uint64_t at)
{
	if (!cbx_ram_take_dirty(ram, at))
		return;
	if (!vga->counted) {
		vga->counted = true;
		vga->picture++;
	}
	if (stamps)
		stamps[at >> PAGE_BITS] = vga->picture;
	else
		vga->whole_picture = vga->picture;
	if (ram == vga->vram) {
		vga->memory_picture = vga->picture;
		vga->zero[at >> PAGE_BITS] = false;
	}
}

/* Of what is zero and was not written since, nothing is read: a guest may set modes all day. */
void vga_clear_pages(struct vga *vga, uint64_t bytes)
{
	vga->counted = false;
	for (uint64_t at = 0; at < bytes && at < vga->vram_bytes; at += 4096) {
		static const uint8_t zeros[64];
		const uint8_t *page;
		uint8_t *writable;
		unsigned i;

		stamp_page(vga, vga->vram, vga->stamps, at);
		if (vga->zero[at >> PAGE_BITS])
			continue;
		page = cbx_ram_page(vga->vram, at);
		for (i = 0; i < 4096; i += 64)
			if (memcmp(page + i, zeros, 64))
				break;
		if (i < 4096) {
			writable = cbx_ram_page_writable(vga->vram, at);
			if (!writable)
				continue;
			memset(writable, 0, 4096);
			stamp_page(vga, vga->vram, vga->stamps, at);
		}
		vga->zero[at >> PAGE_BITS] = true;
	}
}

/* The memory's size is a power of two; what goes beyond its end goes on at its start. */
static void stamp_pages(struct vga *vga, uint32_t first, uint64_t bytes)
{
	uint64_t start = first & (vga->vram_bytes - 1);

	if (bytes > vga->vram_bytes - start) {
		start = 0;
		bytes = vga->vram_bytes;
	}
	for (uint64_t at = start & ~UINT64_C(4095); at < start + bytes; at += 4096)
		stamp_page(vga, vga->vram, vga->stamps, at);
}

/* Blinking: the cursor's is its lines', the characters' the whole picture's. */
static void stamp_phase(struct vga *vga, const struct vga_view *view)
{
	unsigned phase = 0;

	if (view->text)
		phase = (view->cursor_on && view->cursor_lit ? 1u : 0u) |
			(view->blink && view->blink_dark ? 2u : 0u);
	if (phase == vga->phase)
		return;
	vga->picture++;
	vga->cursor_picture = vga->picture;
	if ((phase ^ vga->phase) & 2)
		vga->whole_picture = vga->picture;
	vga->phase = phase;
}

uint64_t vga_picture(struct vga *vga, const struct vga_view *view)
{
	vga->counted = false;
	/* Not before somebody looks: forks are faster.  Without memory all counts as changed. */
	if (!vga->stamps)
		vga->stamps = cbx_machine_allocate(vga->device.machine, (vga->vram_bytes >> PAGE_BITS) *
						   sizeof(*vga->stamps));
	stamp_phase(vga, view);
	if (view->vbe) {
		stamp_pages(vga, view->vbe_start, (uint64_t)view->vbe_pitch * view->height + 4096);
	} else {
		stamp_pages(vga, 0, vga->state.vbe[VBE_ENABLE] & VBE_ENABLED ? vga->vram_bytes :
				    4 * VGA_PLANE_BYTES);
		for (uint64_t at = 0; vga->state.text_window == TEXT_ON && at < VGA_TEXT_BYTES; at += 4096)
			stamp_page(vga, vga->text, vga->text_stamps, at);
	}
	if (vga->version != vga->version_seen) {
		vga->version_seen = vga->version;
		vga->whole_picture = ++vga->picture;
	}
	return vga->picture;
}

/* ---- Lines ------------------------------------------------------------------------------ */

static bool bytes_changed(const struct vga *vga, uint64_t since, uint32_t first, uint32_t bytes)
{
	uint32_t mask = vga->vram_bytes - 1, at = first & ~4095u;

	for (uint64_t end = (uint64_t)first + bytes; at < end; at += 4096)
		if (vga->stamps && vga->stamps[(at & mask) >> PAGE_BITS] > since)
			return true;
	return false;
}

static bool text_bytes_changed(const struct vga *vga, uint64_t since, unsigned first, unsigned last)
{
	for (unsigned page = first >> PAGE_BITS; page <= last >> PAGE_BITS; page++)
		if (page < VGA_TEXT_BYTES >> PAGE_BITS && vga->text_stamps[page] > since)
			return true;
	return false;
}

static bool cursor_changed(const struct vga *vga, const struct vga_view *view, uint64_t since,
			   unsigned first, unsigned last, unsigned scan)
{
	return view->text && view->cursor_on && vga->cursor_picture > since &&
	       scan >= view->cursor_first && scan <= view->cursor_last &&
	       ((view->cursor_address - first) & 0xffff) <= last - first;
}

static bool vga_line_changed(const struct vga *vga, const struct vga_view *view, uint64_t since,
			     unsigned y)
{
	unsigned ma, scan, last, span, from, to;
	bool split, wraps;

	vga_view_line(view, y, &ma, &scan, &split);
	if (!(split && view->split_unpanned))
		ma += view->byte_pan;
	last = ma + (view->characters >> view->count_shift);
	if (cursor_changed(vga, view, since, ma, last, scan))
		return true;
	from = vga_view_address(view, ma, scan);
	to = vga_view_address(view, last, scan) + 3;
	span = ((last - ma) << view->address_shift) + 8;
	wraps = to < from || to - from > span;
	if (!(vga->state.vbe[VBE_ENABLE] & VBE_ENABLED)) {
		to -= from;
		from &= VGA_PLANE_BYTES - 1;
		to += from;
		wraps = wraps || to >= VGA_PLANE_BYTES;
	}
	/* Fonts are in video memory too, and a line that wraps is anywhere in it. */
	if (view->text || wraps ? vga->memory_picture > since :
				  bytes_changed(vga, since, 4 * from, 4 * (span + 4)))
		return true;
	/* Planes 0 and 1 may live in the text window, in graphics modes as well. */
	if (vga->state.text_window != TEXT_ON)
		return false;
	return wraps ? text_bytes_changed(vga, since, 0, VGA_TEXT_BYTES - 1) :
		       text_bytes_changed(vga, since, from, to);
}

bool vga_line_is_new(const struct vga *vga, const struct vga_view *view, uint64_t since, unsigned y)
{
	uint32_t first;

	if (!since || since > vga->picture || vga->whole_picture > since)
		return true;
	if (view->blank)
		return false;
	if (!view->vbe)
		return vga_line_changed(vga, view, since, y);
	first = (view->vbe_start + y * view->vbe_pitch) & (vga->vram_bytes - 1);
	return bytes_changed(vga, since, first, view->width * ((view->bpp + 7) / 8));
}
