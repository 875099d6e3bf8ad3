/*
 * What gdb reads in pieces (qXfer): the target description, made of the table of registers, and the
 * memory map.  The text is made anew for each piece, and of it that piece kept.
 */
#include "gdb.h"

#include <string.h>

struct window {
	struct cbx_gdb *gdb;
	uint64_t skip, left;
	bool more;                      /* there is text behind the piece */
};

static void emit(struct window *w, const char *text)
{
	for (; *text; text++) {
		if (w->skip)
			w->skip--;
		else if (w->left) {
			gdb_put_binary(w->gdb, (uint8_t)*text);
			w->left--;
		} else {
			w->more = true;
			return;
		}
	}
}

static void emit_number(struct window *w, uint64_t value, unsigned base)
{
	char text[24];
	size_t at = sizeof(text) - 1;

	text[at] = 0;
	do {
		text[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (base == 16)
		emit(w, "0x");
	emit(w, text + at);
}

/* ---- The target description ----------------------------------------------------------------- */

/* Names of single bits from bit 0 up, separated by spaces; '-' has no name.  SDM 3A 2.3, 2.5; 1 10.2.3. */
static const char eflags_bits[] = "CF - PF - AF - ZF SF TF IF DF OF - - NT - RF VM AC VIF VIP ID";
static const char cr0_bits[] = "PE MP EM TS ET NE - - - - - - - - - - WP - AM - - - - - - - - - - NW CD PG";
static const char cr4_bits[] = "VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP LA57 - - - FSGSBASE "
			       "PCIDE OSXSAVE - SMEP SMAP PKE";
static const char efer_bits[] = "SCE - - - - - - - LME - LMA NXE";
static const char mxcsr_bits[] = "IE DE ZE OE UE PE DAZ IM DM ZM OM UM PM - - FZ";

static void emit_flags(struct window *w, const char *id, unsigned bytes, const char *bits)
{
	emit(w, "<flags id=\"");
	emit(w, id);
	emit(w, "\" size=\"");
	emit_number(w, bytes, 10);
	emit(w, "\">");
	for (unsigned bit = 0; *bits; bit++) {
		char name[16];
		size_t length = 0;

		while (bits[length] && bits[length] != ' ')
			length++;
		if (*bits != '-') {
			memcpy(name, bits, length);
			name[length] = 0;
			emit(w, "<field name=\"");
			emit(w, name);
			emit(w, "\" start=\"");
			emit_number(w, bit, 10);
			emit(w, "\" end=\"");
			emit_number(w, bit, 10);
			emit(w, "\"/>");
		}
		bits += length + (bits[length] == ' ');
	}
	emit(w, "</flags>");
}

static void emit_vector_types(struct window *w)
{
	static const struct {
		const char *id, *type, *count;
	} parts[] = {
		{ "v4_float", "ieee_single", "4" }, { "v2_double", "ieee_double", "2" },
		{ "v16_int8", "int8", "16" }, { "v8_int16", "int16", "8" },
		{ "v4_int32", "int32", "4" }, { "v2_int64", "int64", "2" },
	};

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		emit(w, "<vector id=\"");
		emit(w, parts[i].id);
		emit(w, "\" type=\"");
		emit(w, parts[i].type);
		emit(w, "\" count=\"");
		emit(w, parts[i].count);
		emit(w, "\"/>");
	}
	emit(w, "<union id=\"xmm_parts\">");
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		emit(w, "<field name=\"");
		emit(w, parts[i].id);
		emit(w, "\" type=\"");
		emit(w, parts[i].id);
		emit(w, "\"/>");
	}
	emit(w, "<field name=\"uint128\" type=\"uint128\"/></union>");
}

/* gdb looks for the first three by these names; the others are ours. */
static const char *const feature_names[FEATURES] = {
	[FEATURE_CORE] = "org.gnu.gdb.i386.core", [FEATURE_SSE] = "org.gnu.gdb.i386.sse",
	[FEATURE_AVX] = "org.gnu.gdb.i386.avx", [FEATURE_SYSTEM] = "org.clearbox.system",
	[FEATURE_MSR] = "org.clearbox.msr",
};

static void emit_feature(struct window *w, unsigned feature)
{
	emit(w, "<feature name=\"");
	emit(w, feature_names[feature]);
	emit(w, "\">");
	switch (feature) {
	case FEATURE_CORE:
		emit_flags(w, "eflags_bits", 4, eflags_bits);
		break;
	case FEATURE_SSE:
		emit_vector_types(w);
		emit_flags(w, "mxcsr_bits", 4, mxcsr_bits);
		break;
	case FEATURE_SYSTEM:
		emit_flags(w, "cr0_bits", 8, cr0_bits);
		emit_flags(w, "cr4_bits", 8, cr4_bits);
		break;
	case FEATURE_MSR:
		emit_flags(w, "efer_bits", 8, efer_bits);
		break;
	default:
		break;
	}
}

