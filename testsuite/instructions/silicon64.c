/*
 * Every row of the table that flat user code may execute, with random operands, on the host's
 * processor and on ours: in 64-bit mode, in protected mode with 32-bit and 16-bit code, and in
 * compatibility mode.
 *
 *	silicon64 [--cases N] [--seed S] [--rows PATTERN] [--mode 64|32|compat|16] [--jobs N] [--show N]
 *	          [--build small|single]
 *
 * N cases of each row and mode (default 1000), and 50 times as many sequences of instructions
 * ("--rows sequences").  A case in which the two differ in something that the
 * SDM defines is a failure; the first few of each row are shown.  With --jobs so many processes
 * share the rows.
 */
#define _GNU_SOURCE
#include <clearbox/clearbox.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "silicon64.h"

enum { SEQUENCES = 50 };               /* for one case of each row */

static const char *const mode_names[MODE64_COUNT] = { "64", "32", "compat", "16" };
static const unsigned mode_bits[MODE64_COUNT] = { 64, 32, 32, 16 };
static struct {
	uint64_t cases, seed;
	const char *rows, *build, *mode;
	unsigned jobs, show;
} options = { 1000, 1, NULL, NULL, NULL, 1, 2 };

/* Shared by the processes. */
struct totals {
	uint64_t cases[64], passed[64], failed[64], rows_out[64], tolerated[64];
};

static void poke_both(uint64_t linear, const void *bytes, unsigned count)
{
	native64_poke(linear, bytes, count);
	clearbox64_poke(linear, bytes, count);
}

static const char *row_name(enum op op)
{
	return op ? op_name(&op_info[op]) : "sequences";
}

static void show_case(const struct case64 *c, enum mode64 mode, uint64_t number)
{
	const struct state64 *s = &c->before;
	char text[160];
	unsigned length;

	printf("  %s, case %" PRIu64 ", mode %s:\n", row_name(c->op), number, mode_names[mode]);
	for (unsigned n = 0; n < c->length; n += length ? length : 15) {
		length = 0;
		text[0] = 0;
		cbx_disassemble(c->bytes + n, 15, c->bits, s->rip + n, text, sizeof text, &length);
		printf("    %" PRIx64 "  %-50s", s->rip + n, text);
		for (unsigned k = n; k < n + (length ? length : 15) && k < c->length; k++)
			printf(" %02x", c->bytes[k]);
		printf("\n");
	}
	for (unsigned n = 0; n < (c->wide ? 16 : 8); n++)
		printf("%s%s %016" PRIx64 "%s", n % 4 ? " " : "    ", reg_names64[n], s->reg[n],
		       n % 4 == 3 ? "\n" : "");
	printf("    rflags %" PRIx64 " mxcsr %x fs %" PRIx64 " gs %" PRIx64 "%s", s->rflags, s->mxcsr,
	       s->fs_base, s->gs_base, c->memory ? "" : "\n");
	if (c->memory) {
		printf(" [%" PRIx64 "]", c->target);
		for (unsigned n = 0; n < c->access && data_offset(c->target + n) < DATA_BYTES; n++)
			printf(" %02x", native64_data()[data_offset(c->target + n)]);
		printf(" (after)\n");
	}
	if (c->flow) {
		printf("    stack");
		for (unsigned n = 0; n < 40 && data_offset(s->reg[REG_SP] + n) < DATA_BYTES; n++)
			printf(" %02x", native64_data()[data_offset(s->reg[REG_SP] + n)]);
		printf("\n");
	}
	for (unsigned n = 0; c->vector && n < (c->wide ? 16 : 8); n++)
		printf("    ymm%-2u %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", n,
		       s->v[n].q[3], s->v[n].q[2], s->v[n].q[1], s->v[n].q[0]);
}

/*
 * The columns of the row: flags that it is not said to set stay, and those that it is not said
 * to read make no difference.  memory is what the case started from; runs it on the host again.
 */
