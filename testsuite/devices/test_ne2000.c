/* The DP8390 on an ISA board: PROM, remote DMA, transmission, reception, the ring, and misuse. */
#include <stdlib.h>

#include "harness.h"

#include "dp8390.h"
#include "ne2000.h"

enum { BASE = 0x300, DATA_PORT = 0x10, RESET_PORT = 0x1f };
enum { PAGE0 = 0x22, PAGE1 = 0x62 };
enum { PSTART = 0x46, PSTOP = 0x80 };

static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0xab, 0xcd, 0xef };
static struct fake_wire irq;
static struct ne2000 *card;
static uint8_t sent[4096];
static size_t sent_count, sent_frames;

static void take(void *user, const uint8_t *frame, size_t count)
{
	(void)user;
	assert_true(count <= 1514);
	memcpy(sent, frame, count);
	sent_count = count;
	sent_frames++;
}

static void put(struct cbx_machine *m, unsigned index, unsigned value)
{
	fake_out(m, BASE + index, value, 1);
}

static unsigned get(struct cbx_machine *m, unsigned index)
{
	return fake_in(m, BASE + index, 1);
}

static void remote(struct cbx_machine *m, unsigned command, unsigned at, unsigned count)
{
	put(m, 0x8, at & 0xff);
	put(m, 0x9, at >> 8);
	put(m, 0xa, count & 0xff);
	put(m, 0xb, count >> 8);
	put(m, 0x0, command);
}

static void fetch(struct cbx_machine *m, unsigned at, uint8_t *bytes, unsigned count)
{
	remote(m, 0x0a, at, count);
	for (unsigned n = 0; n < count; n += 2) {
		unsigned word = fake_in(m, BASE + DATA_PORT, 2);

		bytes[n] = (uint8_t)word;
		bytes[n + 1] = (uint8_t)(word >> 8);
	}
}

static struct cbx_machine *start(void)
{
	struct cbx_machine *m = fake_machine_new();
	struct cbx_network_backend wire = { take, NULL };

	sent_frames = sent_count = 0;
	assert_int_equal(ne2000_isa_new(m, BASE, fake_wire(m, &irq), mac, &wire, &card), CBX_OK);
	fake_reset(m, CBX_RESET_POWER);
	put(m, 0x0, 0x21);
	put(m, 0xe, 0x49);              /* words, FIFO threshold */
	put(m, 0xc, 0x04);              /* broadcasts */
	put(m, 0xd, 0x00);
	put(m, 0x1, PSTART);
	put(m, 0x2, PSTOP);
	put(m, 0x3, PSTART);
	put(m, 0x7, 0xff);
	put(m, 0xf, 0x7f);
	put(m, 0x0, 0x61);
	for (unsigned n = 0; n < 6; n++)
		put(m, 1 + n, mac[n]);
	put(m, 0x7, PSTART + 1);
	put(m, 0x0, PAGE0);
	return m;
}

static void test_prom_and_memory(void **unused)
{
	struct cbx_machine *m = start();
	uint8_t bytes[32];

	(void)unused;
	fetch(m, 0, bytes, 32);
	for (unsigned n = 0; n < 6; n++) {
		assert_int_equal(bytes[2 * n], mac[n]);
		assert_int_equal(bytes[2 * n + 1], mac[n]);
	}
	assert_int_equal(bytes[28], 0x57);
	assert_int_equal(bytes[30], 0x57);
	assert_int_equal(get(m, 0x7) & 0x40, 0x40);     /* remote DMA is complete */
	assert_true(irq.level);
	put(m, 0x7, 0x40);
	assert_false(irq.level);
	remote(m, 0x12, 0x4000, 4);
	fake_out(m, BASE + DATA_PORT, 0x2211, 2);
	fake_out(m, BASE + DATA_PORT, 0x4433, 2);
	fake_out(m, BASE + DATA_PORT, 0x6655, 2);       /* one too many: dropped */
	fetch(m, 0x4000, bytes, 6);
	assert_memory_equal(bytes, "\x11\x22\x33\x44\x00\x00", 6);
	/* The PROM and what lies beyond the memory cannot be written, and read as they are. */
	remote(m, 0x12, 0x0000, 2);
	fake_out(m, BASE + DATA_PORT, 0, 2);
	remote(m, 0x12, 0x8000, 2);
	fake_out(m, BASE + DATA_PORT, 0, 2);
	fetch(m, 0, bytes, 2);
	assert_int_equal(bytes[0], mac[0]);
	fetch(m, 0x8000, bytes, 2);
	assert_int_equal(bytes[0], 0xff);
	fake_machine_free(m);
}

