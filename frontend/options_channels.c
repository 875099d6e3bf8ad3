/* What stands behind ports and the monitor: stdio, files, sockets (-serial and its like). */
#include "options_table.h"

#include <string.h>

static bool copy_name(char *to, size_t size, const char *from, size_t length)
{
	if (!length || length >= size)
		return false;
	memcpy(to, from, length);
	to[length] = 0;
	return true;
}

static enum options_result parse_socket(struct context *context, const char *value,
					const char *address, struct channel_option *channel)
{
	const char *comma = strchr(address, ','), *list = comma ? comma + 1 : "", *colon;
	size_t length = comma ? (size_t)(comma - address) : strlen(address);
	char key[32], item[32];

	while (option_item(&list, key, sizeof(key), item, sizeof(item))) {
		bool off = !strcmp(item, "off") || !strcmp(item, "no");

		if (!strcmp(key, "server")) {
			channel->server = !off;
			channel->wait = channel->wait || !off;
		} else if (!strcmp(key, "nowait") || (!strcmp(key, "wait") && off)) {
			channel->wait = false;
		} else if (strcmp(key, "wait")) {
			return bad(context, value, "after the address come server and wait=off only",
				   "try tcp:localhost:4444,server,wait=off");
		}
	}
	if (channel->kind == CHANNEL_UNIX) {
		if (!copy_name(channel->path, 108, address, length))
			return bad(context, value, "the name is empty or too long for a socket",
				   "try unix:/tmp/serial,server");
		return OPTIONS_RUN;
	}
	for (colon = address + length; colon > address && *colon != ':'; colon--)
		;
	if (*colon != ':' ||
	    !copy_name(channel->port, sizeof(channel->port), colon + 1,
		       length - (size_t)(colon + 1 - address)))
		return bad(context, value, "there is no port", "try tcp:localhost:4444");
	if (!option_is_port(channel->port))
		return bad(context, value, "ports are 1 to 65535", "try tcp:localhost:4444");
	if (!copy_name(channel->path, sizeof(channel->path), address, (size_t)(colon - address)))
		strcpy(channel->path, "localhost");
	return OPTIONS_RUN;
}

enum options_result option_channel(struct context *context, const char *value,
				   struct channel_option *channel)
{
	static const char *const words[] = { "stdio", "null", "none", "pty", "file", "tcp", "unix", NULL };

	memset(channel, 0, sizeof(*channel));
	if (!strcmp(value, "null") || !strcmp(value, "none")) {
		channel->kind = CHANNEL_NULL;
	} else if (!strcmp(value, "stdio") || !strcmp(value, "mon:stdio")) {
		channel->kind = CHANNEL_STDIO;
	} else if (!strcmp(value, "pty")) {
		channel->kind = CHANNEL_PTY;
	} else if (!strncmp(value, "file:", 5)) {
		channel->kind = CHANNEL_FILE;
		if (!copy_name(channel->path, sizeof(channel->path), value + 5, strlen(value + 5)))
			return bad(context, value, "the name is empty or too long", "try file:serial.log");
	} else if (!strncmp(value, "tcp:", 4)) {
		channel->kind = CHANNEL_TCP;
		return parse_socket(context, value, value + 4, channel);
	} else if (!strncmp(value, "unix:", 5)) {
		channel->kind = CHANNEL_UNIX;
		return parse_socket(context, value, value + 5, channel);
	} else {
		return bad_word(context, value, ":,", words, "no such backend",
				"try stdio, null, pty, file:NAME, tcp:HOST:PORT[,server] or unix:PATH[,server]");
	}
	return OPTIONS_RUN;
}

enum options_result option_monitor(struct context *context, const char *value,
				   struct channel_option *monitor)
{
	static const char *const words[] = { "stdio", "none", "unix", NULL };

	memset(monitor, 0, sizeof(*monitor));
	if (!strcmp(value, "none") || !strcmp(value, "null")) {
		monitor->kind = CHANNEL_NULL;
	} else if (!strcmp(value, "stdio")) {
		monitor->kind = CHANNEL_STDIO;
	} else if (!strncmp(value, "unix:", 5)) {
		/* It always listens; ",server" and what may follow that are QEMU's. */
		monitor->kind = CHANNEL_UNIX;
		return parse_socket(context, value, value + 5, monitor);
	} else {
		return bad_word(context, value, ":,", words, "no such place for a monitor",
				"try stdio, unix:PATH, or none");
	}
	return OPTIONS_RUN;
}
