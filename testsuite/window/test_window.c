/*
 * The parts of the window that need none: keys, the place of the picture, the title line, lists
 * of files, the menu with a monitor made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clearbox/screen.h>

#include <cmocka.h>

#include "file_list.h"
#include "menu.h"
#include "monitor.h"
#include "scale.h"
#include "session.h"
#include "title.h"
#include "window_keys.h"

/* ---- Keys ------------------------------------------------------------------------------- */

/* A 104-key board: SDL's number (SDL_scancode.h), and the HID usage it has to become. */
static const struct {
	int first, last;
} keyboard[] = {
	{ 4, 29 }, { 30, 39 }, { 40, 44 },      /* letters, digits, Enter to Space */
	{ 45, 49 }, { 51, 57 },                 /* punctuation, Caps Lock */
	{ 58, 69 }, { 70, 72 },                 /* F1 to F12; Print Screen, Scroll Lock, Pause */
	{ 73, 78 }, { 79, 82 },                 /* Insert to Page Down; arrows */
	{ 83, 99 },                             /* Num Lock and the number pad */
	{ 101, 101 },                           /* Menu */
	{ 224, 231 }                            /* Ctrl, Shift, Alt, Win, left and right */
};

static void test_all_keys(void **state)
{
	struct window_keys keys = { .menu = 0xa4 };
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(keyboard) / sizeof(keyboard[0]); i++) {
		for (int code = keyboard[i].first; code <= keyboard[i].last; code++) {
			assert_int_equal(window_key_usage(code), code);
			assert_int_equal(window_key(&keys, (uint8_t)code, true, false), WINDOW_KEY_GUEST);
			assert_int_equal(window_key(&keys, (uint8_t)code, true, true), WINDOW_KEY_NOTHING);
			assert_int_equal(window_key(&keys, (uint8_t)code, false, false), WINDOW_KEY_GUEST);
			count++;
		}
	}
	assert_int_equal(count, 104);
	/* the key that Europe has more, Japan's, and what no keyboard's usage page has */
	assert_int_equal(window_key_usage(100), 100);
	assert_int_equal(window_key_usage(137), 137);
	assert_int_equal(window_key_usage(0), 0);
	assert_int_equal(window_key_usage(258), 0);
	assert_int_equal(window_key_usage(-1), 0);
	assert_int_equal(window_key_usage(4 + 256), 0);
}

static enum window_key press(struct window_keys *keys, uint8_t usage)
{
	return window_key(keys, usage, true, false);
}

static enum window_key let_go(struct window_keys *keys, uint8_t usage)
{
	return window_key(keys, usage, false, false);
}

static void test_own_keys(void **state)
{
	struct window_keys keys = { .menu = 0x45 };
	unsigned count = 0;

	(void)state;
	assert_int_equal(press(&keys, 0x45), WINDOW_KEY_MENU);
	assert_int_equal(let_go(&keys, 0x45), WINDOW_KEY_NOTHING);
	/* F12 with a modifier is the guest's */
	assert_int_equal(press(&keys, 0xe1), WINDOW_KEY_GUEST);
	assert_int_equal(press(&keys, 0x45), WINDOW_KEY_GUEST);
	assert_int_equal(let_go(&keys, 0x45), WINDOW_KEY_GUEST);
	assert_int_equal(let_go(&keys, 0xe1), WINDOW_KEY_GUEST);
	/* Ctrl and Alt of either side; the letter never arrives, nor does its end */
	for (uint8_t side = 0; side < 8; side += 4) {
		assert_int_equal(press(&keys, 0xe0 + side), WINDOW_KEY_GUEST);
		assert_int_equal(press(&keys, 0x0a), WINDOW_KEY_GUEST);
		assert_int_equal(let_go(&keys, 0x0a), WINDOW_KEY_GUEST);
		assert_int_equal(press(&keys, 0xe6 - side), WINDOW_KEY_GUEST);
		assert_int_equal(press(&keys, 0x0a), WINDOW_KEY_RELEASE);
		assert_int_equal(press(&keys, 0x09), WINDOW_KEY_FULL_SCREEN);
		assert_int_equal(press(&keys, 0x19), WINDOW_KEY_PASTE);
		assert_int_equal(press(&keys, 0x19), WINDOW_KEY_NOTHING);
		assert_int_equal(let_go(&keys, 0x0a), WINDOW_KEY_NOTHING);
		assert_int_equal(let_go(&keys, 0x09), WINDOW_KEY_NOTHING);
		assert_int_equal(let_go(&keys, 0x19), WINDOW_KEY_NOTHING);
		/* Ctrl-Alt-F1 is no key of ours, nor is Ctrl-Alt-Delete */
		assert_int_equal(press(&keys, 0x3a), WINDOW_KEY_GUEST);
		assert_int_equal(press(&keys, 0x4c), WINDOW_KEY_GUEST);
		assert_int_equal(let_go(&keys, 0x3a), WINDOW_KEY_GUEST);
		assert_int_equal(let_go(&keys, 0x4c), WINDOW_KEY_GUEST);
		assert_int_equal(let_go(&keys, 0xe0 + side), WINDOW_KEY_GUEST);
		assert_int_equal(let_go(&keys, 0xe6 - side), WINDOW_KEY_GUEST);
	}
	/* when the focus goes, nothing stays pressed in the guest */
	press(&keys, 0xe2);
	press(&keys, 0x2b);
	while (window_key_let_go(&keys))
		count++;
	assert_int_equal(count, 2);
	assert_int_equal(let_go(&keys, 0x2b), WINDOW_KEY_NOTHING);
}

