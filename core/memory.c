/*
 * Physical memory as the processor, bus masters and the embedder see it: look-ups,
 * accesses, the A20 gate.
 */
#include "ram.h"

enum cbx_status memory_new(struct cbx_machine *machine)
{
	struct memory *memory = machine_allocate(machine, sizeof(*memory));

	if (!memory)
		return CBX_ERROR_MEMORY;
	memory->machine = machine;
	memory->a20 = true;
	if (machine_is_twin(machine)) {
		memory->pool = machine->options.fork_of->memory->pool;
		atomic_fetch_add_explicit(&memory->pool->machines, 1, memory_order_relaxed);
	} else {
		memory->pool = pool_new(&machine->options);
	}
	if (!memory->pool) {
		machine_release(machine, memory);
		return CBX_ERROR_MEMORY;
	}
	machine->memory = memory;
	return CBX_OK;
}

void memory_free(struct cbx_machine *machine)
{
	struct memory *memory = machine->memory;
	unsigned i;

	if (!memory)
		return;
	for (i = 0; i < memory->region_count; i++)
		machine_release(machine, memory->regions[i]);
	machine_release(machine, memory->regions);
	machine_release(machine, memory->edges);
	machine_release(machine, memory->flat[MAP_READ].ranges);
	machine_release(machine, memory->flat[MAP_WRITE].ranges);
	for (i = 0; i < memory->ram_count; i++)
		ram_free(memory->rams[i]);
	machine_release(machine, memory->rams);
	pool_free(memory->pool);
	machine_release(machine, memory);
	machine->memory = NULL;
}

void memory_seal(struct cbx_machine *machine)
{
	unsigned i;

	for (i = 0; i < machine->memory->ram_count; i++)
		ram_seal(machine->memory->rams[i]);
}

void memory_reset(struct cbx_machine *machine)
{
	unsigned i;

	for (i = 0; i < machine->memory->ram_count; i++) {
		ram_seal(machine->memory->rams[i]);
		ram_power_on(machine->memory->rams[i]);
	}
	machine->memory->a20 = true;
	ram_changed(machine, NO_BACKING);
}

uint64_t memory_a20(const struct cbx_machine *machine, uint64_t address)
{
	return machine->memory->a20 ? address : address & ~((uint64_t)1 << 20);
}

void memory_set_a20(struct cbx_machine *machine, bool open)
{
	if (machine->memory->a20 == open)
		return;
	machine->memory->a20 = open;
	ram_changed(machine, NO_BACKING);
}

void cbx_cpu_set_a20(struct cbx_device *device, bool enabled)
{
	if (device)
		memory_set_a20(device->machine, enabled);
}

/* ---- For the processor --------------------------------------------------------------- */

void memory_find_read(struct cbx_machine *machine, uint64_t address, struct memory_page *page)
{
	const struct cbx_region *region = map_find(machine->memory, address, MAP_READ);
	uint64_t offset;

	page->backing = NO_BACKING;
	page->read = NULL;
	page->write = NULL;
	if (!region || !region->ram)
		return;
	offset = region_ram_offset(region, address) & ~(uint64_t)PAGE_MASK;
	page->backing = region->ram->backing + offset;
	page->read = ram_bytes(region->ram, offset);
}

void memory_find_write(struct cbx_machine *machine, uint64_t address, struct memory_page *page)
{
	const struct cbx_region *region = map_find(machine->memory, address, MAP_WRITE);
	uint64_t offset;
	uint8_t *bytes;
	size_t index;

	page->backing = NO_BACKING;
	page->read = NULL;
	page->write = NULL;
	if (!region || !region->ram)
		return;
	offset = region_ram_offset(region, address) & ~(uint64_t)PAGE_MASK;
	index = (size_t)(offset >> PAGE_BITS);
	page->backing = region->ram->backing + offset;
	bytes = ram_private(region->ram, index);
	page->read = ram_bytes(region->ram, offset);
	if (bytes && !(region->ram->flags[index] & PAGE_CODE))
		page->write = bytes;
}

