/*
 * test_ieee.c - binary16, 32 and 64 arithmetic against the host's SSE, AVX, FMA and F16C
 *
 * Every operation with every rounding mode, DAZ, FTZ, masked and unmasked exceptions: results, flags
 * and whether #XM comes must be equal. TEST_CASES in the environment sets the cases an operation
 * (default 60,000). A hash over results computed here alone stands in where the host has no SSE.
 */
#define _GNU_SOURCE		/* REG_RIP */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ieee.h"
#include "ieee_fast.h"
#include "ieee_host_fma.h"
#include "test_ieee_host.h"

enum kind { F32, F64, I32, I64, FLAGS };

struct operation {
	const char *name;
	enum kind to;
	bool wide;			/* operands: binary64 */
	uint8_t length, code[6];
	struct ieee64 (*run)(const struct host_state *in, uint32_t mxcsr);
};

#define A32 ((uint32_t)in->ymm[0][0])
#define B32 ((uint32_t)in->ymm[1][0])
#define C32 ((uint32_t)in->ymm[2][0])
#define A64 (in->ymm[0][0])
#define B64 (in->ymm[1][0])
#define C64 (in->ymm[2][0])

static struct ieee64 widen(struct ieee32 r)
{
	struct ieee64 wide = { r.bits, r.flags };

	return wide;
}

static struct ieee64 keep(struct ieee64 r)
{
	return r;
}

#define RUN(name, how, call)                                                                      \
static struct ieee64 run_##name(const struct host_state *in, uint32_t mxcsr)                      \
{                                                                                                 \
	(void)mxcsr;                                                                              \
	return how(call);                                                                         \
}

RUN(addss, widen, ieee32_add(A32, B32, mxcsr))
RUN(addsd, keep, ieee64_add(A64, B64, mxcsr))
RUN(subss, widen, ieee32_sub(A32, B32, mxcsr))
RUN(subsd, keep, ieee64_sub(A64, B64, mxcsr))
RUN(mulss, widen, ieee32_mul(A32, B32, mxcsr))
RUN(mulsd, keep, ieee64_mul(A64, B64, mxcsr))
RUN(divss, widen, ieee32_div(A32, B32, mxcsr))
RUN(divsd, keep, ieee64_div(A64, B64, mxcsr))
RUN(sqrtss, widen, ieee32_sqrt(B32, mxcsr))
RUN(sqrtsd, keep, ieee64_sqrt(B64, mxcsr))
RUN(minss, widen, ieee32_min(A32, B32, mxcsr))
RUN(minsd, keep, ieee64_min(A64, B64, mxcsr))
RUN(maxss, widen, ieee32_max(A32, B32, mxcsr))
RUN(maxsd, keep, ieee64_max(A64, B64, mxcsr))
RUN(ucomiss, widen, ieee32_compare(A32, B32, false, mxcsr))
RUN(ucomisd, widen, ieee64_compare(A64, B64, false, mxcsr))
RUN(comiss, widen, ieee32_compare(A32, B32, true, mxcsr))
RUN(comisd, widen, ieee64_compare(A64, B64, true, mxcsr))
RUN(cvtss2sd, keep, ieee64_from_ieee32(B32, mxcsr))
RUN(cvtsd2ss, widen, ieee32_from_ieee64(B64, mxcsr))
RUN(cvtsi2ss32, widen, ieee32_from_int32((int32_t)in->rax, mxcsr))
RUN(cvtsi2ss64, widen, ieee32_from_int64((int64_t)in->rax, mxcsr))
RUN(cvtsi2sd32, keep, ieee64_from_int32((int32_t)in->rax, mxcsr))
RUN(cvtsi2sd64, keep, ieee64_from_int64((int64_t)in->rax, mxcsr))
RUN(cvtss2si32, widen, ieee32_to_int32(B32, mxcsr))
RUN(cvtss2si64, keep, ieee32_to_int64(B32, mxcsr))
RUN(cvtsd2si32, widen, ieee64_to_int32(B64, mxcsr))
RUN(cvtsd2si64, keep, ieee64_to_int64(B64, mxcsr))
RUN(cvttss2si32, widen, ieee32_to_int32(B32, mxcsr | MXCSR_RC_ZERO))
RUN(cvttss2si64, keep, ieee32_to_int64(B32, mxcsr | MXCSR_RC_ZERO))
RUN(cvttsd2si32, widen, ieee64_to_int32(B64, mxcsr | MXCSR_RC_ZERO))
RUN(cvttsd2si64, keep, ieee64_to_int64(B64, mxcsr | MXCSR_RC_ZERO))

