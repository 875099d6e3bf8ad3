/* Frames between guest and host: see audio_ring.h. */
#include "audio_ring.h"

#include <string.h>

/* A frame in the resampler; what it may be off by, and by when the ring is nearly empty. */
enum { ONE = 65536, DRIFT = ONE / 200, DRIFT_MOST = ONE / 50 };
/* Frames of calm after which the target may go down; what is left of the room in the ring then. */
enum { CALM = 60 * AUDIO_RATE, SPARE = AUDIO_RATE / 50 };
/* With less than this in the ring it was a near thing. */
enum { NEAR = AUDIO_RATE / 100 };
/* A sound that has been silent for so many frames is over, and may end. */
enum { OVER = AUDIO_RATE / 4 };

void audio_ring_init(struct audio_ring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->target = AUDIO_TARGET_LEAST;
	ring->lowest = AUDIO_RING_FRAMES;
	ring->silent = OVER;
}

void audio_ring_put(struct audio_ring *ring, const int16_t *samples, size_t frames)
{
	unsigned full = ring->target + 3 * AUDIO_TARGET_LEAST;

	for (size_t i = 0; i < frames; i++) {
		int16_t *place = ring->frames[(ring->first + ring->count) % AUDIO_RING_FRAMES];

		if (ring->count < full) {
			ring->count++;
		} else {
			ring->first = (ring->first + 1) % AUDIO_RING_FRAMES;
			ring->spilled = true;
		}
		place[0] = samples ? samples[2 * i] : 0;
		place[1] = samples ? samples[2 * i + 1] : 0;
	}
}

static void begin_calm(struct audio_ring *ring)
{
	ring->calm = 0;
	ring->lowest = AUDIO_RING_FRAMES;
}

static void want_more(struct audio_ring *ring, unsigned more)
{
	begin_calm(ring);
	ring->near = true;
	if (ring->silent >= OVER)
		return;
	ring->target = ring->target + more > AUDIO_TARGET_MOST ? AUDIO_TARGET_MOST : ring->target + more;
}

static void ran_dry(struct audio_ring *ring)
{
	ring->running = false;
	ring->dry += ring->silent < OVER;
	want_more(ring, ring->target / 3);
}

/* Were there too few frames, or too many? */
static void adapt(struct audio_ring *ring, size_t frames)
{
	unsigned less;

	if (ring->count < NEAR && !ring->near)
		want_more(ring, ring->target / 8);
	if (ring->count >= ring->target / 2)
		ring->near = false;
	if (ring->count < ring->lowest)
		ring->lowest = ring->count;
	ring->calm += (unsigned)frames;
	if (ring->calm < CALM)
		return;
	/* Of those that were there all the time half go. */
	less = ring->lowest > SPARE ? (ring->lowest - SPARE) / 2 : 0;
	ring->target = ring->target > AUDIO_TARGET_LEAST + less ? ring->target - less : AUDIO_TARGET_LEAST;
	begin_calm(ring);
}

static bool take(struct audio_ring *ring)
{
	memcpy(ring->last, ring->next, sizeof(ring->last));
	if (!ring->count) {
		ran_dry(ring);
		return false;
	}
	memcpy(ring->next, ring->frames[ring->first], sizeof(ring->next));
	ring->silent = ring->next[0] || ring->next[1] ? 0 : ring->silent + (ring->silent < OVER);
	ring->first = (ring->first + 1) % AUDIO_RING_FRAMES;
	ring->count--;
	return true;
}

/* How far to go from frame to frame, so that the ring tends to hold what it should. */
static int32_t stride(struct audio_ring *ring)
{
	int32_t target = (int32_t)ring->target, least = -DRIFT, off;

	ring->average += ((int32_t)ring->count * 256 - ring->average) / 64;
	off = (ring->average / 256 - target) * DRIFT / (target / 8);
	if (ring->count < ring->target / 2) {
		least = -DRIFT_MOST;
		off -= DRIFT_MOST * (target / 2 - (int32_t)ring->count) / (target / 2);
	}
	return ONE + (off > DRIFT ? DRIFT : off < least ? least : off);
}

/* The sound has been cut anyway: what more there is than there should be goes with it. */
static void cut(struct audio_ring *ring)
{
	unsigned more = ring->count > ring->target ? ring->count - ring->target : 0;

	ring->first = (ring->first + more) % AUDIO_RING_FRAMES;
	ring->count -= more;
	ring->average = (int32_t)ring->count * 256;
	ring->spilled = false;
}

void audio_ring_take(struct audio_ring *ring, int16_t *samples, size_t frames)
{
	int32_t step;

	if (ring->spilled)
		cut(ring);
	/* A hole is not made longer than it must be: what more there should be comes by and by. */
	if (!ring->running && ring->count >= AUDIO_TARGET_LEAST) {
		ring->running = true;
		ring->average = (int32_t)ring->count * 256;
	}
	step = stride(ring);
	for (size_t i = 0; i < frames; i++) {
		if (ring->running) {
			for (ring->position += step; ring->position >= ONE && ring->running;
			     ring->position -= ONE)
				take(ring);
		} else {
			for (unsigned side = 0; side < 2; side++) {
				ring->next[side] = (int16_t)(ring->next[side] * 127 / 128);
				ring->last[side] = ring->next[side];
			}
		}
		for (unsigned side = 0; side < 2; side++)
			*samples++ = (int16_t)(ring->last[side] + (ring->next[side] - ring->last[side]) *
					       (ring->position / 4) / (ONE / 4));
	}
	if (ring->running)
		adapt(ring, frames);
}
