/* Saved states made by hand: a header with right sums and the body, compressed.  For tests of damage inside. */
#ifndef TESTSUITE_SHARED_PACKED_STATE_H
#define TESTSUITE_SHARED_PACKED_STATE_H

#include <string.h>
#include <zlib.h>

#include "state.h"

enum { STATE_HEADER = 24 };

/* The length of what is in data, which has room bytes; it must be enough. */
static inline size_t pack_state(const uint8_t *body, size_t length, uint8_t *data, size_t room)
{
	uLongf size = (uLongf)(room - STATE_HEADER);
	struct hash hash;

	assert_int_equal(compress2(data + STATE_HEADER, &size, body, (uLong)length, 1), Z_OK);
	hash_begin(&hash);
	hash_block(&hash, body, length);
	memset(data, 0, STATE_HEADER);
	memcpy(data, "CLEARBOX\1", 9);
	put64(data + 16, hash_end(&hash));
	put32(data + 12, (uint32_t)crc32(crc32(0, NULL, 0), data + 16, (uInt)(size + 8)));
	return size + STATE_HEADER;
}

#endif
