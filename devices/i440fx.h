/* The 82441FX host bridge. */
#ifndef DEVICES_I440FX_H
#define DEVICES_I440FX_H

#include "pci.h"

struct i440fx;

/* RAM beyond this much appears from 4 GiB on, to leave room for PCI. */
#define I440FX_LOW_RAM_BYTES UINT64_C(0xc0000000)

/*
 * The bridge becomes slot 0 of the bus and maps all of ram: to 640 KiB, from 1 MiB on,
 * and between them as PAM and SMRAM registers say.  What else lies between 640 KiB and
 * 1 MiB (VGA window, ROMs) is to be placed with priorities below I440FX_RAM_PRIORITY.
 */
enum { I440FX_RAM_PRIORITY = 20 };
enum cbx_status i440fx_new(struct cbx_machine *machine, struct cbx_pci_bus *bus,
			   struct cbx_ram *ram, struct i440fx **i440fx);

#endif
