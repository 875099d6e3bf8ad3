/*
 * Replays single-instruction tests that were recorded on an 80286 in real mode.  Each test
 * loads registers and memory, runs up to and including a HLT, and compares what changed
 * and that nothing else did.
 *
 * What is left over must be a difference between a 286 and a 386 that has a name below;
 * everything else is a failure.
 *
 *	vectors_80286 FOLDER [OPCODE...]
 */
#define _POSIX_C_SOURCE 200809L
#include <clearbox/clearbox.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MEMORY = 16 << 20, LINE = 1 << 16, MOST_BYTES = 4096 };

static const char *const names[] = { "ax", "bx", "cx", "dx", "cs", "ss", "ds", "es", "sp", "bp",
				     "si", "di", "ip", "flags" };
static const enum cbx_register registers[] = { CBX_RAX, CBX_RBX, CBX_RCX, CBX_RDX, CBX_CS, CBX_SS,
	CBX_DS, CBX_ES, CBX_RSP, CBX_RBP, CBX_RSI, CBX_RDI, CBX_RIP, CBX_RFLAGS };
enum { REGISTERS = 14, FLAGS = 13 };

/* Why a test may differ on a 386 and later. */
enum excuse { NONE, OPCODE_386, TOO_LONG, LOCK_RULES, WORD_AT_FFFF, SHIFT_COUNT, FLAG_BITS, EXCUSES };
static const char *const excuse_names[EXCUSES] = { "", "opcode means something else on a 386",
	"more than 10 bytes", "LOCK rules", "operand crosses offset FFFFh", "undefined after a shift",
	"flag bits 12-15" };

struct byte {
	uint32_t address;
	uint8_t value;
};

struct vector {
	uint8_t code[64];
	unsigned length;
	uint16_t before[REGISTERS], after[REGISTERS];
	struct byte initial[MOST_BYTES], changed[MOST_BYTES];
	unsigned initial_count, changed_count;
	int exception;
	uint32_t pushed_flags;          /* address; from SS:SP after it, since the recorded one is even */
};

static uint16_t flags_mask[256][9];

static unsigned long parse_hex(char **at)
{
	return strtoul(*at, at, 16);
}

static bool parse_bytes(char *field, struct byte *bytes, unsigned *count)
{
	*count = 0;
	while (*field && *count < MOST_BYTES) {
		bytes[*count].address = (uint32_t)parse_hex(&field);
		if (*field++ != '=')
			return false;
		bytes[(*count)++].value = (uint8_t)parse_hex(&field);
		if (*field == ',')
			field++;
	}
	return true;
}

/* Cuts the line at its bars and fills v. */
static bool parse(char *line, struct vector *v)
{
	char *field[8];
	unsigned n = 0;

	for (char *at = line; n < 7; n++) {
		field[n] = at;
		at = strchr(at, '|');
		if (!at)
			break;
		*at++ = 0;
	}
	if (n < 6)
		return false;
	v->length = 0;
	for (char *at = field[0]; at[0] && at[1] && v->length < sizeof v->code; at += 2) {
		char two[3] = { at[0], at[1], 0 };

		v->code[v->length++] = (uint8_t)strtoul(two, NULL, 16);
	}
	for (char *at = field[1], r = 0; r < REGISTERS; r++) {
		v->before[(unsigned)r] = v->after[(unsigned)r] = (uint16_t)parse_hex(&at);
		if (*at == ',')
			at++;
	}
	if (!parse_bytes(field[2], v->initial, &v->initial_count) ||
	    !parse_bytes(field[4], v->changed, &v->changed_count))
		return false;
	for (char *at = field[3]; *at;) {
		for (unsigned r = 0; r < REGISTERS; r++) {
			size_t length = strlen(names[r]);

			if (!strncmp(at, names[r], length) && at[length] == '=') {
				at += length + 1;
				v->after[r] = (uint16_t)parse_hex(&at);
				break;
			}
		}
		if (*at == ',')
			at++;
	}
	v->exception = -1;
	if (*field[5]) {
		char *at = field[5];

		v->exception = (int)parse_hex(&at);
		v->pushed_flags = ((uint32_t)v->after[5] << 4) + (uint16_t)(v->after[8] + 4);
	}
	return true;
}

/* The opcode behind the prefixes; *prefixes counts them, *lock says whether one is LOCK. */
static const uint8_t *opcode_of(const struct vector *v, unsigned *prefixes, bool *lock)
{
	unsigned n = 0;

	*lock = false;
	for (; n < v->length; n++) {
		uint8_t b = v->code[n];

		if (b == 0xf0)
			*lock = true;
		else if (b != 0x26 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0xf2 && b != 0xf3)
			break;
	}
	*prefixes = n;
	return v->code + n;
}

