/* What each packet asks for, and its reply.  An empty reply says that there is no such packet. */
#include "gdb.h"

#include <string.h>

static void ok_or(struct cbx_gdb *gdb, bool good, const char *error)
{
	gdb_reply(gdb, good ? "OK" : error);
}

/* ---- Registers ------------------------------------------------------------------------------ */

static void read_registers(struct cbx_gdb *gdb)
{
	const struct gdb_register *r;
	uint8_t bytes[GDB_REGISTER_MOST];

	gdb_reply_begin(gdb);
	for (unsigned n = 0; (r = gdb_register(gdb, n)); n++) {
		gdb_register_read(gdb, r, bytes);
		gdb_put_hex(gdb, bytes, r->bits / 8);
	}
	gdb_reply_end(gdb);
}

static bool take_register(struct cursor *c, const struct gdb_register *r, uint8_t *bytes)
{
	for (unsigned i = 0; i < r->bits / 8u; i++)
		if (!take_byte(c, &bytes[i]))
			return false;
	return true;
}

static void write_registers(struct cbx_gdb *gdb, struct cursor *c)
{
	const struct gdb_register *r;
	uint8_t bytes[GDB_REGISTER_MOST];
	bool good = true;

	for (unsigned n = 0; c->at != c->end && (r = gdb_register(gdb, n)); n++) {
		if (!take_register(c, r, bytes)) {
			good = false;
			break;
		}
		/* The counter cannot be written, and what gdb read may have gone on. */
		good = gdb_register_write(gdb, r, bytes) && good;
	}
	ok_or(gdb, good, "E22");
}

static void one_register(struct cbx_gdb *gdb, struct cursor *c, bool write)
{
	const struct gdb_register *r = NULL;
	uint8_t bytes[GDB_REGISTER_MOST];
	uint64_t n;

	if (take_number(c, &n) && n < 1000)
		r = gdb_register(gdb, (unsigned)n);
	if (!r) {
		gdb_reply(gdb, "E01");
		return;
	}
	if (!write) {
		gdb_register_read(gdb, r, bytes);
		gdb_reply_begin(gdb);
		gdb_put_hex(gdb, bytes, r->bits / 8);
		gdb_reply_end(gdb);
		return;
	}
	if (!take(c, '=') || !take_register(c, r, bytes))
		gdb_reply(gdb, "E01");
	else
		ok_or(gdb, gdb_register_write(gdb, r, bytes),
		      r->type == TYPE_CODE ? "E.this address is not in the code segment; set cs first" :
		      "E.the processor takes no such value for this register");
}

/* ---- Memory --------------------------------------------------------------------------------- */

static bool take_range(struct cursor *c, uint64_t *address, uint64_t *count)
{
	return take_number(c, address) && take(c, ',') && take_number(c, count);
}

static void read_memory(struct cbx_gdb *gdb, struct cursor *c, bool binary)
{
	enum { MOST = GDB_PACKET_MOST / 2 - 8 };
	uint64_t address, count;
	uint8_t *bytes = gdb->in;       /* the packet has been read by then */
	size_t got;

	if (!take_range(c, &address, &count) || c->at != c->end) {
		gdb_reply(gdb, "E01");
		return;
	}
	got = gdb_memory_read(gdb, address, bytes, count < MOST ? (size_t)count : MOST);
	if (!got && count) {
		gdb_reply(gdb, "E14");
		return;
	}
	gdb_reply_begin(gdb);
	if (binary) {
		gdb_put(gdb, 'b');
		for (size_t i = 0; i < got; i++)
			gdb_put_binary(gdb, bytes[i]);
	} else {
		gdb_put_hex(gdb, bytes, got);
	}
	gdb_reply_end(gdb);
}

static void write_memory(struct cbx_gdb *gdb, struct cursor *c, bool binary)
{
	uint64_t address, count;
	size_t digits = binary ? 1 : 2;
	uint8_t *bytes = gdb->in;       /* decoded where they lie, from the front */

	if (!take_range(c, &address, &count) || !take(c, ':') || count > (size_t)(c->end - c->at) / digits ||
	    (size_t)(c->end - c->at) != count * digits) {
		gdb_reply(gdb, "E01");
		return;
	}
	if (binary) {
		memmove(bytes, c->at, (size_t)count);
	} else {
		for (size_t i = 0; i < count; i++)
			if (!take_byte(c, &bytes[i])) {
				gdb_reply(gdb, "E01");
				return;
			}
	}
	ok_or(gdb, gdb_memory_write(gdb, address, bytes, (size_t)count), "E14");
}

