/*
 * test_fpu_arithmetic.c - the x87 arithmetic against the host's own x87, and against fixed vectors
 *
 * Every operation, every rounding and precision control, masked and unmasked exceptions, special
 * operands crossed with each other, then random ones. Results and all status flags must be equal.
 */
#include "test_fpu_host.h"

/* What an operation left: registers of the stack from the top, memory, flags. */
struct outcome {
	struct float80 st0, st1;
	uint8_t memory[16];
	uint16_t flags;
};

/* Memory is little-endian whatever the host is. */
static uint64_t little_get(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;

	for (size_t n = 0; n < count; n++)
		value |= (uint64_t)bytes[n] << 8 * n;
	return value;
}

static void little_put(uint8_t *bytes, uint64_t value, size_t count)
{
	for (size_t n = 0; n < count; n++)
		bytes[n] = (uint8_t)(value >> 8 * n);
}

typedef void our_function(struct float80 a, struct float80 b, const uint8_t *operand,
			  struct fpu_context *context, struct outcome *out);

static void keep_st0(struct float80 a, struct float80 result, struct fpu_context *context,
		     struct outcome *out)
{
	out->st0 = fpu_suppressed(context) ? a : result;
}

#define OUR_BINARY(name, call)									\
static void our_##name(struct float80 a, struct float80 b, const uint8_t *operand,		\
		       struct fpu_context *context, struct outcome *out)			\
{												\
	(void)operand;										\
	(void)b;										\
	keep_st0(a, call, context, out);							\
}

OUR_BINARY(add, f80_add(a, b, context))
OUR_BINARY(subtract, f80_subtract(a, b, context))
OUR_BINARY(multiply, f80_multiply(a, b, context))
OUR_BINARY(divide, f80_divide(a, b, context))
OUR_BINARY(square_root, f80_square_root(a, context))
OUR_BINARY(compare, (f80_compare(a, b, false, context), a))
OUR_BINARY(compare_quiet, (f80_compare(a, b, true, context), a))
OUR_BINARY(examine, (context->flags |= f80_examine(a), a))
OUR_BINARY(round_to_integer, f80_round_to_integer(a, context))
OUR_BINARY(remainder, f80_remainder(a, b, false, context))
OUR_BINARY(remainder_nearest, f80_remainder(a, b, true, context))
OUR_BINARY(scale, f80_scale(a, b, context))

static void our_extract(struct float80 a, struct float80 b, const uint8_t *operand,
			struct fpu_context *context, struct outcome *out)
{
	(void)b;
	(void)operand;
	out->st0 = f80_extract(a, &out->st1, context);
	if (fpu_suppressed(context)) {
		out->st0 = a;
		out->st1 = b;
	}
}

#define OUR_STORE(name, type, call)								\
static void our_##name(struct float80 a, struct float80 b, const uint8_t *operand,		\
		       struct fpu_context *context, struct outcome *out)			\
{												\
	type value = (type)call;								\
	(void)operand;										\
	if (fpu_store_suppressed(context)) {							\
		out->st0 = a;									\
		out->st1 = b;									\
	} else {										\
		out->st0 = b;									\
		little_put(out->memory, (uint64_t)value, sizeof(value));			\
	}											\
}

OUR_STORE(store32, uint32_t, f80_to_float32(a, context))
OUR_STORE(store64, uint64_t, f80_to_float64(a, context))
OUR_STORE(store_int16, int16_t, f80_to_int16(a, context))
OUR_STORE(store_int32, int32_t, f80_to_int32(a, context))
OUR_STORE(store_int64, int64_t, f80_to_int64(a, context))

static void our_store_bcd(struct float80 a, struct float80 b, const uint8_t *operand,
			  struct fpu_context *context, struct outcome *out)
{
	uint8_t bcd[10];

	(void)operand;
	f80_to_bcd(a, bcd, context);
	if (fpu_store_suppressed(context)) {
		out->st0 = a;
		out->st1 = b;
	} else {
		out->st0 = b;
		memcpy(out->memory, bcd, 10);
	}
}

