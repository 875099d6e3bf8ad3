/* The machine of harness.h: every function of clearbox/device.h over plain tables. */
#include "harness.h"

#include <stdlib.h>

#define FAKE_PAGE 4096u
#define FAKE_RANGES 256

struct cbx_ram {
	struct cbx_ram *next;
	uint64_t size;
	uint8_t *bytes;
	uint8_t *dirty;
};

struct cbx_region {
	struct cbx_region *next;
	struct cbx_device *device;
	struct cbx_ram *ram;
	const struct cbx_io *io;
	uint64_t ram_offset, size, base;
	unsigned access;
	int priority;
};

struct cbx_timer {
	struct cbx_timer *next;
	struct cbx_device *device;
	void (*fire)(struct cbx_device *device, unsigned number);
	unsigned number;
	bool armed;
	uint64_t time;
};

struct fake_range {
	struct cbx_device *device;
	uint32_t first, count;
	const struct cbx_io *io;
};

struct cbx_machine {
	struct cbx_device *devices, **last_device;
	struct cbx_ram *rams;
	struct cbx_region *regions;             /* the newest first */
	struct cbx_timer *timers, **last_timer;
	struct fake_range ranges[FAKE_RANGES];
	unsigned range_count;
	uint64_t now;
	unsigned fail_in;
	struct fake_pins pins;
	struct cbx_device *inta_device;
	uint8_t (*inta)(struct cbx_device *device);
	void *board;
	void (*destroy_board)(void *board);
	uint8_t *ram;
};

static void *fake_allocate(struct cbx_machine *machine, size_t size)
{
	if (machine->fail_in && --machine->fail_in == 0)
		return NULL;
	return calloc(1, size ? size : 1);
}

struct cbx_machine *fake_machine_new(void)
{
	struct cbx_machine *machine = calloc(1, sizeof(*machine));

	assert_non_null(machine);
	machine->ram = calloc(1, FAKE_RAM_BYTES);
	assert_non_null(machine->ram);
	machine->last_device = &machine->devices;
	machine->last_timer = &machine->timers;
	machine->pins.a20 = true;
	machine->pins.apic_features = CBX_APIC_PRESENT | CBX_APIC_X2APIC | CBX_APIC_TSC_DEADLINE |
				      CBX_APIC_THERMAL;
	return machine;
}

void fake_machine_free(struct cbx_machine *machine)
{
	if (machine->destroy_board)
		machine->destroy_board(machine->board);
	while (machine->devices) {
		struct cbx_device *device = machine->devices;

		machine->devices = device->next;
		if (device->type->destroy)
			device->type->destroy(device);
		free(device);
	}
	while (machine->timers) {
		struct cbx_timer *timer = machine->timers;

		machine->timers = timer->next;
		free(timer);
	}
	while (machine->regions) {
		struct cbx_region *region = machine->regions;

		machine->regions = region->next;
		free(region);
	}
	while (machine->rams) {
		struct cbx_ram *ram = machine->rams;

		machine->rams = ram->next;
		free(ram->bytes);
		free(ram->dirty);
		free(ram);
	}
	free(machine->ram);
	free(machine);
}

void fake_reset(struct cbx_machine *machine, enum cbx_reset_kind kind)
{
	for (struct cbx_device *device = machine->devices; device; device = device->next)
		if (device->type->reset)
			device->type->reset(device, kind);
}

void fake_fail_allocation(struct cbx_machine *machine, unsigned n)
{
	machine->fail_in = n;
}

enum cbx_status cbx_device_new(struct cbx_machine *machine, const struct cbx_device_type *type,
			       struct cbx_device **device)
{
	struct cbx_device *made;

	assert_true(type->size >= sizeof(*made));
	assert_true(type->state_offset + type->state_size <= type->size);
	made = fake_allocate(machine, type->size);
	if (!made)
		return CBX_ERROR_MEMORY;
	made->type = type;
	made->machine = machine;
	for (struct cbx_device *other = machine->devices; other; other = other->next)
		made->instance += other->type == type;
	*machine->last_device = made;
	machine->last_device = &made->next;
	*device = made;
	return CBX_OK;
}

