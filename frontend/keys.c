/* Keys on their way to the guest.  Usages are those of the USB HID tables, page 07h. */
#include "keys.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <clearbox/input.h>
#include <clearbox/machine.h>

enum { KEY_LEFT_CTRL = 0xe0, KEY_LEFT_SHIFT = 0xe1, KEY_LEFT_ALT = 0xe2 };

/* Faster than any typist, slow enough for a BIOS with room for fifteen keys. */
static const uint64_t key_pause = 15 * 1000000;

struct key key_of_ascii(unsigned c)
{
	/* From usage 1Eh on: digits, Enter, Escape, Backspace, Tab, space, then these. */
	static const char plain[] = "1234567890\n\x1b\b\t -=[]\\\0;'`,./";
	static const char shifted[] = "!@#$%^&*()\0\0\0\0\0_+{}|\0:\"~<>?";
	struct key key = { 0 };

	if (c == '\r')
		c = '\n';
	if (c == 0x7f)
		c = '\b';
	if (c >= 0x80)
		return key;
	if (isalpha((int)c)) {
		key.usage = (uint8_t)(4 + tolower((int)c) - 'a');
		key.shift = isupper((int)c) != 0;
		return key;
	}
	for (unsigned i = 0; c && i < sizeof(plain) - 1; i++) {
		if ((unsigned char)plain[i] != c && (unsigned char)shifted[i] != c)
			continue;
		key.usage = (uint8_t)(0x1e + i);
		key.shift = (unsigned char)plain[i] != c;
		return key;
	}
	/* What is left are control characters. */
	if (c < 0x20) {
		key = key_of_ascii(c ? c | 0x40 : ' ');
		if (c && c <= 26)
			key.shift = false;
		key.ctrl = true;
	}
	return key;
}

struct key key_of_name(const char *name, size_t length)
{
	static const struct {
		const char *name;
		uint8_t usage;
	} names[] = {
		{ "enter", 0x28 }, { "ret", 0x28 }, { "esc", 0x29 }, { "backspace", 0x2a },
		{ "tab", 0x2b }, { "space", 0x2c }, { "caps", 0x39 }, { "print", 0x46 },
		{ "scroll", 0x47 }, { "pause", 0x48 }, { "insert", 0x49 }, { "ins", 0x49 },
		{ "home", 0x4a }, { "pageup", 0x4b }, { "pgup", 0x4b }, { "delete", 0x4c },
		{ "del", 0x4c }, { "end", 0x4d }, { "pagedown", 0x4e }, { "pgdn", 0x4e },
		{ "right", 0x4f }, { "left", 0x50 }, { "down", 0x51 }, { "up", 0x52 },
		/* QEMU's names for keys that have a character */
		{ "spc", 0x2c }, { "minus", 0x2d }, { "equal", 0x2e }, { "bracket_left", 0x2f },
		{ "bracket_right", 0x30 }, { "backslash", 0x31 }, { "semicolon", 0x33 }, { "apostrophe", 0x34 },
		{ "grave_accent", 0x35 }, { "comma", 0x36 }, { "dot", 0x37 }, { "slash", 0x38 }, { "less", 0x64 },
		{ "caps_lock", 0x39 }, { "sysrq", 0x46 }, { "scroll_lock", 0x47 }, { "num_lock", 0x53 },
		{ "kp_divide", 0x54 }, { "kp_multiply", 0x55 }, { "kp_subtract", 0x56 }, { "kp_add", 0x57 },
		{ "kp_enter", 0x58 }, { "kp_1", 0x59 }, { "kp_2", 0x5a }, { "kp_3", 0x5b }, { "kp_4", 0x5c },
		{ "kp_5", 0x5d }, { "kp_6", 0x5e }, { "kp_7", 0x5f }, { "kp_8", 0x60 }, { "kp_9", 0x61 },
		{ "kp_0", 0x62 }, { "kp_decimal", 0x63 }, { "meta_l", 0xe3 }, { "meta_r", 0xe7 },
		{ "num", 0x53 }, { "menu", 0x65 }, { "win", 0xe3 }, { "ctrl", KEY_LEFT_CTRL },
		{ "shift", KEY_LEFT_SHIFT }, { "alt", KEY_LEFT_ALT }
	};
	struct key key = { 0 };

