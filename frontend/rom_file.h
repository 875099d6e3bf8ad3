/* Option ROMs from files. */
#ifndef FRONTEND_ROM_FILE_H
#define FRONTEND_ROM_FILE_H

#include <stdbool.h>

#include <clearbox/pc.h>

/* PCI: its expansion ROM names 10ECh:8029h, the PCI card's device. */
enum rom_kind { ROM_OPTION, ROM_PCI_CARD };

/* The bytes are the caller's to free.  Complains on standard error and returns false. */
bool rom_file_load(const char *option, const char *name, enum rom_kind kind, struct cbx_image *rom);

#endif
