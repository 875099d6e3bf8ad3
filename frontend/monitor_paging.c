/*
 * The processor's tables as the guest made them: page tables walked level by level, and GDT, LDT,
 * IDT and TSS decoded.  Everything is read as memory, so a machine that runs is not disturbed;
 * what the TLB still holds of older tables is not shown.  SDM volume 3, chapters 3 to 7.
 */
#include <stdio.h>
#include <string.h>

#include <clearbox/machine.h>

#include "monitor_commands.h"
#include "session.h"

enum {
	CR0_PG = 31,
	CR0_WP = 16,
	CR4_PSE = 4,
	CR4_PAE = 5,
	CR4_SMEP = 20,
	CR4_SMAP = 21,
	EFER_LMA = 10,
	EFER_NXE = 11
};
#define FRAME UINT64_C(0x000ffffffffff000)

static uint64_t get(struct monitor_call *call, enum cbx_register which)
{
	uint64_t value = 0;

	cbx_register_read(call->session->machine, which, &value);
	return value;
}

static bool bit(uint64_t value, unsigned n)
{
	return value >> n & 1;
}

static bool physical(struct monitor_call *call, uint64_t address, unsigned width, uint64_t *value)
{
	uint8_t bytes[8] = { 0 };

	*value = 0;
	if (cbx_memory_read(call->session->machine, address, bytes, width))
		return false;
	for (unsigned i = 0; i < width; i++)
		*value |= (uint64_t)bytes[i] << 8 * i;
	return true;
}

/* ---- The form of the tables ------------------------------------------------------------ */

struct paging {
	bool on, nx, pse;
	unsigned levels, width;         /* bytes of an entry */
	unsigned index_bits, top_bits;  /* of a table; of the first one */
	uint64_t root;
};

static const char *const level_names[] = { "", "PTE", "PDE", "PDPTE", "PML4E" };

static struct paging paging(struct monitor_call *call)
{
	uint64_t cr4 = get(call, CBX_CR4), efer = get(call, CBX_EFER), cr3 = get(call, CBX_CR3);
	struct paging p = { .on = bit(get(call, CBX_CR0), CR0_PG), .nx = bit(efer, EFER_NXE) };

	if (bit(efer, EFER_LMA)) {
		p = (struct paging){ p.on, p.nx, true, 4, 8, 9, 9, cr3 & FRAME };
	} else if (bit(cr4, CR4_PAE)) {
		p = (struct paging){ p.on, p.nx, true, 3, 8, 9, 2, cr3 & 0xffffffe0 };
	} else {
		p =
			(struct paging){ p.on, false, bit(cr4, CR4_PSE), 2, 4,
					 10,   10,    cr3 & 0xfffff000 };
	}
	return p;
}

static unsigned level_shift(const struct paging *p, unsigned level)
{
	return 12 + (level - 1) * p->index_bits;
}

/* Does an entry at this level lead to a page? */
static bool is_page(const struct paging *p, unsigned level, uint64_t entry)
{
	if (level == 1)
		return true;
	if (level == 2)
		return bit(entry, 7) && p->pse;
	return level == 3 && p->levels == 4 && bit(entry, 7);
}

