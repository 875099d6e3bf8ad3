/* The machine's drives and what is in them. */
#ifndef FRONTEND_DRIVES_H
#define FRONTEND_DRIVES_H

#include <stdbool.h>

#include <clearbox/overlay.h>
#include <clearbox/pc.h>

#include "disk_file.h"
#include "options.h"

/* Numbered as enum cbx_drive does. */
enum { DRIVES = CBX_IDE_3 + 1 };

struct drive {
	bool present;                   /* the machine has it */
	enum disk_kind kind;
	bool snapshot;                  /* what is written goes to an overlay */
	struct disk_file *disk;         /* NULL: empty */
	struct cbx_overlay *overlay;
	struct cbx_disk_backend top;            /* the overlay's */
	struct cbx_disk_backend
		backend; /* what the machine was given; over an overlay it leads to top */
	char name[1024];                /* of the image */
};

struct drives {
	struct drive drive[DRIVES];
};

/* Opens what the options name and puts it into pc; complains and returns false if it cannot. */
bool drives_open(struct drives *drives, struct options *options, struct cbx_pc_options *pc);
void drives_close(struct drives *drives);

/* "floppy0" or "fda", "ide1-cd0" or "cdrom", "hda" ...: -1 if there is no such name. */
int drive_find(const struct drives *drives, const char *name);
/* The name that drive_find takes and info block prints. */
const char *drive_name(const struct drives *drives, unsigned drive);
bool drive_removable(const struct drives *drives, unsigned drive);

/* Another image into a removable drive, or none (NULL); complains and returns false if that cannot
 * be. */
bool drive_change(struct drives *drives, struct cbx_machine *machine, unsigned drive,
		  const char *name);

/* Puts another overlay over the same image in place of the one there is, which is freed. */
void drive_set_overlay(struct drive *drive, struct cbx_overlay *overlay,
		       const struct cbx_disk_backend *top);

#endif
