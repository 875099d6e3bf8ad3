/*
 * Saved states of a whole machine.  One function writes all there is, into a buffer or
 * into a hash; loading reads into fresh copies of everything, has them checked, and only
 * then puts them in place.  docs/state.md describes the form.
 */
#include "clock.h"
#include "ram.h"
#include "state.h"

static const struct cbx_field machine_fields[] = {
	CBX_FIELD(struct machine_saved, skipped),
	CBX_FIELD(struct machine_saved, exit_code),
	CBX_FIELD(struct machine_saved, a20),
	CBX_FIELD(struct machine_saved, reset_requested),
	CBX_FIELD(struct machine_saved, cpu_reset_requested),
	CBX_FIELD(struct machine_saved, power_off_requested),
	CBX_FIELD(struct machine_saved, exit_requested),
	CBX_FIELD_END
};

enum { MACHINE_STATE_VERSION = 1 };

struct machine_saved machine_gather(const struct cbx_machine *machine)
{
	struct machine_saved saved;

	memset(&saved, 0, sizeof(saved));
	saved.skipped = machine->clock->skipped;
	saved.exit_code = (uint32_t)machine->exit_code;
	saved.a20 = machine->memory->a20;
	saved.reset_requested = machine->reset_requested;
	saved.cpu_reset_requested = machine->cpu_reset_requested;
	saved.power_off_requested = machine->power_off_requested;
	saved.exit_requested = machine->exit_requested;
	return saved;
}

void machine_scatter(struct cbx_machine *machine, const struct machine_saved *saved)
{
	machine->clock->skipped = saved->skipped;
	machine->exit_code = (int)(saved->exit_code & 0x7fffffff) -
			     (int)(saved->exit_code >> 31) * 0x7fffffff -
			     (int)(saved->exit_code >> 31);
	machine->memory->a20 = saved->a20;
	machine->reset_requested = saved->reset_requested;
	machine->cpu_reset_requested = saved->cpu_reset_requested;
	machine->power_off_requested = saved->power_off_requested;
	machine->exit_requested = saved->exit_requested;
}

static const char *cpu_name(const struct cbx_machine *machine)
{
	return machine->options.cpu ? machine->options.cpu : "";
}

/* ---- Saving ---------------------------------------------------------------------------------- */

static void section_begin(struct sink *sink, const char *name, unsigned instance, uint32_t version,
			  uint64_t length)
{
	sink_string(sink, name);
	sink_number(sink, instance, 4);
	sink_number(sink, version, 4);
	sink_number(sink, length, 8);
}

static void save_fields(struct sink *sink, const char *name, unsigned instance, uint32_t version,
			const struct cbx_field *fields, const void *state)
{
	section_begin(sink, name, instance, version, fields_length(fields));
	fields_write(sink, fields, state);
}

static unsigned device_count(const struct cbx_machine *machine)
{
	const struct cbx_device *device;
	unsigned count = 0;

	for (device = machine->devices; device; device = device->next)
		count++;
	return count;
}

static void save_configuration(struct sink *sink, const struct cbx_machine *machine)
{
	const struct memory *memory = machine->memory;
	const struct cbx_device *device;
	uint64_t length = 8 + 4 + 1 + strlen(cpu_name(machine)) + 4 + 4;
	unsigned i;

	for (i = 0; i < memory->ram_count; i++)
		length += 1 + strlen(memory->rams[i]->name) + 8;
	for (device = machine->devices; device; device = device->next)
		length += 1 + strlen(device->type->name) + 4 + 4;
	section_begin(sink, "configuration", 0, 1, length);
	sink_number(sink, machine->options.memory_bytes, 8);
	sink_number(sink, machine->options.nanoseconds_per_instruction, 4);
	sink_string(sink, cpu_name(machine));
	sink_number(sink, memory->ram_count, 4);
	for (i = 0; i < memory->ram_count; i++) {
		sink_string(sink, memory->rams[i]->name);
		sink_number(sink, memory->rams[i]->size, 8);
	}
	sink_number(sink, device_count(machine), 4);
	for (device = machine->devices; device; device = device->next) {
		sink_string(sink, device->type->name);
		sink_number(sink, device->instance, 4);
		sink_number(sink, device->type->version, 4);
	}
}

