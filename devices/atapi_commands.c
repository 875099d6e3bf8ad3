/*
 * The packet commands of the CD-ROM drive: SPC-2, MMC-3, and SFF-8020i where old drivers
 * need it.  The disc is one data track of mode 1 sectors.
 */
#include "atapi.h"

#include <string.h>

enum {
	TEST_UNIT_READY = 0x00, REZERO = 0x01, REQUEST_SENSE = 0x03, READ_6 = 0x08, SEEK_6 = 0x0b,
	INQUIRY = 0x12, MODE_SELECT_6 = 0x15, MODE_SENSE_6 = 0x1a, START_STOP = 0x1b,
	PREVENT_ALLOW = 0x1e, READ_CAPACITY = 0x25, READ_10 = 0x28, SEEK_10 = 0x2b,
	VERIFY_10 = 0x2f, SYNCHRONIZE_CACHE = 0x35, READ_SUBCHANNEL = 0x42, READ_TOC = 0x43,
	READ_HEADER = 0x44, GET_CONFIGURATION = 0x46, GET_EVENT_STATUS = 0x4a,
	READ_DISC_INFORMATION = 0x51, READ_TRACK_INFORMATION = 0x52, MODE_SELECT_10 = 0x55,
	MODE_SENSE_10 = 0x5a, READ_12 = 0xa8, READ_CD_MSF = 0xb9, SET_SPEED = 0xbb,
	MECHANISM_STATUS = 0xbd, READ_CD = 0xbe
};
enum { LEAD_OUT = 0xaa, PROFILE_CD = 0x0008, PROFILE_DVD = 0x0010 };
/* More than fits on a CD: the disc is a DVD. */
enum { CD_SECTORS_MAX = 450000 };
enum { MODE_PARAMETERS_MAX = 1024 };

static uint32_t big2(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 8 | bytes[1];
}

static uint32_t big4(const uint8_t *bytes)
{
	return big2(bytes) << 16 | big2(bytes + 2);
}

