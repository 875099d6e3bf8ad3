/*
 * Sound Blaster 16: a card on the ISA bus with DSP 4.05 (sb16_dsp.c, sb16_play.c), CT1745 mixer
 * (sb16_mixer.c), OPL3 (opl3.c) and MPU-401 (mpu401.c).
 *
 * Ports from the base (220h) on: 0-3 FM; 4, 5 mixer; 6 DSP reset; 8, 9 FM's first bank; Ah read
 * data; Ch write command or data, read write-status; Eh read-status and acknowledge 8-bit
 * interrupts; Fh acknowledge 16-bit interrupts.  388h FM again; 330h MIDI.
 * Manual: Creative, "Sound Blaster Series Hardware Programming Guide", 3rd edition.
 *
 * The guest chooses IRQ and DMA channels by mixer registers 80h and 81h.  The DSP takes no time
 * to think: a command is done and its answer there when its last byte is written.
 */
#include "sb16_state.h"

#include "mpu401.h"

enum {
	PORT_FM = 0x0, PORT_MIXER_INDEX = 0x4, PORT_MIXER_DATA = 0x5, PORT_RESET = 0x6,
	PORT_FM_OLD = 0x8, PORT_READ = 0xa, PORT_WRITE = 0xc, PORT_STATUS = 0xe,
	PORT_ACKNOWLEDGE_16 = 0xf
};

static const struct cbx_field sb16_engine_fields[] = {
	CBX_FIELD(struct sb16_engine, epoch),
	CBX_FIELD(struct sb16_engine, frames),
	CBX_FIELD(struct sb16_engine, paused_at),
	CBX_FIELD(struct sb16_engine, rate),
	CBX_FIELD(struct sb16_engine, length),
	CBX_FIELD(struct sb16_engine, left),
	CBX_FIELD(struct sb16_engine, chunk),
	CBX_FIELD(struct sb16_engine, wanted),
	CBX_FIELD(struct sb16_engine, kind),
	CBX_FIELD(struct sb16_engine, repeats),
	CBX_FIELD(struct sb16_engine, leaving),
	CBX_FIELD(struct sb16_engine, paused),
	CBX_FIELD(struct sb16_engine, late),
	CBX_FIELD(struct sb16_engine, stereo),
	CBX_FIELD(struct sb16_engine, is_signed),
	CBX_FIELD(struct sb16_engine, reference),
	CBX_FIELD_ARRAY(struct sb16_engine, reserved),
	CBX_FIELD_END
};

static const struct cbx_field sb16_fields[] = {
	CBX_FIELD_STRUCTS(struct sb16_state, engines, sb16_engine_fields),
	CBX_FIELD(struct sb16_state, rate),
	CBX_FIELD(struct sb16_state, block),
	CBX_FIELD(struct sb16_state, command),
	CBX_FIELD(struct sb16_state, have),
	CBX_FIELD_ARRAY(struct sb16_state, arguments),
	CBX_FIELD_ARRAY(struct sb16_state, replies),
	CBX_FIELD(struct sb16_state, reply_first),
	CBX_FIELD(struct sb16_state, reply_count),
	CBX_FIELD(struct sb16_state, reply_last),
	CBX_FIELD(struct sb16_state, interrupts),
	CBX_FIELD(struct sb16_state, test),
	CBX_FIELD(struct sb16_state, identify_sum),
	CBX_FIELD(struct sb16_state, identify_key),
	CBX_FIELD(struct sb16_state, identify_byte),
	CBX_FIELD(struct sb16_state, identify_wanted),
	CBX_FIELD(struct sb16_state, by_constant),
	CBX_FIELD(struct sb16_state, reset),
	CBX_FIELD(struct sb16_state, speaker),
	CBX_FIELD(struct sb16_state, midi),
	CBX_FIELD(struct sb16_state, record_stereo),
	CBX_FIELD(struct sb16_state, index),
	CBX_FIELD_ARRAY(struct sb16_state, mixer),
	CBX_FIELD_ARRAY(struct sb16_state, reserved),
	CBX_FIELD_END
};

