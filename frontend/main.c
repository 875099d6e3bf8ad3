/*
 * The program clearbox: a PC in a window or a terminal.  It reads the options, opens what they name,
 * makes a machine out of that, runs it, and cleans up.  It uses nothing of the library
 * but its public headers.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <clearbox/clearbox.h>

#include "disk_file.h"
#include "doctor.h"
#include "display.h"
#include "options.h"
#include "output_file.h"
#include "rom_file.h"
#include "screenshot.h"
#include "session.h"
#include "state_file.h"

struct file {
	void *bytes;
	size_t size;
};

struct program {
	struct options options;
	struct file kernel, initrd, bios, vga_bios;
	FILE *log;
	struct cbx_pc_options pc;
	struct session session;
};

/* ---- Files ------------------------------------------------------------------------------ */

static bool load(const char *option, const char *name, uint64_t limit, const char *advice,
		 struct file *file)
{
	if (!name)
		return true;
	file->bytes = file_load(option, name, limit, advice, &file->size);
	return file->bytes != NULL;
}

static uint32_t word_at(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool has_multiboot_header(const struct file *file)
{
	const uint8_t *bytes = file->bytes;

	for (size_t n = 0; n < 8192 && n + 12 <= file->size; n += 4)
		if (word_at(bytes + n) == 0x1badb002 &&
		    word_at(bytes + n) + word_at(bytes + n + 4) + word_at(bytes + n + 8) == 0)
			return true;
	return false;
}

/*
 * Whether the firmware will know what to do with it.  A Linux kernel's header tells its size (the
 * kernel's Documentation/x86/boot.rst: setup_sects, syssize in units of 16 bytes).
 */
static bool check_kernel(const char *name, const struct file *file)
{
	const uint8_t *bytes = file->bytes;
	uint64_t size;

	if (!name)
		return true;
	if (file->size < 0x210 || memcmp(bytes + 0x202, "HdrS", 4)) {
		if (has_multiboot_header(file))
			return true;
		fprintf(stderr, "clearbox: -kernel %s: it is neither a Linux bzImage nor a Multiboot kernel; "
			"try a file such as /boot/vmlinuz\n", name);
		return false;
	}
	size = ((bytes[0x1f1] ? bytes[0x1f1] : 4u) + UINT64_C(1)) * 512 + UINT64_C(16) *
	       (bytes[0x207] > 2 || bytes[0x206] > 3 ? word_at(bytes + 0x1f4) : 0);
	if (file->size + 15 >= size)
		return true;
	fprintf(stderr, "clearbox: -kernel %s: it ends after %zu of %" PRIu64 " bytes; fetch or copy it again\n",
		name, file->size, size);
	return false;
}

/*
 * Room for the initial RAM disk: below what firmware keeps at the top, above the kernel and what that
 * needs to unpack itself (pref_address, init_size).
 */
static bool check_initrd(const struct options *o, const struct file *kernel, const struct file *initrd)
{
	uint64_t top = o->memory_bytes < UINT64_C(3) << 30 ? o->memory_bytes : UINT64_C(3) << 30;
	uint64_t low = (UINT64_C(1) << 20) + kernel->size, unpacked = 0;
	const uint8_t *bytes = kernel->bytes;

	if (!initrd->bytes || kernel->size < 0x268 || memcmp(bytes + 0x202, "HdrS", 4))
		return true;
	if ((bytes[0x207] > 2 || bytes[0x206] >= 10) && !word_at(bytes + 0x25c))
		unpacked = (uint64_t)word_at(bytes + 0x258) + word_at(bytes + 0x260);
	low = unpacked > low ? unpacked : low;
	if (low + initrd->size + (128 << 10) <= top)
		return true;
	fprintf(stderr, "clearbox: -initrd %s: it does not fit into the memory above the kernel, which takes %"
		PRIu64 " MiB; try a machine with more memory, such as -m %" PRIu64 "\n", o->initrd, (low >> 20) + 1,
		(low + 2 * initrd->size + (64 << 20)) >> 20);
	return false;
}

static bool load_files(struct program *p)
{
	const char *memory = "try a machine with more memory, such as -m 256";
	const char *wrong = "is this the right file?";
	struct options *o = &p->options;

	if (!load("kernel", o->kernel, o->memory_bytes, memory, &p->kernel) ||
	    !check_kernel(o->kernel, &p->kernel) ||
	    !load("initrd", o->initrd, o->memory_bytes, memory, &p->initrd) ||
	    !check_initrd(o, &p->kernel, &p->initrd) ||
	    !load("bios", o->bios, 4u << 20, wrong, &p->bios) ||
	    !load("vgabios", o->vga_bios, 128u << 10, wrong, &p->vga_bios))
		return false;
	if (p->bios.size % 4096) {
		fprintf(stderr, "clearbox: -bios %s: its size, %zu bytes, is no multiple of 4096; %s\n", o->bios,
			p->bios.size, wrong);
		return false;
	}
	p->pc.kernel = (struct cbx_image){ p->kernel.bytes, p->kernel.size };
	p->pc.initrd = (struct cbx_image){ p->initrd.bytes, p->initrd.size };
	p->pc.bios = (struct cbx_image){ p->bios.bytes, p->bios.size };
	p->pc.vga_bios = (struct cbx_image){ p->vga_bios.bytes, p->vga_bios.size };
	p->pc.kernel_command_line = o->append;
	for (unsigned i = 0; i < o->option_rom_count; i++)
		if (!rom_file_load("optionrom", o->option_rom[i], ROM_OPTION, &p->pc.option_rom[i]))
			return false;
	return true;
}

static void log_line(void *user, const char *device, const char *text)
{
	fprintf(user, "%s: %s\n", device, text);
}

static bool open_log(struct program *p)
{
	if (!p->options.log)
		return true;
	p->log = strcmp(p->options.log, "-") ? output_file(p->options.log) : stderr;
	if (!p->log)
		fprintf(stderr, "clearbox: -log %s: %s; try another name\n", p->options.log,
			output_problem(errno));
	return p->log != NULL;
}

/* ---- Channels, display, keys ---------------------------------------------------------------- */

static bool uses_stdio(const struct options *options)
{
	for (unsigned i = 0; i < options->serial_count; i++)
		if (options->serial[i].kind == CHANNEL_STDIO)
			return true;
	return options->parallel.kind == CHANNEL_STDIO || options->midi.kind == CHANNEL_STDIO ||
	       options->monitor.kind == CHANNEL_STDIO || options->gdb.kind == GDB_STDIO ||
	       options->debug_console.kind == CHANNEL_STDIO;
}

static bool open_channels(struct program *p)
{
	static const char *const labels[CHANNELS] = {
		"serial0", "serial1", "serial2", "serial3", "parallel0", "debugcon", "midi"
	};
	const struct options *o = &p->options;
	struct channel *channels = p->session.channels;

	for (unsigned i = 0; i < o->serial_count; i++) {
		if (!channel_open(&channels[i], &o->serial[i], labels[i], true))
			return false;
		p->pc.serial[i] = channel_backend(&channels[i]);
	}
	if (!channel_open(&channels[CHANNEL_PARALLEL], &o->parallel, labels[CHANNEL_PARALLEL], false) ||
	    !channel_open(&channels[CHANNEL_DEBUG], &o->debug_console, labels[CHANNEL_DEBUG], false) ||
	    !channel_open(&channels[CHANNEL_MIDI], &o->midi, labels[CHANNEL_MIDI], false))
		return false;
	p->pc.parallel = channel_backend(&channels[CHANNEL_PARALLEL]);
	p->pc.debug_console = channel_backend(&channels[CHANNEL_DEBUG]);
	return true;
}

static bool open_networks(struct program *p)
{
	const struct options *o = &p->options;

	for (unsigned i = 0; i < o->nic_count; i++) {
		if (!network_open(&p->session.networks[i], &o->nic[i], i))
			return false;
		p->pc.card[i] = network_card(&p->session.networks[i], &o->nic[i]);
		if (*o->nic[i].rom && !rom_file_load("nic romfile", o->nic[i].rom, ROM_PCI_CARD,
						     &p->pc.card[i].rom))
			return false;
	}
	return true;
}

static bool open_sound(struct program *p)
{
	const struct options *o = &p->options;
	char problem[256];

	if (!sound_option_place(&o->sound, &p->pc, problem, sizeof(problem))) {
		fprintf(stderr, "clearbox: -device %s: %s\n", o->sound.card.present ? "sb16" : "adlib", problem);
		return false;
	}
	p->pc.sound_card.midi = channel_backend(&p->session.channels[CHANNEL_MIDI]);
	if (!audio_open(&p->session.audio, &o->audio, display_may_be_window(o)))
		return false;
	if (p->session.audio)
		p->pc.sound = p->session.audio->backend;
	return true;
}

/*
 * Real time where somebody looks at a display.  Elsewhere as fast as it goes: then time that a
 * guest is halted is skipped only if nobody can be waiting at a terminal, a socket or a network, and
 * something is there to end the run: else an idle guest would keep the host busy for ever.
 */
static void choose_pace(struct program *p)
{
	const struct options *o = &p->options;
	bool ends = o->timeout > 0 || o->script || o->instructions || o->debug_exit_port;
	bool person = p->session.display->person;

	p->session.pacing.mode = o->pace;
	p->session.pacing.factor = o->speed;
	if (o->pace == PACE_DEFAULT && person)
		p->session.pacing.mode = PACE_REAL;
	if ((o->pace != PACE_DEFAULT || person) && o->pace != PACE_MAX)
		return;
	p->session.pacing.mode = ends && !person && !o->nic_count ? PACE_NONE : PACE_IDLE;
	for (unsigned i = 0; i < o->serial_count; i++)
		if (o->serial[i].kind != CHANNEL_NULL && o->serial[i].kind != CHANNEL_FILE)
			p->session.pacing.mode = PACE_IDLE;
	if (o->monitor.kind == CHANNEL_STDIO || o->monitor.kind == CHANNEL_UNIX || o->gdb.kind != GDB_UNSET)
		p->session.pacing.mode = PACE_IDLE;
}

static int by_time(const void *a, const void *b)
{
	const struct type_option *x = a, *y = b;

	if (x->seconds == y->seconds)
		return x->text < y->text ? -1 : 1;      /* as they stand on the command line */
	return x->seconds < y->seconds ? -1 : 1;
}

static bool prepare_typing(struct program *p)
{
	const struct options *o = &p->options;

	for (unsigned i = 0; i < o->type_count; i++) {
		struct key_queue *scratch = calloc(1, sizeof(*scratch));
		const char *wrong = "";
		bool good = scratch && key_queue_add_text(scratch, o->type[i].text, &wrong);

		free(scratch);
		if (!good) {
			fprintf(stderr, "clearbox: -type: \"%s\" is no character or key; there are "
				"\\n \\t \\b \\e \\\\ and names such as \\{f2}, \\{up}, \\{ctrl-c}\n", wrong);
			return false;
		}
	}
	memcpy(p->session.type, o->type, sizeof(o->type));
	qsort(p->session.type, o->type_count, sizeof(o->type[0]), by_time);
	return true;
}

/* ---- The machine ---------------------------------------------------------------------------- */

static int64_t clock_start(const struct options *options)
{
	time_t now = time(NULL);
	struct tm local;

	if (options->rtc_set)
		return options->rtc_time;
	if (options->rtc_local && localtime_r(&now, &local))
		return (int64_t)now + local.tm_gmtoff;
	return (int64_t)now;
}

static bool make_machine(struct program *p)
{
	const struct options *o = &p->options;
	struct cbx_error error = { 0 };

	p->pc.size = sizeof(p->pc);
	p->pc.machine.size = sizeof(p->pc.machine);
	p->pc.machine.memory_bytes = o->memory_bytes;
	p->pc.machine.cpu = o->cpu;
	p->pc.boot_order = *o->boot_order ? o->boot_order : NULL;
	p->pc.rtc_time = clock_start(o);
	p->pc.debug_exit_port = (uint16_t)o->debug_exit_port;
	p->pc.debug_exit_size = (uint16_t)o->debug_exit_size;
	if (cbx_pc_new(&p->pc, &p->session.machine, &error)) {
		fprintf(stderr, "clearbox: the machine cannot be made: %s\n",
			*error.text ? error.text : "unknown reason");
		return false;
	}
	for (unsigned i = 0; i < o->nic_count; i++)
		p->session.networks[i].machine = p->session.machine;
	if (p->log)
		cbx_machine_set_log(p->session.machine, log_line, p->log);
	return true;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = session_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

static void say(void *user, const char *text)
{
	(void)user;
	fputs(text, stderr);
}

static int run(struct program *p)
{
	char message[320] = "";
	int code;

	if (!prepare_typing(p))
		return EXIT_USAGE;
	if (!drives_open(&p->session.drives, &p->options, &p->pc) || !load_files(p) || !open_log(p))
		return EXIT_CANNOT_OPEN;
	output_keep(p->options.script);
	output_keep(p->options.load_state);
	/* The terminal comes last, so that complaints are seen. */
	if (!open_networks(p) || !open_channels(p))
		return EXIT_CANNOT_OPEN;
	if (!monitor_port_open(&p->session.monitor, &p->options.monitor))
		return EXIT_CANNOT_OPEN;
	if (!open_sound(p))
		return EXIT_CANNOT_OPEN;
	if (!make_machine(p))
		return EXIT_INTERNAL;
	p->session.options = &p->options;
	if (p->options.script) {
		p->session.script = script_open(p->options.script);
		if (!p->session.script)
			return EXIT_USAGE;
	}
	if (p->options.load_state && !state_file_load(&p->session, p->options.load_state))
		return EXIT_CANNOT_OPEN;
	if (p->options.history_bytes &&
	    cbx_history_enable(p->session.machine, p->options.history_bytes)) {
		fprintf(stderr, "clearbox: -history: %s\n", cbx_machine_error(p->session.machine));
		return EXIT_INTERNAL;
	}
	if (!gdb_server_open(&p->session.gdb, &p->options.gdb, &p->session))
		return EXIT_CANNOT_OPEN;
	p->session.display = display_open(&p->session, uses_stdio(&p->options));
	if (!p->session.display)
		return EXIT_CANNOT_OPEN;
	audio_start(p->session.audio, &p->options.audio);
	choose_pace(p);
	catch_signals();
	/* Ctrl-C in gdb's terminal reaches its child, too; gdb says what it means. */
	if (p->options.gdb.kind == GDB_STDIO)
		signal(SIGINT, SIG_IGN);
	code = session_run(&p->session, message, sizeof(message));

	monitor_port_close(&p->session.monitor);
	gdb_server_close(&p->session.gdb);
	p->session.display->close(p->session.display);
	p->session.display = NULL;
	terminal_restore();
	if (p->options.screenshot && !screenshot_write(p->session.machine, p->options.screenshot))
		code = code ? code : EXIT_OUTPUT;
	if (p->options.screen_text && !screen_text_write(p->session.machine, p->options.screen_text))
		code = code ? code : EXIT_OUTPUT;
	cbx_sound_flush(p->session.machine);
	if (p->session.audio && !p->session.audio->close(p->session.audio))
		code = code ? code : EXIT_OUTPUT;
	p->session.audio = NULL;
	if (*message)
		fprintf(stderr, "clearbox: %s\n", message);
	if (code == EXIT_TRIPLE_FAULT)
		monitor_autopsy(&p->session, say, NULL);
	return code;
}

static void clean_up(struct program *p)
{
	gdb_server_close(&p->session.gdb);
	monitor_port_close(&p->session.monitor);
	if (p->session.display)
		p->session.display->close(p->session.display);
	for (unsigned i = 0; i < CHANNELS; i++)
		channel_close(&p->session.channels[i]);
	for (unsigned i = 0; i < CBX_CARDS; i++)
		network_close(&p->session.networks[i]);
	terminal_restore();
	if (p->session.audio)
		p->session.audio->close(p->session.audio);
	monitor_debug_free(&p->session);
	symbols_clear(&p->session.symbols);
	script_close(p->session.script);
	if (p->session.machine)
		cbx_machine_free(p->session.machine);
	drives_close(&p->session.drives);
	free(p->kernel.bytes);
	free(p->initrd.bytes);
	free(p->bios.bytes);
	free(p->vga_bios.bytes);
	for (unsigned i = 0; i < CBX_CARDS; i++)
		free((void *)(uintptr_t)p->pc.card[i].rom.bytes);
	for (unsigned i = 0; i < CBX_OPTION_ROMS; i++)
		free((void *)(uintptr_t)p->pc.option_rom[i].bytes);
	if (p->log && p->log != stderr)
		fclose(p->log);
}

int main(int argc, char **argv)
{
	struct program *p = calloc(1, sizeof(*p));
	int code = EXIT_INTERNAL;

	if (!p) {
		fputs("clearbox: no memory; close other programs\n", stderr);
		return code;
	}
	if (argc == 2 && !strcmp(argv[1], "doctor")) {
		doctor(stdout);
		free(p);
		return fflush(stdout) ? EXIT_OUTPUT : 0;
	}
	switch (options_parse(&p->options, argc, argv, stdout, stderr)) {
	case OPTIONS_DONE:
		code = fflush(stdout) ? EXIT_OUTPUT : 0;
		break;
	case OPTIONS_BAD:
		code = EXIT_USAGE;
		break;
	case OPTIONS_RUN:
		code = run(p);
		clean_up(p);
		break;
	}
	options_free(&p->options);
	free(p);
	return code;
}
