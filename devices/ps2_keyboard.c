/*
 * A PS/2 keyboard: scan code sets 1 to 3, typematic repeat, all commands.
 *
 * Manual: IBM Personal System/2 Hardware Interface Technical Reference, "Keyboards (101-
 * and 102-key)".
 *
 * What is pressed goes into a queue of key events, which become scan codes one by one,
 * when the bytes before them have been taken: so the guest never sees an overrun, and
 * typed text waits for a slow guest.
 */
#include "keymap.h"
#include "ps2.h"

#include <string.h>

#define KEYBOARD_EVENTS 4096u
#define KEYBOARD_TYPED_NS 5000000u      /* from one event of typed text to the next */
#define KEYBOARD_BAT_NS 20000000u       /* a reset's self-test */
#define KEYBOARD_TICK_NS 4166667u       /* the typematic rates' unit, 1/240 s */
#define KEYBOARD_DEFAULT_RATE 0x2b      /* 500 ms, then 10.9 a second */

enum { KEYBOARD_ACK = 0xfa, KEYBOARD_RESEND = 0xfe, KEYBOARD_PASSED = 0xaa };

enum { EVENT_USAGE = 0xff, EVENT_DOWN = 0x100, EVENT_TYPED = 0x200, EVENT_BITS = 0x3ff };

struct keyboard_state {
	uint64_t typed_time;            /* no event of typed text before this time */
	struct ps2_queue answers;       /* to commands; they go first */
	struct ps2_queue codes;
	uint16_t events[KEYBOARD_EVENTS];
	uint16_t first_event, event_count;
	uint8_t down[32];               /* keys that are down, a bit each */
	uint8_t kinds[256];             /* enum keymap_kind of each set 3 code */
	uint8_t command;                /* a command that waits for its argument; 0: none */
	uint8_t set;                    /* 1 to 3 */
	uint8_t scanning;
	uint8_t leds;
	uint8_t rate;
	uint8_t repeating;              /* usage of the key that repeats; 0: none */
	uint8_t last;                   /* the last byte sent, for Resend */
	uint8_t reserved;
};

struct ps2_keyboard {
	struct cbx_device device;
	struct keyboard_state state;
	struct cbx_line ready;
	struct cbx_timer *repeat, *bat, *typing;
};

const struct cbx_field ps2_queue_fields[] = {
	CBX_FIELD_ARRAY(struct ps2_queue, bytes),
	CBX_FIELD(struct ps2_queue, first),
	CBX_FIELD(struct ps2_queue, count),
	CBX_FIELD_END
};

static const struct cbx_field keyboard_fields[] = {
	CBX_FIELD(struct keyboard_state, typed_time),
	CBX_FIELD_STRUCT(struct keyboard_state, answers, ps2_queue_fields),
	CBX_FIELD_STRUCT(struct keyboard_state, codes, ps2_queue_fields),
	CBX_FIELD_ARRAY(struct keyboard_state, events),
	CBX_FIELD(struct keyboard_state, first_event),
	CBX_FIELD(struct keyboard_state, event_count),
	CBX_FIELD_ARRAY(struct keyboard_state, down),
	CBX_FIELD_ARRAY(struct keyboard_state, kinds),
	CBX_FIELD(struct keyboard_state, command),
	CBX_FIELD(struct keyboard_state, set),
	CBX_FIELD(struct keyboard_state, scanning),
	CBX_FIELD(struct keyboard_state, leds),
	CBX_FIELD(struct keyboard_state, rate),
	CBX_FIELD(struct keyboard_state, repeating),
	CBX_FIELD(struct keyboard_state, last),
	CBX_FIELD(struct keyboard_state, reserved),
	CBX_FIELD_END
};

/* ---- Queues --------------------------------------------------------------------------- */

void ps2_queue_put(struct ps2_queue *queue, uint8_t byte)
{
	if (queue->count >= PS2_QUEUE_BYTES)
		return;
	queue->bytes[(queue->first + queue->count) % PS2_QUEUE_BYTES] = byte;
	queue->count++;
}

uint8_t ps2_queue_take(struct ps2_queue *queue)
{
	uint8_t byte = queue->bytes[queue->first % PS2_QUEUE_BYTES];

	if (!queue->count)
		return 0;
	queue->first = (uint8_t)((queue->first + 1u) % PS2_QUEUE_BYTES);
	queue->count--;
	return byte;
}

