/*
 * Scripts.  A line is a command of the monitor or one of these (docs/options.md describes them):
 *
 *	expect "TEXT" [SECONDS]         expect-serial [PORT] "TEXT" [SECONDS]    expect-stop [SECONDS]
 *	type "TEXT"     click [left|right|middle] [DX DY]     screenshot FILE
 *	wait SECONDS    quit [CODE]
 *
 * Whatever waits does so until a time of the guest's, and looks every ten milliseconds of that: a
 * script does the same in every run.
 */
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clearbox/clearbox.h>

#include "complain.h"
#include "monitor.h"
#include "screenshot.h"
#include "session.h"

enum { LINE_MAX_BYTES = 4096, WORDS = 4, SCRIPT_BYTES = 16 << 20 };
static const uint64_t look_every = 10000000, button_time = 50000000;
static const double patience = 60;

enum command { MONITOR, EXPECT, EXPECT_SERIAL, EXPECT_STOP, TYPE, CLICK, SCREENSHOT, WAIT, QUIT };

struct line {
	enum command command;
	char *text;                     /* MONITOR: the whole line; else the text or file name */
	double seconds;
	int number;                     /* serial port, buttons, exit code */
	int dx, dy;
};

struct script {
	const char *name;
	char *bytes;                    /* of the file */
	unsigned number, at;            /* of the line at work; where the next one begins */
	size_t size;
	char text[LINE_MAX_BYTES];      /* of the line at work, taken apart */
	struct line line;
	bool waiting;                   /* for the line at work */
	uint64_t due, deadline;
	bool button_down;
	bool done, ended;
	int code;
};

/* ---- Lines ------------------------------------------------------------------------------------ */

static bool wrong(const struct script *script, const char *what, const char *advice)
{
	complain("%s:%u: %s; %s", script->name, script->number, what, advice);
	return false;
}

/* Cuts the next word out of *at; "..." keeps blanks, with \" for a quotation mark in it. */
static char *word(char **at)
{
	char *from = *at + strspn(*at, " \t"), *to = from, *begin = from;
	bool quoted = *from == '"';

	if (!*from)
		return NULL;
	from += quoted;
	while (*from && (quoted ? *from != '"' : *from != ' ' && *from != '\t')) {
		if (quoted && from[0] == '\\' && from[1] == '"')
			from++;
		else if (quoted && from[0] == '\\' && from[1])
			*to++ = *from++;
		*to++ = *from++;
	}
	*at = from + (*from != 0);
	*to = 0;
	return begin;
}

static bool number(const char *text, double least, double most, double *value)
{
	char *end;

	if (!text)
		return true;
	errno = 0;
	*value = strtod(text, &end);
	return end != text && !*end && !errno && *value >= least && *value <= most;
}

/* \n, \t and \\ of a text that is expected. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1]) {
			text++;
			*to++ = (char)(*text == 'n' ? '\n' : *text == 't' ? '\t' : *text);
		} else {
			*to++ = *text;
		}
	}
	*to = 0;
}

static bool parse_expect(struct script *script, struct line *line, char *rest)
{
	char *first = word(&rest), *time;
	double seconds = patience;

	if (line->command == EXPECT_SERIAL && first && strlen(first) == 1 && *first >= '0' && *first <= '3') {
		line->number = *first - '0';
		first = word(&rest);
	}
	time = first ? word(&rest) : NULL;
	if (!first || !*first || word(&rest) || !number(time, 0, 1e6, &seconds))
		return wrong(script, "no text to expect, or a time that is none",
			     "try expect \"login:\" 60");
	unescape(first);
	line->text = first;
	line->seconds = seconds;
	return true;
}

static bool parse_click(struct script *script, struct line *line, char *rest)
{
	static const char *const names[] = { "left", "right", "middle" };
	char *first = word(&rest);
	double dx = 0, dy = 0;

	line->number = 1;
	for (int n = 0; n < 3; n++) {
		if (first && !strcmp(first, names[n])) {
			line->number = 1 << n;
			first = word(&rest);
			break;
		}
	}
	if (first && (!number(first, -1e4, 1e4, &dx) || !number(word(&rest), -1e4, 1e4, &dy)))
		return wrong(script, "no button or way", "try click left 10 -5");
	line->dx = (int)dx;
	line->dy = (int)dy;
	return true;
}

static bool parse_one(struct script *script, char *rest, double least, double most, bool needed,
		      double *value, const char *advice)
{
	char *first = word(&rest);

	if ((!first && needed) || word(&rest) || !number(first, least, most, value))
		return wrong(script, "a number is missing or is none", advice);
	return true;
}

/* Takes the line that begins at text apart, in place. */
static bool parse(struct script *script, struct line *line, char *text)
{
	static const struct {
		const char *name;
		enum command command;
	} commands[] = {
		{ "expect", EXPECT }, { "expect-serial", EXPECT_SERIAL }, { "expect-stop", EXPECT_STOP },
		{ "type", TYPE }, { "click", CLICK }, { "screenshot", SCREENSHOT }, { "wait", WAIT },
		{ "quit", QUIT },
	};
	size_t length;
	double value = 0;
	bool good;

	text += strspn(text, " \t");
	length = strcspn(text, " \t");
	memset(line, 0, sizeof(*line));
	line->text = text;
	for (size_t n = 0; n < sizeof(commands) / sizeof(commands[0]); n++)
		if (strlen(commands[n].name) == length && !memcmp(text, commands[n].name, length))
			line->command = commands[n].command;
	text += length;
	switch (line->command) {
	case MONITOR:
		return true;
	case EXPECT:
	case EXPECT_SERIAL:
		return parse_expect(script, line, text);
	case EXPECT_STOP:
		line->seconds = patience;
		return parse_one(script, text, 0, 1e6, false, &line->seconds, "try expect-stop 10");
	case TYPE:
	case SCREENSHOT:
		line->text = word(&text);
		if (!line->text || word(&text))
			return wrong(script, "one text is wanted", "try type \"root\\n\" or screenshot a.png");
		return true;
	case CLICK:
		return parse_click(script, line, text);
	case WAIT:
		return parse_one(script, text, 0, 1e6, true, &line->seconds, "try wait 2.5");
	case QUIT:
		good = parse_one(script, text, 0, 255, false, &value, "try quit 0");
		line->number = (int)value;
		return good;
	}
	return true;
}