#define OUR_LOAD(name, type, call)								\
static void our_##name(struct float80 a, struct float80 b, const uint8_t *operand,		\
		       struct fpu_context *context, struct outcome *out)			\
{												\
	type value;										\
	struct float80 result;									\
	value = (type)little_get(operand, sizeof(value));					\
	result = call;										\
	if (fpu_unmasked(context) & FPU_IE) {							\
		out->st0 = a;									\
		out->st1 = b;									\
	} else {										\
		out->st0 = result;								\
		out->st1 = a;									\
	}											\
}

OUR_LOAD(load32, uint32_t, f80_from_float32(value, context))
OUR_LOAD(load64, uint64_t, f80_from_float64(value, context))
OUR_LOAD(load_int16, int16_t, f80_from_int32(value))
OUR_LOAD(load_int32, int32_t, f80_from_int32(value))
OUR_LOAD(load_int64, int64_t, f80_from_int64(value))
OUR_LOAD(load_bcd, uint8_t, ((void)value, f80_from_bcd(operand)))
OUR_LOAD(load_1, uint8_t, ((void)value, f80_constant(0, context)))
OUR_LOAD(load_l2t, uint8_t, ((void)value, f80_constant(1, context)))
OUR_LOAD(load_l2e, uint8_t, ((void)value, f80_constant(2, context)))
OUR_LOAD(load_pi, uint8_t, ((void)value, f80_constant(3, context)))
OUR_LOAD(load_lg2, uint8_t, ((void)value, f80_constant(4, context)))
OUR_LOAD(load_ln2, uint8_t, ((void)value, f80_constant(5, context)))
OUR_LOAD(load_z, uint8_t, ((void)value, f80_constant(6, context)))

static struct float80 divide_reversed(struct float80 a, struct float80 b,
				      struct fpu_context *context)
{
	return f80_divide(b, a, context);
}

#define OUR_MEMORY(name, type, widen, operation)						\
static void our_##name(struct float80 a, struct float80 b, const uint8_t *operand,		\
		       struct fpu_context *context, struct outcome *out)			\
{												\
	type value;										\
	bool denormal;										\
	struct float80 memory, result;								\
	(void)b;										\
	value = (type)little_get(operand, sizeof(value));					\
	memory = widen(value, &denormal);							\
	result = denormal ? f80_with_denormal(operation, a, memory, context)			\
			  : operation(a, memory, context);					\
	keep_st0(a, result, context, out);							\
}

OUR_MEMORY(add32, uint32_t, f80_raw_from_float32, f80_add)
OUR_MEMORY(multiply64, uint64_t, f80_raw_from_float64, f80_multiply)
OUR_MEMORY(divide_reversed64, uint64_t, f80_raw_from_float64, divide_reversed)

static void our_compare64(struct float80 a, struct float80 b, const uint8_t *operand,
			  struct fpu_context *context, struct outcome *out)
{
	uint64_t value;
	bool denormal;
	struct float80 memory;

	(void)b;
	(void)out;
	value = little_get(operand, 8);
	memory = f80_raw_from_float64(value, &denormal);
	if (denormal)
		f80_compare_with_denormal(a, memory, context);
	else
		f80_compare(a, memory, false, context);
}

#if HAVE_HOST_X87

#define HOST(name) host_##name,

