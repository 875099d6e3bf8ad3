/* What a terminal sends when keys are pressed, turned into keys. */
#ifndef FRONTEND_TERMINAL_KEYS_H
#define FRONTEND_TERMINAL_KEYS_H

#include "keys.h"

enum { TERMINAL_INCOMPLETE = 0 };

/*
 * The key at the start of the bytes: *key, with usage 0 for something that is no key.
 * Returns how many bytes it took, or TERMINAL_INCOMPLETE when more must come; with last
 * set nothing more comes, and what there is is taken as it is.
 */
size_t terminal_key(const uint8_t *bytes, size_t count, bool last, struct key *key);

/* A mouse report of xterm's SGR form (mode 1006): ESC [ < BUTTONS ; COLUMN ; ROW M or m. */
struct terminal_mouse {
	unsigned column, row;           /* from 0 */
	unsigned button;                /* 0 left, 1 middle, 2 right, 3 none */
	bool down, motion;              /* a button goes down; the mouse moved */
	int wheel;                      /* -1: away */
};

/* How many bytes a report takes; TERMINAL_OTHER: these bytes are none; TERMINAL_INCOMPLETE: not yet all there. */
#define TERMINAL_OTHER SIZE_MAX
size_t terminal_mouse_report(const uint8_t *bytes, size_t count, struct terminal_mouse *mouse);

#endif
