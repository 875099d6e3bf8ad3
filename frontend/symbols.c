/*
 * Symbols: the symbol tables of ELF files (32 and 64 bit, little-endian: those of x86), and lines
 * of System.map ("ffffffff81000000 T startup_64").  Nothing in a file is believed: each offset
 * and length is compared with the file's size.
 */
#include "symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "disk_file.h"

static const uint64_t file_max = UINT64_C(1) << 30;
static const uint64_t near_enough = 1 << 20;
enum { SYMBOLS_MAX = 4000000 };

static bool add(struct symbols *symbols, uint64_t address, const char *name)
{
	if (!*name)
		return true;
	if (symbols->count == symbols->room) {
		size_t room = symbols->room ? symbols->room * 2 : 4096;
		struct symbol *more;

		if (room > SYMBOLS_MAX)
			return false;
		more = realloc(symbols->list, room * sizeof(*more));
		if (!more)
			return false;
		symbols->list = more;
		symbols->room = room;
	}
	symbols->list[symbols->count++] = (struct symbol){ address, name };
	return true;
}

/* ---- ELF ------------------------------------------------------------------------------ */

struct elf {
	const uint8_t *bytes;
	size_t size;
	bool wide;                      /* 64 bit */
	uint64_t sections, section_size, section_count;
};

static uint64_t number(const struct elf *elf, uint64_t at, unsigned width)
{
	uint64_t value = 0;

	if (at > elf->size || width > elf->size - at)
		return 0;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)elf->bytes[at + i] << 8 * i;
	return value;
}

struct section {
	uint64_t type, offset, size, link, entry;
};

static struct section section(const struct elf *elf, uint64_t n)
{
	uint64_t at = elf->sections + n * elf->section_size;
	struct section s = { 0 };

	if (n >= elf->section_count)
		return s;
	s.type = number(elf, at + 4, 4);
	s.offset = elf->wide ? number(elf, at + 24, 8) : number(elf, at + 16, 4);
	s.size = elf->wide ? number(elf, at + 32, 8) : number(elf, at + 20, 4);
	s.link = elf->wide ? number(elf, at + 40, 4) : number(elf, at + 24, 4);
	s.entry = elf->wide ? number(elf, at + 56, 8) : number(elf, at + 36, 4);
	if (s.offset > elf->size || s.size > elf->size - s.offset)
		s.type = 0;
	return s;
}

static bool add_table(struct symbols *symbols, const struct elf *elf, const struct section *table,
		      uint64_t offset)
{
	struct section strings = section(elf, table->link);
	unsigned size = elf->wide ? 24 : 16;

	if (strings.type != 3 || !strings.size || elf->bytes[strings.offset + strings.size - 1] ||
	    table->entry != size)
		return true;
	for (uint64_t at = 0; at + size <= table->size; at += size) {
		uint64_t entry = table->offset + at, name = number(elf, entry, 4);
		uint64_t value = elf->wide ? number(elf, entry + 8, 8) : number(elf, entry + 4, 4);
		unsigned info = (unsigned)number(elf, entry + (elf->wide ? 4 : 12), 1) & 15;
		unsigned index = (unsigned)number(elf, entry + (elf->wide ? 6 : 14), 2);

		/* functions, data and plain labels that are somewhere */
		if (info > 2 || !index || name >= strings.size)
			continue;
		if (!add(symbols, value + offset, (const char *)elf->bytes + strings.offset + name))
			return false;
	}
	return true;
}

static bool add_elf(struct symbols *symbols, const uint8_t *bytes, size_t size, uint64_t offset)
{
	struct elf elf = { bytes, size, bytes[4] == 2, 0, 0, 0 };

	elf.sections = elf.wide ? number(&elf, 0x28, 8) : number(&elf, 0x20, 4);
	elf.section_size = number(&elf, elf.wide ? 0x3a : 0x2e, 2);
	elf.section_count = number(&elf, elf.wide ? 0x3c : 0x30, 2);
	if (elf.sections > size || elf.section_size < (elf.wide ? 64 : 40) ||
	    elf.section_count * elf.section_size > size - elf.sections)
		return true;
	for (uint64_t i = 0; i < elf.section_count; i++) {
		struct section table = section(&elf, i);

		if (table.type == 2 && !add_table(symbols, &elf, &table, offset))
			return false;
	}
	return true;
}

