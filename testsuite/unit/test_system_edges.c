/*
 * The edges of fetching and of runs: instructions that cross into another page, code and
 * operands that are no RAM, limits of runs and addresses that are nearly too large.
 */
#include "system_guest.h"

#include <clearbox/device.h>
#include <string.h>

enum { PAGE = 4096, DIRECTORY = 0x100000, TABLE = 0x101000, DEVICE_AT = 0x8000000, NOWHERE = 0x9000000 };

/* One page of memory that answers every read with a byte, counts reads, and knows when. */
struct bytes_state {
	uint32_t byte, reads;
	uint64_t read_at, written_at;
};

struct bytes {
	struct cbx_device device;
	struct bytes_state state;
};

static uint64_t bytes_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct bytes *bytes = (struct bytes *)device;

	(void)offset, (void)width;
	bytes->state.reads++;
	bytes->state.read_at = cbx_time(device);
	return bytes->state.byte;
}

static void bytes_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	(void)offset, (void)value, (void)width;
	((struct bytes *)device)->state.written_at = cbx_time(device);
}

static const struct cbx_field bytes_fields[] = {
	CBX_FIELD(struct bytes_state, byte), CBX_FIELD(struct bytes_state, reads),
	CBX_FIELD(struct bytes_state, read_at), CBX_FIELD(struct bytes_state, written_at),
	CBX_FIELD_END
};
static const struct cbx_device_type bytes_type = {
	.name = "bytes", .version = 1, .size = sizeof(struct bytes),
	.state_offset = offsetof(struct bytes, state), .state_size = sizeof(struct bytes_state),
	.fields = bytes_fields,
};
static const struct cbx_io bytes_io = { .widths = 1, .read = bytes_read, .write = bytes_write };

/* The first 4 MiB mapped as they are. */
static void paged_guest(struct guest *guest, const char *cpu)
{
	guest_new(guest, cpu);
	poke(guest, DIRECTORY, 4, TABLE | 7);
	for (uint32_t n = 0; n < 1024; n++)
		poke(guest, TABLE + 4 * n, 4, n * PAGE | 7);
	set(guest, CBX_CR3, DIRECTORY);
	set(guest, CBX_CR0, 0x80000011);
}

static void map(struct guest *guest, uint32_t linear, uint32_t entry)
{
	poke(guest, TABLE + 4 * (linear / PAGE), 4, entry);
	set(guest, CBX_CR3, DIRECTORY);
}

static struct bytes *add_device(struct guest *guest, uint8_t byte)
{
	struct cbx_device *device;
	struct cbx_region *region;
	struct bytes *bytes;

	assert_int_equal(cbx_device_new(guest->machine, &bytes_type, &device), CBX_OK);
	assert_int_equal(cbx_region_new_io(device, &bytes_io, PAGE, &region), CBX_OK);
	cbx_region_place(region, DEVICE_AT, CBX_REGION_READ | CBX_REGION_WRITE, 0);
	bytes = (struct bytes *)device;
	bytes->state.byte = byte;
	return bytes;
}

static struct cbx_stop go(struct guest *guest, uint64_t instructions)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = instructions };
	struct cbx_stop stop;

	assert_int_equal(cbx_run(guest->machine, &options, &stop), CBX_OK);
	return stop;
}

/* MOV AL, imm8 with the immediate in the next page, which is nothing at first and then RAM. */
static void second_page_appears(void **state)
{
	struct guest guest;

	(void)state;
	paged_guest(&guest, NULL);
	poke(&guest, CODE_AT + PAGE - 1, 1, 0xb0);
	poke_bytes(&guest, HANDLERS + 16 * UD, "\xeb\xfe", 2);
	map(&guest, CODE_AT + PAGE, NOWHERE | 7);
	set(&guest, CBX_RIP, CODE_AT + PAGE - 1);
	go(&guest, 1000);
	assert_int_equal(reg(&guest, CBX_RAX) & 0xff, 0xff);
	poke_bytes(&guest, DATA_AT, "\x42\xeb\xfe", 3);
	map(&guest, CODE_AT + PAGE, DATA_AT | 7);
	at_privilege(&guest, 0);
	set(&guest, CBX_RIP, CODE_AT + PAGE - 1);
	go(&guest, 1000);
	assert_int_equal(reg(&guest, CBX_RAX) & 0xff, 0x42);
	guest_free(&guest);
}

/* Code that a device answers: the last byte of its page is an instruction; the next is not there. */
static void device_code_at_the_end(void **state)
{
	struct outcome got;
	struct guest guest;

	(void)state;
	paged_guest(&guest, NULL);
	add_device(&guest, 0x90);
	map(&guest, CODE_AT, DEVICE_AT | 7);
	map(&guest, CODE_AT + PAGE, 0);
	set(&guest, CBX_RIP, CODE_AT + PAGE - 1);
	got = step(&guest);
	EXPECT(&guest, "NOP from a device", got, NONE, 0);
	assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + PAGE);
	got = step(&guest);
	EXPECT(&guest, "the next page", got, PF, 0);
	assert_int_equal(reg(&guest, CBX_CR2), CODE_AT + PAGE);
	guest_free(&guest);
}

/* A read that faults in its second page has not asked the device in its first. */
static void device_and_nothing(void **state)
{
	struct outcome got;
	struct bytes *bytes;
	struct guest guest;

	(void)state;
	paged_guest(&guest, NULL);
	bytes = add_device(&guest, 0x5a);
	map(&guest, DATA_AT, DEVICE_AT | 7);
	map(&guest, DATA_AT + PAGE, 0);
	got = RUN(&guest, "\xa1\xfe\x0f\x03\x00");      /* mov eax, [30ffeh] */
	EXPECT(&guest, "a read across", got, PF, 0);
	assert_int_equal(reg(&guest, CBX_CR2), DATA_AT + PAGE);
	assert_int_equal(bytes->state.reads, 0);
	at_privilege(&guest, 0);
	map(&guest, DATA_AT + PAGE, (DATA_AT + PAGE) | 7);
	poke(&guest, DATA_AT + PAGE, 2, 0x1234);
	got = step(&guest);
	EXPECT(&guest, "a read across", got, NONE, 0);
	assert_int_equal(reg(&guest, CBX_RAX), 0x12345a5a);
	assert_int_equal(bytes->state.reads, 2);
	guest_free(&guest);
}

