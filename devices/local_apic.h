/* The processor's local APIC, and the interrupt messages that get to it. */
#ifndef DEVICES_LOCAL_APIC_H
#define DEVICES_LOCAL_APIC_H

#include <clearbox/device.h>

struct local_apic;

/* Delivery modes, as LVT, ICR, I/O APIC and MSI have them in bits 8-10. */
enum apic_mode {
	APIC_FIXED = 0, APIC_LOWEST = 1, APIC_SMI = 2, APIC_NMI = 4, APIC_INIT = 5,
	APIC_STARTUP = 6, APIC_EXTINT = 7
};

struct apic_message {
	uint8_t destination;
	uint8_t vector;
	uint8_t mode;                   /* enum apic_mode */
	bool logical;                   /* destination mode */
	bool level;                     /* trigger mode */
};

/* Whoever sends level-triggered interrupts: told when one ends, and when more may be accepted. */
struct apic_listener {
	void (*eoi)(void *target, uint8_t vector);
	void (*ready)(void *target);
	void *target;
};

/* CBX_ERROR_UNSUPPORTED: the processor model has none. */
enum cbx_status local_apic_new(struct cbx_machine *machine, struct local_apic **apic);
void local_apic_listen(struct local_apic *apic, const struct apic_listener *listener);
/* False: nobody accepts it (now). */
bool local_apic_message(struct local_apic *apic, const struct apic_message *message);
/* A write of 32 bits to FEE00000h-FEEFFFFFh by a bus master; target is the APIC. */
void local_apic_msi(void *target, uint64_t address, uint32_t data);

#endif
