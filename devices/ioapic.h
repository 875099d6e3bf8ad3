/* The I/O APIC. */
#ifndef DEVICES_IOAPIC_H
#define DEVICES_IOAPIC_H

#include <clearbox/device.h>

#include "local_apic.h"

struct ioapic;

enum { IOAPIC_PINS = 24 };

/* Sends to this local APIC and listens to it. */
enum cbx_status ioapic_new(struct cbx_machine *machine, struct local_apic *local,
			   struct ioapic **ioapic);
/* An input (0-23); its level says whether a request is asserted, whatever the wire's polarity. */
struct cbx_line ioapic_line(struct ioapic *ioapic, unsigned pin);

#endif
