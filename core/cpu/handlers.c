/* Which handlers run each row of the table. */
#include "handlers.h"
#include "opcodes_info.h"

#define ALL_FORMS(r, m) { { r, m }, { r, m }, { r, m } }
#define ALL(f) ALL_FORMS(f, f)
#define FORMS_FX(name) .form = ALL(op_##name)
#define FORMS_EB(name) .form = ALL_FORMS(op_##name##_r, op_##name##_m)
#define FORMS_EV(name) .form = { { op_##name##_16_r, op_##name##_16_m },                  \
				 { op_##name##_32_r, op_##name##_32_m },                  \
				 { op_##name##_64_r, op_##name##_64_m } }
#define FORMS_VW(name) .form = { { op_##name##_16, op_##name##_16 },                      \
				 { op_##name##_32, op_##name##_32 },                      \
				 { op_##name##_64, op_##name##_64 } }
#define FORMS_SV(name) FORMS_VW(name), .flat = { op_##name##_flat, op_##name##_flat }
#define FORMS_SE(name) FORMS_EV(name), .flat = { op_##name##_flat_r, op_##name##_flat_m }
#define FORMS_XM(name) .form = ALL_FORMS(op_##name##_r, op_##name##_m)
#define FORMS_XV FORMS_XM
#define FORMS_XW FORMS_XM
#define FORMS_XS FORMS_XM
#define FORMS_X1 FORMS_XM
#define FORMS_V1 FORMS_XM
#define FORMS_VX FORMS_XM
#define FORMS_V2 FORMS_XM
#define FORMS_VS FORMS_XM
#define FORMS_VG FORMS_XM
#define ROW(kind, enc, byte, digit, name, ...) [OP_##name] = { FORMS_##kind(name) },

const struct op_handlers op_handlers[OP_COUNT] = {
	[OP_INVALID] = { .form = ALL(op_UD) },
#include "opcodes_rows.h"
};
