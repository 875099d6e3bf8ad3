/* The TLB (tlb.h): what is in it, when it goes (SDM 3A 4.10), the host addresses made from it. */
#include "access.h"
#include "blocks.h"
#include "hooks.h"
#include "memory.h"
#include "tlb.h"

/* ---- State ----------------------------------------------------------------------------------- */

const struct cbx_field tlb_fields[] = {
	/* As numbers: key, word, key ... */
	{ "entry", offsetof(struct translations, entry), 8, 2 * TRANSLATIONS, NULL, 0 },
	CBX_FIELD_END
};

void *tlb_state(struct cbx_machine *machine, size_t *size)
{
	*size = offsetof(struct translations, derived);
	return machine->cpu->translations;
}

bool tlb_check(const void *state)
{
	const struct translations *t = state;

	for (unsigned place = 0; place < TRANSLATIONS; place++) {
		unsigned bank = place / TLB_ENTRIES < BANK_FETCH ? place / TLB_ENTRIES : BANK_FETCH;
		uint64_t key = t->entry[place].key, word = t->entry[place].word;

		if (!key && !word)
			continue;
		if (!(word & TRANSLATION_VALID) || (word & ~(PHYSICAL_PAGES | TRANSLATION_FLAGS)) ||
		    !address_canonical(key) || place - tlb_place(bank, key) >= tlb_ways(bank))
			return false;
	}
	return true;
}

/* Code may be somewhere else now. */
static void code_moved(struct cpu *cpu)
{
	cpu->generation++;
	cpu_mode_changed(cpu);
}

enum cbx_status translations_new(struct cpu *cpu)
{
	cpu->translations = machine_allocate_large(cpu->machine, sizeof(*cpu->translations), false);
	if (!cpu->translations)
		return CBX_ERROR_MEMORY;
	code_moved(cpu);
	return CBX_OK;
}

void translations_free(struct cpu *cpu)
{
	machine_release(cpu->machine, cpu->translations);
	cpu->translations = NULL;
}

/* ---- Logs ------------------------------------------------------------------------------------ */

static void note(struct translations *t, unsigned log, unsigned place)
{
	if (t->in_log[place] >> log & 1)
		return;
	t->in_log[place] |= (uint8_t)(1u << log);
	t->log[log][t->logged[log]++] = (uint16_t)place;
}

static void forget(struct translations *t, unsigned log)
{
	for (uint32_t n = 0; n < t->logged[log]; n++)
		t->in_log[t->log[log][n]] &= (uint8_t)~(1u << log);
	t->logged[log] = 0;
}

static uint64_t *large_word(struct translations *t, uint64_t linear, uint64_t *bit)
{
	unsigned hash = (unsigned)((linear >> 21) * 0x9e3779b97f4a7c15ull >> 52);

	*bit = (uint64_t)1 << (hash & 63);
	return &t->large[hash >> 6];
}

static uint64_t huge_bit(uint64_t linear)
{
	return (uint64_t)1 << ((linear >> 30 ^ linear >> 36) & 63);
}

static void note_entry(struct translations *t, unsigned place)
{
	uint64_t key = t->entry[place].key, word = t->entry[place].word, bit;
	uint64_t *large = large_word(t, key, &bit);

	if ((word & TRANSLATION_SIZE) == TRANSLATION_1G)
		t->huge |= huge_bit(key);
	else if (word & TRANSLATION_SIZE)
		*large |= bit;
	note(t, word & TRANSLATION_GLOBAL ? LOG_GLOBAL : LOG_LOCAL, place);
}

static void empty_hosts(struct tlb *tlb)
{
	for (unsigned slot = 0; slot < TLB_ENTRIES; slot++)
		tlb->read[slot].tag = tlb->write[slot].tag = TLB_EMPTY;
}

void tlb_prepare(struct cpu *cpu, unsigned n)
{
	if (likely(cpu->tlbs_prepared >> n & 1))
		return;
	empty_hosts(&cpu->tlbs[n]);
	cpu->tlbs_prepared |= (uint8_t)(1u << n);
}

/* The entries of a fork, whose memory is fresh: what is not written takes no pages of the host's. */
static void adopt(struct translations *t, const struct translations *parent)
{
	for (unsigned log = LOG_LOCAL; log <= LOG_GLOBAL; log++)
		for (uint32_t n = 0; n < parent->logged[log]; n++) {
			unsigned place = parent->log[log][n];

			if (!parent->entry[place].word)
				continue;
			t->entry[place] = parent->entry[place];
			note_entry(t, place);
		}
}

