/* Between the ATAPI drive's transport and state (atapi.c) and its commands (atapi_commands.c). */
#ifndef DEVICES_ATAPI_H
#define DEVICES_ATAPI_H

#include "ide_drive.h"

/* Sense key, additional sense code and qualifier in one number. */
enum atapi_sense {
	SENSE_NONE = 0,
	SENSE_NO_MEDIUM = 0x023a01, SENSE_TRAY_OPEN = 0x023a02,
	SENSE_READ_ERROR = 0x031100,
	SENSE_PARAMETER_LENGTH = 0x051a00, SENSE_OPCODE = 0x052000, SENSE_ADDRESS = 0x052100,
	SENSE_FIELD = 0x052400, SENSE_PARAMETER = 0x052600, SENSE_NO_SAVING = 0x053900,
	SENSE_LOCKED = 0x055302, SENSE_TRACK_MODE = 0x056400,
	SENSE_MEDIUM_CHANGED = 0x062800, SENSE_RESET = 0x062900
};

/* Unit attentions that are still to be told. */
enum { ATTENTION_RESET = 1, ATTENTION_MEDIUM = 2 };
/* Media events. */
enum { EVENT_NONE = 0, EVENT_EJECT = 1, EVENT_NEW = 2, EVENT_REMOVED = 3 };

/* atapi.c: every command ends in one of these. */
void atapi_good(struct ide_drive *drive);
void atapi_check_condition(struct ide_drive *drive, uint32_t sense);
/* The first bytes of data, at most the allocation length of them, go to the host. */
void atapi_reply(struct ide_drive *drive, uint32_t bytes, uint32_t allocation);
/* Sectors go to the host; fields are READ CD's flags, 10h for user data alone. */
void atapi_read(struct ide_drive *drive, uint64_t lba, uint64_t sectors, uint8_t fields);
/* bytes (not 0) come from the host; then atapi_received is called. */
void atapi_receive(struct ide_drive *drive, uint32_t bytes);

bool atapi_medium_present(const struct ide_drive *drive);
void atapi_set_tray(struct ide_drive *drive, bool open);

/* atapi_commands.c */
void atapi_command(struct ide_drive *drive);            /* state.packet */
void atapi_received(struct ide_drive *drive);           /* data[0 ... length - 1] */

/* cd_sector.c: a mode 1 sector of 2352 bytes around its 2048 bytes of user data. */
enum { CD_USER_BYTES = 2048, CD_RAW_BYTES = 2352, CD_USER_OFFSET = 16, CD_EDC_OFFSET = 2064 };
void cd_sector_build(uint8_t sector[CD_RAW_BYTES], uint32_t lba);
/* An address as minute, second, frame; they begin two seconds before sector 0. */
void cd_address_msf(uint32_t lba, uint8_t msf[3]);

#endif
