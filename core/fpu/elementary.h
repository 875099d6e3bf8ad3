/*
 * elementary.h - template: elementary functions on numbers of LIMBS 64-bit words
 *
 * Included once for each width, with LIMBS, FN(name) and the LINKAGE of its results defined, and a
 * series function FN(series) for that width. Words are stored most significant first. Two kinds of
 * number:
 *
 *	big	sign, exponent and a normalised fraction: 0.5 <= fraction < 1, value = fraction *
 *		2^exponent; each operation errs by a few units of the last place
 *	q2	a fixed point number from 0 to 4: two integer bits, LIMBS * 64 - 2 fraction bits
 *
 * Arguments that can be tiny stay big, so that results are good relative to their size: sin r is
 * r * S(r^2) with the series S as q2 near one, and so on for the others. The sums of all errors stay
 * below 2^12 units of the last place; the caller allows for 2^14.
 */

struct FN(big) {
	bool sign;
	int32_t exponent;
	uint64_t m[LIMBS];
};

static inline bool FN(is_zero)(const uint64_t a[LIMBS])
{
	uint64_t any = 0;

	for (int i = 0; i < LIMBS; i++)
		any |= a[i];
	return !any;
}

static inline bool FN(less)(const uint64_t a[LIMBS], const uint64_t b[LIMBS])
{
	for (int i = 0; i < LIMBS; i++) {
		if (a[i] != b[i])
			return a[i] < b[i];
	}
	return false;
}

/* r = a + b, returns the carry. */
static inline uint64_t FN(sum)(uint64_t r[LIMBS], const uint64_t a[LIMBS], const uint64_t b[LIMBS])
{
	uint64_t carry = 0;

	for (int i = LIMBS - 1; i >= 0; i--) {
		uint64_t t = a[i] + carry;

		carry = t < carry;
		t += b[i];
		carry |= t < b[i];
		r[i] = t;
	}
	return carry;
}

/* r = a - b, returns the borrow. */
static inline uint64_t FN(difference)(uint64_t r[LIMBS], const uint64_t a[LIMBS],
				      const uint64_t b[LIMBS])
{
	uint64_t borrow = 0;

	for (int i = LIMBS - 1; i >= 0; i--) {
		uint64_t t = a[i] - borrow;

		borrow = a[i] < borrow;
		borrow |= t < b[i];
		r[i] = t - b[i];
	}
	return borrow;
}

static inline void FN(shift_right)(uint64_t a[LIMBS], int32_t count)
{
	int words = count >= LIMBS * 64 ? LIMBS : count / 64, bits = count & 63;

	for (int i = LIMBS - 1; i >= 0; i--) {
		uint64_t high = i - words >= 0 ? a[i - words] : 0;
		uint64_t above = i - words >= 1 ? a[i - words - 1] : 0;

		a[i] = bits ? high >> bits | above << (64 - bits) : high;
	}
}

static inline void FN(shift_left)(uint64_t a[LIMBS], int32_t count)
{
	int words = count >= LIMBS * 64 ? LIMBS : count / 64, bits = count & 63;

	for (int i = 0; i < LIMBS; i++) {
		uint64_t low = i + words < LIMBS ? a[i + words] : 0;
		uint64_t below = i + words + 1 < LIMBS ? a[i + words + 1] : 0;

		a[i] = bits ? low << bits | below >> (64 - bits) : low;
	}
}

static inline void FN(full_product)(uint64_t r[2 * LIMBS], const uint64_t a[LIMBS],
				    const uint64_t b[LIMBS])
{
	for (int i = 0; i < 2 * LIMBS; i++)
		r[i] = 0;
	for (int i = LIMBS - 1; i >= 0; i--) {
		uint64_t carry = 0;

		for (int j = LIMBS - 1; j >= 0; j--) {
			struct wide p = wide_multiply_add(a[i], b[j], r[i + j + 1], carry);

			r[i + j + 1] = p.low;
			carry = p.high;
		}
		r[i] = carry;
	}
}