#define OPERATION(name, to, wide, ...)                                                            \
	{ #name, to, wide, sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ }, run_##name }

static const struct operation operations[] = {
	OPERATION(addss, F32, false, 0xf3, 0x0f, 0x58, 0xc1),
	OPERATION(addsd, F64, true, 0xf2, 0x0f, 0x58, 0xc1),
	OPERATION(subss, F32, false, 0xf3, 0x0f, 0x5c, 0xc1),
	OPERATION(subsd, F64, true, 0xf2, 0x0f, 0x5c, 0xc1),
	OPERATION(mulss, F32, false, 0xf3, 0x0f, 0x59, 0xc1),
	OPERATION(mulsd, F64, true, 0xf2, 0x0f, 0x59, 0xc1),
	OPERATION(divss, F32, false, 0xf3, 0x0f, 0x5e, 0xc1),
	OPERATION(divsd, F64, true, 0xf2, 0x0f, 0x5e, 0xc1),
	OPERATION(sqrtss, F32, false, 0xf3, 0x0f, 0x51, 0xc1),
	OPERATION(sqrtsd, F64, true, 0xf2, 0x0f, 0x51, 0xc1),
	OPERATION(minss, F32, false, 0xf3, 0x0f, 0x5d, 0xc1),
	OPERATION(minsd, F64, true, 0xf2, 0x0f, 0x5d, 0xc1),
	OPERATION(maxss, F32, false, 0xf3, 0x0f, 0x5f, 0xc1),
	OPERATION(maxsd, F64, true, 0xf2, 0x0f, 0x5f, 0xc1),
	OPERATION(ucomiss, FLAGS, false, 0x0f, 0x2e, 0xc1),
	OPERATION(ucomisd, FLAGS, true, 0x66, 0x0f, 0x2e, 0xc1),
	OPERATION(comiss, FLAGS, false, 0x0f, 0x2f, 0xc1),
	OPERATION(comisd, FLAGS, true, 0x66, 0x0f, 0x2f, 0xc1),
	OPERATION(cvtss2sd, F64, false, 0xf3, 0x0f, 0x5a, 0xc1),
	OPERATION(cvtsd2ss, F32, true, 0xf2, 0x0f, 0x5a, 0xc1),
	OPERATION(cvtsi2ss32, F32, false, 0xf3, 0x0f, 0x2a, 0xc0),
	OPERATION(cvtsi2ss64, F32, false, 0xf3, 0x48, 0x0f, 0x2a, 0xc0),
	OPERATION(cvtsi2sd32, F64, false, 0xf2, 0x0f, 0x2a, 0xc0),
	OPERATION(cvtsi2sd64, F64, false, 0xf2, 0x48, 0x0f, 0x2a, 0xc0),
	OPERATION(cvtss2si32, I32, false, 0xf3, 0x0f, 0x2d, 0xc1),
	OPERATION(cvtss2si64, I64, false, 0xf3, 0x48, 0x0f, 0x2d, 0xc1),
	OPERATION(cvtsd2si32, I32, true, 0xf2, 0x0f, 0x2d, 0xc1),
	OPERATION(cvtsd2si64, I64, true, 0xf2, 0x48, 0x0f, 0x2d, 0xc1),
	OPERATION(cvttss2si32, I32, false, 0xf3, 0x0f, 0x2c, 0xc1),
	OPERATION(cvttss2si64, I64, false, 0xf3, 0x48, 0x0f, 0x2c, 0xc1),
	OPERATION(cvttsd2si32, I32, true, 0xf2, 0x0f, 0x2c, 0xc1),
	OPERATION(cvttsd2si64, I64, true, 0xf2, 0x48, 0x0f, 0x2c, 0xc1),
};

#if HOST_SSE

static unsigned long cases;
static unsigned failures;

static void random_operands(struct host_state *state, bool wide)
{
	for (unsigned n = 0; n < 4; n++) {
		state->ymm[n][0] = wide ? random_binary64() : random_binary32_pair();
		for (unsigned q = 1; q < 4; q++)
			state->ymm[n][q] = random64();
	}
	/* Operands that meet: equal, opposite, neighbours. */
	if (!random_below(8))
		state->ymm[1][0] = state->ymm[0][0] ^ (random_below(2) << (wide ? 63 : 31));
	if (!random_below(16))
		state->ymm[1][0] = state->ymm[0][0] + random_below(5) - 2;
	if (!random_below(16))
		state->ymm[2][0] ^= (state->ymm[2][0] ^ state->ymm[1][0]) << 16 >> 16;
	state->rax = random64() >> random_below(64);
	if (random_below(2))
		state->rax = 0 - state->rax;
	if (!random_below(4))
		state->rax = ((uint64_t)1 << random_below(64)) + random_below(5) - 2;
}

static void complain(const char *name, const struct host_state *in, const struct host_state *host,
		     int host_signal_number, uint64_t bits, uint32_t mxcsr, bool fault)
{
	if (failures++ > 40)
		return;
	print_message("%s a %016llx b %016llx c %016llx rax %016llx mxcsr %04x: "
		      "host %016llx rax %016llx flags %02llx mxcsr %04x%s; ours %016llx mxcsr %04x%s\n",
		      name, (unsigned long long)in->ymm[0][0], (unsigned long long)in->ymm[1][0],
		      (unsigned long long)in->ymm[2][0], (unsigned long long)in->rax, in->mxcsr,
		      (unsigned long long)host->ymm[0][0], (unsigned long long)host->rax,
		      (unsigned long long)host->rflags & 0xff, host->mxcsr_after,
		      host_signal_number ? " #XM" : "", (unsigned long long)bits, mxcsr,
		      fault ? " #XM" : "");
}

static void run_case(const struct operation *operation, bool unmasked)
{
	struct host_state in, out;
	struct ieee64 r;
	uint64_t result;
	uint32_t flags;
	bool fault, same;
	int number;

	random_operands(&in, operation->wide);
	in.mxcsr = random_mxcsr(unmasked);
	out = in;
	number = host_run(&out);
	r = operation->run(&in, in.mxcsr);
	flags = ieee_exceptions(r.flags, in.mxcsr);
	fault = ieee_unmasked(flags, in.mxcsr);
	switch (operation->to) {
	case F32:
		result = (uint32_t)out.ymm[0][0];
		break;
	case F64:
		result = out.ymm[0][0];
		break;
	case FLAGS:
		result = out.rflags & 0x45;
		break;
	default:
		result = out.rax;
		break;
	}
	same = (in.mxcsr | flags) == out.mxcsr_after && fault == (number == SIGFPE);
	if (!fault && result != r.bits)
		same = false;
	if (!same)
		complain(operation->name, &in, &out, number, r.bits, in.mxcsr | flags, fault);
}

static void run_operation(const struct operation *operation)
{
	host_load(operation->code, operation->length);
	for (unsigned long n = 0; n < cases; n++)
		run_case(operation, n % 16 == 0);
}

static void test_operations(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(operations) / sizeof(operations[0]); n++)
		run_operation(&operations[n]);
	assert_int_equal(failures, 0);
}

