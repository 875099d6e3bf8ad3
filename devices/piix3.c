/*
 * 82371SB (PIIX3) PCI-to-ISA bridge, PCI 0:1.0, 8086:7000.
 *
 * Intel 290550, section 2.2.  PIRQRC registers 60h-63h route PIRQA#-PIRQD# to inputs of
 * the 8259 pair, where they join what ISA devices drive.  Port CF9h resets.  The other
 * registers hold what is written.
 */
#include "piix3.h"

enum { REG_PIRQ = 0x60, PIRQ_OFF = 0x80 };
enum { RESET_HARD = 0x02, RESET_CPU = 0x04 };
/* Inputs that a PIRQ can be routed to. */
enum { ROUTABLE = 0xdef8 };

struct piix3_state {
	uint16_t isa_levels;            /* what the ISA devices drive */
	uint8_t pirq_levels;            /* PIRQA# is bit 0; 1 is asserted */
	uint8_t reset_control;
};

struct piix3 {
	struct cbx_device device;
	struct cbx_pci_function *function;
	struct cbx_line inputs[16];
	uint8_t routes[4];              /* derived: copies of PIRQRC, to see what changed */
	struct piix3_state state;
};

/* The input that a route leads to, 16 for none. */
static unsigned route_irq(uint8_t route)
{
	if ((route & PIRQ_OFF) || !(ROUTABLE >> (route & 15) & 1))
		return 16;
	return route & 15;
}

static void piix3_update(struct piix3 *piix3, unsigned irq)
{
	bool level;

	if (irq > 15)
		return;
	level = piix3->state.isa_levels >> irq & 1;
	for (unsigned pirq = 0; pirq < 4; pirq++) {
		if (route_irq(piix3->routes[pirq]) == irq)
			level = level || (piix3->state.pirq_levels >> pirq & 1);
	}
	cbx_line_set(&piix3->inputs[irq], level);
}

static void piix3_set_isa(void *target, unsigned number, bool level)
{
	struct piix3 *piix3 = target;
	uint16_t bit = (uint16_t)(1u << number);

	piix3->state.isa_levels = level ? piix3->state.isa_levels | bit
					: (uint16_t)(piix3->state.isa_levels & ~bit);
	piix3_update(piix3, number);
}

static void piix3_set_pirq(void *target, unsigned number, bool level)
{
	struct piix3 *piix3 = target;
	uint8_t bit = (uint8_t)(1u << number);

	piix3->state.pirq_levels = level ? piix3->state.pirq_levels | bit
					 : (uint8_t)(piix3->state.pirq_levels & ~bit);
	piix3_update(piix3, route_irq(piix3->routes[number]));
}

static void piix3_changed(struct cbx_device *device, unsigned first, unsigned count)
{
	struct piix3 *piix3 = (struct piix3 *)device;

	if (first + count <= REG_PIRQ || first > REG_PIRQ + 3)
		return;
	for (unsigned pirq = 0; pirq < 4; pirq++) {
		unsigned before = route_irq(piix3->routes[pirq]);

		piix3->routes[pirq] = (uint8_t)cbx_pci_config_read(piix3->function,
								   REG_PIRQ + pirq, 1);
		if (count == 256)
			continue;
		piix3_update(piix3, before);
		piix3_update(piix3, route_irq(piix3->routes[pirq]));
	}
}

static uint8_t reset_control_read(struct cbx_device *device)
{
	return ((struct piix3 *)device)->state.reset_control;
}

static void reset_control_write(struct cbx_device *device, uint8_t value)
{
	struct piix3 *piix3 = (struct piix3 *)device;
	bool rises = (value & RESET_CPU) && !(piix3->state.reset_control & RESET_CPU);

	piix3->state.reset_control = value & (RESET_CPU | RESET_HARD);
	if (rises)
		cbx_request_reset(device, !(value & RESET_HARD));
	/* A reset of the processor alone leaves this register: ready for the next one. */
	if (rises && !(value & RESET_HARD))
		piix3->state.reset_control &= (uint8_t)~RESET_CPU;
}

/* PIRQ wires fall, as functions are reset too; an ISA device drives its line in its own reset. */
static void piix3_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct piix3 *piix3 = (struct piix3 *)device;

	(void)kind;
	piix3->state = (struct piix3_state){ .isa_levels = piix3->state.isa_levels };
	for (unsigned irq = 0; irq < 16; irq++)
		piix3_update(piix3, irq);
}

