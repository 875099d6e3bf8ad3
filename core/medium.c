/*
 * Media of drives.  A device reaches its disk by a backend of ours, which knows three things
 * that the embedder's does not: what a fork wrote itself and must not reach the image, what the
 * image held when a fork was made, and what it held when the past is looked at.
 *
 * Blocks are kept as pages of 4 KiB, which are shared like those of RAM.
 */
#include "history.h"

/* ---- Maps ------------------------------------------------------------------------------------ */

static struct block_entry *block_place(struct block_entry *entry, size_t room, uint64_t number)
{
	size_t i = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);

	while (entry[i].page && entry[i].number != number)
		i = (i + 1) & (room - 1);
	return &entry[i];
}

struct page *block_get(const struct block_map *map, uint64_t number)
{
	return map->used ? block_place(map->entry, map->room, number)->page : NULL;
}

static bool block_grow(struct page_pool *pool, struct block_map *map)
{
	size_t room = map->room ? 2 * map->room : 16;
	struct block_entry *entry;

	if (room > SIZE_MAX / 2 / sizeof(*entry))
		return false;
	entry = options_allocate(&pool->options, room * sizeof(*entry));
	if (!entry)
		return false;
	for (size_t i = 0; i < map->room; i++)
		if (map->entry[i].page)
			*block_place(entry, room, map->entry[i].number) = map->entry[i];
	if (map->entry)
		options_reallocate(&pool->options, map->entry, 0);
	map->entry = entry;
	map->room = room;
	return true;
}

bool block_put(struct page_pool *pool, struct block_map *map, uint64_t number, struct page *page)
{
	struct block_entry *place;

	if (2 * (map->used + 1) > map->room && !block_get(map, number) && !block_grow(pool, map))
		return false;
	place = block_place(map->entry, map->room, number);
	if (place->page)
		page_release(pool, place->page);
	else
		map->used++;
	place->number = number;
	place->page = page;
	return true;
}

void block_clear(struct page_pool *pool, struct block_map *map)
{
	for (size_t i = 0; i < map->room; i++)
		page_release(pool, map->entry[i].page);
	if (map->entry)
		options_reallocate(&pool->options, map->entry, 0);
	*map = (struct block_map){ NULL, 0, 0 };
}

/* ---- Images and layers ------------------------------------------------------------------------ */

static void image_lock(struct image *image)
{
	while (atomic_flag_test_and_set_explicit(&image->lock, memory_order_acquire))
		continue;
}

static void image_unlock(struct image *image)
{
	atomic_flag_clear_explicit(&image->lock, memory_order_release);
}

/* Under the lock. */
static void layer_release(struct page_pool *pool, struct image *image, struct layer *layer)
{
	while (layer && !--layer->users) {
		struct layer *newer = layer->newer;

		if (image->newest == layer)
			image->newest = NULL;
		block_clear(pool, &layer->old);
		options_reallocate(&pool->options, layer, 0);
		layer = newer;
	}
}

/* The layer that keeps what the image holds now; under the lock. */
static struct layer *layer_now(struct page_pool *pool, struct image *image)
{
	struct layer *layer = image->newest;

	if (layer && !layer->old.used) {
		layer->users++;
		return layer;
	}
	layer = options_allocate(&pool->options, sizeof(*layer));
	if (!layer)
		return NULL;
	layer->users = 1;
	if (image->newest) {
		image->newest->newer = layer;
		layer->users++;
	}
	image->newest = layer;
	return layer;
}

static size_t block_bytes(const struct image *image, uint64_t number)
{
	uint64_t rest = image->backend.bytes - number * BLOCK_SIZE;

	return rest < BLOCK_SIZE ? (size_t)rest : BLOCK_SIZE;
}

/* The image's block as the machine sees it; under the lock. */
static enum cbx_status image_block(const struct medium *medium, uint64_t number, size_t skip,
				   uint8_t *bytes, size_t count)
{
	const struct image *image = medium->image;

	for (const struct layer *layer = medium->layer; layer; layer = layer->newer) {
		const struct page *page = block_get(&layer->old, number);

		if (page) {
			memcpy(bytes, page->bytes + skip, count);
			return CBX_OK;
		}
	}
	return image->backend.read(image->backend.user, number * BLOCK_SIZE + skip, bytes, count);
}

/* ---- Media ---------------------------------------------------------------------------------------- */

