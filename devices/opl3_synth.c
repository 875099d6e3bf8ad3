/*
 * The operators of the YMF262: phase generators, envelopes, waveforms, algorithms, percussion.
 *
 * Manual: Yamaha YMF262 data sheet and application manual; what they leave open (the widths of
 * counters, the order of rounding) is as measured on chips.  Sines are never multiplied: a
 * logarithm of the sine is added to the attenuation, and a table gives the power of the sum.
 * Both tables are computed here, in integers, so that they are the same on every host.
 */
#include "opl3_synth.h"

#include <string.h>

enum { KEY_NOTE = 1, KEY_DRUM = 2 };
enum { ENVELOPE_MAX = 511 };
/* Beyond what any attenuation leaves audible. */
enum { LOG_SILENCE = 0x1000, LOG_MAX = 0x1fff };

enum {
	REG_NOTE_SELECT = 0x08, REG_DRUMS = 0xbd, REG_FOUR = 0x104, REG_NEW = 0x105
};
enum { DRUMS_ON = 0x20, DEEP_VIBRATO = 0x40, DEEP_TREMOLO = 0x80 };

/* Operators of the first bank that percussion uses. */
enum { BASS_1 = 12, HI_HAT = 13, TOM = 14, BASS_2 = 15, SNARE = 16, CYMBAL = 17 };

/* ---- Tables ------------------------------------------------------------------------------ */

#define ONE_30 (INT64_C(1) << 30)

static void make_powers(uint16_t power[OPL3_TABLE])
{
	/* 2^(1/2), 2^(1/4) ... 2^(1/256), times 2^30 */
	static const uint64_t roots[8] = {
		1518500250, 1276901417, 1170923762, 1121280436, 1097253708, 1085434106,
		1079572136, 1076653033
	};

	for (unsigned i = 0; i < OPL3_TABLE; i++) {
		uint64_t value = ONE_30;

		for (unsigned bit = 0; bit < 8; bit++)
			if (i >> (7 - bit) & 1)
				value = (value * roots[bit] + ONE_30 / 2) >> 30;
		power[i] = (uint16_t)((value - ONE_30 + (1 << 19)) >> 20);
	}
}

/* -log2(value / 2^30) * 256, rounded; value from 1 to 2^30. */
static uint16_t negative_log(uint64_t value)
{
	uint32_t whole = 0, fraction = 0;

	while (value < ONE_30) {
		value <<= 1;
		whole++;
	}
	for (unsigned bit = 0; bit < 24; bit++) {
		value = value * value >> 30;
		fraction <<= 1;
		if (value >= 2 * ONE_30) {
			value >>= 1;
			fraction |= 1;
		}
	}
	return (uint16_t)(((whole << 24) - fraction + (1 << 15)) >> 16);
}

static void make_sines(uint16_t log_sine[OPL3_TABLE])
{
	/* Times 2^30: sine and cosine of half a step (pi / 1024), then of a step. */
	int64_t sine = 3294193, cosine = 1073736771;
	const int64_t step_sine = 6588356, step_cosine = 1073721611;

	for (unsigned i = 0; i < OPL3_TABLE; i++) {
		int64_t next = (sine * step_cosine + cosine * step_sine + ONE_30 / 2) / ONE_30;

		log_sine[i] = negative_log((uint64_t)(sine < ONE_30 ? sine : ONE_30));
		cosine = (cosine * step_cosine - sine * step_sine + ONE_30 / 2) / ONE_30;
		sine = next;
	}
}

/* ---- Registers --------------------------------------------------------------------------- */

static unsigned operator_channel(unsigned n)
{
	return n / 18 * 9 + n % 18 / 6 * 3 + n % 3;
}

/* The first of a channel's two operators; the second is three further. */
static unsigned channel_operator(unsigned channel)
{
	return channel / 9 * 18 + channel % 9 / 3 * 6 + channel % 3;
}

static bool is_new(const struct opl3_synth *synth)
{
	return synth->registers[REG_NEW] & 1;
}

/* Is it one of two channels that are one channel of four operators?  Then which of them. */
enum four { FOUR_NOT, FOUR_FIRST, FOUR_SECOND };

static enum four four_of(const struct opl3_synth *synth, unsigned channel)
{
	unsigned in_bank = channel % 9, bit = in_bank % 3 + channel / 9 * 3;

	if (in_bank >= 6 || !is_new(synth) || !(synth->registers[REG_FOUR] >> bit & 1))
		return FOUR_NOT;
	return in_bank < 3 ? FOUR_FIRST : FOUR_SECOND;
}

