/* The near end of every cable: the queue of frames for the guest, and the capture. */
#include "network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output_file.h"

/* Segments; less than what fits into a window. */
enum { ACKNOWLEDGED_MOST = 32 };
enum { FRAME_NANOSECONDS = 120000, BURST_NANOSECONDS = 480000, PATIENCE_NANOSECONDS = 10000000 };

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

	n->frames++;
	captured(n, frame, count);
	n->kind->send(n, frame, count);
	if (n->count && n->machine && (n->urgent || n->acknowledged >= ACKNOWLEDGED_MOST))
		cbx_request_stop(n->machine);
}

bool network_is_full(const struct network *n)
{
	return n->count == NETWORK_QUEUE;
}

/* Ethernet, IPv4 and TCP headers without options, no data, and no flag but ACK. */
static bool is_acknowledgement(const uint8_t *frame, size_t count)
{
	return count >= 54 && frame[12] == 0x08 && frame[13] == 0x00 && frame[14] == 0x45 &&
	       frame[16] == 0 && frame[17] == 40 && frame[23] == 6 && frame[46] == 0x50 && frame[47] == 0x10;
}

/* Two acknowledgements: of the same connection, and not of the same byte. */
static bool replaces(const uint8_t *later, const uint8_t *earlier)
{
	return !memcmp(later, earlier, 12) && !memcmp(later + 26, earlier + 26, 12) &&
	       memcmp(later + 42, earlier + 42, 4);
}

void network_arrived_lazily(struct network *n, const void *frame, size_t count)
{
	struct frame *last = &n->queue[(n->first + n->count + NETWORK_QUEUE - 1) % NETWORK_QUEUE];
	bool urgent = n->urgent;

	if (!is_acknowledgement(frame, count)) {
		network_arrived(n, frame, count);
		return;
	}
	n->acknowledged++;
	if (n->count && is_acknowledgement(last->bytes, last->count) && replaces(frame, last->bytes)) {
		memcpy(last->bytes, frame, 54);
		return;
	}
	network_arrived(n, frame, count);
	n->urgent = urgent;
}

void network_arrived(struct network *n, const void *frame, size_t count)
{
	struct frame *to;

	if (network_is_full(n) || count < 14 || count > FRAME_MOST)
		return;
	n->frames++;
	n->urgent = true;
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
				option->capture, output_problem(errno));
			return false;
		}
	}
	n->kind = option->udp ? &network_udp : &network_socket;
#ifdef HAVE_SLIRP
	if (option->kind == NIC_USER)
		n->kind = &network_user;
#endif
#ifdef HAVE_TAP
	if (option->kind == NIC_TAP)
		n->kind = &network_tap;
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

/*
 * Whether the first frame of the queue is given now.  While the guest is at work they come no
 * faster than FRAME_NANOSECONDS, or a driver that takes a limited number of frames for an
 * interrupt finds its ring full whenever it has done so.  When there is no room, a wire would not
 * wait: the guest loses a frame and learns by that to look into its ring.  So it is here, but only
 * if it does not look by itself.
 */
static bool is_time(struct network *n, bool idle)
{
	uint64_t now = cbx_guest_time(n->machine);

	/* The guest was set back in time: a state was loaded, or its history. */
	if (n->given > now + PATIENCE_NANOSECONDS)
		n->given = now;
	if (cbx_network_has_room(n->machine, n->card)) {
		if (!idle && now < n->given)
			return false;
		n->given = (n->given + BURST_NANOSECONDS < now ? now - BURST_NANOSECONDS : n->given) +
			   FRAME_NANOSECONDS;
		return true;
	}
	if (!idle && now < n->given + PATIENCE_NANOSECONDS)
		return false;
	n->given = now;
	return true;
}

bool network_work(struct network *n, bool idle)
{
	bool given = false;

	if (!n->kind)
		return false;
	n->kind->work(n);
	while (n->count && is_time(n, idle && !given)) {
		const struct frame *frame = &n->queue[n->first];

		captured(n, frame->bytes, frame->count);
		/* One that there is no room for wakes the guest, too. */
		cbx_network_receive(n->machine, n->card, frame->bytes, frame->count);
		given = true;
		n->first = (n->first + 1) % NETWORK_QUEUE;
		n->count--;
		n->acknowledged = 0;
	}
	if (!n->count)
		n->urgent = false;
	return given;
}
