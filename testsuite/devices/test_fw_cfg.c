/* The firmware configuration interface: items, directory, DMA, hostile descriptors. */
#include "harness.h"

#include "fw_cfg.h"

static struct fw_cfg *fw_cfg;

static struct cbx_machine *start(void)
{
	struct cbx_machine *machine = fake_machine_new();

	assert_int_equal(fw_cfg_new(machine, &fw_cfg), CBX_OK);
	assert_int_equal(fw_cfg_add_number(fw_cfg, FW_CFG_RAM_SIZE, 0x123456789a, 8), CBX_OK);
	assert_int_equal(fw_cfg_add_file(fw_cfg, "etc/e820", "0123456789", 10), CBX_OK);
	assert_int_equal(fw_cfg_add_file(fw_cfg, "bootorder", "x", 2), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	return machine;
}

static void read_item(struct cbx_machine *machine, unsigned key, uint8_t *bytes, size_t count)
{
	fake_out(machine, 0x510, key, 2);
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)fake_in(machine, 0x511, 1);
}

static void test_items(void **unused)
{
	struct cbx_machine *machine = start();
	uint8_t bytes[16];

	(void)unused;
	read_item(machine, FW_CFG_SIGNATURE, bytes, 6);
	assert_memory_equal(bytes, "QEMU\0\0", 6);      /* zeros after the end */
	read_item(machine, FW_CFG_ID, bytes, 4);
	assert_memory_equal(bytes, "\3\0\0\0", 4);
	read_item(machine, FW_CFG_RAM_SIZE, bytes, 8);
	assert_memory_equal(bytes, "\x9a\x78\x56\x34\x12\0\0\0", 8);
	read_item(machine, FW_CFG_KERNEL_DATA, bytes, 1);       /* no such item */
	assert_int_equal(bytes[0], 0);
	read_item(machine, 0xffff, bytes, 1);
	assert_int_equal(bytes[0], 0);
	read_item(machine, FW_CFG_FILE_FIRST, bytes, 10);
	assert_memory_equal(bytes, "0123456789", 10);
	fake_machine_free(machine);
}

static void test_directory(void **unused)
{
	struct cbx_machine *machine = start();
	uint8_t bytes[4 + 2 * 64];

	(void)unused;
	read_item(machine, FW_CFG_FILE_DIR, bytes, sizeof(bytes));
	assert_memory_equal(bytes, "\0\0\0\2" "\0\0\0\12" "\0\40" "\0\0" "etc/e820\0", 21);
	assert_memory_equal(bytes + 68, "\0\0\0\2" "\0\41" "\0\0" "bootorder\0", 18);
	for (unsigned i = 2; i < FW_CFG_KEYS - FW_CFG_FILE_FIRST; i++)
		assert_int_equal(fw_cfg_add_file(fw_cfg, "more", "", 0), CBX_OK);
	assert_int_equal(fw_cfg_add_file(fw_cfg, "more", "", 0), CBX_ERROR_ARGUMENT);
	assert_int_equal(fw_cfg_add_file(fw_cfg, "a name of fifty-six bytes, which is one too many "
					 "for it .", "", 0), CBX_ERROR_ARGUMENT);
	fake_machine_free(machine);
}

static void put_big(uint8_t *bytes, uint64_t value, unsigned size)
{
	while (size-- > 0) {
		bytes[size] = (uint8_t)value;
		value >>= 8;
	}
}

