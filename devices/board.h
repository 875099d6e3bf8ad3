/*
 * The PC's board: a device that owns what belongs to no chip (ROMs, wired-or interrupt
 * lines, the A20 wire) and knows all the chips.  Private to the pc*.c files.
 */
#ifndef DEVICES_BOARD_H
#define DEVICES_BOARD_H

#include <clearbox/clearbox.h>
#include <clearbox/pci.h>

#include "dma.h"
#include "floppy.h"
#include "fw_cfg.h"
#include "hpet.h"
#include "i440fx.h"
#include "i8042.h"
#include "ide.h"
#include "ioapic.h"
#include "local_apic.h"
#include "ne2000.h"
#include "opl3.h"
#include "parallel.h"
#include "pci.h"
#include "pic.h"
#include "piix3.h"
#include "piix4_pm.h"
#include "pit.h"
#include "port92.h"
#include "ps2.h"
#include "rtc.h"
#include "sb16.h"
#include "sound_mix.h"
#include "speaker.h"
#include "uart.h"
#include "vga.h"

/* The first of four I/O APIC inputs that PCI interrupts go to. */
enum { BOARD_PIRQ_PIN = 16 };

/* The last bytes of a serial port that cbx_expect_serial has not found text in; no guest state. */
enum { SERIAL_TAP = 16384 };
struct serial_tap {
	struct cbx_character_backend behind;    /* the embedder's */
	unsigned first, count;
	uint8_t *bytes;
};

struct board_state {
	/* Which serial ports want the interrupt that two of them share: IRQ 4 and IRQ 3. */
	uint8_t serial_irqs[2];
};

/* A backend that is not called while the past is repeated. */
struct board_output {
	struct cbx_machine *machine;
	struct cbx_character_backend character;
	struct cbx_network_backend network;
	struct cbx_sound_backend sound;
};

enum { BOARD_PARALLEL = 4, BOARD_DEBUG, BOARD_MIDI, BOARD_SOUND, BOARD_CARDS,
       BOARD_OUTPUTS = BOARD_CARDS + CBX_CARDS };

struct board {
	struct cbx_device device;
	struct board_state state;
	struct cbx_ram *ram, *bios, *vga_bios;
	struct cbx_region *bios_high, *bios_low, *vga_bios_low;
	struct cbx_pci_bus *bus;
	struct pic *pic;
	/* NULL where the processor model has no APIC. */
	struct local_apic *local_apic;
	struct ioapic *ioapic;
	struct hpet *hpet;
	struct dma *dma;
	struct i440fx *i440fx;
	struct piix3 *piix3;
	struct piix4_pm *pm;
	struct ide *ide;
	struct floppy *floppy;
	struct pit *pit;
	struct speaker *speaker;
	struct rtc *rtc;
	struct i8042 *i8042;
	struct port92 *port92;
	struct uart *uarts[4];
	struct parallel *parallel;
	struct fw_cfg *fw_cfg;
	struct vga *vga;
	struct ne2000 *cards[CBX_CARDS];
	struct sound_mix mix;
	struct opl3 *opl3;              /* NULL without a sound card */
	struct sb16 *sb16;
	struct cbx_line serial_lines[2];
	struct serial_tap taps[4];
	struct board_output outputs[BOARD_OUTPUTS];     /* the serial ports first */
	/* What the board was made with, for forks: sizes of images without their bytes. */
	struct cbx_pc_options options;
	char *boot_order;
	uint8_t tap_bytes[4][SERIAL_TAP];       /* last: mostly untouched */
};

/* RAM below 4 GiB and above it. */
uint64_t board_low_ram(const struct board *board);
uint64_t board_high_ram(const struct board *board);

/* pc_automation.c: the backend for a serial port that listens on the way to the embedder's. */
struct cbx_character_backend board_tap_serial(struct board *board, unsigned port,
					      const struct cbx_character_backend *backend);

/* pc_fork.c: what forks and histories need of a board. */
extern const struct cbx_board_ops board_ops;
struct cbx_character_backend board_character(struct board *board, unsigned output,
					     const struct cbx_character_backend *backend);
struct cbx_network_backend board_network(struct board *board, unsigned card,
					 const struct cbx_network_backend *backend);
struct cbx_sound_backend board_sound(struct board *board, const struct cbx_sound_backend *backend);
enum cbx_status board_keep_options(struct board *board, const struct cbx_pc_options *options);
/* pc.c: all of a board, like is the one whose fork it will be, or NULL. */
enum cbx_status board_new(struct cbx_machine *machine, const struct cbx_pc_options *options,
			  const struct board *like, struct cbx_error *error);
/* pc_input.c */
enum cbx_status board_input(struct cbx_machine *machine, const struct cbx_input *input);

/* pc_cmos.c: what the configuration memory says about this machine. */
void pc_fill_cmos(const struct board *board, const struct cbx_pc_options *options);
/* pc_firmware.c: the items of the firmware configuration interface. */
enum cbx_status pc_fill_fw_cfg(const struct board *board, const struct cbx_pc_options *options);
/* pc_acpi.c: more of them, the ACPI tables. */
enum cbx_status pc_fill_acpi(const struct board *board);

#endif
