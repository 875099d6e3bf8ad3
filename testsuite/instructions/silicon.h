/*
 * Instructions executed by the host's processor and by ours, from the same state.
 *
 * Both sides have the same memory at the same linear addresses, and the same descriptors
 * behind the same selectors:
 *
 *	CODE_AT         the instruction; 2 pages, user, not writable
 *	DATA_AT         4 pages, user, writable, then one that is not writable
 *	everything else (that a user may reach) is not mapped
 */
#ifndef SILICON_H
#define SILICON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "opcodes_info.h"

#define CODE_AT 0x200000u
#define DATA_AT 0x300000u
enum {
	CODE_BYTES = 0x2000, FRAME = 0x1f80 /* in CODE: what the host's IRET pops */, FRAME_BYTES = 40,
	DATA_BYTES = 0x4000, READ_ONLY_BYTES = 0x1000,
	CODE_ROOM = 128                 /* for a case and the breakpoints after it */
};

/* Selectors of the host's GDT that stand in ours, too, and the LDT, which we make. */
enum {
	FLAT_CODE = 0x23, FLAT_DATA = 0x2b,
#define LDT_SELECTOR(n) ((n) * 8 + 7)
	LDT_CODE32 = LDT_SELECTOR(0), LDT_CODE16 = LDT_SELECTOR(1), LDT_DATA32 = LDT_SELECTOR(2),
	LDT_DATA16 = LDT_SELECTOR(3), LDT_DOWN32 = LDT_SELECTOR(4), LDT_DOWN16 = LDT_SELECTOR(5),
	LDT_READ_ONLY = LDT_SELECTOR(6), LDT_EXECUTE_ONLY = LDT_SELECTOR(7),
	LDT_NOT_PRESENT = LDT_SELECTOR(8), LDT_CONFORMING = LDT_SELECTOR(9) /* not present */,
	LDT_FLAT16 = LDT_SELECTOR(10), LDT_ODD = LDT_SELECTOR(11), LDT_EMPTY = LDT_SELECTOR(12),
	LDT_BIG = LDT_SELECTOR(13), LDT_COUNT = 14
};

struct descriptor {
	uint32_t base, limit;           /* limit in bytes */
	bool big, pages, read_exec_only, not_present, empty;
	unsigned contents;              /* 0 data, 1 expand-down, 2 code, 3 conforming code */
};
extern const struct descriptor ldt[LDT_COUNT];

/* The x87's registers by their physical numbers. */
struct fpu_state {
	uint16_t control, status;
	uint8_t valid;                  /* bit n: register n is not empty */
	uint8_t reg[8][10];
};

/* What both sides start from and end with; registers in the order of their numbers. */
struct state {
	uint32_t reg[8];
	uint32_t eip, eflags;
	uint16_t segment[6];            /* ES, CS, SS, DS, FS, GS */
	int vector;                     /* exception, or -1 */
	uint32_t error, cr2;
	struct fpu_state fpu;           /* only for x87 rows */
};

struct test_case {
	enum op op;                     /* the row; OP_INVALID: a sequence */
	unsigned instructions;
	uint32_t undefined, undefined_within;   /* sequence: flags that say nothing after it, or in it */
	unsigned operand_size, address_size;    /* bytes */
	unsigned code_bits;
	bool memory, lock, rep, x87;
	bool whole_space;               /* the limit of the segment used is 4 GiB */
	bool host_only;                 /* a segment that only the host has may be loaded */
	bool trap_after;                /* single-step it; else a breakpoint stands after it */
	uint8_t bytes[CODE_ROOM];
	unsigned length, modrm;         /* bytes; where ModRM is */
	uint32_t code;                  /* its linear address */
	uint32_t target;                /* linear address of the memory operand */
	struct state before;
};

struct random {
	uint64_t state;
};
uint32_t random32(struct random *random);
static inline uint32_t below(struct random *random, uint32_t n) { return random32(random) % n; }

/* ---- silicon_generate.c ---- */
/* Why a row is not tested here; NULL when it is. */
const char *skipped_row(enum op op);
uint32_t segment_base(uint16_t selector);
bool segment_big(uint16_t selector);
/* with_ldt: segments of the LDT may be used.  poke changes memory on both sides. */
void generate(struct random *random, enum op op, bool with_ldt, struct test_case *c,
	      void (*poke)(uint32_t linear, const void *bytes, unsigned count));

/* Some instructions one after the other, their flags going into each other and into branches. */
void generate_sequence(struct random *random, bool with_ldt, struct test_case *c,
		       void (*poke)(uint32_t linear, const void *bytes, unsigned count));

/* ---- silicon_x87.c ---- */
bool is_x87(enum op op);
bool is_transcendental(enum op op);
void x87_random(struct random *random, struct fpu_state *state);
void x87_operand(struct random *random, enum op op, uint8_t bytes[16]);
unsigned x87_compare(const struct test_case *c, const struct fpu_state *native,
		     const struct fpu_state *ours, bool show);

/* ---- silicon_native.c ---- */
/* NULL, or why it cannot be done here. */
const char *native_start(bool *with_ldt);
void native_poke(uint32_t linear, const void *bytes, unsigned count);
const uint8_t *native_data(void);       /* DATA_BYTES */
void native_run(const struct test_case *c, struct state *after);

/* ---- silicon_clearbox.c ---- */
/* hostile: NULL, "small" caches, or "single" instruction blocks. */
const char *clearbox_start(const char *hostile);
void clearbox_poke(uint32_t linear, const void *bytes, unsigned count);
void clearbox_data(uint8_t *bytes);     /* copies DATA_BYTES */
bool is_private(uint32_t linear);        /* what only the supervisor reaches on our side */
void clearbox_run(const struct test_case *c, struct state *after);
void clearbox_stop(void);

/* The five quadwords that the host's IRET pops; both sides have them in memory. */
void return_frame(const struct test_case *c, uint64_t frame[5]);

#endif
