/*
 * Every access that the TLB's fast path does not serve: misses, page crossings, devices, pages
 * with decoded code, watched pages, alignment checks, addresses that are not canonical.
 */
#include "access.h"
#include "blocks.h"
#include "hooks.h"
#include "memory.h"
#include "tlb.h"

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

COLD bool page_is_watched(const struct cpu *cpu, uint64_t page)
{
	if (cpu->data_breakpoints)
		for (unsigned n = 0; n < 4; n++)
			if (breakpoint_on_data(cpu, n) &&
			    (cpu->dr[n] & ~(uint64_t)PAGE_MASK) == page)
				return true;
	return hooks_watch_page(cpu, page);
}

/* Notes which breakpoints this access meets; they are reported after the instruction. */
static COLD void watch(struct cpu *cpu, uint64_t linear, unsigned width, bool write)
{
	uint64_t mask = cpu->efer & EFER_LMA ? ~0ull : 0xffffffffull;

	for (unsigned n = 0; cpu->data_breakpoints && n < 4; n++) {
		unsigned length = breakpoint_length(cpu, n);
		uint64_t first = cpu->dr[n] & ~(uint64_t)(length - 1);

		if (!breakpoint_on_data(cpu, n) || (!write && !(cpu->dr[7] >> (17 + 4 * n) & 1)))
			continue;
		/* Also where addresses wrap. */
		if (((linear - first) & mask) < length || ((first - linear) & mask) < width) {
			cpu->pending_dr6 |= 1u << n;
			cpu_attention(cpu->machine);
		}
	}
}

/* ---- Slow accesses --------------------------------------------------------------------------- */

/* As whom, and where linear addresses wrap. */
struct view {
	enum accessor who;
	uint64_t mask;
};

static struct view own_view(const struct cpu *cpu)
{
	struct view view = { ACCESSOR_SUPERVISOR, cpu->linear_mask };

	if (cpu->cpl == 3)
		view.who = ACCESSOR_USER;
	else if (cpu->tlb == &cpu->tlbs[ACCESSOR_OVERRIDE])
		view.who = ACCESSOR_OVERRIDE;
	return view;
}

/* System structures have 64-bit addresses in compatibility mode, too. */
static struct view system_view(const struct cpu *cpu)
{
	return (struct view){ ACCESSOR_SUPERVISOR, cpu->efer & EFER_LMA ? ~0ull : 0xffffffffull };
}

/* Puts the access off to a block of its own, unless it is in one. */
static bool restart(struct cpu *cpu, const struct insn *i)
{
	if (!i || (i->flags & INSN_LAST))
		return false;
	cpu_raise(cpu, VECTOR_RESTART);
	return true;
}

/* Addresses of 32 bits always are. */
static bool canonical(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	if (likely(address_canonical(linear) && address_canonical(linear + width - 1)))
		return true;
	return cpu_raise_error(cpu, i && i->segment == SEG_SS ? VECTOR_SS : VECTOR_GP, 0);
}

static bool misaligned(const struct cpu *cpu, uint64_t linear, unsigned width)
{
	if (!address_canonical(linear) || !address_canonical(linear + width - 1))
		return false;           /* the other fault comes first */
	return cpu->tlb == &cpu->tlbs[2] && (linear & (width - 1)) && width <= 8 &&
	       !(width & (width - 1));
}

/* Physical pages are not known yet: then all are put off that no fast entry serves. */
static COLD bool watched_restart(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
				 uint64_t mask)
{
	uint64_t first = linear & ~(uint64_t)PAGE_MASK;
	uint64_t last = (linear + width - 1) & mask & ~(uint64_t)PAGE_MASK;

	return ((cpu->hooked & HOOKED_PHYSICAL) || page_is_watched(cpu, first) || page_is_watched(cpu, last)) &&
	       restart(cpu, i);
}

/* What comes before an access that is not simply one; false: fault or restart. */
static INLINE bool begin(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, uint64_t mask)
{
	return canonical(cpu, i, linear, width) &&
	       !(unlikely(cpu->data_watched) && watched_restart(cpu, i, linear, width, mask));
}

/* What an access to one page meets. */
struct target {
	uint64_t physical;
	const uint8_t *read;            /* host bytes, NULL where there is no RAM */
	uint8_t *write;                 /* the same, if they may simply be written */
};