HOST_FUNCTION(add, "fadd %%st(1), %%st")
HOST_FUNCTION(subtract, "fsub %%st(1), %%st")
HOST_FUNCTION(multiply, "fmul %%st(1), %%st")
HOST_FUNCTION(divide, "fdiv %%st(1), %%st")
HOST_FUNCTION(square_root, "fsqrt")
HOST_FUNCTION(compare, "fcom %%st(1)")
HOST_FUNCTION(compare_quiet, "fucom %%st(1)")
HOST_FUNCTION(examine, "fxam")
HOST_FUNCTION(round_to_integer, "frndint")
HOST_FUNCTION(remainder, "fprem")
HOST_FUNCTION(remainder_nearest, "fprem1")
HOST_FUNCTION(scale, "fscale")
HOST_FUNCTION(extract, "fxtract")
HOST_FUNCTION(store32, "fstps %[m]")
HOST_FUNCTION(store64, "fstpl %[m]")
HOST_FUNCTION(store_int16, "fistps %[m]")
HOST_FUNCTION(store_int32, "fistpl %[m]")
HOST_FUNCTION(store_int64, "fistpll %[m]")
HOST_FUNCTION(store_bcd, "fbstp %[m]")
HOST_FUNCTION(load32, "flds %[m]")
HOST_FUNCTION(load64, "fldl %[m]")
HOST_FUNCTION(load_int16, "filds %[m]")
HOST_FUNCTION(load_int32, "fildl %[m]")
HOST_FUNCTION(load_int64, "fildll %[m]")
HOST_FUNCTION(load_bcd, "fbld %[m]")
HOST_FUNCTION(add32, "fadds %[m]")
HOST_FUNCTION(multiply64, "fmull %[m]")
HOST_FUNCTION(divide_reversed64, "fdivrl %[m]")
HOST_FUNCTION(compare64, "fcoml %[m]")
HOST_FUNCTION(load_1, "fld1")
HOST_FUNCTION(load_l2t, "fldl2t")
HOST_FUNCTION(load_l2e, "fldl2e")
HOST_FUNCTION(load_pi, "fldpi")
HOST_FUNCTION(load_lg2, "fldlg2")
HOST_FUNCTION(load_ln2, "fldln2")
HOST_FUNCTION(load_z, "fldz")

#else
#define HOST(name) NULL,
#endif

#define CONDITIONS (FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3)

struct operation {
	const char *name;
	void (*host)(struct host_memory *m);	/* NULL when there is no such host */
	our_function *ours;
	bool binary, memory;
	uint16_t mask;
};

#define UNARY(name) { #name, HOST(name) our_##name, false, false, FPU_EXCEPTIONS | FPU_C1 }
#define BINARY(name) { #name, HOST(name) our_##name, true, false, FPU_EXCEPTIONS | FPU_C1 }
#define MEMORY(name) { #name, HOST(name) our_##name, false, true, FPU_EXCEPTIONS | FPU_C1 }

static const struct operation operations[] = {
	BINARY(add), BINARY(subtract), BINARY(multiply), BINARY(divide), UNARY(square_root),
	{ "compare", HOST(compare) our_compare, true, false, FPU_EXCEPTIONS | CONDITIONS },
	{ "compare_quiet", HOST(compare_quiet) our_compare_quiet, true, false,
	  FPU_EXCEPTIONS | CONDITIONS },
	{ "examine", HOST(examine) our_examine, false, false, FPU_EXCEPTIONS | CONDITIONS },
	UNARY(round_to_integer),
	{ "remainder", HOST(remainder) our_remainder, true, false, FPU_EXCEPTIONS | CONDITIONS },
	{ "remainder_nearest", HOST(remainder_nearest) our_remainder_nearest, true, false,
	  FPU_EXCEPTIONS | CONDITIONS },
	BINARY(scale), UNARY(extract),
	UNARY(store32), UNARY(store64), UNARY(store_int16), UNARY(store_int32),
	UNARY(store_int64), UNARY(store_bcd),
	MEMORY(load32), MEMORY(load64), MEMORY(load_int16), MEMORY(load_int32),
	MEMORY(load_int64), MEMORY(load_bcd), MEMORY(load_1), MEMORY(load_l2t), MEMORY(load_l2e),
	MEMORY(load_pi), MEMORY(load_lg2), MEMORY(load_ln2), MEMORY(load_z),
	MEMORY(add32), MEMORY(multiply64), MEMORY(divide_reversed64), MEMORY(compare64),
};