static void emit_register(struct window *w, const struct gdb_register *r)
{
	static const char *const types[] = {
		[TYPE_UINT16] = "uint16", [TYPE_UINT32] = "uint32", [TYPE_UINT64] = "uint64",
		[TYPE_INT32] = "int32", [TYPE_INT64] = "int64",
		[TYPE_DATA] = "data_ptr", [TYPE_CODE] = "code_ptr", [TYPE_FLAGS] = "eflags_bits",
		[TYPE_FLOAT] = "i387_ext", [TYPE_X87_WORD] = "int", [TYPE_XMM] = "xmm_parts",
		[TYPE_MXCSR] = "mxcsr_bits", [TYPE_YMM_HIGH] = "uint128", [TYPE_CR0] = "cr0_bits",
		[TYPE_CR4] = "cr4_bits", [TYPE_EFER] = "efer_bits",
	};

	unsigned type = r->type;

	/* A pointer has the size that the architecture gives it, so it is none where that may change. */
	if ((type == TYPE_CODE || type == TYPE_DATA) && w->gdb->long_mode && gdb_has_halves(w->gdb))
		type = r->bits == 64 ? TYPE_UINT64 : TYPE_UINT32;
	emit(w, "<reg name=\"");
	emit(w, r->name);
	emit(w, "\" bitsize=\"");
	emit_number(w, r->bits, 10);
	emit(w, "\" type=\"");
	emit(w, types[type]);
	if (r->type == TYPE_X87_WORD)
		emit(w, "\" group=\"float");
	if (r->feature >= FEATURE_SYSTEM)
		emit(w, "\" group=\"system");
	emit(w, "\"/>");
}

static const char *architecture(const struct cbx_gdb *gdb)
{
	switch (gdb->options.architecture) {
	case CBX_GDB_I8086:
		return "i8086";
	case CBX_GDB_I386:
		return "i386";
	case CBX_GDB_X86_64:
		return gdb->long_mode ? "i386:x86-64" : "i386";
	case CBX_GDB_MODE:
		if (gdb_mode_bits(gdb) == 64)
			return "i386:x86-64";
		return gdb_mode_bits(gdb) == 32 ? "i386" : "i8086";
	case CBX_GDB_PROCESSOR:
		break;
	}
	return gdb->long_mode ? "i386:x86-64" : "i386";
}

static void emit_description(struct window *w)
{
	const struct gdb_register *r;
	unsigned feature = FEATURES;

	emit(w, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
		"<architecture>");
	emit(w, architecture(w->gdb));
	emit(w, "</architecture><osabi>none</osabi>");
	for (unsigned n = 0; (r = gdb_register(w->gdb, n)); n++) {
		if (r->feature != feature) {
			if (feature != FEATURES)
				emit(w, "</feature>");
			feature = r->feature;
			emit_feature(w, feature);
		}
		emit_register(w, r);
	}
	emit(w, "</feature></target>");
}

/* ---- The memory map ------------------------------------------------------------------------- */

static void emit_memory(struct window *w, uint64_t first, uint64_t length)
{
	emit(w, "<memory type=\"ram\" start=\"");
	emit_number(w, first, 16);
	emit(w, "\" length=\"");
	emit_number(w, length, 16);
	emit(w, "\"/>");
}

/* Looks at each step from first to end (a multiple) for memory: RAM and ROM, not devices. */
static void emit_range(struct window *w, uint64_t first, uint64_t end, uint64_t step)
{
	uint64_t begin = 0, at;
	bool inside = false;
	uint8_t byte;

	for (at = first; at <= end; at += step) {
		bool is = at < end && cbx_memory_read(w->gdb->machine, at, &byte, 1) == CBX_OK;

		if (is && !inside)
			begin = at;
		if (!is && inside)
			emit_memory(w, begin, at - begin);
		inside = is;
	}
}

static void emit_memory_map(struct window *w)
{
	const uint64_t gib = UINT64_C(1) << 30;

	emit(w, "<?xml version=\"1.0\"?><!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\""
		" \"http://sourceware.org/gdb/gdb-memory-map.dtd\"><memory-map>");
	if (!w->gdb->physical) {
		/* gdb keeps the map, and what linear addresses lead to changes all the time. */
		emit_memory(w, 0, UINT64_MAX);
	} else {
		emit_range(w, 0, 4 * gib, 4096);
		emit_range(w, 4 * gib, 68 * gib, UINT64_C(1) << 20);
	}
	emit(w, "</memory-map>");
}

/* ---- The packet ----------------------------------------------------------------------------- */

void gdb_transfer(struct cbx_gdb *gdb, struct cursor *c)
{
	enum { MOST = GDB_PACKET_MOST / 2 - 1 };        /* each byte may need an escape */
	struct window w = { .gdb = gdb };
	bool description;

	if (take_word(c, "features:read:target.xml:")) {
		description = true;
	} else if (take_word(c, "memory-map:read::")) {
		description = false;
	} else if (take_word(c, "features:read:")) {
		gdb_reply(gdb, "E00");
		return;
	} else {
		gdb_reply(gdb, "");
		return;
	}
	if (!take_number(c, &w.skip) || !take(c, ',') || !take_number(c, &w.left) || c->at != c->end) {
		gdb_reply(gdb, "E00");
		return;
	}
	if (w.left > MOST)
		w.left = MOST;
	gdb_reply_begin(gdb);
	gdb_put(gdb, 'm');
	if (description)
		emit_description(&w);
	else
		emit_memory_map(&w);
	if (!w.more)
		gdb->out[1] = 'l';
	gdb_reply_end(gdb);
}