/* A machine that has not run stays as its memory came: a fork has less to write. */
void tlb_loaded(struct cpu *cpu)
{
	struct translations *t = cpu->translations;

	if (machine_is_twin(cpu->machine)) {
		adopt(t, cpu->machine->options.fork_of->cpu->translations);
		code_moved(cpu);
		return;
	}
	for (unsigned n = 0; n < sizeof(cpu->tlbs) / sizeof(cpu->tlbs[0]); n++)
		if (cpu->tlbs_prepared >> n & 1)
			empty_hosts(&cpu->tlbs[n]);
	for (unsigned log = 0; log < LOGS; log++)
		forget(t, log);
	memset(t->large, 0, sizeof(t->large));
	t->huge = 0;
	for (unsigned n = 0; n < TABLE_PAGES; n++)
		if (t->tables[n].bytes)
			t->tables[n].bytes = NULL;
	for (unsigned place = 0; place < TRANSLATIONS; place++)
		if (t->entry[place].word)
			note_entry(t, place);
	code_moved(cpu);
}

/* ---- Dropping -------------------------------------------------------------------------------- */

static void drop_host(struct cpu *cpu, unsigned place)
{
	unsigned slot = place % TLB_ENTRIES;

	switch (place / TLB_ENTRIES) {
	case BANK_READ:
		cpu->tlbs[ACCESSOR_SUPERVISOR].read[slot].tag = TLB_EMPTY;
		cpu->tlbs[ACCESSOR_OVERRIDE].read[slot].tag = TLB_EMPTY;
		break;
	case BANK_WRITE:
		cpu->tlbs[ACCESSOR_SUPERVISOR].write[slot].tag = TLB_EMPTY;
		cpu->tlbs[ACCESSOR_OVERRIDE].write[slot].tag = TLB_EMPTY;
		break;
	case BANK_USER + BANK_READ:
		cpu->tlbs[ACCESSOR_USER].read[slot].tag = TLB_EMPTY;
		break;
	case BANK_USER + BANK_WRITE:
		cpu->tlbs[ACCESSOR_USER].write[slot].tag = TLB_EMPTY;
		break;
	default:                        /* the caller changes the generation */
		break;
	}
}

static void drop(struct cpu *cpu, unsigned place)
{
	cpu->translations->entry[place].key = 0;
	cpu->translations->entry[place].word = 0;
	drop_host(cpu, place);
}

static void drop_log(struct cpu *cpu, unsigned log)
{
	const struct translations *t = cpu->translations;

	for (uint32_t n = 0; n < t->logged[log]; n++)
		drop(cpu, t->log[log][n]);
}

void tlb_flush_all(struct cpu *cpu)
{
	struct translations *t = cpu->translations;

	drop_log(cpu, LOG_LOCAL);
	drop_log(cpu, LOG_GLOBAL);
	drop_log(cpu, LOG_HOST);        /* without paging there is nothing but host addresses */
	forget(t, LOG_LOCAL);
	forget(t, LOG_GLOBAL);
	forget(t, LOG_HOST);
	memset(t->large, 0, sizeof(t->large));
	t->huge = 0;
	code_moved(cpu);
}

/* Drops what has been filled since the last flush: the cost was paid by the fills. */
void tlb_flush_nonglobal(struct cpu *cpu)
{
	struct translations *t = cpu->translations;

	for (uint32_t n = 0; n < t->logged[LOG_LOCAL]; n++) {
		unsigned place = t->log[LOG_LOCAL][n];

		t->in_log[place] &= (uint8_t)~(1u << LOG_LOCAL);
		if (!(t->entry[place].word & TRANSLATION_GLOBAL))
			drop(cpu, place);
	}
	t->logged[LOG_LOCAL] = 0;
	code_moved(cpu);
}

/* Drops what is not global of this PCID. */
static void flush_pcid(struct cpu *cpu, uint64_t pcid)
{
	const struct translations *t = cpu->translations;

	for (uint32_t n = 0; n < t->logged[LOG_LOCAL]; n++) {
		unsigned place = t->log[LOG_LOCAL][n];

		if (!(t->entry[place].word & TRANSLATION_GLOBAL) &&
		    (t->entry[place].key & PAGE_MASK) == pcid)
			drop(cpu, place);
	}
	code_moved(cpu);
}

/* Host addresses hold for one PCID; global ones may stay. */
static void drop_local_hosts(struct cpu *cpu)
{
	struct translations *t = cpu->translations;

	for (uint32_t n = 0; n < t->logged[LOG_HOST]; n++)
		drop_host(cpu, t->log[LOG_HOST][n]);
	forget(t, LOG_HOST);
}

static void drop_all_hosts(struct cpu *cpu)
{
	const struct translations *t = cpu->translations;

	if (!cpu->tlbs_prepared)
		return;                 /* there never were any */
	drop_local_hosts(cpu);
	for (uint32_t n = 0; n < t->logged[LOG_GLOBAL]; n++)
		drop_host(cpu, t->log[LOG_GLOBAL][n]);
}

