/*
 * The processor's local APIC: Intel SDM volume 3A, chapter "Advanced Programmable Interrupt
 * Controller".  Registers at FEE00000h (IA32_APIC_BASE moves them), in x2APIC mode MSRs
 * 800h-8FFh; messages (MSI) are writes to FEE00000h-FEEFFFFFh.
 *
 * There is one processor: an interrupt command reaches the processor itself or nobody, and
 * lowest priority means any that the destination names.  A start-up message finds a processor
 * that does not wait for it.
 */
#include "local_apic_state.h"

#define WINDOW UINT64_C(0xfee00000)
#define BASE_ADDRESS UINT64_C(0xfffffff000)     /* a physical address of 40 bits */

enum { BASE_BSP = 0x100, BASE_X2APIC = 0x400, BASE_ENABLE = 0x800 };
enum { MSR_APIC_BASE = 0x1b, MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC = 0x800 };
enum { SVR_ENABLE = 0x100, SVR_NO_BROADCAST = 0x1000 };
enum { PRIORITY_REGISTERS = 100, PRIORITY_WINDOW = 99 };
enum {
	ERROR_SEND_VECTOR = 0x20, ERROR_RECEIVE_VECTOR = 0x40, ERROR_REGISTER = 0x80
};
/* Registers, as their address bits 4-11: also the x2APIC MSR's low bits. */
enum {
	REG_ID = 0x02, REG_VERSION = 0x03, REG_TPR = 0x08, REG_APR = 0x09, REG_PPR = 0x0a,
	REG_EOI = 0x0b, REG_RRD = 0x0c, REG_LDR = 0x0d, REG_DFR = 0x0e, REG_SVR = 0x0f,
	REG_ISR = 0x10, REG_TMR = 0x18, REG_IRR = 0x20, REG_ESR = 0x28, REG_ICR_LOW = 0x30,
	REG_ICR_HIGH = 0x31, REG_LVT = 0x32, REG_LVT_LAST = 0x37, REG_INITIAL = 0x38,
	REG_CURRENT = 0x39, REG_DIVIDE = 0x3e, REG_SELF = 0x3f
};

static bool is_enabled(const struct local_apic *apic)
{
	return apic->state.base & BASE_ENABLE;
}

static bool is_x2apic(const struct local_apic *apic)
{
	return apic->state.base & BASE_X2APIC;
}

/* ---- Vectors ------------------------------------------------------------------------------ */

static bool bit_test(const uint32_t *words, unsigned vector)
{
	return words[vector >> 5 & 7] >> (vector & 31) & 1;
}

static void bit_put(uint32_t *words, unsigned vector, bool value)
{
	uint32_t bit = UINT32_C(1) << (vector & 31);

	if (value)
		words[vector >> 5 & 7] |= bit;
	else
		words[vector >> 5 & 7] &= ~bit;
}

/* The highest set bit; 0 when there is none (0 to 15 are no vectors). */
static unsigned highest(const uint32_t *words)
{
	for (unsigned n = 8; n-- > 0;) {
		uint32_t word = words[n];
		unsigned bit = 0;

		if (!word)
			continue;
		for (unsigned step = 16; step; step >>= 1) {
			if (word >> step) {
				word >>= step;
				bit += step;
			}
		}
		return n * 32 + bit;
	}
	return 0;
}

static uint8_t processor_priority(const struct apic_state *state)
{
	unsigned serving = highest(state->isr);

	return (uint8_t)(state->tpr >> 4 >= serving >> 4 ? state->tpr : serving & 0xf0);
}

static uint8_t arbitration_priority(const struct apic_state *state)
{
	unsigned task = state->tpr & 0xf0u, serving = highest(state->isr) & 0xf0;
	unsigned request = highest(state->irr) & 0xf0;

	if (task >= request && task > serving)
		return state->tpr;
	return (uint8_t)((task & serving) > request ? task & serving : request);
}

/* The vector that would be delivered now, or 0. */
static unsigned deliverable(const struct apic_state *state)
{
	unsigned request = highest(state->irr);

	return request >> 4 > processor_priority(state) >> 4 ? request : 0;
}

static bool lint_passes(const struct apic_state *state, unsigned lint)
{
	uint32_t entry = state->lvt[LVT_LINT0 + lint];

	return (state->pins >> lint & 1) && !(entry & LVT_MASKED) &&
	       (entry >> 8 & 7) == APIC_EXTINT;
}

