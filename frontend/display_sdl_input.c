/* A window's events: keys, mouse, clipboard, files dropped, what the host does with the window. */
#include "display_sdl.h"

#include <stdlib.h>
#include <string.h>

#include <clearbox/input.h>

enum { PASTE_PIECE = 16 };

/* A key of typed text takes two to four events of 5 ms (devices/ps2_keyboard.c). */
static const uint64_t paste_pause = PASTE_PIECE * UINT64_C(20000000);
/* Nothing tells of events while the program sleeps, so it looks this often. */
static const uint64_t poll_pause = 8000000;

/* ---- Mouse ------------------------------------------------------------------------------ */

void window_release(struct window *w)
{
	w->grabbed = false;
	SDL_SetRelativeMouseMode(SDL_FALSE);
	SDL_SetWindowKeyboardGrab(w->window, SDL_FALSE);
	if (w->buttons)
		w->mouse_changed = true;
	w->buttons = 0;
}

static void grab(struct window *w)
{
	w->grabbed = true;
	SDL_SetRelativeMouseMode(SDL_TRUE);
	SDL_SetWindowKeyboardGrab(w->window, SDL_TRUE);
}

/* One report for all that happened, but one for each change of a button. */
static void send_mouse(struct window *w)
{
	if (!w->mouse_changed)
		return;
	if (cbx_mouse(w->session->machine, w->dx, w->dy, w->wheel, w->buttons) == CBX_ERROR_LIMIT)
		return;
	w->mouse_changed = false;
	w->dx = w->dy = w->wheel = 0;
}

static unsigned button_bit(unsigned button)
{
	switch (button) {
	case SDL_BUTTON_LEFT:
		return 1;
	case SDL_BUTTON_RIGHT:
		return 2;
	case SDL_BUTTON_MIDDLE:
		return 4;
	default:
		return 0;
	}
}

static void mouse_button(struct window *w, const SDL_MouseButtonEvent *event)
{
	unsigned bit = button_bit(event->button);

	if (!w->grabbed) {
		if (event->type == SDL_MOUSEBUTTONDOWN && event->button == SDL_BUTTON_LEFT)
			grab(w);
		return;
	}
	send_mouse(w);
	if (event->type == SDL_MOUSEBUTTONDOWN)
		w->buttons |= bit;
	else
		w->buttons &= ~bit;
	w->mouse_changed = true;
	send_mouse(w);
}

static void mouse_motion(struct window *w, const SDL_MouseMotionEvent *event)
{
	if (!w->grabbed)
		return;
	w->dx += event->xrel;
	w->dy += event->yrel;
	w->mouse_changed = true;
}

static void mouse_wheel(struct window *w, const SDL_MouseWheelEvent *event)
{
	int step = event->direction == SDL_MOUSEWHEEL_FLIPPED ? event->y : -event->y;

	if (w->menu.open) {
		menu_wheel(&w->menu, step < 0 ? -1 : 1);
	} else if (w->grabbed) {
		w->wheel += step;
		w->mouse_changed = true;
	}
}

/* ---- Keys --------------------------------------------------------------------------------- */

static void let_keys_go(struct window *w)
{
	uint8_t usage;

	while ((usage = window_key_let_go(&w->keys)))
		cbx_key(w->session->machine, usage, false);
}

static void open_menu(struct window *w)
{
	let_keys_go(w);
	window_release(w);
	menu_open(&w->menu);
}

static void start_paste(struct window *w)
{
	char *text = SDL_GetClipboardText();

	SDL_free(w->paste);
	w->paste = NULL;
	w->paste_at = 0;
	w->paste_time = 0;
	if (!text || !*text) {
		menu_say(&w->menu, "The clipboard holds no text");
		SDL_free(text);
		return;
	}
	/* Ctrl and Alt would make other things of the letters. */
	let_keys_go(w);
	w->paste = text;
}

/* The next piece, when the guest's keyboard has had time for the last. */
static bool go_on_pasting(struct window *w)
{
	uint64_t now = cbx_guest_time(w->session->machine);
	size_t length = 0, begin = w->paste_at;
	char piece[PASTE_PIECE + 1];

	if (!w->paste || w->session->paused || (now < w->paste_time && w->paste_time - now <= paste_pause))
		return false;
	while (length < PASTE_PIECE && w->paste[w->paste_at]) {
		char c = w->paste[w->paste_at++];

		if (c == '\r') {
			if (w->paste[w->paste_at] == '\n')
				continue;
			c = '\n';
		}
		piece[length++] = c;
	}
	piece[length] = 0;
	if (cbx_type_text(w->session->machine, piece) == CBX_ERROR_LIMIT) {
		w->paste_at = begin;
		w->paste_time = now + paste_pause;
		return false;
	}
	w->paste_time = now + paste_pause;
	if (!w->paste[w->paste_at]) {
		SDL_free(w->paste);
		w->paste = NULL;
	}
	return true;
}

