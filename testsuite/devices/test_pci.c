/* PCI configuration, BARs, interrupt routing; the host bridge's PAM and SMRAM; reset control. */
#include "harness.h"

#include "i440fx.h"
#include "piix3.h"

/* A device such as an embedder makes: a port BAR, a memory BAR, a ROM and a pin. */
struct gadget_state {
	uint8_t unused;
};

struct gadget {
	struct cbx_device device;
	struct cbx_pci_function *function;
	struct cbx_region *registers, *rom;
	unsigned changes, last_first, last_count;
	struct gadget_state state;
};

static const struct cbx_field gadget_fields[] = {
	CBX_FIELD(struct gadget_state, unused),
	CBX_FIELD_END
};

static const struct cbx_device_type gadget_type = {
	.name = "gadget",
	.version = 1,
	.size = sizeof(struct gadget),
	.state_offset = offsetof(struct gadget, state),
	.state_size = sizeof(struct gadget_state),
	.fields = gadget_fields
};

static uint64_t gadget_ports_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)device;
	(void)width;
	return 0xa0 + offset;
}

static uint64_t gadget_memory_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)device;
	(void)width;
	return 0x1000 + offset;
}

static const struct cbx_io gadget_ports = { .widths = 1, .read = gadget_ports_read };
static const struct cbx_io gadget_memory = { .widths = 4, .read = gadget_memory_read };

static void gadget_changed(struct cbx_device *device, unsigned first, unsigned count)
{
	struct gadget *gadget = (struct gadget *)device;

	gadget->changes++;
	gadget->last_first = first;
	gadget->last_count = count;
}

struct bench {
	struct cbx_machine *machine;
	struct cbx_pci_bus *bus;
	struct cbx_ram *ram;
	struct i440fx *i440fx;
	struct piix3 *piix3;
	struct fake_wire wires[16];
	struct gadget *gadgets[2];
};

static struct gadget *gadget_new(struct bench *bench, unsigned slot, unsigned pin)
{
	struct cbx_pci_options options = {
		.size = sizeof(options),
		.slot = slot,
		.vendor_id = 0x1234,
		.device_id = 0x5678,
		.subsystem_vendor_id = 0x1af4,
		.subsystem_id = 0x9abc,
		.class_code = 0xff1122,
		.revision = 0x33,
		.interrupt_pin = (uint8_t)pin,
		.bars = { [0] = { .size = 32, .ports = &gadget_ports } },
		.changed = gadget_changed
	};
	struct cbx_device *device;
	struct gadget *gadget;

	assert_int_equal(cbx_device_new(bench->machine, &gadget_type, &device), CBX_OK);
	gadget = (struct gadget *)device;
	assert_int_equal(cbx_region_new_io(device, &gadget_memory, 8192, &gadget->registers), CBX_OK);
	assert_int_equal(cbx_region_new_io(device, &gadget_memory, 4096, &gadget->rom), CBX_OK);
	options.bars[2] = (struct cbx_pci_bar){
		.size = 8192, .region = gadget->registers, .prefetchable = true
	};
	options.rom = (struct cbx_pci_bar){ .size = 4096, .region = gadget->rom };
	assert_int_equal(cbx_pci_function_new(bench->bus, device, &options, &gadget->function),
			 CBX_OK);
	return gadget;
}

static void bench_new(struct bench *bench)
{
	struct cbx_line lines[16];

	memset(bench, 0, sizeof(*bench));
	bench->machine = fake_machine_new();
	for (unsigned i = 0; i < 16; i++)
		lines[i] = fake_wire(bench->machine, &bench->wires[i]);
	assert_int_equal(cbx_ram_new(bench->machine, "ram", 8 << 20, &bench->ram), CBX_OK);
	assert_int_equal(pci_bus_new(bench->machine, &bench->bus), CBX_OK);
	assert_int_equal(i440fx_new(bench->machine, bench->bus, bench->ram, &bench->i440fx),
			 CBX_OK);
	assert_int_equal(piix3_new(bench->machine, bench->bus, lines, &bench->piix3), CBX_OK);
	bench->gadgets[0] = gadget_new(bench, CBX_PCI_FREE_SLOT, 1);
	bench->gadgets[1] = gadget_new(bench, 6, 1);
	fake_reset(bench->machine, CBX_RESET_POWER);
}

