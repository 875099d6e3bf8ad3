/*
 * I/O APIC: 82093AA (Intel 290566) with 24 inputs, of the later kind (version 20h) that also
 * has an EOI register.
 *
 * FEC00000h selects a register, FEC00010h is its window, FEC00040h ends interrupts by vector.
 * Inputs are requests, asserted or not: the polarity bit holds what is written and inverts
 * nothing, since tables of different firmware describe the same wires differently.
 */
#include "ioapic.h"

#define WINDOW UINT64_C(0xfec00000)

enum { SELECT = 0x00, DATA = 0x10, EOI = 0x40 };
enum { REG_ID = 0x00, REG_VERSION = 0x01, REG_ARBITRATION = 0x02, REG_TABLE = 0x10 };
enum { VERSION = 0x20 };
enum { PRIORITY = 100 };

/* A redirection entry; bits 16 and below, the destination is bits 56-63. */
enum { ENTRY_LOGICAL = 0x0800, ENTRY_PENDING = 0x1000, ENTRY_REMOTE_IRR = 0x4000,
       ENTRY_LEVEL = 0x8000, ENTRY_MASKED = 0x10000 };
#define ENTRY_WRITABLE UINT64_C(0xff0000000001afff)

struct ioapic_state {
	uint64_t table[IOAPIC_PINS];
	uint32_t pins;                  /* asserted */
	uint32_t id;
	uint8_t select;
	uint8_t reserved[7];
};

struct ioapic {
	struct cbx_device device;
	struct ioapic_state state;
	struct local_apic *local;
};

/* Sends what the entry says; true: somebody accepted it. */
static bool entry_send(struct ioapic *ioapic, uint64_t entry)
{
	struct apic_message message = {
		.destination = (uint8_t)(entry >> 56),
		.vector = (uint8_t)entry,
		.mode = entry >> 8 & 7,
		.logical = entry & ENTRY_LOGICAL,
		.level = entry & ENTRY_LEVEL
	};

	return local_apic_message(ioapic->local, &message);
}

/* Level-triggered requests are fixed or lowest priority; others are taken as edges. */
static bool is_level(uint64_t entry)
{
	return (entry & ENTRY_LEVEL) && (entry >> 8 & 7) <= APIC_LOWEST;
}

static bool level_waits(const struct ioapic *ioapic, unsigned pin)
{
	uint64_t entry = ioapic->state.table[pin];

	return is_level(entry) && (ioapic->state.pins >> pin & 1) &&
	       !(entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR));
}

static void service_level(struct ioapic *ioapic, unsigned pin)
{
	uint64_t *entry = &ioapic->state.table[pin];

	/* Remote IRR first: the local APIC may end the interrupt before it returns. */
	if (!level_waits(ioapic, pin))
		return;
	*entry |= ENTRY_REMOTE_IRR;
	if (!entry_send(ioapic, *entry))
		*entry &= ~(uint64_t)ENTRY_REMOTE_IRR;
}

static void ioapic_set_pin(void *target, unsigned pin, bool level)
{
	struct ioapic *ioapic = target;
	uint32_t bit = UINT32_C(1) << pin;
	bool rises = level && !(ioapic->state.pins & bit);
	uint64_t entry = ioapic->state.table[pin];

	ioapic->state.pins = level ? ioapic->state.pins | bit : ioapic->state.pins & ~bit;
	if (is_level(entry))
		service_level(ioapic, pin);
	else if (rises && !(entry & ENTRY_MASKED))
		entry_send(ioapic, entry);
}

struct cbx_line ioapic_line(struct ioapic *ioapic, unsigned pin)
{
	if (pin >= IOAPIC_PINS)
		return (struct cbx_line){ NULL, NULL, 0 };
	return (struct cbx_line){ ioapic_set_pin, ioapic, pin };
}

static void ioapic_eoi(void *target, uint8_t vector)
{
	struct ioapic *ioapic = target;

	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t *entry = &ioapic->state.table[pin];

		if ((uint8_t)*entry != vector || !(*entry & ENTRY_REMOTE_IRR))
			continue;
		*entry &= ~(uint64_t)ENTRY_REMOTE_IRR;
		service_level(ioapic, pin);
	}
}

static void ioapic_ready(void *target)
{
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		service_level(target, pin);
}

/* ---- Registers ------------------------------------------------------------------------ */

static uint32_t table_read(const struct ioapic *ioapic, unsigned reg)
{
	unsigned pin = reg >> 1;
	uint64_t entry = ioapic->state.table[pin];

	if (level_waits(ioapic, pin))
		entry |= ENTRY_PENDING;
	return (uint32_t)(reg & 1 ? entry >> 32 : entry);
}

