/*
 * The transfers of a Sound Blaster's DSP: samples by DMA at the right times, and what is heard
 * of them.
 *
 * A block is fetched in chunks of half a millisecond, each when it begins to be played.  A timer
 * ends the chunk; at the end of a block it raises the interrupt.  Chunk times are counted from an
 * epoch, so they do not drift.  When DMA does not deliver in time, the clock stands still.
 *
 * All of that is the same whether somebody listens or not.  If so, the samples go into a queue
 * that is played two milliseconds later, which covers the gaps between blocks of a guest that
 * starts each by itself; they are brought to the backend's rate by linear interpolation.
 */
#include "sb16_state.h"

#include <string.h>

#define SB16_NS UINT64_C(1000000000)

enum { CHUNKS_A_SECOND = 2000, DELAYS_A_SECOND = 500 };
enum { FULL_VOLUME = 65536 };

/* ---- What is heard ----------------------------------------------------------------------- */

static void voice_render(struct sb16_voice *voice, uint32_t out_rate, const int32_t gain[2],
			 int32_t *samples, size_t frames)
{
	for (size_t i = 0; i < frames; i++) {
		if (voice->playing && voice->delay) {
			voice->delay--;
		} else if (voice->playing) {
			voice->position += voice->rate;
			while (voice->position >= out_rate && voice->playing) {
				voice->position -= out_rate;
				memcpy(voice->last, voice->next, sizeof(voice->last));
				voice->playing = voice->count > 0;
				if (!voice->playing) {
					voice->position = 0;
					break;
				}
				voice->next[0] = voice->queue[voice->first][0];
				voice->next[1] = voice->queue[voice->first][1];
				voice->first = (voice->first + 1) % SB16_QUEUE;
				voice->count--;
			}
		}
		for (unsigned side = 0; side < 2; side++) {
			int64_t way = voice->next[side] - voice->last[side];
			int64_t value = voice->last[side] +
					way * (int64_t)voice->position / (int64_t)out_rate;

			samples[2 * i + side] += (int32_t)(value * gain[side] / FULL_VOLUME);
		}
	}
	voice->changed = false;
}

static void sb16_render(void *user, int32_t *samples, size_t frames)
{
	struct sb16 *sb16 = user;

	for (unsigned which = 0; which < SB16_ENGINES; which++)
		voice_render(&sb16->voices[which], sb16->wires.mix->backend.rate, sb16->gain, samples,
			     frames);
}

static bool sb16_still(const void *user)
{
	const struct sb16 *sb16 = user;

	/* Converters that have nothing to do hold their last value. */
	return !sb16->voices[SB16_8BIT].playing && !sb16->voices[SB16_8BIT].changed &&
	       !sb16->voices[SB16_16BIT].playing && !sb16->voices[SB16_16BIT].changed;
}

static void sb16_skip(void *user, uint64_t frames)
{
	(void)user;
	(void)frames;
}

static void sb16_restart(void *user)
{
	struct sb16 *sb16 = user;

	memset(sb16->voices, 0, sizeof(sb16->voices));
	sb16->voices[SB16_8BIT].sample = 128;
}

static void voice_put(struct sb16 *sb16, unsigned which, int32_t left, int32_t right)
{
	struct sb16_voice *voice = &sb16->voices[which];
	unsigned place = (voice->first + voice->count) % SB16_QUEUE;

	if (!voice->playing) {
		voice->playing = true;
		voice->delay = sb16->wires.mix->backend.rate / DELAYS_A_SECOND;
		voice->position = 0;
		memcpy(voice->next, voice->last, sizeof(voice->next));
	}
	voice->rate = sb16->state.engines[which].rate;
	if (voice->count >= SB16_QUEUE)
		return;
	voice->queue[place][0] = (int16_t)left;
	voice->queue[place][1] = (int16_t)right;
	voice->count++;
}

void sb16_play_direct(struct sb16 *sb16, uint8_t sample)
{
	struct sb16_voice *voice = &sb16->voices[SB16_8BIT];

	if (!sound_mix_heard(sb16->wires.mix) || voice->playing)
		return;
	sound_mix_sync(sb16->wires.mix);
	for (unsigned side = 0; side < 2; side++)
		voice->last[side] = voice->next[side] = (sample - 128) * 256;
	voice->position = 0;
	voice->changed = true;
}

/* ---- Decoding ---------------------------------------------------------------------------- */

static unsigned bytes_of(unsigned which)
{
	return which == SB16_16BIT ? 2 : 1;
}

/* Samples in a byte of ADPCM. */
static unsigned packed_in(enum sb16_kind kind)
{
	return kind == SB16_ADPCM2 ? 4 : kind == SB16_ADPCM26 ? 3 : kind == SB16_ADPCM4 ? 2 : 1;
}