/* The predicates, the roundings and the half conversions have an immediate. */
static unsigned immediate;

RUN(cmpss, widen, ieee32_predicate(A32, B32, immediate, mxcsr))
RUN(cmpsd, keep, ieee64_predicate(A64, B64, immediate, mxcsr))
RUN(roundss, widen, ieee32_round(B32, immediate, mxcsr))
RUN(roundsd, keep, ieee64_round(B64, immediate, mxcsr))

static void run_immediates(struct operation operation, unsigned count)
{
	unsigned long all = cases;

	cases = cases / count + 2000;
	for (immediate = 0; immediate < count; immediate++) {
		operation.code[operation.length - 1] = (uint8_t)immediate;
		run_operation(&operation);
	}
	cases = all;
}

static void test_immediates(void **state)
{
	static const struct operation cmpss =
		OPERATION(cmpss, F32, false, 0xc5, 0xfa, 0xc2, 0xc1, 0);
	static const struct operation cmpsd =
		OPERATION(cmpsd, F64, true, 0xc5, 0xfb, 0xc2, 0xc1, 0);
	static const struct operation roundss =
		OPERATION(roundss, F32, false, 0x66, 0x0f, 0x3a, 0x0a, 0xc1, 0);
	static const struct operation roundsd =
		OPERATION(roundsd, F64, true, 0x66, 0x0f, 0x3a, 0x0b, 0xc1, 0);

	(void)state;
	run_immediates(cmpss, 32);
	run_immediates(cmpsd, 32);
	run_immediates(roundss, 16);
	run_immediates(roundsd, 16);
	assert_int_equal(failures, 0);
}

