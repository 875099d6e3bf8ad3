/*
 * Keys of a window.  SDL numbers keys by place, as USB does (HID Usage Tables, page 07h), so the
 * guest gets the key that was pressed, whatever stands on it.
 */
#include "window_keys.h"

enum { USAGE_F = 0x09, USAGE_G = 0x0a, USAGE_V = 0x19, LEFT_CTRL = 0xe0, MODIFIERS = 8 };

uint8_t window_key_usage(int scancode)
{
	/* What SDL has beyond is of the consumer page: volume, media, sleep. */
	if ((scancode >= 0x04 && scancode <= 0xa4) || (scancode >= 0xe0 && scancode <= 0xe7))
		return (uint8_t)scancode;
	return 0;
}

/* Left or right. */
static bool held(const struct window_keys *keys, unsigned modifier)
{
	return keys->down[LEFT_CTRL + modifier] || keys->down[LEFT_CTRL + 4 + modifier];
}

static enum window_key own(const struct window_keys *keys, uint8_t usage)
{
	bool ctrl = held(keys, 0), shift = held(keys, 1), alt = held(keys, 2), gui = held(keys, 3);

	if (usage == keys->menu && !ctrl && !shift && !alt && !gui)
		return WINDOW_KEY_MENU;
	if (!ctrl || !alt || shift || gui)
		return WINDOW_KEY_GUEST;
	switch (usage) {
	case USAGE_F:
		return WINDOW_KEY_FULL_SCREEN;
	case USAGE_G:
		return WINDOW_KEY_RELEASE;
	case USAGE_V:
		return WINDOW_KEY_PASTE;
	default:
		return WINDOW_KEY_GUEST;
	}
}

enum window_key window_key(struct window_keys *keys, uint8_t usage, bool down, bool repeat)
{
	enum window_key what;

	if (!usage || repeat)
		return WINDOW_KEY_NOTHING;      /* the guest's keyboard repeats by itself */
	if (!down) {
		bool was_down = keys->down[usage];

		keys->down[usage] = keys->kept[usage] = false;
		return was_down ? WINDOW_KEY_GUEST : WINDOW_KEY_NOTHING;
	}
	if (keys->down[usage] || keys->kept[usage])
		return WINDOW_KEY_NOTHING;
	what = own(keys, usage);
	if (what == WINDOW_KEY_GUEST)
		keys->down[usage] = true;
	else
		keys->kept[usage] = true;
	return what;
}

uint8_t window_key_let_go(struct window_keys *keys)
{
	for (unsigned usage = 0; usage < 256; usage++) {
		keys->kept[usage] = false;
		if (keys->down[usage]) {
			keys->down[usage] = false;
			return (uint8_t)usage;
		}
	}
	return 0;
}