/* ---- Ports ------------------------------------------------------------------------ */

enum cbx_status cbx_ports_map(struct cbx_device *device, uint32_t first, uint32_t count,
			      const struct cbx_io *io)
{
	struct cbx_machine *machine = device->machine;

	assert_true(count > 0 && first <= 0x10000 && count <= 0x10000 - first);
	assert_true(io->widths != 0);
	assert_true(machine->range_count < FAKE_RANGES);
	machine->ranges[machine->range_count++] = (struct fake_range){ device, first, count, io };
	return CBX_OK;
}

void cbx_ports_unmap(struct cbx_device *device, uint32_t first, uint32_t count)
{
	struct cbx_machine *machine = device->machine;

	for (unsigned i = machine->range_count; i-- > 0;) {
		const struct fake_range *range = &machine->ranges[i];

		if (range->device != device || range->first != first || range->count != count)
			continue;
		machine->range_count--;
		memmove(&machine->ranges[i], &machine->ranges[i + 1],
			(machine->range_count - i) * sizeof(machine->ranges[0]));
		return;
	}
}

static unsigned fake_order(const struct cbx_machine *machine, const struct cbx_device *device)
{
	unsigned order = 0;

	for (struct cbx_device *other = machine->devices; other != device; other = other->next)
		order++;
	return order;
}

/* The device created last answers, and of its ranges the one mapped last. */
static const struct fake_range *fake_range_at(const struct cbx_machine *machine, uint32_t port)
{
	const struct fake_range *best = NULL;

	for (unsigned i = machine->range_count; i-- > 0;) {
		const struct fake_range *range = &machine->ranges[i];

		if (port - range->first < range->count &&
		    (!best || fake_order(machine, range->device) >
			      fake_order(machine, best->device)))
			best = range;
	}
	return best;
}

static uint64_t fake_ones(unsigned width)
{
	return width >= 8 ? UINT64_MAX : ((uint64_t)1 << 8 * width) - 1;
}

/* The widest accepted access of at most left bytes; 0 when all are wider. */
static unsigned fake_piece(unsigned widths, uint64_t left)
{
	unsigned width = 8;

	while (width && (!(widths & width) || width > left))
		width /= 2;
	return width;
}

static uint64_t fake_io_read(const struct cbx_io *io, struct cbx_device *device, uint64_t offset,
			     unsigned width)
{
	return io->read ? io->read(device, offset, width) & fake_ones(width) : fake_ones(width);
}

/* One step of an access: value is shifted so that its low bytes belong to offset. */
static unsigned fake_io_step(const struct cbx_io *io, struct cbx_device *device, uint64_t offset,
			     uint64_t room, unsigned left, bool write, uint64_t *value)
{
	unsigned width = fake_piece(io->widths, left < room ? left : room);

	if (width) {
		if (!write)
			*value = fake_io_read(io, device, offset, width);
		else if (io->write)
			io->write(device, offset, *value & fake_ones(width), width);
		return width;
	}
	if (!write) {
		unsigned smallest = io->widths & (0u - io->widths);

		*value = smallest <= room ? fake_io_read(io, device, offset, smallest) : UINT64_MAX;
	}
	return (unsigned)(left < room ? left : room);
}

void fake_out(struct cbx_machine *machine, unsigned port, uint32_t value, unsigned width)
{
	for (unsigned done = 0, step; done < width; done += step) {
		uint32_t at = (port + done) & 0xffff;
		const struct fake_range *range = fake_range_at(machine, at);
		uint64_t piece = (uint64_t)value >> 8 * done;

		step = range ? fake_io_step(range->io, range->device, at - range->first,
					    range->count - (at - range->first), width - done, true,
					    &piece) : 1;
	}
}

uint32_t fake_in(struct cbx_machine *machine, unsigned port, unsigned width)
{
	uint64_t value = 0;

	for (unsigned done = 0, step; done < width; done += step) {
		uint32_t at = (port + done) & 0xffff;
		const struct fake_range *range = fake_range_at(machine, at);
		uint64_t piece = 0xff;

		step = range ? fake_io_step(range->io, range->device, at - range->first,
					    range->count - (at - range->first), width - done, false,
					    &piece) : 1;
		value |= (piece & fake_ones(step)) << 8 * done;
	}
	return (uint32_t)value;
}

