/*
 * The DP8390D network interface controller (National Semiconductor, 1995 data sheet) on a board
 * with 16 KiB of memory at 4000h of the controller's address space and, at 0, a PROM with the
 * station address.  A transmission takes a byte time for each byte at four gigabits a second of guest
 * time, not ten megabits: nobody waits for a slow wire.  A driver that sends frame after frame masks
 * its interrupt while it hands one over; so fast the interrupt comes between two, at the usual number
 * of instructions a second, and not while it is masked, which costs a second one.  There are no
 * collisions.
 */
#include "dp8390.h"

#include <string.h>

enum { CR_STP = 0x01, CR_STA = 0x02, CR_TXP = 0x04, CR_RD = 0x38, CR_PS = 0xc0,
       RD_READ = 0x08, RD_WRITE = 0x10, RD_SEND = 0x18, RD_ABORT = 0x20 };
enum { ISR_PRX = 0x01, ISR_PTX = 0x02, ISR_RXE = 0x04, ISR_TXE = 0x08, ISR_OVW = 0x10, ISR_CNT = 0x20,
       ISR_RDC = 0x40, ISR_RST = 0x80 };
enum { DCR_WTS = 0x01, DCR_LS = 0x08 };
enum { TCR_CRC = 0x01, TCR_LB = 0x06 };
enum { RCR_AR = 0x02, RCR_AB = 0x04, RCR_AM = 0x08, RCR_PRO = 0x10, RCR_MON = 0x20 };
enum { TSR_PTX = 0x01 };
enum { RSR_PRX = 0x01, RSR_MPA = 0x10, RSR_PHY = 0x20, RSR_DIS = 0x40 };
enum { MEMORY_BASE = 0x4000, MEMORY_END = MEMORY_BASE + DP8390_MEMORY, PAGE = 256 };
enum { FRAME_LEAST = 60, FRAME_MOST = 1514, CRC_BYTES = 4, HEADER_BYTES = 4 };
enum { NANOSECONDS_A_BYTE = 2, GAP_NANOSECONDS = 1000 };

const struct cbx_field dp8390_fields[] = {
	CBX_FIELD(struct dp8390_state, cr),
	CBX_FIELD(struct dp8390_state, isr),
	CBX_FIELD(struct dp8390_state, imr),
	CBX_FIELD(struct dp8390_state, dcr),
	CBX_FIELD(struct dp8390_state, tcr),
	CBX_FIELD(struct dp8390_state, rcr),
	CBX_FIELD(struct dp8390_state, tsr),
	CBX_FIELD(struct dp8390_state, rsr),
	CBX_FIELD(struct dp8390_state, pstart),
	CBX_FIELD(struct dp8390_state, pstop),
	CBX_FIELD(struct dp8390_state, bnry),
	CBX_FIELD(struct dp8390_state, curr),
	CBX_FIELD(struct dp8390_state, tpsr),
	CBX_FIELD(struct dp8390_state, ncr),
	CBX_FIELD_ARRAY(struct dp8390_state, tally),
	CBX_FIELD(struct dp8390_state, transmitting),
	CBX_FIELD(struct dp8390_state, tbcr),
	CBX_FIELD(struct dp8390_state, rsar),
	CBX_FIELD(struct dp8390_state, rbcr),
	CBX_FIELD_ARRAY(struct dp8390_state, par),
	CBX_FIELD_ARRAY(struct dp8390_state, mar),
	CBX_FIELD_ARRAY(struct dp8390_state, fifo),
	CBX_FIELD_ARRAY(struct dp8390_state, memory),
	CBX_FIELD_END
};

void dp8390_setup(struct dp8390 *nic, struct cbx_device *device, const uint8_t mac[6],
		  const struct cbx_network_backend *wire, struct cbx_timer *timer,
		  void (*set_irq)(struct cbx_device *device, bool level))
{
	nic->device = device;
	nic->timer = timer;
	nic->set_irq = set_irq;
	if (wire)
		nic->wire = *wire;
	/* Each byte twice, as a 16-bit board has it; 57h marks one (NE2000). */
	memset(nic->prom, 0x57, sizeof(nic->prom));
	for (unsigned n = 0; n < 6; n++)
		nic->prom[2 * n] = nic->prom[2 * n + 1] = mac[n];
	for (unsigned n = 12; n < 28; n++)
		nic->prom[n] = 0;
}

