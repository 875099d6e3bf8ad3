/*
 * The firmware configuration interface, as QEMU documents it (docs/specs/fw_cfg): a
 * selector, a data port that gives an item's bytes one after the other, and a DMA
 * register that copies many at once.
 *
 * Ports 510h (selector, 16 bits), 511h (data), 514h-51Bh (DMA address, big-endian; a
 * write to the low half starts).  The items are part of the machine's configuration, so
 * the saved state holds only the registers.
 *
 * A long DMA takes its time, so that no OUT keeps the host for long; the guest sees in the
 * descriptor when it has ended, as the interface wants it.  Another one may not be started
 * meanwhile.
 */
#include "fw_cfg.h"

#include <clearbox/pc.h>
#include <stdatomic.h>
#include <string.h>

#define FW_CFG_NAME 56u
#define FW_CFG_ENTRY (8u + FW_CFG_NAME)
#define FW_CFG_PIECE 4096u
/* What is copied before the OUT that asks for it ends, and then every so many nanoseconds. */
#define FW_CFG_STEP (UINT32_C(1) << 20)
#define FW_CFG_STEP_NS UINT64_C(1000000)

enum { DMA_ERROR = 0x01, DMA_READ = 0x02, DMA_SKIP = 0x04, DMA_SELECT = 0x08, DMA_WRITE = 0x10 };

struct fw_cfg_state {
	uint64_t offset;                /* into the selected item */
	uint64_t descriptor, address;   /* the DMA under way: of its control word, of what comes next */
	uint32_t left;                  /* bytes of it; 0: there is none */
	uint32_t dma_high;              /* upper half of the DMA address */
	uint16_t key;
	uint16_t reserved[3];
};

struct fw_cfg_item {
	uint8_t *bytes;
	size_t size;
};

/* Of a machine and its forks, which change nothing in it; the last one takes it away. */
struct fw_cfg_table {
	atomic_uint users;
	struct fw_cfg_item items[FW_CFG_KEYS];
	unsigned file_count;
};

struct fw_cfg {
	struct cbx_device device;
	struct fw_cfg_state state;
	struct cbx_timer *timer;
	struct fw_cfg_table *table;
};

static const struct cbx_field fw_cfg_fields[] = {
	CBX_FIELD(struct fw_cfg_state, offset),
	CBX_FIELD(struct fw_cfg_state, descriptor),
	CBX_FIELD(struct fw_cfg_state, address),
	CBX_FIELD(struct fw_cfg_state, left),
	CBX_FIELD(struct fw_cfg_state, dma_high),
	CBX_FIELD(struct fw_cfg_state, key),
	CBX_FIELD_ARRAY(struct fw_cfg_state, reserved),
	CBX_FIELD_END
};

/* The register reads as this text. */
static const uint8_t fw_cfg_dma_signature[8] = { 'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G' };

/* ---- Items -------------------------------------------------------------------------------- */

enum cbx_status fw_cfg_add(struct fw_cfg *fw_cfg, enum fw_cfg_key key, const void *bytes,
			   size_t size)
{
	struct fw_cfg_item *item = &fw_cfg->table->items[(unsigned)key % FW_CFG_KEYS];
	uint8_t *copy = cbx_machine_allocate(fw_cfg->device.machine, size ? size : 1);

	if (!copy)
		return CBX_ERROR_MEMORY;
	if (size)
		memcpy(copy, bytes, size);
	if (item->bytes)
		cbx_machine_release(fw_cfg->device.machine, item->bytes);
	item->bytes = copy;
	item->size = size;
	return CBX_OK;
}

enum cbx_status fw_cfg_add_number(struct fw_cfg *fw_cfg, enum fw_cfg_key key, uint64_t value,
				  unsigned size)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	return fw_cfg_add(fw_cfg, key, bytes, size < 8 ? size : 8);
}

