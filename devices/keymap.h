/* Keys: from USB HID usages and characters to PS/2 scan codes. */
#ifndef DEVICES_KEYMAP_H
#define DEVICES_KEYMAP_H

#include <stdbool.h>
#include <stdint.h>

/* Usages that the keyboard treats in ways of their own. */
enum keymap_usage {
	KEYMAP_PRINT_SCREEN = 0x46, KEYMAP_PAUSE = 0x48, KEYMAP_ENTER = 0x28,
	KEYMAP_LEFT_CONTROL = 0xe0, KEYMAP_LEFT_SHIFT, KEYMAP_LEFT_ALT, KEYMAP_LEFT_GUI,
	KEYMAP_RIGHT_CONTROL, KEYMAP_RIGHT_SHIFT, KEYMAP_RIGHT_ALT, KEYMAP_RIGHT_GUI,
	KEYMAP_USAGES = 0xe8
};

struct keymap_key {
	uint8_t set2;                   /* code in set 2; 0: there is no such key */
	uint8_t extended;               /* set 2 and set 1 put E0h before it */
	uint8_t set3;
};

/* All zero for a usage that no key has. */
struct keymap_key keymap_key(unsigned usage);

/* What the 8042 makes of a set 2 byte when it translates: the code in set 1. */
uint8_t keymap_translate(uint8_t set2);

/* The key of the US layout that types a byte; 0: none does.  *shift: with Shift held. */
unsigned keymap_usage_of(uint8_t character, bool *shift);

/* What a key of set 3 sends: codes when it repeats, when it is let go, neither, or both. */
enum keymap_kind { KEYMAP_TYPEMATIC, KEYMAP_MAKE_BREAK, KEYMAP_MAKE, KEYMAP_BOTH };
/* How a key behaves after power-on. */
enum keymap_kind keymap_default_kind(uint8_t set3);

#endif
