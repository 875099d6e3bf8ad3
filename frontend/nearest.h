/* What a misspelt word was meant to be. */
#ifndef FRONTEND_NEAREST_H
#define FRONTEND_NEAREST_H

#include <stddef.h>

/* Start with { .given = the word }, offer all the words there are, and look at word: NULL if none is near. */
struct nearest {
	const char *given;
	size_t length;                  /* of given; 0: all of it */
	const char *word;
	unsigned distance;
};

void nearest_offer(struct nearest *nearest, const char *word);

#endif
