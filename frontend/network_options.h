/* -nic: a network card and what its cable leads to. */
#ifndef FRONTEND_NETWORK_OPTIONS_H
#define FRONTEND_NETWORK_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clearbox/pc.h>

enum { NIC_FORWARDS = 16 };

/* A port of the host that leads to one of the guest. */
struct nic_forward {
	bool udp;
	struct in_addr host, guest;
	uint16_t host_port, guest_port;
};

struct nic_option {
	enum { NIC_NONE, NIC_USER, NIC_SOCKET } kind;
	enum cbx_card_kind model;
	uint16_t port;                  /* ISA; 0: the default */
	uint8_t irq;
	uint8_t mac[6];                 /* all 0: the default */
	char capture[256];              /* "": none */
	struct nic_forward forward[NIC_FORWARDS];
	unsigned forwards;
	bool listen;                    /* SOCKET: wait for the other end; else go to it */
	char address[108];              /* SOCKET: a path if it has a /, else HOST:PORT or :PORT */
};

/* Says in problem what is wrong, why, and what to try, if it returns false. */
bool nic_option_parse(struct nic_option *nic, const char *value, char *problem, size_t size);

#endif
