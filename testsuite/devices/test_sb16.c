/* Sound Blaster 16: DSP commands, transfers with their times and interrupts, mixer, MPU-401. */
#include "harness.h"

#include <stdlib.h>

#include "dma.h"
#include "mpu401.h"
#include "opl3.h"
#include "sb16.h"
#include "sound_mix.h"

enum { BASE = 0x220, BUFFER = 0x20000, HEARD = 200000 };

static struct cbx_machine *machine;
static struct fake_wire irq5, irq7, irq9, irq10;
static struct sound_mix mix;
static int16_t heard[HEARD][2];
static size_t heard_count;
static uint8_t midi[64];
static unsigned midi_count;

static void hear(void *user, const int16_t *samples, size_t frames)
{
	(void)user;
	for (size_t i = 0; i < frames && heard_count < HEARD; i++, heard_count++) {
		heard[heard_count][0] = samples ? samples[2 * i] : 0;
		heard[heard_count][1] = samples ? samples[2 * i + 1] : 0;
	}
}

static void take_midi(void *user, uint8_t byte)
{
	(void)user;
	if (midi_count < sizeof(midi))
		midi[midi_count++] = byte;
}

static struct cbx_device *clock_new(struct cbx_machine *at)
{
	static const struct cbx_device_type type = { .name = "clock", .size = sizeof(struct cbx_device) };
	struct cbx_device *device;

	assert_int_equal(cbx_device_new(at, &type, &device), CBX_OK);
	return device;
}

static enum cbx_status build(struct cbx_machine *at, const struct cbx_sound_card_options *options)
{
	struct sb16_wires wires = { .mix = &mix };
	struct sb16 *sb16;
	enum cbx_status status = dma_new(at, &wires.dma);

	if (status == CBX_OK)
		status = opl3_new(at, &mix, &wires.opl3);
	if (status != CBX_OK)
		return status;
	wires.irqs[5] = fake_wire(at, &irq5);
	wires.irqs[7] = fake_wire(at, &irq7);
	wires.irqs[9] = fake_wire(at, &irq9);
	wires.irqs[10] = fake_wire(at, &irq10);
	return sb16_new(at, &wires, options, &sb16);
}

