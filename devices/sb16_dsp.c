/*
 * The DSP 4.05 of the Sound Blaster 16: its commands.
 *
 * Manual: Creative, "Sound Blaster Series Hardware Programming Guide", chapters 2 and 6; commands
 * that it does not name (DMA identification, test register) are as programs use them.  Commands
 * of all versions from 1.xx on are there.  As on the real 4.xx, the speaker switch (D1h, D3h)
 * changes nothing but what D8h answers, and high-speed transfers take commands like others.
 * There is no signal processor (ASP): its commands are swallowed.
 */
#include "sb16_state.h"

#include <string.h>

enum { DSP_READY = 0xaa, DSP_SILENCE = 0x80 };
enum { DSP_MAJOR = 4, DSP_MINOR = 5 };
enum { DSP_RATE_MIN = 4000, DSP_RATE_MAX = 45454, DSP_RATE_DEFAULT = 11025 };
/* By time constant, of which a stereo frame takes two. */
enum { DSP_CONSTANT_HZ = 1000000, DSP_CONSTANT_MIN = 1953 };
enum { DSP_IDENTIFY_SUM = 0xaa, DSP_IDENTIFY_KEY = 0x96 };

static const char dsp_copyright[] = "COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.";

/* ---- Answers ----------------------------------------------------------------------------- */

static void reply(struct sb16 *sb16, uint8_t byte)
{
	struct sb16_state *state = &sb16->state;

	if (state->reply_count < SB16_REPLIES)
		state->replies[(state->reply_first + state->reply_count++) % SB16_REPLIES] = byte;
}

uint8_t sb16_dsp_read(struct sb16 *sb16)
{
	struct sb16_state *state = &sb16->state;

	if (state->reply_count) {
		state->reply_last = state->replies[state->reply_first % SB16_REPLIES];
		state->reply_first = (uint8_t)((state->reply_first + 1) % SB16_REPLIES);
		state->reply_count--;
	}
	return state->reply_last;
}

/* ---- Transfers --------------------------------------------------------------------------- */

/* Frames a second. */
static uint32_t frame_rate(const struct sb16_state *state, bool stereo)
{
	uint32_t rate = state->rate;

	if (!state->by_constant)
		return rate;
	rate /= stereo ? 2 : 1;
	return rate < DSP_CONSTANT_MIN ? DSP_CONSTANT_MIN : rate > DSP_RATE_MAX ? DSP_RATE_MAX : rate;
}

static void start(struct sb16 *sb16, unsigned which, struct sb16_engine engine)
{
	engine.rate = frame_rate(&sb16->state, engine.stereo);
	sb16_play_start(sb16, which, &engine);
}

/* An 8-bit transfer of older cards: unsigned, mono. */
static void start_old(struct sb16 *sb16, enum sb16_kind kind, uint32_t length, bool repeats,
		      bool reference)
{
	start(sb16, SB16_8BIT, (struct sb16_engine){
		.kind = (uint8_t)kind, .length = length, .repeats = repeats, .reference = reference,
		.stereo = kind == SB16_RECORD && sb16->state.record_stereo,
	});
}

/* A length less one in two arguments, the low byte first. */
static uint32_t length_of(const uint8_t *arguments)
{
	return (arguments[0] | (uint32_t)arguments[1] << 8) + 1;
}

/* Bxh (16-bit) and Cxh (8-bit): bit 3 records, bit 2 repeats; mode bit 5 stereo, bit 4 signed. */
static void start_new(struct sb16 *sb16)
{
	const struct sb16_state *state = &sb16->state;
	uint8_t command = state->command, mode = state->arguments[0];

	start(sb16, command < 0xc0 ? SB16_16BIT : SB16_8BIT, (struct sb16_engine){
		.kind = command & 8 ? SB16_RECORD : SB16_PLAY, .repeats = command & 4,
		.stereo = mode & 0x20, .is_signed = mode & 0x10,
		.length = length_of(state->arguments + 1),
	});
}

/*
 * E2h: how programs find the DMA channel.  The byte's bits are added or subtracted by a key that
 * turns, and the sum is sent by DMA.
 */
