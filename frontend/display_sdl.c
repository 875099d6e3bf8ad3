/*
 * The guest's screen in a window (SDL2).  Only lines that have changed are drawn and given to the
 * graphics card, and a screen that stays as it is costs nothing.  Dots are first made larger by
 * whole numbers and then fitted into the window smoothly, so that they stay sharp and equal in
 * any size of window; or they are made larger by whole numbers only.
 */
#include "display_sdl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "title.h"

enum { SHARP_MOST = 4096 };             /* dots across or down that graphics cards can do */

static const uint64_t frame_time = 16000000, title_time = 500000000;

/* ---- The picture -------------------------------------------------------------------------- */

static struct scale_picture shape(const struct window *w)
{
	return (struct scale_picture){ w->screen.width, w->screen.height, w->screen.wide, w->screen.high };
}

/* The window follows the picture's size unless somebody gave it another. */
static void follow_size(struct window *w)
{
	struct scale_picture picture = shape(w);
	int width, height, display = SDL_GetWindowDisplayIndex(w->window);
	SDL_Rect usable;

	SDL_GetWindowSize(w->window, &width, &height);
	if (w->full_screen || SDL_GetWindowFlags(w->window) & SDL_WINDOW_MAXIMIZED ||
	    width != w->own_width || height != w->own_height)
		return;
	if (display < 0 || SDL_GetDisplayUsableBounds(display, &usable))
		usable = (SDL_Rect){ 0, 0, 1024, 768 };
	scale_window(&picture, scale_factor(&picture, usable.w, usable.h), &width, &height);
	if (width > usable.w || height > usable.h) {
		struct box box = scale_place(&picture, usable.w * 9 / 10, usable.h * 9 / 10, false);

		width = box.width;
		height = box.height;
	}
	w->own_width = width;
	w->own_height = height;
	SDL_SetWindowSize(w->window, width, height);
}

static bool new_size(struct window *w)
{
	size_t dots = (size_t)w->screen.width * w->screen.height;

	if (dots > w->room) {
		free(w->pixels);
		free(w->shown);
		w->pixels = malloc(dots * sizeof(*w->pixels));
		w->shown = malloc(dots * sizeof(*w->shown));
		w->room = w->pixels && w->shown ? dots : 0;
	}
	free(w->changed);
	w->changed = malloc(w->screen.height);
	if (w->picture)
		SDL_DestroyTexture(w->picture);
	w->picture = SDL_CreateTexture(w->renderer, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STREAMING,
				       (int)w->screen.width, (int)w->screen.height);
	if (!w->room || !w->changed || !w->picture) {
		w->screen.width = 0;    /* tries again at the next change */
		return false;
	}
	w->version = 0;
	w->redraw = true;
	follow_size(w);
	return true;
}

/* Gives the texture the lines first to end - 1. */
static void upload(struct window *w, unsigned first, unsigned end)
{
	size_t line = w->screen.width;
	SDL_Rect place = { 0, (int)first, (int)line, (int)(end - first) };

	SDL_UpdateTexture(w->picture, &place, w->pixels + first * line, (int)(line * sizeof(*w->pixels)));
	memcpy(w->shown + first * line, w->pixels + first * line,
	       (end - first) * line * sizeof(*w->pixels));
}

/* Draws what is new; true: some of it looks different. */
static bool draw_picture(struct window *w, struct cbx_machine *machine)
{
	struct cbx_screen screen;
	unsigned first = 0;
	bool any = false;
	uint64_t since;
	size_t bytes;

	if (cbx_screen_info(machine, &screen))
		return false;
	if (machine != w->machine)
		w->version = 0;
	w->machine = machine;
	if (w->version && screen.version == w->version && w->screen.width)
		return false;
	if (screen.width != w->screen.width || screen.height != w->screen.height ||
	    screen.wide != w->screen.wide || screen.high != w->screen.high) {
		w->screen = screen;
		if (!new_size(w))
			return false;
	}
	since = w->version;
	if (cbx_screen_update(machine, since, w->pixels, screen.width, screen.height, w->changed))
		return false;
	w->version = screen.version;
	w->screen = screen;
	bytes = screen.width * sizeof(*w->pixels);
	for (unsigned y = 0; y <= screen.height; y++) {
		bool new = y < screen.height && w->changed[y] &&
			   (!since || memcmp(w->pixels + (size_t)y * screen.width,
					     w->shown + (size_t)y * screen.width, bytes));

		if (new)
			continue;
		if (first < y) {
			upload(w, first, y);
			any = true;
		}
		first = y + 1;
	}
	return any;
}

/* ---- The window ------------------------------------------------------------------------------ */

static int whole_up(int length, unsigned dots)
{
	return (length + (int)dots - 1) / (int)dots * (int)dots;
}

