/*
 * Floating point in SSE and SSE2: scalars as compilers make them of C, and whole vectors.  All
 * results are exact to the bit everywhere.  Compiled once more for AVX and FMA, where every
 * instruction is a VEX one.
 */
#include "work.h"

#ifndef SSE_WORKS
#define SSE_WORKS sse_works
#endif

typedef float f32x4 __attribute__((vector_size(16)));
typedef double f64x2 __attribute__((vector_size(16)));
typedef int s32x4 __attribute__((vector_size(16)));

static double square_root(double x)
{
	return __builtin_sqrt(x);
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

/* The largest singular value of an endless matrix: divisions and conversions. */
static double spectral_element(int32_t i, int32_t j)
{
	return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static uint32_t scalar_spectral(uint32_t count)
{
	enum { N = 64 };
	double *u = (double *)(void *)arena, *v = u + N, *w = v + N;

	for (int i = 0; i < N; i++)
		u[i] = 1;
	while (count--) {
		for (int turn = 0; turn < 2; turn++) {
			const double *from = turn ? v : u;
			double *to = turn ? u : v;
			for (int i = 0; i < N; i++) {
				w[i] = 0;
				for (int j = 0; j < N; j++)
					w[i] += spectral_element(i, j) * from[j];
			}
			for (int i = 0; i < N; i++) {
				to[i] = 0;
				for (int j = 0; j < N; j++)
					to[i] += spectral_element(j, i) * w[j];
			}
		}
		for (int i = 0; i < N; i++)
			u[i] /= 2;
	}
	return bits_of(u[0]) ^ bits_of(v[N - 1]);
}

static uint32_t scalar_matrix(uint32_t count)
{
	enum { N = 48 };
	float (*a)[N] = (void *)arena, (*b)[N] = (void *)(arena + 65536), (*c)[N] = (void *)(arena + 131072);
	uint32_t seed = 24, bits;

	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = (float)(int32_t)(next_random(&seed) & 1023) / 512 - 1;
			b[i][j] = (float)(int32_t)(next_random(&seed) & 1023) / 512 - 1;
		}
	while (count--) {
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++) {
				float s = 0;
				for (int k = 0; k < N; k++)
					s += a[i][k] * b[k][j];
				c[i][j] = s;
			}
		a[count % N][0] = c[0][count % N] * 0.01f;
	}
	memcpy(&bits, &c[7][5], 4);
	return bits;
}

/* A radix-2 Fourier transform of floats, its roots of unity by recurrence in double. */
static uint32_t scalar_fourier(uint32_t count)
{
	enum { N = 1024 };
	float *re = (float *)(void *)arena, *im = re + N;
	uint32_t sum = 0, seed = 23, bits;

	while (count--) {
		for (int i = 0; i < N; i++) {
			re[i] = (float)(int32_t)(next_random(&seed) & 1023) - 512.0f;
			im[i] = 0;
		}
		double wr = -1, wi = 0;
		for (int size = 2; size <= N; size *= 2) {
			double ar = 1, ai = 0;
			for (int k = 0; k < size / 2; k++) {
				for (int i = k; i < N; i += size) {
					int j = i + size / 2;
					float xr = (float)ar, xi = (float)ai;
					float tr = xr * re[j] - xi * im[j], ti = xr * im[j] + xi * re[j];
					re[j] = re[i] - tr;
					im[j] = im[i] - ti;
					re[i] += tr;
					im[i] += ti;
				}
				double t = ar * wr - ai * wi;
				ai = ar * wi + ai * wr;
				ar = t;
			}
			/* half the angle */
			double half = square_root((1 + wr) / 2);
			wi = size == 2 ? 1 : wi / (2 * half);
			wr = size == 2 ? 0 : half;
		}
		memcpy(&bits, &re[count & (N - 1)], 4);
		sum = mix(sum, bits);
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
			length = __builtin_ia32_sqrtps(square);
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

/* y += a x, with the negative ones cut off */
static uint32_t packed_axpy(uint32_t count)
{
	enum { N = 1024 };
	f32x4 *x = (f32x4 *)(void *)arena, *y = x + N;
	uint32_t words[4], sum = 0;

	for (int i = 0; i < N; i++) {
		x[i] = (f32x4){ (float)(i - 512), (float)(i & 63), 0.5f * (float)i, 1.0f / (float)(i + 1) };
		y[i] = (f32x4){ 1, 2, 3, 4 };
	}
	while (count--) {
		float factor = (count & 1 ? 0.125f : -0.0625f);
		f32x4 a = { factor, factor, factor, factor };
		for (int i = 0; i < N; i++)
			y[i] = __builtin_ia32_maxps(y[i] + a * x[i], (f32x4){ 0, 0, 0, 0 });
	}
	for (int i = 0; i < N; i += 33) {
		memcpy(words, &y[i], sizeof(words));
		sum = mix(sum, words[0] ^ words[1] * 3 ^ words[2] * 5 ^ words[3] * 7);
	}
	return sum;
}

const struct work SSE_WORKS[] = {
	{ "scalar-mandelbrot", CLASS_SSE, scalar_mandelbrot, 1200 },
	{ "scalar-bodies", CLASS_SSE, scalar_bodies, 40000 },
	{ "scalar-gauss", CLASS_SSE, scalar_gauss, 200 },
	{ "scalar-convert", CLASS_SSE, scalar_convert, 2000000 },
	{ "scalar-spectral", CLASS_SSE, scalar_spectral, 400 },
	{ "scalar-matrix", CLASS_SSE, scalar_matrix, 80 },
	{ "scalar-fourier", CLASS_SSE, scalar_fourier, 400 },
	{ "packed-points", CLASS_SSE, packed_points, 1000 },
	{ "packed-sums", CLASS_SSE, packed_sums, 3000 },
	{ "packed-axpy", CLASS_SSE, packed_axpy, 5000 },
	{ NULL, CLASS_SSE, NULL, 0 },
};
