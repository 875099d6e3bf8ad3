/*
 * Includes the table's files with one macro for every kind of row,
 *	ROW(kind, encoding, byte, digit, name, operand 1..4, reads, sets, undefined, feature, attributes)
 * which is undefined after.
 */
#define ROW3(kind, enc, byte, digit, name, a, b, c, ...) ROW(kind, enc, byte, digit, name, a, b, c, _, __VA_ARGS__)
#define FX(...) ROW3(FX, __VA_ARGS__)
#define EB(...) ROW3(EB, __VA_ARGS__)
#define EV(...) ROW3(EV, __VA_ARGS__)
#define VW(...) ROW3(VW, __VA_ARGS__)
#define SV(...) ROW3(SV, __VA_ARGS__)
#define SE(...) ROW3(SE, __VA_ARGS__)
#define XM(...) ROW(XM, __VA_ARGS__)
#define XV(...) ROW(XV, __VA_ARGS__)
#define XW(...) ROW(XW, __VA_ARGS__)
#define XS(...) ROW(XS, __VA_ARGS__)
#define X1(...) ROW(X1, __VA_ARGS__)
#define V1(...) ROW(V1, __VA_ARGS__)
#define VX(...) ROW(VX, __VA_ARGS__)
#define V2(...) ROW(V2, __VA_ARGS__)
#define VS(...) ROW(VS, __VA_ARGS__)
#define VG(...) ROW(VG, __VA_ARGS__)
#include "opcodes.h"
#include "opcodes_x87.h"
#include "opcodes_vector.h"
#include "opcodes_float.h"
#undef FX
#undef EB
#undef EV
#undef VW
#undef SV
#undef SE
#undef XM
#undef XV
#undef XW
#undef XS
#undef X1
#undef V1
#undef VX
#undef V2
#undef VS
#undef VG
#undef ROW3
#undef ROW
