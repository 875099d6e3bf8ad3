/*
 * Keyboard: IRQ 1 (INT 09h) turns set 1 scan codes into the buffer at 40:1Eh, INT 16h hands them
 * out. US layout, 83, 101 and 102 keys. Codes in the buffer follow the enhanced convention: the
 * grey keys of the 101-key board carry E0h in the low byte, and the plain functions 00h and 01h
 * hide the codes an 83-key program could not know.
 */
#include "bios16.h"

#define RSHIFT	0x01	/* 40:17h */
#define LSHIFT	0x02
#define CTRL	0x04
#define ALT	0x08
#define SCROLL	0x10
#define NUM	0x20
#define CAPS	0x40
#define INSERT	0x80

#define LCTRL	0x01	/* 40:18h */
#define LALT	0x02
#define SYSREQ	0x04
#define PAUSED	0x08

#define RCTRL	0x04	/* 40:96h */
#define RALT	0x08
#define KBD101	0x10
#define LAST_E0	0x02
#define LAST_E1	0x01

#define NONE	0xffff

struct key {
	u16 plain, shift, ctrl, alt;
};

/* Index: scan code 00h-39h. */
static const struct key keys[0x3a] = {
	{ NONE, NONE, NONE, NONE },
	{ 0x011b, 0x011b, 0x011b, 0x0100 },	/* Esc */
	{ 0x0231, 0x0221, NONE, 0x7800 },	/* 1 */
	{ 0x0332, 0x0340, 0x0300, 0x7900 },
	{ 0x0433, 0x0423, NONE, 0x7a00 },
	{ 0x0534, 0x0524, NONE, 0x7b00 },
	{ 0x0635, 0x0625, NONE, 0x7c00 },
	{ 0x0736, 0x075e, 0x071e, 0x7d00 },
	{ 0x0837, 0x0826, NONE, 0x7e00 },
	{ 0x0938, 0x092a, NONE, 0x7f00 },
	{ 0x0a39, 0x0a28, NONE, 0x8000 },
	{ 0x0b30, 0x0b29, NONE, 0x8100 },	/* 0 */
	{ 0x0c2d, 0x0c5f, 0x0c1f, 0x8200 },	/* - */
	{ 0x0d3d, 0x0d2b, NONE, 0x8300 },	/* = */
	{ 0x0e08, 0x0e08, 0x0e7f, 0x0e00 },	/* backspace */
	{ 0x0f09, 0x0f00, 0x9400, 0xa500 },	/* tab */
	{ 0x1071, 0x1051, 0x1011, 0x1000 },	/* q */
	{ 0x1177, 0x1157, 0x1117, 0x1100 },
	{ 0x1265, 0x1245, 0x1205, 0x1200 },
	{ 0x1372, 0x1352, 0x1312, 0x1300 },
	{ 0x1474, 0x1454, 0x1414, 0x1400 },
	{ 0x1579, 0x1559, 0x1519, 0x1500 },
	{ 0x1675, 0x1655, 0x1615, 0x1600 },
	{ 0x1769, 0x1749, 0x1709, 0x1700 },
	{ 0x186f, 0x184f, 0x180f, 0x1800 },
	{ 0x1970, 0x1950, 0x1910, 0x1900 },	/* p */
	{ 0x1a5b, 0x1a7b, 0x1a1b, 0x1a00 },	/* [ */
	{ 0x1b5d, 0x1b7d, 0x1b1d, 0x1b00 },	/* ] */
	{ 0x1c0d, 0x1c0d, 0x1c0a, 0x1c00 },	/* Enter */
	{ NONE, NONE, NONE, NONE },		/* Ctrl */
	{ 0x1e61, 0x1e41, 0x1e01, 0x1e00 },	/* a */
	{ 0x1f73, 0x1f53, 0x1f13, 0x1f00 },
	{ 0x2064, 0x2044, 0x2004, 0x2000 },
	{ 0x2166, 0x2146, 0x2106, 0x2100 },
	{ 0x2267, 0x2247, 0x2207, 0x2200 },
	{ 0x2368, 0x2348, 0x2308, 0x2300 },
	{ 0x246a, 0x244a, 0x240a, 0x2400 },
	{ 0x256b, 0x254b, 0x250b, 0x2500 },
	{ 0x266c, 0x264c, 0x260c, 0x2600 },	/* l */
	{ 0x273b, 0x273a, NONE, 0x2700 },	/* ; */
	{ 0x2827, 0x2822, NONE, 0x2800 },	/* ' */
	{ 0x2960, 0x297e, NONE, 0x2900 },	/* ` */
	{ NONE, NONE, NONE, NONE },		/* left Shift */
	{ 0x2b5c, 0x2b7c, 0x2b1c, 0x2b00 },	/* \ */
	{ 0x2c7a, 0x2c5a, 0x2c1a, 0x2c00 },	/* z */
	{ 0x2d78, 0x2d58, 0x2d18, 0x2d00 },
	{ 0x2e63, 0x2e43, 0x2e03, 0x2e00 },
	{ 0x2f76, 0x2f56, 0x2f16, 0x2f00 },
	{ 0x3062, 0x3042, 0x3002, 0x3000 },
	{ 0x316e, 0x314e, 0x310e, 0x3100 },
	{ 0x326d, 0x324d, 0x320d, 0x3200 },	/* m */
	{ 0x332c, 0x333c, NONE, 0x3300 },	/* , */
	{ 0x342e, 0x343e, NONE, 0x3400 },	/* . */
	{ 0x352f, 0x353f, NONE, 0x3500 },	/* / */
	{ NONE, NONE, NONE, NONE },		/* right Shift */
	{ 0x372a, 0x372a, 0x9600, 0x3700 },	/* keypad * */
	{ NONE, NONE, NONE, NONE },		/* Alt */
	{ 0x3920, 0x3920, 0x3920, 0x3920 },	/* space */
};

