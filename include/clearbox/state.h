/*
 * Saved state.  Everything that a guest could ever notice lives in plain structs,
 * each described once by a table of fields.  One walker saves, loads, hashes and
 * compares by these tables; numbers are little-endian in the saved form whatever
 * the host is.
 */
#ifndef CLEARBOX_STATE_H
#define CLEARBOX_STATE_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One field.  Elements of 1, 2, 4 or 8 bytes are numbers; with members set each
 * element is a struct described by its own table.  A bool is a number of one byte that
 * is 0 or 1: flags says so, since a load must not make any other.
 */
struct cbx_field {
	const char *name;               /* key in the saved form: never use one again */
	uint32_t offset, size, count;
	const struct cbx_field *members;
	uint32_t flags;
};

enum { CBX_FIELD_BOOL = 1 };

#ifdef __cplusplus
extern "C++" {
template <typename T> char (&cbx_field_kind(const T &))[1];
char (&cbx_field_kind(const bool &))[1 + CBX_FIELD_BOOL];
}
#define CBX_FIELD_FLAGS(x) (uint32_t)(sizeof(cbx_field_kind(x)) - 1)
#else
#define CBX_FIELD_FLAGS(x) _Generic((x), bool: CBX_FIELD_BOOL, default: 0)
#endif

#define CBX_FIELD(type, member)                                                    \
	{ #member, (uint32_t)offsetof(type, member),                               \
	  (uint32_t)sizeof(((type *)0)->member), 1, NULL,                          \
	  CBX_FIELD_FLAGS(((type *)0)->member) }
#define CBX_FIELD_ARRAY(type, member)                                              \
	{ #member, (uint32_t)offsetof(type, member),                               \
	  (uint32_t)sizeof(((type *)0)->member[0]),                                \
	  (uint32_t)(sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0])), NULL, \
	  CBX_FIELD_FLAGS(((type *)0)->member[0]) }
#define CBX_FIELD_STRUCT(type, member, fields)                                     \
	{ #member, (uint32_t)offsetof(type, member),                               \
	  (uint32_t)sizeof(((type *)0)->member), 1, fields, 0 }
#define CBX_FIELD_STRUCTS(type, member, fields)                                    \
	{ #member, (uint32_t)offsetof(type, member),                               \
	  (uint32_t)sizeof(((type *)0)->member[0]),                                \
	  (uint32_t)(sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0])), fields, 0 }
#define CBX_FIELD_END { NULL, 0, 0, 0, NULL, 0 }

/*
 * Saves the whole machine into a buffer that the library allocates.  Call it while
 * the machine is not running.  *data is freed with cbx_buffer_free.
 * Errors: CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_snapshot_save(struct cbx_machine *machine, void **data, size_t *size);

/*
 * Loads a state saved by a machine of the same configuration.  Nothing changes
 * unless the whole buffer is good.  Errors: CBX_ERROR_FORMAT (damaged, with the
 * place in the error text), CBX_ERROR_MISMATCH (another configuration or a newer
 * version), CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_snapshot_load(struct cbx_machine *machine, const void *data, size_t size);

/* Frees what cbx_snapshot_save made; NULL does nothing. */
CBX_API void cbx_buffer_free(struct cbx_machine *machine, void *data);

/* A 64-bit hash of all that cbx_snapshot_save would save: equal states, equal hashes. */
CBX_API uint64_t cbx_state_hash(struct cbx_machine *machine);

#ifdef __cplusplus
}
#endif
#endif