/* ---- Memory -------------------------------------------------------------------------- */

enum cbx_status cbx_ram_new(struct cbx_machine *machine, const char *name, uint64_t size,
			    struct cbx_ram **ram)
{
	struct cbx_ram *made;

	assert_non_null(name);
	assert_true(size % FAKE_PAGE == 0);
	made = fake_allocate(machine, sizeof(*made));
	if (!made)
		return CBX_ERROR_MEMORY;
	made->size = size;
	made->bytes = calloc(1, (size_t)size + 1);
	made->dirty = calloc(1, (size_t)(size / FAKE_PAGE) + 1);
	assert_non_null(made->bytes);
	assert_non_null(made->dirty);
	made->next = machine->rams;
	machine->rams = made;
	*ram = made;
	return CBX_OK;
}

uint64_t cbx_ram_size(const struct cbx_ram *ram)
{
	return ram->size;
}

static bool fake_ram_holds(const struct cbx_ram *ram, uint64_t offset, size_t count)
{
	return offset <= ram->size && count <= ram->size - offset;
}

enum cbx_status cbx_ram_read(const struct cbx_ram *ram, uint64_t offset, void *bytes, size_t count)
{
	if (!fake_ram_holds(ram, offset, count))
		return CBX_ERROR_ARGUMENT;
	memcpy(bytes, ram->bytes + offset, count);
	return CBX_OK;
}

enum cbx_status cbx_ram_write(struct cbx_ram *ram, uint64_t offset, const void *bytes, size_t count)
{
	if (!fake_ram_holds(ram, offset, count))
		return CBX_ERROR_ARGUMENT;
	memcpy(ram->bytes + offset, bytes, count);
	for (uint64_t page = offset / FAKE_PAGE; page * FAKE_PAGE < offset + count; page++)
		ram->dirty[page] = 1;
	return CBX_OK;
}

unsigned fake_ram_pages;

const uint8_t *cbx_ram_page(const struct cbx_ram *ram, uint64_t offset)
{
	assert_true(offset < ram->size);
	fake_ram_pages++;
	return ram->bytes + (offset & ~(uint64_t)(FAKE_PAGE - 1));
}

uint8_t *cbx_ram_page_writable(struct cbx_ram *ram, uint64_t offset)
{
	assert_true(offset < ram->size);
	ram->dirty[offset / FAKE_PAGE] = 1;
	return ram->bytes + (offset & ~(uint64_t)(FAKE_PAGE - 1));
}

bool cbx_ram_take_dirty(struct cbx_ram *ram, uint64_t offset)
{
	bool dirty;

	assert_true(offset < ram->size);
	dirty = ram->dirty[offset / FAKE_PAGE];
	ram->dirty[offset / FAKE_PAGE] = 0;
	return dirty;
}

static enum cbx_status fake_region_new(struct cbx_device *device, uint64_t size,
				       struct cbx_region **region)
{
	struct cbx_region *made;

	assert_true(size > 0 && size % FAKE_PAGE == 0);
	made = fake_allocate(device->machine, sizeof(*made));
	if (!made)
		return CBX_ERROR_MEMORY;
	made->device = device;
	made->size = size;
	made->next = device->machine->regions;
	device->machine->regions = made;
	*region = made;
	return CBX_OK;
}

enum cbx_status cbx_region_new_ram(struct cbx_device *device, struct cbx_ram *ram, uint64_t offset,
				   uint64_t size, struct cbx_region **region)
{
	enum cbx_status status = fake_region_new(device, size, region);

	assert_true(offset % FAKE_PAGE == 0 && offset <= ram->size && size <= ram->size - offset);
	if (status == CBX_OK) {
		(*region)->ram = ram;
		(*region)->ram_offset = offset;
	}
	return status;
}

enum cbx_status cbx_region_new_io(struct cbx_device *device, const struct cbx_io *io, uint64_t size,
				  struct cbx_region **region)
{
	enum cbx_status status = fake_region_new(device, size, region);

