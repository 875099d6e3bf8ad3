/*
 * Paging (SDM 3A chapter 4): the walk from CR3 in its 32-bit and PAE forms, the TLB that
 * remembers its results, and every access that the TLB's fast path does not serve:
 * misses, page crossings, devices, pages with decoded code, watched pages, alignment
 * checks.
 */
#include "access.h"
#include "blocks.h"
#include "memory.h"

enum {
	PTE_P = 1 << 0, PTE_W = 1 << 1, PTE_U = 1 << 2, PTE_A = 1 << 5, PTE_D = 1 << 6,
	PTE_PS = 1 << 7, PTE_G = 1 << 8,
	PF_P = 1 << 0, PF_W = 1 << 1, PF_U = 1 << 2, PF_RSVD = 1 << 3, PF_I = 1 << 4
};
#define PTE_NX (1ull << 63)

/* ---- Flushing ------------------------------------------------------------------------------ */

static void flush_set(struct tlb *tlb)
{
	for (unsigned n = 0; n < TLB_ENTRIES; n++) {
		tlb->read[n].tag = TLB_EMPTY;
		tlb->write[n].tag = TLB_EMPTY;
	}
}

void tlb_flush_all(struct cpu *cpu)
{
	flush_set(&cpu->tlbs[0]);
	flush_set(&cpu->tlbs[1]);
	cpu->tlb_logged[0] = cpu->tlb_logged[1] = 0;
	memset(cpu->tlb_in_log, 0, sizeof cpu->tlb_in_log);
	memset(cpu->tlb_large, 0, sizeof cpu->tlb_large);
	cpu->generation++;
	cpu_mode_changed(cpu);
}

/* Drops what has been filled since the last flush: the cost was paid by the fills. */
void tlb_flush_nonglobal(struct cpu *cpu)
{
	for (unsigned user = 0; user < 2; user++) {
		struct tlb *tlb = &cpu->tlbs[user];

		for (uint32_t n = 0; n < cpu->tlb_logged[user]; n++) {
			unsigned slot = cpu->tlb_log[user][n];

			cpu->tlb_in_log[user][slot] = false;
			if (slot < TLB_ENTRIES)
				tlb->read[slot].tag = TLB_EMPTY;
			else
				tlb->write[slot - TLB_ENTRIES].tag = TLB_EMPTY;
		}
		cpu->tlb_logged[user] = 0;
	}
	cpu->generation++;
	cpu_mode_changed(cpu);
}

void tlb_cr3_loaded(struct cpu *cpu, bool keep)
{
	(void)keep;
	tlb_flush_nonglobal(cpu);
}

bool tlb_invpcid(struct cpu *cpu, uint64_t type, uint64_t pcid, uint64_t linear)
{
	(void)pcid;
	(void)linear;
	if (type > 3)
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	tlb_flush_all(cpu);
	return true;
}

/* The bit of a linear address's 4 MiB in tlb_large. */
static uint8_t *large_bit(struct cpu *cpu, uint64_t linear, uint8_t *mask)
{
	*mask = (uint8_t)(1u << (linear >> 22 & 7));
	return &cpu->tlb_large[linear >> 25 & (sizeof cpu->tlb_large - 1)];
}

/* Entries of 4 KiB were made from a large page around here: INVLPG drops them all. */
static void flush_large(struct cpu *cpu, uint64_t linear)
{
	for (unsigned user = 0; user < 2; user++) {
		struct tlb *tlb = &cpu->tlbs[user];

		for (unsigned n = 0; n < TLB_ENTRIES; n++) {
			if (tlb->read[n].tag >> 22 == linear >> 22)
				tlb->read[n].tag = TLB_EMPTY;
			if (tlb->write[n].tag >> 22 == linear >> 22)
				tlb->write[n].tag = TLB_EMPTY;
		}
	}
}

void tlb_flush_page(struct cpu *cpu, uint64_t linear)
{
	uint64_t page = linear & ~(uint64_t)PAGE_MASK;
	unsigned slot = (unsigned)(page >> PAGE_BITS & (TLB_ENTRIES - 1));
	uint8_t mask, *large = large_bit(cpu, linear, &mask);

	for (unsigned user = 0; user < 2; user++) {
		if (cpu->tlbs[user].read[slot].tag == page)
			cpu->tlbs[user].read[slot].tag = TLB_EMPTY;
		if (cpu->tlbs[user].write[slot].tag == page)
			cpu->tlbs[user].write[slot].tag = TLB_EMPTY;
	}
	if (*large & mask) {
		flush_large(cpu, linear);
		*large &= (uint8_t)~mask;
	}
	cpu->generation++;
	cpu_mode_changed(cpu);
}