static void dp8390_interrupt(struct dp8390 *nic)
{
	nic->set_irq(nic->device, nic->state.isr & nic->state.imr & 0x7f);
}

static void dp8390_event(struct dp8390 *nic, uint8_t bits)
{
	nic->state.isr |= bits;
	dp8390_interrupt(nic);
}

/* The RESET line, or the reset port: registers keep what the data sheet does not name. */
static void dp8390_soft_reset(struct dp8390 *nic)
{
	nic->state.cr = RD_ABORT | CR_STP;
	nic->state.isr = ISR_RST;
	nic->state.imr = 0;
	nic->state.transmitting = 0;
	nic->state.tcr &= (uint8_t)~TCR_LB;
	cbx_timer_cancel(nic->timer);
	dp8390_interrupt(nic);
}

void dp8390_reset(struct dp8390 *nic)
{
	memset(&nic->state, 0, sizeof(nic->state));
	dp8390_soft_reset(nic);
}

bool dp8390_check(const struct dp8390_state *state)
{
	return state->transmitting <= 1;
}

/* ---- The controller's address space -------------------------------------------------------- */

static uint8_t memory_get(const struct dp8390 *nic, uint16_t address)
{
	if (address < sizeof(nic->prom))
		return nic->prom[address];
	if (address >= MEMORY_BASE && address < MEMORY_END)
		return nic->state.memory[address - MEMORY_BASE];
	return 0xff;
}

/* As memory_get, for a range; it may wrap at the end of the address space. */
static void memory_copy(const struct dp8390 *nic, uint16_t address, uint8_t *to, unsigned count)
{
	if (address >= MEMORY_BASE && address + count <= MEMORY_END) {
		memcpy(to, nic->state.memory + (address - MEMORY_BASE), count);
		return;
	}
	for (unsigned n = 0; n < count; n++)
		to[n] = memory_get(nic, (uint16_t)(address + n));
}

static void memory_put(struct dp8390 *nic, uint16_t address, uint8_t value)
{
	if (address >= MEMORY_BASE && address < MEMORY_END)
		nic->state.memory[address - MEMORY_BASE] = value;
}

/* ---- Remote DMA: the data port ---------------------------------------------------------------- */

static void remote_advance(struct dp8390 *nic, unsigned bytes)
{
	struct dp8390_state *s = &nic->state;

	s->rsar = (uint16_t)(s->rsar + bytes);
	if (s->rsar == s->pstop * PAGE)
		s->rsar = (uint16_t)(s->pstart * PAGE);
	s->rbcr = (uint16_t)(s->rbcr > bytes ? s->rbcr - bytes : 0);
	if (!s->rbcr) {
		s->cr = (uint8_t)((s->cr & ~CR_RD) | RD_ABORT);
		dp8390_event(nic, ISR_RDC);
	}
}

/*
 * The common case, whole words of the memory that do not end the transfer: where they are, and in
 * *count, which says how many are wanted, how many there are.  NULL in any other case.  They have
 * been counted when this returns.
 */
static uint8_t *data_words(struct dp8390 *nic, uint8_t direction, unsigned width, size_t *count)
{
	struct dp8390_state *s = &nic->state;
	unsigned at = s->rsar, stop = s->pstop * PAGE, bytes;
	unsigned end = at < stop && stop < MEMORY_END ? stop : MEMORY_END;

	if (width < 2 || !(s->dcr & DCR_WTS) || (s->cr & CR_RD) != direction || s->rbcr <= width ||
	    at < MEMORY_BASE || at + width > end)
		return NULL;
	bytes = end - at < s->rbcr - 1u ? end - at : s->rbcr - 1u;
	if (*count > bytes / width)
		*count = bytes / width;
	bytes = (unsigned)*count * width;
	s->rsar = (uint16_t)(at + bytes == stop ? s->pstart * PAGE : at + bytes);
	s->rbcr = (uint16_t)(s->rbcr - bytes);
	return s->memory + (at - MEMORY_BASE);
}

