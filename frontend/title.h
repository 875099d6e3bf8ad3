/* The line over a window: what the machine does, in numbers. */
#ifndef FRONTEND_TITLE_H
#define FRONTEND_TITLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct title {
	const char *name;               /* of the guest, "": none */
	const char *active;             /* drives and networks at work, such as "hda net", "" */
	const char *hint;               /* what to press */
	bool paused;
	uint64_t host, guest;           /* ns that passed for either since the line was made last */
	uint64_t executed;              /* instructions in that time */
	uint64_t instructions;          /* all */
};

/* Puts the line into text, 0-ended and cut to size. */
void title_line(const struct title *title, char *text, size_t size);

/* A number of instructions as people read it: "834", "12.3 k", "4.56 G". */
void title_number(uint64_t number, char *text, size_t size);

#endif
