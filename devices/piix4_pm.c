/*
 * 82371AB (PIIX4) power management, PCI 0:1.3, 8086:7113 (Intel 290562, section 7).
 *
 * ACPI registers (64 ports at PMBASE): PM1 status, enable and control, the 24-bit timer
 * of 3.579545 MHz, general purpose events, device and processor control as registers
 * that hold what is written.  Ports B2h/B3h are the APM control and status registers.
 * Writing B2h makes an SMI when DEVACTB says so.  What an SMI handler would do for ACPI the
 * chip does itself, as firmware that sets up none relies on: F1h or F0h in B2h sets or clears
 * SCI_EN.  Ports AFE0h-AFE3h are
 * a second block of general purpose events, where tables made for this board by other
 * firmware expect it.
 */
#include "piix4_pm.h"
#include "piix4_smbus.h"

#include <string.h>

enum { REG_PMBASE = 0x40, REG_DEVACTB = 0x58, REG_PMREGMISC = 0x80, REG_SMBBA = 0x90, REG_SMBHSTCFG = 0xd2 };
enum { APMC_ENABLE = 1 << 25 };         /* in DEVACTB: writing B2h makes an SMI */
enum {
	PM1_STATUS = 0x00, PM1_ENABLE = 0x02, PM1_CONTROL = 0x04, PM_TIMER = 0x08,
	GPE_STATUS = 0x0c, GPE_ENABLE = 0x0e, PORTS = 64
};
enum { TIMER_EVENT = 0x0001, GLOBAL_EVENT = 0x0020, POWER_BUTTON = 0x0100, RTC_EVENT = 0x0400 };
enum { SCI_ENABLE = 0x0001, SLEEP_ENABLE_HIGH = 0x20 };
enum { TIMER_HERTZ = 3579545, TIMER_HALF = 1 << 23 };
#define SECOND UINT64_C(1000000000)

struct pm_state {
	uint64_t halves;                /* half periods of the timer when TMR_STS was last clear */
	uint8_t registers[PORTS];       /* TMR_STS and the timer are computed */
	uint8_t apm[2];                 /* APMC, APMS */
	uint8_t gpe[4];                 /* status and enable at AFE0h */
	bool smbus_interrupt;
	uint8_t zero;                   /* no padding */
};

struct piix4_pm {
	struct cbx_device device;
	struct cbx_pci_function *function;
	struct piix4_smbus *smbus;
	struct cbx_line sci;
	struct cbx_timer *timer;        /* armed when the timer's overflow would interrupt */
	uint32_t base;                  /* derived */
	struct pm_state state;
};

/*
 * Bits of each register that are written, and those cleared by writing ones.  General
 * purpose inputs have no entry; the outputs start high.
 */
static const uint8_t writable_bits[PORTS] = {
	[PM1_ENABLE] = 0x21, 0x05, [PM1_CONTROL] = 0x03, 0x1c,
	[GPE_ENABLE] = 0x01, 0x0f, [0x10] = 0xff, 0x3f, 0x07, [0x20] = 0xff, 0x03,
	[0x28] = 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff,
	[0x34] = 0xff, 0xff, 0xff, 0x7f
};
static const uint8_t clearable_bits[PORTS] = {
	[PM1_STATUS] = 0x31, 0x85, [GPE_STATUS] = 0x01, 0x0f, [0x18] = 0x77, 0x0b,
	[0x1c] = 0xff, 0xff, 0xff, 0x3f
};

