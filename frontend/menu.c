/* The window's menu: see menu.h. */
#include "menu.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <clearbox/screen.h>

#include "monitor.h"
#include "session.h"

enum {
	KEY_A = 0x04, KEY_Z = 0x1d, KEY_1 = 0x1e, KEY_0 = 0x27, KEY_ENTER = 0x28, KEY_ESCAPE = 0x29,
	KEY_BACKSPACE = 0x2a, KEY_SPACE = 0x2c, KEY_MINUS = 0x2d, KEY_DOT = 0x37, KEY_HOME = 0x4a,
	KEY_PAGE_UP = 0x4b, KEY_END = 0x4d, KEY_PAGE_DOWN = 0x4e, KEY_RIGHT = 0x4f, KEY_LEFT = 0x50,
	KEY_DOWN = 0x51, KEY_UP = 0x52, KEY_PAD_ENTER = 0x58
};

enum action {
	GO_ON, PAUSE, SCREENSHOT, SAVE, LOAD, MEDIUM, PASTE, CTRL_ALT_DEL, SEND_KEY, RESET, POWER,
	FULL_SCREEN, SCALING, QUIT
};

/* Where the list is in the cells. */
enum { LIST_ROW = 2, LIST_ROWS = MENU_ROWS - 4, LIST_COLUMN = 2, LIST_COLUMNS = MENU_COLUMNS - 4 };

static const uint64_t typing_pause = UINT64_C(1500000000);

/* ---- Messages ----------------------------------------------------------------------- */

void menu_say(struct menu *menu, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(menu->message, sizeof(menu->message), format, list);
	va_end(list);
	menu->message_number++;
}

static void append(void *user, const char *text)
{
	char *message = user;
	size_t length = strlen(message), room = sizeof(((struct menu *)0)->message);

	snprintf(message + length, room - length, "%s", text);
}

/* Runs a command; shows what it says, or done if it has nothing to say. */
static bool run(struct menu *menu, const char *line, const char *done)
{
	char said[sizeof(menu->message)] = "";
	bool good = monitor_execute(menu->session, line, append, said);
	size_t length = strlen(said);

	while (length && (said[length - 1] == '\n' || said[length - 1] == ' '))
		said[--length] = 0;
	if (length || done)
		menu_say(menu, "%s", length ? said : done);
	return good;
}

/* A command with a file's name behind it. */
static bool run_file(struct menu *menu, const char *command, const char *path, const char *done)
{
	char quoted[2 * FILE_LIST_PATH], line[2 * FILE_LIST_PATH + 64];
	const char *slash = strrchr(path, '/');
	char text[200];

	if (!monitor_quote(quoted, sizeof(quoted), path)) {
		menu_say(menu, "%.80s: this name cannot be used; give the file a shorter one", path);
		return false;
	}
	snprintf(line, sizeof(line), "%s %s", command, quoted);
	snprintf(text, sizeof(text), "%s %.100s", done, slash ? slash + 1 : path);
	return run(menu, line, text);
}

/* ---- The main page -------------------------------------------------------------------- */

