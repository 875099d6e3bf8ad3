/*
 * The I/O APIC, with a local APIC behind it: registers, edge and level, remote IRR and the ways
 * it ends, masks, destinations and delivery modes.
 */
#include "harness.h"

#include "ioapic.h"

#define BASE UINT64_C(0xfec00000)
#define LOCAL UINT64_C(0xfee00000)

enum { MASKED = 0x10000, LEVEL = 0x8000, REMOTE_IRR = 0x4000, LOW = 0x2000, PENDING = 0x1000 };

static struct cbx_machine *machine;
static struct local_apic *apic;
static struct ioapic *ioapic;

static uint32_t get(unsigned reg)
{
	fake_mem_write(machine, BASE, reg, 4);
	return (uint32_t)fake_mem_read(machine, BASE + 0x10, 4);
}

static void put(unsigned reg, uint32_t value)
{
	fake_mem_write(machine, BASE, reg, 4);
	fake_mem_write(machine, BASE + 0x10, value, 4);
}

static void entry(unsigned pin, uint32_t value)
{
	put(0x11 + 2 * pin, 0);
	put(0x10 + 2 * pin, value);
}

static uint32_t entry_of(unsigned pin)
{
	return get(0x10 + 2 * pin);
}

static void set(unsigned pin, bool level)
{
	struct cbx_line line = ioapic_line(ioapic, pin);

	cbx_line_set(&line, level);
}

static bool intr(void)
{
	return fake_pins(machine)->intr;
}

static uint8_t take(void)
{
	assert_true(intr());
	return fake_inta(machine);
}

static void eoi(void)
{
	fake_mem_write(machine, LOCAL + 0xb0, 0, 4);
}

static void start(void)
{
	machine = fake_machine_new();
	assert_int_equal(local_apic_new(machine, &apic), CBX_OK);
	assert_int_equal(ioapic_new(machine, apic, &ioapic), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	fake_mem_write(machine, LOCAL + 0xf0, 0x1ff, 4);
}

static void end(void)
{
	fake_machine_free(machine);
}

static void test_registers(void **unused)
{
	(void)unused;
	start();
	assert_int_equal(get(0), 0);
	put(0, 0xffffffff);
	assert_int_equal(get(0), 0x0f000000);
	assert_int_equal(get(2), 0x0f000000);
	assert_int_equal(get(1), 0x00170020);
	put(1, 0);
	assert_int_equal(get(1), 0x00170020);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		assert_int_equal(entry_of(pin), MASKED);
		assert_int_equal(get(0x11 + 2 * pin), 0);
		put(0x10 + 2 * pin, 0xffffffff);
		put(0x11 + 2 * pin, 0xffffffff);
		assert_int_equal(entry_of(pin), 0x0001afff);
		assert_int_equal(get(0x11 + 2 * pin), 0xff000000);
	}
	for (unsigned reg = 3; reg < 0x100; reg++) {
		if (reg >= 0x10 && reg < 0x40)
			continue;
		put(reg, 0xffffffff);
		assert_int_equal(get(reg), 0);
	}
	assert_int_equal(fake_mem_read(machine, BASE, 4), 0xff);
	assert_int_equal(fake_mem_read(machine, BASE + 0x20, 4), 0);
	assert_int_equal(fake_mem_read(machine, BASE, 1), 0xff);
	fake_reset(machine, CBX_RESET_WARM);
	assert_int_equal(entry_of(5), MASKED);
	assert_null(ioapic_line(ioapic, IOAPIC_PINS).set);
	end();
}

static void test_edge(void **unused)
{
	(void)unused;
	start();
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		entry(pin, 0x40 + pin);
		set(pin, true);
		assert_int_equal(take(), 0x40 + pin);
		eoi();
		set(pin, true);
		assert_false(intr());
		set(pin, false);
		assert_false(intr());
		set(pin, true);
		assert_int_equal(take(), 0x40 + pin);
		eoi();
		assert_int_equal(entry_of(pin), 0x40 + pin);
		set(pin, false);
	}
	/* An edge at a masked input is lost. */
	entry(3, MASKED | 0x50);
	set(3, true);
	entry(3, 0x50);
	assert_false(intr());
	set(3, false);
	set(3, true);
	assert_int_equal(take(), 0x50);
	end();
}

