/* The near end of every cable: the queue of frames for the guest, and the capture. */
#include "network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void captured(struct network *n, const uint8_t *frame, size_t count)
{
	if (!n->capture || capture_frame(n->capture, frame, count))
		return;
	fprintf(stderr, "clearbox: %s: %s; the capture ends here\n", n->capture_name, strerror(errno));
	fclose(n->capture);
	n->capture = NULL;
}

/* The guest sends.  The machine is in a run, and answers are best given soon. */
static void guest_sends(void *user, const uint8_t *frame, size_t count)
{
	struct network *n = user;

	captured(n, frame, count);
	n->kind->send(n, frame, count);
	if (n->count && n->machine)
		cbx_request_stop(n->machine);
}

bool network_is_full(const struct network *n)
{
	return n->count == NETWORK_QUEUE;
}

void network_arrived(struct network *n, const void *frame, size_t count)
{
	struct frame *to;

	if (network_is_full(n) || count < 14 || count > FRAME_MOST)
		return;
	to = &n->queue[(n->first + n->count++) % NETWORK_QUEUE];
	memcpy(to->bytes, frame, count);
	/* a sender fills short frames up */
	if (count < FRAME_LEAST) {
		memset(to->bytes + count, 0, FRAME_LEAST - count);
		count = FRAME_LEAST;
	}
	to->count = (uint16_t)count;
}

bool network_open(struct network *n, const struct nic_option *option, unsigned card)
{
	n->card = card;
	n->queue = calloc(NETWORK_QUEUE, sizeof(*n->queue));
	if (!n->queue) {
		fprintf(stderr, "clearbox: -nic: no memory; close other programs\n");
		return false;
	}
	if (*option->capture) {
		n->capture_name = option->capture;
		n->capture = capture_open(option->capture);
		if (!n->capture) {
			fprintf(stderr, "clearbox: -nic: capture=%s: %s; try another name\n",
				option->capture, strerror(errno));
			return false;
		}
	}
#ifdef HAVE_SLIRP
	n->kind = option->kind == NIC_USER ? &network_user : &network_socket;
#else
	n->kind = &network_socket;
#endif
	return n->kind->open(n, option);
}

void network_close(struct network *n)
{
	if (n->kind && n->end)
		n->kind->close(n);
	if (n->capture && fclose(n->capture))
		fprintf(stderr, "clearbox: %s: %s; the capture is not whole\n", n->capture_name,
			strerror(errno));
	free(n->queue);
	memset(n, 0, sizeof(*n));
}

struct cbx_card_options network_card(struct network *n, const struct nic_option *option)
{
	struct cbx_card_options card = {
		.kind = option->model,
		.port = option->port,
		.irq = option->irq,
		.network = { .send = guest_sends, .user = n },
	};

	memcpy(card.mac, option->mac, sizeof(card.mac));
	return card;
}

unsigned network_poll(struct network *n, struct pollfd *fds, uint64_t *wait)
{
	return n->kind ? n->kind->poll(n, fds, wait) : 0;
}

bool network_work(struct network *n)
{
	bool given = false;

	if (!n->kind)
		return false;
	n->kind->work(n);
	while (n->count && cbx_network_has_room(n->machine, n->card)) {
		const struct frame *frame = &n->queue[n->first];

		captured(n, frame->bytes, frame->count);
		/* One that the guest does not want is lost. */
		if (!cbx_network_receive(n->machine, n->card, frame->bytes, frame->count))
			given = true;
		n->first = (n->first + 1) % NETWORK_QUEUE;
		n->count--;
	}
	return given;
}
