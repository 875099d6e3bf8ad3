/*
 * system_guest in 64-bit mode: the same GDT with 64-bit code in CODE0 and CODE3, 16 MiB mapped
 * at 0, at FFFF800000000000h and its first 2 MiB below the end of the lower half, a 64-bit TSS and
 * IDT.  The handlers are where they are there.
 */
#ifndef TESTSUITE_UNIT_LONG_GUEST_H
#define TESTSUITE_UNIT_LONG_GUEST_H

#include "system_guest.h"

enum {
	COMPAT0 = 0x48, COMPAT3 = 0x53, /* 32-bit code */
	TEST64 = 0x60, GATE64 = 0x70,   /* 16 bytes each */
	IDT64_AT = 0x12000, TABLES_AT = 0x100000, IST1 = 0xd008, POINTER_AT = DATA_AT,
	A_CODE64 = 0xa09b, A_CODE_BOTH = 0xe09b /* L and D: no such thing */
};
#define HIGH_HALF    UINT64_C(0xffff800000000000)
#define LOW_HALF_END UINT64_C(0x0000800000000000)       /* not canonical */

struct frame {
	int vector;                     /* NONE: no exception */
	uint64_t error, rip, cs, rflags, rsp, ss;
	uint64_t at;                    /* where RSP is */
};

void long_new(struct guest *guest, const char *cpu);    /* NULL: the default processor */
void long_privilege(struct guest *guest, unsigned cpl); /* 64-bit code at CODE_AT */
void compat_privilege(struct guest *guest, unsigned cpl);
uint64_t peek64(const struct guest *guest, uint64_t address);
/* 16-byte descriptors: a gate, and a TSS or LDT; upper is what the upper half has in its type field. */
void gate64_at(struct guest *guest, uint64_t address, unsigned target, uint64_t offset, unsigned attributes,
	       unsigned ist, unsigned upper);
void gate64(struct guest *guest, unsigned selector, unsigned target, uint64_t offset, unsigned attributes,
	    unsigned upper);
void idt64(struct guest *guest, unsigned vector, unsigned target, uint64_t offset, unsigned attributes,
	   unsigned ist);
void system64(struct guest *guest, unsigned selector, uint64_t base, uint32_t limit, unsigned attributes,
	      unsigned upper);

struct frame long_step(struct guest *guest);
struct frame long_run(struct guest *guest, const char *bytes, size_t count);
#define LONG_RUN(guest, bytes) long_run((guest), (bytes), sizeof(bytes) - 1)
bool in_64_bit_mode(const struct guest *guest);

/* vector NONE: no fault; error is compared where there is one. */
void long_expect_at(struct guest *guest, const char *what, struct frame got, int vector, uint64_t error,
		    const char *file, int line);
#define LONG_EXPECT(guest, what, got, vector, error) \
	long_expect_at((guest), (what), (got), (vector), (error), __FILE__, __LINE__)

#endif
