/*
 * 82441FX PCI and memory controller (PMC), PCI 0:0.0, 8086:1237.
 *
 * Intel 290549, section 3.2.  What matters to guests: PAM registers 59h-5Fh choose for
 * 13 areas between C0000h and FFFFFh whether reads and writes go to DRAM or on to PCI
 * (where the ROMs are), and SMRAM 72h opens the DRAM behind the VGA window, always or in system
 * management mode only (data as well as code, whatever D_CLS says).  DRAM
 * timing and row registers only hold what is written.
 */
#include "i440fx.h"

enum { REG_PAM0 = 0x59, REG_SMRAM = 0x72 };
enum { SMRAM_ENABLED = 0x08, SMRAM_LOCKED = 0x10, SMRAM_CLOSED = 0x20, SMRAM_OPEN = 0x40 };
enum { PAM_AREAS = 13 };

struct i440fx_state {
	bool smram_locked;      /* D_LCK: until power-on, SMRAM cannot be opened */
};

struct i440fx {
	struct cbx_device device;
	struct cbx_pci_function *function;
	struct cbx_region *low, *high, *above_4g, *smram;
	struct cbx_region *pam[PAM_AREAS];
	uint8_t pam_access[PAM_AREAS];  /* derived: how they are placed */
	bool smram_open;                /* derived */
	bool in_smm;                    /* derived: the processor is in system management mode */
	struct i440fx_state state;
};

/* Areas in the order of the register nibbles, from the high one of 59h on. */
static uint32_t pam_base(unsigned area)
{
	return area == 0 ? 0xf0000 : 0xc0000 + 0x4000 * (area - 1);
}

static uint32_t pam_size(unsigned area)
{
	return area == 0 ? 0x10000 : 0x4000;
}

static void i440fx_place(struct i440fx *i440fx)
{
	uint32_t smram = cbx_pci_config_read(i440fx->function, REG_SMRAM, 1);
	bool open = (smram & SMRAM_ENABLED) && ((smram & SMRAM_OPEN) || i440fx->in_smm);

	for (unsigned area = 0; area < PAM_AREAS; area++) {
		unsigned nibble = area + 1;
		uint32_t byte = cbx_pci_config_read(i440fx->function, REG_PAM0 + nibble / 2, 1);
		uint8_t access = byte >> (nibble & 1 ? 4 : 0) & 3;

		if (access == i440fx->pam_access[area])
			continue;
		i440fx->pam_access[area] = access;
		cbx_region_place(i440fx->pam[area], pam_base(area),
				 (access & 1 ? CBX_REGION_READ : 0) |
				 (access & 2 ? CBX_REGION_WRITE : 0), I440FX_RAM_PRIORITY);
	}
	if (open != i440fx->smram_open) {
		i440fx->smram_open = open;
		cbx_region_place(i440fx->smram, 0xa0000,
				 open ? CBX_REGION_READ | CBX_REGION_WRITE : 0,
				 I440FX_RAM_PRIORITY);
	}
}

static void i440fx_update_lock(struct i440fx *i440fx)
{
	uint32_t smram = cbx_pci_config_read(i440fx->function, REG_SMRAM, 1);

	if (smram & SMRAM_LOCKED)
		i440fx->state.smram_locked = true;
	if (i440fx->state.smram_locked) {
		smram = (smram | SMRAM_LOCKED) & (uint32_t)~SMRAM_OPEN;
		cbx_pci_config_write(i440fx->function, REG_SMRAM, 1, smram);
	}
	cbx_pci_config_writable(i440fx->function, REG_SMRAM, 1,
				i440fx->state.smram_locked ? SMRAM_CLOSED
				: SMRAM_OPEN | SMRAM_CLOSED | SMRAM_LOCKED | SMRAM_ENABLED);
}

static void i440fx_changed(struct cbx_device *device, unsigned first, unsigned count)
{
	struct i440fx *i440fx = (struct i440fx *)device;

	if (first + count <= REG_PAM0 || first > REG_SMRAM)
		return;
	i440fx_update_lock(i440fx);
	i440fx_place(i440fx);
}

static void i440fx_smm_changed(struct cbx_device *device, bool in_smm)
{
	struct i440fx *i440fx = (struct i440fx *)device;

	i440fx->in_smm = in_smm;
	i440fx_place(i440fx);
}

static void i440fx_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	(void)kind;
	((struct i440fx *)device)->state.smram_locked = false;
}

static const struct cbx_field i440fx_fields[] = {
	CBX_FIELD(struct i440fx_state, smram_locked),
	CBX_FIELD_END
};

static const struct cbx_device_type i440fx_type = {
	.name = "i440fx",
	.version = 1,
	.size = sizeof(struct i440fx),
	.state_offset = offsetof(struct i440fx, state),
	.state_size = sizeof(struct i440fx_state),
	.fields = i440fx_fields,
	.reset = i440fx_reset
};

