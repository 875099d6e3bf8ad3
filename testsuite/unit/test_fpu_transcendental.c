/*
 * test_fpu_transcendental.c - the transcendental instructions against MPFR
 *
 * Every result must be MPFR's, rounded once to 64 bits in each of the four rounding modes, with the
 * flags that follow from it. Built without MPFR only the fixed vectors and special operands remain.
 * FPU_FIRST_PASS_ERROR in the second build of transcendental.c here makes every result go through
 * the long way that random arguments never need.
 */
#include "test_fpu_host.h"

#ifdef HAVE_MPFR
#include <mpfr.h>
#endif

#define f80_sine long_sine
#define f80_cosine long_cosine
#define f80_sine_cosine long_sine_cosine
#define f80_tangent long_tangent
#define f80_arctangent long_arctangent
#define f80_exponential long_exponential
#define f80_logarithm long_logarithm
#define f80_logarithm_plus_1 long_logarithm_plus_1
#define FPU_FIRST_PASS_ERROR ((uint64_t)1 << 62)
struct float80 long_sine(struct float80 a, struct fpu_context *context);
struct float80 long_cosine(struct float80 a, struct fpu_context *context);
struct float80 long_sine_cosine(struct float80 a, struct float80 *b, struct fpu_context *context);
struct float80 long_tangent(struct float80 a, struct fpu_context *context);
struct float80 long_arctangent(struct float80 a, struct float80 b, struct fpu_context *context);
struct float80 long_exponential(struct float80 a, struct fpu_context *context);
struct float80 long_logarithm(struct float80 a, struct float80 b, struct fpu_context *context);
struct float80 long_logarithm_plus_1(struct float80 a, struct float80 b,
				     struct fpu_context *context);
#include "transcendental.c"
#undef f80_sine
#undef f80_cosine
#undef f80_sine_cosine
#undef f80_tangent
#undef f80_arctangent
#undef f80_exponential
#undef f80_logarithm
#undef f80_logarithm_plus_1

static struct float80 unary_sine(struct float80 a, struct float80 b, struct fpu_context *context)
{
	(void)b;
	return f80_sine(a, context);
}

static struct float80 unary_cosine(struct float80 a, struct float80 b, struct fpu_context *context)
{
	(void)b;
	return f80_cosine(a, context);
}

static struct float80 unary_tangent(struct float80 a, struct float80 b,
				    struct fpu_context *context)
{
	(void)b;
	return f80_tangent(a, context);
}

static struct float80 unary_exponential(struct float80 a, struct float80 b,
					struct fpu_context *context)
{
	(void)b;
	return f80_exponential(a, context);
}

static struct float80 unary_long_sine(struct float80 a, struct float80 b,
				      struct fpu_context *context)
{
	(void)b;
	return long_sine(a, context);
}

static struct float80 unary_long_cosine(struct float80 a, struct float80 b,
					struct fpu_context *context)
{
	(void)b;
	return long_cosine(a, context);
}

static struct float80 unary_long_tangent(struct float80 a, struct float80 b,
					 struct fpu_context *context)
{
	(void)b;
	return long_tangent(a, context);
}

static struct float80 unary_long_exponential(struct float80 a, struct float80 b,
					     struct fpu_context *context)
{
	(void)b;
	return long_exponential(a, context);
}

static struct float80 paired_sine(struct float80 a, struct float80 b, struct fpu_context *context)
{
	struct fpu_context alone = *context;
	struct float80 cosine, result = f80_sine_cosine(a, &cosine, context);

	(void)b;
	context->flags = 0;
	if (f80_cosine(a, &alone).significand != cosine.significand)
		fail();
	return f80_sine(a, context).significand == result.significand ? result : F80_DEFAULT_NAN;
}

typedef struct float80 our_function(struct float80 a, struct float80 b,
				    struct fpu_context *context);

/* A normal number whose exponent is spread as the function likes it. */
static struct float80 random_normal(struct random_state *random, int32_t least, int32_t most)
{
	uint64_t choice = random_next(random);
	uint64_t significand = choice & 1 ? random_next(random) : random_significand(random);
	int32_t exponent = least + (int32_t)((choice >> 16) % (uint64_t)(most - least + 1));

	return f80_make(choice >> 1 & 1, (uint32_t)exponent, significand | (uint64_t)1 << 63);
}

struct function {
	const char *name;
	our_function *ours;
	int32_t a_least, a_most, b_least, b_most;
	bool b_positive, slow;
};