/*
 * Looks one page up; false: fault or restart.  Nothing is entered into the TLB by an attempt
 * that is put off: it could push out what the next attempt needs.
 *
 * A walk's A and D bits may fall on the very code that runs (a page table can be code): then
 * go on with what is there now.
 */
static bool find_read(struct cpu *cpu, const struct insn *i, uint64_t linear, enum accessor who,
		      struct target *target)
{
	uint32_t writes = cpu->code_writes;
	struct memory_page page;
	struct walk walk;

	if (!page_find(cpu, linear, ACCESS_READ, who, &walk) ||
	    (cpu->code_writes != writes && restart(cpu, i)))
		return false;
	target->physical = memory_a20(cpu->machine, walk.physical);
	memory_find_read(cpu->machine, target->physical, &page);
	target->read = page.read ? page.read + (linear & PAGE_MASK) : NULL;
	if (!page.read && restart(cpu, i))
		return false;
	tlb_enter(cpu, linear, ACCESS_READ, who, &walk);
	if (page.read)
		tlb_enter_host(cpu, linear, ACCESS_READ, who, &walk, page.read, page.backing);
	return true;
}

static bool find_write(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
		       enum accessor who, struct target *target)
{
	uint32_t writes = cpu->code_writes;
	struct memory_page page;
	struct walk walk;

	if (!page_find(cpu, linear, ACCESS_WRITE, who, &walk) ||
	    (cpu->code_writes != writes && restart(cpu, i)))
		return false;
	target->physical = memory_a20(cpu->machine, walk.physical);
	memory_find_write(cpu->machine, target->physical, &page);
	if (unlikely(cpu->machine->out_of_memory) && i) {
		cpu_raise(cpu, VECTOR_RESTART);         /* again when the host has memory */
		return false;
	}
	target->read = page.read ? page.read + (linear & PAGE_MASK) : NULL;
	target->write = page.write ? page.write + (linear & PAGE_MASK) : NULL;
	/* In a page with code, bytes that are none may be written at once. */
	if (!page.write && (page.backing == NO_BACKING ||
			    block_overlaps(cpu, page.backing + (linear & PAGE_MASK), width)) &&
	    restart(cpu, i))
		return false;
	tlb_enter(cpu, linear, ACCESS_WRITE, who, &walk);
	if (page.write)
		tlb_enter_host(cpu, linear, ACCESS_WRITE, who, &walk, page.write, page.backing);
	return true;
}

static INLINE void copy(uint8_t *to, const uint8_t *from, unsigned width)
{
	switch (width) {                /* the common ones without a call */
	case 1: *to = *from; break;
	case 2: memcpy(to, from, 2); break;
	case 4: memcpy(to, from, 4); break;
	case 8: memcpy(to, from, 8); break;
	default: memcpy(to, from, width); break;
	}
}

static COLD uint64_t hooked_device_read(struct cpu *cpu, uint64_t physical, unsigned width)
{
	uint64_t value = 0;

	if (hooks_before_io(cpu, CBX_HOOK_MMIO_READ, physical, width, &value))
		value = memory_read(cpu->machine, physical, width);
	hooks_after_io(cpu, CBX_HOOK_MMIO_READ, physical, width, &value);
	return value;
}

static COLD void hooked_device_write(struct cpu *cpu, uint64_t physical, uint64_t value, unsigned width)
{
	if (hooks_before_io(cpu, CBX_HOOK_MMIO_WRITE, physical, width, &value))
		memory_write(cpu->machine, physical, value, width);
	hooks_after_io(cpu, CBX_HOOK_MMIO_WRITE, physical, width, &value);
}

static INLINE uint64_t device_read(struct cpu *cpu, uint64_t physical, unsigned width)
{
	return unlikely(cpu->hooked & HOOKED_IO) ? hooked_device_read(cpu, physical, width)
						 : memory_read(cpu->machine, physical, width);
}

static INLINE void device_write(struct cpu *cpu, uint64_t physical, uint64_t value, unsigned width)
{
	if (unlikely(cpu->hooked & HOOKED_IO))
		hooked_device_write(cpu, physical, value, width);
	else
		memory_write(cpu->machine, physical, value, width);
}

static void get_part(struct cpu *cpu, const struct insn *i, const struct target *target,
		     unsigned width, uint8_t *to)
{
	if (target->read) {
		copy(to, target->read, width);
		return;
	}
	if (i)
		cpu_expose(cpu, i);
	for (unsigned at = 0; at < width;) {
		unsigned piece = width - at < 8 ? width - at : 8;
		uint64_t value = device_read(cpu, target->physical + at, piece);

		for (; piece; piece--, at++, value >>= 8)
			to[at] = (uint8_t)value;
	}
	cpu->current = NULL;
}