static uint8_t channel_register(const struct opl3_synth *synth, unsigned base, unsigned channel)
{
	return synth->registers[channel / 9 * 0x100 + base + channel % 9];
}

static uint8_t operator_register(const struct opl3_synth *synth, unsigned base, unsigned n)
{
	unsigned in_bank = n % 18;

	return synth->registers[n / 18 * 0x100 + base + in_bank / 6 * 8 + in_bank % 6];
}

/* Key scale level, data sheet: how much higher notes are softer. */
static uint16_t key_scale_level(unsigned setting, unsigned fnum, unsigned block)
{
	static const uint8_t by_fnum[16] = {
		0, 32, 40, 45, 48, 51, 53, 55, 56, 58, 59, 60, 61, 62, 63, 64
	};
	static const uint8_t shifts[4] = { 0, 1, 2, 0 };
	unsigned level = by_fnum[fnum >> 6 & 15] * 4u, less = (8 - block) * 32;

	if (!setting || level <= less)
		return 0;
	return (uint16_t)((level - less) >> shifts[setting & 3]);
}

static uint8_t scaled_rate(unsigned rate, unsigned scale)
{
	unsigned scaled = rate ? 4 * rate + scale : 0;

	return (uint8_t)(scaled < 63 ? scaled : 63);
}

static void set_keys(struct opl3_operator *op, uint8_t keys)
{
	if (keys && !op->keys) {
		op->state = OPL3_ATTACK;
		op->phase = 0;
		if (op->rates[OPL3_ATTACK] >= 60) {
			op->envelope = 0;
			op->state = OPL3_DECAY;
		}
	} else if (!keys && op->keys && op->state != OPL3_OFF) {
		op->state = OPL3_RELEASE;
	}
	op->keys = keys;
}

static uint8_t operator_keys(const struct opl3_synth *synth, unsigned n, unsigned channel)
{
	/* The bits of the drums register for operators 12 to 17. */
	static const uint8_t drums[6] = { 0x10, 0x01, 0x04, 0x10, 0x08, 0x02 };
	uint8_t keys = channel_register(synth, 0xb0, channel) & 0x20 ? KEY_NOTE : 0;

	if (n >= BASS_1 && n <= CYMBAL && synth->registers[REG_DRUMS] & DRUMS_ON &&
	    synth->registers[REG_DRUMS] & drums[n - BASS_1])
		keys |= KEY_DRUM;
	return keys;
}

static void update_operator(struct opl3_synth *synth, unsigned n)
{
	static const uint8_t multiples[16] = {
		1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 20, 24, 24, 30, 30
	};
	struct opl3_operator *op = &synth->operators[n];
	unsigned channel = operator_channel(n), select, scale;
	uint8_t flags = operator_register(synth, 0x20, n), level = operator_register(synth, 0x40, n);
	uint8_t attack = operator_register(synth, 0x60, n), sustain = operator_register(synth, 0x80, n);

	if (four_of(synth, channel) == FOUR_SECOND)
		channel -= 3;
	op->fnum = (uint16_t)(channel_register(synth, 0xa0, channel) |
			      (channel_register(synth, 0xb0, channel) & 3) << 8);
	op->block = channel_register(synth, 0xb0, channel) >> 2 & 7;
	op->tremolo = flags & 0x80;
	op->vibrato = flags & 0x40;
	op->sustained = flags & 0x20;
	op->multiple = multiples[flags & 15];
	op->level = (uint16_t)((level & 0x3f) * 4 + key_scale_level(level >> 6, op->fnum, op->block));
	/* The last step of sustain level is -93 dB instead of -45. */
	op->sustain = (uint16_t)((sustain >> 4) == 15 ? 31 * 16 : (sustain >> 4) * 16);
	select = synth->registers[REG_NOTE_SELECT] & 0x40 ? op->fnum >> 8 & 1 : op->fnum >> 9 & 1;
	scale = (op->block * 2u + select) >> (flags & 0x10 ? 0 : 2);
	op->rates[OPL3_ATTACK] = scaled_rate(attack >> 4, scale);
	op->rates[OPL3_DECAY] = scaled_rate(attack & 15, scale);
	op->rates[OPL3_RELEASE] = scaled_rate(sustain & 15, scale);
	op->rates[OPL3_SUSTAIN] = op->sustained ? 0 : op->rates[OPL3_RELEASE];
	op->wave = operator_register(synth, 0xe0, n) & (is_new(synth) ? 7 : 3);
	set_keys(op, operator_keys(synth, n, channel));
}

