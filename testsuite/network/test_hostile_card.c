/*
 * The card and its hostile neighbours: frames of random bytes and of every size, rings in every wrong
 * place, remote DMA that runs past the ring and past the memory, transmissions from anywhere.  Nothing
 * trips a sanitizer, nothing is sent that is no frame, and the state can be saved and loaded.
 */
#include "harness.h"

#include "ne2000.h"

enum { BASE = 0x300, DATA_PORT = 0x10 };
enum { PAGE0 = 0x22, PAGE1 = 0x62 };

static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0xab, 0xcd, 0xef };
static struct fake_wire irq;
static struct ne2000 *card;
static unsigned sent;

static void take(void *user, const uint8_t *frame, size_t count)
{
	volatile uint8_t last;

	(void)user;
	assert_true(count >= 1 && count <= 1514);
	last = frame[count - 1];
	(void)last;
	sent++;
}

static void put(struct cbx_machine *m, unsigned index, unsigned value)
{
	fake_out(m, BASE + index, value, 1);
}

static struct cbx_machine *start(void)
{
	struct cbx_machine *m = fake_machine_new();
	struct cbx_network_backend wire = { take, NULL };

	sent = 0;
	assert_int_equal(ne2000_isa_new(m, BASE, fake_wire(m, &irq), mac, &wire, &card), CBX_OK);
	fake_reset(m, CBX_RESET_POWER);
	return m;
}

static void ring(struct cbx_machine *m, unsigned pstart, unsigned pstop, unsigned bnry, unsigned curr)
{
	put(m, 0x0, 0x21);
	put(m, 0xe, 0x49);
	put(m, 0xc, 0x1f);              /* everything, errors too */
	put(m, 0xd, 0x00);
	put(m, 0x1, pstart);
	put(m, 0x2, pstop);
	put(m, 0x3, bnry);
	put(m, 0x0, 0x61);
	put(m, 0x7, curr);
	put(m, 0x0, PAGE0);
}

/* All pairs of limits with pointers at their edges; a frame more than the ring holds each time. */
static void test_rings(void **unused)
{
	static const unsigned edges[] = { 0x00, 0x01, 0x3f, 0x40, 0x41, 0x7f, 0x80, 0x81, 0xfe, 0xff };
	enum { EDGES = sizeof(edges) / sizeof(edges[0]) };
	struct cbx_machine *m = start();
	uint8_t frame[1514];

	(void)unused;
	memset(frame, 0xff, sizeof(frame));
	for (unsigned n = 0; n < EDGES * EDGES * EDGES * EDGES; n++) {
		ring(m, edges[n % EDGES], edges[n / EDGES % EDGES], edges[n / EDGES / EDGES % EDGES],
		     edges[n / EDGES / EDGES / EDGES]);
		for (unsigned i = 0; i < 3; i++)
			ne2000_receive(card, frame, 1514);
		ne2000_has_room(card);
	}
	fake_machine_free(m);
}

static void test_frames(void **unused)
{
	struct cbx_machine *m = start();
	uint64_t seed = 7;
	uint8_t frame[4096];

	(void)unused;
	for (unsigned round = 0; round < 40; round++) {
		ring(m, 0x46, 0x80, 0x46, 0x47);
		put(m, 0xc, (unsigned)fake_random(&seed) & 0x3f);
		for (unsigned n = 0; n < sizeof(frame); n++)
			frame[n] = (uint8_t)fake_random(&seed);
		if (round & 1)
			memcpy(frame, mac, sizeof(mac));
		for (size_t count = 0; count < 2000; count += 1 + round % 7) {
			bool good = ne2000_receive(card, frame, count);

			assert_true(!good || (count >= 14 && count <= 1514));
			/* the driver follows now and then, to somewhere */
			if (count % 5 == 0)
				put(m, 0x3, 0x46 + (unsigned)fake_random(&seed) % 0x3a);
		}
	}
	fake_machine_free(m);
}

/* Every start and count of remote DMA at an edge, in both widths and directions, to the end and beyond. */
static void test_dma(void **unused)
{
	static const unsigned edges[] = { 0x0000, 0x0001, 0x001f, 0x0020, 0x3fff, 0x4000, 0x7eff, 0x7fff,
					  0x8000, 0xfffe, 0xffff };
	static const unsigned counts[] = { 0, 1, 2, 3, 255, 256, 0x3a00, 0x4000, 0xfffe, 0xffff };
	struct cbx_machine *m = start();
	uint64_t seed = 3;

	(void)unused;
	for (unsigned at = 0; at < sizeof(edges) / sizeof(edges[0]); at++)
		for (unsigned n = 0; n < sizeof(counts) / sizeof(counts[0]); n++)
			for (unsigned way = 0; way < 8; way++) {
				ring(m, 0x46, way & 4 ? 0x46 : 0x80, 0x46, 0x47);
				put(m, 0xe, way & 1 ? 0x48 : 0x49);
				put(m, 0x8, edges[at] & 0xff);
				put(m, 0x9, edges[at] >> 8);
				put(m, 0xa, counts[n] & 0xff);
				put(m, 0xb, counts[n] >> 8);
				put(m, 0x0, way & 2 ? 0x12 : 0x0a);
				for (unsigned i = 0; i < counts[n] / 2 + 20; i++) {
					unsigned width = fake_random(&seed) & 1 ? 2 : 1;

					if (way & 2)
						fake_out(m, BASE + DATA_PORT, i, width);
					else
						fake_in(m, BASE + DATA_PORT, width);
				}
			}
	fake_machine_free(m);
}

static void test_transmissions(void **unused)
{
	struct cbx_machine *m = start();
	uint64_t seed = 5;

	(void)unused;
	for (unsigned n = 0; n < 3000; n++) {
		uint64_t r = fake_random(&seed);

		ring(m, 0x46, 0x80, 0x46, 0x47);
		put(m, 0xd, n % 8 == 7 ? (unsigned)r & 0x1f : 0);
		put(m, 0x4, r >> 8 & 0xff);
		put(m, 0x5, r >> 16 & 0xff);
		put(m, 0x6, n % 2 ? r >> 24 & 7 : r >> 24 & 0xff);
		put(m, 0x0, 0x26);
		if (n % 4 == 0)
			put(m, 0x0, 0x26);      /* while it is at it */
		fake_advance(m, 1000000);
	}
	assert_true(sent > 0);
	fake_machine_free(m);
}

static void test_storm(void **unused)
{
	struct cbx_machine *m = start();
	uint64_t seed = 11;
	uint8_t frame[1514];

	(void)unused;
	for (unsigned n = 0; n < 3000; n++) {
		for (unsigned i = 0; i < 32; i++)
			frame[fake_random(&seed) % sizeof(frame)] = (uint8_t)fake_random(&seed);
		fake_storm(m, &seed, BASE, 32, 20);
		ne2000_receive(card, frame, (size_t)(fake_random(&seed) % sizeof(frame)));
		fake_advance(m, fake_random(&seed) % 20000);
	}
	fake_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rings), cmocka_unit_test(test_frames), cmocka_unit_test(test_dma),
		cmocka_unit_test(test_transmissions), cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
