/* Where in a window the guest's picture goes. */
#ifndef FRONTEND_SCALE_H
#define FRONTEND_SCALE_H

#include <stdbool.h>

struct box {
	int x, y, width, height;
};

/* A picture: dots, and its shape on a monitor (wide : high). */
struct scale_picture {
	unsigned width, height, wide, high;
};

/*
 * The largest place of the picture's shape in a window of that many dots, in its middle.
 * integer: each of the picture's dots becomes a whole number of the window's, across and down;
 * of all such places it is the one that is large and has nearly the shape.  A picture that
 * is larger than the window is made smaller by either.
 */
struct box scale_place(const struct scale_picture *picture, int width, int height, bool integer);

/* A window's size in which no dot is lost and the shape is right, times factor. */
void scale_window(const struct scale_picture *picture, unsigned factor, int *width, int *height);

/* How often a window of the picture fits into a screen with room to spare: 1 or more. */
unsigned scale_factor(const struct scale_picture *picture, int width, int height);

#endif
