/* What the Sound Blaster's files share: its state, and who calls whom. */
#ifndef DEVICES_SB16_STATE_H
#define DEVICES_SB16_STATE_H

#include "sb16.h"

/* Samples that are fetched at a time, in bytes, and the bytes the DSP can have to say. */
enum { SB16_CHUNK = 256, SB16_REPLIES = 64, SB16_QUEUE = 512 };

/* The DSP moves 8-bit and 16-bit samples independently of each other. */
enum { SB16_8BIT, SB16_16BIT, SB16_ENGINES };

/* What an engine is doing. */
enum sb16_kind {
	SB16_IDLE, SB16_PLAY, SB16_RECORD, SB16_ADPCM2, SB16_ADPCM26, SB16_ADPCM4, SB16_SILENCE,
	SB16_KINDS
};

/* Samples are bytes or 16-bit words (ADPCM: bytes); a frame is one of each channel. */
struct sb16_engine {
	uint64_t epoch, frames;         /* the chunk under way ends so many frames after epoch (ns) */
	uint64_t paused_at;             /* ns */
	uint32_t rate;                  /* frames a second */
	uint32_t length, left;          /* samples in a block; those of this one that are to come */
	uint32_t chunk, wanted;         /* samples being played; bytes of them not yet there */
	uint8_t kind;                   /* enum sb16_kind */
	bool repeats, leaving;          /* auto-init; but not after this block */
	bool paused, late;              /* by the guest; the chunk's time is over, but wanted > 0 */
	bool stereo, is_signed;
	bool reference;                 /* ADPCM: the first byte is a sample */
	uint8_t reserved[4];
};

struct sb16_state {
	struct sb16_engine engines[SB16_ENGINES];
	uint32_t rate;                  /* as commanded: frames a second, or samples, see below */
	uint16_t block;                 /* commands without a length: samples - 1 */
	uint8_t command, have;          /* a command that waits for arguments, and those there */
	uint8_t arguments[4];
	uint8_t replies[SB16_REPLIES];
	uint8_t reply_first, reply_count, reply_last;
	uint8_t interrupts;             /* as in the mixer's register 82h */
	uint8_t test;
	uint8_t identify_sum, identify_key, identify_byte;
	bool identify_wanted;           /* identify_byte waits for DMA */
	bool by_constant;               /* rate is of samples */
	bool reset, speaker, midi, record_stereo;
	uint8_t index;                  /* of the mixer */
	uint8_t mixer[256];
	uint8_t reserved[5];
};

/* What is heard of an engine, no state. */
struct sb16_voice {
	int16_t queue[SB16_QUEUE][2];
	unsigned first, count;
	uint32_t rate, delay;           /* of the frames in the queue; output frames until they begin */
	uint64_t position;              /* from last to next, in parts of the backend's rate */
	int32_t last[2], next[2];
	bool playing;
	bool changed;                   /* not playing, but not the same as the last frame */
	uint8_t data[SB16_CHUNK];       /* of the chunk, as they come */
	int32_t sample, step;           /* ADPCM */
};

struct sb16_channel {
	struct sb16 *sb16;
	unsigned number;
};

struct sb16 {
	struct cbx_device device;
	struct sb16_state state;
	struct sb16_wires wires;
	struct cbx_character_backend midi;
	struct cbx_timer *timers[SB16_ENGINES];
	struct sb16_channel channels[8];
	struct sb16_voice voices[SB16_ENGINES];
	int32_t gain[2];                /* derived from the mixer, in 65536ths */
	uint8_t irq_jumper, dma_jumper;  /* of the mixer's registers 80h and 81h at power-on */
};

/* sb16.c */
enum { SB16_IRQ_8BIT = 1, SB16_IRQ_16BIT = 2, SB16_IRQ_MIDI = 4 };
void sb16_interrupt(struct sb16 *sb16, uint8_t which, bool level);
/* Around a change of which IRQ or DMA channel the card uses. */
void sb16_disconnect(struct sb16 *sb16);
void sb16_reconnect(struct sb16 *sb16);

/* sb16_mixer.c */
void sb16_mixer_reset(struct sb16 *sb16);
void sb16_mixer_write(struct sb16 *sb16, uint8_t value);
uint8_t sb16_mixer_read(const struct sb16 *sb16);
/* Makes the gains anew. */
void sb16_mixer_loaded(struct sb16 *sb16);

/* sb16_dsp.c */
void sb16_dsp_reset(struct sb16 *sb16);
void sb16_dsp_write_reset(struct sb16 *sb16, uint8_t value);
void sb16_dsp_write(struct sb16 *sb16, uint8_t value);
uint8_t sb16_dsp_read(struct sb16 *sb16);

/* sb16_play.c */
void sb16_play_start(struct sb16 *sb16, unsigned which, const struct sb16_engine *wanted);
void sb16_play_stop(struct sb16 *sb16, unsigned which);
void sb16_play_pause(struct sb16 *sb16, unsigned which);
void sb16_play_continue(struct sb16 *sb16, unsigned which);
/* A sample at once, without DMA; 80h is silence. */
void sb16_play_direct(struct sb16 *sb16, uint8_t sample);
void sb16_play_fire(struct cbx_device *device, unsigned which);
/* Drives the DMA requests as they should be now. */
void sb16_play_request(struct sb16 *sb16);
size_t sb16_play_transfer(void *user, uint8_t *bytes, size_t count, bool to_device, bool terminal);
void sb16_play_connect(struct sb16 *sb16);

#endif
