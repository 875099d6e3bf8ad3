/*
 * The monitor: takes a line apart, finds its command in the tables, checks how many
 * arguments there are, runs it.  Help, completion and suggestions come from the tables too.
 */
#include "monitor.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "drives.h"
#include "monitor_commands.h"
#include "nearest.h"
#include "session.h"

/* ---- Output ------------------------------------------------------------------------- */

static void print_list(struct monitor_call *call, const char *format, va_list list)
{
	char text[2048];

	vsnprintf(text, sizeof(text), format, list);
	if (call->output)
		call->output(call->user, text);
}

void monitor_print(struct monitor_call *call, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print_list(call, format, list);
	va_end(list);
}

bool monitor_fail(struct monitor_call *call, const char *format, ...)
{
	va_list list;

	monitor_print(call, "%s: ", call->name);
	va_start(list, format);
	print_list(call, format, list);
	va_end(list);
	monitor_print(call, "\n");
	return false;
}

bool monitor_unknown(struct monitor_call *call, const char *what, const char *word,
		     const char *(*name)(unsigned n))
{
	struct nearest nearest = { .given = word };

	for (unsigned i = 0; name(i); i++)
		nearest_offer(&nearest, name(i));
	if (nearest.word)
		return monitor_fail(call, "%.80s is no %s; did you mean %s?", word, what,
				    nearest.word);
	return monitor_fail(call, "%.80s is no %s; help %s lists them", word, what, call->name);
}

bool monitor_number(struct monitor_call *call, const char *word, int64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoll(word, &end, 0);
	if (end == word || *end || errno)
		return monitor_fail(call, "%.80s is no number; try 10 or 0x0a", word);
	return true;
}

/* ---- The table ------------------------------------------------------------------------ */

static bool run_help(struct monitor_call *call);
static bool run_info(struct monitor_call *call);

static const struct monitor_command own_commands[] = {
	{ "help", "?", "[COMMAND]", "what commands there are, or what one does", run_help },
	{ "info", NULL, "TOPIC [ARGUMENT] ...",
	  "shows one thing about the machine; help info lists the topics", run_info },
	{ NULL, NULL, NULL, NULL, NULL }
};

static const struct monitor_command *const tables[] = {
	own_commands, monitor_machine_commands, monitor_memory_commands, monitor_paging_commands,
	monitor_debug_commands, monitor_history_commands, NULL
};
static const struct monitor_command *const topic_tables[] = {
	monitor_topics, monitor_state_topics, monitor_paging_topics, monitor_debug_topics,
	monitor_history_topics, NULL
};

static const struct monitor_command *row(const struct monitor_command *const *list, unsigned n)
{
	for (; *list; list++)
		for (const struct monitor_command *c = *list; c->name; c++)
			if (!n--)
				return c;
	return NULL;
}

static const struct monitor_command *command_at(unsigned n)
{
	return row(tables, n);
}

static const char *command_name(unsigned n)
{
	const struct monitor_command *command = command_at(n);

	return command ? command->name : NULL;
}

static const char *topic_name(unsigned n)
{
	const struct monitor_command *topic = row(topic_tables, n);

	return topic ? topic->name : NULL;
}

static bool is_command(const struct monitor_command *c, const char *name)
{
	return !strcmp(name, c->name) || (c->other && !strcmp(name, c->other));
}

static const struct monitor_command *command_find(const char *name)
{
	const struct monitor_command *c;

	for (unsigned n = 0; (c = command_at(n)); n++)
		if (is_command(c, name))
			return c;
	return NULL;
}

static const struct monitor_command *topic_find(const char *name)
{
	const struct monitor_command *c;

	for (unsigned n = 0; (c = row(topic_tables, n)); n++)
		if (is_command(c, name))
			return c;
	return NULL;
}

/* How many words the arguments' pattern asks for at least, and at most. */
static void count_arguments(const char *pattern, unsigned *least, unsigned *most)
{
	*least = *most = 0;
	if (*pattern == '/') {
		pattern += strcspn(pattern, " ");
		pattern += *pattern == ' ';
	}
	for (const char *at = pattern; *at; at += strcspn(at, " "), at += *at == ' ') {
		if (!strncmp(at, "...", 3)) {
			*most = MONITOR_WORDS;
			return;
		}
		++*most;
		*least += *at != '[';
	}
}

/* ---- Help ------------------------------------------------------------------------------- */