static bool external_pending(const struct apic_state *state)
{
	return state->extint || lint_passes(state, 0) || lint_passes(state, 1);
}

static bool wants_core(const struct local_apic *apic)
{
	const struct apic_state *state = &apic->state;

	if (!is_enabled(apic))
		return state->pins & 1;
	return deliverable(state) || external_pending(state);
}

static void apic_update(struct local_apic *apic)
{
	bool intr = wants_core(apic);

	if (intr == apic->intr)
		return;
	apic->intr = intr;
	cbx_apic_set_intr(&apic->device, intr);
}

/* ---- Acceptance --------------------------------------------------------------------------- */

static bool accept_vector(struct local_apic *apic, unsigned vector, bool level);

/* The error interrupt comes once, then again after the next write to ESR. */
static void apic_error(struct local_apic *apic, uint32_t error)
{
	struct apic_state *state = &apic->state;
	uint32_t entry = state->lvt[LVT_ERROR], before = state->errors;

	state->errors |= error;
	if (!before && !(entry & LVT_MASKED) && (entry & 0xff) >= 16)
		accept_vector(apic, entry & 0xff, false);
}

static bool accept_vector(struct local_apic *apic, unsigned vector, bool level)
{
	struct apic_state *state = &apic->state;

	if (!(state->svr & SVR_ENABLE))
		return false;
	if (vector < 16) {
		apic_error(apic, ERROR_RECEIVE_VECTOR);
		return true;
	}
	bit_put(state->irr, vector, true);
	bit_put(state->tmr, vector, level);
	apic_update(apic);
	return true;
}

static bool accept_mode(struct local_apic *apic, unsigned mode, unsigned vector, bool level)
{
	switch (mode) {
	case APIC_FIXED:
	case APIC_LOWEST:
		return accept_vector(apic, vector, level);
	case APIC_SMI:
		cbx_apic_smi(&apic->device);
		return true;
	case APIC_NMI:
		cbx_apic_nmi(&apic->device);
		return true;
	case APIC_INIT:
		cbx_request_reset(&apic->device, true);
		return true;
	case APIC_EXTINT:
		apic->state.extint = 1;
		apic_update(apic);
		return true;
	default:
		return true;
	}
}

void apic_lvt_deliver(struct local_apic *apic, enum apic_lvt which)
{
	uint32_t entry = apic->state.lvt[which];
	unsigned mode = which == LVT_TIMER || which == LVT_ERROR ? APIC_FIXED : entry >> 8 & 7;

	if (!(entry & LVT_MASKED) && mode != APIC_EXTINT)
		accept_mode(apic, mode, entry & 0xff, false);
}

/* A level-triggered fixed LINT0 interrupts for as long as the pin is up. */
static bool lint_level(const struct apic_state *state, unsigned lint)
{
	uint32_t entry = state->lvt[LVT_LINT0 + lint];

	return lint == 0 && (entry & LVT_LEVEL) && (entry >> 8 & 7) == APIC_FIXED;
}

static void lint_service(struct local_apic *apic, unsigned lint, bool rises)
{
	struct apic_state *state = &apic->state;
	uint32_t *entry = &state->lvt[LVT_LINT0 + lint];

	if (!lint_level(state, lint)) {
		if (rises)
			apic_lvt_deliver(apic, LVT_LINT0 + lint);
	} else if ((state->pins >> lint & 1) && !(*entry & (LVT_MASKED | LVT_REMOTE_IRR)) &&
		   accept_vector(apic, *entry & 0xff, true)) {
		*entry |= LVT_REMOTE_IRR;
	}
	apic_update(apic);
}

static void apic_set_pin(struct cbx_device *device, unsigned lint, bool level)
{
	struct local_apic *apic = (struct local_apic *)device;
	uint8_t bit = (uint8_t)(1u << (lint & 1));
	bool rises = level && !(apic->state.pins & bit);

	apic->state.pins = (uint8_t)(level ? apic->state.pins | bit : apic->state.pins & ~bit);
	if (is_enabled(apic))
		lint_service(apic, lint & 1, rises);
	else if (lint == 0)
		apic_update(apic);
	else if (rises)
		cbx_apic_nmi(device);
}

