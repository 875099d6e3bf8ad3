/*
 * The wiring of a PC, seen by a BIOS of a few bytes: configuration memory, the memory map,
 * the A20 wire, serial interrupts, keys, and what the firmware interface offers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <clearbox/clearbox.h>

#define MIB (UINT64_C(1) << 20)
#define ROM_BYTES 4096u

/* Ends every piece of code: out 501h, 10h; hlt. */
static const uint8_t code_end[] = { 0xb0, 0x10, 0xba, 0x01, 0x05, 0xee, 0xf4 };

/* Copies the 128 bytes of configuration memory to 500h. */
static const uint8_t code_cmos[] = {
	0x31, 0xc0,                     /* xor ax, ax */
	0x8e, 0xd8,                     /* mov ds, ax */
	0x31, 0xdb,                     /* xor bx, bx */
	0x88, 0xd8,                     /* again: mov al, bl */
	0xe6, 0x70,                     /* out 70h, al */
	0xe4, 0x71,                     /* in al, 71h */
	0x88, 0x87, 0x00, 0x05,         /* mov [bx + 500h], al */
	0x43,                           /* inc bx */
	0x81, 0xfb, 0x80, 0x00,         /* cmp bx, 80h */
	0x75, 0xef,                     /* jne again */
};

static uint8_t rom[ROM_BYTES];

static enum cbx_status read_zeros(void *user, uint64_t offset, void *bytes, size_t count)
{
	(void)user;
	(void)offset;
	memset(bytes, 0, count);
	return CBX_OK;
}

static struct cbx_disk_backend zeros(uint64_t bytes)
{
	return (struct cbx_disk_backend){ .bytes = bytes, .read_only = true, .read = read_zeros };
}

/* A PC whose BIOS is this code. */
static struct cbx_machine *start(struct cbx_pc_options *options, const uint8_t *code, size_t size)
{
	struct cbx_machine *machine;
	struct cbx_error error = { CBX_OK, "" };

	memset(rom, 0x90, sizeof(rom));
	if (size)
		memcpy(rom, code, size);
	memcpy(rom + size, code_end, sizeof(code_end));
	memcpy(rom + 0xff0, "\xe9\x0d\xf0", 3);         /* jmp to the start of the ROM */
	options->size = sizeof(*options);
	options->bios = (struct cbx_image){ rom, sizeof(rom) };
	options->debug_exit_port = 0x501;
	assert_int_equal(cbx_pc_new(options, &machine, &error), CBX_OK);
	return machine;
}

static void run(struct cbx_machine *machine)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1000000 };
	struct cbx_stop stop;

	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_EXIT);
	assert_int_equal(stop.exit_code, 0x21);
}

static void read_cmos(struct cbx_pc_options *options, uint8_t *bytes)
{
	struct cbx_machine *machine = start(options, code_cmos, sizeof(code_cmos));

	run(machine);
	assert_int_equal(cbx_memory_read(machine, 0x500, bytes, 128), CBX_OK);
	cbx_machine_free(machine);
}

static unsigned word(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8;
}

static void test_cmos_memory(void **unused)
{
	static const struct {
		uint64_t bytes;
		unsigned extended, above_16m, above_4g;
	} cases[] = {
		{ 1 * MIB, 0, 0, 0 },
		{ 2 * MIB, 1024, 0, 0 },
		{ 16 * MIB, 15360, 0, 0 },
		{ 17 * MIB, 16384, 16, 0 },
		{ 65 * MIB, 0xffff, 784, 0 },
		{ 256 * MIB, 0xffff, 3840, 0 },
		{ 3072 * MIB, 0xffff, 48896, 0 },
		{ 4096 * MIB, 0xffff, 48896, 16384 },
		{ 6144 * MIB, 0xffff, 48896, 49152 },
		{ 65536 * MIB, 0xffff, 48896, 61 * 16384 },
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cbx_pc_options options = { .machine.memory_bytes = cases[i].bytes };
		uint8_t cmos[128];

		read_cmos(&options, cmos);
		assert_int_equal(word(cmos + 0x15), 640);
		assert_int_equal(word(cmos + 0x17), cases[i].extended);
		assert_int_equal(word(cmos + 0x30), cases[i].extended);
		assert_int_equal(word(cmos + 0x34), cases[i].above_16m);
		assert_int_equal(word(cmos + 0x5b) | cmos[0x5d] << 16, cases[i].above_4g);
	}
}