/* ---- System.map ----------------------------------------------------------------------------- */

static bool add_map(struct symbols *symbols, char *text, uint64_t offset)
{
	char *line, *end;

	for (line = text; line && *line; line = end) {
		char *name;
		uint64_t address = strtoull(line, &name, 16);

		end = strchr(line, '\n');
		if (end)
			*end++ = 0;
		if (name == line || name[0] != ' ' || !name[1] || name[2] != ' ')
			continue;
		name += 3;
		name[strcspn(name, " \t\r")] = 0;
		if (!add(symbols, address + offset, name))
			return false;
	}
	return true;
}

/* ---- Sorting, finding ------------------------------------------------------------------------ */

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	return x->address < y->address ? -1 : x->address > y->address;
}

static bool no_memory(const char *path)
{
	complain("%.200s: no memory for its names; close other programs", path);
	return false;
}

bool symbols_load(struct symbols *symbols, const char *path, uint64_t offset)
{
	size_t size, before = symbols->count;
	char **texts = realloc(symbols->texts, (symbols->text_count + 1) * sizeof(*texts));
	uint8_t *bytes, *ended;
	bool good;

	if (!texts)
		return no_memory(path);
	symbols->texts = texts;
	bytes = file_load("symbols", path, file_max, "is this the right file?", &size);
	if (!bytes)
		return false;
	ended = realloc(bytes, size + 1);
	if (!ended) {
		free(bytes);
		return no_memory(path);
	}
	ended[size] = 0;
	texts[symbols->text_count++] = (char *)ended;
	if (size >= 52 && !memcmp(ended, "\x7f" "ELF", 4) && ended[5] == 1)
		good = add_elf(symbols, ended, size, offset);
	else
		good = add_map(symbols, (char *)ended, offset);
	if (!good || symbols->count == before) {
		complain("%.200s: %s", path,
			 good ? "it names no addresses; give an ELF file with symbols, or a "
				"System.map"
			      : "there are too many names in it, or no memory for them; try a "
				"smaller file");
		symbols->count = before;
		free(ended);
		symbols->text_count--;
		return false;
	}
	free(symbols->names);
	symbols->names = malloc(symbols->count * sizeof(*symbols->names));
	qsort(symbols->list, symbols->count, sizeof(*symbols->list), by_address);
	if (symbols->names) {
		memcpy(symbols->names, symbols->list, symbols->count * sizeof(*symbols->names));
		qsort(symbols->names, symbols->count, sizeof(*symbols->names), by_name);
	}
	return symbols->names || no_memory(path);
}

void symbols_clear(struct symbols *symbols)
{
	for (size_t i = 0; i < symbols->text_count; i++)
		free(symbols->texts[i]);
	free(symbols->texts);
	free(symbols->list);
	free(symbols->names);
	memset(symbols, 0, sizeof(*symbols));
}

/* The first in names that is not before the text. */
static size_t name_place(const struct symbols *symbols, const char *text, size_t length)
{
	size_t low = 0, high = symbols->names ? symbols->count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strncmp(symbols->names[middle].name, text, length) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool symbols_find(const struct symbols *symbols, const char *name, size_t length, uint64_t *address)
{
	size_t at = name_place(symbols, name, length);

	for (; symbols->names && at < symbols->count &&
	       !strncmp(symbols->names[at].name, name, length);
	     at++) {
		if (symbols->names[at].name[length])
			continue;
		*address = symbols->names[at].address;
		return true;
	}
	return false;
}

const char *symbols_prefix(const struct symbols *symbols, const char *prefix, size_t n)
{
	size_t length = strlen(prefix), at = name_place(symbols, prefix, length) + n;

	if (!symbols->names || at >= symbols->count ||
	    strncmp(symbols->names[at].name, prefix, length))
		return NULL;
	return symbols->names[at].name;
}

const char *symbols_at(const struct symbols *symbols, uint64_t address, uint64_t *offset)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->list[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	*offset = address - symbols->list[low - 1].address;
	return *offset < near_enough ? symbols->list[low - 1].name : NULL;
}
