/*
 * Saved states: field tables, what is saved and loaded, hashes, configurations that do not
 * match, damage of every kind, failing allocations.
 */
#include <stdlib.h>

#include "ram.h"
#include "state.h"
#include "stub_cpu.h"
#include "../shared/packed_state.h"

/* ---- A device with every kind of field ----------------------------------------------------- */

struct channel {
	uint16_t count;
	bool gate;
	uint8_t mode;
};

struct gadget_state {
	uint64_t wide;
	uint32_t index;                 /* below 8: gadget_check */
	uint16_t words[3];
	bool flag;
	uint8_t byte;
	struct channel channels[3];
	uint32_t last, end;
};

struct gadget {
	struct cbx_device device;
	struct gadget_state state;
	struct cbx_timer *timers[2];
	unsigned loaded, fired;
};

static const struct cbx_field channel_fields[] = {
	CBX_FIELD(struct channel, count),
	CBX_FIELD(struct channel, gate),
	CBX_FIELD(struct channel, mode),
	CBX_FIELD_END
};

static const struct cbx_field gadget_fields[] = {
	CBX_FIELD(struct gadget_state, wide),
	CBX_FIELD(struct gadget_state, index),
	CBX_FIELD_ARRAY(struct gadget_state, words),
	CBX_FIELD(struct gadget_state, flag),
	CBX_FIELD(struct gadget_state, byte),
	CBX_FIELD_STRUCTS(struct gadget_state, channels, channel_fields),
	CBX_FIELD(struct gadget_state, last),
	CBX_FIELD(struct gadget_state, end),
	CBX_FIELD_END
};

static bool gadget_check(const struct cbx_device *device, const void *state)
{
	const struct gadget_state *gadget = state;

	(void)device;
	return gadget->index < 8 && (gadget->flag || !gadget->flag);
}

static void gadget_loaded(struct cbx_device *device)
{
	((struct gadget *)device)->loaded++;
}

static void gadget_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	(void)kind;
	memset(&((struct gadget *)device)->state, 0, sizeof(struct gadget_state));
}

static void gadget_fire(struct cbx_device *device, unsigned number)
{
	struct gadget *gadget = (struct gadget *)device;

	gadget->fired++;
	gadget->state.wide = gadget->state.wide * 3 + number + cbx_time(device);
	cbx_timer_set(gadget->timers[number], cbx_time(device) + 70 + 13 * number);
}

static const struct cbx_device_type gadget_type = {
	.name = "gadget", .version = 2, .size = sizeof(struct gadget),
	.state_offset = offsetof(struct gadget, state), .state_size = sizeof(struct gadget_state),
	.fields = gadget_fields, .check = gadget_check, .loaded = gadget_loaded,
	.reset = gadget_reset
};

static struct cbx_machine *new_machine(void)
{
	struct cbx_machine_options options = stub_options;
	struct cbx_machine *machine;
	struct cbx_device *device;
	struct cbx_ram *ram;
	unsigned i;

	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	for (i = 0; i < 2; i++) {
		struct gadget *gadget;

		assert_int_equal(cbx_device_new(machine, &gadget_type, &device), CBX_OK);
		assert_int_equal(device->instance, i);
		gadget = (struct gadget *)device;
		assert_int_equal(cbx_timer_new(device, "first", gadget_fire, 0, &gadget->timers[0]),
				 CBX_OK);
		assert_int_equal(cbx_timer_new(device, "second", gadget_fire, 1,
					       &gadget->timers[1]), CBX_OK);
	}
	assert_int_equal(cbx_ram_new(machine, "rom", 8192, &ram), CBX_OK);
	assert_int_equal(cbx_ram_write(ram, 100, "firmware", 8), CBX_OK);
	cbx_machine_reset(machine);
	return machine;
}

static struct gadget *gadget_of(struct cbx_machine *machine, unsigned n)
{
	return (struct gadget *)(n ? machine->devices->next : machine->devices);
}

static void scramble(struct cbx_machine *machine)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct gadget *gadget = gadget_of(machine, i);

		gadget->state.wide = 0x1122334455667788 + i;
		gadget->state.index = 5;
		gadget->state.words[2] = 0xabcd;
		gadget->state.flag = true;
		gadget->state.byte = 9;
		gadget->state.channels[1] = (struct channel){ 77, true, 3 };
		gadget->state.end = 0xdeadbeef;
		cbx_timer_set(gadget->timers[i], 12345 + i);
	}
	for (i = 0; i < 40; i++)
		memory_write(machine, i * 0x5123 % 0xff000, i * 0x01234567, 4);
	cbx_request_exit(&gadget_of(machine, 0)->device, -2147483647 - 1);
	memory_set_a20(machine, false);
	clock_skip_to(machine, 3333);
	assert_int_equal(cbx_run(machine, &(struct cbx_run_options){
		.size = sizeof(struct cbx_run_options), .instructions = 500 }, NULL), CBX_OK);
}

