/* ACPI registers, the power management timer, APM ports and the SMBus, at the ports. */
#include "harness.h"

#include "piix4_pm.h"

enum { PM = 0xb000, SMBUS = 0xb100 };

struct bench {
	struct cbx_machine *machine;
	struct cbx_pci_bus *bus;
	struct piix4_pm *pm;
	struct fake_wire sci;
};

static void config_write(struct bench *bench, unsigned offset, uint32_t value)
{
	fake_out(bench->machine, 0xcf8, 0x80000b00u | offset, 4);
	fake_out(bench->machine, 0xcfc, value, 4);
}

static void bench_new(struct bench *bench)
{
	bench->machine = fake_machine_new();
	assert_int_equal(pci_bus_new(bench->machine, &bench->bus), CBX_OK);
	assert_int_equal(piix4_pm_new(bench->machine, bench->bus,
				      fake_wire(bench->machine, &bench->sci), &bench->pm), CBX_OK);
	fake_reset(bench->machine, CBX_RESET_POWER);
	config_write(bench, 0x40, PM | 1);
	config_write(bench, 0x80, 1);
	config_write(bench, 0x90, SMBUS | 1);
	config_write(bench, 0xd0, 0x00090000);
}

static void bench_free(struct bench *bench)
{
	fake_machine_free(bench->machine);
}

static void out(struct bench *bench, unsigned port, uint32_t value, unsigned width)
{
	fake_out(bench->machine, port, value, width);
}

static uint32_t in(struct bench *bench, unsigned port, unsigned width)
{
	return fake_in(bench->machine, port, width);
}

static void placement(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench);
	assert_int_equal(fake_uncovered_bytes(bench.machine), 0);
	out(&bench, PM + 2, 0x0100, 2);
	assert_int_equal(in(&bench, PM + 2, 2), 0x0100);
	config_write(&bench, 0x40, 0x6000);
	assert_int_equal(in(&bench, PM + 2, 2), 0xffff);
	assert_int_equal(in(&bench, 0x6002, 2), 0x0100);
	fake_reload(bench.machine);
	assert_int_equal(in(&bench, 0x6002, 2), 0x0100);
	/* Over the APM ports and away again. */
	config_write(&bench, 0x40, 0x0080);
	out(&bench, 0xb2, 0x12, 1);
	config_write(&bench, 0x40, PM);
	out(&bench, 0xb3, 0x34, 1);
	assert_int_equal(in(&bench, 0xb3, 1), 0x34);
	config_write(&bench, 0x80, 0);
	assert_int_equal(in(&bench, PM + 2, 2), 0xffff);
	bench_free(&bench);
}

static void timer(void **unused)
{
	struct bench bench;
	uint64_t half = UINT64_C(8388608) * 1000000000 / 3579545;

	(void)unused;
	bench_new(&bench);
	fake_advance(bench.machine, 1000000000);
	assert_int_equal(in(&bench, PM + 8, 4), 3579545);
	assert_int_equal(in(&bench, PM + 9, 1), 3579545 >> 8 & 0xff);
	out(&bench, PM + 8, 0, 4);
	assert_int_equal(in(&bench, PM + 8, 4), 3579545);
	assert_int_equal(in(&bench, PM, 2) & 1, 0);
	/* With the SCI on, it comes just when the highest bit changes. */
	out(&bench, PM + 4, 1, 2);
	out(&bench, PM + 2, 1, 2);
	assert_int_equal(fake_next_event(bench.machine), half + 1);
	fake_advance(bench.machine, half - 1000000000);
	assert_false(bench.sci.level);
	fake_advance(bench.machine, 1);
	assert_true(bench.sci.level);
	assert_int_equal(in(&bench, PM, 2), 1);
	assert_int_equal(in(&bench, PM + 8, 4), 0x800000);
	out(&bench, PM, 1, 2);
	assert_false(bench.sci.level);
	assert_int_equal(in(&bench, PM, 2), 0);
	/* And when it falls; 24 bits. */
	fake_advance(bench.machine, half + 10);
	assert_true(bench.sci.level);
	assert_true(in(&bench, PM + 8, 4) < 100);
	/* Off: no event keeps an idle machine awake. */
	out(&bench, PM + 2, 0, 2);
	assert_false(bench.sci.level);
	assert_true(fake_next_event(bench.machine) == UINT64_MAX);
	fake_advance(bench.machine, half * 5);
	assert_int_equal(in(&bench, PM, 2), 1);
	bench_free(&bench);
}

