/*
 * Text output for the 32-bit half through INT 10h, and, when asked, on COM1 too; keys from INT 16h
 * and from COM1.
 */
#include "bios32.h"

/* A port such as E9h that gets a copy of all that is shown, for working on the BIOS itself. */
#ifndef DEBUG_PORT
#define DEBUG_PORT 0
#endif

static u8 colour;
static u8 mirror;
static u8 last_was_return;

static void serial_put(char c)
{
	u16 port = bda16(BDA_COM);
	u32 polls;

	if (!port)
		return;
	for (polls = 0; polls < 100000 && !(inb(port + 5) & 0x20); polls++)
		continue;
	outb(port, (u8)c);
}

static u32 serial_get(void)
{
	u16 port = bda16(BDA_COM);

	if (!port || !(inb(port + 5) & 1))
		return 0;
	return inb(port);
}

void serial_mirror(u32 on)
{
	u16 port = bda16(BDA_COM);

	mirror = on && port;
	if (!mirror)
		return;
	outb(port + 3, 0x83);
	outb(port, 1);
	outb(port + 1, 0);
	outb(port + 3, 0x03);
	outb(port + 2, 0x07);
	outb(port + 4, 0x03);
	outb(port + 1, 0);
}

void set_colour(u8 attribute)
{
	colour = attribute;
}

void put_char(char c)
{
	struct bregs r;

	if (c == '\n')
		put_char('\r');
	if (mirror && !((u8)c & 0x80))
		serial_put(c);
	else if (mirror)
		serial_put((u8)c == 0xc4 || (u8)c == 0xcd ? '-' : (u8)c == 0xdb ? '#' : ' ');
	if (DEBUG_PORT)
		outb(DEBUG_PORT, (u8)c);
	memset(&r, 0, sizeof(r));
	if ((u8)c >= ' ') {
		r.ax = (u16)(0x0900 | (u8)c);
		r.bx = colour ? colour : 7;
		r.cx = 1;
		int16_call(0x10, &r);
	}
	r.ax = (u16)(0x0e00 | (u8)c);
	r.bx = 7;
	int16_call(0x10, &r);
}

void goto_xy(u32 x, u32 y)
{
	struct bregs r;

	memset(&r, 0, sizeof(r));
	r.ax = 0x0200;
	r.dx = (u16)(y << 8 | x);
	int16_call(0x10, &r);
}

void clear_screen(void)
{
	struct bregs r;

	memset(&r, 0, sizeof(r));
	r.ax = 0x0003;
	int16_call(0x10, &r);
}

/* ---- formatting: %s %c %d %u %x with width and 0, -, and %% ---- */

struct sink {
	char *at;
	char *end;
};

static void emit(struct sink *sink, char c)
{
	if (!sink)
		put_char(c);
	else if (sink->at < sink->end)
		*sink->at++ = c;
}

static void emit_padded(struct sink *sink, const char *s, u32 length, u32 width, u32 left, char pad)
{
	u32 i;

	if (!left)
		for (i = length; i < width; i++)
			emit(sink, pad);
	for (i = 0; i < length; i++)
		emit(sink, s[i]);
	if (left)
		for (i = length; i < width; i++)
			emit(sink, ' ');
}

static void emit_number(struct sink *sink, u32 value, u32 base, u32 negative, u32 width, u32 left,
			char pad)
{
	char digits[16];
	u32 at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative)
		digits[--at] = '-';
	emit_padded(sink, digits + at, (u32)sizeof(digits) - at, width, left, pad);
}

static void format_to(struct sink *sink, const char *f, va_list args)
{
	for (; *f; f++) {
		u32 width = 0;
		u32 left = 0;
		char pad = ' ';

		if (*f != '%') {
			emit(sink, *f);
			continue;
		}
		f++;
		if (*f == '-') {
			left = 1;
			f++;
		}
		if (*f == '0') {
			pad = '0';
			f++;
		}
		while (*f >= '0' && *f <= '9')
			width = width * 10 + (u32)(*f++ - '0');
		if (*f == 's') {
			const char *s = va_arg(args, const char *);

			emit_padded(sink, s, strlen(s), width, left, ' ');
		} else if (*f == 'c') {
			emit(sink, (char)va_arg(args, int));
		} else if (*f == 'd') {
			int value = va_arg(args, int);

			emit_number(sink, value < 0 ? 0u - (u32)value : (u32)value, 10, value < 0,
				    width, left, pad);
		} else if (*f == 'u' || *f == 'x') {
			emit_number(sink, va_arg(args, u32), *f == 'u' ? 10 : 16, 0, width, left,
				    pad);
		} else {
			emit(sink, *f);
		}
	}
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_to(NULL, format, args);
	va_end(args);
}

void format_text(char *to, u32 size, const char *format, ...)
{
	struct sink sink = { to, to + size - 1 };
	va_list args;

	va_start(args, format);
	format_to(&sink, format, args);
	va_end(args);
	*sink.at = 0;
}

/* ---- input and time ---- */

/* Let interrupts in and sleep until the next one. */
void idle(void)
{
	struct bregs r;

	memset(&r, 0, sizeof(r));
	r.ax = 0x5305;
	int16_call(0x15, &r);
}

u32 ticks(void)
{
	return bda32(BDA_TIMER);
}

void delay_ms(u32 milliseconds)
{
	u32 start = ticks();
	u32 wait = (milliseconds + 54) / 55;

	while ((ticks() >= start ? ticks() - start : ticks()) < wait)
		idle();
}

u32 key_waiting(void)
{
	return bda16(BDA_KBD_HEAD) != bda16(BDA_KBD_TAIL);
}

u32 key_get(void)
{
	struct bregs r;
	u32 c;

	if (mirror) {
		c = serial_get();
		if (c == '\n' && last_was_return) {
			last_was_return = 0;
			c = 0;
		} else if (c) {
			last_was_return = c == '\r';
		}
		if (c == '\n')
			c = '\r';
		if (c == 0x7f)
			c = '\b';
		if (c)
			return c;
	}
	if (!key_waiting())
		return 0;
	memset(&r, 0, sizeof(r));
	r.ax = 0x1000;
	int16_call(0x16, &r);
	return r.ax ? r.ax : 0xffff;
}
