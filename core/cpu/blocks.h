/*
 * Blocks: straight runs of decoded records, cached by what they were decoded from.
 *
 * A block's key is the identity of the page its bytes are in (memory.h: backing), its
 * RIP, the mode bits and the CS limit; so a record can hold absolute RIPs and branch
 * targets.  A block never continues past the page it starts in, except that an
 * instruction that crosses into the next page is a block of its own.
 *
 * A dead block (its bytes were written) stays in memory until the pool is emptied: links
 * and jump-cache entries may still lead to it, and find a first record that looks the
 * code up again.
 */
#ifndef CORE_CPU_BLOCKS_H
#define CORE_CPU_BLOCKS_H

#include "insn.h"

enum { BLOCK_LIMIT = 64 };              /* instructions in a block at most */
enum { JUMP_CACHE = 4096 };

struct jump {
	uint64_t ip, context;
	const struct insn *insn;
};

enum cbx_status blocks_new(struct cpu *cpu);
void blocks_free(struct cpu *cpu);
void blocks_flush(struct cpu *cpu);

/*
 * The first record for cpu->rip, of a block of at most `most` instructions.  NULL: a
 * fetch fault is recorded.
 */
const struct insn *block_find(struct cpu *cpu, unsigned most);
/* May this first record be linked to?  Blocks made for one use may not. */
bool block_is_kept(const struct cpu *cpu, const struct insn *first);
/* Split the block after the instruction at ip from now on: it reaches devices. */
void block_split_at(struct cpu *cpu, uint64_t ip);
/* The id of the current CS for the context, 0 for a flat one. */
unsigned block_cs_id(struct cpu *cpu);
/* Do any blocks lie on these bytes? */
bool block_overlaps(struct cpu *cpu, uint64_t backing, size_t count);

/* The host bytes of a page moved (its contents did not change). */
void block_page_moved(struct cpu *cpu, uint64_t backing);

struct jump *jump_slot(struct cpu *cpu, uint64_t ip);

/* Records that are no instruction of the guest's (op_block.c). */
HANDLER(op_EA_16);
HANDLER(op_EA_32);
HANDLER(op_EA_64);
HANDLER(op_BLOCK_END);
HANDLER(op_BLOCK_DEAD);
HANDLER(op_UD);
HANDLER(op_GP);
HANDLER(op_NO_SSE);             /* a SIMD instruction that the control registers forbid: #UD or #NM */
HANDLER(op_NO_AVX);

#endif