static uint8_t apic_acknowledge(struct cbx_device *device)
{
	struct local_apic *apic = (struct local_apic *)device;
	struct apic_state *state = &apic->state;
	unsigned vector = is_enabled(apic) ? deliverable(state) : 0;

	if (vector) {
		bit_put(state->irr, vector, false);
		bit_put(state->isr, vector, true);
	} else if (!is_enabled(apic) || external_pending(state)) {
		state->extint = 0;
		vector = cbx_apic_inta(device);
	} else {
		vector = state->svr & 0xff;
	}
	apic_update(apic);
	return (uint8_t)vector;
}

static void write_eoi(struct local_apic *apic)
{
	struct apic_state *state = &apic->state;
	unsigned vector = highest(state->isr);
	uint32_t *lint = &state->lvt[LVT_LINT0];

	if (!vector)
		return;
	bit_put(state->isr, vector, false);
	if (bit_test(state->tmr, vector)) {
		if ((*lint & LVT_REMOTE_IRR) && (*lint & 0xff) == vector) {
			*lint &= ~(uint32_t)LVT_REMOTE_IRR;
			lint_service(apic, 0, false);
		}
		if (apic->listener.eoi && !(state->svr & SVR_NO_BROADCAST))
			apic->listener.eoi(apic->listener.target, (uint8_t)vector);
	}
	apic_update(apic);
}

/* ---- Messages ------------------------------------------------------------------------------- */

static bool is_destination(const struct local_apic *apic, uint32_t destination, bool logical)
{
	const struct apic_state *state = &apic->state;
	uint32_t ldr = state->ldr >> 24;

	/* The processor's x2APIC ID is 0: logical cluster 0, member 1. */
	if (is_x2apic(apic))
		return destination == UINT32_MAX ||
		       (logical ? !(destination >> 16) && (destination & 1) : !destination);
	if (!logical)
		return destination == 0xff || destination == state->id >> 24;
	if (state->dfr >> 28 == 0xf)
		return destination & ldr;
	return (destination >> 4 == ldr >> 4 || destination >> 4 == 0xf) && (destination & ldr & 0xf);
}

bool local_apic_message(struct local_apic *apic, const struct apic_message *message)
{
	uint32_t destination = message->destination;

	/* Eight bits of destination: all of them mean everybody. */
	if (is_x2apic(apic) && destination == 0xff)
		destination = UINT32_MAX;
	if (!is_enabled(apic) || !is_destination(apic, destination, message->logical))
		return false;
	return accept_mode(apic, message->mode & 7, message->vector, message->level);
}

void local_apic_msi(void *target, uint64_t address, uint32_t data)
{
	struct apic_message message = {
		.destination = (uint8_t)(address >> 12),
		.vector = (uint8_t)data,
		.mode = data >> 8 & 7,
		.logical = address >> 2 & 1,
		.level = data >> 15 & 1
	};

	/* A level-triggered message says when the level ends, too: nothing to do then. */
	if (!message.level || (data >> 14 & 1))
		local_apic_message(target, &message);
}

static void window_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	(void)width;
	local_apic_msi(device, WINDOW + offset, (uint32_t)value);
}

static const struct cbx_io window_io = { .widths = 4, .write = window_write };

void local_apic_listen(struct local_apic *apic, const struct apic_listener *listener)
{
	apic->listener = *listener;
}

/* What a command in ICR does to this processor. */
static void send_command(struct local_apic *apic)
{
	uint64_t icr = apic->state.icr;
	unsigned mode = icr >> 8 & 7, shorthand = icr >> 18 & 3, vector = icr & 0xff;
	uint32_t destination = (uint32_t)(icr >> (is_x2apic(apic) ? 32 : 56));
	bool to_self = shorthand == 1 || shorthand == 2;

	if (shorthand == 0)
		to_self = is_destination(apic, destination, icr >> 11 & 1);
	/* Assert is 0 only in the message that ends INIT, which synchronises bus arbiters. */
	if (mode == APIC_INIT && !(icr & 0x4000))
		return;
	if (mode <= APIC_LOWEST && vector < 16)
		apic_error(apic, ERROR_SEND_VECTOR);
	else if (to_self && (shorthand == 0 || mode <= APIC_LOWEST) && mode != APIC_EXTINT)
		accept_mode(apic, mode, vector, false);
}

/* ---- Registers --------------------------------------------------------------------------------- */

static unsigned last_lvt(const struct local_apic *apic)
{
	return apic->features & CBX_APIC_THERMAL ? 5 : 4;
}