/* q2 times q2. */
static inline void FN(multiply_q2)(uint64_t r[LIMBS], const uint64_t a[LIMBS],
				   const uint64_t b[LIMBS])
{
	uint64_t product[2 * LIMBS];

	FN(full_product)(product, a, b);
	for (int i = 0; i < LIMBS; i++)
		r[i] = product[i] << 2 | product[i + 1] >> 62;
}

/* Fills in r from a fraction that is not zero, not normalised, times 2^exponent. */
static inline void FN(normalise)(struct FN(big) *r, bool sign, int32_t exponent,
				 const uint64_t a[LIMBS])
{
	int32_t count = 0;

	for (int i = 0; i < LIMBS; i++)
		r->m[i] = a[i];
	while (count < LIMBS * 64 && !a[count / 64])
		count += 64;
	if (count < LIMBS * 64)
		count += wide_leading_zeros(a[count / 64]);
	if (count)
		FN(shift_left)(r->m, count);
	r->sign = sign;
	r->exponent = exponent - count;
}

static inline void FN(from_wide)(struct FN(big) *r, bool sign, int32_t exponent, struct wide value)
{
	uint64_t words[LIMBS] = { value.high, value.low };

	FN(normalise)(r, sign, exponent, words);
}

/* A finite number other than zero. */
static inline void FN(from_float)(struct FN(big) *r, struct float80 a)
{
	struct wide value = { 0, 0 };
	int32_t exponent = f80_normalise(a, &value.high);

	FN(from_wide)(r, f80_sign(a), exponent - F80_BIAS + 1, value);
}

static inline void FN(from_constant)(struct FN(big) *r, int32_t exponent, const uint64_t *words)
{
	FN(normalise)(r, false, exponent, words);
}

static inline void FN(multiply)(struct FN(big) *r, const struct FN(big) *a,
				const struct FN(big) *b)
{
	uint64_t product[2 * LIMBS];

	FN(full_product)(product, a->m, b->m);
	r->sign = a->sign != b->sign;
	r->exponent = a->exponent + b->exponent;
	if (!(product[0] >> 63)) {
		for (int i = 0; i < LIMBS; i++)
			product[i] = product[i] << 1 | product[i + 1] >> 63;
		r->exponent--;
	}
	for (int i = 0; i < LIMBS; i++)
		r->m[i] = product[i];
}

/* The magnitude of a, less than 4, as q2. */
static inline void FN(to_q2)(uint64_t r[LIMBS], const struct FN(big) *a)
{
	for (int i = 0; i < LIMBS; i++)
		r[i] = a->m[i];
	FN(shift_right)(r, 2 - a->exponent);
}

static inline void FN(multiply_by_q2)(struct FN(big) *r, const struct FN(big) *a,
				      const uint64_t q2[LIMBS])
{
	struct FN(big) factor;

	FN(normalise)(&factor, false, 2, q2);
	FN(multiply)(r, a, &factor);
}

/* Long division, one word of quotient a step; r may be a. */
static inline void FN(divide)(struct FN(big) *r, const struct FN(big) *a,
			      const struct FN(big) *b)
{
	uint64_t rest[LIMBS], top = 0;
	int32_t exponent = a->exponent - b->exponent;

	for (int i = 0; i < LIMBS; i++)
		rest[i] = a->m[i];
	if (!FN(less)(rest, b->m)) {
		/* The dividend must be below the divisor; the bit that falls out is beyond our precision. */
		FN(shift_right)(rest, 1);
		exponent++;
	}
	r->sign = a->sign != b->sign;
	for (int k = 0; k < LIMBS; k++) {
		uint64_t digit, unused, carry = 0, borrow = 0;

		if (rest[0] >= b->m[0])
			digit = ~(uint64_t)0;
		else
			digit = wide_divide(rest[0], rest[1], b->m[0], &unused);
		/* rest = rest * 2^64 - digit * b, with one word above: top. */
		top = rest[0];
		for (int i = 0; i < LIMBS - 1; i++)
			rest[i] = rest[i + 1];
		rest[LIMBS - 1] = 0;
		for (int i = LIMBS - 1; i >= 0; i--) {
			struct wide p = wide_multiply_add(digit, b->m[i], carry, borrow);

			carry = p.high;
			borrow = rest[i] < p.low;
			rest[i] -= p.low;
		}
		top -= carry + borrow;
		while (top) {
			digit--;
			top += FN(sum)(rest, rest, b->m);
		}
		r->m[k] = digit;
	}
	r->exponent = exponent;
	if (!(r->m[0] >> 63)) {
		FN(shift_left)(r->m, 1);
		r->exponent--;
	}
}