static void test_cmos_drives(void **unused)
{
	struct cbx_pc_options options = { .boot_order = "dca" };
	uint8_t cmos[128];
	unsigned sum = 0;

	(void)unused;
	read_cmos(&options, cmos);
	assert_int_equal(cmos[0x10] & 0xf0, 0x40);      /* drive A is there, empty */
	assert_int_equal(cmos[0x12], 0);
	assert_int_equal(cmos[0x14] & 0x07, 0x07);
	assert_int_equal(cmos[0x3d], 0x23);
	assert_int_equal(cmos[0x38] >> 4, 1);
	for (unsigned i = 0x10; i < 0x2e; i++)
		sum += cmos[i];
	assert_int_equal(sum, cmos[0x2e] << 8 | cmos[0x2f]);

	options.floppy[0] = zeros(368640);
	options.floppy[1] = zeros(2949120);
	options.ide[0].present = true;
	options.ide[0].disk = zeros(10 * MIB);
	options.ide[1].present = true;
	options.ide[1].disk = zeros(8192 * MIB);
	options.ide[2].present = true;
	options.ide[2].cdrom = true;
	options.boot_order = "xyn";
	read_cmos(&options, cmos);
	assert_int_equal(cmos[0x10] & 0x0f, 0x05);
	assert_int_equal(cmos[0x14] & 0xc1, 0x41);
	assert_int_equal(cmos[0x12], 0xff);
	assert_int_equal(word(cmos + 0x19), 47 << 8 | 47);
	assert_int_equal(cmos[0x39], 0x04);             /* only the large one is translated */
	assert_int_equal(cmos[0x3d], 0x04);

	options.no_floppy_controller = true;
	options.boot_order = "";
	read_cmos(&options, cmos);
	assert_int_equal(cmos[0x10], 0);
	assert_int_equal(cmos[0x14] & 0x01, 0);
	assert_int_equal(cmos[0x3d], 0);
}

static void test_cmos_time(void **unused)
{
	struct cbx_pc_options options = { .rtc_time = 1795338245 };     /* 2026-11-22 09:04:05 */
	uint8_t cmos[128];

	(void)unused;
	read_cmos(&options, cmos);
	assert_int_equal(cmos[0], 0x05);
	assert_int_equal(cmos[2], 0x04);
	assert_int_equal(cmos[4], 0x09);
	assert_int_equal(cmos[7], 0x22);
	assert_int_equal(cmos[8], 0x11);
	assert_int_equal(cmos[9], 0x26);
	assert_int_equal(cmos[0x32], 0x20);
	options.rtc_time = 0;
	read_cmos(&options, cmos);
	assert_int_equal(cmos[9], 0x00);
	assert_int_equal(cmos[0x32], 0x20);
}

static void test_memory_map(void **unused)
{
	struct cbx_pc_options options = { .machine.memory_bytes = 4096 * MIB };
	struct cbx_machine *machine = start(&options, NULL, 0);
	static const uint8_t pattern[] = "clearbox";
	uint8_t bytes[16], top[3];

	(void)unused;
	/* The ROM is at the end of 4 GiB and of the first MiB, and cannot be written. */
	assert_int_equal(cbx_memory_read(machine, 0xfffffff0, top, 3), CBX_OK);
	assert_memory_equal(top, rom + 0xff0, 3);
	assert_int_equal(cbx_memory_read(machine, 0xffff0, top, 3), CBX_OK);
	assert_memory_equal(top, rom + 0xff0, 3);
	assert_int_equal(cbx_memory_write(machine, 0xffff0, pattern, 3), CBX_ERROR_UNMAPPED);
	/* The VGA BIOS. */
	assert_int_equal(cbx_memory_read(machine, 0xc0000, bytes, 2), CBX_OK);
	assert_int_equal(word(bytes), 0xaa55);
	/* RAM: below 640 KiB, from 1 MiB to the PCI hole, from 4 GiB on. */
	assert_int_equal(cbx_memory_write(machine, 0x9fff8, pattern, 8), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x100000, pattern, 8), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0xbffffff8, pattern, 8), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0xc0000000, pattern, 8), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_memory_write(machine, UINT64_C(0x100000000), pattern, 8), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, UINT64_C(0x13ffffff8), pattern, 8), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, UINT64_C(0x140000000), pattern, 8),
			 CBX_ERROR_UNMAPPED);
	cbx_machine_free(machine);
}