/* ---- The picture's place ------------------------------------------------------------------ */

static const struct scale_picture text = { 720, 400, 4, 3 }, vga = { 640, 400, 4, 3 },
				  vbe = { 1280, 1024, 1280, 1024 };

static void placed(const struct scale_picture *picture, int width, int height, bool integer, int x, int y,
		   int w, int h)
{
	struct box box = scale_place(picture, width, height, integer);

	if (box.x != x || box.y != y || box.width != w || box.height != h)
		print_message("%dx%d: %d,%d %dx%d\n", width, height, box.x, box.y, box.width, box.height);
	assert_true(box.x == x && box.y == y && box.width == w && box.height == h);
}

static void test_places(void **state)
{
	int width, height;

	(void)state;
	placed(&text, 720, 540, false, 0, 0, 720, 540);
	placed(&text, 1920, 1080, false, 240, 0, 1440, 1080);
	placed(&text, 300, 1000, false, 0, 387, 300, 225);
	placed(&vbe, 1280, 1024, false, 0, 0, 1280, 1024);
	placed(&vbe, 640, 600, false, 0, 44, 640, 512);
	/* whole numbers: 5 x 6 times 320 x 200 is exactly 4:3, shown as 2.5 x 3 of ours, which is not whole */
	placed(&vga, 640, 480, true, 0, 40, 640, 400);
	placed(&vga, 2560, 2000, true, 0, 0, 2560, 2000);
	placed(&vbe, 1300, 1100, true, 10, 38, 1280, 1024);
	placed(&vbe, 2600, 2100, true, 20, 26, 2560, 2048);
	/* too small for even one: as if smooth */
	placed(&vbe, 640, 512, true, 0, 0, 640, 512);
	placed(&vbe, 0, -5, true, 0, 0, 1, 1);
	for (int w = 1; w < 3000; w += 37) {
		for (int h = 1; h < 2200; h += 41) {
			struct box box = scale_place(&text, w, h, w & 1);

			assert_true(box.x >= 0 && box.y >= 0 && box.width >= 1 && box.height >= 1);
			assert_true(box.x + box.width <= w && box.y + box.height <= h);
		}
	}
	scale_window(&text, 1, &width, &height);
	assert_int_equal(width, 720);
	assert_int_equal(height, 540);
	scale_window(&vga, 2, &width, &height);
	assert_int_equal(width, 1280);
	assert_int_equal(height, 960);
	scale_window(&vbe, 1, &width, &height);
	assert_int_equal(width, 1280);
	assert_int_equal(height, 1024);
	assert_int_equal(scale_factor(&text, 1920, 1080), 1);
	assert_int_equal(scale_factor(&text, 3840, 2160), 3);
	assert_int_equal(scale_factor(&vbe, 800, 600), 1);
}

/* ---- The title -------------------------------------------------------------------------------- */

static void number_is(uint64_t number, const char *expected)
{
	char text_of[32];

	title_number(number, text_of, sizeof(text_of));
	assert_string_equal(text_of, expected);
}

