/*
 * Configuration files.  A line is empty, a comment that begins with # or ;, or a setting: an
 * option's name and its value after "=".  Blanks around both are left out; a value in "..." keeps
 * its own. An option without a value stands alone or is set to yes; no leaves it out.
 */
#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output_file.h"

enum { CONFIG_MAX = 1 << 20 };

static bool fail(FILE *errors, const char *option, const char *path, const char *why,
		 const char *advice)
{
	fprintf(errors, "clearbox: -%s %s: %s; %s\n", option, path, why, advice);
	return false;
}

static char *read_text(const char *path, FILE *errors)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = NULL;
	char *text = NULL;
	struct stat about;
	size_t have = 0;

	if (fd < 0 || fstat(fd, &about))
		why = strerror(errno);
	else if (!S_ISREG(about.st_mode))
		why = "it is no file";
	else if (about.st_size > CONFIG_MAX)
		why = "it is larger than a MiB";
	else if (!(text = calloc(1, (size_t)about.st_size + 1)))
		why = "there is no memory for it";
	while (!why && have < (size_t)about.st_size) {
		ssize_t n = read(fd, text + have, (size_t)about.st_size - have);

		if (n > 0)
			have += (size_t)n;
		else if (n == 0)
			break;
		else if (errno != EINTR)
			why = strerror(errno);
	}
	if (!why && strlen(text) != have)
		why = "there is a NUL byte in it";
	if (fd >= 0)
		close(fd);
	if (!why)
		return text;
	free(text);
	fail(errors, "f", path, why, "is this the right file?");
	return NULL;
}

/* Blanks off both ends, in place. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length && strchr(" \t\r", text[length - 1]))
		text[--length] = 0;
	return text;
}

static bool is_one_of(const char *value, const char *const *words)
{
	for (; *words; words++)
		if (!strcasecmp(value, *words))
			return true;
	return false;
}

/* One setting; what is said about it goes to errors with the place before it. */
static bool set_line(const char *path, unsigned number, char *line, FILE *errors,
		     bool (*set)(void *user, const char *name, const char *value, FILE *errors),
		     void *user)
{
	char *equals = strchr(line, '='), *name, *value = NULL, *said = NULL;
	size_t length = 0;
	FILE *memory;
	bool good;

	if (equals)
		*equals = 0;
	name = trim(line);
	if (*name == '-')
		name += strspn(name, "-");
	if (!*name || *name == '[' || name[strcspn(name, " \t")]) {
		fprintf(errors,
			"clearbox: %s:%u: %.60s: not name = value; try hda = disk.img (without "
			"sections)\n",
			path, number, name);
		return false;
	}
	if (equals) {
		value = trim(equals + 1);
		length = strlen(value);
		if (length >= 2 && *value == '"' && value[length - 1] == '"') {
			value[length - 1] = 0;
			value++;
		}
	}
	memory = open_memstream(&said, &length);
	if (!memory) {
		fprintf(errors, "clearbox: %s:%u: no memory; close other programs\n", path, number);
		return false;
	}
	good = set(user, name, value, memory);
	fclose(memory);
	if (said && length) {
		static const char own[] = "clearbox: ";
		const char *text =
			strncmp(said, own, sizeof(own) - 1) ? said : said + sizeof(own) - 1;

		fprintf(errors, "clearbox: %s:%u: %s", path, number, text);
	}
	free(said);
	return good;
}

bool config_read(struct config *config, const char *path, FILE *errors,
		 bool (*set)(void *user, const char *name, const char *value, FILE *errors),
		 void *user)
{
	unsigned number = 1;
	char *at, *next;

	if (config->files == CONFIG_FILES)
		return fail(errors, "f", path, "that is more than 8 files", "put them together");
	at = read_text(path, errors);
	if (!at)
		return false;
	config->text[config->files++] = at;
	for (; at; at = next, number++) {
		char *line;

		next = strchr(at, '\n');
		if (next)
			*next++ = 0;
		line = trim(at);
		if (!*line || *line == '#' || *line == ';')
			continue;
		if (!set_line(path, number, line, errors, set, user))
			return false;
	}
	return true;
}

bool config_flag(const char *value, bool *on)
{
	static const char *const yes[] = { "yes", "on", "true", "1", NULL };
	static const char *const no[] = { "no", "off", "false", "0", NULL };

	*on = !value || is_one_of(value, yes);
	return *on || is_one_of(value, no);
}

void config_note(struct config *config, const char *name, const char *value)
{
	if (config->settings >= CONFIG_SETTINGS) {
		config->settings = CONFIG_SETTINGS + 1;
		return;
	}
	config->setting[config->settings].name = name;
	config->setting[config->settings++].value = value;
}

static bool needs_quotes(const char *value)
{
	size_t length = strlen(value);

	return !length || strchr(" \t\"", *value) || strchr(" \t\r", value[length - 1]);
}

static bool is_same_file(const char *name, const char *path)
{
	struct stat one, other;

	return name && !stat(name, &one) && !stat(path, &other) && S_ISREG(one.st_mode) &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* Can all of it be written?  Nothing is, if not. */
static bool check(const struct config *config, const char *path, FILE *errors)
{
	if (config->settings > CONFIG_SETTINGS)
		return fail(errors, "writeconfig", path, "that is more than 256 settings", "leave some out");
	for (unsigned i = 0; i < config->settings; i++) {
		if (is_same_file(config->setting[i].value, path)) {
			fprintf(errors, "clearbox: -writeconfig %s: that is the file of -%s; try another name\n",
				path, config->setting[i].name);
			return false;
		}
		if (!config->setting[i].value || !strchr(config->setting[i].value, '\n'))
			continue;
		fprintf(errors,
			"clearbox: -writeconfig %s: the value of -%s has more than one line; write it in one\n",
			path, config->setting[i].name);
		return false;
	}
	return true;
}

bool config_write(const struct config *config, const char *path, FILE *errors)
{
	struct output output = { .file = stdout };
	bool to_file = strcmp(path, "-");
	FILE *file;

	if (!check(config, path, errors))
		return false;
	if (to_file && !output_begin(&output, path))
		return fail(errors, "writeconfig", path, output_problem(errno), "try another name");
	file = output.file;
	fputs("# clearbox -f reads this; options on its command line win\n", file);
	for (unsigned i = 0; i < config->settings; i++) {
		const char *value = config->setting[i].value, *quote;

		quote = value && needs_quotes(value) ? "\"" : "";
		fprintf(file, "%s = %s%s%s\n", config->setting[i].name, quote,
			value ? value : "yes", quote);
	}
	if (to_file ? !output_done(&output, true) : fflush(file) || ferror(file))
		return fail(errors, "writeconfig", path, strerror(errno),
			    "is the host's disk full?");
	return true;
}

void config_free(struct config *config)
{
	for (unsigned i = 0; i < config->files; i++)
		free(config->text[i]);
	memset(config, 0, sizeof(*config));
}
