/*
 * Saved states as files.  A head of text lines says which program saved it, with which options
 * and disks, and how much of what follows; after an empty line come the blocks that lie over the
 * disks (-snapshot) and then the bytes of cbx_snapshot_save.  docs/state.md has the form.
 *
 * A disk is known by its size and a hash of its bytes: of all of them up to 256 MiB, of samples
 * and the time of its last change beyond that.
 */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <clearbox/state.h>

#include "complain.h"
#include "session.h"

enum { HEAD_MAX = 64 << 10, CHUNK = 64 << 10, SAMPLES = 1024, BLOCK_MAX = 4096 };

static const char magic[] = "clearbox state ";

static const uint64_t whole_hash_max = 256 << 20;

/* ---- Progress -------------------------------------------------------------------------- */

/* A timer of processor time says that something is going on while the library works. */
static char progress_text[200];
static volatile sig_atomic_t progress_shown;

static void progress_tick(int number)
{
	const char *text = progress_shown ? "." : progress_text;
	size_t length = progress_shown ? 1 : strlen(progress_text);
	int before = errno;

	(void)number;
	progress_shown = 1;
	if (write(STDERR_FILENO, text, length) < 0)
		progress_shown = 1;
	errno = before;
}

static void progress_begin(const struct session *session, const char *what, const char *path)
{
	struct itimerval time = { .it_value.tv_usec = 500000, .it_interval.tv_usec = 500000 };
	struct sigaction action = { .sa_handler = progress_tick, .sa_flags = SA_RESTART };
	const char *name = strrchr(path, '/');

	progress_shown = 0;
	snprintf(progress_text, sizeof(progress_text), "clearbox: %s %.120s ", what,
		 name ? name + 1 : path);
	/* Where the guest's screen is drawn, there is no place for it. */
	if (session->display && session->options->display == DISPLAY_TERMINAL &&
	    !session->display->monitor)
		return;
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &time, NULL);
}

static void progress_end(bool good)
{
	struct itimerval none = { .it_value.tv_sec = 0 };

	setitimer(ITIMER_PROF, &none, NULL);
	if (progress_shown)
		fputs(good ? " done\n" : "\n", stderr);
	progress_shown = 0;
}

/* ---- Which disk is it? --------------------------------------------------------------------- */

struct sum {
	uint64_t a, b;
	uint64_t count;
};

