/*
 * The inside of the gdb server (gdb's manual, appendix "Remote Serial Protocol").  It uses the library's
 * public headers only.
 *
 *	protocol.c      frames: checksums, escapes, acknowledgements; what is sent
 *	packets.c       what each packet asks for
 *	transfer.c      target description, memory map
 *	registers.c     the registers and their values
 *	memory.c        memory, breakpoints
 *	resume.c        running, stepping, why it stopped
 */
#ifndef CORE_GDB_GDB_H
#define CORE_GDB_GDB_H

#include <clearbox/debug.h>
#include <clearbox/gdb.h>

enum {
	GDB_PACKET_MOST = 16384,        /* bytes between $ and #, both ways */
	GDB_REGISTER_MOST = 16,         /* bytes of the widest register */
	GDB_BREAKPOINTS_MOST = 4096
};

enum gdb_frame { FRAME_NONE, FRAME_BODY, FRAME_ESCAPED, FRAME_SUM_HIGH, FRAME_SUM_LOW };

enum gdb_resume { RESUME_CONTINUE, RESUME_STEP, RESUME_RANGE, RESUME_BACK, RESUME_BACK_STEP };

struct gdb_breakpoint {
	unsigned id;                    /* the machine's */
	unsigned type;                  /* of the Z packet */
	uint64_t address, length;
	bool physical;
};

/* A text that is put together; what does not fit is left out. */
struct gdb_text {
	size_t count;
	char text[400];
};

struct cbx_gdb {
	struct cbx_machine *machine;
	struct cbx_gdb_options options;
	enum cbx_gdb_state state;

	/* What comes in */
	enum gdb_frame frame;
	bool no_ack, too_long;
	uint8_t sum, sent_sum;          /* as added up, as the peer says */
	size_t in_count;
	uint8_t in[GDB_PACKET_MOST + 1];        /* the packet, ended by a 0 */

	/* What goes out: $ packet # sum */
	size_t out_count;               /* of the packet */
	bool out_overflow;
	uint8_t out[GDB_PACKET_MOST + 4];
	size_t sent_count;              /* whole frame of the last packet, for the peer that wants it again */

	/* What gdb asked for */
	enum gdb_resume resume;
	uint64_t range_first, range_end;
	bool physical;                  /* addresses in packets are */
	bool extended;                  /* the peer stays when the machine is killed */
	bool long_mode;                 /* the processor has it */
	struct gdb_text stop_reply;     /* the last one, for '?' */

	struct gdb_breakpoint *breakpoints;
	unsigned breakpoint_count, breakpoint_room;
};

/* ---- protocol.c ---------------------------------------------------------------------------- */
void gdb_text_add(struct gdb_text *text, const char *more);
void gdb_text_number(struct gdb_text *text, uint64_t value, unsigned base, unsigned least_digits);
void gdb_reply_begin(struct cbx_gdb *gdb);
void gdb_put(struct cbx_gdb *gdb, char c);
void gdb_put_text(struct cbx_gdb *gdb, const char *text);
void gdb_put_number(struct cbx_gdb *gdb, uint64_t value);               /* hexadecimal, no leading 0 */
void gdb_put_hex(struct cbx_gdb *gdb, const void *bytes, size_t count);
void gdb_put_binary(struct cbx_gdb *gdb, uint8_t byte);                 /* escaped where it must be */
void gdb_reply_end(struct cbx_gdb *gdb);
void gdb_reply(struct cbx_gdb *gdb, const char *text);
/* Text for gdb's console; gdb takes it while the machine runs and in a monitor command. */
void gdb_console(struct cbx_gdb *gdb, const char *text);

/* ---- packets.c: reading a packet ------------------------------------------------------------ */
struct cursor {
	const uint8_t *at, *end;
};
void gdb_packet(struct cbx_gdb *gdb);           /* carries out gdb->in */
bool take(struct cursor *c, char wanted);
bool take_word(struct cursor *c, const char *word);
bool take_number(struct cursor *c, uint64_t *value);    /* hexadecimal, at most 64 bits */
bool take_byte(struct cursor *c, uint8_t *byte);        /* two digits */

/* ---- transfer.c ----------------------------------------------------------------------------- */
/* The qXfer:OBJECT:read packet after "qXfer:". */
void gdb_transfer(struct cbx_gdb *gdb, struct cursor *c);

/* ---- registers.c ---------------------------------------------------------------------------- */
enum gdb_type {
	TYPE_UINT16, TYPE_UINT32, TYPE_UINT64, TYPE_INT32, TYPE_INT64, TYPE_DATA, TYPE_CODE, TYPE_FLAGS,
	TYPE_FLOAT, TYPE_X87_WORD, TYPE_XMM, TYPE_MXCSR, TYPE_YMM_HIGH, TYPE_CR0, TYPE_CR4, TYPE_EFER
};
enum gdb_feature { FEATURE_CORE, FEATURE_SSE, FEATURE_AVX, FEATURE_SYSTEM, FEATURE_MSR, FEATURES };
struct gdb_register {
	const char *name;
	uint8_t bits;
	uint8_t type, feature;
	uint8_t kind;                   /* how source makes the value; registers.c */
	uint16_t source;                /* enum cbx_register, or a number */
};
/* The n-th register of this machine, NULL past the last. */
const struct gdb_register *gdb_register(const struct cbx_gdb *gdb, unsigned n);
/* Are there eax, eip and so on? */
bool gdb_has_halves(const struct cbx_gdb *gdb);
/* The value, little-endian, bits / 8 bytes of it. */
void gdb_register_read(struct cbx_gdb *gdb, const struct gdb_register *r, uint8_t *bytes);
/* False: the processor has no such value. */
bool gdb_register_write(struct cbx_gdb *gdb, const struct gdb_register *r, const uint8_t *bytes);
uint64_t gdb_value(const struct cbx_gdb *gdb, enum cbx_register which);
unsigned gdb_mode_bits(const struct cbx_gdb *gdb);      /* of the code that runs: 16, 32, 64 */
bool gdb_has_long_mode(const struct cbx_gdb *gdb);      /* asks the machine; gdb->long_mode has the answer */
uint64_t gdb_pc(const struct cbx_gdb *gdb);             /* linear */
const char *gdb_mode_name(const struct cbx_gdb *gdb);

/* ---- memory.c ------------------------------------------------------------------------------- */
/* Up to count bytes; how many could be read. */
size_t gdb_memory_read(struct cbx_gdb *gdb, uint64_t address, uint8_t *bytes, size_t count);
bool gdb_memory_write(struct cbx_gdb *gdb, uint64_t address, const uint8_t *bytes, size_t count);
bool gdb_breakpoint_set(struct cbx_gdb *gdb, unsigned type, uint64_t address, uint64_t length);
void gdb_breakpoint_clear(struct cbx_gdb *gdb, unsigned type, uint64_t address, uint64_t length);
void gdb_breakpoints_clear(struct cbx_gdb *gdb);
const struct gdb_breakpoint *gdb_breakpoint_of(const struct cbx_gdb *gdb, unsigned id);

/* ---- resume.c ------------------------------------------------------------------------------- */
void gdb_resume(struct cbx_gdb *gdb, enum gdb_resume how);
/* Holds the machine; signal, and what else the stop reply says ("" or "key:value;"). */
void gdb_stopped(struct cbx_gdb *gdb, unsigned signal, const char *reason);
void gdb_detach(struct cbx_gdb *gdb, enum cbx_gdb_state state);
bool gdb_has_history(const struct cbx_gdb *gdb);

#endif
