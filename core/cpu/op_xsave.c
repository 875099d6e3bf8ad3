/* MXCSR. */
#include "op_float.h"

/* ---- MXCSR --------------------------------------------------------------------------------------- */

/* #GP for bits that it does not have; flags that meet their mask raise nothing before the next operation. */
static NOINLINE bool ldmxcsr(struct cpu *cpu, const struct insn *i)
{
	uint64_t value;

	if (!vector_load(cpu, i, 4, &value))
		return false;
	if (value & ~(uint64_t)MXCSR_BITS)
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	cpu->mxcsr = (uint32_t)value;
	return true;
}
HANDLER_OF(op_LDMXCSR_Wss_m, ldmxcsr)

HANDLER(op_STMXCSR_Wss_m)
{
	if (!store32(cpu, i, ea(cpu, i), cpu->mxcsr))
		return cpu_fault(cpu, i);
	NEXT(cpu, i);
}
