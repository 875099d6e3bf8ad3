/*
 * A network of the guest's own behind this process, made by libslirp: a gateway at
 * 10.0.2.2 that is the host too, a DHCP server that gives out 10.0.2.15, a name server at
 * 10.0.2.3, and if wanted a TFTP server at 10.0.2.2 for guests that boot.  It needs no
 * rights: what guests send becomes this process's own sockets.
 */
#include "network.h"
#include "network_whole.h"

#include <libslirp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pacing.h"

enum { TIMERS = 8 };

struct timer {
	SlirpTimerCb call;              /* NULL: free */
	void *opaque;
	int64_t due;                    /* ms of slirp's clock; INT64_MAX: not set */
};

/*
 * Large frames of the guest's are held until there are some, or its run ends (soon if it has nothing
 * more to do): libslirp sends the contents of each at once, and where the reader has taken all there was
 * each wakes it anew.
 */
enum { HELD_MOST = 16, HELD_BYTES = 1024 };

struct held {
	size_t count;
	uint8_t bytes[FRAME_MOST];
};

struct user_end {
	struct network *network;
	Slirp *slirp;
	struct timer timers[TIMERS];
	struct pollfd fds[NETWORK_POLL_MAX];
	unsigned fd_count;
	struct whole whole;
	struct held held[HELD_MOST];
	unsigned held_count;
};

/* ---- What slirp calls ------------------------------------------------- */

static ssize_t send_packet(const void *frame, size_t count, void *opaque)
{
	struct user_end *end = opaque;

	network_arrived_lazily(end->network, frame, count);
	return (ssize_t)count;
}

static void guest_error(const char *text, void *opaque)
{
	(void)text;
	(void)opaque;
}

static int64_t clock_ns(void *opaque)
{
	(void)opaque;
	return (int64_t)host_time();
}

static void *timer_new(SlirpTimerCb call, void *call_opaque, void *opaque)
{
	struct user_end *end = opaque;

	for (unsigned i = 0; i < TIMERS; i++) {
		if (end->timers[i].call)
			continue;
		end->timers[i] = (struct timer){ call, call_opaque, INT64_MAX };
		return &end->timers[i];
	}
	return NULL;
}

static void timer_free(void *timer, void *opaque)
{
	(void)opaque;
	if (timer)
		((struct timer *)timer)->call = NULL;
}

static void timer_mod(void *timer, int64_t due, void *opaque)
{
	(void)opaque;
	if (timer)
		((struct timer *)timer)->due = due;
}

/* Descriptors are asked for anew before each poll. */
static void poll_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void notify(void *opaque)
{
	(void)opaque;
}

static const SlirpCb calls = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = poll_fd,
	.unregister_poll_fd = poll_fd,
	.notify = notify,
};

/* ---- Polling ------------------------------------------------- */

static int add_poll(int fd, int events, void *opaque)
{
	struct user_end *end = opaque;
	short wanted = 0;

	if (end->fd_count == NETWORK_POLL_MAX)
		return -1;
	wanted = (short)(wanted | (events & SLIRP_POLL_IN ? POLLIN : 0));
	wanted = (short)(wanted | (events & SLIRP_POLL_OUT ? POLLOUT : 0));
	wanted = (short)(wanted | (events & SLIRP_POLL_PRI ? POLLPRI : 0));
	end->fds[end->fd_count] = (struct pollfd){ .fd = fd, .events = wanted };
	return (int)end->fd_count++;
}

