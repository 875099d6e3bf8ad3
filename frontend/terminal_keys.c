/*
 * Terminal input: ASCII, Escape before a character for Alt, and the sequences of ECMA-48
 * and xterm for the other keys, with xterm's modifier parameter.
 */
#include "terminal_keys.h"

#include <string.h>

static struct key named(const char *name)
{
	return key_of_name(name, strlen(name));
}

/* CSI number ~ */
static struct key numbered(unsigned number)
{
	static const char *const names[] = {
		[1] = "home", [2] = "insert", [3] = "delete", [4] = "end", [5] = "pageup",
		[6] = "pagedown", [7] = "home", [8] = "end", [11] = "f1", [12] = "f2", [13] = "f3",
		[14] = "f4", [15] = "f5", [17] = "f6", [18] = "f7", [19] = "f8", [20] = "f9",
		[21] = "f10", [23] = "f11", [24] = "f12"
	};

	if (number >= sizeof(names) / sizeof(names[0]) || !names[number])
		return (struct key){ 0 };
	return named(names[number]);
}

/* CSI letter, SS3 letter */
static struct key lettered(uint8_t letter)
{
	switch (letter) {
	case 'A':
		return named("up");
	case 'B':
		return named("down");
	case 'C':
		return named("right");
	case 'D':
		return named("left");
	case 'F':
		return named("end");
	case 'H':
		return named("home");
	case 'P':
	case 'Q':
	case 'R':
	case 'S':
		return (struct key){ .usage = (uint8_t)(0x3a + letter - 'P') };
	case 'Z':
		return named("shift-tab");
	case 'M':
		return named("enter");
	default:
		return (struct key){ 0 };
	}
}

static size_t sequence(const uint8_t *bytes, size_t count, bool last, struct key *key)
{
	unsigned number[2] = { 0, 1 }, n = 0;
	size_t at = 2;

	/* The Linux console's F1 to F5. */
	if (count > 2 && bytes[1] == '[' && bytes[2] == '[') {
		if (count < 4)
			return last ? count : TERMINAL_INCOMPLETE;
		if (bytes[3] >= 'A' && bytes[3] <= 'E')
			key->usage = (uint8_t)(0x3a + bytes[3] - 'A');
		return 4;
	}
	for (; at < count && bytes[at] >= 0x20 && bytes[at] < 0x40; at++) {
		if (bytes[at] == ';') {
			if (++n < 2)
				number[n] = 0;
		} else if (bytes[at] >= '0' && bytes[at] <= '9' && n < 2 && number[n] < 1000) {
			number[n] = number[n] * 10 + bytes[at] - '0';
		}
	}
	if (at == count) {
		if (!last && count < 32)
			return TERMINAL_INCOMPLETE;
		if (count != 2)
			return count;
		*key = key_of_ascii(bytes[1]);          /* Alt-[ or Alt-O after all */
		key->alt = true;
		return 2;
	}
	*key = bytes[at] == '~' ? numbered(number[0]) : lettered(bytes[at]);
	if (number[1] > 1 && number[1] <= 16) {
		key->shift = key->shift || (number[1] - 1) & 1;
		key->alt = (number[1] - 1) & 2;
		key->ctrl = (number[1] - 1) & 4;
	}
	return at + 1;
}

size_t terminal_key(const uint8_t *bytes, size_t count, bool last, struct key *key)
{
	memset(key, 0, sizeof(*key));
	if (!count)
		return TERMINAL_INCOMPLETE;
	if (bytes[0] >= 0x80) {
		/* UTF-8: no key of a US keyboard. */
		size_t length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : bytes[0] >= 0xc0 ? 2 : 1;

		if (count >= length)
			return length;
		return last ? count : TERMINAL_INCOMPLETE;
	}
	if (bytes[0] != 0x1b) {
		*key = key_of_ascii(bytes[0] == '\n' ? 'j' : bytes[0]);
		if (bytes[0] == '\n')
			key->ctrl = true;       /* Enter is \r in raw mode, so this is Ctrl-J */
		return 1;
	}
	if (count == 1) {
		if (!last)
			return TERMINAL_INCOMPLETE;
		*key = key_of_ascii(0x1b);
		return 1;
	}
	if (bytes[1] == '[' || bytes[1] == 'O')
		return sequence(bytes, count, last, key);
	if (bytes[1] == 0x1b) {
		*key = key_of_ascii(0x1b);
		return 1;
	}
	*key = key_of_ascii(bytes[1] < 0x80 ? bytes[1] : 0);
	if (!key->usage)
		return 1;
	key->alt = true;
	return 2;
}

size_t terminal_mouse_report(const uint8_t *bytes, size_t count, struct terminal_mouse *mouse)
{
	unsigned number[3] = { 0 }, n = 0;
	size_t at = 3;

	if (count < 3 || memcmp(bytes, "\x1b[<", 3))
		return count == 2 && !memcmp(bytes, "\x1b[", 2) ? TERMINAL_INCOMPLETE :
		       TERMINAL_OTHER;
	for (; at < count && at < 32; at++) {
		if (bytes[at] == ';' && n < 2)
			n++;
		else if (bytes[at] >= '0' && bytes[at] <= '9' && number[n] < 10000)
			number[n] = number[n] * 10 + bytes[at] - '0';
		else
			break;
	}
	if (at == count)
		return count < 32 ? TERMINAL_INCOMPLETE : count;
	*mouse = (struct terminal_mouse){ .button = 3 };
	if ((bytes[at] != 'M' && bytes[at] != 'm') || n != 2)
		return at + 1;
	mouse->column = number[1] ? number[1] - 1 : 0;
	mouse->row = number[2] ? number[2] - 1 : 0;
	mouse->motion = number[0] & 32;
	if (number[0] & 64)
		mouse->wheel = (number[0] & 3) == 0 ? -1 : (number[0] & 3) == 1 ? 1 : 0;
	else
		mouse->button = number[0] & 3;
	mouse->down = bytes[at] == 'M' && mouse->button < 3 && !mouse->wheel;
	return at + 1;
}
