/* The PC: a machine with i440FX, PIIX3/4, VGA and everything around them. */
#ifndef CLEARBOX_PC_H
#define CLEARBOX_PC_H

#include "backend.h"
#include "device.h"
#include "machine.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cbx_image {                      /* bytes that the caller keeps until the call returns */
	const void *bytes;
	size_t size;
};

/* A network card. */
enum cbx_card_kind { CBX_CARD_NONE, CBX_CARD_NE2000_ISA, CBX_CARD_NE2000_PCI };
enum { CBX_CARDS = 4, CBX_OPTION_ROMS = 4 };
struct cbx_card_options {
	enum cbx_card_kind kind;
	uint16_t port;                  /* ISA: its 32 ports, 0: 300h */
	uint8_t irq;                    /* ISA: 0: 5 */
	uint8_t mac[6];                 /* all 0: 52:54:00:12:34:56 and on */
	struct cbx_network_backend network;     /* send NULL: no cable */
	struct cbx_image rom;           /* PCI: its expansion ROM, at most 1 MiB, bytes NULL: none */
};

/* A Sound Blaster 16 (DSP 4.05, CT1745 mixer, OPL3, MPU-401 in UART mode). */
struct cbx_sound_card_options {
	bool present;
	uint16_t port;                  /* 220h, 240h, 260h or 280h; 0: 220h */
	uint16_t midi_port;             /* 300h or 330h; 0: 330h */
	uint8_t irq;                    /* 5, 7, 9 or 10, until the guest chooses another; 0: 5 */
	uint8_t dma;                    /* 1 or 3 for 8-bit sound, likewise; 0: 1 */
	uint8_t dma16;                  /* 5, 6 or 7 for 16-bit sound, likewise; 0: 5 */
	struct cbx_character_backend midi;      /* what the guest sends to MIDI instruments */
};

/* Set size to sizeof(struct cbx_pc_options); what is 0 or NULL is absent or the default. */
struct cbx_pc_options {
	size_t size;
	struct cbx_machine_options machine;     /* its size and bare need not be set */
	struct cbx_disk_backend floppy[2];      /* drive A, drive B; size tells the format */
	struct {
		struct cbx_disk_backend disk;
		bool cdrom;                     /* an ATAPI drive, disk.read NULL: empty */
		bool present;
	} ide[4];                               /* primary master, slave, secondary master, slave */
	struct cbx_character_backend serial[4]; /* all four UARTs exist; write NULL: unconnected */
	struct cbx_character_backend parallel;
	struct cbx_character_backend debug_console;     /* ports E9h and 402h */
	struct cbx_image bios;                  /* NULL: our own */
	struct cbx_image vga_bios;              /* NULL: our own */
	struct cbx_image kernel, initrd;        /* Linux bzImage or multiboot ELF */
	const char *kernel_command_line;
	const char *boot_order;                 /* letters: a floppy, c disk, d CD, n network; NULL: "cda" */
	int64_t rtc_time;                       /* seconds since 1970 that the clock starts with; 0: 2000-01-01 */
	uint16_t debug_exit_port;               /* isa-debug-exit; 0: none */
	uint16_t debug_exit_size;               /* ports it takes; 0: 4 */
	uint32_t vram_bytes;                    /* power of two; 0: 16 MiB */
	bool no_floppy_controller;
	struct cbx_card_options card[CBX_CARDS];
	struct cbx_image option_rom[CBX_OPTION_ROMS];   /* firmware runs them; at most 96 KiB fit */
	struct cbx_sound_backend sound;         /* the speaker and the cards; play NULL: nobody listens */
	struct cbx_sound_card_options sound_card;
	bool adlib;                             /* an OPL3 at 388h (the sound card has one) */
};

/*
 * Makes a PC, switched on; options NULL: one without disks, which starts the built-in guest.  error may
 * be NULL.  cbx_machine_free frees it.
 * Errors: CBX_ERROR_ARGUMENT (options that cannot be), CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_pc_new(const struct cbx_pc_options *options,
				   struct cbx_machine **machine, struct cbx_error *error);

/*
 * The wire of ISA interrupt 0 to 15 (not 2) of a PC, for a device that an embedder adds; lines that
 * several drive are not told apart, so take a free one: 5, 9, 10 or 11.
 * Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_UNSUPPORTED (not a PC).
 */
CBX_API enum cbx_status cbx_pc_irq_line(struct cbx_machine *machine, unsigned irq,
					struct cbx_line *line);

enum cbx_drive { CBX_FLOPPY_A, CBX_FLOPPY_B, CBX_IDE_0, CBX_IDE_1, CBX_IDE_2, CBX_IDE_3 };
/*
 * Puts another medium into a removable drive (disk->read NULL: ejects).  Errors: CBX_ERROR_ARGUMENT (no
 * such drive, a size that it cannot have), CBX_ERROR_UNSUPPORTED (not a PC), CBX_ERROR_MEMORY.
 */
CBX_API enum cbx_status cbx_drive_change(struct cbx_machine *machine, enum cbx_drive drive,
					 const struct cbx_disk_backend *disk);

/*
 * A frame (without CRC, 14 to 1514 bytes) arrives at a network card: between runs, or in a callback.
 * CBX_ERROR_LIMIT: the guest does not listen or has no room, and the frame is lost, as on a wire.
 * Errors: CBX_ERROR_ARGUMENT (no such card, a wrong size), CBX_ERROR_UNSUPPORTED (not a PC).
 */
CBX_API enum cbx_status cbx_network_receive(struct cbx_machine *machine, unsigned card,
					    const void *frame, size_t count);
/* Would a frame of any size find room now?  False where there is no such card. */
CBX_API bool cbx_network_has_room(const struct cbx_machine *machine, unsigned card);

/*
 * Gives the sound backend all that was played up to now.  Call it between runs, as often as the sound is
 * to be heard soon.  Errors: CBX_ERROR_UNSUPPORTED (not a PC).
 */
CBX_API enum cbx_status cbx_sound_flush(struct cbx_machine *machine);

/* The board a machine is built on, for code that adds public functions over devices. */
CBX_API void cbx_machine_set_board(struct cbx_machine *machine, void *board,
				   void (*destroy)(void *board));
CBX_API void *cbx_machine_board(const struct cbx_machine *machine);
/* Memory from the machine's allocator, zeroed; freed with size 0. */
CBX_API void *cbx_machine_allocate(struct cbx_machine *machine, size_t size);
CBX_API void cbx_machine_release(struct cbx_machine *machine, void *memory);

#ifdef __cplusplus
}
#endif
#endif