static void fw_cfg_put_big(uint8_t *bytes, uint64_t value, unsigned size)
{
	while (size-- > 0) {
		bytes[size] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t fw_cfg_get_big(const uint8_t *bytes, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

enum cbx_status fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes,
				size_t size)
{
	uint8_t directory[4 + (FW_CFG_KEYS - FW_CFG_FILE_FIRST) * FW_CFG_ENTRY] = { 0 };
	const struct fw_cfg_item *old = &fw_cfg->table->items[FW_CFG_FILE_DIR];
	unsigned number = fw_cfg->table->file_count, key = FW_CFG_FILE_FIRST + number;
	uint8_t *entry = directory + 4 + number * FW_CFG_ENTRY;
	size_t length = strlen(name);
	enum cbx_status status;

	if (key >= FW_CFG_KEYS || length >= FW_CFG_NAME || size > UINT32_MAX)
		return CBX_ERROR_ARGUMENT;
	status = fw_cfg_add(fw_cfg, (enum fw_cfg_key)key, bytes, size);
	if (status != CBX_OK)
		return status;
	fw_cfg->table->file_count++;
	if (old->bytes)
		memcpy(directory, old->bytes, old->size);
	fw_cfg_put_big(directory, fw_cfg->table->file_count, 4);
	fw_cfg_put_big(entry, size, 4);
	fw_cfg_put_big(entry + 4, key, 2);
	memcpy(entry + 8, name, length);
	return fw_cfg_add(fw_cfg, FW_CFG_FILE_DIR, directory,
			  4 + (size_t)fw_cfg->table->file_count * FW_CFG_ENTRY);
}

/* The selected item's bytes from the current offset on; beyond its end there are none. */
static size_t fw_cfg_rest(const struct fw_cfg *fw_cfg, const uint8_t **bytes)
{
	const struct fw_cfg_state *state = &fw_cfg->state;
	const struct fw_cfg_item *item;

	if (state->key >= FW_CFG_KEYS)
		return 0;
	item = &fw_cfg->table->items[state->key];
	if (!item->bytes || state->offset >= item->size)
		return 0;
	*bytes = item->bytes + (size_t)state->offset;
	return item->size - (size_t)state->offset;
}

static void fw_cfg_select(struct fw_cfg *fw_cfg, uint16_t key)
{
	fw_cfg->state.key = key;
	fw_cfg->state.offset = 0;
}

/* ---- DMA ---------------------------------------------------------------------------------- */

static void fw_cfg_dma_result(struct fw_cfg *fw_cfg, uint64_t descriptor, uint32_t result)
{
	uint8_t bytes[4];

	fw_cfg_put_big(bytes, result, 4);
	cbx_dma_write(&fw_cfg->device, descriptor, bytes, sizeof(bytes));
}

/* Copies the next bytes of the item to guest memory, with zeros after its end. */
static void fw_cfg_step(struct fw_cfg *fw_cfg)
{
	struct fw_cfg_state *state = &fw_cfg->state;
	uint32_t step = state->left < FW_CFG_STEP ? state->left : FW_CFG_STEP;

	state->left -= step;
	while (step > 0) {
		uint8_t piece[FW_CFG_PIECE] = { 0 };
		uint32_t count = step < FW_CFG_PIECE ? step : FW_CFG_PIECE;
		const uint8_t *bytes = NULL;
		size_t rest = fw_cfg_rest(fw_cfg, &bytes);

		if (rest)
			memcpy(piece, bytes, rest < count ? rest : count);
		cbx_dma_write(&fw_cfg->device, state->address, piece, count);
		state->offset += count;
		state->address += count;
		step -= count;
	}
	if (state->left)
		cbx_timer_set(fw_cfg->timer, cbx_time(&fw_cfg->device) + FW_CFG_STEP_NS);
	else
		fw_cfg_dma_result(fw_cfg, state->descriptor, 0);
}

static void fw_cfg_timer(struct cbx_device *device, unsigned number)
{
	(void)number;
	fw_cfg_step((struct fw_cfg *)device);
}

/* A descriptor: control, length (4 bytes each), address (8); the result goes into control. */
static void fw_cfg_run_dma(struct fw_cfg *fw_cfg, uint64_t descriptor)
{
	struct fw_cfg_state *state = &fw_cfg->state;
	uint32_t control, length;
	uint8_t bytes[16];

	if (state->left) {
		cbx_log(&fw_cfg->device, "DMA while another one is under way: ignored");
		return;
	}
	cbx_dma_read(&fw_cfg->device, descriptor, bytes, sizeof(bytes));
	control = (uint32_t)fw_cfg_get_big(bytes, 4);
	length = (uint32_t)fw_cfg_get_big(bytes + 4, 4);
	if (control & DMA_SELECT)
		fw_cfg_select(fw_cfg, (uint16_t)(control >> 16));
	if (control & DMA_READ) {
		state->descriptor = descriptor;
		state->address = fw_cfg_get_big(bytes + 8, 8);
		state->left = length;
		fw_cfg_step(fw_cfg);
		return;
	}
	if (control & DMA_SKIP && !(control & DMA_WRITE))
		state->offset += length;
	fw_cfg_dma_result(fw_cfg, descriptor, control & DMA_WRITE ? DMA_ERROR : 0);
}

/* ---- Ports -------------------------------------------------------------------------------- */

static uint64_t fw_cfg_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	struct fw_cfg *fw_cfg = (struct fw_cfg *)device;
	const uint8_t *bytes = NULL;
	uint8_t value;

	/* The selector cannot be read; firmware may read data 16 bits wide at it all the same. */
	if (offset != 1 || width != 1)
		return 0;
	value = fw_cfg_rest(fw_cfg, &bytes) ? *bytes : 0;
	fw_cfg->state.offset++;
	return value;
}

static void fw_cfg_write(struct cbx_device *device, uint64_t offset, uint64_t value,
			 unsigned width)
{
	if (offset == 0 && width == 2)
		fw_cfg_select((struct fw_cfg *)device, (uint16_t)value);
}

static uint64_t fw_cfg_read_dma(struct cbx_device *device, uint64_t offset, unsigned width)
{
	uint64_t value = 0;

	(void)device;
	for (unsigned i = 0; i < width && offset + i < sizeof(fw_cfg_dma_signature); i++)
		value |= (uint64_t)fw_cfg_dma_signature[offset + i] << 8 * i;
	return value;
}

static void fw_cfg_write_dma(struct cbx_device *device, uint64_t offset, uint64_t value,
			     unsigned width)
{
	struct fw_cfg *fw_cfg = (struct fw_cfg *)device;
	uint8_t bytes[4];
	uint32_t half;

	(void)width;
	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	half = (uint32_t)fw_cfg_get_big(bytes, 4);
	if (offset == 0) {
		fw_cfg->state.dma_high = half;
	} else if (offset == 4) {
		uint64_t address = (uint64_t)fw_cfg->state.dma_high << 32 | half;

		fw_cfg->state.dma_high = 0;
		fw_cfg_run_dma(fw_cfg, address);
	}
}

static const struct cbx_io fw_cfg_io = {
	.widths = 1 | 2, .read = fw_cfg_read, .write = fw_cfg_write
};
static const struct cbx_io fw_cfg_dma_io = {
	.widths = 4, .read = fw_cfg_read_dma, .write = fw_cfg_write_dma
};

/* ---- Life --------------------------------------------------------------------------------- */

static void fw_cfg_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct fw_cfg *fw_cfg = (struct fw_cfg *)device;

	(void)kind;
	fw_cfg->state = (struct fw_cfg_state){ 0 };
	cbx_timer_cancel(fw_cfg->timer);
}