static void put_big2(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static void put_big4(uint8_t *bytes, uint32_t value)
{
	put_big2(bytes, value >> 16);
	put_big2(bytes + 2, value);
}

/* The number of the disc's last sector plus one, as 32 bits can tell it. */
static uint32_t disc_sectors(const struct ide_drive *drive)
{
	return drive->disk_sectors > UINT32_MAX ? UINT32_MAX : (uint32_t)drive->disk_sectors;
}

/* An address as four bytes: LBA, or reserved, minute, second, frame. */
static void put_address(uint8_t *bytes, uint32_t lba, bool msf)
{
	if (!msf) {
		put_big4(bytes, lba);
		return;
	}
	bytes[0] = 0;
	cd_address_msf(lba, bytes + 1);
}

/* ---- Identity and sense --------------------------------------------------------------------- */

static void inquiry(struct ide_drive *drive)
{
	const uint8_t *packet = drive->state->packet;
	uint8_t *data = drive->state->data;

	if ((packet[1] & 3) || packet[2]) {
		atapi_check_condition(drive, SENSE_FIELD);
		return;
	}
	memset(data, 0, 36);
	data[0] = 0x05;                 /* CD-ROM */
	data[1] = 0x80;                 /* removable */
	data[3] = 0x21;                 /* ATAPI, response format 1 */
	data[4] = 31;
	memcpy(data + 8, "CLEARBOXCD-ROM          1.0 ", 28);
	atapi_reply(drive, 36, big2(packet + 3));
}

static void request_sense(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	uint8_t *data = state->data;
	uint32_t sense = (uint32_t)state->sense_key << 16 | (uint32_t)state->sense_asc << 8 |
			 state->sense_ascq;

	if (!sense && state->attention) {
		bool reset = state->attention & ATTENTION_RESET;

		sense = reset ? SENSE_RESET : SENSE_MEDIUM_CHANGED;
		state->attention &= (uint8_t)~(reset ? ATTENTION_RESET : ATTENTION_MEDIUM);
	}
	memset(data, 0, 18);
	data[0] = 0x70;                 /* current, fixed format */
	data[2] = (uint8_t)(sense >> 16);
	data[7] = 10;
	data[12] = (uint8_t)(sense >> 8);
	data[13] = (uint8_t)sense;
	state->sense_key = state->sense_asc = state->sense_ascq = 0;
	atapi_reply(drive, 18, state->packet[4]);
}

/* ---- Reading ------------------------------------------------------------------------------------ */

static void read_sectors(struct ide_drive *drive, uint32_t lba, uint32_t count, uint8_t fields)
{
	if ((uint64_t)lba + count > drive->disk_sectors)
		atapi_check_condition(drive, SENSE_ADDRESS);
	else
		atapi_read(drive, lba, count, fields);
}

static void read_6(struct ide_drive *drive)
{
	const uint8_t *packet = drive->state->packet;
	uint32_t lba = (packet[1] & 0x1fu) << 16 | big2(packet + 2);

	read_sectors(drive, lba, packet[4] ? packet[4] : 256, 0x10);
}

/*
 * READ CD and READ CD MSF: byte 1 is the sector type that is expected, byte 9 what of a
 * sector is wanted, byte 10 the sub-channel (none here).
 */
static void read_cd(struct ide_drive *drive, uint32_t lba, uint32_t count)
{
	const uint8_t *packet = drive->state->packet;
	unsigned type = packet[1] >> 2 & 7;
	uint8_t fields = packet[9] & 0xf8;

	if (packet[10] & 7 || packet[9] & 6) {
		atapi_check_condition(drive, SENSE_FIELD);
		return;
	}
	if (type != 0 && type != 2) {
		atapi_check_condition(drive, SENSE_TRACK_MODE);
		return;
	}
	/* A mode 1 sector has no sub-header: asking for it gives nothing more. */
	fields &= (uint8_t)~0x40;
	read_sectors(drive, lba, count, fields);
}

static void read_cd_msf(struct ide_drive *drive)
{
	const uint8_t *packet = drive->state->packet;
	uint32_t first = (packet[3] * 60u + packet[4]) * 75u + packet[5];
	uint32_t end = (packet[6] * 60u + packet[7]) * 75u + packet[8];

	if (first < 150 || end < first)
		atapi_check_condition(drive, SENSE_ADDRESS);
	else
		read_cd(drive, first - 150, end - first);
}

static void read_capacity(struct ide_drive *drive)
{
	put_big4(drive->state->data, disc_sectors(drive) - 1);
	put_big4(drive->state->data + 4, CD_USER_BYTES);
	atapi_reply(drive, 8, 8);
}

static void seek(struct ide_drive *drive, uint32_t lba)
{
	if (lba >= drive->disk_sectors)
		atapi_check_condition(drive, SENSE_ADDRESS);
	else
		atapi_good(drive);
}

/* ---- What is on the disc ------------------------------------------------------------------------- */

/* Format 0: tracks and lead-out.  Returns the length, 0 for a start track that is not there. */
static uint32_t toc_tracks(struct ide_drive *drive, uint8_t *data, unsigned start, bool msf)
{
	uint8_t *to = data + 4;

	if (start > 1 && start != LEAD_OUT)
		return 0;
	data[2] = data[3] = 1;          /* first and last track */
	if (start <= 1) {
		to[1] = 0x14;           /* position; data track, copying forbidden */
		to[2] = 1;
		put_address(to + 4, 0, msf);
		to += 8;
	}
	to[1] = 0x14;
	to[2] = LEAD_OUT;
	put_address(to + 4, disc_sectors(drive), msf);
	to += 8;
	return (uint32_t)(to - data);
}

static uint32_t toc_sessions(uint8_t *data, bool msf)
{
	data[2] = data[3] = 1;          /* first and last session */
	data[5] = 0x14;
	data[6] = 1;                    /* first track of the last session */
	put_address(data + 8, 0, msf);
	return 12;
}

/* Format 2: the Q sub-channel of the lead-in: points A0, A1, A2 and the track. */
static uint32_t toc_raw(struct ide_drive *drive, uint8_t *data, unsigned start)
{
	static const uint8_t points[] = { 0xa0, 0xa1, 0xa2, 1 };
	uint8_t *to = data + 4;

	if (start > 1)
		return 0;
	data[2] = data[3] = 1;
	for (unsigned i = 0; i < sizeof(points); i++, to += 11) {
		to[0] = 1;              /* session */
		to[1] = 0x14;
		to[3] = points[i];
		if (points[i] == 0xa2)
			cd_address_msf(disc_sectors(drive), to + 8);
		else if (points[i] == 1)
			cd_address_msf(0, to + 8);
		else
			to[8] = 1;      /* first or last track; disc type 0 */
	}
	return (uint32_t)(to - data);
}

static void read_toc(struct ide_drive *drive)
{
	const uint8_t *packet = drive->state->packet;
	uint8_t *data = drive->state->data;
	unsigned format = packet[2] & 15;
	bool msf = packet[1] & 2;
	uint32_t bytes;

	/* Where SFF-8020i had it. */
	if (!format)
		format = packet[9] >> 6;
	memset(data, 0, 64);
	if (format == 0)
		bytes = toc_tracks(drive, data, packet[6], msf);
	else if (format == 1)
		bytes = toc_sessions(data, msf);
	else if (format == 2)
		bytes = toc_raw(drive, data, packet[6]);
	else
		bytes = 0;
	if (!bytes) {
		atapi_check_condition(drive, SENSE_FIELD);
		return;
	}
	put_big2(data, bytes - 2);
	atapi_reply(drive, bytes, big2(packet + 7));
}

static void read_subchannel(struct ide_drive *drive)
{
	const uint8_t *packet = drive->state->packet;
	uint8_t *data = drive->state->data;
	uint32_t bytes = 4;

	memset(data, 0, 24);
	data[1] = 0x15;                 /* no audio status to tell */
	if (packet[2] & 0x40) {
		switch (packet[3]) {
		case 1:
			bytes = 16;
			data[5] = 0x14;
			data[6] = data[7] = 1;
			put_address(data + 8, 0, packet[1] & 2);
			put_address(data + 12, 0, packet[1] & 2);
			break;
		case 2:
		case 3:
			bytes = 24;
			break;
		default:
			atapi_check_condition(drive, SENSE_FIELD);
			return;
		}
		data[4] = packet[3];
	}
	put_big2(data + 2, bytes - 4);
	atapi_reply(drive, bytes, big2(packet + 7));
}

static void read_header(struct ide_drive *drive)
{
	const uint8_t *packet = drive->state->packet;
	uint8_t *data = drive->state->data;
	uint32_t lba = big4(packet + 2);

	if (lba >= drive->disk_sectors) {
		atapi_check_condition(drive, SENSE_ADDRESS);
		return;
	}
	memset(data, 0, 8);
	data[0] = 1;                    /* mode 1 */
	put_address(data + 4, lba, packet[1] & 2);
	atapi_reply(drive, 8, big2(packet + 7));
}

static void read_disc_information(struct ide_drive *drive)
{
	uint8_t *data = drive->state->data;

	memset(data, 0, 34);
	put_big2(data, 32);
	data[2] = 0x0e;                 /* complete disc and session, not erasable */
	data[3] = data[4] = data[5] = data[6] = 1;
	data[7] = 0x20;                 /* unrestricted use */
	memset(data + 16, 0xff, 8);     /* no further session can begin */
	atapi_reply(drive, 34, big2(drive->state->packet + 7));
}

static void read_track_information(struct ide_drive *drive)
{
	const uint8_t *packet = drive->state->packet;
	uint8_t *data = drive->state->data;
	uint32_t number = big4(packet + 2);
	bool known = (packet[1] & 3) == 0 ? number < drive->disk_sectors : number == 1;

	if ((packet[1] & 3) == 3 || !known) {
		atapi_check_condition(drive, SENSE_FIELD);
		return;
	}
	memset(data, 0, 36);
	put_big2(data, 34);
	data[2] = data[3] = 1;          /* track and session */
	data[5] = 0x04;                 /* data track */
	data[6] = 0x01;                 /* mode 1 */
	put_big4(data + 24, disc_sectors(drive));
	atapi_reply(drive, 36, big2(packet + 7));
}

/* ---- The drive ----------------------------------------------------------------------------------- */

static uint32_t put_feature(uint8_t *to, unsigned code, unsigned flags, const uint8_t *bytes,
			    uint8_t count)
{
	put_big2(to, code);
	to[2] = (uint8_t)flags;
	to[3] = count;
	memcpy(to + 4, bytes, count);
	return 4u + count;
}

static void get_configuration(struct ide_drive *drive)
{
	enum { PERSISTENT = 2, CURRENT = 1 };
	const uint8_t *packet = drive->state->packet;
	uint8_t *data = drive->state->data;
	bool medium = atapi_medium_present(drive);
	unsigned profile = !medium ? 0 : drive->disk_sectors > CD_SECTORS_MAX ? PROFILE_DVD
									      : PROFILE_CD;
	uint8_t lists[8] = {
		0, PROFILE_DVD, profile == PROFILE_DVD, 0, 0, PROFILE_CD, profile == PROFILE_CD, 0
	};
	const struct {
		uint16_t code;
		uint8_t flags, count;
		uint8_t bytes[8];
	} features[] = {
		{ 0x0001, 2 << 2 | PERSISTENT | CURRENT, 8, { 0, 0, 0, 2, 0, 0, 0, 0 } },
		{ 0x0002, 1 << 2 | PERSISTENT | CURRENT, 4, { 0 } },            /* morphing */
		{ 0x0003, PERSISTENT | CURRENT, 4, { 0x29 } },  /* tray, eject, lock */
		{ 0x0010, medium, 8, { 0, 0, 8, 0, 0, 1, 0, 0 } },      /* random readable */
		{ 0x001d, profile == PROFILE_CD, 0, { 0 } },            /* multi-read */
		{ 0x001e, 2 << 2 | (profile == PROFILE_CD), 4, { 0 } }, /* CD read */
		{ 0x001f, profile == PROFILE_DVD, 4, { 0 } }            /* DVD read */
	};
	unsigned how = packet[1] & 3, start = big2(packet + 2);
	uint32_t bytes = 8;

	if (how == 3) {
		atapi_check_condition(drive, SENSE_FIELD);
		return;
	}
	memset(data, 0, 8);
	put_big2(data + 6, profile);
	if (start == 0)
		bytes += put_feature(data + bytes, 0, PERSISTENT | CURRENT, lists, 8);
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		/* All from start on; of those, only current ones; or just this one. */
		if (how == 2 ? features[i].code != start : features[i].code < start)
			continue;
		if (how == 1 && !(features[i].flags & CURRENT))
			continue;
		bytes += put_feature(data + bytes, features[i].code, features[i].flags,
				     features[i].bytes, features[i].count);
	}
	put_big4(data, bytes - 4);
	atapi_reply(drive, bytes, big2(packet + 7));
}

