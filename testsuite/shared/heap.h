/* An allocator for tests: it counts, and fails on demand. */
#ifndef TESTSUITE_SHARED_HEAP_H
#define TESTSUITE_SHARED_HEAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct heap {
	uint64_t allocated, peak;       /* bytes */
	uint64_t allocations;           /* ever, or since somebody cleared it */
	unsigned fail_in;               /* the n-th from now on fails, and all after it; 0: none */
	bool poison;                    /* new bytes are A5h */
};

/* Each block is preceded by its size, in room that keeps the alignment. */
enum { HEAP_HEAD = 32 };

/* user is the struct heap. */
static inline void *heap_reallocate(void *user, void *memory, size_t size)
{
	uint8_t *head = memory ? (uint8_t *)memory - HEAP_HEAD : NULL;
	struct heap *heap = user;
	size_t old = 0;

	if (head)
		memcpy(&old, head, sizeof(old));
	if (!size) {
		heap->allocated -= old;
		free(head);
		return NULL;
	}
	heap->allocations++;
	if (heap->fail_in == 1 || size > SIZE_MAX - HEAP_HEAD)
		return NULL;
	if (heap->fail_in)
		heap->fail_in--;
	head = realloc(head, size + HEAP_HEAD);
	if (!head)
		return NULL;
	if (heap->poison && size > old)
		memset(head + HEAP_HEAD + old, 0xa5, size - old);
	heap->allocated += size - old;
	heap->peak = heap->allocated > heap->peak ? heap->allocated : heap->peak;
	memcpy(head, &size, sizeof(size));
	return head + HEAP_HEAD;
}

#endif
