/* The firmware configuration interface: facts and files that the machine gives its firmware. */
#ifndef DEVICES_FW_CFG_H
#define DEVICES_FW_CFG_H

#include <clearbox/device.h>

struct fw_cfg;

/* Selectors of the documented interface.  Files get numbers from FW_CFG_FILE_FIRST on. */
enum fw_cfg_key {
	FW_CFG_SIGNATURE = 0x00,
	FW_CFG_ID = 0x01,
	FW_CFG_UUID = 0x02,
	FW_CFG_RAM_SIZE = 0x03,
	FW_CFG_NOGRAPHIC = 0x04,
	FW_CFG_NB_CPUS = 0x05,
	FW_CFG_MACHINE_ID = 0x06,
	FW_CFG_KERNEL_ADDR = 0x07,
	FW_CFG_KERNEL_SIZE = 0x08,
	FW_CFG_KERNEL_CMDLINE = 0x09,
	FW_CFG_INITRD_ADDR = 0x0a,
	FW_CFG_INITRD_SIZE = 0x0b,
	FW_CFG_BOOT_DEVICE = 0x0c,
	FW_CFG_NUMA = 0x0d,
	FW_CFG_BOOT_MENU = 0x0e,
	FW_CFG_MAX_CPUS = 0x0f,
	FW_CFG_KERNEL_ENTRY = 0x10,
	FW_CFG_KERNEL_DATA = 0x11,
	FW_CFG_INITRD_DATA = 0x12,
	FW_CFG_CMDLINE_ADDR = 0x13,
	FW_CFG_CMDLINE_SIZE = 0x14,
	FW_CFG_CMDLINE_DATA = 0x15,
	FW_CFG_SETUP_ADDR = 0x16,
	FW_CFG_SETUP_SIZE = 0x17,
	FW_CFG_SETUP_DATA = 0x18,
	FW_CFG_FILE_DIR = 0x19,
	FW_CFG_FILE_FIRST = 0x20,
	FW_CFG_KEYS = 0x40
};

enum cbx_status fw_cfg_new(struct cbx_machine *machine, struct fw_cfg **fw_cfg);

/* Has the items of another machine's from now on, which it is a fork of. */
void fw_cfg_share(struct fw_cfg *fw_cfg, struct fw_cfg *other);

/* Sets an item to a copy of these bytes.  While the machine is built. */
enum cbx_status fw_cfg_add(struct fw_cfg *fw_cfg, enum fw_cfg_key key, const void *bytes,
			   size_t size);
/* The same for a number, little-endian, of 1 to 8 bytes. */
enum cbx_status fw_cfg_add_number(struct fw_cfg *fw_cfg, enum fw_cfg_key key, uint64_t value,
				  unsigned size);
/* Adds a file (name of at most 55 bytes) to the directory. */
enum cbx_status fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes,
				size_t size);

#endif