static uint64_t page_address(const struct paging *p, unsigned level, uint64_t entry)
{
	uint64_t size = UINT64_C(1) << level_shift(p, level);

	if (p->width == 4 && level == 2)        /* PSE-36: bits 13-20 are address bits 32-39 */
		return (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32;
	return entry & FRAME & ~(size - 1);
}

static const char *entry_text(const struct paging *p, uint64_t entry, bool page, bool large, char *text,
			      size_t size)
{
	snprintf(text, size, "%c%c%c%c%c%c%c%c%c", bit(entry, 63) && p->width == 8 ? 'X' : '-',
		 page && bit(entry, 8) ? 'G' : '-', page && large ? 'P' : '-', bit(entry, 6) && page ? 'D' : '-',
		 bit(entry, 5) ? 'A' : '-', bit(entry, 4) ? 'C' : '-', bit(entry, 3) ? 'T' : '-',
		 bit(entry, 2) ? 'U' : '-', bit(entry, 1) ? 'W' : '-');
	return text;
}

/* ---- One address ----------------------------------------------------------------------------- */

static void print_rights(struct monitor_call *call, bool user, bool write, bool execute)
{
	uint64_t cr0 = get(call, CBX_CR0), cr4 = get(call, CBX_CR4);

	monitor_print(call, "  supervisor: reads%s%s%s; user: %s%s%s\n",
		      write ? ", writes"
		      : bit(cr0, CR0_WP)
			      ? ", no writes (#PF: the page is read-only and CR0.WP is set)"
			      : ", writes (CR0.WP is clear)",
		      !execute			   ? ", no execution (#PF: XD)"
		      : user && bit(cr4, CR4_SMEP) ? ", no execution (#PF: SMEP)"
						   : ", executes",
		      user && bit(cr4, CR4_SMAP) ? " (with SMAP only when AC is set)" : "",
		      user ? "reads" : "nothing (#PF: a supervisor page)",
		      user && write ? ", writes" : "", user && execute ? ", executes" : "");
}

static bool run_walk(struct monitor_call *call)
{
	struct paging p = paging(call);
	uint64_t address, table = p.root;
	bool user = true, write = true, execute = true;
	char flags[16];

	if (!monitor_value(call, call->rest, &address))
		return false;
	if (!p.on) {
		monitor_print(call, "paging is off: linear 0x%llx is physical 0x%llx\n",
			      (unsigned long long)address, (unsigned long long)address);
		return true;
	}
	if (p.levels == 4 && (uint64_t)((int64_t)(address << 16) >> 16) != address) {
		monitor_print(call,
			      "0x%llx is not canonical: #GP (#SS with the stack) before any table "
			      "is looked at\n",
			      (unsigned long long)address);
		return true;
	}
	if (p.levels < 4)
		address &= UINT32_MAX;
	for (unsigned level = p.levels; level; level--) {
		unsigned shift = level_shift(&p, level),
			 bits = level == p.levels ? p.top_bits : p.index_bits;
		uint64_t index = address >> shift & ((UINT64_C(1) << bits) - 1),
			 at = table + index * p.width, entry;
		bool page;

		if (!physical(call, at, p.width, &entry)) {
			monitor_print(
				call,
				"%-5s [%llu] at 0x%llx: there is no memory, it reads as all ones\n",
				level_names[level], (unsigned long long)index,
				(unsigned long long)at);
			return true;
		}
		page = is_page(&p, level, entry);
		monitor_print(call, "%-5s [%llu] at 0x%llx: 0x%0*llx %s\n", level_names[level],
			      (unsigned long long)index, (unsigned long long)at, (int)p.width * 2,
			      (unsigned long long)entry,
			      bit(entry, 0) ? entry_text(&p, entry, page, level > 1, flags, sizeof(flags))
					    : "not present");
		if (!bit(entry, 0)) {
			monitor_print(call, "  any access gives #PF: not present at the %s\n",
				      level_names[level]);
			return true;
		}
		if (p.width == 8 && !p.nx && bit(entry, 63)) {
			monitor_print(call, "  any access gives #PF: bit 63 is reserved while "
					    "EFER.NXE is clear\n");
			return true;
		}
		if (level == p.levels && p.levels == 3) {
			/* a PDPTE of PAE paging has no rights */
		} else {
			user = user && bit(entry, 2);
			write = write && bit(entry, 1);
			execute = execute && !(p.width == 8 && bit(entry, 63));
		}
		if (page) {
			uint64_t size = UINT64_C(1) << shift;

			monitor_print(call, "physical 0x%llx (page of %llu KiB)\n",
				      (unsigned long long)(page_address(&p, level, entry) |
							   (address & (size - 1))),
				      (unsigned long long)(size >> 10));
			print_rights(call, user, write, execute);
			return true;
		}
		table = p.width == 8 ? entry & FRAME : entry & 0xfffff000;
	}
	return true;
}

/* ---- All of them -------------------------------------------------------------------------------
 */

struct listing {
	struct monitor_call *call;
	struct paging paging;
	bool each;                      /* info tlb: each page; else ranges with the same rights */
	unsigned left;                  /* lines */
	uint64_t first, last;           /* the range so far, rights 0: none */
	unsigned rights;
	unsigned tables; /* that may still be read: tables can lead into themselves */
};

static void print_range(struct listing *l)
{
	if (l->rights && l->left && l->left--)
		monitor_print(l->call, "%016llx-%016llx %016llx %c%c%c%c\n",
			      (unsigned long long)l->first, (unsigned long long)l->last,
			      (unsigned long long)(l->last - l->first + 1),
			      l->rights & 4 ? 'u' : '-', 'r', l->rights & 2 ? 'w' : '-',
			      l->rights & 8 ? 'x' : '-');
	l->rights = 0;
}

static void list_page(struct listing *l, uint64_t address, uint64_t size, unsigned level,
		      uint64_t entry, unsigned rights)
{
	char flags[16];

	if (l->each) {
		if (l->left && l->left--)
			monitor_print(l->call, "%016llx: %016llx %s\n", (unsigned long long)address,
				      (unsigned long long)page_address(&l->paging, level, entry),
				      entry_text(&l->paging, entry, true, level > 1, flags, sizeof(flags)));
		return;
	}
	rights |= 1;
	if (l->rights == rights && l->last + 1 == address) {
		l->last = address + size - 1;
		return;
	}
	print_range(l);
	l->rights = rights;
	l->first = address;
	l->last = address + size - 1;
}

static void list_table(struct listing *l, uint64_t table, unsigned level, uint64_t base,
		       unsigned rights)
{
	const struct paging *p = &l->paging;
	unsigned bits = level == p->levels ? p->top_bits : p->index_bits,
		 shift = level_shift(p, level);
	uint8_t bytes[4096];
	size_t count = ((size_t)1 << bits) * p->width;

	if (!l->left || !l->tables)
		return;
	l->tables--;
	if (cbx_memory_read(l->call->session->machine, table, bytes, count))
		return;
	for (size_t i = 0; i < (size_t)1 << bits; i++) {
		uint64_t entry = 0, address = base + ((uint64_t)i << shift);
		unsigned now = rights;

		for (unsigned k = 0; k < p->width; k++)
			entry |= (uint64_t)bytes[i * p->width + k] << 8 * k;
		if (!bit(entry, 0))
			continue;
		if (level == 4 && i >= 256)
			address |= UINT64_C(0xffff000000000000);
		if (level != p->levels || p->levels != 3)
			now &= (unsigned)(entry & 6) | (p->width == 8 && bit(entry, 63) ? 0 : 8);
		if (is_page(p, level, entry))
			list_page(l, address, UINT64_C(1) << shift, level, entry, now);
		else
			list_table(l, p->width == 8 ? entry & FRAME : entry & 0xfffff000, level - 1,
				   address, now);
	}
}

static bool list(struct monitor_call *call, bool each)
{
	struct listing l = {
		.call = call, .paging = paging(call), .each = each, .left = 20000, .tables = 100000
	};

	if (!l.paging.on) {
		monitor_print(call, "paging is off\n");
		return true;
	}
	list_table(&l, l.paging.root, l.paging.levels, 0, 14);
	print_range(&l);
	if (!l.left || !l.tables)
		monitor_print(call, "... there is more\n");
	return true;
}

static bool info_mem(struct monitor_call *call)
{
	return list(call, false);
}

static bool info_tlb(struct monitor_call *call)
{
	return list(call, true);
}

/* ---- Descriptor tables
 * --------------------------------------------------------------------------- */

static bool linear(struct monitor_call *call, uint64_t address, void *bytes, size_t count)
{
	return !cbx_linear_read(call->session->machine, address, bytes, count);
}

static uint64_t word(const uint8_t *bytes, unsigned at, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)bytes[at + i] << 8 * i;
	return value;
}