static uint32_t register_read(const struct ioapic *ioapic)
{
	unsigned reg = ioapic->state.select;

	if (reg == REG_ID || reg == REG_ARBITRATION)
		return ioapic->state.id;
	if (reg == REG_VERSION)
		return VERSION | (IOAPIC_PINS - 1) << 16;
	if (reg >= REG_TABLE && reg < REG_TABLE + 2 * IOAPIC_PINS)
		return table_read(ioapic, reg - REG_TABLE);
	return 0;
}

/* An entry that becomes edge-triggered forgets its remote IRR. */
static void table_write(struct ioapic *ioapic, unsigned reg, uint32_t value)
{
	unsigned pin = reg >> 1;
	uint64_t *entry = &ioapic->state.table[pin], half = UINT32_MAX;
	uint64_t written = reg & 1 ? (uint64_t)value << 32 : value;

	half = (reg & 1 ? half << 32 : half) & ENTRY_WRITABLE;
	*entry = (*entry & ~half) | (written & half);
	if (!is_level(*entry))
		*entry &= ~(uint64_t)ENTRY_REMOTE_IRR;
	service_level(ioapic, pin);
}

static void register_write(struct ioapic *ioapic, uint32_t value)
{
	unsigned reg = ioapic->state.select;

	if (reg == REG_ID)
		ioapic->state.id = value & 0x0f000000;
	else if (reg >= REG_TABLE && reg < REG_TABLE + 2 * IOAPIC_PINS)
		table_write(ioapic, reg - REG_TABLE, value);
}

static uint64_t ioapic_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	const struct ioapic *ioapic = (const struct ioapic *)device;

	(void)width;
	switch (offset) {
	case SELECT:
		return ioapic->state.select;
	case DATA:
		return register_read(ioapic);
	default:
		return 0;
	}
}

static void ioapic_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct ioapic *ioapic = (struct ioapic *)device;

	(void)width;
	switch (offset) {
	case SELECT:
		ioapic->state.select = (uint8_t)value;
		break;
	case DATA:
		register_write(ioapic, (uint32_t)value);
		break;
	case EOI:
		ioapic_eoi(ioapic, (uint8_t)value);
		break;
	default:
		break;
	}
}

static const struct cbx_io ioapic_io = { .widths = 4, .read = ioapic_read, .write = ioapic_write };

/* ---- Life ------------------------------------------------------------------------------- */

static void ioapic_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct ioapic *ioapic = (struct ioapic *)device;
	uint32_t pins = kind == CBX_RESET_POWER ? 0 : ioapic->state.pins;

	ioapic->state = (struct ioapic_state){ .pins = pins };
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		ioapic->state.table[pin] = ENTRY_MASKED;
}

static bool ioapic_check(const struct cbx_device *device, const void *bytes)
{
	const struct ioapic_state *state = bytes;
	bool good = !(state->pins >> IOAPIC_PINS) && !(state->id & ~UINT32_C(0x0f000000));

	(void)device;
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t entry = state->table[pin];

		good = good && !(entry & ~(ENTRY_WRITABLE | ENTRY_REMOTE_IRR)) &&
		       (is_level(entry) || !(entry & ENTRY_REMOTE_IRR));
	}
	for (unsigned n = 0; n < sizeof(state->reserved); n++)
		good = good && !state->reserved[n];
	return good;
}

static const struct cbx_field ioapic_fields[] = {
	CBX_FIELD_ARRAY(struct ioapic_state, table),
	CBX_FIELD(struct ioapic_state, pins),
	CBX_FIELD(struct ioapic_state, id),
	CBX_FIELD(struct ioapic_state, select),
	CBX_FIELD_ARRAY(struct ioapic_state, reserved),
	CBX_FIELD_END
};

static const struct cbx_device_type ioapic_type = {
	.name = "ioapic",
	.version = 1,
	.size = sizeof(struct ioapic),
	.state_offset = offsetof(struct ioapic, state),
	.state_size = sizeof(struct ioapic_state),
	.fields = ioapic_fields,
	.reset = ioapic_reset,
	.check = ioapic_check,
};

enum cbx_status ioapic_new(struct cbx_machine *machine, struct local_apic *local,
			   struct ioapic **result)
{
	struct cbx_device *device;
	struct cbx_region *region;
	enum cbx_status status = cbx_device_new(machine, &ioapic_type, &device);

	if (status == CBX_OK)
		status = cbx_region_new_io(device, &ioapic_io, 0x1000, &region);
	if (status != CBX_OK)
		return status;
	cbx_region_place(region, WINDOW, CBX_REGION_READ | CBX_REGION_WRITE, PRIORITY);
	*result = (struct ioapic *)device;
	(*result)->local = local;
	local_apic_listen(local, &(struct apic_listener){ ioapic_eoi, ioapic_ready, device });
	return CBX_OK;
}