static void sum_add(struct sum *sum, const uint8_t *bytes, size_t count)
{
	uint64_t a = sum->a, b = sum->b;

	sum->count += count;
	for (; count >= 8; count -= 8, bytes += 8) {
		uint64_t word = 0;

		for (unsigned i = 0; i < 8; i++)
			word |= (uint64_t)bytes[i] << 8 * i;
		a = (a ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		a = a << 29 | a >> 35;
		b += a;
	}
	for (; count; count--, bytes++) {
		a = (a ^ *bytes) * UINT64_C(0x100000001b3);
		b += a;
	}
	sum->a = a;
	sum->b = b;
}

static uint64_t sum_end(const struct sum *sum)
{
	uint64_t value = (sum->a ^ sum->b ^ sum->count) * UINT64_C(0xff51afd7ed558ccd);

	return value ^ value >> 32;
}

struct identity {
	char name[16];                  /* the drive's */
	bool empty, whole;
	uint64_t bytes, sum;
	uint64_t changed;               /* ns since 1970 */
};

static bool sum_range(struct sum *sum, const struct disk_file *disk, uint64_t from, uint64_t count)
{
	static uint8_t bytes[CHUNK];

	while (count) {
		size_t piece = count < sizeof(bytes) ? (size_t)count : sizeof(bytes);
		ssize_t n = pread(disk->fd, bytes, piece, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		sum_add(sum, bytes, (size_t)n);
		from += (uint64_t)n;
		count -= (uint64_t)n;
	}
	return true;
}

static bool identify(const struct drives *drives, unsigned number, struct identity *id)
{
	const struct drive *drive = &drives->drive[number];
	struct sum sum = { 0 };
	struct stat about;
	bool good = true;

	memset(id, 0, sizeof(*id));
	snprintf(id->name, sizeof(id->name), "%s", drive_name(drives, number));
	id->empty = !drive->disk;
	if (id->empty)
		return true;
	if (fstat(drive->disk->fd, &about)) {
		complain("%s: %s", drive->name, strerror(errno));
		return false;
	}
	id->bytes = drive->disk->bytes;
	if (about.st_mtim.tv_sec > 0)
		id->changed = (uint64_t)about.st_mtim.tv_sec * 1000000000 +
			      (uint64_t)about.st_mtim.tv_nsec;
	id->whole = id->bytes <= whole_hash_max;
	if (id->whole) {
		good = sum_range(&sum, drive->disk, 0, id->bytes);
	} else {
		for (unsigned i = 0; i < SAMPLES && good; i++)
			good = sum_range(&sum, drive->disk,
					 (id->bytes - 4096) / (SAMPLES - 1) * i / 512 * 512, 4096);
	}
	id->sum = sum_end(&sum);
	if (!good)
		complain("%s: it cannot be read: %s; check the host's disk", drive->name,
			 strerror(errno));
	return good;
}

/* ---- Saving ---------------------------------------------------------------------------------- */

struct overlay_sum {
	uint64_t blocks, sum;
};

static struct overlay_sum overlay_sum(const struct cbx_overlay *overlay)
{
	struct overlay_sum result = { 0 };
	struct sum sum = { 0 };
	uint64_t offset = 0;
	const void *bytes;
	size_t cursor = 0, count;

	while (overlay && (cursor = cbx_overlay_next(overlay, cursor, &offset, &bytes, &count))) {
		uint8_t number[8];

		for (unsigned i = 0; i < 8; i++)
			number[i] = (uint8_t)(offset >> 8 * i);
		sum_add(&sum, number, sizeof(number));
		sum_add(&sum, bytes, count);
		result.blocks++;
	}
	result.sum = sum_end(&sum);
	return result;
}

static bool write_all(int fd, const void *bytes, size_t count)
{
	const uint8_t *from = bytes;

	while (count) {
		ssize_t n = write(fd, from, count < 1 << 20 ? count : 1 << 20);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		from += n;
		count -= (size_t)n;
	}
	return true;
}

static bool write_overlay(int fd, const struct cbx_overlay *overlay)
{
	uint64_t offset = 0;
	const void *bytes;
	size_t cursor = 0, count;

	while (overlay && (cursor = cbx_overlay_next(overlay, cursor, &offset, &bytes, &count))) {
		uint8_t block[8 + BLOCK_MAX] = { 0 };

		for (unsigned i = 0; i < 8; i++)
			block[i] = (uint8_t)(offset >> 8 * i);
		memcpy(block + 8, bytes, count);
		if (!write_all(fd, block, 8 + count))
			return false;
	}
	return true;
}

/* A name as a line of the head: what would end it, or look odd, is a question mark. */
static int put_image(char *head, const char *name)
{
	int n = snprintf(head, 1024, "image %.1000s\n", name);

	for (int i = 0; i < n - 1; i++)
		if ((unsigned char)head[i] < ' ')
			head[i] = '?';
	return n;
}

/* The head's text, with a sum of its own; NULL: complained. */
static char *make_head(const struct session *session, size_t snapshot_size)
{
	const struct options *o = session->options;
	char *head = malloc(HEAD_MAX);
	struct sum sum = { 0 };
	int n;

	if (!head) {
		complain("no memory to save a state; close other programs");
		return NULL;
	}
	n = snprintf(head, HEAD_MAX,
		     "%s1\nprogram %s\noptions -m %" PRIu64 "K%s%.200s\n", magic,
		     CLEARBOX_VERSION, o->memory_bytes >> 10, o->cpu ? " -cpu " : "",
		     o->cpu ? o->cpu : "");
	for (unsigned i = 0; i < DRIVES; i++) {
		const struct drive *drive = &session->drives.drive[i];
		struct overlay_sum overlay = overlay_sum(drive->overlay);
		struct identity id;

		if (!drive->present)
			continue;
		if (!identify(&session->drives, i, &id)) {
			free(head);
			return NULL;
		}
		if (id.empty)
			n += snprintf(head + n, (size_t)(HEAD_MAX - n), "empty %s\n", id.name);
		else
			n += snprintf(head + n, (size_t)(HEAD_MAX - n),
				      "disk %s %" PRIu64 " %s %016" PRIx64 " %" PRIu64 " %" PRIu64
				      " %016" PRIx64 "\n",
				      id.name, id.bytes, id.whole ? "whole" : "sampled", id.sum,
				      id.changed, overlay.blocks, overlay.sum);
		if (!id.empty)
			n += put_image(head + n, drive->name);
	}
	n += snprintf(head + n, (size_t)(HEAD_MAX - n), "snapshot %zu\n", snapshot_size);
	sum_add(&sum, (const uint8_t *)head, (size_t)n);
	snprintf(head + n, (size_t)(HEAD_MAX - n), "sum %016" PRIx64 "\n\n", sum_end(&sum));
	return head;
}

static bool write_file(const struct session *session, int fd, const void *data, size_t size)
{
	char *head = make_head(session, size);
	bool good = head && write_all(fd, head, strlen(head));

	for (unsigned i = 0; i < DRIVES && good; i++)
		good = write_overlay(fd, session->drives.drive[i].overlay);
	good = good && write_all(fd, data, size) && !fsync(fd);
	if (head && !good)
		complain("the state cannot be written: %s; is the host's disk full?",
			 strerror(errno));
	free(head);
	return good;
}

/* Would nobody miss this file?  It is a saved state, or empty. */
static bool is_replaceable(const char *path, const struct stat *about)
{
	char bytes[sizeof(magic) - 1];
	int fd = about->st_size ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	bool good = !about->st_size || (fd >= 0 && read(fd, bytes, sizeof(bytes)) == sizeof(bytes) &&
					!memcmp(bytes, magic, sizeof(bytes)));

	if (fd >= 0)
		close(fd);
	return good;
}

/* What the name stands for when links are followed; false: nothing that may be replaced. */
static bool resolve(const char *path, char *full)
{
	struct stat about;

	if (!realpath(path, full)) {
		if (errno != ENOENT || strlen(path) >= PATH_MAX) {
			complain("%.200s: %s; try another name", path, strerror(errno));
			return false;
		}
		strcpy(full, path);
		return true;
	}
	if (!stat(full, &about) && !S_ISREG(about.st_mode)) {
		complain("%.200s: it is %s; a state is saved to a file, try another name", path,
			 S_ISDIR(about.st_mode) ? "a folder" : "no file");
		return false;
	}
	if (S_ISREG(about.st_mode) && !is_replaceable(full, &about)) {
		complain("%.200s: it is there, and no saved state; try another name", path);
		return false;
	}
	return true;
}

static void sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	fd = open(folder, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static bool save(struct session *session, const char *path)
{
	char full[PATH_MAX], temporary[PATH_MAX + 16];
	void *data = NULL;
	size_t size = 0;
	bool good;
	int fd;

	if (!resolve(path, full))
		return false;
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", full);
	fd = mkstemp(temporary);
	if (fd < 0) {
		complain("%.200s: %s; try another name", path, strerror(errno));
		return false;
	}
	/* The state goes with what the disks hold now. */
	for (unsigned i = 0; i < DRIVES; i++) {
		const struct drive *drive = &session->drives.drive[i];

		if (drive->disk && drive->disk->backend.flush)
			drive->disk->backend.flush(drive->disk->backend.user);
	}
	good = !cbx_snapshot_save(session->machine, &data, &size);
	if (!good)
		complain("%.200s: %s", path, cbx_machine_error(session->machine));
	good = good && write_file(session, fd, data, size);
	cbx_buffer_free(session->machine, data);
	if (close(fd) && good) {
		complain("%.200s: %s", path, strerror(errno));
		good = false;
	}
	if (good && rename(temporary, full)) {
		complain("%.200s: %s; try another name", path, strerror(errno));
		good = false;
	}
	if (good)
		sync_folder(full);
	else
		unlink(temporary);
	return good;
}

bool state_file_save(struct session *session, const char *path)
{
	bool good;

	progress_begin(session, "saving the state to", path);
	good = save(session, path);
	progress_end(good);
	return good;
}

/* ---- Loading -----------------------------------------------------------------------------------
 */

struct loading {
	struct session *session;
	const char *path;
	uint8_t *bytes;
	size_t size;
	char options[320];
	struct identity saved[DRIVES];
	char image[DRIVES][1024];
	bool has[DRIVES];
	uint64_t blocks[DRIVES], block_sum[DRIVES];
	uint64_t snapshot_size;
	struct cbx_overlay *overlays[DRIVES];
	struct cbx_disk_backend tops[DRIVES];
};

static bool read_file(struct loading *l)
{
	int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = NULL;
	struct stat about;
	size_t have = 0;

	if (fd < 0 || fstat(fd, &about))
		why = strerror(errno);
	else if (!S_ISREG(about.st_mode))
		why = "it is no file";
	else if ((uint64_t)about.st_size > SIZE_MAX / 2 ||
		 !(l->bytes = malloc((size_t)about.st_size + 1)))
		why = "there is no memory for it";
	while (!why && have < (size_t)about.st_size) {
		ssize_t n = read(fd, l->bytes + have, (size_t)about.st_size - have);

		if (n < 0 && errno != EINTR)
			why = strerror(errno);
		else if (n == 0)
			why = "it has become shorter";
		else if (n > 0)
			have += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	l->size = have;
	if (why)
		complain("%.200s: %s; is this the right file?", l->path, why);
	return !why;
}

static bool damaged(const struct loading *l, const char *where)
{
	complain("%.200s: the saved state is damaged: %s; nothing was changed, try another one",
		 l->path, where);
	return false;
}

static int drive_of(const struct drives *drives, const char *name)
{
	for (int i = 0; i < DRIVES; i++)
		if (drives->drive[i].present && !strcmp(name, drive_name(drives, (unsigned)i)))
			return i;
	return -1;
}

/* One line of the head, 0-ended.  last is the drive of the line before. */
static bool head_line(struct loading *l, const char *line, int *last)
{
	const struct drives *drives = &l->session->drives;
	struct identity id = { .empty = false };
	char kind[16], end;
	uint64_t blocks = 0, sum = 0;

	if (!strncmp(line, "options ", 8)) {
		snprintf(l->options, sizeof(l->options), "%s", line + 8);
		return true;
	}
	if (sscanf(line, "snapshot %19" SCNu64 "%c", &l->snapshot_size, &end) == 1 ||
	    !strncmp(line, "program ", 8))
		return true;
	if (!strncmp(line, "image ", 6) && *last >= 0) {
		snprintf(l->image[*last], sizeof(l->image[*last]), "%s", line + 6);
		return true;
	}
	if (sscanf(line, "empty %15s%c", id.name, &end) == 1)
		id.empty = true;
	else if (sscanf(line,
			"disk %15s %19" SCNu64 " %15s %16" SCNx64 " %19" SCNu64 " %19" SCNu64
			" %16" SCNx64
			"%c",
			id.name, &id.bytes, kind, &id.sum, &id.changed, &blocks, &sum, &end) == 7)
		id.whole = !strcmp(kind, "whole");
	else
		return damaged(l, "a line of its head is none");
	*last = drive_of(drives, id.name);
	if (*last < 0) {
		complain("%.200s: it was saved with a drive %s, which this machine has not; "
			 "start it with the same drives", l->path, id.name);
		return false;
	}
	l->saved[*last] = id;
	l->has[*last] = true;
	l->blocks[*last] = blocks;
	l->block_sum[*last] = sum;
	return true;
}

/* The text up to the empty line; *body is where the rest begins. */
static bool read_head(struct loading *l, size_t *body)
{
	char *text = (char *)l->bytes, *at = text, *end;
	struct sum sum = { 0 };
	char expected[24];
	int last = -1;

	l->bytes[l->size] = 0;
	if (l->size < sizeof(magic) || memcmp(text, magic, sizeof(magic) - 1)) {
		complain("%.200s: it is no saved state of Clearbox; is this the right file?",
			 l->path);
		return false;
	}
	if (strncmp(text + sizeof(magic) - 1, "1\n", 2)) {
		complain("%.200s: it was saved by a newer Clearbox; load it with that", l->path);
		return false;
	}
	end = l->size < HEAD_MAX ? text + l->size : text + HEAD_MAX;
	while (at < end && *at != '\n') {
		char *newline = memchr(at, '\n', (size_t)(end - at));

		if (!newline)
			return damaged(l, "it ends within its head");
		if (!strncmp(at, "sum ", 4)) {
			*newline = 0;
			sum_add(&sum, (const uint8_t *)text, (size_t)(at - text));
			snprintf(expected, sizeof(expected), "sum %016" PRIx64, sum_end(&sum));
			if (memchr(text, 0, (size_t)(at - text)) || strcmp(at, expected))
				return damaged(l, "its head");
			end = at;
			at = newline + 1;
			break;
		}
		at = newline + 1;
	}
	if (end == text + l->size || at == end || (size_t)(at - text) >= l->size || *at != '\n')
		return damaged(l, "its head");
	*body = (size_t)(at - text) + 1;
	/* It is as it was written; now what it says. */
	for (at = strchr(text, '\n') + 1; at < end;) {
		char *newline = memchr(at, '\n', (size_t)(end - at));

		if (!newline)
			return damaged(l, "its head");
		*newline = 0;
		if (!head_line(l, at, &last))
			return false;
		at = newline + 1;
	}
	return true;
}

static bool check_disk(const struct loading *l, unsigned number)
{
	const struct drive *drive = &l->session->drives.drive[number];
	const char *name = drive_name(&l->session->drives, number), *image = l->image[number];
	const struct identity *saved = &l->saved[number];
	bool removable = drive_removable(&l->session->drives, number);
	struct identity now;

	if (!drive->present)
		return true;
	if (!l->has[number]) {
		complain("%.200s: it was saved without a drive %s, which this machine has; "
			 "start it with the same drives%s", l->path, name,
			 drive->kind == DISK_CD ? " (-nodefaults leaves an empty CD drive out)" : "");
		return false;
	}
	if (!identify(&l->session->drives, number, &now))
		return false;
	if (saved->empty && now.empty)
		return true;
	if (saved->empty || now.empty) {
		complain("%.200s: %s was %s%s%.200s when it was saved and is %s%s now; try %s "
			 "%s%s%.200s",
			 l->path, name, saved->empty ? "empty" : "", saved->empty ? "" : "with ",
			 image, now.empty ? "empty" : "with ", drive->name,
			 saved->empty ? "eject" : "change", name, saved->empty ? "" : " ", image);
		return false;
	}
	if (saved->bytes != now.bytes || saved->sum != now.sum || saved->whole != now.whole) {
		complain("%.200s: the disk in %s, %.200s, is not the one it was saved with "
			 "(%.200s, %" PRIu64 " bytes), or has been changed since; %s",
			 l->path, name, drive->name, image, saved->bytes,
			 removable ? "change it, or load another state"
				   : "give that disk, or save states with -snapshot");
		return false;
	}
	if (!saved->whole && saved->changed != now.changed) {
		complain("%.200s: the disk in %s, %.200s, has been written to since it was saved; "
			 "give it as it was then (a copy keeps its time with cp -p), or save "
			 "states with -snapshot",
			 l->path, name, drive->name);
		return false;
	}
	if (l->blocks[number] && !drive->overlay) {
		complain("%.200s: it was saved with -snapshot and holds what was written to %s; "
			 "start the machine with -snapshot", l->path, name);
		return false;
	}
	return true;
}

/* What was written over a disk, from the file into a fresh overlay. */
static bool read_overlay(struct loading *l, unsigned number, size_t *at)
{
	struct drive *drive = &l->session->drives.drive[number];
	uint64_t blocks = l->blocks[number];
	struct sum sum = { 0 };

	if (!drive->overlay)
		return true;
	if (cbx_overlay_new(&drive->disk->backend, NULL, &l->overlays[number], &l->tops[number])) {
		complain("%.200s: no memory for it; close other programs", l->path);
		return false;
	}
	for (; blocks; blocks--) {
		const uint8_t *bytes = l->bytes + *at;
		uint64_t offset = 0, rest;
		size_t count;

		if (l->size - *at < 8)
			return damaged(l, "it ends within what was written over a disk");
		for (unsigned i = 0; i < 8; i++)
			offset |= (uint64_t)bytes[i] << 8 * i;
		if (offset % BLOCK_MAX || offset >= drive->backend.bytes)
			return damaged(l, "what was written over a disk");
		rest = drive->backend.bytes - offset;
		count = rest < BLOCK_MAX ? (size_t)rest : BLOCK_MAX;
		if (l->size - *at - 8 < count)
			return damaged(l, "it ends within what was written over a disk");
		sum_add(&sum, bytes, 8 + count);
		if (l->tops[number].write(l->tops[number].user, offset, bytes + 8, count)) {
			complain("%.200s: no memory for it; close other programs", l->path);
			return false;
		}
		*at += 8 + count;
	}
	return sum_end(&sum) == l->block_sum[number] || damaged(l, "what was written over a disk");
}

static bool load_snapshot(struct loading *l, size_t at)
{
	struct cbx_machine *machine = l->session->machine;
	enum cbx_status status;

	if (l->size - at != l->snapshot_size)
		return damaged(l, l->size - at < l->snapshot_size ? "it ends too early"
								  : "something follows its end");
	status = cbx_snapshot_load(machine, l->bytes + at, (size_t)l->snapshot_size);
	if (status == CBX_OK)
		return true;
	if (status == CBX_ERROR_FORMAT)
		return damaged(l, cbx_machine_error(machine));
	complain("%.200s: %s; it was saved with %.300s, start the machine with that and the same "
		 "devices",
		 l->path, cbx_machine_error(machine), l->options);
	return false;
}

static bool load(struct loading *l)
{
	struct session *session = l->session;
	size_t at = 0;

	if (!read_file(l) || !read_head(l, &at))
		return false;
	for (unsigned i = 0; i < DRIVES; i++)
		if (!check_disk(l, i))
			return false;
	for (unsigned i = 0; i < DRIVES; i++)
		if (!read_overlay(l, i, &at))
			return false;
	if (!load_snapshot(l, at))
		return false;
	for (unsigned i = 0; i < DRIVES; i++) {
		if (!l->overlays[i])
			continue;
		drive_set_overlay(&session->drives.drive[i], l->overlays[i], &l->tops[i]);
		l->overlays[i] = NULL;
	}
	/* What was on its way is of another time. */
	session->keys.count = session->keys.pending_count = 0;
	session->pacing.started = false;
	session->idle = false;
	return true;
}

bool state_file_load(struct session *session, const char *path)
{
	struct loading *l = calloc(1, sizeof(*l));
	bool good;

	if (!l) {
		complain("no memory to load a state; close other programs");
		return false;
	}
	l->session = session;
	l->path = path;
	progress_begin(session, "loading the state", path);
	good = load(l);
	progress_end(good);
	for (unsigned i = 0; i < DRIVES; i++)
		cbx_overlay_free(l->overlays[i]);
	free(l->bytes);
	free(l);
	return good;
}
