/*
 * Checkpoints: the state of a machine put away and brought back, and how many there are.
 *
 * The RAM of one checkpoint, the root, is in the machine's page tables (with what was written
 * since, noted in history->open).  Between a checkpoint and the next there is a list of pages that
 * differ; the lists before the root hold what was, those after it what will be.  To go to another
 * root is to exchange the pages of the lists on the way with those in the tables, which turns the
 * lists around.  So a checkpoint costs the pages that are written after it, and nothing else.
 */
#include "history.h"


#include "clock.h"
#include "state.h"

/* ---- Moments ----------------------------------------------------------------------------------- */

struct moment moment_now(const struct cbx_machine *machine)
{
	return (struct moment){
		.count = cpu_instruction_count(machine),
		.time = clock_now(machine),
		.deliveries = cpu_deliveries_now(machine),
		.journal = machine->history->cursor
	};
}

int moment_compare(const struct moment *a, const struct moment *b)
{
	if (a->count != b->count)
		return a->count < b->count ? -1 : 1;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->deliveries != b->deliveries)
		return a->deliveries < b->deliveries ? -1 : 1;
	return a->journal == b->journal ? 0 : a->journal < b->journal ? -1 : 1;
}

/* ---- State in pieces ---------------------------------------------------------------------------- */

struct timer_state {
	uint64_t time, armed;
};

/* Goes through all state but RAM in one order, with the bytes put to or got from pieces. */
struct transfer {
	struct page **pages;            /* NULL: only counts */
	size_t at;
	bool load;
	/* Only to put: */
	struct cbx_machine *machine;
	struct page *spare;             /* an empty piece */
	bool failed;                    /* there was no memory for one */
};

/* A piece that the root has as well is shared, or one like that before it: most are. */
static bool piece_shared(struct transfer *t, size_t index, const uint8_t *bytes)
{
	const struct checkpoint *root = t->machine->history->root;
	struct page *like = root && index < root->state_pages ? root->state[index] : NULL;

	if (!like || memcmp(bytes, like->bytes, PAGE_SIZE))
		like = index ? t->pages[index - 1] : NULL;
	if (!like || memcmp(bytes, like->bytes, PAGE_SIZE))
		return false;
	t->pages[index] = page_share(like);
	return true;
}

static void piece_done(struct transfer *t, size_t index)
{
	struct page *page = t->pages[index];

	if (piece_shared(t, index, page->bytes))
		t->spare = page;
	else
		t->machine->history->bytes += PAGE_SIZE;
}

/* The piece to put to next; NULL: no memory. */
static struct page *piece_begin(struct transfer *t, size_t index)
{
	struct page *page = t->spare ? t->spare : page_new(t->machine->memory->pool);

	t->spare = NULL;
	t->pages[index] = page;
	t->failed = !page;
	return page;
}

static void transfer(struct transfer *t, void *bytes, size_t count)
{
	uint8_t *at = bytes;

	if (!t->pages) {
		t->at += count;
		return;
	}
	while (count && !t->failed) {
		size_t index = t->at / PAGE_SIZE, inside = t->at % PAGE_SIZE;
		size_t n = count < PAGE_SIZE - inside ? count : PAGE_SIZE - inside;

		if (t->load) {
			memcpy(at, t->pages[index]->bytes + inside, n);
		} else if (n < PAGE_SIZE || !piece_shared(t, index, at)) {
			if (inside || piece_begin(t, index))
				memcpy(t->pages[index]->bytes + inside, at, n);
			if (!t->failed && inside + n == PAGE_SIZE)
				piece_done(t, index);
		}
		at += n;
		t->at += n;
		count -= n;
	}
}

static void transfer_timers(struct transfer *t, struct cbx_machine *machine)
{
	if (t->load)
		while (machine->clock->armed)
			timer_disarm(machine->clock->armed);
	for (struct cbx_timer *timer = machine->clock->timers; timer; timer = timer->next) {
		struct timer_state state = { timer->time, timer->armed };

		transfer(t, &state, sizeof(state));
		if (t->load && state.armed)
			timer_arm(timer, state.time);
	}
}

