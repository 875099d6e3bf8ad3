/* The 8254: six modes pulse by pulse, access modes, latches, gates, BCD. */
#include "harness.h"

#include "pit.h"
#include "speaker.h"

static struct pit *pit;
static struct fake_wire irq0;

static struct cbx_machine *start(void)
{
	struct cbx_machine *machine = fake_machine_new();
	struct speaker *speaker;

	assert_int_equal(pit_new(machine, fake_wire(machine, &irq0), &pit), CBX_OK);
	assert_int_equal(speaker_new(machine, pit, NULL, &speaker), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	return machine;
}

/* The first nanosecond of the timer's n-th clock pulse. */
static uint64_t pulse_time(uint64_t n)
{
	uint64_t time = cbx_muldiv(n, 1000000000, 1193182);

	return cbx_muldiv(time, 1193182, 1000000000) < n ? time + 1 : time;
}

static void pulses(struct cbx_machine *machine, uint64_t n)
{
	uint64_t now = cbx_muldiv(fake_now(machine), 1193182, 1000000000);

	fake_advance(machine, pulse_time(now + n) - fake_now(machine));
}

static void control(struct cbx_machine *machine, unsigned value)
{
	fake_out(machine, 0x43, value, 1);
}

static void gate(struct cbx_machine *machine, bool level)
{
	fake_out(machine, 0x61, level, 1);
}

/* A two-byte count for counter 2. */
static void count2(struct cbx_machine *machine, unsigned value)
{
	fake_out(machine, 0x42, value & 0xff, 1);
	fake_out(machine, 0x42, value >> 8, 1);
}

static unsigned read2(struct cbx_machine *machine)
{
	unsigned low;

	control(machine, 0x80);
	low = fake_in(machine, 0x42, 1);
	return low | fake_in(machine, 0x42, 1) << 8;
}

static bool out2(struct cbx_machine *machine)
{
	return fake_in(machine, 0x61, 1) >> 5 & 1;
}

static void test_mode0(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	gate(machine, true);
	control(machine, 0xb0);
	assert_false(out2(machine));
	count2(machine, 5);
	pulses(machine, 1);
	assert_int_equal(read2(machine), 5);
	pulses(machine, 2);
	gate(machine, false);
	pulses(machine, 10);
	assert_int_equal(read2(machine), 3);
	gate(machine, true);
	pulses(machine, 2);
	assert_false(out2(machine));
	pulses(machine, 1);
	assert_true(out2(machine));
	assert_int_equal(read2(machine), 0);
	pulses(machine, 1);
	assert_int_equal(read2(machine), 0xffff);
	assert_true(out2(machine));
	/* The first byte of a new count stops it, with the output low at once. */
	fake_out(machine, 0x42, 2, 1);
	assert_false(out2(machine));
	pulses(machine, 5);
	assert_int_equal(read2(machine), 0xffff);
	fake_out(machine, 0x42, 0, 1);
	pulses(machine, 3);
	assert_true(out2(machine));
	fake_machine_free(machine);
}

static void test_mode1(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	control(machine, 0xb2);
	count2(machine, 3);
	pulses(machine, 5);
	assert_true(out2(machine));
	gate(machine, true);
	assert_true(out2(machine));
	pulses(machine, 1);
	assert_false(out2(machine));
	pulses(machine, 2);
	assert_false(out2(machine));
	/* A new trigger starts the shot again. */
	gate(machine, false);
	gate(machine, true);
	pulses(machine, 3);
	assert_false(out2(machine));
	pulses(machine, 1);
	assert_true(out2(machine));
	fake_machine_free(machine);
}

static void test_mode2(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	gate(machine, true);
	control(machine, 0xb4);
	assert_true(out2(machine));
	count2(machine, 3);
	pulses(machine, 1);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(read2(machine), 3);
		assert_true(out2(machine));
		pulses(machine, 1);
		assert_int_equal(read2(machine), 2);
		assert_true(out2(machine));
		pulses(machine, 1);
		assert_int_equal(read2(machine), 1);
		assert_false(out2(machine));
		if (i == 2)
			count2(machine, 4);     /* counts from the next period on */
		if (i == 3)
			break;
		pulses(machine, 1);
		if (i == 2) {
			assert_int_equal(read2(machine), 4);
			pulses(machine, 1);
		}
	}
	/* Gate low: output high at once, and a new start when it rises. */
	gate(machine, false);
	assert_true(out2(machine));
	pulses(machine, 100);
	gate(machine, true);
	pulses(machine, 1);
	assert_int_equal(read2(machine), 4);
	fake_machine_free(machine);
}