/*
 * A page of RAM moved, or gets code, or the map changed.  Entries do not say which page
 * they lead to, but their host addresses do.
 */
void cpu_memory_changed(struct cbx_machine *machine, uint64_t backing)
{
	struct cpu *cpu = machine->cpu;

	if (!cpu)
		return;
	if (backing == NO_BACKING) {
		tlb_flush_all(cpu);
		return;
	}
	for (unsigned user = 0; user < 2; user++)
		for (unsigned n = 0; n < TLB_ENTRIES; n++) {
			if (cpu->tlb_backing[user][0][n] == backing)
				cpu->tlbs[user].read[n].tag = TLB_EMPTY;
			if (cpu->tlb_backing[user][1][n] == backing)
				cpu->tlbs[user].write[n].tag = TLB_EMPTY;
		}
	block_page_moved(cpu, backing);
}

/* Every entry is noted once between two flushes, so the log cannot overflow. */
static void tlb_log(struct cpu *cpu, unsigned user, unsigned slot)
{
	if (cpu->tlb_in_log[user][slot])
		return;
	cpu->tlb_in_log[user][slot] = true;
	cpu->tlb_log[user][cpu->tlb_logged[user]++] = (uint16_t)slot;
}

/* ---- The walk ------------------------------------------------------------------------------- */

struct walk {
	uint64_t physical;              /* of the page and the offset */
	bool writable, user, global, no_execute, large;
};

static bool page_fault(struct cpu *cpu, uint64_t linear, enum access access, bool user, uint32_t error)
{
	bool nx = (cpu->efer & EFER_NXE) && (cpu->cr4 & CR4_PAE);

	cpu->cr2 = linear;
	return cpu_raise_error(cpu, VECTOR_PF, error | (access == ACCESS_WRITE ? PF_W : 0u) |
				       (user ? PF_U : 0u) |
				       (access == ACCESS_EXECUTE && nx ? PF_I : 0u));
}

/* Do these rights allow the access?  (SDM 3A 4.6.) */
static bool allowed(const struct cpu *cpu, const struct walk *walk, enum access access, bool user)
{
	if (user && !walk->user)
		return false;
	if (access == ACCESS_WRITE && !walk->writable && (user || (cpu->cr0 & CR0_WP)))
		return false;
	return !(access == ACCESS_EXECUTE && walk->no_execute);
}

static uint64_t read_entry(struct cpu *cpu, uint64_t address, unsigned width)
{
	return memory_read(cpu->machine, memory_a20(cpu->machine, address), width);
}

static void set_bits(struct cpu *cpu, uint64_t address, unsigned width, uint64_t entry, uint64_t bits)
{
	if ((entry & bits) != bits)
		memory_write(cpu->machine, memory_a20(cpu->machine, address), entry | bits, width);
}

/*
 * One level after the other.  A and D bits are only written when the whole access is
 * allowed.  error collects P and RSVD for the fault.
 */
static bool walk_32bit(struct cpu *cpu, uint64_t linear, enum access access, bool user, bool update,
		       struct walk *walk, uint32_t *error)
{
	uint64_t pde_at = (cpu->cr3 & 0xfffff000) | (linear >> 22 & 0x3ff) << 2, pte_at;
	uint64_t pde = read_entry(cpu, pde_at, 4), pte;
	uint64_t dirty = access == ACCESS_WRITE ? PTE_D : 0;