static enum cbx_status map_ram(struct i440fx *i440fx, struct cbx_ram *ram)
{
	enum { BOTH = CBX_REGION_READ | CBX_REGION_WRITE };
	struct cbx_device *device = &i440fx->device;
	uint64_t size = cbx_ram_size(ram);
	uint64_t low_end = size < I440FX_LOW_RAM_BYTES ? size : I440FX_LOW_RAM_BYTES;
	enum cbx_status status;

	/* The legacy area must be there in full; the PC's constructor asks for more. */
	if (size < 0x100000)
		return CBX_ERROR_ARGUMENT;
	status = cbx_region_new_ram(device, ram, 0, 0xa0000, &i440fx->low);
	if (status != CBX_OK)
		return status;
	cbx_region_place(i440fx->low, 0, BOTH, 0);
	if (low_end > 0x100000) {
		status = cbx_region_new_ram(device, ram, 0x100000, low_end - 0x100000,
					    &i440fx->high);
		if (status != CBX_OK)
			return status;
		cbx_region_place(i440fx->high, 0x100000, BOTH, 0);
	}
	if (size > low_end) {
		status = cbx_region_new_ram(device, ram, low_end, size - low_end,
					    &i440fx->above_4g);
		if (status != CBX_OK)
			return status;
		cbx_region_place(i440fx->above_4g, UINT64_C(1) << 32, BOTH, 0);
	}
	for (unsigned area = 0; area < PAM_AREAS; area++) {
		status = cbx_region_new_ram(device, ram, pam_base(area), pam_size(area),
					    &i440fx->pam[area]);
		if (status != CBX_OK)
			return status;
	}
	return cbx_region_new_ram(device, ram, 0xa0000, 0x20000, &i440fx->smram);
}

enum cbx_status i440fx_new(struct cbx_machine *machine, struct cbx_pci_bus *bus,
			   struct cbx_ram *ram, struct i440fx **result)
{
	static const struct cbx_pci_options options = {
		.size = sizeof(options),
		.vendor_id = 0x8086,
		.device_id = 0x1237,
		.subsystem_vendor_id = 0x1af4,  /* firmware tells the emulated board by this */
		.subsystem_id = 0x1100,
		.class_code = 0x060000,
		.revision = 0x02,
		.changed = i440fx_changed
	};
	struct cbx_device *device;
	struct i440fx *i440fx;
	enum cbx_status status = cbx_device_new(machine, &i440fx_type, &device);

	if (status != CBX_OK)
		return status;
	i440fx = (struct i440fx *)device;
	status = map_ram(i440fx, ram);
	if (status != CBX_OK)
		return status;
	status = cbx_pci_function_new(bus, device, &options, &i440fx->function);
	if (status != CBX_OK)
		return status;
	cbx_pci_config_default(i440fx->function, 0x04, 2, 0x0006);
	cbx_pci_config_writable(i440fx->function, 0x04, 2, 0x0140);
	cbx_pci_config_writable(i440fx->function, 0x50, 4, 0xffffffff);         /* PMCCFG, DETURBO, DBC */
	cbx_pci_config_writable(i440fx->function, 0x54, 4, 0xffffffff);         /* AXC, DRT, DRAMC */
	cbx_pci_config_default(i440fx->function, 0x57, 1, 0x01);
	cbx_pci_config_writable(i440fx->function, 0x58, 1, 0xff);               /* DRAMT */
	cbx_pci_config_default(i440fx->function, 0x58, 1, 0x10);
	cbx_pci_config_writable(i440fx->function, 0x59, 1, 0x30);               /* PAM0: F0000h */
	cbx_pci_config_writable(i440fx->function, 0x5a, 2, 0x3333);
	cbx_pci_config_writable(i440fx->function, 0x5c, 4, 0x33333333);
	cbx_pci_config_writable(i440fx->function, 0x60, 4, 0xffffffff);         /* DRB0-7 */
	cbx_pci_config_writable(i440fx->function, 0x64, 4, 0xffffffff);
	cbx_pci_config_writable(i440fx->function, 0x68, 1, 0xc0);               /* FDHC */
	cbx_pci_config_writable(i440fx->function, 0x70, 2, 0xf8ff);             /* MTT, CLT */
	cbx_pci_config_default(i440fx->function, 0x71, 1, 0x10);
	cbx_pci_config_default(i440fx->function, REG_SMRAM, 1, 0x02);
	cbx_pci_config_writable(i440fx->function, 0x90, 1, 0xff);               /* ERRCMD */
	cbx_pci_config_clearable(i440fx->function, 0x91, 1, 0x11);              /* ERRSTS */
	i440fx_update_lock(i440fx);
	cbx_cpu_connect_smram(device, i440fx_smm_changed);
	*result = i440fx;
	return CBX_OK;
}
