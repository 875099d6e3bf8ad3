/* Which place for sound the options name: see audio.h. */
#include "audio.h"

#include <stddef.h>

bool audio_open(struct audio **audio, const struct audio_option *option)
{
	*audio = NULL;
	switch (option->kind) {
	case AUDIO_DEFAULT:
	case AUDIO_NONE:
		return true;
	case AUDIO_WAV:
		*audio = audio_wav_open(option->file);
		break;
	case AUDIO_SDL:
#ifdef HAVE_SDL
		*audio = audio_sdl_open();
#endif
		break;
	}
	return *audio != NULL;
}

uint64_t audio_patience(const struct audio *audio)
{
	return audio && audio->sounding(audio) ? 10000000 : UINT64_MAX;
}
