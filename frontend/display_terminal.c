/*
 * The guest's screen in a text terminal: text as text, graphics as half blocks (the
 * upper half of a character cell has one colour, the lower another).  Only cells that
 * have changed are drawn.  Colours are 24 bits wide if COLORTERM says that the terminal
 * knows them, else from xterm's palette of 256.
 */
#include "display.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clearbox/input.h>
#include <clearbox/inspect.h>
#include <clearbox/screen.h>

#include "serial.h"
#include "terminal_keys.h"

enum { MAX_COLUMNS = 512, MAX_ROWS = 256 };

/* What a cell of the terminal shows. */
struct cell {
	uint32_t code, foreground, background;
};

struct terminal {
	struct display display;
	unsigned columns, rows;         /* of the terminal */
	struct cell *shown, *wanted;
	bool redraw, true_colour;
	uint64_t version;
	uint32_t *pixels;
	size_t pixels_size;
	struct cbx_cell *cells;
	size_t cells_size;
	/* Output that waits, and the state the terminal is in after it. */
	char *out;
	size_t out_count, out_size;
	uint32_t foreground, background;
	/* Input not yet understood, and since when. */
	uint8_t input[256];
	size_t input_count;
	uint64_t input_time;
	bool prefix;
	/* The mouse: reports are asked for while the guest listens to its own. */
	struct cbx_machine *machine;    /* NULL: not shown yet */
	bool mouse_on, mouse_seen;
	unsigned mouse_column, mouse_row, mouse_buttons, updates;
};

#define NO_COLOUR 0xffffffffu

/* ---- Output -------------------------------------------------------------------------- */

static void emit(struct terminal *t, const char *bytes, size_t count)
{
	if (t->out_count + count > t->out_size) {
		size_t size = (t->out_count + count) * 2;
		char *more = realloc(t->out, size);

		if (!more)
			return;
		t->out = more;
		t->out_size = size;
	}
	memcpy(t->out + t->out_count, bytes, count);
	t->out_count += count;
}

static void emit_text(struct terminal *t, const char *text)
{
	emit(t, text, strlen(text));
}

static void flush(struct terminal *t)
{
	size_t sent = 0;

	while (sent < t->out_count) {
		ssize_t n = write(STDOUT_FILENO, t->out + sent, t->out_count - sent);

		if (n > 0) {
			sent += (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

			poll(&fd, 1, 1000);
		} else if (errno != EINTR) {
			break;
		}
	}
	t->out_count = 0;
}

static unsigned nearest_256(uint32_t rgb)
{
	static const uint8_t levels[6] = { 0, 95, 135, 175, 215, 255 };
	unsigned index = 16, weight = 36, error = 0, grey_error = 0;
	unsigned grey = ((rgb >> 16 & 255) + (rgb >> 8 & 255) + (rgb & 255)) / 3;
	unsigned step = grey < 8 ? 0 : grey > 238 ? 23 : (grey - 3) / 10;
	int level = (int)(8 + 10 * step);

	for (unsigned shift = 24; shift; weight /= 6) {
		int value = (int)(rgb >> (shift -= 8) & 255), best = 0;

		for (int i = 1; i < 6; i++)
			if (abs(levels[i] - value) < abs(levels[best] - value))
				best = i;
		index += (unsigned)best * weight;
		error += (unsigned)((levels[best] - value) * (levels[best] - value));
		grey_error += (unsigned)((level - value) * (level - value));
	}
	return grey_error < error ? 232 + step : index;
}

static void emit_colour(struct terminal *t, bool background, uint32_t rgb)
{
	uint32_t *now = background ? &t->background : &t->foreground;
	char text[40];

	if (*now == rgb)
		return;
	*now = rgb;
	if (t->true_colour)
		snprintf(text, sizeof(text), "\x1b[%d;2;%u;%u;%um", background ? 48 : 38,
			 (unsigned)(rgb >> 16 & 255), (unsigned)(rgb >> 8 & 255), (unsigned)(rgb & 255));
	else
		snprintf(text, sizeof(text), "\x1b[%d;5;%um", background ? 48 : 38, nearest_256(rgb));
	emit_text(t, text);
}

static void emit_code(struct terminal *t, uint32_t code)
{
	char bytes[3];

	if (code < 0x80) {
		bytes[0] = (char)code;
		emit(t, bytes, 1);
	} else if (code < 0x800) {
		bytes[0] = (char)(0xc0 | code >> 6);
		bytes[1] = (char)(0x80 | (code & 0x3f));
		emit(t, bytes, 2);
	} else {
		bytes[0] = (char)(0xe0 | (code >> 12 & 15));
		bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (code & 0x3f));
		emit(t, bytes, 3);
	}
}