static void events(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench);
	out(&bench, PM + 2, 0x0121, 2);
	piix4_pm_power_button(bench.pm);
	assert_false(bench.sci.level);
	assert_int_equal(in(&bench, PM, 2), 0x0100);
	/* The firmware's way to switch ACPI on and off. */
	out(&bench, 0xb2, 0xf1, 1);
	assert_int_equal(in(&bench, PM + 4, 2), 1);
	assert_true(bench.sci.level);
	out(&bench, 0xb2, 0xf0, 1);
	assert_false(bench.sci.level);
	/* Other values are for an SMI handler, once DEVACTB says that there is one. */
	out(&bench, 0xb2, 0x55, 1);
	assert_int_equal(fake_pins(bench.machine)->smis, 0);
	config_write(&bench, 0x58, 0x02000000);
	out(&bench, 0xb2, 0x55, 1);
	assert_int_equal(fake_pins(bench.machine)->smis, 1);
	out(&bench, PM + 4, 1, 1);
	assert_true(bench.sci.level);
	out(&bench, PM + 1, 1, 1);
	assert_false(bench.sci.level);
	/* General purpose events are there, and quiet. */
	out(&bench, PM + 0x0e, 0xffff, 2);
	out(&bench, 0xafe2, 0xffff, 2);
	assert_int_equal(in(&bench, PM + 0x0c, 2), 0);
	assert_int_equal(in(&bench, 0xafe0, 4), 0xffff0000);
	assert_false(bench.sci.level);
	bench_free(&bench);
}

static void sleep_states(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench);
	out(&bench, PM + 4, 1 << 10, 2);
	assert_int_equal(fake_pins(bench.machine)->power_offs, 0);
	out(&bench, PM + 4, 1 << 13 | 5 << 10, 2);
	assert_int_equal(fake_pins(bench.machine)->power_offs, 0);
	assert_int_equal(in(&bench, PM + 4, 2), 5 << 10);
	out(&bench, PM + 4, 1 << 13, 2);
	assert_int_equal(fake_pins(bench.machine)->power_offs, 1);
	out(&bench, PM + 5, 0x28, 1);
	assert_int_equal(fake_pins(bench.machine)->power_offs, 2);
	bench_free(&bench);
}

static void smbus(void **unused)
{
	struct bench bench;

	(void)unused;
	bench_new(&bench);
	out(&bench, SMBUS + 4, 0xa1, 1);
	out(&bench, SMBUS + 3, 0, 1);
	out(&bench, SMBUS + 2, 0x48, 1);
	assert_int_equal(in(&bench, SMBUS, 1), 1);
	fake_advance(bench.machine, 1000000);
	assert_int_equal(in(&bench, SMBUS, 1), 4);
	assert_false(bench.sci.level);
	out(&bench, SMBUS, 4, 1);
	assert_int_equal(in(&bench, SMBUS, 1), 0);
	/* With its interrupt, and killed. */
	out(&bench, SMBUS + 2, 0x49, 1);
	fake_advance(bench.machine, 1000000);
	assert_true(bench.sci.level);
	out(&bench, SMBUS, 4, 1);
	assert_false(bench.sci.level);
	out(&bench, SMBUS + 2, 0x48, 1);
	out(&bench, SMBUS + 2, 0x02, 1);
	assert_int_equal(in(&bench, SMBUS, 1), 0x10);
	/* The block register's index stays in its table. */
	for (unsigned i = 0; i < 100; i++)
		out(&bench, SMBUS + 7, i, 1);
	in(&bench, SMBUS + 2, 1);
	assert_int_equal(in(&bench, SMBUS + 7, 1), 96);
	bench_free(&bench);
}

static void hostile_storm(void **unused)
{
	struct bench bench;
	uint64_t seed = 123;

	(void)unused;
	bench_new(&bench);
	for (unsigned i = 0; i < 400; i++) {
		static const unsigned starts[] = { PM, SMBUS, 0xcf8, 0xb2, 0xafe0 };
		static const unsigned counts[] = { 64, 16, 8, 2, 4 };

		fake_storm(bench.machine, &seed, starts[i % 5], counts[i % 5], 1000);
		piix4_pm_power_button(bench.pm);
		fake_reload(bench.machine);
		fake_load_random(bench.machine, &seed, 20);
		if (i % 20 == 0)
			fake_reset(bench.machine, CBX_RESET_WARM);
	}
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placement),
		cmocka_unit_test(timer),
		cmocka_unit_test(events),
		cmocka_unit_test(sleep_states),
		cmocka_unit_test(smbus),
		cmocka_unit_test(hostile_storm)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