struct medium *medium_new(struct cbx_machine *machine, const struct cbx_disk_backend *disk)
{
	struct medium *medium = machine_allocate(machine, sizeof(*medium));
	struct image *image = machine_allocate(machine, sizeof(*image));

	if (!medium || !image) {
		machine_release(machine, medium);
		machine_release(machine, image);
		return NULL;
	}
	atomic_init(&image->users, 1);
	atomic_flag_clear(&image->lock);
	image->backend = *disk;
	medium->users = 1;
	medium->image = image;
	return medium;
}

void medium_release(struct cbx_machine *machine, struct medium *medium)
{
	struct page_pool *pool;
	struct image *image;

	if (!medium || --medium->users)
		return;
	pool = machine->memory->pool;
	image = medium->image;
	block_clear(pool, &medium->own);
	block_clear(pool, &medium->past);
	image_lock(image);
	layer_release(pool, image, medium->layer);
	image_unlock(image);
	if (atomic_fetch_sub_explicit(&image->users, 1, memory_order_acq_rel) == 1)
		machine_release(machine, image);
	machine_release(machine, medium);
}

static bool blocks_share(struct page_pool *pool, struct block_map *to, const struct block_map *from)
{
	for (size_t i = 0; i < from->room; i++) {
		if (!from->entry[i].page)
			continue;
		if (!block_put(pool, to, from->entry[i].number, from->entry[i].page))
			return false;
		page_share(from->entry[i].page);
	}
	return true;
}

struct medium *medium_fork(struct cbx_machine *machine, const struct medium *parent)
{
	struct page_pool *pool = machine->memory->pool;
	struct medium *medium = machine_allocate(machine, sizeof(*medium));
	struct image *image = parent->image;

	if (!medium)
		return NULL;
	medium->users = 1;
	medium->image = image;
	atomic_fetch_add_explicit(&image->users, 1, memory_order_relaxed);
	image_lock(image);
	medium->layer = parent->layer;
	if (medium->layer)
		medium->layer->users++;
	else
		medium->layer = layer_now(pool, image);
	image_unlock(image);
	if (medium->layer && blocks_share(pool, &medium->own, &parent->own) &&
	    blocks_share(pool, &medium->own, &parent->past))
		return medium;
	medium_release(machine, medium);
	return NULL;
}

enum cbx_status medium_block(struct cbx_machine *machine, struct medium *medium, uint64_t number,
			     uint8_t *bytes)
{
	const struct page *page = machine->replaying ? block_get(&medium->past, number) : NULL;
	enum cbx_status status;
	size_t count;

	if (!page)
		page = block_get(&medium->own, number);
	if (page) {
		memcpy(bytes, page->bytes, BLOCK_SIZE);
		return CBX_OK;
	}
	count = block_bytes(medium->image, number);
	memset(bytes + count, 0, BLOCK_SIZE - count);
	image_lock(medium->image);
	status = image_block(medium, number, 0, bytes, count);
	image_unlock(medium->image);
	return status;
}

static enum cbx_status read_pieces(struct cbx_machine *machine, struct medium *medium,
				   uint64_t offset, uint8_t *bytes, size_t count)
{
	struct image *image = medium->image;
	enum cbx_status status = CBX_OK;

	while (count && status == CBX_OK) {
		size_t skip = (size_t)(offset % BLOCK_SIZE);
		size_t piece = count < BLOCK_SIZE - skip ? count : BLOCK_SIZE - skip;
		uint64_t number = offset / BLOCK_SIZE;
		const struct page *page = machine->replaying ? block_get(&medium->past, number) :
							       NULL;

		if (!page)
			page = block_get(&medium->own, number);
		if (page) {
			memcpy(bytes, page->bytes + skip, piece);
		} else {
			image_lock(image);
			status = image_block(medium, number, skip, bytes, piece);
			image_unlock(image);
		}
		bytes += piece;
		offset += piece;
		count -= piece;
	}
	return status;
}

/*
 * A backend may put another medium into the drive while it is being asked: what the calls below share
 * stays until they are over.
 */