static bool fw_cfg_check(const struct cbx_device *device, const void *bytes)
{
	const struct fw_cfg_state *state = bytes;

	(void)device;
	return state->offset < INT64_MAX;
}

static void fw_cfg_destroy(struct cbx_device *device)
{
	struct fw_cfg_table *table = ((struct fw_cfg *)device)->table;

	if (!table || atomic_fetch_sub_explicit(&table->users, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < FW_CFG_KEYS; i++)
		if (table->items[i].bytes)
			cbx_machine_release(device->machine, table->items[i].bytes);
	cbx_machine_release(device->machine, table);
}

void fw_cfg_share(struct fw_cfg *fw_cfg, struct fw_cfg *other)
{
	fw_cfg_destroy(&fw_cfg->device);
	fw_cfg->table = other->table;
	atomic_fetch_add_explicit(&fw_cfg->table->users, 1, memory_order_relaxed);
}

static const struct cbx_device_type fw_cfg_type = {
	.name = "fw_cfg",
	.version = 2,
	.size = sizeof(struct fw_cfg),
	.state_offset = offsetof(struct fw_cfg, state),
	.state_size = sizeof(struct fw_cfg_state),
	.fields = fw_cfg_fields,
	.reset = fw_cfg_reset,
	.check = fw_cfg_check,
	.destroy = fw_cfg_destroy,
};

enum cbx_status fw_cfg_new(struct cbx_machine *machine, struct fw_cfg **fw_cfg)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &fw_cfg_type, &device);

	if (status != CBX_OK)
		return status;
	*fw_cfg = (struct fw_cfg *)device;
	(*fw_cfg)->table = cbx_machine_allocate(machine, sizeof(*(*fw_cfg)->table));
	if (!(*fw_cfg)->table)
		return CBX_ERROR_MEMORY;
	atomic_init(&(*fw_cfg)->table->users, 1);
	status = cbx_timer_new(device, "dma", fw_cfg_timer, 0, &(*fw_cfg)->timer);
	if (status == CBX_OK)
		status = fw_cfg_add(*fw_cfg, FW_CFG_SIGNATURE, "QEMU", 4);
	if (status == CBX_OK)           /* the traditional interface, and DMA */
		status = fw_cfg_add_number(*fw_cfg, FW_CFG_ID, 3, 4);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x510, 2, &fw_cfg_io);
	return status == CBX_OK ? cbx_ports_map(device, 0x514, 8, &fw_cfg_dma_io) : status;
}