static void identify(struct sb16 *sb16, uint8_t byte)
{
	struct sb16_state *state = &sb16->state;
	uint8_t key = state->identify_key;

	state->identify_sum = (uint8_t)(state->identify_sum + (byte ^ key));
	state->identify_key = (uint8_t)(key >> 2 | key << 6);
	state->identify_byte = state->identify_sum;
	state->identify_wanted = true;
	sb16_play_request(sb16);
}

/* ---- Commands ---------------------------------------------------------------------------- */

/* How many bytes follow a command. */
static unsigned argument_count(uint8_t command)
{
	if (command >= 0xb0 && command <= 0xcf)
		return 3;
	switch (command) {
	case 0x05: case 0x0e: case 0x14: case 0x16: case 0x17: case 0x24: case 0x41: case 0x42:
	case 0x48: case 0x74: case 0x75: case 0x76: case 0x77: case 0x80:
		return 2;
	case 0x04: case 0x08: case 0x0f: case 0x10: case 0x38: case 0x40: case 0xe0: case 0xe2:
	case 0xe4: case 0xf9:
		return 1;
	}
	return 0;
}

static void set_rate(struct sb16 *sb16, uint32_t rate, bool by_constant)
{
	if (!by_constant)
		rate = rate < DSP_RATE_MIN ? DSP_RATE_MIN : rate > DSP_RATE_MAX ? DSP_RATE_MAX : rate;
	sb16->state.rate = rate;
	sb16->state.by_constant = by_constant;
}

/* 10h-9Fh: transfers as on older cards, rates, silence. */
static void run_transfer_command(struct sb16 *sb16)
{
	struct sb16_state *state = &sb16->state;
	const uint8_t *arguments = state->arguments;
	uint32_t block = state->block + UINT32_C(1);

	switch (state->command) {
	case 0x10:
		sb16_play_direct(sb16, arguments[0]);
		break;
	case 0x14:
		start_old(sb16, SB16_PLAY, length_of(arguments), false, false);
		break;
	case 0x16: case 0x17:
		start_old(sb16, SB16_ADPCM2, length_of(arguments), false, state->command & 1);
		break;
	case 0x1c: case 0x90:
		start_old(sb16, SB16_PLAY, block, true, false);
		break;
	case 0x1f:
		start_old(sb16, SB16_ADPCM2, block, true, true);
		break;
	case 0x20:
		reply(sb16, DSP_SILENCE);
		break;
	case 0x24:
		start_old(sb16, SB16_RECORD, length_of(arguments), false, false);
		break;
	case 0x2c: case 0x98:
		start_old(sb16, SB16_RECORD, block, true, false);
		break;
	case 0x34: case 0x35: case 0x36: case 0x37:
		state->midi = true;
		break;
	case 0x38:
		if (sb16->midi.write)
			sb16->midi.write(sb16->midi.user, arguments[0]);
		break;
	case 0x40:
		set_rate(sb16, DSP_CONSTANT_HZ / (256u - arguments[0]), true);
		break;
	case 0x41: case 0x42:
		/* For output and for input; but there is one clock. */
		set_rate(sb16, (uint32_t)arguments[0] << 8 | arguments[1], false);
		break;
	case 0x48:
		state->block = (uint16_t)(length_of(arguments) - 1);
		break;
	case 0x74: case 0x75:
		start_old(sb16, SB16_ADPCM4, length_of(arguments), false, state->command & 1);
		break;
	case 0x76: case 0x77:
		start_old(sb16, SB16_ADPCM26, length_of(arguments), false, state->command & 1);
		break;
	case 0x7d:
		start_old(sb16, SB16_ADPCM4, block, true, true);
		break;
	case 0x7f:
		start_old(sb16, SB16_ADPCM26, block, true, true);
		break;
	case 0x80:
		start_old(sb16, SB16_SILENCE, length_of(arguments), false, false);
		break;
	case 0x91:
		start_old(sb16, SB16_PLAY, block, false, false);
		break;
	case 0x99:
		start_old(sb16, SB16_RECORD, block, false, false);
		break;
	}
}

