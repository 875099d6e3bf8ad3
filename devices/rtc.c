/*
 * The MC146818 real-time clock with 114 bytes of battery-backed memory, as in the AT.
 *
 * Ports 70h (index, and in bit 7 the NMI mask) and 71h (data); IRQ 8.  Manual: Motorola
 * MC146818 data sheet.  Byte 32h holds the century, as PC firmware has it.
 *
 * The divider chain is guest time since state.phase, at 32768 Hz.  Once a second a timer
 * does the update cycle.  Periodic flags are worked out when somebody looks, and get a
 * timer only while they are to interrupt.
 */
#include "rtc.h"

#include <string.h>

enum rtc_register {
	RTC_SECONDS, RTC_SECONDS_ALARM, RTC_MINUTES, RTC_MINUTES_ALARM, RTC_HOURS, RTC_HOURS_ALARM,
	RTC_WEEKDAY, RTC_DAY, RTC_MONTH, RTC_YEAR, RTC_A, RTC_B, RTC_C, RTC_D,
	RTC_CENTURY = 0x32,
	RTC_BYTES = 0x80
};

enum {
	RTC_A_UIP = 0x80, RTC_A_RATE = 0x0f, RTC_A_DIVIDER = 0x70, RTC_A_STOPPED = 0x60,
	RTC_B_SET = 0x80, RTC_B_PERIODIC = 0x40, RTC_B_ALARM = 0x20, RTC_B_UPDATE = 0x10,
	RTC_B_SQUARE_WAVE = 0x08, RTC_B_BINARY = 0x04, RTC_B_24_HOURS = 0x02,
	RTC_C_IRQ = 0x80, RTC_C_PERIODIC = 0x40, RTC_C_ALARM = 0x20, RTC_C_UPDATE = 0x10,
	RTC_D_VALID = 0x80
};

#define RTC_HZ 32768u
#define RTC_SECOND UINT64_C(1000000000)
/* UIP rises 244 us before an update, which takes 1984 us, and falls with the new time. */
#define RTC_UIP_NS (UINT64_C(244000) + 1984000)

struct rtc_state {
	int64_t phase;                  /* time at which the divider chain stood at 0 */
	uint64_t next_update;           /* time of the end of the next update cycle */
	uint64_t periodic;              /* divider ticks whose periodic edges are in register C */
	uint8_t bytes[RTC_BYTES];
	uint8_t index;
	uint8_t nmi_masked;
	uint8_t reserved[6];
};

struct rtc {
	struct cbx_device device;
	struct rtc_state state;
	struct cbx_line irq;
	struct cbx_timer *update, *edge;
	uint8_t defaults[RTC_BYTES];
	int64_t unix_time;
};

static const struct cbx_field rtc_fields[] = {
	CBX_FIELD(struct rtc_state, phase),
	CBX_FIELD(struct rtc_state, next_update),
	CBX_FIELD(struct rtc_state, periodic),
	CBX_FIELD_ARRAY(struct rtc_state, bytes),
	CBX_FIELD(struct rtc_state, index),
	CBX_FIELD(struct rtc_state, nmi_masked),
	CBX_FIELD_ARRAY(struct rtc_state, reserved),
	CBX_FIELD_END
};

/* ---- Numbers in registers ------------------------------------------------------------- */

static unsigned rtc_decode(const struct rtc_state *state, uint8_t value)
{
	return state->bytes[RTC_B] & RTC_B_BINARY ? value : (value >> 4) * 10u + (value & 15);
}

static uint8_t rtc_encode(const struct rtc_state *state, unsigned value)
{
	return (uint8_t)(state->bytes[RTC_B] & RTC_B_BINARY ? value :
			 value / 10 % 10 << 4 | value % 10);
}

static unsigned rtc_decode_hours(const struct rtc_state *state)
{
	uint8_t value = state->bytes[RTC_HOURS];

	if (state->bytes[RTC_B] & RTC_B_24_HOURS)
		return rtc_decode(state, value);
	return rtc_decode(state, value & 0x7f) % 12 + (value & 0x80 ? 12 : 0);
}

static uint8_t rtc_encode_hours(const struct rtc_state *state, unsigned hours)
{
	uint8_t value;

	if (state->bytes[RTC_B] & RTC_B_24_HOURS)
		return rtc_encode(state, hours);
	value = rtc_encode(state, hours % 12 ? hours % 12 : 12);
	return hours >= 12 ? value | 0x80 : value;
}

