/*
 * A bare machine in protected mode for tests of segmentation, privilege and exceptions:
 * a GDT, an IDT whose every gate leads to a handler of its own, a task, and one
 * instruction at a time.
 */
#ifndef TESTSUITE_UNIT_SYSTEM_GUEST_H
#define TESTSUITE_UNIT_SYSTEM_GUEST_H

#include <clearbox/clearbox.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum {
	/* Selectors */
	CODE0 = 0x08, DATA0 = 0x10, CODE3 = 0x1b, DATA3 = 0x23, TSS = 0x28, LDT = 0x30,
	CODE16 = 0x38, TEST = 0x40,     /* TEST and up: for the tests */
	/* Attributes: descriptor bits 8-23 */
	A_CODE32 = 0xc09b, A_DATA32 = 0xc093, A_PRESENT = 0x80, A_DPL = 0x60,
	/* Addresses */
	GDT_AT = 0x1000, IDT_AT = 0x2000, LDT_AT = 0x3000, TSS_AT = 0x4000, TSS2_AT = 0x5000,
	STACK0 = 0x9000,                /* of privilege 0, from the TSS */
	STACK3 = 0xb000, CODE_AT = 0x20000, DATA_AT = 0x30000, HANDLERS = 0x80000,
	NONE = -1,                      /* no exception */
	GP = 13, SS_FAULT = 12, NP = 11, TS = 10, PF = 14, UD = 6, DF = 8, DB = 1, BP = 3, OF_TRAP = 4,
};

struct guest {
	struct cbx_machine *machine;
	uint64_t before[CBX_GDTR_BASE];
};

struct outcome {
	int vector;                     /* NONE: no exception */
	uint32_t error;                 /* on the stack, for those that push one */
	uint32_t eip, cs, eflags;       /* of the frame */
};

void guest_new(struct guest *guest, const char *cpu);   /* NULL: a Pentium III with NX, without SSE */
void guest_free(struct guest *guest);

uint64_t reg(const struct guest *guest, enum cbx_register which);
void set(struct guest *guest, enum cbx_register which, uint64_t value);
uint32_t peek(const struct guest *guest, uint64_t address, unsigned width);
void poke(struct guest *guest, uint64_t address, unsigned width, uint64_t value);
void poke_bytes(struct guest *guest, uint64_t address, const void *bytes, size_t count);

/* Code and data, by base, limit in units of G, and attributes. */
void descriptor(struct guest *guest, unsigned selector, uint32_t base, uint32_t limit, unsigned attributes);
/* A gate: attributes are P, DPL and type. */
void gate(struct guest *guest, unsigned selector, unsigned target, uint32_t offset, unsigned attributes,
	  unsigned parameters);
void idt_gate(struct guest *guest, unsigned vector, unsigned target, uint32_t offset, unsigned attributes);

/* CS and SS of this privilege, loaded from the GDT without executing anything. */
void at_privilege(struct guest *guest, unsigned cpl);
/* Loads hidden parts from the GDT. */
void load_segment(struct guest *guest, unsigned which, unsigned selector);
/* Virtual-8086 mode at 1000h:0 with a stack at 2000h:1000h. */
void at_v86(struct guest *guest, unsigned iopl);
/* Real mode at 1000h:0, likewise. */
void at_real(struct guest *guest);

/* Puts these bytes at CS:EIP, runs one instruction, says what happened. */
struct outcome run(struct guest *guest, const char *bytes, size_t count);
#define RUN(guest, bytes) run((guest), (bytes), sizeof(bytes) - 1)
/* Runs one more instruction where it is. */
struct outcome step(struct guest *guest);
/* The outcome of what has happened: RIP in a handler? */
struct outcome outcome(struct guest *guest);

void expect_at(struct guest *guest, const char *what, struct outcome got, int vector, uint32_t error,
	       const char *file, int line);
#define EXPECT(guest, what, got, vector, error) \
	expect_at((guest), (what), (got), (vector), (uint32_t)(error), __FILE__, __LINE__)

#endif
