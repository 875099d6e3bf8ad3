/*
 * A whole PC whose guest goes through tables of bad values: every command with far too much data
 * after it, the extremes of every length and count, zero for whatever is divided by, memory to
 * memory transfers that aim at what is no memory, and saved states of the smallest devices with
 * random bytes in them.  Each device works after a reset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

#include "machine.h"
#include "memory.h"
#include "state.h"
#include "../shared/bytes_disk.h"
#include "../shared/packed_state.h"

enum {
	RAM = 4 << 20, VRAM = 1 << 20, DISK = 1 << 20, FLOPPY = 1474560, ROMS = 0x18000,
	CODE = 0x7000, BUFFER = 0x20000, FLOOD = 100000, EXIT_PORT = 0x501
};

#define LFB 0xe0000000u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MS UINT64_C(1000000)

static uint8_t disk_bytes[DISK], floppy_bytes[FLOPPY];
static unsigned characters_out;

static void take_character(void *user, uint8_t byte)
{
	(void)user;
	(void)byte;
	characters_out++;
}

static void out(struct cbx_machine *machine, unsigned port, uint32_t value)
{
	port_write(machine, (uint16_t)port, value, 1);
}

static uint8_t in(struct cbx_machine *machine, unsigned port)
{
	return (uint8_t)port_read(machine, (uint16_t)port, 1);
}

static void config(struct cbx_machine *machine, unsigned slot, unsigned at, uint32_t value)
{
	port_write(machine, 0xcf8, 0x80000000 | slot << 11 | at, 4);
	port_write(machine, 0xcfc, value, 4);
}

static void pass(struct cbx_machine *machine, uint64_t nanoseconds)
{
	struct cbx_run_options options = { .size = sizeof(options),
					   .guest_nanoseconds = nanoseconds };
	struct cbx_stop stop;

	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
}

/* A processor that waits, all interrupts masked, while time passes from timer to timer. */
static void restart(struct cbx_machine *machine)
{
	static const uint8_t wait[] = { 0xfb, 0xf4, 0xeb, 0xfd };       /* sti; hlt; jmp hlt */

	cbx_machine_reset(machine);
	assert_int_equal(cbx_memory_write(machine, CODE, wait, sizeof(wait)), CBX_OK);
	cbx_register_write(machine, CBX_CS, 0);
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RIP, CODE);
	out(machine, 0x21, 0xff);
	out(machine, 0xa1, 0xff);
	config(machine, 2, 0x10, LFB);
	config(machine, 2, 0x04, 3);
	config(machine, 1, 0x140, 0x80008000);          /* function 1: both IDE channels */
	out(machine, 0xd6, 0xc0);                       /* the cascade */
	out(machine, 0xd4, 0);
}

static struct cbx_machine *new_pc(void)
{
	struct cbx_pc_options options = { .size = sizeof(options), .vram_bytes = VRAM,
					  .sound_card.present = true };
	struct cbx_disk_backend disk = { .bytes = DISK, .read = bytes_disk_read, .write = bytes_disk_write,
					 .user = disk_bytes };
	struct cbx_machine *machine;

	for (unsigned n = 0; n < DISK; n++)
		disk_bytes[n] = (uint8_t)(n * 7 + (n >> 9) * 13 + 1);
	options.machine.memory_bytes = RAM;
	options.ide[0].present = options.ide[2].present = options.ide[2].cdrom = true;
	options.ide[0].disk = options.ide[2].disk = options.floppy[0] = disk;
	options.ide[2].disk.read_only = true;
	options.floppy[0].bytes = FLOPPY;
	options.floppy[0].user = floppy_bytes;
	options.debug_console.write = take_character;
	options.debug_exit_port = EXIT_PORT;
	assert_int_equal(cbx_pc_new(&options, &machine, NULL), CBX_OK);
	restart(machine);
	return machine;
}

/* ---- Commands, and then data without end ------------------------------------------ */