	for (;;) {
		if (length > 5 && !strncasecmp(name, "ctrl-", 5)) {
			key.ctrl = true;
			name += 5;
			length -= 5;
		} else if (length > 4 && !strncasecmp(name, "alt-", 4)) {
			key.alt = true;
			name += 4;
			length -= 4;
		} else if (length > 6 && !strncasecmp(name, "shift-", 6)) {
			key.shift = true;
			name += 6;
			length -= 6;
		} else {
			break;
		}
	}
	if (length == 1) {
		struct key one = key_of_ascii((unsigned char)*name);

		key.usage = one.usage;
		key.shift = key.shift || one.shift;
		return key;
	}
	if (tolower((unsigned char)*name) == 'f' && length <= 3) {
		unsigned n = 0;

		for (size_t i = 1; i < length; i++)
			n = isdigit((unsigned char)name[i]) ? n * 10 + (unsigned)(name[i] - '0') : 99;
		if (n >= 1 && n <= 12) {
			key.usage = (uint8_t)(0x3a + n - 1);
			return key;
		}
	}
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == length && !strncasecmp(name, names[i].name, length))
			key.usage = names[i].usage;
	return key;
}

/* ---- The queue ---------------------------------------------------------------------- */

void key_queue_add(struct key_queue *queue, struct key key)
{
	if (!key.usage || queue->count == KEY_QUEUE)
		return;
	queue->keys[(queue->first + queue->count++) % KEY_QUEUE] = key;
}

bool key_queue_add_text(struct key_queue *queue, const char *text, const char **wrong)
{
	for (; *text; text++) {
		const char *end;
		struct key key;

		*wrong = text;
		if (*text != '\\') {
			key_queue_add(queue, key_of_ascii((unsigned char)*text));
			continue;
		}
		switch (*++text) {
		case 'n':
			key = key_of_ascii('\n');
			break;
		case 't':
			key = key_of_ascii('\t');
			break;
		case 'b':
			key = key_of_ascii('\b');
			break;
		case 'e':
			key = key_of_ascii(0x1b);
			break;
		case '\\':
			key = key_of_ascii('\\');
			break;
		case '{':
			end = strchr(text, '}');
			if (!end)
				return false;
			key = key_of_name(text + 1, (size_t)(end - text - 1));
			if (!key.usage)
				return false;
			text = end;
			break;
		default:
			return false;
		}
		key_queue_add(queue, key);
	}
	return true;
}

static void put(struct key_queue *queue, unsigned usage, bool up)
{
	queue->pending[queue->pending_count] = (uint8_t)usage;
	if (up)
		queue->pending_up |= (uint16_t)(1u << queue->pending_count);
	queue->pending_count++;
}

/* The events of one key: modifiers down, the key down and up, modifiers up. */
static void start(struct key_queue *queue, struct key key)
{
	queue->pending_first = queue->pending_count = 0;
	queue->pending_up = 0;
	for (unsigned up = 0; up < 2; up++) {
		if (up)
			put(queue, key.usage, true);
		if (key.ctrl)
			put(queue, KEY_LEFT_CTRL, up);
		if (key.alt)
			put(queue, KEY_LEFT_ALT, up);
		if (key.shift)
			put(queue, KEY_LEFT_SHIFT, up);
		if (!up)
			put(queue, key.usage, false);
	}
}

uint64_t key_queue_due(const struct key_queue *queue, uint64_t now)
{
	if (queue->pending_first == queue->pending_count && !queue->count)
		return UINT64_MAX;
	return queue->next_time > now + key_pause ? now : queue->next_time;
}

bool key_queue_feed(struct key_queue *queue, struct cbx_machine *machine)
{
	uint64_t now = cbx_guest_time(machine);

	if (key_queue_due(queue, now) > now)
		return false;
	if (queue->pending_first == queue->pending_count) {
		start(queue, queue->keys[queue->first]);
		queue->first = (queue->first + 1) % KEY_QUEUE;
		queue->count--;
	}
	while (queue->pending_first < queue->pending_count) {
		unsigned n = queue->pending_first;

		if (cbx_key(machine, queue->pending[n], !(queue->pending_up >> n & 1)) ==
		    CBX_ERROR_LIMIT)
			break;          /* its buffer is full: the rest goes later */
		queue->pending_first++;
	}
	queue->next_time = now + key_pause;
	return true;
}
