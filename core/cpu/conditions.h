/* The sixteen conditions of Jcc, SETcc and CMOVcc (SDM 1, appendix B). */
#ifndef CORE_CPU_CONDITIONS_H
#define CORE_CPU_CONDITIONS_H

#include "flags.h"

static INLINE bool condition_O(const struct cpu *cpu) { return flag_of(cpu); }
static INLINE bool condition_NO(const struct cpu *cpu) { return !flag_of(cpu); }
static INLINE bool condition_B(const struct cpu *cpu) { return flag_cf(cpu); }
static INLINE bool condition_NB(const struct cpu *cpu) { return !flag_cf(cpu); }
static INLINE bool condition_Z(const struct cpu *cpu) { return flag_zf(cpu); }
static INLINE bool condition_NZ(const struct cpu *cpu) { return !flag_zf(cpu); }
static INLINE bool condition_BE(const struct cpu *cpu) { return (unsigned)flag_cf(cpu) | flag_zf(cpu); }
static INLINE bool condition_NBE(const struct cpu *cpu) { return !condition_BE(cpu); }
static INLINE bool condition_S(const struct cpu *cpu) { return flag_sf(cpu); }
static INLINE bool condition_NS(const struct cpu *cpu) { return !flag_sf(cpu); }
static INLINE bool condition_P(const struct cpu *cpu) { return flag_pf(cpu); }
static INLINE bool condition_NP(const struct cpu *cpu) { return !flag_pf(cpu); }
static INLINE bool condition_L(const struct cpu *cpu) { return flag_sf(cpu) ^ flag_of(cpu); }
static INLINE bool condition_NL(const struct cpu *cpu) { return !condition_L(cpu); }
static INLINE bool condition_LE(const struct cpu *cpu) { return (unsigned)condition_L(cpu) | flag_zf(cpu); }
static INLINE bool condition_NLE(const struct cpu *cpu) { return !condition_LE(cpu); }

#define CONDITIONS(X)                                                                           \
	X(O, condition_O) X(NO, condition_NO) X(B, condition_B) X(NB, condition_NB)             \
	X(Z, condition_Z) X(NZ, condition_NZ) X(BE, condition_BE) X(NBE, condition_NBE)         \
	X(S, condition_S) X(NS, condition_NS) X(P, condition_P) X(NP, condition_NP)             \
	X(L, condition_L) X(NL, condition_NL) X(LE, condition_LE) X(NLE, condition_NLE)

#endif