static unsigned rtc_days_in_month(unsigned month, unsigned year)
{
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (month == 2)
		return leap ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* Sets the time registers from seconds since 1970, of a year from 1970 to 9999. */
static void rtc_set_time(struct rtc_state *state, int64_t unix_time)
{
	int64_t days = unix_time / 86400;
	unsigned seconds = (unsigned)(unix_time % 86400), year = 1970, month = 1;

	state->bytes[RTC_WEEKDAY] = rtc_encode(state, (unsigned)((days + 4) % 7) + 1);
	while (days >= 365 + (rtc_days_in_month(2, year) == 29))
		days -= 365 + (rtc_days_in_month(2, year++) == 29);
	while (days >= rtc_days_in_month(month, year))
		days -= rtc_days_in_month(month++, year);
	state->bytes[RTC_SECONDS] = rtc_encode(state, seconds % 60);
	state->bytes[RTC_MINUTES] = rtc_encode(state, seconds / 60 % 60);
	state->bytes[RTC_HOURS] = rtc_encode_hours(state, seconds / 3600);
	state->bytes[RTC_DAY] = rtc_encode(state, (unsigned)days + 1);
	state->bytes[RTC_MONTH] = rtc_encode(state, month);
	state->bytes[RTC_YEAR] = rtc_encode(state, year % 100);
	state->bytes[RTC_CENTURY] = rtc_encode(state, year / 100);
}

/* Counts a register up; gives whether it went around from last to first. */
static bool rtc_count(struct rtc_state *state, enum rtc_register which, unsigned first,
		      unsigned last)
{
	unsigned value = rtc_decode(state, state->bytes[which]);
	bool carry = value >= last;

	state->bytes[which] = rtc_encode(state, carry ? first : value + 1);
	return carry;
}

static bool rtc_count_hours(struct rtc_state *state)
{
	unsigned hours = rtc_decode_hours(state);

	state->bytes[RTC_HOURS] = rtc_encode_hours(state, hours >= 23 ? 0 : hours + 1);
	return hours >= 23;
}

static void rtc_count_second(struct rtc_state *state)
{
	unsigned year = rtc_decode(state, state->bytes[RTC_CENTURY]) * 100 +
			rtc_decode(state, state->bytes[RTC_YEAR]);
	unsigned month = rtc_decode(state, state->bytes[RTC_MONTH]);

	if (!rtc_count(state, RTC_SECONDS, 0, 59) || !rtc_count(state, RTC_MINUTES, 0, 59) ||
	    !rtc_count_hours(state))
		return;
	rtc_count(state, RTC_WEEKDAY, 1, 7);
	if (rtc_count(state, RTC_DAY, 1, rtc_days_in_month(month, year)) &&
	    rtc_count(state, RTC_MONTH, 1, 12) && rtc_count(state, RTC_YEAR, 0, 99))
		rtc_count(state, RTC_CENTURY, 0, 99);
}

/* ---- Flags and interrupt -------------------------------------------------------------- */

static bool rtc_is_stopped(const struct rtc_state *state)
{
	return (state->bytes[RTC_A] & RTC_A_STOPPED) == RTC_A_STOPPED;
}

/* Divider ticks from one periodic edge to the next; 0: there are none. */
static unsigned rtc_period(const struct rtc_state *state)
{
	unsigned rate = state->bytes[RTC_A] & RTC_A_RATE;

	if (!rate || rtc_is_stopped(state))
		return 0;
	/* Rates 1 and 2 would be too fast for the 32 kHz chain and are like 8 and 9. */
	return 1u << (rate < 3 ? rate + 6 : rate - 1);
}

/* Nanoseconds since the divider chain stood at 0. */
static uint64_t rtc_since(const struct rtc *rtc)
{
	int64_t now = (int64_t)cbx_time(&rtc->device);

	return now < rtc->state.phase ? 0 : (uint64_t)(now - rtc->state.phase);
}

static uint64_t rtc_ticks(const struct rtc *rtc)
{
	return cbx_muldiv(rtc_since(rtc), RTC_HZ, RTC_SECOND);
}

/* Puts the periodic edges up to now into register C. */
static void rtc_sync_periodic(struct rtc *rtc)
{
	unsigned period = rtc_period(&rtc->state);
	uint64_t ticks = rtc_ticks(rtc);

	if (period && ticks / period > rtc->state.periodic / period)
		rtc->state.bytes[RTC_C] |= RTC_C_PERIODIC;
	rtc->state.periodic = ticks;
}

/* After any change of flags, enables, rate or divider: IRQ and the timer for the next edge. */
static void rtc_drive(struct rtc *rtc)
{
	uint8_t *bytes = rtc->state.bytes;
	unsigned period = rtc_period(&rtc->state);
	uint64_t edge, time;
	bool irq = bytes[RTC_C] & bytes[RTC_B] &
		   (RTC_C_PERIODIC | RTC_C_ALARM | RTC_C_UPDATE);

	bytes[RTC_C] = (uint8_t)((bytes[RTC_C] & ~RTC_C_IRQ) | (irq ? RTC_C_IRQ : 0));
	cbx_line_set(&rtc->irq, irq);
	/* An edge that is flagged already would change nothing. */
	if (!period || !(bytes[RTC_B] & RTC_B_PERIODIC) || (bytes[RTC_C] & RTC_C_PERIODIC)) {
		cbx_timer_cancel(rtc->edge);
		return;
	}
	edge = (rtc->state.periodic / period + 1) * period;
	time = cbx_muldiv(edge, RTC_SECOND, RTC_HZ);
	time += cbx_muldiv(time, RTC_HZ, RTC_SECOND) < edge;
	cbx_timer_set(rtc->edge, (uint64_t)(rtc->state.phase + (int64_t)time));
}

static void rtc_edge(struct cbx_device *device, unsigned number)
{
	struct rtc *rtc = (struct rtc *)device;

	(void)number;
	rtc_sync_periodic(rtc);
	rtc_drive(rtc);
}

/* ---- The update cycle ----------------------------------------------------------------- */

static bool rtc_updates(const struct rtc_state *state)
{
	return !rtc_is_stopped(state) && !(state->bytes[RTC_B] & RTC_B_SET);
}

static void rtc_schedule_update(struct rtc *rtc)
{
	struct rtc_state *state = &rtc->state;
	uint64_t seconds = rtc_since(rtc) / RTC_SECOND + 1;

	if (!rtc_updates(state)) {
		cbx_timer_cancel(rtc->update);
		return;
	}
	state->next_update = (uint64_t)(state->phase + (int64_t)(seconds * RTC_SECOND));
	cbx_timer_set(rtc->update, state->next_update);
}

/* An alarm byte of C0h and above matches everything. */
static bool rtc_alarm_matches(const struct rtc_state *state)
{
	bool match = true;

	for (unsigned i = RTC_SECONDS; i <= RTC_HOURS; i += 2)
		match = match && (state->bytes[i + 1] >= 0xc0 ||
				  state->bytes[i + 1] == state->bytes[i]);
	return match;
}

static void rtc_update(struct cbx_device *device, unsigned number)
{
	struct rtc *rtc = (struct rtc *)device;

	(void)number;
	rtc_count_second(&rtc->state);
	rtc->state.bytes[RTC_C] |= RTC_C_UPDATE;
	if (rtc_alarm_matches(&rtc->state))
		rtc->state.bytes[RTC_C] |= RTC_C_ALARM;
	rtc_sync_periodic(rtc);
	rtc_drive(rtc);
	rtc_schedule_update(rtc);
}

static bool rtc_in_update(const struct rtc *rtc)
{
	uint64_t now = cbx_time(&rtc->device), next = rtc->state.next_update;

	return rtc_updates(&rtc->state) && next > now && next - now <= RTC_UIP_NS;
}

/* ---- Ports ---------------------------------------------------------------------------- */

static uint8_t rtc_read_c(struct rtc *rtc)
{
	uint8_t value;

	rtc_sync_periodic(rtc);
	rtc_drive(rtc);
	value = rtc->state.bytes[RTC_C];
	rtc->state.bytes[RTC_C] = 0;
	rtc_drive(rtc);
	return value;
}

static uint64_t rtc_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct rtc *rtc = (struct rtc *)device;
	unsigned index = rtc->state.index % RTC_BYTES;

	(void)width;
	if (!(offset & 1))
		return 0xff;            /* the index cannot be read */
	if (index == RTC_A)
		return rtc->state.bytes[RTC_A] | (rtc_in_update(rtc) ? RTC_A_UIP : 0);
	if (index == RTC_C)
		return rtc_read_c(rtc);
	return rtc->state.bytes[index];
}

