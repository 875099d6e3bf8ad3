/*
 * Disk images: raw files and block devices.  Nothing of a file is believed: it may
 * shrink while it is in use, and what it is not (a folder, a compressed image, another
 * emulator's format) is said when it is opened.
 */
#include "disk_file.h"
#include "complain.h"
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(const char *name, const char *why, const char *advice)
{
	complain("%s: %s; %s", name, why, advice);
	return false;
}

/* ---- The backend -------------------------------------------------------------------- */

static enum cbx_status disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	struct disk_file *disk = user;
	uint8_t *to = bytes;

	disk->accesses++;
	while (count) {
		ssize_t n = pread(disk->fd, to, count, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (n == 0 && offset < disk->bytes))
			return CBX_ERROR_IO;    /* unreadable, or it has shrunk */
		if (n == 0) {
			memset(to, 0, count);   /* the medium is larger than the file */
			break;
		}
		to += n;
		offset += (uint64_t)n;
		count -= (size_t)n;
	}
	return CBX_OK;
}

static enum cbx_status disk_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	struct disk_file *disk = user;
	const uint8_t *from = bytes;

	disk->accesses++;
	while (count) {
		ssize_t n = pwrite(disk->fd, from, count, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return CBX_ERROR_IO;
		from += n;
		offset += (uint64_t)n;
		count -= (size_t)n;
		if (offset > disk->bytes)
			disk->bytes = offset;
	}
	return CBX_OK;
}

static enum cbx_status disk_flush(void *user)
{
	struct disk_file *disk = user;

	return fdatasync(disk->fd) && errno != EINVAL && errno != EROFS ? CBX_ERROR_IO : CBX_OK;
}

/* ---- What is it? ------------------------------------------------------------------------ */

/* 1600 to 1743 KiB: more sectors and cylinders on a disk of 1440. */
static const uint64_t floppy_sizes[] = {
	160 << 10, 180 << 10, 320 << 10, 360 << 10, 720 << 10, 1200 << 10, 1440 << 10, 1600 << 10,
	1680 << 10, 1722 << 10, 1743 << 10, 2880 << 10
};

static const uint64_t disc_most = UINT64_C(128) << 30;

/* Formats that are not disks byte by byte. */
static bool check_format(const char *name, const uint8_t *head, size_t count)
{
	static const struct {
		unsigned offset, length;
		const char *magic, *what, *advice;
	} formats[] = {
		{ 0, 4, "QFI\xfb", "is a qcow2 image, and only raw ones can be used",
		  "try: qemu-img convert -O raw IMAGE disk.img" },
		{ 0, 4, "KDMV", "is a VMDK image, and only raw ones can be used",
		  "try: qemu-img convert -O raw IMAGE disk.img" },
		{ 0, 8, "conectix", "is a VHD image, and only raw ones can be used",
		  "try: qemu-img convert -O raw IMAGE disk.img" },
		{ 0, 8, "vhdxfile", "is a VHDX image, and only raw ones can be used",
		  "try: qemu-img convert -O raw IMAGE disk.img" },
		{ 0x40, 4, "\x7f\x10\xda\xbe", "is a VDI image, and only raw ones can be used",
		  "try: qemu-img convert -O raw IMAGE disk.img" },
		{ 0, 3, "\x1f\x8b\x08", "is compressed", "try: gunzip IMAGE" },
		{ 0, 6, "\xfd" "7zXZ\0", "is compressed", "try: unxz IMAGE" },
		{ 0, 4, "\x28\xb5\x2f\xfd", "is compressed", "try: unzstd IMAGE" },
		{ 0, 3, "BZh", "is compressed", "try: bunzip2 IMAGE" },
		{ 0, 4, "PK\x03\x04", "is a zip archive", "try: unzip IMAGE" },
		{ 0, 4, "\x7f" "ELF", "is an ELF program and no disk", "if it is a kernel, try -kernel" },
		{ 0x202, 4, "HdrS", "is a Linux kernel and no disk", "try -kernel" },
	};

	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].offset + formats[i].length <= count &&
		    !memcmp(head + formats[i].offset, formats[i].magic, formats[i].length))
			return fail(name, formats[i].what, formats[i].advice);
	return true;
}

static bool device_size(int fd, uint64_t *bytes)
{
	off_t end = lseek(fd, 0, SEEK_END);

	*bytes = end > 0 ? (uint64_t)end : 0;
	return *bytes != 0;
}

static bool check_size(struct disk_file *disk, enum disk_kind kind)
{
	const char *name = disk->name;
	uint64_t bytes = disk->bytes;

	if (!bytes)
		return fail(name, "it is empty", kind == DISK_HARD ?
			    "to make an empty disk of 100 MiB: truncate -s 100M FILE" :
			    "is this the right file?");
	switch (kind) {
	case DISK_FLOPPY:
		for (unsigned i = 0; i < sizeof(floppy_sizes) / sizeof(floppy_sizes[0]); i++) {
			if (bytes <= floppy_sizes[i]) {
				disk->backend.bytes = floppy_sizes[i];
				return true;
			}
		}
		return fail(name, "it is larger than any floppy (2880 KiB)", "try -hda or -cdrom");
	case DISK_CD:
		if (bytes > disc_most)
			return fail(name, "it is larger than any CD, DVD or Blu-ray disc (128 GB)", "try -hda");
		disk->backend.bytes = (bytes + 2047) / 2048 * 2048;
		return true;
	default:
		if (bytes % 512)
			return fail(name, "its size is not a multiple of 512 bytes, so it is no whole disk",
				    "was it copied completely? To pad it: truncate -s %512 FILE");
		disk->backend.bytes = bytes;
		return true;
	}
}