static void check_square(struct cbx_machine *machine, unsigned count)
{
	unsigned high = (count + 1) / 2;

	control(machine, 0xb6);
	count2(machine, count);
	assert_true(out2(machine));
	for (unsigned i = 0; i < 3 * count; i++) {
		pulses(machine, 1);
		assert_int_equal(out2(machine), i % count < high);
		assert_int_equal(read2(machine) & 1, 0);
	}
	pulses(machine, 1);
	assert_int_equal(read2(machine), count & ~1u);
	if (count > 3) {
		pulses(machine, 1);
		assert_int_equal(read2(machine), (count & ~1u) - 2);
	}
	/* Many periods at once come to the same place. */
	pulses(machine, 1000ull * count);
	assert_int_equal(read2(machine), count > 3 ? (count & ~1u) - 2 : count & ~1u);
}

static void test_mode3(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	gate(machine, true);
	for (unsigned count = 2; count < 12; count++)
		check_square(machine, count);
	check_square(machine, 1001);
	/* 0 is the longest period. */
	control(machine, 0xb6);
	count2(machine, 0);
	pulses(machine, 1);
	assert_int_equal(read2(machine), 0);
	pulses(machine, 1);
	assert_int_equal(read2(machine), 0xfffe);
	assert_true(out2(machine));
	pulses(machine, 32767);
	assert_false(out2(machine));
	assert_int_equal(read2(machine), 0);
	fake_machine_free(machine);
}

static void test_mode4_and_5(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	gate(machine, true);
	control(machine, 0xb8);
	count2(machine, 3);
	pulses(machine, 3);
	assert_true(out2(machine));
	pulses(machine, 1);
	assert_false(out2(machine));
	pulses(machine, 1);
	assert_true(out2(machine));
	pulses(machine, 200000);
	assert_true(out2(machine));
	gate(machine, false);
	control(machine, 0xba);
	count2(machine, 3);
	pulses(machine, 10);
	assert_true(out2(machine));
	gate(machine, true);
	gate(machine, false);
	pulses(machine, 4);
	assert_false(out2(machine));
	pulses(machine, 1);
	assert_true(out2(machine));
	fake_machine_free(machine);
}

static void test_bcd(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	gate(machine, true);
	control(machine, 0xb1);
	count2(machine, 0x1000);
	pulses(machine, 2);
	assert_int_equal(read2(machine), 0x0999);
	control(machine, 0xb5);
	count2(machine, 0);
	pulses(machine, 2);
	assert_int_equal(read2(machine), 0x9999);
	pulses(machine, 9998);
	assert_int_equal(read2(machine), 0x0001);
	pulses(machine, 1);
	assert_int_equal(read2(machine), 0x0000);
	fake_machine_free(machine);
}

static void test_access_modes(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	gate(machine, true);
	control(machine, 0x90);                 /* low byte only: the high one is 0 */
	fake_out(machine, 0x42, 0x34, 1);
	pulses(machine, 1);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x34);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x34);
	control(machine, 0xa0);                 /* high byte only */
	fake_out(machine, 0x42, 0x12, 1);
	pulses(machine, 2);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x11);
	control(machine, 0xb0);                 /* both: live reads alternate */
	count2(machine, 0x2010);
	pulses(machine, 1);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x10);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x20);
	assert_int_equal(fake_in(machine, 0x43, 1), 0xff);
	fake_machine_free(machine);
}

static void test_latches(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	gate(machine, true);
	control(machine, 0xb4);
	control(machine, 0xe8);                 /* status: nothing loaded yet */
	assert_int_equal(fake_in(machine, 0x42, 1), 0xc0 | 0x34);
	count2(machine, 0x1234);
	control(machine, 0xe8);
	assert_int_equal(fake_in(machine, 0x42, 1) & 0x40, 0x40);
	pulses(machine, 1);
	control(machine, 0xe8);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x80 | 0x34);
	/* A second latch before the first was read changes nothing. */
	control(machine, 0x80);
	pulses(machine, 0x100);
	control(machine, 0x80);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x34);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x12);
	/* Read-back of both: status comes first. */
	control(machine, 0xc8);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x80 | 0x34);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x34);
	assert_int_equal(fake_in(machine, 0x42, 1), 0x11);
	/* Programming throws latches away. */
	control(machine, 0x80);
	control(machine, 0x90);
	fake_out(machine, 0x42, 9, 1);
	pulses(machine, 1);
	assert_int_equal(fake_in(machine, 0x42, 1), 9);
	fake_machine_free(machine);
}

