/*
 * A disk that keeps writes in memory: reads come from another backend except where
 * something was written, and that backend is never written to.
 */
#ifndef CLEARBOX_OVERLAY_H
#define CLEARBOX_OVERLAY_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cbx_overlay;

/* Set size to sizeof(struct cbx_overlay_options). */
struct cbx_overlay_options {
	size_t size;
	uint64_t limit_bytes;           /* memory for written blocks at most; 0: no limit */
	/* As in cbx_machine_options; NULL: the C library's. */
	void *(*reallocate)(void *user, void *memory, size_t size);
	void *user;
};

/*
 * base is copied and must stay usable as long as the overlay.  *disk is a backend of the
 * same size that can be written (whether base can or not).  When the limit is reached or
 * no memory is left, a write fails with CBX_ERROR_LIMIT or CBX_ERROR_MEMORY, and the
 * guest sees a write error; at the limit the run ends, too, with CBX_STOP_BACKEND_LIMIT.
 * Options may be NULL.  Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_overlay_new(const struct cbx_disk_backend *base,
					const struct cbx_overlay_options *options,
					struct cbx_overlay **overlay,
					struct cbx_disk_backend *disk);
CBX_API void cbx_overlay_free(struct cbx_overlay *overlay);

/* Forgets all that was written. */
CBX_API void cbx_overlay_discard(struct cbx_overlay *overlay);
/* How much memory written blocks take. */
CBX_API uint64_t cbx_overlay_bytes(const struct cbx_overlay *overlay);

/*
 * Walks over the blocks that were written, in no particular order: begin with cursor 0 and go on with
 * what it returns; 0: that was all, and the results are not set.  The bytes are the overlay's, until it is written to.
 */
CBX_API size_t cbx_overlay_next(const struct cbx_overlay *overlay, size_t cursor, uint64_t *offset,
				const void **bytes, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
