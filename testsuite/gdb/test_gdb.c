/*
 * The gdb server by itself: each packet and its reply, how it cuts what comes in, and what random and
 * hostile peers can do to it (under sanitizers, in CI).
 */
#include <clearbox/clearbox.h>
#include <clearbox/debug.h>
#include <clearbox/gdb.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cbx_machine *machine;
static struct cbx_gdb *gdb;
static char sent[1 << 20];              /* what the server said since ask() began */
static size_t sent_count;
static char monitor_line[1100];

static void send_bytes(void *user, const void *bytes, size_t count)
{
	assert_ptr_equal(user, &sent_count);
	if (count > sizeof(sent) - 1 - sent_count)
		sent_count = 0;         /* the fuzzer does not look */
	memcpy(sent + sent_count, bytes, count);
	sent_count += count;
	sent[sent_count] = 0;
}

static void monitor(void *user, const char *line, void (*output)(void *output_user, const char *text),
		    void *output_user)
{
	(void)user;
	snprintf(monitor_line, sizeof(monitor_line), "%s", line);
	output(output_user, "said\n");
	output(output_user, "");
}

/* Real-mode code at 7C00h. */
static const uint8_t code[] = {
	0xb8, 0x34, 0x12,               /* 0: mov ax, 1234h */
	0xa3, 0x00, 0x05,               /* 3: mov [500h], ax */
	0x8b, 0x1e, 0x00, 0x05,         /* 6: mov bx, [500h] */
	0x40,                           /* a: inc ax */
	0xeb, 0xf3,                     /* b: jmp 0 */
};

static struct cbx_machine *new_machine(const char *cpu)
{
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 2u << 20, .cpu = cpu };
	struct cbx_machine *made;

	assert_int_equal(cbx_machine_new(&options, &made, NULL), CBX_OK);
	assert_int_equal(cbx_memory_write(made, 0x7c00, code, sizeof(code)), CBX_OK);
	cbx_machine_reset(made);
	assert_int_equal(cbx_memory_write(made, 0x7c00, code, sizeof(code)), CBX_OK);
	assert_int_equal(cbx_register_write(made, CBX_CS, 0x7c0), CBX_OK);
	assert_int_equal(cbx_register_write(made, CBX_CS_BASE, 0x7c00), CBX_OK);
	assert_int_equal(cbx_register_write(made, CBX_RIP, 0), CBX_OK);
	return made;
}

static struct cbx_gdb *new_gdb(struct cbx_machine *of, enum cbx_gdb_architecture architecture)
{
	struct cbx_gdb_options options = {
		.size = sizeof(options), .send = send_bytes, .monitor = monitor, .user = &sent_count,
		.architecture = architecture,
	};
	struct cbx_gdb *made;

	assert_int_equal(cbx_gdb_new(of, &options, &made), CBX_OK);
	return made;
}

static void begin(const char *cpu, enum cbx_gdb_architecture architecture)
{
	machine = new_machine(cpu);
	gdb = new_gdb(machine, architecture);
	assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_DETACHED);
	cbx_gdb_connected(gdb, true);
	assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_STOPPED);
}

static void end(void)
{
	cbx_gdb_free(gdb);
	cbx_machine_free(machine);
}

/* The packet's frame with a good checksum, escaped where it must be. */
static size_t frame(char *out, const char *packet, size_t count)
{
	uint8_t sum = 0;
	size_t n = 0;

	out[n++] = '$';
	for (size_t i = 0; i < count; i++) {
		char c = packet[i];

		if (c == '$' || c == '#' || c == '}') {
			sum = (uint8_t)(sum + '}');
			out[n++] = '}';
			c ^= 0x20;
		}
		sum = (uint8_t)(sum + (uint8_t)c);
		out[n++] = c;
	}
	n += (size_t)sprintf(out + n, "#%02x", sum);
	return n;
}

static void send_packet(const char *packet, size_t count)
{
	static char out[100000];
	size_t n = frame(out, packet, count);

	sent_count = 0;
	sent[0] = 0;
	cbx_gdb_receive(gdb, out, n);
}

/* The last packet that was sent, without its frame; the checksum is checked. */
static const char *reply(void)
{
	static char packet[20000];
	char *start = strrchr(sent, '$'), *stop = start ? strrchr(start, '#') : NULL;
	uint8_t sum = 0;

	if (!stop)
		return "(none)";
	snprintf(packet, sizeof(packet), "%.*s", (int)(stop - start - 1), start + 1);
	for (const char *c = start + 1; c < stop; c++)
		sum = (uint8_t)(sum + (uint8_t)*c);
	assert_int_equal(strtoul(stop + 1, NULL, 16), sum);
	return packet;
}