static enum excuse excuse_for(const struct vector *v)
{
	unsigned prefixes;
	bool lock;
	const uint8_t *op = opcode_of(v, &prefixes, &lock);

	/* FS and GS are segment registers 4 and 5 of a 386. */
	bool fs_gs = (op[0] == 0x8c || op[0] == 0x8e) && (op[1] & 0x38) >= 0x20;

	if ((op[0] >= 0x64 && op[0] <= 0x67) || op[0] == 0x0f || op[0] == 0xf1 || fs_gs)
		return OPCODE_386;
	if (lock)
		return LOCK_RULES;
	if (prefixes > 6)
		return TOO_LONG;
	if (v->exception == 13 || v->exception == 12)
		return WORD_AT_FFFF;
	return NONE;
}

static uint16_t defined_flags(const struct vector *v)
{
	unsigned prefixes;
	bool lock;
	const uint8_t *op = opcode_of(v, &prefixes, &lock);
	uint16_t by_digit = flags_mask[op[0]][op[1] >> 3 & 7], plain = flags_mask[op[0]][8];
	uint16_t mask = by_digit ? by_digit : plain ? plain : 0xffff;

	return mask & 0x0fff;
}

static void load(struct cbx_machine *machine, const struct vector *v)
{
	for (unsigned n = 0; n < v->initial_count; n++)
		cbx_memory_write(machine, v->initial[n].address, &v->initial[n].value, 1);
	for (unsigned r = 0; r < REGISTERS; r++) {
		uint64_t value = v->before[r];

		if (r == FLAGS)
			value &= 0x0fff;
		cbx_register_write(machine, registers[r], value);
	}
	for (unsigned r = 4; r < 8; r++) {
		static const enum cbx_register bases[] = { CBX_CS_BASE, CBX_SS_BASE, CBX_DS_BASE,
							   CBX_ES_BASE };

		cbx_register_write(machine, bases[r - 4], (uint64_t)v->before[r] << 4);
	}
}

/* Compares; says what is different (when loud) and returns how many things are. */
static unsigned compare(struct cbx_machine *machine, const struct vector *v, bool loud)
{
	uint16_t mask = defined_flags(v);
	unsigned bad = 0;

	for (unsigned r = 0; r < REGISTERS; r++) {
		uint64_t is;
		uint16_t use = r == FLAGS ? mask : 0xffff;

		cbx_register_read(machine, registers[r], &is);
		if (((uint16_t)is ^ v->after[r]) & use) {
			bad++;
			if (loud)
				printf("  %s is %04x, expected %04x (was %04x, mask %04x)\n", names[r],
				       (unsigned)is & 0xffff, v->after[r], v->before[r], use);
		}
	}
	for (unsigned n = 0; n < v->changed_count; n++) {
		uint32_t address = v->changed[n].address;
		uint8_t is = 0, use = 0xff;

		/* Pushed flags: what is undefined, and bits 12-15, may differ there too. */
		if (v->exception >= 0 && address == v->pushed_flags)
			use = (uint8_t)mask;
		if (v->exception >= 0 && address == v->pushed_flags + 1)
			use = (uint8_t)(mask >> 8);
		if (v->code[0] == 0x9c && (address & 0xf) == (((uint32_t)v->before[5] << 4) + (uint16_t)(v->before[8] - 1)) % 16)
			use = 0x0f;
		cbx_memory_read(machine, address, &is, 1);
		if ((is ^ v->changed[n].value) & use) {
			bad++;
			if (loud)
				printf("  [%x] is %02x, expected %02x\n", address, is, v->changed[n].value);
		}
	}
	/* Bytes that were loaded and must still be there. */
	for (unsigned n = 0; n < v->initial_count; n++) {
		uint8_t is = 0;
		bool changes = false;

		for (unsigned k = 0; k < v->changed_count; k++)
			changes |= v->changed[k].address == v->initial[n].address;
		cbx_memory_read(machine, v->initial[n].address, &is, 1);
		if (!changes && is != v->initial[n].value) {
			bad++;
			if (loud)
				printf("  [%x] changed from %02x to %02x\n", v->initial[n].address,
				       v->initial[n].value, is);
		}
	}
	return bad;
}

/* Back to all zero; what is not zero then was written without being expected. */
static void unload(struct cbx_machine *machine, const struct vector *v)
{
	const uint8_t zero = 0;

	for (unsigned n = 0; n < v->initial_count; n++)
		cbx_memory_write(machine, v->initial[n].address, &zero, 1);
	for (unsigned n = 0; n < v->changed_count; n++)
		cbx_memory_write(machine, v->changed[n].address, &zero, 1);
}