static const char *const system_types[16] = { "reserved",
					      "TSS16",
					      "LDT",
					      "busy TSS16",
					      "call gate 16",
					      "task gate",
					      "interrupt gate 16",
					      "trap gate 16",
					      "reserved",
					      "TSS32",
					      "reserved",
					      "busy TSS32",
					      "call gate 32",
					      "reserved",
					      "interrupt gate 32",
					      "trap gate 32" };
static const char *const system_types_long[16] = { "upper half",   "reserved", "LDT",
						   "reserved",	   "reserved", "reserved",
						   "reserved",	   "reserved", "reserved",
						   "TSS64",	   "reserved", "busy TSS64",
						   "call gate 64", "reserved", "interrupt gate 64",
						   "trap gate 64" };

static const char *symbol(struct monitor_call *call, uint64_t address)
{
	static char text[220], name[200];

	if (!*monitor_symbol(call->session, address, name, sizeof(name)))
		return "";
	snprintf(text, sizeof(text), " <%s>", name);
	return text;
}

static void print_gate(struct monitor_call *call, const char *what, const uint8_t *d, unsigned type,
		       bool wide)
{
	uint64_t offset = word(d, 0, 2) | word(d, 6, 2) << 16 | (wide ? word(d, 8, 4) << 32 : 0);

	monitor_print(call, "%s DPL %u to %04llx:%0*llx%s%s", what, d[5] >> 5 & 3u,
		      (unsigned long long)word(d, 2, 2), wide ? 16 : 8, (unsigned long long)offset,
		      symbol(call, offset), d[5] & 0x80 ? "" : ", not present");
	if (wide && d[4] & 7)
		monitor_print(call, ", IST %u", d[4] & 7u);
	if (type == 4 || type == 12)
		monitor_print(call, ", %u parameters", d[4] & 31u);
	monitor_print(call, "\n");
}