static const struct function functions[] = {
	{ "sine", unary_sine, 0x3fff - 40, 0x3fff + 62, 0x3fff, 0x3fff, 0, 0 },
	{ "sine", unary_sine, 0x0001, 0x3fff, 0x3fff, 0x3fff, 0, 0 },
	{ "sine (paired)", paired_sine, 0x3fff - 40, 0x3fff + 62, 0x3fff, 0x3fff, 0, 0 },
	{ "cosine", unary_cosine, 0x3fff - 40, 0x3fff + 62, 0x3fff, 0x3fff, 0, 0 },
	{ "tangent", unary_tangent, 0x3fff - 40, 0x3fff + 62, 0x3fff, 0x3fff, 0, 0 },
	{ "exponential", unary_exponential, 0x3fff - 70, 0x3ffe, 0x3fff, 0x3fff, 0, 0 },
	{ "exponential", unary_exponential, 0x0100, 0x3ffe, 0x3fff, 0x3fff, 0, 0 },
	{ "logarithm", f80_logarithm, 0x3000, 0x5000, 0x3fff - 20, 0x3fff + 20, 1, 0 },
	{ "logarithm", f80_logarithm, 0x3000, 0x5000, 0x0001, 0x7ffe, 1, 0 },
	{ "logarithm", f80_logarithm, 0x3000, 0x5000, 0x3ffe, 0x3fff, 1, 0 },
	{ "logarithm_plus_1", f80_logarithm_plus_1, 0x3000, 0x5000, 0x3fff - 70, 0x3fff - 3, 0, 0 },
	{ "logarithm_plus_1", f80_logarithm_plus_1, 0x3f00, 0x4100, 0x0100, 0x3fff - 3, 0, 0 },
	{ "arctangent", f80_arctangent, 0x3fff - 40, 0x3fff + 40, 0x3fff - 40, 0x3fff + 40, 0, 0 },
	{ "arctangent", f80_arctangent, 0x3fff - 3, 0x3fff + 3, 0x3fff - 3, 0x3fff + 3, 0, 0 },
	{ "arctangent", f80_arctangent, 0x3000, 0x5000, 0x3000, 0x5000, 0, 0 },
	{ "arctangent", f80_arctangent, 0x3fff - 80, 0x3fff - 60, 0x3fff - 2, 0x3fff + 2, 0, 0 },
	{ "long sine", unary_long_sine, 0x3fff - 40, 0x3fff + 62, 0x3fff, 0x3fff, 0, 1 },
	{ "long cosine", unary_long_cosine, 0x3fff - 40, 0x3fff + 62, 0x3fff, 0x3fff, 0, 1 },
	{ "long tangent", unary_long_tangent, 0x3fff - 40, 0x3fff + 62, 0x3fff, 0x3fff, 0, 1 },
	{ "long exponential", unary_long_exponential, 0x0100, 0x3ffe, 0x3fff, 0x3fff, 0, 1 },
	{ "long logarithm", long_logarithm, 0x3000, 0x5000, 0x0001, 0x7ffe, 1, 1 },
	{ "long logarithm", long_logarithm, 0x3000, 0x5000, 0x3ffe, 0x3fff, 1, 1 },
	{ "long logarithm_plus_1", long_logarithm_plus_1, 0x3f00, 0x4100, 0x0100, 0x3fff - 3, 0, 1 },
	{ "long arctangent", long_arctangent, 0x3fff - 80, 0x3fff + 80, 0x3fff - 3, 0x3fff + 3, 0, 1 },
};

#ifdef HAVE_MPFR
typedef int mpfr_unary(mpfr_t r, const mpfr_t a, mpfr_rnd_t rounding);

/* fyl2x by hand: MPFR has no y * log2 x, so take enough bits that one rounding is as good as none. */
static int wide_logarithm(mpfr_t r, const mpfr_t y, const mpfr_t x, bool plus_1,
			  mpfr_rnd_t rounding)
{
	mpfr_t logarithm, two;
	int inexact;

	mpfr_inits2(700, logarithm, two, (mpfr_ptr)NULL);
	if (plus_1) {
		mpfr_log1p(logarithm, x, MPFR_RNDZ);
		mpfr_const_log2(two, MPFR_RNDZ);
		mpfr_div(logarithm, logarithm, two, MPFR_RNDZ);
	} else {
		mpfr_log2(logarithm, x, MPFR_RNDZ);
	}
	inexact = mpfr_mul(r, logarithm, y, rounding);
	mpfr_clears(logarithm, two, (mpfr_ptr)NULL);
	return inexact;
}