static void bench_free(struct bench *bench)
{
	fake_machine_free(bench->machine);
}

static void address(struct bench *bench, unsigned slot, unsigned function, unsigned offset)
{
	fake_out(bench->machine, 0xcf8,
		 0x80000000u | slot << 11 | function << 8 | (offset & ~3u), 4);
}

static uint32_t config_read(struct bench *bench, unsigned slot, unsigned offset, unsigned width)
{
	address(bench, slot, 0, offset);
	return fake_in(bench->machine, 0xcfc + (offset & 3), width);
}

static void config_write(struct bench *bench, unsigned slot, unsigned offset, unsigned width,
			 uint32_t value)
{
	address(bench, slot, 0, offset);
	fake_out(bench->machine, 0xcfc + (offset & 3), value, width);
}

static void mechanism(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench);
	assert_int_equal(fake_in(bench.machine, 0xcf8, 4), 0);
	fake_out(bench.machine, 0xcf8, 0xffffffff, 4);
	assert_int_equal(fake_in(bench.machine, 0xcf8, 4), 0x80fffffc);
	/* Narrower accesses are not for the bus. */
	fake_out(bench.machine, 0xcf8, 0, 1);
	fake_out(bench.machine, 0xcf8, 0, 2);
	assert_int_equal(fake_in(bench.machine, 0xcf8, 4), 0x80fffffc);
	assert_int_equal(fake_in(bench.machine, 0xcf8, 1), 0xff);
	assert_int_equal(fake_in(bench.machine, 0xcfc, 4), 0xffffffff);
	assert_int_equal(config_read(&bench, 0, 0, 4), 0x12378086);
	assert_int_equal(config_read(&bench, 0, 0x2c, 4), 0x11001af4);
	assert_int_equal(config_read(&bench, 1, 0, 4), 0x70008086);
	assert_int_equal(config_read(&bench, 1, 0x0e, 1), 0x80);
	assert_int_equal(config_read(&bench, 2, 0, 4), 0x56781234);
	assert_int_equal(config_read(&bench, 2, 8, 4), 0xff112233);
	assert_int_equal(config_read(&bench, 2, 2, 2), 0x5678);
	assert_int_equal(config_read(&bench, 3, 0, 4), 0xffffffff);
	/* Not enabled, and another bus. */
	fake_out(bench.machine, 0xcf8, 0x00001000, 4);
	assert_int_equal(fake_in(bench.machine, 0xcfc, 4), 0xffffffff);
	fake_out(bench.machine, 0xcf8, 0x80010000, 4);
	assert_int_equal(fake_in(bench.machine, 0xcfc, 4), 0xffffffff);
	/* Read-only registers. */
	config_write(&bench, 2, 0, 4, 0);
	config_write(&bench, 2, 0x3d, 1, 4);
	assert_int_equal(config_read(&bench, 2, 0, 4), 0x56781234);
	assert_int_equal(config_read(&bench, 2, 0x3d, 1), 1);
	config_write(&bench, 2, 0x3c, 4, 0xffffff0b);
	assert_int_equal(config_read(&bench, 2, 0x3c, 4), 0x0000010b);
	assert_int_equal(fake_uncovered_bytes(bench.machine), 0);
	bench_free(&bench);
}