	if (status == CBX_OK)
		(*region)->io = io;
	return status;
}

void cbx_region_place(struct cbx_region *region, uint64_t base, unsigned access, int priority)
{
	assert_true(base % FAKE_PAGE == 0);
	region->base = base;
	region->access = access;
	region->priority = priority;
}

void cbx_region_set_offset(struct cbx_region *region, uint64_t offset)
{
	if (region->ram && offset % FAKE_PAGE == 0 && offset <= region->ram->size &&
	    region->size <= region->ram->size - offset)
		region->ram_offset = offset;
}

static struct cbx_region *fake_region_at(struct cbx_machine *machine, uint64_t address,
					 unsigned access)
{
	struct cbx_region *best = NULL;

	for (struct cbx_region *region = machine->regions; region; region = region->next)
		if ((region->access & access) && address - region->base < region->size &&
		    (!best || region->priority > best->priority))
			best = region;
	return best;
}

/* One step of a memory access; gives how many bytes it served. */
static unsigned fake_memory_step(struct cbx_machine *machine, uint64_t address, unsigned left,
				 bool write, uint64_t *value)
{
	struct cbx_region *region = fake_region_at(machine, address, write ? CBX_REGION_WRITE :
						   CBX_REGION_READ);
	uint64_t offset;

	if (!region) {
		if (address < FAKE_RAM_BYTES && write)
			machine->ram[address] = (uint8_t)*value;
		*value = address < FAKE_RAM_BYTES ? machine->ram[address] : 0xff;
		return 1;
	}
	offset = address - region->base;
	if (region->io)
		return fake_io_step(region->io, region->device, offset, region->size - offset, left,
				    write, value);
	if (write) {
		uint8_t byte = (uint8_t)*value;

		cbx_ram_write(region->ram, region->ram_offset + offset, &byte, 1);
	} else {
		*value = region->ram->bytes[region->ram_offset + offset];
	}
	return 1;
}

void fake_mem_write(struct cbx_machine *machine, uint64_t address, uint64_t value, unsigned width)
{
	for (unsigned done = 0, step; done < width; done += step) {
		uint64_t piece = value >> 8 * done;

		step = fake_memory_step(machine, address + done, width - done, true, &piece);
	}
}

uint64_t fake_mem_read(struct cbx_machine *machine, uint64_t address, unsigned width)
{
	uint64_t value = 0;

	for (unsigned done = 0, step; done < width; done += step) {
		uint64_t piece = 0;

		step = fake_memory_step(machine, address + done, width - done, false, &piece);
		value |= (piece & fake_ones(step)) << 8 * done;
	}
	return value;
}

uint8_t *fake_ram(struct cbx_machine *machine)
{
	return machine->ram;
}

void cbx_dma_read(struct cbx_device *device, uint64_t address, void *bytes, size_t count)
{
	uint8_t *to = bytes;

	for (size_t i = 0; i < count; i++)
		to[i] = address + i < FAKE_RAM_BYTES ? device->machine->ram[address + i] : 0xff;
}

void cbx_dma_write(struct cbx_device *device, uint64_t address, const void *bytes, size_t count)
{
	const uint8_t *from = bytes;

	if (address >= FAKE_RAM_BYTES && address + count > address)
		return;
	for (size_t i = 0; i < count; i++)
		if (address + i < FAKE_RAM_BYTES)
			device->machine->ram[address + i] = from[i];
}

/* ---- Time ------------------------------------------------------------------------------ */

uint64_t cbx_time(const struct cbx_device *device)
{
	return device->machine->now;
}

enum cbx_status cbx_timer_new(struct cbx_device *device, const char *name,
			      void (*fire)(struct cbx_device *device, unsigned number),
			      unsigned number, struct cbx_timer **timer)
{
	struct cbx_timer *made = fake_allocate(device->machine, sizeof(*made));

	assert_non_null(name);
	if (!made)
		return CBX_ERROR_MEMORY;
	made->device = device;
	made->fire = fire;
	made->number = number;
	*device->machine->last_timer = made;
	device->machine->last_timer = &made->next;
	*timer = made;
	return CBX_OK;
}

