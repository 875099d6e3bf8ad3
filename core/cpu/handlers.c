/*
 * Which handlers run each row of the table.  They stand one after the other in one array, as many
 * as the row's kind has, so that no place (nor relocation) is spent on forms that do not differ.
 */
#include "handlers.h"
#include "opcodes_info.h"

/* The handlers of each kind: register and memory forms within operand sizes, then those for a flat stack. */
#define LIST_FX(name) op_##name,
#define LIST_EB(name) op_##name##_r, op_##name##_m,
#define LIST_EV(name) op_##name##_16_r, op_##name##_16_m, op_##name##_32_r, op_##name##_32_m, \
		      op_##name##_64_r, op_##name##_64_m,
#define LIST_VW(name) op_##name##_16, op_##name##_32, op_##name##_64,
#define LIST_SV(name) LIST_VW(name) op_##name##_flat,
#define LIST_SE(name) LIST_EV(name) op_##name##_flat_r, op_##name##_flat_m,
#define LIST_XM LIST_EB
#define LIST_XV LIST_EB
#define LIST_XW LIST_EB
#define LIST_XS LIST_EB
#define LIST_X1 LIST_EB
#define LIST_V1 LIST_EB
#define LIST_VX LIST_EB
#define LIST_V2 LIST_EB
#define LIST_VS LIST_EB
#define LIST_VG LIST_EB

/* How they are laid out: forms (1 or 2), operand sizes (1 or 3), whether the flat ones follow. */
struct layout {
	uint8_t forms, sizes, flat;
};
#define LAYOUT_FX 1, 1, 0
#define LAYOUT_EB 2, 1, 0
#define LAYOUT_EV 2, 3, 0
#define LAYOUT_VW 1, 3, 0
#define LAYOUT_SV 1, 3, 1
#define LAYOUT_SE 2, 3, 1
#define LAYOUT_XM LAYOUT_EB
#define LAYOUT_XV LAYOUT_EB
#define LAYOUT_XW LAYOUT_EB
#define LAYOUT_XS LAYOUT_EB
#define LAYOUT_X1 LAYOUT_EB
#define LAYOUT_V1 LAYOUT_EB
#define LAYOUT_VX LAYOUT_EB
#define LAYOUT_V2 LAYOUT_EB
#define LAYOUT_VS LAYOUT_EB
#define LAYOUT_VG LAYOUT_EB

static const struct layout layouts[] = {
#define X(kind, legacy, vex) [KIND_##kind] = { LAYOUT_##kind },
	KINDS(X)
#undef X
};

/* The place of each row's first handler. */
#define COUNT_OF(forms, sizes, flat) ((forms) * ((sizes) + (flat)))
#define COUNT(...) COUNT_OF(__VA_ARGS__)
enum {
	AT_UD,
#define ROW(kind, enc, byte, digit, name, ...) \
	AT_##name, LAST_##name = AT_##name + COUNT(LAYOUT_##kind) - 1,
#include "opcodes_rows.h"
	HANDLER_COUNT
};

static insn_fn *const handlers[HANDLER_COUNT] = {
	op_UD,
#define ROW(kind, enc, byte, digit, name, ...) LIST_##kind(name)
#include "opcodes_rows.h"
};

static const uint16_t places[OP_COUNT] = {
	[OP_INVALID] = AT_UD,
#define ROW(kind, enc, byte, digit, name, ...) [OP_##name] = AT_##name,
#include "opcodes_rows.h"
};

insn_fn *op_handler(uint16_t op, unsigned operand_size, bool memory, bool flat)
{
	const struct layout *layout = &layouts[op_info[op].kind];
	unsigned size = 0;

	if (layout->sizes == 3)
		size = layout->flat && flat ? 3 : operand_size == 2 ? 0 : operand_size == 4 ? 1 : 2;
	return handlers[places[op] + size * layout->forms + (memory & (layout->forms - 1u))];
}
