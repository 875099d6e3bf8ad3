/* Worlds for the tests of forks and histories: a PC with guest.asm, its disks, and what came out. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clearbox/clearbox.h>

enum { WORLD_DISK = 1 << 20, WORLD_OUTPUT = 1 << 16 };

/* Where guest.asm is, and what it says. */
enum { GUEST_MARKER = 0x7c47, GUEST_DISK = 0x7cae, GUEST_COUNTER = 0x7cf0 };

struct world {
	struct cbx_machine *machine;
	uint8_t *disk;
	uint8_t output[WORLD_OUTPUT];   /* of the serial port */
	size_t output_count;
	uint64_t writes;                /* of the disk */
	bool fail_reads;
	/* Called in the backends, with what was called: s serial port, r and w disk, n network; may be NULL. */
	void (*told)(struct world *world, char what);
	unsigned told_count;            /* for its use */
};

extern const char *world_guest;         /* the boot sector's file */

/* flags: options that must make no difference. */
enum { WORLD_SMALL_CACHES = 1, WORLD_SINGLE_STEP = 2, WORLD_CARD = 4,
       WORLD_THREADS = 8 /* the C library's allocator */ };
struct world *world_new(unsigned flags, uint64_t memory);
void world_free(struct world *world);
struct cbx_disk_backend world_disk(struct world *world);
void world_serial_write(void *user, uint8_t byte);
void run(struct cbx_machine *machine, uint64_t instructions);
void run_to(struct cbx_machine *machine, uint64_t count);
uint64_t random64(void);
uint32_t guest_word(struct cbx_machine *machine, uint64_t address);

/* An allocator that can fail, and knows how much there is. */
void *world_allocate(void *user, void *memory, size_t size);
void world_fail_in(unsigned n);         /* the n-th allocation from now on, and all later ones; 0: none */
uint64_t world_allocated(void), world_peak(void);
void world_reset_peak(void);

#endif
