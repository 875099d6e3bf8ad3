/*
 * The mixer between the machine's sound sources and the embedder: see sound_mix.h.
 *
 * Frame n covers the guest time from n to n + 1 periods of the backend's rate after the last
 * reset or load, and is made as soon as that time is over.  All arithmetic is in integers, so
 * that a guest sounds the same on every host.
 */
#include "sound_mix.h"

#include <string.h>

#define SOUND_NS UINT64_C(1000000000)

enum { SOUND_RATE_DEFAULT = 48000, SOUND_RATE_MIN = 8000, SOUND_RATE_MAX = 192000 };

/* The output is coupled by a capacitor: a high pass at 15 Hz (at 48000 frames a second). */
enum { SOUND_FILTER_ONE = 65536, SOUND_FILTER_DECAY = 512 };

void sound_mix_init(struct sound_mix *mix, struct cbx_device *clock,
		    const struct cbx_sound_backend *backend)
{
	if (!backend->play)
		return;
	mix->clock = clock;
	mix->backend = *backend;
	if (!mix->backend.rate)
		mix->backend.rate = SOUND_RATE_DEFAULT;
	if (mix->backend.rate < SOUND_RATE_MIN)
		mix->backend.rate = SOUND_RATE_MIN;
	if (mix->backend.rate > SOUND_RATE_MAX)
		mix->backend.rate = SOUND_RATE_MAX;
}

void sound_mix_add(struct sound_mix *mix, const struct sound_source *source)
{
	if (mix->source_count < SOUND_SOURCES)
		mix->sources[mix->source_count++] = *source;
}

void sound_mix_restart(struct sound_mix *mix)
{
	if (!sound_mix_heard(mix))
		return;
	mix->base = cbx_time(mix->clock);
	mix->done = 0;
	for (unsigned n = 0; n < mix->source_count; n++)
		mix->sources[n].restart(mix->sources[n].user);
}

/* Nothing changes, and what came from before has died away. */
static bool sound_is_silent(const struct sound_mix *mix)
{
	for (unsigned n = 0; n < mix->source_count; n++)
		if (!mix->sources[n].still(mix->sources[n].user))
			return false;
	return !mix->filters[0].level && !mix->filters[1].level;
}

static int16_t sound_filter(struct sound_filter *filter, int32_t sample)
{
	int64_t level = filter->level - filter->level / SOUND_FILTER_DECAY +
			((int64_t)sample - filter->last) * SOUND_FILTER_ONE;

	/* The rest that would never decay is too small to be heard. */
	if (sample == filter->last && level < SOUND_FILTER_DECAY && level > -SOUND_FILTER_DECAY)
		level = 0;
	filter->last = sample;
	filter->level = level;
	level /= SOUND_FILTER_ONE;
	return (int16_t)(level > INT16_MAX ? INT16_MAX : level < INT16_MIN ? INT16_MIN : level);
}

static void sound_render_piece(struct sound_mix *mix, size_t frames)
{
	memset(mix->sum, 0, 2 * frames * sizeof(mix->sum[0]));
	for (unsigned n = 0; n < mix->source_count; n++)
		mix->sources[n].render(mix->sources[n].user, mix->sum, frames);
	for (size_t i = 0; i < 2 * frames; i++)
		mix->out[i] = sound_filter(&mix->filters[i & 1], mix->sum[i]);
	mix->backend.play(mix->backend.user, mix->out, frames);
}

static void sound_skip(struct sound_mix *mix, uint64_t frames)
{
	for (unsigned n = 0; n < mix->source_count; n++)
		mix->sources[n].skip(mix->sources[n].user, frames);
	mix->backend.play(mix->backend.user, NULL, (size_t)frames);
}

void sound_mix_render(struct sound_mix *mix)
{
	uint64_t now = cbx_time(mix->clock), due;

	if (mix->busy || now < mix->base)
		return;
	due = cbx_muldiv(now - mix->base, mix->backend.rate, SOUND_NS);
	mix->busy = true;
	while (mix->done < due) {
		uint64_t left = due - mix->done;

		if (sound_is_silent(mix)) {
			left = left < UINT32_MAX / 2 ? left : UINT32_MAX / 2;
			sound_skip(mix, left);
		} else {
			left = left < SOUND_PIECE ? left : SOUND_PIECE;
			sound_render_piece(mix, (size_t)left);
		}
		mix->done += left;
	}
	mix->busy = false;
}