static void test_irq0(void **unused)
{
	struct cbx_machine *machine = start();
	uint64_t first;

	(void)unused;
	control(machine, 0x34);
	fake_out(machine, 0x40, 0xa9, 1);       /* 1193: about 1000 Hz */
	fake_out(machine, 0x40, 0x04, 1);
	fake_advance(machine, 1000000000);
	assert_int_equal(irq0.falls, 1000);
	first = irq0.rise_time;
	/* The low pulse of mode 2 is one clock long. */
	assert_in_range(first - irq0.fall_time, 838, 839);
	/* Mode 0: one rise, then no more events. */
	control(machine, 0x30);
	assert_false(irq0.level);
	fake_out(machine, 0x40, 100, 1);
	fake_out(machine, 0x40, 0, 1);
	first = cbx_muldiv(fake_now(machine), 1193182, 1000000000);
	fake_advance(machine, 1000000);
	assert_int_equal(irq0.rise_time, pulse_time(first + 101));
	assert_int_equal(fake_next_event(machine), UINT64_MAX);
	/* Mode 3, the BIOS's 18.2 Hz. */
	control(machine, 0x36);
	fake_out(machine, 0x40, 0, 1);
	fake_out(machine, 0x40, 0, 1);
	irq0.rises = 0;
	fake_advance(machine, 10000000000);
	assert_int_equal(irq0.rises, 182);
	fake_machine_free(machine);
}

static void test_idle(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	/* Counters nobody sees cost no events. */
	control(machine, 0xb6);
	count2(machine, 100);
	gate(machine, true);
	control(machine, 0x54);
	fake_out(machine, 0x41, 18, 1);
	assert_int_equal(fake_next_event(machine), UINT64_MAX);
	fake_machine_free(machine);
}

static void test_refresh(void **unused)
{
	struct cbx_machine *machine = start();
	unsigned last = 0, changes = 0;

	(void)unused;
	for (unsigned i = 0; i < 1000; i++) {
		unsigned now = fake_in(machine, 0x61, 1) & 0x10;

		changes += now != last;
		last = now;
		fake_advance(machine, 1000);
	}
	assert_in_range(changes, 65, 67);       /* 1 ms in steps of 15.085 us */
	fake_machine_free(machine);
}

/* A saved clock so late that times computed from it would wrap around is no state of the chip. */
static void test_saved_clock(void **unused)
{
	struct cbx_machine *machine = start();
	const struct cbx_device *device = (const struct cbx_device *)pit;
	const uint64_t clocks[] = { UINT64_MAX, UINT64_MAX / 2, INT64_MAX / 4 };
	const struct cbx_field *counters = device->type->fields;
	uint8_t state[512];

	(void)unused;
	assert_true(device->type->state_size <= sizeof(state));
	memcpy(state, (const uint8_t *)pit + device->type->state_offset, device->type->state_size);
	assert_true(device->type->check(device, state));
	assert_string_equal(counters->members->name, "clock");
	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		memcpy(state + counters->offset + counters->members->offset, &clocks[i], 8);
		assert_false(device->type->check(device, state));
	}
	fake_machine_free(machine);
}

static void test_hostile(void **unused)
{
	struct cbx_machine *machine = start();
	uint64_t seed = 2;

	(void)unused;
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	for (unsigned round = 0; round < 300; round++) {
		fake_storm(machine, &seed, 0x40, 4, 100);
		fake_storm(machine, &seed, 0x61, 1, 10);
		fake_advance(machine, fake_random(&seed) & 0xffffff);
		fake_reload(machine);
	}
	fake_load_random(machine, &seed, 3000);
	fake_storm(machine, &seed, 0x40, 4, 1000);
	fake_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mode0),
		cmocka_unit_test(test_mode1),
		cmocka_unit_test(test_mode2),
		cmocka_unit_test(test_mode3),
		cmocka_unit_test(test_mode4_and_5),
		cmocka_unit_test(test_bcd),
		cmocka_unit_test(test_access_modes),
		cmocka_unit_test(test_latches),
		cmocka_unit_test(test_irq0),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_saved_clock),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
