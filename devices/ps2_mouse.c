/*
 * A PS/2 mouse with the wheel and the five buttons' protocols of the IntelliMouse.
 *
 * Manual: IBM Personal System/2 Hardware Interface Technical Reference, "Mouse"; the
 * wheel: sample rates 200, 100, 80 in a row turn identity 0 into 3, and 200, 200, 80
 * identity 3 into 4.
 *
 * Movement is kept in a queue of events with the same buttons each, so that a quick
 * click is not lost between two reports.
 */
#include "ps2.h"

#include <string.h>

#define MOUSE_EVENTS 32u
#define MOUSE_FAR 100000                /* movement beyond this is cut */
#define MOUSE_BAT_NS 20000000u

enum { MOUSE_ACK = 0xfa, MOUSE_RESEND = 0xfe, MOUSE_ERROR = 0xfc };

struct mouse_event {
	int32_t dx, dy, wheel;
	uint32_t buttons;
};

struct mouse_state {
	uint64_t next_report;           /* no report of its own before this time */
	struct mouse_event events[MOUSE_EVENTS];
	struct ps2_queue queue;
	uint8_t first_event, event_count;
	uint8_t buttons;                /* as reported last */
	uint8_t command;                /* a command that waits for its argument; 0: none */
	uint8_t enabled, remote, wrap, double_scale;
	uint8_t resolution, rate;
	uint8_t id;                     /* 0, 3 or 4 */
	uint8_t knock[2];               /* the sample rates set before the last one */
	uint8_t last;
};

struct ps2_mouse {
	struct cbx_device device;
	struct mouse_state state;
	struct cbx_line ready;
	struct cbx_timer *report, *bat;
};

static const struct cbx_field mouse_event_fields[] = {
	CBX_FIELD(struct mouse_event, dx),
	CBX_FIELD(struct mouse_event, dy),
	CBX_FIELD(struct mouse_event, wheel),
	CBX_FIELD(struct mouse_event, buttons),
	CBX_FIELD_END
};

static const struct cbx_field mouse_fields[] = {
	CBX_FIELD(struct mouse_state, next_report),
	CBX_FIELD_STRUCTS(struct mouse_state, events, mouse_event_fields),
	CBX_FIELD_STRUCT(struct mouse_state, queue, ps2_queue_fields),
	CBX_FIELD(struct mouse_state, first_event),
	CBX_FIELD(struct mouse_state, event_count),
	CBX_FIELD(struct mouse_state, buttons),
	CBX_FIELD(struct mouse_state, command),
	CBX_FIELD(struct mouse_state, enabled),
	CBX_FIELD(struct mouse_state, remote),
	CBX_FIELD(struct mouse_state, wrap),
	CBX_FIELD(struct mouse_state, double_scale),
	CBX_FIELD(struct mouse_state, resolution),
	CBX_FIELD(struct mouse_state, rate),
	CBX_FIELD(struct mouse_state, id),
	CBX_FIELD_ARRAY(struct mouse_state, knock),
	CBX_FIELD(struct mouse_state, last),
	CBX_FIELD_END
};

/* ---- Reports --------------------------------------------------------------------------- */

