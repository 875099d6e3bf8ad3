/* Between the floppy controller's registers (floppy.c) and its data commands (floppy_transfer.c). */
#ifndef DEVICES_FLOPPY_STATE_H
#define DEVICES_FLOPPY_STATE_H

#include "floppy.h"

enum { FLOPPY_SECTOR = 512, FLOPPY_FIFO = 16, FLOPPY_DRIVES = 2 };

enum floppy_phase {
	FLOPPY_COMMAND,                 /* waits for a command's bytes */
	FLOPPY_EXECUTE,                 /* at work; the work timer goes on, if armed */
	FLOPPY_TRANSFER,                /* bytes of sector move by DMA or at the FIFO port */
	FLOPPY_RESULT,                  /* result bytes wait to be read */
	FLOPPY_RESET,                   /* held in reset */
	FLOPPY_PHASES
};

/* Commands, without the MT, MFM and SK bits. */
enum {
	FLOPPY_READ_TRACK = 0x02, FLOPPY_SPECIFY = 0x03, FLOPPY_SENSE_DRIVE = 0x04,
	FLOPPY_WRITE = 0x05, FLOPPY_READ = 0x06, FLOPPY_RECALIBRATE = 0x07,
	FLOPPY_SENSE_INTERRUPT = 0x08, FLOPPY_WRITE_DELETED = 0x09, FLOPPY_READ_ID = 0x0a,
	FLOPPY_READ_DELETED = 0x0c, FLOPPY_FORMAT = 0x0d, FLOPPY_DUMPREG = 0x0e,
	FLOPPY_SEEK = 0x0f, FLOPPY_VERSION = 0x10, FLOPPY_SCAN_EQUAL = 0x11,
	FLOPPY_PERPENDICULAR = 0x12, FLOPPY_CONFIGURE = 0x13, FLOPPY_LOCK = 0x14,
	FLOPPY_VERIFY = 0x16, FLOPPY_SCAN_LOW = 0x19, FLOPPY_SCAN_HIGH = 0x1d
};
enum { FLOPPY_MT = 0x80, FLOPPY_MFM = 0x40, FLOPPY_SK = 0x20 };

/* Status registers. */
enum { ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_READY_CHANGED = 0xc0, ST0_SEEK_END = 0x20,
       ST0_EQUIPMENT = 0x10 };
enum { ST1_MISSING_MARK = 0x01, ST1_WRITE_PROTECT = 0x02, ST1_NO_DATA = 0x04,
       ST1_DATA_ERROR = 0x20, ST1_END_OF_CYLINDER = 0x80 };
enum { ST2_SCAN_NOT_MET = 0x04, ST2_SCAN_HIT = 0x08, ST2_WRONG_CYLINDER = 0x10,
       ST2_DATA_ERROR = 0x20, ST2_CONTROL_MARK = 0x40 };

struct floppy_drive_state {
	uint8_t track;                  /* where the heads are */
	bool changed;                   /* the disk change line */
};

struct floppy_state {
	uint16_t position;              /* in sector, less than unit in the transfer phase */
	uint16_t unit;                  /* bytes that this piece of the transfer has */
	uint8_t sector[FLOPPY_SECTOR];
	uint8_t fifo[FLOPPY_FIFO];      /* command or result bytes */
	uint8_t fifo_position, fifo_length;
	uint8_t phase;

	uint8_t dor, tdr, dsr, rate;
	uint8_t specify[2];
	uint8_t config, precompensation_track, perpendicular;
	bool locked, irq, drq;

	/* Seeks. */
	uint8_t pcn[4], target[4], seek_st0[4];
	uint8_t seeking, seek_ended;    /* a bit a drive */
	uint8_t reset_senses;           /* SENSE INTERRUPTs that tell of the reset, yet to come */

	/* The data command. */
	uint8_t command;                /* with MT, MFM, SK */
	uint8_t drive, head;
	uint8_t cylinder, id_head, record, size_code, end, last;        /* last: DTL, STP or SC */
	uint8_t st0, st1, st2;
	uint8_t fill;                   /* FORMAT: the data byte */
	uint8_t left;                   /* FORMAT, VERIFY: sectors yet to be done */
	bool terminal_count;

	struct floppy_drive_state drives[FLOPPY_DRIVES];
	uint8_t zero;                   /* no padding */
};

struct floppy_format {
	uint8_t cylinders, heads, sectors;
	uint8_t rates;                  /* a bit for each data rate that reads it */
	uint8_t drive_type;             /* CMOS type of the drive it is made for */
};

struct floppy_drive {
	bool present;
	uint8_t type;
	struct cbx_disk_backend disk;
	const struct floppy_format *format;     /* NULL: no disk */
};

struct floppy {
	struct cbx_device device;
	struct cbx_line irq;
	struct dma_channel channel;
	struct floppy_drive drives[FLOPPY_DRIVES];
	struct cbx_timer *seek_timers[4];
	struct cbx_timer *work_timer, *reset_timer;
	struct floppy_state state;
};

/* ---- floppy.c ---------------------------------------------------------------------------- */

void floppy_set_irq(struct floppy *floppy, bool level);
void floppy_set_drq(struct floppy *floppy, bool level);
/* The drive 0-3, NULL when there is none; and its state. */
struct floppy_drive *floppy_drive(struct floppy *floppy, unsigned number);
struct floppy_drive_state *floppy_drive_state(struct floppy *floppy, unsigned number);
/* Moves the heads; a step with a disk in the drive clears the change line. */
void floppy_step_to(struct floppy *floppy, unsigned number, unsigned track);
/* To the result phase, with the interrupt that data commands end with or without. */
void floppy_result(struct floppy *floppy, const uint8_t *bytes, unsigned count, bool interrupt);

/* ---- floppy_transfer.c --------------------------------------------------------------------- */

/* Is this a data command (its bytes are in the FIFO, the command in state.command)? */
bool floppy_is_transfer(uint8_t command);
void floppy_transfer_begin(struct floppy *floppy);
void floppy_transfer_work(struct floppy *floppy);       /* the work timer has fired */
/* Bytes at the FIFO port in the transfer phase without DMA. */
uint8_t floppy_transfer_read(struct floppy *floppy);
void floppy_transfer_write(struct floppy *floppy, uint8_t byte);
bool floppy_transfer_to_host(const struct floppy *floppy);
bool floppy_transfer_uses_dma(const struct floppy *floppy);
const struct floppy_format *floppy_format_of(const struct cbx_disk_backend *disk);
size_t floppy_dma_transfer(void *user, uint8_t *bytes, size_t count, bool to_device,
			   bool terminal_count);

#endif
