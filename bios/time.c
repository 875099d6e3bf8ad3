/*
 * Time: the ACPI timer for timeouts, INT 1Ah clock services, the RTC's interrupt (IRQ 8, INT 70h)
 * and INT 15h AH=83h and 86h, which wait for it. MC146818 data sheet; ticks are the 18.2 Hz of the
 * 8254 at its full count.
 */
#include "bios16.h"

#define PM_TIMER_PORT (PMBASE + 8)

u32 pm_now(void)
{
	return inl(PM_TIMER_PORT) & 0xffffff;
}

u32 pm_elapsed(u32 start)
{
	return (pm_now() - start) & 0xffffff;
}

/* Has a second gone by since start? A timer that stands still is replaced by counting polls. */
u32 second_passed(u32 start, u32 polls)
{
	return pm_elapsed(start) >= PM_TIMER_HZ || polls > 4000000;
}

void delay_us(u32 microseconds)
{
	while (microseconds) {
		u32 chunk = microseconds > 1000000 ? 1000000 : microseconds;
		u32 ticks = chunk * 3 + (chunk >> 1) + (chunk >> 4) + (chunk >> 6);
		u32 start = pm_now();
		u32 polls = 0;

		while (pm_elapsed(start) < ticks && polls++ < chunk + 16)
			continue;
		microseconds -= chunk;
	}
}

/* Wait until no update of the time registers is near; at most a little over 2 ms. */
static void rtc_settle(void)
{
	u32 polls;

	for (polls = 0; polls < 10000; polls++)
		if (!(cmos_read(0x0a) & 0x80))
			return;
}

static u32 rtc_running(void)
{
	return (cmos_read(0x0a) & 0x70) == 0x20;
}

static void rtc_start(void)
{
	cmos_write(0x0a, 0x26);
	cmos_write(0x0b, (u8)((cmos_read(0x0b) & 0x7f) | 0x02));
}

static void clock_get_ticks(struct regs SS *r)
{
	u32 ticks = bda32(BDA_TIMER);

	r->cx = (u16)(ticks >> 16);
	r->dx = (u16)ticks;
	r->al = bda8(BDA_TIMER_OVER);
	bda8(BDA_TIMER_OVER) = 0;
	r->ah = 0;
}

/* May the time be read now? */
static u32 clock_ready(struct regs SS *r)
{
	if (!rtc_running()) {
		r->flags |= F_CF;
		return 0;
	}
	rtc_settle();
	return 1;
}

/* Stops the clock for being set; returns register B as it was, for clock_release(). */
static u8 clock_hold(void)
{
	u8 b;

	if (!rtc_running())
		rtc_start();
	rtc_settle();
	b = cmos_read(0x0b);
	cmos_write(0x0b, b | 0x80);
	return b;
}

static void clock_release(struct regs SS *r, u8 b)
{
	cmos_write(0x0b, b);
	r->ah = 0;
	r->al = b;
}

static void clock_get_time(struct regs SS *r)
{
	if (!clock_ready(r))
		return;
	r->dh = cmos_read(0x00);
	r->cl = cmos_read(0x02);
	r->ch = cmos_read(0x04);
	r->dl = cmos_read(0x0b) & 1;
	r->ah = 0;
	r->al = r->ch;
}

static void clock_set_time(struct regs SS *r)
{
	u8 b = clock_hold();

	cmos_write(0x00, r->dh);
	cmos_write(0x02, r->cl);
	cmos_write(0x04, r->ch);
	clock_release(r, (u8)((b & 0x7e) | 0x02 | (r->dl & 1)));
}

static void clock_get_date(struct regs SS *r)
{
	if (!clock_ready(r))
		return;
	r->cl = cmos_read(0x09);
	r->dh = cmos_read(0x08);
	r->dl = cmos_read(0x07);
	r->ch = cmos_read(0x32);
	r->ah = 0;
	r->al = r->ch;
}

static void clock_set_date(struct regs SS *r)
{
	u8 b = clock_hold();

	cmos_write(0x09, r->cl);
	cmos_write(0x08, r->dh);
	cmos_write(0x07, r->dl);
	cmos_write(0x32, r->ch);
	clock_release(r, b & 0x7f);
}

static void rtc_unmask(void)
{
	outb(0xa1, inb(0xa1) & 0xfe);
	outb(0x21, inb(0x21) & 0xfb);
}

static void clock_set_alarm(struct regs SS *r)
{
	u8 b = cmos_read(0x0b);

	if (b & 0x20) {
		r->flags |= F_CF;
		return;
	}
	if (!rtc_running())
		rtc_start();
	rtc_settle();
	cmos_write(0x01, r->dh);
	cmos_write(0x03, r->cl);
	cmos_write(0x05, r->ch);
	rtc_unmask();
	cmos_write(0x0b, (u8)((cmos_read(0x0b) & 0x7f) | 0x20));
	r->ah = 0;
}

