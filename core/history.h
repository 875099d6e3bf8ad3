/* Inside the history (history.c, checkpoint.c, journal.c); docs/history.md has the whole idea. */
#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include <clearbox/history.h>

#include "medium.h"

/*
 * A moment between instructions.  At one count guest time can pass (a halt), then interrupts be
 * delivered, and inputs come in at any of these moments.
 */
struct moment {
	uint64_t count, time;
	uint64_t deliveries;
	uint64_t journal;               /* entries of the journal that came before */
};

/* What blocks of a medium held at a checkpoint, of those written until the next one. */
struct disk_diff {
	struct disk_diff *next;
	struct medium *medium;
	struct block_map blocks;
};

/*
 * The machine at a moment.  Its RAM is not in here: machine->memory holds that of one checkpoint,
 * the root, and what was written since; the others are reached from there by their differences.
 * pages is what differs between this and the next checkpoint: what it holds is that of the
 * one that is farther away from the root.
 */
struct checkpoint {
	struct checkpoint *next, *previous;
	struct moment at;
	struct page **state;            /* all other state, in pieces that checkpoints share */
	size_t state_pages;
	struct medium *media[CBX_MEDIA];
	uint64_t outward;
	uint32_t run_flags;
	struct page_diff pages;
	bool sorted;                    /* pages */
	struct disk_diff *disks;
};

enum { RUN_STOP_ON_TRIPLE_FAULT = 1, RUN_STOP_ON_RESET = 2 };

struct entry {
	struct moment at;
	struct cbx_input input;         /* its bytes are ours */
	struct medium *medium;          /* that it put into a drive */
	bool in_call;                   /* while a backend was called: */
	uint64_t call;                  /* the how manieth */
};

struct failure {
	uint64_t call;
	enum cbx_status status;
};

struct history {
	uint64_t budget, bytes;
	struct checkpoint *first, *last, *root;
	unsigned count;                 /* of checkpoints */
	struct page_diff open;          /* pages written since the root, as they were there */
	bool lost;                      /* there was no memory: to begin again */
	uint64_t interval;              /* instructions between checkpoints */
	uint64_t next_at;               /* the instruction count of the next one */
	uint32_t run_flags;             /* of the runs now */
	/* The journal: entry n is entries[n - journal_first]. */
	struct entry *entries;
	size_t entry_count, entry_room;
	uint64_t journal_first;
	uint64_t cursor;                /* the next one that comes in */
	struct failure *failures;       /* by call */
	size_t failure_count, failure_room;
	/* A search back that was asked to stop: there is nothing from before on to origin, where it began. */
	struct {
		bool going;
		struct moment origin, before;
		uint64_t breakpoints;   /* hooks_changes() */
	} search;
	struct medium *again;           /* the medium that an entry put into a drive */
	bool wants_medium;              /* an entry is about to put one there */
};

/* ---- checkpoint.c ---- */
struct moment moment_now(const struct cbx_machine *machine);
int moment_compare(const struct moment *a, const struct moment *b);
/* The machine as it is; NULL: no memory.  Not linked in yet. */
struct checkpoint *checkpoint_new(struct cbx_machine *machine);
void checkpoint_free(struct cbx_machine *machine, struct checkpoint *checkpoint);
/* Is the next one after the last; the machine is there. */
void checkpoint_append(struct cbx_machine *machine, struct checkpoint *checkpoint);
/* The machine has come by itself to the checkpoint after the root. */
void checkpoint_arrive(struct cbx_machine *machine);
/* Comes between the root and the next; the machine is there.  False: no memory. */
bool checkpoint_insert(struct cbx_machine *machine);
/* Makes the machine what it was there.  An error: nothing has changed. */
enum cbx_status checkpoint_restore(struct cbx_machine *machine, struct checkpoint *to);
/* All after now is forgotten. */
enum cbx_status history_truncate(struct cbx_machine *machine);
/* Forgets checkpoints until the budget holds. */
void history_thin(struct cbx_machine *machine);
void pages_clear(struct cbx_machine *machine, struct page_diff *diff);
void views_clear(struct cbx_machine *machine);

/* ---- journal.c ---- */
enum cbx_status journal_add(struct cbx_machine *machine, const struct cbx_input *input,
			    struct entry **entry);
/* Takes back the entry added last. */
void journal_take_back(struct cbx_machine *machine);
struct entry *journal_next(const struct history *history);     /* NULL: there is none */
/* The next one that does not come in while a backend is called. */
struct entry *journal_next_goal(const struct history *history);
/* Lets the next entry come in again. */
void journal_apply(struct cbx_machine *machine);
void journal_forget_after(struct cbx_machine *machine, uint64_t number);
void journal_forget_before(struct cbx_machine *machine, uint64_t number, uint64_t call);
void journal_free(struct cbx_machine *machine);
/* Comes to what is due at this instruction count: a canonical moment. */
void machine_settle(struct cbx_machine *machine);

#endif