/* 45h, 47h, A0h-FFh: what goes on, and who the DSP is. */
static void run_control_command(struct sb16 *sb16)
{
	struct sb16_state *state = &sb16->state;

	switch (state->command) {
	case 0x45: case 0x47:
		state->engines[state->command == 0x47].leaving = false;
		sb16_play_continue(sb16, state->command == 0x47);
		break;
	case 0xa0: case 0xa8:
		state->record_stereo = state->command == 0xa8;
		break;
	case 0xd0: case 0xd5:
		sb16_play_pause(sb16, state->command == 0xd5);
		break;
	case 0xd1: case 0xd3:
		state->speaker = state->command == 0xd1;
		break;
	case 0xd4: case 0xd6:
		sb16_play_continue(sb16, state->command == 0xd6);
		break;
	case 0xd8:
		reply(sb16, state->speaker ? 0xff : 0x00);
		break;
	case 0xd9: case 0xda:
		state->engines[state->command == 0xd9].leaving = true;
		break;
	case 0xe0:
		reply(sb16, (uint8_t)~state->arguments[0]);
		break;
	case 0xe1:
		reply(sb16, DSP_MAJOR);
		reply(sb16, DSP_MINOR);
		break;
	case 0xe2:
		identify(sb16, state->arguments[0]);
		break;
	case 0xe3:
		for (size_t i = 0; i < sizeof(dsp_copyright); i++)
			reply(sb16, (uint8_t)dsp_copyright[i]);
		break;
	case 0xe4:
		state->test = state->arguments[0];
		break;
	case 0xe8:
		reply(sb16, state->test);
		break;
	case 0xf2:
		sb16_interrupt(sb16, SB16_IRQ_8BIT, true);
		break;
	case 0xf3:
		sb16_interrupt(sb16, SB16_IRQ_16BIT, true);
		break;
	case 0x08: case 0x0f: case 0xf9:
		/* Registers of the signal processor, and of the DSP's memory. */
		reply(sb16, 0xff);
		break;
	case 0xf8:
		reply(sb16, 0x00);
		break;
	}
}

static void run_command(struct sb16 *sb16)
{
	uint8_t command = sb16->state.command;

	if (command >= 0xb0 && command <= 0xcf)
		start_new(sb16);
	else if (command >= 0x10 && command <= 0x9f && command != 0x45 && command != 0x47)
		run_transfer_command(sb16);
	else
		run_control_command(sb16);
}

void sb16_dsp_write(struct sb16 *sb16, uint8_t value)
{
	struct sb16_state *state = &sb16->state;

	if (state->reset)
		return;
	if (state->midi) {
		/* MIDI by way of the DSP: all bytes go out until the next reset. */
		if (sb16->midi.write)
			sb16->midi.write(sb16->midi.user, value);
		return;
	}
	if (!state->have) {
		state->command = value;
		state->have = 1;
	} else {
		state->arguments[(state->have++ - 1u) % sizeof(state->arguments)] = value;
	}
	if (state->have > argument_count(state->command)) {
		state->have = 0;
		run_command(sb16);
	}
}

/* ---- Reset ------------------------------------------------------------------------------- */

void sb16_dsp_reset(struct sb16 *sb16)
{
	struct sb16_state *state = &sb16->state;

	for (unsigned which = 0; which < SB16_ENGINES; which++) {
		sb16_play_stop(sb16, which);
		state->engines[which] = (struct sb16_engine){ .rate = DSP_RATE_DEFAULT, .length = 1 };
	}
	state->rate = DSP_RATE_DEFAULT;
	state->by_constant = false;
	state->block = 0;
	state->have = 0;
	state->reply_first = state->reply_count = 0;
	state->identify_sum = DSP_IDENTIFY_SUM;
	state->identify_key = DSP_IDENTIFY_KEY;
	state->identify_wanted = false;
	state->speaker = state->midi = state->record_stereo = false;
	sb16_interrupt(sb16, SB16_IRQ_8BIT | SB16_IRQ_16BIT, false);
	sb16_play_request(sb16);
}

/* A one, then a zero. */
void sb16_dsp_write_reset(struct sb16 *sb16, uint8_t value)
{
	bool before = sb16->state.reset;

	sb16->state.reset = value & 1;
	if (sb16->state.reset) {
		sb16_dsp_reset(sb16);
	} else if (before) {
		reply(sb16, DSP_READY);
	}
}
