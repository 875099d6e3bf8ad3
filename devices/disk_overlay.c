/*
 * The overlay disk of clearbox/overlay.h: written blocks of 4 KiB in a hash table over a
 * base that is only read.  A block is copied from the base when it is first written.
 */
#include <clearbox/overlay.h>

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, FIRST_SLOTS = 64 };

struct slot {
	uint64_t number;
	uint8_t *bytes;                 /* NULL: free */
};

struct cbx_overlay {
	struct cbx_disk_backend base;
	struct cbx_overlay_options options;
	struct slot *slots;             /* a power of two of them, at most half used */
	size_t slot_count, used;
};

static void *default_reallocate(void *user, void *memory, size_t size)
{
	(void)user;
	if (size)
		return realloc(memory, size);
	free(memory);
	return NULL;
}

static void *allocate(struct cbx_overlay *overlay, size_t size)
{
	return overlay->options.reallocate(overlay->options.user, NULL, size);
}

static void release(struct cbx_overlay *overlay, void *memory)
{
	if (memory)
		overlay->options.reallocate(overlay->options.user, memory, 0);
}

/* ---- The table --------------------------------------------------------------------------- */

/* The slot of a block, or the free one where it belongs.  There always is a free one. */
static struct slot *find_slot(struct slot *slots, size_t count, uint64_t number)
{
	uint64_t hash = number * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(hash >> 20) & (count - 1);

	while (slots[i].bytes && slots[i].number != number)
		i = (i + 1) & (count - 1);
	return &slots[i];
}

static bool grow(struct cbx_overlay *overlay)
{
	size_t count = overlay->slot_count ? overlay->slot_count * 2 : FIRST_SLOTS;
	struct slot *slots;

	if (count > SIZE_MAX / sizeof(*slots))
		return false;
	slots = allocate(overlay, count * sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < count; i++)
		slots[i] = (struct slot){ 0, NULL };
	for (size_t i = 0; i < overlay->slot_count; i++) {
		if (overlay->slots[i].bytes)
			*find_slot(slots, count, overlay->slots[i].number) = overlay->slots[i];
	}
	release(overlay, overlay->slots);
	overlay->slots = slots;
	overlay->slot_count = count;
	return true;
}

static const uint8_t *written_block(const struct cbx_overlay *overlay, uint64_t number)
{
	if (!overlay->slot_count)
		return NULL;
	return find_slot(overlay->slots, overlay->slot_count, number)->bytes;
}

/* Bytes of the disk in this block: the last one may be short. */
static size_t block_bytes(const struct cbx_overlay *overlay, uint64_t number)
{
	uint64_t rest = overlay->base.bytes - number * BLOCK;

	return rest < BLOCK ? (size_t)rest : BLOCK;
}

/* The block to write to; whole says that all of it will be overwritten. */
static enum cbx_status block_for_write(struct cbx_overlay *overlay, uint64_t number, bool whole,
				       uint8_t **bytes)
{
	uint64_t limit = overlay->options.limit_bytes;
	enum cbx_status status = CBX_OK;
	struct slot *slot;
	uint8_t *made;

	if ((overlay->used + 1) * 2 > overlay->slot_count && !written_block(overlay, number) &&
	    !grow(overlay))
		return CBX_ERROR_MEMORY;
	slot = find_slot(overlay->slots, overlay->slot_count, number);
	if (slot->bytes) {
		*bytes = slot->bytes;
		return CBX_OK;
	}
	if (limit && cbx_overlay_bytes(overlay) + BLOCK > limit)
		return CBX_ERROR_LIMIT;
	made = allocate(overlay, BLOCK);
	if (!made)
		return CBX_ERROR_MEMORY;
	if (!whole) {
		memset(made, 0, BLOCK);
		status = overlay->base.read(overlay->base.user, number * BLOCK, made,
					    block_bytes(overlay, number));
	}
	if (status != CBX_OK) {
		release(overlay, made);
		return status;
	}
	slot->number = number;
	slot->bytes = made;
	overlay->used++;
	*bytes = made;
	return CBX_OK;
}

/* ---- The backend ------------------------------------------------------------------------------ */