static void flood_i8042(void **state)
{
	struct cbx_machine *machine = new_pc();

	(void)state;
	for (unsigned n = 0; n < 768; n++) {
		/* To the controller, to the keyboard, to the mouse. */
		if (n >= 512)
			out(machine, 0x64, 0xd4);
		out(machine, n < 256 ? 0x64 : 0x60, n);
		if (n & 1)
			pass(machine, 20 * MS);
		for (unsigned i = 0; i < (n < 512 ? FLOOD : FLOOD / 2); i++) {
			if (n >= 512)
				out(machine, 0x64, 0xd4);
			out(machine, 0x60, n + i);
		}
		pass(machine, MS);
		for (unsigned i = 0; i < 100; i++)
			in(machine, 0x60);
		restart(machine);
		out(machine, 0x64, 0xaa);
		pass(machine, MS);
		assert_int_equal(in(machine, 0x64) & 1, 1);
		assert_int_equal(in(machine, 0x60), 0x55);
	}
	cbx_machine_free(machine);
}

static void flood_atapi(void **state)
{
	struct cbx_machine *machine = new_pc();

	(void)state;
	for (unsigned n = 0; n < 512; n++) {
		out(machine, 0x176, 0xa0);
		out(machine, 0x171, 0);
		out(machine, 0x174, n * 3);
		out(machine, 0x175, n & 2 ? 0xff : 8);
		out(machine, 0x177, 0xa0);
		pass(machine, MS);
		for (unsigned i = 0; i < 6; i++)
			port_write(machine, 0x170, i ? n * i * 0x3b : n / 2, 2);
		pass(machine, 10 * MS);
		for (unsigned i = 0; i < FLOOD / 2; i++) {
			if (n & 1)
				port_read(machine, 0x170, 2);
			else
				port_write(machine, 0x170, i * 0x9e37, 2);
			if (i % 8192 == 0)
				pass(machine, MS);
		}
		out(machine, 0x376, 4);
		pass(machine, MS);
		out(machine, 0x376, 0);
		pass(machine, 10 * MS);
		assert_int_equal(in(machine, 0x177) & 0x89, 0);
		assert_int_equal(in(machine, 0x174), 0x14);
		assert_int_equal(in(machine, 0x175), 0xeb);
	}
	cbx_machine_free(machine);
}

static void check_uart(struct cbx_machine *machine)
{
	out(machine, 0x3fa, 7);
	out(machine, 0x3fb, 0x83);
	out(machine, 0x3f8, 1);
	out(machine, 0x3f9, 0);
	out(machine, 0x3fb, 0x03);
	out(machine, 0x3fc, 0x10);
	out(machine, 0x3f8, 0x5a);
	pass(machine, MS);
	assert_int_equal(in(machine, 0x3fd) & 1, 1);
	assert_int_equal(in(machine, 0x3f8), 0x5a);
}

/* Every value of each of the three registers, and 256 of their combinations. */
static void flood_uart(void **state)
{
	struct cbx_machine *machine = new_pc();

	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		out(machine, 0x3f9, n >> 4);
		out(machine, 0x3fa, n * 37 + 1);
		out(machine, 0x3fc, n * 91 + 0x10);
		out(machine, 0x3fb, n);
		for (unsigned i = 0; i < FLOOD; i++) {
			out(machine, 0x3f8, i);
			if (i % 10000 == 0)
				pass(machine, MS / 4);
		}
		for (unsigned i = 0; i < 100; i++)
			in(machine, 0x3f8);
		restart(machine);
		check_uart(machine);
	}
	cbx_machine_free(machine);
}

/* ---- Lengths ---------------------------------------------------------------------- */

static const uint16_t counts[] = { 0, 1, 510, 511, 512, 0x7fff, 0xffff };

static void dma_clear(struct cbx_machine *machine)
{
	out(machine, 0x0d, 0);
	out(machine, 0xda, 0);
	out(machine, 0xd6, 0xc0);
	out(machine, 0xd4, 0);
}

static void dma_program(struct cbx_machine *machine, unsigned number, unsigned mode,
			uint32_t address, unsigned count)
{
	static const uint8_t pages[] = { 0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a };
	unsigned base = number < 4 ? 0 : 0xc0, step = number < 4 ? 1 : 2, index = number & 3;

	out(machine, base + 0xc * step, 0);
	out(machine, base + 0xb * step, mode << 2 | index);
	out(machine, base + 2 * index * step, address);
	out(machine, base + 2 * index * step, address >> 8);
	out(machine, base + (2 * index + 1) * step, count);
	out(machine, base + (2 * index + 1) * step, count >> 8);
	out(machine, pages[number], address >> 16);
	out(machine, base + 0xa * step, index);
}

