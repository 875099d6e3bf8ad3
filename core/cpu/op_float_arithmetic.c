/*
 * Add, subtract, multiply, divide, square root, the estimates, rounding to integral values; the
 * horizontal and alternating sums and dot products (SDM volume 2).
 */
#include "op_float.h"

/* ---- The four operations --------------------------------------------------------------------- */

#define ELEMENTS_OF(name)                                                                       \
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
FLOAT_LANE64(name##_pd, name##_64)

/* Lanes by the host; four binary32 at once where the compiler has vectors. */
#if FLOAT_VECTORS
#define FAST_LANE32(name, operator, zero)                                                       \
static INLINE bool name##_fast_ps(uint64_t *d, const uint64_t *a, const uint64_t *b)            \
{                                                                                               \
	u32x4 x, y, z;                                                                          \
	f32x4 p, q, r;                                                                          \
	uint64_t all[2];                                                                        \
                                                                                                \
	memcpy(&x, a, 16);                                                                      \
	memcpy(&y, b, 16);                                                                      \
	memcpy(&p, a, 16);                                                                      \
	memcpy(&q, b, 16);                                                                      \
	r = p operator q;                                                                       \
	memcpy(&z, &r, 16);                                                                     \
	memcpy(d, &r, 16);                                                                      \
	z = (u32x4)((SAFE(z) | (ZERO(z) & (zero))) & ~(ODD(x) | ODD(y)));                       \
	memcpy(all, &z, 16);                                                                    \
	return likely((all[0] & all[1]) == UINT64_MAX);                                         \
}
#else
#define FAST_LANE32(name, operator, zero)                                                       \
static INLINE bool name##_fast_ps(uint64_t *d, const uint64_t *a, const uint64_t *b)            \
{                                                                                               \
	d[0] = d[1] = 0;                                                                        \
	for (unsigned n = 0; n < 4; n++) {                                                      \
		struct ieee_fast32 r = ieee_fast32_##name(element32(a, n), element32(b, n));    \
                                                                                                \
		set_element32(d, n, r.bits);                                                    \
		if (!r.done)                                                                    \
			return false;                                                           \
	}                                                                                       \
	return true;                                                                            \
}
#endif

#define FAST_LANE64(name)                                                                       \
static INLINE bool name##_fast_pd(uint64_t *d, const uint64_t *a, const uint64_t *b)            \
{                                                                                               \
	struct ieee_fast64 low = ieee_fast64_##name(a[0], b[0]);                                \
	struct ieee_fast64 high = ieee_fast64_##name(a[1], b[1]);                               \
                                                                                                \
	d[0] = low.bits;                                                                        \
	d[1] = high.bits;                                                                       \
	return low.done && high.done;                                                           \
}

FAST_LANE32(add, +, ~(s32x4){ 0 })
FAST_LANE32(sub, -, ~(s32x4){ 0 })
FAST_LANE32(mul, *, ZERO(x) | ZERO(y))
FAST_LANE32(div, /, ZERO(x))
FAST_LANE64(add)
FAST_LANE64(sub)
FAST_LANE64(mul)
FAST_LANE64(div)

#define ARITHMETIC(NAME, name)                                                                  \
ELEMENTS_OF(name)                                                                               \
FLOAT_PACKED_HOT(NAME##PS_Vx_Hx_Wx, ieee_fast_mode, name##_fast_ps, name##_ps)                  \
FLOAT_PACKED_HOT(NAME##PD_Vx_Hx_Wx, ieee_fast_mode, name##_fast_pd, name##_pd)                  \
FLOAT_SCALAR_HOT(NAME##SS_Vx_Hx_Wss, 32, ieee_fast_mode, ieee_fast32_##name, name##_32)         \
FLOAT_SCALAR_HOT(NAME##SD_Vx_Hx_Wsd, 64, ieee_fast_mode, ieee_fast64_##name, name##_64)

ARITHMETIC(ADD, add)
ARITHMETIC(SUB, sub)
ARITHMETIC(MUL, mul)
ARITHMETIC(DIV, div)

/* ---- Of one operand -------------------------------------------------------------------------- */

#define UNARY32(name, call)                                                                     \
static struct ieee32 name(uint32_t a, uint32_t b, unsigned imm, uint32_t mxcsr)                 \
{                                                                                               \
	(void)a;                                                                                \
	(void)imm;                                                                              \
	(void)mxcsr;                                                                            \
	return call;                                                                            \
}
#define UNARY64(name, call)                                                                     \
static struct ieee64 name(uint64_t a, uint64_t b, unsigned imm, uint32_t mxcsr)                 \
{                                                                                               \
	(void)a;                                                                                \
	(void)imm;                                                                              \
	(void)mxcsr;                                                                            \
	return call;                                                                            \
}

static INLINE struct ieee_fast32 fast_sqrt32(uint32_t a, uint32_t b)
{
	(void)a;
	return ieee_fast32_sqrt(b);
}
static INLINE struct ieee_fast64 fast_sqrt64(uint64_t a, uint64_t b)
{
	(void)a;
	return ieee_fast64_sqrt(b);
}
static INLINE bool sqrt_fast_pd(uint64_t *d, const uint64_t *a, const uint64_t *b)
{
	struct ieee_fast64 low = ieee_fast64_sqrt(b[0]), high = ieee_fast64_sqrt(b[1]);

	(void)a;
	d[0] = low.bits;
	d[1] = high.bits;
	return low.done && high.done;
}
static INLINE bool sqrt_fast_ps(uint64_t *d, const uint64_t *a, const uint64_t *b)
{
	bool done = true;

	(void)a;
	d[0] = d[1] = 0;
	for (unsigned n = 0; n < 4; n++) {
		struct ieee_fast32 r = ieee_fast32_sqrt(element32(b, n));

		set_element32(d, n, r.bits);
		done &= r.done;
	}
	return done;
}

UNARY32(sqrt_32, ieee32_sqrt(b, mxcsr))
UNARY64(sqrt_64, ieee64_sqrt(b, mxcsr))
FLOAT_LANE32(sqrt_ps, sqrt_32)
FLOAT_LANE64(sqrt_pd, sqrt_64)
FLOAT_PACKED_HOT(SQRTPS_Vx_Wx, ieee_fast_mode, sqrt_fast_ps, sqrt_ps)
FLOAT_PACKED_HOT(SQRTPD_Vx_Wx, ieee_fast_mode, sqrt_fast_pd, sqrt_pd)
FLOAT_SCALAR_HOT(SQRTSS_Vx_Hx_Wss, 32, ieee_fast_mode, fast_sqrt32, sqrt_32)
FLOAT_SCALAR_HOT(SQRTSD_Vx_Hx_Wsd, 64, ieee_fast_mode, fast_sqrt64, sqrt_64)

UNARY32(reciprocal, ((struct ieee32){ ieee32_reciprocal(b), 0 }))
UNARY32(reciprocal_root, ((struct ieee32){ ieee32_reciprocal_root(b), 0 }))
FLOAT_LANE32(reciprocal_ps, reciprocal)
FLOAT_LANE32(reciprocal_root_ps, reciprocal_root)
FLOAT_PACKED(RCPPS_Vx_Wx, reciprocal_ps)
FLOAT_SCALAR(RCPSS_Vx_Hx_Wss, 32, reciprocal)
FLOAT_PACKED(RSQRTPS_Vx_Wx, reciprocal_root_ps)
FLOAT_SCALAR(RSQRTSS_Vx_Hx_Wss, 32, reciprocal_root)

UNARY32(round_32, ieee32_round(b, imm, mxcsr))
UNARY64(round_64, ieee64_round(b, imm, mxcsr))
FLOAT_LANE32(round_ps, round_32)
FLOAT_LANE64(round_pd, round_64)
FLOAT_PACKED(ROUNDPS_Vx_Wx_Ib, round_ps)
FLOAT_PACKED(ROUNDPD_Vx_Wx_Ib, round_pd)
FLOAT_SCALAR(ROUNDSS_Vx_Hx_Wss_Ib, 32, round_32)
FLOAT_SCALAR(ROUNDSD_Vx_Hx_Wsd_Ib, 64, round_64)

/* ---- SSE3 ------------------------------------------------------------------------------------ */

/* Two sums or differences within a, then two within b. */
static INLINE uint32_t horizontal_ps(float_element32 *element, uint64_t *d, const uint64_t *a,
				     const uint64_t *b, uint32_t mxcsr)
{
	uint32_t flags = 0, r[4];

	for (unsigned n = 0; n < 4; n++) {
		uint64_t pair = n < 2 ? a[n] : b[n - 2];
		struct ieee32 one = element((uint32_t)pair, (uint32_t)(pair >> 32), 0, mxcsr);

		r[n] = one.bits;
		flags |= one.flags;
	}
	d[0] = (uint64_t)r[1] << 32 | r[0];
	d[1] = (uint64_t)r[3] << 32 | r[2];
	return flags;
}
static INLINE uint32_t horizontal_pd(float_element64 *element, uint64_t *d, const uint64_t *a,
				     const uint64_t *b, uint32_t mxcsr)
{
	struct ieee64 low = element(a[0], a[1], 0, mxcsr), high = element(b[0], b[1], 0, mxcsr);

	d[0] = low.bits;
	d[1] = high.bits;
	return low.flags | high.flags;
}

#define LANE(name, call)                                                                        \
static uint32_t name(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm,           \
		     uint32_t mxcsr)                                                            \
{                                                                                               \
	(void)imm;                                                                              \
	return call;                                                                            \
}
LANE(haddps, horizontal_ps(add_32, d, a, b, mxcsr))
LANE(hsubps, horizontal_ps(sub_32, d, a, b, mxcsr))
LANE(haddpd, horizontal_pd(add_64, d, a, b, mxcsr))
LANE(hsubpd, horizontal_pd(sub_64, d, a, b, mxcsr))
FLOAT_PACKED(HADDPS_Vx_Hx_Wx, haddps)
FLOAT_PACKED(HSUBPS_Vx_Hx_Wx, hsubps)
FLOAT_PACKED(HADDPD_Vx_Hx_Wx, haddpd)
FLOAT_PACKED(HSUBPD_Vx_Hx_Wx, hsubpd)

static uint32_t addsubps(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm,
			 uint32_t mxcsr)
{
	uint32_t flags = 0;

	(void)imm;
	for (unsigned n = 0; n < 4; n++) {
		struct ieee32 r = n % 2 ? ieee32_add(element32(a, n), element32(b, n), mxcsr) :
					  ieee32_sub(element32(a, n), element32(b, n), mxcsr);

		set_element32(d, n, r.bits);
		flags |= r.flags;
	}
	return flags;
}
static uint32_t addsubpd(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm,
			 uint32_t mxcsr)
{
	struct ieee64 low = ieee64_sub(a[0], b[0], mxcsr), high = ieee64_add(a[1], b[1], mxcsr);

	(void)imm;
	d[0] = low.bits;
	d[1] = high.bits;
	return low.flags | high.flags;
}
FLOAT_PACKED(ADDSUBPS_Vx_Hx_Wx, addsubps)
FLOAT_PACKED(ADDSUBPD_Vx_Hx_Wx, addsubpd)

/* ---- Dot products ---------------------------------------------------------------------------- */

/*
 * Products where imm has a bit among 4-7 (else +0), the sums of pairs, the sum of those; each step is
 * rounded, and a step with an unmasked exception is the last one.
 */
static uint32_t dpps(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm, uint32_t mxcsr)
{
	uint32_t products[4], flags = 0, sum;
	struct ieee32 low, high, r;

	for (unsigned n = 0; n < 4; n++) {
		products[n] = 0;
		if (imm >> (4 + n) & 1) {
			r = ieee32_mul(element32(a, n), element32(b, n), mxcsr);
			products[n] = r.bits;
			flags |= r.flags;
		}
	}
	flags = ieee_exceptions(flags, mxcsr);
	if (ieee_unmasked(flags, mxcsr))
		return flags;
	low = ieee32_add(products[0], products[1], mxcsr);
	high = ieee32_add(products[2], products[3], mxcsr);
	flags |= ieee_exceptions(low.flags | high.flags, mxcsr);
	if (ieee_unmasked(flags, mxcsr))
		return flags;
	r = ieee32_add(low.bits, high.bits, mxcsr);
	sum = r.bits;
	for (unsigned n = 0; n < 4; n++)
		set_element32(d, n, imm >> n & 1 ? sum : 0);
	return flags | r.flags;
}

static uint32_t dppd(uint64_t *d, const uint64_t *a, const uint64_t *b, unsigned imm, uint32_t mxcsr)
{
	struct ieee64 r, products[2] = { { 0, 0 }, { 0, 0 } };
	uint32_t flags;

	for (unsigned n = 0; n < 2; n++)
		if (imm >> (4 + n) & 1)
			products[n] = ieee64_mul(a[n], b[n], mxcsr);
	flags = ieee_exceptions(products[0].flags | products[1].flags, mxcsr);
	if (ieee_unmasked(flags, mxcsr))
		return flags;
	r = ieee64_add(products[0].bits, products[1].bits, mxcsr);
	d[0] = imm & 1 ? r.bits : 0;
	d[1] = imm & 2 ? r.bits : 0;
	return flags | r.flags;
}
FLOAT_PACKED(DPPS_Vx_Hx_Wx_Ib, dpps)
FLOAT_PACKED(DPPD_Vdq_Hdq_Wdq_Ib, dppd)
