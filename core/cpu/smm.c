/*
 * System management mode: SMI, RSM, and the state save area.  SDM 3C chapter 31 (processors
 * without long mode: its 32-bit map); AMD64 manual volume 2, 10.2 (those with it, as firmware
 * knows it from revision 20064h).
 *
 * Neither I/O restart nor I/O state information is offered; SMBASE can be relocated, and a HLT
 * that an SMI interrupts goes on after RSM when the map's field says so.  What the 32-bit map
 * leaves to the processor (hidden parts of segments, CR4, table registers) is kept where
 * nothing else is defined.
 */
#include "memory.h"
#include "models.h"
#include "system.h"

enum { REVISION_32 = 0x20000, REVISION_64 = 0x20064 };

/* Offsets from SMBASE. */
enum {
	SMM_ENTRY = 0x8000, SMM_REVISION = 0xfefc,
	/* 64-bit map */
	S64_SEGMENT = 0xfe00, S64_GDTR = 0xfe60, S64_IDTR = 0xfe80, S64_HALT = 0xfec9,
	S64_NMI = 0xfeca, S64_EFER = 0xfed0, S64_SMBASE = 0xff00, S64_CR4 = 0xff48, S64_CR3 = 0xff50,
	S64_CR0 = 0xff58, S64_DR7 = 0xff60, S64_DR6 = 0xff68, S64_RFLAGS = 0xff70, S64_RIP = 0xff78,
	S64_RAX = 0xfff8,               /* the others below it, RCX first */
	/* 32-bit map */
	S32_SMBASE = 0xfef8, S32_HALT = 0xff02, S32_HIDDEN = 0xff04, S32_GDTR = 0xff64,
	S32_IDTR = 0xff6c, S32_NMI = 0xff74, S32_CR4 = 0xff78, S32_SELECTOR = 0xffa8, S32_DR7 = 0xffc8,
	S32_DR6 = 0xffcc, S32_EAX = 0xffd0, S32_EIP = 0xfff0, S32_EFLAGS = 0xfff4, S32_CR3 = 0xfff8,
	S32_CR0 = 0xfffc
};

/* The order of segments in the maps. */
static const uint8_t order64[SEG_COUNT] = {
	[SEG_ES] = 0, [SEG_CS] = 1, [SEG_SS] = 2, [SEG_DS] = 3, [SEG_FS] = 4, [SEG_GS] = 5,
	[SEG_LDTR] = 7, [SEG_TR] = 9
};

static bool has_64(const struct cpu *cpu)
{
	return cpu->model->features & FEAT_LM;
}

static void put(struct cpu *cpu, unsigned at, unsigned width, uint64_t value)
{
	memory_write(cpu->machine, (cpu->smbase + at) & 0xffffffffu, value, width);
}

static uint64_t get(struct cpu *cpu, unsigned at, unsigned width)
{
	return memory_read(cpu->machine, (cpu->smbase + at) & 0xffffffffu, width);
}

/* ---- The 64-bit map ------------------------------------------------------------------------------ */

static void save_64(struct cpu *cpu)
{
	for (unsigned n = 0; n < SEG_COUNT; n++) {
		const struct segment *segment = &cpu->seg[n];
		unsigned at = S64_SEGMENT + 16u * order64[n];

		put(cpu, at, 2, segment->selector);
		put(cpu, at + 2, 2, (segment->attributes & 0xffu) | (segment->attributes >> 4 & 0xf00u));
		put(cpu, at + 4, 4, segment->limit);
		put(cpu, at + 8, 8, segment->base);
	}
	put(cpu, S64_GDTR + 4, 4, cpu->gdtr.limit);
	put(cpu, S64_GDTR + 8, 8, cpu->gdtr.base);
	put(cpu, S64_IDTR + 4, 4, cpu->idtr.limit);
	put(cpu, S64_IDTR + 8, 8, cpu->idtr.base);
	put(cpu, S64_HALT, 1, cpu->activity == ACTIVITY_HALTED);
	put(cpu, S64_NMI, 1, cpu->nmi_blocked);
	put(cpu, S64_EFER, 8, cpu->efer);
	put(cpu, SMM_REVISION, 4, REVISION_64);
	put(cpu, S64_SMBASE, 4, cpu->smbase);
	put(cpu, S64_CR4, 8, cpu->cr4);
	put(cpu, S64_CR3, 8, cpu->cr3);
	put(cpu, S64_CR0, 8, cpu->cr0);
	put(cpu, S64_DR7, 8, cpu->dr[7]);
	put(cpu, S64_DR6, 8, cpu->dr[6]);
	put(cpu, S64_RFLAGS, 8, flags_get(cpu));
	put(cpu, S64_RIP, 8, cpu->rip);
	for (unsigned n = 0; n < 16; n++)
		put(cpu, S64_RAX - 8 * n, 8, cpu->reg[n]);
}