	*error = 0;
	if (!(pde & PTE_P))
		return false;
	walk->no_execute = false;
	if ((pde & PTE_PS) && (cpu->cr4 & CR4_PSE)) {
		/* PSE-36: bits 13-20 of the entry are bits 32-39 of the address. */
		*error = PF_P;
		if (pde & 1u << 21) {
			*error |= PF_RSVD;
			return false;
		}
		walk->large = true;
		walk->physical = (pde & 0xffc00000) | (pde >> 13 & 0xff) << 32 | (linear & 0x3fffff);
		walk->writable = pde & PTE_W;
		walk->user = pde & PTE_U;
		walk->global = (pde & PTE_G) && (cpu->cr4 & CR4_PGE);
		if (!allowed(cpu, walk, access, user))
			return false;
		if (update)
			set_bits(cpu, pde_at, 4, pde, PTE_A | dirty);
		return true;
	}
	walk->large = false;
	pte_at = (pde & 0xfffff000) | (linear >> 12 & 0x3ff) << 2;
	pte = read_entry(cpu, pte_at, 4);
	if (!(pte & PTE_P))
		return false;
	*error = PF_P;
	walk->physical = (pte & 0xfffff000) | (linear & PAGE_MASK);
	walk->writable = pde & pte & PTE_W;
	walk->user = pde & pte & PTE_U;
	walk->global = (pte & PTE_G) && (cpu->cr4 & CR4_PGE);
	if (!allowed(cpu, walk, access, user))
		return false;
	if (update) {
		set_bits(cpu, pde_at, 4, pde, PTE_A);
		set_bits(cpu, pte_at, 4, pte, PTE_A | dirty);
	}
	return true;
}

/* Physical addresses have 40 bits; what lies above is reserved, and NX without EFER.NXE. */
static uint64_t pae_reserved(const struct cpu *cpu)
{
	return 0x7fffff0000000000ull | (cpu->efer & EFER_NXE ? 0 : PTE_NX);
}

static bool walk_pae(struct cpu *cpu, uint64_t linear, enum access access, bool user, bool update,
		     struct walk *walk, uint32_t *error)
{
	uint64_t pdpte = cpu->pdpte[linear >> 30 & 3], pde_at, pde, pte_at, pte;
	uint64_t dirty = access == ACCESS_WRITE ? PTE_D : 0, reserved = pae_reserved(cpu);

	*error = 0;
	if (!(pdpte & PTE_P))
		return false;
	pde_at = (pdpte & 0xfffffff000ull) | (linear >> 21 & 0x1ff) << 3;
	pde = read_entry(cpu, pde_at, 8);
	if (!(pde & PTE_P))
		return false;
	if (pde & reserved) {
		*error = PF_P | PF_RSVD;
		return false;
	}
	if (pde & PTE_PS) {
		*error = PF_P;
		if (pde & 0x1fe000) {
			*error |= PF_RSVD;
			return false;
		}
		walk->large = true;
		walk->physical = (pde & 0xffffe00000ull) | (linear & 0x1fffff);
		walk->writable = pde & PTE_W;
		walk->user = pde & PTE_U;
		walk->no_execute = pde & PTE_NX;
		walk->global = (pde & PTE_G) && (cpu->cr4 & CR4_PGE);
		if (!allowed(cpu, walk, access, user))
			return false;
		if (update)
			set_bits(cpu, pde_at, 8, pde, PTE_A | dirty);
		return true;
	}
	walk->large = false;
	pte_at = (pde & 0xfffffff000ull) | (linear >> 12 & 0x1ff) << 3;
	pte = read_entry(cpu, pte_at, 8);
	if (!(pte & PTE_P))
		return false;
	*error = PF_P;
	if (pte & reserved) {
		*error |= PF_RSVD;
		return false;
	}
	walk->physical = (pte & 0xfffffff000ull) | (linear & PAGE_MASK);
	walk->writable = pde & pte & PTE_W;
	walk->user = pde & pte & PTE_U;
	walk->no_execute = (pde | pte) & PTE_NX;
	walk->global = (pte & PTE_G) && (cpu->cr4 & CR4_PGE);
	if (!allowed(cpu, walk, access, user))
		return false;
	if (update) {
		set_bits(cpu, pde_at, 8, pde, PTE_A);
		set_bits(cpu, pte_at, 8, pte, PTE_A | dirty);
	}
	return true;
}

static bool walk_any(struct cpu *cpu, uint64_t linear, enum access access, bool user, bool update,
		     struct walk *walk, uint32_t *error)
{
	if (!(cpu->cr0 & CR0_PG)) {
		*walk = (struct walk){ .physical = linear, .writable = true, .user = true };
		return true;
	}
	if (cpu->cr4 & CR4_PAE)
		return walk_pae(cpu, linear, access, user, update, walk, error);
	return walk_32bit(cpu, linear, access, user, update, walk, error);
}