/* qCRC: CRC-32 with the polynomial 04C11DB7h, high bit first, started with all ones. */
static void checksum_memory(struct cbx_gdb *gdb, struct cursor *c)
{
	const uint64_t most = UINT64_C(16) << 20;
	uint64_t address, count;
	uint32_t crc = UINT32_MAX;
	uint8_t bytes[512];

	if (!take_range(c, &address, &count) || count > most) {
		gdb_reply(gdb, "E01");
		return;
	}
	while (count) {
		size_t piece = count < sizeof(bytes) ? (size_t)count : sizeof(bytes);

		if (gdb_memory_read(gdb, address, bytes, piece) != piece) {
			gdb_reply(gdb, "E14");
			return;
		}
		for (size_t i = 0; i < piece; i++) {
			crc ^= (uint32_t)bytes[i] << 24;
			for (unsigned bit = 0; bit < 8; bit++)
				crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7u : 0);
		}
		address += piece;
		count -= piece;
	}
	gdb_reply_begin(gdb);
	gdb_put(gdb, 'C');
	gdb_put_number(gdb, crc);
	gdb_reply_end(gdb);
}

/* ---- Breakpoints ---------------------------------------------------------------------------- */

static void breakpoint(struct cbx_gdb *gdb, struct cursor *c, bool set)
{
	uint64_t type, address, length;

	if (!take_number(c, &type) || !take(c, ',') || !take_range(c, &address, &length)) {
		gdb_reply(gdb, "E01");
	} else if (type > 4 || (c->at != c->end && set)) {
		gdb_reply(gdb, "");     /* also conditions and commands, which are not offered */
	} else if (!set) {
		gdb_breakpoint_clear(gdb, (unsigned)type, address, length);
		gdb_reply(gdb, "OK");
	} else {
		ok_or(gdb, gdb_breakpoint_set(gdb, (unsigned)type, address, length),
		      "E.the machine cannot take this breakpoint");
	}
}

/* ---- Running -------------------------------------------------------------------------------- */

/* An address to go on at, as c and s may have. */
static bool take_pc(struct cbx_gdb *gdb, struct cursor *c)
{
	const struct gdb_register *r;
	uint64_t pc;
	uint8_t bytes[GDB_REGISTER_MOST] = { 0 };

	if (c->at == c->end)
		return true;
	if (!take_number(c, &pc) || c->at != c->end)
		return false;
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(pc >> 8 * i);
	for (unsigned n = 0; (r = gdb_register(gdb, n)); n++)
		if (r->type == TYPE_CODE)
			return gdb_register_write(gdb, r, bytes);
	return false;
}

static void resume_old(struct cbx_gdb *gdb, struct cursor *c, enum gdb_resume how, bool has_signal)
{
	uint64_t signal;

	/* The guest knows no signals. */
	if ((has_signal && (!take_number(c, &signal) || (c->at != c->end && !take(c, ';')))) ||
	    !take_pc(gdb, c))
		gdb_reply(gdb, "E01");
	else
		gdb_resume(gdb, how);
}

/* "", ":1", ":p1.1", ":-1": does it name the one processor there is? */
static bool take_thread(struct cursor *c)
{
	uint64_t n;

	if (!take(c, ':'))
		return true;
	if (take(c, 'p')) {
		if (!take_word(c, "-1") && !take_number(c, &n))
			return false;
		if (!take(c, '.'))
			return true;
	}
	return take_word(c, "-1") || (take_number(c, &n) && n <= 1);
}

/* vCont;action[:thread]...: the first action that is for the processor counts. */
static void resume_new(struct cbx_gdb *gdb, struct cursor *c)
{
	while (take(c, ';')) {
		enum gdb_resume how = RESUME_CONTINUE;
		uint64_t signal, first = 0, end = 0;
		bool good, stop = false;
		uint8_t action = c->at == c->end ? 0 : *c->at++;

		good = action != 0;
		switch (action) {
		case 'C':
			good = take_number(c, &signal);
			break;
		case 'S':
			good = take_number(c, &signal);
			how = RESUME_STEP;
			break;
		case 's':
			how = RESUME_STEP;
			break;
		case 'r':
			how = RESUME_RANGE;
			good = take_range(c, &first, &end);
			break;
		case 't':
			stop = true;
			break;
		case 'c':
			break;
		default:
			good = false;
			break;
		}
		if (!good)
			break;
		if (!take_thread(c)) {
			while (c->at != c->end && *c->at != ';')
				c->at++;
			continue;
		}
		if (stop) {
			gdb_reply(gdb, "OK");
			cbx_gdb_interrupt(gdb);
			return;
		}
		gdb->range_first = first;
		gdb->range_end = end;
		gdb_resume(gdb, how);
		return;
	}
	gdb_reply(gdb, "E01");
}

