/* A window's keyboard: which keys go to the guest, and which are the window's own. */
#ifndef FRONTEND_WINDOW_KEYS_H
#define FRONTEND_WINDOW_KEYS_H

#include <stdbool.h>
#include <stdint.h>

/* What becomes of a key. */
enum window_key {
	WINDOW_KEY_GUEST,               /* it goes to the guest */
	WINDOW_KEY_NOTHING,             /* nobody gets it */
	WINDOW_KEY_MENU,
	WINDOW_KEY_RELEASE,             /* Ctrl-Alt-G: the mouse */
	WINDOW_KEY_FULL_SCREEN,         /* Ctrl-Alt-F */
	WINDOW_KEY_PASTE                /* Ctrl-Alt-V */
};

struct window_keys {
	uint8_t menu;                   /* the usage of the key that opens the menu */
	bool down[256];                 /* as the guest knows it, by usage */
	bool kept[256];                 /* pressed, and kept from the guest */
};

/* The USB HID usage of an SDL scan code, 0: none that a keyboard has. */
uint8_t window_key_usage(int scancode);

/* A key goes down (repeat: it has been down) or up.  The menu key with a modifier is the guest's. */
enum window_key window_key(struct window_keys *keys, uint8_t usage, bool down, bool repeat);

/* A key that the guest must be told is up now, when the keyboard's focus is lost; 0: no more. */
uint8_t window_key_let_go(struct window_keys *keys);

#endif