bool ps2_queue_check(const struct ps2_queue *queue)
{
	return queue->first < PS2_QUEUE_BYTES && queue->count <= PS2_QUEUE_BYTES;
}

static enum cbx_status keyboard_put_event(struct keyboard_state *state, unsigned event)
{
	if (state->event_count >= KEYBOARD_EVENTS)
		return CBX_ERROR_LIMIT;
	state->events[(state->first_event + state->event_count++) % KEYBOARD_EVENTS] =
		(uint16_t)event;
	return CBX_OK;
}

/* ---- Scan codes ----------------------------------------------------------------------- */

static bool keyboard_is_down(const struct keyboard_state *state, unsigned usage)
{
	return state->down[usage >> 3 & 31] >> (usage & 7) & 1;
}

static bool keyboard_either_down(const struct keyboard_state *state, enum keymap_usage left)
{
	return keyboard_is_down(state, left) || keyboard_is_down(state, left + 4u);
}

/* One code of set 2, or what set 1 has in its place. */
static void keyboard_send(struct keyboard_state *state, uint8_t prefix, uint8_t code, bool down)
{
	struct ps2_queue *codes = &state->codes;

	if (prefix)
		ps2_queue_put(codes, prefix);
	if (state->set == 1) {
		ps2_queue_put(codes, (uint8_t)(keymap_translate(code) | (down ? 0 : 0x80)));
		return;
	}
	if (!down)
		ps2_queue_put(codes, 0xf0);
	ps2_queue_put(codes, code);
}

static void keyboard_send_print_screen(struct keyboard_state *state, bool down)
{
	bool bare = keyboard_either_down(state, KEYMAP_LEFT_CONTROL) ||
		    keyboard_either_down(state, KEYMAP_LEFT_SHIFT);

	if (keyboard_either_down(state, KEYMAP_LEFT_ALT)) {
		keyboard_send(state, 0, 0x84, down);    /* SysRq */
		return;
	}
	if (!bare && down)
		keyboard_send(state, 0xe0, 0x12, true);
	keyboard_send(state, 0xe0, 0x7c, down);
	if (!bare && !down)
		keyboard_send(state, 0xe0, 0x12, false);
}

/* Pause sends make and break at once; with Control it is Break. */
static void keyboard_send_pause(struct keyboard_state *state)
{
	if (keyboard_either_down(state, KEYMAP_LEFT_CONTROL)) {
		keyboard_send(state, 0xe0, 0x7e, true);
		keyboard_send(state, 0xe0, 0x7e, false);
		return;
	}
	keyboard_send(state, 0xe1, 0x14, true);
	keyboard_send(state, 0, 0x77, true);
	keyboard_send(state, 0xe1, 0x14, false);
	keyboard_send(state, 0, 0x77, false);
}

static void keyboard_send_set3(struct keyboard_state *state, struct keymap_key key, bool down)
{
	uint8_t kind = state->kinds[key.set3];

	if (!key.set3 || (!down && kind != KEYMAP_MAKE_BREAK && kind != KEYMAP_BOTH))
		return;
	if (!down)
		ps2_queue_put(&state->codes, 0xf0);
	ps2_queue_put(&state->codes, key.set3);
}

static void keyboard_send_key(struct keyboard_state *state, unsigned usage, bool down)
{
	struct keymap_key key = keymap_key(usage);

	if (state->set == 3)
		keyboard_send_set3(state, key, down);
	else if (usage == KEYMAP_PRINT_SCREEN)
		keyboard_send_print_screen(state, down);
	else if (usage != KEYMAP_PAUSE)
		keyboard_send(state, key.extended ? 0xe0 : 0, key.set2, down);
	else if (down)
		keyboard_send_pause(state);
}

static bool keyboard_repeats(const struct keyboard_state *state, unsigned usage)
{
	uint8_t kind = state->kinds[keymap_key(usage).set3];

	if (usage == KEYMAP_PAUSE)
		return false;
	return state->set != 3 || kind == KEYMAP_TYPEMATIC || kind == KEYMAP_BOTH;
}

