/*
 * Arithmetic flags, kept lazily in two words.
 *
 *   flag_result  the last result, sign-extended to 64 bits.  ZF: it is 0.
 *   flag_carry   bit 31  CF
 *                bit 30  CF xor OF (the carry into the sign bit)
 *                bit 3   AF
 *                bit 0   SF differs from the sign of flag_result
 *                bits 8-15  are xored into the low byte of flag_result for PF
 * The last two make every combination of flags representable (POPF, SAHF).
 *
 * For add and subtract, carries is the vector of carries out of each bit; its bits
 * W-1, W-2 and 3 are all that is needed.
 */
#ifndef CORE_CPU_FLAGS_H
#define CORE_CPU_FLAGS_H

#include "cpu.h"

static INLINE bool flag_cf(const struct cpu *cpu) { return cpu->flag_carry >> 31; }
static INLINE bool flag_of(const struct cpu *cpu)
{
	return (cpu->flag_carry ^ cpu->flag_carry << 1) >> 31;
}
static INLINE bool flag_zf(const struct cpu *cpu) { return cpu->flag_result == 0; }
static INLINE bool flag_sf(const struct cpu *cpu)
{
	return (cpu->flag_result < 0) ^ (cpu->flag_carry & 1);
}
static INLINE bool flag_af(const struct cpu *cpu) { return cpu->flag_carry >> 3 & 1; }
static INLINE bool flag_pf(const struct cpu *cpu)
{
	uint32_t v = ((uint32_t)cpu->flag_result ^ cpu->flag_carry >> 8) & 0xff;

	v ^= v >> 4;
	return !(0x6996 >> (v & 15) & 1);
}

/* All six at once, as EFLAGS bits. */
static inline uint32_t flags_arithmetic(const struct cpu *cpu)
{
	return (flag_cf(cpu) ? FLAG_CF : 0u) | (flag_pf(cpu) ? FLAG_PF : 0u) |
	       (flag_af(cpu) ? FLAG_AF : 0u) | (flag_zf(cpu) ? FLAG_ZF : 0u) |
	       (flag_sf(cpu) ? FLAG_SF : 0u) | (flag_of(cpu) ? FLAG_OF : 0u);
}

static inline void flags_set_arithmetic(struct cpu *cpu, uint32_t flags)
{
	/* Result 0 or 1 by ZF; then SF is bit 0, and PF by the parity of the low byte. */
	bool zf = flags & FLAG_ZF, pf = flags & FLAG_PF, cf = flags & FLAG_CF;
	bool of = flags & FLAG_OF;
	bool parity_even = zf;          /* of 0: even; of 1: odd */

	cpu->flag_result = !zf;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30 |
			  (flags & FLAG_AF ? 8u : 0u) | (flags & FLAG_SF ? 1u : 0u) |
			  (pf != parity_even ? 0x100u : 0u);
}

/* The whole EFLAGS register. */
static inline uint64_t flags_get(const struct cpu *cpu)
{
	return (cpu->eflags & ~(uint64_t)FLAGS_ARITHMETIC) | flags_arithmetic(cpu) | FLAG_1;
}

/* Sets every bit of EFLAGS; the caller has checked what may change, and calls
   cpu_mode_changed when VM or AC do. */
static inline void flags_set(struct cpu *cpu, uint64_t flags)
{
	cpu->eflags = flags | FLAG_1;
	flags_set_arithmetic(cpu, (uint32_t)flags);
}

static INLINE void flag_set_cf(struct cpu *cpu, bool cf)
{
	uint32_t of = (cpu->flag_carry ^ cpu->flag_carry << 1) & 0x80000000u;
	uint32_t c = (uint32_t)cf << 31;

	cpu->flag_carry = (cpu->flag_carry & 0x3fffffffu) | c | (c ^ of) >> 1;
}
static INLINE void flag_set_cf_of(struct cpu *cpu, bool cf, bool of)
{
	cpu->flag_carry = (cpu->flag_carry & 0x3fffffffu) | (uint32_t)cf << 31 |
			  (uint32_t)(cf ^ of) << 30;
}
static inline void flag_set_zf(struct cpu *cpu, bool zf)
{
	flags_set_arithmetic(cpu, (flags_arithmetic(cpu) & ~(uint32_t)FLAG_ZF) |
				  (zf ? FLAG_ZF : 0u));
}

#define CARRIES_ADD(a, b, r) (((a) & (b)) | (((a) | (b)) & ~(r)))
#define CARRIES_SUB(a, b, r) ((~(a) & (b)) | ((~(a) ^ (b)) & (r)))

/* Result and carries of a W-bit operation. */
static INLINE void flags_8(struct cpu *cpu, uint8_t r, uint32_t carries)
{
	cpu->flag_result = (int8_t)r;
	cpu->flag_carry = carries << 24 | (carries & 8);
}
static INLINE void flags_16(struct cpu *cpu, uint16_t r, uint32_t carries)
{
	cpu->flag_result = (int16_t)r;
	cpu->flag_carry = carries << 16 | (carries & 8);
}
static INLINE void flags_32(struct cpu *cpu, uint32_t r, uint32_t carries)
{
	cpu->flag_result = (int32_t)r;
	cpu->flag_carry = carries & 0xc0000008u;
}
static INLINE void flags_64(struct cpu *cpu, uint64_t r, uint64_t carries)
{
	cpu->flag_result = (int64_t)r;
	cpu->flag_carry = (uint32_t)(carries >> 32 & 0xc0000000u) | (uint32_t)(carries & 8);
}
/* Logic: CF, OF and AF are 0. */
static INLINE void flags_logic(struct cpu *cpu, int64_t r)
{
	cpu->flag_result = r;
	cpu->flag_carry = 0;
}

#endif
