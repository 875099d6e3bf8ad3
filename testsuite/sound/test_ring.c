/*
 * The ring between the guest's sound and the host's, with hosts of all kinds: a tone goes in as a guest
 * makes it, and what comes out is looked at for holes and clicks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audio_ring.h"

enum { DEVICE = 2048, STEP = AUDIO_RATE / 1000, LOUD = 10000 };

/* A host's day, millisecond by millisecond. */
struct day {
	struct audio_ring ring;
	unsigned milliseconds;
	unsigned owed;                  /* frames that the guest has not made yet */
	unsigned phase;                 /* of the tone: a triangle of 480 frames */
	unsigned device;                /* frames that the host has played of its buffer */
	int16_t before;                 /* what was heard last */
	unsigned holes, clicks;         /* milliseconds of silence; jumps that are no tone */
	unsigned high;                  /* the most that was in the ring */
};

static int16_t tone(unsigned phase)
{
	int at = (int)(phase % 480);

	return (int16_t)(LOUD + (at < 240 ? at : 480 - at) * 10);
}

static void make(struct day *day, unsigned frames, bool sound)
{
	int16_t samples[2 * 4096];

	for (unsigned i = 0; i < frames; i++) {
		samples[2 * i] = sound ? tone(day->phase) : 0;
		samples[2 * i + 1] = samples[2 * i];
		day->phase++;
	}
	audio_ring_put(&day->ring, sound ? samples : NULL, frames);
	if (day->ring.count > day->high)
		day->high = day->ring.count;
}

static void play(struct day *day)
{
	int16_t samples[2 * DEVICE];

	audio_ring_take(&day->ring, samples, DEVICE);
	for (unsigned i = 0; i < DEVICE; i++) {
		int jump = samples[2 * i] - day->before;

		assert_int_equal(samples[2 * i], samples[2 * i + 1]);
		day->holes += samples[2 * i] < LOUD / 2;
		day->clicks += samples[2 * i] >= LOUD && day->before >= LOUD && (jump > 12 || jump < -12);
		day->before = samples[2 * i];
	}
}

/* A millisecond: the guest makes its frames if the host lets it, and the host plays what is due. */
static void pass(struct day *day, unsigned frames, bool stopped, bool sound)
{
	day->milliseconds++;
	day->owed += frames;
	/* The guest makes good a twentieth of a second (frontend/pacing.h). */
	if (day->owed > frames + AUDIO_RATE / 20)
		day->owed = frames + AUDIO_RATE / 20;
	if (!stopped) {
		make(day, day->owed, sound);
		day->owed = 0;
	}
	for (day->device += STEP; day->device >= DEVICE; day->device -= DEVICE)
		play(day);
}

static struct day *new_day(void)
{
	struct day *day = calloc(1, sizeof(*day));

	assert_non_null(day);
	audio_ring_init(&day->ring);
	return day;
}

/* It has begun, and what is counted begins now. */
static void settle(struct day *day)
{
	for (unsigned i = 0; i < 1000; i++)
		pass(day, STEP, false, true);
	assert_true(day->ring.running);
	day->holes = day->clicks = 0;
}

static void test_calm(void **state)
{
	(void)state;
	/* a guest that is exact, and one whose clock is off by three per mille, fast and slow */
	for (int off = -1; off <= 1; off++) {
		struct day *day = new_day();

		settle(day);
		for (unsigned i = 0; i < 120000; i++)
			pass(day, (unsigned)(STEP + (i % 7 ? 0 : off)), i % 10 != 0, true);
		assert_int_equal(day->holes, 0);
		assert_int_equal(day->clicks, 0);
		assert_int_equal(day->ring.dry, 0);
		assert_int_equal(day->ring.target, AUDIO_TARGET_LEAST);
		assert_true(day->ring.count < 2 * AUDIO_TARGET_LEAST);
		free(day);
	}
}

/* The host stops for a while, again and again: after a few holes there are none. */
static void test_stops(void **state)
{
	static const unsigned stops[] = { 20, 70, 100, 140 };

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		struct day *day = new_day();
		unsigned late = 0;

		settle(day);
		for (unsigned i = 0; i < 300000; i++) {
			unsigned holes = day->holes;

			pass(day, STEP, i % 20000 >= 20000 - stops[n], true);
			late += i > 100000 && day->holes != holes;
		}
		assert_int_equal(late, 0);
		assert_true(day->ring.dry <= 4);
		assert_true((stops[n] <= 20) == (day->ring.target == AUDIO_TARGET_LEAST));
		assert_true(day->ring.target <= AUDIO_TARGET_MOST);
		/* and when the host is calm again, so is the ring, without a hole */
		day->holes = 0;
		for (unsigned i = 0; i < 600000; i++)
			pass(day, STEP, false, true);
		assert_int_equal(day->holes, 0);
		assert_int_equal(day->clicks, 0);
		assert_true(day->ring.target < AUDIO_TARGET_LEAST * 5 / 4);
		free(day);
	}
}

/* The host plays nothing for two seconds, as when it opens its loudspeakers: one jump, and all is as before. */
static void test_waits(void **state)
{
	struct day *day = new_day();

	(void)state;
	settle(day);
	for (unsigned i = 0; i < 2000; i++)
		make(day, STEP, true);
	assert_true(day->high <= 4 * AUDIO_TARGET_LEAST);
	for (unsigned i = 0; i < 10000; i++) {
		pass(day, STEP, false, true);
		assert_true(i < 50 || day->ring.count < 3 * AUDIO_TARGET_LEAST / 2);
	}
	assert_int_equal(day->holes, 0);
	/* two frames may be on either side of it */
	assert_true(day->clicks <= 2);
	free(day);
}

/* The end of a sound is no fault of the host. */
static void test_ends(void **state)
{
	struct day *day = new_day();

	(void)state;
	for (unsigned n = 0; n < 10; n++) {
		for (unsigned i = 0; i < 500; i++)
			pass(day, STEP, false, true);
		for (unsigned i = 0; i < 500; i++)
			pass(day, STEP, false, false);
		for (unsigned i = 0; i < 500; i++)
			pass(day, 0, false, false);
	}
	assert_int_equal(day->ring.dry, 0);
	assert_int_equal(day->ring.target, AUDIO_TARGET_LEAST);
	free(day);
}

/* Far too fast and far too slow: bounded, and sound is heard. */
static void test_wrong_speed(void **state)
{
	struct day *day = new_day();

	(void)state;
	for (unsigned i = 0; i < 20000; i++)
		pass(day, 10 * STEP, false, true);
	assert_true(day->high <= 4 * AUDIO_TARGET_LEAST);
	assert_int_equal(day->ring.dry, 0);
	for (unsigned i = 0; i < 60000; i++)
		pass(day, STEP / 2, false, true);
	assert_int_equal(day->ring.target, AUDIO_TARGET_MOST);
	assert_true(day->ring.dry > 4);
	assert_true(day->holes < 60000 * STEP * 3 / 4);
	free(day);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calm),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_wrong_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
