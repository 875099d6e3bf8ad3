/*
 * What the program's cables lead to, with hostile people at their far ends: frames in parts, lengths
 * that are none, random bytes, peers who go or do not listen, datagrams from strangers.  And hostile
 * guests at the near end of a user network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <fcntl.h>

#include <cmocka.h>

#include "network.h"
#include "network_whole.h"

static struct network network;
static struct nic_option option;
static char folder[] = "/tmp/clearbox-test-XXXXXX", cable[64];
static uint64_t random_state = 88172645463325252u;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static size_t below(size_t limit)
{
	return (size_t)(random64() % limit);
}

static void open_one(struct network *n, struct nic_option *o, const char *text)
{
	char problem[512];

	memset(n, 0, sizeof(*n));
	if (!nic_option_parse(o, text, problem, sizeof(problem)))
		fail_msg("%s: %s", text, problem);
	assert_true(network_open(n, o, 0));
}

static void open_socket(void)
{
	char text[128];

	snprintf(text, sizeof(text), "socket,listen=%s", cable);
	open_one(&network, &option, text);
}

static int call(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, cable, strlen(cable) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	network.kind->work(&network);
	return fd;
}

/* Frames that the guest gets of what was written. */
static unsigned taken(void)
{
	unsigned count;

	network.kind->work(&network);
	count = network.count;
	network.first = network.count = 0;
	return count;
}

static unsigned write_and_take(int fd, const void *bytes, size_t count)
{
	assert_int_equal(write(fd, bytes, count), (ssize_t)count);
	return taken();
}

static bool is_cut(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0;
}

/* ---- A stream ------------------------------------------------- */

static void test_parts(void **unused)
{
	static uint8_t bytes[3 * (4 + 1514)];
	int fd;

	(void)unused;
	open_socket();
	fd = call();
	for (unsigned n = 0; n < 3; n++) {
		memset(bytes + n * 1518, (int)n + 1, 1518);
		memcpy(bytes + n * 1518, "\0\0\x05\xea", 4);
	}
	for (size_t at = 0; at < sizeof(bytes); at++) {
		unsigned count = write_and_take(fd, bytes + at, 1);

		assert_int_equal(count, at % 1518 == 1517);
		if (count)
			assert_memory_equal(network.queue[0].bytes, bytes + at - 1513, 1514);
	}
	assert_int_equal(write_and_take(fd, bytes, sizeof(bytes)), 3);
	close(fd);
	network_close(&network);
}

static void test_sizes(void **unused)
{
	static uint8_t bytes[4 + 65536];
	int fd;

	(void)unused;
	open_socket();
	fd = call();
	for (uint32_t length = 0; length <= 2000; length++) {
		bytes[2] = (uint8_t)(length >> 8);
		bytes[3] = (uint8_t)length;
		assert_int_equal(write_and_take(fd, bytes, 4 + length), length >= 14 && length <= 1514);
	}
	/* the most that anybody's network card sends is none of ours, but no reason to hang up */
	bytes[2] = 0xff;
	bytes[3] = 0xf0;
	assert_int_equal(write_and_take(fd, bytes, 4 + 0xfff0), 0);
	assert_false(is_cut(fd));
	close(fd);
	network_close(&network);
}

static void test_lengths_that_are_none(void **unused)
{
	static const uint32_t lengths[] = { 0xffffffff, 0x80000000, 0x7fffffff, 0x00010000, 0x0000fffd };
	int fd;

	(void)unused;
	open_socket();
	for (unsigned n = 0; n < sizeof(lengths) / sizeof(lengths[0]); n++) {
		uint32_t length = htonl(lengths[n]);

		fd = call();
		assert_int_equal(write_and_take(fd, &length, sizeof(length)), 0);
		assert_true(is_cut(fd));
		close(fd);
	}
	/* somebody who does it right is welcome after that */
	fd = call();
	assert_int_equal(write_and_take(fd, "\0\0\0\x10" "0123456789abcdef", 20), 1);
	close(fd);
	network_close(&network);
}

static void test_random_bytes(void **unused)
{
	uint8_t bytes[4096];

	(void)unused;
	open_socket();
	for (unsigned n = 0; n < 60; n++) {
		int fd = call();

		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = n & 1 && i % 64 < 3 ? 0 : (uint8_t)random64();
		/* it may have been cut meanwhile */
		for (unsigned i = 0; i < 1 + n % 4; i++) {
			send(fd, bytes + below(64), (size_t)(1 + below(4000)), MSG_NOSIGNAL);
			taken();
		}
		close(fd);
		taken();
	}
	network_close(&network);
}