static uint16_t word(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

/* ---- The timer -------------------------------------------------------------------------- */

static uint64_t pm_ticks(const struct piix4_pm *pm)
{
	return cbx_muldiv(cbx_time(&pm->device), TIMER_HERTZ, SECOND);
}

/* TMR_STS is set whenever the timer's highest bit changes. */
static bool pm_timer_status(const struct piix4_pm *pm)
{
	return pm_ticks(pm) / TIMER_HALF != pm->state.halves;
}

static uint16_t pm1_status(const struct piix4_pm *pm)
{
	return (uint16_t)(word(&pm->state.registers[PM1_STATUS]) |
			  (pm_timer_status(pm) ? TIMER_EVENT : 0));
}

/* Sets the SCI, and the timer for when it will next change by itself. */
static void pm_update(struct piix4_pm *pm)
{
	const uint8_t *registers = pm->state.registers;
	uint16_t enable = word(&registers[PM1_ENABLE]);
	bool pending = (pm1_status(pm) & enable) != 0;

	pending = pending || (word(&registers[GPE_STATUS]) & word(&registers[GPE_ENABLE]));
	pending = pending || (word(&pm->state.gpe[0]) & word(&pm->state.gpe[2]));
	cbx_line_set(&pm->sci, (pending && (registers[PM1_CONTROL] & SCI_ENABLE)) ||
		     pm->state.smbus_interrupt);
	if ((enable & TIMER_EVENT) && !pm_timer_status(pm)) {
		uint64_t tick = (pm->state.halves + 1) * TIMER_HALF;

		cbx_timer_set(pm->timer, cbx_muldiv(tick, SECOND, TIMER_HERTZ) + 1);
	} else {
		cbx_timer_cancel(pm->timer);
	}
}

static void pm_timer_fired(struct cbx_device *device, unsigned number)
{
	(void)number;
	pm_update((struct piix4_pm *)device);
}

static void pm_smbus_interrupt(void *target, unsigned number, bool level)
{
	struct piix4_pm *pm = target;

	(void)number;
	if (pm->state.smbus_interrupt == level)
		return;
	pm->state.smbus_interrupt = level;
	pm_update(pm);
}

/* ---- ACPI registers ------------------------------------------------------------------------ */

static uint64_t pm_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	const struct piix4_pm *pm = (const struct piix4_pm *)device;
	uint32_t ticks = (uint32_t)pm_ticks(pm) & (2 * TIMER_HALF - 1);
	uint16_t status = pm1_status(pm);
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++) {
		unsigned at = (unsigned)(offset + i) % PORTS;
		uint8_t byte = pm->state.registers[at];

		if (at < PM1_STATUS + 2)
			byte = (uint8_t)(status >> (8 * at));
		else if (at >= PM_TIMER && at < PM_TIMER + 4)
			byte = (uint8_t)(ticks >> (8 * (at - PM_TIMER)));
		value |= (uint64_t)byte << (8 * i);
	}
	return value;
}

/* SLP_EN (bit 13 of PM1_CNT) was written with the sleep type in bits 10-12. */
static void pm_sleep(struct piix4_pm *pm, uint8_t high)
{
	switch (high >> 2 & 7) {
	case PIIX4_PM_SLEEP_SOFT_OFF:
	case PIIX4_PM_SLEEP_SUSPEND_TO_DISK:
		cbx_request_power_off(&pm->device);
		break;
	default:
		cbx_log(&pm->device, "sleep state that the board does not have; ignored");
	}
}

static void pm_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct piix4_pm *pm = (struct piix4_pm *)device;
	uint8_t *registers = pm->state.registers;

	for (unsigned i = 0; i < width; i++) {
		unsigned at = (unsigned)(offset + i) % PORTS;
		uint8_t byte = (uint8_t)(value >> (8 * i));

		registers[at] = (uint8_t)((registers[at] & ~writable_bits[at]) |
					  (byte & writable_bits[at]));
		registers[at] &= (uint8_t)~(byte & clearable_bits[at]);
		if (at == PM1_STATUS && (byte & TIMER_EVENT))
			pm->state.halves = pm_ticks(pm) / TIMER_HALF;
		if (at == PM1_CONTROL + 1 && (byte & SLEEP_ENABLE_HIGH))
			pm_sleep(pm, byte);
	}
	pm_update(pm);
}

static const struct cbx_io pm_io = { .widths = 1 | 2 | 4, .read = pm_read, .write = pm_write };

/* ---- APM ports B2h, B3h ------------------------------------------------------------------- */

static uint64_t apm_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)width;
	return ((struct piix4_pm *)device)->state.apm[offset & 1];
}

