/*
 * The device API.  A device is a struct that begins with struct cbx_device, is
 * described by one constant struct cbx_device_type, and is created by
 * cbx_device_new.  What it is wired to (interrupt lines, DMA, backends) is handed
 * to its own constructor.  The project's chips use nothing else than this header,
 * the other public ones, and each other's constructors.
 *
 * Rules for a device: no guest value is an index, length, shift or divisor before
 * it is checked; no allocation after creation; no call into the port or memory map
 * from inside a handler other than through cbx_dma_*; all that the guest can
 * notice is in its state struct and field table.
 */
#ifndef CLEARBOX_DEVICE_H
#define CLEARBOX_DEVICE_H

#include "state.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cbx_device;

/* One wire, held by value.  Setting a line whose set is NULL does nothing. */
struct cbx_line {
	void (*set)(void *target, unsigned number, bool level);
	void *target;
	unsigned number;
};

static inline void cbx_line_set(const struct cbx_line *line, bool level)
{
	if (line->set)
		line->set(line->target, line->number, level);
}

enum cbx_reset_kind {
	CBX_RESET_POWER,                /* power on: all state to its documented start */
	CBX_RESET_WARM                  /* the RESET line: battery-backed and similar state stays */
};

/* What a kind of device is. */
struct cbx_device_type {
	const char *name;               /* also the section of the saved state */
	uint32_t version;               /* of the field table */
	size_t size;                    /* of the device's whole struct */
	size_t state_offset, state_size;        /* the part that is saved */
	const struct cbx_field *fields;
	void (*reset)(struct cbx_device *device, enum cbx_reset_kind kind);
	/* Is a state that came from outside one the running device could be in? */
	bool (*check)(const struct cbx_device *device, const void *state);
	/* After a load: rebuild what is derived (mappings, caches).  No lines, no timers. */
	void (*loaded)(struct cbx_device *device);
	void (*destroy)(struct cbx_device *device);
	/*
	 * The constructor leaves the state as cbx_device_new made it, all zeros.  For devices with a
	 * large state, of which a fork is made faster then; false is always right.
	 */
	bool state_starts_zeroed;
};

/* First member of every device's struct; zeroed and filled by cbx_device_new. */
struct cbx_device {
	const struct cbx_device_type *type;
	struct cbx_machine *machine;
	struct cbx_device *next;        /* the machine's list */
	unsigned instance;              /* 0, 1, ... among devices of this type */
};

/*
 * Allocates type->size zeroed bytes and adds the device to the machine.  Reset is
 * called by the machine before its first instruction.  Errors: CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_device_new(struct cbx_machine *machine,
				       const struct cbx_device_type *type,
				       struct cbx_device **device);

/* ---- Ports and memory-mapped registers ---------------------------------------- */

/*
 * Handlers of a range.  widths is the mask of access sizes in bytes (1, 2, 4, 8) that
 * the handlers accept; the bus splits wider accesses into pieces from the lowest
 * address up (each as wide as the handlers and the range's end allow), and serves
 * narrower ones by a read of the smallest accepted width (writes narrower than the
 * smallest width are dropped).  Accesses reach the handlers with the offset from the
 * start of the range and never beyond its end; they need not be aligned.
 * A NULL read gives all ones, a NULL write drops.
 *
 * read_many and write_many, of ports only, may be NULL.  They do up to count accesses of one
 * accepted width to one offset, as a repeated INS or OUTS makes them, and return how many they did,
 * which may be none: the next one then comes by read or write.  bytes is in the order of the guest's
 * memory.  The guest's registers and the instruction count stand as before the first of them, so
 * they are for accesses that change nothing but the device's own data: those that move a wire, set a
 * timer, look at the time or reach memory are to be left to read and write.
 */
struct cbx_io {
	unsigned widths;
	uint64_t (*read)(struct cbx_device *device, uint64_t offset, unsigned width);
	void (*write)(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width);
	size_t (*read_many)(struct cbx_device *device, uint64_t offset, unsigned width, void *bytes,
			    size_t count);
	size_t (*write_many)(struct cbx_device *device, uint64_t offset, unsigned width, const void *bytes,
			     size_t count);
};

/*
 * Answers count ports from first on.  Where ranges overlap, the device created last
 * answers, and of two ranges of one device the one mapped last: so who answers follows
 * from the devices' states, not from the order in which a guest moved them about.
 * A port nobody answers reads all ones.  io must outlive the machine.  unmap takes what
 * map was given.  Errors: CBX_ERROR_ARGUMENT (no port, or beyond the last; io without a width),
 * CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_ports_map(struct cbx_device *device, uint32_t first, uint32_t count,
				      const struct cbx_io *io);
CBX_API void cbx_ports_unmap(struct cbx_device *device, uint32_t first, uint32_t count);

/* Memory that holds bytes: RAM, ROM, video memory.  Copy-on-write pages of 4 KiB. */
struct cbx_ram;

