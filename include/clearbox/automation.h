/*
 * Driving a machine without a person: waiting for what it shows, clicking, comparing pictures.
 * All of it counts in guest time, so that the same calls on the same machine always do the same.
 * Typing is cbx_type_text (input.h), the screen's text and pixels are in screen.h.
 */
#ifndef CLEARBOX_AUTOMATION_H
#define CLEARBOX_AUTOMATION_H

#include "machine.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Runs the machine until text (UTF-8, a part of one line) is on the screen of a text mode, and for
 * guest_nanoseconds at most; it looks every ten milliseconds of guest time, first before it runs at
 * all, so that 0 only looks.  stop (may be NULL) says how the last run ended.
 * Errors: CBX_ERROR_LIMIT (the time passed), CBX_ERROR_STATE (the run ended otherwise: see stop),
 * CBX_ERROR_UNSUPPORTED (no PC), CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_expect_screen(struct cbx_machine *machine, const char *text,
					  uint64_t guest_nanoseconds, struct cbx_stop *stop);

/*
 * The same for what the guest writes to serial port 0 to 3.  What was written since the last text
 * that was found counts, the last 16 KiB of it; text may reach over ends of lines.
 * Errors: as cbx_expect_screen.
 */
CBX_API enum cbx_status cbx_expect_serial(struct cbx_machine *machine, unsigned port,
					  const char *text, uint64_t guest_nanoseconds,
					  struct cbx_stop *stop);

/*
 * Moves the mouse by dx and dy counts, presses buttons (as in cbx_mouse) for 50 ms of guest time,
 * lets them go and runs 50 ms more.  Errors: CBX_ERROR_STATE (a run ended: see stop, which may be
 * NULL), CBX_ERROR_LIMIT (the guest takes no mouse data now), CBX_ERROR_UNSUPPORTED (no PC).
 */
CBX_API enum cbx_status cbx_click(struct cbx_machine *machine, int dx, int dy, unsigned buttons,
				  struct cbx_stop *stop);

/*
 * A hash of the picture, its size and all its pixels, for comparing with one that was looked at.
 * Errors: CBX_ERROR_UNSUPPORTED (no PC), CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_screen_hash(struct cbx_machine *machine, uint64_t *hash);

#ifdef __cplusplus
}
#endif
#endif