static void *save(struct cbx_machine *machine, size_t *size)
{
	void *data;

	assert_int_equal(cbx_snapshot_save(machine, &data, size), CBX_OK);
	return data;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static void test_tables(void **state)
{
	static const struct cbx_field odd[] = { { "x", 0, 3, 1, NULL, 0 }, CBX_FIELD_END };
	static const struct cbx_field beyond[] = { { "x", 8, 4, 3, NULL, 0 }, CBX_FIELD_END };
	static const struct cbx_field twice[] = { { "x", 0, 4, 1, NULL, 0 },
						  { "x", 4, 4, 1, NULL, 0 }, CBX_FIELD_END };
	static const struct cbx_field hole[] = { { "x", 0, 4, 1, NULL, 0 },
						 { "y", 5, 1, 3, NULL, 0 }, CBX_FIELD_END };
	static const struct cbx_field overlap[] = { { "x", 0, 4, 1, NULL, 0 },
						    { "y", 0, 8, 1, NULL, 0 }, CBX_FIELD_END };
	static const struct cbx_field huge[] = { { "x", 0, 8, UINT32_MAX, NULL, 0 },
						 CBX_FIELD_END };
	static const struct cbx_field endless[] = { { "x", 0, 8, 1, endless, 0 }, CBX_FIELD_END };
	size_t at;

	(void)state;
	assert_true(state_fields_valid(gadget_fields, sizeof(struct gadget_state), 0));
	assert_true(state_fields_cover(gadget_fields, sizeof(struct gadget_state), &at));
	assert_false(state_fields_valid(odd, 16, 0));
	assert_false(state_fields_valid(beyond, 16, 0));
	assert_true(state_fields_valid(beyond, 20, 0));
	assert_false(state_fields_valid(twice, 16, 0));
	assert_false(state_fields_valid(huge, 16, 0));
	assert_false(state_fields_valid(endless, 16, 0));
	assert_false(state_fields_cover(hole, 8, &at));
	assert_int_equal(at, 4);
	assert_false(state_fields_cover(overlap, 8, &at));
	assert_int_equal(at, 0);
	assert_int_equal(gadget_fields[3].flags, CBX_FIELD_BOOL);
	assert_int_equal(gadget_fields[4].flags, 0);
}

static void test_bad_types(void **state)
{
	struct cbx_machine *machine = stub_machine(true, 1 << 20);
	struct cbx_device_type type = gadget_type;
	struct cbx_device *device;

	(void)state;
	assert_int_equal(cbx_device_new(NULL, &type, &device), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_device_new(machine, NULL, &device), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_device_new(machine, &type, NULL), CBX_ERROR_ARGUMENT);
	type.name = "";
	assert_int_equal(cbx_device_new(machine, &type, &device), CBX_ERROR_ARGUMENT);
	type = gadget_type;
	type.size = 1;
	assert_int_equal(cbx_device_new(machine, &type, &device), CBX_ERROR_ARGUMENT);
	type = gadget_type;
	type.state_size = SIZE_MAX;
	assert_int_equal(cbx_device_new(machine, &type, &device), CBX_ERROR_ARGUMENT);
	type = gadget_type;
	type.state_size = 8;
	assert_int_equal(cbx_device_new(machine, &type, &device), CBX_ERROR_ARGUMENT);
	type = gadget_type;
	type.fields = NULL;
	assert_int_equal(cbx_device_new(machine, &type, &device), CBX_ERROR_ARGUMENT);
	assert_null(device);
	stub_machine_free(machine);
}

/* ---- There and back ------------------------------------------------------------------------------ */

static void test_round_trip(void **state)
{
	struct cbx_machine *a = new_machine(), *b = new_machine();
	uint64_t fresh = cbx_state_hash(a), hash;
	void *data, *again;
	size_t size, again_size;
	unsigned i;

	(void)state;
	assert_true(cbx_state_hash(b) == fresh);
	scramble(a);
	hash = cbx_state_hash(a);
	assert_true(hash != fresh);
	assert_true(cbx_state_hash(a) == hash);
	data = save(a, &size);
	assert_int_equal(cbx_snapshot_load(b, data, size), CBX_OK);
	assert_true(cbx_state_hash(b) == hash);
	assert_int_equal(gadget_of(b, 0)->loaded, 1);
	assert_int_equal(gadget_of(b, 1)->loaded, 1);
	assert_int_equal(stub(b)->loaded, 2);           /* reset, load */
	assert_memory_equal(&gadget_of(a, 1)->state, &gadget_of(b, 1)->state,
			    sizeof(struct gadget_state));
	assert_int_equal(b->exit_code, -2147483647 - 1);
	assert_true(b->exit_requested);
	assert_int_equal(memory_a20(b, 1 << 20), 0);
	assert_int_equal(cbx_guest_time(a), cbx_guest_time(b));
	assert_int_equal(cbx_next_event(a), cbx_next_event(b));
	/* Both go on alike. */
	for (i = 0; i < 2; i++)
		cbx_run(i ? a : b, &(struct cbx_run_options){
			.size = sizeof(struct cbx_run_options), .instructions = 5000 }, NULL);
	assert_true(gadget_of(a, 0)->fired > 10);
	assert_true(cbx_state_hash(a) == cbx_state_hash(b));
	assert_true(cbx_state_hash(a) != hash);
	/* Back again on the same machine, and the same bytes come out. */
	assert_int_equal(cbx_snapshot_load(a, data, size), CBX_OK);
	again = save(a, &again_size);
	assert_int_equal(size, again_size);
	assert_memory_equal(data, again, size);
	/* Power-on is power-on. */
	cbx_machine_reset(a);
	assert_true(cbx_state_hash(a) == fresh);
	cbx_buffer_free(a, data);
	cbx_buffer_free(a, again);
	cbx_machine_free(a);
	stub_machine_free(b);
}

/* A page of zeros is like no page; every byte of memory counts. */
static void test_pages(void **state)
{
	struct cbx_machine *machine = new_machine();
	uint64_t fresh = cbx_state_hash(machine), hash, seen[3];
	unsigned i;

	(void)state;
	memory_write(machine, 0x5000, 1, 1);
	hash = cbx_state_hash(machine);
	assert_true(hash != fresh);
	memory_write(machine, 0x5000, 0, 1);
	assert_true(cbx_state_hash(machine) == fresh);
	for (i = 0; i < 3; i++) {
		memory_write(machine, 0x5000 + 0xfff * i, 1, 1);
		seen[i] = cbx_state_hash(machine);
		memory_write(machine, 0x5000 + 0xfff * i, 0, 1);
	}
	assert_true(seen[0] == hash && seen[1] != seen[0] && seen[2] != seen[1]);
	stub_machine_free(machine);
}

/* What the hash is on every host; changes only together with the form of saved states. */
static void test_hash_value(void **state)
{
	uint8_t bytes[100];
	struct hash hash;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	hash_begin(&hash);
	hash_block(&hash, bytes, 64);
	hash_block(&hash, bytes + 64, 36);
	assert_int_equal(hash_end(&hash), 0xaad40d4efbc1cd71);
}

static void test_configurations(void **state)
{
	struct cbx_machine *a = new_machine(), *other;
	struct cbx_machine_options options = stub_options;
	struct cbx_device *device;
	struct cbx_device_type newer = gadget_type;
	size_t size;
	void *data = save(a, &size);

	(void)state;
	options.memory_bytes = 2 << 20;
	assert_int_equal(cbx_machine_new(&options, &other, NULL), CBX_OK);
	assert_int_equal(cbx_snapshot_load(other, data, size), CBX_ERROR_MISMATCH);
	assert_non_null(strstr(cbx_machine_error(other), "memory"));
	cbx_machine_free(other);
	options = stub_options;
	options.nanoseconds_per_instruction = 3;
	assert_int_equal(cbx_machine_new(&options, &other, NULL), CBX_OK);
	assert_int_equal(cbx_snapshot_load(other, data, size), CBX_ERROR_MISMATCH);
	cbx_machine_free(other);
	options = stub_options;
	assert_int_equal(cbx_machine_new(&options, &other, NULL), CBX_OK);
	assert_int_equal(cbx_snapshot_load(other, data, size), CBX_ERROR_MISMATCH);
	cbx_machine_free(other);
	/* Saved by a newer version of a device. */
	newer.version = 3;
	options.bare = true;
	cbx_buffer_free(a, data);
	cbx_machine_free(a);
	assert_int_equal(cbx_machine_new(&options, &a, NULL), CBX_OK);
	assert_int_equal(cbx_device_new(a, &newer, &device), CBX_OK);
	data = save(a, &size);
	assert_int_equal(cbx_machine_new(&options, &other, NULL), CBX_OK);
	assert_int_equal(cbx_device_new(other, &gadget_type, &device), CBX_OK);
	assert_int_equal(cbx_snapshot_load(other, data, size), CBX_ERROR_MISMATCH);
	cbx_buffer_free(a, data);
	cbx_machine_free(other);
	stub_machine_free(a);
}

/* A field added later is zero when an older state is loaded. */
static void test_older_version(void **state)
{
	static const struct cbx_field short_fields[] = {
		CBX_FIELD(struct gadget_state, index),
		CBX_FIELD(struct gadget_state, flag),
		CBX_FIELD(struct gadget_state, end),
		CBX_FIELD_END
	};
	struct cbx_device_type older = gadget_type;
	struct cbx_machine_options options = stub_options;
	struct cbx_machine *a, *b;
	struct cbx_device *device;
	struct gadget *gadget;
	size_t size;
	void *data;

	(void)state;
	options.bare = true;
	older.version = 1;
	older.fields = short_fields;
	assert_int_equal(cbx_machine_new(&options, &a, NULL), CBX_OK);
	assert_int_equal(cbx_device_new(a, &older, &device), CBX_OK);
	cbx_machine_reset(a);
	gadget = (struct gadget *)device;
	gadget->state.index = 3;
	gadget->state.end = 4;
	data = save(a, &size);
	assert_int_equal(cbx_machine_new(&options, &b, NULL), CBX_OK);
	assert_int_equal(cbx_device_new(b, &gadget_type, &device), CBX_OK);
	cbx_machine_reset(b);
	gadget = (struct gadget *)device;
	gadget->state.wide = 99;
	assert_int_equal(cbx_snapshot_load(b, data, size), CBX_OK);
	assert_int_equal(gadget->state.wide, 0);
	assert_int_equal(gadget->state.index, 3);
	assert_int_equal(gadget->state.end, 4);
	/* But the same version must be whole. */
	older.version = 2;
	cbx_buffer_free(a, data);
	data = save(a, &size);
	assert_int_equal(cbx_snapshot_load(b, data, size), CBX_ERROR_FORMAT);
	cbx_buffer_free(a, data);
	cbx_machine_free(b);
	stub_machine_free(a);
}

/* ---- Damage ------------------------------------------------------------------------------------------- */

/* Loading must fail with one of the errors for it and leave everything as it was. */
static void must_fail(struct cbx_machine *machine, const void *data, size_t size, uint64_t hash)
{
	/* A copy of exactly this size, so that sanitizers see reads beyond it. */
	uint8_t *copy = malloc(size ? size : 1);
	enum cbx_status status;

	assert_non_null(copy);
	memcpy(copy, data, size);
	status = cbx_snapshot_load(machine, copy, size);
	free(copy);
	assert_true(status == CBX_ERROR_FORMAT || status == CBX_ERROR_MISMATCH);
	assert_true(*cbx_machine_error(machine));
	if (hash)
		assert_true(cbx_state_hash(machine) == hash);
}

static void test_truncation_and_flips(void **state)
{
	struct cbx_machine *machine = new_machine();
	uint8_t *data, *longer;
	uint64_t hash, saved;
	size_t size, i;

	(void)state;
	scramble(machine);
	data = save(machine, &size);
	saved = cbx_state_hash(machine);
	memory_write(machine, 0, 0x5555, 4);
	hash = cbx_state_hash(machine);
	for (i = 0; i < size; i += 1 + i / 64)
		must_fail(machine, data, i, i % 16 ? 0 : hash);
	must_fail(machine, data, size - 1, hash);
	for (i = 0; i < 8 * size; i += i < 512 ? 1 : 37) {
		data[i / 8] ^= (uint8_t)(1 << i % 8);
		must_fail(machine, data, size, i % 256 ? 0 : hash);
		data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	/* With the sum put right, the unpacker and the parser have to notice themselves. */
	for (i = 8 * 24; i < 8 * size; i += 29) {
		enum cbx_status status;

		data[i / 8] ^= (uint8_t)(1 << i % 8);
		put32(data + 12, (uint32_t)crc32(crc32(0, NULL, 0), data + 16, (uInt)(size - 16)));
		status = cbx_snapshot_load(machine, data, size);
		/* Some bits between the last byte and zlib's sum mean nothing. */
		assert_true(status == CBX_ERROR_FORMAT || status == CBX_ERROR_MISMATCH ||
			    (status == CBX_OK && cbx_state_hash(machine) == saved));
		data[i / 8] ^= (uint8_t)(1 << i % 8);
		put32(data + 12, (uint32_t)crc32(crc32(0, NULL, 0), data + 16, (uInt)(size - 16)));
	}
	hash = cbx_state_hash(machine);
	longer = malloc(size + 1);
	assert_non_null(longer);
	memcpy(longer, data, size);
	longer[size] = 0;
	must_fail(machine, longer, size + 1, hash);
	free(longer);
	assert_int_equal(cbx_snapshot_load(machine, data, size), CBX_OK);
	assert_int_equal(cbx_snapshot_load(NULL, data, size), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_snapshot_load(machine, NULL, size), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_snapshot_save(machine, NULL, &size), CBX_ERROR_ARGUMENT);
	cbx_buffer_free(machine, data);
	stub_machine_free(machine);
}

/* ---- Damage inside: unpack, change, pack with right sums ------------------------------------------------ */

enum { BODY_ROOM = 1 << 20 };

static size_t unpack(const uint8_t *data, size_t size, uint8_t *body)
{
	uLongf length = BODY_ROOM;

	assert_int_equal(uncompress(body, &length, data + STATE_HEADER, (uLong)(size - STATE_HEADER)), Z_OK);
	return length;
}

static size_t pack(const uint8_t *body, size_t length, uint8_t *data)
{
	return pack_state(body, length, data, BODY_ROOM);
}

struct section {
	size_t begin, end;
};

static unsigned sections(const uint8_t *body, size_t length, struct section *found)
{
	size_t at = 0;
	unsigned count = 0;

	while (at < length) {
		found[count].begin = at;
		at += 1 + body[at] + 8;
		at += 8 + (size_t)get64(body + at);
		found[count++].end = at;
	}
	assert_int_equal(at, length);
	return count;
}

static void test_sections(void **state)
{
	struct cbx_machine *machine = new_machine();
	uint8_t *body = malloc(BODY_ROOM), *other = malloc(BODY_ROOM), *packed = malloc(BODY_ROOM);
	struct section found[16];
	unsigned count, i, j;
	size_t size, length;
	uint64_t hash;
	void *data;

	(void)state;
	assert_true(body && other && packed);
	scramble(machine);
	data = save(machine, &size);
	length = unpack(data, size, body);
	hash = cbx_state_hash(machine);
	size = pack(body, length, packed);
	assert_int_equal(cbx_snapshot_load(machine, packed, size), CBX_OK);
	count = sections(body, length, found);
	assert_int_equal(count, 9);     /* configuration machine cpu tlb gadget x2 timers ram rom */
	for (i = 0; i < count; i++) {
		size_t begin = found[i].begin, end = found[i].end;

		/* Dropped */
		memcpy(other, body, begin);
		memcpy(other + begin, body + end, length - end);
		must_fail(machine, packed, pack(other, length - (end - begin), packed), hash);
		/* Doubled */
		memcpy(other, body, end);
		memcpy(other + end, body + begin, length - begin);
		must_fail(machine, packed, pack(other, length + end - begin, packed), hash);
		/* Swapped with each later one */
		for (j = i + 1; j < count; j++) {
			size_t at = 0;

#define ADD(from, to) (memcpy(other + at, body + (from), (to) - (from)), at += (to) - (from))
			ADD(0, begin);
			ADD(found[j].begin, found[j].end);
			ADD(end, found[j].begin);
			ADD(begin, end);
			ADD(found[j].end, length);
			assert_int_equal(at, length);
			must_fail(machine, packed, pack(other, length, packed), hash);
		}
	}
	free(body);
	free(other);
	free(packed);
	cbx_buffer_free(machine, data);
	stub_machine_free(machine);
}

/* Every byte of the state set to extremes: an error, or a state that loads and runs on. */
static void test_extremes(void **state)
{
	static const uint8_t values[] = { 0, 1, 2, 0x7f, 0x80, 0xff };
	struct cbx_machine *machine = new_machine();
	uint8_t *body = malloc(BODY_ROOM), *packed = malloc(BODY_ROOM);
	struct section found[16];
	size_t size, length, at, end;
	unsigned i, good = 0, bad = 0;
	void *data;

	(void)state;
	assert_true(body && packed);
	data = save(machine, &size);
	length = unpack(data, size, body);
	sections(body, length, found);
	end = found[6].begin + 40;      /* all but the pages */
	for (at = 0; at < end; at++) {
		uint8_t old = body[at];

		for (i = 0; i < sizeof(values); i++) {
			enum cbx_status status;

			body[at] = values[i];
			status = cbx_snapshot_load(machine, packed, pack(body, length, packed));
			if (status == CBX_OK) {
				good++;
				assert_true(gadget_of(machine, 0)->state.index < 8);
				assert_int_equal(cbx_step(machine, NULL), CBX_OK);
			} else {
				bad++;
				assert_true(status == CBX_ERROR_FORMAT ||
					    status == CBX_ERROR_MISMATCH);
			}
		}
		body[at] = old;
	}
	assert_true(good > 100 && bad > 100);
	free(body);
	free(packed);
	cbx_buffer_free(machine, data);
	stub_machine_free(machine);
}

/* ---- Allocations that fail --------------------------------------------------------------------------- */

static void test_failing_allocations(void **state)
{
	struct cbx_machine *machine = new_machine();
	void *data, *other;
	size_t size, other_size;
	uint64_t hash, before;
	unsigned n;

	(void)state;
	scramble(machine);
	hash = cbx_state_hash(machine);
	data = save(machine, &size);
	before = stub_allocated();
	for (n = 1;; n++) {
		enum cbx_status status;

		stub_fail_allocations(n);
		status = cbx_snapshot_save(machine, &other, &other_size);
		stub_fail_allocations(0);
		if (status == CBX_OK)
			break;
		assert_int_equal(status, CBX_ERROR_MEMORY);
		assert_null(other);
		assert_int_equal(stub_allocated(), before);
	}
	assert_in_range(n, 3, 50);
	cbx_buffer_free(machine, other);
	cbx_machine_reset(machine);
	memory_write(machine, 0x7000, 0x1234, 4);
	before = stub_allocated();
	for (n = 1;; n++) {
		enum cbx_status status;

		stub_fail_allocations(n);
		status = cbx_snapshot_load(machine, data, size);
		stub_fail_allocations(0);
		if (status == CBX_OK)
			break;
		assert_int_equal(status, CBX_ERROR_MEMORY);
		assert_int_equal(memory_read(machine, 0x7000, 4), 0x1234);
		assert_int_equal(stub_allocated(), before);
	}
	assert_in_range(n, 5, 100);
	assert_true(cbx_state_hash(machine) == hash);
	cbx_buffer_free(machine, data);
	stub_machine_free(machine);
}

static void test_failing_creation(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1;; n++) {
		struct cbx_machine *machine;
		struct cbx_error error;
		enum cbx_status status;

		stub_fail_allocations(n);
		status = cbx_machine_new(&stub_options, &machine, &error);
		stub_fail_allocations(0);
		if (status == CBX_OK) {
			stub_machine_free(machine);
			break;
		}
		assert_int_equal(status, CBX_ERROR_MEMORY);
		assert_null(machine);
		assert_int_equal(stub_allocated(), 0);
	}
	assert_in_range(n, 5, 100);
}

static void try_running(struct cbx_machine *machine)
{
	size_t size;
	void *data;

	assert_int_equal(cbx_snapshot_save(machine, &data, &size), CBX_ERROR_STATE);
	assert_int_equal(cbx_snapshot_load(machine, &size, sizeof(size)), CBX_ERROR_STATE);
	assert_int_equal(cbx_step(machine, NULL), CBX_ERROR_STATE);
	assert_int_equal(cbx_state_hash(machine), 0);
	cbx_machine_reset(machine);
	stub(machine)->registers[0] = 99;
}

static void test_while_running(void **state)
{
	struct cbx_machine *machine = new_machine();

	(void)state;
	stub(machine)->run = try_running;
	assert_int_equal(cbx_step(machine, NULL), CBX_OK);
	assert_int_equal(stub(machine)->registers[0], 99);
	assert_int_equal(cbx_instruction_count(machine), 1);
	stub_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_bad_types),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_hash_value),
		cmocka_unit_test(test_configurations),
		cmocka_unit_test(test_older_version),
		cmocka_unit_test(test_truncation_and_flips),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_failing_allocations),
		cmocka_unit_test(test_failing_creation),
		cmocka_unit_test(test_while_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
