/*
 * The physical address space: RAM objects made of copy-on-write pages, regions that
 * put them (or a device's handlers) at addresses, and the two flat maps, one for
 * reads and one for writes, that are made from the regions whenever they change.
 *
 * The processor keeps host pointers to pages in its TLB.  Whoever makes such a pointer
 * stale calls cpu_memory_changed: a page is replaced by a private copy, shared by a
 * fork, mapped elsewhere, asked for its dirty bit, or begins to hold decoded code.
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include <clearbox/device.h>
#include "compiler.h"

enum { PAGE_BITS = 12, PAGE_SIZE = 4096, PAGE_MASK = 4095 };

/* No page: unmapped or a device's handlers. */
#define NO_BACKING UINT64_MAX

/* What is at one physical page, for one kind of access. */
struct memory_page {
	/*
	 * Its identity, the same wherever it is mapped: RAM objects lie one after the
	 * other in a space of their own.  NO_BACKING when it is not RAM or ROM.
	 */
	uint64_t backing;
	const uint8_t *read;            /* host bytes, NULL when not RAM or ROM */
	/*
	 * Host bytes that may be written without telling anybody: the page is private to
	 * this machine, marked dirty, holds no decoded code, and the write map leads to it.
	 */
	uint8_t *write;
};

/* Physical addresses are those after the A20 gate; see memory_a20. */
uint64_t memory_a20(const struct cbx_machine *machine, uint64_t address);
/* The gate itself (its state is kept and saved here); open at power-on. */
void memory_set_a20(struct cbx_machine *machine, bool open);

/* Look a page up for reading (read and backing are set, write is NULL). */
void memory_find_read(struct cbx_machine *machine, uint64_t address, struct memory_page *page);
/*
 * Look a page up for writing.  Makes the page private and marks it dirty; write is NULL
 * when a device answers, nobody answers, or the page holds decoded code (backing then
 * says which); if no memory was left, machine->out_of_memory is set too.
 */
void memory_find_write(struct cbx_machine *machine, uint64_t address, struct memory_page *page);

/*
 * Accesses of up to 8 bytes that lie inside one page, to whatever is there.  Writes to
 * pages with decoded code tell the processor (cpu_code_written) before they are done.
 */
uint64_t memory_read(struct cbx_machine *machine, uint64_t address, unsigned width);
void memory_write(struct cbx_machine *machine, uint64_t address, uint64_t value, unsigned width);
/* Would this access reach a device's handlers (so that anything may happen)? */
bool memory_is_io(struct cbx_machine *machine, uint64_t address, bool write);

/* Marks the page as holding decoded code (or not any more). */
void memory_mark_code(struct cbx_machine *machine, uint64_t backing, bool has_code);

/* ---- What the processor offers to memory ------------------------------------------- */

/*
 * Drop TLB entries: all of them (backing is NO_BACKING), or those that lead to the page
 * of this backing.
 */
void cpu_memory_changed(struct cbx_machine *machine, uint64_t backing);
/* count bytes at this place are about to change: drop the blocks decoded from them. */
void cpu_code_written(struct cbx_machine *machine, uint64_t backing, size_t count);

#endif
