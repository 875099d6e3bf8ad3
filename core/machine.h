/*
 * The inside of a machine: what the parts of core know of each other.  Each part's
 * own state is in its own header; this one puts them together.
 */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include <stdatomic.h>

#include <clearbox/clearbox.h>
#include "compiler.h"

struct cpu;
struct memory;
struct ports;
struct clock;
struct history;
struct medium;
struct page;
struct page_diff;

struct drive_port {                     /* what a drive's backend is called with */
	struct cbx_machine *machine;
	unsigned drive;
};

struct cbx_machine {
	struct cpu *cpu;
	struct memory *memory;
	struct ports *ports;
	struct clock *clock;
	struct cbx_device *devices;             /* in order of creation */
	struct cbx_machine_options options;     /* defaults filled in */

	/* What devices asked for, carried out at the next instruction boundary. */
	bool reset_requested, cpu_reset_requested, power_off_requested, exit_requested;
	int exit_code;
	bool out_of_memory;
	/* A stop that the processor or a device asks for, with its reason. */
	bool stop_pending;
	bool shutdown_pending;                  /* a triple fault is to be reported, after that */
	struct cbx_stop stop;
	atomic_int stop_requested;              /* cbx_request_stop: any thread, or a signal handler */

	void *board;
	void (*destroy_board)(void *board);
	unsigned log_left;                      /* messages that may still be logged */
	uint64_t log_bytes;                     /* of messages, where options.log_limit counts */
	void (*log)(void *user, const char *device, const char *text);
	void *log_user;
	struct cbx_device **devices_end;        /* where the next one is linked in */
	struct cbx_device **devices_unreset;    /* the first one that saw no reset yet */
	void *cpu_at_power_on;                  /* copy of the processor's state */
	/* What machine_allocate_large gave; a fork has it all in one piece, from fork_begin on. */
	size_t large_bytes;
	uint8_t *large;                         /* NULL: none, or not a fork */
	size_t large_from, large_to;            /* what is free of it */
	const struct cbx_device *like;          /* of the machine that this is a fork of: what the next one is like */
	const struct cbx_board_ops *board_ops;
	struct medium *media[CBX_MEDIA];        /* what is in the drives, medium.c */
	struct drive_port ports_of_drives[CBX_MEDIA];
	struct history *history;                /* NULL: none is kept */
	/* What happens did so before: nothing of it may reach the world again. */
	bool replaying;
	uint64_t outward;                       /* calls of backends so far */
	unsigned in_call;                       /* of them, under way */
	bool continues;                         /* cpu_run goes on with a run of the embedder's */
	/*
	 * With set a run ends at this instruction count and after so many deliveries of
	 * interrupts there, whatever its options say: how a history finds a moment again.
	 */
	struct {
		bool set;
		uint64_t count;
		uint32_t deliveries;
	} goal;
	bool running;
	char error[256];
};

/*
 * machine.c.  machine_start brings devices that saw no reset yet into their power-on
 * state; the public calls that let a machine run or show its state do it first.
 * machine_reset is the RESET line (CBX_RESET_WARM: processor and devices) or power-on.
 */
void machine_start(struct cbx_machine *machine);
void machine_reset(struct cbx_machine *machine, enum cbx_reset_kind kind);

/* ---- memory.c ---------------------------------------------------------------------- */
enum cbx_status memory_new(struct cbx_machine *machine);
void memory_free(struct cbx_machine *machine);
void memory_seal(struct cbx_machine *machine);          /* what it holds now is what power-on gives */
void memory_reset(struct cbx_machine *machine);         /* power-on: bytes as sealed, A20 open */

/* ---- ports.c: the I/O address space -------------------------------------------------- */
enum cbx_status ports_new(struct cbx_machine *machine);
void ports_free(struct cbx_machine *machine);
uint32_t port_read(struct cbx_machine *machine, uint16_t port, unsigned width);
void port_write(struct cbx_machine *machine, uint16_t port, uint32_t value, unsigned width);
/* Is it worth while to call the next two? */
bool port_takes_many(const struct cbx_machine *machine, uint16_t port, unsigned width, bool input);
/* Up to count accesses that change nothing but a device's own data; how many were done. */
size_t port_read_many(struct cbx_machine *machine, uint16_t port, unsigned width, void *bytes,
		      size_t count);
