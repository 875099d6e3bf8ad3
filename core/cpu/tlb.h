/*
 * The TLB in two layers.
 *
 * struct translations is the TLB that the guest has: which linear pages are remembered, and
 * where they lead.  A guest that changes its page tables and does not say so goes on with what
 * is in here, so it is state: saved, hashed, and a function of what the guest did alone.
 * Entries come and go by page walks, flushes and page faults, and for no reason of the host's.
 *
 * cpu->tlbs are derived from it: host addresses for accesses that need no second look.  An
 * entry there implies one here in the same place (or paging is off), so that a fast access
 * changes nothing a slow one would have changed.  The other way round it does not: devices,
 * pages with decoded code, watched pages and pages that just moved have none.
 */
#ifndef CORE_CPU_TLB_H
#define CORE_CPU_TLB_H

#include "cpu.h"

/*
 * One kind of access each.  Data is direct-mapped by linear page.  What code is fetched through is
 * apart because linked blocks do not come by: they are unlinked when one of its entries goes.  So
 * that this is rare a page has several places there, a set; the oldest entry of a set goes first.
 */
enum { BANK_READ = 0, BANK_WRITE = 1, BANK_USER = 2, BANK_FETCH = 4,
       FETCH_WAYS = 4, FETCH_SETS = 512,
       TRANSLATIONS = BANK_FETCH * TLB_ENTRIES + FETCH_SETS * FETCH_WAYS };

/* Bits of a word beside the physical page. */
enum {
	TRANSLATION_VALID = 1,
	TRANSLATION_GLOBAL = 2,         /* of all PCIDs, and kept when CR3 is loaded */
	TRANSLATION_USER = 4,           /* a page of user mode (SMEP, SMAP) */
	TRANSLATION_2M = 1 << 3, TRANSLATION_4M = 2 << 3, TRANSLATION_1G = 3 << 3,
	TRANSLATION_SIZE = 3 << 3,      /* of the page it is a part of; 0: 4 KiB */
	TRANSLATION_FLAGS = 31
};

/* What the logs below are of. */
enum { LOG_LOCAL, LOG_GLOBAL, LOG_HOST, LOGS };

struct translation {                    /* both 0 when empty */
	uint64_t key;                   /* linear page | PCID */
	uint64_t word;                  /* physical page before the A20 gate | TRANSLATION_ bits */
};

/* Host bytes of a page of RAM that page tables are in, by the physical address of the page. */
struct table_page {
	uint64_t physical, backing;
	const uint8_t *bytes;           /* NULL: empty */
};
enum { TABLE_PAGES = 64 };

struct translations {
	/* ---- State ---- */
	struct translation entry[TRANSLATIONS];

	/* ---- Derived ---- */
	uint8_t derived;                /* marks the place */
	uint8_t in_log[TRANSLATIONS];   /* bits 1 << LOG_x */
	/*
	 * Where something may be: filled since the last flush, not global and global; and the
	 * places whose fast entries were filled since they were last dropped.  Each place is in
	 * a log once, so that logs cannot overflow.
	 */
	uint16_t log[LOGS][TRANSLATIONS];
	uint32_t logged[LOGS];
	uint64_t large[64];             /* a bit for a hash of 2 MiB: a large page may be there */
	uint64_t huge;                  /* for a hash of 1 GiB */
	uint64_t backing[BANK_FETCH * TLB_ENTRIES];     /* the page that a fast entry leads to */
	struct table_page tables[TABLE_PAGES];
};

/* Who accesses: an index of cpu->tlbs. */
enum accessor {
	ACCESSOR_SUPERVISOR = 0,        /* SMAP applies, as always to what is implicit */
	ACCESSOR_USER = 1,
	ACCESSOR_OVERRIDE = 3           /* supervisor with EFLAGS.AC set, CR4.SMAP on */
};

/* What a walk found, or the TLB. */
struct walk {
	uint64_t physical;              /* before the A20 gate */
	uint32_t flags;                 /* TRANSLATION_ bits, VALID not among them */
	bool writable, no_execute;
	bool fresh;                     /* not in the TLB yet */
};

static inline uint64_t tlb_pcid(const struct cpu *cpu)
{
	return cpu->cr4 & CR4_PCIDE ? cpu->cr3 & 0xfff : 0;
}
/* Where a page can be: here, and for BANK_FETCH in the next places up to FETCH_WAYS. */
static inline unsigned tlb_place(unsigned bank, uint64_t linear)
{
	uint64_t page = linear >> PAGE_BITS;

	if (bank == BANK_FETCH)
		return BANK_FETCH * TLB_ENTRIES + (unsigned)((page ^ page >> 9) % FETCH_SETS) * FETCH_WAYS;
	return bank * TLB_ENTRIES + (unsigned)(page % TLB_ENTRIES);
}
static inline unsigned tlb_ways(unsigned bank)
{
	return bank == BANK_FETCH ? FETCH_WAYS : 1;
}
static inline unsigned tlb_bank(enum access access, enum accessor who)
{
	if (access == ACCESS_EXECUTE)
		return BANK_FETCH;
	return (access == ACCESS_WRITE ? BANK_WRITE : BANK_READ) +
	       (who == ACCESSOR_USER ? BANK_USER : 0u);
}

/* ---- tlb.c ----------------------------------------------------------------------------------- */
enum cbx_status translations_new(struct cpu *cpu);
void translations_free(struct cpu *cpu);
/* The fast table of that number can be looked into from now on. */
void tlb_prepare(struct cpu *cpu, unsigned n);
/* New state is in place, or is to be taken over by a fork: what is derived from it is made anew. */
void tlb_loaded(struct cpu *cpu);
/* Is the page remembered, with rights that allow the access? */
bool tlb_find(const struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
	      struct walk *walk);
/* Enters what page_find gave, if it is not there. */
void tlb_enter(struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
	       const struct walk *walk);
/* Enters host bytes of the page for fast accesses, after tlb_enter. */
void tlb_enter_host(struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
		    const struct walk *walk, const uint8_t *host, uint64_t backing);
/* A page fault at this address: its entries go (SDM 3A 4.10.4.1). */
void tlb_faulted(struct cpu *cpu, uint64_t linear);

/* ---- paging.c -------------------------------------------------------------------------------- */
/* The TLB or a walk, for one page; false: #PF recorded.  Not entered before tlb_enter is called. */
bool page_find(struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
	       struct walk *walk);

/* ---- access_slow.c --------------------------------------------------------------------------- */
/* Does a data breakpoint lie on this page? */
bool page_is_watched(const struct cpu *cpu, uint64_t page);

#endif