static void apm_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct piix4_pm *pm = (struct piix4_pm *)device;

	(void)width;
	pm->state.apm[offset & 1] = (uint8_t)value;
	if (offset)
		return;
	if (value == PIIX4_PM_ACPI_ENABLE)
		pm->state.registers[PM1_CONTROL] |= SCI_ENABLE;
	else if (value == PIIX4_PM_ACPI_DISABLE)
		pm->state.registers[PM1_CONTROL] &= (uint8_t)~SCI_ENABLE;
	else if (cbx_pci_config_read(pm->function, REG_DEVACTB, 4) & APMC_ENABLE)
		cbx_cpu_smi(device);
	pm_update(pm);
}

static const struct cbx_io apm_io = { .widths = 1, .read = apm_read, .write = apm_write };

/* ---- The second event block, AFE0h-AFE3h ----------------------------------------------------- */

static uint64_t gpe_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)width;
	return ((struct piix4_pm *)device)->state.gpe[offset & 3];
}

static void gpe_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct piix4_pm *pm = (struct piix4_pm *)device;
	uint8_t *byte = &pm->state.gpe[offset & 3];

	(void)width;
	*byte = offset < 2 ? (uint8_t)(*byte & ~value) : (uint8_t)value;
	pm_update(pm);
}

static const struct cbx_io gpe_io = { .widths = 1, .read = gpe_read, .write = gpe_write };

/* ---- Configuration, reset, creation ----------------------------------------------------------- */

static void pm_changed(struct cbx_device *device, unsigned first, unsigned count)
{
	struct piix4_pm *pm = (struct piix4_pm *)device;
	uint32_t base = cbx_pci_config_read(pm->function, REG_PMBASE, 4) & 0xffc0;
	uint32_t smbus = cbx_pci_config_read(pm->function, REG_SMBBA, 4) & 0xfff0;
	uint32_t smbus_config = cbx_pci_config_read(pm->function, REG_SMBHSTCFG, 1);

	(void)first;
	if (!(cbx_pci_config_read(pm->function, REG_PMREGMISC, 1) & 1))
		base = 0;
	if (!(smbus_config & 1))
		smbus = 0;
	piix4_smbus_place(pm->smbus, smbus, (smbus_config >> 1 & 7) == 4);
	if (count < 256)
		piix4_smbus_update(pm->smbus);
	if (base == pm->base)
		return;
	if (pm->base)
		cbx_ports_unmap(device, pm->base, PORTS);
	pm->base = base;
	if (base && cbx_ports_map(device, base, PORTS, &pm_io) != CBX_OK)
		pm->base = 0;
}

void piix4_pm_power_button(struct piix4_pm *pm)
{
	pm->state.registers[PM1_STATUS + 1] |= POWER_BUTTON >> 8;
	pm_update(pm);
}

static void pm_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct piix4_pm *pm = (struct piix4_pm *)device;

	(void)kind;
	memset(&pm->state, 0, sizeof(pm->state));
	memset(&pm->state.registers[0x34], 0xff, 4);
	pm->state.registers[0x35] = 0xbf;
	pm->state.registers[0x37] = 0x7f;
	pm->state.halves = pm_ticks(pm) / TIMER_HALF;
	pm_update(pm);
}

/* Status bits come only from inside; the timer's position may be any in the past. */
static bool pm_check(const struct cbx_device *device, const void *state)
{
	const struct pm_state *loaded = state;

	(void)device;
	for (unsigned i = 0; i < PORTS; i++) {
		if (loaded->registers[i] & ~(writable_bits[i] | clearable_bits[i]))
			return false;
	}
	return !(loaded->registers[PM1_STATUS] & TIMER_EVENT) && !loaded->zero &&
	       loaded->halves <= UINT64_MAX / SECOND;
}

static const struct cbx_field pm_fields[] = {
	CBX_FIELD(struct pm_state, halves),
	CBX_FIELD_ARRAY(struct pm_state, registers),
	CBX_FIELD_ARRAY(struct pm_state, apm),
	CBX_FIELD_ARRAY(struct pm_state, gpe),
	CBX_FIELD(struct pm_state, smbus_interrupt),
	CBX_FIELD(struct pm_state, zero),
	CBX_FIELD_END
};

