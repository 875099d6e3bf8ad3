/*
 * Regions, and the two flat maps made from them: one says who answers reads, one who
 * answers writes.  A change marks the maps stale; the next look-up makes them anew, so a
 * chipset that moves a dozen regions at once pays once.
 */
#include <clearbox/inspect.h>

#include "ram.h"

#define ADDRESS_END ((uint64_t)1 << 52)

static bool region_before(const struct cbx_region *a, const struct cbx_region *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->index > b->index;
}

/* Moves the one region that may be out of order to its place. */
static void regions_sort(struct memory *memory)
{
	unsigned i, j;

	for (i = 1; i < memory->region_count; i++) {
		struct cbx_region *region = memory->regions[i];

		for (j = i; j && region_before(region, memory->regions[j - 1]); j--)
			memory->regions[j] = memory->regions[j - 1];
		memory->regions[j] = region;
	}
}

static enum cbx_status region_new(struct cbx_machine *machine, const struct cbx_region *model,
				  struct cbx_region **result)
{
	struct memory *memory = machine->memory;
	unsigned count = memory->region_count + 1;
	struct cbx_region *region = machine_allocate(machine, sizeof(*region));
	struct cbx_region **regions = machine_allocate_array(machine, count, sizeof(*regions));
	uint64_t *edges = machine_allocate_array(machine, 2 * count, sizeof(*edges));
	struct range *reads = machine_allocate_array(machine, 2 * count, sizeof(*reads));
	struct range *writes = machine_allocate_array(machine, 2 * count, sizeof(*writes));

	if (!region || !regions || !edges || !reads || !writes) {
		machine_release(machine, region);
		machine_release(machine, regions);
		machine_release(machine, edges);
		machine_release(machine, reads);
		machine_release(machine, writes);
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a region");
	}
	*region = *model;
	region->memory = memory;
	region->index = memory->region_count;
	if (memory->region_count)
		memcpy(regions, memory->regions, memory->region_count * sizeof(*regions));
	regions[memory->region_count++] = region;
	machine_release(machine, memory->regions);
	machine_release(machine, memory->edges);
	machine_release(machine, memory->flat[MAP_READ].ranges);
	machine_release(machine, memory->flat[MAP_WRITE].ranges);
	memory->regions = regions;
	memory->edges = edges;
	memory->flat[MAP_READ].ranges = reads;
	memory->flat[MAP_WRITE].ranges = writes;
	memory->flat[MAP_READ].count = 0;
	memory->flat[MAP_WRITE].count = 0;
	memory->stale = true;
	regions_sort(memory);
	*result = region;
	return CBX_OK;
}

static bool region_size_valid(uint64_t size)
{
	return size && !(size & PAGE_MASK) && size <= ADDRESS_END;
}

enum cbx_status map_new_ram_region(struct cbx_machine *machine, struct cbx_ram *ram,
				   uint64_t offset, uint64_t size, struct cbx_region **region)
{
	struct cbx_region model = { .ram = ram, .offset = offset, .size = size };

	if (!ram || ram->machine != machine || !region_size_valid(size) || offset & PAGE_MASK ||
	    offset > ram->size || size > ram->size - offset)
		return machine_fail(machine, CBX_ERROR_ARGUMENT,
				    "a RAM region must lie inside its RAM, in whole pages");
	return region_new(machine, &model, region);
}

enum cbx_status cbx_region_new_ram(struct cbx_device *device, struct cbx_ram *ram,
				   uint64_t offset, uint64_t size, struct cbx_region **region)
{
	if (!device || !region)
		return CBX_ERROR_ARGUMENT;
	*region = NULL;
	return map_new_ram_region(device->machine, ram, offset, size, region);
}

enum cbx_status cbx_region_new_io(struct cbx_device *device, const struct cbx_io *io,
				  uint64_t size, struct cbx_region **region)
{
	struct cbx_region model = { .device = device, .io = io, .size = size };

	if (!device || !region)
		return CBX_ERROR_ARGUMENT;
	*region = NULL;
	if (!bus_io_valid(io) || !region_size_valid(size))
		return machine_fail(device->machine, CBX_ERROR_ARGUMENT,
				    "a region needs handlers with widths and a size in whole pages");
	return region_new(device->machine, &model, region);
}

void cbx_region_place(struct cbx_region *region, uint64_t base, unsigned access, int priority)
{
	if (!region)
		return;
	access &= CBX_REGION_READ | CBX_REGION_WRITE;
	if (base & PAGE_MASK || base >= ADDRESS_END || region->size > ADDRESS_END - base)
		access = 0;
	if (!access && !region->access)
		return;
	if (base == region->base && access == region->access && priority == region->priority)
		return;
	region->base = base;
	region->access = access;
	if (priority != region->priority) {
		region->priority = priority;
		regions_sort(region->memory);
	}
	region->memory->stale = true;
	ram_changed(region->memory->machine, NO_BACKING);
}

