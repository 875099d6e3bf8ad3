/*
 * -nic tap in a network namespace of the test's own: frames go both ways between the guest's side and
 * the host's sockets, and what cannot be is refused with advice.  Only root can make a namespace, so
 * it says nothing elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "network.h"

static struct network network;
static struct nic_option option;

static bool try_open(const char *text)
{
	char problem[512];

	memset(&network, 0, sizeof(network));
	if (!nic_option_parse(&option, text, problem, sizeof(problem)))
		fail_msg("%s: %s", text, problem);
	return network_open(&network, &option, 0);
}

static void open_it(void)
{
	if (geteuid() || unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK) ||
	    system("ip link set lo up"))
		skip();
	if (!try_open("tap,ifname=cbxtap,script=no,downscript=no"))
		fail_msg("%s", "the interface cannot be made");
	assert_int_equal(system("ip addr add 10.9.8.1/24 dev cbxtap && ip link set cbxtap up && "
				"ip neigh add 10.9.8.2 lladdr 52:54:00:12:34:56 dev cbxtap"), 0);
}

/* Waits until there is a frame with this EtherType and port, and drops others. */
static bool arrives(unsigned port)
{
	for (unsigned n = 0; n < 200; n++) {
		struct pollfd fds[NETWORK_POLL_MAX];
		uint64_t wait = 0;

		poll(fds, network.kind->poll(&network, fds, &wait), 10);
		network.kind->work(&network);
		for (; network.count; network.count--, network.first = (network.first + 1) % NETWORK_QUEUE) {
			const struct frame *frame = &network.queue[network.first];

			if (frame->bytes[12] == 8 && !frame->bytes[13] && frame->bytes[23] == 17 &&
			    (frame->bytes[36] << 8 | frame->bytes[37]) == (int)port)
				return true;
		}
	}
	return false;
}

static void test_both_ways(void **unused)
{
	/* From 10.9.8.2 port 7000 to 10.9.8.1 port 7001: "hello!"; UDP without a checksum. */
	static uint8_t frame[60] = {
		0, 0, 0, 0, 0, 0, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 0,
		0x45, 0, 0, 34, 0, 1, 0, 0, 64, 17, 0x56, 0xa4, 10, 9, 8, 2, 10, 9, 8, 1,
		0x1b, 0x58, 0x1b, 0x59, 0, 14, 0, 0, 'h', 'e', 'l', 'l', 'o', '!' };
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(7001) };
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(7000) };
	struct timeval limit = { .tv_sec = 5 };
	char text[16] = "";
	FILE *address;
	unsigned mac[6], sum = 0;
	int fd;

	(void)unused;
	open_it();
	here.sin_addr.s_addr = htonl(0x0a090801);
	there.sin_addr.s_addr = htonl(0x0a090802);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	/* host to guest */
	assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&there, sizeof(there)), 5);
	assert_true(arrives(7000));
	/* guest to host */
	address = popen("ip -o link show cbxtap | sed 's/.*ether \\([^ ]*\\) .*/\\1/'", "r");
	assert_int_equal(fscanf(address, "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
				&mac[5]), 6);
	pclose(address);
	for (unsigned n = 0; n < 6; n++)
		frame[n] = (uint8_t)mac[n];
	frame[24] = frame[25] = 0;
	for (unsigned n = 14; n < 34; n += 2)
		sum += (unsigned)frame[n] << 8 | frame[n + 1];
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
	network.kind->send(&network, frame, sizeof(frame));
	assert_int_equal(recv(fd, text, sizeof(text), 0), 6);
	assert_string_equal(text, "hello!");
	close(fd);
	/* one that is down, and one that is gone */
	assert_int_equal(system("ip link set cbxtap down"), 0);
	network.kind->send(&network, frame, sizeof(frame));
	network.kind->work(&network);
	assert_int_equal(system("ip link set cbxtap up"), 0);
	assert_int_equal(system("ip link del cbxtap"), 0);
	network.kind->send(&network, frame, sizeof(frame));
	network.kind->work(&network);
	network.kind->work(&network);
	network_close(&network);
}

static void test_refusals(void **unused)
{
	struct network other;
	pid_t child;
	int status;

	(void)unused;
	open_it();
	/* in use; not a tap */
	other = network;
	assert_false(try_open("tap,ifname=cbxtap"));
	network_close(&network);
	assert_false(try_open("tap,ifname=lo"));
	network_close(&network);
	network = other;
	network_close(&network);
	/* nobody's right */
	child = fork();
	if (!child) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(try_open("tap,ifname=cbxtap"));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways), cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