/* Makes the dots larger by whole numbers; false: that is not possible, or not needed. */
static bool sharpen(struct window *w, const struct box *box)
{
	int width = whole_up(box->width, w->screen.width), height = whole_up(box->height, w->screen.height);

	if ((width == box->width && height == box->height) || width > SHARP_MOST || height > SHARP_MOST ||
	    !SDL_RenderTargetSupported(w->renderer))
		return false;
	if (!w->sharp || w->sharp_width != width || w->sharp_height != height) {
		if (w->sharp)
			SDL_DestroyTexture(w->sharp);
		w->sharp = SDL_CreateTexture(w->renderer, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_TARGET,
					     width, height);
		w->sharp_width = width;
		w->sharp_height = height;
	}
	if (!w->sharp)
		return false;
	SDL_SetTextureScaleMode(w->picture, SDL_ScaleModeNearest);
	SDL_SetRenderTarget(w->renderer, w->sharp);
	SDL_RenderCopy(w->renderer, w->picture, NULL, NULL);
	SDL_SetRenderTarget(w->renderer, NULL);
	SDL_SetTextureScaleMode(w->sharp, SDL_ScaleModeLinear);
	return true;
}

static void show(struct window *w)
{
	struct scale_picture picture = shape(w);
	SDL_Texture *from = w->picture;
	int width, height;
	struct box box;
	SDL_Rect place;

	if (SDL_GetRendererOutputSize(w->renderer, &width, &height))
		return;
	box = scale_place(&picture, width, height, w->integer);
	place = (SDL_Rect){ box.x, box.y, box.width, box.height };
	if (sharpen(w, &box)) {
		from = w->sharp;
	} else {
		bool whole = !(box.width % (int)w->screen.width) && !(box.height % (int)w->screen.height);

		SDL_SetTextureScaleMode(w->picture, whole ? SDL_ScaleModeNearest : SDL_ScaleModeLinear);
	}
	SDL_SetRenderDrawColor(w->renderer, 0, 0, 0, 255);
	SDL_RenderClear(w->renderer);
	SDL_RenderCopy(w->renderer, from, NULL, &place);
	window_text_draw(w);
	SDL_RenderPresent(w->renderer);
}

void window_full_screen(struct window *w, bool on)
{
	if (SDL_SetWindowFullscreen(w->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0)) {
		menu_say(&w->menu, "This screen cannot be filled: %.200s", SDL_GetError());
		return;
	}
	w->full_screen = w->menu.full_screen = on;
	w->redraw = true;
}

/* ---- The title ---------------------------------------------------------------------------------- */

/* Drives and networks that did something since last time. */
static void active(struct window *w, char *text, size_t size)
{
	static const char *const names[DRIVES] = { "A:", "B:", "hda", "hdb", "hdc", "hdd" };
	size_t length = 0;
	bool net = false;

	*text = 0;
	for (unsigned i = 0; i < DRIVES; i++) {
		const struct drive *drive = &w->session->drives.drive[i];

		if (!drive->disk || drive->disk->accesses == w->accesses[i])
			continue;
		w->accesses[i] = drive->disk->accesses;
		snprintf(text + length, size - length, "%s%s", length ? " " : "",
			 drive->kind == DISK_CD ? "CD" : names[i]);
		length += strlen(text + length);
	}
	for (unsigned i = 0; i < CBX_CARDS; i++) {
		net = net || w->session->networks[i].frames != w->frames[i];
		w->frames[i] = w->session->networks[i].frames;
	}
	if (net)
		snprintf(text + length, size - length, "%snet", length ? " " : "");
}