static const char *ask(const char *packet)
{
	send_packet(packet, strlen(packet));
	return reply();
}

static void expect(const char *packet, const char *wanted)
{
	const char *got = ask(packet);

	if (strcmp(got, wanted))
		fail_msg("%s: \"%s\" instead of \"%s\"", packet, got, wanted);
}

/* Runs until gdb is told something; that. */
static const char *run(void)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1000 };
	struct cbx_stop stop;

	for (unsigned i = 0; i < 10 && cbx_gdb_state(gdb) == CBX_GDB_RUNNING; i++)
		assert_int_equal(cbx_gdb_run(gdb, &options, &stop), CBX_OK);
	return reply();
}

static uint64_t value(enum cbx_register which)
{
	uint64_t value;

	assert_int_equal(cbx_register_read(machine, which, &value), CBX_OK);
	return value;
}

/* ---- Frames --------------------------------------------------------------------------------- */

static void receive(const char *bytes)
{
	sent_count = 0;
	sent[0] = 0;
	cbx_gdb_receive(gdb, bytes, strlen(bytes));
}

static void test_frames(void **state)
{
	char text[64];

	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	receive("$?#3f");
	assert_string_equal(sent, "+$T05thread:1;#d7");
	receive("-");
	assert_string_equal(sent, "$T05thread:1;#d7");
	receive("$?#3e");               /* a wrong sum */
	assert_string_equal(sent, "-");
	receive("$?#xy");
	assert_string_equal(sent, "-");
	receive("$?#3\003");
	assert_string_equal(sent, "-");
	receive("garbage+++\003~$?$?#3f");      /* a packet begun anew; an interruption of what is stopped */
	assert_string_equal(sent, "+$T05thread:1;#d7");
	for (const char *c = "$?#3f"; *c; c++) {
		snprintf(text, sizeof(text), "%c", *c);
		receive(text);
	}
	assert_string_equal(sent, "+$T05thread:1;#d7");
	expect("QStartNoAckMode", "OK");
	receive("$?#00");
	assert_string_equal(sent, "$T05thread:1;#d7");
	receive("-");
	assert_string_equal(sent, "");
	/* Another connection begins with acknowledgements. */
	cbx_gdb_connected(gdb, false);
	cbx_gdb_connected(gdb, true);
	receive("$?#00");
	assert_string_equal(sent, "-");
	end();
}

static void test_too_long(void **state)
{
	char *packet = malloc(70000);

	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	memset(packet, 'm', 70000);
	send_packet(packet, 40000);
	assert_string_equal(reply(), "E07");
	send_packet(packet, 16385);
	assert_string_equal(reply(), "E07");
	send_packet(packet, 16384);
	assert_string_equal(reply(), "E01");
	expect("?", "T05thread:1;");
	free(packet);
	end();
}

/* ---- Packets -------------------------------------------------------------------------------- */

static void test_registers(void **state)
{
	static const char *const cpus[] = { NULL, "486", NULL };
	static const enum cbx_gdb_architecture kinds[] = { CBX_GDB_PROCESSOR, CBX_GDB_MODE, CBX_GDB_X86_64 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		char packet[20001], all[20000];

		begin(cpus[i], kinds[i]);
		cbx_register_write(machine, CBX_RAX, 0x11223344);
		snprintf(all, sizeof(all), "%s", ask("g"));
		assert_true(strlen(all) > 1000);
		/* All of them one by one are the same. */
		packet[0] = 0;
		for (unsigned n = 0; n < 300; n++) {
			char text[16];

			snprintf(text, sizeof(text), "p%x", n);
			if (!strcmp(ask(text), "E01"))
				break;
			strcat(packet, reply());
		}
		assert_string_equal(packet, all);
		/* Writing them back changes nothing. */
		packet[0] = 'G';
		strcpy(packet + 1, all);
		expect(packet, "OK");
		expect("g", all);
		assert_memory_equal(all, "44332211", 8);
		expect("P0=78563412", i == 1 ? "OK" : "E01");
		expect("P0=7856341200000000", i == 1 ? "OK" : "OK");
		assert_int_equal(value(CBX_RAX), 0x12345678);
		expect("P", "E01");
		expect("P0", "E01");
		expect("Pffffffffffffffffff=00", "E01");
		expect("p3ff", "E01");
		expect("G00", "E22");
		end();
	}
}

