/*
 * IPv4 fragments put together again (RFC 791), for libslirp: versions that are in use write where they
 * must not when a hostile guest sends strange ones.  A guest's fragments come over no network that
 * could change their order, so one that does not follow the last ends its packet.
 */
#include "network_whole.h"

#include <string.h>

enum { ETHERNET = 14, HEADER = 20, MORE = 0x20, OFFSET_HIGH = 0x1f };

static unsigned word(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static void set_word(uint8_t *bytes, unsigned value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static void set_checksum(uint8_t *header, size_t bytes)
{
	uint32_t sum = 0;

	set_word(header + 10, 0);
	for (size_t n = 0; n < bytes; n += 2)
		sum += word(header + n);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	set_word(header + 10, ~sum & 0xffff);
}

/* Identification, protocol and addresses say which packet a fragment is of. */
static struct whole_packet *find(struct whole *whole, const uint8_t *ip)
{
	for (unsigned n = 0; n < WHOLE_PACKETS; n++) {
		struct whole_packet *packet = &whole->packets[n];
		const uint8_t *other = packet->frame + ETHERNET;

		if (packet->count && !memcmp(other + 4, ip + 4, 2) && other[9] == ip[9] &&
		    !memcmp(other + 12, ip + 12, 8))
			return packet;
	}
	return NULL;
}

const uint8_t *whole_take(struct whole *whole, const uint8_t *frame, size_t *count)
{
	const uint8_t *ip = frame + ETHERNET;
	struct whole_packet *packet;
	size_t header, length, at, data;

	if (*count < ETHERNET || word(frame + 12) != 0x0800)
		return frame;
	if (*count < ETHERNET + HEADER || ip[0] >> 4 != 4)
		return NULL;
	header = (size_t)(ip[0] & 0x0f) * 4;
	length = word(ip + 2);
	if (header < HEADER || length < header || length > *count - ETHERNET)
		return NULL;
	if (!(word(ip + 6) & (MORE << 8 | OFFSET_HIGH << 8 | 0xff)))
		return frame;
	at = (size_t)(word(ip + 6) & (OFFSET_HIGH << 8 | 0xff)) * 8;
	data = length - header;
	packet = find(whole, ip);
	if (!at) {
		if (!packet)
			packet = &whole->packets[whole->next++ % WHOLE_PACKETS];
		packet->count = ETHERNET + header;
		memcpy(packet->frame, frame, packet->count);
	}
	if (!packet)
		return NULL;
	header = (size_t)(packet->frame[ETHERNET] & 0x0f) * 4;
	if (packet->count != ETHERNET + header + at || data > WHOLE_MOST - packet->count) {
		packet->count = 0;
		return NULL;
	}
	memcpy(packet->frame + packet->count, ip + (length - data), data);
	packet->count += data;
	if (ip[6] & MORE)
		return NULL;
	*count = packet->count;
	set_word(packet->frame + ETHERNET + 2, (unsigned)(packet->count - ETHERNET));
	set_word(packet->frame + ETHERNET + 6, 0);
	set_checksum(packet->frame + ETHERNET, header);
	packet->count = 0;
	return packet->frame;
}