static bool inside(const struct cbx_overlay *overlay, uint64_t offset, size_t count)
{
	return offset <= overlay->base.bytes && count <= overlay->base.bytes - offset;
}

static enum cbx_status overlay_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	struct cbx_overlay *overlay = user;
	uint8_t *to = bytes;

	if (!inside(overlay, offset, count))
		return CBX_ERROR_ARGUMENT;
	if (!overlay->used)
		return overlay->base.read(overlay->base.user, offset, bytes, count);
	while (count) {
		size_t skip = (size_t)(offset % BLOCK);
		size_t piece = count < BLOCK - skip ? count : BLOCK - skip;
		const uint8_t *block = written_block(overlay, offset / BLOCK);
		enum cbx_status status = CBX_OK;

		if (block)
			memcpy(to, block + skip, piece);
		else
			status = overlay->base.read(overlay->base.user, offset, to, piece);
		if (status != CBX_OK)
			return status;
		to += piece;
		offset += piece;
		count -= piece;
	}
	return CBX_OK;
}

static enum cbx_status overlay_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	struct cbx_overlay *overlay = user;
	const uint8_t *from = bytes;

	if (!inside(overlay, offset, count))
		return CBX_ERROR_ARGUMENT;
	while (count) {
		size_t skip = (size_t)(offset % BLOCK);
		size_t piece = count < BLOCK - skip ? count : BLOCK - skip;
		uint8_t *block;
		enum cbx_status status = block_for_write(overlay, offset / BLOCK, piece == BLOCK,
							 &block);

		if (status != CBX_OK)
			return status;
		memcpy(block + skip, from, piece);
		from += piece;
		offset += piece;
		count -= piece;
	}
	return CBX_OK;
}

static enum cbx_status overlay_flush(void *user)
{
	(void)user;
	return CBX_OK;
}

enum cbx_status cbx_overlay_new(const struct cbx_disk_backend *base,
				const struct cbx_overlay_options *options,
				struct cbx_overlay **result, struct cbx_disk_backend *disk)
{
	struct cbx_overlay_options chosen = { .size = sizeof(chosen) };
	struct cbx_overlay *overlay;

	if (!base || !base->read || !result || !disk)
		return CBX_ERROR_ARGUMENT;
	if (options && options->size != sizeof(*options))
		return CBX_ERROR_ARGUMENT;
	if (options)
		chosen = *options;
	if (!chosen.reallocate)
		chosen.reallocate = default_reallocate;
	overlay = chosen.reallocate(chosen.user, NULL, sizeof(*overlay));
	if (!overlay)
		return CBX_ERROR_MEMORY;
	*overlay = (struct cbx_overlay){ .base = *base, .options = chosen };
	*disk = (struct cbx_disk_backend){
		.bytes = base->bytes,
		.read = overlay_read,
		.write = overlay_write,
		.flush = overlay_flush,
		.user = overlay
	};
	*result = overlay;
	return CBX_OK;
}

void cbx_overlay_discard(struct cbx_overlay *overlay)
{
	if (!overlay)
		return;
	for (size_t i = 0; i < overlay->slot_count; i++)
		release(overlay, overlay->slots[i].bytes);
	release(overlay, overlay->slots);
	overlay->slots = NULL;
	overlay->slot_count = overlay->used = 0;
}

void cbx_overlay_free(struct cbx_overlay *overlay)
{
	if (!overlay)
		return;
	cbx_overlay_discard(overlay);
	release(overlay, overlay);
}

uint64_t cbx_overlay_bytes(const struct cbx_overlay *overlay)
{
	return !overlay ? 0 : (uint64_t)overlay->used * BLOCK;
}

size_t cbx_overlay_next(const struct cbx_overlay *overlay, size_t cursor, uint64_t *offset,
			const void **bytes, size_t *count)
{
	if (!overlay || !offset || !bytes || !count)
		return 0;
	for (; cursor < overlay->slot_count; cursor++) {
		const struct slot *slot = &overlay->slots[cursor];

		if (!slot->bytes)
			continue;
		*offset = slot->number * BLOCK;
		*bytes = slot->bytes;
		*count = block_bytes(overlay, slot->number);
		return cursor + 1;
	}
	return 0;
}