size_t port_write_many(struct cbx_machine *machine, uint16_t port, unsigned width, const void *bytes,
		       size_t count);
struct cbx_map_range;
enum cbx_status port_range_at(const struct cbx_machine *machine, uint64_t port,
			      struct cbx_map_range *range);

/* ---- clock.c: guest time and timers --------------------------------------------------- */
/*
 * time = instructions * nanoseconds_per_instruction + skipped, where skipped is what
 * halts jumped over.  The processor asks clock_deadline how many instructions it may
 * execute before the next timer is due, and calls clock_fire at that boundary.
 */
enum cbx_status clock_new(struct cbx_machine *machine);
void clock_free(struct cbx_machine *machine);
uint64_t clock_now(const struct cbx_machine *machine);          /* ns; uses cpu_instruction_count */
/* The instruction count at which the earliest timer is due; UINT64_MAX: none. */
uint64_t clock_deadline(const struct cbx_machine *machine);
void clock_fire(struct cbx_machine *machine);           /* calls all timers due now */
void clock_reset(struct cbx_machine *machine);          /* power-on: no timer armed, nothing skipped */
bool clock_skip(struct cbx_machine *machine);           /* to the next timer; false: there is none */
/* Jump forward, at most to the next timer; used when idle time is limited. */
void clock_skip_to(struct cbx_machine *machine, uint64_t time);

/* ---- limits.c: what a machine may use at most --------------------------------------------- */
/* Puts an account before the options' allocator, if they limit memory; false: no memory for one. */
bool limits_install(struct cbx_machine_options *options);
/* Ends an account of which nothing was allocated. */
void limits_drop(const struct cbx_machine_options *options);
/* Shortens a run to what the machine's limits leave; false: nothing, stop says why. */
bool limits_begin(struct cbx_machine *machine, struct cbx_run_options *run, struct cbx_stop *stop);
/* Names the limit that ended a run. */
void limits_end(struct cbx_machine *machine, struct cbx_stop *stop);
/* The run ends after the current instruction, unless it ends anyway. */
void limits_stop(struct cbx_machine *machine, enum cbx_stop_reason reason, const char *detail);

/* ---- fork.c -------------------------------------------------------------------------- */
/* Gets the memory that machine_allocate_large will give, if it can. */
void fork_begin(struct cbx_machine *fork);
/* Does what a machine's RAM holds come from the one it is to be a fork of? */
static inline bool machine_is_twin(const struct cbx_machine *machine)
{
	return machine->options.fork_of != NULL;
}

/* ---- history.c ------------------------------------------------------------------------ */
/*
 * A page is about to be written and held this (NULL: zeros); the history takes over the hold
 * on it.  False: there is no memory, and the hold is the caller's still.
 */
bool history_save_page(struct cbx_machine *machine, struct page_diff *diff, uint32_t ram,
		       uint32_t index, struct page *page);
/* What a page held could not be kept: the past is no more. */
void history_lose(struct cbx_machine *machine);
void history_free(struct cbx_machine *machine);
/* cpu_run in pieces, with checkpoints between them, or as it was before. */
enum cbx_status history_run(struct cbx_machine *machine, const struct cbx_run_options *options,
			    struct cbx_stop *stop);
/* The machine became another one (a load, a reset): what was before is no past of it. */
void history_restart(struct cbx_machine *machine);

/* The embedder writes a register or memory; false: it cannot be noted, and is not to be done. */
bool history_note(struct cbx_machine *machine, uint32_t kind, uint32_t number, uint64_t value,
		  const void *bytes, size_t count);
enum { INPUT_RUN_FLAGS = CBX_INPUT_RESERVED, INPUT_REGISTER, INPUT_MEMORY };
/* The same without a note. */
enum cbx_status cpu_register_write(struct cbx_machine *machine, enum cbx_register which,
				   uint64_t value);
/* Is all of this (count is not 0) RAM, for MAP_READ or MAP_WRITE (ram.h)? */
bool memory_all_ram(struct memory *memory, uint64_t address, size_t count, unsigned kind);
enum cbx_status memory_write_bytes(struct cbx_machine *machine, uint64_t address, const void *bytes,
				   size_t count);

