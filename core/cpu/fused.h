/* Records that run two instructions (op_fused.c). */
#ifndef CORE_CPU_FUSED_H
#define CORE_CPU_FUSED_H

#include "insn.h"

/*
 * The handler for a record whose own handler is first and which a conditional branch with
 * this condition (the opcode's low four bits) follows; NULL: there is none.
 */
insn_fn *fused_handler(insn_fn *first, unsigned condition);

#endif
