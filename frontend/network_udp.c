/*
 * A cable between two processes: each datagram is a frame.  Others speak that, too (QEMU's
 * -netdev socket,udp=).  Neither end notices when the other comes or goes.
 */
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct udp_end {
	int fd;
};

static bool fail(const char *key, const char *address, const char *why, const char *advice)
{
	fprintf(stderr, "clearbox: -nic socket: %s=%s: %s; %s\n", key, address, why, advice);
	return false;
}

/* The addresses behind HOST:PORT or :PORT; NULL after a complaint. */
static struct addrinfo *find(const char *key, const char *text, int family)
{
	const struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_DGRAM };
	const char *colon = strrchr(text, ':');
	struct addrinfo *list = NULL;
	char host[sizeof(((struct nic_option *)0)->address)] = "127.0.0.1";
	int error;

	if (colon > text) {
		memcpy(host, text, (size_t)(colon - text));
		host[colon - text] = 0;
	}
	error = getaddrinfo(host, colon + 1, &hints, &list);
	if (!error)
		return list;
	fail(key, text, gai_strerror(error), "check host and port");
	return NULL;
}

static bool udp_open(struct network *network, const struct nic_option *option)
{
	struct udp_end *end = calloc(1, sizeof(*end));
	struct addrinfo *here, *there = NULL;
	int error = 0;

	if (!end)
		return fail("udp", option->address, "no memory", "close other programs");
	end->fd = -1;
	network->end = end;
	here = find("localaddr", option->local, AF_UNSPEC);
	if (here)
		there = find("udp", option->address, here->ai_family);
	if (there) {
		end->fd = socket(here->ai_family, SOCK_DGRAM, 0);
		if (end->fd < 0 || fcntl(end->fd, F_SETFL, O_NONBLOCK) ||
		    fcntl(end->fd, F_SETFD, FD_CLOEXEC) || bind(end->fd, here->ai_addr, here->ai_addrlen))
			error = errno;
	}
	if (error)
		fail("localaddr", option->local, strerror(error), "try another port");
	/* What anybody else sends is not for us. */
	else if (there && connect(end->fd, there->ai_addr, there->ai_addrlen)) {
		error = errno;
		fail("udp", option->address, strerror(error), "check host and port");
	}
	if (here)
		freeaddrinfo(here);
	if (there)
		freeaddrinfo(there);
	return there && !error;
}

static void udp_close(struct network *network)
{
	struct udp_end *end = network->end;

	if (end->fd >= 0)
		close(end->fd);
	free(end);
	network->end = NULL;
}

/* Errors tell that nobody is there at the moment. */
static void udp_send(struct network *network, const uint8_t *frame, size_t count)
{
	const struct udp_end *end = network->end;

	send(end->fd, frame, count, MSG_NOSIGNAL);
}

static unsigned udp_poll(struct network *network, struct pollfd *fds, uint64_t *wait)
{
	const struct udp_end *end = network->end;

	(void)wait;
	if (network_is_full(network))
		return 0;
	fds[0] = (struct pollfd){ .fd = end->fd, .events = POLLIN };
	return 1;
}

static void udp_work(struct network *network)
{
	const struct udp_end *end = network->end;
	uint8_t frame[FRAME_MOST + 1];

	/* An error is one about what was sent; there is one for each of those at most. */
	for (unsigned tries = 0; tries < NETWORK_QUEUE && !network_is_full(network); tries++) {
		ssize_t count = recv(end->fd, frame, sizeof(frame), MSG_TRUNC);

		if (count >= 0)
			network_arrived(network, frame, (size_t)count);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
	}
}

const struct network_kind network_udp = { udp_open, udp_close, udp_send, udp_poll, udp_work };