static bool translate(struct cpu *cpu, uint64_t linear, enum access access, bool user, struct walk *walk)
{
	uint32_t error = 0;

	if (!walk_any(cpu, linear, access, user, true, walk, &error))
		return page_fault(cpu, linear, access, user, error);
	walk->physical = memory_a20(cpu->machine, walk->physical);
	return true;
}

bool page_translate(struct cpu *cpu, uint64_t linear, enum access access, bool user, uint64_t *physical)
{
	struct walk walk;

	if (!translate(cpu, linear, access, user, &walk))
		return false;
	*physical = walk.physical;
	return true;
}

bool paging_load_pdptes(struct cpu *cpu, uint64_t cr3, uint64_t cr0, uint64_t cr4)
{
	uint64_t entries[4];

	if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE))
		return true;
	for (unsigned n = 0; n < 4; n++) {
		entries[n] = read_entry(cpu, (cr3 & 0xffffffe0) + 8 * n, 8);
		/* Bits 1-2, 5-8 and those above the physical address are reserved. */
		if ((entries[n] & PTE_P) && (entries[n] & 0xffffff00000001e6ull))
			return cpu_raise_error(cpu, VECTOR_GP, 0);
	}
	memcpy(cpu->pdpte, entries, sizeof entries);
	return true;
}

enum cbx_status cbx_translate(struct cbx_machine *machine, uint64_t linear, uint64_t *physical)
{
	struct walk walk;
	uint32_t error;

	if (!machine || !physical)
		return CBX_ERROR_ARGUMENT;
	if (!walk_any(machine->cpu, linear, ACCESS_READ, false, false, &walk, &error))
		return machine_fail(machine, CBX_ERROR_UNMAPPED, "no page is mapped at this linear address");
	*physical = memory_a20(machine, walk.physical);
	return CBX_OK;
}

/* ---- Data breakpoints ------------------------------------------------------------------------ */

static unsigned breakpoint_length(const struct cpu *cpu, unsigned n)
{
	static const uint8_t lengths[4] = { 1, 2, 8, 4 };

	return lengths[cpu->dr[7] >> (18 + 4 * n) & 3];
}

static bool breakpoint_on_data(const struct cpu *cpu, unsigned n)
{
	return (cpu->dr[7] >> 2 * n & 3) && (cpu->dr[7] >> (16 + 4 * n) & 1);
}

static bool page_is_watched(const struct cpu *cpu, uint64_t page)
{
	if (cpu->data_breakpoints)
		for (unsigned n = 0; n < 4; n++)
			if (breakpoint_on_data(cpu, n) &&
			    (cpu->dr[n] & 0xfffff000) == page)
				return true;
	return false;
}

/* Notes which breakpoints this access meets; they are reported after the instruction. */
static void watch(struct cpu *cpu, uint64_t linear, unsigned width, bool write)
{
	for (unsigned n = 0; cpu->data_breakpoints && n < 4; n++) {
		unsigned length = breakpoint_length(cpu, n);
		uint64_t first = (uint32_t)cpu->dr[n] & ~(uint64_t)(length - 1);

		if (!breakpoint_on_data(cpu, n) || (!write && !(cpu->dr[7] >> (17 + 4 * n) & 1)))
			continue;
		/* Also where addresses wrap. */
		if ((uint32_t)(linear - first) < length || (uint32_t)(first - linear) < width) {
			cpu->pending_dr6 |= 1u << n;
			cpu_attention(cpu->machine);
		}
	}
}

/* ---- Slow accesses --------------------------------------------------------------------------- */

/* Puts the access off to a block of its own, unless it is in one. */
static bool restart(struct cpu *cpu, const struct insn *i)
{
	if (!i || (i->flags & INSN_LAST))
		return false;
	cpu_raise(cpu, VECTOR_RESTART);
	return true;
}

/*
 * The walk for a record.  Its A and D bits may fall on the very code that runs (a page
 * table can be code): then go on with what is there now.
 */
static bool translate_for(struct cpu *cpu, const struct insn *i, uint64_t linear, enum access access,
			  bool user, struct walk *walk)
{
	uint32_t writes = cpu->code_writes;

	return translate(cpu, linear, access, user, walk) &&
	       (cpu->code_writes == writes || !restart(cpu, i));
}