void tlb_cr3_loaded(struct cpu *cpu, bool keep)
{
	if (!(cpu->cr4 & CR4_PCIDE)) {
		tlb_flush_nonglobal(cpu);
		return;
	}
	drop_local_hosts(cpu);
	if (keep)
		code_moved(cpu);
	else
		flush_pcid(cpu, tlb_pcid(cpu));
}

/* Does this place hold the page, for this PCID (with global: or for all)? */
static bool holds(const struct translations *t, unsigned place, uint64_t linear, uint64_t pcid,
		  bool global)
{
	uint64_t page = linear & ~(uint64_t)PAGE_MASK, word = t->entry[place].word;
	uint64_t differs = t->entry[place].key ^ (page | pcid);

	if (!(word & TRANSLATION_VALID))
		return false;
	return word & TRANSLATION_GLOBAL ? global && !(differs & ~(uint64_t)PAGE_MASK) : !differs;
}

/* Drops the page from each bank; did code go? */
static bool drop_page(struct cpu *cpu, uint64_t linear, uint64_t pcid, bool global)
{
	bool code = false;

	for (unsigned bank = 0; bank <= BANK_FETCH; bank++)
		for (unsigned way = 0; way < tlb_ways(bank); way++) {
			unsigned place = tlb_place(bank, linear) + way;

			if (!holds(cpu->translations, place, linear, pcid, global))
				continue;
			drop(cpu, place);
			code = code || bank == BANK_FETCH;
		}
	return code;
}

/* Pieces of 4 KiB were made from large pages around here: they go together; did code go? */
static bool drop_large(struct cpu *cpu, uint64_t linear, uint64_t pcid, bool global)
{
	static const uint8_t shift[4] = { 12, 21, 22, 30 };
	struct translations *t = cpu->translations;
	uint64_t differs;
	bool code = false;

	for (unsigned place = 0; place < TRANSLATIONS; place++) {
		uint64_t word = t->entry[place].word;

		if (!(word & TRANSLATION_SIZE))
			continue;
		differs = (t->entry[place].key ^ linear) >> shift[(word & TRANSLATION_SIZE) >> 3];
		if (!differs && (word & TRANSLATION_GLOBAL ? global :
				 (t->entry[place].key & PAGE_MASK) == pcid)) {
			drop(cpu, place);
			code = code || place >= BANK_FETCH * TLB_ENTRIES;
		}
	}
	return code;
}

static void flush_address(struct cpu *cpu, uint64_t linear, uint64_t pcid, bool global)
{
	struct translations *t = cpu->translations;
	uint64_t bit, other, *large = large_word(t, linear, &bit);
	uint64_t *half = large_word(t, linear ^ 1u << 21, &other);      /* of 4 MiB */
	bool code = drop_page(cpu, linear, pcid, global);

	if ((*large & bit) || (*half & other) || (t->huge & huge_bit(linear)))
		code = drop_large(cpu, linear, pcid, global) || code;
	if (code)
		code_moved(cpu);
}

void tlb_flush_page(struct cpu *cpu, uint64_t linear)
{
	flush_address(cpu, linear, tlb_pcid(cpu), true);
}

void tlb_faulted(struct cpu *cpu, uint64_t linear)
{
	if (drop_page(cpu, linear, tlb_pcid(cpu), true))
		code_moved(cpu);
}

bool tlb_invpcid(struct cpu *cpu, uint64_t type, uint64_t pcid, uint64_t linear)
{
	bool wrong = type > 3 || pcid > 0xfff;

	/* Without CR4.PCIDE there is only PCID 0 to name. */
	wrong = wrong || (type < 2 && pcid && !(cpu->cr4 & CR4_PCIDE));
	wrong = wrong || (type == 0 && !address_canonical(linear));
	if (wrong)
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	if (type == 0)
		flush_address(cpu, linear, pcid, false);
	else if (type == 1)
		flush_pcid(cpu, pcid);
	else if (type == 2)
		tlb_flush_all(cpu);
	else
		tlb_flush_nonglobal(cpu);
	return true;
}

void tlb_forget_host(struct cpu *cpu, uint64_t linear)
{
	for (unsigned bank = 0; bank < BANK_FETCH; bank++)
		drop_host(cpu, tlb_place(bank, linear));
}

/* A page of RAM moved, or gets code, or the map changed: host addresses, and no more. */
void cpu_memory_changed(struct cbx_machine *machine, uint64_t backing)
{
	struct cpu *cpu = machine->cpu;

	if (!cpu || !cpu->translations)
		return;
	for (unsigned n = 0; n < TABLE_PAGES; n++)
		if (cpu->translations->tables[n].bytes &&
		    (backing == NO_BACKING || cpu->translations->tables[n].backing == backing))
			cpu->translations->tables[n].bytes = NULL;
	if (backing == NO_BACKING) {
		drop_all_hosts(cpu);
		code_moved(cpu);
		return;
	}
	for (unsigned place = 0; place < BANK_FETCH * TLB_ENTRIES; place++)
		if (cpu->translations->backing[place] == backing)
			drop_host(cpu, place);
	block_page_moved(cpu, backing);
}

