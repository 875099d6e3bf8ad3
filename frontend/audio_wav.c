/*
 * Sound to a WAV file: 16 bits, stereo, 48000 frames a second of guest time from power-on.
 *
 * The header's lengths are brought up to date with the data a few times a second, so the file is
 * good also when the program is killed.  What cannot be sought in (a pipe) gets a header of
 * unknown length.  A file ends before the 4 GiB that the format allows.
 */
#include "audio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"
#include "output_file.h"

enum { WAV_RATE = 48000, WAV_FRAME = 4, WAV_HEADER = 44, WAV_BUFFER = 65536 };

#define WAV_MAX UINT64_C(0xffffff00)
#define WAV_INTERVAL UINT64_C(200000000)

struct audio_wav {
	struct audio audio;
	int fd;
	bool seekable, failed;
	const char *file;
	uint64_t bytes;                 /* of sound in the file */
	uint64_t time;                  /* host time at which the header was written last */
	size_t used;
	uint8_t buffer[WAV_BUFFER];
};

static void put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *to, uint32_t value)
{
	put16(to, value & 0xffff);
	put16(to + 2, value >> 16);
}

static void wav_fail(struct audio_wav *wav)
{
	complain("-audio wav=%s: %s; what is there so far can be played", wav->file, strerror(errno));
	wav->failed = true;
}

static void wav_write(struct audio_wav *wav, const uint8_t *bytes, size_t count)
{
	while (count && !wav->failed) {
		ssize_t written = write(wav->fd, bytes, count);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			wav_fail(wav);
			return;
		}
		bytes += written;
		count -= (size_t)written;
	}
}

static void wav_make_header(const struct audio_wav *wav, uint8_t header[WAV_HEADER])
{
	uint32_t length = wav->seekable ? (uint32_t)wav->bytes : UINT32_MAX - WAV_HEADER;

	memcpy(header, "RIFF....WAVEfmt ", 16);
	put32(header + 4, length + WAV_HEADER - 8);
	put32(header + 16, 16);
	put16(header + 20, 1);                          /* PCM */
	put16(header + 22, 2);
	put32(header + 24, WAV_RATE);
	put32(header + 28, WAV_RATE * WAV_FRAME);
	put16(header + 32, WAV_FRAME);
	put16(header + 34, 16);
	memcpy(header + 36, "data", 4);
	put32(header + 40, length);
}

static void wav_flush(struct audio_wav *wav)
{
	uint8_t header[WAV_HEADER];

	if (!wav->used)
		return;
	wav_write(wav, wav->buffer, wav->used);
	wav->bytes += wav->used;
	wav->used = 0;
	if (!wav->seekable || wav->failed)
		return;
	wav_make_header(wav, header);
	if (pwrite(wav->fd, header, sizeof(header), 0) != WAV_HEADER)
		wav_fail(wav);
}

/* A long silence is a hole in the file. */
static bool wav_skip(struct audio_wav *wav, uint64_t bytes)
{
	wav_flush(wav);
	if (wav->failed || !wav->seekable ||
	    ftruncate(wav->fd, (off_t)(WAV_HEADER + wav->bytes + bytes)) ||
	    lseek(wav->fd, 0, SEEK_END) < 0)
		return false;
	wav->bytes += bytes;
	return true;
}

static void wav_play(void *user, const int16_t *samples, size_t frames)
{
	struct audio_wav *wav = user;
	uint64_t room = WAV_MAX - wav->bytes - wav->used, count = (uint64_t)frames * WAV_FRAME;

	if (wav->failed)
		return;
	if (count > room) {
		complain("-audio wav=%s: it is as long as a WAV file can be; the rest is left out",
			 wav->file);
		wav_flush(wav);
		wav->failed = true;
		return;
	}
	if (!samples && count > 4 * WAV_BUFFER && wav_skip(wav, count))
		return;
	for (; count; count -= 2) {
		if (wav->used == WAV_BUFFER)
			wav_flush(wav);
		put16(wav->buffer + wav->used, samples ? (uint16_t)*samples++ : 0);
		wav->used += 2;
	}
}

static bool wav_sounding(const struct audio *audio)
{
	(void)audio;
	return false;
}

static void wav_work(struct audio *audio, uint64_t now)
{
	struct audio_wav *wav = (struct audio_wav *)audio;

	if (now - wav->time < WAV_INTERVAL)
		return;
	wav->time = now;
	wav_flush(wav);
}

static bool wav_close(struct audio *audio)
{
	struct audio_wav *wav = (struct audio_wav *)audio;
	bool good;

	wav_flush(wav);
	if (close(wav->fd) && !wav->failed)
		wav_fail(wav);
	good = !wav->failed;
	free(wav);
	return good;
}

struct audio *audio_wav_open(const char *file)
{
	struct audio_wav *wav = calloc(1, sizeof(*wav));
	uint8_t header[WAV_HEADER];

	if (!wav) {
		complain("-audio wav=%s: no memory; close other programs", file);
		return NULL;
	}
	wav->audio = (struct audio){ { WAV_RATE, wav_play, wav }, wav_sounding, wav_work, wav_close };
	wav->file = file;
	wav->fd = output_open(file);
	if (wav->fd < 0) {
		complain("-audio wav=%s: %s; try another name", file, output_problem(errno));
		free(wav);
		return NULL;
	}
	wav->seekable = lseek(wav->fd, 0, SEEK_CUR) == 0;
	wav_make_header(wav, header);
	wav_write(wav, header, sizeof(header));
	if (wav->failed) {
		close(wav->fd);
		free(wav);
		return NULL;
	}
	return &wav->audio;
}
