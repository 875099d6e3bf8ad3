/* The PIIX3's ISA bridge: PCI interrupt routing and the reset control register. */
#ifndef DEVICES_PIIX3_H
#define DEVICES_PIIX3_H

#include "pci.h"

struct piix3;

/* Slot 1, function 0 of the bus.  inputs: the 16 inputs of the interrupt controller pair. */
enum cbx_status piix3_new(struct cbx_machine *machine, struct cbx_pci_bus *bus,
			  const struct cbx_line inputs[16], struct piix3 **piix3);

/*
 * Interrupt line 0-15 for a device that is not on PCI.  An input of the controller has
 * one driver, so those that PIRQs can be routed to (3-7, 9-12, 14, 15) are wired through
 * here: the input is high while this line or a PIRQ that is routed to it is.
 */
struct cbx_line piix3_irq_line(struct piix3 *piix3, unsigned irq);
/* PIRQA# to PIRQD# (0-3): what piix3_new connected to the bus. */
struct cbx_line piix3_pirq_line(struct piix3 *piix3, unsigned pirq);

#endif
