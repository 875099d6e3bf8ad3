/*
 * What goes over a cable, as a pcap file (the classic format, in the host's byte order:
 * the magic number tells readers which that is).
 */
#include "network.h"
#include "output_file.h"

#include <time.h>

static bool write_words(FILE *file, const uint32_t *words, size_t count)
{
	return fwrite(words, sizeof(*words), count, file) == count;
}

FILE *capture_open(const char *name)
{
	/* the magic number; version 2.4; no time zone, no accuracy, the longest frame, Ethernet */
	const uint32_t magic = 0xa1b2c3d4, rest[] = { 0, 0, 65535, 1 };
	const uint16_t version[] = { 2, 4 };
	FILE *file = output_file(name);

	if (!file)
		return NULL;
	if (!write_words(file, &magic, 1) || fwrite(version, sizeof(version), 1, file) != 1 ||
	    !write_words(file, rest, 4) || fflush(file)) {
		fclose(file);
		return NULL;
	}
	return file;
}

bool capture_frame(FILE *capture, const uint8_t *frame, size_t count)
{
	struct timespec now;
	uint32_t head[4];

	clock_gettime(CLOCK_REALTIME, &now);
	head[0] = (uint32_t)now.tv_sec;
	head[1] = (uint32_t)(now.tv_nsec / 1000);
	head[2] = head[3] = (uint32_t)count;
	return write_words(capture, head, 4) && fwrite(frame, 1, count, capture) == count;
}
