/*
 * The PCI bus: configuration mechanism #1 (ports CF8h-CFFh) and the configuration space
 * of functions (PCI Local Bus Specification 2.1, chapters 3.7.4.1 and 6).
 *
 * CF8h answers doublewords only; narrower accesses there are ordinary I/O cycles, one of
 * which (CF9h) belongs to the ISA bridge.  Every function is a device of its own that
 * holds 256 bytes and three masks: what the guest can write, what it clears by writing
 * ones, and the value after reset.
 */
#include "pci.h"

#include <clearbox/inspect.h>

#include <string.h>

enum { SLOTS = 32, FUNCTIONS = 8, CONFIG_BYTES = 256, BARS = 6, ROM = BARS, DECODERS = BARS + 1 };

enum {
	REG_VENDOR = 0x00, REG_DEVICE = 0x02, REG_COMMAND = 0x04, REG_STATUS = 0x06,
	REG_REVISION = 0x08, REG_CLASS = 0x09, REG_HEADER_TYPE = 0x0e, REG_BAR = 0x10,
	REG_SUBSYSTEM_VENDOR = 0x2c, REG_SUBSYSTEM = 0x2e, REG_ROM = 0x30, REG_LINE = 0x3c,
	REG_PIN = 0x3d
};

/* The MSI capability's registers (PCI 3.0, 6.8.1), from its first byte on. */
enum { MSI_CONTROL = 0x02, MSI_ADDRESS = 0x04, MSI_DATA = 0x0c, MSI_MASK = 0x10, MSI_PENDING = 0x14,
       MSI_BYTES = 0x18 };
enum { MSI_ENABLE = 0x0001, MSI_64BIT = 0x0080, MSI_MASKABLE = 0x0100 };
enum { REG_CAPABILITIES = 0x34, STATUS_CAPABILITIES = 0x0010 };

/* The chipset decodes RAM, ROM and legacy windows before a cycle gets to PCI. */
enum { BAR_PRIORITY = -10 };

struct function_state {
	uint8_t bytes[CONFIG_BYTES];
	bool irq;
};

struct cbx_pci_function {
	struct cbx_device device;
	struct cbx_pci_bus *bus;
	struct cbx_device *owner;
	void (*changed)(struct cbx_device *device, unsigned first, unsigned count);
	unsigned slot;
	unsigned msi;                   /* offset of the MSI capability; 0: none */
	struct cbx_pci_bar bars[DECODERS];
	uint8_t initial[CONFIG_BYTES], writable[CONFIG_BYTES], clearable[CONFIG_BYTES];
	uint32_t placed[DECODERS];      /* derived: where a BAR answers, 0: nowhere */
	struct function_state state;
};

struct bus_state {
	uint32_t address;
};

struct cbx_pci_bus {
	struct cbx_device device;
	struct cbx_pci_function *functions[SLOTS][FUNCTIONS];
	struct cbx_line pirq[4];
	void (*msi)(void *target, uint64_t address, uint32_t data);
	void *msi_target;
	struct pci_reset_control reset_control;
	struct bus_state state;
};

static uint32_t get(const uint8_t *bytes, unsigned offset, unsigned width)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint32_t)bytes[offset + i] << (8 * i);
	return value;
}

static void put(uint8_t *bytes, unsigned offset, unsigned width, uint32_t value)
{
	for (unsigned i = 0; i < width; i++)
		bytes[offset + i] = (uint8_t)(value >> (8 * i));
}

static bool inside(unsigned offset, unsigned width)
{
	return (width == 1 || width == 2 || width == 4) && offset <= CONFIG_BYTES - width;
}

/* ---- Interrupt pins ---------------------------------------------------------------- */

/* The PIRQ of a function's pin; its pin register must not be 0. */
static unsigned function_pirq(const struct cbx_pci_function *function)
{
	return (function->slot + function->initial[REG_PIN] + 2) & 3;
}

static bool function_asserts(const struct cbx_pci_function *function)
{
	return function->state.irq && !cbx_pci_msi_messages(function) &&
	       !(get(function->state.bytes, REG_COMMAND, 2) & CBX_PCI_INTX_OFF);
}

