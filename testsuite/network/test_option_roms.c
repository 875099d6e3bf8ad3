/*
 * Option ROMs under our BIOS: that it runs them, connects what they connect, boots what they boot in
 * the order that was asked for; and that ROMs which say nonsense of themselves do no harm.  What ROMs
 * and BIOS have to say arrives at the debug console and on the screen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <clearbox/clearbox.h>
#include <clearbox/device.h>

enum { ROM_BYTES = 1024, PNP = 0x40, PCIR = 0x80, INIT = 0x100, BCV = 0x140, BEV = 0x180, NAME = 0x1c0 };

static char said[64];
static size_t said_count;

static void hear(void *user, uint8_t byte)
{
	(void)user;
	if (said_count + 1 < sizeof(said))
		said[said_count++] = (char)byte;
	said[said_count] = 0;
}

/* mov al, letter; out E9h, al; then the rest */
static void say(uint8_t *at, char letter, const uint8_t *rest, size_t count)
{
	const uint8_t code[] = { 0xb0, (uint8_t)letter, 0xe6, 0xe9 };

	memcpy(at, code, sizeof(code));
	memcpy(at + sizeof(code), rest, count);
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

/* Makes the bytes from start on sum up to 0 by the one at where. */
static void fix(uint8_t *start, size_t count, uint8_t *where)
{
	uint8_t sum = 0;

	*where = 0;
	for (size_t n = 0; n < count; n++)
		sum = (uint8_t)(sum + start[n]);
	*where = (uint8_t)-sum;
}

/* A ROM whose parts say I, C and B; bootstraps return to where they came from. */
static void make_rom(uint8_t rom[ROM_BYTES])
{
	static const uint8_t ret[] = { 0xcb };
	static const uint8_t name[] = "Test ROM";

	memset(rom, 0, ROM_BYTES);
	put16(rom, 0xaa55);
	rom[2] = ROM_BYTES / 512;
	rom[3] = 0xe9;
	put16(rom + 4, INIT - 6);
	put16(rom + 0x18, PCIR);
	put16(rom + 0x1a, PNP);
	memcpy(rom + PNP, "$PnP", 4);
	rom[PNP + 4] = 1;
	rom[PNP + 5] = 2;
	put16(rom + PNP + 0x10, NAME);
	put16(rom + PNP + 0x16, BCV);
	put16(rom + PNP + 0x1a, BEV);
	memcpy(rom + PCIR, "PCIR", 4);
	put16(rom + PCIR + 4, 0x10ec);
	put16(rom + PCIR + 6, 0x8029);
	put16(rom + PCIR + 0x0a, 0x18);
	put16(rom + PCIR + 0x10, ROM_BYTES / 512);
	rom[PCIR + 0x15] = 0x80;
	say(rom + INIT, 'I', ret, sizeof(ret));
	say(rom + BCV, 'C', ret, sizeof(ret));
	say(rom + BEV, 'B', ret, sizeof(ret));
	memcpy(rom + NAME, name, sizeof(name));
	fix(rom + PNP, 0x20, rom + PNP + 9);
	fix(rom, ROM_BYTES, rom + ROM_BYTES - 1);
}

/* ROM chips on the ISA bus: a device of the embedder's. */
struct isa_rom {
	uint64_t at;                    /* 0: none */
	uint8_t bytes[4096];
};

static struct isa_rom isa_roms[2];

static void add_isa_roms(struct cbx_machine *machine)
{
	static const struct cbx_field fields[] = { CBX_FIELD_END };
	static const struct cbx_device_type type = {
		.name = "isa-rom", .version = 1, .size = sizeof(struct cbx_device), .fields = fields,
		.state_offset = sizeof(struct cbx_device),
	};
	static const char *const names[] = { "isarom0", "isarom1" };

	for (unsigned n = 0; n < 2; n++) {
		struct cbx_device *device;
		struct cbx_region *region;
		struct cbx_ram *ram;

		if (!isa_roms[n].at)
			continue;
		assert_int_equal(cbx_device_new(machine, &type, &device), CBX_OK);
		assert_int_equal(cbx_ram_new(machine, names[n], 4096, &ram), CBX_OK);
		assert_int_equal(cbx_ram_write(ram, 0, isa_roms[n].bytes, 4096), CBX_OK);
		assert_int_equal(cbx_region_new_ram(device, ram, 0, 4096, &region), CBX_OK);
		cbx_region_place(region, isa_roms[n].at, CBX_REGION_READ, 1);
	}
}

/* Runs until the BIOS has nothing left to boot; what it says of that is in text. */
static void boot(const struct cbx_image *option_roms, const struct cbx_image *card_rom, const char *order,
		 char *text, size_t size)
{
	struct cbx_pc_options options = {
		.size = sizeof(options), .machine.memory_bytes = 16 << 20, .boot_order = order,
		.debug_console = { hear, NULL }, .no_floppy_controller = true,
	};
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 4000000, .stop_when_idle = true };
	struct cbx_machine *machine;
	struct cbx_stop stop;

	said_count = 0;
	*said = 0;
	for (unsigned i = 0; option_roms && i < CBX_OPTION_ROMS; i++)
		options.option_rom[i] = option_roms[i];
	if (card_rom) {
		options.card[0].kind = CBX_CARD_NE2000_PCI;
		options.card[0].rom = *card_rom;
	}
	assert_int_equal(cbx_pc_new(&options, &machine, NULL), CBX_OK);
	add_isa_roms(machine);
	for (unsigned i = 0; i < 5000; i++) {
		assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
		assert_true(stop.reason == CBX_STOP_LIMIT || stop.reason == CBX_STOP_IDLE);
		/* none while the screen is off */
		if (cbx_screen_text(machine, text, size))
			*text = 0;
		if (strstr(text, "Starting the built-in demo"))
			break;
	}
	cbx_machine_free(machine);
	assert_non_null(strstr(text, "No bootable disk"));
}