static void test_peers_who_go(void **unused)
{
	static const uint8_t frame[60];
	int fd;

	(void)unused;
	open_socket();
	fd = call();
	assert_int_equal(write_and_take(fd, "\0\0\0\x40 half of a frame", 20), 0);
	close(fd);
	assert_int_equal(taken(), 0);
	network.kind->send(&network, frame, sizeof(frame));     /* nobody is there */
	/* nothing of the one is left for the next */
	fd = call();
	assert_int_equal(write_and_take(fd, "\0\0\0\x0e" "0123456789abcd", 18), 1);
	close(fd);
	/* gone, and not noticed yet */
	for (unsigned n = 0; n < 10; n++)
		network.kind->send(&network, frame, sizeof(frame));
	assert_int_equal(taken(), 0);
	network_close(&network);
}

static void test_peers_who_do_not_listen(void **unused)
{
	static const uint8_t frame[1514];
	struct pollfd fds[NETWORK_POLL_MAX];
	uint64_t wait = UINT64_MAX;
	static uint8_t bytes[1 << 16];
	ssize_t got;
	size_t all = 0;
	int fd;

	(void)unused;
	open_socket();
	fd = call();
	for (unsigned n = 0; n < 5000; n++)
		network.kind->send(&network, frame, sizeof(frame));
	assert_int_equal(network.kind->poll(&network, fds, &wait), 1);
	assert_true(fds[0].events & POLLOUT);
	/* what comes in the end is whole frames */
	for (unsigned n = 0; n < 1000; n++) {
		while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
			all += (size_t)got;
		network.kind->work(&network);
	}
	assert_true(all > 0 && all % 1518 == 0);
	close(fd);
	network_close(&network);
}

/* More than the guest takes waits in the socket. */
static void test_flood(void **unused)
{
	static uint8_t bytes[64 * 400];
	unsigned first;
	int fd;

	(void)unused;
	open_socket();
	fd = call();
	for (unsigned n = 0; n < 400; n++)
		bytes[n * 64 + 3] = 60;
	first = write_and_take(fd, bytes, sizeof(bytes));
	assert_int_equal(first, NETWORK_QUEUE);
	assert_int_equal(first + taken(), 400);
	close(fd);
	network_close(&network);
}

/* ---- Datagrams ------------------------------------------------- */

static int udp_socket(uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void test_datagrams(void **unused)
{
	static uint8_t bytes[9000];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint16_t here, there, elsewhere;
	int fd = udp_socket(&there), other = udp_socket(&elsewhere), free_one = udp_socket(&here);
	char text[128];

	(void)unused;
	close(free_one);
	snprintf(text, sizeof(text), "socket,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u", there, here);
	open_one(&network, &option, text);
	to.sin_port = htons(here);
	for (unsigned count = 0; count < sizeof(bytes); count += count < 1600 ? 1 : 700) {
		assert_int_equal(sendto(fd, bytes, count, 0, (struct sockaddr *)&to, sizeof(to)),
				 (ssize_t)count);
		assert_int_equal(taken(), count >= 14 && count <= 1514);
	}
	sendto(other, bytes, 60, 0, (struct sockaddr *)&to, sizeof(to));
	assert_int_equal(taken(), 0);
	network.kind->send(&network, bytes, 60);
	assert_int_equal(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), 60);
	close(fd);
	/* nobody is there any more, and it is refused */
	for (unsigned n = 0; n < 10; n++) {
		network.kind->send(&network, bytes, 60);
		assert_int_equal(taken(), 0);
	}
	close(other);
	network_close(&network);
}

/* ---- A user network ------------------------------------------------- */