static bool misaligned(const struct cpu *cpu, uint64_t linear, unsigned width)
{
	return cpu->tlb == &cpu->tlbs[2] && (linear & (width - 1)) && width <= 8 &&
	       !(width & (width - 1));
}

static void fill(struct cpu *cpu, uint64_t linear, bool user, bool write, const struct walk *walk,
		 const uint8_t *host, uint64_t backing)
{
	uint64_t page = linear & ~(uint64_t)PAGE_MASK;
	unsigned slot = (unsigned)(page >> PAGE_BITS & (TLB_ENTRIES - 1));
	struct tlb *tlb = &cpu->tlbs[user];
	struct tlb_entry *entry = write ? &tlb->write[slot] : &tlb->read[slot];

	if (page_is_watched(cpu, page))
		return;
	if (cpu->machine->options.small_caches) {
		for (unsigned n = 0; n < TLB_ENTRIES; n += 64)
			tlb->read[n].tag = TLB_EMPTY;
		if (slot & 3)
			return;
	}
	if (walk->large) {
		uint8_t mask, *large = large_bit(cpu, linear, &mask);

		*large |= mask;
	}
	entry->tag = page;
	entry->addend = (uintptr_t)host - (uintptr_t)page;
	cpu->tlb_backing[user][write][slot] = backing;
	if (!walk->global)
		tlb_log(cpu, user, slot + (write ? TLB_ENTRIES : 0u));
}

static uint64_t get_bytes(const uint8_t *at, unsigned width)
{
	uint64_t value = 0;

	for (unsigned n = 0; n < width; n++)
		value |= (uint64_t)at[n] << 8 * n;
	return value;
}

/* One page's part of a read. */
static bool read_part(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, bool user,
		      uint64_t *value)
{
	const struct tlb_entry *entry = &cpu->tlbs[user].read[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];
	struct walk walk;
	struct memory_page page;

	if (entry->tag == (linear & ~(uint64_t)PAGE_MASK)) {
		*value = get_bytes(tlb_host(entry, linear), width);
		return true;
	}
	if (!translate_for(cpu, i, linear, ACCESS_READ, user, &walk))
		return false;
	memory_find_read(cpu->machine, walk.physical, &page);
	if (page.read) {
		*value = get_bytes(page.read + (linear & PAGE_MASK), width);
		fill(cpu, linear, user, false, &walk, page.read, page.backing);
		return true;
	}
	if (restart(cpu, i))
		return false;
	cpu->current = i;
	*value = memory_read(cpu->machine, walk.physical, width);
	cpu->current = NULL;
	return true;
}

static bool watched_restart(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	uint64_t first = linear & ~(uint64_t)PAGE_MASK;
	uint64_t last = (linear + width - 1) & 0xfffff000;

	if (!cpu->data_breakpoints || !(page_is_watched(cpu, first) || page_is_watched(cpu, last)))
		return false;
	return restart(cpu, i);
}

static bool readable(struct cpu *cpu, const struct insn *i, uint64_t linear, bool user)
{
	struct walk walk;

	return translate_for(cpu, i, linear, ACCESS_READ, user, &walk);
}

static bool load_as(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, bool user)
{
	const struct tlb_entry *entry;
	unsigned in_page = PAGE_SIZE - (unsigned)(linear & PAGE_MASK);
	uint64_t low = 0, high = 0;

	if (watched_restart(cpu, i, linear, width))
		return false;
	if (in_page >= width) {
		if (!read_part(cpu, i, linear, width, user, &low))
			return false;
	} else {
		/* A device is not asked before it is known that the rest can be read. */
		entry = &cpu->tlbs[user].read[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];
		if (entry->tag != (linear & ~(uint64_t)PAGE_MASK) &&
		    (!readable(cpu, i, linear, user) ||
		     !readable(cpu, i, (uint32_t)(linear + in_page), user)))
			return false;
		if (!read_part(cpu, i, linear, in_page, user, &low) ||
		    !read_part(cpu, i, (uint32_t)(linear + in_page), width - in_page, user, &high))
			return false;
	}
	watch(cpu, linear, width, false);
	cpu->loaded = low | (in_page < width ? high << 8 * in_page : 0);
	return true;
}

bool load_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	if (misaligned(cpu, linear, width))
		return cpu_raise_error(cpu, VECTOR_AC, 0);
	return load_as(cpu, i, linear, width, cpu->cpl == 3);
}

