/*
 * The gdb server's transport.  The protocol is the library's (clearbox/gdb.h): here are sockets only,
 * and the session's pause, which gdb and the monitor share.
 */
#include "gdb.h"
#include "complain.h"
#include "local_socket.h"
#include "monitor.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- What gdb gets -------------------------------------------------------------------------- */

static void hang_up(struct gdb_server *server)
{
	if (server->option.kind != GDB_STDIO && server->in >= 0)
		close(server->in);
	server->in = server->out = -1;
	server->waiting_count = 0;
}

/* Sends what waits; patient: gives it half a second. */
static void flush(struct gdb_server *server, bool patient)
{
	size_t sent = 0;

	while (sent < server->waiting_count && server->out >= 0) {
		ssize_t n = write(server->out, server->waiting + sent, server->waiting_count - sent);
		struct pollfd fd = { .fd = server->out, .events = POLLOUT };

		if (n >= 0) {
			sent += (size_t)n;
		} else if (errno == EAGAIN) {
			if (!patient)
				break;
			if (poll(&fd, 1, 500) == 0)
				hang_up(server);
		} else if (errno != EINTR) {
			hang_up(server);
		}
	}
	if (sent < server->waiting_count)
		memmove(server->waiting, server->waiting + sent, server->waiting_count - sent);
	server->waiting_count = sent < server->waiting_count ? server->waiting_count - sent : 0;
}

static void send_bytes(void *user, const void *bytes, size_t count)
{
	struct gdb_server *server = user;

	if (count > sizeof(server->waiting) - server->waiting_count)
		flush(server, true);
	if (server->out < 0 || count > sizeof(server->waiting) - server->waiting_count)
		return;
	memcpy(server->waiting + server->waiting_count, bytes, count);
	server->waiting_count += count;
}

static void monitor(void *user, const char *line, void (*output)(void *output_user, const char *text),
		    void *output_user)
{
	struct gdb_server *server = user;

	monitor_execute(server->session, line, output, output_user);
}

/* ---- Opening -------------------------------------------------------------------------------- */

static void set_flags(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static int listen_at(int family, const struct sockaddr *address, socklen_t length)
{
	int fd = socket(family, SOCK_STREAM, 0), on = 1, error;

	if (fd < 0)
		return -1;
	if (family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, address, length) && !listen(fd, 1)) {
		set_flags(fd);
		return fd;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int listen_tcp(const struct gdb_option *option)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list, *one;
	int fd = -1, error = getaddrinfo(option->path, option->port, &hints, &list);

	if (error) {
		complain("-gdb tcp:%s:%s: %s; check host and port", option->path, option->port,
			 gai_strerror(error));
		return -1;
	}
	/* "localhost" may be an IPv6 address first, and gdb tries 127.0.0.1. */
	for (one = list; one && fd < 0; one = one->ai_next)
		if (one->ai_family == AF_INET)
			fd = listen_at(one->ai_family, one->ai_addr, one->ai_addrlen);
	for (one = list; one && fd < 0; one = one->ai_next)
		if (one->ai_family != AF_INET)
			fd = listen_at(one->ai_family, one->ai_addr, one->ai_addrlen);
	error = errno;
	freeaddrinfo(list);
	if (fd < 0)
		complain("-gdb tcp:%s:%s: %s; try another port", option->path, option->port, strerror(error));
	return fd;
}

static int listen_unix(const struct gdb_option *option)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", option->path);
	local_socket_clear(option->path);
	fd = listen_at(AF_UNIX, (struct sockaddr *)&address, sizeof(address));
	if (fd < 0)
		complain("-gdb unix:%s: %s; try another name", option->path, strerror(errno));
	return fd;
}

static void connected(struct gdb_server *server, int in, int out)
{
	server->in = in;
	server->out = out;
	server->waiting_count = 0;
	server->attached = true;
	cbx_gdb_connected(server->gdb, true);
}

bool gdb_server_open(struct gdb_server *server, const struct gdb_option *option, struct session *session)
{
	struct cbx_gdb_options options = {
		.size = sizeof(options), .send = send_bytes, .monitor = monitor, .user = server,
		.architecture = option->architecture, .physical = option->physical,
	};

	memset(server, 0, sizeof(*server));
	server->listener = server->in = server->out = -1;
	if (option->kind == GDB_UNSET || option->kind == GDB_NONE)
		return true;
	server->option = *option;
	server->session = session;
	if (option->kind != GDB_STDIO) {
		server->listener = option->kind == GDB_TCP ? listen_tcp(option) : listen_unix(option);
		if (server->listener < 0)
			return false;
	}
	if (cbx_gdb_new(session->machine, &options, &server->gdb)) {
		complain("-gdb: no memory; close other programs");
		if (server->listener >= 0)
			close(server->listener);
		return false;
	}
	if (option->kind == GDB_STDIO)
		connected(server, STDIN_FILENO, STDOUT_FILENO);
	return true;
}