static void resume_back(struct cbx_gdb *gdb, struct cursor *c)
{
	if (!gdb_has_history(gdb))
		gdb_reply(gdb, "");
	else if (take(c, 'c'))
		gdb_resume(gdb, RESUME_BACK);
	else if (take(c, 's'))
		gdb_resume(gdb, RESUME_BACK_STEP);
	else
		gdb_reply(gdb, "");
}

/* ---- Monitor commands ----------------------------------------------------------------------- */

static void output(void *user, const char *text)
{
	gdb_console(user, text);
}

static void own_command(struct cbx_gdb *gdb, const char *line)
{
	struct gdb_text text = { 0 };

	while (*line == ' ')
		line++;
	if (!strcmp(line, "physical on") || !strcmp(line, "physical off")) {
		gdb->physical = !strcmp(line, "physical on");
	} else if (*line && strcmp(line, "physical")) {
		gdb_console(gdb, "There is \"monitor gdb physical on\" (addresses of memory and new breakpoints are "
				 "physical), and \"... off\".\n");
		return;
	}
	gdb_text_add(&text, gdb->physical ? "Addresses are physical.  The processor is in " :
		     "Addresses are linear.  The processor is in ");
	gdb_text_add(&text, gdb_mode_name(gdb));
	gdb_text_add(&text, ".\n");
	gdb_console(gdb, text.text);
}

/* A line for the embedder's commands. */
static void command(struct cbx_gdb *gdb, const char *line)
{
	if (!strncmp(line, "gdb", 3) && (!line[3] || line[3] == ' '))
		own_command(gdb, line + 3);
	else if (gdb->options.monitor)
		gdb->options.monitor(gdb->options.user, line, output, gdb);
	else
		gdb_console(gdb, "There are no monitor commands here but \"monitor gdb\".\n");
}

static void monitor(struct cbx_gdb *gdb, struct cursor *c)
{
	char line[1024];
	size_t count = 0;
	uint8_t byte;

	while (c->at != c->end) {
		if (count == sizeof(line) - 1 || !take_byte(c, &byte) || !byte) {
			gdb_reply(gdb, "E01");
			return;
		}
		line[count++] = (char)byte;
	}
	line[count] = 0;
	command(gdb, line);
	gdb_reply(gdb, "OK");
}

static void no_output(void *user, const char *text)
{
	(void)user;
	(void)text;
}

/*
 * Starts the machine again, by the embedder's command if it has commands: it may have to know.  What
 * the machine was about to stop for is of its life before.  Holds it, and says nothing yet.
 */
static void restart(struct cbx_gdb *gdb)
{
	enum { SIGNAL_TRAP = 5, STOPS_MOST = 8 };
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1, .stop_on_reset = true };
	struct cbx_stop stop = { .reason = CBX_STOP_LIMIT };

	gdb->state = CBX_GDB_STOPPED;
	gdb_stopped(gdb, SIGNAL_TRAP, "");
	if (gdb->options.monitor) {
		gdb->options.monitor(gdb->options.user, "system_reset", no_output, NULL);
		/* The reset comes with the next run. */
		for (unsigned n = 0; n < STOPS_MOST; n++)
			if (cbx_run(gdb->machine, &options, &stop) || stop.reason == CBX_STOP_RESET ||
			    stop.reason == CBX_STOP_LIMIT)
				break;
	}
	if (stop.reason != CBX_STOP_RESET)
		cbx_machine_reset(gdb->machine);
}

/* ---- Queries -------------------------------------------------------------------------------- */

static void supported(struct cbx_gdb *gdb)
{
	gdb_reply_begin(gdb);
	gdb_put_text(gdb, "PacketSize=");
	gdb_put_number(gdb, GDB_PACKET_MOST);
	gdb_put_text(gdb, ";qXfer:features:read+;qXfer:memory-map:read+;QStartNoAckMode+;swbreak+;hwbreak+;"
			  "vContSupported+;binary-upload+;qqemu.PhyMemMode+");
	if (gdb_has_history(gdb))
		gdb_put_text(gdb, ";ReverseStep+;ReverseContinue+");
	gdb_reply_end(gdb);
}

