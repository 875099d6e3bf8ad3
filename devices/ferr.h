/* The PC's coprocessor error latch: FERR# to IRQ 13, port F0h to IGNNE#. */
#ifndef DEVICES_FERR_H
#define DEVICES_FERR_H

#include <clearbox/device.h>

enum cbx_status ferr_new(struct cbx_machine *machine, struct cbx_line irq13);

#endif