static void transfer_all(struct transfer *t, struct cbx_machine *machine)
{
	struct machine_saved saved = machine_gather(machine);
	size_t size;
	void *state;

	transfer(t, &saved, sizeof(saved));
	if (t->load)
		machine_scatter(machine, &saved);
	state = cpu_state(machine, &size);
	transfer(t, state, size);
	state = tlb_state(machine, &size);
	transfer(t, state, size);
	for (struct cbx_device *device = machine->devices; device; device = device->next)
		transfer(t, (uint8_t *)device + device->type->state_offset,
			 device->type->state_size);
	transfer_timers(t, machine);
}

/* ---- Their life ------------------------------------------------------------------------------------ */

static void disks_free(struct cbx_machine *machine, struct disk_diff *diff)
{
	struct history *history = machine->history;

	while (diff) {
		struct disk_diff *next = diff->next;

		history->bytes -= diff->blocks.used * (uint64_t)BLOCK_SIZE;
		block_clear(machine->memory->pool, &diff->blocks);
		medium_release(machine, diff->medium);
		machine_release(machine, diff);
		diff = next;
	}
}

static uint64_t saved_cost(const struct page_saved *saved)
{
	return sizeof(*saved) + (saved->page ? PAGE_SIZE : 0);
}

void pages_clear(struct cbx_machine *machine, struct page_diff *diff)
{
	for (size_t i = 0; i < diff->count; i++) {
		machine->history->bytes -= saved_cost(&diff->saved[i]);
		page_release(machine->memory->pool, diff->saved[i].page);
	}
	machine_release(machine, diff->saved);
	*diff = (struct page_diff){ NULL, 0, 0 };
}

void checkpoint_free(struct cbx_machine *machine, struct checkpoint *c)
{
	struct page_pool *pool = machine->memory->pool;

	if (!c)
		return;
	for (size_t i = 0; c->state && i < c->state_pages; i++) {
		if (c->state[i] && page_is_own(c->state[i]))
			machine->history->bytes -= PAGE_SIZE;
		page_release(pool, c->state[i]);
	}
	machine_release(machine, c->state);
	for (unsigned drive = 0; drive < CBX_MEDIA; drive++)
		medium_release(machine, c->media[drive]);
	pages_clear(machine, &c->pages);
	disks_free(machine, c->disks);
	machine_release(machine, c);
}

static bool state_put(struct cbx_machine *machine, struct checkpoint *c)
{
	struct transfer t = { .pages = NULL };

	transfer_all(&t, machine);
	c->state_pages = (t.at + PAGE_SIZE - 1) / PAGE_SIZE;
	c->state = machine_allocate_array(machine, c->state_pages, sizeof(*c->state));
	if (!c->state)
		return false;
	t = (struct transfer){ .pages = c->state, .machine = machine };
	transfer_all(&t, machine);
	if (!t.failed && t.at % PAGE_SIZE) {
		memset(c->state[t.at / PAGE_SIZE]->bytes + t.at % PAGE_SIZE, 0,
		       PAGE_SIZE - t.at % PAGE_SIZE);
		piece_done(&t, t.at / PAGE_SIZE);
	}
	page_release(machine->memory->pool, t.spare);
	return !t.failed;
}

struct checkpoint *checkpoint_new(struct cbx_machine *machine)
{
	struct checkpoint *c = machine_allocate(machine, sizeof(*c));

	if (!c)
		return NULL;
	machine_settle(machine);
	cpu_before_save(machine);
	if (!state_put(machine, c)) {
		checkpoint_free(machine, c);
		return NULL;
	}
	for (unsigned drive = 0; drive < CBX_MEDIA; drive++)
		c->media[drive] = medium_share(machine->media[drive]);
	c->at = moment_now(machine);
	c->outward = machine->outward;
	c->run_flags = machine->history->run_flags;
	return c;
}

