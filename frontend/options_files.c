/* Options from files (-f): as on the command line, whose options win. */
#include "options_table.h"

#include <string.h>

struct from_file {
	struct context *context;
	int argc;
	char **argv;
	enum options_result result;
};

/* Is it on the command line, too? */
static bool is_given(const struct from_file *from, const char *name)
{
	for (int i = 1; i < from->argc; i++) {
		const struct option *option;

		if (from->argv[i][0] != '-' || !from->argv[i][1]) {
			if (!strcmp(name, "disk"))
				return true;
			continue;
		}
		option = option_find(option_plain_name(from->argv[i]));
		if (option && !strcmp(option->name, name))
			return true;
		if (option && option->argument)
			i++;
	}
	return false;
}

static bool set_from_file(void *user, const char *name, const char *value, FILE *errors)
{
	static const char *const never[] = { "f", "writeconfig", "help", "version" };
	struct from_file *from = user;
	struct context context = *from->context;
	const struct option *option = option_find(name);
	bool on = true;

	context.errors = errors;
	context.name = name;
	from->result = OPTIONS_BAD;
	if (!strcmp(name, "disk") && value) {
		from->result = OPTIONS_RUN;
		if (is_given(from, name))
			return true;
		context.options->bare = value;
		config_note(&context.options->config, "disk", value);
		return true;
	}
	for (unsigned i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (strcmp(name, never[i]))
			continue;
		fprintf(errors, "%s: it is for the command line; leave it out\n", name);
		return false;
	}
	if (!option) {
		option_unknown(&context, name);
		return false;
	}
	if (option->argument && !value) {
		fprintf(errors, "%s: it needs a value; try %s = %s\n", name, name, option->argument);
		return false;
	}
	if (!option->argument && !config_flag(value, &on)) {
		fprintf(errors, "%s = %s: it is yes or no\n", name, value);
		return false;
	}
	from->result = OPTIONS_RUN;
	if (!on || is_given(from, option->name))
		return true;
	config_note(&context.options->config, option->name, option->argument ? value : NULL);
	from->result = option->parse(&context, option->argument ? value : NULL);
	return from->result == OPTIONS_RUN;
}

enum options_result options_read_files(struct context *context, int argc, char **argv)
{
	struct from_file from = { context, argc, argv, OPTIONS_RUN };

	for (int i = 1; i < argc; i++) {
		const struct option *option;

		if (argv[i][0] != '-' || !argv[i][1])
			continue;
		option = option_find(option_plain_name(argv[i]));
		if (!option || !option->argument || i + 1 >= argc)
			continue;
		if (!strcmp(option->name, "f") &&
		    !config_read(&context->options->config, argv[i + 1], context->errors, set_from_file, &from))
			return from.result == OPTIONS_RUN ? OPTIONS_BAD : from.result;
		i++;
	}
	return OPTIONS_RUN;
}