/* Keypad 47h-53h: digit when shifted or Num Lock, else a move; Ctrl and Alt codes. */
static const struct key keypad[13] = {
	{ 0x4700, 0x4737, 0x7700, 0x9700 },
	{ 0x4800, 0x4838, 0x8d00, 0x9800 },
	{ 0x4900, 0x4939, 0x8400, 0x9900 },
	{ 0x4a2d, 0x4a2d, 0x8e00, 0x4a00 },
	{ 0x4b00, 0x4b34, 0x7300, 0x9b00 },
	{ 0x4c00, 0x4c35, 0x8f00, NONE },
	{ 0x4d00, 0x4d36, 0x7400, 0x9d00 },
	{ 0x4e2b, 0x4e2b, 0x9000, 0x4e00 },
	{ 0x4f00, 0x4f31, 0x7500, 0x9f00 },
	{ 0x5000, 0x5032, 0x9100, 0xa000 },
	{ 0x5100, 0x5133, 0x7600, 0xa100 },
	{ 0x5200, 0x5230, 0x9200, 0xa200 },
	{ 0x5300, 0x532e, 0x9300, 0xa300 },
};

static u32 buffer_next(u32 at)
{
	at += 2;
	return at >= bda16(BDA_KBD_END) ? bda16(BDA_KBD_START) : at;
}

/* Returns 0 when the buffer is full. */
static u32 buffer_put(u16 code)
{
	u32 tail = bda16(BDA_KBD_TAIL);
	u32 next = buffer_next(tail);

	if (next == bda16(BDA_KBD_HEAD))
		return 0;
	bda16(tail) = code;
	bda16(BDA_KBD_TAIL) = (u16)next;
	return 1;
}

static void kbd_wait_input(void)
{
	u32 polls;

	for (polls = 0; polls < 0x10000 && inb(0x64) & 2; polls++)
		continue;
}

static void beep(void)
{
	u8 gate = inb(0x61);

	outb(0x43, 0xb6);
	outb(0x42, 0x3f);
	outb(0x42, 0x05);
	outb(0x61, gate | 3);
	delay_us(60000);
	outb(0x61, gate);
}

/* Send a byte to the keyboard and wait for its answer, with IRQ 1 out of the way. */
static void kbd_send(u8 value)
{
	u32 polls;

	kbd_wait_input();
	outb(0x60, value);
	for (polls = 0; polls < 0x10000; polls++) {
		u8 status = inb(0x64);

		if ((status & 0x21) == 0x01) {
			if (inb(0x60) == 0xfa)
				return;
		}
	}
}

/* Show the lock states on the keyboard when they have changed. */
static void update_leds(void)
{
	u8 wanted = bda8(BDA_KBD_FLAGS) >> 4 & 7;

	if ((bda8(BDA_KBD_LEDS) & 7) == wanted || inb(0x64) & 1)
		return;
	bda8(BDA_KBD_LEDS) = (u8)((bda8(BDA_KBD_LEDS) & 0xf8) | wanted);
	kbd_send(0xed);
	kbd_send(wanted);
}

