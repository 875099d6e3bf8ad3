/*
 * NE2000 boards around a DP8390: 32 ports on ISA at a base and with an IRQ of one's choice, and the
 * same 32 ports behind BAR 0 of a Realtek RTL8029AS (PCI 10EC:8029; Realtek's data sheet of 1996).
 */
#include "ne2000.h"

#include "dp8390.h"

enum { VENDOR_REALTEK = 0x10ec, DEVICE_8029 = 0x8029, CLASS_ETHERNET = 0x020000 };

struct ne2000 {
	struct cbx_device device;
	struct dp8390 nic;
	struct cbx_line irq;
	struct cbx_pci_function *function;      /* NULL on ISA */
};

static void ne2000_set_irq(struct cbx_device *device, bool level)
{
	struct ne2000 *card = (struct ne2000 *)device;

	if (card->function)
		cbx_pci_set_irq(card->function, level);
	else
		cbx_line_set(&card->irq, level);
}

static void ne2000_fire(struct cbx_device *device, unsigned number)
{
	(void)number;
	dp8390_transmitted(&((struct ne2000 *)device)->nic);
}

static uint64_t ne2000_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	return dp8390_read(&((struct ne2000 *)device)->nic, (unsigned)offset, width);
}

static void ne2000_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	dp8390_write(&((struct ne2000 *)device)->nic, (unsigned)offset, (uint32_t)value, width);
}

static size_t ne2000_read_many(struct cbx_device *device, uint64_t offset, unsigned width, void *bytes,
			       size_t count)
{
	return dp8390_read_many(&((struct ne2000 *)device)->nic, (unsigned)offset, width, bytes, count);
}

static size_t ne2000_write_many(struct cbx_device *device, uint64_t offset, unsigned width,
				const void *bytes, size_t count)
{
	return dp8390_write_many(&((struct ne2000 *)device)->nic, (unsigned)offset, width, bytes, count);
}

static const struct cbx_io ne2000_isa_io = {
	.widths = 1 | 2, .read = ne2000_read, .write = ne2000_write,
	.read_many = ne2000_read_many, .write_many = ne2000_write_many,
};
static const struct cbx_io ne2000_pci_io = {
	.widths = 1 | 2 | 4, .read = ne2000_read, .write = ne2000_write,
	.read_many = ne2000_read_many, .write_many = ne2000_write_many,
};

static void ne2000_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	(void)kind;
	dp8390_reset(&((struct ne2000 *)device)->nic);
}

static bool ne2000_check(const struct cbx_device *device, const void *state)
{
	(void)device;
	return dp8390_check(state);
}

static const struct cbx_device_type ne2000_type = {
	.name = "ne2000",
	.version = 1,
	.size = sizeof(struct ne2000),
	.state_offset = offsetof(struct ne2000, nic) + offsetof(struct dp8390, state),
	.state_size = sizeof(struct dp8390_state),
	.fields = dp8390_fields,
	.reset = ne2000_reset,
	.check = ne2000_check,
};

static enum cbx_status ne2000_new(struct cbx_machine *machine, const uint8_t mac[6],
				  const struct cbx_network_backend *wire, struct ne2000 **card)
{
	struct cbx_device *device;
	struct cbx_timer *timer;
	enum cbx_status status = cbx_device_new(machine, &ne2000_type, &device);

	if (status == CBX_OK)
		status = cbx_timer_new(device, "transmit", ne2000_fire, 0, &timer);
	if (status != CBX_OK)
		return status;
	*card = (struct ne2000 *)device;
	dp8390_setup(&(*card)->nic, device, mac, wire, timer, ne2000_set_irq);
	return CBX_OK;
}

enum cbx_status ne2000_isa_new(struct cbx_machine *machine, unsigned base, struct cbx_line irq,
			       const uint8_t mac[6], const struct cbx_network_backend *wire,
			       struct ne2000 **card)
{
	enum cbx_status status = ne2000_new(machine, mac, wire, card);

	if (status != CBX_OK)
		return status;
	(*card)->irq = irq;
	return cbx_ports_map(&(*card)->device, base, DP8390_PORTS, &ne2000_isa_io);
}

enum cbx_status ne2000_pci_new(struct cbx_machine *machine, struct cbx_pci_bus *bus,
			       const uint8_t mac[6], const struct cbx_network_backend *wire,
			       struct cbx_ram *rom, struct ne2000 **card)
{
	struct cbx_pci_options options = {
		.size = sizeof(options), .slot = CBX_PCI_FREE_SLOT, .vendor_id = VENDOR_REALTEK,
		.device_id = DEVICE_8029, .subsystem_vendor_id = VENDOR_REALTEK,
		.subsystem_id = DEVICE_8029, .class_code = CLASS_ETHERNET, .interrupt_pin = 1,
		.bars[0] = { .size = DP8390_PORTS, .ports = &ne2000_pci_io },
	};
	enum cbx_status status = ne2000_new(machine, mac, wire, card);

	if (status != CBX_OK)
		return status;
	(*card)->nic.realtek = true;
	if (rom) {
		options.rom.size = (uint32_t)cbx_ram_size(rom);
		status = cbx_region_new_ram(&(*card)->device, rom, 0, options.rom.size,
					    &options.rom.region);
		if (status != CBX_OK)
			return status;
	}
	return cbx_pci_function_new(bus, &(*card)->device, &options, &(*card)->function);
}

bool ne2000_receive(struct ne2000 *card, const uint8_t *frame, size_t count)
{
	return dp8390_receive(&card->nic, frame, count);
}

bool ne2000_has_room(const struct ne2000 *card)
{
	return dp8390_has_room(&card->nic);
}
