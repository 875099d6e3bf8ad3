/*
 * Memory and breakpoints.  Addresses are linear, or physical while the peer asked for that.  All
 * breakpoints, gdb's "software" ones too, are the machine's: guest memory is not changed.
 */
#include "gdb.h"
#include <clearbox/pc.h>

#include <string.h>

static bool read_piece(struct cbx_gdb *gdb, uint64_t address, uint8_t *bytes, size_t count)
{
	if (gdb->physical)
		return cbx_memory_read(gdb->machine, address, bytes, count) == CBX_OK;
	return cbx_linear_read(gdb->machine, address, bytes, count) == CBX_OK;
}

size_t gdb_memory_read(struct cbx_gdb *gdb, uint64_t address, uint8_t *bytes, size_t count)
{
	size_t done = 0;

	/* Page by page: what comes before a hole is given. */
	while (done < count) {
		size_t piece = 4096 - (size_t)((address + done) & 4095);

		if (piece > count - done)
			piece = count - done;
		if (!read_piece(gdb, address + done, bytes + done, piece))
			break;
		done += piece;
		if (address + done == 0)
			break;
	}
	return done;
}

bool gdb_memory_write(struct cbx_gdb *gdb, uint64_t address, const uint8_t *bytes, size_t count)
{
	if (!count)
		return true;
	if (gdb->physical)
		return cbx_memory_write(gdb->machine, address, bytes, count) == CBX_OK;
	return cbx_linear_write(gdb->machine, address, bytes, count) == CBX_OK;
}

/* ---- Breakpoints ---------------------------------------------------------------------------- */

static bool make_room(struct cbx_gdb *gdb)
{
	unsigned room = gdb->breakpoint_room ? gdb->breakpoint_room * 2 : 16;
	struct gdb_breakpoint *more;

	if (gdb->breakpoint_count < gdb->breakpoint_room)
		return true;
	if (room > GDB_BREAKPOINTS_MOST)
		return false;
	more = cbx_machine_allocate(gdb->machine, room * sizeof(*more));
	if (!more)
		return false;
	if (gdb->breakpoint_count)
		memcpy(more, gdb->breakpoints, gdb->breakpoint_count * sizeof(*more));
	cbx_machine_release(gdb->machine, gdb->breakpoints);
	gdb->breakpoints = more;
	gdb->breakpoint_room = room;
	return true;
}

static struct gdb_breakpoint *find(struct cbx_gdb *gdb, unsigned type, uint64_t address, uint64_t length)
{
	for (unsigned i = 0; i < gdb->breakpoint_count; i++) {
		struct gdb_breakpoint *b = &gdb->breakpoints[i];

		if (b->type == type && b->address == address && b->physical == gdb->physical &&
		    (type < 2 || b->length == length))
			return b;
	}
	return NULL;
}

bool gdb_breakpoint_set(struct cbx_gdb *gdb, unsigned type, uint64_t address, uint64_t length)
{
	/* By Z0 to Z4; execution breakpoints have no length. */
	static const enum cbx_breakpoint_kind kinds[] = {
		CBX_BREAK_EXECUTE, CBX_BREAK_EXECUTE, CBX_BREAK_WRITE, CBX_BREAK_READ, CBX_BREAK_ACCESS
	};
	struct cbx_breakpoint want = {
		.size = sizeof(want), .kind = kinds[type], .physical = gdb->physical,
		.address = address, .length = type < 2 ? 1 : length,
	};
	unsigned id;

	/* It may come again: that is one breakpoint. */
	if (find(gdb, type, address, length))
		return true;
	if (!make_room(gdb) || cbx_breakpoint_add(gdb->machine, &want, &id) != CBX_OK)
		return false;
	gdb->breakpoints[gdb->breakpoint_count++] =
		(struct gdb_breakpoint){ id, type, address, want.length, want.physical };
	return true;
}

void gdb_breakpoint_clear(struct cbx_gdb *gdb, unsigned type, uint64_t address, uint64_t length)
{
	struct gdb_breakpoint *b = find(gdb, type, address, length);

	if (!b)
		return;
	cbx_breakpoint_remove(gdb->machine, b->id);
	*b = gdb->breakpoints[--gdb->breakpoint_count];
}

void gdb_breakpoints_clear(struct cbx_gdb *gdb)
{
	while (gdb->breakpoint_count)
		cbx_breakpoint_remove(gdb->machine, gdb->breakpoints[--gdb->breakpoint_count].id);
	cbx_machine_release(gdb->machine, gdb->breakpoints);
	gdb->breakpoints = NULL;
	gdb->breakpoint_room = 0;
}

const struct gdb_breakpoint *gdb_breakpoint_of(const struct cbx_gdb *gdb, unsigned id)
{
	for (unsigned i = 0; i < gdb->breakpoint_count; i++)
		if (gdb->breakpoints[i].id == id)
			return &gdb->breakpoints[i];
	return NULL;
}
