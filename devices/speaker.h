/* Port 61h: the speaker's gate, and what else the PC's system control port B shows. */
#ifndef DEVICES_SPEAKER_H
#define DEVICES_SPEAKER_H

#include "pit.h"
#include "sound_mix.h"

struct speaker;

/* mix may be NULL. */
enum cbx_status speaker_new(struct cbx_machine *machine, struct pit *pit, struct sound_mix *mix,
			    struct speaker **speaker);

#endif
