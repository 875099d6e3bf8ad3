/* Complaints: to standard error, or to the monitor whose command led to them. */
#include "complain.h"

#include <stdarg.h>
#include <stdio.h>

/* Code that opens files knows nothing of monitors, so who listens is kept here. */
static void (*listener)(void *user, const char *text);
static void *listener_user;

void complain_to(void (*output)(void *user, const char *text), void *user)
{
	listener = output;
	listener_user = user;
}

void complain(const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (listener) {
		listener(listener_user, text);
		listener(listener_user, "\n");
	} else {
		fprintf(stderr, "clearbox: %s\n", text);
	}
}