/* ---- Events ----------------------------------------------------------------------------- */

static void keyboard_start_repeat(struct ps2_keyboard *keyboard, unsigned usage)
{
	uint64_t delay = ((keyboard->state.rate >> 5 & 3) + 1u) * UINT64_C(250000000);

	keyboard->state.repeating = (uint8_t)usage;
	cbx_timer_set(keyboard->repeat, cbx_time(&keyboard->device) + delay);
}

static void keyboard_stop_repeat(struct ps2_keyboard *keyboard)
{
	keyboard->state.repeating = 0;
	cbx_timer_cancel(keyboard->repeat);
}

static void keyboard_do_event(struct ps2_keyboard *keyboard, unsigned event)
{
	struct keyboard_state *state = &keyboard->state;
	unsigned usage = event & EVENT_USAGE;
	uint8_t bit = (uint8_t)(1u << (usage & 7)), *byte = &state->down[usage >> 3];
	bool down = event & EVENT_DOWN;

	if (down == keyboard_is_down(state, usage))
		return;
	*byte = down ? *byte | bit : *byte & (uint8_t)~bit;
	keyboard_send_key(state, usage, down);
	if (down && keyboard_repeats(state, usage))
		keyboard_start_repeat(keyboard, usage);
	else if (down || usage == state->repeating)
		keyboard_stop_repeat(keyboard);
}

/* Turns events into codes until there is one to send. */
static void keyboard_run(struct ps2_keyboard *keyboard)
{
	struct keyboard_state *state = &keyboard->state;
	uint64_t now = cbx_time(&keyboard->device);

	while (state->scanning && !state->codes.count && state->event_count) {
		unsigned event = state->events[state->first_event % KEYBOARD_EVENTS];

		if ((event & EVENT_TYPED) && now < state->typed_time) {
			cbx_timer_set(keyboard->typing, state->typed_time);
			break;
		}
		if (event & EVENT_TYPED)
			state->typed_time = now + KEYBOARD_TYPED_NS;
		state->first_event = (uint16_t)((state->first_event + 1u) % KEYBOARD_EVENTS);
		state->event_count--;
		keyboard_do_event(keyboard, event);
	}
	cbx_line_set(&keyboard->ready, ps2_keyboard_ready(keyboard));
}

static void keyboard_type_more(struct cbx_device *device, unsigned number)
{
	(void)number;
	keyboard_run((struct ps2_keyboard *)device);
}

static void keyboard_repeat(struct cbx_device *device, unsigned number)
{
	struct ps2_keyboard *keyboard = (struct ps2_keyboard *)device;
	struct keyboard_state *state = &keyboard->state;
	uint64_t units = (8u + (state->rate & 7)) << (state->rate >> 3 & 3);

	(void)number;
	if (!state->repeating)
		return;
	/* A guest that is slower than the repetition misses some. */
	if (state->scanning && !state->codes.count)
		keyboard_send_key(state, state->repeating, true);
	cbx_timer_set(keyboard->repeat, cbx_time(device) + units * KEYBOARD_TICK_NS);
	keyboard_run(keyboard);
}

/* ---- Commands ------------------------------------------------------------------------- */

static void keyboard_set_defaults(struct ps2_keyboard *keyboard)
{
	struct keyboard_state *state = &keyboard->state;

	state->codes.count = 0;
	state->rate = KEYBOARD_DEFAULT_RATE;
	state->set = 2;
	for (unsigned i = 0; i < 256; i++)
		state->kinds[i] = (uint8_t)keymap_default_kind((uint8_t)i);
	keyboard_stop_repeat(keyboard);
}

static void keyboard_set_kinds(struct keyboard_state *state, uint8_t kind)
{
	for (unsigned i = 0; i < 256; i++)
		state->kinds[i] = kind;
}

static void keyboard_answer(struct keyboard_state *state, uint8_t byte)
{
	ps2_queue_put(&state->answers, byte);
}

/* F7h-FAh and FBh-FDh: the kind that a command gives to keys. */
static uint8_t keyboard_kind_of(uint8_t command)
{
	static const uint8_t kinds[] = { KEYMAP_TYPEMATIC, KEYMAP_MAKE_BREAK, KEYMAP_MAKE,
					 KEYMAP_BOTH };

	return kinds[(command - (command < 0xfb ? 0xf7u : 0xfbu)) & 3];
}