static uint32_t version(const struct local_apic *apic)
{
	uint32_t value = apic->features & CBX_APIC_THERMAL ? 0x14 : 0x11;

	value |= last_lvt(apic) << 16;
	return apic->features & CBX_APIC_X2APIC ? value | 1u << 24 : value;
}

static bool has_lvt(const struct local_apic *apic, unsigned which)
{
	return which != LVT_THERMAL || (apic->features & CBX_APIC_THERMAL);
}

/* Bits of an LVT entry that are written. */
static uint32_t lvt_writable(const struct local_apic *apic, unsigned which)
{
	switch (which) {
	case LVT_TIMER:
		return apic->features & CBX_APIC_TSC_DEADLINE ? 0x700ff : 0x300ff;
	case LVT_LINT0:
	case LVT_LINT1:
		return 0x1a7ff;
	case LVT_ERROR:
		return 0x100ff;
	default:
		return 0x107ff;
	}
}

static uint32_t svr_writable(const struct local_apic *apic)
{
	return apic->features & CBX_APIC_X2APIC ? 0x13ff : 0x3ff;
}

static void write_lvt(struct local_apic *apic, unsigned which, uint32_t value)
{
	struct apic_state *state = &apic->state;

	value &= lvt_writable(apic, which);
	if (!(state->svr & SVR_ENABLE))
		value |= LVT_MASKED;
	if (which == LVT_TIMER) {
		if ((value & LVT_TIMER_MODE) == LVT_TIMER_MODE)
			value &= ~(uint32_t)LVT_TIMER_MODE;
		apic_timer_write_lvt(apic, value);
		return;
	}
	if ((value & LVT_LEVEL) && (value >> 8 & 7) == APIC_FIXED)
		value |= state->lvt[which] & LVT_REMOTE_IRR;
	state->lvt[which] = value;
	if (which == LVT_LINT0 || which == LVT_LINT1)
		lint_service(apic, which - LVT_LINT0, false);
}

static void write_svr(struct local_apic *apic, uint32_t value)
{
	struct apic_state *state = &apic->state;
	bool was = state->svr & SVR_ENABLE;

	state->svr = value & svr_writable(apic);
	if (!(state->svr & SVR_ENABLE)) {
		for (unsigned n = 0; n < LVT_COUNT; n++)
			write_lvt(apic, n, state->lvt[n]);
	} else if (!was && apic->listener.ready) {
		apic->listener.ready(apic->listener.target);
	}
	apic_update(apic);
}

/* False: no such register. */
static bool register_read(struct local_apic *apic, unsigned reg, uint32_t *value)
{
	const struct apic_state *state = &apic->state;

	*value = 0;
	if (reg >= REG_ISR && reg < REG_ESR) {
		const uint32_t *words = reg < REG_TMR ? state->isr :
					reg < REG_IRR ? state->tmr : state->irr;

		*value = words[reg & 7];
		return true;
	}
	if (reg >= REG_LVT && reg <= REG_LVT_LAST) {
		*value = state->lvt[reg - REG_LVT];
		return has_lvt(apic, reg - REG_LVT);
	}
	switch (reg) {
	case REG_ID: *value = state->id; break;
	case REG_VERSION: *value = version(apic); break;
	case REG_TPR: *value = state->tpr; break;
	case REG_APR: *value = arbitration_priority(state); break;
	case REG_PPR: *value = processor_priority(state); break;
	case REG_EOI: case REG_RRD: break;
	case REG_LDR: *value = state->ldr; break;
	case REG_DFR: *value = state->dfr; break;
	case REG_SVR: *value = state->svr; break;
	case REG_ESR: *value = state->esr; break;
	case REG_ICR_LOW: *value = (uint32_t)state->icr; break;
	case REG_ICR_HIGH: *value = (uint32_t)(state->icr >> 32); break;
	case REG_INITIAL: *value = state->initial; break;
	case REG_CURRENT: *value = apic_timer_current(apic); break;
	case REG_DIVIDE: *value = state->divide; break;
	default: return false;
	}
	return true;
}