static void floppy_start(struct cbx_machine *machine)
{
	out(machine, 0x3f2, 0);
	out(machine, 0x3f2, 0x1c);
	pass(machine, MS);
	for (unsigned i = 0; i < 4; i++) {
		out(machine, 0x3f5, 8);
		in(machine, 0x3f5);
		in(machine, 0x3f5);
	}
	out(machine, 0x3f7, 0);
	out(machine, 0x3f5, 3);
	out(machine, 0x3f5, 0xdf);
	out(machine, 0x3f5, 2);
}

static void floppy_command(struct cbx_machine *machine, unsigned command, unsigned size,
			   unsigned end, unsigned gap, unsigned length)
{
	const unsigned bytes[] = { command, 0, 0, 0, 1, size, end, gap, length };

	for (unsigned i = 0; i < COUNT(bytes); i++)
		out(machine, 0x3f5, bytes[i]);
	pass(machine, 500 * MS);
}

static void floppy_lengths(void **state)
{
	/* READ, WRITE, READ DELETED, READ TRACK, VERIFY, SCAN EQUAL; FORMAT. */
	static const uint8_t commands[] = { 0xe6, 0xc5, 0x4c, 0x42, 0xf6, 0xd1, 0x4d };
	static const uint8_t sizes[] = { 0, 1, 2, 3, 6, 7, 8, 0x7f, 0xff };
	static const uint8_t ends[] = { 0, 1, 17, 18, 19, 0x7f, 0xff };
	static const uint8_t gaps[] = { 0, 1, 0x1b, 0x7f, 0xff };
	struct cbx_machine *machine = new_pc();
	static uint8_t bytes[0x10010];

	(void)state;
	for (unsigned n = 0; n < COUNT(commands) * COUNT(sizes) * COUNT(ends); n++) {
		unsigned count = counts[(n + n / 7 + n / 49) % COUNT(counts)];
		unsigned write = commands[n % COUNT(commands)] & 1;

		memset(bytes, 0x33, sizeof(bytes));
		assert_int_equal(cbx_memory_write(machine, BUFFER, bytes, sizeof(bytes)), CBX_OK);
		floppy_start(machine);
		dma_program(machine, 2, write ? 0x12 : 0x11, BUFFER, count);
		floppy_command(machine, commands[n % COUNT(commands)],
			       sizes[n / COUNT(commands) % COUNT(sizes)],
			       ends[n / COUNT(commands) / COUNT(sizes)], gaps[n % COUNT(gaps)],
			       gaps[n / 3 % COUNT(gaps)]);
		for (unsigned i = 0; i < 20; i++)
			in(machine, 0x3f5);
		assert_int_equal(cbx_memory_read(machine, BUFFER, bytes, sizeof(bytes)), CBX_OK);
		for (unsigned i = count + 1; i < count + 16; i++)
			assert_int_equal(bytes[i], 0x33);
	}
	restart(machine);
	memset(floppy_bytes, 0x5a, sizeof(floppy_bytes));
	floppy_start(machine);
	dma_program(machine, 2, 0x11, BUFFER, 511);
	floppy_command(machine, 0xe6, 2, 18, 0x1b, 0xff);
	assert_int_equal(cbx_memory_read(machine, BUFFER, bytes, 512), CBX_OK);
	assert_memory_equal(bytes, floppy_bytes, 512);
	cbx_machine_free(machine);
}

/* All modes of all channels, without and with a device, over the end of their 64K or 128K. */
static void dma_counts(void **state)
{
	struct cbx_machine *machine = new_pc();
	uint8_t byte[2] = { 0x33, 0x33 };

	(void)state;
	assert_int_equal(cbx_memory_write(machine, BUFFER - 1, byte, 1), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, BUFFER + 0x20000, byte, 1), CBX_OK);
	for (unsigned n = 0; n < 8 * 64 * COUNT(counts); n++) {
		unsigned number = n & 7;

		dma_program(machine, number, n >> 3 & 63, BUFFER + (n & 8 ? 0xff80 : 0),
			    counts[n >> 9]);
		out(machine, number < 4 ? 0x09 : 0xd2, 4 | (number & 3));
		pass(machine, MS / 2);
		dma_clear(machine);
	}
	assert_int_equal(cbx_memory_read(machine, BUFFER - 1, byte, 1), CBX_OK);
	assert_int_equal(cbx_memory_read(machine, BUFFER + 0x20000, byte + 1, 1), CBX_OK);
	assert_int_equal(byte[0], 0x33);
	assert_int_equal(byte[1], 0x33);
	cbx_machine_free(machine);
}