/* Returns whether it took two entries. */
static bool print_descriptor(struct monitor_call *call, uint64_t selector, const uint8_t *d,
			     bool lma)
{
	uint64_t base = word(d, 2, 3) | word(d, 7, 1) << 24, limit = word(d, 0, 2) | (d[6] & 15u)
											     << 16;
	unsigned access = d[5], flags = d[6] >> 4, dpl = access >> 5 & 3, type = access & 15;
	bool present = access & 0x80, wide;

	if (flags & 8)
		limit = limit << 12 | 0xfff;
	monitor_print(call, "%04llx: ", (unsigned long long)selector);
	if (access & 0x10) {
		bool code = type & 8;

		monitor_print(call, "%s DPL %u base %08llx limit %08llx %s%s%s%s\n",
			      code	  ? flags & 2	 ? "code64"
					     : flags & 4 ? "code32"
							 : "code16"
			      : flags & 4 ? "data32"
					  : "data16",
			      dpl, (unsigned long long)base, (unsigned long long)limit,
			      code	 ? type & 2 ? "readable" : "execute-only"
			      : type & 2 ? "writable"
					 : "read-only",
			      !(type & 4) ? ""
			      : code	  ? " conforming"
					  : " expand-down",
			      type & 1 ? " accessed" : "", present ? "" : " not present");
		return false;
	}
	wide = lma && (type == 2 || type == 9 || type == 11 || type == 12);
	if (type == 4 || type == 5 || type == 12) {
		print_gate(call, lma ? system_types_long[type] : system_types[type], d, type, wide);
		return wide;
	}
	monitor_print(call, "%s DPL %u base %0*llx limit %08llx%s\n",
		      lma ? system_types_long[type] : system_types[type], dpl, wide ? 16 : 8,
		      (unsigned long long)(base | (wide ? word(d, 8, 4) << 32 : 0)),
		      (unsigned long long)limit, present ? "" : " not present");
	return wide;
}

static bool print_table(struct monitor_call *call, uint64_t base, uint64_t limit,
			uint64_t selector_bits)
{
	bool lma = bit(get(call, CBX_EFER), EFER_LMA);

	monitor_print(call, "base %016llx limit %04llx\n", (unsigned long long)base,
		      (unsigned long long)limit);
	for (uint64_t at = 0; at + 7 <= limit && at < 65536; at += 8) {
		uint8_t d[16] = { 0 };

		if (!linear(call, base + at, d, 8)) {
			monitor_print(call, "%04llx: no memory is there\n", (unsigned long long)at);
			return true;
		}
		if (!word(d, 0, 8))
			continue;
		if (at + 15 <= limit)
			linear(call, base + at, d, 16);
		if (print_descriptor(call, at | selector_bits, d, lma))
			at += 8;
	}
	return true;
}

static bool info_gdt(struct monitor_call *call)
{
	return print_table(call, get(call, CBX_GDTR_BASE), get(call, CBX_GDTR_LIMIT), 0);
}

static bool info_ldt(struct monitor_call *call)
{
	if (!(get(call, CBX_LDTR) & 0xfffc)) {
		monitor_print(call, "there is none: LDTR holds a null selector\n");
		return true;
	}
	return print_table(call, get(call, CBX_LDTR_BASE), get(call, CBX_LDTR_LIMIT), 4);
}