void pci_bios(struct regs SS *r);

void int1a(struct regs SS *r)
{
	if (r->ah == 0xb1) {
		pci_bios(r);
		return;
	}
	r->flags &= (u16)~F_CF;
	switch (r->ah) {
	case 0x00:
		clock_get_ticks(r);
		break;
	case 0x01:
		bda32(BDA_TIMER) = (u32)r->cx << 16 | r->dx;
		bda8(BDA_TIMER_OVER) = 0;
		r->ah = 0;
		break;
	case 0x02:
		clock_get_time(r);
		break;
	case 0x03:
		clock_set_time(r);
		break;
	case 0x04:
		clock_get_date(r);
		break;
	case 0x05:
		clock_set_date(r);
		break;
	case 0x06:
		clock_set_alarm(r);
		break;
	case 0x07:
		cmos_write(0x0b, cmos_read(0x0b) & 0x5f);
		r->ah = 0;
		break;
	default:
		r->flags |= F_CF;
		break;
	}
}

/* IRQ 8: count down a wait in steps of 976 us, and call the user's alarm (INT 4Ah). */
void int70(struct regs SS *r)
{
	u8 enabled = cmos_read(0x0b);
	u8 why = cmos_read(0x0c) & enabled;

	(void)r;
	if (why & 0x40 && bda8(BDA_WAIT_FLAG) & 1) {
		u32 left = bda32(BDA_WAIT_COUNT);

		if (left > 976) {
			bda32(BDA_WAIT_COUNT) = left - 976;
		} else {
			u16 offset = bda16(BDA_WAIT_PTR);
			u16 segment = bda16(BDA_WAIT_PTR + 2);

			bda32(BDA_WAIT_COUNT) = 0;
			bda8(BDA_WAIT_FLAG) = 0;
			cmos_write(0x0b, cmos_read(0x0b) & 0xbf);
			put8(segment, offset, far8(segment, offset) | 0x80);
		}
	}
	if (why & 0x20) {
		irq_on();
		call_vector(0x4a);
	}
	irq_off();
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
}

static void wait_begin(u16 segment, u16 offset, u32 microseconds)
{
	bda16(BDA_WAIT_PTR) = offset;
	bda16(BDA_WAIT_PTR + 2) = segment;
	bda32(BDA_WAIT_COUNT) = microseconds;
	bda8(BDA_WAIT_FLAG) = 1;
	rtc_unmask();
	cmos_write(0x0a, 0x26);
	cmos_write(0x0b, (u8)((cmos_read(0x0b) & 0x7f) | 0x40));
}

/* INT 15h AH=83h: set bit 7 of a byte when the time is over, or cancel. */
void event_wait(struct regs SS *r)
{
	if (r->al == 1) {
		cmos_write(0x0b, cmos_read(0x0b) & 0xbf);
		bda8(BDA_WAIT_FLAG) = 0;
		r->ah = 0;
		return;
	}
	if (r->al != 0 || bda8(BDA_WAIT_FLAG) & 1) {
		r->flags |= F_CF;
		r->ah = 0;
		return;
	}
	wait_begin(r->es, r->bx, (u32)r->cx << 16 | r->dx);
	r->ah = 0;
}

/* INT 15h AH=86h: come back when the time is over. Short waits are not worth an interrupt. */
void plain_wait(struct regs SS *r)
{
	u32 microseconds = (u32)r->cx << 16 | r->dx;
	u32 last = pm_now();
	u32 milliseconds = 0;
	u32 ticks = 0;

	if (microseconds < 2000) {
		irq_on();
		delay_us(microseconds);
		return;
	}
	if (bda8(BDA_WAIT_FLAG) & 1) {
		r->flags |= F_CF;
		r->ah = 0x83;
		return;
	}
	wait_begin(SEG_BDA, BDA_WAIT_FLAG, microseconds);
	/* should the RTC's interrupt have gone to somebody else, the ACPI timer ends this */
	while (!(bda8(BDA_WAIT_FLAG) & 0x80) && milliseconds <= microseconds / 1000 + 100) {
		u32 now;

		wait_irq();
		irq_off();
		now = pm_now();
		ticks += (now - last) & 0xffffff;
		last = now;
		milliseconds += ticks / (PM_TIMER_HZ / 1000);
		ticks %= PM_TIMER_HZ / 1000;
	}
	if (!(bda8(BDA_WAIT_FLAG) & 0x80))
		cmos_write(0x0b, cmos_read(0x0b) & 0xbf);
	bda8(BDA_WAIT_FLAG) = 0;
}
