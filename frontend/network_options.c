/* -nic: its words, and what is said about those that are none.  QEMU's spellings. */
#include "network_options.h"
#include "nearest.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct nic_option *nic;
	char *problem;
	size_t size;
};

struct item {
	const char *key;
	unsigned kinds;                 /* bits 1 << enum nic_kind: whose it is */
	bool (*parse)(struct parser *p, const char *key, const char *value);
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

/* ---- Values ------------------------------------------------- */

static bool parse_number(const char *text, unsigned long most, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	*value = strtoul(text, &end, 0);
	return !*end && *value && *value <= most;
}

static bool take_text(struct parser *p, const char *key, const char *value, char *to, size_t size,
		      const char *example)
{
	if (!*value)
		return wrong(p, "%s=: there is nothing after it; try %s=%s", key, key, example);
	if (strlen(value) >= size)
		return wrong(p, "%s=%s: it is longer than %zu characters; shorten it", key, value,
			     size - 1);
	strcpy(to, value);
	return true;
}

static bool parse_model(struct parser *p, const char *key, const char *text)
{
	static const char *const words[] = { "ne2k_isa", "ne2k_pci", NULL };

	(void)key;
	if (!strcmp(text, "ne2k_isa"))
		p->nic->model = CBX_CARD_NE2000_ISA;
	else if (!strcmp(text, "ne2k_pci"))
		p->nic->model = CBX_CARD_NE2000_PCI;
	else
		return wrong_word(p, text, words, "no such card", "there is ne2k_isa, and ne2k_pci");
	return true;
}

static bool parse_mac(struct parser *p, const char *key, const char *text)
{
	uint8_t mac[6];
	const char *at = text;

	(void)key;
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

static bool parse_iobase(struct parser *p, const char *key, const char *value)
{
	unsigned long number;

	(void)key;
	if (!parse_number(value, 0xffe0, &number) || number % 32)
		return wrong(p, "iobase=%s: it takes 32 ports from a multiple of 32; try iobase=0x300",
			     value);
	p->nic->port = (uint16_t)number;
	return true;
}

static bool parse_irq(struct parser *p, const char *key, const char *value)
{
	unsigned long number;

	(void)key;
	if (!parse_number(value, 15, &number) || number < 3)
		return wrong(p, "irq=%s: a card has one of 3 to 15; try irq=5", value);
	p->nic->irq = (uint8_t)number;
	return true;
}

static bool parse_capture(struct parser *p, const char *key, const char *value)
{
	return take_text(p, key, value, p->nic->capture, sizeof(p->nic->capture), "net.pcap");
}

static bool parse_rom(struct parser *p, const char *key, const char *value)
{
	return take_text(p, key, value, p->nic->rom, sizeof(p->nic->rom),
			 "/usr/lib/ipxe/qemu/pxe-ne2k_pci.rom");
}

/* ---- user ------------------------------------------------- */

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

/* [tcp|udp]:[ADDR]:PORT-[ADDR]:PORT */
static bool parse_forward(struct parser *p, const char *key, const char *text)
{
	struct nic_user *user = &p->nic->user;
	struct nic_forward *forward = &user->forward[user->forwards];
	char copy[NIC_TEXT], *dash;
	const char *host;

	(void)key;
	if (user->forwards == NIC_FORWARDS)
		return wrong(p, "hostfwd=%s: a card has %d of them at most; leave one out", text,
			     NIC_FORWARDS);
	snprintf(copy, sizeof(copy), "%s", text);
	dash = strchr(copy, '-');
	if (dash)
		*dash = 0;
	forward->udp = !strncmp(copy, "udp:", 4);
	host = *copy == ':' ? copy + 1 : copy + 4;      /* without a word it is TCP */
	if (!dash || (!forward->udp && *copy != ':' && strncmp(copy, "tcp:", 4)) ||
	    !parse_endpoint(host, &forward->host, &forward->host_port) ||
	    !parse_endpoint(dash + 1, &forward->guest, &forward->guest_port))
		return wrong(p, "hostfwd=%s: not tcp or udp, an address and port of the host, a -, and "
			     "those of the guest; try hostfwd=tcp:127.0.0.1:2222-:22", text);
	user->forwards++;
	return true;
}

static bool parse_ipv4(struct parser *p, const char *key, const char *value, const char *example,
		       struct in_addr *address)
{
	if (inet_pton(AF_INET, value, address) == 1 && address->s_addr)
		return true;
	return wrong(p, "%s=%s: not an IPv4 address; try %s=%s", key, value, key, example);
}

/* ADDR/BITS, ADDR/MASK, or an address of one of the old classes */
static bool parse_net(struct parser *p, const char *key, const char *value)
{
	struct nic_user *user = &p->nic->user;
	char copy[2 * INET_ADDRSTRLEN], *slash;
	unsigned long bits = 0;
	uint32_t mask = 0;
	struct in_addr dotted = { 0 };

	if (strlen(value) >= sizeof(copy))
		return wrong(p, "%s=%s: too long for an address; try net=10.0.2.0/24", key, value);
	strcpy(copy, value);
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = 0;
	if (!parse_ipv4(p, key, copy, "10.0.2.0/24", &user->net))
		return false;
	if (!slash)
		bits = copy[0] && ntohl(user->net.s_addr) >> 31 == 0 ? 8 :
		       ntohl(user->net.s_addr) >> 30 == 2 ? 16 : 24;
	else if (strchr(slash, '.') && inet_pton(AF_INET, slash, &dotted) == 1)
		mask = ntohl(dotted.s_addr);
	else if (!parse_number(slash, 32, &bits))
		bits = 0;
	if (bits)
		mask = UINT32_MAX << (32 - bits);
	/* Gateway, name server and guests need addresses of their own. */
	if (mask & 0x0f || !mask || (~mask & (~mask + 1)))
		return wrong(p, "%s=%s: not a network with room for at least fifteen addresses; "
			     "try net=10.0.2.0/24", key, value);
	user->mask.s_addr = htonl(mask);
	user->net.s_addr &= user->mask.s_addr;
	return true;
}

static bool parse_host(struct parser *p, const char *key, const char *value)
{
	return parse_ipv4(p, key, value, "10.0.2.2", &p->nic->user.host);
}

static bool parse_dns(struct parser *p, const char *key, const char *value)
{
	return parse_ipv4(p, key, value, "10.0.2.3", &p->nic->user.dns);
}

static bool parse_first(struct parser *p, const char *key, const char *value)
{
	return parse_ipv4(p, key, value, "10.0.2.15", &p->nic->user.first);
}

static bool parse_tftp(struct parser *p, const char *key, const char *value)
{
	return take_text(p, key, value, p->nic->user.tftp, NIC_TEXT, "/srv/tftp");
}

static bool parse_bootfile(struct parser *p, const char *key, const char *value)
{
	/* what a DHCP packet has room for (RFC 2131) */
	return take_text(p, key, value, p->nic->user.bootfile, 128, "pxelinux.0");
}

static bool parse_hostname(struct parser *p, const char *key, const char *value)
{
	return take_text(p, key, value, p->nic->user.hostname, 34, "pc");
}

static bool parse_server_name(struct parser *p, const char *key, const char *value)
{
	return take_text(p, key, value, p->nic->user.server_name, 64, "10.0.2.2");
}

static bool parse_domain(struct parser *p, const char *key, const char *value)
{
	return take_text(p, key, value, p->nic->user.domain, NIC_TEXT, "example.org");
}

static bool parse_switch(struct parser *p, const char *key, const char *value, bool *on)
{
	*on = !strcmp(value, "on") || !strcmp(value, "y") || !strcmp(value, "yes");
	if (*on || !strcmp(value, "off") || !strcmp(value, "n") || !strcmp(value, "no"))
		return true;
	return wrong(p, "%s=%s: it is on or off; try %s=on", key, value, key);
}

static bool parse_restrict(struct parser *p, const char *key, const char *value)
{
	return parse_switch(p, key, value, &p->nic->user.restricted);
}

static bool parse_ipv6(struct parser *p, const char *key, const char *value)
{
	bool on;

	if (!parse_switch(p, key, value, &on))
		return false;
	p->nic->user.no_ipv6 = !on;
	return true;
}

static bool is_in(const struct nic_user *user, struct in_addr address)
{
	return !address.s_addr || (address.s_addr & user->mask.s_addr) == user->net.s_addr;
}

/* What was not said, and whether all of that goes together. */
static bool finish_user(struct parser *p)
{
	struct nic_user *user = &p->nic->user;
	uint32_t net;

	if (!user->mask.s_addr) {
		user->net.s_addr = htonl(0x0a000200);
		user->mask.s_addr = htonl(0xffffff00);
	}
	net = ntohl(user->net.s_addr);
	if (!user->host.s_addr)
		user->host.s_addr = htonl(net | 2);
	if (!user->dns.s_addr)
		user->dns.s_addr = htonl(net | 3);
	if (!user->first.s_addr)
		user->first.s_addr = htonl(net | 15);
	if (!is_in(user, user->host) || !is_in(user, user->dns) || !is_in(user, user->first))
		return wrong(p, "host, dns and dhcpstart are addresses inside net; leave them out or "
			     "set net=, too");
	if (user->host.s_addr == user->dns.s_addr || user->host.s_addr == user->first.s_addr ||
	    user->dns.s_addr == user->first.s_addr)
		return wrong(p, "host, dns and dhcpstart are three addresses; leave one out");
	if (*user->bootfile && !*user->tftp && !*user->server_name && !strstr(user->bootfile, "://"))
		return wrong(p, "bootfile=%s: there is no server that has it; add tftp=FOLDER",
			     user->bootfile);
	return true;
}

/* ---- socket ------------------------------------------------- */

static bool is_address(const char *text, bool path)
{
	const char *colon = strrchr(text, ':');
	unsigned long number;

	return (path && strchr(text, '/')) || (colon && parse_number(colon + 1, 65535, &number));
}

static bool parse_address(struct parser *p, const char *key, const char *text)
{
	if (*p->nic->address)
		return wrong(p, "%s=%s: the cable has another end already; leave one out", key, text);
	if (!*text || strlen(text) >= sizeof(p->nic->address))
		return wrong(p, "%s=%s: the address is empty or too long; try %s=/tmp/cable", key, text,
			     key);
	if (!is_address(text, true))
		return wrong(p, "%s=%s: neither a path with a / nor HOST:PORT; try %s=/tmp/cable, or "
			     "%s=127.0.0.1:4444", key, text, key, key);
	p->nic->listen = !strcmp(key, "listen");
	strcpy(p->nic->address, text);
	return true;
}

static bool parse_udp(struct parser *p, const char *key, const char *text)
{
	bool other = !strcmp(key, "udp");
	char *to = other ? p->nic->address : p->nic->local;

	if (*to)
		return wrong(p, "%s=%s: the cable has that end already; leave one out", key, text);
	if (strlen(text) >= sizeof(p->nic->address) || !is_address(text, false))
		return wrong(p, "%s=%s: not HOST:PORT; try %s=127.0.0.1:4444", key, text, key);
	p->nic->udp = p->nic->udp || other;
	strcpy(to, text);
	return true;
}

static bool finish_socket(struct parser *p)
{
	const struct nic_option *nic = p->nic;

	if (!*nic->address)
		return wrong(p, "a cable needs its other end; try listen=/tmp/cable here, and "
			     "connect=/tmp/cable there");
	if (nic->udp != (*nic->local != 0))
		return wrong(p, "udp and localaddr go together, and with nothing else; try "
			     "udp=127.0.0.1:4445,localaddr=127.0.0.1:4444");
	return true;
}

/* ---- tap ------------------------------------------------- */

static bool parse_interface(struct parser *p, const char *key, const char *value)
{
	if (strchr(value, '/') || strchr(value, '%') || strlen(value) >= sizeof(p->nic->interface))
		return wrong(p, "%s=%s: not the name of an interface, at most 15 characters; "
			     "try %s=tap0", key, value, key);
	return take_text(p, key, value, p->nic->interface, sizeof(p->nic->interface), "tap0");
}

static bool parse_script(struct parser *p, const char *key, const char *value)
{
	if (!strcmp(value, "no"))
		return true;
	return wrong(p, "%s=%s: no script is run; set the interface up before, and leave it out", key,
		     value);
}

/* ---- The words ------------------------------------------------- */

enum { USER = 1 << NIC_USER, SOCKET = 1 << NIC_SOCKET, TAP = 1 << NIC_TAP, ALL = USER | SOCKET | TAP };

static const struct item items[] = {
	{ "model", ALL, parse_model },
	{ "mac", ALL, parse_mac },
	{ "iobase", ALL, parse_iobase },
	{ "irq", ALL, parse_irq },
	{ "capture", ALL, parse_capture },
	{ "romfile", ALL, parse_rom },
	{ "hostfwd", USER, parse_forward },
	{ "net", USER, parse_net },
	{ "host", USER, parse_host },
	{ "dns", USER, parse_dns },
	{ "dhcpstart", USER, parse_first },
	{ "tftp", USER, parse_tftp },
	{ "bootfile", USER, parse_bootfile },
	{ "hostname", USER, parse_hostname },
	{ "tftp-server-name", USER, parse_server_name },
	{ "domainname", USER, parse_domain },
	{ "restrict", USER, parse_restrict },
	{ "ipv6", USER, parse_ipv6 },
	{ "listen", SOCKET, parse_address },
	{ "connect", SOCKET, parse_address },
	{ "udp", SOCKET, parse_udp },
	{ "localaddr", SOCKET, parse_udp },
	{ "ifname", TAP, parse_interface },
	{ "script", TAP, parse_script },
	{ "downscript", TAP, parse_script },
};

enum { ITEMS = sizeof(items) / sizeof(items[0]) };

static const char *const kind_names[] = { "none", "user", "socket", "tap", NULL };

static bool parse_item(struct parser *p, const char *key, const char *value)
{
	struct nearest nearest = { .given = key };
	unsigned kind = p->nic->kind, other = 0;

	for (unsigned i = 0; i < ITEMS; i++) {
		if (*key && items[i].kinds >> kind & 1)
			nearest_offer(&nearest, items[i].key);
		if (strcmp(key, items[i].key))
			continue;
		if (items[i].kinds >> kind & 1)
			return items[i].parse(p, key, value);
		while (!(items[i].kinds >> other & 1))
			other++;
		return wrong(p, "%s: %s has no such thing; try -nic %s", key, kind_names[kind],
			     kind_names[other]);
	}
	if (nearest.word)
		return wrong(p, "%s: a card has no such thing; did you mean %s?", key, nearest.word);
	return wrong(p, "%s: a card has no such thing; -help lists what it has, such as model=, mac= "
		     "and capture=", key);
}

static bool parse_kind(struct parser *p, const char *word)
{
	unsigned kind = NIC_NONE;

	while (kind_names[kind] && strcmp(word, kind_names[kind]))
		kind++;
	if (!kind_names[kind])
		return wrong_word(p, word, kind_names, "no such network",
				  "there is user, tap, socket, and none");
#ifndef HAVE_SLIRP
	if (kind == NIC_USER)
		return wrong(p, "this clearbox was built without libslirp; install libslirp-dev and build "
			     "it again, or try -nic socket");
#endif
#ifndef HAVE_TAP
	if (kind == NIC_TAP)
		return wrong(p, "this clearbox was built for a system without such devices; try -nic user");
#endif
	p->nic->kind = (enum nic_kind)kind;
	return true;
}

static bool finish(struct parser *p)
{
	const struct nic_option *nic = p->nic;

	if (nic->model != CBX_CARD_NE2000_ISA && (nic->port || nic->irq))
		return wrong(p, "iobase and irq are set for ISA cards only; try model=ne2k_isa");
	if (nic->model == CBX_CARD_NE2000_ISA && *nic->rom)
		return wrong(p, "romfile=%s: only PCI cards have their ROM with them; try -optionrom %s",
			     nic->rom, nic->rom);
	if (nic->kind == NIC_USER)
		return finish_user(p);
	return nic->kind != NIC_SOCKET || finish_socket(p);
}

bool nic_option_parse(struct nic_option *nic, const char *value, char *problem, size_t size)
{
	struct parser p = { .nic = nic, .problem = problem, .size = size };

	memset(nic, 0, sizeof(*nic));
	nic->model = CBX_CARD_NE2000_PCI;
	for (bool first = true; first || *value; first = false) {
		size_t length = strcspn(value, ",");
		char item[NIC_TEXT], *equals;

		if (length >= sizeof(item))
			return wrong(&p, "a part of it is longer than %d characters; shorten it",
				     NIC_TEXT - 1);
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
	return finish(&p);
}