static void no_irq(struct cbx_device *device, bool level)
{
	(void)device;
	(void)level;
}

/* A remote DMA of up to count bytes, from up to near bytes before a place where something ends, or after it. */
static void random_transfer(struct dp8390_state *state, unsigned near, unsigned count, uint64_t *seed)
{
	static const unsigned edges[] = { 0x20, 0x4000, PSTOP * 256, 0x8000, 0xffff };

	state->pstart = PSTART;
	state->pstop = fake_random(seed) % 4 ? PSTOP - 0x20 : PSTOP;
	state->rsar = (uint16_t)(edges[fake_random(seed) % 5] + fake_random(seed) % (2 * near) - near);
	if (fake_random(seed) % 4 == 0)
		state->rsar = (uint16_t)(state->pstop * 256u - fake_random(seed) % near);
	state->rbcr = (uint16_t)(fake_random(seed) % count);
	state->dcr = fake_random(seed) % 4 ? 0x49 : 0x48;
	state->cr = fake_random(seed) % 2 ? 0x0a : 0x12;
}

/* Four bytes at once are two words one after the other, wherever the address and the count end. */
static void test_wide(void **unused)
{
	struct dp8390 *nic = calloc(1, sizeof(*nic));
	uint64_t seed = 1;

	(void)unused;
	dp8390_setup(nic, NULL, mac, NULL, NULL, no_irq);
	for (unsigned round = 0; round < 20000; round++) {
		struct dp8390_state before, wide;
		uint32_t value = (uint32_t)fake_random(&seed), in, halves;

		random_transfer(&nic->state, 6, 12, &seed);
		before = nic->state;
		dp8390_write(nic, 0x10, value, 4);
		wide = nic->state;
		nic->state = before;
		dp8390_write(nic, 0x10, value & 0xffff, 2);
		dp8390_write(nic, 0x10, value >> 16, 2);
		assert_memory_equal(&nic->state, &wide, sizeof(wide));
		nic->state = before;
		in = (uint32_t)dp8390_read(nic, 0x10, 4);
		wide = nic->state;
		nic->state = before;
		halves = (uint32_t)dp8390_read(nic, 0x10, 2) & 0xffff;
		halves |= (uint32_t)dp8390_read(nic, 0x10, 2) << 16;
		assert_int_equal(in, halves);
		assert_memory_equal(&nic->state, &wide, sizeof(wide));
	}
	free(nic);
}

/* Many at once leave what as many one after the other leave; registers are not for that. */
static void test_many(void **unused)
{
	struct dp8390 *nic = calloc(1, sizeof(*nic));
	uint64_t seed = 2, written = 0, read = 0;

	(void)unused;
	dp8390_setup(nic, NULL, mac, NULL, NULL, no_irq);
	for (unsigned round = 0; round < 20000; round++) {
		unsigned width = 1u << fake_random(&seed) % 3;
		unsigned offset = fake_random(&seed) % 8 ? 0x10 + width * ((unsigned)fake_random(&seed) % (8 / width))
							 : (unsigned)fake_random(&seed) % 0x20;
		size_t most = 1 + fake_random(&seed) % 24, count, n;
		struct dp8390_state before, many;
		uint8_t bytes[96], one[96] = { 0 };

		random_transfer(&nic->state, 48, 100, &seed);
		for (n = 0; n < sizeof(bytes); n++)
			bytes[n] = (uint8_t)fake_random(&seed);

		before = nic->state;
		count = dp8390_write_many(nic, offset, width, bytes, most);
		many = nic->state;
		assert_true(count <= most && (!count || (offset >= 0x10 && offset < 0x18)));
		nic->state = before;
		for (n = 0; n < count; n++) {
			uint32_t value = 0;

			for (unsigned at = 0; at < width; at++)
				value |= (uint32_t)bytes[n * width + at] << 8 * at;
			dp8390_write(nic, offset, value, width);
		}
		assert_memory_equal(&nic->state, &many, sizeof(many));
		written += count;

		nic->state = before;
		count = dp8390_read_many(nic, offset, width, bytes, most);
		many = nic->state;
		assert_true(count <= most && (!count || (offset >= 0x10 && offset < 0x18)));
		nic->state = before;
		for (n = 0; n < count; n++) {
			uint32_t value = (uint32_t)dp8390_read(nic, offset, width);

			for (unsigned at = 0; at < width; at++)
				one[n * width + at] = (uint8_t)(value >> 8 * at);
		}
		assert_memory_equal(&nic->state, &many, sizeof(many));
		assert_memory_equal(bytes, one, count * width);
		read += count;
	}
	assert_true(written > 10000 && read > 10000);
	free(nic);
}

