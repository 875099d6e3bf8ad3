/* Which handlers run each row of the table. */
#include "handlers.h"
#include "opcodes_info.h"

#define ALL(f) { { f, f }, { f, f }, { f, f } }
#define FORMS_FX(name) .form = ALL(op_##name)
#define FORMS_EB(name) .form = { { op_##name##_r, op_##name##_m }, { op_##name##_r, op_##name##_m }, \
				 { op_##name##_r, op_##name##_m } }
#define FORMS_EV(name) .form = { { op_##name##_16_r, op_##name##_16_m },                  \
				 { op_##name##_32_r, op_##name##_32_m }, { op_UD, op_UD } }
#define FORMS_VW(name) .form = { { op_##name##_16, op_##name##_16 },                      \
				 { op_##name##_32, op_##name##_32 }, { op_UD, op_UD } }
#define FORMS_SV(name) FORMS_VW(name), .flat = { op_##name##_flat, op_##name##_flat }
#define FORMS_SE(name) FORMS_EV(name), .flat = { op_##name##_flat_r, op_##name##_flat_m }
#define ROW(kind, enc, byte, digit, name, ...) [OP_##name] = { FORMS_##kind(name) },

const struct op_handlers op_handlers[OP_COUNT] = {
	[OP_INVALID] = { .form = ALL(op_UD) },
#include "opcodes_rows.h"
};