/* Goes to the next line that says something and copies it; false: there is none. */
static bool next_line(struct script *script, char *text)
{
	while (script->at < script->size) {
		const char *from = script->bytes + script->at;
		const char *end = memchr(from, '\n', script->size - script->at);
		size_t length = end ? (size_t)(end - from) : script->size - script->at;
		size_t blank;

		script->number++;
		script->at += (unsigned)(length + (end != NULL));
		if (length && from[length - 1] == '\r')
			length--;
		if (length >= LINE_MAX_BYTES)
			length = LINE_MAX_BYTES - 1;    /* script_open has refused it */
		memcpy(text, from, length);
		text[length] = 0;
		blank = strspn(text, " \t");
		if (text[blank] && text[blank] != '#')
			return true;
	}
	return false;
}

static bool check(struct script *script)
{
	char text[LINE_MAX_BYTES];
	struct line line;

	for (unsigned n = 0, line_bytes = 0; n < script->size; n++) {
		line_bytes = script->bytes[n] == '\n' ? 0 : line_bytes + 1;
		if (line_bytes >= LINE_MAX_BYTES || !script->bytes[n]) {
			complain("%s: no script: a line is too long, or there is a zero byte in it; "
				 "is this the right file?", script->name);
			return false;
		}
	}
	while (next_line(script, text)) {
		struct key_queue *scratch;
		const char *bad;
		bool good = true;

		if (!parse(script, &line, text))
			return false;
		if (line.command != TYPE)
			continue;
		scratch = calloc(1, sizeof(*scratch));
		good = scratch && key_queue_add_text(scratch, line.text, &bad);
		free(scratch);
		if (!good)
			return wrong(script, "there is an escape in the text that is no key",
				     "there are \\n \\t \\b \\e \\\\ and \\{f2}, \\{up}, \\{ctrl-c}");
	}
	script->at = script->number = 0;
	return true;
}

struct script *script_open(const char *name)
{
	FILE *file = strcmp(name, "-") ? fopen(name, "rb") : stdin;
	struct script *script = calloc(1, sizeof(*script));

	if (script && file)
		script->bytes = malloc(SCRIPT_BYTES);
	if (!file)
		complain("-script %s: %s; try another name", name, strerror(errno));
	else if (!script || !script->bytes)
		complain("-script %s: no memory for it; close other programs", name);
	if (!script || !script->bytes)
		goto failed;
	script->name = name;
	script->size = fread(script->bytes, 1, SCRIPT_BYTES, file);
	if (ferror(file) || script->size == SCRIPT_BYTES) {
		complain("-script %s: it cannot be read, or has more than 16 MiB; is this the right file?", name);
		goto failed;
	}
	if (!check(script))
		goto failed;
	if (file != stdin)
		fclose(file);
	return script;
failed:
	if (file && file != stdin)
		fclose(file);
	script_close(script);
	return NULL;
}

