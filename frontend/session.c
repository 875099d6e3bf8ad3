/*
 * The loop that runs a machine: a slice of instructions, then what the host has for it
 * (keys, characters) and what it has for the host.  While the guest is halted the
 * program sleeps in poll, as pacing.h says.
 */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <clearbox/input.h>
#include <clearbox/screen.h>

enum { SLICE_INSTRUCTIONS = 1000000 };

static const uint64_t millisecond = 1000000;

/* A signal can only reach what is not on any stack. */
static volatile sig_atomic_t signal_number;
static struct cbx_machine *volatile signal_machine;

void session_signal(int number)
{
	signal_number = number;
	cbx_request_stop(signal_machine);
}

/*
 * A slice is short if its instructions are.  A guest can make each of them long (by making
 * devices work), so an alarm ends slices too.
 */
static volatile sig_atomic_t alarm_set;
/* A search back in the history has this many tenths of a second, or until something comes from input. */
static volatile sig_atomic_t search_left, search_input = -1;

static void alarm_rings(int number)
{
	struct pollfd fd = { .fd = search_input, .events = POLLIN };
	int saved = errno;
	bool on;

	(void)number;
	if (search_left) {
		search_left--;
		on = search_left && (fd.fd < 0 || poll(&fd, 1, 0) <= 0);
		errno = saved;
		if (on)
			return;
	} else {
		alarm_set = 0;
	}
	cbx_request_stop(signal_machine);
}

static void set_alarm(bool on)
{
	struct itimerval time = {
		.it_value.tv_usec = on ? 100000 : 0,
		.it_interval.tv_usec = on && search_left ? 100000 : 0,
	};

	if (on == alarm_set)
		return;
	alarm_set = on;
	setitimer(ITIMER_REAL, &time, NULL);
}

/* Each slice of a search is longer: the farther back, the more there is between two checkpoints. */
void session_search_begin(struct session *s, int input)
{
	enum { FIRST = 2, GROWTH = 4, LAST = 20 };
	unsigned tenths = FIRST + s->searches++ / GROWTH;

	set_alarm(false);
	search_left = (sig_atomic_t)(tenths < LAST ? tenths : LAST);
	search_input = input;
	set_alarm(true);
}

void session_search_end(struct session *s, bool over)
{
	set_alarm(false);
	search_left = 0;
	search_input = -1;
	if (over)
		s->searches = 0;
}

bool session_search_pause(struct session *s)
{
	uint64_t host = host_time();

	if (signal_number || (s->end_time && host >= s->end_time))
		return false;
	if (s->display->input(s->display, &s->keys, host) == DISPLAY_QUIT)
		s->quit = true;
	s->display->update(s->display, s->machine);
	return !s->quit && !s->paused;
}

/* ---- What goes in and out between runs ------------------------------------------------ */

enum work { WORK_NOTHING, WORK_DELIVERED, WORK_QUIT };

static void press_now(struct session *s, const char *name)
{
	key_queue_add(&s->keys, key_of_name(name, strlen(name)));
}

static bool deliver_serial(struct session *s)
{
	bool delivered = false;

	for (unsigned port = 0; port < OPTIONS_SERIAL_MAX; port++) {
		struct channel *c = &s->channels[port];
		size_t taken = 0;

		if (!c->from_count)
			continue;
		if (cbx_serial_input(s->machine, port, c->from_host + c->from_first, c->from_count,
				     &taken))
			taken = c->from_count;  /* there is no such port: nobody wants them */
		c->from_first += taken;
		c->from_count -= taken;
		delivered = delivered || taken;
	}
	return delivered;
}

/* Guest time of the next thing that is typed, or done by the script. */
static uint64_t typing_due(const struct session *s)
{
	uint64_t due = key_queue_due(&s->keys, cbx_guest_time(s->machine)), script = script_due(s->script);

	due = script < due ? script : due;

	if (s->type_next < s->options->type_count) {
		uint64_t time = (uint64_t)(s->type[s->type_next].seconds * 1e9);

		due = time < due ? time : due;
	}
	return due;
}

static bool type_keys(struct session *s)
{
	uint64_t now = cbx_guest_time(s->machine);

	while (s->type_next < s->options->type_count &&
	       (uint64_t)(s->type[s->type_next].seconds * 1e9) <= now) {
		const char *wrong;

		key_queue_add_text(&s->keys, s->type[s->type_next++].text, &wrong);
	}
	return key_queue_feed(&s->keys, s->machine);
}

