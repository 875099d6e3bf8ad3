/* -nic: its words, and what is said about those that are none. */
#include "network_options.h"
#include "nearest.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_MAX = 256 };

struct parser {
	struct nic_option *nic;
	char *problem;
	size_t size;
};

__attribute__((format(printf, 2, 3)))
static bool wrong(const struct parser *p, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(p->problem, p->size, format, list);
	va_end(list);
	return false;
}

/* word is none of words, of which the last is NULL. */
static bool wrong_word(const struct parser *p, const char *word, const char *const *words,
		       const char *why, const char *advice)
{
	struct nearest nearest = { .given = word };

	for (unsigned i = 0; words[i] && *word; i++)
		nearest_offer(&nearest, words[i]);
	if (nearest.word)
		return wrong(p, "%s: %s; did you mean %s?", word, why, nearest.word);
	return wrong(p, "%s: %s; %s", word, why, advice);
}

static bool parse_number(const char *text, unsigned long most, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	*value = strtoul(text, &end, 0);
	return !*end && *value && *value <= most;
}

static bool parse_model(struct parser *p, const char *text)
{
	static const char *const words[] = { "ne2k_isa", "ne2k_pci", NULL };

	if (!strcmp(text, "ne2k_isa"))
		p->nic->model = CBX_CARD_NE2000_ISA;
	else if (!strcmp(text, "ne2k_pci"))
		p->nic->model = CBX_CARD_NE2000_PCI;
	else
		return wrong_word(p, text, words, "no such card", "there is ne2k_isa, and ne2k_pci");
	return true;
}

static bool parse_mac(struct parser *p, const char *text)
{
	uint8_t mac[6];
	const char *at = text;

	for (unsigned i = 0; i < 6; i++) {
		if (!isxdigit((unsigned char)at[0]) || !isxdigit((unsigned char)at[1]) ||
		    at[2] != (i < 5 ? ':' : 0))
			return wrong(p, "%s: not six bytes such as 52:54:00:12:34:57; try that", text);
		mac[i] = (uint8_t)strtoul((char[]){ at[0], at[1], 0 }, NULL, 16);
		at += 3;
	}
	if (mac[0] & 1)
		return wrong(p, "%s: an odd first byte makes it an address of many cards; "
			     "try 52:54:00:12:34:57", text);
	memcpy(p->nic->mac, mac, sizeof(mac));
	return true;
}

/* "ADDR:PORT" or ":PORT"; *address keeps its value if there is none. */
static bool parse_endpoint(const char *text, struct in_addr *address, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	char copy[INET_ADDRSTRLEN] = "";
	unsigned long number;

	if (!colon || (size_t)(colon - text) >= sizeof(copy) ||
	    !parse_number(colon + 1, 65535, &number))
		return false;
	memcpy(copy, text, (size_t)(colon - text));
	if (*copy && inet_pton(AF_INET, copy, address) != 1)
		return false;
	*port = (uint16_t)number;
	return true;
}

/* tcp|udp:[ADDR]:PORT-[ADDR]:PORT */
static bool parse_forward(struct parser *p, const char *text)
{
	struct nic_forward *forward = &p->nic->forward[p->nic->forwards];
	char copy[ITEM_MAX], *dash;

	if (p->nic->forwards == NIC_FORWARDS)
		return wrong(p, "hostfwd=%s: a card has %d of them at most; leave one out", text,
			     NIC_FORWARDS);
	snprintf(copy, sizeof(copy), "%s", text);
	dash = strchr(copy, '-');
	if (dash)
		*dash = 0;
	forward->udp = !strncmp(copy, "udp:", 4);
	forward->host.s_addr = htonl(INADDR_ANY);
	forward->guest.s_addr = htonl(0x0a00020f);      /* what DHCP gives the first guest */
	if (!dash || (!forward->udp && strncmp(copy, "tcp:", 4)) ||
	    !parse_endpoint(copy + 4, &forward->host, &forward->host_port) ||
	    !parse_endpoint(dash + 1, &forward->guest, &forward->guest_port))
		return wrong(p, "hostfwd=%s: not tcp or udp, an address and port of the host, a -, and "
			     "those of the guest; try hostfwd=tcp:127.0.0.1:2222-:22", text);
	p->nic->forwards++;
	return true;
}