/* The rounded-to-be value: 128 bits with everything below as a sticky bit. */
static inline void FN(deliver)(struct approximation *r, const struct FN(big) *a)
{
	r->sign = a->sign;
	r->exponent = a->exponent + F80_BIAS - 1;
	r->high = a->m[0];
	r->low = a->m[1];
	for (int i = 2; i < LIMBS; i++)
		r->low |= a->m[i] != 0;
}

/*
 * x = (quadrant + r) * pi / 2 with |r| <= 1/2, then r * pi / 2. The product with 2 / pi has two more
 * words than the numbers: one for the integer part, one for the zeros that cancel.
 */
static inline unsigned int FN(reduce)(struct FN(big) *r, struct float80 x)
{
	int shift = F80_BIAS + 63 - (int32_t)f80_exponent(x);
	uint64_t product[LIMBS + 3], carry = 0;
	unsigned int quadrant;
	struct FN(big) half_pi;
	int first = 1;

	for (int i = LIMBS + 1; i >= 0; i--) {
		struct wide p = wide_multiply_add(two_over_pi[i], x.significand, carry, 0);

		product[i + 1] = p.low;
		carry = p.high;
	}
	product[0] = carry;
	/* Now product is 2^shift times x * 2 / pi, with one integer word; shift is 1 to 64. */
	for (int i = LIMBS + 2; i >= 0; i--) {
		uint64_t above = i ? product[i - 1] : 0;

		product[i] = shift == 64 ? above : product[i] >> shift | above << (64 - shift);
	}
	quadrant = (unsigned int)product[0];
	r->sign = false;
	if (product[1] >> 63) {
		uint64_t borrow = 0;

		quadrant++;
		r->sign = true;
		for (int i = LIMBS + 2; i >= 1; i--) {
			uint64_t word = product[i];

			product[i] = 0 - word - borrow;
			borrow = (word | borrow) != 0;
		}
	}
	/* Of the words 1 to LIMBS + 2 the first that is not zero begins the fraction. */
	while (first < 3 && !product[first])
		first++;
	FN(normalise)(r, r->sign, -64 * (first - 1), product + first);
	if (first < 3) {
		int lost = wide_leading_zeros(product[first]);

		if (lost)
			r->m[LIMBS - 1] |= product[first + LIMBS] >> (64 - lost);
	}
	FN(from_constant)(&half_pi, 1, quarter_pi);
	FN(multiply)(r, r, &half_pi);
	if (f80_sign(x)) {
		r->sign = !r->sign;
		quadrant = 0 - quadrant;
	}
	return quadrant;
}

/* sine and cosine of x, 2^-40 < |x| < 2^63. */
static inline void FN(circular)(struct float80 x, struct FN(big) *sine, struct FN(big) *cosine)
{
	struct FN(big) r, square, *odd, *even;
	uint64_t argument[LIMBS], value[LIMBS];
	unsigned int quadrant = 0;

	if (f80_exponent(x) < F80_BIAS - 1)
		FN(from_float)(&r, x);
	else
		quadrant = FN(reduce)(&r, x);
	FN(multiply)(&square, &r, &r);
	FN(to_q2)(argument, &square);
	/* In every other quadrant the two change places. */
	odd = quadrant & 1 ? cosine : sine;
	even = quadrant & 1 ? sine : cosine;
	if (odd) {
		FN(series)(value, argument, SERIES_SINE, true);
		FN(multiply_by_q2)(odd, &r, value);
	}
	if (even) {
		FN(series)(value, argument, SERIES_COSINE, true);
		FN(normalise)(even, false, 2, value);
	}
	if (sine)
		sine->sign ^= (quadrant & 2) != 0;
	if (cosine)
		cosine->sign ^= ((quadrant + 1) & 2) != 0;
}

