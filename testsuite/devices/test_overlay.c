/* Disks whose writes stay in memory. */
#include "harness.h"

#include <clearbox/overlay.h>

#include "memory_disk.h"

enum { BYTES = 300 * 1024 + 700 };

static void agrees_with_a_copy(void **unused)
{
	struct memory_disk base;
	struct cbx_disk_backend backend, disk;
	struct cbx_overlay *overlay;
	uint8_t *before, *copy, *buffer;
	uint64_t seed = 1;

	(void)unused;
	memory_disk_new(&base, BYTES, 512);
	before = malloc(BYTES);
	copy = malloc(BYTES);
	buffer = malloc(BYTES);
	assert_non_null(before);
	assert_non_null(copy);
	assert_non_null(buffer);
	memcpy(before, base.bytes, BYTES);
	memcpy(copy, base.bytes, BYTES);
	backend = memory_disk_backend(&base);
	backend.read_only = true;
	assert_int_equal(cbx_overlay_new(&backend, NULL, &overlay, &disk), CBX_OK);
	assert_int_equal(disk.bytes, BYTES);
	assert_false(disk.read_only);
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t offset = fake_random(&seed) % BYTES;
		size_t count = (size_t)(fake_random(&seed) % 20000) >> (fake_random(&seed) & 15);

		if (count > BYTES - offset)
			count = (size_t)(BYTES - offset);
		if (i & 1) {
			memset(buffer, (int)(fake_random(&seed) & 0xff), count);
			memcpy(copy + offset, buffer, count);
			assert_int_equal(disk.write(disk.user, offset, buffer, count), CBX_OK);
		} else {
			assert_int_equal(disk.read(disk.user, offset, buffer, count), CBX_OK);
			assert_memory_equal(buffer, copy + offset, count);
		}
	}
	assert_int_equal(disk.flush(disk.user), CBX_OK);
	assert_int_equal(disk.read(disk.user, 0, buffer, BYTES), CBX_OK);
	assert_memory_equal(buffer, copy, BYTES);
	/* The base was never touched. */
	assert_int_equal(base.writes + base.flushes, 0);
	assert_memory_equal(base.bytes, before, BYTES);
	cbx_overlay_discard(overlay);
	assert_int_equal(cbx_overlay_bytes(overlay), 0);
	assert_int_equal(disk.read(disk.user, 0, buffer, BYTES), CBX_OK);
	assert_memory_equal(buffer, before, BYTES);
	/* Outside. */
	assert_int_equal(disk.read(disk.user, BYTES, buffer, 1), CBX_ERROR_ARGUMENT);
	assert_int_equal(disk.write(disk.user, BYTES - 1, buffer, 2), CBX_ERROR_ARGUMENT);
	assert_int_equal(disk.write(disk.user, UINT64_MAX, buffer, 2), CBX_ERROR_ARGUMENT);
	assert_int_equal(disk.write(disk.user, BYTES, buffer, 0), CBX_OK);
	cbx_overlay_free(overlay);
	cbx_overlay_free(NULL);
	free(before);
	free(copy);
	free(buffer);
	memory_disk_free(&base);
}

static void limit(void **unused)
{
	struct cbx_overlay_options options = { .size = sizeof(options), .limit_bytes = 10000 };
	struct memory_disk base;
	struct cbx_disk_backend backend, disk;
	struct cbx_overlay *overlay;
	uint8_t bytes[512] = { 0x5a };

	(void)unused;
	memory_disk_new(&base, BYTES, 512);
	backend = memory_disk_backend(&base);
	assert_int_equal(cbx_overlay_new(&backend, &options, &overlay, &disk), CBX_OK);
	assert_int_equal(disk.write(disk.user, 0, bytes, 512), CBX_OK);
	assert_int_equal(disk.write(disk.user, 8192, bytes, 512), CBX_OK);
	assert_int_equal(disk.write(disk.user, 16384, bytes, 512), CBX_ERROR_LIMIT);
	assert_int_equal(disk.write(disk.user, 1024, bytes, 512), CBX_OK);
	assert_int_equal(cbx_overlay_bytes(overlay), 8192);
	/* What failed changed nothing. */
	assert_int_equal(disk.read(disk.user, 16384, bytes, 512), CBX_OK);
	assert_memory_equal(bytes, base.bytes + 16384, 512);
	/* A base that cannot be read fails the write of part of a block, not of all of it. */
	cbx_overlay_discard(overlay);
	base.bad_to = 4096;
	assert_int_equal(disk.write(disk.user, 0, bytes, 512), CBX_ERROR_IO);
	assert_int_equal(disk.read(disk.user, 0, bytes, 512), CBX_ERROR_IO);
	assert_int_equal(disk.write(disk.user, 0, base.bytes, 4096), CBX_OK);
	assert_int_equal(disk.read(disk.user, 0, bytes, 512), CBX_OK);
	cbx_overlay_free(overlay);
	options.size = 1;
	assert_int_equal(cbx_overlay_new(&backend, &options, &overlay, &disk), CBX_ERROR_ARGUMENT);
	backend.read = NULL;
	assert_int_equal(cbx_overlay_new(&backend, NULL, &overlay, &disk), CBX_ERROR_ARGUMENT);
	memory_disk_free(&base);
}

struct counter {
	unsigned left, alive;
};

static void *counted(void *user, void *memory, size_t size)
{
	struct counter *counter = user;

	if (!size) {
		counter->alive--;
		free(memory);
		return NULL;
	}
	if (!counter->left)
		return NULL;
	counter->left--;
	counter->alive++;
	return malloc(size);
}

/* Every allocation fails once; nothing leaks and nothing is lost. */
static void failing_memory(void **unused)
{
	struct memory_disk base;
	struct cbx_disk_backend backend, disk;

	(void)unused;
	memory_disk_new(&base, BYTES, 512);
	backend = memory_disk_backend(&base);
	for (unsigned left = 0; left < 90; left++) {
		struct counter counter = { left, 0 };
		struct cbx_overlay_options options = {
			.size = sizeof(options), .reallocate = counted, .user = &counter
		};
		struct cbx_overlay *overlay;
		unsigned written = 0;

		if (cbx_overlay_new(&backend, &options, &overlay, &disk) != CBX_OK) {
			assert_int_equal(counter.alive, 0);
			continue;
		}
		for (unsigned i = 0; i < 70; i++) {
			uint8_t bytes[100];

			memset(bytes, (int)i, sizeof(bytes));
			if (disk.write(disk.user, i * 4096, bytes, sizeof(bytes)) != CBX_OK)
				break;
			written++;
		}
		for (unsigned i = 0; i < written; i++) {
			uint8_t byte;

			assert_int_equal(disk.read(disk.user, i * 4096 + 99, &byte, 1), CBX_OK);
			assert_int_equal(byte, i);
		}
		cbx_overlay_free(overlay);
		assert_int_equal(counter.alive, 0);
	}
	memory_disk_free(&base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_copy),
		cmocka_unit_test(limit),
		cmocka_unit_test(failing_memory)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
