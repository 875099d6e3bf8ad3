/* Pacing of guest time by the host's clock: see pacing.h for the rules. */
#include "pacing.h"

#include <time.h>

static const int64_t catch_up = 50 * 1000000, jump = 250 * 1000000;

static uint64_t faster(const struct pacing *pacing, uint64_t host)
{
	return pacing->factor > 0 ? (uint64_t)((double)host * pacing->factor) : host;
}

static void adjust(struct pacing *pacing, uint64_t host, uint64_t now)
{
	int64_t offset = (int64_t)(faster(pacing, host) - now);

	if (!pacing->started || (offset < pacing->offset && pacing->mode != PACE_REAL) ||
	    offset < pacing->offset - jump)
		pacing->offset = offset;
	if (offset > pacing->offset + catch_up)
		pacing->offset = offset - catch_up;
	pacing->started = true;
}

static uint64_t until(const struct pacing *pacing, uint64_t host, uint64_t target)
{
	int64_t wait;

	if (target > INT64_MAX / 2)
		return UINT64_MAX;
	wait = (int64_t)target + pacing->offset - (int64_t)faster(pacing, host);
	if (wait > 0 && pacing->factor > 0)
		wait = (int64_t)((double)wait / pacing->factor) + 1;
	return wait > 0 ? (uint64_t)wait : 0;
}

uint64_t pacing_idle(struct pacing *pacing, uint64_t host, uint64_t now, uint64_t target)
{
	if (pacing->mode == PACE_NONE)
		return 0;
	adjust(pacing, host, now);
	return until(pacing, host, target);
}

uint64_t pacing_busy(struct pacing *pacing, uint64_t host, uint64_t now)
{
	if (pacing->mode != PACE_REAL)
		return 0;
	adjust(pacing, host, now);
	return until(pacing, host, now);
}

uint64_t pacing_guest_time(const struct pacing *pacing, uint64_t host)
{
	int64_t time = (int64_t)faster(pacing, host) - pacing->offset;

	return time > 0 ? (uint64_t)time : 0;
}

uint64_t host_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
