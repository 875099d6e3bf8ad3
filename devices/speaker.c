/*
 * System control port B, 61h: the gate of timer counter 2, the speaker's enable bit, and
 * what can be read there: counter 2's output, the refresh toggle, the NMI sources.
 *
 * Manual: the 82371SB data sheet, "NMISC - NMI status and control register".  There is no
 * sound yet; nothing in the machine raises SERR# or IOCHK#, so bits 6 and 7 read 0.
 */
#include "speaker.h"

enum { SPEAKER_GATE = 0x01, SPEAKER_DATA = 0x02, SPEAKER_KEPT = 0x0f, SPEAKER_REFRESH = 0x10,
       SPEAKER_OUT = 0x20 };

/* A refresh request comes every 18 pulses of the timer's clock: 15.085 microseconds. */
#define SPEAKER_HZ 1193182u
#define SPEAKER_REFRESH_NS UINT64_C(18000000000)        /* 18 pulses, times 10^9 */

struct speaker_state {
	uint8_t control;
};

struct speaker {
	struct cbx_device device;
	struct speaker_state state;
	struct pit *pit;
};

static const struct cbx_field speaker_fields[] = {
	CBX_FIELD(struct speaker_state, control),
	CBX_FIELD_END
};

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
	speaker->state.control = value & SPEAKER_KEPT;
	pit_set_gate2(speaker->pit, value & SPEAKER_GATE);
}

static const struct cbx_io speaker_io = { 1, speaker_read, speaker_write };

static void speaker_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct speaker *speaker = (struct speaker *)device;

	(void)kind;
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

enum cbx_status speaker_new(struct cbx_machine *machine, struct pit *pit, struct speaker **speaker)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &speaker_type, &device);

	if (status != CBX_OK)
		return status;
	*speaker = (struct speaker *)device;
	(*speaker)->pit = pit;
	return cbx_ports_map(device, 0x61, 1, &speaker_io);
}
