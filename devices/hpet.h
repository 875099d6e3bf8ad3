/* The high precision event timers. */
#ifndef DEVICES_HPET_H
#define DEVICES_HPET_H

#include <clearbox/device.h>

struct hpet;

/* The low half of the identification register: three timers, 64 bits, legacy routes. */
#define HPET_ID UINT32_C(0x8086a201)

enum { HPET_TIMERS = 3, HPET_FIRST_PIN = 20, HPET_PINS = 4 };

/* Where interrupts go. */
struct hpet_wires {
	struct cbx_line legacy[2];      /* IRQ 0 and IRQ 8: the timer's and the clock's */
	struct cbx_line pins[HPET_PINS];        /* I/O APIC inputs from HPET_FIRST_PIN on */
	void (*message)(void *target, uint64_t address, uint32_t data);
	void *target;
};

enum cbx_status hpet_new(struct cbx_machine *machine, const struct hpet_wires *wires,
			 struct hpet **hpet);
/*
 * What the interval timer (0) and the real-time clock (1) drive: it goes on to IRQ 0 and 8
 * unless the guest gave these to the HPET.
 */
struct cbx_line hpet_legacy_line(struct hpet *hpet, unsigned which);

#endif