static void boot_one(const uint8_t *rom, size_t size, char *text, size_t text_size)
{
	const struct cbx_image roms[CBX_OPTION_ROMS] = { { rom, size } };

	boot(roms, NULL, NULL, text, text_size);
}

/* ---- ROMs that are good ------------------------------------------------- */

static char text[16384];

static void test_good(void **unused)
{
	uint8_t rom[ROM_BYTES];
	struct cbx_image image = { rom, ROM_BYTES }, two[CBX_OPTION_ROMS] = { image, image };

	(void)unused;
	make_rom(rom);
	boot_one(rom, ROM_BYTES, text, sizeof(text));
	assert_string_equal(said, "ICB");
	assert_non_null(strstr(text, "Test ROM"));
	boot(NULL, &image, NULL, text, sizeof(text));
	assert_string_equal(said, "ICB");
	boot(NULL, &image, "n", text, sizeof(text));
	assert_string_equal(said, "ICB");
	boot(two, NULL, "nc", text, sizeof(text));
	assert_string_equal(said, "IICCBB");
	boot(two, &image, "cn", text, sizeof(text));
	assert_string_equal(said, "IIICCCBBB");
}

static void test_isa(void **unused)
{
	static const uint64_t places[] = { 0xc8000, 0xd0000, 0xdf000 };
	uint8_t rom[ROM_BYTES];
	struct cbx_image image = { rom, ROM_BYTES };

	(void)unused;
	make_rom(rom);
	memcpy(isa_roms[0].bytes, rom, ROM_BYTES);
	for (unsigned n = 0; n < 3; n++) {
		isa_roms[0].at = places[n];
		boot(NULL, NULL, NULL, text, sizeof(text));
		assert_string_equal(said, "ICB");
	}
	/* two, of which one is no good; and one on a card that finds room after them */
	isa_roms[0].at = 0xd0000;
	isa_roms[1].at = 0xca000;
	memcpy(isa_roms[1].bytes, rom, ROM_BYTES);
	isa_roms[1].bytes[ROM_BYTES - 1]++;
	boot(NULL, &image, NULL, text, sizeof(text));
	assert_string_equal(said, "IICCBB");
	isa_roms[1].bytes[ROM_BYTES - 1]--;
	boot(NULL, &image, NULL, text, sizeof(text));
	assert_string_equal(said, "IIICCCBBB");
	isa_roms[0].at = isa_roms[1].at = 0;
}