/* ---- Fused: three orders of operands, four sign patterns, two formats ------------------------ */

static unsigned fma_opcode;

static struct ieee64 run_fma32(const struct host_state *in, uint32_t mxcsr)
{
	uint32_t negate = (fma_opcode & 15) >= 12 ? IEEE_FMA_NEGATE_PRODUCT : 0;

	if ((fma_opcode & 15) % 4 >= 2)
		negate |= IEEE_FMA_NEGATE_ADDEND;
	switch (fma_opcode >> 4) {
	case 9:
		return widen(ieee32_fma(A32, C32, B32, negate, mxcsr));
	case 10:
		return widen(ieee32_fma(B32, A32, C32, negate, mxcsr));
	default:
		return widen(ieee32_fma(B32, C32, A32, negate, mxcsr));
	}
}

static struct ieee64 run_fma64(const struct host_state *in, uint32_t mxcsr)
{
	uint32_t negate = (fma_opcode & 15) >= 12 ? IEEE_FMA_NEGATE_PRODUCT : 0;

	if ((fma_opcode & 15) % 4 >= 2)
		negate |= IEEE_FMA_NEGATE_ADDEND;
	switch (fma_opcode >> 4) {
	case 9:
		return ieee64_fma(A64, C64, B64, negate, mxcsr);
	case 10:
		return ieee64_fma(B64, A64, C64, negate, mxcsr);
	default:
		return ieee64_fma(B64, C64, A64, negate, mxcsr);
	}
}

static void test_fma(void **state)
{
	struct operation operation = { "fma32", F32, false, 5, { 0xc4, 0xe2, 0x71, 0, 0xc2 },
				       run_fma32 };

	(void)state;
	if (!__builtin_cpu_supports("fma"))
		skip();
	for (unsigned n = 0; n < 24; n++) {
		fma_opcode = 0x99 + n / 8 * 16 + n % 4 * 2;
		operation.code[3] = (uint8_t)fma_opcode;
		operation.wide = n % 8 >= 4;
		operation.to = operation.wide ? F64 : F32;
		operation.name = operation.wide ? "fma64" : "fma32";
		operation.code[2] = operation.wide ? 0xf1 : 0x71;
		operation.run = operation.wide ? run_fma64 : run_fma32;
		run_operation(&operation);
	}
	assert_int_equal(failures, 0);
}

/* ---- Half ------------------------------------------------------------------------------------ */