static void rtc_write_a(struct rtc *rtc, uint8_t value)
{
	bool was_stopped = rtc_is_stopped(&rtc->state);
	int64_t now = (int64_t)cbx_time(&rtc->device);

	rtc_sync_periodic(rtc);
	rtc->state.bytes[RTC_A] = value & (uint8_t)~RTC_A_UIP;
	if (was_stopped != rtc_is_stopped(&rtc->state)) {
		/* The first update comes half a second after the divider is let go. */
		rtc->state.phase = now - (int64_t)(RTC_SECOND / 2);
		rtc->state.periodic = rtc_ticks(rtc);
		rtc_schedule_update(rtc);
	}
	rtc_drive(rtc);
}

static void rtc_write_b(struct rtc *rtc, uint8_t value)
{
	bool was_set = rtc->state.bytes[RTC_B] & RTC_B_SET;

	rtc_sync_periodic(rtc);
	if (value & RTC_B_SET)
		value &= (uint8_t)~RTC_B_UPDATE;
	rtc->state.bytes[RTC_B] = value;
	if (was_set != !!(value & RTC_B_SET))
		rtc_schedule_update(rtc);
	rtc_drive(rtc);
}

static void rtc_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct rtc *rtc = (struct rtc *)device;
	unsigned index = rtc->state.index % RTC_BYTES;

	(void)width;
	if (!(offset & 1)) {
		rtc->state.index = value & 0x7f;
		rtc->state.nmi_masked = value >> 7 & 1;
	} else if (index == RTC_A) {
		rtc_write_a(rtc, (uint8_t)value);
	} else if (index == RTC_B) {
		rtc_write_b(rtc, (uint8_t)value);
	} else if (index != RTC_C && index != RTC_D) {
		rtc->state.bytes[index] = (uint8_t)value;
	}
}