void opl3_synth_write(struct opl3_synth *synth, unsigned number, uint8_t value)
{
	unsigned low = number & 0xff, bank = number >> 8 & 1;

	synth->registers[number & (OPL3_REGISTERS - 1)] = value;
	if ((low >= 0x20 && low <= 0x95) || low >= 0xe0) {
		unsigned offset = low & 0x1f;

		if (offset <= 0x15 && (offset & 7) <= 5)
			update_operator(synth, bank * 18 + offset / 8 * 6 + (offset & 7));
	} else if ((low >= 0xa0 && low <= 0xa8) || (low >= 0xb0 && low <= 0xb8)) {
		unsigned channel = bank * 9 + (low & 15);

		update_operator(synth, channel_operator(channel));
		update_operator(synth, channel_operator(channel) + 3);
		if (four_of(synth, channel) == FOUR_FIRST) {
			update_operator(synth, channel_operator(channel + 3));
			update_operator(synth, channel_operator(channel + 3) + 3);
		}
	} else if (number == REG_NOTE_SELECT || number == REG_DRUMS || number == REG_FOUR ||
		   number == REG_NEW) {
		for (unsigned n = 0; n < OPL3_OPERATORS; n++)
			update_operator(synth, n);
	}
}

void opl3_synth_init(struct opl3_synth *synth)
{
	static const uint8_t none[OPL3_REGISTERS];

	make_powers(synth->power);
	make_sines(synth->log_sine);
	opl3_synth_load(synth, none);
}

void opl3_synth_load(struct opl3_synth *synth, const uint8_t registers[OPL3_REGISTERS])
{
	memcpy(synth->registers, registers, sizeof(synth->registers));
	memset(synth->operators, 0, sizeof(synth->operators));
	synth->counter = 0;
	synth->noise = 1;
	for (unsigned n = 0; n < OPL3_OPERATORS; n++) {
		struct opl3_operator *op = &synth->operators[n];

		op->envelope = ENVELOPE_MAX;
		update_operator(synth, n);
		if (op->keys && op->sustained) {
			op->envelope = op->sustain;
			op->state = OPL3_SUSTAIN;
		} else {
			op->envelope = ENVELOPE_MAX;
			op->state = OPL3_OFF;
		}
	}
}

/* ---- One operator ------------------------------------------------------------------------ */

/*
 * How far an envelope goes at this sample.  A rate's upper four bits say how often it is clocked,
 * its lower two how many of eight clocks count, or count double.
 */
static unsigned envelope_step(uint64_t counter, unsigned rate)
{
	static const uint8_t counts[4] = { 0xaa, 0xba, 0xee, 0xfe };
	unsigned octave = rate >> 2, phase;
	bool more;

	if (octave < 1)
		return 0;
	if (octave < 12) {
		unsigned shift = 12 - octave;

		if (counter & ((UINT64_C(1) << shift) - 1))
			return 0;
		phase = counter >> shift & 7;
	} else {
		phase = counter & 7;
	}
	/* Above 12 the slowest of the four counts every clock: the others add to that. */
	more = counts[rate & 3] >> phase & 1;
	if (octave <= 12)
		return more;
	if (octave == 15)
		return 4;
	more = rate & 3 && (0x88 >> phase & 1 || (rate & 2 && 0x22 >> phase & 1) ||
			    ((rate & 3) == 3 && 0x44 >> phase & 1));
	return (more ? 2u : 1u) << (octave - 13);
}

static void run_envelope(const struct opl3_synth *synth, struct opl3_operator *op)
{
	unsigned rate = op->rates[op->state], step = envelope_step(synth->counter, rate);
	unsigned envelope = op->envelope;

	switch (op->state) {
	case OPL3_ATTACK:
		if (rate >= 60)
			envelope = 0;
		else
			envelope -= ((envelope + 1) * step + 7) / 8;
		if (envelope == 0 || envelope > ENVELOPE_MAX) {
			envelope = 0;
			op->state = OPL3_DECAY;
		}
		break;
	case OPL3_DECAY:
		envelope += step;
		if (envelope >= op->sustain)
			op->state = OPL3_SUSTAIN;
		break;
	case OPL3_SUSTAIN:
	case OPL3_RELEASE:
		envelope += step;
		break;
	default:
		break;
	}
	if (envelope >= ENVELOPE_MAX) {
		envelope = ENVELOPE_MAX;
		/* A key that is held can only be struck again after it was let go. */
		if (op->state != OPL3_ATTACK)
			op->state = OPL3_OFF;
	}
	op->envelope = (uint16_t)envelope;
}