static void test_program_counter(void **state)
{
	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	/* rip is linear; writing it stays in the segment. */
	expect("p10", "007c000000000000");
	expect("P10=037c000000000000", "OK");
	assert_int_equal(value(CBX_RIP), 3);
	assert_int_equal(strncmp(ask("P10=0000100000000000"), "E.", 2), 0);
	assert_int_equal(strncmp(ask("P10=0000000000000000"), "E.", 2), 0);
	assert_int_equal(value(CBX_RIP), 3);
	/* A selector that is written takes its base along: cs is the 28th. */
	expect("P1b=00100000", "OK");
	assert_int_equal(value(CBX_CS_BASE), 0x10000);
	expect("p10", "0300010000000000");
	end();
}

static void test_memory(void **state)
{
	char packet[64] = "X7c00,5:a#$}\003";

	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	expect("m7c00,3", "b83412");
	expect("M7c00,2:9090", "OK");
	expect("m7c00,3", "909012");
	send_packet(packet, 13);
	assert_string_equal(reply(), "OK");
	expect("m7c00,5", "6123247d03");
	expect("x7c00,5", "ba}\003}\004}]\003");
	/* The end of memory cuts a read short. */
	expect("m1ffffe,4", "0000");
	expect("m200000,4", "E14");
	expect("mffffffffffffffff,4", "E14");
	expect("m7c00,0", "");
	expect("M1ffffe,4:01020304", "E14");
	expect("M7c00,2:90", "E01");
	expect("M7c00,ffffffffffffffff:90", "E01");
	expect("M7c00,1:9", "E01");
	expect("M7c00,1:zz", "E01");
	expect("m7c00", "E01");
	expect("m11112222333344445,1", "E01");
	expect("qCRC:7c00,0", "Cffffffff");
	expect("qCRC:200000,4", "E14");
	expect("qCRC:0,ffffffffffff", "E01");
	end();
}

static void test_stops(void **state)
{
	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	expect("s", "(none)");
	assert_string_equal(run(), "T05thread:1;");
	assert_int_equal(value(CBX_RIP), 3);
	/* The breakpoint at CS base + IP. */
	expect("Z0,7c0a,1", "OK");
	expect("Z0,7c0a,1", "OK");
	expect("vCont;c", "(none)");
	assert_string_equal(run(), "T05thread:1;swbreak:;");
	assert_int_equal(value(CBX_RIP), 10);
	expect("m7c0a,1", "40");
	expect("c", "(none)");
	assert_string_equal(run(), "T05thread:1;swbreak:;");
	expect("z0,7c0a,1", "OK");
	expect("z0,7c0a,1", "OK");
	expect("Z1,7c0a,1", "OK");
	expect("C05", "(none)");
	assert_string_equal(run(), "T05thread:1;hwbreak:;");
	expect("z1,7c0a,1", "OK");
	/* Watchpoints stop after the instruction and tell the address inside their range. */
	expect("Z2,501,1", "OK");
	expect("vCont;c:1", "(none)");
	assert_string_equal(run(), "T05thread:1;watch:501;");
	assert_int_equal(value(CBX_RIP), 6);
	expect("z2,501,1", "OK");
	expect("Z3,500,2", "OK");
	expect("c", "(none)");
	assert_string_equal(run(), "T05thread:1;rwatch:500;");
	assert_int_equal(value(CBX_RIP), 10);
	expect("z3,500,2", "OK");
	expect("Z4,500,2", "OK");
	expect("c", "(none)");
	assert_string_equal(run(), "T05thread:1;awatch:500;");
	assert_int_equal(value(CBX_RIP), 6);
	expect("z4,500,2", "OK");
	/* A range: from 7C06h on until it is left, or an interruption. */
	expect("vCont;r7c06,7c0b:1;c", "(none)");
	assert_string_equal(run(), "T05thread:1;");
	assert_int_equal(value(CBX_RIP), 11);
	expect("vCont;r7c00,7c0d", "(none)");
	run();
	assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_RUNNING);
	receive("\003");
	assert_string_equal(reply(), "T02thread:1;");
	assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_ERROR_STATE);
	/* Going on at another address. */
	expect("s7c00", "(none)");
	run();
	assert_int_equal(value(CBX_RIP), 3);
	expect("vCont;t", "OK");
	expect("vCont", "E01");
	expect("vCont;", "E01");
	expect("vCont;q", "E01");
	expect("vCont;r1", "E01");
	expect("vCont;c:2", "E01");
	expect("vCont;s:2;c:p1.1", "(none)");
	receive("\003");
	/* Detached, it runs on, and nothing stops it. */
	expect("Z0,7c0a,1", "OK");
	expect("D", "OK");
	assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_DETACHED);
	{
		struct cbx_run_options options = { .size = sizeof(options), .instructions = 100 };
		struct cbx_stop stop;

		assert_int_equal(cbx_gdb_run(gdb, &options, &stop), CBX_OK);
		assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	}
	receive("$?#3f");
	assert_string_equal(sent, "");
	end();
}