static uint32_t data_read(struct dp8390 *nic, unsigned width)
{
	struct dp8390_state *s = &nic->state;
	unsigned unit = s->dcr & DCR_WTS ? 2 : 1, step = unit < width ? unit : width;
	uint32_t value = 0;

	for (unsigned at = 0; at < width; at += step) {
		uint32_t part = 0xffff;

		if ((s->cr & CR_RD) == RD_READ && s->rbcr) {
			part = memory_get(nic, s->rsar);
			if (unit == 2)
				part |= (uint32_t)memory_get(nic, (uint16_t)(s->rsar + 1)) << 8;
			remote_advance(nic, unit);
		}
		value |= (step == 2 ? part & 0xffff : part & 0xff) << 8 * at;
	}
	return value;
}

static void data_write(struct dp8390 *nic, uint32_t value, unsigned width)
{
	struct dp8390_state *s = &nic->state;
	unsigned unit = s->dcr & DCR_WTS ? 2 : 1, step = unit < width ? unit : width;

	for (unsigned at = 0; at < width; at += step) {
		if ((s->cr & CR_RD) != RD_WRITE || !s->rbcr)
			return;
		memory_put(nic, s->rsar, (uint8_t)(value >> 8 * at));
		if (unit == 2 && s->rbcr > 1)
			memory_put(nic, (uint16_t)(s->rsar + 1),
				   (uint8_t)(step == 2 ? value >> 8 * (at + 1) : 0));
		remote_advance(nic, unit);
	}
}

/* "Send packet": reads the packet at the boundary pointer, as long as its header says. */
static void send_packet(struct dp8390 *nic)
{
	struct dp8390_state *s = &nic->state;
	uint16_t at = (uint16_t)(s->bnry * PAGE);

	s->rsar = at;
	s->rbcr = (uint16_t)(memory_get(nic, (uint16_t)(at + 2)) | memory_get(nic, (uint16_t)(at + 3)) << 8);
	s->cr = (uint8_t)((s->cr & ~CR_RD) | RD_READ);
}

/* ---- Transmission ---------------------------------------------------------------------------- */

static void transmit(struct dp8390 *nic)
{
	struct dp8390_state *s = &nic->state;
	uint8_t frame[FRAME_MOST];
	unsigned count = s->tbcr;

	s->transmitting = 1;
	s->cr |= CR_TXP;
	s->tsr = 0;
	if (count <= FRAME_MOST && count && !(s->tcr & TCR_LB)) {
		memory_copy(nic, (uint16_t)(s->tpsr * PAGE), frame, count);
		if (nic->wire.send)
			nic->wire.send(nic->wire.user, frame, count);
	} else if (s->tcr & TCR_LB) {
		memory_copy(nic, (uint16_t)(s->tpsr * PAGE), s->fifo, sizeof(s->fifo));
	}
	cbx_timer_set(nic->timer, cbx_time(nic->device) + GAP_NANOSECONDS +
				  (uint64_t)count * NANOSECONDS_A_BYTE);
}

void dp8390_transmitted(struct dp8390 *nic)
{
	nic->state.transmitting = 0;
	nic->state.cr &= (uint8_t)~CR_TXP;
	nic->state.tsr = TSR_PTX;
	nic->state.ncr = 0;
	dp8390_event(nic, ISR_PTX);
}

/* ---- Reception ---------------------------------------------------------------------------------- */

/* The CRC of IEEE 802.3, four bits at a time. */
static uint32_t frame_crc(const uint8_t *bytes, size_t count)
{
	static const uint32_t nibbles[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	for (size_t n = 0; n < count; n++) {
		crc ^= bytes[n];
		crc = crc >> 4 ^ nibbles[crc & 15];
		crc = crc >> 4 ^ nibbles[crc & 15];
	}
	return crc;
}

/* The upper six bits of the CRC as it is sent, its first bit the highest. */
static unsigned multicast_hash(const uint8_t address[6])
{
	uint32_t crc = frame_crc(address, 6);
	unsigned hash = 0;

	for (unsigned bit = 0; bit < 6; bit++)
		hash = hash << 1 | (crc >> bit & 1);
	return hash;
}

static bool is_for_us(const struct dp8390_state *s, const uint8_t *frame)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	unsigned hash;

	if (memcmp(frame, broadcast, 6) == 0)
		return s->rcr & RCR_AB;
	if (frame[0] & 1) {
		hash = multicast_hash(frame);
		return (s->rcr & RCR_AM) && (s->mar[hash >> 3] >> (hash & 7) & 1);
	}
	return (s->rcr & RCR_PRO) || memcmp(frame, s->par, 6) == 0;
}

