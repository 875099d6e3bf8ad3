/*
 * The 8237A DMA pair with its page registers, seen from a peripheral.
 *
 * A peripheral owns a channel: it connects one transfer function, and raises and
 * lowers its request line (DRQ).  The controller serves requests from a timer event of
 * its own, never from inside dma_request, so a peripheral may change the line wherever
 * it likes, also from inside its transfer function.
 */
#ifndef DEVICES_DMA_H
#define DEVICES_DMA_H

#include <clearbox/device.h>

struct dma;

/* One DRQ/DACK pair, held by value.  number: 0-3 move bytes, 5-7 words.  dma NULL: unwired. */
struct dma_channel {
	struct dma *dma;
	unsigned number;
};

struct dma_peripheral {
	/*
	 * Moves up to count bytes (at least 1; even on channels 5-7).  to_device: bytes
	 * holds what comes from memory.  Else the function fills bytes for memory (also in
	 * verify mode, where memory is not written).  terminal_count: the last one of
	 * these count bytes comes with the TC signal; a function that moves fewer has not
	 * seen it.  Returns how many bytes moved; fewer than count means that the
	 * peripheral has no more for now, and should have lowered its request.
	 */
	size_t (*transfer)(void *user, uint8_t *bytes, size_t count, bool to_device,
			   bool terminal_count);
	void *user;
};

enum cbx_status dma_new(struct cbx_machine *machine, struct dma **dma);

/* Copied.  To be called while the machine is built. */
void dma_connect(struct dma_channel channel, const struct dma_peripheral *peripheral);

/* Sets the channel's DRQ line. */
void dma_request(struct dma_channel channel, bool level);

#endif
