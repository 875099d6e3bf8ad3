/*
 * Inside the memory part (ram.c, map.c, memory.c, state.c): pages, RAM objects, regions.
 */
#ifndef CORE_RAM_H
#define CORE_RAM_H

#include "machine.h"
#include "memory.h"

enum { SLAB_PAGES = 64 };

/*
 * 4 KiB of guest bytes.  users counts the page tables that hold it: a page with more
 * than one is never written.  A page table's NULL stands for a page of zeros.
 */
struct page {
	uint8_t *bytes;
	struct slab *slab;
	struct page *next;              /* free pages of the slab */
	uint32_t users;
};

/* Pages are cut from slabs; a slab nobody has a page of goes back to the host. */
struct slab {
	struct slab *next, *previous;   /* slabs with free pages */
	struct page *free;
	unsigned used;
	void *memory;
	struct page pages[SLAB_PAGES];
};

/* Where pages come from; may serve several machines of one allocator. */
struct page_pool {
	struct cbx_machine_options options;     /* the allocator */
	struct slab *room;
	unsigned machines;
};

enum { PAGE_DIRTY = 1, PAGE_CODE = 2 };

enum { RAM_NAME_SIZE = 40 };

struct cbx_ram {
	struct cbx_machine *machine;
	char name[RAM_NAME_SIZE];
	uint64_t size, backing;         /* backing of its first byte */
	size_t page_count;
	struct page **pages;
	struct page **initial;          /* what power-on gives */
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
};

extern const uint8_t zero_page[PAGE_SIZE];

/* ---- ram.c ---- */
struct page_pool *pool_new(const struct cbx_machine_options *options);
void pool_free(struct page_pool *pool);                 /* for one machine */
struct page *page_new(struct page_pool *pool);          /* one user, bytes undefined; or NULL */
void page_release(struct page_pool *pool, struct page *page);   /* NULL: nothing */
static inline const uint8_t *page_bytes(const struct page *page)
{
	return page ? page->bytes : zero_page;
}
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
