/*
 * RAM objects: tables of reference-counted copy-on-write pages of 4 KiB.  A page that was
 * never written is no page at all (NULL in the table) and reads as the one zero page.
 */
#include "ram.h"

const uint8_t zero_page[PAGE_SIZE];

/* ---- Pages and slabs ----------------------------------------------------------------- */

struct page_pool *pool_new(const struct cbx_machine_options *options)
{
	struct page_pool *pool = options_allocate(options, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->options = *options;
	atomic_init(&pool->machines, 1);
	atomic_flag_clear(&pool->lock);
	return pool;
}

void pool_free(struct page_pool *pool)
{
	struct cbx_machine_options options;

	if (!pool || atomic_fetch_sub_explicit(&pool->machines, 1, memory_order_acq_rel) != 1)
		return;
	options = pool->options;
	options_reallocate(&options, pool, 0);
}

static void pool_lock(struct page_pool *pool)
{
	while (atomic_flag_test_and_set_explicit(&pool->lock, memory_order_acquire))
		continue;
}

static void pool_unlock(struct page_pool *pool)
{
	atomic_flag_clear_explicit(&pool->lock, memory_order_release);
}

static void slab_link(struct page_pool *pool, struct slab *slab)
{
	slab->previous = NULL;
	slab->next = pool->room;
	if (pool->room)
		pool->room->previous = slab;
	pool->room = slab;
}

static void slab_unlink(struct page_pool *pool, struct slab *slab)
{
	if (slab->previous)
		slab->previous->next = slab->next;
	else
		pool->room = slab->next;
	if (slab->next)
		slab->next->previous = slab->previous;
}

static struct slab *slab_new(struct page_pool *pool)
{
	struct slab *slab = options_allocate(&pool->options, sizeof(*slab));
	uint8_t *bytes;
	unsigned i;

	if (!slab)
		return NULL;
	/* Not cleared: a slab costs the host only the pages that are in use. */
	slab->memory = options_reallocate(&pool->options, NULL, (SLAB_PAGES + 1) * PAGE_SIZE);
	if (!slab->memory) {
		options_reallocate(&pool->options, slab, 0);
		return NULL;
	}
	bytes = (uint8_t *)slab->memory + (-(uintptr_t)slab->memory & PAGE_MASK);
	for (i = SLAB_PAGES; i-- > 0;) {
		slab->pages[i].bytes = bytes + (size_t)i * PAGE_SIZE;
		slab->pages[i].slab = slab;
		slab->pages[i].next = slab->free;
		slab->free = &slab->pages[i];
	}
	return slab;
}

struct page *page_new(struct page_pool *pool)
{
	struct slab *slab;
	struct page *page;

	pool_lock(pool);
	if (!pool->room) {
		pool_unlock(pool);
		slab = slab_new(pool);
		if (!slab)
			return NULL;
		pool_lock(pool);
		slab_link(pool, slab);
	}
	slab = pool->room;
	page = slab->free;
	slab->free = page->next;
	slab->used++;
	if (!slab->free)
		slab_unlink(pool, slab);
	pool_unlock(pool);
	page->next = NULL;
	page->epoch = 0;
	atomic_init(&page->users, 1);
	return page;
}

void page_release(struct page_pool *pool, struct page *page)
{
	struct slab *slab;
	bool empty;

	if (!page || atomic_fetch_sub_explicit(&page->users, 1, memory_order_acq_rel) != 1)
		return;
	slab = page->slab;
	pool_lock(pool);
	if (!slab->free)
		slab_link(pool, slab);
	page->next = slab->free;
	slab->free = page;
	empty = !--slab->used;
	if (empty)
		slab_unlink(pool, slab);
	pool_unlock(pool);
	if (!empty)
		return;
	options_reallocate(&pool->options, slab->memory, 0);
	options_reallocate(&pool->options, slab, 0);
}

/* ---- Page tables ---------------------------------------------------------------------- */

void leaf_release(struct page_pool *pool, struct leaf *leaf)
{
	if (!leaf || atomic_fetch_sub_explicit(&leaf->users, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < LEAF_PAGES; i++)
		page_release(pool, leaf->page[i]);
	options_reallocate(&pool->options, leaf, 0);
}

void leaves_share(struct leaf **to, struct leaf *const *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		to[i] = from[i];
		if (to[i])
			atomic_fetch_add_explicit(&to[i]->users, 1, memory_order_relaxed);
	}
}

struct leaf *leaf_own(struct page_pool *pool, struct leaf **leaves, size_t index)
{
	struct leaf *old = leaves[index], *leaf;