/* ---- Division by what the guest gives --------------------------------------------- */

static void ide_command(struct cbx_machine *machine, unsigned count, unsigned sector,
			unsigned cylinder, unsigned head, unsigned command)
{
	out(machine, 0x1f6, head);
	out(machine, 0x1f2, count);
	out(machine, 0x1f3, sector);
	out(machine, 0x1f4, cylinder);
	out(machine, 0x1f5, cylinder >> 8);
	out(machine, 0x1f7, command);
	pass(machine, 20 * MS);
}

static void ide_geometry(void **state)
{
	static const uint8_t sectors[] = { 0, 1, 63, 0xff }, numbers[] = { 0, 1, 0xff };
	static const uint8_t commands[] = { 0x20, 0xc4, 0xc8, 0x40, 0x70, 0xec };
	struct cbx_machine *machine = new_pc();

	(void)state;
	for (unsigned n = 0; n < 16 * COUNT(sectors) * COUNT(commands); n++) {
		unsigned heads = n & 15, command = commands[n / 16 % COUNT(commands)];

		ide_command(machine, sectors[n / 16 / COUNT(commands)], 0, 0, 0xa0 | heads, 0x91);
		for (unsigned i = 0; i < 3 * COUNT(numbers); i++) {
			ide_command(machine, i & 1, numbers[i % 3], i < 3 ? 0 : i < 6 ? 1 : 0xffff,
				    0xa0 | (i & 1 ? heads : 0), command);
			for (unsigned word = 0; word < 300; word++)
				port_read(machine, 0x1f0, 2);
			out(machine, 0x3f6, 4);
			out(machine, 0x3f6, 0);
			pass(machine, 5 * MS);
		}
	}
	ide_command(machine, 1, 0, 0, 0xe0, 0x20);
	for (unsigned i = 0; i < 512; i += 2)
		assert_int_equal(port_read(machine, 0x1f0, 2),
				 disk_bytes[i] | disk_bytes[i + 1] << 8);
	cbx_machine_free(machine);
}

/* FORMAT with sectors of no size and no number; READ that ends before it begins. */
static void floppy_zero(void **state)
{
	static const uint8_t commands[] = { 0xe6, 0xc5, 0xf6, 0x42, 0x4d, 0xd1 };
	struct cbx_machine *machine = new_pc();

	(void)state;
	for (unsigned n = 0; n < COUNT(commands) * 8; n++) {
		const uint8_t format[] = { 0x4d, 0, n & 8 ? 2 : 0, 0, 0, 0 };

		floppy_start(machine);
		dma_program(machine, 2, commands[n >> 3] & 1 ? 0x12 : 0x11, BUFFER, 511);
		floppy_command(machine, commands[n >> 3], n & 1 ? 2 : 0, n & 2 ? 1 : 0, 0,
			       n & 4 ? 1 : 0);
		floppy_start(machine);
		dma_program(machine, 2, 0x12, BUFFER, n & 1 ? 511 : 0);
		for (unsigned i = 0; i < sizeof(format); i++)
			out(machine, 0x3f5, format[i]);
		pass(machine, 500 * MS);
		for (unsigned i = 0; i < 10; i++)
			in(machine, 0x3f5);
	}
	cbx_machine_free(machine);
}

static void pit_counts(void **state)
{
	static const uint16_t values[] = { 0, 1, 2, 0xffff };
	struct cbx_machine *machine = new_pc();
	unsigned first;

	(void)state;
	for (unsigned n = 0; n < 3 * 3 * 16 * COUNT(values); n++) {
		unsigned counter = n % 3, access = 1 + n / 3 % 3, mode = n / 9 % 16;
		unsigned value = values[n / 144];

		out(machine, 0x61, n & 3);
		out(machine, 0x43, counter << 6 | access << 4 | mode);
		out(machine, 0x40 + counter, value);
		out(machine, 0x40 + counter, value >> 8);
		for (unsigned i = 0; i < 4; i++) {
			pass(machine, i * MS / 16 + 1);
			out(machine, 0x61, i);
			in(machine, 0x61);
			out(machine, 0x43, i & 1 ? counter << 6 : 0xc0u | 2u << counter);
			for (unsigned k = 0; k < 5; k++)
				in(machine, 0x40 + counter);
		}
	}
	restart(machine);
	out(machine, 0x43, 0x34);
	out(machine, 0x40, 0);
	out(machine, 0x40, 0);
	pass(machine, MS);
	out(machine, 0x43, 0);
	first = in(machine, 0x40);
	first |= (unsigned)in(machine, 0x40) << 8;
	assert_in_range(first, 0x10000 - 1300, 0x10000 - 1100);
	cbx_machine_free(machine);
}