static void bus_update_pirq(struct cbx_pci_bus *bus, unsigned pirq)
{
	bool level = false;

	for (unsigned slot = 0; slot < SLOTS; slot++) {
		for (unsigned i = 0; i < FUNCTIONS; i++) {
			const struct cbx_pci_function *function = bus->functions[slot][i];

			if (function && function->initial[REG_PIN] &&
			    function_pirq(function) == pirq && function_asserts(function))
				level = true;
		}
	}
	cbx_line_set(&bus->pirq[pirq], level);
}

void cbx_pci_set_irq(struct cbx_pci_function *function, bool level)
{
	bool pin = function && function->initial[REG_PIN];

	if (!function || (!pin && !function->msi) || function->state.irq == level)
		return;
	function->state.irq = level;
	if (level)
		cbx_pci_msi_send(function, 0);
	if (pin)
		bus_update_pirq(function->bus, function_pirq(function));
}

/* ---- Message-signalled interrupts ---------------------------------------------------- */

unsigned cbx_pci_msi_messages(const struct cbx_pci_function *function)
{
	unsigned control, wanted, capable;

	if (!function || !function->msi)
		return 0;
	control = get(function->state.bytes, function->msi + MSI_CONTROL, 2);
	wanted = control >> 4 & 7;
	capable = control >> 1 & 7;
	return control & MSI_ENABLE ? 1u << (wanted < capable ? wanted : capable) : 0;
}

/* Without leave to be a bus master it goes nowhere. */
static void msi_write(struct cbx_pci_function *function, unsigned message)
{
	const uint8_t *bytes = function->state.bytes, *msi = bytes + function->msi;
	uint64_t address = get(msi, MSI_ADDRESS, 4) | (uint64_t)get(msi, MSI_ADDRESS + 4, 4) << 32;
	uint32_t data = get(msi, MSI_DATA, 2);
	uint8_t data_bytes[4];

	data = (data & ~(cbx_pci_msi_messages(function) - 1)) | message;
	if (!(get(bytes, REG_COMMAND, 2) & CBX_PCI_MASTER))
		return;
	if (address >> 20 != 0xfee) {
		put(data_bytes, 0, 4, data);
		cbx_dma_write(&function->device, address, data_bytes, 4);
	} else if (function->bus->msi) {
		function->bus->msi(function->bus->msi_target, address, data);
	}
}

void cbx_pci_msi_send(struct cbx_pci_function *function, unsigned message)
{
	unsigned messages = cbx_pci_msi_messages(function);
	uint8_t *msi;
	uint32_t bit;

	if (!messages)
		return;
	msi = function->state.bytes + function->msi;
	message &= messages - 1;
	bit = UINT32_C(1) << message;
	if (get(msi, MSI_MASK, 4) & bit)
		put(msi, MSI_PENDING, 4, get(msi, MSI_PENDING, 4) | bit);
	else
		msi_write(function, message);
}

/* The guest wrote to the capability: messages that are not masked any more go out. */
static void msi_changed(struct cbx_pci_function *function)
{
	unsigned messages = cbx_pci_msi_messages(function);
	uint8_t *msi = function->state.bytes + function->msi;
	uint32_t ready = get(msi, MSI_PENDING, 4) & ~get(msi, MSI_MASK, 4);

	for (unsigned message = 0; message < messages; message++) {
		if (!(ready >> message & 1))
			continue;
		put(msi, MSI_PENDING, 4, get(msi, MSI_PENDING, 4) & ~(UINT32_C(1) << message));
		msi_write(function, message);
	}
	if (function->initial[REG_PIN] && function->state.irq)
		bus_update_pirq(function->bus, function_pirq(function));
}