static enum cbx_status drive_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	const struct drive_port *port = user;
	struct cbx_machine *machine = port->machine;
	struct medium *medium = medium_share(machine->media[port->drive]);
	uint64_t call = history_outward(machine);
	enum cbx_status status = history_failure(machine, call);

	if (!medium)
		status = CBX_ERROR_IO;
	if (status == CBX_OK && !medium->own.used && !medium->past.used && !medium->layer) {
		image_lock(medium->image);
		status = medium->image->backend.read(medium->image->backend.user, offset, bytes,
						     count);
		image_unlock(medium->image);
	} else if (status == CBX_OK) {
		status = read_pieces(machine, medium, offset, bytes, count);
	}
	if (status != CBX_OK) {
		/* What a backend may have put there does not come again. */
		memset(bytes, 0, count);
		history_failed(machine, call, status);
	}
	medium_release(machine, medium);
	history_outward_end(machine, call);
	return status;
}

/* A page of this map that may be written, with what the block holds unless all of it is written. */
static enum cbx_status block_for_write(struct cbx_machine *machine, struct medium *medium,
				       struct block_map *map, uint64_t number, bool whole,
				       struct page **result)
{
	struct page_pool *pool = machine->memory->pool;
	struct page *old = block_get(map, number), *page;
	enum cbx_status status = CBX_OK;

	*result = old;
	if (old && page_is_own(old))
		return CBX_OK;
	*result = page = page_new(pool);
	if (!page)
		return CBX_ERROR_MEMORY;
	if (!whole)
		status = medium_block(machine, medium, number, page->bytes);
	if (status == CBX_OK && !block_put(pool, map, number, page))
		status = CBX_ERROR_MEMORY;
	if (status != CBX_OK)
		page_release(pool, page);
	return status;
}

/* Is there room for what is written?  All of it or nothing is. */
static bool within_limit(const struct medium *medium, uint64_t offset, size_t count)
{
	uint64_t number = offset / BLOCK_SIZE, last = (offset + (count - 1)) / BLOCK_SIZE;
	uint64_t used = medium->own.used;

	for (; medium->limit && number <= last; number++)
		if (!block_get(&medium->own, number) && ++used > medium->limit / BLOCK_SIZE)
			return false;
	return true;
}

static enum cbx_status write_map(struct cbx_machine *machine, struct medium *medium,
				 struct block_map *map, uint64_t offset, const uint8_t *bytes,
				 size_t count)
{
	if (map == &medium->own && !within_limit(medium, offset, count))
		return CBX_ERROR_LIMIT;
	while (count) {
		size_t skip = (size_t)(offset % BLOCK_SIZE);
		size_t piece = count < BLOCK_SIZE - skip ? count : BLOCK_SIZE - skip;
		uint64_t number = offset / BLOCK_SIZE;
		struct page *page;
		enum cbx_status status = block_for_write(machine, medium, map, number,
							 piece == BLOCK_SIZE, &page);

		if (status != CBX_OK)
			return status;
		memcpy(page->bytes + skip, bytes, piece);
		bytes += piece;
		offset += piece;
		count -= piece;
	}
	return CBX_OK;
}

/* Keeps for the forks what the image holds; under the lock. */
static enum cbx_status keep_for_forks(struct cbx_machine *machine, const struct medium *medium,
				      uint64_t offset, size_t count)
{
	struct page_pool *pool = machine->memory->pool;
	struct image *image = medium->image;
	uint64_t number = offset / BLOCK_SIZE, last = (offset + (count - 1)) / BLOCK_SIZE;

	for (; image->newest && number <= last; number++) {
		enum cbx_status status = CBX_ERROR_MEMORY;
		struct page *page;

		if (block_get(&image->newest->old, number))
			continue;
		page = page_new(pool);
		if (page)
			status = image_block(medium, number, 0, page->bytes,
					     block_bytes(image, number));
		if (status == CBX_OK && !block_put(pool, &image->newest->old, number, page))
			status = CBX_ERROR_MEMORY;
		if (status != CBX_OK) {
			page_release(pool, page);
			return status;
		}
	}
	return CBX_OK;
}

static enum cbx_status write_image(struct cbx_machine *machine, struct medium *medium,
				   uint64_t offset, const void *bytes, size_t count)
{
	const struct cbx_disk_backend *disk = &medium->image->backend;
	enum cbx_status status;

	image_lock(medium->image);
	status = keep_for_forks(machine, medium, offset, count);
	if (status == CBX_OK)
		status = disk->write(disk->user, offset, bytes, count);
	image_unlock(medium->image);
	return status;
}