LINKAGE void FN(evaluate_sine)(struct approximation *r, struct float80 x, struct float80 unused)
{
	struct FN(big) value;

	(void)unused;
	FN(circular)(x, &value, NULL);
	FN(deliver)(r, &value);
}

LINKAGE void FN(evaluate_cosine)(struct approximation *r, struct float80 x, struct float80 unused)
{
	struct FN(big) value;

	(void)unused;
	FN(circular)(x, NULL, &value);
	FN(deliver)(r, &value);
}

LINKAGE void FN(evaluate_tangent)(struct approximation *r, struct float80 x, struct float80 unused)
{
	struct FN(big) sine, cosine;

	(void)unused;
	FN(circular)(x, &sine, &cosine);
	FN(divide)(&sine, &sine, &cosine);
	FN(deliver)(r, &sine);
}

/* 2^x - 1 for |x| < 1: t = x ln 2, then t * (1 + t / 2! + t^2 / 3! ...). */
LINKAGE void FN(evaluate_exponential)(struct approximation *r, struct float80 x,
				     struct float80 unused)
{
	struct FN(big) t, factor;
	uint64_t argument[LIMBS], value[LIMBS];

	(void)unused;
	FN(from_float)(&t, x);
	FN(from_constant)(&factor, 0, ln_2);
	FN(multiply)(&t, &t, &factor);
	FN(to_q2)(argument, &t);
	FN(series)(value, argument, SERIES_EXPONENTIAL, t.sign);
	FN(multiply_by_q2)(&t, &t, value);
	FN(deliver)(r, &t);
}

/* log2 of (1 + z) / (1 - z): 2 / ln 2 * z * (1 + z^2 / 3 + z^4 / 5 ...); |z| < 0.18. */
static inline void FN(logarithm_of_ratio)(struct FN(big) *r, const struct FN(big) *z)
{
	struct FN(big) square, factor;
	uint64_t argument[LIMBS], value[LIMBS];

	FN(multiply)(&square, z, z);
	FN(to_q2)(argument, &square);
	FN(series)(value, argument, SERIES_ODD, false);
	FN(multiply_by_q2)(r, z, value);
	FN(from_constant)(&factor, 2, half_over_ln_2);
	FN(multiply)(r, r, &factor);
}

/* y * log2 x for a positive x that is no power of two. */
LINKAGE void FN(evaluate_logarithm)(struct approximation *r, struct float80 y, struct float80 x)
{
	struct FN(big) z, denominator, factor;
	struct wide top = { 0, 0 }, bottom;
	int32_t n = f80_normalise(x, &top.high) - F80_BIAS;
	bool negative = false;

	/* x = 2^n m with m within a factor of the square root of two around one; z = (m - 1) / (m + 1). */
	if (top.high > 0xb504f333f9de6484) {
		n++;
		negative = true;
		bottom.high = top.high >> 1 | F80_TOP;
		bottom.low = top.high << 63;
		top.high = 0 - top.high;
		FN(from_wide)(&denominator, false, 1, bottom);
		FN(from_wide)(&z, negative, 0, top);
	} else {
		bottom.high = (top.high >> 1) + ((uint64_t)1 << 62);
		bottom.low = top.high << 63;
		top.high -= F80_TOP;
		FN(from_wide)(&denominator, false, 2, bottom);
		FN(from_wide)(&z, negative, 1, top);
	}
	FN(divide)(&z, &z, &denominator);
	FN(logarithm_of_ratio)(&z, &z);
	if (n) {
		/* Both in units of 2^places, enough for their sum; then the sign of n decides. */
		uint64_t magnitude = (uint64_t)(n < 0 ? -n : n);
		int32_t places = 65 - wide_leading_zeros(magnitude);
		uint64_t integer[LIMBS] = { magnitude << (64 - places) };

		FN(shift_right)(z.m, places - z.exponent);
		if (z.sign == (n < 0))
			FN(sum)(integer, integer, z.m);
		else
			FN(difference)(integer, integer, z.m);
		FN(normalise)(&z, n < 0, places, integer);
	}
	FN(from_float)(&factor, y);
	FN(multiply)(&z, &z, &factor);
	FN(deliver)(r, &z);
}

