/* The floppy controller and its two drives. */
#ifndef DEVICES_FLOPPY_H
#define DEVICES_FLOPPY_H

#include <clearbox/backend.h>
#include "dma.h"

struct floppy;

/*
 * Ports 3F0h-3F5h and 3F7h.  disks[n].bytes tells the format: of the usual sizes from
 * 160 KiB to 2.88 MB, or anything smaller, which is a 1.44 MB disk whose rest reads as
 * zeros and cannot be written.  Drive 0 is always there; drive 1 is if it has a disk.
 * irq is IRQ 6, channel DMA channel 2.  Errors: CBX_ERROR_ARGUMENT (a disk that is
 * empty or too big), CBX_ERROR_MEMORY.
 */
enum cbx_status floppy_new(struct cbx_machine *machine, struct cbx_line irq,
			   struct dma_channel channel, const struct cbx_disk_backend disks[2],
			   struct floppy **floppy);

/*
 * Another disk into drive 0 or 1 (disk->read NULL: none); the guest sees the disk change
 * line.  Errors: CBX_ERROR_ARGUMENT (no such drive or format).
 */
enum cbx_status floppy_change_medium(struct floppy *floppy, unsigned drive,
				     const struct cbx_disk_backend *disk);
/* The drive has this medium, and the guest is not told: its state comes from elsewhere. */
void floppy_put_medium(struct floppy *floppy, unsigned number, const struct cbx_disk_backend *disk);

/*
 * The drive's type as CMOS register 10h has it: 0 none, 1 360 KB, 2 1.2 MB, 3 720 KB,
 * 4 1.44 MB, 5 2.88 MB.  It is what the first disk needs, 4 without one.
 */
unsigned floppy_cmos_type(const struct floppy *floppy, unsigned drive);

#endif