static void test_triple_fault(void **state)
{
	static const uint8_t crash[] = { 0x0f, 0x01, 0x1e, 0x00, 0x06, 0x0f, 0x0b };     /* lidt [600h]; ud2 */

	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	cbx_memory_write(machine, 0x7c00, crash, sizeof(crash));
	expect("c", "(none)");
	sent_count = 0;
	assert_string_equal(run(), "T0bthread:1;");
	assert_non_null(strstr(sent, "$O"));
	assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_STOPPED);
	end();
}

/* Halted with interrupts off, for ever: gdb looks at it. */
static void test_halt(void **state)
{
	static const uint8_t halt[] = { 0xfa, 0xf4 };   /* cli; hlt */

	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	cbx_memory_write(machine, 0x7c00, halt, sizeof(halt));
	expect("c", "(none)");
	sent_count = 0;
	assert_string_equal(run(), "T05thread:1;");
	assert_non_null(strstr(sent, "$O"));
	end();
}

static void test_back(void **state)
{
	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	expect("bs", "");
	assert_null(strstr(ask("qSupported"), "Reverse"));
	assert_int_equal(cbx_history_enable(machine, 16u << 20), CBX_OK);
	assert_non_null(strstr(ask("qSupported"), ";ReverseStep+;ReverseContinue+"));
	expect("b", "");
	expect("bx", "");
	for (unsigned i = 0; i < 3; i++) {
		expect("s", "(none)");
		run();
	}
	assert_int_equal(value(CBX_RIP), 10);
	for (unsigned i = 0; i < 3; i++) {
		expect("bs", "(none)");
		assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_REVERSING);
		assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
		assert_string_equal(reply(), "T05thread:1;");
	}
	assert_int_equal(value(CBX_RIP), 0);
	assert_int_equal(cbx_instruction_count(machine), 0);
	expect("bs", "(none)");
	assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
	assert_string_equal(reply(), "T05thread:1;replaylog:begin;");
	/* Back to the instruction that wrote, before it does. */
	expect("Z0,7c0b,1", "OK");
	expect("c", "(none)");
	assert_string_equal(run(), "T05thread:1;swbreak:;");
	expect("m500,2", "3412");
	expect("Z2,500,2", "OK");
	expect("bc", "(none)");
	assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
	assert_string_equal(reply(), "T05thread:1;watch:500;");
	assert_int_equal(value(CBX_RIP), 3);
	expect("m500,2", "0000");
	expect("bc", "(none)");
	assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
	assert_string_equal(reply(), "T05thread:1;replaylog:begin;");
	assert_int_equal(value(CBX_RIP), 0);
	/* Also when that instruction is the last one before now. */
	expect("vCont;s", "(none)");
	run();
	expect("vCont;s", "(none)");
	assert_string_equal(run(), "T05thread:1;watch:500;");
	expect("bc", "(none)");
	assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
	assert_string_equal(reply(), "T05thread:1;watch:500;");
	assert_int_equal(value(CBX_RIP), 3);
	expect("vCont;s", "(none)");
	run();
	expect("bs", "(none)");
	assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
	assert_string_equal(reply(), "T05thread:1;watch:500;");
	assert_int_equal(value(CBX_RIP), 3);
	expect("z2,500,2", "OK");
	expect("c", "(none)");
	assert_string_equal(run(), "T05thread:1;swbreak:;");
	assert_int_equal(cbx_instruction_count(machine), 4);
	expect("c", "(none)");
	assert_string_equal(run(), "T05thread:1;swbreak:;");
	expect("bc", "(none)");
	assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
	assert_string_equal(reply(), "T05thread:1;swbreak:;");
	assert_int_equal(cbx_instruction_count(machine), 4);
	/* In slices: asked to stop it is not done, and goes on, or gdb interrupts it. */
	expect("vCont;s", "(none)");
	run();
	for (unsigned i = 0; i < 2; i++) {
		expect("bc", "(none)");
		cbx_request_stop(machine);
		assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
		assert_string_equal(reply(), "(none)");
		assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_REVERSING);
		assert_int_equal(cbx_instruction_count(machine), 5);
		if (i) {
			assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
			assert_string_equal(reply(), "T05thread:1;swbreak:;");
			assert_int_equal(cbx_instruction_count(machine), 4);
		} else {
			cbx_gdb_receive(gdb, "\003", 1);
			assert_string_equal(reply(), "T02thread:1;");
			assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_STOPPED);
		}
	}
	end();
}

