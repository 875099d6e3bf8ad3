/* The PCI bus as its bridges see it; functions are in the public <clearbox/pci.h>. */
#ifndef DEVICES_PCI_H
#define DEVICES_PCI_H

#include <clearbox/pci.h>

enum cbx_status pci_bus_new(struct cbx_machine *machine, struct cbx_pci_bus **bus);

/* Where PIRQA# to PIRQD# (0-3) go: the ISA bridge.  INTx of slot s is PIRQ (s + x - 1) & 3, x from 0. */
void pci_bus_connect_pirq(struct cbx_pci_bus *bus, unsigned pirq, struct cbx_line line);

/*
 * Where messages (MSI) go that are for the interrupt controllers: writes of 32 bits to
 * FEE00000h-FEEFFFFFh.
 */
void pci_bus_connect_msi(struct cbx_pci_bus *bus,
			 void (*msi)(void *target, uint64_t address, uint32_t data), void *target);

/* Port CF9h lies among the ports of configuration mechanism #1, so it is reached through the bus. */
struct pci_reset_control {
	uint8_t (*read)(struct cbx_device *device);
	void (*write)(struct cbx_device *device, uint8_t value);
	struct cbx_device *device;
};
void pci_bus_connect_reset_control(struct cbx_pci_bus *bus, const struct pci_reset_control *control);

#endif
