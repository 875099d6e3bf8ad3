/* The screen as files, at the end of a run. */
#ifndef FRONTEND_SCREENSHOT_H
#define FRONTEND_SCREENSHOT_H

#include <stdbool.h>

struct cbx_machine;

/* .ppm, or .png if built with libpng.  Complains and returns false if it cannot be written. */
bool screenshot_write(struct cbx_machine *machine, const char *name);
/* "-": standard output.  In a graphics mode the file is empty. */
bool screen_text_write(struct cbx_machine *machine, const char *name);

#endif
