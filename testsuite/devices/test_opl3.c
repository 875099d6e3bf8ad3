/* OPL3: timers, tables, envelopes, what is heard; and the speaker, by the same mixer. */
#include "harness.h"

#include <math.h>
#include <stdlib.h>

#include "opl3.h"
#include "opl3_synth.h"
#include "pit.h"
#include "sound_mix.h"
#include "speaker.h"

enum { HEARD = 400000 };

static struct cbx_machine *machine;
static struct opl3 *opl3;
static struct sound_mix mix;
static int16_t heard[HEARD][2];
static size_t heard_count;

static void hear(void *user, const int16_t *samples, size_t frames)
{
	(void)user;
	for (size_t i = 0; i < frames && heard_count < HEARD; i++, heard_count++) {
		heard[heard_count][0] = samples ? samples[2 * i] : 0;
		heard[heard_count][1] = samples ? samples[2 * i + 1] : 0;
	}
}

static void start(void)
{
	static const struct cbx_device_type type = { .name = "clock", .size = sizeof(struct cbx_device) };
	static struct fake_wire irq0;
	struct cbx_device *clock;
	struct speaker *speaker;
	struct pit *pit;

	machine = fake_machine_new();
	memset(&mix, 0, sizeof(mix));
	heard_count = 0;
	assert_int_equal(cbx_device_new(machine, &type, &clock), CBX_OK);
	sound_mix_init(&mix, clock, &(struct cbx_sound_backend){ .play = hear });
	assert_int_equal(pit_new(machine, fake_wire(machine, &irq0), &pit), CBX_OK);
	assert_int_equal(speaker_new(machine, pit, &mix, &speaker), CBX_OK);
	assert_int_equal(opl3_new(machine, &mix, &opl3), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	sound_mix_restart(&mix);
}

static void set(unsigned number, unsigned value)
{
	fake_out(machine, number & 0x100 ? 0x38a : 0x388, number & 0xff, 1);
	fake_out(machine, 0x389, value, 1);
}

static unsigned status(void)
{
	return fake_in(machine, 0x388, 1);
}

/* As every program looks for the card. */
static void test_detection(void **unused)
{
	(void)unused;
	start();
	set(4, 0x60);
	set(4, 0x80);
	assert_int_equal(status(), 0x00);
	set(2, 0xff);
	set(4, 0x21);
	assert_int_equal(status(), 0x00);
	/* It waits by reading, which takes a microsecond a time on a real bus. */
	for (unsigned i = 0; i < 100; i++)
		status();
	assert_int_equal(status(), 0xc0);
	set(4, 0x60);
	set(4, 0x80);
	assert_int_equal(status(), 0x00);
	fake_machine_free(machine);
}

static void test_timers(void **unused)
{
	(void)unused;
	start();
	set(2, 0x00);                                   /* 256 * 80.46 microseconds */
	set(3, 0xf0);                                   /* 16 * 321.8 */
	set(4, 0x03);
	fake_advance(machine, 5100000);
	assert_int_equal(status(), 0x00);
	fake_advance(machine, 60000);
	assert_int_equal(status(), 0xa0);
	fake_advance(machine, 15400000);
	assert_int_equal(status(), 0xa0);
	fake_advance(machine, 60000);
	assert_int_equal(status(), 0xe0);
	set(4, 0x80);
	assert_int_equal(status(), 0x00);
	/* They go on by themselves; masked ones show nothing. */
	set(4, 0x43);
	fake_advance(machine, 30000000);
	assert_int_equal(status(), 0xa0);
	assert_int_equal(fake_in(machine, 0x389, 1), 0xff);
	fake_machine_free(machine);
}

static void test_tables(void **unused)
{
	static struct opl3_synth synth;

	(void)unused;
	opl3_synth_init(&synth);
	for (unsigned i = 0; i < OPL3_TABLE; i++) {
		double sine = sin((i + 0.5) * 3.14159265358979323846 / 512);

		assert_int_equal(synth.log_sine[i], lround(-log2(sine) * 256));
		assert_int_equal(synth.power[i], lround((exp2(i / 256.0) - 1) * 1024));
	}
	assert_int_equal(synth.log_sine[0], 0x859);
	assert_int_equal(synth.log_sine[255], 0);
	assert_int_equal(synth.power[255], 0x3fa);
}

/* A voice whose second operator alone sounds, at 440 Hz. */
static void voice(unsigned wave, unsigned attack_decay, unsigned sustain_release)
{
	set(0x105, 1);
	set(0x23, 0x21);
	set(0x43, 0x00);
	set(0x63, attack_decay);
	set(0x83, sustain_release);
	set(0xe3, wave);
	set(0xc0, 0x30);
	set(0xa0, 0x44);
	set(0xb0, 0x32);
}

static void advance_ms(unsigned ms)
{
	fake_advance(machine, ms * UINT64_C(1000000));
	sound_mix_sync(&mix);
}

static unsigned crossings(size_t from)
{
	unsigned count = 0;

	for (size_t i = from + 1; i < heard_count; i++)
		count += heard[i - 1][0] < 0 && heard[i][0] >= 0;
	return count;
}

static int peak(size_t from)
{
	int most = 0;

	for (size_t i = from; i < heard_count; i++)
		most = abs(heard[i][0]) > most ? abs(heard[i][0]) : most;
	return most;
}

static void test_voice(void **unused)
{
	/* Peaks of the eight waves, on whose mean the output's capacitor sits. */
	(void)unused;
	for (unsigned wave = 0; wave < 8; wave++) {
		unsigned count;

		start();
		voice(wave, 0xf0, 0x0f);
		advance_ms(1000);
		assert_int_equal(heard_count, 48000);
		count = crossings(24000);
		/* Waves 2 and 3 have half the period, in 4 and 5 it is quick. */
		if (wave == 2 || wave == 3 || wave == 5)
			assert_in_range(count, 439, 441);
		else
			assert_in_range(count, 219, 221);
		assert_in_range(peak(24000), 1500, 5200);
		/* Let go, it is quiet after some milliseconds: release 15. */
		set(0xb0, 0x12);
		advance_ms(200);
		heard_count = 0;
		advance_ms(10);
		assert_int_equal(peak(0), 0);
		fake_machine_free(machine);
	}
}

/* The second bank is there when the NEW bit is set; before, its numbers are the first's, but that bit's own. */
static void test_new(void **unused)
{
	(void)unused;
	for (unsigned new = 0; new < 2; new++) {
		start();
		set(0x105, new);
		set(0x123, 0x21);
		set(0x143, 0x00);
		set(0x163, 0xf0);
		set(0x183, 0x0f);
		set(0x1c0, 0x30);
		set(0x1a0, 0x44);
		set(0xb0, 0x32);        /* of the first bank, where nothing is set up if new */
		advance_ms(100);
		assert_int_equal(peak(0) > 1000, !new);
		set(0xb0, 0x12);
		advance_ms(200);
		heard_count = 0;
		set(0x1b0, 0x32);
		advance_ms(100);
		assert_true(peak(0) > 1000);
		/* the timers are the first bank's either way */
		set(0x104, 0x80);
		set(0x102, 0xff);
		set(0x104, 0x21);
		fake_advance(machine, 100000);
		assert_int_equal(status(), new ? 0x00 : 0xc0);
		fake_machine_free(machine);
	}
}

/* The data sheet's times: from 10 to 90 per cent is not told, from 0 to 96 dB is. */
static void test_envelope(void **unused)
{
	static struct opl3_synth synth;
	int32_t sample[2];
	unsigned n;

	(void)unused;
	opl3_synth_init(&synth);
	opl3_synth_write(&synth, 0x23, 0x00);
	opl3_synth_write(&synth, 0x63, 0xf8);           /* attack at once, decay 8 */
	opl3_synth_write(&synth, 0x83, 0xf0);           /* sustain -93 dB */
	opl3_synth_write(&synth, 0xa0, 0x44);
	opl3_synth_write(&synth, 0xb0, 0x20);
	for (n = 0; synth.operators[3].state == OPL3_DECAY; n++)
		opl3_synth_sample(&synth, sample);
	/* Rate 32: 306.9 ms for 96 dB. */
	assert_in_range(n * 10000 / 49716, 2900, 3200);
	/* Attack of rate 32 (8): 22.2 ms from 0 to 100 per cent in the data sheet. */
	opl3_synth_write(&synth, 0xb0, 0x00);
	opl3_synth_write(&synth, 0x63, 0x80);
	opl3_synth_write(&synth, 0x83, 0x0f);
	for (n = 0; n < 10000; n++)
		opl3_synth_sample(&synth, sample);
	assert_true(opl3_synth_silent(&synth));
	opl3_synth_write(&synth, 0xb0, 0x20);
	for (n = 0; synth.operators[3].state == OPL3_ATTACK; n++)
		opl3_synth_sample(&synth, sample);
	assert_in_range(n * 10000 / 49716, 150, 350);
	/* It stays where it is while it is sustained; each key scale step takes its 6 dB. */
	opl3_synth_write(&synth, 0x23, 0x20);
	for (n = 0; n < 100000; n++)
		opl3_synth_sample(&synth, sample);
	assert_int_equal(synth.operators[3].envelope, 0);
	opl3_synth_write(&synth, 0x43, 0xc0);
	opl3_synth_write(&synth, 0xa0, 0xff);
	opl3_synth_write(&synth, 0xb0, 0x3f);
	assert_int_equal(synth.operators[3].level, 224);
	opl3_synth_write(&synth, 0xb0, 0x3b);
	assert_int_equal(synth.operators[3].level, 192);
	opl3_synth_write(&synth, 0x43, 0x80);
	assert_int_equal(synth.operators[3].level, 48);
}

static void test_four_operators_and_drums(void **unused)
{
	static struct opl3_synth synth;
	int32_t sample[2], most = 0;

	(void)unused;
	opl3_synth_init(&synth);
	opl3_synth_write(&synth, 0x105, 1);
	opl3_synth_write(&synth, 0x104, 1);
	for (unsigned i = 0; i < 4; i++) {
		static const uint8_t offsets[4] = { 0x00, 0x03, 0x08, 0x0b };

		opl3_synth_write(&synth, 0x20 + offsets[i], 0x21);
		opl3_synth_write(&synth, 0x60 + offsets[i], 0xf0);
		opl3_synth_write(&synth, 0x80 + offsets[i], 0x0f);
	}
	opl3_synth_write(&synth, 0xa0, 0x44);
	for (unsigned algorithm = 0; algorithm < 4; algorithm++) {
		opl3_synth_write(&synth, 0xc0, (uint8_t)(0x30 | (algorithm & 1)));
		opl3_synth_write(&synth, 0xc3, (uint8_t)(algorithm >> 1));
		opl3_synth_write(&synth, 0xb0, 0x32);
		most = 0;
		for (unsigned n = 0; n < 1000; n++) {
			opl3_synth_sample(&synth, sample);
			most = sample[0] > most ? sample[0] : most;
		}
		/* As many operators as are heard side by side: 1, 2 (1 + 234), 2 (12 + 34), 3. */
		assert_in_range(most, algorithm == 0 ? 3900 : 4100,
				algorithm == 0 ? 4084 : algorithm == 3 ? 3 * 4084 : 2 * 4084);
		opl3_synth_write(&synth, 0xb0, 0x12);
		for (unsigned n = 0; n < 2000; n++)
			opl3_synth_sample(&synth, sample);
		assert_true(opl3_synth_silent(&synth));
	}
	/* Drums: each sounds, alone, and twice as loud as a voice. */
	for (unsigned i = 0x10; i <= 0x15; i++) {
		opl3_synth_write(&synth, 0x20 + i, 0x01);
		opl3_synth_write(&synth, 0x60 + i, 0xf6);
		opl3_synth_write(&synth, 0x80 + i, 0x06);
	}
	for (unsigned channel = 6; channel <= 8; channel++) {
		opl3_synth_write(&synth, 0xc0 + channel, 0x30);
		opl3_synth_write(&synth, 0xa0 + channel, 0x57);
		opl3_synth_write(&synth, 0xb0 + channel, 0x09);
	}
	for (unsigned drum = 0; drum < 5; drum++) {
		opl3_synth_write(&synth, 0xbd, 0x20);
		for (unsigned n = 0; n < 100000; n++)
			opl3_synth_sample(&synth, sample);
		assert_true(opl3_synth_silent(&synth));
		opl3_synth_write(&synth, 0xbd, (uint8_t)(0x20 | 1 << drum));
		most = 0;
		for (unsigned n = 0; n < 5000; n++) {
			opl3_synth_sample(&synth, sample);
			most = abs(sample[0]) > most ? abs(sample[0]) : most;
		}
		assert_in_range(most, 2000, 2 * 4085);
	}
}

static unsigned long speaker_tone(unsigned mode, unsigned count)
{
	fake_out(machine, 0x43, 0xb0 | mode << 1, 1);
	fake_out(machine, 0x42, count & 0xff, 1);
	fake_out(machine, 0x42, count >> 8, 1);
	fake_out(machine, 0x61, 3, 1);
	return 1193182 / count;
}

static void test_speaker(void **unused)
{
	(void)unused;
	start();
	advance_ms(1000);
	assert_int_equal(peak(0), 0);
	heard_count = 0;
	speaker_tone(3, 1193);
	advance_ms(1000);
	assert_in_range(crossings(0), 998, 1001);
	assert_in_range(peak(24000), 4300, 4700);       /* half of 9000, around the mean */
	/* Off, and once the output has settled, nothing. */
	fake_out(machine, 0x61, 0, 1);
	advance_ms(1000);
	heard_count = 0;
	advance_ms(100);
	assert_int_equal(peak(0), 0);
	/* By the enable bit alone: a step. */
	fake_out(machine, 0x61, 2, 1);
	advance_ms(1);
	assert_in_range(peak(0), 8000, 9000);
	advance_ms(1000);
	/* One-shots of different lengths, 100 microseconds apart: the mean follows them. */
	heard_count = 0;
	fake_out(machine, 0x61, 3, 1);
	fake_out(machine, 0x43, 0x90, 1);
	for (unsigned n = 0; n < 2000; n++) {
		fake_out(machine, 0x42, n / 50 % 2 ? 20 : 100, 1);
		fake_advance(machine, 100000);
	}
	sound_mix_sync(&mix);
	/* 50 of them are 5 ms: a square wave of 100 Hz, with pulses on it that the mean removes. */
	assert_in_range(heard_count, 9595, 9605);
	fake_machine_free(machine);
}

/* As in a PC, where the board is told of a load first. */
static void test_speaker_after_load(void **unused)
{
	(void)unused;
	start();
	speaker_tone(3, 1193);
	fake_out(machine, 0x61, 0, 1);
	/* What nobody listened to before the load does not delay what is heard after it. */
	advance_ms(5000);
	sound_mix_restart(&mix);
	fake_reload(machine);
	heard_count = 0;
	fake_out(machine, 0x61, 3, 1);
	advance_ms(1000);
	assert_in_range(crossings(0), 998, 1001);
	fake_machine_free(machine);
}

/* The frames do not depend on how often somebody asks for them. */
static void test_slices(void **unused)
{
	static int16_t once[HEARD][2];
	size_t count = 0;

	(void)unused;
	for (unsigned round = 0; round < 3; round++) {
		uint64_t seed = 5, slices = 17;

		start();
		voice(0, 0xa5, 0x37);
		set(0x20, 0xe1);
		set(0x60, 0xf3);
		set(0x80, 0x12);
		set(0xbd, 0xe0);
		for (unsigned n = 0; n < 400; n++) {
			uint64_t value = fake_random(&seed), time = value >> 20 & 0x3fffff;

			switch (value & 7) {
			case 0:
				speaker_tone(3, 20 + (value >> 8 & 0xfff));
				break;
			case 1:
				fake_out(machine, 0x61, value >> 8 & 3, 1);
				break;
			case 2:
				set(0xb0, value >> 8 & 0x3f);
				break;
			case 3:
				set(0xbd, value >> 8 & 0xff);
				break;
			default:
				set((value >> 8 & 0x1ff) == 0x105 ? 0xa0 : value >> 8 & 0x1ff, value >> 50 & 0xff);
			}
			if (value >> 60 == 0)
				time *= 100;
			while (round && time) {
				uint64_t part = 1 + fake_random(&slices) % (round == 1 ? 30000 : 3000000);

				part = part < time ? part : time;
				fake_advance(machine, part);
				sound_mix_sync(&mix);
				if (round == 1)         /* somebody looks at the counter in between */
					fake_in(machine, 0x42, 1);
				time -= part;
			}
			fake_advance(machine, time);
		}
		sound_mix_sync(&mix);
		if (!round) {
			count = heard_count;
			memcpy(once, heard, sizeof(once));
		} else {
			assert_int_equal(heard_count, count);
			assert_memory_equal(heard, once, count * sizeof(once[0]));
		}
		fake_machine_free(machine);
	}
	assert_true(count > 48000);
}

static void test_hostile(void **unused)
{
	uint64_t seed = 9;

	(void)unused;
	start();
	for (unsigned round = 0; round < 200; round++) {
		fake_storm(machine, &seed, 0x388, 4, 200);
		fake_storm(machine, &seed, 0x40, 4, 20);
		fake_storm(machine, &seed, 0x61, 1, 5);
		if (round % 10 == 0) {
			fake_advance(machine, 50000000);
			fake_reload(machine);
		}
		heard_count = 0;
	}
	assert_int_equal(fake_uncovered_bytes(machine), 0);
	fake_load_random(machine, &seed, 500);
	sound_mix_restart(&mix);
	fake_storm(machine, &seed, 0x388, 4, 1000);
	sound_mix_sync(&mix);
	/* A day of silence is no work. */
	fake_reset(machine, CBX_RESET_POWER);
	sound_mix_restart(&mix);
	fake_advance(machine, UINT64_C(86400) * 1000000000);
	sound_mix_sync(&mix);
	fake_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_detection),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_voice), cmocka_unit_test(test_new),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_four_operators_and_drums),
		cmocka_unit_test(test_speaker),
		cmocka_unit_test(test_speaker_after_load),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
