/*
 * Firmware configuration device: selector at port 510h, data at 511h, as publicly specified by
 * the QEMU project. Absent on a machine without it: everything then comes from CMOS.
 */
#include "bios32.h"

#define PORT_SELECT 0x510
#define PORT_DATA 0x511
#define ITEM_SIGNATURE 0x00
#define ITEM_DIRECTORY 0x19

static u8 present;

void fwcfg_select(u32 item)
{
	outw(PORT_SELECT, (u16)item);
}

void fwcfg_read(void *to, u32 count)
{
	insb(PORT_DATA, to, count);
}

u32 fwcfg_init(void)
{
	char signature[4];

	fwcfg_select(ITEM_SIGNATURE);
	fwcfg_read(signature, 4);
	present = !memcmp(signature, "QEMU", 4);
	return present;
}

u32 fwcfg_u32(u32 item)
{
	u32 value = 0;

	if (!present)
		return 0;
	fwcfg_select(item);
	fwcfg_read(&value, 4);
	return value;
}

static u32 big_endian(const u8 *p, u32 bytes)
{
	u32 value = 0;

	while (bytes--)
		value = value << 8 | *p++;
	return value;
}

/* The index-th file of the directory; name has room for 56 bytes. Returns 0 past the end. */
u32 fwcfg_file(u32 index, char *name, u32 *size, u32 *select)
{
	u8 entry[64];
	u32 count;

	if (!present)
		return 0;
	fwcfg_select(ITEM_DIRECTORY);
	fwcfg_read(entry, 4);
	count = big_endian(entry, 4);
	if (index >= count || count > 1024)
		return 0;
	do {
		fwcfg_read(entry, 64);
	} while (index--);
	*size = big_endian(entry, 4);
	*select = big_endian(entry + 4, 2);
	memcpy(name, entry + 8, 55);
	name[55] = 0;
	return 1;
}
