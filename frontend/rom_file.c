/*
 * Option ROMs from files, and what is wrong with those that no firmware would run: 55h AAh, the
 * length in units of 512 bytes, a sum of 0 (Plug and Play BIOS Specification 1.0A, 3.1), and for PCI
 * the data structure behind them (PCI Firmware Specification 3.0, 5.1).
 */
#include "rom_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_file.h"

enum { CARD_MOST = 1 << 20, OPTION_MOST = 96 << 10, UNIT = 512 };
enum { VENDOR = 0x10ec, DEVICE = 0x8029 };
enum { PCIR_BYTES = 0x18, PCIR_VENDOR = 4, PCIR_DEVICE = 6, PCIR_LENGTH = 0x10, PCIR_CODE = 0x14,
       PCIR_INDICATOR = 0x15 };

struct rom_bytes {
	uint8_t *bytes;
	size_t size;
};

static bool fail(const char *option, const char *name, const char *why, const char *advice)
{
	fprintf(stderr, "clearbox: -%s %s: %s; %s\n", option, name, why, advice);
	return false;
}

static unsigned word(const uint8_t *bytes)
{
	return bytes[0] | (unsigned)bytes[1] << 8;
}

/* The PCI data structure of the image at offset at, NULL if there is none. */
static uint8_t *pci_data(const struct rom_bytes *rom, size_t at)
{
	uint8_t *bytes = rom->bytes;
	size_t data = at + word(bytes + at + 0x18);

	if (data + PCIR_BYTES > rom->size || memcmp(bytes + data, "PCIR", 4))
		return NULL;
	return bytes + data;
}

static bool check_image(const char *option, const char *name, const struct rom_bytes *rom, size_t at)
{
	const uint8_t *bytes = (const uint8_t *)rom->bytes + at;
	size_t length = (size_t)bytes[2] * UNIT;
	uint8_t sum = 0;

	if (!length)
		return fail(option, name, "its header says that it is 0 bytes long", "fetch or make it again");
	if (length > rom->size - at)
		return fail(option, name, "it is shorter than its header says", "fetch or copy it again");
	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	if (sum)
		return fail(option, name, "its checksum is wrong", "fetch or make it again");
	return true;
}

/*
 * A ROM made for all the cards that its driver knows names the device 0000:0000, and firmware takes
 * one for a card that it names only.  The sum is made good at offset 6, which the jump at 3 leaves free.
 */
static void name_device(uint8_t *bytes, uint8_t *data)
{
	static const uint8_t names[4] = { VENDOR & 0xff, VENDOR >> 8, DEVICE & 0xff, DEVICE >> 8 };

	if (bytes[3] != 0xe9 && bytes[3] != 0xeb)
		return;
	for (unsigned i = 0; i < sizeof(names); i++) {
		bytes[6] = (uint8_t)(bytes[6] + data[PCIR_VENDOR + i] - names[i]);
		data[PCIR_VENDOR + i] = names[i];
	}
}

/* One image after the other, up to that for PCs with a BIOS. */
static bool check_card(const char *option, const char *name, const struct rom_bytes *rom)
{
	const char *advice = "try /usr/lib/ipxe/qemu/pxe-ne2k_pci.rom, from the package ipxe-qemu";
	uint8_t *bytes = rom->bytes;
	size_t at = 0;

	for (;;) {
		uint8_t *data = pci_data(rom, at);
		char why[96];

		if (!data)
			return fail(option, name, "it is no PCI ROM: there is no PCIR structure in it", advice);
		if (!word(data + PCIR_VENDOR) && !word(data + PCIR_DEVICE))
			name_device(bytes + at, data);
		if (word(data + PCIR_VENDOR) != VENDOR || word(data + PCIR_DEVICE) != DEVICE) {
			snprintf(why, sizeof(why), "it is for the device %04x:%04x, and the card is %04x:%04x",
				 word(data + PCIR_VENDOR), word(data + PCIR_DEVICE),
				 (unsigned)VENDOR, (unsigned)DEVICE);
			return fail(option, name, why, advice);
		}
		if (!data[PCIR_CODE])
			return check_image(option, name, rom, at);
		at += (size_t)word(data + PCIR_LENGTH) * UNIT;
		if (data[PCIR_INDICATOR] & 0x80 || !word(data + PCIR_LENGTH) || at + UNIT > rom->size ||
		    bytes[at] != 0x55 || bytes[at + 1] != 0xaa)
			return fail(option, name, "there is no image for PCs with a BIOS in it", advice);
	}
}

bool rom_file_load(const char *option, const char *name, enum rom_kind kind, struct cbx_image *image)
{
	struct rom_bytes rom = { NULL, 0 };
	const uint8_t *bytes;

	bytes = rom.bytes = file_load(option, name, kind == ROM_OPTION ? OPTION_MOST : CARD_MOST,
				      "no ROM is; is this the right file?", &rom.size);
	*image = (struct cbx_image){ rom.bytes, rom.size };
	if (!bytes)
		return false;
	if (rom.size < UNIT || bytes[0] != 0x55 || bytes[1] != 0xaa)
		return fail(option, name, "it is no option ROM: those begin with 55h AAh",
			    "is this the right file?");
	return kind == ROM_OPTION ? check_image(option, name, &rom, 0) : check_card(option, name, &rom);
}