static void put_part(struct cpu *cpu, const struct insn *i, const struct target *target,
		     unsigned width, const uint8_t *from)
{
	if (target->write) {
		copy(target->write, from, width);
		return;
	}
	if (i)
		cpu_expose(cpu, i);
	for (unsigned at = 0; at < width;) {
		unsigned piece = width - at < 8 ? width - at : 8;
		uint64_t value = 0;

		for (unsigned n = 0; n < piece; n++)
			value |= (uint64_t)from[at + n] << 8 * n;
		device_write(cpu, target->physical + at, value, piece);
		at += piece;
	}
	if (i)
		cpu->current = NULL;
}

/* The bytes of both pages of an access that crosses; the walk for one may have moved the other. */
static void get_both(struct cpu *cpu, const struct insn *i, struct target parts[2],
		     unsigned in_first, unsigned width, uint8_t *to)
{
	for (unsigned n = 0; n < 2; n++) {
		struct memory_page page;

		memory_find_read(cpu->machine, parts[n].physical, &page);
		parts[n].read = page.read ? page.read + (parts[n].physical & PAGE_MASK) : NULL;
	}
	get_part(cpu, i, &parts[0], in_first, to);
	get_part(cpu, i, &parts[1], width - in_first, to + in_first);
}

/* One page or two. */
static INLINE void get(struct cpu *cpu, const struct insn *i, uint64_t linear, struct target parts[2],
		       unsigned width, uint8_t *to)
{
	unsigned in_page = PAGE_SIZE - (unsigned)(linear & PAGE_MASK);

	if (in_page >= width)
		get_part(cpu, i, &parts[0], width, to);
	else
		get_both(cpu, i, parts, in_page, width, to);
}

static INLINE void put(struct cpu *cpu, const struct insn *i, uint64_t linear, const struct target parts[2],
		       unsigned width, const uint8_t *from)
{
	unsigned in_page = PAGE_SIZE - (unsigned)(linear & PAGE_MASK);

	put_part(cpu, i, &parts[0], width < in_page ? width : in_page, from);
	if (in_page < width)
		put_part(cpu, i, &parts[1], width - in_page, from + in_page);
}

/* ---- Accesses that somebody looks at (hooks.h) -------------------------------------------------- */

static struct hooked_access hooked_access(const struct cpu *cpu, const struct insn *i, uint64_t linear,
					  unsigned width, const struct target parts[2], uint8_t *bytes)
{
	unsigned in_page = PAGE_SIZE - (unsigned)(linear & PAGE_MASK);
	bool crosses = in_page < width;

	return (struct hooked_access){
		.insn = i, .linear = linear, .width = width, .bytes = bytes,
		.physical = parts[0].physical, .physical2 = crosses ? parts[1].physical : 0,
		.in_first = crosses ? in_page : width, .may_fault = !cpu->no_fault
	};
}

/* What hooks did may have moved pages: host addresses are asked for again. */
static COLD void find_again(struct cpu *cpu, struct target *target, bool write)
{
	struct memory_page page;
	uint64_t offset = target->physical & PAGE_MASK;

	if (write)
		memory_find_write(cpu->machine, target->physical, &page);
	else
		memory_find_read(cpu->machine, target->physical, &page);
	target->read = page.read ? page.read + offset : NULL;
	target->write = write && page.write ? page.write + offset : NULL;
}

static COLD bool load_hooked(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
			     struct target parts[2], uint8_t *to)
{
	struct hooked_access access = hooked_access(cpu, i, linear, width, parts, to);
	enum hooked answer;

	memset(to, 0, width);           /* what a hook that skips the read need not set */
	answer = hooks_before_access(cpu, &access);
	if (answer == HOOKED_FAULT)
		return false;
	if (answer == HOOKED_GO) {
		find_again(cpu, &parts[0], false);
		get_part(cpu, i, &parts[0], access.in_first, to);
		if (access.in_first < width) {
			find_again(cpu, &parts[1], false);
			get_part(cpu, i, &parts[1], width - access.in_first, to + access.in_first);
		}
	}
	hooks_after_access(cpu, &access);
	return true;
}

