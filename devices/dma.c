/*
 * Two 8237A DMA controllers, cascaded as in the AT, and their page registers.
 *
 * Ports 00h-0Fh (channels 0-3, bytes), C0h-DFh (channels 4-7, words, every register at
 * two ports; channel 4 is the cascade of the first controller), 80h-8Fh (page registers;
 * those that no channel uses are plain memory).  Manual: Intel 8237A data sheet (231466).
 *
 * Requests are served from a timer event, a piece at a time: a piece ends at terminal
 * count, where the 16-bit address wraps, or when the peripheral has no more.
 */
#include "dma.h"

/* Units moved in one event, and the time that one unit takes on the bus. */
#define DMA_PIECE 512u
#define DMA_UNIT_NS 1000u

enum {
	DMA_COMMAND_MEMORY = 0x01, DMA_COMMAND_HOLD = 0x02, DMA_COMMAND_DISABLE = 0x04,
	DMA_COMMAND_ROTATE = 0x10
};

enum { DMA_MODE_AUTO_INIT = 0x10, DMA_MODE_DECREMENT = 0x20, DMA_MODE_CASCADE = 0xc0 };

enum dma_direction { DMA_VERIFY, DMA_TO_MEMORY, DMA_FROM_MEMORY, DMA_ILLEGAL };

struct dma_channel_state {
	uint16_t base_address, base_count;
	uint16_t address, count;
	uint8_t mode;
	uint8_t reserved;
};

struct dma_controller {
	struct dma_channel_state channels[4];
	uint8_t command, mask;
	uint8_t lines;                  /* DRQ inputs */
	uint8_t software;               /* software requests */
	uint8_t terminal;               /* channels that reached terminal count */
	uint8_t high_byte;              /* the byte pointer flip-flop */
	uint8_t temporary;
	uint8_t lowest;                 /* rotating priority: the channel served last */
};

struct dma_state {
	struct dma_controller controllers[2];
	uint8_t pages[16];
};

struct dma {
	struct cbx_device device;
	struct dma_state state;
	struct dma_peripheral peripherals[8];
	struct cbx_timer *timer;
};

static const struct cbx_field dma_channel_fields[] = {
	CBX_FIELD(struct dma_channel_state, base_address),
	CBX_FIELD(struct dma_channel_state, base_count),
	CBX_FIELD(struct dma_channel_state, address),
	CBX_FIELD(struct dma_channel_state, count),
	CBX_FIELD(struct dma_channel_state, mode),
	CBX_FIELD(struct dma_channel_state, reserved),
	CBX_FIELD_END
};

static const struct cbx_field dma_controller_fields[] = {
	CBX_FIELD_STRUCTS(struct dma_controller, channels, dma_channel_fields),
	CBX_FIELD(struct dma_controller, command),
	CBX_FIELD(struct dma_controller, mask),
	CBX_FIELD(struct dma_controller, lines),
	CBX_FIELD(struct dma_controller, software),
	CBX_FIELD(struct dma_controller, terminal),
	CBX_FIELD(struct dma_controller, high_byte),
	CBX_FIELD(struct dma_controller, temporary),
	CBX_FIELD(struct dma_controller, lowest),
	CBX_FIELD_END
};

static const struct cbx_field dma_fields[] = {
	CBX_FIELD_STRUCTS(struct dma_state, controllers, dma_controller_fields),
	CBX_FIELD_ARRAY(struct dma_state, pages),
	CBX_FIELD_END
};

/* Which page register belongs to a channel. */
static const uint8_t dma_page_of[8] = { 0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa };

/* ---- Addresses ------------------------------------------------------------------------ */

static unsigned dma_unit(unsigned number)
{
	return number < 4 ? 1 : 2;
}

static uint64_t dma_address(const struct dma *dma, unsigned number)
{
	uint32_t address = dma->state.controllers[number >> 2].channels[number & 3].address;
	uint32_t page = dma->state.pages[dma_page_of[number & 7]];

	/* The word controller drives A1-A16, so bit 0 of its page register is left out. */
	return number < 4 ? page << 16 | address : (page & 0xfe) << 16 | address << 1;
}

/* Units that can move in one go: to terminal count, without wrapping, at most a piece. */
static unsigned dma_piece(const struct dma_channel_state *channel)
{
	unsigned units = channel->count + 1u;

	if (channel->mode & DMA_MODE_DECREMENT)
		return 1;
	if (units > 0x10000u - channel->address)
		units = 0x10000u - channel->address;
	return units < DMA_PIECE ? units : DMA_PIECE;
}

