/* Inside saved states: the streams (stream.c) and the walker over field tables (fields.c). */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include <zlib.h>

#include "machine.h"

/* What of the machine itself is state, gathered from where it lives (state.c). */
struct machine_saved {
	uint64_t skipped;
	uint32_t exit_code;
	bool a20, reset_requested, cpu_reset_requested, power_off_requested, exit_requested;
};

struct machine_saved machine_gather(const struct cbx_machine *machine);
void machine_scatter(struct cbx_machine *machine, const struct machine_saved *saved);

/* A 64-bit hash of a stream of bytes, the same however they are cut into calls of hash_block. */
struct hash {
	uint64_t lane[4];
	uint64_t total;
};

enum { STREAM_CHUNK = 4096 };           /* a multiple of 32, of which hash_block takes whole ones */

void hash_begin(struct hash *hash);
/* Only the last call may have a count that is not a multiple of 32. */
void hash_block(struct hash *hash, const uint8_t *bytes, size_t count);
uint64_t hash_end(const struct hash *hash);

/* Where a state is written to: hashed, and compressed into a growing buffer when output is set. */
struct sink {
	struct cbx_machine *machine;
	struct hash hash;
	uint64_t total;
	bool output, failed;
	z_stream z;
	uint8_t *data;                  /* header and compressed bytes */
	size_t size, room;
	size_t used;                    /* of chunk */
	uint8_t chunk[STREAM_CHUNK];
};

void sink_begin(struct sink *sink, struct cbx_machine *machine, bool output);
void sink_bytes(struct sink *sink, const void *bytes, size_t count);
void sink_number(struct sink *sink, uint64_t value, unsigned width);
void sink_string(struct sink *sink, const char *text);
/* Gives the buffer to the caller; NULL: no memory was left (or there is no output). */
uint8_t *sink_end(struct sink *sink, size_t *size);

/* Where a state is read from.  After the first failure all reads give zeros. */
struct source {
	struct cbx_machine *machine;
	struct hash hash;
	uint64_t total;                 /* bytes read so far: the place for messages */
	uint64_t expected_hash;
	bool begun;
	enum cbx_status failed;         /* CBX_OK: not yet */
	const char *section;            /* being read, for messages */
	z_stream z;
	size_t have, at;                /* in chunk */
	uint8_t chunk[STREAM_CHUNK];
};

bool source_begin(struct source *source, struct cbx_machine *machine, const void *data, size_t size);
bool source_bytes(struct source *source, void *bytes, size_t count);
uint64_t source_number(struct source *source, unsigned width);
/* 0-ended, at most 255 bytes long. */
void source_string(struct source *source, char text[256]);
/* Records the first failure with its place; always false. */
bool source_fail(struct source *source, enum cbx_status status, const char *text);
/* Was it all there, undamaged, and nothing else? */
bool source_end(struct source *source);
void source_free(struct source *source);

/* Bytes that fields_write makes. */
uint64_t fields_length(const struct cbx_field *fields);
void fields_write(struct sink *sink, const struct cbx_field *fields, const void *state);
/* state is zeroed by the caller.  older: fields may be missing. */
bool fields_read(struct source *source, const struct cbx_field *fields, void *state, bool older);

#endif
