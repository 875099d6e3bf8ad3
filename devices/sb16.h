/* Sound Blaster 16. */
#ifndef DEVICES_SB16_H
#define DEVICES_SB16_H

#include <clearbox/pc.h>

#include "dma.h"
#include "opl3.h"
#include "sound_mix.h"

struct sb16;

struct sb16_wires {
	struct cbx_line irqs[16];       /* used: 5, 7, 9, 10 */
	struct dma *dma;
	struct opl3 *opl3;              /* also seen at the card's ports */
	struct sound_mix *mix;          /* may be NULL */
};

/* Errors: CBX_ERROR_ARGUMENT (a port, an IRQ or a DMA channel that the card does not have). */
enum cbx_status sb16_new(struct cbx_machine *machine, const struct sb16_wires *wires,
			 const struct cbx_sound_card_options *options, struct sb16 **sb16);

#endif
