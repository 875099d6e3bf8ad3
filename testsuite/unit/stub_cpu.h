/* A processor that only counts, for testing the rest of core alone. */
#ifndef TESTSUITE_UNIT_STUB_CPU_H
#define TESTSUITE_UNIT_STUB_CPU_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "machine.h"
#include "memory.h"

struct cpu {
	/* State */
	uint64_t count;
	uint32_t registers[4];
	bool halted;
	uint8_t reserved[7];
	/* What it was told */
	unsigned changed_all, changed_pages, written, attention, resets, loaded;
	uint64_t changed_backing, written_backing, tlb;
	size_t written_count;
	uint32_t deliveries;
	/* Called by cpu_run with user. */
	void (*run)(struct cbx_machine *machine);
};

static inline struct cpu *stub(struct cbx_machine *machine)
{
	return machine->cpu;
}

/* A machine whose allocator counts; fails the test when it cannot be made. */
struct cbx_machine *stub_machine(bool bare, uint64_t memory_bytes);
/* Frees it, and checks that nothing is left allocated. */
void stub_machine_free(struct cbx_machine *machine);
/* The n-th allocation from now on fails (1: the next), and all after it; 0: none. */
void stub_fail_allocations(unsigned n);
uint64_t stub_allocated(void);                  /* bytes */
uint64_t stub_allocations(void);                /* ever */
extern const struct cbx_machine_options stub_options;

/* A device type without state, and a new device of it. */
struct cbx_device *stub_device(struct cbx_machine *machine, const char *name);

#endif
