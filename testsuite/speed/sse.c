/*
 * Floating point in SSE and SSE2: scalars as compilers make them of C, and whole vectors.  All
 * results are exact to the bit everywhere.
 */
#include "work.h"

typedef float f32x4 __attribute__((vector_size(16)));
typedef double f64x2 __attribute__((vector_size(16)));
typedef int s32x4 __attribute__((vector_size(16)));

static double square_root(double x)
{
	__asm__("sqrtsd %0, %0" : "+x"(x));
	return x;
}

static uint32_t bits_of(double x)
{
	uint32_t half[2];

	memcpy(half, &x, sizeof(half));
	return half[0] ^ half[1] * 31;
}

static uint32_t scalar_mandelbrot(uint32_t count)
{
	uint32_t sum = 0;

	for (uint32_t y = 0; y < count; y++)
		for (uint32_t x = 0; x < 100; x++) {
			double cr = (int32_t)x * 0.03 - 2.2, ci = (double)(int32_t)y / (int32_t)count * 2.4 - 1.2;
			double r = 0, i = 0;
			uint32_t n = 0;
			while (n < 100 && r * r + i * i < 4.0) {
				double t = r * r - i * i + cr;
				i = 2 * r * i + ci;
				r = t;
				n++;
			}
			sum = mix(sum, n);
		}
	return sum;
}

static uint32_t scalar_bodies(uint32_t count)
{
	double p[5][3], v[5][3], mass[5];
	uint32_t seed = 21;

	for (int i = 0; i < 5; i++) {
		mass[i] = 1.0 + i;
		for (int k = 0; k < 3; k++) {
			p[i][k] = (double)(int32_t)(next_random(&seed) & 0xffff) / 655.36;
			v[i][k] = (double)(int32_t)(next_random(&seed) & 0xff) / 256.0 - 0.5;
		}
	}
	while (count--) {
		for (int i = 0; i < 5; i++)
			for (int j = i + 1; j < 5; j++) {
				double d[3], square = 0.01;
				for (int k = 0; k < 3; k++) {
					d[k] = p[i][k] - p[j][k];
					square += d[k] * d[k];
				}
				double force = 0.001 / (square * square_root(square));
				for (int k = 0; k < 3; k++) {
					v[i][k] -= d[k] * mass[j] * force;
					v[j][k] += d[k] * mass[i] * force;
				}
			}
		for (int i = 0; i < 5; i++)
			for (int k = 0; k < 3; k++)
				p[i][k] += v[i][k] * 0.001;
	}
	return bits_of(p[0][0]) ^ bits_of(p[4][2]);
}

static uint32_t scalar_gauss(uint32_t count)
{
	enum { N = 48 };
	double (*a)[N + 1] = (void *)arena;
	uint32_t sum = 0, seed = 22;

	while (count--) {
		for (int i = 0; i < N; i++)
			for (int j = 0; j <= N; j++)
				a[i][j] = (double)(int32_t)(next_random(&seed) & 0xffff) / 65536.0 - 0.5 + (i == j ? 8 : 0);
		for (int i = 0; i < N; i++)
			for (int j = i + 1; j < N; j++) {
				double f = a[j][i] / a[i][i];
				for (int k = i; k <= N; k++)
					a[j][k] -= f * a[i][k];
			}
		for (int i = N - 1; i >= 0; i--) {
			for (int j = i + 1; j < N; j++)
				a[i][N] -= a[i][j] * a[j][N];
			a[i][N] /= a[i][i];
		}
		sum = mix(sum, bits_of(a[0][N]));
	}
	return sum;
}

/* Points moved by a matrix, and made as long as one: four floats at a time. */
static uint32_t packed_points(uint32_t count)
{
	f32x4 *points = (f32x4 *)(void *)arena, sum = { 0 };
	f32x4 rows[4] = { { 0.8f, 0.6f, 0, 0 }, { -0.6f, 0.8f, 0, 0 }, { 0, 0, 1, 0 }, { 0.1f, 0.2f, 0.3f, 1 } };
	uint32_t words[4];

	for (int i = 0; i < 1024; i++)
		points[i] = (f32x4){ (float)i, (float)(i & 31) + 0.5f, (float)(i >> 5), 1 };
	while (count--)
		for (int i = 0; i < 1024; i++) {
			f32x4 p = points[i], x = __builtin_shuffle(p, (s32x4){ 0, 0, 0, 0 });
			f32x4 y = __builtin_shuffle(p, (s32x4){ 1, 1, 1, 1 });
			f32x4 z = __builtin_shuffle(p, (s32x4){ 2, 2, 2, 2 }), square, length;
			p = x * rows[0] + y * rows[1] + z * rows[2] + rows[3];
			square = p * p + (f32x4){ 1, 1, 1, 1 };
			__asm__("sqrtps %1, %0" : "=x"(length) : "x"(square));
			points[i] = p;
			sum += p / length;
		}
	memcpy(words, &sum, sizeof(words));
	return words[0] ^ words[1] * 3 ^ words[2] * 5 ^ words[3] * 7;
}

static uint32_t packed_sums(uint32_t count)
{
	f64x2 *a = (f64x2 *)(void *)arena, *b = a + 1024, total = { 0 };
	uint32_t words[4];

	for (int i = 0; i < 1024; i++) {
		a[i] = (f64x2){ 1.0 / (i + 1), i * 0.001 };
		b[i] = (f64x2){ i * 0.25, 1.0 / (i + 3) };
	}
	while (count--)
		for (int i = 0; i < 1024; i++) {
			total = total * (f64x2){ 0.5, 0.25 } + a[i] * b[i];
			a[i] += total * (f64x2){ 1e-9, 1e-9 };
		}
	memcpy(words, &total, sizeof(words));
	return words[0] ^ words[1] * 3 ^ words[2] * 5 ^ words[3] * 7;
}

static uint32_t scalar_convert(uint32_t count)
{
	uint32_t sum = 0;
	volatile int32_t whole;
	volatile float small;

	while (count--) {
		double x = (double)(int32_t)(count * 40503u) * 0.37;
		whole = (int32_t)(x / 16);
		small = (float)x;
		x = (double)whole + (double)small;
		sum += (uint32_t)whole + (x > 1000.0 ? 5u : 0u) + (uint32_t)(int32_t)(x * 0.01);
	}
	return sum;
}

const struct work sse_works[] = {
	{ "scalar-mandelbrot", CLASS_SSE, scalar_mandelbrot, 1200 },
	{ "scalar-bodies", CLASS_SSE, scalar_bodies, 40000 },
	{ "scalar-gauss", CLASS_SSE, scalar_gauss, 200 },
	{ "scalar-convert", CLASS_SSE, scalar_convert, 2000000 },
	{ "packed-points", CLASS_SSE, packed_points, 1000 },
	{ "packed-sums", CLASS_SSE, packed_sums, 3000 },
	{ NULL, CLASS_SSE, NULL, 0 },
};