/* Pages written from now on are to be saved again. */
static void new_root(struct cbx_machine *machine, struct checkpoint *root)
{
	machine->history->root = root;
	machine->memory->epoch++;
	cpu_memory_shared(machine);
}

void checkpoint_append(struct cbx_machine *machine, struct checkpoint *c)
{
	struct history *history = machine->history;
	struct checkpoint *last = history->last;

	c->previous = last;
	if (last) {
		last->next = c;
		last->pages = history->open;
		last->sorted = false;
		history->open = (struct page_diff){ NULL, 0, 0 };
	} else {
		history->first = c;
	}
	history->last = c;
	history->count++;
	new_root(machine, c);
}

void checkpoint_arrive(struct cbx_machine *machine)
{
	struct history *history = machine->history;
	struct checkpoint *root = history->root;

	pages_clear(machine, &root->pages);
	root->pages = history->open;
	root->sorted = false;
	history->open = (struct page_diff){ NULL, 0, 0 };
	new_root(machine, root->next);
	if (history->root == history->last) {
		machine->replaying = false;
		views_clear(machine);
		history->next_at = history->root->at.count + history->interval;
	}
}

/* ---- Disks ------------------------------------------------------------------------------------------- */

static struct disk_diff *disk_diff_of(struct disk_diff *diff, const struct medium *medium)
{
	while (diff && diff->medium != medium)
		diff = diff->next;
	return diff;
}

/* The diff of this medium in a list, added if need be; NULL: no memory. */
static struct disk_diff *disk_diff_for(struct cbx_machine *machine, struct disk_diff **list,
				       struct medium *medium)
{
	struct disk_diff *diff = disk_diff_of(*list, medium);

	if (diff)
		return diff;
	diff = machine_allocate(machine, sizeof(*diff));
	if (!diff)
		return NULL;
	diff->medium = medium_share(medium);
	diff->next = *list;
	*list = diff;
	return diff;
}

void history_save_block(struct cbx_machine *machine, struct medium *medium, uint64_t number)
{
	struct history *history = machine->history;
	struct page_pool *pool = machine->memory->pool;
	struct disk_diff *diff;
	struct page *page;

	if (history->lost || !history->root)
		return;
	diff = disk_diff_for(machine, &history->root->disks, medium);
	if (diff && block_get(&diff->blocks, number))
		return;
	page = diff ? page_new(pool) : NULL;
	if (page && medium_block(machine, medium, number, page->bytes) == CBX_OK &&
	    block_put(pool, &diff->blocks, number, page)) {
		history->bytes += BLOCK_SIZE;
		if (history->bytes > history->budget)
			history_thin(machine);
		return;
	}
	page_release(pool, page);
	history_lose(machine);
}

/* Puts into to what it does not have of from.  False: no memory, some of it may be there. */
static bool disks_add(struct cbx_machine *machine, struct disk_diff **to,
		      const struct disk_diff *from)
{
	for (; from; from = from->next) {
		struct disk_diff *diff = disk_diff_for(machine, to, from->medium);

		for (size_t i = 0; i < from->blocks.room; i++) {
			const struct block_entry *entry = &from->blocks.entry[i];

			if (!entry->page || (diff && block_get(&diff->blocks, entry->number)))
				continue;
			if (!diff || !block_put(machine->memory->pool, &diff->blocks,
						entry->number, entry->page))
				return false;
			page_share(entry->page);
			machine->history->bytes += BLOCK_SIZE;
		}
	}
	return true;
}

void views_clear(struct cbx_machine *machine)
{
	struct page_pool *pool = machine->memory->pool;

	for (unsigned drive = 0; drive < CBX_MEDIA; drive++)
		if (machine->media[drive])
			block_clear(pool, &machine->media[drive]->past);
	for (const struct checkpoint *c = machine->history->first; c; c = c->next)
		for (const struct disk_diff *diff = c->disks; diff; diff = diff->next)
			block_clear(pool, &diff->medium->past);
}

