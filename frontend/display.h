/* Where the guest's screen is shown and its keys come from. */
#ifndef FRONTEND_DISPLAY_H
#define FRONTEND_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys.h"

struct cbx_machine;
struct display;
struct options;
struct session;

/* DISPLAY_DELIVERED: the machine was given keys or mouse. */
enum display_event { DISPLAY_NOTHING, DISPLAY_QUIT, DISPLAY_POWER_BUTTON, DISPLAY_DELIVERED };

/* A display begins with this. */
struct display {
	/* Draws what has changed; called once an interval while the machine runs. */
	void (*update)(struct display *display, struct cbx_machine *machine);
	/* The host's file to wait on for input, -1: none. */
	int input_fd;
	/* Reads what is there and adds keys; now is host time in ns. */
	enum display_event (*input)(struct display *display, struct key_queue *keys, uint64_t now);
	/* Host time at which input should be called even if nothing arrives; UINT64_MAX: never. */
	uint64_t (*deadline)(const struct display *display);
	/* Gives the terminal back and frees. */
	void (*close)(struct display *display);
	bool person;                    /* somebody looks at it: the program stays when the guest has halted */
	uint64_t interval;              /* ns of the host from one update to the next */
	/* In a terminal, Ctrl-A C: what is typed is the monitor's, and nothing is drawn. */
	bool monitor;
	uint8_t to_monitor[256];
	size_t monitor_count;
};

/*
 * The display that the session's options name, or the best there is: a window, else this terminal
 * (unless a port of the guest uses it), else none.  NULL: that one cannot be opened, which was said.
 */
struct display *display_open(struct session *session, bool stdio_used);

/* Is a window what display_open will try first? */
bool display_may_be_window(const struct options *options);
struct display *display_none_open(void);
/* Complains and gives NULL if there is no terminal. */
struct display *display_terminal_open(void);
/* A window; NULL: why says why not. */
struct display *display_sdl_open(struct session *session, char *why, size_t size);

#endif
