/*
 * The HPET: identification, the main counter, one-shot and periodic timers of 32 and 64 bits, edge
 * and level, routing, messages, and the place of interval timer and clock.
 */
#include "harness.h"

#include "hpet.h"

#define BASE UINT64_C(0xfed00000)

enum { CONFIG = 0x10, STATUS = 0x20, COUNTER = 0xf0, TIMER = 0x100, COMPARATOR = 0x108,
       MESSAGE = 0x110 };
enum { LEVEL = 2, INTERRUPT = 4, PERIODIC = 8, SET = 0x40, NARROW = 0x100, BY_MESSAGE = 0x4000 };

static struct cbx_machine *machine;
static struct hpet *hpet;
static struct fake_wire legacy[2], pins[HPET_PINS];
static uint64_t message_address;
static uint32_t message_data;
static unsigned messages;

static uint64_t get(unsigned reg)
{
	return fake_mem_read(machine, BASE + reg, 8);
}

static void put(unsigned reg, uint64_t value)
{
	fake_mem_write(machine, BASE + reg, value, 8);
}

/* A register of timer n. */
static unsigned of(unsigned reg, unsigned n)
{
	return reg + 0x20 * n;
}

static unsigned route(unsigned pin)
{
	return (HPET_FIRST_PIN + pin) << 9;
}

static void note_message(void *target, uint64_t address, uint32_t data)
{
	(void)target;
	message_address = address;
	message_data = data;
	messages++;
}

