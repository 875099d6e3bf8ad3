/*
 * ACPI tables: the machine brings them, as files of the firmware configuration interface and a
 * script (QEMU's documentation calls it etc/table-loader) that says where they belong, which
 * numbers in them are addresses, and what is to be summed. Tables go to the top of low RAM (E820
 * type 3), the FACS to its last page (type 4), the RSDP to the real-mode segment.
 */
#include "bios32.h"

extern u8 rsdp_table[];

#define RSDP_ROOM	48
#define NAME_BYTES	56
#define ENTRY_BYTES	128
#define FILES_MAX	8

#define COMMAND_ALLOCATE 1
#define COMMAND_POINTER	2
#define COMMAND_CHECKSUM 3
#define ZONE_FSEG	2

struct file {
	char name[NAME_BYTES];
	u8 *bytes;
	u32 size;
};

static struct file files[FILES_MAX];
static u32 file_count;
static u32 next;		/* free from here up to the FACS page */

static u32 get32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static void put32(u8 *p, u32 value)
{
	p[0] = (u8)value;
	p[1] = (u8)(value >> 8);
	p[2] = (u8)(value >> 16);
	p[3] = (u8)(value >> 24);
}

/* The number of the machine's file of this name; its size. 0: there is none. */
static u32 find_item(const char *name, u32 *size)
{
	char found[NAME_BYTES];
	u32 select;
	u32 n;

	for (n = 0; fwcfg_file(n, found, size, &select); n++)
		if (!strncmp(found, name, NAME_BYTES))
			return select;
	return 0;
}

static struct file *find_file(const u8 *name)
{
	u32 n;

	for (n = 0; n < file_count; n++)
		if (!strncmp(files[n].name, (const char *)name, NAME_BYTES))
			return &files[n];
	return NULL;
}

static u8 *place(const char *name, u32 size, u32 align, u32 zone)
{
	u32 last = info()->mem_low - 0x1000;
	u32 start = (next + align - 1) & ~(align - 1);

	if (zone == ZONE_FSEG)
		return size <= RSDP_ROOM ? at(0xf0000 + (u32)rsdp_table) : NULL;
	if (!strcmp(name, "etc/acpi/facs"))
		return size <= 0x1000 ? at(last) : NULL;
	/* SMBIOS structures lie in the upper half */
	if (start < next || start >= last || size > smbios_address() - start)
		return NULL;
	next = start + size;
	return at(start);
}

static u32 allocate(const u8 *entry)
{
	struct file *file = &files[file_count];
	u32 align = get32(entry + NAME_BYTES);
	u32 item;

	if (file_count == FILES_MAX || !align || align & (align - 1))
		return 0;
	memcpy(file->name, entry, NAME_BYTES);
	item = find_item(file->name, &file->size);
	if (!item)
		return 0;
	file->bytes = place(file->name, file->size, align, entry[NAME_BYTES + 4]);
	if (!file->bytes)
		return 0;
	fwcfg_select(item);
	fwcfg_read(file->bytes, file->size);
	file_count++;
	return 1;
}

static u32 add_pointer(const u8 *entry)
{
	struct file *file = find_file(entry);
	struct file *to = find_file(entry + NAME_BYTES);
	u32 offset = get32(entry + 2 * NAME_BYTES);
	u32 size = entry[2 * NAME_BYTES + 4];

	if (!file || !to || (size != 4 && size != 8) || size > file->size ||
	    offset > file->size - size)
		return 0;
	put32(file->bytes + offset, get32(file->bytes + offset) + (u32)to->bytes);
	return 1;
}

static u32 add_checksum(const u8 *entry)
{
	struct file *file = find_file(entry);
	u32 offset = get32(entry + NAME_BYTES);
	u32 start = get32(entry + NAME_BYTES + 4);
	u32 length = get32(entry + NAME_BYTES + 8);
	u8 sum = 0;

	if (!file || offset >= file->size || start > file->size || length > file->size - start)
		return 0;
	while (length--)
		sum = (u8)(sum + file->bytes[start++]);
	file->bytes[offset] = (u8)(file->bytes[offset] - sum);
	return 1;
}

static u32 carry_out(const u8 *entry)
{
	switch (get32(entry)) {
	case COMMAND_ALLOCATE:
		return allocate(entry + 4);
	case COMMAND_POINTER:
		return add_pointer(entry + 4);
	case COMMAND_CHECKSUM:
		return add_checksum(entry + 4);
	default:
		return 1;
	}
}

void acpi_init(void)
{
	u8 entry[ENTRY_BYTES];
	u32 size;
	u32 at_byte;
	u32 item = find_item("etc/table-loader", &size);

	if (!item || !info()->acpi_size)
		return;
	next = info()->acpi_base;
	file_count = 0;
	for (at_byte = 0; at_byte + ENTRY_BYTES <= size; at_byte += ENTRY_BYTES) {
		u32 skip;

		/* the data port has one place: go back to it after the other files' bytes */
		fwcfg_select(item);
		for (skip = 0; skip < at_byte; skip += ENTRY_BYTES)
			fwcfg_read(entry, ENTRY_BYTES);
		fwcfg_read(entry, ENTRY_BYTES);
		if (!carry_out(entry)) {
			/* half a set of tables is worse than none */
			memset(at(0xf0000 + (u32)rsdp_table), 0, RSDP_ROOM);
			return;
		}
	}
}