static void own_registers(void **unused)
{
	struct bench bench;
	struct cbx_pci_function *function;

	(void)unused;
	bench_new(&bench);
	function = bench.gadgets[0]->function;
	cbx_pci_config_default(function, 0x44, 4, 0x11223344);
	cbx_pci_config_writable(function, 0x44, 4, 0x0000ffff);
	cbx_pci_config_clearable(function, 0x44, 4, 0xff000000);
	config_write(&bench, 2, 0x44, 4, 0x01aa5566);
	assert_int_equal(config_read(&bench, 2, 0x44, 4), 0x10225566);
	assert_int_equal(bench.gadgets[0]->last_first, 0x44);
	assert_int_equal(bench.gadgets[0]->last_count, 4);
	assert_int_equal(cbx_pci_config_read(function, 0x45, 1), 0x55);
	cbx_pci_config_write(function, 0x46, 2, 0xbeef);
	assert_int_equal(config_read(&bench, 2, 0x44, 4), 0xbeef5566);
	/* Outside: nothing happens. */
	cbx_pci_config_write(function, 0xfd, 4, 0);
	cbx_pci_config_write(function, 0x10000, 1, 0);
	cbx_pci_config_default(function, 0, 3, 0);
	assert_int_equal(cbx_pci_config_read(function, 256, 1), 0xffffffff);
	assert_int_equal(cbx_pci_config_read(function, 0xfc, 8), 0xffffffff);
	fake_reset(bench.machine, CBX_RESET_WARM);
	assert_int_equal(bench.gadgets[0]->last_count, 256);
	assert_int_equal(config_read(&bench, 2, 0x44, 4), 0x11223344);
	bench_free(&bench);
}

static void base_addresses(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench);
	/* Sizing. */
	for (unsigned offset = 0x10; offset < 0x34; offset += 4)
		if (offset < 0x28 || offset == 0x30)
			config_write(&bench, 2, offset, 4, 0xffffffff);
	assert_int_equal(config_read(&bench, 2, 0x10, 4), 0xffffffe1);
	assert_int_equal(config_read(&bench, 2, 0x14, 4), 0);
	assert_int_equal(config_read(&bench, 2, 0x18, 4), 0xffffe008);
	assert_int_equal(config_read(&bench, 2, 0x30, 4), 0xfffff001);
	config_write(&bench, 2, 0x10, 4, 0xd008);
	config_write(&bench, 2, 0x18, 4, 0xe0001000);
	config_write(&bench, 2, 0x30, 4, 0xe0010000);
	assert_int_equal(config_read(&bench, 2, 0x10, 4), 0xd001);
	/* Nothing answers before the command register says so. */
	assert_int_equal(fake_in(bench.machine, 0xd001, 1), 0xff);
	config_write(&bench, 2, 4, 2, 1);
	assert_int_equal(fake_in(bench.machine, 0xd001, 1), 0xa1);
	assert_int_equal(fake_mem_read(bench.machine, 0xe0000004, 4), 0xffffffff);
	config_write(&bench, 2, 4, 2, 3);
	assert_int_equal(fake_mem_read(bench.machine, 0xe0000004, 4), 0x1004);
	/* The ROM needs its own bit as well. */
	assert_int_equal(fake_mem_read(bench.machine, 0xe0010008, 4), 0xffffffff);
	config_write(&bench, 2, 0x30, 1, 1);
	assert_int_equal(fake_mem_read(bench.machine, 0xe0010008, 4), 0x1008);
	/* Moves, and goes. */
	config_write(&bench, 2, 0x10, 4, 0xd020);
	assert_int_equal(fake_in(bench.machine, 0xd001, 1), 0xff);
	assert_int_equal(fake_in(bench.machine, 0xd022, 1), 0xa2);
	fake_reload(bench.machine);
	assert_int_equal(fake_in(bench.machine, 0xd022, 1), 0xa2);
	config_write(&bench, 2, 0x10, 4, 0);
	assert_int_equal(fake_in(bench.machine, 2, 1), 0xff);
	/* RAM is decoded first. */
	config_write(&bench, 2, 0x18, 4, 0x00100000);
	assert_int_equal(fake_mem_read(bench.machine, 0x100004, 4), 0);
	fake_reset(bench.machine, CBX_RESET_WARM);
	assert_int_equal(config_read(&bench, 2, 0x18, 4), 8);
	bench_free(&bench);
}