static void test_title(void **state)
{
	struct title title = { "disk.img", "hda net", "F12: menu", false, 500000000, 500000000, 43500000,
			       UINT64_C(12345678901) };
	char line[200];

	(void)state;
	number_is(0, "0");
	number_is(999, "999");
	number_is(1000, "1.00 k");
	number_is(12345, "12.3 k");
	number_is(999999, "999 k");
	number_is(1000000, "1.00 M");
	number_is(UINT64_MAX, "18.4 E");
	title_line(&title, line, sizeof(line));
	assert_string_equal(line, "disk.img - Clearbox: 100% of real time, 87.0 MIPS, 12.3 G instructions "
				  "[hda net] | F12: menu");
	title.name = title.active = "";
	title.paused = true;
	title.host = 0;
	title_line(&title, line, sizeof(line));
	assert_string_equal(line, "Clearbox: paused, 12.3 G instructions | F12: menu");
	title_line(&title, line, 10);
	assert_string_equal(line, "Clearbox:");
}

/* ---- Files --------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/clearbox-window-XXXXXX";

static void make_file(const char *name, off_t size)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(truncate(path, size), 0);
}

static int make_folder(void **state)
{
	char path[200];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/Games", folder);
	assert_int_equal(mkdir(path, 0755), 0);
	make_file("dos.img", 1440 << 10);
	make_file("other.img", 1440 << 10);
	make_file("My \"System\".iso", 10 << 20);
	make_file("disk.img", 10 << 20);
	make_file(".hidden", 5);
	return 0;
}

static int remove_folder(void **state)
{
	char command[200];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void test_files(void **state)
{
	struct file_list list = { .folder = "" };
	char path[100], tiny[10];

	(void)state;
	assert_true(file_list_read(&list, folder));
	assert_int_equal(list.count, 6);
	assert_string_equal(list.entries[0].name, "..");
	assert_string_equal(list.entries[1].name, "Games");
	assert_true(list.entries[1].folder);
	assert_string_equal(list.entries[2].name, "disk.img");
	assert_int_equal(list.entries[2].bytes, 10 << 20);
	assert_string_equal(list.entries[4].name, "My \"System\".iso");
	assert_int_equal(file_list_find(&list, "DOS"), 3);
	assert_int_equal(file_list_find(&list, "x"), 6);
	assert_true(file_list_path(&list, 3, path, sizeof(path)));
	assert_string_equal(strrchr(path, '/'), "/dos.img");
	assert_false(file_list_path(&list, 3, tiny, sizeof(tiny)));
	assert_false(file_list_path(&list, 6, path, sizeof(path)));
	/* what is no folder leaves the list as it is */
	assert_false(file_list_read(&list, path));
	assert_int_equal(list.count, 6);
	assert_true(file_list_read(&list, "/"));
	assert_string_not_equal(list.entries[0].name, "..");
	file_list_free(&list);
}

/* ---- The menu, with a monitor that writes down what it is told ------------------------------------ */

static char commands[2000];
static bool refuse;

bool monitor_execute(struct session *session, const char *line,
		     void (*output)(void *user, const char *text), void *user)
{
	size_t length = strlen(commands);

	snprintf(commands + length, sizeof(commands) - length, "%s\n", line);
	if (!strcmp(line, "stop") || !strcmp(line, "cont"))
		session->paused = *line == 's';
	if (refuse)
		output(user, "change: it is in use; take another\n");
	return !refuse;
}

bool monitor_quote(char *quoted, size_t size, const char *plain)
{
	return (size_t)snprintf(quoted, size, "<%s>", plain) < size;
}

const char *drive_name(const struct drives *drives, unsigned drive)
{
	static const char *const names[] = { "floppy0", "floppy1", "ide0-hd0", "ide0-hd1", "ide1-cd0", "x" };

	(void)drives;
	return names[drive];
}

bool drive_removable(const struct drives *drives, unsigned drive)
{
	return drives->drive[drive].present && drives->drive[drive].kind != DISK_HARD;
}

enum disk_kind disk_file_guess(const char *name)
{
	return strstr(name, ".iso") ? DISK_CD : strstr(name, "dos") || strstr(name, "other") ? DISK_FLOPPY : DISK_HARD;
}

uint32_t cbx_cell_unicode(uint8_t character)
{
	return character == 0x84 ? 0xe4 : character;
}

static char row_text[MENU_COLUMNS + 1];

/* The menu's row with this text in it, NULL: none has. */
static const char *shows(const struct menu *menu, const char *words)
{
	struct menu_cell cells[MENU_ROWS][MENU_COLUMNS];

	menu_draw(menu, cells);
	for (unsigned y = 0; y < MENU_ROWS; y++) {
		for (unsigned x = 0; x < MENU_COLUMNS; x++)
			row_text[x] = (char)cells[y][x].character;
		if (strstr(row_text, words))
			return row_text;
	}
	return NULL;
}

