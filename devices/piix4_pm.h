/* The PIIX4's power management function: ACPI registers, SMBus, APM ports. */
#ifndef DEVICES_PIIX4_PM_H
#define DEVICES_PIIX4_PM_H

#include "pci.h"

struct piix4_pm;

/* Slot 1, function 3 of the bus.  sci: the ACPI interrupt, level triggered, IRQ 9 in a PC. */
enum cbx_status piix4_pm_new(struct cbx_machine *machine, struct cbx_pci_bus *bus,
			     struct cbx_line sci, struct piix4_pm **pm);

/* Somebody presses the power button. */
void piix4_pm_power_button(struct piix4_pm *pm);

/* What a guest writes to SMI_CMD (port B2h) to switch the SCI on and off: for the FADT. */
enum { PIIX4_PM_ACPI_ENABLE = 0xf1, PIIX4_PM_ACPI_DISABLE = 0xf0 };
/* SLP_TYP values: soft-off (_S5), and suspend to disk (_S4), which switches off as well. */
enum { PIIX4_PM_SLEEP_SOFT_OFF = 0, PIIX4_PM_SLEEP_SUSPEND_TO_DISK = 2 };

#endif
