/* Between the guest's sound and the host's: a ring of frames that evens out what is late. */
#ifndef FRONTEND_AUDIO_RING_H
#define FRONTEND_AUDIO_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Guest time and a sound card's clock never agree exactly, and the guest comes in pieces: early, late,
 * and after a stop of the host's. The ring is meant to hold target frames: 75 ms at first, more each
 * time it runs dry in the middle of a sound, or nearly so, up to 200 ms. What was never needed in a
 * minute it gives back.
 *
 * Frames are taken out a little faster or slower than they would be played, by half a per cent, which
 * nobody hears, and by two when there is less than half of what should be there. When the ring is full,
 * because the guest is too fast or the host has not played for a while, the oldest frames go, in one
 * piece. When it runs dry, the sound fades, and goes on when there are 75 ms of it again.
 */
enum { AUDIO_RATE = 48000, AUDIO_RING_FRAMES = 32768 };
enum { AUDIO_TARGET_LEAST = AUDIO_RATE * 75 / 1000, AUDIO_TARGET_MOST = AUDIO_RATE / 5 };

struct audio_ring {
	int16_t frames[AUDIO_RING_FRAMES][2];
	unsigned first, count, target;
	unsigned dry;                   /* how often it was empty in the middle of a sound */
	bool running, spilled;          /* spilled: frames have gone since the host took some */
	int32_t position;               /* between last and next */
	int32_t average;                /* of count, times 256 */
	int16_t last[2], next[2];
	unsigned silent;                /* frames since the last that was not 0 */
	bool near;                      /* it was nearly empty, and has not recovered */
	unsigned calm, lowest;          /* frames since lowest was begun; the fewest that were left over */
};

void audio_ring_init(struct audio_ring *ring);
/* Frames of the guest's, left and right; samples NULL: silence. */
void audio_ring_put(struct audio_ring *ring, const int16_t *samples, size_t frames);
/* Frames for the host. */
void audio_ring_take(struct audio_ring *ring, int16_t *samples, size_t frames);

#endif