/*
 * size is a multiple of 4096.  The contents are saved under this name (at most 39 bytes,
 * no two alike), zero at first.  What is written before the machine's first run or reset
 * is what cbx_machine_reset puts back.  Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_ram_new(struct cbx_machine *machine, const char *name, uint64_t size,
				    struct cbx_ram **ram);
CBX_API uint64_t cbx_ram_size(const struct cbx_ram *ram);
/* Copies; the range must lie inside the RAM (else CBX_ERROR_ARGUMENT, nothing copied). */
CBX_API enum cbx_status cbx_ram_read(const struct cbx_ram *ram, uint64_t offset, void *bytes,
				     size_t count);
CBX_API enum cbx_status cbx_ram_write(struct cbx_ram *ram, uint64_t offset, const void *bytes,
				      size_t count);
/*
 * The bytes of the page that holds offset (which must be inside), until the next
 * call that can write to this RAM.  The writable form marks the page dirty, and gives
 * NULL when no memory is left (the machine then stops with CBX_STOP_HOST_MEMORY).
 */
CBX_API const uint8_t *cbx_ram_page(const struct cbx_ram *ram, uint64_t offset);
CBX_API uint8_t *cbx_ram_page_writable(struct cbx_ram *ram, uint64_t offset);
/* Has this page been written since the last time this was asked?  (Clears it.) */
CBX_API bool cbx_ram_take_dirty(struct cbx_ram *ram, uint64_t offset);

/* A range of physical addresses that answers by RAM bytes or by handlers. */
struct cbx_region;

enum { CBX_REGION_READ = 1, CBX_REGION_WRITE = 2 };

/*
 * A region of size bytes that shows a RAM from offset on (both multiples of 4096, inside the RAM), or
 * whose accesses go to io's handlers.  It is off until it is placed.
 * Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_region_new_ram(struct cbx_device *device, struct cbx_ram *ram,
					   uint64_t offset, uint64_t size,
					   struct cbx_region **region);
CBX_API enum cbx_status cbx_region_new_io(struct cbx_device *device, const struct cbx_io *io,
					  uint64_t size, struct cbx_region **region);
/*
 * Puts a region (size and base multiples of 4096) at base.  access says for which
 * kinds of access it answers: reads and fetches, writes, both, or 0 (off).  Among
 * regions that answer, the highest priority wins, then the one created last.  What
 * nobody answers reads all ones and drops writes: a ROM is a RAM region placed with
 * CBX_REGION_READ.  Regions start off.
 */
CBX_API void cbx_region_place(struct cbx_region *region, uint64_t base, unsigned access,
			      int priority);
/*
 * Moves the window that a RAM region shows: it now begins at offset (a multiple of 4096,
 * and the window must fit; else nothing happens).  Cheap: made for bank switching.
 */
CBX_API void cbx_region_set_offset(struct cbx_region *region, uint64_t offset);

/* Bus-master access: reaches RAM only, whatever is mapped; elsewhere reads all ones. */
CBX_API void cbx_dma_read(struct cbx_device *device, uint64_t address, void *bytes, size_t count);
CBX_API void cbx_dma_write(struct cbx_device *device, uint64_t address, const void *bytes,
			   size_t count);

/* ---- Time ---------------------------------------------------------------------- */

/* Guest time in nanoseconds since power-on; exact at every instruction. */
CBX_API uint64_t cbx_time(const struct cbx_device *device);

/*
 * A timer calls fire at the first instruction boundary at or after its time.  It is
 * the machine that saves and loads whether and when it fires.  Timers that are due
 * together fire in the order of their times, then of their creation.  No two timers of a device have
 * the same name.  Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY.
 */
struct cbx_timer;
CBX_API enum cbx_status cbx_timer_new(struct cbx_device *device, const char *name,
				      void (*fire)(struct cbx_device *device, unsigned number),
				      unsigned number, struct cbx_timer **timer);
/* Absolute, ns.  Set while timers fire, it fires later than now; beyond INT64_MAX, never. */
CBX_API void cbx_timer_set(struct cbx_timer *timer, uint64_t time);
CBX_API void cbx_timer_cancel(struct cbx_timer *timer);
CBX_API bool cbx_timer_armed(const struct cbx_timer *timer);

/* a * b / c without overflow in between; all ones when it does not fit or c is 0. */
CBX_API uint64_t cbx_muldiv(uint64_t a, uint64_t b, uint64_t c);