/* What a write to one page meets. */
struct target {
	uint64_t physical;
	uint8_t *host;                  /* RAM that may simply be written, or NULL */
};

/* Checks a write to one page; false: fault or restart. */
static bool write_part(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, bool user,
		       struct target *target)
{
	const struct tlb_entry *entry = &cpu->tlbs[user].write[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];
	struct walk walk;
	struct memory_page page;

	if (entry->tag == (linear & ~(uint64_t)PAGE_MASK)) {
		target->host = tlb_host(entry, linear);
		return true;
	}
	if (!translate_for(cpu, i, linear, ACCESS_WRITE, user, &walk))
		return false;
	memory_find_write(cpu->machine, walk.physical, &page);
	if (unlikely(cpu->machine->out_of_memory) && i) {
		cpu_raise(cpu, VECTOR_RESTART);         /* again when the host has memory */
		return false;
	}
	target->physical = walk.physical;
	target->host = NULL;
	if (page.write) {
		target->host = page.write + (linear & PAGE_MASK);
		fill(cpu, linear, user, true, &walk, page.write, page.backing);
		return true;
	}
	if (page.backing != NO_BACKING &&
	    !block_overlaps(cpu, page.backing + (linear & PAGE_MASK), width))
		return true;            /* a page with code, but these bytes are none */
	return !restart(cpu, i);
}

static void put_part(struct cpu *cpu, const struct insn *i, const struct target *target, unsigned width,
		     uint64_t value)
{
	if (target->host) {
		for (unsigned n = 0; n < width; n++)
			target->host[n] = (uint8_t)(value >> 8 * n);
		return;
	}
	if (i)
		cpu->current = i;
	memory_write(cpu->machine, target->physical, value, width);
	if (i)
		cpu->current = NULL;
}

static bool store_as(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
		     uint64_t value, bool user)
{
	unsigned in_page = PAGE_SIZE - (unsigned)(linear & PAGE_MASK);
	struct target first, second;

	if (watched_restart(cpu, i, linear, width))
		return false;
	if (in_page >= width) {
		if (!write_part(cpu, i, linear, width, user, &first))
			return false;
		put_part(cpu, i, &first, width, value);
	} else {
		if (!write_part(cpu, i, linear, in_page, user, &first) ||
		    !write_part(cpu, i, (uint32_t)(linear + in_page), width - in_page, user, &second))
			return false;
		put_part(cpu, i, &first, in_page, value);
		put_part(cpu, i, &second, width - in_page, value >> 8 * in_page);
	}
	watch(cpu, linear, width, true);
	return true;
}

bool store_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, uint64_t value)
{
	if (misaligned(cpu, linear, width))
		return cpu_raise_error(cpu, VECTOR_AC, 0);
	return store_as(cpu, i, linear, width, value, cpu->cpl == 3);
}

static bool check_range(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, bool write)
{
	bool user = cpu->cpl == 3;

	if (watched_restart(cpu, i, linear, width))
		return false;
	while (width) {
		unsigned in_page = PAGE_SIZE - (unsigned)(linear & PAGE_MASK);
		unsigned part = width < in_page ? width : in_page;
		struct target target;
		struct walk walk;

		if (write ? !write_part(cpu, i, linear, part, user, &target)
			  : !translate_for(cpu, i, linear, ACCESS_READ, user, &walk))
			return false;
		if (!write && memory_is_io(cpu->machine, walk.physical, false) && restart(cpu, i))
			return false;
		linear = (uint32_t)(linear + part);
		width -= part;
	}
	return true;
}

bool store_check(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	/* Ten bytes are aligned like eight. */
	if (misaligned(cpu, linear, width == 10 ? 8 : width))
		return cpu_raise_error(cpu, VECTOR_AC, 0);
	return check_range(cpu, i, linear, width, true);
}

bool load_check(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	return check_range(cpu, i, linear, width, false);
}

bool load_bytes(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, void *to)
{
	uint8_t *at = to;

	if (!check_range(cpu, i, linear, width, false))
		return false;
	for (unsigned n = 0; n < width; n += 8) {
		unsigned part = width - n < 8 ? width - n : 8;

		if (!load_as(cpu, i, (linear + n) & cpu->linear_mask, part, cpu->cpl == 3))
			return false;
		for (unsigned k = 0; k < part; k++)
			at[n + k] = (uint8_t)(cpu->loaded >> 8 * k);
	}
	return true;
}