static void reboot(void)
{
	u32 n;

	bda16(BDA_RESET_FLAG) = 0x1234;
	cmos_write(0x0f, 0);
	kbd_wait_input();
	outb(0x64, 0xfe);
	for (n = 0; n < 0x10000; n++)
		continue;
	outb(0xcf9, 0x02);
	outb(0xcf9, 0x06);
	for (;;)
		__asm__ volatile("hlt");
}

/* Modifier and lock keys; returns 1 when the code was one of them. */
static u32 shift_key(u8 code, u32 release, u32 e0)
{
	u8 flags = bda8(BDA_KBD_FLAGS);
	u8 flags2 = bda8(BDA_KBD_FLAGS2);
	u8 mode = bda8(BDA_KBD_MODE);
	u8 bit;

	switch (code) {
	case 0x2a:
	case 0x36:
		if (e0)
			return 1;	/* a fake shift around a grey key */
		bit = code == 0x2a ? LSHIFT : RSHIFT;
		bda8(BDA_KBD_FLAGS) = release ? flags & (u8)~bit : flags | bit;
		return 1;
	case 0x1d:
		if (e0)
			mode = release ? mode & (u8)~RCTRL : mode | RCTRL;
		else
			flags2 = release ? flags2 & (u8)~LCTRL : flags2 | LCTRL;
		flags = (mode & RCTRL || flags2 & LCTRL) ? flags | CTRL : flags & (u8)~CTRL;
		break;
	case 0x38:
		if (e0)
			mode = release ? mode & (u8)~RALT : mode | RALT;
		else
			flags2 = release ? flags2 & (u8)~LALT : flags2 | LALT;
		flags = (mode & RALT || flags2 & LALT) ? flags | ALT : flags & (u8)~ALT;
		break;
	case 0x3a:
	case 0x45:
	case 0x46:
		if (e0 || (flags & CTRL && code != 0x3a))
			return 0;
		bit = code == 0x3a ? CAPS : code == 0x45 ? NUM : SCROLL;
		if (release) {
			flags2 &= (u8)~bit;
		} else if (!(flags2 & bit)) {
			flags2 |= bit;
			flags ^= bit;
		}
		break;
	default:
		return 0;
	}
	bda8(BDA_KBD_FLAGS) = flags;
	bda8(BDA_KBD_FLAGS2) = flags2;
	bda8(BDA_KBD_MODE) = mode;
	/* letting go of Alt delivers the number typed on the keypad */
	if (code == 0x38 && release && !(flags & ALT) && bda8(BDA_KBD_ALTNUM)) {
		buffer_put(bda8(BDA_KBD_ALTNUM));
		bda8(BDA_KBD_ALTNUM) = 0;
	}
	return 1;
}

static u16 pick(const struct key *key, u8 flags)
{
	if (flags & ALT)
		return key->alt;
	if (flags & CTRL)
		return key->ctrl;
	if (flags & (LSHIFT | RSHIFT))
		return key->shift;
	return key->plain;
}

static u16 function_key(u32 number, u8 flags)
{
	/* F1-F10 and F11-F12 in the four states; number 0 is F1 */
	if (number < 10) {
		u32 base = flags & ALT ? 0x68 : flags & CTRL ? 0x5e :
			flags & (LSHIFT | RSHIFT) ? 0x54 : 0x3b;

		return (u16)((base + number) << 8);
	}
	return (u16)(((flags & ALT ? 0x8b : flags & CTRL ? 0x89 :
		       flags & (LSHIFT | RSHIFT) ? 0x87 : 0x85) + number - 10) << 8);
}

static u16 keypad_key(u8 code, u8 flags, u32 e0)
{
	const struct key *key = &keypad[code - 0x47];

	if (e0) {
		if (flags & ALT)
			return key->alt;
		if (flags & CTRL)
			return key->ctrl | 0xe0;
		return (u16)((key->plain & 0xff00) | 0xe0);
	}
	if (flags & ALT) {
		if (code == 0x4a || code == 0x4e)
			return key->alt;
		if (code == 0x53)
			return NONE;
		/* Alt and digits: a character by its number */
		bda8(BDA_KBD_ALTNUM) = (u8)(bda8(BDA_KBD_ALTNUM) * 10 + (key->shift & 0x0f));
		return NONE;
	}
	if (flags & CTRL)
		return key->ctrl;
	if (!(flags & (LSHIFT | RSHIFT)) == !(flags & NUM))
		return key->plain;
	return key->shift;
}

