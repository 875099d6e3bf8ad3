/* The MC146818 clock with its battery-backed memory (128 bytes). */
#ifndef DEVICES_RTC_H
#define DEVICES_RTC_H

#include <clearbox/device.h>

struct rtc;

/* unix_time: seconds since 1970 that the clock shows at power-on.  irq: IRQ 8. */
enum cbx_status rtc_new(struct cbx_machine *machine, struct cbx_line irq, int64_t unix_time,
			struct rtc **rtc);

/*
 * Sets a byte (0Eh-7Fh, but 32h) that the memory holds at power-on.  To be called while
 * the machine is built.
 */
void rtc_set_default(struct rtc *rtc, unsigned index, uint8_t value);
/* A byte as the guest left it. */
uint8_t rtc_memory(const struct rtc *rtc, unsigned index);

#endif
