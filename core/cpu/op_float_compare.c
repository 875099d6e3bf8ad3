/* Minimum, maximum, compares to masks and to EFLAGS (SDM volume 2). */
#include "op_float.h"
#include "flags.h"

/* ---- MIN and MAX ----------------------------------------------------------------------------- */

/* d = a where a operator b, else b; false when one of them is a NaN or a denormal. */
#if FLOAT_VECTORS
#define CHOOSE_LANE(name, operator)                                                             \
static INLINE bool name##_fast_ps(uint64_t *d, const uint64_t *a, const uint64_t *b)            \
{                                                                                               \
	u32x4 x, y, odd, first;                                                                 \
	f32x4 p, q;                                                                             \
	uint64_t any[2];                                                                        \
                                                                                                \
	memcpy(&x, a, 16);                                                                      \
	memcpy(&y, b, 16);                                                                      \
	memcpy(&p, a, 16);                                                                      \
	memcpy(&q, b, 16);                                                                      \
	first = (u32x4)(p operator q);                                                          \
	first = (x & first) | (y & ~first);                                                     \
	odd = (u32x4)(ODD(x) | ODD(y) | NOT_A_NUMBER(x) | NOT_A_NUMBER(y));                     \
	memcpy(d, &first, 16);                                                                  \
	memcpy(any, &odd, 16);                                                                  \
	return likely(!(any[0] | any[1]));                                                      \
}
#else
#define CHOOSE_LANE(name, operator)                                                             \
static INLINE bool name##_fast_ps(uint64_t *d, const uint64_t *a, const uint64_t *b)            \
{                                                                                               \
	bool done = true;                                                                       \
                                                                                                \
	for (unsigned n = 0; n < 2; n++) {                                                      \
		struct ieee_fast32 low = name##_fast32((uint32_t)a[n], (uint32_t)b[n]);         \
		struct ieee_fast32 high = name##_fast32((uint32_t)(a[n] >> 32),                 \
							(uint32_t)(b[n] >> 32));                \
                                                                                                \
		d[n] = (uint64_t)high.bits << 32 | low.bits;                                    \
		done &= low.done && high.done;                                                  \
	}                                                                                       \
	return done;                                                                            \
}
#endif