enum cbx_status cbx_pci_msi_new(struct cbx_pci_function *function, unsigned offset,
				unsigned messages)
{
	unsigned log = 0;

	while (log < 5 && 1u << log < messages)
		log++;
	if (!function || function->msi || 1u << log != messages || offset % 4 || offset < 0x40 ||
	    offset > CONFIG_BYTES - MSI_BYTES)
		return CBX_ERROR_ARGUMENT;
	function->msi = offset;
	cbx_pci_config_default(function, REG_STATUS, 2,
			       get(function->initial, REG_STATUS, 2) | STATUS_CAPABILITIES);
	cbx_pci_config_default(function, offset, 1, 0x05);
	cbx_pci_config_default(function, offset + 1, 1, function->initial[REG_CAPABILITIES]);
	cbx_pci_config_default(function, REG_CAPABILITIES, 1, offset);
	cbx_pci_config_default(function, offset + MSI_CONTROL, 2,
			       MSI_64BIT | MSI_MASKABLE | log << 1);
	cbx_pci_config_writable(function, offset + MSI_CONTROL, 2, 0x71);
	cbx_pci_config_writable(function, offset + MSI_ADDRESS, 4, UINT32_C(0xfffffffc));
	cbx_pci_config_writable(function, offset + MSI_ADDRESS + 4, 4, UINT32_MAX);
	cbx_pci_config_writable(function, offset + MSI_DATA, 2, 0xffff);
	cbx_pci_config_writable(function, offset + MSI_MASK, 4,
				messages == 32 ? UINT32_MAX : (UINT32_C(1) << messages) - 1);
	return CBX_OK;
}

/* ---- Base address registers ---------------------------------------------------------- */

static unsigned bar_register(unsigned bar)
{
	return bar == ROM ? REG_ROM : REG_BAR + 4 * bar;
}

/*
 * Where a BAR answers now, 0 if nowhere.  Base 0 counts as not set up, as does a port
 * base beyond 64 K: both appear while a guest sizes BARs.
 */
static uint32_t bar_address(const struct cbx_pci_function *function, unsigned bar)
{
	const struct cbx_pci_bar *what = &function->bars[bar];
	uint32_t command = get(function->state.bytes, REG_COMMAND, 2);
	uint32_t value = get(function->state.bytes, bar_register(bar), 4);
	uint32_t base = value & ~(what->size - 1);

	if (!what->size)
		return 0;
	if (what->ports)
		return (command & CBX_PCI_IO) && base <= 0xffff ? base : 0;
	if (!(command & CBX_PCI_MEMORY) || (bar == ROM && !(value & 1)))
		return 0;
	return base;
}

static void function_place_bars(struct cbx_pci_function *function)
{
	/* All that leave go before those that come, which may take their place. */
	for (unsigned bar = 0; bar < DECODERS; bar++) {
		const struct cbx_pci_bar *what = &function->bars[bar];

		if (!function->placed[bar] || function->placed[bar] == bar_address(function, bar))
			continue;
		if (what->ports)
			cbx_ports_unmap(function->owner, function->placed[bar], what->size);
		else
			cbx_region_place(what->region, 0, 0, BAR_PRIORITY);
		function->placed[bar] = 0;
	}
	for (unsigned bar = 0; bar < DECODERS; bar++) {
		const struct cbx_pci_bar *what = &function->bars[bar];
		uint32_t address = bar_address(function, bar);

		if (!address || function->placed[bar])
			continue;
		if (!what->ports)
			cbx_region_place(what->region, address,
					 bar == ROM ? CBX_REGION_READ
						    : CBX_REGION_READ | CBX_REGION_WRITE,
					 BAR_PRIORITY);
		else if (cbx_ports_map(function->owner, address, what->size, what->ports) !=
			 CBX_OK)
			continue;
		function->placed[bar] = address;
	}
}

/* ---- Configuration space of a function ------------------------------------------------- */

static uint32_t function_read(const struct cbx_pci_function *function, unsigned offset,
			      unsigned width)
{
	uint32_t value = get(function->state.bytes, offset, width);

	/* Interrupt Status is bit 3 of the status register. */
	if (function->state.irq && offset <= REG_STATUS && offset + width > REG_STATUS)
		value |= (uint32_t)8 << (8 * (REG_STATUS - offset));
	return value;
}

static void function_write(struct cbx_pci_function *function, unsigned offset, unsigned width,
			   uint32_t value)
{
	uint8_t *bytes = function->state.bytes;

	for (unsigned i = 0; i < width; i++) {
		uint8_t byte = (uint8_t)(value >> (8 * i));
		uint8_t mask = function->writable[offset + i];

		bytes[offset + i] = (uint8_t)((bytes[offset + i] & ~mask) | (byte & mask));
		bytes[offset + i] &= (uint8_t)~(byte & function->clearable[offset + i]);
	}
	if (offset < 0x40) {
		function_place_bars(function);
		if (function->initial[REG_PIN] && function->state.irq)
			bus_update_pirq(function->bus, function_pirq(function));
	}
	if (function->msi && offset >= function->msi && offset < function->msi + MSI_BYTES)
		msi_changed(function);
	if (function->changed)
		function->changed(function->owner, offset, width);
}