/* ---- Interrupts -------------------------------------------------------------------------- */

/* The lines that the bits of mixer register 80h stand for. */
static const uint8_t irq_of_bit[4] = { 9, 5, 7, 10 };

static void sb16_drive(struct sb16 *sb16, bool level)
{
	for (unsigned bit = 0; bit < 4; bit++)
		if (sb16->state.mixer[0x80] >> bit & 1)
			cbx_line_set(&sb16->wires.irqs[irq_of_bit[bit]], level);
}

void sb16_interrupt(struct sb16 *sb16, uint8_t which, bool level)
{
	uint8_t *interrupts = &sb16->state.interrupts;

	*interrupts = level ? *interrupts | which : *interrupts & (uint8_t)~which;
	sb16_drive(sb16, *interrupts);
}

static void sb16_midi_interrupt(void *target, unsigned number, bool level)
{
	(void)number;
	sb16_interrupt(target, SB16_IRQ_MIDI, level);
}

void sb16_disconnect(struct sb16 *sb16)
{
	sb16_drive(sb16, false);
}

void sb16_reconnect(struct sb16 *sb16)
{
	sb16_drive(sb16, sb16->state.interrupts);
	sb16_play_request(sb16);
}

/* ---- Ports ------------------------------------------------------------------------------- */

static uint64_t sb16_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct sb16 *sb16 = (struct sb16 *)device;

	(void)width;
	switch (offset) {
	case PORT_FM: case PORT_FM + 1: case PORT_FM + 2: case PORT_FM + 3:
		return opl3_read(sb16->wires.opl3, offset & 3);
	case PORT_FM_OLD: case PORT_FM_OLD + 1:
		return opl3_read(sb16->wires.opl3, offset & 1);
	case PORT_MIXER_INDEX:
		return sb16->state.index;
	case PORT_MIXER_DATA:
		return sb16_mixer_read(sb16);
	case PORT_READ:
		return sb16_dsp_read(sb16);
	case PORT_WRITE:
		/* Bit 7: busy. */
		return sb16->state.reset ? 0xff : 0x7f;
	case PORT_STATUS:
		sb16_interrupt(sb16, SB16_IRQ_8BIT, false);
		return sb16->state.reply_count ? 0xff : 0x7f;
	case PORT_ACKNOWLEDGE_16:
		sb16_interrupt(sb16, SB16_IRQ_16BIT, false);
		return 0xff;
	}
	return 0xff;
}

static void sb16_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct sb16 *sb16 = (struct sb16 *)device;

	(void)width;
	switch (offset) {
	case PORT_FM: case PORT_FM + 1: case PORT_FM + 2: case PORT_FM + 3:
		opl3_write(sb16->wires.opl3, offset & 3, (uint8_t)value);
		break;
	case PORT_FM_OLD: case PORT_FM_OLD + 1:
		opl3_write(sb16->wires.opl3, offset & 1, (uint8_t)value);
		break;
	case PORT_MIXER_INDEX:
		sb16->state.index = (uint8_t)value;
		break;
	case PORT_MIXER_DATA:
		sb16_mixer_write(sb16, (uint8_t)value);
		break;
	case PORT_RESET:
		sb16_dsp_write_reset(sb16, (uint8_t)value);
		break;
	case PORT_WRITE:
		sb16_dsp_write(sb16, (uint8_t)value);
		break;
	}
}

static const struct cbx_io sb16_io = { .widths = 1, .read = sb16_read, .write = sb16_write };

/* ---- Life -------------------------------------------------------------------------------- */

static void sb16_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct sb16 *sb16 = (struct sb16 *)device;

	(void)kind;
	sound_mix_sync(sb16->wires.mix);
	sb16_disconnect(sb16);
	sb16->state = (struct sb16_state){ .rate = 0 };
	sb16->state.mixer[0x80] = sb16->irq_jumper;
	sb16->state.mixer[0x81] = sb16->dma_jumper;
	sb16_dsp_reset(sb16);
	sb16_mixer_reset(sb16);
	sb16_reconnect(sb16);
}