/* Make codes of everything that is not a modifier. */
static u16 translate(u8 code, u32 e0)
{
	u8 flags = bda8(BDA_KBD_FLAGS);
	u16 value;

	if (e0) {
		switch (code) {
		case 0x1c:
			return flags & ALT ? 0xa600 : flags & CTRL ? 0xe00a : 0xe00d;
		case 0x35:
			return flags & ALT ? 0xa400 : flags & CTRL ? 0x9500 : 0xe02f;
		case 0x47: case 0x48: case 0x49: case 0x4b: case 0x4d:
		case 0x4f: case 0x50: case 0x51: case 0x52: case 0x53:
			return keypad_key(code, flags, 1);
		default:
			return NONE;
		}
	}
	if (code >= 0x3b && code <= 0x44)
		return function_key(code - 0x3bu, flags);
	if (code == 0x57 || code == 0x58)
		return function_key(code - 0x57u + 10, flags);
	if (code >= 0x47 && code <= 0x53)
		return keypad_key(code, flags, 0);
	if (code == 0x56)
		return flags & ALT ? NONE : flags & CTRL ? NONE :
			flags & (LSHIFT | RSHIFT) ? 0x567c : 0x565c;
	if (code >= 0x3a)
		return NONE;
	value = pick(&keys[code], flags);
	if (flags & CAPS && !(flags & (ALT | CTRL))) {
		u8 c = (u8)value | 0x20;

		if (c >= 'a' && c <= 'z')
			value ^= 0x20;
	}
	return value;
}

/* Keys that act at once. Returns 1 when the code is used up. */
static u32 special_key(u8 code, u32 e0, u32 e1)
{
	u8 flags = bda8(BDA_KBD_FLAGS);

	if (code == 0x53 && (flags & (CTRL | ALT)) == (CTRL | ALT))
		reboot();
	if (code == 0x46 && flags & CTRL) {
		/* Break: an empty buffer, a code of zero, and the user's INT 1Bh */
		bda8(BDA_BREAK) = 0x80;
		bda16(BDA_KBD_HEAD) = bda16(BDA_KBD_START);
		bda16(BDA_KBD_TAIL) = bda16(BDA_KBD_START);
		irq_on();
		call_vector(0x1b);
		irq_off();
		buffer_put(0x0000);
		return 1;
	}
	if (code == 0x45 && (e1 || flags & CTRL)) {
		bda8(BDA_KBD_FLAGS2) |= PAUSED;
		return 1;
	}
	if (code == 0x37 && (e0 || flags & (LSHIFT | RSHIFT)) && !(flags & (ALT | CTRL))) {
		irq_on();
		call_vector(0x05);
		irq_off();
		return 1;
	}
	if (code == 0x37 && e0 && flags & CTRL) {
		buffer_put(0x7200);
		return 1;
	}
	return 0;
}

static void scancode(u8 raw)
{
	u8 mode = bda8(BDA_KBD_MODE);
	u32 e0 = mode & LAST_E0;
	u32 e1 = mode & LAST_E1;
	u32 release = raw & 0x80;
	u8 code = raw & 0x7f;
	u16 value;

	if (raw == 0xe0) {
		bda8(BDA_KBD_MODE) = mode | LAST_E0 | KBD101;
		return;
	}
	if (raw == 0xe1) {
		bda8(BDA_KBD_MODE) = mode | LAST_E1 | KBD101;
		return;
	}
	if (e1 && code == 0x1d)
		return;		/* the first half of Pause: E1 1D 45 E1 9D C5 */
	bda8(BDA_KBD_MODE) = mode & (u8)~(LAST_E0 | LAST_E1);
	if (!e1 && shift_key(code, release, e0))
		return;
	if (code == 0x54 || (code == 0x37 && e0 && bda8(BDA_KBD_FLAGS) & ALT)) {
		/* SysReq tells INT 15h AH=85h about both ways */
		bda8(BDA_KBD_FLAGS2) = (u8)(release ? bda8(BDA_KBD_FLAGS2) & ~SYSREQ :
					    bda8(BDA_KBD_FLAGS2) | SYSREQ);
		irq_on();
		call_int15_90(release ? 0x8501 : 0x8500);
		irq_off();
		return;
	}
	if (release) {
		if (code == 0x52)
			bda8(BDA_KBD_FLAGS2) &= 0x7f;
		return;
	}
	if (special_key(code, e0, e1))
		return;
	if (bda8(BDA_KBD_FLAGS2) & PAUSED) {
		bda8(BDA_KBD_FLAGS2) &= (u8)~PAUSED;
		return;
	}
	value = translate(code, e0);
	if (value == NONE)
		return;
	if (code == 0x52 && (value & 0xff00) == 0x5200 && (u8)value != '0') {
		if (!(bda8(BDA_KBD_FLAGS2) & 0x80))
			bda8(BDA_KBD_FLAGS) ^= INSERT;
		bda8(BDA_KBD_FLAGS2) |= 0x80;
	}
	if (!buffer_put(value))
		beep();
}

