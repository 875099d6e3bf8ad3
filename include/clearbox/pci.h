/*
 * PCI functions: configuration space, base address registers, interrupt pins.
 *
 * A device becomes a PCI function by making one of these beside itself: the function
 * holds and saves the configuration space, answers configuration cycles, and puts the
 * device's ports and regions where the guest's BARs say.  All else about the device
 * (handlers, state, reset) works as device.h describes.
 */
#ifndef CLEARBOX_PCI_H
#define CLEARBOX_PCI_H

#include "device.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cbx_pci_bus;
struct cbx_pci_function;

/* The PC's bus 0, to which an embedder adds devices before the first run; NULL: none. */
CBX_API struct cbx_pci_bus *cbx_pc_pci_bus(struct cbx_machine *machine);

/*
 * One base address register.  size is a power of two, 0 for no register: 4 to 256 for
 * ports, at least 4096 for memory.  Set one of ports and region.
 */
struct cbx_pci_bar {
	uint32_t size;
	const struct cbx_io *ports;     /* handlers that get the device; offsets from the BAR's base */
	struct cbx_region *region;      /* a region of this size that the device made */
	bool prefetchable;              /* memory only */
};

enum { CBX_PCI_FREE_SLOT = 0xff };

/* Set size to sizeof(struct cbx_pci_options). */
struct cbx_pci_options {
	size_t size;
	unsigned slot;                  /* 0-31, or CBX_PCI_FREE_SLOT: the lowest free one */
	unsigned function;              /* 0-7; functions of one slot need multifunction in function 0 */
	bool multifunction;
	uint16_t vendor_id, device_id;
	uint16_t subsystem_vendor_id, subsystem_id;
	uint32_t class_code;            /* 24 bits: base class, subclass, interface */
	uint8_t revision;
	uint8_t interrupt_pin;          /* 0: none, 1-4: INTA# to INTD# */
	struct cbx_pci_bar bars[6];
	struct cbx_pci_bar rom;         /* the expansion ROM: region and size only */
	/*
	 * Configuration bytes first ... first + count - 1 may have changed: a guest's write
	 * (after it took effect), a reset or a load (first 0, count 256).  May be NULL.  The
	 * device may place regions and map ports here, but set no lines and no timers when
	 * count is 256.
	 */
	void (*changed)(struct cbx_device *device, unsigned first, unsigned count);
};

/*
 * Makes device answer configuration cycles on this bus.  options is copied, as are the
 * pointers in it.  Errors: CBX_ERROR_ARGUMENT (a size, slot or pin out of range),
 * CBX_ERROR_LIMIT (slot taken, none free), CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_pci_function_new(struct cbx_pci_bus *bus, struct cbx_device *device,
					     const struct cbx_pci_options *options,
					     struct cbx_pci_function **function);

/*
 * Configuration registers of the device's own; to be set up right after creation.
 * offset + width must be at most 256, width 1, 2 or 4; other calls do nothing.
 * default: the value after reset.  writable: bits the guest can write.  clearable: bits
 * that the guest clears by writing ones.
 */
CBX_API void cbx_pci_config_default(struct cbx_pci_function *function, unsigned offset,
				    unsigned width, uint32_t value);
CBX_API void cbx_pci_config_writable(struct cbx_pci_function *function, unsigned offset,
				     unsigned width, uint32_t bits);
CBX_API void cbx_pci_config_clearable(struct cbx_pci_function *function, unsigned offset,
				      unsigned width, uint32_t bits);

/* The device's own look at a register, and its own change of one (all bits; no callback). */
CBX_API uint32_t cbx_pci_config_read(const struct cbx_pci_function *function, unsigned offset,
				     unsigned width);
CBX_API void cbx_pci_config_write(struct cbx_pci_function *function, unsigned offset,
				  unsigned width, uint32_t value);

/* Bits of the command register (offset 4). */
enum { CBX_PCI_IO = 1, CBX_PCI_MEMORY = 2, CBX_PCI_MASTER = 4, CBX_PCI_INTX_OFF = 0x400 };

/*
 * Drives the function's interrupt pin; lines are shared and level triggered.  While the guest
 * has MSI enabled the pin stays as it is, and each rise sends message 0.
 */
CBX_API void cbx_pci_set_irq(struct cbx_pci_function *function, bool level);

/*
 * Adds an MSI capability (64-bit address, a mask bit for each message) of 24 bytes at offset, a
 * multiple of 4 from 40h to E8h, with 1, 2, 4, 8, 16 or 32 messages; to be called once, right after
 * creation.  Errors: CBX_ERROR_ARGUMENT.
 */
CBX_API enum cbx_status cbx_pci_msi_new(struct cbx_pci_function *function, unsigned offset,
					unsigned messages);
/* Has the guest enabled MSI, and for how many messages?  0: it uses the interrupt pin. */
CBX_API unsigned cbx_pci_msi_messages(const struct cbx_pci_function *function);
/* Sends a message, or notes it as pending while it is masked; not enabled: does nothing. */
CBX_API void cbx_pci_msi_send(struct cbx_pci_function *function, unsigned message);

#ifdef __cplusplus
}
#endif
#endif
