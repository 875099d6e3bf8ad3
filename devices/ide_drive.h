/*
 * Between an IDE channel (ide.c), the drives on it (ata.c, atapi.c) and the bus master
 * (piix3_ide.c).
 */
#ifndef DEVICES_IDE_DRIVE_H
#define DEVICES_IDE_DRIVE_H

#include "ide.h"

enum {
	IDE_BSY = 0x80, IDE_DRDY = 0x40, IDE_DF = 0x20, IDE_DSC = 0x10, IDE_DRQ = 0x08,
	IDE_ERR = 0x01
};
enum { IDE_ERROR_ABRT = 0x04, IDE_ERROR_IDNF = 0x10, IDE_ERROR_UNC = 0x40 };

/* Device register. */
enum { IDE_DEVICE_LBA = 0x40, IDE_DEVICE_1 = 0x10 };

/*
 * Where a drive is in a command.  While it is busy, its timer is armed and its phase
 * says what happens when it fires.
 */
enum ide_phase {
	IDE_IDLE,
	IDE_EXECUTE,                    /* busy: a command was accepted */
	IDE_BLOCK,                      /* busy: the host has moved a block */
	IDE_RESET,                      /* busy: reset, or held in reset (timer not armed) */
	IDE_PIO,                        /* the host moves a block at the data port */
	IDE_DMA,                        /* a block waits for the bus master, or is on its way */
	IDE_SLEEP,                      /* SLEEP: deaf until a reset */
	IDE_PHASES
};

/* The most a drive hands to the host at once; and the longest ATAPI block fits. */
enum { IDE_BUFFER_BYTES = 65536 };

struct ide_drive_state {
	uint64_t lba;                   /* transfer: the next block */
	uint64_t visible_sectors;       /* as SET MAX left it */
	uint64_t left;                  /* transfer: sectors (ATA), bytes (ATAPI) yet to come */
	uint32_t position, length;      /* of the block in data */
	uint16_t byte_limit;            /* ATAPI: the most bytes in a block */
	uint16_t sector_bytes;          /* ATAPI: of the read under way; 0: a reply lies in data */
	uint16_t sector_done;           /* bytes of sector lba that the host already has */

	uint8_t feature[2], count[2], lba_low[2], lba_mid[2], lba_high[2];      /* [1]: previous */
	uint8_t device, error, status, command;
	uint8_t phase;
	bool irq;                       /* INTRQ while the drive is selected */
	bool dma, to_host;              /* how the block moves */
	bool last;                      /* after this block the command ends without an interrupt */
	bool extended;                  /* the command is a 48-bit one */

	/* ATA */
	bool write_cache, look_ahead, native_max_was_read, chs;
	uint8_t multiple;               /* sectors in a block of READ MULTIPLE; 0: off */
	uint8_t transfer_mode;          /* of SET FEATURES 03h */
	uint8_t heads, sectors;         /* the current geometry */
	uint8_t power;                  /* as CHECK POWER MODE tells it */

	/* ATAPI */
	uint8_t packet[12];
	uint8_t sense_key, sense_asc, sense_ascq;
	uint8_t attention;              /* unit attentions to tell: enum in atapi.c */
	uint8_t media_event;            /* for GET EVENT STATUS NOTIFICATION */
	bool locked, tray_open;
	uint8_t raw_fields;             /* of READ CD; 0: user data alone */
	bool awaiting_packet;

	uint8_t data[IDE_BUFFER_BYTES];
};
_Static_assert(sizeof(struct ide_drive_state) == 88 + IDE_BUFFER_BYTES, "no padding");

struct ide_drive;

struct ide_drive_type {
	bool packet;                    /* ATAPI */
	void (*reset)(struct ide_drive *drive, bool hardware);
	void (*signature)(struct ide_drive *drive);
	void (*execute)(struct ide_drive *drive);       /* state.command */
	void (*block_moved)(struct ide_drive *drive);   /* data[0 ... length - 1] */
	bool (*check)(const struct ide_drive *drive, const struct ide_drive_state *state);
};

extern const struct ide_drive_type ata_drive_type, atapi_drive_type;

struct ide_channel;

struct ide_drive {
	const struct ide_drive_type *type;      /* NULL: no drive */
	struct ide_channel *channel;
	unsigned number;                        /* 0-3 in the machine */
	struct cbx_disk_backend disk;
	uint64_t disk_sectors;                  /* 512 or 2048 bytes each */
	struct cbx_timer *timer;
	struct ide_drive_state *state;
};

/* ---- ide.c, for drives: each call ends what the drive was doing --------------------------- */

/* A block of 1 ... IDE_BUFFER_BYTES bytes lies in data for the host, or is wanted from it. */
void ide_data_in(struct ide_drive *drive, uint32_t bytes);
void ide_data_out(struct ide_drive *drive, uint32_t bytes, bool interrupt);
/* The command is over: with an interrupt, without one, or with an error and one. */
void ide_finish(struct ide_drive *drive);
void ide_finish_quietly(struct ide_drive *drive);
void ide_fail(struct ide_drive *drive, uint8_t error);
/* Posts an interrupt. */
void ide_interrupt(struct ide_drive *drive);
/* The other drive of the channel, NULL if there is none. */
struct ide_drive *ide_other_drive(struct ide_drive *drive);
/* Both drives of the channel run their diagnostics, as after a reset. */
void ide_diagnose(struct ide_drive *drive);

/* IDENTIFY: one word of the reply in data; and the texts, which are the same but for the model. */
void ide_put_word(struct ide_drive *drive, unsigned word, uint32_t value);
void ide_put_names(struct ide_drive *drive, const char *model);

/* Moves through the backend; false: it failed or there is none. */
bool ide_disk_read(struct ide_drive *drive, uint64_t offset, void *bytes, size_t count);
bool ide_disk_write(struct ide_drive *drive, uint64_t offset, const void *bytes, size_t count);
bool ide_disk_flush(struct ide_drive *drive);

/* ---- ide.c and the bus master ----------------------------------------------------------------- */

struct ide_bus_master {
	/*
	 * Moves up to count bytes between data and memory; fewer when the descriptors end or
	 * the master is not running in this direction.
	 */
	uint32_t (*transfer)(struct cbx_device *device, unsigned channel, uint8_t *data,
			     uint32_t count, bool to_memory);
	/* The channel's INTRQ rose. */
	void (*interrupt)(struct cbx_device *device, unsigned channel);
	bool (*running)(struct cbx_device *device, unsigned channel, bool to_memory);
	struct cbx_device *device;
};

enum cbx_status ide_channel_new(struct cbx_machine *machine, unsigned number,
				const struct ide_options *options, struct ide_channel **channel);
void ide_channel_connect(struct ide_channel *channel, const struct ide_bus_master *master);
/* The bus master started: a waiting drive goes on. */
void ide_channel_dma_ready(struct ide_channel *channel);
struct ide_drive *ide_channel_drive(struct ide_channel *channel, unsigned number);

/* atapi.c */
enum cbx_status atapi_change_medium(struct ide_drive *drive, const struct cbx_disk_backend *disk);

#endif
