/* The 8259A interrupt controller pair with the ELCR registers. */
#ifndef DEVICES_PIC_H
#define DEVICES_PIC_H

#include <clearbox/device.h>

struct pic;

enum cbx_status pic_new(struct cbx_machine *machine, struct pic **pic);

/* Input 0-15 of the pair (2 is the cascade and goes nowhere).  Each input has one driver. */
struct cbx_line pic_line(struct pic *pic, unsigned irq);

#endif