static const struct cbx_device_type pm_type = {
	.name = "piix4-pm",
	.version = 1,
	.size = sizeof(struct piix4_pm),
	.state_offset = offsetof(struct piix4_pm, state),
	.state_size = sizeof(struct pm_state),
	.fields = pm_fields,
	.reset = pm_reset,
	.check = pm_check
};

static void init_config(struct cbx_pci_function *function)
{
	/* Offset, width, default, writable bits. */
	static const struct {
		uint8_t offset, width;
		uint32_t initial, writable;
	} registers[] = {
		{ 0x04, 2, 0x0000, 0x0001 },
		{ 0x3c, 1, 9, 0xff },
		{ REG_PMBASE, 4, 0x00000001, 0x0000ffc0 },
		{ 0x44, 4, 0x00000000, 0xffffffff },            /* CNTA */
		{ 0x48, 4, 0x00000000, 0xffffffff },            /* CNTB */
		{ 0x4c, 4, 0x00000000, 0xffffffff },            /* GPICTL */
		{ 0x50, 4, 0x00000000, 0x00ffffff },            /* DEVRESD */
		{ 0x54, 4, 0x00000000, 0xffffffff },            /* DEVACTA */
		{ REG_DEVACTB, 4, 0x00000000, 0xffffffff },
		{ 0x5c, 4, 0x00000000, 0xffffffff },            /* DEVRESA */
		{ 0x60, 4, 0x90000000, 0xffffffff },            /* DEVRESB */
		{ 0x64, 4, 0x00000000, 0xffffffff },            /* DEVRESC */
		{ 0x68, 4, 0x00000000, 0xffffffff },            /* DEVRESE */
		{ 0x6c, 4, 0x00000000, 0xffffffff },            /* DEVRESF */
		{ 0x70, 4, 0x00000000, 0xffffffff },            /* DEVRESG */
		{ 0x74, 4, 0x00000000, 0xffffffff },            /* DEVRESH */
		{ 0x78, 4, 0x00000000, 0xffffffff },            /* DEVRESI */
		{ 0x7c, 4, 0x00000000, 0xffffffff },            /* DEVRESJ */
		{ REG_PMREGMISC, 1, 0x00, 0x01 },
		{ REG_SMBBA, 4, 0x00000001, 0x0000fff0 },
		{ REG_SMBHSTCFG, 4, 0x00000000, 0xffffff0f }    /* and SMBSLVC, SMBSHDW1, 2 */
	};

	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		cbx_pci_config_default(function, registers[i].offset, registers[i].width,
				       registers[i].initial);
		cbx_pci_config_writable(function, registers[i].offset, registers[i].width,
					registers[i].writable);
	}
}

enum cbx_status piix4_pm_new(struct cbx_machine *machine, struct cbx_pci_bus *bus,
			     struct cbx_line sci, struct piix4_pm **result)
{
	static const struct cbx_pci_options options = {
		.size = sizeof(options),
		.slot = 1,
		.function = 3,
		.vendor_id = 0x8086,
		.device_id = 0x7113,
		.subsystem_vendor_id = 0x1af4,
		.subsystem_id = 0x1100,
		.class_code = 0x068000,
		.revision = 0x03,
		.interrupt_pin = 1,     /* says the sheet, though the SCI has a wire of its own */
		.changed = pm_changed
	};
	struct cbx_device *device;
	struct piix4_pm *pm;
	enum cbx_status status = cbx_device_new(machine, &pm_type, &device);

	if (status != CBX_OK)
		return status;
	pm = (struct piix4_pm *)device;
	pm->sci = sci;
	status = cbx_timer_new(device, "overflow", pm_timer_fired, 0, &pm->timer);
	if (status == CBX_OK)
		status = piix4_smbus_new(machine, (struct cbx_line){ pm_smbus_interrupt, pm, 0 },
					 &pm->smbus);
	if (status == CBX_OK)
		status = cbx_pci_function_new(bus, device, &options, &pm->function);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0xb2, 2, &apm_io);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0xafe0, 4, &gpe_io);
	if (status != CBX_OK)
		return status;
	init_config(pm->function);
	*result = pm;
	return CBX_OK;
}