/* Those that both modes write alike; false: there is none. */
static bool register_write(struct local_apic *apic, unsigned reg, uint32_t value)
{
	struct apic_state *state = &apic->state;

	if (reg >= REG_LVT && reg <= REG_LVT_LAST) {
		if (!has_lvt(apic, reg - REG_LVT))
			return false;
		write_lvt(apic, reg - REG_LVT, value);
		return true;
	}
	switch (reg) {
	case REG_TPR:
		state->tpr = (uint8_t)value;
		apic_update(apic);
		break;
	case REG_EOI:
		write_eoi(apic);
		break;
	case REG_SVR:
		write_svr(apic, value);
		break;
	case REG_ESR:
		state->esr = state->errors;
		state->errors = 0;
		break;
	case REG_INITIAL:
		apic_timer_write_initial(apic, value);
		break;
	case REG_DIVIDE:
		apic_timer_write_divide(apic, value);
		break;
	default:
		return false;
	}
	return true;
}

/* A register is 32 bits wide and aligned to 16 bytes; between them there is nothing. */
static uint64_t mmio_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct local_apic *apic = (struct local_apic *)device;
	uint32_t value = 0;

	(void)width;
	if (!(offset & 15) && offset < 0x400 && register_read(apic, (unsigned)offset >> 4, &value))
		return value;
	apic_error(apic, ERROR_REGISTER);
	return 0;
}

static void mmio_write(struct cbx_device *device, uint64_t offset, uint64_t value64, unsigned width)
{
	struct local_apic *apic = (struct local_apic *)device;
	struct apic_state *state = &apic->state;
	uint32_t value = (uint32_t)value64;

	(void)width;
	switch (offset) {
	case REG_ID << 4:
		state->id = value & 0xff000000;
		break;
	case REG_LDR << 4:
		state->ldr = value & 0xff000000;
		break;
	case REG_DFR << 4:
		state->dfr = value | 0x0fffffff;
		break;
	case REG_ICR_LOW << 4:
		state->icr = (state->icr & UINT64_C(0xff00000000000000)) | (value & 0x000ccfff);
		send_command(apic);
		break;
	case REG_ICR_HIGH << 4:
		state->icr = (uint64_t)(value & 0xff000000) << 32 | (uint32_t)state->icr;
		break;
	default:
		if ((offset & 15) || offset >= 0x400 ||
		    !register_write(apic, (unsigned)offset >> 4, value))
			apic_error(apic, ERROR_REGISTER);
		break;
	}
}

static const struct cbx_io mmio = { .widths = 4, .read = mmio_read, .write = mmio_write };

/* ---- Model-specific registers ------------------------------------------------------------------- */

static bool x2apic_read(struct local_apic *apic, unsigned reg, uint64_t *value)
{
	uint32_t low = 0;

	if (reg == REG_DFR || reg == REG_APR || reg == REG_RRD || reg == REG_EOI ||
	    reg == REG_ICR_HIGH || !register_read(apic, reg, &low))
		return false;
	*value = reg == REG_ICR_LOW ? apic->state.icr : low;
	if (reg == REG_ID)
		*value = 0;
	if (reg == REG_LDR)
		*value = 1;
	return true;
}

/* Bits that may be set in a write; 0: not even then is there anything to write. */
static uint64_t x2apic_writable(const struct local_apic *apic, unsigned reg)
{
	if (reg >= REG_LVT && reg <= REG_LVT_LAST)
		/* The read-only bits may be anything. */
		return has_lvt(apic, reg - REG_LVT) ?
		       lvt_writable(apic, reg - REG_LVT) | 0x1000 | LVT_REMOTE_IRR : 0;
	switch (reg) {
	case REG_TPR: case REG_SELF: return 0xff;
	case REG_SVR: return svr_writable(apic) & ~UINT32_C(0x200);
	case REG_ICR_LOW: return UINT64_C(0xffffffff000ccfff);
	case REG_INITIAL: return UINT32_MAX;
	case REG_DIVIDE: return 0xb;
	default: return 0;
	}
}

static bool x2apic_write(struct local_apic *apic, unsigned reg, uint64_t value)
{
	uint64_t writable = x2apic_writable(apic, reg);

	if ((!writable && reg != REG_EOI && reg != REG_ESR) || (value & ~writable))
		return false;
	if (reg == REG_SELF)
		value |= 0x40000;       /* the shorthand for self; fixed */
	if (reg != REG_ICR_LOW && reg != REG_SELF)
		return register_write(apic, reg, (uint32_t)value);
	apic->state.icr = value;
	send_command(apic);
	return true;
}

