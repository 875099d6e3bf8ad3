/* Monitor commands that go back in time (clearbox/history.h): rewind, reverse-step, reverse-continue. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <clearbox/history.h>

#include "monitor_commands.h"
#include "monitor_debug.h"
#include "session.h"

enum { BACK_MAX = 1000 };

static unsigned long long long_count(uint64_t count)
{
	return (unsigned long long)count;
}

static bool history(struct monitor_call *call, struct cbx_history_info *info)
{
	*info = (struct cbx_history_info){ .size = sizeof(*info) };
	if (cbx_history_info(call->session->machine, info))
		return monitor_fail(call, "no history is kept; start clearbox with -history 256");
	return true;
}

static void show_where(struct monitor_call *call)
{
	struct session *s = call->session;
	struct cbx_history_info info = { .size = sizeof(info) };
	uint64_t rip = 0, base = 0, count = cbx_instruction_count(s->machine);

	cbx_register_read(s->machine, CBX_RIP, &rip);
	cbx_register_read(s->machine, CBX_CS_BASE, &base);
	if (cbx_history_info(s->machine, &info))
		return;
	monitor_print(call, "instruction %llu", long_count(count));
	if (info.past)
		monitor_print(call, ", %llu before the present", long_count(info.last - count));
	monitor_print(call, ": ");
	monitor_disassemble(call, false, monitor_code_bits(s) == 64 ? rip : base + rip, 1);
}

static bool went_back(struct monitor_call *call, enum cbx_status status)
{
	struct session *s = call->session;

	s->paused = true;
	s->idle = false;
	if (status)
		return monitor_fail(call, "%s", cbx_machine_error(s->machine));
	show_where(call);
	return true;
}

/* COUNT, or -N for so many instructions back. */
static bool run_rewind(struct monitor_call *call)
{
	struct cbx_machine *machine = call->session->machine;
	struct cbx_history_info info;
	int64_t number;
	uint64_t to;

	if (!history(call, &info) || !monitor_number(call, call->words[0], &number))
		return false;
	to = (uint64_t)number;
	if (number < 0) {
		to = cbx_instruction_count(machine);
		if (0 - (uint64_t)number > to)
			return monitor_fail(call, "the guest has executed %llu instructions", long_count(to));
		to += (uint64_t)number;
	}
	if (to < info.first || to > info.last)
		return monitor_fail(call, "the history goes from %llu to %llu", long_count(info.first),
				    long_count(info.last));
	return went_back(call, cbx_rewind_to(machine, to));
}

static bool run_reverse_step(struct monitor_call *call)
{
	struct cbx_history_info info;
	enum cbx_status status = CBX_OK;
	int64_t count = 1;

	if (!history(call, &info) || (call->count && !monitor_number(call, call->words[0], &count)))
		return false;
	if (count < 1 || count > BACK_MAX)
		return monitor_fail(call, "from 1 to %d steps; farther: rewind -N", BACK_MAX);
	while (count-- && !status)
		status = cbx_reverse_step(call->session->machine, NULL);
	return went_back(call, status);
}

/* Does the socket's other side say word next?  It is left there, to be carried out afterwards. */
static bool waits_at(int socket, const char *word, size_t count)
{
	char bytes[16];
	ssize_t n = socket >= 0 ? recv(socket, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT) : 0;

	return n >= (ssize_t)count && !memcmp(bytes, word, count);
}

/* Whoever waits for a search has had enough: "stop" at a monitor, Ctrl-C in gdb, a line at a terminal. */
static bool given_up(struct session *s)
{
	struct pollfd typed = { .fd = STDIN_FILENO, .events = POLLIN };

	for (unsigned i = 0; i < MONITOR_LINKS; i++)
		if (s->monitor.option.kind && waits_at(s->monitor.links[i].in, "stop", 4))
			return true;
	if (s->monitor.console_open && isatty(STDIN_FILENO) && poll(&typed, 1, 0) > 0)
		return true;
	return s->gdb.gdb && waits_at(s->gdb.in, "\003", 1);
}

/* In slices, so that a window is drawn meanwhile and the search can be given up. */
static enum cbx_status search_back(struct session *s, struct cbx_stop *stop)
{
	enum cbx_status status;
	bool again;

	s->paused = false;              /* the window's menu can pause again */
	do {
		session_search_begin(s, -1);
		status = cbx_reverse_continue(s->machine, stop);
		again = !status && stop->reason == CBX_STOP_REQUEST;
		session_search_end(s, !again);
	} while (again && session_search_pause(s) && !given_up(s));
	session_search_end(s, true);
	return status;
}

static bool run_reverse_continue(struct monitor_call *call)
{
	struct session *s = call->session;
	struct cbx_history_info info;
	enum cbx_status status;
	struct cbx_stop stop;

	if (!history(call, &info))
		return false;
	status = search_back(s, &stop);
	if (!status && stop.reason == CBX_STOP_REQUEST)
		monitor_print(call, "given up: the machine is where it was\n");
	if (!status && stop.reason == CBX_STOP_LIMIT)
		monitor_print(call, "no breakpoint or watchpoint was met: the oldest moment of the history\n");
	if (!status && (stop.reason == CBX_STOP_BREAKPOINT || stop.reason == CBX_STOP_WATCHPOINT)) {
		s->stop = stop;
		monitor_debug_stopped(s);
	}
	return went_back(call, status);
}

static bool info_history(struct monitor_call *call)
{
	struct cbx_history_info info;

	if (!history(call, &info))
		return false;
	monitor_print(call, "from instruction %llu to %llu (%s), %u checkpoints, %llu of %llu KiB\n",
		      long_count(info.first), long_count(info.last),
		      info.past ? "the machine is in its past" : "now", info.checkpoints,
		      long_count(info.bytes >> 10), long_count(info.budget >> 10));
	return true;
}

const struct monitor_command monitor_history_commands[] = {
	{ "rewind", NULL, "COUNT", "goes back to an instruction count, or by so many: rewind -1000000", run_rewind },
	{ "reverse-step", "rs", "[COUNT]", "goes back by one instruction, or some", run_reverse_step },
	{ "reverse-continue", "rc", "", "goes back to the last breakpoint or watchpoint that was met; stop gives it up",
	  run_reverse_continue },
	{ NULL, NULL, NULL, NULL, NULL }
};

const struct monitor_command monitor_history_topics[] = {
	{ "history", NULL, "", "how far back it is possible to go", info_history },
	{ NULL, NULL, NULL, NULL, NULL }
};