static void test_level(void **unused)
{
	(void)unused;
	start();
	entry(16, LEVEL | LOW | 0x60);
	set(16, true);
	assert_int_equal(entry_of(16), LEVEL | LOW | REMOTE_IRR | 0x60);
	assert_int_equal(take(), 0x60);
	eoi();                          /* still up */
	assert_int_equal(take(), 0x60);
	set(16, false);
	assert_int_equal(entry_of(16), LEVEL | LOW | REMOTE_IRR | 0x60);
	eoi();
	assert_int_equal(entry_of(16), LEVEL | LOW | 0x60);
	assert_false(intr());
	/* Level is looked at when the mask goes. */
	entry(16, LEVEL | MASKED | 0x61);
	set(16, true);
	assert_false(intr());
	entry(16, LEVEL | 0x61);
	assert_int_equal(take(), 0x61);
	/* The EOI register, of another vector and of this. */
	fake_mem_write(machine, BASE + 0x40, 0x62, 4);
	assert_int_equal(entry_of(16), LEVEL | REMOTE_IRR | 0x61);
	set(16, false);
	fake_mem_write(machine, BASE + 0x40, 0x61, 4);
	assert_int_equal(entry_of(16), LEVEL | 0x61);
	eoi();
	/* Edge in between clears remote IRR. */
	set(16, true);
	take();
	entry(16, MASKED | 0x61);
	assert_int_equal(entry_of(16), MASKED | 0x61);
	entry(16, LEVEL | MASKED | 0x61);
	eoi();
	assert_false(intr());
	/* Two inputs with one vector. */
	entry(17, LEVEL | 0x63);
	entry(18, LEVEL | 0x63);
	set(17, true);
	set(18, true);
	assert_int_equal(take(), 0x63);
	set(17, false);
	eoi();
	assert_int_equal(take(), 0x63);
	set(18, false);
	eoi();
	assert_false(intr());
	end();
}

static void test_not_accepted(void **unused)
{
	(void)unused;
	start();
	fake_mem_write(machine, LOCAL + 0xf0, 0xff, 4);         /* disabled by software */
	entry(9, LEVEL | 0x70);
	set(9, true);
	assert_int_equal(entry_of(9), LEVEL | PENDING | 0x70);
	entry(4, 0x71);
	set(4, true);
	fake_mem_write(machine, LOCAL + 0xf0, 0x1ff, 4);
	assert_int_equal(entry_of(9), LEVEL | REMOTE_IRR | 0x70);
	assert_int_equal(take(), 0x70);
	set(9, false);
	eoi();
	assert_false(intr());           /* the edge is gone */
	/* Nobody of this name. */
	put(0x11 + 2 * 9, 0x05000000);
	set(9, true);
	assert_false(intr());
	assert_int_equal(entry_of(9), LEVEL | PENDING | 0x70);
	put(0x11 + 2 * 9, 0xff000000);
	assert_int_equal(take(), 0x70);
	end();
}

static void test_modes(void **unused)
{
	(void)unused;
	start();
	entry(5, 0x172);                /* lowest priority */
	set(5, true);
	assert_int_equal(take(), 0x72);
	eoi();
	entry(6, 0x400);
	set(6, true);
	assert_int_equal(fake_pins(machine)->nmi_edges, 1);
	entry(7, 0x200);
	set(7, true);
	assert_int_equal(fake_pins(machine)->smis, 1);
	entry(8, 0x500);
	set(8, true);
	assert_int_equal(fake_pins(machine)->processor_resets, 1);
	entry(0, 0x700);                /* ExtINT: nobody answers the cycle here */
	set(0, true);
	assert_int_equal(take(), 0xff);
	assert_false(intr());
	/* NMI with the level bit is an edge all the same. */
	entry(10, LEVEL | 0x400);
	set(10, true);
	set(10, true);
	assert_int_equal(fake_pins(machine)->nmi_edges, 2);
	assert_int_equal(entry_of(10) & REMOTE_IRR, 0);
	/* Logical destination. */
	fake_mem_write(machine, LOCAL + 0xd0, 0x04000000, 4);
	entry(11, 0x0873);
	set(11, true);
	assert_false(intr());
	set(11, false);
	put(0x11 + 2 * 11, 0x06000000);
	set(11, true);
	assert_int_equal(take(), 0x73);
	end();
}

static void test_hostile(void **unused)
{
	uint64_t seed = 2;

	(void)unused;
	start();
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	for (unsigned round = 0; round < 5000; round++) {
		uint64_t random = fake_random(&seed), value = fake_random(&seed);
		unsigned offset = (unsigned)(random >> 8 & 0x5f);

		if (random & 0x10000)
			put((unsigned)(random >> 20 & 0xff), (uint32_t)value);
		else if (random & 0x20000)
			fake_mem_write(machine, BASE + offset, value, 1u << (random & 3));
		else
			fake_mem_read(machine, BASE + offset, 1u << (random & 3));
		set((unsigned)(random >> 32 & 31) % IOAPIC_PINS, random >> 40 & 1);
		if (intr())
			fake_inta(machine);
		if (random >> 41 & 1)
			eoi();
		if (round % 10 == 0)
			fake_reload(machine);
	}
	fake_load_random(machine, &seed, 3000);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		set(pin, true);
		fake_inta(machine);
		eoi();
		set(pin, false);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_not_accepted),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