/* Tremolo: 210 steps of 64 samples, up to 26 and down; a quarter of that when it is not deep. */
static unsigned tremolo(const struct opl3_synth *synth)
{
	unsigned at = (unsigned)(synth->counter / 64 % 210), height = at < 105 ? at : 210 - at;

	return height >> (synth->registers[REG_DRUMS] & DEEP_TREMOLO ? 2 : 4);
}

static uint32_t phase_increment(const struct opl3_synth *synth, const struct opl3_operator *op)
{
	uint32_t fnum = op->fnum;

	if (op->vibrato) {
		/* Eight steps of 1024 samples: 0, 1/2, 1, 1/2, and the same downwards. */
		unsigned at = synth->counter >> 10 & 7;
		uint32_t range = fnum >> 7;

		if (!(at & 3))
			range = 0;
		else if (at & 1)
			range >>= 1;
		if (!(synth->registers[REG_DRUMS] & DEEP_VIBRATO))
			range >>= 1;
		fnum = at & 4 ? fnum - range : fnum + range;
	}
	return ((fnum << op->block) >> 1) * op->multiple >> 1;
}

/* The wave at a phase of 10 bits, made softer by an attenuation of 9. */
static int32_t wave_at(const struct opl3_synth *synth, unsigned wave, unsigned phase,
		       unsigned attenuation)
{
	bool negative = false;
	unsigned level, quarter;

	phase &= 0x3ff;
	if (wave == 4 || wave == 5) {
		/* Two quick halves in the first half of the period. */
		negative = wave == 4 && phase & 0x100;
		level = phase & 0x200 ? LOG_SILENCE : 0;
		phase = phase << 1 & 0x1ff;
	} else {
		negative = (wave == 0 || wave >= 6) && phase & 0x200;
		level = (wave == 1 && phase & 0x200) || (wave == 3 && phase & 0x100) ?
			LOG_SILENCE : 0;
	}
	quarter = phase & 0x100 ? ~phase & 0xff : phase & 0xff;
	if (wave == 7)
		level = (negative ? ~phase & 0x1ff : phase & 0x1ff) << 3;
	else if (wave != 6 && !level)
		level = synth->log_sine[quarter];
	if (level == LOG_SILENCE && wave != 7)
		negative = false;
	level += attenuation << 3;
	if (level > LOG_MAX)
		level = LOG_MAX;
	level = (unsigned)(1024 + synth->power[~level & 0xff]) * 2 >> (level >> 8);
	return negative ? ~(int32_t)level : (int32_t)level;
}

static void advance(const struct opl3_synth *synth, struct opl3_operator *op)
{
	op->phase = (op->phase + phase_increment(synth, op)) & 0x7ffff;
}

/* Runs an operator that sounds: its next sample, with its phase shifted by modulation. */
static int32_t run_at(const struct opl3_synth *synth, struct opl3_operator *op, unsigned phase)
{
	unsigned attenuation;
	int32_t out;

	run_envelope(synth, op);
	attenuation = op->envelope + op->level + (op->tremolo ? tremolo(synth) : 0);
	out = op->state == OPL3_OFF ? 0 :
	      wave_at(synth, op->wave, phase, attenuation < ENVELOPE_MAX ? attenuation : ENVELOPE_MAX);
	op->before = op->out;
	op->out = out;
	return out;
}

static int32_t run_operator(const struct opl3_synth *synth, struct opl3_operator *op,
			    int32_t modulation)
{
	int32_t out;

	if (op->state == OPL3_OFF) {
		op->before = op->out = 0;
		return 0;
	}
	out = run_at(synth, op, (op->phase >> 9) + (unsigned)modulation);
	advance(synth, op);
	return out;
}

/* ---- Channels ---------------------------------------------------------------------------- */

/* The first operator modulates itself with the mean of its last two samples. */
static int32_t run_first(const struct opl3_synth *synth, struct opl3_operator *op,
			 uint8_t connection)
{
	unsigned feedback = connection >> 1 & 7;
	int32_t sum = op->out + op->before;

	if (!feedback)
		return run_operator(synth, op, 0);
	/* Rounded down, also below zero. */
	sum = sum >= 0 ? sum >> (9 - feedback) : ~(~sum >> (9 - feedback));
	return run_operator(synth, op, sum);
}