static bool sb16_check_engine(const struct sb16_engine *engine)
{
	return engine->kind < SB16_KINDS && engine->chunk <= engine->left &&
	       engine->chunk <= SB16_CHUNK / 2 && engine->wanted <= 2 * engine->chunk &&
	       engine->length >= 1 && engine->length <= 0x10000 && engine->left <= engine->length &&
	       engine->rate >= 1 && engine->rate <= 50000 && engine->frames <= UINT32_MAX &&
	       engine->epoch <= INT64_MAX && engine->paused_at <= INT64_MAX;
}

static bool sb16_check(const struct cbx_device *device, const void *bytes)
{
	const struct sb16_state *state = bytes;

	(void)device;
	return sb16_check_engine(&state->engines[0]) && sb16_check_engine(&state->engines[1]) &&
	       state->engines[0].wanted <= state->engines[0].chunk &&
	       state->rate >= 1 && state->rate <= 1000000 && state->have < 4 &&
	       state->reply_first < SB16_REPLIES && state->reply_count <= SB16_REPLIES &&
	       state->interrupts <= 7 && !(state->mixer[0x80] & 0xf0) && !(state->mixer[0x81] & 0x14);
}

static void sb16_loaded(struct cbx_device *device)
{
	sb16_mixer_loaded((struct sb16 *)device);
}

static const struct cbx_device_type sb16_type = {
	.name = "sb16",
	.version = 1,
	.size = sizeof(struct sb16),
	.state_offset = offsetof(struct sb16, state),
	.state_size = sizeof(struct sb16_state),
	.fields = sb16_fields,
	.reset = sb16_reset,
	.check = sb16_check,
	.loaded = sb16_loaded,
};

/* The options as the bits of mixer registers 80h and 81h; false: there is no such choice. */
static bool sb16_take_options(struct sb16 *sb16, const struct cbx_sound_card_options *options)
{
	unsigned irq = options->irq ? options->irq : 5, dma = options->dma ? options->dma : 1;
	unsigned dma16 = options->dma16 ? options->dma16 : 5;

	for (unsigned bit = 0; bit < 4; bit++)
		if (irq_of_bit[bit] == irq)
			sb16->irq_jumper = (uint8_t)(1u << bit);
	sb16->dma_jumper = (uint8_t)(1u << dma % 8 | 1u << dma16 % 8);
	return sb16->irq_jumper && (dma == 1 || dma == 3) && dma16 >= 5 && dma16 <= 7;
}

enum cbx_status sb16_new(struct cbx_machine *machine, const struct sb16_wires *wires,
			 const struct cbx_sound_card_options *options, struct sb16 **sb16)
{
	unsigned base = options->port ? options->port : 0x220;
	unsigned midi_base = options->midi_port ? options->midi_port : 0x330;
	struct cbx_line irq;
	struct cbx_device *device;
	struct mpu401 *mpu401;
	struct sb16 *made;
	enum cbx_status status = cbx_device_new(machine, &sb16_type, &device);

	if (status != CBX_OK)
		return status;
	*sb16 = made = (struct sb16 *)device;
	irq = (struct cbx_line){ sb16_midi_interrupt, made, 0 };
	made->wires = *wires;
	made->midi = options->midi;
	if (!sb16_take_options(made, options) || base < 0x220 || base > 0x280 || base % 0x20 ||
	    (midi_base != 0x300 && midi_base != 0x330))
		return CBX_ERROR_ARGUMENT;
	for (unsigned which = 0; which < SB16_ENGINES && status == CBX_OK; which++)
		status = cbx_timer_new(device, which ? "16bit" : "8bit", sb16_play_fire, which,
				       &made->timers[which]);
	if (status == CBX_OK)
		status = mpu401_new(machine, midi_base, irq, &options->midi, &mpu401);
	if (status != CBX_OK)
		return status;
	sb16_play_connect(made);
	return cbx_ports_map(device, base, 16, &sb16_io);
}
