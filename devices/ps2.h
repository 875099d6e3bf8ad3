/*
 * The PS/2 keyboard and mouse, as the 8042 sees them: devices that take command bytes
 * and have bytes to send.  A device raises its ready line while it has any; the
 * controller takes them when its own buffer is free.
 */
#ifndef DEVICES_PS2_H
#define DEVICES_PS2_H

#include <clearbox/device.h>

/* Bytes on their way out.  Putting into a full queue, or taking from an empty one, does nothing. */
#define PS2_QUEUE_BYTES 32u
struct ps2_queue {
	uint8_t bytes[PS2_QUEUE_BYTES];
	uint8_t first, count;
};
extern const struct cbx_field ps2_queue_fields[];
void ps2_queue_put(struct ps2_queue *queue, uint8_t byte);
uint8_t ps2_queue_take(struct ps2_queue *queue);
bool ps2_queue_check(const struct ps2_queue *queue);

struct ps2_keyboard;
enum cbx_status ps2_keyboard_new(struct cbx_machine *machine, struct cbx_line ready,
				 struct ps2_keyboard **keyboard);
void ps2_keyboard_write(struct ps2_keyboard *keyboard, uint8_t byte);
bool ps2_keyboard_ready(const struct ps2_keyboard *keyboard);
uint8_t ps2_keyboard_take(struct ps2_keyboard *keyboard);
/* A key (USB HID usage) goes down or up; see cbx_key. */
enum cbx_status ps2_keyboard_key(struct ps2_keyboard *keyboard, unsigned usage, bool down);
/* See cbx_type_text.  Nothing is typed when not all of it has room. */
enum cbx_status ps2_keyboard_type(struct ps2_keyboard *keyboard, const char *text);

struct ps2_mouse;
enum cbx_status ps2_mouse_new(struct cbx_machine *machine, struct cbx_line ready,
			      struct ps2_mouse **mouse);
void ps2_mouse_write(struct ps2_mouse *mouse, uint8_t byte);
bool ps2_mouse_ready(const struct ps2_mouse *mouse);
uint8_t ps2_mouse_take(struct ps2_mouse *mouse);
/* See cbx_mouse. */
enum cbx_status ps2_mouse_move(struct ps2_mouse *mouse, int dx, int dy, int wheel,
			       unsigned buttons);

#endif
