/* The title line of a window: see title.h. */
#include "title.h"

#include <stdio.h>
#include <string.h>

void title_number(uint64_t number, char *text, size_t size)
{
	static const char units[] = " kMGTPE";
	uint64_t unit = 1, whole, hundredths;
	unsigned n = 0;

	while (number / unit >= 1000 && n < 6) {
		unit *= 1000;
		n++;
	}
	whole = number / unit;
	hundredths = number % unit / (unit >= 100 ? unit / 100 : 1);
	if (!n)
		snprintf(text, size, "%u", (unsigned)whole);
	else if (whole >= 100)
		snprintf(text, size, "%u %c", (unsigned)whole, units[n]);
	else if (whole >= 10)
		snprintf(text, size, "%u.%u %c", (unsigned)whole, (unsigned)(hundredths / 10), units[n]);
	else
		snprintf(text, size, "%u.%02u %c", (unsigned)whole, (unsigned)hundredths, units[n]);
}

void title_line(const struct title *title, char *text, size_t size)
{
	double host = title->host ? (double)title->host : 1;
	char speed[64] = "paused", number[32];

	if (!title->paused)
		snprintf(speed, sizeof(speed), "%.0f%% of real time, %.1f MIPS",
			 (double)title->guest / host * 100, (double)title->executed / host * 1000);
	title_number(title->instructions, number, sizeof(number));
	snprintf(text, size, "%s%sClearbox: %s, %s instructions%s%s%s | %s", title->name,
		 *title->name ? " - " : "", speed, number, *title->active ? " [" : "", title->active,
		 *title->active ? "]" : "", title->hint);
}