static void obey(struct window *w, enum menu_wish wish)
{
	unsigned usage = w->keys.menu;

	switch (wish) {
	case MENU_NOTHING:
		return;
	case MENU_CLOSE:
		break;
	case MENU_PASTE:
		start_paste(w);
		break;
	case MENU_SEND_KEY:
		key_queue_add(&w->session->keys, (struct key){ .usage = (uint8_t)usage });
		break;
	case MENU_FULL_SCREEN:
		window_full_screen(w, !w->full_screen);
		break;
	case MENU_SCALING:
		w->integer = !w->integer;
		w->menu.integer = w->integer;
		w->redraw = true;
		break;
	}
	menu_close(&w->menu);
}

static void menu_event(struct window *w, uint8_t usage, uint64_t now)
{
	/* The menu's key twice is for the guest. */
	if (usage == w->keys.menu)
		obey(w, MENU_SEND_KEY);
	else
		obey(w, menu_key(&w->menu, usage, now));
}

static bool key_event(struct window *w, const SDL_KeyboardEvent *event, uint64_t now)
{
	uint8_t usage = window_key_usage((int)event->keysym.scancode);
	bool down = event->type == SDL_KEYDOWN;

	if (w->menu.open) {
		if (down && usage && (!event->repeat || menu_key_repeats(usage)))
			menu_event(w, usage, now);
		return false;
	}
	switch (window_key(&w->keys, usage, down, event->repeat)) {
	case WINDOW_KEY_GUEST:
		/* A person types: what is left of a pasted text stays away. */
		if (down && usage == 0x29 && w->paste) {
			SDL_free(w->paste);
			w->paste = NULL;
		}
		cbx_key(w->session->machine, usage, down);
		return true;
	case WINDOW_KEY_NOTHING:
		break;
	case WINDOW_KEY_MENU:
		open_menu(w);
		break;
	case WINDOW_KEY_RELEASE:
		if (w->grabbed)
			window_release(w);
		else
			grab(w);
		break;
	case WINDOW_KEY_FULL_SCREEN:
		window_full_screen(w, !w->full_screen);
		break;
	case WINDOW_KEY_PASTE:
		start_paste(w);
		break;
	}
	return false;
}

/* ---- Events --------------------------------------------------------------------------------- */

static void window_event(struct window *w, const SDL_WindowEvent *event)
{
	switch (event->event) {
	case SDL_WINDOWEVENT_FOCUS_LOST:
		let_keys_go(w);
		window_release(w);
		break;
	case SDL_WINDOWEVENT_HIDDEN:
	case SDL_WINDOWEVENT_MINIMIZED:
		w->hidden = true;
		break;
	case SDL_WINDOWEVENT_SHOWN:
	case SDL_WINDOWEVENT_RESTORED:
	case SDL_WINDOWEVENT_MAXIMIZED:
		w->hidden = false;
		w->redraw = true;
		break;
	case SDL_WINDOWEVENT_EXPOSED:
	case SDL_WINDOWEVENT_SIZE_CHANGED:
		w->redraw = true;
		break;
	}
}

static void menu_mouse(struct window *w, int x, int y, bool click, uint64_t now)
{
	unsigned column, row;

	if (window_menu_cell(w, x, y, &column, &row))
		obey(w, menu_point(&w->menu, column, row, click, now));
	else if (click)
		obey(w, MENU_CLOSE);
}

/* True: the guest got something. */
static bool take_event(struct window *w, const SDL_Event *event, uint64_t now)
{
	switch (event->type) {
	case SDL_KEYDOWN:
	case SDL_KEYUP:
		return key_event(w, &event->key, now);
	case SDL_MOUSEMOTION:
		if (w->menu.open)
			menu_mouse(w, event->motion.x, event->motion.y, false, now);
		else
			mouse_motion(w, &event->motion);
		break;
	case SDL_MOUSEBUTTONDOWN:
	case SDL_MOUSEBUTTONUP:
		if (!w->menu.open)
			mouse_button(w, &event->button);
		else if (event->type == SDL_MOUSEBUTTONDOWN && event->button.button == SDL_BUTTON_LEFT)
			menu_mouse(w, event->button.x, event->button.y, true, now);
		break;
	case SDL_MOUSEWHEEL:
		mouse_wheel(w, &event->wheel);
		break;
	case SDL_WINDOWEVENT:
		window_event(w, &event->window);
		break;
	case SDL_DROPFILE:
		menu_insert(&w->menu, event->drop.file);
		SDL_free(event->drop.file);
		break;
	case SDL_RENDER_TARGETS_RESET:
	case SDL_RENDER_DEVICE_RESET:
		w->version = 0;
		w->redraw = true;
		break;
	}
	return false;
}

enum display_event window_input(struct display *display, struct key_queue *keys, uint64_t now)
{
	struct window *w = (struct window *)display;
	enum display_event result = DISPLAY_NOTHING;
	SDL_Event event;

	(void)keys;
	if (now - w->poll_time < poll_pause / 2)
		return result;
	w->poll_time = now;
	while (SDL_PollEvent(&event)) {
		if (event.type == SDL_QUIT)
			return DISPLAY_QUIT;
		if (take_event(w, &event, now))
			result = DISPLAY_DELIVERED;
	}
	if (w->mouse_changed) {
		send_mouse(w);
		result = DISPLAY_DELIVERED;
	}
	if (go_on_pasting(w))
		result = DISPLAY_DELIVERED;
	return result;
}

uint64_t window_deadline(const struct display *display)
{
	return ((const struct window *)display)->poll_time + poll_pause;
}
