/*
 * What lies over the guest's picture in a window: the menu, messages at the bottom, a word in
 * the corner while the guest is paused.  The letters are those of the VGA BIOS, in one texture.
 */
#include "display_sdl.h"

#include <string.h>

#include "font16.h"

enum { CELL_WIDTH = 8, CELL_HEIGHT = 16, MESSAGE_LINES = 4 };

static const uint64_t message_time = UINT64_C(6000000000);

static const struct {
	SDL_Color text, ground;
} looks[MENU_LOOKS] = {
	[MENU_PLAIN] = { { 0xdc, 0xe2, 0xea, 0xff }, { 0x1d, 0x23, 0x2d, 0xf2 } },
	[MENU_CHOSEN] = { { 0xff, 0xff, 0xff, 0xff }, { 0x2c, 0x6b, 0xc9, 0xff } },
	[MENU_FAINT] = { { 0x8e, 0x9a, 0xad, 0xff }, { 0x1d, 0x23, 0x2d, 0xf2 } },
	[MENU_FRAME] = { { 0x55, 0x63, 0x7a, 0xff }, { 0x1d, 0x23, 0x2d, 0xf2 } },
	[MENU_HEAD] = { { 0xff, 0xff, 0xff, 0xff }, { 0x1d, 0x23, 0x2d, 0xf2 } },
};

bool window_text_open(struct window *w)
{
	uint32_t dots[16 * CELL_WIDTH];

	w->font = SDL_CreateTexture(w->renderer, SDL_PIXELFORMAT_ARGB8888, SDL_TEXTUREACCESS_STATIC,
				    16 * CELL_WIDTH, 16 * CELL_HEIGHT);
	if (!w->font)
		return false;
	SDL_SetTextureBlendMode(w->font, SDL_BLENDMODE_BLEND);
	SDL_SetTextureScaleMode(w->font, SDL_ScaleModeNearest);
	for (int y = 0; y < 16 * CELL_HEIGHT; y++) {
		SDL_Rect line = { 0, y, 16 * CELL_WIDTH, 1 };

		for (int x = 0; x < 16 * CELL_WIDTH; x++) {
			unsigned character = (unsigned)(y / CELL_HEIGHT * 16 + x / CELL_WIDTH);
			bool on = font16[character][y % CELL_HEIGHT] << x % CELL_WIDTH & 0x80;

			dots[x] = on ? 0xffffffff : 0x00ffffff;
		}
		SDL_UpdateTexture(w->font, &line, dots, sizeof(dots));
	}
	return true;
}

/* ---- Drawing -------------------------------------------------------------------------- */

static void window_size(const struct window *w, int *width, int *height)
{
	if (SDL_GetRendererOutputSize(w->renderer, width, height) || *width < 1 || *height < 1)
		*width = *height = 1;
}

/* How many dots of the window a dot of a letter takes, for a text of that many cells. */
static int letter_scale(const struct window *w, int columns, int rows)
{
	int width, height, x, y;

	window_size(w, &width, &height);
	x = width / (columns * CELL_WIDTH);
	y = height / (rows * CELL_HEIGHT);
	x = x < y ? x : y;
	return x < 1 ? 1 : x;
}

static void draw_ground(struct window *w, const SDL_Rect *place, const SDL_Color *colour)
{
	SDL_SetRenderDrawBlendMode(w->renderer, SDL_BLENDMODE_BLEND);
	SDL_SetRenderDrawColor(w->renderer, colour->r, colour->g, colour->b, colour->a);
	SDL_RenderFillRect(w->renderer, place);
}

static void draw_letter(struct window *w, uint8_t character, int x, int y, int scale,
			const SDL_Color *colour)
{
	SDL_Rect from = { character % 16 * CELL_WIDTH, character / 16 * CELL_HEIGHT, CELL_WIDTH, CELL_HEIGHT };
	SDL_Rect to = { x, y, CELL_WIDTH * scale, CELL_HEIGHT * scale };

	if (character == ' ')
		return;
	SDL_SetTextureColorMod(w->font, colour->r, colour->g, colour->b);
	SDL_RenderCopy(w->renderer, w->font, &from, &to);
}

static SDL_Rect menu_place(const struct window *w, int *scale)
{
	int width, height;
	SDL_Rect place;

	*scale = letter_scale(w, MENU_COLUMNS, MENU_ROWS);
	window_size(w, &width, &height);
	place.w = MENU_COLUMNS * CELL_WIDTH * *scale;
	place.h = MENU_ROWS * CELL_HEIGHT * *scale;
	place.x = (width - place.w) / 2;
	place.y = (height - place.h) / 2;
	return place;
}

