/* The text behind -gdb: see gdb_options.h. */
#include "gdb_options.h"

#include <stdio.h>
#include <string.h>

#include "options_table.h"

static const char example[] = "try tcp::1234, unix:/tmp/gdb or stdio";

static bool wrong(char *problem, size_t size, const char *why, const char *advice)
{
	snprintf(problem, size, "%s; %s", why, advice);
	return false;
}

static bool copy(char *to, size_t size, const char *from, size_t length)
{
	if (!length || length >= size)
		return false;
	memcpy(to, from, length);
	to[length] = 0;
	return true;
}

static bool parse_architecture(struct gdb_option *option, const char *text, size_t length)
{
	static const struct {
		const char *name;
		enum cbx_gdb_architecture architecture;
	} names[] = {
		{ "auto", CBX_GDB_MODE }, { "processor", CBX_GDB_PROCESSOR }, { "i8086", CBX_GDB_I8086 },
		{ "i386", CBX_GDB_I386 }, { "x86-64", CBX_GDB_X86_64 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == length && !memcmp(names[i].name, text, length)) {
			option->architecture = names[i].architecture;
			return true;
		}
	return false;
}

/* What comes after the address; QEMU's words for a socket that listens change nothing. */
static bool parse_items(struct gdb_option *option, const char *list, char *problem, size_t size)
{
	static const char *const ignored[] = { "server", "server=on", "nowait", "wait=off" };

	while (*list == ',') {
		size_t length = strcspn(++list, ",");
		bool known = false;

		for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
			known = known || (strlen(ignored[i]) == length && !memcmp(ignored[i], list, length));
		if (length == 8 && !memcmp(list, "physical", 8)) {
			option->physical = true;
		} else if (length > 5 && !memcmp(list, "arch=", 5)) {
			if (!parse_architecture(option, list + 5, length - 5))
				return wrong(problem, size, "no such architecture",
					     "there is processor, auto, i8086, i386 and x86-64");
		} else if (!known) {
			return wrong(problem, size, "after the address come arch=A and physical only",
				     "try tcp::1234,arch=i8086");
		}
		list += length;
	}
	return true;
}

bool gdb_option_parse(struct gdb_option *option, const char *text, char *problem, size_t size)
{
	size_t length = strcspn(text, ",");
	const char *colon;

	memset(option, 0, sizeof(*option));
	if (length == 4 && !memcmp(text, "none", 4)) {
		option->kind = GDB_NONE;
	} else if (length == 5 && !memcmp(text, "stdio", 5)) {
		option->kind = GDB_STDIO;
	} else if (length >= 5 && !memcmp(text, "unix:", 5)) {
		option->kind = GDB_UNIX;
		if (!copy(option->path, 108, text + 5, length - 5))
			return wrong(problem, size, "the name is empty or too long for a socket", example);
	} else if (length >= 4 && !memcmp(text, "tcp:", 4)) {
		option->kind = GDB_TCP;
		for (colon = text + length; *colon != ':'; colon--)
			;
		if (colon < text + 4 || !copy(option->port, sizeof(option->port), colon + 1,
					      length - (size_t)(colon + 1 - text)))
			return wrong(problem, size, "there is no port", example);
		if (!option_is_port(option->port))
			return wrong(problem, size, "ports are 1 to 65535", example);
		if (colon == text + 4)
			strcpy(option->path, "localhost");
		else if (!copy(option->path, sizeof(option->path), text + 4, (size_t)(colon - text) - 4))
			return wrong(problem, size, "the host's name is too long", example);
	} else {
		return wrong(problem, size, "no such way for gdb to come", example);
	}
	return parse_items(option, text + length, problem, size);
}