/* What follows a command's name: "[/FORMAT] ADDRESS ..." or " FILE". */
static const char *pattern(const struct monitor_command *c, char *text, size_t size)
{
	int format = *c->arguments == '/' ? (int)strcspn(c->arguments, " ") : 0;

	if (format)
		snprintf(text, size, "[%.*s]%s", format, c->arguments, c->arguments + format);
	else
		snprintf(text, size, "%s%s", *c->arguments ? " " : "", c->arguments);
	return text;
}

static void print_command(struct monitor_call *call, const char *prefix,
			  const struct monitor_command *c)
{
	char left[80], text[60];

	snprintf(left, sizeof(left), "%s%s%s%s%s", prefix, c->name, c->other ? "|" : "",
		 c->other ? c->other : "", pattern(c, text, sizeof(text)));
	monitor_print(call, "%-34s %s\n", left, c->help);
}

static bool run_help(struct monitor_call *call)
{
	const struct monitor_command *c;

	if (call->count && !strcmp(call->words[0], "info")) {
		for (unsigned n = 0; (c = row(topic_tables, n)); n++)
			print_command(call, "info ", c);
		return true;
	}
	if (call->count) {
		c = command_find(call->words[0]);
		if (!c)
			return monitor_unknown(call, "command", call->words[0], command_name);
		print_command(call, "", c);
		return true;
	}
	for (unsigned n = 0; (c = command_at(n)); n++)
		print_command(call, "", c);
	return true;
}

/* ---- Lines -------------------------------------------------------------------------------- */

/* Takes the words off a line, in place; false: too many, or a quote that is open. */
static bool split(struct monitor_call *call, char *line)
{
	char *to;

	for (;;) {
		bool quoted = false;

		line += strspn(line, " \t\r\n");
		if (!*line)
			return true;
		if (call->count == MONITOR_WORDS)
			return monitor_fail(call, "that is more than %d words", MONITOR_WORDS);
		call->words[call->count++] = to = line;
		for (; *line && (quoted || !strchr(" \t\r\n", *line)); line++) {
			if (quoted && *line == '\\' && (line[1] == '"' || line[1] == '\\'))
				*to++ = *++line;
			else if (*line == '"')
				quoted = !quoted;
			else
				*to++ = *line;
		}
		if (quoted)
			return monitor_fail(
				call, "a \" is open; end it, or write \\\" inside of two of them");
		if (*line)
			line++;
		*to = 0;
	}
}

static bool run_command(struct monitor_call *call, const struct monitor_command *c)
{
	unsigned least, most;
	char text[60];

	count_arguments(c->arguments, &least, &most);
	if (call->count >= least && call->count <= most)
		return c->run(call);
	return monitor_fail(call, "it takes %s; try %s%s", most ? "other arguments" : "no arguments",
			    call->name, pattern(c, text, sizeof(text)));
}

static bool run_info(struct monitor_call *call)
{
	const struct monitor_command *topic = topic_find(call->words[0]);
	char name[40];

	if (!topic)
		return monitor_unknown(call, "topic", call->words[0], topic_name);
	snprintf(name, sizeof(name), "info %s", topic->name);
	call->name = name;
	call->count--;
	memmove(call->words, call->words + 1, call->count * sizeof(call->words[0]));
	return run_command(call, topic);
}

static bool execute(struct monitor_call *call, const char *line)
{
	char copy[MONITOR_LINE], name[64];
	const struct monitor_command *command;
	size_t length;
	const char *slash;

	line += strspn(line, " \t\r\n");
	if (!*line || *line == '#')
		return true;
	call->name = "clearbox";
	if (strlen(line) >= sizeof(copy))
		return monitor_fail(call, "the line is longer than %d bytes; split it",
				    MONITOR_LINE - 1);
	length = strcspn(line, " \t\r\n");
	call->rest = line + length;
	slash = memchr(line, '/', length);
	call->format = "";
	if (slash && slash != line) {
		size_t more = length - (size_t)(slash - line) - 1;

		memcpy(copy, slash + 1, more);
		copy[more] = 0;
		call->format = copy;
		length = (size_t)(slash - line);
	}
	snprintf(name, sizeof(name), "%.*s", (int)(length < 60 ? length : 60), line);
	command = command_find(name);
	if (!command)
		return monitor_unknown(call, "command", name, command_name);
	call->name = command->name;
	if (*call->format && *command->arguments != '/')
		return monitor_fail(call, "it takes no /%.20s; help %s says what it takes",
				    call->format, call->name);
	length = strlen(call->format) + 1;
	if (!*call->format)
		copy[0] = 0;
	snprintf(copy + length, sizeof(copy) - length, "%s", call->rest);
	return split(call, copy + length) && run_command(call, command);
}

