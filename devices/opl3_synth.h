/* The sound of an OPL3: its operators, run at the chip's own rate.  Private to opl3.c and tests. */
#ifndef DEVICES_OPL3_SYNTH_H
#define DEVICES_OPL3_SYNTH_H

#include <stdbool.h>
#include <stdint.h>

enum { OPL3_OPERATORS = 36, OPL3_CHANNELS = 18, OPL3_REGISTERS = 512, OPL3_TABLE = 256 };
/* Samples a second are the crystal's hertz divided by this. */
enum { OPL3_CRYSTAL = 14318182, OPL3_DIVIDER = 288 };

enum opl3_phase { OPL3_OFF, OPL3_ATTACK, OPL3_DECAY, OPL3_SUSTAIN, OPL3_RELEASE, OPL3_PHASES };

struct opl3_operator {
	uint32_t phase;                 /* a period is 2^19 */
	uint16_t envelope;              /* attenuation in steps of 3/16 dB, 0 to 511 */
	uint8_t state;                  /* enum opl3_phase */
	uint8_t keys;                   /* who holds it: a note, a drum */
	int32_t out, before;            /* the last two samples */
	/* From the registers: */
	uint8_t rates[OPL3_PHASES];     /* 0 to 63 */
	uint16_t level;                 /* total level and key scale level, in the envelope's steps */
	uint16_t sustain;
	uint16_t fnum;
	uint8_t block, multiple, wave;
	bool tremolo, vibrato, sustained;
};

struct opl3_synth {
	uint16_t log_sine[OPL3_TABLE];  /* of a quarter period, in 256ths of a factor of 2 */
	uint16_t power[OPL3_TABLE];     /* 1024 * (2^(n/256) - 1) */
	uint8_t registers[OPL3_REGISTERS];
	struct opl3_operator operators[OPL3_OPERATORS];
	uint64_t counter;               /* samples so far: clocks envelopes, tremolo, vibrato */
	uint32_t noise;
};

void opl3_synth_init(struct opl3_synth *synth);
void opl3_synth_write(struct opl3_synth *synth, unsigned number, uint8_t value);
/* Begins from what the registers say: notes that are held are in the middle of their lives. */
void opl3_synth_load(struct opl3_synth *synth, const uint8_t registers[OPL3_REGISTERS]);
/* No operator sounds, until a register is written. */
bool opl3_synth_silent(const struct opl3_synth *synth);
/* One sample, left and right, at most 18 * 2 * 4084 in size. */
void opl3_synth_sample(struct opl3_synth *synth, int32_t sample[2]);

#endif
