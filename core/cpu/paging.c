/*
 * Paging (SDM 3A chapter 4): the walk from CR3 in its 32-bit, PAE and 4-level forms.  tlb.c
 * remembers what walks find; access_slow.c asks for them.
 */
#include "access.h"
#include "memory.h"
#include "tlb.h"

enum {
	PTE_P = 1 << 0, PTE_W = 1 << 1, PTE_U = 1 << 2, PTE_A = 1 << 5, PTE_D = 1 << 6,
	PTE_PS = 1 << 7, PTE_G = 1 << 8,
	PF_P = 1 << 0, PF_W = 1 << 1, PF_U = 1 << 2, PF_RSVD = 1 << 3, PF_I = 1 << 4
};
#define PTE_NX (1ull << 63)

/* ---- Rights ---------------------------------------------------------------------------------- */

static bool has_nx(const struct cpu *cpu)
{
	return (cpu->efer & EFER_NXE) && (cpu->cr4 & CR4_PAE);
}

static bool page_fault(struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
		       uint32_t error)
{
	tlb_faulted(cpu, linear);
	cpu->cr2 = linear;
	if (access == ACCESS_WRITE)
		error |= PF_W;
	if (who == ACCESSOR_USER)
		error |= PF_U;
	if (access == ACCESS_EXECUTE && (has_nx(cpu) || (cpu->cr4 & CR4_SMEP)))
		error |= PF_I;
	return cpu_raise_error(cpu, VECTOR_PF, error);
}

/* Do these rights allow the access?  (SDM 3A 4.6.) */
static bool allowed(const struct cpu *cpu, const struct walk *walk, enum access access,
		    enum accessor who)
{
	bool user_page = walk->flags & TRANSLATION_USER;

	if (access == ACCESS_EXECUTE && walk->no_execute)
		return false;
	if (who == ACCESSOR_USER)
		return user_page && (access != ACCESS_WRITE || walk->writable);
	if (user_page && access == ACCESS_EXECUTE)
		return !(cpu->cr4 & CR4_SMEP);
	if (user_page && who == ACCESSOR_SUPERVISOR && (cpu->cr4 & CR4_SMAP))
		return false;
	return access != ACCESS_WRITE || walk->writable || !(cpu->cr0 & CR0_WP);
}

/* ---- Entries --------------------------------------------------------------------------------- */

static COLD const uint8_t *table_find(struct cpu *cpu, struct table_page *table, uint64_t address)
{
	struct memory_page page;

	memory_find_read(cpu->machine, address, &page);
	table->physical = address & ~(uint64_t)PAGE_MASK;
	table->backing = page.backing;
	table->bytes = page.read;
	return page.read;
}

static uint64_t read_entry(struct cpu *cpu, uint64_t address, unsigned width)
{
	struct table_page *table;
	const uint8_t *bytes;

	address = memory_a20(cpu->machine, address);
	table = &cpu->translations->tables[address >> PAGE_BITS & (TABLE_PAGES - 1)];
	bytes = table->bytes;
	if (!bytes || table->physical != (address & ~(uint64_t)PAGE_MASK))
		bytes = table_find(cpu, table, address);
	/*
	 * Walks reach RAM and ROM, as bus masters do: a device would be asked in the middle of a
	 * block, at a time that is not exact.
	 */
	if (!bytes)
		return width == 4 ? UINT32_MAX : UINT64_MAX;
	bytes += address & PAGE_MASK;
	return width == 4 ? get32(bytes) : get64(bytes);
}

static void set_bits(struct cpu *cpu, uint64_t address, unsigned width, uint64_t entry, uint64_t bits)
{
	if ((entry & bits) == bits)
		return;
	address = memory_a20(cpu->machine, address);
	if (!memory_is_io(cpu->machine, address, true))
		memory_write(cpu->machine, address, entry | bits, width);
}