void gdb_server_close(struct gdb_server *server)
{
	if (!server->gdb)
		return;
	flush(server, true);
	hang_up(server);
	if (server->listener >= 0) {
		close(server->listener);
		if (server->option.kind == GDB_UNIX)
			unlink(server->option.path);
	}
	cbx_gdb_free(server->gdb);
	server->gdb = NULL;
	server->listener = -1;
}

bool gdb_server_attached(const struct gdb_server *server)
{
	return server->gdb && cbx_gdb_state(server->gdb) != CBX_GDB_DETACHED;
}

/* ---- In the session's loop ------------------------------------------------------------------ */

unsigned gdb_server_poll(const struct gdb_server *server, struct pollfd *fds)
{
	unsigned count = 0;

	if (!server->gdb)
		return 0;
	if (server->in >= 0)
		fds[count++] = (struct pollfd){ .fd = server->in, .events = POLLIN };
	else if (server->listener >= 0)
		fds[count++] = (struct pollfd){ .fd = server->listener, .events = POLLIN };
	if (server->out >= 0 && server->waiting_count)
		fds[count++] = (struct pollfd){ .fd = server->out, .events = POLLOUT };
	return count;
}

static void receive(struct gdb_server *server)
{
	struct pollfd fd = { .fd = server->in, .events = POLLIN };
	uint8_t bytes[4096];
	ssize_t n;

	/* Standard input stays a blocking file: it may be shared with other programs. */
	if (poll(&fd, 1, 0) <= 0 || !(fd.revents & (POLLIN | POLLHUP | POLLERR)))
		return;
	n = read(server->in, bytes, sizeof(bytes));
	if (n > 0)
		cbx_gdb_receive(server->gdb, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		hang_up(server);
}

static void accept_one(struct gdb_server *server)
{
	int fd = accept(server->listener, NULL, NULL), on = 1;

	if (fd < 0)
		return;
	set_flags(fd);
	if (server->option.kind == GDB_TCP)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	connected(server, fd, fd);
}

/*
 * The session's pause follows gdb's: it holds while gdb holds the machine, and ends when gdb lets go.  A
 * pause that somebody else made while the machine ran for gdb is an interruption.
 */
static void settle(struct gdb_server *server)
{
	struct session *session = server->session;

	if (session->paused && !server->held)
		cbx_gdb_interrupt(server->gdb);
	switch (cbx_gdb_state(server->gdb)) {
	case CBX_GDB_STOPPED:
		session->paused = server->held = true;
		break;
	case CBX_GDB_KILLED:
		session->quit = true;
		break;
	case CBX_GDB_RUNNING:
	case CBX_GDB_REVERSING:
	case CBX_GDB_DETACHED:
		if (server->held)
			session->paused = server->held = false;
		break;
	}
}

void gdb_server_work(struct gdb_server *server)
{
	if (!server->gdb)
		return;
	if (server->in < 0 && server->listener >= 0)
		accept_one(server);
	settle(server);
	if (server->in >= 0)
		receive(server);
	flush(server, false);
	if (server->attached && server->in < 0) {
		server->attached = false;
		cbx_gdb_connected(server->gdb, false);
		/* Whoever started the program for gdb's sake is done with it. */
		if (server->option.kind == GDB_STDIO)
			server->session->quit = true;
	}
	settle(server);
}

enum cbx_status gdb_server_run(struct gdb_server *server, const struct cbx_run_options *options,
			       struct cbx_stop *stop, bool *held)
{
	enum cbx_status status = CBX_OK;

	/* gdb may have come, or interrupted, since the session looked at its pause. */
	memset(stop, 0, sizeof(*stop));
	if (cbx_gdb_state(server->gdb) != CBX_GDB_STOPPED)
		status = cbx_gdb_run(server->gdb, options, stop);

	settle(server);
	*held = cbx_gdb_state(server->gdb) == CBX_GDB_STOPPED;
	flush(server, false);
	return status;
}
