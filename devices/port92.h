/* Port 92h: fast A20 and fast processor reset. */
#ifndef DEVICES_PORT92_H
#define DEVICES_PORT92_H

#include <clearbox/device.h>

struct port92;

/* a20: the port's A20 bit as a wire. */
enum cbx_status port92_new(struct cbx_machine *machine, struct cbx_line a20,
			   struct port92 **port92);
/* Tells the port of a change of A20 made elsewhere. */
void port92_set_a20(struct port92 *port92, bool enabled);

#endif