static enum work work(struct session *s, uint64_t host)
{
	bool delivered = false;

	s->work_time = host;
	for (unsigned i = 0; i < CHANNELS; i++) {
		switch (channel_work(&s->channels[i])) {
		case CHANNEL_QUIT:
			return WORK_QUIT;
		case CHANNEL_POWER_BUTTON:
			cbx_power_button(s->machine);
			delivered = true;
			break;
		case CHANNEL_CTRL_ALT_DEL:
			press_now(s, "ctrl-alt-delete");
			break;
		case CHANNEL_NOTHING:
			break;
		}
	}
	switch (s->display->input(s->display, &s->keys, host)) {
	case DISPLAY_QUIT:
		return WORK_QUIT;
	case DISPLAY_POWER_BUTTON:
		cbx_power_button(s->machine);
		delivered = true;
		break;
	case DISPLAY_DELIVERED:
		delivered = true;
		break;
	case DISPLAY_NOTHING:
		break;
	}
	monitor_port_work(s);
	gdb_server_work(&s->gdb);
	if (script_work(s->script, s))
		delivered = true;
	if (type_keys(s))
		delivered = true;
	if (deliver_serial(s))
		delivered = true;
	for (unsigned i = 0; i < CBX_CARDS; i++)
		if (network_work(&s->networks[i], s->idle))
			delivered = true;
	if (s->audio) {
		cbx_sound_flush(s->machine);
		s->audio->work(s->audio, host);
	}
	if (host - s->update_time >= s->display->interval) {
		s->display->update(s->display, s->machine);
		s->update_time = host;
	}
	return delivered ? WORK_DELIVERED : WORK_NOTHING;
}

/* ---- Sleeping ----------------------------------------------------------------------------- */

static void sleep_for(struct session *s, uint64_t host, uint64_t wait)
{
	struct pollfd fds[CHANNELS * 2 + 1 + MONITOR_POLL_MAX + GDB_POLL_MAX + CBX_CARDS * NETWORK_POLL_MAX];
	uint64_t deadline = s->display->deadline(s->display), longest = 250 * millisecond;
	struct timespec time;
	unsigned count = 0;

	/* What was drawn last may not be the last that changed. */
	if (s->display->person && host - s->update_time < s->display->interval)
		longest = s->display->interval;
	if (longest > audio_patience(s->audio))
		longest = audio_patience(s->audio);
	if (wait > longest)
		wait = longest;
	if (deadline != UINT64_MAX && wait > (deadline > host ? deadline - host : 0))
		wait = deadline > host ? deadline - host : 0;
	if (s->end_time && wait > (s->end_time > host ? s->end_time - host : 0))
		wait = s->end_time > host ? s->end_time - host : 0;
	for (unsigned i = 0; i < CHANNELS; i++)
		count += channel_poll(&s->channels[i], fds + count);
	for (unsigned i = 0; i < CBX_CARDS; i++)
		count += network_poll(&s->networks[i], fds + count, &wait);
	count += monitor_port_poll(&s->monitor, fds + count);
	count += gdb_server_poll(&s->gdb, fds + count);
	if (s->display->input_fd >= 0)
		fds[count++] = (struct pollfd){ .fd = s->display->input_fd, .events = POLLIN };
	set_alarm(false);
	time.tv_sec = (time_t)(wait / 1000000000u);
	time.tv_nsec = (long)(wait % 1000000000u);
	ppoll(fds, count, &time, NULL);
}

enum { GO_ON = 0 };

/*
 * The guest is halted.  Sleeps; returns how many ns of guest time have passed meanwhile,
 * or GO_ON when it is time for the event it waits for.
 */
static uint64_t wait_for_event(struct session *s)
{
	uint64_t now = cbx_guest_time(s->machine), event = cbx_next_event(s->machine);
	uint64_t due = typing_due(s), target = due < event ? due : event;
	uint64_t host = host_time(), wait = pacing_idle(&s->pacing, host, now, target), time;

	if (s->pacing.mode == PACE_NONE)
		return GO_ON;
	if (wait) {
		sleep_for(s, host, wait);
		time = pacing_guest_time(&s->pacing, host_time());
	} else {
		time = target;
	}
	if (time >= target)
		return GO_ON;
	return time > now ? time - now : 1;
}

