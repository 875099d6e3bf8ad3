/* A machine's saved state as a file: what the library saves, and with which disks. */
#ifndef FRONTEND_STATE_FILE_H
#define FRONTEND_STATE_FILE_H

#include <stdbool.h>

struct session;

/*
 * Between runs of the machine.  Both complain (what, why, what to try) and return false if it
 * cannot be.  Saving writes a new file and only then puts it in the place of an old one; loading
 * changes nothing unless all is good: the file whole, the machine and the disks those it was
 * saved with.  When it takes longer than half a second, a line on standard error says so.
 */
bool state_file_save(struct session *session, const char *path);
bool state_file_load(struct session *session, const char *path);

#endif