/* Four elements: the flags of all. */
static struct ieee64 run_ps2ph(const struct host_state *in, uint32_t mxcsr)
{
	struct ieee64 r = { 0, 0 };

	for (unsigned n = 0; n < 4; n++) {
		uint32_t a = (uint32_t)(in->ymm[1][n / 2] >> n % 2 * 32);
		struct ieee32 half = ieee16_from_ieee32(a, immediate, mxcsr);

		r.bits |= (uint64_t)half.bits << 16 * n;
		r.flags |= half.flags;
	}
	return r;
}

RUN(cvtph2ps, widen, ieee32_from_ieee16((uint16_t)B64, mxcsr))

/* clang 14 has no name for it. */
static bool host_has_f16c(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && c >> 29 & 1;
}

static void test_half(void **state)
{
	/* VCVTPS2PH xmm0, xmm1, imm8; VCVTPH2PS xmm0, xmm1 */
	static const struct operation ps2ph = { "cvtps2ph", F64, false, 6,
						{ 0xc4, 0xe3, 0x79, 0x1d, 0xc8, 0 }, run_ps2ph };
	static const uint8_t ph2ps[] = { 0xc4, 0xe2, 0x79, 0x13, 0xc1 };

	(void)state;
	if (!host_has_f16c())
		skip();
	run_immediates(ps2ph, 8);
	host_load(ph2ps, sizeof(ph2ps));
	for (uint32_t half = 0; half < 0x10000; half++) {
		struct host_state in, out;
		struct ieee64 r;
		uint32_t flags;
		int number;

		memset(&in, 0, sizeof(in));
		in.ymm[1][0] = half;
		in.mxcsr = random_mxcsr(half % 16 == 0);
		out = in;
		number = host_run(&out);
		r = run_cvtph2ps(&in, in.mxcsr);
		flags = ieee_exceptions(r.flags, in.mxcsr);
		if ((!number && (uint32_t)out.ymm[0][0] != r.bits) ||
		    out.mxcsr_after != (in.mxcsr | flags) ||
		    (number != 0) != ieee_unmasked(flags, in.mxcsr))
			complain("cvtph2ps", &in, &out, number, r.bits, in.mxcsr | flags, false);
	}
	assert_int_equal(failures, 0);
}

/* ---- Several elements: what one element's exception does to another's ------------------------ */

static void test_packed(void **state)
{
	static const uint8_t divps[] = { 0x0f, 0x5e, 0xc1 };

	(void)state;
	host_load(divps, sizeof(divps));
	for (unsigned long c = 0; c < cases; c++) {
		struct host_state in, out;
		uint32_t flags = 0, results[4];
		uint64_t low, high;
		int number;

		for (unsigned n = 0; n < 2; n++)
			for (unsigned q = 0; q < 4; q++)
				in.ymm[n][q] = random_binary32_pair();
		in.rax = 0;
		in.mxcsr = random_mxcsr(c % 4 == 0);
		out = in;
		number = host_run(&out);
		for (unsigned n = 0; n < 4; n++) {
			struct ieee32 r = ieee32_div((uint32_t)(in.ymm[0][n / 2] >> n % 2 * 32),
						     (uint32_t)(in.ymm[1][n / 2] >> n % 2 * 32),
						     in.mxcsr);

			results[n] = r.bits;
			flags |= r.flags;
		}
		flags = ieee_exceptions(flags, in.mxcsr);
		low = (uint64_t)results[1] << 32 | results[0];
		high = (uint64_t)results[3] << 32 | results[2];
		if (out.mxcsr_after != (in.mxcsr | flags) ||
		    (number != 0) != ieee_unmasked(flags, in.mxcsr) ||
		    (!number && (out.ymm[0][0] != low || out.ymm[0][1] != high)))
			complain("divps", &in, &out, number, low, in.mxcsr | flags, number != 0);
	}
	assert_int_equal(failures, 0);
}
#endif

/* ---- Without a host to compare with ---------------------------------------------------------- */