static enum cbx_status drive_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	const struct drive_port *port = user;
	struct cbx_machine *machine = port->machine;
	struct medium *medium = medium_share(machine->media[port->drive]);
	uint64_t call = history_outward(machine);
	enum cbx_status status = history_failure(machine, call);

	if (!medium)
		status = CBX_ERROR_IO;
	if (status == CBX_OK && count) {
		if (machine->replaying) {
			status = write_map(machine, medium, &medium->past, offset, bytes, count);
			/* It did not fail then: the run must end before the guest sees it. */
			if (status == CBX_ERROR_MEMORY) {
				machine->out_of_memory = true;
				cpu_attention(machine);
			}
		} else {
			uint64_t last = (offset + (count - 1)) / BLOCK_SIZE;

			for (uint64_t n = offset / BLOCK_SIZE; machine->history && n <= last; n++)
				history_save_block(machine, medium, n);
			status = medium->layer ?
				 write_map(machine, medium, &medium->own, offset, bytes, count) :
				 write_image(machine, medium, offset, bytes, count);
		}
	}
	if (status != CBX_OK)
		history_failed(machine, call, status);
	medium_release(machine, medium);
	history_outward_end(machine, call);
	return status;
}

static enum cbx_status drive_flush(void *user)
{
	const struct drive_port *port = user;
	struct cbx_machine *machine = port->machine;
	struct medium *medium = medium_share(machine->media[port->drive]);
	uint64_t call = history_outward(machine);
	enum cbx_status status = history_failure(machine, call);

	if (status == CBX_OK && medium && !medium->layer && !machine->replaying &&
	    medium->image->backend.flush) {
		image_lock(medium->image);
		status = medium->image->backend.flush(medium->image->backend.user);
		image_unlock(medium->image);
	}
	if (status != CBX_OK)
		history_failed(machine, call, status);
	medium_release(machine, medium);
	history_outward_end(machine, call);
	return status;
}

enum cbx_status medium_commit(struct cbx_machine *machine, struct medium *medium)
{
	struct page_pool *pool = machine->memory->pool;
	enum cbx_status result = CBX_OK;

	for (size_t i = 0; i < medium->past.room; i++) {
		const struct block_entry *entry = &medium->past.entry[i];
		enum cbx_status status = CBX_OK;

		if (!entry->page)
			continue;
		if (!medium->layer)
			status = write_image(machine, medium, entry->number * BLOCK_SIZE,
					     entry->page->bytes,
					     block_bytes(medium->image, entry->number));
		else if (!block_put(pool, &medium->own, entry->number, entry->page))
			status = CBX_ERROR_MEMORY;
		else
			page_share(entry->page);
		if (status != CBX_OK)
			result = status;
	}
	block_clear(pool, &medium->past);
	return result;
}

struct cbx_disk_backend medium_backend(struct cbx_machine *machine, unsigned drive)
{
	const struct medium *medium = machine->media[drive];
	struct cbx_disk_backend disk = { .bytes = 0 };

	if (!medium || !medium->image->backend.read)
		return disk;
	disk = medium->image->backend;
	disk.user = &machine->ports_of_drives[drive];
	disk.read = drive_read;
	/* A fork writes to memory, but no more than its parent could to the medium. */
	disk.write = disk.write ? drive_write : NULL;
	disk.flush = disk.flush ? drive_flush : NULL;
	return disk;
}

enum cbx_status cbx_medium_attach(struct cbx_machine *machine, unsigned drive,
				  const struct cbx_disk_backend *disk,
				  struct cbx_disk_backend *result)
{
	struct history *history = machine ? machine->history : NULL;
	struct medium *medium = NULL;

	if (!machine || drive >= CBX_MEDIA || !result)
		return CBX_ERROR_ARGUMENT;
	if (disk && disk->read) {
		/* The past repeats itself with the same medium. */
		if (machine->replaying && history->again)
			medium = medium_share(history->again);
		else
			medium = medium_new(machine, disk);
		if (!medium)
			return machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a medium");
		if (history && history->wants_medium && !history->again)
			history->again = medium_share(medium);
	}
	medium_release(machine, machine->media[drive]);
	machine->media[drive] = medium;
	machine->ports_of_drives[drive].machine = machine;
	machine->ports_of_drives[drive].drive = drive;
	*result = medium_backend(machine, drive);
	return CBX_OK;
}