bool store_bytes(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, const void *from)
{
	if (!check_range(cpu, i, linear, width, true))
		return false;
	for (unsigned n = 0; n < width; n += 8) {
		unsigned part = width - n < 8 ? width - n : 8;
		uint64_t value = get_bytes((const uint8_t *)from + n, part);

		if (!store_as(cpu, i, (linear + n) & cpu->linear_mask, part, value, cpu->cpl == 3))
			return false;
	}
	return true;
}

bool modify_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	if (misaligned(cpu, linear, width))
		return cpu_raise_error(cpu, VECTOR_AC, 0);
	cpu->modifying = i;
	return store_check(cpu, i, linear, width) && load_as(cpu, i, linear, width, cpu->cpl == 3);
}

void store_after_modify(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t value)
{
	/* Not as the record's own store: nothing may put it off any more.  Devices see its time. */
	cpu->current = cpu->modifying;
	store_as(cpu, NULL, linear, width, value, cpu->cpl == 3);
	cpu->current = NULL;
}

bool load_system(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t *value)
{
	const struct tlb_entry *entry = &cpu->tlbs[0].read[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];

	if (tlb_hit(entry, linear, width)) {
		*value = get_bytes(tlb_host(entry, linear), width);
		return true;
	}
	if (!load_as(cpu, NULL, (uint32_t)linear, width, false))
		return false;
	*value = cpu->loaded;
	return true;
}

bool store_system(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t value)
{
	return store_as(cpu, NULL, (uint32_t)linear, width, value, false);
}

/* ---- Handlers that take every width ------------------------------------------------------------ */

bool load_width(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, uint64_t *value)
{
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);

	if (tlb_hit(entry, linear, width)) {
		const uint8_t *at = tlb_host(entry, linear);

		*value = width == 1 ? *at : width == 2 ? get16(at) : width == 4 ? get32(at) : get64(at);
		return true;
	}
	if (!load_slow(cpu, i, linear, width))
		return false;
	*value = cpu->loaded;
	return true;
}

bool store_width(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, uint64_t value)
{
	switch (width) {
	case 1: return store8(cpu, i, linear, (uint8_t)value);
	case 2: return store16(cpu, i, linear, (uint16_t)value);
	case 4: return store32(cpu, i, linear, (uint32_t)value);
	default: return store64(cpu, i, linear, value);
	}
}

uint64_t reg_get(const struct cpu *cpu, uint8_t n, unsigned width)
{
	return width == 1 ? reg8(cpu, n) : width == 2 ? reg16(cpu, n)
					 : width == 4 ? reg32(cpu, n) : reg64(cpu, n);
}

void reg_set(struct cpu *cpu, uint8_t n, unsigned width, uint64_t value)
{
	switch (width) {
	case 1: set_reg8(cpu, n, (uint8_t)value); break;
	case 2: set_reg16(cpu, n, (uint16_t)value); break;
	case 4: set_reg32(cpu, n, (uint32_t)value); break;
	default: set_reg64(cpu, n, value); break;
	}
}

bool operand_read(struct cpu *cpu, const struct insn *i, uint64_t *value)
{
	if (i->flags & INSN_MEMORY)
		return load_width(cpu, i, ea(cpu, i), i->width, value);
	*value = reg_get(cpu, i->rm, i->width);
	return true;
}

bool operand_write(struct cpu *cpu, const struct insn *i, uint64_t value)
{
	if (i->flags & INSN_MEMORY)
		return store_width(cpu, i, ea(cpu, i), i->width, value);
	reg_set(cpu, i->rm, i->width, value);
	return true;
}

bool operand_modify(struct cpu *cpu, const struct insn *i, uint64_t *value)
{
	if (!(i->flags & INSN_MEMORY)) {
		*value = reg_get(cpu, i->rm, i->width);
		return true;
	}
	if (!modify_slow(cpu, i, ea(cpu, i), i->width))
		return false;
	*value = cpu->loaded;
	return true;
}

void operand_modified(struct cpu *cpu, const struct insn *i, uint64_t value)
{
	if (i->flags & INSN_MEMORY)
		store_after_modify(cpu, ea(cpu, i), i->width, value);
	else
		reg_set(cpu, i->rm, i->width, value);
}