/* Counts moved units off the channel; true when that reached terminal count. */
static bool dma_count(struct dma_channel_state *channel, unsigned units, bool hold)
{
	bool done = units > channel->count;

	if (!hold)
		channel->address = (uint16_t)(channel->mode & DMA_MODE_DECREMENT ?
					      channel->address - units : channel->address + units);
	channel->count = (uint16_t)(channel->count - units);
	return done;
}

static void dma_terminal_count(struct dma_controller *controller, unsigned index)
{
	struct dma_channel_state *channel = &controller->channels[index];

	controller->terminal |= (uint8_t)(1u << index);
	controller->software &= (uint8_t)~(1u << index);
	if (channel->mode & DMA_MODE_AUTO_INIT) {
		channel->address = channel->base_address;
		channel->count = channel->base_count;
	} else {
		controller->mask |= (uint8_t)(1u << index);
	}
}

/* ---- Service -------------------------------------------------------------------------- */

static bool dma_is_cascade(const struct dma_channel_state *channel)
{
	return (channel->mode & DMA_MODE_CASCADE) == DMA_MODE_CASCADE;
}

static bool dma_is_memory_to_memory(const struct dma_controller *controller)
{
	return controller->command & DMA_COMMAND_MEMORY;
}

/* The bytes controller gets the bus only through channel 4 of the other one. */
static bool dma_is_connected(const struct dma *dma, unsigned which)
{
	const struct dma_controller *words = &dma->state.controllers[1];

	return which == 1 || (!(words->command & DMA_COMMAND_DISABLE) && !(words->mask & 1) &&
			      dma_is_cascade(&words->channels[0]));
}

/* The channel 0-7 to be served next; 8: none. */
static unsigned dma_next(const struct dma *dma)
{
	for (unsigned which = 0; which < 2; which++) {
		const struct dma_controller *controller = &dma->state.controllers[which];
		unsigned wanted = controller->software |
				  (controller->lines & (unsigned)~controller->mask);
		bool rotate = controller->command & DMA_COMMAND_ROTATE;

		if (controller->command & DMA_COMMAND_DISABLE || !dma_is_connected(dma, which))
			continue;
		for (unsigned i = 0; i < 4; i++) {
			unsigned index = rotate ? (controller->lowest + 1 + i) & 3 : i;

			if (!(wanted >> index & 1) || (which == 1 && index == 0))
				continue;
			if (!dma_is_cascade(&controller->channels[index]))
				return which * 4 + index;
		}
	}
	return 8;
}

static void dma_kick(struct dma *dma)
{
	if (dma_next(dma) < 8 && !cbx_timer_armed(dma->timer))
		cbx_timer_set(dma->timer, cbx_time(&dma->device) + DMA_UNIT_NS);
}

/* Gives how many bytes the peripheral moved; a channel with none moves what the bus shows. */
static size_t dma_move(struct dma *dma, unsigned number, uint8_t *bytes, size_t count,
		       bool to_device, bool terminal)
{
	const struct dma_peripheral *peripheral = &dma->peripherals[number];
	size_t moved;

	if (!peripheral->transfer)
		return count;
	moved = peripheral->transfer(peripheral->user, bytes, count, to_device, terminal);
	return moved < count ? moved : count;
}

static unsigned dma_serve(struct dma *dma, unsigned number)
{
	struct dma_controller *controller = &dma->state.controllers[number >> 2];
	unsigned index = number & 3, unit = dma_unit(number);
	struct dma_channel_state *channel = &controller->channels[index];
	unsigned direction = channel->mode >> 2 & 3, units = dma_piece(channel);
	uint64_t address = dma_address(dma, number);
	bool to_device = direction == DMA_FROM_MEMORY, terminal = units > channel->count;
	uint8_t bytes[2 * DMA_PIECE];
	size_t count = (size_t)units * unit;

	for (size_t i = 0; i < count; i++)
		bytes[i] = 0xff;
	if (to_device)
		cbx_dma_read(&dma->device, address, bytes, count);
	units = (unsigned)(dma_move(dma, number, bytes, count, to_device, terminal) / unit);
	if (direction == DMA_TO_MEMORY)
		cbx_dma_write(&dma->device, address, bytes, (size_t)units * unit);
	controller->lowest = (uint8_t)index;
	if (units && dma_count(channel, units, false))
		dma_terminal_count(controller, index);
	if (!units) {
		/* A peripheral that has nothing must ask anew. */
		controller->lines &= (uint8_t)~(1u << index);
		controller->software &= (uint8_t)~(1u << index);
	}
	return units;
}

