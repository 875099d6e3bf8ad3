/*
 * The bytes of a saved state on their way out and in: hashing, zlib, a growing buffer.
 * docs/state.md describes the form.
 */
#include "state.h"

static const uint8_t magic[8] = { 'C', 'L', 'E', 'A', 'R', 'B', 'O', 'X' };

enum { FORMAT_VERSION = 1, HEADER_SIZE = 24 };

/* ---- Hash ---------------------------------------------------------------------------------- */

/* Four lanes, each a chain of xor and odd multiplication; what falls out of the top comes
   back at the bottom. */
#define HASH_MULTIPLIER 0x9d6c1b5a34e2f087ull

static uint64_t hash_step(uint64_t lane, uint64_t word)
{
	lane = (lane ^ word) * HASH_MULTIPLIER;
	return lane ^ lane >> 29;
}

void hash_begin(struct hash *hash)
{
	unsigned i;

	hash->total = 0;
	for (i = 0; i < 4; i++)
		hash->lane[i] = hash_step(0, i + 1);
}

void hash_block(struct hash *hash, const uint8_t *bytes, size_t count)
{
	uint64_t a = hash->lane[0], b = hash->lane[1], c = hash->lane[2], d = hash->lane[3];
	uint8_t rest[32];

	hash->total += count;
	while (count) {
		const uint8_t *block = bytes;

		if (count < 32) {
			memset(rest, 0, sizeof(rest));
			memcpy(rest, bytes, count);
			block = rest;
			count = 32;
		}
		a = hash_step(a, get64(block));
		b = hash_step(b, get64(block + 8));
		c = hash_step(c, get64(block + 16));
		d = hash_step(d, get64(block + 24));
		bytes += 32;
		count -= 32;
	}
	hash->lane[0] = a;
	hash->lane[1] = b;
	hash->lane[2] = c;
	hash->lane[3] = d;
}

uint64_t hash_end(const struct hash *hash)
{
	uint64_t value = hash_step(0, hash->total);
	unsigned i;

	for (i = 0; i < 4; i++)
		value = hash_step(value, hash->lane[i]);
	return hash_step(value, 0);
}

/* ---- Allocation for zlib ---------------------------------------------------------------------- */

static voidpf zlib_allocate(voidpf machine, uInt count, uInt size)
{
	return machine_allocate_array(machine, count, size);
}

static void zlib_release(voidpf machine, voidpf memory)
{
	machine_release(machine, memory);
}

/* Over all that follows it in the header, and the compressed bytes. */
static uint32_t sum(const uint8_t *bytes, size_t count)
{
	uLong value = crc32(0, NULL, 0);

	while (count) {
		size_t piece = count < 1 << 20 ? count : 1 << 20;

		value = crc32(value, bytes, (uInt)piece);
		bytes += piece;
		count -= piece;
	}
	return (uint32_t)value;
}

/* ---- Out ----------------------------------------------------------------------------------------- */

void sink_begin(struct sink *sink, struct cbx_machine *machine, bool output)
{
	memset(sink, 0, offsetof(struct sink, chunk));
	sink->machine = machine;
	sink->output = output;
	hash_begin(&sink->hash);
	if (!output)
		return;
	sink->z.zalloc = zlib_allocate;
	sink->z.zfree = zlib_release;
	sink->z.opaque = machine;
	if (deflateInit(&sink->z, Z_BEST_SPEED) != Z_OK) {
		sink->output = false;
		sink->failed = true;
		return;
	}
	sink->size = HEADER_SIZE;
}

static bool sink_grow(struct sink *sink)
{
	size_t room = sink->room ? sink->room + sink->room / 2 : 65536;
	uint8_t *data = room > sink->room ?
			options_reallocate(&sink->machine->options, sink->data, room) : NULL;

	if (!data) {
		sink->failed = true;
		return false;
	}
	sink->data = data;
	sink->room = room;
	return true;
}

static void sink_flush(struct sink *sink, int flush)
{
	int result = Z_OK;

	hash_block(&sink->hash, sink->chunk, sink->used);
	sink->z.next_in = sink->chunk;
	sink->z.avail_in = (uInt)sink->used;
	sink->used = 0;
	if (!sink->output || sink->failed)
		return;
	do {
		size_t space;

		if (sink->room < sink->size + 1024 && !sink_grow(sink))
			return;
		space = sink->room - sink->size;
		if (space > 1u << 20)
			space = 1u << 20;
		sink->z.next_out = sink->data + sink->size;
		sink->z.avail_out = (uInt)space;
		result = deflate(&sink->z, flush);
		sink->size += space - sink->z.avail_out;
	} while (sink->z.avail_in || (flush == Z_FINISH && result == Z_OK));
	if (flush == Z_FINISH && result != Z_STREAM_END)
		sink->failed = true;
}

void sink_bytes(struct sink *sink, const void *bytes, size_t count)
{
	const uint8_t *from = bytes;

	sink->total += count;
	while (count) {
		size_t room = STREAM_CHUNK - sink->used, piece = count < room ? count : room;

		memcpy(sink->chunk + sink->used, from, piece);
		sink->used += piece;
		from += piece;
		count -= piece;
		if (sink->used == STREAM_CHUNK)
			sink_flush(sink, Z_NO_FLUSH);
	}
}

void sink_number(struct sink *sink, uint64_t value, unsigned width)
{
	uint8_t bytes[8];

	put64(bytes, value);
	sink_bytes(sink, bytes, width);
}

void sink_string(struct sink *sink, const char *text)
{
	size_t length = strlen(text);

	if (length > 255)
		length = 255;
	sink_number(sink, length, 1);
	sink_bytes(sink, text, length);
}

