/* What a misspelt word was meant to be: the one that the fewest slips of the finger lead from. */
#include "nearest.h"

#include <string.h>

enum { LONGEST = 24, FURTHEST = 3 };

/* How many letters must be changed, added, removed or swapped: a small dynamic program. */
static unsigned distance(const char *a, size_t m, const char *b, size_t n)
{
	unsigned row[LONGEST + 1][LONGEST + 1];

	if (m > LONGEST || n > LONGEST)
		return LONGEST;
	for (size_t i = 0; i <= m; i++) {
		for (size_t j = 0; j <= n; j++) {
			unsigned best;

			if (!i || !j) {
				row[i][j] = (unsigned)(i + j);
				continue;
			}
			best = row[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (row[i - 1][j] + 1 < best)
				best = row[i - 1][j] + 1;
			if (row[i][j - 1] + 1 < best)
				best = row[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    row[i - 2][j - 2] + 1 < best)
				best = row[i - 2][j - 2] + 1;
			row[i][j] = best;
		}
	}
	return row[m][n];
}

void nearest_offer(struct nearest *nearest, const char *word)
{
	size_t length = strlen(word);
	unsigned d = distance(nearest->given, nearest->length ? nearest->length :
			      strlen(nearest->given), word, length);

	if (d > FURTHEST || d >= length || (nearest->word && d >= nearest->distance))
		return;
	nearest->word = word;
	nearest->distance = d;
}
