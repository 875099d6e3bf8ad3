/* Inside of the window, shared by the display_sdl*.c files. */
#ifndef FRONTEND_DISPLAY_SDL_H
#define FRONTEND_DISPLAY_SDL_H

#include <SDL.h>

#include <clearbox/machine.h>
#include <clearbox/screen.h>

#include "display.h"
#include "menu.h"
#include "scale.h"
#include "session.h"
#include "window_keys.h"

struct window {
	struct display display;
	struct session *session;
	SDL_Window *window;
	SDL_Renderer *renderer;
	bool software;                  /* it draws without a graphics card */

	/* The guest's picture: display_sdl.c. */
	struct cbx_machine *machine;    /* whose picture it is */
	struct cbx_screen screen;
	uint64_t version;               /* of what is in pixels, 0: nothing is */
	uint32_t *pixels, *shown;       /* as drawn, and as the texture has it: width dots a line */
	uint8_t *changed;
	size_t room;                    /* in dots */
	SDL_Texture *picture, *sharp;   /* the picture; the same with dots made larger by whole numbers */
	int sharp_width, sharp_height;
	bool redraw;                    /* all of the window */
	bool integer, full_screen, hidden;
	int own_width, own_height;      /* the window's size as we made it */

	/* Text over the picture: display_sdl_text.c. */
	SDL_Texture *font;
	struct menu menu;
	struct menu_cell menu_cells[MENU_ROWS][MENU_COLUMNS];   /* as they are shown */
	bool menu_shown, paused_shown;
	uint64_t message_number, message_end;   /* what is shown, until when (host ns); 0: nothing is */

	/* Keys, mouse, clipboard: display_sdl_input.c. */
	struct window_keys keys;
	bool grabbed;
	int dx, dy, wheel;
	unsigned buttons;
	bool mouse_changed;
	char *paste;
	size_t paste_at;
	uint64_t paste_time;            /* guest time of the next piece */
	uint64_t poll_time;             /* host time of the last look at events */

	/* The title: display_sdl.c. */
	char title[512];
	uint64_t title_host, title_guest, title_instructions;
	uint64_t accesses[DRIVES], frames[CBX_CARDS];
};

/* display_sdl.c */
void window_full_screen(struct window *w, bool on);

/* display_sdl_text.c: all sizes in the window's dots. */
bool window_text_open(struct window *w);
/* What lies over the picture has changed since it was drawn. */
bool window_text_changed(struct window *w, uint64_t now);
void window_text_draw(struct window *w);
/* The menu's cell under a place in the window; false: none is there. */
bool window_menu_cell(const struct window *w, int x, int y, unsigned *column, unsigned *row);

/* display_sdl_input.c */
enum display_event window_input(struct display *display, struct key_queue *keys, uint64_t now);
uint64_t window_deadline(const struct display *display);
void window_release(struct window *w);

#endif