/* Switches A20 off by port 92h and on by the 8042, and looks at both each time. */
static void test_a20(void **unused)
{
	static const uint8_t code[] = {
		0xea, 0x05, 0xf0, 0x00, 0xf0,           /* to F000:F005: that survives A20 off */
		0x31, 0xc0, 0x8e, 0xd8,                 /* ds = 0 */
		0x48, 0x8e, 0xc0,                       /* dec ax; es = FFFFh */
		0xc6, 0x06, 0x00, 0x05, 0x11,           /* [0:500h] = 11h */
		0x26, 0xc6, 0x06, 0x10, 0x05, 0x22,     /* [FFFF:510h] = 22h: 100500h */
		0xa0, 0x00, 0x05, 0xa2, 0x00, 0x06,     /* [600h] = [500h] */
		0x30, 0xc0, 0xe6, 0x92,                 /* A20 off */
		0x26, 0xa0, 0x10, 0x05, 0xa2, 0x01, 0x06,       /* [601h] = [FFFF:510h] */
		0xb0, 0xd0, 0xe6, 0x64, 0xe4, 0x60, 0xa2, 0x02, 0x06,   /* [602h]: output port */
		0xb0, 0xdf, 0xe6, 0x64,                 /* A20 on */
		0xe4, 0x92, 0xa2, 0x03, 0x06,           /* [603h]: port 92h */
		0x26, 0xa0, 0x10, 0x05, 0xa2, 0x04, 0x06,       /* [604h] = [FFFF:510h] */
	};
	struct cbx_pc_options options = { 0 };
	struct cbx_machine *machine = start(&options, code, sizeof(code));
	uint8_t seen[5];

	(void)unused;
	run(machine);
	assert_int_equal(cbx_memory_read(machine, 0x600, seen, sizeof(seen)), CBX_OK);
	assert_int_equal(seen[0], 0x11);
	assert_int_equal(seen[1], 0x11);
	assert_int_equal(seen[2] & 2, 0);
	assert_int_equal(seen[3] & 2, 2);
	assert_int_equal(seen[4], 0x22);
	cbx_machine_free(machine);
}

static unsigned serial_count[4];

static void count_serial(void *user, uint8_t byte)
{
	(void)byte;
	++*(unsigned *)user;
}

/* Lets COM3 and COM1 want their interrupt together; it stays until neither does. */
static void test_shared_interrupts(void **unused)
{
	static const uint8_t code[] = {
		0x31, 0xc0, 0x8e, 0xd8,
		0xb0, 0x0b, 0xba, 0xfc, 0x03, 0xee,     /* OUT2 of COM1 */
		0xba, 0xec, 0x03, 0xee,                 /* and of COM3 */
		0xb0, 0x02, 0xba, 0xf9, 0x03, 0xee,     /* transmitter interrupt of both */
		0xba, 0xe9, 0x03, 0xee,
		0xb0, 0x10, 0xba, 0xd0, 0x04, 0xee,     /* IRQ 4 level-triggered: IRR shows the wire */
		0xe4, 0x20, 0xa2, 0x00, 0x06,
		0xba, 0xfa, 0x03, 0xec,                 /* COM1's goes */
		0xe4, 0x20, 0xa2, 0x01, 0x06,
		0xba, 0xea, 0x03, 0xec,                 /* COM3's goes */
		0xe4, 0x20, 0xa2, 0x02, 0x06,
		0xb0, 0x41, 0xba, 0xf8, 0x03, 0xee,     /* a byte for COM1, one for COM4 */
		0xba, 0xe8, 0x02, 0xee,
	};
	struct cbx_pc_options options = { 0 };
	struct cbx_machine *machine;
	uint8_t seen[3];

	(void)unused;
	for (unsigned i = 0; i < 4; i++)
		options.serial[i] = (struct cbx_character_backend){ count_serial, &serial_count[i] };
	machine = start(&options, code, sizeof(code));
	run(machine);
	assert_int_equal(cbx_memory_read(machine, 0x600, seen, sizeof(seen)), CBX_OK);
	assert_int_equal(seen[0] & 0x10, 0x10);
	assert_int_equal(seen[1] & 0x10, 0x10);
	assert_int_equal(seen[2] & 0x10, 0x00);
	assert_int_equal(serial_count[0], 1);
	assert_int_equal(serial_count[3], 1);
	assert_int_equal(serial_count[1] + serial_count[2], 0);
	cbx_machine_free(machine);
}