static void item(struct menu *menu, enum action action, unsigned drive, const char *text, const char *key)
{
	struct menu_item *i = &menu->items[menu->count];

	if (menu->count == MENU_ITEMS)
		return;
	menu->count++;
	i->action = (uint8_t)action;
	i->drive = (uint8_t)drive;
	snprintf(i->text, sizeof(i->text), "%s", text);
	snprintf(i->key, sizeof(i->key), "%s", key);
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void drive_items(struct menu *menu)
{
	const struct drives *drives = &menu->session->drives;

	for (unsigned i = 0; i < DRIVES; i++) {
		const struct drive *drive = &drives->drive[i];
		char text[120], name[16];

		if (!drive_removable(drives, i))
			continue;
		if (i < CBX_IDE_0)
			snprintf(name, sizeof(name), "Floppy %c:", 'A' + (char)i);
		else
			snprintf(name, sizeof(name), "CD:");
		snprintf(text, sizeof(text), "%s %.80s ...", name, drive->disk ? file_name(drive->name) : "empty");
		item(menu, MEDIUM, i, text, "");
	}
}

static void main_items(struct menu *menu)
{
	char text[40];

	menu->page = MENU_MAIN;
	menu->count = 0;
	item(menu, GO_ON, 0, "Back to the guest", "Esc");
	item(menu, PAUSE, 0, menu->session->paused ? "Let the guest go on" : "Pause the guest", "P");
	item(menu, SCREENSHOT, 0, "Screenshot", "S");
	item(menu, SAVE, 0, "Save the state", "W");
	item(menu, LOAD, 0, "Load a state ...", "L");
	drive_items(menu);
	item(menu, PASTE, 0, "Type what the clipboard holds", "Ctrl-Alt-V");
	item(menu, CTRL_ALT_DEL, 0, "Press Ctrl-Alt-Delete", "D");
	snprintf(text, sizeof(text), "Press %s", menu->menu_key);
	item(menu, SEND_KEY, 0, text, menu->menu_key);
	item(menu, RESET, 0, "Reset button", "R");
	item(menu, POWER, 0, "Power button", "O");
	item(menu, FULL_SCREEN, 0, menu->full_screen ? "Leave full screen" : "Full screen", "Ctrl-Alt-F");
	item(menu, SCALING, 0, menu->integer ? "Scale smoothly" : "Scale by whole numbers", "I");
	item(menu, QUIT, 0, "Quit", "Q");
	if (menu->chosen >= menu->count)
		menu->chosen = 0;
	menu->top = 0;
}

/* ---- Files ------------------------------------------------------------------------------ */

static bool has_eject(const struct menu *menu)
{
	return menu->page == MENU_MEDIUM && menu->session->drives.drive[menu->drive].disk;
}

static unsigned rows(const struct menu *menu)
{
	return menu->page == MENU_MAIN ? menu->count : menu->files.count + has_eject(menu);
}

static void show_files(struct menu *menu, const char *folder)
{
	if (!file_list_read(&menu->files, folder)) {
		menu_say(menu, "%.200s: %s; choose another folder", folder, strerror(errno));
		if (!menu->files.count)
			main_items(menu);
		return;
	}
	menu->chosen = menu->top = 0;
	menu->typed[0] = 0;
}

static void open_files(struct menu *menu, const char *near)
{
	char folder[FILE_LIST_PATH];
	char *slash;

	menu->main_chosen = menu->chosen;
	snprintf(folder, sizeof(folder), "%s", near);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = 0;
	show_files(menu, slash ? folder : *menu->files.folder ? menu->files.folder : ".");
}

static void back_to_main(struct menu *menu)
{
	menu->chosen = menu->main_chosen;
	main_items(menu);
}

static enum menu_wish eject(struct menu *menu)
{
	char line[64];

	snprintf(line, sizeof(line), "eject %s", drive_name(&menu->session->drives, menu->drive));
	if (run(menu, line, "The drive is empty"))
		return MENU_CLOSE;
	back_to_main(menu);
	return MENU_NOTHING;
}

static enum menu_wish take_file(struct menu *menu, const char *path)
{
	char command[64];
	bool good;

	if (menu->page == MENU_STATE) {
		good = run_file(menu, "loadvm", path, "Loaded");
	} else {
		snprintf(command, sizeof(command), "change %s",
			 drive_name(&menu->session->drives, menu->drive));
		good = run_file(menu, command, path, "Inserted");
	}
	return good ? MENU_CLOSE : MENU_NOTHING;
}

static enum menu_wish choose_file(struct menu *menu)
{
	unsigned entry = menu->chosen - has_eject(menu);
	char path[FILE_LIST_PATH + 300];

	if (has_eject(menu) && !menu->chosen)
		return eject(menu);
	if (!file_list_path(&menu->files, entry, path, sizeof(path)))
		return MENU_NOTHING;
	if (!menu->files.entries[entry].folder)
		return take_file(menu, path);
	show_files(menu, path);
	return MENU_NOTHING;
}

void menu_insert(struct menu *menu, const char *path)
{
	const struct drives *drives = &menu->session->drives;
	int drive = CBX_FLOPPY_A;
	struct stat about = { 0 };
	char command[64];

	if (stat(path, &about) || S_ISDIR(about.st_mode)) {
		menu_say(menu, "%.80s: %s; drop the image of a floppy or a CD here", file_name(path),
			 S_ISDIR(about.st_mode) ? "it is a folder" : strerror(errno));
		return;
	}
	switch (disk_file_guess(path)) {
	case DISK_FLOPPY:
		break;
	case DISK_CD:
		for (drive = CBX_IDE_0; drive < DRIVES; drive++)
			if (drive_removable(drives, (unsigned)drive))
				break;
		if (drive == DRIVES) {
			menu_say(menu, "%.80s is a CD, and this machine has no CD drive; "
				 "start Clearbox with -cdrom %.80s", file_name(path), file_name(path));
			return;
		}
		break;
	case DISK_HARD:
		menu_say(menu, "%.80s is neither a floppy's image (by its size) nor a CD's; "
			 "hard disks are given at the start: -hda %.80s", file_name(path), file_name(path));
		return;
	}
	snprintf(command, sizeof(command), "change %s", drive_name(drives, (unsigned)drive));
	run_file(menu, command, path, drive == CBX_FLOPPY_A ? "In drive A:" : "In the CD drive:");
}

/* ---- What items do ------------------------------------------------------------------------ */

/* clearbox-20261122-144500.png */
static void dated_name(char *name, size_t size, const char *ending)
{
	time_t now = time(NULL);
	struct tm local;
	char date[32] = "";

	if (localtime_r(&now, &local))
		strftime(date, sizeof(date), "%Y%m%d-%H%M%S", &local);
	snprintf(name, size, "clearbox-%s.%s", date, ending);
}

static enum menu_wish act(struct menu *menu, const struct menu_item *i)
{
	bool paused = menu->session->paused;
	char name[80];

	switch ((enum action)i->action) {
	case GO_ON:
		return MENU_CLOSE;
	case PAUSE:
		run(menu, paused ? "cont" : "stop", paused ? "The guest goes on" : "The guest is paused");
		return MENU_CLOSE;
	case SCREENSHOT:
#ifdef HAVE_PNG
		dated_name(name, sizeof(name), "png");
#else
		dated_name(name, sizeof(name), "ppm");
#endif
		run_file(menu, "screendump", name, "Screenshot:");
		return MENU_CLOSE;
	case SAVE:
		dated_name(name, sizeof(name), "state");
		run_file(menu, "savevm", name, "Saved:");
		return MENU_CLOSE;
	case LOAD:
		menu->page = MENU_STATE;
		open_files(menu, "");
		return MENU_NOTHING;
	case MEDIUM:
		menu->page = MENU_MEDIUM;
		menu->drive = i->drive;
		open_files(menu, menu->session->drives.drive[i->drive].name);
		return MENU_NOTHING;
	case PASTE:
		return MENU_PASTE;
	case CTRL_ALT_DEL:
		run(menu, "sendkey ctrl-alt-delete", NULL);
		return MENU_CLOSE;
	case SEND_KEY:
		return MENU_SEND_KEY;
	case RESET:
		run(menu, "system_reset", NULL);
		return MENU_CLOSE;
	case POWER:
		run(menu, "system_powerdown", NULL);
		return MENU_CLOSE;
	case FULL_SCREEN:
		return MENU_FULL_SCREEN;
	case SCALING:
		return MENU_SCALING;
	case QUIT:
		run(menu, "quit", NULL);
		return MENU_CLOSE;
	}
	return MENU_NOTHING;
}

static enum menu_wish take(struct menu *menu)
{
	struct menu_item chosen;

	if (menu->chosen >= rows(menu))
		return MENU_NOTHING;
	if (menu->page != MENU_MAIN)
		return choose_file(menu);
	chosen = menu->items[menu->chosen];
	return act(menu, &chosen);
}

/* ---- Keys and mouse ------------------------------------------------------------------------ */

/* Keeps the chosen row among those that are shown. */
static void move(struct menu *menu, int by)
{
	int last = (int)rows(menu) - 1, to = (int)menu->chosen + by;

	if (last < 0)
		return;
	/* One step beyond an end goes round; more than one stops there. */
	if (to < 0)
		to = by == -1 ? last : 0;
	if (to > last)
		to = by == 1 ? 0 : last;
	menu->chosen = (unsigned)to;
	if (menu->chosen < menu->top)
		menu->top = menu->chosen;
	if (menu->chosen >= menu->top + LIST_ROWS)
		menu->top = menu->chosen - LIST_ROWS + 1;
}

static char letter_of(unsigned usage)
{
	if (usage >= KEY_A && usage <= KEY_Z)
		return (char)('a' + (char)(usage - KEY_A));
	if (usage >= KEY_1 && usage <= KEY_0)
		return "1234567890"[usage - KEY_1];
	return usage == KEY_MINUS ? '-' : usage == KEY_DOT ? '.' : 0;
}

static void type_name(struct menu *menu, char letter, uint64_t now)
{
	size_t length = now - menu->typed_time > typing_pause ? 0 : strlen(menu->typed);
	unsigned found;

	menu->typed_time = now;
	if (length + 1 >= sizeof(menu->typed))
		return;
	menu->typed[length] = letter;
	menu->typed[length + 1] = 0;
	found = file_list_find(&menu->files, menu->typed);
	if (found < menu->files.count)
		move(menu, (int)(found + has_eject(menu)) - (int)menu->chosen);
}

static enum menu_wish letter(struct menu *menu, char c, uint64_t now)
{
	if (menu->page != MENU_MAIN) {
		type_name(menu, c, now);
		return MENU_NOTHING;
	}
	for (unsigned n = 0; n < menu->count; n++) {
		if (menu->items[n].key[0] != c - 'a' + 'A' || menu->items[n].key[1])
			continue;
		menu->chosen = n;
		return take(menu);
	}
	return MENU_NOTHING;
}

enum menu_wish menu_key(struct menu *menu, unsigned usage, uint64_t now)
{
	switch (usage) {
	case KEY_UP:
		move(menu, -1);
		break;
	case KEY_DOWN:
		move(menu, 1);
		break;
	case KEY_PAGE_UP:
		move(menu, -(LIST_ROWS - 1));
		break;
	case KEY_PAGE_DOWN:
		move(menu, LIST_ROWS - 1);
		break;
	case KEY_HOME:
		move(menu, -(int)rows(menu));
		break;
	case KEY_END:
		move(menu, (int)rows(menu) + 1);
		break;
	case KEY_ENTER:
	case KEY_PAD_ENTER:
	case KEY_SPACE:
		return take(menu);
	case KEY_RIGHT:
		return menu->page == MENU_MAIN ? MENU_NOTHING : take(menu);
	case KEY_ESCAPE:
		if (menu->page == MENU_MAIN)
			return MENU_CLOSE;
		back_to_main(menu);
		break;
	case KEY_BACKSPACE:
	case KEY_LEFT:
		if (menu->page != MENU_MAIN && menu->files.count && !strcmp(menu->files.entries[0].name, "..")) {
			char path[FILE_LIST_PATH + 300];

			if (file_list_path(&menu->files, 0, path, sizeof(path)))
				show_files(menu, path);
		}
		break;
	default:
		if (letter_of(usage))
			return letter(menu, letter_of(usage), now);
	}
	return MENU_NOTHING;
}

bool menu_key_repeats(unsigned usage)
{
	return usage == KEY_UP || usage == KEY_DOWN || usage == KEY_PAGE_UP || usage == KEY_PAGE_DOWN;
}

enum menu_wish menu_point(struct menu *menu, unsigned column, unsigned row, bool click, uint64_t now)
{
	(void)now;
	if (column < LIST_COLUMN || column >= LIST_COLUMN + LIST_COLUMNS || row < LIST_ROW ||
	    row >= LIST_ROW + LIST_ROWS || menu->top + row - LIST_ROW >= rows(menu))
		return MENU_NOTHING;
	menu->chosen = menu->top + row - LIST_ROW;
	return click ? take(menu) : MENU_NOTHING;
}

void menu_wheel(struct menu *menu, int step)
{
	int top = (int)menu->top + 3 * step, most = (int)rows(menu) - LIST_ROWS;

	top = top > most ? most : top;
	menu->top = top < 0 ? 0 : (unsigned)top;
	if (menu->chosen < menu->top)
		menu->chosen = menu->top;
	if (menu->chosen >= menu->top + LIST_ROWS)
		menu->chosen = menu->top + LIST_ROWS - 1;
}

/* ---- Drawing ------------------------------------------------------------------------------ */

/* One character of UTF-8 as code page 437 has it; what it has not is a question mark. */
static uint8_t next_character(const char **text)
{
	const uint8_t *at = (const uint8_t *)*text;
	uint32_t code = *at++;
	unsigned more = code >= 0xf0 ? 3 : code >= 0xe0 ? 2 : code >= 0xc0 ? 1 : 0;

	if (more)
		code &= 0x3fu >> more;
	for (; more && (*at & 0xc0) == 0x80; more--)
		code = code << 6 | (*at++ & 0x3f);
	*text = (const char *)at;
	if (code >= 0x20 && code < 0x7f)
		return (uint8_t)code;
	for (unsigned i = 0x80; i < 0xff; i++)
		if (cbx_cell_unicode((uint8_t)i) == code)
			return (uint8_t)i;
	return '?';
}

void menu_message(const struct menu *menu, char *text, size_t size)
{
	const char *from = menu->message;
	size_t n = 0;

	while (*from && n + 1 < size) {
		if (*from == '\n')
			text[n++] = *from++;
		else
			text[n++] = (char)next_character(&from);
	}
	text[n] = 0;
}

/* Puts text into cells; what does not fit is cut, which "..." shows. */
static void put(struct menu_cell *cells, unsigned room, const char *text, enum menu_look look)
{
	unsigned n = 0;

	while (*text && n < room)
		cells[n++] = (struct menu_cell){ next_character(&text), (uint8_t)look };
	for (unsigned i = 0; *text && i < 3 && i < room; i++)
		cells[room - 1 - i].character = '.';
}

static void fill(struct menu_cell *cells, unsigned count, uint8_t character, enum menu_look look)
{
	for (unsigned i = 0; i < count; i++)
		cells[i] = (struct menu_cell){ character, (uint8_t)look };
}

static void draw_frame(struct menu_cell cells[MENU_ROWS][MENU_COLUMNS], const char *head,
		       const char *foot)
{
	for (unsigned y = 0; y < MENU_ROWS; y++) {
		bool top = !y, bottom = y == MENU_ROWS - 1, edge = top || bottom;

		fill(cells[y], MENU_COLUMNS, edge ? 0xc4 : ' ', edge ? MENU_FRAME : MENU_PLAIN);
		fill(cells[y], 1, top ? 0xda : bottom ? 0xc0 : 0xb3, MENU_FRAME);
		fill(cells[y] + MENU_COLUMNS - 1, 1, top ? 0xbf : bottom ? 0xd9 : 0xb3, MENU_FRAME);
	}
	fill(cells[0] + 2, 1, ' ', MENU_HEAD);
	put(cells[0] + 3, MENU_COLUMNS - 6, head, MENU_HEAD);
	for (unsigned x = 3; x < MENU_COLUMNS - 2; x++) {
		if (cells[0][x].look != MENU_HEAD) {
			cells[0][x].character = ' ';
			break;
		}
	}
	put(cells[MENU_ROWS - 2] + LIST_COLUMN, LIST_COLUMNS, foot, MENU_FAINT);
}

static void size_text(uint64_t bytes, char *text, size_t size)
{
	if (bytes < 10240)
		snprintf(text, size, "%u bytes", (unsigned)bytes);
	else if (bytes < 10240u * 1024)
		snprintf(text, size, "%u KiB", (unsigned)(bytes >> 10));
	else if (bytes < UINT64_C(10240) << 20)
		snprintf(text, size, "%u MiB", (unsigned)(bytes >> 20));
	else
		snprintf(text, size, "%u GiB", (unsigned)(bytes >> 30));
}

/* What stands in a row of the list: at its left, and at its right. */
static void row_text(const struct menu *menu, unsigned row, char *left, size_t size, char *right,
		     size_t right_size)
{
	const struct file_entry *entry;

	*right = 0;
	if (menu->page == MENU_MAIN) {
		snprintf(left, size, "%s", menu->items[row].text);
		snprintf(right, right_size, "%s", menu->items[row].key);
		return;
	}
	if (has_eject(menu) && !row) {
		snprintf(left, size, "Eject %s", file_name(menu->session->drives.drive[menu->drive].name));
		return;
	}
	entry = &menu->files.entries[row - has_eject(menu)];
	snprintf(left, size, "%s%s", entry->name, entry->folder ? "/" : "");
	if (!entry->folder)
		size_text(entry->bytes, right, right_size);
}

void menu_draw(const struct menu *menu, struct menu_cell cells[MENU_ROWS][MENU_COLUMNS])
{
	const char *foot = "Up, Down, Enter; letters find names; Left: one folder up";
	char head[FILE_LIST_PATH + 40] = "Clearbox", right[32], left[FILE_LIST_PATH];
	unsigned count = rows(menu);

	if (menu->page == MENU_MAIN)
		foot = "Up, Down, Enter, the letters at the right, or the mouse";
	else
		snprintf(head, sizeof(head), "%s from %s", menu->page == MENU_STATE ? "A state" :
			 menu->drive < CBX_IDE_0 ? "A floppy" : "A CD", menu->files.folder);
	draw_frame(cells, head, foot);
	for (unsigned n = 0; n < LIST_ROWS && menu->top + n < count; n++) {
		struct menu_cell *row = cells[LIST_ROW + n] + LIST_COLUMN;
		bool chosen = menu->top + n == menu->chosen;
		unsigned room = LIST_COLUMNS - 2;
		size_t length;

		row_text(menu, menu->top + n, left, sizeof(left), right, sizeof(right));
		length = strlen(right);
		if (chosen)
			fill(row, LIST_COLUMNS, ' ', MENU_CHOSEN);
		if (length) {
			put(row + LIST_COLUMNS - 1 - length, (unsigned)length, right,
			    chosen ? MENU_CHOSEN : MENU_FAINT);
			room -= (unsigned)length + 1;
		}
		put(row + 1, room, left, chosen ? MENU_CHOSEN : MENU_PLAIN);
	}
	/* More above or below. */
	if (menu->top)
		cells[LIST_ROW][MENU_COLUMNS - 2] = (struct menu_cell){ 0x18, MENU_FAINT };
	if (menu->top + LIST_ROWS < count)
		cells[LIST_ROW + LIST_ROWS - 1][MENU_COLUMNS - 2] = (struct menu_cell){ 0x19, MENU_FAINT };
}

/* ---- Life ------------------------------------------------------------------------------------ */

void menu_open(struct menu *menu)
{
	menu->open = true;
	menu->chosen = 0;
	main_items(menu);
}

void menu_close(struct menu *menu)
{
	menu->open = false;
	menu->page = MENU_MAIN;
	file_list_free(&menu->files);
}