static void test_transmit(void **unused)
{
	struct cbx_machine *m = start();

	(void)unused;
	remote(m, 0x12, 0x4000, 60);
	for (unsigned n = 0; n < 60; n += 2)
		fake_out(m, BASE + DATA_PORT, n | (n + 1) << 8, 2);
	put(m, 0x7, 0x7f);
	put(m, 0x4, 0x40);
	put(m, 0x5, 60);
	put(m, 0x6, 0);
	put(m, 0x0, 0x26);
	assert_int_equal(get(m, 0x0) & 4, 4);
	assert_false(irq.level);
	fake_advance(m, 1000000);
	assert_int_equal(sent_frames, 1);
	assert_int_equal(sent_count, 60);
	for (unsigned n = 0; n < 60; n++)
		assert_int_equal(sent[n], n);
	assert_int_equal(get(m, 0x0) & 4, 0);
	assert_int_equal(get(m, 0x4), 1);
	assert_int_equal(get(m, 0x7) & 2, 2);
	assert_true(irq.level);
	/* A transmit bit that comes with a stop is none, and keeps no later one from being one. */
	put(m, 0x0, 0x25);
	fake_advance(m, 1000000);
	put(m, 0x7, 0x7f);
	put(m, 0x0, 0x22);
	assert_int_equal(get(m, 0x0) & 4, 0);
	put(m, 0x0, 0x26);
	/* One that is under way goes on over a stop. */
	put(m, 0x0, 0x21);
	assert_int_equal(get(m, 0x0) & 4, 4);
	put(m, 0x0, 0x22);
	assert_int_equal(sent_frames, 2);
	fake_advance(m, 1000000);
	assert_int_equal(get(m, 0x0) & 4, 0);
	assert_int_equal(get(m, 0x7) & 2, 2);
	fake_machine_free(m);
}

static void test_lengths_that_are_none(void **unused)
{
	static const unsigned lengths[] = { 0, 1515, 0x4001, 0xffff };
	struct cbx_machine *m = start();

	(void)unused;
	for (unsigned n = 0; n < 4; n++) {
		put(m, 0x4, 0xff);
		put(m, 0x5, lengths[n] & 0xff);
		put(m, 0x6, lengths[n] >> 8);
		put(m, 0x0, 0x26);
		fake_advance(m, 1000000);
		assert_int_equal(get(m, 0x7) & 2, 2);
		put(m, 0x7, 2);
	}
	assert_int_equal(sent_frames, 0);
	fake_machine_free(m);
}

static void make_frame(uint8_t *frame, const uint8_t to[6], unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		frame[n] = (uint8_t)(n * 7);
	memcpy(frame, to, 6);
}

static void test_receive(void **unused)
{
	static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct cbx_machine *m = start();
	uint8_t frame[1514], bytes[1520];

	(void)unused;
	make_frame(frame, mac, 300);
	assert_true(ne2000_receive(card, frame, 300));
	assert_true(irq.level);
	fetch(m, (PSTART + 1) * 256, bytes, 308);
	assert_int_equal(bytes[0], 0x01);
	assert_int_equal(bytes[1], PSTART + 3);
	assert_int_equal(bytes[2] | bytes[3] << 8, 304);
	assert_memory_equal(bytes + 4, frame, 300);
	make_frame(frame, everybody, 42);               /* short ones arrive filled up */
	assert_true(ne2000_receive(card, frame, 42));
	fetch(m, (PSTART + 3) * 256, bytes, 68);
	assert_int_equal(bytes[0], 0x21);
	assert_int_equal(bytes[2], 64);
	assert_int_equal(bytes[4 + 42], 0);
	put(m, 0x0, PAGE1);
	assert_int_equal(get(m, 0x7), PSTART + 4);
	put(m, 0x0, PAGE0);
	/* Somebody else's, and a multicast that nobody asked for, leave no trace. */
	frame[0] = 0x02;
	assert_true(ne2000_receive(card, frame, 60));
	frame[0] = 0x01;
	assert_true(ne2000_receive(card, frame, 60));
	put(m, 0x0, PAGE1);
	assert_int_equal(get(m, 0x7), PSTART + 4);
	put(m, 0x0, PAGE0);
	assert_false(ne2000_receive(card, frame, 13));
	assert_false(ne2000_receive(card, frame, 1515));
	fake_machine_free(m);
}