static bool piix3_check(const struct cbx_device *device, const void *state)
{
	const struct piix3_state *loaded = state;

	(void)device;
	return loaded->pirq_levels < 16 && !(loaded->reset_control & ~(RESET_CPU | RESET_HARD));
}

static const struct cbx_field piix3_fields[] = {
	CBX_FIELD(struct piix3_state, isa_levels),
	CBX_FIELD(struct piix3_state, pirq_levels),
	CBX_FIELD(struct piix3_state, reset_control),
	CBX_FIELD_END
};

static const struct cbx_device_type piix3_type = {
	.name = "piix3",
	.version = 1,
	.size = sizeof(struct piix3),
	.state_offset = offsetof(struct piix3, state),
	.state_size = sizeof(struct piix3_state),
	.fields = piix3_fields,
	.reset = piix3_reset,
	.check = piix3_check
};

static void init_config(struct cbx_pci_function *function)
{
	/* Offset, width, default, writable bits; the sheet's order. */
	static const struct {
		uint8_t offset, width;
		uint32_t initial, writable;
	} registers[] = {
		{ 0x04, 2, 0x0007, 0x0008 },
		{ 0x4c, 1, 0x4d, 0xff },                /* IORT */
		{ 0x4e, 2, 0x0003, 0xffff },            /* XBCS */
		{ 0x60, 4, 0x80808080, 0x8f8f8f8f },    /* PIRQRC */
		{ 0x69, 1, 0x02, 0xfe },                /* TOM */
		{ 0x6a, 2, 0x0000, 0x8050 },            /* MSTAT */
		{ 0x70, 1, 0x80, 0xcf },                /* MBIRQ0 */
		{ 0x76, 2, 0x0c0c, 0x8f8f },            /* MBDMA */
		{ 0x78, 2, 0x0002, 0xffff },            /* PCSC */
		{ 0x80, 1, 0x00, 0x7f },                /* APICBASE */
		{ 0x82, 1, 0x00, 0x0f },                /* DLC */
		{ 0xa0, 1, 0x08, 0x1f },                /* SMICNTL */
		{ 0xa2, 2, 0x0000, 0x00ff },            /* SMIEN */
		{ 0xa4, 4, 0x00000000, 0xffffffff },    /* SEE */
		{ 0xa8, 1, 0x0f, 0xff },                /* FTMR */
		{ 0xaa, 2, 0x0000, 0x00ff },            /* SMIREQ */
		{ 0xac, 1, 0x00, 0xff },                /* CTLTMR */
		{ 0xae, 1, 0x00, 0xff }                 /* CTHTMR */
	};

	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		cbx_pci_config_default(function, registers[i].offset, registers[i].width,
				       registers[i].initial);
		cbx_pci_config_writable(function, registers[i].offset, registers[i].width,
					registers[i].writable);
	}
}

enum cbx_status piix3_new(struct cbx_machine *machine, struct cbx_pci_bus *bus,
			  const struct cbx_line inputs[16], struct piix3 **result)
{
	static const struct cbx_pci_options options = {
		.size = sizeof(options),
		.slot = 1,
		.multifunction = true,
		.vendor_id = 0x8086,
		.device_id = 0x7000,
		.subsystem_vendor_id = 0x1af4,
		.subsystem_id = 0x1100,
		.class_code = 0x060100,
		.changed = piix3_changed
	};
	struct cbx_device *device;
	struct piix3 *piix3;
	enum cbx_status status = cbx_device_new(machine, &piix3_type, &device);

	if (status != CBX_OK)
		return status;
	piix3 = (struct piix3 *)device;
	status = cbx_pci_function_new(bus, device, &options, &piix3->function);
	if (status != CBX_OK)
		return status;
	init_config(piix3->function);
	for (unsigned irq = 0; irq < 16; irq++)
		piix3->inputs[irq] = inputs[irq];
	for (unsigned pirq = 0; pirq < 4; pirq++) {
		piix3->routes[pirq] = PIRQ_OFF;
		pci_bus_connect_pirq(bus, pirq, piix3_pirq_line(piix3, pirq));
	}
	pci_bus_connect_reset_control(bus, &(struct pci_reset_control){
		reset_control_read, reset_control_write, device });
	*result = piix3;
	return CBX_OK;
}

struct cbx_line piix3_irq_line(struct piix3 *piix3, unsigned irq)
{
	struct cbx_line line = { piix3_set_isa, piix3, irq & 15 };

	return line;
}

struct cbx_line piix3_pirq_line(struct piix3 *piix3, unsigned pirq)
{
	return (struct cbx_line){ piix3_set_pirq, piix3, pirq & 3 };
}