static void random_memory(struct random_state *random, uint8_t operand[16])
{
	uint64_t choice = random_next(random), value = random_next(random);

	switch (choice & 7) {
	case 0:
		value &= 0xfffffffffffff;
		break;
	case 1:
		value |= 0x7ff0000000000000;
		break;
	case 2:
		value = value << 32 | (value >> 32 & 0x7fffff);
		break;
	case 3:
		value = (value & 0x807fffff) | 0x7f800000;
		break;
	case 4:
		value = (uint64_t)1 << (choice >> 8 & 63);
		break;
	default:
		break;
	}
	memset(operand, 0, 16);
	little_put(operand, value, 8);
	if (choice >> 16 & 1) {
		for (int i = 0; i < 9; i++)
			operand[i] = (uint8_t)((choice >> (20 + i)) % 10 * 16 + (value >> 4 * i) % 10);
		operand[9] = (uint8_t)(choice >> 60 << 7);
	}
}

/*
 * The same bits on every host: sums over results and flags of many operations. They were taken where
 * test_against_host passes, so they stand for silicon on hosts that have none of it.
 */
static void test_sums(void **state)
{
	static const uint64_t sums[] = {
		0x57395e372b3880a9, 0x85d72ba9ab001656, 0x1ad2bfee76e3426d, 0x83d8b5f077170639,
		0x6a8881956b36a410, 0x22cce7aab9e3039a, 0x327f3a2a6e86abe2, 0x1682502b95b3db17,
		0x01836bb028dbdf49, 0x0e70d39e56faab29, 0x1d6402f599824e74, 0x7929a662e1c59c5f,
		0x179cbfea3b28ffef, 0x7cadceb8e01dd6d2, 0xfb7c2f48747de205, 0xeb64b742ac2a4395,
		0x1ced10f4b1d21a7b, 0xc8628be289d7f530, 0x9e6d43ca047e29fe, 0x02598b36d6452a78,
		0x681fdf3a65e6134a, 0x414e4f5fe8b4a05c, 0xba72b6359c51410c, 0xe7c1ce840caa753d,
		0x303500d744e01929, 0x3f2f9439e24915ae, 0xd2720915232c29c7, 0xbdc3e04c80f92cf7,
		0x6c4fcaf6e86d31a9, 0xaabe40f64453338b, 0x51e7261be2901fe7, 0x0e2c4f6016e69499,
		0x466d2752b0f3800a, 0x345a8adb9f056092, 0x1d1bccdc2ea1378b, 0x2afe7c6cd5d78039,
	};
	bool equal = true;

	(void)state;
	assert_int_equal(sizeof(sums) / sizeof(sums[0]), sizeof(operations) / sizeof(operations[0]));
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		struct random_state random = { i };
		uint64_t sum = 0xcbf29ce484222325;

		for (unsigned int n = 0; n < 4000; n++) {
			struct float80 a = random_float80(&random), b = random_float80(&random);
			struct fpu_context context = fpu_context(test_control(n % TEST_CONTROLS));
			struct outcome out = { .st0 = a, .st1 = b };
			uint8_t operand[16] = { 0 };

			if (operations[i].memory)
				random_memory(&random, operand);
			operations[i].ours(a, b, operand, &context, &out);
			sum = (sum ^ out.st0.significand) * 0x100000001b3;
			sum = (sum ^ out.st0.sign_exponent ^ (uint64_t)context.flags << 32) *
			      0x100000001b3;
			sum = (sum ^ out.st1.significand) * 0x100000001b3;
			sum = (sum ^ little_get(out.memory, 8)) * 0x100000001b3;
		}
		if (sum != sums[i]) {
			print_error("%s: 0x%016llx\n", operations[i].name, (unsigned long long)sum);
			equal = false;
		}
	}
	assert_true(equal);
}

#if HAVE_HOST_X87

static unsigned int reported;

static bool same(struct float80 a, struct float80 b)
{
	return a.significand == b.significand && a.sign_exponent == b.sign_exponent;
}

