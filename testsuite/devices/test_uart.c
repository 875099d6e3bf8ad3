/* The 16550A: pacing, FIFOs, interrupts and their order, timeout, loopback, modem lines. */
#include "harness.h"

#include "uart.h"

static struct uart *uart;
static struct fake_wire irq;
static uint8_t out[4096];
static size_t out_count;

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };

/* 115200 baud, 8 bits, no parity: ten bits. */
#define CHARACTER 86805u

static void take(void *user, uint8_t byte)
{
	(void)user;
	if (out_count < sizeof(out))
		out[out_count++] = byte;
}

static void put(struct cbx_machine *machine, unsigned index, unsigned value)
{
	fake_out(machine, 0x3f8 + index, value, 1);
}

static unsigned get(struct cbx_machine *machine, unsigned index)
{
	return fake_in(machine, 0x3f8 + index, 1);
}

static struct cbx_machine *start(void)
{
	struct cbx_machine *machine = fake_machine_new();
	struct cbx_character_backend output = { take, NULL };

	out_count = 0;
	assert_int_equal(uart_new(machine, 0x3f8, fake_wire(machine, &irq), &output, &uart), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	put(machine, LCR, 0x83);
	put(machine, DATA, 1);
	put(machine, IER, 0);
	put(machine, LCR, 0x03);
	put(machine, MCR, 0x0b);
	return machine;
}

static void feed(const char *text)
{
	size_t count = strlen(text);

	assert_int_equal(uart_receive(uart, (const uint8_t *)text, count), count);
}

static void test_registers(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	put(machine, LCR, 0x83);
	put(machine, DATA, 0x34);
	put(machine, IER, 0x12);
	assert_int_equal(get(machine, DATA), 0x34);
	assert_int_equal(get(machine, IER), 0x12);
	put(machine, LCR, 0x03);
	put(machine, IER, 0xff);
	assert_int_equal(get(machine, IER), 0x0f);
	put(machine, IER, 0);
	put(machine, SCR, 0xa5);
	assert_int_equal(get(machine, SCR), 0xa5);
	assert_int_equal(get(machine, LSR), 0x60);
	assert_int_equal(get(machine, MSR), 0xb0);
	assert_int_equal(get(machine, IIR), 0x01);
	put(machine, IIR, 0x01);
	assert_int_equal(get(machine, IIR), 0xc1);
	put(machine, MCR, 0xff);
	assert_int_equal(get(machine, MCR), 0x1f);
	fake_machine_free(machine);
}

static void test_transmit(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	put(machine, DATA, 'a');
	/* It went to the shift register, so there is room for another one. */
	assert_int_equal(get(machine, LSR), 0x20);
	put(machine, DATA, 'b');
	assert_int_equal(get(machine, LSR), 0x00);
	put(machine, DATA, 'X');                /* lost */
	fake_advance(machine, CHARACTER - 1);
	assert_int_equal(get(machine, LSR), 0x00);
	fake_advance(machine, 2);
	assert_int_equal(get(machine, LSR), 0x20);
	fake_advance(machine, CHARACTER);
	assert_int_equal(get(machine, LSR), 0x60);
	assert_int_equal(out_count, 2);
	assert_memory_equal(out, "ab", 2);
	/* With FIFOs: one in the shift register and sixteen waiting. */
	put(machine, IIR, 0x07);
	for (unsigned i = 0; i < 20; i++)
		put(machine, DATA, 'A' + i);
	assert_int_equal(out_count, 2 + 17);
	fake_advance(machine, 16 * CHARACTER);
	assert_int_equal(get(machine, LSR), 0x20);
	fake_advance(machine, CHARACTER + 20);
	assert_int_equal(get(machine, LSR), 0x60);
	fake_machine_free(machine);
}

static void test_transmit_interrupt(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	put(machine, IER, 0x02);
	assert_true(irq.level);
	assert_int_equal(get(machine, IIR), 0x02);
	assert_false(irq.level);
	assert_int_equal(get(machine, IIR), 0x01);
	put(machine, DATA, 'a');                /* straight into the shift register */
	assert_true(irq.level);
	put(machine, DATA, 'b');
	assert_false(irq.level);
	fake_advance(machine, CHARACTER + 1);
	assert_true(irq.level);
	/* OUT2 closes the way. */
	put(machine, MCR, 0x03);
	assert_false(irq.level);
	put(machine, MCR, 0x0b);
	assert_true(irq.level);
	/* Disabling and enabling raises it again. */
	get(machine, IIR);
	put(machine, IER, 0x00);
	put(machine, IER, 0x02);
	assert_true(irq.level);
	fake_machine_free(machine);
}

static void test_receive(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	put(machine, IER, 0x01);
	feed("hello");
	assert_int_equal(get(machine, LSR) & 1, 0);
	fake_advance(machine, CHARACTER + 1);
	assert_true(irq.level);
	assert_int_equal(get(machine, IIR), 0x04);
	/* Without a FIFO the others wait: nothing is overrun. */
	fake_advance(machine, 100 * CHARACTER);
	assert_int_equal(get(machine, LSR), 0x61);
	assert_int_equal(get(machine, DATA), 'h');
	assert_false(irq.level);
	fake_advance(machine, CHARACTER + 1);
	assert_int_equal(get(machine, DATA), 'e');
	fake_machine_free(machine);
}

/* The receiver buffer register keeps its byte when that was read. */
static void test_receive_again(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	feed("AB");
	fake_advance(machine, CHARACTER);
	assert_int_equal(get(machine, DATA), 'A');
	assert_int_equal(get(machine, LSR), 0x60);
	assert_int_equal(get(machine, DATA), 'A');
	fake_advance(machine, CHARACTER);
	assert_int_equal(get(machine, DATA), 'B');
	assert_int_equal(get(machine, DATA), 'B');
	fake_machine_free(machine);
}

static void test_fifo_trigger_and_timeout(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	put(machine, IIR, 0x81);                /* at eight */
	put(machine, IER, 0x01);
	feed("0123456789");
	fake_advance(machine, 8 * CHARACTER - 1000);
	assert_false(irq.level);
	fake_advance(machine, 2000);
	assert_true(irq.level);
	assert_int_equal(get(machine, IIR), 0xc4);
	fake_advance(machine, 3 * CHARACTER);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get(machine, DATA), '0' + i);
	assert_int_equal(get(machine, IIR), 0xc1);
	assert_false(irq.level);
	fake_advance(machine, 4 * CHARACTER - 100);
	assert_false(irq.level);
	fake_advance(machine, 200);
	assert_int_equal(get(machine, IIR), 0xcc);
	assert_true(irq.level);
	for (unsigned i = 3; i < 10; i++)
		assert_int_equal(get(machine, DATA), '0' + i);
	assert_int_equal(get(machine, IIR), 0xc1);
	assert_int_equal(get(machine, LSR), 0x60);
	/* Clearing the FIFO drops what is in it, not what is still to come. */
	feed("abcdefghijklmnopqrstuvwxyz");
	fake_advance(machine, 100 * CHARACTER);
	put(machine, IIR, 0x83);
	fake_advance(machine, 100 * CHARACTER);
	assert_int_equal(get(machine, DATA), 'q');
	fake_machine_free(machine);
}