/* What RSM takes from either map before it looks whether that can be. */
struct saved {
	uint64_t cr0, cr3, cr4, efer, flags, rip, dr6, dr7, smbase;
	uint64_t reg[16];
	struct segment seg[SEG_COUNT];
	struct table_register gdtr, idtr;
	bool halted, nmi_blocked;
};

static void load_64(struct cpu *cpu, struct saved *saved)
{
	for (unsigned n = 0; n < SEG_COUNT; n++) {
		unsigned at = S64_SEGMENT + 16u * order64[n];
		uint64_t attributes = get(cpu, at + 2, 2);

		saved->seg[n].selector = (uint16_t)get(cpu, at, 2);
		saved->seg[n].attributes = (uint16_t)((attributes & 0xff) | (attributes & 0xf00) << 4);
		saved->seg[n].limit = (uint32_t)get(cpu, at + 4, 4);
		saved->seg[n].base = get(cpu, at + 8, 8);
	}
	saved->gdtr.limit = get(cpu, S64_GDTR + 4, 2);
	saved->gdtr.base = get(cpu, S64_GDTR + 8, 8);
	saved->idtr.limit = get(cpu, S64_IDTR + 4, 2);
	saved->idtr.base = get(cpu, S64_IDTR + 8, 8);
	saved->halted = get(cpu, S64_HALT, 1) & 1;
	saved->nmi_blocked = get(cpu, S64_NMI, 1) & 1;
	saved->efer = get(cpu, S64_EFER, 8);
	saved->smbase = get(cpu, S64_SMBASE, 4);
	saved->cr4 = get(cpu, S64_CR4, 8);
	saved->cr3 = get(cpu, S64_CR3, 8);
	saved->cr0 = get(cpu, S64_CR0, 8);
	saved->dr7 = get(cpu, S64_DR7, 8);
	saved->dr6 = get(cpu, S64_DR6, 8);
	saved->flags = get(cpu, S64_RFLAGS, 8);
	saved->rip = get(cpu, S64_RIP, 8);
	for (unsigned n = 0; n < 16; n++)
		saved->reg[n] = get(cpu, S64_RAX - 8 * n, 8);
}

/* ---- The 32-bit map ------------------------------------------------------------------------------ */