/* What disks held at this checkpoint, where it is not what they hold at the present. */
static bool views_build(struct cbx_machine *machine, const struct checkpoint *at,
			struct disk_diff **views)
{
	*views = NULL;
	for (; at; at = at->next) {
		if (!disks_add(machine, views, at->disks)) {
			disks_free(machine, *views);
			return false;
		}
	}
	return true;
}

static void views_install(struct cbx_machine *machine, struct disk_diff *views)
{
	views_clear(machine);
	for (struct disk_diff *view = views; view; view = view->next) {
		/* They are not counted: the diffs they are made of are. */
		machine->history->bytes -= view->blocks.used * (uint64_t)BLOCK_SIZE;
		view->medium->past = view->blocks;
		view->blocks = (struct block_map){ NULL, 0, 0 };
	}
	disks_free(machine, views);
}

/* ---- From one to another -------------------------------------------------------------------------------- */

static bool leaves_own(struct cbx_machine *machine, const struct page_diff *diff)
{
	struct memory *memory = machine->memory;

	for (size_t i = 0; i < diff->count; i++)
		if (!leaf_own(memory->pool, memory->rams[diff->saved[i].ram]->pages,
			      diff->saved[i].index >> LEAF_BITS))
			return false;
	return true;
}

/* Leaves are the machine's own by now. */
static void pages_exchange(struct cbx_machine *machine, struct page_diff *diff)
{
	struct history *history = machine->history;

	for (size_t i = 0; i < diff->count; i++) {
		struct page_saved *saved = &diff->saved[i];
		struct leaf *leaf = machine->memory->rams[saved->ram]->pages[saved->index >>
									     LEAF_BITS];
		struct page **slot = &leaf->page[saved->index & (LEAF_PAGES - 1)];
		struct page *page = *slot;

		history->bytes -= saved_cost(saved);
		*slot = saved->page;
		saved->page = page;
		history->bytes += saved_cost(saved);
	}
}

static void go_to_root(struct cbx_machine *machine, struct checkpoint *to)
{
	struct history *history = machine->history;
	struct checkpoint *root = history->root;

	pages_exchange(machine, &history->open);
	pages_clear(machine, &history->open);
	while (moment_compare(&root->at, &to->at) > 0) {
		root = root->previous;
		pages_exchange(machine, &root->pages);
	}
	while (root != to) {
		pages_exchange(machine, &root->pages);
		root = root->next;
	}
	new_root(machine, to);
}

static void state_load(struct cbx_machine *machine, const struct checkpoint *c)
{
	struct transfer t = { .pages = c->state, .load = true };

	for (unsigned drive = 0; drive < CBX_MEDIA; drive++) {
		struct cbx_disk_backend disk;

		if (machine->media[drive] == c->media[drive])
			continue;
		medium_release(machine, machine->media[drive]);
		machine->media[drive] = medium_share(c->media[drive]);
		disk = medium_backend(machine, drive);
		if (machine->board_ops && machine->board_ops->put_medium)
			machine->board_ops->put_medium(machine, drive, &disk);
	}
	transfer_all(&t, machine);
	for (unsigned i = 0; i < machine->memory->ram_count; i++)
		memset(machine->memory->rams[i]->flags, 0, machine->memory->rams[i]->page_count);
	machine->out_of_memory = false;
	machine->stop_pending = machine->shutdown_pending = false;
	machine->outward = c->outward;
	machine->history->cursor = c->at.journal;
	machine->history->run_flags = c->run_flags;
	cpu_loaded(machine);
	for (struct cbx_device *device = machine->devices; device; device = device->next)
		if (device->type->loaded)
			device->type->loaded(device);
	*cpu_deliveries(machine) = (uint32_t)c->at.deliveries;
	cpu_memory_changed(machine, NO_BACKING);
	cpu_attention(machine);
}

enum cbx_status checkpoint_restore(struct cbx_machine *machine, struct checkpoint *to)
{
	struct history *history = machine->history;
	bool good = leaves_own(machine, &history->open);
	struct disk_diff *views;