static void test_loopback(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	put(machine, MCR, 0x10);
	assert_int_equal(get(machine, MSR) & 0xf0, 0x00);
	for (unsigned i = 0; i < 16; i++) {
		put(machine, MCR, 0x10 | i);
		assert_int_equal(get(machine, MSR) >> 4, (i >> 1 & 1) | (i & 1) << 1 |
				 (i >> 2 & 1) << 2 | (i >> 3 & 1) << 3);
	}
	/* Deltas: RI only when it ends. */
	get(machine, MSR);
	put(machine, MCR, 0x10 | 0x0b);
	assert_int_equal(get(machine, MSR), 0xb4);
	put(machine, MCR, 0x10);
	assert_int_equal(get(machine, MSR), 0x0b);
	put(machine, DATA, 0x5a);
	assert_int_equal(out_count, 0);
	assert_int_equal(get(machine, LSR), 0x20);
	fake_advance(machine, CHARACTER + 1);
	assert_int_equal(get(machine, LSR), 0x61);
	/* A second one with the first unread: overrun. */
	put(machine, DATA, 0x5b);
	fake_advance(machine, CHARACTER + 1);
	assert_int_equal(get(machine, LSR), 0x63);
	assert_int_equal(get(machine, LSR), 0x61);
	assert_int_equal(get(machine, DATA), 0x5b);
	put(machine, LCR, 0x43);
	assert_int_equal(get(machine, LSR), 0x71);
	assert_int_equal(get(machine, DATA), 0x00);
	/* Seven bits. */
	put(machine, LCR, 0x02);
	put(machine, DATA, 0xff);
	fake_advance(machine, CHARACTER + 1);
	assert_int_equal(get(machine, DATA), 0x7f);
	fake_machine_free(machine);
}

