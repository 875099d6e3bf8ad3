/* The arithmetic of placing a picture in a window: see scale.h. */
#include "scale.h"

#include <math.h>

static struct box centred(int width, int height, int window_width, int window_height)
{
	return (struct box){ (window_width - width) / 2, (window_height - height) / 2, width, height };
}

static int least_1(double length)
{
	return length < 1 ? 1 : (int)(length + 0.5);
}

static struct box smooth_place(double shape, int width, int height)
{
	if ((double)width > (double)height * shape)
		return centred(least_1(height * shape), height, width, height);
	return centred(width, least_1(width / shape), width, height);
}

struct box scale_place(const struct scale_picture *p, int width, int height, bool integer)
{
	double shape = (double)p->wide / p->high, best = 0;
	struct box place;

	if (width < 1)
		width = 1;
	if (height < 1)
		height = 1;
	place = smooth_place(shape, width, height);
	if (!integer)
		return place;
	for (int x = 1; x <= width / (int)p->width; x++) {
		for (int y = 1; y <= height / (int)p->height; y++) {
			double w = (double)x * p->width, h = (double)y * p->height;
			double wrong = w / h > shape ? shape * h / w : w / h / shape;
			/* A shape that is a quarter off is worth less than half the size. */
			double value = w * h * pow(wrong, 3);

			if (value > best) {
				best = value;
				place = centred((int)w, (int)h, width, height);
			}
		}
	}
	return place;
}

void scale_window(const struct scale_picture *p, unsigned factor, int *width, int *height)
{
	double w = p->width, h = p->height;

	if (w * p->high >= h * p->wide)
		h = w * p->high / p->wide;
	else
		w = h * p->wide / p->high;
	*width = least_1(w * factor);
	*height = least_1(h * factor);
}

unsigned scale_factor(const struct scale_picture *picture, int width, int height)
{
	unsigned factor = 1;
	int w, h;

	for (;;) {
		scale_window(picture, factor + 1, &w, &h);
		if (w > width / 5 * 4 || h > height / 5 * 4)
			return factor;
		factor++;
	}
}
