/* A disk in memory for tests, with a place where access fails. */
#ifndef TESTSUITE_DEVICES_MEMORY_DISK_H
#define TESTSUITE_DEVICES_MEMORY_DISK_H

#include <stdlib.h>

#include <clearbox/backend.h>

struct memory_disk {
	uint8_t *bytes;
	uint64_t size;
	uint64_t bad_from, bad_to;      /* accesses that touch these bytes fail; equal: none */
	unsigned reads, writes, flushes;
	bool flush_fails;
};

static bool memory_disk_fails(const struct memory_disk *disk, uint64_t offset, size_t count)
{
	/* The contract: never beyond the end. */
	assert_true(offset <= disk->size && count <= disk->size - offset);
	return offset < disk->bad_to && offset + count > disk->bad_from;
}

static enum cbx_status memory_disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	struct memory_disk *disk = user;

	disk->reads++;
	if (memory_disk_fails(disk, offset, count))
		return CBX_ERROR_IO;
	memcpy(bytes, disk->bytes + offset, count);
	return CBX_OK;
}

static enum cbx_status memory_disk_write(void *user, uint64_t offset, const void *bytes,
					 size_t count)
{
	struct memory_disk *disk = user;

	disk->writes++;
	if (memory_disk_fails(disk, offset, count))
		return CBX_ERROR_IO;
	memcpy(disk->bytes + offset, bytes, count);
	return CBX_OK;
}

static enum cbx_status memory_disk_flush(void *user)
{
	struct memory_disk *disk = user;

	disk->flushes++;
	return disk->flush_fails ? CBX_ERROR_IO : CBX_OK;
}

/* Every sector of sector_bytes begins with its number, and each byte tells its place. */
static void memory_disk_new(struct memory_disk *disk, uint64_t size, unsigned sector_bytes)
{
	*disk = (struct memory_disk){ .size = size };
	disk->bytes = malloc((size_t)size + 1);
	assert_non_null(disk->bytes);
	for (uint64_t i = 0; i < size; i++) {
		uint64_t sector = i / sector_bytes, at = i % sector_bytes;

		disk->bytes[i] = (uint8_t)(at < 4 ? sector >> (8 * at) : sector * 7 + at * 3);
	}
}

static void memory_disk_free(struct memory_disk *disk)
{
	free(disk->bytes);
}

static struct cbx_disk_backend memory_disk_backend(struct memory_disk *disk)
{
	return (struct cbx_disk_backend){
		.bytes = disk->size,
		.read = memory_disk_read,
		.write = memory_disk_write,
		.flush = memory_disk_flush,
		.user = disk
	};
}

#endif
