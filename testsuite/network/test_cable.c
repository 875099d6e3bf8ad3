/*
 * Two machines in one process, and a cable between their NE2000s that is a call of one function:
 * each sends the other a frame, at the level of the library.  The guests are programs in place of
 * the BIOS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <clearbox/clearbox.h>

enum { ROM_BYTES = 4096, FRAME = 60, RECEIVED = 0x3000, BASE = 0x300 };
enum { PSTART = 0x46, PSTOP = 0x80, TRANSMIT = 0x40 };

/* ---- A guest program, byte by byte ------------------------------------------------- */

struct program {
	uint8_t bytes[ROM_BYTES];
	size_t count;
};

static void emit(struct program *p, const uint8_t *bytes, size_t count)
{
	assert_true(p->count + count < ROM_BYTES - 16);
	memcpy(p->bytes + p->count, bytes, count);
	p->count += count;
}

#define EMIT(p, ...) emit(p, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* mov dx, port; mov al, value; out dx, al */
static void put(struct program *p, unsigned index, uint8_t value)
{
	EMIT(p, 0xba, (uint8_t)(BASE + index), (uint8_t)((BASE + index) >> 8), 0xb0, value, 0xee);
}

/* Remote DMA of count bytes from or to the card's memory. */
static void remote(struct program *p, uint8_t command, unsigned at, unsigned count)
{
	put(p, 0x8, (uint8_t)at);
	put(p, 0x9, (uint8_t)(at >> 8));
	put(p, 0xa, (uint8_t)count);
	put(p, 0xb, (uint8_t)(count >> 8));
	put(p, 0x0, command);
	EMIT(p, 0xba, 0x10, 0x03);      /* mov dx, data port */
}

static void set_up(struct program *p, const uint8_t mac[6])
{
	EMIT(p, 0xfa, 0xfc, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0); /* cli; cld; ds = es = 0 */
	put(p, 0x0, 0x21);
	put(p, 0xe, 0x49);              /* words */
	put(p, 0xc, 0x04);              /* broadcasts, and what is for us */
	put(p, 0xd, 0x00);
	put(p, 0x1, PSTART);
	put(p, 0x2, PSTOP);
	put(p, 0x3, PSTART);
	put(p, 0x7, 0xff);
	put(p, 0x0, 0x61);
	for (unsigned n = 0; n < 6; n++)
		put(p, 1 + n, mac[n]);
	put(p, 0x7, PSTART + 1);
	put(p, 0x0, 0x22);
}

static void send(struct program *p, const uint8_t frame[FRAME])
{
	remote(p, 0x12, TRANSMIT * 256, FRAME);
	for (unsigned n = 0; n < FRAME; n += 2)
		EMIT(p, 0xb8, frame[n], frame[n + 1], 0xef);    /* mov ax, word; out dx, ax */
	put(p, 0x4, TRANSMIT);
	put(p, 0x5, FRAME);
	put(p, 0x6, 0);
	put(p, 0x0, 0x26);
}

/* Waits for a frame, and puts the ring's header and it into memory. */
static void receive(struct program *p)
{
	EMIT(p, 0xba, 0x07, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb);        /* in al, dx; test al, 1; jz */
	remote(p, 0x0a, (PSTART + 1) * 256, FRAME + 4);
	EMIT(p, 0xbf, RECEIVED & 0xff, RECEIVED >> 8, 0xb9, (FRAME + 4) / 2, 0x00, 0xf3, 0x6d);
}

static void finish(struct program *p)
{
	static const uint8_t reset[] = { 0xea, 0x00, 0xf0, 0x00, 0xf0 };        /* jmp F000:F000 */

	EMIT(p, 0xf4, 0xeb, 0xfd);      /* hlt, and again */
	memcpy(p->bytes + ROM_BYTES - 16, reset, sizeof(reset));
}

/* ---- The cable ------------------------------------------------- */

struct end {
	struct cbx_machine *machine;
	struct end *other;
	unsigned frames;
};

static void carry(void *user, const uint8_t *frame, size_t count)
{
	struct end *end = user;

	end->frames++;
	assert_int_equal(cbx_network_receive(end->other->machine, 0, frame, count), CBX_OK);
}

static void make(struct end *end, struct end *other, const struct program *program)
{
	struct cbx_pc_options options = {
		.size = sizeof(options),
		.machine.memory_bytes = 1 << 20,
		.bios = { program->bytes, ROM_BYTES },
		.card[0] = { .kind = CBX_CARD_NE2000_ISA, .network = { carry, end } },
	};

	end->other = other;
	assert_int_equal(cbx_pc_new(&options, &end->machine, NULL), CBX_OK);
}

static enum cbx_stop_reason run(const struct end *end)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 10000 };
	struct cbx_stop stop;

	assert_int_equal(cbx_run(end->machine, &options, &stop), CBX_OK);
	return stop.reason;
}

static void check_received(const struct end *end, const uint8_t frame[FRAME])
{
	uint8_t bytes[4 + FRAME];

	assert_int_equal(cbx_memory_read(end->machine, RECEIVED, bytes, sizeof(bytes)), CBX_OK);
	assert_int_equal(bytes[0] & 1, 1);
	assert_int_equal(bytes[2] | bytes[3] << 8, FRAME + 4);
	assert_memory_equal(bytes + 4, frame, FRAME);
}

static void test_two_machines(void **unused)
{
	static const uint8_t macs[2][6] = { { 0x52, 0x54, 0, 0, 0, 1 }, { 0x52, 0x54, 0, 0, 0, 2 } };
	static struct program one, two;
	uint8_t there[FRAME], back[FRAME];
	struct end a = { 0 }, b = { 0 };

	(void)unused;
	for (unsigned n = 0; n < FRAME; n++) {
		there[n] = (uint8_t)(n < 6 ? macs[1][n] : n < 12 ? macs[0][n - 6] : 3 * n);
		back[n] = (uint8_t)(n < 6 ? 0xff : n < 12 ? macs[1][n - 6] : 5 * n);
	}
	set_up(&one, macs[0]);
	send(&one, there);
	receive(&one);
	finish(&one);
	set_up(&two, macs[1]);
	receive(&two);
	send(&two, back);
	finish(&two);
	make(&a, &b, &one);
	make(&b, &a, &two);
	/* b has to listen before a sends */
	assert_int_equal(run(&b), CBX_STOP_LIMIT);
	assert_int_equal(run(&a), CBX_STOP_LIMIT);
	assert_int_equal(run(&b), CBX_STOP_HALTED);
	assert_int_equal(run(&a), CBX_STOP_HALTED);
	assert_int_equal(a.frames, 1);
	assert_int_equal(b.frames, 1);
	check_received(&b, there);
	check_received(&a, back);
	cbx_machine_free(a.machine);
	cbx_machine_free(b.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_two_machines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