void cbx_timer_set(struct cbx_timer *timer, uint64_t time)
{
	timer->time = time;
	timer->armed = true;
}

void cbx_timer_cancel(struct cbx_timer *timer)
{
	timer->armed = false;
}

bool cbx_timer_armed(const struct cbx_timer *timer)
{
	return timer->armed;
}

static struct cbx_timer *fake_next_timer(const struct cbx_machine *machine)
{
	struct cbx_timer *next = NULL;

	for (struct cbx_timer *timer = machine->timers; timer; timer = timer->next)
		if (timer->armed && (!next || timer->time < next->time))
			next = timer;
	return next;
}

void fake_advance(struct cbx_machine *machine, uint64_t nanoseconds)
{
	uint64_t end = machine->now + nanoseconds;
	struct cbx_timer *timer;
	unsigned at_once = 0;

	while ((timer = fake_next_timer(machine)) != NULL && timer->time <= end) {
		/* A timer that sets itself to now again and again would hang the machine. */
		at_once = timer->time > machine->now ? 0 : at_once + 1;
		assert_true(at_once < 1000);
		if (timer->time > machine->now)
			machine->now = timer->time;
		timer->armed = false;
		timer->fire(timer->device, timer->number);
	}
	machine->now = end;
}

uint64_t fake_now(const struct cbx_machine *machine)
{
	return machine->now;
}

uint64_t fake_next_event(const struct cbx_machine *machine)
{
	const struct cbx_timer *timer = fake_next_timer(machine);

	return timer ? timer->time : UINT64_MAX;
}

uint64_t cbx_muldiv(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t low = (a & 0xffffffff) * (b & 0xffffffff);
	uint64_t middle = (a >> 32) * (b & 0xffffffff) + (low >> 32);
	uint64_t middle2 = (a & 0xffffffff) * (b >> 32) + (middle & 0xffffffff);
	uint64_t high = (a >> 32) * (b >> 32) + (middle >> 32) + (middle2 >> 32);
	uint64_t rest = high, quotient = 0;

	assert_true(c != 0);
	low = middle2 << 32 | (low & 0xffffffff);
	rest %= c;
	for (unsigned i = 64; i-- > 0;) {
		bool carry = rest >> 63;

		rest = rest << 1 | (low >> i & 1);
		quotient <<= 1;
		if (carry || rest >= c) {
			rest -= c;
			quotient |= 1;
		}
	}
	return quotient;
}

/* ---- Pins ------------------------------------------------------------------------------- */

struct fake_pins *fake_pins(struct cbx_machine *machine)
{
	return &machine->pins;
}

void cbx_cpu_set_intr(struct cbx_device *device, bool level)
{
	struct fake_pins *pins = &device->machine->pins;

	if (pins->apic)
		pins->apic->set_pin(pins->apic_device, 0, level);
	else
		pins->intr = level;
}

void cbx_cpu_set_nmi(struct cbx_device *device, bool level)
{
	struct fake_pins *pins = &device->machine->pins;

	if (pins->apic) {
		pins->apic->set_pin(pins->apic_device, 1, level);
		return;
	}
	pins->nmi_edges += level && !pins->nmi;
	pins->nmi = level;
}

unsigned cbx_cpu_apic_features(const struct cbx_device *device)
{
	return device->machine->pins.apic_features;
}

enum cbx_status cbx_cpu_connect_apic(struct cbx_device *apic, const struct cbx_apic_ops *ops)
{
	if (!apic->machine->pins.apic_features)
		return CBX_ERROR_UNSUPPORTED;
	apic->machine->pins.apic = ops;
	apic->machine->pins.apic_device = apic;
	return CBX_OK;
}

void cbx_apic_set_intr(struct cbx_device *apic, bool level)
{
	apic->machine->pins.intr = level;
}

void cbx_apic_nmi(struct cbx_device *apic)
{
	apic->machine->pins.nmi_edges++;
}

void cbx_apic_smi(struct cbx_device *apic)
{
	apic->machine->pins.smis++;
}