static const struct cbx_io rtc_io = { .widths = 1, .read = rtc_read, .write = rtc_write };

/* ---- Life ----------------------------------------------------------------------------- */

void rtc_set_default(struct rtc *rtc, unsigned index, uint8_t value)
{
	if (index > RTC_D && index < RTC_BYTES)
		rtc->defaults[index] = value;
}

uint8_t rtc_memory(const struct rtc *rtc, unsigned index)
{
	return rtc->state.bytes[index % RTC_BYTES];
}

static void rtc_power_on(struct rtc *rtc)
{
	struct rtc_state *state = &rtc->state;

	memset(state, 0, sizeof(*state));
	memcpy(state->bytes, rtc->defaults, sizeof(state->bytes));
	state->bytes[RTC_A] = 0x26;     /* 32768 Hz, 1024 periodic edges a second */
	state->bytes[RTC_B] = RTC_B_24_HOURS;
	state->bytes[RTC_D] = RTC_D_VALID;
	state->phase = (int64_t)cbx_time(&rtc->device);
	rtc_set_time(state, rtc->unix_time);
	rtc_schedule_update(rtc);
}

static void rtc_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct rtc *rtc = (struct rtc *)device;

	if (kind == CBX_RESET_POWER)
		rtc_power_on(rtc);
	rtc->state.bytes[RTC_B] &= (uint8_t)~(RTC_B_PERIODIC | RTC_B_ALARM | RTC_B_UPDATE |
					      RTC_B_SQUARE_WAVE);
	rtc->state.bytes[RTC_C] = 0;
	rtc->state.index = 0;
	rtc->state.nmi_masked = 0;
	rtc->state.periodic = rtc_ticks(rtc);
	rtc_drive(rtc);
}

static bool rtc_check(const struct cbx_device *device, const void *bytes)
{
	const struct rtc_state *state = bytes;

	(void)device;
	/* A quarter of the range is enough for any guest, and leaves room for adding. */
	return state->index < RTC_BYTES && state->nmi_masked <= 1 &&
	       state->phase >= -(int64_t)RTC_SECOND && state->phase < INT64_MAX / 4 &&
	       state->next_update < INT64_MAX / 4 && state->periodic < INT64_MAX / 4 &&
	       !(state->bytes[RTC_A] & RTC_A_UIP) &&
	       state->bytes[RTC_D] == RTC_D_VALID;
}

static const struct cbx_device_type rtc_type = {
	.name = "rtc",
	.version = 1,
	.size = sizeof(struct rtc),
	.state_offset = offsetof(struct rtc, state),
	.state_size = sizeof(struct rtc_state),
	.fields = rtc_fields,
	.reset = rtc_reset,
	.check = rtc_check,
};

enum cbx_status rtc_new(struct cbx_machine *machine, struct cbx_line irq, int64_t unix_time,
			struct rtc **rtc)
{
	struct cbx_device *device;
	struct rtc *made;
	enum cbx_status status = cbx_device_new(machine, &rtc_type, &device);

	if (status != CBX_OK)
		return status;
	made = (struct rtc *)device;
	made->irq = irq;
	made->unix_time = unix_time < 0 ? 0 : unix_time % (INT64_C(86400) * 366 * 7000);
	status = cbx_timer_new(device, "update", rtc_update, 0, &made->update);
	if (status == CBX_OK)
		status = cbx_timer_new(device, "edge", rtc_edge, 0, &made->edge);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x70, 2, &rtc_io);
	*rtc = made;
	return status;
}