/* The hash of 01:00:5e:00:00:01 (all hosts) is bit 31 of the filter, as drivers compute it. */
static void test_multicast(void **unused)
{
	static const uint8_t all_hosts[6] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 };
	struct cbx_machine *m = start();
	unsigned accepted = 0, which = 64;
	uint8_t frame[60];

	(void)unused;
	make_frame(frame, all_hosts, 60);
	put(m, 0xc, 0x08);
	for (unsigned bit = 0; bit < 64; bit++) {
		put(m, 0x0, PAGE1);
		for (unsigned n = 0; n < 8; n++)
			put(m, 8 + n, n == bit / 8 ? 1u << bit % 8 : 0);
		put(m, 0x0, PAGE0);
		put(m, 0x7, 0x7f);
		assert_true(ne2000_receive(card, frame, 60));
		if (get(m, 0x7) & 1) {
			accepted++;
			which = bit;
		}
	}
	assert_int_equal(accepted, 1);
	assert_int_equal(which, 31);
	fake_machine_free(m);
}

static void test_ring(void **unused)
{
	struct cbx_machine *m = start();
	uint8_t frame[1514], bytes[1520];
	unsigned frames = 0;

	(void)unused;
	make_frame(frame, mac, 1514);
	while (ne2000_has_room(card)) {
		assert_true(ne2000_receive(card, frame, 1514));
		frames++;
	}
	assert_int_equal(frames, (PSTOP - PSTART - 1) / 6);
	assert_int_equal(get(m, 0x7) & 0x10, 0);
	while (ne2000_receive(card, frame, 60))
		frames++;
	assert_int_equal(get(m, 0x7) & 0x10, 0x10);     /* overflow */
	assert_int_equal(get(m, 0xf), 1);               /* a missed packet, and reading clears */
	assert_int_equal(get(m, 0xf), 0);
	/* Read behind the ring's end: the address wraps. */
	put(m, 0x3, PSTART + 12);
	fetch(m, (PSTOP - 1) * 256, bytes, 258);
	assert_int_equal(get(m, 0x8) | get(m, 0x9) << 8, PSTART * 256 + 2);
	fake_machine_free(m);
}

static void test_every_bad_ring(void **unused)
{
	struct cbx_machine *m = start();
	uint64_t seed = 1;
	uint8_t frame[1514];

	(void)unused;
	make_frame(frame, mac, 1514);
	for (unsigned n = 0; n < 20000; n++) {
		uint64_t r = fake_random(&seed);

		put(m, 0x0, PAGE0);
		put(m, 0x1, r & 0xff);
		put(m, 0x2, r >> 8 & 0xff);
		put(m, 0x3, r >> 16 & 0xff);
		put(m, 0xc, r >> 24 & 0x3f);
		put(m, 0x0, PAGE1);
		put(m, 0x7, r >> 32 & 0xff);
		put(m, 0x0, PAGE0);
		ne2000_receive(card, frame, (size_t)(14 + (r >> 40) % 1501));
		if (n % 16 == 0)
			fake_storm(m, &seed, BASE, 32, 20);
	}
	fake_machine_free(m);
}

static void test_reset_and_state(void **unused)
{
	struct cbx_machine *m = start();
	uint64_t seed = 5;

	(void)unused;
	(void)get(m, RESET_PORT);
	assert_int_equal(get(m, 0x7) & 0x80, 0x80);
	assert_int_equal(get(m, 0x0) & 1, 1);
	assert_false(ne2000_has_room(card));
	assert_int_equal(fake_uncovered_bytes(m), 0);
	fake_load_random(m, &seed, 200);
	fake_storm(m, &seed, BASE, 32, 2000);
	fake_reload(m);
	fake_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prom_and_memory), cmocka_unit_test(test_wide), cmocka_unit_test(test_many),
		cmocka_unit_test(test_transmit),
		cmocka_unit_test(test_lengths_that_are_none), cmocka_unit_test(test_receive),
		cmocka_unit_test(test_multicast), cmocka_unit_test(test_ring),
		cmocka_unit_test(test_every_bad_ring), cmocka_unit_test(test_reset_and_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