static void save_timers(struct sink *sink, const struct cbx_machine *machine)
{
	const struct cbx_timer *timer;
	uint64_t length = 4;

	for (timer = machine->clock->timers; timer; timer = timer->next)
		length += 1 + strlen(timer->device->type->name) + 4 + 1 + strlen(timer->name) + 9;
	section_begin(sink, "timers", 0, 1, length);
	sink_number(sink, machine->clock->timer_count, 4);
	for (timer = machine->clock->timers; timer; timer = timer->next) {
		sink_string(sink, timer->device->type->name);
		sink_number(sink, timer->device->instance, 4);
		sink_string(sink, timer->name);
		sink_number(sink, timer->armed, 1);
		sink_number(sink, timer->time, 8);
	}
}

static bool page_is_zero(const struct page *page)
{
	return !page || !memcmp(page->bytes, zero_page, PAGE_SIZE);
}

static void save_ram(struct sink *sink, const struct cbx_ram *ram)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < ram->page_count; i++)
		count += !page_is_zero(leaves_page(ram->pages, i));
	section_begin(sink, ram->name, 0, 1, 8 + count * (8 + PAGE_SIZE));
	sink_number(sink, count, 8);
	for (i = 0; i < ram->page_count; i++) {
		if (page_is_zero(leaves_page(ram->pages, i)))
			continue;
		sink_number(sink, i, 8);
		sink_bytes(sink, ram_bytes(ram, (uint64_t)i << PAGE_BITS), PAGE_SIZE);
	}
}

static void save_all(struct sink *sink, struct cbx_machine *machine)
{
	struct machine_saved saved;
	const struct cbx_device *device;
	const void *cpu;
	size_t size;
	unsigned i;

	machine_start(machine);
	cpu_before_save(machine);
	save_configuration(sink, machine);
	saved = machine_gather(machine);
	save_fields(sink, "machine", 0, MACHINE_STATE_VERSION, machine_fields, &saved);
	cpu = cpu_state(machine, &size);
	save_fields(sink, "cpu", 0, CPU_STATE_VERSION, cpu_fields, cpu);
	save_fields(sink, "tlb", 0, TLB_STATE_VERSION, tlb_fields, tlb_state(machine, &size));
	for (device = machine->devices; device; device = device->next)
		if (device->type->fields)
			save_fields(sink, device->type->name, device->instance,
				    device->type->version, device->type->fields,
				    (const uint8_t *)device + device->type->state_offset);
	save_timers(sink, machine);
	for (i = 0; i < machine->memory->ram_count; i++)
		save_ram(sink, machine->memory->rams[i]);
}

enum cbx_status cbx_snapshot_save(struct cbx_machine *machine, void **data, size_t *size)
{
	struct sink sink;

	if (!machine || !data || !size)
		return CBX_ERROR_ARGUMENT;
	*data = NULL;
	*size = 0;
	if (machine->running)
		return machine_fail(machine, CBX_ERROR_STATE, "the machine is running");
	sink_begin(&sink, machine, true);
	save_all(&sink, machine);
	*data = sink_end(&sink, size);
	return *data ? CBX_OK : machine_fail(machine, CBX_ERROR_MEMORY, "no memory for a saved state");
}

void cbx_buffer_free(struct cbx_machine *machine, void *data)
{
	if (machine)
		machine_release(machine, data);
}

uint64_t cbx_state_hash(struct cbx_machine *machine)
{
	struct sink sink;
	size_t size;

	if (!machine || machine->running)
		return 0;
	sink_begin(&sink, machine, false);
	save_all(&sink, machine);
	sink_end(&sink, &size);
	return hash_end(&sink.hash);
}

/* ---- Loading --------------------------------------------------------------------------------- */

struct timer_saved {
	bool present, armed;
	uint64_t time;
};

/* The fresh copies. */
struct loading {
	struct cbx_machine *machine;
	struct source source;
	struct machine_saved saved;
	void *cpu, *tlb;
	size_t cpu_size, tlb_size;
	void **devices;                 /* state of each, NULL where there is none */
	uint32_t *versions;             /* of each device's saved state */
	unsigned device_count;
	struct timer_saved *timers;
	struct leaf ***rams;            /* page table of each */
};

static bool no_memory(struct source *source)
{
	return source_fail(source, CBX_ERROR_MEMORY, "no memory to load it");
}

