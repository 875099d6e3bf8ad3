/*
 * Hostile saved states of a whole PC: bytes of its sections are changed and all sums made
 * right again.  Loading either says no and changes nothing, or gives a machine that runs,
 * draws, saves and loads.
 *
 * CLEARBOX_STATE_CASES says how many, CLEARBOX_STATE_SEED where to begin.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

#include "../shared/packed_state.h"

static uint64_t random_state;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static unsigned long environment(const char *name, unsigned long fallback)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : fallback;
}

static uint8_t floppy[1474560];

static enum cbx_status floppy_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	(void)user;
	memcpy(bytes, floppy + offset, count);
	return CBX_OK;
}

static enum cbx_status floppy_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	(void)user;
	memcpy(floppy + offset, bytes, count);
	return CBX_OK;
}

static struct cbx_machine *new_pc(void)
{
	struct cbx_pc_options options = { .size = sizeof(options), .sound_card.present = true };
	struct cbx_disk_backend medium = { .bytes = sizeof(floppy), .read = floppy_read,
					   .write = floppy_write };
	struct cbx_machine *machine;

	options.machine.memory_bytes = 4 << 20;
	options.vram_bytes = 1 << 20;
	options.floppy[0] = medium;
	options.ide[0].present = true;
	options.ide[0].disk = medium;
	options.ide[2].present = options.ide[2].cdrom = true;
	assert_int_equal(cbx_pc_new(&options, &machine, NULL), CBX_OK);
	return machine;
}

static uint32_t pixels[2048 * 1600];

/* A guest would do at least this. */
static void live(struct cbx_machine *machine)
{
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 3000,
				       .guest_nanoseconds = 100000000 };
	struct cbx_screen screen;
	struct cbx_stop stop;
	char text[256];

	assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
	cbx_key(machine, 4, true);
	cbx_mouse(machine, 3, -3, 1, 1);
	assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
	if (cbx_screen_info(machine, &screen) == CBX_OK && screen.width <= 2048)
		cbx_screen_render(machine, pixels, 2048, 1600);
	cbx_screen_text(machine, text, sizeof(text));
}

static void test_hostile(void **state)
{
	static const uint8_t extremes[] = { 0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff };
	unsigned long cases = environment("CLEARBOX_STATE_CASES", 1000), n;
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 3000000 };
	struct cbx_machine *machine = new_pc();
	unsigned long good = 0, bad = 0;
	uint8_t *body, *packed, *data;
	size_t size, length, end, at, room, section[65], sections = 0;
	uLongf body_room = 64 << 20;
	void *saved;

	(void)state;
	random_state = environment("CLEARBOX_STATE_SEED", 1) * 2 + 1;
	cbx_run(machine, &run, NULL);
	/* Memory is not what this is about: a small one packs faster. */
	assert_int_equal(cbx_snapshot_save(machine, &saved, &size), CBX_OK);
	data = saved;
	body = malloc(body_room);
	assert_non_null(body);
	assert_int_equal(uncompress(body, &body_room, data + STATE_HEADER, (uLong)(size - STATE_HEADER)), Z_OK);
	length = body_room;
	room = compressBound(body_room) + STATE_HEADER;
	packed = malloc(room);
	assert_non_null(packed);
	/* The sections before the memories. */
	for (at = 0, end = 0; at < length;) {
		size_t head = 1 + (size_t)body[at] + 8, bytes = (size_t)get64(body + at + head);

		if (!end) {
			assert_true(sections < 64);
			section[sections++] = at;
		}
		at += head + 8 + bytes;
		if (body[at - bytes - 8 - head] == 6 &&
		    !memcmp(body + at - bytes - 8 - head + 1, "timers", 6))
			end = at;
	}
	assert_true(end > 1000);
	section[sections] = end;
	for (n = 0; n < cases; n++) {
		uint8_t kept[16];
		size_t count = 1 + (size_t)(random64() % 8), which = (size_t)(random64() % sections);
		size_t first = section[which], bytes = section[which + 1] - first, reach, i;
		enum cbx_status status;

		/* Each section alike, and near its beginning more often: its end may be a buffer. */
		reach = bytes >> random64() % 10;
		first += (size_t)(random64() % (reach > count ? reach : bytes));
		if (first + count > end)
			first = end - count;
		memcpy(kept, body + first, count);
		for (i = 0; i < count; i++)
			body[first + i] = random64() & 1 ? (uint8_t)random64() :
					  extremes[random64() % sizeof(extremes)];
		status = cbx_snapshot_load(machine, packed, pack_state(body, length, packed, room));
		memcpy(body + first, kept, count);
		if (status == CBX_OK) {
			good++;
			live(machine);
		} else {
			bad++;
			assert_true(status == CBX_ERROR_FORMAT || status == CBX_ERROR_MISMATCH);
		}
	}
	print_message("# %lu loaded, %lu refused\n", good, bad);
	assert_true(bad > 0);
	assert_int_equal(cbx_snapshot_load(machine, data, size), CBX_OK);
	cbx_buffer_free(machine, saved);
	free(body);
	free(packed);
	cbx_machine_free(machine);
}