static void save_32(struct cpu *cpu)
{
	for (unsigned n = 0; n < SEG_COUNT; n++) {
		const struct segment *segment = &cpu->seg[n];

		/* ES, CS, SS, DS, FS, GS, LDTR, TR follow each other in both places. */
		put(cpu, S32_SELECTOR + 4 * n, 4, segment->selector);
		put(cpu, S32_HIDDEN + 12 * n, 4, segment->base);
		put(cpu, S32_HIDDEN + 12 * n + 4, 4, segment->limit);
		put(cpu, S32_HIDDEN + 12 * n + 8, 4, segment->attributes);
	}
	put(cpu, S32_GDTR, 4, cpu->gdtr.base);
	put(cpu, S32_GDTR + 4, 4, cpu->gdtr.limit);
	put(cpu, S32_IDTR, 4, cpu->idtr.base);
	put(cpu, S32_IDTR + 4, 4, cpu->idtr.limit);
	put(cpu, S32_HALT, 2, cpu->activity == ACTIVITY_HALTED);
	put(cpu, S32_NMI, 4, cpu->nmi_blocked | (cpu->efer & EFER_NXE));
	put(cpu, SMM_REVISION, 4, REVISION_32);
	put(cpu, S32_SMBASE, 4, cpu->smbase);
	put(cpu, S32_CR4, 4, cpu->cr4);
	put(cpu, S32_CR3, 4, cpu->cr3);
	put(cpu, S32_CR0, 4, cpu->cr0);
	put(cpu, S32_DR7, 4, cpu->dr[7]);
	put(cpu, S32_DR6, 4, cpu->dr[6]);
	put(cpu, S32_EFLAGS, 4, flags_get(cpu));
	put(cpu, S32_EIP, 4, cpu->rip);
	for (unsigned n = 0; n < 8; n++)
		put(cpu, S32_EAX + 4 * n, 4, cpu->reg[n]);
}

static void load_32(struct cpu *cpu, struct saved *saved)
{
	for (unsigned n = 0; n < SEG_COUNT; n++) {
		saved->seg[n].selector = (uint16_t)get(cpu, S32_SELECTOR + 4 * n, 2);
		saved->seg[n].base = get(cpu, S32_HIDDEN + 12 * n, 4);
		saved->seg[n].limit = (uint32_t)get(cpu, S32_HIDDEN + 12 * n + 4, 4);
		saved->seg[n].attributes = (uint16_t)(get(cpu, S32_HIDDEN + 12 * n + 8, 2) & 0xf0ff);
	}
	saved->gdtr.base = get(cpu, S32_GDTR, 4);
	saved->gdtr.limit = get(cpu, S32_GDTR + 4, 2);
	saved->idtr.base = get(cpu, S32_IDTR, 4);
	saved->idtr.limit = get(cpu, S32_IDTR + 4, 2);
	saved->halted = get(cpu, S32_HALT, 2) & 1;
	saved->nmi_blocked = get(cpu, S32_NMI, 4) & 1;
	saved->efer = get(cpu, S32_NMI, 4) & EFER_NXE;
	saved->smbase = get(cpu, S32_SMBASE, 4);
	saved->cr4 = get(cpu, S32_CR4, 4);
	saved->cr3 = get(cpu, S32_CR3, 4);
	saved->cr0 = get(cpu, S32_CR0, 4);
	saved->dr7 = get(cpu, S32_DR7, 4);
	saved->dr6 = get(cpu, S32_DR6, 4);
	saved->flags = get(cpu, S32_EFLAGS, 4);
	saved->rip = get(cpu, S32_EIP, 4);
	for (unsigned n = 0; n < 8; n++)
		saved->reg[n] = get(cpu, S32_EAX + 4 * n, 4);
}

/* ---- Entry and return ------------------------------------------------------------------------------ */

/* SMRAM is seen in system management mode only: the chipset must know. */
static void smm_set(struct cpu *cpu, bool in_smm)
{
	cpu->in_smm = in_smm;
	if (cpu->smm_changed)
		cpu->smm_changed(cpu->smm_device, in_smm);
}

void smm_enter(struct cpu *cpu)
{
	const uint64_t cleared = CR0_PE | CR0_EM | CR0_TS | CR0_PG;

	smm_set(cpu, true);
	if (has_64(cpu))
		save_64(cpu);
	else
		save_32(cpu);
	cpu->activity = ACTIVITY_RUNNING;
	cpu->shadow = cpu->shadow_debug = 0;
	cpu->nmi_blocked = 1;
	flags_set(cpu, FLAG_1);
	cpu->rip = SMM_ENTRY;
	for (unsigned n = SEG_ES; n <= SEG_GS; n++)
		cpu->seg[n] = (struct segment){ .limit = 0xffffffffu,
			.attributes = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_G };
	cpu->seg[SEG_CS].selector = (uint16_t)(cpu->smbase >> 4);
	cpu->seg[SEG_CS].base = cpu->smbase;
	cpu->cr0 &= ~cleared;
	cpu->cr4 = 0;
	cpu->efer = 0;
	cpu->dr[7] = 0x400;
	debug_changed(cpu);
	tlb_flush_all(cpu);
}

