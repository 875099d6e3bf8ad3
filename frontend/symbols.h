/* Names of guest addresses: from ELF files and System.map. */
#ifndef FRONTEND_SYMBOLS_H
#define FRONTEND_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
	uint64_t address;
	const char *name;
};

struct symbols {
	struct symbol *list;            /* by address */
	size_t count, room;
	struct symbol *names;           /* the same by name */
	char **texts;                   /* where the names are */
	size_t text_count;
};

/* Adds what a file names, moved by offset; complains and returns false if it is no such file. */
bool symbols_load(struct symbols *symbols, const char *path, uint64_t offset);
void symbols_clear(struct symbols *symbols);

/* An address by name (length bytes); false: there is none. */
bool symbols_find(const struct symbols *symbols, const char *name, size_t length,
		  uint64_t *address);
/* The last name at or before address, NULL if there is none near; *offset is what is beyond it. */
const char *symbols_at(const struct symbols *symbols, uint64_t address, uint64_t *offset);
/* The n-th name beginning with prefix, NULL: no more. */
const char *symbols_prefix(const struct symbols *symbols, const char *prefix, size_t n);

#endif