static bool apic_read_msr(struct cbx_device *device, uint32_t index, uint64_t *value)
{
	struct local_apic *apic = (struct local_apic *)device;

	*value = 0;
	if (index == MSR_APIC_BASE) {
		*value = apic->state.base;
		return true;
	}
	if (index == MSR_TSC_DEADLINE && (apic->features & CBX_APIC_TSC_DEADLINE)) {
		*value = apic->state.deadline;
		return true;
	}
	return is_x2apic(apic) && index >= MSR_X2APIC && index < MSR_X2APIC + 0x40 &&
	       x2apic_read(apic, index - MSR_X2APIC, value);
}

static void apic_place(struct local_apic *apic)
{
	unsigned access = CBX_REGION_READ | CBX_REGION_WRITE;

	if (!is_enabled(apic) || is_x2apic(apic))
		access = 0;
	cbx_region_place(apic->registers, apic->state.base & BASE_ADDRESS, access,
			 PRIORITY_REGISTERS);
}

/* All registers but ID and base, as after INIT. */
static void reset_registers(struct local_apic *apic)
{
	struct apic_state *state = &apic->state;

	*state = (struct apic_state){ .base = state->base, .id = state->id, .pins = state->pins,
				      .dfr = UINT32_MAX, .svr = 0xff };
	for (unsigned n = 0; n < LVT_COUNT; n++)
		state->lvt[n] = LVT_MASKED;
	apic_timer_reset(apic);
	apic_update(apic);
}

static bool base_is_good(const struct local_apic *apic, uint64_t base)
{
	uint64_t bits = BASE_ADDRESS | BASE_ENABLE | BASE_BSP;

	if (apic->features & CBX_APIC_X2APIC)
		bits |= BASE_X2APIC;
	return !(base & ~bits) && (!(base & BASE_X2APIC) || (base & BASE_ENABLE));
}

static bool write_base(struct local_apic *apic, uint64_t value)
{
	struct apic_state *state = &apic->state;
	uint64_t before = state->base;
	bool enters = (value & BASE_X2APIC) && !(before & BASE_X2APIC);
	bool leaves = (before & BASE_X2APIC) && !(value & BASE_X2APIC);

	/* Into x2APIC mode from xAPIC mode only; out of it to disabled only. */
	if (!base_is_good(apic, value) || (enters && !(before & BASE_ENABLE)) ||
	    (leaves && (value & BASE_ENABLE)))
		return false;
	state->base = value;
	if ((before ^ value) & BASE_ENABLE) {
		state->id = 0;
		reset_registers(apic);
	}
	if (enters)
		state->icr &= UINT32_MAX;
	apic_place(apic);
	apic_update(apic);
	return true;
}

static bool apic_write_msr(struct cbx_device *device, uint32_t index, uint64_t value)
{
	struct local_apic *apic = (struct local_apic *)device;

	if (index == MSR_APIC_BASE)
		return write_base(apic, value);
	if (index == MSR_TSC_DEADLINE && (apic->features & CBX_APIC_TSC_DEADLINE)) {
		apic_timer_write_deadline(apic, value);
		return true;
	}
	return is_x2apic(apic) && index >= MSR_X2APIC && index < MSR_X2APIC + 0x40 &&
	       x2apic_write(apic, index - MSR_X2APIC, value);
}

static uint8_t apic_read_tpr(struct cbx_device *device)
{
	return ((struct local_apic *)device)->state.tpr >> 4;
}

static void apic_write_tpr(struct cbx_device *device, uint8_t value)
{
	register_write((struct local_apic *)device, REG_TPR, (uint32_t)value << 4);
}

static void apic_tsc_changed(struct cbx_device *device)
{
	apic_timer_update((struct local_apic *)device);
}

static void apic_init(struct cbx_device *device)
{
	reset_registers((struct local_apic *)device);
}

static const struct cbx_apic_ops apic_ops = {
	.set_pin = apic_set_pin,
	.acknowledge = apic_acknowledge,
	.read_tpr = apic_read_tpr,
	.write_tpr = apic_write_tpr,
	.read_msr = apic_read_msr,
	.write_msr = apic_write_msr,
	.init = apic_init,
	.tsc_changed = apic_tsc_changed,
};

/* ---- Life ------------------------------------------------------------------------------------------ */

