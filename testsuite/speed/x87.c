/*
 * Floating point on the x87.  The basic operations are exact to the bit everywhere; functions like
 * the sine differ in their last bits between processors, so only their leading digits are summed.
 */
#include "work.h"

static double square_root(double x)
{
	__asm__("fsqrt" : "+t"(x));
	return x;
}

static uint32_t bits_of(double x)
{
	uint32_t half[2];

	memcpy(half, &x, sizeof(half));
	return half[0] ^ half[1] * 31;
}

static uint32_t mandelbrot(uint32_t count)
{
	uint32_t sum = 0;

	for (uint32_t y = 0; y < count; y++)
		for (uint32_t x = 0; x < 100; x++) {
			double cr = x * 0.03 - 2.2, ci = (double)y / count * 2.4 - 1.2, r = 0, i = 0;
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

static uint32_t bodies(uint32_t count)
{
	double p[5][3], v[5][3], mass[5];
	uint32_t seed = 21;

	for (int i = 0; i < 5; i++) {
		mass[i] = 1.0 + i;
		for (int k = 0; k < 3; k++) {
			p[i][k] = (double)(next_random(&seed) & 0xffff) / 655.36;
			v[i][k] = (double)(next_random(&seed) & 0xff) / 256.0 - 0.5;
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

/* Gauss's elimination on a matrix of doubles. */
static uint32_t gauss(uint32_t count)
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

/* A radix-2 Fourier transform of floats, its roots of unity by recurrence. */
static uint32_t fourier(uint32_t count)
{
	enum { N = 1024 };
	float *re = (float *)(void *)arena, *im = re + N;
	uint32_t sum = 0, seed = 23;

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
					double tr = ar * re[j] - ai * im[j], ti = ar * im[j] + ai * re[j];
					re[j] = (float)(re[i] - tr);
					im[j] = (float)(im[i] - ti);
					re[i] = (float)(re[i] + tr);
					im[i] = (float)(im[i] + ti);
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
		sum = mix(sum, (uint32_t)(int32_t)re[count & (N - 1)]);
	}
	return sum;
}

/* Sums in 80-bit precision: fld and fstp of ten bytes. */
static uint32_t extended(uint32_t count)
{
	long double *a = (long double *)(void *)arena, sum = 0;
	union {
		long double value;
		uint32_t word[4];
	} bits = { .word = { 0 } };

	for (int i = 0; i < 1024; i++)
		a[i] = 1.0L / (i + 1);
	while (count--)
		for (int i = 0; i < 1024; i++) {
			sum = sum * 0.5L + a[i];
			a[i] = a[i] + sum * 1e-9L;
		}
	bits.value = sum;
	return bits.word[0] ^ bits.word[1];
}

static uint32_t convert(uint32_t count)
{
	uint32_t sum = 0;
	volatile int32_t whole;
	volatile int64_t large;
	volatile int16_t small;

	while (count--) {
		double x = (double)(int32_t)(count * 40503u) * 0.37;
		whole = (int32_t)(x / 16);
		large = (int64_t)(x * 1000);
		small = (int16_t)((int32_t)x & 0x7fff);
		x = (double)whole + (double)small - (float)(int32_t)large;
		sum += (uint32_t)whole ^ (uint32_t)large ^ (x > 1000.0 ? 5u : 0u);
	}
	return sum;
}

static uint32_t functions(uint32_t count)
{
	double total = 0;

	for (uint32_t i = 1; i <= count; i++) {
		long double x = (long double)i / 777.0L, y, z;
		__asm__ volatile("fsin" : "=t"(y) : "0"(x));
		total += (double)y;
		__asm__ volatile("fcos" : "=t"(y) : "0"(x));
		total += (double)y;
		__asm__ volatile("fpatan" : "=t"(y) : "0"(x), "u"(1.5L) : "st(1)");
		total += (double)y;
		__asm__ volatile("fyl2x" : "=t"(y) : "0"(x), "u"(0.7L) : "st(1)");
		total += (double)y;
		z = (long double)(i & 1023) / 1025.0L;
		__asm__ volatile("f2xm1" : "=t"(y) : "0"(z));
		total += (double)y;
		__asm__ volatile("fptan; fstp %%st(0)" : "=t"(y) : "0"(z) : "st(7)");
		total += (double)y;
	}
	return (uint32_t)(int32_t)(total / count * 100000.0);
}

const struct work x87_works[] = {
	{ "mandelbrot", CLASS_X87, mandelbrot, 1200 },
	{ "bodies", CLASS_X87, bodies, 40000 },
	{ "gauss", CLASS_X87, gauss, 200 },
	{ "fourier", CLASS_X87, fourier, 400 },
	{ "extended", CLASS_X87, extended, 5000 },
	{ "convert", CLASS_X87, convert, 1000000 },
	{ "functions", CLASS_X87, functions, 160000 },
	{ NULL, CLASS_X87, NULL, 0 },
};