static void bad_options(void **unused)
{
	struct bench bench;
	struct cbx_device *device;
	struct cbx_pci_function *function;
	struct cbx_pci_options options = { .size = sizeof(options), .slot = 2 };

	(void)unused;
	bench_new(&bench);
	device = &bench.gadgets[0]->device;
	assert_int_equal(cbx_pci_function_new(bench.bus, device, &options, &function),
			 CBX_ERROR_LIMIT);
	options.slot = 32;
	assert_int_equal(cbx_pci_function_new(bench.bus, device, &options, &function),
			 CBX_ERROR_ARGUMENT);
	options.slot = CBX_PCI_FREE_SLOT;
	options.interrupt_pin = 5;
	assert_int_equal(cbx_pci_function_new(bench.bus, device, &options, &function),
			 CBX_ERROR_ARGUMENT);
	options.interrupt_pin = 0;
	options.bars[1] = (struct cbx_pci_bar){ .size = 24, .ports = &gadget_ports };
	assert_int_equal(cbx_pci_function_new(bench.bus, device, &options, &function),
			 CBX_ERROR_ARGUMENT);
	options.bars[1] = (struct cbx_pci_bar){ .size = 2048, .region = bench.gadgets[0]->rom };
	assert_int_equal(cbx_pci_function_new(bench.bus, device, &options, &function),
			 CBX_ERROR_ARGUMENT);
	options.bars[1].size = 0;
	for (unsigned i = 0; i < 28; i++)
		assert_int_equal(cbx_pci_function_new(bench.bus, device, &options, &function), CBX_OK);
	assert_int_equal(cbx_pci_function_new(bench.bus, device, &options, &function),
			 CBX_ERROR_LIMIT);
	bench_free(&bench);
}

static void interrupts(void **unused)
{
	struct bench bench;
	struct cbx_line isa;

	(void)unused;
	bench_new(&bench);
	/* INTA# of slots 2 and 6 are both PIRQB#. */
	config_write(&bench, 1, 0x61, 1, 0x0a);
	cbx_pci_set_irq(bench.gadgets[0]->function, true);
	assert_true(bench.wires[10].level);
	assert_int_equal(config_read(&bench, 2, 6, 2) & 8, 8);
	assert_int_equal(config_read(&bench, 2, 4, 4) >> 16 & 8, 8);
	cbx_pci_set_irq(bench.gadgets[1]->function, true);
	cbx_pci_set_irq(bench.gadgets[0]->function, false);
	assert_true(bench.wires[10].level);
	/* Routed elsewhere: both inputs follow. */
	config_write(&bench, 1, 0x61, 1, 0x0b);
	assert_false(bench.wires[10].level);
	assert_true(bench.wires[11].level);
	fake_reload(bench.machine);
	config_write(&bench, 1, 0x61, 1, 0x80);
	assert_false(bench.wires[11].level);
	/* Inputs that no PIRQ can have. */
	for (unsigned irq = 0; irq < 16; irq++) {
		bool good = 0xdef8 >> irq & 1;

		config_write(&bench, 1, 0x61, 1, irq);
		assert_int_equal(bench.wires[irq].level, good);
	}
	/* Switched off in the function. */
	config_write(&bench, 1, 0x61, 1, 0x05);
	config_write(&bench, 6, 4, 2, 0x400);
	assert_false(bench.wires[5].level);
	config_write(&bench, 6, 4, 2, 0);
	assert_true(bench.wires[5].level);
	/* With an ISA device on the same input. */
	isa = piix3_irq_line(bench.piix3, 5);
	cbx_line_set(&isa, true);
	cbx_pci_set_irq(bench.gadgets[1]->function, false);
	assert_true(bench.wires[5].level);
	cbx_line_set(&isa, false);
	assert_false(bench.wires[5].level);
	cbx_pci_set_irq(bench.gadgets[1]->function, true);
	fake_reset(bench.machine, CBX_RESET_WARM);
	assert_false(bench.wires[5].level);
	assert_int_equal(config_read(&bench, 1, 0x60, 4), 0x80808080);
	bench_free(&bench);
}