uint64_t memory_read(struct cbx_machine *machine, uint64_t address, unsigned width)
{
	uint64_t value = 0;
	unsigned at = 0;

	while (at < width) {
		const struct cbx_region *region = map_find(machine->memory, address + at, MAP_READ);
		uint64_t piece;
		unsigned done;

		if (region && region->ram) {
			uint64_t offset = region_ram_offset(region, address);
			const uint8_t *bytes = ram_bytes(region->ram, offset) + (offset & PAGE_MASK);

			/* Inside one page, so all of it is here. */
			if (!at && width == 8)
				return get64(bytes);
			if (!at && width == 4)
				return get32(bytes);
			while (at < width) {
				value |= (uint64_t)bytes[at] << 8 * at;
				at++;
			}
			return value;
		}
		if (!region) {
			piece = UINT64_MAX;
			done = width - at;
			if (done < 8)
				piece >>= 64 - 8 * done;
		} else {
			piece = bus_read(region->io, region->device, region->size,
					 address + at - region->base, width - at, &done);
		}
		value |= piece << 8 * at;
		at += done;
	}
	return value;
}

void memory_write(struct cbx_machine *machine, uint64_t address, uint64_t value, unsigned width)
{
	unsigned at = 0;

	while (at < width) {
		const struct cbx_region *region = map_find(machine->memory, address + at, MAP_WRITE);

		if (!region)
			return;
		if (region->ram) {
			uint8_t *bytes = ram_write_begin(region->ram,
							 region_ram_offset(region, address + at),
							 width - at);
			unsigned i;

			for (i = 0; bytes && at < width; i++, at++)
				bytes[i] = (uint8_t)(value >> 8 * at);
			return;
		}
		at += bus_write(region->io, region->device, region->size,
				address + at - region->base, value >> 8 * at, width - at);
	}
}

bool memory_is_io(struct cbx_machine *machine, uint64_t address, bool write)
{
	const struct cbx_region *region = map_find(machine->memory, address,
						   write ? MAP_WRITE : MAP_READ);

	return region && region->io;
}

void memory_mark_code(struct cbx_machine *machine, uint64_t backing, bool has_code)
{
	struct cbx_ram *ram = ram_of_backing(machine->memory, backing);
	uint8_t *flags;

	if (!ram)
		return;
	flags = &ram->flags[(backing - ram->backing) >> PAGE_BITS];
	if (has_code && !(*flags & PAGE_CODE)) {
		*flags |= PAGE_CODE;
		ram_changed(machine, backing & ~(uint64_t)PAGE_MASK);
	} else if (!has_code) {
		*flags &= (uint8_t)~PAGE_CODE;
	}
}

/* ---- Bus masters ---------------------------------------------------------------------- */

/*
 * The RAM at this address, NULL if what is there is no RAM: handlers, ROM (a RAM object that
 * nothing lets be written), nothing.  RAM that is write-protected here reads as RAM.
 */
static struct cbx_ram *dma_find(struct cbx_machine *machine, uint64_t address, unsigned kind,
				uint64_t *offset)
{
	const struct cbx_region *region = map_find(machine->memory, address, kind);

	if (!region || !region->ram || !region->ram->bus_master)
		return NULL;
	*offset = region_ram_offset(region, address);
	return region->ram;
}

static size_t dma_piece(uint64_t address, size_t count)
{
	size_t room = PAGE_SIZE - (size_t)(address & PAGE_MASK);

	return count < room ? count : room;
}

void cbx_dma_read(struct cbx_device *device, uint64_t address, void *bytes, size_t count)
{
	uint8_t *out = bytes;

	while (out && count) {
		size_t piece = dma_piece(address, count);
		uint64_t offset;
		struct cbx_ram *ram = device ? dma_find(device->machine, address, MAP_READ, &offset) : NULL;

		if (ram)
			memcpy(out, ram_bytes(ram, offset) + (offset & PAGE_MASK), piece);
		else
			memset(out, 0xff, piece);
		out += piece;
		address += piece;
		count -= piece;
	}
}