/* Channel 0 reads and channel 1 writes, byte by byte, until channel 1's terminal count. */
static unsigned dma_serve_memory(struct dma *dma)
{
	struct dma_controller *controller = &dma->state.controllers[0];
	struct dma_channel_state *from = &controller->channels[0], *to = &controller->channels[1];
	bool hold = controller->command & DMA_COMMAND_HOLD, done = false;
	unsigned units = 0;

	while (!done && units < DMA_PIECE) {
		cbx_dma_read(&dma->device, dma_address(dma, 0), &controller->temporary, 1);
		cbx_dma_write(&dma->device, dma_address(dma, 1), &controller->temporary, 1);
		dma_count(from, 1, hold);
		done = dma_count(to, 1, false);
		units++;
	}
	if (done) {
		dma_terminal_count(controller, 1);
		controller->software &= (uint8_t)~1u;
	}
	return 2 * units;
}

static void dma_fire(struct cbx_device *device, unsigned unused)
{
	struct dma *dma = (struct dma *)device;
	unsigned number = dma_next(dma), units;

	(void)unused;
	if (number == 8)
		return;
	if (number == 0 && dma_is_memory_to_memory(&dma->state.controllers[0]))
		units = dma_serve_memory(dma);
	else
		units = dma_serve(dma, number);
	if (dma_next(dma) < 8)
		cbx_timer_set(dma->timer, cbx_time(device) + (uint64_t)(units + 1) * DMA_UNIT_NS);
}

void dma_connect(struct dma_channel channel, const struct dma_peripheral *peripheral)
{
	if (channel.dma && channel.number < 8)
		channel.dma->peripherals[channel.number] = *peripheral;
}

void dma_request(struct dma_channel channel, bool level)
{
	struct dma_controller *controller;
	uint8_t bit = (uint8_t)(1u << (channel.number & 3));

	if (!channel.dma || channel.number > 7)
		return;
	controller = &channel.dma->state.controllers[channel.number >> 2];
	if (level) {
		controller->lines |= bit;
		dma_kick(channel.dma);
	} else {
		controller->lines &= (uint8_t)~bit;
	}
}

/* ---- Registers ------------------------------------------------------------------------- */

static void dma_master_clear(struct dma_controller *controller)
{
	controller->command = 0;
	controller->terminal = 0;
	controller->software = 0;
	controller->temporary = 0;
	controller->high_byte = 0;
	controller->lowest = 3;
	controller->mask = 0x0f;
}

static void dma_set_bit(uint8_t *bits, uint8_t value)
{
	uint8_t bit = (uint8_t)(1u << (value & 3));

	*bits = value & 4 ? *bits | bit : *bits & (uint8_t)~bit;
}

static uint8_t dma_read_register(struct dma_controller *controller, unsigned index)
{
	const struct dma_channel_state *channel = &controller->channels[index >> 1 & 3];
	uint16_t value = index & 1 ? channel->count : channel->address;
	uint8_t byte = (uint8_t)(controller->high_byte ? value >> 8 : value);

	controller->high_byte = !controller->high_byte;
	return byte;
}

static uint8_t dma_read_control(struct dma_controller *controller, unsigned index)
{
	uint8_t value;

	switch (index) {
	case 0x8:
		value = (uint8_t)(controller->lines << 4 | controller->terminal);
		controller->terminal = 0;
		return value;
	case 0xd:
		return controller->temporary;
	case 0xf:
		return 0xf0 | controller->mask;
	default:
		return 0xff;
	}
}

static void dma_write_register(struct dma_controller *controller, unsigned index, uint8_t value)
{
	struct dma_channel_state *channel = &controller->channels[index >> 1 & 3];
	uint16_t *base = index & 1 ? &channel->base_count : &channel->base_address;
	uint16_t *current = index & 1 ? &channel->count : &channel->address;

	if (controller->high_byte)
		*base = (uint16_t)((*base & 0x00ff) | value << 8);
	else
		*base = (uint16_t)((*base & 0xff00) | value);
	*current = *base;
	controller->high_byte = !controller->high_byte;
}

