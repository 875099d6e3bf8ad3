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

#endif