static void function_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct cbx_pci_function *function = (struct cbx_pci_function *)device;

	(void)kind;
	memcpy(function->state.bytes, function->initial, CONFIG_BYTES);
	function_place_bars(function);
	cbx_pci_set_irq(function, false);
	if (function->changed)
		function->changed(function->owner, 0, CONFIG_BYTES);
}

static void function_loaded(struct cbx_device *device)
{
	struct cbx_pci_function *function = (struct cbx_pci_function *)device;

	function_place_bars(function);
	if (function->changed)
		function->changed(function->owner, 0, CONFIG_BYTES);
}

/* In the header, what nobody can change is as it was made. */
static bool function_check(const struct cbx_device *device, const void *state)
{
	const struct cbx_pci_function *function = (const struct cbx_pci_function *)device;
	const struct function_state *loaded = state;

	for (unsigned i = 0; i < 0x40; i++) {
		uint8_t fixed = (uint8_t)~(function->writable[i] | function->clearable[i]);

		if ((loaded->bytes[i] ^ function->initial[i]) & fixed)
			return false;
	}
	return !loaded->irq || function->initial[REG_PIN] || function->msi;
}

static const struct cbx_field function_fields[] = {
	CBX_FIELD_ARRAY(struct function_state, bytes),
	CBX_FIELD(struct function_state, irq),
	CBX_FIELD_END
};

static const struct cbx_device_type function_type = {
	.name = "pci-function",
	.version = 1,
	.size = sizeof(struct cbx_pci_function),
	.state_offset = offsetof(struct cbx_pci_function, state),
	.state_size = sizeof(struct function_state),
	.fields = function_fields,
	.reset = function_reset,
	.check = function_check,
	.loaded = function_loaded
};

void cbx_pci_config_default(struct cbx_pci_function *function, unsigned offset, unsigned width,
			    uint32_t value)
{
	if (!function || !inside(offset, width))
		return;
	put(function->initial, offset, width, value);
	put(function->state.bytes, offset, width, value);
}

void cbx_pci_config_writable(struct cbx_pci_function *function, unsigned offset, unsigned width,
			     uint32_t bits)
{
	if (function && inside(offset, width))
		put(function->writable, offset, width, bits);
}

void cbx_pci_config_clearable(struct cbx_pci_function *function, unsigned offset, unsigned width,
			      uint32_t bits)
{
	if (function && inside(offset, width))
		put(function->clearable, offset, width, bits);
}

uint32_t cbx_pci_config_read(const struct cbx_pci_function *function, unsigned offset,
			     unsigned width)
{
	return function && inside(offset, width) ? get(function->state.bytes, offset, width) : UINT32_MAX;
}

void cbx_pci_config_write(struct cbx_pci_function *function, unsigned offset, unsigned width,
			  uint32_t value)
{
	if (!function || !inside(offset, width))
		return;
	put(function->state.bytes, offset, width, value);
	if (offset < 0x40)
		function_place_bars(function);
}

/* ---- Creation --------------------------------------------------------------------------- */

static bool bar_is_good(const struct cbx_pci_bar *bar, bool rom)
{
	if (!bar->size)
		return true;
	if (bar->size & (bar->size - 1))
		return false;
	if (bar->ports)
		return !rom && !bar->region && bar->size >= 4 && bar->size <= 256;
	return bar->region && bar->size >= 4096 && bar->size <= UINT32_C(0x80000000);
}

static bool options_are_good(const struct cbx_pci_options *options)
{
	if (!options || options->size != sizeof(*options))
		return false;
	if (options->slot >= SLOTS && options->slot != CBX_PCI_FREE_SLOT)
		return false;
	if (options->function >= FUNCTIONS || options->interrupt_pin > 4)
		return false;
	for (unsigned i = 0; i < BARS; i++) {
		if (!bar_is_good(&options->bars[i], false))
			return false;
	}
	return bar_is_good(&options->rom, true);
}

