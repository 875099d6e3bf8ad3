/* The PIIX4's SMBus host controller, with nothing on the bus. */
#ifndef DEVICES_PIIX4_SMBUS_H
#define DEVICES_PIIX4_SMBUS_H

#include <clearbox/device.h>

struct piix4_smbus;

enum cbx_status piix4_smbus_new(struct cbx_machine *machine, struct cbx_line interrupt,
				struct piix4_smbus **smbus);

/* Puts its 16 ports at base; 0: nowhere.  interrupt: SMBHSTCFG says that interrupts are IRQ 9. */
void piix4_smbus_place(struct piix4_smbus *smbus, uint32_t base, bool interrupt);
/* Drives the interrupt line again after its routing changed. */
void piix4_smbus_update(struct piix4_smbus *smbus);

#endif
