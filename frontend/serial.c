/*
 * Characters between the machine and the host: standard input and output, files,
 * pseudo-terminals, TCP and Unix sockets.  Output is gathered and sent between runs of
 * the machine; what a far side that is not there would have got is dropped.
 */
#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "local_socket.h"
#include "output_file.h"

/* ---- The terminal ------------------------------------------------------------------ */

/* Kept here because a signal may end the program at any time. */
static struct termios terminal_before;
static bool terminal_changed;

void terminal_raw(void)
{
	struct termios raw;

	if (terminal_changed || tcgetattr(STDIN_FILENO, &terminal_before))
		return;
	raw = terminal_before;
	raw.c_iflag &= (tcflag_t) ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag = (raw.c_cflag & (tcflag_t)~CSIZE) | CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (!tcsetattr(STDIN_FILENO, TCSANOW, &raw))
		terminal_changed = true;
}

void terminal_restore(void)
{
	if (!terminal_changed)
		return;
	terminal_changed = false;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_before);
}

/* ---- Opening -------------------------------------------------------------------------- */

static bool fail(const struct channel *channel, const char *what, const char *why,
		 const char *advice)
{
	fprintf(stderr, "clearbox: %s: %s: %s; %s\n", channel->label, what, why, advice);
	return false;
}

static void set_flags(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static bool open_pty(struct channel *channel)
{
	struct termios raw;
	char *name;

	channel->in = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (channel->in < 0 || grantpt(channel->in) || unlockpt(channel->in) ||
	    !(name = ptsname(channel->in)))
		return fail(channel, "pty", strerror(errno), "try -serial unix:NAME,server");
	channel->out = channel->in;
	channel->keep_open = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (channel->keep_open >= 0 && !tcgetattr(channel->keep_open, &raw)) {
		raw.c_iflag &= (tcflag_t) ~(ICRNL | IXON | ISTRIP | INLCR | IGNCR | BRKINT | PARMRK);
		raw.c_oflag &= (tcflag_t)~OPOST;
		raw.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
		tcsetattr(channel->keep_open, TCSANOW, &raw);
	}
	set_flags(channel->in);
	fprintf(stderr, "clearbox: %s is %s\n", channel->label, name);
	return true;
}

/* One address: connects, or binds and listens. */
static int try_address(const struct channel *channel, int family, const struct sockaddr *address,
		       socklen_t length)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	if (fd < 0)
		return -1;
	if (channel->option.server) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
		if (!bind(fd, address, length) && !listen(fd, 1))
			return fd;
	} else if (!connect(fd, address, length)) {
		return fd;
	}
	yes = errno;
	close(fd);
	errno = yes;
	return -1;
}

static int open_unix(const struct channel *channel)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", channel->option.path);
	if (channel->option.server)
		local_socket_clear(channel->option.path);
	return try_address(channel, AF_UNIX, (struct sockaddr *)&address, sizeof(address));
}

static int open_tcp(struct channel *channel)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *one;
	int fd = -1, error;

	if (channel->option.server)
		hints.ai_flags = AI_PASSIVE;
	error = getaddrinfo(channel->option.path, channel->option.port, &hints, &list);
	if (error) {
		fail(channel, channel->option.path, gai_strerror(error), "check host and port");
		return -2;
	}
	for (one = list; one && fd < 0; one = one->ai_next)
		fd = try_address(channel, one->ai_family, one->ai_addr, one->ai_addrlen);
	error = errno;
	freeaddrinfo(list);
	errno = error;
	return fd;
}

static void connected(struct channel *channel, int fd)
{
	set_flags(fd);
	channel->in = channel->out = fd;
	channel->end = channel->deaf = false;
}

