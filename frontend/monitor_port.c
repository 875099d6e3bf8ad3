/*
 * The monitor's transports.  Lines may come in any pieces; one that is too long or has a NUL in
 * it is refused as a whole.  Output to a socket is kept while the other side does not read,
 * up to a limit, and then the connection is given up: a monitor never holds the machine up.
 */
#include "monitor_port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <fcntl.h>

#include "complain.h"
#include "local_socket.h"
#include "serial.h"
#include "session.h"

enum { WAITING_MAX = 8 << 20, READS = 8 };

/* ---- Output -------------------------------------------------------------------------- */

static void link_flush(struct monitor_link *link)
{
	size_t sent = 0;

	while (sent < link->waiting_count && !link->broken) {
		ssize_t n = write(link->out, link->waiting + sent, link->waiting_count - sent);

		if (n > 0)
			sent += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n < 0 && errno != EINTR)
			link->broken = true;
	}
	link->waiting_count -= sent;
	memmove(link->waiting, link->waiting + sent, link->waiting_count);
}

static void link_text(void *user, const char *text)
{
	struct monitor_link *link = user;
	size_t length = strlen(text), room = link->waiting_room ? link->waiting_room : 4096;
	char *more;

	if (link->out == STDOUT_FILENO) {
		fwrite(text, 1, length, stdout);
		return;
	}
	while (room < link->waiting_count + length)
		room *= 2;
	if (room > WAITING_MAX) {
		link->broken = true;
		return;
	}
	if (room != link->waiting_room) {
		more = realloc(link->waiting, room);
		if (!more) {
			link->broken = true;
			return;
		}
		link->waiting = more;
		link->waiting_room = room;
	}
	memcpy(link->waiting + link->waiting_count, text, length);
	link->waiting_count += length;
}

/* ---- Lines ----------------------------------------------------------------------------- */

struct taker {
	struct session *session;
	struct monitor_link *link;
};

static void take_line(void *user, const char *line)
{
	struct taker *taker = user;

	monitor_execute(taker->session, line, link_text, taker->link);
	if (taker->link->out == STDOUT_FILENO)
		fflush(stdout);
}

static void link_line(struct session *session, struct monitor_link *link)
{
	struct taker taker = { session, link };

	link->line[link->count] = 0;
	if (link->skip)
		link_text(link, "clearbox: the line is longer than 4095 bytes; split it\n");
	else if (link->nul)
		link_text(link, "clearbox: there is a NUL byte in the line; leave it out\n");
	else
		take_line(&taker, link->line);
	link->count = 0;
	link->skip = link->nul = false;
	if (!session->quit)
		link_text(link, MONITOR_PROMPT);
}

static void link_bytes(struct session *session, struct monitor_link *link, const uint8_t *bytes,
		       size_t count)
{
	for (size_t i = 0; i < count && !link->broken && !session->quit; i++) {
		if (bytes[i] == '\n') {
			link_line(session, link);
		} else if (link->count == sizeof(link->line) - 1) {
			link->skip = true;
		} else if (bytes[i] != '\r') {
			link->nul = link->nul || !bytes[i];
			link->line[link->count++] = (char)bytes[i];
		}
	}
}

/* ---- Opening ----------------------------------------------------------------------------- */

static bool listen_at(struct monitor_port *port)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = port->option.path;
	mode_t mask;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	local_socket_clear(path);
	port->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Who may write to it rules the machine and reads files by it: its owner alone. */
	mask = umask(077);
	if (port->listener < 0 ||
	    bind(port->listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(port->listener, 16)) {
		complain("-monitor unix:%s: %s; is the name taken? try another", path, strerror(errno));
		if (port->listener >= 0)
			close(port->listener);
		port->listener = -1;
		umask(mask);
		return false;
	}
	umask(mask);
	return true;
}

bool monitor_port_open(struct monitor_port *port, const struct channel_option *option)
{
	memset(port, 0, sizeof(*port));
	port->option = *option;
	port->listener = -1;
	port->console.in = port->console.out = -1;
	for (unsigned i = 0; i < MONITOR_LINKS; i++)
		port->links[i].in = port->links[i].out = -1;
	return option->kind != CHANNEL_UNIX || listen_at(port);
}

static void link_close(struct monitor_link *link)
{
	if (link->in < 0)
		return;
	link_flush(link);
	close(link->in);
	free(link->waiting);
	memset(link, 0, sizeof(*link));
	link->in = link->out = -1;
}

void monitor_port_close(struct monitor_port *port)
{
	if (port->editor) {
		if (port->console_open)
			line_editor_end(port->editor);
		line_editor_free(port->editor);
		port->editor = NULL;
	}
	for (unsigned i = 0; i < MONITOR_LINKS && port->option.kind; i++)
		link_close(&port->links[i]);
	if (port->option.kind == CHANNEL_UNIX && port->listener >= 0) {
		close(port->listener);
		unlink(port->option.path);
	}
	port->option.kind = CHANNEL_UNSET;
}

/* ---- The console ------------------------------------------------------------------------- */

void monitor_port_console(struct session *session, bool open)
{
	struct monitor_port *port = &session->monitor;
	struct monitor_link *link = &port->console;

	if (open == port->console_open)
		return;
	port->console_open = open;
	if (!open) {
		if (port->editor)
			line_editor_end(port->editor);
		link->in = link->out = -1;
		fputs("\n", stdout);
		fflush(stdout);
		return;
	}
	memset(link, 0, sizeof(*link));
	link->in = STDIN_FILENO;
	link->out = STDOUT_FILENO;
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !port->editor)
		port->editor = line_editor_new(session);
	if (port->editor)
		line_editor_begin(port->editor);
	else
		fputs(MONITOR_PROMPT, stdout);
	fflush(stdout);
}