static void emit_position(struct terminal *t, unsigned column, unsigned row)
{
	char text[32];

	snprintf(text, sizeof(text), "\x1b[%u;%uH", row + 1, column + 1);
	emit_text(t, text);
}

static void draw_changes(struct terminal *t)
{
	for (unsigned row = 0; row < t->rows; row++) {
		unsigned at = UINT32_MAX;       /* where the terminal's cursor is in this row */

		for (unsigned column = 0; column < t->columns; column++) {
			struct cell *shown = &t->shown[row * t->columns + column];
			const struct cell *wanted = &t->wanted[row * t->columns + column];

			if (!t->redraw && shown->code == wanted->code &&
			    shown->background == wanted->background &&
			    (shown->foreground == wanted->foreground || wanted->code == ' '))
				continue;
			if (at != column)
				emit_position(t, column, row);
			if (wanted->code != ' ')
				emit_colour(t, false, wanted->foreground);
			emit_colour(t, true, wanted->background);
			emit_code(t, wanted->code);
			*shown = *wanted;
			at = column + 1;
		}
	}
	t->redraw = false;
}

/* ---- What should be there -------------------------------------------------------------- */

static bool adapt_size(struct terminal *t)
{
	unsigned columns = 80, rows = 24;
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col && size.ws_row) {
		columns = size.ws_col;
		rows = size.ws_row;
	}
	if (columns > MAX_COLUMNS)
		columns = MAX_COLUMNS;
	if (rows > MAX_ROWS)
		rows = MAX_ROWS;
	if (columns == t->columns && rows == t->rows)
		return true;
	free(t->shown);
	free(t->wanted);
	t->shown = calloc((size_t)columns * rows, sizeof(*t->shown));
	t->wanted = calloc((size_t)columns * rows, sizeof(*t->wanted));
	t->columns = t->shown && t->wanted ? columns : 0;
	t->rows = t->shown && t->wanted ? rows : 0;
	t->redraw = true;
	return t->columns != 0;
}

static void *room(void *old, size_t *have, size_t bytes)
{
	void *more;

	if (bytes <= *have)
		return old;
	more = realloc(old, bytes);
	if (more)
		*have = bytes;
	return more;
}

static void clear_wanted(struct terminal *t)
{
	for (unsigned i = 0; i < t->columns * t->rows; i++)
		t->wanted[i] = (struct cell){ ' ', 0xc0c0c0, 0 };
}

/* Text: as many rows as fit, the cursor's among them. */
static unsigned want_text(struct terminal *t, struct cbx_machine *machine,
			  const struct cbx_screen *screen)
{
	size_t count = (size_t)screen->columns * screen->rows;
	struct cbx_cell *cells = room(t->cells, &t->cells_size, count * sizeof(*cells));
	unsigned top = 0;

	if (!cells)
		return 0;
	t->cells = cells;
	if (cbx_screen_cells(machine, cells, count))
		return 0;
	if (screen->rows > t->rows && screen->cursor_row >= t->rows)
		top = screen->cursor_row - t->rows + 1;
	for (unsigned row = 0; row < t->rows && row + top < screen->rows; row++) {
		for (unsigned column = 0; column < t->columns && column < screen->columns; column++) {
			const struct cbx_cell *from = &cells[(row + top) * screen->columns + column];

			t->wanted[row * t->columns + column] = (struct cell){
				cbx_cell_unicode(from->character), from->foreground, from->background
			};
		}
	}
	return top;
}

