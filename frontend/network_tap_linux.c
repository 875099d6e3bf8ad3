/*
 * A network interface of the host's (tap; Linux's Documentation/networking/tuntap.rst): what the
 * guest sends arrives on it, as from a cable, and what the host sends there reaches the guest.
 */
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct tap_end {
	int fd;
	bool gone;                      /* the interface was removed, and it was said */
};

static bool fail(const struct nic_option *option, const char *why, const char *advice)
{
	fprintf(stderr, "clearbox: -nic tap%s%s: %s; %s\n", *option->interface ? ",ifname=" : "",
		option->interface, why, advice);
	return false;
}

static bool fail_with(const struct nic_option *option, int error)
{
	const char *name = *option->interface ? option->interface : "tap0";
	char advice[160];

	switch (error) {
	case EPERM:
	case EACCES:
		snprintf(advice, sizeof(advice), "as root, make one that is yours: ip tuntap add dev %s "
			 "mode tap user $USER; ip link set %s up; or try -nic user", name, name);
		break;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		snprintf(advice, sizeof(advice), "this host has no /dev/net/tun: modprobe tun, or try "
			 "-nic user");
		break;
	case EBUSY:
		snprintf(advice, sizeof(advice), "another program has it: end that, or try another "
			 "interface");
		break;
	case EINVAL:
		snprintf(advice, sizeof(advice), "that is an interface of another kind; try ifname=tap%u",
			 7u);
		break;
	default:
		snprintf(advice, sizeof(advice), "try another interface, or -nic user");
		break;
	}
	return fail(option, strerror(error), advice);
}

static bool tap_open(struct network *network, const struct nic_option *option)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct tap_end *end = calloc(1, sizeof(*end));
	int error;

	if (!end)
		return fail(option, "no memory", "close other programs");
	network->end = end;
	end->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (end->fd < 0)
		return fail_with(option, errno);
	memcpy(request.ifr_name, option->interface, sizeof(request.ifr_name));
	if (!ioctl(end->fd, TUNSETIFF, &request))
		return true;
	error = errno;
	close(end->fd);
	end->fd = -1;
	return fail_with(option, error);
}

static void tap_close(struct network *network)
{
	struct tap_end *end = network->end;

	if (end->fd >= 0)
		close(end->fd);
	free(end);
	network->end = NULL;
}

/* An interface that is down takes nothing, and one whose queue is full neither: as on a wire. */
static void tap_send(struct network *network, const uint8_t *frame, size_t count)
{
	const struct tap_end *end = network->end;

	while (write(end->fd, frame, count) < 0 && errno == EINTR)
		continue;
}

static unsigned tap_poll(struct network *network, struct pollfd *fds, uint64_t *wait)
{
	const struct tap_end *end = network->end;

	(void)wait;
	if (network_is_full(network) || end->gone)
		return 0;
	fds[0] = (struct pollfd){ .fd = end->fd, .events = POLLIN };
	return 1;
}

static void tap_work(struct network *network)
{
	struct tap_end *end = network->end;
	uint8_t frame[FRAME_MOST + 1];

	while (!end->gone && !network_is_full(network)) {
		ssize_t count = read(end->fd, frame, sizeof(frame));

		if (count > 0) {
			network_arrived(network, frame, (size_t)count);
			continue;
		}
		if (count < 0 && errno == EINTR)
			continue;
		/* EIO: the interface is down */
		if (count < 0 && (errno == EBADFD || errno == ENODEV)) {
			fprintf(stderr, "clearbox: -nic tap: the interface is gone; nothing comes any "
				"more\n");
			end->gone = true;
		}
		return;
	}
}

const struct network_kind network_tap = { tap_open, tap_close, tap_send, tap_poll, tap_work };