void script_close(struct script *script)
{
	if (!script)
		return;
	free(script->bytes);
	free(script);
}

/* ---- Doing ------------------------------------------------------------------------------------- */

uint64_t script_due(const struct script *script)
{
	return !script || script->done || script->ended ? UINT64_MAX : script->due;
}

bool script_ended(const struct script *script, int *code)
{
	if (script && script->ended)
		*code = script->code;
	return script && script->ended;
}

static void end(struct script *script, int code)
{
	script->ended = true;
	script->code = code;
}

static bool look(struct script *script, struct session *session)
{
	const struct line *line = &script->line;

	switch (line->command) {
	case EXPECT:
		return cbx_expect_screen(session->machine, line->text, 0, NULL) == CBX_OK;
	case EXPECT_SERIAL:
		return cbx_expect_serial(session->machine, (unsigned)line->number, line->text, 0, NULL) == CBX_OK;
	default:
		return session->paused;
	}
}

/* The line at work waits; true: not any more. */
static bool wait_is_over(struct script *script, struct session *session, uint64_t now)
{
	const struct line *line = &script->line;

	if (line->command == WAIT)
		return now >= script->deadline || session->paused;
	if (line->command == CLICK) {
		if (script->button_down)
			cbx_mouse(session->machine, 0, 0, 0, 0);
		else
			return true;
		script->button_down = false;
		script->due = now + button_time;
		return false;
	}
	if (look(script, session))
		return true;
	if (now >= script->deadline || session->paused) {
		complain("%s:%u: %s%s%s did not come within %g seconds of the guest's time%s", script->name,
			 script->number, line->command == EXPECT_STOP ? "a stop" : "\"",
			 line->command == EXPECT_STOP ? "" : line->text, line->command == EXPECT_STOP ? "" : "\"",
			 line->seconds, session->paused ? ": the machine is stopped" : "");
		end(script, EXIT_SCRIPT);
		return false;
	}
	script->due = script->deadline - now < look_every ? script->deadline : now + look_every;
	return false;
}

static void to_output(void *user, const char *text)
{
	(void)user;
	fputs(text, stdout);
}

/* Begins the line that has been parsed; waits if script->waiting is set. */
static void begin(struct script *script, struct session *session, uint64_t now)
{
	const struct line *line = &script->line;
	const char *bad;

	switch (line->command) {
	case MONITOR:
		if (!monitor_execute(session, line->text, to_output, NULL)) {
			complain("%s:%u: this could not be done: %s", script->name, script->number, line->text);
			end(script, EXIT_SCRIPT);
		}
		fflush(stdout);
		/* It may have set the guest back in time. */
		script->due = cbx_guest_time(session->machine);
		break;
	case TYPE:
		key_queue_add_text(&session->keys, line->text, &bad);
		break;
	case SCREENSHOT:
		if (!screenshot_write(session->machine, line->text))
			end(script, EXIT_SCRIPT);
		break;
	case CLICK:
		cbx_mouse(session->machine, line->dx, line->dy, 0, 0);
		cbx_mouse(session->machine, 0, 0, 0, (unsigned)line->number);
		script->button_down = true;
		script->waiting = true;
		script->due = now + button_time;
		break;
	case QUIT:
		end(script, line->number);
		break;
	case EXPECT:
	case EXPECT_SERIAL:
	case EXPECT_STOP:
	case WAIT:
		script->waiting = true;
		script->deadline = now + (uint64_t)(line->seconds * 1e9);
		script->due = line->command == WAIT ? script->deadline : now;
		break;
	}
}

bool script_work(struct script *script, struct session *session)
{
	bool did = false;

	while (script && !script->done && !script->ended) {
		uint64_t now = cbx_guest_time(session->machine);

		if (script->due > now && !session->paused)
			break;
		if (script->waiting) {
			if (!wait_is_over(script, session, now))
				break;
			script->waiting = false;
		}
		script->due = now;
		if (!next_line(script, script->text)) {
			script->done = true;
			break;
		}
		if (!parse(script, &script->line, script->text)) {
			end(script, EXIT_SCRIPT);
			break;
		}
		begin(script, session, now);
		did = true;
	}
	return did;
}

int script_machine_ended(struct script *script, int code)
{
	if (!script || script->done || script->ended || !script->waiting || script->line.command == CLICK)
		return code;
	complain("%s:%u: the machine ended while the script waited here", script->name, script->number);
	return EXIT_SCRIPT;
}