static bool is_ring(const struct dp8390_state *s)
{
	return s->pstart < s->pstop && s->curr >= s->pstart && s->curr < s->pstop;
}

/*
 * Pages that can be filled before the boundary is met; an empty ring has CURR at BNRY.  Drivers that
 * keep BNRY one behind what they read write the page before the ring where they mean its last
 * (Linux).  A boundary anywhere else outside the ring is never met.
 */
static unsigned free_pages(const struct dp8390_state *s)
{
	unsigned ring = (unsigned)(s->pstop - s->pstart), boundary = s->bnry;

	if (!is_ring(s))
		return 0;
	if (boundary + 1 == s->pstart)
		return s->pstop - 1u - s->curr;
	if (s->curr == boundary || boundary < s->pstart || boundary >= s->pstop)
		return ring;
	return boundary > s->curr ? boundary - s->curr : ring - (s->curr - boundary);
}

static unsigned pages_of(size_t count)
{
	return (unsigned)((count + CRC_BYTES + HEADER_BYTES + PAGE - 1) / PAGE);
}

static bool is_listening(const struct dp8390_state *s)
{
	return (s->cr & (CR_STP | CR_STA)) == CR_STA && !(s->tcr & TCR_LB);
}

bool dp8390_has_room(const struct dp8390 *nic)
{
	return is_listening(&nic->state) && free_pages(&nic->state) > pages_of(FRAME_MOST);
}

static void count_missed(struct dp8390 *nic)
{
	if (nic->state.tally[2] < 192)
		nic->state.tally[2]++;
	if (nic->state.tally[2] >= 128)
		dp8390_event(nic, ISR_CNT);
}

/* Bytes into the ring, which is_ring said is one; *at wraps at its end. */
static void ring_put(struct dp8390 *nic, unsigned *at, const uint8_t *bytes, size_t count)
{
	unsigned end = (unsigned)nic->state.pstop * PAGE;

	while (count) {
		size_t part = end - *at < count ? end - *at : count;

		if (*at >= MEMORY_BASE && *at + part <= MEMORY_END)
			memcpy(nic->state.memory + (*at - MEMORY_BASE), bytes, part);
		else
			for (size_t n = 0; n < part; n++)
				memory_put(nic, (uint16_t)(*at + n), bytes[n]);
		*at += (unsigned)part;
		if (*at == end)
			*at = (unsigned)nic->state.pstart * PAGE;
		bytes += part;
		count -= part;
	}
}

bool dp8390_receive(struct dp8390 *nic, const uint8_t *frame, size_t count)
{
	struct dp8390_state *s = &nic->state;
	size_t padded = count < FRAME_LEAST ? FRAME_LEAST : count;
	uint8_t last[FRAME_LEAST] = { 0 }, header[HEADER_BYTES], trailer[CRC_BYTES];
	unsigned pages = pages_of(padded), at, next;
	uint32_t crc;

	if (!is_listening(s) || count < 14 || count > FRAME_MOST)
		return false;
	if (count < FRAME_LEAST) {
		memcpy(last, frame, count);
		frame = last;
	}
	if (!is_for_us(s, frame))
		return true;
	if (s->rcr & RCR_MON) {
		count_missed(nic);
		return true;
	}
	if (pages >= free_pages(s)) {
		count_missed(nic);
		dp8390_event(nic, ISR_OVW);
		return false;
	}
	next = s->curr + pages;
	if (next >= s->pstop)
		next -= (unsigned)(s->pstop - s->pstart);
	s->rsr = RSR_PRX | (frame[0] & 1 ? RSR_PHY : 0);
	at = (unsigned)s->curr * PAGE;
	header[0] = s->rsr;
	header[1] = (uint8_t)next;
	header[2] = (uint8_t)(padded + CRC_BYTES);
	header[3] = (uint8_t)((padded + CRC_BYTES) >> 8);
	ring_put(nic, &at, header, sizeof(header));
	ring_put(nic, &at, frame, padded);
	crc = ~frame_crc(frame, padded);
	for (unsigned n = 0; n < CRC_BYTES; n++)
		trailer[n] = (uint8_t)(crc >> 8 * n);
	ring_put(nic, &at, trailer, sizeof(trailer));
	s->curr = (uint8_t)next;
	dp8390_event(nic, ISR_PRX);
	return true;
}

