/* The PC's two IDE channels with up to four drives, and the PIIX3's bus master for them. */
#ifndef DEVICES_IDE_H
#define DEVICES_IDE_H

#include <clearbox/backend.h>
#include "pci.h"

struct ide;

struct ide_options {
	struct {
		struct cbx_disk_backend disk;   /* a hard disk: whole sectors of 512 bytes count */
		bool cdrom;                     /* an ATAPI CD-ROM drive; disk.read NULL: empty */
		bool present;
	} drives[4];                            /* primary master, slave, secondary master, slave */
	struct cbx_line irqs[2];                /* IRQ 14 and 15 */
};

/*
 * Makes both channels (1F0h-1F7h, 3F6h; 170h-177h, 376h) and the PCI function (slot 1,
 * function 1).  Errors: CBX_ERROR_ARGUMENT (a hard disk smaller than a sector or without
 * read), CBX_ERROR_MEMORY.
 */
enum cbx_status ide_new(struct cbx_machine *machine, struct cbx_pci_bus *bus,
			const struct ide_options *options, struct ide **ide);

/*
 * Another disc into CD-ROM drive 0-3 (disk->read NULL: none).  The guest is told by unit
 * attention and media events.  Errors: CBX_ERROR_ARGUMENT (no CD-ROM drive there),
 * CBX_ERROR_STATE (the guest has locked the tray).
 */
enum cbx_status ide_change_medium(struct ide *ide, unsigned drive,
				  const struct cbx_disk_backend *disk);
/* The drive has this medium, and the guest is not told: its state comes from elsewhere. */
void ide_put_medium(struct ide *ide, unsigned number, const struct cbx_disk_backend *disk);

#endif
