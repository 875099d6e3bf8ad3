/*
 * The rows of the integer SIMD instructions: MMX, SSE to SSE4.2, AVX and AVX2, AES, SHA, PCLMULQDQ; and all moves.
 * Columns, kinds and encodings are explained in opcodes.h.
 */
