/*
 * Instructions of flat user code, 64-bit or 32-bit, executed by the host's processor and by ours:
 * every row of the table, the vector rows with all their registers included.  (silicon.h is the
 * other test, of 32-bit and 16-bit code with all kinds of segments.)
 *
 * The memory is that of silicon.h; in 64-bit mode the same pages are at HIGH, too.
 */
#ifndef SILICON64_H
#define SILICON64_H

#include "silicon.h"

#define HIGH 0x123400000000ull
enum { LONG_CODE = 0x33, CASE_ROOM = 160 /* for a case and what stands after it */ };

/* MODE_LEGACY is 32-bit protected mode; MODE_16, too, with 16-bit code. */
enum mode64 { MODE_LONG, MODE_LEGACY, MODE_COMPAT, MODE_16, MODE64_COUNT };
/* The LDT, where there is one: 16-bit code, and what FS and GS hold outside 64-bit mode. */
enum { LDT64_CODE16 = LDT_SELECTOR(0), LDT64_COUNT = 7 };
extern const struct descriptor ldt64[LDT64_COUNT];

struct state64 {
	uint64_t reg[16];               /* at 0: the assembler code of the host's side knows */
	uint64_t rip, rflags;           /* 128, 136 */
	uint64_t fs_base, gs_base;      /* 144, 152: in 64-bit mode */
	uint16_t segment[6];            /* 160: ES, DS, FS and GS; before it FS and GS alone */
	struct ymm v[16];
	struct fpu_state fpu;
	uint32_t mxcsr;
	uint16_t cs, ss;
	int vector;                     /* exception, or -1 */
	uint32_t error;
	uint64_t cr2;
};

struct case64 {
	enum op op;                     /* the row; OP_INVALID: a sequence */
	unsigned instructions;
	uint32_t undefined, undefined_within;   /* sequence: flags that say nothing after it, or in it */
	unsigned bits;                  /* of the code */
	bool wide;                      /* 64-bit mode */
	bool vex, memory, lock, rep;
	bool flow;                      /* changes RIP: single-stepped; else what follows it leaves */
	bool vector, x87;               /* the row works on such registers */
	unsigned operand_size, address_size, vector_length /* 0: legacy */;
	uint8_t bytes[CASE_ROOM];
	unsigned length;                /* of the instruction */
	uint64_t code, target;          /* linear: of the code, of the memory operand */
	uint64_t base;                  /* of the segment of that */
	unsigned access;                /* bytes of that */
	struct state64 before;
};

/* ---- silicon64_generate.c ---- */
/* Why a row is not tested in this mode; NULL when it is. */
const char *skipped_row64(enum op op, bool wide);
/* with_ldt64: is there one?  Set before cases are made. */
extern bool with_ldt64;
void generate64(struct random *random, enum op op, unsigned bits, struct case64 *c,
		void (*poke)(uint64_t linear, const void *bytes, unsigned count));
/* Some rows of usable one after the other, their flags going into each other and into branches. */
void generate_sequence64(struct random *random, const bool *usable, unsigned bits, struct case64 *c,
			 void (*poke)(uint64_t linear, const void *bytes, unsigned count));
/* Offset in DATA of a linear address, or something not below DATA_BYTES. */
uint64_t data_offset(uint64_t linear);

/* ---- silicon64_values.c ---- */
uint64_t random64(struct random *random);
bool chance(struct random *random, uint32_t in_hundred);
uint64_t edge64(struct random *random);
/* Lanes that suit the row, in the order of memory. */
void vector_values(struct random *random, enum op op, uint8_t *bytes, unsigned count);
uint32_t random_mxcsr(struct random *random);

/* ---- silicon64_compare.c ---- */
extern const char *const reg_names64[16];
/* Which flags say nothing after this case; *result: nor does the result. */
uint32_t undefined_flags64(const struct case64 *c, bool *result);
/* All memory is made equal to the host's again. */
void resynchronise64(void);
bool tolerate64(const struct case64 *c, const struct state64 *native, struct state64 *ours);
/* In how many things they differ, after tolerate64. */
unsigned compare64(const struct case64 *c, const struct state64 *native, const struct state64 *ours,
		   bool show);

/* ---- silicon64_state.c ---- */
enum { STATE_BYTES = 832 };
bool is_state_op(enum op op);
unsigned state_image(struct random *random, enum op op, uint8_t *bytes);
void state_registers(struct random *random, struct state64 *s);

/* ---- silicon64_native.c ---- */
const char *native64_start(bool *with_ldt);
bool native64_is_amd(void);
uint64_t native64_features(void);               /* FEAT_ bits of the host */
void native64_poke(uint64_t linear, const void *bytes, unsigned count);
const uint8_t *native64_data(void);             /* DATA_BYTES */
/* Finishes the bytes of the case: what stands after the instruction. */
void native64_prepare(struct case64 *c);
void native64_run(const struct case64 *c, struct state64 *after);

/* ---- silicon64_clearbox.c ---- */
const char *clearbox64_start(const char *hostile, enum mode64 mode);
uint64_t clearbox64_features(void);
void clearbox64_poke(uint64_t linear, const void *bytes, unsigned count);
const uint8_t *clearbox64_data(void);           /* a copy of DATA_BYTES */
void clearbox64_run(const struct case64 *c, struct state64 *after);
bool clearbox64_private(uint64_t linear);       /* what only the supervisor reaches on our side */
void clearbox64_stop(void);

#endif