/* Waits for a byte in the 8042 and keeps it. */
static void test_input(void **unused)
{
	static const uint8_t code[] = {
		0x31, 0xc0, 0x8e, 0xd8,
		0xe4, 0x64, 0xa8, 0x01, 0x74, 0xfa,     /* wait: in al, 64h; test al, 1; jz wait */
		0xe4, 0x60, 0xa2, 0x00, 0x06,
	};
	struct cbx_pc_options options = { 0 };
	struct cbx_machine *machine = start(&options, code, sizeof(code));
	uint8_t seen;
	char many[5000];
	size_t taken;

	(void)unused;
	assert_int_equal(cbx_key(machine, 0x04, true), CBX_OK);
	assert_int_equal(cbx_key(machine, 0, true), CBX_ERROR_ARGUMENT);
	run(machine);
	assert_int_equal(cbx_memory_read(machine, 0x600, &seen, 1), CBX_OK);
	assert_int_equal(seen, 0x1e);
	assert_int_equal(cbx_mouse(machine, 1, 2, 3, 7), CBX_OK);
	memset(many, 'x', sizeof(many));
	assert_int_equal(cbx_serial_input(machine, 0, many, sizeof(many), &taken), CBX_OK);
	assert_int_equal(taken, 4096);
	assert_int_equal(cbx_serial_input(machine, 4, many, 1, &taken), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_serial_input(machine, 0, many, 1, NULL), CBX_ERROR_ARGUMENT);
	many[4999] = 0;
	assert_int_equal(cbx_type_text(machine, many), CBX_ERROR_LIMIT);
	assert_int_equal(cbx_type_text(machine, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_power_button(machine), CBX_OK);
	assert_non_null(cbx_pc_pci_bus(machine));
	cbx_machine_free(machine);
}

static void test_drive_change(void **unused)
{
	struct cbx_pc_options options = { 0 };
	struct cbx_disk_backend floppy = zeros(1474560), odd = zeros(5 * MIB), cd = zeros(4 * MIB);
	struct cbx_machine *machine;

	(void)unused;
	options.ide[2].present = true;
	options.ide[2].cdrom = true;
	options.ide[0].present = true;
	options.ide[0].disk = zeros(4 * MIB);
	machine = start(&options, NULL, 0);
	assert_int_equal(cbx_drive_change(machine, CBX_FLOPPY_A, &floppy), CBX_OK);
	assert_int_equal(cbx_drive_change(machine, CBX_FLOPPY_A, NULL), CBX_OK);
	assert_int_equal(cbx_drive_change(machine, CBX_FLOPPY_A, &odd), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_drive_change(machine, CBX_IDE_2, &cd), CBX_OK);
	assert_int_equal(cbx_drive_change(machine, CBX_IDE_2, NULL), CBX_OK);
	assert_int_equal(cbx_drive_change(machine, CBX_IDE_0, &cd), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_drive_change(machine, CBX_IDE_3, &cd), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_drive_change(machine, (enum cbx_drive)99, &cd), CBX_ERROR_ARGUMENT);
	cbx_machine_free(machine);
}

static void test_bad_options(void **unused)
{
	struct cbx_pc_options good = { .size = sizeof(good) }, bad;
	struct cbx_machine *machine;
	struct cbx_error error;

	(void)unused;
	bad = good;
	bad.machine.memory_bytes = 4096;
	assert_int_equal(cbx_pc_new(&bad, &machine, &error), CBX_ERROR_ARGUMENT);
	assert_true(error.text[0] != 0);
	bad.machine.memory_bytes = 2 * MIB + 1;
	assert_int_equal(cbx_pc_new(&bad, &machine, &error), CBX_ERROR_ARGUMENT);
	bad = good;
	bad.bios = (struct cbx_image){ rom, 100 };
	assert_int_equal(cbx_pc_new(&bad, &machine, NULL), CBX_ERROR_ARGUMENT);
	bad = good;
	bad.vga_bios = (struct cbx_image){ rom, 0x10001 };
	assert_int_equal(cbx_pc_new(&bad, &machine, &error), CBX_ERROR_ARGUMENT);
	bad = good;
	bad.floppy[0] = zeros(5 * MIB);
	assert_int_equal(cbx_pc_new(&bad, &machine, &error), CBX_ERROR_ARGUMENT);
	bad = good;
	bad.ide[0].present = true;
	assert_int_equal(cbx_pc_new(&bad, &machine, &error), CBX_ERROR_ARGUMENT);
	bad = good;
	bad.vram_bytes = 12345;
	assert_int_equal(cbx_pc_new(&bad, &machine, &error), CBX_ERROR_ARGUMENT);
	bad = good;
	bad.debug_exit_port = 0xffff;
	assert_int_equal(cbx_pc_new(&bad, &machine, &error), CBX_ERROR_ARGUMENT);
	assert_null(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cmos_memory),
		cmocka_unit_test(test_cmos_drives),
		cmocka_unit_test(test_cmos_time),
		cmocka_unit_test(test_memory_map),
		cmocka_unit_test(test_a20),
		cmocka_unit_test(test_shared_interrupts),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_drive_change),
		cmocka_unit_test(test_bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
