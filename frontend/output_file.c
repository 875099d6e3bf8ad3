/* Files that the program writes anew: see output_file.h. */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Kernel, initial RAM disk, two BIOSes, state, script, and ROMs of cards; what is more is not kept. */
enum { KEPT = 32 };

static struct {
	dev_t device;
	ino_t number;
} kept[KEPT];
static unsigned kept_count;

void output_keep(const char *name)
{
	struct stat about;

	if (!name || kept_count == KEPT || stat(name, &about) || !S_ISREG(about.st_mode))
		return;
	kept[kept_count].device = about.st_dev;
	kept[kept_count++].number = about.st_ino;
}

static bool is_kept(const struct stat *about)
{
	for (unsigned i = 0; i < kept_count; i++)
		if (kept[i].device == about->st_dev && kept[i].number == about->st_ino)
			return true;
	return false;
}

/* Whoever has a disk image in use holds a lock. */
static bool in_use(int fd, const struct stat *about)
{
	if (!S_ISREG(about->st_mode) && !S_ISBLK(about->st_mode))
		return false;
	if (is_kept(about) || (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK))
		return true;
	flock(fd, LOCK_UN);
	return false;
}

int output_open(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666), error = 0;
	struct stat about;

	if (fd < 0)
		return -1;
	if (fstat(fd, &about))
		error = errno;
	else if (in_use(fd, &about))
		error = EBUSY;
	else if (S_ISREG(about.st_mode) && ftruncate(fd, 0))
		error = errno;
	if (!error)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

static FILE *stream(int fd)
{
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	int error = errno;

	if (!file && fd >= 0)
		close(fd);
	errno = error;
	return file;
}

FILE *output_file(const char *name)
{
	return stream(output_open(name));
}

const char *output_problem(int error)
{
	return error == EBUSY ? "it is a disk that is in use, or what this machine was made of" : strerror(error);
}

/* ---- In place of what is there --------------------------------------------------------------- */

/* With the rights of the old file, or those that a new one gets. */
static int open_beside(struct output *output, const struct stat *old)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	snprintf(output->temporary, sizeof(output->temporary), "%s.XXXXXX", output->name);
	fd = mkstemp(output->temporary);
	if (fd >= 0)
		fchmod(fd, old ? old->st_mode & 07777 : 0666 & ~mask);
	else
		*output->temporary = 0;
	return fd;
}

bool output_begin(struct output *output, const char *name)
{
	char *real = realpath(name, NULL);
	struct stat about;
	bool there = !stat(name, &about);
	size_t length = strlen(real ? real : name);
	int fd;

	memset(output, 0, sizeof(*output));
	if (length >= sizeof(output->name)) {
		free(real);
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(output->name, real ? real : name, length + 1);
	free(real);
	if (there && !S_ISREG(about.st_mode)) {
		fd = output_open(name);
	} else if (there && access(output->name, W_OK)) {
		return false;
	} else {
		fd = open_beside(output, there ? &about : NULL);
		/* a file may be written where none may be made */
		if (fd < 0 && there && (errno == EACCES || errno == EPERM))
			fd = output_open(name);
	}
	output->file = stream(fd);
	if (!output->file && *output->temporary)
		unlink(output->temporary);
	return output->file != NULL;
}

bool output_done(struct output *output, bool good)
{
	int error = errno;

	if (ferror(output->file) && good) {
		error = EIO;
		good = false;
	}
	/* What a full disk does not take is seen here at the latest. */
	if ((fflush(output->file) || (*output->temporary && fsync(fileno(output->file)))) && good) {
		error = errno;
		good = false;
	}
	if (fclose(output->file) && good) {
		error = errno;
		good = false;
	}
	if (good && *output->temporary && rename(output->temporary, output->name)) {
		error = errno;
		good = false;
	}
	if (!good && *output->temporary)
		unlink(output->temporary);
	errno = error;
	return good;
}
