/* Which place for sound the options name: see audio.h. */
#include "audio.h"

#include <stddef.h>

#include "complain.h"

bool audio_open(struct audio **audio, const struct audio_option *option, bool window)
{
	*audio = NULL;
	switch (option->kind) {
	case AUDIO_DEFAULT:
#ifdef HAVE_SDL
		if (window)
			*audio = audio_sdl_new();
#else
		(void)window;
#endif
		return true;
	case AUDIO_NONE:
		return true;
	case AUDIO_WAV:
		*audio = audio_wav_open(option->file);
		break;
	case AUDIO_SDL:
#ifdef HAVE_SDL
		*audio = audio_sdl_new();
		if (*audio && !audio_sdl_start(*audio)) {
			(*audio)->close(*audio);
			*audio = NULL;
		}
#endif
		break;
	}
	return *audio != NULL;
}

void audio_start(struct audio *audio, const struct audio_option *option)
{
#ifdef HAVE_SDL
	if (audio && option->kind == AUDIO_DEFAULT && audio_sdl_wanted() && !audio_sdl_start(audio))
		complain("there is no sound; -audio none says that this is meant");
#else
	(void)audio;
	(void)option;
#endif
}

uint64_t audio_patience(const struct audio *audio)
{
	return audio && audio->sounding(audio) ? 10000000 : UINT64_MAX;
}