/*
 * Creative's ADPCM: a sign and a magnitude of a few bits.  The difference is the magnitude and a
 * half, times a step that grows after large magnitudes and shrinks after 0.
 */
static void adpcm_put(struct sb16 *sb16, enum sb16_kind kind, unsigned code)
{
	static const uint8_t bits[SB16_KINDS] = {
		[SB16_ADPCM2] = 1, [SB16_ADPCM26] = 2, [SB16_ADPCM4] = 3
	};
	/* Twice the steps, the highest step, and the magnitude from which steps grow. */
	static const uint8_t steps[SB16_KINDS][6] = {
		[SB16_ADPCM2] = { 1, 2, 4, 8, 16, 32 }, [SB16_ADPCM26] = { 1, 2, 4, 8, 10, 10 },
		[SB16_ADPCM4] = { 1, 2, 4, 8, 8, 8 },
	};
	static const uint8_t highest[SB16_KINDS] = {
		[SB16_ADPCM2] = 5, [SB16_ADPCM26] = 4, [SB16_ADPCM4] = 3
	};
	static const uint8_t large[SB16_KINDS] = {
		[SB16_ADPCM2] = 1, [SB16_ADPCM26] = 3, [SB16_ADPCM4] = 5
	};
	struct sb16_voice *voice = &sb16->voices[SB16_8BIT];
	unsigned magnitude = code & ((1u << bits[kind]) - 1);
	int32_t step = steps[kind][voice->step], difference = (int32_t)magnitude * step + step / 2;

	voice->sample += code >> bits[kind] & 1 ? -difference : difference;
	if (voice->sample < 0)
		voice->sample = 0;
	if (voice->sample > 255)
		voice->sample = 255;
	if (magnitude >= large[kind] && voice->step < highest[kind])
		voice->step++;
	else if (!magnitude && voice->step > 0)
		voice->step--;
	voice_put(sb16, SB16_8BIT, (voice->sample - 128) * 256, (voice->sample - 128) * 256);
}

static void adpcm_byte(struct sb16 *sb16, enum sb16_kind kind, uint8_t byte)
{
	if (kind == SB16_ADPCM4) {
		adpcm_put(sb16, kind, byte >> 4u);
		adpcm_put(sb16, kind, byte & 15u);
	} else if (kind == SB16_ADPCM26) {
		adpcm_put(sb16, kind, byte >> 5u);
		adpcm_put(sb16, kind, byte >> 2 & 7u);
		adpcm_put(sb16, kind, (byte & 3u) << 1);
	} else {
		for (unsigned shift = 8; shift; shift -= 2)
			adpcm_put(sb16, kind, byte >> (shift - 2) & 3u);
	}
}

/* The first byte of a transfer with a reference is a sample as it is. */
static void adpcm_chunk(struct sb16 *sb16, const struct sb16_engine *engine, bool first)
{
	struct sb16_voice *voice = &sb16->voices[SB16_8BIT];
	uint32_t from = 0;

	if (first && engine->reference) {
		voice->sample = voice->data[0];
		voice->step = 0;
		voice_put(sb16, SB16_8BIT, (voice->sample - 128) * 256, (voice->sample - 128) * 256);
		from = 1;
	}
	for (uint32_t i = from; i < engine->chunk; i++)
		adpcm_byte(sb16, engine->kind, voice->data[i]);
}

static int32_t sample_at(const struct sb16_engine *engine, const uint8_t *data, unsigned which,
			 uint32_t n)
{
	int32_t value = which == SB16_16BIT ? data[2 * n] | data[2 * n + 1] << 8 : data[n] << 8;

	return engine->is_signed ? (int16_t)(uint16_t)value : value - 32768;
}

/* The chunk is there: it goes into the queue. */
static void chunk_heard(struct sb16 *sb16, unsigned which)
{
	const struct sb16_engine *engine = &sb16->state.engines[which];
	const uint8_t *data = sb16->voices[which].data;

	if (!sound_mix_heard(sb16->wires.mix) || engine->kind == SB16_RECORD)
		return;
	sound_mix_sync(sb16->wires.mix);
	if (engine->kind >= SB16_ADPCM2 && engine->kind <= SB16_ADPCM4 && which == SB16_8BIT) {
		adpcm_chunk(sb16, engine, engine->left == engine->length);
		return;
	}
	for (uint32_t n = 0; n < engine->chunk; n += engine->stereo ? 2 : 1) {
		int32_t left = 0, right = 0;

		if (engine->kind == SB16_PLAY) {
			left = sample_at(engine, data, which, n);
			right = engine->stereo && n + 1 < engine->chunk ?
				sample_at(engine, data, which, n + 1) : left;
		}
		voice_put(sb16, which, left, right);
	}
}

/* ---- Time -------------------------------------------------------------------------------- */

