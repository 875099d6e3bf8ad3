/* Keys on their way to the guest: from characters, names and a terminal's escape sequences. */
#ifndef FRONTEND_KEYS_H
#define FRONTEND_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cbx_machine;

/* A key with the modifiers held: USB HID usage; 0 for none. */
struct key {
	uint8_t usage;
	bool shift, ctrl, alt;
};

/* The key that makes this ASCII character (control characters included) on a US keyboard. */
struct key key_of_ascii(unsigned character);
/* "f2", "ctrl-alt-del", "shift-tab"; usage 0 if there is no such key. */
struct key key_of_name(const char *name, size_t length);

/* Keys that wait.  They are pressed one at a time, with a pause of guest time after each. */
enum { KEY_QUEUE = 4096 };
struct key_queue {
	struct key keys[KEY_QUEUE];
	unsigned first, count;
	uint64_t next_time;             /* guest time before which no key is pressed */
	uint8_t pending[12];            /* events of the current key: usage; up if bit set below */
	uint16_t pending_up;
	unsigned pending_first, pending_count;
};

/* Drops the key when thousands wait already. */
void key_queue_add(struct key_queue *queue, struct key key);
/* Adds text with the escapes of -type.  False: an escape is wrong (position in *wrong). */
bool key_queue_add_text(struct key_queue *queue, const char *text, const char **wrong);
/* Gives the machine what is due now; false: nothing was. */
bool key_queue_feed(struct key_queue *queue, struct cbx_machine *machine);
/*
 * Guest time when there is something to feed, now being that of now; UINT64_MAX: nothing waits.
 * When the guest has been set back in time, nothing waits for what its time was before.
 */
uint64_t key_queue_due(const struct key_queue *queue, uint64_t now);

#endif