	for (const struct checkpoint *c = history->first; c && good; c = c->next) {
		bool before = moment_compare(&c->at, &history->root->at) < 0;

		/* Those between the root and where it goes. */
		if (before ? moment_compare(&c->at, &to->at) >= 0 :
			     moment_compare(&c->at, &to->at) < 0)
			good = leaves_own(machine, &c->pages);
	}
	if (!good || !views_build(machine, to, &views))
		return machine_fail(machine, CBX_ERROR_MEMORY, "no memory to go back in time");
	go_to_root(machine, to);
	views_install(machine, views);
	machine->replaying = true;
	state_load(machine, to);
	if (to == history->last) {
		machine->replaying = false;
		views_clear(machine);
		history->next_at = to->at.count + history->interval;
	}
	return CBX_OK;
}

bool checkpoint_insert(struct cbx_machine *machine)
{
	struct history *history = machine->history;
	struct checkpoint *root = history->root, *c = checkpoint_new(machine);

	if (!c)
		return false;
	/* Of what is written until the next one, what it holds now. */
	for (const struct disk_diff *diff = root->disks; diff; diff = diff->next) {
		struct disk_diff *mine = disk_diff_for(machine, &c->disks, diff->medium);

		for (size_t i = 0; mine && i < diff->blocks.room; i++) {
			struct page *page = diff->blocks.entry[i].page;
			uint64_t number = diff->blocks.entry[i].number;

			if (!page)
				continue;
			if (block_get(&diff->medium->past, number))
				page = block_get(&diff->medium->past, number);
			if (!block_put(machine->memory->pool, &mine->blocks, number, page)) {
				mine = NULL;
				break;
			}
			page_share(page);
			history->bytes += BLOCK_SIZE;
		}
		if (!mine) {
			checkpoint_free(machine, c);
			return false;
		}
	}
	c->previous = root;
	c->next = root->next;
	c->next->previous = c;
	root->next = c;
	c->pages = root->pages;
	c->sorted = root->sorted;
	root->pages = history->open;
	root->sorted = false;
	history->open = (struct page_diff){ NULL, 0, 0 };
	history->count++;
	new_root(machine, c);
	return true;
}

/* ---- The end of a future, and of a past ------------------------------------------------------------------- */

enum cbx_status history_truncate(struct cbx_machine *machine)
{
	struct history *history = machine->history;
	enum cbx_status status = CBX_OK, result = CBX_OK;
	struct checkpoint *c, *next;

	if (!machine->replaying)
		return CBX_OK;
	machine->replaying = false;
	history->search.going = false;  /* it was of a future that does not come */
	for (c = history->first; c; c = c->next)
		for (const struct disk_diff *diff = c->disks; diff; diff = diff->next) {
			status = medium_commit(machine, diff->medium);
			result = status != CBX_OK ? status : result;
		}
	for (c = history->root->next; c; c = next) {
		next = c->next;
		checkpoint_free(machine, c);
		history->count--;
	}
	pages_clear(machine, &history->root->pages);
	history->root->next = NULL;
	history->last = history->root;
	history->next_at = history->root->at.count + history->interval;
	journal_forget_after(machine, history->cursor);
	return result == CBX_OK ? CBX_OK : machine_fail(machine, CBX_ERROR_IO, "a disk could not be "
							"made to hold what it did at this moment");
}

static int saved_compare(const struct page_saved *a, const struct page_saved *b)
{
	if (a->ram != b->ram)
		return a->ram < b->ram ? -1 : 1;
	return a->index == b->index ? 0 : a->index < b->index ? -1 : 1;
}

/* Lets the one at the top of a heap of count sink to its place. */
static void sink(struct page_saved *heap, size_t top, size_t count)
{
	struct page_saved one = heap[top];

	for (size_t child; (child = 2 * top + 1) < count; top = child) {
		if (child + 1 < count && saved_compare(&heap[child], &heap[child + 1]) < 0)
			child++;
		if (saved_compare(&one, &heap[child]) >= 0)
			break;
		heap[top] = heap[child];
	}
	heap[top] = one;
}

