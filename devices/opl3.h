/* The YMF262 (OPL3) FM synthesizer. */
#ifndef DEVICES_OPL3_H
#define DEVICES_OPL3_H

#include <clearbox/device.h>

#include "sound_mix.h"

struct opl3;

/* Answers at 388h to 38Bh.  mix may be NULL. */
enum cbx_status opl3_new(struct cbx_machine *machine, struct sound_mix *mix, struct opl3 **opl3);

/* Ports 0 to 3: for a card that shows the chip in other places, too. */
uint8_t opl3_read(struct opl3 *opl3, unsigned port);
void opl3_write(struct opl3 *opl3, unsigned port, uint8_t value);
/* How loud it is, in 65536ths; at first 65536.  Not state: whoever calls this has it. */
void opl3_set_gain(struct opl3 *opl3, int32_t left, int32_t right);

#endif