/* The average colour of the picture's part that falls into one of width x height dots. */
static uint32_t average(const struct terminal *t, const struct cbx_screen *screen, unsigned x,
			unsigned y, unsigned width, unsigned height)
{
	unsigned x0 = x * screen->width / width, x1 = (x + 1) * screen->width / width;
	unsigned y0 = y * screen->height / height, y1 = (y + 1) * screen->height / height;
	uint64_t sum[3] = { 0 }, count;

	if (x1 == x0)
		x1++;
	if (y1 == y0)
		y1++;
	count = (uint64_t)(x1 - x0) * (y1 - y0);
	for (y = y0; y < y1; y++) {
		for (x = x0; x < x1; x++) {
			uint32_t pixel = t->pixels[(size_t)y * screen->width + x];

			sum[0] += pixel >> 16 & 255;
			sum[1] += pixel >> 8 & 255;
			sum[2] += pixel & 255;
		}
	}
	return (uint32_t)(sum[0] / count << 16 | sum[1] / count << 8 | sum[2] / count);
}

static void want_graphics(struct terminal *t, struct cbx_machine *machine,
			  const struct cbx_screen *screen)
{
	size_t bytes = (size_t)screen->width * screen->height * sizeof(*t->pixels);
	uint32_t *pixels = room(t->pixels, &t->pixels_size, bytes);
	unsigned width = t->columns, height = t->rows * 2, wide = screen->width, high = screen->height;

	if (!pixels)
		return;
	t->pixels = pixels;
	if (cbx_screen_render(machine, pixels, screen->width, screen->height))
		return;
	/* A VGA picture fills a 4:3 screen whatever its number of dots; half cells are square. */
	if (screen->height <= 400 && screen->width >= 640) {
		wide = 4;
		high = 3;
	}
	if (width * high > height * wide)
		width = height * wide / high ? height * wide / high : 1;
	else
		height = width * high / wide > 1 ? width * high / wide & ~1u : 2;
	for (unsigned row = 0; row < height / 2; row++) {
		for (unsigned column = 0; column < width; column++) {
			uint32_t upper = average(t, screen, column, row * 2, width, height);
			uint32_t lower = average(t, screen, column, row * 2 + 1, width, height);
			unsigned at = (row + (t->rows - height / 2) / 2) * t->columns + column +
				      (t->columns - width) / 2;

			t->wanted[at] = (struct cell){ upper == lower ? ' ' : 0x2580, upper, lower };
		}
	}
}

/* ---- Mouse ------------------------------------------------------------------------------- */

#define MOUSE_ON "\x1b[?1003h\x1b[?1006h"
#define MOUSE_OFF "\x1b[?1006l\x1b[?1003l"

/* Does the guest's driver listen to the mouse? */
static bool guest_has_mouse(struct cbx_machine *machine)
{
	struct cbx_object object;

	for (unsigned n = 0; !cbx_object_at(machine, n, &object); n++) {
		if (strcmp(object.name, "ps2_mouse"))
			continue;
		for (const struct cbx_field *f = object.fields; f->name; f++)
			if (!strcmp(f->name, "enabled"))
				return ((const uint8_t *)object.state)[f->offset];
	}
	return false;
}

static void ask_for_mouse(struct terminal *t, bool on)
{
	if (on == t->mouse_on)
		return;
	t->mouse_on = on;
	t->mouse_seen = false;
	emit_text(t, on ? MOUSE_ON : MOUSE_OFF);
}

/* A cell is 8 by 16 dots, as the characters of a PC are. */
static void give_mouse(struct terminal *t, const struct terminal_mouse *mouse)
{
	static const unsigned bits[] = { 1, 4, 2, 0 };
	int dx = 0, dy = 0;

	if (t->mouse_seen) {
		dx = ((int)mouse->column - (int)t->mouse_column) * 8;
		dy = ((int)mouse->row - (int)t->mouse_row) * 16;
	}
	t->mouse_seen = true;
	t->mouse_column = mouse->column;
	t->mouse_row = mouse->row;
	if (mouse->down)
		t->mouse_buttons |= bits[mouse->button];
	else if (!mouse->motion && !mouse->wheel)
		t->mouse_buttons &= ~bits[mouse->button];
	if (t->machine)
		cbx_mouse(t->machine, dx, dy, mouse->wheel, t->mouse_buttons);
}