static void start_with(bool listen)
{
	struct cbx_sound_card_options options = { .present = true, .midi = { take_midi, NULL } };

	machine = fake_machine_new();
	memset(&mix, 0, sizeof(mix));
	heard_count = midi_count = 0;
	if (listen)
		sound_mix_init(&mix, clock_new(machine),
			       &(struct cbx_sound_backend){ .play = hear });
	assert_int_equal(build(machine, &options), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	sound_mix_restart(&mix);
	/* The byte controller works through channel 4. */
	fake_out(machine, 0xd6, 0xc0, 1);
	fake_out(machine, 0xd4, 0x00, 1);
}

static void out(unsigned port, unsigned value)
{
	fake_out(machine, BASE + port, value, 1);
}

static unsigned in(unsigned port)
{
	return fake_in(machine, BASE + port, 1);
}

static void mixer(unsigned index, unsigned value)
{
	out(4, index);
	out(5, value);
}

static unsigned mixed(unsigned index)
{
	out(4, index);
	return in(5);
}

static void dsp(unsigned byte)
{
	assert_int_equal(in(0xc) & 0x80, 0);
	out(0xc, byte);
}

static unsigned answer(void)
{
	assert_int_equal(in(0xe) & 0x80, 0x80);
	return in(0xa);
}

static void reset_dsp(void)
{
	out(6, 1);
	out(6, 0);
	assert_int_equal(answer(), 0xaa);
	assert_int_equal(in(0xe) & 0x80, 0);
}

/* Channel 1 (or 5, in words) for count units at BUFFER. */
static void dma8(unsigned mode, unsigned count)
{
	fake_out(machine, 0x0a, 5, 1);
	fake_out(machine, 0x0c, 0, 1);
	fake_out(machine, 0x0b, mode | 1, 1);
	fake_out(machine, 0x02, 0, 1);
	fake_out(machine, 0x02, 0, 1);
	fake_out(machine, 0x83, BUFFER >> 16, 1);
	fake_out(machine, 0x03, (count - 1) & 0xff, 1);
	fake_out(machine, 0x03, (count - 1) >> 8, 1);
	fake_out(machine, 0x0a, 1, 1);
}

static void dma16(unsigned mode, unsigned count)
{
	fake_out(machine, 0xd4, 5, 1);
	fake_out(machine, 0xd8, 0, 1);
	fake_out(machine, 0xd6, mode | 1, 1);
	fake_out(machine, 0xc4, 0, 1);
	fake_out(machine, 0xc4, 0, 1);
	fake_out(machine, 0x8b, BUFFER >> 16, 1);
	fake_out(machine, 0xc6, (count - 1) & 0xff, 1);
	fake_out(machine, 0xc6, (count - 1) >> 8, 1);
	fake_out(machine, 0xd4, 1, 1);
}

enum { SINGLE_OUT = 0x48, SINGLE_IN = 0x44, AUTO_OUT = 0x58 };

static void set_rate(unsigned rate)
{
	dsp(0x41);
	dsp(rate >> 8);
	dsp(rate & 0xff);
}

static void command(unsigned byte, unsigned length)
{
	dsp(byte);
	dsp((length - 1) & 0xff);
	dsp((length - 1) >> 8);
}

/* Full volume: what is played is what is heard. */
static void loud(void)
{
	for (unsigned index = 0x30; index <= 0x35; index++)
		mixer(index, 0xf8);
}

static void test_identity(void **unused)
{
	static const char copyright[] = "COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.";

	(void)unused;
	start_with(false);
	assert_int_equal(in(0xe) & 0x80, 0);
	out(6, 1);
	assert_int_equal(in(0xc) & 0x80, 0x80);         /* busy while reset is held */
	out(6, 0);
	assert_int_equal(answer(), 0xaa);
	assert_int_equal(in(0xa), 0xaa);                /* the last byte stays */
	dsp(0xe1);
	assert_int_equal(answer(), 4);
	assert_int_equal(answer(), 5);
	dsp(0xe0);
	dsp(0x5a);
	assert_int_equal(answer(), 0xa5);
	dsp(0xe4);
	dsp(0x77);
	dsp(0xe8);
	assert_int_equal(answer(), 0x77);
	dsp(0xe3);
	for (unsigned i = 0; i < sizeof(copyright); i++)
		assert_int_equal(answer(), (uint8_t)copyright[i]);
	dsp(0xd8);
	assert_int_equal(answer(), 0x00);
	dsp(0xd1);
	dsp(0xd8);
	assert_int_equal(answer(), 0xff);
	dsp(0xd3);
	dsp(0xd8);
	assert_int_equal(answer(), 0x00);
	dsp(0x20);
	assert_int_equal(answer(), 0x80);               /* nothing is connected to the input */
	/* Commands that are none, and the signal processor's, with as many bytes as they take. */
	dsp(0x03);
	dsp(0x0e);
	dsp(1);
	dsp(2);
	dsp(0xff);
	dsp(0xe1);
	assert_int_equal(answer(), 4);
	assert_int_equal(answer(), 5);
	assert_int_equal(in(0xe) & 0x80, 0);
	fake_machine_free(machine);
}

static void test_mixer(void **unused)
{
	(void)unused;
	start_with(false);
	assert_int_equal(mixed(0x30), 0xc0);
	assert_int_equal(mixed(0x35), 0xc0);
	assert_int_equal(mixed(0x38), 0x00);
	assert_int_equal(mixed(0x44), 0x80);
	assert_int_equal(mixed(0x3d), 0x15);
	assert_int_equal(mixed(0x3e), 0x0b);
	assert_int_equal(in(4), 0x3e);
	mixer(0x30, 0xff);
	assert_int_equal(mixed(0x30), 0xf8);
	assert_int_equal(mixed(0x22), 0xfc);            /* the older master volume shows both sides */
	mixer(0x22, 0x4f);
	assert_int_equal(mixed(0x30) >> 4, 4);
	assert_int_equal(mixed(0x31), 0xf8);
	mixer(0x0a, 0xff);
	assert_int_equal(mixed(0x0a), 7);
	assert_int_equal(mixed(0x3a), 0xe0);
	assert_int_equal(mixed(0x99), 0xff);
	/* Which lines the card uses is not among what register 0 resets. */
	assert_int_equal(mixed(0x80), 0x02);
	assert_int_equal(mixed(0x81), 0x22);
	mixer(0x80, 0xf4);
	mixer(0x81, 0xff);
	mixer(0x00, 0x00);
	assert_int_equal(mixed(0x80), 0x04);
	assert_int_equal(mixed(0x81), 0xeb);
	assert_int_equal(mixed(0x30), 0xc0);
	assert_int_equal(mixed(0x3a), 0x00);
	fake_machine_free(machine);
}

static void test_interrupts(void **unused)
{
	(void)unused;
	start_with(false);
	reset_dsp();
	assert_int_equal(mixed(0x82), 0x20);
	dsp(0xf2);
	assert_true(irq5.level);
	dsp(0xf3);
	assert_int_equal(mixed(0x82), 0x23);
	in(0xe);
	assert_int_equal(mixed(0x82), 0x22);
	assert_true(irq5.level);
	/* The guest moves the card to another IRQ. */
	mixer(0x80, 0x08);
	assert_false(irq5.level);
	assert_true(irq10.level);
	in(0xf);
	assert_false(irq10.level);
	dsp(0xf2);
	mixer(0x80, 0x01);
	assert_true(irq9.level);
	reset_dsp();
	assert_false(irq9.level);
	mixer(0x80, 0x04);
	dsp(0xf2);
	assert_true(irq7.level);
	mixer(0x80, 0x00);
	assert_false(irq7.level);
	fake_machine_free(machine);
}

static void test_single(void **unused)
{
	(void)unused;
	start_with(false);
	reset_dsp();
	set_rate(10000);
	dma8(SINGLE_OUT, 100);
	command(0x14, 100);
	fake_advance(machine, 9999999);
	assert_false(irq5.level);
	fake_advance(machine, 1);
	assert_true(irq5.level);
	assert_int_equal(irq5.rise_time, fake_now(machine));
	assert_int_equal(fake_in(machine, 0x08, 1) & 2, 2);     /* terminal count of channel 1 */
	in(0xe);
	assert_false(irq5.level);
	fake_advance(machine, 100000000);
	assert_int_equal(irq5.rises, 1);
	/* By time constant: 1 MHz / (256 - 156) = 10 kHz. */
	dsp(0x40);
	dsp(156);
	dma8(SINGLE_OUT, 1);
	command(0x14, 1);
	fake_advance(machine, 100000);
	assert_int_equal(irq5.rises, 2);
	in(0xe);
	/* In stereo it is shared by two channels. */
	dma8(SINGLE_OUT, 100);
	dsp(0xc0);
	dsp(0x20);
	dsp(99);
	dsp(0);
	fake_advance(machine, 9999999);
	assert_int_equal(irq5.rises, 2);
	fake_advance(machine, 1);
	assert_int_equal(irq5.rises, 3);
	in(0xe);
	/* Silence takes the time and needs no DMA. */
	command(0x80, 50);
	fake_advance(machine, 4999999);
	assert_int_equal(irq5.rises, 3);
	fake_advance(machine, 1);
	assert_int_equal(irq5.rises, 4);
	fake_machine_free(machine);
}

static void test_auto_init(void **unused)
{
	uint64_t start;

	(void)unused;
	start_with(false);
	reset_dsp();
	set_rate(20000);
	dma16(AUTO_OUT, 400);
	start = fake_now(machine);
	dsp(0xb6);
	dsp(0x30);
	dsp(199);                                       /* 100 frames: 5 ms */
	dsp(0);
	for (unsigned n = 1; n <= 1000; n++) {
		fake_advance(machine, start + n * UINT64_C(5000000) - fake_now(machine));
		assert_int_equal(irq5.rises, n);
		assert_int_equal(irq5.rise_time, fake_now(machine));
		in(0xf);
	}
	/* A pause is not counted. */
	fake_advance(machine, 1300000);
	dsp(0xd5);
	fake_advance(machine, 77777777);
	assert_int_equal(irq5.rises, 1000);
	dsp(0xd6);
	fake_advance(machine, 3699999);
	assert_int_equal(irq5.rises, 1000);
	fake_advance(machine, 1);
	assert_int_equal(irq5.rises, 1001);
	in(0xf);
	/* D9h: this block is the last.  47h before it ends takes that back. */
	dsp(0xd9);
	dsp(0x47);
	fake_advance(machine, 5000000);
	in(0xf);
	fake_advance(machine, 1000000);
	dsp(0xd9);
	fake_advance(machine, 4000000);
	in(0xf);
	assert_int_equal(irq5.rises, 1003);
	fake_advance(machine, 100000000);
	assert_int_equal(irq5.rises, 1003);
	/* 8-bit, with the block size of 48h; at the same time as 16-bit recording. */
	set_rate(10000);
	command(0x48, 100);
	dma8(AUTO_OUT, 300);
	dsp(0x1c);
	memset(fake_ram(machine) + BUFFER, 0x55, 64);
	dma16(SINGLE_IN, 32);
	dsp(0xb8);
	dsp(0x10);
	dsp(31);
	dsp(0);
	fake_advance(machine, 3200000);
	assert_int_equal(mixed(0x82), 0x22);
	assert_int_equal(fake_ram(machine)[BUFFER], 0);
	assert_int_equal(fake_ram(machine)[BUFFER + 63], 0);
	fake_advance(machine, 6800000);
	assert_int_equal(mixed(0x82), 0x23);
	in(0xe);
	in(0xf);
	fake_advance(machine, 10000000);
	assert_int_equal(mixed(0x82), 0x21);
	in(0xe);
	dsp(0xda);
	fake_advance(machine, 10000000);
	in(0xe);
	fake_advance(machine, 50000000);
	assert_false(irq5.level);
	fake_machine_free(machine);
}

static void test_record(void **unused)
{
	uint8_t *ram;

	(void)unused;
	start_with(false);
	reset_dsp();
	set_rate(10000);
	ram = fake_ram(machine) + BUFFER;
	memset(ram, 0x33, 32);
	dma8(SINGLE_IN, 16);
	command(0x24, 16);
	fake_advance(machine, 1600000);
	assert_true(irq5.level);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(ram[i], 0x80);
	assert_int_equal(ram[16], 0x33);
	in(0xe);
	/* Words by the byte channel, when there is no other; unsigned silence is 8000h. */
	mixer(0x81, 0x02);
	dma8(SINGLE_IN, 8);
	dsp(0xb8);
	dsp(0x00);
	dsp(3);
	dsp(0);
	fake_advance(machine, 400000);
	assert_int_equal(mixed(0x82), 0x22);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(ram[i], i & 1 ? 0x80 : 0x00);
	fake_machine_free(machine);
}

/* The DMA channel is masked for a while: the sound waits, and so does the interrupt. */
static void test_late(void **unused)
{
	(void)unused;
	start_with(false);
	reset_dsp();
	set_rate(10000);
	dma8(SINGLE_OUT, 100);
	fake_out(machine, 0x0a, 5, 1);
	command(0x14, 100);
	fake_advance(machine, 1000000000);
	assert_false(irq5.level);
	fake_out(machine, 0x0a, 1, 1);
	fake_advance(machine, 9900000);
	assert_false(irq5.level);
	fake_advance(machine, 110000);
	assert_true(irq5.level);
	/* A reset in the middle ends it. */
	in(0xe);
	dma8(SINGLE_OUT, 100);
	command(0x14, 100);
	fake_advance(machine, 3000000);
	reset_dsp();
	fake_advance(machine, 100000000);
	assert_false(irq5.level);
	fake_machine_free(machine);
}

static void test_identification(void **unused)
{
	uint8_t sum = 0xaa, key = 0x96;
	uint64_t seed = 3;

	(void)unused;
	start_with(false);
	reset_dsp();
	for (unsigned i = 0; i < 20; i++) {
		uint8_t byte = (uint8_t)fake_random(&seed);

		fake_ram(machine)[BUFFER] = 0;
		dma8(SINGLE_IN, 1);
		dsp(0xe2);
		dsp(byte);
		fake_advance(machine, 10000);
		for (unsigned bit = 0; bit < 8; bit++)
			sum = (uint8_t)(sum + ((byte ^ key) & 1u << bit));
		key = (uint8_t)(key >> 2 | key << 6);
		assert_int_equal(fake_ram(machine)[BUFFER], sum);
		assert_int_equal(fake_in(machine, 0x08, 1) & 2, 2);
	}
	fake_machine_free(machine);
}

static int near(int value, int wanted)
{
	return abs(value - wanted) <= 40;
}

/* When the sound begins, in frames from the last reset. */
static size_t first_loud(void)
{
	size_t i = 0;

	sound_mix_sync(&mix);
	while (i < heard_count && abs(heard[i][0]) < 1000 && abs(heard[i][1]) < 1000)
		i++;
	return i;
}

static void test_heard(void **unused)
{
	uint8_t *ram;
	size_t at;

	(void)unused;
	start_with(true);
	reset_dsp();
	loud();
	/* 16-bit, stereo, at the backend's rate less a little: a step, left up and right down. */
	set_rate(24000);
	ram = fake_ram(machine) + BUFFER;
	for (unsigned i = 0; i < 240; i++) {
		/* The converter holds the last one, so that is 0. */
		memcpy(ram + 4 * i, i < 239 ? "\x10\x27" : "\0\0", 2);        /* 10000 */
		memcpy(ram + 4 * i + 2, i < 239 ? "\xc0\xe0" : "\0\0", 2);    /* -8000 */
	}
	dma16(SINGLE_OUT, 480);
	dsp(0xb0);
	dsp(0x30);
	dsp(479 & 0xff);
	dsp(479 >> 8);
	fake_advance(machine, 30000000);
	at = first_loud();
	assert_in_range(at, 90, 102);                   /* two milliseconds later */
	assert_true(heard[at + 3][0] > 9900 && heard[at + 3][0] <= 10000);
	assert_true(heard[at + 3][1] < -7900 && heard[at + 3][1] >= -8000);
	/* Mono, unsigned bytes: both sides, and half the voice volume is heard as such. */
	fake_advance(machine, 1000000000);
	sound_mix_sync(&mix);
	assert_int_equal(heard[heard_count - 1][0], 0);
	heard_count = 0;
	for (unsigned i = 0; i < 240; i++)
		ram[i] = i < 120 ? 0xc0 : 0x40;
	mixer(0x32, 0xc8);                              /* 6 dB less */
	mixer(0x33, 0x00);
	dma8(SINGLE_OUT, 240);
	command(0x14, 240);
	fake_advance(machine, 3000000);
	sound_mix_sync(&mix);
	assert_in_range(heard[heard_count - 1][0], 7000, 8300);
	assert_in_range(heard[heard_count - 1][1] + 100, 0, 200);
	fake_advance(machine, 5000000);
	sound_mix_sync(&mix);
	assert_in_range(-heard[heard_count - 1][0], 7000, 12000);
	fake_machine_free(machine);
}

static void test_direct(void **unused)
{
	(void)unused;
	start_with(true);
	reset_dsp();
	loud();
	fake_advance(machine, 1000000);
	dsp(0x10);
	dsp(0xc0);
	fake_advance(machine, 100000);
	dsp(0x10);
	dsp(0x40);
	fake_advance(machine, 100000);
	sound_mix_sync(&mix);
	assert_int_equal(heard_count, 57);
	assert_int_equal(heard[46][0], 0);
	assert_true(near(heard[50][0], 16384) || heard[50][0] > 16000);
	assert_true(heard[55][1] < -15000);
	fake_machine_free(machine);
}

/* Creative's 4-bit ADPCM by hand: steps 1, 2, 4, 8; a magnitude and a half of it, from 2 on. */
static void test_adpcm(void **unused)
{
	static const uint8_t bytes[] = { 0x80, 0x57, 0x70, 0xf8 };
	/* 80h; +5, step 2: +7*2+1; +7*4+2; 0*8+4 (step back to 4); -7*4-2 (step 8); -0*8-4 */
	static const int expected[] = { 0, 5, 20, 50, 54, 24, 20 };
	size_t at;

	(void)unused;
	start_with(true);
	reset_dsp();
	loud();
	set_rate(4000);
	memcpy(fake_ram(machine) + BUFFER, bytes, sizeof(bytes));
	dma8(SINGLE_OUT, sizeof(bytes));
	command(0x75, sizeof(bytes));
	fake_advance(machine, 50000000);
	assert_int_equal(irq5.rises, 1);
	sound_mix_sync(&mix);
	for (at = 0; at < heard_count && !heard[at][0]; at++)
		;
	/* The first change is on the way to the second sample; one sample is twelve frames. */
	for (unsigned n = 1; n < 7; n++) {
		int value = heard[at + 11 + (n - 1) * 12][0];

		/* The output's capacitor takes a little away. */
		assert_in_range(value - expected[n] * 256 + 2500, 0, 2700);
	}
	/* The other two kinds, the same way, do not fail and interrupt when their bytes are over. */
	for (unsigned kind = 0x16; kind <= 0x17; kind++) {
		dma8(SINGLE_OUT, 100);
		command(kind, 100);
		fake_advance(machine, 99750000);
		in(0xe);
		fake_advance(machine, 250000);
		assert_int_equal(in(0xe) & 0x80, 0);
	}
	assert_int_equal(irq5.rises, 3);
	dma8(SINGLE_OUT, 100);
	command(0x77, 100);
	fake_advance(machine, 75000000);
	assert_int_equal(irq5.rises, 4);
	fake_machine_free(machine);
}

static void test_mpu401(void **unused)
{
	(void)unused;
	start_with(false);
	assert_int_equal(fake_in(machine, 0x331, 1), 0xbf);
	fake_out(machine, 0x331, 0xff, 1);
	assert_int_equal(fake_in(machine, 0x331, 1), 0x3f);
	assert_true(irq5.level);
	assert_int_equal(mixed(0x82), 0x24);
	assert_int_equal(fake_in(machine, 0x330, 1), 0xfe);
	assert_false(irq5.level);
	fake_out(machine, 0x330, 0x99, 1);              /* not yet */
	fake_out(machine, 0x331, 0x3f, 1);
	assert_int_equal(fake_in(machine, 0x330, 1), 0xfe);
	fake_out(machine, 0x330, 0x90, 1);
	fake_out(machine, 0x330, 60, 1);
	fake_out(machine, 0x331, 0x3f, 1);              /* no command any more */
	assert_int_equal(fake_in(machine, 0x331, 1), 0xbf);
	fake_out(machine, 0x330, 127, 1);
	assert_int_equal(midi_count, 3);
	assert_memory_equal(midi, "\x90\x3c\x7f", 3);
	fake_out(machine, 0x331, 0xff, 1);
	assert_int_equal(fake_in(machine, 0x331, 1), 0xbf);
	/* By way of the DSP: 38h a byte, 34h all bytes until the next reset. */
	reset_dsp();
	dsp(0x38);
	dsp(0x11);
	dsp(0x34);
	dsp(0xe1);
	assert_int_equal(midi_count, 5);
	assert_int_equal(midi[4], 0xe1);
	reset_dsp();
	dsp(0xe1);
	assert_int_equal(answer(), 4);
	fake_machine_free(machine);
}

static void test_options(void **unused)
{
	static const struct cbx_sound_card_options bad[] = {
		{ .port = 0x230 }, { .port = 0x200 }, { .port = 0x2a0 }, { .midi_port = 0x331 },
		{ .irq = 3 }, { .irq = 250 }, { .dma = 2 }, { .dma = 4 }, { .dma16 = 1 }, { .dma16 = 8 },
	};
	struct cbx_sound_card_options good = { .port = 0x280, .midi_port = 0x300, .irq = 9, .dma = 3,
					       .dma16 = 7 };

	(void)unused;
	memset(&mix, 0, sizeof(mix));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		machine = fake_machine_new();
		assert_int_equal(build(machine, &bad[i]), CBX_ERROR_ARGUMENT);
		fake_machine_free(machine);
	}
	machine = fake_machine_new();
	assert_int_equal(build(machine, &good), CBX_OK);
	fake_reset(machine, CBX_RESET_POWER);
	fake_out(machine, 0x284, 0x80, 1);
	assert_int_equal(fake_in(machine, 0x285, 1), 0x01);
	fake_out(machine, 0x284, 0x81, 1);
	assert_int_equal(fake_in(machine, 0x285, 1), 0x88);
	assert_int_equal(fake_in(machine, 0x301, 1), 0xbf);
	fake_machine_free(machine);
	for (unsigned n = 1; n < 12; n++) {
		machine = fake_machine_new();
		fake_fail_allocation(machine, n);
		build(machine, &good);
		fake_fail_allocation(machine, 0);
		fake_machine_free(machine);
	}
}