uint8_t cbx_apic_inta(struct cbx_device *apic)
{
	struct cbx_machine *machine = apic->machine;

	return machine->inta ? machine->inta(machine->inta_device) : 0xff;
}

uint64_t cbx_cpu_tsc(const struct cbx_device *device)
{
	return fake_now(device->machine) + device->machine->pins.tsc_offset;
}

uint64_t cbx_cpu_tsc_time(const struct cbx_device *device, uint64_t tsc)
{
	uint64_t now = fake_now(device->machine), left = tsc - cbx_cpu_tsc(device);

	if (tsc <= cbx_cpu_tsc(device))
		return now;
	return left < UINT64_MAX - now ? now + left : UINT64_MAX;
}

void cbx_cpu_set_a20(struct cbx_device *device, bool enabled)
{
	device->machine->pins.a20 = enabled;
}

void cbx_cpu_set_ignne(struct cbx_device *device, bool level)
{
	device->machine->pins.ignne = level;
}

void cbx_cpu_connect_inta(struct cbx_device *device,
			  uint8_t (*acknowledge)(struct cbx_device *device))
{
	device->machine->inta_device = device;
	device->machine->inta = acknowledge;
}

void cbx_cpu_smi(struct cbx_device *device)
{
	device->machine->pins.smis++;
}

void cbx_cpu_connect_smram(struct cbx_device *device,
			   void (*changed)(struct cbx_device *device, bool in_smm))
{
	device->machine->pins.smm_changed = changed;
	device->machine->pins.smm_device = device;
}

void cbx_cpu_connect_ferr(struct cbx_device *device, struct cbx_line line)
{
	device->machine->pins.ferr = line;
}

uint8_t fake_inta(struct cbx_machine *machine)
{
	if (machine->pins.apic)
		return machine->pins.apic->acknowledge(machine->pins.apic_device);
	return machine->inta ? machine->inta(machine->inta_device) : 0xff;
}

void cbx_request_reset(struct cbx_device *device, bool processor_only)
{
	if (processor_only)
		device->machine->pins.processor_resets++;
	else
		device->machine->pins.resets++;
}

void cbx_request_power_off(struct cbx_device *device)
{
	device->machine->pins.power_offs++;
}

void cbx_request_exit(struct cbx_device *device, int code)
{
	device->machine->pins.exits++;
	device->machine->pins.exit_code = code;
}

void cbx_log(struct cbx_device *device, const char *text)
{
	assert_non_null(text);
	device->machine->pins.logs++;
}

/* ---- Board ----------------------------------------------------------------------------- */

void cbx_machine_set_board(struct cbx_machine *machine, void *board, void (*destroy)(void *board))
{
	machine->board = board;
	machine->destroy_board = destroy;
}

void *cbx_machine_board(const struct cbx_machine *machine)
{
	return machine->board;
}

void *cbx_machine_allocate(struct cbx_machine *machine, size_t size)
{
	return fake_allocate(machine, size);
}

void cbx_machine_release(struct cbx_machine *machine, void *memory)
{
	(void)machine;
	free(memory);
}

/* ---- Wires ------------------------------------------------------------------------------ */

static void fake_wire_set(void *target, unsigned number, bool level)
{
	struct fake_wire *wire = target;

	(void)number;
	if (level && !wire->level) {
		wire->rises++;
		wire->rise_time = wire->machine->now;
	}
	if (!level && wire->level) {
		wire->falls++;
		wire->fall_time = wire->machine->now;
	}
	wire->level = level;
}

struct cbx_line fake_wire(struct cbx_machine *machine, struct fake_wire *wire)
{
	memset(wire, 0, sizeof(*wire));
	wire->machine = machine;
	return (struct cbx_line){ fake_wire_set, wire, 0 };
}

/* ---- Hostile input and state --------------------------------------------------------------- */

