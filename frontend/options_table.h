/* Inside of the command line, shared by the options*.c files. */
#ifndef FRONTEND_OPTIONS_TABLE_H
#define FRONTEND_OPTIONS_TABLE_H

#include "options.h"

struct context {
	struct options *options;
	FILE *out, *errors;
	const char *name;               /* of the option being parsed */
};

struct option {
	const char *name;
	const char *argument;           /* as help shows it, NULL: none */
	const char *help;
	enum options_result (*parse)(struct context *context, const char *value);
};

/* options.c: NULL if there is no such option; complains that there is none, with the nearest. */
const struct option *option_find(const char *name);
enum options_result option_unknown(const struct context *context, const char *given);
/* The option's name as the table has it, of an argument of the command line. */
const char *option_plain_name(const char *argument);

/* options_values.c: complains about the option's value: why, and what to try instead. */
enum options_result bad(const struct context *context, const char *value, const char *why,
			const char *advice);
/* The value, up to the first of its stops, is none of the words; the last of those is NULL. */
enum options_result bad_word(const struct context *context, const char *value, const char *stops,
			     const char *const *words, const char *why, const char *advice);
/* A whole number, decimal or 0x...; *end is what follows it. */
bool option_number(const char *text, uint64_t *value, const char **end);
bool option_seconds(const char *text, double *value, const char **end);
/* A service's name, or a number from 1 to 65535: the host would take others for such. */
bool option_is_port(const char *text);
/* 2026-11-22 or 2026-11-22T10:20:30, as seconds since 1970 */
bool option_date(const char *text, int64_t *seconds);
/* Takes the next "key=value" or "word" off a comma list; value is "" for a word. */
bool option_item(const char **list, char *key, size_t key_size, char *value, size_t value_size);

/* options_channels.c */
enum options_result option_channel(struct context *context, const char *value,
				   struct channel_option *channel);
enum options_result option_monitor(struct context *context, const char *value,
				   struct channel_option *monitor);

/* options_files.c: all that -f names, before anything else is looked at. */
enum options_result options_read_files(struct context *context, int argc, char **argv);

#endif
