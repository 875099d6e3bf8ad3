/* The local APIC's registers, shared by local_apic.c and local_apic_timer.c. */
#ifndef DEVICES_LOCAL_APIC_STATE_H
#define DEVICES_LOCAL_APIC_STATE_H

#include "local_apic.h"

enum apic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };
enum {
	LVT_MASKED = 0x10000, LVT_LEVEL = 0x8000, LVT_REMOTE_IRR = 0x4000,
	LVT_PERIODIC = 0x20000, LVT_DEADLINE = 0x40000, LVT_TIMER_MODE = 0x60000
};

struct apic_state {
	uint64_t base;                  /* IA32_APIC_BASE */
	uint64_t icr;
	uint64_t deadline;              /* IA32_TSC_DEADLINE; 0: not armed */
	/* The timer counted `left` at guest time `start`; left 0: it does not count. */
	uint64_t start;
	uint32_t left, initial, divide;
	uint32_t isr[8], tmr[8], irr[8];
	uint32_t lvt[LVT_COUNT];
	uint32_t id, ldr, dfr, svr;
	uint32_t esr, errors;           /* as read; since the last write to ESR */
	uint8_t tpr;
	uint8_t pins;                   /* levels of LINT0 and LINT1 */
	uint8_t extint;                 /* a message of this mode waits */
	uint8_t reserved[9];
};

struct local_apic {
	struct cbx_device device;
	struct apic_state state;
	struct cbx_region *registers;
	struct cbx_timer *timer;
	struct apic_listener listener;
	unsigned features;              /* cbx_cpu_apic_features */
	bool intr;                      /* derived: what the core was told */
};

/* local_apic.c: what an entry of the local vector table asks for, unless it is masked. */
void apic_lvt_deliver(struct local_apic *apic, enum apic_lvt which);

/* ---- local_apic_timer.c ---------------------------------------------------------------- */
enum cbx_status apic_timer_new(struct local_apic *apic);
void apic_timer_reset(struct local_apic *apic);
uint32_t apic_timer_current(const struct local_apic *apic);
void apic_timer_write_initial(struct local_apic *apic, uint32_t value);
void apic_timer_write_divide(struct local_apic *apic, uint32_t value);
void apic_timer_write_lvt(struct local_apic *apic, uint32_t value);
void apic_timer_write_deadline(struct local_apic *apic, uint64_t value);
void apic_timer_update(struct local_apic *apic);        /* the TSC changed */
bool apic_timer_check(const struct apic_state *state);

#endif
