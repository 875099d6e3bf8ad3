/*
 * root.h - integer square roots, for the square roots of all formats
 */
#ifndef CLEARBOX_FPU_ROOT_H
#define CLEARBOX_FPU_ROOT_H

#include "wide.h"

/*
 * Square roots by halving the problem: from the root of the upper half of n and its remainder one
 * division gives the lower half of the root, at most one too large. n has a one among its top two
 * bits at every level. The smallest problem is 16 bits: the root of n rounded down to a multiple of
 * 256, from 64 * 256 on.
 */
static const uint8_t root_table[192] = {
	128, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142,
	143, 144, 144, 145, 146, 147, 148, 149, 150, 150, 151, 152, 153, 154, 155, 155,
	156, 157, 158, 159, 160, 160, 161, 162, 163, 163, 164, 165, 166, 167, 167, 168,
	169, 170, 170, 171, 172, 173, 173, 174, 175, 176, 176, 177, 178, 178, 179, 180,
	181, 181, 182, 183, 183, 184, 185, 185, 186, 187, 187, 188, 189, 189, 190, 191,
	192, 192, 193, 193, 194, 195, 195, 196, 197, 197, 198, 199, 199, 200, 201, 201,
	202, 203, 203, 204, 204, 205, 206, 206, 207, 208, 208, 209, 209, 210, 211, 211,
	212, 212, 213, 214, 214, 215, 215, 216, 217, 217, 218, 218, 219, 219, 220, 221,
	221, 222, 222, 223, 224, 224, 225, 225, 226, 226, 227, 227, 228, 229, 229, 230,
	230, 231, 231, 232, 232, 233, 234, 234, 235, 235, 236, 236, 237, 237, 238, 238,
	239, 240, 240, 241, 241, 242, 242, 243, 243, 244, 244, 245, 245, 246, 246, 247,
	247, 248, 248, 249, 249, 250, 250, 251, 251, 252, 252, 253, 253, 254, 254, 255,
};

FPU_INLINE uint32_t root_of_32(uint32_t n)
{
	uint32_t upper = root_table[(n >> 24) - 64], root;

	while ((upper + 1) * (upper + 1) <= n >> 16)
		upper++;
	root = upper << 8;
	root += (n - root * root) / (2 * root);
	if (root > 0xffff)
		root = 0xffff;
	return root * root > n ? root - 1 : root;
}

FPU_INLINE uint64_t root_of_64(uint64_t n)
{
	uint64_t upper = root_of_32((uint32_t)(n >> 32)), root = upper << 16;

	root += (n - root * root) / (2 * root);
	if (root > 0xffffffff)
		root = 0xffffffff;
	return root * root > n ? root - 1 : root;
}

/* The root of high:low; the remainder n - root^2 can have 65 bits. */
FPU_INLINE uint64_t root_of_128(uint64_t high, uint64_t low, struct wide *remainder)
{
	uint64_t upper = root_of_64(high), upper_remainder = high - upper * upper, quotient, root;
	struct wide n = { high, low }, square, step;

	quotient = (upper_remainder << 31 | low >> 33) / upper;
	if (quotient > 0xffffffff)
		quotient = 0xffffffff;
	root = upper << 32 | quotient;
	square = wide_multiply(root, root);
	if (square.high > high || (square.high == high && square.low > low)) {
		root--;
		step.high = root >> 63;
		step.low = root << 1 | 1;
		square = wide_subtract(square, step);
	}
	*remainder = wide_subtract(n, square);
	return root;
}

#endif