/* ---- Drawing ---------------------------------------------------------------------------- */

static void terminal_update(struct display *display, struct cbx_machine *machine)
{
	struct terminal *t = (struct terminal *)display;
	struct cbx_screen screen;
	unsigned top = 0;

	t->machine = machine;
	if (t->display.monitor || !adapt_size(t) || cbx_screen_info(machine, &screen))
		return;
	if (t->updates++ % 16 == 0) {
		ask_for_mouse(t, guest_has_mouse(machine));
		flush(t);
	}
	if (!t->redraw && screen.version == t->version)
		return;
	t->version = screen.version;
	if (t->redraw) {
		t->foreground = t->background = NO_COLOUR;
		emit_text(t, "\x1b[0m\x1b[2J");
	}
	emit_text(t, "\x1b[?25l");
	clear_wanted(t);
	if (screen.text && !screen.blank)
		top = want_text(t, machine, &screen);
	else if (!screen.blank)
		want_graphics(t, machine, &screen);
	draw_changes(t);
	if (screen.text && !screen.blank && screen.cursor_visible && screen.cursor_row >= top &&
	    screen.cursor_row - top < t->rows && screen.cursor_column < t->columns) {
		emit_position(t, screen.cursor_column, screen.cursor_row - top);
		emit_text(t, "\x1b[?25h");
	}
	flush(t);
}

/* ---- Keys -------------------------------------------------------------------------------- */

static const uint64_t escape_delay = 50 * 1000000;      /* ns: what comes later is no sequence */

static enum display_event command(struct terminal *t, const struct key *key,
				  struct key_queue *keys)
{
	enum display_event event = DISPLAY_NOTHING;

	t->prefix = false;
	switch (key->usage) {
	case 0x1b:              /* X */
		event = DISPLAY_QUIT;
		break;
	case 0x13:              /* P */
		event = DISPLAY_POWER_BUTTON;
		break;
	case 0x07:              /* D */
		key_queue_add(keys, key_of_name("ctrl-alt-delete", 15));
		break;
	case 0x0f:              /* L */
		t->redraw = true;
		break;
	case 0x06:              /* C */
		t->display.monitor = !t->display.monitor;
		t->redraw = true;
		ask_for_mouse(t, false);
		t->updates = 0;
		emit_text(t, t->display.monitor ? "\x1b[0m\x1b[?25h\x1b[?1049l" : "\x1b[?1049h");
		flush(t);
		break;
	case 0x04:              /* A */
		key_queue_add(keys, key_of_ascii(1));
		break;
	}
	return event;
}

static enum display_event terminal_input(struct display *display, struct key_queue *keys,
					 uint64_t now)
{
	struct terminal *t = (struct terminal *)display;
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	enum display_event event = DISPLAY_NOTHING;
	size_t used = 0;

	if (poll(&fd, 1, 0) > 0 && t->input_count < sizeof(t->input)) {
		ssize_t n = read(STDIN_FILENO, t->input + t->input_count,
				 sizeof(t->input) - t->input_count);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return DISPLAY_QUIT;    /* the terminal is gone */
		if (n > 0) {
			t->input_count += (size_t)n;
			t->input_time = now;
		}
	}
	while (used < t->input_count) {
		struct key key;

		/* The monitor's: all but Ctrl-A and the key after it. */
		if (display->monitor && !t->prefix && t->input[used] != 1) {
			if (display->monitor_count == sizeof(display->to_monitor))
				break;
			display->to_monitor[display->monitor_count++] = t->input[used++];
			continue;
		}
		struct terminal_mouse mouse;
		size_t left = t->input_count - used, n = TERMINAL_OTHER;

		if (t->mouse_on)
			n = terminal_mouse_report(t->input + used, left, &mouse);

		if (n != TERMINAL_OTHER && n != TERMINAL_INCOMPLETE) {
			used += n;
			give_mouse(t, &mouse);
			event = event == DISPLAY_NOTHING ? DISPLAY_DELIVERED : event;
			continue;
		}
		if (n == TERMINAL_INCOMPLETE && now - t->input_time < escape_delay)
			break;
		n = terminal_key(t->input + used, left, now - t->input_time >= escape_delay, &key);
		if (n == TERMINAL_INCOMPLETE)
			break;
		used += n;
		if (t->prefix) {
			enum display_event e = command(t, &key, keys);

			if (e != DISPLAY_NOTHING)
				event = e;
		} else if (key.usage == 4 && key.ctrl && !key.alt) {
			t->prefix = true;
		} else {
			key_queue_add(keys, key);
		}
	}
	t->input_count -= used;
	memmove(t->input, t->input + used, t->input_count);
	return event;
}