static uint64_t now_of(const struct sb16 *sb16)
{
	return cbx_time(&sb16->device);
}

static uint64_t chunk_end(const struct sb16_engine *engine)
{
	return engine->epoch + cbx_muldiv(engine->frames, SB16_NS, engine->rate);
}

static uint32_t chunk_frames(const struct sb16_engine *engine)
{
	uint32_t channels = engine->stereo ? 2 : 1;

	return (engine->chunk * packed_in(engine->kind) + channels - 1) / channels;
}

/* Begins the next chunk of the block, at the end of the last one. */
static void chunk_begin(struct sb16 *sb16, unsigned which)
{
	struct sb16_engine *engine = &sb16->state.engines[which];
	uint32_t size = engine->rate / CHUNKS_A_SECOND / packed_in(engine->kind) + 1;

	size *= engine->stereo ? 2 : 1;
	engine->chunk = size < engine->left ? size : engine->left;
	engine->wanted = engine->kind == SB16_SILENCE ? 0 : engine->chunk * bytes_of(which);
	/* Counted from a later epoch now and then, by whole seconds: so nothing is rounded. */
	if (engine->frames >= UINT32_MAX / 2) {
		uint64_t seconds = engine->frames / engine->rate;

		engine->epoch += seconds * SB16_NS;
		engine->frames -= seconds * engine->rate;
	}
	engine->frames += chunk_frames(engine);
	cbx_timer_set(sb16->timers[which], chunk_end(engine));
	if (!engine->wanted)
		chunk_heard(sb16, which);
	sb16_play_request(sb16);
}

static void block_begin(struct sb16 *sb16, unsigned which)
{
	struct sb16_engine *engine = &sb16->state.engines[which];

	engine->left = engine->length;
	chunk_begin(sb16, which);
}

void sb16_play_fire(struct cbx_device *device, unsigned which)
{
	struct sb16 *sb16 = (struct sb16 *)device;
	struct sb16_engine *engine = &sb16->state.engines[which];

	if (engine->kind == SB16_IDLE || engine->paused)
		return;
	if (engine->wanted) {
		engine->late = true;
		return;
	}
	engine->left -= engine->chunk;
	engine->reference = engine->reference && engine->left;
	if (engine->left) {
		chunk_begin(sb16, which);
		return;
	}
	if (engine->repeats && !engine->leaving)
		block_begin(sb16, which);
	else
		sb16_play_stop(sb16, which);
	sb16_interrupt(sb16, which == SB16_16BIT ? SB16_IRQ_16BIT : SB16_IRQ_8BIT, true);
}

/* ---- DMA --------------------------------------------------------------------------------- */

/* The channel that an engine uses by mixer register 81h; 8: none.  Words go by byte if need be. */
static unsigned channel_of(const struct sb16 *sb16, unsigned which)
{
	uint8_t chosen = sb16->state.mixer[0x81];

	if (which == SB16_16BIT)
		for (unsigned number = 5; number < 8; number++)
			if (chosen >> number & 1)
				return number;
	for (unsigned number = 0; number < 4; number++)
		if (number != 2 && chosen >> number & 1)
			return number;
	return 8;
}

static bool engine_wants(const struct sb16 *sb16, unsigned which)
{
	const struct sb16_engine *engine = &sb16->state.engines[which];

	return engine->kind != SB16_IDLE && engine->wanted && !engine->paused;
}

static bool channel_wanted(const struct sb16 *sb16, unsigned number)
{
	if (sb16->state.identify_wanted && channel_of(sb16, SB16_8BIT) == number)
		return true;
	for (unsigned which = 0; which < SB16_ENGINES; which++)
		if (engine_wants(sb16, which) && channel_of(sb16, which) == number)
			return true;
	return false;
}

void sb16_play_request(struct sb16 *sb16)
{
	for (unsigned number = 0; number < 8; number++)
		if (number != 2 && number != 4)
			dma_request((struct dma_channel){ sb16->wires.dma, number },
				    channel_wanted(sb16, number));
}

static void move(struct sb16 *sb16, unsigned which, uint8_t *bytes, size_t count, bool to_device)
{
	struct sb16_engine *engine = &sb16->state.engines[which];
	struct sb16_voice *voice = &sb16->voices[which];
	/* wanted is at most the chunk's size, and a chunk fits into data. */
	size_t place = engine->chunk * bytes_of(which) - engine->wanted;
	uint8_t silence = which == SB16_8BIT && !engine->is_signed ? 0x80 : 0x00;

	if (to_device) {
		memcpy(voice->data + place, bytes, count);
	} else {
		memset(bytes, silence, count);
		/* 16-bit silence without a sign is 8000h. */
		for (size_t i = 0; which == SB16_16BIT && !engine->is_signed && i < count; i++)
			bytes[i] = (uint8_t)((place + i) & 1 ? 0x80 : 0x00);
		memset(voice->data + place, silence, count);
	}
	engine->wanted -= (uint32_t)count;
	if (engine->wanted)
		return;
	chunk_heard(sb16, which);
	if (engine->late) {
		/* The clock stood still; the chunk is played from now on. */
		engine->late = false;
		engine->epoch = now_of(sb16);
		engine->frames = chunk_frames(engine);
		cbx_timer_set(sb16->timers[which], chunk_end(engine));
	}
}

