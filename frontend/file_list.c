/* Folders for the window's menu: see file_list.h. */
#include "file_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static int by_name(const void *a, const void *b)
{
	const struct file_entry *x = a, *y = b;
	bool x_up = !strcmp(x->name, ".."), y_up = !strcmp(y->name, "..");

	if (x_up != y_up)
		return x_up ? -1 : 1;
	if (x->folder != y->folder)
		return x->folder ? -1 : 1;
	return strcasecmp(x->name, y->name);
}

static bool join(char *path, size_t size, const char *folder, const char *name)
{
	int length = snprintf(path, size, "%s%s%s", folder, strcmp(folder, "/") ? "/" : "", name);

	return length > 0 && (size_t)length < size;
}

/* False: no memory. */
static bool add(struct file_list *list, unsigned *room, const char *name)
{
	char path[FILE_LIST_PATH + 300];
	struct file_entry *entry;
	struct stat about;

	if (!join(path, sizeof(path), list->folder, name) || stat(path, &about))
		return true;            /* it has gone, or nobody may look at it */
	if (!S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode) && !S_ISBLK(about.st_mode))
		return true;
	if (list->count == *room) {
		unsigned more = *room ? *room * 2 : 64;

		entry = realloc(list->entries, more * sizeof(*entry));
		if (!entry)
			return false;
		list->entries = entry;
		*room = more;
	}
	entry = &list->entries[list->count];
	entry->name = strdup(name);
	if (!entry->name)
		return false;
	entry->folder = S_ISDIR(about.st_mode);
	entry->bytes = (uint64_t)about.st_size;
	list->count++;
	return true;
}

bool file_list_read(struct file_list *list, const char *folder)
{
	struct file_list next = { .folder = "" };
	struct dirent *entry;
	unsigned room = 0;
	bool good = true;
	char *absolute;
	DIR *dir;

	absolute = realpath(folder, NULL);
	if (!absolute)
		return false;
	if (strlen(absolute) >= sizeof(next.folder)) {
		free(absolute);
		errno = ENAMETOOLONG;
		return false;
	}
	strcpy(next.folder, absolute);
	free(absolute);
	dir = opendir(next.folder);
	if (!dir)
		return false;
	while (good && next.count < FILE_LIST_MOST && (entry = readdir(dir))) {
		bool up = !strcmp(entry->d_name, "..");

		if ((*entry->d_name != '.' || up) && !(up && !strcmp(next.folder, "/")))
			good = add(&next, &room, entry->d_name);
	}
	closedir(dir);
	if (!good) {
		file_list_free(&next);
		errno = ENOMEM;
		return false;
	}
	if (next.count)
		qsort(next.entries, next.count, sizeof(*next.entries), by_name);
	file_list_free(list);
	*list = next;
	return true;
}

bool file_list_path(const struct file_list *list, unsigned entry, char *path, size_t size)
{
	return entry < list->count && join(path, size, list->folder, list->entries[entry].name);
}

unsigned file_list_find(const struct file_list *list, const char *letters)
{
	unsigned i = 0;

	while (i < list->count && strncasecmp(list->entries[i].name, letters, strlen(letters)))
		i++;
	return i;
}

void file_list_free(struct file_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->entries[i].name);
	free(list->entries);
	list->entries = NULL;
	list->count = 0;
}