/* The operations make the same bits everywhere: a hash of many results. */
static void test_hash(void **state)
{
	uint64_t hash = 0;

	(void)state;
	random_state = 12345;
	for (size_t n = 0; n < sizeof(operations) / sizeof(operations[0]); n++) {
		for (unsigned c = 0; c < 4000; c++) {
			struct host_state in;
			struct ieee64 r;

			memset(&in, 0, sizeof(in));
			for (unsigned k = 0; k < 3; k++)
				in.ymm[k][0] = operations[n].wide ? random_binary64() :
								    random_binary32_pair();
			in.rax = random64();            /* drawn first, whatever the compiler likes */
			in.rax >>= random_below(64);
			r = operations[n].run(&in, random_mxcsr(true));
			hash = (hash ^ r.bits) * 0x100000001b3 + r.flags;
			hash ^= hash >> 29;
		}
	}
	assert_int_equal(hash, 0xe9ad0660f50986d6);
}

/* Where the host's arithmetic says it is done, it has the exact result, and no flag but PE. */
#define CHECK_FAST(W, name)									\
	do {											\
		struct ieee_fast##W fast = ieee_fast##W##_##name(a##W, b##W);			\
		struct ieee##W exact = ieee##W##_##name(a##W, b##W, mxcsr);			\
												\
		if (fast.done) {								\
			assert_int_equal(fast.bits, exact.bits);				\
			assert_false(exact.flags & ~(uint32_t)MXCSR_PE);			\
			done++;									\
		}										\
	} while (0)
#define CHECK_FAST_ROOT(W)									\
	do {											\
		struct ieee_fast##W fast = ieee_fast##W##_sqrt(a##W);				\
		struct ieee##W exact = ieee##W##_sqrt(a##W, mxcsr);				\
												\
		if (fast.done) {								\
			assert_int_equal(fast.bits, exact.bits);				\
			assert_false(exact.flags & ~(uint32_t)MXCSR_PE);			\
			done++;									\
		}										\
	} while (0)

/* Products and sums that meet: c is often near -a * b. */
static void check_fma(uint32_t mxcsr)
{
	uint32_t a32 = random_binary32(), b32 = random_binary32(), c32 = random_binary32();
	uint64_t a64 = random_binary64(), b64 = random_binary64(), c64 = random_binary64();

	if (!random_below(3)) {
		c32 = ieee32_mul(a32, b32, mxcsr).bits ^ 0x80000000;
		c64 = ieee64_mul(a64, b64, mxcsr).bits ^ (uint64_t)1 << 63;
	}
	for (uint32_t negate = 0; negate < 4; negate++) {
		bool product = negate & IEEE_FMA_NEGATE_PRODUCT, addend = negate & IEEE_FMA_NEGATE_ADDEND;
		struct ieee32 exact32 = ieee32_fma(a32, b32, c32, negate, mxcsr);
		struct ieee64 exact64 = ieee64_fma(a64, b64, c64, negate, mxcsr);
		struct ieee_fast32 fast32 = ieee_fast32_fma(a32, b32, c32, negate);
		struct ieee_fast32 host32 = ieee_host32_fma(a32, b32, c32, (uint32_t)product << 31,
							    (uint32_t)addend << 31);
		struct ieee_fast64 host64 = ieee_host64_fma(a64, b64, c64, (uint64_t)product << 63,
							    (uint64_t)addend << 63);

		assert_true(!fast32.done || fast32.bits == exact32.bits);
		assert_true(!host32.done || host32.bits == exact32.bits);
		assert_true(!host64.done || host64.bits == exact64.bits);
		assert_true(!(fast32.done || host32.done) || !(exact32.flags & ~(uint32_t)MXCSR_PE));
		assert_true(!host64.done || !(exact64.flags & ~(uint32_t)MXCSR_PE));
	}
}