static void test_order_of_interrupts(void **unused)
{
	struct cbx_machine *machine = start();

	(void)unused;
	put(machine, MCR, 0x18);
	put(machine, IER, 0x0f);
	put(machine, LCR, 0x43);
	put(machine, LCR, 0x03);
	assert_int_equal(get(machine, IIR), 0x06);
	get(machine, LSR);
	assert_int_equal(get(machine, IIR), 0x04);
	get(machine, DATA);
	assert_int_equal(get(machine, IIR), 0x02);
	assert_int_equal(get(machine, IIR), 0x00);
	get(machine, MSR);
	assert_int_equal(get(machine, IIR), 0x01);
	assert_false(irq.level);                /* in loopback OUT2 is off */
	fake_machine_free(machine);
}

static void test_limits(void **unused)
{
	struct cbx_machine *machine = start();
	static uint8_t many[5000];

	(void)unused;
	assert_int_equal(uart_receive(uart, many, sizeof(many)), 4096);
	assert_int_equal(uart_receive(uart, many, 1), 0);
	assert_int_equal(uart_receive(uart, NULL, 0), 0);
	/* Divisor 0 is the slowest, not a division. */
	put(machine, LCR, 0x80);
	put(machine, DATA, 0);
	put(machine, IER, 0);
	put(machine, LCR, 0x03);
	put(machine, DATA, 'x');
	fake_advance(machine, 1000000000);
	assert_int_equal(get(machine, LSR) & 0x40, 0);
	fake_machine_free(machine);
}

static void test_hostile(void **unused)
{
	struct cbx_machine *machine = start();
	uint64_t seed = 6;

	(void)unused;
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	for (unsigned round = 0; round < 300; round++) {
		fake_storm(machine, &seed, 0x3f8, 8, 200);
		feed("some text");
		fake_advance(machine, fake_random(&seed) & 0xffffff);
		fake_reload(machine);
		if (round % 50 == 49)
			fake_reset(machine, round & 64 ? CBX_RESET_WARM : CBX_RESET_POWER);
	}
	fake_load_random(machine, &seed, 3000);
	fake_storm(machine, &seed, 0x3f8, 8, 1000);
	fake_machine_free(machine);
}

/* ---- All settings -------------------------------------------------------------------------- */

/* What IIR says has a reason that is enabled, and the line is what IIR and MCR make it. */
static unsigned check_interrupt(struct cbx_machine *machine, unsigned ier, unsigned fcr,
				unsigned mcr)
{
	static const uint8_t reasons[8] = { 8, 2, 1, 4, 0, 0, 1, 0 };
	bool level = irq.level;
	unsigned iir = get(machine, IIR);

	assert_int_equal(iir & 0x30, 0);
	assert_int_equal(iir >> 6, fcr & 1 ? 3 : 0);
	assert_int_equal(level, (mcr & 0x18) == 0x08 && !(iir & 1));
	if (!(iir & 1))
		assert_true(reasons[iir >> 1 & 7] & ier);
	return iir & 0x0f;
}