static void query(struct cbx_gdb *gdb, struct cursor *c)
{
	if (take_word(c, "Supported")) {
		supported(gdb);
	} else if (take_word(c, "Xfer:")) {
		gdb_transfer(gdb, c);
	} else if (take_word(c, "Rcmd,")) {
		monitor(gdb, c);
	} else if (take_word(c, "CRC:")) {
		checksum_memory(gdb, c);
	} else if (take_word(c, "Attached")) {
		gdb_reply(gdb, "1");
	} else if (take_word(c, "fThreadInfo")) {
		gdb_reply(gdb, "m1");
	} else if (take_word(c, "sThreadInfo")) {
		gdb_reply(gdb, "l");
	} else if (take_word(c, "ThreadExtraInfo,")) {
		gdb_reply_begin(gdb);
		gdb_put_hex(gdb, gdb_mode_name(gdb), strlen(gdb_mode_name(gdb)));
		gdb_reply_end(gdb);
	} else if (take_word(c, "qemu.PhyMemMode")) {
		gdb_reply(gdb, gdb->physical ? "1" : "0");
	} else if (take_word(c, "qemu.Supported")) {
		gdb_reply(gdb, "PhyMemMode");
	} else if (take_word(c, "C") && c->at == c->end) {
		gdb_reply(gdb, "QC1");
	} else {
		gdb_reply(gdb, "");
	}
}

static void set(struct cbx_gdb *gdb, struct cursor *c)
{
	if (take_word(c, "StartNoAckMode")) {
		gdb_reply(gdb, "OK");
		gdb->no_ack = true;
	} else if (take_word(c, "qemu.PhyMemMode:")) {
		uint64_t on;
		bool good = take_number(c, &on) && on <= 1;

		if (good)
			gdb->physical = on;
		ok_or(gdb, good, "E01");
	} else {
		gdb_reply(gdb, "");
	}
}

static void verbose(struct cbx_gdb *gdb, struct cursor *c)
{
	if (take_word(c, "Cont?")) {
		gdb_reply(gdb, "vCont;c;C;s;S;t;r");
	} else if (take_word(c, "Cont")) {
		resume_new(gdb, c);
	} else if (take_word(c, "Kill")) {
		gdb_reply(gdb, "OK");
		/* An extended gdb stays, and may start it again. */
		gdb_detach(gdb, gdb->extended ? CBX_GDB_STOPPED : CBX_GDB_KILLED);
	} else if (take_word(c, "Run")) {
		restart(gdb);
		gdb_reply(gdb, gdb->stop_reply.text);
	} else if (take_word(c, "Attach;")) {
		if (gdb->state == CBX_GDB_RUNNING)
			cbx_gdb_interrupt(gdb);         /* it says so */
		else
			gdb_reply(gdb, gdb->stop_reply.text);
	} else {
		gdb_reply(gdb, "");     /* vMustReplyEmpty among them */
	}
}

static void thread_alive(struct cbx_gdb *gdb, struct cursor *c)
{
	uint64_t n;

	ok_or(gdb, take_number(c, &n) && n == 1, "E01");
}

void gdb_packet(struct cbx_gdb *gdb)
{
	struct cursor c = { gdb->in, gdb->in + gdb->in_count };
	uint8_t kind = c.at == c.end ? 0 : *c.at++;

	switch (kind) {
	case '?': gdb_reply(gdb, gdb->stop_reply.text); break;
	case '!':
		gdb->extended = true;
		gdb_reply(gdb, "OK");
		break;
	case 'g': read_registers(gdb); break;
	case 'G': write_registers(gdb, &c); break;
	case 'p': one_register(gdb, &c, false); break;
	case 'P': one_register(gdb, &c, true); break;
	case 'm': read_memory(gdb, &c, false); break;
	case 'x': read_memory(gdb, &c, true); break;
	case 'M': write_memory(gdb, &c, false); break;
	case 'X': write_memory(gdb, &c, true); break;
	case 'Z': breakpoint(gdb, &c, true); break;
	case 'z': breakpoint(gdb, &c, false); break;
	case 'c': resume_old(gdb, &c, RESUME_CONTINUE, false); break;
	case 'C': resume_old(gdb, &c, RESUME_CONTINUE, true); break;
	case 's': resume_old(gdb, &c, RESUME_STEP, false); break;
	case 'S': resume_old(gdb, &c, RESUME_STEP, true); break;
	case 'b': resume_back(gdb, &c); break;
	case 'H': gdb_reply(gdb, "OK"); break;
	case 'T': thread_alive(gdb, &c); break;
	case 'q': query(gdb, &c); break;
	case 'Q': set(gdb, &c); break;
	case 'v': verbose(gdb, &c); break;
	case 'R': restart(gdb); break;          /* has no reply */
	case 'k': gdb_detach(gdb, CBX_GDB_KILLED); break;
	case 'D':
		gdb_reply(gdb, "OK");
		gdb_detach(gdb, CBX_GDB_DETACHED);
		break;
	default: gdb_reply(gdb, ""); break;
	}
}
