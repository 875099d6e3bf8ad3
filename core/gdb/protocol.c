/*
 * Frames of the remote serial protocol: $ packet # two digits of checksum, acknowledged by + or asked for
 * again by - unless both sides said that they need not; byte 03h between packets interrupts.
 */
#include "gdb.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

/* ---- Packets that go out ------------------------------------------------------------------- */

void gdb_reply_begin(struct cbx_gdb *gdb)
{
	gdb->out_count = 0;
	gdb->out_overflow = false;
}

void gdb_put(struct cbx_gdb *gdb, char c)
{
	if (gdb->out_count == GDB_PACKET_MOST)
		gdb->out_overflow = true;
	else
		gdb->out[1 + gdb->out_count++] = (uint8_t)c;
}

void gdb_put_text(struct cbx_gdb *gdb, const char *text)
{
	while (*text)
		gdb_put(gdb, *text++);
}

void gdb_put_number(struct cbx_gdb *gdb, uint64_t value)
{
	unsigned shift = 60;

	while (shift && !(value >> shift))
		shift -= 4;
	for (;; shift -= 4) {
		gdb_put(gdb, digits[value >> shift & 15]);
		if (!shift)
			break;
	}
}

void gdb_put_hex(struct cbx_gdb *gdb, const void *bytes, size_t count)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < count; i++) {
		gdb_put(gdb, digits[b[i] >> 4]);
		gdb_put(gdb, digits[b[i] & 15]);
	}
}

void gdb_put_binary(struct cbx_gdb *gdb, uint8_t byte)
{
	if (byte == '#' || byte == '$' || byte == '}' || byte == '*') {
		gdb_put(gdb, '}');
		byte ^= 0x20;
	}
	gdb_put(gdb, (char)byte);
}

/* ---- Texts ---------------------------------------------------------------------------------- */

void gdb_text_add(struct gdb_text *text, const char *more)
{
	while (*more && text->count + 1 < sizeof(text->text))
		text->text[text->count++] = *more++;
	text->text[text->count] = 0;
}

void gdb_text_number(struct gdb_text *text, uint64_t value, unsigned base, unsigned least)
{
	char number[24];
	size_t at = sizeof(number) - 1;

	number[at] = 0;
	do {
		number[--at] = digits[value % base];
		value /= base;
	} while (value || at > sizeof(number) - 1 - least);
	gdb_text_add(text, number + at);
}

/* ---- Sending -------------------------------------------------------------------------------- */

static void send(struct cbx_gdb *gdb, const void *bytes, size_t count)
{
	if (gdb->options.send)
		gdb->options.send(gdb->options.user, bytes, count);
}

void gdb_reply_end(struct cbx_gdb *gdb)
{
	uint8_t sum = 0;

	if (gdb->out_overflow) {
		gdb_reply(gdb, "E07");
		return;
	}
	gdb->out[0] = '$';
	for (size_t i = 0; i < gdb->out_count; i++)
		sum = (uint8_t)(sum + gdb->out[1 + i]);
	gdb->out[1 + gdb->out_count] = '#';
	gdb->out[2 + gdb->out_count] = (uint8_t)digits[sum >> 4];
	gdb->out[3 + gdb->out_count] = (uint8_t)digits[sum & 15];
	gdb->sent_count = gdb->out_count + 4;
	send(gdb, gdb->out, gdb->sent_count);
}

void gdb_reply(struct cbx_gdb *gdb, const char *text)
{
	gdb_reply_begin(gdb);
	gdb_put_text(gdb, text);
	gdb_reply_end(gdb);
}

void gdb_console(struct cbx_gdb *gdb, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t count = left < 1024 ? left : 1024;

		gdb_reply_begin(gdb);
		gdb_put(gdb, 'O');
		gdb_put_hex(gdb, text, count);
		gdb_reply_end(gdb);
		text += count;
		left -= count;
	}
}

/* ---- In ------------------------------------------------------------------------------------- */