static uint64_t terminal_deadline(const struct display *display)
{
	const struct terminal *t = (const struct terminal *)display;

	return t->input_count ? t->input_time + escape_delay : UINT64_MAX;
}

/* ---- Signals -------------------------------------------------------------------------------- */

static const char give_back[] = "\x1b[0m" MOUSE_OFF "\x1b[?25h\x1b[?1049l";

/* Whatever ends the program: the terminal is as it was.  Only calls that a handler may make. */
static void crashed(int number)
{
	if (write(STDOUT_FILENO, give_back, sizeof(give_back) - 1) > 0)
		terminal_restore();
	raise(number);                  /* the default action, by SA_RESETHAND */
}

static void resized(int number)
{
	(void)number;                   /* a sleep has been cut short, and the next update looks */
}

static void catch_crashes(bool on)
{
	static const int numbers[] = { SIGQUIT, SIGILL, SIGABRT, SIGFPE, SIGBUS, SIGSEGV, SIGSYS };
	struct sigaction action = { .sa_handler = crashed }, now;

	action.sa_flags = (int)SA_RESETHAND | SA_NODEFER;
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		/* A sanitizer's own handler has more to say. */
		if (sigaction(numbers[i], NULL, &now))
			continue;
		if (!on && now.sa_handler == crashed)
			signal(numbers[i], SIG_DFL);
		else if (on && now.sa_handler == SIG_DFL)
			sigaction(numbers[i], &action, NULL);
	}
	action = (struct sigaction){ .sa_handler = on ? resized : SIG_DFL };
	sigaction(SIGWINCH, &action, NULL);
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void terminal_close(struct display *display)
{
	struct terminal *t = (struct terminal *)display;

	ask_for_mouse(t, false);
	if (t->display.monitor)
		emit_text(t, "\x1b[0m\x1b[?25h");
	else
		emit_text(t, "\x1b[0m\x1b[?25h\x1b[?1049l");
	flush(t);
	catch_crashes(false);
	terminal_restore();
	free(t->shown);
	free(t->wanted);
	free(t->pixels);
	free(t->cells);
	free(t->out);
	free(t);
}

struct display *display_terminal_open(void)
{
	const char *colours = getenv("COLORTERM");
	struct terminal *t;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fprintf(stderr, "clearbox: -display terminal: standard input and output are no "
			"terminal; try -display none -serial stdio\n");
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		fprintf(stderr, "clearbox: no memory for the display; close other programs\n");
		return NULL;
	}
	t->display = (struct display){ .update = terminal_update, .input_fd = STDIN_FILENO,
				       .input = terminal_input, .deadline = terminal_deadline,
				       .close = terminal_close, .person = true,
				       .interval = UINT64_C(33000000) };
	t->true_colour = colours && (!strcmp(colours, "truecolor") || !strcmp(colours, "24bit"));
	terminal_raw();
	catch_crashes(true);
	emit_text(t, "\x1b[?1049h");
	flush(t);
	return &t->display;
}
