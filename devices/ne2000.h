/* NE2000 network cards: on ISA, and on PCI as the RTL8029AS. */
#ifndef DEVICES_NE2000_H
#define DEVICES_NE2000_H

#include <clearbox/backend.h>
#include <clearbox/device.h>
#include <clearbox/pci.h>

struct ne2000;

enum cbx_status ne2000_isa_new(struct cbx_machine *machine, unsigned base, struct cbx_line irq,
			       const uint8_t mac[6], const struct cbx_network_backend *wire,
			       struct ne2000 **card);
/* rom: NULL if it has none; its size is a power of two and at least 4096 */
enum cbx_status ne2000_pci_new(struct cbx_machine *machine, struct cbx_pci_bus *bus,
			       const uint8_t mac[6], const struct cbx_network_backend *wire,
			       struct cbx_ram *rom, struct ne2000 **card);
bool ne2000_receive(struct ne2000 *card, const uint8_t *frame, size_t count);
bool ne2000_has_room(const struct ne2000 *card);

#endif