static void told(const char *expected)
{
	if (strncmp(commands, expected, strlen(expected)))
		print_message("told: %s", commands);
	assert_memory_equal(commands, expected, strlen(expected));
	commands[0] = 0;
}

enum { ESCAPE = 0x29, ENTER = 0x28, DOWN = 0x51, UP = 0x52, LEFT = 0x50 };

static struct session *new_session(void)
{
	struct session *session = calloc(1, sizeof(*session));

	assert_non_null(session);
	session->drives.drive[0] = (struct drive){ .present = true, .kind = DISK_FLOPPY };
	session->drives.drive[2] = (struct drive){ .present = true, .kind = DISK_HARD };
	session->drives.drive[4] = (struct drive){ .present = true, .kind = DISK_CD };
	return session;
}

static void test_menu(void **state)
{
	struct session *session = new_session();
	struct menu menu = { .session = session, .menu_key = "F12" };
	uint64_t said;

	(void)state;
	menu_open(&menu);
	assert_non_null(shows(&menu, "Back to the guest"));
	assert_non_null(shows(&menu, "Floppy A: empty"));
	assert_null(shows(&menu, "Floppy B:"));
	assert_non_null(shows(&menu, "CD: empty"));
	assert_int_equal(menu_key(&menu, ENTER, 0), MENU_CLOSE);
	assert_int_equal(menu_key(&menu, DOWN, 0), MENU_NOTHING);
	assert_int_equal(menu_key(&menu, ENTER, 0), MENU_CLOSE);
	told("stop\n");
	menu_open(&menu);
	assert_non_null(shows(&menu, "Let the guest go on"));
	assert_int_equal(menu_key(&menu, 0x13, 0), MENU_CLOSE);        /* P */
	told("cont\n");
	said = menu.message_number;
	assert_int_equal(menu_key(&menu, 0x16, 0), MENU_CLOSE);        /* S */
	told("screendump <clearbox-");
	assert_int_equal(menu.message_number, said + 1);
	assert_non_null(strstr(menu.message, "Screenshot: clearbox-"));
	assert_int_equal(menu_key(&menu, 0x07, 0), MENU_CLOSE);        /* D */
	told("sendkey ctrl-alt-delete\n");
	menu_key(&menu, 0x1a, 0);       /* W */
	told("savevm ");
	menu_key(&menu, 0x15, 0);       /* R */
	told("system_reset\n");
	menu_key(&menu, 0x12, 0);       /* O */
	told("system_powerdown\n");
	assert_int_equal(menu_key(&menu, 0x0c, 0), MENU_SCALING);      /* I */
	assert_int_equal(menu_key(&menu, 0x1d, 0), MENU_NOTHING);      /* Z */
	assert_true(menu_key_repeats(UP) && menu_key_repeats(DOWN));
	assert_false(menu_key_repeats(ENTER) || menu_key_repeats(ESCAPE) || menu_key_repeats(0x45));
	/* up from the first is the last */
	menu_open(&menu);
	menu_key(&menu, UP, 0);
	menu_key(&menu, ENTER, 0);
	told("quit\n");
	assert_int_equal(menu_key(&menu, ESCAPE, 0), MENU_CLOSE);
	menu_close(&menu);
	free(session);
}

