/* What the embedder sees of a machine's objects and maps (clearbox/inspect.h). */
#include <clearbox/inspect.h>

#include "machine.h"
#include "ram.h"

static enum cbx_status found(struct cbx_object *object, const char *name, unsigned instance,
			     const struct cbx_field *fields, const void *state)
{
	*object = (struct cbx_object){ name, instance, fields, state };
	return CBX_OK;
}

enum cbx_status cbx_object_at(struct cbx_machine *machine, unsigned n, struct cbx_object *object)
{
	const struct cbx_device *device;
	size_t size;

	if (!machine || !object)
		return CBX_ERROR_ARGUMENT;
	if (n == 0) {
		if (!machine->running)
			cpu_before_save(machine);
		return found(object, "cpu", 0, cpu_fields, cpu_state(machine, &size));
	}
	if (n == 1)
		return found(object, "tlb", 0, tlb_fields, tlb_state(machine, &size));
	n -= 2;
	for (device = machine->devices; device; device = device->next)
		if (device->type->fields && !n--)
			return found(object, device->type->name, device->instance, device->type->fields,
				     (const uint8_t *)device + device->type->state_offset);
	return CBX_ERROR_ARGUMENT;
}

enum cbx_status cbx_map_range_at(struct cbx_machine *machine, enum cbx_map map, uint64_t address,
				 struct cbx_map_range *range)
{
	if (!machine || !range || (unsigned)map > CBX_MAP_PORTS)
		return CBX_ERROR_ARGUMENT;
	memset(range, 0, sizeof(*range));
	if (map == CBX_MAP_PORTS)
		return port_range_at(machine, address, range);
	return map_range_at(machine->memory, address, map == CBX_MAP_READ ? MAP_READ : MAP_WRITE, range);
}