/* ---- The end -------------------------------------------------------------------------------- */

static int ended(const struct session *s, const struct cbx_stop *stop, int code, const char *what,
		 char *message, size_t size)
{
	snprintf(message, size, "%s%s%s, at %04llX:%08llX after %llu instructions", what,
		 *stop->detail ? ": " : "", stop->detail, (unsigned long long)(stop->cs_base >> 4),
		 (unsigned long long)stop->rip, (unsigned long long)s->instructions);
	return code;
}

/* Halted, and no interrupt can be taken. */
static bool halted_for_ever(const struct session *s)
{
	uint64_t flags = 0;

	return !cbx_register_read(s->machine, CBX_RFLAGS, &flags) && !(flags & 0x200);
}

enum { RUNNING = -1 };

static int stay(struct session *s)
{
	/* Somebody looks at the screen or is at the monitor: they say when it is enough. */
	while (!signal_number) {
		struct cbx_run_options one = { .size = sizeof(one), .instructions = 1, .stop_when_idle = true };
		uint64_t host = host_time();
		struct cbx_stop stop;

		if (work(s, host) == WORK_QUIT || s->quit)
			return EXIT_GUEST_OFF;
		if (s->end_time && host >= s->end_time)
			return EXIT_TIMEOUT;
		/* They may have reset it, or loaded a state. */
		if (!s->paused && !cbx_run(s->machine, &one, &stop) && stop.instructions) {
			s->instructions += stop.instructions;
			return RUNNING;
		}
		s->display->update(s->display, s->machine);
		sleep_for(s, host, 250 * millisecond);
	}
	return 128 + signal_number;
}

static int stopped(struct session *s, const struct cbx_stop *stop, char *message, size_t size)
{
	switch (stop->reason) {
	case CBX_STOP_LIMIT:
	case CBX_STOP_REQUEST:
		return RUNNING;
	case CBX_STOP_IDLE:
		/* The library says so when it is sure; gdb wants to look. */
		if (!halted_for_ever(s) || gdb_server_attached(&s->gdb))
			return RUNNING;
		/* fall through */
	case CBX_STOP_HALTED:
		if (s->display->person || s->monitor.option.kind == CHANNEL_STDIO ||
		    s->monitor.option.kind == CHANNEL_UNIX)
			return stay(s);
		return ended(s, stop, EXIT_HALTED, "the guest has halted for ever", message, size);
	case CBX_STOP_TRIPLE_FAULT:
		if (s->catch_triple) {
			s->paused = true;
			monitor_debug_stopped(s);
			return RUNNING;
		}
		return ended(s, stop, EXIT_TRIPLE_FAULT, "triple fault", message, size);
	case CBX_STOP_RESET:
	case CBX_STOP_POWER_OFF:
		return EXIT_GUEST_OFF;
	case CBX_STOP_EXIT:
		return stop->exit_code & 0xff;
	case CBX_STOP_UNSUPPORTED:
		return ended(s, stop, EXIT_UNSUPPORTED, "the guest needs what Clearbox does not have",
			     message, size);
	case CBX_STOP_BREAKPOINT:
	case CBX_STOP_WATCHPOINT:
	case CBX_STOP_HOOK:
		s->paused = true;       /* whoever set it looks, and lets it go on */
		monitor_debug_stopped(s);
		return RUNNING;
	case CBX_STOP_HOST_MEMORY:
		return ended(s, stop, EXIT_HOST_MEMORY, "the host has no memory left", message, size);
	case CBX_STOP_MEMORY_LIMIT:
	case CBX_STOP_LOG_LIMIT:
	case CBX_STOP_BACKEND_LIMIT:
		return ended(s, stop, EXIT_HOST_MEMORY, "a limit is reached", message, size);
	}
	return EXIT_INTERNAL;
}

/* ---- The loop -------------------------------------------------------------------------------- */