static int32_t mouse_clamp(int32_t value, int32_t low, int32_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* What 2:1 scaling makes of a count. */
static int32_t mouse_scale(int32_t count)
{
	static const uint8_t small[] = { 0, 1, 1, 3, 6, 9 };
	int32_t size = count < 0 ? -count : count;

	size = size < 6 ? small[size] : 2 * size;
	return mouse_clamp(count < 0 ? -size : size, -255, 255);
}

/* Takes from a sum what one report can say. */
static int32_t mouse_part(int32_t *sum, int32_t low, int32_t high)
{
	int32_t part = mouse_clamp(*sum, low, high);

	*sum -= part;
	return part;
}

static void mouse_send_report(struct mouse_state *state, bool scaled)
{
	struct mouse_event none = { 0, 0, 0, state->buttons };
	struct mouse_event *event = state->event_count ?
				    &state->events[state->first_event % MOUSE_EVENTS] : &none;
	int32_t dx = mouse_part(&event->dx, -255, 255), dy = -mouse_part(&event->dy, -255, 255);
	int32_t wheel = mouse_part(&event->wheel, -8, 7);

	if (scaled) {
		dx = mouse_scale(dx);
		dy = mouse_scale(dy);
	}
	state->buttons = event->buttons & 7;
	ps2_queue_put(&state->queue, (uint8_t)(0x08 | state->buttons | (dx < 0 ? 0x10 : 0) |
					       (dy < 0 ? 0x20 : 0)));
	ps2_queue_put(&state->queue, (uint8_t)((uint32_t)dx & 0xff));
	ps2_queue_put(&state->queue, (uint8_t)((uint32_t)dy & 0xff));
	if (state->id == 3)
		ps2_queue_put(&state->queue, (uint8_t)((uint32_t)wheel & 0xff));
	else if (state->id == 4)
		ps2_queue_put(&state->queue, (uint8_t)((uint32_t)wheel & 0x0f));
	else
		event->wheel = 0;
	if (state->event_count && !event->dx && !event->dy && !event->wheel) {
		state->first_event = (uint8_t)((state->first_event + 1u) % MOUSE_EVENTS);
		state->event_count--;
	}
}

/* In stream mode: a report when there is news, no faster than the sample rate. */
static void mouse_run(struct ps2_mouse *mouse)
{
	struct mouse_state *state = &mouse->state;
	uint64_t now = cbx_time(&mouse->device);

	if (state->enabled && !state->remote && !state->wrap && !state->queue.count &&
	    state->event_count) {
		if (now < state->next_report) {
			cbx_timer_set(mouse->report, state->next_report);
		} else {
			mouse_send_report(state, state->double_scale);
			state->next_report = now + UINT64_C(1000000000) /
						   (state->rate ? state->rate : 100u);
		}
	}
	cbx_line_set(&mouse->ready, ps2_mouse_ready(mouse));
}

static void mouse_report(struct cbx_device *device, unsigned number)
{
	(void)number;
	mouse_run((struct ps2_mouse *)device);
}

/* ---- Commands ------------------------------------------------------------------------- */

static void mouse_set_defaults(struct mouse_state *state)
{
	state->enabled = 0;
	state->remote = 0;
	state->double_scale = 0;
	state->resolution = 2;
	state->rate = 100;
	state->queue.count = 0;
	state->event_count = 0;
}

static void mouse_set_rate(struct mouse_state *state, uint8_t rate)
{
	/* The rates that mice have; others are taken as they are, but never 0. */
	state->rate = rate ? rate : 1;
	if (state->knock[0] == 200 && state->knock[1] == 100 && rate == 80 && state->id == 0)
		state->id = 3;
	else if (state->knock[0] == 200 && state->knock[1] == 200 && rate == 80 && state->id == 3)
		state->id = 4;
	state->knock[0] = state->knock[1];
	state->knock[1] = rate;
}

static void mouse_send_status(struct mouse_state *state)
{
	unsigned buttons = state->buttons;

	/* Left is bit 2 here, right bit 0. */
	ps2_queue_put(&state->queue, (uint8_t)(state->remote << 6 | state->enabled << 5 |
		      state->double_scale << 4 | (buttons & 1) << 2 | (buttons >> 2 & 1) << 1 |
		      (buttons >> 1 & 1)));
	ps2_queue_put(&state->queue, state->resolution);
	ps2_queue_put(&state->queue, state->rate);
}

static bool mouse_argument(struct mouse_state *state, uint8_t byte)
{
	uint8_t command = state->command;

	state->command = 0;
	if (!command || byte > 200)
		return false;
	if (command == 0xf3) {
		mouse_set_rate(state, byte);
	} else if (byte > 3) {
		ps2_queue_put(&state->queue, MOUSE_ERROR);
		return true;
	} else {
		state->resolution = byte;
	}
	ps2_queue_put(&state->queue, MOUSE_ACK);
	return true;
}

/* The commands that change a mode and are just acknowledged; false: it is none of them. */
static bool mouse_set_mode(struct mouse_state *state, uint8_t byte)
{
	switch (byte) {
	case 0xe6:
		state->double_scale = 0;
		break;
	case 0xe7:
		state->double_scale = 1;
		break;
	case 0xe8: case 0xf3:
		state->command = byte;
		break;
	case 0xea:
		state->remote = 0;
		break;
	case 0xec:
		state->wrap = 0;
		break;
	case 0xee:
		state->wrap = 1;
		break;
	case 0xf0:
		state->remote = 1;
		break;
	case 0xf4:
		state->enabled = 1;
		break;
	case 0xf5:
		state->enabled = 0;
		break;
	case 0xf6:
		mouse_set_defaults(state);
		break;
	default:
		return false;
	}
	return true;
}

static void mouse_reset_command(struct ps2_mouse *mouse)
{
	mouse_set_defaults(&mouse->state);
	mouse->state.wrap = 0;
	mouse->state.id = 0;
	mouse->state.knock[0] = 0;
	mouse->state.knock[1] = 0;
	cbx_timer_set(mouse->bat, cbx_time(&mouse->device) + MOUSE_BAT_NS);
}

static void mouse_command(struct ps2_mouse *mouse, uint8_t byte)
{
	struct mouse_state *state = &mouse->state;
	bool resend = byte == 0xfe;

	/* A command stops a report that is on its way. */
	state->queue.count = 0;
	if (byte == 0xff)
		mouse_reset_command(mouse);
	else if (!resend && !mouse_set_mode(state, byte) && byte != 0xe9 && byte != 0xeb &&
		 byte != 0xf2) {
		ps2_queue_put(&state->queue, MOUSE_RESEND);
		return;
	}
	ps2_queue_put(&state->queue, resend ? state->last : MOUSE_ACK);
	if (byte == 0xe9)
		mouse_send_status(state);
	else if (byte == 0xeb)
		mouse_send_report(state, false);
	else if (byte == 0xf2)
		ps2_queue_put(&state->queue, state->id);
}

void ps2_mouse_write(struct ps2_mouse *mouse, uint8_t byte)
{
	struct mouse_state *state = &mouse->state;

	if (state->wrap && byte != 0xec && byte != 0xff)
		ps2_queue_put(&state->queue, byte);
	else if (!mouse_argument(state, byte))
		mouse_command(mouse, byte);
	mouse_run(mouse);
}

static void mouse_bat(struct cbx_device *device, unsigned number)
{
	struct ps2_mouse *mouse = (struct ps2_mouse *)device;

	(void)number;
	ps2_queue_put(&mouse->state.queue, 0xaa);
	ps2_queue_put(&mouse->state.queue, 0x00);
	mouse_run(mouse);
}

/* ---- The controller's and the host's side ---------------------------------------------- */

bool ps2_mouse_ready(const struct ps2_mouse *mouse)
{
	return mouse->state.queue.count;
}

uint8_t ps2_mouse_take(struct ps2_mouse *mouse)
{
	uint8_t byte = ps2_queue_take(&mouse->state.queue);

	mouse->state.last = byte;
	mouse_run(mouse);
	return byte;
}

static int32_t mouse_add(int32_t sum, int more)
{
	more = more < -MOUSE_FAR ? -MOUSE_FAR : more > MOUSE_FAR ? MOUSE_FAR : more;
	return mouse_clamp(sum + more, -MOUSE_FAR, MOUSE_FAR);
}

enum cbx_status ps2_mouse_move(struct ps2_mouse *mouse, int dx, int dy, int wheel,
			       unsigned buttons)
{
	struct mouse_state *state = &mouse->state;
	struct mouse_event *event;
	unsigned last;

	buttons &= 7;
	/* A mouse that was told to be silent forgets where it went. */
	if (!state->enabled && !state->remote) {
		state->buttons = (uint8_t)buttons;
		return CBX_OK;
	}
	last = (state->first_event + state->event_count + MOUSE_EVENTS - 1) % MOUSE_EVENTS;
	if (!state->event_count || state->events[last].buttons != buttons) {
		if (state->event_count >= MOUSE_EVENTS)
			return CBX_ERROR_LIMIT;
		if (!state->event_count && buttons == state->buttons && !dx && !dy && !wheel)
			return CBX_OK;
		last = (last + 1) % MOUSE_EVENTS;
		state->events[last] = (struct mouse_event){ 0, 0, 0, buttons };
		state->event_count++;
	}
	event = &state->events[last];
	event->dx = mouse_add(event->dx, dx);
	event->dy = mouse_add(event->dy, dy);
	event->wheel = mouse_add(event->wheel, wheel);
	mouse_run(mouse);
	return CBX_OK;
}

/* ---- Life ----------------------------------------------------------------------------- */

static void mouse_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct ps2_mouse *mouse = (struct ps2_mouse *)device;

	/* The mouse has its own power: the machine's reset does not reach it. */
	if (kind == CBX_RESET_POWER) {
		memset(&mouse->state, 0, sizeof(mouse->state));
		mouse_set_defaults(&mouse->state);
		cbx_timer_cancel(mouse->report);
		cbx_timer_cancel(mouse->bat);
	}
	cbx_line_set(&mouse->ready, ps2_mouse_ready(mouse));
}