/* What the last entry says, with the rights that all levels leave. */
static void walk_result(const struct cpu *cpu, struct walk *walk, uint64_t physical, uint64_t entry,
			uint64_t rights, uint32_t size)
{
	walk->physical = physical;
	walk->writable = rights & PTE_W;
	walk->flags = size | (rights & PTE_U ? TRANSLATION_USER : 0) |
		      ((entry & PTE_G) && (cpu->cr4 & CR4_PGE) ? TRANSLATION_GLOBAL : 0);
	walk->no_execute = false;
}

/* ---- The walks ------------------------------------------------------------------------------- */
/*
 * One level after the other.  A and D bits are only written when the whole access is
 * allowed.  error collects P and RSVD for the fault.
 */
static bool walk_32bit(struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
		       bool update, struct walk *walk, uint32_t *error)
{
	uint64_t pde_at = (cpu->cr3 & 0xfffff000) | (linear >> 22 & 0x3ff) << 2, pte_at;
	uint64_t pde = read_entry(cpu, pde_at, 4), pte;
	uint64_t dirty = access == ACCESS_WRITE ? PTE_D : 0;
	uint32_t reserved = cpu->model->system & SYS_PSE36 ? 0x200000 : 0x3fe000;

	*error = 0;
	if (!(pde & PTE_P))
		return false;
	if ((pde & PTE_PS) && (cpu->cr4 & CR4_PSE)) {
		/* PSE-36: bits 13-20 of the entry are bits 32-39 of the address. */
		*error = PF_P;
		if (pde & reserved) {
			*error |= PF_RSVD;
			return false;
		}
		walk_result(cpu, walk,
			    (pde & 0xffc00000) | (pde >> 13 & 0xff) << 32 | (linear & 0x3fffff),
			    pde, pde, TRANSLATION_4M);
		if (!allowed(cpu, walk, access, who))
			return false;
		if (update)
			set_bits(cpu, pde_at, 4, pde, PTE_A | dirty);
		return true;
	}
	pte_at = (pde & 0xfffff000) | (linear >> 12 & 0x3ff) << 2;
	pte = read_entry(cpu, pte_at, 4);
	if (!(pte & PTE_P))
		return false;
	*error = PF_P;
	walk_result(cpu, walk, (pte & 0xfffff000) | (linear & PAGE_MASK), pte, pde & pte, 0);
	if (!allowed(cpu, walk, access, who))
		return false;
	if (update) {
		set_bits(cpu, pde_at, 4, pde, PTE_A);
		set_bits(cpu, pte_at, 4, pte, PTE_A | dirty);
	}
	return true;
}

/* What is reserved in every entry of 8 bytes; PAE has no bits for software above the address. */
static uint64_t reserved_always(const struct cpu *cpu)
{
	uint64_t ignored = cpu->efer & EFER_LMA ? 0x7ffull << 52 : 0;

	return ~(PHYSICAL_PAGES | PAGE_MASK | ignored | (cpu->efer & EFER_NXE ? PTE_NX : 0));
}

/* And in one of this level: the PS bit where there are no large pages, a large page's low bits. */
static uint64_t reserved_here(const struct cpu *cpu, unsigned level, uint64_t entry)
{
	if (level == 3)
		return PTE_PS;
	if (level == 0 || !(entry & PTE_PS))
		return 0;
	if (level == 2)
		return cpu->model->system & SYS_PDPE1GB ? 0x3fffe000 : PTE_PS;
	return 0x1fe000;
}