static void reset_control(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench);
	fake_out(bench.machine, 0xcf9, 2, 1);
	assert_int_equal(fake_pins(bench.machine)->resets, 0);
	assert_int_equal(fake_in(bench.machine, 0xcf9, 1), 2);
	fake_out(bench.machine, 0xcf9, 6, 1);
	assert_int_equal(fake_pins(bench.machine)->resets, 1);
	fake_out(bench.machine, 0xcf9, 6, 1);
	assert_int_equal(fake_pins(bench.machine)->resets, 1);
	fake_reset(bench.machine, CBX_RESET_WARM);
	assert_int_equal(fake_in(bench.machine, 0xcf9, 1), 0);
	fake_out(bench.machine, 0xcf9, 4, 1);
	fake_out(bench.machine, 0xcf9, 4, 1);
	assert_int_equal(fake_pins(bench.machine)->processor_resets, 2);
	/* A doubleword to CF8h is an address, whatever its second byte. */
	fake_out(bench.machine, 0xcf8, 0x00000600, 4);
	assert_int_equal(fake_pins(bench.machine)->resets, 1);
	bench_free(&bench);
}

/* ---- The host bridge --------------------------------------------------------------------- */

static void shadowing(void **unused)
{
	static const uint8_t registers[13] = {
		0x59, 0x5a, 0x5a, 0x5b, 0x5b, 0x5c, 0x5c, 0x5d, 0x5d, 0x5e, 0x5e, 0x5f, 0x5f
	};
	struct bench bench;

	(void)unused;
	bench_new(&bench);
	fake_mem_write(bench.machine, 0x9fffc, 0x11223344, 4);
	assert_int_equal(fake_mem_read(bench.machine, 0x9fffc, 4), 0x11223344);
	for (unsigned area = 0; area < 13; area++) {
		uint32_t base = area ? 0xbc000 + 0x4000 * area : 0xf0000;
		uint32_t last = area ? base + 0x3ffc : 0xffffc;
		unsigned shift = area & 1 || !area ? (area ? 0 : 4) : 4;
		uint8_t byte = 0xee;

		cbx_ram_read(bench.ram, base, &byte, 1);
		assert_int_equal(byte, 0);
		/* Write only: what is read comes from beyond (here the harness's own RAM). */
		fake_mem_write(bench.machine, base, 0x01010101, 4);
		config_write(&bench, 0, registers[area], 1, 2u << shift);
		fake_mem_write(bench.machine, base, 0xaabbccdd, 4);
		fake_mem_write(bench.machine, last, 0x55667788, 4);
		assert_int_equal(fake_mem_read(bench.machine, base, 4), 0x01010101);
		cbx_ram_read(bench.ram, base, &byte, 1);
		assert_int_equal(byte, 0xdd);
		/* Read only. */
		config_write(&bench, 0, registers[area], 1, 1u << shift);
		fake_mem_write(bench.machine, base, 0x02020202, 4);
		assert_int_equal(fake_mem_read(bench.machine, base, 4), 0xaabbccdd);
		assert_int_equal(fake_mem_read(bench.machine, last, 4), 0x55667788);
		fake_reload(bench.machine);
		assert_int_equal(fake_mem_read(bench.machine, base, 4), 0xaabbccdd);
		config_write(&bench, 0, registers[area], 1, 3u << shift);
		fake_mem_write(bench.machine, base, 0x03030303, 4);
		assert_int_equal(fake_mem_read(bench.machine, base, 4), 0x03030303);
		config_write(&bench, 0, registers[area], 1, 0);
		assert_int_equal(fake_mem_read(bench.machine, base, 4), 0x02020202);
		cbx_ram_read(bench.ram, base, &byte, 1);
		assert_int_equal(byte, 0x03);
	}
	bench_free(&bench);
}