/* ---- The same, field by field, with all names and lengths right ------------------------------- */

static const uint64_t numbers[] = {
	0, 1, 2, 3, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x1ff, 0x200, 0x7fff, 0x8000, 0xffff, 0x10000,
	0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x3fffffffffffffff, 0x7fffffffffffffff,
	0x8000000000000000, 0xfffffffffffffffe, 0xffffffffffffffff
};

static void change_field(const struct cbx_field *fields, uint8_t *state)
{
	const struct cbx_field *field;
	size_t count = 0, element;
	uint8_t bytes[8];
	uint64_t value;

	while (fields[count].name)
		count++;
	field = &fields[random64() % count];
	element = (size_t)(random64() % (random64() & 1 ? field->count : 1));
	state += field->offset + element * field->size;
	if (field->members) {
		change_field(field->members, state);
		return;
	}
	value = random64() & 3 ? numbers[random64() % (sizeof(numbers) / sizeof(numbers[0]))] :
		random64();
	put64(bytes, value);
	memcpy(state, bytes, field->size);
}

static void change_machine(struct cbx_machine *machine)
{
	struct cbx_device *device;
	size_t count = 0, which, size;

	for (device = machine->devices; device; device = device->next)
		count++;
	which = (size_t)(random64() % (count + 3));
	if (which == count + 2) {
		for (count = 1 + random64() % 4; count--;)
			change_field(tlb_fields, tlb_state(machine, &size));
		return;
	}
	for (device = machine->devices; device; device = device->next) {
		if (which-- || !device->type->fields)
			continue;
		for (count = 1 + random64() % 4; count--;)
			change_field(device->type->fields,
				     (uint8_t *)device + device->type->state_offset);
		return;
	}
	change_field(cpu_fields, cpu_state(machine, &size));
}

static void test_hostile_fields(void **state)
{
	unsigned long cases = environment("CLEARBOX_STATE_CASES", 500), n, good = 0;
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 3000000 };
	struct cbx_machine *donor = new_pc(), *machine = new_pc();
	void *saved, *bad;
	size_t size, bad_size;

	(void)state;
	random_state = environment("CLEARBOX_STATE_SEED", 1) * 2 + 1;
	cbx_run(donor, &run, NULL);
	assert_int_equal(cbx_snapshot_save(donor, &saved, &size), CBX_OK);
	for (n = 0; n < cases; n++) {
		enum cbx_status status;

		assert_int_equal(cbx_snapshot_load(donor, saved, size), CBX_OK);
		change_machine(donor);
		assert_int_equal(cbx_snapshot_save(donor, &bad, &bad_size), CBX_OK);
		status = cbx_snapshot_load(machine, bad, bad_size);
		cbx_buffer_free(donor, bad);
		if (status == CBX_OK) {
			good++;
			live(machine);
		} else {
			assert_int_equal(status, CBX_ERROR_FORMAT);
		}
	}
	print_message("# %lu loaded, %lu refused\n", good, cases - good);
	assert_in_range(good, 1, cases - 1);
	assert_int_equal(cbx_snapshot_load(donor, saved, size), CBX_OK);
	cbx_buffer_free(donor, saved);
	cbx_machine_free(donor);
	cbx_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_hostile_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