/* By a heap: libc's qsort may allocate, and not from the embedder. */
static void sort(struct checkpoint *c)
{
	struct page_saved *saved = c->pages.saved;
	size_t count = c->pages.count;

	if (c->sorted)
		return;
	for (size_t n = count / 2; n-- > 0;)
		sink(saved, n, count);
	while (count > 1) {
		struct page_saved last = saved[--count];

		saved[count] = saved[0];
		saved[0] = last;
		sink(saved, 0, count);
	}
	c->sorted = true;
}

/* Both lists become one, in to; of what is in both, what is in strong stays. */
static bool pages_merge(struct cbx_machine *machine, struct page_diff *strong,
			struct page_diff *weak, struct page_diff *to)
{
	size_t i = 0, j = 0, count = strong->count + weak->count;
	struct page_saved *all = machine_allocate_array(machine, count ? count : 1, sizeof(*all));
	size_t n = 0;

	if (!all)
		return false;
	while (i < strong->count || j < weak->count) {
		int order = i == strong->count ? 1 : j == weak->count ? -1 :
			    saved_compare(&strong->saved[i], &weak->saved[j]);

		if (order <= 0)
			all[n++] = strong->saved[i++];
		else
			all[n++] = weak->saved[j++];
		if (!order) {
			machine->history->bytes -= saved_cost(&weak->saved[j]);
			page_release(machine->memory->pool, weak->saved[j++].page);
		}
	}
	machine_release(machine, strong->saved);
	machine_release(machine, weak->saved);
	*strong = *weak = (struct page_diff){ NULL, 0, 0 };
	*to = (struct page_diff){ all, n, count };
	return true;
}

static bool checkpoint_remove(struct cbx_machine *machine, struct checkpoint *c)
{
	struct history *history = machine->history;
	struct checkpoint *previous = c->previous;
	bool future = moment_compare(&history->root->at, &c->at) < 0;

	sort(previous);
	sort(c);
	if (!disks_add(machine, &previous->disks, c->disks) ||
	    !pages_merge(machine, future ? &c->pages : &previous->pages,
			 future ? &previous->pages : &c->pages, &previous->pages))
		return false;
	previous->next = c->next;
	c->next->previous = previous;
	checkpoint_free(machine, c);
	history->count--;
	return true;
}

/*
 * The one that is missed least: whose neighbours are close together, seen from the present.  So
 * distances grow in proportion to how long ago it was.
 */
static struct checkpoint *thin_candidate(const struct history *history)
{
	struct checkpoint *best = NULL;
	uint64_t now = history->last->at.count, best_gap = 0, best_age = 1;

	for (struct checkpoint *c = history->first->next; c && c->next; c = c->next) {
		uint64_t gap = c->next->at.count - c->previous->at.count;
		uint64_t age = now - c->previous->at.count + 1;

		if (c == history->root)
			continue;
		/* gap / age < best_gap / best_age; halves, so that nothing overflows */
		if (!best || cbx_muldiv(gap, UINT64_C(1) << 32, age) <
			     cbx_muldiv(best_gap, UINT64_C(1) << 32, best_age)) {
			best = c;
			best_gap = gap;
			best_age = age;
		}
	}
	return best;
}

static bool drop_first(struct cbx_machine *machine)
{
	struct history *history = machine->history;
	struct checkpoint *first = history->first;

	if (first == history->root || first == history->last)
		return false;
	history->first = first->next;
	history->first->previous = NULL;
	checkpoint_free(machine, first);
	history->count--;
	journal_forget_before(machine, history->first->at.journal, history->first->outward);
	return true;
}

enum { FEWEST = 12 };

void history_thin(struct cbx_machine *machine)
{
	struct history *history = machine->history;

	/* In the past the way to the present is still needed. */
	if (machine->replaying)
		return;
	while (history->bytes > history->budget) {
		struct checkpoint *c = history->count > FEWEST ? thin_candidate(history) : NULL;

		if (c ? !checkpoint_remove(machine, c) : !drop_first(machine))
			break;
	}
	if (history->bytes > history->budget && history->count == 1)
		history_lose(machine);
}