static int32_t run_pair(struct opl3_synth *synth, unsigned channel)
{
	struct opl3_operator *op = &synth->operators[channel_operator(channel)];
	uint8_t connection = channel_register(synth, 0xc0, channel);
	int32_t first;

	if (op[0].state == OPL3_OFF && op[3].state == OPL3_OFF) {
		op[0].out = op[0].before = 0;
		return 0;
	}
	first = run_first(synth, op, connection);
	if (connection & 1)
		return first + run_operator(synth, op + 3, 0);
	return run_operator(synth, op + 3, first);
}

static int32_t run_four(struct opl3_synth *synth, unsigned channel)
{
	struct opl3_operator *op = &synth->operators[channel_operator(channel)];
	struct opl3_operator *more = &synth->operators[channel_operator(channel + 3)];
	uint8_t connection = channel_register(synth, 0xc0, channel);
	bool second = channel_register(synth, 0xc0, channel + 3) & 1;
	int32_t sum = 0, last = run_first(synth, op, connection);

	if (connection & 1) {
		/* 1 + 2>3>4, or 1 + 2>3 + 4 */
		sum = last;
		last = run_operator(synth, op + 3, 0);
		last = run_operator(synth, more, last);
		if (!second)
			return sum + run_operator(synth, more + 3, last);
		return sum + last + run_operator(synth, more + 3, 0);
	}
	/* 1>2>3>4, or 1>2 + 3>4 */
	last = run_operator(synth, op + 3, last);
	if (second) {
		sum = last;
		last = 0;
	}
	last = run_operator(synth, more, last);
	return sum + run_operator(synth, more + 3, last);
}

/* One drum of the last three, which share the phases of two operators and the noise. */
static int32_t run_drum(struct opl3_synth *synth, unsigned n, unsigned phase)
{
	struct opl3_operator *op = &synth->operators[n];

	if (op->state == OPL3_OFF)
		return 0;
	return run_at(synth, op, phase);
}

static int32_t run_drums(struct opl3_synth *synth, unsigned channel)
{
	struct opl3_operator *ops = synth->operators;
	unsigned hat = ops[HI_HAT].phase >> 9, cymbal = ops[CYMBAL].phase >> 9;
	unsigned noise = synth->noise & 1, mixed, high = hat >> 8 & 1;
	int32_t sum;

	if (channel == 6) {
		/* The bass drum; its first operator is heard through the second only. */
		uint8_t connection = channel_register(synth, 0xc0, 6);
		int32_t first = run_first(synth, &ops[BASS_1], connection);

		return 2 * run_operator(synth, &ops[BASS_2], connection & 1 ? 0 : first);
	}
	mixed = ((hat >> 2 ^ hat >> 7) | (hat >> 3 ^ cymbal >> 5) | (cymbal >> 3 ^ cymbal >> 5)) & 1;
	if (channel == 7) {
		sum = run_drum(synth, HI_HAT, mixed << 9 | (mixed ^ noise ? 0xd0 : 0x34));
		sum += run_drum(synth, SNARE, high << 9 | (high ^ noise) << 8);
		return 2 * sum;
	}
	sum = run_drum(synth, TOM, ops[TOM].phase >> 9);
	sum += run_drum(synth, CYMBAL, mixed << 9 | 0x80);
	for (unsigned n = HI_HAT; n <= CYMBAL; n++)
		if (n != BASS_2)
			advance(synth, &ops[n]);
	return 2 * sum;
}

bool opl3_synth_silent(const struct opl3_synth *synth)
{
	for (unsigned n = 0; n < OPL3_OPERATORS; n++)
		if (synth->operators[n].state != OPL3_OFF)
			return false;
	return true;
}

void opl3_synth_sample(struct opl3_synth *synth, int32_t sample[2])
{
	bool drums = synth->registers[REG_DRUMS] & DRUMS_ON, stereo = is_new(synth);

	sample[0] = sample[1] = 0;
	/* So that opl3.c can let silence pass without us. */
	if (opl3_synth_silent(synth)) {
		synth->counter++;
		return;
	}
	for (unsigned channel = 0; channel < OPL3_CHANNELS; channel++) {
		enum four four = four_of(synth, channel);
		uint8_t sides = stereo ? channel_register(synth, 0xc0, channel) >> 4 & 3 : 3;
		int32_t out;

		if (four == FOUR_SECOND)
			continue;
		if (drums && channel >= 6 && channel <= 8)
			out = run_drums(synth, channel);
		else
			out = four == FOUR_FIRST ? run_four(synth, channel) : run_pair(synth, channel);
		sample[0] += sides & 1 ? out : 0;
		sample[1] += sides & 2 ? out : 0;
	}
	synth->counter++;
	synth->noise = synth->noise >> 1 | ((synth->noise >> 14 ^ synth->noise) & 1) << 22;
}
