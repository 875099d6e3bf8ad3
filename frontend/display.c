/* Which display there is: what was asked for, or the best that is possible here. */
#include "display.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "complain.h"
#include "session.h"

#ifdef HAVE_SDL
static bool can_show_windows(void)
{
#ifdef __linux__
	const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY"), *driver = getenv("SDL_VIDEODRIVER");

	return (x && *x) || (wayland && *wayland) || (driver && *driver);
#else
	return true;
#endif
}
#endif

bool display_may_be_window(const struct options *options)
{
#ifdef HAVE_SDL
	return options->display == DISPLAY_SDL || (options->display == DISPLAY_DEFAULT && can_show_windows());
#else
	(void)options;
	return false;
#endif
}

static struct display *open_sdl(struct session *session, char *why, size_t size)
{
#ifdef HAVE_SDL
	return display_sdl_open(session, why, size);
#else
	(void)session;
	snprintf(why, size, "this build lacks SDL2");
	return NULL;
#endif
}

static struct display *open_any(struct session *session, bool stdio_used)
{
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !stdio_used;
	char why[256] = "neither DISPLAY nor WAYLAND_DISPLAY is set";
	struct display *display = NULL;

#ifdef HAVE_SDL
	if (can_show_windows())
		display = open_sdl(session, why, sizeof(why));
#else
	open_sdl(session, why, sizeof(why));
#endif
	if (display)
		return display;
	complain("no window (%s); %s", why, terminal ? "the screen is shown in this terminal" :
		 "no screen is shown, -display none says that this is meant");
	return terminal ? display_terminal_open() : display_none_open();
}

struct display *display_open(struct session *session, bool stdio_used)
{
	struct display *display = NULL;
	char why[256];

	switch (session->options->display) {
	case DISPLAY_DEFAULT:
		return open_any(session, stdio_used);
	case DISPLAY_NONE:
		return display_none_open();
	case DISPLAY_TERMINAL:
		return display_terminal_open();
	case DISPLAY_SDL:
		display = open_sdl(session, why, sizeof(why));
		if (!display)
			complain("-display sdl: %s; try -display terminal, or none", why);
		break;
	}
	return display;
}