static bool open_socket(struct channel *channel)
{
	bool local = channel->option.kind == CHANNEL_UNIX;
	int fd = local ? open_unix(channel) : open_tcp(channel);

	if (fd == -2)
		return false;
	if (fd < 0)
		return fail(channel, channel->option.path, strerror(errno),
			    channel->option.server ? "is the address taken?" :
			    "is somebody listening there? ',server' listens here");
	if (!channel->option.server) {
		connected(channel, fd);
		return true;
	}
	channel->listener = fd;
	if (channel->option.wait) {
		fprintf(stderr, "clearbox: %s waits for a connection to %s%s%s\n", channel->label,
			channel->option.path, local ? "" : ":", local ? "" : channel->option.port);
		do
			fd = accept(channel->listener, NULL, NULL);
		while (fd < 0 && errno == EINTR);
		if (fd < 0)
			return fail(channel, channel->option.path, strerror(errno), "try wait=off");
		connected(channel, fd);
	}
	set_flags(channel->listener);
	return true;
}

bool channel_open(struct channel *channel, const struct channel_option *option, const char *label,
		  bool input)
{
	memset(channel, 0, sizeof(*channel));
	channel->option = *option;
	channel->label = label;
	channel->input = input;
	channel->in = channel->out = channel->listener = channel->keep_open = -1;
	switch (option->kind) {
	case CHANNEL_STDIO:
		channel->out = STDOUT_FILENO;
		if (!input)
			break;
		channel->in = STDIN_FILENO;
		channel->terminal = isatty(STDIN_FILENO);
		if (channel->terminal)
			terminal_raw();
		break;
	case CHANNEL_FILE:
		channel->out = output_open(option->path);
		if (channel->out < 0)
			return fail(channel, option->path, output_problem(errno), "try another name");
		break;
	case CHANNEL_PTY:
		return open_pty(channel);
	case CHANNEL_TCP:
	case CHANNEL_UNIX:
		return open_socket(channel);
	default:
		break;
	}
	return true;
}

void channel_close(struct channel *channel)
{
	if (channel->option.kind == CHANNEL_UNSET)
		return;
	channel_flush(channel);
	if (channel->option.kind != CHANNEL_STDIO) {
		if (channel->out >= 0)
			close(channel->out);
		if (channel->listener >= 0)
			close(channel->listener);
		if (channel->keep_open >= 0)
			close(channel->keep_open);
		if (channel->listener >= 0 && channel->option.kind == CHANNEL_UNIX)
			unlink(channel->option.path);
	}
	channel->option.kind = CHANNEL_UNSET;
}

/* ---- Output ------------------------------------------------------------------------------ */

static void hang_up(struct channel *channel)
{
	if (channel->option.kind == CHANNEL_TCP || channel->option.kind == CHANNEL_UNIX) {
		if (channel->out >= 0)
			close(channel->out);
		channel->in = -1;
	}
	channel->out = -1;
}

/*
 * Sends what waits.  Files and standard output are waited for; a pty or socket whose
 * reader does not read gets half a second once, and then loses bytes until it reads again.
 */
void channel_flush(struct channel *channel)
{
	size_t sent = 0;

	while (sent < channel->to_count && channel->out >= 0) {
		ssize_t n = write(channel->out, channel->to_host + sent, channel->to_count - sent);

		if (n >= 0) {
			sent += (size_t)n;
			channel->deaf = false;
		} else if (errno == EAGAIN) {
			bool patient = channel->option.kind == CHANNEL_STDIO ||
				       channel->option.kind == CHANNEL_FILE;
			struct pollfd fd = { .fd = channel->out, .events = POLLOUT };

			if (channel->option.kind == CHANNEL_PTY && sent == 0)
				break;          /* nobody reads it */
			int ready = poll(&fd, 1, patient ? -1 : channel->deaf ? 0 : 500);

			if (ready < 0 && errno == EINTR)
				continue;
			channel->deaf = ready <= 0;
			if (channel->deaf)
				break;
		} else if (errno != EINTR) {
			if (channel->option.kind == CHANNEL_FILE)
				fprintf(stderr, "clearbox: %s: %s: %s; what follows is lost, try another place\n",
					channel->label, channel->option.path, strerror(errno));
			hang_up(channel);
		}
	}
	channel->to_count = 0;
}

