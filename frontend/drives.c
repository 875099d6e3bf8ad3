/*
 * Drives: the images that the options name, and changing them while the machine lives.
 * An image that is written to is locked by disk_file.c; one under -snapshot is not, and
 * what the guest writes to it stays in memory.
 */
#include "drives.h"

#include <clearbox/history.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>

#include "complain.h"

/* ---- Names -------------------------------------------------------------------------- */

static const char *const disk_names[DRIVES] = {
	"floppy0", "floppy1", "ide0-hd0", "ide0-hd1", "ide1-hd0", "ide1-hd1"
};
static const char *const cd_names[DRIVES] = {
	"", "", "ide0-cd0", "ide0-cd1", "ide1-cd0", "ide1-cd1"
};

const char *drive_name(const struct drives *drives, unsigned drive)
{
	const struct drive *d = &drives->drive[drive];

	return d->present && d->kind == DISK_CD ? cd_names[drive] : disk_names[drive];
}

bool drive_removable(const struct drives *drives, unsigned drive)
{
	return drives->drive[drive].present && drives->drive[drive].kind != DISK_HARD;
}

int drive_find(const struct drives *drives, const char *name)
{
	static const char *const option_names[DRIVES] = {
		"fda", "fdb", "hda", "hdb", "hdc", "hdd"
	};
	static const char *const letters[2] = { "a:", "b:" };

	for (int i = 0; i < DRIVES; i++) {
		if (!strcasecmp(name, option_names[i]) || !strcasecmp(name, disk_names[i]))
			return i;
		if (i < 2 && !strcasecmp(name, letters[i]))
			return i;
		if (drives->drive[i].present && drives->drive[i].kind == DISK_CD &&
		    (!strcasecmp(name, cd_names[i]) || !strcasecmp(name, "cdrom")))
			return i;
	}
	return -1;
}

/* ---- Opening ------------------------------------------------------------------------ */

static void drive_empty(struct drive *drive)
{
	if (drive->overlay)
		cbx_overlay_free(drive->overlay);
	if (drive->disk) {
		disk_file_close(drive->disk);
		free(drive->disk);
	}
	drive->overlay = NULL;
	drive->disk = NULL;
	drive->name[0] = 0;
	memset(&drive->backend, 0, sizeof(drive->backend));
}

/* ---- Over an overlay, which may be exchanged (a saved state is loaded) ---- */

static enum cbx_status top_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	const struct drive *drive = user;

	return drive->top.read(drive->top.user, offset, bytes, count);
}

static enum cbx_status top_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	const struct drive *drive = user;

	return drive->top.write(drive->top.user, offset, bytes, count);
}

static enum cbx_status top_flush(void *user)
{
	(void)user;
	return CBX_OK;
}

void drive_set_overlay(struct drive *drive, struct cbx_overlay *overlay,
		       const struct cbx_disk_backend *top)
{
	cbx_overlay_free(drive->overlay);
	drive->overlay = overlay;
	drive->top = *top;
}

/* An image with all around it, not yet in any machine. */
static bool drive_fill(struct drive *drive, const char *name)
{
	if (strlen(name) >= sizeof(drive->name)) {
		complain("%.60s...: the name is longer than %zu bytes; try a link with a shorter "
			 "one",
			 name, sizeof(drive->name) - 1);
		return false;
	}
	drive->disk = calloc(1, sizeof(*drive->disk));
	if (!drive->disk) {
		complain("%s: no memory for it; close other programs", name);
		return false;
	}
	strcpy(drive->name, name);
	if (!disk_file_open(drive->disk, name, drive->kind, drive->snapshot)) {
		free(drive->disk);
		drive->disk = NULL;
		return false;
	}
	drive->disk->name = drive->name;
	drive->backend = drive->disk->backend;
	if (!drive->snapshot || drive->kind == DISK_CD)
		return true;
	if (cbx_overlay_new(&drive->disk->backend, NULL, &drive->overlay, &drive->top)) {
		complain("%s: no memory for -snapshot; close other programs", name);
		drive_empty(drive);
		return false;
	}
	drive->backend = (struct cbx_disk_backend){ .bytes = drive->top.bytes,
						    .read = top_read,
						    .write = top_write,
						    .flush = top_flush,
						    .user = drive };
	return true;
}