static int mpfr_reference(const char *name, mpfr_t r, const mpfr_t a, const mpfr_t b,
			  mpfr_rnd_t rounding)
{
	mpfr_t wide;
	int inexact;

	if (strstr(name, "logarithm_plus_1"))
		return wide_logarithm(r, a, b, true, rounding);
	if (strstr(name, "logarithm"))
		return wide_logarithm(r, a, b, false, rounding);
	if (strstr(name, "arctangent"))
		return mpfr_atan2(r, a, b, rounding);
	if (strstr(name, "cosine"))
		return mpfr_cos(r, a, rounding);
	if (strstr(name, "tangent"))
		return mpfr_tan(r, a, rounding);
	if (strstr(name, "sine"))
		return mpfr_sin(r, a, rounding);
	/* 2^a - 1 for tiny a cancels: expm1 of a ln 2 with enough bits. */
	if (mpfr_cmp_si(a, 1) == 0 || mpfr_cmp_si(a, -1) == 0) {
		mpfr_exp2(r, a, rounding);
		return mpfr_sub_ui(r, r, 1, rounding);
	}
	mpfr_init2(wide, 700);
	mpfr_const_log2(wide, MPFR_RNDZ);
	mpfr_mul(wide, wide, a, MPFR_RNDZ);
	mpfr_expm1(wide, wide, MPFR_RNDZ);
	inexact = mpfr_set(r, wide, rounding);
	mpfr_clear(wide);
	return inexact;
}

static void to_mpfr(mpfr_t r, struct float80 a)
{
	mpfr_set_prec(r, 64);
	mpfr_set_uj_2exp(r, a.significand, (f80_exponent(a) ? (long)f80_exponent(a) : 1) - 16446,
			 MPFR_RNDN);
	mpfr_setsign(r, r, f80_sign(a), MPFR_RNDN);
}

/* From MPFR's value with 64 bits in the normal range: significand and exponent as they are. */
static struct float80 from_mpfr(const mpfr_t a)
{
	mpfr_t magnitude;
	uint64_t significand;
	long exponent = mpfr_get_exp(a);

	if (mpfr_zero_p(a))
		return f80_make(mpfr_signbit(a), 0, 0);
	mpfr_init2(magnitude, 64);
	mpfr_set(magnitude, a, MPFR_RNDN);
	mpfr_abs(magnitude, magnitude, MPFR_RNDN);
	mpfr_mul_2si(magnitude, magnitude, 64 - exponent, MPFR_RNDN);
	significand = mpfr_get_uj(magnitude, MPFR_RNDN);
	mpfr_clear(magnitude);
	return f80_make(mpfr_signbit(a), (uint32_t)(exponent - 1 + 16383) & 0x7fff, significand);
}

static const mpfr_rnd_t roundings[4] = { MPFR_RNDN, MPFR_RNDD, MPFR_RNDU, MPFR_RNDZ };

static unsigned int reported;

static bool compare_one(const char *name, our_function *ours, struct float80 a, struct float80 b,
			unsigned int rounding)
{
	struct fpu_context context = fpu_context((uint16_t)(0x3f | rounding << 10));
	struct float80 result, expected;
	mpfr_t ma, mb, r;
	uint16_t flags = 0;
	int inexact;
	bool same;

	mpfr_inits2(64, ma, mb, r, (mpfr_ptr)NULL);
	to_mpfr(ma, a);
	to_mpfr(mb, b);
	inexact = mpfr_reference(name, r, ma, mb, roundings[rounding]);
	result = ours(a, b, &context);
	if (mpfr_zero_p(r) ? false : mpfr_get_exp(r) < -16381 + 70 || mpfr_get_exp(r) > 16384) {
		/* Near or out of the exponent range: test_fpu_arithmetic.c covers that rounding. */
		mpfr_clears(ma, mb, r, (mpfr_ptr)NULL);
		return true;
	}
	expected = from_mpfr(r);
	if (inexact)
		flags |= FPU_PE;
	if (inexact && (mpfr_signbit(r) ? inexact < 0 : inexact > 0))
		flags |= FPU_C1;
	if (f80_exponent(a) == 0 || f80_exponent(b) == 0)
		flags |= FPU_DE;
	same = result.significand == expected.significand &&
	       result.sign_exponent == expected.sign_exponent &&
	       (context.flags & (FPU_EXCEPTIONS | FPU_C1)) == flags;
	if (!same && reported++ < environment_number("CLEARBOX_FPU_REPORTS", 20))
		print_error("%s a %04x:%016llx b %04x:%016llx rounding %u:\n"
			    "  mpfr %04x:%016llx flags %04x\n  ours %04x:%016llx flags %04x\n",
			    name, a.sign_exponent, (unsigned long long)a.significand,
			    b.sign_exponent, (unsigned long long)b.significand, rounding,
			    expected.sign_exponent, (unsigned long long)expected.significand, flags,
			    result.sign_exponent, (unsigned long long)result.significand,
			    context.flags);
	mpfr_clears(ma, mb, r, (mpfr_ptr)NULL);
	return same;
}