static void loading_free(struct loading *loading)
{
	struct cbx_machine *machine = loading->machine;
	struct memory *memory = machine->memory;
	unsigned i;
	size_t leaf;

	source_free(&loading->source);
	machine_release(machine, loading->cpu);
	machine_release(machine, loading->tlb);
	for (i = 0; loading->devices && i < loading->device_count; i++)
		machine_release(machine, loading->devices[i]);
	machine_release(machine, loading->devices);
	machine_release(machine, loading->versions);
	machine_release(machine, loading->timers);
	for (i = 0; loading->rams && i < memory->ram_count; i++) {
		for (leaf = 0; loading->rams[i] && leaf < memory->rams[i]->leaf_count; leaf++)
			leaf_release(memory->pool, loading->rams[i][leaf]);
		machine_release(machine, loading->rams[i]);
	}
	machine_release(machine, loading->rams);
}

static bool loading_allocate(struct loading *loading)
{
	struct cbx_machine *machine = loading->machine;
	struct memory *memory = machine->memory;
	struct cbx_device *device;
	unsigned i;

	loading->device_count = device_count(machine);
	cpu_state(machine, &loading->cpu_size);
	loading->cpu = machine_allocate(machine, loading->cpu_size);
	tlb_state(machine, &loading->tlb_size);
	loading->tlb = machine_allocate(machine, loading->tlb_size);
	loading->devices = machine_allocate_array(machine, loading->device_count,
						  sizeof(*loading->devices));
	loading->versions = machine_allocate_array(machine, loading->device_count,
						   sizeof(*loading->versions));
	loading->timers = machine_allocate_array(machine, machine->clock->timer_count,
						 sizeof(*loading->timers));
	loading->rams = machine_allocate_array(machine, memory->ram_count, sizeof(*loading->rams));
	if (!loading->cpu || !loading->tlb || !loading->devices || !loading->versions || !loading->timers ||
	    !loading->rams)
		return false;
	for (device = machine->devices, i = 0; device; device = device->next, i++) {
		if (!device->type->fields)
			continue;
		loading->devices[i] = machine_allocate(machine, device->type->state_size);
		if (!loading->devices[i])
			return false;
	}
	for (i = 0; i < memory->ram_count; i++) {
		loading->rams[i] = machine_allocate_array(machine, memory->rams[i]->leaf_count,
							  sizeof(**loading->rams));
		if (!loading->rams[i])
			return false;
	}
	return true;
}

/* Reads a section's head; the section must be this one.  *end is where it must end. */
static bool section_read(struct source *source, const char *name, unsigned instance,
			 uint32_t version, uint64_t *end)
{
	char text[256];
	uint32_t number, saved_version;

	source->section = name;
	source_string(source, text);
	number = (uint32_t)source_number(source, 4);
	saved_version = (uint32_t)source_number(source, 4);
	*end = source_number(source, 8);
	if (source->failed)
		return false;
	if (strcmp(text, name) || number != instance)
		return source_fail(source, CBX_ERROR_FORMAT, "another section is in its place");
	if (saved_version != version)
		return source_fail(source, CBX_ERROR_MISMATCH, "it is of another version");
	*end += source->total;
	return true;
}

static bool section_end(struct source *source, uint64_t end)
{
	if (!source->failed && source->total != end)
		source_fail(source, CBX_ERROR_FORMAT, "the section is of another length");
	return !source->failed;
}

static bool load_fields(struct source *source, const char *name, unsigned instance,
			uint32_t version, bool older, const struct cbx_field *fields, void *state)
{
	uint64_t end;

	return section_read(source, name, instance, version, &end) &&
	       fields_read(source, fields, state, older) && section_end(source, end);
}

static bool differs(struct source *source, const char *text)
{
	return source->failed ? false : source_fail(source, CBX_ERROR_MISMATCH, text);
}