/* Two machines that write to one image would destroy it. */
static bool lock(const struct disk_file *disk)
{
	int kind = disk->backend.read_only ? LOCK_SH : LOCK_EX;

	if (flock(disk->fd, kind | LOCK_NB) && errno == EWOULDBLOCK)
		return fail(disk->name, "another clearbox, or another drive, is using it",
			    "end that one, or try -snapshot for both");
	return true;
}

static bool open_it(struct disk_file *disk, enum disk_kind kind, bool protect)
{
	struct stat about = { 0 };
	uint8_t head[1024] = { 0 };
	ssize_t count;

	disk->backend.read_only = protect || kind == DISK_CD;
	/* First so that a pipe or a missing file does nothing surprising. */
	if (stat(disk->name, &about))
		return fail(disk->name, strerror(errno), errno == ENOENT ?
			    "is the name right?" : "check the rights of its folders");
	if (S_ISDIR(about.st_mode))
		return fail(disk->name, "it is a folder", "give a disk image, a file");
	if (!S_ISREG(about.st_mode) && !S_ISBLK(about.st_mode))
		return fail(disk->name, "it is neither a file nor a block device",
			    "give a disk image");
	disk->fd = open(disk->name, (disk->backend.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (disk->fd < 0 && kind == DISK_FLOPPY && !disk->backend.read_only) {
		disk->fd = open(disk->name, O_RDONLY | O_CLOEXEC);
		disk->backend.read_only = true; /* as with the tab on the floppy */
	}
	if (disk->fd < 0) {
		int reason = errno;

		if (!disk->backend.read_only && !access(disk->name, R_OK))
			return fail(disk->name, "it cannot be written to",
				    "try -snapshot, which keeps changes in memory");
		return fail(disk->name, strerror(reason), "check its rights");
	}
	if (S_ISBLK(about.st_mode)) {
		if (!device_size(disk->fd, &disk->bytes))
			return fail(disk->name, "its size cannot be found", "is there a medium?");
	} else {
		disk->bytes = (uint64_t)about.st_size;
	}
	count = pread(disk->fd, head, sizeof(head), 0);
	if (count < 0)
		return fail(disk->name, strerror(errno), "check the host's disk");
	return check_size(disk, kind) && check_format(disk->name, head, (size_t)count) && lock(disk);
}

bool disk_file_open(struct disk_file *disk, const char *name, enum disk_kind kind, bool protect)
{
	memset(disk, 0, sizeof(*disk));
	disk->name = name;
	disk->fd = -1;
	if (!open_it(disk, kind, protect)) {
		disk_file_close(disk);
		return false;
	}
	disk->backend.read = disk_read;
	disk->backend.write = disk->backend.read_only ? NULL : disk_write;
	disk->backend.flush = disk->backend.read_only ? NULL : disk_flush;
	disk->backend.user = disk;
	return true;
}

void disk_file_close(struct disk_file *disk)
{
	if (disk->fd >= 0)
		close(disk->fd);
	disk->fd = -1;
}

enum disk_kind disk_file_guess(const char *name)
{
	size_t length = strlen(name);
	enum disk_kind kind = DISK_HARD;
	uint8_t bytes[512];
	struct stat about = { 0 };
	int fd;

	if (length > 4 && !strcasecmp(name + length - 4, ".iso"))
		return DISK_CD;
	if (stat(name, &about) || !S_ISREG(about.st_mode))
		return kind;
	for (unsigned i = 0; i < sizeof(floppy_sizes) / sizeof(floppy_sizes[0]); i++)
		if ((uint64_t)about.st_size == floppy_sizes[i])
			return DISK_FLOPPY;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return kind;
	/* An ISO 9660 volume that is not made to be a disk too. */
	if (pread(fd, bytes, 6, 0x8000) == 6 && !memcmp(bytes + 1, "CD001", 5) &&
	    pread(fd, bytes, 512, 0) == 512 && (bytes[510] != 0x55 || bytes[511] != 0xaa))
		kind = DISK_CD;
	close(fd);
	return kind;
}

void *file_load(const char *option, const char *name, uint64_t limit, const char *advice,
		size_t *size)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat about = { 0 };
	size_t have = 0;
	uint8_t *bytes;

	if (fd < 0 || fstat(fd, &about)) {
		complain("-%s %s: %s; is the name right?", option, name,
			strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	bytes = NULL;
	if (!S_ISREG(about.st_mode))
		complain("-%s %s: it is no file; give a file", option, name);
	else if (!about.st_size)
		complain("-%s %s: it is empty; is this the right file?", option,
			name);
	else if ((uint64_t)about.st_size > limit)
		complain("-%s %s: it is larger than %llu KiB; %s", option, name,
			(unsigned long long)(limit >> 10), advice);
	else if (!(bytes = malloc((size_t)about.st_size)))
		complain("-%s %s: no memory for it; close other programs", option,
			name);
	while (bytes && have < (size_t)about.st_size) {
		ssize_t n = read(fd, bytes + have, (size_t)about.st_size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			complain("-%s %s: %s; check the host's disk", option, name,
				n ? strerror(errno) : "it has become shorter");
			free(bytes);
			bytes = NULL;
			break;
		}
		have += (size_t)n;
	}
	*size = have;
	close(fd);
	output_keep(name);
	return bytes;
}