/* PAE (from the PDPTE registers, whose entries have no rights) and 4-level paging. */
static bool walk_wide(struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
		      bool update, struct walk *walk, uint32_t *error)
{
	static const uint32_t sizes[4] = { 0, TRANSLATION_2M, TRANSLATION_1G, 0 };
	uint64_t at[4], entries[4], reserved = reserved_always(cpu), rights = PTE_W | PTE_U;
	uint64_t table = cpu->cr3, no_execute = 0, offset_mask;
	unsigned level = 3, last = 3;

	*error = 0;
	if (!(cpu->efer & EFER_LMA)) {
		level = last = 1;
		table = cpu->pdpte[linear >> 30 & 3];
		if (!(table & PTE_P))
			return false;
	}
	for (;; level--) {
		uint64_t entry;

		at[level] = (table & PHYSICAL_PAGES) | (linear >> (12 + 9 * level) & 0x1ff) << 3;
		entry = entries[level] = read_entry(cpu, at[level], 8);
		if (!(entry & PTE_P))
			return false;
		if (entry & (reserved | reserved_here(cpu, level, entry))) {
			*error = PF_P | PF_RSVD;
			return false;
		}
		rights &= entry;
		no_execute |= entry & PTE_NX;
		if (level == 0 || (entry & PTE_PS))
			break;
		table = entry;
	}
	*error = PF_P;
	offset_mask = ((uint64_t)1 << (12 + 9 * level)) - 1;
	walk_result(cpu, walk,
		    (entries[level] & PHYSICAL_PAGES & ~offset_mask) | (linear & offset_mask),
		    entries[level], rights, sizes[level]);
	walk->no_execute = no_execute;
	if (!allowed(cpu, walk, access, who))
		return false;
	for (unsigned n = last; update && n > level; n--)
		set_bits(cpu, at[n], 8, entries[n], PTE_A);
	if (update)
		set_bits(cpu, at[level], 8, entries[level],
			 PTE_A | (access == ACCESS_WRITE ? PTE_D : 0));
	return true;
}

static bool walk_any(struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
		     bool update, struct walk *walk, uint32_t *error)
{
	if (cpu->cr4 & CR4_PAE)
		return walk_wide(cpu, linear, access, who, update, walk, error);
	return walk_32bit(cpu, linear, access, who, update, walk, error);
}

bool page_find(struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
	       struct walk *walk)
{
	uint32_t error;

	if (!(cpu->cr0 & CR0_PG)) {
		*walk = (struct walk){ .physical = linear, .writable = true };
		return true;
	}
	if (tlb_find(cpu, linear, access, who, walk))
		return true;
	if (!walk_any(cpu, linear, access, who, true, walk, &error))
		return page_fault(cpu, linear, access, who, error);
	walk->fresh = true;
	return true;
}

bool page_translate(struct cpu *cpu, uint64_t linear, enum access access, bool user,
		    uint64_t *physical)
{
	enum accessor who = user ? ACCESSOR_USER : ACCESSOR_SUPERVISOR;
	struct walk walk;

	if (!page_find(cpu, linear, access, who, &walk))
		return false;
	tlb_enter(cpu, linear, access, who, &walk);
	*physical = memory_a20(cpu->machine, walk.physical);
	return true;
}

bool paging_load_pdptes(struct cpu *cpu, uint64_t cr3, uint64_t cr0, uint64_t cr4)
{
	uint64_t entries[4];

	if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE) || (cpu->efer & EFER_LMA))
		return true;
	for (unsigned n = 0; n < 4; n++) {
		entries[n] = read_entry(cpu, (cr3 & 0xffffffe0) + 8 * n, 8);
		/* Bits 1-2, 5-8 and those above the physical address are reserved. */
		if ((entries[n] & PTE_P) && (entries[n] & (~(PHYSICAL_PAGES | PAGE_MASK) | 0x1e6)))
			return cpu_raise_error(cpu, VECTOR_GP, 0);
	}
	memcpy(cpu->pdpte, entries, sizeof entries);
	return true;
}

/* What the page tables say now: the debugger does not look at the TLB, nor change it. */
enum cbx_status cbx_translate(struct cbx_machine *machine, uint64_t linear, uint64_t *physical)
{
	struct walk walk = { .physical = linear };
	struct cpu *cpu;
	uint32_t error;

	if (!machine || !physical)
		return CBX_ERROR_ARGUMENT;
	cpu = machine->cpu;
	if (((cpu->efer & EFER_LMA) && !address_canonical(linear)) ||
	    ((cpu->cr0 & CR0_PG) &&
	     !walk_any(cpu, linear, ACCESS_READ, ACCESSOR_OVERRIDE, false, &walk, &error)))
		return machine_fail(machine, CBX_ERROR_UNMAPPED, "no page is mapped at this linear address");
	*physical = memory_a20(machine, walk.physical);
	return CBX_OK;
}
