/*
 * The DP8390 network interface controller with 16 KiB of buffer memory and a station address
 * PROM: what the NE2000 (ISA) and the RTL8029 (PCI) are made of.
 */
#ifndef DEVICES_DP8390_H
#define DEVICES_DP8390_H

#include <clearbox/backend.h>
#include <clearbox/device.h>

enum { DP8390_MEMORY = 0x4000, DP8390_PORTS = 32 };

struct dp8390_state {
	uint8_t cr, isr, imr, dcr, tcr, rcr, tsr, rsr;
	uint8_t pstart, pstop, bnry, curr, tpsr, ncr;
	uint8_t tally[3];               /* alignment, CRC and missed-packet errors */
	uint8_t transmitting;
	uint16_t tbcr, rsar, rbcr;      /* RSAR and RBCR count as remote DMA goes on */
	uint8_t par[6], mar[8];
	uint8_t fifo[8];
	uint8_t memory[DP8390_MEMORY];
};

struct dp8390 {
	struct dp8390_state state;
	struct cbx_device *device;
	struct cbx_network_backend wire;
	struct cbx_timer *timer;
	void (*set_irq)(struct cbx_device *device, bool level);
	uint8_t prom[32];
	bool realtek;                   /* an RTL8029 tells its name on page 0 */
};

extern const struct cbx_field dp8390_fields[];

/* timer calls dp8390_transmitted. */
void dp8390_setup(struct dp8390 *nic, struct cbx_device *device, const uint8_t mac[6],
		  const struct cbx_network_backend *wire, struct cbx_timer *timer,
		  void (*set_irq)(struct cbx_device *device, bool level));
void dp8390_reset(struct dp8390 *nic);
bool dp8390_check(const struct dp8390_state *state);
/* offset: 0-0Fh registers, 10h-17h data, 18h-1Fh reset. */
uint64_t dp8390_read(struct dp8390 *nic, unsigned offset, unsigned width);
void dp8390_write(struct dp8390 *nic, unsigned offset, uint32_t value, unsigned width);
/* Those of struct cbx_io. */
size_t dp8390_read_many(struct dp8390 *nic, unsigned offset, unsigned width, void *bytes, size_t count);
size_t dp8390_write_many(struct dp8390 *nic, unsigned offset, unsigned width, const void *bytes, size_t count);
void dp8390_transmitted(struct dp8390 *nic);
/* A frame without its CRC.  False: nobody listens, or there is no room. */
bool dp8390_receive(struct dp8390 *nic, const uint8_t *frame, size_t count);
/* Would a frame of the largest size fit now? */
bool dp8390_has_room(const struct dp8390 *nic);

#endif
