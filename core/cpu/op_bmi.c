/*
 * Bit counting and manipulation of the later processors: POPCNT, LZCNT, TZCNT, BMI1, BMI2, ADX,
 * MOVBE, CRC32, RDRAND and RDSEED (SDM volume 2).
 */
#include "access.h"
#include "flags.h"
#include "handlers.h"
#include "wide_integer.h"

/* All six at once: what is undefined is cleared. */
static INLINE void set_flags(struct cpu *cpu, bool zf, bool sf, bool cf)
{
	cpu->flag_result = zf ? 0 : sf ? -1 : 1;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)cf << 30;
}

static INLINE unsigned ones(uint64_t value)
{
	value -= value >> 1 & 0x5555555555555555ull;
	value = (value & 0x3333333333333333ull) + (value >> 2 & 0x3333333333333333ull);
	value = (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (unsigned)(value * 0x0101010101010101ull >> 56);
}

static INLINE unsigned trailing_zeros(uint64_t value, unsigned width)
{
	return value ? ones((value & (0 - value)) - 1) : width;
}

static INLINE unsigned leading_zeros(uint64_t value, unsigned width)
{
	for (unsigned step = 1; step < 64; step <<= 1)
		value |= value >> step;
	return width - ones(value);
}

static INLINE uint64_t popcnt(struct cpu *cpu, uint64_t value, unsigned width)
{
	(void)width;
	flags_set_arithmetic(cpu, value ? 0 : FLAG_ZF);
	return ones(value);
}

static INLINE uint64_t lzcnt(struct cpu *cpu, uint64_t value, unsigned width)
{
	unsigned n = leading_zeros(value, width);

	set_flags(cpu, n == 0, false, value == 0);
	return n;
}

static INLINE uint64_t tzcnt(struct cpu *cpu, uint64_t value, unsigned width)
{
	unsigned n = trailing_zeros(value, width);

	set_flags(cpu, n == 0, false, value == 0);
	return n;
}

#define COUNT_BITS(W, NAME, fn)                                                                 \
HANDLER(op_##NAME##_Gv_Ev_##W##_r)                                                              \
{                                                                                               \
	set_reg##W(cpu, i->dst, (uint##W##_t)fn(cpu, reg##W(cpu, i->src), W));                  \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##NAME##_Gv_Ev_##W##_m)                                                       \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	set_reg##W(cpu, i->dst, (uint##W##_t)fn(cpu, value, W));                                \
	NEXT(cpu, i);                                                                           \
}
#define COUNT_BITS_ALL(NAME, fn) COUNT_BITS(16, NAME, fn) COUNT_BITS(32, NAME, fn) COUNT_BITS(64, NAME, fn)
COUNT_BITS_ALL(POPCNT, popcnt)
COUNT_BITS_ALL(LZCNT, lzcnt)
COUNT_BITS_ALL(TZCNT, tzcnt)

/* ---- MOVBE ---------------------------------------------------------------------------------- */

#define MOVBE(W)                                                                                \
MEMORY_HANDLER(op_MOVBE_Gv_Mv_##W##_m)                                                          \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	set_reg##W(cpu, i->dst, swap##W(value));                                                \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_MOVBE_Mv_Gv_##W##_m)                                                          \
{                                                                                               \
	if (!hot_store##W(cpu, i, slow, ea(cpu, i), swap##W(reg##W(cpu, i->src))))              \
		return otherwise(cpu, i);                                                       \
	NEXT(cpu, i);                                                                           \
}
MOVBE(16)
MOVBE(32)
MOVBE(64)

/* ---- CRC32: the reflected Castagnoli polynomial ----------------------------------------------- */

static uint32_t crc32c(uint32_t crc, uint64_t value, unsigned bytes)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	for (unsigned n = 0; n < bytes; n++) {
		crc ^= (uint8_t)(value >> 8 * n);
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return crc;
}

#define CRC32(W, name)                                                                          \
HANDLER(op_##name##_r)                                                                          \
{                                                                                               \
	set_reg64(cpu, i->dst, crc32c(reg32(cpu, i->dst), reg##W(cpu, i->src), W / 8));         \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
MEMORY_HANDLER(op_##name##_m)                                                                   \
{                                                                                               \
	uint##W##_t value;                                                                      \
                                                                                                \
	if (!hot_load##W(cpu, i, slow, ea(cpu, i), &value))                                     \
		return otherwise(cpu, i);                                                       \
	set_reg64(cpu, i->dst, crc32c(reg32(cpu, i->dst), value, W / 8));                       \
	NEXT(cpu, i);                                                                           \
}
CRC32(8, CRC32_Gd_Eb)
CRC32(16, CRC32_Gd_Ev_16)
CRC32(32, CRC32_Gd_Ev_32)
CRC32(64, CRC32_Gd_Ev_64)

/* ---- ADX, BMI: operands of 4 or 8 bytes by REX.W or VEX.W --------------------------------------- */

static INLINE uint64_t cut(const struct insn *i, uint64_t value)
{
	return i->width == 8 ? value : (uint32_t)value;
}
static INLINE unsigned bits_of(const struct insn *i)
{
	return 8u * i->width;
}

/* The operand by ModRM.rm, from memory in cpu->loaded. */
static bool load_operand(struct cpu *cpu, const struct insn *i)
{
	uint32_t value;

	if (i->width == 8)
		return load64(cpu, i, ea(cpu, i), &cpu->loaded);
	if (!load32(cpu, i, ea(cpu, i), &value))
		return false;
	cpu->loaded = value;
	return true;
}

/* fn(cpu, i, e): e is the operand by ModRM.rm, cut to the operand size. */
#define GENERAL(NAME, fn)                                                                       \
HANDLER(op_##NAME##_r)                                                                          \
{                                                                                               \
	fn(cpu, i, cut(i, cpu->reg[i->rm]));                                                    \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##NAME##_m)                                                                          \
{                                                                                               \
	if (!load_operand(cpu, i))                                                              \
		return cpu_fault(cpu, i);                                                       \
	fn(cpu, i, cpu->loaded);                                                                \
	NEXT(cpu, i);                                                                           \
}

/* a + b + carry in; *carry gets the carry out. */
static INLINE uint64_t add_with(const struct insn *i, uint64_t a, uint64_t b, bool *carry)
{
	uint64_t sum = cut(i, a + b), result = cut(i, sum + *carry);

	*carry = sum < a || result < sum;
	return result;
}

static INLINE void adcx(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	bool carry = flag_cf(cpu);

	cpu->reg[i->dst] = add_with(i, cut(i, cpu->reg[i->dst]), e, &carry);
	flag_set_cf(cpu, carry);
}
static INLINE void adox(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	bool carry = flag_of(cpu);

	cpu->reg[i->dst] = add_with(i, cut(i, cpu->reg[i->dst]), e, &carry);
	flag_set_cf_of(cpu, flag_cf(cpu), carry);
}
GENERAL(ADCX_Gy_Ey, adcx)
GENERAL(ADOX_Gy_Ey, adox)

/* The result goes to register n; SF, ZF and CF tell of it. */
static INLINE void result_flags(struct cpu *cpu, const struct insn *i, unsigned n, uint64_t result, bool cf)
{
	cpu->reg[n] = result;
	set_flags(cpu, result == 0, result >> (bits_of(i) - 1) & 1, cf);
}

static INLINE void andn(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	result_flags(cpu, i, i->dst, cut(i, ~cpu->reg[i->src]) & e, false);
}
static INLINE void bextr(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	unsigned start = (uint8_t)cpu->reg[i->src], length = (uint8_t)(cpu->reg[i->src] >> 8);
	uint64_t result = start < 64 ? e >> start : 0;

	if (length < 64)
		result &= (1ull << length) - 1;
	cpu->reg[i->dst] = result;
	set_flags(cpu, result == 0, false, false);
}
static INLINE void blsr(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	result_flags(cpu, i, i->src, e & (e - 1), e == 0);
}
static INLINE void blsmsk(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	result_flags(cpu, i, i->src, cut(i, e ^ (e - 1)), e == 0);
}
static INLINE void blsi(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	result_flags(cpu, i, i->src, cut(i, e & (0 - e)), e != 0);
}
static INLINE void bzhi(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	unsigned n = (uint8_t)cpu->reg[i->src];

	result_flags(cpu, i, i->dst, n < bits_of(i) ? e & ((1ull << n) - 1) : e, n >= bits_of(i));
}
GENERAL(ANDN_Gy_By_Ey, andn)
GENERAL(BEXTR_Gy_Ey_By, bextr)
GENERAL(BLSR_By_Ey, blsr)
GENERAL(BLSMSK_By_Ey, blsmsk)
GENERAL(BLSI_By_Ey, blsi)
GENERAL(BZHI_Gy_Ey_By, bzhi)

/* With one register for both halves it gets the high one. */
static INLINE void mulx(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	if (i->width == 8) {
		uint64_t high = multiply_wide(cpu->reg[REG_DX], e, &cpu->loaded);

		cpu->reg[i->src] = cpu->loaded;
		cpu->reg[i->dst] = high;
	} else {
		uint64_t product = e * (uint32_t)cpu->reg[REG_DX];

		cpu->reg[i->src] = (uint32_t)product;
		cpu->reg[i->dst] = product >> 32;
	}
}

/* The low bits of value go to where mask has ones ... */
static INLINE void pdep(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	uint64_t value = cpu->reg[i->src], result = 0;

	for (; e; e &= e - 1, value >>= 1)
		if (value & 1)
			result |= e & (0 - e);
	cpu->reg[i->dst] = result;
}
/* ... and back. */
static INLINE void pext(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	uint64_t value = cpu->reg[i->src], result = 0;

	for (uint64_t to = 1; e; e &= e - 1, to <<= 1)
		if (value & e & (0 - e))
			result |= to;
	cpu->reg[i->dst] = result;
}
GENERAL(MULX_Gy_By_Ey, mulx)
GENERAL(PDEP_Gy_By_Ey, pdep)
GENERAL(PEXT_Gy_By_Ey, pext)

static INLINE void rorx(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	unsigned n = (unsigned)i->imm & (bits_of(i) - 1);

	cpu->reg[i->dst] = n ? cut(i, e >> n | e << (bits_of(i) - n)) : e;
}
static INLINE void sarx(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	unsigned n = (unsigned)cpu->reg[i->src] & (bits_of(i) - 1);
	int64_t value = i->width == 8 ? (int64_t)e : (int32_t)e;

	cpu->reg[i->dst] = cut(i, (uint64_t)(value >> n));
}
static INLINE void shlx(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	cpu->reg[i->dst] = cut(i, e << (cpu->reg[i->src] & (bits_of(i) - 1)));
}
static INLINE void shrx(struct cpu *cpu, const struct insn *i, uint64_t e)
{
	cpu->reg[i->dst] = e >> (cpu->reg[i->src] & (bits_of(i) - 1));
}
GENERAL(RORX_Gy_Ey_Ib, rorx)
GENERAL(SARX_Gy_Ey_By, sarx)
GENERAL(SHLX_Gy_Ey_By, shlx)
GENERAL(SHRX_Gy_Ey_By, shrx)

/* ---- RDRAND, RDSEED: a function of the seed and of how many were drawn ---------------------------- */

/* One step of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t draw(struct cpu *cpu)
{
	uint64_t value = cpu->random += 0x9e3779b97f4a7c15ull;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ value >> 27) * 0x94d049bb133111ebull;
	return value ^ value >> 31;
}

HANDLER(op_RDRAND_Rv)
{
	reg_set(cpu, i->dst, i->width, draw(cpu));
	flags_set_arithmetic(cpu, FLAG_CF);
	NEXT(cpu, i);
}

HANDLER(op_RDSEED_Rv)
{
	reg_set(cpu, i->dst, i->width, draw(cpu));
	flags_set_arithmetic(cpu, FLAG_CF);
	NEXT(cpu, i);
}
