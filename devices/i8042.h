/* The 8042 keyboard controller with its two PS/2 ports. */
#ifndef DEVICES_I8042_H
#define DEVICES_I8042_H

#include <clearbox/device.h>

struct i8042;
struct ps2_keyboard;
struct ps2_mouse;

/*
 * irq1 and irq12: keyboard and mouse.  a20: the A20 gate's output pin (true: enabled).
 */
enum cbx_status i8042_new(struct cbx_machine *machine, struct cbx_line irq1, struct cbx_line irq12,
			  struct cbx_line a20, struct i8042 **controller);

struct ps2_keyboard *i8042_keyboard(struct i8042 *controller);
struct ps2_mouse *i8042_mouse(struct i8042 *controller);

/* Tells the controller of a change of A20 made elsewhere, so that its output port shows it. */
void i8042_set_a20(struct i8042 *controller, bool enabled);

#endif