static int get_events(int index, void *opaque)
{
	const struct user_end *end = opaque;
	short seen = index >= 0 && index < (int)end->fd_count ? end->fds[index].revents : 0;

	return (seen & POLLIN ? SLIRP_POLL_IN : 0) | (seen & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (seen & POLLPRI ? SLIRP_POLL_PRI : 0) | (seen & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (seen & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* ms until slirp wants to work */
static uint32_t fill(struct user_end *end, uint32_t most)
{
	int64_t now = (int64_t)(host_time() / 1000000);

	end->fd_count = 0;
	slirp_pollfds_fill(end->slirp, &most, add_poll, end);
	for (unsigned i = 0; i < TIMERS; i++) {
		const struct timer *timer = &end->timers[i];

		if (timer->call && timer->due - now < (int64_t)most)
			most = timer->due > now ? (uint32_t)(timer->due - now) : 0;
	}
	return most;
}

static unsigned user_poll(struct network *network, struct pollfd *fds, uint64_t *wait)
{
	struct user_end *end = network->end;
	uint64_t wanted = fill(end, 1000) * UINT64_C(1000000);

	if (wanted < *wait)
		*wait = wanted;
	memcpy(fds, end->fds, end->fd_count * sizeof(*fds));
	return end->fd_count;
}

static void give(struct user_end *end, const uint8_t *frame, size_t count)
{
	frame = whole_take(&end->whole, frame, &count);
	if (frame)
		slirp_input(end->slirp, frame, (int)count);
}

static void give_held(struct user_end *end)
{
	for (unsigned i = 0; i < end->held_count; i++)
		give(end, end->held[i].bytes, end->held[i].count);
	end->held_count = 0;
}

static void user_send(struct network *network, const uint8_t *frame, size_t count)
{
	struct user_end *end = network->end;
	struct held *held;

	if (count < HELD_BYTES || count > FRAME_MOST) {
		give_held(end);
		give(end, frame, count);
		return;
	}
	held = &end->held[end->held_count++];
	held->count = count;
	memcpy(held->bytes, frame, count);
	if (end->held_count == HELD_MOST)
		give_held(end);
}

static void user_work(struct network *network)
{
	struct user_end *end = network->end;
	int64_t now = (int64_t)(host_time() / 1000000);
	int result;

	give_held(end);
	/* What would not fit waits in the host's sockets. */
	if (network_is_full(network))
		return;
	fill(end, 0);
	result = poll(end->fds, end->fd_count, 0);
	slirp_pollfds_poll(end->slirp, result < 0, get_events, end);
	for (unsigned i = 0; i < TIMERS; i++) {
		struct timer *timer = &end->timers[i];

		if (!timer->call || timer->due > now)
			continue;
		timer->due = INT64_MAX;
		timer->call(timer->opaque);
	}
}

/* ---- Its beginning and end ------------------------------------------------- */

static void user_close(struct network *network)
{
	struct user_end *end = network->end;

	if (end->slirp)
		slirp_cleanup(end->slirp);
	free(end);
	network->end = NULL;
}

static bool add_forward(const struct user_end *end, const struct nic_forward *forward)
{
	if (!slirp_add_hostfwd(end->slirp, forward->udp, forward->host, forward->host_port,
			       forward->guest, forward->guest_port))
		return true;
	fprintf(stderr, "clearbox: -nic user: hostfwd: port %u of the host: %s; try another, such as %u\n",
		forward->host_port, strerror(errno),
		forward->host_port < 1024 ? forward->host_port + 8000u : forward->host_port ^ 1u);
	return false;
}

static const char *text_or_null(const char *text)
{
	return *text ? text : NULL;
}

/* libslirp looks for files when they are asked for, and says nothing to anybody then. */
static bool check_tftp(const struct nic_user *user)
{
	struct stat about = { 0 };
	char path[2 * NIC_TEXT];

	if (!*user->tftp)
		return true;
	errno = 0;
	if (stat(user->tftp, &about) || !S_ISDIR(about.st_mode) || access(user->tftp, X_OK)) {
		fprintf(stderr, "clearbox: -nic user: tftp=%s: %s; give the folder that has the files\n",
			user->tftp, errno ? strerror(errno) : "it is no folder");
		return false;
	}
	snprintf(path, sizeof(path), "%s/%s", user->tftp, user->bootfile);
	if (!*user->bootfile || *user->server_name || strstr(user->bootfile, "://"))
		return true;
	if (access(path, R_OK)) {
		fprintf(stderr, "clearbox: -nic user: bootfile=%s: %s: %s; it is a file in %s\n",
			user->bootfile, path, strerror(errno), user->tftp);
		return false;
	}
	return true;
}

/* fec0::NUMBER: where nobody answers router solicitations, firmware waits for long */
static struct in6_addr site_local(uint8_t number)
{
	return (struct in6_addr){ .s6_addr = { 0xfe, 0xc0, [15] = number } };
}

static bool user_open(struct network *network, const struct nic_option *option)
{
	const struct nic_user *user = &option->user;
	const SlirpConfig config = {
		.version = 1,
		.restricted = user->restricted,
		.in_enabled = true,
		.vnetwork = user->net,
		.vnetmask = user->mask,
		.vhost = user->host,
		.vdhcp_start = user->first,
		.vnameserver = user->dns,
		.vhostname = *user->hostname ? user->hostname : "clearbox",
		.tftp_server_name = text_or_null(user->server_name),
		.tftp_path = text_or_null(user->tftp),
		.bootfile = text_or_null(user->bootfile),
		.vdomainname = text_or_null(user->domain),
		.in6_enabled = !user->no_ipv6,
		.vprefix_addr6 = site_local(0),
		.vprefix_len = 64,
		.vhost6 = site_local(2),
		.vnameserver6 = site_local(3),
	};
	struct user_end *end = calloc(1, sizeof(*end));

	if (!check_tftp(user)) {
		free(end);
		return false;
	}
	if (end) {
		network->end = end;
		end->network = network;
		end->slirp = slirp_new(&config, &calls, end);
	}
	if (!end || !end->slirp) {
		fprintf(stderr, "clearbox: -nic user: libslirp cannot start; try -nic none\n");
		return false;
	}
	for (unsigned i = 0; i < user->forwards; i++)
		if (!add_forward(end, &user->forward[i]))
			return false;
	return true;
}

const struct network_kind network_user = { user_open, user_close, user_send, user_poll, user_work };