bool monitor_execute(struct session *session, const char *line,
		     void (*output)(void *user, const char *text), void *user)
{
	struct monitor_call call = { .session = session, .output = output, .user = user };
	bool good;

	if (output)
		complain_to(output, user);
	good = execute(&call, line);
	complain_to(NULL, NULL);
	return good;
}

/* ---- Completion --------------------------------------------------------------------------- */

enum { COMPLETIONS = 500 };

struct completion {
	const char *word;               /* what is there so far */
	void (*found)(void *user, const char *word);
	void *user;
	unsigned left;
};

static void offer(struct completion *completion, const char *word)
{
	if (!completion->left || strncmp(word, completion->word, strlen(completion->word)))
		return;
	completion->left--;
	completion->found(completion->user, word);
}

static void offer_files(struct completion *completion)
{
	const char *slash = strrchr(completion->word, '/');
	size_t length = slash ? (size_t)(slash - completion->word) + 1 : 0;
	char folder[1024], path[1600];
	struct dirent *entry;
	DIR *dir;

	if (length >= sizeof(folder))
		return;
	memcpy(folder, completion->word, length);
	folder[length] = 0;
	dir = opendir(length ? folder : ".");
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' && completion->word[length] != '.')
			continue;
		snprintf(path, sizeof(path), "%s%s%s", folder, entry->d_name,
			 entry->d_type == DT_DIR ? "/" : "");
		offer(completion, path);
	}
	if (dir)
		closedir(dir);
}

static void offer_kind(struct completion *completion, struct session *session, const char *kind)
{
	size_t length = strcspn(kind, " ]");

	if (length == 4 && !strncmp(kind, "FILE", 4)) {
		offer_files(completion);
	} else if (length == 6 && !strncmp(kind, "DEVICE", 6)) {
		for (unsigned i = 0; i < DRIVES; i++)
			if (session->drives.drive[i].present)
				offer(completion, drive_name(&session->drives, i));
	} else if (length == 5 && !strncmp(kind, "TOPIC", 5)) {
		for (unsigned i = 0; topic_name(i); i++)
			offer(completion, topic_name(i));
	} else if (!strncmp(kind, "ADDRESS", 7) || !strncmp(kind, "EXPRESSION", 10)) {
		const char *name;

		for (size_t i = 0;
		     (name = symbols_prefix(&session->symbols, completion->word, i)) &&
		     completion->left;
		     i++)
			offer(completion, name);
	} else if (length == 7 && !strncmp(kind, "COMMAND", 7)) {
		for (unsigned i = 0; command_name(i); i++)
			offer(completion, command_name(i));
	}
}

size_t monitor_complete(struct session *session, const char *line,
			void (*found)(void *user, const char *word), void *user)
{
	struct completion completion = { .found = found, .user = user, .left = COMPLETIONS };
	const struct monitor_command *command;
	size_t start = strlen(line), begin;
	unsigned number = 0;
	const char *kind;
	char name[64];

	while (start && line[start - 1] != ' ' && line[start - 1] != '\t')
		start--;
	completion.word = line + start;
	begin = strspn(line, " \t");
	if (begin == start) {
		for (unsigned i = 0; command_name(i); i++)
			offer(&completion, command_name(i));
		return start;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(strcspn(line + begin, " \t/") & 63),
		 line + begin);
	command = command_find(name);
	if (!command)
		return start;
	/* Which of the arguments is it? */
	for (size_t at = begin; at < start; at += strspn(line + at, " \t")) {
		at += strcspn(line + at, " \t");
		number++;
	}
	kind = command->arguments;
	if (*kind == '/') {
		kind += strcspn(kind, " ");
		kind += *kind == ' ';
	}
	while (--number && *kind) {
		kind += strcspn(kind, " ");
		kind += *kind == ' ';
	}
	offer_kind(&completion, session, *kind == '[' ? kind + 1 : kind);
	return start;
}

bool monitor_quote(char *quoted, size_t size, const char *text)
{
	size_t n = 0;

	if (size < 3)
		return false;
	quoted[n++] = '"';
	for (; *text; text++) {
		if (n + 4 > size || *text == '\n' || *text == '\r')
			return false;
		if (*text == '"' || *text == '\\')
			quoted[n++] = '\\';
		quoted[n++] = *text;
	}
	quoted[n++] = '"';
	quoted[n] = 0;
	return true;
}