static void get_event_status(struct ide_drive *drive)
{
	enum { MEDIA_CLASS = 4 };
	struct ide_drive_state *state = drive->state;
	const uint8_t *packet = state->packet;
	uint8_t *data = state->data;
	uint32_t bytes = 4;

	/* Only when polled: there is no queue that would call back. */
	if (!(packet[1] & 1)) {
		atapi_check_condition(drive, SENSE_FIELD);
		return;
	}
	memset(data, 0, 8);
	data[2] = 0x80;                 /* no event */
	data[3] = 1 << MEDIA_CLASS;
	if (packet[4] & 1 << MEDIA_CLASS) {
		bytes = 8;
		data[2] = MEDIA_CLASS;
		data[4] = state->media_event;
		data[5] = (uint8_t)((atapi_medium_present(drive) ? 2 : 0) | state->tray_open);
		if (big2(packet + 7) >= 8)
			state->media_event = EVENT_NONE;
	}
	put_big2(data, bytes - 2);
	atapi_reply(drive, bytes, big2(packet + 7));
}

static void mechanism_status(struct ide_drive *drive)
{
	uint8_t *data = drive->state->data;

	memset(data, 0, 8);
	data[1] = drive->state->tray_open ? 0x10 : 0;
	data[5] = 1;                    /* one slot, no table of slots */
	atapi_reply(drive, 8, big2(drive->state->packet + 8));
}