void cbx_region_set_offset(struct cbx_region *region, uint64_t offset)
{
	if (!region || !region->ram || offset & PAGE_MASK || offset == region->offset ||
	    offset > region->ram->size || region->size > region->ram->size - offset)
		return;
	/* The flat maps lead to the region, so they stay as they are. */
	region->offset = offset;
	if (region->access)
		ram_changed(region->memory->machine, NO_BACKING);
}

static void edge_add(uint64_t *edges, unsigned *count, uint64_t edge)
{
	unsigned i = *count;

	while (i && edges[i - 1] > edge)
		i--;
	if (i && edges[i - 1] == edge)
		return;
	memmove(&edges[i + 1], &edges[i], (*count - i) * sizeof(*edges));
	edges[i] = edge;
	(*count)++;
}

static void flat_rebuild(struct memory *memory, unsigned kind)
{
	unsigned access = kind == MAP_READ ? CBX_REGION_READ : CBX_REGION_WRITE;
	struct flat_map *flat = &memory->flat[kind];
	unsigned edge_count = 0, i, j;

	flat->count = 0;
	flat->hit = 0;
	for (i = 0; i < memory->region_count; i++) {
		const struct cbx_region *region = memory->regions[i];

		if (region->access & access) {
			edge_add(memory->edges, &edge_count, region->base);
			edge_add(memory->edges, &edge_count, region->base + region->size);
		}
	}
	for (i = 0; i + 1 < edge_count; i++) {
		uint64_t first = memory->edges[i], last = memory->edges[i + 1] - 1;
		struct range *before = flat->count ? &flat->ranges[flat->count - 1] : NULL;

		for (j = 0; j < memory->region_count; j++) {
			struct cbx_region *region = memory->regions[j];

			if (!(region->access & access) || first < region->base ||
			    first - region->base >= region->size)
				continue;
			if (before && before->region == region && before->last + 1 == first)
				before->last = last;
			else
				flat->ranges[flat->count++] = (struct range){ first, last, region };
			break;
		}
	}
}

static void maps_rebuild(struct memory *memory)
{
	unsigned i;

	memory->stale = false;
	flat_rebuild(memory, MAP_READ);
	flat_rebuild(memory, MAP_WRITE);
	for (i = 0; i < memory->ram_count; i++)
		memory->rams[i]->bus_master = false;
	for (i = 0; i < memory->region_count; i++)
		if (memory->regions[i]->ram && memory->regions[i]->access & CBX_REGION_WRITE)
			memory->regions[i]->ram->bus_master = true;
}

struct cbx_region *map_find(struct memory *memory, uint64_t address, unsigned kind)
{
	struct flat_map *flat = &memory->flat[kind];
	unsigned low = 0, high;

	if (unlikely(memory->stale))
		maps_rebuild(memory);
	if (!flat->count)
		return NULL;
	if (address - flat->ranges[flat->hit].first <=
	    flat->ranges[flat->hit].last - flat->ranges[flat->hit].first)
		return flat->ranges[flat->hit].region;
	high = flat->count;
	while (high - low > 1) {
		unsigned middle = low + (high - low) / 2;

		if (flat->ranges[middle].first <= address)
			low = middle;
		else
			high = middle;
	}
	if (address < flat->ranges[low].first || address > flat->ranges[low].last)
		return NULL;
	flat->hit = low;
	return flat->ranges[low].region;
}

enum cbx_status map_range_at(struct memory *memory, uint64_t address, unsigned kind,
			     struct cbx_map_range *range)
{
	const struct flat_map *flat = &memory->flat[kind];

	if (address >= ADDRESS_END)
		return CBX_ERROR_ARGUMENT;
	map_find(memory, address, kind);        /* makes the maps anew if they are stale */
	range->last = ADDRESS_END - 1;
	for (unsigned i = 0; i < flat->count; i++) {
		const struct range *r = &flat->ranges[i];
		const struct cbx_region *region = r->region;

		if (r->last < address) {
			range->first = r->last + 1;
			continue;
		}
		if (r->first > address) {
			range->last = r->first - 1;
			break;
		}
		*range = (struct cbx_map_range){
			.first = r->first, .last = r->last, .memory = region->ram != NULL,
			.name = region->ram ? region->ram->name : region->device->type->name,
			.instance = region->ram ? 0 : region->device->instance,
			.offset = region->ram ? region_ram_offset(region, r->first) : 0
		};
		break;
	}
	return CBX_OK;
}