void cbx_dma_write(struct cbx_device *device, uint64_t address, const void *bytes, size_t count)
{
	const uint8_t *in = bytes;

	while (in && count) {
		size_t piece = dma_piece(address, count);
		uint64_t offset;
		struct cbx_ram *ram = device ? dma_find(device->machine, address, MAP_WRITE, &offset) : NULL;
		uint8_t *out = ram ? ram_write_begin(ram, offset, piece) : NULL;

		if (out)
			memcpy(out, in, piece);
		in += piece;
		address += piece;
		count -= piece;
	}
}

/* ---- The embedder ------------------------------------------------------------------------ */

bool memory_all_ram(struct memory *memory, uint64_t address, size_t count, unsigned kind)
{
	uint64_t page = address & ~(uint64_t)PAGE_MASK;
	uint64_t last = address + (count - 1);

	if (last < address)
		return false;
	for (;;) {
		const struct cbx_region *region = map_find(memory, page, kind);

		if (!region || !region->ram)
			return false;
		if (last - page < PAGE_SIZE)
			return true;
		page += PAGE_SIZE;
	}
}

static enum cbx_status unmapped(struct cbx_machine *machine)
{
	return machine_fail(machine, CBX_ERROR_UNMAPPED,
			    "these physical addresses are not all memory");
}

enum cbx_status cbx_memory_read(struct cbx_machine *machine, uint64_t address, void *bytes,
				size_t count)
{
	uint8_t *out = bytes;

	if (!machine || (count && !bytes))
		return CBX_ERROR_ARGUMENT;
	if (count && !memory_all_ram(machine->memory, address, count, MAP_READ))
		return unmapped(machine);
	while (count) {
		size_t piece = dma_piece(address, count);
		struct memory_page page;

		memory_find_read(machine, address, &page);
		memcpy(out, page.read + (address & PAGE_MASK), piece);
		out += piece;
		address += piece;
		count -= piece;
	}
	return CBX_OK;
}

enum cbx_status memory_write_bytes(struct cbx_machine *machine, uint64_t address,
				   const void *bytes, size_t count)
{
	const uint8_t *in = bytes;
	uint64_t page;

	if (!machine || (count && !bytes))
		return CBX_ERROR_ARGUMENT;
	if (!count)
		return CBX_OK;
	if (!memory_all_ram(machine->memory, address, count, MAP_WRITE))
		return unmapped(machine);
	/* All pages first, so that a failure leaves no half. */
	for (page = address >> PAGE_BITS; page <= (address + (count - 1)) >> PAGE_BITS; page++) {
		const struct cbx_region *region = map_find(machine->memory, page << PAGE_BITS,
							   MAP_WRITE);

		if (!ram_private(region->ram, (size_t)(region_ram_offset(region, page << PAGE_BITS)
						       >> PAGE_BITS))) {
			machine->out_of_memory = false;
			return machine_fail(machine, CBX_ERROR_MEMORY,
					    "no memory for a page of RAM");
		}
	}
	while (count) {
		size_t piece = dma_piece(address, count);
		const struct cbx_region *region = map_find(machine->memory, address, MAP_WRITE);
		uint8_t *out = ram_write_begin(region->ram, region_ram_offset(region, address),
					       piece);

		if (!out)
			return machine_fail(machine, CBX_ERROR_MEMORY,
					    "no memory for a page of RAM");
		memcpy(out, in, piece);
		in += piece;
		address += piece;
		count -= piece;
	}
	return CBX_OK;
}

enum cbx_status cbx_memory_write(struct cbx_machine *machine, uint64_t address,
				 const void *bytes, size_t count)
{
	/* What is refused does not belong to the history. */
	if (machine && machine->history && bytes && count &&
	    memory_all_ram(machine->memory, address, count, MAP_WRITE) &&
	    !history_note(machine, INPUT_MEMORY, 0, address, bytes, count))
		return CBX_ERROR_MEMORY;
	return memory_write_bytes(machine, address, bytes, count);
}
