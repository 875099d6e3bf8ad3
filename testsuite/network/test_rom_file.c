/* ROM files: good ones, those for all cards of a driver, and all that can be wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rom_file.h"

enum { BYTES = 2048, PCIR = 0x40 };

static uint8_t rom[2 * BYTES];
static char name[] = "/tmp/clearbox-rom-XXXXXX";

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void fix(uint8_t *image)
{
	uint8_t sum = 0;

	image[BYTES - 1] = 0;
	for (unsigned n = 0; n < BYTES; n++)
		sum = (uint8_t)(sum + image[n]);
	image[BYTES - 1] = (uint8_t)-sum;
}

static void make(uint8_t *image, unsigned vendor, unsigned device, uint8_t code, bool last)
{
	memset(image, 0, BYTES);
	put16(image, 0xaa55);
	image[2] = BYTES / 512;
	image[3] = 0xe9;
	put16(image + 0x18, PCIR);
	memcpy(image + PCIR, "PCIR", 4);
	put16(image + PCIR + 4, vendor);
	put16(image + PCIR + 6, device);
	put16(image + PCIR + 0x10, BYTES / 512);
	image[PCIR + 0x14] = code;
	image[PCIR + 0x15] = last ? 0x80 : 0;
	fix(image);
}

static bool load(size_t size, enum rom_kind kind, struct cbx_image *image)
{
	FILE *file = fopen(name, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(rom, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	return rom_file_load("optionrom", name, kind, image);
}

static bool is_good(size_t size, enum rom_kind kind)
{
	struct cbx_image image = { NULL, 0 };
	bool good = load(size, kind, &image);

	free((void *)(uintptr_t)image.bytes);
	return good;
}

static void test_good(void **unused)
{
	(void)unused;
	make(rom, 0x10ec, 0x8029, 0, true);
	assert_true(is_good(BYTES, ROM_PCI_CARD));
	assert_true(is_good(BYTES, ROM_OPTION));
	/* EFI's first, then ours */
	make(rom, 0x10ec, 0x8029, 3, false);
	make(rom + BYTES, 0x10ec, 0x8029, 0, true);
	assert_true(is_good(sizeof(rom), ROM_PCI_CARD));
}

/* One for all cards gets the card's name, and is right after that. */
static void test_any_card(void **unused)
{
	struct cbx_image image = { NULL, 0 };
	const uint8_t *bytes;
	uint8_t sum = 0;

	(void)unused;
	make(rom, 0, 0, 0, true);
	assert_true(load(BYTES, ROM_PCI_CARD, &image));
	bytes = image.bytes;
	for (unsigned n = 0; n < BYTES; n++)
		sum = (uint8_t)(sum + bytes[n]);
	assert_int_equal(sum, 0);
	assert_int_equal(bytes[PCIR + 4] | bytes[PCIR + 5] << 8, 0x10ec);
	assert_int_equal(bytes[PCIR + 6] | bytes[PCIR + 7] << 8, 0x8029);
	free((void *)(uintptr_t)image.bytes);
	/* where a jump is not what is at 3, there is no byte to spare */
	rom[3] = 0x90;
	fix(rom);
	assert_false(is_good(BYTES, ROM_PCI_CARD));
}

static void test_bad(void **unused)
{
	(void)unused;
	make(rom, 0x8086, 0x100e, 0, true);
	assert_false(is_good(BYTES, ROM_PCI_CARD));
	make(rom, 0x10ec, 0x8029, 3, true);
	assert_false(is_good(BYTES, ROM_PCI_CARD));
	make(rom, 0x10ec, 0x8029, 3, false);
	assert_false(is_good(BYTES, ROM_PCI_CARD));     /* the next is outside */
	put16(rom + PCIR + 0x10, 0);
	assert_false(is_good(BYTES, ROM_PCI_CARD));     /* a chain that stays where it is */
	put16(rom + PCIR + 0x10, 0xffff);
	assert_false(is_good(BYTES, ROM_PCI_CARD));
	make(rom, 0x10ec, 0x8029, 0, true);
	rom[BYTES - 1]++;
	assert_false(is_good(BYTES, ROM_PCI_CARD));
	assert_false(is_good(BYTES, ROM_OPTION));
	make(rom, 0x10ec, 0x8029, 0, true);
	for (size_t size = 1; size < BYTES; size += 101) {
		assert_false(is_good(size, ROM_PCI_CARD));
		assert_false(is_good(size, ROM_OPTION));
	}
	for (unsigned place = 0; place < 0x10000; place += 0x7f) {
		make(rom, 0x10ec, 0x8029, 0, true);
		put16(rom + 0x18, place == PCIR ? 0 : place);
		fix(rom);
		assert_false(is_good(BYTES, ROM_PCI_CARD));
	}
	make(rom, 0x10ec, 0x8029, 0, true);
	rom[2] = 0;
	assert_false(is_good(BYTES, ROM_OPTION));
	rom[2] = 0xff;
	assert_false(is_good(BYTES, ROM_OPTION));
	rom[0] = 0;
	assert_false(is_good(BYTES, ROM_OPTION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_any_card), cmocka_unit_test(test_bad),
	};
	int fd = mkstemp(name), result;

	if (fd < 0 || !freopen("/dev/null", "w", stderr))
		return 1;
	close(fd);
	result = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(name);
	return result;
}
