/*
 * The monitor's line in a terminal, by libedit: history and completion.  libedit is given the
 * bytes that have been typed, one at a time, so that it never waits for the next.  The lines are kept from
 * run to run in $XDG_STATE_HOME/clearbox/monitor_history, for their owner's eyes.
 */
#include "monitor_port.h"

#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct line_editor {
	struct session *session;
	EditLine *edit;
	History *history;
	HistEvent event;
	const uint8_t *bytes;
	size_t count;
	bool open;
	bool entered;                   /* there are new lines to keep */
	/* Completion: what all the words found have in common, and how many there are. */
	char common[MONITOR_LINE];
	unsigned found;
	bool list;
};

static char *prompt(EditLine *edit)
{
	static char text[] = MONITOR_PROMPT;

	(void)edit;
	return text;
}

static int next_byte(EditLine *edit, wchar_t *character)
{
	struct line_editor *editor;

	el_get(edit, EL_CLIENTDATA, &editor);
	if (!editor->count)
		return 0;
	*character = *editor->bytes++;
	editor->count--;
	return 1;
}

static void found_word(void *user, const char *word)
{
	struct line_editor *editor = user;
	size_t same = 0;

	if (editor->list) {
		printf("%s%s", editor->found++ ? "  " : "\n", word);
		return;
	}
	if (!editor->found++) {
		snprintf(editor->common, sizeof(editor->common), "%s", word);
		return;
	}
	while (word[same] && word[same] == editor->common[same])
		same++;
	editor->common[same] = 0;
}

static unsigned char complete(EditLine *edit, int character)
{
	const LineInfo *info = el_line(edit);
	char line[MONITOR_LINE];
	size_t length = (size_t)(info->cursor - info->buffer), start, have;
	struct line_editor *editor;

	(void)character;
	el_get(edit, EL_CLIENTDATA, &editor);
	if (length >= sizeof(line))
		return CC_ERROR;
	memcpy(line, info->buffer, length);
	line[length] = 0;
	editor->found = 0;
	editor->list = false;
	start = monitor_complete(editor->session, line, found_word, editor);
	have = length - start;
	if (!editor->found)
		return CC_ERROR;
	if (editor->found == 1) {
		size_t end = strlen(editor->common);

		if (end && editor->common[end - 1] != '/' && end + 1 < sizeof(editor->common))
			strcpy(editor->common + end, " ");
	}
	if (strlen(editor->common) > have)
		return el_insertstr(edit, editor->common + have) ? CC_ERROR : CC_REFRESH;
	editor->found = 0;
	editor->list = true;
	monitor_complete(editor->session, line, found_word, editor);
	printf("\n");
	fflush(stdout);
	return CC_REDISPLAY;
}

/* ---- History from run to run ---------------------------------------------------------------------- */

enum { HISTORY_LINES = 500, HISTORY_BYTES = 1 << 20 };

/* The file's folder, or the file in it; false: nobody says where. */
static bool history_name(char *name, size_t size, const char *file)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME"), *local = "";

	/* What is not absolute does not count, says the standard. */
	if (!state || *state != '/') {
		state = home;
		local = "/.local/state";
	}
	return state && *state == '/' &&
	       (size_t)snprintf(name, size, "%s%s/clearbox%s", state, local, file) < size;
}

static void history_load(struct line_editor *editor)
{
	struct stat about;
	char name[1024];

	if (history_name(name, sizeof(name), "/monitor_history") && !stat(name, &about) &&
	    S_ISREG(about.st_mode) && about.st_size <= HISTORY_BYTES)
		history(editor->history, &editor->event, H_LOAD, name);
}

/* The folder with those above it, as mkdir -p does. */
static void make_folders(char *name)
{
	for (char *slash = strchr(name + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(name, 0700);
		*slash = '/';
	}
}

/* A new file takes the old one's place: two programs that end at once leave the lines of one. */
static void history_save(struct line_editor *editor)
{
	char name[1024], part[1024];
	mode_t mask;
	int saved;

	if (!editor->entered || !history_name(name, sizeof(name), "/monitor_history") ||
	    (size_t)snprintf(part, sizeof(part), "%s.%ld", name, (long)getpid()) >= sizeof(part))
		return;
	mask = umask(077);
	make_folders(name);
	saved = history(editor->history, &editor->event, H_SAVE, part);
	umask(mask);
	if (saved < 0 || rename(part, name))
		unlink(part);
}

struct line_editor *line_editor_new(struct session *session)
{
	struct line_editor *editor = calloc(1, sizeof(*editor));

	if (!editor)
		return NULL;
	editor->session = session;
	editor->edit = el_init("clearbox", stdin, stdout, stderr);
	editor->history = history_init();
	if (!editor->edit || !editor->history) {
		line_editor_free(editor);
		return NULL;
	}
	history(editor->history, &editor->event, H_SETSIZE, HISTORY_LINES);
	history(editor->history, &editor->event, H_SETUNIQUE, 1);
	history_load(editor);
	el_set(editor->edit, EL_CLIENTDATA, editor);
	el_set(editor->edit, EL_PROMPT, prompt);
	el_set(editor->edit, EL_EDITOR, "emacs");
	el_set(editor->edit, EL_SIGNAL, 0);
	el_set(editor->edit, EL_HIST, history, editor->history);
	el_set(editor->edit, EL_GETCFN, next_byte);
	el_set(editor->edit, EL_ADDFN, "clearbox-complete", "completes a word", complete);
	el_set(editor->edit, EL_BIND, "\t", "clearbox-complete", NULL);
	return editor;
}

void line_editor_free(struct line_editor *editor)
{
	if (editor->edit)
		el_end(editor->edit);
	if (editor->history) {
		history_save(editor);
		history_end(editor->history);
	}
	free(editor);
}

void line_editor_begin(struct line_editor *editor)
{
	editor->open = true;
	el_set(editor->edit, EL_UNBUFFERED, 1);
}

void line_editor_end(struct line_editor *editor)
{
	if (editor->open)
		el_set(editor->edit, EL_UNBUFFERED, 0);
	editor->open = false;
}

void line_editor_bytes(struct line_editor *editor, const uint8_t *bytes, size_t count,
		       void (*take)(void *user, const char *line), void *user)
{
	editor->bytes = bytes;
	editor->count = count;
	while (editor->count && editor->open) {
		int length = 0;
		const char *text = el_gets(editor->edit, &length);
		char line[MONITOR_LINE + 1];

		if (!text || length <= 0 || text[length - 1] != '\n')
			continue;
		snprintf(line, sizeof(line), "%.*s", length - 1, text);
		if (line[strspn(line, " ")]) {
			history(editor->history, &editor->event, H_ENTER, line);
			editor->entered = true;
		}
		line_editor_end(editor);
		take(user, line);
		line_editor_begin(editor);
	}
	fflush(stdout);
}