/* A device that is read and then written by one instruction sees one time. */
static void read_and_write_at_once(void **state)
{
	struct bytes *bytes;
	struct guest guest;

	(void)state;
	paged_guest(&guest, NULL);
	bytes = add_device(&guest, 0x5a);
	map(&guest, DATA_AT, DEVICE_AT | 7);
	/* nops; or [30000h], al; dec ecx; jnz; hlt */
	poke_bytes(&guest, CODE_AT, "\x90\x90\x90\x90\x90\x08\x05\x00\x00\x03\x00"
		   "\x49\x75\xf2\xf4", 15);
	set(&guest, CBX_RCX, 5);
	assert_int_equal(go(&guest, 0).reason, CBX_STOP_HALTED);
	assert_int_equal(bytes->state.reads, 5);
	assert_true(bytes->state.read_at > 0);
	assert_int_equal(bytes->state.read_at, bytes->state.written_at);
	guest_free(&guest);
}

/* REP STOSB across two pages overwrites its opcode: the same however long the runs are. */
static void repeat_overwrites_itself(void **state)
{
	static const uint64_t lengths[] = { 0, 1, 2, 5, 40, 63, 64, 100 };

	(void)state;
	for (size_t n = 0; n < sizeof(lengths) / sizeof(lengths[0]); n++) {
		struct guest guest;
		unsigned runs = 0;

		guest_new(&guest, NULL);
		/* First a store there, so that the next ones are simple. */
		RUN(&guest, "\xc6\x05\x00\x18\x02\x00\x00");   /* mov byte [21800h], 0 */
		poke_bytes(&guest, CODE_AT + PAGE - 1, "\xf3\xaa\xf4", 3);
		set(&guest, CBX_RIP, CODE_AT + PAGE - 1);
		set(&guest, CBX_RAX, 0x90);             /* then it is PAUSE */
		set(&guest, CBX_RCX, 200);
		set(&guest, CBX_RDI, CODE_AT + PAGE);
		while (go(&guest, lengths[n]).reason != CBX_STOP_HALTED)
			assert_true(++runs < 10);
		assert_int_equal(reg(&guest, CBX_RCX), 199);
		assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + PAGE + 2);
		guest_free(&guest);
	}
}

/* A data breakpoint on byte 0 is met by a write that begins below 4 GiB and goes on there. */
static void breakpoint_beyond_the_end(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	set(&guest, CBX_DR0, 0);
	set(&guest, CBX_DR7, 0x10402);
	poke_bytes(&guest, CODE_AT, "\xa3\xfc\xff\xff\xff\x90\x90\xa3\xfe\xff\xff\xff\x90\xf4", 14);
	assert_int_equal(go(&guest, 3).reason, CBX_STOP_LIMIT);         /* up to FFFFFFFFh: not met */
	assert_int_equal(reg(&guest, CBX_DR6) & 15, 0);
	assert_int_equal(go(&guest, 0).reason, CBX_STOP_HALTED);
	assert_int_equal(reg(&guest, CBX_DR6) & 15, 1);
	guest_free(&guest);
}

/* Limits as large as can be are as good as none. */
static void large_limits(void **state)
{
	struct cbx_run_options options = {
		.size = sizeof(options), .instructions = UINT64_MAX, .guest_nanoseconds = UINT64_MAX,
	};
	struct cbx_stop stop;
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	poke_bytes(&guest, CODE_AT, "\x90\x90\x90\xf4", 4);
	go(&guest, 1);
	assert_int_equal(cbx_run(guest.machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_HALTED);
	guest_free(&guest);
}

/* Linear addresses beyond 4 GiB are those below, also where 64 bits end. */
static void linear_addresses(void **state)
{
	static uint8_t bytes[PAGE];
	struct guest guest;
	uint32_t word;

	(void)state;
	guest_new(&guest, NULL);
	assert_int_equal(cbx_linear_read(guest.machine, UINT64_MAX - 0xfff, bytes, PAGE - 1),
			 CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_linear_read(guest.machine, UINT64_MAX, bytes, 4), CBX_ERROR_UNMAPPED);
	guest_free(&guest);
	paged_guest(&guest, NULL);
	poke(&guest, DATA_AT, 4, 0x12345678);
	assert_int_equal(cbx_linear_read(guest.machine, DATA_AT, &word, 4), CBX_OK);
	map(&guest, DATA_AT + PAGE, 0);
	memset(bytes, 0x11, sizeof(bytes));
	assert_int_equal(cbx_linear_write(guest.machine, DATA_AT + 8, bytes, PAGE), CBX_ERROR_UNMAPPED);
	assert_int_equal(peek(&guest, DATA_AT + 8, 4), 0);      /* all or nothing */
	guest_free(&guest);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_page_appears), cmocka_unit_test(device_code_at_the_end),
		cmocka_unit_test(device_and_nothing), cmocka_unit_test(read_and_write_at_once),
		cmocka_unit_test(repeat_overwrites_itself),
		cmocka_unit_test(breakpoint_beyond_the_end), cmocka_unit_test(large_limits), cmocka_unit_test(linear_addresses),
	};

	return cmocka_run_group_tests_name("edges", tests, NULL, NULL);
}
