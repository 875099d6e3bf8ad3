/* The 8254 timer and port 61h's view of it. */
#ifndef DEVICES_PIT_H
#define DEVICES_PIT_H

#include <clearbox/device.h>

struct pit;

/* out0 is counter 0's output: IRQ 0. */
enum cbx_status pit_new(struct cbx_machine *machine, struct cbx_line out0, struct pit **pit);

/* Counter 2's gate; those of 0 and 1 are tied high. */
void pit_set_gate2(struct pit *pit, bool level);
/* The level of counter 0, 1 or 2's output now. */
bool pit_output(const struct pit *pit, unsigned counter);

#endif