/* Bytes through the receiver, sent by the transmitter (loopback) or by the other end. */
static void check_traffic(struct cbx_machine *machine, unsigned lcr, unsigned ier, unsigned fcr,
			  unsigned mcr)
{
	unsigned room = fcr & 1 ? 16 : 1, mask = 0xffu >> (3 - (lcr & 3)), n;
	bool loop = mcr & 0x10;

	out_count = 0;
	for (n = 0; n < room + 2; n++)          /* one is on the wire, room in the FIFO, one lost */
		put(machine, DATA, n * 29 + lcr);
	assert_int_equal(get(machine, LSR) & 0x60, 0);
	check_interrupt(machine, ier, fcr, mcr);
	if (!loop)
		feed("01234567890123456789");
	fake_advance(machine, UINT64_C(200000000000));
	assert_int_equal(out_count, loop ? 0 : room + 1);
	check_interrupt(machine, ier, fcr, mcr);
	for (n = 0; n < 20; n++) {
		unsigned want = loop ? (fcr & 1 ? n : 1) * 29 + lcr : '0' + n % 10;
		unsigned lsr = get(machine, LSR);

		if (!(lsr & 1))
			break;
		assert_int_equal(lsr & 0x02, loop && !n ? 2 : 0);
		assert_int_equal(get(machine, DATA), want & mask);
		if (!loop)
			fake_advance(machine, UINT64_C(20000000000));
	}
	assert_int_equal(n, loop ? room : 20);
	assert_int_equal(get(machine, LSR) & 0x61, 0x60);
}

/* Every value of LCR, with every one of FCR, IER and MCR that can be told from another. */
static void test_all_settings(void **unused)
{
	static const uint16_t divisors[] = { 1, 0, 2, 12, 0xff, 0x100, 0xffff };
	struct cbx_machine *machine = start();

	(void)unused;
	for (unsigned n = 0; n < 256 * 16 * 16 * 32; n++) {
		unsigned lcr = n >> 13, ier = n & 15, mcr = n >> 4 & 31, f = n >> 9 & 15;
		unsigned fcr = (f & 1) | (f & 2) << 2 | (f & 12) << 4, divisor = divisors[n % 7];

		put(machine, LCR, 0x80);
		put(machine, DATA, divisor & 0xff);
		put(machine, IER, divisor >> 8);
		put(machine, LCR, 0);
		put(machine, IER, ier);
		put(machine, IIR, fcr | 6);
		put(machine, MCR, mcr);
		put(machine, LCR, lcr);
		if (lcr & 0x40 && mcr & 0x10) { /* it hears its own break */
			assert_int_equal(get(machine, LSR) & 0x11, 0x11);
			assert_int_equal(lcr & 0x80 ? 0 : get(machine, DATA), 0);
		}
		assert_int_equal(get(machine, LCR), lcr);
		assert_int_equal(get(machine, MCR), mcr);
		assert_int_equal(get(machine, IER), lcr & 0x80 ? divisor >> 8 : ier);
		if (lcr & 0x80)
			assert_int_equal(get(machine, DATA), divisor & 0xff);
		check_interrupt(machine, ier, fcr, mcr);
		if (mcr & 0x10)
			assert_int_equal(get(machine, MSR) >> 4, (mcr & 12) | (mcr & 1) << 1 | (mcr & 2) >> 1);
		if (!(lcr & 0x80))
			check_traffic(machine, lcr, ier, fcr, mcr);
		get(machine, LSR);
		get(machine, MSR);
		for (unsigned i = 0; i < 4 && check_interrupt(machine, ier, fcr, mcr) != 1; i++)
			get(machine, LSR);
		if (!(lcr & 0x80))
			assert_int_equal(check_interrupt(machine, ier, fcr, mcr), 1);
	}
	fake_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_transmit),
		cmocka_unit_test(test_transmit_interrupt),
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_receive_again),
		cmocka_unit_test(test_fifo_trigger_and_timeout),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_order_of_interrupts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_all_settings),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
