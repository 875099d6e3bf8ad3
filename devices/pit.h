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

/*
 * For whoever makes a sound of counter 2: its output, followed through past clock pulses.
 * changing is called before the counter is programmed; by then pit_follow must be called until it
 * gives false, since it cannot know what was before.  pit_follow gives the level for so many pulses
 * from where it got to last: up to the next change (each: false: whatever changes), but at most to
 * now; false: it is there, and *level is that of the pulse that has begun.
 */
void pit_connect_follower(struct pit *pit, void (*changing)(void *user), void *user);
bool pit_follow(struct pit *pit, bool each, uint64_t *pulses, bool *level);
/* Forgets what was before now. */
void pit_follow_restart(struct pit *pit);
/* Will the output stay as it is until the counter is programmed? */
bool pit_follow_still(const struct pit *pit);

#endif