/* The pins belong to whoever drives them. */
static void apic_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct local_apic *apic = (struct local_apic *)device;

	if (kind == CBX_RESET_POWER)
		apic->state.pins = 0;
	apic->state.base = WINDOW | BASE_ENABLE | BASE_BSP;
	apic->state.id = 0;
	apic_place(apic);
	reset_registers(apic);
}

static bool apic_check(const struct cbx_device *device, const void *bytes)
{
	const struct local_apic *apic = (const struct local_apic *)device;
	const struct apic_state *state = bytes;
	bool good = base_is_good(apic, state->base) && apic_timer_check(state);

	for (unsigned n = 0; n < LVT_COUNT; n++) {
		uint32_t known = lvt_writable(apic, n) | (n == LVT_LINT0 ? LVT_REMOTE_IRR : 0);

		good = good && !(state->lvt[n] & ~known) &&
		       ((state->lvt[n] & LVT_MASKED) || (state->svr & SVR_ENABLE));
	}
	for (unsigned n = 0; n < sizeof(state->reserved); n++)
		good = good && !state->reserved[n];
	return good && !((state->isr[0] | state->tmr[0] | state->irr[0]) & 0xffff) &&
	       !((state->id | state->ldr) & 0xffffff) && (state->dfr & 0xfffffff) == 0xfffffff &&
	       !(state->svr & ~svr_writable(apic)) && !((state->esr | state->errors) & ~0xffu) &&
	       state->pins <= 3 && state->extint <= 1;
}

static void apic_loaded(struct cbx_device *device)
{
	struct local_apic *apic = (struct local_apic *)device;

	apic_place(apic);
	apic->intr = wants_core(apic);
}

static const struct cbx_field apic_fields[] = {
	CBX_FIELD(struct apic_state, base),
	CBX_FIELD(struct apic_state, icr),
	CBX_FIELD(struct apic_state, deadline),
	CBX_FIELD(struct apic_state, start),
	CBX_FIELD(struct apic_state, left),
	CBX_FIELD(struct apic_state, initial),
	CBX_FIELD(struct apic_state, divide),
	CBX_FIELD_ARRAY(struct apic_state, isr),
	CBX_FIELD_ARRAY(struct apic_state, tmr),
	CBX_FIELD_ARRAY(struct apic_state, irr),
	CBX_FIELD_ARRAY(struct apic_state, lvt),
	CBX_FIELD(struct apic_state, id),
	CBX_FIELD(struct apic_state, ldr),
	CBX_FIELD(struct apic_state, dfr),
	CBX_FIELD(struct apic_state, svr),
	CBX_FIELD(struct apic_state, esr),
	CBX_FIELD(struct apic_state, errors),
	CBX_FIELD(struct apic_state, tpr),
	CBX_FIELD(struct apic_state, pins),
	CBX_FIELD(struct apic_state, extint),
	CBX_FIELD_ARRAY(struct apic_state, reserved),
	CBX_FIELD_END
};

static const struct cbx_device_type apic_type = {
	.name = "local-apic",
	.version = 1,
	.size = sizeof(struct local_apic),
	.state_offset = offsetof(struct local_apic, state),
	.state_size = sizeof(struct apic_state),
	.fields = apic_fields,
	.reset = apic_reset,
	.check = apic_check,
	.loaded = apic_loaded,
};

enum cbx_status local_apic_new(struct cbx_machine *machine, struct local_apic **result)
{
	struct cbx_device *device;
	struct cbx_region *window;
	struct local_apic *apic;
	enum cbx_status status = cbx_device_new(machine, &apic_type, &device);

	if (status != CBX_OK)
		return status;
	apic = (struct local_apic *)device;
	apic->features = cbx_cpu_apic_features(device);
	apic->state = (struct apic_state){ .base = WINDOW | BASE_ENABLE | BASE_BSP,
					   .dfr = UINT32_MAX, .svr = 0xff };
	status = apic_timer_new(apic);
	if (status == CBX_OK)
		status = cbx_region_new_io(device, &mmio, 0x1000, &apic->registers);
	if (status == CBX_OK)
		status = cbx_region_new_io(device, &window_io, 0x100000, &window);
	if (status == CBX_OK)
		status = cbx_cpu_connect_apic(device, &apic_ops);
	if (status != CBX_OK)
		return status;
	cbx_region_place(window, WINDOW, CBX_REGION_WRITE, PRIORITY_WINDOW);
	*result = apic;
	return CBX_OK;
}