static bool load_configuration(struct loading *loading)
{
	struct cbx_machine *machine = loading->machine;
	struct source *source = &loading->source;
	const struct memory *memory = machine->memory;
	const struct cbx_device *device;
	char text[256];
	uint64_t end;
	unsigned i;

	if (!section_read(source, "configuration", 0, 1, &end))
		return false;
	if (source_number(source, 8) != machine->options.memory_bytes)
		return differs(source, "it is of a machine with another size of memory");
	if (source_number(source, 4) != machine->options.nanoseconds_per_instruction)
		return differs(source, "it is of a machine of another speed");
	source_string(source, text);
	if (strcmp(text, cpu_name(machine)))
		return differs(source, "it is of a machine with another processor");
	if (source_number(source, 4) != memory->ram_count)
		return differs(source, "it is of a machine with other memories");
	for (i = 0; i < memory->ram_count; i++) {
		source_string(source, text);
		if (source_number(source, 8) != memory->rams[i]->size ||
		    strcmp(text, memory->rams[i]->name))
			return differs(source, "it is of a machine with other memories");
	}
	if (source_number(source, 4) != loading->device_count)
		return differs(source, "it is of a machine with other devices");
	for (i = 0, device = machine->devices; device; i++, device = device->next) {
		source_string(source, text);
		if (source_number(source, 4) != device->instance ||
		    strcmp(text, device->type->name))
			return differs(source, "it is of a machine with other devices");
		loading->versions[i] = (uint32_t)source_number(source, 4);
		if (loading->versions[i] > device->type->version)
			return differs(source, "it has a device of a newer version");
	}
	return section_end(source, end);
}

/* Which timer is it?  Returns its index, or timer_count. */
static unsigned timer_find(const struct cbx_machine *machine, const char *device, uint32_t instance,
			   const char *name)
{
	const struct cbx_timer *timer;

	for (timer = machine->clock->timers; timer; timer = timer->next)
		if (timer->device->instance == instance && !strcmp(timer->name, name) &&
		    !strcmp(timer->device->type->name, device))
			return timer->index;
	return machine->clock->timer_count;
}

/* Timers that are missing come from devices of an older version; they are not armed. */
static bool load_timers(struct loading *loading)
{
	struct source *source = &loading->source;
	struct cbx_machine *machine = loading->machine;
	uint32_t count, instance;
	char device[256], name[256];
	uint64_t end;

	if (!section_read(source, "timers", 0, 1, &end))
		return false;
	for (count = (uint32_t)source_number(source, 4); count && !source->failed; count--) {
		struct timer_saved *saved;
		uint64_t armed;
		unsigned index;

		source_string(source, device);
		instance = (uint32_t)source_number(source, 4);
		source_string(source, name);
		index = timer_find(machine, device, instance, name);
		if (index == machine->clock->timer_count || loading->timers[index].present)
			return source_fail(source, CBX_ERROR_FORMAT, "an unknown timer");
		saved = &loading->timers[index];
		armed = source_number(source, 1);
		saved->present = true;
		saved->armed = armed == 1;
		saved->time = source_number(source, 8);
		if (armed > 1 || (!armed && saved->time))
			return source_fail(source, CBX_ERROR_FORMAT, "a timer is damaged");
	}
	return section_end(source, end);
}

/* A page with these bytes; one that the machine has at this place already is shared. */
static struct page *load_page(const struct cbx_ram *ram, size_t index, const uint8_t *bytes)
{
	struct page *candidates[2] = { leaves_page(ram->pages, index),
				       leaves_page(ram->initial, index) }, *page;
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (candidates[i] && !memcmp(candidates[i]->bytes, bytes, PAGE_SIZE))
			return page_share(candidates[i]);
	}
	page = page_new(ram->machine->memory->pool);
	if (page)
		memcpy(page->bytes, bytes, PAGE_SIZE);
	return page;
}

static bool load_ram(struct loading *loading, unsigned which)
{
	struct source *source = &loading->source;
	const struct cbx_ram *ram = loading->machine->memory->rams[which];
	struct leaf **pages = loading->rams[which], *leaf;
	uint8_t bytes[PAGE_SIZE];
	uint64_t count, end, index, next = 0;
	struct page *page;

	if (!section_read(source, ram->name, 0, 1, &end))
		return false;
	for (count = source_number(source, 8); count && !source->failed; count--) {
		index = source_number(source, 8);
		if (!source_bytes(source, bytes, PAGE_SIZE))
			return false;
		if (index < next || index >= ram->page_count)
			return source_fail(source, CBX_ERROR_FORMAT, "a page is out of place");
		next = index + 1;
		leaf = leaf_own(loading->machine->memory->pool, pages, (size_t)index >> LEAF_BITS);
		page = leaf ? load_page(ram, (size_t)index, bytes) : NULL;
		if (!page)
			return no_memory(source);
		leaf->page[index & (LEAF_PAGES - 1)] = page;
	}
	return section_end(source, end);
}

