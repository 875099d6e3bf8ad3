/* The names in a folder, for somebody to choose from. */
#ifndef FRONTEND_FILE_LIST_H
#define FRONTEND_FILE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILE_LIST_MOST = 5000, FILE_LIST_PATH = 1024 };

struct file_entry {
	char *name;
	uint64_t bytes;
	bool folder;
};

struct file_list {
	char folder[FILE_LIST_PATH];    /* absolute */
	struct file_entry *entries;     /* folders first, each kind by name; ".." is the first of all */
	unsigned count;
};

/*
 * Reads a folder; hidden files are left out.  False: it cannot be read, and the list is as
 * it was; the reason is in errno.
 */
bool file_list_read(struct file_list *list, const char *folder);
/* The path of an entry; false: it is too long. */
bool file_list_path(const struct file_list *list, unsigned entry, char *path, size_t size);
/* The first entry whose name begins with those letters, upper or lower case; count if none does. */
unsigned file_list_find(const struct file_list *list, const char *letters);
void file_list_free(struct file_list *list);

#endif
