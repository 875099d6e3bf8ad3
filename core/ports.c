/*
 * The I/O address space: 65,536 ports, each answered by the range that wins there.
 */
#include <clearbox/inspect.h>

#include "machine.h"
#include "ram.h"

enum { PORT_COUNT = 0x10000, RANGE_MAX = 0xfffe };

struct port_range {
	struct cbx_device *device;      /* NULL: this slot is free */
	const struct cbx_io *io;
	uint32_t first, count;
	uint64_t order;                 /* of mapping */
};

struct ports {
	struct port_range *ranges;
	unsigned range_count, range_room;
	uint64_t order;
	uint16_t owner[PORT_COUNT];     /* index into ranges plus 1; 0: nobody */
};

enum cbx_status ports_new(struct cbx_machine *machine)
{
	machine->ports = machine_allocate_large(machine, sizeof(*machine->ports), true);
	return machine->ports ? CBX_OK : CBX_ERROR_MEMORY;
}

void ports_free(struct cbx_machine *machine)
{
	if (!machine->ports)
		return;
	machine_release(machine, machine->ports->ranges);
	machine_release(machine, machine->ports);
	machine->ports = NULL;
}

/* Does a win over b? */
static bool range_wins(const struct cbx_machine *machine, const struct port_range *a,
		       const struct port_range *b)
{
	const struct cbx_device *device;

	if (a->device == b->device)
		return a->order > b->order;
	for (device = machine->devices; device; device = device->next) {
		if (device == a->device)
			return false;
		if (device == b->device)
			return true;
	}
	return false;
}

static void claim(struct cbx_machine *machine, unsigned index, uint32_t first, uint32_t count)
{
	struct ports *ports = machine->ports;
	uint32_t port;

	for (port = first; port < first + count; port++) {
		uint16_t owner = ports->owner[port];

		if (!owner || range_wins(machine, &ports->ranges[index], &ports->ranges[owner - 1]))
			ports->owner[port] = (uint16_t)(index + 1);
	}
}

static struct port_range *range_slot(struct cbx_machine *machine)
{
	struct ports *ports = machine->ports;
	struct port_range *ranges;
	unsigned i, room;

	for (i = 0; i < ports->range_count; i++)
		if (!ports->ranges[i].device)
			return &ports->ranges[i];
	if (ports->range_count == ports->range_room) {
		room = ports->range_room ? 2 * ports->range_room : 64;
		if (room > RANGE_MAX)
			room = RANGE_MAX;
		if (ports->range_count == room)
			return NULL;
		ranges = machine_allocate_array(machine, room, sizeof(*ranges));
		if (!ranges)
			return NULL;
		if (ports->range_count)
			memcpy(ranges, ports->ranges, ports->range_count * sizeof(*ranges));
		machine_release(machine, ports->ranges);
		ports->ranges = ranges;
		ports->range_room = room;
	}
	return &ports->ranges[ports->range_count++];
}

static bool ports_valid(uint32_t first, uint32_t count)
{
	return count && first < PORT_COUNT && count <= PORT_COUNT - first;
}

enum cbx_status cbx_ports_map(struct cbx_device *device, uint32_t first, uint32_t count,
			      const struct cbx_io *io)
{
	struct cbx_machine *machine;
	struct port_range *range;

	if (!device)
		return CBX_ERROR_ARGUMENT;
	machine = device->machine;
	if (!bus_io_valid(io) || !ports_valid(first, count))
		return machine_fail(machine, CBX_ERROR_ARGUMENT,
				    "a port range needs handlers with widths and ports below 65536");
	range = range_slot(machine);
	if (!range)
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a port range");
	*range = (struct port_range){ device, io, first, count, ++machine->ports->order };
	claim(machine, (unsigned)(range - machine->ports->ranges), first, count);
	return CBX_OK;
}

void cbx_ports_unmap(struct cbx_device *device, uint32_t first, uint32_t count)
{
	struct ports *ports;
	struct port_range *found = NULL;
	unsigned i;

	if (!device || !ports_valid(first, count))
		return;
	ports = device->machine->ports;
	for (i = 0; i < ports->range_count; i++) {
		struct port_range *range = &ports->ranges[i];

		if (range->device == device && range->first == first && range->count == count &&
		    (!found || range->order > found->order))
			found = range;
	}
	if (!found)
		return;
	found->device = NULL;
	memset(&ports->owner[first], 0, count * sizeof(ports->owner[0]));
	for (i = 0; i < ports->range_count; i++) {
		const struct port_range *range = &ports->ranges[i];
		uint32_t from = range->first > first ? range->first : first;
		uint32_t to = range->first + range->count < first + count ?
			      range->first + range->count : first + count;

		if (range->device && from < to)
			claim(device->machine, i, from, to - from);
	}
}

