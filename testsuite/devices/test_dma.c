/* The 8237A pair: transfers in all directions and modes, masks, terminal count, registers. */
#include "harness.h"

#include "dma.h"

static struct dma *dma;

/* A peripheral that counts up in what it gives, and remembers what it gets. */
struct peer {
	struct dma_channel channel;
	uint8_t next;
	uint8_t got[0x20000];
	size_t got_count, limit;
	unsigned calls, terminal;
	bool to_device;
};
static struct peer peer;

static size_t transfer(void *user, uint8_t *bytes, size_t count, bool to_device, bool terminal)
{
	struct peer *with = user;
	size_t moved = count < with->limit ? count : with->limit;

	assert_true(count > 0);
	with->calls++;
	with->to_device = to_device;
	for (size_t i = 0; i < moved; i++) {
		if (!to_device)
			bytes[i] = with->next++;
		else if (with->got_count < sizeof(with->got))
			with->got[with->got_count++] = bytes[i];
	}
	with->limit -= moved;
	if (moved == count && terminal) {
		with->terminal++;
		dma_request(with->channel, false);
	}
	if (!with->limit)
		dma_request(with->channel, false);
	return moved;
}

static struct cbx_machine *start(unsigned channel)
{
	struct cbx_machine *machine = fake_machine_new();

	assert_int_equal(dma_new(machine, &dma), CBX_OK);
	memset(&peer, 0, sizeof(peer));
	peer.channel = (struct dma_channel){ dma, channel };
	peer.limit = SIZE_MAX;
	dma_connect(peer.channel, &(struct dma_peripheral){ transfer, &peer });
	fake_reset(machine, CBX_RESET_POWER);
	fake_out(machine, 0xd6, 0xc0, 1);       /* the cascade */
	fake_out(machine, 0xd4, 0x00, 1);
	return machine;
}

static void program2(struct cbx_machine *machine, unsigned mode, unsigned address, unsigned count)
{
	fake_out(machine, 0x0a, 0x06, 1);
	fake_out(machine, 0x0b, mode | 2, 1);
	fake_out(machine, 0x0c, 0, 1);
	fake_out(machine, 0x04, address & 0xff, 1);
	fake_out(machine, 0x04, address >> 8 & 0xff, 1);
	fake_out(machine, 0x05, count & 0xff, 1);
	fake_out(machine, 0x05, count >> 8, 1);
	fake_out(machine, 0x81, address >> 16, 1);
	fake_out(machine, 0x0a, 0x02, 1);
}

static unsigned read16(struct cbx_machine *machine, unsigned port)
{
	unsigned low;

	fake_out(machine, 0x0c, 0, 1);
	low = fake_in(machine, port, 1);
	return low | fake_in(machine, port, 1) << 8;
}