void monitor_port_bytes(struct session *session, const uint8_t *bytes, size_t count)
{
	struct monitor_port *port = &session->monitor;
	struct taker taker = { session, &port->console };

	if (!port->console_open)
		return;
	if (port->editor) {
		line_editor_bytes(port->editor, bytes, count, take_line, &taker);
		return;
	}
	/* A terminal in raw mode without an editor: what is typed is shown here. */
	for (size_t i = 0; i < count && port->console_shared; i++) {
		uint8_t byte = bytes[i] == '\r' ? '\n' : bytes[i];
		struct monitor_link *link = &port->console;

		if (byte == 0x7f || byte == '\b') {
			if (link->count) {
				link->count--;
				fputs("\b \b", stdout);
			}
			continue;
		}
		if (byte == '\n' || byte >= ' ')
			fputc(byte, stdout);
		link_bytes(session, link, &byte, 1);
	}
	if (!port->console_shared)
		link_bytes(session, &port->console, bytes, count);
	fflush(stdout);
}

static void console_work(struct session *session)
{
	struct monitor_port *port = &session->monitor;
	struct monitor_link *link = &port->console;
	uint8_t bytes[1024];
	ssize_t n;

	if (!port->console_open && !link->end)
		monitor_port_console(session, true);
	for (unsigned i = 0; i < READS && !link->end && !session->quit; i++) {
		struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };

		if (poll(&fd, 1, 0) <= 0)
			return;
		n = read(STDIN_FILENO, bytes, sizeof(bytes));
		if (n > 0) {
			monitor_port_bytes(session, bytes, (size_t)n);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			link->end = true;
			if (link->count)
				link_line(session, link);
			fflush(stdout);
		}
	}
}

/* ---- Work -------------------------------------------------------------------------------- */

static void accept_links(struct monitor_port *port)
{
	static const char full[] = "clearbox: four others use this monitor already; try later\n";

	for (unsigned n = 0; n < MONITOR_LINKS; n++) {
		int fd = accept(port->listener, NULL, NULL);
		unsigned i = 0;

		if (fd < 0)
			return;
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		while (i < MONITOR_LINKS && port->links[i].in >= 0)
			i++;
		if (i == MONITOR_LINKS) {
			if (write(fd, full, sizeof(full) - 1) < 0)
				errno = 0;      /* then it is told nothing */
			close(fd);
			continue;
		}
		memset(&port->links[i], 0, sizeof(port->links[i]));
		port->links[i].in = port->links[i].out = fd;
		link_text(&port->links[i], MONITOR_PROMPT);
		link_flush(&port->links[i]);
	}
}

static void link_work(struct session *session, struct monitor_link *link)
{
	uint8_t bytes[1024];

	for (unsigned i = 0; i < READS && !link->broken && !session->quit; i++) {
		ssize_t n = read(link->in, bytes, sizeof(bytes));

		if (n > 0) {
			link_bytes(session, link, bytes, (size_t)n);
		} else {
			link->end = n == 0 || (errno != EAGAIN && errno != EINTR);
			break;
		}
	}
	link_flush(link);
	if (link->broken || link->end)
		link_close(link);
}

/* Ctrl-A C may have been typed, and what is typed after it waits here. */
static void shared_console(struct session *session, bool wanted, uint8_t *bytes, size_t *count)
{
	struct monitor_port *port = &session->monitor;

	port->console_shared = true;
	if (wanted)
		monitor_port_console(session, true);
	if (*count)
		monitor_port_bytes(session, bytes, *count);
	*count = 0;
	if (!wanted)
		monitor_port_console(session, false);
}

void monitor_port_notice(void *user, const char *text)
{
	struct session *session = user;
	struct monitor_port *port = &session->monitor;

	if (port->console_open) {
		fputs(text, stdout);
		fflush(stdout);
	}
	for (unsigned i = 0; i < MONITOR_LINKS && port->option.kind == CHANNEL_UNIX; i++)
		if (port->links[i].in >= 0)
			link_text(&port->links[i], text);
}

void monitor_port_work(struct session *session)
{
	struct monitor_port *port = &session->monitor;
	struct display *display = session->display;

	for (unsigned i = 0; i < CHANNELS; i++) {
		struct channel *c = &session->channels[i];

		if (c->terminal && c->option.kind == CHANNEL_STDIO)
			shared_console(session, c->monitor, c->to_monitor, &c->monitor_count);
	}
	if (display->monitor || display->monitor_count ||
	    (session->options->display == DISPLAY_TERMINAL && port->console_open))
		shared_console(session, display->monitor, display->to_monitor,
			       &display->monitor_count);
	if (port->option.kind == CHANNEL_STDIO)
		console_work(session);
	if (port->listener < 0 || port->option.kind != CHANNEL_UNIX)
		return;
	accept_links(port);
	for (unsigned i = 0; i < MONITOR_LINKS; i++)
		if (port->links[i].in >= 0)
			link_work(session, &port->links[i]);
}

unsigned monitor_port_poll(const struct monitor_port *port, struct pollfd *fds)
{
	unsigned count = 0;

	if (port->option.kind == CHANNEL_STDIO && !port->console.end)
		fds[count++] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	if (port->option.kind != CHANNEL_UNIX || port->listener < 0)
		return count;
	fds[count++] = (struct pollfd){ .fd = port->listener, .events = POLLIN };
	for (unsigned i = 0; i < MONITOR_LINKS; i++)
		if (port->links[i].in >= 0)
			fds[count++] = (struct pollfd){
				.fd = port->links[i].in,
				.events = (short)(POLLIN |
						  (port->links[i].waiting_count ? POLLOUT : 0))
			};
	return count;
}
