/* The PC's parallel port with a printer that takes every byte. */
#ifndef DEVICES_PARALLEL_H
#define DEVICES_PARALLEL_H

#include <clearbox/backend.h>
#include <clearbox/device.h>

struct parallel;

enum cbx_status parallel_new(struct cbx_machine *machine, unsigned base, struct cbx_line irq,
			     const struct cbx_character_backend *printer,
			     struct parallel **parallel);

#endif