static void start(void)
{
	struct hpet_wires wires = { .message = note_message };

	machine = fake_machine_new();
	memset(legacy, 0, sizeof(legacy));
	memset(pins, 0, sizeof(pins));
	messages = 0;
	for (unsigned n = 0; n < 2; n++)
		wires.legacy[n] = fake_wire(machine, &legacy[n]);
	for (unsigned n = 0; n < HPET_PINS; n++)
		wires.pins[n] = fake_wire(machine, &pins[n]);
	assert_int_equal(hpet_new(machine, &wires, &hpet), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
}

static void end(void)
{
	fake_machine_free(machine);
}

static void test_registers(void **unused)
{
	(void)unused;
	start();
	assert_int_equal(get(0), UINT64_C(0x009896808086a201));
	assert_int_equal(fake_mem_read(machine, BASE + 4, 4), 10000000);
	assert_int_equal(fake_mem_read(machine, BASE + 0, 4), HPET_ID);
	put(0, 0);
	assert_int_equal(get(0), UINT64_C(0x009896808086a201));
	put(CONFIG, UINT64_MAX);
	assert_int_equal(get(CONFIG), 3);
	put(CONFIG, 0);
	for (unsigned n = 0; n < HPET_TIMERS; n++) {
		assert_int_equal(get(of(COMPARATOR, n)), UINT64_MAX);
		assert_int_equal(get(of(TIMER, n)), UINT64_C(0x00f0000000008030));
		/* Input 31 cannot be had. */
		put(of(TIMER, n), UINT64_MAX);
		assert_int_equal(get(of(TIMER, n)), UINT64_C(0x00f000000000c17e));
		put(of(TIMER, n), route(n));
		assert_int_equal(get(of(TIMER, n)), UINT64_C(0x00f0000000008030) | route(n));
		fake_mem_write(machine, BASE + of(MESSAGE, n), 0x1234, 4);
		fake_mem_write(machine, BASE + of(MESSAGE, n) + 4, 0xfee00000, 4);
		assert_int_equal(get(of(MESSAGE, n)), UINT64_C(0xfee0000000001234));
	}
	for (unsigned reg = 0x160; reg < 0x1000; reg += 8) {
		put(reg, UINT64_MAX);
		assert_int_equal(get(reg), 0);
	}
	assert_int_equal(fake_mem_read(machine, BASE + 2, 4), 0);       /* not aligned */
	end();
}

static void test_counter(void **unused)
{
	(void)unused;
	start();
	fake_advance(machine, 1000);
	assert_int_equal(get(COUNTER), 0);
	put(COUNTER, 5000);
	put(CONFIG, 1);
	fake_advance(machine, 1000);
	assert_int_equal(get(COUNTER), 5100);
	fake_advance(machine, 5);
	put(CONFIG, 3);                 /* another bit does not touch the count */
	fake_advance(machine, 5);
	assert_int_equal(get(COUNTER), 5101);
	put(CONFIG, 0);
	fake_advance(machine, 1000);
	assert_int_equal(get(COUNTER), 5101);
	fake_mem_write(machine, BASE + COUNTER + 4, 7, 4);
	assert_int_equal(get(COUNTER), UINT64_C(0x7000013ed));
	fake_mem_write(machine, BASE + COUNTER, 0xffffffff, 4);
	put(CONFIG, 1);
	fake_advance(machine, 10);
	assert_int_equal(get(COUNTER), UINT64_C(0x800000000));
	assert_int_equal(fake_mem_read(machine, BASE + COUNTER + 4, 4), 8);
	end();
}

static void test_one_shot(void **unused)
{
	(void)unused;
	start();
	put(CONFIG, 1);
	for (unsigned n = 0; n < HPET_TIMERS; n++) {
		struct fake_wire *wire = &pins[n];

		put(of(TIMER, n), INTERRUPT | route(n));
		put(of(COMPARATOR, n), get(COUNTER) + 50);
		fake_advance(machine, 490);
		assert_false(wire->level);
		fake_advance(machine, 10);
		assert_true(wire->level);
		assert_int_equal(wire->rises, 1);
		assert_int_equal(get(STATUS), 0);
		/* The next one is an edge again. */
		put(of(COMPARATOR, n), get(COUNTER) + 50);
		fake_advance(machine, 500);
		assert_int_equal(wire->rises, 2);
		/* Passed is passed. */
		put(of(COMPARATOR, n), get(COUNTER) - 1);
		fake_advance(machine, 100000);
		assert_int_equal(wire->rises, 2);
		put(of(TIMER, n), route(n));
		assert_false(wire->level);
	}
	/* Switched off, or stopped: nothing. */
	put(of(TIMER, 0), route(0));
	put(of(COMPARATOR, 0), get(COUNTER) + 50);
	fake_advance(machine, 1000);
	put(of(TIMER, 0), INTERRUPT | route(0));
	put(of(COMPARATOR, 0), get(COUNTER) + 50);
	put(CONFIG, 0);
	fake_advance(machine, 1000);
	assert_int_equal(pins[0].rises, 2);
	put(CONFIG, 1);
	fake_advance(machine, 500);
	assert_int_equal(pins[0].rises, 3);
	end();
}

static void test_narrow(void **unused)
{
	(void)unused;
	start();
	put(COUNTER, UINT64_C(0x1fffffff0));
	put(TIMER, INTERRUPT | NARROW | route(1));
	put(COMPARATOR, UINT64_C(0x5500000010));
	assert_int_equal(get(COMPARATOR), 0x10);
	put(CONFIG, 1);
	fake_advance(machine, 310);
	assert_int_equal(pins[1].rises, 0);
	fake_advance(machine, 10);      /* 32 ticks: the low half is 10h */
	assert_int_equal(pins[1].rises, 1);
	assert_int_equal(fake_next_event(machine) - fake_now(machine), UINT64_C(0x100000000) * 10);
	fake_advance(machine, UINT64_C(0x100000000) * 10);
	assert_int_equal(pins[1].rises, 2);
	end();
}

static void test_periodic(void **unused)
{
	(void)unused;
	start();
	put(CONFIG, 1);
	put(TIMER, INTERRUPT | PERIODIC | SET | route(0));
	assert_int_equal(get(TIMER) & SET, SET);
	put(COMPARATOR, 30);
	assert_int_equal(get(TIMER) & SET, 0);
	fake_mem_write(machine, BASE + COMPARATOR, 20, 4);      /* the period alone, its low half */
	assert_int_equal(get(COMPARATOR), 30);
	fake_advance(machine, 300);
	assert_int_equal(pins[0].rises, 1);
	assert_int_equal(get(COMPARATOR), 50);
	for (unsigned i = 2; i < 10; i++) {
		fake_advance(machine, 190);
		assert_int_equal(pins[0].rises, i - 1);
		fake_advance(machine, 10);
		assert_int_equal(pins[0].rises, i);
	}
	/* A period of 0 does not repeat, one of a tick does not stop the world. */
	put(TIMER, INTERRUPT | PERIODIC | SET | route(0));
	put(COMPARATOR, 0);
	assert_int_equal(fake_next_event(machine), UINT64_MAX);
	put(TIMER, INTERRUPT | PERIODIC | SET | route(0));
	put(COMPARATOR, get(COUNTER) + 10);
	put(COMPARATOR, 1);
	fake_advance(machine, 10000);
	assert_int_equal(pins[0].rises, 9 + 991);
	/* 32 bits wide it wraps. */
	put(CONFIG, 0);
	put(COUNTER, 0xfffffff0);
	put(TIMER, INTERRUPT | PERIODIC | SET | NARROW | route(0));
	put(COMPARATOR, 0xfffffff8);
	put(COMPARATOR, 0x10);
	put(CONFIG, 1);
	fake_advance(machine, 80);
	assert_int_equal(get(COMPARATOR), 8);
	fake_advance(machine, 160);
	assert_int_equal(get(COMPARATOR), 0x18);
	end();
}

static void test_level(void **unused)
{
	(void)unused;
	start();
	put(CONFIG, 1);
	put(of(TIMER, 2), LEVEL | INTERRUPT | route(3));
	put(of(COMPARATOR, 2), 20);
	fake_advance(machine, 200);
	assert_true(pins[3].level);
	assert_int_equal(get(STATUS), 4);
	put(STATUS, 3);
	assert_true(pins[3].level);
	put(CONFIG, 0);
	assert_false(pins[3].level);
	assert_int_equal(get(STATUS), 4);
	put(CONFIG, 1);
	assert_true(pins[3].level);
	fake_mem_write(machine, BASE + STATUS, 4, 4);
	assert_false(pins[3].level);
	/* Two timers at one input. */
	put(TIMER, LEVEL | INTERRUPT | route(3));
	put(COMPARATOR, get(COUNTER) + 10);
	put(of(COMPARATOR, 2), get(COUNTER) + 10);
	fake_advance(machine, 100);
	assert_int_equal(get(STATUS), 5);
	put(STATUS, 1);
	assert_true(pins[3].level);
	put(STATUS, 4);
	assert_false(pins[3].level);
	end();
}

static void test_legacy(void **unused)
{
	struct cbx_line timer, clock;

	(void)unused;
	start();
	timer = hpet_legacy_line(hpet, 0);
	clock = hpet_legacy_line(hpet, 1);
	cbx_line_set(&timer, true);
	cbx_line_set(&clock, true);
	assert_true(legacy[0].level);
	assert_true(legacy[1].level);
	put(CONFIG, 3);
	assert_false(legacy[0].level);
	assert_false(legacy[1].level);
	cbx_line_set(&timer, false);
	cbx_line_set(&timer, true);
	assert_false(legacy[0].level);
	put(TIMER, INTERRUPT | PERIODIC | SET | route(0));
	put(COMPARATOR, get(COUNTER) + 10);
	put(COMPARATOR, 10);
	put(of(TIMER, 1), INTERRUPT);
	put(of(COMPARATOR, 1), get(COUNTER) + 15);
	fake_advance(machine, 300);
	assert_int_equal(legacy[0].rises, 1 + 3);
	assert_int_equal(legacy[1].rises, 1 + 1);
	assert_int_equal(pins[0].rises, 0);     /* the route does not count */
	put(CONFIG, 1);
	assert_true(legacy[0].level);           /* the interval timer's own */
	cbx_line_set(&timer, false);
	assert_false(legacy[0].level);
	fake_advance(machine, 100);
	assert_true(pins[0].rises > 0);
	end();
}

static void test_message(void **unused)
{
	(void)unused;
	start();
	put(CONFIG, 1);
	put(of(MESSAGE, 1), UINT64_C(0xfee0100c00004055));
	put(of(TIMER, 1), BY_MESSAGE | INTERRUPT | route(0));
	put(of(COMPARATOR, 1), 10);
	fake_advance(machine, 100);
	assert_int_equal(messages, 1);
	assert_int_equal(message_address, 0xfee0100c);
	assert_int_equal(message_data, 0x4055);
	assert_int_equal(pins[0].rises, 0);
	end();
}

static void test_hostile(void **unused)
{
	uint64_t seed = 3;

	(void)unused;
	start();
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	for (unsigned round = 0; round < 5000; round++) {
		uint64_t random = fake_random(&seed), value = fake_random(&seed) >> (random & 63);
		unsigned reg = (unsigned)(random >> 8) & 0x1f8;

		if (random & 0x10000)
			reg += random >> 20 & 7;
		if (random & 0x20000)
			fake_mem_write(machine, BASE + reg, value, 1u << (random >> 30 & 3));
		else
			fake_mem_read(machine, BASE + reg, 1u << (random >> 30 & 3));
		if (random >> 32 & 1)
			put(of(COMPARATOR, (random >> 33 & 3) % 3), get(COUNTER) + (value & 0xff));
		fake_advance(machine, value & 0xfff);
		if (round % 10 == 0)
			fake_reload(machine);
	}
	fake_load_random(machine, &seed, 3000);
	for (unsigned round = 0; round < 100; round++) {
		put((unsigned)(fake_random(&seed) & 0x1f8), fake_random(&seed));
		fake_advance(machine, 1000);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_counter),
		cmocka_unit_test(test_one_shot),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_periodic),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_legacy),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
