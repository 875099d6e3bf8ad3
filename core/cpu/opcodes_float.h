/*
 * The rows of the floating-point SIMD instructions: SSE to SSE4.1, AVX, FMA, F16C, and the state in memory.
 * Columns, kinds and encodings are explained in opcodes.h.
 */