/*
 * Back from the first instruction of an interrupt's handler with something watched: over the
 * interrupt, not to where it is already.  (TF makes a trap after each instruction.)
 */
static void test_back_from_handler(void **state)
{
	static const uint8_t vector[] = { 0x00, 0x06, 0x00, 0x00 }, handler[] = { 0xcf };    /* iret */
	uint64_t counts[3];

	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	assert_int_equal(cbx_memory_write(machine, 4, vector, sizeof(vector)), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x600, handler, sizeof(handler)), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_RFLAGS, 0x102), CBX_OK);
	assert_int_equal(cbx_history_enable(machine, 16u << 20), CBX_OK);
	expect("Z0,600,1", "OK");
	expect("Z2,900,2", "OK");
	for (unsigned i = 0; i < 3; i++) {
		expect("c", "(none)");
		assert_string_equal(run(), "T05thread:1;swbreak:;");
		counts[i] = cbx_instruction_count(machine);
	}
	for (unsigned i = 2; i-- > 0;) {
		expect("bc", "(none)");
		assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
		assert_string_equal(reply(), "T05thread:1;swbreak:;");
		assert_int_equal(cbx_instruction_count(machine), counts[i]);
		assert_int_equal(value(CBX_RIP), 0x600);
	}
	/* One step back is before the interrupt, and no instruction. */
	expect("bs", "(none)");
	assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
	assert_string_equal(reply(), "T05thread:1;");
	assert_int_equal(cbx_instruction_count(machine), counts[0]);
	assert_int_not_equal(value(CBX_RIP), 0x600);
	/* The instruction before the interrupt is not passed over. */
	expect("Z2,500,2", "OK");
	expect("c", "(none)");
	assert_string_equal(run(), "T05thread:1;swbreak:;");
	expect("c", "(none)");
	assert_string_equal(run(), "T05thread:1;watch:500;");
	expect("c", "(none)");
	assert_string_equal(run(), "T05thread:1;swbreak:;");
	expect("bc", "(none)");
	assert_int_equal(cbx_gdb_run(gdb, NULL, NULL), CBX_OK);
	assert_string_equal(reply(), "T05thread:1;watch:500;");
	assert_int_equal(value(CBX_RIP), 3);
	end();
}

/* A range that is stepped through ends at the machine's limits, and at the run's. */
static void test_limits(void **state)
{
	struct cbx_machine_options options = {
		.size = sizeof(options), .memory_bytes = 2u << 20, .instruction_limit = 1000
	};
	struct cbx_run_options slice = { .size = sizeof(slice), .guest_nanoseconds = 500 };
	struct cbx_stop stop;

	(void)state;
	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x7c00, code, sizeof(code)), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_CS_BASE, 0), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_RIP, 0x7c00), CBX_OK);
	gdb = new_gdb(machine, CBX_GDB_PROCESSOR);
	cbx_gdb_connected(gdb, true);
	expect("vCont;r7c00,7d00", "(none)");
	assert_int_equal(cbx_gdb_run(gdb, &slice, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	assert_int_equal(stop.instructions, 50);
	assert_int_equal(cbx_gdb_run(gdb, NULL, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	assert_int_equal(cbx_instruction_count(machine), 1000);
	assert_int_equal(cbx_gdb_run(gdb, NULL, &stop), CBX_OK);
	assert_string_equal(stop.detail, "instruction_limit is reached");
	end();
}

static void test_queries(void **state)
{
	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	assert_non_null(strstr(ask("qSupported:swbreak+;hwbreak+"), "PacketSize=4000;"));
	expect("qAttached", "1");
	expect("qC", "QC1");
	expect("qfThreadInfo", "m1");
	expect("qsThreadInfo", "l");
	expect("qThreadExtraInfo,1", "7265616c206d6f6465");
	expect("T1", "OK");
	expect("T2", "E01");
	expect("Hg1", "OK");
	expect("!", "OK");
	expect("vCont?", "vCont;c;C;s;S;t;r");
	expect("vMustReplyEmpty", "");
	expect("", "");
	expect("b", "");
	expect("_x", "");
	expect("Z5,0,1", "");
	expect("Z0,7c00,1;X3,220027", "");
	expect("Z0,7c00", "E01");
	expect("qOffsets", "");
	/* Physical addresses. */
	expect("qqemu.PhyMemMode", "0");
	expect("Qqemu.PhyMemMode:1", "OK");
	expect("qqemu.PhyMemMode", "1");
	expect("qXfer:memory-map:read::0,1000",
	       "l<?xml version=\"1.0\"?><!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
	       "\"http://sourceware.org/gdb/gdb-memory-map.dtd\"><memory-map><memory type=\"ram\" start=\"0x0\" "
	       "length=\"0x200000\"/></memory-map>");
	expect("Qqemu.PhyMemMode:2", "E01");
	expect("Qqemu.PhyMemMode:0", "OK");
	assert_non_null(strstr(ask("qXfer:memory-map:read::0,1000"), "length=\"0xffffffffffffffff\""));
	/* Monitor commands. */
	expect("qRcmd,696e666f2072", "OK");
	assert_string_equal(monitor_line, "info r");
	assert_non_null(strstr(sent, "$O736169640a#"));
	expect("qRcmd,67646220706879736963616c206f6e", "OK");  /* gdb physical on */
	expect("qqemu.PhyMemMode", "1");
	expect("qRcmd,", "OK");
	expect("qRcmd,6", "E01");
	expect("qRcmd,6100", "E01");
	expect("qRcmd,gg", "E01");
	expect("R00", "(none)");
	assert_string_equal(monitor_line, "system_reset");
	/* Its end; an extended peer stays. */
	expect("vKill;1", "OK");
	assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_STOPPED);
	expect("vRun;", "T05thread:1;");
	expect("vAttach;1", "T05thread:1;");
	cbx_gdb_connected(gdb, true);
	expect("vKill;1", "OK");
	assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_KILLED);
	cbx_gdb_connected(gdb, true);
	assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_KILLED);
	end();
}