static void system_management_ram(void **unused)
{
	struct bench bench;
	struct fake_pins *pins;

	(void)unused;
	bench_new(&bench);
	pins = fake_pins(bench.machine);
	assert_int_equal(config_read(&bench, 0, 0x72, 1), 2);
	config_write(&bench, 0, 0x72, 1, 0x4a);
	fake_mem_write(bench.machine, 0xa8000, 0x12345678, 4);
	config_write(&bench, 0, 0x72, 1, 0x0a);
	assert_int_not_equal(fake_mem_read(bench.machine, 0xa8000, 4), 0x12345678);
	config_write(&bench, 0, 0x72, 1, 0x4a);
	assert_int_equal(fake_mem_read(bench.machine, 0xa8000, 4), 0x12345678);
	/* Closed, it is seen in system management mode all the same, if it is enabled. */
	config_write(&bench, 0, 0x72, 1, 0x0a);
	pins->smm_changed(pins->smm_device, true);
	assert_int_equal(fake_mem_read(bench.machine, 0xa8000, 4), 0x12345678);
	config_write(&bench, 0, 0x72, 1, 0x02);
	assert_int_not_equal(fake_mem_read(bench.machine, 0xa8000, 4), 0x12345678);
	config_write(&bench, 0, 0x72, 1, 0x0a);
	pins->smm_changed(pins->smm_device, false);
	assert_int_not_equal(fake_mem_read(bench.machine, 0xa8000, 4), 0x12345678);
	/* Locked: closed, until the next reset. */
	config_write(&bench, 0, 0x72, 1, 0x5a);
	assert_int_equal(config_read(&bench, 0, 0x72, 1), 0x1a);
	assert_int_not_equal(fake_mem_read(bench.machine, 0xa8000, 4), 0x12345678);
	config_write(&bench, 0, 0x72, 1, 0x4a);
	assert_int_equal(config_read(&bench, 0, 0x72, 1), 0x1a);
	fake_reload(bench.machine);
	config_write(&bench, 0, 0x72, 1, 0x4a);
	assert_int_equal(config_read(&bench, 0, 0x72, 1), 0x1a);
	fake_reset(bench.machine, CBX_RESET_WARM);
	config_write(&bench, 0, 0x72, 1, 0x4a);
	assert_int_equal(fake_mem_read(bench.machine, 0xa8000, 4), 0x12345678);
	bench_free(&bench);
}

static void hostile_storm(void **unused)
{
	struct bench bench;
	uint64_t seed = 77;

	(void)unused;
	bench_new(&bench);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned slot = (unsigned)fake_random(&seed) % 8;
		unsigned width = 1u << fake_random(&seed) % 3;

		address(&bench, slot, (unsigned)fake_random(&seed) & 7,
			(unsigned)fake_random(&seed) & 0xff);
		fake_out(bench.machine, 0xcf8 + (unsigned)(fake_random(&seed) & 7),
			 (uint32_t)fake_random(&seed), width);
		fake_in(bench.machine, 0xcf8 + (unsigned)(fake_random(&seed) & 7), width);
		cbx_pci_set_irq(bench.gadgets[i & 1]->function, fake_random(&seed) & 1);
		if (i % 500 == 0) {
			fake_reload(bench.machine);
			fake_load_random(bench.machine, &seed, 50);
		}
		if (i % 1000 == 0)
			fake_reset(bench.machine, i & 1 ? CBX_RESET_POWER : CBX_RESET_WARM);
	}
	bench_free(&bench);
}

static unsigned messages;
static uint64_t message_address;
static uint32_t message_data;

static void note_message(void *target, uint64_t where, uint32_t data)
{
	(void)target;
	messages++;
	message_address = where;
	message_data = data;
}