static bool info_idt(struct monitor_call *call)
{
	uint64_t base = get(call, CBX_IDTR_BASE), limit = get(call, CBX_IDTR_LIMIT);
	bool lma = bit(get(call, CBX_EFER), EFER_LMA), real = !bit(get(call, CBX_CR0), 0);
	unsigned size = real ? 4 : lma ? 16 : 8;

	monitor_print(call, "base %016llx limit %04llx\n", (unsigned long long)base,
		      (unsigned long long)limit);
	for (unsigned vector = 0; vector < 256 && vector * size + size - 1 <= limit; vector++) {
		uint8_t d[16] = { 0 };
		unsigned type;

		if (!linear(call, base + vector * size, d, size)) {
			monitor_print(call, "%02x: no memory is there\n", vector);
			continue;
		}
		if (real && !word(d, 0, 4))
			continue;
		if (real) {
			monitor_print(call, "%02x: %04llx:%04llx\n", vector,
				      (unsigned long long)word(d, 2, 2),
				      (unsigned long long)word(d, 0, 2));
			continue;
		}
		type = d[5] & 31;
		if (!word(d, 0, 8))
			continue;
		monitor_print(call, "%02x: ", vector);
		if (type & 16)
			monitor_print(call, "no gate\n");
		else
			print_gate(call, lma ? system_types_long[type] : system_types[type], d, 0,
				   lma);
	}
	return true;
}

static bool info_tss(struct monitor_call *call)
{
	uint64_t base = get(call, CBX_TR_BASE), type = get(call, CBX_TR_ATTRIBUTES) & 15;
	uint8_t t[104] = { 0 };
	bool lma = bit(get(call, CBX_EFER), EFER_LMA);

	monitor_print(call, "TR %04llx base %016llx limit %04llx\n",
		      (unsigned long long)get(call, CBX_TR), (unsigned long long)base,
		      (unsigned long long)get(call, CBX_TR_LIMIT));
	if (!(get(call, CBX_TR) & 0xfffc)) {
		monitor_print(call, "no task register was loaded\n");
		return true;
	}
	if (!linear(call, base, t, type < 8 ? 44 : 104))
		return monitor_fail(call, "no memory is at its base");
	if (lma) {
		for (unsigned i = 0; i < 3; i++)
			monitor_print(call, "RSP%u %016llx\n", i,
				      (unsigned long long)word(t, 4 + 8 * i, 8));
		for (unsigned i = 0; i < 7; i++)
			monitor_print(call, "IST%u %016llx\n", i + 1,
				      (unsigned long long)word(t, 36 + 8 * i, 8));
		monitor_print(call, "I/O map at %04llx\n", (unsigned long long)word(t, 102, 2));
	} else if (type < 8) {
		for (unsigned i = 0; i < 3; i++)
			monitor_print(call, "SS%u:SP%u %04llx:%04llx\n", i, i,
				      (unsigned long long)word(t, 4 + 4 * i, 2),
				      (unsigned long long)word(t, 2 + 4 * i, 2));
		monitor_print(call, "link %04llx CS:IP %04llx:%04llx\n",
			      (unsigned long long)word(t, 0, 2), (unsigned long long)word(t, 36, 2),
			      (unsigned long long)word(t, 14, 2));
	} else {
		for (unsigned i = 0; i < 3; i++)
			monitor_print(call, "SS%u:ESP%u %04llx:%08llx\n", i, i,
				      (unsigned long long)word(t, 8 + 8 * i, 2),
				      (unsigned long long)word(t, 4 + 8 * i, 4));
		monitor_print(call,
			      "link %04llx CR3 %08llx CS:EIP %04llx:%08llx LDT %04llx, I/O map at "
			      "%04llx\n",
			      (unsigned long long)word(t, 0, 2), (unsigned long long)word(t, 28, 4),
			      (unsigned long long)word(t, 76, 2),
			      (unsigned long long)word(t, 32, 4),
			      (unsigned long long)word(t, 96, 2),
			      (unsigned long long)word(t, 102, 2));
	}
	return true;
}

const struct monitor_command monitor_paging_commands[] = {
	{ "walk", "gva2gpa", "ADDRESS ...",
	  "the page tables of a linear address, level by level, and why it faults", run_walk },
	{ NULL, NULL, NULL, NULL, NULL }
};

const struct monitor_command monitor_paging_topics[] = {
	{ "mem", NULL, "", "what linear addresses are mapped, with their rights", info_mem },
	{ "tlb", NULL, "", "each page: linear address, physical address, XGPDACTUW as in QEMU (from the page tables, too)",
	  info_tlb },
	{ "gdt", NULL, "", "the global descriptor table", info_gdt },
	{ "ldt", NULL, "", "the local descriptor table", info_ldt },
	{ "idt", NULL, "", "the interrupt descriptor table (in real mode: the vectors)", info_idt },
	{ "tss", NULL, "", "the task state segment", info_tss },
	{ NULL, NULL, NULL, NULL, NULL }
};