/* How many packets there were in answer to the last one. */
static unsigned replies(void)
{
	unsigned count = 0;

	for (const char *at = sent; (at = strchr(at, '$')); at++)
		count++;
	return count;
}

/* One answer each, also while the machine runs; and the machine is where it begins. */
static void test_again(void **state)
{
	static const char *const packets[] = { "vAttach;1", "vRun;", "R00" };

	(void)state;
	for (unsigned n = 0; n < 3; n++)
		for (unsigned runs = 0; runs < 2; runs++) {
			uint64_t rip = 0;

			begin("486", CBX_GDB_MODE);
			expect("!", "OK");
			/* what the next instructions would stop at */
			expect("Z2,500,2", "OK");
			expect("Z0,7c03,1", "OK");
			if (runs)
				expect("c", "(none)");
			ask(packets[n]);
			assert_int_equal(replies(), n < 2);
			assert_int_equal(cbx_gdb_state(gdb), CBX_GDB_STOPPED);
			if (n < 2)
				assert_string_equal(reply(), !n && runs ? "T02thread:1;" : "T05thread:1;");
			assert_int_equal(cbx_register_read(machine, CBX_RIP, &rip), CBX_OK);
			assert_int_equal(rip, n ? 0xfff0 : 0);
			expect("?", !n && runs ? "T02thread:1;" : "T05thread:1;");
			end();
		}
}

/* A guest that halts with interrupts off while a timer goes on: gdb hears that nothing wakes it, run by run. */
static void test_dead(void **state)
{
	/* cli; channel 0 of the PIT in mode 2, 65536; hlt; jmp to the hlt */
	static const uint8_t dead[] = "\xfa\xb0\x34\xe6\x43\x30\xc0\xe6\x40\xe6\x40\xf4\xeb\xfd";
	struct cbx_pc_options options = { .size = sizeof(options) };
	struct cbx_run_options run = { .size = sizeof(run), .stop_when_idle = true };
	unsigned runs = 0, said = 0;
	struct cbx_stop stop;

	(void)state;
	assert_int_equal(cbx_pc_new(&options, &machine, NULL), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x7c00, dead, sizeof(dead) - 1), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_CS, 0), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_CS_BASE, 0), CBX_OK);
	assert_int_equal(cbx_register_write(machine, CBX_RIP, 0x7c00), CBX_OK);
	gdb = new_gdb(machine, CBX_GDB_MODE);
	cbx_gdb_connected(gdb, true);
	/* twice: gdb may want to go on */
	for (unsigned n = 0; n < 2; n++) {
		expect("c", "(none)");
		for (runs = 0; cbx_gdb_state(gdb) == CBX_GDB_RUNNING && runs < 1000; runs++)
			assert_int_equal(cbx_gdb_run(gdb, &run, &stop), CBX_OK);
		assert_int_equal(stop.reason, CBX_STOP_HALTED);
		said += replies();
		assert_string_equal(reply(), "T05thread:1;");
		assert_true(runs > 10);
	}
	assert_int_equal(said, 4);
	/* sti: it is woken, and is not dead */
	assert_int_equal(cbx_register_write(machine, CBX_RFLAGS, 0x202), CBX_OK);
	expect("c", "(none)");
	for (runs = 0; cbx_gdb_state(gdb) == CBX_GDB_RUNNING && runs < 100; runs++)
		assert_int_equal(cbx_gdb_run(gdb, &run, &stop), CBX_OK);
	assert_int_equal(runs, 100);
	end();
}