/* ---- Registers ------------------------------------------------------------------------------------- */

static void write_command(struct dp8390 *nic, uint8_t value)
{
	struct dp8390_state *s = &nic->state;

	/* Neither start nor stop: it goes on as it was (iPXE writes that). */
	if (!(value & (CR_STP | CR_STA)))
		value |= s->cr & (CR_STP | CR_STA);
	/* A transmission under way ends by itself, and only its end clears the bit. */
	s->cr = (uint8_t)((value & ~CR_TXP) | (s->transmitting ? CR_TXP : 0));
	if (!(value & CR_RD))           /* 000 is not allowed: as an abort */
		s->cr |= RD_ABORT;
	if (value & CR_STP) {
		s->isr |= ISR_RST;
		return;
	}
	if (value & CR_STA)
		s->isr &= (uint8_t)~ISR_RST;
	if ((value & CR_RD) == RD_SEND)
		send_packet(nic);
	if (((s->cr & CR_RD) == RD_READ || (s->cr & CR_RD) == RD_WRITE) && !s->rbcr)
		dp8390_event(nic, ISR_RDC);
	if (value & CR_TXP && !s->transmitting)
		transmit(nic);
}

static uint8_t read_page0(struct dp8390 *nic, unsigned offset)
{
	struct dp8390_state *s = &nic->state;
	uint8_t value;

	switch (offset) {
	case 0x1: return (uint8_t)s->rsar;      /* CLDA: nobody sees local DMA at work */
	case 0x2: return (uint8_t)(s->rsar >> 8);
	case 0x3: return s->bnry;
	case 0x4: return s->tsr;
	case 0x5: return s->ncr;
	case 0x6:
		value = s->fifo[0];
		memmove(s->fifo, s->fifo + 1, sizeof(s->fifo) - 1);
		s->fifo[sizeof(s->fifo) - 1] = value;
		return value;
	case 0x7: return s->isr;
	case 0x8: return (uint8_t)s->rsar;
	case 0x9: return (uint8_t)(s->rsar >> 8);
	case 0xa: return nic->realtek ? 0x50 : 0xff;
	case 0xb: return nic->realtek ? 0x43 : 0xff;
	case 0xc: return s->rsr;
	default:                        /* reading a tally counter clears it */
		value = s->tally[offset - 0xd];
		s->tally[offset - 0xd] = 0;
		return value;
	}
}

static uint8_t read_page2(const struct dp8390_state *s, unsigned offset)
{
	switch (offset) {
	case 0x1: return s->pstart;
	case 0x2: return s->pstop;
	case 0x4: return s->tpsr;
	case 0xc: return s->rcr | 0xc0;
	case 0xd: return s->tcr | 0xe0;
	case 0xe: return s->dcr | 0x80;
	case 0xf: return s->imr | 0x80;
	default: return 0xff;
	}
}

static uint8_t register_read(struct dp8390 *nic, unsigned offset)
{
	struct dp8390_state *s = &nic->state;

	if (offset == 0)
		return s->cr;
	switch (s->cr >> 6) {
	case 0: return read_page0(nic, offset);
	case 1: return offset <= 6 ? s->par[offset - 1] : offset == 7 ? s->curr : s->mar[offset - 8];
	case 2: return read_page2(s, offset);
	default: return nic->realtek ? 0 : 0xff;
	}
}