/* Runs a DMA command with its descriptor at 1000h; gives the control word after it. */
static uint32_t dma(struct cbx_machine *machine, uint32_t control, uint32_t length,
		    uint64_t address)
{
	uint8_t *at = fake_ram(machine) + 0x1000;

	put_big(at, control, 4);
	put_big(at + 4, length, 4);
	put_big(at + 8, address, 8);
	fake_out(machine, 0x518, 0x00100000, 4);        /* 1000h, big-endian */
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void test_dma(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	assert_int_equal(fake_in(machine, 0x514, 4), 0x554d4551);
	assert_int_equal(fake_in(machine, 0x518, 4), 0x47464320);
	memset(fake_ram(machine) + 0x2000, 0xee, 32);
	assert_int_equal(dma(machine, 0x00200008 | 2, 12, 0x2000), 0);
	assert_memory_equal(fake_ram(machine) + 0x2000, "0123456789\0\0\xee", 13);
	/* Select, skip, read on. */
	assert_int_equal(dma(machine, 0x0020000c, 4, 0), 0);
	assert_int_equal(dma(machine, 2, 3, 0x2000), 0);
	assert_memory_equal(fake_ram(machine) + 0x2000, "456", 3);
	assert_int_equal(fake_in(machine, 0x511, 1), '7');
	/* Nothing can be written. */
	assert_int_equal(dma(machine, 0x10, 4, 0x2000), 1);
	assert_int_equal(dma(machine, 0, 4, 0x2000), 0);
	/* Onto its own descriptor, and to where there is no memory. */
	dma(machine, 0x00200008 | 2, 10, 0x1000);
	assert_int_equal(dma(machine, 0x00200008 | 2, 10, UINT64_MAX - 3), 0);
	fake_machine_free(machine);
}

/* No OUT copies more than 1 MiB: the rest comes a millisecond a MiB, and the descriptor tells the end. */
static void test_long_dma(void **unused)
{
	static uint8_t big[2500000];
	struct cbx_machine *machine = start();
	uint8_t *ram = fake_ram(machine), *control = ram + 0x1003;

	(void)unused;
	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 + (i >> 11) + 1);
	assert_int_equal(fw_cfg_add_file(fw_cfg, "big", big, sizeof(big)), CBX_OK);
	/* Its end lies where there is no memory. */
	assert_int_equal(dma(machine, 0x00220008 | 2, sizeof(big), 0x2000) & 0xff, 0x0a);
	assert_memory_equal(ram + 0x2000, big, 0x8000);
	/* Another one waits for a better time. */
	assert_int_equal(dma(machine, 0x00200008 | 2, 4, 0x3000), 0x0020000a);
	assert_memory_equal(ram + 0x2000, big, 0x8000);
	fake_advance(machine, 1000000);
	fake_reload(machine);
	assert_int_equal(*control, 0x0a);
	fake_advance(machine, 1000000);
	assert_int_equal(*control, 0);
	/* 4 GiB, and a reset in the middle of it. */
	assert_int_equal(dma(machine, 0x00220008 | 2, 0xffffffff, 0x8000000000) & 0xff, 0x0a);
	fake_advance(machine, 100000000);
	assert_int_equal(*control, 0x0a);
	fake_reset(machine, CBX_RESET_WARM);
	fake_advance(machine, 100000000);
	assert_int_equal(*control, 0x0a);
	assert_int_equal(dma(machine, 0x00200008 | 2, 4, 0x3000), 0);
	assert_memory_equal(ram + 0x3000, "0123", 4);
	fake_machine_free(machine);
}

static void test_hostile(void **unused)
{
	struct cbx_machine *machine = start();
	uint64_t seed = 7;

	(void)unused;
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	for (unsigned round = 0; round < 200; round++) {
		fake_storm(machine, &seed, 0x510, 12, 20);
		for (unsigned i = 0; i < 20; i++) {
			uint32_t length = (uint32_t)fake_random(&seed) >> (fake_random(&seed) & 31);

			dma(machine, (uint32_t)fake_random(&seed) & 0x3f001f, length & 0xfffff,
			    fake_random(&seed) >> (fake_random(&seed) & 63));
		}
		fake_reload(machine);
	}
	fake_load_random(machine, &seed, 3000);
	fake_storm(machine, &seed, 0x510, 4, 1000);
	fake_machine_free(machine);
}

static void test_no_memory(void **unused)
{
	(void)unused;
	for (unsigned n = 1; n < 6; n++) {
		struct cbx_machine *machine = fake_machine_new();

		fake_fail_allocation(machine, n);
		if (fw_cfg_new(machine, &fw_cfg) == CBX_OK)
			assert_int_equal(fw_cfg_add_file(fw_cfg, "a", "b", 1), CBX_ERROR_MEMORY);
		fake_machine_free(machine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_dma),
		cmocka_unit_test(test_long_dma),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