static bool parse_address(struct parser *p, const char *key, const char *text)
{
	const char *colon = strrchr(text, ':');
	unsigned long number;

	if (*p->nic->address)
		return wrong(p, "%s=%s: the cable has another end already; leave one out", key, text);
	if (!*text || strlen(text) >= sizeof(p->nic->address))
		return wrong(p, "%s=%s: the address is empty or too long; try %s=/tmp/cable", key, text,
			     key);
	if (!strchr(text, '/') && (!colon || !parse_number(colon + 1, 65535, &number)))
		return wrong(p, "%s=%s: neither a path with a / nor HOST:PORT; try %s=/tmp/cable, or "
			     "%s=127.0.0.1:4444", key, text, key, key);
	p->nic->listen = !strcmp(key, "listen");
	strcpy(p->nic->address, text);
	return true;
}

static bool parse_item(struct parser *p, const char *key, const char *value)
{
	static const char *const words[] = { "model", "mac", "iobase", "irq", "capture", "hostfwd",
					     "listen", "connect", NULL };
	unsigned long number;

	if (!strcmp(key, "model"))
		return parse_model(p, value);
	if (!strcmp(key, "mac"))
		return parse_mac(p, value);
	if (!strcmp(key, "iobase")) {
		if (!parse_number(value, 0xffe0, &number) || number % 32)
			return wrong(p, "iobase=%s: it takes 32 ports from a multiple of 32; "
				     "try iobase=0x300", value);
		p->nic->port = (uint16_t)number;
		return true;
	}
	if (!strcmp(key, "irq")) {
		if (!parse_number(value, 15, &number) || number < 3)
			return wrong(p, "irq=%s: a card has one of 3 to 15; try irq=5", value);
		p->nic->irq = (uint8_t)number;
		return true;
	}
	if (!strcmp(key, "capture")) {
		if (!*value)
			return wrong(p, "capture=: there is no name; try capture=net.pcap");
		snprintf(p->nic->capture, sizeof(p->nic->capture), "%s", value);
		return true;
	}
	if (!strcmp(key, "hostfwd") && p->nic->kind == NIC_USER)
		return parse_forward(p, value);
	if ((!strcmp(key, "listen") || !strcmp(key, "connect")) && p->nic->kind == NIC_SOCKET)
		return parse_address(p, key, value);
	for (unsigned i = 0; words[i]; i++)
		if (!strcmp(key, words[i]))
			return wrong(p, "%s: %s has no such thing; try %s", key,
				     p->nic->kind == NIC_USER ? "user" : "socket",
				     p->nic->kind == NIC_USER ? "-nic socket" : "-nic user");
	return wrong_word(p, key, words, "a card has no such thing",
			  "there is model=, mac=, iobase=, irq=, capture=, hostfwd=, listen= and connect=");
}

static bool parse_kind(struct parser *p, const char *word)
{
	static const char *const words[] = { "user", "none", "socket", NULL };

	if (!strcmp(word, "none")) {
		p->nic->kind = NIC_NONE;
	} else if (!strcmp(word, "user")) {
#ifndef HAVE_SLIRP
		return wrong(p, "this clearbox was built without libslirp; install libslirp-dev and build "
			     "it again, or try -nic socket");
#endif
		p->nic->kind = NIC_USER;
	} else if (!strcmp(word, "socket")) {
		p->nic->kind = NIC_SOCKET;
	} else {
		return wrong_word(p, word, words, "no such network", "there is user, socket, and none");
	}
	return true;
}

bool nic_option_parse(struct nic_option *nic, const char *value, char *problem, size_t size)
{
	struct parser p = { .nic = nic, .problem = problem, .size = size };

	memset(nic, 0, sizeof(*nic));
	nic->model = CBX_CARD_NE2000_PCI;
	for (bool first = true; first || *value; first = false) {
		size_t length = strcspn(value, ",");
		char item[ITEM_MAX], *equals;

		if (length >= sizeof(item))
			return wrong(&p, "a part of it is longer than %d characters; shorten it",
				     ITEM_MAX - 1);
		memcpy(item, value, length);
		item[length] = 0;
		value += length + (value[length] == ',');
		if (first) {
			if (!parse_kind(&p, item))
				return false;
			continue;
		}
		equals = strchr(item, '=');
		if (equals)
			*equals = 0;
		if (nic->kind == NIC_NONE)
			return wrong(&p, "%s: none is no card that could have it; try -nic user", item);
		if (!parse_item(&p, item, equals ? equals + 1 : ""))
			return false;
	}
	if (nic->model != CBX_CARD_NE2000_ISA && (nic->port || nic->irq))
		return wrong(&p, "iobase and irq are set for ISA cards only; try model=ne2k_isa");
	if (nic->kind == NIC_SOCKET && !*nic->address)
		return wrong(&p, "a cable needs its other end; try listen=/tmp/cable here, and "
			     "connect=/tmp/cable there");
	return true;
}