static void dma_write_control(struct dma_controller *controller, unsigned index, uint8_t value)
{
	switch (index) {
	case 0x8:
		controller->command = value;
		break;
	case 0x9:
		dma_set_bit(&controller->software, value);
		break;
	case 0xa:
		dma_set_bit(&controller->mask, value);
		break;
	case 0xb:
		controller->channels[value & 3].mode = value & 0xfc;
		break;
	case 0xc:
		controller->high_byte = 0;
		break;
	case 0xd:
		dma_master_clear(controller);
		break;
	case 0xe:
		controller->mask = 0;
		break;
	case 0xf:
		controller->mask = value & 0x0f;
		break;
	}
}

static uint8_t dma_read(struct dma *dma, unsigned which, unsigned index)
{
	struct dma_controller *controller = &dma->state.controllers[which];

	return index < 8 ? dma_read_register(controller, index) :
			   dma_read_control(controller, index);
}

static void dma_write(struct dma *dma, unsigned which, unsigned index, uint8_t value)
{
	struct dma_controller *controller = &dma->state.controllers[which];

	if (index < 8)
		dma_write_register(controller, index, value);
	else
		dma_write_control(controller, index, value);
	dma_kick(dma);
}

static uint64_t dma_read_bytes(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)width;
	return dma_read((struct dma *)device, 0, offset & 15);
}

static void dma_write_bytes(struct cbx_device *device, uint64_t offset, uint64_t value,
			    unsigned width)
{
	(void)width;
	dma_write((struct dma *)device, 0, offset & 15, (uint8_t)value);
}

static uint64_t dma_read_words(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)width;
	return dma_read((struct dma *)device, 1, offset >> 1 & 15);
}

static void dma_write_words(struct cbx_device *device, uint64_t offset, uint64_t value,
			    unsigned width)
{
	(void)width;
	dma_write((struct dma *)device, 1, offset >> 1 & 15, (uint8_t)value);
}

static uint64_t dma_read_page(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)width;
	return ((const struct dma *)device)->state.pages[offset & 15];
}

static void dma_write_page(struct cbx_device *device, uint64_t offset, uint64_t value,
			   unsigned width)
{
	(void)width;
	((struct dma *)device)->state.pages[offset & 15] = (uint8_t)value;
}

static const struct cbx_io dma_bytes_io = {
	.widths = 1, .read = dma_read_bytes, .write = dma_write_bytes
};
static const struct cbx_io dma_words_io = {
	.widths = 1, .read = dma_read_words, .write = dma_write_words
};
static const struct cbx_io dma_page_io = {
	.widths = 1, .read = dma_read_page, .write = dma_write_page
};

/* ---- Life ----------------------------------------------------------------------------- */

static void dma_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct dma *dma = (struct dma *)device;

	(void)kind;
	dma->state = (struct dma_state){ 0 };
	dma_master_clear(&dma->state.controllers[0]);
	dma_master_clear(&dma->state.controllers[1]);
	cbx_timer_cancel(dma->timer);
}

static bool dma_check(const struct cbx_device *device, const void *bytes)
{
	const struct dma_state *state = bytes;
	bool good = true;

	(void)device;
	for (unsigned i = 0; i < 2; i++) {
		const struct dma_controller *controller = &state->controllers[i];

		good = good && controller->mask <= 15 && controller->lines <= 15 &&
		       controller->software <= 15 && controller->terminal <= 15 &&
		       controller->high_byte <= 1 && controller->lowest <= 3;
	}
	return good;
}

static const struct cbx_device_type dma_type = {
	.name = "dma",
	.version = 1,
	.size = sizeof(struct dma),
	.state_offset = offsetof(struct dma, state),
	.state_size = sizeof(struct dma_state),
	.fields = dma_fields,
	.reset = dma_reset,
	.check = dma_check,
};

enum cbx_status dma_new(struct cbx_machine *machine, struct dma **dma)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &dma_type, &device);

	if (status != CBX_OK)
		return status;
	*dma = (struct dma *)device;
	status = cbx_timer_new(device, "service", dma_fire, 0, &(*dma)->timer);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x00, 16, &dma_bytes_io);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0xc0, 32, &dma_words_io);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x80, 16, &dma_page_io);
	return status;
}
