/*
 * A machine without a processor, for testing chips alone: it implements all of
 * clearbox/device.h over plain tables, and lets a test be the processor.  Wrong use
 * (an unmapped width, a size that is not a multiple of a page) is a failed assertion.
 */
#ifndef TESTSUITE_DEVICES_HARNESS_H
#define TESTSUITE_DEVICES_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <clearbox/device.h>
#include <clearbox/pc.h>

/* 16 MiB of RAM at address 0 that bus masters reach; devices' own regions lie above it. */
#define FAKE_RAM_BYTES (16u << 20)

struct cbx_machine *fake_machine_new(void);
void fake_machine_free(struct cbx_machine *machine);
/* Resets all devices, in the order of their creation.  To be called once before use. */
void fake_reset(struct cbx_machine *machine, enum cbx_reset_kind kind);

/* The n-th allocation from now on fails (1: the next); 0: none does. */
void fake_fail_allocation(struct cbx_machine *machine, unsigned n);

/* ---- The processor's side ------------------------------------------------------ */

void fake_out(struct cbx_machine *machine, unsigned port, uint32_t value, unsigned width);
uint32_t fake_in(struct cbx_machine *machine, unsigned port, unsigned width);
void fake_mem_write(struct cbx_machine *machine, uint64_t address, uint64_t value, unsigned width);
uint64_t fake_mem_read(struct cbx_machine *machine, uint64_t address, unsigned width);
/* The fake RAM's bytes. */
uint8_t *fake_ram(struct cbx_machine *machine);
/* How often a device asked for a page of a RAM. */
extern unsigned fake_ram_pages;

/* Guest time passes, timers fire in order at exactly their times. */
void fake_advance(struct cbx_machine *machine, uint64_t nanoseconds);
uint64_t fake_now(const struct cbx_machine *machine);
/* Time of the next timer, UINT64_MAX when none is armed. */
uint64_t fake_next_event(const struct cbx_machine *machine);

struct fake_pins {
	bool intr, nmi, a20, ignne;
	unsigned nmi_edges;
	unsigned resets, processor_resets, power_offs, exits;
	int exit_code;
	unsigned logs;
	struct cbx_line ferr;
	/* Of a local APIC, when one is connected: intr and nmi_edges are what it tells the core. */
	const struct cbx_apic_ops *apic;
	struct cbx_device *apic_device;
	unsigned apic_features;         /* what the model has; all, unless a test says otherwise */
	unsigned smis;
	/* Who wants to know of system management mode. */
	void (*smm_changed)(struct cbx_device *device, bool in_smm);
	struct cbx_device *smm_device;
	uint64_t tsc_offset;            /* the time-stamp counter is guest time plus this */
};
struct fake_pins *fake_pins(struct cbx_machine *machine);
/* The processor takes an interrupt: the vector.  INTR need not be up. */
uint8_t fake_inta(struct cbx_machine *machine);

/* ---- Wires ------------------------------------------------------------------------ */

struct fake_wire {
	struct cbx_machine *machine;
	bool level;
	unsigned rises, falls;
	uint64_t rise_time, fall_time;          /* of the last ones */
};
/* A line whose changes are recorded in *wire, which must outlive the machine. */
struct cbx_line fake_wire(struct cbx_machine *machine, struct fake_wire *wire);

/* ---- Hostile input and state ------------------------------------------------------- */

/* A small random sequence; the seed is the state. */
uint64_t fake_random(uint64_t *seed);
/*
 * Random reads and writes of all widths to count ports from first on, with random
 * pauses; acknowledges interrupts now and then.
 */
void fake_storm(struct cbx_machine *machine, uint64_t *seed, unsigned first, unsigned count,
		unsigned steps);
/* Bytes of all devices' state structs that no field describes. */
size_t fake_uncovered_bytes(struct cbx_machine *machine);
/*
 * Takes every device's state out field by field, fills the struct with 5Ah, puts it
 * back, and calls check (which must accept it) and loaded.  Timers stay as they are.
 */
void fake_reload(struct cbx_machine *machine);
/*
 * Offers check a state with random bytes in it, as a damaged save would have; when check
 * accepts it, makes it the device's state and calls loaded.  Returns how many were accepted.
 */
unsigned fake_load_random(struct cbx_machine *machine, uint64_t *seed, unsigned times);

#endif