static COLD bool store_hooked(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
			      struct target parts[2], const uint8_t *from)
{
	uint8_t bytes[HOOKED_WIDTH];
	struct hooked_access access = hooked_access(cpu, i, linear, width, parts, bytes);
	enum hooked answer;

	memcpy(bytes, from, width);
	access.write = true;
	answer = hooks_before_access(cpu, &access);
	if (answer == HOOKED_FAULT)
		return false;
	if (answer == HOOKED_GO) {
		find_again(cpu, &parts[0], true);
		put_part(cpu, i, &parts[0], access.in_first, bytes);
		if (access.in_first < width) {
			find_again(cpu, &parts[1], true);
			put_part(cpu, i, &parts[1], width - access.in_first, bytes + access.in_first);
		}
	}
	hooks_after_access(cpu, &access);
	return true;
}

/* With what hooks and debug registers have to say. */
static COLD bool load_watched(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
			      struct target parts[2], uint8_t *to)
{
	if (!(cpu->hooked & HOOKED_DATA))
		get(cpu, i, linear, parts, width, to);
	else if (!load_hooked(cpu, i, linear, width, parts, to))
		return false;
	watch(cpu, linear, width, false);
	return true;
}

static COLD bool store_watched(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
			       struct target parts[2], const uint8_t *from)
{
	if (!(cpu->hooked & HOOKED_DATA))
		put(cpu, i, linear, parts, width, from);
	else if (!store_hooked(cpu, i, linear, width, parts, from))
		return false;
	watch(cpu, linear, width, true);
	return true;
}

/*
 * Two pages of plain RAM, as fast entries know them: there is nothing else that the long way would
 * find.
 */
static bool load_crossing(struct cpu *cpu, uint64_t linear, unsigned in_first, unsigned width,
			  struct view view, uint8_t *to)
{
	const struct tlb_entry *entries = cpu->tlbs[view.who].read;
	uint64_t next = (linear + in_first) & view.mask;
	const struct tlb_entry *first = &entries[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];
	const struct tlb_entry *second = &entries[next >> PAGE_BITS & (TLB_ENTRIES - 1)];

	if (!tlb_hit(first, linear, 1) || !tlb_hit(second, next, 1))
		return false;
	memcpy(to, tlb_host(first, linear), in_first);
	memcpy(to + in_first, tlb_host(second, next), width - in_first);
	return true;
}

static bool store_crossing(struct cpu *cpu, uint64_t linear, unsigned in_first, unsigned width,
			   struct view view, const uint8_t *from)
{
	const struct tlb_entry *entries = cpu->tlbs[view.who].write;
	uint64_t next = (linear + in_first) & view.mask;
	const struct tlb_entry *first = &entries[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];
	const struct tlb_entry *second = &entries[next >> PAGE_BITS & (TLB_ENTRIES - 1)];

	if (!tlb_hit(first, linear, 1) || !tlb_hit(second, next, 1))
		return false;
	memcpy(tlb_host(first, linear), from, in_first);
	memcpy(tlb_host(second, next), from + in_first, width - in_first);
	return true;
}

static bool load_as(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
		    struct view view, uint8_t *to)
{
	unsigned in_page = PAGE_SIZE - (unsigned)(linear & PAGE_MASK);
	struct target parts[2];

	if (in_page < width && load_crossing(cpu, linear, in_page, width, view, to))
		return true;
	if (!begin(cpu, i, linear, width, view.mask))
		return false;
	if (!find_read(cpu, i, linear, view.who, &parts[0]))
		return false;
	/* A device is not asked before it is known that the rest can be read. */
	if (in_page < width && !find_read(cpu, i, (linear + in_page) & view.mask, view.who, &parts[1]))
		return false;
	if (unlikely(cpu->data_watched))
		return load_watched(cpu, i, linear, width, parts, to);
	get(cpu, i, linear, parts, width, to);
	return true;
}

bool load_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	uint8_t bytes[8] = { 0 };

	if (misaligned(cpu, linear, width))
		return cpu_raise_error(cpu, VECTOR_AC, 0);
	if (!load_as(cpu, i, linear, width, own_view(cpu), bytes))
		return false;
	cpu->loaded = get64(bytes);
	return true;
}

bool load_bytes(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, void *to)
{
	return load_as(cpu, i, linear, width, own_view(cpu), to);
}

static bool store_as(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
		     struct view view, const uint8_t *from)
{
	unsigned in_page = PAGE_SIZE - (unsigned)(linear & PAGE_MASK);
	unsigned first = width < in_page ? width : in_page;
	struct target parts[2];

