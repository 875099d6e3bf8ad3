/*
 * Forks, and going back in time.  docs/history.md says how it works and what it costs.
 *
 * A fork is a second machine that begins where the first one is and shares its memory until one
 * of them writes there.  A history keeps checkpoints of a machine and a journal of all that came
 * in from outside, so that any moment of its past can be brought back exactly.
 */
#ifndef CLEARBOX_HISTORY_H
#define CLEARBOX_HISTORY_H

#include "backend.h"
#include "machine.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Drives that can have a medium (enum cbx_drive), serial ports and cards of a fork's options. */
enum { CBX_MEDIA = 6, CBX_FORK_SERIAL = 4, CBX_FORK_CARDS = 4 };

/* ---- Forks --------------------------------------------------------------------------------- */

/* Set size to sizeof(struct cbx_fork_options); what is 0 or NULL is as described. */
struct cbx_fork_options {
	size_t size;
	/*
	 * read NULL: the fork reads what the machine's disk held when the fork was made, through
	 * the machine's backend, and what it writes stays in its own memory.  With read: a backend
	 * of its own with the same contents and size, which it reads and writes.
	 */
	struct cbx_disk_backend disk[CBX_MEDIA];
	uint64_t overlay_limit_bytes;           /* memory for what is written to one disk; 0: no limit */
	/* Without them nobody listens. */
	struct cbx_character_backend serial[CBX_FORK_SERIAL], parallel, debug_console;
	struct cbx_network_backend network[CBX_FORK_CARDS];
	/*
	 * Adds the embedder's own devices to the fork, the same ones in the same order as the
	 * machine has them (their states are copied afterwards).  May be NULL if there are none.
	 */
	enum cbx_status (*add_devices)(void *user, struct cbx_machine *fork);
	void *user;
};

/*
 * Makes a second machine in the state of this one, between runs.  Memory is shared until it is
 * written; either may be run, forked and freed as any machine, in any order, and each may be used
 * by a thread of its own from then on.  The machine's allocator and the backends of disks are then
 * asked from several threads: a backend by one at a time, the allocator at any time.  A backend must
 * be there as long as a fork reads through it.  Breakpoints, hooks, the log callback and the history
 * are not the fork's.  options may be NULL.
 * Errors: CBX_ERROR_STATE (it is running), CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY, CBX_ERROR_MISMATCH
 * (it has devices that the fork has not: see add_devices).  The machine is whole after each.
 */
CBX_API enum cbx_status cbx_fork(struct cbx_machine *machine, const struct cbx_fork_options *options,
				 struct cbx_machine **fork, struct cbx_error *error);

/* ---- History ------------------------------------------------------------------------------- */

/*
 * Keeps a history from now on in at most so many bytes of memory (at least 1 MiB; 0: no more, and
 * what there was is forgotten).  When they are full, checkpoints are thinned out, the old ones
 * more than the new ones; the oldest moments go only when there is no other way.
 *
 * In a history belong: what cbx_key, cbx_type_text, cbx_mouse, cbx_serial_input, cbx_power_button,
 * cbx_drive_change and cbx_network_receive bring, writes of registers and memory by the embedder,
 * and what disks held and answered.  A medium that was taken out must stay readable.  A load, a
 * power-on reset, and a device, timer or RAM that is added begin a new one (the latter at the next run).
 * Errors: CBX_ERROR_STATE (it is running), CBX_ERROR_ARGUMENT (too few bytes), CBX_ERROR_MEMORY;
 * CBX_ERROR_IO: done, but the machine was in the past and a disk could not be made to hold what it did then.
 */
CBX_API enum cbx_status cbx_history_enable(struct cbx_machine *machine, uint64_t bytes);

/* Set size to sizeof(struct cbx_history_info). */
struct cbx_history_info {
	size_t size;
	uint64_t first, last;           /* instruction counts: the oldest moment, the present */
	uint64_t bytes, budget;         /* memory it takes, and may */
	unsigned checkpoints;
	bool past;                      /* the machine is not at its present */
};
/* Errors: CBX_ERROR_STATE (no history is kept), CBX_ERROR_ARGUMENT. */
CBX_API enum cbx_status cbx_history_info(const struct cbx_machine *machine,
					 struct cbx_history_info *info);