/* One that gives up by INT 18h; one without a header that takes INT 19h. */
static void test_interrupts(void **unused)
{
	static const uint8_t int18[] = { 0xcd, 0x18 };
	/* push ds; xor ax, ax; mov ds, ax; mov word [64h], BEV; mov [66h], cs; pop ds; retf */
	static const uint8_t hook[] = { 0x1e, 0x31, 0xc0, 0x8e, 0xd8, 0xc7, 0x06, 0x64, 0x00,
					BEV & 0xff, BEV >> 8, 0x8c, 0x0e, 0x66, 0x00, 0x1f, 0xcb };
	uint8_t rom[ROM_BYTES];

	(void)unused;
	make_rom(rom);
	say(rom + BEV, 'b', int18, sizeof(int18));
	fix(rom, ROM_BYTES, rom + ROM_BYTES - 1);
	boot_one(rom, ROM_BYTES, text, sizeof(text));
	assert_string_equal(said, "ICb");
	put16(rom + 0x1a, 0);
	say(rom + INIT, 'i', hook, sizeof(hook));
	fix(rom, ROM_BYTES, rom + ROM_BYTES - 1);
	boot_one(rom, ROM_BYTES, text, sizeof(text));
	assert_string_equal(said, "ib");
}

/* What a ROM is told: the $PnP structure's place in ES:DI, and that there is a boot specification. */
static void test_pnp(void **unused)
{
	/*
	 * cmp word [es:di], "$P"; jne out; push cs; push BEV; push 60h; call far [es:di + 0Dh]; add sp, 6;
	 * test ax, ax; jnz out; say Y; out: retf
	 */
	static const uint8_t code[] = {
		0x26, 0x81, 0x3d, '$', 'P', 0x75, 0x19, 0x0e, 0x68, BEV & 0xff, BEV >> 8, 0x6a, 0x60,
		0x26, 0xff, 0x5d, 0x0d, 0x83, 0xc4, 0x06, 0x85, 0xc0, 0x75, 0x08,
		0x2e, 0xa0, BEV & 0xff, BEV >> 8, 0xe6, 0xe9, 0x90, 0x90, 0xcb };
	uint8_t rom[ROM_BYTES];

	(void)unused;
	make_rom(rom);
	put16(rom + PNP + 0x1a, 0);
	put16(rom + PNP + 0x16, 0);
	fix(rom + PNP, 0x20, rom + PNP + 9);
	say(rom + INIT, 'I', code, sizeof(code));
	fix(rom, ROM_BYTES, rom + ROM_BYTES - 1);
	boot_one(rom, ROM_BYTES, text, sizeof(text));
	assert_string_equal(said, "I\x01");     /* the low byte of version 1.01 */
}

/* ---- ROMs that are not ------------------------------------------------- */

static void test_bad_images(void **unused)
{
	uint8_t rom[ROM_BYTES];

	(void)unused;
	make_rom(rom);
	rom[ROM_BYTES - 1]++;
	boot_one(rom, ROM_BYTES, text, sizeof(text));
	assert_string_equal(said, "");
	for (unsigned size = 0; size < 256; size += 85) {       /* 0, 85, 170, FFh units */
		make_rom(rom);
		rom[2] = (uint8_t)size;
		boot_one(rom, ROM_BYTES, text, sizeof(text));
		assert_string_equal(said, "");
	}
	make_rom(rom);
	boot_one(rom, 3, text, sizeof(text));
	assert_string_equal(said, "");
}