/* IRQ 1 */
void int09(struct regs SS *r)
{
	u32 code;

	(void)r;
	if ((inb(0x64) & 0x21) == 0x01) {
		outb(0x64, 0xad);
		code = call_int15_4f(inb(0x60));
		irq_off();
		kbd_wait_input();
		outb(0x64, 0xae);
		outb(0x20, 0x20);
		if (code < 0x100) {
			scancode((u8)code);
			irq_off();
		}
		update_leds();
	} else {
		outb(0x20, 0x20);
	}
	/* Pause stops the machine here, in the interrupt, until another key */
	while (bda8(BDA_KBD_FLAGS2) & PAUSED) {
		wait_irq();
		irq_off();
	}
}

/* Hide what an 83-key program must not see. Returns NONE for a key to drop. */
static u32 plain_code(u16 code)
{
	u8 low = (u8)code;
	u8 high = (u8)(code >> 8);

	if (high == 0xe0)
		return (low == 0x2f ? 0x3500u : 0x1c00u) | low;
	if (low == 0xe0 && high)
		return code & 0xff00u;
	if (!low && (high >= 0x85 || high == 0x01 || high == 0x0e || high == 0x1c ||
		     (high >= 0x1a && high <= 0x1b) || (high >= 0x27 && high <= 0x29) ||
		     high == 0x2b || (high >= 0x33 && high <= 0x35) || high == 0x37 ||
		     high == 0x4a || high == 0x4e))
		return NONE;
	return code;
}

static void key_read(struct regs SS *r, u32 enhanced)
{
	for (;;) {
		u32 head;
		u32 code;

		irq_off();
		head = bda16(BDA_KBD_HEAD);
		if (head == bda16(BDA_KBD_TAIL)) {
			wait_irq();
			continue;
		}
		code = bda16(head);
		bda16(BDA_KBD_HEAD) = (u16)buffer_next(head);
		code = enhanced ? code : plain_code((u16)code);
		if (code != NONE) {
			r->ax = (u16)code;
			return;
		}
	}
}

static void key_peek(struct regs SS *r, u32 enhanced)
{
	for (;;) {
		u32 head = bda16(BDA_KBD_HEAD);
		u32 code;

		if (head == bda16(BDA_KBD_TAIL)) {
			r->flags |= F_ZF;
			return;
		}
		code = bda16(head);
		code = enhanced ? code : plain_code((u16)code);
		if (code != NONE) {
			r->ax = (u16)code;
			r->flags &= (u16)~F_ZF;
			return;
		}
		bda16(BDA_KBD_HEAD) = (u16)buffer_next(head);
	}
}

void int16(struct regs SS *r)
{
	switch (r->ah) {
	case 0x00:
		key_read(r, 0);
		break;
	case 0x01:
		key_peek(r, 0);
		break;
	case 0x02:
		r->al = bda8(BDA_KBD_FLAGS);
		break;
	case 0x03:
		if (r->al == 5) {
			u8 mask = inb(0x21);

			outb(0x21, mask | 2);
			kbd_send(0xf3);
			kbd_send((u8)((r->bh & 3) << 5 | (r->bl & 0x1f)));
			outb(0x21, mask);
		}
		break;
	case 0x05:
		r->al = buffer_put(r->cx) ? 0 : 1;
		break;
	case 0x09:
		r->al = 0x30;	/* typematic rate can be set; enhanced functions are there */
		break;
	case 0x0a:
		r->bx = 0xab41;
		break;
	case 0x10:
		key_read(r, 1);
		break;
	case 0x11:
		key_peek(r, 1);
		break;
	case 0x12: {
		u8 flags2 = bda8(BDA_KBD_FLAGS2);
		u8 mode = bda8(BDA_KBD_MODE);

		r->al = bda8(BDA_KBD_FLAGS);
		r->ah = (u8)((flags2 & 0x73) | (flags2 & SYSREQ ? 0x80 : 0) | (mode & 0x0c));
		break;
	}
	case 0x92:
		r->ah = 0x80;	/* tells that 10h-12h exist */
		break;
	default:
		break;
	}
}
