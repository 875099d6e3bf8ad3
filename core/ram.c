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
	pool->machines = 1;
	return pool;
}

void pool_free(struct page_pool *pool)
{
	struct cbx_machine_options options;

	if (!pool || --pool->machines)
		return;
	options = pool->options;
	options_reallocate(&options, pool, 0);
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

static bool slab_new(struct page_pool *pool)
{
	struct slab *slab = options_allocate(&pool->options, sizeof(*slab));
	uint8_t *bytes;
	unsigned i;

	if (!slab)
		return false;
	/* Not cleared: a slab costs the host only the pages that are in use. */
	slab->memory = options_reallocate(&pool->options, NULL, (SLAB_PAGES + 1) * PAGE_SIZE);
	if (!slab->memory) {
		options_reallocate(&pool->options, slab, 0);
		return false;
	}
	bytes = (uint8_t *)slab->memory + (-(uintptr_t)slab->memory & PAGE_MASK);
	for (i = SLAB_PAGES; i-- > 0;) {
		slab->pages[i].bytes = bytes + (size_t)i * PAGE_SIZE;
		slab->pages[i].slab = slab;
		slab->pages[i].next = slab->free;
		slab->free = &slab->pages[i];
	}
	slab_link(pool, slab);
	return true;
}

struct page *page_new(struct page_pool *pool)
{
	struct slab *slab;
	struct page *page;

	if (!pool->room && !slab_new(pool))
		return NULL;
	slab = pool->room;
	page = slab->free;
	slab->free = page->next;
	slab->used++;
	if (!slab->free)
		slab_unlink(pool, slab);
	page->next = NULL;
	page->users = 1;
	return page;
}

void page_release(struct page_pool *pool, struct page *page)
{
	struct slab *slab;

	if (!page || --page->users)
		return;
	slab = page->slab;
	if (!slab->free)
		slab_link(pool, slab);
	page->next = slab->free;
	slab->free = page;
	if (--slab->used)
		return;
	slab_unlink(pool, slab);
	options_reallocate(&pool->options, slab->memory, 0);
	options_reallocate(&pool->options, slab, 0);
}

/* ---- RAM objects ------------------------------------------------------------------------ */

enum cbx_status cbx_ram_new(struct cbx_machine *machine, const char *name, uint64_t size,
			    struct cbx_ram **result)
{
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
		ram->pages = machine_allocate_array(machine, size >> PAGE_BITS, sizeof(*ram->pages));
		ram->initial = machine_allocate_array(machine, size >> PAGE_BITS,
						      sizeof(*ram->initial));
		ram->flags = machine_allocate_array(machine, size >> PAGE_BITS, 1);
	}
	if (!rams || !ram || !ram->pages || !ram->initial || !ram->flags) {
		machine_release(machine, rams);
		if (ram)
			ram_free(ram);
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a RAM");
	}
	ram->page_count = (size_t)(size >> PAGE_BITS);
	ram->backing = memory->backing_end;
	memory->backing_end += size;
	if (memory->ram_count)
		memcpy(rams, memory->rams, memory->ram_count * sizeof(*rams));
	rams[memory->ram_count++] = ram;
	machine_release(machine, memory->rams);
	memory->rams = rams;
	*result = ram;
	return CBX_OK;
}

void ram_free(struct cbx_ram *ram)
{
	struct cbx_machine *machine = ram->machine;
	size_t i;

	for (i = 0; i < ram->page_count; i++) {
		page_release(machine->memory->pool, ram->pages[i]);
		page_release(machine->memory->pool, ram->initial[i]);
	}
	machine_release(machine, ram->pages);
	machine_release(machine, ram->initial);
	machine_release(machine, ram->flags);
	machine_release(machine, ram);
}

void ram_seal(struct cbx_ram *ram)
{
	size_t i;

	if (ram->sealed)
		return;
	ram->sealed = true;
	for (i = 0; i < ram->page_count; i++) {
		ram->initial[i] = ram->pages[i];
		if (ram->initial[i])
			ram->initial[i]->users++;
	}
}

void ram_power_on(struct cbx_ram *ram)
{
	size_t i;

	for (i = 0; i < ram->page_count; i++) {
		struct page *old = ram->pages[i];

		if (old != ram->initial[i]) {
			ram->pages[i] = ram->initial[i];
			if (ram->pages[i])
				ram->pages[i]->users++;
			page_release(ram->machine->memory->pool, old);
		}
		ram->flags[i] = PAGE_DIRTY;
	}
}

void ram_changed(struct cbx_machine *machine, uint64_t backing)
{
	if (machine->cpu)
		cpu_memory_changed(machine, backing);
}

uint8_t *ram_private(struct cbx_ram *ram, size_t index)
{
	struct page *old = ram->pages[index], *page;

	if (old && old->users == 1) {
		ram->flags[index] |= PAGE_DIRTY;
		return old->bytes;
	}
	page = page_new(ram->machine->memory->pool);
	if (!page) {
		ram->machine->out_of_memory = true;
		if (ram->machine->cpu)
			cpu_attention(ram->machine);    /* the run ends soon */
		return NULL;
	}
	memcpy(page->bytes, page_bytes(old), PAGE_SIZE);
	ram->pages[index] = page;
	ram->flags[index] |= PAGE_DIRTY;
	page_release(ram->machine->memory->pool, old);
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

		memcpy(out, page_bytes(ram->pages[offset >> PAGE_BITS]) + (offset & PAGE_MASK),
		       piece);
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
	return page_bytes(ram->pages[offset >> PAGE_BITS]);
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
	if (!(ram->flags[index] & PAGE_DIRTY))
		return false;
	ram->flags[index] &= (uint8_t)~PAGE_DIRTY;
	/* The next write must come by here again. */
	ram_changed(ram->machine, ram->backing + ((uint64_t)index << PAGE_BITS));
	return true;
}