	if (old && atomic_load_explicit(&old->users, memory_order_acquire) == 1)
		return old;
	leaf = options_allocate(&pool->options, sizeof(*leaf));
	if (!leaf)
		return NULL;
	atomic_init(&leaf->users, 1);
	for (unsigned i = 0; old && i < LEAF_PAGES; i++)
		leaf->page[i] = page_share(old->page[i]);
	leaves[index] = leaf;
	leaf_release(pool, old);
	return leaf;
}

static void leaves_free(struct cbx_machine *machine, struct leaf **leaves, size_t count)
{
	for (size_t i = 0; leaves && i < count; i++)
		leaf_release(machine->memory->pool, leaves[i]);
	machine_release(machine, leaves);
}

/* ---- RAM objects ------------------------------------------------------------------------ */

enum cbx_status cbx_ram_new(struct cbx_machine *machine, const char *name, uint64_t size,
			    struct cbx_ram **result)
{
	uint64_t leaves = (size >> PAGE_BITS) / LEAF_PAGES +
			  ((size >> PAGE_BITS) % LEAF_PAGES != 0);
	struct memory *memory;
	struct cbx_ram *ram, **rams;
	unsigned i;

	if (!machine || !result)
		return CBX_ERROR_ARGUMENT;
	*result = NULL;
	memory = machine->memory;
	if (!name || !*name || strlen(name) >= RAM_NAME_SIZE)
		return machine_fail(machine, CBX_ERROR_ARGUMENT,
				    "a RAM's name must have 1 to 39 bytes");
	if (!size || size & PAGE_MASK || size > (uint64_t)1 << 52)
		return machine_fail(machine, CBX_ERROR_ARGUMENT,
				    "a RAM's size must be a multiple of 4096 and not 0");
	for (i = 0; i < memory->ram_count; i++)
		if (!strcmp(memory->rams[i]->name, name))
			return machine_fail(machine, CBX_ERROR_ARGUMENT,
					    "two RAMs cannot have one name");
	rams = machine_allocate_array(machine, memory->ram_count + 1, sizeof(*rams));
	ram = machine_allocate(machine, sizeof(*ram));
	if (ram) {
		ram->machine = machine;
		ram->size = size;
		strcpy(ram->name, name);
		ram->pages = machine_allocate_array(machine, leaves, sizeof(*ram->pages));
		ram->initial = machine_allocate_array(machine, leaves, sizeof(*ram->initial));
		if (size >> PAGE_BITS <= SIZE_MAX)
			ram->flags = machine_allocate_large(machine, (size_t)(size >> PAGE_BITS), true);
	}
	if (!rams || !ram || !ram->pages || !ram->initial || !ram->flags) {
		machine_release(machine, rams);
		if (ram)
			ram_free(ram);
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a RAM");
	}
	ram->page_count = (size_t)(size >> PAGE_BITS);
	if (!machine_is_twin(machine))
		memset(ram->flags, PAGE_CLEAN, ram->page_count);
	ram->leaf_count = (size_t)leaves;
	ram->number = memory->ram_count;
	ram->backing = memory->backing_end;
	memory->backing_end += size;
	if (memory->ram_count)
		memcpy(rams, memory->rams, memory->ram_count * sizeof(*rams));
	rams[memory->ram_count++] = ram;
	machine_release(machine, memory->rams);
	memory->rams = rams;
	history_lose(machine);
	*result = ram;
	return CBX_OK;
}

/* The flags of a twin are as its memory came: dirty, all of them. */
void ram_adopt(struct cbx_ram *ram, const struct cbx_ram *parent)
{
	for (size_t i = 0; i < ram->leaf_count; i++)
		leaf_release(ram->machine->memory->pool, ram->pages[i]);
	leaves_share(ram->pages, parent->pages, ram->leaf_count);
	leaves_share(ram->initial, parent->initial, ram->leaf_count);
	ram->sealed = true;
}

void ram_free(struct cbx_ram *ram)
{
	struct cbx_machine *machine = ram->machine;

	leaves_free(machine, ram->pages, ram->leaf_count);
	leaves_free(machine, ram->initial, ram->leaf_count);
	machine_release(machine, ram->flags);
	machine_release(machine, ram);
}

void ram_seal(struct cbx_ram *ram)
{
	if (ram->sealed)
		return;
	ram->sealed = true;
	leaves_share(ram->initial, ram->pages, ram->leaf_count);
}

void ram_power_on(struct cbx_ram *ram)
{
	for (size_t i = 0; i < ram->leaf_count; i++) {
		struct leaf *old = ram->pages[i];

		if (old != ram->initial[i]) {
			leaves_share(&ram->pages[i], &ram->initial[i], 1);
			leaf_release(ram->machine->memory->pool, old);
		}
	}
	memset(ram->flags, 0, ram->page_count);
}

void ram_changed(struct cbx_machine *machine, uint64_t backing)
{
	if (machine->cpu)
		cpu_memory_changed(machine, backing);
}

static uint8_t *no_page(struct cbx_ram *ram)
{
	ram->machine->out_of_memory = true;
	if (ram->machine->cpu)
		cpu_attention(ram->machine);    /* the run ends soon */
	return NULL;
}

/*
 * Notes for the history what a page held, whose hold on it this takes over.  Without memory for
 * that the history goes, not the run; but where the past is repeated it is the run (false), which
 * can be done again.
 */
static bool save_page(struct cbx_ram *ram, size_t index, struct page *page)
{
	struct cbx_machine *machine = ram->machine;

	if (history_save_page(machine, machine->memory->saving, ram->number, (uint32_t)index, page))
		return true;
	if (machine->replaying)
		return false;
	history_lose(machine);
	page_release(machine->memory->pool, page);
	return true;
}

/* The bytes stay where they are: it is a copy that is put away. */
static bool save_copy(struct cbx_ram *ram, size_t index, struct page *page)
{
	struct page_pool *pool = ram->machine->memory->pool;
	struct page *copy = page_new(pool);

	if (!copy) {
		if (ram->machine->replaying)
			return false;
		history_lose(ram->machine);
		return true;
	}
	memcpy(copy->bytes, page->bytes, PAGE_SIZE);
	if (save_page(ram, index, copy))
		return true;
	page_release(pool, copy);
	return false;
}

uint8_t *ram_private(struct cbx_ram *ram, size_t index)
{
	struct memory *memory = ram->machine->memory;
	struct leaf *leaf = leaf_own(memory->pool, ram->pages, index >> LEAF_BITS);
	struct page *old, *page, **slot;

	if (!leaf)
		return no_page(ram);
	slot = &leaf->page[index & (LEAF_PAGES - 1)];
	old = *slot;
	if (old && page_is_own(old)) {
		if (memory->saving && old->epoch != memory->epoch && !save_copy(ram, index, old))
			return no_page(ram);
		old->epoch = memory->epoch;
		ram->flags[index] &= (uint8_t)~PAGE_CLEAN;
		return old->bytes;
	}
	page = page_new(memory->pool);
	if (!page)
		return no_page(ram);
	memcpy(page->bytes, page_bytes(old), PAGE_SIZE);
	page->epoch = memory->epoch;
	/* What was made in this epoch is nothing that a history knows of. */
	if (!memory->saving || (old && old->epoch == memory->epoch)) {
		page_release(memory->pool, old);
	} else if (!save_page(ram, index, old)) {
		page_release(memory->pool, page);
		return no_page(ram);
	}
	*slot = page;
	ram->flags[index] &= (uint8_t)~PAGE_CLEAN;
	ram_changed(ram->machine, ram->backing + ((uint64_t)index << PAGE_BITS));
	return page->bytes;
}

uint8_t *ram_write_begin(struct cbx_ram *ram, uint64_t offset, size_t count)
{
	size_t index = (size_t)(offset >> PAGE_BITS);
	uint8_t *bytes = ram_private(ram, index);

	if (!bytes)
		return NULL;
	if (ram->flags[index] & PAGE_CODE)
		cpu_code_written(ram->machine, ram->backing + offset, count);
	return bytes + (offset & PAGE_MASK);
}

struct cbx_ram *ram_of_backing(struct memory *memory, uint64_t backing)
{
	unsigned low = 0, high = memory->ram_count;

