/* The floppy controller and its two drives. */
#ifndef DEVICES_FLOPPY_H
#define DEVICES_FLOPPY_H

#include <clearbox/backend.h>
#include "dma.h"

struct floppy;

/*
 * Ports 3F0h-3F5h and 3F7h.  disks[n].bytes tells the format; a drive without disk.read
 * is there, but empty.  irq is IRQ 6, channel DMA channel 2.  A medium of a size that no
 * format has is CBX_ERROR_ARGUMENT.
 */
enum cbx_status floppy_new(struct cbx_machine *machine, struct cbx_line irq,
			   struct dma_channel channel, const struct cbx_disk_backend disks[2],
			   struct floppy **floppy);

/* Another disk into drive 0 or 1 (disk->read NULL: none); the guest sees the disk change line. */
enum cbx_status floppy_change_medium(struct floppy *floppy, unsigned drive,
				     const struct cbx_disk_backend *disk);

/* The drive's type as CMOS register 10h has it: 4 is 1.44 MB, 5 2.88 MB, 2 1.2 MB ... */
unsigned floppy_cmos_type(const struct floppy *floppy, unsigned drive);

#endif
