/*
 * System control port B, 61h: the gate of timer counter 2, the speaker's enable bit, and
 * what can be read there: counter 2's output, the refresh toggle, the NMI sources.
 *
 * Manual: the 82371SB data sheet, "NMISC - NMI status and control register".  Nothing in the
 * machine raises SERR# or IOCHK#, so bits 6 and 7 read 0.
 *
 * The speaker is driven by counter 2's output and the enable bit; each frame of sound is the mean
 * of that level over the frame.  So tones have clean edges, and programs that make samples out of
 * pulse widths are heard as they were meant.
 */
#include "speaker.h"

enum { SPEAKER_GATE = 0x01, SPEAKER_DATA = 0x02, SPEAKER_KEPT = 0x0f, SPEAKER_REFRESH = 0x10,
       SPEAKER_OUT = 0x20 };

/* A refresh request comes every 18 pulses of the timer's clock: 15.085 microseconds. */
#define SPEAKER_HZ 1193182u
#define SPEAKER_REFRESH_NS UINT64_C(18000000000)        /* 18 pulses, times 10^9 */

/* A square wave's height; it is loud for what it is. */
enum { SPEAKER_LOUDNESS = 9000 };

struct speaker_state {
	uint8_t control;
};

/*
 * What is heard, no state.  Time is in units of which a pulse of the timer's clock has as many
 * as the backend's rate is, and a frame SPEAKER_HZ.
 */
struct speaker_sound {
	uint32_t rate;
	uint32_t taken, high;           /* of the frame under way: units that are over; those high */
	int32_t last;                   /* the last complete frame */
	bool level;                     /* for the next left units */
	uint64_t left;
	uint64_t ahead;                 /* units of later pulses that were taken already */
};

struct speaker {
	struct cbx_device device;
	struct speaker_state state;
	struct pit *pit;
	struct sound_mix *mix;
	struct speaker_sound sound;
};

static const struct cbx_field speaker_fields[] = {
	CBX_FIELD(struct speaker_state, control),
	CBX_FIELD_END
};

/* ---- Sound ----------------------------------------------------------------------------- */

static bool speaker_enabled(const struct speaker *speaker)
{
	return speaker->state.control & SPEAKER_DATA;
}

/* The next stretch of one level; false: there is no more until now. */
static bool speaker_next(struct speaker *speaker)
{
	struct speaker_sound *sound = &speaker->sound;
	uint64_t pulses;
	bool out;

	while (!sound->left) {
		bool more = pit_follow(speaker->pit, speaker_enabled(speaker), &pulses, &out);

		sound->level = out && speaker_enabled(speaker);
		if (!more)
			return false;
		sound->left = pulses * sound->rate;
		/* A frame may end within the pulse that is now: that one is over before it began. */
		if (sound->ahead > sound->left) {
			sound->ahead -= sound->left;
			sound->left = 0;
		} else {
			sound->left -= sound->ahead;
			sound->ahead = 0;
		}
	}
	return true;
}

/* Goes on to the end of the frame; false: there is no more before that. */
static bool speaker_fill(struct speaker *speaker)
{
	struct speaker_sound *sound = &speaker->sound;

	while (sound->taken < SPEAKER_HZ) {
		uint32_t part = SPEAKER_HZ - sound->taken;

		if (!speaker_next(speaker))
			return false;
		if (part > sound->left)
			part = (uint32_t)sound->left;
		sound->taken += part;
		sound->high += sound->level ? part : 0;
		sound->left -= part;
	}
	return true;
}

static void speaker_render(void *user, int32_t *samples, size_t frames)
{
	struct speaker *speaker = user;
	struct speaker_sound *sound = &speaker->sound;

	for (size_t i = 0; i < frames; i++) {
		if (!speaker_fill(speaker)) {
			uint32_t part = SPEAKER_HZ - sound->taken;

			sound->high += sound->level ? part : 0;
			sound->ahead += part;
		}
		sound->last = (int32_t)((uint64_t)sound->high * SPEAKER_LOUDNESS / SPEAKER_HZ);
		sound->taken = sound->high = 0;
		samples[2 * i] += sound->last;
		samples[2 * i + 1] += sound->last;
	}
}