static void uart_divisors(void **state)
{
	static const uint16_t divisors[] = { 0, 1, 0xff00, 0xffff };
	static const uint8_t text[100];
	struct cbx_machine *machine = new_pc();
	size_t taken;

	(void)state;
	for (unsigned n = 0; n < COUNT(divisors) * 64; n++) {
		restart(machine);
		out(machine, 0x3fa, n & 1);
		out(machine, 0x3fb, 0x80);
		out(machine, 0x3f8, divisors[n / 64]);
		out(machine, 0x3f9, divisors[n / 64] >> 8);
		out(machine, 0x3fb, n & 0x3f);
		out(machine, 0x3fc, n & 2 ? 0x1b : 0x0b);
		out(machine, 0x3f9, 0x0f);
		assert_int_equal(cbx_serial_input(machine, 0, text, sizeof(text), &taken), CBX_OK);
		for (unsigned i = 0; i < 40; i++) {
			out(machine, 0x3f8, i);
			in(machine, 0x3f8);
			in(machine, 0x3fa);
			pass(machine, MS / 8);
		}
	}
	restart(machine);
	check_uart(machine);
	cbx_machine_free(machine);
}

static void cmos(struct cbx_machine *machine, unsigned index, unsigned value)
{
	out(machine, 0x70, index);
	out(machine, 0x71, value);
}

static unsigned seconds(struct cbx_machine *machine)
{
	out(machine, 0x70, 0);
	return in(machine, 0x71);
}

static void rtc_dividers(void **state)
{
	static const uint8_t modes[] = { 0x02, 0x72, 0x7e, 0xf2, 0xff, 0x06 };
	struct cbx_machine *machine = new_pc();
	unsigned first;

	(void)state;
	for (unsigned n = 0; n < 256 * COUNT(modes); n++) {
		cmos(machine, 0x0b, modes[n >> 8]);
		cmos(machine, 0x0a, n & 0xff);
		pass(machine, 2 * MS);
		out(machine, 0x70, 0x0c);
		in(machine, 0x71);
		in(machine, 0x71);
	}
	for (unsigned index = 0; index < 10; index++)
		cmos(machine, index, 1);
	cmos(machine, 0x0b, 0x02);
	cmos(machine, 0x0a, 0x26);
	first = seconds(machine);
	pass(machine, 2000 * MS);
	assert_int_equal(seconds(machine), first + 2);
	cbx_machine_free(machine);
}

/* ---- Memory to memory ------------------------------------------------------------- */

static enum cbx_status read_roms(struct cbx_machine *machine, uint8_t *bytes)
{
	enum cbx_status status = cbx_memory_read(machine, 0xc0000, bytes, 0x8000);

	return status ? status : cbx_memory_read(machine, 0xf0000, bytes + 0x8000, 0x10000);
}

static void memory_to_memory(void **state)
{
	static const uint32_t places[] = {
		BUFFER, BUFFER + 1, 0x2ff00, 0xa0000, 0xb8000, 0xc0000, 0xf0000, 0xffff00, RAM,
		0x9fff0, 0x10000
	};
	static const uint8_t modes[] = { 0x20, 0x28, 0x30, 0x24, 0x3c };
	static uint8_t before[ROMS], after[ROMS];
	struct cbx_machine *machine = new_pc();

	(void)state;
	for (uint32_t at = 0; at < VRAM; at += 508)
		memory_write(machine, LFB + at, at, 4);
	assert_int_equal(read_roms(machine, before), CBX_OK);
	for (unsigned n = 0; n < COUNT(places) * COUNT(places) * COUNT(counts); n++) {
		unsigned from = n % COUNT(places), to = n / COUNT(places) % COUNT(places);

		dma_clear(machine);
		out(machine, 0x08, n & 1 ? 3 : 1);
		dma_program(machine, 0, modes[n % COUNT(modes)], places[from],
			    counts[n % COUNT(counts)]);
		dma_program(machine, 1, modes[n / 5 % COUNT(modes)], places[to],
			    counts[n / COUNT(places) / COUNT(places)]);
		out(machine, 0x09, 4);
		pass(machine, 3 * MS);
	}
	assert_int_equal(read_roms(machine, after), CBX_OK);
	assert_memory_equal(before, after, ROMS);
	for (uint32_t at = 0; at < VRAM; at += 508)
		assert_int_equal(memory_read(machine, LFB + at, 4), at);
	/* Between RAM and RAM it works. */
	dma_clear(machine);
	assert_int_equal(cbx_memory_write(machine, BUFFER, disk_bytes, 512), CBX_OK);
	out(machine, 0x08, 1);
	dma_program(machine, 0, 0x22, BUFFER, 511);
	dma_program(machine, 1, 0x21, BUFFER + 0x8000, 511);
	out(machine, 0x09, 4);
	pass(machine, 3 * MS);
	assert_int_equal(cbx_memory_read(machine, BUFFER + 0x8000, after, 512), CBX_OK);
	assert_memory_equal(after, disk_bytes, 512);
	cbx_machine_free(machine);
}

