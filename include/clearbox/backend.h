/*
 * Backends: what stands behind a device on the host's side.  Implemented by the
 * embedder (the program clearbox has some); called by devices while the machine runs,
 * on the thread that runs it.  A backend struct is copied by the constructor it is
 * given to; what user points at must outlive the machine.
 */
#ifndef CLEARBOX_BACKEND_H
#define CLEARBOX_BACKEND_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A disk: bytes at offsets.  read and write move exactly count bytes and return
 * CBX_OK, or an error (the guest then sees a medium error).  bytes is the size of the
 * medium; access beyond it is never asked for.  flush returns when all that was
 * written is safe.  Without read there is no medium.
 */
struct cbx_disk_backend {
	uint64_t bytes;
	bool read_only;
	enum cbx_status (*read)(void *user, uint64_t offset, void *bytes, size_t count);
	enum cbx_status (*write)(void *user, uint64_t offset, const void *bytes, size_t count);
	enum cbx_status (*flush)(void *user);
	void *user;
};

/* Characters out of the guest: serial port, parallel port, debug console. */
struct cbx_character_backend {
	void (*write)(void *user, uint8_t byte);
	void *user;
};

/*
 * A network: Ethernet frames without their CRC, 14 to 1514 bytes each.  send gets what the guest
 * transmits and may drop it.  What comes in is given to cbx_network_receive (pc.h).
 */
struct cbx_network_backend {
	void (*send)(void *user, const uint8_t *frame, size_t count);
	void *user;
};

/*
 * Sound: play gets all that the machine plays, signed 16-bit samples, left and right in turn, rate
 * frames for each second of guest time without a gap.  samples NULL: frames frames of silence, which
 * can be many.  It is called while the machine runs, when something about the sound changes, and by
 * cbx_sound_flush (pc.h).  Nothing in the machine depends on whether somebody listens.
 */
struct cbx_sound_backend {
	uint32_t rate;                  /* frames a second, 8000 to 192000; 0: 48000 */
	void (*play)(void *user, const int16_t *samples, size_t frames);
	void *user;
};

#ifdef __cplusplus
}
#endif
#endif