/* offset: where the word stands that is made wrong; expected: what is said when it is. */
static void with_word(unsigned offset, unsigned value, bool header, bool on_card, const char *expected)
{
	uint8_t rom[ROM_BYTES];
	struct cbx_image image = { rom, ROM_BYTES };

	make_rom(rom);
	put16(rom + offset, value);
	if (header)
		fix(rom + PNP, 0x20, rom + PNP + 9);
	fix(rom, ROM_BYTES, rom + ROM_BYTES - 1);
	if (on_card)
		boot(NULL, &image, NULL, text, sizeof(text));
	else
		boot_one(rom, ROM_BYTES, text, sizeof(text));
	assert_string_equal(said, expected);
}

static void test_bad_headers(void **unused)
{
	(void)unused;
	with_word(0x1a, 0xffff, false, false, "I");             /* the header is outside */
	with_word(0x1a, ROM_BYTES - 8, false, false, "I");      /* and across the end */
	with_word(0x1a, 2, false, false, "I");
	with_word(PNP + 4, 0xff01, true, false, "I");           /* it is longer than the ROM */
	with_word(PNP + 4, 0x0001, true, false, "I");           /* and of no length */
	with_word(PNP + 8, 0x5500, false, false, "I");          /* its sum is wrong */
	with_word(PNP + 6, 0xfff0, true, false, "ICB");         /* the next is outside */
	with_word(PNP + 0x10, 0xffff, true, false, "ICB");      /* so is the name */
	with_word(PNP + 0x1a, 0xffff, true, false, "IC");       /* the vectors */
	with_word(PNP + 0x16, 0xffff, true, false, "IB");
}

/* A chain that comes back to where it was: entries up to a limit, and an end. */
static void test_loop(void **unused)
{
	size_t first;

	(void)unused;
	with_word(PNP + 6, PNP, true, false, "ICCCCCCCCBBBBBBBB");
	first = strspn(said, "IC");
	assert_int_equal(first, 9);
}

static void test_bad_pci(void **unused)
{
	with_word(PCIR, 0, false, true, "ICB");                 /* no structure: the image alone counts */
	with_word(0x18, 0xffff, false, true, "ICB");
	with_word(0x18, ROM_BYTES - 4, false, true, "ICB");
	with_word(PCIR + 0x14, 0x8003, false, true, "");        /* EFI only */
	with_word(PCIR + 0x14, 0x0003, false, true, "");        /* EFI, and another that is not there */
	(void)unused;
}

/* Random bytes after the signature, with a good sum: whatever they do, the machine is whole. */
static void test_random(void **unused)
{
	uint64_t state = 88172645463325252u;
	uint8_t rom[ROM_BYTES];
	struct cbx_image image = { rom, ROM_BYTES };

	(void)unused;
	for (unsigned round = 0; round < 6; round++) {
		for (unsigned n = 0; n < ROM_BYTES; n++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			rom[n] = (uint8_t)(state >> 32);
		}
		put16(rom, 0xaa55);
		rom[2] = ROM_BYTES / 512;
		rom[3] = 0xcb;          /* it returns at once; its headers are what is random */
		if (round & 1)
			memcpy(rom + (rom[0x1a] = PNP), "$PnP", 4);
		if (round & 2)
			memcpy(rom + (rom[0x18] = PCIR), "PCIR", 4);
		rom[0x19] = rom[0x1b] = 0;
		fix(rom, ROM_BYTES, rom + ROM_BYTES - 1);
		boot(NULL, &image, NULL, text, sizeof(text));
		boot_one(rom, ROM_BYTES, text, sizeof(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_isa),
		cmocka_unit_test(test_interrupts), cmocka_unit_test(test_pnp),
		cmocka_unit_test(test_bad_images), cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_loop), cmocka_unit_test(test_bad_pci),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