static bool columns_hold(const struct case64 *c, const struct state64 *native, const uint8_t *memory)
{
	const struct op_info *info = &op_info[c->op];
	static uint8_t result[DATA_BYTES];
	struct case64 other = *c;
	struct state64 again;
	bool undefined_result, same;
	uint64_t undefined = undefined_flags64(c, &undefined_result), changed;

	if (native->vector >= 0 || undefined_result || !strncmp(row_name(c->op), "RD", 2) || !strcmp(row_name(c->op), "CPUID"))
		return true;            /* what is random is another the next time */
	changed = (native->rflags ^ c->before.rflags) & FLAGS_ARITHMETIC & ~(uint64_t)info->flags_set;
	memcpy(result, native64_data(), DATA_BYTES);
	native64_poke(DATA_AT, memory, DATA_BYTES);
	other.before.rflags ^= FLAGS_ARITHMETIC & ~(uint64_t)info->flags_read;
	native64_run(&other, &again);
	same = again.vector < 0 && again.rip == native->rip &&
	       !memcmp(again.reg, native->reg, sizeof again.reg) &&
	       !memcmp(again.v, native->v, sizeof again.v) &&
	       !memcmp(native64_data(), result, DATA_BYTES) &&
	       !((again.rflags ^ native->rflags) & info->flags_set & ~undefined);
	native64_poke(DATA_AT, result, DATA_BYTES);
	return same && !changed;
}

/* OP_INVALID: sequences of usable rows. */
static uint64_t test_row(enum op op, const bool *usable, enum mode64 mode, uint64_t *faults,
			 uint64_t *tolerated)
{
	struct random random = { options.seed * 0x100000001b3ull + op * 4 + mode };
	static uint8_t before[DATA_BYTES];
	uint64_t failed = 0;

	/* The same memory whichever rows were before. */
	memset(before, 0x5a, sizeof before);
	poke_both(DATA_AT, before, sizeof before);
	for (uint64_t n = 0; n < options.cases * (op == OP_INVALID ? SEQUENCES : 1); n++) {
		bool columns = op && n % 16 == 0, undefined;
		struct state64 native, ours;
		struct case64 c;

		if (op == OP_INVALID)
			generate_sequence64(&random, usable, mode_bits[mode], &c, poke_both);
		else
			generate64(&random, op, mode_bits[mode], &c, poke_both);
		native64_prepare(&c);
		if (columns)
			memcpy(before, native64_data(), DATA_BYTES);
		native64_run(&c, &native);
		clearbox64_run(&c, &ours);
		*faults += native.vector >= 0;
		*tolerated += tolerate64(&c, &native, &ours);
		undefined_flags64(&c, &undefined);
		if (compare64(&c, &native, &ours, false)) {
			if (failed++ < options.show) {
				show_case(&c, mode, n);
				compare64(&c, &native, &ours, true);
			}
			undefined = true;
		}
		if (undefined)
			resynchronise64();
		if (columns && !columns_hold(&c, &native, before) && failed++ < options.show) {
			show_case(&c, mode, n);
			printf("    the row says otherwise about the flags it reads or sets\n");
		}
	}
	return failed;
}

/* ---- All of them ---- */

static const char *why_not(enum op op, enum mode64 mode, uint64_t native, uint64_t ours)
{
	const char *skipped = skipped_row64(op, mode == MODE_LONG);

	if (skipped)
		return skipped;
	if (op_features(&op_info[op]) & ~native)
		return "the host does not have it";
	return op_features(&op_info[op]) & ~ours ? "the best model does not have it" : NULL;
}

static void test_mode(enum mode64 mode, unsigned job, struct totals *totals)
{
	const char *why = clearbox64_start(options.build, mode);
	uint64_t native = native64_features(), ours;
	static bool usable[OP_COUNT];

	if (why) {
		printf("mode %s skipped: %s\n", mode_names[mode], why);
		return;
	}
	ours = clearbox64_features();
	for (unsigned op = 1; op < OP_COUNT; op++)
		usable[op] = !why_not(op, mode, native, ours);
	for (unsigned op = 0; op < OP_COUNT; op++) {
		uint64_t bad, faults = 0, cases = options.cases * (op ? 1 : SEQUENCES);
		const char *name = row_name(op);

		if (op % options.jobs != job || (options.rows && fnmatch(options.rows, name, 0)))
			continue;
		why = op ? why_not(op, mode, native, ours) : NULL;
		if (why) {
			printf("%-20s mode %-6s not here: %s\n", name, mode_names[mode], why);
			totals->rows_out[job]++;
			continue;
		}
		bad = test_row(op, usable, mode, &faults, &totals->tolerated[job]);
		printf("%-20s mode %-6s %8" PRIu64 " cases, %8" PRIu64 " exceptions, %" PRIu64
		       " disagreements\n", name, mode_names[mode], cases, faults, bad);
		totals->cases[job] += cases;
		totals->failed[job] += bad != 0;
		totals->passed[job] += bad == 0;
	}
	clearbox64_stop();
}

