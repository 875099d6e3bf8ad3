/* Flags that nobody can see (op_quiet.c). */
#ifndef CORE_CPU_QUIET_H
#define CORE_CPU_QUIET_H

#include "insn.h"

/* Gives the records of a block, up to end, handlers that leave out flags nobody looks at. */
void quiet_block(struct insn *first, struct insn *end);

#endif
