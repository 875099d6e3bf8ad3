/* Where the machine's sound goes on the host. */
#ifndef FRONTEND_AUDIO_H
#define FRONTEND_AUDIO_H

#include <stdbool.h>
#include <stdint.h>

#include <clearbox/backend.h>

#include "audio_options.h"

/* A place for sound begins with this. */
struct audio {
	struct cbx_sound_backend backend;
	/* Something has been heard in the last seconds, and somebody hears it now. */
	bool (*sounding)(const struct audio *audio);
	/* Called between runs; now is host time in ns. */
	void (*work)(struct audio *audio, uint64_t now);
	/* Ends and frees; false: something could not be written, which was complained about. */
	bool (*close)(struct audio *audio);
};

/*
 * Complains and returns false if it cannot.  *audio NULL: nobody listens.  By default that is so, but
 * where there is a window: then the loudspeakers are only opened by audio_start.
 */
bool audio_open(struct audio **audio, const struct audio_option *option, bool window);
void audio_start(struct audio *audio, const struct audio_option *option);
/* How long the program may sleep (ns) without the sound running dry; audio may be NULL. */
uint64_t audio_patience(const struct audio *audio);

struct audio *audio_wav_open(const char *file);
struct audio *audio_sdl_new(void);
bool audio_sdl_start(struct audio *audio);
/* Has a window been opened, and does this host look as if it had sound? */
bool audio_sdl_wanted(void);

#endif
