/*
 * Everything that sounds, added up for the embedder's sound backend, in guest time.
 *
 * A source does nothing until it is asked for frames.  Before anything about it changes it
 * calls sound_mix_sync, which renders all frames up to now; so each frame is made from what
 * was true at its time, whenever it is made.  None of this is state: no timer, nothing that
 * a guest could notice.  Without a backend sound_mix_sync returns at once.
 */
#ifndef DEVICES_SOUND_MIX_H
#define DEVICES_SOUND_MIX_H

#include <clearbox/backend.h>
#include <clearbox/device.h>

/* Frames that are rendered at a time, and how many sources there can be. */
enum { SOUND_PIECE = 256, SOUND_SOURCES = 4 };

struct sound_source {
	/*
	 * Adds the next frames to samples (left and right in turn; 32767 is full scale).  What it
	 * gives must not depend on how a time is cut into calls.
	 */
	void (*render)(void *user, int32_t *samples, size_t frames);
	/* Will each frame be the same as the last one, until something calls sound_mix_sync? */
	bool (*still)(const void *user);
	/* Frames go by while every source is still. */
	void (*skip)(void *user, uint64_t frames);
	/* The machine's time was set (reset, load): what was heard before has no sequel. */
	void (*restart)(void *user);
	void *user;
};

struct sound_filter {                   /* takes away the mean */
	int32_t last;
	int64_t level;                  /* in 65536ths */
};

struct sound_mix {
	struct cbx_device *clock;       /* any device; NULL: nobody listens */
	struct cbx_sound_backend backend;
	struct sound_source sources[SOUND_SOURCES];
	unsigned source_count;
	uint64_t base, done;            /* frames rendered since guest time base */
	struct sound_filter filters[2];
	bool busy;
	int32_t sum[2 * SOUND_PIECE];
	int16_t out[2 * SOUND_PIECE];
};

/* The backend is copied; a rate outside 8000 to 192000 is brought into that range. */
void sound_mix_init(struct sound_mix *mix, struct cbx_device *clock,
		    const struct cbx_sound_backend *backend);
/* Is there somebody who listens? */
static inline bool sound_mix_heard(const struct sound_mix *mix)
{
	return mix && mix->clock;
}
/* Only while the machine is built, and only if sound_mix_heard. */
void sound_mix_add(struct sound_mix *mix, const struct sound_source *source);
void sound_mix_render(struct sound_mix *mix);
/* To be called before a source changes.  mix may be NULL. */
static inline void sound_mix_sync(struct sound_mix *mix)
{
	if (sound_mix_heard(mix))
		sound_mix_render(mix);
}
/* After a reset or a load. */
void sound_mix_restart(struct sound_mix *mix);

#endif