static void start_stop(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	bool load_or_eject = state->packet[4] & 2, start = state->packet[4] & 1;

	if (load_or_eject && !start && state->locked) {
		atapi_check_condition(drive, SENSE_LOCKED);
		return;
	}
	if (load_or_eject)
		atapi_set_tray(drive, !start);
	atapi_good(drive);
}

/* ---- Mode pages -------------------------------------------------------------------------------------- */

/* Puts a page's bytes, or which of them can be changed (none); returns its length. */
static uint32_t put_page(uint8_t *to, uint8_t page, bool changeable)
{
	static const uint8_t error_recovery[8] = { 0x01, 6, 0, 5 };
	static const uint8_t cd_parameters[8] = { 0x0d, 6, 0, 13, 0, 60, 0, 75 };
	static const uint8_t audio[16] = { 0x0e, 14, 4, 0, 0, 0, 0, 75, 1, 0xff, 2, 0xff };
	/*
	 * Reads all kinds of CD and DVD-ROM; mode 2 forms and multisession; tray that can
	 * be locked and ejects; 50 times the speed of sound, 512 KiB of buffer.
	 */
	static const uint8_t capabilities[22] = {
		0x2a, 20, 0x3b, 0, 0x70, 0x20, 0x29, 0, 0x22, 0xc2, 0, 2, 2, 0, 0x22, 0xc2
	};
	const uint8_t *from;
	uint32_t bytes;

	switch (page) {
	case 0x01:
		from = error_recovery;
		bytes = sizeof(error_recovery);
		break;
	case 0x0d:
		from = cd_parameters;
		bytes = sizeof(cd_parameters);
		break;
	case 0x0e:
		from = audio;
		bytes = sizeof(audio);
		break;
	case 0x2a:
		from = capabilities;
		bytes = sizeof(capabilities);
		break;
	default:
		return 0;
	}
	memcpy(to, from, bytes);
	if (changeable)
		memset(to + 2, 0, bytes - 2);
	return bytes;
}