void cpu_memory_shared(struct cbx_machine *machine)
{
	struct cpu *cpu = machine->cpu;

	for (unsigned n = 0; n < sizeof(cpu->tlbs) / sizeof(cpu->tlbs[0]); n++)
		for (unsigned slot = 0; cpu->tlbs_prepared >> n & 1 && slot < TLB_ENTRIES; slot++)
			cpu->tlbs[n].write[slot].tag = TLB_EMPTY;
}

/* ---- Finding and filling --------------------------------------------------------------------- */

bool tlb_find(const struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
	      struct walk *walk)
{
	const struct translations *t = cpu->translations;
	unsigned bank = tlb_bank(access, who), place = tlb_place(bank, linear);
	unsigned end = place + tlb_ways(bank);
	uint64_t word;

	while (!holds(t, place, linear, tlb_pcid(cpu), true))
		if (++place == end)
			return false;
	word = t->entry[place].word;
	/* What was entered for one access need not be right for the next. */
	if (access == ACCESS_EXECUTE) {
		if (who == ACCESSOR_USER ? !(word & TRANSLATION_USER) :
		    (word & TRANSLATION_USER) && (cpu->cr4 & CR4_SMEP))
			return false;
	} else if (who == ACCESSOR_SUPERVISOR && (word & TRANSLATION_USER) && (cpu->cr4 & CR4_SMAP)) {
		return false;
	}
	walk->physical = (word & PHYSICAL_PAGES) | (linear & PAGE_MASK);
	walk->flags = (uint32_t)word & TRANSLATION_FLAGS;
	walk->fresh = false;
	return true;
}

/*
 * Frees the first place of a set of BANK_FETCH, youngest first: what is before the first empty
 * place moves up by one, or what is before the page's own entry, of other rights.  Did an entry go?
 */
static bool make_room(struct translations *t, unsigned first, uint64_t linear, uint64_t pcid)
{
	unsigned place = first;
	bool lost;

	while (place < first + FETCH_WAYS - 1 && !holds(t, place, linear, pcid, true))
		place++;
	if (!holds(t, place, linear, pcid, true))
		for (place = first; t->entry[place].word && place < first + FETCH_WAYS - 1;)
			place++;
	lost = t->entry[place].word != 0;
	for (; place > first; place--) {
		t->entry[place] = t->entry[place - 1];
		note_entry(t, place);
	}
	return lost;
}

void tlb_enter(struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
	       const struct walk *walk)
{
	struct translations *t = cpu->translations;
	unsigned bank = tlb_bank(access, who), place = tlb_place(bank, linear);
	bool code = false;

	if (!walk->fresh)
		return;
	if (bank == BANK_FETCH)
		code = make_room(t, place, linear, tlb_pcid(cpu));
	drop_host(cpu, place);
	t->entry[place].key = (linear & ~(uint64_t)PAGE_MASK) | tlb_pcid(cpu);
	t->entry[place].word = (walk->physical & PHYSICAL_PAGES) | walk->flags | TRANSLATION_VALID;
	note_entry(t, place);
	/* Links lead past the TLB: none may be left to code that it held. */
	if (code)
		code_moved(cpu);
}

void tlb_enter_host(struct cpu *cpu, uint64_t linear, enum access access, enum accessor who,
		    const struct walk *walk, const uint8_t *host, uint64_t backing)
{
	uint64_t page = linear & ~(uint64_t)PAGE_MASK;
	unsigned place = tlb_place(tlb_bank(access, who), linear), slot = place % TLB_ENTRIES;
	struct tlb *tlb = &cpu->tlbs[who];
	struct tlb_entry *entry = access == ACCESS_WRITE ? &tlb->write[slot] : &tlb->read[slot];

	if (page_is_watched(cpu, page) ||
	    hooks_watch_physical(cpu, memory_a20(cpu->machine, walk->physical)))
		return;
	if (cpu->machine->options.small_caches) {
		for (unsigned n = 0; n < TLB_ENTRIES; n += 64)
			tlb->read[n].tag = TLB_EMPTY;
		if (slot & 3)
			return;
	}
	entry->tag = page;
	entry->addend = (uintptr_t)host - (uintptr_t)page;
	cpu->translations->backing[place] = backing;
	if (!(walk->flags & TRANSLATION_GLOBAL))
		note(cpu->translations, LOG_HOST, place);
}