	if (first < width && store_crossing(cpu, linear, first, width, view, from))
		return true;
	if (!begin(cpu, i, linear, width, view.mask))
		return false;
	if (!find_write(cpu, i, linear, first, view.who, &parts[0]))
		return false;
	if (first < width && !find_write(cpu, i, (linear + first) & view.mask, width - first, view.who,
					 &parts[1]))
		return false;
	if (unlikely(cpu->data_watched))
		return store_watched(cpu, i, linear, width, parts, from);
	put(cpu, i, linear, parts, width, from);
	return true;
}

bool store_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, uint64_t value)
{
	uint8_t bytes[8];

	if (misaligned(cpu, linear, width))
		return cpu_raise_error(cpu, VECTOR_AC, 0);
	put64(bytes, value);
	return store_as(cpu, i, linear, width, own_view(cpu), bytes);
}

bool store_bytes(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width, const void *from)
{
	return store_as(cpu, i, linear, width, own_view(cpu), from);
}

/* parts: what the pages of the access are, for one of two pages at most; or NULL. */
static bool check_range(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
			bool write, struct target *parts)
{
	struct view view = own_view(cpu);

	if (!begin(cpu, i, linear, width, view.mask))
		return false;
	while (width) {
		unsigned in_page = PAGE_SIZE - (unsigned)(linear & PAGE_MASK);
		unsigned part = width < in_page ? width : in_page;
		struct target target;

		if (!(write ? find_write(cpu, i, linear, part, view.who, &target)
			    : find_read(cpu, i, linear, view.who, &target)))
			return false;
		if (parts)
			*parts++ = target;
		linear = (linear + part) & view.mask;
		width -= part;
	}
	return true;
}

bool store_check(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	/* Ten bytes are aligned like eight. */
	if (misaligned(cpu, linear, width == 10 ? 8 : width))
		return cpu_raise_error(cpu, VECTOR_AC, 0);
	return check_range(cpu, i, linear, width, true, NULL);
}

bool load_check(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	return check_range(cpu, i, linear, width, false, NULL);
}

bool modify_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	struct target parts[2];
	uint8_t bytes[8] = { 0 };

	if (misaligned(cpu, linear, width))
		return cpu_raise_error(cpu, VECTOR_AC, 0);
	if (!check_range(cpu, i, linear, width, true, parts))
		return false;
	cpu->modifying = i;
	/* Read where the write will go, not through another entry. */
	if (unlikely(cpu->data_watched)) {
		if (!load_watched(cpu, i, linear, width, parts, bytes))
			return false;
	} else {
		get(cpu, i, linear, parts, width, bytes);
	}
	cpu->loaded = get64(bytes);
	return true;
}

void store_after_modify(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t value)
{
	uint8_t bytes[8];

	put64(bytes, value);
	/* Not as the record's own store: nothing may put it off any more.  Devices see its time. */
	cpu_expose(cpu, cpu->modifying);
	cpu->no_fault = true;
	store_as(cpu, NULL, linear, width, own_view(cpu), bytes);
	cpu->no_fault = false;
	cpu->current = NULL;
}

bool load_system(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t *value)
{
	const struct tlb_entry *entry = &cpu->tlbs[0].read[linear >> PAGE_BITS & (TLB_ENTRIES - 1)];
	struct view view = system_view(cpu);
	uint8_t bytes[8] = { 0 };

	if (tlb_hit(entry, linear, width)) {
		memcpy(bytes, tlb_host(entry, linear), width);
		*value = get64(bytes);
		return true;
	}
	if (!load_as(cpu, NULL, linear & view.mask, width, view, bytes))
		return false;
	*value = get64(bytes);
	return true;
}

bool store_system(struct cpu *cpu, uint64_t linear, unsigned width, uint64_t value)
{
	struct view view = system_view(cpu);
	uint8_t bytes[8];

	put64(bytes, value);
	return store_as(cpu, NULL, linear & view.mask, width, view, bytes);
}

/* ---- Handlers that take every width ---------------------------------------------------------- */

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

void operand_modified(struct cpu *cpu, const struct insn *i, uint64_t value)
{
	if (i->flags & INSN_MEMORY)
		store_after_modify(cpu, ea(cpu, i), i->width, value);
	else
		reg_set(cpu, i->rm, i->width, value);
}