/*
 * Brings back the moment when this instruction count was reached (before an interrupt that
 * came there).  Forward again is a run: up to the present all happens as it did, nothing of it
 * reaches a backend, and what was given to the machine then is given again; then it goes on.
 * What is given to the machine while it is in the past discards what came after.
 * Errors: CBX_ERROR_STATE (no history, or running), CBX_ERROR_LIMIT (before the oldest moment or
 * after the present: nothing changes), CBX_ERROR_MEMORY, CBX_ERROR_IO (a backend does not give
 * again what it gave); after the last two the machine is at its present.
 */
CBX_API enum cbx_status cbx_rewind_to(struct cbx_machine *machine, uint64_t instruction_count);
/*
 * Goes back by one instruction; from the first one of an interrupt's handler to the moment before
 * the interrupt.  *stop (may be NULL) is as after a run, with 0 instructions.  Errors: as above.
 */
CBX_API enum cbx_status cbx_reverse_step(struct cbx_machine *machine, struct cbx_stop *stop);
/*
 * Goes back to the last time before now when a breakpoint or watchpoint (debug.h) would have ended
 * a run; *stop says which.  If there was none the machine is at the oldest moment, and the stop's
 * reason is CBX_STOP_LIMIT.  cbx_request_stop ends the search: the machine is where it was, and the
 * reason is CBX_STOP_REQUEST.  Called again at that moment, with the same breakpoints, it goes on where
 * the search was: a program can look after its window meanwhile.  Errors: as above.
 */
CBX_API enum cbx_status cbx_reverse_continue(struct cbx_machine *machine, struct cbx_stop *stop);

/* ---- For boards and devices ------------------------------------------------------------------ */

/*
 * Asked by whoever calls a backend that is told something (characters, frames), before
 * each call: false while the past is repeated, when the world has heard it already.
 * cbx_outward_end comes after the call, or instead of it.
 */
CBX_API bool cbx_outward_begin(struct cbx_machine *machine);
CBX_API void cbx_outward_end(struct cbx_machine *machine);
/*
 * Is the past repeated?  For backends that are told things at the host's leisure (sound), whose
 * calls are not to be counted.
 */
CBX_API bool cbx_replaying(const struct cbx_machine *machine);

/*
 * A medium is put into a drive (an enum cbx_drive): *attached is the backend for the device to
 * use.  disk may be NULL: none.  Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_medium_attach(struct cbx_machine *machine, unsigned drive,
					  const struct cbx_disk_backend *disk,
					  struct cbx_disk_backend *attached);

/* Something that comes in from outside.  What the numbers are is the board's affair. */
struct cbx_input {
	uint32_t kind;                  /* below CBX_INPUT_RESERVED */
	uint32_t number;
	int64_t value[3];
	const void *bytes;
	size_t count;
	struct cbx_disk_backend disk;   /* read NULL: none */
	size_t *taken;                  /* NULL when it comes again */
};
enum { CBX_INPUT_RESERVED = 0x100 };

struct cbx_board_ops {
	/* Makes the same board with these machine options, its memory and state not filled in. */
	enum cbx_status (*twin)(struct cbx_machine *machine, const struct cbx_machine_options *options,
				const struct cbx_fork_options *fork, struct cbx_machine **twin,
				struct cbx_error *error);
	/* What the drive has is another medium now; the device's state follows. */
	void (*put_medium)(struct cbx_machine *machine, unsigned drive,
			   const struct cbx_disk_backend *disk);
	/* Does what the input says, now or once more. */
	enum cbx_status (*input)(struct cbx_machine *machine, const struct cbx_input *input);
};
/* ops must outlive the machine. */
CBX_API void cbx_machine_set_board_ops(struct cbx_machine *machine, const struct cbx_board_ops *ops);
/*
 * An input that must come again when the past is repeated: notes it and calls the board's input.
 * Returns what that did; CBX_ERROR_MEMORY: it could not be noted, and did not happen.
 */
CBX_API enum cbx_status cbx_machine_input(struct cbx_machine *machine, const struct cbx_input *input);

#ifdef __cplusplus
}
#endif
#endif