uint64_t fake_random(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

void fake_storm(struct cbx_machine *machine, uint64_t *seed, unsigned first, unsigned count,
		unsigned steps)
{
	while (steps-- > 0) {
		uint64_t dice = fake_random(seed);
		unsigned port = first + (unsigned)(dice >> 8) % count;
		unsigned width = 1u << (dice >> 40) % 8 % 3;
		uint32_t value = (uint32_t)fake_random(seed);

		switch (dice & 15) {
		case 0:
			fake_advance(machine, value >> (dice >> 48 & 31));
			break;
		case 1:
			if (machine->pins.intr)
				fake_inta(machine);
			break;
		case 2: case 3: case 4: case 5: case 6:
			fake_in(machine, port, width);
			break;
		case 7: case 8:
			fake_out(machine, port, 0u - (value & 1), width);
			break;
		default:
			fake_out(machine, port, value, width);
		}
	}
}

static void fake_mark_fields(const struct cbx_field *field, uint8_t *marks, size_t size)
{
	for (; field->name; field++) {
		for (uint32_t i = 0; i < field->count; i++) {
			size_t at = field->offset + (size_t)i * field->size;

			assert_true(at <= size && field->size <= size - at);
			if (field->members)
				fake_mark_fields(field->members, marks + at, field->size);
			else
				memset(marks + at, 1, field->size);
		}
	}
}

static uint8_t *fake_marks(const struct cbx_device_type *type)
{
	uint8_t *marks = calloc(1, type->state_size + 1);

	assert_non_null(marks);
	if (type->fields)
		fake_mark_fields(type->fields, marks, type->state_size);
	return marks;
}

size_t fake_uncovered_bytes(struct cbx_machine *machine)
{
	size_t uncovered = 0;

	for (struct cbx_device *device = machine->devices; device; device = device->next) {
		uint8_t *marks = fake_marks(device->type);

		for (size_t i = 0; i < device->type->state_size; i++)
			uncovered += !marks[i];
		free(marks);
	}
	return uncovered;
}

static uint8_t *fake_state(struct cbx_device *device)
{
	return (uint8_t *)device + device->type->state_offset;
}

void fake_reload(struct cbx_machine *machine)
{
	for (struct cbx_device *device = machine->devices; device; device = device->next) {
		const struct cbx_device_type *type = device->type;
		uint8_t *marks = fake_marks(type), *state = fake_state(device);

		for (size_t i = 0; i < type->state_size; i++)
			if (!marks[i])
				state[i] = 0x5a;
		if (type->check)
			assert_true(type->check(device, state));
		free(marks);
	}
	for (struct cbx_device *device = machine->devices; device; device = device->next)
		if (device->type->loaded)
			device->type->loaded(device);
}

/* As the library's loader does: a bool that is neither 0 nor 1 never gets to check. */
static bool fake_bools_are_good(const struct cbx_field *field, const uint8_t *state)
{
	for (; field && field->name; field++) {
		for (uint32_t i = 0; i < field->count; i++) {
			const uint8_t *at = state + field->offset + (size_t)i * field->size;

			if (field->members ? !fake_bools_are_good(field->members, at)
					   : (field->flags & CBX_FIELD_BOOL) && *at > 1)
				return false;
		}
	}
	return true;
}

unsigned fake_load_random(struct cbx_machine *machine, uint64_t *seed, unsigned times)
{
	unsigned accepted = 0;

	for (struct cbx_device *device = machine->devices; device; device = device->next) {
		const struct cbx_device_type *type = device->type;
		uint8_t *state;

		if (!type->check || !type->state_size)
			continue;
		state = malloc(type->state_size);
		assert_non_null(state);
		for (unsigned n = 0; n < times; n++) {
			unsigned changes = 1 + (unsigned)(fake_random(seed) % 4);

			memcpy(state, fake_state(device), type->state_size);
			while (changes-- > 0)
				state[fake_random(seed) % type->state_size] =
					(uint8_t)fake_random(seed);
			if (!fake_bools_are_good(type->fields, state) ||
			    !type->check(device, state))
				continue;
			accepted++;
			memcpy(fake_state(device), state, type->state_size);
			if (type->loaded)
				type->loaded(device);
		}
		free(state);
	}
	return accepted;
}

void cbx_request_limit(struct cbx_device *device, const char *what)
{
	(void)device;
	(void)what;
}