/* An argument; true when the byte was one. */
static bool keyboard_argument(struct ps2_keyboard *keyboard, uint8_t byte)
{
	struct keyboard_state *state = &keyboard->state;
	uint8_t command = state->command;
	bool is_list = command >= 0xfb;

	/* A command in an argument's place is a command. */
	if (!command || byte >= 0xed) {
		state->command = 0;
		return false;
	}
	if (!is_list)
		state->command = 0;
	keyboard_answer(state, command == 0xf0 && byte > 3 ? KEYBOARD_RESEND : KEYBOARD_ACK);
	if (is_list)
		state->kinds[byte] = keyboard_kind_of(command);
	else if (command == 0xed)
		state->leds = byte & 7;
	else if (command == 0xf3)
		state->rate = byte & 0x7f;
	else if (command == 0xf0 && byte == 0)
		keyboard_answer(state, state->set);
	else if (command == 0xf0 && byte <= 3)
		state->set = byte;
	return true;
}

static void keyboard_command(struct ps2_keyboard *keyboard, uint8_t byte)
{
	struct keyboard_state *state = &keyboard->state;

	switch (byte) {
	case 0xee:                      /* echo */
		keyboard_answer(state, 0xee);
		return;
	case 0xfe:                      /* resend */
		keyboard_answer(state, state->last);
		return;
	case 0xed: case 0xf0: case 0xf3: case 0xfb: case 0xfc: case 0xfd:
		state->command = byte;
		break;
	case 0xf2:                      /* identify */
		keyboard_answer(state, KEYBOARD_ACK);
		keyboard_answer(state, 0xab);
		keyboard_answer(state, 0x83);
		return;
	case 0xf4:                      /* enable */
		state->codes.count = 0;
		state->scanning = 1;
		break;
	case 0xf5:                      /* defaults, and stop */
		keyboard_set_defaults(keyboard);
		state->scanning = 0;
		break;
	case 0xf6:
		keyboard_set_defaults(keyboard);
		break;
	case 0xf7: case 0xf8: case 0xf9: case 0xfa:
		keyboard_set_kinds(state, keyboard_kind_of(byte));
		break;
	case 0xff:
		keyboard_set_defaults(keyboard);
		state->scanning = 0;
		state->leds = 0;
		state->answers.count = 0;
		cbx_timer_set(keyboard->bat, cbx_time(&keyboard->device) + KEYBOARD_BAT_NS);
		break;
	default:
		keyboard_answer(state, KEYBOARD_RESEND);
		return;
	}
	keyboard_answer(state, KEYBOARD_ACK);
}

void ps2_keyboard_write(struct ps2_keyboard *keyboard, uint8_t byte)
{
	if (!keyboard_argument(keyboard, byte))
		keyboard_command(keyboard, byte);
	keyboard_run(keyboard);
}

static void keyboard_bat(struct cbx_device *device, unsigned number)
{
	struct ps2_keyboard *keyboard = (struct ps2_keyboard *)device;

	(void)number;
	keyboard_answer(&keyboard->state, KEYBOARD_PASSED);
	keyboard->state.scanning = 1;
	keyboard_run(keyboard);
}

/* ---- The controller's and the host's side ---------------------------------------------- */

bool ps2_keyboard_ready(const struct ps2_keyboard *keyboard)
{
	return keyboard->state.answers.count || keyboard->state.codes.count;
}

uint8_t ps2_keyboard_take(struct ps2_keyboard *keyboard)
{
	struct keyboard_state *state = &keyboard->state;
	uint8_t byte = ps2_queue_take(state->answers.count ? &state->answers : &state->codes);

	state->last = byte;
	keyboard_run(keyboard);
	return byte;
}

enum cbx_status ps2_keyboard_key(struct ps2_keyboard *keyboard, unsigned usage, bool down)
{
	enum cbx_status status;

	if (!keymap_key(usage).set2)
		return CBX_ERROR_ARGUMENT;
	status = keyboard_put_event(&keyboard->state, usage | (down ? EVENT_DOWN : 0u));
	keyboard_run(keyboard);
	return status;
}