/* ---- Saved states of the debug ports and the speaker ------------------------------ */

static void use_small_devices(struct cbx_machine *machine)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 100 };
	struct cbx_stop stop;
	unsigned before = characters_out;

	out(machine, 0x61, in(machine, 0x61) ^ 3);
	assert_int_equal(in(machine, 0xe9), 0xe9);
	out(machine, 0xe9, 'x');
	assert_int_equal(characters_out, before + 1);
	out(machine, EXIT_PORT, 5);
	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_EXIT);
	assert_int_equal(stop.exit_code, 11);
}

static void loaded_states(void **state)
{
	static const char *const names[] = { "debugport", "debug_exit", "speaker" };
	struct cbx_machine *machine = new_pc();
	uLongf length = 64 << 20;
	uint8_t *body = malloc(length), *packed;
	unsigned found = 0, good = 0, bad = 0;
	uint64_t random = 88172645463325252;
	size_t size, room;
	void *saved;

	(void)state;
	assert_non_null(body);
	assert_int_equal(cbx_snapshot_save(machine, &saved, &size), CBX_OK);
	assert_int_equal(uncompress(body, &length, (uint8_t *)saved + STATE_HEADER,
				    (uLong)(size - STATE_HEADER)), Z_OK);
	room = compressBound(length) + STATE_HEADER;
	packed = malloc(room);
	assert_non_null(packed);
	for (size_t at = 0, next; at < length; at = next) {
		size_t head = 1 + (size_t)body[at] + 8, which = 0;

		next = at + head + 8 + (size_t)get64(body + at + head);
		while (which < COUNT(names) && (strlen(names[which]) != body[at] ||
						memcmp(body + at + 1, names[which], body[at])))
			which++;
		if (which == COUNT(names))
			continue;
		found++;
		for (unsigned n = 0; n < 256 + 8 * (next - at); n++) {
			size_t place = n < 256 ? next - 1 : at + n % (next - at);
			uint8_t kept = body[place];
			enum cbx_status status;

			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			body[place] = place == next - 1 ? (uint8_t)n : (uint8_t)random;
			status = cbx_snapshot_load(machine, packed,
						   pack_state(body, length, packed, room));
			body[place] = kept;
			if (status == CBX_OK) {
				good++;
				use_small_devices(machine);
			} else {
				bad++;
				assert_true(status == CBX_ERROR_FORMAT ||
					    status == CBX_ERROR_MISMATCH);
			}
		}
	}
	/* The debug ports have nothing to save, and so nothing to be damaged. */
	assert_int_equal(found, 1);
	assert_true(good && bad);
	assert_int_equal(cbx_snapshot_load(machine, saved, size), CBX_OK);
	use_small_devices(machine);
	cbx_buffer_free(machine, saved);
	free(body);
	free(packed);
	cbx_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flood_i8042), cmocka_unit_test(flood_atapi),
		cmocka_unit_test(flood_uart), cmocka_unit_test(floppy_lengths),
		cmocka_unit_test(dma_counts), cmocka_unit_test(ide_geometry),
		cmocka_unit_test(floppy_zero), cmocka_unit_test(pit_counts),
		cmocka_unit_test(uart_divisors), cmocka_unit_test(rtc_dividers),
		cmocka_unit_test(memory_to_memory), cmocka_unit_test(loaded_states),
	};

	return cmocka_run_group_tests_name("hostile cells", tests, NULL, NULL);
}