static bool load_all(struct loading *loading)
{
	struct cbx_machine *machine = loading->machine;
	struct source *source = &loading->source;
	const struct cbx_device *device;
	unsigned i;

	if (!loading_allocate(loading))
		return no_memory(source);
	if (!load_configuration(loading) ||
	    !load_fields(source, "machine", 0, MACHINE_STATE_VERSION, false, machine_fields,
			 &loading->saved) ||
	    !load_fields(source, "cpu", 0, CPU_STATE_VERSION, false, cpu_fields, loading->cpu) ||
	    !load_fields(source, "tlb", 0, TLB_STATE_VERSION, false, tlb_fields, loading->tlb))
		return false;
	for (i = 0, device = machine->devices; device; i++, device = device->next)
		if (device->type->fields &&
		    !load_fields(source, device->type->name, device->instance, loading->versions[i],
				 loading->versions[i] < device->type->version, device->type->fields,
				 loading->devices[i]))
			return false;
	if (!load_timers(loading))
		return false;
	for (i = 0; i < machine->memory->ram_count; i++)
		if (!load_ram(loading, i))
			return false;
	return source_end(source);
}

/* Is it a state this machine could be in? */
static bool load_check(struct loading *loading)
{
	struct cbx_machine *machine = loading->machine;
	struct source *source = &loading->source;
	const struct cbx_device *device;
	unsigned i;

	source->section = "machine";
	if (loading->saved.skipped > CLOCK_NEVER / 2)
		return source_fail(source, CBX_ERROR_FORMAT, "a time that no machine lives to see");
	source->section = "cpu";
	if (!cpu_check(machine, loading->cpu))
		return source_fail(source, CBX_ERROR_FORMAT, "a state that it cannot be in");
	source->section = "tlb";
	if (!tlb_check(loading->tlb))
		return source_fail(source, CBX_ERROR_FORMAT, "a state that it cannot be in");
	for (i = 0, device = machine->devices; device; i++, device = device->next) {
		source->section = device->type->name;
		if (device->type->check && loading->devices[i] &&
		    !device->type->check(device, loading->devices[i]))
			return source_fail(source, CBX_ERROR_FORMAT, "a state that it cannot be in");
	}
	return true;
}

/* Nothing here can fail. */
static void load_commit(struct loading *loading)
{
	struct cbx_machine *machine = loading->machine;
	struct memory *memory = machine->memory;
	struct cbx_device *device;
	struct cbx_timer *timer;
	unsigned i;
	size_t size;

	machine_scatter(machine, &loading->saved);
	memcpy(cpu_state(machine, &size), loading->cpu, loading->cpu_size);
	memcpy(tlb_state(machine, &size), loading->tlb, loading->tlb_size);
	for (i = 0, device = machine->devices; device; i++, device = device->next)
		if (loading->devices[i])
			memcpy((uint8_t *)device + device->type->state_offset, loading->devices[i],
			       device->type->state_size);
	while (machine->clock->armed)
		timer_disarm(machine->clock->armed);
	for (timer = machine->clock->timers; timer; timer = timer->next)
		if (loading->timers[timer->index].armed)
			timer_arm(timer, loading->timers[timer->index].time);
	for (i = 0; i < memory->ram_count; i++) {
		struct leaf **old = memory->rams[i]->pages;

		/* The old pages go when loading is freed. */
		memory->rams[i]->pages = loading->rams[i];
		loading->rams[i] = old;
		memset(memory->rams[i]->flags, 0, memory->rams[i]->page_count);
	}
	machine->out_of_memory = false;
	machine->stop_pending = machine->shutdown_pending = false;
	cpu_loaded(machine);
	for (device = machine->devices; device; device = device->next)
		if (device->type->loaded)
			device->type->loaded(device);
	cpu_memory_changed(machine, NO_BACKING);
	cpu_attention(machine);
}

enum cbx_status cbx_snapshot_load(struct cbx_machine *machine, const void *data, size_t size)
{
	struct loading loading;
	enum cbx_status status;

	if (!machine || !data)
		return CBX_ERROR_ARGUMENT;
	if (machine->running)
		return machine_fail(machine, CBX_ERROR_STATE, "the machine is running");
	machine_start(machine);
	memset(&loading, 0, sizeof(loading));
	loading.machine = machine;
	if (source_begin(&loading.source, machine, data, size) && load_all(&loading) &&
	    load_check(&loading)) {
		load_commit(&loading);
		history_restart(machine);
	}
	status = loading.source.failed;
	loading_free(&loading);
	return status;
}
