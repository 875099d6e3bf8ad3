/*
 * A cable between two processes: a stream over a Unix or TCP socket in which each frame
 * follows its length, four bytes, the highest first.  Others speak that, too (QEMU's
 * -netdev socket).  Frames sent while nobody is there, or faster than they are taken, are
 * lost, as on a wire.
 */
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFER = 1 << 16, LENGTH_BYTES = 4 };

struct socket_end {
	int listener, peer;             /* -1: none */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* to be removed at the end */
	size_t in_count, out_count;
	uint8_t in[BUFFER], out[BUFFER];
};

static bool fail(const struct nic_option *option, const char *why, const char *advice)
{
	fprintf(stderr, "clearbox: -nic socket: %s=%s: %s; %s\n", option->listen ? "listen" : "connect",
		option->address, why, advice);
	return false;
}

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void hang_up(struct socket_end *end)
{
	if (end->peer >= 0)
		close(end->peer);
	end->peer = -1;
	end->in_count = end->out_count = 0;
}

/* ---- Frames ------------------------------------------------- */

static void flush(struct socket_end *end)
{
	ssize_t count;

	while (end->peer >= 0 && end->out_count) {
		count = send(end->peer, end->out, end->out_count, MSG_NOSIGNAL);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (count < 0) {
			hang_up(end);
			return;
		}
		end->out_count -= (size_t)count;
		memmove(end->out, end->out + count, end->out_count);
	}
}

static void socket_send(struct network *network, const uint8_t *frame, size_t count)
{
	struct socket_end *end = network->end;
	uint8_t *to = end->out + end->out_count;

	if (end->peer < 0 || BUFFER - end->out_count < count + LENGTH_BYTES)
		return;
	to[0] = to[1] = 0;
	to[2] = (uint8_t)(count >> 8);
	to[3] = (uint8_t)count;
	memcpy(to + LENGTH_BYTES, frame, count);
	end->out_count += count + LENGTH_BYTES;
	flush(end);
}

/* Takes whole frames out of what was read.  False: the peer does not speak this. */
static bool take_frames(struct network *network)
{
	struct socket_end *end = network->end;
	size_t at = 0;

	while (end->in_count - at >= LENGTH_BYTES && !network_is_full(network)) {
		const uint8_t *from = end->in + at;
		uint32_t length = (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 |
				  (uint32_t)from[2] << 8 | from[3];

		if (length > BUFFER - LENGTH_BYTES)
			return false;
		if (end->in_count - at < LENGTH_BYTES + length)
			break;
		network_arrived(network, from + LENGTH_BYTES, length);
		at += LENGTH_BYTES + length;
	}
	end->in_count -= at;
	memmove(end->in, end->in + at, end->in_count);
	return true;
}

static void receive(struct network *network)
{
	struct socket_end *end = network->end;

	while (end->peer >= 0) {
		ssize_t count;

		if (!take_frames(network)) {
			fprintf(stderr, "clearbox: -nic socket: what came has a length that no frame "
				"has, and the cable is cut; the other end must be a clearbox, or a "
				"QEMU with -netdev socket\n");
			hang_up(end);
			return;
		}
		if (network_is_full(network) || end->in_count == BUFFER)
			return;
		count = recv(end->peer, end->in + end->in_count, BUFFER - end->in_count, 0);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (count <= 0)
			hang_up(end);
		else
			end->in_count += (size_t)count;
	}
}

static unsigned socket_poll(struct network *network, struct pollfd *fds, uint64_t *wait)
{
	const struct socket_end *end = network->end;
	short events = network_is_full(network) ? 0 : POLLIN;

	(void)wait;
	if (end->peer < 0 && end->listener < 0)
		return 0;
	fds[0] = (struct pollfd){ .fd = end->listener, .events = POLLIN };
	if (end->peer >= 0) {
		fds[0].fd = end->peer;
		fds[0].events = (short)(events | (end->out_count ? POLLOUT : 0));
	}
	return 1;
}

static void socket_work(struct network *network)
{
	struct socket_end *end = network->end;

	if (end->peer < 0 && end->listener >= 0) {
		end->peer = accept(end->listener, NULL, NULL);
		if (end->peer >= 0)
			set_nonblocking(end->peer);
	}
	flush(end);
	receive(network);
}

/* ---- Its beginning and end ------------------------------------------------- */

static void socket_close(struct network *network)
{
	struct socket_end *end = network->end;

	hang_up(end);
	if (end->listener >= 0)
		close(end->listener);
	if (*end->path)
		unlink(end->path);
	free(end);
	network->end = NULL;
}

static bool use(struct socket_end *end, const struct nic_option *option, int fd,
		const struct sockaddr *address, socklen_t size)
{
	if (option->listen ? bind(fd, address, size) || listen(fd, 1) : connect(fd, address, size))
		return false;
	set_nonblocking(fd);
	*(option->listen ? &end->listener : &end->peer) = fd;
	return true;
}

static bool open_unix(struct socket_end *end, const struct nic_option *option)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), error;

	memcpy(address.sun_path, option->address, strlen(option->address) + 1);
	if (fd >= 0 && use(end, option, fd, (struct sockaddr *)&address, sizeof(address))) {
		if (option->listen)
			memcpy(end->path, address.sun_path, sizeof(end->path));
		return true;
	}
	error = errno;
	if (fd >= 0)
		close(fd);
	return fail(option, strerror(error), !option->listen ? "start the other end first, with listen=" :
		    error == ENOENT ? "make the folder first" : "remove it, or try another path");
}

static bool open_tcp(struct socket_end *end, const struct nic_option *option)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(option->address, ':');
	struct addrinfo *list = NULL;
	char host[sizeof(option->address)] = "127.0.0.1";
	int error, fd = -1, one = 1;
	bool done = false;

	if (colon > option->address) {
		memcpy(host, option->address, (size_t)(colon - option->address));
		host[colon - option->address] = 0;
	}
	error = getaddrinfo(host, colon + 1, &hints, &list);
	if (error)
		return fail(option, gai_strerror(error), "check host and port");
	for (const struct addrinfo *a = list; a && !done; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		done = use(end, option, fd, a->ai_addr, a->ai_addrlen);
		error = errno;
		if (!done)
			close(fd);
	}
	freeaddrinfo(list);
	if (done)
		return true;
	return fail(option, strerror(error), option->listen ? "try another port" :
		    "start the other end first, with listen=");
}

static bool socket_open(struct network *network, const struct nic_option *option)
{
	struct socket_end *end = calloc(1, sizeof(*end));

	if (!end)
		return fail(option, "no memory", "close other programs");
	end->listener = end->peer = -1;
	network->end = end;
	return strchr(option->address, '/') ? open_unix(end, option) : open_tcp(end, option);
}

const struct network_kind network_socket = {
	socket_open, socket_close, socket_send, socket_poll, socket_work
};
