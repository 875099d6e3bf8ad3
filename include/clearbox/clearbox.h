/* All of Clearbox's public headers. */
#ifndef CLEARBOX_CLEARBOX_H
#define CLEARBOX_CLEARBOX_H

#include "automation.h"
#include "backend.h"
#include "debug.h"
#include "device.h"
#include "gdb.h"
#include "history.h"
#include "input.h"
#include "inspect.h"
#include "machine.h"
#include "overlay.h"
#include "pc.h"
#include "pci.h"
#include "screen.h"
#include "state.h"
#include "types.h"

#endif
