/* Disks that are bytes in memory and nothing else: read and write of a struct cbx_disk_backend, user the bytes. */
#ifndef TESTSUITE_SHARED_BYTES_DISK_H
#define TESTSUITE_SHARED_BYTES_DISK_H

#include <string.h>

#include <clearbox/backend.h>

static inline enum cbx_status bytes_disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	memcpy(bytes, (uint8_t *)user + offset, count);
	return CBX_OK;
}

static inline enum cbx_status bytes_disk_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	memcpy((uint8_t *)user + offset, bytes, count);
	return CBX_OK;
}

#endif
