/* isa-debug-exit: a guest ends the run with an exit code. */
#ifndef DEVICES_DEBUG_EXIT_H
#define DEVICES_DEBUG_EXIT_H

#include <clearbox/device.h>

enum cbx_status debug_exit_new(struct cbx_machine *machine, unsigned port, unsigned count);

#endif