static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool take(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != (uint8_t)wanted)
		return false;
	c->at++;
	return true;
}

bool take_word(struct cursor *c, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length))
		return false;
	c->at += length;
	return true;
}

bool take_number(struct cursor *c, uint64_t *value)
{
	const uint8_t *first = c->at;

	*value = 0;
	for (; c->at != c->end && digit_of(*c->at) >= 0; c->at++) {
		if (*value >> 60)
			return false;
		*value = *value << 4 | (unsigned)digit_of(*c->at);
	}
	return c->at != first;
}

bool take_byte(struct cursor *c, uint8_t *byte)
{
	if (c->end - c->at < 2 || digit_of(c->at[0]) < 0 || digit_of(c->at[1]) < 0)
		return false;
	*byte = (uint8_t)(digit_of(c->at[0]) << 4 | digit_of(c->at[1]));
	c->at += 2;
	return true;
}

static void frame_begin(struct cbx_gdb *gdb)
{
	gdb->frame = FRAME_BODY;
	gdb->in_count = 0;
	gdb->sum = 0;
	gdb->too_long = false;
}

static void frame_put(struct cbx_gdb *gdb, uint8_t byte)
{
	if (gdb->in_count == GDB_PACKET_MOST)
		gdb->too_long = true;
	else
		gdb->in[gdb->in_count++] = byte;
}

static void frame_end(struct cbx_gdb *gdb, bool good)
{
	gdb->frame = FRAME_NONE;
	if (!gdb->no_ack) {
		good = good && gdb->sum == gdb->sent_sum;
		send(gdb, good ? "+" : "-", 1);
		if (!good)
			return;
	}
	gdb->in[gdb->in_count] = 0;
	if (gdb->too_long)
		gdb_reply(gdb, "E07");
	else
		gdb_packet(gdb);
}

static void between_frames(struct cbx_gdb *gdb, uint8_t byte)
{
	switch (byte) {
	case '$':
		frame_begin(gdb);
		break;
	case '-':
		if (!gdb->no_ack && gdb->sent_count)
			send(gdb, gdb->out, gdb->sent_count);
		break;
	case 3:
		cbx_gdb_interrupt(gdb);
		break;
	default:
		break;
	}
}

static void receive_byte(struct cbx_gdb *gdb, uint8_t byte)
{
	int digit = digit_of(byte);

	switch (gdb->frame) {
	case FRAME_NONE:
		between_frames(gdb, byte);
		break;
	case FRAME_BODY:
		if (byte == '#') {
			gdb->frame = FRAME_SUM_HIGH;
			break;
		}
		if (byte == '$') {
			frame_begin(gdb);
			break;
		}
		gdb->sum = (uint8_t)(gdb->sum + byte);
		if (byte == '}')
			gdb->frame = FRAME_ESCAPED;
		else
			frame_put(gdb, byte);
		break;
	case FRAME_ESCAPED:
		gdb->sum = (uint8_t)(gdb->sum + byte);
		frame_put(gdb, byte ^ 0x20);
		gdb->frame = FRAME_BODY;
		break;
	case FRAME_SUM_HIGH:
		if (digit < 0) {
			frame_end(gdb, false);
			break;
		}
		gdb->sent_sum = (uint8_t)(digit << 4);
		gdb->frame = FRAME_SUM_LOW;
		break;
	case FRAME_SUM_LOW:
		gdb->sent_sum |= (uint8_t)(digit & 15);
		frame_end(gdb, digit >= 0);
		break;
	}
}

void cbx_gdb_receive(struct cbx_gdb *gdb, const void *bytes, size_t count)
{
	const uint8_t *b = bytes;

	if (!gdb || !bytes)
		return;
	for (size_t i = 0; i < count; i++)
		if (gdb->state == CBX_GDB_RUNNING || gdb->state == CBX_GDB_STOPPED)
			receive_byte(gdb, b[i]);
}
