/* -nic: a network card and what its cable leads to. */
#ifndef FRONTEND_NETWORK_OPTIONS_H
#define FRONTEND_NETWORK_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clearbox/pc.h>

enum { NIC_FORWARDS = 16, NIC_TEXT = 256 };

enum nic_kind { NIC_NONE, NIC_USER, NIC_SOCKET, NIC_TAP };

/* A port of the host that leads to one of the guest. */
struct nic_forward {
	bool udp;
	struct in_addr host, guest;     /* guest 0: the first that DHCP gives out */
	uint16_t host_port, guest_port;
};

/* USER: an address of 0 is the usual one of the network. */
struct nic_user {
	struct in_addr net, mask, host, dns, first;
	char tftp[NIC_TEXT], bootfile[NIC_TEXT], hostname[NIC_TEXT], server_name[NIC_TEXT];
	char domain[NIC_TEXT];
	bool restricted, no_ipv6;
	struct nic_forward forward[NIC_FORWARDS];
	unsigned forwards;
};

struct nic_option {
	enum nic_kind kind;
	enum cbx_card_kind model;
	uint16_t port;                  /* ISA; 0: the default */
	uint8_t irq;
	uint8_t mac[6];                 /* all 0: the default */
	char capture[NIC_TEXT];         /* "": none */
	char rom[NIC_TEXT];             /* "": none */
	struct nic_user user;
	bool listen;                    /* SOCKET: wait for the other end; else go to it */
	bool udp;                       /* SOCKET: datagrams between local and address */
	char address[108];              /* SOCKET: a path if it has a /, else HOST:PORT or :PORT */
	char local[108];
	char interface[16];             /* TAP; "": the system names one */
};

/* Says in problem what is wrong, why, and what to try, if it returns false. */
bool nic_option_parse(struct nic_option *nic, const char *value, char *problem, size_t size);

#endif