static void channel_write(void *user, uint8_t byte)
{
	struct channel *channel = user;

	if (channel->to_count == sizeof(channel->to_host))
		channel_flush(channel);
	channel->to_host[channel->to_count++] = byte;
}

struct cbx_character_backend channel_backend(struct channel *channel)
{
	struct cbx_character_backend backend = { 0 };

	if (channel->option.kind == CHANNEL_UNSET || channel->option.kind == CHANNEL_NULL)
		return backend;
	backend.write = channel_write;
	backend.user = channel;
	return backend;
}

/* ---- Input -------------------------------------------------------------------------------- */

unsigned channel_poll(struct channel *channel, struct pollfd *fds)
{
	unsigned count = 0;

	if (channel->option.kind == CHANNEL_UNSET)
		return 0;
	if (channel->listener >= 0 && channel->in < 0)
		fds[count++] = (struct pollfd){ .fd = channel->listener, .events = POLLIN };
	if (channel->in >= 0 && channel->input && !channel->end && !channel->from_count)
		fds[count++] = (struct pollfd){ .fd = channel->in, .events = POLLIN };
	return count;
}

/* Ctrl-A and the key after it are for us, when they are typed at a terminal. */
static enum channel_event take_commands(struct channel *channel, size_t count)
{
	enum channel_event event = CHANNEL_NOTHING;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t byte = channel->from_host[i];

		if (!channel->prefix) {
			channel->prefix = byte == 1;
			if (byte != 1 && channel->monitor)
				channel->to_monitor[channel->monitor_count++] = byte;
			else if (byte != 1)
				channel->from_host[kept++] = byte;
			continue;
		}
		channel->prefix = false;
		switch (byte) {
		case 'x':
		case 'X':
		case 'x' & 0x1f:
			event = CHANNEL_QUIT;
			break;
		case 'p':
			event = CHANNEL_POWER_BUTTON;
			break;
		case 'd':
			event = CHANNEL_CTRL_ALT_DEL;
			break;
		case 'c':
			channel->monitor = !channel->monitor;
			break;
		case 'a':
		case 1:
			if (channel->monitor)
				channel->to_monitor[channel->monitor_count++] = 1;
			else
				channel->from_host[kept++] = 1;
			break;
		case 'h':
		case '?':
			fputs("\r\nclearbox: Ctrl-A X quits, C monitor and back, D Ctrl-Alt-Delete, "
			      "P power button, A Ctrl-A\r\n",
			      stderr);
			break;
		}
	}
	channel->from_count = kept;
	return event;
}

enum channel_event channel_work(struct channel *channel)
{
	ssize_t n;

	if (channel->option.kind == CHANNEL_UNSET)
		return CHANNEL_NOTHING;
	if (channel->listener >= 0 && channel->in < 0) {
		int fd = accept(channel->listener, NULL, NULL);

		if (fd >= 0)
			connected(channel, fd);
	}
	if (channel->to_count)
		channel_flush(channel);
	if (channel->in < 0 || !channel->input || channel->end || channel->from_count ||
	    channel->monitor_count)
		return CHANNEL_NOTHING;

	/* Standard input stays a blocking file: it may be shared with other programs. */
	if (channel->option.kind == CHANNEL_STDIO) {
		struct pollfd fd = { .fd = channel->in, .events = POLLIN };

		if (poll(&fd, 1, 0) <= 0 || !(fd.revents & (POLLIN | POLLHUP | POLLERR)))
			return CHANNEL_NOTHING;
	}
	n = read(channel->in, channel->from_host, sizeof(channel->from_host));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return CHANNEL_NOTHING;
	if (n <= 0) {
		if (channel->listener >= 0)
			hang_up(channel);       /* the next one may come */
		else
			channel->end = true;
		return CHANNEL_NOTHING;
	}
	channel->from_first = 0;
	channel->from_count = (size_t)n;
	return channel->terminal ? take_commands(channel, (size_t)n) : CHANNEL_NOTHING;
}