static bool state_valid(const struct cpu *cpu, const struct saved *s)
{
	bool lm = has_64(cpu), long_mode = (s->efer & EFER_LME) && (s->cr0 & CR0_PG);
	uint64_t efer = lm ? EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE : EFER_NXE;

	if (s->cr0 >> 32 || (s->cr4 & ~cr4_known(cpu)) || (s->efer & ~efer))
		return false;
	if (((s->cr0 & CR0_PG) && !(s->cr0 & CR0_PE)) || ((s->cr0 & CR0_NW) && !(s->cr0 & CR0_CD)))
		return false;
	if (long_mode != !!(s->efer & EFER_LMA))
		return false;
	if (long_mode)
		return (s->cr4 & CR4_PAE) && !(s->flags & FLAG_VM) && !(s->cr3 & ~(PHYSICAL_PAGES | PAGE_MASK));
	return !(s->cr4 & CR4_PCIDE) && s->cr3 <= UINT32_MAX;
}

void cpu_shutdown(struct cpu *cpu)
{
	cpu->activity = ACTIVITY_SHUTDOWN;
	cpu->machine->shutdown_pending = true;
	cpu_attention(cpu->machine);
}

/* An SMI handler that leaves a state which cannot be shuts the processor down. */
void smm_return(struct cpu *cpu)
{
	struct saved saved = { 0 };

	if (has_64(cpu))
		load_64(cpu, &saved);
	else
		load_32(cpu, &saved);
	if (!state_valid(cpu, &saved)) {
		cpu_shutdown(cpu);
		return;
	}
	cpu->smbase = (uint32_t)saved.smbase;
	cpu->cr0 = saved.cr0 | CR0_ET;
	cpu->cr3 = saved.cr3;
	cpu->cr4 = saved.cr4;
	cpu->efer = saved.efer;
	cpu->dr[6] = (saved.dr6 & 0xe00f) | 0xffff0ff0u;
	cpu->dr[7] = (saved.dr7 & 0xffff23ffu) | 0x400;
	flags_set(cpu, (saved.flags & flags_writable(cpu)) | FLAG_1);
	cpu->rip = saved.rip;
	for (unsigned n = 0; n < 16; n++)
		cpu->reg[n] = saved.reg[n];
	memcpy(cpu->seg, saved.seg, sizeof cpu->seg);
	if (!long_mode(cpu) || !(cpu->seg[SEG_CS].attributes & ATTR_L))
		cpu->rip = (uint32_t)cpu->rip;
	cpu->gdtr = saved.gdtr;
	cpu->idtr = saved.idtr;
	cpu->nmi_blocked = saved.nmi_blocked;
	cpu->activity = saved.halted ? ACTIVITY_HALTED : ACTIVITY_RUNNING;
	smm_set(cpu, false);
	if ((cpu->cr4 & CR4_PAE) && !long_mode(cpu) &&
	    !paging_load_pdptes(cpu, cpu->cr3, cpu->cr0, cpu->cr4)) {
		cpu_shutdown(cpu);
		return;
	}
	debug_changed(cpu);
	tlb_flush_all(cpu);
	if (cpu->smi_pending)
		cpu_attention(cpu->machine);
}

/* ---- The pin ------------------------------------------------------------------------------------------ */

void cbx_cpu_smi(struct cbx_device *device)
{
	struct cpu *cpu;

	if (!device)
		return;
	cpu = device->machine->cpu;
	cpu->smi_pending = 1;
	cpu_attention(device->machine);
}

void cbx_cpu_connect_smram(struct cbx_device *device,
			   void (*changed)(struct cbx_device *device, bool in_smm))
{
	if (!device)
		return;
	device->machine->cpu->smm_changed = changed;
	device->machine->cpu->smm_device = device;
}
