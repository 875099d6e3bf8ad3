/* The firmware that is built in: bios/ makes these. */
#ifndef DEVICES_ROMS_H
#define DEVICES_ROMS_H

extern const unsigned char cbx_bios_image[];
extern const unsigned cbx_bios_image_size;
extern const unsigned char cbx_vgabios_image[];
extern const unsigned cbx_vgabios_image_size;
/* For other firmware: an option ROM that boots the kernel given to the machine. */
extern const unsigned char cbx_linuxboot_image[];
extern const unsigned cbx_linuxboot_image_size;

#endif
