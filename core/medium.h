/*
 * Inside the media of drives (medium.c, fork.c, history.c): maps of blocks, images that forks
 * share, and what each machine sees of them.
 */
#ifndef CORE_MEDIUM_H
#define CORE_MEDIUM_H

#include "ram.h"

enum { BLOCK_SIZE = PAGE_SIZE };

/* Blocks by number: open addressing, at most half full.  A place without a page is free. */
struct block_map {
	struct block_entry {
		uint64_t number;
		struct page *page;
	} *entry;
	size_t room, used;
};

struct page *block_get(const struct block_map *map, uint64_t number);
/* Puts it in, and takes over the hold on it; what was there goes.  False: no memory. */
bool block_put(struct page_pool *pool, struct block_map *map, uint64_t number, struct page *page);
/* Forgets all. */
void block_clear(struct page_pool *pool, struct block_map *map);

/*
 * What blocks of an image held when a fork was made, of those written since: by the machine that
 * the image belongs to, for the forks.  What is not in here is in a newer one or in the image.
 */
struct layer {
	unsigned users;                 /* forks, and the layer before; under the image's lock */
	struct layer *newer;
	struct block_map old;
};

/* A backend, and who looks at it.  With forks on several threads all is done under the lock. */
struct image {
	atomic_uint users;
	atomic_flag lock;
	struct cbx_disk_backend backend;
	struct layer *newest;
};

/* What one machine has in a drive. */
struct medium {
	unsigned users;                 /* the drive, a history */
	struct image *image;
	struct layer *layer;            /* of a fork; NULL: the image is this machine's own */
	uint64_t limit;                 /* bytes of own; 0: none */
	struct block_map own;           /* what a fork wrote */
	/* In the past: what differs from the image as it is now.  Writes go here. */
	struct block_map past;
};

static inline struct medium *medium_share(struct medium *medium)
{
	if (medium)
		medium->users++;
	return medium;
}
void medium_release(struct cbx_machine *machine, struct medium *medium);        /* NULL: nothing */
/* The same as another machine sees; NULL: no memory. */
struct medium *medium_fork(struct cbx_machine *machine, const struct medium *parent);
/* A backend of the machine's own. */
struct medium *medium_new(struct cbx_machine *machine, const struct cbx_disk_backend *disk);
/* What is in the past goes to the image: the past is the present now. */
enum cbx_status medium_commit(struct cbx_machine *machine, struct medium *medium);
/* How a device reaches what is in a drive. */
struct cbx_disk_backend medium_backend(struct cbx_machine *machine, unsigned drive);
/* Reads one block as the machine sees it; what is beyond the medium's end is zeros. */
enum cbx_status medium_block(struct cbx_machine *machine, struct medium *medium, uint64_t number,
			     uint8_t *bytes);

/* ---- history.c ---- */
/* The block is about to be written; false: its old contents could not be kept (now lost). */
void history_save_block(struct cbx_machine *machine, struct medium *medium, uint64_t number);
/* A call of a backend begins; its number. */
uint64_t history_outward(struct cbx_machine *machine);
/* It ended: what came in meanwhile comes in again, when it happens again. */
void history_outward_end(struct cbx_machine *machine, uint64_t number);
/* A read or write failed, or is to fail again (returns CBX_OK: it is not). */
void history_failed(struct cbx_machine *machine, uint64_t number, enum cbx_status status);
enum cbx_status history_failure(struct cbx_machine *machine, uint64_t number);

#endif