/* A file without an option goes where it fits. */
static bool place_bare(struct options *options)
{
	const char **place = &options->disk[0];
	const char *option = "hda";

	if (!options->bare)
		return true;
	switch (disk_file_guess(options->bare)) {
	case DISK_FLOPPY:
		place = &options->floppy[0];
		option = "fda";
		break;
	case DISK_CD:
		place = options->disk[2] ? &options->disk[2] : &options->cdrom;
		option = "cdrom";
		break;
	case DISK_HARD:
		break;
	}
	if (*place) {
		complain("%s: it would be -%s, and that is %s already; say which drive it is",
			 options->bare, option, *place);
		return false;
	}
	*place = options->bare;
	return true;
}

static bool open_one(struct drives *drives, struct cbx_pc_options *pc, unsigned number,
		     const char *name, enum disk_kind kind, bool snapshot)
{
	struct drive *drive = &drives->drive[number];

	drive->kind = kind;
	drive->snapshot = snapshot;
	drive->present = drive->present || kind != DISK_HARD || name;
	if (!drive->present)
		return true;
	if (name && !drive_fill(drive, name))
		return false;
	if (number < CBX_IDE_0) {
		pc->floppy[number] = drive->backend;
	} else {
		pc->ide[number - CBX_IDE_0].disk = drive->backend;
		pc->ide[number - CBX_IDE_0].cdrom = kind == DISK_CD;
		pc->ide[number - CBX_IDE_0].present = true;
	}
	return true;
}

bool drives_open(struct drives *drives, struct options *o, struct cbx_pc_options *pc)
{
	if (!place_bare(o))
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (!open_one(drives, pc, CBX_FLOPPY_A + i, o->floppy[i], DISK_FLOPPY, o->snapshot))
			return false;
	for (unsigned i = 0; i < 4; i++)
		if (!open_one(drives, pc, CBX_IDE_0 + i, o->disk[i], DISK_HARD, o->snapshot))
			return false;
	/* A drive for CDs that come later. */
	if (o->disk[2] || (!o->cdrom && o->bare_machine))
		return true;
	return open_one(drives, pc, CBX_IDE_2, o->cdrom, DISK_CD, o->snapshot);
}

void drives_close(struct drives *drives)
{
	for (unsigned i = 0; i < DRIVES; i++)
		drive_empty(&drives->drive[i]);
}

/* ---- Changing ------------------------------------------------------------------------- */

bool drive_change(struct drives *drives, struct cbx_machine *machine, unsigned number,
		  const char *name)
{
	struct drive *drive = &drives->drive[number], *old;
	bool good;

	if (!drive_removable(drives, number)) {
		complain(drive->present ? "%s: its medium cannot be changed; end the program to "
					  "change a hard disk"
					: "%s: the machine has no such drive; info block lists "
					  "those it has",
			 drive_name(drives, number));
		return false;
	}
	old = malloc(sizeof(*old));
	if (!old) {
		complain("no memory to change a medium; close other programs");
		return false;
	}
	*old = *drive;
	drive->disk = NULL;
	drive->overlay = NULL;
	memset(&drive->backend, 0, sizeof(drive->backend));
	drive->name[0] = 0;
	/* It may be the same image again. */
	if (old->disk)
		flock(old->disk->fd, LOCK_UN);
	good = !name || drive_fill(drive, name);
	if (good && cbx_drive_change(machine, (enum cbx_drive)number, &drive->backend)) {
		complain("%s: the drive does not take it: %s", drive_name(drives, number),
			 cbx_machine_error(machine));
		drive_empty(drive);
		good = false;
	}
	if (good) {
		struct cbx_history_info history = { .size = sizeof(history) };

		/* The past would need the old medium, which goes. */
		if (!cbx_history_info(machine, &history))
			cbx_history_enable(machine, history.budget);
		drive_empty(old);
	} else {
		*drive = *old;
		if (drive->disk) {
			drive->disk->name = drive->name;
			flock(drive->disk->fd,
			      (drive->disk->backend.read_only ? LOCK_SH : LOCK_EX) | LOCK_NB);
		}
	}
	free(old);
	return good;
}
