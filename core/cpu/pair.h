/* Handlers that jump straight to that of the next record (op_pair.c). */
#ifndef CORE_CPU_PAIR_H
#define CORE_CPU_PAIR_H

#include "insn.h"

/* Gives the records of a block, up to end, such handlers where there are any. */
void pair_block(struct insn *first, struct insn *end);

#endif