static bool speaker_still(const void *user)
{
	const struct speaker *speaker = user;
	const struct speaker_sound *sound = &speaker->sound;
	bool level = sound->last != 0;

	if (speaker_enabled(speaker) && !pit_follow_still(speaker->pit))
		return false;
	return (sound->last == 0 || sound->last == SPEAKER_LOUDNESS) &&
	       sound->high == (level ? sound->taken : 0) && sound->level == level &&
	       (speaker_enabled(speaker) && pit_output(speaker->pit, 2)) == level;
}

static void speaker_skip(void *user, uint64_t frames)
{
	struct speaker *speaker = user;
	struct speaker_sound *sound = &speaker->sound;
	uint64_t units = frames * SPEAKER_HZ;

	while (units) {
		uint64_t part = units;

		if (!speaker_next(speaker)) {
			sound->ahead += units;
			break;
		}
		if (part > sound->left)
			part = sound->left;
		sound->left -= part;
		units -= part;
	}
}

static void speaker_restart(void *user)
{
	struct speaker *speaker = user;

	pit_follow_restart(speaker->pit);
	speaker->sound = (struct speaker_sound){
		.rate = speaker->mix->backend.rate,
		.level = speaker_enabled(speaker) && pit_output(speaker->pit, 2),
	};
}

/* Before the timer or the enable bit changes: all is heard that was before. */
static void speaker_changing(void *user)
{
	struct speaker *speaker = user;
	uint64_t pulses;
	bool level;

	if (!sound_mix_heard(speaker->mix))
		return;
	sound_mix_sync(speaker->mix);
	speaker_fill(speaker);
	/* What is beyond a frame that is complete and was not asked for is less than a pulse. */
	while (pit_follow(speaker->pit, false, &pulses, &level))
		;
}

/* ---- The port -------------------------------------------------------------------------- */

static uint64_t speaker_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	const struct speaker *speaker = (const struct speaker *)device;
	uint8_t value = speaker->state.control;

	(void)offset;
	(void)width;
	if (cbx_muldiv(cbx_time(device), SPEAKER_HZ, SPEAKER_REFRESH_NS) & 1)
		value |= SPEAKER_REFRESH;
	if (pit_output(speaker->pit, 2))
		value |= SPEAKER_OUT;
	return value;
}

static void speaker_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			  unsigned width)
{
	struct speaker *speaker = (struct speaker *)device;

	(void)offset;
	(void)width;
	speaker_changing(speaker);
	speaker->state.control = value & SPEAKER_KEPT;
	pit_set_gate2(speaker->pit, value & SPEAKER_GATE);
}

static const struct cbx_io speaker_io = {
	.widths = 1, .read = speaker_read, .write = speaker_write
};

static void speaker_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct speaker *speaker = (struct speaker *)device;

	(void)kind;
	speaker_changing(speaker);
	speaker->state.control = 0;
	pit_set_gate2(speaker->pit, false);
}

static bool speaker_check(const struct cbx_device *device, const void *bytes)
{
	const struct speaker_state *state = bytes;

	(void)device;
	return state->control <= SPEAKER_KEPT;
}

static const struct cbx_device_type speaker_type = {
	.name = "speaker",
	.version = 1,
	.size = sizeof(struct speaker),
	.state_offset = offsetof(struct speaker, state),
	.state_size = sizeof(struct speaker_state),
	.fields = speaker_fields,
	.reset = speaker_reset,
	.check = speaker_check,
};

enum cbx_status speaker_new(struct cbx_machine *machine, struct pit *pit, struct sound_mix *mix,
			    struct speaker **speaker)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &speaker_type, &device);

	if (status != CBX_OK)
		return status;
	*speaker = (struct speaker *)device;
	(*speaker)->pit = pit;
	(*speaker)->mix = mix;
	if (sound_mix_heard(mix)) {
		struct sound_source source = { speaker_render, speaker_still, speaker_skip,
					       speaker_restart, *speaker };

		(*speaker)->sound.rate = mix->backend.rate;
		sound_mix_add(mix, &source);
		pit_connect_follower(pit, speaker_changing, *speaker);
	}
	return cbx_ports_map(device, 0x61, 1, &speaker_io);
}