static bool read_options(int argc, char **argv)
{
	for (int n = 1; n < argc; n += 2) {
		const char *value = n + 1 < argc ? argv[n + 1] : NULL;

		if (!value)
			return false;
		if (!strcmp(argv[n], "--cases") || !strcmp(argv[n], "--count"))
			options.cases = strtoull(value, NULL, 0);
		else if (!strcmp(argv[n], "--seed"))
			options.seed = strtoull(value, NULL, 0);
		else if (!strcmp(argv[n], "--rows") || !strcmp(argv[n], "--row"))
			options.rows = value;
		else if (!strcmp(argv[n], "--build"))
			options.build = value;
		else if (!strcmp(argv[n], "--mode"))
			options.mode = value;
		else if (!strcmp(argv[n], "--jobs"))
			options.jobs = (unsigned)strtoul(value, NULL, 0);
		else if (!strcmp(argv[n], "--show"))
			options.show = (unsigned)strtoul(value, NULL, 0);
		else
			return false;
	}
	return options.jobs >= 1 && options.jobs <= 64;
}

/* AddressSanitizer maps memory all over the address space: where the guest has none, the host has. */
#if defined(__SANITIZE_ADDRESS__)
#define CROWDED "AddressSanitizer's memory lies where the guest has none"
#else
#define CROWDED NULL
#endif

/* Every process has memory of its own, so it makes it after the fork. */
static int work(unsigned job, struct totals *totals)
{
	const char *why = CROWDED ? CROWDED : native64_start(&with_ldt64);

	if (why) {
		printf("skipped: %s\n", why);
		return 77;
	}
	for (unsigned mode = 0; mode < MODE64_COUNT; mode++)
		if (mode == MODE_16 && !with_ldt64)
			printf("mode 16 skipped: no LDT\n");
		else if (!options.mode || !strcmp(options.mode, mode_names[mode]))
			test_mode(mode, job, totals);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t cases = 0, passed = 0, failed = 0, out = 0, tolerated = 0;
	struct timespec from, to;
	struct totals *totals;
	bool died = false;
	double seconds;
	int result;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!read_options(argc, argv)) {
		fprintf(stderr, "usage: silicon64 [--cases N] [--seed S] [--rows PATTERN]"
			" [--mode 64|32|compat|16] [--jobs N] [--show N] [--build small|single]\n");
		return 2;
	}
	totals = mmap(NULL, sizeof *totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (totals == MAP_FAILED)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &from);
	printf("seed %" PRIu64 ", %" PRIu64 " cases of each row\n", options.seed, options.cases);
	for (unsigned job = 1; job < options.jobs; job++)
		if (fork() == 0)
			return work(job, totals) == 1;
	result = work(0, totals);
	for (int status; wait(&status) > 0;)
		died |= status != 0;
	if (result)
		return result;
	clock_gettime(CLOCK_MONOTONIC, &to);
	for (unsigned job = 0; job < options.jobs; job++) {
		cases += totals->cases[job];
		passed += totals->passed[job];
		failed += totals->failed[job];
		out += totals->rows_out[job];
		tolerated += totals->tolerated[job];
	}
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9;
	printf("%" PRIu64 " cases, %.2f million a minute; %" PRIu64 " rows are not here\n", cases,
	       (double)cases / seconds * 60 / 1e6, out);
	printf("in %" PRIu64 " of them the host did otherwise than we, in a way that docs/silicon.md names\n",
	       tolerated);
	printf("%" PRIu64 " passed, %" PRIu64 " failed%s\n", passed, failed,
	       died ? ", and a process died" : "");
	return failed || !passed || died;
}
