/* What values of options are made of: numbers, dates, lists with commas; and what is said of bad ones. */
#include "options_table.h"

#include "nearest.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum options_result bad(const struct context *context, const char *value, const char *why,
			const char *advice)
{
	fprintf(context->errors, "clearbox: -%s %s: %s; %s\n", context->name, value, why, advice);
	return OPTIONS_BAD;
}

enum options_result bad_word(const struct context *context, const char *value,
			     const char *stops, const char *const *words, const char *why,
			     const char *advice)
{
	struct nearest nearest = { .given = value, .length = strcspn(value, stops) };

	for (unsigned i = 0; words[i] && nearest.length; i++)
		nearest_offer(&nearest, words[i]);
	if (!nearest.word)
		return bad(context, value, why, advice);
	fprintf(context->errors, "clearbox: -%s %s: %s; did you mean %s%s?\n", context->name, value,
		why, nearest.word, value + nearest.length);
	return OPTIONS_BAD;
}

bool option_number(const char *text, uint64_t *value, const char **end)
{
	char *rest;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &rest, text[0] == '0' && tolower((unsigned char)text[1]) == 'x' ?
			  16 : 10);
	*end = rest;
	return !errno;
}

bool option_is_port(const char *text)
{
	uint64_t number;
	const char *end;

	if (!isdigit((unsigned char)*text))
		return true;
	return option_number(text, &number, &end) && !*end && number && number <= 65535;
}

bool option_seconds(const char *text, double *value, const char **end)
{
	char *rest;

	if (!isdigit((unsigned char)*text) && *text != '.')
		return false;
	*value = strtod(text, &rest);
	*end = rest;
	return rest != text && isfinite(*value) && *value >= 0 && *value < 1e9;
}

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t days;

	/* The year begins in March, so that the leap day comes last. */
	if (month <= 2) {
		month += 12;
		year--;
	}
	days = 365 * year + year / 4 - year / 100 + year / 400;
	return days + (153 * (month - 3) + 2) / 5 + day - 1 - 719468;
}

bool option_date(const char *text, int64_t *seconds)
{
	static const unsigned lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year, month, day, hour = 0, minute = 0, second = 0;
	int used = 0, more = 0;

	if (sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &used) != 3)
		return false;
	if (text[used] == 'T' || text[used] == ' ') {
		if (sscanf(text + used + 1, "%2u:%2u:%2u%n", &hour, &minute, &second, &more) != 3)
			return false;
		used += 1 + more;
	}
	if (text[used] || year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1] || hour > 23 || minute > 59 || second > 59)
		return false;
	*seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

bool option_item(const char **list, char *key, size_t key_size, char *value,
		 size_t value_size)
{
	const char *end, *equals;
	size_t length;

	if (!**list)
		return false;
	end = strchr(*list, ',');
	length = end ? (size_t)(end - *list) : strlen(*list);
	equals = memchr(*list, '=', length);
	snprintf(key, key_size, "%.*s", (int)(equals ? equals - *list : (ptrdiff_t)length), *list);
	snprintf(value, value_size, "%.*s",
		 equals ? (int)(length - (size_t)(equals + 1 - *list)) : 0, equals ? equals + 1 : "");
	*list += length + (end ? 1 : 0);
	return true;
}
