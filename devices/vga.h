/* The video adapter: VGA with the Bochs/VBE extensions, PCI function 1234:1111. */
#ifndef DEVICES_VGA_H
#define DEVICES_VGA_H

#include <clearbox/device.h>
#include <clearbox/pci.h>
#include <clearbox/screen.h>

struct vga;

/*
 * vram_bytes is a power of two from 1 MiB to 256 MiB, 0: 16 MiB.  bus may be NULL: then
 * there is no PCI function and no linear framebuffer, only the ports and A0000-BFFFF.
 */
enum cbx_status vga_new(struct cbx_machine *machine, struct cbx_pci_bus *bus, unsigned slot,
			uint32_t vram_bytes, struct vga **vga);

/* screen.h for this adapter; see there. */
void vga_screen_info(struct vga *vga, struct cbx_screen *screen);
enum cbx_status vga_screen_render(struct vga *vga, uint32_t *pixels, unsigned stride,
				  unsigned lines);
enum cbx_status vga_screen_update(struct vga *vga, uint64_t since, uint32_t *pixels,
				  unsigned stride, unsigned lines, uint8_t *changed);
enum cbx_status vga_screen_cells(struct vga *vga, struct cbx_cell *cells, size_t count);
enum cbx_status vga_screen_text(struct vga *vga, char *text, size_t size);

#endif
