/*
 * The processor's side of its local APIC, which is a device (include/clearbox/device.h):
 * what instructions and CPUID ask it.
 */
#ifndef CORE_CPU_LOCAL_APIC_H
#define CORE_CPU_LOCAL_APIC_H

#include "cpu.h"

/* Is there one that IA32_APIC_BASE enables?  (CPUID.1:EDX bit 9.) */
bool cpu_apic_enabled(const struct cpu *cpu);
/* IA32_APIC_BASE (1Bh), IA32_TSC_DEADLINE (6E0h), x2APIC (800h-8FFh); false: #GP(0) is recorded. */
bool cpu_apic_msr(struct cpu *cpu, uint32_t index, bool write, uint64_t *value);
/* CR8: bits 4-7 of the task priority; without an APIC a register that holds what is written. */
uint64_t cpu_apic_tpr_read(const struct cpu *cpu);
void cpu_apic_tpr_write(struct cpu *cpu, uint64_t value);
/* To be called after the guest changed what tsc_read gives. */
void cpu_apic_tsc_changed(struct cpu *cpu);
void cpu_apic_init(struct cpu *cpu);            /* INIT or RESET of the processor */

#endif
