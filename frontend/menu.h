/*
 * The menu that a window lays over the guest's screen.  It is made of character cells and knows
 * nothing of the window; what it does to the machine it does by monitor_execute.
 */
#ifndef FRONTEND_MENU_H
#define FRONTEND_MENU_H

#include <stdbool.h>
#include <stdint.h>

#include "file_list.h"

struct session;

enum { MENU_COLUMNS = 60, MENU_ROWS = 24, MENU_ITEMS = 24 };

/* How a cell looks. */
enum menu_look { MENU_PLAIN, MENU_CHOSEN, MENU_FAINT, MENU_FRAME, MENU_HEAD, MENU_LOOKS };

struct menu_cell {
	uint8_t character;              /* code page 437 */
	uint8_t look;
};

/* What the window has to do after a key. */
enum menu_wish { MENU_NOTHING, MENU_CLOSE, MENU_PASTE, MENU_SEND_KEY, MENU_FULL_SCREEN, MENU_SCALING };

struct menu_item {
	char text[120];
	char key[16];                   /* shown at the right */
	uint8_t action, drive;
};

struct menu {
	struct session *session;
	const char *menu_key;           /* its name, for the texts */
	bool open, full_screen, integer;
	/* A list of items, or of files. */
	enum { MENU_MAIN, MENU_MEDIUM, MENU_STATE } page;
	struct menu_item items[MENU_ITEMS];
	unsigned count, chosen, top;
	unsigned main_chosen;           /* on the main page, while another is shown */
	unsigned drive;                 /* the one whose medium is chosen */
	struct file_list files;
	char typed[32];                 /* letters that lead to a file */
	uint64_t typed_time;
	char message[512];              /* what the last command said */
	uint64_t message_number;        /* grows with each */
};

void menu_open(struct menu *menu);
void menu_close(struct menu *menu);
/* A key, by its USB HID usage; now is host time in ns. */
enum menu_wish menu_key(struct menu *menu, unsigned usage, uint64_t now);
/* Does a key that is held down go on?  Those that move about do. */
bool menu_key_repeats(unsigned usage);
/* The mouse is at a cell; click: its button goes down there. */
enum menu_wish menu_point(struct menu *menu, unsigned column, unsigned row, bool click, uint64_t now);
/* The wheel: a step down (1) or up (-1). */
void menu_wheel(struct menu *menu, int step);
/* The message as it is shown: code page 437, and ends of lines. */
void menu_message(const struct menu *menu, char *text, size_t size);
void menu_draw(const struct menu *menu, struct menu_cell cells[MENU_ROWS][MENU_COLUMNS]);

/* A file from outside: by its size and contents into drive A or the CD drive, or says why not. */
void menu_insert(struct menu *menu, const char *path);
/* Something to say, as after a command. */
void menu_say(struct menu *menu, const char *format, ...)
#if defined(__GNUC__)
	__attribute__((format(printf, 2, 3)))
#endif
	;

#endif