static const char *guest_name(const struct window *w)
{
	const struct options *o = w->session->options;
	const char *path = o->disk[0] ? o->disk[0] : o->kernel ? o->kernel : o->cdrom ? o->cdrom :
			   o->floppy[0] ? o->floppy[0] : "", *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void update_title(struct window *w, uint64_t now)
{
	struct session *s = w->session;
	uint64_t guest = cbx_guest_time(s->machine);
	char doing[80], line[sizeof(w->title)], hint[80];
	struct title title = { guest_name(w), doing, hint, s->paused, 0, 0, 0, s->instructions };

	if (now - w->title_host < title_time)
		return;
	title.host = now - w->title_host;
	title.guest = guest > w->title_guest ? guest - w->title_guest : 0;
	title.executed = s->instructions - w->title_instructions;
	w->title_host = now;
	w->title_guest = guest;
	w->title_instructions = s->instructions;
	active(w, doing, sizeof(doing));
	if (w->grabbed)
		snprintf(hint, sizeof(hint), "Ctrl-Alt-G releases the mouse");
	else
		snprintf(hint, sizeof(hint), "%s: menu", w->menu.menu_key);
	title_line(&title, line, sizeof(line));
	if (strcmp(line, w->title)) {
		strcpy(w->title, line);
		SDL_SetWindowTitle(w->window, line);
	}
}

/* ---- Life ------------------------------------------------------------------------------------------ */

static void window_update(struct display *display, struct cbx_machine *machine)
{
	struct window *w = (struct window *)display;
	uint64_t now = host_time();
	bool changed;

	update_title(w, now);
	if (w->hidden)
		return;
	changed = draw_picture(w, machine);
	changed = window_text_changed(w, now) || changed;
	if ((!changed && !w->redraw) || !w->picture)
		return;
	w->redraw = false;
	show(w);
}

static void window_close(struct display *display)
{
	struct window *w = (struct window *)display;

	menu_close(&w->menu);
	if (w->renderer)
		SDL_DestroyRenderer(w->renderer);       /* and its textures */
	if (w->window)
		SDL_DestroyWindow(w->window);
	SDL_free(w->paste);
	SDL_QuitSubSystem(SDL_INIT_VIDEO);
	free(w->pixels);
	free(w->shown);
	free(w->changed);
	free(w);
}

/* Is OpenGL made by the processor here?  Then drawing without it is cheaper. */
static bool is_slow(SDL_Renderer *renderer)
{
	static const char *const slow[] = { "llvmpipe", "softpipe", "SwiftShader", "Software Rasterizer" };
	const unsigned char *(*get_string)(unsigned name);
	const char *name = NULL;
	SDL_RendererInfo about;
	void *address;

	if (SDL_GetRendererInfo(renderer, &about) || strncmp(about.name, "opengl", 6))
		return false;
	address = SDL_GL_GetProcAddress("glGetString");
	memcpy(&get_string, &address, sizeof(get_string));
	if (address)
		name = (const char *)get_string(0x1f01);        /* GL_RENDERER */
	for (unsigned i = 0; name && i < sizeof(slow) / sizeof(slow[0]); i++)
		if (strstr(name, slow[i]))
			return true;
	return false;
}

static void open_renderer(struct window *w)
{
	SDL_RendererInfo about;

	w->renderer = SDL_CreateRenderer(w->window, -1, 0);
	if (!w->renderer || is_slow(w->renderer)) {
		if (w->renderer)
			SDL_DestroyRenderer(w->renderer);
		w->renderer = SDL_CreateRenderer(w->window, -1, SDL_RENDERER_SOFTWARE);
	}
	/* A Wayland window cannot be drawn in but by OpenGL. */
	if (!w->renderer)
		w->renderer = SDL_CreateRenderer(w->window, -1, 0);
	w->software = w->renderer && !SDL_GetRendererInfo(w->renderer, &about) &&
		      about.flags & SDL_RENDERER_SOFTWARE;
}

static bool open_window(struct window *w)
{
	/* Choosing a renderer may make the window anew: it is shown when that is over. */
	uint32_t flags = SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI | SDL_WINDOW_HIDDEN;

	if (w->full_screen)
		flags |= SDL_WINDOW_FULLSCREEN_DESKTOP;
	w->own_width = 720;
	w->own_height = 540;
	w->window = SDL_CreateWindow("Clearbox", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED,
				     w->own_width, w->own_height, flags);
	if (!w->window)
		return false;
	open_renderer(w);
	if (!w->renderer || !window_text_open(w))
		return false;
	SDL_ShowWindow(w->window);
	return true;
}

/* F12 and its like, as people write them. */
static const char *key_text(unsigned usage)
{
	const char *name = SDL_GetScancodeName((SDL_Scancode)usage);

	return *name ? name : "the menu's key";
}

struct display *display_sdl_open(struct session *session, char *why, size_t size)
{
	const struct window_option *option = &session->options->window;
	struct window *w = calloc(1, sizeof(*w));

	if (!w) {
		snprintf(why, size, "no memory");
		return NULL;
	}
	SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
	SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
	SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
	/* What is drawn without a graphics card goes to the screen without one. */
	SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
	w->session = session;
	w->display = (struct display){ .update = window_update, .input_fd = -1, .input = window_input,
				       .deadline = window_deadline, .close = window_close, .person = true,
				       .interval = frame_time };
	w->integer = option->integer;
	w->full_screen = option->full_screen;
	w->keys.menu = option->menu ? option->menu : 0x45;
	w->menu.session = session;
	w->menu.integer = w->integer;
	w->menu.full_screen = w->full_screen;
	w->menu.menu_key = key_text(w->keys.menu);
	if (SDL_InitSubSystem(SDL_INIT_VIDEO)) {
		snprintf(why, size, "%.200s", SDL_GetError());
		free(w);
		return NULL;
	}
	if (!open_window(w)) {
		snprintf(why, size, "%.200s", SDL_GetError());
		window_close(&w->display);
		return NULL;
	}
	SDL_StopTextInput();
	SDL_EventState(SDL_DROPFILE, SDL_ENABLE);
	return &w->display;
}