static void write_page0(struct dp8390 *nic, unsigned offset, uint8_t value)
{
	struct dp8390_state *s = &nic->state;

	switch (offset) {
	case 0x1: s->pstart = value; break;
	case 0x2: s->pstop = value; break;
	case 0x3: s->bnry = value; break;
	case 0x4: s->tpsr = value; break;
	case 0x5: s->tbcr = (uint16_t)((s->tbcr & 0xff00) | value); break;
	case 0x6: s->tbcr = (uint16_t)((s->tbcr & 0xff) | value << 8); break;
	case 0x7:
		s->isr &= (uint8_t)~(value & 0x7f);     /* RST tells a state */
		dp8390_interrupt(nic);
		break;
	case 0x8: s->rsar = (uint16_t)((s->rsar & 0xff00) | value); break;
	case 0x9: s->rsar = (uint16_t)((s->rsar & 0xff) | value << 8); break;
	case 0xa: s->rbcr = (uint16_t)((s->rbcr & 0xff00) | value); break;
	case 0xb: s->rbcr = (uint16_t)((s->rbcr & 0xff) | value << 8); break;
	case 0xc: s->rcr = value & 0x3f; break;
	case 0xd: s->tcr = value & 0x1f; break;
	case 0xe: s->dcr = value & 0x7f; break;
	default:
		s->imr = value & 0x7f;
		dp8390_interrupt(nic);
		break;
	}
}

static void register_write(struct dp8390 *nic, unsigned offset, uint8_t value)
{
	struct dp8390_state *s = &nic->state;

	if (offset == 0)
		write_command(nic, value);
	else if (s->cr >> 6 == 0)
		write_page0(nic, offset, value);
	else if (s->cr >> 6 == 1 && offset <= 6)
		s->par[offset - 1] = value;
	else if (s->cr >> 6 == 1 && offset == 7)
		s->curr = value;
	else if (s->cr >> 6 == 1)
		s->mar[offset - 8] = value;
}

uint64_t dp8390_read(struct dp8390 *nic, unsigned offset, unsigned width)
{
	uint32_t value = 0;

	if (offset >= 0x10 && offset < 0x18) {
		size_t one = 1;
		const uint8_t *words = data_words(nic, RD_READ, width, &one);

		if (!words)
			return data_read(nic, width);
		value = words[0] | (uint32_t)words[1] << 8;
		return width == 2 ? value : value | (uint32_t)words[2] << 16 | (uint32_t)words[3] << 24;
	}
	for (unsigned n = 0; n < width; n++) {
		if (offset + n >= 0x18)
			dp8390_soft_reset(nic);
		else if (offset + n < 0x10)
			value |= (uint32_t)register_read(nic, offset + n) << 8 * n;
	}
	return value;
}

void dp8390_write(struct dp8390 *nic, unsigned offset, uint32_t value, unsigned width)
{
	if (offset >= 0x10 && offset < 0x18) {
		size_t one = 1;
		uint8_t *words = data_words(nic, RD_WRITE, width, &one);

		if (!words) {
			data_write(nic, value, width);
			return;
		}
		words[0] = (uint8_t)value;
		words[1] = (uint8_t)(value >> 8);
		if (width == 4) {
			words[2] = (uint8_t)(value >> 16);
			words[3] = (uint8_t)(value >> 24);
		}
		return;
	}
	for (unsigned n = 0; n < width; n++) {
		if (offset + n >= 0x18)
			dp8390_soft_reset(nic);
		else if (offset + n < 0x10)
			register_write(nic, offset + n, (uint8_t)(value >> 8 * n));
	}
}

size_t dp8390_read_many(struct dp8390 *nic, unsigned offset, unsigned width, void *bytes, size_t count)
{
	const uint8_t *words = NULL;

	if (offset >= 0x10 && offset < 0x18)
		words = data_words(nic, RD_READ, width, &count);
	if (!words)
		return 0;
	memcpy(bytes, words, count * width);
	return count;
}

size_t dp8390_write_many(struct dp8390 *nic, unsigned offset, unsigned width, const void *bytes, size_t count)
{
	uint8_t *words = NULL;

	if (offset >= 0x10 && offset < 0x18)
		words = data_words(nic, RD_WRITE, width, &count);
	if (!words)
		return 0;
	memcpy(words, bytes, count * width);
	return count;
}