static void keyboard_type_key(struct keyboard_state *state, unsigned usage, bool shift)
{
	if (shift)
		keyboard_put_event(state, KEYMAP_LEFT_SHIFT | EVENT_DOWN | EVENT_TYPED);
	keyboard_put_event(state, usage | EVENT_DOWN | EVENT_TYPED);
	keyboard_put_event(state, usage | EVENT_TYPED);
	if (shift)
		keyboard_put_event(state, KEYMAP_LEFT_SHIFT | EVENT_TYPED);
}

enum cbx_status ps2_keyboard_type(struct ps2_keyboard *keyboard, const char *text)
{
	struct keyboard_state *state = &keyboard->state;
	size_t needed = 0;
	bool shift;

	for (const char *at = text; *at; at++)
		if (keymap_usage_of((uint8_t)*at, &shift))
			needed += shift ? 4 : 2;
	if (needed > KEYBOARD_EVENTS - state->event_count)
		return CBX_ERROR_LIMIT;
	for (const char *at = text; *at; at++) {
		unsigned usage = keymap_usage_of((uint8_t)*at, &shift);

		if (usage)
			keyboard_type_key(state, usage, shift);
	}
	keyboard_run(keyboard);
	return CBX_OK;
}

/* ---- Life ----------------------------------------------------------------------------- */

static void keyboard_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct ps2_keyboard *keyboard = (struct ps2_keyboard *)device;

	/* The keyboard has its own power: the machine's reset does not reach it. */
	if (kind == CBX_RESET_WARM) {
		cbx_line_set(&keyboard->ready, ps2_keyboard_ready(keyboard));
		return;
	}
	memset(&keyboard->state, 0, sizeof(keyboard->state));
	keyboard_set_defaults(keyboard);
	keyboard->state.scanning = 1;
	cbx_timer_cancel(keyboard->bat);
	cbx_timer_cancel(keyboard->typing);
	cbx_line_set(&keyboard->ready, false);
}

static bool keyboard_check(const struct cbx_device *device, const void *bytes)
{
	const struct keyboard_state *state = bytes;
	bool good = ps2_queue_check(&state->answers) && ps2_queue_check(&state->codes) &&
		    state->first_event < KEYBOARD_EVENTS && state->event_count <= KEYBOARD_EVENTS &&
		    state->set >= 1 && state->set <= 3 && state->scanning <= 1 &&
		    state->leds <= 7 && state->rate <= 0x7f;

	(void)device;
	good = good && (!state->repeating || keymap_key(state->repeating).set2) &&
	       (!state->command || (state->command >= 0xed && state->command <= 0xfd)) &&
	       state->typed_time < INT64_MAX;
	for (unsigned i = 0; good && i < KEYBOARD_EVENTS; i++)
		good = state->events[i] <= EVENT_BITS &&
		       (!state->events[i] || keymap_key(state->events[i] & EVENT_USAGE).set2);
	for (unsigned i = 0; good && i < 256; i++)
		good = state->kinds[i] <= KEYMAP_BOTH;
	return good;
}

static const struct cbx_device_type keyboard_type = {
	.name = "ps2_keyboard",
	.version = 1,
	.size = sizeof(struct ps2_keyboard),
	.state_offset = offsetof(struct ps2_keyboard, state),
	.state_size = sizeof(struct keyboard_state),
	.fields = keyboard_fields,
	.reset = keyboard_reset,
	.check = keyboard_check,
};

enum cbx_status ps2_keyboard_new(struct cbx_machine *machine, struct cbx_line ready,
				 struct ps2_keyboard **keyboard)
{
	struct cbx_device *device;
	struct ps2_keyboard *made;
	enum cbx_status status = cbx_device_new(machine, &keyboard_type, &device);

	if (status != CBX_OK)
		return status;
	made = (struct ps2_keyboard *)device;
	made->ready = ready;
	status = cbx_timer_new(device, "repeat", keyboard_repeat, 0, &made->repeat);
	if (status == CBX_OK)
		status = cbx_timer_new(device, "bat", keyboard_bat, 0, &made->bat);
	if (status == CBX_OK)
		status = cbx_timer_new(device, "typing", keyboard_type_more, 0, &made->typing);
	*keyboard = made;
	return status;
}
