/*
 * What a person or a wire does to the machine.  Called while the machine is not running, or from
 * inside a backend or a hook; each call takes effect before the next instruction.  A disk is read
 * while a past is repeated (history.h), too: what it gives then comes from the history, and the call
 * is refused with CBX_ERROR_STATE.
 */
#ifndef CLEARBOX_INPUT_H
#define CLEARBOX_INPUT_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A key goes down or up.  key is the USB HID usage (page 07h): 04h is A, 28h Enter,
 * E0h-E7h the modifiers, 48h Pause, 46h Print Screen.  Unknown usages are
 * CBX_ERROR_ARGUMENT.  CBX_ERROR_LIMIT: the keyboard's queue is full, try later.
 */
CBX_API enum cbx_status cbx_key(struct cbx_machine *machine, unsigned key, bool down);

/*
 * Types text as on a US keyboard, all at once into a queue that the keyboard empties
 * in guest time.  Bytes that no key makes are left out.  CBX_ERROR_LIMIT: no room.
 */
CBX_API enum cbx_status cbx_type_text(struct cbx_machine *machine, const char *text);

/* Mouse movement in counts (right and down are positive), wheel steps (away is negative), buttons:
   bit 0 left, 1 right, 2 middle.  Errors: CBX_ERROR_UNSUPPORTED (not a PC). */
CBX_API enum cbx_status cbx_mouse(struct cbx_machine *machine, int dx, int dy, int wheel,
				  unsigned buttons);

/*
 * Bytes arrive at serial port 0-3.  *taken says how many found room.
 * Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_UNSUPPORTED (not a PC).
 */
CBX_API enum cbx_status cbx_serial_input(struct cbx_machine *machine, unsigned port,
					 const void *bytes, size_t count, size_t *taken);

/* The power button (ACPI).  Errors: CBX_ERROR_UNSUPPORTED (not a PC). */
CBX_API enum cbx_status cbx_power_button(struct cbx_machine *machine);
/*
 * The reset button: before the next instruction the processor and all devices are reset, memory stays.
 * Errors: CBX_ERROR_UNSUPPORTED (not a PC).
 */
CBX_API enum cbx_status cbx_reset_button(struct cbx_machine *machine);

#ifdef __cplusplus
}
#endif
#endif