static void test_to_memory(void **unused)
{
	struct cbx_machine *machine = start(2);

	(void)unused;
	program2(machine, 0x44, 0x123456, 999);
	dma_request(peer.channel, true);
	assert_int_equal(peer.calls, 0);        /* never from inside the request */
	fake_advance(machine, 10000000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(fake_ram(machine)[0x123456 + i], i & 0xff);
	assert_int_equal(fake_ram(machine)[0x123456 + 1000], 0);
	assert_int_equal(peer.terminal, 1);
	assert_int_equal(fake_in(machine, 0x08, 1), 0x04);
	assert_int_equal(fake_in(machine, 0x08, 1), 0x00);
	assert_int_equal(read16(machine, 0x05), 0xffff);
	assert_int_equal(read16(machine, 0x04), 0x3456 + 1000);
	assert_int_equal(fake_in(machine, 0x0f, 1) & 0x0f, 0x0f);       /* masked itself */
	dma_request(peer.channel, true);
	fake_advance(machine, 1000000);
	assert_int_equal(peer.terminal, 1);
	assert_int_equal(fake_in(machine, 0x08, 1), 0x40);
	fake_machine_free(machine);
}

static void test_from_memory(void **unused)
{
	struct cbx_machine *machine = start(2);

	(void)unused;
	for (unsigned i = 0; i < 512; i++)
		fake_ram(machine)[0x20000 + i] = (uint8_t)(i * 7);
	program2(machine, 0x48, 0x20000, 511);
	dma_request(peer.channel, true);
	fake_advance(machine, 10000000);
	assert_int_equal(peer.got_count, 512);
	assert_memory_equal(peer.got, fake_ram(machine) + 0x20000, 512);
	assert_true(peer.to_device);
	fake_machine_free(machine);
}

static void test_verify(void **unused)
{
	struct cbx_machine *machine = start(2);

	(void)unused;
	peer.next = 1;
	program2(machine, 0x40, 0x20000, 99);
	dma_request(peer.channel, true);
	fake_advance(machine, 10000000);
	assert_int_equal(peer.terminal, 1);
	assert_int_equal(fake_ram(machine)[0x20000], 0);
	fake_machine_free(machine);
}

static void test_auto_init_and_wrap(void **unused)
{
	struct cbx_machine *machine = start(2);

	(void)unused;
	/* The address wraps in 16 bits, the page stays. */
	program2(machine, 0x54, 0x3fff0, 31);
	dma_request(peer.channel, true);
	fake_advance(machine, 10000000);
	assert_int_equal(fake_ram(machine)[0x3ffff], 15);
	assert_int_equal(fake_ram(machine)[0x30000], 16);
	assert_int_equal(fake_ram(machine)[0x40000], 0);
	/* Auto-initialisation: ready to go again. */
	assert_int_equal(read16(machine, 0x04), 0xfff0);
	assert_int_equal(read16(machine, 0x05), 31);
	dma_request(peer.channel, true);
	fake_advance(machine, 10000000);
	assert_int_equal(peer.terminal, 2);
	assert_int_equal(fake_ram(machine)[0x3fff0], 32);
	fake_machine_free(machine);
}

static void test_decrement(void **unused)
{
	struct cbx_machine *machine = start(2);

	(void)unused;
	program2(machine, 0x64, 0x20010, 3);
	dma_request(peer.channel, true);
	fake_advance(machine, 10000000);
	assert_int_equal(fake_ram(machine)[0x20010], 0);
	assert_int_equal(fake_ram(machine)[0x2000f], 1);
	assert_int_equal(fake_ram(machine)[0x2000d], 3);
	assert_int_equal(read16(machine, 0x04), 0x000c);
	fake_machine_free(machine);
}

static void test_words(void **unused)
{
	struct cbx_machine *machine = start(5);

	(void)unused;
	fake_out(machine, 0xd6, 0x45, 1);
	fake_out(machine, 0xd8, 0, 1);
	fake_out(machine, 0xc4, 0x00, 1);       /* address 1000h words, page 12h: 122000h */
	fake_out(machine, 0xc4, 0x10, 1);
	fake_out(machine, 0xc6, 99, 1);
	fake_out(machine, 0xc6, 0, 1);
	fake_out(machine, 0x8b, 0x13, 1);       /* bit 0 of the page does not count */
	fake_out(machine, 0xd4, 0x01, 1);
	dma_request(peer.channel, true);
	fake_advance(machine, 10000000);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(fake_ram(machine)[0x122000 + i], i);
	assert_int_equal(fake_ram(machine)[0x122000 + 200], 0);
	assert_int_equal(fake_in(machine, 0xd0, 1), 0x02);
	fake_machine_free(machine);
}

static void test_masks(void **unused)
{
	struct cbx_machine *machine = start(2);

	(void)unused;
	program2(machine, 0x44, 0x20000, 99);
	fake_out(machine, 0x0a, 0x06, 1);
	dma_request(peer.channel, true);
	fake_advance(machine, 1000000);
	assert_int_equal(peer.calls, 0);
	fake_out(machine, 0x08, 0x04, 1);       /* the controller disabled */
	fake_out(machine, 0x0a, 0x02, 1);
	fake_advance(machine, 1000000);
	assert_int_equal(peer.calls, 0);
	fake_out(machine, 0xd4, 0x04, 1);       /* and the cascade closed */
	fake_out(machine, 0x08, 0x00, 1);
	fake_advance(machine, 1000000);
	assert_int_equal(peer.calls, 0);
	fake_out(machine, 0xd4, 0x00, 1);
	fake_advance(machine, 1000000);
	assert_int_equal(peer.terminal, 1);
	/* Master clear masks everything and clears the flip-flop. */
	fake_out(machine, 0x04, 0x11, 1);
	fake_out(machine, 0x0d, 0, 1);
	assert_int_equal(fake_in(machine, 0x0f, 1) & 0x0f, 0x0f);
	fake_out(machine, 0x04, 0x34, 1);
	fake_out(machine, 0x04, 0x12, 1);
	assert_int_equal(read16(machine, 0x04), 0x1234);
	fake_out(machine, 0x0e, 0, 1);
	assert_int_equal(fake_in(machine, 0x0f, 1) & 0x0f, 0x00);
	fake_machine_free(machine);
}

static void test_pieces(void **unused)
{
	struct cbx_machine *machine = start(2);

	(void)unused;
	/* A peripheral that has only some: it goes on when it asks again. */
	peer.limit = 10;
	program2(machine, 0x44, 0x20000, 99);
	dma_request(peer.channel, true);
	fake_advance(machine, 1000000);
	assert_int_equal(peer.next, 10);
	assert_int_equal(read16(machine, 0x05), 89);
	peer.limit = SIZE_MAX;
	fake_advance(machine, 1000000);
	assert_int_equal(peer.next, 10);
	dma_request(peer.channel, true);
	fake_advance(machine, 1000000);
	assert_int_equal(peer.next, 100);
	assert_int_equal(peer.terminal, 1);
	assert_int_equal(fake_ram(machine)[0x20000 + 99], 99);
	fake_machine_free(machine);
}

static void test_memory_to_memory(void **unused)
{
	struct cbx_machine *machine = start(2);
	static const unsigned writes[][2] = {
		{ 0x08, 0x01 }, { 0x0c, 0 }, { 0x0b, 0x88 }, { 0x0b, 0x85 },
		{ 0x00, 0x00 }, { 0x00, 0x10 }, { 0x87, 0x02 },
		{ 0x02, 0x00 }, { 0x02, 0x20 }, { 0x83, 0x03 }, { 0x03, 0xff }, { 0x03, 0x03 },
		{ 0x0a, 0x00 }, { 0x0a, 0x01 }, { 0x09, 0x04 },
	};

	(void)unused;
	for (unsigned i = 0; i < 1024; i++)
		fake_ram(machine)[0x21000 + i] = (uint8_t)(i * 3);
	for (unsigned i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		fake_out(machine, writes[i][0], writes[i][1], 1);
	fake_advance(machine, 10000000);
	assert_memory_equal(fake_ram(machine) + 0x32000, fake_ram(machine) + 0x21000, 1024);
	assert_int_equal(fake_in(machine, 0x08, 1) & 0x0f, 0x02);
	fake_machine_free(machine);
}

static void test_pages(void **unused)
{
	struct cbx_machine *machine = start(2);

	(void)unused;
	for (unsigned i = 0; i < 16; i++)
		fake_out(machine, 0x80 + i, i * 17, 1);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(fake_in(machine, 0x80 + i, 1), i * 17);
	fake_machine_free(machine);
}

static void test_hostile(void **unused)
{
	struct cbx_machine *machine = start(2);
	uint64_t seed = 4;

	(void)unused;
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	for (unsigned round = 0; round < 300; round++) {
		fake_storm(machine, &seed, 0x00, 16, 60);
		fake_storm(machine, &seed, 0x80, 16, 20);
		fake_storm(machine, &seed, 0xc0, 32, 60);
		peer.limit = fake_random(&seed) & 0xffff;
		peer.got_count = 0;
		dma_request(peer.channel, fake_random(&seed) & 1);
		fake_advance(machine, 500000);
		fake_reload(machine);
	}
	fake_load_random(machine, &seed, 3000);
	fake_storm(machine, &seed, 0x00, 16, 1000);
	fake_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_memory),
		cmocka_unit_test(test_from_memory),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_auto_init_and_wrap),
		cmocka_unit_test(test_decrement),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_memory_to_memory),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