	if (backing >= memory->backing_end)
		return NULL;
	while (high - low > 1) {
		unsigned middle = low + (high - low) / 2;

		if (memory->rams[middle]->backing <= backing)
			low = middle;
		else
			high = middle;
	}
	return memory->rams[low];
}

uint64_t cbx_ram_size(const struct cbx_ram *ram)
{
	return ram ? ram->size : 0;
}

static bool ram_inside(const struct cbx_ram *ram, uint64_t offset, uint64_t count)
{
	return ram && offset <= ram->size && count <= ram->size - offset;
}

static size_t piece_of_page(uint64_t offset, size_t count)
{
	size_t room = PAGE_SIZE - (size_t)(offset & PAGE_MASK);

	return count < room ? count : room;
}

enum cbx_status cbx_ram_read(const struct cbx_ram *ram, uint64_t offset, void *bytes,
			     size_t count)
{
	uint8_t *out = bytes;

	if (!ram_inside(ram, offset, count) || (count && !bytes))
		return CBX_ERROR_ARGUMENT;
	while (count) {
		size_t piece = piece_of_page(offset, count);

		memcpy(out, ram_bytes(ram, offset) + (offset & PAGE_MASK), piece);
		out += piece;
		offset += piece;
		count -= piece;
	}
	return CBX_OK;
}

enum cbx_status cbx_ram_write(struct cbx_ram *ram, uint64_t offset, const void *bytes,
			      size_t count)
{
	const uint8_t *in = bytes;

	/* What a fork is made of holds already what its parent's does. */
	if (ram && machine_is_twin(ram->machine))
		return CBX_OK;
	if (!ram_inside(ram, offset, count) || (count && !bytes))
		return CBX_ERROR_ARGUMENT;
	while (count) {
		size_t piece = piece_of_page(offset, count);
		uint8_t *out = ram_write_begin(ram, offset, piece);

		if (!out)
			return machine_fail(ram->machine, CBX_ERROR_MEMORY,
					    "no memory for a page of RAM");
		memcpy(out, in, piece);
		in += piece;
		offset += piece;
		count -= piece;
	}
	return CBX_OK;
}

const uint8_t *cbx_ram_page(const struct cbx_ram *ram, uint64_t offset)
{
	if (!ram_inside(ram, offset, 1))
		return NULL;
	return ram_bytes(ram, offset);
}

uint8_t *cbx_ram_page_writable(struct cbx_ram *ram, uint64_t offset)
{
	if (!ram_inside(ram, offset, 1))
		return NULL;
	return ram_write_begin(ram, offset & ~(uint64_t)PAGE_MASK, PAGE_SIZE);
}

bool cbx_ram_take_dirty(struct cbx_ram *ram, uint64_t offset)
{
	size_t index;

	if (!ram_inside(ram, offset, 1))
		return false;
	index = (size_t)(offset >> PAGE_BITS);
	if (ram->flags[index] & PAGE_CLEAN)
		return false;
	ram->flags[index] |= PAGE_CLEAN;
	/* The next write must come by here again. */
	ram_changed(ram->machine, ram->backing + ((uint64_t)index << PAGE_BITS));
	return true;
}