static void message_signalled(void **unused)
{
	struct cbx_pci_function *function;
	struct bench bench;

	(void)unused;
	bench_new(&bench);
	function = bench.gadgets[1]->function;
	messages = 0;
	pci_bus_connect_msi(bench.bus, note_message, NULL);
	assert_int_equal(cbx_pci_msi_new(function, 0x3c, 1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_pci_msi_new(function, 0x42, 1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_pci_msi_new(function, 0xec, 1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_pci_msi_new(function, 0x60, 3), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_pci_msi_new(function, 0x60, 64), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_pci_msi_new(function, 0x60, 4), CBX_OK);
	assert_int_equal(cbx_pci_msi_new(function, 0x80, 4), CBX_ERROR_ARGUMENT);
	assert_int_equal(config_read(&bench, 6, 0x06, 2) & 0x10, 0x10);
	assert_int_equal(config_read(&bench, 6, 0x34, 1), 0x60);
	assert_int_equal(config_read(&bench, 6, 0x60, 4), 0x01840005);
	config_write(&bench, 6, 0x60, 4, 0xffffffff);
	assert_int_equal(config_read(&bench, 6, 0x60, 4), 0x01f50005);
	assert_int_equal(cbx_pci_msi_messages(function), 4);    /* no more than it has */
	config_write(&bench, 6, 0x62, 2, 0);
	config_write(&bench, 6, 0x64, 4, 0xfee0100f);
	assert_int_equal(config_read(&bench, 6, 0x64, 4), 0xfee0100c);
	config_write(&bench, 6, 0x6c, 4, 0xffff4057);
	assert_int_equal(config_read(&bench, 6, 0x6c, 4), 0x4057);
	config_write(&bench, 6, 0x04, 2, 0x0004);

	/* Off: the pin. */
	config_write(&bench, 1, 0x62, 1, 11);
	config_write(&bench, 1, 0x60, 4, 0x0b0b0b0b);
	cbx_pci_set_irq(function, true);
	cbx_pci_msi_send(function, 0);
	assert_true(bench.wires[11].level);
	assert_int_equal(messages, 0);
	/* On: the pin is let go, and each rise is a message. */
	config_write(&bench, 6, 0x62, 2, 0x0001);
	assert_false(bench.wires[11].level);
	assert_int_equal(cbx_pci_msi_messages(function), 1);
	cbx_pci_set_irq(function, false);
	cbx_pci_set_irq(function, true);
	assert_false(bench.wires[11].level);
	assert_int_equal(messages, 1);
	assert_int_equal(message_address, 0xfee0100c);
	assert_int_equal(message_data, 0x4057);
	/* Four messages: the low bits of the data. */
	config_write(&bench, 6, 0x62, 2, 0x0021);
	assert_int_equal(cbx_pci_msi_messages(function), 4);
	for (unsigned n = 0; n < 8; n++) {
		cbx_pci_msi_send(function, n);
		assert_int_equal(message_data, 0x4054 | (n & 3));
	}
	assert_int_equal(messages, 9);
	/* Masked they wait. */
	config_write(&bench, 6, 0x70, 4, 0xffffffff);
	assert_int_equal(config_read(&bench, 6, 0x70, 4), 0xf);
	cbx_pci_msi_send(function, 2);
	cbx_pci_msi_send(function, 2);
	assert_int_equal(messages, 9);
	assert_int_equal(config_read(&bench, 6, 0x74, 4), 4);
	config_write(&bench, 6, 0x74, 4, 0xff);
	assert_int_equal(config_read(&bench, 6, 0x74, 4), 4);
	config_write(&bench, 6, 0x70, 4, 3);
	assert_int_equal(messages, 10);
	assert_int_equal(message_data, 0x4056);
	assert_int_equal(config_read(&bench, 6, 0x74, 4), 0);
	/* Elsewhere it is a write to memory; without leave to be a master it is nothing. */
	config_write(&bench, 6, 0x70, 4, 0);
	config_write(&bench, 6, 0x64, 4, 0x2000);
	cbx_pci_msi_send(function, 1);
	assert_int_equal(messages, 10);
	assert_int_equal(fake_ram(bench.machine)[0x2000], 0x55);
	assert_int_equal(fake_ram(bench.machine)[0x2001], 0x40);
	config_write(&bench, 6, 0x64, 4, 0xfee00000);
	config_write(&bench, 6, 0x04, 2, 0x0000);
	cbx_pci_msi_send(function, 1);
	assert_int_equal(messages, 10);
	fake_reload(bench.machine);
	config_write(&bench, 6, 0x62, 2, 0);
	assert_true(bench.wires[11].level);
	fake_reset(bench.machine, CBX_RESET_WARM);
	assert_int_equal(config_read(&bench, 6, 0x60, 4), 0x01840005);
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mechanism),
		cmocka_unit_test(own_registers),
		cmocka_unit_test(base_addresses),
		cmocka_unit_test(bad_options),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(reset_control),
		cmocka_unit_test(shadowing),
		cmocka_unit_test(system_management_ram),
		cmocka_unit_test(hostile_storm),
		cmocka_unit_test(message_signalled)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
