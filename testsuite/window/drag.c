/*
 * Drags what is named by URIs onto another program's window and drops it there, as a file manager
 * does: the source's side of the XDND protocol, version 5 (freedesktop.org).
 *
 * usage: drag WINDOW URI...       exit status: 0 dropped and taken, 1 not, 2 no such window
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <X11/Xatom.h>
#include <X11/Xlib.h>

enum { VERSION = 5, PATIENCE = 20 };

static const char *const names[] = {
	"XdndAware", "XdndSelection", "XdndEnter", "XdndPosition", "XdndStatus", "XdndDrop",
	"XdndFinished", "XdndActionCopy", "text/uri-list"
};
enum { AWARE, SELECTION, ENTER, POSITION, STATUS, DROP, FINISHED, COPY, URI_LIST, ATOMS };

struct drag {
	Display *display;
	Window source, target;
	Atom atoms[ATOMS];
	char *list;                     /* the URIs, a line each */
	bool accepted, finished, taken;
};

static void tell(const struct drag *d, unsigned what, long one, long two, long three, long four)
{
	XClientMessageEvent message = { .type = ClientMessage, .window = d->target, .format = 32 };

	message.message_type = d->atoms[what];
	message.data.l[0] = (long)d->source;
	message.data.l[1] = one;
	message.data.l[2] = two;
	message.data.l[3] = three;
	message.data.l[4] = four;
	XSendEvent(d->display, d->target, False, NoEventMask, (XEvent *)&message);
	XFlush(d->display);
}

/* The target wants to have the list. */
static void give(const struct drag *d, const XSelectionRequestEvent *request)
{
	XSelectionEvent answer = { .type = SelectionNotify, .requestor = request->requestor,
				   .selection = request->selection, .target = request->target,
				   .time = request->time };

	if (request->target == d->atoms[URI_LIST]) {
		XChangeProperty(d->display, request->requestor, request->property, request->target, 8,
				PropModeReplace, (const unsigned char *)d->list, (int)strlen(d->list));
		answer.property = request->property;
	}
	XSendEvent(d->display, request->requestor, False, NoEventMask, (XEvent *)&answer);
	XFlush(d->display);
}

/* Answers events until *done, or patience is over. */
static bool wait_until(struct drag *d, const bool *done)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	time_t end = time(NULL) + PATIENCE;
	XEvent event;

	while (!*done && time(NULL) < end) {
		if (!XPending(d->display)) {
			nanosleep(&pause, NULL);
			continue;
		}
		XNextEvent(d->display, &event);
		if (event.type == SelectionRequest) {
			give(d, &event.xselectionrequest);
		} else if (event.type == ClientMessage && event.xclient.message_type == d->atoms[STATUS]) {
			d->accepted = event.xclient.data.l[1] & 1;
		} else if (event.type == ClientMessage && event.xclient.message_type == d->atoms[FINISHED]) {
			d->finished = true;
			d->taken = event.xclient.data.l[1] & 1;
		}
	}
	return *done;
}

static bool is_aware(const struct drag *d)
{
	unsigned long count = 0, left;
	unsigned char *version = NULL;
	Atom type;
	int format;

	XGetWindowProperty(d->display, d->target, d->atoms[AWARE], 0, 1, False, XA_ATOM, &type, &format, &count,
			   &left, &version);
	if (version)
		XFree(version);
	return count == 1;
}

static int ignore(Display *display, XErrorEvent *event)
{
	(void)display;
	(void)event;
	return 0;
}

static int drag(struct drag *d)
{
	Window root = DefaultRootWindow(d->display), child;
	int x = 0, y = 0;

	if (!is_aware(d)) {
		fprintf(stderr, "drag: no such window, or nothing can be dropped on it\n");
		return 2;
	}
	XTranslateCoordinates(d->display, d->target, root, 100, 100, &x, &y, &child);
	XSetSelectionOwner(d->display, d->atoms[SELECTION], d->source, CurrentTime);
	tell(d, ENTER, (long)VERSION << 24, (long)d->atoms[URI_LIST], None, None);
	tell(d, POSITION, 0, (long)x << 16 | y, CurrentTime, (long)d->atoms[COPY]);
	if (!wait_until(d, &d->accepted)) {
		fprintf(stderr, "drag: the window does not want it\n");
		return 1;
	}
	tell(d, DROP, 0, CurrentTime, 0, 0);
	if (!wait_until(d, &d->finished) || !d->taken) {
		fprintf(stderr, "drag: the window did not take it\n");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct drag d = { .display = XOpenDisplay(NULL) };
	size_t length = 1;
	int result;

	for (int i = 2; i < argc; i++)
		length += strlen(argv[i]) + 2;
	d.list = calloc(1, length);
	if (!d.display || !d.list || argc < 3) {
		fprintf(stderr, "usage: drag WINDOW URI...      (on an X display)\n");
		free(d.list);
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		strcat(d.list, argv[i]);
		strcat(d.list, "\r\n");
	}
	XSetErrorHandler(ignore);
	d.target = (Window)strtoul(argv[1], NULL, 0);
	d.source = XCreateSimpleWindow(d.display, DefaultRootWindow(d.display), 0, 0, 1, 1, 0, 0, 0);
	for (unsigned i = 0; i < ATOMS; i++)
		d.atoms[i] = XInternAtom(d.display, names[i], False);
	result = drag(&d);
	XCloseDisplay(d.display);
	free(d.list);
	return result;
}