size_t sb16_play_transfer(void *user, uint8_t *bytes, size_t count, bool to_device, bool terminal)
{
	const struct sb16_channel *channel = user;
	struct sb16 *sb16 = channel->sb16;
	size_t moved = 0;

	(void)terminal;
	if (sb16->state.identify_wanted && channel_of(sb16, SB16_8BIT) == channel->number) {
		if (!to_device)
			bytes[0] = sb16->state.identify_byte;
		sb16->state.identify_wanted = false;
		moved = 1;
	}
	for (unsigned which = 0; which < SB16_ENGINES && !moved; which++) {
		const struct sb16_engine *engine = &sb16->state.engines[which];

		if (!engine_wants(sb16, which) || channel_of(sb16, which) != channel->number)
			continue;
		moved = count < engine->wanted ? count : engine->wanted;
		move(sb16, which, bytes, moved, to_device);
	}
	sb16_play_request(sb16);
	return moved;
}

void sb16_play_connect(struct sb16 *sb16)
{
	struct sound_source source = { sb16_render, sb16_still, sb16_skip, sb16_restart, sb16 };

	for (unsigned number = 0; number < 8; number++) {
		sb16->channels[number] = (struct sb16_channel){ sb16, number };
		if (number != 2 && number != 4)
			dma_connect((struct dma_channel){ sb16->wires.dma, number },
				    &(struct dma_peripheral){ sb16_play_transfer,
							      &sb16->channels[number] });
	}
	if (sound_mix_heard(sb16->wires.mix))
		sound_mix_add(sb16->wires.mix, &source);
}

/*
 * What is in the queue of the chunk under way, and is not yet over, is not heard: so a guest that
 * stops at a block's interrupt does not leave the first sample of the next one at the converter.
 */
static void cut_chunk(struct sb16 *sb16, unsigned which)
{
	const struct sb16_engine *engine = &sb16->state.engines[which];
	struct sb16_voice *voice = &sb16->voices[which];
	uint64_t now = now_of(sb16), end = chunk_end(engine), frames;

	if (!sound_mix_heard(sb16->wires.mix) || engine->wanted || end <= now)
		return;
	sound_mix_sync(sb16->wires.mix);
	frames = cbx_muldiv(end - now, engine->rate, SB16_NS) + 1;
	if (frames > chunk_frames(engine))
		frames = chunk_frames(engine);
	voice->count -= frames < voice->count ? (unsigned)frames : voice->count;
}

/* ---- Commands ---------------------------------------------------------------------------- */

void sb16_play_start(struct sb16 *sb16, unsigned which, const struct sb16_engine *wanted)
{
	struct sb16_engine *engine = &sb16->state.engines[which];

	if (engine->kind != SB16_IDLE && !engine->paused)
		cut_chunk(sb16, which);
	*engine = *wanted;
	engine->epoch = now_of(sb16);
	engine->frames = 0;
	block_begin(sb16, which);
}

void sb16_play_stop(struct sb16 *sb16, unsigned which)
{
	struct sb16_engine *engine = &sb16->state.engines[which];

	if (engine->kind != SB16_IDLE && !engine->paused)
		cut_chunk(sb16, which);
	engine->kind = SB16_IDLE;
	engine->chunk = engine->wanted = engine->left = 0;
	engine->paused = engine->late = engine->leaving = false;
	cbx_timer_cancel(sb16->timers[which]);
	sb16_play_request(sb16);
}

void sb16_play_pause(struct sb16 *sb16, unsigned which)
{
	struct sb16_engine *engine = &sb16->state.engines[which];

	if (engine->kind == SB16_IDLE || engine->paused)
		return;
	cut_chunk(sb16, which);
	engine->paused = true;
	engine->paused_at = now_of(sb16);
	cbx_timer_cancel(sb16->timers[which]);
	sb16_play_request(sb16);
}

void sb16_play_continue(struct sb16 *sb16, unsigned which)
{
	struct sb16_engine *engine = &sb16->state.engines[which];

	if (engine->kind == SB16_IDLE || !engine->paused)
		return;
	engine->paused = false;
	engine->epoch += now_of(sb16) - engine->paused_at;
	if (!engine->late)
		cbx_timer_set(sb16->timers[which], chunk_end(engine));
	sb16_play_request(sb16);
}
