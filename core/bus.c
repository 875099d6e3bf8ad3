/*
 * How an access meets a handler: split when it is wider than the handlers take, cut out
 * of a wider one when it is narrower (contract: struct cbx_io in clearbox/device.h).
 * Each call does one piece; the caller goes on with the rest, which may by then be
 * somebody else's.
 */
#include "ram.h"

bool bus_io_valid(const struct cbx_io *io)
{
	return io && io->widths && !(io->widths & ~15u);
}

/* The widest accepted width that fits into room bytes; 0: none. */
static unsigned bus_widest(unsigned widths, uint64_t room)
{
	unsigned width;

	for (width = 8; width; width >>= 1)
		if ((widths & width) && width <= room)
			return width;
	return 0;
}

static uint64_t ones(unsigned width)
{
	return width < 8 ? ((uint64_t)1 << 8 * width) - 1 : UINT64_MAX;
}

/* How many bytes at offset one access of the smallest width can serve; *unit is where it is. */
static unsigned bus_narrow(const struct cbx_io *io, uint64_t offset, uint64_t room,
			   unsigned *smallest, uint64_t *unit)
{
	unsigned inside;

	*smallest = io->widths & (~io->widths + 1);
	inside = (unsigned)(offset & (*smallest - 1));
	*unit = offset - inside;
	return *smallest - inside < room ? *smallest - inside : (unsigned)room;
}

uint64_t bus_read(const struct cbx_io *io, struct cbx_device *device, uint64_t range,
		  uint64_t offset, unsigned width, unsigned *done)
{
	uint64_t room = range - offset < width ? range - offset : width, unit;
	unsigned piece = bus_widest(io->widths, room), smallest;

	if (piece) {
		*done = piece;
		return (io->read ? io->read(device, offset, piece) : UINT64_MAX) & ones(piece);
	}
	*done = bus_narrow(io, offset, room, &smallest, &unit);
	if (!io->read || range - unit < smallest)
		return ones(*done);
	return io->read(device, unit, smallest) >> 8 * (offset - unit) & ones(*done);
}

unsigned bus_write(const struct cbx_io *io, struct cbx_device *device, uint64_t range,
		   uint64_t offset, uint64_t value, unsigned width)
{
	uint64_t room = range - offset < width ? range - offset : width, unit;
	unsigned piece = bus_widest(io->widths, room), smallest;

	if (!piece)
		return bus_narrow(io, offset, room, &smallest, &unit);
	if (io->write)
		io->write(device, offset, value & ones(piece), piece);
	return piece;
}