/* All commands with all kinds of arguments, and commands in the middle of transfers. */
static void test_hostile(void **unused)
{
	uint64_t seed = 1;

	(void)unused;
	for (unsigned round = 0; round < 40; round++) {
		start_with(round & 1);
		for (unsigned i = 0; i < 500; i++) {
			uint64_t value = fake_random(&seed);

			if (!(value & 0x700))
				dma8(value >> 16 & 0x30 ? AUTO_OUT : SINGLE_IN, 1 + (value >> 24 & 0x3ff));
			else if ((value & 0x700) == 0x100)
				dma16(value >> 16 & 0xfc, 1 + (value >> 24 & 0x3ff));
			else if ((value & 0x700) == 0x200)
				mixer(value >> 16 & 0xff, value >> 24 & 0xff);
			else if ((value & 0x700) == 0x300)
				fake_storm(machine, &seed, BASE, 16, 10);
			else if ((value & 0x700) == 0x400)
				fake_storm(machine, &seed, 0x330, 2, 4);
			else
				out(0xc, value & 0xff);
			if (value >> 60 == 0)
				fake_advance(machine, value & 0xffffff);
			if (value >> 60 == 1)
				fake_reload(machine);
		}
		assert_int_equal(fake_uncovered_bytes(machine), 0);
		if (round % 4 == 3) {
			fake_load_random(machine, &seed, 300);
			sound_mix_restart(&mix);
			fake_storm(machine, &seed, BASE, 16, 100);
			fake_advance(machine, 5000000);
		}
		fake_machine_free(machine);
	}
	/* One command after the other, each followed by a flood. */
	start_with(true);
	for (unsigned byte = 0; byte < 256; byte++) {
		out(6, 1);
		out(6, 0);
		out(0xc, byte);
		for (unsigned i = 0; i < 2000; i++)
			out(0xc, (i * 37 + byte) & 0xff);
		fake_advance(machine, 1000000);
		for (unsigned i = 0; i < 100; i++)
			in(0xa);
	}
	fake_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_mixer),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_auto_init),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_identification),
		cmocka_unit_test(test_heard),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_adpcm),
		cmocka_unit_test(test_mpu401),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