#define CHOOSE(NAME, name, operator)                                                            \
static struct ieee32 name##_32(uint32_t a, uint32_t b, unsigned imm, uint32_t mxcsr)            \
{                                                                                               \
	(void)imm;                                                                              \
	return ieee32_##name(a, b, mxcsr);                                                      \
}                                                                                               \
static struct ieee64 name##_64(uint64_t a, uint64_t b, unsigned imm, uint32_t mxcsr)            \
{                                                                                               \
	(void)imm;                                                                              \
	return ieee64_##name(a, b, mxcsr);                                                      \
}                                                                                               \
FLOAT_LANE32(name##_ps, name##_32)                                                              \
FLOAT_LANE64(name##_pd, name##_64)                                                              \
static INLINE struct ieee_fast32 name##_fast32(uint32_t a, uint32_t b)                          \
{                                                                                               \
	float x = ieee_float(a), y = ieee_float(b);                                             \
	struct ieee_fast32 r = { x operator y ? a : b,                                          \
				 (x <= y || x >= y) && ieee_plain32(a) && ieee_plain32(b) };    \
                                                                                                \
	return r;                                                                               \
}                                                                                               \
static INLINE struct ieee_fast64 name##_fast64(uint64_t a, uint64_t b)                          \
{                                                                                               \
	double x = ieee_double(a), y = ieee_double(b);                                          \
	struct ieee_fast64 r = { x operator y ? a : b,                                          \
				 (x <= y || x >= y) && ieee_plain64(a) && ieee_plain64(b) };    \
                                                                                                \
	return r;                                                                               \
}                                                                                               \
CHOOSE_LANE(name, operator)                                                                     \
static INLINE bool name##_fast_pd(uint64_t *d, const uint64_t *a, const uint64_t *b)            \
{                                                                                               \
	struct ieee_fast64 low = name##_fast64(a[0], b[0]), high = name##_fast64(a[1], b[1]);   \
                                                                                                \
	d[0] = low.bits;                                                                        \
	d[1] = high.bits;                                                                       \
	return low.done && high.done;                                                           \
}                                                                                               \
FLOAT_PACKED_HOT(NAME##PS_Vx_Hx_Wx, float_always, name##_fast_ps, name##_ps)                    \
FLOAT_PACKED_HOT(NAME##PD_Vx_Hx_Wx, float_always, name##_fast_pd, name##_pd)                    \
FLOAT_SCALAR_HOT(NAME##SS_Vx_Hx_Wss, 32, float_always, name##_fast32, name##_32)                \
FLOAT_SCALAR_HOT(NAME##SD_Vx_Hx_Wsd, 64, float_always, name##_fast64, name##_64)

CHOOSE(MIN, min, <)
CHOOSE(MAX, max, >)

/* ---- Compares to masks ----------------------------------------------------------------------- */

/* Legacy encodings have 8 predicates, VEX ones 32; more bits of the immediate mean nothing. */
static NOINLINE bool cmp32(struct cpu *cpu, const struct insn *i)
{
	unsigned predicate = (unsigned)i->imm & (i->vl ? 31 : 7);
	struct ieee32 r;
	uint64_t b;

	if (!vector_operand(cpu, i, 4, &b))
		return false;
	r = ieee32_predicate((uint32_t)cpu->v[i->src].q[0], (uint32_t)b, predicate, cpu->mxcsr);
	if (!float_commit(cpu, r.flags))
		return false;
	set_scalar32(cpu, i, r.bits);
	return true;
}

static NOINLINE bool cmp64(struct cpu *cpu, const struct insn *i)
{
	unsigned predicate = (unsigned)i->imm & (i->vl ? 31 : 7);
	struct ieee64 r;
	uint64_t b;

	if (!vector_operand(cpu, i, 8, &b))
		return false;
	r = ieee64_predicate(cpu->v[i->src].q[0], b, predicate, cpu->mxcsr);
	if (!float_commit(cpu, r.flags))
		return false;
	set_scalar64(cpu, i, r.bits);
	return true;
}

static NOINLINE bool cmp_packed(struct cpu *cpu, const struct insn *i, bool wide)
{
	unsigned predicate = (unsigned)i->imm & (i->vl ? 31 : 7), size = vector_size(i);
	uint64_t b[4], d[4] = { 0 };
	uint32_t flags = 0;

	if (!vector_operand(cpu, i, size, b))
		return false;
	for (unsigned n = 0; n < size / (wide ? 8 : 4); n++) {
		if (wide) {
			struct ieee64 r = ieee64_predicate(cpu->v[i->src].q[n], b[n], predicate,
							   cpu->mxcsr);

			d[n] = r.bits;
			flags |= r.flags;
		} else {
			struct ieee32 r = ieee32_predicate(element32(cpu->v[i->src].q, n),
							   element32(b, n), predicate, cpu->mxcsr);

			set_element32(d, n, r.bits);
			flags |= r.flags;
		}
	}
	if (!float_commit(cpu, flags))
		return false;
	set_vector(cpu, i, d);
	return true;
}

static bool cmpps(struct cpu *cpu, const struct insn *i)
{
	return cmp_packed(cpu, i, false);
}
static bool cmppd(struct cpu *cpu, const struct insn *i)
{
	return cmp_packed(cpu, i, true);
}

static COLD HANDLER_OF(cmpps_rest, cmpps)
static COLD HANDLER_OF(cmppd_rest, cmppd)
static COLD HANDLER_OF(cmpss_rest, cmp32)
static COLD HANDLER_OF(cmpsd_rest, cmp64)

/* The plain case: three of four relations; false when one is unordered or a denormal. */
#define FAST_CMP(W, type)                                                                       \
static INLINE struct ieee_fast##W fast_cmp##W(unsigned set, uint##W##_t a, uint##W##_t b)       \
{                                                                                               \
	type x = ieee_value##W(a), y = ieee_value##W(b);                                        \
	bool less = x < y, equal = x == y, greater = x > y;                                     \
	bool holds = (set & IEEE_SET_LESS && less) || (set & IEEE_SET_EQUAL && equal) ||        \
		     (set & IEEE_SET_GREATER && greater);                                       \
	struct ieee_fast##W r = { holds ? (uint##W##_t)-1 : 0,                                  \
				  IEEE_HOST && (less || equal || greater) &&                    \
				  ieee_plain##W(a) && ieee_plain##W(b) };                       \
                                                                                                \
	return r;                                                                               \
}
FAST_CMP(32, float)
FAST_CMP(64, double)

static INLINE bool fast_cmppd(unsigned set, uint64_t *d, const uint64_t *a, const uint64_t *b)
{
	struct ieee_fast64 low = fast_cmp64(set, a[0], b[0]), high = fast_cmp64(set, a[1], b[1]);

	d[0] = low.bits;
	d[1] = high.bits;
	return low.done && high.done;
}

#if FLOAT_VECTORS
static INLINE bool fast_cmpps(unsigned set, uint64_t *d, const uint64_t *a, const uint64_t *b)
{
	const uint32_t all = UINT32_MAX;
	u32x4 x, y, holds;
	f32x4 p, q;
	uint64_t odd[2];

	memcpy(&x, a, 16);
	memcpy(&y, b, 16);
	memcpy(&p, a, 16);
	memcpy(&q, b, 16);
	holds = ((u32x4)(p < q) & (set & IEEE_SET_LESS ? all : 0)) |
		((u32x4)(p == q) & (set & IEEE_SET_EQUAL ? all : 0)) |
		((u32x4)(p > q) & (set & IEEE_SET_GREATER ? all : 0));
	memcpy(d, &holds, 16);
	x = (u32x4)(ODD(x) | ODD(y) | NOT_A_NUMBER(x) | NOT_A_NUMBER(y));
	memcpy(odd, &x, 16);
	return likely(!(odd[0] | odd[1]));
}
#else
static INLINE bool fast_cmpps(unsigned set, uint64_t *d, const uint64_t *a, const uint64_t *b)
{
	bool done = true;

	for (unsigned n = 0; n < 2; n++) {
		struct ieee_fast32 low = fast_cmp32(set, (uint32_t)a[n], (uint32_t)b[n]);
		struct ieee_fast32 high = fast_cmp32(set, (uint32_t)(a[n] >> 32),
						     (uint32_t)(b[n] >> 32));

		d[n] = (uint64_t)high.bits << 32 | low.bits;
		done = done && low.done && high.done;
	}
	return done;
}
#endif

static INLINE unsigned predicate_set(const struct insn *i)
{
	return ieee_predicate_set((unsigned)i->imm & (i->vl ? 31 : 7));
}

#define CMP_SCALAR(row, W, rest)                                                                \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	struct ieee_fast##W r = fast_cmp##W(predicate_set(i), (uint##W##_t)cpu->v[i->src].q[0], \
					    (uint##W##_t)cpu->v[i->rm].q[0]);                   \
                                                                                                \
	if (!r.done)                                                                            \
		return rest(cpu, i);                                                            \
	set_scalar##W(cpu, i, r.bits);                                                          \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
	struct ieee_fast##W r;                                                                  \
                                                                                                \
	if (!tlb_hit(entry, linear, W / 8))                                                     \
		return rest(cpu, i);                                                            \
	r = fast_cmp##W(predicate_set(i), (uint##W##_t)cpu->v[i->src].q[0],                     \
			get##W(tlb_host(entry, linear)));                                       \
	if (!r.done)                                                                            \
		return rest(cpu, i);                                                            \
	set_scalar##W(cpu, i, r.bits);                                                          \
	NEXT(cpu, i);                                                                           \
}
CMP_SCALAR(CMPSS_Vx_Hx_Wss_Ib, 32, cmpss_rest)
CMP_SCALAR(CMPSD_Vx_Hx_Wsd_Ib, 64, cmpsd_rest)

#define CMP_PACKED(row, fast, work, rest)                                                       \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	const uint64_t *a = cpu->v[i->src].q, *b = cpu->v[i->rm].q;                             \
	unsigned set = predicate_set(i);                                                        \
	uint64_t r[4];                                                                          \
                                                                                                \
	if (!fast(set, r, a, b) || (i->vl == 32 && !fast(set, r + 2, a + 2, b + 2)))            \
		return rest(cpu, i);                                                            \
	set_vector(cpu, i, r);                                                                  \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER_OF(op_##row##_m, work)
CMP_PACKED(CMPPS_Vx_Hx_Wx_Ib, fast_cmpps, cmpps, cmpps_rest)
CMP_PACKED(CMPPD_Vx_Hx_Wx_Ib, fast_cmppd, cmppd, cmppd_rest)

/* ---- Compares to EFLAGS ---------------------------------------------------------------------- */

/* OF, SF and AF become 0. */
static NOINLINE bool compare(struct cpu *cpu, const struct insn *i, bool wide, bool signal)
{
	struct ieee32 r;
	uint64_t b;

	if (!vector_operand(cpu, i, wide ? 8 : 4, &b))
		return false;
	if (wide)
		r = ieee64_compare(cpu->v[i->dst].q[0], b, signal, cpu->mxcsr);
	else
		r = ieee32_compare((uint32_t)cpu->v[i->dst].q[0], (uint32_t)b, signal, cpu->mxcsr);
	if (!float_commit(cpu, r.flags))
		return false;
	flags_set_arithmetic(cpu, r.bits);
	return true;
}

/* The flags of a < b, a == b or a > b; false when they are unordered. */
#define FAST_COMPARE(W, type)                                                                   \
static INLINE bool fast_compare##W(struct cpu *cpu, uint##W##_t a, uint##W##_t b)               \
{                                                                                               \
	type x = ieee_value##W(a), y = ieee_value##W(b);                                        \
                                                                                                \
	if (!IEEE_HOST || !ieee_plain##W(a) || !ieee_plain##W(b) || !(x <= y || x >= y))        \
		return false;                                                                   \
	flags_set_arithmetic(cpu, x == y ? IEEE_EQUAL : x < y ? IEEE_LESS : IEEE_GREATER);      \
	return true;                                                                            \
}
FAST_COMPARE(32, float)
FAST_COMPARE(64, double)

#define COMPARE(row, W, signal)                                                                 \
static bool row##_work(struct cpu *cpu, const struct insn *i)                                   \
{                                                                                               \
	return compare(cpu, i, W == 64, signal);                                                \
}                                                                                               \
static COLD HANDLER_OF(row##_rest, row##_work)                                                  \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	if (!fast_compare##W(cpu, (uint##W##_t)cpu->v[i->dst].q[0],                             \
			     (uint##W##_t)cpu->v[i->rm].q[0]))                                  \
		return row##_rest(cpu, i);                                                      \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
                                                                                                \
	if (!tlb_hit(entry, linear, W / 8) ||                                                   \
	    !fast_compare##W(cpu, (uint##W##_t)cpu->v[i->dst].q[0],                             \
			     get##W(tlb_host(entry, linear))))                                  \
		return row##_rest(cpu, i);                                                      \
	NEXT(cpu, i);                                                                           \
}
COMPARE(UCOMISS_Vx_Wss, 32, false)
COMPARE(UCOMISD_Vx_Wsd, 64, false)
COMPARE(COMISS_Vx_Wss, 32, true)
COMPARE(COMISD_Vx_Wsd, 64, true)
