/* No display: nothing is drawn and no keys come. */
#include <stdlib.h>

#include "display.h"

static void none_update(struct display *display, struct cbx_machine *machine)
{
	(void)display;
	(void)machine;
}

static enum display_event none_input(struct display *display, struct key_queue *keys, uint64_t now)
{
	(void)display;
	(void)keys;
	(void)now;
	return DISPLAY_NOTHING;
}

static uint64_t none_deadline(const struct display *display)
{
	(void)display;
	return UINT64_MAX;
}

static void none_close(struct display *display)
{
	free(display);
}

struct display *display_none_open(void)
{
	struct display *display = calloc(1, sizeof(*display));

	if (!display)
		return NULL;
	display->update = none_update;
	display->input_fd = -1;
	display->input = none_input;
	display->deadline = none_deadline;
	display->close = none_close;
	display->interval = UINT64_C(33000000);
	return display;
}