static void test_fast(void **state)
{
	unsigned long done = 0, count = 100000;

	(void)state;
	if (!IEEE_HOST)
		skip();
	for (unsigned long n = 0; n < count; n++) {
		uint32_t a32 = random_binary32(), b32 = random_binary32();
		uint64_t a64 = random_binary64(), b64 = random_binary64();
		uint32_t mxcsr = MXCSR_INITIAL | MXCSR_PE | (n & 1 ? MXCSR_DAZ | MXCSR_FTZ : 0);

		CHECK_FAST(32, add);
		CHECK_FAST(64, add);
		CHECK_FAST(32, sub);
		CHECK_FAST(64, sub);
		CHECK_FAST(32, mul);
		CHECK_FAST(64, mul);
		CHECK_FAST(32, div);
		CHECK_FAST(64, div);
		CHECK_FAST_ROOT(32);
		CHECK_FAST_ROOT(64);
		check_fma(mxcsr);
	}
	/* Most are, or it is not fast. */
	assert_true(done > 4 * count);
}

/* The bound that the manual gives, by exact integers: |a * r - 1| <= 1.5 * 2^-12. */
static void test_estimates(void **state)
{
	(void)state;
	for (uint32_t fraction = 0; fraction < 1 << 23; fraction += 7) {
		uint32_t a = 0x3f800000 | fraction, r = ieee32_reciprocal(a);
		/* a * 2^23 and r * 2^24; the product is to be 2^47 */
		int64_t product = (int64_t)(fraction | 1 << 23) * (int64_t)((r & 0x7fffff) | 1 << 23);
		int64_t error = product - ((int64_t)1 << 47);

		assert_int_equal(r >> 23, 126);
		assert_true(error <= (int64_t)3 << 34 && -error <= (int64_t)3 << 34);
	}
	for (uint32_t n = 0; n < 1 << 24; n += 7) {
		uint32_t a = 0x3f800000 + n, r = ieee32_reciprocal_root(a);
		double x = (double)((a & 0x7fffff) | 1 << 23) / (a >> 23 == 127 ? 1 << 23 : 1 << 22);
		double y = (double)((r & 0x7fffff) | 1 << 23) / (r >> 23 == 126 ? 1 << 24 : 1 << 23);
		/* x y y - 1 is twice the relative error, but for its square */
		double error = x * y * y - 1;

		assert_true(error < 3.0005 / 4096 && error > -3.0005 / 4096);
	}
	assert_int_equal(ieee32_reciprocal(0x3f800000), 0x3f7ff000);
	assert_int_equal(ieee32_reciprocal(0), 0x7f800000);
	assert_int_equal(ieee32_reciprocal(0x80000001), 0xff800000);
	assert_int_equal(ieee32_reciprocal(0xff800000), 0x80000000);
	assert_int_equal(ieee32_reciprocal(0x7e7fffff), 0x00800000 | (4097 & 0xfff) << 11);
	assert_int_equal(ieee32_reciprocal(0x7e800000), 0);
	assert_int_equal(ieee32_reciprocal(0x7f800001), 0x7fc00001);
	assert_int_equal(ieee32_reciprocal_root(0x3f800000), 0x3f7ff000);
	assert_int_equal(ieee32_reciprocal_root(0x80000000), 0xff800000);
	assert_int_equal(ieee32_reciprocal_root(0xbf800000), 0xffc00000);
	assert_int_equal(ieee32_reciprocal_root(0x7f800000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_fast),
		cmocka_unit_test(test_estimates),
#if HOST_SSE
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_immediates),
		cmocka_unit_test(test_fma),
		cmocka_unit_test(test_half),
		cmocka_unit_test(test_packed),
#endif
	};
	size_t count = sizeof(tests) / sizeof(tests[0]);

#if HOST_SSE
	const char *wanted = getenv("TEST_CASES");

	cases = wanted ? strtoul(wanted, NULL, 0) : 60000;
	if (!host_start())
		count = 3;
#endif
	return _cmocka_run_group_tests("ieee", tests, count, NULL, NULL);
}
