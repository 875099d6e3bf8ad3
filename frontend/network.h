/*
 * Networks: what the cable of a card leads to on the host.  Everything happens on the
 * thread that runs the machine: frames from the guest come in a callback, those for it
 * wait in a queue until the machine is between runs.
 */
#ifndef FRONTEND_NETWORK_H
#define FRONTEND_NETWORK_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <clearbox/machine.h>
#include <clearbox/pc.h>

#include "network_options.h"

enum { FRAME_LEAST = 60, FRAME_MOST = 1514, NETWORK_QUEUE = 256, NETWORK_POLL_MAX = 128 };

struct network;

/* A kind of far end. */
struct network_kind {
	/* Complains on standard error and returns false if it cannot be. */
	bool (*open)(struct network *network, const struct nic_option *option);
	void (*close)(struct network *network);
	void (*send)(struct network *network, const uint8_t *frame, size_t count);
	/* Adds at most NETWORK_POLL_MAX; *wait (ns) may be made shorter. */
	unsigned (*poll)(struct network *network, struct pollfd *fds, uint64_t *wait);
	/* Does what there is to do now, without waiting. */
	void (*work)(struct network *network);
};

extern const struct network_kind network_user, network_socket, network_udp, network_tap;

struct frame {
	uint16_t count;
	uint8_t bytes[FRAME_MOST];
};

struct network {
	const struct network_kind *kind;        /* NULL: there is no such card */
	void *end;                      /* its own */
	struct cbx_machine *machine;    /* NULL: not made yet */
	unsigned card;
	FILE *capture;
	const char *capture_name;
	unsigned first, count;          /* of the queue */
	struct frame *queue;            /* NETWORK_QUEUE of them */
	uint64_t frames;                /* both ways, so far */
	bool urgent;                    /* something in the queue is no mere acknowledgement */
	unsigned acknowledged;          /* acknowledgements since the guest got something */
	uint64_t given;                 /* guest time up to which the wire was busy */
};

bool network_open(struct network *network, const struct nic_option *option, unsigned card);
void network_close(struct network *network);
/* What the machine is given. */
struct cbx_card_options network_card(struct network *network, const struct nic_option *option);
unsigned network_poll(struct network *network, struct pollfd *fds, uint64_t *wait);
/* Between runs, idle: the guest is halted.  True if it got something. */
bool network_work(struct network *network, bool idle);

/* For kinds: a frame for the guest.  What does not fit is lost, as on a wire. */
void network_arrived(struct network *network, const void *frame, size_t count);
/*
 * The same where a TCP acknowledgement may take the place of an earlier one, and may wait until the
 * guest has nothing to do: each that it gets costs it as much work as sending the segment did.
 */
void network_arrived_lazily(struct network *network, const void *frame, size_t count);
bool network_is_full(const struct network *network);

/* ---- Captures: pcap files ------------------------------------------------- */

FILE *capture_open(const char *name);
/* False, and errno, when it cannot be written. */
bool capture_frame(FILE *capture, const uint8_t *frame, size_t count);

#endif
