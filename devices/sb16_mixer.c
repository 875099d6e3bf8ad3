/*
 * The CT1745 mixer of the Sound Blaster 16: volumes, and which IRQ and DMA channels are used.
 *
 * Ports base + 4 (register number) and base + 5 (data).  Manual: Creative, "Sound Blaster Series
 * Hardware Programming Guide", chapter 4.  What has no source here (CD, line, microphone), tone
 * and gain of inputs hold what is written.
 *
 * The chip's volumes go in steps of 2 dB, and cards have an amplifier that makes up for the 28 dB
 * that they take away at power-on.  There is none here: the steps are 1 dB instead, so that a guest
 * that never sets a volume is heard, and one that sets them all to full is not distorted.
 */
#include "sb16_state.h"

#include <string.h>

enum {
	REG_RESET = 0x00, REG_OLD_VOICE = 0x04, REG_OLD_MICROPHONE = 0x0a, REG_OLD_MASTER = 0x22,
	REG_OLD_MIDI = 0x26, REG_OLD_CD = 0x28, REG_OLD_LINE = 0x2e,
	REG_MASTER = 0x30, REG_VOICE = 0x32, REG_MIDI = 0x34, REG_CD = 0x36, REG_LINE = 0x38,
	REG_MICROPHONE = 0x3a, REG_GAIN = 0x41, REG_IRQ = 0x80, REG_DMA = 0x81, REG_PENDING = 0x82
};

/* In register 82h, which card this is. */
enum { PENDING_DSP_405 = 0x20 };

static const struct {
	uint8_t first, last, mask, initial;
} registers[] = {
	{ 0x30, 0x35, 0xf8, 0xc0 },     /* master, voice, MIDI: left and right */
	{ 0x36, 0x3a, 0xf8, 0x00 },     /* CD, line, microphone */
	{ 0x3b, 0x3b, 0xc0, 0x00 },     /* PC speaker */
	{ 0x3c, 0x3c, 0x1f, 0x1f },     /* output switches */
	{ 0x3d, 0x3d, 0x7f, 0x15 },     /* input switches, left and right */
	{ 0x3e, 0x3e, 0x7f, 0x0b },
	{ 0x3f, 0x42, 0xc0, 0x00 },     /* gain of inputs and outputs */
	{ 0x43, 0x43, 0x01, 0x00 },     /* automatic gain of the microphone */
	{ 0x44, 0x47, 0xf0, 0x80 },     /* treble, bass */
	{ REG_IRQ, REG_IRQ, 0x0f, 0x00 },
	{ REG_DMA, REG_DMA, 0xeb, 0x00 },
};

enum { REGISTERS = sizeof(registers) / sizeof(registers[0]) };

/* The row that a register is in; REGISTERS: none. */
static unsigned row_of(uint8_t index)
{
	unsigned row = 0;

	while (row < REGISTERS && (index < registers[row].first || index > registers[row].last))
		row++;
	return row;
}

/* Where the two halves of an older card's volume register are now; 0: it is none. */
static uint8_t old_volume(uint8_t index)
{
	switch (index) {
	case REG_OLD_VOICE:
		return REG_VOICE;
	case REG_OLD_MASTER:
		return REG_MASTER;
	case REG_OLD_MIDI:
		return REG_MIDI;
	case REG_OLD_CD:
		return REG_CD;
	case REG_OLD_LINE:
		return REG_LINE;
	}
	return 0;
}

/* What a volume register lets through, in 65536ths: 1 dB less for each step below 31. */
static int64_t volume(const struct sb16 *sb16, unsigned index)
{
	static const uint32_t steps[32] = {
		65536, 58409, 52057, 46396, 41350, 36854, 32846, 29274, 26090, 23253, 20724,
		18471, 16462, 14672, 13076, 11654, 10387, 9257, 8250, 7353, 6554, 5841, 5206,
		4640, 4135, 3685, 3285, 2927, 2609, 2325, 2072, 0
	};

	return steps[31 - (sb16->state.mixer[index & 0xff] >> 3)];
}

void sb16_mixer_loaded(struct sb16 *sb16)
{
	int32_t midi[2];

	sound_mix_sync(sb16->wires.mix);
	for (unsigned side = 0; side < 2; side++) {
		int64_t gain = volume(sb16, REG_MASTER + side) <<
			       (sb16->state.mixer[REG_GAIN + side] >> 6);

		sb16->gain[side] = (int32_t)(volume(sb16, REG_VOICE + side) * gain / 65536);
		sb16->voices[SB16_8BIT].changed = true;
		/* A synthesizer's full scale is all its voices at once: one alone is soft. */
		midi[side] = (int32_t)(volume(sb16, REG_MIDI + side) * gain / 32768);
	}
	opl3_set_gain(sb16->wires.opl3, midi[0], midi[1]);
}

/* Which IRQ and DMA channels the card uses is not reset with the volumes. */
void sb16_mixer_reset(struct sb16 *sb16)
{
	for (unsigned row = 0; row < REGISTERS; row++) {
		if (registers[row].first >= REG_IRQ)
			continue;
		for (unsigned index = registers[row].first; index <= registers[row].last; index++)
			sb16->state.mixer[index] = registers[row].initial;
	}
	sb16_mixer_loaded(sb16);
}

/* Four bits of volume as five: full stays full. */
static uint8_t widen(unsigned four)
{
	return (uint8_t)((four << 1 | four >> 3) << 3);
}

void sb16_mixer_write(struct sb16 *sb16, uint8_t value)
{
	uint8_t *mixer = sb16->state.mixer, index = sb16->state.index, old = old_volume(index);
	unsigned row = row_of(index);

	if (index == REG_RESET) {
		sb16_mixer_reset(sb16);
		return;
	}
	if (index == REG_IRQ || index == REG_DMA) {
		sb16_disconnect(sb16);
		mixer[index] = value & registers[row].mask;
		sb16_reconnect(sb16);
		return;
	}
	if (old) {
		mixer[old] = widen(value >> 4);
		mixer[old + 1] = widen(value & 15u);
	} else if (index == REG_OLD_MICROPHONE) {
		mixer[REG_MICROPHONE] = (uint8_t)((value & 7) << 5);
	} else if (row < REGISTERS) {
		mixer[index] = value & registers[row].mask;
	} else {
		return;
	}
	sb16_mixer_loaded(sb16);
}

uint8_t sb16_mixer_read(const struct sb16 *sb16)
{
	const uint8_t *mixer = sb16->state.mixer;
	uint8_t index = sb16->state.index, old = old_volume(index);

	if (old)
		return (mixer[old] & 0xf0) | mixer[old + 1] >> 4;
	if (index == REG_OLD_MICROPHONE)
		return mixer[REG_MICROPHONE] >> 5;
	if (index == REG_PENDING)
		return sb16->state.interrupts | PENDING_DSP_405;
	return row_of(index) < REGISTERS ? mixer[index] : 0xff;
}
