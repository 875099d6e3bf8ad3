/*
 * Sound to the host's loudspeakers by SDL.
 *
 * Guest time and the sound card's clock never agree exactly.  Between them is a ring of frames
 * that is meant to hold a certain time's worth: SDL's thread takes frames out of it a little faster
 * or slower than they would be played, by half a per cent at most, which nobody hears.  When the
 * guest is so fast that the ring is full, what does not fit is left out: it never waits.  When the
 * ring runs dry, the sound fades out, and starts again when there is enough.
 */
#include "audio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <SDL.h>

#include "complain.h"

enum { RATE = 48000, DEVICE_FRAMES = 512, RING = 16384 };
/* What the ring is meant to hold: 50 ms, and a device's buffer. */
enum { TARGET = RATE / 20 + DEVICE_FRAMES, FULL = 4 * TARGET };
/* A frame in the resampler; what it may be off by at most; frames after which sound has ended. */
enum { ONE = 65536, DRIFT = ONE / 200, LINGER = 2 * RATE };

struct audio_sdl {
	struct audio audio;
	SDL_AudioDeviceID device;
	uint64_t silent;                /* frames since the last that was not 0 */
	/* Shared with SDL's thread, under the device's lock: */
	int16_t ring[RING][2];
	unsigned first, count;
	bool running;
	int32_t position;               /* between last and next */
	int32_t average;                /* of count, times 256 */
	int16_t last[2], next[2];
};

static bool take(struct audio_sdl *sdl)
{
	memcpy(sdl->last, sdl->next, sizeof(sdl->last));
	if (!sdl->count)
		return false;
	memcpy(sdl->next, sdl->ring[sdl->first], sizeof(sdl->next));
	sdl->first = (sdl->first + 1) % RING;
	sdl->count--;
	return true;
}

/* How far to go from frame to frame, so that the ring tends to hold what it should. */
static int32_t stride(struct audio_sdl *sdl)
{
	int32_t off;

	sdl->average += ((int32_t)sdl->count * 256 - sdl->average) / 64;
	off = (sdl->average / 256 - TARGET) * (DRIFT / 2) / (TARGET / 2);
	return ONE + (off > DRIFT ? DRIFT : off < -DRIFT ? -DRIFT : off);
}

/* On SDL's thread, which holds the lock. */
static void fill(void *user, Uint8 *bytes, int size)
{
	struct audio_sdl *sdl = user;
	int16_t *out = (int16_t *)(void *)bytes;
	int frames = size / 4;
	int32_t step;

	if (!sdl->running && sdl->count >= TARGET) {
		sdl->running = true;
		sdl->average = (int32_t)sdl->count * 256;
	}
	step = stride(sdl);
	for (int i = 0; i < frames; i++) {
		if (sdl->running) {
			for (sdl->position += step; sdl->position >= ONE && sdl->running;
			     sdl->position -= ONE)
				sdl->running = take(sdl);
		} else {
			for (unsigned side = 0; side < 2; side++) {
				sdl->next[side] = (int16_t)(sdl->next[side] * 127 / 128);
				sdl->last[side] = sdl->next[side];
			}
		}
		for (unsigned side = 0; side < 2; side++)
			*out++ = (int16_t)(sdl->last[side] + (sdl->next[side] - sdl->last[side]) *
					   (sdl->position / 4) / (ONE / 4));
	}
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
	for (size_t i = 0; i < frames && sdl->count < FULL; i++) {
		int16_t *place = sdl->ring[(sdl->first + sdl->count++) % RING];

		place[0] = samples ? samples[2 * i] : 0;
		place[1] = samples ? samples[2 * i + 1] : 0;
	}
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
	sdl->audio = (struct audio){ { RATE, sdl_play, sdl }, sdl_sounding, sdl_work, sdl_close };
	sdl->silent = LINGER + 1;
	return &sdl->audio;
}

bool audio_sdl_start(struct audio *audio)
{
	struct audio_sdl *sdl = (struct audio_sdl *)audio;
	SDL_AudioSpec wanted = { .freq = RATE, .format = AUDIO_S16SYS, .channels = 2,
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
