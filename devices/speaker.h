/* Port 61h: the speaker's gate, and what else the PC's system control port B shows. */
#ifndef DEVICES_SPEAKER_H
#define DEVICES_SPEAKER_H

#include "pit.h"

struct speaker;

enum cbx_status speaker_new(struct cbx_machine *machine, struct pit *pit,
			    struct speaker **speaker);

#endif