static void mode_sense(struct ide_drive *drive, bool ten)
{
	static const uint8_t pages[] = { 0x01, 0x0d, 0x0e, 0x2a };
	struct ide_drive_state *state = drive->state;
	const uint8_t *packet = state->packet;
	uint8_t *data = state->data;
	uint8_t control = packet[2] >> 6, page = packet[2] & 0x3f;
	uint8_t medium = state->tray_open ? 0x71 : atapi_medium_present(drive) ? 0x01 : 0x70;
	uint32_t header = ten ? 8 : 4, bytes = header;

	if (control == 3) {
		atapi_check_condition(drive, SENSE_NO_SAVING);
		return;
	}
	memset(data, 0, 128);
	for (unsigned i = 0; i < sizeof(pages); i++) {
		if (page != 0x3f && page != pages[i])
			continue;
		bytes += put_page(data + bytes, pages[i], control == 1);
		/* The lock's state is in the capabilities. */
		if (pages[i] == 0x2a && control != 1 && state->locked)
			data[bytes - 22 + 6] |= 2;
	}
	if (bytes == header) {
		atapi_check_condition(drive, SENSE_FIELD);
		return;
	}
	if (ten) {
		put_big2(data, bytes - 2);
		data[2] = medium;
	} else {
		data[0] = (uint8_t)(bytes - 1);
		data[1] = medium;
	}
	atapi_reply(drive, bytes, ten ? big2(packet + 7) : packet[4]);
}

static void mode_select(struct ide_drive *drive, bool ten)
{
	const uint8_t *packet = drive->state->packet;
	uint32_t bytes = ten ? big2(packet + 7) : packet[4];

	if (packet[1] & 1)
		atapi_check_condition(drive, SENSE_NO_SAVING);
	else if (!bytes)
		atapi_good(drive);
	else if (bytes < (ten ? 8u : 4u) || bytes > MODE_PARAMETERS_MAX)
		atapi_check_condition(drive, SENSE_PARAMETER_LENGTH);
	else
		atapi_receive(drive, bytes);
}

/* The pages of MODE SELECT: of the right form is all that is asked, as none can change. */
void atapi_received(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	bool ten = state->packet[0] == MODE_SELECT_10;
	uint32_t total = ten ? big2(state->packet + 7) : state->packet[4];
	uint32_t at = ten ? 8 : 4;
	uint8_t known[32];

	if (total > state->length)
		total = state->length;
	while (at < total) {
		const uint8_t *page = state->data + at;
		uint32_t left = total - at, bytes;

		bytes = put_page(known, page[0] & 0x3f, false);
		if (!bytes) {
			atapi_check_condition(drive, SENSE_PARAMETER);
			return;
		}
		if (left < bytes || page[1] != bytes - 2) {
			atapi_check_condition(drive, SENSE_PARAMETER_LENGTH);
			return;
		}
		at += bytes;
	}
	atapi_good(drive);
}

