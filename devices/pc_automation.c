/* Waiting for what a PC shows and says, clicks, and hashes of its picture. */
#include <string.h>

#include "board.h"

enum { LOOK_NS = 10000000, HOLD_NS = 50000000 };

/* ---- What serial ports said ---------------------------------------------------------------- */

/* Takes a byte on its way to the embedder. */
static void tap_write(void *user, uint8_t byte)
{
	struct serial_tap *tap = user;

	tap->bytes[(tap->first + tap->count) % SERIAL_TAP] = byte;
	if (tap->count < SERIAL_TAP)
		tap->count++;
	else
		tap->first = (tap->first + 1) % SERIAL_TAP;
	if (tap->behind.write)
		tap->behind.write(tap->behind.user, byte);
}

struct cbx_character_backend board_tap_serial(struct board *board, unsigned port,
					      const struct cbx_character_backend *backend)
{
	struct serial_tap *tap = &board->taps[port];

	tap->behind = *backend;
	tap->bytes = board->tap_bytes[port];
	return (struct cbx_character_backend){ .write = tap_write, .user = tap };
}

/* Takes everything up to the end of text out of the tap; false: it is not there. */
static bool tap_take(struct serial_tap *tap, const char *text, size_t length)
{
	for (unsigned at = 0; at + length <= tap->count; at++) {
		size_t n = 0;

		while (n < length &&
		       tap->bytes[(tap->first + at + n) % SERIAL_TAP] == (uint8_t)text[n])
			n++;
		if (n < length)
			continue;
		tap->first = (unsigned)((tap->first + at + length) % SERIAL_TAP);
		tap->count -= (unsigned)(at + length);
		return true;
	}
	return false;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

/* Runs for some guest time; anything else that ends the run is CBX_ERROR_STATE. */
static enum cbx_status pass(struct cbx_machine *machine, uint64_t nanoseconds, struct cbx_stop *stop)
{
	uint64_t end = cbx_guest_time(machine) + nanoseconds;

	for (;;) {
		uint64_t now = cbx_guest_time(machine);
		struct cbx_run_options run = { .size = sizeof(run) };
		enum cbx_status status;

		if (now >= end)
			return CBX_OK;
		run.guest_nanoseconds = end - now;
		status = cbx_run(machine, &run, stop);
		if (status != CBX_OK)
			return status;
		if (stop->reason != CBX_STOP_LIMIT || *stop->detail)
			return CBX_ERROR_STATE;
	}
}

/* Is it there?  length is the text's. */
typedef bool look_fn(struct cbx_machine *machine, unsigned port, const char *text, size_t length,
		     void *scratch);

static enum cbx_status expect(struct cbx_machine *machine, unsigned port, const char *text,
			      uint64_t nanoseconds, struct cbx_stop *stop, look_fn *look,
			      void *scratch)
{
	uint64_t now = cbx_guest_time(machine), slice;
	uint64_t end = nanoseconds < UINT64_MAX - now ? now + nanoseconds : UINT64_MAX;
	size_t length = strlen(text);
	enum cbx_status status;

	while (!look(machine, port, text, length, scratch)) {
		now = cbx_guest_time(machine);
		if (now >= end)
			return CBX_ERROR_LIMIT;
		slice = end - now < LOOK_NS ? end - now : LOOK_NS;
		status = pass(machine, slice, stop);
		/* What made the run end may have shown it. */
		if (status != CBX_OK)
			return status == CBX_ERROR_STATE &&
			       look(machine, port, text, length, scratch) ? CBX_OK : status;
	}
	return CBX_OK;
}

enum { SCREEN_TEXT = 132 * 60 * 3 + 64 };

static bool look_screen(struct cbx_machine *machine, unsigned port, const char *text,
			size_t length, void *scratch)
{
	(void)port;
	(void)length;
	return cbx_screen_text(machine, scratch, SCREEN_TEXT) == CBX_OK && strstr(scratch, text);
}

enum cbx_status cbx_expect_screen(struct cbx_machine *machine, const char *text,
				  uint64_t guest_nanoseconds, struct cbx_stop *stop)
{
	struct cbx_stop own;
	enum cbx_status status;
	char *scratch;

	if (!machine || !text || !*text)
		return CBX_ERROR_ARGUMENT;
	if (!cbx_machine_board(machine))
		return CBX_ERROR_UNSUPPORTED;
	stop = stop ? stop : &own;
	memset(stop, 0, sizeof(*stop));
	scratch = cbx_machine_allocate(machine, SCREEN_TEXT);
	if (!scratch)
		return CBX_ERROR_MEMORY;
	status = expect(machine, 0, text, guest_nanoseconds, stop, look_screen, scratch);
	cbx_machine_release(machine, scratch);
	return status;
}

static bool look_serial(struct cbx_machine *machine, unsigned port, const char *text,
			size_t length, void *scratch)
{
	struct board *board = cbx_machine_board(machine);

	(void)scratch;
	return tap_take(&board->taps[port], text, length);
}

enum cbx_status cbx_expect_serial(struct cbx_machine *machine, unsigned port, const char *text,
				  uint64_t guest_nanoseconds, struct cbx_stop *stop)
{
	struct cbx_stop own;

	if (!machine || port >= 4 || !text || !*text)
		return CBX_ERROR_ARGUMENT;
	if (!cbx_machine_board(machine))
		return CBX_ERROR_UNSUPPORTED;
	stop = stop ? stop : &own;
	memset(stop, 0, sizeof(*stop));
	return expect(machine, port, text, guest_nanoseconds, stop, look_serial, NULL);
}

/* ---- Mouse and picture ---------------------------------------------------------------------- */

enum cbx_status cbx_click(struct cbx_machine *machine, int dx, int dy, unsigned buttons,
			  struct cbx_stop *stop)
{
	struct cbx_stop own;
	enum cbx_status status;

	if (!machine)
		return CBX_ERROR_ARGUMENT;
	stop = stop ? stop : &own;
	memset(stop, 0, sizeof(*stop));
	status = cbx_mouse(machine, dx, dy, 0, 0);
	if (status == CBX_OK)
		status = cbx_mouse(machine, 0, 0, 0, buttons);
	if (status == CBX_OK)
		status = pass(machine, HOLD_NS, stop);
	if (status == CBX_OK)
		status = cbx_mouse(machine, 0, 0, 0, 0);
	return status == CBX_OK ? pass(machine, HOLD_NS, stop) : status;
}

/* FNV-1a over 32-bit words. */
static uint64_t mix(uint64_t hash, uint32_t word)
{
	return (hash ^ word) * UINT64_C(0x100000001b3);
}

enum cbx_status cbx_screen_hash(struct cbx_machine *machine, uint64_t *hash)
{
	struct cbx_screen screen;
	enum cbx_status status;
	uint32_t *pixels;
	size_t count;

	if (!machine || !hash)
		return CBX_ERROR_ARGUMENT;
	status = cbx_screen_info(machine, &screen);
	if (status != CBX_OK)
		return status;
	count = (size_t)screen.width * screen.height;
	pixels = cbx_machine_allocate(machine, (count + 1) * sizeof(*pixels));
	if (!pixels)
		return CBX_ERROR_MEMORY;
	status = cbx_screen_render(machine, pixels, screen.width, screen.height);
	*hash = mix(mix(UINT64_C(0xcbf29ce484222325), screen.width), screen.height);
	for (size_t i = 0; i < count; i++)
		*hash = mix(*hash, pixels[i]);
	cbx_machine_release(machine, pixels);
	return status;
}