static void test_menu_files(void **state)
{
	struct session *session = new_session();
	struct menu menu = { .session = session, .menu_key = "F12" };
	struct disk_file disk;
	char path[200], expected[300];
	unsigned y = 0;

	(void)state;
	/* the CD that is in the drive tells where to look */
	session->drives.drive[4].disk = &disk;
	snprintf(session->drives.drive[4].name, sizeof(session->drives.drive[4].name), "%s/old.iso", folder);
	menu_open(&menu);
	while (!strstr(menu.items[menu.chosen].text, "CD: old.iso") && y++ < MENU_ITEMS)
		menu_key(&menu, DOWN, 0);
	menu_key(&menu, ENTER, 0);
	assert_non_null(shows(&menu, "A CD from "));
	assert_non_null(shows(&menu, "Eject old.iso"));
	assert_non_null(shows(&menu, "10 MiB"));
	assert_non_null(shows(&menu, "Games/"));
	/* letters lead to a name; a pause begins a new one */
	menu_key(&menu, 0x07, 10);      /* d */
	menu_key(&menu, 0x12, 20);      /* o */
	menu_key(&menu, 0x10, UINT64_C(9000000000));   /* m */
	assert_int_equal(menu_key(&menu, ENTER, 0), MENU_CLOSE);
	snprintf(expected, sizeof(expected), "change ide1-cd0 <%s/My \"System\".iso>\n", folder);
	told(expected);
	assert_non_null(strstr(menu.message, "Inserted My"));
	/* what is refused stays open, with the reason */
	refuse = true;
	assert_int_equal(menu_key(&menu, ENTER, 0), MENU_NOTHING);
	assert_string_equal(menu.message, "change: it is in use; take another");
	refuse = false;
	commands[0] = 0;
	/* into a folder, and out again */
	menu_key(&menu, 0x0a, UINT64_C(20000000000));  /* g */
	menu_key(&menu, ENTER, 0);
	assert_non_null(shows(&menu, "Games"));
	menu_key(&menu, LEFT, 0);
	assert_non_null(shows(&menu, "dos.img"));
	/* by mouse */
	for (y = 0; y < MENU_ROWS; y++) {
		menu_point(&menu, 5, y, false, 0);
		if (menu.chosen == 0 && y > 1)
			break;
	}
	assert_int_equal(menu_point(&menu, 5, y, true, 0), MENU_CLOSE);
	told("eject ide1-cd0\n");
	assert_int_equal(menu_point(&menu, 0, 0, true, 0), MENU_NOTHING);
	menu_wheel(&menu, 1);
	menu_wheel(&menu, -1);
	menu_key(&menu, ESCAPE, 0);
	assert_non_null(shows(&menu, "Back to the guest"));
	menu_close(&menu);

	/* a file dropped on the window */
	snprintf(path, sizeof(path), "%s/other.img", folder);
	menu_insert(&menu, path);
	snprintf(expected, sizeof(expected), "change floppy0 <%s>\n", path);
	told(expected);
	snprintf(path, sizeof(path), "%s/My \"System\".iso", folder);
	menu_insert(&menu, path);
	snprintf(expected, sizeof(expected), "change ide1-cd0 <%s>\n", path);
	told(expected);
	menu_insert(&menu, folder);
	assert_non_null(strstr(menu.message, ": it is a folder; "));
	menu_insert(&menu, "/nonexistent/dos.img");
	assert_non_null(strstr(menu.message, "dos.img: No such file"));
	snprintf(path, sizeof(path), "%s/disk.img", folder);
	menu_insert(&menu, path);
	assert_non_null(strstr(menu.message, "disk.img is neither"));
	session->drives.drive[4].present = false;
	snprintf(path, sizeof(path), "%s/My \"System\".iso", folder);
	menu_insert(&menu, path);
	assert_non_null(strstr(menu.message, "no CD drive"));
	assert_string_equal(commands, "");
	/* letters that code page 437 has, and that it has not, and what is no UTF-8 */
	menu_open(&menu);
	snprintf(menu.items[0].text, sizeof(menu.items[0].text), "a\xc3\xa4z\xe2\x82\xacz\xff" "f\xf0");
	assert_non_null(shows(&menu, "a\x84z?z?f?"));
	menu_say(&menu, "d\xc3\xa4sk \xe2\x82\xac.img\n\xff");
	menu_message(&menu, path, sizeof(path));
	assert_string_equal(path, "d\x84sk ?.img\n?");
	menu_message(&menu, path, 4);
	assert_string_equal(path, "d\x84s");
	menu_close(&menu);
	free(session);
}

/* Any keys, any places: what is chosen is there, and what is drawn is inside. */
static void test_menu_noise(void **state)
{
	struct session *session = new_session();
	struct menu menu = { .session = session, .menu_key = "F12" };
	struct menu_cell cells[MENU_ROWS][MENU_COLUMNS];
	uint32_t seed = 1;

	(void)state;
	menu_open(&menu);
	for (unsigned i = 0; i < 20000; i++) {
		seed = seed * 1664525 + 1013904223;
		switch (seed >> 29) {
		case 0:
			menu_point(&menu, seed >> 8 & 127, seed >> 16 & 63, false, i);
			break;
		case 1:
			menu_wheel(&menu, seed & 0x10000 ? 1 : -1);
			break;
		default:
			/* not Enter on "/dev" and its like: only moving about */
			menu_key(&menu, (seed >> 16 & 0xff) == ENTER ? DOWN : seed >> 16 & 0xff, i);
		}
		menu_draw(&menu, cells);
		commands[0] = 0;
	}
	menu_close(&menu);
	free(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_own_keys),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_title),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_menu),
		cmocka_unit_test(test_menu_files),
		cmocka_unit_test(test_menu_noise),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
