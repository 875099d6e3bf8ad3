/* Handlers for memory operands without an index (op_plain.c). */
#ifndef CORE_CPU_PLAIN_H
#define CORE_CPU_PLAIN_H

#include "insn.h"

/* The shorter handler for record i, whose handler is any; any itself when there is none. */
insn_fn *plain_handler(insn_fn *any, const struct insn *i);
/* The same for SIMD rows (op_float_plain.c): legacy encodings, registers or such memory operands. */
insn_fn *plain_float_handler(insn_fn *any, const struct insn *i);

#endif