static bool compare_one(const struct operation *operation, struct float80 a, struct float80 b,
			const uint8_t operand[16], uint16_t control)
{
	struct host_memory m;
	struct outcome ours;
	struct fpu_context context = fpu_context(control);
	struct float80 host0, host1;
	uint16_t host_flags;

	host_put(m.a, a);
	host_put(m.b, b);
	memcpy(m.operand, operand, 16);
	m.control = control;
	operation->host(&m);
	host0 = host_get(m.state.registers[0]);
	host1 = host_get(m.state.registers[1]);
	host_flags = (uint16_t)(m.state.status & operation->mask);

	memset(&ours, 0, sizeof(ours));
	ours.st0 = a;
	ours.st1 = b;
	memcpy(ours.memory, operand, 16);
	operation->ours(a, b, operand, &context, &ours);
	ours.flags = context.flags & operation->mask;
	if (ours.flags == host_flags && same(ours.st0, host0) &&
	    (same(ours.st1, host1) || !memcmp(operation->name, "store", 5)) &&
	    !memcmp(ours.memory, m.operand, 16))
		return true;
	if (reported++ < environment_number("CLEARBOX_FPU_REPORTS", 20)) {
		uint64_t low, host_low, our_low;

		memcpy(&low, operand, 8);
		memcpy(&host_low, m.operand, 8);
		memcpy(&our_low, ours.memory, 8);
		print_error("%s a %04x:%016llx b %04x:%016llx m %016llx control %04x:\n"
			    "  host %04x:%016llx %04x:%016llx m %016llx flags %04x\n"
			    "  ours %04x:%016llx %04x:%016llx m %016llx flags %04x\n",
			    operation->name, a.sign_exponent, (unsigned long long)a.significand,
			    b.sign_exponent, (unsigned long long)b.significand,
			    (unsigned long long)low, control, host0.sign_exponent,
			    (unsigned long long)host0.significand, host1.sign_exponent,
			    (unsigned long long)host1.significand, (unsigned long long)host_low,
			    host_flags, ours.st0.sign_exponent,
			    (unsigned long long)ours.st0.significand, ours.st1.sign_exponent,
			    (unsigned long long)ours.st1.significand,
			    (unsigned long long)our_low, ours.flags);
	}
	return false;
}

static unsigned long compare_special(const struct operation *operation)
{
	static const uint8_t zero[16];
	unsigned long different = 0;

	for (size_t i = 0; i < SPECIAL_COUNT; i++) {
		for (size_t j = 0; j < (operation->binary ? SPECIAL_COUNT : 1); j++) {
			for (unsigned int k = 0; k < TEST_CONTROLS; k++)
				different += !compare_one(operation, special_operand(i),
							  special_operand(j), zero, test_control(k));
		}
	}
	return different;
}

static unsigned long compare_random(const struct operation *operation, unsigned long count,
				    struct random_state *random)
{
	unsigned long different = 0;

	for (unsigned long i = 0; i < count; i++) {
		struct float80 a = random_float80(random), b = random_float80(random);
		uint8_t operand[16] = { 0 };

		if (operation->memory)
			random_memory(random, operand);
		if (i % 4 == 0) {
			b = a;
			b.sign_exponent ^= (uint16_t)(random_next(random) & 0x8003);
			b.significand ^= random_next(random) >> (random_next(random) & 63);
		}
		different += !compare_one(operation, a, b, operand,
					  test_control((unsigned int)(random_next(random) %
								      TEST_CONTROLS)));
	}
	return different;
}

static void test_against_host(void **state)
{
	struct random_state random = { environment_number("CLEARBOX_FPU_SEED", 1) };
	unsigned long count = environment_number("CLEARBOX_FPU_CASES", 20000), total = 0;
	const char *only = getenv("CLEARBOX_FPU_ONLY");

	(void)state;
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		unsigned long different;

		if (only && strcmp(only, operations[i].name))
			continue;
		reported = 0;
		different = operations[i].memory ? 0 : compare_special(&operations[i]);
		different += compare_random(&operations[i], count, &random);
		if (different)
			print_error("%s: %lu cases differ\n", operations[i].name, different);
		total += different;
	}
	assert_int_equal(total, 0);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
#if HAVE_HOST_X87
		cmocka_unit_test(test_against_host),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