#ifdef HAVE_SLIRP
static unsigned sum16(const uint8_t *bytes, size_t count)
{
	uint32_t sum = 0;

	for (size_t n = 0; n + 1 < count; n += 2)
		sum += (uint32_t)bytes[n] << 8 | bytes[n + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* A packet of so many bytes, and the piece of it from at on; returns the piece's size. */
static size_t piece(uint8_t *frame, unsigned id, size_t all, size_t at, size_t most)
{
	static const uint8_t head[] = {
		0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 0,
		0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2 };
	size_t count = all - at < most ? all - at : most;

	memcpy(frame, head, sizeof(head));
	frame[16] = (uint8_t)((20 + count) >> 8);
	frame[17] = (uint8_t)(20 + count);
	frame[19] = (uint8_t)id;
	frame[20] = (uint8_t)((at / 8) >> 8 | (at + count < all ? 0x20 : 0));
	frame[21] = (uint8_t)(at / 8);
	for (size_t n = 0; n < count; n++)
		frame[34 + n] = (uint8_t)((at + n) * 7 + id);
	return 34 + count;
}

static void test_fragments(void **unused)
{
	struct whole *whole = calloc(1, sizeof(*whole));
	uint8_t frame[1600];
	const uint8_t *got = NULL;
	size_t count = 0;

	(void)unused;
	assert_non_null(whole);
	/* two packets, in turns */
	for (size_t at = 0; at < 5000; at += 1480)
		for (unsigned id = 1; id <= 2; id++) {
			count = piece(frame, id, 5000, at, 1480);
			got = whole_take(whole, frame, &count);
			assert_int_equal(got != NULL, at + 1480 >= 5000);
			if (!got)
				continue;
			assert_int_equal(count, 5034);
			assert_int_equal(sum16(got + 14, 20), 0);
			for (size_t n = 0; n < 5000; n++)
				assert_int_equal(got[34 + n], (uint8_t)(n * 7 + id));
		}
	/* one missing, one twice, one with no beginning, one that grows too long */
	for (unsigned way = 0; way < 4; way++) {
		got = NULL;
		for (size_t at = 0; at < 65528 + 8000; at += 1480) {
			if ((way == 0 && at == 2960) || (way == 2 && at == 0))
				continue;
			count = piece(frame, 9 + way, way == 3 ? 1 << 20 : 8000, at, 1480);
			got = whole_take(whole, frame, &count);
			assert_null(got);
			if (way == 1 && at == 1480) {
				count = piece(frame, 9 + way, 8000, at, 1480);
				assert_null(whole_take(whole, frame, &count));
			}
			if (way < 3 && at + 1480 >= 8000)
				break;
		}
	}
	free(whole);
}

/* Frames that are nearly right, so that they get far; nothing of them leaves this process. */
static void test_hostile_guest(void **unused)
{
	static const uint8_t start[] = {
		0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 0,
		0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2 };
	static const uint8_t protocols[] = { 1, 6, 17, 17, 2 }, ports[] = { 53, 67, 69, 80 };
	const char *more = getenv("CLEARBOX_TEST_ROUNDS");
	unsigned rounds = more ? (unsigned)strtoul(more, NULL, 10) : 20000;
	uint8_t frame[1514];

	(void)unused;
	open_one(&network, &option, "user,restrict=on,tftp=/tmp,hostname=a,ipv6=off");
	for (unsigned n = 0; n < rounds; n++) {
		size_t count = 14 + below(n % 8 ? 200 : 1501);
		unsigned sum, ip = (unsigned)(count - 14);

		for (size_t i = 0; i < count; i++)
			frame[i] = (uint8_t)random64();
		if (n % 3) {
			memcpy(frame, start, count < sizeof(start) ? count : sizeof(start));
			frame[23] = protocols[random64() % sizeof(protocols)];
			frame[33] = (uint8_t)(2 + random64() % 2);
			frame[16] = (uint8_t)(ip >> 8);
			frame[17] = (uint8_t)ip;
			if (count > 38) {
				frame[36] = 0;
				frame[37] = ports[random64() % sizeof(ports)];
			}
			if (count > 42) {
				frame[38] = (uint8_t)((ip - 20) >> 8);
				frame[39] = (uint8_t)(ip - 20);
				frame[40] = frame[41] = 0;
			}
			if (n % 7 == 0)
				frame[14 + random64() % 20] = (uint8_t)random64();
			frame[24] = frame[25] = 0;
			sum = sum16(frame + 14, 20);
			frame[24] = (uint8_t)(sum >> 8);
			frame[25] = (uint8_t)sum;
		} else if (n % 2) {
			frame[12] = 8;          /* ARP */
			frame[13] = 6;
		}
		network.kind->send(&network, frame, count);
		if (n % 64 == 0)
			taken();
		network.first = network.count = 0;
	}
	network_close(&network);
}

/* An ICMP echo to the gateway with so many bytes of data. */
static void ping(unsigned number, size_t data)
{
	uint8_t frame[1514] = {
		0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 0,
		0x45, 0, 0, 0, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2, 8 };
	size_t count = 42 + data;
	unsigned sum;

	frame[16] = (uint8_t)((count - 14) >> 8);
	frame[17] = (uint8_t)(count - 14);
	frame[41] = (uint8_t)number;
	sum = sum16(frame + 14, 20);
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
	sum = sum16(frame + 34, count - 34);
	frame[36] = (uint8_t)(sum >> 8);
	frame[37] = (uint8_t)sum;
	network.kind->send(&network, frame, count);
}

/* The next answers for the guest are those of the pings from first to last, and no more. */
static void answered(unsigned first, unsigned last)
{
	for (; first <= last; first++) {
		const struct frame *frame = &network.queue[network.first];

		assert_true(network.count);
		assert_int_equal(frame->bytes[34], 0);
		assert_int_equal(frame->bytes[41], first);
		network.first = (network.first + 1) % NETWORK_QUEUE;
		network.count--;
	}
	assert_int_equal(network.count, 0);
}

/* Large frames may wait for more of them, a smaller one or the end of the guest's run; in their order. */
static void test_large_frames(void **unused)
{
	static const uint8_t arp[60] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
		0x52, 0x54, 0, 0x12, 0x34, 0x56, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2 };
	unsigned number = 0;

	(void)unused;
	open_one(&network, &option, "user,ipv6=off");
	network.kind->send(&network, arp, sizeof(arp));
	network.first = network.count = 0;
	ping(number++, 1400);
	network.kind->work(&network);
	answered(0, 0);
	while (number < 4)
		ping(number++, 1400);
	ping(number++, 64);
	answered(1, 4);
	while (!network.count && number < 100)
		ping(number++, 1472);
	answered(5, number - 1);
	network_close(&network);
}
#endif

/* ---- Captures, errors ------------------------------------------------- */

static void test_capture(void **unused)
{
	uint8_t bytes[24 + 16 + 60];
	char name[80], text[256];
	uint8_t frame[60];
	struct cbx_card_options card;
	FILE *file;

	(void)unused;
	snprintf(name, sizeof(name), "%s/c.pcap", folder);
	snprintf(text, sizeof(text), "socket,listen=%s,capture=%s", cable, name);
	open_one(&network, &option, text);
	card = network_card(&network, &option);
	memset(frame, 0x5a, sizeof(frame));
	card.network.send(card.network.user, frame, sizeof(frame));
	network_close(&network);
	file = fopen(name, "rb");
	assert_non_null(file);
	assert_int_equal(fread(bytes, 1, sizeof(bytes), file), sizeof(bytes));
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
	assert_memory_equal(bytes + 40, frame, sizeof(frame));
	unlink(name);
	/* a disk that is full ends the capture, and nothing else */
	snprintf(text, sizeof(text), "socket,listen=%s,capture=/dev/full", cable);
	if (!nic_option_parse(&option, text, name, sizeof(name)))
		fail_msg("%s", name);
	if (!network_open(&network, &option, 0)) {
		network_close(&network);
		return;
	}
	card = network_card(&network, &option);
	for (unsigned n = 0; n < 1000; n++)
		card.network.send(card.network.user, frame, sizeof(frame));
	assert_null(network.capture);
	network_close(&network);
}

/* A guest that is set back in time gets frames all the same. */
static void test_time_goes_back(void **unused)
{
	struct cbx_pc_options pc = { .size = sizeof(pc), .machine.memory_bytes = 4 << 20 };
	struct cbx_run_options run = { .size = sizeof(run), .guest_nanoseconds = 20000000 };
	uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct cbx_stop stop;

	(void)unused;
	open_socket();
	pc.card[0] = network_card(&network, &option);
	assert_int_equal(cbx_pc_new(&pc, &network.machine, NULL), CBX_OK);
	assert_int_equal(cbx_run(network.machine, &run, &stop), CBX_OK);
	network_arrived(&network, frame, sizeof(frame));
	network.given = UINT64_C(3600000000000);
	network_work(&network, false);
	run.guest_nanoseconds = 11000000;
	assert_int_equal(cbx_run(network.machine, &run, &stop), CBX_OK);
	assert_true(network_work(&network, false));
	assert_int_equal(network.count, 0);
	cbx_machine_free(network.machine);
	network_close(&network);
}

static void refused(const char *text)
{
	char problem[512];

	memset(&network, 0, sizeof(network));
	if (!nic_option_parse(&option, text, problem, sizeof(problem)))
		fail_msg("%s: %s", text, problem);
	assert_false(network_open(&network, &option, 0));
	network_close(&network);
}

static void test_refusals(void **unused)
{
	(void)unused;
	refused("socket,connect=/nowhere/cable");
	refused("socket,listen=/nowhere/cable");
	refused("socket,connect=127.0.0.1:1");
	refused("socket,udp=127.0.0.1:5,localaddr=203.0.113.1:4000");
	refused("socket,listen=/tmp/x,capture=/nowhere/c.pcap");
#ifdef HAVE_SLIRP
	refused("user,tftp=/nowhere");
	refused("user,tftp=/dev/null");
	refused("user,tftp=/tmp,bootfile=no/such/file");
#endif
}

static int set_up(void **unused)
{
	(void)unused;
	if (!mkdtemp(folder))
		return -1;
	snprintf(cable, sizeof(cable), "%s/cable", folder);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_lengths_that_are_none), cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_peers_who_go), cmocka_unit_test(test_peers_who_do_not_listen),
		cmocka_unit_test(test_flood), cmocka_unit_test(test_time_goes_back),
		cmocka_unit_test(test_datagrams),
#ifdef HAVE_SLIRP
		cmocka_unit_test(test_fragments), cmocka_unit_test(test_hostile_guest),
		cmocka_unit_test(test_large_frames),
#endif
		cmocka_unit_test(test_capture), cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