static int run_slice(struct session *s, uint64_t nanoseconds, char *message, size_t size)
{
	struct cbx_run_options run = {
		.size = sizeof(run),
		.instructions = SLICE_INSTRUCTIONS,
		.guest_nanoseconds = nanoseconds,
		.stop_when_idle = true,
		.stop_on_triple_fault = s->options->no_reboot || s->catch_triple,
		.stop_on_reset = s->options->no_reboot,
	};
	uint64_t limit = s->options->instructions;
	enum cbx_status status;
	struct cbx_stop stop;
	bool held = false, back = cbx_gdb_state(s->gdb.gdb) == CBX_GDB_REVERSING;

	if (limit && limit - s->instructions < run.instructions)
		run.instructions = limit - s->instructions;
	if (back)
		session_search_begin(s, s->gdb.in);
	else
		set_alarm(true);
	status = s->gdb.gdb ? gdb_server_run(&s->gdb, &run, &stop, &held) : cbx_run(s->machine, &run, &stop);
	if (back)
		session_search_end(s, cbx_gdb_state(s->gdb.gdb) != CBX_GDB_REVERSING);
	if (status) {
		snprintf(message, size, "%s", cbx_machine_error(s->machine));
		return EXIT_INTERNAL;
	}
	s->stop = stop;
	s->instructions += stop.instructions;
	s->idle = stop.reason == CBX_STOP_IDLE ||
		  (s->idle && !stop.instructions &&
		   (stop.reason == CBX_STOP_LIMIT || stop.reason == CBX_STOP_REQUEST));

	int code = held ? RUNNING : stopped(s, &stop, message, size);

	if (code == RUNNING && limit && s->instructions >= limit)
		return ended(s, &stop, EXIT_INSTRUCTIONS, "-max-insns is reached", message, size);
	return code;
}

/* How long the next slice may be, in guest time; 0: any. */
static uint64_t slice_time(const struct session *s)
{
	uint64_t now = cbx_guest_time(s->machine), due = typing_due(s);
	uint64_t most = s->pacing.mode == PACE_REAL ? 5 * millisecond : UINT64_MAX;

	if (due != UINT64_MAX)
		most = due > now ? (due - now < most ? due - now : most) : 1;
	return most == UINT64_MAX ? 0 : most;
}

int session_run(struct session *s, char *message, size_t size)
{
	struct sigaction action = { .sa_handler = alarm_rings, .sa_flags = SA_RESTART };
	int code = RUNNING;

	*message = 0;
	sigaction(SIGALRM, &action, NULL);
	signal_machine = s->machine;
	s->paused = s->paused || s->options->stopped;
	if (s->options->timeout > 0)
		s->end_time = host_time() + (uint64_t)(s->options->timeout * 1e9);
	while (code == RUNNING) {
		uint64_t host = host_time(), limit = GO_ON, wait;
		enum work done = WORK_NOTHING;

		if (signal_number) {
			code = 128 + signal_number;
			break;
		}
		if (s->end_time && host >= s->end_time) {
			snprintf(message, size, "-timeout %g is over after %llu instructions",
				 s->options->timeout, (unsigned long long)s->instructions);
			code = EXIT_TIMEOUT;
			break;
		}
		if (script_ended(s->script, &code))
			break;
		if (s->quit) {
			code = EXIT_GUEST_OFF;
			break;
		}
		if (s->paused) {
			if (work(s, host) == WORK_QUIT)
				s->quit = true;
			else if (s->paused && !s->quit)
				sleep_for(s, host, 250 * millisecond);
			continue;
		}
		/* A guest that halts all the time and is not paced comes by very often. */
		if (host - s->work_time >= 4 * millisecond || s->pacing.mode != PACE_NONE ||
		    typing_due(s) <= cbx_guest_time(s->machine))
			done = work(s, host);
		if (done == WORK_QUIT) {
			code = EXIT_GUEST_OFF;
			break;
		}
		if (s->idle) {
			/* A microsecond shows whether what it got wakes it. */
			limit = done == WORK_DELIVERED ? 1000 : wait_for_event(s);
		} else {
			wait = pacing_busy(&s->pacing, host, cbx_guest_time(s->machine));
			if (wait) {
				sleep_for(s, host, wait);
				continue;
			}
		}
		code = run_slice(s, limit == GO_ON ? slice_time(s) : limit, message, size);
		if (code != RUNNING)
			code = script_machine_ended(s->script, code);
	}
	set_alarm(false);
	signal_machine = NULL;
	for (unsigned i = 0; i < CHANNELS; i++)
		channel_flush(&s->channels[i]);
	return code;
}
