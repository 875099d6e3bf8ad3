/*
 * Sound to the host's loudspeakers by SDL, whose thread takes it out of a ring (audio_ring.h): the guest
 * never waits for it.
 */
#include "audio.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <SDL.h>

#include "audio_ring.h"
#include "complain.h"

/* Frames of the host's buffer; frames of silence after which sound has ended. */
enum { DEVICE_FRAMES = 2048, LINGER = 2 * AUDIO_RATE };

struct audio_sdl {
	struct audio audio;
	SDL_AudioDeviceID device;
	uint64_t silent;                /* frames since the last that was not 0 */
	struct audio_ring ring;         /* shared with SDL's thread, under the device's lock */
};

/* On SDL's thread, which holds the lock. */
static void fill(void *user, Uint8 *bytes, int size)
{
	struct audio_sdl *sdl = user;

	audio_ring_take(&sdl->ring, (int16_t *)(void *)bytes, (size_t)size / 4);
}

static void sdl_play(void *user, const int16_t *samples, size_t frames)
{
	struct audio_sdl *sdl = user;
	size_t heard = frames;

	if (!sdl->device)
		return;
	/* While it is silent for long, nothing is put in: the ring runs dry quietly. */
	while (heard && (!samples || (!samples[2 * heard - 2] && !samples[2 * heard - 1])))
		heard--;
	sdl->silent = heard ? frames - heard : sdl->silent + frames;
	if (sdl->silent > LINGER && !heard)
		return;
	SDL_LockAudioDevice(sdl->device);
	audio_ring_put(&sdl->ring, samples, frames);
	SDL_UnlockAudioDevice(sdl->device);
}

static bool sdl_sounding(const struct audio *audio)
{
	return ((const struct audio_sdl *)audio)->silent <= LINGER;
}

static void sdl_work(struct audio *audio, uint64_t now)
{
	(void)audio;
	(void)now;
}

static bool sdl_close(struct audio *audio)
{
	struct audio_sdl *sdl = (struct audio_sdl *)audio;

	if (sdl->device) {
		SDL_CloseAudioDevice(sdl->device);
		SDL_QuitSubSystem(SDL_INIT_AUDIO);
	}
	free(sdl);
	return true;
}

struct audio *audio_sdl_new(void)
{
	struct audio_sdl *sdl = calloc(1, sizeof(*sdl));

	if (!sdl) {
		complain("-audio sdl: no memory; close other programs");
		return NULL;
	}
	sdl->audio = (struct audio){ { AUDIO_RATE, sdl_play, sdl }, sdl_sounding, sdl_work, sdl_close };
	sdl->silent = LINGER + 1;
	audio_ring_init(&sdl->ring);
	return &sdl->audio;
}

bool audio_sdl_start(struct audio *audio)
{
	struct audio_sdl *sdl = (struct audio_sdl *)audio;
	SDL_AudioSpec wanted = { .freq = AUDIO_RATE, .format = AUDIO_S16SYS, .channels = 2,
				 .samples = DEVICE_FRAMES, .callback = fill, .userdata = sdl };

	if (SDL_InitSubSystem(SDL_INIT_AUDIO)) {
		complain("-audio sdl: %s; try -audio none", SDL_GetError());
		return false;
	}
	sdl->device = SDL_OpenAudioDevice(NULL, 0, &wanted, NULL, 0);
	if (!sdl->device) {
		complain("-audio sdl: %s; try -audio none", SDL_GetError());
		SDL_QuitSubSystem(SDL_INIT_AUDIO);
		return false;
	}
	SDL_PauseAudioDevice(sdl->device, 0);
	return true;
}

bool audio_sdl_wanted(void)
{
#ifdef __linux__
	static const char *const names[] = {
		"SDL_AUDIODRIVER", "PULSE_SERVER", "PIPEWIRE_REMOTE", "AUDIODEV"
	};
	static const char *const sockets[] = { "pulse/native", "pipewire-0" };
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	bool found = !access("/dev/snd/controlC0", F_OK) || !access("/dev/snd/controlC1", F_OK);
	char path[512];

	/* Libraries for sound hardware have much to say where there is none. */
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		found = found || getenv(names[i]);
	for (unsigned i = 0; runtime && i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", runtime, sockets[i]);
		found = found || !access(path, F_OK);
	}
	return found && SDL_WasInit(SDL_INIT_VIDEO);
#else
	return SDL_WasInit(SDL_INIT_VIDEO);
#endif
}