static void test_description(void **state)
{
	static const struct {
		const char *cpu;
		enum cbx_gdb_architecture kind;
		const char *says, *has, *lacks;
	} cases[] = {
		{ NULL, CBX_GDB_PROCESSOR, "<architecture>i386:x86-64<", "name=\"eip\"", "code_ptr" },
		{ NULL, CBX_GDB_X86_64, "<architecture>i386:x86-64<", "code_ptr", "name=\"eip\"" },
		{ NULL, CBX_GDB_MODE, "<architecture>i8086<", "name=\"rip\"", "code_ptr" },
		{ "486", CBX_GDB_PROCESSOR, "<architecture>i386<", "code_ptr", "name=\"rip\"" },
		{ "486", CBX_GDB_I8086, "<architecture>i8086<", "name=\"cr0\"", "name=\"r15\"" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char whole[40000] = "", pieces[40000] = "";

		begin(cases[i].cpu, cases[i].kind);
		for (unsigned step = 0; step < 2; step++) {
			unsigned size = step ? 999 : 4096;
			char *all = step ? pieces : whole, packet[100];

			do {
				snprintf(packet, sizeof(packet), "qXfer:features:read:target.xml:%zx,%x",
					 strlen(all), size);
				ask(packet);
				strcat(all, reply() + 1);
			} while (*reply() == 'm');
			assert_int_equal(*reply(), 'l');
		}
		assert_string_equal(whole, pieces);
		assert_non_null(strstr(whole, cases[i].says));
		assert_non_null(strstr(whole, cases[i].has));
		assert_null(strstr(whole, cases[i].lacks));
		expect("qXfer:features:read:target.xml:ffffffffffffffff,10", "l");
		expect("qXfer:features:read:target.xml:0,0", "m");
		expect("qXfer:features:read:target.xml:0", "E00");
		expect("qXfer:features:read:other.xml:0,10", "E00");
		expect("qXfer:auxv:read::0,10", "");
		end();
	}
}

/* ---- What others may do --------------------------------------------------------------------- */

static void *counted(void *user, void *memory, size_t size)
{
	unsigned *left = user;

	if (!size) {
		free(memory);
		return NULL;
	}
	if (!*left)
		return NULL;
	--*left;
	return realloc(memory, size);
}

static void test_arguments(void **state)
{
	struct cbx_gdb_options options = { .size = sizeof(options), .send = send_bytes, .user = &sent_count };
	unsigned left = 1000000;
	struct cbx_machine_options machine_options = {
		.size = sizeof(machine_options), .memory_bytes = 1u << 20, .reallocate = counted, .user = &left,
	};
	struct cbx_machine *poor;
	struct cbx_gdb *made;
	struct cbx_stop stop;

	(void)state;
	assert_int_equal(cbx_machine_new(&machine_options, &poor, NULL), CBX_OK);
	assert_int_equal(cbx_gdb_new(poor, &options, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_gdb_new(NULL, &options, &made), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_gdb_new(poor, NULL, &made), CBX_ERROR_ARGUMENT);
	options.size = 3;
	assert_int_equal(cbx_gdb_new(poor, &options, &made), CBX_ERROR_ARGUMENT);
	options.size = sizeof(options);
	options.architecture = (enum cbx_gdb_architecture)77;
	assert_int_equal(cbx_gdb_new(poor, &options, &made), CBX_ERROR_ARGUMENT);
	options.architecture = CBX_GDB_PROCESSOR;
	left = 0;
	assert_int_equal(cbx_gdb_new(poor, &options, &made), CBX_ERROR_MEMORY);
	assert_null(made);
	left = 1;
	assert_int_equal(cbx_gdb_new(poor, &options, &gdb), CBX_OK);
	cbx_gdb_connected(gdb, true);
	assert_int_equal(strncmp(ask("Z0,1000,1"), "E.", 2), 0);
	left = 1000;
	for (unsigned i = 0; i < 5000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "Z0,%x,1", i);
		ask(text);
	}
	assert_int_equal(strncmp(reply(), "E.", 2), 0); /* there is a limit */
	expect("qRcmd,61", "OK");                       /* nobody who knows commands */
	cbx_gdb_receive(gdb, NULL, 5);
	cbx_gdb_receive(NULL, "a", 1);
	cbx_gdb_connected(NULL, true);
	cbx_gdb_interrupt(NULL);
	cbx_gdb_free(NULL);
	assert_int_equal(cbx_gdb_state(NULL), CBX_GDB_DETACHED);
	assert_int_equal(cbx_gdb_run(NULL, NULL, &stop), CBX_ERROR_ARGUMENT);
	cbx_gdb_free(gdb);
	cbx_machine_free(poor);
}

static uint32_t seed = 12345;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

/* Packets that are nearly right, random ones, and noise between them, cut up anyhow. */
static void test_fuzz(void **state)
{
	static const char *const seeds[] = {
		"?", "g", "p10", "P10=007c000000000000", "m7c00,10", "M500,2:9090", "X500,3:abc", "x7c00,ffff",
		"Z0,7c0a,1", "z0,7c0a,1", "Z2,500,2", "Z4,500,8", "Z1,7c06,1", "z2,500,2", "vCont;c", "vCont;s:1",
		"vCont;r7c00,7c0d:1;c", "vCont;t", "c", "s", "C05", "S05;7c00", "qSupported:a+", "bs", "bc",
		"qXfer:features:read:target.xml:100,200", "qXfer:memory-map:read::0,1000", "qRcmd,67646220",
		"Qqemu.PhyMemMode:1", "Qqemu.PhyMemMode:0", "qCRC:7c00,100", "Hg1", "T1", "qThreadExtraInfo,1",
		"P1b=00000000", "P3=ffffffffffffffff", "QStartNoAckMode", "vRun;", "vAttach;1", "!", "R0",
	};
	static char packet[40000], out[100000];
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 50, .stop_when_idle = true };
	const char *rounds = getenv("GDB_FUZZ");

	(void)state;
	begin(NULL, CBX_GDB_PROCESSOR);
	for (unsigned long i = 0, most = rounds ? strtoul(rounds, NULL, 10) : 40000; i < most; i++) {
		const char *from = seeds[rnd(sizeof(seeds) / sizeof(seeds[0]))];
		size_t count = strlen(from), n, done = 0;

		memcpy(packet, from, count + 1);
		switch (rnd(8)) {
		case 0:                 /* other bytes */
			for (unsigned k = rnd(4) + 1; k; k--)
				packet[rnd((uint32_t)count)] = (char)rnd(256);
			break;
		case 1:                 /* cut off */
			count = rnd((uint32_t)count + 1);
			break;
		case 2:                 /* digits */
			for (unsigned k = rnd(20); k; k--)
				packet[count++] = "0123456789abcdef,:;=-"[rnd(21)];
			break;
		case 3:                 /* long */
			if (!rnd(100))
				for (unsigned k = rnd(30000); k; k--)
					packet[count++] = (char)rnd(256);
			break;
		default:
			break;
		}
		n = frame(out, packet, count);
		if (!rnd(20))
			out[rnd((uint32_t)n)] = (char)rnd(256);
		if (!rnd(10))
			out[n++] = "\003-+$#}"[rnd(6)];
		while (done < n) {
			size_t piece = 1 + rnd((uint32_t)(n - done));

			cbx_gdb_receive(gdb, out + done, piece);
			done += piece;
		}
		if (cbx_gdb_state(gdb) == CBX_GDB_RUNNING && cbx_gdb_run(gdb, &options, NULL) != CBX_OK)
			fail_msg("run: %s", cbx_machine_error(machine));
		if (!rnd(500) || cbx_gdb_state(gdb) == CBX_GDB_KILLED) {
			end();
			begin(rnd(2) ? NULL : "486", (enum cbx_gdb_architecture)rnd(5));
			if (rnd(2))
				cbx_history_enable(machine, 4u << 20);
		}
		if (cbx_gdb_state(gdb) == CBX_GDB_DETACHED)
			cbx_gdb_connected(gdb, true);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames), cmocka_unit_test(test_too_long), cmocka_unit_test(test_registers),
		cmocka_unit_test(test_program_counter), cmocka_unit_test(test_memory), cmocka_unit_test(test_stops),
		cmocka_unit_test(test_triple_fault), cmocka_unit_test(test_halt), cmocka_unit_test(test_back),
		cmocka_unit_test(test_back_from_handler), cmocka_unit_test(test_limits), cmocka_unit_test(test_queries),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_dead),
		cmocka_unit_test(test_description), cmocka_unit_test(test_arguments), cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
