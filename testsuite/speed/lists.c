/* The workloads in the order of their numbers; native programs lack the last two and so end there. */
#include "work.h"

#pragma weak system_works
#pragma weak machine_works

const struct work *const lists[] = {
	integer_works, branch_works, memory_works,
#ifdef __x86_64__
	sse_works, simd_works, avx_sse_works, avx_simd_works,
#else
	x87_works, sse_works,
#endif
	system_works, machine_works, NULL
};