static void test_against_mpfr(void **state)
{
	struct random_state random = { environment_number("CLEARBOX_FPU_SEED", 1) };
	unsigned long count = environment_number("CLEARBOX_FPU_CASES", 2000), total = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		const struct function *f = &functions[i];
		unsigned long different = 0;

		reported = 0;
		for (unsigned long n = 0; n < (f->slow ? count / 4 : count); n++) {
			struct float80 a = random_normal(&random, f->a_least, f->a_most);
			struct float80 b = random_normal(&random, f->b_least, f->b_most);

			if (f->b_positive)
				b.sign_exponent &= 0x7fff;
			/* Close to powers of two and to each other now and then. */
			if (n % 5 == 0)
				b.significand = a.significand;
			if (n % 7 == 0)
				b.significand = (b.significand & 0xff) | (uint64_t)1 << 63;
			if (n % 11 == 0)
				a.significand |= ~(uint64_t)0 << (n % 63);
			for (unsigned int rounding = 0; rounding < 4; rounding++)
				different += !compare_one(f->name, f->ours, a, b, rounding);
		}
		if (different)
			print_error("%s: %lu cases differ\n", f->name, different);
		total += different;
	}
	mpfr_free_cache();
	assert_int_equal(total, 0);
}
#endif

/*
 * The same bits on every host: sums taken where test_against_mpfr passes. The second half of the
 * operands are any, specials included.
 */
static void test_sums(void **state)
{
	static const uint64_t sums[] = {
		0xbc2baa82f35f6647, 0xf76156488cdfd582, 0x14d82cf7e6333073, 0xda45794fa080e42b,
		0xe8763ed59e5c61c5, 0x2d8998ef3a1da7ff, 0xeb8b69e7eafac927, 0x08ef93eafa777fcc,
		0x1cbdbd1dc6601727, 0xdfcdbeb7830c6db4, 0x14a681f7850410fe, 0x9b62040b22e07cac,
		0x7d7507c475a73a30, 0x84747e36057c1166, 0x2956ebf617927341, 0xd37fd1eb70413937,
		0x18a1e1bc25968feb, 0x1114f23857c74a0a, 0x2831c01c932d78b8, 0x9b7de419d2928263,
		0xc51261cd0a9ff6d3, 0xa369e470f8de529d, 0x5c3e2e2c21426344, 0x6338f24ec6232e3a,
	};
	bool equal = true;

	(void)state;
	assert_int_equal(sizeof(sums) / sizeof(sums[0]), sizeof(functions) / sizeof(functions[0]));
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		const struct function *f = &functions[i];
		struct random_state random = { i };
		uint64_t sum = 0xcbf29ce484222325;

		for (unsigned int n = 0; n < (f->slow ? 200 : 2000); n++) {
			struct float80 a = random_normal(&random, f->a_least, f->a_most);
			struct float80 b = random_normal(&random, f->b_least, f->b_most);
			struct fpu_context context = fpu_context(test_control(n % TEST_CONTROLS));
			struct float80 result;

			if (n & 1) {
				a = random_float80(&random);
				b = random_float80(&random);
			}
			result = f->ours(a, b, &context);
			sum = (sum ^ result.significand) * 0x100000001b3;
			sum = (sum ^ result.sign_exponent ^ (uint64_t)context.flags << 32) *
			      0x100000001b3;
		}
		if (sum != sums[i]) {
			print_error("%s: 0x%016llx\n", f->name, (unsigned long long)sum);
			equal = false;
		}
	}
	assert_true(equal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HAVE_MPFR
		cmocka_unit_test(test_against_mpfr),
#endif
		cmocka_unit_test(test_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
