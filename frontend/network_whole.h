/* IPv4 fragments put together again. */
#ifndef FRONTEND_NETWORK_WHOLE_H
#define FRONTEND_NETWORK_WHOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHOLE_MOST = 14 + 65535, WHOLE_PACKETS = 4 };

struct whole_packet {
	size_t count;                   /* bytes so far, of frame and all; 0: free */
	uint8_t frame[WHOLE_MOST];
};

struct whole {
	unsigned next;                  /* to be replaced */
	struct whole_packet packets[WHOLE_PACKETS];
};

/*
 * Takes a frame; returns it, or the packet that it completes as one frame, of *count bytes; NULL when
 * there is nothing to pass on: a fragment that is not the last, or an IPv4 packet that is malformed.
 * What is returned is good until the next call.
 */
const uint8_t *whole_take(struct whole *whole, const uint8_t *frame, size_t *count);

#endif
