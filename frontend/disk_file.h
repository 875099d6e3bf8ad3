/* Disk images: raw files and block devices of the host. */
#ifndef FRONTEND_DISK_FILE_H
#define FRONTEND_DISK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <clearbox/backend.h>

enum disk_kind { DISK_FLOPPY, DISK_HARD, DISK_CD };

struct disk_file {
	const char *name;
	int fd;
	uint64_t bytes;                 /* of the file */
	uint64_t accesses;              /* reads and writes so far */
	struct cbx_disk_backend backend;
};

/*
 * Opens an image.  protect: never write to it (the caller puts an overlay over it, or it
 * is a CD).  Complains on standard error and returns false when it is nothing that can
 * be used: what, why, what to try.
 */
bool disk_file_open(struct disk_file *disk, const char *name, enum disk_kind kind, bool protect);
void disk_file_close(struct disk_file *disk);

/* Which drive a file that came without an option belongs into: by its size and contents. */
enum disk_kind disk_file_guess(const char *name);

/*
 * A whole file in memory, to be freed; complains and gives NULL otherwise.  advice is for
 * one that is larger than limit.
 */
void *file_load(const char *option, const char *name, uint64_t limit, const char *advice,
		size_t *size);

#endif
