/*
 * Physical memory: regions and who wins, copy-on-write pages and what they cost, dirty
 * and code marks, handlers' widths, bus masters, the A20 gate, the embedder's access.
 */
#include "ram.h"
#include "stub_cpu.h"

static struct cbx_machine *machine;
static struct cbx_device *device;

static int setup(void **state)
{
	(void)state;
	machine = stub_machine(true, 1 << 20);
	device = stub_device(machine, "a");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stub_machine_free(machine);
	return 0;
}

static struct cbx_ram *new_ram(const char *name, uint64_t size)
{
	struct cbx_ram *ram;

	assert_int_equal(cbx_ram_new(machine, name, size, &ram), CBX_OK);
	return ram;
}

static struct cbx_region *new_region(struct cbx_ram *ram, uint64_t offset, uint64_t size)
{
	struct cbx_region *region;

	assert_int_equal(cbx_region_new_ram(device, ram, offset, size, &region), CBX_OK);
	return region;
}

enum { RW = CBX_REGION_READ | CBX_REGION_WRITE };

static void test_ram_object(void **state)
{
	struct cbx_ram *ram = new_ram("ram", 0x4000);
	uint8_t bytes[0x2000], out[0x2000];
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
	assert_int_equal(cbx_ram_size(ram), 0x4000);
	assert_int_equal(cbx_ram_write(ram, 0x800, bytes, sizeof(bytes)), CBX_OK);
	assert_int_equal(cbx_ram_read(ram, 0x800, out, sizeof(out)), CBX_OK);
	assert_memory_equal(bytes, out, sizeof(out));
	assert_int_equal(cbx_ram_read(ram, 0x3000, out, 0x1000), CBX_OK);
	for (i = 0; i < 0x1000; i++)
		assert_int_equal(out[i], 0);
	assert_int_equal(cbx_ram_read(ram, 0x3fff, out, 2), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_read(ram, UINT64_MAX, out, 2), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_write(ram, 0x4000, out, 1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_write(ram, 0x4000, out, 0), CBX_OK);
	assert_int_equal(cbx_ram_write(ram, 1, out, SIZE_MAX), CBX_ERROR_ARGUMENT);
	assert_true(cbx_ram_page(ram, 0x3123) == zero_page);
	assert_true(cbx_ram_page(ram, 0x4000) == NULL);
	assert_true(cbx_ram_page_writable(ram, 0x4000) == NULL);
	assert_memory_equal(cbx_ram_page(ram, 0x1fff), bytes + 0x800, 0x1000);
	cbx_ram_page_writable(ram, 0x3fff)[5] = 9;
	assert_int_equal(cbx_ram_page(ram, 0x3000)[5], 9);
}

static void test_bad_arguments(void **state)
{
	struct cbx_ram *ram = new_ram("ram", 0x4000), *other;
	static const struct cbx_io io = { .widths = 1 }, no_width = { .widths = 0 };
	struct cbx_region *region;

	(void)state;
	assert_int_equal(cbx_ram_new(NULL, "x", 4096, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_new(machine, NULL, 4096, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_new(machine, "", 4096, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_new(machine, "ram", 4096, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_new(machine, "a name that is longer than forty bytes are", 4096,
				     &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_new(machine, "x", 0, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_new(machine, "x", 4097, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_new(machine, "x", (uint64_t)1 << 60, &other), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_ram_new(machine, "x", 4096, NULL), CBX_ERROR_ARGUMENT);
	assert_null(other);
	assert_int_equal(cbx_region_new_ram(device, ram, 0, 0x5000, &region), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_ram(device, ram, 0x4000, 0x1000, &region),
			 CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_ram(device, ram, 0, 0, &region), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_ram(device, ram, 0, 0x800, &region), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_ram(device, ram, 0x10, 0x1000, &region),
			 CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_ram(device, NULL, 0, 0x1000, &region), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_ram(NULL, ram, 0, 0x1000, &region), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_ram(device, ram, 0, 0x1000, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_io(device, NULL, 0x1000, &region), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_io(device, &no_width, 0x1000, &region),
			 CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_io(device, &io, 0x1001, &region), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_region_new_io(device, &io, UINT64_MAX & ~0xfffull, &region),
			 CBX_ERROR_ARGUMENT);
	/* Places that cannot be are off. */
	assert_int_equal(cbx_region_new_ram(device, ram, 0, 0x1000, &region), CBX_OK);
	cbx_region_place(region, 0x800, RW, 0);
	assert_int_equal(memory_read(machine, 0x800, 1), 0xff);
	cbx_region_place(region, UINT64_MAX & ~0xfffull, RW, 0);
	assert_int_equal(memory_read(machine, UINT64_MAX & ~0xfffull, 1), 0xff);
	cbx_region_place(region, (uint64_t)1 << 52, RW, 0);
	assert_int_equal(memory_read(machine, (uint64_t)1 << 52, 1), 0xff);
	cbx_region_place(region, ((uint64_t)1 << 52) - 0x1000, RW, 0);
	assert_int_equal(memory_read(machine, ((uint64_t)1 << 52) - 1, 1), 0);
	assert_int_equal(memory_read(machine, (uint64_t)1 << 52, 1), 0xff);
	cbx_region_place(NULL, 0, RW, 0);
	cbx_region_set_offset(NULL, 0);
	cbx_region_set_offset(region, 0x4000);
	cbx_region_set_offset(region, 0x10);
	assert_int_equal(region->offset, 0);
}

static uint64_t io_read(struct cbx_device *unused, uint64_t offset, unsigned width)
{
	(void)unused;
	return offset * 0x100 + width;
}

static uint64_t last_offset, last_value;
static unsigned last_width, io_writes;

static void io_write(struct cbx_device *unused, uint64_t offset, uint64_t value, unsigned width)
{
	(void)unused;
	last_offset = offset;
	last_value = value;
	last_width = width;
	io_writes++;
}

/* A ROM over RAM, a device over both, and what reads and writes meet. */
static void test_priorities(void **state)
{
	static const struct cbx_io io = { .widths = 1 | 2 | 4, .read = io_read, .write = io_write };
	struct cbx_ram *ram = new_ram("ram", 0x10000), *rom = new_ram("rom", 0x2000);
	struct cbx_region *main_region = new_region(ram, 0, 0x10000);
	struct cbx_region *rom_region = new_region(rom, 0, 0x2000), *io_region;

	(void)state;
	assert_int_equal(cbx_ram_write(rom, 0, "rom", 3), CBX_OK);
	cbx_region_place(main_region, 0, RW, 0);
	cbx_region_place(rom_region, 0x8000, CBX_REGION_READ, 1);
	memory_write(machine, 0x8000, 0x214d4152, 4);
	assert_int_equal(memory_read(machine, 0x8000, 4), 0x006d6f72);
	/* The write went to the RAM below. */
	cbx_region_place(rom_region, 0x8000, 0, 1);
	assert_int_equal(memory_read(machine, 0x8000, 4), 0x214d4152);
	/* Lower priority than RAM: hidden. */
	cbx_region_place(rom_region, 0x8000, CBX_REGION_READ, -1);
	assert_int_equal(memory_read(machine, 0x8000, 4), 0x214d4152);
	/* The same priority: the later one wins. */
	cbx_region_place(rom_region, 0x8000, CBX_REGION_READ, 0);
	assert_int_equal(memory_read(machine, 0x8000, 4), 0x006d6f72);
	assert_int_equal(memory_read(machine, 0x7ffe, 2), 0);
	assert_int_equal(cbx_region_new_io(device, &io, 0x1000, &io_region), CBX_OK);
	cbx_region_place(io_region, 0x8000, CBX_REGION_READ, 5);
	assert_true(memory_is_io(machine, 0x8000, false));
	assert_false(memory_is_io(machine, 0x8000, true));
	assert_false(memory_is_io(machine, 0x9000, false));
	assert_int_equal(memory_read(machine, 0x8004, 4), 0x404);
	assert_int_equal(memory_read(machine, 0x9000, 2), 0);
	cbx_region_place(io_region, 0x8000, RW, 5);
	io_writes = 0;
	memory_write(machine, 0x8ffe, 0x123456, 2);
	assert_int_equal(io_writes, 1);
	assert_int_equal(last_offset, 0xffe);
	assert_int_equal(last_value, 0x3456);
	/* 8 bytes for handlers of at most 4. */
	assert_true(memory_read(machine, 0x8008, 8) == 0x00000c0400000804);
	memory_write(machine, 0x8008, 0x1122334455667788, 8);
	assert_int_equal(io_writes, 3);
	assert_int_equal(last_value, 0x11223344);
	assert_int_equal(last_offset, 12);
	/* Nobody. */
	assert_true(memory_read(machine, 0x10000, 8) == UINT64_MAX);
	assert_int_equal(memory_read(machine, 0x10000, 2), 0xffff);
	memory_write(machine, 0x10000, 1, 8);
}

static void test_find(void **state)
{
	struct cbx_ram *first = new_ram("first", 0x3000), *ram = new_ram("ram", 0x10000);
	struct cbx_region *region = new_region(ram, 0x2000, 0x4000);
	struct memory_page page;
	unsigned before;

	(void)state;
	(void)first;
	cbx_region_place(region, 0x100000, RW, 0);
	memory_find_read(machine, 0x101234, &page);
	assert_int_equal(page.backing, 0x3000 + 0x3000);
	assert_true(page.read == zero_page);
	assert_null(page.write);
	before = stub(machine)->changed_pages;
	memory_find_write(machine, 0x101234, &page);
	assert_int_equal(page.backing, 0x6000);
	assert_true(page.write && page.read == page.write);
	assert_int_equal(stub(machine)->changed_pages, before + 1);
	assert_int_equal(stub(machine)->changed_backing, 0x6000);
	memory_find_write(machine, 0x101234, &page);
	assert_int_equal(stub(machine)->changed_pages, before + 1);
	memory_find_read(machine, 0xfffff, &page);
	assert_true(page.backing == NO_BACKING && !page.read);
	memory_find_write(machine, 0x104000, &page);
	assert_true(page.backing == NO_BACKING && !page.write && !page.read);
	cbx_region_place(region, 0x100000, CBX_REGION_READ, 0);
	memory_find_write(machine, 0x101234, &page);
	assert_true(page.backing == NO_BACKING && !page.write);
}

static void test_dirty_and_code(void **state)
{
	struct cbx_ram *ram = new_ram("ram", 0x4000);
	struct cbx_region *region = new_region(ram, 0, 0x4000);
	struct memory_page page;
	unsigned before;

	(void)state;
	cbx_region_place(region, 0, RW, 0);
	assert_false(cbx_ram_take_dirty(ram, 0));
	assert_false(cbx_ram_take_dirty(ram, 0x4000));
	memory_find_write(machine, 0x1000, &page);
	assert_false(cbx_ram_take_dirty(ram, 0));
	before = stub(machine)->changed_pages;
	assert_true(cbx_ram_take_dirty(ram, 0x1000));
	assert_int_equal(stub(machine)->changed_pages, before + 1);
	assert_int_equal(stub(machine)->changed_backing, 0x1000);
	assert_false(cbx_ram_take_dirty(ram, 0x1000));
	memory_write(machine, 0x1008, 1, 1);
	assert_true(cbx_ram_take_dirty(ram, 0x1fff));

	before = stub(machine)->changed_pages;
	memory_mark_code(machine, 0x1000, true);
	assert_int_equal(stub(machine)->changed_pages, before + 1);
	memory_mark_code(machine, 0x1000, true);
	assert_int_equal(stub(machine)->changed_pages, before + 1);
	memory_find_write(machine, 0x1004, &page);
	assert_null(page.write);
	assert_int_equal(page.backing, 0x1000);
	assert_int_equal(stub(machine)->written, 0);
	memory_write(machine, 0x1004, 0x1234, 2);
	assert_int_equal(stub(machine)->written, 1);
	assert_int_equal(stub(machine)->written_backing, 0x1004);
	assert_int_equal(stub(machine)->written_count, 2);
	assert_int_equal(memory_read(machine, 0x1004, 2), 0x1234);
	cbx_dma_write(device, 0xffe, "\1\2\3\4", 4);
	assert_int_equal(stub(machine)->written, 2);
	assert_int_equal(stub(machine)->written_backing, 0x1000);
	assert_int_equal(cbx_memory_write(machine, 0x1ffe, "\1\2\3\4", 4), CBX_OK);
	assert_int_equal(stub(machine)->written, 3);
	assert_int_equal(stub(machine)->written_backing, 0x1ffe);
	cbx_ram_page_writable(ram, 0x1234);
	assert_int_equal(stub(machine)->written, 4);
	assert_int_equal(stub(machine)->written_count, 4096);
	memory_mark_code(machine, 0x1000, false);
	memory_find_write(machine, 0x1004, &page);
	assert_non_null(page.write);
	memory_mark_code(machine, NO_BACKING, true);
	memory_mark_code(machine, 0x4000, true);
}

static void test_bank_switch(void **state)
{
	struct cbx_ram *ram = new_ram("vram", 0x40000);
	struct cbx_region *window = new_region(ram, 0, 0x10000);
	unsigned i, before;

	(void)state;
	cbx_region_place(window, 0xa0000, RW, 0);
	for (i = 0; i < 4; i++) {
		before = stub(machine)->changed_all;
		cbx_region_set_offset(window, 0x10000 * i);
		assert_int_equal(stub(machine)->changed_all, before + (i != 0));
		memory_write(machine, 0xa0010, i + 1, 1);
	}
	for (i = 0; i < 4; i++)
		assert_int_equal(cbx_ram_page(ram, 0x10000 * i)[0x10], i + 1);
	cbx_region_set_offset(window, 0x31000);         /* would not fit */
	assert_int_equal(memory_read(machine, 0xa0010, 1), 4);
	/* Placing it where it is changes nothing. */
	before = stub(machine)->changed_all;
	cbx_region_place(window, 0xa0000, RW, 0);
	assert_int_equal(stub(machine)->changed_all, before);
}

static void test_dma(void **state)
{
	static const struct cbx_io io = { .widths = 1, .read = io_read, .write = io_write };
	struct cbx_ram *ram = new_ram("ram", 0x10000), *rom = new_ram("rom", 0x1000);
	struct cbx_region *low = new_region(ram, 0, 0x10000), *rom_region = new_region(rom, 0, 0x1000);
	struct cbx_region *shadow = new_region(ram, 0x4000, 0x1000), *io_region;
	uint8_t bytes[0x3000], ones[0x3000];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	cbx_region_place(low, 0, RW, 0);
	cbx_region_place(rom_region, 0x2000, CBX_REGION_READ, 1);
	assert_int_equal(cbx_region_new_io(device, &io, 0x1000, &io_region), CBX_OK);
	cbx_region_place(io_region, 0x6000, RW, 1);
	cbx_ram_write(rom, 0, "rom", 3);
	memory_write(machine, 0x1ffc, 0x44434241, 4);
	cbx_dma_read(device, 0x1ffc, bytes, 8);
	assert_memory_equal(bytes, "ABCD\377\377\377\377", 8);
	/* Write-protected RAM reads as RAM and is not written. */
	memory_write(machine, 0x4000, 0x55, 1);
	cbx_region_place(shadow, 0x20000, CBX_REGION_READ, 0);
	cbx_dma_read(device, 0x20000, bytes, 1);
	assert_int_equal(bytes[0], 0x55);
	cbx_dma_write(device, 0x20000, "\1", 1);
	assert_int_equal(memory_read(machine, 0x20000, 1), 0x55);
	/* Handlers are not called. */
	io_writes = 0;
	memset(bytes, 0x77, sizeof(bytes));
	cbx_dma_write(device, 0x5800, bytes, 0x2000);
	assert_int_equal(io_writes, 0);
	assert_int_equal(memory_read(machine, 0x5fff, 1), 0x77);
	assert_int_equal(memory_read(machine, 0x7000, 1), 0x77);
	assert_int_equal(memory_read(machine, 0x7800, 1), 0);
	cbx_dma_read(device, 0x6000, bytes, 0x1000);
	assert_memory_equal(bytes, ones, 0x1000);
	/* Beyond everything, and around the end of addresses. */
	cbx_dma_read(device, 0x123456789000, bytes, 0x3000);
	assert_memory_equal(bytes, ones, 0x3000);
	cbx_dma_read(device, UINT64_MAX - 3, bytes, 16);
	assert_memory_equal(bytes, "\377\377\377\377\0\0", 6);
	cbx_dma_write(device, UINT64_MAX, "\1\2", 2);
	assert_int_equal(memory_read(machine, 0, 1), 2);
}

static void test_a20(void **state)
{
	unsigned before = stub(machine)->changed_all;

	(void)state;
	assert_true(memory_a20(machine, 0x300000) == 0x300000);
	memory_set_a20(machine, true);
	assert_int_equal(stub(machine)->changed_all, before);
	memory_set_a20(machine, false);
	assert_int_equal(stub(machine)->changed_all, before + 1);
	assert_true(memory_a20(machine, 0x10012345) == 0x10012345);
	assert_true(memory_a20(machine, 0x300000) == 0x200000);
	assert_true(memory_a20(machine, UINT64_MAX) == (UINT64_MAX & ~(uint64_t)0x100000));
	cbx_machine_reset(machine);
	assert_true(memory_a20(machine, 0x300000) == 0x300000);
}

static void test_embedder(void **state)
{
	struct cbx_ram *ram = new_ram("ram", 0x4000);
	struct cbx_region *region = new_region(ram, 0, 0x4000);
	uint8_t bytes[0x2000];

	(void)state;
	cbx_region_place(region, 0x1000, RW, 0);
	assert_int_equal(cbx_memory_write(machine, 0x1ffe, "abcd", 4), CBX_OK);
	assert_int_equal(cbx_memory_read(machine, 0x1ffe, bytes, 4), CBX_OK);
	assert_memory_equal(bytes, "abcd", 4);
	assert_int_equal(cbx_memory_read(machine, 0xfff, bytes, 2), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_memory_read(machine, 0x4fff, bytes, 2), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_memory_read(machine, UINT64_MAX, bytes, 2), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_memory_read(machine, UINT64_MAX, bytes, 0), CBX_OK);
	assert_int_equal(cbx_memory_read(machine, 0x1000, NULL, 1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_memory_read(NULL, 0x1000, bytes, 1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_memory_write(machine, 0x4fff, bytes, 2), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_memory_write(machine, 0x1000, bytes, SIZE_MAX), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_memory_write(NULL, 0x1000, bytes, 1), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_memory_write(machine, 0x1000, NULL, 1), CBX_ERROR_ARGUMENT);
	cbx_region_place(region, 0x1000, CBX_REGION_READ, 0);
	assert_int_equal(cbx_memory_write(machine, 0x1000, bytes, 1), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_memory_read(machine, 0x1000, bytes, 1), CBX_OK);
}

/* Power-on gives back what was there before the first run or reset. */
static void test_power_on(void **state)
{
	struct cbx_ram *rom = new_ram("rom", 0x2000);
	struct cbx_region *region = new_region(rom, 0, 0x2000);
	uint64_t after;

	(void)state;
	cbx_region_place(region, 0, RW, 0);
	cbx_ram_write(rom, 0, "firmware", 8);
	cbx_machine_reset(machine);
	assert_memory_equal(cbx_ram_page(rom, 0), "firmware", 8);
	after = stub_allocated();
	memory_write(machine, 0, 0x31313131, 4);
	memory_write(machine, 0x1000, 0x31313131, 4);
	assert_memory_equal(cbx_ram_page(rom, 0), "1111ware", 8);
	cbx_machine_reset(machine);
	assert_memory_equal(cbx_ram_page(rom, 0), "firmware", 8);
	assert_true(cbx_ram_page(rom, 0x1000) == zero_page);
	assert_int_equal(stub_allocated(), after);
}

static void test_no_memory(void **state)
{
	struct cbx_ram *ram = new_ram("ram", 0x100000);
	struct cbx_region *region = new_region(ram, 0, 0x100000);
	struct memory_page page;

	(void)state;
	cbx_region_place(region, 0, RW, 0);
	stub_fail_allocations(1);
	memory_find_write(machine, 0x1000, &page);
	assert_null(page.write);
	assert_int_equal(page.backing, 0x1000);
	assert_true(machine->out_of_memory);
	machine->out_of_memory = false;
	memory_write(machine, 0x1000, 1, 4);
	assert_true(machine->out_of_memory);
	machine->out_of_memory = false;
	assert_null(cbx_ram_page_writable(ram, 0));
	assert_int_equal(cbx_ram_write(ram, 0, "x", 1), CBX_ERROR_MEMORY);
	assert_int_equal(cbx_memory_write(machine, 0, "x", 1), CBX_ERROR_MEMORY);
	cbx_dma_write(device, 0, "x", 1);
	stub_fail_allocations(0);
	memory_write(machine, 0x1000, 1, 4);
	assert_int_equal(memory_read(machine, 0x1000, 4), 1);
	assert_int_equal(cbx_ram_page(ram, 0)[0], 0);
}

/* 128 MiB, all written: at most 4 MiB more than that. */
static void test_cost(void **state)
{
	struct cbx_machine *big = stub_machine(false, (uint64_t)128 << 20);
	uint64_t address;

	(void)state;
	assert_in_range(stub_allocated(), 0, 4 << 20);
	for (address = 0; address < (uint64_t)128 << 20; address += 4096)
		memory_write(big, address, address, 8);
	assert_in_range(stub_allocated(), 128 << 20, 132 << 20);
	for (address = 0; address < (uint64_t)128 << 20; address += 4096)
		assert_true(memory_read(big, address, 8) == address);
	cbx_machine_reset(big);
	assert_in_range(stub_allocated(), 0, 132 << 20);
	cbx_machine_free(big);
}

/* The flat maps against the rule itself, on random regions. */
static void test_random_maps(void **state)
{
	enum { REGIONS = 24, PAGES = 64 };
	struct cbx_ram *ram = new_ram("ram", REGIONS * PAGES * 4096ull);
	struct cbx_region *regions[REGIONS];
	uint32_t random = 12345;
	unsigned i, round;

	(void)state;
	for (i = 0; i < REGIONS; i++)
		regions[i] = new_region(ram, i * PAGES * 4096ull, (1 + i * 5 % PAGES) * 4096ull);
	for (round = 0; round < 400; round++) {
		struct cbx_region *moved;
		uint64_t page;

		random = random * 1664525 + 1013904223;
		moved = regions[(random >> 8) % REGIONS];
		cbx_region_place(moved, (random >> 16) % PAGES * 4096ull, random >> 13 & 3,
				 (int)(random >> 10 & 3) - 1);
		for (page = 0; page < 2 * PAGES; page++) {
			const struct cbx_region *best[2] = { NULL, NULL };
			unsigned kind;

			for (i = 0; i < REGIONS; i++) {
				const struct cbx_region *r = regions[i];

				for (kind = 0; kind < 2; kind++) {
					if (!(r->access >> kind & 1) || page * 4096 < r->base ||
					    page * 4096 - r->base >= r->size)
						continue;
					if (!best[kind] || r->priority >= best[kind]->priority)
						best[kind] = r;
				}
			}
			assert_true(map_find(machine->memory, page * 4096 + 7, MAP_READ) == best[0]);
			assert_true(map_find(machine->memory, page * 4096, MAP_WRITE) == best[1]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ram_object, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_priorities, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dirty_and_code, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bank_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dma, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a20, setup, teardown),
		cmocka_unit_test_setup_teardown(test_embedder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_power_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_maps, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