/* ---- The processor's pins --------------------------------------------------------- */

CBX_API void cbx_cpu_set_intr(struct cbx_device *device, bool level);
CBX_API void cbx_cpu_set_nmi(struct cbx_device *device, bool level);    /* rising edge counts */
CBX_API void cbx_cpu_set_a20(struct cbx_device *device, bool enabled);
CBX_API void cbx_cpu_set_ignne(struct cbx_device *device, bool level);
/* SMI#: system management mode after the current instruction, or after the one that lasts. */
CBX_API void cbx_cpu_smi(struct cbx_device *device);
/* Who has to know that the processor entered or left system management mode (SMRAM is seen there). */
CBX_API void cbx_cpu_connect_smram(struct cbx_device *device,
				   void (*changed)(struct cbx_device *device, bool in_smm));
/* Who answers the interrupt-acknowledge cycle with a vector (the 8259 pair). */
CBX_API void cbx_cpu_connect_inta(struct cbx_device *device,
				  uint8_t (*acknowledge)(struct cbx_device *device));
/* Where FERR# goes (IRQ 13 by way of the PC's latch); also called when it falls. */
CBX_API void cbx_cpu_connect_ferr(struct cbx_device *device, struct cbx_line line);

/*
 * A local APIC lies between the pins and the processor's core: once one is connected,
 * cbx_cpu_set_intr and cbx_cpu_set_nmi reach its pins LINT0 and LINT1, and it alone speaks to
 * the core by the functions below.
 */
struct cbx_apic_ops {
	void (*set_pin)(struct cbx_device *apic, unsigned lint, bool level);
	/* The core takes the interrupt that cbx_apic_set_intr announced: its vector. */
	uint8_t (*acknowledge)(struct cbx_device *apic);
	/* CR8: the task priority's class. */
	uint8_t (*read_tpr)(struct cbx_device *apic);
	void (*write_tpr)(struct cbx_device *apic, uint8_t value);
	/* MSRs 1Bh, 6E0h and 800h-8FFh; false: #GP(0). */
	bool (*read_msr)(struct cbx_device *apic, uint32_t index, uint64_t *value);
	bool (*write_msr)(struct cbx_device *apic, uint32_t index, uint64_t value);
	void (*init)(struct cbx_device *apic);          /* INIT or RESET of the processor */
	void (*tsc_changed)(struct cbx_device *apic);   /* the guest set the time-stamp counter */
};

/* What the processor model has. */
enum { CBX_APIC_PRESENT = 1, CBX_APIC_X2APIC = 2, CBX_APIC_TSC_DEADLINE = 4, CBX_APIC_THERMAL = 8 };
CBX_API unsigned cbx_cpu_apic_features(const struct cbx_device *device);
/* ops must outlive the machine.  Errors: CBX_ERROR_UNSUPPORTED (a model without an APIC). */
CBX_API enum cbx_status cbx_cpu_connect_apic(struct cbx_device *apic,
					     const struct cbx_apic_ops *ops);
/* There is something to acknowledge.  A level. */
CBX_API void cbx_apic_set_intr(struct cbx_device *apic, bool level);
CBX_API void cbx_apic_nmi(struct cbx_device *apic);
CBX_API void cbx_apic_smi(struct cbx_device *apic);
/* The interrupt-acknowledge cycle on the bus: whom cbx_cpu_connect_inta named, else FFh. */
CBX_API uint8_t cbx_apic_inta(struct cbx_device *apic);
/* The time-stamp counter, and the guest time (ns) at which it gets to a value; now when it did. */
CBX_API uint64_t cbx_cpu_tsc(const struct cbx_device *device);
CBX_API uint64_t cbx_cpu_tsc_time(const struct cbx_device *device, uint64_t tsc);

/* After the current instruction: reset the processor and all devices (WARM), or the
   processor alone (the 8042's and port 92h's reset line). */
CBX_API void cbx_request_reset(struct cbx_device *device, bool processor_only);
/* After the current instruction: the run ends (soft-off, debug exit ...). */
CBX_API void cbx_request_power_off(struct cbx_device *device);
CBX_API void cbx_request_exit(struct cbx_device *device, int code);
/* The same because a backend had no room left: CBX_STOP_BACKEND_LIMIT, with what in detail. */
CBX_API void cbx_request_limit(struct cbx_device *device, const char *what);

/* What a guest did wrong or a device cannot do; limited in number by the machine. */
CBX_API void cbx_log(struct cbx_device *device, const char *text);

#ifdef __cplusplus
}
#endif
#endif
