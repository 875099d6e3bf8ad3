/* What the handlers of system instructions share. */
#ifndef CORE_CPU_OP_SYSTEM_H
#define CORE_CPU_OP_SYSTEM_H

#include "insn.h"
#include "system.h"

/* Goes on at cpu->rip after i, with a look at what may have to happen first. */
const struct insn *system_proceed(struct cpu *cpu, const struct insn *i);

static INLINE bool privileged(const struct cpu *cpu)
{
	return cpu->cpl == 0;
}

static INLINE uint64_t rip_after(const struct cpu *cpu, const struct insn *i)
{
	return next_ip(i) & cpu->linear_mask;
}

#endif
