/* Files that the program writes anew: whatever was in them is lost, so not into those that the machine is made of. */
#ifndef FRONTEND_OUTPUT_FILE_H
#define FRONTEND_OUTPUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Opens a file to be written from its beginning, as fopen does with "w".  A disk image that a machine uses
 * now, this one or another (disk_file.h locks it), and a file that was named to output_keep are left as they
 * are.  -1 or NULL with errno; output_problem(errno) says why.
 */
int output_open(const char *name);
FILE *output_file(const char *name);
const char *output_problem(int error);

/* What the machine was made of: firmware, kernel and so on.  A file that is not there is no matter. */
void output_keep(const char *name);

/*
 * The same, but what is there stays until all of it is written: output_done puts the new file, which
 * output_begin opened, in its place, or removes it if not good.  False: errno.  A device is written directly.
 */
struct output {
	FILE *file;
	char name[4096], temporary[4096 + 8];   /* temporary "": directly */
};
bool output_begin(struct output *output, const char *name);
bool output_done(struct output *output, bool good);

#endif