/* ---- All commands -------------------------------------------------------------------------------------- */

static void with_medium(struct ide_drive *drive)
{
	const uint8_t *packet = drive->state->packet;

	switch (packet[0]) {
	case TEST_UNIT_READY: case REZERO: case SYNCHRONIZE_CACHE: case VERIFY_10:
		atapi_good(drive);
		break;
	case READ_6:
		read_6(drive);
		break;
	case READ_10:
		read_sectors(drive, big4(packet + 2), big2(packet + 7), 0x10);
		break;
	case READ_12:
		read_sectors(drive, big4(packet + 2), big4(packet + 6), 0x10);
		break;
	case READ_CD:
		read_cd(drive, big4(packet + 2), (uint32_t)packet[6] << 16 | big2(packet + 7));
		break;
	case READ_CD_MSF:
		read_cd_msf(drive);
		break;
	case SEEK_6:
		seek(drive, (packet[1] & 0x1fu) << 16 | big2(packet + 2));
		break;
	case SEEK_10:
		seek(drive, big4(packet + 2));
		break;
	case READ_CAPACITY:
		read_capacity(drive);
		break;
	case READ_TOC:
		read_toc(drive);
		break;
	case READ_SUBCHANNEL:
		read_subchannel(drive);
		break;
	case READ_HEADER:
		read_header(drive);
		break;
	case READ_DISC_INFORMATION:
		read_disc_information(drive);
		break;
	default:
		read_track_information(drive);
	}
}

static bool needs_medium(uint8_t opcode)
{
	static const uint8_t opcodes[] = {
		TEST_UNIT_READY, REZERO, READ_6, SEEK_6, READ_CAPACITY, READ_10, SEEK_10,
		VERIFY_10, SYNCHRONIZE_CACHE, READ_SUBCHANNEL, READ_TOC, READ_HEADER,
		READ_DISC_INFORMATION, READ_TRACK_INFORMATION, READ_12, READ_CD_MSF, READ_CD
	};

	return memchr(opcodes, opcode, sizeof(opcodes)) != NULL;
}

static void without_medium(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;

	switch (state->packet[0]) {
	case MODE_SENSE_6: case MODE_SENSE_10:
		mode_sense(drive, state->packet[0] == MODE_SENSE_10);
		break;
	case MODE_SELECT_6: case MODE_SELECT_10:
		mode_select(drive, state->packet[0] == MODE_SELECT_10);
		break;
	case START_STOP:
		start_stop(drive);
		break;
	case PREVENT_ALLOW:
		state->locked = state->packet[4] & 1;
		atapi_good(drive);
		break;
	case MECHANISM_STATUS:
		mechanism_status(drive);
		break;
	case SET_SPEED:
		atapi_good(drive);
		break;
	default:
		atapi_check_condition(drive, SENSE_OPCODE);
	}
}

void atapi_command(struct ide_drive *drive)
{
	struct ide_drive_state *state = drive->state;
	uint8_t opcode = state->packet[0];

	switch (opcode) {
	case REQUEST_SENSE:
		request_sense(drive);
		return;
	case INQUIRY:
		inquiry(drive);
		return;
	case GET_CONFIGURATION:
		get_configuration(drive);
		return;
	case GET_EVENT_STATUS:
		get_event_status(drive);
		return;
	default:
		break;
	}
	/* What happened comes before what is asked, once. */
	state->sense_key = state->sense_asc = state->sense_ascq = 0;
	if (state->attention) {
		bool reset = state->attention & ATTENTION_RESET;

		state->attention &= (uint8_t)~(reset ? ATTENTION_RESET : ATTENTION_MEDIUM);
		atapi_check_condition(drive, reset ? SENSE_RESET : SENSE_MEDIUM_CHANGED);
	} else if (!needs_medium(opcode)) {
		without_medium(drive);
	} else if (!atapi_medium_present(drive)) {
		atapi_check_condition(drive, state->tray_open ? SENSE_TRAY_OPEN : SENSE_NO_MEDIUM);
	} else {
		with_medium(drive);
	}
}