static bool memory_is_zero(struct cbx_machine *machine)
{
	static uint8_t page[65536];
	static const uint8_t zero[65536];

	for (uint32_t at = 0; at < MEMORY; at += sizeof page) {
		cbx_memory_read(machine, at, page, sizeof page);
		if (memcmp(page, zero, sizeof page)) {
			for (uint32_t n = 0; n < sizeof page; n++)
				if (page[n]) {
					printf("  byte at %x was written (%02x)\n", at + n, page[n]);
					break;
				}
			return false;
		}
	}
	return true;
}

static void read_masks(const char *folder)
{
	char path[1024], line[256], status[32];
	FILE *file;

	snprintf(path, sizeof path, "%s/flags.txt", folder);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file)) {
		unsigned opcode, digit, mask;

		if (sscanf(line, "%2x.%u %31s %x", &opcode, &digit, status, &mask) == 4 && digit < 8)
			flags_mask[opcode & 255][digit] = (uint16_t)mask;
		else if (sscanf(line, "%2x %31s %x", &opcode, status, &mask) == 3)
			flags_mask[opcode & 255][8] = (uint16_t)mask;
	}
	if (file)
		fclose(file);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static unsigned long total, failed, excused[EXCUSES];

static void run_file(const char *folder, const char *name)
{
	static char line[LINE];
	static struct vector v;
	struct cbx_machine_options options = { .size = sizeof options, .memory_bytes = MEMORY };
	struct cbx_machine *machine;
	struct cbx_error error;
	char path[1024], copy[256];
	unsigned bad_here = 0, number = 0;
	gzFile file;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = gzopen(path, "rb");
	if (!file || cbx_machine_new(&options, &machine, &error) != CBX_OK) {
		printf("cannot open %s\n", path);
		failed++;
		return;
	}
	while (gzgets(file, line, sizeof line)) {
		struct cbx_run_options run = { .size = sizeof run, .instructions = 70000,
					       .stop_on_triple_fault = true };
		struct cbx_stop stop;
		unsigned bad;

		number++;
		snprintf(copy, sizeof copy, "%.200s", line);
		if (!parse(line, &v)) {
			printf("%s:%u: cannot be read\n", name, number);
			failed++;
			continue;
		}
		total++;
		cbx_machine_reset(machine);
		load(machine, &v);
		cbx_run(machine, &run, &stop);
		bad = compare(machine, &v, false);
		if (!bad && stop.reason != CBX_STOP_HALTED)
			bad = 1;
		if (bad && excuse_for(&v) != NONE) {
			excused[excuse_for(&v)]++;
		} else if (bad) {
			failed++;
			if (bad_here++ < 3) {
				printf("%s:%u: %s (stop reason %d)\n", name, number, copy, stop.reason);
				compare(machine, &v, true);
			}
		}
		unload(machine, &v);
		if (bad) {              /* it may have written anywhere */
			cbx_machine_free(machine);
			if (cbx_machine_new(&options, &machine, &error) != CBX_OK)
				break;
		}
		if (number % 125 == 0 && !memory_is_zero(machine) && !bad_here) {
			printf("%s: something else was written before test %u\n", name, number);
			failed++;
			break;
		}
	}
	gzclose(file);
	cbx_machine_free(machine);
}

int main(int argc, char **argv)
{
	char *files[1024];
	size_t count = 0;
	struct dirent *entry;
	DIR *folder;

	if (argc < 2) {
		fprintf(stderr, "usage: vectors_80286 FOLDER [OPCODE...]\n");
		return 2;
	}
	folder = opendir(argv[1]);
	if (!folder) {
		printf("%s is not there: nothing to replay\n", argv[1]);
		return 77;
	}
	read_masks(argv[1]);
	while ((entry = readdir(folder)) && count < 1024) {
		bool wanted = argc == 2;

		for (int n = 2; n < argc; n++)
			wanted |= !strncmp(entry->d_name, argv[n], strlen(argv[n]));
		if (wanted && strstr(entry->d_name, ".txt.gz"))
			files[count++] = strdup(entry->d_name);
	}
	closedir(folder);
	qsort(files, count, sizeof files[0], by_name);
	for (size_t n = 0; n < count; n++) {
		run_file(argv[1], files[n]);
		free(files[n]);
	}
	for (unsigned n = 1; n < EXCUSES; n++)
		if (excused[n])
			printf("%lu tests differ by design: %s\n", excused[n], excuse_names[n]);
	printf("%lu tests, %lu failed\n", total, failed);
	return failed || !total;
}