static bool find_slot(const struct cbx_pci_bus *bus, const struct cbx_pci_options *options,
		      unsigned *slot)
{
	if (options->slot != CBX_PCI_FREE_SLOT) {
		*slot = options->slot;
		return !bus->functions[*slot][options->function];
	}
	for (*slot = 0; *slot < SLOTS; ++*slot) {
		bool free = true;

		for (unsigned i = 0; i < FUNCTIONS; i++)
			free = free && !bus->functions[*slot][i];
		if (free)
			return true;
	}
	return false;
}

static void init_bar(struct cbx_pci_function *function, unsigned bar)
{
	const struct cbx_pci_bar *what = &function->bars[bar];
	uint32_t writable = ~(what->size - 1);
	uint32_t type = what->ports ? 1 : what->prefetchable ? 8 : 0;

	if (!what->size)
		return;
	if (bar == ROM) {
		writable |= 1;
		type = 0;
	}
	cbx_pci_config_default(function, bar_register(bar), 4, type);
	cbx_pci_config_writable(function, bar_register(bar), 4, writable);
}

static void init_config(struct cbx_pci_function *function, const struct cbx_pci_options *options)
{
	uint32_t command = CBX_PCI_MASTER | 0x40 | 0x100;

	for (unsigned bar = 0; bar < DECODERS; bar++) {
		function->bars[bar] = bar == ROM ? options->rom : options->bars[bar];
		init_bar(function, bar);
		if (function->bars[bar].size)
			command |= function->bars[bar].ports ? CBX_PCI_IO : CBX_PCI_MEMORY;
	}
	if (options->interrupt_pin) {
		command |= CBX_PCI_INTX_OFF;
		cbx_pci_config_writable(function, REG_LINE, 1, 0xff);
	}
	cbx_pci_config_writable(function, REG_COMMAND, 2, command);
	cbx_pci_config_writable(function, 0x0c, 2, 0xf8ff);     /* cache line size, latency timer */
	cbx_pci_config_clearable(function, REG_STATUS, 2, 0xf900);
	cbx_pci_config_default(function, REG_VENDOR, 2, options->vendor_id);
	cbx_pci_config_default(function, REG_DEVICE, 2, options->device_id);
	cbx_pci_config_default(function, REG_STATUS, 2, 0x0280);
	cbx_pci_config_default(function, REG_REVISION, 1, options->revision);
	cbx_pci_config_default(function, REG_CLASS, 1, options->class_code & 0xff);
	cbx_pci_config_default(function, REG_CLASS + 1, 2, options->class_code >> 8 & 0xffff);
	cbx_pci_config_default(function, REG_HEADER_TYPE, 1, options->multifunction ? 0x80 : 0);
	cbx_pci_config_default(function, REG_SUBSYSTEM_VENDOR, 2, options->subsystem_vendor_id);
	cbx_pci_config_default(function, REG_SUBSYSTEM, 2, options->subsystem_id);
	cbx_pci_config_default(function, REG_PIN, 1, options->interrupt_pin);
}

enum cbx_status cbx_pci_function_new(struct cbx_pci_bus *bus, struct cbx_device *device,
				     const struct cbx_pci_options *options,
				     struct cbx_pci_function **result)
{
	struct cbx_pci_function *function;
	struct cbx_device *made;
	enum cbx_status status;
	unsigned slot;

	if (!bus || !device || !result || !options_are_good(options))
		return CBX_ERROR_ARGUMENT;
	if (!find_slot(bus, options, &slot))
		return CBX_ERROR_LIMIT;
	status = cbx_device_new(device->machine, &function_type, &made);
	if (status != CBX_OK)
		return status;
	function = (struct cbx_pci_function *)made;
	function->bus = bus;
	function->owner = device;
	function->changed = options->changed;
	function->slot = slot;
	init_config(function, options);
	bus->functions[slot][options->function] = function;
	*result = function;
	return CBX_OK;
}

/* ---- The bus: ports CF8h-CFFh --------------------------------------------------------------- */

static struct cbx_pci_function *addressed_function(const struct cbx_pci_bus *bus)
{
	uint32_t address = bus->state.address;

