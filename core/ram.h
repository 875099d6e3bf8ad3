/*
 * Inside the memory part (ram.c, map.c, memory.c, state.c): pages, RAM objects, regions.
 */
#ifndef CORE_RAM_H
#define CORE_RAM_H

#include <stdatomic.h>

#include "machine.h"
#include "memory.h"

enum { SLAB_PAGES = 64, LEAF_BITS = 7, LEAF_PAGES = 1 << LEAF_BITS };

/*
 * 4 KiB of guest bytes.  users counts who holds it (leaves of page tables, a history): a page
 * with more than one is never written.  A page table's NULL stands for a page of zeros.
 */
struct page {
	uint8_t *bytes;
	struct slab *slab;
	struct page *next;              /* free pages of the slab */
	atomic_uint users;
	uint32_t epoch;                 /* of the memory that it was last saved or made in */
};

/*
 * Page tables are cut into leaves, which forks share until one of them writes there: a leaf
 * with more than one user is never changed.  A NULL stands for a leaf of NULLs.
 */
struct leaf {
	atomic_uint users;
	struct page *page[LEAF_PAGES];
};

/* Pages are cut from slabs; a slab nobody has a page of goes back to the host. */
struct slab {
	struct slab *next, *previous;   /* slabs with free pages */
	struct page *free;
	unsigned used;
	void *memory;
	struct page pages[SLAB_PAGES];
};

/*
 * Where pages come from.  It serves a machine and its forks, which may be on different threads:
 * the lock is held for a few instructions at a time, and never while the host is asked for memory.
 */
struct page_pool {
	struct cbx_machine_options options;     /* the allocator */
	struct slab *room;
	atomic_flag lock;
	atomic_uint machines;
};

/* What a page held before it was first written in an epoch; page NULL: zeros. */
struct page_saved {
	uint32_t ram, index;
	struct page *page;
};

struct page_diff {
	struct page_saved *saved;
	size_t count, room;
};

enum { PAGE_CLEAN = 1, PAGE_CODE = 2 };          /* neither: dirty */

enum { RAM_NAME_SIZE = 40 };

struct cbx_ram {
	struct cbx_machine *machine;
	char name[RAM_NAME_SIZE];
	uint64_t size, backing;         /* backing of its first byte */
	size_t page_count, leaf_count;
	struct leaf **pages;
	struct leaf **initial;          /* what power-on gives */
	unsigned number;                /* in memory->rams */
	uint8_t *flags;
	bool sealed;                    /* initial is final */
	bool bus_master;                /* some region lets it be written: RAM, not ROM */
};

struct cbx_region {
	struct memory *memory;
	struct cbx_device *device;      /* of io */
	const struct cbx_io *io;        /* NULL: ram */
	struct cbx_ram *ram;
	uint64_t offset;                /* in ram */
	uint64_t base, size;
	unsigned access;
	int priority;
	unsigned index;                 /* order of creation */
};

/* A piece of a flat map: who answers from first to last. */
struct range {
	uint64_t first, last;
	struct cbx_region *region;
};

struct flat_map {
	struct range *ranges;           /* ascending, apart from each other */
	unsigned count;
	unsigned hit;                   /* the one that answered last */
};

enum { MAP_READ, MAP_WRITE };

struct memory {
	struct cbx_machine *machine;
	struct page_pool *pool;
	struct cbx_ram **rams;          /* ascending by backing */
	unsigned ram_count;
	uint64_t backing_end;
	struct cbx_region **regions;    /* the one that wins first */
	unsigned region_count;
	uint64_t *edges;                /* room for flat_rebuild */
	struct flat_map flat[2];        /* by MAP_* */
	bool stale;                     /* flat is to be made anew */
	bool a20;
	/* A history wants the old contents of what is written: of pages of another epoch. */
	struct page_diff *saving;       /* NULL: there is no history */
	uint32_t epoch;
};

extern const uint8_t zero_page[PAGE_SIZE];

/* ---- ram.c ---- */
struct page_pool *pool_new(const struct cbx_machine_options *options);
void pool_free(struct page_pool *pool);                 /* for one machine */
struct page *page_new(struct page_pool *pool);          /* one user, bytes undefined; or NULL */
static inline struct page *page_share(struct page *page)
{
	if (page)
		atomic_fetch_add_explicit(&page->users, 1, memory_order_relaxed);
	return page;
}
/* Is there no other user?  What the others did before they went is seen then. */
static inline bool page_is_own(const struct page *page)
{
	return atomic_load_explicit(&page->users, memory_order_acquire) == 1;
}
void page_release(struct page_pool *pool, struct page *page);   /* NULL: nothing */
static inline const uint8_t *page_bytes(const struct page *page)
{
	return page ? page->bytes : zero_page;
}
/* Page tables of count leaves. */
void leaf_release(struct page_pool *pool, struct leaf *leaf);   /* NULL: nothing */
void leaves_share(struct leaf **to, struct leaf *const *from, size_t count);
/* The leaf that may be changed; NULL: no memory. */
struct leaf *leaf_own(struct page_pool *pool, struct leaf **leaves, size_t index);
static inline struct page *leaves_page(struct leaf *const *leaves, size_t index)
{
	const struct leaf *leaf = leaves[index >> LEAF_BITS];

	return leaf ? leaf->page[index & (LEAF_PAGES - 1)] : NULL;
}
/* The page at this offset, for reading. */
static inline const uint8_t *ram_bytes(const struct cbx_ram *ram, uint64_t offset)
{
	return page_bytes(leaves_page(ram->pages, (size_t)(offset >> PAGE_BITS)));
}
/* A RAM of a fork: has what the other has. */
void ram_adopt(struct cbx_ram *ram, const struct cbx_ram *parent);
void ram_free(struct cbx_ram *ram);
void ram_seal(struct cbx_ram *ram);
void ram_power_on(struct cbx_ram *ram);
/* Host bytes that may be written, the page marked dirty; NULL: no memory left. */
uint8_t *ram_private(struct cbx_ram *ram, size_t index);
/* count bytes of one page at this offset are about to be written: bytes at offset or NULL. */
uint8_t *ram_write_begin(struct cbx_ram *ram, uint64_t offset, size_t count);
struct cbx_ram *ram_of_backing(struct memory *memory, uint64_t backing);
/* Tells the processor, if there is one by now. */
void ram_changed(struct cbx_machine *machine, uint64_t backing);

/* ---- map.c ---- */
/* Who answers at address for MAP_READ or MAP_WRITE; NULL: nobody. */
struct cbx_region *map_find(struct memory *memory, uint64_t address, unsigned kind);
static inline uint64_t region_ram_offset(const struct cbx_region *region, uint64_t address)
{
	return region->offset + (address - region->base);
}
struct cbx_map_range;
enum cbx_status map_range_at(struct memory *memory, uint64_t address, unsigned kind,
			     struct cbx_map_range *range);
/* region_new_ram without a device, for the machine's own RAM. */
enum cbx_status map_new_ram_region(struct cbx_machine *machine, struct cbx_ram *ram,
				   uint64_t offset, uint64_t size, struct cbx_region **region);

/* ---- bus.c: access widths, for ports and regions ---- */
/* range is the size of what io answers for; offset + width may be beyond it by now. */
uint64_t bus_read(const struct cbx_io *io, struct cbx_device *device, uint64_t range,
		  uint64_t offset, unsigned width, unsigned *done);
unsigned bus_write(const struct cbx_io *io, struct cbx_device *device, uint64_t range,
		   uint64_t offset, uint64_t value, unsigned width);
bool bus_io_valid(const struct cbx_io *io);

#endif