static void draw_menu(struct window *w)
{
	static const SDL_Color shade = { 0, 0, 0, 0x90 };
	int scale, width, height;
	SDL_Rect place = menu_place(w, &scale), all = { 0, 0, 0, 0 };

	window_size(w, &width, &height);
	all.w = width;
	all.h = height;
	draw_ground(w, &all, &shade);
	draw_ground(w, &place, &looks[MENU_PLAIN].ground);
	for (int y = 0; y < MENU_ROWS; y++) {
		for (int x = 0; x < MENU_COLUMNS; x++) {
			const struct menu_cell *cell = &w->menu_cells[y][x];
			SDL_Rect at = { place.x + x * CELL_WIDTH * scale, place.y + y * CELL_HEIGHT * scale,
					CELL_WIDTH * scale, CELL_HEIGHT * scale };

			if (cell->look == MENU_CHOSEN)
				draw_ground(w, &at, &looks[MENU_CHOSEN].ground);
			draw_letter(w, cell->character, at.x, at.y, scale, &looks[cell->look].text);
		}
	}
}

/* How much of a message goes on a line: up to its end, or to a space before the edge. */
static size_t line_length(const char *text, size_t columns)
{
	size_t end = strcspn(text, "\n"), at;

	if (end <= columns)
		return end;
	for (at = columns; at && text[at] != ' '; at--)
		;
	return at ? at : columns;
}

static void draw_message(struct window *w)
{
	static const SDL_Color ground = { 0x1d, 0x23, 0x2d, 0xe8 };
	int scale = letter_scale(w, MENU_COLUMNS + 20, MENU_ROWS + 6), width, height, lines = 0;
	char message[sizeof(w->menu.message)];
	const char *text = message;
	const char *starts[MESSAGE_LINES];
	size_t lengths[MESSAGE_LINES], columns;
	SDL_Rect bar;

	window_size(w, &width, &height);
	columns = (size_t)(width / (CELL_WIDTH * scale));
	columns = columns > 4 ? columns - 2 : 2;
	menu_message(&w->menu, message, sizeof(message));
	while (*text && lines < MESSAGE_LINES) {
		starts[lines] = text;
		lengths[lines] = line_length(text, columns);
		text += lengths[lines++];
		text += *text == ' ' || *text == '\n';
	}
	bar = (SDL_Rect){ 0, 0, width, (lines * CELL_HEIGHT + 8) * scale };
	bar.y = height - bar.h;
	draw_ground(w, &bar, &ground);
	for (int n = 0; n < lines; n++)
		for (size_t i = 0; i < lengths[n]; i++)
			draw_letter(w, (uint8_t)starts[n][i], (1 + (int)i) * CELL_WIDTH * scale,
				    bar.y + (4 + n * CELL_HEIGHT) * scale, scale, &looks[MENU_PLAIN].text);
}

static void draw_paused(struct window *w)
{
	static const char word[] = " paused ";
	int scale = letter_scale(w, MENU_COLUMNS + 20, MENU_ROWS + 6), width, height;
	SDL_Rect place = { 0, 0, (int)strlen(word) * CELL_WIDTH * scale, CELL_HEIGHT * scale };

	window_size(w, &width, &height);
	place.x = width - place.w;
	draw_ground(w, &place, &looks[MENU_CHOSEN].ground);
	for (int i = 0; word[i]; i++)
		draw_letter(w, (uint8_t)word[i], place.x + i * CELL_WIDTH * scale, 0, scale,
			    &looks[MENU_CHOSEN].text);
}

void window_text_draw(struct window *w)
{
	if (w->menu_shown)
		draw_menu(w);
	else if (w->paused_shown)
		draw_paused(w);
	if (w->message_end)
		draw_message(w);
}

bool window_text_changed(struct window *w, uint64_t now)
{
	struct menu_cell cells[MENU_ROWS][MENU_COLUMNS];
	bool changed = w->menu.open != w->menu_shown || w->session->paused != w->paused_shown;

	w->menu_shown = w->menu.open;
	w->paused_shown = w->session->paused;
	if (w->menu.open) {
		menu_draw(&w->menu, cells);
		if (memcmp(cells, w->menu_cells, sizeof(cells))) {
			memcpy(w->menu_cells, cells, sizeof(cells));
			changed = true;
		}
	}
	if (w->message_number != w->menu.message_number) {
		w->message_number = w->menu.message_number;
		w->message_end = *w->menu.message ? now + message_time : 0;
		changed = true;
	}
	if (w->message_end && now >= w->message_end) {
		w->message_end = 0;
		changed = true;
	}
	return changed;
}

bool window_menu_cell(const struct window *w, int x, int y, unsigned *column, unsigned *row)
{
	int scale, width, height, window_width, window_height;
	SDL_Rect place = menu_place(w, &scale);

	/* The mouse is told in the host's units, of which there may be fewer than dots. */
	window_size(w, &width, &height);
	SDL_GetWindowSize(w->window, &window_width, &window_height);
	if (window_width > 0 && window_height > 0) {
		x = x * width / window_width;
		y = y * height / window_height;
	}
	x -= place.x;
	y -= place.y;
	if (x < 0 || y < 0 || x >= place.w || y >= place.h)
		return false;
	*column = (unsigned)(x / (CELL_WIDTH * scale));
	*row = (unsigned)(y / (CELL_HEIGHT * scale));
	return true;
}