	/* Enabled, and bus 0: there is no other. */
	if (!(address & UINT32_C(0x80000000)) || (address & 0x00ff0000))
		return NULL;
	return bus->functions[address >> 11 & (SLOTS - 1)][address >> 8 & (FUNCTIONS - 1)];
}

static uint8_t other_read(struct cbx_pci_bus *bus, unsigned offset)
{
	if (offset == 1 && bus->reset_control.read)
		return bus->reset_control.read(bus->reset_control.device);
	return 0xff;
}

static uint64_t bus_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct cbx_pci_bus *bus = (struct cbx_pci_bus *)device;
	const struct cbx_pci_function *function = addressed_function(bus);
	uint64_t value = 0;

	if (offset == 0 && width == 4)
		return bus->state.address;
	if (offset >= 4) {
		unsigned first = (bus->state.address & 0xfc) + (unsigned)(offset & 3);

		if (!function || (offset & 3) + width > 4)
			return UINT64_MAX;
		return function_read(function, first, width);
	}
	if (width == 1)
		return other_read(bus, (unsigned)offset);
	/* Not a configuration cycle, or one across the edge: as its bytes. */
	for (unsigned i = 0; i < width; i++)
		value |= (bus_read(device, offset + i, 1) & 0xff) << (8 * i);
	return value;
}

static void bus_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct cbx_pci_bus *bus = (struct cbx_pci_bus *)device;
	struct cbx_pci_function *function = addressed_function(bus);

	if (offset == 0 && width == 4) {
		bus->state.address = (uint32_t)value & UINT32_C(0x80fffffc);
	} else if (offset >= 4) {
		if (function && (offset & 3) + width <= 4)
			function_write(function,
				       (bus->state.address & 0xfc) + (unsigned)(offset & 3), width,
				       (uint32_t)value);
	} else if (width > 1) {
		for (unsigned i = 0; i < width; i++)
			bus_write(device, offset + i, value >> (8 * i) & 0xff, 1);
	} else if (offset == 1 && bus->reset_control.write) {
		bus->reset_control.write(bus->reset_control.device, (uint8_t)value);
	}
}

static void bus_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	(void)kind;
	((struct cbx_pci_bus *)device)->state.address = 0;
}

static bool bus_check(const struct cbx_device *device, const void *state)
{
	(void)device;
	return !(((const struct bus_state *)state)->address & ~UINT32_C(0x80fffffc));
}

static const struct cbx_field bus_fields[] = {
	CBX_FIELD(struct bus_state, address),
	CBX_FIELD_END
};

static const struct cbx_device_type bus_type = {
	.name = "pci-bus",
	.version = 1,
	.size = sizeof(struct cbx_pci_bus),
	.state_offset = offsetof(struct cbx_pci_bus, state),
	.state_size = sizeof(struct bus_state),
	.fields = bus_fields,
	.reset = bus_reset,
	.check = bus_check
};

static const struct cbx_io bus_io = { .widths = 1 | 2 | 4, .read = bus_read, .write = bus_write };

enum cbx_status pci_bus_new(struct cbx_machine *machine, struct cbx_pci_bus **bus)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &bus_type, &device);

	if (status != CBX_OK)
		return status;
	*bus = (struct cbx_pci_bus *)device;
	return cbx_ports_map(device, 0xcf8, 8, &bus_io);
}

void pci_bus_connect_pirq(struct cbx_pci_bus *bus, unsigned pirq, struct cbx_line line)
{
	if (pirq < 4)
		bus->pirq[pirq] = line;
}

void pci_bus_connect_msi(struct cbx_pci_bus *bus,
			 void (*msi)(void *target, uint64_t address, uint32_t data), void *target)
{
	bus->msi = msi;
	bus->msi_target = target;
}

void pci_bus_connect_reset_control(struct cbx_pci_bus *bus, const struct pci_reset_control *control)
{
	bus->reset_control = *control;
}

struct cbx_pci_function *cbx_pci_function_at(struct cbx_pci_bus *bus, unsigned slot, unsigned function)
{
	return bus && slot < SLOTS && function < FUNCTIONS ? bus->functions[slot][function] : NULL;
}