/* The owner is looked up again for each piece: a handler may have moved ranges. */
static const struct port_range *port_find(const struct cbx_machine *machine, uint32_t port)
{
	const struct ports *ports = machine->ports;

	if (port >= PORT_COUNT || !ports->owner[port])
		return NULL;
	return &ports->ranges[ports->owner[port] - 1];
}

/* Who answers all of an access as it is, the common case; NULL: it is to be split or joined. */
static const struct port_range *port_answers(const struct cbx_machine *machine, uint32_t port,
					     unsigned width)
{
	const struct port_range *range = port_find(machine, port);

	if (!range || !(range->io->widths & width) || range->first + range->count - port < width)
		return NULL;
	return range;
}

/* The bits of an access of width bytes, up to 4. */
static uint32_t port_bits(unsigned width)
{
	return UINT32_MAX >> (32 - 8 * width);
}

static NOINLINE uint32_t read_pieces(struct cbx_machine *machine, uint16_t port, unsigned width)
{
	uint64_t value = 0;
	unsigned at = 0, done;

	while (at < width) {
		const struct port_range *range = port_find(machine, (uint32_t)port + at);
		uint64_t piece = 0xff;

		done = 1;
		if (range)
			piece = bus_read(range->io, range->device, range->count,
					 (uint32_t)port + at - range->first, width - at, &done);
		value |= piece << 8 * at;
		at += done;
	}
	return (uint32_t)value;
}

uint32_t port_read(struct cbx_machine *machine, uint16_t port, unsigned width)
{
	const struct port_range *range = port_answers(machine, port, width);

	if (!range || !range->io->read)
		return read_pieces(machine, port, width);
	return (uint32_t)range->io->read(range->device, port - range->first, width) & port_bits(width);
}

static NOINLINE void write_pieces(struct cbx_machine *machine, uint16_t port, uint32_t value, unsigned width)
{
	unsigned at = 0;

	while (at < width) {
		const struct port_range *range = port_find(machine, (uint32_t)port + at);

		if (range)
			at += bus_write(range->io, range->device, range->count,
					(uint32_t)port + at - range->first, value >> 8 * at,
					width - at);
		else
			at++;
	}
}

void port_write(struct cbx_machine *machine, uint16_t port, uint32_t value, unsigned width)
{
	const struct port_range *range = port_answers(machine, port, width);

	if (!range || !range->io->write)
		write_pieces(machine, port, value, width);
	else
		range->io->write(range->device, port - range->first, value & port_bits(width), width);
}

bool port_takes_many(const struct cbx_machine *machine, uint16_t port, unsigned width, bool input)
{
	const struct port_range *range = port_answers(machine, port, width);

	return range && (input ? range->io->read_many != NULL : range->io->write_many != NULL);
}

size_t port_read_many(struct cbx_machine *machine, uint16_t port, unsigned width, void *bytes,
		      size_t count)
{
	const struct port_range *range = port_answers(machine, port, width);

	if (!range || !range->io->read_many)
		return 0;
	return range->io->read_many(range->device, port - range->first, width, bytes, count);
}

size_t port_write_many(struct cbx_machine *machine, uint16_t port, unsigned width, const void *bytes,
		       size_t count)
{
	const struct port_range *range = port_answers(machine, port, width);

	if (!range || !range->io->write_many)
		return 0;
	return range->io->write_many(range->device, port - range->first, width, bytes, count);
}

enum cbx_status port_range_at(const struct cbx_machine *machine, uint64_t port,
			      struct cbx_map_range *range)
{
	const uint16_t *owner = machine->ports->owner;
	const struct port_range *answers;

	if (port >= PORT_COUNT)
		return CBX_ERROR_ARGUMENT;
	range->first = range->last = port;
	while (range->first && owner[range->first - 1] == owner[port])
		range->first--;
	while (range->last + 1 < PORT_COUNT && owner[range->last + 1] == owner[port])
		range->last++;
	answers = port_find(machine, (uint32_t)port);
	if (!answers)
		return CBX_OK;
	range->name = answers->device->type->name;
	range->instance = answers->device->instance;
	return CBX_OK;
}