/* y * log2(1 + x), -0.3 < x < 0.42: z = x / (2 + x). */
LINKAGE void FN(evaluate_logarithm_plus_1)(struct approximation *r, struct float80 y,
					  struct float80 x)
{
	struct FN(big) z, denominator, factor;
	uint64_t two[LIMBS] = { F80_TOP }, argument[LIMBS];

	FN(from_float)(&z, x);
	FN(to_q2)(argument, &z);
	if (z.sign)
		FN(difference)(two, two, argument);
	else
		FN(sum)(two, two, argument);
	FN(normalise)(&denominator, false, 2, two);
	FN(divide)(&z, &z, &denominator);
	FN(logarithm_of_ratio)(&z, &z);
	FN(from_float)(&factor, y);
	FN(multiply)(&z, &z, &factor);
	FN(deliver)(r, &z);
}

/*
 * The angle of (x, y), neither zero. With a the greater magnitude and b the smaller, atan(b / a) =
 * atan(j / 32) + atan((32 b - j a) / (32 a + j b)) for the j that brings the second below 1/64.
 */
LINKAGE void FN(evaluate_arctangent)(struct approximation *r, struct float80 y, struct float80 x)
{
	struct FN(big) t, denominator, square;
	uint64_t angle[LIMBS], argument[LIMBS], value[LIMBS], a, b, j;
	int32_t a_exponent = f80_normalise(x, &a), b_exponent = f80_normalise(y, &b), distance;
	bool steep = a_exponent < b_exponent || (a_exponent == b_exponent && a < b), small;
	bool zero = false;

	if (steep) {
		uint64_t significand = a;

		a = b;
		b = significand;
		distance = b_exponent - a_exponent;
	} else {
		distance = a_exponent - b_exponent;
	}
	j = ((distance < 64 ? b >> distance >> 6 : 0) + (a >> 12)) / (a >> 11);
	if (!j) {
		struct wide top = { b, 0 }, bottom = { a, 0 };

		FN(from_wide)(&t, false, -distance, top);
		FN(from_wide)(&denominator, false, 0, bottom);
	} else {
		/* Scaled by 2^distance, which is at most 6 here: all is exact in 128 bits. */
		struct wide shifted = wide_shift_left((struct wide){ 0, a }, distance);
		struct wide first = wide_shift_left((struct wide){ 0, b }, 5);
		struct wide second = wide_multiply(shifted.low, j);
		struct wide bottom = wide_add(wide_shift_left(shifted, 5), wide_multiply(b, j));
		bool negative;

		second.high += shifted.high * j;
		negative = first.high < second.high ||
			   (first.high == second.high && first.low < second.low);
		first = negative ? wide_subtract(second, first) : wide_subtract(first, second);
		zero = !(first.high | first.low);
		FN(from_wide)(&t, negative, 0, first);
		FN(from_wide)(&denominator, false, 0, bottom);
	}
	for (int i = 0; i < LIMBS; i++)
		angle[i] = arctangents[j][i];
	if (!zero) {
		FN(divide)(&t, &t, &denominator);
		FN(multiply)(&square, &t, &t);
		FN(to_q2)(argument, &square);
		FN(series)(value, argument, SERIES_ODD, true);
		FN(multiply_by_q2)(&t, &t, value);
		FN(to_q2)(argument, &t);
		if (t.sign)
			FN(difference)(angle, angle, argument);
		else
			FN(sum)(angle, angle, argument);
	}
	small = !j && !steep && !f80_sign(x);
	if (!small) {
		uint64_t pi[LIMBS];

		/* pi / 4 with no integer bits is pi with two. */
		for (int i = 0; i < LIMBS; i++)
			pi[i] = quarter_pi[i];
		if (steep) {
			FN(shift_right)(pi, 1);
			FN(difference)(angle, pi, angle);
			FN(shift_left)(pi, 1);
		}
		if (f80_sign(x))
			FN(difference)(angle, pi, angle);
		FN(normalise)(&t, false, 2, angle);
	}
	t.sign = f80_sign(y);
	FN(deliver)(r, &t);
}
