/* Configuration files (-f, -writeconfig): options by their names, one a line. */
#ifndef FRONTEND_CONFIG_FILE_H
#define FRONTEND_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CONFIG_FILES = 8, CONFIG_SETTINGS = 256 };

/* What was set, in its order, for -writeconfig; and the files' text, which options point into. */
struct config {
	char *text[CONFIG_FILES];
	unsigned files;
	struct {
		const char *name, *value;       /* value NULL: an option without one */
	} setting[CONFIG_SETTINGS];
	unsigned settings;              /* one more than there is room for: some are missing */
	const char *write;              /* -writeconfig, NULL: not given */
};

/*
 * Reads a file and calls set for each of its settings, "name = value"; value is NULL for one
 * without (name, name = yes).  What set writes to its errors is shown with file and line
 * before it.  False: it complained, or set returned false.
 */
bool config_read(struct config *config, const char *path, FILE *errors,
		 bool (*set)(void *user, const char *name, const char *value, FILE *errors),
		 void *user);
/* yes, on, true, 1 (or NULL) and their contraries; false: it is neither. */
bool config_flag(const char *value, bool *on);
/* Remembers a setting for config_write. */
void config_note(struct config *config, const char *name, const char *value);
/* Writes the settings, "-" to standard output; complains and returns false if that cannot be. */
bool config_write(const struct config *config, const char *path, FILE *errors);
void config_free(struct config *config);

#endif