uint8_t *sink_end(struct sink *sink, size_t *size)
{
	sink_flush(sink, Z_FINISH);
	*size = 0;
	if (!sink->output)
		return NULL;
	deflateEnd(&sink->z);
	if (sink->failed) {
		machine_release(sink->machine, sink->data);
		return NULL;
	}
	memcpy(sink->data, magic, sizeof(magic));
	put32(sink->data + 8, FORMAT_VERSION);
	put64(sink->data + 16, hash_end(&sink->hash));
	put32(sink->data + 12, sum(sink->data + 16, sink->size - 16));
	*size = sink->size;
	return sink->data;
}

/* ---- In ------------------------------------------------------------------------------------------ */

static char *append(char *at, char *end, const char *text)
{
	while (*text && at < end - 1)
		*at++ = *text++;
	*at = '\0';
	return at;
}

bool source_fail(struct source *source, enum cbx_status status, const char *text)
{
	char message[sizeof(source->machine->error)], digits[24];
	char *at = message, *end = message + sizeof(message), *digit = digits + sizeof(digits) - 1;
	uint64_t number = source->total;

	if (source->failed)
		return false;
	source->failed = status;
	*digit = '\0';
	do {
		*--digit = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	at = append(at, end, "saved state, ");
	if (source->section) {
		at = append(at, end, "section ");
		at = append(at, end, source->section);
		at = append(at, end, ", ");
	}
	at = append(at, end, "byte ");
	at = append(at, end, digit);
	at = append(at, end, ": ");
	append(at, end, text);
	machine_fail(source->machine, status, message);
	return false;
}

bool source_begin(struct source *source, struct cbx_machine *machine, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	memset(source, 0, offsetof(struct source, chunk));
	source->machine = machine;
	hash_begin(&source->hash);
	if (size < HEADER_SIZE || memcmp(bytes, magic, sizeof(magic)))
		return source_fail(source, CBX_ERROR_FORMAT, "this is not a saved state");
	if (get32(bytes + 8) != FORMAT_VERSION)
		return source_fail(source, CBX_ERROR_MISMATCH,
				   "the format is of another version");
	if (size > UINT32_MAX / 2)
		return source_fail(source, CBX_ERROR_FORMAT, "it is too long");
	if (get32(bytes + 12) != sum(bytes + 16, size - 16))
		return source_fail(source, CBX_ERROR_FORMAT, "it is damaged or cut short");
	source->expected_hash = get64(bytes + 16);
	source->z.zalloc = zlib_allocate;
	source->z.zfree = zlib_release;
	source->z.opaque = machine;
	source->z.next_in = (z_const Bytef *)(bytes + HEADER_SIZE);
	source->z.avail_in = (uInt)(size - HEADER_SIZE);
	if (inflateInit(&source->z) != Z_OK)
		return source_fail(source, CBX_ERROR_MEMORY, "no memory to unpack it");
	source->begun = true;
	return true;
}

/* The next chunk; it is shorter than STREAM_CHUNK only at the end. */
static void source_fill(struct source *source)
{
	int result = Z_OK;

	source->at = 0;
	source->z.next_out = source->chunk;
	source->z.avail_out = STREAM_CHUNK;
	while (source->z.avail_out && result == Z_OK)
		result = inflate(&source->z, Z_NO_FLUSH);
	source->have = STREAM_CHUNK - source->z.avail_out;
	hash_block(&source->hash, source->chunk, source->have);
	if (result == Z_MEM_ERROR)
		source_fail(source, CBX_ERROR_MEMORY, "no memory to unpack it");
}

bool source_bytes(struct source *source, void *bytes, size_t count)
{
	uint8_t *to = bytes;

	while (count && !source->failed) {
		size_t left = source->have - source->at, piece = count < left ? count : left;

		if (!left) {
			/* A chunk that was not full was the last. */
			if (!source->total || source->have == STREAM_CHUNK)
				source_fill(source);
			if (source->at == source->have)
				source_fail(source, CBX_ERROR_FORMAT, "it ends early or is damaged");
			continue;
		}
		memcpy(to, source->chunk + source->at, piece);
		source->at += piece;
		source->total += piece;
		to += piece;
		count -= piece;
	}
	if (source->failed)
		memset(to, 0, count);
	return !source->failed;
}

uint64_t source_number(struct source *source, unsigned width)
{
	uint8_t bytes[8] = { 0 };

	source_bytes(source, bytes, width);
	return source->failed ? 0 : get64(bytes);
}

void source_string(struct source *source, char text[256])
{
	size_t length = (size_t)source_number(source, 1);

	source_bytes(source, text, length);
	text[source->failed ? 0 : length] = '\0';
}

bool source_end(struct source *source)
{
	uint8_t byte;
	int result;

	if (source->failed)
		return false;
	source->section = NULL;
	if (source->at != source->have)
		return source_fail(source, CBX_ERROR_FORMAT, "something follows its end");
	/* zlib checks its own sum when it meets the end. */
	source->z.next_out = &byte;
	source->z.avail_out = 1;
	result = inflate(&source->z, Z_FINISH);
	if (result != Z_STREAM_END || !source->z.avail_out || source->z.avail_in)
		return source_fail(source, CBX_ERROR_FORMAT, "its end is damaged");
	if (hash_end(&source->hash) != source->expected_hash)
		return source_fail(source, CBX_ERROR_FORMAT, "its hash is not that of its bytes");
	return true;
}

void source_free(struct source *source)
{
	if (source->begun)
		inflateEnd(&source->z);
}
