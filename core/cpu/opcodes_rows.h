/* Includes opcodes.h with one macro, ROW, for every kind of row; ROW is undefined after. */
#define FX(...) ROW(FX, __VA_ARGS__)
#define EB(...) ROW(EB, __VA_ARGS__)
#define EV(...) ROW(EV, __VA_ARGS__)
#define VW(...) ROW(VW, __VA_ARGS__)
#define SV(...) ROW(SV, __VA_ARGS__)
#define SE(...) ROW(SE, __VA_ARGS__)
#include "opcodes.h"
#undef FX
#undef EB
#undef EV
#undef VW
#undef SV
#undef SE
#undef ROW