/* ---- cpu/ ------------------------------------------------------------------------------ */
/* Sets machine->cpu, and machine->options.cpu to the model's name as cbx_cpu_model has it. */
enum cbx_status cpu_new(struct cbx_machine *machine, struct cbx_error *error);
void cpu_free(struct cbx_machine *machine);
void cpu_reset(struct cbx_machine *machine);            /* the RESET pin */
/* Executed since power-on; exact whenever a device or the embedder has control. */
uint64_t cpu_instruction_count(const struct cbx_machine *machine);
/* A line, a timer or a request changed: look again before the next instruction. */
void cpu_attention(struct cbx_machine *machine);
enum cbx_status cpu_run(struct cbx_machine *machine, const struct cbx_run_options *options,
			struct cbx_stop *stop);
/* For state.c: what of the processor is saved, and what to do after a load. */
extern const struct cbx_field cpu_fields[];
enum { CPU_STATE_VERSION = 1 };
void cpu_before_save(struct cbx_machine *machine);      /* lazily kept values into the struct */
bool cpu_check(const struct cbx_machine *machine, const void *state);
/* The struct holds other values (a load, power-on): drop all blocks and host addresses.  No
   page is marked as code any more. */
void cpu_loaded(struct cbx_machine *machine);
/* Pages are shared by now: host addresses to write to are not valid any more. */
void cpu_memory_shared(struct cbx_machine *machine);
/*
 * While the past is replayed hooks and breakpoints are to keep still; each may be let through.
 * For whoever replays; between runs.
 */
void hooks_quiet(struct cbx_machine *machine, bool hooks, bool breakpoints);
/* Another number when breakpoints or hooks came or went. */
uint64_t hooks_changes(const struct cbx_machine *machine);
uint32_t *cpu_deliveries(struct cbx_machine *machine);
/* The number, in a callback, too. */
uint32_t cpu_deliveries_now(const struct cbx_machine *machine);
void *cpu_state(struct cbx_machine *machine, size_t *size);     /* the struct that cpu_fields describes */
static inline size_t cpu_state_size(struct cbx_machine *machine)
{
	size_t size;

	cpu_state(machine, &size);
	return size;
}
/* The same for the TLB, a section of its own; all zeros at power-on. */
extern const struct cbx_field tlb_fields[];
enum { TLB_STATE_VERSION = 2 };
bool tlb_check(const void *state);
void *tlb_state(struct cbx_machine *machine, size_t *size);

/* ---- state.c, fields.c -------------------------------------------------------------------- */
/* Does this table describe a struct of that size: inside it, names once, sizes possible? */
bool state_fields_valid(const struct cbx_field *fields, size_t size, unsigned depth);
/* Is each byte of the struct named by exactly one field?  *at: the first that is not. */
bool state_fields_cover(const struct cbx_field *fields, size_t size, size_t *at);

/* ---- Allocation: everything goes through these -------------------------------------------- */
void *machine_allocate(struct cbx_machine *machine, size_t size);       /* zeroed; NULL: none left */
void machine_release(struct cbx_machine *machine, void *memory);
/*
 * The same for what takes many pages of the host's and lives as long as the machine.  sparse: most of
 * it stays as it is at first, zeros; what stays so of a fork's takes no pages.
 */
void *machine_allocate_large(struct cbx_machine *machine, size_t size, bool sparse);
/* An array of count elements of size bytes; NULL also when that is more than there can be. */
void *machine_allocate_array(struct cbx_machine *machine, uint64_t count, size_t size);
/* What an allocator is asked through; machine->options may be a copy of the embedder's. */
void *options_reallocate(const struct cbx_machine_options *options, void *memory, size_t size);
void *options_allocate(const struct cbx_machine_options *options, size_t size);
/*
 * Options may come from an embedder built against another version: what it does not
 * know of is 0, and what we do not know of must be.
 */
bool options_take(void *to, size_t to_size, const void *from, size_t from_size);
/* Copies text, cut to size. */
void machine_text(char *to, size_t size, const char *from);
/* Sets the error text, returns status. */
enum cbx_status machine_fail(struct cbx_machine *machine, enum cbx_status status, const char *text);

#endif
