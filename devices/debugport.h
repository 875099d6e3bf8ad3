/* Ports E9h and 402h: characters for whoever debugs firmware. */
#ifndef DEVICES_DEBUGPORT_H
#define DEVICES_DEBUGPORT_H

#include <clearbox/backend.h>
#include <clearbox/device.h>

enum cbx_status debugport_new(struct cbx_machine *machine,
			      const struct cbx_character_backend *output);

#endif