static bool mouse_check(const struct cbx_device *device, const void *bytes)
{
	const struct mouse_state *state = bytes;
	bool good = ps2_queue_check(&state->queue) && state->first_event < MOUSE_EVENTS &&
		    state->event_count <= MOUSE_EVENTS && state->buttons <= 7 &&
		    state->enabled <= 1 && state->remote <= 1 && state->wrap <= 1 &&
		    state->double_scale <= 1 && state->resolution <= 3 && state->rate &&
		    (state->id == 0 || state->id == 3 || state->id == 4) &&
		    (state->command == 0 || state->command == 0xe8 || state->command == 0xf3) &&
		    state->next_report < INT64_MAX;

	(void)device;
	for (unsigned i = 0; good && i < MOUSE_EVENTS; i++) {
		const struct mouse_event *event = &state->events[i];

		good = event->buttons <= 7 && event->dx >= -MOUSE_FAR && event->dx <= MOUSE_FAR &&
		       event->dy >= -MOUSE_FAR && event->dy <= MOUSE_FAR &&
		       event->wheel >= -MOUSE_FAR && event->wheel <= MOUSE_FAR;
	}
	return good;
}

static const struct cbx_device_type mouse_type = {
	.name = "ps2_mouse",
	.version = 1,
	.size = sizeof(struct ps2_mouse),
	.state_offset = offsetof(struct ps2_mouse, state),
	.state_size = sizeof(struct mouse_state),
	.fields = mouse_fields,
	.reset = mouse_reset,
	.check = mouse_check,
};

enum cbx_status ps2_mouse_new(struct cbx_machine *machine, struct cbx_line ready,
			      struct ps2_mouse **mouse)
{
	struct cbx_device *device;
	struct ps2_mouse *made;
	enum cbx_status status = cbx_device_new(machine, &mouse_type, &device);

	if (status != CBX_OK)
		return status;
	made = (struct ps2_mouse *)device;
	made->ready = ready;
	status = cbx_timer_new(device, "report", mouse_report, 0, &made->report);
	if (status == CBX_OK)
		status = cbx_timer_new(device, "bat", mouse_bat, 0, &made->bat);
	*mouse = made;
	return status;
}
