/*
 * clearbox doctor.  Each line says ok, or -- for what is not there, with what it would be good
 * for and what to install; package names are Debian's.
 */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <clearbox/clearbox.h>

static void line(FILE *out, bool good, const char *what, const char *text)
{
	fprintf(out, "%s  %-18s %s\n", good ? "ok" : "--", what, text);
}

#ifdef HAVE_SDL
static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}
#endif

/* ---- The library --------------------------------------------------------------------- */

/* A loop of six instructions on a bare machine, for a fifth of a second of the processor's time. */
static double measure(void)
{
	/* again: inc ax; add bx,ax; mov [0x2000],bx; xor cx,bx; cmp ax,cx; jmp again */
	static const uint8_t code[] = { 0x40, 0x01, 0xc3, 0x89, 0x1e, 0x00, 0x20,
					0x31, 0xd9, 0x39, 0xc8, 0xeb, 0xf3 };
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 1 << 20 };
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 2000000 };
	struct cbx_machine *machine;
	struct cbx_error error;
	struct cbx_stop stop;
	const clock_t begun = clock();
	uint64_t count = 0;
	double seconds = 0;

	if (cbx_machine_new(&options, &machine, &error))
		return 0;
	cbx_memory_write(machine, 0x1000, code, sizeof(code));
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RIP, 0x1000);
	while (seconds < 0.2 && count < 1000000000) {
		if (cbx_run(machine, &run, &stop) || !stop.instructions)
			break;
		count += stop.instructions;
		seconds = (double)(clock() - begun) / (double)CLOCKS_PER_SEC;
	}
	cbx_machine_free(machine);
	return seconds > 0 ? (double)count / 1e6 / seconds : 0;
}

static void look_at_machine(FILE *out)
{
	const uint16_t one = 1;
	double mips = measure();
	char text[200];

	snprintf(text, sizeof(text), "%s, %u-bit host, %s-endian", CLEARBOX_VERSION,
		 (unsigned)sizeof(void *) * 8, *(const uint8_t *)&one ? "little" : "big");
	line(out, true, "clearbox", text);
	snprintf(text, sizeof(text),
		 "%.0f million instructions a second here%s; KVM is not used, and not needed", mips,
		 mips > 20 ? "" : " (build with optimisation: meson's default)");
	line(out, mips > 20, "speed", text);
	line(out, true, "firmware", "BIOS and VGA BIOS are built in");
}

/* ---- What it was built with ------------------------------------------------------------- */

static void look_at_build(FILE *out)
{
#ifdef HAVE_SDL
	bool screen = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");

	line(out, screen, "window",
	     screen ? "SDL2 is built in, and a display is there"
		    : "SDL2 is built in; no display is set (DISPLAY, WAYLAND_DISPLAY): the "
		      "terminal is used");
	line(out, true, "sound", "SDL2 is built in; -audio wav=FILE works anywhere");
#else
	line(out, false, "window, sound",
	     "built without SDL2: install libsdl2-dev, then meson setup --wipe and build again; "
	     "-display terminal and -audio wav=FILE work without");
#endif
#ifdef HAVE_SLIRP
	line(out, true, "-nic user", "libslirp is built in");
#else
	line(out, false, "-nic user",
	     "built without libslirp: install libslirp-dev, then build again");
#endif
#ifdef HAVE_TAP
	line(out, !access("/dev/net/tun", R_OK | W_OK), "-nic tap",
	     !access("/dev/net/tun", R_OK | W_OK)
		     ? "/dev/net/tun can be opened"
		     : "/dev/net/tun cannot be opened: root may, others want -nic user");
#else
	line(out, false, "-nic tap", "only on Linux");
#endif
#ifdef HAVE_EDIT
	line(out, true, "monitor", "libedit is built in: history and completion");
#else
	line(out, false, "monitor",
	     "built without libedit (no history, no completion): install libedit-dev, then build "
	     "again");
#endif
#ifdef HAVE_PNG
	line(out, true, "screenshots", "as PNG and PPM");
#else
	line(out, false, "screenshots", "as PPM only: install libpng-dev, then build again");
#endif
}

/* ---- The terminal -------------------------------------------------------------------------- */

static void look_at_terminal(FILE *out)
{
	const char *colours = getenv("COLORTERM");
	bool there = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO), many, unicode = false;
	const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	struct winsize size = { 0 };
	char text[200];

	if (!there) {
		line(out, false, "terminal",
		     "input and output are none: -display none and -serial work");
		return;
	}
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	snprintf(text, sizeof(text), "%u columns, %u rows%s", size.ws_col, size.ws_row,
		 size.ws_col < 80 || size.ws_row < 25
			 ? ": a PC's text screen has 80 and 25, make it larger"
			 : "");
	line(out, size.ws_col >= 80 && size.ws_row >= 25, "terminal", text);
	many = colours && (!strcmp(colours, "truecolor") || !strcmp(colours, "24bit"));
	line(out, many, "true colour", many ? "COLORTERM says so" :
	     "256 colours are used; if this terminal has more, set COLORTERM=truecolor");
	for (unsigned i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);

		if (!value || !*value)
			continue;
		unicode = strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "UTF8");
		break;
	}
	line(out, unicode, "characters",
	     unicode ? "UTF-8" : "the locale is not UTF-8: try LC_ALL=C.UTF-8");
}

/* ---- Other programs and files -----------------------------------------------------------------
 */

static bool in_path(const char *program)
{
	const char *path = getenv("PATH"), *end;

	for (; path && *path; path = *end ? end + 1 : end) {
		char name[600];

		end = path + strcspn(path, ":");
		snprintf(name, sizeof(name), "%.*s/%s", (int)(end - path < 500 ? end - path : 500),
			 path, program);
		if (!access(name, X_OK))
			return true;
	}
	return false;
}

static void look_around(FILE *out)
{
	static const struct {
		const char *file, *what, *good, *missing;
	} files[] = {
		{ "/usr/share/seabios/bios.bin", "SeaBIOS", "for -bios /usr/share/seabios/bios.bin",
		  "another BIOS for -bios: apt-get install seabios" },
		{ "/usr/lib/ipxe/qemu/pxe-ne2k_pci.rom", "network boot",
		  "for -nic ...,romfile=/usr/lib/ipxe/qemu/pxe-ne2k_pci.rom",
		  "a boot ROM for network cards: apt-get install ipxe-qemu" },
	};
	static const struct {
		const char *program, *good, *missing;
	} programs[] = {
		{ "qemu-img", "makes raw disks of other formats",
		  "makes raw disks of qcow2, VMDK, VDI: apt-get install qemu-utils" },
		{ "xorriso", "makes CD images", "makes CD images: apt-get install xorriso" },
		{ "mcopy", "copies files into FAT images",
		  "copies files into FAT images: apt-get install mtools" },
		{ "busybox", "in the Linux of frontend/demo.sh",
		  "the Linux of frontend/demo.sh: apt-get install busybox-static" },
		{ "gdb", "debugs guests (-gdb, -s)", "debugs guests by -gdb: apt-get install gdb" },
	};

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		bool there = !access(files[i].file, R_OK);

		line(out, there, files[i].what, there ? files[i].good : files[i].missing);
	}
	for (unsigned i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		bool there = in_path(programs[i].program);

		line(out, there, programs[i].program,
		     there ? programs[i].good : programs[i].missing);
	}
}

void doctor(FILE *out)
{
	look_at_machine(out);
	look_at_build(out);
	look_at_terminal(out);
	look_around(out);
	fputs("\nok: is there.  --: is not, and what it would be good for.  Nothing marked -- is "
	      "needed to run a PC.\n",
	      out);
}
