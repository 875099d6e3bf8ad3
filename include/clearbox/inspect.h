/*
 * Looking at all that a machine is made of, by the tables that its saved states are made by.
 * Called while the machine is not running, or in a hook; nothing is changed.
 */
#ifndef CLEARBOX_INSPECT_H
#define CLEARBOX_INSPECT_H

#include "pci.h"
#include "state.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One object with state.  Its values are at the fields' offsets in state, in the host's byte order. */
struct cbx_object {
	const char *name;               /* "cpu", "tlb", or the device type's */
	unsigned instance;              /* 0, 1, ... among those of this name */
	const struct cbx_field *fields;
	const void *state;              /* until the machine runs or is changed */
};

/* The n-th object: processor, TLB, then the devices as they were created.  CBX_ERROR_ARGUMENT: there is none. */
CBX_API enum cbx_status cbx_object_at(struct cbx_machine *machine, unsigned n,
				      struct cbx_object *object);

enum cbx_map { CBX_MAP_READ, CBX_MAP_WRITE, CBX_MAP_PORTS };

/* A range of addresses that one answers, or nobody does. */
struct cbx_map_range {
	uint64_t first, last;
	const char *name;               /* of the memory, or of the device's type; NULL: nobody */
	bool memory;
	unsigned instance;              /* of the device */
	uint64_t offset;                /* in the memory, of first */
};

/*
 * The range that holds address in a map: who answers reads, or writes, of physical memory, or
 * ports.  To see all of a map begin at 0 and go on with last + 1.  Errors: CBX_ERROR_ARGUMENT
 * (no such map; an address from 2^52, of ports from 65536 on).
 */
CBX_API enum cbx_status cbx_map_range_at(struct cbx_machine *machine, enum cbx_map map,
					 uint64_t address, struct cbx_map_range *range);

/* The function at a place of the bus, for cbx_pci_config_read; NULL: there is none. */
CBX_API struct cbx_pci_function *cbx_pci_function_at(struct cbx_pci_bus *bus, unsigned slot,
						     unsigned function);

#ifdef __cplusplus
}
#endif
#endif
